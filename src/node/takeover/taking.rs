//! The taking side: the session of a client comes from another node.

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use tokio::{sync::oneshot, time::timeout};

use super::{
    LIMIT,
    frozen::Frozen,
    inbox::{Inbox, Side},
};
use crate::{
    broker::{
        ClientId, Settings,
        connect::{Identity, RightsFrom},
        mqueue::Delivery,
        portable::{self, Portable},
        stats::Metric,
    },
    cluster::{
        Claim, NodeId,
        wire::{Stage, TakeFrame},
    },
    node::{
        hub::Hub,
        mailbox::{Mailbox, Signal},
        mesh::Mesh,
    },
    time::Time,
};

/// What is not answered is asked for again after this time: the other node may have restarted.
const AGAIN: Duration = Duration::from_secs(1);

/// Bytes of a session, at most.
const STATE_MAX: usize = 256 << 20;

impl Hub {
    /// Fetches the session of a client from another node and parks it here. If there is one here, the older of the two goes into the
    /// newer.
    pub(super) async fn fetch(
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
        let joined = mine.as_ref().map(|mine| Joined::of(mine, &mut state, (newer, now)));
        let Joined { same, after, taken } = joined.unwrap_or_default();
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
            if same {
                frozen.frozen.mailbox.remember(taken.into_iter(), now);
            }
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
        self.count_displaced(dropped);
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

    /// Takes what an older session of a connected client has into the one here.
    pub(super) async fn absorb(self: &Arc<Self>, client_id: &ClientId, from: NodeId, claim: Claim) {
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
        let Ok(Ok(wanted)) = timeout(LIMIT, done).await else { return pull.fail() };
        let Some(wanted) = wanted else {
            // Another user's: it ends where it is, with its will.
            pull.fail();
            return pull.mesh.dismiss(from, client_id.shared(), claim);
        };
        let _ = pull.mesh.barrier().await;
        let rest = pull.rest(self.clock.now()).await;
        let whole = rest.is_some();
        queue.extend(rest.unwrap_or_default());
        // What it came by through a filter that is denied here stays out too.
        let all = queue.len();
        queue.retain(|one| wanted.has(&one.message));
        self.stats.add(Metric::DeliveryDropped, (all - queue.len()) as u64);
        let _ = timeout(LIMIT / 2, pull.mesh.mark()).await;
        let dropped = mailbox.prepend(queue, &BTreeSet::new());
        self.count_displaced(dropped);
        pull.end(whole);
        tracing::info!(clientid = %client_id, node = %from, "two sessions of a client became one");
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
        self.add(rest);
        if !late.is_empty() {
            // What never left this node has no number, but one block of bytes in both mailboxes.
            let here = self.frozen.mailbox.since(0).0;
            let here: BTreeSet<usize> = here.iter().map(|one| one.message.block()).collect();
            late.retain(|one| !here.contains(&one.message.block()));
            self.add(late);
        }
        self.frozen.mailbox.prepend(std::mem::take(&mut self.queue), &self.known)
    }

    /// Adds what is not in the queue, as both sessions may have got it.
    fn add(&mut self, mut more: Vec<Delivery>) {
        let number = |one: &Delivery| one.message.number();
        let mut has: BTreeSet<u64> = self.queue.iter().map(number).collect();
        has.remove(&0);
        more.retain(|one| !has.contains(&number(one)));
        self.queue.append(&mut more);
    }
}

/// What became of a session here when that of another node came.
struct Joined {
    /// It was the same user's, and went into the one that goes on.
    same: bool,
    /// From this number on its queue has not.
    after: u64,
    /// What the client has from here.
    taken: Vec<u64>,
}

impl Default for Joined {
    fn default() -> Self {
        Self { same: true, after: 0, taken: Vec::new() }
    }
}

impl Joined {
    /// Takes the older of `mine` and `state` into the other, which is in `state` then; `newer`: that is this node's.
    fn of(mine: &Frozen, state: &mut Portable, (newer, now): (bool, Time)) -> Self {
        let (mut own, after) = mine.portable(now);
        let under_way = own.numbers_under_way();
        let mut taken = mine.mailbox.taken();
        taken.retain(|number| !under_way.contains(number));
        let same = state.username == own.username;
        if newer {
            std::mem::swap(&mut own, state);
        }
        if same {
            state.absorb(own);
        }
        Self { same, after, taken }
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
