//! `cookie show`, `set` and `new`: works on the file, needs no node, and never takes the secret from the command line.

use std::collections::BTreeSet;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use ring::rand::{SecureRandom, SystemRandom};
use zeroize::Zeroizing;

/// What a package makes.
const PACKAGED: &str = "/etc/emqx-rs/cookie";

/// The file a node of this host reads: the package's if there is one (or its folder), else the one in the first of `data`
/// that exists.
#[must_use]
pub fn file(data: &[PathBuf]) -> PathBuf {
    let packaged = Path::new(PACKAGED);
    let own = data.iter().map(|folder| folder.join("cookie")).find(|path| path.exists());
    if packaged.exists() {
        return packaged.into();
    }
    match own {
        Some(own) => own,
        None if packaged.parent().is_some_and(Path::is_dir) => packaged.into(),
        None => data.last().map_or_else(|| packaged.into(), |folder| folder.join("cookie")),
    }
}

/// The cookie in `path`.
///
/// # Errors
/// The file cannot be read.
pub fn show(path: &Path) -> io::Result<Zeroizing<String>> {
    let text = Zeroizing::new(fs::read_to_string(path)?);
    Ok(Zeroizing::new(text.trim_end_matches(['\r', '\n']).to_owned()))
}

/// Replaces the cookie in `path`, mode 0600: a new file beside it, synced, then renamed over it.
///
/// # Errors
/// The text is no cookie, or the file cannot be written.
pub fn set(path: &Path, text: &str) -> io::Result<()> {
    let text = text.trim_end_matches(['\r', '\n']);
    if text.is_empty() || text.chars().any(char::is_control) {
        let what = "expected one line of text without control characters";
        return Err(io::Error::new(io::ErrorKind::InvalidInput, what));
    }
    let folder = path.parent().unwrap_or(Path::new("."));
    let fresh = folder.join(format!(".cookie.{}", std::process::id()));
    let mut options = OpenOptions::new();
    let mut file = options.write(true).create_new(true).mode(0o600).open(&fresh)?;
    let written = file
        .write_all(text.as_bytes())
        .and_then(|()| file.write_all(b"\n"))
        .and_then(|()| file.sync_all())
        .and_then(|()| keep_owner(path, &file))
        .and_then(|()| fs::rename(&fresh, path))
        .and_then(|()| File::open(folder)?.sync_all());
    if written.is_err() {
        drop(fs::remove_file(&fresh));
    }
    written
}

/// 32 random bytes as 64 hexadecimal digits.
///
/// # Errors
/// The kernel has no random bytes.
pub fn new() -> io::Result<Zeroizing<String>> {
    let mut random = Zeroizing::new([0u8; 32]);
    let failed = |_| io::Error::other("no random bytes");
    SystemRandom::new().fill(random.as_mut()).map_err(failed)?;
    Ok(Zeroizing::new(random.iter().map(|byte| format!("{byte:02x}")).collect()))
}

/// A weak cookie opens no mesh beyond loopback: under 16 bytes, or under 8 different ones.
#[must_use]
pub fn is_weak(text: &str) -> bool {
    text.len() < 16 || text.bytes().collect::<BTreeSet<_>>().len() < 8
}

/// root may replace the file of a service user: the new one goes to the same owner.
fn keep_owner(old: &Path, new: &File) -> io::Result<()> {
    use std::os::unix::fs::{MetadataExt, fchown};
    match fs::metadata(old) {
        Ok(old) => fchown(new, Some(old.uid()), Some(old.gid())),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::MetadataExt;

    use super::*;

    #[test]
    fn a_cookie_is_set_shown_and_private() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("cookie");
        assert!(show(&path).is_err());
        let made = new().unwrap();
        assert_eq!(made.len(), 64);
        assert!(!is_weak(&made) && is_weak("short") && is_weak(&"a".repeat(40)));
        set(&path, &made).unwrap();
        assert_eq!(*show(&path).unwrap(), *made);
        set(&path, "another one, longer\n").unwrap();
        assert_eq!(*show(&path).unwrap(), "another one, longer");
        assert_eq!(fs::metadata(&path).unwrap().mode() & 0o777, 0o600);
        assert!(set(&path, "two\nlines").is_err() && set(&path, "\n").is_err());
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1, "nothing is left behind");
    }

    #[test]
    fn the_file_that_exists_is_taken() {
        let dir = tempfile::tempdir().unwrap();
        let data = [dir.path().join("none"), dir.path().to_owned()];
        fs::write(dir.path().join("cookie"), "x").unwrap();
        if !Path::new(PACKAGED).exists() {
            assert_eq!(file(&data), dir.path().join("cookie"));
        }
    }
}
