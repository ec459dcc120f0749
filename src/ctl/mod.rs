//! What `emqx-rs-ctl` and a node say to each other: one JSON line asks, JSON lines answer, the last one is `end`.
//!
//! A connection carries one request. Lists come in pieces of at most [`ROWS_PER_LINE`] rows, so that neither side holds
//! the text of a whole table; [`Reply::absorb`] joins them. `render` makes the text of EMQX 4.4, or JSON.

pub mod ask;
pub mod cookie;
pub mod data;
pub mod doctor;
pub mod render;
pub mod service;
pub mod terminal;
pub mod token;
pub mod users;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

/// Longest request line, in bytes.
pub const REQUEST_MAX: usize = 64 << 10;
/// Most rows in one line of a reply.
pub const ROWS_PER_LINE: usize = 1000;
/// Name of the socket in the runtime or data folder.
pub const SOCKET_NAME: &str = "ctl.sock";

/// What is asked of a node.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
// Named from outside, as [`Reply`].
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Request {
    /// Is the node there, and what is it.
    Status,
    /// Version, uptime, time.
    Broker,
    /// Gauges.
    Stats,
    /// Counters.
    Metrics,
    /// Members of the cluster.
    ClusterStatus,
    /// What discovery by multicast hears.
    ClusterDiscover,
    /// What somebody has to know who makes a token, or uses one here. No secret is in it.
    ClusterPlaces,
    /// Join the cluster of `node`.
    ClusterJoin {
        /// `name@host`, or `name` on this host.
        node: String,
    },
    /// Leave the cluster and stay alone.
    ClusterLeave,
    /// Join again whom discovery finds.
    ClusterRediscover,
    /// Send the clients of this node to others.
    EvacuateStart {
        /// Clients in a second.
        rate: u32,
        /// The server that those of MQTT 5 are told.
        to: Option<String>,
        /// Even if no other node is up.
        force: bool,
    },
    /// How far that is.
    EvacuateStatus,
    /// Take clients again.
    EvacuateStop,
    /// Take a member out of the cluster.
    ClusterForceLeave {
        /// `name@host`, or `name` on this host.
        node: String,
    },
    /// All clients of this node, or one.
    Clients {
        /// Only this one.
        client_id: Option<String>,
    },
    /// End the session of a client.
    ClientsKick {
        /// Which.
        client_id: String,
    },
    /// The route table, or the rows of one filter.
    Routes {
        /// Only this filter.
        topic: Option<String>,
    },
    /// All subscriptions of this node, or those of one client.
    Subscriptions {
        /// Only of this client.
        client_id: Option<String>,
    },
    /// How many retained messages there are.
    RetainerInfo,
    /// Their topics.
    RetainerTopics {
        /// The first to tell, counted from 1.
        start: u64,
        /// So many at most.
        limit: u64,
    },
    /// A retained message.
    Retained {
        /// Its topic.
        topic: String,
    },
    /// Forget retained messages, on all nodes.
    RetainerClean {
        /// Only those that this filter matches.
        topic: Option<String>,
    },
    /// The listeners.
    Listeners,
    /// The alarms.
    Alarms {
        /// Only those that are active, or only those that are over.
        activated: Option<bool>,
    },
    /// Forget the alarms that are over.
    AlarmsDelete,
    /// Who is banned.
    Banned,
    /// Ban somebody, and end the connections that are there.
    BannedAdd {
        /// `clientid`, `username` or `peerhost`.
        kind: String,
        /// Client id, user name, or address or block.
        who: String,
        /// For how long; none is for ever.
        seconds: Option<u64>,
        /// Why.
        reason: Option<String>,
        /// Who bans; the operator of the node without.
        #[serde(skip_serializing_if = "Option::is_none", default)]
        by: Option<String>,
    },
    /// Take a ban out.
    BannedDel {
        /// `clientid`, `username` or `peerhost`.
        kind: String,
        /// Client id, user name, or address or block.
        who: String,
    },
    /// Forget what others said that clients of this node may do.
    AclCacheClean {
        /// Only of this client.
        client_id: Option<String>,
    },
    /// Who may use the HTTP API.
    Mgmt(Mgmt),
    /// Where the users are.
    UsersFile,
    /// Read the users again, and nothing else.
    UsersReload,
    /// Another node is asked; see [`Request::about_a_node`].
    Elsewhere {
        /// `name@host`.
        node: String,
        /// What.
        request: Box<Self>,
    },
    /// What the process takes of its host.
    Vm,
    /// Read the certificates again, and nothing else.
    CertificatesReload,
    /// The level of the log, and where it goes.
    LogShow,
    /// Read the configuration again.
    ConfReload,
    /// The settings in force.
    ConfShow {
        /// Only of the keys that begin so.
        prefix: Option<String>,
    },
    /// What happened lately to a client or at an address.
    Why {
        /// Client id, or address with or without port.
        who: String,
    },
    /// Change one of the places that the log goes to.
    LogHandler {
        /// As in [`LogHandler::id`].
        id: String,
        /// How.
        change: HandlerChange,
    },
    /// Set the least severity that is logged.
    LogSetLevel {
        /// `error`, `warning`, `info` or `debug`.
        level: String,
    },
    /// The traces that run.
    Traces,
    /// Begin a trace.
    TraceStart {
        /// `client`, `topic` or `ip_address`.
        kind: String,
        /// Client id, topic filter or address.
        what: String,
        /// Name of its file; the node makes one up without.
        file: Option<String>,
        /// As of `LogSetLevel`; `debug` without.
        level: Option<String>,
        /// For how long; a quarter of an hour without.
        seconds: Option<u64>,
    },
    /// End a trace.
    TraceStop {
        /// `client`, `topic` or `ip_address`.
        kind: String,
        /// Client id, topic filter or address.
        what: String,
    },
    /// Let a listener take clients, or not.
    ListenerTurn {
        /// `mqtt:tcp:external`; with a port the protocol, `mqtt:tcp` or `tcp`.
        id: String,
        /// Port, or address and port, of one of the protocol.
        port: Option<String>,
        /// Which way.
        turn: Turn,
    },
    /// The bridges.
    Bridges,
    /// Start a bridge, or stop it.
    BridgeTurn {
        /// Which.
        name: String,
        /// Start.
        on: bool,
    },
    /// Subscribe a client that is connected.
    SubscriptionsAdd {
        /// Which.
        client_id: String,
        /// To what.
        topic: String,
        /// 0, 1 or 2.
        qos: u8,
    },
    /// Take a subscription of a client that is connected out.
    SubscriptionsDel {
        /// Of which.
        client_id: String,
        /// The filter as it was asked for.
        topic: String,
    },
    /// What this node keeps that another could use: retained messages with their payloads, and bans.
    DataExport,
    /// Rows of it, one a line behind this one, are taken in.
    DataImport,
}

/// What is to be done with applications that may use the HTTP API.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Mgmt {
    /// All of them.
    List,
    /// Make one.
    Insert {
        /// Its id.
        id: String,
        /// Its name, for people.
        name: String,
    },
    /// One of them.
    Lookup {
        /// Its id.
        id: String,
    },
    /// Let one in or not.
    Update {
        /// Its id.
        id: String,
        /// It gets in.
        enabled: bool,
    },
    /// Take one out.
    Delete {
        /// Its id.
        id: String,
    },
}

/// What is to become of a place that the log goes to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum HandlerChange {
    /// It writes.
    Start,
    /// It writes nothing.
    Stop,
    /// The least severity that it writes, of what the log as a whole lets through.
    Level(String),
}

/// What a listener is to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Turn {
    /// Take clients.
    Start,
    /// Take none any more.
    Stop,
    /// Close and open anew.
    Restart,
}

impl Request {
    /// It changes something, so a member of the group alone may not ask it.
    #[must_use]
    pub const fn writes(&self) -> bool {
        match self {
            Self::Elsewhere { request, .. } => request.writes(),
            Self::Vm
            | Self::LogShow
            | Self::Status
            | Self::Broker
            | Self::Stats
            | Self::Metrics
            | Self::ClusterStatus
            | Self::ClusterDiscover
            | Self::ClusterPlaces
            | Self::Clients { .. }
            | Self::Routes { .. }
            | Self::Subscriptions { .. }
            | Self::RetainerInfo
            | Self::RetainerTopics { .. }
            | Self::Listeners
            | Self::Bridges
            | Self::Alarms { .. }
            | Self::Banned
            | Self::ConfShow { .. }
            | Self::UsersFile
            | Self::Mgmt(Mgmt::List | Mgmt::Lookup { .. })
            | Self::EvacuateStatus
            | Self::Traces
            | Self::Why { .. } => false,
            Self::ClusterJoin { .. }
            | Self::ClusterLeave
            | Self::ClusterRediscover
            | Self::EvacuateStart { .. }
            | Self::EvacuateStop
            | Self::LogHandler { .. }
            | Self::ClusterForceLeave { .. }
            | Self::ClientsKick { .. }
            | Self::RetainerClean { .. }
            | Self::BannedAdd { .. }
            | Self::BannedDel { .. }
            | Self::AclCacheClean { .. }
            | Self::Mgmt(Mgmt::Insert { .. } | Mgmt::Update { .. } | Mgmt::Delete { .. })
            | Self::UsersReload
            | Self::CertificatesReload
            | Self::AlarmsDelete
            | Self::ConfReload
            | Self::TraceStart { .. }
            | Self::TraceStop { .. }
            | Self::ListenerTurn { .. }
            | Self::BridgeTurn { .. }
            | Self::SubscriptionsAdd { .. }
            | Self::SubscriptionsDel { .. }
            // It holds what was published.
            | Self::DataExport
            | Self::Retained { .. }
            | Self::DataImport
            | Self::LogSetLevel { .. } => true,
        }
    }
}

impl Request {
    /// A node answers it to another one, for an operator there: what is about its own clients and its own process, and
    /// changes no more than an operator who ends a client, keeps it out, wants to see what it does, or has certificates and the
    /// rights of clients looked up anew.
    #[must_use]
    pub const fn about_a_node(&self) -> bool {
        matches!(
            self,
            Self::Status
                | Self::Broker
                | Self::Stats
                | Self::Metrics
                | Self::Vm
                | Self::EvacuateStatus
                | Self::AclCacheClean { .. }
                | Self::CertificatesReload
                | Self::Listeners
                | Self::Bridges
                | Self::BridgeTurn { .. }
                | Self::Alarms { .. }
                | Self::AlarmsDelete
                | Self::Clients { .. }
                | Self::Banned
                | Self::BannedAdd { .. }
                | Self::BannedDel { .. }
                | Self::ClientsKick { .. }
                | Self::Subscriptions { .. }
                | Self::RetainerInfo
                | Self::Traces
                | Self::TraceStart { .. }
                | Self::TraceStop { .. }
                | Self::SubscriptionsAdd { .. }
                | Self::SubscriptionsDel { .. }
                | Self::Why { .. }
        )
    }
}

/// What a node answers.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
// Named from outside, `{"status": {...}}`: with a tag inside the readers of all kinds would be there three times.
#[serde(rename_all = "snake_case")]
pub enum Reply {
    /// To `Status`.
    Status(Status),
    /// To `Broker`.
    Broker(Broker),
    /// To `Stats` and `Metrics`, by name.
    Numbers(BTreeMap<String, u64>),
    /// To `ClusterStatus`.
    Cluster(Cluster),
    /// To `ClusterDiscover`.
    Discovery(Discovery),
    /// To `ClusterPlaces`.
    Places(Places),
    /// A change of the cluster was done; the cluster after it.
    ClusterChanged {
        /// What was done.
        change: ClusterChange,
        /// The cluster as it is now.
        cluster: Cluster,
    },
    /// Nothing to do: the node named is this one.
    Ignored,
    /// To `Clients`, by client id.
    Clients(Vec<Client>),
    /// There is no such client, route or row.
    NotFound,
    /// Done, with nothing to tell.
    Done,
    /// To `Routes`, by topic and node.
    Routes(Vec<Route>),
    /// To `Subscriptions`, by client id and topic.
    Subscriptions(Vec<Subscription>),
    /// To `RetainerInfo`.
    Retainer(Retainer),
    /// To `RetainerTopics`, sorted.
    RetainedTopics(Vec<String>),
    /// To `RetainerClean`: how many went.
    Cleaned(u64),
    /// To `Listeners`.
    Listeners(Vec<Listener>),
    /// To `Alarms`: first those that are active.
    Alarms(Vec<Alarm>),
    /// To `AlarmsDelete`: how many went.
    AlarmsDeleted(u64),
    /// To `Banned`, by kind and name.
    Banned(Vec<Ban>),
    /// To `Mgmt`, by id.
    Apps(Vec<App>),
    /// To `Mgmt` that makes one: the secret, which is told once.
    AppSecret(String),
    /// To `UsersFile`: the path of the node, whether there is a file or not.
    UsersFile(PathBuf),
    /// To `ConfReload`: read, and what it changed.
    Reloaded(Reloaded),
    /// To `ConfShow`, by key.
    Settings(Vec<Setting>),
    /// To `Why`, the oldest first.
    Happened(Vec<Happened>),
    /// To `Vm`, by name.
    Vm(BTreeMap<String, String>),
    /// To `LogShow`.
    Log(Log),
    /// To `LogSetLevel`, and to `LogHandler` with a level: the level now.
    LogLevel(String),
    /// To `LogHandler`.
    LogHandlerChanged {
        /// Which.
        id: String,
        /// It writes.
        started: bool,
    },
    /// To `EvacuateStart` and `EvacuateStatus`; none: clients are welcome.
    Evacuation(Option<Evacuation>),
    /// To `Traces`.
    Traces(Vec<Trace>),
    /// To `TraceStart`.
    TraceStarted(Trace),
    /// To `TraceStop`.
    TraceStopped {
        /// `clientid`, `topic` or `ip_address`.
        kind: String,
        /// Client id, topic filter or address.
        what: String,
    },
    /// To `ListenerTurn`.
    ListenerTurned {
        /// `mqtt:tcp:external`
        id: String,
        /// What it did.
        turn: Turn,
        /// Its address.
        listen_on: String,
    },
    /// To `Bridges`, by name.
    Bridges(Vec<Bridge>),
    /// To `BridgeTurn`.
    BridgeTurned {
        /// Which.
        name: String,
        /// It runs.
        on: bool,
    },
    /// To `DataExport`, where more of them follow, and to `Retained`.
    Data(Vec<data::Row>),
    /// To `DataImport`.
    Imported(data::Imported),
    /// It was not done.
    Failed(String),
    /// The answer is complete.
    End,
}

impl Reply {
    /// Adds the rows of a further line to a list. Anything but a list of the same kind is given back.
    ///
    /// # Errors
    /// `more`, when it does not continue `self`.
    pub fn absorb(&mut self, more: Self) -> Result<(), Box<Self>> {
        match (self, more) {
            (Self::Clients(rows), Self::Clients(more)) => rows.extend(more),
            (Self::Banned(rows), Self::Banned(more)) => rows.extend(more),
            (Self::Alarms(rows), Self::Alarms(more)) => rows.extend(more),
            (Self::Routes(rows), Self::Routes(more)) => rows.extend(more),
            (Self::Subscriptions(rows), Self::Subscriptions(more)) => rows.extend(more),
            (Self::RetainedTopics(rows), Self::RetainedTopics(more)) => rows.extend(more),
            (Self::Happened(rows), Self::Happened(more)) => rows.extend(more),
            (Self::Settings(rows), Self::Settings(more)) => rows.extend(more),
            (_, more) => return Err(Box::new(more)),
        }
        Ok(())
    }

    /// The lines this reply is sent in.
    #[must_use]
    pub fn pieces(self) -> Vec<Self> {
        fn cut<T>(rows: Vec<T>, wrap: fn(Vec<T>) -> Reply) -> Vec<Reply> {
            let mut rows = rows.into_iter();
            let mut pieces = vec![wrap(rows.by_ref().take(ROWS_PER_LINE).collect())];
            loop {
                let piece: Vec<T> = rows.by_ref().take(ROWS_PER_LINE).collect();
                if piece.is_empty() {
                    return pieces;
                }
                pieces.push(wrap(piece));
            }
        }
        match self {
            Self::Clients(rows) => cut(rows, Self::Clients),
            Self::Banned(rows) => cut(rows, Self::Banned),
            Self::Alarms(rows) => cut(rows, Self::Alarms),
            Self::Routes(rows) => cut(rows, Self::Routes),
            Self::Subscriptions(rows) => cut(rows, Self::Subscriptions),
            Self::RetainedTopics(rows) => cut(rows, Self::RetainedTopics),
            Self::Happened(rows) => cut(rows, Self::Happened),
            Self::Settings(rows) => cut(rows, Self::Settings),
            Self::Status(_)
            | Self::Retainer(_)
            | Self::Cleaned(_)
            | Self::AlarmsDeleted(_)
            | Self::Broker(_)
            | Self::Numbers(_)
            | Self::Cluster(_)
            | Self::Discovery(_)
            | Self::Places(_)
            | Self::ClusterChanged { .. }
            | Self::Ignored
            | Self::NotFound
            | Self::Done
            | Self::Listeners(_)
            | Self::Apps(_)
            | Self::AppSecret(_)
            | Self::UsersFile(_)
            | Self::Vm(_)
            | Self::Log(_)
            | Self::LogHandlerChanged { .. }
            | Self::Evacuation(_)
            | Self::Reloaded(_)
            | Self::LogLevel(_)
            | Self::Traces(_)
            | Self::TraceStarted(_)
            | Self::TraceStopped { .. }
            | Self::ListenerTurned { .. }
            | Self::Bridges(_)
            | Self::BridgeTurned { .. }
            | Self::Data(_)
            | Self::Imported(_)
            | Self::Failed(_)
            | Self::End => vec![self],
        }
    }
}

/// An alarm.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Alarm {
    /// The node that it is about.
    pub node: String,
    /// `high_cpu_usage`
    pub name: String,
    /// For people.
    pub message: String,
    /// Numbers to it.
    pub details: serde_json::Value,
    /// It is not over.
    pub activated: bool,
    /// When it began, in microseconds since 1970.
    pub activate_at: u64,
    /// When it was over, likewise.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub deactivate_at: Option<u64>,
}

/// The log of a node.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Log {
    /// Least severity that is written.
    pub level: String,
    /// Where it goes.
    pub handlers: Vec<LogHandler>,
}

/// A place that the log goes to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LogHandler {
    /// `journald`, `console` or `file`.
    pub id: String,
    /// `journald`, `stderr`, or the path of the file.
    pub destination: String,
    /// Least severity that is written there.
    pub level: String,
    /// It writes.
    pub started: bool,
}

/// A node that sends its clients to others.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Evacuation {
    /// When it began, as date and time of the zone of the host.
    pub since: String,
    /// Clients in a second.
    pub rate: u32,
    /// The server that those of MQTT 5 are told.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub to: Option<String>,
    /// Clients that were connected then.
    pub clients: u64,
    /// Those that are now.
    pub connected: u64,
    /// Sessions without a connection, which other nodes fetch when their clients come.
    pub sessions: u64,
}

/// What is written down of a client, a topic or an address.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Trace {
    /// `clientid`, `topic` or `ip_address`.
    #[serde(rename = "type")]
    pub kind: String,
    /// Client id, topic filter or address.
    pub what: String,
    /// Least severity that is written.
    pub level: String,
    /// Where it goes.
    pub file: PathBuf,
    /// When it ends, as date and time of the zone of the host.
    pub until: String,
    /// Bytes written.
    pub bytes: u64,
    /// Bytes that end it.
    pub bytes_most: u64,
    /// Lines that found no room on their way to the disk.
    pub left_out: u64,
}

/// A setting in force.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Setting {
    /// Its key.
    pub key: String,
    /// Its value, stars for a secret; none when it gets one by a restart alone.
    pub value: Option<String>,
    /// `file:line`, the name of a variable, `default`, or what it follows from.
    pub from: String,
    /// What a restart makes of it, where that is another value; empty: it has none then.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub after_restart: Option<String>,
    /// It does something here.
    pub acts: bool,
}

/// What reading the configuration again has changed.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reloaded {
    /// In effect.
    pub changed: Vec<Changed>,
    /// They wait for a restart, also those that were told before.
    pub restart: Vec<Changed>,
}

/// A setting that has another value, secrets masked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Changed {
    /// Its key.
    pub key: String,
    /// What it was, if it had a value.
    pub was: Option<String>,
    /// What it is, if it has one.
    pub now: Option<String>,
    /// Where that stands.
    pub from: Option<String>,
}

/// The answer that these lines are the pieces of; none when they are not.
#[must_use]
pub fn joined(text: &[u8]) -> Option<Reply> {
    let mut lines = text.split(|byte| *byte == b'\n').filter(|line| !line.is_empty());
    let mut whole: Reply = serde_json::from_slice(lines.next()?).ok()?;
    for line in lines {
        whole.absorb(serde_json::from_slice(line).ok()?).ok()?;
    }
    Some(whole)
}

/// The retained messages of a node.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Retainer {
    /// Messages.
    pub total: u64,
    /// Bytes they take.
    pub bytes: u64,
    /// Topics of which it is remembered that their message is gone.
    pub deleted: u64,
    /// Equal on two nodes when their messages are.
    pub digest: String,
}

/// Something that happened to a client.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Happened {
    /// When, in milliseconds since 1970: the first time, if it was more than once.
    pub at_ms: u64,
    /// The same as date and time of the zone of the host.
    pub datetime: String,
    /// `error`, `warning`, `info` or `debug`.
    pub level: String,
    /// The client, or its address if it had no name yet.
    pub client_id: String,
    /// Its address; empty where it does not matter.
    pub peer: String,
    /// What.
    pub what: String,
    /// How often within a second.
    pub times: u64,
}

/// An application that may use the HTTP API.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct App {
    /// Its id.
    pub app_id: String,
    /// Its name, for people.
    pub name: String,
    /// Where it comes from.
    pub desc: String,
    /// It gets in.
    pub status: bool,
}

/// Somebody who is kept out.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ban {
    /// `clientid`, `username` or `peerhost`.
    #[serde(rename = "as")]
    pub kind: String,
    /// Client id, user name, or address or block.
    pub who: String,
    /// A client id is banned at this address alone.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub at_address: Option<String>,
    /// Why.
    pub reason: String,
    /// Who banned it.
    pub by: String,
    /// When, in seconds since 1970.
    pub at: u64,
    /// Until when, in seconds since 1970; none is for ever.
    pub until: Option<u64>,
}

/// What was done to the cluster.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ClusterChange {
    /// This node joined another.
    Joined,
    /// This node left.
    Left,
    /// This node joins again whom discovery finds.
    Discovers,
    /// Another member was taken out.
    Removed,
}

/// A node that answers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Status {
    /// Its name.
    pub node: String,
    /// Its release.
    pub version: String,
    /// `started`, or `stopping` while it drains.
    pub state: String,
    /// It sends its clients to others.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub evacuation: Option<Evacuation>,
}

/// Where the secret and the nodes of a cluster are.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Places {
    /// The node that answers.
    pub node: String,
    /// The name of its cluster.
    pub cluster: String,
    /// Where in the configuration that name stands, if it does.
    pub cluster_from: Option<String>,
    /// Where it has its cookie from.
    pub cookie_from: String,
    /// Number of that cookie, one byte that is in clear on the wire too.
    pub key_id: Option<u8>,
    /// `cluster.kdf = fast`
    pub fast: bool,
    /// Its data folder.
    pub data: PathBuf,
    /// Why its mesh is closed, if it is.
    pub refused: Option<String>,
    /// Nodes that are up, itself first, as lines of an invitation.
    pub nodes: Vec<String>,
}

/// What `broker` shows.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Broker {
    /// Words for what this is.
    pub sysdescr: String,
    /// Release.
    pub version: String,
    /// Milliseconds since the start.
    pub uptime_ms: u64,
    /// Local time, `YYYY-MM-DD hh:mm:ss`.
    pub datetime: String,
}

/// What `cluster status` shows.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cluster {
    /// Nodes that are up, by name.
    pub running_nodes: Vec<String>,
    /// Members that are not, by name.
    pub stopped_nodes: Vec<String>,
    /// `cluster.name`.
    pub name: String,
    /// The node that answers.
    pub node: String,
    /// The oldest member in reach.
    pub leader: Option<String>,
    /// This node left its cluster and stays alone.
    pub left: bool,
    /// This node sends its clients to others.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub evacuation: Option<Evacuation>,
    /// Why the mesh of this node is closed, if it is.
    pub refused: Option<String>,
    /// Port of its mesh, TCP and UDP, where it is open.
    pub port: Option<u16>,
    /// Its data folder.
    pub data: PathBuf,
    /// Links of the last ten minutes that one end did not want, the latest first.
    pub refusals: Vec<Refusal>,
    /// Routes that this node has announced.
    pub routes: u64,
    /// Copies of routes that were found wrong and made anew.
    pub repaired: u64,
    /// Members that this node lost in a partition that is not healed yet.
    pub split: Vec<String>,
    /// This node rejoins after a partition.
    pub healing: bool,
    /// Heals that this node led.
    pub heals_led: u64,
    /// Heals that ended.
    pub heals: u64,
    /// Times that this node rejoined.
    pub rejoins: u64,
    /// The last heal that ended.
    pub last_heal: Option<LastHeal>,
    /// Datagrams to the mesh port that were no heartbeat of a linked node.
    pub heartbeats_dropped: u64,
    /// Claims on clients that this node keeps for the cluster.
    pub claims: u64,
    /// Wills of clients that this node keeps for the case that their nodes die.
    pub wills: u64,
    /// Every member.
    pub members: Vec<Member>,
}

/// What discovery by multicast hears.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Discovery {
    /// `INTERFACE ADDRESS/PREFIX` of each network that it asks in.
    pub networks: Vec<String>,
    /// UDP ports that it asks at.
    pub ports: Vec<u16>,
    /// Nodes, by name.
    pub heard: Vec<Heard>,
    /// Datagrams, by what became of them.
    pub datagrams: BTreeMap<String, u64>,
}

/// A node that discovery heard.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Heard {
    /// What it calls itself; not proven if its cookie is another one.
    pub node: String,
    /// `IP:PORT` of its mesh.
    pub address: String,
    /// Where it was heard.
    pub interface: String,
    /// Milliseconds ago, last.
    pub age_ms: u64,
    /// How often.
    pub count: u64,
    /// It was heard over the group, not only as an answer.
    pub multicast: bool,
    /// It answered this node, so it hears it.
    pub answered: bool,
    /// It is linked with this node.
    pub linked: bool,
    /// Accepted, or why not.
    pub status: String,
}

/// A link that one end did not want.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refusal {
    /// The other node; none: a stranger, who has not proven the cookie.
    pub node: Option<String>,
    /// `IP:PORT` of its mesh, or the `IP` that it came from.
    pub address: String,
    /// This node dialled; else it came.
    pub dialed: bool,
    /// Why.
    pub reason: String,
    /// Milliseconds ago, last.
    pub age_ms: u64,
    /// How often.
    pub count: u64,
}

/// A heal that ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LastHeal {
    /// Seconds ago.
    pub seconds_ago: u64,
    /// The parts of the split, the surviving one first.
    pub parts: Vec<Vec<String>>,
    /// Who rejoined.
    pub rejoined: Vec<String>,
}

/// One member of the cluster.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Member {
    /// Its name.
    pub node: String,
    /// `up`, `joining`, `down`, `left`, `removed` or `banned`.
    pub state: String,
    /// Seconds it has been so.
    pub since_seconds: u64,
    /// Its release.
    pub version: String,
    /// Identity of its data folder.
    pub node_id: String,
    /// Number of its process life.
    pub incarnation: u64,
    /// Address of the link to it.
    pub address: Option<String>,
    /// Round-trip time of its heartbeats, in microseconds.
    pub rtt_us: Option<u64>,
    /// Its heartbeats come over UDP.
    pub udp: bool,
    /// It says that it makes no progress.
    pub stalled: bool,
    /// Whom it said that it reaches; none of this node, nor of one that has not said it yet.
    pub reaches: Option<Vec<String>>,
}

/// A client of this node, connected or with a session kept.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Client {
    /// Client identifier.
    pub client_id: String,
    /// User name, if it gave one.
    pub username: Option<String>,
    /// `IP:PORT` of the other end.
    pub peername: String,
    /// Version of MQTT: 3, 4 or 5; 0 without a connection.
    #[serde(default)]
    pub proto_ver: u8,
    /// Zone of its listener, if it has a connection.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub zone: Option<String>,
    /// Clean Start, or Clean Session of version 3.
    pub clean_start: bool,
    /// Keep Alive in seconds.
    pub keepalive: u16,
    /// Seconds the session is kept after the connection.
    pub session_expiry_interval: u64,
    /// Subscriptions.
    pub subscriptions: u64,
    /// Messages sent and not yet acknowledged.
    pub inflight: u64,
    /// QoS 2 messages received whose PUBREL is awaited.
    pub awaiting_rel: u64,
    /// Messages given to it.
    pub delivered_msgs: u64,
    /// Messages that wait for it.
    pub enqueued_msgs: u64,
    /// Messages its queue dropped.
    pub dropped_msgs: u64,
    /// There is a connection.
    pub connected: bool,
    /// When the session began, ms since 1970.
    pub created_at: u64,
    /// When the connection began.
    pub connected_at: u64,
    /// When it ended, if it did.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub disconnected_at: Option<u64>,
}

/// One row of the route table.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Route {
    /// Topic filter.
    pub topic: String,
    /// Node that has subscribers.
    pub node: String,
    /// Group of a shared subscription.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub group: Option<String>,
}

impl Route {
    /// The filter as a client asks for it, with the group.
    #[must_use]
    pub fn asked_for(&self) -> String {
        match &self.group {
            Some(group) if group == "$exclusive/" => format!("{group}{}", self.topic),
            Some(group) => format!("$share/{group}/{}", self.topic),
            None => self.topic.clone(),
        }
    }
}

/// One subscription.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Subscription {
    /// Who.
    pub client_id: String,
    /// The filter as it was asked for, `$share/group/` included.
    pub topic: String,
    /// Highest QoS it wants.
    pub qos: u8,
}

/// One listener.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Listener {
    /// `mqtt:tcp:external`
    pub id: String,
    /// Address and port that are bound.
    pub listen_on: String,
    /// Tasks that accept.
    pub acceptors: u64,
    /// Connections at most.
    pub max_conns: u64,
    /// Connections now.
    pub current_conn: u64,
    /// Connections that ended, by reason.
    pub shutdown_count: BTreeMap<String, u64>,
    /// Why it is closed, if it is.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub closed: Option<String>,
}

/// One bridge.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Bridge {
    /// Its name.
    pub name: String,
    /// Address of the remote.
    pub server: String,
    /// `stopped`, `connecting`, `connected`; `standby`: another node of the cluster is.
    pub status: String,
    /// This node has the subscriptions at the remote.
    pub subscribed: bool,
    /// Messages handed to the remote.
    pub forwarded: u64,
    /// Messages taken from it.
    pub received: u64,
    /// Messages that found no room, or were not wanted.
    pub dropped: u64,
    /// Messages that wait here.
    pub queued: u64,
    /// Why it is not connected.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub reason: Option<String>,
}

/// Where a node puts its socket: `$RUNTIME_DIRECTORY`, else `/run/emqx-rs` when it can be made and written, else `data`.
#[must_use]
pub fn socket_of_node(env: &[(String, String)], data: &Path) -> PathBuf {
    let runtime = env.iter().find(|(name, text)| name == "RUNTIME_DIRECTORY" && !text.is_empty());
    if let Some(first) = runtime.and_then(|(_, text)| text.split(':').next()) {
        return Path::new(first).join(SOCKET_NAME);
    }
    let run = Path::new("/run/emqx-rs");
    let there = std::fs::create_dir(run).is_ok() || run.is_dir();
    let writable = || nix::unistd::access(run, nix::unistd::AccessFlags::W_OK).is_ok();
    if there && writable() { run.join(SOCKET_NAME) } else { data.join(SOCKET_NAME) }
}

/// Where the socket of this host's node is looked for, best first.
#[must_use]
pub fn sockets_to_try(home: Option<&Path>) -> Vec<PathBuf> {
    let home = home.map(|home| home.join(".local/state/emqx-rs"));
    let folders = [Some("/run/emqx-rs".into()), home, Some("/var/lib/emqx-rs".into())];
    folders.into_iter().flatten().map(|folder: PathBuf| folder.join(SOCKET_NAME)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_are_one_line_and_come_back() {
        for (request, line) in [
            (Request::Status, r#""status""#),
            (Request::Clients { client_id: None }, r#"{"clients":{"client_id":null}}"#),
            (
                Request::ClientsKick { client_id: "a\nb".into() },
                r#"{"clients_kick":{"client_id":"a\nb"}}"#,
            ),
        ] {
            assert_eq!(serde_json::to_string(&request).unwrap(), line);
            assert_eq!(serde_json::from_str::<Request>(line).unwrap(), request);
        }
        assert!(serde_json::from_str::<Request>(r#""dance""#).is_err());
        assert!(Request::ClusterLeave.writes() && !Request::Listeners.writes());
    }

    #[test]
    fn long_lists_travel_in_pieces() {
        let row = |n: usize| Route { topic: n.to_string(), node: "n@h".into(), group: None };
        let rows: Vec<_> = (0..2 * ROWS_PER_LINE + 1).map(row).collect();
        let mut pieces = Reply::Routes(rows.clone()).pieces().into_iter();
        assert_eq!(pieces.len(), 3);
        let mut whole = pieces.next().unwrap();
        pieces.for_each(|piece| whole.absorb(piece).unwrap());
        assert_eq!(whole, Reply::Routes(rows.clone()));
        let lines = Reply::Routes(rows).pieces().into_iter();
        let lines: Vec<_> = lines.map(|one| serde_json::to_string(&one).unwrap()).collect();
        assert_eq!(joined(lines.join("\n").as_bytes()), Some(whole.clone()));
        assert_eq!((joined(b""), joined(b"{}")), (None, None));
        assert!(whole.absorb(Reply::Done).is_err());
        assert_eq!(Reply::Clients(Vec::new()).pieces().len(), 1);
    }
}
