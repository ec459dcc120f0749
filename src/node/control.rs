//! Answers `emqx-rs-ctl` on the Unix socket of the node.
//!
//! One request a connection. The file lets in root, the user of the service and its group; who of them may change things
//! is decided by the credentials the kernel gives with the connection: uid 0 and the user of the service. What a node
//! cannot do by itself (read the configuration, set the level of the log) is asked of an [`Operator`].

mod bridges;
mod clients;
mod data;
mod evacuation;
mod listeners;
mod reloading;
mod traces;
mod why;

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::net::SocketAddr;
use std::os::unix::fs::{FileTypeExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{UnixListener, UnixStream, unix::UCred};
use tokio::sync::Semaphore;
use tokio::time::timeout;

use reloading::Reloads;

use super::{
    Node,
    asking::Answers,
    hub::Hub,
    locks,
    mailbox::Signal,
    mesh::{Discovered, JoinError},
    sys_topics, vm, work,
};
use crate::cluster::{
    ClusterStatus, MemberLine, MemberStatus, NodeName, Target,
    invitation::{self, NODES_MAX},
    probing::Heard,
    refusals::Refusal,
    settings::{Kdf, Seed},
};
use crate::ctl::{self, ClusterChange, HandlerChange, Mgmt, REQUEST_MAX, Reply, Request};
use crate::net::{clock::Clock, supervise};
use crate::time::{Time, Wall};
use crate::topic::TopicFilter;
use crate::{
    broker::{
        ClientId,
        bans::{self, Ban},
        stats::Metric,
    },
    sort,
};

/// Connections at once.
const MOST: usize = 16;
/// A connection that says or takes nothing for this long is closed.
const IDLE: Duration = Duration::from_secs(5);
/// Days until the first of the certificates for other nodes ends.
const CERTIFICATE_DAYS: &str = "mesh.certificate.days";
/// Why an export is not answered here.
const ONLY_HERE: &str = "only the node of this host is asked for that";
/// The same of the listeners.
const LISTENER_CERTIFICATE_DAYS: &str = "listener.certificate.days";

/// What a node asks of the process around it. What it reads again may take long, and is asked of it one at a time by [`Desk`].
pub trait Operator: Send + Sync + 'static {
    /// Reads the configuration again and puts it into effect. Gives what changed, and what of it needs a restart.
    ///
    /// # Errors
    /// The faults of the configuration; nothing was changed.
    fn reload(&self) -> Result<ctl::Reloaded, String>;

    /// The settings in force whose key begins with `prefix`, secrets masked.
    ///
    /// # Errors
    /// There is none; the text names the nearest key.
    fn settings(&self, prefix: &str) -> Result<Vec<ctl::Setting>, String>;

    /// Reads the users again and puts them into effect, and nothing else.
    ///
    /// # Errors
    /// The faults of the configuration or the users file; nothing was changed.
    fn reload_users(&self) -> Result<(), String>;

    /// Reads the certificates again and puts them into effect, and nothing else.
    ///
    /// # Errors
    /// The faults of the configuration; nothing was changed.
    fn reload_certificates(&self) -> Result<(), String>;

    /// Where the node has its settings from.
    fn origins(&self) -> Origins;

    /// What happened lately to a client id or at an address.
    fn recent(&self, who: &str) -> Vec<ctl::Happened>;

    /// The level of the log, and where it goes.
    fn log(&self) -> ctl::Log;

    /// Starts or stops one of the places that the log goes to, or sets the least severity there, until the next reload; gives the
    /// severity there now.
    ///
    /// # Errors
    /// There is none of this name, or it is no level.
    fn change_log_handler(&self, id: &str, change: &HandlerChange) -> Result<&'static str, String>;

    /// Sets the least severity that is logged; gives the level now, or none for a word that is no level.
    fn set_log_level(&self, level: &str) -> Option<&'static str>;
}

/// Where a node has its settings from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Origins {
    /// Of `cluster.name`, if it is set.
    pub cluster_name: Option<String>,
    /// Of the cookie.
    pub cookie: String,
    /// `cluster.kdf`
    pub kdf: Kdf,
    /// The data folder.
    pub data: PathBuf,
    /// The users file, whether it exists or not.
    pub users: PathBuf,
}

/// The node as the control socket sees it.
pub struct Desk {
    node: Arc<Node>,
    name: NodeName,
    operator: Arc<dyn Operator>,
    reloads: Reloads,
    stopping: AtomicBool,
}

impl Desk {
    /// For `node`, which has this name.
    #[must_use]
    pub fn new(node: Arc<Node>, name: NodeName, operator: Arc<dyn Operator>) -> Self {
        let reloads = Reloads::new(operator.clone());
        Self { node, name, operator, reloads, stopping: AtomicBool::new(false) }
    }

    /// From now on other nodes are answered, too.
    pub fn open_to_others(self: &Arc<Self>) {
        self.node.hub().answers_with(self.clone());
    }

    /// From now on the node says that it stops.
    pub fn stopping(&self) {
        self.stopping.store(true, Ordering::Relaxed);
    }

    /// The node.
    pub(in crate::node) const fn node(&self) -> &Arc<Node> {
        &self.node
    }

    /// Its name.
    pub(in crate::node) const fn name(&self) -> &NodeName {
        &self.name
    }

    /// The process around it.
    pub(in crate::node) fn operator(&self) -> &dyn Operator {
        &*self.operator
    }

    /// The answer to a request.
    pub(in crate::node) async fn answer(&self, request: Request) -> Reply {
        let hub = self.node.hub();
        match request {
            Request::Status => Reply::Status(self.status()),
            Request::Broker => Reply::Broker(broker(hub.clock)),
            Request::Stats => Reply::Numbers(self.node.gauges()),
            Request::Metrics => counters(hub),
            Request::ClusterStatus => self.cluster().await.map_or_else(mesh_ended, Reply::Cluster),
            Request::ClusterDiscover => self.discover().await,
            Request::ClusterPlaces => self.places().await.map_or_else(mesh_ended, Reply::Places),
            Request::ClusterJoin { node } => self.join(&node).await,
            Request::ClusterLeave => self.leave().await,
            Request::ClusterRediscover => self.rediscover().await,
            Request::EvacuateStart { rate, to, force } => self.evacuate(rate, to, force).await,
            Request::EvacuateStatus => Reply::Evacuation(self.node.hub().evacuation()),
            Request::EvacuateStop => self.end_evacuation(),
            Request::LogHandler { id, change } => self.change_log_handler(&id, &change),
            Request::ClusterForceLeave { node } => self.force_leave(&node).await,
            Request::Clients { client_id } => self.clients(client_id).await,
            Request::ClientsKick { client_id } => self.kick(&client_id),
            Request::Routes { topic } => self.routes(topic).await,
            Request::Subscriptions { client_id } => self.subscriptions(client_id).await,
            Request::RetainerInfo => Reply::Retainer(hub.retainer()),
            Request::RetainerTopics { start, limit } => hub.topics_of_retained(start, limit).await,
            Request::Retained { topic } => self.retained_message(&topic),
            Request::RetainerClean { topic } => clean_retained(hub, topic.as_deref()).await,
            Request::Listeners => self.listeners(),
            Request::Alarms { activated } => Reply::Alarms(hub.alarms(activated)),
            Request::AlarmsDelete => Reply::AlarmsDeleted(hub.forget_alarms() as u64),
            Request::Bridges => self.bridges(),
            Request::BridgeTurn { name, on } => self.turn_bridge(&name, on),
            Request::ListenerTurn { id, port, turn } => self.turn_listener(&id, port, turn).await,
            Request::SubscriptionsAdd { client_id, topic, qos } => {
                self.subscribe(&client_id, &topic, qos).await
            }
            Request::SubscriptionsDel { client_id, topic } => {
                self.unsubscribe(&client_id, &topic).await
            }
            Request::DataExport | Request::DataImport => Reply::Failed(ONLY_HERE.into()),
            Request::Traces => Reply::Traces(hub.traces.list()),
            Request::TraceStart { kind, what, file, level, seconds } => {
                let wish = (file.as_deref(), level.as_deref(), seconds);
                self.start_trace((&kind, &what), wish)
            }
            Request::TraceStop { kind, what } => self.stop_trace(&kind, &what),
            Request::Elsewhere { node, request } => self.elsewhere(&node, *request).await,
            Request::Vm => Reply::Vm(vm::figures()),
            Request::CertificatesReload => self.certificates_reload().await,
            Request::LogShow => Reply::Log(self.operator.log()),
            Request::Banned => Reply::Banned(hub.bans_shown()),
            Request::BannedAdd { kind, who, seconds, reason, by } => {
                self.ban((&kind, &who), seconds, (reason, by))
            }
            Request::BannedDel { kind, who } => self.unban(&kind, &who),
            Request::AclCacheClean { client_id } => self.clean_acl_cache(client_id.as_deref()),
            Request::Mgmt(command) => self.mgmt(command),
            Request::UsersFile => Reply::UsersFile(self.operator.origins().users),
            Request::UsersReload => self.users_reload().await,
            Request::ConfReload => self.conf_reload().await,
            Request::ConfShow { prefix } => {
                let rows = self.operator.settings(prefix.as_deref().unwrap_or_default());
                rows.map_or_else(Reply::Failed, Reply::Settings)
            }
            Request::Why { who } => self.why(&who).await,
            Request::LogSetLevel { level } => self.set_log_level(&level),
        }
    }

    fn change_log_handler(&self, id: &str, change: &HandlerChange) -> Reply {
        let (id, shown) = (id, ctl::render::shown(id));
        let done = self.operator.change_log_handler(id, change);
        match (done, change) {
            (Ok(level), HandlerChange::Level(_)) => Reply::LogLevel(level.into()),
            (Ok(_), HandlerChange::Start) => Reply::LogHandlerChanged { id: shown, started: true },
            (Ok(_), HandlerChange::Stop) => Reply::LogHandlerChanged { id: shown, started: false },
            (Err(why), _) => Reply::Failed(why),
        }
    }

    fn set_log_level(&self, text: &str) -> Reply {
        match self.operator.set_log_level(text) {
            Some(level) => Reply::LogLevel(level.into()),
            None => {
                let text = ctl::render::shown(text);
                Reply::Failed(format!("{text}: expected error, warning, info or debug"))
            }
        }
    }

    fn mgmt(&self, command: Mgmt) -> Reply {
        let apps = &self.node.hub().apps;
        match command {
            Mgmt::List => Reply::Apps(apps.list()),
            Mgmt::Insert { id, name } => {
                let made = apps.insert(&id, &name);
                made.map_or_else(Reply::Failed, |secret| Reply::AppSecret(secret.to_string()))
            }
            Mgmt::Lookup { id } => {
                let one = apps.list().into_iter().find(|app| app.app_id == id);
                one.map_or(Reply::NotFound, |app| Reply::Apps(vec![app]))
            }
            Mgmt::Update { id, enabled } => found(apps.enable(&id, enabled)),
            Mgmt::Delete { id } => found(apps.remove(&id)),
        }
    }

    fn retained_message(&self, topic: &str) -> Reply {
        let one = self.retained(topic).map(|row| vec![ctl::data::Row::Retained(row)]);
        one.map_or(Reply::NotFound, Reply::Data)
    }

    /// As EMQX: done, whether it was there or not.
    fn kick(&self, client_id: &str) -> Reply {
        self.node.hub().kick(&ClientId::new(client_id));
        Reply::Done
    }

    /// The answer of another node.
    async fn elsewhere(&self, name: &str, request: Request) -> Reply {
        let name = &seed(name, &self.name).map_or(name.to_owned(), |seed| seed.name.to_string());
        if name == self.name.as_str() {
            return Box::pin(self.answer(request)).await;
        }
        let Some(status) = self.node.mesh().status().await else { return mesh_ended() };
        let up = |line: &&MemberLine| line.status == MemberStatus::Up && line.name.as_str() == name;
        let Some(line) = status.members.iter().find(up) else {
            let name = ctl::render::shown(name);
            return Reply::Failed(format!("{name} is no running node of this cluster"));
        };
        let silent = "it does not answer; another release, perhaps";
        let reply = self.node.hub().ask_node(line.node_id, &request).await;
        reply.unwrap_or_else(|| Reply::Failed(silent.into()))
    }

    fn ban(
        &self,
        (kind, who): (&str, &str),
        seconds: Option<u64>,
        (reason, by): (Option<String>, Option<String>),
    ) -> Reply {
        let Some(target) = bans::Target::parse(kind, who) else { return bad_target(kind) };
        let hub = self.node.hub();
        let at = hub.clock.wall();
        let until = seconds
            .map(|seconds| Wall::from_ms(at.as_ms().saturating_add(seconds.saturating_mul(1000))));
        let by = by.unwrap_or_else(|| "emqx-rs-ctl".to_owned());
        match hub.ban(target, Ban { reason: reason.unwrap_or_default(), by, at, until }) {
            Ok(()) => Reply::Done,
            Err(why) => Reply::Failed(why),
        }
    }

    fn clean_acl_cache(&self, client_id: Option<&str>) -> Reply {
        let registry = &self.node.hub().registry;
        match client_id {
            None => registry.signal_all(|| Signal::CleanAclCache),
            Some(id) => match registry.live(&ClientId::new(id)) {
                Some(mailbox) => mailbox.signal(Signal::CleanAclCache),
                None => return Reply::NotFound,
            },
        }
        Reply::Done
    }

    fn unban(&self, kind: &str, who: &str) -> Reply {
        let Some(target) = bans::Target::parse(kind, who) else { return bad_target(kind) };
        let hub = self.node.hub();
        found(hub.bans.remove(&target, hub.clock.wall()))
    }

    fn status(&self) -> ctl::Status {
        ctl::Status {
            node: self.name.to_string(),
            version: env!("CARGO_PKG_VERSION").into(),
            state: self.state().into(),
            evacuation: self.node.hub().evacuation(),
        }
    }

    fn state(&self) -> &'static str {
        if self.stopping.load(Ordering::Relaxed) { "stopping" } else { "started" }
    }

    async fn discover(&self) -> Reply {
        match self.node.mesh().discovered().await {
            Some(found) => Reply::Discovery(discovery(&found, self.node.hub().clock)),
            None => Reply::Failed(
                "This node does not look for others by multicast: cluster.discovery is not mcast, or its mesh is closed \
                 (emqx-rs-ctl --json cluster status says why)."
                    .into(),
            ),
        }
    }

    async fn cluster(&self) -> Option<ctl::Cluster> {
        let status = self.node.mesh().status().await?;
        let data = self.operator.origins().data;
        let evacuation = self.node.hub().evacuation();
        Some(ctl::Cluster { data, evacuation, ..cluster(&status, self.node.hub().clock) })
    }

    async fn places(&self) -> Option<ctl::Places> {
        let status = self.node.mesh().status().await?;
        let Origins { cluster_name, cookie, kdf, data, .. } = self.operator.origins();
        let mut up: Vec<_> = status.up().collect();
        sort::sort_by_key(&mut up, |line| line.name != status.node);
        let nodes = up.into_iter().take(NODES_MAX).map(|line| target(line).to_string());
        Some(ctl::Places {
            node: status.node.to_string(),
            cluster: status.cluster.clone(),
            cluster_from: cluster_name,
            cookie_from: cookie,
            key_id: self.node.mesh().key_id(),
            fast: kdf == Kdf::Fast,
            data,
            nodes: nodes.collect(),
            refused: status.refused,
        })
    }

    async fn changed(&self, change: ClusterChange) -> Reply {
        let cluster = self.cluster().await;
        cluster.map_or_else(mesh_ended, |cluster| Reply::ClusterChanged { change, cluster })
    }

    async fn join(&self, text: &str) -> Reply {
        let failed = |reason: &str| Reply::Failed(format!("Failed to join the cluster: {reason}"));
        let seed = match seed(text, &self.name) {
            Ok(seed) => seed,
            Err(reason) => return failed(&reason),
        };
        if seed.name == self.name {
            return Reply::Ignored;
        }
        let now = self.cluster().await.unwrap_or_default();
        if now.running_nodes.iter().any(|name| name == seed.name.as_str()) {
            return failed(&format!("{{already_in_cluster,'{}'}}", seed.name));
        }
        match self.node.mesh().join(seed).await {
            Ok(()) => self.changed(ClusterChange::Joined).await,
            Err(JoinError::Myself(_)) => Reply::Ignored,
            Err(JoinError::Failed { name, reason, down: true }) => {
                failed(&format!("{{node_down,'{name}'}}: {reason}"))
            }
            Err(error @ (JoinError::Closed(_) | JoinError::Failed { .. })) => {
                failed(&error.to_string())
            }
        }
    }

    async fn leave(&self) -> Reply {
        let now = self.cluster().await.unwrap_or_default();
        if now.running_nodes.len() + now.stopped_nodes.len() < 2 {
            let name = &self.name;
            return Reply::Failed(format!(
                "Failed to leave the cluster: {{node_not_in_cluster,'{name}'}}"
            ));
        }
        self.node.mesh().leave().await;
        self.changed(ClusterChange::Left).await
    }

    /// Takes up discovery where this node left its cluster.
    async fn rediscover(&self) -> Reply {
        let now = self.cluster().await.unwrap_or_default();
        if now.left {
            self.node.mesh().rediscover().await;
            tracing::info!("discovery is on again");
        }
        self.changed(ClusterChange::Discovers).await
    }

    async fn force_leave(&self, text: &str) -> Reply {
        let failed = |reason: String| {
            Reply::Failed(format!("Failed to remove the node from cluster: {reason}"))
        };
        match seed(text, &self.name) {
            Err(reason) => failed(reason),
            Ok(seed) if seed.name == self.name => Reply::Ignored,
            Ok(seed) => {
                if self.node.mesh().force_leave(seed.name.clone()).await {
                    self.changed(ClusterChange::Removed).await
                } else {
                    failed(format!("{{node_not_in_cluster,'{}'}}", seed.name))
                }
            }
        }
    }
}

fn counters(hub: &Hub) -> Reply {
    Reply::Numbers(hub.metrics().map(|(name, n)| (name.to_owned(), n)).collect())
}

impl Answers for Desk {
    fn answer(self: Arc<Self>, request: Request) -> Pin<Box<dyn Future<Output = Reply> + Send>> {
        Box::pin(async move { Self::answer(&self, request).await })
    }
}

/// Whether there was what was to be changed.
fn found(result: Result<bool, String>) -> Reply {
    result.map_or_else(Reply::Failed, |found| if found { Reply::Done } else { Reply::NotFound })
}

fn bad_target(kind: &str) -> Reply {
    Reply::Failed(if kind == "peerhost" {
        "expected an address or a block such as 192.168.0.0/16".into()
    } else {
        "expected clientid, username or peerhost".into()
    })
}

fn mesh_ended() -> Reply {
    Reply::Failed("the mesh of this node has ended".into())
}

/// Where to dial a node, as it says itself.
fn target(line: &MemberLine) -> Target {
    let port = line.listens.first().map(|addr| addr.port());
    let host = line.name.ip();
    let told = |addr: &&SocketAddr| !addr.ip().is_unspecified() && Some(addr.ip()) != host;
    Target {
        name: line.name.clone(),
        port: port.filter(|port| *port != line.name.mesh_port()),
        addrs: line.listens.iter().filter(told).copied().collect(),
    }
}

/// `name@host`, `name` on the host of `own`, either with the mesh port behind it: `name@host:4371`. An address of IPv6 stands in
/// brackets there, which are no part of the name.
fn seed(text: &str, own: &NodeName) -> Result<Seed, String> {
    let full = if text.contains('@') { text.to_owned() } else { format!("{text}@{}", own.host()) };
    invitation::seed(&full).map_err(|error| error.to_string())
}

async fn clean_retained(hub: &Hub, filter: Option<&str>) -> Reply {
    let filter = match filter.map(TopicFilter::parse).transpose() {
        Ok(filter) => filter,
        Err(error) => return Reply::Failed(error.to_string()),
    };
    Reply::Cleaned(hub.clean_retained(filter.as_ref()).await as u64)
}

impl Hub {
    fn retainer(&self) -> ctl::Retainer {
        let table = locks::read(&self.retained);
        ctl::Retainer {
            total: table.len() as u64,
            bytes: table.bytes() as u64,
            deleted: table.gone() as u64,
            digest: format!("{:016x}", table.digest()),
        }
    }

    /// Taken in steps, so that no publish waits for a long list.
    async fn topics_of_retained(&self, start: u64, limit: u64) -> Reply {
        let (mut seen, mut topics, mut after) = (0_u64, Vec::new(), None::<Arc<str>>);
        loop {
            let step = locks::read(&self.retained).topics(after.as_deref(), work::LOOK);
            let Some(last) = step.last().cloned() else { return Reply::RetainedTopics(topics) };
            after = Some(last);
            for topic in step {
                seen += 1;
                if topics.len() as u64 >= limit {
                    return Reply::RetainedTopics(topics);
                }
                if seen >= start {
                    topics.push(topic.as_ref().to_owned());
                }
            }
            tokio::task::yield_now().await;
        }
    }
}

fn broker(clock: Clock) -> ctl::Broker {
    ctl::Broker {
        sysdescr: sys_topics::SYSDESCR.into(),
        version: env!("CARGO_PKG_VERSION").into(),
        uptime_ms: clock.now().as_ms(),
        datetime: sys_topics::local_time(clock.wall()),
    }
}

impl Node {
    /// Gauges as EMQX names them: `.count`, and the high-water mark `.max`; and [`CERTIFICATE_DAYS`] where nodes speak TLS.
    #[must_use]
    pub fn gauges(&self) -> BTreeMap<String, u64> {
        self.hub().refresh_gauges();
        let rows = self.hub().stats.gauges();
        rows.flat_map(|(gauge, now, max)| {
            let name = gauge.name();
            [(format!("{name}.count"), now), (format!("{name}.max"), max)]
        })
        .chain(self.mesh().certificate_days().map(|days| (CERTIFICATE_DAYS.to_owned(), days)))
        .chain(self.certificate_days().map(|days| (LISTENER_CERTIFICATE_DAYS.to_owned(), days)))
        .collect()
    }
}

fn discovery(found: &Discovered, clock: Clock) -> ctl::Discovery {
    let now = clock.now();
    let age = |at: Time| u64::try_from(now.since(at).as_millis()).unwrap_or(u64::MAX);
    let heard = |(heard, linked): &(Heard, bool)| ctl::Heard {
        node: heard.name.to_string(),
        address: SocketAddr::new(heard.addr, heard.port).to_string(),
        interface: heard.interface.clone(),
        age_ms: age(heard.at),
        count: heard.count,
        multicast: heard.by_group,
        answered: heard.answered,
        linked: *linked,
        status: heard.verdict.as_str().into(),
    };
    let counters = found.counters;
    let datagrams = [
        ("sent", counters.sent),
        ("received", counters.received),
        ("of something else", counters.foreign),
        ("of a later release", counters.version),
        ("from another network", counters.off_link),
        ("over the budget", counters.over_budget),
        ("of another cookie", counters.wrong_cookie),
        ("repeated", counters.replayed),
        ("not asked for", counters.unasked),
        ("malformed", counters.malformed),
    ];
    ctl::Discovery {
        networks: found
            .networks
            .iter()
            .map(|net| format!("{} {}/{}", net.name, net.addr, net.prefix))
            .collect(),
        ports: found.ports.iter().copied().collect(),
        heard: found.heard.iter().map(heard).collect(),
        datagrams: datagrams.map(|(name, n)| (name.to_owned(), n)).into(),
    }
}

fn refusal(one: &Refusal, clock: Clock) -> ctl::Refusal {
    let age = clock.now().since(one.at);
    ctl::Refusal {
        node: one.node.as_ref().map(ToString::to_string),
        address: if one.dialed { one.addr.to_string() } else { one.addr.ip().to_string() },
        dialed: one.dialed,
        reason: one.reason.clone(),
        age_ms: u64::try_from(age.as_millis()).unwrap_or(u64::MAX),
        count: one.count,
    }
}

/// Running: up. Stopped: a member that should be up and is not.
fn cluster(status: &ClusterStatus, clock: Clock) -> ctl::Cluster {
    let names = |wanted: &[MemberStatus]| {
        let lines = status.members.iter().filter(|line| wanted.contains(&line.status));
        lines.map(|line| line.name.to_string()).collect()
    };
    let member = |line: &MemberLine| ctl::Member {
        node: line.name.to_string(),
        state: line.status.to_string(),
        since_seconds: clock.now().since(line.since).as_secs(),
        version: line.version.clone(),
        node_id: line.node_id.to_string(),
        incarnation: line.incarnation,
        address: line.addr.map(|addr| addr.to_string()),
        rtt_us: line.rtt_us,
        udp: line.udp,
        stalled: line.stalled,
        reaches: line.reaches.clone(),
    };
    let own = status.members.iter().find(|line| line.name == status.node);
    ctl::Cluster {
        running_nodes: names(&[MemberStatus::Up]),
        stopped_nodes: names(&[MemberStatus::Joining, MemberStatus::Down, MemberStatus::Leaving]),
        name: status.cluster.clone(),
        node: status.node.to_string(),
        leader: status.members.iter().find(|line| line.leader).map(|line| line.name.to_string()),
        left: status.left,
        refused: status.refused.clone(),
        port: own.and_then(|own| own.listens.first()).map(SocketAddr::port),
        data: PathBuf::new(),
        evacuation: None,
        refusals: status.refusals.iter().map(|one| refusal(one, clock)).collect(),
        routes: status.routes as u64,
        repaired: status.repaired,
        split: status.heal.split.as_ref().map_or_else(Vec::new, |(lost, _)| lost.clone()),
        healing: status.heal.healing,
        heals_led: status.heal.led,
        heals: status.heal.healed,
        rejoins: status.heal.rejoined,
        last_heal: status.heal.last.as_ref().map(|last| ctl::LastHeal {
            seconds_ago: clock.now().since(last.at).as_secs(),
            parts: last.parts.clone(),
            rejoined: last.rejoined.clone(),
        }),
        heartbeats_dropped: status.heartbeats_dropped,
        claims: status.claims,
        wills: status.wills,
        members: status.members.iter().map(member).collect(),
    }
}

/// The socket; its file goes when this does.
pub struct ControlSocket {
    listener: UnixListener,
    path: PathBuf,
}

impl Drop for ControlSocket {
    fn drop(&mut self) {
        // Somebody may have taken it away: nothing to do about it.
        drop(fs::remove_file(&self.path));
    }
}

impl ControlSocket {
    /// Binds it with mode 0660. A file left by a process that is gone is replaced.
    ///
    /// # Errors
    /// Another process answers there, or the folder cannot be written.
    pub fn bind(path: &Path) -> io::Result<Self> {
        let named = |error: io::Error| {
            io::Error::new(error.kind(), format!("control socket {}: {error}", path.display()))
        };
        if std::os::unix::net::UnixStream::connect(path).is_ok() {
            let taken = io::Error::new(io::ErrorKind::AddrInUse, "another node answers there");
            return Err(named(taken));
        }
        match fs::symlink_metadata(path) {
            Ok(found) if found.file_type().is_socket() => fs::remove_file(path).map_err(named)?,
            Ok(_) => {
                return Err(named(io::Error::new(io::ErrorKind::AlreadyExists, "it is no socket")));
            }
            Err(_) => {}
        }
        let listener = UnixListener::bind(path).map_err(named)?;
        fs::set_permissions(path, fs::Permissions::from_mode(0o660)).map_err(named)?;
        Ok(Self { listener, path: path.to_owned() })
    }

    /// Answers for ever.
    pub async fn run(self, desk: Arc<Desk>) {
        let places = Arc::new(Semaphore::new(MOST));
        loop {
            let stream = match self.listener.accept().await {
                Ok((stream, _)) => stream,
                Err(error) => {
                    tracing::warn!(%error, "control socket cannot accept");
                    tokio::time::sleep(Duration::from_millis(100)).await;
                    continue;
                }
            };
            // Without a place the connection is closed, which its other end reports.
            let Ok(place) = places.clone().try_acquire_owned() else {
                desk.node.hub().stats.count(Metric::ControlRefused);
                continue;
            };
            let desk = desk.clone();
            supervise::spawn("control connection", async move {
                if let Err(error) = serve(stream, &desk).await {
                    tracing::debug!(%error, "control connection broke off");
                }
                drop(place);
            });
        }
    }
}

/// One connection: a line in, lines out. Behind the line of an import come its rows.
async fn serve(mut stream: UnixStream, desk: &Desk) -> io::Result<()> {
    let who = stream.peer_cred()?;
    let (read, mut write) = stream.split();
    let (mut read, mut line) = (BufReader::new(read), Vec::new());
    let mut limited = AsyncReadExt::take(&mut read, REQUEST_MAX as u64);
    timeout(IDLE, limited.read_until(b'\n', &mut line)).await??;
    let reply = match serde_json::from_slice::<Request>(&line) {
        Err(error) => Reply::Failed(format!("request not understood: {error}")),
        Ok(request) if !may_ask(&request, &who, desk) => {
            Reply::Failed("only root and the user of the service may change things".into())
        }
        Ok(Request::DataExport) => {
            desk.export(&mut write).await?;
            Reply::End
        }
        Ok(Request::DataImport) => desk.import(&mut read).await?,
        Ok(request) => desk.answer(request).await,
    };
    for piece in reply.pieces().into_iter().chain([Reply::End]) {
        write_reply(&mut write, &piece).await?;
    }
    timeout(IDLE, write.shutdown()).await?
}

/// Counts a request, and tells of one that changes things.
fn may_ask(request: &Request, who: &UCred, desk: &Desk) -> bool {
    let own = nix::unistd::geteuid().as_raw();
    let may = !request.writes() || [0, own].contains(&who.uid());
    desk.node.hub().stats.count(if may { Metric::ControlRequests } else { Metric::ControlRefused });
    if !may {
        tracing::warn!(uid = who.uid(), "control request refused");
    } else if request.writes() {
        tracing::info!(uid = who.uid(), pid = who.pid(), ?request, "control request");
    }
    may
}

/// Writes one line.
async fn write_reply(write: &mut (impl AsyncWriteExt + Unpin), reply: &Reply) -> io::Result<()> {
    let mut text = serde_json::to_vec(reply).map_err(io::Error::other)?;
    text.push(b'\n');
    timeout(IDLE, write.write_all(&text)).await?
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_alone_is_on_this_host() {
        let own = NodeName::parse("a@10.0.0.1").unwrap();
        for (text, name, port) in [
            ("b", "b@10.0.0.1", None),
            ("b@h", "b@h", None),
            ("b@h:4400", "b@h", Some(4400)),
            ("b@fe80::1", "b@fe80::1", None),
            ("b@[fe80::1]", "b@fe80::1", None),
            ("b@[::1]:4400", "b@::1", Some(4400)),
        ] {
            let want = Seed { name: NodeName::parse(name).unwrap(), port };
            assert_eq!(seed(text, &own).unwrap(), want, "{text}");
        }
        assert!(seed("b@", &own).is_err() && seed("", &own).is_err());
    }
}
