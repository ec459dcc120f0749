//! Nodes that were given up by a part of the cluster that cannot tell whether they are dead.
//!
//! The wills of a node that is out of reach go out when the larger part gives it up (`wills.rs`). A smaller part keeps them, for the
//! node may serve its clients beyond a cut. Two things decide later: the part grows and is the larger one for as long as giving up
//! takes; or it is one half of the cluster and has waited as long again. Of two halves the one with the oldest node does not wait, so
//! that the other one does in the end what the first has long done: in a cluster of two, where the older node lost its power, the
//! wills of its clients would else wait until it returns. A part that is less than half never decides alone.

use std::time::Duration;

use super::{Cluster, NodeId};
use crate::time::Time;

/// A node that was given up without a verdict.
#[derive(Clone, Copy, Debug)]
pub(super) struct Undecided {
    /// The process life that was lost.
    life: u64,
    /// When half of the cluster is enough.
    half_at: Time,
    /// Since when this is the larger part.
    larger_since: Option<Time>,
}

impl Cluster {
    /// This part gives a node up and is not the larger one.
    pub(super) fn leave_undecided(&mut self, node: NodeId, now: Time) {
        let Some(member) = self.members.find(node) else { return };
        let (life, half_at) = (member.record.incarnation, now + self.settings.keep_time);
        self.undecided.insert(node, Undecided { life, half_at, larger_since: None });
    }

    /// This node itself stood still.
    pub(super) fn put_off_verdicts(&mut self, late: Duration) {
        for one in self.undecided.values_mut() {
            one.half_at = one.half_at + late;
            one.larger_since = one.larger_since.map(|since| since + late);
        }
    }

    /// When the next verdict is due, should nothing change.
    pub(super) fn undecided_until(&self) -> Option<Time> {
        let half = !self.undecided.is_empty() && self.is_half();
        let keep = self.settings.keep_time;
        let all = self.undecided.values();
        all.filter_map(|one| one.larger_since.map(|at| at + keep).or(half.then_some(one.half_at)))
            .min()
    }

    /// Judges those that can be judged by now.
    pub(super) fn decide_deaths(&mut self, now: Time) {
        if self.undecided.is_empty() {
            return;
        }
        let (larger, half, held) = (self.is_larger_part(), self.is_half(), self.rows.held());
        let keep: Duration = self.settings.keep_time;
        let (members, peers) = (&self.members, &self.peers);
        self.undecided.retain(|node, one| {
            let known = members.find(*node).map(|member| &member.record);
            known.is_some_and(|known| known.is_member() && known.incarnation == one.life)
                && !peers.contains_key(node)
        });
        let mut dead = Vec::new();
        for (node, one) in &mut self.undecided {
            if held.contains(node) {
                (one.half_at, one.larger_since) = (now + keep, None);
            } else if larger {
                let since = *one.larger_since.get_or_insert(now);
                dead.extend((since + keep <= now).then_some(*node));
            } else {
                one.larger_since = None;
                dead.extend((half && one.half_at <= now).then_some(*node));
            }
        }
        for node in dead {
            self.undecided.remove(&node);
            self.on_death(node, now);
        }
    }

    fn is_half(&self) -> bool {
        let (members, up) = self.members.counts();
        (up + 1) * 2 == members + 1
    }
}
