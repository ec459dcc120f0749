//! What was deleted or has expired: the stamp of the last write of each such topic, for [`GONE_LIFE`] and within bounds.

use std::{
    collections::{BTreeMap, BTreeSet},
    ops::Bound,
    sync::Arc,
};

#[cfg(doc)]
use super::GONE_LIFE;
use super::{Content, Entry, behind};
use crate::time::{Stamp, Time};

/// So many deletions are remembered; then the one with the lowest stamp is forgotten early, and counted.
pub(super) const GONE_MAX: usize = 100_000;
/// And so many bytes of them.
pub(super) const GONE_BYTES: usize = 16 << 20;
/// Bytes of a deletion beside its topic, about.
const FIXED: usize = 160;

#[derive(Clone, Copy, Debug)]
pub(super) struct Gone {
    pub(super) stamp: Stamp,
    pub(super) until: Time,
    pub(super) hash: u64,
}

/// Invariant: both orders have the same topics as `topics`, and `bytes` is what they take.
#[derive(Debug, Default)]
pub(super) struct Deletions {
    topics: BTreeMap<Arc<str>, Gone>,
    by_end: BTreeSet<(Time, Arc<str>)>,
    /// What is over the bounds goes in this order, which is the same on every node.
    by_stamp: BTreeSet<(Stamp, Arc<str>)>,
    bytes: usize,
    forgotten_early: u64,
}

impl Gone {
    pub(super) fn entry(&self, topic: &Arc<str>) -> Entry {
        let content = Content::Gone(self.until);
        Entry { topic: topic.clone(), stamp: self.stamp, content, number: 0 }
    }
}

impl Deletions {
    pub(super) fn is_empty(&self) -> bool {
        self.topics.is_empty()
    }

    pub(super) fn len(&self) -> usize {
        self.topics.len()
    }

    pub(super) const fn forgotten_early(&self) -> u64 {
        self.forgotten_early
    }

    pub(super) fn get(&self, topic: &str) -> Option<(&Arc<str>, &Gone)> {
        self.topics.get_key_value(topic)
    }

    /// Those behind `after`.
    pub(super) fn from(
        &self,
        after: &Option<Arc<str>>,
    ) -> impl Iterator<Item = (&Arc<str>, &Gone)> {
        self.topics.range::<str, _>((behind(after), Bound::Unbounded))
    }

    /// Remembers a topic that is not here.
    pub(super) fn bury(&mut self, topic: &Arc<str>, gone: Gone) {
        self.bytes += topic.len() + FIXED;
        self.by_end.insert((gone.until, topic.clone()));
        self.by_stamp.insert((gone.stamp, topic.clone()));
        self.topics.insert(topic.clone(), gone);
    }

    /// Forgets it: there is a message again.
    pub(super) fn dig_up(&mut self, topic: &str) -> Option<Gone> {
        let (topic, gone) = self.topics.remove_entry(topic)?;
        self.bytes -= topic.len() + FIXED;
        self.by_end.remove(&(gone.until, topic.clone()));
        self.by_stamp.remove(&(gone.stamp, topic));
        Some(gone)
    }

    /// Forgets the one with the lowest stamp, if there are too many.
    pub(super) fn over(&mut self) -> Option<Gone> {
        if self.topics.len() <= GONE_MAX && self.bytes <= GONE_BYTES {
            return None;
        }
        let (_, lowest) = self.by_stamp.first().cloned()?;
        self.forgotten_early += 1;
        self.dig_up(&lowest)
    }

    /// Forgets one whose life is over.
    pub(super) fn expired(&mut self, now: Time) -> Option<Gone> {
        let (_, topic) = self.by_end.first().filter(|(until, _)| *until <= now).cloned()?;
        self.dig_up(&topic)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn they_are_bounded_by_bytes() {
        let mut deletions = Deletions::default();
        let long = "x".repeat(60_000);
        for n in 0..400 {
            let stamp = Stamp { hlc: n + 1, node: [1; 16] };
            let gone = Gone { stamp, until: Time::from_ms(n), hash: 0 };
            deletions.bury(&format!("{long}/{n}").into(), gone);
            while deletions.over().is_some() {}
        }
        assert!(deletions.bytes <= GONE_BYTES && deletions.bytes > GONE_BYTES - 70_000);
        assert_eq!(deletions.len() as u64 + deletions.forgotten_early(), 400);
        while deletions.expired(Time::from_ms(1_000)).is_some() {}
        assert_eq!((deletions.len(), deletions.bytes), (0, 0));
        assert_eq!((deletions.by_end.len(), deletions.by_stamp.len()), (0, 0));
    }
}
