//! To other nodes: a message crosses once to each node that has a matching subscriber, and never goes on from there.

use std::{
    cell::RefCell,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use super::{
    groups::Chosen,
    hub::Hub,
    link::{Expiry, OutStream, Outgoing, Waker},
    locks,
};
use crate::{
    broker::{Message, stats::Metric},
    cluster::{
        routes::RouteMatches,
        wire::{Flags, Targets},
    },
    mqtt::QoS,
    time::Time,
    topic::TopicName,
};

/// A publisher does not wait longer than this for a node that is up but slow; the message stays kept for it.
pub(super) const LIMIT: Duration = Duration::from_secs(2);

thread_local! {
    static MATCHES: RefCell<RouteMatches> = RefCell::default();
    /// Streams to which something was pushed since the last [`Hub::flush_links`] on this thread.
    static TO_WAKE: RefCell<Vec<Arc<OutStream>>> = const { RefCell::new(Vec::new()) };
}

/// A message on its way to another node.
#[derive(Clone)]
pub(super) struct Awaited {
    stream: Arc<OutStream>,
    seq: u64,
}

/// The nodes that a message of this node's client waits for, from the time it was pushed.
pub(super) struct Forwarded {
    /// Where it went, for QoS 1 and 2.
    pub(super) awaited: Vec<Awaited>,
    /// When.
    pub(super) since: Time,
    /// Rings when the next of them has it.
    pub(super) bell: Option<Bell>,
}

/// A bell hung up at streams.
pub(super) struct Bell {
    /// It has not rung yet.
    hangs: Arc<AtomicBool>,
    /// What the streams call, as long as this is kept.
    _ring: Waker,
}

impl Forwarded {
    pub(super) const fn new(awaited: Vec<Awaited>, since: Time) -> Self {
        Self { awaited, since, bell: None }
    }

    /// Every node has it, or is down and gets it later (`publish_ack = peers`), or is too slow.
    pub(super) fn is_done(&self, now: Time) -> bool {
        now.since(self.since) >= LIMIT || self.has_arrived()
    }

    /// Every node has it or is down: a publisher that is held may go on.
    pub(super) fn has_arrived(&self) -> bool {
        self.awaited.iter().all(Awaited::is_done)
    }

    /// Has `ring` called when the next node has it.
    pub(super) fn ring(&mut self, ring: impl Fn() + Send + Sync + 'static) {
        if self.bell.as_ref().is_some_and(|bell| bell.hangs.load(Ordering::Acquire)) {
            return;
        }
        let hangs = Arc::new(AtomicBool::new(true));
        let rung = hangs.clone();
        // A node may go down and be up again before anybody looks: whoever was rung hangs the bell up anew.
        let ring: Waker = Arc::new(move || {
            rung.store(false, Ordering::Release);
            ring();
        });
        for awaited in self.awaited.iter().filter(|awaited| !awaited.is_done()) {
            if !awaited.stream.wait(awaited.seq, &ring) {
                ring();
            }
        }
        self.bell = Some(Bell { hangs, _ring: ring });
    }
}

impl Awaited {
    fn is_done(&self) -> bool {
        self.stream.acked() >= self.seq || !self.stream.is_up()
    }
}

/// What became of a message towards other nodes.
#[derive(Default)]
pub(super) struct Crossing {
    /// At least one other node wants it.
    pub(super) wanted: bool,
    /// One of them has too much to acknowledge, and did not get it.
    pub(super) full: bool,
    /// Whom to wait for.
    pub(super) awaited: Vec<Awaited>,
    /// Nodes that are up and have too much to acknowledge: nothing more is read from the publisher until they have it.
    pub(super) slow: Vec<Awaited>,
}

impl Hub {
    /// Looks up which other nodes want `message` and calls `with` with the answer; `None` when none does. Returns also how much work
    /// the look was.
    pub(super) fn with_routes<T>(
        &self,
        message: &Message,
        with: impl FnOnce(Option<&RouteMatches>) -> T,
    ) -> (T, usize) {
        MATCHES.with_borrow_mut(|found| {
            found.clear();
            if let Ok(topic) = TopicName::parse(message.topic()) {
                locks::read(&self.routes).matches(topic, found);
            }
            (with((!found.is_empty()).then_some(&*found)), found.work())
        })
    }

    /// When the message stops being worth delivering, for another node.
    pub(super) fn expiry(&self, message: &Message) -> Option<Expiry> {
        message.expires_at().map(|at| Expiry::new(at, self.clock.now()))
    }

    /// Pushes `message`, the node's message `number`, whose publisher is `patient` or cannot be held, to every node of `found`, and
    /// to the nodes `chosen` for its shared groups.
    pub(super) fn cross(
        &self,
        message: &Message,
        (number, patient): (u64, bool),
        found: &RouteMatches,
        chosen: &Chosen,
    ) -> Crossing {
        let mut crossing = Crossing::default();
        let mut nodes = found.nodes;
        for (node, _) in &chosen.nodes {
            nodes.insert(*node);
        }
        for node in nodes.iter() {
            let Some(peer) = self.peers.get(node) else { continue };
            let Some(stream) = peer.stream_of(message.publisher()) else { continue };
            let groups: Vec<(&str, &str)> = chosen
                .nodes
                .iter()
                .filter(|(to, _)| *to == node)
                .filter_map(|(_, place)| found.shared.get(*place))
                .map(|shared| (&*shared.group, shared.filter.as_str()))
                .collect();
            let pushed = stream.push(&Outgoing {
                number,
                flags: Flags {
                    qos: message.qos().as_u8(),
                    retain: message.retain(),
                    dup: false,
                    durable: false,
                },
                expiry: self.expiry(message),
                targets: Targets::new(found.nodes.contains(node), &groups).keyed(chosen.key),
                topic: message.topic(),
                properties: message.properties(),
                payload: message.payload(),
                patient,
            });
            crossing.wanted = true;
            crossing.full |= pushed.full;
            self.stats.count(Metric::MessagesForward);
            if message.qos() != QoS::AtMostOnce && !pushed.full {
                let awaited = Awaited { stream: stream.clone(), seq: pushed.seq };
                if pushed.over {
                    crossing.slow.push(awaited.clone());
                }
                crossing.awaited.push(awaited);
            }
            if pushed.first {
                TO_WAKE.with_borrow_mut(|streams| streams.push(stream.clone()));
            }
        }
        crossing
    }

    /// Rings the writers of the links to which something was pushed since the last call on this thread.
    pub(super) fn flush_links(&self) {
        TO_WAKE.with_borrow_mut(|streams| {
            for stream in streams.drain(..) {
                stream.wake();
            }
        });
    }
}
