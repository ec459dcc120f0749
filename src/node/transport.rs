//! The byte stream under a client's connection: TCP as it is, everything else behind a box.
//!
//! An idle TCP connection pays for the others with nothing: the box shares the room of the socket.

use std::{
    future::Future,
    io,
    pin::{Pin, pin},
    task::{Context, Poll, Waker},
};

use tokio::{
    io::{AsyncRead, AsyncWrite, Interest, ReadBuf, Ready},
    net::{TcpStream, UnixStream},
};
use tokio_rustls::server::TlsStream;

/// A stream that may keep what it was given to write.
pub(super) trait Transport: AsyncRead + AsyncWrite + Send + Unpin {
    /// The other end has closed its side of the socket below all layers, or is gone.
    fn has_ended(&self) -> bool;

    /// Bytes it took are not with the kernel yet: a flush sends them.
    fn is_unflushed(&self) -> bool {
        false
    }
}

impl Transport for TcpStream {
    fn has_ended(&self) -> bool {
        is_closed(self.ready(Interest::READABLE))
    }
}

impl Transport for UnixStream {
    fn has_ended(&self) -> bool {
        is_closed(self.ready(Interest::READABLE))
    }
}

/// What the runtime has heard of a socket says that its other end is closed, whatever is still to be read.
fn is_closed(heard: impl Future<Output = io::Result<Ready>>) -> bool {
    match pin!(heard).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(Ok(ready)) => ready.is_read_closed(),
        Poll::Ready(Err(_)) => true,
        Poll::Pending => false,
    }
}

impl<S: Transport> Transport for TlsStream<S> {
    fn has_ended(&self) -> bool {
        self.get_ref().0.has_ended()
    }

    fn is_unflushed(&self) -> bool {
        let (inner, session) = self.get_ref();
        session.wants_write() || inner.is_unflushed()
    }
}

/// The byte stream under a client's connection. Of bytes that it did not take, the next write must begin with the same.
pub(super) enum Stream {
    /// TCP alone.
    Tcp(TcpStream),
    /// A Unix socket, or TLS, WebSocket or both above one or the other.
    Other(Box<dyn Transport>),
}

impl Stream {
    pub(super) fn poll_read(
        &mut self,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        match self {
            Self::Tcp(tcp) => Pin::new(tcp).poll_read(cx, buffer),
            Self::Other(other) => Pin::new(other).poll_read(cx, buffer),
        }
    }

    pub(super) fn poll_write(
        &mut self,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        match self {
            Self::Tcp(tcp) => Pin::new(tcp).poll_write(cx, bytes),
            Self::Other(other) => Pin::new(other).poll_write(cx, bytes),
        }
    }

    /// Sends on what was taken; if the kernel has no room, the task is woken when it has.
    pub(super) fn poll_flush(&mut self, cx: &mut Context<'_>) -> io::Result<()> {
        match self {
            Self::Other(other) if other.is_unflushed() => match Pin::new(other).poll_flush(cx) {
                Poll::Ready(Err(error)) => Err(error),
                Poll::Ready(Ok(())) | Poll::Pending => Ok(()),
            },
            Self::Tcp(_) | Self::Other(_) => Ok(()),
        }
    }

    /// The other end has closed its side, or is gone: nothing more comes than what the kernel has already. For a stream that is not
    /// read; one that is hears so by reading.
    pub(super) fn has_ended(&self) -> bool {
        match self {
            Self::Tcp(tcp) => tcp.has_ended(),
            Self::Other(other) => other.has_ended(),
        }
    }

    /// Tells the other end that nothing more comes.
    pub(super) fn poll_shutdown(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self {
            Self::Tcp(tcp) => Pin::new(tcp).poll_shutdown(cx),
            Self::Other(other) => Pin::new(other).poll_shutdown(cx),
        }
    }

    /// Says goodbye where the layers have a word for it, and does not wait until it is heard.
    pub(super) fn part(&mut self, cx: &mut Context<'_>) {
        if let Self::Other(other) = self {
            // Who is gone already hears nothing.
            let _ = Pin::new(other).poll_shutdown(cx);
        }
    }
}
