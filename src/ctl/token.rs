//! `cluster token` and `cluster join TOKEN`: all that a second box needs, in one string. It holds the cookie, so it is made and used
//! here, by whoever may read and write the files, and never crosses the socket of a node.

use std::io;
use std::path::{Path, PathBuf};

use zeroize::Zeroizing;

use super::{Places, cookie};
use crate::cluster::NodeName;
use crate::cluster::invitation::{self, BadInvitation, Invitation, PREFIX};
use crate::cluster::secret::{KeySet, WeakCookie, check_cookie};
use crate::cluster::settings::{Cookie, Kdf};

/// Longer than the name of a node on this host ever is, shorter than any token.
const NAME_MAX: usize = 64;

/// Why there is no token, or why it is not used. Holds no secret.
#[derive(Debug, thiserror::Error)]
pub enum TokenError {
    /// A file.
    #[error("{path}: {error}")]
    File {
        /// Which.
        path: PathBuf,
        /// Why.
        error: io::Error,
    },
    /// The text is no token.
    #[error(transparent)]
    Bad(#[from] BadInvitation),
    /// The cookie opens no mesh.
    #[error("{0}")]
    Weak(#[from] WeakCookie),
    /// No node can be reached.
    #[error("the mesh of the node here is closed: {0}")]
    Closed(String),
    /// The node here does not use the cookie in the file.
    #[error(
        "the node here has its cookie from {from}, and it is not the one in {file}: restart the node if the file was \
         changed, or name the right one with --file"
    )]
    OtherCookie {
        /// Where the node has its cookie from.
        from: String,
        /// The file that was read.
        file: PathBuf,
    },
    /// The file would not count.
    #[error(
        "the node here has its cookie from {from}, not from {file}: name that file with --file, or take the line out if \
         it is one of emqx.conf"
    )]
    Hidden {
        /// Where the node has its cookie from.
        from: String,
        /// The file that would be written.
        file: PathBuf,
    },
    /// The credential comes from a sealed file, as far as one can see.
    #[error(
        "the node here has its cookie from {sealed}, not from {file}: seal the new one, as in \"systemd-creds encrypt --name=cookie \
         - {sealed}\", or take {sealed} away"
    )]
    Sealed {
        /// The sealed file.
        sealed: PathBuf,
        /// The file in clear.
        file: PathBuf,
    },
    /// The usual file is not there, and the node has another one.
    #[error(
        "{file}: no such file; the node here has its cookie from {from}: name the file that holds it with --file"
    )]
    Elsewhere {
        /// Where the node has its cookie from.
        from: String,
        /// The file that is not there.
        file: PathBuf,
    },
    /// The node reads another folder.
    #[error("the node here keeps its data in {0}: say so with --data")]
    OtherData(PathBuf),
    /// It would be torn out of one.
    #[error("the node here is in a cluster with {0}: emqx-rs-ctl cluster leave comes first")]
    InCluster(String),
    /// The name of the cluster is set to another one.
    #[error(
        "{from} says cluster.name = {here}, the token is of the cluster {there}: make them one"
    )]
    OtherCluster {
        /// Where the name is set.
        from: String,
        /// The name here.
        here: String,
        /// The name in the token.
        there: String,
    },
}

/// Whether `text` is a token, or was to be one: it must not go to a node, which would log it.
#[must_use]
pub fn is_token(text: &str) -> bool {
    text.trim_start().starts_with(PREFIX) || (text.len() > NAME_MAX && !text.contains('@'))
}

/// The token for the cluster of the node that said `places`, with the cookie in `file`.
///
/// # Errors
/// [`TokenError`]
pub fn make(places: &Places, file: &Path) -> Result<Zeroizing<String>, TokenError> {
    if let Some(reason) = &places.refused {
        return Err(TokenError::Closed(reason.clone()));
    }
    let mut text = show(Some(places), file)?;
    let cookie = Cookie::new(std::mem::take(&mut *text));
    if has_number(places, &cookie) == Some(false) {
        let from = places.cookie_from.clone();
        return Err(TokenError::OtherCookie { from, file: file.into() });
    }
    let nodes = places.nodes.iter().filter_map(|line| invitation::node(line)).collect();
    Ok(Invitation { cluster: places.cluster.clone(), nodes }.token(&cookie))
}

/// The cookie in `file`, of which the node that said `places` may know nothing.
///
/// # Errors
/// [`TokenError::File`], [`TokenError::Elsewhere`]
pub fn show(places: Option<&Places>, file: &Path) -> Result<Zeroizing<String>, TokenError> {
    cookie::show(file).map_err(|error| match places.map(|places| places.cookie_from.clone()) {
        Some(from) if error.kind() == io::ErrorKind::NotFound && Path::new(&from) != file => {
            TokenError::Elsewhere { from, file: file.into() }
        }
        Some(_) | None => named(file, error),
    })
}

/// Whether `cookie` has the number of the one that the node uses; `None` where the node has none.
#[must_use]
pub fn has_number(places: &Places, cookie: &Cookie) -> Option<bool> {
    let kdf = if places.fast { Kdf::Fast } else { Kdf::Argon2id };
    let own = places.key_id?;
    Some(KeySet::derive(cookie, &places.cluster, kdf).ok()?.key_id() == own)
}

/// Whether a cookie in `file` would be used by the node at its next start, as far as it says.
///
/// # Errors
/// [`TokenError::Hidden`]
pub fn check_file(places: &Places, file: &Path) -> Result<(), TokenError> {
    let from = &places.cookie_from;
    // What systemd hands over comes from the file of the package, or from one the unit names.
    if Path::new(from) == file {
        return Ok(());
    }
    // A credential wins over the file in the data folder.
    if !from.contains("/credentials/") || file.parent() == Some(&places.data) {
        return Err(TokenError::Hidden { from: from.clone(), file: file.into() });
    }
    check_sealed(file)
}

/// Whether a sealed cookie stands beside `file`, from which systemd would make the credential.
///
/// # Errors
/// [`TokenError::Sealed`]
pub fn check_sealed(file: &Path) -> Result<(), TokenError> {
    let mut sealed = file.as_os_str().to_owned();
    sealed.push(".sealed");
    if Path::new(&sealed).exists() {
        return Err(TokenError::Sealed { sealed: sealed.into(), file: file.into() });
    }
    Ok(())
}

/// A token that was read, and where it is to be put.
#[derive(Debug)]
pub struct Joining {
    /// The cluster and its nodes.
    pub invitation: Invitation,
    cookie: Cookie,
    file: PathBuf,
    data: PathBuf,
}

impl Joining {
    /// Reads `token`; `file` and `data` are where the node of this host has cookie and data.
    ///
    /// # Errors
    /// It is damaged, or its cookie opens no mesh.
    pub fn read(token: &str, file: PathBuf, data: PathBuf) -> Result<Self, TokenError> {
        let (invitation, cookie) = Invitation::from_token(token)?;
        check_cookie(&cookie, Kdf::Argon2id)?;
        Ok(Self { invitation, cookie, file, data })
    }

    /// Whether the node of this host, which said `places`, would take it.
    ///
    /// # Errors
    /// [`TokenError`] says what is in the way.
    pub fn check(&self, places: &Places) -> Result<(), TokenError> {
        if let Some(from) = &places.cluster_from
            && places.cluster != self.invitation.cluster
        {
            return Err(TokenError::OtherCluster {
                from: from.clone(),
                here: places.cluster.clone(),
                there: self.invitation.cluster.clone(),
            });
        }
        let here = places.nodes.iter().filter_map(|line| invitation::node(line));
        let here: Vec<_> = here.map(|node| node.name).collect();
        let there = |name: &NodeName| self.invitation.nodes.iter().any(|node| node.name == *name);
        if let Some(other) = here.iter().find(|name| name.as_str() != places.node)
            && !here.iter().any(there)
        {
            return Err(TokenError::InCluster(other.to_string()));
        }
        check_file(places, &self.file)?;
        if places.data != self.data {
            return Err(TokenError::OtherData(places.data.clone()));
        }
        Ok(())
    }

    /// Writes the invitation, then the cookie: the next start joins.
    ///
    /// # Errors
    /// A file cannot be written.
    pub fn write(&self) -> Result<(), TokenError> {
        let path = self.data.join(invitation::FILE);
        cookie::replace(&path, self.invitation.to_text().as_bytes())
            .map_err(|error| named(&path, error))?;
        let text = std::str::from_utf8(self.cookie.expose()).unwrap_or_default();
        cookie::set(&self.file, text).map_err(|error| named(&self.file, error))
    }

    /// The file that holds the cookie.
    #[must_use]
    pub fn file(&self) -> &Path {
        &self.file
    }
}

fn named(path: &Path, error: io::Error) -> TokenError {
    TokenError::File { path: path.into(), error }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::MetadataExt;

    use super::*;

    const COOKIE: &str = "a cookie of this test, long enough";

    fn places(dir: &Path) -> Places {
        let cookie = Cookie::new(COOKIE.to_owned());
        Places {
            node: "a@10.0.0.1".into(),
            cluster: "emqxcl".into(),
            cookie_from: dir.join("cookie").display().to_string(),
            key_id: Some(KeySet::derive(&cookie, "emqxcl", Kdf::Fast).unwrap().key_id()),
            fast: true,
            data: dir.into(),
            nodes: vec!["a@10.0.0.1".into(), "b@box2:4400 10.0.0.2:4400".into()],
            ..Places::default()
        }
    }

    #[test]
    fn a_token_goes_from_box_to_box() {
        let (one, two) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let file = one.path().join("cookie");
        cookie::set(&file, COOKIE).unwrap();
        let token = make(&places(one.path()), &file).unwrap();
        assert!(is_token(&token) && is_token(&token[4..]) && !is_token("b@10.0.0.1"));
        assert!(!is_token("node2") && is_token(&format!(" {}", *token)));

        let (file, data) = (two.path().join("cookie"), two.path().to_owned());
        let joining = Joining::read(&token, file.clone(), data).unwrap();
        assert_eq!(joining.invitation.nodes.len(), 2);
        assert!(!format!("{joining:?}").contains(COOKIE));
        joining.check(&places(two.path())).unwrap();
        joining.write().unwrap();
        assert_eq!(*cookie::show(&file).unwrap(), COOKIE);
        for name in ["cookie", invitation::FILE] {
            assert_eq!(fs::metadata(two.path().join(name)).unwrap().mode() & 0o777, 0o600);
        }
        let text = fs::read_to_string(two.path().join(invitation::FILE)).unwrap();
        assert_eq!(Invitation::parse(&text).unwrap(), joining.invitation);
        assert!(!text.contains(COOKIE));
    }

    #[test]
    fn a_token_of_another_cookie_is_not_made() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("cookie");
        assert!(matches!(make(&places(dir.path()), &file), Err(TokenError::File { .. })));
        cookie::set(&file, "another cookie, as long as that one").unwrap();
        let error = make(&places(dir.path()), &file).unwrap_err();
        assert!(matches!(error, TokenError::OtherCookie { .. }), "{error}");
        assert!(!error.to_string().contains("as long as"), "{error}");
        let closed = Places { refused: Some("weak cookie".into()), ..places(dir.path()) };
        assert!(matches!(make(&closed, &file), Err(TokenError::Closed(_))));
    }

    #[test]
    fn what_would_have_no_effect_is_told_before_anything_is_written() {
        let dir = tempfile::tempdir().unwrap();
        let token = Invitation::parse("cluster emqxcl\nnode a@10.0.0.1\n").unwrap();
        let token = token.token(&Cookie::new(COOKIE.to_owned()));
        let read = |file: &str| {
            Joining::read(&token, dir.path().join(file), dir.path().to_owned()).unwrap()
        };
        let here = places(dir.path());
        assert!(matches!(read("other").check(&here), Err(TokenError::Hidden { .. })));
        let line = Places { cookie_from: "/etc/emqx-rs/emqx.conf:3".into(), ..here.clone() };
        assert!(matches!(read("cookie").check(&line), Err(TokenError::Hidden { .. })));
        let handed =
            Places { cookie_from: "/run/credentials/x.service/cookie".into(), ..here.clone() };
        assert!(matches!(read("cookie").check(&handed), Err(TokenError::Hidden { .. })));
        assert!(read("etc/cookie").check(&handed).is_ok());
        fs::create_dir(dir.path().join("etc")).unwrap();
        fs::write(dir.path().join("etc/cookie.sealed"), "").unwrap();
        let error = read("etc/cookie").check(&handed).unwrap_err();
        assert!(matches!(error, TokenError::Sealed { .. }), "{error}");
        let own = dir.path().join("etc/cookie").display().to_string();
        let clear = Places { cookie_from: own, ..here.clone() };
        assert!(read("etc/cookie").check(&clear).is_ok(), "the node itself says it is that file");
        fs::remove_dir_all(dir.path().join("etc")).unwrap();
        let elsewhere = Places { data: "/elsewhere".into(), ..here.clone() };
        assert!(matches!(read("cookie").check(&elsewhere), Err(TokenError::OtherData(_))));
        let named =
            Places { cluster: "mine".into(), cluster_from: Some("x:1".into()), ..here.clone() };
        assert!(matches!(read("cookie").check(&named), Err(TokenError::OtherCluster { .. })));
        let unset = Places { cluster: "mine".into(), ..here };
        assert!(read("cookie").check(&unset).is_ok(), "a name that nobody set gives way");
        let weak = Invitation::parse("cluster c\n").unwrap().token(&Cookie::new("short".into()));
        let error = Joining::read(&weak, "c".into(), "d".into()).unwrap_err();
        assert!(matches!(error, TokenError::Weak(_)), "{error}");
        let married = Places {
            node: "x@10.0.0.8".into(),
            nodes: vec!["x@10.0.0.8".into(), "y@10.0.0.9".into()],
            ..places(dir.path())
        };
        let error = read("cookie").check(&married).unwrap_err();
        assert!(error.to_string().contains("y@10.0.0.9"), "{error}");
        let single = Places { nodes: vec!["x@10.0.0.8".into()], ..married };
        assert!(read("cookie").check(&single).is_ok());
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 0);
    }
}
