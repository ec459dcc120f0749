//! What the connections of a node share: the tables behind leaf locks, the registry, the counters.
//!
//! Locks are taken one at a time and never across an await, so there is no order to remember (but registry.rs).

use std::{
    sync::{
        Arc, OnceLock, RwLock,
        atomic::{AtomicU8, AtomicU64, Ordering},
    },
    task::Waker,
    time::Duration,
};

use super::{
    clients::ClientRow,
    link::Peers,
    locks,
    mailbox::{Mailbox, Signal},
    mesh::Mesh,
    publish::Returns,
    registry::{Parked, Registry},
    sections::Sections,
    takeover::Takeovers,
    told::Told,
};
use crate::{
    broker::{
        ClientId, Message, RetainSettings, Settings,
        message::Meta,
        retained::Retained,
        session::Session,
        settings::SharedStrategy,
        stats::{Gauge, Metric, Stats},
        subscriptions::{Subscriber, Subscriptions},
        will::Will,
    },
    cluster::routes::{RouteKey, RouteTable},
    mqtt::QoS,
    net::clock::Clock,
    time::{Stamp, Time},
    topic::{TopicFilter, TopicName, share::Subscription},
};

/// How long a listing waits for a busy connection to describe itself.
const DESCRIBE_LIMIT: Duration = Duration::from_secs(2);

/// What the connections of a node share.
pub struct Hub {
    /// Counters and gauges.
    pub stats: Arc<Stats>,
    /// The clock.
    pub clock: Clock,
    /// Sessions by client id.
    pub registry: Registry,
    pub(super) subscriptions: RwLock<Subscriptions<Arc<Mailbox>>>,
    /// Shared with the mesh, which keeps it equal to those of other nodes.
    pub(super) retained: Arc<RwLock<Retained>>,
    /// Logs that there is no room for retained messages, now and then.
    retained_full: Told,
    /// Routes of the other nodes.
    pub(super) routes: Arc<RwLock<RouteTable>>,
    pub(super) mesh: OnceLock<Mesh>,
    /// The nodes that the routes name.
    pub(super) peers: Arc<Peers>,
    next_session: AtomicU64,
    /// Number of the next message to other nodes.
    pub(super) next_message: AtomicU64,
    /// How the member of a shared group is chosen: [`SharedStrategy::number`].
    pub(super) shared_strategy: AtomicU8,
    /// Counts the choices of nodes, for `round_robin`.
    pub(super) shared_turn: AtomicU64,
    /// PUBACK waits for other nodes (`cluster.publish_ack = peers`).
    pub(super) waits_for_peers: bool,
    /// SUBACK waits for other nodes (`broker.suback = cluster`).
    pub(super) suback_waits: bool,
    /// CONNECT waits for other nodes (`broker.session_locking_strategy`).
    pub(super) connect_waits: bool,
    /// Messages for shared groups that came back from other nodes.
    pub(super) returns: Returns,
    /// Publishes between the look at who wants the message and the push.
    pub(super) sections: Arc<Sections>,
    /// Sessions on their way between nodes.
    pub(super) takeovers: Takeovers,
    /// Limits of sessions that come from another node before their client does.
    pub(super) session_settings: RwLock<Settings>,
}

impl Hub {
    /// Empty tables. `routes` is what the mesh writes.
    #[must_use]
    pub fn new(
        clock: Clock,
        cores: usize,
        retained: Retained,
        routes: Arc<RwLock<RouteTable>>,
    ) -> Self {
        Self {
            stats: Arc::new(Stats::new(cores)),
            clock,
            registry: Registry::default(),
            subscriptions: RwLock::default(),
            retained: Arc::new(RwLock::new(retained)),
            retained_full: Told::default(),
            routes,
            mesh: OnceLock::new(),
            peers: Arc::default(),
            next_session: AtomicU64::new(1),
            next_message: AtomicU64::new(1),
            shared_strategy: AtomicU8::new(0),
            shared_turn: AtomicU64::new(0),
            waits_for_peers: true,
            suback_waits: true,
            connect_waits: true,
            returns: Returns::default(),
            sections: Arc::default(),
            takeovers: Takeovers::default(),
            session_settings: RwLock::default(),
        }
    }

    /// A number for a new session.
    pub(super) fn session_number(&self) -> u64 {
        self.next_session.fetch_add(1, Ordering::Relaxed)
    }

    /// The mesh, once it is there.
    #[must_use]
    pub fn mesh(&self) -> Option<&Mesh> {
        self.mesh.get()
    }

    /// Whether a client that connects must be claimed in the cluster before its session is opened.
    pub(super) fn asks_before_opening(&self) -> bool {
        self.connect_waits && self.mesh().is_some_and(Mesh::has_peers)
    }

    /// A value of the hybrid clock, for a claim that nobody else is asked about.
    pub(super) fn tick(&self) -> u64 {
        self.mesh().map_or(0, |mesh| mesh.tick(self.clock.wall()))
    }

    /// Enters a subscription; tells the mesh of the first of its filter. `true` when other nodes must learn of it.
    pub(super) fn subscribe(
        &self,
        to: &Subscription,
        subscriber: Subscriber<Arc<Mailbox>>,
    ) -> bool {
        let first = {
            let mut table = locks::write(&self.subscriptions);
            let first = table.subscribe(to, subscriber);
            if first {
                // Told under the lock, so that the mesh hears of first and last in the order in which they happened.
                self.announce(to, true);
            }
            first
        };
        first && self.suback_waits && self.mesh().is_some_and(Mesh::has_peers)
    }

    /// Takes a subscription out; tells the mesh of the last of its filter.
    pub(super) fn unsubscribe(&self, to: &Subscription, session: u64) {
        let mut table = locks::write(&self.subscriptions);
        if table.unsubscribe(to, session) {
            self.announce(to, false);
        }
    }

    fn announce(&self, to: &Subscription, added: bool) {
        if let Some(mesh) = self.mesh() {
            let key = RouteKey { filter: to.filter.clone(), group: to.group.clone() };
            if added { mesh.route_added(key) } else { mesh.route_removed(key) }
        }
    }

    /// Ends a session: its subscriptions are taken out.
    pub(super) fn end_session(&self, session: &Session) {
        for (to, _) in session.subscriptions.iter() {
            self.unsubscribe(to, session.number);
        }
        if session.claim != 0
            && let Some(mesh) = self.mesh().filter(|mesh| mesh.has_peers())
        {
            mesh.unclaim(session.client_id.shared(), session.claim);
        }
        self.stats.count(Metric::SessionTerminated);
    }

    /// Ends a session that was parked; its will goes out with it [MQTT-3.1.3-9].
    pub(super) fn end_parked(&self, parked: Parked) {
        if let Some((will, _)) = parked.will {
            self.publish_will(*will);
        }
        self.end_session(&parked.session);
    }

    /// `broker.shared_subscription_strategy`
    pub fn set_shared_strategy(&self, strategy: SharedStrategy) {
        self.shared_strategy.store(strategy.number(), Ordering::Relaxed);
    }

    /// Publishes a will.
    pub(super) fn publish_will(&self, will: Will) {
        let message = will.into_message(self.clock.now());
        self.publish_now(&message);
    }

    /// Publishes outside of a connection.
    pub fn publish_now(&self, message: &Message) {
        let mut bells: Vec<Waker> = Vec::new();
        self.publish(message, None, false, &mut bells);
        bells.into_iter().for_each(Waker::wake);
        self.flush_links();
    }

    /// Publishes a `$SYS` topic to the clients of this node.
    pub fn publish_system(&self, topic: &str, payload: &[u8], retain: bool) {
        if TopicName::parse(topic).is_err() {
            return;
        }
        let meta = Meta { qos: QoS::AtMostOnce, retain, expires_at: None, publisher: 0 };
        let message = Message::new(topic, &[], payload, meta);
        if retain {
            let _ = self.keep(&message, Stamp::LOCAL);
        }
        let mut bells: Vec<Waker> = Vec::new();
        self.publish_local(&message, &mut bells);
        bells.into_iter().for_each(Waker::wake);
    }

    /// Keeps a retained message, or forgets one. `false`: there is no room for it.
    pub(super) fn retain(&self, message: &Message) -> bool {
        let stamp = self.mesh().map_or(Stamp::LOCAL, |mesh| mesh.stamp(self.clock.wall()));
        self.keep(message, stamp)
    }

    fn keep(&self, message: &Message, stamp: Stamp) -> bool {
        let kept = locks::write(&self.retained).store(message, stamp, self.clock.now());
        match kept {
            Ok(first) => {
                self.stats.count(Metric::MessagesRetained);
                if let Some(mesh) = self.mesh().filter(|_| first) {
                    mesh.retained_changed();
                }
                true
            }
            Err(reason) if reason.is_full() => {
                self.stats.count(Metric::LimitRetained);
                if self.retained_full.is_due("retained", self.clock.now()) {
                    tracing::warn!(topic = message.topic(), %reason, "retained message refused");
                }
                false
            }
            Err(reason) => {
                self.stats.count(Metric::LimitRetained);
                tracing::debug!(topic = message.topic(), %reason, "retained message not kept");
                true
            }
        }
    }

    /// Forgets a retained message, or all that `filter` matches; returns how many.
    pub fn clean_retained(&self, filter: Option<&TopicFilter>) -> usize {
        const STEP: usize = 1000;
        let (mut after, mut cleaned) = (None::<Arc<str>>, 0);
        loop {
            let topics = locks::read(&self.retained).topics(after.as_deref(), STEP);
            let Some(last) = topics.last().cloned() else { return cleaned };
            after = Some(last);
            let wanted = |topic: &&Arc<str>| {
                let system = topic.starts_with("$SYS/");
                filter.map_or(!system, |filter| {
                    TopicName::parse(topic).is_ok_and(|name| filter.matches(name))
                })
            };
            for topic in topics.iter().filter(wanted) {
                let meta =
                    Meta { qos: QoS::AtMostOnce, retain: true, expires_at: None, publisher: 0 };
                self.retain(&Message::new(topic, &[], b"", meta));
                cleaned += 1;
            }
        }
    }

    /// Retained messages kept.
    #[must_use]
    pub fn retained_count(&self) -> usize {
        locks::read(&self.retained).len()
    }

    /// Sets the gauges that are counted only when somebody looks.
    pub fn refresh_gauges(&self) {
        let (filters, all, shared) = {
            let table = locks::read(&self.subscriptions);
            (table.filters(), table.len(), table.shared())
        };
        let (sessions, parked) = self.registry.count();
        let routes = locks::read(&self.routes).len();
        let set = |gauge, value: usize| self.stats.set(gauge, value as u64);
        set(Gauge::Retained, self.retained_count());
        set(Gauge::Subscriptions, all);
        set(Gauge::Suboptions, all);
        set(Gauge::Subscribers, all);
        set(Gauge::SubscriptionsShared, shared);
        set(Gauge::Topics, filters + routes);
        set(Gauge::Routes, filters + routes);
        set(Gauge::Sessions, sessions);
        set(Gauge::Channels, sessions);
        set(Gauge::Connections, sessions - parked);
        set(Gauge::LiveConnections, sessions - parked);
    }

    /// All clients of this node, or the one named, sorted by id.
    pub async fn clients(&self, only: Option<&ClientId>) -> Vec<ClientRow> {
        let (mut rows, answers) = self.registry.describe(only);
        let _ = tokio::time::timeout(DESCRIBE_LIMIT, async {
            for answer in answers {
                rows.extend(answer.await.ok());
            }
        })
        .await;
        rows.sort_by(|a, b| a.client_id.cmp(&b.client_id));
        rows
    }

    /// Ends the connection and the session of a client. `false` when it is not known here.
    pub fn kick(&self, client_id: &ClientId) -> bool {
        match self.registry.kick(client_id) {
            None => false,
            Some(None) => true,
            Some(Some(parked)) => {
                self.end_parked(*parked);
                true
            }
        }
    }

    /// Tells every connection that the node stops.
    pub fn shut_down(&self) {
        self.registry.signal_all(|| Signal::ShutDown);
    }

    /// Routes to this node: filters its clients subscribe to, sorted.
    #[must_use]
    pub fn own_routes(&self) -> Vec<RouteKey> {
        let mut all = Vec::new();
        locks::read(&self.subscriptions).for_each_route(|filter, group| {
            all.push(RouteKey { filter: filter.clone(), group: group.cloned() });
        });
        all.sort();
        all
    }

    /// Routes of another node, sorted.
    #[must_use]
    pub fn routes_of(&self, index: u16) -> Vec<RouteKey> {
        locks::read(&self.routes).routes_of(index).into_iter().map(|(key, _)| key).collect()
    }

    /// Swaps the limits of retained messages.
    pub fn reload_retain(&self, settings: RetainSettings) {
        locks::write(&self.retained).set_limits(settings);
    }

    /// Wills and ends of parked sessions, and the life of retained messages. Runs for ever.
    pub(super) async fn janitor(self: Arc<Self>) {
        const SWEEP_EVERY: Duration = Duration::from_secs(30);
        let mut next_sweep = self.clock.now() + SWEEP_EVERY;
        loop {
            let now = self.clock.now();
            while let Some(due) = self.registry.due(now) {
                if let Some(will) = due.will {
                    self.publish_will(*will);
                }
                if let Some(session) = due.expired {
                    self.end_session(&session);
                }
            }
            if now >= next_sweep {
                self.sweep_retained(now).await;
                next_sweep = self.clock.now() + SWEEP_EVERY;
            }
            let wake = self.registry.deadline().map_or(next_sweep, |at| at.min(next_sweep));
            tokio::select! {
                () = tokio::time::sleep_until(self.clock.instant(wake)) => {}
                () = self.registry.changed.notified() => {}
            }
        }
    }

    async fn sweep_retained(&self, now: Time) {
        const STEP: usize = 1000;
        let mut after = None;
        loop {
            after = locks::write(&self.retained).sweep(now, after.as_deref(), STEP);
            if after.is_none() {
                return;
            }
            tokio::task::yield_now().await;
        }
    }
}
