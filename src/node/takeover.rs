//! Sessions between nodes: a client that connects here gets the session it had on another node (EMQX
//! `emqx_cm:takeover_session`).
//!
//! ```text
//!  here                                   there
//!  claim (cluster/directory.rs)
//!  PULL state 0, 1, ..   ------------>    connection closed with 0x8E, session frozen, its queue goes on
//!                        <------------    PIECE
//!  what was on its way here before has come (a mark)
//!  subscriptions stand on all nodes: from now on both queues get every message
//!  PULL rest 0, 1, ..    ------------>    what was on its way to it has come (a mark), subscriptions end
//!                        <------------    PIECE: what its queue got since
//!  what is in the rest has come here too (a mark)
//!  queue = state, rest, own; each message once, by its number in the cluster
//!  DONE                  ------------>    forgets the session
//! ```
//! If this end falls silent, the session is parked again there; if the other does, what has come is used. FAIL in the place of DONE: the
//! state is used here, the rest stays there and is offered. One session at a time of each client is opened, given or taken on a node
//! ([`Turn`]), and [`PLACES`] in all each way.

use std::{
    collections::{BTreeSet, HashMap, VecDeque},
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};

use tokio::{
    sync::{Semaphore, mpsc, oneshot},
    time::timeout,
};

use super::{
    hub::Hub,
    locks,
    mailbox::{Mailbox, Signal},
    mesh::{Mesh, Sessions},
    registry::{Handover, Parked, Row, Taken},
    wills::Admission,
};
use crate::{
    broker::{
        ClientId, Settings,
        channel::Shared,
        connect::{Identity, RightsFrom},
        inflight::Inflight,
        mqueue::Delivery,
        portable::{self, Portable},
        session::Session,
        stats::Metric,
        subscriptions::Subscriber,
        will::Will,
    },
    cluster::{
        Claim, NodeId,
        wire::{AskFrame, CHUNK, Stage, TakeFrame},
    },
    net::supervise,
    time::{Time, Wall},
};

/// Sessions under way at once, each way: two nodes that fetch from each other must not wait for each other.
const PLACES: usize = 64;
/// The other node has this long for each piece.
const LIMIT: Duration = Duration::from_secs(5);
/// What is not answered is asked for again after this time: the other node may have restarted.
const AGAIN: Duration = Duration::from_secs(1);
/// Bytes of a session, at most.
const STATE_MAX: usize = 256 << 20;
/// A session that another node has a newer claim on is kept at least this long, to be fetched.
const GRACE: Duration = Duration::from_secs(10);
/// A session that nobody fetches is offered so soon: until it is there, both sessions get every message.
const OFFER_AFTER: Duration = Duration::from_millis(20);
/// A session that nobody fetched is offered again to the node that has the client.
const OFFER_EVERY: Duration = Duration::from_secs(1);
const OFFERS: u32 = 10;
/// Claims told to new owners in one go, and the pause after it: 50,000 a second.
const WALK: (usize, Duration) = (1_000, Duration::from_millis(20));
/// So many bytes of a will count as one claim more.
const WALK_BYTES: usize = 256;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Side {
    Giver,
    Taker,
}

type Frames = mpsc::Sender<(NodeId, TakeFrame)>;
/// Gets the claim in force, and the node that had the session before.
type Claimed = oneshot::Sender<(Claim, Option<NodeId>)>;

/// Who waits for a turn, and under which claim the one who has it opens the session.
#[derive(Default)]
struct Line {
    claim: u64,
    /// Each with the claim it waits under: none is older than `claim`.
    waiters: VecDeque<(u64, oneshot::Sender<Turn>)>,
}

/// What is under way between this node and others.
pub(super) struct Takeovers {
    tickets: AtomicU64,
    claims: Mutex<HashMap<u64, Claimed>>,
    lines: Mutex<HashMap<ClientId, Line>>,
    inboxes: Mutex<HashMap<(ClientId, Side), Frames>>,
    taking: Semaphore,
    giving: Semaphore,
    /// Where the sessions of this node went since it began to stop.
    gone: Mutex<HashMap<ClientId, NodeId>>,
    draining: AtomicBool,
    /// The view whose walk counts.
    pub(super) walk: AtomicU64,
}

impl Default for Takeovers {
    fn default() -> Self {
        Self {
            tickets: AtomicU64::new(0),
            claims: Mutex::default(),
            lines: Mutex::default(),
            inboxes: Mutex::default(),
            taking: Semaphore::new(PLACES),
            giving: Semaphore::new(PLACES),
            gone: Mutex::default(),
            draining: AtomicBool::new(false),
            walk: AtomicU64::new(0),
        }
    }
}

/// The right to open, give or take the session of a client; passes to the next in line when dropped.
pub(super) struct Turn {
    hub: Arc<Hub>,
    client_id: ClientId,
    /// False: it came back from somebody who waits no longer, and is on its way to the next.
    passes: bool,
}

impl Turn {
    fn new(hub: &Arc<Hub>, client_id: &ClientId) -> Self {
        Self { hub: hub.clone(), client_id: client_id.clone(), passes: true }
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        if !self.passes {
            return;
        }
        loop {
            let next = {
                let mut lines = locks::lock(&self.hub.takeovers.lines);
                let Some(line) = lines.get_mut(&self.client_id) else { return };
                line.claim = 0;
                let next = line.waiters.pop_front();
                if next.is_none() {
                    lines.remove(&self.client_id);
                }
                next
            };
            let Some((_, next)) = next else { return };
            match next.send(Self::new(&self.hub, &self.client_id)) {
                Ok(()) => return,
                Err(mut back) => back.passes = false,
            }
        }
    }
}

/// A client that may be opened here.
pub(super) struct MayOpen {
    /// The claim, and the will that other nodes keep.
    pub(super) claim: Admission,
    /// To be kept until the session is in the registry.
    pub(super) turn: Turn,
}

/// Receives the frames about one client, until dropped.
struct Inbox {
    hub: Arc<Hub>,
    key: (ClientId, Side),
    frames: mpsc::Receiver<(NodeId, TakeFrame)>,
}

impl Drop for Inbox {
    fn drop(&mut self) {
        locks::lock(&self.hub.takeovers.inboxes).remove(&self.key);
        // Who asked a moment too late for this one would wait in vain.
        while let Ok((from, frame)) = self.frames.try_recv() {
            if let (TakeFrame::Pull { client, .. }, Some(mesh)) = (frame, self.hub.mesh()) {
                mesh.send_take(from, TakeFrame::Fail { client, moved: None });
            }
        }
    }
}

/// A session out of its place.
struct Frozen {
    session: Box<Session>,
    mailbox: Arc<Mailbox>,
    identity: Option<Box<Identity>>,
    expires_at: Time,
    will: Option<(Box<Will>, Time)>,
    /// Its subscriptions stand.
    subscribed: bool,
    /// It outlives the connection it had.
    lasting: bool,
}

impl Hub {
    /// Waits for the right to do something with the session of a client. `None`: it is being opened here under a claim newer than
    /// `claim`.
    async fn turn(self: &Arc<Self>, client_id: &ClientId, claim: u64) -> Option<Turn> {
        let wait = {
            let mut lines = locks::lock(&self.takeovers.lines);
            if let Some(line) = lines.get_mut(client_id) {
                if line.claim > claim {
                    return None;
                }
                let (tell, wait) = oneshot::channel();
                line.waiters.push_back((claim, tell));
                Some(wait)
            } else {
                lines.insert(client_id.clone(), Line::default());
                None
            }
        };
        match wait {
            None => Some(Turn::new(self, client_id)),
            Some(wait) => wait.await.ok(),
        }
    }

    /// [`Self::turn`] for something that another node waits for, not longer than that does.
    async fn turn_in_time(self: &Arc<Self>, client_id: &ClientId, claim: u64) -> Option<Turn> {
        timeout(LIMIT, self.turn(client_id, claim)).await.ok()?
    }

    /// Whoever has the turn opens the session of a client under `claim`. Who waits under an older one waits in vain: the other node
    /// may be opening it too, and would not give it before this one does.
    fn opens(&self, client_id: &ClientId, claim: u64) {
        let mut lines = locks::lock(&self.takeovers.lines);
        let Some(line) = lines.get_mut(client_id) else { return };
        line.claim = claim;
        let waiters = std::mem::take(&mut line.waiters).into_iter();
        let (older, others): (VecDeque<_>, VecDeque<_>) =
            waiters.partition(|(one, _)| *one < claim);
        line.waiters = others;
        // Told without the lock.
        drop(lines);
        drop(older);
    }

    fn inbox(self: &Arc<Self>, client_id: &ClientId, side: Side) -> Inbox {
        let (tell, frames) = mpsc::channel(4);
        let key = (client_id.clone(), side);
        locks::lock(&self.takeovers.inboxes).insert(key.clone(), tell);
        Inbox { hub: self.clone(), key, frames }
    }

    /// Claims a client; the claim in force, and the node that has its session.
    async fn claim(&self, mesh: &Mesh, client: Arc<str>, clean: bool) -> (Claim, Option<NodeId>) {
        let ticket = self.takeovers.tickets.fetch_add(1, Ordering::Relaxed) + 1;
        let (tell, answer) = oneshot::channel();
        locks::lock(&self.takeovers.claims).insert(ticket, tell);
        mesh.claim(ticket, client, clean);
        if let Ok(claimed) = answer.await {
            return claimed;
        }
        let hlc = mesh.tick(self.clock.wall());
        (Claim { hlc, node: mesh.node_id() }, None)
    }

    /// A client connects while other nodes are up: claims it, fetches its session, and gives its will to others to keep. The answer
    /// comes when it may be opened.
    pub(super) fn open_in_cluster(
        self: &Arc<Self>,
        client_id: &ClientId,
        (clean, will): (bool, Option<Will>),
        shared: Arc<Shared>,
    ) -> oneshot::Receiver<MayOpen> {
        let (tell, answer) = oneshot::channel();
        let (hub, client_id) = (self.clone(), client_id.clone());
        supervise::spawn("takeover", async move {
            let Some(mesh) = hub.mesh().cloned() else { return };
            let Some(turn) = hub.turn(&client_id, u64::MAX).await else { return };
            let (claim, previous) = hub.claim(&mesh, client_id.shared(), clean).await;
            hub.opens(&client_id, claim.hlc);
            if let Some(from) = previous.filter(|_| !clean)
                && hub.fetch(&client_id, from, claim, &shared.settings).await.is_some()
            {
                hub.stats.count(Metric::SessionTakeovered);
            }
            let told = match will {
                Some(will) => hub.tell_will(&mesh, &client_id, claim.hlc, &will).await,
                None => None,
            };
            let opened = Admission { hlc: claim.hlc, told };
            let gone = tell.send(MayOpen { claim: opened, turn }).is_err();
            if gone && hub.registry.claim_of(&client_id).is_none() {
                mesh.unclaim(client_id.shared(), claim.hlc);
            }
        });
        answer
    }

    /// A client got in without a word to other nodes: tells them now.
    pub(super) fn claim_later(self: &Arc<Self>, client_id: &ClientId, clean: bool) {
        let (hub, client_id) = (self.clone(), client_id.clone());
        supervise::spawn("claim", async move {
            let Some(mesh) = hub.mesh() else { return };
            let (claim, _) = hub.claim(mesh, client_id.shared(), clean).await;
            hub.registry.raise_claim(&client_id, claim.hlc);
            if let Some(kept) = hub.registry.raise_will(&client_id, claim.hlc) {
                hub.tell_quietly(&client_id, kept.claim, &kept.will);
            }
        });
    }

    fn park_fetched(&self, frozen: Frozen) {
        let Frozen { session, mailbox, identity, expires_at, will, .. } = frozen;
        let since = self.clock.wall();
        let parked = Parked { session, identity, expires_at, will, since };
        self.park(parked, &mailbox);
    }

    /// Fetches the session of a client from another node and parks it here. If there is one here, the older of the two goes into the
    /// newer.
    async fn fetch(
        self: &Arc<Self>,
        client_id: &ClientId,
        from: NodeId,
        claim: Claim,
        settings: &Settings,
    ) -> Option<()> {
        let mesh = self.mesh()?.clone();
        let _place = self.takeovers.taking.acquire().await.ok()?;
        let began = self.clock.now();
        let inbox = self.inbox(client_id, Side::Taker);
        let mut pull = Pull { inbox, mesh, from, claim, moved: None };
        let mut bytes = pull.all(Stage::State).await;
        if let (None, Some(moved)) = (&bytes, pull.moved.take()) {
            // It was on its way there when this node asked.
            pull.from = moved;
            bytes = pull.all(Stage::State).await;
        }
        let bytes = bytes?;
        let now = self.clock.now();
        let mut state = match Portable::decode(&bytes, now) {
            Ok(state) => state,
            Err(error) => {
                tracing::error!(name: "session-not-taken-over", clientid = %client_id, node = %from, %error, "session not taken over");
                pull.fail();
                return None;
            }
        };
        let newer = self.registry.claim_of(client_id).is_some_and(|(hlc, _)| hlc == claim.hlc);
        let mut mine = self.freeze(client_id, false).await;
        // From this number on its queue is not in `state`.
        let mut after = 0;
        let mut same = true;
        if let Some(mine) = &mine {
            let mut own;
            (own, after) = mine.portable(now);
            same = state.username == own.username;
            if newer {
                std::mem::swap(&mut own, &mut state);
            }
            if same {
                state.absorb(own);
            }
        }
        if newer
            && !same
            && let Some(mine) = mine.take()
        {
            // Another user's: it ends where it is, with its will.
            self.thaw(mine);
            pull.fail();
            pull.mesh.dismiss(from, client_id.shared(), claim);
            return None;
        }
        let size = (bytes.len(), state.queue.len());
        // What the other node had before it froze may be late here, where another client or a stale route wants it: it must be
        // past before the subscriptions stand. What comes later is in the rest too, and known by its number.
        let _ = timeout(LIMIT / 2, pull.mesh.mark()).await;
        let mut frozen = self.install(client_id, state, claim.hlc, settings).await;
        if let Some(mine) = &mut mine {
            mine.unsubscribe(self);
            self.sections.passed().await;
        }
        let rest = pull.rest(self.clock.now()).await;
        let whole = rest.is_some();
        // What is in the rest may be late here; once it is here too it is known by its number.
        let _ = timeout(LIMIT / 2, pull.mesh.mark()).await;
        let late = mine.as_ref().map(|mine| mine.mailbox.since(after).0).unwrap_or_default();
        let late = if same { late } else { Vec::new() };
        let dropped = frozen.finish(rest.unwrap_or_default(), late);
        self.stats.add(Metric::DeliveryDroppedQueueFull, dropped as u64);
        pull.end(whole);
        let took = self.clock.now().since(began);
        tracing::debug!(clientid = %client_id, node = %from, bytes = size.0, queued = size.1, ?took, "session taken over");
        self.park_fetched(frozen.frozen);
        self.end_mine(mine, same);
        Some(())
    }

    /// Ends what was here of a client whose session was fetched: it went into that one, or was another user's.
    fn end_mine(&self, mine: Option<Frozen>, same: bool) {
        let Some(mut mine) = mine else { return };
        if same {
            return self.answer_again(&mine.session.client_id, &mine.mailbox);
        }
        mine.session.claim = 0;
        self.discard(mine);
    }

    /// Makes the session of a client here, of what came from another node: all nodes know its subscriptions when this returns.
    async fn install(
        &self,
        client_id: &ClientId,
        mut state: Portable,
        claim: u64,
        settings: &Settings,
    ) -> Installed {
        let now = self.clock.now();
        let mailbox = Arc::new(Mailbox::new(settings));
        mailbox.set_connected(false);
        let queue = std::mem::take(&mut state.queue);
        let known = state.numbers_under_way();
        let expires_at = now + state.expiry;
        let will = state.will.take().map(|(will, left)| (will, now + left));
        let identity = Some(Box::new(Identity {
            client_id: client_id.clone(),
            username: state.username.clone(),
            clean_start: false,
            keep_alive: 0,
            connected_at: state.created_at,
            ends_at: None,
            mount: None,
            rights: RightsFrom::Node,
        }));
        let number = self.session_number();
        let session = Box::new(state.into_session(client_id.clone(), number, claim));
        let (subscribed, lasting) = (false, true);
        let mut frozen =
            Frozen { session, mailbox, identity, expires_at, will, subscribed, lasting };
        frozen.subscribe(self);
        // Also where none is the first of its filter: the one before it may have been announced a moment ago.
        if let Some(mesh) = self.mesh() {
            let _ = mesh.barrier().await;
        }
        Installed { frozen, queue, known }
    }

    /// Takes the session of a client out of its place; a connection that has it is closed.
    async fn freeze(&self, client_id: &ClientId, discard: bool) -> Option<Frozen> {
        for _ in 0..3 {
            let (taken, mailbox) = self.registry.take(client_id, discard)?;
            let answer = match taken {
                Taken::Parked(parked) => {
                    let Parked { session, identity, expires_at, will, .. } = *parked;
                    let (subscribed, lasting) = (true, true);
                    return Some(Frozen {
                        session,
                        mailbox,
                        identity,
                        expires_at,
                        will,
                        subscribed,
                        lasting,
                    });
                }
                Taken::Live(answer) => timeout(LIMIT, answer).await.ok()?.ok()?,
            };
            if let Handover::Session(session, expiry, will) = answer {
                self.count_unstored(mailbox.set_connected(false));
                let now = self.clock.now();
                let expires_at = now + expiry.max(GRACE);
                return Some(Frozen {
                    session,
                    mailbox,
                    identity: None,
                    expires_at,
                    will: will.map(|will| will.due_after(now)),
                    subscribed: true,
                    lasting: !expiry.is_zero(),
                });
            }
        }
        None
    }

    /// Puts a session back into its place.
    fn thaw(&self, mut frozen: Frozen) {
        frozen.subscribe(self);
        let (client_id, mailbox) = (frozen.session.client_id.clone(), frozen.mailbox.clone());
        self.park_fetched(frozen);
        self.answer_again(&client_id, &mailbox);
    }

    /// A session is back in the registry, or has ended: whoever asked for it meanwhile looks there again, and if an operator ended
    /// the client, that is done now.
    pub(super) fn answer_again(&self, client_id: &ClientId, mailbox: &Mailbox) {
        let mut kicked = false;
        for signal in mailbox.signals() {
            match signal {
                Signal::TakeOver { reply, .. } => drop(reply.send(Handover::Again)),
                Signal::Kick => kicked = true,
                Signal::Absorb(..)
                | Signal::Ban(_)
                | Signal::CleanAclCache
                | Signal::ShutDown
                | Signal::Shed
                | Signal::StandStill(_)
                | Signal::Obey(_)
                | Signal::Describe(_) => {}
            }
        }
        if kicked {
            self.kick(client_id);
        }
    }

    /// Gives a session to the node that asks for it.
    async fn give(self: Arc<Self>, to: NodeId, first: TakeFrame, mut inbox: Inbox) {
        let TakeFrame::Pull { client, claim, .. } = &first else { return };
        let (client_id, Some(mesh)) = (ClientId::from(client.clone()), self.mesh().cloned()) else {
            return;
        };
        let fail = || {
            let moved = locks::lock(&self.takeovers.gone).get(&client_id).copied();
            let moved = moved.filter(|node| *node != to);
            mesh.send_take(to, TakeFrame::Fail { client: client_id.shared(), moved });
        };
        let Some(turn) = self.turn_in_time(&client_id, claim.hlc).await else { return fail() };
        let own = self.registry.claim_of(&client_id);
        let own = own.map(|(hlc, _)| Claim { hlc, node: mesh.node_id() });
        if own.is_none_or(|own| own > *claim) {
            return fail();
        }
        let Ok(Ok(_place)) = timeout(LIMIT, self.takeovers.giving.acquire()).await else {
            return fail();
        };
        let Some(mut frozen) = self.freeze(&client_id, false).await else { return fail() };
        if !frozen.lasting {
            // It has ended with its connection.
            self.discard(frozen);
            return fail();
        }
        let mut given = Given { to, after: 0, stage: Stage::State, bytes: Vec::new() };
        let mut frame = Some((to, first));
        loop {
            match frame {
                Some((from, TakeFrame::Pull { stage, part, .. })) => {
                    given.to = from;
                    given.answer(&self, &mesh, &mut frozen, (stage, part)).await;
                }
                Some((from, TakeFrame::Done { .. })) if from == given.to => {
                    self.forget(&client_id, &frozen.mailbox);
                    frozen.unsubscribe(&self);
                    self.stats.count(Metric::SessionTerminated);
                    if self.takeovers.draining.load(Ordering::Acquire) {
                        locks::lock(&self.takeovers.gone).insert(client_id.clone(), given.to);
                    }
                    self.answer_again(&client_id, &frozen.mailbox);
                    break;
                }
                Some((from, TakeFrame::Fail { .. })) if from == given.to => {
                    if given.stage == Stage::Rest {
                        frozen.keep_since(given.after);
                    }
                    self.take_back(frozen, given.to);
                    break;
                }
                // This process comes to rest, see `give_up_giving`: the next one has all of it.
                Some((from, TakeFrame::Fail { .. })) if from == NodeId::default() => {
                    self.take_back(frozen, given.to);
                    break;
                }
                None => {
                    self.take_back(frozen, given.to);
                    break;
                }
                Some(_) => {}
            }
            frame = timeout(LIMIT, inbox.frames.recv()).await.ok().flatten();
        }
        drop(turn);
    }

    /// Ends a session: the client did not want it to last, or does not want it any more.
    fn discard(&self, frozen: Frozen) {
        self.forget(&frozen.session.client_id, &frozen.mailbox);
        self.stats.count(Metric::SessionDiscarded);
        if let Some((will, _)) = frozen.will {
            self.publish_will(&frozen.session.client_id, *will);
        }
        self.end_session(&frozen.session, &frozen.mailbox);
        self.answer_again(&frozen.session.client_id, &frozen.mailbox);
    }

    /// The session that `to` asked for was not fetched to its end.
    fn take_back(&self, frozen: Frozen, to: NodeId) {
        let clientid = &frozen.session.client_id;
        tracing::warn!(%clientid, node = %to, "session was not fetched to its end, it stays here");
        self.thaw(frozen);
    }

    /// Another node has a newer claim on a client of this one: lets go of it, and keeps a session for that node.
    async fn let_go(self: Arc<Self>, client_id: ClientId, winner: Claim, clean: bool) {
        let Some(mesh) = self.mesh().cloned() else { return };
        {
            // However long that takes: the node that fetches it now may fall silent.
            let Some(_turn) = self.turn(&client_id, winner.hlc).await else { return };
            if self.is_resting() || !self.is_older(&mesh, &client_id, winner) {
                return;
            }
            let Some(frozen) = self.freeze(&client_id, clean).await else { return };
            if clean || !frozen.lasting {
                return self.discard(frozen);
            }
            self.thaw(frozen);
        }
        // Mostly the client is just connecting there, and it is fetched.
        tokio::time::sleep(OFFER_AFTER).await;
        for turn in 1..=OFFERS {
            let fetched = self.turn(&client_id, winner.hlc).await;
            if fetched.is_none() || !self.is_older(&mesh, &client_id, winner) {
                return;
            }
            drop(fetched);
            self.offer(&mesh, &client_id, winner.node, false);
            tokio::time::sleep(OFFER_EVERY * turn).await;
        }
    }

    /// Whether the session here stands under an older claim than `winner`.
    fn is_older(&self, mesh: &Mesh, client_id: &ClientId, winner: Claim) -> bool {
        let own = self.registry.claim_of(client_id);
        own.is_some_and(|(hlc, _)| Claim { hlc, node: mesh.node_id() } < winner)
    }

    fn offer(&self, mesh: &Mesh, client_id: &ClientId, to: NodeId, adopt: bool) {
        if let Some((hlc, _)) = self.registry.claim_of(client_id) {
            let claim = Claim { hlc, node: mesh.node_id() };
            mesh.send_take(to, TakeFrame::Offer { client: client_id.shared(), claim, adopt });
        }
    }

    /// Another node has a session that belongs here, or that it cannot keep.
    async fn on_offer(self: Arc<Self>, from: NodeId, client: Arc<str>, theirs: Claim, adopt: bool) {
        let (client_id, Some(mesh)) = (ClientId::from(client), self.mesh().cloned()) else {
            return;
        };
        let Some(_turn) = self.turn_in_time(&client_id, u64::MAX).await else { return };
        if self.is_resting() {
            return;
        }
        let settings = locks::read(&self.session_settings).clone();
        let own = self.registry.claim_of(&client_id);
        match own.map(|(hlc, live)| (Claim { hlc, node: mesh.node_id() }, live)) {
            // v5 [MQTT-3.1.2-4]: nothing of before it is to be in it.
            Some((claim, _)) if self.registry.clean_since(&client_id) > theirs.hlc => {
                mesh.dismiss(from, client_id.shared(), claim);
            }
            Some((claim, true)) if claim > theirs => {
                self.absorb(&client_id, from, claim).await;
            }
            Some((claim, false)) if claim > theirs => {
                self.fetch(&client_id, from, claim, &settings).await;
            }
            None if adopt => {
                // Just above the other's: wherever the client itself connects meanwhile counts more.
                let claim = Claim { hlc: theirs.hlc.saturating_add(1), node: mesh.node_id() };
                if self.fetch(&client_id, from, claim, &settings).await.is_some() {
                    mesh.adopted(client_id.shared(), claim.hlc);
                }
            }
            Some(_) | None => {}
        }
    }

    /// Takes what an older session of a connected client has into the one here.
    async fn absorb(self: &Arc<Self>, client_id: &ClientId, from: NodeId, claim: Claim) {
        let (Some(mesh), Some(mailbox)) = (self.mesh().cloned(), self.registry.live(client_id))
        else {
            return;
        };
        let inbox = self.inbox(client_id, Side::Taker);
        let mut pull = Pull { inbox, mesh, from, claim, moved: None };
        let Some(bytes) = pull.all(Stage::State).await else { return };
        let Ok(mut state) = Portable::decode(&bytes, self.clock.now()) else { return pull.fail() };
        let mut queue = state.unfinished();
        state.queue.clear();
        let _ = timeout(LIMIT / 2, pull.mesh.mark()).await;
        let (tell, done) = oneshot::channel();
        mailbox.signal(Signal::Absorb(Box::new(state), tell));
        let Ok(Ok(same)) = timeout(LIMIT, done).await else { return pull.fail() };
        if !same {
            // Another user's: it ends where it is, with its will.
            pull.fail();
            return pull.mesh.dismiss(from, client_id.shared(), claim);
        }
        let _ = pull.mesh.barrier().await;
        let rest = pull.rest(self.clock.now()).await;
        let whole = rest.is_some();
        queue.extend(rest.unwrap_or_default());
        let _ = timeout(LIMIT / 2, pull.mesh.mark()).await;
        let dropped = mailbox.prepend(queue, &BTreeSet::new());
        self.stats.add(Metric::DeliveryDroppedQueueFull, dropped as u64);
        pull.end(whole);
        tracing::info!(clientid = %client_id, node = %from, "two sessions of a client became one");
    }

    /// Gives all sessions that outlive their connection to other nodes, before this one stops. Returns how many are left when
    /// `until` is over.
    pub(super) async fn give_all(self: &Arc<Self>, until: Time) -> usize {
        const LOOK: Duration = Duration::from_millis(10);
        const AGAIN: Duration = Duration::from_secs(2);
        /// Who was just told to go mostly is back on another node within this time, and fetches its session.
        const PATIENCE_MS: u64 = 1_000;
        let Some(mesh) = self.mesh().cloned() else { return 0 };
        self.takeovers.draining.store(true, Ordering::Release);
        let mut offered: HashMap<ClientId, Time> = HashMap::new();
        loop {
            let now = self.clock.now();
            let left = self.registry.count().0;
            let to = mesh.up().await;
            if left == 0 || to.is_empty() || now >= until {
                return left;
            }
            let asleep = self.clock.wall().as_ms().saturating_sub(PATIENCE_MS);
            let asleep = self.registry.parked_before(Wall::from_ms(asleep));
            offered.retain(|id, at| now.since(*at) < AGAIN && self.registry.claim_of(id).is_some());
            for (place, client_id) in asleep.iter().enumerate() {
                if offered.len() >= PLACES {
                    break;
                }
                if !offered.contains_key(client_id)
                    && let Some(node) = to.get(place % to.len())
                {
                    self.offer(&mesh, client_id, *node, true);
                    offered.insert(client_id.clone(), now);
                }
            }
            tokio::time::sleep(LOOK).await;
        }
    }

    /// This process comes to rest: what is under way to other nodes ends, or stays here for the next one.
    pub(super) async fn end_takeovers(&self, limit: Duration) {
        const LOOK: Duration = Duration::from_millis(2);
        let ended = async {
            while !locks::lock(&self.takeovers.lines).is_empty() {
                tokio::time::sleep(LOOK).await;
            }
        };
        let mut ended = std::pin::pin!(ended);
        if timeout(limit, &mut ended).await.is_ok() {
            return;
        }
        self.give_up_giving();
        if timeout(limit, ended).await.is_err() {
            tracing::warn!("sessions on their way to this node are left where they were");
        }
    }

    /// Sessions that other nodes have not fetched to their end stay here.
    fn give_up_giving(&self) {
        let inboxes = locks::lock(&self.takeovers.inboxes);
        inboxes.iter().filter(|((_, side), _)| *side == Side::Giver).for_each(|(key, inbox)| {
            let frame = TakeFrame::Fail { client: key.0.shared(), moved: None };
            let _ = inbox.try_send((NodeId::default(), frame));
        });
    }

    /// Tells new owners which sessions are here.
    async fn walk(self: Arc<Self>, view: u64) {
        let Some(mesh) = self.mesh().cloned() else { return };
        let mut told = 0;
        for at in 0.. {
            let Some(rows) = self.registry.rows(at) else { break };
            for Row { client_id, claim, will } in rows {
                mesh.refresh(client_id.shared(), claim);
                if let Some(kept) = &will {
                    self.refresh_will(&mesh, &client_id, kept);
                    told += 1 + kept.will.size() / WALK_BYTES;
                }
                told += 1;
                if told >= WALK.0 {
                    told = 0;
                    tokio::time::sleep(WALK.1).await;
                }
            }
            if self.takeovers.walk.load(Ordering::Acquire) != view {
                return;
            }
        }
        mesh.refreshed(view);
    }
}

impl Frozen {
    /// The session and its queue so far, and from which number on the queue goes on.
    fn portable(&self, now: Time) -> (Portable, u64) {
        let mut state = Portable::of_session(&self.session);
        let (queue, next) = self.mailbox.since(0);
        state.queue = queue;
        state.expiry = self.expires_at.since(now);
        state.will = self.will.as_ref().map(|(will, at)| (will.clone(), at.since(now)));
        (state, next)
    }

    /// Enters its subscriptions.
    fn subscribe(&mut self, hub: &Hub) {
        if !std::mem::replace(&mut self.subscribed, true) {
            let upgrade = locks::read(&hub.session_settings).upgrade_qos;
            for (to, (options, id)) in self.session.subscriptions.iter() {
                let number = self.session.number;
                let subscriber = Subscriber::new(self.mailbox.clone(), number, id, options);
                hub.subscribe(to, subscriber.upgrading(upgrade));
            }
        }
    }

    /// Another node has the session but for the messages that came as number `after` of the queue or later.
    fn keep_since(&mut self, after: u64) {
        self.session.inflight = Inflight::default();
        self.session.awaiting_rel.clear();
        self.mailbox.forget_before(after);
    }

    fn unsubscribe(&mut self, hub: &Hub) {
        if std::mem::replace(&mut self.subscribed, false) {
            for (to, _) in self.session.subscriptions.iter() {
                hub.unsubscribe(to, self.session.number);
            }
        }
    }
}

/// A session that has come from another node, but for the rest of its queue.
struct Installed {
    frozen: Frozen,
    queue: Vec<Delivery>,
    /// Messages that are under way to the client.
    known: BTreeSet<u64>,
}

impl Installed {
    /// Adds what the queue of the other node has got since, and what has come late to a session that was here before. Returns how
    /// many messages had to go.
    fn finish(&mut self, rest: Vec<Delivery>, mut late: Vec<Delivery>) -> usize {
        let mut queue = std::mem::take(&mut self.queue);
        queue.extend(rest);
        if !late.is_empty() {
            let numbers: BTreeSet<u64> = queue.iter().map(|one| one.message.number()).collect();
            let has = |number| numbers.contains(&number) || self.known.contains(&number);
            // What never left this node has no number, but one block of bytes in both mailboxes.
            let here = self.frozen.mailbox.since(0).0;
            let here: BTreeSet<usize> = here.iter().map(|one| one.message.block()).collect();
            late.retain(|Delivery { message, .. }| {
                (message.number() == 0 || !has(message.number()))
                    && !here.contains(&message.block())
            });
            queue.extend(late);
        }
        self.frozen.mailbox.prepend(queue, &self.known)
    }
}

/// The taking side of a way.
struct Pull {
    inbox: Inbox,
    mesh: Mesh,
    from: NodeId,
    claim: Claim,
    /// The node that was asked says that the session went there.
    moved: Option<NodeId>,
}

impl Pull {
    fn client(&self) -> Arc<str> {
        self.inbox.key.0.shared()
    }

    /// All pieces of a stage. `None`: the other node has no such session, or falls silent.
    async fn all(&mut self, stage: Stage) -> Option<Vec<u8>> {
        let mut all = Vec::new();
        for part in 0.. {
            let asked = timeout(LIMIT, self.ask(stage, part)).await;
            let (last, bytes) = asked.ok()??;
            all.extend_from_slice(&bytes);
            if last {
                return Some(all);
            }
            if all.len() > STATE_MAX {
                self.fail();
                return None;
            }
        }
        None
    }

    /// Asks for a piece until it comes.
    async fn ask(&mut self, stage: Stage, part: u64) -> Option<(bool, Vec<u8>)> {
        loop {
            let (client, claim) = (self.client(), self.claim);
            self.mesh.send_take(self.from, TakeFrame::Pull { client, claim, stage, part });
            if let Ok(answer) = timeout(AGAIN, self.piece(stage, part)).await {
                return answer;
            }
        }
    }

    async fn piece(&mut self, want: Stage, number: u64) -> Option<(bool, Vec<u8>)> {
        loop {
            match self.inbox.frames.recv().await? {
                (node, TakeFrame::Piece { stage, part, last, bytes, .. })
                    if (node, stage, part) == (self.from, want, number) =>
                {
                    return Some((last, bytes));
                }
                (node, TakeFrame::Fail { moved, .. }) if node == self.from => {
                    self.moved = moved;
                    return None;
                }
                _ => {}
            }
        }
    }

    /// What the queue there has got since the state was sent. `None`: it does not come, or is not understood.
    async fn rest(&mut self, now: Time) -> Option<Vec<Delivery>> {
        portable::decode_queue(&self.all(Stage::Rest).await?, now).ok()
    }

    /// The state is here and is used; without the rest the other node keeps that, and offers it.
    fn end(&self, whole: bool) {
        if whole {
            self.mesh.send_take(self.from, TakeFrame::Done { client: self.client() });
        } else {
            tracing::warn!(clientid = %self.client(), node = %self.from, "the last messages of a session did not come, they are asked for again");
            self.fail();
        }
    }

    /// The other node need not keep it frozen.
    fn fail(&self) {
        self.mesh.send_take(self.from, TakeFrame::Fail { client: self.client(), moved: None });
    }
}

/// The giving side of a way.
struct Given {
    to: NodeId,
    /// From this number on the queue is news to the other node.
    after: u64,
    stage: Stage,
    bytes: Vec<u8>,
}

impl Given {
    async fn answer(
        &mut self,
        hub: &Hub,
        mesh: &Mesh,
        frozen: &mut Frozen,
        (stage, part): (Stage, u64),
    ) {
        if part == 0 {
            let now = hub.clock.now();
            self.stage = stage;
            self.bytes = match stage {
                Stage::State => {
                    let (state, next) = frozen.portable(now);
                    self.after = next;
                    state.encode(now)
                }
                Stage::Rest => {
                    let _ = timeout(LIMIT / 2, mesh.mark()).await;
                    frozen.unsubscribe(hub);
                    hub.sections.passed().await;
                    portable::encode_queue(&frozen.mailbox.since(self.after).0, now)
                }
            };
        }
        let at = usize::try_from(part).unwrap_or(usize::MAX).saturating_mul(CHUNK);
        let rest = self.bytes.get(at..).unwrap_or_default();
        let (last, bytes) = match rest.get(..CHUNK) {
            Some(chunk) if chunk.len() < rest.len() => (false, chunk.to_vec()),
            _ => (true, rest.to_vec()),
        };
        let client = frozen.session.client_id.shared();
        mesh.send_take(self.to, TakeFrame::Piece { client, stage: self.stage, part, last, bytes });
    }
}

/// Where the mesh thread leaves what it hears; the work is done on the runtime of the connections.
pub(super) struct Desk {
    hub: Arc<Hub>,
    main: tokio::runtime::Handle,
}

impl Desk {
    pub(super) const fn new(hub: Arc<Hub>, main: tokio::runtime::Handle) -> Self {
        Self { hub, main }
    }
}

impl Sessions for Desk {
    fn on_claimed(&self, ticket: u64, claim: Claim, previous: Option<NodeId>) {
        if let Some(tell) = locks::lock(&self.hub.takeovers.claims).remove(&ticket) {
            let _ = tell.send((claim, previous));
        }
    }

    fn on_kick(&self, client: &Arc<str>, winner: Claim, clean: bool) {
        let client_id = ClientId::from(client.clone());
        // Who rests leaves it to the next process, which is told again.
        if !self.hub.is_resting() && self.hub.registry.claim_of(&client_id).is_some() {
            let let_go = self.hub.clone().let_go(client_id, winner, clean);
            supervise::spawn_on(&self.main, "takeover", let_go);
        }
    }

    fn on_walk(&self, view: u64) {
        self.hub.takeovers.walk.store(view, Ordering::Release);
        supervise::spawn_on(&self.main, "walk", self.hub.clone().walk(view));
    }

    fn on_will(&self, client: Arc<str>, body: Arc<[u8]>) {
        let hub = self.hub.clone();
        supervise::spawn_on(&self.main, "will", async move {
            hub.publish_will_of_dead(&client, &body);
        });
    }

    fn on_ask(&self, from: NodeId, frame: AskFrame) {
        match frame {
            AskFrame::Ask { ticket, part, what } => {
                let answer = self.hub.clone().on_question(from, (ticket, part), what);
                supervise::spawn_on(&self.main, "answer to another node", answer);
            }
            AskFrame::Page { ticket, part, last, bytes } => {
                self.hub.on_page(from, (ticket, part), (last, bytes));
            }
        }
    }

    fn on_take(&self, from: NodeId, frame: TakeFrame) {
        let side = match &frame {
            // It is offered again, and then the next process takes it.
            TakeFrame::Offer { .. } if self.hub.is_resting() => return,
            TakeFrame::Offer { client, claim, adopt } => {
                let offer = self.hub.clone().on_offer(from, client.clone(), *claim, *adopt);
                supervise::spawn_on(&self.main, "takeover", offer);
                return;
            }
            TakeFrame::Pull { .. } | TakeFrame::Done { .. } => Side::Giver,
            TakeFrame::Piece { .. } => Side::Taker,
            TakeFrame::Fail { .. } => {
                // Either end may give up; whichever is here hears of it.
                let client_id = ClientId::from(frame.client().clone());
                self.tell((client_id.clone(), Side::Taker), (from, frame.clone()));
                self.tell((client_id, Side::Giver), (from, frame));
                return;
            }
        };
        let client_id = ClientId::from(frame.client().clone());
        let begins = matches!(&frame, TakeFrame::Pull { stage: Stage::State, part: 0, .. });
        if let Some(frame) = self.tell((client_id.clone(), side), (from, frame)) {
            if begins && self.hub.is_resting() {
                // It is asked for again, and then the next process answers.
            } else if begins {
                let inbox = self.hub.inbox(&client_id, Side::Giver);
                let give = self.hub.clone().give(from, frame, inbox);
                supervise::spawn_on(&self.main, "takeover", give);
            } else if side == Side::Giver
                && let Some(mesh) = self.hub.mesh()
            {
                mesh.send_take(from, TakeFrame::Fail { client: client_id.shared(), moved: None });
            }
        }
    }
}

impl Desk {
    /// Passes a frame on to who deals with it; gives it back if nobody does.
    fn tell(&self, key: (ClientId, Side), frame: (NodeId, TakeFrame)) -> Option<TakeFrame> {
        let inboxes = locks::lock(&self.hub.takeovers.inboxes);
        match inboxes.get(&key) {
            Some(inbox) => {
                // Full: somebody who does not keep to one piece at a time.
                let _ = inbox.try_send(frame);
                None
            }
            None => Some(frame.1),
        }
    }
}

#[cfg(test)]
mod tests;
