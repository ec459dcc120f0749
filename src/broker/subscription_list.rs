//! [`SubscriptionList`]: what one session subscribes to, sorted.
//!
//! Most sessions have a few subscriptions, and a node has many of them, so this is a sorted list, in pieces so that a change moves
//! few rows; a `BTreeMap` begins with room for eleven and is half empty later.

use std::cmp::Ordering;

use crate::{mqtt::SubscriptionOptions, topic::share::Subscription};

/// Most rows of a piece.
const PIECE: usize = 64;

/// The options of a subscription and its Subscription Identifier (0 for none).
pub type Terms = (SubscriptionOptions, u32);

type Row = (Subscription, Terms);

/// The subscriptions of a session.
///
/// Invariant: the rows of all pieces one after the other are sorted, `len` of them and `wildcards` with a wildcard, and no piece is
/// empty.
#[derive(Clone, Debug, Default)]
pub struct SubscriptionList {
    pieces: Vec<Vec<Row>>,
    // Two small numbers in the place of a large one: there are many lists.
    len: u32,
    wildcards: u32,
}

impl SubscriptionList {
    /// How many there are.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.len as usize
    }

    /// How many have a wildcard.
    #[must_use]
    pub const fn wildcards(&self) -> usize {
        self.wildcards as usize
    }

    /// There is none.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Piece and row of `to`, or where it belongs.
    fn find(&self, to: &Subscription) -> Result<(usize, usize), (usize, usize)> {
        let starts_before = |piece: &Vec<Row>| piece.first().is_some_and(|(first, _)| first <= to);
        let at = self.pieces.partition_point(starts_before).saturating_sub(1);
        let Some(piece) = self.pieces.get(at) else { return Err((0, 0)) };
        match piece.binary_search_by(|(row, _)| row.cmp(to)) {
            Ok(row) => Ok((at, row)),
            Err(row) => Err((at, row)),
        }
    }

    /// Whether `to` is one of them.
    #[must_use]
    pub fn contains(&self, to: &Subscription) -> bool {
        self.find(to).is_ok()
    }

    /// Adds one, or replaces its terms.
    pub fn insert(&mut self, to: Subscription, terms: Terms) {
        match self.find(&to) {
            Ok((at, row)) => {
                if let Some(old) = self.pieces.get_mut(at).and_then(|piece| piece.get_mut(row)) {
                    old.1 = terms;
                }
            }
            Err((at, row)) => self.put(at, row, (to, terms)),
        }
    }

    fn put(&mut self, at: usize, row: usize, new: Row) {
        self.len += 1;
        self.wildcards += u32::from(new.0.filter.has_wildcard());
        let last = at + 1 >= self.pieces.len();
        let Some(piece) = self.pieces.get_mut(at) else {
            self.pieces.reserve_exact(1);
            self.pieces.push(vec![new]);
            return;
        };
        if piece.len() < PIECE {
            if piece.len() == piece.capacity() {
                piece.reserve_exact((piece.len() / 4).clamp(1, PIECE - piece.len()));
            }
            piece.insert(row, new);
            return;
        }
        // What comes in order leaves full pieces behind.
        let cut = if last && row == PIECE { PIECE } else { PIECE / 2 };
        let mut tail = piece.split_off(cut);
        if row < cut {
            piece.insert(row, new);
        } else {
            tail.insert(row - cut, new);
        }
        piece.shrink_to_fit();
        tail.shrink_to_fit();
        self.pieces.insert(at + 1, tail);
    }

    /// Takes one out; `false` when it is not there.
    pub fn remove(&mut self, to: &Subscription) -> bool {
        let Ok((at, row)) = self.find(to) else { return false };
        let next = self.pieces.get(at + 1).map_or(PIECE, Vec::len);
        let Some(piece) = self.pieces.get_mut(at) else { return false };
        piece.remove(row);
        self.len -= 1;
        self.wildcards -= u32::from(to.filter.has_wildcard());
        match (piece.len(), (piece.len() + next).cmp(&(PIECE / 2))) {
            (0, _) => {
                self.pieces.remove(at);
            }
            (_, Ordering::Less) => {
                let mut next = self.pieces.remove(at + 1);
                if let Some(piece) = self.pieces.get_mut(at) {
                    piece.append(&mut next);
                }
            }
            (len, Ordering::Equal | Ordering::Greater) if len < piece.capacity() / 2 => {
                piece.shrink_to_fit();
            }
            (_, Ordering::Equal | Ordering::Greater) => {}
        }
        true
    }

    /// All of them, sorted.
    pub fn iter(&self) -> impl Iterator<Item = (&Subscription, Terms)> {
        self.pieces.iter().flatten().map(|(to, terms)| (to, *terms))
    }
}

impl IntoIterator for SubscriptionList {
    type Item = (Subscription, Terms);
    type IntoIter = std::iter::Flatten<std::vec::IntoIter<Vec<Row>>>;

    fn into_iter(self) -> Self::IntoIter {
        self.pieces.into_iter().flatten()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;
    use crate::mqtt::QoS;

    fn to(number: u16) -> Subscription {
        let end = if number.is_multiple_of(3) { "/+" } else { "" };
        Subscription::parse(&format!("t/{number:03}{end}")).unwrap()
    }

    fn terms(id: u32) -> Terms {
        (SubscriptionOptions { qos: QoS::AtLeastOnce, ..Default::default() }, id)
    }

    fn check(list: &SubscriptionList, want: &BTreeMap<Subscription, Terms>) {
        assert!(list.iter().eq(want.iter().map(|(to, terms)| (to, *terms))));
        assert_eq!((list.len(), list.is_empty()), (want.len(), want.is_empty()));
        assert_eq!(list.wildcards(), want.keys().filter(|to| to.filter.has_wildcard()).count());
        assert!(list.pieces.iter().all(|piece| (1..=PIECE).contains(&piece.len())));
    }

    #[test]
    fn one_subscription_takes_the_space_of_one() {
        let mut list = SubscriptionList::default();
        list.insert(to(1), terms(1));
        assert_eq!((list.pieces.capacity(), list.pieces[0].capacity()), (1, 1));
    }

    #[test]
    fn what_comes_in_order_fills_the_pieces() {
        let mut list = SubscriptionList::default();
        (0..640).for_each(|number| list.insert(to(number), terms(0)));
        assert_eq!(list.pieces.len(), 640 / PIECE);
        assert!(list.pieces.iter().all(|piece| piece.capacity() == PIECE));
    }

    proptest! {
        #[test]
        fn a_list_holds_what_a_map_holds(
            steps in prop::collection::vec((0_u8..5, 0_u16..400, any::<u32>()), 0..1500)
        ) {
            let (mut list, mut map) = (SubscriptionList::default(), BTreeMap::new());
            // More come than go at first, more go than come later.
            for (turn, (kind, number, id)) in steps.into_iter().enumerate() {
                let to = to(number);
                prop_assert_eq!(list.contains(&to), map.contains_key(&to));
                if usize::from(kind) > turn / 300 {
                    list.insert(to.clone(), terms(id));
                    map.insert(to, terms(id));
                } else {
                    prop_assert_eq!(list.remove(&to), map.remove(&to).is_some());
                }
            }
            check(&list, &map);
            prop_assert!(list.into_iter().eq(map));
        }
    }
}
