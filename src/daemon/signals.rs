//! The signals a daemon lives by.

use std::io;

use tokio::signal::unix::{self, SignalKind};

/// What was asked by a signal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Asked {
    /// SIGTERM or SIGINT: end in good order.
    Stop,
    /// SIGHUP: read the configuration again.
    Reload,
}

/// The signals, caught from here on.
#[derive(Debug)]
pub(super) struct Signals {
    term: unix::Signal,
    int: unix::Signal,
    hup: unix::Signal,
}

impl Signals {
    /// Catches them. Needs a runtime.
    ///
    /// # Errors
    /// The system refuses.
    pub(super) fn catch() -> io::Result<Self> {
        Ok(Self {
            term: unix::signal(SignalKind::terminate())?,
            int: unix::signal(SignalKind::interrupt())?,
            hup: unix::signal(SignalKind::hangup())?,
        })
    }

    /// The next one. Losing the future loses no signal.
    pub(super) async fn next(&mut self) -> Asked {
        tokio::select! {
            _ = self.term.recv() => Asked::Stop,
            _ = self.int.recv() => Asked::Stop,
            _ = self.hup.recv() => Asked::Reload,
        }
    }
}
