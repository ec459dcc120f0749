//! Places for connections: of a listener (`listener.*.max_connections`), and of the node, which may open only so many files.
//!
//! Past the last one a few more are let in for a moment, to be told why they cannot stay.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

/// Connections past the last place that are told so at a time; others are closed without a word. A part of the descriptors that
/// are kept back from connections.
const TOLD: usize = 64;

/// How much room there was for a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Room {
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

/// The places of a listener, each of which is one of the node's too.
#[derive(Debug)]
pub(super) struct Places {
    taken: AtomicUsize,
    most: usize,
    node: Arc<NodePlaces>,
}

/// One connection's place.
pub(super) struct Place(Arc<Places>);

impl Places {
    pub(super) const fn new(most: usize, node: Arc<NodePlaces>) -> Self {
        Self { taken: AtomicUsize::new(0), most, node }
    }

    /// Connections of the listener now.
    pub(super) fn taken(&self) -> usize {
        self.taken.load(Ordering::Relaxed)
    }

    /// The most there may be.
    pub(super) fn most(&self) -> usize {
        self.most.min(self.node.most)
    }

    /// A place for a connection that has one already, in the process before.
    pub(super) fn keep(self: &Arc<Self>) -> Place {
        self.taken.fetch_add(1, Ordering::Relaxed);
        self.node.taken.fetch_add(1, Ordering::Relaxed);
        Place(self.clone())
    }

    /// A place, and how much room there was; `None` when there is not even room to say that there is none.
    pub(super) fn take(self: &Arc<Self>) -> Option<(Place, Room)> {
        let here = self.taken.fetch_add(1, Ordering::Relaxed);
        let all = self.node.taken.fetch_add(1, Ordering::Relaxed);
        let place = Place(self.clone());
        let room = room(here, self.most).max(room(all, self.node.most));
        let past = here.saturating_sub(self.most).max(all.saturating_sub(self.node.most));
        (past < TOLD).then_some((place, room))
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.0.taken.fetch_sub(1, Ordering::Relaxed);
        self.0.node.taken.fetch_sub(1, Ordering::Relaxed);
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
        let [one, other] = [10, 10].map(|most| Arc::new(Places::new(most, node.clone())));
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
    fn past_the_last_place_few_are_told() {
        let places = Arc::new(Places::new(1, Arc::new(NodePlaces::new(usize::MAX))));
        let held: Vec<_> = (0..1 + TOLD).map(|_| places.take()).collect();
        assert!(held.iter().all(Option::is_some));
        assert!(places.take().is_none());
        assert_eq!(places.taken(), 1 + TOLD, "who is closed at once takes none");
    }
}
