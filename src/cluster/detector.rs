//! Which linked nodes are alive: a sign of life within `cluster.failure_timeout`, or down.
//!
//! Lives on the heartbeat thread, apart from the cluster core, so that a busy core accuses nobody. Its own stalls are doubted
//! first: what a tick came late is added to every peer's time, however much that is. A peer that is down is watched on, because hearing of it again is
//! the quickest way to know that the cable is back.
//!
//! Invariants: a peer is told of as silent only after `limit` without a sign of life, stalls of this thread not counted; once
//! silent it is told of as heard before it can be silent again.

use std::{collections::BTreeMap, time::Duration};

use super::{LinkId, NodeId};
use crate::time::Time;

/// What the detector found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sign {
    /// No sign of life of this node over this link for too long.
    Silent {
        /// Who.
        node: NodeId,
        /// The control connection that is not worth keeping.
        link: LinkId,
    },
    /// A node whose link is gone, or that was silent, is heard.
    Heard {
        /// Who.
        node: NodeId,
    },
    /// The host of this node says that nobody takes its heartbeats there. No proof: a firewall may say so too.
    Refused {
        /// Who.
        node: NodeId,
    },
}

#[derive(Clone, Copy, Debug)]
struct Watched {
    link: LinkId,
    heard: Time,
    /// The link is gone, or was found silent.
    down: bool,
}

/// The failure detector of one node.
#[derive(Debug)]
pub struct Detector {
    every: Duration,
    limit: Duration,
    next: Time,
    watched: BTreeMap<NodeId, Watched>,
}

impl Detector {
    /// Ticks `every`; a node is down after `limit` without a sign of life.
    #[must_use]
    pub fn new(every: Duration, limit: Duration, now: Time) -> Self {
        Self { every, limit, next: now + every, watched: BTreeMap::new() }
    }

    /// Watches `node` over a new control connection, which counts as a sign of life.
    pub fn watch(&mut self, node: NodeId, link: LinkId, now: Time) {
        self.watched.insert(node, Watched { link, heard: now, down: false });
    }

    /// The control connection is gone: hearing of the node is news from now on.
    pub fn on_link_lost(&mut self, link: LinkId) {
        for watched in self.watched.values_mut().filter(|watched| watched.link == link) {
            watched.down = true;
        }
    }

    /// The node is of no interest any more.
    pub fn forget(&mut self, node: NodeId) {
        self.watched.remove(&node);
    }

    /// A sign of life at `at`, which may lie in the past.
    pub fn on_heard(&mut self, node: NodeId, at: Time) -> Option<Sign> {
        let watched = self.watched.get_mut(&node)?;
        watched.heard = watched.heard.max(at);
        watched.down.then_some(Sign::Heard { node })
    }

    /// When [`Detector::on_tick`] is due, and heartbeats with it.
    #[must_use]
    pub fn deadline(&self) -> Time {
        self.next
    }

    /// Finds the silent nodes. Everything that has come in must have been told of by [`Detector::on_heard`] before. Returns how
    /// late the tick was.
    pub fn on_tick(&mut self, now: Time, out: &mut Vec<Sign>) -> Duration {
        let late = now - self.next;
        self.next = now + self.every;
        for (node, watched) in self.watched.iter_mut().filter(|(_, watched)| !watched.down) {
            watched.heard = (watched.heard + late).min(now);
            if watched.heard + self.limit <= now {
                watched.down = true;
                out.push(Sign::Silent { node: *node, link: watched.link });
            }
        }
        late
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const A: NodeId = NodeId([1; 16]);
    const B: NodeId = NodeId([2; 16]);

    fn ms(ms: u64) -> Time {
        Time::from_ms(ms)
    }

    fn detector() -> Detector {
        let mut detector =
            Detector::new(Duration::from_millis(200), Duration::from_millis(1500), Time::ZERO);
        detector.watch(A, 7, Time::ZERO);
        detector.watch(B, 8, Time::ZERO);
        detector
    }

    fn tick(detector: &mut Detector, at: u64) -> Vec<Sign> {
        let mut out = Vec::new();
        detector.on_tick(ms(at), &mut out);
        out
    }

    #[test]
    fn silence_is_told_once_and_only_of_the_silent() {
        let mut detector = detector();
        for at in (200..1400).step_by(200) {
            assert_eq!(detector.on_heard(B, ms(at)), None);
            assert_eq!(tick(&mut detector, at), []);
        }
        assert_eq!(tick(&mut detector, 1400), []);
        assert_eq!(tick(&mut detector, 1600), [Sign::Silent { node: A, link: 7 }]);
        assert_eq!(tick(&mut detector, 1800), []);
        assert_eq!(detector.on_heard(A, ms(1900)), Some(Sign::Heard { node: A }));
        detector.watch(A, 9, ms(1950));
        assert_eq!(detector.on_heard(A, ms(2000)), None);
    }

    #[test]
    fn an_own_stall_accuses_nobody() {
        let mut detector = detector();
        assert_eq!(tick(&mut detector, 200), []);
        for begin in [400, 60_000] {
            detector.watch(A, 7, ms(begin));
            detector.watch(B, 8, ms(begin));
            assert_eq!(tick(&mut detector, begin + 30_000), [], "whatever it missed");
            assert_eq!(tick(&mut detector, begin + 30_200), []);
            let later = (begin + 30_400..begin + 32_000).step_by(200);
            let down: Vec<_> = later.flat_map(|at| tick(&mut detector, at)).collect();
            assert_eq!(down.len(), 2, "and who is gone is found in the usual time");
        }
    }

    #[test]
    fn a_lost_link_makes_hearing_news() {
        let mut detector = detector();
        detector.on_link_lost(7);
        assert_eq!(detector.on_heard(A, ms(100)), Some(Sign::Heard { node: A }));
        assert_eq!(detector.on_heard(B, ms(100)), None);
        detector.forget(A);
        assert_eq!(detector.on_heard(A, ms(200)), None);
    }
}
