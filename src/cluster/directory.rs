//! The client directory: which node has the session of a client (EMQX `emqx_cm_registry`, `emqx_cm_locker`).
//!
//! A node that opens a session claims its client. The claim is kept by two owners, the reachable nodes with the highest rendezvous
//! hash of (client, node), not by every node. The newest claim wins everywhere, partition or not; claims are compared by hybrid
//! time, so clocks of the boxes do not matter. When the reachable nodes change, each node tells the owners that are new what it
//! has; an owner that sees an older claim than its own tells that node to let go.

use std::{
    collections::{BTreeMap, VecDeque},
    sync::Arc,
    time::Duration,
};

use super::{hlc::Hlc, member::NodeId, wire::ClaimFrame};
use crate::{
    sort,
    time::Time,
    topic::hashing::{GOLDEN, fnv, spread},
};

/// Nodes that keep a claim.
const OWNERS: usize = 2;
/// Nobody waits longer for owners.
const LIMIT: Duration = Duration::from_secs(1);
/// How often a claim is raised above a newer one before the client gets in all the same.
const RAISES: u8 = 3;
/// No claim is raised above this one, four thousand years ahead.
const RAISED_MAX: u64 = u64::MAX >> 1;
/// Claims that this node no longer owns stay this long.
const FORGET_AFTER: Duration = Duration::from_secs(30);
/// Claims looked at in one go when they are forgotten, and the pause after it.
const SWEEP: (usize, Duration) = (4096, Duration::from_millis(20));

/// That a node has the session of a client. The larger is the newer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Claim {
    /// Hybrid time.
    pub hlc: u64,
    /// Where the session is.
    pub node: NodeId,
}

/// What is to be done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Order {
    /// Send this to a node.
    Send(NodeId, ClaimFrame),
    /// The claim of this node's client number `ticket` holds; before it the session was at `previous`.
    Claimed {
        /// As given to [`Directory::claim`].
        ticket: u64,
        /// The claim in force.
        claim: Claim,
        /// Who had the session before, if another node.
        previous: Option<NodeId>,
    },
    /// Another node has a newer claim for a client of this one.
    Kick {
        /// Whose session.
        client: Arc<str>,
        /// The newer claim.
        winner: Claim,
        /// It is to be thrown away.
        clean: bool,
    },
}

/// The clocks, as they stand when something happens.
#[derive(Debug)]
pub struct At<'a> {
    /// The hybrid clock of the node.
    pub clock: &'a mut Hlc,
    /// The time.
    pub now: Time,
}

impl At<'_> {
    fn tick(&mut self) -> u64 {
        self.clock.tick(self.now)
    }

    fn observe(&mut self, hlc: u64) {
        self.clock.observe(hlc, self.now);
    }
}

/// The newest claim on a client.
#[derive(Clone, Copy, Debug)]
struct Kept {
    claim: Claim,
    /// A client began anew at this time: what other nodes have under an older claim is to be thrown away, whenever they tell of it.
    clean: u64,
}

/// A claim of this node that waits for its owners.
#[derive(Debug)]
struct Wait {
    ticket: u64,
    client: Arc<str>,
    clean: bool,
    owners: Vec<NodeId>,
    /// The newest claim of another node that an owner had before.
    previous: Option<Claim>,
    raises: u8,
    /// The newest claim that is known, whatever the calendar of its node: that of this node need not follow it.
    above: u64,
    /// It waits for a node that restarts and has the session.
    patient: bool,
}

/// Claims of this node that wait, and claims of all nodes that this one keeps.
#[derive(Debug)]
pub struct Directory {
    me: NodeId,
    /// The reachable nodes, this one among them, sorted.
    view: Vec<NodeId>,
    /// Those of them that restart: nothing is to be had of them for a moment.
    away: Vec<NodeId>,
    /// Counts the changes of `view`.
    number: u64,
    /// The view in which the owners were last told all claims of this node.
    told: Vec<NodeId>,
    /// Who was out of reach since, and may have missed or lost something.
    missed: Vec<NodeId>,
    kept: BTreeMap<Arc<str>, Kept>,
    /// By the hybrid time of the claim.
    waits: BTreeMap<u64, Wait>,
    /// Deadlines of `waits`, in order.
    until: VecDeque<(Time, u64)>,
    /// When to look which of `kept` are still to be kept here, and from where on.
    sweep: Option<(Time, Option<Arc<str>>)>,
}

impl Directory {
    /// The directory of a node that reaches nobody.
    #[must_use]
    pub fn new(me: NodeId) -> Self {
        Self {
            me,
            view: vec![me],
            away: Vec::new(),
            number: 0,
            told: Vec::new(),
            missed: Vec::new(),
            kept: BTreeMap::new(),
            waits: BTreeMap::new(),
            until: VecDeque::new(),
            sweep: None,
        }
    }

    /// Claims kept here.
    #[must_use]
    pub fn len(&self) -> usize {
        self.kept.len()
    }

    /// No claim is kept here.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.kept.is_empty()
    }

    /// The claim kept here for a client.
    #[must_use]
    pub fn find(&self, client: &str) -> Option<Claim> {
        self.kept.get(client).map(|kept| kept.claim)
    }

    /// Number of the view: a walk over all sessions that began in an earlier one is of no use any more.
    #[must_use]
    pub const fn view(&self) -> u64 {
        self.number
    }

    /// Which nodes keep the claim of a client, best first.
    #[must_use]
    pub fn owners(&self, client: &str) -> Vec<NodeId> {
        owners(client, &self.view)
    }

    /// A client connects. [`Order::Claimed`] follows: when an owner names the node that has the session, when all owners have
    /// answered, or when [`Directory::deadline`] is over.
    pub fn claim(
        &mut self,
        (ticket, client, clean): (u64, Arc<str>, bool),
        at: &mut At<'_>,
        out: &mut Vec<Order>,
    ) {
        let (owners, previous, raises, above) = (Vec::new(), None, RAISES, 0);
        let wait = Wait { ticket, client, clean, owners, previous, raises, above, patient: !clean };
        self.ask(wait, at, out);
    }

    /// Claims at the owners, above all that is known here.
    fn ask(&mut self, mut wait: Wait, at: &mut At<'_>, out: &mut Vec<Order>) {
        let (client, clean) = (wait.client.clone(), wait.clean);
        if let Some(kept) = self.kept.get(&client) {
            wait.above = wait.above.max(kept.claim.hlc);
        }
        at.observe(wait.above);
        let claim = Claim { hlc: self.free_above(wait.above, at.tick()), node: self.me };
        let mut all = owners(&client, &self.view);
        if all.iter().any(|owner| !self.away.contains(owner)) {
            // What one that restarts has been told the other one has too.
            all.retain(|owner| !self.away.contains(owner));
        }
        wait.owners.clone_from(&all);
        self.waits.insert(claim.hlc, wait);
        self.until.push_back((at.now + LIMIT, claim.hlc));
        for owner in all.iter().filter(|owner| **owner != self.me) {
            let client = client.clone();
            let frame = ClaimFrame::Claim { client, claim, refresh: false, clean };
            out.push(Order::Send(*owner, frame));
        }
        if all.contains(&self.me) {
            let previous = self.keep(&client, claim, clean, out);
            self.on_answer(claim.hlc, self.me, previous, out);
        }
    }

    /// Hybrid time for a claim: that of this node, unless `above` is ahead of it and further than a clock follows.
    fn free_above(&self, above: u64, tick: u64) -> u64 {
        if above < tick || above >= RAISED_MAX {
            return tick;
        }
        let mut hlc = above + 1;
        while self.waits.contains_key(&hlc) {
            hlc += 1;
        }
        hlc
    }

    /// Keeps a claim that is the newest, and tells the node that had the client before. Returns what it was, if another node had it.
    fn keep(
        &mut self,
        client: &Arc<str>,
        claim: Claim,
        clean: bool,
        out: &mut Vec<Order>,
    ) -> Option<Claim> {
        let old = self.kept.get(client).copied();
        let before = old.map_or(0, |old| old.clean);
        let kept = Kept { claim, clean: if clean { claim.hlc } else { before } };
        self.kept.insert(client.clone(), kept);
        let previous = old.map(|old| old.claim).filter(|old| old.node != claim.node)?;
        self.kick(previous, client, kept, out);
        Some(previous)
    }

    /// Tells the node of `older` that another one counts.
    fn kick(&self, older: Claim, client: &Arc<str>, newer: Kept, out: &mut Vec<Order>) {
        let (whom, client) = (older.node, client.clone());
        let (winner, clean) = (newer.claim, older.hlc < newer.clean);
        if whom == self.me {
            out.push(Order::Kick { client, winner, clean });
        } else {
            out.push(Order::Send(whom, ClaimFrame::Kick { client, winner, clean }));
        }
    }

    /// An owner has answered, or is gone.
    fn on_answer(
        &mut self,
        hlc: u64,
        owner: NodeId,
        previous: Option<Claim>,
        out: &mut Vec<Order>,
    ) {
        let Some(wait) = self.waits.get_mut(&hlc) else { return };
        wait.owners.retain(|one| *one != owner);
        wait.previous = wait.previous.max(previous);
        // A session on a node that restarts is there again in a moment.
        let away = wait.previous.is_some_and(|claim| self.away.contains(&claim.node));
        let named = wait.previous.is_some() && !away;
        if named || (wait.owners.is_empty() && !(away && wait.patient)) {
            self.settle(hlc, out);
        }
    }

    fn settle(&mut self, hlc: u64, out: &mut Vec<Order>) {
        let Some(Wait { ticket, previous, .. }) = self.waits.remove(&hlc) else { return };
        let claim = Claim { hlc, node: self.me };
        let previous = previous.map(|claim| claim.node).filter(|node| *node != self.me);
        let previous =
            previous.filter(|node| self.view.contains(node) && !self.away.contains(node));
        out.push(Order::Claimed { ticket, claim, previous });
    }

    /// Owners are slow: the client gets in. They hear of it once more, so that one who knows better can say so.
    fn give_up(&mut self, hlc: u64, at: &mut At<'_>, out: &mut Vec<Order>) {
        let Some(mut wait) = self.waits.remove(&hlc) else { return };
        if wait.owners.is_empty() {
            // It waited for the node that has its session alone. Others may have claimed meanwhile: above them, and in.
            wait.patient = false;
            return self.ask(wait, at, out);
        }
        let claim = Claim { hlc, node: self.me };
        for owner in wait.owners.iter().filter(|owner| **owner != self.me) {
            let (client, clean) = (wait.client.clone(), wait.clean);
            let frame = ClaimFrame::Claim { client, claim, refresh: true, clean };
            out.push(Order::Send(*owner, frame));
        }
        self.waits.insert(hlc, wait);
        self.settle(hlc, out);
    }

    /// Whether an answer about `claim` is about one that waits.
    fn is_waiting(&self, client: &str, claim: Claim) -> bool {
        claim.node == self.me && self.waits.get(&claim.hlc).is_some_and(|w| *w.client == *client)
    }

    /// The session of a client of this node has ended.
    pub fn unclaim(&mut self, client: &Arc<str>, hlc: u64, out: &mut Vec<Order>) {
        let claim = Claim { hlc, node: self.me };
        for owner in owners(client, &self.view) {
            if owner == self.me {
                self.on_unclaim(client, claim);
            } else {
                let client = client.clone();
                out.push(Order::Send(owner, ClaimFrame::Unclaim { client, claim }));
            }
        }
    }

    fn on_unclaim(&mut self, client: &str, claim: Claim) {
        if self.find(client) == Some(claim) {
            self.kept.remove(client);
        }
    }

    /// A node says something about a claim.
    pub fn on_frame(
        &mut self,
        from: NodeId,
        frame: ClaimFrame,
        at: &mut At<'_>,
        out: &mut Vec<Order>,
    ) {
        match frame {
            ClaimFrame::Claim { client, claim, refresh, clean } => {
                at.observe(claim.hlc);
                self.on_claim((from, refresh, clean), client, claim, out);
            }
            ClaimFrame::Ok { client, claim, previous } => {
                if self.is_waiting(&client, claim) {
                    self.on_answer(claim.hlc, from, previous, out);
                }
            }
            ClaimFrame::Low { client, claim, seen } => {
                at.observe(seen);
                if self.is_waiting(&client, claim) {
                    self.raise((claim.hlc, seen), from, at, out);
                }
            }
            ClaimFrame::Kick { client, winner, clean } => {
                at.observe(winner.hlc);
                if winner.node != self.me {
                    out.push(Order::Kick { client, winner, clean });
                }
            }
            ClaimFrame::Unclaim { client, claim } if claim.node == from => {
                self.on_unclaim(&client, claim);
            }
            ClaimFrame::Unclaim { .. } => {}
        }
    }

    /// An owner knows a newer claim: claim again.
    fn raise(
        &mut self,
        (hlc, seen): (u64, u64),
        from: NodeId,
        at: &mut At<'_>,
        out: &mut Vec<Order>,
    ) {
        match self.waits.remove(&hlc) {
            Some(mut wait) if wait.raises > 0 => {
                wait.raises -= 1;
                wait.above = wait.above.max(seen);
                self.ask(wait, at, out);
            }
            // Somebody else claims again and again, or says what cannot be: the client gets in all the same.
            Some(wait) => {
                self.waits.insert(hlc, wait);
                self.on_answer(hlc, from, None, out);
            }
            None => {}
        }
    }

    fn on_claim(
        &mut self,
        (from, refresh, clean): (NodeId, bool, bool),
        client: Arc<str>,
        claim: Claim,
        out: &mut Vec<Order>,
    ) {
        if claim.node != from {
            // A node speaks for itself alone.
            return;
        }
        let kept = self.kept.get(&client).copied();
        if let Some(newer) = kept.filter(|kept| kept.claim > claim) {
            if !refresh {
                let frame = ClaimFrame::Low { client, claim, seen: newer.claim.hlc };
                out.push(Order::Send(from, frame));
            } else if newer.claim.node != from {
                self.kick(claim, &client, newer, out);
            }
            return;
        }
        let previous = self.keep(&client, claim, clean, out);
        if !refresh {
            out.push(Order::Send(from, ClaimFrame::Ok { client, claim, previous }));
        }
    }

    /// Tells the owners that are new that this node has the session of `client`, under the claim of time `hlc`.
    pub fn refresh(&mut self, client: &Arc<str>, hlc: u64, out: &mut Vec<Order>) {
        let mut before = owners(client, &self.told);
        before.retain(|owner| !self.missed.contains(owner));
        self.tell(client, hlc, &before, out);
    }

    /// Tells all owners that this node has taken the session of `client` over from a node that stops.
    pub fn adopted(&mut self, client: &Arc<str>, hlc: u64, out: &mut Vec<Order>) {
        self.tell(client, hlc, &[], out);
    }

    /// Tells the owners that are not among `before`.
    fn tell(&mut self, client: &Arc<str>, hlc: u64, before: &[NodeId], out: &mut Vec<Order>) {
        let claim = Claim { hlc, node: self.me };
        for owner in owners(client, &self.view) {
            if before.contains(&owner) {
                continue;
            }
            if owner != self.me {
                let client = client.clone();
                let frame = ClaimFrame::Claim { client, claim, refresh: true, clean: false };
                out.push(Order::Send(owner, frame));
                continue;
            }
            match self.kept.get(client).copied().filter(|kept| kept.claim > claim) {
                Some(newer) if newer.claim.node != self.me => {
                    self.kick(claim, client, newer, out);
                }
                Some(_) => {}
                None => {
                    self.keep(client, claim, false, out);
                }
            }
        }
    }

    /// All sessions were walked over in the view of this number. False: that is not the view any more.
    pub fn refreshed(&mut self, view: u64) -> bool {
        if view == self.number {
            self.told.clone_from(&self.view);
            self.missed.clear();
        }
        view == self.number
    }

    /// The nodes that are reachable now. True: all sessions of this node are to be walked over, see [`Directory::refresh`].
    pub fn on_view(
        &mut self,
        mut view: Vec<NodeId>,
        at: &mut At<'_>,
        out: &mut Vec<Order>,
    ) -> bool {
        view.push(self.me);
        sort::sort(&mut view);
        view.dedup();
        if view == self.view {
            return false;
        }
        let lost = self.view.iter().copied().filter(|one| !view.contains(one));
        let lost: Vec<NodeId> = lost.collect();
        // Who comes back tells what it still has.
        self.kept.retain(|_, kept| !lost.contains(&kept.claim.node));
        self.missed.extend(lost);
        if view.len() == 1 {
            // Nobody claims anything while a node is alone.
            self.kept.clear();
            self.told.clear();
            self.missed.clear();
        }
        self.view = view;
        self.number += 1;
        self.sweep = Some((at.now + FORGET_AFTER, None));
        // The walk does not see who is about to get in.
        self.ask_again(at, out);
        true
    }

    /// These nodes of the view restart.
    pub fn on_away(&mut self, away: Vec<NodeId>, at: &mut At<'_>, out: &mut Vec<Order>) {
        if self.away != away {
            self.away = away;
            self.ask_again(at, out);
        }
    }

    /// A node is back from its restart: all sessions of this node are to be walked over, as after [`Directory::on_view`].
    pub fn on_back(&mut self, node: NodeId, at: &mut At<'_>, out: &mut Vec<Order>) {
        self.away.retain(|one| *one != node);
        self.missed.push(node);
        self.number += 1;
        self.ask_again(at, out);
    }

    fn ask_again(&mut self, at: &mut At<'_>, out: &mut Vec<Order>) {
        for wait in std::mem::take(&mut self.waits).into_values() {
            self.ask(wait, at, out);
        }
    }

    /// When [`Directory::on_deadline`] has something to do.
    #[must_use]
    pub fn deadline(&self) -> Option<Time> {
        let wait = self.until.front().map(|(at, _)| *at);
        let sweep = self.sweep.as_ref().map(|(at, _)| *at);
        wait.into_iter().chain(sweep).min()
    }

    /// Lets those in who have waited long enough, and forgets claims that are others' to keep.
    pub fn on_deadline(&mut self, clocks: &mut At<'_>, out: &mut Vec<Order>) {
        let now = clocks.now;
        while self.until.front().is_some_and(|(at, _)| *at <= now) {
            if let Some((_, hlc)) = self.until.pop_front() {
                self.give_up(hlc, clocks, out);
            }
        }
        if self.sweep.as_ref().is_some_and(|(at, _)| *at <= now)
            && let Some((_, from)) = self.sweep.take()
        {
            self.sweep = self.sweep(from).map(|next| (now + SWEEP.1, Some(next)));
        }
    }

    /// Looks at some claims after `from`; the last of them, if there are more.
    fn sweep(&mut self, from: Option<Arc<str>>) -> Option<Arc<str>> {
        use std::ops::Bound::{Excluded, Unbounded};
        let start = from.map_or(Unbounded, Excluded);
        let some: Vec<Arc<str>> = self
            .kept
            .range::<Arc<str>, _>((start, Unbounded))
            .take(SWEEP.0)
            .map(|(client, _)| client.clone())
            .collect();
        for client in &some {
            if !owners(client, &self.view).contains(&self.me) {
                self.kept.remove(client);
            }
        }
        some.last().filter(|_| some.len() == SWEEP.0).cloned()
    }
}

/// The nodes of `view` with the highest rendezvous hash, best first.
pub(super) fn owners(client: &str, view: &[NodeId]) -> Vec<NodeId> {
    let name = fnv(client);
    let mut best: Vec<(u64, NodeId)> = Vec::with_capacity(OWNERS + 1);
    for node in view {
        let entry = (weight(name, *node), *node);
        let at = best.partition_point(|other| *other > entry);
        if at < OWNERS {
            best.insert(at, entry);
            best.truncate(OWNERS);
        }
    }
    best.into_iter().map(|(_, node)| node).collect()
}

/// How much a node is meant to keep the claims of a name.
fn weight(name: u64, node: NodeId) -> u64 {
    let half = |part: u128| u64::try_from(part & u128::from(u64::MAX)).unwrap_or(0);
    let id = u128::from_be_bytes(node.0);
    mix(name ^ mix(half(id) ^ mix(half(id >> 64))))
}

/// A step of splitmix64.
const fn mix(z: u64) -> u64 {
    spread(z.wrapping_add(GOLDEN))
}

#[cfg(test)]
mod tests;
