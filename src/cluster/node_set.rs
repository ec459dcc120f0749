//! Sets of up to 256 small numbers (places in the route table, or nodes), and such sets stored once each.
//!
//! A route carries the id of its set, four bytes, whatever the number of nodes that want it. The set of one number is that
//! number, so a cluster in which every filter has one owner stores no set at all.

use std::collections::BTreeMap;

/// How many numbers a set can hold: 0 to 255.
pub const CAPACITY: usize = 256;

/// A bitmap of 256 numbers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NodeSet([u64; CAPACITY / 64]);

impl NodeSet {
    /// The set of nothing.
    pub const EMPTY: Self = Self([0; CAPACITY / 64]);

    /// Adds `number`; numbers past 255 are not held.
    pub fn insert(&mut self, number: u16) {
        if let Some(word) = self.0.get_mut(usize::from(number) / 64) {
            *word |= 1 << (number % 64);
        }
    }

    /// Takes `number` out.
    pub fn remove(&mut self, number: u16) {
        if let Some(word) = self.0.get_mut(usize::from(number) / 64) {
            *word &= !(1 << (number % 64));
        }
    }

    /// Whether `number` is in the set.
    #[must_use]
    pub fn contains(&self, number: u16) -> bool {
        self.0.get(usize::from(number) / 64).is_some_and(|word| word >> (number % 64) & 1 == 1)
    }

    /// Whether nothing is in the set.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0 == [0; CAPACITY / 64]
    }

    /// How many numbers are in the set.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.iter().map(|word| word.count_ones() as usize).sum()
    }

    /// Adds every number of `other`.
    pub fn union(&mut self, other: &Self) {
        for (mine, theirs) in self.0.iter_mut().zip(other.0) {
            *mine |= theirs;
        }
    }

    /// Keeps only the numbers that are in `other` too.
    pub fn intersect(&mut self, other: &Self) {
        for (mine, theirs) in self.0.iter_mut().zip(other.0) {
            *mine &= theirs;
        }
    }

    /// Takes every number of `other` out.
    pub fn subtract(&mut self, other: &Self) {
        for (mine, theirs) in self.0.iter_mut().zip(other.0) {
            *mine &= !theirs;
        }
    }

    /// The numbers, smallest first.
    pub fn iter(&self) -> impl Iterator<Item = u16> {
        self.0.into_iter().zip([0u16, 64, 128, 192]).flat_map(|(mut word, base)| {
            std::iter::from_fn(move || {
                let bit = u16::try_from(word.trailing_zeros()).ok().filter(|bit| *bit < 64)?;
                word &= word - 1;
                Some(base + bit)
            })
        })
    }
}

impl FromIterator<u16> for NodeSet {
    fn from_iter<I: IntoIterator<Item = u16>>(numbers: I) -> Self {
        let mut set = Self::EMPTY;
        numbers.into_iter().for_each(|number| set.insert(number));
        set
    }
}

/// Names a set of a [`NodeSets`]. Below 256: the set of that one number.
pub(crate) type SetId = u32;

/// The smallest id that is not a number itself.
const FIRST: SetId = 256;

/// Sets stored once each, with the count of their users.
///
/// Invariant: a stored set has two numbers or more and at least one user; the empty set has no id.
#[derive(Debug, Default)]
pub(crate) struct NodeSets {
    sets: Vec<(NodeSet, u32)>,
    ids: BTreeMap<NodeSet, SetId>,
    free: Vec<SetId>,
}

impl NodeSets {
    /// The numbers of the set `id`.
    pub(crate) fn expand(&self, id: SetId) -> NodeSet {
        match u16::try_from(id) {
            Ok(number) if id < FIRST => NodeSet::from_iter([number]),
            _ => self.stored(id).map_or(NodeSet::EMPTY, |(set, _)| *set),
        }
    }

    /// Adds the numbers of the set `id` to `out`, the step of every lookup.
    pub(crate) fn add_to(&self, id: SetId, out: &mut NodeSet) {
        match u16::try_from(id) {
            Ok(number) if id < FIRST => out.insert(number),
            _ => {
                if let Some((set, _)) = self.stored(id) {
                    out.union(set);
                }
            }
        }
    }

    /// Moves one user from the set `id` to the set `to`; `None` when that is empty.
    pub(crate) fn exchange(&mut self, id: Option<SetId>, to: &NodeSet) -> Option<SetId> {
        let new = self.acquire(to);
        if let Some(id) = id {
            self.release(id);
        }
        new
    }

    fn stored(&self, id: SetId) -> Option<&(NodeSet, u32)> {
        self.sets.get(usize::try_from(id.checked_sub(FIRST)?).ok()?)
    }

    fn stored_mut(&mut self, id: SetId) -> Option<&mut (NodeSet, u32)> {
        self.sets.get_mut(usize::try_from(id.checked_sub(FIRST)?).ok()?)
    }

    fn acquire(&mut self, set: &NodeSet) -> Option<SetId> {
        let first = set.iter().next()?;
        if set.len() == 1 {
            return Some(SetId::from(first));
        }
        if let Some(&id) = self.ids.get(set) {
            if let Some((_, users)) = self.stored_mut(id) {
                *users += 1;
            }
            return Some(id);
        }
        let id = match self.free.pop() {
            Some(id) => {
                if let Some(place) = self.stored_mut(id) {
                    *place = (*set, 1);
                }
                id
            }
            None => {
                self.sets.push((*set, 1));
                u32::try_from(self.sets.len()).unwrap_or(u32::MAX - FIRST) - 1 + FIRST
            }
        };
        self.ids.insert(*set, id);
        Some(id)
    }

    fn release(&mut self, id: SetId) {
        let Some((set, users)) = self.stored_mut(id) else { return };
        *users = users.saturating_sub(1);
        if *users == 0 {
            let set = *set;
            self.ids.remove(&set);
            self.free.push(id);
        }
    }

    /// How many sets are stored.
    #[cfg(test)]
    pub(crate) fn len(&self) -> usize {
        self.ids.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_set_lists_what_went_in() {
        let set = NodeSet::from_iter([0, 3, 63, 64, 128, 255, 256, 999]);
        assert_eq!(set.iter().collect::<Vec<_>>(), [0, 3, 63, 64, 128, 255]);
        assert_eq!(set.len(), 6);
        assert!(set.contains(255) && !set.contains(256) && !set.contains(1));
    }

    #[test]
    fn sets_are_stored_once_and_freed_with_their_last_user() {
        let mut sets = NodeSets::default();
        let pair = NodeSet::from_iter([1, 2]);
        let one = sets.exchange(None, &NodeSet::from_iter([1]));
        assert_eq!(one, Some(1));
        let a = sets.exchange(one, &pair);
        let b = sets.exchange(None, &pair);
        assert_eq!((a, sets.len()), (b, 1));
        assert_eq!(sets.expand(a.unwrap()), pair);
        assert_eq!(sets.exchange(a, &NodeSet::EMPTY), None);
        assert_eq!(sets.len(), 1);
        sets.exchange(b, &NodeSet::from_iter([2]));
        assert_eq!(sets.len(), 0);
        assert_eq!(sets.exchange(None, &NodeSet::from_iter([7, 8])), a);
    }
}
