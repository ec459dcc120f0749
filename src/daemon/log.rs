//! Where log lines go: journald with fields when systemd reads our stderr, else stderr, and files if asked for.
//!
//! The level can change while the process runs ([`Log::set_level`]), and each place can be stopped or have a level of its own
//! ([`Log::change`]) until the configuration is read again.

use std::fs::{self, File, OpenOptions, Permissions};
use std::io::{self, IsTerminal, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use tracing_subscriber::filter::FilterExt;
use tracing_subscriber::filter::LevelFilter;
use tracing_subscriber::layer::{Layer, SubscriberExt};
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{Registry, fmt, reload};

use super::journal::{Journal, Lost};
use super::rate_limit::{RateLimit, WINDOW};
use super::recent::{OfClients, Recent};
use crate::broker::stats::{Metric, Stats};
use crate::config::{LogLevel, LogSettings, LogTo};
use crate::ctl::{HandlerChange, Happened, LogHandler, render::shown};
use crate::net::clock::Clock;
use crate::node::traces::Traces;

/// Of log files.
const LOG_MODE: u32 = 0o640;

type Sink = Box<dyn Layer<Registry> + Send + Sync>;

/// The log of this process.
#[derive(Clone)]
pub(super) struct Log {
    level: reload::Handle<LevelFilter, Registry>,
    limit: RateLimit,
    recent: Recent,
    lost: Lost,
    handlers: Arc<Vec<Handler>>,
}

/// A place that the log goes to.
struct Handler {
    id: &'static str,
    destination: String,
    filter: reload::Handle<LevelFilter, Registry>,
    now: Mutex<State>,
}

/// How a place stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct State {
    stopped: bool,
    /// What it has by itself, beside the level of the whole log.
    level: Option<LogLevel>,
}

impl State {
    fn filter(self) -> LevelFilter {
        match self {
            Self { stopped: true, .. } => LevelFilter::OFF,
            Self { level: Some(level), .. } => filter(level),
            Self { level: None, .. } => LevelFilter::TRACE,
        }
    }

    /// What is written there when `whole` is the level of the whole log.
    fn level(self, whole: LogLevel) -> LogLevel {
        self.level.map_or(whole, |own| own.min(whole))
    }
}

impl Handler {
    /// `sink` with a filter of its own.
    fn new(id: &'static str, destination: String, sink: Sink) -> (Self, Sink) {
        let (layer, handle) = reload::Layer::new(State::default().filter());
        let now = Mutex::default();
        (Self { id, destination, filter: handle, now }, Box::new(sink.with_filter(layer)))
    }

    fn state(&self) -> State {
        *self.now.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn set(&self, state: State) {
        *self.now.lock().unwrap_or_else(PoisonError::into_inner) = state;
        // The subscriber lives as long as the process.
        let _ = self.filter.reload(state.filter());
    }
}

impl Log {
    /// Opens the log for the whole process. Called once.
    ///
    /// # Errors
    /// The log file cannot be opened, or there is a log already.
    pub(super) fn open(settings: &LogSettings, env: &[(String, String)]) -> anyhow::Result<Self> {
        let (filter, level) = reload::Layer::new(filter(settings.level));
        let mut sinks: Vec<Sink> = Vec::new();
        let mut handlers = Vec::new();
        let mut add = |id, destination: String, sink: Sink| {
            let (handler, sink) = Handler::new(id, destination, sink);
            handlers.push(handler);
            sinks.push(sink);
        };
        let journal = reads_stderr(env);
        let lost = Lost::default();
        match settings.to {
            LogTo::Journald => match journal.then(|| Journal::open(lost.clone())).transpose() {
                Ok(Some(sink)) => add("journald", "journald".into(), Box::new(sink)),
                Ok(None) | Err(_) => add("console", "stderr".into(), stderr(settings, journal)),
            },
            LogTo::Console | LogTo::Both => {
                add("console", "stderr".into(), stderr(settings, journal));
            }
            LogTo::File => {}
        }
        if matches!(settings.to, LogTo::File | LogTo::Both) {
            let path = settings.dir.join(&settings.file).display().to_string();
            add("file", path, files(settings)?);
        }
        let limit = RateLimit::new(Clock::system());
        let recent = Recent::new(Clock::system());
        tracing_subscriber::registry()
            .with(sinks.with_filter(filter.and(limit.clone())))
            .with(recent.clone().with_filter(OfClients))
            .try_init()?;
        Ok(Self { level, limit, recent, lost, handlers: Arc::new(handlers) })
    }

    /// What happened lately to a client or at an address.
    pub(super) fn recent(&self, who: &str) -> Vec<Happened> {
        self.recent.about(who)
    }

    /// From now on traces are told what is for them.
    pub(super) fn tells(&self, traces: Arc<Traces>) {
        self.recent.tells(traces);
    }

    /// Where it goes, when `whole` is its level.
    pub(super) fn handlers(&self, whole: LogLevel) -> Vec<LogHandler> {
        let row = |one: &Handler| LogHandler {
            id: one.id.into(),
            destination: one.destination.clone(),
            level: level_name(one.state().level(whole)).into(),
            started: !one.state().stopped,
        };
        self.handlers.iter().map(row).collect()
    }

    /// Starts or stops a place, or gives it a level of its own; gives the level there when `whole` is that of the whole log.
    ///
    /// # Errors
    /// There is no such place, or no such level.
    pub(super) fn change(
        &self,
        id: &str,
        change: &HandlerChange,
        whole: LogLevel,
    ) -> Result<LogLevel, String> {
        let Some(one) = self.handlers.iter().find(|one| one.id == id) else {
            let known: Vec<_> = self.handlers.iter().map(|one| one.id).collect();
            let (id, known) = (shown(id), known.join(", "));
            return Err(format!("the log has no handler {id}; it has: {known}"));
        };
        let mut state = one.state();
        match change {
            HandlerChange::Start => state.stopped = false,
            HandlerChange::Stop => state.stopped = true,
            HandlerChange::Level(text) => match level_named(text) {
                Some(level) => state.level = Some(level),
                None => {
                    let text = shown(text);
                    return Err(format!("{text}: expected error, warning, info or debug"));
                }
            },
        }
        if state.stopped {
            tracing::warn!(
                handler = id,
                "the log is not written there any more: an operator stopped it"
            );
        }
        one.set(state);
        Ok(state.level(whole))
    }

    /// All places write as the configuration says.
    pub(super) fn reset_handlers(&self) {
        self.handlers.iter().for_each(|one| one.set(State::default()));
    }

    /// Counts and tells now and then what was left out of the log, and what journald did not take.
    pub(super) async fn tell_of_gaps(self, stats: Arc<Stats>) {
        let mut tick = tokio::time::interval(WINDOW);
        let (mut counted, mut told) = (0, 0);
        loop {
            tick.tick().await;
            self.limit.tell();
            let lines = self.lost.lines();
            stats.add(Metric::LogLost, lines - counted);
            counted = lines;
            let more = lines - told;
            let tell = || tracing::warn!(name: "lines-lost", lines = more, "log lines were lost: journald did not take them");
            if more > 0 && self.lost.tell(tell) {
                told = lines;
            }
        }
    }

    /// Changes the least severity that is written.
    pub(super) fn set_level(&self, level: LogLevel) {
        // The subscriber lives as long as the process.
        let _ = self.level.reload(filter(level));
    }
}

/// The level that `text` names, as `log.level` does.
#[must_use]
pub(super) fn level_named(text: &str) -> Option<LogLevel> {
    match text {
        "error" | "critical" | "alert" | "emergency" => Some(LogLevel::Error),
        "warning" | "warn" => Some(LogLevel::Warning),
        "info" | "notice" => Some(LogLevel::Info),
        "debug" | "all" => Some(LogLevel::Debug),
        _ => None,
    }
}

/// The word for a level.
#[must_use]
pub(super) const fn level_name(level: LogLevel) -> &'static str {
    match level {
        LogLevel::Error => "error",
        LogLevel::Warning => "warning",
        LogLevel::Info => "info",
        LogLevel::Debug => "debug",
    }
}

/// That of an event.
#[must_use]
pub(super) const fn level_of(level: tracing::Level) -> LogLevel {
    match level {
        tracing::Level::ERROR => LogLevel::Error,
        tracing::Level::WARN => LogLevel::Warning,
        tracing::Level::INFO => LogLevel::Info,
        tracing::Level::DEBUG | tracing::Level::TRACE => LogLevel::Debug,
    }
}

const fn filter(level: LogLevel) -> LevelFilter {
    match level {
        LogLevel::Error => LevelFilter::ERROR,
        LogLevel::Warning => LevelFilter::WARN,
        LogLevel::Info => LevelFilter::INFO,
        LogLevel::Debug => LevelFilter::DEBUG,
    }
}

/// journald reads our stderr: `JOURNAL_STREAM` names its device and inode. A shell below a service inherits the variable,
/// but not the stream.
pub(super) fn reads_stderr(env: &[(String, String)]) -> bool {
    let named = env.iter().find(|(name, _)| name == "JOURNAL_STREAM").map(|(_, text)| text);
    let Some((device, inode)) = named.and_then(|text| text.split_once(':')) else { return false };
    let stat = nix::sys::stat::fstat(io::stderr());
    stat.is_ok_and(|stat| stat.st_dev.to_string() == device && stat.st_ino.to_string() == inode)
}

/// Lines on stderr. journald adds the time itself, a terminal has colours.
fn stderr(settings: &LogSettings, journal: bool) -> Sink {
    let json = settings.json;
    let layer = fmt::layer().with_writer(io::stderr).with_target(false);
    let layer = layer.with_ansi(!json && !journal && io::stderr().is_terminal());
    match (json, journal) {
        (true, _) => Box::new(layer.json()),
        (false, true) => Box::new(layer.without_time()),
        (false, false) => Box::new(layer),
    }
}

fn files(settings: &LogSettings) -> anyhow::Result<Sink> {
    let rotated = Rotated::open(settings)?;
    let rotated = Arc::new(Mutex::new(rotated));
    let layer = fmt::layer().with_ansi(false).with_target(false);
    let layer = layer.with_writer(move || Line(Arc::clone(&rotated)));
    Ok(if settings.json { Box::new(layer.json()) } else { Box::new(layer) })
}

/// A log file that begins anew when it is full.
struct Rotated {
    path: PathBuf,
    file: File,
    written: u64,
    full: Option<u64>,
    kept: u32,
}

impl Rotated {
    fn open(settings: &LogSettings) -> anyhow::Result<Self> {
        let path = settings.dir.join(&settings.file);
        let named = |error: io::Error| anyhow::anyhow!("log {}: {error}", path.display());
        fs::create_dir_all(&settings.dir).map_err(named)?;
        let file = append(&path).map_err(named)?;
        let written = file.metadata().map_err(named)?.len();
        let full =
            settings.rotation.then(|| u64::try_from(settings.rotation_size).unwrap_or(u64::MAX));
        Ok(Self { path, file, written, full, kept: settings.rotation_count })
    }

    fn numbered(&self, number: u32) -> PathBuf {
        let mut name = self.path.clone().into_os_string();
        name.push(format!(".{number}"));
        name.into()
    }

    /// `.1` becomes `.2` and so on, the current file becomes `.1`; what is past the last is gone.
    fn turn(&mut self) -> io::Result<()> {
        for number in (1..self.kept).rev() {
            // The older ones need not exist.
            drop(fs::rename(self.numbered(number), self.numbered(number + 1)));
        }
        if self.kept > 0 {
            fs::rename(&self.path, self.numbered(1))?;
        } else {
            fs::remove_file(&self.path)?;
        }
        self.file = append(&self.path)?;
        self.written = 0;
        Ok(())
    }
}

/// A file that was not there is for the group to read, whatever mask the unit has; one that was keeps its mode.
fn append(path: &PathBuf) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.append(true).mode(LOG_MODE);
    match options.clone().create_new(true).open(path) {
        Ok(file) => {
            file.set_permissions(Permissions::from_mode(LOG_MODE))?;
            Ok(file)
        }
        // It may be a link to what is not there yet.
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            options.create(true).open(path)
        }
        Err(error) => Err(error),
    }
}

/// Writes one line; the subscriber hands over whole lines.
struct Line(Arc<Mutex<Rotated>>);

impl Write for Line {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        let mut rotated = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let size = u64::try_from(line.len()).unwrap_or(u64::MAX);
        if rotated.full.is_some_and(|full| rotated.written > 0 && rotated.written + size > full) {
            rotated.turn()?;
        }
        rotated.file.write_all(line)?;
        rotated.written += size;
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_file_begins_anew_and_the_oldest_goes() {
        let dir = tempfile::tempdir().unwrap();
        let settings = LogSettings {
            to: LogTo::File,
            dir: dir.path().join("log"),
            rotation_size: 10,
            rotation_count: 2,
            ..Default::default()
        };
        let mut line = Line(Arc::new(Mutex::new(Rotated::open(&settings).unwrap())));
        for text in ["one 6\n", "two 6\n", "three8\n", "four 7\n"] {
            assert_eq!(line.write(text.as_bytes()).unwrap(), text.len());
        }
        let read = |name: &str| fs::read_to_string(settings.dir.join(name)).ok();
        assert_eq!(read("emqx.log").as_deref(), Some("four 7\n"));
        assert_eq!(read("emqx.log.1").as_deref(), Some("three8\n"));
        assert_eq!(read("emqx.log.2").as_deref(), Some("two 6\n"));
        assert_eq!(read("emqx.log.3"), None);
        let mode = |name: &str| fs::metadata(settings.dir.join(name)).unwrap().permissions().mode();
        assert_eq!((mode("emqx.log") & 0o777, mode("emqx.log.2") & 0o777), (0o640, 0o640));
    }

    #[test]
    fn only_our_own_stderr_is_the_journal() {
        let env = |text: &str| vec![("JOURNAL_STREAM".to_owned(), text.to_owned())];
        let stat = nix::sys::stat::fstat(io::stderr()).unwrap();
        assert!(reads_stderr(&env(&format!("{}:{}", stat.st_dev, stat.st_ino))));
        assert!(!reads_stderr(&env(&format!("{}:{}", stat.st_dev, stat.st_ino + 1))));
        assert!(!reads_stderr(&env("nonsense")) && !reads_stderr(&[]));
    }

    #[test]
    fn a_place_writes_no_more_than_the_whole_log() {
        use LogLevel::{Debug, Error, Info};
        let own = |level| State { stopped: false, level };
        for (state, whole, want) in [
            (own(None), Info, Info),
            (own(Some(Error)), Info, Error),
            (own(Some(Debug)), Info, Info),
            (own(Some(Debug)), Debug, Debug),
        ] {
            assert_eq!(state.level(whole), want, "{state:?}");
        }
        assert_eq!(State { stopped: true, level: None }.filter(), LevelFilter::OFF);
    }

    #[test]
    fn level_names_come_back() {
        for level in [LogLevel::Error, LogLevel::Warning, LogLevel::Info, LogLevel::Debug] {
            assert_eq!(level_named(level_name(level)), Some(level));
        }
        assert_eq!(level_named("loud"), None);
    }
}
