//! One listener: where it listens, for which zone, whom it lets in, and the options of its sockets (`listener.*`).

use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use crate::broker::access::Cidr;

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
}

impl ListenerKind {
    /// The word in `listener.<word>.<name>`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Tcp => "tcp",
            Self::Ssl => "ssl",
            Self::Ws => "ws",
            Self::Wss => "wss",
        }
    }
}

/// Where a listener listens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Bind {
    /// A port on every address of both families; 0 is any free one.
    Port(u16),
    /// One address.
    Address(SocketAddr),
}

impl Bind {
    /// Its port.
    #[must_use]
    pub const fn port(&self) -> u16 {
        match self {
            Self::Port(port) => *port,
            Self::Address(address) => address.port(),
        }
    }

    /// Only programs of this host can reach it.
    #[must_use]
    pub fn is_loopback(&self) -> bool {
        match self {
            Self::Port(_) => false,
            Self::Address(address) => address.ip().is_loopback(),
        }
    }
}

impl fmt::Display for Bind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Port(port) => write!(f, "{port}"),
            Self::Address(address) => write!(f, "{address}"),
        }
    }
}

/// One listener as it is set.
#[derive(Clone, Debug, PartialEq, Eq)]
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
    /// New connections per second; the rest waits in the backlog. 0 is no limit.
    pub max_conn_rate: u32,
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
    /// Whom it accepts; the first rule that contains the address decides, none is yes.
    pub access: Vec<AccessRule>,
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
            max_conn_rate: 1000,
            backlog: 1024,
            nodelay: true,
            reuseaddr: true,
            sndbuf: None,
            recbuf: None,
            send_timeout: Duration::from_secs(30),
            access: Vec::new(),
        }
    }

    /// EMQX's name of it in tables: `mqtt:tcp:external`.
    #[must_use]
    pub fn id(&self) -> String {
        format!("mqtt:{}:{}", self.kind.as_str(), self.name)
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
}
