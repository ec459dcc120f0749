//! A restart that drops no client, as the others and the node itself see it.
//!
//! The process that ends closes its links with [`CloseCode::Restarting`], and the next one goes on with its life: under its number,
//! with its sessions, its routes, what it keeps for others and how far it has got with what they keep for it (`legacy.rs`). So a
//! restart is to the others a cut that was announced. They await the node for [`WAIT`]: its routes count, its sessions stay its own,
//! its wills are not due, no partition is noted, and messages for it are kept and awaited as for a node that is up. A life that
//! comes after it, or an operator, ends the wait at once; when it is over the node is one that was lost just now.

use std::time::Duration;

use super::{
    Action, Cluster, Event, NodeId, NodeName,
    legacy::{Bequest, Legacy},
    member::Reach,
    peering::refuse,
    routes::TableOp,
    wire::CloseCode,
};
use crate::time::Time;

/// A node that restarts is awaited so long, some seconds longer than it may take ([`WITHIN`](super::legacy::WITHIN)): writing and reading the state of hundred thousand sessions takes seconds on a small
/// machine, and systemd its time in between.
pub(super) const WAIT: Duration = Duration::from_secs(15);
/// A node that goes on serves its clients after this time, whether it has found the others or not: it has their routes.
const SETTLE: Duration = Duration::from_secs(1);

/// A member that restarts.
#[derive(Clone, Copy, Debug)]
pub(super) struct Awaited {
    until: Time,
    incarnation: u64,
}

impl Cluster {
    /// This process ends and another goes on.
    pub(super) fn on_rest(&self, out: &mut Vec<Action>) {
        for peer in self.peers.values() {
            refuse(peer.link, CloseCode::Restarting, out);
        }
    }

    /// What the process that goes on needs to know; routes and messages of others are with whoever drives the core.
    #[must_use]
    pub fn legacy(&self, now: Time) -> Legacy {
        let in_cluster = self.members.iter().filter(|member| member.record.is_member());
        let nodes = in_cluster.filter_map(|member| {
            let (node_id, index) = (member.record.node_id, member.index?);
            let held = self.copies.get(&node_id).map(|copy| copy.position());
            let held = held.filter(|position| position.incarnation == member.record.incarnation);
            let keep = self.keep.get(&node_id).map_or(self.settings.keep_time, |at| at.since(now));
            Some(Bequest {
                node_id,
                index,
                incarnation: member.record.incarnation,
                up: member.reach == Reach::Up || self.is_awaited(node_id),
                keep,
                position: held.map(|position| position.seq),
                ..Bequest::default()
            })
        });
        Legacy {
            incarnation: self.me.incarnation,
            guid: self.me.guid,
            epoch: self.epoch,
            routes: (self.own.seq(), self.own.hash()),
            row: self.rows.number(),
            heals: self.heal.led(),
            nodes: nodes.collect(),
            ..Legacy::default()
        }
    }

    /// Goes on where the process before stopped, which is what [`Me`](super::Me) must say too. To be called once, after the start,
    /// when the routes of the sessions that came along are added and before any link is up.
    pub fn inherit(&mut self, legacy: &Legacy, now: Time, out: &mut Vec<Action>) {
        self.goes_on = true;
        self.epoch = legacy.epoch;
        self.own.go_on(legacy.routes.0, legacy.routes.1);
        self.rows.go_on(legacy.row);
        self.heal.go_on(legacy.heals);
        for one in &legacy.nodes {
            let _ = self.members.index(one.node_id);
            let Some((node, _)) = self.inherited(one.node_id, one.incarnation) else { continue };
            if let Some(seq) = one.position {
                self.copies.entry(one.node_id).or_default().inherit(one.incarnation, seq);
                for ops in &one.routes {
                    let ops = ops.clone().into();
                    out.push(Action::Table(TableOp::Apply { node, ops }));
                }
            }
            self.keep.insert(one.node_id, now + one.keep);
            if one.up {
                self.await_life(one.node_id, one.incarnation, now);
            }
        }
    }

    /// Index and name of a member, if it is known in this process life.
    #[must_use]
    pub fn inherited(&self, node: NodeId, incarnation: u64) -> Option<(u16, NodeName)> {
        let member = self.members.find(node)?;
        let same = member.record.is_member() && member.record.incarnation == incarnation;
        Some((member.index.filter(|_| same)?, member.record.name.clone()))
    }

    fn await_life(&mut self, node: NodeId, incarnation: u64, now: Time) {
        self.awaited.insert(node, Awaited { until: now + WAIT, incarnation });
        self.row_due = true;
    }

    /// Whether a node restarts and is awaited.
    pub(super) fn is_awaited(&self, node: NodeId) -> bool {
        self.awaited.contains_key(&node)
    }

    /// A peer says that it restarts. One that is not up yet has nothing to be awaited for.
    pub(super) fn on_restarting(&mut self, node: NodeId, now: Time, out: &mut Vec<Action>) {
        let Some(peer) = self.peers.get(&node) else { return };
        let (link, life) = (peer.link, peer.identity.incarnation);
        let name = peer.identity.name.clone();
        out.push(Action::Close { link });
        if self.members.find(node).is_some_and(|member| member.reach == Reach::Up) {
            self.await_life(node, life, now);
            out.push(Action::Log(Event::Restarts(name)));
        }
        self.lose(node, "it restarts", now, out);
    }

    /// When the first of those that are awaited has to be back.
    pub(super) fn awaited_until(&self) -> Option<Time> {
        self.awaited.values().map(|awaited| awaited.until).min()
    }

    /// This node could not see for so long whether they are back.
    pub(super) fn put_off_awaiting(&mut self, late: Duration) {
        self.awaited.values_mut().for_each(|awaited| awaited.until = awaited.until + late);
    }

    /// Who is not back in time is lost, as if the link had broken now.
    pub(super) fn end_awaiting(&mut self, now: Time, out: &mut Vec<Action>) {
        let over = self.awaited.iter().filter(|(_, awaited)| awaited.until <= now);
        let over: Vec<_> = over.map(|(node, awaited)| (*node, awaited.incarnation)).collect();
        for (node, incarnation) in over {
            self.give_up_awaiting(node, out);
            self.note_loss(node, incarnation, now);
            // If its process is gone, its host says so.
            if let Some(member) = self.members.find(node) {
                self.dialer.hurry(&member.record.name, now);
            }
        }
    }

    /// A node that restarts is awaited no longer.
    pub(super) fn give_up_awaiting(&mut self, node: NodeId, out: &mut Vec<Action>) {
        if self.awaited.remove(&node).is_none() {
            return;
        }
        self.row_due = true;
        let Some(member) = self.members.find(node) else { return };
        if let Some(index) = member.index {
            out.push(Action::PeerDown { node: index });
        }
        let name = member.record.name.clone();
        out.push(Action::Log(Event::Down(name, "it does not go on after its restart")));
    }

    /// How long a start waits for others.
    pub(super) fn settle_limit(&self) -> Duration {
        if self.goes_on { self.settings.join_wait.min(SETTLE) } else { self.settings.join_wait }
    }
}
