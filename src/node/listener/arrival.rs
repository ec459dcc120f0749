//! Between accept and MQTT: what a connection goes through on a listener that is more than plain TCP. PROXY header, TLS,
//! WebSocket, each within its time; then the connection begins.

use std::{
    future::Future,
    io,
    net::{IpAddr, SocketAddr},
    sync::Arc,
    time::Duration,
};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpStream, UnixStream},
};
use tokio_rustls::server::TlsStream;

use super::{
    Incoming, Listening,
    places::{Place, Room},
    proxy::{self, Proxied},
    settings::ListenerKind,
    websocket::{
        Framing, Idle, WebSocket,
        upgrade::{self, REQUEST_MAX, Request},
    },
};
use crate::{
    broker::connect::Certified,
    net::supervise,
    node::{
        connection::Connection,
        hub::Hub,
        locks,
        tls::{
            certificate::{self, Subject},
            listener::reason,
        },
        transport::{Stream, Transport},
    },
};

/// A WebSocket request may take this long.
const UPGRADE_LIMIT: Duration = Duration::from_secs(10);
/// A refused client may take this long to read why.
const LINGER: Duration = Duration::from_secs(1);

/// Where a connection stopped that did not come through.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Step {
    /// Its address or the number of connections.
    Access,
    /// The PROXY header.
    Proxy,
    /// TLS.
    Tls,
    /// The WebSocket request.
    WebSocket,
}

impl Step {
    /// Every step.
    pub const ALL: [Self; 4] = [Self::Access, Self::Proxy, Self::Tls, Self::WebSocket];

    /// Its name in the table of listeners.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Access => "refused",
            Self::Proxy => "proxy_protocol",
            Self::Tls => "tls_handshake",
            Self::WebSocket => "websocket_upgrade",
        }
    }
}

/// Why a connection did not come through.
struct Failed {
    step: Step,
    why: String,
    /// The client went away, as those do that only look whether a port is open.
    left: bool,
}

impl Failed {
    fn new(step: Step, why: impl ToString) -> Self {
        Self { step, why: why.to_string(), left: false }
    }

    fn io(step: Step, error: &io::Error) -> Self {
        use io::ErrorKind::{BrokenPipe, ConnectionReset, NotConnected, UnexpectedEof};
        let gone = [BrokenPipe, ConnectionReset, NotConnected, UnexpectedEof];
        Self { step, why: reason(error), left: gone.contains(&error.kind()) }
    }
}

/// A connection that was accepted.
pub(in crate::node) struct Arrival {
    pub(in crate::node) listening: Arc<Listening>,
    pub(in crate::node) hub: Arc<Hub>,
    /// Where it is, as far as that is known.
    pub(in crate::node) peer: SocketAddr,
    pub(in crate::node) place: Place,
    pub(in crate::node) room: Room,
}

/// What came through: the stream, and whom a certificate names.
type Welcome = (Stream, Option<Subject>);

impl Arrival {
    /// Leads it through; the connection goes on in a task of its own, which is small.
    pub(in crate::node) async fn welcome(mut self, incoming: Incoming) {
        match Box::pin(self.prepare(incoming)).await {
            Ok((stream, subject)) => {
                let shared = locks::read(&self.listening.shared).clone();
                let Self { listening, hub, peer, place, room } = self;
                let mut connection = Connection::new(stream, peer, shared, hub, place);
                connection.hurry(room);
                if let Some(certified) = subject.and_then(|subject| certified(&listening, &subject))
                {
                    connection.certify(certified);
                }
                supervise::spawn_unpin("connection", Box::new(connection));
            }
            Err(Failed { step, why, left }) => {
                self.listening.count(step);
                let (listener, step) = (self.listening.settings.id(), step.as_str());
                if left {
                    tracing::debug!(listener, peer = %self.peer, step, why, "client went away");
                } else {
                    tracing::info!(name: "not-let-in", listener, peer = %self.peer, step, why, "client not let in");
                }
            }
        }
    }

    async fn prepare(&mut self, incoming: Incoming) -> Result<Welcome, Failed> {
        match incoming {
            Incoming::Tcp(mut tcp) => {
                let named = self.proxied(&mut tcp).await?;
                match self.listening.settings.kind {
                    ListenerKind::Tcp | ListenerKind::Unix => Ok((Stream::Tcp(tcp), named)),
                    ListenerKind::Ws => Ok((self.websocket(tcp).await?, named)),
                    ListenerKind::Ssl => {
                        let (tls, subject) = self.tls(tcp).await?;
                        Ok((Stream::Other(Box::new(tls)), subject.or(named)))
                    }
                    ListenerKind::Wss => {
                        let (tls, subject) = self.tls(tcp).await?;
                        Ok((self.websocket(tls).await?, subject.or(named)))
                    }
                }
            }
            Incoming::Unix(mut unix) => {
                let named = self.proxied::<UnixStream>(&mut unix).await?;
                Ok((Stream::Other(Box::new(unix)), named))
            }
        }
    }

    /// The PROXY header, where the listener wants one.
    async fn proxied<S: Transport>(&mut self, from: &mut S) -> Result<Option<Subject>, Failed> {
        let settings = &self.listening.settings;
        let Some(limit) = settings.proxy_timeout else { return Ok(None) };
        if !settings.trusts(self.peer.ip()) {
            return Err(Failed::new(Step::Proxy, "not in trusted_proxies"));
        }
        let read = within(limit, proxy::read(from)).await;
        let Proxied { client, common_name } =
            read.map_err(|error| Failed::io(Step::Proxy, &error))?;
        if let Some(client) = client {
            self.move_to(client)?;
        }
        Ok(common_name.map(|name| Subject { common_name: Some(name), ..Subject::default() }))
    }

    /// A proxy says where the client is. Local to another host is not local to this one.
    fn move_to(&mut self, client: SocketAddr) -> Result<(), Failed> {
        let ip = client.ip().to_canonical();
        if ip.is_loopback() && !self.peer.ip().is_loopback() {
            return Ok(());
        }
        self.peer = SocketAddr::new(ip, client.port());
        if !self.listening.settings.accepts(ip) {
            return Err(Failed::new(Step::Access, "closed by listener.*.access"));
        }
        let listening = self.listening.clone();
        if listening.admit_address(&mut self.place, &mut self.room, (ip, &self.hub)) {
            Ok(())
        } else {
            Err(Failed::new(Step::Access, "max_connections_per_address reached"))
        }
    }

    async fn tls(&self, tcp: TcpStream) -> Result<(TlsStream<TcpStream>, Option<Subject>), Failed> {
        let failed = |error: io::Error| Failed::io(Step::Tls, &error);
        let (listening, tls) = (&self.listening, &self.listening.tls);
        let limit = listening.settings.tls.as_ref().map(|tls| tls.settings.handshake_timeout);
        let (Some(tls), Some(limit)) = (tls, limit) else {
            return Err(Failed::new(Step::Tls, "no certificate"));
        };
        let shake = async {
            // Who sends nothing takes no place from others.
            tcp.readable().await?;
            let _turn = self.hub.handshakes.turn(self.peer.ip()).await;
            tls.accept(tcp).await
        };
        let tls = within(limit, shake).await.map_err(failed)?;
        let shown = tls.get_ref().1.peer_certificates().and_then(<[_]>::first);
        let subject = shown.and_then(|shown| certificate::subject(shown));
        Ok((tls, subject))
    }

    async fn websocket<S: Transport + 'static>(&mut self, mut stream: S) -> Result<Stream, Failed> {
        let failed = |error: io::Error| Failed::io(Step::WebSocket, &error);
        let listening = self.listening.clone();
        let asked = within(UPGRADE_LIMIT, ask(&mut stream, &listening.settings.websocket)).await;
        let (request, early) = match asked.map_err(failed)? {
            Ok(asked) => asked,
            Err(refused) => {
                let _ = within(LINGER, refuse(stream, refused.response())).await;
                return Err(Failed::new(Step::WebSocket, refused));
            }
        };
        let client = request.client(self.peer, |ip| listening.settings.trusts(ip));
        if client != self.peer {
            self.move_to(client)?;
        }
        let answer = async {
            stream.write_all(request.response().as_bytes()).await?;
            stream.flush().await
        };
        within(UPGRADE_LIMIT, answer).await.map_err(failed)?;
        let longest = locks::read(&listening.shared).settings.max_packet_size as u64;
        let framing = Framing {
            longest: listening.settings.max_frame.unwrap_or(longest + FRAME_SPARE),
            idle: listening.settings.idle_timeout.map(|limit| Idle::new(self.hub.clock, limit)),
            single: listening.settings.one_packet_frames,
        };
        Ok(Stream::Other(Box::new(WebSocket::new(stream, early, framing))))
    }
}

/// A packet is as long as its zone allows and its own header.
const FRAME_SPARE: u64 = 5;

/// Reads the request and what came behind it.
async fn ask(
    stream: &mut (impl Transport + ?Sized),
    rules: &upgrade::Rules,
) -> io::Result<Result<(Request, Vec<u8>), upgrade::Refused>> {
    let (mut bytes, mut chunk) = (Vec::new(), [0; 1024]);
    loop {
        let room = (REQUEST_MAX - bytes.len().min(REQUEST_MAX)).clamp(1, chunk.len());
        let count = stream.read(chunk.get_mut(..room).unwrap_or_default()).await?;
        if count == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        bytes.extend_from_slice(chunk.get(..count).unwrap_or_default());
        match upgrade::read(&bytes, rules) {
            Ok(None) => {}
            Ok(Some((length, request))) => return Ok(Ok((request, bytes.split_off(length)))),
            Err(refused) => return Ok(Err(refused)),
        }
    }
}

/// Answers, and reads what still comes, or the kernel would answer that with a reset that takes the answer from the client.
async fn refuse(mut stream: impl Transport, response: String) -> io::Result<()> {
    stream.write_all(response.as_bytes()).await?;
    stream.shutdown().await?;
    let mut chunk = [0; 1024];
    while stream.read(&mut chunk).await? > 0 {}
    Ok(())
}

async fn within<T>(limit: Duration, what: impl Future<Output = io::Result<T>>) -> io::Result<T> {
    let timeout = || io::Error::new(io::ErrorKind::TimedOut, format!("not within {limit:?}"));
    tokio::time::timeout(limit, what).await.map_err(|_| timeout())?
}

/// What the listener takes from the certificate.
fn certified(listening: &Listening, subject: &Subject) -> Option<Certified> {
    let settings = &listening.settings;
    let name = |from: Option<super::settings::CertificateName>| {
        from.and_then(|from| from.of(subject)).map(|name| (*name).into())
    };
    let certified = Certified {
        username: name(settings.username_from),
        client_id: name(settings.client_id_from),
    };
    (certified.username.is_some() || certified.client_id.is_some()).then_some(certified)
}

/// Where a client of a Unix socket is: on this host.
pub(in crate::node) const HERE: SocketAddr =
    SocketAddr::new(IpAddr::V4(std::net::Ipv4Addr::LOCALHOST), 0);
