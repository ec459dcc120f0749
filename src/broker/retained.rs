//! Retained messages (v5 3.3.1.3, EMQX `emqx_retainer`): the last message of each topic, for whoever subscribes later.
//!
//! One ordered map. The topics that a filter can match lie in stretches of it, so a search jumps from stretch to stretch and
//! can stop and go on after any topic: a subscriber with a million matches takes them in portions, and one whose filter matches
//! none of a million looks at them in portions.
//!
//! Where other nodes have a copy, each write has a [`Stamp`] and the highest counts, so copies end equal in whatever order
//! writes arrive. What was deleted or has expired leaves its stamp behind for [`GONE_LIFE`], or an older write that comes
//! late would bring it back. 1,024 sums of hashes tell two copies which of their buckets differ.

mod deletions;
mod shares;

use std::{collections::BTreeMap, ops::Bound, sync::Arc, time::Duration};

use self::{
    deletions::{Deletions, Gone},
    shares::{LEAST, Shares},
};
use super::{message::Message, settings::RetainSettings};
use crate::{
    time::{Stamp, Time},
    topic::{
        TopicFilter, TopicName,
        hashing::{BUCKETS, bucket, spread, topic_hash as hash},
    },
};

/// How long it is remembered that a message is gone.
pub const GONE_LIFE: Duration = Duration::from_secs(24 * 3600);
/// So many changed topics wait to be told to other nodes; of more only the comparison tells.
const CHANGES_MAX: usize = 65_536;
/// So many topics below `$SYS` are kept of those that clients write.
const SYSTEM_MAX: usize = 10_000;
/// A larger message does not go to other nodes, in bytes; it is not kept where they have copies.
pub const SHARED_MAX: usize = 6 << 20;

/// The hash sum of each bucket.
pub type Sums = [u64; BUCKETS];

/// Why a message was not kept. It is still delivered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotKept {
    /// Payload over `retainer.max_payload_size`.
    #[error("payload of {size} bytes, limit {limit}")]
    Payload {
        /// Bytes it has.
        size: usize,
        /// Bytes allowed.
        limit: usize,
    },
    /// `retainer.max_retained_messages` reached.
    #[error("{limit} retained messages already")]
    Messages {
        /// Messages allowed.
        limit: usize,
    },
    /// `retainer.max_memory` reached.
    #[error("retained messages fill {limit} bytes already")]
    Memory {
        /// Bytes allowed.
        limit: usize,
    },
    /// `retainer.max_session_share` reached.
    #[error("retained messages of one session fill all that they may, with the limit {limit}%")]
    Share {
        /// What one session alone may fill, in percent.
        limit: u8,
    },
}

/// A message and when it was written.
#[derive(Clone, Debug)]
struct Kept {
    message: Message,
    stamp: Stamp,
    hash: u64,
    number: u64,
}

/// What a copy holds of a topic.
#[derive(Clone, Debug)]
pub enum Content {
    /// The message.
    Message(Message),
    /// There was one; remembered until then.
    Gone(Time),
}

/// A topic as one node has it and another one is to have it.
#[derive(Clone, Debug)]
pub struct Entry {
    /// Which.
    pub topic: Arc<str>,
    /// When it was written.
    pub stamp: Stamp,
    /// What.
    pub content: Content,
    /// Of a message: number of this write among those of the node in its stamp, see [`Retained::own`].
    pub number: u64,
}

/// What became of an [`Entry`] of another node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Merged {
    /// It counts now.
    Taken,
    /// What is here is as new or newer.
    Older,
    /// It was here once and was deleted, so long ago that this is forgotten. The other node is to hear so: [`Retained::outdo`].
    Deleted,
    /// No room.
    Refused(NotKept),
}

/// Where a walk over all entries goes on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Cursor {
    /// Behind this message; at the first.
    Messages(Option<Arc<str>>),
    /// Behind this one of the topics that are gone; at the first.
    Gone(Option<Arc<str>>),
}

/// How much a search does at once.
#[derive(Clone, Copy, Debug)]
pub struct Portion {
    /// Messages taken.
    pub most: usize,
    /// Bytes of them after which no more is taken.
    pub bytes: usize,
    /// Topics looked at: a filter may match none of very many.
    pub look: usize,
}

/// How far a search came.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Searched {
    /// Topics looked at.
    pub looked: usize,
    /// The last of them, behind which the search goes on; `None`: it is over.
    pub after: Option<Arc<str>>,
}

/// Topics that changed here, with about how many bytes they take.
#[derive(Debug, Default)]
pub struct Changes {
    /// Each as often as it changed.
    pub topics: Vec<(Arc<str>, u32)>,
    /// There were more.
    pub lost: bool,
}

impl NotKept {
    /// There is no room for it, and its publisher is to know.
    #[must_use]
    pub const fn is_full(&self) -> bool {
        match self {
            Self::Payload { .. } => false,
            Self::Messages { .. } | Self::Memory { .. } | Self::Share { .. } => true,
        }
    }
}

/// The retained messages of a node. Invariant: `bytes` is the sum of what [`cost`] says of each, `shares` those of each publisher, `system` the number of those
/// below `$SYS`, `sums` that of the hashes of all entries with a shared stamp, and no topic is both there and gone.
#[derive(Debug)]
pub struct Retained {
    messages: BTreeMap<Arc<str>, Kept>,
    gone: Deletions,
    /// The highest stamp of each bucket whose deletion is forgotten, and of all.
    forgotten: Box<[u64; BUCKETS]>,
    highest_forgotten: u64,
    /// Writes of this node have numbers above the first of these; the second is the last of them.
    numbers: Option<(u64, u64)>,
    bytes: usize,
    shares: Shares,
    /// How many messages are below `$SYS`: what nodes say of themselves takes no client's room.
    system: usize,
    sums: Box<Sums>,
    changes: Changes,
    /// Whether other nodes have copies.
    shared: bool,
    /// Whether anybody is told of changes now.
    told: bool,
    limits: RetainSettings,
}

impl Default for Retained {
    fn default() -> Self {
        Self::new(RetainSettings::default(), false)
    }
}

fn cost(message: &Message) -> usize {
    message.size() + message.topic().len() + 32
}

/// What a node says of itself: no other node has it, and it takes no client's room.
#[must_use]
pub fn is_system(topic: &str) -> bool {
    topic.starts_with("$SYS/")
}

/// What a node writes of itself under its name: it does so anew after each start.
fn is_of_node(topic: &str) -> bool {
    topic.strip_prefix("$SYS/broker").is_some_and(|rest| {
        let rest = rest.strip_prefix('s').unwrap_or(rest);
        rest.is_empty() || rest.starts_with('/')
    })
}

/// What an entry adds to the sum of its bucket.
fn term(hash: u64, stamp: Stamp) -> u64 {
    let node = u128::from_be_bytes(stamp.node);
    let [low, high] =
        [node & u128::from(u64::MAX), node >> 64].map(|half| u64::try_from(half).unwrap_or(0));
    spread(spread(spread(hash ^ stamp.hlc) ^ low) ^ high)
}

impl Retained {
    /// An empty table. `shared`: other nodes have copies of it, or will.
    #[must_use]
    pub fn new(limits: RetainSettings, shared: bool) -> Self {
        Self {
            messages: BTreeMap::new(),
            gone: Deletions::default(),
            forgotten: Box::new([0; BUCKETS]),
            highest_forgotten: 0,
            numbers: None,
            bytes: 0,
            shares: Shares::default(),
            system: 0,
            sums: Box::new([0; BUCKETS]),
            changes: Changes::default(),
            shared,
            told: false,
            limits,
        }
    }

    /// Whether other nodes have copies.
    #[must_use]
    pub const fn is_shared(&self) -> bool {
        self.shared
    }

    /// The limits.
    #[must_use]
    pub const fn limits(&self) -> &RetainSettings {
        &self.limits
    }

    /// Other limits; what is there stays.
    pub fn set_limits(&mut self, limits: RetainSettings) {
        self.limits = limits;
    }

    /// From now on changes are noted, or are not: there is somebody to tell, or nobody.
    pub fn set_told(&mut self, told: bool) {
        self.told = told;
    }

    /// Messages kept.
    #[must_use]
    pub fn len(&self) -> usize {
        self.messages.len()
    }

    /// Nothing is kept.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.messages.is_empty()
    }

    /// Bytes kept.
    #[must_use]
    pub const fn bytes(&self) -> usize {
        self.bytes
    }

    /// Topics of which it is remembered that their message is gone.
    #[must_use]
    pub fn gone(&self) -> usize {
        self.gone.len()
    }

    /// Deletions that were forgotten before their time because there were too many.
    #[must_use]
    pub const fn forgotten_early(&self) -> u64 {
        self.gone.forgotten_early()
    }

    /// Writes of this node are numbered from here on: above all of an earlier process life, below all of a later one.
    pub fn begin(&mut self, number: u64) {
        self.numbers = Some((number, number));
    }

    /// Numbers of the first and the last message that this process wrote for other nodes to have: of each in between the table
    /// has it, or something newer.
    #[must_use]
    pub fn own(&self) -> Option<(u64, u64)> {
        self.numbers.filter(|(before, last)| last > before).map(|(before, last)| (before + 1, last))
    }

    /// The hash sums of the buckets.
    #[must_use]
    pub const fn sums(&self) -> &Sums {
        &self.sums
    }

    /// Equal for copies that hold the same: of what other nodes have too, with what is gone.
    #[must_use]
    pub fn digest(&self) -> u64 {
        self.sums.iter().fold(0, |all, sum| spread(all ^ sum))
    }

    /// A write of a client of this node: keeps `message` in place of the one before, or with an empty payload forgets that
    /// [MQTT-3.3.1-6]. It counts more than what is there, whatever `stamp` says. True: the first change since [`Self::changes`].
    ///
    /// # Errors
    /// [`NotKept`] when it passes a limit; the message before it stays.
    pub fn store(&mut self, message: &Message, stamp: Stamp, now: Time) -> Result<bool, NotKept> {
        // What is below `$SYS` is about one node, and no other one has it.
        let stamp = if is_system(message.topic()) { Stamp::LOCAL } else { stamp };
        if message.payload().is_empty() {
            return Ok(self.forget(message.topic(), stamp, now));
        }
        let before = self.room_for(message)?;
        self.share_for(message, before)?;
        Ok(self.keep(message, stamp, now))
    }

    /// What this node writes of itself: no more than it has topics for, and no limit of its clients stops it.
    pub fn store_own(&mut self, message: &Message, now: Time) {
        if message.payload().is_empty() {
            self.take_out(message.topic());
        } else {
            self.keep(message, Stamp::LOCAL, now);
        }
    }

    fn keep(&mut self, message: &Message, stamp: Stamp, now: Time) -> bool {
        let kept = match (message.expires_at(), self.limits.expiry) {
            (None, Some(life)) => message.clone().with_expiry(now + life),
            _ => message.clone(),
        };
        let number = if stamp.is_shared() { self.number() } else { 0 };
        let (topic, stamp) = self.above(message.topic(), stamp);
        let bytes = u32::try_from(cost(&kept)).unwrap_or(u32::MAX);
        self.put(&topic, kept, (stamp, number));
        self.note(topic, stamp, bytes)
    }

    /// The number of the next write of this node; 0 before they are numbered.
    fn number(&mut self) -> u64 {
        self.numbers.as_mut().map_or(0, |(_, last)| {
            *last += 1;
            *last
        })
    }

    /// Forgets the message of `topic`. True as in [`Self::store`].
    pub fn forget(&mut self, topic: &str, stamp: Stamp, now: Time) -> bool {
        if !self.shared || !stamp.is_shared() {
            self.take_out(topic);
            return false;
        }
        let (topic, stamp) = self.above(topic, stamp);
        self.bury(&topic, stamp, now + GONE_LIFE);
        self.note(topic, stamp, 64)
    }

    /// What was written at another node. `was_here`: this message was in this table at one time, or something newer.
    pub fn merge(&mut self, entry: Entry, was_here: bool, now: Time) -> Merged {
        let Entry { topic, stamp, content, number } = entry;
        let have = self.stamp_of(&topic);
        if have.is_some_and(|have| have >= stamp) {
            return Merged::Older;
        }
        match content {
            Content::Message(_) if was_here => return Merged::Deleted,
            Content::Message(message) if !message.is_expired(now) => {
                if let Err(reason) = self.room_for(&message) {
                    return Merged::Refused(reason);
                }
                self.put(&topic, message, (stamp, number));
            }
            Content::Message(_) if !stamp.is_shared() => return Merged::Older,
            Content::Message(_) => self.bury(&topic, stamp, now + GONE_LIFE),
            Content::Gone(until) if until <= now && have.is_none() => return Merged::Older,
            Content::Gone(until) => self.bury(&topic, stamp, until),
        }
        Merged::Taken
    }

    /// Whether there is room for it; returns what the message before it takes.
    fn room_for(&self, message: &Message) -> Result<Option<usize>, NotKept> {
        let (size, limits) = (message.payload().len(), &self.limits);
        if size > limits.max_payload {
            return Err(NotKept::Payload { size, limit: limits.max_payload });
        }
        if self.shared && message.size() > SHARED_MAX {
            return Err(NotKept::Payload { size, limit: SHARED_MAX });
        }
        let before = self.messages.get(message.topic()).map(|kept| cost(&kept.message));
        let (have, limit) = if is_system(message.topic()) {
            (self.system, SYSTEM_MAX)
        } else {
            (self.messages.len() - self.system, limits.max_messages)
        };
        if before.is_none() && limit != 0 && have >= limit {
            return Err(NotKept::Messages { limit });
        }
        let bytes = self.bytes - before.unwrap_or(0) + cost(message);
        if limits.max_memory != 0 && bytes > limits.max_memory {
            return Err(NotKept::Memory { limit: limits.max_memory });
        }
        Ok(before)
    }

    /// Whether its session leaves others enough of the room. What takes no more than `before` always has its place.
    fn share_for(&self, message: &Message, before: Option<usize>) -> Result<(), NotKept> {
        if message.publisher() == 0 || is_system(message.topic()) {
            return Ok(());
        }
        let (limits, share) = (&self.limits, self.shares.of(message.publisher()));
        let spent = |have: usize, least: usize, (all, taken): (usize, usize)| {
            all != 0
                && have >= least
                && shares::is_spent(have, all.saturating_sub(taken), limits.session_share)
        };
        let messages = (limits.max_messages, self.messages.len() - self.system);
        let many = before.is_none() && spent(share.messages, LEAST.messages, messages);
        let grows = cost(message) > before.unwrap_or(0);
        if many || (grows && spent(share.bytes, LEAST.bytes, (limits.max_memory, self.bytes))) {
            return Err(NotKept::Share { limit: limits.session_share });
        }
        Ok(())
    }

    fn stamp_of(&self, topic: &str) -> Option<Stamp> {
        let kept = self.messages.get(topic).map(|kept| kept.stamp);
        kept.or_else(|| self.gone.get(topic).map(|(_, gone)| gone.stamp))
    }

    /// The topic as it is held here, and a stamp above what it has, or had as far as that may be forgotten.
    fn above(&self, topic: &str, stamp: Stamp) -> (Arc<str>, Stamp) {
        let (held, have) = match self.messages.get_key_value(topic) {
            Some((held, kept)) => (held.clone(), kept.stamp),
            None if self.gone.is_empty() => (Arc::from(topic), Stamp::LOCAL),
            None => match self.gone.get(topic) {
                Some((held, gone)) => (held.clone(), gone.stamp),
                None => (Arc::from(topic), Stamp::LOCAL),
            },
        };
        let shared = self.shared && stamp.is_shared();
        let mut hlc = if shared { stamp.hlc.max(have.hlc.saturating_add(1)) } else { 0 };
        if shared && self.highest_forgotten >= hlc {
            let forgotten = self.forgotten.get(bucket(hash(topic))).copied().unwrap_or(0);
            hlc = hlc.max(forgotten.saturating_add(1));
        }
        (held, Stamp { hlc, ..stamp })
    }

    fn count(&mut self, hash: u64, stamp: Stamp, add: bool) {
        if let Some(sum) = self.sums.get_mut(bucket(hash)).filter(|_| stamp.is_shared()) {
            let term = term(hash, stamp);
            *sum = if add { sum.wrapping_add(term) } else { sum.wrapping_sub(term) };
        }
    }

    fn put(&mut self, topic: &Arc<str>, message: Message, (stamp, number): (Stamp, u64)) {
        self.bytes += cost(&message);
        self.shares.add(message.publisher(), cost(&message));
        if let Some(old) = self.messages.get_mut(topic) {
            self.bytes -= cost(&old.message);
            self.shares.take(old.message.publisher(), cost(&old.message));
            let before = old.stamp;
            let shared = stamp.is_shared() && !before.is_shared();
            let hash = if shared { hash(topic) } else { old.hash };
            *old = Kept { message, stamp, hash, number };
            self.count(hash, before, false);
            return self.count(hash, stamp, true);
        }
        if !self.gone.is_empty() {
            self.dig_up(topic);
        }
        let hash = if stamp.is_shared() { hash(topic) } else { 0 };
        self.system += usize::from(is_system(topic));
        self.messages.insert(topic.clone(), Kept { message, stamp, hash, number });
        self.count(hash, stamp, true);
    }

    fn take_out(&mut self, topic: &str) {
        let Some(kept) = self.messages.remove(topic) else { return };
        self.bytes -= cost(&kept.message);
        self.shares.take(kept.message.publisher(), cost(&kept.message));
        self.system -= usize::from(is_system(topic));
        self.count(kept.hash, kept.stamp, false);
    }

    fn bury(&mut self, topic: &Arc<str>, stamp: Stamp, until: Time) {
        self.take_out(topic);
        self.dig_up(topic);
        let hash = hash(topic);
        self.gone.bury(topic, Gone { stamp, until, hash });
        self.count(hash, stamp, true);
        while let Some(gone) = self.gone.over() {
            self.forget_gone(gone);
        }
    }

    fn forget_gone(&mut self, gone: Gone) {
        self.count(gone.hash, gone.stamp, false);
        self.highest_forgotten = self.highest_forgotten.max(gone.stamp.hlc);
        if let Some(forgotten) = self.forgotten.get_mut(bucket(gone.hash)) {
            *forgotten = gone.stamp.hlc.max(*forgotten);
        }
    }

    fn dig_up(&mut self, topic: &str) {
        if let Some(gone) = self.gone.dig_up(topic) {
            self.count(gone.hash, gone.stamp, false);
        }
    }

    fn note(&mut self, topic: Arc<str>, stamp: Stamp, bytes: u32) -> bool {
        if !stamp.is_shared() || !self.told {
            return false;
        }
        let first = self.changes.topics.is_empty();
        if self.changes.topics.len() < CHANGES_MAX {
            self.changes.topics.push((topic, bytes));
        } else {
            self.changes.lost = true;
        }
        first
    }

    /// Another node has a message with `stamp` that was deleted here: what is here of its topic, a later message or nothing, is
    /// written again above it by `node`, which is this one. Returns true as [`Self::store`] does, and what others are to know.
    pub fn outdo(
        &mut self,
        topic: &Arc<str>,
        stamp: Stamp,
        node: [u8; 16],
        now: Time,
    ) -> (bool, Entry) {
        let stamp = stamp.after(node);
        let Some(kept) = self.messages.get(topic) else {
            let until = now + GONE_LIFE;
            self.bury(topic, stamp, until);
            let content = Content::Gone(until);
            let entry = Entry { topic: topic.clone(), stamp, content, number: 0 };
            return (self.note(topic.clone(), stamp, 64), entry);
        };
        let message = kept.message.clone();
        let bytes = u32::try_from(cost(&message)).unwrap_or(u32::MAX);
        let (number, content) = (self.number(), Content::Message(message.clone()));
        self.put(topic, message, (stamp, number));
        let entry = Entry { topic: topic.clone(), stamp, content, number };
        (self.note(topic.clone(), stamp, bytes), entry)
    }

    /// The topics written here since the last call.
    pub fn changes(&mut self) -> Changes {
        std::mem::take(&mut self.changes)
    }

    /// What is here of a topic that other nodes have too.
    #[must_use]
    pub fn entry(&self, topic: &str) -> Option<Entry> {
        if let Some((topic, kept)) = self.messages.get_key_value(topic) {
            return kept.stamp.is_shared().then(|| kept.entry(topic));
        }
        self.gone.get(topic).map(|(topic, gone)| gone.entry(topic))
    }

    /// Entries of the buckets that `wanted` names, from `from` on: about `bytes` of them, of at most `look` looked at. Returns
    /// where to go on.
    pub fn piece(
        &self,
        wanted: impl Fn(usize) -> bool,
        from: Cursor,
        most: (usize, usize),
        out: &mut Vec<Entry>,
    ) -> Option<Cursor> {
        let shared = |_: &str, kept: &Kept| kept.stamp.is_shared() && wanted(bucket(kept.hash));
        self.walk((shared, |gone: &Gone| wanted(bucket(gone.hash))), from, most, out)
    }

    /// As [`Self::piece`], of all that clients have written, whether other nodes have it too or not.
    pub fn piece_of_all(
        &self,
        from: Cursor,
        most: (usize, usize),
        out: &mut Vec<Entry>,
    ) -> Option<Cursor> {
        self.walk((|topic: &str, _: &Kept| !is_of_node(topic), |_: &Gone| true), from, most, out)
    }

    fn walk(
        &self,
        (is_wanted, is_wanted_gone): (impl Fn(&str, &Kept) -> bool, impl Fn(&Gone) -> bool),
        from: Cursor,
        (bytes, look): (usize, usize),
        out: &mut Vec<Entry>,
    ) -> Option<Cursor> {
        let (mut size, mut seen) = (0, 0);
        let mut gone_from = None;
        match from {
            Cursor::Gone(after) => gone_from = after,
            Cursor::Messages(after) => {
                let mut last = after;
                let from = last.clone();
                for (topic, kept) in
                    self.messages.range::<str, _>((behind(&from), Bound::Unbounded))
                {
                    if size >= bytes || seen >= look {
                        return Some(Cursor::Messages(last));
                    }
                    seen += 1;
                    last = Some(topic.clone());
                    if is_wanted(topic, kept) {
                        size += cost(&kept.message);
                        out.push(kept.entry(topic));
                    }
                }
            }
        }
        let mut last = gone_from.clone();
        for (topic, gone) in self.gone.from(&gone_from) {
            if size >= bytes || seen >= look {
                return Some(Cursor::Gone(last));
            }
            seen += 1;
            last = Some(topic.clone());
            if is_wanted_gone(gone) {
                size += topic.len() + 40;
                out.push(gone.entry(topic));
            }
        }
        None
    }

    /// At most `most` topics of messages behind `after`.
    #[must_use]
    pub fn topics(&self, after: Option<&str>, most: usize) -> Vec<Arc<str>> {
        let from = after.map_or(Bound::Unbounded, Bound::Excluded);
        let all = self.messages.range::<str, _>((from, Bound::Unbounded));
        all.take(most).map(|(topic, _)| topic.clone()).collect()
    }

    /// Forgets what has expired, and old deletions; a step of at most `most` messages from `after` on. Returns where to go on.
    pub fn sweep(&mut self, now: Time, after: Option<&str>, most: usize) -> Option<Arc<str>> {
        for _ in 0..most {
            let Some(gone) = self.gone.expired(now) else { break };
            self.forget_gone(gone);
        }
        let from = after.map_or(Bound::Unbounded, Bound::Excluded);
        let (mut expired, mut seen, mut last) = (Vec::new(), 0, None);
        for (topic, kept) in self.messages.range::<str, _>((from, Bound::Unbounded)).take(most) {
            seen += 1;
            last = Some(topic);
            if kept.message.is_expired(now) {
                expired.push((topic.clone(), kept.stamp));
            }
        }
        let last = last.filter(|_| seen == most).cloned();
        for (topic, stamp) in expired {
            if stamp.is_shared() {
                self.bury(&topic, stamp, now + GONE_LIFE);
            } else {
                self.take_out(&topic);
            }
        }
        last
    }

    /// Pushes a portion of the messages that `filter` matches and that come after the topic `after`. At least one topic is looked at.
    pub fn matching(
        &self,
        filter: &TopicFilter,
        after: Option<&str>,
        portion: Portion,
        out: &mut Vec<Message>,
    ) -> Searched {
        let Portion { most, bytes, look } = portion;
        if !filter.has_wildcard() {
            let found = self.messages.get(filter.as_str()).filter(|_| after.is_none());
            out.extend(found.map(|kept| kept.message.clone()));
            return Searched { looked: 1, after: None };
        }
        let prefix = literal_prefix(filter.as_str());
        let mut from: Bound<Box<str>> = match after {
            Some(topic) if topic >= prefix => Bound::Excluded(topic.into()),
            _ => Bound::Included(prefix.into()),
        };
        let (mut taken, mut size, mut looked, mut last) = (0, 0, 0, None);
        // `sport/#` also matches `sport` itself [MQTT-4.7.1-2], which stands before the stretch of `sport/`.
        if after.is_none()
            && let Some(parent) = filter.as_str().strip_suffix("/#")
            && let Some((topic, kept)) = self.messages.get_key_value(parent)
        {
            out.push(kept.message.clone());
            (taken, size, looked, last) = (1, kept.message.size(), 1, Some(topic));
        }
        loop {
            let mut jump = None;
            for (topic, kept) in self.messages.range::<str, _>((as_ref(&from), Bound::Unbounded)) {
                if !topic.starts_with(prefix) {
                    return Searched { looked, after: None };
                }
                let full = taken >= most || size >= bytes || looked >= look;
                if full && let Some(last) = last {
                    return Searched { looked, after: Some(Arc::clone(last)) };
                }
                (looked, last) = (looked + 1, Some(topic));
                let Ok(name) = TopicName::parse(topic) else { continue };
                if filter.matches(name) {
                    out.push(kept.message.clone());
                    taken += 1;
                    size += kept.message.size();
                } else if let Some(next) = beyond(filter.as_str(), topic) {
                    jump = Some(next);
                    break;
                }
            }
            match jump {
                None => return Searched { looked, after: None },
                Some(next) => from = Bound::Included(next.into()),
            }
        }
    }
}

impl Kept {
    fn entry(&self, topic: &Arc<str>) -> Entry {
        let content = Content::Message(self.message.clone());
        Entry { topic: topic.clone(), stamp: self.stamp, content, number: self.number }
    }
}

fn behind(after: &Option<Arc<str>>) -> Bound<&str> {
    after.as_deref().map_or(Bound::Unbounded, Bound::Excluded)
}

fn as_ref(bound: &Bound<Box<str>>) -> Bound<&str> {
    match bound {
        Bound::Included(text) => Bound::Included(text),
        Bound::Excluded(text) => Bound::Excluded(text),
        Bound::Unbounded => Bound::Unbounded,
    }
}

/// The levels of `filter` before its first wildcard, with the slash.
fn literal_prefix(filter: &str) -> &str {
    let end = filter.find(['+', '#']).unwrap_or(filter.len());
    filter.get(..end).unwrap_or("")
}

/// Given a `topic` that `filter` does not match: the least topic behind it that could. `None` when that may be the very next.
fn beyond(filter: &str, topic: &str) -> Option<String> {
    // Never back, whatever comes of it: the search would not end.
    least_that_could(filter, topic).filter(|next| next.as_str() > topic)
}

fn least_that_could(filter: &str, topic: &str) -> Option<String> {
    let mut at = 0;
    let (mut wanted, mut got) = (filter.split('/'), topic.split('/'));
    loop {
        match (wanted.next(), got.next()) {
            (Some("#"), _) | (None, None) | (Some(_), None) => return None,
            // Too deep: skip everything below the level that ends the filter.
            (None, Some(_)) => {
                let parent = topic.get(..at.min(topic.len()).saturating_sub(1))?;
                return Some(format!("{parent}0"));
            }
            (Some("+"), Some(level)) => at += level.len() + 1,
            (Some(want), Some(level)) if want == level => at += level.len() + 1,
            (Some(want), Some(_)) => {
                let head = topic.get(..at)?;
                // By bytes, as topics are ordered: `a-/x` stands before `a/x`, whatever the order of their levels.
                return match (format!("{head}{want}"), format!("{head}{want}/")) {
                    (one, _) if topic < one.as_str() => Some(one),
                    (_, below) if topic < below.as_str() => Some(below),
                    // Behind all of the wanted level: leave the whole parent ('0' follows '/').
                    _ if at == 0 => None,
                    _ => Some(format!("{}0", head.get(..at - 1)?)),
                };
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::{broker::message::Meta, mqtt::QoS};

    fn message(topic: &str, payload: &[u8]) -> Message {
        let meta = Meta { qos: QoS::AtMostOnce, retain: true, expires_at: None, publisher: 0 };
        Message::new(topic, &[], payload, meta)
    }

    fn found(store: &Retained, filter: &str, portion: usize) -> Vec<String> {
        found_in(store, filter, Portion { most: portion, bytes: usize::MAX, look: usize::MAX })
    }

    fn found_in(store: &Retained, filter: &str, portion: Portion) -> Vec<String> {
        let filter = TopicFilter::parse(filter).unwrap();
        let (mut all, mut after) = (Vec::new(), None);
        loop {
            let mut out = Vec::new();
            let searched = store.matching(&filter, after.as_deref(), portion, &mut out);
            assert!(out.len() <= portion.most);
            assert!(searched.looked <= portion.look);
            let size: usize = out.iter().map(Message::size).sum();
            assert!(size - out.last().map_or(0, Message::size) < portion.bytes);
            all.extend(out.iter().map(|m| m.topic().to_owned()));
            if searched.after.is_none() {
                all.sort();
                return all;
            }
            assert!(searched.after > after, "it comes on");
            after = searched.after;
        }
    }

    #[test]
    fn a_search_that_finds_nothing_looks_at_few_topics_at_a_time() {
        let mut store = Retained::default();
        for n in 0..2000 {
            let one = message(&format!("dev{n:06}/state"), b"x");
            store.store(&one, Stamp::LOCAL, Time::ZERO).unwrap();
        }
        let portion = Portion { most: 10, bytes: usize::MAX, look: 100 };
        for filter in ["+/none", "+/state/b", "+/+/x", "+/state/+/+"] {
            let (wanted, mut out) = (TopicFilter::parse(filter).unwrap(), Vec::new());
            let first = store.matching(&wanted, None, portion, &mut out);
            assert_eq!((first.looked, out.len()), (100, 0), "{filter}");
            assert!(first.after.is_some());
            assert_eq!(found_in(&store, filter, portion), [""; 0]);
        }
        assert_eq!(found_in(&store, "+/state", portion).len(), 2000);
    }

    #[test]
    fn an_empty_payload_forgets() {
        let mut store = Retained::default();
        store.store(&message("a", b"1"), Stamp::LOCAL, Time::ZERO).unwrap();
        store.store(&message("a", b"22"), Stamp::LOCAL, Time::ZERO).unwrap();
        assert_eq!((store.len(), found(&store, "a", 10)), (1, vec!["a".to_owned()]));
        store.store(&message("a", b""), Stamp::LOCAL, Time::ZERO).unwrap();
        assert_eq!((store.len(), store.bytes()), (0, 0));
    }

    #[test]
    fn limits_refuse_and_keep_what_is_there() {
        let limits =
            RetainSettings { max_messages: 1, max_payload: 3, ..RetainSettings::default() };
        let mut store = Retained::new(limits, false);
        store.store(&message("a", b"1"), stamp(1, 1), Time::ZERO).unwrap();
        assert!(matches!(
            store.store(&message("b", b"1"), stamp(1, 1), Time::ZERO),
            Err(NotKept::Messages { .. })
        ));
        assert!(matches!(
            store.store(&message("a", b"1234"), stamp(1, 1), Time::ZERO),
            Err(NotKept::Payload { .. })
        ));
        store.store(&message("a", b"2"), stamp(1, 1), Time::ZERO).unwrap();
        assert_eq!(store.len(), 1);
    }

    fn message_of(publisher: u64, topic: &str, payload: &[u8]) -> Message {
        let meta = Meta { qos: QoS::AtMostOnce, retain: true, expires_at: None, publisher };
        Message::new(topic, &[], payload, meta)
    }

    #[test]
    fn who_has_most_of_the_room_leaves_some_to_the_others() {
        const ALL: usize = 10_000;
        let limits = RetainSettings { max_messages: ALL, ..RetainSettings::default() };
        let mut store = Retained::new(limits.clone(), false);
        let fill = |store: &mut Retained, publisher: u64| {
            let kept = |n: &usize| {
                let one = message_of(publisher, &format!("{publisher}/{n}"), b"x");
                store.store(&one, Stamp::LOCAL, Time::ZERO).is_ok()
            };
            (0..ALL).take_while(kept).count()
        };
        assert_eq!(fill(&mut store, 1), ALL * 8 / 10, "alone");
        assert_eq!(fill(&mut store, 2), 1600, "four fifths of what the first one left");
        let refused = store.store(&message_of(1, "1/more", b"x"), Stamp::LOCAL, Time::ZERO);
        assert_eq!(refused, Err(NotKept::Share { limit: 80 }));
        assert!(
            store.store(&message_of(1, "2/0", b"x"), Stamp::LOCAL, Time::ZERO).is_ok(),
            "no new place"
        );
        assert!(store.store(&message_of(3, "3", b"x"), Stamp::LOCAL, Time::ZERO).is_ok());
        assert_eq!(fill(&mut store, 0), 399, "the node itself takes what there is");
        store.set_limits(RetainSettings { session_share: 100, max_messages: 2 * ALL, ..limits });
        assert!(store.store(&message_of(1, "1/more", b"x"), Stamp::LOCAL, Time::ZERO).is_ok());
        for topic in store.topics(None, usize::MAX) {
            store.forget(&topic, Stamp::LOCAL, Time::ZERO);
        }
        assert!(store.is_empty() && store.shares.is_empty());
    }

    #[test]
    fn few_large_messages_of_one_session_leave_room_too() {
        let limits = RetainSettings { max_memory: 10 << 20, ..RetainSettings::default() };
        let mut store = Retained::new(limits, false);
        let large = vec![0; 500_000];
        let mut kept = |publisher: u64, topic: &str, payload: &[u8]| {
            let one = message_of(publisher, topic, payload);
            store.store(&one, Stamp::LOCAL, Time::ZERO).is_ok()
        };
        let count = (0..100).take_while(|n| kept(1, &format!("1/{n}"), &large)).count();
        assert!((16..=18).contains(&count), "{count} of 21");
        assert!(!kept(1, "1/0", &vec![0; 600_000]), "larger than before");
        assert!(kept(1, "1/0", &vec![0; 400_000]), "smaller");
        assert!(kept(2, "2", &large));
    }

    #[test]
    fn expired_messages_are_swept_in_steps() {
        let mut store = Retained::default();
        for n in 0..10 {
            let old = message(&format!("t/{n}"), b"x").with_expiry(Time::from_ms(n));
            store.store(&old, Stamp::LOCAL, Time::ZERO).unwrap();
        }
        let mut after = None;
        loop {
            after = store.sweep(Time::from_ms(4), after.as_deref(), 3);
            if after.is_none() {
                break;
            }
        }
        assert_eq!(store.len(), 5);
    }

    const DAY: u64 = 24 * 3600 * 1000;

    fn stamp(hlc: u64, node: u8) -> Stamp {
        Stamp { hlc, node: [node; 16] }
    }

    fn shared() -> Retained {
        let mut copy = Retained::new(RetainSettings::default(), true);
        copy.set_told(true);
        copy
    }

    fn entry(topic: &str, at: Stamp, payload: Option<&[u8]>) -> Entry {
        let content = match payload {
            Some(payload) => Content::Message(message(topic, payload)),
            None => Content::Gone(Time::from_ms(DAY)),
        };
        Entry { topic: topic.into(), stamp: at, content, number: 0 }
    }

    /// What a copy holds, and that its sums are those of what it holds.
    fn held(store: &Retained) -> Vec<(Arc<str>, Stamp, Option<Vec<u8>>)> {
        let mut out = Vec::new();
        assert!(
            store
                .piece(|_| true, Cursor::Messages(None), (usize::MAX, usize::MAX), &mut out)
                .is_none()
        );
        let (mut sums, mut bytes) = (Box::new([0_u64; BUCKETS]), 0);
        let mut all = Vec::new();
        for one in out {
            let hash = hash(&one.topic);
            sums[bucket(hash)] = sums[bucket(hash)].wrapping_add(term(hash, one.stamp));
            let payload = match one.content {
                Content::Message(message) => {
                    bytes += cost(&message);
                    Some(message.payload().to_vec())
                }
                Content::Gone(_) => None,
            };
            all.push((one.topic, one.stamp, payload));
        }
        assert!((&*sums, bytes) == (store.sums(), store.bytes()), "sums or bytes are wrong");
        all.sort();
        all
    }

    /// A throw of dice from a seed.
    fn dice(state: &mut u64, end: u64) -> u64 {
        *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        spread(*state) % end
    }

    /// A million writes and deletions of a thousand topics by five nodes, in three orders: the copies are equal.
    #[test]
    fn the_order_of_arrival_does_not_matter() {
        let mut seed = 5;
        let mut writes: Vec<(u64, u64, u8, bool)> = (0..340_000)
            .map(|_| {
                let (topic, hlc) = (dice(&mut seed, 1000), 1 + dice(&mut seed, 1 << 20));
                let node = u8::try_from(dice(&mut seed, 5)).unwrap();
                (topic, hlc, node, spread(topic ^ hlc << 20 ^ u64::from(node)).is_multiple_of(4))
            })
            .collect();
        let mut copies = Vec::new();
        for _ in 0..3 {
            let mut copy = shared();
            for &(topic, hlc, node, delete) in &writes {
                let payload = hlc.to_be_bytes();
                let payload = (!delete).then_some(&payload[..]);
                let one = entry(&format!("t/{topic}"), stamp(hlc, node), payload);
                copy.merge(one, false, Time::ZERO);
            }
            copies.push(held(&copy));
            for at in (1..writes.len()).rev() {
                writes.swap(at, usize::try_from(dice(&mut seed, at as u64 + 1)).unwrap());
            }
        }
        assert_eq!(copies[0].len(), 1000);
        assert!(
            copies[0].iter().any(|one| one.2.is_none())
                && copies[0].iter().any(|one| one.2.is_some())
        );
        assert_eq!(copies[0], copies[1]);
        assert_eq!(copies[0], copies[2]);
    }

    #[test]
    fn a_write_here_counts_more_than_what_is_here() {
        let mut copy = shared();
        copy.merge(entry("a", stamp(900, 9), Some(b"far ahead")), false, Time::ZERO);
        assert!(copy.store(&message("a", b"now"), stamp(5, 1), Time::ZERO).unwrap());
        assert_eq!(copy.entry("a").unwrap().stamp, stamp(901, 1));
        assert!(!copy.forget("a", stamp(6, 1), Time::ZERO), "the mesh knows already");
        assert_eq!(copy.entry("a").unwrap().stamp, stamp(902, 1));
        let changes = copy.changes();
        assert_eq!((changes.topics.len(), changes.lost), (2, false));
        held(&copy);
    }

    #[test]
    fn what_is_deleted_stays_so_and_what_has_expired_too() {
        let mut copy = shared();
        let at = Time::from_ms;
        copy.store(&message("a", b"1"), stamp(10, 1), at(0)).unwrap();
        copy.store(&message("a", b""), stamp(11, 1), at(0)).unwrap();
        copy.store(&message("b", b"1").with_expiry(at(50)), stamp(20, 1), at(0)).unwrap();
        copy.sweep(at(50), None, 10);
        for topic in ["a", "b"] {
            let late = entry(topic, stamp(9, 2), Some(b"old"));
            assert_eq!(copy.merge(late, false, at(60)), Merged::Older, "{topic}");
        }
        assert_eq!((copy.len(), copy.gone()), (0, 2));
        copy.sweep(at(DAY + 60), None, 10);
        assert_eq!((copy.gone(), held(&copy).len()), (0, 0));
        // A day later only that it was here once tells.
        let late = || entry("a", stamp(9, 2), Some(b"old"));
        assert_eq!(copy.merge(late(), true, at(DAY + 60)), Merged::Deleted);
        copy.outdo(&late().topic, late().stamp, [1; 16], at(DAY + 60));
        assert_eq!(copy.entry("a").unwrap().stamp, stamp(10, 1));
        assert_eq!(
            copy.merge(entry("c", stamp(3, 2), Some(b"of a third node")), false, at(DAY + 60)),
            Merged::Taken
        );
        held(&copy);
    }

    #[test]
    fn pieces_bring_everything_once() {
        let mut copy = shared();
        for n in 0..500 {
            let topic = format!("t/{n}");
            copy.store(&message(&topic, b"x"), stamp(n + 1, 1), Time::ZERO).unwrap();
            if n % 3 == 0 {
                copy.forget(&topic, stamp(n + 1, 1), Time::ZERO);
            }
        }
        let mut half: Vec<_> = held(&copy).into_iter().map(|one| one.0).collect();
        half.retain(|topic| bucket(hash(topic)) < 512);
        copy.store(&message("$SYS/x", b"x"), Stamp::LOCAL, Time::ZERO).unwrap();
        let (mut from, mut out, mut pieces) = (Some(Cursor::Messages(None)), Vec::new(), 0);
        while let Some(at) = from {
            from = copy.piece(|bucket| bucket < 512, at, (1000, 20), &mut out);
            pieces += 1;
        }
        assert!(pieces > 20);
        let mut got: Vec<_> = out.into_iter().map(|one| one.topic).collect();
        got.sort();
        assert_eq!(got, half);
    }

    #[test]
    fn what_is_below_sys_stays_on_its_node_and_is_bounded() {
        let mut copy = shared();
        for n in 0..SYSTEM_MAX {
            let of_node = message(&format!("$SYS/{n}"), b"x");
            assert!(!copy.store(&of_node, stamp(5, 1), Time::ZERO).unwrap(), "nobody is told");
        }
        let one_more = message("$SYS/more", b"x");
        let refused = copy.store(&one_more, stamp(5, 1), Time::ZERO);
        assert_eq!(refused, Err(NotKept::Messages { limit: SYSTEM_MAX }));
        assert_eq!((copy.digest(), copy.changes().topics.len()), (shared().digest(), 0));
        copy.store_own(&one_more, Time::ZERO);
        copy.store(&message("$SYS/1", b""), stamp(6, 1), Time::ZERO).unwrap();
        assert_eq!((copy.len(), copy.gone()), (SYSTEM_MAX, 0));
    }

    /// More deletions than are remembered, in two orders: the same are forgotten.
    #[test]
    fn copies_forget_the_same_deletions() {
        let deletion = |n: usize| entry(&format!("t/{n}"), stamp(n as u64 + 1, 1), None);
        let (mut one, mut other) = (shared(), shared());
        let most = deletions::GONE_MAX + 500;
        for n in 0..most {
            one.merge(deletion(n), false, Time::ZERO);
            other.merge(deletion(n * 7 % most), false, Time::ZERO);
        }
        assert_ne!(most % 7, 0);
        assert_eq!((one.gone(), one.forgotten_early()), (deletions::GONE_MAX, 500));
        assert_eq!(held(&one), held(&other));
    }

    proptest! {
        #[test]
        fn a_search_finds_what_a_plain_walk_finds(
            topics in prop::collection::btree_set("[ab$0-]{0,2}(/[abc-]{0,2}){0,3}", 0..40),
            filter in "([ab0-]{0,2}|\\+)(/([abc-]{0,2}|\\+)){0,3}(/#)?",
            portion in 1_usize..5,
            bytes in 1_usize..400,
            look in 1_usize..6,
        ) {
            let mut store = Retained::default();
            let topics: Vec<_> = topics.into_iter().filter(|t| TopicName::parse(t).is_ok()).collect();
            for topic in &topics {
                store.store(&message(topic, b"x"), Stamp::LOCAL, Time::ZERO).unwrap();
            }
            let Ok(wanted) = TopicFilter::parse(&filter) else { return Ok(()) };
            let want: Vec<_> = topics.iter()
                .filter(|t| wanted.matches(TopicName::parse(t).unwrap())).cloned().collect();
            let portion = Portion { most: portion, bytes, look };
            prop_assert_eq!(found_in(&store, &filter, portion), want);
        }
    }
}
