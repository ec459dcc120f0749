//! When clients are asked to go while a node is emptied for an upgrade (EMQX 5: `rebalance --evacuation`). Pure.

use std::num::NonZeroU32;

use crate::time::Time;

/// Asks so many clients a second to go. After a pause of its shell it asks no more at once than those of one second.
#[derive(Clone, Copy, Debug)]
pub struct Evacuation {
    rate: NonZeroU32,
    began: Time,
    /// Clients whose turn it was since then.
    asked: u64,
}

impl Evacuation {
    /// Begins at `now`, with `rate` clients a second.
    #[must_use]
    pub const fn new(rate: NonZeroU32, now: Time) -> Self {
        Self { rate, began: now, asked: 0 }
    }

    /// When it is the next one's turn.
    #[must_use]
    pub fn deadline(&self) -> Time {
        let ms = self.asked.saturating_mul(1000) / u64::from(self.rate.get());
        self.began + std::time::Duration::from_millis(ms)
    }

    /// How many are to be asked now.
    pub fn on_deadline(&mut self, now: Time) -> u64 {
        let rate = u64::from(self.rate.get());
        let ms = u64::try_from(now.since(self.began).as_millis()).unwrap_or(u64::MAX);
        let due = ms.saturating_mul(rate) / 1000 + 1;
        let turn = due.saturating_sub(self.asked).min(rate);
        self.asked = self.asked.max(due);
        turn
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(rate: u32) -> Evacuation {
        Evacuation::new(NonZeroU32::new(rate).unwrap(), Time::from_ms(5000))
    }

    #[test]
    fn clients_go_one_after_the_other() {
        let mut slow = at(2);
        let mut times = Vec::new();
        for _ in 0..4 {
            let now = slow.deadline();
            assert_eq!(slow.on_deadline(now), 1);
            assert_eq!(slow.on_deadline(now), 0, "not twice");
            times.push(now.as_ms());
        }
        assert_eq!(times, [5000, 5500, 6000, 6500]);
    }

    #[test]
    fn a_shell_that_looks_seldom_asks_as_many_in_a_second() {
        for rate in [1, 3, 50, 1000, 100_000] {
            let mut pace = at(rate);
            let asked: u64 =
                (0..=100).map(|step| pace.on_deadline(Time::from_ms(5000 + step * 100))).sum();
            assert_eq!(asked, 10 * u64::from(rate) + 1, "{rate}");
        }
    }

    #[test]
    fn a_pause_is_not_made_up_for() {
        let mut pace = at(10);
        assert_eq!(pace.on_deadline(Time::from_ms(5000)), 1);
        assert_eq!(pace.on_deadline(Time::from_ms(65_000)), 10);
        assert_eq!(pace.on_deadline(Time::from_ms(65_100)), 1);
        assert!(pace.deadline() > Time::from_ms(65_100));
    }
}
