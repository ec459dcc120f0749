//! How the daemon ends: codes that systemd and scripts tell apart.

use std::process::ExitCode;

/// How the daemon ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    /// As asked.
    Done,
    /// The system refused something: a port in use, a folder that cannot be written.
    Failed,
    /// The command line makes no sense (`EX_USAGE`).
    Usage,
    /// A bug (`EX_SOFTWARE`).
    Bug,
    /// The configuration has faults (`EX_CONFIG`).
    Config,
}

impl Exit {
    /// The number.
    #[must_use]
    pub const fn code(self) -> u8 {
        match self {
            Self::Done => 0,
            Self::Failed => 1,
            Self::Usage => 64,
            Self::Bug => 70,
            Self::Config => 78,
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit.code())
    }
}
