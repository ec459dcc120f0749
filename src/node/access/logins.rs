//! Logins that wait for their passwords to be verified: bounded, and fair between addresses.
//!
//! An address may have as many waiting as there are places left, so that there always are some for others: alone it gets half of
//! all places, two get a third each. The addresses take turns, so nobody waits for the whole queue of another.

use std::{
    collections::{BTreeMap, VecDeque},
    net::IpAddr,
};

/// See the module.
pub(in crate::node) struct Logins<T> {
    by_source: BTreeMap<IpAddr, VecDeque<T>>,
    /// Each source that has something waiting, once.
    turns: VecDeque<IpAddr>,
    waiting: usize,
    most: usize,
}

/// No place for one more from this address, and so not for this one.
pub(in crate::node) struct Full<T>(pub(in crate::node) T);

impl<T> Logins<T> {
    /// An empty queue with so many places.
    pub(in crate::node) const fn new(most: usize) -> Self {
        Self { by_source: BTreeMap::new(), turns: VecDeque::new(), waiting: 0, most }
    }

    /// How many wait.
    pub(in crate::node) const fn len(&self) -> usize {
        self.waiting
    }

    /// One more from `source`.
    pub(in crate::node) fn push(&mut self, source: IpAddr, login: T) -> Result<(), Full<T>> {
        let own = self.by_source.get(&source).map_or(0, VecDeque::len);
        if own >= self.most.saturating_sub(self.waiting) {
            return Err(Full(login));
        }
        if own == 0 {
            self.turns.push_back(source);
        }
        self.by_source.entry(source).or_default().push_back(login);
        self.waiting += 1;
        Ok(())
    }

    /// The oldest of the address whose turn it is.
    pub(in crate::node) fn pop(&mut self) -> Option<T> {
        let source = self.turns.pop_front()?;
        let own = self.by_source.get_mut(&source)?;
        let login = own.pop_front()?;
        self.waiting -= 1;
        if own.is_empty() {
            self.by_source.remove(&source);
        } else {
            self.turns.push_back(source);
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
    fn addresses_take_turns_and_each_keeps_its_order() {
        let mut logins = Logins::new(100);
        for (last, login) in [(1, "a"), (1, "b"), (1, "c"), (2, "x"), (3, "y"), (2, "z")] {
            assert!(logins.push(at(last), login).is_ok());
        }
        let order: Vec<_> = std::iter::from_fn(|| logins.pop()).collect();
        assert_eq!(order, ["a", "x", "y", "b", "z", "c"]);
        assert!((logins.len(), logins.turns.len(), logins.by_source.len()) == (0, 0, 0));
        assert!(logins.push(at(1), "again").is_ok());
        assert_eq!(logins.pop(), Some("again"));
    }
}
