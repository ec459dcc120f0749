//! What journald gets, and that a journald which stands still holds up nobody.

use std::{
    fs,
    path::PathBuf,
    time::{Duration, Instant},
};

use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};
use tempfile::TempDir;

use super::{
    lan::Lan,
    support::{Client, Node, Version, wait_for},
};

const SOON: Duration = Duration::from_secs(20);

/// A node whose lines go to a stand-in for journald.
struct Journalled {
    node: Node,
    folder: TempDir,
    /// Dropped last: the node is on it.
    _lan: Lan,
}

impl Journalled {
    fn start() -> Self {
        Self::start_with("reads")
    }

    /// `how` journald is when the node starts.
    fn start_with(how: &str) -> Self {
        let (lan, folder) = (Lan::new(1), TempDir::new().unwrap());
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/netns/journald.py");
        let mut runner = lan.on(1);
        runner.extend(["unshare", "-m", "python3", script].map(str::to_owned));
        runner.push(folder.path().join("journal").to_str().unwrap().to_owned());
        runner.push(how.to_owned());
        let mqtt = ([10, 77, 0, 1], 1883).into();
        let mut node =
            Node::prepare_at("emqx@10.77.0.1", mqtt, runner, "cluster.discovery = manual");
        node.launch();
        Self { node, folder, _lan: lan }
    }

    fn journal(&self) -> PathBuf {
        self.folder.path().join("journal")
    }

    /// What arrived, with these bytes: fields, a line each.
    fn entry(&self, words: &str) -> Option<String> {
        let text = String::from_utf8_lossy(&fs::read(self.journal()).unwrap()).into_owned();
        text.split("\n\n").find(|entry| entry.contains(words)).map(str::to_owned)
    }

    fn signal(&self, signal: Signal) {
        let pid = fs::read_to_string(self.folder.path().join("journal.pid")).unwrap();
        kill(Pid::from_raw(pid.parse().unwrap()), signal).unwrap();
    }
}

impl Drop for Journalled {
    fn drop(&mut self) {
        self.signal(Signal::SIGKILL);
    }
}

/// A client that breaks a rule of MQTT, so that its end is told.
fn misbehave(node: &Node, id: &str) {
    let mut client = Client::raw(Version::V5, node.mqtt());
    client.send(&super::support::Connect::new(Version::V5).id(id).bytes());
    client.take_connack();
    client.send(&[0xf0, 0x00, 0xff, 0xff]);
    client.ended();
}

#[test]
fn an_entry_has_its_fields_and_its_kind() {
    let host = Journalled::start();
    wait_for("the start is told", SOON, || host.entry("started").is_some());
    misbehave(&host.node, "breaks-rules");
    wait_for("its end is told", SOON, || host.entry("breaks-rules").is_some());
    let entry = host.entry("breaks-rules").unwrap();
    for field in
        ["PRIORITY", "SYSLOG_IDENTIFIER", "MESSAGE_ID", "EMQX_CLIENTID", "EMQX_PEER", "EMQX_REASON"]
    {
        // `NAME=text`, or the name alone before a length and the text.
        let is_field = |line: &str| line.split('=').next() == Some(field);
        assert!(entry.lines().any(is_field), "{field}: {entry}");
    }
}

/// Far more lines than its queue takes while nobody reads: clients do not wait, and once it reads again lines arrive again.
#[test]
fn a_frozen_journald_holds_up_nobody() {
    let host = Journalled::start();
    let mut witness = Client::at(Version::V5, host.node.mqtt());
    misbehave(&host.node, "before");
    wait_for("lines arrive", SOON, || host.entry("before").is_some());
    host.signal(Signal::SIGSTOP);
    let mut worst = Duration::ZERO;
    for number in 0..40 {
        misbehave(&host.node, &format!("meanwhile-{number}"));
        // Its lines are of no kind that the catalogue knows.
        host.node.ctl(&["conf", "reload"]);
        let start = Instant::now();
        witness.ping();
        worst = worst.max(start.elapsed());
    }
    println!("FIGURE journald stands still: worst ping of 40 {worst:?}");
    assert!(worst < Duration::from_secs(1), "{worst:?}");
    host.signal(Signal::SIGCONT);
    // The limit on lines of one kind is not reached, so this one is written.
    misbehave(&host.node, "afterwards");
    wait_for("lines arrive again", SOON, || host.entry("afterwards").is_some());
    assert!(host.entry("meanwhile-39").is_none(), "the queue was full");
}

/// A boot on which journald hangs is no reason not to serve.
#[test]
fn a_node_starts_while_journald_stands_still() {
    let host = Journalled::start_with("stands-still");
    Client::at(Version::V5, host.node.mqtt()).ping();
    misbehave(&host.node, "unheard");
    host.signal(Signal::SIGCONT);
    wait_for("it tells that lines were lost", SOON, || host.entry("lines were lost").is_some());
    assert!(host.entry("unheard").is_none() && host.entry("filler").is_some());
    let entry = host.entry("lines were lost").unwrap();
    let lost = entry.lines().find_map(|line| line.strip_prefix("EMQX_LINES=")).expect(&entry);
    let counted = host.node.metric("emqx_rs.log.lost");
    assert!(lost.parse::<u64>().unwrap() > 1 && counted >= lost.parse().unwrap(), "{entry}");
}
