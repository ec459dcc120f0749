//! Traces (`emqx-rs-ctl trace`): what a client, an address or a topic sends and gets, packet by packet, and what the log says of
//! it down to `debug`, each in a file of its own.
//!
//! While there is no trace, a connection looks at one flag for each read and each write. Bounds: [`MOST`] traces, [`BYTES`] a
//! file, [`QUEUE`] lines that wait for the disk (what is more is left out and counted), an end after [`LONGEST`] at the latest;
//! [`FILES`] files are kept. Payloads, passwords and the values of properties never get here.

use std::{
    fs::{self, DirBuilder, File, OpenOptions, Permissions},
    io::{self, Write as _},
    net::{IpAddr, SocketAddr},
    os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt},
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex, RwLock,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};

use tokio::sync::{Notify, mpsc};
use tracing::Level;

use super::{locks, sys_topics::local_time};
use crate::{
    ctl,
    net::{clock::Clock, supervise},
    sort,
    time::{Time, Wall},
    topic::{TopicFilter, TopicName},
};

/// Traces at a time.
const MOST: usize = 10;
/// Files that are kept, those of running traces among them.
const FILES: usize = 16;
/// Bytes of a file; a full one ends its trace.
const BYTES: u64 = 10 << 20;
/// Lines that wait to be written.
const QUEUE: usize = 4096;
/// Lines written at once.
const BATCH: usize = 256;
/// Life of a trace of which nothing else is said, as of EMQX's `traces`.
const USUAL: Duration = Duration::from_secs(900);
/// The longest.
const LONGEST: Duration = Duration::from_secs(7 * 24 * 3600);
/// Bytes of the name of a file, without its end.
const NAME: usize = 80;

/// Whom a trace is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Target {
    /// A client id.
    Client(Box<str>),
    /// Topics that match a filter, and the filter itself in a SUBSCRIBE.
    Topic(TopicFilter),
    /// The address of clients.
    Address(IpAddr),
}

/// Whom a line is about.
#[derive(Clone, Copy, Debug, Default)]
pub struct Subject<'a> {
    /// The client; empty before it has said who it is.
    pub client_id: &'a str,
    /// Its address.
    pub peer: Option<SocketAddr>,
    /// Topics and filters the line names.
    pub topics: &'a [&'a str],
}

impl Target {
    /// `clientid`, `topic` or `ip_address`, and what it stands for.
    ///
    /// # Errors
    /// What was expected.
    pub fn parse(kind: &str, what: &str) -> Result<Self, String> {
        match kind {
            "client" | "clientid" if !what.is_empty() => Ok(Self::Client(what.into())),
            "client" | "clientid" => Err("expected a client id".into()),
            "topic" => TopicFilter::parse(what).map(Self::Topic).map_err(|error| error.to_string()),
            "ip_address" => match what.parse::<IpAddr>() {
                Ok(address) => Ok(Self::Address(address.to_canonical())),
                Err(_) => Err("expected an address such as 192.168.1.7".into()),
            },
            _ => Err("expected client, topic or ip_address".into()),
        }
    }

    /// As [`Self::parse`] reads it.
    #[must_use]
    pub fn words(&self) -> (&'static str, String) {
        match self {
            Self::Client(id) => ("clientid", id.to_string()),
            Self::Topic(filter) => ("topic", filter.as_str().to_owned()),
            Self::Address(address) => ("ip_address", address.to_string()),
        }
    }

    fn names(&self, subject: &Subject<'_>) -> bool {
        match self {
            Self::Client(id) => **id == *subject.client_id,
            Self::Address(address) => subject.peer.is_some_and(|peer| peer.ip() == *address),
            Self::Topic(filter) => subject.topics.iter().any(|topic| {
                *topic == filter.as_str()
                    || TopicName::parse(topic).is_ok_and(|name| filter.matches(name))
            }),
        }
    }
}

/// What is asked of a trace that begins.
#[derive(Clone, Copy, Debug, Default)]
pub struct Wish<'a> {
    /// Name of its file; one made of the target without.
    pub file: Option<&'a str>,
    /// `debug` without.
    pub level: Option<Level>,
    /// How long it runs.
    pub life: Option<Duration>,
}

struct Trace {
    target: Target,
    level: Level,
    path: PathBuf,
    until: (Time, Wall),
    lines: mpsc::Sender<String>,
    left_out: AtomicU64,
    bytes: AtomicU64,
    stop: Notify,
}

impl Trace {
    fn row(&self) -> ctl::Trace {
        let (kind, what) = self.target.words();
        ctl::Trace {
            kind: kind.into(),
            what,
            level: level_name(self.level).into(),
            file: self.path.clone(),
            until: local_time(self.until.1),
            bytes: self.bytes.load(Ordering::Relaxed),
            bytes_most: BYTES,
            left_out: self.left_out.load(Ordering::Relaxed),
        }
    }
}

/// The traces of a node.
pub struct Traces {
    on: AtomicBool,
    all: RwLock<Vec<Arc<Trace>>>,
    /// Held while a file is made.
    folder: Mutex<PathBuf>,
    clock: Clock,
}

impl Traces {
    /// None yet; their files will be in `folder`.
    #[must_use]
    pub fn new(folder: PathBuf, clock: Clock) -> Self {
        Self {
            on: AtomicBool::new(false),
            all: RwLock::default(),
            folder: Mutex::new(folder),
            clock,
        }
    }

    /// There is a trace.
    #[inline]
    #[must_use]
    pub fn is_on(&self) -> bool {
        self.on.load(Ordering::Relaxed)
    }

    /// Begins a trace.
    ///
    /// # Errors
    /// Why not.
    pub fn start(self: &Arc<Self>, target: Target, wish: Wish<'_>) -> Result<ctl::Trace, String> {
        let life = wish.life.unwrap_or(USUAL);
        if life > LONGEST {
            return Err("a trace runs for a week at most".into());
        }
        let folder = locks::lock(&self.folder);
        let running: Vec<_> = locks::read(&self.all).clone();
        if let Some(same) = running.iter().find(|trace| trace.target == target) {
            return Err(format!("it is traced already, to {}: stop that one", same.path.display()));
        }
        if running.len() >= MOST {
            return Err(format!("{MOST} traces run, and there may not be more: stop one"));
        }
        let path = folder.join(match wish.file {
            Some(name) => named(name)?,
            None => usual_name(&target),
        });
        if running.iter().any(|trace| trace.path == path) {
            return Err(format!("another trace writes {}", path.display()));
        }
        let paths: Vec<&Path> = running.iter().map(|trace| trace.path.as_path()).collect();
        let file =
            open(&folder, &path, &paths).map_err(|error| format!("{}: {error}", path.display()))?;
        let (lines, queue) = mpsc::channel(QUEUE);
        let (now, wall) = (self.clock.now(), self.clock.wall());
        let ends = u64::try_from(life.as_millis()).unwrap_or(u64::MAX);
        let trace = Arc::new(Trace {
            target,
            level: wish.level.unwrap_or(Level::DEBUG),
            path,
            until: (now + life, Wall::from_ms(wall.as_ms().saturating_add(ends))),
            lines,
            left_out: AtomicU64::new(0),
            bytes: AtomicU64::new(0),
            stop: Notify::new(),
        });
        {
            let mut all = locks::write(&self.all);
            all.push(trace.clone());
            self.on.store(true, Ordering::Relaxed);
        }
        supervise::spawn("trace", self.clone().write_down(trace.clone(), file, queue));
        Ok(trace.row())
    }

    /// Ends a trace; `false`: there is none of this target.
    pub fn stop(&self, target: &Target) -> bool {
        let Some(trace) = self.remove(|trace| trace.target == *target) else { return false };
        trace.stop.notify_one();
        true
    }

    /// The traces that run.
    #[must_use]
    pub fn list(&self) -> Vec<ctl::Trace> {
        locks::read(&self.all).iter().map(|trace| trace.row()).collect()
    }

    /// Writes a line into each trace that it is for.
    pub fn tell(&self, subject: &Subject<'_>, level: Level, text: impl FnOnce() -> String) {
        let all = locks::read(&self.all);
        let mut wanted =
            all.iter().filter(|trace| level <= trace.level && trace.target.names(subject));
        let Some(first) = wanted.next() else { return };
        let line = self.line(subject, level, &text());
        for trace in std::iter::once(first).chain(wanted) {
            if trace.lines.try_send(line.clone()).is_err() {
                trace.left_out.fetch_add(1, Ordering::Relaxed);
            }
        }
    }

    fn line(&self, subject: &Subject<'_>, level: Level, text: &str) -> String {
        let wall = self.clock.wall();
        let (at, ms) = (local_time(wall), wall.as_ms() % 1000);
        let client_id = ctl::render::shown(subject.client_id);
        let peer = subject.peer.map(|peer| format!("@{peer}")).unwrap_or_default();
        format!("{at}.{ms:03} [{}] {client_id}{peer} {text}\n", level_name(level))
    }

    fn remove(&self, which: impl Fn(&Trace) -> bool) -> Option<Arc<Trace>> {
        let mut all = locks::write(&self.all);
        let at = all.iter().position(|trace| which(trace))?;
        let trace = all.remove(at);
        self.on.store(!all.is_empty(), Ordering::Relaxed);
        Some(trace)
    }

    /// Writes what is told into the file until the trace ends, and why it did.
    async fn write_down(
        self: Arc<Self>,
        trace: Arc<Trace>,
        file: File,
        mut queue: mpsc::Receiver<String>,
    ) {
        let end = self.clock.instant(trace.until.0);
        let mut file = Some(file);
        let mut told_left_out = 0;
        let why = loop {
            let mut batch = Vec::new();
            tokio::select! {
                _ = queue.recv_many(&mut batch, BATCH) => {}
                () = trace.stop.notified() => break "stopped",
                () = tokio::time::sleep_until(end) => break "its time is over",
            }
            let left_out = trace.left_out.load(Ordering::Relaxed);
            if left_out > told_left_out {
                batch.push(format!("{left_out} lines left out: the disk was too slow\n"));
                told_left_out = left_out;
            }
            match write(&trace, &mut file, batch).await {
                Ok(true) => {}
                Ok(false) => break "the file is full",
                Err(_) => break "the file cannot be written",
            }
        };
        self.remove(|one| std::ptr::eq(one, &raw const *trace));
        queue.close();
        let mut rest = Vec::new();
        while let Ok(line) = queue.try_recv() {
            rest.push(line);
        }
        // A full file has no room for them, but for the last one.
        let _ = write(&trace, &mut file, rest).await;
        trace.bytes.store(0, Ordering::Relaxed);
        let last = format!("{} trace ended: {why}\n", local_time(self.clock.wall()));
        let _ = write(&trace, &mut file, vec![last]).await;
        tracing::info!(file = %trace.path.display(), why, "trace ended");
    }
}

/// Writes whole lines as far as the file may grow; `false`: not all of them.
async fn write(trace: &Trace, file: &mut Option<File>, lines: Vec<String>) -> io::Result<bool> {
    let mut room = BYTES.saturating_sub(trace.bytes.load(Ordering::Relaxed));
    let mut text = String::new();
    let mut all = true;
    for line in lines {
        match room.checked_sub(line.len() as u64) {
            Some(left) => room = left,
            None => {
                all = false;
                break;
            }
        }
        text.push_str(&line);
    }
    let Some(mut own) = file.take() else { return Ok(all) };
    let written = text.len() as u64;
    // A slow disk holds up this task alone.
    let writing = tokio::task::spawn_blocking(move || own.write_all(text.as_bytes()).map(|()| own));
    *file = Some(writing.await.map_err(io::Error::other)??);
    trace.bytes.fetch_add(written, Ordering::Relaxed);
    Ok(all)
}

/// The name of a file below the folder of traces.
fn named(name: &str) -> Result<String, String> {
    let odd = |c: char| !(c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.' | '@'));
    if name.is_empty() || name.len() > NAME || name.starts_with('.') || name.contains(odd) {
        return Err(format!(
            "the name of a file: up to {NAME} letters, digits and -_.@, no folder; the node has a folder for traces"
        ));
    }
    Ok(name.to_owned())
}

fn usual_name(target: &Target) -> String {
    let (kind, what) = target.words();
    let plain = |c: char| if c.is_ascii_alphanumeric() || "-_.@".contains(c) { c } else { '_' };
    let what: String = what.chars().map(plain).take(NAME - kind.len() - 5).collect();
    format!("{kind}-{what}.log")
}

/// A new file; of those of ended traces the oldest go.
fn open(folder: &Path, path: &Path, running: &[&Path]) -> io::Result<File> {
    DirBuilder::new().recursive(true).mode(0o750).create(folder)?;
    let mut old = Vec::new();
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let meta = entry.metadata()?;
        let known = running.contains(&entry.path().as_path()) || entry.path() == path;
        if meta.is_file() && !known {
            old.push((meta.modified()?, entry.path()));
        }
    }
    sort::sort(&mut old);
    let most = FILES.saturating_sub(running.len() + 1);
    for (_, path) in old.iter().take(old.len().saturating_sub(most)) {
        fs::remove_file(path)?;
    }
    let file = OpenOptions::new()
        .create(true)
        .write(true)
        .truncate(true)
        .mode(0o640)
        .custom_flags(nix::libc::O_NOFOLLOW)
        .open(path)?;
    // The umask of the service would keep its group out.
    file.set_permissions(Permissions::from_mode(0o640))?;
    Ok(file)
}

/// The level that `text` names.
#[must_use]
pub fn level_named(text: &str) -> Option<Level> {
    match text {
        "error" | "critical" | "alert" | "emergency" => Some(Level::ERROR),
        "warning" | "warn" => Some(Level::WARN),
        "info" | "notice" => Some(Level::INFO),
        "debug" | "all" => Some(Level::DEBUG),
        _ => None,
    }
}

const fn level_name(level: Level) -> &'static str {
    match level {
        Level::ERROR => "error",
        Level::WARN => "warning",
        Level::INFO => "info",
        Level::DEBUG | Level::TRACE => "debug",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn target(kind: &str, what: &str) -> Target {
        Target::parse(kind, what).unwrap()
    }

    #[test]
    fn a_target_names_clients_addresses_and_topics() {
        let subject = Subject {
            client_id: "c1",
            peer: Some("10.0.0.7:4000".parse().unwrap()),
            topics: &["a/b", "x/#"],
        };
        for (kind, what, want) in [
            ("client", "c1", true),
            ("clientid", "c2", false),
            ("ip_address", "10.0.0.7", true),
            ("ip_address", "::ffff:10.0.0.7", true),
            ("ip_address", "10.0.0.8", false),
            ("topic", "a/+", true),
            ("topic", "a/b/c", false),
            ("topic", "x/#", true),
            ("topic", "x/y", false),
        ] {
            assert_eq!(target(kind, what).names(&subject), want, "{kind} {what}");
        }
        for (kind, what) in
            [("client", ""), ("topic", "a/#/b"), ("ip_address", "10.0.0.0/8"), ("user", "u")]
        {
            assert!(Target::parse(kind, what).is_err(), "{kind} {what}");
        }
    }

    #[test]
    fn files_stay_in_their_folder() {
        for name in ["", "../x", "a/b", ".x", "a b", &"x".repeat(NAME + 1)] {
            assert!(named(name).is_err(), "{name}");
        }
        assert_eq!(named("x-1.log").unwrap(), "x-1.log");
        let long = usual_name(&target("client", &format!("../{}", "ä".repeat(300))));
        assert!(named(&long).is_ok(), "{long}");
        assert_eq!(usual_name(&target("topic", "a/+/#")), "topic-a____.log");
    }

    #[test]
    fn of_old_files_the_oldest_go() {
        let dir = tempfile::tempdir().unwrap();
        let folder = dir.path().join("trace");
        let path = |n: usize| folder.join(format!("{n}.log"));
        for n in 0..FILES + 9 {
            let file = open(&folder, &path(n), &[&path(3)]).unwrap();
            // Files of one moment have no order.
            let at = std::time::UNIX_EPOCH + Duration::from_secs(n as u64);
            file.set_modified(at).unwrap();
            assert_eq!(file.metadata().unwrap().permissions().mode() & 0o777, 0o640);
        }
        assert_eq!(fs::read_dir(&folder).unwrap().count(), FILES);
        assert!(path(3).exists(), "a trace writes it");
        assert!(path(FILES + 8).exists() && !path(8).exists());
        std::os::unix::fs::symlink(dir.path().join("elsewhere"), folder.join("link")).unwrap();
        assert!(open(&folder, &folder.join("link"), &[]).is_err());
    }

    #[tokio::test]
    async fn a_trace_writes_what_it_is_for_and_ends_in_time() {
        let dir = tempfile::tempdir().unwrap();
        let traces = Arc::new(Traces::new(dir.path().join("trace"), Clock::system()));
        assert!(!traces.is_on());
        let wish = Wish { level: Some(Level::INFO), ..Wish::default() };
        let row = traces.start(target("client", "c1"), wish).unwrap();
        assert!(traces.is_on() && traces.list().len() == 1);
        assert!(traces.start(target("client", "c1"), wish).is_err());
        let of = |client_id| Subject { client_id, ..Subject::default() };
        traces.tell(&of("c1"), Level::INFO, || "one".into());
        traces.tell(&of("c1"), Level::DEBUG, || panic!("nobody wants it"));
        traces.tell(&of("c2"), Level::INFO, || panic!("nobody wants it"));
        assert!(traces.stop(&target("client", "c1")) && !traces.stop(&target("client", "c1")));
        assert!(!traces.is_on());
        let text = ended(&row.file).await;
        assert!(text.contains(" [info] c1 one\n") && text.ends_with("trace ended: stopped\n"));

        let wish = Wish { life: Some(Duration::from_millis(1)), ..Wish::default() };
        let row = traces.start(target("topic", "t"), wish).unwrap();
        assert!(ended(&row.file).await.ends_with("its time is over\n"));
        let long = Wish { life: Some(LONGEST * 2), ..Wish::default() };
        assert!(traces.start(target("topic", "t"), long).is_err());
    }

    #[tokio::test]
    async fn a_full_file_ends_its_trace() {
        let dir = tempfile::tempdir().unwrap();
        let traces = Arc::new(Traces::new(dir.path().into(), Clock::system()));
        let row = traces.start(target("client", "c"), Wish::default()).unwrap();
        let long = "x".repeat(100_000);
        let subject = Subject { client_id: "c", ..Subject::default() };
        while traces.is_on() {
            traces.tell(&subject, Level::DEBUG, || long.clone());
            tokio::task::yield_now().await;
        }
        assert!(ended(&row.file).await.ends_with("the file is full\n"));
        assert!(fs::metadata(&row.file).unwrap().len() < BYTES + 100);
    }

    async fn ended(file: &Path) -> String {
        loop {
            let text = fs::read_to_string(file).unwrap();
            if text.contains("trace ended: ") {
                return text;
            }
            tokio::task::yield_now().await;
        }
    }
}
