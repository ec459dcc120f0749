//! What one subscriber got of one publisher: how much is missing, how much came twice, how much came late.

use std::collections::BTreeMap;

/// The numbers received of a sequence 0, 1, 2, ... Invariant: every number below `next` was received, or is in `missing`.
#[derive(Debug, Default, Clone)]
pub struct Order {
    next: u64,
    /// Gaps: first number -> number after the last. They do not touch each other.
    missing: BTreeMap<u64, u64>,
    /// Numbers that were received before.
    pub repeated: u64,
    /// Numbers that were received after a higher one.
    pub late: u64,
}

impl Order {
    /// `number` was received.
    pub fn on_number(&mut self, number: u64) {
        if number >= self.next {
            if number > self.next {
                self.missing.insert(self.next, number);
            }
            self.next = number + 1;
            return;
        }
        let gap = self.missing.range(..=number).next_back().map(|(from, to)| (*from, *to));
        match gap {
            Some((from, to)) if number < to => {
                self.late += 1;
                self.missing.remove(&from);
                if from < number {
                    self.missing.insert(from, number);
                }
                if number + 1 < to {
                    self.missing.insert(number + 1, to);
                }
            }
            _ => self.repeated += 1,
        }
    }

    /// How many of the first `sent` numbers never came.
    #[must_use]
    pub fn lost(&self, sent: u64) -> u64 {
        let gaps: u64 = self.missing.iter().map(|(from, to)| to - from).sum();
        gaps + sent.saturating_sub(self.next)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(numbers: &[u64], sent: u64, lost_repeated_late: (u64, u64, u64)) {
        let mut order = Order::default();
        numbers.iter().for_each(|number| order.on_number(*number));
        assert_eq!((order.lost(sent), order.repeated, order.late), lost_repeated_late);
    }

    #[test]
    fn what_went_wrong_is_counted() {
        check(&[0, 1, 2, 3], 4, (0, 0, 0));
        check(&[], 4, (4, 0, 0));
        check(&[0, 3], 6, (4, 0, 0));
        check(&[0, 1, 1, 0], 2, (0, 2, 0));
        check(&[0, 2, 1], 3, (0, 0, 1));
        check(&[9, 4, 0, 9, 4, 5, 3, 1], 10, (4, 2, 5));
    }
}
