//! `systemctl restart` without dropping clients: what systemd keeps from this process for the next one (its file descriptor store).
//!
//! SIGTERM does not tell a restart from a stop, so systemd is asked for the job in progress, by its own tool: a D-Bus library is some
//! thirty crates, and `systemctl` is there where systemd is. In the store are listening sockets, sockets of clients and one file in
//! memory with all the rest; its names are taken out as soon as they are here, so a start that fails is followed by a normal one.

use std::{
    fs::File,
    io::{self, Read},
    os::fd::{AsFd, BorrowedFd, OwnedFd},
    process::{Child, Command, Stdio},
    time::Duration,
};

use nix::sys::memfd::{MFdFlags, memfd_create};
use sd_notify::NotifyState;
use socket2::Socket;

use crate::{
    net::{bundle, clock::Clock},
    node::{
        Node,
        estate::{Inheritance, MESH, Sockets},
        listener::{Inherited, STORED},
    },
};

/// Names in the store.
const CLIENT: &str = "emqx-rs-client";
const STATE: &str = "emqx-rs-state";
/// Systemd answers within this time, or it is a stop. Clients are served meanwhile. On a busy small machine the start of a process
/// alone takes a tenth of it.
const ASK: Duration = Duration::from_secs(2);
/// Between two questions, if the first was not answered.
const AGAIN: Duration = Duration::from_millis(50);
/// Between two looks for the answer.
const LOOK: Duration = Duration::from_millis(5);
/// Systemd has taken everything within this time.
const STORE: Duration = Duration::from_secs(30);
/// All of it, with clients that come to rest: longer than the unit allows by itself.
const HAND_OVER: Duration = Duration::from_secs(60);
/// Descriptors in one message: the kernel takes 253.
const BATCH: usize = 200;
/// Our unit, where the kernel does not say.
const USUAL_UNIT: &str = "emqx-rs.service";

/// What systemd gave this process.
#[derive(Default)]
pub(super) struct Given {
    /// Sockets of socket units, and those of the listeners of the process before.
    pub(super) listeners: Inherited,
    clients: Vec<Socket>,
    state: Option<File>,
    /// Sockets of clients that cannot be had.
    bad: Option<io::Error>,
}

impl Given {
    pub(super) fn sort(all: Vec<(String, OwnedFd)>) -> Self {
        let mut given = Self::default();
        for (name, one) in all {
            match name.as_str() {
                CLIENT => match bundle::unpack(one) {
                    Ok(all) => given.clients.extend(all.into_iter().map(Socket::from)),
                    Err(error) => given.bad = Some(error),
                },
                STATE => given.state = Some(one.into()),
                _ => given.listeners.push((name, one.into())),
            }
        }
        for name in [STORED, MESH, CLIENT, STATE] {
            let kept = match name {
                CLIENT => given.bad.is_some() || !given.clients.is_empty(),
                STATE => given.state.is_some(),
                _ => given.listeners.iter().any(|(known, _)| known == name),
            };
            if kept {
                tell(&[NotifyState::FdStoreRemove, NotifyState::FdName(name)]);
            }
        }
        given
    }

    /// What the process before left, if it can be read.
    pub(super) fn inheritance(&mut self) -> Option<Inheritance> {
        if let Some(error) = &self.bad {
            tracing::error!(name: "clients-lost", reason = %error, "sockets of clients of the process before");
        }
        let (state, clients) = (self.state.take()?, std::mem::take(&mut self.clients));
        match Inheritance::read(state, clients, Clock::system().now()) {
            Ok(inheritance) => Some(inheritance),
            Err(error) => {
                tracing::warn!(name: "clients-lost", reason = %error, "clients of the process before have to connect again");
                None
            }
        }
    }
}

/// How many descriptors systemd keeps for the next process, if this one is to be restarted.
pub(super) async fn places() -> Option<usize> {
    std::env::var_os("NOTIFY_SOCKET")?;
    let unit = unit().unwrap_or_else(|| USUAL_UNIT.to_owned());
    let list = ["list-jobs", "--no-legend", "--no-pager", "--plain", &unit];
    let show = ["show", "--property=FileDescriptorStoreMax", "--value", &unit];
    let (jobs, most) = tokio::join!(ask(&list), ask(&show));
    let most = most?.trim().parse().ok().filter(|most| *most > 1)?;
    is_restart(&jobs?, &unit).then_some(most)
}

/// Whether `systemctl list-jobs` names a restart of `unit`: lines of number, unit, type and state.
fn is_restart(jobs: &str, unit: &str) -> bool {
    jobs.lines().any(|line| {
        let mut words = line.split_whitespace().skip(1);
        words.next() == Some(unit) && words.next() == Some("restart")
    })
}

/// The unit of this process, from the name of its control group.
fn unit() -> Option<String> {
    let groups = std::fs::read_to_string("/proc/self/cgroup").ok()?;
    let names = groups.lines().filter_map(|line| line.rsplit('/').next());
    names.filter(|name| name.ends_with(".service")).map(str::to_owned).next()
}

/// What `systemctl` prints; `None` when it takes too long. One that fails is asked again: the bus has its bad moments when PID 1 is
/// busy with a thousand descriptors.
async fn ask(words: &[&str]) -> Option<String> {
    let answer = tokio::time::timeout(ASK, async {
        loop {
            match ask_once(words).await {
                Ok(answer) => return answer,
                Err(error) => tracing::info!(error, "systemctl fails, and is asked again"),
            }
            tokio::time::sleep(AGAIN).await;
        }
    });
    let answer = answer.await.ok();
    if answer.is_none() {
        tracing::info!("systemctl does not say whether this is a restart: a stop");
    }
    answer
}

/// A process that ends with its owner.
struct Asked(Child);

impl Drop for Asked {
    fn drop(&mut self) {
        // It may have ended just now.
        drop(self.0.kill());
        drop(self.0.wait());
    }
}

/// What it prints, or why it fails.
async fn ask_once(words: &[&str]) -> Result<String, String> {
    let child = Command::new("systemctl")
        .args(words)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn();
    let mut asked = Asked(child.map_err(|error| error.to_string())?);
    let status = loop {
        match asked.0.try_wait() {
            Ok(None) => tokio::time::sleep(LOOK).await,
            Ok(Some(status)) => break status,
            Err(error) => return Err(error.to_string()),
        }
    };
    if status.success() {
        return Ok(text_of(asked.0.stdout.take()));
    }
    Err(format!("{status}: {}", text_of(asked.0.stderr.take()).trim()))
}

/// A few lines: they fit into a pipe.
fn text_of(pipe: Option<impl Read>) -> String {
    let mut text = String::new();
    if let Some(pipe) = pipe {
        // What came before something that is no text.
        drop(pipe.take(1 << 16).read_to_string(&mut text));
    }
    text
}

/// Leaves clients, sessions and sockets to the next process. False: nothing was done. If something fails on the way, the clients that
/// were to go on are told that they do not.
pub(super) async fn hand_over(node: &Node, places: usize) -> bool {
    let state = match memfd_create(c"emqx-rs", MFdFlags::MFD_CLOEXEC) {
        Ok(state) => File::from(state),
        Err(error) => {
            tracing::error!(name: "clients-lost", reason = %error, "no file in memory for the next process");
            return false;
        }
    };
    let clock = Clock::system();
    let began = clock.now();
    super::systemd::stopping(HAND_OVER);
    tell(&[NotifyState::Status("leaving clients to the next process")]);
    let sockets = node.rest(places.saturating_sub(1)).await;
    let clients = sockets.clients.len();
    let rested = clock.now();
    let sockets = match node.write_estate(&state, &sockets) {
        Ok(()) => match store(sockets, state).await {
            Ok(()) => {
                let (rest_ms, store_ms) = (rested.since(began), clock.now().since(rested));
                let (rest_ms, store_ms) = (rest_ms.as_millis(), store_ms.as_millis());
                tracing::info!(clients, rest_ms, store_ms, "left to the next process");
                return true;
            }
            Err(left) => {
                let (error, sockets) = *left;
                tracing::error!(name: "clients-lost", reason = %error, "systemd does not keep the sockets for the next process");
                sockets
            }
        },
        Err(error) => {
            tracing::error!(name: "clients-lost", reason = %error, "state not written for the next process");
            sockets
        }
    };
    for name in [STORED, MESH, CLIENT, STATE] {
        tell(&[NotifyState::FdStoreRemove, NotifyState::FdName(name)]);
    }
    node.send_away(sockets.clients);
    true
}

/// Gives everything to systemd and waits until that has it.
async fn store(sockets: Sockets, state: File) -> Result<(), Box<(io::Error, Sockets)>> {
    // Sending waits while systemd is busy.
    let stored = tokio::task::spawn_blocking(move || {
        let result = put(&sockets, &state).and_then(|()| barrier());
        result.map_err(|error| Box::new((error, sockets)))
    });
    match stored.await {
        Ok(result) => result,
        Err(error) => Err(Box::new((io::Error::other(error), Sockets::default()))),
    }
}

fn put(sockets: &Sockets, state: &File) -> io::Result<()> {
    // The state is the last: without it the others are of no use.
    put_all(STORED, sockets.listeners.iter().map(AsFd::as_fd))?;
    put_all(MESH, sockets.mesh.iter().map(AsFd::as_fd))?;
    if !sockets.clients.is_empty() {
        let clients: Vec<_> = sockets.clients.iter().map(|still| still.socket.as_fd()).collect();
        put_all(CLIENT, [bundle::pack(&clients)?.as_fd()])?;
    }
    put_all(STATE, [state.as_fd()])
}

fn put_all<'a>(name: &str, all: impl IntoIterator<Item = BorrowedFd<'a>>) -> io::Result<()> {
    let all: Vec<_> = all.into_iter().collect();
    // A client that goes meanwhile is for the next process to find out.
    let states = [NotifyState::FdStore, NotifyState::FdName(name), NotifyState::Custom("FDPOLL=0")];
    all.chunks(BATCH).try_for_each(|batch| sd_notify::notify_with_fds(&states, batch))
}

/// Returns when systemd has read all that it was told: it closes its end then.
fn barrier() -> io::Result<()> {
    let (mut ours, theirs) = io::pipe()?;
    sd_notify::notify_with_fds(&[NotifyState::Custom("BARRIER=1")], &[theirs.as_fd()])?;
    drop(theirs);
    let mut wait = [nix::poll::PollFd::new(ours.as_fd(), nix::poll::PollFlags::POLLIN)];
    let limit = u16::try_from(STORE.as_millis()).unwrap_or(u16::MAX);
    if nix::poll::poll(&mut wait, limit)? == 0 {
        return Err(io::Error::other("systemd does not answer"));
    }
    ours.read_to_end(&mut Vec::new()).map(drop)
}

fn tell(states: &[NotifyState<'_>]) {
    if let Err(error) = sd_notify::notify(states) {
        tracing::debug!(%error, "systemd not told");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_restart_of_this_unit_is_one() {
        let jobs = "123 other.service   restart running\n124 emqx-rs.service restart waiting\n";
        assert!(is_restart(jobs, USUAL_UNIT) && is_restart(jobs, "other.service"));
        assert!(!is_restart("124 emqx-rs.service stop running\n", USUAL_UNIT));
        assert!(!is_restart("No jobs running.\n", USUAL_UNIT) && !is_restart("", USUAL_UNIT));
    }
}
