//! Times in buckets: 32 to each doubling, so that a percentile is at most 3 % too high, in 10 KB whatever the count.

/// Buckets to each doubling.
const STEPS: usize = 32;
/// Values of 2^40 and more count as the largest bucket.
const BUCKETS: usize = 36 * STEPS + 2 * STEPS;

/// Counts of values, usually microseconds.
#[derive(Debug, Clone)]
pub struct Histogram {
    buckets: Vec<u64>,
    count: u64,
    max: u64,
}

impl Default for Histogram {
    fn default() -> Self {
        Self { buckets: vec![0; BUCKETS], count: 0, max: 0 }
    }
}

impl Histogram {
    /// Counts one value.
    pub fn record(&mut self, value: u64) {
        if let Some(bucket) = self.buckets.get_mut(index(value).min(BUCKETS - 1)) {
            *bucket += 1;
        }
        self.count += 1;
        self.max = self.max.max(value);
    }

    /// How many values were counted.
    #[must_use]
    pub const fn count(&self) -> u64 {
        self.count
    }

    /// The largest value, exact.
    #[must_use]
    pub const fn max(&self) -> u64 {
        self.max
    }

    /// The value that `share` (0.0 to 1.0) of all values do not exceed; 0 when there are none.
    #[must_use]
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        clippy::cast_precision_loss,
        reason = "a rank in a count, rounded up"
    )]
    pub fn percentile(&self, share: f64) -> u64 {
        let rank = ((self.count as f64 * share.clamp(0.0, 1.0)).ceil() as u64).max(1);
        let mut seen = 0;
        for (at, bucket) in self.buckets.iter().enumerate() {
            seen += bucket;
            if seen >= rank {
                return highest(at).min(self.max);
            }
        }
        self.max
    }
}

/// The bucket of a value: itself below 64, then 32 buckets to a doubling.
fn index(value: u64) -> usize {
    let shift = (64 - value.leading_zeros()).saturating_sub(6);
    let step = usize::try_from(value >> shift).unwrap_or(usize::MAX);
    (shift as usize * STEPS).saturating_add(step)
}

/// The largest value that falls into a bucket.
const fn highest(index: usize) -> u64 {
    if index < 2 * STEPS {
        return index as u64;
    }
    let shift = index / STEPS - 1;
    (((index % STEPS + STEPS + 1) as u64) << shift) - 1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn buckets_join_without_a_gap() {
        for at in 0..BUCKETS - 1 {
            assert_eq!(index(highest(at)), at);
            assert_eq!(index(highest(at) + 1), at + 1);
        }
    }

    #[test]
    fn percentiles_are_at_most_three_percent_high() {
        let mut times = Histogram::default();
        (1..=100_000).for_each(|value| times.record(value));
        for (share, exact) in [(0.5, 50_000), (0.99, 99_000), (0.999, 99_900), (1.0, 100_000)] {
            let got = times.percentile(share);
            assert!(got >= exact && got <= exact + exact / 32, "{share}: {got}");
        }
        assert_eq!((times.max(), times.count()), (100_000, 100_000));
    }

    #[test]
    fn an_empty_one_says_zero_and_a_huge_value_fits() {
        let mut times = Histogram::default();
        assert_eq!(times.percentile(0.5), 0);
        times.record(u64::MAX);
        assert_eq!(times.max(), u64::MAX);
        assert!(times.percentile(0.5) >= 1 << 40);
    }
}
