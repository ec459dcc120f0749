//! What systemd is told, over a socket such as it opens. `make systemd` runs the daemon under the real one.

use std::{
    fs,
    os::unix::net::UnixDatagram,
    time::{Duration, Instant},
};

use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};
use tempfile::TempDir;

use crate::support::{
    Client, LIMIT, Node, SlowFile, Version,
    node::{free_mesh_number, free_port},
    wait_for,
};

/// The socket of a service manager.
struct Manager {
    socket: UnixDatagram,
    _folder: TempDir,
    /// Fields that came, in order.
    told: Vec<String>,
}

impl Manager {
    /// And a node that it starts, which has told nothing yet.
    fn start(watchdog: Duration, lines: &str) -> (Self, Node) {
        let folder = TempDir::new().unwrap();
        let path = folder.path().join("notify");
        let socket = UnixDatagram::bind(&path).unwrap();
        let runner = [
            "env".to_owned(),
            format!("NOTIFY_SOCKET={}", path.display()),
            format!("WATCHDOG_USEC={}", watchdog.as_micros()),
        ];
        let name = format!("node{}@127.0.0.1", free_mesh_number());
        let at = ([127, 0, 0, 1], free_port()).into();
        let lines = format!("cluster.discovery = manual\ncluster.name = ours\n{lines}");
        let mut node = Node::prepare_at(&name, at, runner.to_vec(), &lines);
        node.spawn();
        (Self { socket, _folder: folder, told: Vec::new() }, node)
    }

    /// Reads until `wanted` holds of a field that comes from now on; gives what came before it, and the field.
    #[track_caller]
    fn wait(&mut self, what: &str, wanted: impl Fn(&str) -> bool) -> (Vec<String>, String) {
        let end = Instant::now() + LIMIT;
        let mut before = Vec::new();
        loop {
            while !self.told.is_empty() {
                let field = self.told.remove(0);
                if wanted(&field) {
                    return (before, field);
                }
                before.push(field);
            }
            let left = end.saturating_duration_since(Instant::now());
            assert!(!left.is_zero(), "{what} not told, but {before:?}");
            self.socket.set_read_timeout(Some(left)).unwrap();
            let mut bytes = [0; 4096];
            if let Ok(count) = self.socket.recv(&mut bytes) {
                let text = String::from_utf8(bytes[..count].to_vec()).unwrap();
                self.told.extend(text.lines().map(str::to_owned));
            }
        }
    }
}

#[test]
fn systemd_is_told_of_start_status_reload_and_stop() {
    let (mut systemd, mut node) = Manager::start(Duration::from_secs(30), "cluster.join_wait = 5m");
    let (before, _) = systemd.wait("READY", |field| field == "READY=1");
    assert_eq!(before, ["STATUS=starting", "EXTEND_TIMEOUT_USEC=360000000"]);
    systemd.wait("a sign of life", |field| field == "WATCHDOG=1");
    let line =
        |clients: &str| format!("STATUS={}: {clients}, 1 of 1 nodes up in cluster ours", node.name);
    let (none, one) = (line("0 clients"), line("1 client"));
    systemd.wait("no client", |field| field == none);
    let client = Client::at(Version::V5, node.mqtt());
    systemd.wait("a client", |field| field == one);
    client.cut();
    systemd.wait("the client gone", |field| field == none);

    kill(Pid::from_raw(node.pid()), Signal::SIGHUP).unwrap();
    systemd.wait("RELOADING", |field| field == "RELOADING=1");
    // Systemd 253 and later refuse a reload without it; in microseconds since the machine started.
    let (before, time) = systemd.wait("the time", |field| field.starts_with("MONOTONIC_USEC="));
    assert!(before.is_empty(), "in the same message: {before:?}");
    assert!(time["MONOTONIC_USEC=".len()..].parse::<u64>().unwrap() > 0);
    systemd.wait("READY again", |field| field == "READY=1");

    node.configure("no.such.key = 1");
    kill(Pid::from_raw(node.pid()), Signal::SIGHUP).unwrap();
    systemd.wait("RELOADING", |field| field == "RELOADING=1");
    systemd.wait("READY after a bad file", |field| field == "READY=1");

    node.terminate();
    systemd.wait("STOPPING", |field| field == "STOPPING=1");
    let (before, time) = systemd.wait("more time", |f| f.starts_with("EXTEND_TIMEOUT_USEC="));
    assert_eq!(before, ["STATUS=draining connections"]);
    assert_eq!(time, "EXTEND_TIMEOUT_USEC=35000000", "drain_time and a little more");
}

/// Systemd takes READY for the end of the reload that was told before it.
#[test]
fn reloads_are_told_one_after_the_other() {
    let folder = TempDir::new().unwrap();
    let rules = folder.path().join("rules.conf");
    fs::write(&rules, "{allow, all}.\n").unwrap();
    let lines = format!("acl_file = {}", rules.display());
    let (mut systemd, node) = Manager::start(Duration::from_secs(3), &lines);
    systemd.wait("READY", |field| field == "READY=1");
    let pipe = SlowFile::in_place_of(&rules);
    kill(Pid::from_raw(node.pid()), Signal::SIGHUP).unwrap();
    systemd.wait("RELOADING", |field| field == "RELOADING=1");
    let pipe = pipe.opened();
    std::thread::scope(|scope| {
        scope.spawn(|| node.ctl(&["conf", "reload"]));
        wait_for("it is asked", LIMIT, || node.log().contains("request=ConfReload"));
        let (before, _) = systemd.wait("a sign of life", |field| field == "WATCHDOG=1");
        assert!(!before.contains(&"RELOADING=1".to_owned()), "{before:?}");
        fs::remove_file(&rules).unwrap();
        fs::write(&rules, "{allow, all}.\n").unwrap();
        drop(pipe);
        let (before, _) = systemd.wait("READY again", |field| field == "READY=1");
        assert!(!before.contains(&"RELOADING=1".to_owned()), "{before:?}");
        systemd.wait("RELOADING", |field| field == "RELOADING=1");
        systemd.wait("READY for the second", |field| field == "READY=1");
    });
}

#[test]
fn a_sign_of_life_comes_as_often_as_systemd_wants() {
    let (mut systemd, _node) = Manager::start(Duration::from_millis(300), "");
    for _ in 0..5 {
        systemd.wait("a sign of life", |field| field == "WATCHDOG=1");
    }
}
