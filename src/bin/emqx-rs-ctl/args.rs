//! The command line: every command, its words and options, and what the help says of it.

use std::ffi::OsString;
use std::num::NonZeroU32;
use std::path::PathBuf;
use std::time::Duration;

use clap::{Parser, Subcommand};
use emqx_rs::broker::scram;
use emqx_rs::ctl::cookie;

use crate::here::usual_data;

/// What the end of the help shows.
const EXAMPLES: &str = "\
Examples:
  emqx-rs-ctl cluster status               who is in the cluster, and which links were refused
  emqx-rs-ctl doctor                       what keeps nodes apart, and what mends it
  emqx-rs-ctl --all clients list           the clients of every node
  emqx-rs-ctl conf show listener.tcp       settings in force, and where they come from
  emqx-rs-ctl --json stats | jq .          numbers for a script

emqx-rs-ctl COMMAND --help tells more of one command; all of them stand in emqx-rs-ctl(8).";

const CLUSTER_EXAMPLES: &str = "\
Bring a second box into the cluster, as root on both:
  box1# emqx-rs-ctl cluster token
  box2# emqx-rs-ctl cluster join -         and put the token in, with Enter";

const EVACUATE_EXAMPLES: &str = "\
Examples:
  emqx-rs-ctl cluster evacuate start                    50 clients a second
  emqx-rs-ctl cluster evacuate start --rate 10 --to mqtt2.lan:1883
  emqx-rs-ctl cluster evacuate status                   until nobody is connected
  systemctl restart emqx-rs                             which ends it

Their sessions stay here until they connect to another node, which fetches them.";

const CONF_EXAMPLES: &str = "\
Examples:
  emqx-rs-ctl conf show                    every setting that has a value
  emqx-rs-ctl conf show zone.external      those of one zone
  emqx-rs-ctl conf reload                  what changed in the files, and what waits for a restart

A setting is changed in /etc/emqx-rs/emqx.conf or a file of /etc/emqx-rs/conf.d; emqx.conf(5) has them all.";

const USER_EXAMPLES: &str = "\
Examples:
  emqx-rs-ctl user add alice               asks for the password
  pwgen 20 1 | emqx-rs-ctl user add bob    takes it from standard input";

const CLIENTID_EXAMPLES: &str = "\
Examples:
  emqx-rs-ctl clientid add sensor7         asks for the password
  pwgen 20 1 | emqx-rs-ctl clientid add s8 takes it from standard input";

const TRACE_EXAMPLES: &str = "\
Examples:
  emqx-rs-ctl trace start client sensor7             every packet of a client, for a quarter of an hour
  emqx-rs-ctl trace start topic 'plant/#' --for 1h   what is published there, and who gets it
  emqx-rs-ctl --all trace start ip_address 10.0.0.7  on every node, each into a file of its own
  emqx-rs-ctl trace stop client sensor7

The answer to start names the file; tail -f shows it grow. Payloads and passwords are never in it.";

const LISTENERS_EXAMPLES: &str = "\
Examples:
  emqx-rs-ctl listeners                            what is open, and how many use it
  emqx-rs-ctl listeners stop mqtt:tcp:external     takes nobody new; who is connected stays
  emqx-rs-ctl listeners start mqtt:tcp:external

A restart of the node opens all of them; to keep one closed for good, take its line out of emqx.conf.";

const DATA_EXAMPLES: &str = "\
Examples:
  emqx-rs-ctl data export box1.json        as root; the file has payloads and hashes of passwords
  emqx-rs-ctl data import box1.json        on another box; users that are there stay as they are";

const SUBSCRIPTIONS_EXAMPLES: &str = "\
Examples:
  emqx-rs-ctl subscriptions show sensor7
  emqx-rs-ctl subscriptions add sensor7 'cmd/#' 1   as if it had subscribed; acl.conf is not asked
  emqx-rs-ctl subscriptions del sensor7 'cmd/#'";

const BANNED_EXAMPLES: &str = "\
Examples:
  emqx-rs-ctl banned add clientid sensor7 --for 1h --reason \"floods\"
  emqx-rs-ctl banned add peerhost 10.1.0.0/16
  emqx-rs-ctl banned del clientid sensor7";

/// Controls the emqx-rs node of this host
#[derive(Parser)]
#[command(
    name = "emqx-rs-ctl",
    version,
    disable_help_subcommand = false,
    after_help = EXAMPLES,
    arg_required_else_help = true
)]
pub(super) struct Args {
    /// Socket of the node
    #[arg(long, global = true, value_name = "PATH")]
    pub(super) socket: Option<PathBuf>,
    /// Print JSON
    #[arg(long, global = true)]
    pub(super) json: bool,
    /// Ask every running node of the cluster; each line begins with the name of its node
    #[arg(long, global = true, conflicts_with = "at")]
    pub(super) all: bool,
    /// Ask this running node of the cluster
    #[arg(long = "node", global = true, value_name = "NAME@HOST")]
    pub(super) at: Option<String>,
    #[command(subcommand)]
    pub(super) command: Command,
}

#[derive(Subcommand)]
pub(super) enum Command {
    /// Name, version and state of the node
    Status,
    /// Say nothing; exit 0 when the node answers, else 1
    Ping,
    /// Version, uptime and time; or its gauges, or its counters
    Broker {
        #[command(subcommand)]
        what: Option<Numbers>,
    },
    /// The cluster: who is in it, join, leave
    #[command(subcommand, after_help = CLUSTER_EXAMPLES)]
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
    #[command(subcommand, after_help = SUBSCRIPTIONS_EXAMPLES)]
    Subscriptions(SubscriptionsCommand),
    /// Retained messages
    #[command(subcommand)]
    Retainer(RetainerCommand),
    /// Who may connect with a password, in the users file
    #[command(after_help = USER_EXAMPLES)]
    User {
        /// The users file, if it is not the usual one
        #[arg(long, value_name = "PATH", global = true)]
        file: Option<PathBuf>,
        #[command(subcommand)]
        command: UserCommand,
    },
    /// Which client ids may connect with a password, in the users file
    #[command(name = "clientid", after_help = CLIENTID_EXAMPLES)]
    ClientId {
        /// The users file, if it is not the usual one
        #[arg(long, value_name = "PATH", global = true)]
        file: Option<PathBuf>,
        #[command(subcommand)]
        command: ClientIdCommand,
    },
    /// Who is kept out
    #[command(subcommand, after_help = BANNED_EXAMPLES)]
    Banned(BannedCommand),
    /// Applications that may use the HTTP API (management.* of emqx.conf)
    #[command(subcommand)]
    Mgmt(MgmtCommand),
    /// What is wrong on a node, and what was
    #[command(subcommand)]
    Alarms(AlarmsCommand),
    /// What happened lately to a client: refused why, closed why, denied what, taken over by whom
    Why {
        /// Client identifier, or address with or without port
        who: String,
    },
    /// Cached answers of the HTTP server about what clients may do
    #[command(subcommand, alias = "authz")]
    Acl(AclCommand),
    /// What is open for clients; close and open it
    #[command(after_help = LISTENERS_EXAMPLES)]
    Listeners {
        #[command(subcommand)]
        command: Option<ListenersCommand>,
    },
    /// Bridges to brokers of others: how they stand; start and stop one
    Bridges {
        #[command(subcommand)]
        command: Option<BridgesCommand>,
    },
    /// Write down what a client, a topic or an address sends and gets, packet by packet, for a while
    #[command(subcommand, after_help = TRACE_EXAMPLES)]
    Trace(TraceCommand),
    /// The same on every node under one name, as EMQX has it
    #[command(subcommand)]
    Traces(TracesCommand),
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
    /// Load of the host, memory, threads and open files of the node
    Vm {
        /// Only one part of it
        #[arg(default_value = "all", value_parser = ["all", "load", "memory", "process", "io", "ports"])]
        part: String,
    },
    /// Certificates in memory
    #[command(subcommand, name = "pem_cache")]
    PemCache(PemCacheCommand),
    /// The configuration
    #[command(subcommand, after_help = CONF_EXAMPLES)]
    Conf(ConfCommand),
    /// Retained messages, bans and users: into a file, and out of it
    #[command(subcommand, after_help = DATA_EXAMPLES)]
    Data(DataCommand),
    /// The log
    #[command(subcommand)]
    Log(LogCommand),
    /// Plugins of EMQX that are built in here
    #[command(subcommand)]
    Plugins(StaticCommand),
    /// Modules of EMQX that are built in here
    #[command(subcommand)]
    Modules(StaticCommand),
    /// A command of EMQX, or a mistake.
    #[command(external_subcommand)]
    Other(Vec<OsString>),
}

#[derive(Clone, Copy, Subcommand)]
pub(super) enum Numbers {
    /// Gauges
    Stats,
    /// Counters
    Metrics,
}

#[derive(Subcommand)]
pub(super) enum ClusterCommand {
    /// Running and stopped nodes
    Status,
    /// Nodes that discovery by multicast hears, and what it makes of them
    Discover,
    /// Discovery itself
    #[command(subcommand)]
    Discovery(DiscoveryCommand),
    /// Send the clients of this node to the others, before an upgrade
    #[command(subcommand, after_help = EVACUATE_EXAMPLES)]
    Evacuate(EvacuateCommand),
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

#[derive(Clone, Copy, Subcommand)]
pub(super) enum DiscoveryCommand {
    /// After cluster leave: join again whom discovery finds
    Enable,
}

#[derive(Subcommand)]
pub(super) enum EvacuateCommand {
    /// Refuse new clients, and ask those that are connected to go
    Start {
        /// So many in a second
        #[arg(long, value_name = "NUMBER", default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..=100_000))]
        rate: u32,
        /// The server that clients of MQTT 5 are told to use
        #[arg(long, value_name = "HOST:PORT")]
        to: Option<String>,
        /// Even if no other node is up
        #[arg(long)]
        force: bool,
    },
    /// How many are gone
    Status,
    /// Take clients again
    Stop,
}

/// Where the node of this host has its secret and its state.
#[derive(clap::Args, Clone)]
pub(super) struct Files {
    /// File of the cookie, if it is not where the package or the node puts it
    #[arg(long, value_name = "PATH")]
    pub(super) file: Option<PathBuf>,
    /// Data folder of the node, if it is not the usual one
    #[arg(long, value_name = "PATH")]
    pub(super) data: Option<PathBuf>,
}

impl Files {
    /// The folder, and the file of the cookie that goes with it.
    pub(super) fn find(self) -> (PathBuf, PathBuf) {
        let given = self.data.clone().map(|data| data.join("cookie"));
        let data = self.data.unwrap_or_else(usual_data);
        let file = self.file.or(given).unwrap_or_else(|| cookie::file(std::slice::from_ref(&data)));
        (file, data)
    }
}

#[derive(Subcommand)]
pub(super) enum RetainerCommand {
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
pub(super) enum ClientsCommand {
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
pub(super) enum TopicsCommand {
    /// All routes
    List,
    /// Routes of one topic filter
    Show {
        /// Topic filter
        topic: String,
    },
}

#[derive(Subcommand)]
pub(super) enum SubscriptionsCommand {
    /// All subscriptions
    List,
    /// Those of one client
    Show {
        /// Client identifier
        client_id: String,
    },
    /// Subscribe a client that is connected
    Add {
        /// Client identifier
        client_id: String,
        /// Topic filter
        topic: String,
        /// 0, 1 or 2
        qos: u8,
    },
    /// Take a subscription of a client that is connected out
    Del {
        /// Client identifier
        client_id: String,
        /// The filter as the list shows it
        topic: String,
    },
}

#[derive(Subcommand)]
pub(super) enum MgmtCommand {
    /// All of them; their secrets are not shown
    List,
    /// Make one; its secret is shown now and never again
    Insert {
        /// Its id, the user name of HTTP
        id: String,
        /// Its name, for people
        name: String,
    },
    /// One of them
    Lookup {
        /// Its id
        id: String,
    },
    /// Let one in, or not
    Update {
        /// Its id
        id: String,
        /// true: it gets in
        #[arg(value_name = "true|false", action = clap::ArgAction::Set)]
        on: bool,
    },
    /// Take one out
    Delete {
        /// Its id
        id: String,
    },
}

#[derive(Subcommand)]
pub(super) enum AlarmsCommand {
    /// All of them, those that are active, or those that are over
    List {
        /// activated or deactivated
        #[arg(value_parser = ["activated", "deactivated"])]
        which: Option<String>,
    },
    /// Forget those that are over
    Delete,
}

#[derive(Subcommand)]
pub(super) enum ListenersCommand {
    /// All of them, as without a command
    List,
    /// Open one that was stopped
    Start {
        /// As the list names it: mqtt:tcp:external
        id: String,
    },
    /// Take no client any more, until it is started or the node is; who is connected stays
    Stop {
        /// As the list names it: mqtt:tcp:external; or a protocol, such as mqtt:tcp
        id: String,
        /// Of a protocol: port, or address and port
        port: Option<String>,
    },
    /// Close and open it anew; who is connected stays
    Restart {
        /// As the list names it: mqtt:tcp:external; or a protocol, such as mqtt:tcp
        id: String,
        /// Of a protocol: port, or address and port
        port: Option<String>,
    },
    /// Start one, or stop it, as EMQX 5 has it
    Enable {
        /// As the list names it: mqtt:tcp:external
        id: String,
        /// true: start, false: stop
        #[arg(value_name = "true|false", action = clap::ArgAction::Set)]
        on: bool,
    },
}

#[derive(Subcommand)]
pub(super) enum BridgesCommand {
    /// All of them, as without a command
    List,
    /// Start one on this node, until it or the node is stopped
    Start {
        /// As in bridge.mqtt.NAME
        name: String,
    },
    /// Stop one on this node; what waits goes to other nodes that run it
    Stop {
        /// As in bridge.mqtt.NAME
        name: String,
    },
}

#[derive(Subcommand)]
pub(super) enum TraceCommand {
    /// Traces that run, and their files
    List,
    /// Begin one; the answer names its file
    Start {
        /// client, topic or ip_address
        #[arg(value_parser = TRACE_KINDS)]
        kind: String,
        /// Client id, topic filter or address
        what: String,
        /// Name of its file in the folder of traces; made of the two before if it is left out
        file: Option<String>,
        /// Least severity written: error, warning, info or debug; packets are debug
        level: Option<String>,
        /// For how long, such as 5m or 2h, a week at most; 15m without it
        #[arg(long, value_name = "TIME", value_parser = duration)]
        r#for: Option<Duration>,
    },
    /// End one; its file stays
    Stop {
        /// client, topic or ip_address
        #[arg(value_parser = TRACE_KINDS)]
        kind: String,
        /// Client id, topic filter or address
        what: String,
    },
}

#[derive(Subcommand)]
pub(super) enum TracesCommand {
    /// Traces that run, and what each node has written
    List,
    /// Begin one on every node
    Start {
        /// Its name, and that of its files
        name: String,
        /// client, topic or ip_address
        #[arg(value_parser = TRACE_KINDS)]
        kind: String,
        /// Client id, topic filter or address
        what: String,
        /// For how many seconds
        #[arg(value_name = "SECONDS", default_value_t = 900, value_parser = clap::value_parser!(u64).range(1..))]
        duration: u64,
    },
    /// End one on every node; its files stay
    Stop {
        /// Its name
        name: String,
    },
}

/// What is built in can be looked at.
#[derive(Clone, Copy, Subcommand)]
pub(super) enum StaticCommand {
    /// All of them
    List,
}

const TRACE_KINDS: [&str; 3] = ["client", "topic", "ip_address"];

#[derive(Subcommand)]
pub(super) enum BannedCommand {
    /// All bans that hold
    List,
    /// Ban somebody and end the connections that are there
    Add {
        /// What is banned
        #[arg(value_name = BANNED_KINDS)]
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
        #[arg(value_name = BANNED_KINDS)]
        kind: BannedKind,
        /// Client id, user name, or address or block
        who: String,
    },
}

const BANNED_KINDS: &str = "clientid|username|peerhost";

#[derive(Clone, Copy)]
pub(super) struct BannedKind(pub(super) &'static str);

impl std::str::FromStr for BannedKind {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let kinds = ["clientid", "username", "peerhost"];
        let known = kinds.into_iter().find(|kind| *kind == text);
        known.map(Self).ok_or("expected clientid, username or peerhost")
    }
}

pub(super) fn duration(text: &str) -> Result<Duration, String> {
    emqx_rs::config::values::duration(text).map_err(|expected| format!("expected {}", expected.0))
}

#[derive(Subcommand)]
pub(super) enum UserCommand {
    /// Add a user; the password is asked for, or taken from standard input
    Add {
        /// User name
        name: String,
        /// The form of EMQX, refused with the right one
        #[arg(hide = true)]
        password: Option<String>,
        /// No rule of acl.conf holds for this user
        #[arg(long)]
        superuser: bool,
        #[command(flatten)]
        scram: Scram,
    },
    /// Give a user another password
    #[command(alias = "update")]
    Passwd {
        /// User name
        name: String,
        /// The form of EMQX, refused with the right one
        #[arg(hide = true)]
        password: Option<String>,
        #[command(flatten)]
        scram: Scram,
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

#[derive(Subcommand)]
pub(super) enum ClientIdCommand {
    /// Add a client id; the password is asked for, or taken from standard input
    Add {
        /// Client identifier
        id: String,
        /// The form of EMQX, refused with the right one
        #[arg(hide = true)]
        password: Option<String>,
    },
    /// Give a client id another password
    #[command(alias = "passwd")]
    Update {
        /// Client identifier
        id: String,
        /// The form of EMQX, refused with the right one
        #[arg(hide = true)]
        password: Option<String>,
    },
    /// Take a client id out
    #[command(alias = "del")]
    Delete {
        /// Client identifier
        id: String,
    },
    /// All client ids
    List,
}

#[derive(Subcommand)]
pub(super) enum AclCommand {
    /// Ask again what clients may do
    CacheClean {
        /// Those of all nodes, of one node, or one client
        #[arg(value_name = "all|node|CLIENTID")]
        whose: String,
        /// The node, behind `node`
        #[arg(value_name = "NODE", required_if_eq("whose", "node"))]
        node: Option<String>,
    },
}

#[derive(Clone, Copy, clap::Args)]
pub(super) struct Scram {
    /// Clients of this user can do SCRAM-SHA-256
    #[arg(long)]
    scram: bool,
    /// How often such a client hashes to connect
    #[arg(
        long,
        value_name = "NUMBER",
        requires = "scram",
        default_value_t = scram::ITERATIONS.get(),
        value_parser = clap::value_parser!(u32).range(i64::from(scram::LEAST_ITERATIONS)..=10_000_000)
    )]
    iterations: u32,
}

impl Scram {
    pub(super) fn iterations(self) -> Option<NonZeroU32> {
        NonZeroU32::new(self.iterations).filter(|_| self.scram)
    }
}

#[derive(Clone, Copy, Subcommand)]
pub(super) enum CookieCommand {
    /// Print the cookie
    Show,
    /// Take the cookie from standard input
    Set,
    /// Make a new one
    New,
}

#[derive(Subcommand)]
pub(super) enum ConfCommand {
    /// Every setting in force, and where it comes from: file and line, variable, or default
    Show {
        /// Only of the keys that begin so, such as listener.tcp
        prefix: Option<String>,
    },
    /// Read the configuration again and tell what changed; a bad one changes nothing
    Reload,
}

#[derive(Subcommand)]
pub(super) enum DataCommand {
    /// Write a new file, which root alone can read
    Export {
        /// The file; emqx-rs-export.json here without it
        file: Option<PathBuf>,
        /// The users file, if it is not the usual one
        #[arg(long, value_name = "PATH")]
        users: Option<PathBuf>,
    },
    /// Take a file in: retained messages on all nodes, bans and users on this one
    Import {
        /// What export wrote
        file: PathBuf,
        /// The users file, if it is not the usual one
        #[arg(long, value_name = "PATH")]
        users: Option<PathBuf>,
    },
}

#[derive(Subcommand)]
pub(super) enum LogCommand {
    /// Set the least severity that is logged, until the next reload or restart
    SetLevel {
        /// error, warning, info or debug
        level: String,
    },
    /// Print the least severity that is logged, or set it as set-level does
    PrimaryLevel {
        /// error, warning, info or debug
        level: Option<String>,
    },
    /// Where the log goes
    #[command(subcommand)]
    Handlers(HandlersCommand),
}

#[derive(Clone, Subcommand)]
pub(super) enum HandlersCommand {
    /// All places
    List,
    /// Write there again
    Start {
        /// As the list names it: journald, console or file
        id: String,
    },
    /// Write nothing there, until the next reload or restart
    Stop {
        /// As the list names it: journald, console or file
        id: String,
    },
    /// Set the least severity that is written there, until the next reload or restart
    SetLevel {
        /// As the list names it: journald, console or file
        id: String,
        /// error, warning, info or debug
        level: String,
    },
}

#[derive(Clone, Subcommand)]
pub(super) enum PemCacheCommand {
    /// Read the certificates of listeners and of the mesh again
    Clean {
        /// Those of all nodes, or of one; without it those of this node
        #[arg(value_parser = ["all", "node"])]
        what: Option<String>,
        /// The node, behind `node`
        #[arg(value_name = "NODE", required_if_eq("what", "node"))]
        node: Option<String>,
    },
}
