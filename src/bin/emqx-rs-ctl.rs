//! `emqx-rs-ctl`: arguments to a request, over the socket of the node, the answer as text or JSON.

use std::ffi::OsString;
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use clap::{Parser, Subcommand};
use emqx_rs::ctl::{self, Reply, Request, cookie, render};

/// How long one step of an answer may take; `cluster join` is the slowest.
const WAIT: Duration = Duration::from_secs(30);

/// Controls the emqx-rs node of this host
#[derive(Parser)]
#[command(name = "emqx-rs-ctl", version, disable_help_subcommand = false)]
struct Args {
    /// Socket of the node
    #[arg(long, global = true, value_name = "PATH")]
    socket: Option<PathBuf>,
    /// Print JSON
    #[arg(long, global = true)]
    json: bool,
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Name, version and state of the node
    Status,
    /// Version, uptime and time; or its gauges, or its counters
    Broker {
        #[command(subcommand)]
        what: Option<Numbers>,
    },
    /// The cluster: who is in it, join, leave
    #[command(subcommand)]
    Cluster(ClusterCommand),
    /// Clients of this node
    #[command(subcommand)]
    Clients(ClientsCommand),
    /// Route table: which node has subscribers of which topic
    #[command(subcommand, alias = "routes")]
    Topics(TopicsCommand),
    /// Subscriptions of this node's clients
    #[command(subcommand)]
    Subscriptions(SubscriptionsCommand),
    /// What is open for clients
    Listeners,
    /// Gauges, as `broker stats`
    Stats,
    /// Counters, as `broker metrics`
    Metrics,
    /// The secret of the cluster, in its file
    Cookie {
        /// The file, if it is not where the package or the node puts it
        #[arg(long, value_name = "PATH", global = true)]
        file: Option<PathBuf>,
        #[command(subcommand)]
        command: CookieCommand,
    },
    /// The configuration
    #[command(subcommand)]
    Conf(ConfCommand),
    /// The log
    #[command(subcommand)]
    Log(LogCommand),
    /// A command of EMQX, or a mistake.
    #[command(external_subcommand)]
    Other(Vec<OsString>),
}

/// Commands of EMQX 4.4 and 5 that this one has not, and why.
const NOT_HERE: &[(&[&str], &str)] = &[
    (
        &["vm", "recon", "observer", "mnesia", "node_dump", "pem_cache", "olp", "gc"],
        "is about the Erlang machine, and there is none; see broker stats and systemctl status emqx-rs",
    ),
    (
        &["start", "stop", "restart", "console", "foreground"],
        "is systemd's: systemctl ACTION emqx-rs",
    ),
    (&["plugins", "modules"], "has no use: there are no plugins, everything is built in"),
    (
        &["rules", "resources", "rule-actions", "bridges", "exhook", "luahook", "data", "ds"],
        "is not part of this program, which only brings messages from publishers to subscribers",
    ),
    (
        &["license", "telemetry", "audit", "sasl"],
        "has no use: nothing is licensed, and nothing calls home",
    ),
    (&["admins", "mgmt"], "has no use: there is no dashboard and no HTTP interface"),
    (&["retainer"], "is not built in this version; publish an empty retained message to clear one"),
    (
        &["acl", "authz", "users", "user", "clientid", "banned"],
        "is not built in this version; users and rules stand in emqx.conf and acl.conf, then conf reload",
    ),
    (&["trace", "traces"], "is not built in this version; see log set-level debug"),
    (&["eviction", "rebalance", "exclusive", "routes_cleanup"], "is not built in this version"),
];

/// What is to be said about a command that is not ours; none when nobody has it.
fn not_here(name: &str) -> Option<String> {
    let (_, why) = NOT_HERE.iter().find(|(names, _)| names.contains(&name))?;
    Some(format!("{name} {why}"))
}

#[derive(Clone, Copy, Subcommand)]
enum Numbers {
    /// Gauges
    Stats,
    /// Counters
    Metrics,
}

#[derive(Subcommand)]
enum ClusterCommand {
    /// Running and stopped nodes
    Status,
    /// Nodes that discovery by multicast hears, and what it makes of them
    Discover,
    /// Join the cluster of a node
    Join {
        /// name@host; a name alone is on this host
        node: String,
    },
    /// Leave the cluster and stay alone
    Leave,
    /// Take a member out that does not come back
    ForceLeave {
        /// name@host; a name alone is on this host
        node: String,
    },
}

#[derive(Subcommand)]
enum ClientsCommand {
    /// All clients
    List,
    /// One client
    Show {
        /// Client identifier
        client_id: String,
    },
    /// Disconnect a client and end its session
    Kick {
        /// Client identifier
        client_id: String,
    },
}

#[derive(Subcommand)]
enum TopicsCommand {
    /// All routes
    List,
    /// Routes of one topic filter
    Show {
        /// Topic filter
        topic: String,
    },
}

#[derive(Subcommand)]
enum SubscriptionsCommand {
    /// All subscriptions
    List,
    /// Those of one client
    Show {
        /// Client identifier
        client_id: String,
    },
}

#[derive(Clone, Copy, Subcommand)]
enum CookieCommand {
    /// Print the cookie
    Show,
    /// Take the cookie from standard input
    Set,
    /// Make a new one
    New,
}

#[derive(Subcommand)]
enum ConfCommand {
    /// Read the configuration again; a bad one changes nothing
    Reload,
}

#[derive(Subcommand)]
enum LogCommand {
    /// Set the least severity that is logged
    SetLevel {
        /// error, warning, info or debug
        level: String,
    },
}

fn main() -> ExitCode {
    let args = match Args::try_parse() {
        Ok(args) => args,
        Err(error) => {
            let usage = error.use_stderr();
            drop(error.print());
            return if usage { ExitCode::from(2) } else { ExitCode::SUCCESS };
        }
    };
    if let Command::Other(words) = &args.command {
        return other(words);
    }
    match run(args) {
        Ok(code) => code,
        Err(error) => {
            complain(&error.to_string());
            ExitCode::from(1)
        }
    }
}

/// Explains a command that EMQX has and we have not (exit 1), or tells that there is none (exit 2).
fn other(words: &[OsString]) -> ExitCode {
    let name = words.first().map(|word| word.to_string_lossy()).unwrap_or_default();
    let Some(text) = not_here(&name) else {
        let name = render::shown(&name);
        complain(&format!("no command '{name}'; emqx-rs-ctl --help lists them all"));
        return ExitCode::from(2);
    };
    complain(&text);
    ExitCode::from(1)
}

fn run(args: Args) -> anyhow::Result<ExitCode> {
    let json = args.json;
    let Some(request) = request(&args.command) else {
        if let Command::Cookie { file, command } = args.command {
            return cookie_command(file, command, json);
        }
        return Ok(ExitCode::from(2));
    };
    let socket = args.socket.unwrap_or_else(find_socket);
    let reply = ctl::ask::ask(&socket, &request, WAIT)?;
    let failed = matches!(reply, Reply::Failed(_) | Reply::NotFound);
    if json {
        say(&format!("{:#}\n", render::json(&reply)))?;
    } else if failed {
        complain(render::text(&reply).trim_end());
    } else {
        say(&render::text(&reply))?;
    }
    Ok(ExitCode::from(u8::from(failed)))
}

/// The request a command stands for; none when it needs no node.
fn request(command: &Command) -> Option<Request> {
    Some(match command {
        Command::Status => Request::Status,
        Command::Broker { what: None } => Request::Broker,
        Command::Broker { what: Some(Numbers::Stats) } | Command::Stats => Request::Stats,
        Command::Broker { what: Some(Numbers::Metrics) } | Command::Metrics => Request::Metrics,
        Command::Cluster(ClusterCommand::Status) => Request::ClusterStatus,
        Command::Cluster(ClusterCommand::Join { node }) => {
            Request::ClusterJoin { node: node.clone() }
        }
        Command::Cluster(ClusterCommand::Discover) => Request::ClusterDiscover,
        Command::Cluster(ClusterCommand::Leave) => Request::ClusterLeave,
        Command::Cluster(ClusterCommand::ForceLeave { node }) => {
            Request::ClusterForceLeave { node: node.clone() }
        }
        Command::Clients(ClientsCommand::List) => Request::Clients { client_id: None },
        Command::Clients(ClientsCommand::Show { client_id }) => {
            Request::Clients { client_id: Some(client_id.clone()) }
        }
        Command::Clients(ClientsCommand::Kick { client_id }) => {
            Request::ClientsKick { client_id: client_id.clone() }
        }
        Command::Topics(TopicsCommand::List) => Request::Routes { topic: None },
        Command::Topics(TopicsCommand::Show { topic }) => {
            Request::Routes { topic: Some(topic.clone()) }
        }
        Command::Subscriptions(SubscriptionsCommand::List) => {
            Request::Subscriptions { client_id: None }
        }
        Command::Subscriptions(SubscriptionsCommand::Show { client_id }) => {
            Request::Subscriptions { client_id: Some(client_id.clone()) }
        }
        Command::Listeners => Request::Listeners,
        Command::Conf(ConfCommand::Reload) => Request::ConfReload,
        Command::Log(LogCommand::SetLevel { level }) => {
            Request::LogSetLevel { level: level.clone() }
        }
        Command::Cookie { .. } | Command::Other(_) => return None,
    })
}

fn cookie_command(
    file: Option<PathBuf>,
    command: CookieCommand,
    json: bool,
) -> anyhow::Result<ExitCode> {
    let home = std::env::var_os("HOME").map(|home| Path::new(&home).join(".local/state/emqx-rs"));
    let data: Vec<_> = home.into_iter().chain([PathBuf::from("/var/lib/emqx-rs")]).collect();
    let path = file.unwrap_or_else(|| cookie::file(&data));
    let named = |error: io::Error| anyhow::anyhow!("{}: {error}", path.display());
    match command {
        CookieCommand::Show => {
            let text = cookie::show(&path).map_err(named)?;
            let value = serde_json::json!({ "cookie": *text, "file": path });
            say(&if json { format!("{value:#}\n") } else { format!("{}\n", *text) })?;
        }
        CookieCommand::Set => {
            let mut text = zeroize::Zeroizing::new(String::new());
            io::stdin().take(4096).read_to_string(&mut text)?;
            cookie::set(&path, &text).map_err(named)?;
            changed(&path, &text, json)?;
        }
        CookieCommand::New => {
            let text = cookie::new()?;
            cookie::set(&path, &text).map_err(named)?;
            changed(&path, &text, json)?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// Says what a changed cookie needs before it counts.
fn changed(path: &Path, text: &str, json: bool) -> io::Result<()> {
    if cookie::is_weak(text.trim_end()) {
        complain("this cookie is weak: the mesh stays closed beyond this host");
    }
    let value = serde_json::json!({ "result": "ok", "file": path, "restart": true });
    say(&if json {
        format!("{value:#}\n")
    } else {
        format!("ok: {}; restart emqx-rs to use it: systemctl restart emqx-rs\n", path.display())
    })
}

/// `EMQX_RS_SOCKET`, else the first that exists of the places a node chooses from.
fn find_socket() -> PathBuf {
    if let Some(socket) = std::env::var_os("EMQX_RS_SOCKET").filter(|text| !text.is_empty()) {
        return socket.into();
    }
    let home = std::env::var_os("HOME").map(PathBuf::from);
    let places = ctl::sockets_to_try(home.as_deref());
    let found = places.iter().find(|socket| socket.exists()).or(places.first());
    found.cloned().unwrap_or_default()
}

fn say(text: &str) -> io::Result<()> {
    let mut out = io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        // `emqx-rs-ctl clients list | head` is no failure.
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        other => other,
    }
}

fn complain(text: &str) {
    drop(writeln!(io::stderr(), "emqx-rs-ctl: {text}"));
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn no_command_of_ours_is_called_missing() {
        Args::command().debug_assert();
        for command in Args::command().get_subcommands() {
            assert_eq!(not_here(command.get_name()), None);
        }
        assert!(not_here("vm").is_some_and(|text| text.starts_with("vm is about the Erlang")));
        assert_eq!(not_here("dance"), None);
    }
}
