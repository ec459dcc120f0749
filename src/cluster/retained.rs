//! How the copies of retained messages stay equal: each node tells its own changes to all, and sums of hashes find what was
//! missed. What one copy has and another one has not is news or was deleted: [`Versions`] tell.
//!
//! The messages themselves lie outside: this part decides what is told to whom and when, by [`RetainedStep`]s, and never
//! holds a message. Of a topic that changes often only the last message is sent: what is owed to a peer is a set of topics.
//! One piece is under way to each peer until it is acknowledged, and a whole copy is asked for piece by piece, so no queue
//! between nodes grows with the number of messages.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use super::{
    Action, Cluster, Event, LinkId, NodeId,
    hlc::COUNTER_BITS,
    versions::{Stretch, Versions},
    wire::{
        BUCKETS, Buckets, CloseCode, Frame, PIECE_MAX, RetainedEntry, RetainedFrame, Sums,
        read_delta, read_snap,
    },
};
use crate::{
    time::Time,
    topic::hashing::{bucket, topic_hash},
};

/// Copies are compared at link up and then this often.
const COMPARE_EVERY: Duration = Duration::from_secs(60);
/// Bytes of changes in one piece, give or take a message.
pub const PIECE_BYTES: usize = 128 << 10;
/// Topics owed to a peer; beyond, comparing tells.
const OWED_MAX: usize = 65_536;
/// A node whose calendar is so far ahead is named in the log, in ms.
const AHEAD_MS: u64 = 5_000;
/// No calendar is here before the year 6400; a write above such a stamp would have no room.
const HLC_MAX: u64 = 1 << 63;
/// A copy without room for what another one has asks for it again after this time, then after twice the time, and so on up to
/// half an hour; who has it asks the one without room so seldom.
const FULL_PAUSE: Duration = Duration::from_secs(60);
const FULL_PAUSE_MAX: Duration = Duration::from_secs(30 * 60);

/// Something to do with the messages.
#[derive(Clone, Debug, PartialEq)]
pub enum RetainedStep {
    /// Send what is held of these topics as [`super::wire::delta_frames`].
    Push(Vec<Arc<str>>),
    /// Send the sums of all buckets, and what the copy has been through.
    SendSums {
        /// No room here for all that the peer has in these.
        full: Buckets,
        /// What it has been through beside the writes of this process.
        versions: Versions,
    },
    /// Send entries of these buckets as [`super::wire::snap_frames`], about [`PIECE_BYTES`].
    Answer {
        /// Which.
        buckets: Buckets,
        /// Where to go on.
        from: Vec<u8>,
    },
    /// Compare these sums with those held; answer [`super::Input::RetainedCompared`].
    Compare(Box<[u64; BUCKETS]>),
    /// Take these in where they are newer; but a message with `true` has been here, and if it is not held it was deleted.
    Merge(Vec<(RetainedEntry, bool)>),
}

/// What is under way with one peer.
#[derive(Debug, Default)]
pub(super) struct Exchange {
    /// Both have a copy.
    active: bool,
    /// Topics that it is to be told of, with their bytes.
    owed: BTreeMap<Arc<str>, u32>,
    /// The last one taken from those, so that each has its turn.
    after: Option<Arc<str>>,
    /// Pieces that it has not acknowledged.
    unacked: u32,
    compare_at: Option<Time>,
    /// What it says of its copy, while that waits to be looked at.
    theirs: Option<Box<Sums>>,
    /// What it said beside the sums, while those are looked at.
    looked_at: Option<(Option<Stretch>, Buckets, Versions)>,
    /// Its sums were looked at once.
    compared: bool,
    full: Full,
    /// It has no room: not to be asked about those buckets before.
    spare_until: Time,
    delta: Vec<u8>,
    snap: Vec<u8>,
    warned_at: Option<Time>,
}

/// What is under way with all.
#[derive(Debug, Default)]
pub(super) struct Copies {
    /// The peer whose buckets are being taken, or whose sums are being looked at; one after the other.
    busy: Option<(NodeId, Option<Buckets>)>,
    versions: Versions,
}

/// Where there was no room for what a peer has.
#[derive(Debug, Default)]
struct Full {
    buckets: Buckets,
    /// Not asked for again before.
    until: Time,
    /// How often it was asked for since there is no room.
    asked: u32,
}

impl Full {
    /// All that these buckets hold was asked for, or had the time to be.
    fn hold_back(&mut self, differ: &Buckets, now: Time) -> Buckets {
        self.buckets = self.buckets.among(differ);
        if self.buckets.is_empty() {
            *self = Self::default();
        } else if self.until <= now {
            let pause = FULL_PAUSE * 2_u32.pow(self.asked.min(5));
            self.until = now + pause.min(FULL_PAUSE_MAX);
            self.asked += 1;
            return Buckets::default();
        }
        self.buckets
    }
}

impl Exchange {
    fn owe(&mut self, topic: &Arc<str>, bytes: u32, now: Time) {
        if self.owed.len() < OWED_MAX || self.owed.contains_key(topic) {
            self.owed.insert(topic.clone(), bytes);
        } else {
            self.compare_at = Some(now);
        }
    }

    /// The topics of the next piece.
    fn next_piece(&mut self) -> Vec<Arc<str>> {
        let (mut topics, mut bytes) = (Vec::new(), 0);
        while bytes < PIECE_BYTES {
            let from =
                self.after.take().map_or(std::ops::Bound::Unbounded, std::ops::Bound::Excluded);
            let next = self.owed.range((from, std::ops::Bound::Unbounded)).next();
            let Some(topic) = next.or(self.owed.iter().next()).map(|(topic, _)| topic.clone())
            else {
                break;
            };
            bytes += self.owed.remove(&topic).map_or(0, |bytes| bytes as usize);
            self.after = Some(topic.clone());
            topics.push(topic);
        }
        topics
    }
}

impl Cluster {
    /// A link counts from now on; `shares`: the other node has a copy too.
    pub(super) fn begin_retained(&mut self, node: NodeId, shares: bool, now: Time) {
        // What was asked for over a link that this one replaces is not answered any more.
        self.end_retained(node);
        let active = shares && self.settings.retain_replicate;
        if let Some(peer) = self.peers.get_mut(&node).filter(|_| active) {
            peer.retained = Exchange { active, compare_at: Some(now), ..Exchange::default() };
        }
    }

    /// A link is gone.
    pub(super) fn end_retained(&mut self, node: NodeId) {
        if self.retained.busy.is_some_and(|(busy, _)| busy == node) {
            self.retained.busy = None;
        }
    }

    pub(super) fn on_retained_changed(
        &mut self,
        topics: &[(Arc<str>, u32)],
        lost: bool,
        now: Time,
    ) {
        for peer in self.peers.values_mut().filter(|peer| peer.retained.active) {
            for (topic, bytes) in topics {
                peer.retained.owe(topic, *bytes, now);
            }
            if lost {
                peer.retained.compare_at = Some(now);
            }
        }
    }

    pub(super) fn on_retained_full(&mut self, node: NodeId, buckets: &Buckets) {
        if let Some(peer) = self.peers.get_mut(&node) {
            peer.retained.full.buckets = peer.retained.full.buckets.with(buckets);
        }
    }

    pub(super) fn on_retained_deleted(
        &mut self,
        node: NodeId,
        frames: Vec<RetainedFrame>,
        out: &mut Vec<Action>,
    ) {
        let Some(peer) = self.peers.get_mut(&node).filter(|peer| peer.retained.active) else {
            return;
        };
        peer.retained.unacked += 1;
        frames.into_iter().for_each(|frame| self.to_peer(node, Frame::Retained(frame), out));
    }

    pub(super) fn on_retained_compared(
        &mut self,
        node: NodeId,
        differ: &Buckets,
        now: Time,
        out: &mut Vec<Action>,
    ) {
        if self.retained.busy.is_none_or(|(busy, _)| busy != node) {
            return;
        }
        self.retained.busy = None;
        let Some(exchange) = self.peers.get_mut(&node).map(|peer| &mut peer.retained) else {
            return;
        };
        let Some((own, spare, versions)) = exchange.looked_at.take() else { return };
        self.retained.versions.join(&differ.others(), &versions, (node, own));
        let mut ask = differ.without(&exchange.full.hold_back(differ, now));
        if now < exchange.spare_until {
            ask = ask.without(&spare);
        } else if !ask.among(&spare).is_empty() {
            exchange.spare_until = now + FULL_PAUSE_MAX;
        }
        if ask.is_empty() {
            return self.compare_next(out);
        }
        self.retained.busy = Some((node, Some(ask)));
        let frame = RetainedFrame::Req { buckets: ask, from: Vec::new() };
        self.to_peer(node, Frame::Retained(frame), out);
    }

    /// Looks at the sums of the next peer.
    fn compare_next(&mut self, out: &mut Vec<Action>) {
        if self.retained.busy.is_some() {
            return;
        }
        for (node, peer) in &mut self.peers {
            if let Some(theirs) = peer.retained.theirs.take() {
                self.retained.busy = Some((*node, None));
                let Sums { sums, own, full, versions } = *theirs;
                peer.retained.compared = true;
                peer.retained.looked_at = Some((own, full, versions));
                out.push(Action::Retained {
                    link: peer.link,
                    node: *node,
                    step: RetainedStep::Compare(sums),
                });
                return;
            }
        }
    }

    pub(super) fn on_retained_frame(
        &mut self,
        node: NodeId,
        frame: RetainedFrame,
        now: Time,
        out: &mut Vec<Action>,
    ) {
        let Some(peer) = self.peers.get_mut(&node).filter(|peer| peer.retained.active) else {
            return;
        };
        let (link, exchange) = (peer.link, &mut peer.retained);
        match frame {
            RetainedFrame::Ack => exchange.unacked = exchange.unacked.saturating_sub(1),
            RetainedFrame::Sum(sums) => {
                exchange.theirs = Some(sums);
                self.compare_next(out);
            }
            RetainedFrame::Req { buckets, from } => {
                let step = RetainedStep::Answer { buckets, from };
                out.push(Action::Retained { link, node, step });
            }
            RetainedFrame::Delta { more, bytes } => {
                let whole = gather(&mut exchange.delta, bytes, more);
                match whole.map(|whole| whole.map(|bytes| read_delta(&bytes)).transpose()) {
                    Some(Ok(None)) => {}
                    Some(Ok(Some(entries))) => {
                        self.merge((node, link), entries, now, out);
                        self.to_peer(node, Frame::Retained(RetainedFrame::Ack), out);
                    }
                    Some(Err(_)) | None => self.close(node, CloseCode::Protocol, now, out),
                }
            }
            RetainedFrame::Snap { more, bytes } => {
                let whole = gather(&mut exchange.snap, bytes, more);
                match whole.map(|whole| whole.map(|bytes| read_snap(&bytes)).transpose()) {
                    Some(Ok(None)) => {}
                    Some(Ok(Some((next, entries)))) => {
                        self.merge((node, link), entries, now, out);
                        self.go_on(node, next, out);
                    }
                    Some(Err(_)) | None => self.close(node, CloseCode::Protocol, now, out),
                }
            }
        }
    }

    /// Asks for the next piece, or is done with this peer.
    fn go_on(&mut self, node: NodeId, from: Vec<u8>, out: &mut Vec<Action>) {
        let Some((busy, Some(buckets))) = self.retained.busy else { return };
        if busy != node {
            return;
        }
        if from.is_empty() {
            self.retained.busy = None;
            return self.compare_next(out);
        }
        self.to_peer(node, Frame::Retained(RetainedFrame::Req { buckets, from }), out);
    }

    fn merge(
        &mut self,
        (node, link): (NodeId, LinkId),
        entries: Vec<RetainedEntry>,
        now: Time,
        out: &mut Vec<Action>,
    ) {
        if entries.is_empty() {
            return;
        }
        if entries.iter().any(|entry| entry.stamp.hlc >= HLC_MAX) {
            return self.close(node, CloseCode::Protocol, now, out);
        }
        let clock = self.clock.physical(now);
        let newest = entries.iter().map(|entry| entry.stamp.hlc >> COUNTER_BITS).max().unwrap_or(0);
        for entry in &entries {
            self.clock.observe(entry.stamp.hlc, now);
        }
        let judged = entries.into_iter().map(|entry| {
            let was_here = self.was_here(&entry);
            (entry, was_here)
        });
        let entries = judged.collect();
        out.push(Action::Retained { link, node, step: RetainedStep::Merge(entries) });
        if newest > clock.saturating_add(AHEAD_MS) {
            self.warn_ahead(node, newest - clock, now, out);
        }
    }

    /// Whether the copy of this process has had this message, or something newer in its place.
    fn was_here(&self, entry: &RetainedEntry) -> bool {
        let (node, number) = (NodeId(entry.stamp.node), entry.number);
        if entry.body.is_none() || number == 0 {
            return false;
        }
        let own = node == self.me.node_id && number > self.born;
        own || self.retained.versions.covers(bucket(topic_hash(&entry.topic)), node, number)
    }

    fn warn_ahead(&mut self, node: NodeId, by_ms: u64, now: Time, out: &mut Vec<Action>) {
        const WARN_EVERY: Duration = Duration::from_secs(600);
        let Some(peer) = self.peers.get_mut(&node) else { return };
        let warned = &mut peer.retained.warned_at;
        if warned.is_none_or(|at| now.since(at) >= WARN_EVERY) {
            *warned = Some(now);
            out.push(Action::Log(Event::ClockAhead(peer.identity.name.clone(), by_ms / 1000)));
        }
    }

    /// Ends a wake-up: sends what is owed and what is due.
    pub(super) fn send_retained(&mut self, now: Time, out: &mut Vec<Action>) {
        self.compare_next(out);
        for (node, peer) in self.peers.iter_mut().filter(|(_, peer)| peer.retained.active) {
            let (link, node, exchange) = (peer.link, *node, &mut peer.retained);
            if exchange.compare_at.is_some_and(|at| at <= now) {
                exchange.compare_at = Some(now + COMPARE_EVERY);
                let (full, versions) = (exchange.full.buckets, self.retained.versions.clone());
                let step = RetainedStep::SendSums { full, versions };
                out.push(Action::Retained { link, node, step });
            }
            if exchange.unacked == 0 && !exchange.owed.is_empty() {
                exchange.unacked = 1;
                let step = RetainedStep::Push(exchange.next_piece());
                out.push(Action::Retained { link, node, step });
            }
        }
    }

    pub(super) fn retained_deadline(&self) -> Option<Time> {
        self.peers.values().filter_map(|peer| peer.retained.compare_at).min()
    }

    /// What the copy has been through beside the writes of this process.
    #[must_use]
    pub const fn versions(&self) -> &Versions {
        &self.retained.versions
    }

    /// What the copy that this process begins with has been through in the processes before.
    pub fn inherit_versions(&mut self, versions: Versions) {
        self.retained.versions = versions;
    }

    /// Numbers of the writes of this process begin above this: the hybrid clock at its start.
    #[must_use]
    pub const fn born(&self) -> u64 {
        self.born
    }

    /// Whether another node is to be told of changes.
    #[must_use]
    pub fn shares_retained(&self) -> bool {
        self.peers.values().any(|peer| peer.retained.active)
    }

    /// What the peers have is being taken for the first time.
    pub(super) fn takes_retained(&self) -> bool {
        self.retained.busy.is_some()
            || self.peers.values().any(|peer| peer.retained.active && !peer.retained.compared)
    }
}

/// Puts a part to the parts before. `Some(Some)`: the piece is whole; `None`: too long.
fn gather(parts: &mut Vec<u8>, more_bytes: Vec<u8>, more: bool) -> Option<Option<Vec<u8>>> {
    if parts.len() + more_bytes.len() > PIECE_MAX {
        return None;
    }
    if parts.is_empty() {
        *parts = more_bytes;
    } else {
        parts.extend_from_slice(&more_bytes);
    }
    Some((!more).then(|| std::mem::take(parts)))
}
