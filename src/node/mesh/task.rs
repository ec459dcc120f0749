//! The loop around the cluster core: one input after the other, then what they cause.

use std::{
    collections::BTreeMap,
    net::{IpAddr, SocketAddr, TcpListener},
    sync::{Arc, RwLock, RwLockReadGuard, RwLockWriteGuard, atomic::Ordering},
    time::Duration,
};

use tokio::{
    sync::{Notify, mpsc, oneshot, watch},
    task::AbortHandle,
};

use super::{
    Command, JoinError, Unlock,
    clock_keeper::ClockKeeper,
    data::DataLinks,
    dials::Dials,
    door::{self, Door},
    ops::{Op, Shared},
    radio::Radio,
    sessions::{Marks, Sessions, WillWaits},
};
use crate::{
    broker::{retained::Retained, stats::Stats},
    cluster::{
        Action, Cluster, ClusterStatus, DialError, Event, Input, LinkId, NodeId, NodeName,
        PeerIdentity, PeerUp, RecordStatus, Settings, Target,
        autoheal::HealEvent,
        detector::Sign,
        handshake::{LinkKind, Verdict},
        heartbeat::Session,
        legacy::Legacy,
        routes::{RouteTable, TableOp},
        settings::{Discovery, Seed},
        wire::{Frame, Received},
    },
    net::{clock::Clock, supervise},
    node::{
        control_link::{ControlError, ControlLink},
        dial::{Local, Proven},
        discovery,
        heartbeat::{Heartbeats, Part, Progress, Watch},
        locks,
        sections::Sections,
        state::State,
    },
    time::Time,
};

/// Names that discovery told of and that are remembered.
const FOUND: usize = 1024;
/// Frames and other events that wait for the mesh task.
pub(super) const INBOX: usize = 4096;
/// Events taken before what they cause is sent.
const BATCH: usize = 256;
/// `cluster join` gives up after this time.
const JOIN_LIMIT: Duration = Duration::from_secs(10);
/// Routes of lost nodes are freed in pieces of this many, this often.
const SWEEP: (u32, Duration) = (2_000, Duration::from_millis(10));
/// Wakes up at least this often, so that the heartbeat thread sees it move.
const BUMP_EVERY: Duration = Duration::from_secs(1);

/// What the tasks of the mesh tell it.
pub(super) enum Notice {
    Proven {
        proven: Box<Proven>,
        dialed: bool,
    },
    DialFailed {
        name: NodeName,
        error: DialError,
        reason: String,
    },
    Judge {
        peer: PeerIdentity,
        kind: LinkKind,
        reply: oneshot::Sender<(Verdict, Received)>,
    },
    Frame {
        link: LinkId,
        frame: Frame,
    },
    Ended {
        link: LinkId,
        node: NodeName,
        reason: ControlError,
    },
    /// Somebody came with a cookie that is not known here.
    Knock {
        from: IpAddr,
    },
    /// Who looked at the routes before a mark was asked for has pushed what it had to.
    Passed {
        mark: u64,
        node: NodeId,
    },
    /// The messages up to a mark are here.
    Arrived {
        mark: u64,
        node: NodeId,
    },
}

/// Somebody waits for a node to be up.
pub(super) struct Join {
    name: NodeName,
    until: Time,
    reason: String,
    /// Nothing is known of it but that it does not answer.
    down: bool,
    reply: oneshot::Sender<Result<(), JoinError>>,
}

/// The loop around the core.
pub(super) struct Task {
    pub(super) core: Cluster,
    pub(super) data: DataLinks,
    pub(super) desk: Arc<dyn Sessions>,
    pub(super) sections: Arc<Sections>,
    pub(super) marks: Marks,
    pub(super) wills: WillWaits,
    pub(super) clock: Clock,
    pub(super) door: Door,
    /// `None`: the mesh is closed.
    pub(super) local: Option<Arc<Local>>,
    pub(super) listener: Option<TcpListener>,
    /// The same once more, for the next process.
    pub(super) mesh_port: Option<TcpListener>,
    pub(super) accept: Option<AbortHandle>,
    /// Number of this process.
    pub(super) process: u64,
    /// What the process before left.
    pub(super) follows: bool,
    pub(super) legacy: Option<Legacy>,
    pub(super) state: State,
    pub(super) clock_keeper: ClockKeeper,
    pub(super) routes: Arc<RwLock<RouteTable>>,
    pub(super) retained: Arc<RwLock<Retained>>,
    /// Whether changes of retained messages are noted.
    pub(super) retained_told: bool,
    pub(super) stats: Arc<Stats>,
    /// What the core is to hear of what it asked for.
    pub(super) inputs: Vec<Input>,
    pub(super) shared: Arc<Shared>,
    pub(super) settled: watch::Sender<bool>,
    pub(super) notices: mpsc::Sender<Notice>,
    pub(super) inbox: Option<mpsc::Receiver<Notice>>,
    pub(super) settings: Settings,
    pub(super) heart: Heartbeats,
    pub(super) signs: mpsc::Receiver<Sign>,
    /// Discovery by multicast, where it runs.
    pub(super) radio: Option<Radio>,
    pub(super) progress: Progress,
    pub(super) links: BTreeMap<LinkId, ControlLink>,
    /// Heartbeat keys of the connections that do not count yet.
    pub(super) sessions: BTreeMap<LinkId, (Session, NodeName)>,
    /// Attempts under way, and how to hasten them.
    pub(super) dials: Dials,
    pub(super) next_link: LinkId,
    pub(super) barriers: BTreeMap<u64, oneshot::Sender<()>>,
    pub(super) next_barrier: u64,
    pub(super) joins: Vec<Join>,
    /// What discovery found last.
    pub(super) found: Vec<Target>,
    pub(super) sweep_at: Option<Time>,
}

impl Task {
    pub(super) async fn run(mut self, mut commands: mpsc::Receiver<Command>, unlock: Unlock) {
        let Some(mut inbox) = self.inbox.take() else { return };
        if self.follows && !matches!(commands.recv().await, Some(Command::GoOn)) {
            return;
        }
        let mut out = Vec::new();
        self.begin(&mut out);
        self.local = unlock.local().map(Arc::new);
        self.data.unlock(self.local.clone());
        if let Some(legacy) = self.legacy.take() {
            self.go_on(legacy, &mut out);
        }
        let (mut found, mut sighted) = self.open();
        self.accept_invitation(&mut out);
        self.end_batch(&mut out);
        let shared = self.shared.clone();
        loop {
            self.progress.bump(Part::Mesh);
            let timer = self.clock.instant(self.deadline());
            tokio::select! {
                biased;
                command = commands.recv() => {
                    // The node dropped its last handle: it ends without a word to the others.
                    let Some(command) = command else { return };
                    if let Command::Rest(reply) = command {
                        let _ = reply.send(self.rest(&mut out).await);
                        return;
                    }
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
                Some(sign) = self.signs.recv() => self.on_sign(sign, &mut out),
                Some(targets) = found.recv() => {
                    self.note_found(&targets);
                    self.input(Input::Discovered(targets), &mut out);
                }
                Some(target) = sighted.recv() => self.input(Input::Sighted(target), &mut out),
                () = shared.wake.notified() => {}
                () = tokio::time::sleep_until(timer) => self.on_deadline(&mut out),
            }
            self.take_ops(&mut out);
            self.end_batch(&mut out);
        }
    }

    /// What discovery names, or one of them by its address. The last word about each stays.
    fn note_found(&mut self, targets: &[Target]) {
        self.found.retain(|known| targets.iter().all(|target| target.name != known.name));
        self.found.extend_from_slice(targets);
        let more = self.found.len().saturating_sub(FOUND);
        self.found.drain(..more);
    }

    /// Time begins for the core. A node that knows no other one is ready with that.
    fn begin(&mut self, out: &mut Vec<Action>) {
        self.core.start(self.clock.now(), out);
        locks::write(&self.retained).begin(self.core.born());
        self.shared.hlc.fetch_max(self.core.hlc(), Ordering::AcqRel);
        out.drain(..).for_each(|action| self.perform(action));
        self.clock_keeper.cover(self.core.hlc());
    }

    /// Begins to accept, and to look for others.
    fn open(&mut self) -> (mpsc::Receiver<Vec<Target>>, mpsc::Receiver<Target>) {
        let (tell, found) = mpsc::channel(4);
        let (tell_sighted, sighted) = mpsc::channel(64);
        let listener = self.listener.take().and_then(|l| tokio::net::TcpListener::from_std(l).ok());
        if let (Some(local), Some(listener)) = (self.local.clone(), listener) {
            let notices = self.notices.clone();
            if let Discovery::Mcast(mcast) = &self.settings.discovery {
                let radio = Radio::start(self, mcast.clone(), &local, tell_sighted);
                self.radio = Some(radio);
            }
            let hosts = local.hosts.clone();
            let accept =
                supervise::spawn("mesh accept", door::accept_all(listener, local, notices));
            self.accept = Some(accept.abort_handle());
            let discovery = self.settings.discovery.clone();
            supervise::spawn("discovery", discovery::run(discovery, hosts, tell));
        }
        (found, sighted)
    }

    /// Asks to be let into the cluster that an operator named before the start.
    fn accept_invitation(&mut self, out: &mut Vec<Action>) {
        let nodes = self.settings.invitation.as_ref().map(|found| found.nodes.clone());
        let others =
            nodes.into_iter().flatten().filter(|node| node.name != self.settings.node_name);
        for target in others.collect::<Vec<_>>() {
            if let Door::Closed(reason) = &self.door {
                return tracing::error!(node = %target.name, reason, "cannot join");
            }
            tracing::info!(node = %target.name, "joining");
            self.input(Input::Join(target), out);
        }
    }

    /// One of the nodes to join is up: it told of the others, and the next start finds them by itself.
    fn end_invitation(&mut self, name: &NodeName) {
        let Some(found) = &mut self.settings.invitation else { return };
        if !found.nodes.iter().any(|node| node.name == *name) {
            return;
        }
        found.nodes.clear();
        if let Err(error) = self.state.save_invitation(found) {
            tracing::warn!(%error, "the next start asks to join again");
        }
    }

    pub(super) fn input(&mut self, input: Input, out: &mut Vec<Action>) {
        self.core.on(input, self.clock.now(), out);
    }

    fn deadline(&self) -> Time {
        let joins = self.joins.iter().map(|join| join.until);
        let own = [self.core.deadline(), self.sweep_at, Some(self.clock.now() + BUMP_EVERY)];
        own.into_iter().flatten().chain(joins).min().unwrap_or(Time::ZERO)
    }

    fn on_deadline(&mut self, out: &mut Vec<Action>) {
        let now = self.clock.now();
        self.core.set_calendar(self.clock.wall(), now);
        self.look_at_peers();
        if self.core.deadline().is_some_and(|at| at <= now) {
            self.core.on_deadline(now, out);
        }
        if self.sweep_at.is_some_and(|at| at <= now) {
            let more = self.routes_mut().sweep(SWEEP.0);
            self.sweep_at = more.then(|| now + SWEEP.1);
        }
        let (over, waiting) = self.joins.drain(..).partition(|join| join.until <= now);
        self.joins = waiting;
        let over: Vec<Join> = over;
        for Join { name, reason, down, reply, .. } in over {
            let _ = reply.send(Err(JoinError::Failed { name, reason, down }));
        }
    }

    fn routes_mut(&self) -> RwLockWriteGuard<'_, RouteTable> {
        self.routes.write().unwrap_or_else(|_| std::process::abort())
    }

    fn routes_now(&self) -> RwLockReadGuard<'_, RouteTable> {
        self.routes.read().unwrap_or_else(|_| std::process::abort())
    }

    /// Changes of the own routes, in the order of the calls.
    pub(super) fn take_ops(&mut self, out: &mut Vec<Action>) {
        let ops = std::mem::take(&mut *self.shared.ops());
        let now = self.clock.now();
        self.core.observe(self.shared.hlc.load(Ordering::Acquire), now);
        for op in ops.pieces.into_iter().flatten() {
            let input = match op {
                Op::Added(key) => Input::RouteAdded(key),
                Op::Removed(key) => Input::RouteRemoved(key),
                Op::Renewed => Input::Renewed,
                Op::Retained => self.retained_changes(),
                Op::Barrier(done) => {
                    self.next_barrier += 1;
                    self.barriers.insert(self.next_barrier, done);
                    Input::Barrier(self.next_barrier)
                }
                about_session @ (Op::Claim { .. }
                | Op::Unclaim { .. }
                | Op::Refresh { .. }
                | Op::Adopted { .. }
                | Op::Refreshed { .. }
                | Op::Take { .. }
                | Op::Dismiss { .. }
                | Op::Ask { .. }
                | Op::Mark(_)
                | Op::Will(..)
                | Op::WillOver { .. }
                | Op::WillPublished { .. }
                | Op::Up(_)) => {
                    self.on_session_op(about_session, out);
                    continue;
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
                if let Some(local) = &self.local {
                    status.refusals = locks::lock(&local.refusals).recent(self.clock.now());
                }
                self.add_health(&mut status);
                let _ = reply.send(status);
            }
            Command::Join(seed, reply) => self.on_join(seed, reply, out),
            Command::Leave(reply) => {
                self.input(Input::Leave, out);
                let _ = reply.send(());
            }
            Command::Rediscover(reply) => {
                self.input(Input::Rediscover, out);
                // It may be a while until it is asked again.
                self.input(Input::Discovered(self.found.clone()), out);
                let _ = reply.send(());
            }
            Command::ForceLeave(name, reply) => {
                let known = self.core.status().members.iter().any(|line| line.name == name);
                let _ = reply.send(known && name != self.settings.node_name);
                self.input(Input::ForceLeave(name), out);
            }
            Command::Discover(reply) => {
                let _ = reply.send(self.radio.as_ref().map(Radio::look));
            }
            Command::GoOn | Command::Rest(_) => {}
            Command::Drain(done) => {
                self.heart.set_draining();
                let _ = done.send(());
            }
            Command::Shutdown(done) => {
                // What the sessions said last, wills that are withdrawn among it, goes before the end.
                self.take_ops(out);
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
        self.joins.push(Join { name, until, reason: "no answer".to_owned(), down: true, reply });
    }

    fn on_notice(&mut self, notice: Notice, out: &mut Vec<Action>) {
        match notice {
            Notice::Frame { link, frame } => self.input(Input::Frame { link, frame }, out),
            Notice::Ended { link, node, reason } => {
                self.drop_link(link);
                let told = self.local.as_ref().map(|local| &local.told);
                let now = self.clock.now();
                if reason.is_fault() && told.is_some_and(|told| told.is_due(node.as_str(), now)) {
                    tracing::warn!(%node, %reason, "control connection closed");
                } else {
                    tracing::debug!(%node, %reason, "control connection ended");
                }
                self.input(Input::LinkDown { link }, out);
            }
            Notice::DialFailed { name, error, reason } => {
                for join in self.joins.iter_mut().filter(|join| join.name == name) {
                    join.reason.clone_from(&reason);
                    join.down = matches!(error, DialError::Unreachable | DialError::NobodyListens);
                    if matches!(error, DialError::Refused | DialError::RefusedForGood) {
                        join.until = Time::ZERO;
                    }
                }
                self.input(Input::DialFailed { name, error }, out);
            }
            Notice::Judge { peer, kind, reply } => {
                let answer = match kind {
                    LinkKind::Control => {
                        (door::verdict(self.core.judge(&peer)), Received::default())
                    }
                    LinkKind::Data { stream } => match self.core.linked(&peer) {
                        Some(node) => (Verdict::Ok, self.data.received(node, &peer, stream)),
                        None => (Verdict::Nonsense, Received::default()),
                    },
                };
                let _ = reply.send(answer);
            }
            Notice::Knock { from } => self.input(Input::Knock { from }, out),
            Notice::Passed { mark, node } => self.answer_mark(mark, node, out),
            Notice::Arrived { mark, node } => self.on_arrived(mark, node),
            Notice::Proven { proven, dialed } => self.on_proven(*proven, dialed, out),
        }
    }

    /// What the heartbeat thread knows of the links.
    fn add_health(&self, status: &mut ClusterStatus) {
        status.heartbeats_dropped = self.heart.dropped();
        for line in status.members.iter_mut().filter(|line| line.addr.is_some()) {
            let health = self.heart.health(line.node_id);
            line.rtt_us = health.rtt_us;
            line.udp = health.udp;
            line.stalled = health.stalled;
        }
    }

    /// Peers that say they stall or are about to stop are not chosen where another may be.
    fn look_at_peers(&self) {
        for (node, index) in self.core.up_nodes() {
            if let Some(peer) = self.data.find(index) {
                let health = self.heart.health(node);
                peer.set_avoided(health.stalled || health.draining);
            }
        }
    }

    fn on_sign(&mut self, sign: Sign, out: &mut Vec<Action>) {
        let input = match sign {
            Sign::Silent { link, .. } => Input::Silent { link },
            Sign::Heard { node } => Input::Heard { node },
            Sign::Refused { node } => Input::Refused { node },
        };
        self.input(input, out);
    }

    fn drop_link(&mut self, link: LinkId) -> Option<ControlLink> {
        self.sessions.remove(&link);
        self.heart.on_link_lost(link);
        self.links.remove(&link)
    }

    fn on_proven(&mut self, proven: Proven, dialed: bool, out: &mut Vec<Action>) {
        let hello = &proven.established.peer.hello;
        if let LinkKind::Data { stream } = hello.kind {
            let peer = door::identity(&proven.established.peer);
            if let Some(node) = self.core.linked(&peer) {
                self.data.on_accepted(node, &peer, stream, proven);
            }
            return;
        }
        self.data.note_streams(proven.established.peer.node_id, hello.streams);
        self.next_link += 1;
        let (link, addr) = (self.next_link, proven.addr);
        let peer = door::identity(&proven.established.peer);
        let control = ControlLink::default();
        self.links.insert(link, control.clone());
        if let Some(session) = Session::new(&proven.established.hash, dialed) {
            self.sessions.insert(link, (session, peer.name.clone()));
        }
        let (notices, node) = (self.notices.clone(), peer.name.clone());
        supervise::spawn("control link", async move {
            let to = notices.clone();
            let on_frame = async move |frame| to.send(Notice::Frame { link, frame }).await.is_ok();
            let reason = control.run(proven, on_frame).await;
            let _ = notices.send(Notice::Ended { link, node, reason }).await;
        });
        self.input(Input::LinkUp { link, peer, dialed, addr }, out);
    }

    /// Ends a wake-up: the table first, under one lock, then the rest in order.
    pub(super) fn end_batch(&mut self, out: &mut Vec<Action>) {
        let mut moved = false;
        loop {
            self.core.flush(self.clock.now(), out);
            if self.change_table(out) {
                self.core.flush(self.clock.now(), out);
            }
            // Before a walk over the sessions is asked for: who connects from here on claims.
            self.shared.set_has_peers(self.core.has_peers());
            self.shared.hlc.fetch_max(self.core.hlc(), Ordering::AcqRel);
            self.tell_retained();
            moved |= out.iter().any(changes_links);
            // What is written is what holds by now, so once is enough; it takes time on a slow disk.
            let mut written = false;
            out.retain(|action| {
                !matches!(action, Action::Persist) || !std::mem::replace(&mut written, true)
            });
            // First in the batch, where it is asked for.
            if let Some(Action::KeepClock(hlc)) = out.first() {
                self.clock_keeper.keep(*hlc);
            }
            self.clock_keeper.cover(self.core.hlc());
            for action in out.drain(..) {
                self.perform(action);
            }
            if self.inputs.is_empty() {
                break;
            }
            for input in std::mem::take(&mut self.inputs) {
                self.input(input, out);
            }
        }
        if let Some(radio) = self.radio.as_ref().filter(|_| moved) {
            radio.note(&self.core.status());
        }
    }

    /// Changes and compares the table as the actions say. True if the core had to be told of a difference.
    fn change_table(&mut self, out: &mut Vec<Action>) -> bool {
        let mut differ = Vec::new();
        for action in out.iter_mut() {
            // What differs is looked for while publishes go on; nobody else writes.
            if let Action::Table(op @ TableOp::Refill { .. }) = action
                && let Some(difference) = self.routes_now().difference(op)
            {
                *op = difference;
            }
        }
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
            let table = self.routes_now();
            for action in out.iter() {
                if let Action::CheckRoutes { node, hash } = action
                    && table.summary(*node).1 != *hash
                {
                    differ.push(*node);
                }
            }
        }
        for node in &differ {
            let sums = self.routes_now().sums(*node);
            self.input(Input::RoutesDiffer { node: *node, sums }, out);
        }
        !differ.is_empty()
    }

    pub(super) fn perform(&mut self, action: Action) {
        match action {
            Action::Dial { target, near } => self.dial(target, near),
            Action::Undial(name) => self.dials.end(&name),
            Action::Send { link, frame } => {
                if let Some(control) = self.links.get(&link)
                    && !control.send(&frame)
                {
                    tracing::warn!(link, "peer does not read its control connection");
                    control.close();
                }
            }
            Action::Close { link } => {
                if let Some(control) = self.drop_link(link) {
                    control.close();
                }
            }
            Action::Watch { node, link, addr } => self.watch(node, link, addr),
            Action::Unwatch { node } => self.heart.forget(node),
            Action::Table(_) | Action::CheckRoutes { .. } => {}
            Action::PeerUp(up) => self.on_peer_up(&up),
            Action::PeerDown { node } => self.data.on_down(node),
            Action::PeerAway { node } => self.data.on_away(node),
            Action::PeerGone { node } => self.data.on_gone(node),
            Action::Claimed { ticket, claim, previous } => {
                self.desk.on_claimed(ticket, claim, previous);
            }
            Action::Kick { client, winner, clean } => {
                self.desk.on_kick(&client, winner, clean);
            }
            Action::WalkSessions { view } => self.desk.on_walk(view),
            Action::WillKept { ticket, kept } => self.wills.end(ticket, kept),
            Action::PublishWill { client, claim, body } => self.desk.on_will(client, claim, body),
            Action::FromPeer { node, frame } => self.on_peer_frame(node, frame),
            Action::Retained { link, node, step } => self.on_retained(link, node, step),
            Action::RestartClients => self.data.restart_clients(),
            Action::BarrierDone(id) => {
                if let Some(done) = self.barriers.remove(&id) {
                    let _ = done.send(());
                }
            }
            Action::Persist => {
                if let Err(error) = self.state.save(&self.core.stored(self.clock.now())) {
                    tracing::error!(name: "cluster-not-kept", %error, "cluster is not kept");
                }
            }
            Action::KeepClock(hlc) => self.clock_keeper.keep(hlc),
            Action::Settled => {
                let _ = self.settled.send(true);
            }
            Action::Log(event) => log(&event),
        }
    }

    fn on_peer_up(&mut self, up: &PeerUp) {
        self.data.on_up(up);
        if let Some(local) = &self.local {
            locks::lock(&local.refusals).forget(&up.peer.name, up.addr.ip());
        }
        self.end_invitation(&up.peer.name);
        let (ready, waiting) = self.joins.drain(..).partition(|join| join.name == up.peer.name);
        self.joins = waiting;
        let ready: Vec<Join> = ready;
        for join in ready {
            let _ = join.reply.send(Ok(()));
        }
    }

    fn watch(&mut self, node: NodeId, link: LinkId, addr: SocketAddr) {
        let control = self.links.get(&link).cloned();
        let Some((control, (session, name))) = control.zip(self.sessions.remove(&link)) else {
            return;
        };
        self.heart.watch(Watch { node, name, link, addr, session, control });
    }

    fn dial(&mut self, target: Target, near: bool) {
        let Some(local) = self.local.clone() else { return };
        if self.dials.hasten(&target.name) {
            return;
        }
        let hasten = Arc::new(Notify::new());
        let hastened = hasten.clone();
        let (notices, door) = (self.notices.clone(), self.door.clone());
        let whom = target.name.clone();
        let task = supervise::spawn("mesh dial", async move {
            let name = target.name.clone();
            let notice = match door::dial_any(&local, &door, (target, near), &hastened).await {
                Ok(proven) => Notice::Proven { proven: Box::new(proven), dialed: true },
                Err((error, reason)) => Notice::DialFailed { name, error, reason },
            };
            let _ = notices.send(notice).await;
        });
        self.dials.begin(whom, task.abort_handle(), hasten);
    }

    /// Gives the last frames the time to be written.
    pub(super) async fn linger(&mut self) {
        drop(std::mem::take(&mut self.heart));
        drop(self.radio.take());
        self.links.values().for_each(ControlLink::close);
        self.links.clear();
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// After this, other nodes may be linked, or missing.
const fn changes_links(action: &Action) -> bool {
    matches!(
        action,
        Action::Watch { .. }
            | Action::Close { .. }
            | Action::Persist
            | Action::PeerUp(_)
            | Action::PeerDown { .. }
            | Action::PeerAway { .. }
            | Action::PeerGone { .. }
            | Action::Log(_)
    )
}

fn log_heal(step: &HealEvent<String>) {
    let sets = |parts: &[Vec<String>]| {
        let parts: Vec<_> = parts.iter().map(|part| format!("{{{}}}", part.join(","))).collect();
        parts.join(" ")
    };
    match step {
        HealEvent::Inconsistent(node) => {
            tracing::warn!(name: "partition-seen", node, "network was partitioned: a lost member is back");
        }
        HealEvent::Reported { leader, lost } => {
            tracing::info!(leader, lost = lost.join(","), "partition reported");
        }
        HealEvent::Opened => tracing::info!("heal opened: waiting for all members"),
        HealEvent::SplitView { parts, coordinator, rejoin } => {
            let (parts, rejoin) = (sets(parts), rejoin.join(","));
            tracing::info!(parts, coordinator, rejoin, "split view");
        }
        HealEvent::Rejoining => tracing::info!("this node was cut off and rejoins"),
        HealEvent::Healed { parts, rejoined } => {
            tracing::info!(name: "partition-healed", parts = sets(parts), rejoined = rejoined.join(","), "partition healed");
        }
        HealEvent::Unheeded(leader) => {
            tracing::warn!(
                leader,
                "nobody takes up the partition that was reported; cluster.autoheal must be the same on all nodes"
            );
        }
        HealEvent::GivenUp => tracing::warn!("heal did not end in time; reports open another one"),
    }
}

fn log(event: &Event) {
    match event {
        Event::Up(node) => tracing::info!(name: "member-up", %node, "member up"),
        Event::Down(node, reason) => {
            tracing::warn!(name: "member-down", %node, reason, "member down")
        }
        Event::Restarts(node) => {
            tracing::info!(%node, "member restarts and is back in a moment");
        }
        Event::Joined(node) => tracing::info!(name: "member-joined", %node, "member joined"),
        Event::Gone(node, status) => {
            tracing::info!(name: "member-gone", %node, ?status, "member gone")
        }
        Event::Refused(node, code) => {
            tracing::info!(name: "link-refused", %node, ?code, "link refused")
        }
        Event::RefusedBy(node, code, reason) => {
            tracing::info!(name: "link-refused", %node, ?code, reason, "link refused by the other end");
        }
        Event::NewIdentity(node) => {
            tracing::error!(name: "new-identity", %node, "known name came back with another identity");
        }
        Event::Renamed { before, name } => {
            tracing::warn!(node = %name, %before, "a node has another name now; the old one is not dialled any more");
        }
        Event::Forgotten(node, RecordStatus::Banned) => {
            tracing::warn!(%node, "more nodes are out than are remembered: this one is not kept out any more");
        }
        Event::Forgotten(node, status) => {
            tracing::info!(%node, ?status, "a node that is out is not remembered any more");
        }
        Event::Heal(step) => log_heal(step),
        Event::Gap { a, b, open: true } => {
            tracing::warn!(name: "gap", a, b, "two members do not reach each other");
        }
        Event::Gap { a, b, open: false } => {
            tracing::info!(a, b, "two members reach each other again");
        }
        Event::ForcedOut => {
            tracing::error!(name: "forced-out", "forced out; emqx-rs-ctl cluster join brings it back")
        }
        Event::Left => tracing::info!("left the cluster"),
        Event::ClockAhead(node, seconds) => {
            tracing::warn!(name: "clock-ahead", %node, seconds, "clock of another node is ahead of this one");
        }
        Event::StoodStill(late) => {
            tracing::warn!(
                seconds = late.as_secs(),
                "this node stood still; others may have lost it"
            );
        }
        Event::RoutesRepaired(node) => tracing::error!(%node, "routes differed and are put right"),
    }
}
