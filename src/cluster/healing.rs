//! What the cluster core does for rows and for autoheal: tells them what happens, and carries out what they want.

use std::collections::{BTreeSet, VecDeque};

use super::{
    Action, Cluster, Event, NodeId,
    autoheal::{HealEvent, HealStatus, LastHeal, Step, Surroundings},
    member::{Guid, Reach},
    sync::RouteReceiver,
    wire::{Frame, HealFrame},
};
use crate::{sort, time::Time};

impl Cluster {
    fn up(&self) -> impl Iterator<Item = Guid> {
        let up = self.members.iter().filter(|member| member.reach == Reach::Up);
        up.map(|member| member.record.guid)
    }

    fn surroundings(&self) -> Surroundings {
        let ages: BTreeSet<_> = self.up().chain([self.me.guid]).collect();
        let mut members = self.members.iter().filter(|member| member.record.is_member());
        Surroundings {
            me: self.me.guid,
            up: ages.into_iter().map(|guid| guid.node).collect(),
            whole: members.all(|member| member.reach == Reach::Up),
        }
    }

    /// A member that was up is lost without a word.
    pub(super) fn note_loss(&mut self, node: NodeId, incarnation: u64, now: Time) {
        let reach = self.up().map(|guid| guid.node).chain([self.me.node_id]).collect();
        self.heal.on_lost(node, incarnation, reach, now);
    }

    pub(super) fn note_up(
        &mut self,
        node: NodeId,
        incarnation: u64,
        now: Time,
        out: &mut Vec<Action>,
    ) {
        let mut steps = Vec::new();
        self.heal.on_up(node, incarnation, now, &mut steps);
        self.take_steps(steps, now, out);
        if let Some(peer) = self.peers.get(&node) {
            let rows = self.rows.all(self.me.node_id, self.me.incarnation);
            out.extend(rows.into_iter().map(|frame| Action::Send { link: peer.link, frame }));
        }
    }

    pub(super) fn heal_on_deadline(&mut self, now: Time, out: &mut Vec<Action>) {
        if self.heal.deadline().is_some_and(|at| at <= now) {
            let mut steps = Vec::new();
            self.heal.on_deadline(&self.surroundings(), now, &mut steps);
            self.take_steps(steps, now, out);
        }
        self.end_rejoin(now, out);
    }

    pub(super) fn on_heal(
        &mut self,
        from: NodeId,
        frame: HealFrame,
        now: Time,
        out: &mut Vec<Action>,
    ) {
        let mut steps = Vec::new();
        self.heal.on_frame((from, frame), &self.surroundings(), now, &mut steps);
        self.take_steps(steps, now, out);
    }

    /// What is meant for this node itself goes round without a link.
    fn take_steps(&mut self, steps: Vec<Step>, now: Time, out: &mut Vec<Action>) {
        let mut queue = VecDeque::from(steps);
        while let Some(step) = queue.pop_front() {
            match step {
                Step::Send(to, frame) if to == self.me.node_id => {
                    let mut more = Vec::new();
                    self.heal.on_frame((to, frame), &self.surroundings(), now, &mut more);
                    queue.extend(more);
                }
                Step::Send(to, frame) => {
                    if let Some(peer) = self.peers.get(&to).filter(|peer| peer.proven) {
                        let frame = Frame::Heal(frame);
                        out.push(Action::Send { link: peer.link, frame });
                    }
                }
                Step::Rejoin { restart } => self.rejoin(restart, out),
                Step::Tell(event) => {
                    let event = event.map(|node| self.name_of(*node));
                    out.push(Action::Log(Event::Heal(event)));
                }
            }
        }
    }

    /// Takes the routes of every linked node anew. The old copies are used until the new ones are whole.
    fn rejoin(&mut self, restart: bool, out: &mut Vec<Action>) {
        for (node, peer) in self.peers.iter().filter(|(_, peer)| peer.proven) {
            if let Some(copy) = self.copies.get_mut(node) {
                copy.request();
                let frame = Frame::RouteReq { incarnation: 0, seq: 0 };
                out.push(Action::Send { link: peer.link, frame });
            }
        }
        if restart {
            out.push(Action::RestartClients);
        }
    }

    pub(super) fn end_rejoin(&mut self, now: Time, out: &mut Vec<Action>) {
        if !self.heal.is_rejoining() {
            return;
        }
        let mut linked = self.peers.iter().filter(|(_, peer)| peer.proven);
        if linked.all(|(node, _)| self.copies.get(node).is_none_or(RouteReceiver::is_settled)) {
            let mut steps = Vec::new();
            self.heal.on_rejoined(&mut steps);
            self.take_steps(steps, now, out);
        }
    }

    /// What a user knows a node by; its identity if it is not known any more.
    fn name_of(&self, node: NodeId) -> String {
        if node == self.me.node_id {
            return self.me.name.to_string();
        }
        let known = self.members.find(node).map(|member| member.record.name.to_string());
        known.unwrap_or_else(|| node.to_string())
    }

    /// Whom this node reaches changed, or is to be told again.
    pub(super) fn tell_row(&mut self, now: Time, out: &mut Vec<Action>) {
        let reach = self.up().map(|guid| guid.node).collect();
        if let Some(row) = self.rows.set_own((self.me.node_id, self.me.incarnation), reach, now) {
            self.flood(&row, None, out);
        }
        let mut gaps = Vec::new();
        self.rows.find_gaps(now, &mut gaps);
        self.look_who_is_held(now, out);
        for ((a, b), open) in gaps {
            let (a, b) = (self.name_of(a), self.name_of(b));
            out.push(Action::Log(Event::Gap { a, b, open }));
        }
    }

    fn flood(&self, row: &Frame, but: Option<NodeId>, out: &mut Vec<Action>) {
        for (node, peer) in self.peers.iter().filter(|(_, peer)| peer.proven) {
            if Some(*node) != but {
                out.push(Action::Send { link: peer.link, frame: row.clone() });
            }
        }
    }

    pub(super) fn on_row(&mut self, from: NodeId, row: Frame, now: Time, out: &mut Vec<Action>) {
        let Frame::Row { node_id, incarnation, row_seq, reach } = &row else { return };
        let known = self.members.find(*node_id).is_some_and(|m| m.record.is_member());
        if known && self.rows.on_row(*node_id, (*incarnation, *row_seq), reach, now) {
            self.flood(&row, Some(from), out);
            self.row_due = true;
        }
    }

    /// The names of the nodes that a member said it reaches.
    pub(super) fn reaches(&self, node: NodeId) -> Option<Vec<String>> {
        let named = |reach: &BTreeSet<NodeId>| {
            let mut names: Vec<_> = reach.iter().map(|node| self.name_of(*node)).collect();
            sort::sort(&mut names);
            names
        };
        self.rows.of(node).map(named)
    }

    /// Where heals stand at this node.
    pub(super) fn heal_status(&self) -> HealStatus<String> {
        self.heal.status().map(|node| self.name_of(*node))
    }
}

impl<N> HealEvent<N> {
    /// The same event with other names for the nodes.
    pub fn map<M>(&self, name: impl Fn(&N) -> M) -> HealEvent<M> {
        let list = |nodes: &[N]| nodes.iter().map(&name).collect::<Vec<_>>();
        let lists = |parts: &[Vec<N>]| parts.iter().map(|part| list(part)).collect::<Vec<_>>();
        match self {
            Self::Inconsistent(node) => HealEvent::Inconsistent(name(node)),
            Self::Reported { leader, lost } => {
                HealEvent::Reported { leader: name(leader), lost: list(lost) }
            }
            Self::Opened => HealEvent::Opened,
            Self::SplitView { parts, coordinator, rejoin } => HealEvent::SplitView {
                parts: lists(parts),
                coordinator: name(coordinator),
                rejoin: list(rejoin),
            },
            Self::Rejoining => HealEvent::Rejoining,
            Self::Healed { parts, rejoined } => {
                HealEvent::Healed { parts: lists(parts), rejoined: list(rejoined) }
            }
            Self::Unheeded(leader) => HealEvent::Unheeded(name(leader)),
            Self::GivenUp => HealEvent::GivenUp,
        }
    }
}

impl HealStatus {
    /// The same status with other names for the nodes.
    fn map<M>(self, name: impl Fn(&NodeId) -> M) -> HealStatus<M> {
        let list = |nodes: &[NodeId]| nodes.iter().map(&name).collect::<Vec<_>>();
        HealStatus {
            split: self.split.map(|(lost, since)| (list(&lost), since)),
            healing: self.healing,
            led: self.led,
            healed: self.healed,
            rejoined: self.rejoined,
            last: self.last.map(|last| LastHeal {
                id: last.id,
                at: last.at,
                parts: last.parts.iter().map(|part| list(part)).collect(),
                rejoined: list(&last.rejoined),
            }),
        }
    }
}
