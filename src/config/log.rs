//! Where the log goes (`log.*`).

use std::path::PathBuf;

/// Where the log goes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum LogTo {
    /// journald when systemd started us, else stderr.
    #[default]
    Journald,
    /// stderr.
    Console,
    /// Files in `dir`.
    File,
    /// stderr and files.
    Both,
}

/// Least severity written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum LogLevel {
    /// `error` and EMQX's `critical`, `alert`, `emergency`.
    Error,
    /// `warning`
    Warning,
    /// `info` and `notice`
    #[default]
    Info,
    /// `debug` and `all`
    Debug,
}

/// Settings of the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogSettings {
    /// Where it goes.
    pub to: LogTo,
    /// Least severity written.
    pub level: LogLevel,
    /// One JSON object per line instead of text.
    pub json: bool,
    /// Folder of the files.
    pub dir: PathBuf,
    /// Name of the current file; older ones end in `.1`, `.2` and so on.
    pub file: String,
    /// Start a new file when one is full.
    pub rotation: bool,
    /// Size of a full file, in bytes.
    pub rotation_size: usize,
    /// Files kept.
    pub rotation_count: u32,
}

impl Default for LogSettings {
    fn default() -> Self {
        Self {
            to: LogTo::Journald,
            level: LogLevel::Info,
            json: false,
            dir: PathBuf::from("log"),
            file: "emqx.log".into(),
            rotation: true,
            rotation_size: 10 << 20,
            rotation_count: 5,
        }
    }
}
