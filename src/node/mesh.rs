//! The mesh thread: drives the cluster core, and opens and closes what it asks for.
//!
//! One OS thread with a runtime of its own holds the core, the handshakes and the control connections, so that joins do not wait
//! behind publishes. Connections reach it by [`Mesh`], which is cheap to clone: changes of routes go into one list behind a
//! short lock and are applied in the order of the calls, all that gathered at one wake-up.
//!
//! Bound of that list: a connection waits at a barrier after each SUBSCRIBE, so it holds what the connections of this node can ask
//! for in one wake-up of the mesh.

mod clock_keeper;
mod data;
mod dials;
mod door;
mod ops;
#[cfg(test)]
pub(crate) mod played;
mod radio;
mod rest;
mod retained;
mod sessions;
mod task;

pub use radio::Discovered;
pub use rest::Left;
pub use sessions::Sessions;

use std::{
    collections::BTreeMap,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener, UdpSocket},
    path::PathBuf,
    sync::{Arc, Mutex, RwLock, atomic::Ordering},
    time::Duration,
};

use socket2::Type;
use tokio::{
    runtime::Handle,
    sync::{mpsc, oneshot, watch},
};

use self::{
    clock_keeper::ClockKeeper,
    data::{DataLinks, DataParts},
    dials::Dials,
    door::Door,
    ops::{Op, OwnWill, Shared},
    sessions::{Marks, WillWaits},
    task::Task,
};
use super::{
    dial::Local,
    discovery::Hosts,
    heartbeat::{HeartParts, Heartbeats, Part, Progress},
    link::{self, Deliver, Peers},
    sections::Sections,
    state::{Life, State, StateError},
    tls::{Material, MeshTls},
    told::Told,
};
use crate::{
    broker::{retained::Retained, stats::Stats},
    cluster::{
        Claim, Cluster, ClusterStatus, Guid, Me, NodeId, NodeName, Settings,
        detector::Sign,
        handshake::Identity,
        hlc::Hlc,
        legacy::Legacy,
        routes::{RouteKey, RouteTable},
        secret::{KeySet, Keys},
        settings::{Cookie, Seed},
        versions::Versions,
        wire::{AskFrame, TakeFrame},
    },
    net::{clock::Clock, supervise},
    time::{Stamp, Wall},
};

/// What the mesh needs of the node.
pub struct MeshParts {
    /// Settings of the cluster.
    pub settings: Settings,
    /// `node.data_dir`.
    pub data_dir: PathBuf,
    /// The clock.
    pub clock: Clock,
    /// The table that publishes look into.
    pub routes: Arc<RwLock<RouteTable>>,
    /// The retained messages, to be kept equal on all nodes.
    pub retained: Arc<RwLock<Retained>>,
    /// The peers that publishes push into.
    pub peers: Arc<Peers>,
    /// Counts what is dropped on the way to them.
    pub stats: Arc<Stats>,
    /// Takes the messages of other nodes in.
    pub deliver: Arc<dyn Deliver>,
    /// Publishes between the look at the routes and the push.
    pub sections: Arc<Sections>,
    /// Hears what other nodes say about sessions.
    pub sessions: Arc<dyn Sessions>,
    /// The runtime of the connections, and so of the data connections.
    pub main: Handle,
    /// Longest message that this node takes.
    pub message_max: u64,
    /// Certificates and what they are checked against, where the transport is TLS.
    pub tls: Option<Arc<Material>>,
    /// What the process before left.
    pub before: Before,
    /// The mesh port, as it left that.
    pub port: Option<TcpListener>,
}

/// What the process before left for the mesh of this one.
#[derive(Debug, Default)]
pub struct Before {
    /// It left sessions. Nothing is told or heard before they are here, see [`Mesh::go_on`].
    pub follows: bool,
    /// What the retained messages that it left have been through.
    pub versions: Versions,
    /// Its place in the cluster, if that may be taken.
    pub legacy: Option<Legacy>,
}

/// The mesh cannot start; the start of the node ends.
#[derive(Debug, thiserror::Error)]
pub enum MeshError {
    /// The data folder.
    #[error("{0}")]
    State(#[from] StateError),
    /// The mesh port.
    #[error(
        "cannot listen for other nodes on {addr}: {error} (node.dist_port, or the number in node.name)"
    )]
    Bind {
        /// Where.
        addr: SocketAddr,
        /// Why not.
        error: std::io::Error,
    },
    /// The mesh port over UDP.
    #[error(
        "cannot listen for heartbeats of other nodes on UDP {addr}: {error} (node.dist_port, or the number in node.name)"
    )]
    BindUdp {
        /// Where.
        addr: SocketAddr,
        /// Why not.
        error: std::io::Error,
    },
    /// The thread.
    #[error("mesh thread: {0}")]
    Thread(std::io::Error),
    /// A transport with TLS, and nothing to do it with.
    #[error("cluster.proto_dist is TLS and there are no certificates")]
    NoTls,
}

/// Why a join did not work.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum JoinError {
    /// The mesh is closed.
    #[error("the mesh is closed: {0}")]
    Closed(String),
    /// The name is the own one.
    #[error("{0} is this node")]
    Myself(NodeName),
    /// Refused, or not reached.
    #[error("{name}: {reason}")]
    Failed {
        /// Who.
        name: NodeName,
        /// Why.
        reason: String,
        /// It was not reached, or does not run.
        down: bool,
    },
}

enum Command {
    Status(oneshot::Sender<ClusterStatus>),
    Join(Seed, oneshot::Sender<Result<(), JoinError>>),
    Leave(oneshot::Sender<()>),
    Rediscover(oneshot::Sender<()>),
    ForceLeave(NodeName, oneshot::Sender<bool>),
    Discover(oneshot::Sender<Option<Discovered>>),
    GoOn,
    Drain(oneshot::Sender<()>),
    Rest(oneshot::Sender<Left>),
    Shutdown(oneshot::Sender<()>),
}

/// The cluster, for the rest of the node. Cheap to clone.
#[derive(Clone)]
pub struct Mesh {
    shared: Arc<Shared>,
    commands: mpsc::Sender<Command>,
    settled: watch::Receiver<bool>,
    addr: Option<SocketAddr>,
    progress: Progress,
    /// Where the numbers of the messages of this process begin.
    origin: u64,
    node_id: NodeId,
    tls: Option<Arc<MeshTls>>,
    clock: Clock,
}

impl Mesh {
    /// Binds the mesh port and starts the mesh thread.
    ///
    /// # Errors
    /// [`MeshError`]: the node must not start.
    pub fn start(mut parts: MeshParts) -> Result<Self, MeshError> {
        let legacy = parts.before.legacy.take();
        let heir = legacy.as_ref().map(|legacy| (legacy.process, legacy.incarnation));
        let (state, life) = State::open(&parts.data_dir, parts.clock.wall(), heir)?;
        parts.before.legacy = legacy.filter(|legacy| legacy.incarnation == life.incarnation);
        let tls = match (parts.settings.proto_dist.is_tls(), &parts.tls) {
            (false, _) => None,
            (true, Some(material)) => Some(Arc::new(MeshTls::new(material.clone()))),
            (true, None) => return Err(MeshError::NoTls),
        };
        let door = Door::of(&parts.settings);
        let listener = door.listen(&parts.settings, parts.port.take())?;
        let addr = listener.as_ref().and_then(|listener| listener.local_addr().ok());
        let bind = |addr| {
            door::bind(addr, Type::DGRAM).map_err(|error| MeshError::BindUdp { addr, error })
        };
        let beats = addr.map(bind).transpose()?.map(UdpSocket::from);
        if let Some(address) = addr {
            let transport = parts.settings.proto_dist.as_str();
            tracing::info!(%address, transport, "listening for other nodes, TCP and UDP");
        }
        let (commands, inbox) = mpsc::channel(64);
        let (settled_tx, settled) = watch::channel(false);
        let shared = Arc::new(Shared::default());
        let progress = Progress::default();
        let mesh = Self {
            shared: shared.clone(),
            commands,
            settled,
            addr,
            progress: progress.clone(),
            origin: link::origin(&parts.settings.node_name, life.incarnation),
            node_id: life.identity.node_id(),
            tls: tls.clone(),
            clock: parts.clock,
        };
        if let Some(tls) = tls.clone() {
            supervise::spawn_on(&parts.main, "certificates", tls.watch_expiry(parts.clock));
        }
        supervise::spawn_on(&parts.main, "progress", move_on(progress.clone()));
        let start = Start {
            parts,
            state,
            life,
            door,
            listener,
            beats,
            shared,
            settled: settled_tx,
            progress,
            tls,
        };
        supervise::spawn_core_thread("mesh", move || start.run(inbox))
            .map_err(MeshError::Thread)?;
        Ok(mesh)
    }

    /// Whether the parts of this node move.
    #[must_use]
    pub const fn progress(&self) -> &Progress {
        &self.progress
    }

    /// New certificates, for links to come; nothing where the transport is not TLS.
    pub fn renew_tls(&self, material: Option<Arc<Material>>) {
        if let (Some(tls), Some(material)) = (&self.tls, material) {
            tls.renew(material);
            self.shared.push(Op::Renewed);
        }
    }

    /// Days until the first certificate of this node ends, rounded down; `None` where the transport is not TLS.
    #[must_use]
    pub fn certificate_days(&self) -> Option<u64> {
        self.tls.as_ref()?.days_left(self.clock.wall())
    }

    /// Where the mesh listens; `None` if it is closed.
    #[must_use]
    pub fn addr(&self) -> Option<SocketAddr> {
        self.addr
    }

    /// Number of the cookie that this node uses, as it stands in clear on the wire; `None` while it has no keys.
    #[must_use]
    pub fn key_id(&self) -> Option<u8> {
        self.shared.key_id.get().copied()
    }

    /// A route has one more subscriber on this node.
    pub fn route_added(&self, key: RouteKey) {
        self.shared.push_quietly(Op::Added(key));
    }

    /// A route has one subscriber less on this node.
    pub fn route_removed(&self, key: RouteKey) {
        self.shared.push_quietly(Op::Removed(key));
    }

    /// Whether another node is up.
    #[must_use]
    pub fn has_peers(&self) -> bool {
        self.shared.has_peers.load(Ordering::Acquire)
    }

    /// Resolves when every node that is up has the routes added so far, at the latest after 250 ms.
    #[must_use]
    pub fn barrier(&self) -> oneshot::Receiver<()> {
        let (done, receiver) = oneshot::channel();
        if self.has_peers() {
            self.shared.push(Op::Barrier(done));
        } else {
            let _ = done.send(());
        }
        receiver
    }

    /// Where the numbers of the messages of this process begin in the cluster.
    #[must_use]
    pub const fn origin(&self) -> u64 {
        self.origin
    }

    /// This node.
    #[must_use]
    pub const fn node_id(&self) -> NodeId {
        self.node_id
    }

    /// A value of the hybrid clock, for a claim while no other node is up.
    #[must_use]
    pub fn tick(&self, wall: Wall) -> u64 {
        let physical = wall.as_ms() << 16;
        let next = |last: u64| Some(physical.max(last + 1));
        let update = self.shared.hlc.fetch_update(Ordering::AcqRel, Ordering::Acquire, next);
        physical.max(update.unwrap_or_default() + 1)
    }

    /// The stamp of a write that every node is to have.
    #[must_use]
    pub fn stamp(&self, wall: Wall) -> Stamp {
        Stamp { hlc: self.tick(wall), node: self.node_id.0 }
    }

    /// Retained messages were written here.
    pub fn retained_changed(&self) {
        self.shared.push_quietly(Op::Retained);
    }

    /// Claims a client; [`Sessions::on_claimed`] gets the answer.
    pub fn claim(&self, ticket: u64, client: Arc<str>, clean: bool) {
        self.shared.push(Op::Claim { ticket, client, clean });
    }

    /// The session of a client has ended here.
    pub fn unclaim(&self, client: Arc<str>, hlc: u64) {
        self.shared.push(Op::Unclaim { client, hlc });
    }

    /// This node has the session of a client, under the claim of time `hlc`.
    pub fn refresh(&self, client: Arc<str>, hlc: u64) {
        self.shared.push(Op::Refresh { client, hlc });
    }

    /// This node has taken a session over from one that stops.
    pub fn adopted(&self, client: Arc<str>, hlc: u64) {
        self.shared.push(Op::Adopted { client, hlc });
    }

    /// A walk that [`Sessions::on_walk`] asked for is over.
    pub fn refreshed(&self, view: u64) {
        self.shared.push(Op::Refreshed { view });
    }

    /// Has other nodes keep the will of a client that connects under the claim of time `hlc`. Resolves when they do (`true`), or
    /// when it may get in without that.
    #[must_use]
    pub fn keep_will(
        &self,
        client: Arc<str>,
        hlc: u64,
        (delay, body): (Duration, Arc<[u8]>),
    ) -> oneshot::Receiver<bool> {
        let (done, kept) = oneshot::channel();
        self.shared.push(Op::Will(OwnWill { client, hlc, delay, body }, Some(done)));
        kept
    }

    /// As part of a walk that [`Sessions::on_walk`] asked for: this client has a will.
    pub fn refresh_will(&self, client: Arc<str>, hlc: u64, (delay, body): (Duration, Arc<[u8]>)) {
        self.shared.push(Op::Will(OwnWill { client, hlc, delay, body }, None));
    }

    /// The will of a client is of no use any more, or has been published.
    pub fn will_over(&self, client: Arc<str>, hlc: u64) {
        self.shared.push_quietly(Op::WillOver { client, hlc });
    }

    /// The will of a client of a dead node, which [`Sessions::on_will`] gave, is out.
    pub fn will_published(&self, client: Arc<str>, claim: Claim) {
        self.shared.push_quietly(Op::WillPublished { client, claim });
    }

    /// Sends a frame about a session to another node, if it is linked.
    pub fn send_take(&self, node: NodeId, frame: TakeFrame) {
        self.shared.push(Op::Take { node, frame });
    }

    /// Tells a node that the session it has of a client is to be thrown away: under the newer claim `winner` one began clean.
    pub fn dismiss(&self, node: NodeId, client: Arc<str>, winner: Claim) {
        self.shared.push(Op::Dismiss { node, client, winner });
    }

    /// What an operator asks about another node, or the answer to it.
    pub fn send_ask(&self, node: NodeId, frame: AskFrame) {
        self.shared.push(Op::Ask { node, frame });
    }

    /// Resolves when what the nodes that are up had sent to this one before is in the queues here.
    #[must_use]
    pub fn mark(&self) -> oneshot::Receiver<()> {
        let (done, receiver) = oneshot::channel();
        self.shared.push(Op::Mark(done));
        receiver
    }

    /// The other nodes that are up.
    pub async fn up(&self) -> Vec<NodeId> {
        let (reply, answer) = oneshot::channel();
        self.shared.push(Op::Up(reply));
        answer.await.unwrap_or_default()
    }

    /// The cluster as this node sees it; `None` when the mesh has ended.
    pub async fn status(&self) -> Option<ClusterStatus> {
        self.ask(Command::Status).await
    }

    /// What discovery by multicast has heard; `None` where it does not run.
    pub async fn discovered(&self) -> Option<Discovered> {
        self.ask(Command::Discover).await.flatten()
    }

    /// Joins the cluster of another node, and waits until that is up.
    ///
    /// # Errors
    /// [`JoinError`] says why not.
    pub async fn join(&self, seed: Seed) -> Result<(), JoinError> {
        let ended = || JoinError::Closed("this node is about to stop".to_owned());
        self.ask(|reply| Command::Join(seed, reply)).await.unwrap_or_else(|| Err(ended()))
    }

    /// Leaves the cluster and stays alone until told to join.
    pub async fn leave(&self) {
        self.ask(Command::Leave).await;
    }

    /// Takes discovery up again after [`Self::leave`]: joins whom it finds.
    pub async fn rediscover(&self) {
        self.ask(Command::Rediscover).await;
    }

    /// Forces a member out. False: there is none of this name.
    pub async fn force_leave(&self, name: NodeName) -> bool {
        self.ask(|reply| Command::ForceLeave(name, reply)).await.unwrap_or(false)
    }

    /// Waits until the members known from before have answered, or `cluster.join_wait` is over.
    pub async fn settled(&self) {
        let _ = self.settled.clone().wait_for(|settled| *settled).await;
    }

    /// Tells the others that this node is about to stop: they choose another where they can.
    pub async fn drain(&self) {
        self.ask(Command::Drain).await;
    }

    /// The sessions of the process before are here: goes on where its mesh stopped.
    pub fn go_on(&self) {
        // The first command of all, so there is room.
        let _ = self.commands.try_send(Command::GoOn);
    }

    /// Tells the others that this node is back in a moment, and ends the mesh; what the next process needs.
    pub async fn rest(&self) -> Left {
        self.ask(Command::Rest).await.unwrap_or_default()
    }

    /// Tells the others that this node ends, and ends the mesh.
    pub async fn shutdown(&self) {
        self.ask(Command::Shutdown).await;
    }

    async fn ask<T>(&self, command: impl FnOnce(oneshot::Sender<T>) -> Command) -> Option<T> {
        let (reply, answer) = oneshot::channel();
        self.commands.send(command(reply)).await.ok()?;
        answer.await.ok()
    }
}

/// Shows the heartbeat thread that the runtime of the connections moves.
async fn move_on(progress: Progress) {
    let mut tick = tokio::time::interval(Duration::from_secs(1));
    loop {
        tick.tick().await;
        progress.bump(Part::Main);
    }
}

/// What the mesh thread begins with.
struct Start {
    parts: MeshParts,
    state: State,
    life: Life,
    door: Door,
    listener: Option<TcpListener>,
    beats: Option<UdpSocket>,
    shared: Arc<Shared>,
    settled: watch::Sender<bool>,
    progress: Progress,
    tls: Option<Arc<MeshTls>>,
}

impl Start {
    fn run(self, commands: mpsc::Receiver<Command>) {
        let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
            Ok(runtime) => runtime,
            Err(error) => {
                tracing::error!(%error, "mesh thread has no runtime");
                std::process::exit(supervise::EXIT_BUG);
            }
        };
        runtime.block_on(async {
            let (task, unlock) = self.task();
            task.run(commands, unlock).await;
        });
        runtime.shutdown_timeout(Duration::from_millis(100));
    }

    /// The heartbeat thread, where the mesh is open.
    fn heart(&mut self, settings: &Settings) -> (Heartbeats, mpsc::Receiver<Sign>) {
        let (found, signs) = mpsc::channel(256);
        let Some(socket) = self.beats.take() else { return (Heartbeats::default(), signs) };
        let parts = HeartParts {
            socket,
            clock: self.parts.clock,
            every: settings.heartbeat,
            limit: settings.failure_timeout,
            progress: self.progress.clone(),
        };
        let heart = Heartbeats::start(parts, found).unwrap_or_else(|error| {
            tracing::error!(%error, "no heartbeat thread");
            std::process::exit(supervise::EXIT_BUG)
        });
        (heart, signs)
    }

    fn keep_clock(&self, kept: u64) -> ClockKeeper {
        let state = self.state.clone();
        let save = move |hlc| state.save_hlc(hlc).map_err(|error| error.to_string());
        ClockKeeper::start(kept, save).unwrap_or_else(|error| {
            tracing::error!(%error, "no thread for the clock");
            std::process::exit(supervise::EXIT_BUG)
        })
    }

    fn me(&self, started: u64) -> Me {
        let node_id = self.life.identity.node_id();
        let settings = &self.parts.settings;
        let port = self.listener.as_ref().and_then(|l| l.local_addr().ok()).map(|a| a.port());
        let host: IpAddr = settings.node_name.ip().unwrap_or(match settings.proto_dist.is_v6() {
            true => Ipv6Addr::UNSPECIFIED.into(),
            false => Ipv4Addr::UNSPECIFIED.into(),
        });
        Me {
            name: settings.node_name.clone(),
            node_id,
            incarnation: self.life.incarnation,
            guid: Guid { started, node: node_id },
            cluster_id: random(),
            addrs: port.map(|port| SocketAddr::from((host, port))).into_iter().collect(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            clients_stay: false,
        }
    }

    fn unlock(&self, started: u64) -> Unlock {
        let settings = &self.parts.settings;
        Unlock {
            open: self.listener.is_some(),
            settings: settings.clone(),
            previous: self.door.previous(settings).cloned(),
            shared: self.shared.clone(),
            identity: self.life.identity.clone(),
            incarnation: self.life.incarnation,
            started,
            message_max: self.parts.message_max,
            tls: self.tls.clone(),
        }
    }

    fn task(mut self) -> (Task, Unlock) {
        let (settings, clock) = (self.parts.settings.clone(), self.parts.clock);
        let stored = std::mem::take(&mut self.life.stored);
        let clock_keeper = self.keep_clock(stored.hlc);
        let now = clock.now();
        let legacy = self.parts.before.legacy.take();
        let started = legacy.as_ref().map_or_else(
            || Hlc::new(clock.wall(), now, stored.hlc).tick(now),
            |legacy| legacy.guid.started,
        );
        let mesh_port = self.listener.as_ref().and_then(|listener| listener.try_clone().ok());
        let clients_stay = self.parts.before.follows && legacy.is_none();
        let me = Me { clients_stay, ..self.me(started) };
        let seed = u64::from_le_bytes(random());
        let mut core = Cluster::new(me, &settings, stored, clock.wall(), seed);
        core.inherit_versions(std::mem::take(&mut self.parts.before.versions));
        let unlock = self.unlock(started);
        let (notices, inbox) = mpsc::channel(task::INBOX);
        let (heart, signs) = self.heart(&settings);
        let data = DataLinks::new(DataParts {
            peers: self.parts.peers,
            deliver: self.parts.deliver,
            main: self.parts.main,
            local: None,
            streams: settings.data_streams,
            keep_bytes: settings.keep_bytes,
            stats: self.parts.stats.clone(),
        });
        let task = Task {
            core,
            data,
            desk: self.parts.sessions,
            sections: self.parts.sections,
            marks: Marks::default(),
            wills: WillWaits::default(),
            clock,
            door: self.door,
            local: None,
            listener: self.listener,
            mesh_port,
            accept: None,
            process: self.life.process,
            follows: self.parts.before.follows,
            legacy,
            clock_keeper,
            state: self.state,
            routes: self.parts.routes,
            retained: self.parts.retained,
            retained_told: false,
            inputs: Vec::new(),
            stats: self.parts.stats,
            shared: self.shared,
            settled: self.settled,
            heart,
            signs,
            radio: None,
            progress: self.progress,
            sessions: BTreeMap::new(),
            dials: Dials::default(),
            notices,
            inbox: Some(inbox),
            settings,
            links: BTreeMap::new(),
            next_link: 0,
            barriers: BTreeMap::new(),
            next_barrier: 0,
            found: Vec::new(),
            joins: Vec::new(),
            sweep_at: None,
        };
        (task, unlock)
    }
}

/// What the keys are made from, once the mesh thread runs: it takes longer than all else of a start.
struct Unlock {
    /// The mesh port is open.
    open: bool,
    settings: Settings,
    /// The cookie that is accepted beside the one in use.
    previous: Option<Cookie>,
    shared: Arc<Shared>,
    identity: Identity,
    incarnation: u64,
    started: u64,
    message_max: u64,
    tls: Option<Arc<MeshTls>>,
}

impl Unlock {
    /// Who this node is on the mesh; `None` where that stays closed.
    fn local(self) -> Option<Local> {
        let keys = self.keys().filter(|_| self.open)?;
        let settings = self.settings;
        Some(Local {
            identity: self.identity,
            keys,
            cluster_name: settings.name,
            name: settings.node_name,
            incarnation: self.incarnation,
            started: self.started,
            streams: settings.data_streams,
            message_max: self.message_max,
            dead_after: settings.send_timeout.unwrap_or(settings.failure_timeout),
            connect_timeout: settings.connect_timeout,
            handshake_timeout: settings.handshake_timeout,
            v6: settings.proto_dist.is_v6(),
            tls: self.tls,
            told: Told::default(),
            refusals: Mutex::default(),
            gate: Mutex::default(),
            hosts: Hosts::default(),
        })
    }

    fn keys(&self) -> Option<Keys> {
        let settings = &self.settings;
        let derive = |cookie| KeySet::derive(cookie, &settings.name, settings.kdf);
        let current = derive(settings.cookie.as_ref()?);
        let previous = self.previous.as_ref().map(derive).transpose();
        match (current, previous) {
            (Ok(current), Ok(previous)) => {
                let _ = self.shared.key_id.set(current.key_id());
                let keys = Keys::new(current, previous);
                if keys.are_twins() {
                    tracing::error!(
                        "node.cookie and node.cookie_previous have the same number by chance: \
                         nodes with the previous one stay out; make another new one"
                    );
                }
                Some(keys)
            }
            (Err(error), _) | (_, Err(error)) => {
                tracing::error!(%error, "mesh is closed");
                None
            }
        }
    }
}

/// Random bytes from the kernel.
fn random<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    let filled = ring::rand::SecureRandom::fill(&ring::rand::SystemRandom::new(), &mut bytes);
    if filled.is_err() {
        tracing::error!("the kernel has no randomness");
        std::process::exit(supervise::EXIT_BUG);
    }
    bytes
}
