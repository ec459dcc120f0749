//! What a test client speaks over: TCP, a Unix socket, TLS, and WebSocket above one of them, with framing of its own.

use std::{
    io::{self, Read, Write},
    net::{Shutdown, TcpStream},
    os::unix::net::UnixStream,
    sync::Arc,
    time::Duration,
};

use rustls::{
    ClientConfig, ClientConnection, RootCertStore, StreamOwned, SupportedProtocolVersion,
    pki_types::{CertificateDer, PrivateKeyDer, ServerName, pem::PemObject},
};

use super::{LIMIT, certificates::Issued};

/// A connection of any kind.
pub trait Wire: Read + Write + Send {
    /// The next reads wait so long.
    fn read_within(&mut self, limit: Duration);
    /// Ends it without a word.
    fn cut(&mut self);
}

impl Wire for TcpStream {
    fn read_within(&mut self, limit: Duration) {
        self.set_read_timeout(Some(limit)).unwrap();
    }

    fn cut(&mut self) {
        let _ = self.shutdown(Shutdown::Both);
    }
}

impl Wire for UnixStream {
    fn read_within(&mut self, limit: Duration) {
        self.set_read_timeout(Some(limit)).unwrap();
    }

    fn cut(&mut self) {
        let _ = self.shutdown(Shutdown::Both);
    }
}

/// TLS over TCP.
pub type Tls = StreamOwned<ClientConnection, TcpStream>;

impl Wire for Tls {
    fn read_within(&mut self, limit: Duration) {
        self.sock.read_within(limit);
    }

    fn cut(&mut self) {
        self.sock.cut();
    }
}

/// How a client does TLS.
pub struct TlsClient {
    config: Arc<ClientConfig>,
}

impl TlsClient {
    /// Believes the authorities of `pem`, and shows `own`, if it has one.
    pub fn new(
        pem: &str,
        own: Option<&Issued>,
        versions: &[&'static SupportedProtocolVersion],
    ) -> Self {
        let mut roots = RootCertStore::empty();
        for root in CertificateDer::pem_slice_iter(pem.as_bytes()) {
            roots.add(root.unwrap()).unwrap();
        }
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let builder = ClientConfig::builder_with_provider(provider)
            .with_protocol_versions(versions)
            .unwrap()
            .with_root_certificates(roots);
        let config = match own {
            Some(own) => {
                let chain = CertificateDer::pem_slice_iter(own.certificate.as_bytes());
                let key = PrivateKeyDer::from_pem_slice(own.key.as_bytes()).unwrap();
                builder.with_client_auth_cert(chain.map(Result::unwrap).collect(), key).unwrap()
            }
            None => builder.with_no_client_auth(),
        };
        Self { config: Arc::new(config) }
    }

    /// For a client that does TLS itself.
    pub fn config(&self) -> Arc<ClientConfig> {
        self.config.clone()
    }

    /// TLS over `tcp`, after the handshake.
    pub fn connect(&self, tcp: TcpStream) -> io::Result<Tls> {
        let name = ServerName::try_from("127.0.0.1").unwrap();
        let session = ClientConnection::new(self.config.clone(), name).unwrap();
        tcp.set_read_timeout(Some(LIMIT)).unwrap();
        let mut tls = StreamOwned::new(session, tcp);
        while tls.conn.is_handshaking() {
            tls.conn.complete_io(&mut tls.sock)?;
        }
        Ok(tls)
    }

    /// The certificate that the other end shows.
    pub fn shown(tls: &Tls) -> CertificateDer<'static> {
        tls.conn.peer_certificates().unwrap()[0].clone().into_owned()
    }
}

/// A frame as a client sends it: the first byte as it is, the payload masked.
pub fn frame(first: u8, payload: &[u8]) -> Vec<u8> {
    let mask = [0x12, 0x34, 0x56, 0x78];
    let mut out = vec![first];
    match payload.len() {
        short @ 0..126 => out.push(0x80 | short as u8),
        short @ 126..=0xffff => {
            out.push(0x80 | 126);
            out.extend((short as u16).to_be_bytes());
        }
        long => {
            out.push(0x80 | 127);
            out.extend((long as u64).to_be_bytes());
        }
    }
    out.extend(mask);
    out.extend(payload.iter().zip(mask.iter().cycle()).map(|(byte, key)| byte ^ key));
    out
}

/// The bytes of a request for a WebSocket with these lines more.
pub fn upgrade(path: &str, lines: &str) -> String {
    format!(
        "GET {path} HTTP/1.1\r\nHost: broker\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
         Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n{lines}\r\n"
    )
}

/// What a server answers up to the empty line; all of it if it closes before.
pub fn response(wire: &mut impl Wire) -> String {
    wire.read_within(LIMIT);
    let (mut bytes, mut byte) = (Vec::new(), [0]);
    while !bytes.ends_with(b"\r\n\r\n") && wire.read(&mut byte).is_ok_and(|count| count > 0) {
        bytes.push(byte[0]);
    }
    String::from_utf8(bytes).unwrap()
}

/// WebSocket: each write is a binary message, reads give the payload of messages as one stream.
pub struct WebSocket<W> {
    pub wire: W,
    bytes: Vec<u8>,
    payload: Vec<u8>,
    /// Pongs that came.
    pub pongs: Vec<Vec<u8>>,
    /// The code with which the server closed.
    pub closed: Option<u16>,
}

impl<W: Wire> WebSocket<W> {
    /// Asks for a WebSocket, which the server must grant.
    #[track_caller]
    pub fn open(mut wire: W, path: &str, lines: &str) -> Self {
        wire.write_all(upgrade(path, lines).as_bytes()).unwrap();
        let answer = response(&mut wire);
        assert!(answer.starts_with("HTTP/1.1 101 "), "{answer}");
        assert!(answer.contains("Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n"));
        Self { wire, bytes: Vec::new(), payload: Vec::new(), pongs: Vec::new(), closed: None }
    }

    /// With sub-protocol mqtt.
    #[track_caller]
    pub fn mqtt(wire: W) -> Self {
        Self::open(wire, "/mqtt", "Sec-WebSocket-Protocol: mqtt\r\n")
    }

    /// Sends bytes below WebSocket.
    pub fn send_raw(&mut self, bytes: &[u8]) {
        let _ = self.wire.write_all(bytes);
        let _ = self.wire.flush();
    }

    /// Takes one frame, if it is whole.
    fn take_frame(&mut self) -> bool {
        let Some((first, length, start)) = head(&self.bytes) else { return false };
        if self.bytes.len() < start + length {
            return false;
        }
        let payload = self.bytes[start..start + length].to_vec();
        self.bytes.drain(..start + length);
        match first {
            0x82 => self.payload.extend(payload),
            0x8a => self.pongs.push(payload),
            0x88 => self.closed = Some(u16::from_be_bytes([payload[0], payload[1]])),
            other => panic!("a frame that begins with {other:02x}"),
        }
        true
    }

    /// Reads until the server closes; the code with which it does.
    #[track_caller]
    pub fn close_code(&mut self) -> u16 {
        self.wire.read_within(LIMIT);
        let mut chunk = [0; 4096];
        while self.closed.is_none() {
            let count = self.read(&mut chunk).expect("the server closes in time");
            assert!(count > 0 || self.closed.is_some(), "closed without a frame that says so");
        }
        self.closed.unwrap()
    }
}

/// First byte, length and start of the payload of a frame of a server.
fn head(bytes: &[u8]) -> Option<(u8, usize, usize)> {
    let (first, second) = (*bytes.first()?, *bytes.get(1)?);
    assert!(second & 0x80 == 0, "a server masks nothing");
    let (length, start) = match second {
        126 => (usize::from(u16::from_be_bytes(bytes.get(2..4)?.try_into().unwrap())), 4),
        127 => (u64::from_be_bytes(bytes.get(2..10)?.try_into().unwrap()) as usize, 10),
        short => (usize::from(short), 2),
    };
    Some((first, length, start))
}

impl<W: Wire> Read for WebSocket<W> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            while self.closed.is_none() && self.take_frame() {}
            if !self.payload.is_empty() {
                let count = buffer.len().min(self.payload.len());
                buffer[..count].copy_from_slice(&self.payload[..count]);
                self.payload.drain(..count);
                return Ok(count);
            }
            if self.closed.is_some() {
                return Ok(0);
            }
            let mut chunk = [0; 4096];
            let count = self.wire.read(&mut chunk)?;
            if count == 0 {
                return Ok(0);
            }
            self.bytes.extend(&chunk[..count]);
        }
    }
}

impl<W: Wire> Write for WebSocket<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.wire.write_all(&frame(0x82, bytes))?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.wire.flush()
    }
}

impl<W: Wire> Wire for WebSocket<W> {
    fn read_within(&mut self, limit: Duration) {
        self.wire.read_within(limit);
    }

    fn cut(&mut self) {
        self.wire.cut();
    }
}
