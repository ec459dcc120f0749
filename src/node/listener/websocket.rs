//! WebSocket (RFC 6455) above a byte stream, at the server's end: the payload of frames in and out, as a byte stream again.
//!
//! Nothing is kept while nothing is under way: what is read is unmasked in the reader's buffer, and what is written goes out
//! behind a header of its own, one frame for each write; or one for each packet, where a client wants that.

pub mod frames;
mod idle;
pub mod upgrade;

use std::{
    io::{self, IoSlice},
    pin::Pin,
    task::{Context, Poll, ready},
};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use self::frames::{Decoder, Event};
pub(in crate::node) use self::{
    frames::{CloseCode, Violation},
    idle::Idle,
};
use crate::{mqtt::frame, node::transport::Transport};

/// WebSocket above `S`, after the upgrade.
pub(in crate::node) struct WebSocket<S> {
    inner: S,
    decoder: Decoder,
    /// Frames that came with the request.
    early: Vec<u8>,
    /// Headers and control frames on their way out, before anything else.
    out: Vec<u8>,
    /// Payload that is still to come of the frame that was begun.
    owed: usize,
    /// The answer to the last ping, to go out between two frames.
    pong: Option<Vec<u8>>,
    end: End,
    /// Where the client must not be silent for long.
    idle: Option<Idle>,
    /// The last frame is out or on its way.
    said: bool,
    /// A frame for each packet.
    single: bool,
}

/// What frames may be, and when they must come.
pub(in crate::node) struct Framing {
    /// Longest data frame of the client, in bytes.
    pub longest: u64,
    /// How long the client may be silent.
    pub idle: Option<Idle>,
    /// Each packet goes to the client in a frame of its own; what is written must be whole packets.
    pub single: bool,
}

/// Whether the client may still send.
#[derive(Clone, Copy, PartialEq, Eq)]
enum End {
    /// It may.
    Open,
    /// It has closed.
    Asked,
    /// It broke a rule.
    Broken(Violation),
}

impl<S: Transport> WebSocket<S> {
    /// `early` came behind the request.
    pub(in crate::node) fn new(inner: S, early: Vec<u8>, framing: Framing) -> Self {
        let Framing { longest, idle, single } = framing;
        Self {
            inner,
            decoder: Decoder::new(longest),
            early,
            out: Vec::new(),
            owed: 0,
            pong: None,
            end: End::Open,
            idle,
            said: false,
            single,
        }
    }

    /// Reads what there is; `false` when nothing more comes.
    fn poll_fill(
        &mut self,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<bool>> {
        let before = buffer.filled().len();
        if self.early.is_empty() {
            let read = Pin::new(&mut self.inner).poll_read(cx, buffer);
            if let Some(idle) = &mut self.idle {
                idle.on_read(read.is_ready(), cx)?;
            }
            ready!(read)?;
        } else {
            let part = self.early.len().min(buffer.remaining());
            buffer.put_slice(self.early.get(..part).unwrap_or_default());
            self.early.drain(..part);
            if self.early.is_empty() {
                self.early = Vec::new();
            }
        }
        Poll::Ready(Ok(buffer.filled().len() > before))
    }

    fn on_event(&mut self, event: Event, cx: &mut Context<'_>) {
        match event {
            Event::Ping(payload) => self.pong = Some(payload),
            Event::Close => self.end = End::Asked,
            Event::Violation(violation) => self.end = End::Broken(violation),
        }
        // What it cannot send now it sends when it is polled next; a broken stream is seen there too.
        let _ = Pin::new(self).poll_flush(cx);
    }

    /// Puts the control frames that wait behind the frames that are whole.
    fn push_control(&mut self) {
        if self.owed > 0 {
            return;
        }
        if let Some(payload) = self.pong.take() {
            frames::pong(&payload, &mut self.out);
        }
        if self.end == End::Asked {
            self.say(CloseCode::Normal);
        }
    }

    fn say(&mut self, code: CloseCode) {
        if !self.said {
            self.said = true;
            frames::close(code, &mut self.out);
        }
    }

    fn poll_out(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        while !self.out.is_empty() {
            let sent = ready!(Pin::new(&mut self.inner).poll_write(cx, &self.out))?;
            self.sent(sent)?;
        }
        Poll::Ready(Ok(()))
    }

    /// The first `sent` bytes of `out` are gone.
    fn sent(&mut self, sent: usize) -> io::Result<()> {
        if sent == 0 {
            return Err(io::ErrorKind::WriteZero.into());
        }
        self.out.drain(..sent.min(self.out.len()));
        if self.out.is_empty() {
            self.out = Vec::new();
        }
        Ok(())
    }
}

/// Length of the first packet.
fn packet(bytes: &[u8]) -> usize {
    let first = frame::split(bytes, frame::MAX_REMAINING_LENGTH);
    first.ok().flatten().map_or(bytes.len(), |(_, _, length)| length)
}

impl<S: Transport> AsyncRead for WebSocket<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = &mut *self;
        loop {
            match this.end {
                End::Asked => return Poll::Ready(Ok(())),
                // Whoever reads on only waits for the end.
                _ if this.said => return Pin::new(&mut this.inner).poll_read(cx, buffer),
                End::Open => {}
                End::Broken(violation) => {
                    return Poll::Ready(Err(io::Error::new(io::ErrorKind::InvalidData, violation)));
                }
            }
            let before = buffer.filled().len();
            if !ready!(this.poll_fill(cx, buffer))? {
                return Poll::Ready(Ok(()));
            }
            let mut event = None;
            let fresh = buffer.filled_mut().get_mut(before..).unwrap_or_default();
            let kept = this.decoder.decode(fresh, &mut event);
            buffer.set_filled(before + kept);
            if let Some(event) = event {
                this.on_event(event, cx);
            }
            if kept > 0 {
                return Poll::Ready(Ok(()));
            }
        }
    }
}

impl<S: Transport> AsyncWrite for WebSocket<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let this = &mut *self;
        if bytes.is_empty() {
            return Poll::Ready(Ok(0));
        }
        if this.owed == 0 {
            this.push_control();
            if this.said {
                return Poll::Ready(Err(io::ErrorKind::BrokenPipe.into()));
            }
            this.owed = if this.single { packet(bytes) } else { bytes.len() };
            frames::header(this.owed, &mut this.out);
        }
        let payload = bytes.get(..this.owed.min(bytes.len())).unwrap_or_default();
        loop {
            let parts = [IoSlice::new(&this.out), IoSlice::new(payload)];
            let inner = Pin::new(&mut this.inner);
            let sent = if this.out.is_empty() {
                ready!(inner.poll_write(cx, payload))?
            } else {
                ready!(inner.poll_write_vectored(cx, &parts))?
            };
            let ahead = sent.min(this.out.len());
            this.sent(sent)?;
            if sent > ahead {
                this.owed -= sent - ahead;
                return Poll::Ready(Ok(sent - ahead));
            }
        }
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = &mut *self;
        this.push_control();
        ready!(this.poll_out(cx))?;
        Pin::new(&mut this.inner).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = &mut *self;
        if this.owed == 0 {
            let code = match this.end {
                End::Open | End::Asked => CloseCode::Normal,
                End::Broken(violation) => violation.code,
            };
            this.say(code);
        }
        ready!(this.poll_out(cx))?;
        Pin::new(&mut this.inner).poll_shutdown(cx)
    }
}

impl<S: Transport> Transport for WebSocket<S> {
    fn has_ended(&self) -> bool {
        self.inner.has_ended()
    }

    fn is_unflushed(&self) -> bool {
        let control = self.pong.is_some() || (self.end == End::Asked && !self.said);
        !self.out.is_empty() || (control && self.owed == 0) || self.inner.is_unflushed()
    }
}
