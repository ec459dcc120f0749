//! Addresses that showed a wrong secret lately. Whatever comes from one of them waits for its turn before anybody looks at it: who
//! guesses may close the connection instead of waiting for the answer, but learns nothing without the wait.
//!
//! A /64 of IPv6 is one address here. The table is bounded; a flood of addresses makes it forget the oldest.

use std::{
    net::IpAddr,
    sync::{Arc, Mutex},
    time::Duration,
};

use tokio::sync::Semaphore;

use crate::{
    broker::{bans, recent::Recent},
    node::locks,
    time::Time,
};

/// A wrong secret counts for so long.
const LATELY: Duration = Duration::from_secs(60);
/// Addresses remembered, at least.
const MOST: usize = 1024;

/// See the module.
pub(super) struct Guesses(Mutex<Recent<IpAddr, Wrong>>);

struct Wrong {
    at: Time,
    turn: Turn,
}

/// Whoever has it waits; the others of the address wait for it. Who goes away leaves the queue.
pub(super) type Turn = Arc<Semaphore>;

impl Default for Guesses {
    fn default() -> Self {
        Self(Mutex::new(Recent::new(MOST)))
    }
}

impl Guesses {
    /// What a request from here waits for before its secret is looked at, if there was a wrong one.
    pub(super) fn turn(&self, address: IpAddr, now: Time) -> Option<Turn> {
        let mut wrong = locks::lock(&self.0);
        let one = wrong.touch(&source(address)).filter(|one| now.since(one.at) < LATELY)?;
        Some(one.turn.clone())
    }

    /// A secret from here was wrong. What its answer waits for.
    pub(super) fn note(&self, address: IpAddr, now: Time) -> Turn {
        let mut wrong = locks::lock(&self.0);
        let source = source(address);
        if let Some(one) = wrong.touch(&source) {
            one.at = now;
            return one.turn.clone();
        }
        let turn = Arc::new(Semaphore::new(1));
        wrong.insert(source, Wrong { at: now, turn: turn.clone() });
        turn
    }
}

/// What counts as one address.
pub(super) fn source(address: IpAddr) -> IpAddr {
    bans::network(address).unwrap_or_else(|| bans::source(address))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_was_wrong_lately_waits_and_nobody_else() {
        let at = |text: &str| text.parse::<IpAddr>().unwrap();
        let guesses = Guesses::default();
        assert!(guesses.turn(at("10.0.0.1"), Time::ZERO).is_none());
        let turn = guesses.note(at("10.0.0.1"), Time::ZERO);
        let same = guesses.turn(at("::ffff:10.0.0.1"), Time::from_ms(59_999)).unwrap();
        assert!(Arc::ptr_eq(&turn, &same), "one turn for all that comes from there");
        assert!(guesses.turn(at("10.0.0.2"), Time::ZERO).is_none());
        assert!(guesses.turn(at("10.0.0.1"), Time::from_ms(60_000)).is_none());
        guesses.note(at("2001:db8::1"), Time::ZERO);
        assert!(guesses.turn(at("2001:db8::ffff:2"), Time::ZERO).is_some());
        assert!(guesses.turn(at("2001:db8:0:1::1"), Time::ZERO).is_none());
    }

    #[test]
    fn a_flood_of_addresses_does_not_grow_the_table() {
        let guesses = Guesses::default();
        for n in 0..100_000_u32 {
            guesses.note(IpAddr::from(n.to_be_bytes()), Time::ZERO);
        }
        assert!(locks::lock(&guesses.0).len() <= 2 * MOST);
    }
}
