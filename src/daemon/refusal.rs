//! Why there is no start: told where the operator looks, and as the exit code that systemd goes by.

use std::io::{self, Write as _};

use super::exit::Exit;
use super::log::{self, Log};
use crate::config::{Faults, LogSettings};
use crate::node::state::StateError;

/// Why the daemon does not serve.
pub(super) enum Refusal<'a> {
    /// Faults of the configuration.
    Config(&'a Faults),
    /// What the system refuses: a port, a folder, sockets that do not fit.
    System(&'a anyhow::Error),
}

impl Refusal<'_> {
    /// Tells it before there is a log: journald, as an entry of its kind, or standard error.
    pub(super) fn tell(&self, env: &[(String, String)]) -> Exit {
        let journal = log::reads_stderr(env);
        if journal && Log::open(&LogSettings::default(), env).is_ok() {
            self.log();
        } else {
            self.print(journal);
        }
        self.exit()
    }

    /// Tells the log.
    pub(super) fn log(&self) {
        match self {
            Self::Config(faults) => {
                tracing::error!(name: "config-bad", %faults, "not started, the configuration has faults: {faults}");
            }
            Self::System(error) => {
                let reason = format!("{error:#}");
                tracing::error!(name: "not-started", reason, "not started: {reason}");
            }
        }
    }

    /// Prints it on standard error; where journald reads that, with the priority of an error.
    pub(super) fn print(&self, journal: bool) {
        let text = match self {
            Self::Config(faults) => faults.to_string(),
            Self::System(error) => format!("{error:#}"),
        };
        let mark = if journal { "<3>" } else { "" };
        for line in text.lines() {
            // Nobody reads it: nothing to do about it.
            drop(writeln!(io::stderr(), "{mark}{line}"));
        }
    }

    /// The code that goes with it. Where trying again does not help, systemd is not to.
    pub(super) fn exit(&self) -> Exit {
        let open = |cause: &(dyn std::error::Error + 'static)| {
            matches!(cause.downcast_ref::<StateError>(), Some(StateError::Mode { .. }))
        };
        match self {
            Self::Config(_) => Exit::Config,
            Self::System(error) if error.chain().any(open) => Exit::Config,
            Self::System(_) => Exit::Failed,
        }
    }
}
