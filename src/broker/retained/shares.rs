//! How much of the room for retained messages each session has filled.
//!
//! No fixed part for each: a lone importer or a bridge may fill most of the table, and a node with few publishers wastes none of
//! it. But a session may hold no more than a multiple of what is still free, so the more it has, the more it must leave. With
//! the default of 80% one alone stops there, two at 44% each, and a session that holds little finds a place behind any of them.

use std::collections::HashMap;

use crate::topic::Hashing;

/// What a session may hold in any case while there is room at all: a client with its few topics, or one message of the largest.
pub(super) const LEAST: Share = Share { messages: 100, bytes: 1 << 20 };

/// Messages of one session and their bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Share {
    pub(super) messages: usize,
    pub(super) bytes: usize,
}

/// By number of the session that published. Those of the node itself and of other nodes, number 0, count for nobody.
#[derive(Debug, Default)]
pub(super) struct Shares(HashMap<u64, Share, Hashing>);

impl Shares {
    pub(super) fn of(&self, publisher: u64) -> Share {
        self.0.get(&publisher).copied().unwrap_or_default()
    }

    pub(super) fn add(&mut self, publisher: u64, bytes: usize) {
        if publisher != 0 {
            let share = self.0.entry(publisher).or_default();
            share.messages += 1;
            share.bytes += bytes;
        }
    }

    pub(super) fn take(&mut self, publisher: u64, bytes: usize) {
        let Some(share) = self.0.get_mut(&publisher) else { return };
        share.messages -= 1;
        share.bytes -= bytes;
        if share.messages == 0 {
            self.0.remove(&publisher);
        }
    }

    #[cfg(test)]
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// Whether one that holds `have` where so much is `free` may hold no more, as one alone fills `percent` of all.
pub(super) const fn is_spent(have: usize, free: usize, percent: u8) -> bool {
    let (part, rest) = (percent as usize, 100_usize.saturating_sub(percent as usize));
    have.saturating_mul(rest) >= part.saturating_mul(free)
}
