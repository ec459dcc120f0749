//! Who is in the cluster: records that come around, joining, leaving, forcing out and forgetting.

use std::time::Duration;

use super::{
    Action, CAP_JOIN, Cluster, Event, MemberRecord, NodeId, NodeName, RecordStatus, Target,
    membership::Merge,
    peering::{refuse, target_of},
    rows::Rows,
    wire::{CloseCode, Frame},
};
use crate::{sort, time::Time};

/// How long a `cluster join` opens doors that were shut.
const JOIN_FOR: Duration = Duration::from_secs(60);
/// The ages of nodes that are out are written this often, so that they go on after a restart.
const KEEP_AGES: Duration = Duration::from_secs(6 * 3600);
/// Nodes that are out and remembered. Of more, those go that are out for longest, and who was forced out after all others.
pub(super) const OUT_MAX: usize = 256;

impl Cluster {
    /// Takes the member table of the process before.
    pub(super) fn restore(&mut self, records: &[MemberRecord]) {
        let now = Time::ZERO;
        let own = records.iter().find(|record| record.node_id == self.me.node_id);
        self.epoch = own.map_or(0, |own| own.epoch);
        if self.left {
            return;
        }
        for record in records.iter().filter(|record| record.node_id != self.me.node_id) {
            self.members.merge(record, now);
            match record.status {
                RecordStatus::Member | RecordStatus::Leaving => {
                    self.members.index(record.node_id);
                    self.dialer.want(target_of(record), now);
                    self.autoclean.on_down(record.node_id, now);
                    self.settled = false;
                }
                RecordStatus::Removed => {
                    self.dialer.want(target_of(record), now);
                    self.dialer.slow_down(&record.name, now);
                }
                RecordStatus::Left | RecordStatus::Banned => {}
            }
        }
        self.plan_forgetting(now);
    }

    pub(super) fn on_discovered(&mut self, targets: Vec<Target>, now: Time) {
        if self.left {
            return;
        }
        let open = |target: &Target| !self.is_shut_out(&target.name);
        let targets = targets.into_iter().filter(open).collect();
        self.dialer.hint(targets, now);
    }

    /// A datagram told of a node.
    pub(super) fn on_sighted(&mut self, target: Target, now: Time) {
        if self.left || self.is_shut_out(&target.name) {
            return;
        }
        let is_removed = |status| status == RecordStatus::Removed;
        let removed = self.members.named(&target.name).any(|m| is_removed(m.record.status));
        self.dialer.sight(target, removed, now);
    }

    /// Comes back only when it, or an operator, asks for it.
    fn is_shut_out(&self, name: &NodeName) -> bool {
        let shut = |status| matches!(status, RecordStatus::Left | RecordStatus::Banned);
        let mut named = self.members.named(name);
        // Another box may have the name by now.
        named.clone().any(|member| shut(member.record.status))
            && !named.any(|member| member.record.is_member())
    }

    /// Records that a peer sent: what is news goes on to the others.
    pub(super) fn on_members(
        &mut self,
        from: NodeId,
        records: Vec<MemberRecord>,
        now: Time,
        out: &mut Vec<Action>,
    ) {
        for record in records {
            if record.node_id == self.me.node_id {
                self.on_own_record(&record, now, out);
                continue;
            }
            if let Some(ban) = self.unheard_ban(&record) {
                // Somebody let it in who had not heard of the ban.
                let asked = record.caps & CAP_JOIN != 0;
                let record = if asked {
                    let epoch = ban.next_epoch(RecordStatus::Member);
                    MemberRecord { epoch, ..record }
                } else {
                    let epoch = ban.epoch.max(record.epoch + 1);
                    MemberRecord { status: RecordStatus::Banned, epoch, ..record }
                };
                self.change(&record, now, out);
            } else if record.status == RecordStatus::Removed && self.is_linked(&record) {
                self.members.merge(&record, now);
                self.put_out(record, RecordStatus::Member, now, out);
            } else if self.admit(&record, now, out) {
                self.tell(&[record], Some(from), out);
            }
        }
    }

    /// The ban that whoever made this record of a member did not know of.
    fn unheard_ban(&self, record: &MemberRecord) -> Option<MemberRecord> {
        let known = &self.members.find(record.node_id)?.record;
        let banned = known.status == RecordStatus::Banned && record.is_member();
        let unheard = banned && record.rank() > known.rank() && !record.is_after(known);
        unheard.then(|| known.clone())
    }

    /// Whether this life of the node is linked with, whatever others say.
    fn is_linked(&self, record: &MemberRecord) -> bool {
        let peer = self.peers.get(&record.node_id);
        peer.is_some_and(|p| p.proven && p.identity.incarnation == record.incarnation)
    }

    /// Others say something about this node.
    fn on_own_record(&mut self, record: &MemberRecord, now: Time, out: &mut Vec<Action>) {
        if record.rank() <= self.record().rank() || record.incarnation > self.me.incarnation {
            return;
        }
        if record.status == RecordStatus::Banned && self.join_until.is_none() {
            return self.on_forced_out(now, out);
        }
        self.epoch = match record.is_member() {
            true => record.epoch,
            false => record.next_epoch(RecordStatus::Member),
        };
        let own = self.record();
        self.tell(&[own], None, out);
        out.push(Action::Persist);
    }

    /// Takes a record in and does what follows from it. True if it was news.
    pub(super) fn admit(
        &mut self,
        record: &MemberRecord,
        now: Time,
        out: &mut Vec<Action>,
    ) -> bool {
        let node = record.node_id;
        let known = self.members.find(node).map(|member| &member.record);
        let was_member = known.is_some_and(MemberRecord::is_member);
        let before = known.map(|known| known.name.clone()).filter(|name| *name != record.name);
        if known.is_none() && self.is_over(record.status, record.out_for) {
            return false;
        }
        self.end_older_life_of_unlinked(record, now, out);
        if self.members.merge(record, now) == Merge::Known {
            return false;
        }
        out.push(Action::Persist);
        if let Some(before) = before {
            self.drop_name(before, record.name.clone(), out);
        }
        if record.is_member() {
            self.members.index(node);
            self.dialer.want(target_of(record), now);
            if !was_member {
                self.let_go_of_namesakes(record, out);
                if !self.peers.contains_key(&node) {
                    self.dialer.hurry(&record.name, now);
                    self.autoclean.on_down(node, now);
                }
                out.push(Action::Log(Event::Joined(record.name.clone())));
            }
        } else {
            self.dismiss(record, was_member, now, out);
        }
        self.plan_forgetting(now);
        true
    }

    /// A node goes by another name: nobody is to be found under the old one, unless another node has taken it over.
    fn drop_name(&mut self, before: NodeName, name: NodeName, out: &mut Vec<Action>) {
        if !self.is_used(&before) {
            self.dialer.forget(&before);
        }
        out.push(Action::Log(Event::Renamed { before, name }));
    }

    /// Whether a node in the cluster, or one that is linked, goes by this name.
    fn is_used(&self, name: &NodeName) -> bool {
        self.members.named(name).any(|member| member.record.is_member())
            || self.peers.values().any(|peer| peer.identity.name == *name)
    }

    /// A node has the name of others that were forgotten: nothing will be heard of those.
    fn let_go_of_namesakes(&self, record: &MemberRecord, out: &mut Vec<Action>) {
        let others = self.members.named(&record.name).map(|member| member.record.node_id);
        let others =
            others.filter(|node| *node != record.node_id && !self.peers.contains_key(node));
        out.extend(others.map(|node| Action::Unwatch { node }));
    }

    /// News of a later life of a node that is not linked with ends the earlier one here too.
    fn end_older_life_of_unlinked(
        &mut self,
        record: &MemberRecord,
        now: Time,
        out: &mut Vec<Action>,
    ) {
        let known = self.members.find(record.node_id).map(|member| member.record.incarnation);
        let linked = self.peers.contains_key(&record.node_id);
        if !linked && known.is_some_and(|known| known < record.incarnation) {
            self.end_older_life(record.node_id, record.incarnation, now, out);
            self.hold_wills(record.node_id, (record.incarnation, record.caps), now);
        }
    }

    /// The node of the record is out of the cluster.
    fn dismiss(
        &mut self,
        record: &MemberRecord,
        was_member: bool,
        now: Time,
        out: &mut Vec<Action>,
    ) {
        let node = record.node_id;
        let forced_out = record.status == RecordStatus::Banned && !self.peers.contains_key(&node);
        let removed = record.status == RecordStatus::Removed;
        match self.is_held(node) {
            // Those that reach it take it back, or it goes on alone.
            true if removed => {}
            false if removed || forced_out => self.on_death(node, now),
            true | false => self.wills.on_left(node),
        }
        if let Some(peer) = self.peers.get(&node) {
            let code = match record.status {
                RecordStatus::Banned => CloseCode::Banned,
                RecordStatus::Member
                | RecordStatus::Leaving
                | RecordStatus::Left
                | RecordStatus::Removed => CloseCode::Done,
            };
            refuse(peer.link, code, out);
            self.lose(node, "out of the cluster", now, out);
        }
        self.end_life(node, out);
        self.copies.remove(&node);
        self.rows.forget(node);
        self.autoclean.on_up(node);
        if let Some(member) = self.members.find_mut(node) {
            member.index = None;
            member.since = now;
        }
        let name = &record.name;
        if self.is_used(name) {
            // Another node has taken the name over, and is still to be linked with. Of this one nothing will be heard.
            out.push(Action::Unwatch { node });
        } else if removed {
            self.dialer.slow_down(name, now);
        } else {
            self.dialer.forget(name);
        }
        if was_member {
            out.push(Action::Log(Event::Gone(name.clone(), record.status)));
        }
    }

    /// Changes the status of a node and tells everybody.
    pub(super) fn put_out(
        &mut self,
        record: MemberRecord,
        status: RecordStatus,
        now: Time,
        out: &mut Vec<Action>,
    ) {
        let epoch = record.next_epoch(status);
        let record = MemberRecord { status, epoch, out_for: Duration::ZERO, ..record };
        self.change(&record, now, out);
    }

    /// Takes a record of this node's making in, and tells everybody.
    fn change(&mut self, record: &MemberRecord, now: Time, out: &mut Vec<Action>) {
        self.admit(record, now, out);
        self.tell(std::slice::from_ref(record), None, out);
    }

    /// Sends records to every peer but one.
    pub(super) fn tell(
        &self,
        records: &[MemberRecord],
        but: Option<NodeId>,
        out: &mut Vec<Action>,
    ) {
        for (node, peer) in &self.peers {
            if peer.proven && Some(*node) != but {
                let frame = Frame::Members(records.to_vec());
                out.push(Action::Send { link: peer.link, frame });
            }
        }
    }

    pub(super) fn on_join(&mut self, target: Target, now: Time, out: &mut Vec<Action>) {
        self.left = false;
        self.join_until = Some(now + JOIN_FOR);
        let shut: Vec<_> = self
            .members
            .named(&target.name)
            .filter(|member| !member.record.is_member())
            .map(|member| member.record.clone())
            .collect();
        for record in shut {
            let caps = record.caps | CAP_JOIN;
            self.put_out(MemberRecord { caps, ..record }, RecordStatus::Member, now, out);
        }
        let name = target.name.clone();
        self.dialer.want(target, now);
        self.dialer.hurry(&name, now);
        out.push(Action::Persist);
    }

    /// This node left, and is to join again whom discovery finds (Mria: `cluster discovery enable`). Who finds it within a minute
    /// lets it in even if it was forced out.
    pub(super) fn on_rediscover(&mut self, now: Time, out: &mut Vec<Action>) {
        self.left = false;
        self.join_until = Some(now + JOIN_FOR);
        out.push(Action::Persist);
    }

    /// This node leaves by its own word.
    pub(super) fn on_leave(&mut self, now: Time, out: &mut Vec<Action>) {
        let (node_id, epoch) = (self.me.node_id, self.epoch + 1);
        for peer in self.peers.values() {
            let frame = Frame::Leave { node_id, epoch };
            out.push(Action::Send { link: peer.link, frame });
        }
        self.stay_alone(CloseCode::Left, now, out);
        out.push(Action::Log(Event::Left));
    }

    pub(super) fn on_forced_out(&mut self, now: Time, out: &mut Vec<Action>) {
        self.stay_alone(CloseCode::Left, now, out);
        out.push(Action::Log(Event::ForcedOut));
    }

    fn stay_alone(&mut self, code: CloseCode, now: Time, out: &mut Vec<Action>) {
        let linked: Vec<_> = self.peers.iter().map(|(node, peer)| (*node, peer.link)).collect();
        for (node, link) in linked {
            refuse(link, code, out);
            self.lose(node, "this node left the cluster", now, out);
        }
        let members: Vec<_> = self.members.iter().map(|member| member.record.node_id).collect();
        for node in members {
            self.end_life(node, out);
            self.autoclean.on_up(node);
        }
        self.members.clear();
        self.awaited.clear();
        self.deaths.clear();
        self.undecided.clear();
        self.forget_at = None;
        self.copies.clear();
        self.heal.clear();
        self.wills.clear();
        self.rows = Rows::default();
        self.dialer.clear();
        // Alone, it is a cluster of its own.
        self.cluster = (self.me.guid, self.me.cluster_id);
        self.left = true;
        self.join_until = None;
        out.push(Action::Persist);
    }

    /// A peer says that it leaves.
    pub(super) fn on_leave_of(
        &mut self,
        node: NodeId,
        epoch: u64,
        now: Time,
        out: &mut Vec<Action>,
    ) {
        let Some(record) = self.members.find(node).map(|member| member.record.clone()) else {
            return;
        };
        let epoch = epoch.max(record.epoch + 1) - 1;
        self.put_out(MemberRecord { epoch, ..record }, RecordStatus::Left, now, out);
    }

    /// An operator forces a member out.
    pub(super) fn on_force_leave(&mut self, name: &NodeName, now: Time, out: &mut Vec<Action>) {
        let records: Vec<_> = self
            .members
            .named(name)
            .filter(|member| member.record.status != RecordStatus::Banned)
            .map(|member| member.record.clone())
            .collect();
        for record in records {
            if let Some(peer) = self.peers.get(&record.node_id) {
                let (node_id, epoch) = (record.node_id, record.next_epoch(RecordStatus::Banned));
                let frame = Frame::Remove { node_id, epoch, ban: true };
                out.push(Action::Send { link: peer.link, frame });
            }
            self.put_out(record, RecordStatus::Banned, now, out);
        }
    }

    /// Members that stayed down too long are forgotten, by the leader of the larger part.
    pub(super) fn forget_down(&mut self, now: Time, out: &mut Vec<Action>) {
        if self.join_until.is_some_and(|until| until <= now) {
            self.join_until = None;
        }
        let mut forget = Vec::new();
        self.autoclean.on_deadline(now, &mut forget);
        if forget.is_empty() || self.members.leader(self.me.guid) != self.me.node_id {
            return;
        }
        if !self.is_larger_part() {
            return;
        }
        let held = self.rows.held();
        for node in forget.into_iter().filter(|node| !held.contains(node)) {
            let record = self.members.find(node).map(|member| member.record.clone());
            if let Some(record) = record.filter(|_| !self.peers.contains_key(&node)) {
                self.put_out(record, RecordStatus::Removed, now, out);
            }
        }
    }

    /// Whether a node that is out for so long is not remembered any more. A ban has no end.
    fn is_over(&self, status: RecordStatus, out_for: Duration) -> bool {
        let ends = matches!(status, RecordStatus::Left | RecordStatus::Removed);
        ends && out_for >= self.settings.remember
    }

    /// When the next of those that are out is to be forgotten.
    fn plan_forgetting(&mut self, now: Time) {
        let out = self.members.iter().filter(|member| !member.record.is_member());
        let out: Vec<_> = out.map(|member| (member.record.status, member.out_for(now))).collect();
        let ends = out.iter().filter(|(status, _)| *status != RecordStatus::Banned);
        let next = ends.map(|(_, age)| now + self.settings.remember.saturating_sub(*age)).min();
        let next = next.map(|next| next.min(now + KEEP_AGES));
        self.forget_at = if out.len() > OUT_MAX { Some(now) } else { next };
    }

    /// Forgets who is out for too long, and of too many those who are for longest. Who comes back after that is a new member.
    pub(super) fn forget_out(&mut self, now: Time, out: &mut Vec<Action>) {
        if self.forget_at.is_none_or(|at| at > now) {
            return;
        }
        let all = self.members.iter().filter(|member| !member.record.is_member());
        let mut all: Vec<_> = all
            .map(|member| {
                let banned = member.record.status == RecordStatus::Banned;
                let over = self.is_over(member.record.status, member.out_for(now));
                (!over, banned, std::cmp::Reverse(member.out_for(now)), member.record.node_id)
            })
            .collect();
        sort::sort(&mut all);
        let over = all.iter().filter(|(stays, ..)| !stays).count();
        let count = over.max(all.len().saturating_sub(OUT_MAX));
        for (.., node) in all.into_iter().take(count) {
            self.forget_for_good(node, out);
        }
        out.push(Action::Persist);
        self.plan_forgetting(now);
    }

    fn forget_for_good(&mut self, node: NodeId, out: &mut Vec<Action>) {
        let Some(record) = self.members.find(node).map(|member| member.record.clone()) else {
            return;
        };
        self.members.remove(node);
        self.deaths.remove(&node);
        if !self.is_used(&record.name) {
            self.dialer.forget(&record.name);
        }
        out.push(Action::Unwatch { node });
        out.push(Action::Persist);
        out.push(Action::Log(Event::Forgotten(record.name, record.status)));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        cluster::{Guid, Me, Settings, Stored, settings::Discovery},
        time::Wall,
    };

    fn name(number: usize) -> NodeName {
        NodeName::parse(&format!("n{number}@h")).unwrap()
    }

    fn id(number: usize) -> NodeId {
        let mut id = [0; 16];
        id[..8].copy_from_slice(&(number as u64).to_be_bytes());
        NodeId(id)
    }

    fn out(number: usize, status: RecordStatus, days: u64) -> MemberRecord {
        MemberRecord {
            name: name(number),
            node_id: id(number),
            incarnation: 1,
            guid: Guid { started: 1, node: id(number) },
            addrs: Vec::new(),
            caps: 0,
            version: String::new(),
            status,
            epoch: 1,
            out_for: Duration::from_secs(days * 86_400),
        }
    }

    /// A node that starts with this member table.
    fn with(members: Vec<MemberRecord>) -> Cluster {
        let me = Me {
            clients_stay: false,
            name: name(0),
            node_id: id(0),
            incarnation: 1,
            guid: Guid { started: 1, node: id(0) },
            cluster_id: [0; 16],
            addrs: Vec::new(),
            version: String::new(),
        };
        let settings = Settings { discovery: Discovery::Manual, ..Settings::new(me.name.clone()) };
        let stored = Stored { members, ..Stored::default() };
        let mut core = Cluster::new(me, &settings, stored, Wall::from_ms(1), 1);
        core.start(Time::ZERO, &mut Vec::new());
        core
    }

    #[test]
    fn of_too_many_that_are_out_the_oldest_go_and_bans_last() {
        use RecordStatus::{Banned, Removed};
        let bans = (1..=10).map(|number| out(number, Banned, 400));
        let removed =
            (11..=OUT_MAX + 20).map(|number| out(number, Removed, u64::from(number > 100)));
        let mut core = with(bans.chain(removed).collect());
        let mut done = Vec::new();
        assert_eq!(core.deadline(), Some(Time::ZERO));
        core.on_deadline(Time::ZERO, &mut done);
        let left: Vec<_> = core.members.iter().map(|member| member.record.clone()).collect();
        assert_eq!(left.len(), OUT_MAX);
        assert_eq!(left.iter().filter(|record| record.status == Banned).count(), 10);
        assert!((11..=100).all(|number| core.members.find(id(number)).is_some()), "out for less");
        let told = |action: &Action| matches!(action, Action::Log(Event::Forgotten(_, Removed)));
        assert_eq!(done.iter().filter(|action| told(action)).count(), 20);
        // The others when their time is over, and nobody who is banned.
        let week = Time::ZERO + Duration::from_secs(7 * 86_400);
        core.on_deadline(week, &mut done);
        assert_eq!(core.members.iter().count(), 10);
        assert!(core.dialer.deadline().is_none_or(|at| at > week), "nobody is dialled");
    }

    #[test]
    fn the_age_of_who_is_out_goes_on_over_restarts() {
        let hours = |hours: u64| Duration::from_secs(hours * 3600);
        let (mut core, mut age) = (with(vec![out(1, RecordStatus::Removed, 0)]), hours(0));
        // A node that is started anew each day.
        for _ in 0..12 {
            let mut kept = core.stored(Time::ZERO);
            while let Some(at) = core.deadline().filter(|at| *at < Time::ZERO + hours(23)) {
                let mut done = Vec::new();
                core.on_deadline(at, &mut done);
                if done.contains(&Action::Persist) {
                    kept = core.stored(at);
                }
            }
            let known = kept.members.iter().find(|record| record.node_id == id(1));
            let Some(known) = known else {
                return assert!(age >= hours(6 * 18), "{age:?}");
            };
            age = known.out_for;
            core = with(kept.members);
        }
        panic!("remembered for ever, {age:?}");
    }

    #[test]
    fn what_others_remember_for_too_long_is_not_taken_in() {
        let (mut core, now) = (with(Vec::new()), Time::from_ms(5_000));
        let old = out(1, RecordStatus::Removed, 7);
        assert!(!core.admit(&old, now, &mut Vec::new()));
        assert!(core.admit(&out(2, RecordStatus::Removed, 6), now, &mut Vec::new()));
        assert!(core.admit(&out(3, RecordStatus::Banned, 99), now, &mut Vec::new()), "no end");
        assert_eq!(core.stored(now).members.len(), 3, "this node among them");
    }
}
