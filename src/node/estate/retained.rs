//! Retained messages from one process to the next: all that clients have written, whether other nodes have it too or not, as far as
//! there is memory for two of each.

use std::io::{self, Write};

use crate::{
    broker::{
        Message,
        estate::Records,
        retained::{Content, Cursor, Entry, Merged, is_system},
    },
    cluster::{
        NodeId,
        versions::Versions,
        wire::{Buckets, Sums},
    },
    node::{hub::Hub, locks, memory::Memory},
    time::Stamp,
};

/// Bytes looked at in one go, and entries.
const PIECE: (usize, usize) = (1 << 20, 10_000);
/// What a message takes beside its own bytes, about.
const OVERHEAD: usize = 64;

/// Bytes that retained messages may take in a state that has `written` of them: what follows needs a part of what is left, too.
pub(super) fn room(memory: &Memory, written: u64) -> u64 {
    memory.left().map_or(u64::MAX, |left| (left - left / 8).saturating_sub(written))
}

fn size(message: &Message) -> u64 {
    (message.size() + message.topic().len() + OVERHEAD) as u64
}

impl Hub {
    /// Writes the retained messages, at most `room` bytes of them, and which are gone lately. What finds no room is told in the log.
    pub(super) fn write_retained(
        &self,
        records: &mut Records,
        out: &mut impl Write,
        room: u64,
    ) -> io::Result<()> {
        let now = self.clock.now();
        let (mut left, mut left_out, mut bytes) = (room, 0_usize, Vec::new());
        let mut from = Some(Cursor::Messages(None));
        while let Some(cursor) = from {
            let mut entries = Vec::new();
            from = locks::read(&self.retained).piece_of_all(cursor, PIECE, &mut entries);
            for entry in &entries {
                if let Content::Message(message) = &entry.content {
                    let Some(less) = left.checked_sub(size(message)) else {
                        left_out += 1;
                        continue;
                    };
                    left = less;
                }
                records.retained(&mut bytes, entry, now);
            }
            out.write_all(&bytes)?;
            bytes.clear();
        }
        if left_out > 0 {
            let room_mib = room >> 20;
            tracing::error!(
                messages = left_out,
                room_mib,
                "no memory for all retained messages in the state for the next process: these are lost, unless other nodes have them"
            );
        }
        Ok(())
    }

    /// Writes what the retained messages have been through: the same as others are told, with what they hold.
    pub(super) fn write_versions(
        &self,
        records: &mut Records,
        out: &mut impl Write,
        versions: &Versions,
    ) -> io::Result<()> {
        let (sums, own) = {
            let table = locks::read(&self.retained);
            (Box::new(*table.sums()), table.own())
        };
        let sums = Sums { sums, own, full: Buckets::default(), versions: versions.clone() };
        let mut bytes = Vec::new();
        records.copy(&mut bytes, &sums.encode());
        out.write_all(&bytes)
    }

    /// What the retained messages have been through that are here now. A bucket that does not hold what it held in the process
    /// before has been through nothing: what is missing there was not deleted.
    pub(super) fn inherit_versions(&self, node: NodeId, copy: &[u8]) -> Versions {
        let mut versions = Versions::default();
        if copy.is_empty() {
            return versions;
        }
        match Sums::decode(copy) {
            Ok(Sums { sums, own, versions: known, full: _ }) => {
                let differ = Buckets::differing(locks::read(&self.retained).sums(), &sums);
                versions.join(&differ.others(), &known, (node, own));
            }
            Err(error) => {
                tracing::warn!(%error, "what the retained messages have been through is not known");
            }
        }
        versions
    }

    /// Takes the retained messages of the process before in. Returns those for [`Self::share_retained`].
    pub(super) fn inherit_retained(&self, entries: Vec<Entry>) -> Vec<Entry> {
        let now = self.clock.now();
        let (mut refused, mut later) = (0, Vec::new());
        {
            let mut retained = locks::write(&self.retained);
            for entry in entries {
                if retained.is_shared() && !entry.stamp.is_shared() && !is_system(&entry.topic) {
                    later.push(entry);
                } else if let Merged::Refused(_) = retained.merge(entry, false, now) {
                    refused += 1;
                }
            }
        }
        tell_refused(refused);
        later
    }

    /// Messages of a process that kept them for itself (`retainer.replicate = none`): from now on other nodes have them too.
    pub(super) fn share_retained(&self, entries: Vec<Entry>) {
        let (now, wall, mut refused) = (self.clock.now(), self.clock.wall(), 0);
        for entry in entries {
            if let Content::Message(message) = entry.content
                && !message.is_expired(now)
            {
                let stamp = self.mesh().map_or(Stamp::LOCAL, |mesh| mesh.stamp(wall));
                let stored = locks::write(&self.retained).store(&message, stamp, now);
                refused += usize::from(stored.is_err());
            }
        }
        tell_refused(refused);
    }
}

fn tell_refused(refused: usize) {
    if refused > 0 {
        tracing::warn!(refused, "retained messages of before pass the limits of now and are gone");
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::{
        broker::{RetainSettings, estate, message::Meta, retained::Retained},
        cluster::NodeId,
        mqtt::QoS,
        net::clock::Clock,
        node::mesh::played,
        time::Time,
        topic::hashing::{bucket, topic_hash},
    };

    fn hub(shared: bool) -> Hub {
        let retained = Retained::new(RetainSettings::default(), shared);
        let hub = Hub::new(Clock::system(), 1, retained, Arc::default());
        assert!(hub.mesh.set(played::mesh(NodeId([1; 16])).0).is_ok());
        hub
    }

    fn message(topic: &str, payload: &[u8], expires_at: Option<Time>) -> Message {
        let meta = Meta { qos: QoS::AtLeastOnce, retain: true, expires_at, publisher: 0 };
        Message::new(topic, &[], payload, meta)
    }

    /// The topics in `after` after a restart of `before`, and those of them that other nodes are to have.
    fn restart(before: &Hub, after: &Hub, room: u64) -> (Vec<String>, Vec<String>) {
        let (mut out, mut records) = (estate::head().to_vec(), Records::default());
        before.write_retained(&mut records, &mut out, room).unwrap();
        records.end(&mut out);
        let estate = estate::decode(&out, after.clock.now()).unwrap();
        let later = after.inherit_retained(estate.retained);
        after.share_retained(later);
        let table = locks::read(&after.retained);
        let topics = table.topics(None, 100);
        let shared = topics.iter().filter(|topic| table.entry(topic).is_some());
        let shared = shared.map(|topic| (**topic).to_owned()).collect();
        (topics.iter().map(|topic| (**topic).to_owned()).collect(), shared)
    }

    fn filled(shared: bool) -> Hub {
        let hub = hub(shared);
        for topic in ["a", "b/c", "$SYS/mine", "$SYS/brokers2"] {
            assert!(hub.retain(&message(topic, &[7; 1000], None)));
        }
        let past = hub.clock.now();
        assert!(hub.retain(&message("old", b"x", Some(past))));
        hub.publish_own("$SYS/broker/version", b"1");
        hub.publish_system("$SYS/brokers", b"n", QoS::AtMostOnce, true);
        hub
    }

    #[test]
    fn what_no_other_node_has_goes_on_in_the_next_process() {
        let all = ["$SYS/brokers2", "$SYS/mine", "a", "b/c"];
        let (topics, shared) = restart(&filled(false), &hub(false), u64::MAX);
        assert_eq!((topics, shared), (all.map(str::to_owned).to_vec(), Vec::new()));
        let (topics, shared) = restart(&filled(true), &hub(true), u64::MAX);
        assert_eq!((&topics[..], &shared[..]), (&all.map(str::to_owned)[..], &topics[2..]));
    }

    #[test]
    fn who_begins_to_share_them_shares_what_was_there() {
        let (topics, shared) = restart(&filled(false), &hub(true), u64::MAX);
        assert_eq!((topics.len(), &shared[..]), (4, &topics[2..]));
        let (topics, _) = restart(&filled(true), &hub(false), u64::MAX);
        assert_eq!(topics.len(), 4);
    }

    /// What the copy has been through before the restart, with room for so many bytes, and after it.
    fn versions_after(before: &Hub, room: u64) -> Versions {
        let mut known = Versions::default();
        let everywhere = Buckets::default().others();
        known.join(&everywhere, &Versions::default(), (NodeId([2; 16]), Some((3, 5))));
        let (mut out, mut records) = (estate::head().to_vec(), Records::default());
        before.write_retained(&mut records, &mut out, room).unwrap();
        before.write_versions(&mut records, &mut out, &known).unwrap();
        records.end(&mut out);
        let after = hub(true);
        let estate = estate::decode(&out, after.clock.now()).unwrap();
        after.inherit_retained(estate.retained);
        after.inherit_versions(NodeId([1; 16]), &estate.copy)
    }

    #[test]
    fn a_copy_has_been_through_what_it_had_been_before_the_restart() {
        let before = hub(true);
        locks::write(&before.retained).begin(100);
        assert!(before.retain(&message("a", b"x", None)));
        assert!(before.retain(&message("b", b"x", None)));
        assert!(before.retain(&message("b", b"", None)));
        let versions = versions_after(&before, u64::MAX);
        let (mine, other) = (NodeId([1; 16]), NodeId([2; 16]));
        let of = |topic| bucket(topic_hash(topic));
        for topic in ["a", "b", "never"] {
            let known = [(mine, 101), (mine, 102), (other, 4), (mine, 103), (other, 6)]
                .map(|(node, number)| versions.covers(of(topic), node, number));
            assert_eq!(known, [true, true, true, false, false], "{topic}");
        }
        // What was left out was not deleted.
        let versions = versions_after(&before, 0);
        assert!(!versions.covers(of("a"), mine, 101) && !versions.covers(of("a"), other, 4));
        assert!(versions.covers(of("b"), mine, 102));
    }

    #[test]
    fn what_there_is_no_memory_for_is_left_out() {
        let (topics, _) = restart(&filled(false), &hub(false), 2500);
        assert_eq!(topics.len(), 2);
        assert_eq!(restart(&filled(true), &hub(true), 0).0.len(), 0);
    }
}
