//! The SUBACK barrier: says when every node that is up has the routes that were added so far.

use std::{collections::VecDeque, time::Duration};

use crate::time::Time;

/// Nobody waits longer than this.
const LIMIT: Duration = Duration::from_millis(250);

/// Names a wait.
pub type BarrierId = u64;

#[derive(Debug)]
struct Wait {
    id: BarrierId,
    seq: u64,
    until: Time,
}

/// Those who wait, in the order in which they came; so positions and deadlines never fall.
#[derive(Debug, Default)]
pub(crate) struct Barrier {
    waits: VecDeque<Wait>,
}

impl Barrier {
    /// `id` waits until everybody has change number `seq`.
    pub(crate) fn add(&mut self, id: BarrierId, seq: u64, now: Time) {
        self.waits.push_back(Wait { id, seq, until: now + LIMIT });
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.waits.is_empty()
    }

    pub(crate) fn deadline(&self) -> Option<Time> {
        self.waits.front().map(|wait| wait.until)
    }

    /// Takes out the next wait that is over: everybody has the changes up to `all_have`, or its time is up.
    pub(crate) fn pop(&mut self, all_have: u64, now: Time) -> Option<BarrierId> {
        let first = self.waits.front()?;
        if first.seq <= all_have || first.until <= now {
            return self.waits.pop_front().map(|wait| wait.id);
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_for_the_slowest_or_the_limit() {
        let mut barrier = Barrier::default();
        barrier.add(1, 10, Time::ZERO);
        barrier.add(2, 12, Time::ZERO);
        assert_eq!(barrier.pop(9, Time::ZERO), None);
        assert_eq!(barrier.pop(11, Time::ZERO), Some(1));
        assert_eq!(barrier.pop(11, Time::from_ms(249)), None);
        assert_eq!(barrier.pop(11, Time::from_ms(250)), Some(2));
        assert!(barrier.is_empty());
    }
}
