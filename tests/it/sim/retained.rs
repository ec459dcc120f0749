//! Retained messages in the world: the tables of the nodes, what is written to them, and that they end equal (invariant 7).

use std::{collections::BTreeMap, time::Duration};

use emqx_rs::{
    broker::{
        Message, RetainSettings,
        message::Meta,
        retained::{Content, Cursor, Entry, GONE_LIFE, Merged, Retained},
    },
    cluster::{
        Input, LinkId, NodeId,
        retained::RetainedStep,
        wire::{Buckets, Frame, RetainedEntry, RetainedFrame, Sums, delta_frames, snap_frames},
    },
    mqtt::QoS,
    time::{Stamp, Time},
    topic::hashing::{bucket, topic_hash},
};

use super::{faults::Fault, world::World};

/// Topics in a world; few, so that nodes write the same.
const TOPICS: u64 = 40;

/// The tables, by node.
#[derive(Debug, Default)]
pub(crate) struct Tables {
    tables: BTreeMap<usize, Retained>,
    /// The highest write of each topic that a node took, and whether it deleted.
    newest: BTreeMap<String, (Stamp, Option<Vec<u8>>)>,
    /// Pieces of copies that were sent.
    pieces: u64,
}

fn message(topic: &str, payload: &[u8], expires_at: Option<Time>) -> Message {
    let meta = Meta { qos: QoS::AtMostOnce, retain: true, expires_at, publisher: 0 };
    Message::new(topic, &[], payload, meta)
}

impl World {
    pub(super) fn begin_retained(&mut self, number: usize) {
        let mut table = Retained::new(RetainSettings::default(), true);
        table.set_told(true);
        table.begin(self.born(number));
        self.retained.tables.insert(number, table);
    }

    pub(crate) fn limit_retained(&mut self, number: usize, limits: RetainSettings) {
        self.retained.tables.get_mut(&number).unwrap().set_limits(limits);
    }

    /// Pieces of copies that nodes sent to each other so far.
    pub(crate) const fn pieces(&self) -> u64 {
        self.retained.pieces
    }

    /// Writes and deletes at a node that runs.
    pub(crate) fn retain_some(&mut self, number: usize) {
        for _ in 0..=self.dice.below(4) {
            let topic = format!("r/{}", self.dice.below(TOPICS));
            let deletes = self.dice.below(3) == 0;
            let payload = self.dice.below(u64::MAX).to_be_bytes();
            self.retain(number, &topic, (!deletes).then_some(&payload[..]));
        }
    }

    /// `None` deletes.
    pub(crate) fn retain(&mut self, number: usize, topic: &str, payload: Option<&[u8]>) {
        let Some(hlc) = self.tick_of(number) else { return };
        let (now, node) = (Time::from_ms(self.now()), self.node_id_of(number));
        let stamp = Stamp { hlc, node: node.0 };
        let message = message(topic, payload.unwrap_or_default(), None);
        match self.fault {
            // The message goes and leaves nothing behind.
            Some(Fault::NoTombstones) if payload.is_none() => self.rebuild(number, topic),
            Some(Fault::ForgetStamps) => self.rebuild(number, ""),
            Some(_) | None => {}
        }
        let bare = payload.is_none() && self.has(Fault::NoTombstones);
        let table = self.retained.tables.get_mut(&number).unwrap();
        if !bare {
            table.store(&message, stamp, now).unwrap();
        }
        let table = self.retained.tables.get_mut(&number).unwrap();
        if let Some(entry) = table.entry(topic) {
            let newest = self.retained.newest.entry(topic.to_owned()).or_default();
            if newest.0 < entry.stamp {
                *newest = (entry.stamp, payload.map(<[u8]>::to_vec));
            }
        }
        let changes = table.changes();
        self.input(number, Input::RetainedChanged { topics: changes.topics, lost: changes.lost });
    }

    /// A table that holds the same except of one topic, and does not know what it held before.
    fn rebuild(&mut self, number: usize, but: &str) {
        let now = Time::from_ms(self.now());
        let table = self.retained.tables.get_mut(&number).unwrap();
        let mut bare = Retained::new(table.limits().clone(), true);
        bare.set_told(true);
        bare.begin(table.own().map_or(0, |(_, last)| last));
        let mut all = Vec::new();
        table.piece(|_| true, Cursor::Messages(None), (usize::MAX, usize::MAX), &mut all);
        for entry in all.into_iter().filter(|entry| &*entry.topic != but) {
            bare.merge(entry, false, now);
        }
        *table = bare;
    }

    pub(super) fn on_retained(
        &mut self,
        number: usize,
        link: LinkId,
        node: NodeId,
        step: RetainedStep,
    ) {
        let now = Time::from_ms(self.now());
        let by_arrival = self.fault == Some(Fault::MergeByArrival);
        let table = self.retained.tables.get_mut(&number).unwrap();
        let frames = match step {
            RetainedStep::SendSums { full, versions } => {
                let sums = Box::new(*table.sums());
                let sums = Sums { sums, own: table.own(), full, versions };
                vec![RetainedFrame::Sum(Box::new(sums))]
            }
            RetainedStep::Push(topics) => {
                let entries = topics.iter().filter_map(|topic| table.entry(topic));
                delta_frames(&entries.map(|entry| written(&entry, now)).collect::<Vec<_>>())
            }
            RetainedStep::Answer { buckets, from } => {
                // A small portion, so that answers go on while tables change.
                let cursor = match from.split_first() {
                    None => Cursor::Messages(None),
                    Some((kind, topic)) => {
                        let topic = std::str::from_utf8(topic).unwrap();
                        let after = (!topic.is_empty()).then(|| topic.into());
                        if *kind == 0 { Cursor::Messages(after) } else { Cursor::Gone(after) }
                    }
                };
                let mut found = Vec::new();
                let next =
                    table.piece(|bucket| buckets.contains(bucket), cursor, (600, 12), &mut found);
                let next = next.map_or_else(Vec::new, |next| {
                    let (kind, after) = match &next {
                        Cursor::Messages(after) => (0, after),
                        Cursor::Gone(after) => (1, after),
                    };
                    [&[kind], after.as_deref().unwrap_or_default().as_bytes()].concat()
                });
                let entries: Vec<_> = found.iter().map(|entry| written(entry, now)).collect();
                self.retained.pieces += 1;
                snap_frames(&next, &entries)
            }
            RetainedStep::Compare(theirs) => {
                let mut differ = Buckets::differing(table.sums(), &theirs);
                if self.fault == Some(Fault::AgreeAsAWhole) && !differ.is_empty() {
                    differ = Buckets::default().others();
                }
                return self.input(number, Input::RetainedCompared { node, differ });
            }
            RetainedStep::Merge(entries) => {
                return self.merge_retained((number, node), &entries, by_arrival);
            }
        };
        for frame in frames {
            self.send(number, link, Frame::Retained(frame));
        }
    }

    fn merge_retained(
        &mut self,
        (number, node): (usize, NodeId),
        entries: &[(RetainedEntry, bool)],
        by_arrival: bool,
    ) {
        let (now, me) = (Time::from_ms(self.now()), self.node_id_of(number).0);
        let table = self.retained.tables.get_mut(&number).unwrap();
        let (mut changed, mut deleted, mut full) = (false, Vec::new(), Vec::new());
        for (from, was_here) in entries {
            let mut entry = read(from, now);
            let (topic, stamp) = (entry.topic.clone(), entry.stamp);
            if by_arrival && let Some(have) = table.entry(&topic) {
                // As EMQX does: what comes last counts.
                entry.stamp = stamp.max(have.stamp.after(stamp.node));
            }
            match table.merge(entry, *was_here, now) {
                Merged::Deleted => {
                    let (first, later) = table.outdo(&topic, stamp, me, now);
                    changed |= first;
                    deleted.push(written(&later, now));
                    let payload = written(&later, now).body;
                    self.retained.newest.insert(topic.as_ref().to_owned(), (later.stamp, payload));
                }
                Merged::Refused(_) => full.push(bucket(topic_hash(&topic))),
                Merged::Taken | Merged::Older => {}
            }
        }
        if changed {
            let changes = table.changes();
            let input = Input::RetainedChanged { topics: changes.topics, lost: changes.lost };
            self.input(number, input);
        }
        if !deleted.is_empty() {
            let frames = delta_frames(&deleted);
            self.input(number, Input::RetainedDeleted { node, frames });
        }
        if !full.is_empty() {
            let buckets = full.into_iter().collect();
            self.input(number, Input::RetainedFull { node, buckets });
        }
    }

    /// Tables forget what is over.
    pub(crate) fn sweep_retained(&mut self) {
        let now = Time::from_ms(self.now());
        for table in self.retained.tables.values_mut() {
            table.sweep(now, None, usize::MAX);
        }
    }

    /// Nodes forget what was deleted, as if a day had passed.
    pub(crate) fn forget_deletions(&mut self, numbers: &[usize]) {
        let then = Time::from_ms(self.now()) + GONE_LIFE + Duration::from_secs(60);
        for number in numbers {
            self.retained.tables.get_mut(number).unwrap().sweep(then, None, usize::MAX);
        }
    }

    /// What a node holds: topics and payloads.
    pub(crate) fn retained_at(&self, number: usize) -> BTreeMap<String, Vec<u8>> {
        let mut out = Vec::new();
        let table = &self.retained.tables[&number];
        table.piece(|_| true, Cursor::Messages(None), (usize::MAX, usize::MAX), &mut out);
        let live = out.into_iter().filter_map(|entry| match entry.content {
            Content::Message(message) => {
                Some((entry.topic.as_ref().to_owned(), message.payload().to_vec()))
            }
            Content::Gone(_) => None,
        });
        live.collect()
    }

    /// All tables are equal, and hold the newest write of each topic as far as a node that lives took it.
    #[track_caller]
    pub(crate) fn assert_retained(&self, when: &str) {
        let seed = self.seed();
        let want: BTreeMap<_, _> = self
            .retained
            .newest
            .iter()
            .filter_map(|(topic, (_, payload))| Some((topic.clone(), payload.clone()?)))
            .collect();
        let first = self.retained_at(0);
        for number in self.retained.tables.keys() {
            let have = self.retained_at(*number);
            assert_eq!(have, first, "seed {seed}, {when}: {number} and 0");
        }
        if self.retained.newest.len() as u64 <= TOPICS && !self.has_crashed() {
            assert_eq!(first, want, "seed {seed}, {when}: not the newest writes");
        }
    }
}

fn written(entry: &Entry, now: Time) -> RetainedEntry {
    let left = |at: Time| u64::try_from(at.since(now).as_millis()).unwrap();
    let (life, body) = match &entry.content {
        Content::Gone(until) => (Some(left(*until)), None),
        Content::Message(message) => {
            (message.expires_at().map(left), Some(message.payload().to_vec()))
        }
    };
    let (topic, stamp, number) = (entry.topic.clone(), entry.stamp, entry.number);
    RetainedEntry { topic, stamp, number, life, body }
}

fn read(entry: &RetainedEntry, now: Time) -> Entry {
    let until = entry.life.map(|life| now + Duration::from_millis(life));
    let content = match &entry.body {
        None => Content::Gone(until.unwrap_or(now + GONE_LIFE)),
        Some(body) => Content::Message(message(&entry.topic, body, until)),
    };
    Entry { topic: entry.topic.clone(), stamp: entry.stamp, content, number: entry.number }
}
