//! One listener: where it listens, for which zone, whom it lets in, and the options of its sockets (`listener.*`).

use std::borrow::Cow;
use std::fmt;
use std::net::{IpAddr, Ipv6Addr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use base64ct::{Base64, Encoding as _};
use md5::{Digest as _, Md5};

use super::websocket::upgrade;
use crate::{
    broker::{access::Cidr, rate::Rate},
    node::{tls::certificate::Subject, tls::listener as tls},
};

/// What is spoken on a listener.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum ListenerKind {
    /// MQTT over TCP.
    Tcp,
    /// MQTT over TLS.
    Ssl,
    /// MQTT over WebSocket.
    Ws,
    /// MQTT over WebSocket over TLS.
    Wss,
    /// MQTT over a Unix socket.
    Unix,
}

impl ListenerKind {
    /// Every kind.
    pub const ALL: [Self; 5] = [Self::Tcp, Self::Ssl, Self::Ws, Self::Wss, Self::Unix];

    /// The word in `listener.<word>.<name>`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Tcp => "tcp",
            Self::Ssl => "ssl",
            Self::Ws => "ws",
            Self::Wss => "wss",
            Self::Unix => "unix",
        }
    }

    /// TLS is spoken.
    #[must_use]
    pub const fn is_tls(self) -> bool {
        matches!(self, Self::Ssl | Self::Wss)
    }

    /// WebSocket is spoken.
    #[must_use]
    pub const fn is_websocket(self) -> bool {
        matches!(self, Self::Ws | Self::Wss)
    }
}

/// Where a listener listens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Bind {
    /// A port on every address of both families; 0 is any free one.
    Port(u16),
    /// One address.
    Address(SocketAddr),
    /// A Unix socket.
    Path(PathBuf),
}

impl Bind {
    /// Its port; 0 where it has none.
    #[must_use]
    pub const fn port(&self) -> u16 {
        match self {
            Self::Path(_) => 0,
            Self::Port(port) => *port,
            Self::Address(address) => address.port(),
        }
    }

    /// The kernel gives both to nobody.
    #[must_use]
    pub fn overlaps(&self, other: &Self) -> bool {
        let (Some(one), Some(two)) = (self.socket(), other.socket()) else { return self == other };
        let covers =
            |all: IpAddr, one: IpAddr| all.is_unspecified() && (all.is_ipv6() || one.is_ipv4());
        let same = one.ip() == two.ip() || covers(one.ip(), two.ip()) || covers(two.ip(), one.ip());
        same && one.port() == two.port() && one.port() != 0
    }

    /// What is bound: a bare port is every address of both families.
    fn socket(&self) -> Option<SocketAddr> {
        match self {
            Self::Path(_) => None,
            Self::Port(port) => Some((Ipv6Addr::UNSPECIFIED, *port).into()),
            Self::Address(address) => Some(*address),
        }
    }

    /// Only programs of this host can reach it.
    #[must_use]
    pub fn is_loopback(&self) -> bool {
        match self {
            Self::Port(_) => false,
            Self::Address(address) => address.ip().is_loopback(),
            Self::Path(_) => true,
        }
    }
}

impl fmt::Display for Bind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Port(port) => write!(f, "{port}"),
            Self::Address(address) => write!(f, "{address}"),
            Self::Path(path) => write!(f, "{}", path.display()),
        }
    }
}

/// One listener as it is set.
#[derive(Clone, Debug)]
pub struct Listener {
    /// What is spoken.
    pub kind: ListenerKind,
    /// Its free name, `external` for one.
    pub name: String,
    /// Where it listens.
    pub bind: Bind,
    /// Zone of its connections.
    pub zone: String,
    /// Connections at once.
    pub max_connections: usize,
    /// Connections of one address at once; 0 is no limit. Of this host and of trusted proxies there may be more.
    pub max_per_address: usize,
    /// New connections per second; the rest waits in the backlog. 0 is no limit.
    pub max_conn_rate: u32,
    /// Bytes of a client, where its zone sets no rate.
    pub rate_limit: Option<Rate>,
    /// Connections the kernel keeps before they are accepted.
    pub backlog: u32,
    /// TCP_NODELAY.
    pub nodelay: bool,
    /// SO_REUSEADDR.
    pub reuseaddr: bool,
    /// SO_SNDBUF in bytes; the kernel's own choice when unset.
    pub sndbuf: Option<usize>,
    /// SO_RCVBUF in bytes; the kernel's own choice when unset.
    pub recbuf: Option<usize>,
    /// A connection that takes nothing of what is written to it for this long is closed.
    pub send_timeout: Duration,
    /// A client is not read while more bytes wait to be written to it.
    pub write_high: usize,
    /// Whom it accepts; the first rule that contains the address decides, none is yes.
    pub access: Vec<AccessRule>,
    /// Mode of the file of a Unix socket.
    pub mode: u32,
    /// Each connection begins with a PROXY header, which may take this long.
    pub proxy_timeout: Option<Duration>,
    /// Proxies of other hosts whose word about the address of a client counts; those of this host always count.
    pub trusted_proxies: Vec<Cidr>,
    /// What of a client's certificate is its user name.
    pub username_from: Option<CertificateName>,
    /// What of a client's certificate is its client id.
    pub client_id_from: Option<CertificateName>,
    /// TLS, where it is spoken.
    pub tls: Option<Tls>,
    /// What is asked of WebSocket requests, where they are spoken.
    pub websocket: upgrade::Rules,
    /// Longest WebSocket frame; `None` is as long as a packet may be.
    pub max_frame: Option<u64>,
    /// WebSocket: who sends nothing for so long is closed.
    pub idle_timeout: Option<Duration>,
    /// Each packet goes to the client in a WebSocket frame of its own.
    pub one_packet_frames: bool,
}

/// TLS of a listener: how it is set, and what came of it.
#[derive(Clone, Debug)]
pub struct Tls {
    /// How it is set.
    pub settings: tls::Settings,
    /// What the files hold, or why the listener stays closed.
    pub material: Result<tls::Material, String>,
}

/// The part of a certificate that names a client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CertificateName {
    /// The common name.
    Common,
    /// The whole name, as RFC 4514 writes it.
    Distinguished,
    /// The whole certificate, DER in base64 on one line: what EMQX calls `pem`.
    Whole,
    /// The MD5 of the certificate in DER, in hexadecimal.
    Md5,
}

impl CertificateName {
    /// The name, if the certificate has one.
    #[must_use]
    pub fn of(self, subject: &Subject) -> Option<Cow<'_, str>> {
        let name = match self {
            Self::Common => subject.common_name.as_deref().map(Cow::Borrowed),
            Self::Distinguished => Some(subject.distinguished_name.as_str().into()),
            Self::Whole => Some(Base64::encode_string(&subject.certificate).into()),
            Self::Md5 if subject.certificate.is_empty() => None,
            Self::Md5 => {
                let hash: [u8; 16] = Md5::digest(&subject.certificate).into();
                Some(format!("{:032x}", u128::from_be_bytes(hash)).into())
            }
        };
        name.filter(|name| !name.is_empty() && name.len() <= usize::from(u16::MAX))
    }
}

impl Listener {
    /// A listener with the built-in options.
    #[must_use]
    pub fn new(kind: ListenerKind, name: &str, bind: Bind) -> Self {
        Self {
            kind,
            name: name.into(),
            bind,
            zone: "external".into(),
            max_connections: 1_024_000,
            max_per_address: 0,
            max_conn_rate: if kind.is_tls() { 500 } else { 1000 },
            rate_limit: None,
            // As many come at once when a site has its power back. Whom the kernel turns away tries again after 1, 3, 7 and 15 s.
            backlog: 4096,
            nodelay: true,
            reuseaddr: true,
            sndbuf: None,
            recbuf: None,
            send_timeout: Duration::from_secs(30),
            write_high: 1 << 20,
            access: Vec::new(),
            mode: 0o660,
            proxy_timeout: None,
            trusted_proxies: Vec::new(),
            username_from: None,
            client_id_from: None,
            tls: None,
            websocket: upgrade::Rules::default(),
            max_frame: None,
            idle_timeout: None,
            one_packet_frames: false,
        }
    }

    /// The word of this address about where a client is counts. While no proxies are named, that of this host: later any user of
    /// the host might say so in their place. The mode of a Unix socket says who may use it.
    #[must_use]
    pub fn trusts(&self, proxy: IpAddr) -> bool {
        let own = self.trusted_proxies.is_empty() || self.kind == ListenerKind::Unix;
        (own && proxy.is_loopback())
            || self.trusted_proxies.iter().any(|block| block.contains(proxy))
    }

    /// EMQX's name of it in tables: `mqtt:tcp:external`.
    #[must_use]
    pub fn id(&self) -> String {
        format!("mqtt:{}:{}", self.kind.as_str(), self.name)
    }

    /// Its name and why it stays closed, if it does.
    #[must_use]
    pub fn closed(&self) -> Option<(String, &str)> {
        let reason = self.tls.as_ref()?.material.as_ref().err()?;
        Some((self.id(), reason))
    }

    /// Whether a connection from this address is accepted at all.
    #[must_use]
    pub fn accepts(&self, peer: IpAddr) -> bool {
        self.access.iter().find(|rule| rule.contains(peer)).is_none_or(|rule| rule.allow)
    }
}

/// `listener.tcp.$name.access.$id`: these addresses may or may not connect.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AccessRule {
    /// Allow or deny.
    pub allow: bool,
    /// The addresses; `None` is all.
    pub block: Option<Cidr>,
}

impl AccessRule {
    fn contains(&self, peer: IpAddr) -> bool {
        self.block.is_none_or(|block| block.contains(peer))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_access_rule_decides() {
        let mut listener = Listener::new(ListenerKind::Tcp, "x", Bind::Port(1883));
        let peer = |text: &str| text.parse::<IpAddr>().unwrap();
        assert!(listener.accepts(peer("9.9.9.9")));
        listener.access = vec![
            AccessRule { allow: true, block: Cidr::parse("10.0.0.0/8") },
            AccessRule { allow: false, block: None },
        ];
        assert!(listener.accepts(peer("10.1.1.1")) && listener.accepts(peer("::ffff:10.1.1.1")));
        assert!(!listener.accepts(peer("9.9.9.9")));
        assert_eq!(listener.id(), "mqtt:tcp:x");
    }

    #[test]
    fn who_listens_everywhere_listens_at_each_address() {
        let at = |text: &str| Bind::Address(text.parse().unwrap());
        let path = |text: &str| Bind::Path(text.into());
        for (one, two, want) in [
            (Bind::Port(1), Bind::Port(1), true),
            (Bind::Port(1), Bind::Port(2), false),
            (Bind::Port(0), Bind::Port(0), false),
            (Bind::Port(1), at("127.0.0.1:1"), true),
            (at("0.0.0.0:1"), at("127.0.0.1:1"), true),
            (at("[::]:1"), at("127.0.0.1:1"), true),
            (at("0.0.0.0:1"), at("[::1]:1"), false),
            (at("10.0.0.1:1"), at("10.0.0.2:1"), false),
            (path("/a"), path("/a"), true),
            (path("/a"), Bind::Port(1), false),
        ] {
            assert_eq!((one.overlaps(&two), two.overlaps(&one)), (want, want), "{one} {two}");
        }
    }

    #[test]
    fn a_certificate_names_a_client_in_four_ways() {
        let subject = Subject {
            common_name: Some("c".into()),
            distinguished_name: "CN=c".into(),
            certificate: [0x30, 0x01, 0xff].into(),
        };
        for (from, want) in [
            (CertificateName::Common, "c"),
            (CertificateName::Distinguished, "CN=c"),
            (CertificateName::Whole, "MAH/"),
            // printf '\x30\x01\xff' | md5sum
            (CertificateName::Md5, "dccd1c0ced5339cce64a8417fc270476"),
        ] {
            assert_eq!(from.of(&subject).as_deref(), Some(want));
            assert_eq!(from.of(&Subject::default()), None);
        }
        let long = Subject { certificate: vec![0; 50_000].into(), ..subject };
        assert_eq!(CertificateName::Whole.of(&long), None, "longer than MQTT can say");
    }

    #[test]
    fn proxies_of_this_host_and_of_the_list_are_trusted() {
        let mut listener = Listener::new(ListenerKind::Ws, "x", Bind::Port(8083));
        let trusts =
            |listener: &Listener, text: &str| listener.trusts(text.parse::<IpAddr>().unwrap());
        assert!(trusts(&listener, "127.0.0.1") && trusts(&listener, "::1"));
        assert!(!trusts(&listener, "10.0.0.1"));
        listener.trusted_proxies.extend(Cidr::parse("10.0.0.0/8"));
        assert!(trusts(&listener, "10.0.0.1") && !trusts(&listener, "11.0.0.1"));
        assert!(!trusts(&listener, "127.0.0.1"), "only who is named");
        let unix = Listener { kind: ListenerKind::Unix, ..listener };
        assert!(trusts(&unix, "127.0.0.1"));
    }
}
