//! Who is in the cluster: records that come around, joining, leaving, forcing out and forgetting.

use std::time::Duration;

use super::{
    Action, CAP_JOIN, Cluster, Event, MemberRecord, NodeId, NodeName, RecordStatus, Target,
    membership::Merge,
    peering::{refuse, target_of},
    rows::Rows,
    wire::{CloseCode, Frame},
};
use crate::time::Time;

/// How long a `cluster join` opens doors that were shut.
const JOIN_FOR: Duration = Duration::from_secs(60);

impl Cluster {
    /// Takes the member table of the process before.
    pub(super) fn restore(&mut self, records: &[MemberRecord]) {
        let now = Time::ZERO;
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
        self.members
            .named(name)
            .any(|member| matches!(member.record.status, RecordStatus::Left | RecordStatus::Banned))
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
            let node = record.node_id;
            let banned = self.members.find(node).filter(|known| {
                known.record.status == RecordStatus::Banned
                    && record.rank() > known.record.rank()
                    && record.is_member()
                    && record.caps & CAP_JOIN == 0
            });
            if banned.is_some() {
                // Somebody let it in who had not heard of the ban.
                self.put_out(record, RecordStatus::Banned, now, out);
            } else if record.status == RecordStatus::Removed && self.is_linked(&record) {
                self.members.merge(&record, now);
                let epoch = record.epoch + 1;
                let back = MemberRecord { status: RecordStatus::Member, epoch, ..record };
                self.admit(&back, now, out);
                self.tell(&[back], None, out);
            } else if self.admit(&record, now, out) {
                self.tell(&[record], Some(from), out);
            }
        }
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
        self.epoch = record.epoch + u64::from(!record.is_member());
        let own = self.record();
        self.tell(&[own], None, out);
    }

    /// Takes a record in and does what follows from it. True if it was news.
    pub(super) fn admit(
        &mut self,
        record: &MemberRecord,
        now: Time,
        out: &mut Vec<Action>,
    ) -> bool {
        let node = record.node_id;
        let was_member = self.members.find(node).is_some_and(|m| m.record.is_member());
        self.end_older_life_of_unlinked(record, now, out);
        if self.members.merge(record, now) == Merge::Known {
            return false;
        }
        out.push(Action::Persist);
        if record.is_member() {
            self.members.index(node);
            self.dialer.want(target_of(record), now);
            if !was_member {
                if !self.peers.contains_key(&node) {
                    self.dialer.hurry(&record.name, now);
                    self.autoclean.on_down(node, now);
                }
                out.push(Action::Log(Event::Joined(record.name.clone())));
            }
        } else {
            self.dismiss(record, was_member, now, out);
        }
        true
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
        if forced_out || record.status == RecordStatus::Removed {
            self.on_death(node, now);
        } else {
            self.wills.on_left(node);
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
        // Another node may have taken the name over, and is still to be linked with.
        let name = &record.name;
        let taken_over = self.members.named(name).any(|m| m.record.is_member())
            || self.peers.values().any(|peer| peer.identity.name == *name);
        if !taken_over {
            if record.status == RecordStatus::Removed {
                self.dialer.slow_down(name, now);
            } else {
                self.dialer.forget(name);
            }
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
        let record = MemberRecord { status, epoch: record.epoch + 1, ..record };
        self.admit(&record, now, out);
        self.tell(&[record], None, out);
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
                let (node_id, epoch) = (record.node_id, record.epoch + 1);
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
        for node in forget {
            let record = self.members.find(node).map(|member| member.record.clone());
            if let Some(record) = record.filter(|_| !self.peers.contains_key(&node)) {
                self.put_out(record, RecordStatus::Removed, now, out);
            }
        }
    }
}
