//! Wills of the clients of other nodes: kept here for the case that such a node dies, and then published once.
//!
//! The node of a client gives a copy of its will to two others, the reachable nodes with the highest rendezvous hash of (client,
//! node), before CONNACK. It withdraws the copy when the will is of no use any more, or has been published. A copy is *due* when the
//! process life of the client's node is over, which is a matter of proof: its host refuses connections, it came back with another
//! life, it shut down and left the will behind, or the larger part of the cluster gave it up. A node that is only out of reach
//! still serves its clients, and they would read of their own deaths when it is back. While anybody in reach says that it reaches
//! the node nothing is due.
//!
//! Of those that keep a copy, each hands it to the first owner of the client's claim (`directory.rs`) when its delay is over. That
//! one publishes it, unless it knows the node to be alive, the client to have come back, or the will to have been published; and when
//! it is out, which takes its time where other nodes are slow, that one tells all. Until then it says to who offers it the will or
//! asks for it that it is on its way. If it dies before it has told, the will is published by another node, maybe again.
//!
//! Who was out of reach may have missed that a will was withdrawn or published. So each node remembers for a while which wills are
//! over, by whatever it heard, and a copy whose node was lost when others came into reach is *doubted*: before it is published or
//! handed on all others are asked whether it is over.

use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    sync::Arc,
    time::Duration,
};

use super::{
    Action, Cluster, NodeId,
    autoclean::may_forget,
    directory::{Claim, owners},
    member::{Guid, Reach},
    wire::{Frame, WillCopy, WillFrame},
};
use crate::{sort, time::Time};

/// Longest will that is kept for another node, in bytes.
pub const WILL_MAX: usize = 256 << 10;
/// All wills that are kept for other nodes, in bytes.
pub const WILLS_MAX: usize = 64 << 20;
/// What a will takes beside its own bytes, about.
const OVERHEAD: usize = 192;
/// Nodes that keep a will.
const KEEPERS: usize = 2;
/// Nobody waits longer for those that are to keep its will.
const LIMIT: Duration = Duration::from_secs(1);
/// So long after the last change of whom this node reaches nothing is published: who died, and where its clients went, is known to
/// all then.
const SETTLE: Duration = Duration::from_secs(1);
/// Clients of a life that is over may go on in the next, which tells their wills anew: what it has not told after this time is
/// published.
const HOLD: Duration = Duration::from_secs(60);
/// A will that was handed on is handed on again after this time, then after twice the time, and so on.
const AGAIN: Duration = Duration::from_secs(2);
const DOUBLINGS: u32 = 5;
/// Wills that are due are looked at in pieces of this many, and the pause after it: 20,000 a second.
const PIECE: (usize, Duration) = (200, Duration::from_millis(10));
/// That a will is over is remembered this much longer than nodes that are out of reach are members, of so many clients.
const REMEMBER: (Duration, usize) = (Duration::from_secs(600), 65_536);
/// Others that are asked whether a will is over say so within this time.
const ANSWER: Duration = Duration::from_secs(2);
/// Copies that are others' to keep stay this long after a change of whom this node reaches.
const STALE: Duration = Duration::from_secs(30);
/// Wills looked at in one go for those that are others' to keep, and the pause after it.
const SWEEP: (usize, Duration) = (4096, Duration::from_millis(20));

/// What is to be done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// Send this to a node.
    Send(NodeId, WillFrame),
    /// The nodes that are to keep the will number `ticket` have answered, or were not heard.
    Told {
        /// As given to [`Wills::tell`].
        ticket: u64,
        /// All of them keep it.
        kept: bool,
    },
    /// Publish this will.
    Publish {
        /// Whose.
        client: Arc<str>,
        /// The claim of its connection; [`Wills::on_published`] is told it when the will is out.
        claim: Claim,
        /// The will.
        body: Arc<[u8]>,
    },
}

/// What else is known of a will that is due.
#[derive(Clone, Copy, Debug)]
pub struct Known {
    /// The process life of the client's node still runs, as far as this node knows.
    pub lives: bool,
    /// The newest claim on the client that is kept here.
    pub claim: Option<Claim>,
    /// The client goes on in the next life of its node, which has told of it.
    pub goes_on: bool,
}

/// A will of a client of another node.
#[derive(Debug)]
struct Kept {
    will: WillCopy,
    /// Its node is dead: when it is to be published.
    due: Option<Time>,
    /// How often it was handed to who is to publish it.
    handed: u32,
    /// Nodes that this one did not reach may know that it is over.
    doubted: bool,
    /// Who has said that it is on its way out there.
    going_at: Option<NodeId>,
}

impl Kept {
    /// Nobody is asked about it again before this time.
    fn next_wait(&mut self) -> Duration {
        let wait = AGAIN * 2_u32.pow(self.handed.min(DOUBLINGS));
        self.handed = self.handed.saturating_add(1);
        wait
    }
}

/// Why a will is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Why {
    /// It was published, as far as this node knows: this process life of its node counted as dead.
    Published(u64),
    /// Its own node said so, which may give the same will anew.
    Withdrawn,
    /// The client connected again.
    Replaced,
}

/// Wills of a client up to this claim are over.
#[derive(Debug)]
struct Over {
    claim: Claim,
    why: Why,
    since: Time,
}

/// A client of this node waits until its will is kept.
#[derive(Debug)]
struct Wait {
    ticket: u64,
    client: Arc<str>,
    nodes: Vec<NodeId>,
    kept: bool,
}

/// The wills that this node keeps for others, and those of its own that are on their way to them.
#[derive(Debug)]
pub struct Wills {
    me: NodeId,
    /// The other nodes that are reachable and keep wills, sorted.
    others: Vec<NodeId>,
    /// When they changed.
    changed: Time,
    /// Whom the keepers of this node's wills were chosen from when all were last told.
    told: Vec<NodeId>,
    /// Who was out of reach since, and may have lost or missed something.
    missed: Vec<NodeId>,
    kept: BTreeMap<Arc<str>, Kept>,
    bytes: usize,
    due: BTreeSet<(Time, Arc<str>)>,
    /// The next piece of them is not looked at before.
    pause: Time,
    /// Nodes in a new life that have not said yet whether their clients go on in it: nothing of the life before is due until then.
    unheard: BTreeMap<NodeId, Time>,
    /// When to look for copies that are others' to keep, and from where on.
    sweep: Option<(Time, Option<Arc<str>>)>,
    /// Of these clients wills up to a claim are not to be published any more.
    over: BTreeMap<Arc<str>, Over>,
    over_since: VecDeque<(Time, Arc<str>)>,
    /// So long.
    remember: Duration,
    /// Wills that are on their way out here, by client, with the process life that they are of: others keep them until they are out.
    going: BTreeMap<Arc<str>, (Claim, u64)>,
    /// By the hybrid time of the claim.
    waits: BTreeMap<u64, Wait>,
    /// Deadlines of `waits`, in order.
    until: VecDeque<(Time, u64)>,
}

impl Wills {
    /// Of a node that reaches nobody.
    #[must_use]
    pub fn new(me: NodeId) -> Self {
        Self {
            me,
            others: Vec::new(),
            changed: Time::ZERO,
            told: Vec::new(),
            missed: Vec::new(),
            kept: BTreeMap::new(),
            bytes: 0,
            due: BTreeSet::new(),
            pause: Time::ZERO,
            unheard: BTreeMap::new(),
            sweep: None,
            over: BTreeMap::new(),
            over_since: VecDeque::new(),
            remember: REMEMBER.0,
            going: BTreeMap::new(),
            waits: BTreeMap::new(),
            until: VecDeque::new(),
        }
    }

    /// A node that is out of reach for `longest` may be back and count as it did.
    pub fn set_longest_absence(&mut self, longest: Duration) {
        self.remember = REMEMBER.0 + longest;
    }

    /// Wills kept here for other nodes.
    #[must_use]
    pub fn len(&self) -> usize {
        self.kept.len()
    }

    /// None is kept here.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.kept.is_empty()
    }

    /// Bytes they take.
    #[must_use]
    pub const fn bytes(&self) -> usize {
        self.bytes
    }

    /// A client of this node connects with a will: the nodes that are to keep it are told. [`Step::Told`] follows: when they have
    /// answered, or when [`Wills::deadline`] is over.
    pub fn tell(
        &mut self,
        ticket: u64,
        (client, will): (&Arc<str>, &WillCopy),
        now: Time,
        out: &mut Vec<Step>,
    ) {
        let nodes = keepers(client, &self.others);
        if nodes.is_empty() {
            return out.push(Step::Told { ticket, kept: true });
        }
        for node in &nodes {
            let (client, will) = (client.clone(), will.clone());
            out.push(Step::Send(*node, WillFrame::Keep { client, will, asks: true }));
        }
        let wait = Wait { ticket, client: client.clone(), nodes, kept: true };
        self.until.push_back((now + LIMIT, will.claim.hlc));
        if let Some(older) = self.waits.insert(will.claim.hlc, wait) {
            out.push(Step::Told { ticket: older.ticket, kept: older.kept });
        }
    }

    /// A client of this node has a will: the nodes that keep it since whom this node reaches has changed are told.
    pub fn refresh(&self, client: &Arc<str>, will: &WillCopy, out: &mut Vec<Step>) {
        let mut before = keepers(client, &self.told);
        before.retain(|node| !self.missed.contains(node));
        for node in keepers(client, &self.others) {
            if !before.contains(&node) {
                let (client, will) = (client.clone(), will.clone());
                out.push(Step::Send(node, WillFrame::Keep { client, will, asks: false }));
            }
        }
    }

    /// All wills of this node were told since whom it reaches has changed.
    pub fn refreshed(&mut self) {
        self.told.clone_from(&self.others);
        self.missed.clear();
    }

    /// The will of a client of this node is of no use any more, or has been published.
    pub fn withdraw(&self, client: &Arc<str>, hlc: u64, now: Time, out: &mut Vec<Step>) {
        let claim = Claim { hlc, node: self.me };
        // Who kept it before a change may have it still.
        let all = now < self.changed + STALE + STALE;
        let nodes = if all { self.others.clone() } else { keepers(client, &self.others) };
        for node in nodes {
            out.push(Step::Send(node, WillFrame::Gone { client: client.clone(), claim }));
        }
    }

    /// Another node has a will for this one to keep.
    pub fn on_keep(
        &mut self,
        from: NodeId,
        (client, will): (Arc<str>, WillCopy),
        asks: bool,
        out: &mut Vec<Step>,
    ) {
        let claim = will.claim;
        if claim.node != from {
            // A node speaks for itself alone.
            return;
        }
        if self.over.get(&client).is_some_and(|over| over.why == Why::Withdrawn) {
            self.over.remove(&client);
        }
        let newer = self.kept.get(&client).is_some_and(|kept| kept.will.claim > claim);
        let kept = newer || self.is_over(&client, claim) || self.keep(client.clone(), will, None);
        if asks {
            out.push(Step::Send(from, WillFrame::Answer { client, claim, kept }));
        }
    }

    /// Keeps a will in the place of an older one. False: there is no room.
    fn keep(&mut self, client: Arc<str>, will: WillCopy, due: Option<Time>) -> bool {
        self.drop_copy(&client);
        let size = size(&client, &will);
        if will.body.len() > WILL_MAX || self.bytes + size > WILLS_MAX {
            return false;
        }
        self.bytes += size;
        if let Some(at) = due {
            self.due.insert((at, client.clone()));
        }
        self.kept.insert(client, Kept { will, due, handed: 0, doubted: false, going_at: None });
        true
    }

    fn drop_copy(&mut self, client: &Arc<str>) -> Option<Kept> {
        let (client, kept) = self.kept.remove_entry(client)?;
        self.bytes -= size(&client, &kept.will);
        if let Some(at) = kept.due {
            self.due.remove(&(at, client));
        }
        Some(kept)
    }

    /// Whether a will is known not to be published any more.
    fn is_over(&self, client: &str, claim: Claim) -> bool {
        self.over.get(client).is_some_and(|over| over.claim >= claim)
    }

    /// It is to be published here, and is not out yet.
    fn is_going(&self, client: &str, claim: Claim) -> bool {
        self.going.get(client).is_some_and(|(going, _)| *going >= claim)
    }

    fn end(&mut self, client: &Arc<str>, claim: Claim, why: Why, now: Time) {
        let newer = self.over.get(client).filter(|over| over.claim > claim);
        let (claim, why) = newer.map_or((claim, why), |over| (over.claim, over.why));
        self.over.insert(client.clone(), Over { claim, why, since: now });
        self.over_since.push_back((now, client.clone()));
        self.forget_over(now);
    }

    fn forget_over(&mut self, now: Time) {
        let (span, most) = (self.remember, REMEMBER.1);
        let is_old = |since: Time| since + span <= now;
        while let Some((since, client)) = self.over_since.front()
            && (is_old(*since) || self.over_since.len() > most)
        {
            // If it was told again since, it stands further behind too.
            if self.over.get(client).is_some_and(|over| over.since == *since) {
                self.over.remove(client);
            }
            self.over_since.pop_front();
        }
    }

    /// A node that was to keep a will answers.
    pub fn on_answer(
        &mut self,
        from: NodeId,
        (client, claim, kept): (&str, Claim, bool),
        out: &mut Vec<Step>,
    ) {
        let Some(wait) = self.waits.get_mut(&claim.hlc) else { return };
        if claim.node != self.me || *wait.client != *client || !wait.nodes.contains(&from) {
            return;
        }
        wait.nodes.retain(|node| *node != from);
        wait.kept &= kept;
        if wait.nodes.is_empty() {
            self.settle(claim.hlc, out);
        }
    }

    fn settle(&mut self, hlc: u64, out: &mut Vec<Step>) {
        if let Some(Wait { ticket, nodes, kept, .. }) = self.waits.remove(&hlc) {
            out.push(Step::Told { ticket, kept: kept && nodes.is_empty() });
        }
    }

    /// Another node says that the wills of a client up to this claim are over. It is remembered for those that do not hear it.
    /// `life`: the newest life of the client's node that is known.
    pub fn on_gone(
        &mut self,
        from: NodeId,
        (client, claim): (&Arc<str>, Claim),
        life: u64,
        now: Time,
    ) {
        self.drop_up_to(client, claim);
        let why = if claim.node == from { Why::Withdrawn } else { Why::Published(life) };
        self.end(client, claim, why, now);
    }

    fn drop_up_to(&mut self, client: &Arc<str>, claim: Claim) {
        let meant = |kept: &&Kept| kept.will.claim <= claim;
        if self.kept.get(client).filter(meant).is_some() {
            self.drop_copy(client);
        }
    }

    /// A client has connected under this claim: an older will of it is not to be published any more.
    pub fn on_claim(&mut self, client: &Arc<str>, claim: Claim, now: Time, out: &mut Vec<Step>) {
        if self.kept.get(client).is_none_or(|kept| kept.will.claim >= claim) {
            return;
        }
        let Some(kept) = self.drop_copy(client) else { return };
        // A node that lives gives another will or none; of a dead one others may have a copy and not hear of the claim.
        if kept.due.is_some() || kept.will.claim.node != claim.node {
            self.end(client, kept.will.claim, Why::Replaced, now);
            self.tell_all(client, kept.will.claim, out);
        }
    }

    fn tell_all(&self, client: &Arc<str>, claim: Claim, out: &mut Vec<Step>) {
        for node in &self.others {
            out.push(Step::Send(*node, WillFrame::Gone { client: client.clone(), claim }));
        }
    }

    /// The other nodes that are reachable now and keep wills.
    pub fn on_view(&mut self, mut others: Vec<NodeId>, now: Time, out: &mut Vec<Step>) {
        sort::sort(&mut others);
        if others == self.others {
            return;
        }
        let lost = self.others.iter().filter(|node| !others.contains(node));
        self.missed.extend(lost.copied());
        let new = others.iter().filter(|node| !self.others.contains(node));
        let new: Vec<NodeId> = new.copied().collect();
        for kept in self.kept.values_mut() {
            // Who comes into reach may know more of a node that was lost.
            let node = kept.will.claim.node;
            let lost = kept.due.is_some() || !others.contains(&node);
            kept.doubted |= lost && new.iter().any(|one| *one != node);
        }
        if others.is_empty() {
            // Nothing is told while a node is alone.
            self.told.clear();
            self.missed.clear();
        }
        self.others = others;
        self.changed = now;
        self.sweep = Some((now + STALE, None));
        for wait in self.waits.values_mut() {
            wait.nodes.retain(|node| self.others.contains(node));
        }
        let over = self.waits.iter().filter(|(_, wait)| wait.nodes.is_empty());
        for hlc in over.map(|(hlc, _)| *hlc).collect::<Vec<_>>() {
            self.settle(hlc, out);
        }
    }

    /// This node did nothing for a while: whom it reaches has to stand still anew before anything is published.
    pub fn on_standstill(&mut self, now: Time) {
        self.changed = now;
    }

    /// A link to this life of a node counts from now on: the node tells anew what is to be kept for it.
    pub fn on_linked(&mut self, node: NodeId, incarnation: u64) {
        self.forget(|will| will.claim.node == node && will.incarnation == incarnation);
        // It was taken for dead and was not: its clients live, and their wills are kept for the next time.
        let lives = Why::Published(incarnation);
        self.over.retain(|_, over| over.claim.node != node || over.why != lives);
        self.going.retain(|_, (claim, life)| claim.node != node || *life != incarnation);
    }

    /// A node has left the cluster and serves its clients alone.
    pub fn on_left(&mut self, node: NodeId) {
        self.forget(|will| will.claim.node == node);
    }

    /// This node has left the cluster: nothing of it is its business any more.
    pub fn clear(&mut self) {
        self.forget(|_| true);
        self.going.clear();
    }

    fn forget(&mut self, which: impl Fn(&WillCopy) -> bool) {
        let some = self.kept.iter().filter(|(_, kept)| which(&kept.will));
        for client in some.map(|(client, _)| client.clone()).collect::<Vec<_>>() {
            self.drop_copy(&client);
        }
    }

    /// The process life `incarnation` of a node is over, and those before it: its wills go out after their delay.
    pub fn on_dead(&mut self, node: NodeId, incarnation: u64, now: Time) {
        for (client, kept) in &mut self.kept {
            let of_it = kept.will.claim.node == node && kept.will.incarnation <= incarnation;
            if of_it && kept.due.is_none() {
                let delay = Duration::from_millis(kept.will.delay_ms);
                let at = now + SETTLE + delay;
                kept.due = Some(at);
                self.due.insert((at, client.clone()));
            }
        }
    }

    /// A node is linked, maybe in a new life, and says by `until` whether its clients go on in that.
    pub fn await_word(&mut self, node: NodeId, until: Time) {
        self.unheard.insert(node, until);
    }

    /// It has said so, or its link is gone.
    pub fn end_await(&mut self, node: NodeId) {
        self.unheard.remove(&node);
    }

    /// The clients of a node go on in its process life `incarnation`: their wills of the life before are not due, and are told anew.
    pub fn on_clients_stay(&mut self, node: NodeId, incarnation: u64, now: Time) {
        let before = |why| matches!(why, Why::Published(life) if life <= incarnation);
        self.over.retain(|_, over| over.claim.node != node || !before(over.why));
        for (client, kept) in &mut self.kept {
            let of_it = kept.will.claim.node == node && kept.will.incarnation < incarnation;
            if let (true, Some(at)) = (of_it, kept.due) {
                self.due.remove(&(at, client.clone()));
                let at = at.max(now + HOLD);
                kept.due = Some(at);
                self.due.insert((at, client.clone()));
            }
        }
    }

    /// Another node has a will that is due, for this one to publish.
    pub fn on_due(
        &mut self,
        (from, known): (NodeId, Known),
        (client, will): (&Arc<str>, &WillCopy),
        now: Time,
        out: &mut Vec<Step>,
    ) {
        let unheard = self.unheard.get(&will.claim.node).is_some_and(|until| now < *until);
        if known.lives || unheard {
            // It will ask again; if the node is well, or its clients go on, it hears so from that node.
            return;
        }
        let claim = will.claim;
        let told_anew = self.kept.get(client).is_some_and(|kept| {
            kept.will.claim == claim && kept.will.incarnation > will.incarnation
        });
        if known.goes_on || told_anew {
            // Who asks keeps it no longer, or it would have been told too.
            let client = client.clone();
            return out.push(Step::Send(from, WillFrame::Gone { client, claim }));
        }
        if self.is_going(client, claim) {
            let client = client.clone();
            return out.push(Step::Send(from, WillFrame::Going { client, claim }));
        }
        if self.is_over(client, claim) || known.claim.is_some_and(|newer| newer > claim) {
            self.drop_up_to(client, claim);
            let client = client.clone();
            return out.push(Step::Send(from, WillFrame::Gone { client, claim }));
        }
        self.publish(client, will, now, out);
    }

    /// A node that was out of reach keeps a will, and asks whether it is over. `newest`: the newest claim on the client that is kept
    /// here.
    pub fn on_ask(
        &self,
        from: NodeId,
        (client, claim): (&Arc<str>, Claim),
        newest: Option<Claim>,
        out: &mut Vec<Step>,
    ) {
        let kept = self.kept.get(client).map(|kept| kept.will.claim);
        let newer = [newest, kept].into_iter().flatten().any(|known| known > claim);
        if self.is_going(client, claim) {
            out.push(Step::Send(from, WillFrame::Going { client: client.clone(), claim }));
        } else if newer || self.is_over(client, claim) {
            out.push(Step::Send(from, WillFrame::Gone { client: client.clone(), claim }));
        }
    }

    /// A will that is due here is on its way out at another node, and is not out yet: it is kept until that node tells so, and offered
    /// to no other while that one is in reach, whoever is the first owner then.
    pub fn on_going(&mut self, from: NodeId, (client, claim): (&Arc<str>, Claim), now: Time) {
        let Some(kept) = self.kept.get_mut(client) else { return };
        if kept.will.claim == claim && kept.due.is_some() {
            kept.going_at = Some(from);
            let until = now + kept.next_wait();
            self.put_off(client, until);
        }
    }

    /// Others are told when it is out, by [`Self::on_published`].
    fn publish(&mut self, client: &Arc<str>, will: &WillCopy, now: Time, out: &mut Vec<Step>) {
        let claim = will.claim;
        self.drop_up_to(client, claim);
        self.end(client, claim, Why::Published(will.incarnation), now);
        self.going.insert(client.clone(), (claim, will.incarnation));
        out.push(Step::Publish { client: client.clone(), claim, body: will.body.clone() });
    }

    /// A will that this node was to publish is out: the others need not keep it any more.
    pub fn on_published(&mut self, client: &Arc<str>, claim: Claim, out: &mut Vec<Step>) {
        // If its node was linked since, in that very life, others keep the same will again.
        let Some((newest, _)) = self.going.get(client) else { return };
        if *newest == claim {
            self.going.remove(client);
        }
        self.tell_all(client, claim, out);
    }

    /// When [`Wills::on_deadline`] has something to do.
    #[must_use]
    pub fn deadline(&self) -> Option<Time> {
        let due = self.due.first().map(|(at, _)| (*at).max(self.changed + SETTLE).max(self.pause));
        let wait = self.until.front().map(|(at, _)| *at);
        let sweep = self.sweep.as_ref().map(|(at, _)| *at);
        [due, wait, sweep].into_iter().flatten().min()
    }

    /// Lets those in who have waited long enough, and publishes or hands on what is due. `known` tells of a client and its will.
    pub fn on_deadline(
        &mut self,
        known: impl Fn(&str, &WillCopy) -> Known,
        now: Time,
        out: &mut Vec<Step>,
    ) {
        while self.until.front().is_some_and(|(at, _)| *at <= now) {
            if let Some((_, hlc)) = self.until.pop_front() {
                self.settle(hlc, out);
            }
        }
        if self.sweep.as_ref().is_some_and(|(at, _)| *at <= now)
            && let Some((_, from)) = self.sweep.take()
        {
            self.sweep = self.sweep(from).map(|next| (now + SWEEP.1, Some(next)));
        }
        if now < self.changed + SETTLE || now < self.pause {
            return;
        }
        for _ in 0..PIECE.0 {
            let Some((_, client)) = self.due.first().filter(|(at, _)| *at <= now).cloned() else {
                return;
            };
            self.on_time(&client, &known, now, out);
        }
        self.pause = now + PIECE.1;
    }

    /// The delay of a will is over.
    fn on_time(
        &mut self,
        client: &Arc<str>,
        known: impl Fn(&str, &WillCopy) -> Known,
        now: Time,
        out: &mut Vec<Step>,
    ) {
        let first = first_owner(client, self.me, &self.others);
        let Some(kept) = self.kept.get_mut(client) else { return };
        let going_at = kept.going_at.filter(|node| self.others.contains(node));
        let (first, claim) = (going_at.unwrap_or(first), kept.will.claim);
        if kept.doubted && !self.others.is_empty() {
            kept.doubted = false;
            let asked = self.others.iter();
            out.extend(
                asked.map(|node| {
                    Step::Send(*node, WillFrame::Ask { client: client.clone(), claim })
                }),
            );
            return self.put_off(client, now + ANSWER);
        }
        if let Some(until) = self.unheard.get(&claim.node).copied().filter(|until| now < *until) {
            return self.put_off(client, until);
        }
        if first == self.me {
            let will = kept.will.clone();
            let Known { lives: _, claim: newest, goes_on } = known(client, &will);
            if goes_on {
                self.drop_copy(client);
                return;
            }
            let over = self.is_over(client, claim) || newest.is_some_and(|newer| newer > claim);
            if over {
                self.drop_copy(client);
                return self.tell_all(client, claim, out);
            }
            return self.publish(client, &will, now, out);
        }
        let wait = kept.next_wait();
        let due = WillFrame::Due { client: client.clone(), will: kept.will.clone() };
        out.push(Step::Send(first, due));
        self.put_off(client, now + wait);
    }

    fn put_off(&mut self, client: &Arc<str>, until: Time) {
        let Some(kept) = self.kept.get_mut(client) else { return };
        if let Some(at) = kept.due.replace(until) {
            self.due.remove(&(at, client.clone()));
        }
        self.due.insert((until, client.clone()));
    }

    /// Drops what others keep for nodes that live, among some after `from`; the last of them, if there are more.
    fn sweep(&mut self, from: Option<Arc<str>>) -> Option<Arc<str>> {
        use std::ops::Bound::{Excluded, Unbounded};
        let start = from.map_or(Unbounded, Excluded);
        let some: Vec<(Arc<str>, bool)> = self
            .kept
            .range::<Arc<str>, _>((start, Unbounded))
            .take(SWEEP.0)
            .map(|(client, kept)| (client.clone(), self.is_stale(client, kept)))
            .collect();
        let last = some.last().filter(|_| some.len() == SWEEP.0).map(|(client, _)| client.clone());
        for (client, _) in some.into_iter().filter(|(_, stale)| *stale) {
            self.drop_copy(&client);
        }
        last
    }

    /// The node of this will lives and has given it to others.
    fn is_stale(&self, client: &str, kept: &Kept) -> bool {
        let node = kept.will.claim.node;
        if kept.due.is_some() || !self.others.contains(&node) {
            return false;
        }
        let seen_there = self.others.iter().filter(|one| **one != node).chain([&self.me]);
        let view: Vec<NodeId> = seen_there.copied().collect();
        !keepers(client, &view).contains(&self.me)
    }
}

fn size(client: &str, will: &WillCopy) -> usize {
    OVERHEAD + client.len() + will.body.len()
}

/// The nodes of `view` that keep the will of a client, best first.
fn keepers(client: &str, view: &[NodeId]) -> Vec<NodeId> {
    let mut best = owners(client, view);
    best.truncate(KEEPERS);
    best
}

/// The node that publishes the will of a client.
fn first_owner(client: &str, me: NodeId, others: &[NodeId]) -> NodeId {
    let mut best = owners(client, others);
    best.push(me);
    owners(client, &best).first().copied().unwrap_or(me)
}

impl Cluster {
    fn with_wills(
        &mut self,
        out: &mut Vec<Action>,
        change: impl FnOnce(&mut Wills, &mut Vec<Step>),
    ) {
        let mut steps = Vec::new();
        change(&mut self.wills, &mut steps);
        for step in steps {
            match step {
                Step::Send(node, frame) => self.to_peer(node, Frame::Will(frame), out),
                Step::Told { ticket, kept } => out.push(Action::WillKept { ticket, kept }),
                Step::Publish { client, claim, body } => {
                    out.push(Action::PublishWill { client, claim, body });
                }
            }
        }
    }

    /// A client of this node has a will; `ticket`: it waits until others keep it.
    pub(super) fn on_own_will(
        &mut self,
        (ticket, client): (Option<u64>, &Arc<str>),
        (hlc, delay, body): (u64, Duration, Arc<[u8]>),
        now: Time,
        out: &mut Vec<Action>,
    ) {
        let claim = Claim { hlc, node: self.me.node_id };
        let delay_ms = u64::try_from(delay.as_millis()).unwrap_or(u64::MAX);
        let will = WillCopy { claim, incarnation: self.me.incarnation, delay_ms, body };
        self.with_wills(out, |wills, steps| match ticket {
            Some(ticket) => wills.tell(ticket, (client, &will), now, steps),
            None => wills.refresh(client, &will, steps),
        });
    }

    /// The will of a client of this node is over.
    pub(super) fn on_own_will_over(
        &mut self,
        client: &Arc<str>,
        hlc: u64,
        now: Time,
        out: &mut Vec<Action>,
    ) {
        self.with_wills(out, |wills, steps| wills.withdraw(client, hlc, now, steps));
    }

    /// A will that [`Action::PublishWill`] asked for is out.
    pub(super) fn on_will_published(
        &mut self,
        client: &Arc<str>,
        claim: Claim,
        out: &mut Vec<Action>,
    ) {
        self.with_wills(out, |wills, steps| wills.on_published(client, claim, steps));
    }

    pub(super) fn on_will_frame(
        &mut self,
        from: NodeId,
        frame: WillFrame,
        now: Time,
        out: &mut Vec<Action>,
    ) {
        match frame {
            WillFrame::Keep { client, will, asks } => {
                let kept = (client, will);
                self.with_wills(out, |wills, steps| wills.on_keep(from, kept, asks, steps));
            }
            WillFrame::Answer { client, claim, kept } => {
                let answer = (&*client, claim, kept);
                self.with_wills(out, |wills, steps| wills.on_answer(from, answer, steps));
            }
            WillFrame::Due { client, will } => {
                let known = self.known_of(&client, &will);
                self.with_wills(out, |wills, steps| {
                    wills.on_due((from, known), (&client, &will), now, steps);
                });
            }
            WillFrame::Gone { client, claim } if self.tells_anew(from, &client, claim) => {}
            WillFrame::Gone { client, claim } => {
                let node = self.members.find(claim.node).map(|member| &member.record);
                if node.is_some_and(|record| record.caps & super::CAP_CLIENTS_STAY != 0) {
                    // The client may go on in the next life, which gives the will under the same claim.
                    self.wills.drop_up_to(&client, claim);
                } else {
                    let life = node.map_or(0, |record| record.incarnation);
                    self.wills.on_gone(from, (&client, claim), life, now);
                }
            }
            WillFrame::Going { client, claim } => self.wills.on_going(from, (&client, claim), now),
            WillFrame::Ask { client, claim } => {
                let newest = self.directory.find(&client);
                self.with_wills(out, |wills, steps| {
                    wills.on_ask(from, (&client, claim), newest, steps);
                });
            }
        }
    }

    /// A will that is over by the word of `from` is kept here for the life in which its node is linked: that node lives after all, and
    /// has given it anew.
    fn tells_anew(&self, from: NodeId, client: &str, claim: Claim) -> bool {
        let kept = self.wills.kept.get(client).filter(|kept| kept.will.claim <= claim);
        from != claim.node && kept.is_some_and(|kept| self.known_of(client, &kept.will).lives)
    }

    fn known_of(&self, client: &str, will: &WillCopy) -> Known {
        let node = will.claim.node;
        let linked = self.peers.get(&node).filter(|peer| peer.proven);
        let here = node == self.me.node_id && will.incarnation == self.me.incarnation;
        let claim = self.directory.find(client);
        let record = self.members.find(node).map(|member| &member.record);
        let stay = record.is_some_and(|record| {
            record.incarnation > will.incarnation && record.caps & super::CAP_CLIENTS_STAY != 0
        });
        Known {
            lives: here || linked.is_some_and(|p| p.identity.incarnation == will.incarnation),
            claim,
            goes_on: stay && claim.is_some_and(|claim| claim.node == node),
        }
    }

    /// A claim was heard of: an older will of the client is over.
    pub(super) fn on_claim_heard(
        &mut self,
        client: &Arc<str>,
        claim: Claim,
        now: Time,
        out: &mut Vec<Action>,
    ) {
        if !self.wills.is_empty() {
            self.with_wills(out, |wills, steps| wills.on_claim(client, claim, now, steps));
        }
    }

    /// A node is in this process life, with these capabilities.
    pub(super) fn hold_wills(&mut self, node: NodeId, (life, caps): (u64, u64), now: Time) {
        if caps & super::CAP_CLIENTS_STAY != 0 {
            self.wills.on_clients_stay(node, life, now);
        }
    }

    /// The process life of a node that its record tells of is over, by what this node has seen. While others say that they reach it
    /// they may know better: a firewall refuses as a host does whose process is gone. They see it in a moment, or it lives.
    pub(super) fn on_death(&mut self, node: NodeId, now: Time) {
        let Some(member) = self.members.find(node) else { return };
        let incarnation = member.record.incarnation;
        if self.is_held(node) {
            self.deaths.insert(node, incarnation);
        } else {
            self.wills.on_dead(node, incarnation, now);
        }
    }

    /// Whether others say that they reach a node that this one does not.
    pub(super) fn is_held(&self, node: NodeId) -> bool {
        self.rows.held().contains(&node)
    }

    /// Who reaches whom has changed, or was told again.
    pub(super) fn look_who_is_held(&mut self, now: Time, out: &mut Vec<Action>) {
        let held = self.rows.held();
        held.iter().for_each(|node| self.autoclean.on_held(*node, now));
        let over: Vec<_> = self.deaths.iter().map(|(node, life)| (*node, *life)).collect();
        for (node, incarnation) in over.into_iter().filter(|(node, _)| !held.contains(node)) {
            self.deaths.remove(&node);
            self.wills.on_dead(node, incarnation, now);
            if self.keep.contains_key(&node) {
                self.end_life(node, out);
            }
        }
    }

    /// A node was out of reach for so long that its routes go. It may live, beyond a cut: the larger part of the cluster takes it
    /// for dead, as it forgets it (`autoclean.rs`), a smaller one waits (`undecided.rs`). If others reach it its wills are theirs to
    /// keep.
    pub(super) fn on_given_up(&mut self, node: NodeId, now: Time) {
        if self.is_larger_part() && !self.is_held(node) {
            self.on_death(node, now);
        } else {
            self.leave_undecided(node, now);
        }
    }

    /// More than half of the members are here, or half with the oldest.
    pub(super) fn is_larger_part(&self) -> bool {
        let (members, up) = self.members.counts();
        let all = |reach| {
            let some = self.members.iter().filter(move |member| member.reach == reach);
            some.filter(|member| member.record.is_member()).map(|member| member.record.guid)
        };
        let oldest = all(Reach::Up).fold(self.me.guid, Guid::min);
        let oldest_here = all(Reach::Down).all(|lost| lost > oldest);
        may_forget(up + 1, members + 1, oldest_here)
    }

    /// The members that are up and keep wills may have changed.
    pub(super) fn look_around_for_wills(&mut self, now: Time, out: &mut Vec<Action>) {
        let keeps = |caps: u64| caps & super::CAP_WILLS != 0;
        let up = self.members.iter().filter(|m| m.reach == Reach::Up && keeps(m.record.caps));
        let others = up.map(|member| member.record.node_id).collect();
        self.with_wills(out, |wills, steps| wills.on_view(others, now, steps));
    }

    pub(super) fn wills_on_deadline(&mut self, now: Time, out: &mut Vec<Action>) {
        let mut wills = std::mem::replace(&mut self.wills, Wills::new(self.me.node_id));
        let mut steps = Vec::new();
        wills.on_deadline(|client, will| self.known_of(client, will), now, &mut steps);
        self.wills = wills;
        self.with_wills(out, |_, all| all.append(&mut steps));
    }
}

#[cfg(test)]
mod tests;
