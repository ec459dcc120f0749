//! How long the client of a WebSocket may send nothing at all (`listener.ws.*.idle_timeout`, as of cowboy in EMQX).

use std::{
    future::Future,
    io,
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

use tokio::time::{Sleep, sleep_until};

use crate::{net::clock::Clock, time::Time};

/// One lazy timer: what comes is noted, and when it fires it is moved to where silence would end.
pub(in crate::node) struct Idle {
    clock: Clock,
    limit: Duration,
    heard: Time,
    timer: Pin<Box<Sleep>>,
}

impl Idle {
    pub(in crate::node) fn new(clock: Clock, limit: Duration) -> Self {
        let heard = clock.now();
        let timer = Box::pin(sleep_until(clock.instant(heard + limit)));
        Self { clock, limit, heard, timer }
    }

    /// The stream was read, and there was something or not.
    ///
    /// # Errors
    /// [`io::ErrorKind::TimedOut`]: it was silent for too long.
    pub(super) fn on_read(&mut self, some: bool, cx: &mut Context<'_>) -> io::Result<()> {
        if some {
            self.heard = self.clock.now();
            return Ok(());
        }
        while let Poll::Ready(()) = self.timer.as_mut().poll(cx) {
            let until = self.heard + self.limit;
            if self.clock.now() >= until {
                return Err(io::Error::new(io::ErrorKind::TimedOut, "it sent nothing"));
            }
            self.timer.as_mut().reset(self.clock.instant(until));
        }
        Ok(())
    }
}
