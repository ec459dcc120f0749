//! Who may use the HTTP API: applications, each with an id and a secret.
//!
//! Those that operators insert (`emqx-rs-ctl mgmt`) stand in a file of the data folder, one JSON object a line, replaced as a whole.
//! Of a secret it has the SHA-256, which is enough for 32 random bytes. Those of the configuration are in memory, hashed as well.
//! Where both name one, the file counts.

use std::{
    collections::BTreeMap,
    fmt, fs, io,
    path::{Path, PathBuf},
    sync::{
        RwLock,
        atomic::{AtomicBool, Ordering},
    },
};

use base64ct::{Base64, Encoding as _};
use ring::digest::{SHA256, digest};
use serde::{Deserialize, Serialize};
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

use crate::{ctl, node::locks, sort};

/// Name of the file in the data folder.
const FILE: &str = "apps";
/// Applications in it, at most.
const MOST: usize = 1000;
/// Longest id and name, in bytes.
const LONGEST: usize = 128;

/// Of a secret.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct SecretHash([u8; 32]);

impl SecretHash {
    /// The hash of a secret.
    #[must_use]
    pub fn of(secret: &[u8]) -> Self {
        let mut hash = [0; 32];
        hash.copy_from_slice(digest(&SHA256, secret).as_ref());
        Self(hash)
    }

    fn parse(text: &str) -> Option<Self> {
        Base64::decode_vec(text).ok()?.try_into().ok().map(Self)
    }
}

impl fmt::Debug for SecretHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SecretHash")
    }
}

/// A line of the file.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Line {
    id: String,
    name: String,
    /// SHA-256 of the secret, in base64.
    hash: String,
    enabled: bool,
}

#[derive(Clone)]
struct App {
    name: String,
    hash: SecretHash,
    enabled: bool,
}

#[derive(Default)]
struct Table {
    kept: BTreeMap<String, App>,
    configured: BTreeMap<String, SecretHash>,
    /// The file, or why there is none.
    file: Option<Result<PathBuf, String>>,
}

/// The applications of a node.
#[derive(Default)]
pub struct Apps {
    table: RwLock<Table>,
    /// Somebody changes the file.
    changing: AtomicBool,
}

impl Apps {
    /// Reads those in the data folder, and keeps them there from now on. A file that is none lets nobody in, and is not replaced.
    pub(in crate::node) fn load(&self, data: &Path) {
        let path = data.join(FILE);
        let read = match fs::read_to_string(&path) {
            Ok(text) => parse(&text),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(BTreeMap::new()),
            Err(error) => Err(error.to_string()),
        };
        let mut table = locks::write(&self.table);
        match read {
            Ok(kept) => {
                table.kept = kept;
                table.file = Some(Ok(path));
            }
            Err(what) => {
                let why = format!(
                    "{}: {what}; mend the file or take it away, and restart",
                    path.display()
                );
                tracing::error!(
                    why,
                    "applications of the HTTP API cannot be read: none of them gets in"
                );
                table.file = Some(Err(why));
            }
        }
    }

    /// Those of the configuration are these from now on.
    pub(in crate::node) fn configure(&self, apps: BTreeMap<String, SecretHash>) {
        locks::write(&self.table).configured = apps;
    }

    /// Whether there is one of this id, with any secret.
    pub(super) fn is_known(&self, id: &str) -> bool {
        let table = locks::read(&self.table);
        table.configured.contains_key(id) || table.kept.contains_key(id)
    }

    /// Whether there is any that could get in.
    pub(super) fn is_empty(&self) -> bool {
        let table = locks::read(&self.table);
        table.configured.is_empty() && !table.kept.values().any(|app| app.enabled)
    }

    /// Whether this is an application with its secret. How long that takes tells nothing of the secret.
    pub(super) fn admits(&self, id: &str, secret: &[u8]) -> bool {
        let given = SecretHash::of(secret);
        let known = {
            let table = locks::read(&self.table);
            match table.kept.get(id) {
                Some(app) => app.enabled.then_some(app.hash),
                None => table.configured.get(id).copied(),
            }
        };
        let right = given.0.ct_eq(&known.unwrap_or(SecretHash([0; 32])).0);
        bool::from(right) && known.is_some()
    }

    /// All of them, by id.
    pub(in crate::node) fn list(&self) -> Vec<ctl::App> {
        let table = locks::read(&self.table);
        let configured = table.configured.keys().filter(|id| !table.kept.contains_key(*id));
        let mut rows: Vec<_> = configured.map(|id| configured_row(id)).collect();
        rows.extend(table.kept.iter().map(|(id, app)| row(id, app)));
        sort::sort_by(&mut rows, |a, b| a.app_id.cmp(&b.app_id));
        rows
    }

    /// Makes one; gives its secret, which nobody can ask for later.
    ///
    /// # Errors
    /// It is there, the id is none, or the file cannot be written.
    pub(in crate::node) fn insert(
        &self,
        id: &str,
        name: &str,
    ) -> Result<Zeroizing<String>, String> {
        let odd = |text: &str| text.len() > LONGEST || text.contains(char::is_control);
        if id.is_empty() || id.contains(':') || odd(id) || odd(name) {
            let what = "an id of 1 to 128 bytes without colons, and a name of at most 128 bytes";
            return Err(format!("expected {what}"));
        }
        let secret = ctl::cookie::new().map_err(|error| error.to_string())?;
        let app = App { name: name.into(), hash: SecretHash::of(secret.as_bytes()), enabled: true };
        self.change(|kept| {
            if kept.contains_key(id) {
                return Err(format!("{} exists", ctl::render::shown(id)));
            }
            if kept.len() >= MOST {
                return Err(format!("there are {MOST} already"));
            }
            kept.insert(id.to_owned(), app);
            Ok(true)
        })?;
        Ok(secret)
    }

    /// Lets one in or not; `false`: there is none.
    ///
    /// # Errors
    /// It stands in the configuration, or the file cannot be written.
    pub(in crate::node) fn enable(&self, id: &str, on: bool) -> Result<bool, String> {
        self.ours(id)?;
        self.change(|kept| Ok(kept.get_mut(id).map(|app| app.enabled = on).is_some()))
    }

    /// Takes one out; `false`: there is none.
    ///
    /// # Errors
    /// As [`Self::enable`].
    pub(in crate::node) fn remove(&self, id: &str) -> Result<bool, String> {
        self.ours(id)?;
        self.change(|kept| Ok(kept.remove(id).is_some()))
    }

    fn ours(&self, id: &str) -> Result<(), String> {
        let table = locks::read(&self.table);
        if table.configured.contains_key(id) && !table.kept.contains_key(id) {
            let id = ctl::render::shown(id);
            return Err(format!(
                "{id} stands in the configuration: change it there, then conf reload"
            ));
        }
        Ok(())
    }

    /// Changes the file, and the table when that is done; one change at a time.
    fn change(
        &self,
        change: impl FnOnce(&mut BTreeMap<String, App>) -> Result<bool, String>,
    ) -> Result<bool, String> {
        if self.changing.swap(true, Ordering::AcqRel) {
            return Err("somebody else changes them right now; try again".into());
        }
        let result = self.changed(change);
        self.changing.store(false, Ordering::Release);
        result
    }

    fn changed(
        &self,
        change: impl FnOnce(&mut BTreeMap<String, App>) -> Result<bool, String>,
    ) -> Result<bool, String> {
        let (mut kept, file) = {
            let table = locks::read(&self.table);
            (table.kept.clone(), table.file.clone())
        };
        if !change(&mut kept)? {
            return Ok(false);
        }
        let path = file.ok_or("the node has no data folder")??;
        let mut text = Vec::new();
        for (id, app) in &kept {
            let (id, name) = (id.clone(), app.name.clone());
            let hash = Base64::encode_string(&app.hash.0);
            let line = Line { id, name, hash, enabled: app.enabled };
            serde_json::to_writer(&mut text, &line).map_err(|error| error.to_string())?;
            text.push(b'\n');
        }
        let failed = |error| format!("{}: {error}", path.display());
        ctl::cookie::replace(&path, &text).map_err(failed)?;
        locks::write(&self.table).kept = kept;
        Ok(true)
    }
}

fn parse(text: &str) -> Result<BTreeMap<String, App>, String> {
    let lines = text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty());
    let app = |(at, line): (usize, &str)| {
        let read = serde_json::from_str(line).ok();
        let read = read.and_then(|Line { id, name, hash, enabled }| {
            Some((id, App { name, hash: SecretHash::parse(&hash)?, enabled }))
        });
        read.ok_or_else(|| format!("line {} is no application", at + 1))
    };
    lines.map(app).collect()
}

fn row(id: &str, app: &App) -> ctl::App {
    let desc = "emqx-rs-ctl mgmt insert".to_owned();
    ctl::App { app_id: id.to_owned(), name: app.name.clone(), desc, status: app.enabled }
}

fn configured_row(id: &str) -> ctl::App {
    ctl::App {
        app_id: id.to_owned(),
        name: id.to_owned(),
        desc: "configuration".into(),
        status: true,
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    fn apps(data: &Path) -> Apps {
        let apps = Apps::default();
        apps.load(data);
        apps
    }

    #[test]
    fn an_application_is_let_in_until_it_is_not() {
        let dir = tempfile::tempdir().unwrap();
        let first = apps(dir.path());
        assert!(first.is_empty() && !first.admits("a", b"") && !first.admits("", b""));
        let secret = first.insert("a", "An app").unwrap();
        assert_eq!(secret.len(), 64);
        assert!(first.insert("a", "again").unwrap_err().contains("a exists"));
        let path = dir.path().join(FILE);
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        assert!(!fs::read_to_string(&path).unwrap().contains(secret.as_str()), "only its hash");
        let after = apps(dir.path());
        assert!(after.admits("a", secret.as_bytes()) && !after.is_empty());
        assert!(!after.admits("b", secret.as_bytes()) && !after.admits("a", b"x"));
        assert_eq!(after.enable("a", false), Ok(true));
        assert!(!after.admits("a", secret.as_bytes()) && after.is_empty());
        assert_eq!(after.enable("a", true), Ok(true));
        assert!(after.admits("a", secret.as_bytes()));
        assert_eq!((after.remove("a"), after.remove("a")), (Ok(true), Ok(false)));
        assert!(!after.admits("a", secret.as_bytes()));
    }

    #[test]
    fn those_of_the_configuration_are_changed_there() {
        let dir = tempfile::tempdir().unwrap();
        let apps = apps(dir.path());
        apps.configure([("c".to_owned(), SecretHash::of(b"s3cret"))].into());
        assert!(apps.admits("c", b"s3cret") && !apps.admits("c", b"s3creT"));
        assert!(apps.remove("c").is_err() && apps.enable("c", false).is_err());
        let secret = apps.insert("c", "the file counts").unwrap();
        assert!(apps.admits("c", secret.as_bytes()) && !apps.admits("c", b"s3cret"));
        assert_eq!(apps.list().len(), 1);
        apps.configure(BTreeMap::new());
        assert!(apps.admits("c", secret.as_bytes()));
    }

    #[test]
    fn ids_are_checked_and_a_bad_file_is_left_alone() {
        let dir = tempfile::tempdir().unwrap();
        let fine = apps(dir.path());
        for id in ["", "a:b", "a\n", &"x".repeat(LONGEST + 1)] {
            assert!(fine.insert(id, "").is_err(), "{id:?}");
        }
        let path = dir.path().join(FILE);
        for text in ["x", "{}", r#"{"id":"a","name":"","hash":"AA==","enabled":true}"#] {
            fs::write(&path, text).unwrap();
            let apps = apps(dir.path());
            assert!(apps.insert("a", "").unwrap_err().contains("line 1"), "{text}");
            assert_eq!(fs::read_to_string(&path).unwrap(), text);
        }
    }
}
