//! What an operator can say about the cluster (keys `cluster.*` and some of `node.*`).

use std::{
    fmt,
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
    path::PathBuf,
    time::Duration,
};

use zeroize::Zeroizing;

use super::{invitation::Invitation, node_name::NodeName};

/// The secret that lets a node into the cluster. Wiped when dropped, never shown.
#[derive(Clone, PartialEq, Eq)]
pub struct Cookie(Zeroizing<String>);

impl Cookie {
    /// Takes the text as it is; whether it is strong enough is asked where the mesh opens.
    #[must_use]
    pub fn new(text: String) -> Self {
        Self(Zeroizing::new(text))
    }

    /// The bytes, for deriving keys.
    #[must_use]
    pub fn expose(&self) -> &[u8] {
        self.0.as_bytes()
    }
}

impl fmt::Debug for Cookie {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Cookie(..)")
    }
}

/// How nodes talk to each other (`cluster.proto_dist`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Transport {
    /// TCP over IPv4, sealed by the mesh handshake.
    #[default]
    InetTcp,
    /// TCP over IPv6, sealed by the mesh handshake.
    Inet6Tcp,
    /// TLS over IPv4.
    InetTls,
    /// TLS over IPv6.
    Inet6Tls,
}

impl Transport {
    /// Certificates prove the nodes to each other.
    #[must_use]
    pub const fn is_tls(self) -> bool {
        matches!(self, Self::InetTls | Self::Inet6Tls)
    }

    /// Nodes are reached over IPv6.
    #[must_use]
    pub const fn is_v6(self) -> bool {
        matches!(self, Self::Inet6Tcp | Self::Inet6Tls)
    }

    /// The word for it in emqx.conf.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::InetTcp => "inet_tcp",
            Self::Inet6Tcp => "inet6_tcp",
            Self::InetTls => "inet_tls",
            Self::Inet6Tls => "inet6_tls",
        }
    }
}

/// A node to dial: its name, and its mesh port where that does not follow from the name.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Seed {
    /// Name of the node.
    pub name: NodeName,
    /// Mesh port, if it is not the one that the name stands for.
    pub port: Option<u16>,
}

/// How other nodes are found (`cluster.discovery`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Discovery {
    /// Only by `cluster join`.
    Manual,
    /// A list of nodes; the own name may be in it.
    Static(Vec<Seed>),
    /// By multicast on the networks of this host.
    Mcast(Mcast),
    /// The addresses of a DNS name.
    Dns(Dns),
    /// Entries in etcd.
    Etcd(Etcd),
    /// The pods behind a Service of Kubernetes.
    K8s(K8s),
}

impl Discovery {
    /// The word for it in emqx.conf.
    #[must_use]
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Manual => "manual",
            Self::Static(_) => "static",
            Self::Mcast(_) => "mcast",
            Self::Dns(_) => "dns",
            Self::Etcd(_) => "etcd",
            Self::K8s(_) => "k8s",
        }
    }
}

/// Discovery by multicast (`cluster.mcast.*`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mcast {
    /// The IPv4 group, if there is one.
    pub group4: Option<Ipv4Addr>,
    /// The IPv6 group, if there is one.
    pub group6: Option<Ipv6Addr>,
    /// UDP ports to ask at; this node listens at the first. Never empty.
    pub ports: Vec<u16>,
    /// Interfaces by address or name; none: all that are up and carry multicast.
    pub interfaces: Vec<String>,
    /// Routers that a question may pass, plus one.
    pub ttl: u8,
    /// Other nodes of this host hear the questions too.
    pub looped: bool,
    /// Bytes that the kernel keeps of what is sent.
    pub sndbuf: Option<usize>,
    /// Bytes that the kernel keeps for the reader.
    pub recbuf: Option<usize>,
}

impl Default for Mcast {
    fn default() -> Self {
        Self {
            group4: Some(Ipv4Addr::new(239, 192, 0, 1)),
            group6: Some(Ipv6Addr::new(0xff15, 0, 0, 0, 0, 0, 0, 0x4d51)),
            ports: vec![4369],
            interfaces: Vec::new(),
            ttl: 1,
            looped: true,
            sndbuf: None,
            recbuf: None,
        }
    }
}

/// Discovery `k8s`: the nodes are the addresses of an Endpoints object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct K8s {
    /// The API server.
    pub apiserver: Server,
    /// Name of the Service.
    pub service: String,
    /// Its namespace.
    pub namespace: String,
    /// How the hosts in the names of nodes are made.
    pub address_type: AddressType,
    /// Left part of the names of the nodes.
    pub app: String,
    /// End of the hosts that are no addresses; may be empty.
    pub suffix: String,
    /// Folder with the token of the service account and `ca.crt`.
    pub account: PathBuf,
    /// Mesh port of the nodes, if it is not the one that their names stand for.
    pub port: Option<u16>,
}

/// What `cluster.k8s.address_type` may be.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum AddressType {
    /// `app@10.0.0.1`
    #[default]
    Ip,
    /// `app@10-0-0-1.namespace.suffix`
    Dns,
    /// `app@hostname.service.namespace.suffix`
    Hostname,
}

/// A server that is asked over HTTP.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Server {
    /// Over TLS.
    pub tls: bool,
    /// Name or address; one of IPv6 stands without brackets.
    pub host: String,
    /// Port.
    pub port: u16,
}

impl Server {
    /// Host and port as they stand in a URL.
    #[must_use]
    pub fn authority(&self) -> String {
        let Self { host, port, .. } = self;
        if host.contains(':') { format!("[{host}]:{port}") } else { format!("{host}:{port}") }
    }
}

impl fmt::Display for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "http{}://{}", if self.tls { "s" } else { "" }, self.authority())
    }
}

/// Files by which a server is believed, and this node by the server. Read at each use.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TlsFiles {
    /// Authorities, in PEM.
    pub ca: PathBuf,
    /// Certificate and key of this node, in PEM.
    pub own: Option<(PathBuf, PathBuf)>,
}

/// Discovery `etcd`: each node keeps an entry under a key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Etcd {
    /// Servers of one etcd; the first that answers counts. Not empty.
    pub servers: Vec<Server>,
    /// What the keys of all nodes of the cluster begin with, `prefix/cluster/nodes/`.
    pub folder: String,
    /// The entry of this node.
    pub own: Seed,
    /// The entry goes so long after its node; whole seconds.
    pub node_ttl: Duration,
    /// For servers asked over TLS.
    pub tls: Option<TlsFiles>,
}

/// Discovery `dns`: the nodes are `app@address`, or `app@target` of SRV records.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Dns {
    /// Name to look up.
    pub name: String,
    /// Left part of the names of the nodes.
    pub app: String,
    /// Which addresses count.
    pub record: DnsRecord,
    /// Mesh port of the nodes, if it is not the one that their names stand for.
    pub port: Option<u16>,
}

/// What `cluster.dns.type` may be.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum DnsRecord {
    /// Addresses of IPv4.
    #[default]
    A,
    /// Addresses of IPv6.
    Aaaa,
    /// Targets of SRV records.
    #[cfg(feature = "dns-srv")]
    Srv,
}

impl DnsRecord {
    /// The word for it in emqx.conf.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::A => "a",
            Self::Aaaa => "aaaa",
            #[cfg(feature = "dns-srv")]
            Self::Srv => "srv",
        }
    }
}

/// When a publisher gets its PUBACK or PUBREC (`cluster.publish_ack`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum PublishAck {
    /// When every node that wants the message has it.
    #[default]
    Peers,
    /// When the message is in this node's queues.
    Local,
}

/// When a subscriber gets its SUBACK (`broker.suback`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum SubackWait {
    /// When every node that is up knows the route, or after 250 ms.
    #[default]
    Cluster,
    /// At once.
    Local,
}

/// When a client that connects gets its CONNACK (`broker.session_locking_strategy`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum SessionLocking {
    /// When the nodes that keep the claim on the client have answered, and its session is here.
    #[default]
    Cluster,
    /// At once; a session on another node is joined to it later.
    Local,
}

/// How the keys of the mesh are made from the cookie (`cluster.kdf`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Kdf {
    /// Argon2id: 19 MiB and 60 to 90 ms, once at start.
    #[default]
    Argon2id,
    /// HKDF only, for boards with little memory. Needs a cookie of 32 random bytes.
    Fast,
}

/// What to do with a known name that comes back with another identity (`cluster.pin`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Pin {
    /// Log it and let it in.
    #[default]
    Warn,
    /// Refuse it until the old record is dropped with `cluster force-leave`.
    Strict,
}

/// What a node outside of the surviving part does when a partition has healed (`cluster.autoheal.action`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum HealAction {
    /// Take the routes of all nodes anew. No client notices.
    #[default]
    Resync,
    /// As EMQX 4: close the connections and forget the sessions of this node too.
    Restart,
    /// Nothing; the log and the status tell of the partition. Said by the leader.
    Report,
}

/// What an operator can say about the cluster.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Name of the cluster (`cluster.name`); nodes of another name are refused.
    pub name: String,
    /// Name of this node (`node.name`).
    pub node_name: NodeName,
    /// How nodes talk to each other.
    pub proto_dist: Transport,
    /// How other nodes are found.
    pub discovery: Discovery,
    /// A cluster to join at the start, as an operator asked for.
    pub invitation: Option<Invitation>,
    /// Forget a member that stayed down this long; `None` = never.
    pub autoclean: Option<Duration>,
    /// How long a node that left or was forgotten is remembered.
    pub remember: Duration,
    /// Run the healing ceremony after a partition.
    pub autoheal: bool,
    /// A node that is back has to stay this long before the partition is reported.
    pub heal_confirm: Duration,
    /// The leader waits this long for further reports.
    pub heal_delay: Duration,
    /// The leader waits for all members at most this long.
    pub heal_max_wait: Duration,
    /// What the nodes outside of the surviving part do.
    pub heal_action: HealAction,
    /// Time between signs of life.
    pub heartbeat: Duration,
    /// A peer without a sign of life for this long is down.
    pub failure_timeout: Duration,
    /// How long connecting to a node may take.
    pub connect_timeout: Duration,
    /// How long proving both ends to each other may take then, with TLS where that is spoken.
    pub handshake_timeout: Duration,
    /// How long the start waits for members known from before.
    pub join_wait: Duration,
    /// Data connections for each peer, 1 to 8.
    pub data_streams: u8,
    /// When a publisher gets its acknowledgement.
    pub publish_ack: PublishAck,
    /// Retained messages are on every node.
    pub retain_replicate: bool,
    /// When a subscriber gets its acknowledgement.
    pub suback: SubackWait,
    /// When a client that connects is let in.
    pub session_locking: SessionLocking,
    /// Bytes of messages kept for each peer that is away or slow.
    pub keep_bytes: usize,
    /// How long messages are kept for, and routed to, a peer that is down.
    pub keep_time: Duration,
    /// What was sent to a node and is not taken for so long ends the connection; `None` = [`Self::failure_timeout`].
    pub send_timeout: Option<Duration>,
    /// Mesh port; `None` = the one that the node name stands for.
    pub dist_port: Option<u16>,
    /// Address that the mesh listens on.
    pub dist_interface: IpAddr,
    /// The secret that lets a node in; `None` = the mesh stays closed.
    pub cookie: Option<Cookie>,
    /// The secret before the last change: accepted, never offered.
    pub cookie_previous: Option<Cookie>,
    /// How keys are made from the cookie.
    pub kdf: Kdf,
    /// What to do with a changed identity.
    pub pin: Pin,
}

impl Settings {
    /// The defaults, for a node of this name.
    #[must_use]
    pub fn new(node_name: NodeName) -> Self {
        Self {
            name: "emqxcl".to_owned(),
            node_name,
            proto_dist: Transport::default(),
            discovery: Discovery::Mcast(Mcast::default()),
            invitation: None,
            autoclean: Some(Duration::from_secs(300)),
            remember: Duration::from_secs(7 * 86_400),
            autoheal: true,
            heal_confirm: Duration::from_secs(3),
            heal_delay: Duration::from_secs(15),
            heal_max_wait: Duration::from_secs(60),
            heal_action: HealAction::default(),
            heartbeat: Duration::from_millis(200),
            failure_timeout: Duration::from_millis(1500),
            connect_timeout: Duration::from_secs(5),
            handshake_timeout: Duration::from_secs(5),
            join_wait: Duration::from_secs(3),
            data_streams: 2,
            publish_ack: PublishAck::default(),
            retain_replicate: true,
            suback: SubackWait::default(),
            session_locking: SessionLocking::default(),
            keep_bytes: 64 << 20,
            keep_time: Duration::from_secs(300),
            send_timeout: None,
            dist_port: None,
            dist_interface: IpAddr::from([0, 0, 0, 0]),
            cookie: None,
            cookie_previous: None,
            kdf: Kdf::default(),
            pin: Pin::default(),
        }
    }

    /// The port that the mesh listens on.
    #[must_use]
    pub fn mesh_port(&self) -> u16 {
        self.dist_port.unwrap_or_else(|| self.node_name.mesh_port())
    }
}
