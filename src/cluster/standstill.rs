//! When this node itself stood still: the process was stopped, the machine slept or had no time for it.
//!
//! A node that does nothing for longer than the failure timeout is lost to the others, and finds its links closed when it wakes up.
//! To it that looks like a cut, and its timers have run out without anybody having been asked. So its own standstill is looked for
//! first: timers that judge others go on from where they were, and links that were closed meanwhile are no partition of its telling.
//! The others have lost it and hold the ceremony after a cut (`autoheal.rs`), to which this node agrees.

use std::time::Duration;

use super::{Action, Cluster, Event};
use crate::time::Time;

/// What a standstill excuses.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Standstill {
    /// Losses until then are its doing.
    until: Time,
}

impl Cluster {
    /// Looks how late this node is with what it does regularly. To be called with everything that happens, before it is judged.
    pub(super) fn doubt_itself(&mut self, now: Time, out: &mut Vec<Action>) {
        if !self.judges() {
            // Then it does nothing regularly.
            self.next_ping = self.next_ping.max(now);
            return;
        }
        let late = now.since(self.next_ping);
        let limit = self.settings.failure_timeout.saturating_sub(self.ping_every());
        if late < limit.max(Duration::from_secs(1)) {
            return;
        }
        if self.excused(now) {
            return;
        }
        self.standstill.until = now + self.settings.failure_timeout;
        self.keep.values_mut().for_each(|until| *until = *until + late);
        self.put_off_awaiting(late);
        self.put_off_verdicts(late);
        self.autoclean.on_standstill(late);
        self.wills.on_standstill(now);
        out.push(Action::Log(Event::StoodStill(late)));
    }

    /// Timers run that judge other nodes.
    pub(super) fn judges(&self) -> bool {
        let nobody = self.peers.is_empty() && self.keep.is_empty();
        !(nobody && self.awaited.is_empty() && self.undecided.is_empty())
    }

    /// Whether who is lost now may be so by a standstill of this node.
    pub(super) fn excused(&self, now: Time) -> bool {
        now < self.standstill.until
    }
}
