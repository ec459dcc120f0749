//! Asks a node over its Unix socket and waits for the whole answer.

use std::io::{self, BufRead, BufReader, BufWriter, Write};
use std::net::Shutdown;
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
    ask_with(socket, request, wait, |_| Ok(()))
}

/// As [`ask`]; `more` writes what is to come behind the request.
///
/// # Errors
/// [`AskError`], as those of `more`.
pub fn ask_with(
    socket: &Path,
    request: &Request,
    wait: Duration,
    more: impl FnOnce(&mut dyn Write) -> io::Result<()>,
) -> Result<Reply, AskError> {
    let stream = send(socket, request, wait)?;
    let broken = |error| AskError::Broken { socket: socket.into(), error };
    let strange = |error: String| AskError::Strange { socket: socket.into(), error };
    let mut out = BufWriter::new(&stream);
    more(&mut out).and_then(|()| out.flush()).map_err(broken)?;
    stream.shutdown(Shutdown::Write).map_err(broken)?;
    let mut whole: Option<Reply> = None;
    for reply in replies(&stream, socket) {
        match (whole.as_mut(), reply?) {
            (Some(_), Reply::End) => break,
            (None, Reply::End) => return Err(strange("an empty answer".into())),
            (None, reply) => whole = Some(reply),
            (Some(whole), more) => {
                whole.absorb(more).map_err(|more| strange(format!("{more:?} in between")))?;
            }
        }
    }
    whole.ok_or_else(|| broken(io::ErrorKind::UnexpectedEof.into()))
}

/// As [`ask`], for an answer that may be too long to be held: `take` gets its lines one by one.
///
/// # Errors
/// [`AskError`], as those of `take`.
pub fn ask_each(
    socket: &Path,
    request: &Request,
    wait: Duration,
    mut take: impl FnMut(Reply) -> io::Result<()>,
) -> Result<(), AskError> {
    let broken = |error| AskError::Broken { socket: socket.into(), error };
    let stream = send(socket, request, wait)?;
    for reply in replies(&stream, socket) {
        let reply = reply?;
        if reply == Reply::End {
            return Ok(());
        }
        take(reply).map_err(broken)?;
    }
    Err(broken(io::ErrorKind::UnexpectedEof.into()))
}

fn send(socket: &Path, request: &Request, wait: Duration) -> Result<UnixStream, AskError> {
    let broken = |error| AskError::Broken { socket: socket.into(), error };
    let stream = UnixStream::connect(socket)
        .map_err(|error| AskError::Connect { socket: socket.into(), error })?;
    stream.set_read_timeout(Some(wait)).map_err(broken)?;
    stream.set_write_timeout(Some(wait)).map_err(broken)?;
    let line = serde_json::to_string(request).map_err(|error| broken(error.into()))?;
    (&stream).write_all((line + "\n").as_bytes()).map_err(broken)?;
    Ok(stream)
}

fn replies(stream: &UnixStream, socket: &Path) -> impl Iterator<Item = Result<Reply, AskError>> {
    let broken = |error| AskError::Broken { socket: socket.into(), error };
    let strange = |error: String| AskError::Strange { socket: socket.into(), error };
    // As bytes: the readers of all kinds of answers are in the daemon for that already.
    BufReader::new(stream).split(b'\n').map(move |line| {
        serde_json::from_slice(&line.map_err(broken)?).map_err(|error| strange(error.to_string()))
    })
}
