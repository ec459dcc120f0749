//! What the connections of a node share: the tables behind leaf locks, the registry, the counters.
//!
//! Locks are taken one at a time and never across an await, so there is no order to remember (but registry.rs).

use std::{
    path::PathBuf,
    sync::{
        Arc, Mutex, OnceLock, RwLock,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    task::Waker,
    time::Duration,
};

use tokio::sync::oneshot;

use super::{
    access::authenticator::Authenticator,
    access::banned::BanList,
    access::renewal::Renewal,
    alarms::Board,
    announced::Announced,
    asking::Asking,
    clients::ClientRow,
    evacuation::Evacuations,
    forward::Forwarded,
    groups::{Strategies, Turns},
    limits::{Limits, WillPace},
    link::Peers,
    listener::handshakes::Handshakes,
    listener::places::NodePlaces,
    locks,
    mailbox::{Mailbox, Signal},
    memory::Memory,
    mesh::Mesh,
    paced::PacedWills,
    publish::{Publisher, Returns},
    registry::{Due, Kicked, Parked, Registry},
    rest::apps::Apps,
    sections::Sections,
    takeover::Takeovers,
    tls::listener::ListenerTls,
    told::Told,
    traces::Traces,
    work,
};
use crate::{
    broker::{
        ClientId, Message, RetainSettings, Settings,
        delayed::Delayed,
        message::Meta,
        retained::{NotKept, Retained, is_system},
        session::Session,
        stats::{Gauge, Metric, Stats},
        subscriptions::{Change, Subscriber, Subscriptions},
    },
    cluster::routes::{RouteKey, RouteMatches, RouteTable},
    mqtt::QoS,
    net::{clock::Clock, supervise},
    sort,
    time::{Stamp, Time},
    topic::{TopicFilter, TopicName, share::Subscription},
};

/// Least work of a delayed message that is due: it is taken out, and may be one of very many.
const DUE: usize = work::TURN / 256;
/// How long a listing waits for a busy connection to describe itself.
const DESCRIBE_LIMIT: Duration = Duration::from_secs(2);

/// What the connections of a node share.
pub struct Hub {
    /// Name of the node, as in `$SYS/brokers/<node>`.
    pub(super) name: String,
    /// Counters and gauges.
    pub stats: Arc<Stats>,
    /// The clock.
    pub clock: Clock,
    /// Sessions by client id.
    pub registry: Registry,
    /// What operators want to see of clients.
    pub traces: Arc<Traces>,
    /// Who is kept out.
    pub(super) bans: BanList,
    /// Who may use the HTTP API.
    pub(super) apps: Apps,
    /// TLS of the HTTP API, where it is spoken.
    pub(super) api_tls: OnceLock<ListenerTls>,
    /// The next process takes the clients over: nobody gets in any more.
    pub(super) resting: AtomicBool,
    /// The clients are sent to other nodes.
    pub(super) evacuations: Evacuations,
    /// Verifies passwords.
    pub(super) authenticator: Authenticator,
    pub(super) subscriptions: RwLock<Subscriptions<Arc<Mailbox>>>,
    /// Shared with the mesh, which keeps it equal to those of other nodes.
    pub(super) retained: Arc<RwLock<Retained>>,
    /// Logs that there is no room for retained messages, now and then.
    retained_full: Told,
    pub(super) delayed: Mutex<Delayed>,
    /// Routes of the other nodes.
    pub(super) routes: Arc<RwLock<RouteTable>>,
    pub(super) mesh: OnceLock<Mesh>,
    /// Whether other nodes have the routes of this one.
    pub(super) announced: Announced,
    /// The nodes that the routes name.
    pub(super) peers: Arc<Peers>,
    next_session: AtomicU64,
    /// Number of the next message to other nodes.
    pub(super) next_message: AtomicU64,
    /// How the member of a shared group is chosen.
    pub(super) strategies: Strategies,
    /// Choices of nodes for shared groups.
    pub(super) turns: Turns,
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
    /// What operators ask about other nodes.
    pub(super) asking: Asking,
    /// Limits of sessions that come from another node before their client does.
    pub(super) session_settings: RwLock<Settings>,
    /// What clients may do from now on.
    pub(super) rules: RwLock<Option<Arc<Renewal>>>,
    /// Places for the connections of all listeners.
    pub(super) places: Arc<NodePlaces>,
    /// Panics of tasks that are in the counters.
    panics: AtomicU64,
    /// Places for TLS handshakes with clients.
    pub(super) handshakes: Handshakes,
    /// Limits of the node as a whole.
    pub(super) limits: Limits,
    /// How it stands with the memory of the process.
    pub(super) memory: Memory,
    /// The alarms.
    pub(super) board: Board,
    /// When wills may go out.
    pub(super) will_pace: WillPace,
    /// Wills that wait for their turn among the delayed messages.
    pub(super) paced_wills: PacedWills,
    /// Logs that there is no room for another filter, now and then.
    routes_full: Told,
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
        let stats = Arc::new(Stats::new(cores));
        Self {
            name: String::new(),
            traces: Arc::new(Traces::new(PathBuf::from("trace"), clock)),
            bans: BanList::default(),
            apps: Apps::default(),
            api_tls: OnceLock::new(),
            resting: AtomicBool::new(false),
            evacuations: Evacuations::default(),
            authenticator: Authenticator::new(stats.clone()),
            stats,
            clock,
            registry: Registry::default(),
            subscriptions: RwLock::default(),
            retained: Arc::new(RwLock::new(retained)),
            retained_full: Told::default(),
            delayed: Mutex::default(),
            routes,
            mesh: OnceLock::new(),
            announced: Announced::default(),
            peers: Arc::default(),
            next_session: AtomicU64::new(1),
            next_message: AtomicU64::new(1),
            strategies: Strategies::default(),
            turns: Turns::default(),
            waits_for_peers: true,
            suback_waits: true,
            connect_waits: true,
            returns: Returns::default(),
            sections: Arc::default(),
            takeovers: Takeovers::default(),
            asking: Asking::default(),
            session_settings: RwLock::default(),
            rules: RwLock::default(),
            places: Arc::new(NodePlaces::new(usize::MAX)),
            panics: AtomicU64::new(0),
            handshakes: Handshakes::default(),
            limits: Limits::default(),
            memory: Memory::default(),
            board: Board::default(),
            will_pace: WillPace::default(),
            paced_wills: PacedWills::default(),
            routes_full: Told::default(),
        }
    }

    /// A number for a new session.
    pub(super) fn session_number(&self) -> u64 {
        self.next_session.fetch_add(1, Ordering::Relaxed)
    }

    /// Sessions of the process before keep their numbers; new ones get others.
    pub(super) fn number_sessions_above(&self, last: Option<u64>) {
        self.next_session.fetch_max(last.unwrap_or(0) + 1, Ordering::Relaxed);
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
            let change = table.subscribe(to, subscriber);
            self.tell_of(to, change)
        };
        first && self.suback_waits && self.mesh().is_some_and(Mesh::has_peers)
    }

    /// As [`Self::subscribe`], for one session alone; `None` when another has it, here or on another node. Two that ask at the same
    /// time on two nodes may both get it; each message still goes to one of them.
    pub(super) fn subscribe_alone(
        &self,
        to: &Subscription,
        subscriber: Subscriber<Arc<Mailbox>>,
    ) -> Option<bool> {
        // A member of its own may be of both nodes for a moment; it goes on.
        let own = locks::read(&self.subscriptions).is_member(to, subscriber.session);
        let group = to.group.as_deref().unwrap_or_default();
        if !own && locks::read(&self.routes).has_member(group, &to.filter) {
            return None;
        }
        let first = {
            let mut table = locks::write(&self.subscriptions);
            let change = table.subscribe_alone(to, subscriber)?;
            self.tell_of(to, change)
        };
        Some(first && self.suback_waits && self.mesh().is_some_and(Mesh::has_peers))
    }

    /// Tells the mesh of a subscription that was added, if it must know; under the lock, so that it hears of first and last in
    /// the order in which they happened. `true` when it is the first.
    fn tell_of(&self, to: &Subscription, change: Change) -> bool {
        if is_told(to, change) {
            self.announce(to, true);
        }
        if change.turns {
            self.announced.add();
        }
        change.turns
    }

    /// Resolves when other nodes have every route that was announced so far, and [`Announced::on_passed`] is to know; with what.
    /// `None` when they have, or when nobody waits for that.
    pub(super) fn barrier(&self) -> Option<(oneshot::Receiver<()>, u64)> {
        let mesh = self.mesh().filter(|mesh| self.suback_waits && mesh.has_peers())?;
        let count = self.announced.open()?;
        Some((mesh.barrier(), count))
    }

    /// Keeps a message for `delay`. `false`: there are too many.
    pub(super) fn delay(&self, message: Message, delay: Duration, bounds: (usize, usize)) -> bool {
        let at = self.clock.now() + delay;
        let (kept, next) = {
            let mut delayed = locks::lock(&self.delayed);
            (delayed.push(message, at, bounds), delayed.deadline())
        };
        self.stats.count(if kept { Metric::MessagesDelayed } else { Metric::LimitDelayed });
        if kept && next == Some(at) {
            self.registry.changed.notify_one();
        }
        kept
    }

    /// Takes a subscription out; tells the mesh of the last of its filter.
    pub(super) fn unsubscribe(&self, to: &Subscription, session: u64) {
        let mut table = locks::write(&self.subscriptions);
        let change = table.unsubscribe(to, session);
        if is_told(to, change) {
            self.announce(to, false);
        }
    }

    fn announce(&self, to: &Subscription, added: bool) {
        if let Some(mesh) = self.mesh() {
            let key = RouteKey { filter: to.filter.clone(), group: to.group.clone() };
            if added { mesh.route_added(key) } else { mesh.route_removed(key) }
        }
    }

    /// Ends a session: its subscriptions are taken out, and other members of its groups get what it has not acknowledged.
    pub(super) fn end_session(&self, session: &Session, mailbox: &Mailbox) {
        for (to, _) in session.subscriptions.iter() {
            self.unsubscribe(to, session.number);
        }
        self.redispatch(session, mailbox);
        if session.claim != 0
            && let Some(mesh) = self.mesh().filter(|mesh| mesh.has_peers())
        {
            mesh.unclaim(session.client_id.shared(), session.claim);
        }
        self.stats.count(Metric::SessionTerminated);
    }

    /// Ends a session that was parked; its will goes out with it [MQTT-3.1.3-9].
    pub(super) fn end_parked(&self, parked: Parked, mailbox: &Mailbox) {
        if let Some((will, _)) = parked.will {
            self.publish_will(&parked.session.client_id, *will);
        }
        self.end_session(&parked.session, mailbox);
    }

    /// This process comes to rest for the next one.
    pub(super) fn is_resting(&self) -> bool {
        self.resting.load(Ordering::Acquire)
    }

    /// Whether filters that nobody subscribes to may begin, so many of them.
    pub(super) fn has_room_for_filters(&self, more: usize) -> bool {
        !self.memory.is_short()
            && locks::read(&self.subscriptions).filters() + more <= self.limits.routes
    }

    /// Whether there is no room for this filter.
    pub(super) fn refuses_filter(&self, filter: &TopicFilter) -> bool {
        {
            let table = locks::read(&self.subscriptions);
            let room = !self.memory.is_short() && table.filters() < self.limits.routes;
            if room || table.has(filter) {
                return false;
            }
        }
        if self.memory.is_short() {
            self.stats.count(Metric::LimitMemory);
        } else {
            self.stats.count(Metric::LimitRoutes);
            if self.routes_full.is_due("routes", self.clock.now()) {
                let most = self.limits.routes;
                tracing::warn!(name: "routes-full", filter = filter.as_str(), most, "subscription refused");
            }
        }
        true
    }

    /// Publishes outside of a connection.
    pub fn publish_now(&self, message: &Message) {
        self.publish_as(message, Publisher::default());
    }

    pub(super) fn publish_as(&self, message: &Message, publisher: Publisher<'_>) {
        let mut bells: Vec<Waker> = Vec::new();
        self.publish(message, publisher, &mut bells);
        bells.into_iter().for_each(Waker::wake);
        self.flush_links();
    }

    /// Whether a client of this node or another node wants messages to this topic now.
    pub(super) fn is_wanted(&self, topic: &str) -> bool {
        let Ok(topic) = TopicName::parse(topic) else { return false };
        let here = locks::read(&self.subscriptions).wants(topic);
        let mut elsewhere = RouteMatches::default();
        if !here {
            locks::read(&self.routes).matches(topic, &mut elsewhere);
        }
        here || !elsewhere.is_empty()
    }

    /// Publishes a `$SYS/brokers` topic, to the clients of every node. It counts neither as published nor as dropped.
    pub fn publish_system(&self, topic: &str, payload: &[u8], qos: QoS, retain: bool) {
        self.tell_all(topic, payload, (qos, retain), |message, bells| {
            self.route(message, Publisher::default(), bells);
        });
        self.flush_links();
    }

    /// Publishes a topic that every node has for itself, to the clients of this one; who subscribes later gets it as well.
    pub fn publish_own(&self, topic: &str, payload: &[u8]) {
        self.tell_all(topic, payload, (QoS::AtMostOnce, true), |message, bells| {
            self.publish_local(message, bells);
        });
    }

    fn tell_all(
        &self,
        topic: &str,
        payload: &[u8],
        (qos, retain): (QoS, bool),
        publish: impl FnOnce(&Message, &mut Vec<Waker>),
    ) {
        if TopicName::parse(topic).is_err() {
            return;
        }
        let meta = Meta { qos, retain, expires_at: None, publisher: 0 };
        let message = Message::new(topic, &[], payload, meta);
        if retain {
            locks::write(&self.retained).store_own(&message, self.clock.now());
            self.stats.count(Metric::MessagesRetained);
        }
        let mut bells: Vec<Waker> = Vec::new();
        publish(&message, &mut bells);
        bells.into_iter().for_each(Waker::wake);
    }

    /// Keeps a retained message, or forgets one. `false`: there is no room for it.
    pub(super) fn retain(&self, message: &Message) -> bool {
        let stamp = self.mesh().map_or(Stamp::LOCAL, |mesh| mesh.stamp(self.clock.wall()));
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
                self.stats.count(match reason {
                    NotKept::Share { .. } => Metric::LimitRetainedShare,
                    NotKept::Payload { .. } | NotKept::Messages { .. } | NotKept::Memory { .. } => {
                        Metric::LimitRetained
                    }
                });
                if self.retained_full.is_due("retained", self.clock.now()) {
                    tracing::warn!(name: "retained-refused", topic = message.topic(), %reason, "retained message refused");
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
    pub async fn clean_retained(&self, filter: Option<&TopicFilter>) -> usize {
        let (mut after, mut cleaned) = (None::<Arc<str>>, 0);
        loop {
            let topics = locks::read(&self.retained).topics(after.as_deref(), work::LOOK);
            let Some(last) = topics.last().cloned() else { return cleaned };
            after = Some(last);
            let wanted = |topic: &&Arc<str>| {
                filter.map_or(!is_system(topic), |filter| {
                    TopicName::parse(topic).is_ok_and(|name| filter.matches(name))
                })
            };
            for topic in topics.iter().filter(wanted) {
                let meta =
                    Meta { qos: QoS::AtMostOnce, retain: true, expires_at: None, publisher: 0 };
                self.retain(&Message::new(topic, &[], b"", meta));
                cleaned += 1;
            }
            tokio::task::yield_now().await;
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
        set(Gauge::Delayed, locks::lock(&self.delayed).len());
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

    /// Every counter, with the panics of tasks up to now.
    pub fn metrics(&self) -> impl Iterator<Item = (&'static str, u64)> + '_ {
        let seen = supervise::panics();
        let known = self.panics.fetch_max(seen, Ordering::Relaxed);
        self.stats.add(Metric::Panics, seen.saturating_sub(known));
        self.stats.metrics()
    }

    /// All clients of this node, or the one named, sorted by id.
    pub async fn clients(&self, only: Option<&ClientId>) -> Vec<ClientRow> {
        let now = (self.clock.now(), self.clock.wall());
        let (mut rows, answers) = self.registry.describe(only, now);
        let _ = tokio::time::timeout(DESCRIBE_LIMIT, async {
            for answer in answers {
                rows.extend(answer.await.ok());
            }
        })
        .await;
        sort::sort_by(&mut rows, |a, b| a.client_id.cmp(&b.client_id));
        rows
    }

    /// Ends the connection and the session of a client. `false` when it is not known here.
    pub fn kick(&self, client_id: &ClientId) -> bool {
        match self.registry.kick(client_id) {
            None => false,
            Some(None) => true,
            Some(Some(Kicked { parked, mailbox, will })) => {
                self.end_parked(*parked, &mailbox);
                self.will_over(client_id, will);
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
        sort::sort(&mut all);
        all
    }

    /// Routes of another node, sorted.
    #[must_use]
    pub fn routes_of(&self, index: u16) -> Vec<RouteKey> {
        locks::read(&self.routes).routes_of(index).into_iter().map(|(key, _)| key).collect()
    }

    /// What holds for sessions that come from other nodes, and who may take one.
    pub(super) fn set_session_settings(&self, settings: Settings) {
        self.registry.set_replaces(settings.replaces_sessions);
        *locks::write(&self.session_settings) = settings;
    }

    /// Swaps the limits of retained messages.
    pub fn reload_retain(&self, settings: RetainSettings) {
        locks::write(&self.retained).set_limits(settings);
    }

    /// Publishes delayed messages that are due, at most a piece of them. They were acknowledged, so none may be refused: the nodes
    /// that must have the last one before the next is taken out are returned.
    pub(super) fn publish_due(&self, now: Time) -> Option<Forwarded> {
        let publisher = Publisher { patient: true, ..Publisher::default() };
        let (mut bells, mut slow, mut work) = (Vec::new(), Vec::new(), 0);
        while work < work::TURN {
            // Bound, so that the lock is not held while it is published.
            let due = locks::lock(&self.delayed).due(now);
            let Some((place, message)) = due else { break };
            let outcome = self.publish(&message, publisher, &mut bells);
            self.on_delayed_published(place);
            work += outcome.work.max(DUE);
            slow = outcome.slow;
            if !slow.is_empty() {
                break;
            }
        }
        bells.into_iter().for_each(Waker::wake);
        self.flush_links();
        (!slow.is_empty()).then(|| {
            self.stats.count(Metric::MeshForwardHeld);
            Forwarded::new(slow, now)
        })
    }

    /// Wills and ends of parked sessions, delayed messages, and the life of retained ones. Runs for ever.
    pub(super) async fn janitor(self: Arc<Self>) {
        const SWEEP_EVERY: Duration = Duration::from_secs(30);
        const PIECE: usize = 64;
        let mut next_sweep = self.clock.now() + SWEEP_EVERY;
        // Nodes that are too slow for the delayed messages.
        let mut held: Option<Forwarded> = None;
        loop {
            let now = self.clock.now();
            let mut ended = 0;
            while let Some(due) = self.registry.due(now) {
                self.end_due(due);
                ended += 1;
                if ended % PIECE == 0 {
                    // There may be all of a node; others run on this thread too.
                    tokio::task::yield_now().await;
                }
            }
            if held.as_ref().is_none_or(Forwarded::has_arrived) {
                held = self.publish_due(now);
            }
            if let Some(held) = &mut held {
                let hub = self.clone();
                held.ring(move || hub.registry.changed.notify_one());
            }
            if now >= next_sweep {
                self.sweep_retained(now).await;
                next_sweep = self.clock.now() + SWEEP_EVERY;
            }
            let delayed = locks::lock(&self.delayed).deadline().filter(|_| held.is_none());
            tokio::task::yield_now().await;
            let wake = [self.registry.deadline(), delayed]
                .into_iter()
                .flatten()
                .fold(next_sweep, Time::min);
            tokio::select! {
                () = tokio::time::sleep_until(self.clock.instant(wake)) => {}
                () = self.registry.changed.notified() => {}
            }
        }
    }

    /// The time of a parked session, or of its will, is over.
    pub(super) fn end_due(&self, due: Due) {
        if let Some((client_id, will)) = due.will {
            self.publish_will(&client_id, *will);
        }
        if let Some((client_id, claim)) = due.will_over {
            self.will_over(&client_id, Some(claim));
        }
        if let Some((session, mailbox)) = due.expired {
            self.end_session(&session, &mailbox);
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

/// Whether the cluster hears of a change: of the first and last subscriber of a filter, and of each member of a group, as the
/// nodes share its messages by the number of members.
const fn is_told(to: &Subscription, change: Change) -> bool {
    change.turns || (change.counts && to.group.is_some())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        cluster::routes::{RouteOp, TableOp},
        mqtt::SubscriptionOptions,
    };

    /// The routes may name another node for a moment, when two clients have asked at once.
    #[test]
    fn who_has_an_exclusive_subscription_keeps_it() {
        let retained = Retained::new(RetainSettings::default(), false);
        let hub = Hub::new(Clock::system(), 1, retained, Arc::default());
        let to = Subscription::parse("$exclusive/x").unwrap();
        let mailbox = Arc::new(Mailbox::new(&Settings::default()));
        let subscriber =
            |session| Subscriber::new(mailbox.clone(), session, 0, SubscriptionOptions::default());
        assert_eq!(hub.subscribe_alone(&to, subscriber(1)), Some(false));
        let key = RouteKey { filter: to.filter.clone(), group: to.group.clone() };
        let ops = Arc::from([RouteOp { add: true, key, weight: 1 }]);
        {
            let mut routes = locks::write(&hub.routes);
            routes.apply(&TableOp::SnapshotBegin { node: 1, drop_old: true });
            routes.apply(&TableOp::Apply { node: 1, ops });
            routes.apply(&TableOp::SnapshotEnd { node: 1 });
        }
        assert_eq!(hub.subscribe_alone(&to, subscriber(2)), None, "taken");
        assert_eq!(hub.subscribe_alone(&to, subscriber(1)), Some(false), "by itself");
        hub.unsubscribe(&to, 1);
        assert!(hub.own_routes().is_empty());
        assert_eq!(hub.subscribe_alone(&to, subscriber(1)), None, "elsewhere");
    }
}
