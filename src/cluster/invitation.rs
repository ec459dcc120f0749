//! What a node needs to know to join a cluster: its name, and where some of its nodes are. With the cookie it makes a token, one
//! string to carry to the next box; without, it is a file that the next start of that box reads.
//!
//! ```text
//! token        er1. base64url( SHA-256(what follows)[0..4], cookie LF invitation )
//! invitation   cluster NAME LF, then for each node: node NAME@HOST[:PORT] [ADDRESS:PORT ..] LF
//! ```

use std::{
    fmt::{self, Write},
    net::{IpAddr, SocketAddr},
};

use zeroize::Zeroizing;

use super::settings::{Cookie, Seed};
use super::{Target, base64url, handshake::CLUSTER_NAME_MAX, node_name::NodeName, secret};

/// Name of the file, in the data folder.
pub const FILE: &str = "cluster.join";
/// How every token begins. No name of a node does: it has a dot before any `@`.
pub const PREFIX: &str = "er1.";
/// Longest token.
pub const TOKEN_MAX: usize = 16 << 10;
/// Nodes in one invitation; one that answers tells of all the others.
pub const NODES_MAX: usize = 8;
/// Addresses of a node.
const ADDRS_MAX: usize = 8;

/// Why a text is no token or no invitation. Says nothing of what is in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadInvitation {
    /// Something else altogether.
    #[error("not a token of emqx-rs-ctl cluster token, which begins with {PREFIX}")]
    Foreign,
    /// A character is wrong, missing, or too much.
    #[error(
        "the token is damaged: a character is wrong or missing; copy all of it, from {PREFIX} to its end"
    )]
    Damaged,
    /// Too long.
    #[error("a token has at most {TOKEN_MAX} characters")]
    TooLong,
    /// A line of the invitation.
    #[error("line {0} of the invitation is not understood; perhaps a newer release made it")]
    Line(usize),
}

/// A cluster and some of its nodes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Invitation {
    /// Its name.
    pub cluster: String,
    /// Where to dial.
    pub nodes: Vec<Target>,
}

impl Invitation {
    /// The lines of the file.
    #[must_use]
    pub fn to_text(&self) -> String {
        let mut text = format!("cluster {}\n", self.cluster);
        for node in self.nodes.iter().take(NODES_MAX) {
            let _ = writeln!(text, "node {node}");
        }
        text
    }

    /// Reads the lines of the file.
    ///
    /// # Errors
    /// [`BadInvitation::Line`].
    pub fn parse(text: &str) -> Result<Self, BadInvitation> {
        let mut found = Self::default();
        for (at, line) in text.lines().enumerate() {
            let bad = BadInvitation::Line(at + 1);
            match line.split_once(' ') {
                Some(("cluster", name)) if at == 0 && is_cluster_name(name) => {
                    found.cluster = name.to_owned();
                }
                Some(("node", rest)) if at > 0 && found.nodes.len() < NODES_MAX => {
                    found.nodes.push(node(rest).ok_or(bad)?);
                }
                Some(_) | None => return Err(bad),
            }
        }
        if found.cluster.is_empty() { Err(BadInvitation::Line(1)) } else { Ok(found) }
    }

    /// The token: the cookie with it.
    #[must_use]
    pub fn token(&self, cookie: &Cookie) -> Zeroizing<String> {
        let lines = self.to_text();
        let mut bytes = Zeroizing::new(Vec::with_capacity(5 + cookie.expose().len() + lines.len()));
        bytes.extend_from_slice(&[0; 4]);
        bytes.extend_from_slice(cookie.expose());
        bytes.push(b'\n');
        bytes.extend_from_slice(lines.as_bytes());
        if let Some((sum, body)) = bytes.split_first_chunk_mut::<4>() {
            *sum = checksum(body);
        }
        let body = base64url::encode(&bytes);
        let mut token = Zeroizing::new(String::with_capacity(PREFIX.len() + body.len()));
        token.push_str(PREFIX);
        token.push_str(&body);
        token
    }

    /// Reads a token.
    ///
    /// # Errors
    /// [`BadInvitation`] says what is wrong with it.
    pub fn from_token(token: &str) -> Result<(Self, Cookie), BadInvitation> {
        let token = token.trim();
        if token.len() > TOKEN_MAX {
            return Err(BadInvitation::TooLong);
        }
        let body = token.strip_prefix(PREFIX).ok_or(BadInvitation::Foreign)?;
        let bytes = base64url::decode(body).ok_or(BadInvitation::Damaged)?;
        let (sum, body) = bytes.split_first_chunk::<4>().ok_or(BadInvitation::Damaged)?;
        if *sum != checksum(body) {
            return Err(BadInvitation::Damaged);
        }
        let text = std::str::from_utf8(body).map_err(|_| BadInvitation::Damaged)?;
        let (cookie, lines) = text.split_once('\n').ok_or(BadInvitation::Damaged)?;
        Ok((Self::parse(lines)?, Cookie::new(cookie.to_owned())))
    }
}

/// `NAME@HOST`, with the mesh port behind it where that does not follow from the name: `NAME@HOST:4371`.
///
/// # Errors
/// It is no name of a node.
pub fn seed(text: &str) -> Result<Seed, super::node_name::BadNodeName> {
    let port = text.rsplit_once(':').and_then(|(name, port)| {
        // More than one colon without brackets is an IPv6 address, not a port.
        let plain = !name.contains(':') || name.ends_with(']');
        Some((name, port.parse::<u16>().ok()?)).filter(|_| plain)
    });
    let (name, port) = port.map_or((text, None), |(name, port)| (name, Some(port)));
    NodeName::parse(name).map(|name| Seed { name, port })
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.name.ip(), self.port) {
            (_, None) => write!(f, "{}", self.name)?,
            (Some(IpAddr::V6(_)), Some(port)) => {
                write!(f, "{}@[{}]:{port}", self.name.left(), self.name.host())?;
            }
            (Some(IpAddr::V4(_)) | None, Some(port)) => write!(f, "{}:{port}", self.name)?,
        }
        self.addrs.iter().take(ADDRS_MAX).try_for_each(|addr| write!(f, " {addr}"))
    }
}

/// `NAME@HOST[:PORT] [ADDRESS:PORT ..]`; `None` where it is not that.
#[must_use]
pub fn node(rest: &str) -> Option<Target> {
    let mut words = rest.split(' ');
    let Seed { name, port } = seed(words.next()?).ok()?;
    let addrs: Option<Vec<SocketAddr>> = words.map(|word| word.parse().ok()).collect();
    let addrs = addrs.filter(|addrs| addrs.len() <= ADDRS_MAX)?;
    Some(Target { name, port, addrs })
}

fn is_cluster_name(name: &str) -> bool {
    (1..=CLUSTER_NAME_MAX).contains(&name.len())
        && !name.contains(|c: char| c.is_control() || c.is_whitespace())
}

/// Enough to tell a typo; the secret is not guarded by it, it stands beside.
fn checksum(body: &[u8]) -> [u8; 4] {
    let digest = secret::sha256_16(body);
    digest.first_chunk().copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn target(text: &str, addrs: &[&str]) -> Target {
        let Seed { name, port } = seed(text).unwrap();
        Target { name, port, addrs: addrs.iter().map(|addr| addr.parse().unwrap()).collect() }
    }

    fn invitation() -> Invitation {
        let nodes = vec![
            target("emqx@192.168.1.10", &[]),
            target("node2@box2.lan:4400", &["192.168.1.11:4400", "[fe80::1]:4400"]),
        ];
        Invitation { cluster: "cellar".into(), nodes }
    }

    #[test]
    fn an_invitation_comes_back_from_its_lines() {
        let text = invitation().to_text();
        assert_eq!(
            text,
            "cluster cellar\nnode emqx@192.168.1.10\n\
             node node2@box2.lan:4400 192.168.1.11:4400 [fe80::1]:4400\n"
        );
        assert_eq!(Invitation::parse(&text), Ok(invitation()));
        for (text, line) in [
            ("", 1),
            ("cluster \n", 1),
            ("cluster the cellar\n", 1),
            ("node a@h\n", 1),
            ("cluster c\ncluster d\n", 2),
            ("cluster c\nnode a\n", 2),
            ("cluster c\nnode a@h 10.0.0.1\n", 2),
            ("cluster c\n\n", 2),
        ] {
            assert_eq!(Invitation::parse(text), Err(BadInvitation::Line(line)), "{text:?}");
        }
        let many = "node a@h\n".repeat(NODES_MAX + 1);
        assert!(Invitation::parse(&format!("cluster c\n{many}")).is_err());
    }

    #[test]
    fn a_token_holds_cookie_cluster_and_nodes() {
        let cookie = Cookie::new("a cookie of the cellar, spaces and ü".into());
        let token = invitation().token(&cookie);
        assert!(token.starts_with(PREFIX) && !token.contains(char::is_whitespace), "{}", *token);
        let (read, found) = Invitation::from_token(&format!("  {}\r\n", *token)).unwrap();
        assert!(read == invitation() && found == cookie);
    }

    #[test]
    fn every_typo_is_told() {
        let token = invitation().token(&Cookie::new("a cookie of the cellar".into()));
        for at in PREFIX.len()..token.len() {
            for other in ["A", "z", "9", "=", " ", ""] {
                if &token[at..=at] != other {
                    let wrong = format!("{}{other}{}", &token[..at], &token[at + 1..]);
                    let told = Invitation::from_token(&wrong).map(drop);
                    assert_eq!(told, Err(BadInvitation::Damaged), "{at} {other}");
                }
            }
        }
        assert_eq!(Invitation::from_token("emqx@box1").map(drop), Err(BadInvitation::Foreign));
        assert_eq!(Invitation::from_token(PREFIX).map(drop), Err(BadInvitation::Damaged));
        let long = format!("{PREFIX}{}", "A".repeat(TOKEN_MAX));
        assert_eq!(Invitation::from_token(&long).map(drop), Err(BadInvitation::TooLong));
    }

    #[test]
    fn a_port_stands_behind_the_name() {
        let read = |text: &str| seed(text).map(|seed| (seed.name.to_string(), seed.port)).unwrap();
        assert_eq!(read("b@h"), ("b@h".into(), None));
        assert_eq!(read("b@h:4400"), ("b@h".into(), Some(4400)));
        assert_eq!(read("b@fe80::1"), ("b@fe80::1".into(), None));
        assert_eq!(read("b@[fe80::1]:4400"), ("b@fe80::1".into(), Some(4400)));
        for text in [
            "b@[fe80::1]:4400",
            "b@fe80::1",
            "b@h:4400",
            "b@[9.1E.l[fe80::1]:4400",
            "b@::1]:80",
            "b@[FE80::1]:80",
        ] {
            let target = node(text).unwrap();
            assert_eq!(target.to_string(), text);
            assert_eq!(node(&target.to_string()), Some(target));
        }
    }
}
