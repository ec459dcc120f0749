//! The HTTP request that opens a WebSocket (RFC 6455 4.2) and what is answered. Pure.

use std::net::{IpAddr, SocketAddr};

use base64ct::{Base64, Encoding};

/// Bytes of a request, and lines of its header.
pub const REQUEST_MAX: usize = 8 << 10;
const LINES: usize = 64;
/// RFC 6455 1.3.
const GUID: &[u8] = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11";

/// What a listener asks of a request (`listener.ws.*`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rules {
    /// The only path that is served; all are when unset.
    pub path: Option<String>,
    /// Sub-protocols that are spoken; one that the client offers is chosen, `mqtt` before others.
    pub protocols: Vec<String>,
    /// A client that offers no sub-protocol at all is refused.
    pub needs_protocol: bool,
    /// Origins that may connect, when they are checked.
    pub origins: Option<Vec<String>>,
    /// With origins checked: who sends none may connect.
    pub origin_may_lack: bool,
    /// Header with the address of the client, from proxies that are trusted.
    pub address_header: String,
    /// Header with its port.
    pub port_header: String,
}

impl Default for Rules {
    fn default() -> Self {
        let names = ["mqtt", "mqttv3.1", "mqtt-v3", "mqtt-v3.1.1", "mqtt-v5"];
        Self {
            path: None,
            protocols: names.map(str::to_owned).to_vec(),
            needs_protocol: true,
            origins: None,
            origin_may_lack: true,
            address_header: "X-Forwarded-For".to_owned(),
            port_header: "X-Forwarded-Port".to_owned(),
        }
    }
}

/// A request that may become a WebSocket.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    accept: String,
    protocol: Option<String>,
    /// Addresses that proxies say they had it from, the last proxy's word last.
    pub forwarded_for: Vec<IpAddr>,
    /// The port that a proxy names.
    pub forwarded_port: Option<u16>,
}

/// A request that does not, and the answer to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{what}")]
pub struct Refused {
    status: &'static str,
    /// Why, for the log.
    pub what: &'static str,
}

const fn refused(status: &'static str, what: &'static str) -> Refused {
    Refused { status, what }
}

const BAD: &str = "400 Bad Request";

impl Refused {
    /// The whole answer.
    #[must_use]
    pub fn response(&self) -> String {
        let version =
            if self.status.starts_with("426") { "Sec-WebSocket-Version: 13\r\n" } else { "" };
        format!(
            "HTTP/1.1 {}\r\n{version}Connection: close\r\nContent-Length: 0\r\n\r\n",
            self.status
        )
    }
}

impl Request {
    /// The whole answer.
    #[must_use]
    pub fn response(&self) -> String {
        let protocol = self.protocol.as_ref();
        let protocol =
            protocol.map(|name| format!("Sec-WebSocket-Protocol: {name}\r\n")).unwrap_or_default();
        format!(
            "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
             Sec-WebSocket-Accept: {}\r\n{protocol}\r\n",
            self.accept
        )
    }

    /// Where the client is, by the word of proxies: `socket` is the last of them, and `trusted` says whose word counts. The
    /// nearest address that is no trusted proxy is the client's.
    #[must_use]
    pub fn client(&self, socket: SocketAddr, trusted: impl Fn(IpAddr) -> bool) -> SocketAddr {
        if !trusted(socket.ip()) {
            return socket;
        }
        let mut far = self.forwarded_for.iter().rev().copied();
        let Some(mut address) = far.next() else { return socket };
        while trusted(address)
            && let Some(next) = far.next()
        {
            address = next;
        }
        SocketAddr::new(address, self.forwarded_port.unwrap_or(0))
    }
}

/// Reads a request. `None`: it is not whole. The number is its length; what comes behind is WebSocket.
///
/// # Errors
/// What is wrong with it.
pub fn read(bytes: &[u8], rules: &Rules) -> Result<Option<(usize, Request)>, Refused> {
    const END: &[u8] = b"\r\n\r\n";
    let Some(end) = bytes.windows(END.len()).position(|four| four == END) else {
        if bytes.len() >= REQUEST_MAX {
            return Err(refused("431 Request Header Fields Too Large", "request above 8 KiB"));
        }
        return Ok(None);
    };
    let length = end + END.len();
    let mut lines = [httparse::EMPTY_HEADER; LINES];
    let mut request = httparse::Request::new(&mut lines);
    match request.parse(bytes.get(..length).unwrap_or_default()) {
        Ok(httparse::Status::Complete(_)) => {}
        Err(httparse::Error::TooManyHeaders) => {
            return Err(refused("431 Request Header Fields Too Large", "more than 64 lines"));
        }
        Ok(httparse::Status::Partial) | Err(_) => return Err(refused(BAD, "no HTTP request")),
    }
    judge(&request, rules).map(|request| Some((length, request)))
}

fn judge(request: &httparse::Request<'_, '_>, rules: &Rules) -> Result<Request, Refused> {
    let header = Header(request.headers);
    if request.method != Some("GET") {
        return Err(refused("405 Method Not Allowed\r\nAllow: GET", "method other than GET"));
    }
    let path = request.path.unwrap_or_default();
    let path = path.split(['?', '#']).next().unwrap_or_default();
    if rules.path.as_ref().is_some_and(|only| only != path) {
        return Err(refused("404 Not Found", "path other than mqtt_path"));
    }
    if request.version != Some(1)
        || !header.has("Upgrade", "websocket")
        || !header.has("Connection", "upgrade")
    {
        return Err(refused(BAD, "no WebSocket request"));
    }
    if header.list("Sec-WebSocket-Version").next() != Some("13") {
        return Err(refused("426 Upgrade Required", "WebSocket version other than 13"));
    }
    check_origin(&header, rules)?;
    let key = header.list("Sec-WebSocket-Key").next().unwrap_or_default();
    if Base64::decode_vec(key).map_or(true, |key| key.len() != 16) {
        return Err(refused(BAD, "Sec-WebSocket-Key is not 16 bytes in base64"));
    }
    Ok(Request {
        accept: accept(key),
        protocol: choose(&header, rules)?,
        forwarded_for: header.list(&rules.address_header).filter_map(address).collect(),
        forwarded_port: header
            .list(&rules.port_header)
            .filter_map(|port| port.parse().ok())
            .next_back(),
    })
}

/// [MQTT-6.0.0-3] and [MQTT-6.0.0-4].
fn choose(header: &Header<'_>, rules: &Rules) -> Result<Option<String>, Refused> {
    let offered: Vec<&str> = header.list("Sec-WebSocket-Protocol").collect();
    if offered.is_empty() && !rules.needs_protocol {
        return Ok(None);
    }
    let spoken = |name: &&&str| rules.protocols.iter().any(|known| known == *name);
    let chosen = offered.iter().filter(spoken).max_by_key(|name| **name == "mqtt");
    let chosen = chosen.map(|name| Some((*name).to_owned()));
    chosen.ok_or(refused(BAD, "no sub-protocol that is spoken here (supported_subprotocols)"))
}

fn check_origin(header: &Header<'_>, rules: &Rules) -> Result<(), Refused> {
    const REFUSED: Refused = refused("403 Forbidden", "origin not in check_origins");
    let Some(allowed) = &rules.origins else { return Ok(()) };
    match header.list("Origin").next() {
        None if rules.origin_may_lack => Ok(()),
        Some(origin) if allowed.iter().any(|known| known.eq_ignore_ascii_case(origin)) => Ok(()),
        None | Some(_) => Err(REFUSED),
    }
}

fn accept(key: &str) -> String {
    let mut sha = ring::digest::Context::new(&ring::digest::SHA1_FOR_LEGACY_USE_ONLY);
    sha.update(key.as_bytes());
    sha.update(GUID);
    Base64::encode_string(sha.finish().as_ref())
}

/// `192.0.2.1`, `2001:db8::1`, `[2001:db8::1]:4711` and `192.0.2.1:4711`.
fn address(text: &str) -> Option<IpAddr> {
    let bare = text.trim_matches(['[', ']', '"']);
    let address = bare.parse().ok();
    address.or_else(|| text.parse::<SocketAddr>().ok().map(|with_port| with_port.ip()))
}

struct Header<'a>(&'a [httparse::Header<'a>]);

impl<'a> Header<'a> {
    /// The words of a line, which commas part; of all lines with this name.
    fn list(&self, name: &str) -> impl DoubleEndedIterator<Item = &'a str> {
        let lines: Vec<_> =
            self.0.iter().filter(|line| line.name.eq_ignore_ascii_case(name)).collect();
        let texts = lines.into_iter().filter_map(|line| std::str::from_utf8(line.value).ok());
        texts.flat_map(|text| text.split(',').map(str::trim)).filter(|word| !word.is_empty())
    }

    fn has(&self, name: &str, word: &str) -> bool {
        self.list(name).any(|found| found.eq_ignore_ascii_case(word))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: &str = "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n";

    fn text(path: &str, lines: &str) -> String {
        format!(
            "GET {path} HTTP/1.1\r\nHost: broker\r\nUpgrade: WebSocket\r\nConnection: keep-alive, Upgrade\r\n\
             Sec-WebSocket-Version: 13\r\n{lines}\r\n"
        )
    }

    fn request(lines: &str, rules: &Rules) -> Result<Request, String> {
        let text = text("/mqtt", &format!("{KEY}{lines}"));
        let read = read(text.as_bytes(), rules).map_err(|refused| refused.response())?;
        let (length, request) = read.unwrap();
        assert_eq!(length, text.len());
        Ok(request)
    }

    #[track_caller]
    fn refuses(text: &str, rules: &Rules, status: &str) {
        let refused = read(text.as_bytes(), rules).unwrap_err();
        let response = refused.response();
        assert!(response.starts_with(&format!("HTTP/1.1 {status} ")), "{response}");
        assert!(response.ends_with("\r\n\r\n"));
    }

    #[test]
    fn the_example_of_the_rfc_is_answered_as_it_says() {
        let request = request("Sec-WebSocket-Protocol: chat, mqtt\r\n", &Rules::default()).unwrap();
        assert_eq!(
            request.response(),
            "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
             Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\nSec-WebSocket-Protocol: mqtt\r\n\r\n"
        );
    }

    #[test]
    fn a_protocol_that_is_spoken_is_chosen_and_mqtt_before_others() {
        let chosen = |offer: &str| {
            let lines = format!("Sec-WebSocket-Protocol: {offer}\r\n");
            request(&lines, &Rules::default()).map(|request| request.protocol.unwrap())
        };
        assert_eq!(chosen("mqttv3.1").unwrap(), "mqttv3.1");
        assert_eq!(chosen("mqttv3.1, mqtt").unwrap(), "mqtt");
        assert_eq!(chosen("x\r\nSec-WebSocket-Protocol: mqtt").unwrap(), "mqtt");
        assert!(chosen("chat").unwrap_err().starts_with("HTTP/1.1 400 "));
        assert!(request("", &Rules::default()).unwrap_err().starts_with("HTTP/1.1 400 "));
        let lax = Rules { needs_protocol: false, ..Rules::default() };
        assert_eq!(request("", &lax).unwrap().protocol, None);
        assert!(request("Sec-WebSocket-Protocol: chat\r\n", &lax).is_err());
    }

    #[test]
    fn the_path_counts_when_one_is_set() {
        let whole = |path| text(path, &format!("{KEY}Sec-WebSocket-Protocol: mqtt\r\n"));
        let only = Rules { path: Some("/mqtt".to_owned()), ..Rules::default() };
        for path in ["/", "/mqtt", "/a/b?x=1"] {
            assert!(read(whole(path).as_bytes(), &Rules::default()).is_ok(), "{path}");
        }
        assert!(read(whole("/mqtt?token=1").as_bytes(), &only).is_ok());
        refuses(&whole("/"), &only, "404");
        refuses(&whole("/mqtt/"), &only, "404");
    }

    #[test]
    fn origins_are_checked_when_a_list_is_set() {
        let protocol = "Sec-WebSocket-Protocol: mqtt\r\n";
        let from = |origin: &str, rules: &Rules| {
            request(&format!("{protocol}Origin: {origin}\r\n"), rules).is_ok()
        };
        let strict = Rules {
            origins: Some(vec!["https://a.lan".to_owned(), "http://b.lan:8080".to_owned()]),
            origin_may_lack: false,
            ..Rules::default()
        };
        assert!(from("https://evil.lan", &Rules::default()));
        assert!(from("https://A.lan", &strict) && from("http://b.lan:8080", &strict));
        assert!(!from("http://a.lan", &strict) && !from("https://a.lan.evil", &strict));
        assert!(request(protocol, &strict).is_err());
        assert!(request(protocol, &Rules { origin_may_lack: true, ..strict }).is_ok());
    }

    #[test]
    fn what_is_no_websocket_request_is_refused_with_its_status() {
        let rules = Rules::default();
        refuses("GET / HTTP/1.1\r\nHost: x\r\n\r\n", &rules, "400");
        refuses("POST / HTTP/1.1\r\n\r\n", &rules, "405");
        refuses("\x10\x0c\0\x04MQTT\r\n\r\n", &rules, "400");
        refuses(&text("/", KEY).replace("13", "8"), &rules, "426");
        refuses(
            &text("/", "Sec-WebSocket-Key: c2hvcnQ=\r\nSec-WebSocket-Protocol: mqtt\r\n"),
            &rules,
            "400",
        );
        refuses(&text("/", &"X-Y: z\r\n".repeat(70)), &rules, "431");
        refuses(&format!("GET /{} HTTP/1.1", "x".repeat(REQUEST_MAX)), &rules, "431");
        assert_eq!(read(b"GET / HTTP/1.1\r\nHost: x\r\n", &rules), Ok(None));
    }

    #[test]
    fn the_nearest_address_that_is_no_trusted_proxy_is_the_clients() {
        let lines = "Sec-WebSocket-Protocol: mqtt\r\nX-Forwarded-For: 127.0.0.1, 192.0.2.9\r\n\
                     X-Forwarded-For: [2001:db8::1]:99, 10.0.0.2\r\nX-Forwarded-Port: 4711\r\n";
        let request = request(lines, &Rules::default()).unwrap();
        let client = |socket: &str, proxies: &[&str]| {
            let trusted = |ip: IpAddr| proxies.contains(&ip.to_string().as_str());
            request.client(socket.parse().unwrap(), trusted).to_string()
        };
        assert_eq!(client("10.0.0.1:5", &[]), "10.0.0.1:5");
        assert_eq!(client("10.0.0.1:5", &["10.0.0.1"]), "10.0.0.2:4711");
        assert_eq!(client("10.0.0.1:5", &["10.0.0.1", "10.0.0.2"]), "[2001:db8::1]:4711");
        let plain = read(
            text("/", &format!("{KEY}Sec-WebSocket-Protocol: mqtt\r\n")).as_bytes(),
            &Rules::default(),
        );
        let socket = "127.0.0.1:5".parse().unwrap();
        assert_eq!(plain.unwrap().unwrap().1.client(socket, |_| true), socket);
    }
}
