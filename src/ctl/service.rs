//! Whether systemd runs the node of this host, and the restart of it.

use std::os::unix::net::UnixStream;
use std::path::Path;
use std::process::{Command, Stdio};

use nix::sys::socket::{getsockopt, sockopt::PeerCredentials};

/// The unit of the package.
pub const UNIT: &str = "emqx-rs.service";

/// The process that listens at `socket`.
#[must_use]
pub fn pid_at(socket: &Path) -> Option<i32> {
    let stream = UnixStream::connect(socket).ok()?;
    getsockopt(&stream, PeerCredentials).ok().map(|who| who.pid())
}

/// What systemd knows of the unit: whether it has one, and the process of it that runs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Unit {
    /// There is a unit file.
    pub loaded: bool,
    /// Its main process.
    pub pid: Option<i32>,
}

impl Unit {
    /// Asks `systemctl`; without one there is no unit.
    #[must_use]
    pub fn ask() -> Self {
        let mut systemctl = Command::new("systemctl");
        systemctl.args(["show", "--property=LoadState,MainPID", UNIT]);
        let output = systemctl.stdin(Stdio::null()).stderr(Stdio::null()).output();
        let output = output.ok().filter(|output| output.status.success());
        output.map_or_else(Self::default, |output| {
            Self::parse(&String::from_utf8_lossy(&output.stdout))
        })
    }

    fn parse(text: &str) -> Self {
        let value = |key: &str| {
            let mut lines = text.lines().filter_map(|line| line.split_once('='));
            lines.find(|(name, _)| *name == key).map(|(_, value)| value.trim())
        };
        let pid = value("MainPID").and_then(|text| text.parse().ok()).filter(|pid| *pid != 0);
        Self { loaded: value("LoadState") == Some("loaded"), pid }
    }

    /// Whether a restart of the unit restarts the node of this host, of which `pid` is the process if it runs.
    #[must_use]
    pub fn runs(self, pid: Option<i32>) -> bool {
        self.loaded && self.pid == pid
    }
}

/// Restarts the unit.
///
/// # Errors
/// What `systemctl` answers is on standard error already; this says that it failed.
pub fn restart() -> Result<(), String> {
    let status = Command::new("systemctl").args(["restart", UNIT]).stdin(Stdio::null()).status();
    match status {
        Ok(status) if status.success() => Ok(()),
        Ok(status) => Err(format!("systemctl restart {UNIT}: {status}")),
        Err(error) => Err(format!("systemctl restart {UNIT}: {error}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_unit_is_ours_when_its_process_is_the_node() {
        let unit = Unit::parse("LoadState=loaded\nMainPID=77\n");
        assert_eq!(unit, Unit { loaded: true, pid: Some(77) });
        assert!(unit.runs(Some(77)) && !unit.runs(Some(78)) && !unit.runs(None));
        let stopped = Unit::parse("MainPID=0\nLoadState=loaded\n");
        assert!(stopped.runs(None) && !stopped.runs(Some(78)));
        for none in ["", "LoadState=not-found\nMainPID=0\n", "nonsense"] {
            assert!(!Unit::parse(none).runs(None), "{none}");
        }
    }
}
