//! Where the node of this host is asked and keeps its files, and the three standard streams.

use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use emqx_rs::ctl::{self, Places, Reply, Request};
use zeroize::Zeroizing;

/// How long one step of an answer may take; `cluster join` is the slowest.
pub(super) const WAIT: Duration = Duration::from_secs(30);
/// The same where the answer only helps.
pub(super) const GLANCE: Duration = Duration::from_secs(3);

/// The folder that a node of this user keeps its state in, unless its configuration says otherwise.
pub(super) fn usual_data() -> PathBuf {
    let system = PathBuf::from("/var/lib/emqx-rs");
    let writable = nix::unistd::access(&system, nix::unistd::AccessFlags::W_OK).is_ok();
    let home = std::env::var_os("HOME").map(|home| Path::new(&home).join(".local/state/emqx-rs"));
    home.filter(|_| !writable && !nix::unistd::geteuid().is_root()).unwrap_or(system)
}

/// `EMQX_RS_SOCKET`, else the first that exists of the places a node chooses from.
pub(super) fn find_socket() -> PathBuf {
    if let Some(socket) = std::env::var_os("EMQX_RS_SOCKET").filter(|text| !text.is_empty()) {
        return socket.into();
    }
    let home = std::env::var_os("HOME").map(PathBuf::from);
    let places = ctl::sockets_to_try(home.as_deref());
    let found = places.iter().find(|socket| socket.exists()).or(places.first());
    found.cloned().unwrap_or_default()
}

pub(super) fn say(text: &str) -> io::Result<()> {
    let mut out = io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        // `emqx-rs-ctl clients list | head` is no failure.
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        other => other,
    }
}

/// The command line is wrong, which the parser could not see.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(super) struct Misused(pub(super) String);

/// Says why nothing came of a command, as JSON on standard output where that is wanted.
pub(super) fn fail(text: &str, json: bool) {
    if json {
        // Who does not listen is not told.
        drop(say(&format!("{:#}\n", serde_json::json!({ "error": text }))));
    } else {
        complain(text);
    }
}

pub(super) fn complain(text: &str) {
    drop(writeln!(io::stderr(), "emqx-rs-ctl: {text}"));
}

/// Standard input up to its end (or the end of the first line), at most `most` bytes; no buffer is left that is not wiped.
pub(super) fn from_stdin(most: usize, line: bool) -> anyhow::Result<Zeroizing<String>> {
    let mut bytes = Zeroizing::new(vec![0; most]);
    let mut len = 0;
    while let Some(free) = bytes.get_mut(len..).filter(|free| !free.is_empty()) {
        let count = nix::unistd::read(io::stdin(), free)?;
        len += count;
        let ended = line && bytes.get(..len).is_some_and(|read| read.contains(&b'\n'));
        if count == 0 || ended {
            break;
        }
    }
    let text = std::str::from_utf8(bytes.get(..len).unwrap_or_default())?;
    let text = if line { text.lines().next().unwrap_or_default() } else { text };
    Ok(Zeroizing::new(text.to_owned()))
}

/// What the node of this host says about its places, if one answers.
pub(super) fn places(socket: &Path) -> Option<Places> {
    match ctl::ask::ask(socket, &Request::ClusterPlaces, GLANCE) {
        Ok(Reply::Places(places)) => Some(places),
        Ok(_) | Err(_) => None,
    }
}
