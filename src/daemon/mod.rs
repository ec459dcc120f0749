//! From the command line to a running node and back: configuration, log, node, systemd, signals.

pub mod args;
pub mod exit;
mod lab;
pub mod log;
pub mod signals;
pub mod systemd;

use std::{
    path::{Path, PathBuf},
    process::ExitCode,
    sync::{Arc, Mutex},
    time::Duration,
};

use clap::Parser;

use crate::{
    config::{Config, settings_that_need_restart},
    ctl,
    net::supervise,
    node::{
        Node, NodeParts,
        control::{Control, Operator},
        sys_topics,
    },
};
use args::{Args, Command};
use exit::Exit;
use log::{Log, level_name, level_named};
use signals::{Asked, Signals};

const DEFAULT_CONFIG: &str = "/etc/emqx-rs/emqx.conf";

/// Runs the daemon; the value is the exit code of the process.
#[must_use]
pub fn main() -> ExitCode {
    let args = match Args::try_parse() {
        Ok(args) => args,
        Err(error) => {
            let usage = error.use_stderr();
            let _ = error.print();
            return if usage { Exit::Usage.into() } else { Exit::Done.into() };
        }
    };
    if let Some(Command::Lab { nodes }) = args.command {
        return lab::run(usize::from(nodes));
    }
    let env: Vec<(String, String)> = std::env::vars().collect();
    let file = args.config.clone().or_else(|| {
        let default = PathBuf::from(DEFAULT_CONFIG);
        default.is_file().then_some(default)
    });
    let config = match Config::load(file.as_deref(), &env) {
        Ok(config) => config,
        Err(faults) => {
            complain(&faults.to_string());
            return Exit::Config.into();
        }
    };
    if args.check_config {
        for note in config.notes.iter().filter(|note| note.warning) {
            complain(&format!("warning: {}", note.text));
        }
        return Exit::Done.into();
    }
    serve(config, file, &env).into()
}

#[expect(
    clippy::print_stderr,
    reason = "faults of the configuration are for whoever started the daemon"
)]
fn complain(text: &str) {
    eprintln!("{text}");
}

fn serve(mut config: Config, file: Option<PathBuf>, env: &[(String, String)]) -> Exit {
    if let Err(error) = make_data_dir(&config.folders.data) {
        complain(&format!("{}: {error} (node.data_dir)", config.folders.data.display()));
        return Exit::Failed;
    }
    if let Err(faults) = config.ensure_cookie() {
        complain(&faults.to_string());
        return Exit::Config;
    }
    let log = match Log::open(&config.log, env) {
        Ok(log) => log,
        Err(error) => {
            complain(&format!("log: {error:#}"));
            return Exit::Failed;
        }
    };
    raise_file_limit();
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(threads)
        .thread_name("worker")
        .enable_all()
        .build();
    match runtime {
        Ok(runtime) => runtime.block_on(run(config, file, env.to_vec(), log)),
        Err(error) => {
            tracing::error!(%error, "no runtime");
            Exit::Failed
        }
    }
}

fn make_data_dir(path: &Path) -> std::io::Result<()> {
    use std::os::unix::fs::DirBuilderExt;
    std::fs::DirBuilder::new().recursive(true).mode(0o700).create(path)
}

/// As many descriptors as the system lets us have: one a client.
fn raise_file_limit() {
    use nix::sys::resource::{Resource, getrlimit, setrlimit};
    if let Ok((soft, hard)) = getrlimit(Resource::RLIMIT_NOFILE) {
        if soft < hard {
            if let Err(error) = setrlimit(Resource::RLIMIT_NOFILE, hard, hard) {
                tracing::warn!(%error, soft, "limit of open files not raised");
            }
        }
    }
}

async fn run(config: Config, file: Option<PathBuf>, env: Vec<(String, String)>, log: Log) -> Exit {
    for note in &config.notes {
        if note.warning {
            tracing::warn!("{}", note.text);
        } else {
            tracing::info!("{}", note.text);
        }
    }
    let mut signals = match Signals::catch() {
        Ok(signals) => signals,
        Err(error) => {
            tracing::error!(%error, "signals");
            return Exit::Failed;
        }
    };
    let parts = NodeParts {
        cluster: config.cluster.clone(),
        listeners: config.listeners.clone(),
        zones: config.zones.clone(),
        access: config.access.clone(),
        retain: config.retain.clone(),
        data_dir: config.folders.data.clone(),
    };
    let node = match Node::start(parts).await {
        Ok(node) => Arc::new(node),
        Err(error) => {
            tracing::error!("{error}");
            return Exit::Failed;
        }
    };
    let name = config.cluster.node_name.as_str().to_owned();
    let socket = ctl::socket_of_node(&env, &config.folders.data);
    let drain = config.node.drain_time;
    let sys = sys_topics::Periods {
        interval: config.node.sys_interval,
        heartbeat: config.node.sys_heartbeat,
    };
    supervise::spawn("$SYS topics", sys_topics::run(node.clone(), name.clone(), sys));
    let keeper =
        Arc::new(Keeper { node: node.clone(), config: Mutex::new(config), file, env, log });
    let control = Control { node: node.clone(), name: name.clone(), operator: keeper.clone() };
    match control.listen(&socket) {
        Ok(server) => drop(supervise::spawn("control socket", server)),
        Err(error) => tracing::error!(path = %socket.display(), %error, "no control socket"),
    }
    watch(&node);
    tracing::info!(node = name, version = env!("CARGO_PKG_VERSION"), "started");
    systemd::ready(&format!("{name} serves"));
    loop {
        match signals.next().await {
            Asked::Stop => break,
            Asked::Reload => {
                systemd::reloading();
                // Both outcomes are in the log already.
                let _ = keeper.reload();
                systemd::ready(&format!("{name} serves"));
            }
        }
    }
    tracing::info!("stopping: draining connections");
    systemd::stopping(drain + Duration::from_secs(5));
    node.drain(drain).await;
    let _ = std::fs::remove_file(&socket);
    tracing::info!("stopped");
    Exit::Done
}

/// Tells systemd that we live, as long as the mesh answers.
fn watch(node: &Arc<Node>) {
    let Some(period) = systemd::watchdog_period() else { return };
    let node = node.clone();
    supervise::spawn("watchdog", async move {
        loop {
            let answer = tokio::time::timeout(Duration::from_secs(10), node.mesh().status()).await;
            if answer.is_ok_and(|status| status.is_some()) {
                systemd::alive();
            }
            tokio::time::sleep(period).await;
        }
    });
}

/// Keeps the configuration in force and swaps it.
struct Keeper {
    node: Arc<Node>,
    config: Mutex<Config>,
    file: Option<PathBuf>,
    env: Vec<(String, String)>,
    log: Log,
}

impl Operator for Keeper {
    fn reload(&self) -> Result<Vec<String>, String> {
        let new = Config::load(self.file.as_deref(), &self.env).map_err(|faults| {
            tracing::error!("configuration not reloaded, nothing changed:\n{faults}");
            faults.to_string()
        })?;
        let mut old = self.config.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let restart = settings_that_need_restart(&old, &new);
        self.log.set_level(new.log.level);
        self.node.reload(&new.zones, &new.access, new.retain.clone());
        tracing::info!(needs_restart = restart.join(" "), "configuration reloaded");
        *old = new;
        Ok(restart)
    }

    fn set_log_level(&self, level: &str) -> Result<String, String> {
        let level = level_named(level)
            .ok_or_else(|| format!("{level}: expected error, warning, info or debug"))?;
        self.log.set_level(level);
        Ok(level_name(level).to_owned())
    }
}
