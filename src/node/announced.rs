//! Whether every other node has the routes of this one: a SUBACK waits until it is so, whichever client was the first of a filter.

use std::sync::atomic::{AtomicU64, Ordering};

/// Counts the routes that were announced, and how far others have them.
#[derive(Debug, Default)]
pub(super) struct Announced {
    all: AtomicU64,
    passed: AtomicU64,
}

impl Announced {
    /// The mesh was told of a route.
    pub(super) fn add(&self) {
        self.all.fetch_add(1, Ordering::Release);
    }

    /// How many there are, if others may lack one of them.
    pub(super) fn open(&self) -> Option<u64> {
        let all = self.all.load(Ordering::Acquire);
        (all > self.passed.load(Ordering::Acquire)).then_some(all)
    }

    /// A barrier has been passed that was set when there were so many.
    pub(super) fn on_passed(&self, count: u64) {
        self.passed.fetch_max(count, Ordering::Release);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whoever_comes_while_a_route_is_on_its_way_waits_for_it_too() {
        let routes = Announced::default();
        assert_eq!(routes.open(), None);
        routes.add();
        assert_eq!((routes.open(), routes.open()), (Some(1), Some(1)));
        routes.add();
        routes.on_passed(1);
        assert_eq!(routes.open(), Some(2));
        routes.on_passed(2);
        routes.on_passed(1);
        assert_eq!(routes.open(), None);
    }
}
