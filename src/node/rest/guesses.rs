//! Addresses that showed a wrong secret lately. Whatever comes from one of them waits for its turn before anybody looks at it: who
//! guesses may close the connection instead of waiting for the answer, but learns nothing without the wait.
//!
//! A /64 of IPv6 is one address here. The tables are bounded; a flood of addresses makes them forget the oldest.

use std::{
    net::IpAddr,
    sync::{Arc, Mutex},
    time::Duration,
};

use tokio::sync::Semaphore;

use super::apps::SecretHash;
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
pub(super) struct Guesses {
    wrong: Mutex<Recent<IpAddr, Wrong>>,
    right: Mutex<Recent<(IpAddr, SecretHash), ()>>,
}

struct Wrong {
    at: Time,
    turn: Turn,
}

/// Whoever has it waits; the others of the address wait for it. Who goes away leaves the queue.
pub(super) type Turn = Arc<Semaphore>;

impl Default for Guesses {
    fn default() -> Self {
        Self { wrong: Mutex::new(Recent::new(MOST)), right: Mutex::new(Recent::new(MOST)) }
    }
}

impl Guesses {
    /// What a request from here with these credentials waits for before they are looked at, if there were wrong ones. Those that were
    /// right here lately do not wait: who knows all of them has nothing to guess, and others at the address hold up nobody.
    pub(super) fn turn(&self, address: IpAddr, shown: &[u8], now: Time) -> Option<Turn> {
        let known = (source(address), SecretHash::of(shown));
        if locks::lock(&self.right).touch(&known).is_some() {
            return None;
        }
        let mut wrong = locks::lock(&self.wrong);
        let one = wrong.touch(&source(address)).filter(|one| now.since(one.at) < LATELY)?;
        Some(one.turn.clone())
    }

    /// These credentials from here were right.
    pub(super) fn note_right(&self, address: IpAddr, shown: &[u8]) {
        locks::lock(&self.right).insert((source(address), SecretHash::of(shown)), ());
    }

    /// These credentials from here were wrong. What the answer waits for.
    pub(super) fn note(&self, address: IpAddr, shown: &[u8], now: Time) -> Turn {
        // They may have been right before.
        locks::lock(&self.right).remove(&(source(address), SecretHash::of(shown)));
        let mut wrong = locks::lock(&self.wrong);
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
        assert!(guesses.turn(at("10.0.0.1"), b"a", Time::ZERO).is_none());
        let turn = guesses.note(at("10.0.0.1"), b"a", Time::ZERO);
        let same = guesses.turn(at("::ffff:10.0.0.1"), b"b", Time::from_ms(59_999)).unwrap();
        assert!(Arc::ptr_eq(&turn, &same), "one turn for all that comes from there");
        assert!(guesses.turn(at("10.0.0.2"), b"a", Time::ZERO).is_none());
        assert!(guesses.turn(at("10.0.0.1"), b"b", Time::from_ms(60_000)).is_none());
        guesses.note(at("2001:db8::1"), b"a", Time::ZERO);
        assert!(guesses.turn(at("2001:db8::ffff:2"), b"b", Time::ZERO).is_some());
        assert!(guesses.turn(at("2001:db8:0:1::1"), b"b", Time::ZERO).is_none());
        // Who was right there lately, and until that is wrong.
        guesses.note_right(at("10.0.0.1"), b"b");
        assert!(guesses.turn(at("10.0.0.1"), b"b", Time::ZERO).is_none());
        assert!(guesses.turn(at("10.0.0.1"), b"c", Time::ZERO).is_some());
        guesses.note(at("10.0.0.1"), b"b", Time::ZERO);
        assert!(guesses.turn(at("10.0.0.1"), b"b", Time::ZERO).is_some());
    }

    #[test]
    fn a_flood_of_addresses_does_not_grow_the_table() {
        let guesses = Guesses::default();
        for n in 0..100_000_u32 {
            guesses.note(IpAddr::from(n.to_be_bytes()), b"a", Time::ZERO);
        }
        assert!(locks::lock(&guesses.wrong).len() <= 2 * MOST);
    }
}
