//! Where files and folders are: the rules for relative paths, and the places systemd names.

use std::fs::File;
use std::io::{self, Read};
use std::path::{Component, Path, PathBuf};

/// `text` as a path: absolute as it is, `etc/X` and everything else relative to the folder of the file `config` (or the
/// working directory, without one).
#[must_use]
pub fn beside(config: Option<&Path>, text: &str) -> PathBuf {
    let path = Path::new(text.strip_prefix("./").unwrap_or(text));
    if path.is_absolute() {
        return path.to_owned();
    }
    let folder = config.and_then(Path::parent).unwrap_or(Path::new(""));
    folder.join(path.strip_prefix("etc").unwrap_or(path))
}

/// The folders a daemon has, from the environment systemd sets and from what this user may write.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Folders {
    /// Main configuration file, if there is one.
    pub config: Option<PathBuf>,
    /// State of the node.
    pub data: PathBuf,
    /// Log files, when the log goes to files.
    pub logs: PathBuf,
}

impl Folders {
    /// Decides the folders: `data_dir` when it is absolute, else `$STATE_DIRECTORY`, else `/var/lib/emqx-rs` when this user
    /// can write it, else `~/.local/state/emqx-rs`.
    #[must_use]
    pub fn new(config: Option<&Path>, data_dir: &str, env: &[(String, String)]) -> Self {
        let system = Path::new("/var/lib/emqx-rs");
        let set = Some(Path::new(data_dir)).filter(|dir| dir.is_absolute()).map(Path::to_owned);
        let state = || first_of(variable(env, "STATE_DIRECTORY"));
        let writable = || can_write(system).then(|| system.to_owned());
        let home =
            || variable(env, "HOME").map(|home| Path::new(home).join(".local/state/emqx-rs"));
        let data = set.or_else(state).or_else(writable).or_else(home);
        let data = data.unwrap_or_else(|| system.to_owned());
        let logs = first_of(variable(env, "LOGS_DIRECTORY")).unwrap_or_else(|| data.join("log"));
        Self { config: config.map(Path::to_owned), data, logs }
    }

    /// A path of the configuration: `data/X` under the data folder, `log/X` under the log folder, others beside the file.
    #[must_use]
    pub fn resolve(&self, text: &str) -> PathBuf {
        let path = Path::new(text);
        if path.is_absolute() {
            return path.to_owned();
        }
        let mut parts = path.components().filter(|part| *part != Component::CurDir);
        match parts.next() {
            Some(Component::Normal(first)) if first == "data" => {
                self.data.join(parts.collect::<PathBuf>())
            }
            Some(Component::Normal(first)) if first == "log" => {
                self.logs.join(parts.collect::<PathBuf>())
            }
            _ => beside(self.config.as_deref(), text),
        }
    }
}

/// The text of an environment variable that is set and not empty.
#[must_use]
pub fn variable<'a>(env: &'a [(String, String)], name: &str) -> Option<&'a str> {
    env.iter().find(|(n, text)| n == name && !text.is_empty()).map(|(_, text)| text.as_str())
}

/// What a file of a user holds, at most 16 MiB of it.
///
/// # Errors
/// It cannot be read, or holds more.
pub fn read(path: &Path) -> io::Result<Vec<u8>> {
    const MOST: u64 = 16 << 20;
    let mut bytes = Vec::new();
    File::open(path)?.take(MOST + 1).read_to_end(&mut bytes)?;
    let fits = u64::try_from(bytes.len()).is_ok_and(|len| len <= MOST);
    if fits { Ok(bytes) } else { Err(io::Error::other("more than 16 MiB")) }
}

/// systemd joins several folders with colons; the first is ours.
fn first_of(list: Option<&str>) -> Option<PathBuf> {
    list.and_then(|list| list.split(':').next()).map(PathBuf::from)
}

/// This user may write in `folder`, or may make it.
fn can_write(folder: &Path) -> bool {
    let existing = folder.ancestors().find(|folder| folder.exists());
    existing.is_some_and(|f| nix::unistd::access(f, nix::unistd::AccessFlags::W_OK).is_ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn env(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
        pairs.iter().map(|(n, t)| ((*n).into(), (*t).into())).collect()
    }

    #[test]
    fn relative_paths_follow_their_first_part() {
        let vars = env(&[("STATE_DIRECTORY", "/s/one:/s/two"), ("LOGS_DIRECTORY", "/l")]);
        let folders = Folders::new(Some(Path::new("/c/emqx.conf")), "data", &vars);
        for (text, want) in [
            ("/abs/x", "/abs/x"),
            ("etc/acl.conf", "/c/acl.conf"),
            ("./etc/acl.conf", "/c/acl.conf"),
            ("acl.conf", "/c/acl.conf"),
            ("certs/a.pem", "/c/certs/a.pem"),
            ("data/loaded_modules", "/s/one/loaded_modules"),
            ("./data", "/s/one/"),
            ("log/crash.dump", "/l/crash.dump"),
        ] {
            assert_eq!(folders.resolve(text), Path::new(want), "{text}");
        }
    }

    #[test]
    fn the_data_folder_is_the_first_that_is_named() {
        let data = |dir, vars: &[(&str, &str)]| Folders::new(None, dir, &env(vars)).data;
        assert_eq!(data("/d", &[("STATE_DIRECTORY", "/s")]), Path::new("/d"));
        assert_eq!(data("data", &[("STATE_DIRECTORY", "/s")]), Path::new("/s"));
        assert_eq!(Folders::new(None, "/d", &[]).logs, Path::new("/d/log"));
    }
}
