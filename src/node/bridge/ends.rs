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
    time::{Sleep, sleep, timeout},
};
use tokio_rustls::client::TlsStream;

use crate::net::supervise;

/// Bytes read at once.
const READ: usize = 16 << 10;
/// A last word has so long, and what is to be read after the last.
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
    /// Why nothing can be written any more, and until when what came before is read.
    failed: Option<(io::Error, Pin<Box<Sleep>>)>,
}

impl Pipe {
    pub(super) fn new(wire: Box<dyn Wire>) -> Self {
        Self { wire, input: Vec::new(), unflushed: false, failed: None }
    }

    /// Writes of `out` what goes, and reads if `takes`.
    ///
    /// When nothing can be written any more, what the other end had said before is read first: it may have acknowledged messages, which
    /// would be sent again otherwise, and it may say why it went.
    pub(super) fn poll(
        &mut self,
        cx: &mut Context<'_>,
        out: &mut Vec<u8>,
        takes: bool,
    ) -> Poll<io::Result<Moved>> {
        let mut moved = Moved { read: false, wrote: false };
        if self.failed.is_none() {
            match self.write(cx, out) {
                Ok(wrote) => moved.wrote = wrote,
                Err(why) => self.failed = Some((why, Box::pin(sleep(LINGER)))),
            }
        }
        let is_over = |(_, until): &mut (_, Pin<Box<Sleep>>)| until.as_mut().poll(cx).is_ready();
        let over = self.failed.as_mut().is_some_and(is_over);
        let read = if takes && !over { self.read(cx) } else { Ok(false) };
        match self.failed.take_if(|_| over || read.is_err()) {
            Some((why, _)) => return Poll::Ready(Err(why)),
            None => moved.read = read?,
        }
        if moved.read || moved.wrote { Poll::Ready(Ok(moved)) } else { Poll::Pending }
    }

    /// Writes of `out` what goes. Whether that was anything.
    fn write(&mut self, cx: &mut Context<'_>, out: &mut Vec<u8>) -> io::Result<bool> {
        let mut wrote = false;
        while !out.is_empty() {
            match Pin::new(&mut self.wire).poll_write(cx, out) {
                Poll::Pending => break,
                Poll::Ready(Ok(0)) => return Err(io::ErrorKind::WriteZero.into()),
                Poll::Ready(Ok(size)) => {
                    drop(out.drain(..size));
                    (wrote, self.unflushed) = (true, true);
                }
                Poll::Ready(Err(error)) => return Err(error),
            }
        }
        if self.unflushed
            && let Poll::Ready(flushed) = Pin::new(&mut self.wire).poll_flush(cx)
        {
            flushed?;
            self.unflushed = false;
        }
        Ok(wrote)
    }

    /// Reads what is there. Whether that was anything.
    fn read(&mut self, cx: &mut Context<'_>) -> io::Result<bool> {
        let mut bytes = [0; READ];
        let mut buffer = ReadBuf::new(&mut bytes);
        match Pin::new(&mut self.wire).poll_read(cx, &mut buffer) {
            Poll::Pending => Ok(false),
            Poll::Ready(Err(error)) => Err(error),
            Poll::Ready(Ok(())) if buffer.filled().is_empty() => {
                Err(io::Error::other("closed by the other end"))
            }
            Poll::Ready(Ok(())) => {
                self.input.extend_from_slice(buffer.filled());
                Ok(true)
            }
        }
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

#[cfg(test)]
mod tests {
    use std::{
        future::poll_fn,
        io::{Read, Write},
        net::TcpListener,
    };

    use super::*;

    /// A broker that closes with something unread resets the connection, and then the first write fails.
    #[tokio::test]
    async fn what_was_said_before_a_reset_is_read() {
        let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let wire = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        let (mut far, _) = listener.accept().unwrap();
        let (mut pipe, mut out) = (Pipe::new(Box::new(wire)), b"PUBLISH and more".to_vec());
        let moved = poll_fn(|cx| pipe.poll(cx, &mut out, true)).await.unwrap();
        assert!(moved.wrote && out.is_empty());
        far.read_exact(&mut [0; 7]).unwrap();
        far.write_all(b"PUBACK").unwrap();
        drop(far);
        out.extend_from_slice(b"PUBLISH");
        let moved = poll_fn(|cx| pipe.poll(cx, &mut out, true)).await.unwrap();
        assert!(moved.read && pipe.input == b"PUBACK");
        let ended = poll_fn(|cx| pipe.poll(cx, &mut out, true)).await;
        assert!(ended.is_err());
    }

    /// Nothing can be written, and there is no end of what can be read.
    struct Endless;

    impl AsyncRead for Endless {
        fn poll_read(
            self: Pin<&mut Self>,
            _: &mut Context<'_>,
            buffer: &mut ReadBuf<'_>,
        ) -> Poll<io::Result<()>> {
            buffer.put_slice(b"x");
            Poll::Ready(Ok(()))
        }
    }

    impl AsyncWrite for Endless {
        fn poll_write(
            self: Pin<&mut Self>,
            _: &mut Context<'_>,
            _: &[u8],
        ) -> Poll<io::Result<usize>> {
            Poll::Ready(Err(io::ErrorKind::ConnectionReset.into()))
        }

        fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
            Poll::Ready(Ok(()))
        }

        fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
            Poll::Ready(Ok(()))
        }
    }

    impl Wire for Endless {}

    #[tokio::test]
    async fn after_a_failure_it_reads_no_longer_than_a_last_word_takes() {
        let ended = async |takes| {
            let (mut pipe, mut out) = (Pipe::new(Box::new(Endless)), b"PUBLISH".to_vec());
            while poll_fn(|cx| pipe.poll(cx, &mut out, takes)).await.is_ok() {
                assert!(takes && pipe.input == b"x");
                pipe.input.clear();
                tokio::task::yield_now().await;
            }
        };
        let both = async { tokio::join!(ended(true), ended(false)) };
        timeout(LINGER * 10, both).await.unwrap();
    }
}
