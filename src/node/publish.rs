//! The crossing: a message goes to the mailboxes of local clients, and once to each node that has a matching subscriber.
//!
//! Cost of a message to one subscriber: one read lock on the subscriptions (and one on the routes where other nodes are
//! known), one push into a mailbox, one bell at the end of the publisher's read batch. What matches is copied out as chunks, so
//! the time under the lock does not grow with the audience.

use std::{
    cell::RefCell,
    collections::VecDeque,
    sync::{Arc, Mutex, atomic::Ordering},
    task::Waker,
    time::Duration,
};

use super::{
    forward::{Awaited, Crossing},
    groups::Chosen,
    hub::Hub,
    link::{Deliver, Outgoing, Peer},
    locks,
    mailbox::Mailbox,
    mesh::Mesh,
    work,
};
use crate::{
    broker::{
        Message,
        message::Meta,
        mqueue::{Delivery, SubscriptionIds},
        settings::{GroupStrategies, SharedStrategy},
        stats::Metric,
        subscriptions::{Choice, Matches, SharedMatch, Subscriber},
    },
    cluster::{
        routes::{RouteMatches, SharedMatch as RouteMatch},
        wire::{Envelope, Targets},
    },
    mqtt::QoS,
    topic::{
        TopicName,
        hashing::{fnv, group_number},
    },
};

/// A message for a shared group is sent to so many nodes at most.
const TRIES: usize = 3;
/// Messages that came back and are remembered, once for each group.
const RETURNS: usize = 1_024;

/// Number of a message, and of the group that it was for.
type Returned = (u64, u64);

/// Which nodes gave a message for a group back, for the last that came back. A node without members of one group may have some of
/// another.
#[derive(Debug, Default)]
pub(super) struct Returns(Mutex<VecDeque<(Returned, Vec<u16>)>>);

impl Returns {
    /// `node` gave `returned` back. Returns all that did; `None`: it says so once more, after a cut.
    fn note(&self, returned: Returned, node: Option<u16>) -> Option<Vec<u16>> {
        let mut all = locks::lock(&self.0);
        let known = all.iter().position(|(one, _)| *one == returned);
        let mut tried =
            known.and_then(|at| all.remove(at)).map(|(_, tried)| tried).unwrap_or_default();
        let news = node.is_none_or(|node| !tried.contains(&node));
        tried.extend(node.filter(|_| news));
        all.push_back((returned, tried.clone()));
        if all.len() > RETURNS {
            all.pop_front();
        }
        news.then_some(tried)
    }
}

thread_local! {
    static MATCHES: RefCell<Matches<Arc<Mailbox>>> = RefCell::default();
    /// Bells of the messages of other nodes, until the end of their batch.
    static BELLS: RefCell<Vec<Waker>> = const { RefCell::new(Vec::new()) };
}

/// Who publishes a message.
#[derive(Clone, Copy, Default)]
pub(super) struct Publisher<'a> {
    /// The client of this node; `None`: the node itself, or a client that is not here any more.
    pub(super) client_id: Option<&'a str>,
    /// It can be told that a retained message found no room, which then goes to nobody.
    pub(super) strict: bool,
    /// It can be held while a node has too much to acknowledge; what others publish then is not taken for that node.
    pub(super) patient: bool,
}

/// What became of a publish.
#[derive(Default)]
pub(super) struct Outcome {
    /// Somebody wants it.
    pub(super) matched: bool,
    /// There is no room to keep it, and it went to nobody.
    pub(super) refused: bool,
    /// It was not taken for another node that wants it.
    pub(super) full: bool,
    /// Other nodes that must have it before it is acknowledged.
    pub(super) awaited: Vec<Awaited>,
    /// Other nodes that must have it before anything more is read from its publisher.
    pub(super) slow: Vec<Awaited>,
    /// How much was done for it: [`work::TURN`].
    pub(super) work: usize,
}

/// What became of a message among the clients of this node.
#[derive(Clone, Copy, Debug, Default)]
pub struct Handed {
    /// Somebody wants it.
    pub matched: bool,
    /// Groups it was meant for that have no member here, as bits.
    pub missing: u64,
    /// How much was done for it, about as many messages put into mailboxes.
    pub work: usize,
}

impl Hub {
    /// Routes a message of a client of this node, or of the node itself. Bells are pushed to `bells`, for the end of the batch.
    pub(super) fn publish(
        &self,
        message: &Message,
        publisher: Publisher<'_>,
        bells: &mut Vec<Waker>,
    ) -> Outcome {
        let mut work = 0;
        if message.retain() {
            work = work::RETAIN;
            if !self.retain(message) && publisher.strict {
                self.stats.count(Metric::MessagesDropped);
                return Outcome { refused: true, work, ..Outcome::default() };
            }
            if message.payload().is_empty()
                && locks::read(&self.retained).limits().stop_publish_clear
            {
                return Outcome { matched: true, work, ..Outcome::default() };
            }
        }
        let mut outcome = self.route(message, publisher, bells);
        outcome.work += work;
        if !outcome.matched {
            self.stats.count(Metric::MessagesDropped);
            self.stats.count(Metric::MessagesDroppedNoSubscribers);
        }
        outcome
    }

    /// Hands a message to the clients of this node and to the nodes that want it.
    pub(super) fn route(
        &self,
        message: &Message,
        Publisher { client_id, patient, .. }: Publisher<'_>,
        bells: &mut Vec<Waker>,
    ) -> Outcome {
        let _inside = self.sections.enter();
        let ((local, crossing), walked) = self.with_routes(message, |found| {
            let mut chosen = Chosen::default();
            let own = self.strategies.own();
            let choice = self.choice(message, client_id, own.as_deref());
            let Some(found) = found else {
                let local = self.hand_out(message, (None, choice), (None, &mut chosen), bells);
                return (local, Crossing::default());
            };
            // A session on its way to another node may get it on both.
            let number = self.next_message.fetch_add(1, Ordering::Relaxed);
            let origin = self.mesh().map_or(0, Mesh::origin);
            let numbered = message.clone().with_number(origin.wrapping_add(number));
            let remote = (Some(found), &mut chosen);
            let local = self.hand_out(&numbered, (None, choice), remote, bells);
            (local, self.cross(message, (number, patient), found, &chosen))
        });
        let Crossing { wanted, full, awaited, slow } = crossing;
        let matched = local.matched || wanted;
        Outcome { matched, refused: false, full, awaited, slow, work: local.work + walked }
    }

    /// Hands a message to the clients of this node. `true` when at least one wants it.
    pub(super) fn publish_local(&self, message: &Message, bells: &mut Vec<Waker>) -> bool {
        let own = self.strategies.own();
        let choice = self.choice(message, None, own.as_deref());
        self.hand_out(message, (None, choice), (None, &mut Chosen::default()), bells).matched
    }

    /// How members of shared groups are chosen for this message. Hashes are made only where they decide.
    #[inline]
    fn choice<'a>(
        &self,
        message: &Message,
        client_id: Option<&str>,
        own: Option<&'a GroupStrategies>,
    ) -> Choice<'a> {
        let strategy = self.strategies.all();
        let (by_topic, by_client) = match strategy {
            _ if own.is_some() => (true, true),
            SharedStrategy::HashTopic => (true, false),
            SharedStrategy::HashClientId | SharedStrategy::Sticky => (false, true),
            SharedStrategy::Random | SharedStrategy::RoundRobin | SharedStrategy::Local => {
                (false, false)
            }
        };
        let topic = if by_topic { fnv(message.topic()) } else { 0 };
        let publisher = client_id.filter(|_| by_client).map_or(message.publisher(), fnv);
        Choice { strategy, own, publisher, topic, dice: self.dice() }
    }

    /// Hands a message to the clients of this node: to all that want it, or to those that its sender meant. Of a shared
    /// group that `remote` nodes are part of too, one node gets it: this one, or the one added to the choice.
    fn hand_out(
        &self,
        message: &Message,
        (meant, choice): (Option<Targets<'_>>, Choice<'_>),
        (remote, chosen): (Option<&RouteMatches>, &mut Chosen),
        bells: &mut Vec<Waker>,
    ) -> Handed {
        MATCHES.with_borrow_mut(|matches| {
            // Empty already, unless the one before panicked.
            matches.clear();
            let Ok(topic) = TopicName::parse(message.topic()) else { return Handed::default() };
            let mut missing = 0;
            {
                let table = locks::read(&self.subscriptions);
                match meant {
                    None => table.matches(topic, Some(choice), matches),
                    Some(meant) => {
                        if meant.plain {
                            table.matches(topic, None, matches);
                        }
                        for (bit, group) in meant.groups().enumerate() {
                            let found = table.group(group, topic, choice);
                            let bit =
                                u32::try_from(bit).ok().and_then(|bit| 1_u64.checked_shl(bit));
                            missing |= bit.filter(|_| found.is_none()).unwrap_or(0);
                            matches.groups.extend(found);
                        }
                    }
                }
            }
            let work = matches.work();
            if matches.filters <= 1 {
                for one in &matches.single {
                    self.hand(message, one, bells);
                }
                for one in matches.chunks.iter().flat_map(|chunk| chunk.iter()) {
                    self.hand(message, one, bells);
                }
            } else {
                self.hand_merged(message, matches, bells);
            }
            if let Some(remote) = remote {
                self.choose_nodes(remote, &mut matches.groups, choice, chosen);
            }
            for group in &mut matches.groups {
                if choice.of(&group.group).strategy == SharedStrategy::Sticky {
                    self.turns.stick(choice.publisher, group);
                }
                self.hand_group(message, group, bells);
            }
            let matched = matches.filters > 0 || !matches.groups.is_empty();
            matches.clear();
            Handed { matched, missing, work }
        })
    }

    /// A client with several matching subscriptions gets one copy, at the highest QoS of them and with all their identifiers
    /// (v5 3.3.4).
    fn hand_merged(
        &self,
        message: &Message,
        matches: &Matches<Arc<Mailbox>>,
        bells: &mut Vec<Waker>,
    ) {
        let many = matches.chunks.iter().flat_map(|chunk| chunk.iter());
        let mut all: Vec<&Subscriber<Arc<Mailbox>>> = matches.single.iter().chain(many).collect();
        all.sort_by_key(|one| one.session);
        for same in all.chunk_by(|a, b| a.session == b.session) {
            match same {
                [one] => self.hand(message, one, bells),
                several => {
                    let own = message.publisher() != 0;
                    let wanted = several
                        .iter()
                        .filter(|one| !(one.no_local && own && one.session == message.publisher()));
                    let Some(first) = wanted.clone().next() else {
                        self.stats.count(Metric::DeliveryDroppedNoLocal);
                        continue;
                    };
                    let qos = wanted.clone().map(|one| one.qos_of(message.qos())).max();
                    let ids = wanted.clone().map(|one| one.id).collect();
                    let keep = wanted.clone().any(|one| one.retain_as_published);
                    self.push(
                        &first.mailbox,
                        Delivery {
                            message: message.clone(),
                            ids,
                            qos: qos.unwrap_or(QoS::AtMostOnce),
                            retain: keep && message.retain(),
                            group: 0,
                        },
                        bells,
                    );
                }
            }
        }
    }

    #[inline]
    fn hand(&self, message: &Message, to: &Subscriber<Arc<Mailbox>>, bells: &mut Vec<Waker>) {
        if to.no_local && to.session == message.publisher() {
            self.stats.count(Metric::DeliveryDroppedNoLocal);
            return;
        }
        self.push(&to.mailbox, delivery(message, to), bells);
    }

    /// Gives a message to one member of a group: in their order to the first with a connection that has room for it, else to the
    /// first without one that has; if none has, the first must make room.
    fn hand_group(
        &self,
        message: &Message,
        group: &SharedMatch<Arc<Mailbox>>,
        bells: &mut Vec<Waker>,
    ) {
        let own =
            |member: &&Subscriber<_>| member.no_local && member.session == message.publisher();
        let with = |connected: bool| {
            let members = group.members().filter(move |member| !own(member));
            members.filter(move |member| member.mailbox.is_connected() == connected)
        };
        let mut first = None;
        for member in with(true).chain(with(false)) {
            let offered = Delivery { group: group.number, ..delivery(message, member) };
            match member.mailbox.offer(offered) {
                Ok(pushing) => return bells.extend(pushing.bell),
                Err(delivery) => drop(first.get_or_insert((member, delivery))),
            }
        }
        match first {
            Some((member, delivery)) => self.push(&member.mailbox, delivery, bells),
            None => self.stats.count(Metric::DeliveryDroppedNoLocal),
        }
    }

    #[inline]
    fn push(&self, mailbox: &Mailbox, delivery: Delivery, bells: &mut Vec<Waker>) {
        let pushing = mailbox.push(delivery);
        bells.extend(pushing.bell);
        if pushing.unstored {
            self.count_unstored(1);
        } else if pushing.dropped > 0 {
            let dropped = pushing.dropped as u64;
            self.stats.add(Metric::DeliveryDropped, dropped);
            self.stats.add(Metric::DeliveryDroppedQueueFull, dropped);
        }
    }

    /// A number that differs from publish to publish, for the choice in a group.
    fn dice(&self) -> u64 {
        thread_local! {
            static DICE: std::cell::Cell<u64> = const { std::cell::Cell::new(0x2545_F491_4F6C_DD1D) };
        }
        DICE.with(|dice| {
            let mut x = dice.get();
            x ^= x << 13;
            x ^= x >> 7;
            x ^= x << 17;
            dice.set(x);
            x
        })
    }
}

#[inline]
fn delivery(message: &Message, to: &Subscriber<Arc<Mailbox>>) -> Delivery {
    Delivery {
        message: message.clone(),
        ids: SubscriptionIds::of(to.id),
        qos: to.qos_of(message.qos()),
        retain: to.retain_as_published && message.retain(),
        group: 0,
    }
}

impl Hub {
    fn message_of(&self, envelope: &Envelope<'_>, origin: u64) -> Message {
        let expiry = envelope.expiry.map(|seconds| Duration::from_secs(u64::from(seconds)));
        let meta = Meta {
            qos: match envelope.flags.qos {
                0 => QoS::AtMostOnce,
                1 => QoS::AtLeastOnce,
                _ => QoS::ExactlyOnce,
            },
            retain: envelope.flags.retain,
            expires_at: expiry.map(|span| self.clock.now() + span),
            publisher: 0,
        };
        Message::new(envelope.topic, envelope.properties, envelope.payload, meta)
            .with_number(origin.wrapping_add(envelope.id.number))
    }

    /// Gives a message for one group to a member here, or to a node that has not been tried. `false`: there is none.
    pub(super) fn send_elsewhere(
        &self,
        message: &Message,
        envelope: &Envelope<'_>,
        group: (&str, &str),
        tried: &[u16],
    ) -> bool {
        let _inside = self.sections.enter();
        let (groups, key) = ([group], envelope.targets.key);
        let targets = Targets::new(false, &groups).keyed(key);
        let own = self.strategies.own();
        let meant = (Some(targets), self.choice(message, None, own.as_deref()).keyed(key));
        let here = BELLS.with_borrow_mut(|bells| {
            self.hand_out(message, meant, (None, &mut Chosen::default()), bells).matched
        });
        if here || tried.len() >= TRIES {
            return here;
        }
        let (node, _) = self.with_routes(message, |found| {
            let same = |s: &&RouteMatch| (&*s.group, s.filter.as_str()) == group;
            let shared = found?.shared.iter().find(same)?;
            let left = shared.candidates.iter().filter(|c| !tried.contains(&c.node));
            left.max_by_key(|one| (self.is_well(one), one.weight)).map(|one| one.node)
        });
        let peer = node.and_then(|node| self.peers.get(node));
        let Some(peer) = peer else { return false };
        let Some(stream) = peer.stream_of(0) else { return false };
        let pushed = stream.push(&Outgoing {
            number: envelope.id.number,
            flags: envelope.flags,
            expiry: self.expiry(message),
            targets,
            topic: envelope.topic,
            properties: envelope.properties,
            payload: envelope.payload,
            patient: false,
        });
        stream.wake();
        !pushed.full
    }
}

impl Deliver for Hub {
    /// A message that another node took from a client: for the clients of this one only, it never goes on to a third node.
    fn deliver(&self, origin: u64, envelope: &Envelope<'_>) -> Handed {
        self.stats.count(Metric::MeshForwardReceived);
        if envelope.expiry == Some(0) {
            // It was kept for this node too long, and is to displace nothing in a queue.
            self.stats.count(Metric::DeliveryDropped);
            self.stats.count(Metric::DeliveryDroppedExpired);
            return Handed { matched: true, missing: 0, work: 1 };
        }
        let message = self.message_of(envelope, origin);
        let _inside = self.sections.enter();
        BELLS.with_borrow_mut(|bells| {
            let own = self.strategies.own();
            let choice = self.choice(&message, None, own.as_deref());
            let choice = choice.keyed(envelope.targets.key);
            let meant = (Some(envelope.targets), choice);
            self.hand_out(&message, meant, (None, &mut Chosen::default()), bells)
        })
    }

    /// The last member of a group there has gone while the message was on its way: another node with members gets it.
    fn returned(&self, by: &Arc<Peer>, groups: u64, envelope: &Envelope<'_>) {
        let (number, node) = (envelope.id.number, self.peers.index_of(by));
        let groups = envelope.targets.groups().enumerate().take(64).filter_map(|(bit, group)| {
            let group = Some(group).filter(|_| groups >> bit & 1 == 1)?;
            let tried = self.returns.note((number, group_number(group.0, group.1)), node)?;
            Some((group, tried))
        });
        let mut groups = groups.peekable();
        if groups.peek().is_none() {
            return;
        }
        self.stats.count(Metric::MeshForwardReturned);
        let message = self.message_of(envelope, self.mesh().map_or(0, Mesh::origin));
        for (group, tried) in groups {
            if !self.send_elsewhere(&message, envelope, group, &tried) {
                self.stats.count(Metric::MessagesDropped);
                self.stats.count(Metric::MessagesDroppedNoSubscribers);
            }
        }
        self.end_of_batch();
        self.flush_links();
    }

    fn end_of_batch(&self) {
        BELLS.with_borrow_mut(|bells| bells.drain(..).for_each(Waker::wake));
    }

    fn restart_clients(&self) {
        let ids = self.registry.ids();
        tracing::warn!(
            clients = ids.len(),
            "closing all clients: cluster.autoheal.action = restart"
        );
        for id in ids {
            self.kick(&id);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        broker::retained::Retained,
        cluster::{
            NodeName,
            routes::{RouteKey, RouteOp, TableOp},
            wire::{Flags, MessageId},
        },
        net::clock::Clock,
        topic::TopicFilter,
    };

    /// Two nodes with members of groups `g` and `h` on filter `t`.
    fn two_nodes(hub: &Hub) -> [Arc<Peer>; 2] {
        [0, 1].map(|node| {
            let name = NodeName::parse(&format!("node{node}@h")).unwrap();
            let peer = Peer::new(name, (1, 1 << 20), 1, 1, &hub.stats);
            peer.set_up(true);
            hub.peers.set(node, peer.clone());
            let filter = TopicFilter::parse("t").unwrap();
            let ops = ["g", "h"].map(|group| {
                let key = RouteKey { filter: filter.clone(), group: Some(group.into()) };
                RouteOp { add: true, key, weight: 1 }
            });
            let mut routes = locks::write(&hub.routes);
            routes.apply(&TableOp::SnapshotBegin { node, drop_old: true });
            routes.apply(&TableOp::Apply { node, ops: Arc::from(ops) });
            routes.apply(&TableOp::SnapshotEnd { node });
            peer
        })
    }

    fn envelope<'a>(targets: Targets<'a>) -> Envelope<'a> {
        Envelope {
            seq: 1,
            id: MessageId { incarnation: 1, number: 7 },
            flags: Flags { qos: 1, ..Flags::default() },
            expiry: None,
            targets,
            topic: "t",
            properties: &[],
            payload: b"x",
        }
    }

    /// A message went to one node for one group and to the other for another, and both have lost their members of it.
    #[test]
    fn a_node_that_gave_a_message_back_for_one_group_gets_it_for_another() {
        let hub = Hub::new(Clock::system(), 1, Retained::default(), Arc::default());
        let [b, c] = two_nodes(&hub);
        let sent = || [&b, &c].map(|peer| peer.counters().forwarded);
        let (g, h) = ([("g", "t")], [("h", "t")]);
        let of_g = envelope(Targets::new(false, &g));
        let of_h = envelope(Targets::new(false, &h));
        hub.returned(&b, 1, &of_g);
        assert_eq!(sent(), [0, 1]);
        hub.returned(&c, 1, &of_h);
        assert_eq!(sent(), [1, 1]);
        assert_eq!(hub.stats.sum(Metric::MessagesDropped), 0);
        hub.returned(&b, 1, &of_g);
        assert_eq!(sent(), [1, 1], "said once more, after a cut");
        assert_eq!(hub.stats.sum(Metric::MessagesDropped), 0, "another node has it");
        hub.returned(&b, 1, &of_h);
        assert_eq!(sent(), [1, 1]);
        assert_eq!(hub.stats.sum(Metric::MessagesDropped), 1, "nobody is left");
        let both = [g[0], h[0]];
        hub.returned(&c, 3, &envelope(Targets::new(false, &both)));
        assert_eq!(hub.stats.sum(Metric::MessagesDropped), 2, "the second was counted");
        assert_eq!(hub.stats.sum(Metric::MeshForwardReturned), 4);
    }

    #[test]
    fn what_a_node_gives_back_counts_once() {
        let returns = Returns::default();
        let (one, other) = ((7, 30), (8, 30));
        assert_eq!(returns.note(one, Some(1)), Some(vec![1]));
        assert_eq!(returns.note(one, Some(2)), Some(vec![1, 2]));
        assert_eq!(returns.note(one, Some(1)), None, "said again after a cut");
        assert_eq!(returns.note(other, Some(1)), Some(vec![1]));
        assert_eq!(
            (returns.note(one, None), returns.note(one, None)),
            (Some(vec![1, 2]), Some(vec![1, 2]))
        );
    }
}
