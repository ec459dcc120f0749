//! How many TLS handshakes a node does at once: so many in all, and of one address a part, so that whoever begins many and ends none
//! holds up himself and not the others. Of IPv6 a /64 has a larger part: one host in it has as many addresses as it likes.

use std::{
    collections::BTreeMap,
    net::IpAddr,
    sync::{Arc, Mutex, PoisonError, Weak},
};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::broker::bans;

/// Handshakes at once.
const ALL: usize = 256;
/// Of them those of one address,
const EACH: usize = 64;
/// and those of one network.
const NETWORK: usize = 192;

/// Whose places they are: of an address, or of the network that begins with it; and how many.
type Whose = (IpAddr, usize);

/// The places for handshakes.
pub(in crate::node) struct Handshakes {
    all: Arc<Semaphore>,
    each: Mutex<BTreeMap<Whose, Weak<Semaphore>>>,
}

/// A place for one handshake; free again when dropped.
pub(in crate::node) struct Turn {
    _all: OwnedSemaphorePermit,
    _each: [Option<OwnedSemaphorePermit>; 2],
}

impl Default for Handshakes {
    fn default() -> Self {
        Self { all: Arc::new(Semaphore::new(ALL)), each: Mutex::default() }
    }
}

impl Handshakes {
    /// Waits for a place. `None` never comes: nobody closes the semaphores.
    pub(in crate::node) async fn turn(&self, address: IpAddr) -> Option<Turn> {
        let own = self.of((bans::source(address), EACH));
        let own = own.acquire_owned().await.ok()?;
        let network = match bans::network(address) {
            Some(network) => Some(self.of((network, NETWORK)).acquire_owned().await.ok()?),
            None => None,
        };
        let all = self.all.clone().acquire_owned().await.ok()?;
        Some(Turn { _all: all, _each: [Some(own), network] })
    }

    /// The places of an address or network. Those that have no handshake are forgotten on the way.
    fn of(&self, whose: Whose) -> Arc<Semaphore> {
        let mut each = self.each.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = each.get(&whose).and_then(Weak::upgrade) {
            return known;
        }
        if each.len() >= 4 * ALL {
            each.retain(|_, one| one.strong_count() > 0);
        }
        let new = Arc::new(Semaphore::new(whose.1));
        each.insert(whose, Arc::downgrade(&new));
        new
    }
}

#[cfg(test)]
mod tests {
    use std::{net::Ipv4Addr, task::Poll};

    use super::*;

    fn ip(last: u32) -> IpAddr {
        Ipv4Addr::from(last).into()
    }

    /// The place, if there is one at once.
    async fn now(all: &Handshakes, address: IpAddr) -> Option<Turn> {
        let mut turn = Box::pin(tokio::task::unconstrained(all.turn(address)));
        let polled = std::future::poll_fn(|cx| Poll::Ready(turn.as_mut().poll(cx))).await;
        match polled {
            Poll::Ready(turn) => turn,
            Poll::Pending => None,
        }
    }

    #[tokio::test]
    async fn an_address_has_a_part_of_the_places_and_all_have_a_bound() {
        let all = Handshakes::default();
        let mut turns = Vec::new();
        for address in 0..4 {
            for _ in 0..EACH {
                turns.push(now(&all, ip(address)).await.unwrap());
            }
            assert!(now(&all, ip(address)).await.is_none());
        }
        assert!(now(&all, ip(9)).await.is_none(), "256 are all");
        turns.pop();
        assert!(now(&all, ip(9)).await.is_some());
        assert!(now(&all, ip(0)).await.is_none());
        turns.clear();
        assert!(now(&all, ip(0)).await.is_some());
    }

    #[tokio::test]
    async fn a_host_of_a_lan_leaves_places_for_its_neighbours_and_the_lan_for_others() {
        let all = Handshakes::default();
        let host = |last: u16| IpAddr::from([0x2001, 0xdb8, 0, 0, 0, 0, 0, last]);
        let mut turns = Vec::new();
        for last in 0..3 {
            for _ in 0..EACH {
                turns.push(now(&all, host(last)).await.unwrap());
            }
            assert!(now(&all, host(last)).await.is_none());
        }
        assert!(now(&all, host(9)).await.is_none(), "192 are all of a network");
        turns.push(now(&all, ip(1)).await.unwrap());
        turns.pop();
        turns.pop();
        assert!(now(&all, host(9)).await.is_some());
    }

    #[tokio::test]
    async fn addresses_without_a_handshake_are_forgotten() {
        let all = Handshakes::default();
        for address in 0..10_000 {
            now(&all, ip(address)).await.unwrap();
        }
        assert!(all.each.lock().unwrap().len() <= 4 * ALL);
    }
}
