//! Bounds what the log writes: of each place in the code at most so many lines in ten seconds. Counters are exact, logs are
//! samples; a flood of bad connects must not fill the disk of a router, nor hold the journal up.
//!
//! What was left out is told every ten seconds, with the last line of its kind ([`RateLimit::tell`]).

use std::{
    collections::BTreeMap,
    fmt::Debug,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tracing::{
    Event, Level, Metadata, Subscriber,
    field::{Field, Visit},
};
use tracing_subscriber::layer::{Context, Filter};

use crate::{net::clock::Clock, time::Time};

/// Lines of one place in the code per window.
const LINES: u32 = 50;
/// The window, and the time between two tellings.
pub(super) const WINDOW: Duration = Duration::from_secs(10);

struct Kind {
    began: Time,
    lines: u32,
    left_out: u64,
    last: String,
}

/// The limiter. Copies share their state.
#[derive(Clone)]
pub(super) struct RateLimit {
    clock: Clock,
    /// By file and line.
    kinds: Arc<Mutex<BTreeMap<(&'static str, u32), Kind>>>,
}

impl RateLimit {
    pub(super) fn new(clock: Clock) -> Self {
        Self { clock, kinds: Arc::default() }
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<(&'static str, u32), Kind>> {
        self.kinds.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether one more line of this place is written. `text` is asked for only when it is not.
    fn admit(&self, place: (&'static str, u32), now: Time, text: impl FnOnce() -> String) -> bool {
        let mut kinds = self.lock();
        let fresh = || Kind { began: now, lines: 0, left_out: 0, last: String::new() };
        let kind = kinds.entry(place).or_insert_with(fresh);
        if kind.began + WINDOW <= now {
            (kind.began, kind.lines) = (now, 0);
        }
        kind.lines = kind.lines.saturating_add(1);
        if kind.lines <= LINES {
            return true;
        }
        kind.left_out += 1;
        kind.last = text();
        false
    }

    /// Takes out how many lines of each kind were left out since the last time, with the last of them.
    fn take(&self) -> Vec<(u64, String)> {
        let mut kinds = self.lock();
        let some = kinds.values_mut().filter(|kind| kind.left_out > 0);
        some.map(|kind| (std::mem::take(&mut kind.left_out), std::mem::take(&mut kind.last)))
            .collect()
    }

    /// Writes how many lines were left out.
    pub(super) fn tell(&self) {
        for (lines, last) in self.take() {
            tracing::warn!(name: "lines-left-out", lines, last, "lines of one kind left out of the log");
        }
    }
}

/// The text of an event: its message and its fields.
#[derive(Default)]
struct Text(String);

impl Visit for Text {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        let space = if self.0.is_empty() { "" } else { " " };
        self.0 += &if field.name() == "message" {
            format!("{space}{value:?}")
        } else {
            format!("{space}{}={value:?}", field.name())
        };
    }
}

impl<S: Subscriber> Filter<S> for RateLimit {
    fn enabled(&self, _: &Metadata<'_>, _: &Context<'_, S>) -> bool {
        true
    }

    fn event_enabled(&self, event: &Event<'_>, _: &Context<'_, S>) -> bool {
        let about = event.metadata();
        // Who asks for debug lines wants all of them.
        let (Some(file), Some(line)) = (about.file(), about.line()) else { return true };
        *about.level() > Level::INFO
            || self.admit((file, line), self.clock.now(), || {
                let mut text = Text::default();
                event.record(&mut text);
                text.0.chars().take(200).collect()
            })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flood_is_cut_and_told_of() {
        let limit = RateLimit::new(Clock::system());
        let admitted = |place, at: u64, count: u32| {
            let at = Time::from_ms(at);
            (0..count).filter(|n| limit.admit(("a.rs", place), at, || format!("line {n}"))).count()
        };
        assert_eq!(admitted(1, 0, 100_000), 50);
        assert_eq!(admitted(2, 0, 3), 3, "other places are not touched");
        assert_eq!(limit.take(), [(99_950, "line 99999".to_owned())]);
        assert_eq!(limit.take(), []);
        assert_eq!(admitted(1, 9_999, 1), 0);
        assert_eq!(admitted(1, 10_000, 60), 50);
    }
}
