//! The mesh port: whether it may open, who is let in, and how others are dialled.

use std::{
    collections::VecDeque,
    net::{IpAddr, SocketAddr, TcpListener},
    sync::Arc,
    time::Duration,
};

use socket2::{Domain, Socket, Type};
use tokio::sync::{Notify, mpsc, oneshot};

use super::{MeshError, task::Notice};
use crate::{
    cluster::{
        DialError, NodeName, PeerIdentity, Settings, Target,
        gate::Outcome,
        handshake::{HandshakeError, LinkKind, PeerHello, Verdict},
        secret::check_cookie,
        settings::Cookie,
        wire::{CloseCode, Received},
    },
    net::{clock::Clock, supervise},
    node::{
        dial::{LinkError, Local, Proven, Unaccepted},
        locks,
    },
};

/// Connections that wait to be accepted.
const BACKLOG: i32 = 128;

/// Whether the mesh may open, and how far.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Door {
    Open,
    /// The cookie is weak, and all of the cluster is on this host.
    Loopback,
    Closed(String),
}

impl Door {
    pub(super) fn of(settings: &Settings) -> Self {
        let Some(cookie) = &settings.cookie else { return Self::Closed("no cookie".to_owned()) };
        match check_cookie(cookie, settings.kdf) {
            Ok(()) => Self::Open,
            Err(_) if interface(settings).is_loopback() => Self::Loopback,
            Err(weak) => Self::Closed(weak.to_string()),
        }
    }

    /// The cookie that is accepted beside the one in use; not a weak one, where others than this host can reach the mesh.
    pub(super) fn previous<'a>(&self, settings: &'a Settings) -> Option<&'a Cookie> {
        let previous = settings.cookie_previous.as_ref()?;
        match check_cookie(previous, settings.kdf) {
            Err(weak) if !interface(settings).is_loopback() => {
                tracing::warn!(%weak, "node.cookie_previous is not accepted");
                None
            }
            Ok(()) | Err(_) => Some(previous),
        }
    }

    /// Opens the mesh port, or goes on with it if `given` is that.
    pub(super) fn listen(
        &self,
        settings: &Settings,
        given: Option<TcpListener>,
    ) -> Result<Option<TcpListener>, MeshError> {
        if let Self::Closed(reason) = self {
            tracing::warn!(name: "mesh-closed", reason, "mesh is closed, this node stays alone");
            return Ok(None);
        }
        let addr = SocketAddr::from((interface(settings), settings.mesh_port()));
        let given = given.filter(|port| port.local_addr().is_ok_and(|at| at == addr));
        if let Some(port) = given.filter(|port| port.set_nonblocking(true).is_ok()) {
            return Ok(Some(port));
        }
        let listen = || {
            let socket = bind(addr, Type::STREAM)?;
            socket.listen(BACKLOG)?;
            socket.set_nonblocking(true)?;
            Ok(socket.into())
        };
        listen().map(Some).map_err(|error| MeshError::Bind { addr, error })
    }

    /// Nobody on another host can be reached.
    pub(super) fn is_loopback(&self, settings: &Settings) -> bool {
        *self == Self::Loopback || interface(settings).is_loopback()
    }

    fn lets_dial(&self, addr: SocketAddr) -> bool {
        match self {
            Self::Open => !addr.ip().is_unspecified(),
            Self::Loopback => addr.ip().is_loopback(),
            Self::Closed(_) => false,
        }
    }
}

/// A socket of the mesh. One of IPv6 leaves IPv4 to others.
pub(super) fn bind(addr: SocketAddr, kind: Type) -> std::io::Result<Socket> {
    let socket = Socket::new(Domain::for_address(addr), kind, None)?;
    if addr.is_ipv6() {
        socket.set_only_v6(true)?;
    }
    // A port that a process left a moment ago is free for TCP; for UDP it would be shared.
    socket.set_reuse_address(kind == Type::STREAM)?;
    socket.bind(&addr.into())?;
    Ok(socket)
}

/// The address to listen on: a node whose name is on the loopback cannot be reached from elsewhere anyway.
fn interface(settings: &Settings) -> IpAddr {
    match settings.node_name.ip() {
        Some(host) if host.is_loopback() && settings.dist_interface.is_unspecified() => host,
        Some(_) | None => settings.dist_interface,
    }
}

/// Tries the addresses of a node, one after the other; if it is to be `near`, those told alone and not the one of its name.
pub(super) async fn dial_any(
    local: &Local,
    door: &Door,
    (target, near): (Target, bool),
    hasten: &Notify,
) -> Result<Proven, (DialError, String)> {
    let port = target.port.unwrap_or_else(|| target.name.mesh_port());
    let mut addrs = if near { target.addrs.clone().into() } else { known_places(&target, port) };
    let mut looked_up = near || target.name.ip().is_some();
    let kind = if local.v6 { "IPv6" } else { "IPv4" };
    let nowhere = format!("no address of {kind} (cluster.proto_dist)");
    let mut worst: Option<(DialError, String)> = None;
    loop {
        let Some(addr) = addrs.pop_front() else {
            if std::mem::replace(&mut looked_up, true) {
                break;
            }
            addrs.extend(local.hosts.look_up(target.name.host(), port).await);
            continue;
        };
        if addr.is_ipv6() != local.v6 || !door.lets_dial(addr) {
            continue;
        }
        let name = target.name.clone();
        let what = (LinkKind::Control, Received::default());
        match dial_patiently(local, addr, what, (name, hasten)).await {
            Ok(proven) => return Ok(proven),
            Err(error) => {
                let kind = dial_error(&error);
                tell(local, &target.name, addr, &error);
                // Who answered is the one that was meant, and does not want this node: no other address changes that.
                let meant = matches!(
                    &error,
                    LinkError::Handshake(HandshakeError::Refused(verdict))
                        if *verdict != Verdict::WrongTarget
                );
                if meant || worst.as_ref().is_none_or(|(known, _)| weight(*known) <= weight(kind)) {
                    worst = Some((kind, error.to_string()));
                }
                if meant {
                    break;
                }
            }
        }
    }
    Err(worst.unwrap_or((DialError::Unreachable, nowhere)))
}

/// What several attempts come to: a process is gone only if that is so at every address; a refusal sets the slower pace.
const fn weight(error: DialError) -> u8 {
    match error {
        DialError::NobodyListens => 0,
        DialError::Unreachable => 1,
        DialError::Refused => 2,
        DialError::RefusedForGood => 3,
    }
}

/// Where a node may be before its name is looked up, which takes its time where the resolver does not answer. A port that
/// somebody told goes before the one that the name stands for.
fn known_places(target: &Target, port: u16) -> VecDeque<SocketAddr> {
    let mut places: VecDeque<SocketAddr> = target.addrs.iter().copied().collect();
    if let Some(host) = target.name.ip() {
        let place = SocketAddr::new(host, port);
        let local = matches!(host, IpAddr::V6(v6) if v6.is_unicast_link_local());
        let scoped = local && places.iter().any(|known| known.ip() == host);
        places.retain(|known| *known != place);
        match target.port {
            // A link-local address is of no use without its interface.
            _ if scoped => {}
            Some(_) => places.push_front(place),
            None => places.push_back(place),
        }
    }
    places
}

/// What brings two nodes of one cluster together, for the log.
fn remedy(error: &LinkError) -> &'static str {
    if matches!(error, LinkError::Handshake(HandshakeError::Cookie)) {
        ", the two have different cookies: emqx-rs-ctl cluster token on one, cluster join - on the other"
    } else {
        ""
    }
}

/// Says why there is no link: a refusal once a minute for each node.
fn tell(local: &Local, node: &NodeName, addr: SocketAddr, error: &LinkError) {
    local.note(error, (Some(node), addr), true);
    let due = || local.told.is_due(node.as_str(), Clock::system().now());
    let differ = matches!(error, LinkError::Handshake(HandshakeError::Cookie));
    if differ && local.keys.has_previous() {
        if due() {
            tracing::info!(%node, %addr, "has another cookie; if it is the previous one, it dials this node");
        }
    } else if error.is_refusal() && due() {
        tracing::warn!(name: "link-refused", %node, %addr, %error, "no link{}", remedy(error));
    } else {
        tracing::debug!(%node, %addr, %error, "no link");
    }
}

/// A process that was just killed takes connections until the kernel has closed its listener, and then resets them: asking
/// again soon tells it from one that is out of reach.
async fn dial_patiently(
    local: &Local,
    addr: SocketAddr,
    what: (LinkKind, Received),
    (name, hasten): (NodeName, &Notify),
) -> Result<Proven, LinkError> {
    const TRIES: u32 = 5;
    const PAUSE: Duration = Duration::from_millis(10);
    let mut tries = 0;
    loop {
        tries += 1;
        match local.dial(addr, what, name.clone(), hasten).await {
            Err(LinkError::Io(error)) if tries < TRIES && is_cut_off(&error) => {
                tokio::time::sleep(PAUSE).await;
            }
            other => return other,
        }
    }
}

/// The other end took the connection and let it go again.
fn is_cut_off(error: &std::io::Error) -> bool {
    use std::io::ErrorKind::{BrokenPipe, ConnectionReset, UnexpectedEof};
    matches!(error.kind(), BrokenPipe | ConnectionReset | UnexpectedEof)
}

fn dial_error(error: &LinkError) -> DialError {
    match error {
        LinkError::Io(error) if error.kind() == std::io::ErrorKind::ConnectionRefused => {
            DialError::NobodyListens
        }
        LinkError::Io(_) | LinkError::Timeout(_) => DialError::Unreachable,
        LinkError::Handshake(HandshakeError::Refused(
            Verdict::DuplicateName
            | Verdict::Pin
            | Verdict::Forgotten
            | Verdict::TooManyNodes
            | Verdict::Cloned,
        )) => DialError::RefusedForGood,
        LinkError::Handshake(HandshakeError::Refused(Verdict::ShuttingDown)) => {
            DialError::Unreachable
        }
        LinkError::Tls(_) | LinkError::Handshake(_) => DialError::Refused,
    }
}

pub(super) fn verdict(code: Option<CloseCode>) -> Verdict {
    match code {
        None => Verdict::Ok,
        Some(CloseCode::NameTaken) => Verdict::DuplicateName,
        Some(CloseCode::Pin) => Verdict::Pin,
        Some(CloseCode::Banned | CloseCode::Left) => Verdict::Forgotten,
        Some(CloseCode::TooMany) => Verdict::TooManyNodes,
        Some(CloseCode::Tie) => Verdict::Tie,
        Some(CloseCode::ShuttingDown) => Verdict::ShuttingDown,
        Some(CloseCode::SelfLink) => Verdict::WrongTarget,
        Some(CloseCode::Stale) => Verdict::Cloned,
        Some(
            CloseCode::Done
            | CloseCode::Protocol
            | CloseCode::Gap
            | CloseCode::Restarting
            | CloseCode::Other(_),
        ) => Verdict::Nonsense,
    }
}

pub(super) fn identity(peer: &PeerHello) -> PeerIdentity {
    PeerIdentity {
        name: peer.hello.name.clone(),
        node_id: peer.node_id,
        incarnation: peer.hello.incarnation,
        guid: peer.guid(),
    }
}

/// What a handshake says about who came.
fn outcome(accepted: &Result<Proven, Unaccepted>) -> Outcome {
    match accepted.as_ref().map_err(|refused| &refused.error) {
        Ok(_) | Err(LinkError::Handshake(HandshakeError::Rejected(_))) => Outcome::Proven,
        Err(LinkError::Tls(_) | LinkError::Handshake(_) | LinkError::Timeout(_)) => Outcome::Failed,
        Err(LinkError::Io(_)) => Outcome::Broken,
    }
}

/// Accepts connections and proves them; what is proven goes to the mesh task.
pub(super) async fn accept_all(
    listener: tokio::net::TcpListener,
    local: Arc<Local>,
    notices: mpsc::Sender<Notice>,
) {
    let clock = Clock::system();
    loop {
        let (tcp, addr) = match listener.accept().await {
            Ok(accepted) => accepted,
            Err(error) => {
                tracing::warn!(%error, "mesh accept");
                tokio::time::sleep(Duration::from_millis(100)).await;
                continue;
            }
        };
        let pass = match locks::lock(&local.gate).on_attempt(addr.ip(), clock.now()) {
            Ok(pass) => pass,
            Err(refusal) => {
                tracing::debug!(%addr, %refusal, "mesh connection closed unread");
                continue;
            }
        };
        let (local, notices) = (local.clone(), notices.clone());
        supervise::spawn("mesh handshake", async move {
            let judge = async |peer: &PeerHello| {
                let (reply, answer) = oneshot::channel();
                let (peer, kind) = (identity(peer), peer.hello.kind);
                let asked = notices.send(Notice::Judge { peer, kind, reply }).await;
                let stopping = (Verdict::ShuttingDown, Received::default());
                if asked.is_err() { stopping } else { answer.await.unwrap_or(stopping) }
            };
            let accepted = local.accept(tcp, addr, judge).await;
            locks::lock(&local.gate).on_end(pass, outcome(&accepted), clock.now());
            match accepted {
                Ok(proven) => {
                    let proven = Box::new(proven);
                    let _ = notices.send(Notice::Proven { proven, dialed: false }).await;
                }
                Err(Unaccepted { node, error }) if error.is_refusal() => {
                    if matches!(error, LinkError::Handshake(HandshakeError::Cookie)) {
                        let _ = notices.send(Notice::Knock { from: addr.ip() }).await;
                    }
                    local.note(&error, (node.as_ref(), addr), false);
                    let node = node.as_ref().map(NodeName::as_str);
                    if local.told.is_due(&addr.ip().to_string(), clock.now()) {
                        let remedy = remedy(&error);
                        tracing::warn!(name: "link-refused", node, %addr, %error, "refused{remedy}");
                    } else {
                        tracing::debug!(node, %addr, %error, "refused");
                    }
                }
                Err(Unaccepted { error, .. }) => tracing::debug!(%addr, %error, "no handshake"),
            }
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_port_that_was_told_goes_before_the_guessed_one() {
        let places = |name: &str, port: Option<u16>, addrs: &[&str]| -> Vec<String> {
            let name = NodeName::parse(name).unwrap();
            let addrs = addrs.iter().map(|addr| addr.parse().unwrap()).collect();
            let target = Target { name, port, addrs };
            let port = target.port.unwrap_or_else(|| target.name.mesh_port());
            known_places(&target, port).iter().map(ToString::to_string).collect()
        };
        assert_eq!(
            places("a@10.0.0.1", None, &["10.0.0.1:5000"]),
            ["10.0.0.1:5000", "10.0.0.1:4370"]
        );
        let both = ["10.0.0.1:5000", "192.168.1.1:5000"];
        assert_eq!(places("a@10.0.0.1", Some(5000), &["192.168.1.1:5000", "10.0.0.1:5000"]), both);
        assert_eq!(places("a@box", Some(5000), &["10.0.0.1:5000"]), ["10.0.0.1:5000"]);
        assert_eq!(places("a@fe80::1", Some(4370), &["[fe80::1%3]:4370"]), ["[fe80::1%3]:4370"]);
    }
}
