//! A service manager for one node, as systemd is one: hears what it is told, keeps descriptors, starts the next process with them.

use std::{
    ffi::CString,
    fs::{self, File, Permissions},
    io::{IoSliceMut, Seek},
    mem::MaybeUninit,
    os::{
        fd::{AsFd, AsRawFd, OwnedFd, RawFd},
        unix::{ffi::OsStrExt, fs::PermissionsExt, net::UnixDatagram},
    },
    sync::{Arc, Mutex},
    thread::JoinHandle,
};

use nix::{
    spawn::{PosixSpawnAttr, PosixSpawnFileActions, posix_spawnp},
    sys::{
        resource::{Resource, getrlimit, setrlimit},
        signal::{Signal, kill},
        wait::{WaitPidFlag, WaitStatus, waitpid},
    },
    unistd::Pid,
};
use rustix::{
    io::fcntl_dupfd_cloexec,
    net::{RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, recvmsg},
};
use tempfile::TempDir;

use super::{LIMIT, Node, node::free_mesh_number, wait_for};

/// Says what the test wrote beside it, in place of the real one.
const SYSTEMCTL: &str = r#"#!/bin/sh
for unit; do :; done
case $1 in
list-jobs) echo "7 $unit $(cat "${0%/*}/job") running" ;;
show) cat "${0%/*}/most" ;;
esac
"#;
/// Descriptors are moved out of the way of the numbers that the next process gets.
const AWAY: RawFd = 6000;

#[derive(Default)]
struct Kept {
    store: Vec<(String, OwnedFd)>,
    told: String,
}

/// A node of which this is the service manager.
pub struct Manager {
    pub node: Node,
    dir: TempDir,
    kept: Arc<Mutex<Kept>>,
    hears: Option<JoinHandle<()>>,
    pid: Option<Pid>,
}

impl Manager {
    /// Starts a node with `extra` lines of configuration; up to `most` descriptors are kept for it.
    #[track_caller]
    pub fn start(extra: &str, most: usize) -> Self {
        let name = format!("node{}@127.0.0.1", free_mesh_number());
        Self::start_node(Node::prepare(&name, "manual", extra), most)
    }

    #[track_caller]
    pub fn start_node(node: Node, most: usize) -> Self {
        let (_, hard) = getrlimit(Resource::RLIMIT_NOFILE).unwrap();
        setrlimit(Resource::RLIMIT_NOFILE, hard, hard).unwrap();
        let dir = TempDir::new().unwrap();
        let tool = dir.path().join("systemctl");
        fs::write(&tool, SYSTEMCTL).unwrap();
        fs::set_permissions(&tool, Permissions::from_mode(0o755)).unwrap();
        fs::write(dir.path().join("most"), format!("{most}\n")).unwrap();
        fs::write(dir.path().join("job"), "restart").unwrap();
        let socket = UnixDatagram::bind(dir.path().join("notify")).unwrap();
        let kept = Arc::new(Mutex::new(Kept::default()));
        let into = kept.clone();
        let hears = Some(std::thread::spawn(move || hear(&socket, &into, most)));
        let mut manager = Self { node, dir, kept, hears, pid: None };
        manager.launch();
        manager
    }

    /// Starts a process with what is kept, in no certain order, and waits until it is ready.
    #[track_caller]
    pub fn launch(&mut self) {
        self.spawn();
        let ready = || self.told().contains("READY=1") || self.has_ended();
        wait_for("READY=1", LIMIT * 3, ready);
        assert!(!self.has_ended(), "ended at start:\n{}", self.node.log());
    }

    #[track_caller]
    pub fn spawn(&mut self) {
        let mut kept = self.kept.lock().unwrap();
        kept.told.clear();
        let mut actions = PosixSpawnFileActions::init().unwrap();
        let log = File::options().create(true).append(true).open(self.node.log_file()).unwrap();
        let nothing = File::open("/dev/null").unwrap();
        let mut away = Vec::new();
        let mut give = |actions: &mut PosixSpawnFileActions, one: &dyn AsFd, to| {
            let from = fcntl_dupfd_cloexec(one.as_fd(), AWAY).unwrap();
            actions.add_dup2(from.as_raw_fd(), to).unwrap();
            away.push(from);
        };
        give(&mut actions, &nothing, 0);
        give(&mut actions, &log, 1);
        give(&mut actions, &log, 2);
        let mut names = Vec::new();
        for (at, (name, one)) in kept.store.iter().rev().enumerate() {
            give(&mut actions, one, 3 + at as RawFd);
            names.push(name.as_str());
        }
        let path = std::env::var("PATH").unwrap_or_default();
        let mut env = vec![
            format!("PATH={}:{path}", self.dir.path().display()),
            format!("NOTIFY_SOCKET={}", self.dir.path().join("notify").display()),
            format!("RUNTIME_DIRECTORY={}", self.node.data().display()),
        ];
        if !names.is_empty() {
            env.push(format!("LISTEN_FDS={}", names.len()));
            env.push(format!("LISTEN_FDNAMES={}", names.join(":")));
        }
        let env: Vec<CString> = env.into_iter().map(|text| CString::new(text).unwrap()).collect();
        // The kernel ends it with this thread.
        let start = "export LISTEN_PID=$$; exec \"$@\"";
        let config = self.node.config();
        let args: Vec<CString> = [
            &b"setpriv"[..],
            b"--pdeathsig",
            b"KILL",
            b"sh",
            b"-c",
            start.as_bytes(),
            b"sh",
            env!("CARGO_BIN_EXE_emqx-rs").as_bytes(),
            b"-c",
            config.as_os_str().as_bytes(),
        ]
        .iter()
        .map(|word| CString::new(*word).unwrap())
        .collect();
        let attr = PosixSpawnAttr::init().unwrap();
        self.pid = Some(posix_spawnp(c"setpriv", &actions, &attr, &args, &env).unwrap());
    }

    /// As `systemctl restart` does: asks the process to end, and starts another when it has.
    #[track_caller]
    pub fn restart(&mut self) {
        self.end("restart");
        self.launch();
    }

    /// Asks the process to end while a job of this type is in progress, and waits until it has.
    #[track_caller]
    pub fn end(&mut self, job: &str) {
        fs::write(self.dir.path().join("job"), job).unwrap();
        kill(self.pid.unwrap(), Signal::SIGTERM).unwrap();
        wait_for("the process ends", LIMIT * 3, || self.has_ended());
        self.pid = None;
    }

    /// Kills the process without a word.
    #[track_caller]
    pub fn kill(&mut self) {
        kill(self.pid.unwrap(), Signal::SIGKILL).unwrap();
        wait_for("the process ends", LIMIT, || self.has_ended());
        self.pid = None;
    }

    fn has_ended(&self) -> bool {
        let status = waitpid(self.pid.unwrap(), Some(WaitPidFlag::WNOHANG));
        !matches!(status, Ok(WaitStatus::StillAlive))
    }

    pub fn told(&self) -> String {
        self.kept.lock().unwrap().told.clone()
    }

    /// How many descriptors are kept under each of the three names: of listeners, clients and state.
    pub fn kept(&self) -> [usize; 3] {
        let kept = self.kept.lock().unwrap();
        ["listener", "client", "state"].map(|what| {
            kept.store.iter().filter(|(name, _)| *name == format!("emqx-rs-{what}")).count()
        })
    }

    /// Lets everything go that is kept, as systemd does when a unit fails.
    pub fn forget(&self) {
        self.kept.lock().unwrap().store.clear();
    }

    /// Changes what is kept as the state.
    pub fn spoil(&self, change: impl Fn(&mut File)) {
        let kept = self.kept.lock().unwrap();
        let (_, state) = kept.store.iter().find(|(name, _)| name == "emqx-rs-state").unwrap();
        let mut file = File::from(state.try_clone().unwrap());
        file.rewind().unwrap();
        change(&mut file);
    }
}

impl Drop for Manager {
    fn drop(&mut self) {
        if let Some(pid) = self.pid.take() {
            let _ = kill(pid, Signal::SIGKILL);
            let _ = waitpid(pid, None);
        }
        let end = UnixDatagram::unbound().unwrap();
        end.send_to(b"END", self.dir.path().join("notify")).unwrap();
        self.hears.take().unwrap().join().unwrap();
    }
}

fn hear(socket: &UnixDatagram, kept: &Mutex<Kept>, most: usize) {
    let (mut bytes, mut room) =
        ([0; 4096], [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(253))]);
    loop {
        let mut control = RecvAncillaryBuffer::new(&mut room);
        let flags = RecvFlags::CMSG_CLOEXEC;
        let got = recvmsg(socket.as_fd(), &mut [IoSliceMut::new(&mut bytes)], &mut control, flags);
        let got = got.unwrap().bytes;
        let mut fds = Vec::new();
        for message in control.drain() {
            if let RecvAncillaryMessage::ScmRights(found) = message {
                fds.extend(found);
            }
        }
        let text = String::from_utf8_lossy(&bytes[..got]).into_owned();
        if text == "END" {
            return;
        }
        let mut kept = kept.lock().unwrap();
        let name = text.lines().find_map(|line| line.strip_prefix("FDNAME=")).unwrap_or("stored");
        if text.lines().any(|line| line == "FDSTOREREMOVE=1") {
            kept.store.retain(|(known, _)| known != name);
        } else if text.lines().any(|line| line == "FDSTORE=1") {
            for one in fds {
                if kept.store.len() < most {
                    kept.store.push((name.to_owned(), one));
                }
            }
        }
        kept.told.push_str(&text);
    }
}
