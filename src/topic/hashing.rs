//! [`Hashing`]: how tables that clients fill are hashed: foldhash `quality`, with a seed from the kernel. And [`fnv`], where all nodes
//! must come to the same.

use std::hash::{BuildHasher, RandomState};

use foldhash::SharedSeed;
use foldhash::quality::{FoldHasher, SeedableRandomState};

/// For `HashMap<TopicFilter, V, Hashing>` and the like. Each has its own seed, so no client can know which of its
/// names collide; nothing may depend on the order.
#[derive(Clone, Debug)]
pub struct Hashing(SeedableRandomState);

impl Default for Hashing {
    fn default() -> Self {
        // foldhash seeds itself from addresses and the like; the standard library asks the kernel.
        let seed = RandomState::new().hash_one(0_u8);
        Self(SeedableRandomState::with_seed(seed, SharedSeed::global_random()))
    }
}

impl BuildHasher for Hashing {
    type Hasher = FoldHasher<'static>;

    #[inline]
    fn build_hasher(&self) -> FoldHasher<'static> {
        self.0.build_hasher()
    }
}

/// FNV-1a, the same on every node. Who can choose the text can make two of them meet.
#[must_use]
pub fn fnv(text: &str) -> u64 {
    fnv_from(0xcbf2_9ce4_8422_2325, text)
}

/// The same from another beginning, such as the hash of what stands before.
#[must_use]
pub fn fnv_from(start: u64, text: &str) -> u64 {
    text.bytes().fold(start, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
}

/// Parts in which the copies of a table of topics are compared between nodes.
pub const BUCKETS: usize = 1024;

/// Hash of a topic for that, the same on every node.
#[must_use]
pub fn topic_hash(topic: &str) -> u64 {
    spread(fnv(topic))
}

/// The part of a topic with this [`topic_hash`], below [`BUCKETS`].
#[must_use]
pub fn bucket(hash: u64) -> usize {
    usize::try_from(hash >> 54).unwrap_or(0)
}

/// A number for a shared group on a filter, the same on every node, and never 0. Two may have one by chance.
#[must_use]
pub fn group_number(group: &str, filter: &str) -> u64 {
    let mixed = (fnv(group).rotate_left(32) ^ fnv(filter)).wrapping_mul(0xff51_afd7_ed55_8ccd);
    (mixed ^ mixed >> 33).max(1)
}

/// The golden ratio in 64 bits: by so much splitmix64 goes on at each step.
pub const GOLDEN: u64 = 0x9e37_79b9_7f4a_7c15;

/// The finalizer of splitmix64: every bit of the answer hangs on every bit of `x`.
#[must_use]
pub const fn spread(mut x: u64) -> u64 {
    x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    x ^ (x >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_nodes_agree_on_follows_the_published_values() {
        assert_eq!(fnv(""), 0xcbf2_9ce4_8422_2325);
        assert_eq!(fnv("a"), 0xaf63_dc4c_8601_ec8c);
        assert_eq!(fnv_from(fnv("foo"), "bar"), 0x8594_4171_f739_67e8);
        assert_eq!(spread(GOLDEN), 0xe220_a839_7b1d_cdaf);
    }

    #[test]
    fn every_table_has_its_own_seed() {
        let (one, other) = (Hashing::default(), Hashing::default());
        assert_ne!(one.hash_one("a/b"), other.hash_one("a/b"));
        assert_eq!(one.hash_one("a/b"), one.clone().hash_one("a/b"));
    }
}
