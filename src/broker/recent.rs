//! A table that keeps what was used lately: bounded, and forgetting costs nothing.
//!
//! Two generations: what is used moves to the young one; when that is full it becomes the old one, and what was in the old one
//! is forgotten. So between `most` and twice as many rows are kept. Pure.

use std::collections::HashMap;
use std::hash::Hash;

use crate::topic::Hashing;

/// See the module.
#[derive(Debug)]
pub struct Recent<K, V> {
    young: HashMap<K, V, Hashing>,
    old: HashMap<K, V, Hashing>,
    most: usize,
}

impl<K: Eq + Hash, V> Recent<K, V> {
    /// An empty table that keeps at least the last `most` rows.
    #[must_use]
    pub fn new(most: usize) -> Self {
        Self { young: HashMap::default(), old: HashMap::default(), most: most.max(1) }
    }

    /// The row of `key`, which counts as used.
    pub fn touch(&mut self, key: &K) -> Option<&mut V> {
        if !self.young.contains_key(key) {
            let (key, value) = self.old.remove_entry(key)?;
            self.insert(key, value);
        }
        self.young.get_mut(key)
    }

    /// The row of `key`; looking does not count.
    #[must_use]
    pub fn get(&self, key: &K) -> Option<&V> {
        self.young.get(key).or_else(|| self.old.get(key))
    }

    /// Puts a row in, or in the place of the one that is there.
    pub fn insert(&mut self, key: K, value: V) {
        self.old.remove(&key);
        if self.young.len() >= self.most && !self.young.contains_key(&key) {
            self.old = std::mem::take(&mut self.young);
        }
        self.young.insert(key, value);
    }

    /// Takes a row out.
    pub fn remove(&mut self, key: &K) -> Option<V> {
        self.young.remove(key).or_else(|| self.old.remove(key))
    }

    /// Takes all rows out.
    pub fn clear(&mut self) {
        (self.young, self.old) = (HashMap::default(), HashMap::default());
    }

    /// All rows, in no order.
    pub fn iter(&self) -> impl Iterator<Item = (&K, &V)> {
        self.young.iter().chain(&self.old)
    }

    /// Rows kept.
    #[must_use]
    pub fn len(&self) -> usize {
        self.young.len() + self.old.len()
    }

    /// Whether nothing is kept.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.young.is_empty() && self.old.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_used_stays_and_the_rest_is_forgotten() {
        let mut table = Recent::new(10);
        for n in 0..1000 {
            table.insert(n, n);
            assert_eq!(table.touch(&0), Some(&mut 0), "after {n}");
            assert!(table.len() <= 20);
        }
        assert!((990..1000).all(|n| table.get(&n) == Some(&n)), "the last ten are there");
        assert_eq!(table.get(&500), None);
        table.insert(999, 7);
        assert_eq!(table.get(&999), Some(&7));
        assert_eq!(table.remove(&999), Some(7));
        assert_eq!(table.get(&999), None);
        assert_eq!(table.iter().count(), table.len());
        table.clear();
        assert!(table.is_empty());
    }
}
