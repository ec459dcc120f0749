//! One control connection after its handshake: frames in, frames out.
//!
//! What is to be sent is encoded into one buffer behind a short lock; the writer seals and writes what has gathered at each
//! wake-up. The buffer is bounded: a peer that does not read is closed.

use std::{
    sync::{
        Arc, Mutex, MutexGuard,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    sync::Notify,
    time::timeout,
};

use super::{
    dial::Proven,
    socket::{ReadHalf, WriteHalf, send},
};
use crate::{
    cluster::{
        records::{BadRecord, Opener, Sealer},
        wire::{self, CloseCode, Frame, WireError},
    },
    net::clock::Clock,
    time::Time,
};

/// Bytes that wait to be written, at most.
const QUEUE_MAX: usize = 16 << 20;
/// A closing connection has this long to write what is left.
const LINGER: Duration = Duration::from_secs(1);
const READ: usize = 64 << 10;

/// Why a control connection ended.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ControlError {
    #[error("{0}")]
    Io(#[from] std::io::Error),
    #[error("{0}")]
    Record(#[from] BadRecord),
    #[error("{0}")]
    Wire(#[from] WireError),
    #[error("closed by the other end")]
    Ended,
    #[error("closed by this node")]
    Closed,
    #[error("messages of the data plane on a control connection")]
    Data,
}

impl ControlError {
    /// The other end did not keep to the rules.
    pub(crate) const fn is_fault(&self) -> bool {
        matches!(self, Self::Record(_) | Self::Wire(_) | Self::Data)
    }
}

#[derive(Debug, Default)]
struct Pending {
    bytes: Vec<u8>,
    closed: bool,
}

#[derive(Debug, Default)]
struct Queue {
    pending: Mutex<Pending>,
    wake: Notify,
    /// When bytes came in last, in ms of the process.
    heard: AtomicU64,
}

impl Queue {
    fn lock(&self) -> MutexGuard<'_, Pending> {
        self.pending.lock().unwrap_or_else(|_| std::process::abort())
    }
}

/// The sending side. Copies share one queue.
#[derive(Clone, Debug, Default)]
pub(crate) struct ControlLink {
    queue: Arc<Queue>,
}

impl ControlLink {
    /// Queues a frame. False: the peer does not read, or the link is closed.
    pub(crate) fn send(&self, frame: &Frame) -> bool {
        let mut pending = self.queue.lock();
        if pending.closed || pending.bytes.len() > QUEUE_MAX {
            return false;
        }
        let first = pending.bytes.is_empty();
        frame.encode(&mut pending.bytes);
        drop(pending);
        if first {
            self.queue.wake.notify_one();
        }
        true
    }

    /// When bytes came in last.
    pub(crate) fn heard(&self) -> Time {
        Time::from_ms(self.queue.heard.load(Ordering::Relaxed))
    }

    fn note_heard(&self) {
        self.queue.heard.store(Clock::system().now().as_ms(), Ordering::Relaxed);
    }

    /// Ends the connection after what is queued.
    pub(crate) fn close(&self) {
        self.queue.lock().closed = true;
        self.queue.wake.notify_one();
    }

    /// Runs the connection until it ends, and says why it did. `on_frame` gets every frame, in order; false ends it.
    pub(crate) async fn run(
        self,
        proven: Proven,
        on_frame: impl AsyncFnMut(Frame) -> bool,
    ) -> ControlError {
        let (read, mut write) = proven.socket.into_split();
        let (mut sealer, opener) = (proven.established.sealer, proven.established.opener);
        let end = tokio::select! {
            end = self.receive(read, opener, proven.leftover, on_frame) => end,
            end = self.transmit(&mut write, &mut sealer) => end,
        };
        if end.is_fault() {
            // So that the log at the other end names the cause too.
            let (mut plain, mut room) = (Vec::new(), Vec::new());
            Frame::Close { code: CloseCode::Protocol, reason: end.to_string() }.encode(&mut plain);
            if let Ok(sealed) = sealer.sealed(&plain, &mut room) {
                let _ = timeout(LINGER, send(&mut write, sealed)).await;
            }
        }
        end
    }

    async fn transmit(&self, write: &mut WriteHalf, sealer: &mut Sealer) -> ControlError {
        let (mut plain, mut room) = (Vec::new(), Vec::new());
        loop {
            let closed = {
                let mut pending = self.queue.lock();
                std::mem::swap(&mut pending.bytes, &mut plain);
                pending.closed
            };
            if !plain.is_empty() {
                let sealed = match sealer.sealed(&plain, &mut room) {
                    Ok(sealed) => sealed,
                    Err(error) => return error.into(),
                };
                let sent = tokio::select! {
                    sent = send(write, sealed) => sent,
                    () = self.closed() => {
                        // Only what was cut off is lost; the peer is gone or does not read.
                        return ControlError::Closed;
                    }
                };
                if let Err(error) = sent {
                    return error.into();
                }
                plain.clear();
                room.clear();
                plain.shrink_to(READ);
                room.shrink_to(READ);
            } else if closed {
                let _ = timeout(LINGER, write.shutdown()).await;
                return ControlError::Closed;
            } else {
                self.queue.wake.notified().await;
            }
        }
    }

    async fn receive(
        &self,
        mut read: ReadHalf,
        mut opener: Opener,
        mut sealed: Vec<u8>,
        mut on_frame: impl AsyncFnMut(Frame) -> bool,
    ) -> ControlError {
        let mut plain = Vec::new();
        loop {
            // What came before a record that does not open was said by the peer.
            let opened = open_all(&mut opener, &mut sealed, &mut plain);
            let mut taken = 0;
            loop {
                let rest = plain.get(taken..).unwrap_or_default();
                let frame = match wire::split(rest) {
                    Ok(None) => break,
                    Ok(Some((header, _, _))) if header.kind == wire::Kind::FWD => {
                        return ControlError::Data;
                    }
                    Ok(Some((header, body, used))) => {
                        taken += used;
                        Frame::read(header, body)
                    }
                    Err(error) => return error.into(),
                };
                match frame {
                    Ok(Some(frame)) => {
                        if !on_frame(frame).await {
                            return ControlError::Closed;
                        }
                    }
                    Ok(None) => {}
                    Err(error) => return error.into(),
                }
            }
            if let Err(error) = opened {
                return error.into();
            }
            plain.drain(..taken);
            if plain.is_empty() {
                plain.shrink_to(READ);
            }
            match read.read_buf(&mut sealed).await {
                Ok(0) => return ControlError::Ended,
                Ok(_) => self.note_heard(),
                Err(error) => return error.into(),
            }
        }
    }

    /// Returns when the connection has been closed for a while.
    async fn closed(&self) {
        loop {
            tokio::time::sleep(LINGER).await;
            if self.queue.lock().closed {
                return;
            }
        }
    }
}

/// Opens every whole record at the front of `sealed`.
fn open_all(
    opener: &mut Opener,
    sealed: &mut Vec<u8>,
    plain: &mut Vec<u8>,
) -> Result<(), BadRecord> {
    let mut taken = 0;
    while let Some(rest) = sealed.get_mut(taken..) {
        let Some((piece, used)) = opener.open(rest)? else { break };
        plain.extend_from_slice(piece);
        taken += used;
    }
    sealed.drain(..taken);
    sealed.reserve(READ);
    Ok(())
}
