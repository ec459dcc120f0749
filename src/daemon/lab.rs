//! `emqx-rs lab [N]`: N nodes of this very binary on this host, for a first look.
//!
//! Every node has its own folder (configuration, data, control socket, log) under one temporary folder, a cookie made for
//! the occasion; they find each other by multicast, and all of it stays on the loopback. The lab shows the cluster as its
//! nodes report it and again whenever that changes. Invariant: however the lab ends short of SIGKILL, its nodes
//! are stopped and its folder is gone.

use std::fmt::Write as _;
use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Write as _};
use std::net::{Ipv4Addr, TcpListener, UdpSocket};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use ring::rand::{SecureRandom, SystemRandom};
use tokio::signal::unix::{SignalKind, signal};
use zeroize::Zeroizing;

use super::exit::Exit;
use crate::cluster::base64url;
use crate::ctl::{Reply, Request, ask::ask};

/// How often the nodes are asked and looked after.
const TICK: Duration = Duration::from_millis(250);
/// Given to a node after SIGTERM; its own drain time is one second.
const STOP_LIMIT: Duration = Duration::from_secs(5);
/// Lines shown of the log of a node that died.
const TAIL_LINES: usize = 12;
/// What a service manager, or a user's own EMQX settings, left in the environment and no node of the lab may see.
const NOT_FOR_NODES: &[&str] = &[
    "LISTEN_",
    "NOTIFY_SOCKET",
    "WATCHDOG_",
    "EMQX_",
    "JOURNAL_STREAM",
    "INVOCATION_ID",
    "CREDENTIALS_DIRECTORY",
    "STATE_DIRECTORY",
    "LOGS_DIRECTORY",
    "RUNTIME_DIRECTORY",
    "CONFIGURATION_DIRECTORY",
];

/// Why there is no lab.
#[derive(Debug, thiserror::Error)]
enum LabError {
    #[error("not enough free ports from {0} on")]
    Ports(u16),
    #[error("{path}: {1}", path = .0.display())]
    Path(PathBuf, io::Error),
    #[error("{0}")]
    Io(#[from] io::Error),
    #[error("no node is left")]
    AllDead,
}

/// Where one node lives. Its name follows from its number.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Place {
    number: u16,
    mqtt: u16,
    mesh: u16,
    folder: PathBuf,
}

impl Place {
    fn name(&self) -> String {
        format!("node{}@127.0.0.1", self.number)
    }

    fn conf(&self, cookie: &Path) -> String {
        let mut text = String::new();
        let data = self.folder.join("data");
        for (key, value) in [
            ("node.name", self.name()),
            ("node.data_dir", data.display().to_string()),
            ("node.cookie", format!("file:{}", cookie.display())),
            ("node.dist_use_interface", "127.0.0.1".into()),
            ("node.dist_port", self.mesh.to_string()),
            ("node.drain_time", "1s".into()),
            ("cluster.name", "lab".into()),
            ("cluster.discovery", "mcast".into()),
            ("listener.tcp.external", format!("127.0.0.1:{}", self.mqtt)),
            ("log.to", "console".into()),
        ] {
            let _ = writeln!(text, "{key} = {value}");
        }
        text
    }

    fn socket(&self) -> PathBuf {
        self.folder.join("ctl.sock")
    }

    fn log(&self) -> PathBuf {
        self.folder.join("log")
    }
}

/// Gives `nodes` nodes their ports: MQTT from 1883 up, the mesh on the port of the name where that is free.
///
/// `mqtt_free` and `mesh_free` are asked about each port at most once.
fn places(
    folder: &Path,
    nodes: u16,
    mut mqtt_free: impl FnMut(u16) -> bool,
    mut mesh_free: impl FnMut(u16) -> bool,
) -> Result<Vec<Place>, LabError> {
    const MQTT: u16 = 1883;
    const MESH: u16 = 4371;
    let mut mqtt = (MQTT..MESH).filter(|port| mqtt_free(*port));
    let usual: Vec<bool> = (1..=nodes).map(|number| mesh_free(4370 + number)).collect();
    let mut spare = (MESH + nodes..u16::MAX).filter(|port| mesh_free(*port));
    (1..=nodes)
        .zip(usual)
        .map(|(number, usual)| {
            let mesh = if usual { Some(4370 + number) } else { spare.next() };
            Ok(Place {
                number,
                mqtt: mqtt.next().ok_or(LabError::Ports(MQTT))?,
                mesh: mesh.ok_or(LabError::Ports(MESH))?,
                folder: folder.join(format!("node{number}")),
            })
        })
        .collect()
}

fn tcp_free(port: u16) -> bool {
    TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok()
}

fn mesh_free(port: u16) -> bool {
    tcp_free(port) && UdpSocket::bind((Ipv4Addr::LOCALHOST, port)).is_ok()
}

/// One running node, or one that ran.
struct Node {
    place: Place,
    process: Child,
    /// How it ended, once it did.
    ended: Option<String>,
}

impl Node {
    fn start(place: Place, conf: &Path) -> Result<Self, LabError> {
        let log = File::create(place.log()).map_err(|e| LabError::Path(place.log(), e))?;
        let mut command = Command::new(std::env::current_exe()?);
        for (name, _) in std::env::vars_os() {
            let text = name.to_string_lossy();
            if NOT_FOR_NODES.iter().any(|prefix| text.starts_with(prefix)) {
                command.env_remove(&name);
            }
        }
        // Its own process group: Ctrl-C reaches the lab alone, and the lab stops the nodes.
        let process = command
            .arg("--config")
            .arg(conf)
            .env("RUNTIME_DIRECTORY", &place.folder)
            .stdin(Stdio::null())
            .stdout(log.try_clone()?)
            .stderr(log)
            .process_group(0)
            .spawn()?;
        Ok(Self { place, process, ended: None })
    }

    /// The news that it ended, told once.
    fn obituary(&mut self) -> Option<String> {
        if self.ended.is_some() {
            return None;
        }
        let status = self.process.try_wait().ok()??;
        self.ended = Some(status.to_string());
        let mut text = format!("{} ended ({status}); the end of its log:\n", self.place.name());
        for line in tail(&self.place.log(), TAIL_LINES) {
            let _ = writeln!(text, "    {line}");
        }
        Some(text)
    }

    fn tell(&self, what: Signal) {
        let pid = i32::try_from(self.process.id());
        if let (None, Ok(pid)) = (&self.ended, pid) {
            let _ = kill(Pid::from_raw(pid), what);
        }
    }
}

/// The last `count` lines of a file, at most 16 KiB of it.
fn tail(path: &Path, count: usize) -> Vec<String> {
    let bytes = fs::read(path).unwrap_or_default();
    let from = bytes.len().saturating_sub(16 << 10);
    let text = String::from_utf8_lossy(bytes.get(from..).unwrap_or_default()).into_owned();
    let lines: Vec<_> = text.lines().map(str::to_owned).collect();
    lines.into_iter().rev().take(count).rev().collect()
}

/// The lab: what there is to stop and to remove.
struct Lab {
    folder: PathBuf,
    nodes: Vec<Node>,
}

impl Lab {
    /// Makes the folders and starts the nodes.
    fn start(count: u16) -> Result<Self, LabError> {
        let mut lab = Self { folder: new_folder()?, nodes: Vec::new() };
        let cookie = lab.folder.join("cookie");
        write_private(&cookie, &random_cookie()?)?;
        let places = places(&lab.folder, count, tcp_free, mesh_free)?;
        for place in places {
            let folder = &place.folder;
            make_folder(folder).map_err(|e| LabError::Path(folder.clone(), e))?;
            let conf = folder.join("emqx.conf");
            write_private(&conf, &place.conf(&cookie))?;
            lab.nodes.push(Node::start(place, &conf)?);
        }
        Ok(lab)
    }

    /// What is there, with the lines to try.
    fn invitation(&self) -> String {
        let mut text = format!("{} nodes in {}\n\n", self.nodes.len(), self.folder.display());
        for node in &self.nodes {
            let place = &node.place;
            let line = format!("  {}  MQTT 127.0.0.1:{}", place.name(), place.mqtt);
            let _ = writeln!(text, "{line}  mesh {}", place.mesh);
        }
        text
    }

    /// The lines to try once the cluster stands.
    fn hints(&self) -> String {
        let (Some(first), Some(last)) = (self.nodes.first(), self.nodes.last()) else {
            return String::new();
        };
        // Who has only this repository has not built it yet, and nothing of it is in the path.
        let beside = std::env::current_exe().ok().map(|exe| exe.with_file_name("emqx-rs-ctl"));
        let ctl = beside.filter(|ctl| ctl.exists()).map_or_else(
            || "cargo run --release --bin emqx-rs-ctl --".to_owned(),
            |ctl| ctl.display().to_string(),
        );
        let socket = first.place.socket();
        format!(
            "\nTry it from two other terminals:\n  mosquitto_sub -p {} -t 'hello/#' -v\n  \
             mosquitto_pub -p {} -t hello/world -m 'from the other node'\n  \
             {ctl} --socket {} cluster status\nCtrl-C stops all nodes and removes the folder.\n\n",
            first.place.mqtt,
            last.place.mqtt,
            socket.display()
        )
    }

    /// Asks the nodes to stop, waits for them within a limit, and ends those that do not.
    async fn stop(&mut self) {
        self.nodes.iter().for_each(|node| node.tell(Signal::SIGTERM));
        let mut tick = tokio::time::interval(Duration::from_millis(20));
        let all_ended = async {
            while !self.nodes.iter_mut().all(|node| matches!(node.process.try_wait(), Ok(Some(_))))
            {
                tick.tick().await;
            }
        };
        // Those left over are ended by `drop`.
        let _ = tokio::time::timeout(STOP_LIMIT, all_ended).await;
    }
}

impl Drop for Lab {
    fn drop(&mut self) {
        for node in &mut self.nodes {
            let _ = node.process.kill();
            let _ = node.process.wait();
        }
        let _ = fs::remove_dir_all(&self.folder);
    }
}

fn make_folder(folder: &Path) -> io::Result<()> {
    DirBuilder::new().mode(0o700).create(folder)
}

/// A new folder of ours alone in the folder for temporary files.
fn new_folder() -> Result<PathBuf, LabError> {
    let pid = std::process::id();
    let names = (0..100).map(|try_number| format!("emqx-rs-lab-{pid}-{try_number}"));
    let mut last = io::ErrorKind::AlreadyExists.into();
    for name in names {
        let folder = std::env::temp_dir().join(name);
        match make_folder(&folder) {
            Ok(()) => return Ok(folder),
            Err(e) => last = e,
        }
    }
    Err(LabError::Path(std::env::temp_dir(), last))
}

fn write_private(path: &Path, text: &str) -> Result<(), LabError> {
    let mut options = OpenOptions::new();
    let file = options.write(true).create_new(true).mode(0o600).open(path);
    file.and_then(|mut file| file.write_all(text.as_bytes()))
        .map_err(|e| LabError::Path(path.to_owned(), e))
}

fn random_cookie() -> Result<Zeroizing<String>, LabError> {
    let mut bytes = Zeroizing::new([0_u8; 32]);
    let filled = SystemRandom::new().fill(&mut *bytes);
    filled.map_err(|_| io::Error::other("the kernel gives no random bytes"))?;
    Ok(base64url::encode(&*bytes))
}

/// Runs a lab until Ctrl-C, SIGTERM or SIGHUP, or until no node is left.
pub(super) fn run(nodes: u16) -> Exit {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let result = runtime.map_err(LabError::Io).and_then(|runtime| runtime.block_on(live(nodes)));
    match result {
        Ok(()) => Exit::Done,
        Err(error) => {
            drop(writeln!(io::stderr(), "emqx-rs lab: {error}"));
            Exit::Failed
        }
    }
}

async fn live(count: u16) -> Result<(), LabError> {
    // Before the first node starts: a Ctrl-C must never leave one behind.
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    let mut hangup = signal(SignalKind::hangup())?;
    let mut lab = Lab::start(count)?;
    say(&lab.invitation());
    let mut tick = tokio::time::interval(TICK);
    let mut shown = String::new();
    let mut formed = false;
    loop {
        tokio::select! {
            _ = interrupt.recv() => break,
            _ = terminate.recv() => break,
            _ = hangup.recv() => break,
            _ = tick.tick() => {}
        }
        lab.nodes.iter_mut().filter_map(Node::obituary).for_each(|text| say(&text));
        if lab.nodes.iter().all(|node| node.ended.is_some()) {
            return Err(LabError::AllDead);
        }
        let views = views(&lab.nodes).await;
        let rows = lab.nodes.iter().map(|node| (&node.place, node.ended.as_deref()));
        let table = table(rows, &views);
        if table != shown {
            say(&format!("\n{table}"));
            shown = table;
        }
        if !formed && views.iter().all(|view| view.sees_all(lab.nodes.len())) {
            formed = true;
            say(&lab.hints());
        }
    }
    say("\nstopping\n");
    lab.stop().await;
    Ok(())
}

/// Writes to the terminal; a terminal that went away is no reason to leave nodes behind.
fn say(text: &str) {
    let mut out = io::stdout().lock();
    let _ = out.write_all(text.as_bytes()).and_then(|()| out.flush());
}

/// The cluster as one node reports it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct View {
    /// It answered.
    answers: bool,
    running: Vec<String>,
    stopped: Vec<String>,
    leader: Option<String>,
}

impl View {
    fn sees_all(&self, nodes: usize) -> bool {
        self.running.len() == nodes
    }
}

/// Asks every node that lives, all at once: one that hangs costs the others nothing.
async fn views(nodes: &[Node]) -> Vec<View> {
    const WAIT: Duration = Duration::from_millis(500);
    let asked: Vec<_> = nodes
        .iter()
        .map(|node| {
            let socket = node.ended.is_none().then(|| node.place.socket());
            tokio::task::spawn_blocking(move || {
                let reply = ask(&socket?, &Request::ClusterStatus, WAIT);
                if let Ok(Reply::Cluster(cluster)) = reply { Some(cluster) } else { None }
            })
        })
        .collect();
    let mut views = Vec::with_capacity(asked.len());
    for answer in asked {
        let cluster = answer.await.ok().flatten();
        views.push(cluster.map_or_else(View::default, |cluster| View {
            answers: true,
            running: cluster.running_nodes,
            stopped: cluster.stopped_nodes,
            leader: cluster.leader,
        }));
    }
    views
}

/// `node1@127.0.0.1` is node 1 here.
fn short(names: &[String]) -> String {
    let names = names.iter().map(|name| name.split('@').next().unwrap_or(name));
    let text = names.collect::<Vec<_>>().join(" ");
    if text.is_empty() { "-".into() } else { text }
}

/// The cluster, one line a node.
fn table<'a>(
    nodes: impl IntoIterator<Item = (&'a Place, Option<&'a str>)>,
    views: &[View],
) -> String {
    let mut rows = Vec::new();
    for ((place, ended), view) in nodes.into_iter().zip(views) {
        let state = match ended {
            Some(how) => how,
            None if view.answers => "started",
            None => "starting",
        };
        let leader = view.leader.iter().cloned().collect::<Vec<_>>();
        rows.push([
            format!("node{}", place.number),
            place.mqtt.to_string(),
            state.into(),
            short(&leader),
            short(&view.running),
            short(&view.stopped),
        ]);
    }
    let head = ["node", "mqtt", "state", "leader", "sees running", "sees stopped"];
    let mut text = String::new();
    let mut line = |cells: [&str; 6]| {
        let [node, mqtt, state, leader, running, stopped] = cells;
        let wide = (6 * views.len()).max(12);
        let row = format!("{node:<8}{mqtt:<7}{state:<18}{leader:<8}{running:<wide$}  {stopped}");
        let _ = writeln!(text, "{}", row.trim_end());
    };
    line(head);
    for row in &rows {
        let [node, mqtt, state, leader, running, stopped] = row;
        line([node, mqtt, state, leader, running, stopped]);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(nodes: u16, taken_mqtt: &[u16], taken_mesh: &[u16]) -> Vec<Place> {
        let free = |taken: &[u16]| {
            let taken = taken.to_vec();
            move |port: u16| !taken.contains(&port)
        };
        places(Path::new("/lab"), nodes, free(taken_mqtt), free(taken_mesh)).unwrap()
    }

    #[test]
    fn ports_are_the_usual_ones_where_they_are_free() {
        let ports = |places: &[Place]| places.iter().map(|p| (p.mqtt, p.mesh)).collect::<Vec<_>>();
        assert_eq!(ports(&of(3, &[], &[])), [(1883, 4371), (1884, 4372), (1885, 4373)]);
        let moved = of(3, &[1883, 1885], &[4372, 4374]);
        assert_eq!(ports(&moved), [(1884, 4371), (1886, 4375), (1887, 4373)]);
        assert!(places(Path::new("/lab"), 2, |port| port == 1883, |_| true).is_err());
    }

    #[test]
    fn the_configuration_of_a_node_is_accepted() {
        let places = of(3, &[], &[4372]);
        let folder = tempfile::tempdir().unwrap();
        let cookie = folder.path().join("cookie");
        write_private(&cookie, &random_cookie().unwrap()).unwrap();
        for place in &places {
            let text = place.conf(&cookie);
            let config = crate::config::Config::from_text(text.as_bytes(), &[]).unwrap();
            assert_eq!(config.cluster.mesh_port(), place.mesh);
            assert_eq!(config.cluster.node_name.as_str(), place.name());
            assert!(config.listeners.iter().all(|listener| listener.bind.is_loopback()));
            assert!(
                config.notes.iter().all(|note| !note.text.contains("weak")),
                "{:?}",
                config.notes
            );
        }
    }

    #[test]
    fn the_table_tells_who_sees_whom() {
        let places = of(2, &[], &[]);
        let view = View {
            answers: true,
            running: vec!["node1@127.0.0.1".into()],
            stopped: vec!["node2@127.0.0.1".into()],
            leader: Some("node1@127.0.0.1".into()),
        };
        let rows = places.iter().zip([None, Some("exit status: 70")]);
        let text = table(rows, &[view, View::default()]);
        let want = "\
node    mqtt   state             leader  sees running  sees stopped
node1   1883   started           node1   node1         node2
node2   1884   exit status: 70   -       -             -
";
        assert_eq!(text, want);
    }

    #[test]
    fn only_the_end_of_a_log_is_shown() {
        let folder = tempfile::tempdir().unwrap();
        let log = folder.path().join("log");
        fs::write(&log, "1\n2\n3\n").unwrap();
        assert_eq!(tail(&log, 2), ["2", "3"]);
        assert_eq!(tail(&folder.path().join("none"), 2), [""; 0]);
    }
}
