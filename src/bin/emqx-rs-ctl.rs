//! `emqx-rs-ctl`: arguments to a request, over the socket of the node, the answer as text or JSON.

use std::ffi::OsString;
use std::io::{self, IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use clap::{Parser, Subcommand};
use emqx_rs::cluster::invitation::{Invitation, TOKEN_MAX};
use emqx_rs::cluster::settings::Cookie;
use emqx_rs::ctl::doctor::{
    self, Grade, Told,
    host::{self, Host},
};
use emqx_rs::ctl::{
    self, Places, Reply, Request, cookie, render, service,
    terminal::{self, Silent},
    token,
    users::{self, Change, User},
};
use zeroize::Zeroizing;

/// How long one step of an answer may take; `cluster join` is the slowest.
const WAIT: Duration = Duration::from_secs(30);
/// The same where the answer only helps.
const GLANCE: Duration = Duration::from_secs(3);
/// How long a node that was restarted may take to be in the cluster, in steps of `LOOK_EVERY`.
const JOIN_STEPS: u32 = 150;
const LOOK_EVERY: Duration = Duration::from_millis(100);

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
    /// What keeps nodes apart: multicast, firewall, names, cookie, limits; and what mends it
    Doctor,
    /// Clients of this node
    #[command(subcommand)]
    Clients(ClientsCommand),
    /// Route table: which node has subscribers of which topic
    #[command(subcommand, alias = "routes")]
    Topics(TopicsCommand),
    /// Subscriptions of this node's clients
    #[command(subcommand)]
    Subscriptions(SubscriptionsCommand),
    /// Retained messages
    #[command(subcommand)]
    Retainer(RetainerCommand),
    /// Who may connect with a password, in the users file
    User {
        /// The users file, if it is not the usual one
        #[arg(long, value_name = "PATH", global = true)]
        file: Option<PathBuf>,
        #[command(subcommand)]
        command: UserCommand,
    },
    /// Who is kept out
    #[command(subcommand)]
    Banned(BannedCommand),
    /// What others said that clients may do
    #[command(subcommand, alias = "authz")]
    Acl(AclCommand),
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
    (
        &["clientid"],
        "is not built in this version; rules and client ids stand in acl.conf and emqx.conf, then conf reload",
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
    /// Print a token for the next box: cookie, cluster name, addresses
    Token {
        #[command(flatten)]
        files: Files,
    },
    /// Join the cluster of a node, or the one of a token
    Join {
        /// name@host, a name alone is on this host; or - to read a token from standard input
        #[arg(value_name = "NODE|-|TOKEN")]
        node: String,
        /// Do not restart the service; say that it needs it
        #[arg(long)]
        no_restart: bool,
        #[command(flatten)]
        files: Files,
    },
    /// Leave the cluster and stay alone
    Leave,
    /// Take a member out that does not come back
    ForceLeave {
        /// name@host; a name alone is on this host
        node: String,
    },
}

/// Where the node of this host has its secret and its state.
#[derive(clap::Args, Clone)]
struct Files {
    /// File of the cookie, if it is not where the package or the node puts it
    #[arg(long, value_name = "PATH")]
    file: Option<PathBuf>,
    /// Data folder of the node, if it is not the usual one
    #[arg(long, value_name = "PATH")]
    data: Option<PathBuf>,
}

impl Files {
    /// The folder, and the file of the cookie that goes with it.
    fn find(self) -> (PathBuf, PathBuf) {
        let given = self.data.clone().map(|data| data.join("cookie"));
        let data = self.data.unwrap_or_else(usual_data);
        let file = self.file.or(given).unwrap_or_else(|| cookie::file(std::slice::from_ref(&data)));
        (file, data)
    }
}

#[derive(Subcommand)]
enum RetainerCommand {
    /// How many there are
    Info,
    /// Their topics
    Topics {
        /// The first to tell, counted from 1
        #[arg(default_value_t = 1)]
        start: u64,
        /// So many at most
        #[arg(default_value_t = u64::MAX)]
        limit: u64,
    },
    /// Forget all, or those that a filter matches, on all nodes
    Clean {
        /// Topic or filter
        topic: Option<String>,
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

#[derive(Subcommand)]
enum AclCommand {
    /// Ask again what clients of this node may do
    CacheClean {
        /// `all`, `node` or a client id
        #[arg(value_name = "all|node|CLIENTID")]
        whose: String,
        /// The node, behind `node`
        #[arg(value_name = "NODE", required_if_eq("whose", "node"))]
        node: Option<String>,
    },
}

#[derive(Subcommand)]
enum BannedCommand {
    /// All bans that hold
    List,
    /// Ban somebody and end the connections that are there
    Add {
        /// What is banned
        kind: BannedKind,
        /// Client id, user name, or address or block
        who: String,
        /// For how long, such as 5m or 1d; for ever without it
        #[arg(long, value_name = "TIME", value_parser = duration)]
        r#for: Option<Duration>,
        /// Why
        #[arg(long, value_name = "TEXT")]
        reason: Option<String>,
    },
    /// Take a ban out
    #[command(alias = "delete")]
    Del {
        /// What is banned
        kind: BannedKind,
        /// Client id, user name, or address or block
        who: String,
    },
}

#[derive(Clone, Copy)]
struct BannedKind(&'static str);

impl std::str::FromStr for BannedKind {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let kinds = ["clientid", "username", "peerhost"];
        let known = kinds.into_iter().find(|kind| *kind == text);
        known.map(Self).ok_or("expected clientid, username or peerhost")
    }
}

fn duration(text: &str) -> Result<Duration, String> {
    emqx_rs::config::values::duration(text).map_err(|expected| format!("expected {}", expected.0))
}

#[derive(Subcommand)]
enum UserCommand {
    /// Add a user; the password is asked for, or taken from standard input
    Add {
        /// User name
        name: String,
        /// No rule of acl.conf holds for this user
        #[arg(long)]
        superuser: bool,
    },
    /// Give a user another password
    #[command(alias = "update")]
    Passwd {
        /// User name
        name: String,
    },
    /// Take a user out
    #[command(alias = "delete")]
    Del {
        /// User name
        name: String,
    },
    /// All users
    List,
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
    // What crashes with a cookie in its memory leaves none on the disk. Where that is refused, nothing else is wrong.
    let _ = nix::sys::prctl::set_dumpable(false);
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
    let socket = args.socket.clone().unwrap_or_else(find_socket);
    let Some(request) = request(&args.command) else {
        if matches!(args.command, Command::Doctor) {
            return doctor(&socket, json);
        }
        if let Command::Cookie { file, command } = args.command {
            return cookie_command(file, command, &socket, json);
        }
        if let Command::User { file, command } = args.command {
            return user_command(file, &command, &socket, json);
        }
        if let Command::Cluster(ClusterCommand::Token { files }) = args.command {
            return make_token(files, &socket, json);
        }
        if let Command::Cluster(ClusterCommand::Join { node, no_restart, files }) = args.command {
            let chosen = args.socket.is_some() || std::env::var_os("EMQX_RS_SOCKET").is_some();
            let node = Zeroizing::new(node);
            return join_by_token(&node, files, &socket, (no_restart, chosen, json));
        }
        return Ok(ExitCode::from(2));
    };
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

/// Looks for what keeps nodes apart; exit 1 if something does.
fn doctor(socket: &Path, json: bool) -> anyhow::Result<ExitCode> {
    let (cluster, silence) = match ctl::ask::ask(socket, &Request::ClusterStatus, WAIT) {
        Ok(Reply::Cluster(cluster)) => (Some(cluster), String::new()),
        Ok(other) => (None, render::text(&other).trim_end().to_owned()),
        Err(error) => (None, error.to_string()),
    };
    let discovery = match ctl::ask::ask(socket, &Request::ClusterDiscover, WAIT) {
        Ok(Reply::Discovery(discovery)) => Some(discovery),
        Ok(_) | Err(_) => None,
    };
    let node = cluster.as_ref().map(|cluster| cluster.node.as_str());
    // A node that does not answer has its data at the usual place, as far as is known here.
    let data = cluster.as_ref().map_or_else(usual_data, |cluster| cluster.data.clone());
    let host = Host::look(node, host::process_at(socket), &data);
    let findings = doctor::examine(&Told { cluster, silence, discovery }, &host);
    if json {
        say(&format!("{:#}\n", serde_json::to_value(&findings)?))?;
    } else {
        say(&doctor::text(&findings))?;
    }
    let faults = findings.iter().any(|finding| finding.grade == Grade::Fault);
    Ok(ExitCode::from(u8::from(faults)))
}

/// The request a command stands for; none when it needs no node.
fn request(command: &Command) -> Option<Request> {
    Some(match command {
        Command::Status => Request::Status,
        Command::Broker { what: None } => Request::Broker,
        Command::Broker { what: Some(Numbers::Stats) } | Command::Stats => Request::Stats,
        Command::Broker { what: Some(Numbers::Metrics) } | Command::Metrics => Request::Metrics,
        Command::Cluster(ClusterCommand::Status) => Request::ClusterStatus,
        Command::Cluster(ClusterCommand::Join { node, .. })
            if node != "-" && !token::is_token(node) =>
        {
            Request::ClusterJoin { node: node.clone() }
        }
        Command::Cluster(ClusterCommand::Discover) => Request::ClusterDiscover,
        Command::Cluster(ClusterCommand::Join { .. } | ClusterCommand::Token { .. }) => {
            return None;
        }
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
        Command::Retainer(RetainerCommand::Info) => Request::RetainerInfo,
        Command::Retainer(RetainerCommand::Topics { start, limit }) => {
            Request::RetainerTopics { start: *start, limit: *limit }
        }
        Command::Retainer(RetainerCommand::Clean { topic }) => {
            Request::RetainerClean { topic: topic.clone() }
        }
        Command::Listeners => Request::Listeners,
        Command::Banned(command) => banned(command),
        Command::Acl(AclCommand::CacheClean { whose, node }) => {
            acl_cache_clean(whose, node.clone())
        }
        Command::Conf(ConfCommand::Reload) => Request::ConfReload,
        Command::Log(LogCommand::SetLevel { level }) => {
            Request::LogSetLevel { level: level.clone() }
        }
        Command::Cookie { .. } | Command::User { .. } | Command::Doctor | Command::Other(_) => {
            return None;
        }
    })
}

/// `all`, `node NODE` or a client id.
fn acl_cache_clean(whose: &str, node: Option<String>) -> Request {
    let all = node.is_some() || whose == "all";
    Request::AclCacheClean { client_id: (!all).then(|| whose.to_owned()), node }
}

fn banned(command: &BannedCommand) -> Request {
    match command {
        BannedCommand::List => Request::Banned,
        BannedCommand::Add { kind, who, r#for, reason } => Request::BannedAdd {
            kind: kind.0.into(),
            who: who.clone(),
            seconds: r#for.map(|time| time.as_secs().max(1)),
            reason: reason.clone(),
        },
        BannedCommand::Del { kind, who } => {
            Request::BannedDel { kind: kind.0.into(), who: who.clone() }
        }
    }
}

/// Prints the token of the cluster that the node of this host is in.
fn make_token(files: Files, socket: &Path, json: bool) -> anyhow::Result<ExitCode> {
    let (file, _) = files.find();
    let reply = ctl::ask::ask(socket, &Request::ClusterPlaces, WAIT)?;
    let Reply::Places(places) = reply else { anyhow::bail!("{}", render::text(&reply).trim_end()) };
    let token = token::make(&places, &file)?;
    let host = places.node.split_once('@').map_or("", |(_, host)| host);
    if host == "localhost" || host.parse().is_ok_and(|ip: std::net::IpAddr| ip.is_loopback()) {
        complain(&format!("{}: no other host reaches a node of this name", places.node));
    }
    if json {
        let value = serde_json::json!({
            "token": *token, "cluster": places.cluster, "nodes": places.nodes,
        });
        say(&format!("{value:#}\n"))?;
        return Ok(ExitCode::SUCCESS);
    }
    say(&token)?;
    say("\n")?;
    if io::stdout().is_terminal() {
        complain("it holds the cookie: whoever has it gets in. On the next box, as root:");
        complain("emqx-rs-ctl cluster join -    and put it in there, with Enter");
    }
    Ok(ExitCode::SUCCESS)
}

/// Writes what a token holds and has the node of this host start with it. `node` is the token, or `-`.
fn join_by_token(
    node: &Zeroizing<String>,
    files: Files,
    socket: &Path,
    (no_restart, chosen, json): (bool, bool, bool),
) -> anyhow::Result<ExitCode> {
    let (file, data) = files.find();
    let read;
    let text = if node.as_str() == "-" {
        if io::stdin().is_terminal() {
            complain("put the token in here, with Enter:");
        }
        read = from_stdin(TOKEN_MAX + 2, true)?;
        &read
    } else {
        node
    };
    let joining = token::Joining::read(text, file, data)?;
    if let Some(places) = places(socket) {
        joining.check(&places)?;
    }
    joining.write()?;
    let pid = service::pid_at(socket);
    let ours = !no_restart && (pid.is_some() || !chosen) && service::Unit::ask().runs(pid);
    if !ours {
        return told(joining.file(), json);
    }
    service::restart().map_err(anyhow::Error::msg)?;
    wait_joined(&joining.invitation, socket, json)
}

/// Waits until one of the nodes of the invitation is seen by the node here, and tells.
fn wait_joined(invitation: &Invitation, socket: &Path, json: bool) -> anyhow::Result<ExitCode> {
    for _ in 0..JOIN_STEPS {
        if let Ok(Reply::Cluster(cluster)) = ctl::ask::ask(socket, &Request::ClusterStatus, WAIT) {
            let up = |name: &str| cluster.running_nodes.iter().any(|node| node == name);
            if invitation.nodes.iter().any(|node| up(node.name.as_str())) {
                let change = ctl::ClusterChange::Joined;
                let reply = Reply::ClusterChanged { change, cluster };
                let as_json = || format!("{:#}\n", render::json(&reply));
                say(&if json { as_json() } else { render::text(&reply) })?;
                return Ok(ExitCode::SUCCESS);
            }
        }
        std::thread::sleep(LOOK_EVERY);
    }
    anyhow::bail!("restarted, and not in the cluster yet: journalctl -u emqx-rs says why")
}

/// Says that a restart is needed for a changed cookie.
fn told(path: &Path, json: bool) -> anyhow::Result<ExitCode> {
    let value = serde_json::json!({ "result": "ok", "file": path, "restart": true });
    say(&if json {
        format!("{value:#}\n")
    } else {
        format!("ok: {}; restart emqx-rs to use it: systemctl restart emqx-rs\n", path.display())
    })?;
    Ok(ExitCode::SUCCESS)
}

/// What the node of this host says about its places, if one answers.
fn places(socket: &Path) -> Option<Places> {
    match ctl::ask::ask(socket, &Request::ClusterPlaces, GLANCE) {
        Ok(Reply::Places(places)) => Some(places),
        Ok(_) | Err(_) => None,
    }
}

/// Standard input up to its end (or the end of the first line), at most `most` bytes; no buffer is left that is not wiped.
fn from_stdin(most: usize, line: bool) -> anyhow::Result<Zeroizing<String>> {
    let mut bytes = Zeroizing::new(vec![0; most]);
    let mut len = 0;
    while let Some(free) = bytes.get_mut(len..).filter(|free| !free.is_empty()) {
        let count = nix::unistd::read(io::stdin(), free)?;
        len += count;
        let ended = line && bytes.get(..len).is_some_and(|read| read.contains(&b'\n'));
        if count == 0 || ended {
            break;
        }
    }
    let text = std::str::from_utf8(bytes.get(..len).unwrap_or_default())?;
    let text = if line { text.lines().next().unwrap_or_default() } else { text };
    Ok(Zeroizing::new(text.to_owned()))
}

/// The folder that a node of this user keeps its state in, unless its configuration says otherwise.
fn usual_data() -> PathBuf {
    let system = PathBuf::from("/var/lib/emqx-rs");
    let writable = nix::unistd::access(&system, nix::unistd::AccessFlags::W_OK).is_ok();
    let home = std::env::var_os("HOME").map(|home| Path::new(&home).join(".local/state/emqx-rs"));
    home.filter(|_| !writable && !nix::unistd::geteuid().is_root()).unwrap_or(system)
}

fn cookie_command(
    file: Option<PathBuf>,
    command: CookieCommand,
    socket: &Path,
    json: bool,
) -> anyhow::Result<ExitCode> {
    let home = std::env::var_os("HOME").map(|home| Path::new(&home).join(".local/state/emqx-rs"));
    let data: Vec<_> = home.into_iter().chain([PathBuf::from("/var/lib/emqx-rs")]).collect();
    let path = file.unwrap_or_else(|| cookie::file(&data));
    let named = |error: io::Error| anyhow::anyhow!("{}: {error}", path.display());
    if matches!(command, CookieCommand::Show) {
        let text = cookie::show(&path).map_err(named)?;
        if json {
            let value = serde_json::json!({ "cookie": *text, "file": path });
            say(&format!("{value:#}\n"))?;
        } else {
            say(&text)?;
            say("\n")?;
        }
        return Ok(ExitCode::SUCCESS);
    }
    let places = places(socket);
    let text = if matches!(command, CookieCommand::Set) {
        from_stdin(cookie::LONGEST, false)?
    } else {
        let mut text = cookie::new()?;
        // One in 256 could not be told from the one in use while nodes change from that to this.
        while has_number(places.as_ref(), &text) {
            text = cookie::new()?;
        }
        text
    };
    let same = cookie::show(&path).is_ok_and(|old| *old == text.trim_end_matches(['\r', '\n']));
    cookie::set(&path, &text).map_err(named)?;
    if let Some(weak) = cookie::weakness(&text) {
        complain(&format!("{weak}: the mesh stays closed beyond this host"));
    }
    if let Some(Err(hidden)) = places.as_ref().map(|places| token::check_file(places, &path)) {
        complain(&hidden.to_string());
    }
    if !same && has_number(places.as_ref(), &text) {
        complain("this cookie has the number of the one in use by chance: take another one");
    }
    told(&path, json)
}

/// Works on the users file and has the node of this host read it again.
fn user_command(
    file: Option<PathBuf>,
    command: &UserCommand,
    socket: &Path,
    json: bool,
) -> anyhow::Result<ExitCode> {
    let path = users_file(file, socket)?;
    let (name, change) = match command {
        UserCommand::List => {
            let users = users::list(&path).map_err(anyhow::Error::msg)?;
            say(&if json {
                format!("{:#}\n", serde_json::to_value(&users)?)
            } else {
                let mark = |user: &User| if user.superuser { " superuser" } else { "" };
                users
                    .iter()
                    .map(|user| format!("{}{}\n", render::shown(&user.username), mark(user)))
                    .collect()
            })?;
            return Ok(ExitCode::SUCCESS);
        }
        UserCommand::Add { name, .. } | UserCommand::Passwd { name } => {
            (name, Some(new_password(name)?))
        }
        UserCommand::Del { name } => (name, None),
    };
    let change = match (command, &change) {
        (UserCommand::Add { superuser, .. }, Some(password)) => {
            Change::Add { password, superuser: *superuser }
        }
        (_, Some(password)) => Change::Passwd { password },
        (_, None) => Change::Delete,
    };
    let left = users::change(&path, name, change).map_err(anyhow::Error::msg)?;
    if left == 0 {
        complain(&format!("{} names no user now: nobody may connect", path.display()));
    }
    match ctl::ask::ask(socket, &Request::UsersReload, WAIT) {
        Ok(Reply::Done) => {}
        Ok(other) => anyhow::bail!(
            "{}: written, and not taken: {}",
            path.display(),
            render::text(&other).trim_end()
        ),
        Err(error) => complain(&format!("{}: written; no node took it: {error}", path.display())),
    }
    let value = serde_json::json!({ "result": "ok", "file": path });
    say(&if json { format!("{value:#}\n") } else { "ok\n".into() })?;
    Ok(ExitCode::SUCCESS)
}

/// The file given, else the usual one. What a node says is never taken for a path to write to, only compared with it.
fn users_file(file: Option<PathBuf>, socket: &Path) -> anyhow::Result<PathBuf> {
    if let Some(file) = file {
        return Ok(file);
    }
    let usual = usual_data().join("users");
    match ctl::ask::ask(socket, &Request::UsersFile, GLANCE) {
        Ok(Reply::UsersFile(of_node)) if of_node != usual => {
            let (usual, of_node) = (usual.display(), of_node.display());
            anyhow::bail!("the node does not read {usual}; say --file {of_node}")
        }
        Ok(_) | Err(_) => Ok(usual),
    }
}

/// Asks for a password twice, without showing it; or takes the first line of standard input.
fn new_password(name: &str) -> anyhow::Result<Zeroizing<String>> {
    let ask = |prompt: &str| -> anyhow::Result<Zeroizing<String>> {
        let silent = Silent::new()?;
        if silent.is_some() {
            write!(io::stderr(), "{prompt}")?;
        }
        let line = from_stdin(users::PASSWORD_MOST + 2, true)?;
        if silent.is_some() && terminal::interrupted(&line) {
            anyhow::bail!("interrupted, nothing was changed");
        }
        Ok(line)
    };
    let password = ask(&format!("Password of {}: ", render::shown(name)))?;
    if io::stdin().is_terminal() && *ask("The same again: ")? != *password {
        anyhow::bail!("these are two passwords, nothing was changed");
    }
    Ok(password)
}

/// Whether a cookie has the number of the one that the node of this host uses.
fn has_number(places: Option<&Places>, text: &str) -> bool {
    let cookie = Cookie::new(text.trim_end_matches(['\r', '\n']).to_owned());
    places.and_then(|places| token::has_number(places, &cookie)).unwrap_or(false)
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
