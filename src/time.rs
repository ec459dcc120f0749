//! Time as the cores see it: a number that the shell hands in. No clock is read here.
//!
//! [`Time`] is monotonic (for timers and expiry), [`Wall`] is the calendar (for people and for other nodes).

use std::{
    ops::{Add, Sub},
    time::Duration,
};

/// Milliseconds since this process started. Never goes back.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Time(u64);

impl Time {
    /// The start of the process.
    pub const ZERO: Self = Self(0);

    /// `ms` milliseconds after the start of the process.
    #[must_use]
    pub const fn from_ms(ms: u64) -> Self {
        Self(ms)
    }

    /// Milliseconds since the start of the process.
    #[must_use]
    pub const fn as_ms(self) -> u64 {
        self.0
    }

    /// How long ago `earlier` was; zero if it lies ahead.
    #[must_use]
    pub const fn since(self, earlier: Self) -> Duration {
        Duration::from_millis(self.0.saturating_sub(earlier.0))
    }
}

impl Add<Duration> for Time {
    type Output = Self;

    /// Saturates at the end of time, half a billion years away.
    fn add(self, span: Duration) -> Self {
        Self(self.0.saturating_add(u64::try_from(span.as_millis()).unwrap_or(u64::MAX)))
    }
}

impl Sub for Time {
    type Output = Duration;

    /// Zero if `earlier` lies ahead.
    fn sub(self, earlier: Self) -> Duration {
        self.since(earlier)
    }
}

/// Milliseconds since 1970-01-01 UTC. May jump, so it is shown and sent, never waited for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Wall(u64);

impl Wall {
    /// `ms` milliseconds after the epoch.
    #[must_use]
    pub const fn from_ms(ms: u64) -> Self {
        Self(ms)
    }

    /// Milliseconds since the epoch.
    #[must_use]
    pub const fn as_ms(self) -> u64 {
        self.0
    }
}

/// Where and when something was written that every node has a copy of. Of two writes of one thing the higher one counts, in
/// whatever order they arrive.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Stamp {
    /// Hybrid time: 48 bits of milliseconds since 1970, 16 bits of counter. 0: never leaves its node.
    pub hlc: u64,
    /// The node that wrote it.
    pub node: [u8; 16],
}

impl Stamp {
    /// Of what belongs to one node alone.
    pub const LOCAL: Self = Self { hlc: 0, node: [0; 16] };

    /// Whether other nodes have a copy.
    #[must_use]
    pub const fn is_shared(&self) -> bool {
        self.hlc != 0
    }

    /// Just above this one, written by `node`.
    #[must_use]
    pub const fn after(&self, node: [u8; 16]) -> Self {
        Self { hlc: self.hlc.saturating_add(1), node }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_does_not_wrap() {
        assert_eq!(Time::from_ms(5) - Time::from_ms(9), Duration::ZERO);
        assert_eq!((Time::from_ms(u64::MAX) + Duration::from_secs(1)).as_ms(), u64::MAX);
        assert_eq!(Time::from_ms(1500).since(Time::from_ms(500)), Duration::from_secs(1));
    }
}
