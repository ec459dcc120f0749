//! A file that is slow to read: a pipe.

use std::{
    fs::{self, File},
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
};

use nix::{fcntl::OFlag, sys::stat::Mode, unistd::mkfifo};

use super::{LIMIT, wait_for};

/// Whoever reads it waits.
pub struct SlowFile(PathBuf);

impl SlowFile {
    pub fn in_place_of(path: &Path) -> Self {
        fs::remove_file(path).unwrap();
        mkfifo(path, Mode::S_IRUSR | Mode::S_IWUSR).unwrap();
        Self(path.to_owned())
    }

    /// Waits until somebody reads it, who goes on when the result is dropped.
    #[track_caller]
    pub fn opened(self) -> File {
        let mut file = None;
        wait_for("somebody reads the file", LIMIT, || {
            let flags = OFlag::O_NONBLOCK.bits();
            file = File::options().write(true).custom_flags(flags).open(&self.0).ok();
            file.is_some()
        });
        file.unwrap()
    }
}
