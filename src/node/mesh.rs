//! The mesh thread: drives the cluster core, and opens and closes what it asks for.
//!
//! One OS thread with a runtime of its own holds the core, the handshakes and the control connections, so that joins do not wait
//! behind publishes. Connections reach it by [`Mesh`], which is cheap to clone: changes of routes go into one list behind a
//! short lock and are applied in the order of the calls, all that gathered at one wake-up.
//!
//! Bound of that list: a connection waits at a barrier after each SUBSCRIBE, so it holds what the connections of this node can ask
//! for in one wake-up of the mesh.

use std::{
    collections::BTreeMap,
    net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener},
    path::PathBuf,
    sync::{
        Arc, Mutex, MutexGuard, RwLock,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use tokio::sync::{Notify, mpsc, oneshot, watch};

use super::{
    control_link::ControlLink,
    dial::{LinkError, Local, Proven},
    discovery,
    discovery::look_up,
    state::{Life, State, StateError},
};
use crate::{
    cluster::{
        Action, Cluster, ClusterStatus, DialError, Event, Guid, Input, LinkId, Me, NodeName,
        PeerIdentity, Settings, Target,
        handshake::{HandshakeError, LinkKind, PeerHello, Verdict},
        hlc::Hlc,
        routes::{RouteKey, RouteTable},
        secret::{KeySet, Keys, check_cookie},
        settings::Seed,
        wire::{CloseCode, Frame, Received},
    },
    net::{clock::Clock, supervise},
    time::Time,
};

/// Frames and other events that wait for the mesh task.
const INBOX: usize = 4096;
/// Events taken before what they cause is sent.
const BATCH: usize = 256;
/// Handshakes of others at once.
const HALF_OPEN: usize = 80;
/// `cluster join` gives up after this time.
const JOIN_LIMIT: Duration = Duration::from_secs(10);
/// Routes of lost nodes are freed in pieces of this many, this often.
const SWEEP: (u32, Duration) = (2_000, Duration::from_millis(10));
const HLC_EVERY: Duration = Duration::from_secs(10);

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
    /// Longest message that this node takes.
    pub message_max: u64,
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
    /// The thread.
    #[error("mesh thread: {0}")]
    Thread(std::io::Error),
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
    },
}

enum Op {
    Added(RouteKey),
    Removed(RouteKey),
    Barrier(oneshot::Sender<()>),
}

enum Command {
    Status(oneshot::Sender<ClusterStatus>),
    Join(Seed, oneshot::Sender<Result<(), JoinError>>),
    Leave(oneshot::Sender<()>),
    ForceLeave(NodeName, oneshot::Sender<bool>),
    Shutdown(oneshot::Sender<()>),
}

/// What the tasks of the mesh tell it.
enum Notice {
    Proven { proven: Box<Proven>, dialed: bool },
    DialFailed { name: NodeName, error: DialError, reason: String },
    Judge { peer: PeerIdentity, kind: LinkKind, reply: oneshot::Sender<(Verdict, Received)> },
    Frame { link: LinkId, frame: Frame },
    Ended { link: LinkId, reason: String },
}

#[derive(Default)]
struct Shared {
    ops: Mutex<Vec<Op>>,
    wake: Notify,
    has_peers: AtomicBool,
}

impl Shared {
    fn ops(&self) -> MutexGuard<'_, Vec<Op>> {
        self.ops.lock().unwrap_or_else(|_| std::process::abort())
    }

    fn push(&self, op: Op) {
        let mut ops = self.ops();
        let first = ops.is_empty();
        ops.push(op);
        drop(ops);
        if first {
            self.wake.notify_one();
        }
    }
}

/// The cluster, for the rest of the node. Cheap to clone.
#[derive(Clone)]
pub struct Mesh {
    shared: Arc<Shared>,
    commands: mpsc::Sender<Command>,
    settled: watch::Receiver<bool>,
    addr: Option<SocketAddr>,
}

impl Mesh {
    /// Binds the mesh port and starts the mesh thread.
    ///
    /// # Errors
    /// [`MeshError`]: the node must not start.
    pub fn start(parts: MeshParts) -> Result<Self, MeshError> {
        let (state, life) = State::open(&parts.data_dir)?;
        let door = Door::of(&parts.settings);
        let listener = door.listen(&parts.settings)?;
        let addr = listener.as_ref().and_then(|listener| listener.local_addr().ok());
        let (commands, inbox) = mpsc::channel(64);
        let (settled_tx, settled) = watch::channel(false);
        let shared = Arc::new(Shared::default());
        let mesh = Self { shared: shared.clone(), commands, settled, addr };
        let start = Start { parts, state, life, door, listener, shared, settled: settled_tx };
        std::thread::Builder::new()
            .name("mesh".to_owned())
            .spawn(move || {
                let _fatal = Fatal;
                start.run(inbox);
            })
            .map_err(MeshError::Thread)?;
        Ok(mesh)
    }

    /// Where the mesh listens; `None` if it is closed.
    #[must_use]
    pub fn addr(&self) -> Option<SocketAddr> {
        self.addr
    }

    /// A route has one more subscriber on this node.
    pub fn route_added(&self, key: RouteKey) {
        self.shared.push(Op::Added(key));
    }

    /// A route has one subscriber less on this node.
    pub fn route_removed(&self, key: RouteKey) {
        self.shared.push(Op::Removed(key));
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

    /// The cluster as this node sees it; `None` when the mesh has ended.
    pub async fn status(&self) -> Option<ClusterStatus> {
        self.ask(Command::Status).await
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

    /// Forces a member out. False: there is none of this name.
    pub async fn force_leave(&self, name: NodeName) -> bool {
        self.ask(|reply| Command::ForceLeave(name, reply)).await.unwrap_or(false)
    }

    /// Waits until the members known from before have answered, or `cluster.join_wait` is over.
    pub async fn settled(&self) {
        let _ = self.settled.clone().wait_for(|settled| *settled).await;
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

/// A panic of the mesh thread ends the process: without it the node makes no sense.
struct Fatal;

impl Drop for Fatal {
    fn drop(&mut self) {
        if std::thread::panicking() {
            tracing::error!("mesh thread panicked: a bug, please report");
            std::process::exit(supervise::EXIT_BUG);
        }
    }
}

/// Whether the mesh may open, and how far.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Door {
    Open,
    /// The cookie is weak, and all of the cluster is on this host.
    Loopback,
    Closed(String),
}

impl Door {
    fn of(settings: &Settings) -> Self {
        let Some(cookie) = &settings.cookie else { return Self::Closed("no cookie".to_owned()) };
        match check_cookie(cookie, settings.kdf) {
            Ok(()) => Self::Open,
            Err(_) if interface(settings).is_loopback() => Self::Loopback,
            Err(weak) => Self::Closed(weak.to_string()),
        }
    }

    fn listen(&self, settings: &Settings) -> Result<Option<TcpListener>, MeshError> {
        if let Self::Closed(reason) = self {
            tracing::warn!(reason, "mesh is closed, this node stays alone");
            return Ok(None);
        }
        let addr = SocketAddr::from((interface(settings), settings.mesh_port()));
        let listen = || {
            let listener = TcpListener::bind(addr)?;
            listener.set_nonblocking(true)?;
            Ok(listener)
        };
        listen().map(Some).map_err(|error| MeshError::Bind { addr, error })
    }

    fn lets_dial(&self, addr: SocketAddr) -> bool {
        match self {
            Self::Open => !addr.ip().is_unspecified(),
            Self::Loopback => addr.ip().is_loopback(),
            Self::Closed(_) => false,
        }
    }
}

/// The address to listen on: a node whose name is on the loopback cannot be reached from elsewhere anyway.
fn interface(settings: &Settings) -> IpAddr {
    let host: Option<IpAddr> = settings.node_name.host().parse().ok();
    match host {
        Some(host) if host.is_loopback() && settings.dist_interface.is_unspecified() => host,
        Some(_) | None => settings.dist_interface,
    }
}

/// What the mesh thread begins with.
struct Start {
    parts: MeshParts,
    state: State,
    life: Life,
    door: Door,
    listener: Option<TcpListener>,
    shared: Arc<Shared>,
    settled: watch::Sender<bool>,
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
            if let Some(task) = self.task() {
                task.run(commands).await;
            }
        });
        runtime.shutdown_timeout(Duration::from_millis(100));
    }

    fn keys(&self) -> Option<Keys> {
        let settings = &self.parts.settings;
        let derive = |cookie| KeySet::derive(cookie, &settings.name, settings.kdf);
        let current = derive(settings.cookie.as_ref()?);
        let previous = settings.cookie_previous.as_ref().map(derive).transpose();
        match (current, previous) {
            (Ok(current), Ok(previous)) => Some(Keys::new(current, previous)),
            (Err(error), _) | (_, Err(error)) => {
                tracing::error!(%error, "mesh is closed");
                None
            }
        }
    }

    fn me(&self, started: u64) -> Me {
        let node_id = self.life.identity.node_id();
        let settings = &self.parts.settings;
        let port = self.listener.as_ref().and_then(|l| l.local_addr().ok()).map(|a| a.port());
        let host: IpAddr =
            settings.node_name.host().parse().unwrap_or(Ipv4Addr::UNSPECIFIED.into());
        Me {
            name: settings.node_name.clone(),
            node_id,
            incarnation: self.life.incarnation,
            guid: Guid { started, node: node_id },
            cluster_id: random(),
            addrs: port.map(|port| SocketAddr::from((host, port))).into_iter().collect(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
        }
    }

    fn task(mut self) -> Option<Task> {
        let (settings, clock) = (self.parts.settings.clone(), self.parts.clock);
        let stored = std::mem::take(&mut self.life.stored);
        let now = clock.now();
        let started = Hlc::new(clock.wall(), now, stored.hlc).tick(now);
        let me = self.me(started);
        let seed = u64::from_le_bytes(random());
        let core = Cluster::new(me, &settings, stored, clock.wall(), seed);
        let local = self.keys().filter(|_| self.listener.is_some()).map(|keys| {
            Arc::new(Local {
                identity: self.life.identity.clone(),
                keys,
                cluster_name: settings.name.clone(),
                name: settings.node_name.clone(),
                incarnation: self.life.incarnation,
                started,
                streams: settings.data_streams,
                message_max: self.parts.message_max,
                dead_after: settings.failure_timeout,
            })
        });
        let (notices, inbox) = mpsc::channel(INBOX);
        Some(Task {
            core,
            clock,
            door: self.door,
            local,
            listener: self.listener,
            state: self.state,
            routes: self.parts.routes,
            shared: self.shared,
            settled: self.settled,
            notices,
            inbox: Some(inbox),
            settings,
            links: BTreeMap::new(),
            next_link: 0,
            barriers: BTreeMap::new(),
            next_barrier: 0,
            joins: Vec::new(),
            sweep_at: None,
            hlc_at: now + HLC_EVERY,
        })
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

/// Somebody waits for a node to be up.
struct Join {
    name: NodeName,
    until: Time,
    reason: String,
    reply: oneshot::Sender<Result<(), JoinError>>,
}

/// The loop around the core.
struct Task {
    core: Cluster,
    clock: Clock,
    door: Door,
    /// `None`: the mesh is closed.
    local: Option<Arc<Local>>,
    listener: Option<TcpListener>,
    state: State,
    routes: Arc<RwLock<RouteTable>>,
    shared: Arc<Shared>,
    settled: watch::Sender<bool>,
    notices: mpsc::Sender<Notice>,
    inbox: Option<mpsc::Receiver<Notice>>,
    settings: Settings,
    links: BTreeMap<LinkId, ControlLink>,
    next_link: LinkId,
    barriers: BTreeMap<u64, oneshot::Sender<()>>,
    next_barrier: u64,
    joins: Vec<Join>,
    sweep_at: Option<Time>,
    hlc_at: Time,
}

impl Task {
    async fn run(mut self, mut commands: mpsc::Receiver<Command>) {
        let Some(mut inbox) = self.inbox.take() else { return };
        let mut found = self.open();
        let mut out = Vec::new();
        self.core.start(self.clock.now(), &mut out);
        self.end_batch(&mut out);
        let shared = self.shared.clone();
        loop {
            let timer = self.clock.instant(self.deadline());
            tokio::select! {
                biased;
                Some(command) = commands.recv() => {
                    if let Some(done) = self.on_command(command, &mut out) {
                        self.end_batch(&mut out);
                        self.linger().await;
                        let _ = done.send(());
                        return;
                    }
                }
                Some(notice) = inbox.recv() => {
                    self.on_notice(notice, &mut out);
                    for _ in 1..BATCH {
                        let Ok(notice) = inbox.try_recv() else { break };
                        self.on_notice(notice, &mut out);
                    }
                }
                Some(targets) = found.recv() => self.input(Input::Discovered(targets), &mut out),
                () = shared.wake.notified() => {}
                () = tokio::time::sleep_until(timer) => self.on_deadline(&mut out),
            }
            self.take_ops(&mut out);
            self.end_batch(&mut out);
        }
    }

    /// Begins to accept, and to look for others.
    fn open(&mut self) -> mpsc::Receiver<Vec<Target>> {
        let (tell, found) = mpsc::channel(4);
        let listener = self.listener.take().and_then(|l| tokio::net::TcpListener::from_std(l).ok());
        if let (Some(local), Some(listener)) = (self.local.clone(), listener) {
            supervise::spawn("mesh accept", accept_all(listener, local, self.notices.clone()));
            let discovery = self.settings.discovery.clone();
            supervise::spawn("discovery", discovery::run(discovery, tell));
        }
        found
    }

    fn input(&mut self, input: Input, out: &mut Vec<Action>) {
        self.core.on(input, self.clock.now(), out);
    }

    fn deadline(&self) -> Time {
        let joins = self.joins.iter().map(|join| join.until);
        let own = [self.core.deadline(), self.sweep_at, Some(self.hlc_at)];
        own.into_iter().flatten().chain(joins).min().unwrap_or(self.hlc_at)
    }

    fn on_deadline(&mut self, out: &mut Vec<Action>) {
        let now = self.clock.now();
        if self.core.deadline().is_some_and(|at| at <= now) {
            self.core.on_deadline(now, out);
        }
        if self.sweep_at.is_some_and(|at| at <= now) {
            let more = self.routes_mut().sweep(SWEEP.0);
            self.sweep_at = more.then(|| now + SWEEP.1);
        }
        if self.hlc_at <= now {
            self.hlc_at = now + HLC_EVERY;
            if let Err(error) = self.state.save_hlc(self.core.stored().hlc) {
                tracing::warn!(%error, "clock is not kept");
            }
        }
        let (over, waiting) = self.joins.drain(..).partition(|join| join.until <= now);
        self.joins = waiting;
        let over: Vec<Join> = over;
        for Join { name, reason, reply, .. } in over {
            let _ = reply.send(Err(JoinError::Failed { name, reason }));
        }
    }

    fn routes_mut(&self) -> std::sync::RwLockWriteGuard<'_, RouteTable> {
        self.routes.write().unwrap_or_else(|_| std::process::abort())
    }

    /// Changes of the own routes, in the order of the calls.
    fn take_ops(&mut self, out: &mut Vec<Action>) {
        let ops = std::mem::take(&mut *self.shared.ops());
        let now = self.clock.now();
        for op in ops {
            let input = match op {
                Op::Added(key) => Input::RouteAdded(key),
                Op::Removed(key) => Input::RouteRemoved(key),
                Op::Barrier(done) => {
                    self.next_barrier += 1;
                    self.barriers.insert(self.next_barrier, done);
                    Input::Barrier(self.next_barrier)
                }
            };
            self.core.on(input, now, out);
        }
    }

    fn on_command(
        &mut self,
        command: Command,
        out: &mut Vec<Action>,
    ) -> Option<oneshot::Sender<()>> {
        match command {
            Command::Status(reply) => {
                let mut status = self.core.status();
                if let Door::Closed(reason) = &self.door {
                    status.refused = Some(reason.clone());
                }
                let _ = reply.send(status);
            }
            Command::Join(seed, reply) => self.on_join(seed, reply, out),
            Command::Leave(reply) => {
                self.input(Input::Leave, out);
                let _ = reply.send(());
            }
            Command::ForceLeave(name, reply) => {
                let known = self.core.status().members.iter().any(|line| line.name == name);
                let _ = reply.send(known && name != self.settings.node_name);
                self.input(Input::ForceLeave(name), out);
            }
            Command::Shutdown(done) => {
                self.input(Input::Shutdown, out);
                return Some(done);
            }
        }
        None
    }

    fn on_join(
        &mut self,
        seed: Seed,
        reply: oneshot::Sender<Result<(), JoinError>>,
        out: &mut Vec<Action>,
    ) {
        let Seed { name, port } = seed;
        if let Door::Closed(reason) = &self.door {
            let _ = reply.send(Err(JoinError::Closed(reason.clone())));
            return;
        }
        if name == self.settings.node_name {
            let _ = reply.send(Err(JoinError::Myself(name)));
            return;
        }
        let target = Target { name: name.clone(), port, addrs: Vec::new() };
        self.input(Input::Join(target), out);
        if self.core.status().up().any(|line| line.name == name) {
            let _ = reply.send(Ok(()));
            return;
        }
        let until = self.clock.now() + JOIN_LIMIT;
        self.joins.push(Join { name, until, reason: "no answer".to_owned(), reply });
    }

    fn on_notice(&mut self, notice: Notice, out: &mut Vec<Action>) {
        match notice {
            Notice::Frame { link, frame } => self.input(Input::Frame { link, frame }, out),
            Notice::Ended { link, reason } => {
                self.links.remove(&link);
                tracing::debug!(link, reason, "control connection ended");
                self.input(Input::LinkDown { link }, out);
            }
            Notice::DialFailed { name, error, reason } => {
                for join in self.joins.iter_mut().filter(|join| join.name == name) {
                    join.reason.clone_from(&reason);
                    if matches!(error, DialError::Refused | DialError::RefusedForGood) {
                        join.until = Time::ZERO;
                    }
                }
                self.input(Input::DialFailed { name, error }, out);
            }
            Notice::Judge { peer, kind, reply } => {
                let answer = match kind {
                    LinkKind::Control => (verdict(self.core.judge(&peer)), Received::default()),
                    LinkKind::Data { .. } => (Verdict::Nonsense, Received::default()),
                };
                let _ = reply.send(answer);
            }
            Notice::Proven { proven, dialed } => self.on_proven(*proven, dialed, out),
        }
    }

    fn on_proven(&mut self, proven: Proven, dialed: bool, out: &mut Vec<Action>) {
        if proven.established.peer.hello.kind != LinkKind::Control {
            return;
        }
        self.next_link += 1;
        let (link, addr) = (self.next_link, proven.addr);
        let peer = identity(&proven.established.peer);
        let control = ControlLink::default();
        self.links.insert(link, control.clone());
        let notices = self.notices.clone();
        supervise::spawn("control link", async move {
            let to = notices.clone();
            let on_frame = async move |frame| to.send(Notice::Frame { link, frame }).await.is_ok();
            let reason = control.run(proven, on_frame).await.to_string();
            let _ = notices.send(Notice::Ended { link, reason }).await;
        });
        self.input(Input::LinkUp { link, peer, dialed, addr }, out);
    }

    /// Ends a wake-up: the table first, under one lock, then the rest in order.
    fn end_batch(&mut self, out: &mut Vec<Action>) {
        self.core.flush(self.clock.now(), out);
        if self.change_table(out) {
            self.core.flush(self.clock.now(), out);
        }
        for action in out.drain(..) {
            self.perform(action);
        }
        self.shared.has_peers.store(self.core.has_peers(), Ordering::Release);
    }

    /// Changes and compares the table as the actions say. True if the core had to be told of a difference.
    fn change_table(&mut self, out: &mut Vec<Action>) -> bool {
        let mut differ = Vec::new();
        if out.iter().any(|action| matches!(action, Action::Table(_))) {
            let mut table = self.routes_mut();
            for action in out.iter() {
                if let Action::Table(op) = action {
                    table.apply(op);
                } else if let Action::CheckRoutes { node, hash } = action
                    && table.summary(*node).1 != *hash
                {
                    differ.push(*node);
                }
            }
            drop(table);
            self.sweep_at.get_or_insert(self.clock.now() + SWEEP.1);
        } else if out.iter().any(|action| matches!(action, Action::CheckRoutes { .. })) {
            let table = self.routes.read().unwrap_or_else(|_| std::process::abort());
            for action in out.iter() {
                if let Action::CheckRoutes { node, hash } = action
                    && table.summary(*node).1 != *hash
                {
                    differ.push(*node);
                }
            }
        }
        for node in &differ {
            self.input(Input::RoutesDiffer { node: *node }, out);
        }
        !differ.is_empty()
    }

    fn perform(&mut self, action: Action) {
        match action {
            Action::Dial(target) => self.dial(target),
            Action::Send { link, frame } => {
                if let Some(control) = self.links.get(&link)
                    && !control.send(&frame)
                {
                    tracing::warn!(link, "peer does not read its control connection");
                    control.close();
                }
            }
            Action::Close { link } => {
                if let Some(control) = self.links.remove(&link) {
                    control.close();
                }
            }
            Action::Table(_) | Action::CheckRoutes { .. } => {}
            Action::PeerUp(up) => {
                let (ready, waiting) =
                    self.joins.drain(..).partition(|join| join.name == up.peer.name);
                self.joins = waiting;
                let ready: Vec<Join> = ready;
                for join in ready {
                    let _ = join.reply.send(Ok(()));
                }
            }
            Action::PeerDown { .. } | Action::PeerGone { .. } => {}
            Action::BarrierDone(id) => {
                if let Some(done) = self.barriers.remove(&id) {
                    let _ = done.send(());
                }
            }
            Action::Persist => {
                if let Err(error) = self.state.save(&self.core.stored()) {
                    tracing::error!(%error, "cluster is not kept");
                }
            }
            Action::Settled => {
                let _ = self.settled.send(true);
            }
            Action::Log(event) => log(&event),
        }
    }

    fn dial(&self, target: Target) {
        let Some(local) = self.local.clone() else { return };
        let (notices, door) = (self.notices.clone(), self.door.clone());
        supervise::spawn("mesh dial", async move {
            let name = target.name.clone();
            let notice = match dial_any(&local, &door, target).await {
                Ok(proven) => Notice::Proven { proven: Box::new(proven), dialed: true },
                Err((error, reason)) => Notice::DialFailed { name, error, reason },
            };
            let _ = notices.send(notice).await;
        });
    }

    /// Gives the last frames the time to be written.
    async fn linger(&mut self) {
        self.links.values().for_each(ControlLink::close);
        self.links.clear();
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// Tries the addresses of a node, one after the other.
async fn dial_any(
    local: &Local,
    door: &Door,
    target: Target,
) -> Result<Proven, (DialError, String)> {
    let port = target.port.unwrap_or_else(|| target.name.mesh_port());
    let mut addrs = look_up(target.name.host(), port).await;
    for addr in target.addrs {
        if !addrs.contains(&addr) {
            addrs.push(addr);
        }
    }
    let mut last = (DialError::Unreachable, "no address".to_owned());
    for addr in addrs.into_iter().filter(|addr| door.lets_dial(*addr)) {
        let name = target.name.clone();
        match local.dial(addr, LinkKind::Control, name, Received::default()).await {
            Ok(proven) => return Ok(proven),
            Err(error) => {
                let kind = dial_error(&error);
                if matches!(error, LinkError::Handshake(_)) {
                    tracing::warn!(node = %target.name, %addr, %error, "no link");
                } else {
                    tracing::debug!(node = %target.name, %addr, %error, "no link");
                }
                let refused = matches!(kind, DialError::Refused | DialError::RefusedForGood);
                last = (kind, error.to_string());
                if refused {
                    break;
                }
            }
        }
    }
    Err(last)
}

fn dial_error(error: &LinkError) -> DialError {
    match error {
        LinkError::Io(error) if error.kind() == std::io::ErrorKind::ConnectionRefused => {
            DialError::NobodyListens
        }
        LinkError::Io(_) | LinkError::Timeout => DialError::Unreachable,
        LinkError::Handshake(HandshakeError::Refused(
            Verdict::DuplicateName | Verdict::Pin | Verdict::Forgotten | Verdict::TooManyNodes,
        )) => DialError::RefusedForGood,
        LinkError::Handshake(HandshakeError::Refused(Verdict::ShuttingDown)) => {
            DialError::Unreachable
        }
        LinkError::Handshake(_) => DialError::Refused,
    }
}

fn verdict(code: Option<CloseCode>) -> Verdict {
    match code {
        None => Verdict::Ok,
        Some(CloseCode::NameTaken) => Verdict::DuplicateName,
        Some(CloseCode::Pin) => Verdict::Pin,
        Some(CloseCode::Banned | CloseCode::Left) => Verdict::Forgotten,
        Some(CloseCode::TooMany) => Verdict::TooManyNodes,
        Some(CloseCode::Tie) => Verdict::Tie,
        Some(CloseCode::ShuttingDown) => Verdict::ShuttingDown,
        Some(CloseCode::SelfLink) => Verdict::WrongTarget,
        Some(
            CloseCode::Done
            | CloseCode::Protocol
            | CloseCode::Gap
            | CloseCode::Stale
            | CloseCode::Other(_),
        ) => Verdict::Nonsense,
    }
}

fn identity(peer: &PeerHello) -> PeerIdentity {
    PeerIdentity {
        name: peer.hello.name.clone(),
        node_id: peer.node_id,
        incarnation: peer.hello.incarnation,
        guid: peer.guid(),
    }
}

/// Accepts connections and proves them; what is proven goes to the mesh task.
async fn accept_all(
    listener: tokio::net::TcpListener,
    local: Arc<Local>,
    notices: mpsc::Sender<Notice>,
) {
    let half_open = Arc::new(tokio::sync::Semaphore::new(HALF_OPEN));
    loop {
        let (tcp, addr) = match listener.accept().await {
            Ok(accepted) => accepted,
            Err(error) => {
                tracing::warn!(%error, "mesh accept");
                tokio::time::sleep(Duration::from_millis(100)).await;
                continue;
            }
        };
        let Ok(permit) = half_open.clone().try_acquire_owned() else {
            tracing::debug!(%addr, "too many handshakes");
            continue;
        };
        let (local, notices) = (local.clone(), notices.clone());
        supervise::spawn("mesh handshake", async move {
            let judge = async |peer: &PeerHello| {
                let (reply, answer) = oneshot::channel();
                let (peer, kind) = (identity(peer), peer.hello.kind);
                let asked = notices.send(Notice::Judge { peer, kind, reply }).await;
                let stopping = (Verdict::ShuttingDown, Received::default());
                if asked.is_err() { stopping } else { answer.await.unwrap_or(stopping) }
            };
            let accepted = local.accept(tcp, addr, judge).await;
            drop(permit);
            match accepted {
                Ok(proven) => {
                    let proven = Box::new(proven);
                    let _ = notices.send(Notice::Proven { proven, dialed: false }).await;
                }
                Err(LinkError::Handshake(error)) => tracing::warn!(%addr, %error, "refused"),
                Err(error) => tracing::debug!(%addr, %error, "no handshake"),
            }
        });
    }
}

fn log(event: &Event) {
    match event {
        Event::Up(node) => tracing::info!(%node, "member up"),
        Event::Down(node, reason) => tracing::warn!(%node, reason, "member down"),
        Event::Joined(node) => tracing::info!(%node, "member joined"),
        Event::Gone(node, status) => tracing::info!(%node, ?status, "member gone"),
        Event::Refused(node, code) => tracing::info!(%node, ?code, "link refused"),
        Event::RefusedBy(node, code, reason) => {
            tracing::info!(%node, ?code, reason, "link refused by the other end");
        }
        Event::NewIdentity(node) => {
            tracing::error!(%node, "known name came back with another identity");
        }
        Event::ForcedOut => tracing::error!("forced out; emqx-rs-ctl cluster join brings it back"),
        Event::Left => tracing::info!("left the cluster"),
        Event::RoutesRepaired(node) => tracing::error!(%node, "routes differed, are sent anew"),
    }
}
