//! Logins that wait for their passwords to be verified: bounded, and fair between addresses.
//!
//! An address may have as many waiting as there are places left, so that there always are some for others: alone it gets half of
//! all places, two get a third each. The addresses take turns, so nobody waits for the whole queue of another. The addresses in a
//! /64 of IPv6 have one turn among the others, which they take in turn, and there each leaves places for its neighbours too.

use std::{
    collections::{BTreeMap, VecDeque},
    net::IpAddr,
};

use crate::broker::bans;

/// See the module.
pub(in crate::node) struct Logins<T> {
    networks: BTreeMap<IpAddr, Network<T>>,
    /// Each network that has something waiting, once.
    turns: VecDeque<IpAddr>,
    waiting: usize,
    most: usize,
}

/// What waits of a network, or of an address that is in none.
struct Network<T> {
    by_address: BTreeMap<IpAddr, VecDeque<T>>,
    /// Each address that has something waiting, once.
    turns: VecDeque<IpAddr>,
    waiting: usize,
}

impl<T> Default for Network<T> {
    fn default() -> Self {
        Self { by_address: BTreeMap::new(), turns: VecDeque::new(), waiting: 0 }
    }
}

/// No place for one more from this address, and so not for this one.
pub(in crate::node) struct Full<T>(pub(in crate::node) T);

impl<T> Logins<T> {
    /// An empty queue with so many places.
    pub(in crate::node) const fn new(most: usize) -> Self {
        Self { networks: BTreeMap::new(), turns: VecDeque::new(), waiting: 0, most }
    }

    /// How many wait.
    pub(in crate::node) const fn len(&self) -> usize {
        self.waiting
    }

    /// One more from `peer`.
    pub(in crate::node) fn push(&mut self, peer: IpAddr, login: T) -> Result<(), Full<T>> {
        let (address, shared) = (bans::source(peer), bans::network(peer));
        let key = shared.unwrap_or(address);
        let (ours, own) = self.networks.get(&key).map_or((0, 0), |network| {
            (network.waiting, network.by_address.get(&address).map_or(0, VecDeque::len))
        });
        let spared = if shared.is_some() { own } else { 0 };
        if ours + spared >= self.most.saturating_sub(self.waiting) {
            return Err(Full(login));
        }
        if ours == 0 {
            self.turns.push_back(key);
        }
        let network = self.networks.entry(key).or_default();
        if own == 0 {
            network.turns.push_back(address);
        }
        network.by_address.entry(address).or_default().push_back(login);
        network.waiting += 1;
        self.waiting += 1;
        Ok(())
    }

    /// The oldest of the address whose turn it is.
    pub(in crate::node) fn pop(&mut self) -> Option<T> {
        let key = self.turns.pop_front()?;
        let network = self.networks.get_mut(&key)?;
        let address = network.turns.pop_front()?;
        let own = network.by_address.get_mut(&address)?;
        let login = own.pop_front()?;
        self.waiting -= 1;
        network.waiting -= 1;
        if own.is_empty() {
            network.by_address.remove(&address);
        } else {
            network.turns.push_back(address);
        }
        if network.waiting == 0 {
            self.networks.remove(&key);
        } else {
            self.turns.push_back(key);
        }
        Some(login)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(last: u8) -> IpAddr {
        [10, 0, 0, last].into()
    }

    #[test]
    fn one_address_leaves_places_for_others() {
        let mut logins = Logins::new(12);
        let mut fill = |last| (0..20).filter(|_| logins.push(at(last), last).is_ok()).count();
        assert_eq!([fill(1), fill(2), fill(3), fill(4)], [6, 3, 2, 1]);
        assert_eq!((fill(5), fill(1)), (0, 0), "it is full");
        assert_eq!(logins.len(), 12);
    }

    #[test]
    fn one_host_of_a_lan_leaves_places_for_its_neighbours() {
        let mut logins = Logins::new(12);
        let host = |last: u16| IpAddr::from([0x2001, 0xdb8, 0, 0, 0, 0, 0, last]);
        let link = |last: u16| IpAddr::from([0xfe80, 0, 0, 0, 0, 0, 0, last]);
        let mut fill = |peer| (0..20).filter(|_| logins.push(peer, 0).is_ok()).count();
        assert_eq!([fill(host(1)), fill(host(2))], [4, 2], "half of all in one network");
        assert_eq!([fill(link(1)), fill(link(2))], [3, 2], "all of one link are no network");
    }

    #[test]
    fn addresses_take_turns_and_each_keeps_its_order() {
        let mut logins = Logins::new(100);
        for (last, login) in [(1, "a"), (1, "b"), (1, "c"), (2, "x"), (3, "y"), (2, "z")] {
            assert!(logins.push(at(last), login).is_ok());
        }
        let order: Vec<_> = std::iter::from_fn(|| logins.pop()).collect();
        assert_eq!(order, ["a", "x", "y", "b", "z", "c"]);
        assert!((logins.len(), logins.turns.len(), logins.networks.len()) == (0, 0, 0));
        assert!(logins.push(at(1), "again").is_ok());
        assert_eq!(logins.pop(), Some("again"));
    }
}
