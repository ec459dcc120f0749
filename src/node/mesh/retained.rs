//! Retained messages between the table of this node and the cluster core: the core says what is told to whom, here it is
//! looked up, written as entries for the wire, and read from them.

use std::{
    sync::{Arc, RwLockReadGuard, RwLockWriteGuard},
    time::Duration,
};

use super::task::Task;
use crate::{
    broker::{
        Message,
        message::Meta,
        retained::{Content, Cursor, Entry, GONE_LIFE, Merged, Retained, is_system},
        stats::Metric,
    },
    cluster::{
        Input, LinkId, NodeId,
        retained::{PIECE_BYTES, RetainedStep},
        wire::{self, Buckets, Frame, RetainedEntry, RetainedFrame},
    },
    mqtt::QoS,
    node::locks,
    time::Time,
    topic::hashing::{bucket, topic_hash},
};

/// Entries looked at for one piece, so that the lock is not held long where few of them are wanted.
const LOOK: usize = 4096;

impl Task {
    fn retained_now(&self) -> RwLockReadGuard<'_, Retained> {
        locks::read(&self.retained)
    }

    fn retained_mut(&self) -> RwLockWriteGuard<'_, Retained> {
        locks::write(&self.retained)
    }

    /// What was written here since the last time.
    pub(super) fn retained_changes(&self) -> Input {
        let changes = self.retained_mut().changes();
        Input::RetainedChanged { topics: changes.topics, lost: changes.lost }
    }

    /// Has changes noted from before the first sums are sent until there is nobody to be told.
    pub(super) fn tell_retained(&mut self) {
        let told = self.core.shares_retained();
        if told != self.retained_told {
            self.retained_told = told;
            self.retained_mut().set_told(told);
        }
    }

    /// Does what the core asks for; what the core must hear of it waits in `inputs` until this batch is done.
    pub(super) fn on_retained(&mut self, link: LinkId, node: NodeId, step: RetainedStep) {
        let now = self.clock.now();
        match step {
            RetainedStep::SendSums { full, versions } => {
                let table = self.retained_now();
                let (sums, own) = (Box::new(*table.sums()), table.own());
                drop(table);
                let sums = wire::Sums { sums, own, full, versions };
                self.send_retained(link, vec![RetainedFrame::Sum(Box::new(sums))]);
            }
            RetainedStep::Push(topics) => {
                let (frames, rest) = pushed(&self.retained_now(), &topics, now);
                self.send_retained(link, frames);
                if !rest.is_empty() {
                    self.inputs.push(Input::RetainedChanged { topics: rest, lost: false });
                }
            }
            RetainedStep::Answer { buckets, from } => {
                let frames = answer(&self.retained_now(), (&buckets, &from), now);
                self.send_retained(link, frames);
            }
            RetainedStep::Compare(theirs) => {
                let differ = Buckets::differing(self.retained_now().sums(), &theirs);
                self.inputs.push(Input::RetainedCompared { node, differ });
            }
            RetainedStep::Merge(entries) => self.merge(node, &entries, now),
        }
    }

    fn send_retained(&self, link: LinkId, frames: Vec<RetainedFrame>) {
        let Some(control) = self.links.get(&link) else { return };
        for frame in frames {
            if !control.send(&Frame::Retained(frame)) {
                tracing::warn!(link, "peer does not read its control connection");
                return control.close();
            }
        }
    }

    fn merge(&mut self, node: NodeId, entries: &[(RetainedEntry, bool)], now: Time) {
        let me = self.core.node_id().0;
        let (mut refused, mut changed, mut deleted) = (Vec::new(), false, Vec::new());
        {
            let mut table = self.retained_mut();
            let read =
                |(entry, was_here): &(RetainedEntry, bool)| Some((read(entry, now)?, *was_here));
            for (entry, was_here) in entries.iter().filter_map(read) {
                let (topic, stamp) = (entry.topic.clone(), entry.stamp);
                match table.merge(entry, was_here, now) {
                    Merged::Taken | Merged::Older => {}
                    Merged::Deleted => {
                        let (first, later) = table.outdo(&topic, stamp, me, now);
                        changed |= first;
                        deleted.push(written(&later, now));
                    }
                    Merged::Refused(reason) => {
                        self.stats.count(Metric::LimitRetained);
                        refused.push((topic, reason));
                    }
                }
            }
        }
        if changed {
            self.inputs.push(self.retained_changes());
        }
        // Told at once: if more is gone than is remembered, the table has forgotten it already.
        if !deleted.is_empty() {
            let frames = wire::delta_frames(&deleted);
            self.inputs.push(Input::RetainedDeleted { node, frames });
        }
        if let Some((topic, reason)) = refused.last() {
            let buckets = refused.iter().map(|(topic, _)| bucket(topic_hash(topic))).collect();
            self.inputs.push(Input::RetainedFull { node, buckets });
            if self.local.as_ref().is_some_and(|local| local.told.is_due("retained", now)) {
                tracing::warn!(
                    %node, %topic, %reason,
                    "retained message of another node refused: the copies differ"
                );
            }
        }
    }
}

/// The frames for these topics, and those left over because their messages are larger than they were.
fn pushed(
    table: &Retained,
    topics: &[Arc<str>],
    now: Time,
) -> (Vec<RetainedFrame>, Vec<(Arc<str>, u32)>) {
    let (mut entries, mut bytes, mut rest) = (Vec::new(), 0, Vec::new());
    for topic in topics {
        let Some(entry) = table.entry(topic) else { continue };
        let size = match &entry.content {
            Content::Message(message) => message.size(),
            Content::Gone(_) => 64,
        };
        if bytes > 4 * PIECE_BYTES {
            rest.push((topic.clone(), u32::try_from(size).unwrap_or(u32::MAX)));
        } else {
            bytes += size;
            entries.push(written(&entry, now));
        }
    }
    (wire::delta_frames(&entries), rest)
}

/// A piece of what is in the buckets asked for.
fn answer(table: &Retained, (buckets, from): (&Buckets, &[u8]), now: Time) -> Vec<RetainedFrame> {
    let mut found = Vec::new();
    let wanted = |bucket| buckets.contains(bucket);
    let next = table.piece(wanted, cursor(from), (PIECE_BYTES, LOOK), &mut found);
    let entries: Vec<_> = found.iter().map(|entry| written(entry, now)).collect();
    wire::snap_frames(&next.map(|next| place(&next)).unwrap_or_default(), &entries)
}

/// Where a walk goes on, for the node that asks: a letter and the topic.
fn place(cursor: &Cursor) -> Vec<u8> {
    let (letter, after) = match cursor {
        Cursor::Messages(after) => (b'm', after),
        Cursor::Gone(after) => (b'g', after),
    };
    let mut place = vec![letter];
    place.extend_from_slice(after.as_deref().unwrap_or_default().as_bytes());
    place
}

fn cursor(place: &[u8]) -> Cursor {
    let (letter, topic) = place.split_first().unwrap_or((&b'm', &[]));
    let after = std::str::from_utf8(topic).ok().filter(|topic| !topic.is_empty()).map(Into::into);
    if *letter == b'g' { Cursor::Gone(after) } else { Cursor::Messages(after) }
}

/// For the wire. A body is `qos u8 | bytes of properties u32 | properties | payload`.
fn written(entry: &Entry, now: Time) -> RetainedEntry {
    let left = |at: Time| u64::try_from(at.since(now).as_millis()).unwrap_or(u64::MAX);
    let (life, body) = match &entry.content {
        Content::Gone(until) => (Some(left(*until)), None),
        Content::Message(message) => {
            let (properties, payload) = (message.properties(), message.payload());
            let mut body = Vec::with_capacity(5 + properties.len() + payload.len());
            body.push(message.qos().as_u8());
            let len = u32::try_from(properties.len()).unwrap_or(u32::MAX);
            body.extend_from_slice(&len.to_be_bytes());
            body.extend_from_slice(properties);
            body.extend_from_slice(payload);
            (message.expires_at().map(left), Some(body))
        }
    };
    let (topic, stamp, number) = (entry.topic.clone(), entry.stamp, entry.number);
    RetainedEntry { topic, stamp, number, life, body }
}

/// From the wire; nothing for what makes no sense, or belongs to one node alone.
fn read(entry: &RetainedEntry, now: Time) -> Option<Entry> {
    if is_system(&entry.topic) {
        return None;
    }
    let until = entry.life.map(|life| now + Duration::from_millis(life));
    let content = match &entry.body {
        None => {
            let most = now + GONE_LIFE;
            Content::Gone(until.map_or(most, |until| until.min(most)))
        }
        Some(body) => {
            let (qos, rest) = body.split_first()?;
            let (len, rest) = rest.split_first_chunk::<4>()?;
            let (properties, payload) = rest.split_at_checked(u32::from_be_bytes(*len) as usize)?;
            let qos = match qos {
                0 => QoS::AtMostOnce,
                1 => QoS::AtLeastOnce,
                _ => QoS::ExactlyOnce,
            };
            let meta = Meta { qos, retain: true, expires_at: until, publisher: 0 };
            Content::Message(Message::new(&entry.topic, properties, payload, meta))
        }
    };
    Some(Entry { topic: entry.topic.clone(), stamp: entry.stamp, content, number: entry.number })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{broker::RetainSettings, time::Stamp};

    #[test]
    fn an_entry_crosses_whole_and_its_life_counts_on() {
        let meta = Meta {
            qos: QoS::AtLeastOnce,
            retain: true,
            expires_at: Some(Time::from_ms(9_000)),
            publisher: 7,
        };
        let message = Message::new("a/b", &[1, 0], b"payload", meta);
        let stamp = Stamp { hlc: 5, node: [1; 16] };
        let content = Content::Message(message);
        let entry = Entry { topic: "a/b".into(), stamp, content, number: 4 };
        let frames = wire::delta_frames(&[written(&entry, Time::from_ms(2_000))]);
        let [RetainedFrame::Delta { more: false, bytes }] = &*frames else { panic!("{frames:?}") };
        let read_back = wire::read_delta(bytes).unwrap();
        let back = read(&read_back[0], Time::from_ms(50_000)).unwrap();
        let Content::Message(message) = back.content else { panic!("gone") };
        assert_eq!((back.topic, back.stamp, back.number), (entry.topic, stamp, 4));
        assert_eq!((message.topic(), message.properties()), ("a/b", &[1, 0][..]));
        assert_eq!((message.payload(), message.qos()), (&b"payload"[..], QoS::AtLeastOnce));
        assert_eq!(message.expires_at(), Some(Time::from_ms(57_000)));
    }

    #[test]
    fn a_walk_goes_on_where_it_stopped() {
        let mut table = Retained::new(RetainSettings::default(), true);
        for n in 0..300_u64 {
            let meta = Meta { qos: QoS::AtMostOnce, retain: true, expires_at: None, publisher: 0 };
            let payload: &[u8] = if n % 3 == 0 { &[] } else { &[7; 2000] };
            let message = Message::new(&format!("t/{n}"), &[], payload, meta);
            let stamp = Stamp { hlc: n + 1, node: [1; 16] };
            table.store(&message, stamp, Time::ZERO).unwrap();
        }
        let buckets = Buckets::differing(&[1; wire::BUCKETS], &[0; wire::BUCKETS]);
        let (mut from, mut topics, mut rounds) = (Vec::new(), Vec::new(), 0);
        loop {
            let mut bytes = Vec::new();
            for frame in answer(&table, (&buckets, &from), Time::ZERO) {
                let RetainedFrame::Snap { bytes: part, .. } = frame else { panic!("no answer") };
                bytes.extend(part);
            }
            let (next, entries) = wire::read_snap(&bytes).unwrap();
            topics.extend(entries.into_iter().map(|entry| entry.topic));
            rounds += 1;
            if next.is_empty() {
                break;
            }
            from = next;
        }
        topics.sort_unstable();
        topics.dedup();
        assert_eq!((topics.len(), rounds > 2), (300, true), "{rounds} rounds");
    }
}
