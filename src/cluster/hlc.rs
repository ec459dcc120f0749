//! Hybrid logical clock: calendar time that never goes back and that is moved on by what other nodes say.
//!
//! 48 bits of milliseconds and 16 bits of counter. Says which of two claims is newer and which node is older, whatever the
//! clocks of the boxes.

use crate::time::{Time, Wall};

pub(crate) const COUNTER_BITS: u32 = 16;

/// So many milliseconds, as values of the clock tell them.
pub(crate) const fn from_ms(ms: u64) -> u64 {
    ms << COUNTER_BITS
}

/// A clock that is read and told.
#[derive(Clone, Copy, Debug)]
pub struct Hlc {
    /// Calendar time at [`Time::ZERO`], in ms.
    base: u64,
    last: u64,
}

impl Hlc {
    /// `wall` is the calendar at `now`; `floor` the last value of the process before, which is not gone below.
    #[must_use]
    pub fn new(wall: Wall, now: Time, floor: u64) -> Self {
        Self { base: wall.as_ms().saturating_sub(now.as_ms()), last: floor }
    }

    /// The calendar is `wall` at `now`: a box without a clock chip gets it some time after its start. No value comes twice for it.
    pub fn set_calendar(&mut self, wall: Wall, now: Time) {
        self.base = wall.as_ms().saturating_sub(now.as_ms());
    }

    /// A new value, larger than every value before.
    pub fn tick(&mut self, now: Time) -> u64 {
        let physical = (self.base.saturating_add(now.as_ms())) << COUNTER_BITS;
        self.last = physical.max(self.last.saturating_add(1));
        self.last
    }

    /// Another node has been at `seen`: what follows here is larger. A value more than 10 minutes ahead is not followed.
    pub fn observe(&mut self, seen: u64, now: Time) {
        const FAR_MS: u64 = 600_000;
        let physical = self.base.saturating_add(now.as_ms());
        if seen >> COUNTER_BITS <= physical.saturating_add(FAR_MS) {
            self.last = self.last.max(seen);
        }
    }

    /// Calendar time in ms, as this node has it.
    #[must_use]
    pub fn physical(&self, now: Time) -> u64 {
        self.base.saturating_add(now.as_ms())
    }

    /// The last value given out.
    #[must_use]
    pub fn last(&self) -> u64 {
        self.last
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn never_goes_back() {
        let mut clock = Hlc::new(Wall::from_ms(1_000), Time::ZERO, 5_000 << 16);
        let first = clock.tick(Time::from_ms(1));
        assert_eq!(first, (5_000 << 16) + 1);
        assert!(clock.tick(Time::ZERO) > first);
        clock.observe(9_000 << 16, Time::ZERO);
        assert!(clock.tick(Time::ZERO) > 9_000 << 16);
        clock.observe(u64::MAX, Time::ZERO);
        assert!(clock.last() < 10_000 << 16);
        assert_eq!(clock.tick(Time::from_ms(99_000)), 100_000 << 16);
    }

    #[test]
    fn a_calendar_that_is_set_later_counts_from_then_on() {
        let now = Time::from_ms(100);
        let mut clock = Hlc::new(Wall::from_ms(5_000), now, 0);
        let others = from_ms(50_000_000);
        clock.observe(others, now);
        assert!(clock.tick(now) < others, "too far ahead to be followed");
        clock.set_calendar(Wall::from_ms(50_000_000), now);
        clock.observe(others, now);
        let far = clock.tick(now);
        assert!(far > others);
        clock.set_calendar(Wall::from_ms(6_000), now);
        assert_eq!(clock.tick(now), far + 1, "it does not go back");
    }
}
