//! `emqx-rs lab`: a cluster of three nodes of the real binary, as a newcomer meets it.

use std::io::{BufRead, BufReader};
use std::net::TcpStream;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, sync_channel};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

/// The longest that anything here may take, on a busy machine.
const LIMIT: Duration = Duration::from_secs(30);

/// A lab, and what it says. Stopped by SIGTERM when dropped, so that a failed test leaves no node behind.
struct Lab {
    process: Child,
    lines: Receiver<String>,
    said: Vec<String>,
    _alone: MutexGuard<'static, ()>,
}

/// One lab at a time: all of them want the same ports.
static ALONE: Mutex<()> = Mutex::new(());

impl Lab {
    fn start(nodes: &str) -> Self {
        let alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
        let mut process = Command::new(env!("CARGO_BIN_EXE_emqx-rs"))
            .args(["lab", nodes])
            // What a service manager would have left behind: no node may take it for its own.
            .env("NOTIFY_SOCKET", "/nowhere")
            .env("WATCHDOG_USEC", "1000000")
            .env("LISTEN_FDS", "1")
            .env("EMQX_NODE__NAME", "all@the.same")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let out = BufReader::new(process.stdout.take().unwrap());
        let (say, lines) = sync_channel(1000);
        std::thread::spawn(move || out.lines().map_while(Result::ok).try_for_each(|l| say.send(l)));
        Self { process, lines, said: Vec::new(), _alone: alone }
    }

    /// Waits for a line that `wanted` takes.
    #[track_caller]
    fn wait<T>(&mut self, wanted: impl Fn(&str) -> Option<T>) -> T {
        loop {
            let line = self.lines.recv_timeout(LIMIT);
            let line = line.unwrap_or_else(|_| panic!("the lab said only: {:#?}", self.said));
            let found = wanted(&line);
            self.said.push(line);
            if let Some(found) = found {
                return found;
            }
        }
    }

    /// Stops it; gives the exit code.
    fn stop(&mut self) -> Option<i32> {
        let pid = Pid::from_raw(i32::try_from(self.process.id()).unwrap());
        let _ = kill(pid, Signal::SIGTERM);
        self.process.wait().unwrap().code()
    }
}

impl Drop for Lab {
    fn drop(&mut self) {
        if let Ok(None) = self.process.try_wait() {
            self.stop();
        }
    }
}

/// The port behind `-p` of a line to try.
fn port_of(line: &str, program: &str) -> Option<u16> {
    let rest = line.trim().strip_prefix(program)?.trim().strip_prefix("-p ")?;
    rest.split(' ').next()?.parse().ok()
}

#[test]
fn nothing_is_left_of_a_lab_that_was_stopped() {
    let mut lab = Lab::start("3");
    let folder: PathBuf =
        lab.wait(|line| line.split_once("3 nodes in ").map(|(_, path)| path.into()));
    assert!(folder.join("cookie").exists());
    let here = lab.wait(|line| port_of(line, "mosquitto_sub"));
    let there = lab.wait(|line| port_of(line, "mosquitto_pub"));
    assert_ne!(here, there);
    assert!(TcpStream::connect(("127.0.0.1", here)).is_ok());

    assert_eq!(lab.stop(), Some(0));
    assert!(!folder.exists());
    assert!(TcpStream::connect(("127.0.0.1", here)).is_err());
}

#[test]
fn a_node_that_dies_is_reported_with_its_log() {
    let mut lab = Lab::start("2");
    lab.wait(|line| port_of(line, "mosquitto_pub"));
    // Its processes, told from all others by their parent.
    let children = Command::new("ps")
        .args(["-o", "pid=", "--ppid", &lab.process.id().to_string()])
        .output()
        .unwrap();
    let pids = String::from_utf8(children.stdout).unwrap();
    let victim = pids.split_whitespace().next().unwrap().parse().unwrap();
    kill(Pid::from_raw(victim), Signal::SIGKILL).unwrap();
    lab.wait(|line| line.contains("ended (signal: 9").then_some(()));
    lab.wait(|line| line.contains(" started ").then_some(()));
    // The one that is left sees that the other is gone.
    lab.wait(|line| {
        let row: Vec<_> = line.split_whitespace().collect();
        (row.get(2) == Some(&"started") && row.last() != Some(&"-")).then_some(())
    });
    assert_eq!(lab.stop(), Some(0));
}
