//! How much a client may send within a time (EMQX `rate_limit.*`), by the leaky bucket: so much at once, and then as it empties.
//! Who is above it is not read for a while; nothing is dropped. Pure.

use std::time::Duration;

use crate::time::Time;

/// So much within so much time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rate {
    /// How much, at least 1.
    pub amount: u64,
    /// Within this time.
    pub window: Duration,
}

/// What is left to one client. Invariant: times are nanoseconds since the start of the process.
#[derive(Clone, Copy, Debug)]
struct Bucket {
    /// What one unit takes.
    each: u64,
    window: u64,
    /// When nothing of what was sent counts any more.
    empty_at: u64,
}

const NANOS: u64 = 1_000_000;

impl Bucket {
    fn new(rate: Rate) -> Self {
        let window = u64::try_from(rate.window.as_nanos()).unwrap_or(u64::MAX);
        Self { each: (window / rate.amount.max(1)).max(1), window, empty_at: 0 }
    }

    /// Takes `amount`; when there is room again, if there is none now.
    fn take(&mut self, amount: u64, now: Time) -> Option<Time> {
        let now = now.as_ms().saturating_mul(NANOS);
        self.empty_at = self.empty_at.max(now).saturating_add(amount.saturating_mul(self.each));
        let room_at = self.empty_at.saturating_add(self.each).saturating_sub(self.window);
        (room_at > now).then(|| Time::from_ms(room_at.div_ceil(NANOS)))
    }
}

/// The rates of one client.
#[derive(Debug)]
pub struct Pace {
    messages: Option<Bucket>,
    bytes: Option<Bucket>,
    /// Nothing is read before.
    until: Option<Time>,
}

impl Pace {
    /// Nothing was sent yet; `None` where there is no limit.
    #[must_use]
    pub fn new(messages: Option<Rate>, bytes: Option<Rate>) -> Option<Self> {
        let (messages, bytes) = (messages.map(Bucket::new), bytes.map(Bucket::new));
        (messages.is_some() || bytes.is_some()).then_some(Self { messages, bytes, until: None })
    }

    /// A packet of so many bytes came, with a message in it or not. `true`: the client is above its rate from now on.
    pub fn on_packet(&mut self, is_message: bool, bytes: usize, now: Time) -> bool {
        let messages = self.messages.as_mut().filter(|_| is_message);
        let messages = messages.and_then(|bucket| bucket.take(1, now));
        let bytes = u64::try_from(bytes).unwrap_or(u64::MAX);
        let bytes = self.bytes.as_mut().and_then(|bucket| bucket.take(bytes, now));
        let was_above = self.until.is_some();
        self.until = [self.until, messages, bytes].into_iter().flatten().max();
        self.until.is_some() && !was_above
    }

    /// When it is read again; `None`: it is read.
    #[must_use]
    pub const fn until(&self) -> Option<Time> {
        self.until
    }

    /// It is read again, if it is time.
    pub fn on_time(&mut self, now: Time) {
        self.until = self.until.filter(|until| *until > now);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rate(amount: u64, seconds: u64) -> Option<Rate> {
        Some(Rate { amount, window: Duration::from_secs(seconds) })
    }

    /// Sends `each` bytes a message whenever it is read, until `end`; how many messages came, and pauses.
    fn run(pace: &mut Pace, each: usize, end: Time) -> (u32, u32) {
        let (mut now, mut sent, mut pauses) = (Time::ZERO, 0, 0);
        loop {
            pace.on_time(now);
            while pace.until().is_none() {
                sent += 1;
                pauses += u32::from(pace.on_packet(true, each, now));
            }
            let Some(until) = pace.until().filter(|until| *until <= end) else {
                return (sent, pauses);
            };
            assert!(until > now, "a pause takes time");
            now = until;
        }
    }

    #[test]
    fn messages_come_at_their_rate() {
        let mut pace = Pace::new(rate(100, 10), None).unwrap();
        let (sent, pauses) = run(&mut pace, 10, Time::from_ms(60_000));
        // What is allowed at once, and ten a second.
        assert!((695..=705).contains(&sent), "{sent}");
        assert!(pauses > 500, "{pauses}");
    }

    #[test]
    fn bytes_come_at_their_rate_whatever_the_packets() {
        for each in [100, 5000, 300_000] {
            let mut pace = Pace::new(None, rate(100_000, 1)).unwrap();
            let (sent, _) = run(&mut pace, each, Time::from_ms(60_000));
            let bytes = u64::from(sent) * each as u64;
            assert!((6_000_000..=6_400_000).contains(&bytes), "{each}: {bytes}");
        }
    }

    #[test]
    fn who_stays_below_its_rate_is_always_read() {
        let mut pace = Pace::new(rate(10, 1), rate(1000, 1)).unwrap();
        for n in 0..1000 {
            assert!(!pace.on_packet(true, 90, Time::from_ms(n * 101)));
            assert!(!pace.on_packet(false, 2, Time::from_ms(n * 101)));
        }
        assert!(Pace::new(None, None).is_none());
    }
}
