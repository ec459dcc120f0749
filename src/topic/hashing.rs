//! [`Hashing`]: how tables that clients fill are hashed: foldhash `quality`, with a seed from the kernel.

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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_table_has_its_own_seed() {
        let (one, other) = (Hashing::default(), Hashing::default());
        assert_ne!(one.hash_one("a/b"), other.hash_one("a/b"));
        assert_eq!(one.hash_one("a/b"), one.clone().hash_one("a/b"));
    }
}
