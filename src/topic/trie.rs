//! [`Trie`]: topic filters by level, so that a name finds its filters without looking at the others.
//!
//! Compact, because a broker holds millions: a filter that shares its first levels with others is one leaf under the branch
//! where it parts from them, and the leaf keeps the filter's own text (an `Arc` the owner of the filter shares) instead of a
//! node per level. So `device/{id}/+/state` a million times is one branch and a million leaves.
//! `+`, `#` and "ends here" are fields of a branch; the other children of all branches are in one hash table of 8-byte slots.
//!
//! Cost of a match: at most two steps per level and branch (the level itself, `+`), a step one hash and usually two cache lines.
//! A walk says how many branches it came to, so that whoever walks often for somebody can let others go first.
//! No allocation, no recursion; nothing here depends on the order of a hash.

use std::hash::{BuildHasher, Hasher};

use super::filter::{TopicFilter, levels_match};
use super::hashing::Hashing;
use super::name::TopicName;
use super::pool::Pool;
use super::split_level;

const ROOT: u32 = 0;
const NONE: u32 = u32::MAX;
/// Set in a child number that means a leaf.
const LEAF: u32 = 1 << 31;

/// A map from topic filters to `V`, to be asked by topic name.
#[derive(Debug)]
pub struct Trie<V> {
    branches: Pool<Branch>,
    leaves: Pool<Leaf<V>>,
    edges: Edges,
    hasher: Hashing,
}

/// Invariant: a branch other than the root has at least one child.
#[derive(Debug)]
struct Branch {
    /// The level that leads here from the parent.
    level: Box<str>,
    parent: u32,
    /// How many children are in `Trie::edges`.
    literals: u32,
    plus: u32,
    /// The leaf of the filter that goes on with `#`.
    hash: u32,
    /// The leaf of the filter that ends here.
    end: u32,
}

#[derive(Debug)]
struct Leaf<V> {
    filter: TopicFilter,
    parent: u32,
    /// Where in `filter` the level under `parent` starts; past the end for the filter that ends at `parent`.
    /// (The text has at most 65,535 bytes, so one past it may be 65,536.)
    at: u32,
    value: V,
}

/// The level of a leaf or branch, as its parent sees it.
#[derive(Clone, Copy)]
enum Step<'a> {
    End,
    Plus,
    Hash,
    Level(&'a str),
}

impl<'a> Step<'a> {
    /// The first step of a filter's tail, and the tail after it.
    fn of(tail: Option<&'a str>) -> (Self, Option<&'a str>) {
        let Some(tail) = tail else { return (Self::End, None) };
        match split_level(tail) {
            ("+", after) => (Self::Plus, after),
            ("#", _) => (Self::Hash, None),
            (level, after) => (Self::Level(level), after),
        }
    }
}

impl<V> Default for Trie<V> {
    fn default() -> Self {
        Self::new()
    }
}

impl<V> Trie<V> {
    /// An empty one.
    #[must_use]
    pub fn new() -> Self {
        let mut branches = Pool::default();
        branches.insert(Branch::new(NONE, ""));
        let (leaves, edges, hasher) = (Pool::default(), Edges::default(), Hashing::default());
        Self { branches, leaves, edges, hasher }
    }

    /// How many filters are in it.
    #[must_use]
    pub fn len(&self) -> usize {
        self.leaves.len()
    }

    /// Whether it has no filter.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.leaves.is_empty()
    }

    /// All filters, in no order one may rely on but the same for the same history.
    pub fn iter(&self) -> impl Iterator<Item = (&TopicFilter, &V)> {
        self.leaves.iter().map(|(_, leaf)| (&leaf.filter, &leaf.value))
    }

    /// The value of exactly this filter.
    #[must_use]
    pub fn get(&self, filter: &str) -> Option<&V> {
        self.find(filter).and_then(|leaf| self.leaf(leaf)).map(|leaf| &leaf.value)
    }

    /// This very filter, as it is held here, with its value.
    #[must_use]
    pub fn get_entry(&self, filter: &str) -> Option<(&TopicFilter, &V)> {
        self.find(filter).and_then(|leaf| self.leaf(leaf)).map(|leaf| (&leaf.filter, &leaf.value))
    }

    /// The value of exactly this filter, to be changed.
    pub fn get_mut(&mut self, filter: &str) -> Option<&mut V> {
        let leaf = self.find(filter)?;
        self.leaves.get_mut(leaf).map(|leaf| &mut leaf.value)
    }

    /// Calls `f` once for each filter that `topic` matches, the `$` rule included. Returns how many branches it came to: filters that
    /// differ in where they have `+` make them many, also for a topic that nothing matches.
    pub fn for_each_match<'t>(&'t self, topic: TopicName<'_>, mut f: impl FnMut(&'t V)) -> usize {
        self.for_each_entry(topic, |_, value| f(value))
    }

    /// As [`Trie::for_each_match`], with the filter.
    pub fn for_each_entry<'t>(
        &'t self,
        topic: TopicName<'_>,
        mut f: impl FnMut(&'t TopicFilter, &'t V),
    ) -> usize {
        let mut steps = 0;
        let mut stack = Stack::new();
        let mut emit = |leaf: u32| {
            if let Some(leaf) = self.leaf(leaf) {
                f(&leaf.filter, &leaf.value);
            }
        };
        let mut next = Some((ROOT, Some(topic.as_str())));
        let mut wild = !topic.is_dollar();
        while let Some((number, tail)) = next {
            next = None;
            steps += 1;
            if let Some(branch) = self.branches.get(number) {
                if wild && branch.hash != NONE {
                    emit(branch.hash);
                }
                match tail {
                    None if branch.end != NONE => emit(branch.end),
                    None => {}
                    Some(tail) => {
                        let (level, after) = split_level(tail);
                        if wild {
                            self.visit(branch.plus, after, &mut stack, &mut emit);
                        }
                        if branch.literals != 0 {
                            let child = self.literal(number, level);
                            self.visit(child, after, &mut stack, &mut emit);
                        }
                    }
                }
            }
            wild = true;
            if let Some((number, left)) = stack.pop() {
                let text = topic.as_str();
                // `left` counts the bytes of the tail and one more, 0 when there is no tail.
                next = Some((
                    number,
                    (left as usize).checked_sub(1).and_then(|n| text.get(text.len() - n..)),
                ));
            }
        }
        steps
    }

    /// A child whose own level is matched already: a leaf is decided here, a branch waits its turn.
    #[inline]
    fn visit(
        &self,
        child: u32,
        after: Option<&str>,
        stack: &mut Stack,
        emit: &mut impl FnMut(u32),
    ) {
        if child == NONE {
            return;
        }
        if child & LEAF == 0 {
            let left = after.map_or(0, |tail| tail.len() + 1);
            stack.push((child, u32::try_from(left).unwrap_or(0)));
        } else if let Some(leaf) = self.leaf(child)
            && levels_match(leaf.after(), after)
        {
            emit(child);
        }
    }

    /// The value of `filter`, put there by `f` when there is none.
    pub fn get_or_insert_with(&mut self, filter: &TopicFilter, f: impl FnOnce() -> V) -> &mut V {
        let (parent, at, step) = match self.descend(filter) {
            Descent::Found(leaf) => return self.value_mut(leaf),
            Descent::Missing { parent, at, step } => (parent, at, step),
        };
        self.attach(parent, step, self.leaves.next() | LEAF);
        let number = self.leaves.insert(Leaf { filter: filter.clone(), parent, at, value: f() });
        self.value_mut(number)
    }

    #[expect(clippy::expect_used, reason = "the caller has just found or inserted this leaf")]
    fn value_mut(&mut self, leaf: u32) -> &mut V {
        &mut self.leaves.get_mut(leaf & !LEAF).expect("a leaf just found").value
    }

    /// Takes `filter` out.
    pub fn remove(&mut self, filter: &str) -> Option<V> {
        let number = self.find(filter)?;
        let leaf = self.leaves.remove(number)?;
        let (step, _) = Step::of(leaf.filter.as_str().get(leaf.at as usize..));
        self.detach(leaf.parent, step, number | LEAF);
        let mut number = leaf.parent;
        while number != ROOT && self.branches.get(number).is_some_and(Branch::is_bare) {
            let branch = self.branches.remove(number)?;
            let step = if &*branch.level == "+" { Step::Plus } else { Step::Level(&branch.level) };
            self.detach(branch.parent, step, number);
            number = branch.parent;
        }
        Some(leaf.value)
    }

    #[inline]
    fn leaf(&self, number: u32) -> Option<&Leaf<V>> {
        self.leaves.get(number & !LEAF)
    }

    /// The leaf (without the mark) of exactly this filter.
    fn find(&self, filter: &str) -> Option<u32> {
        let (mut number, mut tail) = (ROOT, Some(filter));
        loop {
            let (step, after) = Step::of(tail);
            let child = self.child(number, step);
            if child == NONE {
                return None;
            }
            if child & LEAF != 0 {
                let leaf = self.leaf(child)?;
                return (leaf.filter.as_str() == filter).then_some(child & !LEAF);
            }
            (number, tail) = (child, after);
        }
    }

    #[inline]
    fn child(&self, branch: u32, step: Step<'_>) -> u32 {
        let Some(parent) = self.branches.get(branch) else { return NONE };
        match step {
            Step::End => parent.end,
            Step::Plus => parent.plus,
            Step::Hash => parent.hash,
            Step::Level(level) => self.literal(branch, level),
        }
    }

    #[inline]
    fn literal(&self, branch: u32, level: &str) -> u32 {
        self.edges.find(self.tag(branch, level), |child| self.is_child(child, branch, level))
    }

    #[inline]
    fn is_child(&self, child: u32, branch: u32, level: &str) -> bool {
        if child & LEAF == 0 {
            let child = self.branches.get(child);
            child.is_some_and(|child| child.parent == branch && &*child.level == level)
        } else {
            self.leaf(child).is_some_and(|leaf| leaf.parent == branch && leaf.starts_with(level))
        }
    }

    #[inline]
    fn tag(&self, branch: u32, level: &str) -> u32 {
        let mut hasher = self.hasher.build_hasher();
        hasher.write_u32(branch);
        hasher.write(level.as_bytes());
        (hasher.finish() >> 32) as u32
    }

    /// Walks to where `filter` is or belongs. A leaf in the way becomes a branch with that leaf under it.
    fn descend<'f>(&mut self, filter: &'f TopicFilter) -> Descent<'f> {
        let text = filter.as_str();
        let (mut number, mut tail) = (ROOT, Some(text));
        loop {
            let (step, after) = Step::of(tail);
            let child = self.child(number, step);
            if child == NONE {
                let at = tail.map_or(text.len() + 1, |tail| text.len() - tail.len());
                return Descent::Missing {
                    parent: number,
                    at: u32::try_from(at).unwrap_or(NONE),
                    step,
                };
            }
            let mut branch = child;
            if child & LEAF != 0 {
                if self.leaf(child).is_some_and(|leaf| leaf.filter == *filter) {
                    return Descent::Found(child);
                }
                branch = self.split(number, step, child);
            }
            (number, tail) = (branch, after);
        }
    }

    /// Puts a branch where leaf `child` was, and the leaf below it.
    fn split(&mut self, parent: u32, step: Step<'_>, child: u32) -> u32 {
        let level = match step {
            Step::Level(level) => level,
            Step::Plus => "+",
            // A leaf there is the whole filter, so it was found and not in the way.
            Step::End | Step::Hash => "",
        };
        self.detach(parent, step, child);
        let branch = self.branches.insert(Branch::new(parent, level));
        self.attach(parent, step, branch);
        let Some(leaf) = self.leaves.get_mut(child & !LEAF) else { return branch };
        leaf.parent = branch;
        leaf.at += u32::try_from(level.len() + 1).unwrap_or(0);
        let (filter, at) = (leaf.filter.clone(), leaf.at as usize);
        let (step, _) = Step::of(filter.as_str().get(at..));
        self.attach(branch, step, child);
        branch
    }

    fn attach(&mut self, parent: u32, step: Step<'_>, child: u32) {
        let tag = self.step_tag(parent, step);
        let Some(branch) = self.branches.get_mut(parent) else { return };
        match step {
            Step::End => branch.end = child,
            Step::Plus => branch.plus = child,
            Step::Hash => branch.hash = child,
            Step::Level(_) => {
                branch.literals += 1;
                self.edges.insert(tag, child);
            }
        }
    }

    fn detach(&mut self, parent: u32, step: Step<'_>, child: u32) {
        let tag = self.step_tag(parent, step);
        let Some(branch) = self.branches.get_mut(parent) else { return };
        match step {
            Step::End => branch.end = NONE,
            Step::Plus => branch.plus = NONE,
            Step::Hash => branch.hash = NONE,
            Step::Level(_) => {
                branch.literals -= 1;
                self.edges.remove(tag, child);
            }
        }
    }

    fn step_tag(&self, parent: u32, step: Step<'_>) -> u32 {
        if let Step::Level(level) = step { self.tag(parent, level) } else { 0 }
    }
}

enum Descent<'f> {
    Found(u32),
    Missing { parent: u32, at: u32, step: Step<'f> },
}

impl Branch {
    fn new(parent: u32, level: &str) -> Self {
        Self { level: level.into(), parent, literals: 0, plus: NONE, hash: NONE, end: NONE }
    }

    fn is_bare(&self) -> bool {
        self.literals == 0 && [self.plus, self.hash, self.end] == [NONE; 3]
    }
}

impl<V> Leaf<V> {
    /// The filter after the level under the parent.
    #[inline]
    fn after(&self) -> Option<&str> {
        self.filter.as_str().get(self.at as usize..).and_then(|tail| split_level(tail).1)
    }

    #[inline]
    fn starts_with(&self, level: &str) -> bool {
        let tail = self.filter.as_str().as_bytes().get(self.at as usize..);
        let rest = tail.and_then(|tail| tail.strip_prefix(level.as_bytes()));
        rest.is_some_and(|rest| matches!(rest.first(), None | Some(b'/')))
    }
}

/// The literal children of all branches: open addressing, linear probing, at most three quarters full.
#[derive(Debug, Default)]
struct Edges {
    slots: Vec<Slot>,
    used: usize,
}

#[derive(Debug, Clone, Copy)]
struct Slot {
    tag: u32,
    child: u32,
}

impl Edges {
    const EMPTY: Slot = Slot { tag: 0, child: NONE };

    fn mask(&self) -> usize {
        self.slots.len().wrapping_sub(1)
    }

    #[inline]
    fn slot(&self, at: usize) -> Slot {
        self.slots.get(at).copied().unwrap_or(Self::EMPTY)
    }

    fn put(&mut self, at: usize, slot: Slot) {
        if let Some(place) = self.slots.get_mut(at) {
            *place = slot;
        }
    }

    #[inline]
    fn find(&self, tag: u32, is: impl Fn(u32) -> bool) -> u32 {
        let mut at = tag as usize & self.mask();
        loop {
            let slot = self.slot(at);
            if slot.child == NONE || (slot.tag == tag && is(slot.child)) {
                return slot.child;
            }
            at = (at + 1) & self.mask();
        }
    }

    fn insert(&mut self, tag: u32, child: u32) {
        if (self.used + 1) * 4 > self.slots.len() * 3 {
            let grown = vec![Self::EMPTY; (self.slots.len() * 2).max(16)];
            for slot in std::mem::replace(&mut self.slots, grown) {
                if slot.child != NONE {
                    self.place(slot);
                }
            }
        }
        self.place(Slot { tag, child });
        self.used += 1;
    }

    fn place(&mut self, slot: Slot) {
        let mut at = slot.tag as usize & self.mask();
        while self.slot(at).child != NONE {
            at = (at + 1) & self.mask();
        }
        self.put(at, slot);
    }

    /// Takes the slot out and moves the ones behind it up, so that no probe meets a false end.
    fn remove(&mut self, tag: u32, child: u32) {
        let mask = self.mask();
        let mut hole = tag as usize & mask;
        while self.slot(hole).child != child {
            if self.slot(hole).child == NONE {
                return;
            }
            hole = (hole + 1) & mask;
        }
        self.used -= 1;
        let mut at = hole;
        loop {
            at = (at + 1) & mask;
            let slot = self.slot(at);
            if slot.child == NONE {
                break;
            }
            let home = slot.tag as usize & mask;
            // It may move to the hole when its home is not after the hole on its way here.
            if (at.wrapping_sub(home) & mask) >= (at.wrapping_sub(hole) & mask) {
                self.put(hole, slot);
                hole = at;
            }
        }
        self.put(hole, Self::EMPTY);
    }
}

/// Branches still to be visited. A walk holds at most one more than the topic has levels, so the heap is for the rare deep one.
struct Stack {
    near: [(u32, u32); 24],
    len: usize,
    far: Vec<(u32, u32)>,
}

impl Stack {
    fn new() -> Self {
        Self { near: [(0, 0); 24], len: 0, far: Vec::new() }
    }

    #[inline]
    fn push(&mut self, item: (u32, u32)) {
        if let Some(place) = self.near.get_mut(self.len) {
            *place = item;
            self.len += 1;
        } else {
            self.far.push(item);
        }
    }

    #[inline]
    fn pop(&mut self) -> Option<(u32, u32)> {
        if let Some(item) = self.far.pop() {
            return Some(item);
        }
        self.len = self.len.checked_sub(1)?;
        self.near.get(self.len).copied()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    fn filter(text: &str) -> TopicFilter {
        TopicFilter::parse(text).unwrap()
    }

    fn matches<'t>(trie: &'t Trie<u32>, name: &str) -> Vec<&'t str> {
        let mut found = Vec::new();
        let name = TopicName::parse(name).unwrap();
        trie.for_each_entry(name, |filter, _| found.push(filter.as_str()));
        found.sort_unstable();
        found
    }

    impl<V> Trie<V> {
        /// Checks what the docs of the types promise.
        fn check(&self) {
            let mut children = 0;
            for (number, branch) in self.branches.iter() {
                assert!(number == ROOT || !branch.is_bare());
                assert!(branch.hash == NONE || branch.hash & LEAF != 0);
                assert!(branch.end == NONE || branch.end & LEAF != 0);
                children += branch.literals as usize;
                if number != ROOT {
                    let step =
                        if &*branch.level == "+" { Step::Plus } else { Step::Level(&branch.level) };
                    assert_eq!(self.child(branch.parent, step), number);
                }
            }
            for (number, leaf) in self.leaves.iter() {
                let step = Step::of(leaf.filter.as_str().get(leaf.at as usize..)).0;
                assert_eq!(self.child(leaf.parent, step), number | LEAF);
            }
            assert_eq!(self.edges.used, children);
            assert_eq!(self.edges.slots.iter().filter(|slot| slot.child != NONE).count(), children);
        }
    }

    #[test]
    fn an_empty_trie_matches_nothing() {
        let mut trie = Trie::<u32>::new();
        assert_eq!(matches(&trie, "a/b"), [""; 0]);
        assert_eq!(trie.get("a"), None);
        assert_eq!(trie.remove("a"), None);
        assert!(trie.is_empty());
    }

    #[test]
    fn wildcards_of_all_kinds_are_found() {
        let mut trie = Trie::new();
        let filters = [
            "#", "+", "+/#", "a", "a/#", "a/+", "a/b", "a/+/c", "a/b/c", "$SYS/#", "/", "/+", "+/+",
        ];
        for (number, text) in (0..).zip(filters) {
            *trie.get_or_insert_with(&filter(text), || 0) = number;
        }
        trie.check();
        assert_eq!(matches(&trie, "a"), ["#", "+", "+/#", "a", "a/#"]);
        assert_eq!(matches(&trie, "a/b"), ["#", "+/#", "+/+", "a/#", "a/+", "a/b"]);
        assert_eq!(matches(&trie, "a/b/c"), ["#", "+/#", "a/#", "a/+/c", "a/b/c"]);
        assert_eq!(matches(&trie, "$SYS"), ["$SYS/#"]);
        assert_eq!(matches(&trie, "$SYS/x"), ["$SYS/#"]);
        assert_eq!(matches(&trie, "/"), ["#", "+/#", "+/+", "/", "/+"]);
        assert_eq!(trie.get("a/+"), Some(&5));
        assert_eq!(trie.iter().count(), filters.len());
        for text in filters {
            assert!(trie.remove(text).is_some());
            assert_eq!(trie.remove(text), None);
            trie.check();
        }
        assert_eq!((trie.len(), trie.branches.len()), (0, 1));
    }

    #[test]
    fn deep_topics_do_not_overflow_the_stack() {
        let mut trie = Trie::new();
        for depth in 0..200 {
            let plain = vec!["a"; depth + 1];
            let mut wild = plain.clone();
            wild[depth] = "+";
            trie.get_or_insert_with(&filter(&plain.join("/")), || 1);
            trie.get_or_insert_with(&filter(&(wild.join("/") + "/x")), || 1);
        }
        assert_eq!(matches(&trie, &(vec!["a"; 128].join("/") + "/x")).len(), 1);
        assert_eq!(matches(&trie, &vec!["a"; 128].join("/")).len(), 1);
    }

    #[test]
    fn the_longest_filter_fits() {
        let text = "a/".repeat(32_767) + "+";
        let mut trie = Trie::new();
        trie.get_or_insert_with(&filter(&text), || 1);
        trie.get_or_insert_with(&filter(&text[..text.len() - 2]), || 2);
        trie.get_or_insert_with(&filter(&(text[..text.len() - 1].to_owned() + "#")), || 3);
        trie.check();
        assert_eq!(matches(&trie, &(text[..text.len() - 1].to_owned() + "a")).len(), 2);
    }

    fn levels(wild: &'static [&'static str]) -> impl Strategy<Value = String> {
        prop::collection::vec(prop::sample::select(wild), 1..6)
            .prop_map(|levels| levels.join("/"))
            .prop_filter("one character at least", |text| !text.is_empty())
    }

    fn filters() -> impl Strategy<Value = String> {
        (levels(&["a", "b", "", "+", "+", "$x", "ab"]), 0..4).prop_map(|(text, tail)| match tail {
            0 => text + "/#",
            _ => text,
        })
    }

    proptest! {
        #[test]
        fn a_trie_finds_what_a_list_finds(
            steps in prop::collection::vec((filters(), any::<bool>()), 1..80),
            names in prop::collection::vec(levels(&["a", "b", "", "$x", "ab"]), 1..20),
        ) {
            let (mut trie, mut list) = (Trie::new(), BTreeMap::new());
            for (number, (text, keep)) in (0..).zip(steps) {
                if keep {
                    let got = *trie.get_or_insert_with(&filter(&text), || number);
                    prop_assert_eq!(got, *list.entry(text).or_insert(number));
                } else {
                    prop_assert_eq!(trie.remove(&text), list.remove(&text));
                }
                trie.check();
            }
            for name in &names {
                let topic = TopicName::parse(name).unwrap();
                let want: Vec<_> = list.keys().filter(|text| filter(text).matches(topic)).collect();
                prop_assert_eq!(matches(&trie, name), want);
            }
            for (text, value) in &list {
                prop_assert_eq!(trie.get(text), Some(value));
            }
            for text in list.keys() {
                prop_assert!(trie.remove(text).is_some());
            }
            trie.check();
            prop_assert_eq!((trie.len(), trie.branches.len(), trie.edges.used), (0, 1, 0));
        }
    }
}
