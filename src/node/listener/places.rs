//! Places for connections: of a listener (`listener.*.max_connections`), of one address at it
//! (`listener.*.max_connections_per_address`), and of the node, which may open only so many files.
//!
//! Past the last one a few more are let in for a moment, to be told why they cannot stay.

use std::{
    collections::HashMap,
    net::IpAddr,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
};

use crate::{node::locks, topic::Hashing};

/// Connections past the last place that are told so at a time; others are closed without a word. A part of the descriptors that
/// are kept back from connections.
const TOLD: usize = 64;
/// The same of one address.
const TOLD_OF_ADDRESS: usize = 8;

/// How much room there was for a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(in crate::node) enum Room {
    /// Enough.
    Plenty,
    /// More than four in five places are taken.
    Little,
    /// None: it is told so.
    None,
}

/// The places of the node.
#[derive(Debug)]
pub struct NodePlaces {
    taken: AtomicUsize,
    most: usize,
}

impl NodePlaces {
    /// `most` places.
    #[must_use]
    pub const fn new(most: usize) -> Self {
        Self { taken: AtomicUsize::new(0), most }
    }
}

/// The places of a listener, each of which is one of the node's too; or those of one address at it, each of which is one of the
/// listener's.
#[derive(Debug)]
pub(in crate::node) struct Places {
    taken: AtomicUsize,
    most: usize,
    node: Arc<NodePlaces>,
    /// The listener and the address, if they are those of one.
    of: Option<(Arc<Self>, IpAddr)>,
    /// Places of one address; 0 is no limit, and then nobody is counted.
    each: usize,
    /// The addresses that have some. Invariant: none of them has none.
    addresses: Mutex<HashMap<IpAddr, Arc<Self>, Hashing>>,
}

/// One connection's place, where it is counted most closely.
pub(in crate::node) struct Place(Arc<Places>);

impl Places {
    /// `most` places, `each` of one address.
    pub(in crate::node) fn new(most: usize, each: usize, node: Arc<NodePlaces>) -> Self {
        let (taken, addresses) = (AtomicUsize::new(0), Mutex::default());
        Self { taken, most, node, of: None, each, addresses }
    }

    /// Connections of the listener now.
    pub(in crate::node) fn taken(&self) -> usize {
        self.taken.load(Ordering::Relaxed)
    }

    /// The most there may be.
    pub(in crate::node) fn most(&self) -> usize {
        self.most.min(self.node.most)
    }

    /// A place for a connection that has one already, in the process before.
    pub(in crate::node) fn keep(self: &Arc<Self>) -> Place {
        self.taken.fetch_add(1, Ordering::Relaxed);
        self.node.taken.fetch_add(1, Ordering::Relaxed);
        Place(self.clone())
    }

    /// A place, and how much room there was; `None` when there is not even room to say that there is none.
    pub(in crate::node) fn take(self: &Arc<Self>) -> Option<(Place, Room)> {
        let here = self.taken.fetch_add(1, Ordering::Relaxed);
        let all = self.node.taken.fetch_add(1, Ordering::Relaxed);
        let place = Place(self.clone());
        let room = room(here, self.most).max(room(all, self.node.most));
        let past = here.saturating_sub(self.most).max(all.saturating_sub(self.node.most));
        (past < TOLD).then_some((place, room))
    }
}

impl Place {
    /// It is a connection from `address`, as far as is known now. `false`: there are too many; `None`: so many more that not even
    /// this can be told.
    pub(in crate::node) fn belongs_to(&mut self, address: IpAddr) -> Option<bool> {
        let listener = self.leave_address();
        if listener.each == 0 {
            return Some(true);
        }
        let new = || {
            let places = Places::new(listener.each, 0, listener.node.clone());
            Arc::new(Places { of: Some((listener.clone(), address)), ..places })
        };
        let before = {
            let mut addresses = locks::lock(&listener.addresses);
            let places = addresses.entry(address).or_insert_with(new);
            self.0 = places.clone();
            places.taken.fetch_add(1, Ordering::Relaxed)
        };
        (before < listener.each + TOLD_OF_ADDRESS).then_some(before < listener.each)
    }

    /// It is the listener's and nobody's.
    fn leave_address(&mut self) -> Arc<Places> {
        let Some((listener, address)) = self.0.of.clone() else { return self.0.clone() };
        let mut addresses = locks::lock(&listener.addresses);
        if self.0.taken.fetch_sub(1, Ordering::Relaxed) == 1 {
            addresses.remove(&address);
            if addresses.capacity() > 1024 && addresses.len() < addresses.capacity() / 4 {
                addresses.shrink_to_fit();
            }
        }
        drop(addresses);
        self.0 = listener.clone();
        listener
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let listener = self.leave_address();
        listener.taken.fetch_sub(1, Ordering::Relaxed);
        listener.node.taken.fetch_sub(1, Ordering::Relaxed);
    }
}

fn room(taken: usize, most: usize) -> Room {
    if taken >= most {
        Room::None
    } else if taken >= most - most / 5 {
        Room::Little
    } else {
        Room::Plenty
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_listener_has_its_places_and_all_have_those_of_the_node() {
        let node = Arc::new(NodePlaces::new(15));
        let [one, other] = [10, 10].map(|most| Arc::new(Places::new(most, 0, node.clone())));
        let take = |from: &Arc<Places>| from.take().unwrap();
        let mut held: Vec<_> = (0..10).map(|_| take(&one)).collect();
        let rooms: Vec<Room> = held.iter().map(|(_, room)| *room).collect();
        assert_eq!(rooms[..8], [Room::Plenty; 8]);
        assert_eq!(rooms[8..], [Room::Little; 2]);
        assert_eq!(take(&one).1, Room::None, "all of the listener are taken");
        let more: Vec<_> = (0..5).map(|_| take(&other)).collect();
        assert_eq!(more[4].1, Room::Little);
        assert_eq!(take(&other).1, Room::None, "all of the node are taken");
        held.pop();
        assert_eq!(take(&other).1, Room::Little);
        assert_eq!((one.taken(), other.taken()), (9, 5));
    }

    #[test]
    fn an_address_has_its_places_where_they_are_counted() {
        let node = Arc::new(NodePlaces::new(usize::MAX));
        let address = |n: u8| IpAddr::from([192, 0, 2, n]);
        let places = Arc::new(Places::new(100, 2, node.clone()));
        let take = |n: u8| {
            let (mut place, _) = places.take().unwrap();
            let room = place.belongs_to(address(n));
            (place, room)
        };
        let mut held: Vec<_> = (0..2 + TOLD_OF_ADDRESS).map(|_| take(1)).collect();
        let rooms: Vec<_> = held.iter().map(|(_, room)| *room).collect();
        assert_eq!(rooms[..3], [Some(true), Some(true), Some(false)]);
        assert_eq!(rooms[3..], [Some(false); TOLD_OF_ADDRESS - 1]);
        assert_eq!(take(1).1, None);
        assert_eq!(take(2).1, Some(true), "others have theirs");
        held.truncate(1);
        // A proxy says later whose it is.
        let mut one = take(1);
        assert_eq!(one.1, Some(true));
        assert_eq!(one.0.belongs_to(address(3)), Some(true));
        assert_eq!(take(1).1, Some(true), "it is not the proxy's any more");
        drop((held, one));
        assert!(locks::lock(&places.addresses).is_empty());
        let any = Arc::new(Places::new(100, 0, node));
        let held: Vec<_> = (0..50).map(|_| any.take().unwrap().0).collect();
        assert!(held.into_iter().all(|mut place| place.belongs_to(address(1)) == Some(true)));
    }

    #[test]
    fn past_the_last_place_few_are_told() {
        let places = Arc::new(Places::new(1, 0, Arc::new(NodePlaces::new(usize::MAX))));
        let held: Vec<_> = (0..1 + TOLD).map(|_| places.take()).collect();
        assert!(held.iter().all(Option::is_some));
        assert!(places.take().is_none());
        assert_eq!(places.taken(), 1 + TOLD, "who is closed at once takes none");
    }
}
