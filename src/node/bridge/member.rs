//! The local session of a bridge: a member of the group whose messages go out, with a connection or without.

use std::{
    net::{Ipv4Addr, SocketAddr},
    sync::Arc,
    time::Duration,
};

use tokio::net::UnixStream;

use crate::{
    broker::{
        ClientId,
        access::{Access, Anonymous, Policy},
        bridge::{self, CLIENT, GROUP, ZONE},
        channel::Shared,
        inflight::{Awaiting, Inflight, Slot},
        session::Session,
        subscriptions::Subscriber,
    },
    mqtt::{PacketId, QoS, SubscriptionOptions},
    net::supervise,
    node::{
        connection::Connection,
        hub::Hub,
        listener::places::Places,
        mailbox::Mailbox,
        registry::{Kicked, Opened, Parked},
        transport::Stream,
    },
    topic::share::Subscription,
};

/// As [`bridge::Settings::zone`] has it.
const LIFE: Duration = Duration::from_secs(7 * 24 * 3600);
/// What came in by a bridge does not go out by it again.
const OPTIONS: SubscriptionOptions = SubscriptionOptions {
    qos: QoS::ExactlyOnce,
    no_local: true,
    retain_as_published: true,
    retain_handling: 2,
};

pub(super) struct Member {
    hub: Arc<Hub>,
    client_id: ClientId,
    filters: Vec<Subscription>,
    shared: Arc<Shared>,
    places: Arc<Places>,
    /// What waits, and the number of the session, while it is a member.
    inside: Option<(Arc<Mailbox>, u64)>,
    /// It takes no more messages.
    closed: bool,
    /// Of sessions that are over.
    dropped: u64,
}

impl Member {
    pub(super) fn new(hub: Arc<Hub>, name: &str, settings: &bridge::Settings) -> Self {
        let group: Arc<str> = format!("{GROUP}{name}").into();
        let to = |filter: &crate::topic::TopicFilter| Subscription {
            group: Some(group.clone()),
            filter: filter.clone(),
        };
        let policy = Policy {
            allow_anonymous: Anonymous::Yes,
            nomatch_allows: true,
            bypass_auth: true,
            enable_acl: false,
        };
        let shared = Shared {
            settings: settings.zone(),
            zone: ZONE.to_owned(),
            port: 0,
            proxies: Vec::new(),
            access: Access { policy, ..Access::default() },
            stats: hub.stats.clone(),
            next_assigned: Arc::default(),
        };
        Self {
            client_id: ClientId::new(&format!("{CLIENT}{name}:{}", hub.name)),
            filters: settings.forwards.iter().map(to).collect(),
            shared: Arc::new(shared),
            places: Arc::new(Places::new(usize::MAX, 0, hub.places.clone())),
            inside: None,
            closed: false,
            dropped: 0,
            hub,
        }
    }

    pub(super) fn client_id(&self) -> String {
        self.client_id.as_str().to_owned()
    }

    pub(super) const fn is_in(&self) -> bool {
        self.inside.is_some()
    }

    /// Messages that wait.
    pub(super) fn waiting(&self) -> usize {
        self.inside.as_ref().map_or(0, |(mailbox, _)| mailbox.len())
    }

    /// Messages that had to go for want of room.
    pub(super) fn dropped(&self) -> u64 {
        self.dropped + self.inside.as_ref().map_or(0, |(mailbox, _)| mailbox.dropped())
    }

    /// Its session has been ended by somebody.
    pub(super) fn is_gone(&mut self) -> bool {
        let gone = self.hub.registry.claim_of(&self.client_id).is_none();
        if gone {
            self.dropped = self.dropped();
            self.inside = None;
        }
        gone
    }

    /// Makes the session if there is none, and a member. `false`: there is no room, or the one before is just ending.
    pub(super) fn join(&mut self) -> bool {
        if !self.is_gone()
            && let Some((mailbox, number)) = &self.inside
        {
            if std::mem::take(&mut self.closed) {
                self.subscribe(mailbox, *number);
            }
            return true;
        }
        let registry = &self.hub.registry;
        if registry.live(&self.client_id).is_some() {
            return false;
        }
        let fresh = Arc::new(Mailbox::new(&self.shared.settings));
        let (mut session, mailbox) = match registry.open(&self.client_id, (false, None), &fresh, 0)
        {
            Opened::Fresh(_) => {
                let number = self.hub.session_number();
                let session = Session::new(number, self.client_id.clone(), self.hub.clock.wall());
                (Box::new(session), fresh)
            }
            Opened::Resumed(mut parked, mailbox) => {
                // The process before has left it. This one begins with the same numbers, for other messages.
                parked.session.awaiting_rel.clear();
                (parked.session, mailbox)
            }
            Opened::Wait(..) | Opened::Full | Opened::Closed => return false,
        };
        let had: Vec<Subscription> =
            session.subscriptions.iter().map(|(to, _)| to.clone()).collect();
        for to in had.iter().filter(|to| !self.filters.contains(to)) {
            session.subscriptions.remove(to);
            self.hub.unsubscribe(to, session.number);
        }
        for (to, id) in self.filters.iter().zip(1..) {
            session.subscriptions.insert(to.clone(), (OPTIONS, id));
        }
        self.subscribe(&mailbox, session.number);
        self.closed = false;
        self.inside = Some((mailbox.clone(), session.number));
        let expires_at = self.hub.clock.now() + LIFE;
        let since = self.hub.clock.wall();
        self.hub.park(Parked { session, identity: None, expires_at, will: None, since }, &mailbox);
        true
    }

    fn subscribe(&self, mailbox: &Arc<Mailbox>, number: u64) {
        for (to, id) in self.filters.iter().zip(1..) {
            let subscriber = Subscriber::new(mailbox.clone(), number, id, OPTIONS);
            self.hub.subscribe(to, subscriber);
        }
    }

    /// The other end of this socket takes what waits.
    pub(super) fn connect(&self, socket: UnixStream) {
        let peer = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        let (stream, place) = (Stream::Other(Box::new(socket)), self.places.keep());
        let connection =
            Connection::new(stream, peer, self.shared.clone(), self.hub.clone(), place);
        supervise::spawn_unpin("connection", Box::new(connection));
    }

    /// Takes no more messages; what waits stays.
    pub(super) fn close(&mut self) {
        if !std::mem::replace(&mut self.closed, true)
            && let Some((_, number)) = &self.inside
        {
            self.filters.iter().for_each(|to| self.hub.unsubscribe(to, *number));
        }
    }

    /// Ends the session: what waits goes to members on other nodes, and what was sent to this one and is not `known` to the bridge,
    /// as it was still on its way. `false`: there is no session, or its connection, which is ending, still has it.
    pub(super) fn leave(&mut self, known: impl Fn(PacketId) -> bool) -> bool {
        let registry = &self.hub.registry;
        if self.inside.is_none() || registry.live(&self.client_id).is_some() {
            return false;
        }
        self.dropped = self.dropped();
        self.inside = None;
        if let Some(Some(Kicked { mut parked, mailbox, .. })) = registry.kick(&self.client_id) {
            let inflight = &mut parked.session.inflight;
            let slots = inflight.iter().cloned().map(|slot| unsent(slot, &known));
            *inflight = Inflight::of_slots(slots.collect());
            self.hub.end_parked(*parked, &mailbox);
        }
        true
    }
}

/// A message of QoS 2 under way ends with its session, as it may have arrived. What the bridge does not know it has not passed on, so
/// another member gets it, as with QoS 1.
fn unsent(slot: Slot, known: impl Fn(PacketId) -> bool) -> Slot {
    let awaiting = match slot.awaiting {
        Awaiting::PubRec(delivery) if !known(slot.packet_id) => Awaiting::PubAck(delivery),
        other @ (Awaiting::PubAck(_) | Awaiting::PubRec(_) | Awaiting::PubComp) => other,
    };
    Slot { awaiting, ..slot }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        broker::{
            Message,
            bridge::tests,
            message::Meta,
            mqueue::{Delivery, SubscriptionIds},
            retained::Retained,
            stats::Metric,
        },
        mqtt::Version,
        net::clock::Clock,
        node::registry::Taken,
        topic::hashing::group_number,
    };

    fn member() -> Member {
        let hub = Arc::new(Hub::new(Clock::system(), 1, Retained::default(), Arc::default()));
        Member::new(hub, "r", &tests::settings(Version::V5))
    }

    /// The session, taken out of the registry: it is as if a connection had it.
    fn taken(member: &Member) -> (Box<Parked>, Arc<Mailbox>) {
        let taken = member.hub.registry.take(&member.client_id, false);
        let Some((Taken::Parked(parked), mailbox)) = taken else { panic!("{taken:?}") };
        (parked, mailbox)
    }

    /// Of three messages of QoS 2 that were sent to it, it has read one.
    #[test]
    fn what_was_on_its_way_to_the_bridge_goes_to_others_when_it_leaves() {
        let mut member = member();
        assert!(member.join());
        let (mut parked, mailbox) = taken(&member);
        let group = group_number(&format!("{GROUP}r"), "#");
        let meta = Meta { qos: QoS::ExactlyOnce, retain: false, expires_at: None, publisher: 0 };
        for _ in 0..3 {
            let delivery = Delivery {
                message: Message::new("t", &[], &[], meta),
                ids: SubscriptionIds::None,
                qos: QoS::ExactlyOnce,
                retain: false,
                group,
            };
            let id = parked.session.inflight.next_id().unwrap();
            parked.session.inflight.push(id, Awaiting::PubRec(delivery), member.hub.clock.now());
        }
        assert!(!member.leave(|id| id == PacketId::FIRST), "its connection has it");
        assert!(member.is_in());
        member.hub.park(*parked, &mailbox);
        assert!(member.leave(|id| id == PacketId::FIRST));
        assert!(!member.is_in() && !member.leave(|_| true));
        // There is no other node here, so that they are counted where they would go to one.
        assert_eq!(member.hub.stats.sum(Metric::MessagesDroppedNoSubscribers), 2);
    }

    /// Its number 1 is that of a message of the process before, which nobody sends again.
    #[test]
    fn a_session_of_the_process_before_knows_no_qos_2() {
        let mut member = member();
        assert!(member.join());
        let (mut parked, mailbox) = taken(&member);
        parked.session.awaiting_rel.insert(PacketId::FIRST, member.hub.clock.now());
        member.hub.park(*parked, &mailbox);
        member.inside = None;
        assert!(member.join());
        assert!(taken(&member).0.session.awaiting_rel.is_empty());
    }
}
