//! The slots of an in-flight window, in the order of sending. A few are a list that is searched from the front. Of many it is noted
//! where each stands and which packet ids are free: a client that is slow to acknowledge one, or makes up what it acknowledges, would
//! have all of them looked through for each of its packets. One that goes leaves its place empty, so that the others need not move up.

use std::collections::{HashMap, VecDeque};

use super::Slot;
use crate::{mqtt::PacketId, topic::Hashing};

/// Slots that are searched from the front, at most.
const SMALL: usize = 64;
/// Words of 64 bits with one for each packet id.
const WORDS: usize = 1024;

/// The slots. Invariant: no two have one packet id.
#[derive(Debug)]
pub(super) enum Slots {
    Few(VecDeque<Slot>),
    /// Behind a box: it is larger, and few sessions ever have so many.
    Many(Box<Many>),
}

/// Places are numbered as they are taken. Invariants: the first one is not empty; `used` and `numbers` name the packet ids of those
/// that are not, `used` also 0, which is none.
#[derive(Debug)]
pub(super) struct Many {
    places: VecDeque<Option<Slot>>,
    empty: usize,
    /// Number of the first place.
    first: u32,
    numbers: HashMap<PacketId, u32, Hashing>,
    used: Box<[u64]>,
}

impl Default for Slots {
    fn default() -> Self {
        Self::Few(VecDeque::new())
    }
}

impl Slots {
    pub(super) fn of(slots: VecDeque<Slot>) -> Self {
        if slots.len() <= SMALL { Self::Few(slots) } else { Self::Many(Box::new(Many::of(slots))) }
    }

    fn into_list(self) -> VecDeque<Slot> {
        match self {
            Self::Few(slots) => slots,
            Self::Many(many) => many.places.into_iter().flatten().collect(),
        }
    }

    #[inline]
    pub(super) fn len(&self) -> usize {
        match self {
            Self::Few(slots) => slots.len(),
            Self::Many(many) => many.places.len() - many.empty,
        }
    }

    #[inline]
    pub(super) fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The first packet id behind `last` that is not in use, beginning anew after the highest.
    #[inline]
    pub(super) fn next_id(&self, last: u16) -> Option<PacketId> {
        match self {
            Self::Few(slots) => {
                let ids = (1..=u16::MAX).map(|more| last.wrapping_add(more));
                let is_free = |id: &PacketId| slots.iter().all(|slot| slot.packet_id != *id);
                ids.filter_map(PacketId::new).find(is_free)
            }
            Self::Many(many) => many.next_id(last),
        }
    }

    #[inline]
    pub(super) fn push(&mut self, slot: Slot) {
        match self {
            Self::Few(slots) => {
                slots.push_back(slot);
                if slots.len() > SMALL {
                    *self = Self::of(std::mem::take(slots));
                }
            }
            Self::Many(many) => many.push(slot),
        }
    }

    /// Where the slot of a packet id stands, for the other calls as long as nothing changes.
    #[inline]
    pub(super) fn position(&self, id: PacketId) -> Option<usize> {
        match self {
            Self::Few(slots) => slots.iter().position(|slot| slot.packet_id == id),
            Self::Many(many) => {
                usize::try_from(many.numbers.get(&id)?.wrapping_sub(many.first)).ok()
            }
        }
    }

    #[inline]
    pub(super) fn get(&self, at: usize) -> Option<&Slot> {
        match self {
            Self::Few(slots) => slots.get(at),
            Self::Many(many) => many.places.get(at)?.as_ref(),
        }
    }

    #[inline]
    pub(super) fn get_mut(&mut self, at: usize) -> Option<&mut Slot> {
        match self {
            Self::Few(slots) => slots.get_mut(at),
            Self::Many(many) => many.places.get_mut(at)?.as_mut(),
        }
    }

    #[inline]
    pub(super) fn remove(&mut self, at: usize) -> Option<Slot> {
        match self {
            Self::Few(slots) => {
                let slot = slots.remove(at);
                if slots.is_empty() && slots.capacity() > 32 {
                    *slots = VecDeque::new();
                }
                slot
            }
            Self::Many(many) => {
                let slot = many.remove(at);
                // The others move up now and then, or are few again.
                if 2 * many.empty >= many.places.len() {
                    *self = Self::of(std::mem::take(self).into_list());
                }
                slot
            }
        }
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Slot> {
        let (few, many) = match self {
            Self::Few(slots) => (Some(slots), None),
            Self::Many(many) => (None, Some(&many.places)),
        };
        few.into_iter().flatten().chain(many.into_iter().flatten().flatten())
    }

    pub(super) fn iter_mut(&mut self) -> impl Iterator<Item = &mut Slot> {
        let (few, many) = match self {
            Self::Few(slots) => (Some(slots), None),
            Self::Many(many) => (None, Some(&mut many.places)),
        };
        few.into_iter().flatten().chain(many.into_iter().flatten().flatten())
    }

    pub(super) fn retain(&mut self, keep: impl FnMut(&Slot) -> bool) {
        let mut slots = std::mem::take(self).into_list();
        slots.retain(keep);
        *self = Self::of(slots);
    }
}

impl Many {
    fn of(slots: VecDeque<Slot>) -> Self {
        let mut used = vec![0; WORDS].into_boxed_slice();
        if let Some(word) = used.first_mut() {
            *word = 1;
        }
        let (places, numbers) = (VecDeque::with_capacity(slots.len()), HashMap::default());
        let mut many = Self { places, empty: 0, first: 0, numbers, used };
        slots.into_iter().for_each(|slot| many.push(slot));
        many
    }

    fn push(&mut self, slot: Slot) {
        let at = u32::try_from(self.places.len()).unwrap_or(u32::MAX);
        self.numbers.insert(slot.packet_id, self.first.wrapping_add(at));
        self.flip(slot.packet_id);
        self.places.push_back(Some(slot));
    }

    fn remove(&mut self, at: usize) -> Option<Slot> {
        let slot = self.places.get_mut(at)?.take()?;
        self.numbers.remove(&slot.packet_id);
        self.flip(slot.packet_id);
        self.empty += 1;
        while let Some(None) = self.places.front() {
            self.places.pop_front();
            self.first = self.first.wrapping_add(1);
            self.empty -= 1;
        }
        Some(slot)
    }

    fn flip(&mut self, id: PacketId) {
        if let Some(word) = self.used.get_mut(usize::from(id.get()) / 64) {
            *word ^= 1 << (id.get() % 64);
        }
    }

    fn next_id(&self, last: u16) -> Option<PacketId> {
        let start = usize::from(last.wrapping_add(1));
        let free = |word: usize| !self.used.get(word % WORDS).copied().unwrap_or(u64::MAX);
        let ahead = free(start / 64) & u64::MAX << (start % 64);
        let (word, bits) = if ahead == 0 {
            let behind = (1..=WORDS).map(|more| start / 64 + more);
            behind.map(|word| (word, free(word))).find(|(_, bits)| *bits != 0)?
        } else {
            (start / 64, ahead)
        };
        let id = word % WORDS * 64 + usize::try_from(bits.trailing_zeros()).ok()?;
        PacketId::new(u16::try_from(id).ok()?)
    }
}
