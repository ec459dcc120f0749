//! Opens connections between nodes: TCP, then the handshake, both ways.

use std::{future::poll_fn, net::SocketAddr, pin::Pin, task::Poll, time::Duration};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    sync::Notify,
    time::timeout,
};

use super::told::Told;
use crate::cluster::{
    NodeName,
    handshake::{
        Credentials, Established, HandshakeError, Hello, Identity, Initiator, LinkKind, PeerHello,
        Responder, Suites, Verdict, WIRE,
    },
    secret::Keys,
    wire::Received,
};

/// From the first byte to the last of a handshake, and for connecting.
const LIMIT: Duration = Duration::from_secs(5);
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
    /// Whose faults were in the log.
    pub(crate) told: Told,
}

/// Why a connection did not come up.
#[derive(Debug, thiserror::Error)]
pub(crate) enum LinkError {
    /// No connection, or it broke.
    #[error("{0}")]
    Io(#[from] std::io::Error),
    /// Too slow.
    #[error("no answer within 5 s")]
    Timeout,
    /// The handshake failed.
    #[error("{0}")]
    Handshake(#[from] HandshakeError),
}

/// A connection whose other end has proven who it is.
#[derive(Debug)]
pub(crate) struct Proven {
    pub(crate) tcp: TcpStream,
    pub(crate) established: Established,
    /// Bytes that came after the handshake.
    pub(crate) leftover: Vec<u8>,
    pub(crate) addr: SocketAddr,
}

impl Local {
    fn credentials(&self) -> Credentials<'_> {
        let (identity, keys) = (&self.identity, &self.keys);
        Credentials { identity, keys, suites: Suites::new(has_aes()), exporter: None }
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
        let dial = async {
            let tcp = connect(addr, hasten).await?;
            self.prepare(&tcp)?;
            self.initiate(tcp, addr, self.hello(kind, Some(target), received)).await
        };
        timeout(LIMIT, dial).await.map_err(|_| LinkError::Timeout)?
    }

    async fn initiate(
        &self,
        mut tcp: TcpStream,
        addr: SocketAddr,
        hello: Hello,
    ) -> Result<Proven, LinkError> {
        let credentials = self.credentials();
        let (mut input, mut out) = (Vec::with_capacity(BUFFER), Vec::new());
        let mut initiator = Initiator::start(&credentials, hello, &mut out);
        loop {
            tcp.write_all(&out).await?;
            out.clear();
            read_some(&mut tcp, &mut input).await?;
            if let Some(established) = initiator.on_bytes(&credentials, &mut input, &mut out)? {
                return Ok(Proven { tcp, established, leftover: input, addr });
            }
        }
    }

    /// Takes a connection in. `judge` decides about a peer that knows the cookie, and says how much of its messages is here.
    pub(crate) async fn accept(
        &self,
        tcp: TcpStream,
        addr: SocketAddr,
        judge: impl AsyncFnOnce(&PeerHello) -> (Verdict, Received),
    ) -> Result<Proven, LinkError> {
        self.prepare(&tcp)?;
        let accept = self.respond(tcp, addr, judge);
        timeout(LIMIT, accept).await.map_err(|_| LinkError::Timeout)?
    }

    async fn respond(
        &self,
        mut tcp: TcpStream,
        addr: SocketAddr,
        judge: impl AsyncFnOnce(&PeerHello) -> (Verdict, Received),
    ) -> Result<Proven, LinkError> {
        let credentials = self.credentials();
        let (mut input, mut out) = (Vec::with_capacity(BUFFER), Vec::new());
        let mut responder = Responder::new();
        let peer = loop {
            read_some(&mut tcp, &mut input).await?;
            let step = responder.on_bytes(&credentials, &self.cluster_name, &mut input, &mut out);
            tcp.write_all(&out).await?;
            out.clear();
            if let Some(peer) = step? {
                break peer;
            }
        };
        let meant = peer.hello.target.as_ref().is_none_or(|target| *target == self.name);
        let (verdict, received) = if meant && peer.hello.cluster_name == self.cluster_name {
            judge(&peer).await
        } else {
            (Verdict::WrongTarget, Received::default())
        };
        let hello = self.hello(peer.hello.kind, None, received);
        let answer = responder.answer(verdict, &hello, &mut out);
        tcp.write_all(&out).await?;
        Ok(Proven { tcp, established: answer?, leftover: input, addr })
    }
}

/// Reads what there is; the end of the connection is an error.
async fn read_some(tcp: &mut TcpStream, input: &mut Vec<u8>) -> Result<(), LinkError> {
    if tcp.read_buf(input).await? == 0 {
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
