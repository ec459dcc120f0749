//! Frames over links that count, and the routes that travel in them.

use std::{sync::Arc, time::Duration};

use super::{
    Action, BarrierId, Cluster, Event, LinkId, NodeId,
    member::Reach,
    routes::{RouteOp, TableOp},
    sync::{Fix, Piece, Take},
    wire::{CloseCode, Frame, Ping},
};
use crate::time::Time;

impl Cluster {
    pub(super) fn on_frame(
        &mut self,
        link: LinkId,
        frame: Frame,
        now: Time,
        out: &mut Vec<Action>,
    ) {
        let Some(node) = self.links.get(&link).copied() else { return };
        let Some(peer) = self.peers.get(&node) else { return };
        let proven = peer.proven;
        match frame {
            Frame::State(state) => self.on_state(node, state, now, out),
            Frame::Close { code, reason } => self.on_close(node, (code, reason), now, out),
            Frame::Ping(ping) => self.on_ping(node, &ping, now, out),
            frame @ (Frame::Members(_)
            | Frame::Row { .. }
            | Frame::RouteDelta { .. }
            | Frame::RouteSnap { .. }
            | Frame::RouteAck { .. }
            | Frame::RouteReq { .. }
            | Frame::RouteSum { .. }
            | Frame::RouteFix { .. }
            | Frame::Leave { .. }
            | Frame::Remove { .. }
            | Frame::Heal(_)
            | Frame::Claim(_)
            | Frame::Will(_)
            | Frame::Take(_)
            | Frame::Mark(_)
            | Frame::Ask(_)
            | Frame::Retained(_)
            | Frame::Merge { .. })
                if proven =>
            {
                self.on_proven_frame(node, frame, now, out);
            }
            Frame::Members(_)
            | Frame::Row { .. }
            | Frame::RouteDelta { .. }
            | Frame::RouteSnap { .. }
            | Frame::RouteAck { .. }
            | Frame::RouteReq { .. }
            | Frame::RouteSum { .. }
            | Frame::RouteFix { .. }
            | Frame::Leave { .. }
            | Frame::Remove { .. }
            | Frame::Heal(_)
            | Frame::Claim(_)
            | Frame::Will(_)
            | Frame::Take(_)
            | Frame::Mark(_)
            | Frame::Ask(_)
            | Frame::Retained(_)
            | Frame::Merge { .. }
            | Frame::FwdAck { .. }
            | Frame::FwdNack { .. }
            | Frame::TopicDef { .. }
            | Frame::FwdBase { .. } => self.close(node, CloseCode::Protocol, now, out),
        }
    }

    fn on_proven_frame(&mut self, node: NodeId, frame: Frame, now: Time, out: &mut Vec<Action>) {
        match frame {
            Frame::Members(records) => self.on_members(node, records, now, out),
            Frame::Merge { cluster_id, maker } => self.on_merge(node, (maker, cluster_id), out),
            row @ Frame::Row { .. } => self.on_row(node, row, now, out),
            Frame::Heal(heal) => self.on_heal(node, heal, now, out),
            Frame::Retained(frame) => self.on_retained_frame(node, frame, now, out),
            Frame::Claim(claim) => self.on_claim_frame(node, claim, now, out),
            Frame::Will(will) => self.on_will_frame(node, will, now, out),
            frame @ (Frame::Take(_) | Frame::Mark(_) | Frame::Ask(_)) => {
                out.push(Action::FromPeer { node, frame });
            }
            Frame::Leave { node_id, epoch } if node_id == node => {
                self.on_leave_of(node, epoch, now, out);
            }
            Frame::Remove { node_id, ban: true, .. } if node_id == self.me.node_id => {
                self.on_forced_out(now, out);
            }
            Frame::RouteDelta { incarnation, first_seq, ops }
                if self.is_of_this_life(node, incarnation) =>
            {
                self.on_delta(node, first_seq, ops, out);
                self.check_up(node, now, out);
            }
            Frame::RouteSnap { incarnation, seq, part, last, ops }
                if self.is_of_this_life(node, incarnation) =>
            {
                self.on_part(node, (seq, part, last), ops, out);
                self.check_up(node, now, out);
            }
            Frame::RouteAck { incarnation, .. } if incarnation == self.me.incarnation => {
                if let Some(peer) = self.peers.get_mut(&node) {
                    peer.sender.on_ack();
                }
                self.check_up(node, now, out);
            }
            Frame::RouteReq { .. } => {
                if let Some(peer) = self.peers.get_mut(&node) {
                    peer.sender.restart(&self.own);
                }
            }
            Frame::RouteSum { incarnation, seq, sums } if incarnation == self.me.incarnation => {
                self.on_sums(node, (seq, &sums), now, out);
            }
            Frame::RouteFix { incarnation, seq, parts, number, last, ops }
                if self.is_of_this_life(node, incarnation) =>
            {
                self.on_fix(node, seq, Piece { parts, number, last, ops }, out);
            }
            // Of an earlier life, about somebody else, or of no use to this release.
            Frame::Leave { .. }
            | Frame::Remove { .. }
            | Frame::RouteDelta { .. }
            | Frame::RouteSnap { .. }
            | Frame::RouteAck { .. }
            | Frame::RouteSum { .. }
            | Frame::RouteFix { .. }
            | Frame::State(_)
            | Frame::Close { .. }
            | Frame::Ping(_)
            | Frame::FwdAck { .. }
            | Frame::FwdNack { .. }
            | Frame::TopicDef { .. }
            | Frame::FwdBase { .. } => {}
        }
    }

    fn is_of_this_life(&self, node: NodeId, incarnation: u64) -> bool {
        self.peers.get(&node).is_some_and(|peer| peer.identity.incarnation == incarnation)
    }

    fn index(&self, node: NodeId) -> Option<u16> {
        self.members.find(node).and_then(|member| member.index)
    }

    fn on_delta(&mut self, node: NodeId, first_seq: u64, ops: Vec<RouteOp>, out: &mut Vec<Action>) {
        let Some(incarnation) = self.peers.get(&node).map(|p| p.identity.incarnation) else {
            return;
        };
        let Some(copy) = self.copies.get_mut(&node) else { return };
        let take = copy.on_delta(incarnation, first_seq, ops.len() as u64);
        self.take(node, take, ops, out);
    }

    fn on_part(
        &mut self,
        node: NodeId,
        (seq, part, last): (u64, u64, bool),
        ops: Vec<RouteOp>,
        out: &mut Vec<Action>,
    ) {
        let Some(incarnation) = self.peers.get(&node).map(|p| p.identity.incarnation) else {
            return;
        };
        let Some(copy) = self.copies.get_mut(&node) else { return };
        let take = copy.on_part(incarnation, seq, part);
        let ends = last && matches!(take, Take::Begin { .. } | Take::Apply { .. });
        if ends {
            copy.on_last(incarnation);
        }
        let index = self.index(node);
        let ack = self.take_ops(node, take, ops, out);
        if let Some(node) = index.filter(|_| ends) {
            out.push(Action::Table(TableOp::SnapshotEnd { node }));
        }
        out.extend(ack);
    }

    fn take(&mut self, node: NodeId, take: Take, ops: Vec<RouteOp>, out: &mut Vec<Action>) {
        let ack = self.take_ops(node, take, ops, out);
        out.extend(ack);
    }

    /// Changes the table as `take` says; what the origin is to be told.
    fn take_ops(
        &mut self,
        node: NodeId,
        take: Take,
        mut ops: Vec<RouteOp>,
        out: &mut Vec<Action>,
    ) -> Option<Action> {
        let index = self.index(node)?;
        let peer = self.peers.get(&node)?;
        let (link, incarnation) = (peer.link, peer.identity.incarnation);
        match take {
            Take::Ignore => return None,
            Take::Request => {
                out.push(Action::Table(TableOp::SnapshotAbort { node: index }));
                let frame = Frame::RouteReq { incarnation: 0, seq: 0 };
                return Some(Action::Send { link, frame });
            }
            Take::Begin { drop_old } => {
                out.push(Action::Table(TableOp::SnapshotBegin { node: index, drop_old }));
            }
            Take::Apply { skip } => {
                ops.drain(..skip.min(ops.len()));
            }
        }
        if !ops.is_empty() {
            let ops: Arc<[RouteOp]> = ops.into();
            out.push(Action::Table(TableOp::Apply { node: index, ops }));
        }
        let seq = self.copies.get(&node).map_or(0, |copy| copy.position().seq);
        Some(Action::Send { link, frame: Frame::RouteAck { incarnation, seq } })
    }

    fn on_ping(&mut self, node: NodeId, ping: &Ping, now: Time, out: &mut Vec<Action>) {
        self.clock.observe(ping.hlc, now);
        if !self.is_of_this_life(node, ping.incarnation) {
            return;
        }
        let Some(index) = self.index(node) else { return };
        let Some(copy) = self.copies.get_mut(&node) else { return };
        match copy.on_ping(ping.route_seq) {
            Some(true) => {
                out.push(Action::CheckRoutes { node: index, hash: ping.route_hash });
            }
            Some(false) => self.repair(node, out),
            None => {}
        }
    }

    pub(super) fn on_routes_differ(
        &mut self,
        index: u16,
        sums: Box<[u64; 256]>,
        out: &mut Vec<Action>,
    ) {
        let node = self.members.iter().find(|m| m.index == Some(index));
        let Some(node) = node.map(|member| member.record.node_id) else { return };
        let Some(copy) = self.copies.get_mut(&node).filter(|copy| copy.is_settled()) else {
            return;
        };
        if !copy.mend() {
            copy.request();
            return self.repair(node, out);
        }
        let (Some(peer), seq) = (self.peers.get(&node), copy.position().seq) else { return };
        let incarnation = peer.identity.incarnation;
        self.repaired += 1;
        out.push(Action::Send {
            link: peer.link,
            frame: Frame::RouteSum { incarnation, seq, sums },
        });
        out.push(Action::Log(Event::RoutesRepaired(peer.identity.name.clone())));
    }

    /// Another node's copy of the own routes has these hashes: sends the parts that differ.
    fn on_sums(
        &mut self,
        node: NodeId,
        (seq, theirs): (u64, &[u64; 256]),
        now: Time,
        out: &mut Vec<Action>,
    ) {
        let Some(peer) = self.peers.get_mut(&node) else { return };
        if seq != self.own.seq() || !peer.sender.may_repair(now) {
            // It has changed since; the next comparison tells.
            return;
        }
        let Some(repair) = self.own.repair(theirs) else { return peer.sender.restart(&self.own) };
        let (link, incarnation, parts) = (peer.link, self.me.incarnation, repair.parts);
        let count = repair.frames.len() as u64;
        for (number, ops) in (0..).zip(repair.frames) {
            let last = number + 1 == count;
            let frame = Frame::RouteFix { incarnation, seq, parts, number, last, ops };
            out.push(Action::Send { link, frame });
        }
    }

    fn on_fix(&mut self, node: NodeId, seq: u64, piece: Piece, out: &mut Vec<Action>) {
        let (index, parts) = (self.index(node), piece.parts);
        let Some(copy) = self.copies.get_mut(&node) else { return };
        match (copy.on_fix(seq, piece), index) {
            (Fix::Whole(ops), Some(node)) => {
                out.push(Action::Table(TableOp::Refill { node, parts, ops: ops.into() }));
            }
            (Fix::Broken, _) => {
                copy.request();
                self.repair(node, out);
            }
            (Fix::Whole(_), None) | (Fix::Nothing, _) => {}
        }
    }

    fn repair(&mut self, node: NodeId, out: &mut Vec<Action>) {
        let Some(peer) = self.peers.get(&node) else { return };
        self.repaired += 1;
        let frame = Frame::RouteReq { incarnation: 0, seq: 0 };
        out.push(Action::Send { link: peer.link, frame });
        out.push(Action::Log(Event::RoutesRepaired(peer.identity.name.clone())));
    }

    pub(super) fn send_pings(&mut self, late: Duration, now: Time, out: &mut Vec<Action>) {
        let ping = self.ping(late, now);
        for peer in self.peers.values() {
            out.push(Action::Send { link: peer.link, frame: Frame::Ping(ping) });
        }
    }

    /// The next sign of life of this node.
    pub(super) fn ping(&mut self, late: Duration, now: Time) -> Ping {
        self.pings += 1;
        Ping {
            incarnation: self.me.incarnation,
            n: self.pings,
            lateness_ms: u64::try_from(late.as_millis()).unwrap_or(u64::MAX),
            route_seq: self.own.seq(),
            route_hash: self.own.hash(),
            stalled: false,
            draining: false,
            hlc: self.clock.tick(now),
        }
    }

    /// Sends every peer what it does not have yet, as far as its window allows.
    pub(super) fn send_routes(&mut self, out: &mut Vec<Action>) {
        for peer in self.peers.values_mut().filter(|peer| peer.proven) {
            while let Some(frame) = peer.sender.next_frame(self.me.incarnation, &self.own) {
                out.push(Action::Send { link: peer.link, frame });
            }
        }
    }

    pub(super) fn on_barrier(&mut self, id: BarrierId, now: Time, out: &mut Vec<Action>) {
        self.own.commit();
        self.barrier.add(id, self.own.seq(), now);
        self.pass_barriers(now, out);
    }

    pub(super) fn pass_barriers(&mut self, now: Time, out: &mut Vec<Action>) {
        if self.barrier.is_empty() {
            return;
        }
        let up = self.members.iter().filter(|member| member.reach == Reach::Up);
        let acked = up.filter_map(|member| self.peers.get(&member.record.node_id));
        let all_have = acked.map(|peer| peer.sender.acked().unwrap_or(0)).min();
        let all_have = all_have.unwrap_or(u64::MAX);
        while let Some(id) = self.barrier.pop(all_have, now) {
            out.push(Action::BarrierDone(id));
        }
    }
}
