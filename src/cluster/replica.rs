//! This node's own routes, as their one writer: counts, position, and the log from which other nodes catch up.
//!
//! A change gets a number only when a filter gains its first subscriber or loses its last one, and only at the end of a
//! wake-up ([`OwnRoutes::commit`]): what is added and removed within one never leaves the node.

use std::{
    collections::{BTreeMap, VecDeque, btree_map::Entry},
    ops::Bound,
};

use super::routes::{Parts, RouteKey, RouteOp, bucket_sums};
use crate::topic::TopicFilter;

/// The log keeps this many changes at most,
const LOG_OPS: usize = 65_536;
/// and this many bytes of filters.
const LOG_BYTES: usize = 8 << 20;
/// A frame of changes holds this many at most,
pub(crate) const FRAME_OPS: usize = 8_192;
/// and this many bytes of filters, give or take one.
pub(crate) const FRAME_BYTES: usize = 256 << 10;
/// Parts of 256 that are put right; if more differ, everything is sent anew,
const REPAIR_PARTS: usize = 32;
/// and if more is in them: what is sent at once must fit into the queue of a link.
pub(crate) const REPAIR_OPS: usize = 4 * FRAME_OPS;
const REPAIR_BYTES: usize = 4 << 20;
/// What a change costs beside its text, roughly.
const OP_BYTES: usize = 8;

/// The routes of this node.
///
/// Invariant: after `commit`, `hash` is the sum of the hashes of `plain` and `shared`, and `log` holds the last changes up to
/// `seq`.
#[derive(Debug, Default)]
pub struct OwnRoutes {
    /// How many subscribers each route has here. Those without a group, of which there are many, have a map of their own
    /// with smaller keys.
    plain: BTreeMap<TopicFilter, u32>,
    shared: BTreeMap<RouteKey, u32>,
    /// Routes touched since the last commit, with the weight that the others know (0: none).
    touched: BTreeMap<RouteKey, u8>,
    log: VecDeque<RouteOp>,
    log_bytes: usize,
    seq: u64,
    hash: u64,
}

impl OwnRoutes {
    /// One more subscriber.
    pub fn add(&mut self, key: RouteKey) {
        let count = match &key.group {
            None => self.plain.entry(key.filter.clone()).or_insert(0),
            Some(_) => self.shared.entry(key.clone()).or_insert(0),
        };
        let before = weight(&key, *count);
        *count += 1;
        let after = weight(&key, *count);
        if before != after {
            self.touched.entry(key).or_insert(before);
        }
    }

    /// One subscriber less; nothing if there is none.
    pub fn remove(&mut self, key: RouteKey) {
        let change = match &key.group {
            None => one_less(self.plain.entry(key.filter.clone())),
            Some(_) => one_less(self.shared.entry(key.clone())),
        };
        let Some((before, after)) = change else { return };
        let before = weight(&key, before);
        if before != weight(&key, after) {
            self.touched.entry(key).or_insert(before);
        }
    }

    fn count(&self, key: &RouteKey) -> u32 {
        let count = match &key.group {
            None => self.plain.get(&key.filter),
            Some(_) => self.shared.get(key),
        };
        count.copied().unwrap_or(0)
    }

    /// Numbers the changes since the last time and logs them.
    pub fn commit(&mut self) {
        self.number(true);
        while self.log.len() > LOG_OPS || self.log_bytes > LOG_BYTES {
            let Some(op) = self.log.pop_front() else { break };
            self.log_bytes -= size(&op.key);
        }
    }

    /// As [`OwnRoutes::commit`] while nobody holds a copy that could follow the log: who comes takes a snapshot.
    pub(crate) fn commit_alone(&mut self) {
        (self.log, self.log_bytes) = (VecDeque::new(), 0);
        self.number(false);
    }

    /// The process before had numbered `seq` changes, and then the hash was `hash`. If the routes are the same, copies of others
    /// are up to date; else everybody takes a snapshot.
    pub(crate) fn go_on(&mut self, seq: u64, hash: u64) {
        self.commit_alone();
        self.seq = if self.hash == hash { seq } else { seq + self.seq + 1 };
    }

    fn number(&mut self, logged: bool) {
        for (key, before) in std::mem::take(&mut self.touched) {
            let after = weight(&key, self.count(&key));
            if after == before {
                continue;
            }
            if before > 0 {
                self.hash = self.hash.wrapping_sub(key.hash64(before));
            }
            if after > 0 {
                self.hash = self.hash.wrapping_add(key.hash64(after));
            }
            self.seq += 1;
            if logged {
                self.log_bytes += size(&key);
                self.log.push_back(RouteOp { add: after > 0, key, weight: after.max(1) });
            }
        }
    }

    /// Number of the last change.
    #[must_use]
    pub fn seq(&self) -> u64 {
        self.seq
    }

    /// Sum of the hashes of the routes, as of the last commit.
    #[must_use]
    pub fn hash(&self) -> u64 {
        self.hash
    }

    /// How many routes there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.plain.len() + self.shared.len()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.plain.is_empty() && self.shared.is_empty()
    }

    /// Every route with its weight, always in the same order: those without a group first.
    pub fn iter(&self) -> impl Iterator<Item = (RouteKey, u8)> {
        self.after(None)
    }

    /// The routes behind `after` in that order.
    fn after(&self, after: Option<&RouteKey>) -> impl Iterator<Item = (RouteKey, u8)> {
        let plain = match after {
            None => Some(Bound::Unbounded),
            Some(RouteKey { filter, group: None }) => Some(Bound::Excluded(filter)),
            Some(RouteKey { group: Some(_), .. }) => None,
        };
        let shared = match after.filter(|key| key.group.is_some()) {
            None => Bound::Unbounded,
            Some(key) => Bound::Excluded(key),
        };
        let plain = plain.map(|from| self.plain.range::<TopicFilter, _>((from, Bound::Unbounded)));
        let plain = plain
            .into_iter()
            .flatten()
            .map(|(filter, count)| (RouteKey { filter: filter.clone(), group: None }, *count));
        let shared = self.shared.range((shared, Bound::Unbounded));
        let shared = shared.map(|(key, count)| (key.clone(), *count));
        plain.chain(shared).map(|(key, count)| {
            let weight = weight(&key, count);
            (key, weight)
        })
    }

    /// Whether the log holds every change after number `seq`.
    pub(crate) fn reaches(&self, seq: u64) -> bool {
        self.seq.checked_sub(seq).is_some_and(|back| back <= self.log.len() as u64)
    }

    /// The changes after number `seq`, one frame of them; `None` when the log does not reach back so far.
    pub(crate) fn changes_after(&self, seq: u64) -> Option<Vec<RouteOp>> {
        let back = usize::try_from(self.seq.checked_sub(seq)?).ok()?;
        let from = self.log.len().checked_sub(back)?;
        Some(one_frame(self.log.range(from..).cloned()))
    }

    /// The routes behind `after` in the order of [`OwnRoutes::iter`], one frame of them, and whether that is the end.
    pub(crate) fn snapshot_after(&self, after: Option<&RouteKey>) -> (Vec<RouteOp>, bool) {
        let mut rest = self.after(after).map(added).peekable();
        let ops = one_frame(&mut rest);
        let last = rest.peek().is_none();
        (ops, last)
    }
}

/// What is to take the place of the parts that differ in another node's copy.
pub(crate) struct Repair {
    /// The parts that differ.
    pub(crate) parts: Parts,
    /// What is in them, frame by frame; one at least.
    pub(crate) frames: Vec<Vec<RouteOp>>,
}

impl OwnRoutes {
    /// What puts a copy right whose parts have these hashes. `None`: so much differs that a snapshot is less work. Walks all
    /// routes twice.
    pub(crate) fn repair(&self, theirs: &[u64; 256]) -> Option<Repair> {
        let mut parts = Parts::default();
        let sums = bucket_sums(self.iter());
        let pairs = (0..=u8::MAX).zip(sums.iter().zip(theirs));
        pairs.filter(|(_, (own, theirs))| own != theirs).for_each(|(part, _)| parts.insert(part));
        let inside = self.iter().filter(|(key, _)| parts.contains(key.bucket()));
        let ops: Vec<RouteOp> = inside.take(REPAIR_OPS + 1).map(added).collect();
        let bytes: usize = ops.iter().map(|op| size(&op.key)).sum();
        if parts.len() > REPAIR_PARTS || ops.len() > REPAIR_OPS || bytes > REPAIR_BYTES {
            return None;
        }
        let mut rest = ops.into_iter().peekable();
        let mut frames = vec![one_frame(rest.by_ref())];
        while rest.peek().is_some() {
            frames.push(one_frame(rest.by_ref()));
        }
        Some(Repair { parts, frames })
    }
}

fn added((key, weight): (RouteKey, u8)) -> RouteOp {
    RouteOp { add: true, key, weight }
}

/// Takes one from a count, and the entry out with the last. The count before and after; `None` when there was none.
fn one_less<K: Ord>(entry: Entry<'_, K, u32>) -> Option<(u32, u32)> {
    let Entry::Occupied(mut entry) = entry else { return None };
    let before = *entry.get();
    *entry.get_mut() -= 1;
    if before == 1 {
        entry.remove();
    }
    Some((before, before - 1))
}

/// Bytes of a route on the wire, before front coding.
pub(crate) fn size(key: &RouteKey) -> usize {
    key.filter.as_str().len() + key.group.as_ref().map_or(0, |group| group.len()) + OP_BYTES
}

/// As many of `ops` as fit into a frame, at least one if there is one.
pub fn one_frame(mut ops: impl Iterator<Item = RouteOp>) -> Vec<RouteOp> {
    let (mut frame, mut bytes) = (Vec::new(), 0);
    while frame.len() < FRAME_OPS && bytes < FRAME_BYTES {
        let Some(op) = ops.next() else { break };
        bytes += size(&op.key);
        frame.push(op);
    }
    frame
}

/// What the others are told of `count` subscribers: 0 for none; for a group its [`group_weight`].
fn weight(key: &RouteKey, count: u32) -> u8 {
    match (count, &key.group) {
        (0, _) => 0,
        (_, None) => 1,
        (_, Some(_)) => group_weight(count),
    }
}

/// How much a node with so many members of a group counts: as many as they are up to 16, so that each gets its turn, and of more the
/// next lower power of two up to 128, so that members who come and go do not make a change each time.
#[must_use]
pub fn group_weight(members: u32) -> u8 {
    match u8::try_from(members) {
        Ok(few @ 0..=16) => few,
        Ok(_) | Err(_) => 1 << members.min(128).ilog2(),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use proptest::prelude::*;

    use super::*;
    use crate::topic::TopicFilter;

    fn key(number: u8) -> RouteKey {
        let group = number.is_multiple_of(3).then(|| Arc::from("g"));
        RouteKey { filter: TopicFilter::parse(&format!("f/{number}")).unwrap(), group }
    }

    fn applied(ops: impl IntoIterator<Item = RouteOp>, to: &mut BTreeMap<RouteKey, u8>) {
        for op in ops {
            if op.add {
                to.insert(op.key, op.weight);
            } else {
                to.remove(&op.key);
            }
        }
    }

    proptest! {
        #[test]
        fn a_copy_made_from_log_or_snapshot_equals_the_routes(
            steps in prop::collection::vec((any::<bool>(), 0u8..8, any::<bool>()), 0..200)
        ) {
            let mut own = OwnRoutes::default();
            let mut copy = BTreeMap::new();
            for (add, number, commit) in steps {
                let at = own.seq();
                if add { own.add(key(number)) } else { own.remove(key(number)) }
                if commit {
                    own.commit();
                    applied(own.changes_after(at).unwrap(), &mut copy);
                    let mut whole = BTreeMap::new();
                    applied(own.snapshot_after(None).0, &mut whole);
                    let now: BTreeMap<_, _> = own.iter().collect();
                    prop_assert_eq!(&copy, &now);
                    prop_assert_eq!(&whole, &now);
                    let hash = now.iter().fold(0u64, |sum, (k, w)| sum.wrapping_add(k.hash64(*w)));
                    prop_assert_eq!(own.hash(), hash);
                }
            }
        }
    }

    #[test]
    fn what_comes_and_goes_within_a_wake_up_has_no_number() {
        let mut own = OwnRoutes::default();
        own.add(key(1));
        own.remove(key(1));
        own.commit();
        assert_eq!((own.seq(), own.len()), (0, 0));
    }

    #[test]
    fn a_repair_holds_what_differs_and_nothing_else() {
        let mut own = OwnRoutes::default();
        for number in 0..40_000 {
            let filter = TopicFilter::parse(&format!("t/{number}")).unwrap();
            own.add(RouteKey { filter, group: None });
        }
        own.commit();
        let right = bucket_sums(own.iter());
        assert_eq!(own.repair(&right).map(|r| (r.parts.len(), r.frames)), Some((0, vec![vec![]])));

        let mut theirs = right.clone();
        theirs[7] ^= 1;
        theirs[200] = 0;
        let repair = own.repair(&theirs).unwrap();
        assert_eq!(repair.parts.len(), 2);
        assert!(repair.parts.contains(7) && repair.parts.contains(200));
        let sent: Vec<RouteKey> = repair.frames.into_iter().flatten().map(|op| op.key).collect();
        let in_them = |key: &RouteKey| [7, 200].contains(&key.bucket());
        assert!(own.iter().map(|(key, _)| key).filter(in_them).eq(sent), "in order, each once");

        let mut theirs = right.clone();
        theirs[..REPAIR_PARTS].fill(0);
        assert!(own.repair(&theirs).is_some_and(|repair| repair.parts.len() == REPAIR_PARTS));
        theirs[REPAIR_PARTS] = 0;
        assert!(own.repair(&theirs).is_none(), "so many parts are a snapshot");
    }

    #[test]
    fn a_repair_is_no_larger_than_a_few_frames() {
        let mut own = OwnRoutes::default();
        for number in 0..REPAIR_OPS * 10 {
            let filter = TopicFilter::parse(&format!("t/{number}")).unwrap();
            own.add(RouteKey { filter, group: None });
        }
        own.commit();
        let mut theirs = bucket_sums(own.iter());
        theirs[..20].fill(0);
        let repair = own.repair(&theirs).unwrap();
        assert!((3..=10).contains(&repair.frames.len()), "{}", repair.frames.len());
        theirs[..30].fill(0);
        assert!(own.repair(&theirs).is_none());
    }

    #[test]
    fn a_node_alone_counts_its_changes_and_logs_none() {
        let (mut own, mut alone) = (OwnRoutes::default(), OwnRoutes::default());
        for number in 1..4 {
            own.add(key(number));
            alone.add(key(number));
            own.commit();
            alone.commit_alone();
        }
        assert_eq!((own.seq(), own.hash()), (alone.seq(), alone.hash()));
        assert!(own.reaches(0) && !alone.reaches(2) && alone.reaches(3));
        // The log goes on from here when somebody comes.
        alone.add(key(4));
        alone.commit();
        assert_eq!(alone.changes_after(3).unwrap().len(), 1);
    }

    #[test]
    fn the_log_is_bounded_and_says_when_it_does_not_reach_back() {
        let mut own = OwnRoutes::default();
        for number in 0..LOG_OPS + 10 {
            let filter = TopicFilter::parse(&format!("t/{number}")).unwrap();
            own.add(RouteKey { filter, group: None });
        }
        own.commit();
        assert_eq!(own.changes_after(9), None);
        assert_eq!(own.changes_after(10).unwrap().len(), FRAME_OPS);
        assert_eq!(own.changes_after(own.seq()).unwrap(), []);
        assert_eq!(own.changes_after(own.seq() + 1), None);
    }
}
