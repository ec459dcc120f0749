//! The member table: one record a node, merged so that all nodes end with the same; and who leads.

use std::collections::BTreeMap;

use super::{
    member::{Guid, Member, MemberRecord, NodeId, Reach},
    node_name::NodeName,
    node_set::CAPACITY,
};
use crate::time::Time;

/// What a record from elsewhere did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Merge {
    /// Nothing new.
    Known,
    /// The table changed: tell the others.
    Changed,
}

/// All nodes that this one knows of, but itself.
///
/// Invariant: two members never have the same index; who is out of the cluster has none.
#[derive(Debug, Default)]
pub(crate) struct Membership {
    members: BTreeMap<NodeId, Member>,
    /// Where the search for a free index starts, so that one is not used again soon.
    next_index: u16,
}

impl Membership {
    pub(crate) fn find(&self, node: NodeId) -> Option<&Member> {
        self.members.get(&node)
    }

    pub(crate) fn find_mut(&mut self, node: NodeId) -> Option<&mut Member> {
        self.members.get_mut(&node)
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &Member> {
        self.members.values()
    }

    /// The nodes in the cluster that go by this name; two when one came back without its identity.
    pub(crate) fn named(&self, name: &NodeName) -> impl Iterator<Item = &Member> + Clone {
        self.members.values().filter(move |member| member.record.name == *name)
    }

    /// Takes the record in if it is news.
    pub(crate) fn merge(&mut self, record: &MemberRecord, now: Time) -> Merge {
        match self.members.get_mut(&record.node_id) {
            None => {
                let (record, reach) = (record.clone(), Reach::Down);
                let out = (now, record.out_for);
                let member = Member { record, reach, since: now, out, index: None };
                self.members.insert(member.record.node_id, member);
            }
            Some(member) if record.rank() > member.record.rank() => {
                let keep = record.addrs.is_empty() && !member.record.addrs.is_empty();
                let addrs = if keep { &member.record.addrs } else { &record.addrs }.clone();
                member.record = MemberRecord { addrs, ..record.clone() };
                member.out = (now, record.out_for);
            }
            Some(member) => {
                // Whoever has known for longest that it is out counts: times of nodes that were off do not go on.
                if record.rank() == member.record.rank() && record.out_for > member.out_for(now) {
                    member.out = (now, record.out_for);
                }
                return Merge::Known;
            }
        }
        Merge::Changed
    }

    /// Gives the member an index if it has none. `None` when there are too many.
    pub(crate) fn index(&mut self, node: NodeId) -> Option<u16> {
        if let Some(index) = self.members.get(&node)?.index {
            return Some(index);
        }
        let count = u16::try_from(CAPACITY).unwrap_or(u16::MAX);
        let free = (0..count)
            .map(|step| (self.next_index + step) % count)
            .find(|index| self.members.values().all(|member| member.index != Some(*index)))?;
        self.next_index = (free + 1) % count;
        self.members.get_mut(&node)?.index = Some(free);
        Some(free)
    }

    /// The oldest of `own` and the nodes that are up here.
    pub(crate) fn leader(&self, own: Guid) -> NodeId {
        let up = self.members.values().filter(|member| member.reach == Reach::Up);
        up.map(|member| member.record.guid).chain([own]).min().unwrap_or(own).node
    }

    /// Members in the cluster besides this node, and those of them that are up.
    pub(crate) fn counts(&self) -> (usize, usize) {
        let members = self.members.values().filter(|member| member.record.is_member());
        members.fold((0, 0), |(all, up), m| (all + 1, up + usize::from(m.reach == Reach::Up)))
    }

    /// Forgets one that is out of the cluster.
    pub(crate) fn remove(&mut self, node: NodeId) {
        self.members.remove(&node);
    }

    /// Forgets everybody.
    pub(crate) fn clear(&mut self) {
        self.members.clear();
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::cluster::member::RecordStatus;

    fn record(number: u8, incarnation: u64, epoch: u64, status: RecordStatus) -> MemberRecord {
        let node_id = NodeId([number; 16]);
        MemberRecord {
            name: NodeName::parse(&format!("n{number}@h")).unwrap(),
            node_id,
            incarnation,
            guid: Guid { started: u64::from(number), node: node_id },
            addrs: Vec::new(),
            caps: 0,
            version: String::new(),
            status,
            epoch,
            out_for: Duration::ZERO,
        }
    }

    #[test]
    fn the_order_of_records_does_not_matter() {
        let records = [
            record(1, 1, 0, RecordStatus::Member),
            record(1, 1, 1, RecordStatus::Left),
            record(1, 1, 1, RecordStatus::Removed),
            record(1, 2, 0, RecordStatus::Member),
        ];
        for skip in 0..records.len() {
            let mut table = Membership::default();
            records.iter().cycle().skip(skip).take(records.len()).for_each(|record| {
                table.merge(record, Time::ZERO);
            });
            assert_eq!(table.find(NodeId([1; 16])).unwrap().record, records[3]);
        }
    }

    #[test]
    fn the_oldest_in_reach_leads() {
        let mut table = Membership::default();
        let own = Guid { started: 5, node: NodeId([5; 16]) };
        for number in [9, 2, 3] {
            table.merge(&record(number, 1, 0, RecordStatus::Member), Time::ZERO);
        }
        assert_eq!(table.leader(own), own.node);
        table.find_mut(NodeId([9; 16])).unwrap().reach = Reach::Up;
        table.find_mut(NodeId([3; 16])).unwrap().reach = Reach::Up;
        assert_eq!(table.leader(own), NodeId([3; 16]));
        assert_eq!(table.counts(), (3, 2));
    }

    #[test]
    fn an_index_is_not_used_again_soon() {
        let mut table = Membership::default();
        table.merge(&record(1, 1, 0, RecordStatus::Member), Time::ZERO);
        table.merge(&record(2, 1, 0, RecordStatus::Member), Time::ZERO);
        assert_eq!(table.index(NodeId([1; 16])), Some(0));
        table.find_mut(NodeId([1; 16])).unwrap().index = None;
        assert_eq!(table.index(NodeId([2; 16])), Some(1));
        assert_eq!(table.index(NodeId([1; 16])), Some(2));
    }

    #[test]
    fn a_ban_is_over_for_a_record_that_knows_of_it_alone() {
        use RecordStatus::{Banned, Left, Member, Removed};
        let status = |from: &MemberRecord, status| MemberRecord {
            status,
            epoch: from.next_epoch(status),
            ..from.clone()
        };
        let first = record(1, 1, 0, Member);
        let ban = status(&first, Banned);
        let later_life = MemberRecord { incarnation: 9, ..first.clone() };
        assert!(!later_life.is_after(&ban));
        // Whatever happened to it beyond a cut.
        let mut elsewhere = first;
        for next in [Left, Member, Removed, Member, Removed, Member] {
            elsewhere = status(&elsewhere, next);
            assert!(!elsewhere.is_after(&ban) && elsewhere.rank() < ban.rank());
        }
        let back = status(&ban, Member);
        assert!(back.is_after(&ban) && status(&status(&back, Left), Member).is_after(&ban));
        assert!(!back.is_after(&status(&back, Banned)), "of the next ban it does not know");
    }

    #[test]
    fn who_is_out_ages_and_the_longest_time_counts() {
        let (mut table, secs) = (Membership::default(), Duration::from_secs);
        let gone = MemberRecord { out_for: secs(100), ..record(1, 1, 1, RecordStatus::Removed) };
        table.merge(&gone, Time::ZERO);
        let at = |table: &Membership, s| {
            table.find(gone.node_id).unwrap().told(Time::ZERO + secs(s)).out_for
        };
        assert_eq!(at(&table, 5), secs(105));
        assert_eq!(table.merge(&gone, Time::ZERO + secs(10)), Merge::Known);
        assert_eq!(at(&table, 10), secs(110), "less is no news");
        let longer = MemberRecord { out_for: secs(500), ..gone.clone() };
        assert_eq!(table.merge(&longer, Time::ZERO + secs(10)), Merge::Known);
        assert_eq!(at(&table, 11), secs(501));
        let back = record(1, 1, 2, RecordStatus::Member);
        table.merge(&back, Time::ZERO + secs(20));
        assert_eq!(at(&table, 30), Duration::ZERO);
    }
}
