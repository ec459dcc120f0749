//! Opens connections between nodes: TCP, TLS where the transport says so, then the handshake, both ways.

use std::{
    future::poll_fn,
    net::SocketAddr,
    pin::Pin,
    sync::{Arc, Mutex},
    task::Poll,
    time::Duration,
};

use tokio::{io::AsyncReadExt, net::TcpStream, sync::Notify, time::timeout};

use super::{
    discovery::Hosts,
    locks,
    socket::{Socket, send},
    tls::{MeshTls, TlsError},
    told::Told,
};
use crate::{
    cluster::{
        NodeName,
        gate::Gate,
        handshake::{
            Credentials, Established, HandshakeError, Hello, Identity, Initiator, LinkKind,
            PeerHello, Responder, Suites, Verdict, WIRE,
        },
        refusals::{Refusal, Refusals},
        secret::Keys,
        wire::Received,
    },
    net::clock::Clock,
};

/// More than the handshake of a peer needs.
const BUFFER: usize = 4096;

/// Attempts to connect that run beside each other.
const ABREAST: usize = 8;

/// Connects. The kernel repeats a lost SYN after one second, then two, then four: after a cut it sleeps on when the way is long open
/// again. So each `hasten` begins another attempt beside the earlier ones, and the first that succeeds counts.
async fn connect(addr: SocketAddr, hasten: &Notify) -> std::io::Result<TcpStream> {
    let mut attempts: Vec<Pin<Box<dyn Future<Output = std::io::Result<TcpStream>> + Send>>> =
        vec![Box::pin(TcpStream::connect(addr))];
    loop {
        let more = attempts.len() < ABREAST;
        let first = poll_fn(|context| {
            for attempt in &mut attempts {
                if let Poll::Ready(done) = attempt.as_mut().poll(context) {
                    return Poll::Ready(done);
                }
            }
            Poll::Pending
        });
        tokio::select! {
            done = first => return done,
            () = hasten.notified(), if more => {}
        }
        attempts.push(Box::pin(TcpStream::connect(addr)));
    }
}

/// Who this node is on the mesh, for one process life.
#[derive(Debug)]
pub(crate) struct Local {
    pub(crate) identity: Identity,
    pub(crate) keys: Keys,
    pub(crate) cluster_name: String,
    pub(crate) name: NodeName,
    pub(crate) incarnation: u64,
    pub(crate) started: u64,
    pub(crate) streams: u8,
    pub(crate) message_max: u64,
    /// How long what was sent may stay without an acknowledgement of the other host.
    pub(crate) dead_after: Duration,
    /// How long connecting may take.
    pub(crate) connect_timeout: Duration,
    /// From the first byte to the last of a handshake.
    pub(crate) handshake_timeout: Duration,
    /// Nodes are reached over IPv6.
    pub(crate) v6: bool,
    /// `None`: TCP alone.
    pub(crate) tls: Option<Arc<MeshTls>>,
    /// Whose faults were in the log.
    pub(crate) told: Told,
    /// Who was refused lately.
    pub(crate) refusals: Mutex<Refusals>,
    /// Who may begin a handshake.
    pub(crate) gate: Mutex<Gate>,
    /// Where hosts are that have a name.
    pub(crate) hosts: Hosts,
}

/// Why a connection did not come up.
#[derive(Debug, thiserror::Error)]
pub(crate) enum LinkError {
    /// No connection, or it broke.
    #[error("{0}")]
    Io(std::io::Error),
    /// One end does not like what the other showed.
    #[error("{0}")]
    Tls(#[from] TlsError),
    /// Too slow.
    #[error("no answer within {0:?}")]
    Timeout(Duration),
    /// The handshake failed.
    #[error("{0}")]
    Handshake(#[from] HandshakeError),
}

impl From<std::io::Error> for LinkError {
    fn from(error: std::io::Error) -> Self {
        TlsError::within(&error).map_or(Self::Io(error), Self::Tls)
    }
}

impl LinkError {
    /// An end is at fault, and not the way between them.
    pub(crate) const fn is_refusal(&self) -> bool {
        matches!(self, Self::Tls(_) | Self::Handshake(_))
    }

    /// It will not mend itself, as the end of a process or two links of one pair do.
    const fn lasts(&self) -> bool {
        let passing = matches!(
            self,
            Self::Handshake(
                HandshakeError::Refused(Verdict::Tie | Verdict::ShuttingDown | Verdict::Nonsense)
                    | HandshakeError::Rejected(
                        Verdict::Tie | Verdict::ShuttingDown | Verdict::Nonsense
                    )
            )
        );
        self.is_refusal() && !passing
    }
}

/// A connection that was not taken in.
#[derive(Debug)]
pub(crate) struct Unaccepted {
    /// Who it was, if that was proven.
    pub(crate) node: Option<NodeName>,
    /// Why not.
    pub(crate) error: LinkError,
}

impl<E: Into<LinkError>> From<E> for Unaccepted {
    fn from(error: E) -> Self {
        Self { node: None, error: error.into() }
    }
}

/// A connection whose other end has proven who it is.
#[derive(Debug)]
pub(crate) struct Proven {
    pub(crate) socket: Socket,
    pub(crate) established: Established,
    /// Bytes that came after the handshake.
    pub(crate) leftover: Vec<u8>,
    pub(crate) addr: SocketAddr,
}

impl Local {
    /// Keeps in mind that one end does not want the other.
    pub(crate) fn note(
        &self,
        error: &LinkError,
        (node, addr): (Option<&NodeName>, SocketAddr),
        dialed: bool,
    ) {
        if error.lasts() {
            let (node, reason) = (node.cloned(), error.to_string());
            let at = Clock::system().now();
            let refusal = Refusal { node, addr, dialed, reason, at, count: 1 };
            locks::lock(&self.refusals).note(refusal);
        }
    }

    fn credentials<'a>(&'a self, exporter: Option<&'a [u8; 32]>) -> Credentials<'a> {
        let (identity, keys) = (&self.identity, &self.keys);
        Credentials { identity, keys, suites: Suites::new(has_aes()), exporter }
    }

    fn hello(&self, kind: LinkKind, target: Option<NodeName>, received: Received) -> Hello {
        Hello {
            kind,
            cluster_name: self.cluster_name.clone(),
            name: self.name.clone(),
            target,
            incarnation: self.incarnation,
            started: self.started,
            wire: WIRE,
            caps: 0,
            streams: self.streams,
            message_max: self.message_max,
            received,
        }
    }

    fn prepare(&self, tcp: &TcpStream) -> std::io::Result<()> {
        tcp.set_nodelay(true)?;
        socket2::SockRef::from(tcp).set_tcp_user_timeout(Some(self.dead_after))
    }

    /// Dials a node and proves both ends to each other. `hasten`: the other end is heard, so what is stuck is tried anew.
    pub(crate) async fn dial(
        &self,
        addr: SocketAddr,
        (kind, received): (LinkKind, Received),
        target: NodeName,
        hasten: &Notify,
    ) -> Result<Proven, LinkError> {
        locks::lock(&self.gate).on_dial(addr.ip(), Clock::system().now());
        let tcp = within(self.connect_timeout, connect(addr, hasten)).await??;
        self.prepare(&tcp)?;
        let shake = async {
            let socket = match &self.tls {
                Some(tls) => tls.connect(tcp, addr, &target).await?,
                None => tcp.into(),
            };
            self.initiate(socket, addr, self.hello(kind, Some(target), received)).await
        };
        within(self.handshake_timeout, shake).await?
    }

    async fn initiate(
        &self,
        mut socket: Socket,
        addr: SocketAddr,
        hello: Hello,
    ) -> Result<Proven, LinkError> {
        let exporter = exporter(&socket)?;
        let credentials = self.credentials(exporter.as_ref());
        let (mut input, mut out) = (Vec::with_capacity(BUFFER), Vec::new());
        let mut initiator = Initiator::start(&credentials, hello, &mut out);
        loop {
            // In TLS 1.3 a node that was refused hears of it when it reads.
            let sent = send(&mut socket, &out).await.map_err(LinkError::from);
            out.clear();
            let read = read_some(&mut socket, &mut input).await;
            if let Err(error @ LinkError::Tls(_)) = read {
                return Err(error);
            }
            sent.and(read)?;
            if let Some(established) = initiator.on_bytes(&credentials, &mut input, &mut out)? {
                return Ok(Proven { socket, established, leftover: input, addr });
            }
        }
    }

    /// Takes a connection in. `judge` decides about a peer that knows the cookie, and says how much of its messages is here.
    pub(crate) async fn accept(
        &self,
        tcp: TcpStream,
        addr: SocketAddr,
        judge: impl AsyncFnOnce(&PeerHello) -> (Verdict, Received),
    ) -> Result<Proven, Unaccepted> {
        self.prepare(&tcp)?;
        let accept = async {
            let socket = match &self.tls {
                Some(tls) => tls.accept(tcp).await?,
                None => tcp.into(),
            };
            self.respond(socket, addr, judge).await
        };
        within(self.handshake_timeout, accept).await?
    }

    async fn respond(
        &self,
        mut socket: Socket,
        addr: SocketAddr,
        judge: impl AsyncFnOnce(&PeerHello) -> (Verdict, Received),
    ) -> Result<Proven, Unaccepted> {
        let exporter = exporter(&socket)?;
        let credentials = self.credentials(exporter.as_ref());
        let (mut input, mut out) = (Vec::with_capacity(BUFFER), Vec::new());
        let mut responder = Responder::new();
        let peer = loop {
            read_some(&mut socket, &mut input).await?;
            let step = responder.on_bytes(&credentials, &self.cluster_name, &mut input, &mut out);
            send(&mut socket, &out).await?;
            out.clear();
            if let Some(peer) = step? {
                break peer;
            }
        };
        let meant = peer.hello.target.as_ref().is_none_or(|target| *target == self.name);
        let named = match &self.tls {
            Some(tls) => tls.check_name(&socket, &peer.hello.name),
            None => Ok(()),
        };
        let (verdict, received) = if named.is_err() {
            (Verdict::Certificate, Received::default())
        } else if meant && peer.hello.cluster_name == self.cluster_name {
            judge(&peer).await
        } else {
            (Verdict::WrongTarget, Received::default())
        };
        let hello = self.hello(peer.hello.kind, None, received);
        let answer = responder.answer(verdict, &hello, &mut out);
        send(&mut socket, &out).await?;
        let proven = |error| Unaccepted { node: Some(peer.hello.name.clone()), error };
        named.map_err(|error| proven(error.into()))?;
        let established = answer.map_err(|error| proven(error.into()))?;
        Ok(Proven { socket, established, leftover: input, addr })
    }
}

async fn within<T>(limit: Duration, what: impl Future<Output = T>) -> Result<T, LinkError> {
    timeout(limit, what).await.map_err(|_| LinkError::Timeout(limit))
}

/// What ties the handshake to the TLS session below, if there is one.
fn exporter(socket: &Socket) -> Result<Option<[u8; 32]>, LinkError> {
    socket.exporter().map_err(|error| LinkError::Tls((&error).into()))
}

/// Reads what there is; the end of the connection is an error.
async fn read_some(socket: &mut Socket, input: &mut Vec<u8>) -> Result<(), LinkError> {
    if socket.read_buf(input).await? == 0 {
        return Err(LinkError::Io(std::io::ErrorKind::UnexpectedEof.into()));
    }
    Ok(())
}

/// Whether this CPU has AES instructions.
fn has_aes() -> bool {
    #[cfg(any(target_arch = "x86", target_arch = "x86_64"))]
    return std::arch::is_x86_feature_detected!("aes");
    #[cfg(target_arch = "aarch64")]
    return std::arch::is_aarch64_feature_detected!("aes");
    #[cfg(not(any(target_arch = "x86", target_arch = "x86_64", target_arch = "aarch64")))]
    return false;
}

#[cfg(test)]
mod tests {
    use tokio::io::AsyncWriteExt;

    use super::*;

    /// The kernel counts a window that stays shut as well (`rpc.send_timeout`).
    #[tokio::test]
    async fn a_write_that_is_not_taken_ends_the_connection() {
        let mut local = crate::node::link::tests::local("a@127.0.0.1", 1, None);
        Arc::get_mut(&mut local).unwrap().dead_after = Duration::from_millis(300);
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let mut tcp = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        let _silent = listener.accept().await.unwrap();
        local.prepare(&tcp).unwrap();
        let blocked = async {
            loop {
                if let Err(error) = tcp.write_all(&[0; 65536]).await {
                    return error.kind();
                }
            }
        };
        let ended = timeout(Duration::from_secs(60), blocked).await;
        assert_eq!(ended, Ok(std::io::ErrorKind::TimedOut));
    }
}
