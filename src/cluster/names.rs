//! Many short texts, each with a number: the exact-match index of the route table.
//!
//! Built for ten million entries: the texts lie in an arena of 1 MiB chunks (rounded up to 8 bytes, holes reused by size),
//! an entry is 12 bytes, and the hash index is 8 bytes a place: half a hash, to spare looking at the text, and the entry.
//! A lookup is one probe. Entry numbers stay the same until removed, so that a sweep can walk them in pieces.

use std::hash::BuildHasher;

use foldhash::quality::RandomState;

/// Bytes of a chunk of the arena.
const CHUNK: usize = 1 << 20;
/// The arena counts in units of this many bytes, so that 32 bits reach 32 GiB.
const UNIT: usize = 8;
const UNITS_PER_CHUNK: usize = CHUNK / UNIT;
/// A table that becomes empty gives its memory back if it held more than this.
const KEEP: usize = 4096;

/// Texts back to back. A text never crosses chunks.
#[derive(Debug, Default)]
struct Arena {
    chunks: Vec<Box<[u8]>>,
    /// Units used of the last chunk.
    used: usize,
    /// Holes by length in units.
    holes: Vec<Vec<u32>>,
}

impl Arena {
    fn text(&self, at: u32, len: u16) -> &[u8] {
        let at = at as usize;
        let start = at % UNITS_PER_CHUNK * UNIT;
        self.chunks
            .get(at / UNITS_PER_CHUNK)
            .and_then(|chunk| chunk.get(start..start + usize::from(len)))
            .unwrap_or_default()
    }

    /// Copies `text` in; `None` when 32 GiB are full.
    fn store(&mut self, text: &[u8]) -> Option<u32> {
        let units = text.len().div_ceil(UNIT);
        let at = match self.holes.get_mut(units).and_then(Vec::pop) {
            Some(at) => at as usize,
            None => self.grow(units)?,
        };
        let start = at % UNITS_PER_CHUNK * UNIT;
        let place = self.chunks.get_mut(at / UNITS_PER_CHUNK)?;
        place.get_mut(start..start + text.len())?.copy_from_slice(text);
        u32::try_from(at).ok()
    }

    fn grow(&mut self, units: usize) -> Option<usize> {
        if self.chunks.is_empty() || self.used + units > UNITS_PER_CHUNK {
            u32::try_from((self.chunks.len() + 1) * UNITS_PER_CHUNK).ok()?;
            self.chunks.push(vec![0; CHUNK].into_boxed_slice());
            self.used = 0;
        }
        let at = (self.chunks.len() - 1) * UNITS_PER_CHUNK + self.used;
        self.used += units;
        Some(at)
    }

    fn free(&mut self, at: u32, len: u16) {
        let units = usize::from(len).div_ceil(UNIT);
        if self.holes.len() <= units {
            self.holes.resize_with(units + 1, Vec::new);
        }
        if let Some(holes) = self.holes.get_mut(units) {
            holes.push(at);
        }
    }
}

#[derive(Clone, Copy, Debug)]
struct Entry {
    at: u32,
    value: u32,
    /// Zero: free.
    len: u16,
}

/// Text -> number. Texts have 1 to 65,535 bytes.
///
/// Invariant: every entry with a length is in `index` exactly once, and every other is in `free` exactly once.
#[derive(Debug, Default)]
pub(crate) struct NameTable {
    /// 0: empty; else the low half of the hash above the entry number plus one.
    index: Vec<u64>,
    entries: Vec<Entry>,
    free: Vec<u32>,
    arena: Arena,
    hasher: RandomState,
}

impl NameTable {
    /// How many texts are held.
    pub(crate) fn len(&self) -> usize {
        self.entries.len() - self.free.len()
    }

    /// One more than the largest entry number.
    pub(crate) fn end(&self) -> u32 {
        u32::try_from(self.entries.len()).unwrap_or(u32::MAX)
    }

    /// The entry of `text`.
    pub(crate) fn find(&self, text: &str) -> Option<u32> {
        if self.free.len() == self.entries.len() {
            return None;
        }
        self.place_of(text, self.hash(text)).map(|(_, entry)| entry)
    }

    /// The number of an entry.
    pub(crate) fn value(&self, entry: u32) -> Option<u32> {
        self.entry(entry).map(|e| e.value)
    }

    /// Changes the number of an entry.
    pub(crate) fn set_value(&mut self, entry: u32, value: u32) {
        if let Some(e) = self.entries.get_mut(entry as usize).filter(|e| e.len > 0) {
            e.value = value;
        }
    }

    /// The text of an entry.
    pub(crate) fn text(&self, entry: u32) -> Option<&str> {
        let e = self.entry(entry)?;
        std::str::from_utf8(self.arena.text(e.at, e.len)).ok()
    }

    /// Adds `text`, which is not in yet. `None` when the table is full or the text has no length that it can hold.
    pub(crate) fn insert(&mut self, text: &str, value: u32) -> Option<u32> {
        let len = u16::try_from(text.len()).ok().filter(|len| *len > 0)?;
        if (self.len() + 1) * 4 > self.index.len() * 3 {
            self.rehash((self.index.len() * 2).max(16));
        }
        let entry = Entry { at: self.arena.store(text.as_bytes())?, value, len };
        let number = match self.free.pop() {
            Some(number) => {
                if let Some(place) = self.entries.get_mut(number as usize) {
                    *place = entry;
                }
                number
            }
            None => {
                self.entries.push(entry);
                u32::try_from(self.entries.len() - 1).ok()?
            }
        };
        let hash = self.hash(text);
        Self::put(&mut self.index, place(hash, number));
        Some(number)
    }

    /// Takes an entry out; its number may be given to another text.
    pub(crate) fn remove(&mut self, entry: u32) {
        let Some(text) = self.text(entry) else { return };
        let Some((at, _)) = self.place_of(text, self.hash(text)) else { return };
        self.close_gap(at);
        if let Some(e) = self.entries.get_mut(entry as usize) {
            self.arena.free(e.at, e.len);
            e.len = 0;
            self.free.push(entry);
        }
        if self.free.len() == self.entries.len() && self.entries.len() > KEEP {
            *self = Self { hasher: self.hasher.clone(), ..Self::default() };
        }
    }

    fn entry(&self, entry: u32) -> Option<&Entry> {
        self.entries.get(entry as usize).filter(|e| e.len > 0)
    }

    /// The low half of the hash: the index never has more than 2^32 places.
    #[expect(clippy::cast_possible_truncation, reason = "half of the hash is what is kept")]
    fn hash(&self, text: &str) -> u32 {
        self.hasher.hash_one(text) as u32
    }

    fn place_of(&self, text: &str, hash: u32) -> Option<(usize, u32)> {
        let mask = self.index.len().checked_sub(1)?;
        let mut at = hash as usize & mask;
        loop {
            let found = *self.index.get(at)?;
            if found == 0 {
                return None;
            }
            if hash_in(found) == hash {
                let entry = entry_in(found);
                let e = self.entry(entry)?;
                if self.arena.text(e.at, e.len) == text.as_bytes() {
                    return Some((at, entry));
                }
            }
            at = (at + 1) & mask;
        }
    }

    fn put(index: &mut [u64], place: u64) {
        let mask = index.len().wrapping_sub(1);
        let mut at = hash_in(place) as usize & mask;
        while let Some(there) = index.get_mut(at) {
            if *there == 0 {
                *there = place;
                return;
            }
            at = (at + 1) & mask;
        }
    }

    /// Empties the place `hole` and moves back what would no longer be found behind it.
    fn close_gap(&mut self, mut hole: usize) {
        let mask = self.index.len().wrapping_sub(1);
        let mut at = (hole + 1) & mask;
        while let Some(&found) = self.index.get(at).filter(|found| **found != 0) {
            let home = hash_in(found) as usize & mask;
            if at.wrapping_sub(home) & mask >= at.wrapping_sub(hole) & mask {
                if let Some(place) = self.index.get_mut(hole) {
                    *place = found;
                }
                hole = at;
            }
            at = (at + 1) & mask;
        }
        if let Some(place) = self.index.get_mut(hole) {
            *place = 0;
        }
    }

    fn rehash(&mut self, places: usize) {
        let mut index = vec![0; places];
        self.index.iter().filter(|place| **place != 0).for_each(|p| Self::put(&mut index, *p));
        self.index = index;
    }
}

fn place(hash: u32, entry: u32) -> u64 {
    u64::from(hash) << 32 | (u64::from(entry) + 1)
}

fn hash_in(place: u64) -> u32 {
    (place >> 32) as u32
}

#[expect(clippy::cast_possible_truncation, reason = "the lower half is meant")]
fn entry_in(place: u64) -> u32 {
    (place as u32).wrapping_sub(1)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn behaves_as_a_map(ops in prop::collection::vec((any::<bool>(), 0u32..60), 0..400)) {
            let mut table = NameTable::default();
            let mut model = BTreeMap::new();
            for (number, (add, key)) in ops.into_iter().enumerate() {
                let text = format!("{key}/{}", "x".repeat(key as usize * 7 % 50));
                let value = u32::try_from(number).unwrap();
                match (add, table.find(&text)) {
                    (true, None) => {
                        prop_assert!(table.insert(&text, value).is_some());
                        model.insert(text, value);
                    }
                    (true, Some(entry)) => {
                        table.set_value(entry, value);
                        prop_assert!(model.insert(text, value).is_some());
                    }
                    (false, Some(entry)) => {
                        prop_assert_eq!(table.text(entry), Some(text.as_str()));
                        table.remove(entry);
                        prop_assert!(model.remove(&text).is_some());
                    }
                    (false, None) => prop_assert!(!model.contains_key(&text)),
                }
                prop_assert_eq!(table.len(), model.len());
            }
            for (text, value) in &model {
                prop_assert_eq!(table.find(text).and_then(|entry| table.value(entry)), Some(*value));
            }
        }
    }
}
