//! The place of the client directory in the core: whom it can reach, and what it wants done.

use std::sync::Arc;

use super::{
    Action, Cluster, Directory, NodeId,
    directory::{At, Order},
    member::Reach,
    wire::{ClaimFrame, Frame},
};
use crate::time::{Time, Wall};

impl Cluster {
    /// Changes the directory and does what it asks for.
    fn with_directory(
        &mut self,
        now: Time,
        out: &mut Vec<Action>,
        change: impl FnOnce(&mut Directory, &mut At<'_>, &mut Vec<Order>),
    ) {
        let mut orders = Vec::new();
        let mut at = At { clock: &mut self.clock, now };
        change(&mut self.directory, &mut at, &mut orders);
        for order in orders {
            match order {
                Order::Send(node, frame) => self.to_peer(node, Frame::Claim(frame), out),
                Order::Claimed { ticket, claim, previous } => {
                    out.push(Action::Claimed { ticket, claim, previous });
                }
                Order::Kick { client, winner, clean } => {
                    out.push(Action::Kick { client, winner, clean });
                }
            }
        }
    }

    /// A client connects.
    pub(super) fn on_claim(
        &mut self,
        claim: (u64, Arc<str>, bool),
        now: Time,
        out: &mut Vec<Action>,
    ) {
        let client = claim.1.clone();
        self.with_directory(now, out, |directory, at, orders| directory.claim(claim, at, orders));
        if let Some(claim) = self.directory.find(&client) {
            self.on_claim_heard(&client, claim, now, out);
        }
    }

    pub(super) fn on_unclaim(
        &mut self,
        client: &Arc<str>,
        hlc: u64,
        now: Time,
        out: &mut Vec<Action>,
    ) {
        self.with_directory(now, out, |directory, _, orders| {
            directory.unclaim(client, hlc, orders);
        });
    }

    pub(super) fn on_refresh(
        &mut self,
        client: &Arc<str>,
        hlc: u64,
        now: Time,
        out: &mut Vec<Action>,
    ) {
        self.with_directory(now, out, |directory, at, orders| {
            at.clock.observe(hlc, now);
            directory.refresh(client, hlc, orders);
        });
    }

    pub(super) fn on_adopted(
        &mut self,
        client: &Arc<str>,
        hlc: u64,
        now: Time,
        out: &mut Vec<Action>,
    ) {
        self.with_directory(now, out, |directory, at, orders| {
            at.clock.observe(hlc, now);
            directory.adopted(client, hlc, orders);
        });
    }

    pub(super) fn on_claim_frame(
        &mut self,
        from: NodeId,
        frame: ClaimFrame,
        now: Time,
        out: &mut Vec<Action>,
    ) {
        let heard = match &frame {
            ClaimFrame::Claim { client, claim, .. } if claim.node == from => {
                Some((client.clone(), *claim))
            }
            ClaimFrame::Claim { .. }
            | ClaimFrame::Ok { .. }
            | ClaimFrame::Low { .. }
            | ClaimFrame::Kick { .. }
            | ClaimFrame::Unclaim { .. } => None,
        };
        self.with_directory(now, out, |directory, at, orders| {
            directory.on_frame(from, frame, at, orders);
        });
        if let Some((client, claim)) = heard {
            self.on_claim_heard(&client, claim, now, out);
        }
    }

    pub(super) fn claims_on_deadline(&mut self, now: Time, out: &mut Vec<Action>) {
        self.with_directory(now, out, |directory, at, orders| directory.on_deadline(at, orders));
    }

    /// Members came up or went down. Who restarts keeps its sessions, and what is known of them.
    pub(super) fn look_around(&mut self, now: Time, out: &mut Vec<Action>) {
        let away: Vec<NodeId> = self.awaited.keys().copied().collect();
        let up = self.members.iter().filter(|member| member.reach == Reach::Up);
        let view = up.map(|member| member.record.node_id).chain(away.iter().copied()).collect();
        let mut walk = false;
        self.with_directory(now, out, |directory, at, orders| {
            directory.on_away(away, at, orders);
            walk = directory.on_view(view, at, orders);
        });
        if walk {
            out.push(Action::WalkSessions { view: self.directory.view() });
        }
    }

    /// A member is back from its restart, and has forgotten the claims of others.
    pub(super) fn on_back(&mut self, node: NodeId, now: Time, out: &mut Vec<Action>) {
        self.with_directory(now, out, |directory, at, orders| {
            directory.on_back(node, at, orders);
        });
        out.push(Action::WalkSessions { view: self.directory.view() });
    }

    pub(super) fn to_peer(&self, node: NodeId, frame: Frame, out: &mut Vec<Action>) {
        if let Some(peer) = self.peers.get(&node).filter(|peer| peer.proven) {
            out.push(Action::Send { link: peer.link, frame });
        }
    }

    /// The members that are up, with their index in the route table.
    #[must_use]
    pub fn up_nodes(&self) -> Vec<(NodeId, u16)> {
        let up = self.members.iter().filter(|member| member.reach == Reach::Up);
        up.filter_map(|member| Some((member.record.node_id, member.index?))).collect()
    }

    /// The index of a node in the route table.
    #[must_use]
    pub fn index_of(&self, node: NodeId) -> Option<u16> {
        self.members.find(node)?.index
    }

    /// This node.
    #[must_use]
    pub const fn node_id(&self) -> NodeId {
        self.me.node_id
    }

    /// Moves the hybrid clock on to a value that was given out beside it.
    pub fn observe(&mut self, hlc: u64, now: Time) {
        self.clock.observe(hlc, now);
    }

    /// What the calendar of this box says, which may have been set since the start.
    pub fn set_calendar(&mut self, wall: Wall, now: Time) {
        self.clock.set_calendar(wall, now);
    }

    /// The last value of the hybrid clock.
    #[must_use]
    pub fn hlc(&self) -> u64 {
        self.clock.last()
    }

    /// What this node knows of the sessions of clients.
    #[must_use]
    pub const fn directory(&self) -> &Directory {
        &self.directory
    }
}
