//! `emqx-rs lab`: a cluster of three nodes of the real binary, as a newcomer meets it.

use std::io::{BufRead, BufReader, Read, Write};
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

/// An MQTT 3.1.1 connection of an assigned client id, CONNACK read.
fn connect(port: u16) -> TcpStream {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
    stream.set_read_timeout(Some(LIMIT)).unwrap();
    stream.write_all(b"\x10\x0c\x00\x04MQTT\x04\x02\x00\x3c\x00\x00").unwrap();
    expect(&mut stream, b"\x20\x02\x00\x00");
    stream
}

#[track_caller]
fn expect(stream: &mut TcpStream, bytes: &[u8]) {
    let mut read = vec![0; bytes.len()];
    stream.read_exact(&mut read).unwrap();
    assert_eq!(read, bytes);
}

#[test]
fn a_message_crosses_the_lab_and_nothing_is_left_of_it() {
    let mut lab = Lab::start("3");
    let folder: PathBuf =
        lab.wait(|line| line.split_once("3 nodes in ").map(|(_, path)| path.into()));
    assert!(folder.join("cookie").exists());
    let here = lab.wait(|line| port_of(line, "mosquitto_sub"));
    let there = lab.wait(|line| port_of(line, "mosquitto_pub"));
    assert_ne!(here, there);

    let mut subscriber = connect(here);
    subscriber.write_all(b"\x82\x0a\x00\x01\x00\x05lab/#\x01").unwrap();
    expect(&mut subscriber, b"\x90\x03\x00\x01\x01");
    let mut publisher = connect(there);
    publisher.write_all(b"\x32\x0b\x00\x05lab/t\x00\x07hi").unwrap();
    expect(&mut publisher, b"\x40\x02\x00\x07");
    expect(&mut subscriber, b"\x32\x0b\x00\x05lab/t\x00\x01hi");

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
