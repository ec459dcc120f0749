//! When to speak of a certificate that ends: 30, 7 and 1 days before, and when it has ended; each once.

use std::time::Duration;

use crate::time::Wall;

const DAY: Duration = Duration::from_secs(86_400);

/// What there is to say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Expiry {
    /// It ends in so many days, rounded down.
    Ahead(u64),
    /// It has ended.
    Over,
}

/// Whole days until it ends.
pub(super) fn days_left(not_after: Wall, now: Wall) -> u64 {
    let left = Duration::from_millis(not_after.as_ms().saturating_sub(now.as_ms()));
    left.as_secs() / DAY.as_secs()
}

/// What was said of one certificate.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Expiring {
    /// Steps that are behind, of the four.
    told: usize,
}

impl Expiring {
    /// What there is to say now; nothing, if that step was told.
    pub(super) fn due(&mut self, not_after: Wall, now: Wall) -> Option<Expiry> {
        const STEPS: [u32; 4] = [30, 7, 1, 0];
        let left = Duration::from_millis(not_after.as_ms().saturating_sub(now.as_ms()));
        let step = STEPS.iter().take_while(|days| left <= DAY * **days).count();
        if step <= self.told {
            return None;
        }
        self.told = step;
        let days = days_left(not_after, now);
        Some(if left.is_zero() { Expiry::Over } else { Expiry::Ahead(days) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_step_is_told_once() {
        const HOUR: u64 = 3_600_000;
        let end = 1_000 * 24 * HOUR;
        let mut expiring = Expiring::default();
        let mut told = Vec::new();
        for hour in (900 * 24)..(1_001 * 24) {
            if let Some(expiry) = expiring.due(Wall::from_ms(end), Wall::from_ms(hour * HOUR)) {
                told.push((end / HOUR - hour.min(end / HOUR), expiry));
            }
        }
        let want = [
            (30 * 24, Expiry::Ahead(30)),
            (7 * 24, Expiry::Ahead(7)),
            (24, Expiry::Ahead(1)),
            (0, Expiry::Over),
        ];
        assert_eq!(told, want);
    }

    #[test]
    fn a_late_start_tells_the_last_step_only() {
        let day = Wall::from_ms(86_400_000);
        let mut expiring = Expiring::default();
        assert_eq!(expiring.due(day, Wall::from_ms(1)), Some(Expiry::Ahead(0)));
        assert_eq!(expiring.due(day, Wall::from_ms(2)), None);
        assert_eq!(expiring.due(day, day), Some(Expiry::Over));
        assert_eq!(expiring.due(day, day), None);
        assert_eq!(Expiring::default().due(day, Wall::from_ms(86_400_001)), Some(Expiry::Over));
    }
}
