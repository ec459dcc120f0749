//! The clock: the only caller of `Instant::now` and `SystemTime::now`.

use std::{
    sync::OnceLock,
    time::{Instant, SystemTime, UNIX_EPOCH},
};

use crate::time::{Time, Wall};

/// Reads the time for the shells. Copies share one start.
#[derive(Clone, Copy, Debug)]
pub struct Clock {
    start: Instant,
}

impl Clock {
    /// The clock of this process; its zero is the first call.
    #[must_use]
    #[expect(clippy::disallowed_methods, reason = "the one place that reads the clock")]
    pub fn system() -> Self {
        static START: OnceLock<Instant> = OnceLock::new();
        Self { start: *START.get_or_init(Instant::now) }
    }

    /// Milliseconds since the start of the process.
    #[must_use]
    pub fn now(self) -> Time {
        Time::from_ms(u64::try_from(self.start.elapsed().as_millis()).unwrap_or(u64::MAX))
    }

    /// Microseconds since the start of the process: to measure, not to plan with.
    #[must_use]
    pub fn micros(self) -> u64 {
        u64::try_from(self.start.elapsed().as_micros()).unwrap_or(u64::MAX)
    }

    /// Calendar time; zero on a box whose clock stands before 1970.
    #[must_use]
    #[expect(clippy::disallowed_methods, reason = "the one place that reads the clock")]
    pub fn wall(self) -> Wall {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Wall::from_ms(u64::try_from(since.as_millis()).unwrap_or(u64::MAX))
    }

    /// The same moment for `tokio::time::sleep_until`.
    #[must_use]
    pub fn instant(self, at: Time) -> tokio::time::Instant {
        (self.start + at.since(Time::ZERO)).into()
    }
}
