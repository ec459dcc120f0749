//! Autoclean: forgets members that stayed down too long (`ekka_autoclean`, key `cluster.autoclean`).
//!
//! Differs from Ekka: only the leader forgets, and only on the side that holds more than half of the members, so two halves
//! of a cluster do not forget each other; and only who is reached by nobody on that side (`rows.rs`).

use std::{collections::BTreeMap, time::Duration};

use super::NodeId;
use crate::time::Time;

/// Invariant: a node is in `down_since` exactly while it is a down member.
#[derive(Debug)]
pub struct Autoclean {
    after: Option<Duration>,
    down_since: BTreeMap<NodeId, Time>,
}

impl Autoclean {
    /// Forgets nodes that stayed down for `after`; `None` = never.
    #[must_use]
    pub fn new(after: Option<Duration>) -> Self {
        Self { after, down_since: BTreeMap::new() }
    }

    /// `node` went down; the first report counts, repeats do not restart the clock.
    pub fn on_down(&mut self, node: NodeId, now: Time) {
        self.down_since.entry(node).or_insert(now);
    }

    /// Others reach `node`: the time begins anew.
    pub fn on_held(&mut self, node: NodeId, now: Time) {
        if let Some(since) = self.down_since.get_mut(&node) {
            *since = now;
        }
    }

    /// This node did nothing for so long, and saw nobody come back.
    pub fn on_standstill(&mut self, late: Duration) {
        self.down_since.values_mut().for_each(|since| *since = *since + late);
    }

    /// `node` is up, or no member any more.
    pub fn on_up(&mut self, node: NodeId) {
        self.down_since.remove(&node);
    }

    /// When [`Autoclean::on_deadline`] has something to do.
    #[must_use]
    pub fn deadline(&self) -> Option<Time> {
        let after = self.after?;
        self.down_since.values().min().map(|since| *since + after)
    }

    /// Pushes every node whose time is up to `forget`. It is asked again after as long a time unless forgotten.
    pub fn on_deadline(&mut self, now: Time, forget: &mut Vec<NodeId>) {
        let Some(after) = self.after else { return };
        for (node, since) in &mut self.down_since {
            if *since + after <= now {
                forget.push(*node);
                *since = now;
            }
        }
    }
}

/// Whether one side of a split may forget nodes: it holds more than half of the members, or half with the oldest.
#[must_use]
pub fn may_forget(side: usize, members: usize, has_oldest: bool) -> bool {
    side * 2 > members || (side * 2 == members && has_oldest)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forgets_once_the_time_is_up() {
        let (a, b) = (NodeId([1; 16]), NodeId([2; 16]));
        let mut clean = Autoclean::new(Some(Duration::from_secs(5)));
        clean.on_down(a, Time::ZERO);
        clean.on_down(a, Time::from_ms(4_000));
        clean.on_down(b, Time::from_ms(3_000));
        assert_eq!(clean.deadline(), Some(Time::from_ms(5_000)));
        let mut forget = Vec::new();
        clean.on_deadline(Time::from_ms(5_000), &mut forget);
        assert_eq!(forget, [a]);
        clean.on_up(a);
        clean.on_up(b);
        assert_eq!(clean.deadline(), None);
    }

    #[test]
    fn at_most_one_side_may_forget() {
        for members in 1..10 {
            for side in 0..=members {
                let both =
                    may_forget(side, members, true) && may_forget(members - side, members, false);
                assert!(!both, "{side} of {members}");
            }
        }
    }
}
