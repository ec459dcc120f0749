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
        wire::{Buckets, Frame, RetainedEntry, RetainedFrame, delta_frames, snap_frames},
    },
    mqtt::QoS,
    time::{Stamp, Time},
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
    /// Counts the arrivals, for the fault that lets the last one win.
    arrivals: u64,
}

fn message(topic: &str, payload: &[u8], expires_at: Option<Time>) -> Message {
    let meta = Meta { qos: QoS::AtMostOnce, retain: true, expires_at, publisher: 0 };
    Message::new(topic, &[], payload, meta)
}

impl World {
    pub(super) fn begin_retained(&mut self, number: usize) {
        let mut table = Retained::new(RetainSettings::default(), true);
        table.set_told(true);
        self.retained.tables.insert(number, table);
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
        let table = self.retained.tables.get_mut(&number).unwrap();
        let message = message(topic, payload.unwrap_or_default(), None);
        if payload.is_none() && self.fault == Some(Fault::NoTombstones) {
            // The message goes and leaves nothing behind: a table that is not shared forgets it so.
            let mut bare = Retained::new(RetainSettings::default(), true);
            bare.set_told(true);
            let mut all = Vec::new();
            table.piece(|_| true, Cursor::Messages(None), (usize::MAX, usize::MAX), &mut all);
            for entry in all.into_iter().filter(|entry| &*entry.topic != topic) {
                bare.merge(entry, false, now);
            }
            *table = bare;
        } else {
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
            RetainedStep::SendSums => vec![RetainedFrame::Sum(Box::new(*table.sums()))],
            RetainedStep::Push(topics) => {
                let entries = topics.iter().filter_map(|topic| table.entry(topic));
                delta_frames(&entries.map(|entry| written(&entry, 0, now)).collect::<Vec<_>>())
            }
            RetainedStep::Answer { buckets, from, agreed } => {
                let agreed = match self.fault {
                    Some(Fault::AllWasThere) => u64::MAX,
                    Some(Fault::NothingWasThere) => 0,
                    Some(_) | None => agreed,
                };
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
                let entries: Vec<_> =
                    found.iter().map(|entry| written(entry, agreed, now)).collect();
                snap_frames(&next, &entries)
            }
            RetainedStep::Compare(theirs) => {
                let differ = Buckets::differing(table.sums(), &theirs);
                let arrivals = table.arrivals();
                return self.input(number, Input::RetainedCompared { node, differ, arrivals });
            }
            RetainedStep::Merge(entries) => {
                return self.merge_retained((number, link), &entries, by_arrival);
            }
        };
        for frame in frames {
            self.send(number, link, Frame::Retained(frame));
        }
    }

    fn merge_retained(
        &mut self,
        (number, link): (usize, LinkId),
        entries: &[RetainedEntry],
        by_arrival: bool,
    ) {
        let (now, me) = (Time::from_ms(self.now()), self.node_id_of(number).0);
        let table = self.retained.tables.get_mut(&number).unwrap();
        let (mut changed, mut deleted) = (false, Vec::new());
        for from in entries {
            let mut entry = read(from, now);
            let (topic, stamp) = (entry.topic.clone(), entry.stamp);
            if by_arrival && let Some(have) = table.entry(&topic) {
                // As EMQX does: what comes last counts.
                entry.stamp = stamp.max(have.stamp.after(stamp.node));
            }
            self.retained.arrivals += 1;
            if table.merge(entry, from.was_there, now) == Merged::Deleted {
                let (first, gone) = table.delete_above(&topic, stamp, me, now);
                changed |= first;
                deleted.push(written(&gone, 0, now));
                self.retained.newest.insert(topic.as_ref().to_owned(), (gone.stamp, None));
            }
        }
        if changed {
            let changes = table.changes();
            let input = Input::RetainedChanged { topics: changes.topics, lost: changes.lost };
            self.input(number, input);
        }
        if !deleted.is_empty() {
            for frame in delta_frames(&deleted) {
                self.send(number, link, Frame::Retained(frame));
            }
        }
    }

    /// Tables forget what is over.
    pub(crate) fn sweep_retained(&mut self) {
        let now = Time::from_ms(self.now());
        for table in self.retained.tables.values_mut() {
            table.sweep(now, None, usize::MAX);
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

fn written(entry: &Entry, agreed: u64, now: Time) -> RetainedEntry {
    let left = |at: Time| u64::try_from(at.since(now).as_millis()).unwrap();
    let (life, body) = match &entry.content {
        Content::Gone(until) => (Some(left(*until)), None),
        Content::Message(message) => {
            (message.expires_at().map(left), Some(message.payload().to_vec()))
        }
    };
    let was_there = body.is_some() && entry.arrival <= agreed;
    RetainedEntry { topic: entry.topic.clone(), stamp: entry.stamp, life, body, was_there }
}

fn read(entry: &RetainedEntry, now: Time) -> Entry {
    let until = entry.life.map(|life| now + Duration::from_millis(life));
    let content = match &entry.body {
        None => Content::Gone(until.unwrap_or(now + GONE_LIFE)),
        Some(body) => Content::Message(message(&entry.topic, body, until)),
    };
    Entry { topic: entry.topic.clone(), stamp: entry.stamp, content, arrival: 0 }
}
