//! A small client for HTTP/1.1, with TLS or without, with a limit of time and of bytes. What is asked seldom has one connection for
//! each request; the others are kept by `access/http_pool.rs`. Every fault says which server it was and what to do about it.

use std::{fs, io, os::unix::fs::PermissionsExt, path::Path, sync::Arc, time::Duration};

use http_body_util::{BodyExt, Full, Limited};
use hyper::{
    Method, Request,
    body::Bytes,
    client::conn::http1::{self, SendRequest},
    header,
};
use hyper_util::rt::TokioIo;
use rustls::{
    ClientConfig, RootCertStore,
    pki_types::{CertificateDer, PrivateKeyDer, ServerName, pem::PemObject},
};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::TcpStream,
    time::timeout,
};
use tokio_rustls::TlsConnector;

use crate::{
    cluster::settings::{Server, TlsFiles},
    net::supervise,
};

/// From the lookup of the name to the last byte of the answer.
const LIMIT: Duration = Duration::from_secs(5);
/// Longest answer. A node is some 300 bytes in it.
const MAX_BYTES: usize = 4 << 20;
/// What of an answer that is a fault goes into the log.
const SHOWN: usize = 200;

/// What to ask.
#[derive(Debug)]
pub(crate) struct Ask {
    pub(crate) path: String,
    /// A body is JSON and is posted.
    pub(crate) body: Option<String>,
    pub(crate) token: Option<String>,
}

/// Why there is no answer that is of use.
#[derive(Debug)]
pub(crate) struct Fault {
    /// The server answered, with this status.
    pub(crate) status: Option<u16>,
    /// Which server, what is wrong, and what to do about it, in one line.
    pub(crate) text: String,
}

/// Asks for JSON. `tls`: how to prove the server, needed where it is asked over TLS.
///
/// # Errors
/// No connection, no trust, no answer within the limit, or one that is not a success or not JSON. `hint` is what to do about a
/// status.
pub(crate) async fn json(
    server: &Server,
    tls: Option<ClientConfig>,
    ask: Ask,
    hint: impl Fn(u16) -> &'static str,
) -> Result<serde_json::Value, Fault> {
    let late = |_| format!("no answer within {} s; is a firewall in the way?", LIMIT.as_secs());
    let fault = |status, what: String| Fault { status, text: format!("{server}: {what}") };
    let request = request(server, ask).map_err(|what| fault(None, what))?;
    let answer = timeout(LIMIT, Box::pin(exchange(server, tls, request))).await.map_err(late);
    let answer = answer.and_then(|answer| answer);
    let (status, body) = answer.map_err(|what| fault(None, what))?;
    if !(200..300).contains(&status) {
        let what = format!("answers {status} {}{}", shown(&body), hint(status));
        return Err(fault(Some(status), what));
    }
    serde_json::from_slice(&body).map_err(|_| {
        let what = format!("answers no JSON but {}; is it the right port?", shown(&body));
        fault(Some(status), what)
    })
}

/// The beginning of an answer, fit for a line of the log.
fn shown(body: &[u8]) -> String {
    let text = String::from_utf8_lossy(body.get(..SHOWN).unwrap_or(body));
    text.trim().escape_debug().to_string()
}

/// Sends requests over one connection, one after the other. Who drops it closes the connection.
pub(super) type Sender = SendRequest<Full<Bytes>>;

/// Sends one request over a connection of its own; gives status and body. Without a limit of time.
///
/// # Errors
/// No connection, no trust, or an answer that ends early, in one line.
async fn exchange(
    server: &Server,
    tls: Option<ClientConfig>,
    request: Request<Full<Bytes>>,
) -> Result<(u16, Bytes), String> {
    let mut sender = open(server, tls).await?;
    send(&mut sender, request).await
}

/// Connects.
///
/// # Errors
/// No connection, or no trust, in one line.
pub(super) async fn open(server: &Server, tls: Option<ClientConfig>) -> Result<Sender, String> {
    let tcp = TcpStream::connect((server.host.as_str(), server.port)).await;
    let tcp = tcp.map_err(|error| format!("cannot connect: {error}"))?;
    // Head and body may go in two writes, and the second one must not wait for an acknowledgement.
    tcp.set_nodelay(true).map_err(|error| format!("cannot connect: {error}"))?;
    match tls.filter(|_| server.tls) {
        Some(config) => {
            let name = ServerName::try_from(server.host.clone());
            let name = name.map_err(|_| "no name that a certificate could have".to_owned())?;
            let tls = TlsConnector::from(Arc::new(config)).connect(name, tcp).await;
            begin(tls.map_err(|error| tls_fault(&error))?).await
        }
        None if server.tls => Err("no certificates to prove the server by".to_owned()),
        None => begin(tcp).await,
    }
}

async fn begin(
    stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
) -> Result<Sender, String> {
    let (sender, connection) = http1::handshake(TokioIo::new(stream)).await.map_err(broken)?;
    // Ends with the sender, or when its answer is not wanted any more. What breaks it is told to the sender.
    supervise::spawn("HTTP connection", async move { drop(connection.await) });
    Ok(sender)
}

/// Sends a request and reads the answer to its end.
///
/// # Errors
/// The connection broke, or the answer is too long, in one line.
pub(super) async fn send(
    sender: &mut Sender,
    request: Request<Full<Bytes>>,
) -> Result<(u16, Bytes), String> {
    let answer = sender.send_request(request).await.map_err(broken)?;
    let status = answer.status().as_u16();
    let body = Limited::new(answer.into_body(), MAX_BYTES).collect().await;
    let body = body.map_err(|error| format!("the answer ended early: {error}"))?;
    Ok((status, body.to_bytes()))
}

#[expect(clippy::needless_pass_by_value, reason = "as map_err wants it")]
fn broken(error: hyper::Error) -> String {
    format!("the connection broke: {error}")
}

fn tls_fault(error: &io::Error) -> String {
    format!(
        "TLS: {error}; its certificate must come from the authority in the CA file, name this host as subjectAltName and be \
         in date, and TLS 1.3 is needed"
    )
}

fn request(server: &Server, ask: Ask) -> Result<Request<Full<Bytes>>, String> {
    let method = if ask.body.is_some() { Method::POST } else { Method::GET };
    let mut request = Request::builder()
        .method(method)
        .uri(ask.path)
        .header(header::HOST, server.authority())
        .header(header::ACCEPT, "application/json")
        .header(header::CONTENT_TYPE, "application/json")
        .header(header::CONNECTION, "close");
    if let Some(token) = ask.token {
        request = request.header(header::AUTHORIZATION, format!("Bearer {token}"));
    }
    let request = request.body(Full::new(Bytes::from(ask.body.unwrap_or_default())));
    request.map_err(|error| format!("cannot be asked: {error}"))
}

/// Reads what proves a server, and this node to it. Each time anew: the files change.
///
/// # Errors
/// A file that cannot be read or holds something else, or a key that everybody can read; with its name and a remedy.
pub(crate) fn client_config(files: &TlsFiles) -> Result<ClientConfig, String> {
    let mut roots = RootCertStore::empty();
    for root in certificates(&files.ca)? {
        let bad = |error| format!("{}: no authority: {error}", files.ca.display());
        roots.add(root).map_err(bad)?;
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| error.to_string())?
        .with_root_certificates(roots);
    let Some((certificate, key)) = &files.own else { return Ok(builder.with_no_client_auth()) };
    let mismatch = |error| {
        let (certificate, key) = (certificate.display(), key.display());
        format!("{certificate} and {key} do not go together: {error}")
    };
    builder.with_client_auth_cert(certificates(certificate)?, private_key(key)?).map_err(mismatch)
}

fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, String> {
    let text = read(path)?;
    let found: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&text).collect();
    let found = found.map_err(|error| format!("{}: {error}", path.display()))?;
    if found.is_empty() {
        return Err(format!("{}: expected PEM with BEGIN CERTIFICATE", path.display()));
    }
    Ok(found)
}

fn private_key(path: &Path) -> Result<PrivateKeyDer<'static>, String> {
    let text = read(path)?;
    let mode = fs::metadata(path).map_or(0, |file| file.permissions().mode() & 0o777);
    let path = path.display();
    if mode & 0o004 != 0 {
        return Err(format!(
            "{path}: mode {mode:04o}: a key that everybody can read is refused; chmod 640 it"
        ));
    }
    let sealed = String::from_utf8_lossy(&text).contains("ENCRYPTED");
    PrivateKeyDer::from_pem_slice(&text).map_err(|_| {
        let remedy = if sealed {
            "the key is encrypted; decrypt it with openssl pkey"
        } else {
            "expected PEM with BEGIN PRIVATE KEY"
        };
        format!("{path}: {remedy}")
    })
}

fn read(path: &Path) -> Result<Vec<u8>, String> {
    fs::read(path).map_err(|error| format!("{} cannot be read: {error}", path.display()))
}

#[cfg(test)]
mod tests {
    use std::{fs::Permissions, path::PathBuf};

    use super::*;

    /// What is wrong with a key of this text and mode, beside a certificate that is good.
    #[track_caller]
    fn check(key: &str, mode: u32, want: &str) {
        let dir = tempfile::tempdir().unwrap();
        let signed = rcgen::generate_simple_self_signed(["h".to_owned()]).unwrap();
        let file = |name: &str, text: &str| -> PathBuf {
            let path = dir.path().join(name);
            fs::write(&path, text).unwrap();
            fs::set_permissions(&path, Permissions::from_mode(mode)).unwrap();
            path
        };
        let ca = file("ca.pem", &signed.cert.pem());
        let good = signed.signing_key.serialize_pem();
        let own = Some((ca.clone(), file("key.pem", if key.is_empty() { &good } else { key })));
        let fault = client_config(&TlsFiles { ca, own }).map(drop).unwrap_err();
        let front = format!("{}/", dir.path().display());
        assert_eq!(fault.replace(&front, ""), want);
    }

    #[test]
    fn a_key_that_does_not_do_is_told_with_a_remedy() {
        check(
            "",
            0o644,
            "key.pem: mode 0644: a key that everybody can read is refused; chmod 640 it",
        );
        check("nonsense", 0o600, "key.pem: expected PEM with BEGIN PRIVATE KEY");
        check(
            "-----BEGIN ENCRYPTED PRIVATE KEY-----\nAAAA\n-----END ENCRYPTED PRIVATE KEY-----\n",
            0o600,
            "key.pem: the key is encrypted; decrypt it with openssl pkey",
        );
    }

    #[test]
    fn authorities_that_are_none_are_told() {
        let dir = tempfile::tempdir().unwrap();
        let ca = dir.path().join("ca.pem");
        let fault = |ca: &Path| {
            client_config(&TlsFiles { ca: ca.into(), own: None }).map(drop).unwrap_err()
        };
        assert!(
            fault(&ca).ends_with("ca.pem cannot be read: No such file or directory (os error 2)")
        );
        fs::write(&ca, "").unwrap();
        assert!(fault(&ca).ends_with("ca.pem: expected PEM with BEGIN CERTIFICATE"));
    }

    #[test]
    fn an_answer_in_the_log_is_short_and_on_one_line() {
        assert_eq!(shown(b"a\n\x1b[31mb "), "a\\n\\u{1b}[31mb");
        assert_eq!(shown(&[b'a'; 1000]).len(), SHOWN);
    }
}
