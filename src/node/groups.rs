//! Shared groups over all nodes (EMQX `emqx_shared_sub`): which node gets a message of a group, and what becomes of the messages
//! of a member that has ended. Which member on the node is chosen in the subscription table.

use std::{
    borrow::Cow,
    collections::HashMap,
    sync::{
        Arc, Mutex, RwLock, RwLockReadGuard,
        atomic::{AtomicBool, AtomicU8, AtomicU64, Ordering},
    },
};

use super::{hub::Hub, locks, mailbox::Mailbox};
use crate::{
    broker::{
        Message, bridge,
        inflight::Awaiting,
        mqueue::Delivery,
        session::Session,
        settings::{GroupStrategies, Settings, SharedStrategy},
        stats::Metric,
        subscriptions::{Choice, SharedMatch},
    },
    cluster::{
        replica::group_weight,
        routes::{Candidate, RouteMatches, SharedMatch as RouteMatch},
        wire::{Envelope, Flags, MessageId, Targets},
    },
    mqtt::QoS,
    topic::{
        Hashing,
        hashing::{GOLDEN, group_number},
        share::Subscription,
    },
};

/// Counters of `round_robin`. Two groups that share one by chance get uneven shares.
const TURNS: usize = 4096;
/// Publishers and groups that `sticky` remembers; when there are more it begins anew.
const STUCK: usize = 16_384;
/// In place of a node: this one.
const HERE: u16 = u16::MAX;

/// The nodes that were chosen for the shared groups of a message.
#[derive(Debug, Default)]
pub(super) struct Chosen {
    /// Node, and place of the group in the matches of the routes.
    pub(super) nodes: Vec<(u16, usize)>,
    /// What the member there is chosen by; 0 for nothing.
    pub(super) key: u64,
}

/// How members of groups are chosen: in all of them, and in those with a strategy of their own.
#[derive(Debug, Default)]
pub(super) struct Strategies {
    /// [`SharedStrategy::number`]
    all: AtomicU8,
    /// There are some.
    some: AtomicBool,
    own: RwLock<GroupStrategies>,
}

impl Strategies {
    /// As a zone has them: all have the same.
    pub(super) fn set(&self, zone: &Settings) {
        self.all.store(zone.shared_strategy.number(), Ordering::Relaxed);
        zone.group_strategies.clone_into(&mut locks::write(&self.own));
        self.some.store(!zone.group_strategies.is_empty(), Ordering::Relaxed);
    }

    pub(super) fn all(&self) -> SharedStrategy {
        SharedStrategy::from_number(self.all.load(Ordering::Relaxed))
    }

    /// Those of single groups; `None` where there are none, as mostly.
    pub(super) fn own(&self) -> Option<RwLockReadGuard<'_, GroupStrategies>> {
        self.some.load(Ordering::Relaxed).then(|| locks::read(&self.own))
    }
}

/// Whom a publisher sticks to in a group: the node and, on this one, the session.
#[derive(Clone, Copy, Debug, Default)]
struct Stuck {
    node: Option<u16>,
    session: Option<u64>,
}

/// What the choices so far were, for the strategies that go by it.
#[derive(Debug)]
pub(super) struct Turns {
    counters: Box<[AtomicU64]>,
    stuck: Mutex<HashMap<(u64, u64), Stuck, Hashing>>,
}

impl Default for Turns {
    fn default() -> Self {
        Self { counters: (0..TURNS).map(|_| AtomicU64::new(0)).collect(), stuck: Mutex::default() }
    }
}

impl Turns {
    /// Counts the messages of a group.
    fn next(&self, group: u64) -> u64 {
        let at = usize::try_from(group % TURNS as u64).unwrap_or(0);
        self.counters.get(at).map_or(0, |counter| counter.fetch_add(1, Ordering::Relaxed))
    }

    fn with<T>(&self, publisher: u64, group: u64, change: impl FnOnce(&mut Stuck) -> T) -> T {
        let mut all = locks::lock(&self.stuck);
        if all.len() >= STUCK && !all.contains_key(&(publisher, group)) {
            all.clear();
        }
        change(all.entry((publisher, group)).or_default())
    }

    /// Puts the member first that `publisher` sticks to; if that is gone, it sticks to the one that stands first.
    pub(super) fn stick(&self, publisher: u64, group: &mut SharedMatch<Arc<Mailbox>>) {
        self.with(publisher, group.number, |stuck| {
            let place = group.members.iter().position(|one| Some(one.session) == stuck.session);
            match place {
                Some(place) => group.first = place,
                None => stuck.session = group.members().next().map(|first| first.session),
            }
        });
    }
}

/// How much a node with `members` of a group counts, as the others are told of it.
fn weight(members: usize) -> u64 {
    group_weight(u32::try_from(members).unwrap_or(u32::MAX)).into()
}

/// The highest of `weight` scores of a node for what is chosen by `number`: the node with the highest gets it (rendezvous
/// hashing), so that all nodes agree, and who comes or goes moves no more than its share.
fn score(number: u64, node: u64, weight: u64) -> u64 {
    let one = |turn: u64| {
        let mixed = (number ^ node ^ turn.wrapping_mul(GOLDEN)).wrapping_mul(0xff51_afd7_ed55_8ccd);
        (mixed ^ mixed >> 33).wrapping_mul(0xc4ce_b9fe_1a85_ec53)
    };
    (1..=weight).map(one).max().unwrap_or(0)
}

/// The nodes with members of one group: this one, and others.
struct Nodes<'a> {
    own: u64,
    others: Cow<'a, [Candidate]>,
}

impl Nodes<'_> {
    /// The node at `number`, where each stands as often as it counts; `None` is this one.
    fn at(&self, number: u64) -> Option<u16> {
        let others: u64 = self.others.iter().map(|one| u64::from(one.weight)).sum();
        let mut pick = (number % (self.own + others).max(1)).checked_sub(self.own)?;
        for one in self.others.iter() {
            pick = match pick.checked_sub(u64::from(one.weight)) {
                Some(left) => left,
                None => return Some(one.node),
            };
        }
        None
    }

    fn has(&self, node: u16) -> bool {
        match node {
            HERE => self.own > 0,
            node => self.others.iter().any(|one| one.node == node),
        }
    }
}

impl Hub {
    /// For each shared group with members on other nodes: picks the node. Groups that go elsewhere are taken out of `local`.
    pub(super) fn choose_nodes(
        &self,
        remote: &RouteMatches,
        local: &mut Vec<SharedMatch<Arc<Mailbox>>>,
        choice: Choice<'_>,
        chosen: &mut Chosen,
    ) {
        let by_name = |g: &SharedMatch<_>, filter: &str, group: &str| {
            g.filter.as_str().cmp(filter).then_with(|| (*g.group).cmp(group))
        };
        local.sort_unstable_by(|g, other| by_name(g, other.filter.as_str(), &other.group));
        for (place, shared) in remote.shared.iter().enumerate() {
            let choice = choice.of(&shared.group);
            let same = |g: &SharedMatch<_>| by_name(g, shared.filter.as_str(), &shared.group);
            let here = local.binary_search_by(same).ok().and_then(|at| local.get_mut(at));
            let own = weight(here.as_ref().map_or(0, |g| g.members.len()));
            // A node that is down, stalls or is about to stop counts only if there is no other.
            let well = |c: &&Candidate| self.is_well(c);
            let some_well = own > 0 || shared.candidates.iter().any(|c| well(&c));
            // Nearly always all of them, and then no list is made.
            let others = if some_well && !shared.candidates.iter().all(|c| well(&c)) {
                shared.candidates.iter().filter(well).copied().collect()
            } else {
                Cow::Borrowed(&*shared.candidates)
            };
            // What a bridge forwards goes out where it was published, if that node can.
            let choice = if shared.group.starts_with(bridge::GROUP) {
                Choice { strategy: SharedStrategy::Local, ..choice }
            } else {
                choice
            };
            let Some(node) = self.choose_node(&Nodes { own, others }, shared, choice) else {
                continue;
            };
            chosen.nodes.push((node, place));
            if matches!(choice.strategy, SharedStrategy::HashClientId | SharedStrategy::Sticky) {
                chosen.key = choice.publisher;
            }
            if let Some(group) = here {
                group.elsewhere = true;
            }
        }
        local.retain(|group| !group.elsewhere);
    }

    /// A message for a group may well go to this node.
    pub(super) fn is_well(&self, candidate: &Candidate) -> bool {
        self.peers.get(candidate.node).is_some_and(|peer| !peer.is_avoided())
    }

    /// The node that gets a message of `group`; `None` is this one.
    fn choose_node(
        &self,
        nodes: &Nodes<'_>,
        group: &RouteMatch,
        choice: Choice<'_>,
    ) -> Option<u16> {
        let name = || group_number(&group.group, group.filter.as_str());
        match choice.strategy {
            SharedStrategy::Local if nodes.own > 0 => None,
            SharedStrategy::Random | SharedStrategy::Local => nodes.at(choice.dice >> 8),
            SharedStrategy::RoundRobin => nodes.at(self.turns.next(name())),
            SharedStrategy::HashTopic => self.highest(nodes, choice.topic),
            SharedStrategy::HashClientId => self.highest(nodes, choice.publisher),
            SharedStrategy::Sticky => self.turns.with(choice.publisher, name(), |stuck| {
                let node = stuck.node.filter(|node| nodes.has(*node));
                let node = node.unwrap_or_else(|| nodes.at(choice.dice >> 8).unwrap_or(HERE));
                stuck.node = Some(node);
                Some(node).filter(|node| *node != HERE)
            }),
        }
    }

    fn highest(&self, nodes: &Nodes<'_>, number: u64) -> Option<u16> {
        let own = score(number, self.mesh().map_or(0, super::mesh::Mesh::origin), nodes.own);
        let others = nodes.others.iter().map(|one| {
            let origin = self.peers.get(one.node).map_or(0, |peer| peer.origin());
            (score(number, origin, u64::from(one.weight)), one.node)
        });
        others.max().filter(|(score, _)| *score > own).map(|(_, node)| node)
    }

    /// What a session that has ended got as a member of groups goes to other members: QoS 1 that it has not acknowledged, and
    /// QoS 1 and 2 that it was never sent. QoS 2 under way ends with it (v5 [MQTT-4.8.2-5]).
    pub(super) fn redispatch(&self, session: &Session, mailbox: &Mailbox) {
        let subscriptions = session.subscriptions.iter().map(|(to, _)| to);
        let number = |to: &Subscription| {
            to.group.as_deref().map(|group| group_number(group, to.filter.as_str()))
        };
        let groups: HashMap<u64, &Subscription, Hashing> =
            subscriptions.filter_map(|to| Some((number(to)?, to))).collect();
        if groups.is_empty() {
            return;
        }
        let mut left: Vec<Delivery> = Vec::new();
        for slot in session.inflight.iter() {
            match &slot.awaiting {
                Awaiting::PubAck(delivery) if delivery.group != 0 => left.push(delivery.clone()),
                Awaiting::PubAck(_) | Awaiting::PubRec(_) | Awaiting::PubComp => {}
            }
        }
        left.extend(mailbox.take_shared());
        let now = self.clock.now();
        for Delivery { message, group, .. } in &left {
            match groups.get(group) {
                Some(_) if message.is_expired(now) => {}
                Some(to) => self.give_to_group(message, to),
                // It has left the group since.
                None => self.stats.count(Metric::DeliveryDropped),
            }
        }
        super::link::Deliver::end_of_batch(self);
        self.flush_links();
    }

    fn give_to_group(&self, message: &Message, to: &Subscription) {
        let number = self.next_message.fetch_add(1, Ordering::Relaxed);
        let envelope = Envelope {
            seq: 0,
            id: MessageId { incarnation: 0, number },
            flags: Flags {
                qos: message.qos().as_u8(),
                retain: message.retain(),
                dup: false,
                durable: false,
            },
            expiry: message.seconds_left(self.clock.now()),
            targets: Targets::PLAIN,
            topic: message.topic(),
            properties: message.properties(),
            payload: message.payload(),
        };
        let group = (to.group.as_deref().unwrap_or_default(), to.filter.as_str());
        if self.send_elsewhere(message, &envelope, group, &[]) {
            self.stats.count(Metric::SharedRedispatched);
        } else if message.qos() != QoS::AtMostOnce {
            self.stats.count(Metric::MessagesDropped);
            self.stats.count(Metric::MessagesDroppedNoSubscribers);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::{
        broker::retained::Retained, cluster::NodeName, net::clock::Clock, node::link::Peer,
        topic::TopicFilter,
    };

    #[test]
    fn nodes_stand_as_often_as_they_count() {
        let candidates = [Candidate { node: 3, weight: 2 }, Candidate { node: 5, weight: 1 }];
        let nodes = Nodes { own: 1, others: Cow::Borrowed(&candidates) };
        let all: Vec<_> = (0..4).map(|number| nodes.at(number)).collect();
        assert_eq!(all, [None, Some(3), Some(3), Some(5)]);
        assert!(nodes.has(HERE) && nodes.has(5) && !nodes.has(4));
        let away = Nodes { own: 0, others: Cow::Borrowed(&candidates) };
        assert_eq!((away.at(0), away.at(2), away.has(HERE)), (Some(3), Some(5), false));
        assert_eq!([0, 1, 3, 16, 17, 33, 200].map(weight), [0, 1, 3, 16, 16, 32, 128]);
    }

    #[test]
    fn a_node_that_is_down_gets_a_message_only_if_no_other_can() {
        let hub = Hub::new(Clock::system(), 1, Retained::default(), Arc::default());
        let peers: Vec<Arc<Peer>> = (0..2)
            .map(|n| {
                let name = NodeName::parse(&format!("node{n}@h")).unwrap();
                let peer = Peer::new(name, (1, 1 << 20), 1, n, &hub.stats);
                hub.peers.set(u16::try_from(n).unwrap(), peer.clone());
                peer
            })
            .collect();
        let candidates = vec![Candidate { node: 0, weight: 4 }, Candidate { node: 1, weight: 1 }];
        let filter = TopicFilter::parse("t").unwrap();
        let shared = vec![RouteMatch { group: "g".into(), filter, candidates }];
        let remote = RouteMatches { shared, ..RouteMatches::default() };
        let chosen = || -> BTreeSet<u16> {
            (0..100)
                .flat_map(|n| {
                    let (strategy, dice) = (SharedStrategy::Random, n << 8);
                    let choice = Choice { strategy, own: None, publisher: 0, topic: 0, dice };
                    let mut chosen = Chosen::default();
                    hub.choose_nodes(&remote, &mut Vec::new(), choice, &mut chosen);
                    chosen.nodes.into_iter().map(|(node, _)| node)
                })
                .collect()
        };
        assert_eq!(chosen(), [0, 1].into(), "both are down");
        peers[1].set_up(true);
        assert_eq!(chosen(), [1].into());
        peers[0].set_up(true);
        assert_eq!(chosen(), [0, 1].into());
        peers[0].set_avoided(true);
        assert_eq!(chosen(), [1].into());
    }

    #[test]
    fn a_group_may_have_a_strategy_of_its_own() {
        let hub = Hub::new(Clock::system(), 1, Retained::default(), Arc::default());
        let own = [("topic", SharedStrategy::HashTopic), ("stuck", SharedStrategy::Sticky)];
        let own = own.map(|(group, strategy)| (group.to_owned(), strategy)).into();
        hub.strategies.set(&Settings { group_strategies: own, ..Settings::default() });
        let own = hub.strategies.own();
        for (group, nodes, key) in [("any", 2, 0), ("topic", 1, 0), ("stuck", 1, 7)] {
            let candidates =
                vec![Candidate { node: 0, weight: 1 }, Candidate { node: 1, weight: 1 }];
            let filter = TopicFilter::parse("t").unwrap();
            let shared = vec![RouteMatch { group: group.into(), filter, candidates }];
            let remote = RouteMatches { shared, ..RouteMatches::default() };
            let mut seen = BTreeSet::new();
            for dice in 0..100 {
                let (strategy, own) = (hub.strategies.all(), own.as_deref());
                let choice = Choice { strategy, own, publisher: 7, topic: 9, dice: dice << 8 };
                let mut chosen = Chosen::default();
                hub.choose_nodes(&remote, &mut Vec::new(), choice, &mut chosen);
                assert_eq!(chosen.key, key, "{group}");
                seen.extend(chosen.nodes.into_iter().map(|(node, _)| node));
            }
            assert_eq!(seen.len(), nodes, "{group}");
        }
        drop(own);
        hub.strategies.set(&Settings::default());
        assert!(hub.strategies.own().is_none());
    }

    fn fnv(text: &str) -> u64 {
        crate::topic::hashing::fnv(text)
    }

    #[test]
    fn scores_share_by_weight_and_move_little() {
        let winner = |number: u64, weights: &[u64]| {
            let scores = weights.iter().enumerate();
            let scores = scores.map(|(node, w)| {
                (score(fnv(&number.to_string()), fnv(&node.to_string()), *w), node)
            });
            scores.max().unwrap().1
        };
        let count =
            |weights: &[u64], node| (0..6000).filter(|n| winner(*n, weights) == node).count();
        let shares = [0, 1, 2].map(|node| count(&[1, 1, 4], node));
        assert!(
            (800..1200).contains(&shares[0]) && (3700..4300).contains(&shares[2]),
            "{shares:?}"
        );
        let moved =
            (0..6000).filter(|n| winner(*n, &[1, 1, 1]) != winner(*n, &[1, 1, 1, 1])).count();
        assert!((1300..1700).contains(&moved), "{moved}");
    }
}
