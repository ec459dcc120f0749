//! Autoheal: the ceremony after a partition (`ekka_autoheal`, key `cluster.autoheal`).
//!
//! Routes, messages and sessions are made good as soon as links are back; the ceremony confirms that, cleans up and tells of it.
//! Every node keeps a **split record** of whom it lost. A lost node that is back in the same process life was cut off, not
//! restarted: 3 s later the node reports to the **leader** (the oldest in reach), which waits until all are back, asks everybody for
//! the set of nodes it could reach (**split view**), and lets the **coordinator** (the oldest of the largest set) have the others
//! **rejoin**.
//!
//! Differs from Ekka: any number of parts, equal or overlapping ones; a dead member does not hold the heal up for ever; whoever
//! leads or coordinates may die at any step; rejoining drops no client.
//!
//! Invariants: a heal is carried out at most once by a node; a node of the surviving part is never asked to rejoin; a record ends
//! with the heal that it was told for, a newer one stays open.

use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    time::Duration,
};

use super::{
    member::{Guid, NodeId},
    settings::{HealAction, Settings},
    wire::{HealFrame, HealId},
};
use crate::{sort, time::Time};

/// The leader asks this often whether all are back.
const LOOK_EVERY: Duration = Duration::from_millis(500);
/// Views that have not come by then are not waited for.
const VIEWS_LIMIT: Duration = Duration::from_secs(5);
/// Reports that nothing follows come ever more seldom, up to this pause or the delay of a heal.
const REPORT_MAX: Duration = Duration::from_secs(16);
/// A report that the leader has not taken up so long after it should have ends the record.
const UNHEEDED: Duration = Duration::from_secs(60);
/// A rejoin that has not ended by then is not waited for.
const REJOIN_LIMIT: Duration = Duration::from_secs(30);
/// A heal that has not ended by then is forgotten; reports open another one.
const HEAL_LIMIT: Duration = Duration::from_secs(40);
/// Heals remembered, so that none is carried out twice.
const REMEMBERED: usize = 64;

/// What is to become of the parts of a cluster that was split.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HealPlan {
    /// Oldest node of the surviving part.
    pub coordinator: NodeId,
    /// Nodes outside of the surviving part, which rejoin.
    pub rejoin: BTreeSet<NodeId>,
    /// The parts, the surviving one first.
    pub parts: Vec<BTreeSet<NodeId>>,
}

/// Picks the surviving part: the largest; of equal ones that with the oldest node (first in `by_age`). `None` without a view of a
/// node that is up.
#[must_use]
pub fn heal_plan(views: &[BTreeSet<NodeId>], by_age: &[NodeId]) -> Option<HealPlan> {
    let age = |part: &BTreeSet<NodeId>| by_age.iter().position(|node| part.contains(node));
    let mut parts: Vec<_> = views.to_vec();
    sort::sort_by_key(&mut parts, |part| {
        (std::cmp::Reverse(part.len()), age(part).unwrap_or(usize::MAX))
    });
    parts.dedup();
    let survivor = parts.first()?;
    let coordinator = *by_age.iter().find(|node| survivor.contains(*node))?;
    let rejoin = by_age.iter().filter(|node| !survivor.contains(*node)).copied().collect();
    Some(HealPlan { coordinator, rejoin, parts })
}

/// The cluster as autoheal has to know it.
#[derive(Clone, Debug)]
pub(crate) struct Surroundings {
    pub(crate) me: Guid,
    /// Nodes that are up here, this one among them, the oldest first: so the first one leads.
    pub(crate) up: Vec<NodeId>,
    /// Every member is up here.
    pub(crate) whole: bool,
}

impl Surroundings {
    fn leads(&self) -> bool {
        self.up.first() == Some(&self.me.node)
    }
}

/// What autoheal wants.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    /// Say this to a node, which may be this one.
    Send(NodeId, HealFrame),
    /// Take all copies anew; [`Autoheal::on_rejoined`] when they are there.
    Rejoin { restart: bool },
    /// Tell the user.
    Tell(HealEvent),
}

/// What a user is told of a heal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum HealEvent<N = NodeId> {
    /// A node that this one had lost is back in the same process life.
    Inconsistent(N),
    /// This node reported the partition.
    Reported {
        /// To whom.
        leader: N,
        /// Whom it had lost.
        lost: Vec<N>,
    },
    /// All are back, and the leader has not taken up what this node reported: it does not any more.
    Unheeded(N),
    /// This node leads a heal and waits until all members are up.
    Opened,
    /// The split view: the parts, the surviving one first, and who coordinates.
    SplitView {
        /// The parts.
        parts: Vec<Vec<N>>,
        /// Who coordinates.
        coordinator: N,
        /// Who is to rejoin.
        rejoin: Vec<N>,
    },
    /// This node rejoins.
    Rejoining,
    /// The heal is over.
    Healed {
        /// The parts.
        parts: Vec<Vec<N>>,
        /// Who rejoined.
        rejoined: Vec<N>,
    },
    /// This node led a heal that did not end in time.
    GivenUp,
}

#[derive(Clone, Debug)]
struct Split {
    number: u64,
    lost: BTreeMap<NodeId, u64>,
    back: BTreeSet<NodeId>,
    reach: BTreeSet<NodeId>,
    since: Time,
    report_at: Option<Time>,
    told: Option<Told>,
}

/// To whom a record was reported.
#[derive(Clone, Copy, Debug)]
struct Told {
    leader: NodeId,
    number: u64,
    since: Time,
    times: u32,
}

#[derive(Clone, Debug)]
enum Phase {
    /// Until when at least, and at most.
    Waiting(Time, Time),
    /// Who was asked and has not answered; what was answered; until when.
    Views(BTreeSet<NodeId>, BTreeMap<NodeId, BTreeSet<NodeId>>, Time),
    /// The coordinator has it, until when.
    Handed(Time),
}

#[derive(Clone, Debug)]
struct Leading {
    id: HealId,
    phase: Phase,
}

#[derive(Clone, Debug)]
struct Coordinating {
    id: HealId,
    waiting: BTreeSet<NodeId>,
    rejoined: BTreeSet<NodeId>,
    parts: Vec<Vec<NodeId>>,
    until: Time,
}

#[derive(Clone, Copy, Debug)]
struct Rejoining {
    id: HealId,
    coordinator: NodeId,
    until: Time,
}

/// The last heal that ended, as this node heard of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LastHeal<N = NodeId> {
    /// Which one.
    pub id: HealId,
    /// When.
    pub at: Time,
    /// The parts, the surviving one first.
    pub parts: Vec<Vec<N>>,
    /// Who rejoined.
    pub rejoined: Vec<N>,
}

/// The state of heals at a node, for its status.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HealStatus<N = NodeId> {
    /// Whom this node lost and has not healed with yet, and since when.
    pub split: Option<(Vec<N>, Time)>,
    /// This node rejoins at the moment.
    pub healing: bool,
    /// Heals this node led, heals that ended, and times it rejoined.
    pub led: u64,
    /// See `led`.
    pub healed: u64,
    /// See `led`.
    pub rejoined: u64,
    /// The last one that ended.
    pub last: Option<LastHeal<N>>,
}

/// Autoheal of one node.
#[derive(Debug)]
pub(crate) struct Autoheal {
    enabled: bool,
    confirm: Duration,
    delay: Duration,
    max_wait: Duration,
    action: HealAction,
    splits: u64,
    split: Option<Split>,
    /// The record that was told for a heal.
    answered: Option<(HealId, u64)>,
    leading: Option<Leading>,
    coordinating: Option<Coordinating>,
    rejoining: Option<Rejoining>,
    /// Heals for which this node rejoined.
    done: VecDeque<HealId>,
    led: u64,
    healed: u64,
    rejoined: u64,
    last: Option<LastHeal>,
}

impl Autoheal {
    pub(crate) fn new(settings: &Settings) -> Self {
        Self {
            enabled: settings.autoheal,
            confirm: settings.heal_confirm,
            delay: settings.heal_delay,
            max_wait: settings.heal_max_wait,
            action: settings.heal_action,
            splits: 0,
            split: None,
            answered: None,
            leading: None,
            coordinating: None,
            rejoining: None,
            done: VecDeque::new(),
            led: 0,
            healed: 0,
            rejoined: 0,
            last: None,
        }
    }

    /// Heals that this node led in this life: the number of the last one.
    pub(crate) fn led(&self) -> u64 {
        self.led
    }

    /// The process before led so many heals. Others remember them, and take none of the same age and number for another one.
    pub(crate) fn go_on(&mut self, led: u64) {
        self.led = led;
    }

    /// A member was lost; `reach` is what is left, this node included.
    pub(crate) fn on_lost(
        &mut self,
        node: NodeId,
        incarnation: u64,
        reach: BTreeSet<NodeId>,
        now: Time,
    ) {
        if let Some(coordinating) = &mut self.coordinating {
            coordinating.waiting.remove(&node);
        }
        if let Some(Leading { phase: Phase::Views(asked, ..), .. }) = &mut self.leading {
            asked.remove(&node);
        }
        let told = self.answered.map(|(_, number)| number);
        let number = match &self.split {
            // What was told for a heal ends with it; this loss is news.
            Some(split) if Some(split.number) != told => split.number,
            Some(_) | None => {
                self.splits += 1;
                self.splits
            }
        };
        let split = self.split.get_or_insert_with(|| Split {
            number,
            lost: BTreeMap::new(),
            back: BTreeSet::new(),
            reach: BTreeSet::new(),
            since: now,
            report_at: None,
            told: None,
        });
        split.number = number;
        split.lost.insert(node, incarnation);
        split.back.remove(&node);
        split.reach = reach;
    }

    /// A member is up.
    pub(crate) fn on_up(&mut self, node: NodeId, incarnation: u64, now: Time, out: &mut Vec<Step>) {
        let Some(split) = &mut self.split else { return };
        // Another one may lead from here on.
        if let Some(at) = &mut split.report_at {
            *at = (*at).min(now + self.delay.max(LOOK_EVERY));
        }
        match split.lost.get(&node) {
            Some(lost) if *lost == incarnation => {
                split.back.insert(node);
                split.report_at.get_or_insert(now + self.confirm);
                out.push(Step::Tell(HealEvent::Inconsistent(node)));
            }
            Some(_) => self.on_gone(node),
            None => {}
        }
    }

    /// The process life of a lost node is over, or it is no member any more: nothing to heal with it.
    pub(crate) fn on_gone(&mut self, node: NodeId) {
        if let Some(split) = &mut self.split {
            split.lost.remove(&node);
            split.back.remove(&node);
            if split.lost.is_empty() {
                self.split = None;
            }
        }
    }

    pub(crate) fn deadline(&self) -> Option<Time> {
        let report = self.split.as_ref().and_then(|split| split.report_at);
        let leading = self.leading.as_ref().map(|leading| match &leading.phase {
            Phase::Views(asked, ..) if asked.is_empty() => Time::ZERO,
            Phase::Waiting(at, _) | Phase::Views(_, _, at) | Phase::Handed(at) => *at,
        });
        let coordinating = self.coordinating.as_ref();
        let coordinating =
            coordinating.map(|c| if c.waiting.is_empty() { Time::ZERO } else { c.until });
        let rejoining = self.rejoining.map(|r| r.until);
        [report, leading, coordinating, rejoining].into_iter().flatten().min()
    }

    pub(crate) fn on_deadline(&mut self, around: &Surroundings, now: Time, out: &mut Vec<Step>) {
        self.report(around, now, out);
        self.lead(around, now, out);
        self.end_coordination(around, now, out);
        if self.rejoining.is_some_and(|rejoining| rejoining.until <= now) {
            // Copies that are still missing come by the usual way.
            self.on_rejoined(out);
        }
    }

    fn report(&mut self, around: &Surroundings, now: Time, out: &mut Vec<Step>) {
        let Some(split) = &mut self.split else { return };
        if split.report_at.is_none_or(|at| at > now) {
            return;
        }
        split.report_at = None;
        if !split.back.iter().any(|node| around.up.contains(node)) {
            // Gone again; the next return starts anew.
            return;
        }
        if !self.enabled {
            if split.back.len() == split.lost.len() {
                self.split = None;
            }
            return;
        }
        let Some(leader) = around.up.first().copied() else { return };
        let lost: Vec<_> = split.lost.keys().copied().collect();
        let known = |told: &Told| (told.leader, told.number) == (leader, split.number);
        let mut told = split.told.filter(known).unwrap_or_else(|| {
            out.push(Step::Tell(HealEvent::Reported { leader, lost: lost.clone() }));
            Told { leader, number: split.number, since: now, times: 0 }
        });
        let patience = self.delay + self.max_wait.max(self.delay) + UNHEEDED;
        if now.since(told.since) >= patience && split.back.len() == lost.len() {
            // All are back, and this node alone wants to hear of it.
            self.split = None;
            return out.push(Step::Tell(HealEvent::Unheeded(leader)));
        }
        let first = self.delay.max(LOOK_EVERY);
        let pause = first * 2_u32.pow(told.times.min(8));
        split.report_at = Some(now + pause.min(REPORT_MAX.max(first)));
        told.times += 1;
        split.told = Some(told);
        out.push(Step::Send(leader, HealFrame::Report { number: split.number, lost }));
    }

    fn lead(&mut self, around: &Surroundings, now: Time, out: &mut Vec<Step>) {
        let Some(leading) = &mut self.leading else { return };
        let id = leading.id;
        match &mut leading.phase {
            Phase::Waiting(at, last) if *at <= now => {
                if !around.whole && *last > now {
                    *at = (now + LOOK_EVERY).min(*last);
                    return;
                }
                let asked: BTreeSet<_> = around.up.iter().copied().collect();
                out.extend(asked.iter().map(|to| Step::Send(*to, HealFrame::ViewReq(id))));
                leading.phase = Phase::Views(asked, BTreeMap::new(), now + VIEWS_LIMIT);
            }
            Phase::Views(asked, _, until) if *until <= now || asked.is_empty() => {
                self.decide(around, now, out);
            }
            Phase::Handed(until) if *until <= now => {
                self.leading = None;
                out.push(Step::Tell(HealEvent::GivenUp));
            }
            Phase::Waiting(..) | Phase::Views(..) | Phase::Handed(_) => {}
        }
    }

    /// The leader has the views.
    fn decide(&mut self, around: &Surroundings, now: Time, out: &mut Vec<Step>) {
        let Some(leading) = &mut self.leading else { return };
        let Phase::Views(_, views, _) = &leading.phase else { return };
        let views: Vec<_> = views.values().cloned().collect();
        let Some(plan) = heal_plan(&views, &around.up) else {
            self.leading = None;
            return;
        };
        let mut rejoin: Vec<_> = plan.rejoin.into_iter().collect();
        let parts: Vec<Vec<_>> =
            plan.parts.into_iter().map(|part| part.into_iter().collect()).collect();
        let (coordinator, id) = (plan.coordinator, leading.id);
        leading.phase = Phase::Handed(now + HEAL_LIMIT);
        out.push(Step::Tell(HealEvent::SplitView {
            parts: parts.clone(),
            coordinator,
            rejoin: rejoin.clone(),
        }));
        if self.action == HealAction::Report {
            rejoin.clear();
        }
        out.push(Step::Send(coordinator, HealFrame::Plan { id, rejoin, parts }));
    }

    fn end_coordination(&mut self, around: &Surroundings, now: Time, out: &mut Vec<Step>) {
        let over = self.coordinating.take_if(|c| c.waiting.is_empty() || c.until <= now);
        let Some(Coordinating { id, rejoined, parts, .. }) = over else { return };
        let rejoined: Vec<_> = rejoined.into_iter().collect();
        let done = |to: &NodeId| {
            let (rejoined, parts) = (rejoined.clone(), parts.clone());
            Step::Send(*to, HealFrame::Done { id, rejoined, parts })
        };
        out.extend(around.up.iter().map(done));
    }

    /// A node says something about a heal.
    pub(crate) fn on_frame(
        &mut self,
        (from, frame): (NodeId, HealFrame),
        around: &Surroundings,
        now: Time,
        out: &mut Vec<Step>,
    ) {
        match frame {
            HealFrame::Report { .. } => self.on_report(around, now, out),
            HealFrame::ViewReq(id) => {
                let number = self.split.as_ref().map_or(0, |split| split.number);
                if let Some(split) = &mut self.split {
                    // Should nothing come of it, it is reported as if it was the first time.
                    split.told = None;
                }
                let set = self.split.as_ref().map_or_else(
                    || around.up.clone(),
                    |split| split.reach.iter().copied().collect(),
                );
                self.answered = Some((id, number));
                out.push(Step::Send(from, HealFrame::ViewRep { id, number, set }));
            }
            HealFrame::ViewRep { id, set, .. } => {
                if self.take_view(from, id, set) {
                    self.decide(around, now, out);
                }
            }
            HealFrame::Plan { id, rejoin, parts } => {
                self.on_plan((id, rejoin, parts), around, now, out);
            }
            HealFrame::Rejoin(id) => self.on_rejoin(from, id, now, out),
            HealFrame::RejoinOk(id) => {
                let ours = self.coordinating.as_mut().filter(|c| c.id == id);
                if let Some(coordinating) = ours
                    && coordinating.waiting.remove(&from)
                {
                    coordinating.rejoined.insert(from);
                    self.end_coordination(around, now, out);
                }
            }
            HealFrame::Done { id, rejoined, parts } => {
                self.on_done(id, (rejoined, parts), now, out);
            }
        }
    }

    fn on_report(&mut self, around: &Surroundings, now: Time, out: &mut Vec<Step>) {
        // A report on its way to a leader that leads no more is repeated to the next.
        if !self.enabled || self.leading.is_some() || !around.leads() {
            return;
        }
        self.led += 1;
        let id = HealId { leader: around.me, number: self.led };
        let phase = Phase::Waiting(now + self.delay, now + self.max_wait.max(self.delay));
        self.leading = Some(Leading { id, phase });
        out.push(Step::Tell(HealEvent::Opened));
    }

    /// True: it was the last one that was awaited.
    fn take_view(&mut self, from: NodeId, id: HealId, set: Vec<NodeId>) -> bool {
        let leading = self.leading.as_mut().filter(|leading| leading.id == id);
        let Some(Leading { phase: Phase::Views(asked, views, _), .. }) = leading else {
            return false;
        };
        let awaited = asked.remove(&from);
        if awaited {
            views.insert(from, set.into_iter().collect());
        }
        awaited && asked.is_empty()
    }

    fn on_plan(
        &mut self,
        (id, rejoin, parts): (HealId, Vec<NodeId>, Vec<Vec<NodeId>>),
        around: &Surroundings,
        now: Time,
        out: &mut Vec<Step>,
    ) {
        if self.coordinating.as_ref().is_some_and(|c| c.id == id) {
            return;
        }
        let here = |node: &NodeId| *node != around.me.node && around.up.contains(node);
        let waiting: BTreeSet<_> = rejoin.into_iter().filter(here).collect();
        out.extend(waiting.iter().map(|to| Step::Send(*to, HealFrame::Rejoin(id))));
        let (rejoined, until) = (BTreeSet::new(), now + REJOIN_LIMIT);
        self.coordinating = Some(Coordinating { id, waiting, rejoined, parts, until });
        self.end_coordination(around, now, out);
    }

    fn on_rejoin(&mut self, from: NodeId, id: HealId, now: Time, out: &mut Vec<Step>) {
        if self.done.contains(&id) {
            return out.push(Step::Send(from, HealFrame::RejoinOk(id)));
        }
        if self.rejoining.is_some() {
            // One after the other; whoever asked repeats it with the next heal.
            return;
        }
        self.rejoining = Some(Rejoining { id, coordinator: from, until: now + REJOIN_LIMIT });
        self.rejoined += 1;
        out.push(Step::Tell(HealEvent::Rejoining));
        out.push(Step::Rejoin { restart: self.action == HealAction::Restart });
    }

    /// Whether copies are awaited.
    pub(crate) fn is_rejoining(&self) -> bool {
        self.rejoining.is_some()
    }

    /// All copies are new.
    pub(crate) fn on_rejoined(&mut self, out: &mut Vec<Step>) {
        let Some(Rejoining { id, coordinator, .. }) = self.rejoining.take() else { return };
        self.close(id);
        if self.done.len() == REMEMBERED {
            self.done.pop_front();
        }
        self.done.push_back(id);
        out.push(Step::Send(coordinator, HealFrame::RejoinOk(id)));
    }

    fn on_done(
        &mut self,
        id: HealId,
        (rejoined, parts): (Vec<NodeId>, Vec<Vec<NodeId>>),
        now: Time,
        out: &mut Vec<Step>,
    ) {
        self.close(id);
        self.leading.take_if(|leading| leading.id == id);
        if self.last.as_ref().is_some_and(|last| last.id == id) {
            return;
        }
        self.healed += 1;
        self.last =
            Some(LastHeal { id, at: now, parts: parts.clone(), rejoined: rejoined.clone() });
        out.push(Step::Tell(HealEvent::Healed { parts, rejoined }));
    }

    /// The record that was told for this heal is over.
    fn close(&mut self, id: HealId) {
        let Some((_, number)) = self.answered.take_if(|(answered, _)| *answered == id) else {
            return;
        };
        self.split.take_if(|split| split.number == number);
    }

    /// This node is alone by its own will: nothing to heal.
    pub(crate) fn clear(&mut self) {
        self.split = None;
        self.leading = None;
        self.coordinating = None;
        self.rejoining = None;
        self.answered = None;
    }

    pub(crate) fn status(&self) -> HealStatus {
        HealStatus {
            split: self.split.as_ref().map(|s| (s.lost.keys().copied().collect(), s.since)),
            healing: self.is_rejoining(),
            led: self.led,
            healed: self.healed,
            rejoined: self.rejoined,
            last: self.last.clone(),
        }
    }
}

#[cfg(test)]
mod tests;
