//! The mesh port: whether it may open, who is let in, and how others are dialled.

use std::{
    collections::VecDeque,
    net::{IpAddr, SocketAddr, TcpListener},
    sync::{Arc, Mutex},
    time::Duration,
};

use socket2::{Domain, Socket, Type};
use tokio::sync::{Notify, mpsc, oneshot};

use super::{MeshError, task::Notice};
use crate::{
    cluster::{
        DialError, NodeName, PeerIdentity, Settings, Target,
        gate::{Gate, Outcome},
        handshake::{HandshakeError, LinkKind, PeerHello, Verdict},
        secret::check_cookie,
        settings::Cookie,
        wire::{CloseCode, Received},
    },
    net::{clock::Clock, supervise},
    node::{
        dial::{LinkError, Local, Proven},
        discovery::look_up,
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

    pub(super) fn listen(&self, settings: &Settings) -> Result<Option<TcpListener>, MeshError> {
        if let Self::Closed(reason) = self {
            tracing::warn!(reason, "mesh is closed, this node stays alone");
            return Ok(None);
        }
        let addr = SocketAddr::from((interface(settings), settings.mesh_port()));
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

/// Tries the addresses of a node, one after the other.
pub(super) async fn dial_any(
    local: &Local,
    door: &Door,
    target: Target,
    hasten: &Notify,
) -> Result<Proven, (DialError, String)> {
    let port = target.port.unwrap_or_else(|| target.name.mesh_port());
    // A name of digits needs no question. Any other one is looked up when the addresses that are known have failed: a
    // resolver that does not answer takes its time.
    let host = target.name.ip();
    let mut addrs: VecDeque<_> = host.map(|host| (host, port).into()).into_iter().collect();
    addrs.extend(target.addrs.into_iter().filter(|addr| Some(addr.ip()) != host));
    let mut looked_up = host.is_some();
    let kind = if local.v6 { "IPv6" } else { "IPv4" };
    let mut last = (DialError::Unreachable, format!("no address of {kind} (cluster.proto_dist)"));
    loop {
        let Some(addr) = addrs.pop_front() else {
            if std::mem::replace(&mut looked_up, true) {
                break;
            }
            addrs.extend(look_up(target.name.host(), port).await);
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
                let differ = matches!(error, LinkError::Handshake(HandshakeError::Cookie));
                if differ && local.keys.has_previous() {
                    if local.told.is_due(target.name.as_str(), Clock::system().now()) {
                        tracing::info!(
                            node = %target.name, %addr,
                            "has another cookie; if it is the previous one, it dials this node"
                        );
                    }
                } else if error.is_refusal()
                    && local.told.is_due(target.name.as_str(), Clock::system().now())
                {
                    tracing::warn!(node = %target.name, %addr, %error, "no link");
                } else {
                    tracing::debug!(node = %target.name, %addr, %error, "no link");
                }
                let refused = matches!(kind, DialError::Refused | DialError::RefusedForGood);
                last = (kind, error.to_string());
                if refused {
                    break;
                }
            }
        }
    }
    Err(last)
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
        LinkError::Io(_) | LinkError::Timeout => DialError::Unreachable,
        LinkError::Handshake(HandshakeError::Refused(
            Verdict::DuplicateName | Verdict::Pin | Verdict::Forgotten | Verdict::TooManyNodes,
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
        Some(
            CloseCode::Done
            | CloseCode::Protocol
            | CloseCode::Gap
            | CloseCode::Stale
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
fn outcome(accepted: &Result<Proven, LinkError>) -> Outcome {
    match accepted {
        Ok(_) | Err(LinkError::Handshake(HandshakeError::Rejected(_))) => Outcome::Proven,
        Err(LinkError::Tls(_) | LinkError::Handshake(_) | LinkError::Timeout) => Outcome::Failed,
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
    let gate = Arc::new(Mutex::new(Gate::new(clock.now())));
    loop {
        let (tcp, addr) = match listener.accept().await {
            Ok(accepted) => accepted,
            Err(error) => {
                tracing::warn!(%error, "mesh accept");
                tokio::time::sleep(Duration::from_millis(100)).await;
                continue;
            }
        };
        let pass = match locks::lock(&gate).on_attempt(addr.ip(), clock.now()) {
            Ok(pass) => pass,
            Err(refusal) => {
                tracing::debug!(%addr, %refusal, "mesh connection closed unread");
                continue;
            }
        };
        let (local, notices, gate) = (local.clone(), notices.clone(), gate.clone());
        supervise::spawn("mesh handshake", async move {
            let judge = async |peer: &PeerHello| {
                let (reply, answer) = oneshot::channel();
                let (peer, kind) = (identity(peer), peer.hello.kind);
                let asked = notices.send(Notice::Judge { peer, kind, reply }).await;
                let stopping = (Verdict::ShuttingDown, Received::default());
                if asked.is_err() { stopping } else { answer.await.unwrap_or(stopping) }
            };
            let accepted = local.accept(tcp, addr, judge).await;
            locks::lock(&gate).on_end(pass, outcome(&accepted), clock.now());
            match accepted {
                Ok(proven) => {
                    let proven = Box::new(proven);
                    let _ = notices.send(Notice::Proven { proven, dialed: false }).await;
                }
                Err(error) if error.is_refusal() => {
                    if matches!(error, LinkError::Handshake(HandshakeError::Cookie)) {
                        let _ = notices.send(Notice::Knock { from: addr.ip() }).await;
                    }
                    if local.told.is_due(&addr.ip().to_string(), clock.now()) {
                        tracing::warn!(%addr, %error, "refused");
                    } else {
                        tracing::debug!(%addr, %error, "refused");
                    }
                }
                Err(error) => tracing::debug!(%addr, %error, "no handshake"),
            }
        });
    }
}
