//! What a node keeps in `node.data_dir` about itself and its cluster.
//!
//! | file | holds |
//! | --- | --- |
//! | `identity.key` | its private key, 32 bytes, made once |
//! | `node.inc` | number of the process, higher at every start, on disk before the first packet leaves; a life has that of its first |
//! | `cluster.id` | number of its cluster and who made it |
//! | `hlc` | the last value of its hybrid clock, with a margin |
//! | `members` | the member table |
//! | `cluster.join` | the cluster that it was told to join, and until it has, whom to ask |
//! | `left` | there while the node left its cluster |
//!
//! A file is replaced as a whole: written beside, synced, renamed, and the folder synced.

use std::{
    fs::{self, File, OpenOptions, Permissions},
    io::{ErrorKind, Write},
    os::unix::fs::{OpenOptionsExt, PermissionsExt},
    path::{Path, PathBuf},
};

use zeroize::Zeroizing;

use crate::{
    cluster::{
        Guid, NodeId, Stored,
        handshake::{HandshakeError, Identity},
        invitation::{self, Invitation},
        wire::{self, Frame},
    },
    time::Wall,
};

/// The folder cannot be used. The start ends.
#[derive(Debug, thiserror::Error)]
pub enum StateError {
    /// A file or the folder.
    #[error("{path}: {error}")]
    File {
        /// Which.
        path: PathBuf,
        /// Why.
        error: std::io::Error,
    },
    /// The key is no key.
    #[error("{path}: not a private key of 32 bytes; move it away to get a new identity")]
    Key {
        /// Which file.
        path: PathBuf,
    },
    /// Others may read the key.
    #[error("{path}: mode {mode:04o} lets others read the private key; chmod 600")]
    Mode {
        /// Which file.
        path: PathBuf,
        /// Its mode.
        mode: u32,
    },
    /// No new key.
    #[error("identity: {0}")]
    Identity(#[from] HandshakeError),
}

/// What was read at the start.
#[derive(Debug)]
pub struct Life {
    /// Who the node is.
    pub identity: Identity,
    /// Number of this process life.
    pub incarnation: u64,
    /// Number of this process: above that of its life if the life began in another one.
    pub process: u64,
    /// What was kept of the cluster.
    pub stored: Stored,
}

/// The folder.
#[derive(Clone, Debug)]
pub struct State {
    dir: PathBuf,
}

impl State {
    /// Begins a process life: reads what is there and writes its number. Who has what the process of a number left, and is the
    /// first after it, goes on with its life: `heir` is that number and that of the life.
    ///
    /// # Errors
    /// [`StateError`] names the file.
    pub fn open(
        dir: &Path,
        wall: Wall,
        heir: Option<(u64, u64)>,
    ) -> Result<(Self, Life), StateError> {
        let state = Self { dir: dir.to_owned() };
        fs::create_dir_all(dir).map_err(|error| state.fault("", error))?;
        let identity = state.identity()?;
        let before = state.number("node.inc")?.unwrap_or(0);
        // Not below the seconds of the calendar: a folder that comes out of a backup would live before its last life, and others
        // refuse that.
        let process = before.saturating_add(1).max(wall.as_ms() / 1000);
        if let Err(error) = state.replace("node.inc", process.to_string().as_bytes()) {
            // Where the disk is full, a number of the calendar is new all the same.
            if process == before.saturating_add(1) {
                return Err(error);
            }
            tracing::error!(%error, "the number of this start cannot be written: goes on with that of the calendar");
        }
        let inherited = heir.filter(|(left_by, _)| *left_by == before).map(|(_, life)| life);
        let incarnation = inherited.unwrap_or(process);
        let stored = Stored {
            members: state.members()?,
            left: state.read("left")?.is_some(),
            hlc: state.number("hlc")?.unwrap_or(0),
            cluster: state.cluster()?,
        };
        Ok((state, Life { identity, incarnation, process, stored }))
    }

    /// Number of the last process.
    ///
    /// # Errors
    /// [`StateError`] names the file.
    pub fn last_process(dir: &Path) -> Result<u64, StateError> {
        let state = Self { dir: dir.to_owned() };
        Ok(state.number("node.inc")?.unwrap_or(0))
    }

    /// Writes the member table, the number of the cluster and whether the node left.
    ///
    /// # Errors
    /// [`StateError`] names the file.
    pub fn save(&self, stored: &Stored) -> Result<(), StateError> {
        let mut members = Vec::new();
        for record in &stored.members {
            Frame::Members(vec![record.clone()]).encode(&mut members);
        }
        // First, as it is the least: on a full disk it may be all that there is room for.
        let left = if stored.left {
            self.replace("left", b"left the cluster; emqx-rs-ctl cluster join brings it back\n")
        } else {
            match fs::remove_file(self.dir.join("left")) {
                Err(error) if error.kind() != ErrorKind::NotFound => Err(self.fault("left", error)),
                Err(_) | Ok(()) => Ok(()),
            }
        };
        let members = self.replace("members", &members);
        let cluster = stored.cluster.map_or(Ok(()), |(id, maker)| {
            let text = format!("{} {} {}\n", NodeId(id), maker.started, maker.node);
            self.replace("cluster.id", text.as_bytes())
        });
        left.and(members).and(cluster)
    }

    /// Writes which cluster to join.
    ///
    /// # Errors
    /// [`StateError`] names the file.
    pub fn save_invitation(&self, invitation: &Invitation) -> Result<(), StateError> {
        self.replace(invitation::FILE, invitation.to_text().as_bytes())
    }

    /// Writes what the hybrid clock of the next process is not to go below.
    ///
    /// # Errors
    /// [`StateError`] names the file.
    pub fn save_hlc(&self, hlc: u64) -> Result<(), StateError> {
        self.replace("hlc", hlc.to_string().as_bytes())
    }

    fn identity(&self) -> Result<Identity, StateError> {
        let path = self.dir.join("identity.key");
        match self.read("identity.key")? {
            Some(bytes) => {
                let mode = fs::metadata(&path)
                    .map_err(|error| self.fault("identity.key", error))?
                    .permissions()
                    .mode();
                if mode & 0o077 != 0 {
                    return Err(StateError::Mode { path, mode: mode & 0o777 });
                }
                let bytes = Zeroizing::new(bytes);
                let key = <[u8; 32]>::try_from(bytes.as_slice());
                let key = key.map_err(|_| StateError::Key { path })?;
                Ok(Identity::from_private(Zeroizing::new(key))?)
            }
            None => {
                let identity = Identity::generate()?;
                self.replace("identity.key", identity.private())?;
                Ok(identity)
            }
        }
    }

    /// The member table; what does not read is left out, discovery finds it again.
    fn members(&self) -> Result<Vec<crate::cluster::MemberRecord>, StateError> {
        let bytes = self.read("members")?.unwrap_or_default();
        let mut rest = bytes.as_slice();
        let mut records = Vec::new();
        while let Ok(Some((header, body, used))) = wire::split(rest) {
            if let Ok(Some(Frame::Members(more))) = Frame::decode(header.kind, body) {
                records.extend(more);
            }
            rest = rest.get(used..).unwrap_or_default();
        }
        if !rest.is_empty() {
            tracing::warn!(bytes = rest.len(), "end of the member table does not read");
        }
        Ok(records)
    }

    fn cluster(&self) -> Result<Option<([u8; 16], Guid)>, StateError> {
        let text = self.read("cluster.id")?.unwrap_or_default();
        let text = String::from_utf8_lossy(&text).into_owned();
        let mut words = text.split_whitespace();
        let (id, started, node) = (words.next(), words.next(), words.next());
        let parsed = (|| {
            let maker = Guid { started: started?.parse().ok()?, node: NodeId(hex(node?)?) };
            Some((hex(id?)?, maker))
        })();
        Ok(parsed)
    }

    fn number(&self, name: &str) -> Result<Option<u64>, StateError> {
        let Some(bytes) = self.read(name)? else { return Ok(None) };
        let text = String::from_utf8_lossy(&bytes);
        // A power cut may leave it empty; the calendar is a floor for what it would say, and no start may depend on it.
        let number = text.trim().parse().inspect_err(|_| {
            let path = self.dir.join(name);
            tracing::error!(path = %path.display(), "not a number: taken as not there");
        });
        Ok(number.ok())
    }

    fn read(&self, name: &str) -> Result<Option<Vec<u8>>, StateError> {
        match fs::read(self.dir.join(name)) {
            Ok(bytes) => Ok(Some(bytes)),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(error) => Err(self.fault(name, error)),
        }
    }

    fn replace(&self, name: &str, bytes: &[u8]) -> Result<(), StateError> {
        let (path, beside) = (self.dir.join(name), self.dir.join(format!("{name}.new")));
        let write = || {
            let mut options = OpenOptions::new();
            let mut file =
                options.write(true).create(true).truncate(true).mode(0o600).open(&beside)?;
            file.set_permissions(Permissions::from_mode(0o600))?;
            file.write_all(bytes)?;
            file.sync_all()?;
            fs::rename(&beside, &path)?;
            File::open(&self.dir)?.sync_all()
        };
        write().map_err(|error| self.fault(name, error))
    }

    fn fault(&self, name: &str, error: std::io::Error) -> StateError {
        StateError::File { path: self.dir.join(name), error }
    }
}

/// 16 bytes from 32 hexadecimal digits.
fn hex(text: &str) -> Option<[u8; 16]> {
    let number = u128::from_str_radix(text, 16).ok().filter(|_| text.len() == 32)?;
    Some(number.to_be_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cluster::{MemberRecord, NodeName, RecordStatus};

    #[test]
    fn damaged_numbers_end_no_start() {
        let dir = tempfile::tempdir().unwrap();
        State::open(dir.path(), Wall::default(), None).unwrap();
        for damage in [&b""[..], b"\0\0\0\0", b"12x"] {
            fs::write(dir.path().join("node.inc"), damage).unwrap();
            fs::write(dir.path().join("hlc"), damage).unwrap();
            let wall = Wall::from_ms(1_700_000_000_000);
            let (_, life) = State::open(dir.path(), wall, None).unwrap();
            assert_eq!((life.incarnation, life.stored.hlc), (1_700_000_000, 0));
        }
        assert_eq!(State::last_process(dir.path()).unwrap(), 1_700_000_000);
    }

    #[test]
    fn what_is_kept_comes_back() {
        let dir = tempfile::tempdir().unwrap();
        let (state, life) = State::open(dir.path(), Wall::default(), None).unwrap();
        assert_eq!((life.incarnation, life.stored.left), (1, false));
        let node = NodeId([7; 16]);
        let record = MemberRecord {
            name: NodeName::parse("a@h").unwrap(),
            node_id: node,
            incarnation: 3,
            guid: Guid { started: 9, node },
            addrs: vec!["127.0.0.1:4370".parse().unwrap()],
            caps: 0,
            version: "1".to_owned(),
            status: RecordStatus::Member,
            epoch: 2,
            out_for: std::time::Duration::ZERO,
        };
        let cluster = Some(([5; 16], Guid { started: 4, node }));
        let stored = Stored { members: vec![record.clone(), record], left: true, hlc: 0, cluster };
        state.save(&stored).unwrap();
        state.save_hlc(1).unwrap();
        let (state, again) = State::open(dir.path(), Wall::default(), None).unwrap();
        assert_eq!(again.identity.node_id(), life.identity.node_id());
        assert_eq!(again.incarnation, 2);
        assert_eq!(again.stored.members, stored.members);
        assert_eq!((again.stored.left, again.stored.cluster), (true, cluster));
        assert_eq!(again.stored.hlc, 1);
        state.save(&Stored { left: false, ..stored }).unwrap();
        let at =
            |seconds: u64| State::open(dir.path(), Wall::from_ms(1000 * seconds), None).unwrap().1;
        assert_eq!([5000, 5000, 4000].map(|seconds| at(seconds).incarnation), [5000, 5001, 5002]);
        assert!(!State::open(dir.path(), Wall::default(), None).unwrap().1.stored.left);
    }

    #[test]
    fn a_life_goes_on_in_the_next_process_and_in_no_other() {
        let dir = tempfile::tempdir().unwrap();
        let open = |heir| {
            let life = State::open(dir.path(), Wall::default(), heir).unwrap().1;
            assert_eq!(State::last_process(dir.path()).unwrap(), life.process);
            (life.process, life.incarnation)
        };
        assert_eq!(open(None), (1, 1));
        assert_eq!(open(Some((1, 1))), (2, 1));
        assert_eq!(open(Some((2, 1))), (3, 1));
        // What was left twice, or long ago.
        assert_eq!(open(Some((2, 1))), (4, 4));
        assert_eq!(open(Some((3, 1))), (5, 5));
        assert_eq!(open(None), (6, 6));
    }

    #[test]
    fn a_key_that_others_can_read_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        State::open(dir.path(), Wall::default(), None).unwrap();
        let key = dir.path().join("identity.key");
        fs::set_permissions(&key, Permissions::from_mode(0o644)).unwrap();
        assert!(matches!(
            State::open(dir.path(), Wall::default(), None),
            Err(StateError::Mode { .. })
        ));
    }
}
