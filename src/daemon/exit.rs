//! How the daemon ends: codes that systemd and scripts tell apart. A bug in a core task ends it with 70
//! ([`crate::net::supervise::EXIT_BUG`]).

use std::process::ExitCode;

/// How the daemon ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Exit {
    /// As asked.
    Done,
    /// The system refused something: a port in use, a folder that cannot be written.
    Failed,
    /// The command line makes no sense (`EX_USAGE`).
    Usage,
    /// The configuration has faults (`EX_CONFIG`).
    Config,
}

impl Exit {
    /// The number.
    #[must_use]
    pub(super) const fn code(self) -> u8 {
        match self {
            Self::Done => 0,
            Self::Failed => 1,
            Self::Usage => 64,
            Self::Config => 78,
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit.code())
    }
}
