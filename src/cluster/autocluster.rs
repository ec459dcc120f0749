//! Autocluster: whom to dial, and how often.
//!
//! Of two nodes the one with the smaller name dials at once and the other after 500 ms, so most pairs get one connection.
//! Retries go from 250 ms, doubling, to 5 s; after a refusal from 1 s to 60 s; all of them give or take 20 %.

use std::{collections::BTreeMap, net::SocketAddr, time::Duration};

use super::node_name::NodeName;
use crate::{
    sort,
    time::Time,
    topic::hashing::{GOLDEN, spread},
};

const YIELD: Duration = Duration::from_millis(500);
/// An attempt under way for this long is hastened when the other end is heard: it is stuck in the retries of the kernel, which
/// go by whole seconds.
const STUCK: Duration = Duration::from_millis(400);
/// Nodes known from datagrams alone: so many are dialled at once, those first that have waited longest.
const SIGHTED_AT_ONCE: usize = 8;
/// Addresses kept of a node that is heard.
const SIGHTED_ADDRS: usize = 16;
/// After a knock: a pause, so that who only pretends to be a member does not set the pace.
const KNOCKED: Duration = Duration::from_millis(100);
const RETRY: (Duration, Duration) = (Duration::from_millis(250), Duration::from_secs(5));
const REFUSED: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(60));
/// What discovery alone knows and no longer names is dialled for so long: pods and leases come and go under ever new names.
const HINT: Duration = Duration::from_secs(300);
/// Most nodes that discovery alone knows; the one named longest ago goes first. Nothing vouches for its answers.
const HINTS: usize = 1024;

/// Where a node may be reached.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    /// The node that must answer.
    pub name: NodeName,
    /// Its mesh port, if it is not the one that its name stands for.
    pub port: Option<u16>,
    /// Addresses it has told of, tried after the one that its name stands for.
    pub addrs: Vec<SocketAddr>,
}

/// How soon to try again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Pace {
    /// Not reached.
    Retry,
    /// Reached and refused.
    Refused,
    /// Refused for a reason that only an operator can change, or forgotten: once a minute.
    Slow,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Due(Time),
    UnderWay { since: Time },
    Linked,
}

#[derive(Debug)]
struct Entry {
    target: Target,
    state: State,
    tries: u32,
    slow: bool,
    /// The last attempt reached the node and was refused.
    refused: bool,
    /// When discovery named it last; `None` when it is known from elsewhere, or was linked.
    hinted: Option<Time>,
    /// It is known from datagrams alone.
    sighted: bool,
}

/// Chance that is the same in every run: a generator that the shell seeds.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Dice(u64);

impl Dice {
    pub(crate) const fn new(seed: u64) -> Self {
        Self(seed)
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(GOLDEN);
        spread(self.0)
    }

    /// From 0 to `end`, without that.
    pub(super) fn below(&mut self, end: u64) -> u64 {
        self.next() % end.max(1)
    }

    /// `span`, give or take 20 %.
    pub(crate) fn about(&mut self, span: Duration) -> Duration {
        span * (u32::try_from(self.below(41)).unwrap_or_default() + 80) / 100
    }
}

/// The nodes to be linked with.
#[derive(Debug)]
pub(crate) struct Autocluster {
    me: NodeName,
    entries: BTreeMap<NodeName, Entry>,
    dice: Dice,
}

impl Autocluster {
    pub(crate) fn new(me: NodeName, seed: u64) -> Self {
        Self { me, entries: BTreeMap::new(), dice: Dice(seed) }
    }

    /// A node to be linked with; where it is known already, its addresses are taken over.
    pub(crate) fn want(&mut self, target: Target, now: Time) {
        if target.name == self.me {
            return;
        }
        let entry = self.entry(&target, now);
        (entry.hinted, entry.sighted) = (None, false);
        entry.target.port = target.port.or(entry.target.port);
        if !target.addrs.is_empty() {
            entry.target.addrs = target.addrs;
        }
    }

    /// A datagram told of a node: it is dialled soon, wherever the retries are, unless it refused. `revive`: it was forgotten.
    pub(crate) fn sight(&mut self, target: Target, revive: bool, now: Time) {
        let (name, new) = (target.name.clone(), !self.entries.contains_key(&target.name));
        let (port, mut addrs) = (target.port, target.addrs.clone());
        let known = self.entries.get(&name).map(|entry| entry.target.addrs.clone());
        let known = known.unwrap_or_default();
        self.hint(vec![target], now);
        if let Some(entry) = self.entries.get_mut(&name) {
            entry.sighted |= new;
            // Who refused at the old address may not have been the node.
            entry.refused &= addrs.iter().all(|addr| known.contains(addr));
            // A datagram may be a replay: what was known before is tried too.
            addrs.extend(known.into_iter().filter(|addr| !entry.target.addrs.contains(addr)));
            addrs.truncate(SIGHTED_ADDRS);
            (entry.target.port, entry.target.addrs) = (port, addrs);
        }
        self.on_heard(&name, revive, now);
    }

    fn entry(&mut self, target: &Target, now: Time) -> &mut Entry {
        let first = if self.me < target.name { now } else { now + YIELD };
        self.entries.entry(target.name.clone()).or_insert_with(|| Entry {
            target: target.clone(),
            state: State::Due(first),
            tries: 0,
            slow: false,
            refused: false,
            hinted: None,
            sighted: false,
        })
    }

    /// Discovery names these nodes. It may be wrong, and does not say when a node is gone.
    pub(crate) fn hint(&mut self, targets: Vec<Target>, now: Time) {
        for target in targets {
            let name = target.name.clone();
            let entry = self.entries.get(&name);
            let known = entry.is_some_and(|entry| entry.hinted.is_none());
            let sighted = entry.is_some_and(|entry| entry.sighted);
            self.want(target, now);
            if let Some(entry) = self.entries.get_mut(&name).filter(|_| !known) {
                (entry.hinted, entry.sighted) = (Some(now), sighted);
            }
        }
        self.entries.retain(|_, entry| entry.hinted.is_none_or(|at| now < at + HINT));
        let hints = self.entries.iter().filter_map(|(name, entry)| Some((entry.hinted?, name)));
        let mut hints: Vec<_> = hints.map(|(at, name)| (at, name.clone())).collect();
        sort::sort(&mut hints);
        for (_, name) in hints.iter().take(hints.len().saturating_sub(HINTS)) {
            self.entries.remove(name);
        }
    }

    /// The operator wants it: now, whatever the pace.
    pub(crate) fn hurry(&mut self, name: &NodeName, now: Time) {
        if let Some(entry) = self.entries.get_mut(name) {
            entry.slow = false;
            entry.refused = false;
            entry.tries = 0;
            if let State::Due(at) = &mut entry.state {
                *at = now;
            }
        }
    }

    /// This node has new certificates: where it was refused it may be let in now.
    pub(crate) fn hurry_refused(&mut self, now: Time) {
        for entry in self.entries.values_mut().filter(|entry| entry.refused && !entry.slow) {
            entry.refused = false;
            entry.tries = 0;
            if let State::Due(at) = &mut entry.state {
                *at = now;
            }
        }
    }

    /// The node is heard: nothing is in the way any more, unless it refused. `revive`: it was forgotten, and is back.
    pub(crate) fn on_heard(&mut self, name: &NodeName, revive: bool, now: Time) {
        let wait = if self.me < *name { Duration::ZERO } else { YIELD };
        let Some(entry) = self.entries.get_mut(name).filter(|entry| !entry.refused) else { return };
        entry.slow &= !revive;
        if entry.slow {
            return;
        }
        match &mut entry.state {
            State::Due(at) => *at = (*at).min(now + wait),
            State::UnderWay { since } if *since + STUCK + wait <= now => {
                entry.state = State::Due(now);
            }
            State::UnderWay { .. } | State::Linked => {}
        }
    }

    /// The node came and could not get in, but may take this one in. One that refused this node too is not asked again by this:
    /// two that refuse each other would go on for ever.
    pub(crate) fn on_knock(&mut self, name: &NodeName, now: Time) {
        let Some(entry) = self.entries.get_mut(name) else { return };
        if let State::Due(at) = &mut entry.state
            && !(entry.refused || entry.slow)
        {
            *at = (*at).min(now + KNOCKED);
        }
    }

    /// The node was forgotten: tried once a minute from now on.
    pub(crate) fn slow_down(&mut self, name: &NodeName, now: Time) {
        if let Some(entry) = self.entries.get_mut(name) {
            entry.slow = true;
            if matches!(entry.state, State::Due(_)) {
                entry.state = State::Due(now + self.dice.about(REFUSED.1));
            }
        }
    }

    /// No longer to be linked with.
    pub(crate) fn forget(&mut self, name: &NodeName) {
        self.entries.remove(name);
    }

    /// Nobody is to be dialled any more.
    pub(crate) fn clear(&mut self) {
        self.entries.clear();
    }

    /// There is a link.
    pub(crate) fn on_linked(&mut self, name: &NodeName) {
        if let Some(entry) = self.entries.get_mut(name) {
            *entry = Entry {
                target: entry.target.clone(),
                state: State::Linked,
                tries: 0,
                slow: false,
                refused: false,
                hinted: None,
                sighted: false,
            };
        }
    }

    /// The link is gone.
    pub(crate) fn on_lost(&mut self, name: &NodeName, now: Time) {
        if let Some(entry) = self.entries.get_mut(name) {
            let wait = if self.me < *name { Duration::ZERO } else { YIELD };
            entry.state = State::Due(now + self.dice.about(RETRY.0) + wait);
        }
    }

    /// Dialling failed, or the link was refused.
    pub(crate) fn on_failed(&mut self, name: &NodeName, pace: Pace, now: Time) {
        let Some(entry) = self.entries.get_mut(name) else { return };
        entry.slow |= pace == Pace::Slow;
        entry.refused = pace != Pace::Retry;
        let (from, to) = if pace == Pace::Retry { RETRY } else { REFUSED };
        let wait = if entry.slow { REFUSED.1 } else { (from * (1 << entry.tries.min(6))).min(to) };
        entry.tries += 1;
        entry.state = State::Due(now + self.dice.about(wait));
    }

    /// Whether it is known from datagrams alone.
    pub(crate) fn is_sighted(&self, name: &NodeName) -> bool {
        self.entries.get(name).is_some_and(|entry| entry.sighted)
    }

    /// Whether the first attempt has not ended yet.
    pub(crate) fn is_first_try(&self, name: &NodeName) -> bool {
        self.entries.get(name).is_some_and(|e| e.tries == 0 && e.state != State::Linked)
    }

    /// Whether the last attempt reached it and was refused.
    pub(crate) fn is_refused(&self, name: &NodeName) -> bool {
        self.entries.get(name).is_some_and(|entry| entry.refused && entry.state != State::Linked)
    }

    pub(crate) fn deadline(&self) -> Option<Time> {
        let room = self.sighted_room() > 0;
        // One that waits for room is looked at when a dial ends.
        let entries = self.entries.values().filter(|entry| room || !entry.sighted);
        let due = entries.filter_map(|entry| match entry.state {
            State::Due(at) => Some(at),
            State::UnderWay { .. } | State::Linked => None,
        });
        due.min()
    }

    /// How many more nodes that are known from datagrams alone may be dialled now.
    fn sighted_room(&self) -> usize {
        let is_under_way = |entry: &&Entry| matches!(entry.state, State::UnderWay { .. });
        let sighted = self.entries.values().filter(|entry| entry.sighted);
        SIGHTED_AT_ONCE.saturating_sub(sighted.filter(is_under_way).count())
    }

    /// Pushes whom to dial now. Each ends in `on_linked` or `on_failed`; one that is under way is hastened.
    pub(crate) fn on_deadline(&mut self, now: Time, out: &mut Vec<Target>) {
        let mut room = self.sighted_room();
        let due = self.entries.values_mut().filter_map(|entry| match entry.state {
            State::Due(at) if at <= now => Some((at, entry)),
            State::Due(_) | State::UnderWay { .. } | State::Linked => None,
        });
        let mut due: Vec<_> = due.collect();
        // Of those due at the same time the order stays that of the names.
        sort::sort_by_key(&mut due, |(at, _)| *at);
        for (_, entry) in due {
            if entry.sighted {
                if room == 0 {
                    continue;
                }
                room -= 1;
            }
            entry.state = State::UnderWay { since: now };
            out.push(entry.target.clone());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(text: &str) -> NodeName {
        NodeName::parse(text).unwrap()
    }

    fn target(text: &str) -> Target {
        Target { name: name(text), port: None, addrs: Vec::new() }
    }

    #[test]
    fn the_smaller_name_dials_at_once() {
        let mut out = Vec::new();
        let mut dialer = Autocluster::new(name("b@h"), 1);
        for seed in ["a@h", "b@h", "c@h"] {
            dialer.want(target(seed), Time::ZERO);
        }
        dialer.on_deadline(Time::ZERO, &mut out);
        assert_eq!(out, [target("c@h")]);
        assert_eq!(dialer.deadline(), Some(Time::ZERO + YIELD));
    }

    #[test]
    fn hints_are_bounded_and_seeds_are_not_among_them() {
        let mut dialer = Autocluster::new(name("a@h"), 1);
        dialer.want(target("seed@h"), Time::ZERO);
        for n in 0..2_000 {
            dialer.sight(target(&format!("x{n}@h")), false, Time::from_ms(n));
        }
        assert_eq!(dialer.entries.len(), HINTS + 1);
        let mut out = Vec::new();
        dialer.on_deadline(Time::from_ms(3_000), &mut out);
        assert_eq!(out.len(), SIGHTED_AT_ONCE + 1);
        assert_eq!(dialer.deadline(), None, "no busy loop");
        for found in out.drain(..) {
            dialer.on_failed(&found.name, Pace::Retry, Time::from_ms(3_100));
        }
        assert!(dialer.deadline().unwrap() < Time::from_ms(3_000));
        dialer.on_deadline(Time::from_ms(3_250), &mut out);
        assert!(out.iter().filter(|t| t.name != name("seed@h")).count() <= SIGHTED_AT_ONCE);
    }

    /// The first names are heard again and again, and dialled in vain: the last ones get their turn all the same.
    #[test]
    fn nobody_who_is_heard_starves() {
        const NODES: u64 = 40;
        let mut dialer = Autocluster::new(name("a@h"), 1);
        let mut dialled = std::collections::BTreeSet::new();
        let mut out = Vec::new();
        for round in 0..2 * NODES / SIGHTED_AT_ONCE as u64 {
            let now = Time::from_ms(round * 1_000);
            for n in 0..NODES {
                dialer.sight(target(&format!("x{n:02}@h")), false, now);
            }
            dialer.on_deadline(now, &mut out);
            assert_eq!(out.len(), SIGHTED_AT_ONCE);
            for found in out.drain(..) {
                dialer.on_failed(&found.name, Pace::Retry, now + Duration::from_millis(500));
                dialled.insert(found.name);
            }
        }
        assert_eq!(dialled.len() as u64, NODES);
    }

    #[test]
    fn who_is_heard_is_dialled_at_once_whatever_the_retries() {
        let mut dialer = Autocluster::new(name("a@h"), 1);
        let other = name("b@h");
        dialer.want(target("b@h"), Time::ZERO);
        let mut out = Vec::new();
        dialer.on_deadline(Time::ZERO, &mut out);
        (0..6).for_each(|_| dialer.on_failed(&other, Pace::Retry, Time::ZERO));
        assert!(dialer.deadline().unwrap() > Time::from_ms(3_000));
        let addrs = vec!["10.0.0.2:4370".parse().unwrap()];
        dialer.sight(Target { addrs: addrs.clone(), ..target("b@h") }, false, Time::from_ms(500));
        assert_eq!(dialer.deadline(), Some(Time::from_ms(500)));
        out.clear();
        dialer.on_deadline(Time::from_ms(500), &mut out);
        assert_eq!(out[0].addrs, addrs);
        dialer.on_failed(&other, Pace::Refused, Time::from_ms(600));
        let elsewhere = vec!["10.0.0.9:4370".parse().unwrap()];
        dialer.sight(Target { addrs, ..target("b@h") }, false, Time::from_ms(700));
        assert!(dialer.deadline().unwrap() > Time::from_ms(1_000), "who refuses has its own pace");
        let at = Time::from_ms(800);
        dialer.sight(Target { addrs: elsewhere, ..target("b@h") }, false, at);
        assert_eq!(dialer.deadline(), Some(at), "it may be another one that refused");
        out.clear();
        dialer.on_deadline(at, &mut out);
        assert_eq!(out[0].addrs.len(), 2, "the old address is not forgotten");
    }

    #[test]
    fn what_discovery_no_longer_names_is_forgotten_unless_it_was_linked() {
        let mut dialer = Autocluster::new(name("a@h"), 1);
        dialer.hint(vec![target("b@h"), target("c@h"), target("d@h")], Time::ZERO);
        dialer.want(target("e@h"), Time::ZERO);
        dialer.on_linked(&name("c@h"));
        let later = Time::ZERO + HINT;
        let before = Time::ZERO + HINT.saturating_sub(Duration::from_millis(1));
        dialer.hint(vec![target("d@h"), target("e@h")], before);
        let known = |dialer: &Autocluster| -> Vec<String> {
            dialer.entries.keys().map(ToString::to_string).collect()
        };
        assert_eq!(known(&dialer), ["b@h", "c@h", "d@h", "e@h"]);
        dialer.hint(vec![], later);
        assert_eq!(known(&dialer), ["c@h", "d@h", "e@h"]);
        dialer.hint(vec![], later + HINT);
        assert_eq!(known(&dialer), ["c@h", "e@h"]);
    }

    #[test]
    fn discovery_fills_a_bounded_table() {
        let mut dialer = Autocluster::new(name("a@h"), 1);
        dialer.want(target("member@h"), Time::ZERO);
        for n in 0..=HINTS {
            let at = Time::ZERO + Duration::from_millis(n.try_into().unwrap());
            dialer.hint(vec![target(&format!("n{n}@h"))], at);
        }
        assert_eq!(dialer.entries.len(), HINTS + 1);
        assert!(!dialer.entries.contains_key(&name("n0@h")), "named longest ago");
        assert!(dialer.entries.contains_key(&name("member@h")));
    }

    #[test]
    fn new_certificates_are_shown_at_once_where_the_old_were_refused() {
        let (mut dialer, mut out) = (Autocluster::new(name("a@h"), 1), Vec::new());
        for (seed, pace) in [("b@h", Pace::Refused), ("c@h", Pace::Retry), ("d@h", Pace::Slow)] {
            dialer.want(target(seed), Time::ZERO);
            dialer.on_deadline(Time::ZERO, &mut out);
            dialer.on_failed(&name(seed), pace, Time::ZERO);
        }
        dialer.slow_down(&name("d@h"), Time::ZERO);
        out.clear();
        dialer.hurry_refused(Time::from_ms(1));
        dialer.on_deadline(Time::from_ms(1), &mut out);
        assert_eq!(out, [target("b@h")]);
    }

    #[test]
    fn a_knock_is_answered_unless_it_was_refused() {
        let mut dialer = Autocluster::new(name("b@h"), 1);
        let (other, now) = (name("a@h"), Time::from_ms(60_000));
        let mut out = Vec::new();
        dialer.want(target("a@h"), Time::ZERO);
        for _ in 0..8 {
            dialer.on_failed(&other, Pace::Retry, now);
        }
        assert!(dialer.deadline().unwrap() > now + Duration::from_secs(3));
        dialer.on_knock(&other, now);
        assert_eq!(dialer.deadline(), Some(now + KNOCKED));
        dialer.on_deadline(now + KNOCKED, &mut out);
        dialer.on_knock(&other, now + KNOCKED);
        assert_eq!((out.len(), dialer.deadline()), (1, None), "one attempt at a time");
        dialer.on_failed(&other, Pace::Refused, now);
        assert!(dialer.is_refused(&other) && !dialer.is_refused(&name("c@h")));
        let due = dialer.deadline();
        dialer.on_knock(&other, now);
        assert_eq!(dialer.deadline(), due);
    }

    #[test]
    fn retries_slow_down_and_start_anew_after_a_link() {
        let mut dialer = Autocluster::new(name("a@h"), 1);
        let other = name("b@h");
        dialer.want(target("b@h"), Time::ZERO);
        let mut now = Time::ZERO;
        let mut waits = Vec::new();
        for _ in 0..8 {
            let mut out = Vec::new();
            dialer.on_deadline(now, &mut out);
            assert_eq!(out.len(), 1);
            dialer.on_failed(&other, Pace::Retry, now);
            let next = dialer.deadline().unwrap();
            waits.push((next - now).as_millis());
            now = next;
        }
        assert!((200..=300).contains(&waits[0]), "{waits:?}");
        assert!((400..=600).contains(&waits[1]), "{waits:?}");
        assert!((4000..=6000).contains(&waits[7]), "{waits:?}");
        dialer.on_linked(&other);
        assert_eq!(dialer.deadline(), None);
        dialer.on_lost(&other, now);
        assert!(dialer.deadline().unwrap() - now <= Duration::from_millis(300));
    }
}
