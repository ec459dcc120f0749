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
        session::Session,
        subscriptions::Subscriber,
    },
    mqtt::{QoS, SubscriptionOptions},
    net::supervise,
    node::{
        connection::Connection,
        hub::Hub,
        listener::places::Places,
        mailbox::Mailbox,
        registry::{Opened, Parked},
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

    /// Ends the session: what waits goes to members on other nodes. `false`: there was none.
    pub(super) fn leave(&mut self) -> bool {
        if self.inside.is_none() {
            return false;
        }
        self.dropped = self.dropped();
        self.inside = None;
        self.hub.kick(&self.client_id);
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        broker::{bridge::tests, retained::Retained},
        mqtt::{PacketId, Version},
        net::clock::Clock,
        node::registry::Taken,
    };

    /// Its number 1 is that of a message of the process before, which nobody sends again.
    #[test]
    fn a_session_of_the_process_before_knows_no_qos_2() {
        let hub = Arc::new(Hub::new(Clock::system(), 1, Retained::default(), Arc::default()));
        let mut member = Member::new(hub.clone(), "r", &tests::settings(Version::V5));
        assert!(member.join());
        let taken = hub.registry.take(&member.client_id, false);
        let Some((Taken::Parked(mut parked), mailbox)) = taken else { panic!("{taken:?}") };
        parked.session.awaiting_rel.insert(PacketId::FIRST, hub.clock.now());
        hub.park(*parked, &mailbox);
        member.inside = None;
        assert!(member.join());
        let taken = hub.registry.take(&member.client_id, false);
        let Some((Taken::Parked(parked), _)) = taken else { panic!("{taken:?}") };
        assert!(parked.session.awaiting_rel.is_empty());
    }
}
