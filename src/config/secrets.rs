//! Where the cookie comes from, and how it is made.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use ring::rand::{SecureRandom, SystemRandom};
use zeroize::Zeroizing;

use super::paths::{Folders, variable};
use super::{Fault, Note};
use crate::cluster::base64url;
use crate::cluster::settings::Cookie;

/// The cookie everybody can read in EMQX's shipped file. It counts as not set.
const PUBLISHED: &str = "emqxsecretcookie";

/// Longest file of a secret.
const LONGEST: usize = 4096;
/// Modes that let every local user read a file, or change it.
const WORLD: u32 = 0o006;
/// A cookie, and the words for where it was found.
pub type Found = (Cookie, String);

/// The cookie that `text` (of `node.cookie`) stands for; `None` when it is EMQX's published one.
///
/// # Errors
/// `file:PATH` cannot be read, or the world can read or write it.
pub fn written(text: &str, origin: &str, folders: &Folders) -> Result<Option<Found>, Fault> {
    if text == PUBLISHED {
        return Ok(None);
    }
    let Some(path) = text.strip_prefix("file://").or_else(|| text.strip_prefix("file:")) else {
        return Ok(Some((Cookie::new(text.into()), origin.into())));
    };
    let path = folders.resolve(path);
    match read(&path)? {
        Some(cookie) if cookie.expose() == PUBLISHED.as_bytes() => Ok(None),
        Some(cookie) => Ok(Some((cookie, path.display().to_string()))),
        None => Err(Fault::new(path.display(), format!("no such file (named in {origin})"))),
    }
}

/// `$CREDENTIALS_DIRECTORY/cookie`, unless it is missing or empty, else `<data>/cookie`.
///
/// # Errors
/// It cannot be read, or the world can read it.
pub fn stored(folders: &Folders, env: &[(String, String)]) -> Result<Option<Found>, Fault> {
    let credential =
        variable(env, "CREDENTIALS_DIRECTORY").map(|dir| Path::new(dir).join("cookie"));
    // The unit gives an empty line when /etc/emqx-rs/cookie is not there.
    let blank = |path: &PathBuf| {
        fs::read(path).is_ok_and(|text| Zeroizing::new(text).trim_ascii().is_empty())
    };
    let credential = credential.filter(|path| !blank(path));
    for path in credential.into_iter().chain([folders.data.join("cookie")]) {
        if let Some(cookie) = read(&path)? {
            return Ok(Some((cookie, path.display().to_string())));
        }
    }
    Ok(None)
}

/// Makes `<data>/cookie`: 32 random bytes, base64url, mode 0600.
///
/// # Errors
/// The folder or the file cannot be made.
pub fn make(folders: &Folders) -> Result<Found, Fault> {
    let path = folders.data.join("cookie");
    let fault = |error: io::Error| Fault::new(path.display(), format!("cannot be made: {error}"));
    let mut random = Zeroizing::new([0; 32]);
    SystemRandom::new()
        .fill(&mut *random)
        .map_err(|_| fault(io::Error::other("no random bytes")))?;
    let mut text = base64url::encode(&*random);
    let mut folder = DirBuilder::new();
    folder.recursive(true).mode(0o700).create(&folders.data).map_err(fault)?;
    let mut options = OpenOptions::new();
    let mut file = options.write(true).create_new(true).mode(0o600).open(&path).map_err(fault)?;
    let written = file.write_all(text.as_bytes()).and_then(|()| file.write_all(b"\n"));
    written.and_then(|()| file.sync_all()).map_err(fault)?;
    Ok((Cookie::new(std::mem::take(&mut *text)), path.display().to_string()))
}

/// A warning when a file that holds `what`, a secret, can be read by everybody.
pub fn exposed(path: &Path, what: &str) -> Option<Note> {
    let mode = fs::metadata(path).ok()?.mode() & 0o777;
    let text = || {
        format!(
            "{} holds {what} and has mode {mode:04o}: every local user can read it",
            path.display()
        )
    };
    (mode & 0o004 != 0).then(|| Note::warning(text()))
}

/// The secret in a file, without the line end; `None` when there is no such file.
fn read(path: &Path) -> Result<Option<Cookie>, Fault> {
    let fault = |what: String| Fault::new(path.display(), what);
    let metadata = match fs::metadata(path) {
        Ok(metadata) => metadata,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(fault(format!("cannot be read: {error}"))),
    };
    let mode = metadata.mode() & 0o777;
    if mode & WORLD != 0 {
        let what = format!(
            "mode {mode:04o}: a secret that every local user can read or change is refused; chmod 600 it"
        );
        return Err(fault(what));
    }
    // At once as large as it gets: a buffer that grows leaves copies behind.
    let mut bytes = Zeroizing::new(Vec::with_capacity(LONGEST + 2));
    let opened = File::open(path).and_then(|file| {
        let limit = u64::try_from(LONGEST + 1).unwrap_or(u64::MAX);
        file.take(limit).read_to_end(&mut bytes)
    });
    opened.map_err(|error| fault(format!("cannot be read: {error}")))?;
    let text = std::str::from_utf8(&bytes).map_err(|_| fault("expected UTF-8 text".into()))?;
    let text = text.trim_end_matches(['\r', '\n']);
    if bytes.len() > LONGEST {
        Err(fault(format!("expected a secret, at most {LONGEST} bytes")))
    } else if text.is_empty() {
        Err(fault("expected a secret, the file is empty".into()))
    } else if text.contains(char::is_control) {
        Err(fault("expected a secret of one line".into()))
    } else {
        Ok(Some(Cookie::new(text.into())))
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    fn folders(data: &Path) -> Folders {
        Folders::new(None, &data.display().to_string(), &[])
    }

    #[test]
    fn a_made_cookie_is_private_and_found_again() {
        let dir = tempfile::tempdir().unwrap();
        let folders = folders(&dir.path().join("new"));
        assert!(stored(&folders, &[]).unwrap().is_none());
        let (made, path) = make(&folders).unwrap();
        assert_eq!(made.expose().len(), 43);
        assert_eq!(fs::metadata(&path).unwrap().mode() & 0o777, 0o600);
        assert!(stored(&folders, &[]).unwrap().unwrap().0 == made);
        assert!(make(&folders).is_err(), "an existing cookie is never replaced");
    }

    #[test]
    fn the_credential_comes_before_the_data_folder() {
        let (data, cred) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        for (dir, text) in [(&data, "from data\n"), (&cred, "from credential")] {
            fs::write(dir.path().join("cookie"), text).unwrap();
            fs::set_permissions(dir.path().join("cookie"), fs::Permissions::from_mode(0o600))
                .unwrap();
        }
        let env = [("CREDENTIALS_DIRECTORY".to_owned(), cred.path().display().to_string())];
        let folders = folders(data.path());
        assert_eq!(stored(&folders, &env).unwrap().unwrap().0.expose(), b"from credential");
        assert_eq!(stored(&folders, &[]).unwrap().unwrap().0.expose(), b"from data");
        fs::write(cred.path().join("cookie"), "\n").unwrap();
        assert_eq!(stored(&folders, &env).unwrap().unwrap().0.expose(), b"from data");
    }

    #[test]
    fn a_secret_everybody_can_read_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("cookie");
        fs::write(&path, "secret-in-it").unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
        let fault =
            written(&format!("file:{}", path.display()), "x:1", &folders(dir.path())).unwrap_err();
        assert!(fault.to_string().contains("mode 0644"), "{fault}");
        assert!(stored(&folders(dir.path()), &[]).is_err());
        for (mode, refused) in [(0o640, false), (0o400, false), (0o602, true), (0o604, true)] {
            fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
            let faults = stored(&folders(dir.path()), &[]);
            assert_eq!(faults.is_err(), refused, "{mode:o}");
            if let Err(fault) = faults {
                let (path, mode) = (path.display().to_string(), format!("mode {mode:04o}"));
                assert!(fault.to_string().starts_with(&path), "{fault}");
                assert!(fault.to_string().contains(&mode), "{fault}");
                assert!(!fault.to_string().contains("secret-in-it"), "{fault}");
            }
        }
    }

    #[test]
    fn a_file_that_holds_no_secret_is_a_fault() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("cookie");
        for text in [&b""[..], b"\n", b"two\nlines\n", b"\xff\xfe", &[b'x'; LONGEST + 1]] {
            fs::write(&path, text).unwrap();
            fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
            assert!(stored(&folders(dir.path()), &[]).is_err(), "{text:?}");
        }
    }

    #[test]
    fn the_published_cookie_counts_as_not_set() {
        let dir = tempfile::tempdir().unwrap();
        assert!(written(PUBLISHED, "x:1", &folders(dir.path())).unwrap().is_none());
        fs::write(dir.path().join("copy"), format!("{PUBLISHED}\n")).unwrap();
        fs::set_permissions(dir.path().join("copy"), fs::Permissions::from_mode(0o600)).unwrap();
        let copy = format!("file:{}", dir.path().join("copy").display());
        assert!(written(&copy, "x:1", &folders(dir.path())).unwrap().is_none());
        let fault = written("file:/nowhere", "x:1", &folders(dir.path())).unwrap_err();
        assert_eq!(fault.to_string(), "/nowhere: no such file (named in x:1)");
        assert_eq!(
            written("plain", "x:1", &folders(dir.path())).unwrap().unwrap().0.expose(),
            b"plain"
        );
    }
}
