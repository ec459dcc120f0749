//! The name of a node: `name@host`, as in EMQX.

use std::{
    fmt,
    net::{IpAddr, Ipv6Addr},
    sync::Arc,
};

/// Longest name, in bytes.
const MAX_BYTES: usize = 255;
/// Mesh port of a node whose name has no number.
const BASE_PORT: u16 = 4370;

/// A checked node name: 3 to 255 bytes of printable ASCII, `name@host`, the left part of letters, digits, `_` and `-`.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NodeName(Arc<str>);

/// Why a text is no node name.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadNodeName {
    /// Too long.
    #[error("node name of {0} bytes, limit {MAX_BYTES}")]
    Length(usize),
    /// Not one `@`, or nothing on one side of it.
    #[error("node name '{0}': expected name@host")]
    Shape(String),
    /// A character that must not be there.
    #[error("node name '{text}': '{found}' is not allowed there")]
    Character {
        /// The whole text.
        text: String,
        /// The first bad character.
        found: char,
    },
}

impl NodeName {
    /// Checks `text`. Brackets around an address of IPv6 go, so that a node has one name however it is written.
    ///
    /// # Errors
    /// [`BadNodeName`] says what is wrong with it.
    pub fn parse(text: &str) -> Result<Self, BadNodeName> {
        if text.len() > MAX_BYTES {
            return Err(BadNodeName::Length(text.len()));
        }
        let shape = || BadNodeName::Shape(text.to_owned());
        let (left, host) = text.split_once('@').ok_or_else(shape)?;
        if left.is_empty() || host.is_empty() || host.contains('@') {
            return Err(shape());
        }
        let bare = host.strip_prefix('[').and_then(|host| host.strip_suffix(']'));
        let host = bare.filter(|bare| bare.parse::<Ipv6Addr>().is_ok()).unwrap_or(host);
        let bad_left = left.chars().find(|c| !(c.is_ascii_alphanumeric() || "_-".contains(*c)));
        let bad_host = host.chars().find(|c| !c.is_ascii_graphic() || "/,\"'".contains(*c));
        match bad_left.or(bad_host) {
            Some(found) => Err(BadNodeName::Character { text: text.to_owned(), found }),
            None => Ok(Self(format!("{left}@{host}").into())),
        }
    }

    /// `emqx@127.0.0.1`, which no other host can reach: EMQX's default.
    #[must_use]
    pub fn alone() -> Self {
        Self("emqx@127.0.0.1".into())
    }

    /// The whole name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// What stands before the `@`.
    #[must_use]
    pub fn left(&self) -> &str {
        self.0.split_once('@').map_or("", |(left, _)| left)
    }

    /// What stands behind the `@`: where the node is reached.
    #[must_use]
    pub fn host(&self) -> &str {
        self.0.split_once('@').map_or("", |(_, host)| host)
    }

    /// The host, if it is an address; an address of IPv6 may stand in brackets.
    #[must_use]
    pub fn ip(&self) -> Option<IpAddr> {
        let host = self.host();
        let bare = host.strip_prefix('[').and_then(|host| host.strip_suffix(']'));
        bare.unwrap_or(host).parse().ok()
    }

    /// The mesh port that goes with the name (Ekka's rule): 4370 plus the number that ends the left part, modulo 60,000.
    #[must_use]
    pub fn mesh_port(&self) -> u16 {
        let left = self.left();
        let number = left.trim_start_matches(|c: char| !c.is_ascii_digit());
        let digits = number.rsplit(|c: char| !c.is_ascii_digit()).next().unwrap_or_default();
        let number = digits
            .bytes()
            .fold(0u32, |n, digit| (n * 10 + u32::from(digit.saturating_sub(b'0'))) % 60_000);
        BASE_PORT + u16::try_from(number).unwrap_or_default()
    }
}

impl fmt::Display for NodeName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for NodeName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn port(name: &str, want: u16) {
        assert_eq!(NodeName::parse(name).unwrap().mesh_port(), want);
    }

    #[test]
    fn the_number_in_the_name_makes_the_port() {
        port("emqx@127.0.0.1", 4370);
        port("node2@127.0.0.1", 4372);
        port("n12@h", 4382);
        port("a1b@h", 4370);
        port("2b03@h", 4373);
        port("n60001@h", 4371);
        port("n99999999999999999999@h", 4370 + 39_999);
    }

    #[test]
    fn a_host_may_be_an_address() {
        for (name, want) in [
            ("a@10.0.0.1", Some("10.0.0.1")),
            ("a@fe80::1", Some("fe80::1")),
            ("a@[::1]", Some("::1")),
            ("a@host", None),
            ("a@[::1", None),
        ] {
            let want = want.map(|want| want.parse().unwrap());
            assert_eq!(NodeName::parse(name).unwrap().ip(), want, "{name}");
        }
    }

    #[test]
    fn an_address_in_brackets_is_the_same_name() {
        for (text, want) in
            [("a@[fe80::1]", "a@fe80::1"), ("a@fe80::1%eth0", "a@fe80::1%eth0"), ("a@[h]", "a@[h]")]
        {
            assert_eq!(NodeName::parse(text).unwrap().as_str(), want);
        }
    }

    #[test]
    fn bad_names_are_refused() {
        for text in ["", "a", "@", "a@", "@b", "a@b@c", "a b@c", "a@b c", "ä@b", "a.b@c", "a@b\n"]
        {
            assert!(NodeName::parse(text).is_err(), "{text}");
        }
        assert!(NodeName::parse(&format!("a@{}", "b".repeat(254))).is_err());
        let name = NodeName::parse("n-1_x@fe80::1").unwrap();
        assert_eq!(
            (name.left(), name.host(), name.as_str()),
            ("n-1_x", "fe80::1", "n-1_x@fe80::1")
        );
    }
}
