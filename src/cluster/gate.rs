//! Who may begin a handshake: bounds for strangers, so that a flood costs neither memory nor the members their
//! links.
//!
//! A member is an address from which somebody has proven the cookie, and the loopback. Everybody else is a stranger.
//! Invariant: no table here grows past [`SOURCES`], and `open` counts exactly the passes that are out.

use std::{collections::BTreeMap, net::IpAddr, time::Duration};

use crate::time::Time;

/// Addresses remembered; of more, the one not seen longest is forgotten.
pub const SOURCES: usize = 256;

const STRANGERS_OPEN: u32 = 16;
const STRANGER_OPEN: u32 = 3;
const MEMBERS_OPEN: u32 = 64;
const BURST: u64 = 16;
/// One attempt of a stranger in this time.
const PACE_MS: u64 = 100;
const FAILURES: u32 = 5;
const WINDOW: Duration = Duration::from_secs(60);
const STRANGER_WAITS: Duration = Duration::from_secs(60);
const MEMBER_WAITS: Duration = Duration::from_secs(1);

/// Why a connection is closed unread.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// Too many unfinished handshakes.
    #[error("too many handshakes at once")]
    HalfOpen,
    /// Too many attempts in a second.
    #[error("too many attempts")]
    Rate,
    /// Failed too often and has to wait.
    #[error("failed too often")]
    Waits,
}

/// Leave for one handshake; give it back with [`Gate::on_end`].
#[derive(Debug)]
#[must_use]
pub struct Pass {
    from: IpAddr,
    member: bool,
}

/// How a handshake ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The other end knows the cookie, whether it was let in or not.
    Proven,
    /// It does not, or it said nothing in time.
    Failed,
    /// The connection broke.
    Broken,
}

#[derive(Clone, Copy, Debug, Default)]
struct Source {
    member: bool,
    open: u32,
    failures: u32,
    first_failure: Time,
    waits_until: Time,
    seen: Time,
}

/// The bounds, and what is known of those who came.
#[derive(Debug)]
pub struct Gate {
    sources: BTreeMap<IpAddr, Source>,
    strangers_open: u32,
    members_open: u32,
    /// Attempts that strangers may make now, in units of [`PACE_MS`].
    tokens: u64,
    filled: Time,
    refused: u64,
}

impl Gate {
    /// Nobody came yet.
    #[must_use]
    pub const fn new(now: Time) -> Self {
        Self {
            sources: BTreeMap::new(),
            strangers_open: 0,
            members_open: 0,
            tokens: BURST,
            filled: now,
            refused: 0,
        }
    }

    /// Somebody connects from `from`.
    ///
    /// # Errors
    /// [`Refusal`]: close it without reading.
    pub fn on_attempt(&mut self, from: IpAddr, now: Time) -> Result<Pass, Refusal> {
        let from = from.to_canonical();
        let known = self.sources.get(&from).copied().unwrap_or_default();
        let member = known.member || from.is_loopback();
        let refusal = if known.waits_until > now {
            Some(Refusal::Waits)
        } else if member {
            (self.members_open >= MEMBERS_OPEN).then_some(Refusal::HalfOpen)
        } else if self.strangers_open >= STRANGERS_OPEN || known.open >= STRANGER_OPEN {
            Some(Refusal::HalfOpen)
        } else {
            (!self.token(now)).then_some(Refusal::Rate)
        };
        if let Some(refusal) = refusal {
            self.refused += 1;
            return Err(refusal);
        }
        self.make_room(from);
        let source = self.sources.entry(from).or_default();
        source.open += 1;
        source.seen = now;
        *self.open(member) += 1;
        Ok(Pass { from, member })
    }

    /// A handshake is over.
    pub fn on_end(&mut self, pass: Pass, outcome: Outcome, now: Time) {
        let open = self.open(pass.member);
        *open = open.saturating_sub(1);
        let Some(source) = self.sources.get_mut(&pass.from) else { return };
        source.open = source.open.saturating_sub(1);
        source.seen = now;
        match outcome {
            Outcome::Proven => (source.member, source.failures) = (true, 0),
            Outcome::Broken => {}
            Outcome::Failed => {
                if source.failures == 0 || now - source.first_failure > WINDOW {
                    (source.failures, source.first_failure) = (0, now);
                }
                source.failures += 1;
                if source.failures >= FAILURES {
                    let member = source.member || pass.member;
                    source.waits_until = now + if member { MEMBER_WAITS } else { STRANGER_WAITS };
                    source.failures = 0;
                }
            }
        }
    }

    /// Connections closed unread so far.
    #[must_use]
    pub const fn refused(&self) -> u64 {
        self.refused
    }

    fn open(&mut self, member: bool) -> &mut u32 {
        if member { &mut self.members_open } else { &mut self.strangers_open }
    }

    fn token(&mut self, now: Time) -> bool {
        let earned = now.as_ms().saturating_sub(self.filled.as_ms()) / PACE_MS;
        self.tokens = (self.tokens + earned).min(BURST);
        self.filled = self.filled + Duration::from_millis(earned * PACE_MS);
        let some = self.tokens > 0;
        self.tokens = self.tokens.saturating_sub(1);
        some
    }

    /// Forgets the address not seen longest, if there is no room for `from`; one with a handshake under way is not forgotten.
    fn make_room(&mut self, from: IpAddr) {
        if self.sources.len() < SOURCES || self.sources.contains_key(&from) {
            return;
        }
        let idle = self.sources.iter().filter(|(_, source)| source.open == 0);
        // Members go last: a flood of strange addresses must not make strangers of them.
        let oldest = idle.min_by_key(|(_, source)| (source.member, source.seen)).map(|(ip, _)| *ip);
        if let Some(oldest) = oldest {
            self.sources.remove(&oldest);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ip(n: u16) -> IpAddr {
        let [high, low] = n.to_be_bytes();
        IpAddr::from([10, 0, high, low])
    }

    fn at(ms: u64) -> Time {
        Time::from_ms(ms)
    }

    #[test]
    fn strangers_have_few_handshakes_at_once() {
        let mut gate = Gate::new(at(0));
        let mut passes: Vec<Pass> =
            (0..3).map(|_| gate.on_attempt(ip(1), at(0)).unwrap()).collect();
        assert_eq!(gate.on_attempt(ip(1), at(0)).unwrap_err(), Refusal::HalfOpen);
        passes.extend((2..15).map(|n| gate.on_attempt(ip(n), at(0)).unwrap()));
        assert_eq!(gate.on_attempt(ip(99), at(60_000)).unwrap_err(), Refusal::HalfOpen);
        let members: Vec<Pass> =
            (0..64).map(|_| gate.on_attempt([127, 0, 0, 1].into(), at(0)).unwrap()).collect();
        assert_eq!(members.len(), 64, "the loopback has its own");
        assert!(gate.on_attempt([127, 0, 0, 2].into(), at(0)).is_err());
        passes.into_iter().for_each(|pass| gate.on_end(pass, Outcome::Broken, at(0)));
        assert!(gate.on_attempt(ip(99), at(60_000)).is_ok());
        assert_eq!(gate.refused(), 3);
    }

    #[test]
    fn strangers_have_a_pace_and_members_have_none() {
        let mut gate = Gate::new(at(0));
        let mut attempt = |from: IpAddr, now: u64, outcome: Outcome| {
            let pass = gate.on_attempt(from, at(now))?;
            gate.on_end(pass, outcome, at(now));
            Ok(())
        };
        for _ in 0..16 {
            assert_eq!(attempt(ip(1), 0, Outcome::Broken), Ok(()));
        }
        assert_eq!(attempt(ip(1), 50, Outcome::Broken), Err(Refusal::Rate));
        assert_eq!(attempt(ip(2), 100, Outcome::Proven), Ok(()));
        assert_eq!(attempt(ip(1), 150, Outcome::Broken), Err(Refusal::Rate));
        for _ in 0..100 {
            assert_eq!(attempt(ip(2), 150, Outcome::Proven), Ok(()), "a member by now");
        }
    }

    #[test]
    fn who_fails_often_waits() {
        let mut gate = Gate::new(at(0));
        let mut fail = |from: IpAddr, now: u64| {
            let pass = gate.on_attempt(from, at(now))?;
            gate.on_end(pass, Outcome::Failed, at(now));
            Ok(())
        };
        for n in 0..5 {
            assert_eq!(fail(ip(1), n * 200), Ok(()));
        }
        assert_eq!(fail(ip(1), 2000), Err(Refusal::Waits));
        assert_eq!(fail(ip(1), 60_700), Err(Refusal::Waits));
        assert_eq!(fail(ip(1), 60_800), Ok(()));
        let loopback = IpAddr::from([127, 0, 0, 1]);
        for _ in 0..5 {
            assert_eq!(fail(loopback, 70_000), Ok(()));
        }
        assert_eq!(fail(loopback, 70_900), Err(Refusal::Waits));
        assert_eq!(fail(loopback, 71_000), Ok(()));
        // Five failures spread over more than a minute are no attack.
        for n in 0..20 {
            assert_eq!(fail(ip(3), 100_000 + n * 16_000), Ok(()));
        }
    }

    #[test]
    fn a_flood_of_addresses_takes_bounded_memory_and_no_members() {
        let mut gate = Gate::new(at(0));
        let pass = gate.on_attempt(ip(7), at(0)).unwrap();
        gate.on_end(pass, Outcome::Proven, at(0));
        for n in 0..2000u16 {
            let now = at(1000 + u64::from(n) * 100);
            let pass = gate.on_attempt(ip(1000 + n), now).unwrap();
            gate.on_end(pass, Outcome::Failed, now);
        }
        assert!(gate.sources.len() <= SOURCES);
        assert!(gate.sources[&ip(7)].member);
    }
}
