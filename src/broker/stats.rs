//! Counters and gauges of a node, under EMQX's names.
//!
//! Counting is on the path of every message, so each thread adds to its own shard: one relaxed add on a cache line that no
//! other thread writes (threads past the number of shards share one, which costs time, not counts). Readers sum the shards.
//! Invariant: a counter never goes down while the process lives; a gauge's high-water mark is never below the gauge.

use std::cell::Cell;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

/// Shards at most; a power of two.
const MAX_SHARDS: usize = 64;

/// Makes an enum of names, with the table of all of them.
macro_rules! named {
    ($(#[$doc:meta])* $type:ident { $($variant:ident = $name:literal,)* }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        #[repr(usize)]
        pub enum $type {
            $(#[doc = concat!("`", $name, "`")] $variant,)*
        }

        impl $type {
            /// All of them, in the order of their numbers.
            pub const ALL: &[Self] = &[$(Self::$variant,)*];

            /// The name in `emqx-rs-ctl`, `$SYS` and other tables.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self { $(Self::$variant => $name,)* }
            }
        }
    };
}

named! {
    /// What is counted. Names of EMQX 4.4 first, then ours.
    Metric {
        BytesReceived = "bytes.received",
        BytesSent = "bytes.sent",
        PacketsReceived = "packets.received",
        PacketsSent = "packets.sent",
        PacketsConnectReceived = "packets.connect.received",
        PacketsConnackSent = "packets.connack.sent",
        PacketsConnackError = "packets.connack.error",
        PacketsConnackAuthError = "packets.connack.auth_error",
        PacketsPublishReceived = "packets.publish.received",
        PacketsPublishSent = "packets.publish.sent",
        PacketsPublishInuse = "packets.publish.inuse",
        PacketsPublishError = "packets.publish.error",
        PacketsPublishAuthError = "packets.publish.auth_error",
        PacketsPublishDropped = "packets.publish.dropped",
        PacketsPubackReceived = "packets.puback.received",
        PacketsPubackSent = "packets.puback.sent",
        PacketsPubackMissed = "packets.puback.missed",
        PacketsPubrecReceived = "packets.pubrec.received",
        PacketsPubrecSent = "packets.pubrec.sent",
        PacketsPubrecMissed = "packets.pubrec.missed",
        PacketsPubrelReceived = "packets.pubrel.received",
        PacketsPubrelSent = "packets.pubrel.sent",
        PacketsPubrelMissed = "packets.pubrel.missed",
        PacketsPubcompReceived = "packets.pubcomp.received",
        PacketsPubcompSent = "packets.pubcomp.sent",
        PacketsPubcompMissed = "packets.pubcomp.missed",
        PacketsSubscribeReceived = "packets.subscribe.received",
        PacketsSubscribeError = "packets.subscribe.error",
        PacketsSubscribeAuthError = "packets.subscribe.auth_error",
        PacketsSubackSent = "packets.suback.sent",
        PacketsUnsubscribeReceived = "packets.unsubscribe.received",
        PacketsUnsubscribeError = "packets.unsubscribe.error",
        PacketsUnsubackSent = "packets.unsuback.sent",
        PacketsPingreqReceived = "packets.pingreq.received",
        PacketsPingrespSent = "packets.pingresp.sent",
        PacketsDisconnectReceived = "packets.disconnect.received",
        PacketsDisconnectSent = "packets.disconnect.sent",
        PacketsAuthReceived = "packets.auth.received",
        PacketsAuthSent = "packets.auth.sent",
        MessagesReceived = "messages.received",
        MessagesSent = "messages.sent",
        MessagesQos0Received = "messages.qos0.received",
        MessagesQos0Sent = "messages.qos0.sent",
        MessagesQos1Received = "messages.qos1.received",
        MessagesQos1Sent = "messages.qos1.sent",
        MessagesQos2Received = "messages.qos2.received",
        MessagesQos2Sent = "messages.qos2.sent",
        MessagesPublish = "messages.publish",
        MessagesDropped = "messages.dropped",
        MessagesDroppedAwaitPubrelTimeout = "messages.dropped.await_pubrel_timeout",
        MessagesDroppedNoSubscribers = "messages.dropped.no_subscribers",
        MessagesForward = "messages.forward",
        MessagesRetained = "messages.retained",
        MessagesDelayed = "messages.delayed",
        MessagesDelivered = "messages.delivered",
        MessagesAcked = "messages.acked",
        DeliveryDropped = "delivery.dropped",
        DeliveryDroppedNoLocal = "delivery.dropped.no_local",
        DeliveryDroppedTooLarge = "delivery.dropped.too_large",
        DeliveryDroppedQos0Msg = "delivery.dropped.qos0_msg",
        DeliveryDroppedQueueFull = "delivery.dropped.queue_full",
        DeliveryDroppedExpired = "delivery.dropped.expired",
        ClientConnect = "client.connect",
        ClientConnack = "client.connack",
        ClientConnected = "client.connected",
        ClientAuthenticate = "client.authenticate",
        ClientCheckAcl = "client.check_acl",
        ClientSubscribe = "client.subscribe",
        ClientUnsubscribe = "client.unsubscribe",
        ClientDisconnected = "client.disconnected",
        ClientAuthSuccess = "client.auth.success",
        ClientAuthSuccessAnonymous = "client.auth.success.anonymous",
        ClientAuthFailure = "client.auth.failure",
        ClientAclAllow = "client.acl.allow",
        ClientAclDeny = "client.acl.deny",
        ClientAclCacheHit = "client.acl.cache_hit",
        SessionCreated = "session.created",
        SessionResumed = "session.resumed",
        SessionTakeovered = "session.takeovered",
        SessionDiscarded = "session.discarded",
        SessionTerminated = "session.terminated",
        AuthVerified = "emqx_rs.auth.verified",
        AuthRemembered = "emqx_rs.auth.remembered",
        AuthBusy = "emqx_rs.auth.busy",
        AuthHttpError = "emqx_rs.auth.http_error",
        AclHttpError = "emqx_rs.acl.http_error",
        HttpRequests = "emqx_rs.http.requests",
        HttpConnections = "emqx_rs.http.connections",
        SessionOfOtherUser = "emqx_rs.session.other_user",
        BanSet = "emqx_rs.ban.set",
        BanRefused = "emqx_rs.ban.refused",
        MalformedPackets = "emqx_rs.malformed_packets",
        Panics = "emqx_rs.panics",
        LimitConnections = "emqx_rs.limit.connections",
        LimitAddress = "emqx_rs.limit.address",
        LimitConnRate = "emqx_rs.limit.conn_rate",
        LimitRate = "emqx_rs.limit.rate",
        LimitIdle = "emqx_rs.limit.idle",
        LimitPacketSize = "emqx_rs.limit.packet_size",
        LimitProperties = "emqx_rs.limit.properties",
        LimitClientId = "emqx_rs.limit.client_id",
        LimitTopic = "emqx_rs.limit.topic",
        LimitTopicAlias = "emqx_rs.limit.topic_alias",
        LimitWill = "emqx_rs.limit.will",
        LimitSubscriptions = "emqx_rs.limit.subscriptions",
        LimitRoutes = "emqx_rs.limit.routes",
        LimitSessions = "emqx_rs.limit.sessions",
        LimitReceiveMaximum = "emqx_rs.limit.receive_maximum",
        LimitRetained = "emqx_rs.limit.retained",
        LimitRetainedShare = "emqx_rs.limit.retained_share",
        LimitDelayed = "emqx_rs.limit.delayed",
        LimitWillRate = "emqx_rs.limit.will_rate",
        LimitMemory = "emqx_rs.limit.memory",
        MemoryShort = "emqx_rs.memory.short",
        MemoryShed = "emqx_rs.memory.shed",
        DiskLow = "emqx_rs.disk.low",
        AlarmActivated = "emqx_rs.alarm.activated",
        AlarmDeactivated = "emqx_rs.alarm.deactivated",
        ListenerRefused = "emqx_rs.listener.refused",
        ListenerAcceptError = "emqx_rs.listener.accept_error",
        KeepaliveTimeout = "emqx_rs.keepalive_timeout",
        SendTimeout = "emqx_rs.send_timeout",
        SharedRedispatched = "emqx_rs.shared.redispatched",
        MeshForwardReceived = "emqx_rs.mesh.forward_received",
        MeshForwardDropped = "emqx_rs.mesh.forward_dropped",
        MeshForwardReturned = "emqx_rs.mesh.forward_returned",
        MeshForwardHeld = "emqx_rs.mesh.forward_held",
        MeshAckTimeout = "emqx_rs.mesh.ack_timeout",
        MeshWillsPublished = "emqx_rs.mesh.wills_published",
        LimitMeshWills = "emqx_rs.limit.mesh_wills",
        LogLost = "emqx_rs.log.lost",
        ControlRequests = "emqx_rs.control.requests",
        ControlRefused = "emqx_rs.control.refused",
        ApiRequests = "emqx_rs.api.requests",
        ApiDenied = "emqx_rs.api.denied",
        ApiRefused = "emqx_rs.api.refused",
    }
}

named! {
    /// What is there now, each with its high-water mark: `<name>.count` and `<name>.max`.
    Gauge {
        Connections = "connections",
        LiveConnections = "live_connections",
        Channels = "channels",
        Sessions = "sessions",
        Topics = "topics",
        Suboptions = "suboptions",
        Subscribers = "subscribers",
        Subscriptions = "subscriptions",
        SubscriptionsShared = "subscriptions.shared",
        Routes = "routes",
        Retained = "retained",
        Delayed = "delayed",
    }
}

const METRICS: usize = Metric::ALL.len();
const GAUGES: usize = Gauge::ALL.len();

/// Counters of the threads with one index. 128 bytes: two cache lines, as processors fetch them in pairs.
#[repr(align(128))]
struct Shard([AtomicU64; METRICS]);

#[derive(Default)]
struct Level {
    count: AtomicU64,
    max: AtomicU64,
}

/// All counters and gauges of a node.
pub struct Stats {
    shards: Box<[Shard]>,
    gauges: [Level; GAUGES],
}

/// The number of the calling thread: given once, in the order of first use.
fn thread_number() -> usize {
    static NEXT: AtomicUsize = AtomicUsize::new(0);
    thread_local! {
        static NUMBER: Cell<usize> = const { Cell::new(usize::MAX) };
    }
    NUMBER.with(|number| {
        if number.get() == usize::MAX {
            number.set(NEXT.fetch_add(1, Ordering::Relaxed));
        }
        number.get()
    })
}

impl Stats {
    /// All zero. One shard for each of the `cores`, and as many again for the mesh and other threads.
    #[must_use]
    pub fn new(cores: usize) -> Self {
        let shards = (2 * cores).next_power_of_two().min(MAX_SHARDS);
        Self {
            shards: (0..shards).map(|_| Shard([const { AtomicU64::new(0) }; METRICS])).collect(),
            gauges: Default::default(),
        }
    }

    /// Adds `n` to a counter.
    #[inline]
    pub fn add(&self, metric: Metric, n: u64) {
        // The number of shards is a power of two.
        let shard = self.shards.get(thread_number() & (self.shards.len() - 1));
        if let Some(counter) = shard.and_then(|shard| shard.0.get(metric as usize)) {
            counter.fetch_add(n, Ordering::Relaxed);
        }
    }

    /// Adds one to a counter.
    #[inline]
    pub fn count(&self, metric: Metric) {
        self.add(metric, 1);
    }

    /// The counter over all threads. Adds of other threads that run meanwhile may be in it or not.
    #[must_use]
    pub fn sum(&self, metric: Metric) -> u64 {
        let of_shard = |shard: &Shard| {
            shard.0.get(metric as usize).map_or(0, |counter| counter.load(Ordering::Relaxed))
        };
        self.shards.iter().map(of_shard).fold(0, u64::wrapping_add)
    }

    /// Every counter by name, in the order of [`Metric::ALL`].
    pub fn metrics(&self) -> impl Iterator<Item = (&'static str, u64)> + '_ {
        Metric::ALL.iter().map(|metric| (metric.name(), self.sum(*metric)))
    }

    /// Sets a gauge.
    pub fn set(&self, gauge: Gauge, now: u64) {
        if let Some(level) = self.gauges.get(gauge as usize) {
            level.max.fetch_max(now, Ordering::Relaxed);
            level.count.store(now, Ordering::Relaxed);
        }
    }

    /// One more of what the gauge counts.
    pub fn up(&self, gauge: Gauge) {
        if let Some(level) = self.gauges.get(gauge as usize) {
            let now = level.count.fetch_add(1, Ordering::Relaxed) + 1;
            level.max.fetch_max(now, Ordering::Relaxed);
        }
    }

    /// One less of what the gauge counts. Pairs with an [`Self::up`].
    pub fn down(&self, gauge: Gauge) {
        if let Some(level) = self.gauges.get(gauge as usize) {
            let before = level.count.fetch_sub(1, Ordering::Relaxed);
            debug_assert!(before > 0, "{} went below zero", gauge.name());
        }
    }

    /// The gauge now.
    #[must_use]
    pub fn level(&self, gauge: Gauge) -> u64 {
        self.gauges.get(gauge as usize).map_or(0, |level| level.count.load(Ordering::Relaxed))
    }

    /// Every gauge with its high-water mark, in the order of [`Gauge::ALL`].
    pub fn gauges(&self) -> impl Iterator<Item = (Gauge, u64, u64)> + '_ {
        Gauge::ALL.iter().zip(&self.gauges).map(|(gauge, level)| {
            (*gauge, level.count.load(Ordering::Relaxed), level.max.load(Ordering::Relaxed))
        })
    }
}

impl std::fmt::Debug for Stats {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_map().entries(self.metrics().filter(|(_, n)| *n > 0)).finish()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::sync::Arc;

    use super::*;

    #[test]
    fn names_are_unique_and_numbers_follow_the_table() {
        for (at, metric) in Metric::ALL.iter().enumerate() {
            assert_eq!(*metric as usize, at, "{}", metric.name());
        }
        let names: BTreeSet<_> = Metric::ALL.iter().map(|metric| metric.name()).collect();
        assert_eq!(names.len(), METRICS);
    }

    #[test]
    fn threads_lose_no_count() {
        let stats = Arc::new(Stats::new(2));
        let threads = (0..MAX_SHARDS + 3).map(|_| {
            let stats = Arc::clone(&stats);
            std::thread::spawn(move || {
                for _ in 0..1000 {
                    stats.count(Metric::MessagesSent);
                    stats.add(Metric::BytesSent, 7);
                }
            })
        });
        for thread in threads.collect::<Vec<_>>() {
            thread.join().unwrap();
        }
        let runs = u64::try_from(MAX_SHARDS + 3).unwrap() * 1000;
        assert_eq!(stats.sum(Metric::MessagesSent), runs);
        assert_eq!(stats.sum(Metric::BytesSent), runs * 7);
        assert_eq!(stats.sum(Metric::BytesReceived), 0);
    }

    #[test]
    fn gauges_remember_their_highest() {
        let stats = Stats::new(2);
        stats.up(Gauge::Connections);
        stats.up(Gauge::Connections);
        stats.down(Gauge::Connections);
        stats.set(Gauge::Retained, 9);
        stats.set(Gauge::Retained, 4);
        let rows: Vec<_> = stats.gauges().filter(|(_, _, max)| *max > 0).collect();
        assert_eq!(rows, [(Gauge::Connections, 1, 2), (Gauge::Retained, 4, 9)]);
    }
}
