//! The process around a node: arguments, configuration, log, limits, systemd, signals, start and stop.
//!
//! The order of a start: everything that can be refused is checked before anything is opened; systemd hears READY when the
//! listeners listen. Invariant: a reload that fails leaves everything as it was.

mod args;
mod exit;
mod huge_pages;
mod journal;
mod lab;
mod log;
mod rate_limit;
mod recent;
mod refusal;
mod restart;
mod settings;
mod signals;
mod systemd;

use std::fs::{DirBuilder, File, OpenOptions, Permissions};
use std::io::{self, Write as _};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use clap::Parser as _;
use nix::fcntl::{Flock, FlockArg, OFlag};
use nix::sys::resource::{Resource, getrlimit, setrlimit};

use crate::config::{Config, LogTo, keys};
use crate::ctl;
use crate::net::{supervise, sys};
use crate::node::control::{ControlSocket, Desk, Operator, Origins};
use crate::node::listener::settings::Listener;
use crate::node::rest::Api;
use crate::node::{Node, NodeParts, Renewed, sys_topics};
use args::{Args, Command};
use exit::Exit;
use huge_pages::Held;
use log::Log;
use refusal::Refusal;
use restart::Given;
use settings::Settings;
use signals::{Asked, Signals};

/// The configuration of a daemon that was told of none.
const USUAL_CONFIG: &str = "/etc/emqx-rs/emqx.conf";
/// Descriptors kept for files, links and the control socket.
const SPARE_DESCRIPTORS: usize = 512;
/// Turns of connections after which a worker that has more of them looks for news of sockets: with as much work in each as a turn
/// may be, they would wait long behind the 61 that are usual.
const POLLS: u32 = 16;

type Env = Vec<(String, String)>;

/// Runs the program.
#[must_use]
pub fn main() -> ExitCode {
    let args = match Args::try_parse() {
        Ok(args) => args,
        Err(error) => {
            drop(error.print());
            let code = if error.use_stderr() { Exit::Usage } else { Exit::Done };
            return code.into();
        }
    };
    match args.command {
        Some(Command::Lab { nodes }) => lab::run(nodes),
        None => daemon(&args),
    }
    .into()
}

/// Reads the configuration, then serves or only says what it found.
fn daemon(args: &Args) -> Exit {
    let held = huge_pages::hold();
    let env: Env = std::env::vars_os()
        .map(|(name, text)| (name.to_string_lossy().into(), text.to_string_lossy().into()))
        .collect();
    let usual = Path::new(USUAL_CONFIG);
    let file = args.config.clone().or_else(|| usual.exists().then(|| usual.to_owned()));
    let config = match Config::load(file.as_deref(), &env) {
        Ok(config) => config,
        Err(faults) if args.check_config => {
            complain(&faults);
            return Exit::Config;
        }
        Err(faults) => return Refusal::Config(&faults).tell(&env),
    };
    if args.check_config {
        config.notes.iter().filter(|note| note.warning).for_each(|note| complain(&note.text));
        for (id, reason) in config.listeners.iter().filter_map(Listener::closed) {
            complain(&format_args!("listener {id} stays closed: {reason}"));
        }
        return Exit::Done;
    }
    start(config, file, env, held)
}

fn complain(text: &dyn std::fmt::Display) {
    // Nobody reads stderr: nothing to do about it.
    drop(writeln!(io::stderr(), "{text}"));
}

/// Everything before the runtime.
fn start(mut config: Config, file: Option<PathBuf>, env: Env, held: Held) -> Exit {
    let given = match sys::inherited() {
        Ok(all) => Given::sort(all),
        Err(error) => {
            let error = anyhow::anyhow!("sockets from systemd: {error}");
            return Refusal::System(&error).tell(&env);
        }
    };
    let data = config.folders.data.clone();
    if let Err(error) = DirBuilder::new().recursive(true).mode(0o700).create(&data) {
        let error = anyhow::anyhow!("node.data_dir {}: {error}", data.display());
        return Refusal::System(&error).tell(&env);
    }
    if let Err(faults) = config.ensure_cookie() {
        return Refusal::Config(&faults).tell(&env);
    }
    let log = match Log::open(&config.log, &env) {
        Ok(log) => log,
        Err(error) => return Refusal::System(&error).tell(&env),
    };
    let unseen = matches!(config.log.to, LogTo::File);
    let journalled = log::reads_stderr(&env);
    std::panic::set_hook(Box::new(|panic| tracing::error!(name: "panic", %panic, "panic")));
    config.notes.iter().for_each(settings::say);
    guard_memory();
    let room = descriptors();
    let most = room.min(config.node.max_connections.unwrap_or(usize::MAX));
    config.effective.cap_connections(room, most);
    config.node.max_connections = Some(most);
    let mut runtime = tokio::runtime::Builder::new_multi_thread();
    let runtime = runtime.enable_all().event_interval(POLLS).build();
    match runtime.map_err(anyhow::Error::from).and_then(|runtime| {
        let process = Process { config, file, env, log, held };
        let result = runtime.block_on(serve(process, given));
        runtime.shutdown_timeout(Duration::from_millis(200));
        result
    }) {
        Ok(()) => Exit::Done,
        Err(error) => {
            let refusal = Refusal::System(&error);
            refusal.log();
            if unseen {
                refusal.print(journalled);
            }
            refusal.exit()
        }
    }
}

/// No core dump of ours shows the cookie, and no other process of this user may read our memory.
fn guard_memory() {
    let guarded =
        nix::sys::prctl::set_dumpable(false).and_then(|()| setrlimit(Resource::RLIMIT_CORE, 0, 0));
    if let Err(error) = guarded {
        tracing::debug!(%error, "core dumps not switched off");
    }
}

/// Raises the limit of open files as far as it goes; gives the connections it leaves room for.
fn descriptors() -> usize {
    let Ok((soft, hard)) = getrlimit(Resource::RLIMIT_NOFILE) else { return usize::MAX };
    let now = if soft < hard && setrlimit(Resource::RLIMIT_NOFILE, hard, hard).is_ok() {
        hard
    } else {
        soft
    };
    let now = usize::try_from(now).unwrap_or(usize::MAX);
    // A limit that leaves nothing over still lets half of it in.
    now.checked_sub(SPARE_DESCRIPTORS).filter(|left| *left > 0).unwrap_or(now / 2).max(1)
}

/// What a process is made of.
struct Process {
    config: Config,
    file: Option<PathBuf>,
    env: Env,
    log: Log,
    held: Held,
}

/// Reads the configuration again. What was read at the start is what a restart would change.
struct Reloader {
    node: Arc<Node>,
    settings: Settings,
    process: Process,
}

impl Reloader {
    fn read_again(&self) -> Result<ctl::Reloaded, String> {
        let Process { config: _, file, env, log, held: _ } = &self.process;
        let new = Config::load(file.as_deref(), env).map_err(|faults| {
            tracing::error!(name: "config-refused", %faults, "configuration not reloaded");
            faults.to_string()
        })?;
        self.node.reload_auth_http(new.auth_http.clone());
        self.node.reload_jwks(new.jwks.clone());
        self.node.reload_api(&new.api);
        self.node.reload(Renewed {
            zones: &new.zones,
            access: &new.access,
            retain: new.retain.clone(),
            mesh_tls: new.mesh_tls.clone(),
            listeners: &new.listeners,
        });
        log.set_level(new.log.level);
        log.reset_handlers();
        Ok(self.settings.renew(new))
    }
}

impl Operator for Reloader {
    fn reload(&self) -> Result<ctl::Reloaded, String> {
        systemd::reloading();
        let result = self.read_again();
        systemd::ready();
        result
    }

    fn settings(&self, prefix: &str) -> Result<Vec<ctl::Setting>, String> {
        let rows = self.settings.rows(prefix);
        if rows.is_empty() {
            return Err(format!("no key that has a value begins with that{}", keys::hint(prefix)));
        }
        Ok(rows)
    }

    fn reload_users(&self) -> Result<(), String> {
        let Process { file, env, .. } = &self.process;
        let new = Config::load(file.as_deref(), env).map_err(|faults| {
            tracing::error!(name: "config-refused", %faults, "users not reloaded");
            faults.to_string()
        })?;
        tracing::info!(users = new.access.users.len(), "users reloaded");
        self.node.reload_users(new.access.users);
        Ok(())
    }

    fn reload_certificates(&self) -> Result<(), String> {
        let Process { file, env, .. } = &self.process;
        let new = Config::load(file.as_deref(), env).map_err(|faults| {
            tracing::error!(name: "config-refused", %faults, "certificates not reloaded");
            faults.to_string()
        })?;
        self.node.renew_certificates(new.mesh_tls, &new.listeners);
        self.node.renew_api_tls(&new.api);
        Ok(())
    }

    fn log(&self) -> ctl::Log {
        let level = self.settings.log_level();
        let whole = log::level_named(level).unwrap_or_default();
        ctl::Log { level: level.into(), handlers: self.process.log.handlers(whole) }
    }

    fn change_log_handler(
        &self,
        id: &str,
        change: &ctl::HandlerChange,
    ) -> Result<&'static str, String> {
        let whole = log::level_named(self.settings.log_level()).unwrap_or_default();
        self.process.log.change(id, change, whole).map(log::level_name)
    }

    fn origins(&self) -> Origins {
        let config = &self.process.config;
        Origins {
            cluster_name: config.cluster_name_from.clone(),
            cookie: config.cookie_from.clone(),
            kdf: config.cluster.kdf,
            data: config.folders.data.clone(),
            users: config.users_file.clone(),
        }
    }

    fn recent(&self, who: &str) -> Vec<ctl::Happened> {
        self.process.log.recent(who)
    }

    fn set_log_level(&self, level: &str) -> Option<&'static str> {
        let level = log::level_named(level)?;
        self.process.log.set_level(level);
        self.settings.set_log_level(log::level_name(level));
        Some(log::level_name(level))
    }
}

/// Holds the data folder for this process, as long as the file is open.
fn lock_data(data: &Path) -> anyhow::Result<Flock<File>> {
    let path = data.join("lock");
    // Whoever may open it may hold the lock, and a link may lead to a file of others.
    let opened = OpenOptions::new()
        .create(true)
        .truncate(false)
        .write(true)
        .mode(0o600)
        .custom_flags(OFlag::O_NOFOLLOW.bits())
        .open(&path)
        .and_then(|file| file.set_permissions(Permissions::from_mode(0o600)).map(|()| file));
    let file = opened.with_context(|| format!("{}", path.display()))?;
    Flock::lock(file, FlockArg::LockExclusiveNonblock).map_err(|(_, _)| {
        anyhow::anyhow!(
            "{}: another node uses this folder; give each its own node.data_dir",
            path.display()
        )
    })
}

/// Of several nodes on one host the first has the socket of the host, the others have theirs beside their data.
fn bind_socket(path: PathBuf, data: &Path) -> io::Result<ControlSocket> {
    let beside = data.join(ctl::SOCKET_NAME);
    match ControlSocket::bind(&path) {
        Err(error) if error.kind() == io::ErrorKind::AddrInUse && path != beside => {
            let (path, at) = (path.display(), beside.display());
            tracing::info!(
                "another node has {path}: reach this one with emqx-rs-ctl --socket {at}"
            );
            ControlSocket::bind(&beside)
        }
        bound => bound,
    }
}

/// Starts the node, serves until told to stop, drains.
async fn serve(process: Process, mut given: Given) -> anyhow::Result<()> {
    let config = &process.config;
    let mut signals = Signals::catch()?;
    let name = config.cluster.node_name.clone();
    let drain_time = config.node.drain_time;
    let periods = sys_topics::Periods {
        interval: config.node.sys_interval,
        heartbeat: config.node.sys_heartbeat,
    };
    let socket = ctl::socket_of_node(&process.env, &config.folders.data);
    // Taken first: a second daemon with this data stops here.
    let _data = lock_data(&config.folders.data)?;
    let socket = bind_socket(socket, &config.folders.data)?;
    systemd::starting(config.cluster.join_wait);
    let node = Node::start(NodeParts {
        cluster: config.cluster.clone(),
        listeners: config.listeners.clone(),
        max_connections: config.node.max_connections.unwrap_or(usize::MAX),
        limits: config.node.limits.clone(),
        alarms: config.node.alarms.clone(),
        zones: config.zones.clone(),
        access: config.access.clone(),
        auth_http: config.auth_http.clone(),
        jwks: config.jwks.clone(),
        bridges: config.bridges.clone(),
        retain: config.retain.clone(),
        data_dir: config.folders.data.clone(),
        trace_dir: config.log.dir.join("trace"),
        mesh_tls: config.mesh_tls.clone(),
        inheritance: given.inheritance(),
        inherited: given.listeners,
    });
    // Boxed: used once, and large.
    let node = Arc::new(Box::pin(node).await?);
    huge_pages::follow_size(process.held);
    process.log.tells(node.hub().traces.clone());
    let gaps = process.log.clone().tell_of_gaps(node.hub().stats.clone());
    supervise::spawn_core("gaps in the log", gaps);
    let api = config.api.clone();
    let settings = Settings::new(&process.config);
    let reloader = Reloader { node: node.clone(), settings, process };
    let desk = Arc::new(Desk::new(node.clone(), name.clone(), Arc::new(reloader)));
    desk.open_to_others();
    Api::start(desk.clone(), api);
    let control = supervise::spawn_core("control socket", socket.run(desk.clone()));
    supervise::spawn_core("$SYS", sys_topics::run(node.clone(), name.to_string(), periods));
    let serving = systemd::serve(node.clone(), name.to_string());
    tracing::info!(name: "started", node = %name, version = env!("CARGO_PKG_VERSION"), "started");
    while signals.next().await == Asked::Reload {
        // What failed is in the log.
        drop(desk.reload().await);
    }
    tracing::info!("stopping");
    desk.stopping();
    drop(serving);
    if let Some(places) = restart::places().await
        && restart::hand_over(&node, places).await
    {
        control.abort();
        drop(control.await);
        return Ok(());
    }
    systemd::stopping(drain_time + Duration::from_secs(5));
    // A second request to stop does not wait for clients.
    tokio::select! {
        () = node.drain(drain_time) => {}
        () = second(&mut signals) => tracing::warn!("told to stop again, not waiting for clients"),
    }
    control.abort();
    // Its file goes with it.
    drop(control.await);
    tracing::info!("stopped");
    Ok(())
}

async fn second(signals: &mut Signals) {
    while signals.next().await == Asked::Reload {}
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn the_lock_is_for_this_user_and_no_link() {
        let dir = tempfile::tempdir().unwrap();
        let (lock, other) = (dir.path().join("lock"), dir.path().join("other"));
        // As releases before left it.
        std::fs::write(&lock, "").unwrap();
        std::fs::set_permissions(&lock, Permissions::from_mode(0o644)).unwrap();
        let held = lock_data(dir.path()).unwrap();
        assert_eq!(std::fs::metadata(&lock).unwrap().permissions().mode() & 0o777, 0o600);
        let twice = lock_data(dir.path()).unwrap_err().to_string();
        assert!(twice.contains("another node uses this folder"), "{twice}");
        drop(held);
        std::fs::remove_file(&lock).unwrap();
        std::fs::write(&other, "kept").unwrap();
        symlink(&other, &lock).unwrap();
        assert!(lock_data(dir.path()).is_err());
        assert_eq!(std::fs::read_to_string(&other).unwrap(), "kept");
    }
}
