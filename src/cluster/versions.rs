//! Which writes of retained messages a copy has been through: of each bucket a version vector.
//!
//! A node numbers its writes (a *dot* is a node and a number). Bucket by bucket a copy knows, of each node, the stretches of
//! numbers of which it reflects every write: the message is there, or something newer was. So a message of another node that is
//! *not* there and whose dot is covered was deleted, though the deletion is forgotten; one whose dot is not is news. Each process
//! life of a node begins a stretch: what the life before wrote last may have reached nobody.
//!
//! Of two copies that are equal in a bucket each has been through what the other has. Therefore a node that starts empty and is
//! filled knows what those knew that filled it, and one topic that never comes to rest holds back its bucket alone.

use crate::sort;
use std::collections::BTreeMap;

use super::{NodeId, wire::Buckets};

/// Numbers of a node, the first and the last.
pub type Stretch = (u64, u64);

/// Stretches of a node that are kept apart: so often it may have started again since it wrote. Then the oldest is forgotten, and
/// what it wrote in it is news if it comes back.
const STRETCHES_MAX: usize = 64;
/// Nodes in a vector; those whose last write is the oldest are forgotten.
const NODES_MAX: usize = 256;

/// What a bucket has been through.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Vector(BTreeMap<NodeId, Vec<Stretch>>);

impl Vector {
    /// Whether this write is in it.
    #[must_use]
    pub fn covers(&self, node: NodeId, number: u64) -> bool {
        let stretches = self.0.get(&node).map(Vec::as_slice).unwrap_or_default();
        stretches.iter().any(|(first, last)| (*first..=*last).contains(&number))
    }

    /// Every write of `node` in this stretch is in it.
    pub fn add(&mut self, node: NodeId, (mut first, mut last): Stretch) {
        let stretches = self.0.entry(node).or_default();
        stretches.retain(|(from, to)| {
            let apart = *to < first || last < *from;
            if !apart {
                (first, last) = (first.min(*from), last.max(*to));
            }
            apart
        });
        let at = stretches.partition_point(|(from, _)| *from < first);
        stretches.insert(at, (first, last));
        if stretches.len() > STRETCHES_MAX {
            stretches.remove(0);
        }
    }

    fn join(&mut self, other: &Self) {
        for (node, stretches) in &other.0 {
            if self.0.get(node) != Some(stretches) {
                stretches.iter().for_each(|stretch| self.add(*node, *stretch));
            }
        }
        while self.0.len() > NODES_MAX {
            let last = |stretches: &[Stretch]| stretches.last().map(|(_, last)| *last);
            let oldest = self.0.iter().min_by_key(|(_, stretches)| last(stretches));
            let Some(oldest) = oldest.map(|(node, _)| *node) else { return };
            self.0.remove(&oldest);
        }
    }

    /// Nodes and their stretches.
    pub fn iter(&self) -> impl Iterator<Item = (NodeId, &[Stretch])> {
        self.0.iter().map(|(node, stretches)| (*node, stretches.as_slice()))
    }

    /// How many nodes.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Nothing is known.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// The vectors of all buckets. Most have the same, so each stands here once, with its buckets; of those in none nothing is known.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Versions(BTreeMap<Vector, Buckets>);

impl Versions {
    /// These buckets have this vector.
    pub fn set(&mut self, buckets: Buckets, vector: Vector) {
        for others in self.0.values_mut() {
            *others = others.without(&buckets);
        }
        self.0.retain(|_, buckets| !buckets.is_empty());
        if !buckets.is_empty() && !vector.is_empty() {
            let all = self.0.entry(vector).or_default();
            *all = all.with(&buckets);
        }
    }

    /// Whether a bucket has been through this write.
    #[must_use]
    pub fn covers(&self, bucket: usize, node: NodeId, number: u64) -> bool {
        let vector = self.0.iter().find(|(_, buckets)| buckets.contains(bucket));
        vector.is_some_and(|(vector, _)| vector.covers(node, number))
    }

    /// This copy and another one hold the same in the buckets `equal`; the other one has been through `theirs` and all that its
    /// node wrote in `own`.
    pub fn join(&mut self, equal: &Buckets, theirs: &Self, (node, own): (NodeId, Option<Stretch>)) {
        let mut joined = Self::default();
        let mut put = |buckets: Buckets, vector: Vector| {
            if !buckets.is_empty() && !vector.is_empty() {
                let all = joined.0.entry(vector).or_default();
                *all = all.with(&buckets);
            }
        };
        let grown = |mine: &Vector, other: Option<&Vector>| {
            let mut vector = mine.clone();
            if let Some(other) = other {
                vector.join(other);
            }
            if let Some(own) = own {
                vector.add(node, own);
            }
            vector
        };
        let known = self.0.values().fold(Buckets::default(), |all, buckets| all.with(buckets));
        let unknown = (Vector::default(), equal.without(&known));
        let mine = std::mem::take(&mut self.0);
        for (vector, buckets) in mine.into_iter().chain([unknown]) {
            let mut rest = buckets.among(equal);
            for (other, theirs) in &theirs.0 {
                let both = rest.among(theirs);
                if !both.is_empty() {
                    put(both, grown(&vector, Some(other)));
                    rest = rest.without(&both);
                }
            }
            if !rest.is_empty() {
                put(rest, grown(&vector, None));
            }
            put(buckets.without(equal), vector);
        }
        *self = joined;
    }

    /// The vectors, those of most buckets first.
    #[must_use]
    pub fn by_size(&self) -> Vec<(&Vector, &Buckets)> {
        let mut all: Vec<_> = self.0.iter().collect();
        sort::sort_by_key(&mut all, |(_, buckets)| std::cmp::Reverse(buckets.len()));
        all
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cluster::wire::BUCKETS;

    fn node(number: u8) -> NodeId {
        NodeId([number; 16])
    }

    fn buckets(which: impl Fn(usize) -> bool) -> Buckets {
        (0..BUCKETS).filter(|bucket| which(*bucket)).collect()
    }

    #[test]
    fn stretches_meet_and_stay_apart() {
        let mut vector = Vector::default();
        for stretch in [(10, 20), (40, 50), (15, 25), (1, 3), (60, 60), (22, 41)] {
            vector.add(node(1), stretch);
        }
        let found: Vec<_> = vector.iter().collect();
        assert_eq!(found, [(node(1), &[(1, 3), (10, 50), (60, 60)][..])]);
        let covered: Vec<u64> = (0..70).filter(|n| vector.covers(node(1), *n)).collect();
        assert_eq!(covered, (1..4).chain(10..51).chain([60]).collect::<Vec<_>>());
        assert!(!vector.covers(node(2), 2));
    }

    #[test]
    fn the_oldest_are_forgotten() {
        let mut vector = Vector::default();
        for n in 0..1000 {
            vector.add(node(1), (n * 10, n * 10 + 1));
        }
        assert!(!vector.covers(node(1), 9350) && vector.covers(node(1), 9360));
        let mut all = Vector::default();
        for n in 0..300_u64 {
            let mut one = Vector::default();
            let name: [u8; 16] =
                std::array::from_fn(|at| if at < 8 { n.to_be_bytes()[at] } else { 0 });
            one.add(NodeId(name), (n + 1, n + 1));
            all.join(&one);
        }
        assert_eq!(all.len(), NODES_MAX);
    }

    #[test]
    fn equal_buckets_know_what_both_knew() {
        let (mut mine, mut theirs) = (Versions::default(), Versions::default());
        let vector = |n: u8, last: u64| {
            let mut vector = Vector::default();
            vector.add(node(n), (1, last));
            vector
        };
        mine.set(buckets(|b| b < 600), vector(1, 5));
        theirs.set(buckets(|b| b >= 300), vector(2, 7));
        mine.join(&buckets(|b| b % 2 == 0), &theirs, (node(3), Some((100, 200))));
        for bucket in 0..BUCKETS {
            let equal = bucket % 2 == 0;
            let covered = [(1, 5), (2, 7), (3, 150), (3, 99)]
                .map(|(n, number)| mine.covers(bucket, node(n), number));
            let want = [bucket < 600, equal && bucket >= 300, equal, false];
            assert_eq!(covered, want, "{bucket}");
        }
        // Twice is once, and equal vectors are one.
        let before = mine.clone();
        mine.join(&buckets(|b| b % 2 == 0), &theirs, (node(3), Some((100, 200))));
        assert_eq!((&mine, mine.by_size().len()), (&before, 4));
        assert!(mine.by_size().is_sorted_by_key(|(_, buckets)| std::cmp::Reverse(buckets.len())));
        let all = buckets(|_| true);
        let clone = mine.clone();
        mine.join(&all, &clone, (node(3), None));
        assert_eq!(mine, before);
    }
}
