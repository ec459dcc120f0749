//! Asks an HTTP server whether a client may connect, whether it is a superuser, and what it may do (EMQX `emqx_auth_http` 4.4).
//!
//! Status 200 lets it in, unless the body is `ignore`, which leaves it to `allow_anonymous`; another status refuses it. A server
//! that does not answer refuses too: nobody comes in because something is broken. What a client may do is answered alike; there
//! `ignore` leaves it to the rules. Each login is a task of its own, so a slow
//! server holds up those who wait for it and nobody else; so many are asked at once (`auth.http.pool_size`), the others wait for
//! their turn within the same limit of time. As many connections are kept for what comes next.

use std::{fmt::Write as _, net::IpAddr, sync::Arc, time::Duration};

use http_body_util::Full;
use hyper::{Method, Request, body::Bytes, header};
use rustls::ClientConfig;
use tokio::{sync::Semaphore, time::timeout};

use super::http_pool::Pool;
use crate::{
    broker::{
        access::{Action, ConnectAttempt},
        stats::Stats,
        verdicts::Ruling,
    },
    cluster::settings::Server,
};

/// What is asked, and how.
#[derive(Debug)]
pub struct AuthHttp {
    /// Whether a client may connect.
    pub auth: Option<HttpRequest>,
    /// Whether it is a superuser; asked of those who may connect.
    pub superuser: Option<HttpRequest>,
    /// What a client may do.
    pub acl: Option<HttpRequest>,
    /// From the question to the last byte of the answer, waiting for its turn included.
    pub timeout: Duration,
    /// How to prove a server that is asked over TLS.
    pub tls: Option<ClientConfig>,
    asked: Asked,
}

/// Who is asked at once, in the order in which they came, and over what.
#[derive(Debug)]
struct Asked {
    turns: Semaphore,
    pool: Arc<Pool>,
    most: usize,
}

/// Questions about one client that are asked at once, at most.
const ABREAST: usize = 16;

/// One request, with placeholders in its parameters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HttpRequest {
    /// Whom to ask.
    pub server: Server,
    /// Path, with a query if the URL had one.
    pub path: String,
    /// How.
    pub method: HttpMethod,
    /// Headers beside those that each request has.
    pub headers: Vec<(String, String)>,
    /// Names and texts; [`FILLED`] says what is filled in.
    pub params: Vec<(String, String)>,
}

/// How the parameters go.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum HttpMethod {
    /// In the URL.
    Get,
    /// In the body.
    #[default]
    Post,
    /// In the body.
    Put,
}

/// Placeholders: user name, client id, address, protocol, port of the listener, password. [`NO_CERTIFICATE`] are known, too.
pub const FILLED: &str = "ucarpPCd";
/// Placeholders for the common name and the whole name in a certificate. They stay empty, as they do in EMQX for a client without
/// one: what a certificate says is not kept, but where a listener makes it the user name (`%u`) or the client id (`%c`).
pub const NO_CERTIFICATE: &str = "Cd";
/// Beside them, where it is asked what a client may do: 1 to subscribe and 2 to publish, topic, mount point. No password is kept,
/// so there `%P` is empty, as it is in EMQX.
pub const FILLED_ACL: &str = "Atm";

/// What is filled in.
#[derive(Clone, Copy)]
pub(in crate::node) struct Client<'a> {
    pub(in crate::node) username: Option<&'a str>,
    pub(in crate::node) client_id: &'a str,
    pub(in crate::node) peer: IpAddr,
    pub(in crate::node) port: u16,
    pub(in crate::node) password: Option<&'a [u8]>,
    pub(in crate::node) question: Option<(Action, &'a str)>,
    pub(in crate::node) mount: Option<&'a str>,
}

impl<'a> Client<'a> {
    /// One that wants to connect, on a listener with this port.
    pub(in crate::node) const fn of(attempt: &ConnectAttempt<'a>, port: u16) -> Self {
        Self {
            username: attempt.username,
            client_id: attempt.client_id,
            peer: attempt.peer,
            port,
            password: attempt.password,
            question: None,
            mount: None,
        }
    }
}

/// What the server says of a client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::node) enum Said {
    /// It may connect; whether it is a superuser.
    Yes(bool),
    /// Others are to decide.
    Ignore,
    /// It may not; with this status.
    No(u16),
    /// The server does not answer.
    Nothing,
}

impl AuthHttp {
    /// Nothing is asked yet; later as many at once as `pool_size` says.
    #[must_use]
    pub fn new(
        pool_size: usize,
        timeout: Duration,
        connect_timeout: Duration,
        tls: Option<ClientConfig>,
    ) -> Self {
        let (turns, pool) = (Semaphore::new(pool_size), Pool::new(pool_size, connect_timeout));
        let asked = Asked { turns, pool, most: pool_size };
        Self { auth: None, superuser: None, acl: None, timeout, tls, asked }
    }

    /// Questions about one client that may be asked at once, so that the next one finds a turn.
    pub(in crate::node) fn abreast(&self) -> usize {
        (self.asked.most / 2).clamp(1, ABREAST)
    }

    /// Asks whether a client may connect.
    pub(in crate::node) async fn ask(self: Arc<Self>, client: &Client<'_>, stats: &Stats) -> Said {
        let Some(auth) = &self.auth else { return Said::Ignore };
        match self.in_time(auth, client, stats).await {
            Ok((200, body)) if body.trim_ascii().eq_ignore_ascii_case(b"ignore") => Said::Ignore,
            Ok((200, _)) => {
                let Some(superuser) = &self.superuser else { return Said::Yes(false) };
                match self.in_time(superuser, client, stats).await {
                    Ok((status, _)) => Said::Yes(status == 200),
                    Err(fault) => {
                        tracing::warn!(name: "auth-server-silent", %fault, "HTTP server does not say who is a superuser");
                        Said::Yes(false)
                    }
                }
            }
            Ok((status, _)) => Said::No(status),
            Err(fault) => {
                tracing::warn!(name: "auth-server-silent", %fault, "HTTP server does not say who may connect");
                Said::Nothing
            }
        }
    }

    /// Whether the client may do what it asks for. Without a limit of time.
    ///
    /// # Errors
    /// The server does not answer, or says that it cannot; in one line.
    pub(in crate::node) async fn may(
        &self,
        client: Client<'_>,
        stats: &Stats,
    ) -> Result<Ruling, String> {
        let Some(acl) = &self.acl else { return Ok(Ruling::Ignore) };
        match self.request(acl, &client, stats).await? {
            (200, body) if body.trim_ascii().eq_ignore_ascii_case(b"ignore") => Ok(Ruling::Ignore),
            (200, _) => Ok(Ruling::Allow),
            (status @ 500.., _) => Err(format!("{}: answers {status}", acl.server)),
            _ => Ok(Ruling::Deny),
        }
    }

    async fn in_time(
        &self,
        request: &HttpRequest,
        client: &Client<'_>,
        stats: &Stats,
    ) -> Result<(u16, Bytes), String> {
        let late = |_| format!("{}: no answer within {:?}", request.server, self.timeout);
        let answer = Box::pin(self.request(request, client, stats));
        timeout(self.timeout, answer).await.map_err(late).and_then(|answer| answer)
    }

    async fn request(
        &self,
        request: &HttpRequest,
        client: &Client<'_>,
        stats: &Stats,
    ) -> Result<(u16, Bytes), String> {
        let (server, asked) = (&request.server, &self.asked);
        let answer = async {
            let _turn = asked.turns.acquire().await.map_err(|closed| closed.to_string())?;
            let message = request.message(client)?;
            asked.pool.ask(server, self.tls.as_ref(), message, stats).await
        };
        answer.await.map_err(|fault| format!("{server}: {fault}"))
    }
}

impl HttpRequest {
    /// With the placeholders filled in.
    fn message(&self, client: &Client<'_>) -> Result<Request<Full<Bytes>>, String> {
        let kind = self.headers.iter().find(|(name, _)| name.eq_ignore_ascii_case("content-type"));
        let json = kind.is_some_and(|(_, kind)| kind.contains("json"));
        let (uri, body, method) = match self.method {
            HttpMethod::Get => {
                let form = self.form(client);
                let mark = if self.path.contains('?') { '&' } else { '?' };
                let query = if form.is_empty() { form } else { format!("{mark}{form}") };
                (format!("{}{query}", self.path), String::new(), Method::GET)
            }
            HttpMethod::Post | HttpMethod::Put => {
                let body = if json { self.json(client) } else { self.form(client) };
                let put = self.method == HttpMethod::Put;
                (self.path.clone(), body, if put { Method::PUT } else { Method::POST })
            }
        };
        let mut message = Request::builder()
            .method(method)
            .uri(uri)
            .header(header::HOST, self.server.authority());
        if kind.is_none() && self.method != HttpMethod::Get {
            message = message.header(header::CONTENT_TYPE, "application/x-www-form-urlencoded");
        }
        for (name, text) in &self.headers {
            message = message.header(name, text);
        }
        message.body(Full::new(body.into())).map_err(|error| format!("cannot be asked: {error}"))
    }

    fn form(&self, client: &Client<'_>) -> String {
        let pair = |(name, text): &(String, String)| {
            format!("{}={}", encoded(name.as_bytes()), encoded(&filled(text, client)))
        };
        self.params.iter().map(pair).collect::<Vec<_>>().join("&")
    }

    fn json(&self, client: &Client<'_>) -> String {
        let pair = |(name, text): &(String, String)| {
            let text = String::from_utf8_lossy(&filled(text, client)).into_owned();
            (name.clone(), serde_json::Value::String(text))
        };
        serde_json::Value::Object(self.params.iter().map(pair).collect()).to_string()
    }
}

/// `text` with its placeholders filled in.
fn filled(text: &str, client: &Client<'_>) -> Vec<u8> {
    let (mut out, mut chars) = (Vec::new(), text.chars());
    let address = |ip: IpAddr| ip.to_canonical().to_string();
    while let Some(letter) = chars.next() {
        let word = (letter == '%').then(|| chars.next()).flatten();
        match word {
            Some('u') => out.extend_from_slice(client.username.unwrap_or_default().as_bytes()),
            Some('c') => out.extend_from_slice(client.client_id.as_bytes()),
            Some('a') => out.extend_from_slice(address(client.peer).as_bytes()),
            Some('r') => out.extend_from_slice(b"mqtt"),
            Some('p') => out.extend_from_slice(client.port.to_string().as_bytes()),
            Some('P') => out.extend_from_slice(client.password.unwrap_or_default()),
            Some('A') => out.extend_from_slice(match client.question {
                Some((Action::Subscribe, _)) => b"1",
                Some((Action::Publish, _)) => b"2",
                None => b"",
            }),
            Some('t') => {
                out.extend_from_slice(client.question.map_or("", |(_, topic)| topic).as_bytes());
            }
            Some('C' | 'd') => {}
            Some('m') => out.extend_from_slice(client.mount.unwrap_or_default().as_bytes()),
            Some(other) => out.extend_from_slice(format!("%{other}").as_bytes()),
            None => out.extend_from_slice(letter.encode_utf8(&mut [0; 4]).as_bytes()),
        }
    }
    out
}

/// As `application/x-www-form-urlencoded` wants it, with `%20` for a blank.
fn encoded(bytes: &[u8]) -> String {
    let mut out = String::with_capacity(bytes.len());
    for byte in bytes {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(byte) {
            out.push(char::from(*byte));
        } else {
            // Writing to a string cannot fail.
            let _ = write!(out, "%{byte:02X}");
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use http_body_util::BodyExt;

    use super::*;
    use crate::time::Wall;

    fn request(
        method: HttpMethod,
        headers: &[(&str, &str)],
        params: &[(&str, &str)],
    ) -> HttpRequest {
        let owned = |pairs: &[(&str, &str)]| {
            pairs.iter().map(|(a, b)| ((*a).to_owned(), (*b).to_owned())).collect()
        };
        HttpRequest {
            server: Server { tls: false, host: "h".into(), port: 80 },
            path: "/auth".into(),
            method,
            headers: owned(headers),
            params: owned(params),
        }
    }

    async fn text(request: &HttpRequest) -> (String, String) {
        let attempt = ConnectAttempt {
            zone: "z",
            client_id: "c&1",
            username: Some("b\u{f6}b"),
            password: Some(b"p=\xff %u"),
            peer: [10, 0, 0, 1].into(),
            wall: Wall::default(),
        };
        let client = Client {
            question: Some((Action::Publish, "a/+ b")),
            mount: Some("m/"),
            ..Client::of(&attempt, 1883)
        };
        let message = request.message(&client).unwrap();
        let uri = format!("{} {}", message.method(), message.uri());
        let body = message.into_body().collect().await.unwrap().to_bytes();
        (uri, String::from_utf8(body.to_vec()).unwrap())
    }

    #[tokio::test]
    async fn parameters_are_filled_in_and_encoded() {
        let params = [
            ("id", "%c"),
            ("name", "x-%u"),
            ("ip", "%a"),
            ("pw", "%P"),
            ("q", "100%%x"),
            ("what", "%A:%t:%m:%p"),
        ];
        let form = "id=c%261&name=x-b%C3%B6b&ip=10.0.0.1&pw=p%3D%FF%20%25u&q=100%25%25x\
                    &what=2%3Aa%2F%2B%20b%3Am%2F%3A1883";
        let get = text(&request(HttpMethod::Get, &[], &params)).await;
        assert_eq!(get, (format!("GET /auth?{form}"), String::new()));
        let post = text(&request(HttpMethod::Post, &[], &params)).await;
        assert_eq!(post, ("POST /auth".into(), form.into()));
        let headers = [("Content-Type", "application/json")];
        let json = text(&request(HttpMethod::Put, &headers, &params[..2])).await;
        let want = "{\"id\":\"c&1\",\"name\":\"x-b\u{f6}b\"}";
        assert_eq!(json, ("PUT /auth".into(), want.into()));
        let none = text(&request(HttpMethod::Get, &[], &[])).await;
        assert_eq!(none.0, "GET /auth");
    }
}
