//! The route table: which nodes want a topic.
//!
//! One table for the routes of all other nodes. Each node alone writes its own routes (`replica`); here lies the copy that
//! lookups use. A route holds a set of *places*, and each place belongs to one node, so a node is lost by clearing one bit
//! (`routable`), whatever the number of its routes; [`RouteTable::sweep`] frees them afterwards, in pieces. A snapshot fills a
//! second place of its node and takes over when it is whole, so lookups never see half a snapshot.
//!
//! A lookup costs one hash probe, one trie walk when there are wildcards, and one bitmap AND.

use std::{collections::BTreeMap, sync::Arc};

pub use super::node_set::NodeSet;
use super::{
    names::NameTable,
    node_set::{CAPACITY, NodeSets, SetId},
    shared_routes::SharedRoutes,
};
use crate::{
    sort,
    topic::{TopicFilter, TopicName, Trie},
};

/// Work of a group for which a node is chosen, in messages handed on.
const GROUP: usize = 4;

/// What a route is for: a filter, or a filter of a shared subscription group.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RouteKey {
    /// The topic filter, without any `$share/group/`.
    pub filter: TopicFilter,
    /// The group, for a shared subscription; `$queue` for `$queue/filter`.
    pub group: Option<Arc<str>>,
}

impl RouteKey {
    /// A stable 64-bit hash of the key with its weight. The hash of a set of routes is the wrapping sum over its routes.
    #[must_use]
    pub fn hash64(&self, weight: u8) -> u64 {
        let mut hash = mix(0x9e37_79b9_7f4a_7c15, self.filter.as_str().as_bytes());
        if let Some(group) = &self.group {
            hash = mix(hash ^ u64::from(weight) << 32 ^ 1, group.as_bytes());
        }
        hash
    }

    /// Which of 256 parts of a node's routes it is in, whatever its weight.
    #[must_use]
    pub fn bucket(&self) -> u8 {
        let [first, ..] = self.hash64(1).to_be_bytes();
        first
    }
}

/// Some of the 256 parts of a set of routes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Parts([u64; 4]);

impl Parts {
    /// Adds a part.
    pub fn insert(&mut self, part: u8) {
        if let Some(word) = self.0.get_mut(usize::from(part / 64)) {
            *word |= 1 << (part % 64);
        }
    }

    /// Whether `part` is one of them.
    #[must_use]
    pub fn contains(&self, part: u8) -> bool {
        self.0.get(usize::from(part / 64)).is_some_and(|word| word >> (part % 64) & 1 == 1)
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.iter().map(|word| word.count_ones() as usize).sum()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// As four words, lowest parts first.
    #[must_use]
    pub const fn words(self) -> [u64; 4] {
        self.0
    }

    /// From [`Self::words`].
    #[must_use]
    pub const fn from_words(words: [u64; 4]) -> Self {
        Self(words)
    }
}

/// The hash of each of the 256 parts of a set of routes.
pub fn bucket_sums(routes: impl Iterator<Item = (RouteKey, u8)>) -> Box<[u64; 256]> {
    let mut sums = Box::new([0u64; 256]);
    for (key, weight) in routes {
        if let Some(sum) = sums.get_mut(usize::from(key.bucket())) {
            *sum = sum.wrapping_add(key.hash64(weight));
        }
    }
    sums
}

/// Folds `bytes` into `state`, eight at a time. Written out here because two nodes of different releases must agree.
fn mix(state: u64, bytes: &[u8]) -> u64 {
    const K: u64 = 0xff51_afd7_ed55_8ccd;
    let mut hash = state ^ (bytes.len() as u64).wrapping_mul(K);
    for chunk in bytes.chunks(8) {
        let mut word = [0; 8];
        word.iter_mut().zip(chunk).for_each(|(to, from)| *to = *from);
        hash = (hash ^ u64::from_le_bytes(word)).wrapping_mul(K);
        hash ^= hash >> 32;
    }
    hash
}

/// One change of the routes of one node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RouteOp {
    /// Add, else remove.
    pub add: bool,
    /// Which route.
    pub key: RouteKey,
    /// How much of the group sits on the node, 1 to 128 (`replica::group_weight`). 1 where there is no group.
    pub weight: u8,
}

/// A node that has members of a shared subscription group.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Candidate {
    /// Index of the node.
    pub node: u16,
    /// Its share of the group's members, 1 to 128.
    pub weight: u8,
}

/// A shared subscription group that wants the topic: one of the candidates must get the message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SharedMatch {
    /// Name of the group.
    pub group: Arc<str>,
    /// Its filter.
    pub filter: TopicFilter,
    /// The nodes that have members, by index.
    pub candidates: Vec<Candidate>,
}

/// What [`RouteTable::matches`] found. Made once and used again, so that a publish allocates nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RouteMatches {
    /// Indices of the nodes that want the message.
    pub nodes: NodeSet,
    /// Groups of which one node is to be chosen each.
    pub shared: Vec<SharedMatch>,
    /// Branches of filters that were come to.
    pub steps: usize,
}

impl RouteMatches {
    /// Forgets the last lookup.
    pub fn clear(&mut self) {
        self.nodes = NodeSet::EMPTY;
        self.shared.clear();
        self.steps = 0;
    }

    /// How much was and is to be done for it, in messages handed on.
    #[must_use]
    pub fn work(&self) -> usize {
        self.steps + GROUP * self.shared.len()
    }

    /// Whether no other node wants the message.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.nodes.is_empty() && self.shared.is_empty()
    }
}

/// A change of the table, made by the cluster core and applied by whoever holds the table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TableOp {
    /// Changes of the routes of `node`, in its order. They go to its snapshot while one is being filled.
    Apply {
        /// Index of the node.
        node: u16,
        /// The changes.
        ops: Arc<[RouteOp]>,
    },
    /// Parts of the routes of `node` are put right: `ops` (all adds) is what is in them. Whoever shares the table with lookups
    /// applies what [`RouteTable::difference`] makes of it.
    Refill {
        /// Index of the node.
        node: u16,
        /// Which parts: [`RouteKey::bucket`].
        parts: Parts,
        /// Their routes.
        ops: Arc<[RouteOp]>,
    },
    /// A snapshot of `node` begins: what follows fills a new copy. With `drop_old` the old copy counts no longer.
    SnapshotBegin {
        /// Index of the node.
        node: u16,
        /// The old copy is of an earlier incarnation.
        drop_old: bool,
    },
    /// The snapshot is whole: it replaces the old copy.
    SnapshotEnd {
        /// Index of the node.
        node: u16,
    },
    /// The snapshot will not be finished: the old copy stays.
    SnapshotAbort {
        /// Index of the node.
        node: u16,
    },
    /// The node is gone: its routes count no longer. Costs the same whatever their number.
    Drop {
        /// Index of the node.
        node: u16,
    },
}

/// A copy of the routes of one node.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Place {
    node: u16,
    /// Routes held.
    count: u64,
    /// Sum of the hashes of the routes held.
    hash: u64,
}

/// The two copies of a node: the one in use, and the one being filled.
#[derive(Clone, Copy, Debug, Default)]
struct Copies {
    current: Option<u16>,
    incoming: Option<u16>,
}

/// The routes of all other nodes.
///
/// Invariant: every place is free, or the current or incoming copy of one node, or `retired`; only current copies are `routable`.
#[derive(Debug)]
pub struct RouteTable {
    names: NameTable,
    wildcards: Trie<u32>,
    sets: NodeSets,
    shared: SharedRoutes,
    places: Vec<Place>,
    copies: Vec<Copies>,
    free: NodeSet,
    routable: NodeSet,
    retired: NodeSet,
    /// The retired places that the sweep under way takes out, and how far it is.
    sweeping: NodeSet,
    cursor: u32,
}

impl Default for RouteTable {
    fn default() -> Self {
        Self {
            names: NameTable::default(),
            wildcards: Trie::new(),
            sets: NodeSets::default(),
            shared: SharedRoutes::default(),
            places: vec![Place::default(); CAPACITY],
            copies: vec![Copies::default(); CAPACITY],
            free: (0..256).collect(),
            routable: NodeSet::EMPTY,
            retired: NodeSet::EMPTY,
            sweeping: NodeSet::EMPTY,
            cursor: 0,
        }
    }
}

impl RouteTable {
    /// An empty table.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Whether no other node has a route: a publish need not look.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.routable.is_empty()
    }

    /// Routes of all nodes that count, as of the copies in use.
    #[must_use]
    pub fn len(&self) -> usize {
        let count = |copies: &Copies| {
            let place = copies.current.and_then(|place| self.places.get(usize::from(place)));
            place.map_or(0, |place| usize::try_from(place.count).unwrap_or(usize::MAX))
        };
        self.copies.iter().map(count).sum()
    }

    /// Finds the nodes that want `topic` and adds them to `out`.
    pub fn matches(&self, topic: TopicName<'_>, out: &mut RouteMatches) {
        if self.routable.is_empty() {
            return;
        }
        let mut found = NodeSet::EMPTY;
        if let Some(set) = self.names.find(topic.as_str()).and_then(|e| self.names.value(e)) {
            self.sets.add_to(set, &mut found);
        }
        if !self.wildcards.is_empty() {
            out.steps += self.wildcards.for_each_match(topic, |&entry| {
                if let Some(set) = self.names.value(entry) {
                    self.sets.add_to(set, &mut found);
                }
            });
        }
        found.intersect(&self.routable);
        for place in found.iter() {
            if let Some(place) = self.places.get(usize::from(place)) {
                out.nodes.insert(place.node);
            }
        }
        out.steps += self.shared.matches(topic, &mut out.shared, |place| {
            let place = self.routable.contains(place).then(|| self.places.get(usize::from(place)));
            place.flatten().map(|place| place.node)
        });
    }

    /// Whether another node has a member of `group` on `filter`.
    #[must_use]
    pub fn has_member(&self, group: &str, filter: &TopicFilter) -> bool {
        self.shared.has_member(group, filter, |place| self.routable.contains(place))
    }

    /// Number and hash of the routes of `node`, as of the copy in use.
    #[must_use]
    pub fn summary(&self, node: u16) -> (u64, u64) {
        let current = self.copies.get(usize::from(node)).and_then(|copies| copies.current);
        let place = current.and_then(|place| self.places.get(usize::from(place)));
        place.map_or((0, 0), |place| (place.count, place.hash))
    }

    /// Every route of `node`, sorted; for listings and tests, it walks the whole table.
    #[must_use]
    pub fn routes_of(&self, node: u16) -> Vec<(RouteKey, u8)> {
        let Some(place) = self.copies.get(usize::from(node)).and_then(|copies| copies.current)
        else {
            return Vec::new();
        };
        let mut routes: Vec<_> = (0..self.names.end())
            .filter(|entry| {
                self.names.value(*entry).is_some_and(|set| self.sets.expand(set).contains(place))
            })
            .filter_map(|entry| TopicFilter::parse(self.names.text(entry)?).ok())
            .map(|filter| (RouteKey { filter, group: None }, 1))
            .collect();
        self.shared.routes_of(place, &mut routes);
        sort::sort(&mut routes);
        routes
    }

    /// Carries out one change.
    pub fn apply(&mut self, op: &TableOp) {
        match op {
            TableOp::Apply { node, ops } => self.change(*node, ops),
            TableOp::Refill { .. } => {
                if let Some(difference) = self.difference(op) {
                    self.apply(&difference);
                }
            }
            TableOp::SnapshotBegin { node, drop_old } => self.begin(*node, *drop_old),
            TableOp::SnapshotEnd { node } => {
                let incoming = self.copy(*node).and_then(|copies| copies.incoming.take());
                if let Some(incoming) = incoming {
                    self.retire_current(*node);
                    self.routable.insert(incoming);
                    if let Some(copies) = self.copy(*node) {
                        copies.current = Some(incoming);
                    }
                }
            }
            TableOp::SnapshotAbort { node } => self.retire_incoming(*node),
            TableOp::Drop { node } => {
                self.retire_incoming(*node);
                self.retire_current(*node);
            }
        }
    }

    /// Frees what lost nodes left behind, looking at up to `budget` entries. True while there is more to do.
    pub fn sweep(&mut self, budget: u32) -> bool {
        if self.sweeping.is_empty() {
            if self.retired.is_empty() {
                return false;
            }
            self.sweeping = std::mem::take(&mut self.retired);
            self.cursor = 0;
            self.shared.forget(&self.sweeping);
        }
        let until = self.cursor.saturating_add(budget).min(self.names.end());
        for entry in self.cursor..until {
            let Some(id) = self.names.value(entry) else { continue };
            let before = self.sets.expand(id);
            let mut after = before;
            after.subtract(&self.sweeping);
            if before != after {
                self.store(entry, id, &after);
            }
        }
        self.cursor = until;
        if until < self.names.end() {
            return true;
        }
        self.free.union(&self.sweeping);
        self.sweeping = NodeSet::EMPTY;
        !self.retired.is_empty()
    }

    fn copy(&mut self, node: u16) -> Option<&mut Copies> {
        self.copies.get_mut(usize::from(node))
    }

    /// A free place for a copy of the routes of `node`.
    fn claim(&mut self, node: u16) -> Option<u16> {
        if self.free.is_empty() {
            while self.sweep(u32::MAX) {}
        }
        let place = self.free.iter().next()?;
        self.free.remove(place);
        *self.places.get_mut(usize::from(place))? = Place { node, ..Place::default() };
        Some(place)
    }

    fn begin(&mut self, node: u16, drop_old: bool) {
        self.retire_incoming(node);
        if drop_old {
            self.retire_current(node);
        }
        let incoming = self.claim(node);
        if let Some(copies) = self.copy(node) {
            copies.incoming = incoming;
        }
    }

    fn retire_current(&mut self, node: u16) {
        if let Some(place) = self.copy(node).and_then(|copies| copies.current.take()) {
            self.routable.remove(place);
            self.retired.insert(place);
        }
    }

    fn retire_incoming(&mut self, node: u16) {
        if let Some(place) = self.copy(node).and_then(|copies| copies.incoming.take()) {
            self.retired.insert(place);
        }
    }

    /// The hash of each part of the routes of `node`. Walks the whole table.
    #[must_use]
    pub fn sums(&self, node: u16) -> Box<[u64; 256]> {
        bucket_sums(self.routes_of(node).into_iter())
    }

    /// The changes that a [`TableOp::Refill`] asks for, as a [`TableOp::Apply`]: looking for them walks the whole table once,
    /// making them costs what differs. `None` for any other change, and while a snapshot is being filled: that puts
    /// everything right.
    #[must_use]
    pub fn difference(&self, refill: &TableOp) -> Option<TableOp> {
        let TableOp::Refill { node, parts, ops } = refill else { return None };
        let copies = self.copies.get(usize::from(*node))?;
        if copies.incoming.is_some() {
            return None;
        }
        let mut want: BTreeMap<&RouteKey, u8> = ops.iter().map(|op| (&op.key, op.weight)).collect();
        let mut changes = Vec::new();
        let held =
            self.routes_of(*node).into_iter().filter(|(key, _)| parts.contains(key.bucket()));
        for (key, weight) in held {
            if want.get(&key) == Some(&weight) {
                want.remove(&key);
            } else {
                changes.push(RouteOp { add: false, key, weight });
            }
        }
        let missing = want.into_iter();
        changes.extend(missing.map(|(key, weight)| RouteOp {
            add: true,
            key: key.clone(),
            weight,
        }));
        Some(TableOp::Apply { node: *node, ops: changes.into() })
    }

    fn change(&mut self, node: u16, ops: &[RouteOp]) {
        let Some(copies) = self.copy(node).copied() else { return };
        let place = match copies.incoming.or(copies.current) {
            Some(place) => place,
            None => {
                let Some(place) = self.claim(node) else { return };
                self.routable.insert(place);
                if let Some(copies) = self.copy(node) {
                    copies.current = Some(place);
                }
                place
            }
        };
        for op in ops {
            let (count, hash) = match &op.key.group {
                None => self.change_plain(place, op),
                Some(group) => self.shared.change(place, group, op),
            };
            if let Some(place) = self.places.get_mut(usize::from(place)) {
                place.count = place.count.wrapping_add_signed(count);
                place.hash = place.hash.wrapping_add(hash);
            }
        }
    }

    /// Returns what changes in count and hash of the place.
    fn change_plain(&mut self, place: u16, op: &RouteOp) -> (i64, u64) {
        let text = op.key.filter.as_str();
        let found = self.names.find(text).and_then(|e| Some((e, self.names.value(e)?)));
        let before = found.map_or(NodeSet::EMPTY, |(_, id)| self.sets.expand(id));
        if before.contains(place) == op.add {
            return (0, 0);
        }
        let mut after = before;
        if op.add {
            after.insert(place);
        } else {
            after.remove(place);
        }
        match found {
            Some((entry, id)) => self.store(entry, id, &after),
            None => self.add_entry(&op.key.filter, &after),
        }
        let hash = op.key.hash64(op.weight);
        if op.add { (1, hash) } else { (-1, hash.wrapping_neg()) }
    }

    /// Gives an entry another set; takes it out when that is empty.
    fn store(&mut self, entry: u32, id: SetId, after: &NodeSet) {
        match self.sets.exchange(Some(id), after) {
            Some(new) => self.names.set_value(entry, new),
            None => {
                if let Some(text) = self.names.text(entry)
                    && crate::topic::filter::has_wildcard(text)
                {
                    self.wildcards.remove(text);
                }
                self.names.remove(entry);
            }
        }
    }

    fn add_entry(&mut self, filter: &TopicFilter, set: &NodeSet) {
        let Some(id) = self.sets.exchange(None, set) else { return };
        let Some(entry) = self.names.insert(filter.as_str(), id) else { return };
        if filter.has_wildcard() {
            *self.wildcards.get_or_insert_with(filter, || entry) = entry;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    const FILTERS: [&str; 8] = ["a", "a/b", "a/+", "#", "a/#", "+/b", "c/d/e", "$SYS/#"];
    const TOPICS: [&str; 6] = ["a", "a/b", "c/d/e", "x", "$SYS/x", "a/b/c"];
    const GROUPS: [Option<&str>; 3] = [None, Some("g"), Some("h")];

    fn op(add: bool, filter: usize, group: usize, weight: u8) -> RouteOp {
        let filter = TopicFilter::parse(FILTERS[filter % FILTERS.len()]).unwrap();
        let group: Option<Arc<str>> = GROUPS[group % GROUPS.len()].map(Arc::from);
        let weight = if group.is_some() { 1 << (weight % 8) } else { 1 };
        RouteOp { add, key: RouteKey { filter, group }, weight }
    }

    /// What the table is to say, by the simplest means.
    #[derive(Default)]
    struct Model {
        current: BTreeMap<u16, BTreeMap<RouteKey, u8>>,
        incoming: BTreeMap<u16, BTreeMap<RouteKey, u8>>,
    }

    impl Model {
        fn apply(&mut self, op: &TableOp) {
            match op {
                TableOp::Apply { node, ops } => {
                    let copy = match self.incoming.get_mut(node) {
                        Some(copy) => copy,
                        None => self.current.entry(*node).or_default(),
                    };
                    for op in ops.iter() {
                        if op.add {
                            copy.insert(op.key.clone(), op.weight);
                        } else {
                            copy.remove(&op.key);
                        }
                    }
                }
                TableOp::Refill { node, parts, ops } => {
                    if !self.incoming.contains_key(node) {
                        let copy = self.current.entry(*node).or_default();
                        copy.retain(|key, _| !parts.contains(key.bucket()));
                        copy.extend(ops.iter().map(|op| (op.key.clone(), op.weight)));
                    }
                }
                TableOp::SnapshotBegin { node, drop_old } => {
                    self.incoming.insert(*node, BTreeMap::new());
                    if *drop_old {
                        self.current.remove(node);
                    }
                }
                TableOp::SnapshotEnd { node } => {
                    if let Some(copy) = self.incoming.remove(node) {
                        self.current.insert(*node, copy);
                    }
                }
                TableOp::SnapshotAbort { node } => {
                    self.incoming.remove(node);
                }
                TableOp::Drop { node } => {
                    self.incoming.remove(node);
                    self.current.remove(node);
                }
            }
        }

        fn matches(&self, topic: TopicName<'_>) -> RouteMatches {
            let mut out = RouteMatches::default();
            let mut shared: BTreeMap<(Arc<str>, TopicFilter), Vec<Candidate>> = BTreeMap::new();
            for (node, routes) in &self.current {
                for (key, weight) in routes.iter().filter(|(key, _)| key.filter.matches(topic)) {
                    match &key.group {
                        None => out.nodes.insert(*node),
                        Some(group) => shared
                            .entry((group.clone(), key.filter.clone()))
                            .or_default()
                            .push(Candidate { node: *node, weight: *weight }),
                    }
                }
            }
            out.shared = shared
                .into_iter()
                .map(|((group, filter), candidates)| SharedMatch { group, filter, candidates })
                .collect();
            out
        }
    }

    fn table_op() -> impl Strategy<Value = TableOp> {
        let ops = prop::collection::vec((any::<bool>(), 0usize..8, 0usize..3, any::<u8>()), 1..6);
        (0u8..12, 0u16..5, ops).prop_map(|(kind, node, ops)| match kind {
            0 => TableOp::SnapshotBegin { node, drop_old: ops.len() % 2 == 0 },
            1 => TableOp::SnapshotEnd { node },
            2 => TableOp::SnapshotAbort { node },
            3 => TableOp::Drop { node },
            4 => {
                let ops: Vec<_> = ops.into_iter().map(|(_, f, g, w)| op(true, f, g, w)).collect();
                let mut parts = Parts::default();
                ops.iter().for_each(|op| parts.insert(op.key.bucket()));
                (0..16).for_each(|part| parts.insert(part * 16 + u8::try_from(node).unwrap()));
                let unique: BTreeMap<_, _> = ops.iter().map(|op| (&op.key, op)).collect();
                TableOp::Refill { node, parts, ops: unique.into_values().cloned().collect() }
            }
            _ => TableOp::Apply {
                node,
                ops: ops.into_iter().map(|(add, f, g, w)| op(add, f, g, w)).collect(),
            },
        })
    }

    proptest! {
        #[test]
        fn finds_what_the_model_finds(ops in prop::collection::vec((table_op(), 0u32..5), 0..120)) {
            let (mut table, mut model) = (RouteTable::new(), Model::default());
            for (op, sweep) in ops {
                table.apply(&op);
                model.apply(&op);
                table.sweep(sweep);
                for topic in TOPICS {
                    let topic = TopicName::parse(topic).unwrap();
                    let mut found = RouteMatches::default();
                    table.matches(topic, &mut found);
                    found.shared.sort_by(|a, b| (&a.group, &a.filter).cmp(&(&b.group, &b.filter)));
                    found.shared.iter_mut().for_each(|s| s.candidates.sort_by_key(|c| c.node));
                    prop_assert_eq!(RouteMatches { steps: 0, ..found }, model.matches(topic));
                }
                for node in 0..5 {
                    let want: Vec<_> = model.current.get(&node).into_iter().flatten()
                        .map(|(key, weight)| (key.clone(), *weight)).collect();
                    let sum = want.iter().fold(0u64, |sum, (k, w)| sum.wrapping_add(k.hash64(*w)));
                    prop_assert_eq!(table.summary(node), (want.len() as u64, sum));
                    prop_assert_eq!(table.routes_of(node), want);
                }
            }
            for node in 0..5 {
                table.apply(&TableOp::Drop { node });
            }
            prop_assert!(table.is_empty());
            while table.sweep(3) {}
            prop_assert_eq!((table.names.len(), table.wildcards.len(), table.sets.len()), (0, 0, 0));
            prop_assert_eq!(table.free.len(), CAPACITY);
            prop_assert!(table.shared.is_empty());
        }
    }

    #[test]
    fn the_hash_of_a_route_depends_on_all_of_it() {
        let keys: BTreeSet<_> = (0..8)
            .flat_map(|f| (0..3).flat_map(move |g| (0..8).map(move |w| op(true, f, g, w))))
            .map(|op| op.key.hash64(op.weight))
            .collect();
        assert_eq!(keys.len(), 8 + 8 * 2 * 8);
    }
}
