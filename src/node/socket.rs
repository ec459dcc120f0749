//! The connection under a link: TCP, or TLS over TCP. Both are read, written and split alike.

use std::{
    io,
    pin::Pin,
    task::{Context, Poll},
};

use rustls::pki_types::CertificateDer;
use tokio::{
    io::{AsyncRead, AsyncWrite, AsyncWriteExt, ReadBuf},
    net::{
        TcpStream,
        tcp::{OwnedReadHalf, OwnedWriteHalf},
    },
};
use tokio_rustls::TlsStream;

/// RFC 5705 and RFC 8446 7.5: ties what runs inside TLS to this very session.
const EXPORTER_LABEL: &[u8] = b"EXPORTER-emqx-rs-mesh";

/// What TLS runs over: a TCP connection that can be taken from one runtime to another.
#[derive(Debug)]
pub struct Carrier(Option<TcpStream>);

impl Carrier {
    pub(super) const fn new(tcp: TcpStream) -> Self {
        Self(Some(tcp))
    }

    fn tcp(&mut self) -> io::Result<Pin<&mut TcpStream>> {
        self.0.as_mut().map(Pin::new).ok_or_else(|| io::ErrorKind::NotConnected.into())
    }
}

impl AsyncRead for Carrier {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        self.tcp()?.poll_read(cx, buf)
    }
}

impl AsyncWrite for Carrier {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.tcp()?.poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.tcp()?.poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.tcp()?.poll_shutdown(cx)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        pieces: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.tcp()?.poll_write_vectored(cx, pieces)
    }

    // One write for all records that wait; also what lets an alert out behind them before a failed handshake closes.
    fn is_write_vectored(&self) -> bool {
        true
    }
}

/// TCP, or TLS over it. What was written is on its way only after a flush.
#[derive(Debug)]
pub enum Either<T, S> {
    /// TCP alone.
    Tcp(T),
    /// With TLS above.
    Tls(S),
}

impl<T: AsyncRead + Unpin, S: AsyncRead + Unpin> AsyncRead for Either<T, S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        match &mut *self {
            Self::Tcp(tcp) => Pin::new(tcp).poll_read(cx, buf),
            Self::Tls(tls) => Pin::new(tls).poll_read(cx, buf),
        }
    }
}

impl<T: AsyncWrite + Unpin, S: AsyncWrite + Unpin> AsyncWrite for Either<T, S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        match &mut *self {
            Self::Tcp(tcp) => Pin::new(tcp).poll_write(cx, bytes),
            Self::Tls(tls) => Pin::new(tls).poll_write(cx, bytes),
        }
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut *self {
            Self::Tcp(tcp) => Pin::new(tcp).poll_flush(cx),
            Self::Tls(tls) => Pin::new(tls).poll_flush(cx),
        }
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut *self {
            Self::Tcp(tcp) => Pin::new(tcp).poll_shutdown(cx),
            Self::Tls(tls) => Pin::new(tls).poll_shutdown(cx),
        }
    }
}

/// TLS, behind a reference because it is large.
pub type Tls = Box<TlsStream<Carrier>>;

/// The connection under a link.
pub type Socket = Either<TcpStream, Tls>;
/// The half that reads.
pub type ReadHalf = Either<OwnedReadHalf, tokio::io::ReadHalf<Tls>>;
/// The half that writes.
pub type WriteHalf = Either<OwnedWriteHalf, tokio::io::WriteHalf<Tls>>;

/// Writes all of `bytes` and sends them on their way.
///
/// # Errors
/// The connection broke.
pub(super) async fn send(to: &mut (impl AsyncWrite + Unpin), bytes: &[u8]) -> io::Result<()> {
    to.write_all(bytes).await?;
    to.flush().await
}

impl From<TcpStream> for Socket {
    fn from(tcp: TcpStream) -> Self {
        Self::Tcp(tcp)
    }
}

impl From<TlsStream<Carrier>> for Socket {
    fn from(tls: TlsStream<Carrier>) -> Self {
        Self::Tls(Box::new(tls))
    }
}

impl Socket {
    /// The number that both ends of this TLS session have, and no other session; `None` without TLS.
    ///
    /// # Errors
    /// The session cannot make one.
    pub fn exporter(&self) -> Result<Option<[u8; 32]>, rustls::Error> {
        let Self::Tls(tls) = self else { return Ok(None) };
        let made = match &**tls {
            TlsStream::Client(client) => {
                client.get_ref().1.export_keying_material([0; 32], EXPORTER_LABEL, None)
            }
            TlsStream::Server(server) => {
                server.get_ref().1.export_keying_material([0; 32], EXPORTER_LABEL, None)
            }
        };
        made.map(Some)
    }

    /// The certificate that the other end has shown.
    #[must_use]
    pub fn certificate(&self) -> Option<&CertificateDer<'static>> {
        let Self::Tls(tls) = self else { return None };
        tls.get_ref().1.peer_certificates()?.first()
    }

    /// Leaves the runtime it is on.
    ///
    /// # Errors
    /// The connection cannot be taken off.
    pub fn park(self) -> io::Result<Parked> {
        match self {
            Self::Tcp(tcp) => Ok(Parked { tcp: tcp.into_std()?, tls: None }),
            Self::Tls(mut tls) => {
                let tcp = tls.get_mut().0.0.take().ok_or(io::ErrorKind::NotConnected)?;
                Ok(Parked { tcp: tcp.into_std()?, tls: Some(tls) })
            }
        }
    }

    /// Two halves, for two loops.
    #[must_use]
    pub fn into_split(self) -> (ReadHalf, WriteHalf) {
        match self {
            Self::Tcp(tcp) => {
                let (read, write) = tcp.into_split();
                (Either::Tcp(read), Either::Tcp(write))
            }
            Self::Tls(tls) => {
                let (read, write) = tokio::io::split(tls);
                (Either::Tls(read), Either::Tls(write))
            }
        }
    }
}

/// A connection on its way from one runtime to another.
#[derive(Debug)]
pub struct Parked {
    tcp: std::net::TcpStream,
    tls: Option<Tls>,
}

impl Parked {
    /// Goes on, on the runtime of the caller.
    ///
    /// # Errors
    /// The runtime does not take the connection.
    pub fn resume(self) -> io::Result<Socket> {
        let tcp = TcpStream::from_std(self.tcp)?;
        let Some(mut tls) = self.tls else { return Ok(tcp.into()) };
        *tls.get_mut().0 = Carrier::new(tcp);
        Ok(Either::Tls(tls))
    }
}
