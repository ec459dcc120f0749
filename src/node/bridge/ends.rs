//! The byte stream to one end of a bridge.

use std::{
    io,
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

use tokio::{
    io::{AsyncRead, AsyncWrite, AsyncWriteExt, ReadBuf},
    net::{TcpStream, UnixStream},
    time::timeout,
};
use tokio_rustls::client::TlsStream;

use crate::net::supervise;

/// Bytes read at once.
const READ: usize = 16 << 10;
/// A last word has so long.
const LINGER: Duration = Duration::from_secs(1);

/// A stream of any kind.
pub(super) trait Wire: AsyncRead + AsyncWrite + Send + Unpin {}

impl Wire for TcpStream {}
impl Wire for UnixStream {}
impl Wire for TlsStream<TcpStream> {}

/// What a poll did; at least one of the two.
pub(super) struct Moved {
    pub(super) read: bool,
    pub(super) wrote: bool,
}

pub(super) struct Pipe {
    wire: Box<dyn Wire>,
    /// What was read and is not handled yet.
    pub(super) input: Vec<u8>,
    unflushed: bool,
}

impl Pipe {
    pub(super) fn new(wire: Box<dyn Wire>) -> Self {
        Self { wire, input: Vec::new(), unflushed: false }
    }

    /// Writes of `out` what goes, and reads if `takes`.
    pub(super) fn poll(
        &mut self,
        cx: &mut Context<'_>,
        out: &mut Vec<u8>,
        takes: bool,
    ) -> Poll<io::Result<Moved>> {
        let mut moved = Moved { read: false, wrote: false };
        while !out.is_empty() {
            match Pin::new(&mut self.wire).poll_write(cx, out) {
                Poll::Pending => break,
                Poll::Ready(Ok(0)) => return Poll::Ready(Err(io::ErrorKind::WriteZero.into())),
                Poll::Ready(Ok(size)) => {
                    drop(out.drain(..size));
                    (moved.wrote, self.unflushed) = (true, true);
                }
                Poll::Ready(Err(error)) => return Poll::Ready(Err(error)),
            }
        }
        if self.unflushed
            && let Poll::Ready(flushed) = Pin::new(&mut self.wire).poll_flush(cx)
        {
            flushed?;
            self.unflushed = false;
        }
        if takes {
            let mut bytes = [0; READ];
            let mut buffer = ReadBuf::new(&mut bytes);
            if let Poll::Ready(read) = Pin::new(&mut self.wire).poll_read(cx, &mut buffer) {
                read?;
                if buffer.filled().is_empty() {
                    return Poll::Ready(Err(io::Error::other("closed by the other end")));
                }
                self.input.extend_from_slice(buffer.filled());
                moved.read = true;
            }
        }
        if moved.read || moved.wrote { Poll::Ready(Ok(moved)) } else { Poll::Pending }
    }

    /// Writes a last word, and closes.
    pub(super) fn end(mut self, last: Vec<u8>) {
        if last.is_empty() {
            return;
        }
        supervise::spawn("bridge parts", async move {
            let part = async {
                // Who is gone already hears nothing.
                let _ = self.wire.write_all(&last).await;
                let _ = self.wire.shutdown().await;
            };
            let _ = timeout(LINGER, part).await;
        });
    }
}

/// What is there.
pub(super) fn ready<T>(polled: Poll<T>) -> Option<T> {
    match polled {
        Poll::Ready(what) => Some(what),
        Poll::Pending => None,
    }
}
