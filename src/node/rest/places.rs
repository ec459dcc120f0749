//! Places for connections that have shown no secret yet.
//!
//! There are few, so that strangers take little; and whoever comes gets one: when all are taken, the oldest connection of the
//! address that has most of them goes. So one address that opens many takes its own places and not those of others. A /64 of IPv6 is
//! one address here.

use std::{
    collections::BTreeMap,
    net::IpAddr,
    sync::{Arc, Mutex},
};

use tokio::sync::Notify;

use super::guesses::source;
use crate::node::locks;

/// Places.
const MOST: usize = 16;

/// Connections without a secret, the oldest first.
#[derive(Default)]
pub(super) struct Strangers(Mutex<Places>);

#[derive(Default)]
struct Places {
    next: u64,
    taken: Vec<Taken>,
}

struct Taken {
    number: u64,
    source: IpAddr,
    gone: Arc<Notify>,
}

/// A place; given up when this is dropped.
pub(super) struct Place {
    number: u64,
    all: Arc<Strangers>,
    gone: Arc<Notify>,
}

impl Strangers {
    /// A place for a connection from this address. `true` beside it: another had to go.
    pub(super) fn take(self: &Arc<Self>, address: IpAddr) -> (Place, bool) {
        let (source, gone) = (source(address), Arc::new(Notify::new()));
        let mut places = locks::lock(&self.0);
        places.next += 1;
        let number = places.next;
        places.taken.push(Taken { number, source, gone: gone.clone() });
        let full = places.taken.len() > MOST;
        if full {
            places.turn_one_out();
        }
        (Place { number, all: self.clone(), gone }, full)
    }

    fn leave(&self, number: u64) {
        locks::lock(&self.0).taken.retain(|one| one.number != number);
    }
}

impl Places {
    fn turn_one_out(&mut self) {
        let mut counts: BTreeMap<IpAddr, usize> = BTreeMap::new();
        for one in &self.taken {
            *counts.entry(one.source).or_default() += 1;
        }
        let most = counts.values().max().copied();
        let it = self.taken.iter().position(|one| counts.get(&one.source).copied() == most);
        if let Some(at) = it {
            self.taken.remove(at).gone.notify_one();
        }
    }
}

impl Place {
    /// It has shown a secret: it is no stranger any more.
    pub(super) fn known(&self) {
        self.all.leave(self.number);
    }

    /// Resolves when it has to go.
    pub(super) fn lost(&self) -> Arc<Notify> {
        self.gone.clone()
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.all.leave(self.number);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(last: u8) -> IpAddr {
        [10, 0, 0, last].into()
    }

    #[tokio::test]
    async fn who_opens_many_turns_his_own_out() {
        let all = Arc::new(Strangers::default());
        let other = all.take(at(2)).0;
        let held: Vec<_> = (0..MOST - 1).map(|_| all.take(at(1))).collect();
        assert!(held.iter().all(|(_, full)| !full));
        let (late, full) = all.take(at(3));
        assert!(full);
        held[0].0.lost().notified().await;
        let (_more, full) = all.take(at(1));
        assert!(full);
        held[1].0.lost().notified().await;
        assert_eq!(locks::lock(&all.0).taken.len(), MOST);
        assert!(locks::lock(&all.0).taken.iter().any(|one| one.number == other.number));
        late.known();
        assert!(!all.take(at(4)).1, "who is known takes none");
        drop((held, other, late));
        assert_eq!(locks::lock(&all.0).taken.len(), 1);
    }

    #[tokio::test]
    async fn who_has_a_whole_network_turns_his_own_out() {
        let all = Arc::new(Strangers::default());
        let other = all.take(at(2)).0;
        let host = |n: usize| format!("2001:db8::{n:x}").parse().unwrap();
        let held: Vec<_> = (0..MOST * 2).map(|n| all.take(host(n)).0).collect();
        assert!(locks::lock(&all.0).taken.iter().any(|one| one.number == other.number));
        drop(held);
    }
}
