//! `cookie show`, `set` and `new`: works on the file, needs no node, and never takes the secret from the command line.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, PermissionsExt, fchown};
use std::path::{Path, PathBuf};

use ring::rand::{SecureRandom, SystemRandom};
use zeroize::Zeroizing;

use crate::cluster::secret::{WeakCookie, check_cookie};
use crate::cluster::settings::{Cookie, Kdf};

/// What a package makes.
const PACKAGED: &str = "/etc/emqx-rs/cookie";
/// Longest cookie with its line end, in bytes.
pub const LONGEST: usize = 4096;

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
    // At once as large as it gets: a buffer that grows leaves copies behind.
    let mut text = Zeroizing::new(String::with_capacity(LONGEST + 1));
    File::open(path)?.take(LONGEST as u64).read_to_string(&mut text)?;
    Ok(Zeroizing::new(text.trim_end_matches(['\r', '\n']).to_owned()))
}

/// Replaces the cookie in `path`, mode 0600: a new file beside it, synced, then renamed over it.
///
/// # Errors
/// The text is no cookie, or the file cannot be written.
pub fn set(path: &Path, text: &str) -> io::Result<()> {
    let text = text.trim_end_matches(['\r', '\n']);
    if text.is_empty() || text.len() >= LONGEST || text.chars().any(char::is_control) {
        let what = "expected one line of text under 4 KiB, without control characters";
        return Err(io::Error::new(io::ErrorKind::InvalidInput, what));
    }
    let mut line = Zeroizing::new(Vec::with_capacity(text.len() + 1));
    line.extend_from_slice(text.as_bytes());
    line.push(b'\n');
    replace(path, &line)
}

/// Replaces a file as a whole, mode 0600: a new one beside it, synced, then renamed over it. It has the owner of the old one;
/// without an old one and made by root, that of the folder, so that the service can read what root puts into its folder.
///
/// # Errors
/// It cannot be written.
pub fn replace(path: &Path, bytes: &[u8]) -> io::Result<()> {
    replace_with(path, bytes, 0o600)
}

/// [`replace`] with another mode.
///
/// # Errors
/// It cannot be written.
pub fn replace_with(path: &Path, bytes: &[u8], mode: u32) -> io::Result<()> {
    let folder = path.parent().filter(|folder| *folder != Path::new(""));
    let folder = folder.unwrap_or(Path::new("."));
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let fresh = folder.join(format!(".{name}.{}", std::process::id()));
    let mut options = OpenOptions::new();
    let mut file = options.write(true).create_new(true).mode(0o600).open(&fresh)?;
    let written = file
        .write_all(bytes)
        .and_then(|()| file.sync_all())
        .and_then(|()| keep_owner(path, folder, &file))
        .and_then(|()| file.set_permissions(fs::Permissions::from_mode(mode)))
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
    let digit = |nibble: u8| char::from_digit(u32::from(nibble), 16);
    let mut text = Zeroizing::new(String::with_capacity(64));
    text.extend(random.iter().flat_map(|byte| [byte >> 4, byte & 15]).filter_map(digit));
    Ok(text)
}

/// Why a cookie opens no mesh beyond loopback, if it does not.
#[must_use]
pub fn weakness(text: &str) -> Option<WeakCookie> {
    check_cookie(&Cookie::new(text.trim_end_matches(['\r', '\n']).to_owned()), Kdf::Argon2id).err()
}

fn keep_owner(old: &Path, folder: &Path, new: &File) -> io::Result<()> {
    let owner = match fs::symlink_metadata(old) {
        Ok(old) => old,
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            if !nix::unistd::geteuid().is_root() {
                return Ok(());
            }
            fs::metadata(folder)?
        }
        Err(error) => return Err(error),
    };
    fchown(new, Some(owner.uid()), Some(owner.gid()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cookie_is_set_shown_and_private() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("cookie");
        assert!(show(&path).is_err());
        let made = new().unwrap();
        assert_eq!(made.len(), 64);
        assert_eq!(weakness(&made), None);
        for weak in ["short", "emqxsecretcookie\n", &"a".repeat(40)] {
            assert!(weakness(weak).is_some(), "{weak}");
        }
        set(&path, &made).unwrap();
        assert_eq!(*show(&path).unwrap(), *made);
        set(&path, "another one, longer\n").unwrap();
        assert_eq!(*show(&path).unwrap(), "another one, longer");
        assert_eq!(fs::metadata(&path).unwrap().mode() & 0o777, 0o600);
        assert!(set(&path, "two\nlines").is_err() && set(&path, "\n").is_err());
        assert!(set(&path, &"x".repeat(LONGEST)).is_err());
        let folder = fs::metadata(dir.path()).unwrap();
        assert_eq!(fs::metadata(&path).unwrap().uid(), folder.uid());
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
