//! Asks a node over its Unix socket and waits for the whole answer.

use std::io::{self, BufRead, BufReader, Write};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::{Reply, Request};

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub enum AskError {
    /// Nobody listens there, or this user may not.
    #[error("no node answers at {socket}: {error}")]
    Connect {
        /// The socket.
        socket: PathBuf,
        /// What the system says.
        error: io::Error,
    },
    /// The connection broke or took too long.
    #[error("the node at {socket} broke off: {error}")]
    Broken {
        /// The socket.
        socket: PathBuf,
        /// What the system says.
        error: io::Error,
    },
    /// What it says is no answer; another release, perhaps.
    #[error("the node at {socket} says what this program does not understand: {error}")]
    Strange {
        /// The socket.
        socket: PathBuf,
        /// What is wrong with it.
        error: String,
    },
}

/// Sends `request`; gives the joined answer. `wait` limits every read and write, not the sum of them.
///
/// # Errors
/// [`AskError`]; a refusal by the node is an answer, [`Reply::Failed`].
pub fn ask(socket: &Path, request: &Request, wait: Duration) -> Result<Reply, AskError> {
    let broken = |error| AskError::Broken { socket: socket.into(), error };
    let strange = |error: String| AskError::Strange { socket: socket.into(), error };
    let stream = UnixStream::connect(socket)
        .map_err(|error| AskError::Connect { socket: socket.into(), error })?;
    stream.set_read_timeout(Some(wait)).map_err(broken)?;
    stream.set_write_timeout(Some(wait)).map_err(broken)?;
    let mut line = serde_json::to_string(request).map_err(|error| strange(error.to_string()))?;
    line.push('\n');
    (&stream).write_all(line.as_bytes()).map_err(broken)?;

    let mut whole: Option<Reply> = None;
    for line in BufReader::new(&stream).split(b'\n') {
        let line = line.map_err(broken)?;
        let reply = serde_json::from_slice(&line).map_err(|error| strange(error.to_string()))?;
        match (whole.as_mut(), reply) {
            (Some(_), Reply::End) => break,
            (None, reply) => whole = Some(reply),
            (Some(whole), more) => {
                whole.absorb(more).map_err(|more| strange(format!("{more:?} in between")))?;
                continue;
            }
        }
        if matches!(whole, Some(Reply::End)) {
            return Err(strange("an empty answer".into()));
        }
    }
    whole.ok_or_else(|| broken(io::ErrorKind::UnexpectedEof.into()))
}
