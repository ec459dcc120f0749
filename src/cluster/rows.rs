//! View rows: each node writes down whom it reaches and floods it, as a link-state protocol does.
//!
//! So every node knows who sees whom, and a partial or one-way partition is seen and named: "a and c both reach b, but not each
//! other", in the log and in `cluster status`. And a node that others reach is neither forgotten nor taken for dead by one that does
//! not reach it itself.
//!
//! Invariant: of each node the row with the highest (incarnation, number) is kept, for two minutes at most.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use super::{member::NodeId, node_set::CAPACITY, wire::Frame};
use crate::time::Time;

/// A row is told again after this time, though nothing changed.
const REPEAT: Duration = Duration::from_secs(30);
/// A row that was not repeated for this long says nothing any more.
const AGED: Duration = Duration::from_secs(120);
/// Two nodes that do not reach each other are told of after this time: rows take a moment to agree.
const CONFIRM: Duration = Duration::from_secs(3);

#[derive(Clone, Debug)]
struct Row {
    incarnation: u64,
    number: u64,
    reach: BTreeSet<NodeId>,
    at: Time,
}

/// Two nodes that this one reaches, and that do not reach each other.
pub(crate) type Gap = (NodeId, NodeId);

/// The rows of all nodes, as far as they came here.
#[derive(Debug, Default)]
pub(crate) struct Rows {
    own: BTreeSet<NodeId>,
    number: u64,
    told_at: Time,
    rows: BTreeMap<NodeId, Row>,
    /// Gaps seen, since when, and whether they were told of.
    gaps: BTreeMap<Gap, (Time, bool)>,
}

impl Rows {
    /// Whom this node reaches now. `Some`: tell everybody.
    pub(crate) fn set_own(
        &mut self,
        (me, incarnation): (NodeId, u64),
        reach: BTreeSet<NodeId>,
        now: Time,
    ) -> Option<Frame> {
        if self.own == reach && (reach.is_empty() || self.told_at + REPEAT > now) {
            return None;
        }
        self.own = reach;
        self.number += 1;
        self.told_at = now;
        Some(self.own_row(me, incarnation))
    }

    /// Number of the own row.
    pub(crate) fn number(&self) -> u64 {
        self.number
    }

    /// The process before told rows of this life up to this number: those of this one are newer.
    pub(crate) fn go_on(&mut self, number: u64) {
        self.number = number;
    }

    fn own_row(&self, me: NodeId, incarnation: u64) -> Frame {
        let reach = self.own.iter().copied().collect();
        Frame::Row { node_id: me, incarnation, row_seq: self.number, reach }
    }

    /// All rows, for a node that has just come.
    pub(crate) fn all(&self, me: NodeId, incarnation: u64) -> Vec<Frame> {
        let others = self.rows.iter().map(|(node, row)| Frame::Row {
            node_id: *node,
            incarnation: row.incarnation,
            row_seq: row.number,
            reach: row.reach.iter().copied().collect(),
        });
        [self.own_row(me, incarnation)].into_iter().chain(others).collect()
    }

    /// A row came. Whether it is news, and goes on to the others.
    pub(crate) fn on_row(
        &mut self,
        node: NodeId,
        (incarnation, number): (u64, u64),
        reach: &[NodeId],
        now: Time,
    ) -> bool {
        let newer = |row: &Row| (incarnation, number) > (row.incarnation, row.number);
        if !self.rows.get(&node).is_none_or(newer) {
            return false;
        }
        let reach = reach.iter().take(CAPACITY).copied().collect();
        self.rows.insert(node, Row { incarnation, number, reach, at: now });
        true
    }

    /// The node is no member any more.
    pub(crate) fn forget(&mut self, node: NodeId) {
        self.rows.remove(&node);
    }

    /// Whom a node said that it reaches; `None` if it is not known.
    pub(crate) fn of(&self, node: NodeId) -> Option<&BTreeSet<NodeId>> {
        self.rows.get(&node).map(|row| &row.reach)
    }

    /// Whom the nodes that this one reaches say that they reach, and those in turn.
    pub(crate) fn held(&self) -> BTreeSet<NodeId> {
        let mut held = BTreeSet::new();
        let mut ask: Vec<NodeId> = self.own.iter().copied().collect();
        while let Some(node) = ask.pop() {
            let reach = self.rows.get(&node).into_iter().flat_map(|row| &row.reach);
            ask.extend(reach.copied().filter(|node| held.insert(*node)));
        }
        held
    }

    pub(crate) fn deadline(&self) -> Option<Time> {
        let repeat = (!self.own.is_empty()).then(|| self.told_at + REPEAT);
        let gaps = self.gaps.values().filter(|(_, told)| !told).map(|(since, _)| *since + CONFIRM);
        gaps.chain(repeat).min()
    }

    /// Drops what is too old, and pushes the gaps that have opened (`true`) or closed among the nodes that are reached.
    pub(crate) fn find_gaps(&mut self, now: Time, out: &mut Vec<(Gap, bool)>) {
        self.rows.retain(|_, row| row.at + AGED > now);
        let mut open = BTreeSet::new();
        for (a, row) in self.rows.iter().filter(|(a, _)| self.own.contains(*a)) {
            for b in self.own.iter().filter(|b| *b != a && !row.reach.contains(*b)) {
                open.insert((*a.min(b), *a.max(b)));
            }
        }
        for gap in &open {
            let (since, told) = self.gaps.entry(*gap).or_insert((now, false));
            if !*told && *since + CONFIRM <= now {
                *told = true;
                out.push((*gap, true));
            }
        }
        self.gaps.retain(|gap, (_, told)| {
            let stays = open.contains(gap);
            if !stays && *told {
                out.push((*gap, false));
            }
            stays
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(number: u8) -> NodeId {
        NodeId([number; 16])
    }

    #[test]
    fn a_gap_between_two_others_is_told_when_it_lasts_and_when_it_closes() {
        let mut rows = Rows::default();
        let ms = Time::from_ms;
        assert!(rows.set_own((id(1), 1), BTreeSet::from([id(2), id(3)]), ms(0)).is_some());
        assert!(rows.set_own((id(1), 1), BTreeSet::from([id(2), id(3)]), ms(10)).is_none());
        assert!(rows.on_row(id(2), (1, 1), &[id(1), id(3)], ms(0)));
        assert!(rows.on_row(id(3), (1, 1), &[id(1)], ms(0)));
        assert!(!rows.on_row(id(3), (1, 1), &[id(1), id(2)], ms(0)), "the same row again");
        let mut out = Vec::new();
        rows.find_gaps(ms(0), &mut out);
        assert_eq!((out.len(), rows.deadline()), (0, Some(ms(3_000))));
        rows.find_gaps(ms(3_000), &mut out);
        assert_eq!(out, [((id(2), id(3)), true)]);
        assert!(rows.on_row(id(3), (1, 2), &[id(1), id(2)], ms(4_000)));
        out.clear();
        rows.find_gaps(ms(4_000), &mut out);
        assert_eq!(out, [((id(2), id(3)), false)]);
    }

    #[test]
    fn a_later_life_wins_and_old_rows_go() {
        let mut rows = Rows::default();
        assert!(rows.on_row(id(2), (1, 9), &[], Time::ZERO));
        assert!(rows.on_row(id(2), (2, 1), &[id(1)], Time::ZERO));
        assert_eq!(rows.of(id(2)), Some(&BTreeSet::from([id(1)])));
        rows.find_gaps(Time::from_ms(120_000), &mut Vec::new());
        assert_eq!(rows.of(id(2)), None);
    }

    #[test]
    fn the_rows_of_a_process_that_goes_on_are_news() {
        let (mut before, mut after, mut there) =
            (Rows::default(), Rows::default(), Rows::default());
        let mut told = |rows: &mut Rows, reach: &[NodeId]| {
            let row = rows.set_own((id(1), 7), reach.iter().copied().collect(), Time::ZERO);
            let Some(Frame::Row { incarnation, row_seq, reach, .. }) = row else { return false };
            there.on_row(id(1), (incarnation, row_seq), &reach, Time::ZERO)
        };
        assert!(told(&mut before, &[id(2)]) && told(&mut before, &[id(2), id(3)]));
        after.go_on(before.number());
        assert!(told(&mut after, &[id(2)]));
        assert_eq!(there.of(id(1)), Some(&BTreeSet::from([id(2)])));
    }

    #[test]
    fn who_is_reached_by_others_is_held_whatever_the_rows_of_the_dead_say() {
        let mut rows = Rows::default();
        rows.set_own((id(1), 1), BTreeSet::from([id(2)]), Time::ZERO);
        for (node, reach) in [(2, vec![3]), (3, vec![2, 4]), (5, vec![6]), (6, vec![5])] {
            let reach: Vec<_> = reach.into_iter().map(id).collect();
            assert!(rows.on_row(id(node), (1, 1), &reach, Time::ZERO));
        }
        // 5 and 6 went together: their rows are from before.
        assert_eq!(rows.held(), BTreeSet::from([id(2), id(3), id(4)]));
    }
}
