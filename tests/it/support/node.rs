//! The real daemon as a process: a config file in a temporary directory, ready when it serves,
//! gone with the test.

use std::collections::BTreeSet;
use std::fs;
use std::io::{BufRead, BufReader};
use std::net::{IpAddr, SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::path::PathBuf;
use std::process::{Child, ChildStdin, Command, Output, Stdio};
use std::sync::Mutex;
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use tempfile::TempDir;

use super::{LIMIT, certificates::Issued, wait_for};

/// Starts the node, says its process id, and kills it when this test binary is gone, however it
/// ended: then the pipe on standard input closes.
const GUARD: &str =
    r#"exec 3<&0; "$@" </dev/null 3<&- >>"$LOG" 2>&1 & echo $!; read _ <&3; kill -9 $!; wait"#;

/// The cookie of all these nodes.
pub const COOKIE: &str = "only-for-these-tests-0123456789";

/// The file of the package that names certificates.
pub const OURS: &str = include_str!("../../../etc/ssl_dist.conf");

/// Gives a node its certificate and the file that names it.
pub fn equip(node: &Node, issued: &Issued, authorities: &str, optfile: &str) {
    let folder = node.config().parent().unwrap().to_owned();
    issued.write(&folder.join("certs"), authorities);
    fs::write(folder.join("ssl_dist.conf"), optfile).unwrap();
}

/// A node of which this test holds the process.
pub struct Node {
    pub name: String,
    pub mqtt_port: u16,
    host: IpAddr,
    /// What the program is run by: `ip netns exec` and the like.
    runner: Vec<String>,
    dir: TempDir,
    process: Option<Process>,
}

struct Process {
    guard: Child,
    hold: Option<ChildStdin>,
    pid: i32,
}

impl Node {
    /// A node of its own, alone, with `extra` lines in its config file; returns when it serves.
    #[track_caller]
    pub fn start(extra: &str) -> Self {
        let mut node = Self::configured(extra);
        node.launch();
        node
    }

    /// [`Self::start`] with listeners of its own.
    #[track_caller]
    pub fn start_all(extra: &str) -> Self {
        let mut node = Self::configured(extra);
        node.launch_all();
        node
    }

    fn configured(extra: &str) -> Self {
        let port = free_mesh_number();
        let mut node = Self::prepare(&format!("node{port}@127.0.0.1"), "manual", "");
        node.configure(extra);
        node
    }

    /// A node with its files, not started. `cluster_lines` are added to the file.
    pub fn prepare(name: &str, discovery: &str, cluster_lines: &str) -> Self {
        let lines = format!("cluster.discovery = {discovery}\n{cluster_lines}");
        Self::prepare_at(name, ([127, 0, 0, 1], free_port()).into(), Vec::new(), &lines)
    }

    /// A node that serves clients at `mqtt` and is started by `runner`, not started.
    pub fn prepare_at(name: &str, mqtt: SocketAddr, runner: Vec<String>, lines: &str) -> Self {
        let node = Self {
            name: name.to_owned(),
            mqtt_port: mqtt.port(),
            host: mqtt.ip(),
            runner,
            dir: TempDir::new().expect("a temporary directory"),
            process: None,
        };
        let data = node.data();
        fs::create_dir(&data).unwrap();
        let text = format!(
            "node.name = {name}\n\
             node.data_dir = {}\n\
             node.cookie = {COOKIE}\n\
             listener.tcp.external = {mqtt}\n\
             allow_anonymous = true\n\
             log.to = console\n\
             log.level = info\n\
             {lines}\n",
            data.display(),
        );
        fs::write(node.config(), text).unwrap();
        node
    }

    /// Adds lines to the config file.
    pub fn configure(&mut self, lines: &str) {
        let text = fs::read_to_string(self.config()).unwrap();
        fs::write(self.config(), format!("{text}{lines}\n")).unwrap();
    }

    /// Starts the process and waits until it serves.
    #[track_caller]
    pub fn launch(&mut self) {
        self.spawn();
        self.wait_ready();
    }

    /// Starts the process and does not wait.
    #[track_caller]
    pub fn spawn(&mut self) {
        assert!(self.process.is_none(), "{} runs already", self.name);
        let mut guard = Command::new("sh")
            .args(["-c", GUARD, "sh"])
            .args(&self.runner)
            .args([env!("CARGO_BIN_EXE_emqx-rs"), "-c"])
            .arg(self.config())
            .env("LOG", self.log_file())
            .env_remove("NOTIFY_SOCKET")
            .env_remove("LISTEN_FDS")
            .env_remove("STATE_DIRECTORY")
            .env("RUNTIME_DIRECTORY", self.data())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("sh starts");
        let mut line = String::new();
        BufReader::new(guard.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let pid = line.trim().parse().expect("a process id");
        let hold = guard.stdin.take();
        self.process = Some(Process { guard, hold, pid });
    }

    #[track_caller]
    pub fn wait_ready(&mut self) {
        let end = Instant::now() + LIMIT;
        while TcpStream::connect(self.mqtt()).is_err() {
            assert!(self.is_running(), "{} ended at start:\n{}", self.name, self.log());
            assert!(Instant::now() < end, "{} does not serve:\n{}", self.name, self.log());
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    /// [`Self::launch`], and waits until every listener is open: they open one after the other.
    #[track_caller]
    pub fn launch_all(&mut self) {
        self.launch();
        wait_for("every listener is open", LIMIT, || self.log().contains(" started node="));
    }

    pub fn mqtt(&self) -> SocketAddr {
        (self.host, self.mqtt_port).into()
    }

    pub fn data(&self) -> PathBuf {
        self.dir.path().join("data")
    }

    pub fn config(&self) -> PathBuf {
        self.dir.path().join("emqx.conf")
    }

    pub fn log_file(&self) -> PathBuf {
        self.dir.path().join("log")
    }

    /// All that the node wrote to standard output and standard error.
    pub fn log(&self) -> String {
        fs::read_to_string(self.log_file()).unwrap_or_default()
    }

    pub fn pid(&self) -> i32 {
        self.process.as_ref().expect("the node was started").pid
    }

    /// Whether the process lives (a dead one that nobody has waited for does not count).
    pub fn is_running(&self) -> bool {
        let Some(process) = &self.process else { return false };
        let status = fs::read_to_string(format!("/proc/{}/stat", process.pid)).unwrap_or_default();
        let state = status.rsplit(')').next().unwrap_or_default();
        !state.is_empty() && !state.trim_start().starts_with('Z')
    }

    /// Resident memory in KiB.
    pub fn resident_kib(&self) -> u64 {
        let path = format!("/proc/{}/status", self.pid());
        let text = fs::read_to_string(path).expect("the node lives");
        let line = text.lines().find(|line| line.starts_with("VmRSS:")).expect("VmRSS");
        line.split_whitespace().nth(1).unwrap().parse().unwrap()
    }

    /// Kills the process without a word (SIGKILL).
    pub fn kill(&mut self) {
        if let Some(process) = self.process.take() {
            process.end();
        }
    }

    /// Asks the process to end (SIGTERM).
    pub fn terminate(&self) {
        kill(Pid::from_raw(self.pid()), Signal::SIGTERM).unwrap();
    }

    /// Waits until the process has ended by itself.
    #[track_caller]
    pub fn wait_end(&mut self) {
        wait_for(&format!("{} ends", self.name), LIMIT, || !self.is_running());
        self.kill();
    }

    /// Runs `emqx-rs-ctl` with `words` against this node.
    pub fn ctl_output(&self, words: &[&str]) -> Output {
        Command::new(env!("CARGO_BIN_EXE_emqx-rs-ctl"))
            .arg("--socket")
            .arg(self.data().join("ctl.sock"))
            .args(words)
            .output()
            .expect("emqx-rs-ctl starts")
    }

    /// What `emqx-rs-ctl` prints; it must succeed.
    #[track_caller]
    pub fn ctl(&self, words: &[&str]) -> String {
        let output = self.ctl_output(words);
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{} {words:?}: {text}{errors}", self.name);
        text
    }

    /// One counter of `emqx-rs-ctl metrics`; 0 when it is not in the list.
    #[track_caller]
    pub fn metric(&self, name: &str) -> u64 {
        number(&self.ctl(&["broker", "metrics"]), name)
    }

    /// One value of `emqx-rs-ctl broker stats`; 0 when it is not in the list.
    #[track_caller]
    pub fn stat(&self, name: &str) -> u64 {
        number(&self.ctl(&["broker", "stats"]), name)
    }

    /// Claims on clients that the node keeps for the cluster.
    pub fn claims(&self) -> u64 {
        self.cluster()["claims"].as_u64().unwrap_or(0)
    }

    /// `cluster status --json`; null while the node does not answer.
    pub fn cluster(&self) -> serde_json::Value {
        let output = self.ctl_output(&["--json", "cluster", "status"]);
        serde_json::from_slice(&output.stdout).unwrap_or_default()
    }

    /// Why links were refused lately, as `cluster status` tells it.
    pub fn refusals(&self) -> Vec<String> {
        let rows = self.cluster()["refusals"].as_array().cloned().unwrap_or_default();
        rows.iter().filter_map(|row| row["reason"].as_str().map(str::to_owned)).collect()
    }

    /// The names that `cluster status` counts as running.
    pub fn running_nodes(&self) -> BTreeSet<String> {
        let json = self.cluster();
        let names = json["running_nodes"].as_array().cloned().unwrap_or_default();
        names.iter().filter_map(|name| name.as_str().map(str::to_owned)).collect()
    }
}

impl Process {
    fn end(mut self) {
        let _ = kill(Pid::from_raw(self.pid), Signal::SIGKILL);
        drop(self.hold.take());
        let _ = self.guard.wait();
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        self.kill();
        if std::thread::panicking() {
            println!("---- log of {} ----\n{}", self.name, tail(&self.log(), 60));
        }
    }
}

fn tail(text: &str, lines: usize) -> String {
    let all: Vec<&str> = text.lines().collect();
    all[all.len().saturating_sub(lines)..].join("\n")
}

/// The value of `name : value` in the table of `emqx-rs-ctl`.
fn number(table: &str, name: &str) -> u64 {
    let value = table.lines().find_map(|line| {
        let (left, right) = line.split_once(':')?;
        (left.trim() == name).then(|| right.trim().parse().expect("a number"))
    });
    value.unwrap_or(0)
}

/// A TCP port nobody listens on, above those that the kernel gives to connections; not the same one twice in a run.
pub fn free_port() -> u16 {
    static NEXT: Mutex<u16> = Mutex::new(0);
    let mut next = NEXT.lock().unwrap();
    if *next == 0 {
        // Two test binaries at the same time start in different places.
        *next = 61_000 + (std::process::id() % 45) as u16 * 100;
    }
    loop {
        let port = *next;
        *next = if *next >= 65_499 { 61_000 } else { *next + 1 };
        if TcpListener::bind(("0.0.0.0", port)).is_ok() {
            return port;
        }
    }
}

/// A number N such that the mesh port of `nodeN@127.0.0.1` (4370 + N) is free for TCP and UDP;
/// never the same one twice in a run. The range lies below the ports the kernel gives out.
pub fn free_mesh_number() -> u16 {
    static NEXT: Mutex<u16> = Mutex::new(0);
    let mut next = NEXT.lock().unwrap();
    if *next == 0 {
        // Two test binaries at the same time start in different places.
        *next = 2000 + (std::process::id() % 200) as u16 * 100;
    }
    loop {
        let number = *next;
        *next = if *next >= 27_000 { 2000 } else { *next + 1 };
        let port = 4370 + number;
        let free = TcpListener::bind(("127.0.0.1", port)).is_ok()
            && UdpSocket::bind(("127.0.0.1", port)).is_ok();
        if free {
            return number;
        }
    }
}
