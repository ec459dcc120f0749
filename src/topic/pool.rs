//! [`Pool`]: values under small numbers that are used again, in pieces that never move.
//!
//! A broker holds millions of them. One list would copy all of them each time it doubles, keep the space of the copy before, and
//! be half empty afterwards.

/// Values of a piece. Only the first piece grows, so that a small pool is small.
const PIECE: usize = 512;
const SHIFT: u32 = PIECE.trailing_zeros();
/// No place.
const NONE: u32 = u32::MAX;

/// Invariant: every piece but the last has `PIECE` places; the free places are a chain that begins at `free`.
#[derive(Debug)]
pub(super) struct Pool<T> {
    pieces: Vec<Vec<Place<T>>>,
    free: u32,
    len: usize,
}

#[derive(Debug)]
enum Place<T> {
    Full(T),
    /// And the next free place.
    Free(u32),
}

impl<T> Default for Pool<T> {
    fn default() -> Self {
        Self { pieces: Vec::new(), free: NONE, len: 0 }
    }
}

impl<T> Pool<T> {
    /// How many values there are.
    pub(super) fn len(&self) -> usize {
        self.len
    }

    /// Whether there is none.
    pub(super) fn is_empty(&self) -> bool {
        self.len == 0
    }

    #[inline]
    fn place(&self, number: u32) -> Option<&Place<T>> {
        self.pieces.get((number >> SHIFT) as usize)?.get(number as usize % PIECE)
    }

    #[inline]
    fn place_mut(&mut self, number: u32) -> Option<&mut Place<T>> {
        self.pieces.get_mut((number >> SHIFT) as usize)?.get_mut(number as usize % PIECE)
    }

    /// The value of this number.
    #[inline]
    pub(super) fn get(&self, number: u32) -> Option<&T> {
        match self.place(number)? {
            Place::Full(value) => Some(value),
            Place::Free(_) => None,
        }
    }

    /// The value of this number, to be changed.
    #[inline]
    pub(super) fn get_mut(&mut self, number: u32) -> Option<&mut T> {
        match self.place_mut(number)? {
            Place::Full(value) => Some(value),
            Place::Free(_) => None,
        }
    }

    /// The number that the next value gets.
    pub(super) fn next(&self) -> u32 {
        if self.free != NONE {
            return self.free;
        }
        let full = self.pieces.len().saturating_sub(1) * PIECE;
        u32::try_from(full + self.pieces.last().map_or(0, Vec::len)).unwrap_or(NONE)
    }

    /// Puts a value in and returns its number.
    pub(super) fn insert(&mut self, value: T) -> u32 {
        let number = self.next();
        self.len += 1;
        if let Some(place) = self.place_mut(number) {
            if let Place::Free(next) = std::mem::replace(place, Place::Full(value)) {
                self.free = next;
            }
            return number;
        }
        if let Some(last) = self.pieces.last_mut().filter(|last| last.len() < PIECE) {
            last.push(Place::Full(value));
        } else {
            let room = if self.pieces.is_empty() { 1 } else { PIECE };
            let mut piece = Vec::with_capacity(room);
            piece.push(Place::Full(value));
            self.pieces.push(piece);
        }
        number
    }

    /// Takes a value out.
    pub(super) fn remove(&mut self, number: u32) -> Option<T> {
        let free = self.free;
        let place = self.place_mut(number).filter(|place| matches!(place, Place::Full(_)))?;
        let Place::Full(value) = std::mem::replace(place, Place::Free(free)) else { return None };
        self.free = number;
        self.len -= 1;
        Some(value)
    }

    /// All values by number.
    pub(super) fn iter(&self) -> impl Iterator<Item = (u32, &T)> {
        (0..).zip(self.pieces.iter().flatten()).filter_map(|(number, place)| match place {
            Place::Full(value) => Some((number, value)),
            Place::Free(_) => None,
        })
    }
}

#[cfg(test)]
mod tests {
    use std::{collections::BTreeMap, sync::Arc};

    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_place_costs_no_more_than_its_value() {
        assert_eq!(size_of::<Place<(Arc<str>, u32)>>(), size_of::<(Arc<str>, u32)>());
    }

    proptest! {
        #[test]
        fn a_pool_holds_what_a_map_holds(steps in prop::collection::vec((any::<bool>(), 0_u32..1500), 0..3000)) {
            let (mut pool, mut map) = (Pool::default(), BTreeMap::new());
            for (add, number) in steps {
                if add {
                    let next = pool.next();
                    prop_assert_eq!(pool.insert(number), next);
                    prop_assert_eq!(map.insert(next, number), None);
                } else {
                    prop_assert_eq!(pool.remove(number), map.remove(&number));
                }
                prop_assert_eq!(pool.get(number), map.get(&number));
                prop_assert_eq!((pool.len(), pool.is_empty()), (map.len(), map.is_empty()));
            }
            let all: Vec<_> = map.iter().map(|(number, value)| (*number, value)).collect();
            prop_assert_eq!(pool.iter().collect::<Vec<_>>(), all);
        }
    }
}
