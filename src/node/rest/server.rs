//! Sockets of the HTTP API: accepts, does TLS, keeps time limits and places, asks for the secret, reads the body, answers.
//!
//! Bounds: `max_clients` connections at each listener, of which those that have shown no secret are few (`places`); a head of
//! [`HEAD_MAX`] bytes within [`HEAD`], which is also how long a connection may be idle; a body of [`BODY_MAX`] bytes, a message to
//! publish aside, within [`BODY`]; an answer within [`WORK`]; and whoever takes nothing of it for `send_timeout` is closed. Of
//! an address that showed a wrong secret lately, one secret a second is looked at ([`guesses`](super::guesses)).

use std::{
    convert::Infallible,
    io,
    net::SocketAddr,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
    time::Duration,
};

use bytes::Bytes;
use http_body_util::{BodyExt, Full, Limited};
use hyper::{
    Request, Response,
    body::Incoming,
    header::{self, HeaderMap, HeaderValue},
    http::request::Parts,
    server::conn::http1,
    service::service_fn,
};
use hyper_util::rt::{TokioIo, TokioTimer};
use serde_json::Value;
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::{TcpListener, TcpStream},
    sync::{OwnedSemaphorePermit, Semaphore},
    time::{Sleep, sleep, timeout},
};

use super::{
    answer::{Answer, Content, code},
    call::{self, Call},
    guesses::{Guesses, Turn},
    is_open,
    places::{Place, Strangers},
    plan,
    settings::Settings,
    v5::translated,
};
use crate::{
    broker::{bans::Banned, stats::Metric},
    ctl::render::shown,
    net::supervise,
    node::{
        control::Desk,
        listener::{self, settings::Listener},
        locks,
        tls::listener as tls,
        told::Told,
    },
};

/// Bytes of a request before its body, at most.
const HEAD_MAX: usize = 16 << 10;
/// A head has this long, and a connection may be silent this long between two requests.
const HEAD: Duration = Duration::from_secs(10);
/// Bytes of a body, at most.
const BODY_MAX: usize = 64 << 10;
/// A body has this long.
const BODY: Duration = Duration::from_secs(10);
/// What is asked has this long; another node that is silent takes 8 s.
const WORK: Duration = Duration::from_secs(30);
/// A wrong secret is answered after this long, and what comes behind it from its address is looked at after this long.
const PENALTY: Duration = Duration::from_secs(1);
/// A listener that cannot open tries again.
const RETRY: Duration = Duration::from_secs(5);
/// A pause after an accept that failed.
const PAUSE: Duration = Duration::from_millis(100);
/// Requests that gather rows of the cluster or hash passwords, at once; the others wait. As many publish: these are through soon,
/// and do not wait behind a node that is silent.
const ABREAST: usize = 4;

/// The HTTP API of a node.
pub struct Api {
    pub(super) desk: Arc<Desk>,
    pub(super) settings: Settings,
    strangers: Arc<Strangers>,
    guesses: Guesses,
    pub(super) abreast: Arc<Semaphore>,
    pub(super) publishing: Semaphore,
    told: Told,
}

/// A listener that is open.
struct Open {
    settings: Listener,
    socket: TcpListener,
}

impl Api {
    /// Opens it where it is set to be; nothing waits for it, and nothing fails with it.
    pub fn start(desk: Arc<Desk>, settings: Settings) {
        let listeners = settings.listeners.clone();
        desk.node().hub().apps.configure(settings.apps.clone());
        if let Some(tls) = listeners.iter().find_map(|one| one.tls.as_ref()) {
            let tls = tls::ListenerTls::new(tls.material.clone());
            let _ = desk.node().hub().api_tls.set(tls);
        }
        let api = Arc::new(Self {
            desk,
            settings,
            strangers: Arc::default(),
            guesses: Guesses::default(),
            abreast: Arc::new(Semaphore::new(ABREAST)),
            publishing: Semaphore::new(ABREAST),
            told: Told::default(),
        });
        for one in listeners {
            supervise::spawn_core("HTTP API", api.clone().listen(one));
        }
    }

    /// Accepts for ever.
    async fn listen(self: Arc<Self>, settings: Listener) {
        let open = self.open(settings).await;
        let (name, address) = (&*open.settings.name, open.socket.local_addr().ok());
        tracing::info!(listener = name, ?address, "HTTP API listens");
        if self.desk.node().hub().apps.is_empty() {
            tracing::warn!(
                "HTTP API: no application may use it yet; emqx-rs-ctl mgmt insert ID NAME makes one"
            );
        }
        let places = Arc::new(Semaphore::new(open.settings.max_connections));
        let settings = Arc::new(open.settings);
        loop {
            let (tcp, peer) = match open.socket.accept().await {
                Ok(accepted) => accepted,
                Err(error) => {
                    tracing::warn!(%error, "HTTP API cannot accept");
                    sleep(PAUSE).await;
                    continue;
                }
            };
            let peer = SocketAddr::new(peer.ip().to_canonical(), peer.port());
            let Ok(place) = places.clone().try_acquire_owned() else {
                self.count(Metric::ApiRefused);
                continue;
            };
            let _ = tcp.set_nodelay(settings.nodelay);
            let serving = self.clone().serve(tcp, peer, settings.clone(), place);
            supervise::spawn("API connection", serving);
        }
    }

    /// Opens a socket as soon as that can be: the address may come up later, and the certificate with a reload.
    async fn open(&self, settings: Listener) -> Open {
        let mut said = false;
        loop {
            let missing = self.tls(&settings).and_then(tls::ListenerTls::missing);
            let error = match missing {
                Some(why) => why,
                None => match listener::bind_tcp(&settings) {
                    Ok(socket) => return Open { settings, socket },
                    Err(error) => error.to_string(),
                },
            };
            if !said {
                let address = settings.bind.to_string();
                tracing::error!(address, error, "HTTP API cannot listen, and tries again");
            }
            said = true;
            sleep(RETRY).await;
        }
    }

    fn tls(&self, settings: &Listener) -> Option<&tls::ListenerTls> {
        settings.tls.as_ref().and_then(|_| self.desk.node().hub().api_tls.get())
    }

    /// Bytes of a message, at most.
    fn max_message(&self) -> usize {
        locks::read(&self.desk.node().hub().session_settings).max_packet_size
    }

    pub(super) fn count(&self, metric: Metric) {
        self.desk.node().hub().stats.count(metric);
    }

    /// One connection, until it ends or has to give its place up.
    async fn serve(
        self: Arc<Self>,
        tcp: TcpStream,
        peer: SocketAddr,
        settings: Arc<Listener>,
        _place: OwnedSemaphorePermit,
    ) {
        let hub = self.desk.node().hub();
        let client = Banned { client_id: "", username: None, peer: peer.ip() };
        if hub.bans.reason(&client, hub.clock).is_some() {
            return self.count(Metric::ApiRefused);
        }
        let (seat, full) = self.strangers.take(peer.ip());
        if full {
            self.count(Metric::ApiRefused);
        }
        let lost = seat.lost();
        let serving = async {
            let stream: Box<dyn Duplex> = match self.tls(&settings) {
                None => Box::new(tcp),
                Some(tls) => {
                    let limit = settings.tls.as_ref().map(|tls| tls.settings.handshake_timeout);
                    let _turn = hub.handshakes.turn(peer.ip()).await;
                    match timeout(limit.unwrap_or(HEAD), tls.accept(tcp)).await {
                        Ok(Ok(tls)) => Box::new(tls),
                        Ok(Err(_)) | Err(_) => return,
                    }
                }
            };
            let stream = Moving { stream, limit: settings.send_timeout, stuck: None };
            let (api, seat) = (&self, &seat);
            let service = service_fn(move |request| async move {
                let v5 = request.uri().path().starts_with("/api/v5/");
                let answer = api.answer(request, (seat, peer)).await;
                Ok::<_, Infallible>(response(if v5 { translated(answer) } else { answer }))
            });
            let mut http = http1::Builder::new();
            http.timer(TokioTimer::new()).header_read_timeout(HEAD).max_buf_size(HEAD_MAX);
            if let Err(error) = http.serve_connection(TokioIo::new(stream), service).await {
                tracing::debug!(%peer, %error, "API connection broke off");
            }
        };
        tokio::select! {
            () = Box::pin(serving) => {}
            () = lost.notified() => {}
        }
    }

    async fn answer(
        &self,
        request: Request<Incoming>,
        (seat, peer): (&Place, SocketAddr),
    ) -> Answer {
        self.count(Metric::ApiRequests);
        let (head, body) = request.into_parts();
        let query = head.uri.query().unwrap_or_default();
        let rows = self.settings.max_rows;
        let Some(mut call) = Call::parse(head.method.clone(), head.uri.path(), query, rows) else {
            return Answer::bare(400);
        };
        call.at = self.desk.node().hub().clock.wall();
        if !is_open(&call) {
            let app = match self.admit(&head.headers, peer).await {
                Ok(app) => app,
                Err(answer) => return answer,
            };
            seat.known();
            if !call.reads() {
                if is_of_another_site(&head) {
                    return Answer::bare(403);
                }
                let (path, method) = (call.path.join("/"), call.verb());
                tracing::info!(app, %peer, method, path = shown(&path), "request to the HTTP API");
            }
        }
        // A payload in base64 takes a third more.
        let publishes = call.path.last().is_some_and(|last| last.starts_with("publish"));
        let more = if publishes { self.max_message().saturating_mul(4) / 3 } else { 0 };
        call.body = match timeout(BODY, Limited::new(body, BODY_MAX + more).collect()).await {
            Ok(Ok(body)) => body.to_bytes(),
            Ok(Err(error)) if error.is::<http_body_util::LengthLimitError>() => {
                return Answer::bare(413);
            }
            Ok(Err(_)) => return Answer::bare(400),
            Err(_) => return Answer::bare(408),
        };
        let plan = plan(&call);
        timeout(WORK, self.perform(plan, &call)).await.unwrap_or_else(|_| Answer::bare(504))
    }

    /// The application that asks.
    ///
    /// # Errors
    /// There is none, or its secret is wrong: the answer, when its time has come.
    async fn admit(&self, headers: &HeaderMap, peer: SocketAddr) -> Result<String, Answer> {
        let denied = |code, why| Err(Answer::fault_with(401, code, why));
        let Some(header) = headers.get(header::AUTHORIZATION) else {
            return denied(code::NO_CREDENTIALS, "id and secret of an application are needed");
        };
        let hub = self.desk.node().hub();
        let turn = self.guesses.turn(peer.ip(), header.as_bytes(), hub.clock.now());
        let has_waited = turn.is_some();
        if let Some(turn) = turn {
            wait(&turn).await;
        }
        let given = call::basic(header.as_bytes());
        if let Some((id, secret)) = &given
            && hub.apps.admits(id, secret)
        {
            self.guesses.note_right(peer.ip(), header.as_bytes());
            return Ok(id.clone());
        }
        // Before anything is waited for: nobody has to stay for the answer.
        let turn = self.guesses.note(peer.ip(), header.as_bytes(), hub.clock.now());
        let app: String = given.map(|(id, _)| shown(&id)).unwrap_or_default();
        let app: String = app.chars().take(64).collect();
        self.note_denied(&app, peer);
        if !has_waited {
            wait(&turn).await;
        }
        denied(code::WRONG_CREDENTIALS, "wrong id or secret")
    }

    fn note_denied(&self, app: &str, peer: SocketAddr) {
        let hub = self.desk.node().hub();
        self.count(Metric::ApiDenied);
        hub.on_api_failure(app, peer.ip());
        if self.told.is_due(&peer.ip().to_string(), hub.clock.now()) {
            // What nobody is called may be a secret in the wrong field.
            let app = Some(app).filter(|app| hub.apps.is_known(app));
            tracing::warn!(%peer, app, "HTTP API: wrong id or secret; told once a minute of an address");
        }
    }
}

/// Waits for a turn, and then for its time.
async fn wait(turn: &Turn) {
    let _turn = turn.acquire().await;
    sleep(PENALTY).await;
}

/// A page of another site had a browser send it, with the secret that the browser remembers.
fn is_of_another_site(head: &Parts) -> bool {
    let of = |name| head.headers.get(name).map(HeaderValue::as_bytes);
    let Some(origin) = of(header::ORIGIN) else { return false };
    let here = of(header::HOST).unwrap_or_default();
    [&b"http://"[..], b"https://"].iter().all(|scheme| origin.strip_prefix(*scheme) != Some(here))
}

fn response(answer: Answer) -> Response<Full<Bytes>> {
    let (kind, body) = match answer.content {
        Content::Nothing => ("", Bytes::new()),
        Content::Text(text) => ("text/plain; charset=utf-8", text.into()),
        Content::Json(value) => ("application/json", Value::to_string(&value).into()),
    };
    let mut response = Response::new(Full::new(body));
    *response.status_mut() = hyper::StatusCode::from_u16(answer.status).unwrap_or_default();
    let headers = response.headers_mut();
    if !kind.is_empty() {
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
    }
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    if answer.status == 401 {
        let realm = HeaderValue::from_static("Basic realm=\"emqx-rs\"");
        headers.insert(header::WWW_AUTHENTICATE, realm);
    }
    response
}

/// What HTTP is spoken over.
trait Duplex: AsyncRead + AsyncWrite + Unpin + Send {}

impl<S: AsyncRead + AsyncWrite + Unpin + Send> Duplex for S {}

/// A stream that breaks when the other end takes nothing for a while.
struct Moving {
    stream: Box<dyn Duplex>,
    limit: Duration,
    stuck: Option<Pin<Box<Sleep>>>,
}

impl Moving {
    /// What came of writing, or that this has stood still for too long.
    fn moved<T>(
        &mut self,
        written: Poll<io::Result<T>>,
        cx: &mut Context<'_>,
    ) -> Poll<io::Result<T>> {
        if written.is_ready() {
            self.stuck = None;
            return written;
        }
        let limit = self.limit;
        let stuck = self.stuck.get_or_insert_with(|| Box::pin(sleep(limit)));
        ready!(stuck.as_mut().poll(cx));
        Poll::Ready(Err(io::ErrorKind::TimedOut.into()))
    }
}

impl AsyncRead for Moving {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, buf)
    }
}

impl AsyncWrite for Moving {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write(cx, bytes);
        self.moved(written, cx)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let flushed = Pin::new(&mut self.stream).poll_flush(cx);
        self.moved(flushed, cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let shut = Pin::new(&mut self.stream).poll_shutdown(cx);
        self.moved(shut, cx)
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::AsyncWriteExt;

    use super::*;

    #[tokio::test]
    async fn who_takes_nothing_is_closed() {
        let (stream, _other) = tokio::io::duplex(16);
        let limit = Duration::from_millis(20);
        let mut moving = Moving { stream: Box::new(stream), limit, stuck: None };
        let written = moving.write_all(&[0; 17]).await;
        assert_eq!(written.unwrap_err().kind(), io::ErrorKind::TimedOut);
    }

    #[test]
    fn a_browser_is_believed_when_it_comes_from_here() {
        let head = |origin: Option<&str>| {
            let mut request = Request::builder().header("host", "h:8081");
            if let Some(origin) = origin {
                request = request.header("origin", origin);
            }
            is_of_another_site(&request.body(()).unwrap().into_parts().0)
        };
        assert!(!head(None) && !head(Some("http://h:8081")) && !head(Some("https://h:8081")));
        assert!(head(Some("http://h")) && head(Some("null")) && head(Some("http://evil")));
    }
}
