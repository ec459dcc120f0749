//! Limits and features of one zone: what a client may do and how much of it. Names follow `zone.$name.*` of emqx.conf.

use std::{collections::BTreeMap, time::Duration};

use super::rate::Rate;
use super::rewrite::Rule;
use crate::mqtt::{QoS, SubscriptionOptions};

/// Which member of a shared group gets the next message (`broker.shared_subscription_strategy`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum SharedStrategy {
    /// Any member.
    #[default]
    Random,
    /// One after the other.
    RoundRobin,
    /// The same member while it lives.
    Sticky,
    /// By the publisher's client id.
    HashClientId,
    /// By the topic.
    HashTopic,
    /// A member on this node if there is one, else any.
    Local,
}

impl SharedStrategy {
    const ALL: [Self; 6] = [
        Self::Random,
        Self::RoundRobin,
        Self::Sticky,
        Self::HashClientId,
        Self::HashTopic,
        Self::Local,
    ];

    /// A number for it.
    #[must_use]
    pub fn number(self) -> u8 {
        let at = Self::ALL.iter().position(|strategy| *strategy == self);
        at.and_then(|at| u8::try_from(at).ok()).unwrap_or_default()
    }

    /// The strategy of a number; random for what is none.
    #[must_use]
    pub fn from_number(number: u8) -> Self {
        Self::ALL.get(usize::from(number)).copied().unwrap_or_default()
    }
}

/// Groups that have a strategy of their own, by name (`broker.$name.shared_subscription_strategy`).
pub type GroupStrategies = BTreeMap<String, SharedStrategy>;

/// What is told of connections that begin and end (`module.presence.*`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Presence {
    /// QoS of what is told.
    pub qos: QoS,
    /// Connections that end because their client starts anew count too.
    pub tells_discarded: bool,
    /// Connections that end because another one takes their session over count too.
    pub tells_takeovered: bool,
}

impl Default for Presence {
    fn default() -> Self {
        Self { qos: QoS::AtLeastOnce, tells_discarded: false, tells_takeovered: false }
    }
}

/// Limits and features of one zone. `Default` holds the values of a node without a configuration file.
#[derive(Clone, Debug, PartialEq)]
pub struct Settings {
    /// Largest packet accepted, in bytes (`max_packet_size`).
    pub max_packet_size: usize,
    /// Largest CONNECT without the will in it, and largest packet until the client is let in, in bytes (`max_connect_size`).
    pub max_connect_size: usize,
    /// Longest client id, in bytes.
    pub max_client_id_len: usize,
    /// Longest topic name or filter, in bytes.
    pub max_topic_len: usize,
    /// Most levels of a topic; 0 is no limit.
    pub max_topic_levels: usize,
    /// Most `+` levels in one filter.
    pub max_wildcard_levels: usize,
    /// Highest QoS granted.
    pub max_qos: QoS,
    /// Topic aliases a client may use towards us; 0 is off.
    pub max_topic_alias: u16,
    /// Retained messages are allowed.
    pub retain_available: bool,
    /// `+` and `#` are allowed in subscriptions.
    pub wildcard_subscription: bool,
    /// `$share` and `$queue` are allowed.
    pub shared_subscription: bool,
    /// Who comes with the client id of another user's session ends that.
    pub replaces_sessions: bool,
    /// MQTT 3 clients do not get their own messages back.
    pub ignore_loop_deliver: bool,
    /// Messages of a client; above it is not read for a while (`rate_limit.conn_messages_in`).
    pub messages_in: Option<Rate>,
    /// Bytes of its packets (`rate_limit.conn_bytes_in`).
    pub bytes_in: Option<Rate>,
    /// Time for the first packet to be complete.
    pub idle_timeout: Duration,
    /// Keep alive forced on MQTT 5 clients, in seconds.
    pub server_keepalive: Option<u16>,
    /// Longest keep alive granted to MQTT 5 clients, in seconds.
    pub keepalive_max: u16,
    /// A silent client is dropped after keep alive x backoff x 2.
    pub keepalive_backoff: f64,
    /// Subscriptions per client; 0 is no limit.
    pub max_subscriptions: usize,
    /// Those of them with a wildcard; 0 is no limit.
    pub max_wildcard_subscriptions: usize,
    /// Filters in one SUBSCRIBE or UNSUBSCRIBE.
    pub max_filters_per_packet: usize,
    /// Deliver at the higher of publish and subscription QoS instead of the lower.
    pub upgrade_qos: bool,
    /// QoS 1 and 2 messages under way to a client.
    pub max_inflight: u16,
    /// Resend to MQTT 3 after this time without an acknowledgement; `None` only on reconnect.
    pub retry_interval: Option<Duration>,
    /// QoS 2 messages of a client that wait for PUBREL.
    pub max_awaiting_rel: usize,
    /// Such a message id is freed after this time.
    pub await_rel_timeout: Duration,
    /// Life of a session after disconnect when the client cannot say (MQTT 3 without clean session).
    pub session_expiry: Duration,
    /// Longest session life granted.
    pub session_expiry_max: Duration,
    /// Messages queued per session.
    pub mqueue_len: usize,
    /// Bytes queued per session.
    pub mqueue_bytes: usize,
    /// Sessions without a connection queue QoS 0 messages too.
    pub mqueue_store_qos0: bool,
    /// Will payload, in bytes.
    pub max_will_payload: usize,
    /// Choice of the member of a shared group.
    pub shared_strategy: SharedStrategy,
    /// Those of them that have another.
    pub group_strategies: GroupStrategies,
    /// Bytes waiting for a slow socket above which nothing more is read from its client (`listener.*.high_watermark`).
    pub write_high: usize,
    /// A socket that takes nothing for this long is closed.
    pub send_timeout: Duration,
    /// When the kernel asks whether a silent other end is still there; none: never.
    pub tcp_keepalive: Option<TcpKeepalive>,
    /// Who is banned is refused in this zone.
    pub enable_ban: bool,
    /// Clients that come and go are banned (`flapping_detect_policy`).
    pub flapping_detect: bool,
    /// Check the ACL in this zone.
    pub enable_acl: bool,
    /// A denied publish or subscription closes the connection.
    pub acl_deny_disconnect: bool,
    /// Prefix of every topic; `%c` client id, `%u` user name.
    pub mountpoint: Option<String>,
    /// The user name replaces the client id.
    pub use_username_as_client_id: bool,
    /// What a client that asks for Response Information is told (v5 3.2.2.3.15).
    pub response_information: Option<String>,
    /// What is told of its connections.
    pub presence: Presence,
    /// `$exclusive/` is allowed.
    pub exclusive_subscription: bool,
    /// `$delayed/` delays.
    pub delayed: bool,
    /// Delayed messages of the node; 0 is no limit.
    pub max_delayed: usize,
    /// Bytes of them.
    pub max_delayed_bytes: usize,
    /// What topics stand for that clients publish to.
    pub publish_rewrites: Vec<Rule>,
    /// What filters stand for that clients subscribe to.
    pub subscribe_rewrites: Vec<Rule>,
    /// What every client is subscribed to when it connects; `%c` client id, `%u` user name.
    pub subscriptions: Vec<(String, SubscriptionOptions)>,
}

impl Settings {
    /// `mark`, `%c` or `%u`, stands in a topic that is made for a client.
    pub(super) fn is_in_topics(&self, mark: &str) -> bool {
        let rules = self.publish_rewrites.iter().chain(&self.subscribe_rewrites);
        let patterns = self.subscriptions.iter().map(|(pattern, _)| pattern);
        self.mountpoint.iter().chain(patterns).any(|pattern| pattern.contains(mark))
            || rules.into_iter().any(|rule| rule.puts(mark))
    }
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            max_packet_size: 2 << 20,
            max_connect_size: 16 << 10,
            max_client_id_len: 1024,
            max_topic_len: 4096,
            max_topic_levels: 128,
            max_wildcard_levels: 16,
            max_qos: QoS::ExactlyOnce,
            max_topic_alias: 32,
            retain_available: true,
            wildcard_subscription: true,
            shared_subscription: true,
            replaces_sessions: true,
            ignore_loop_deliver: false,
            messages_in: None,
            bytes_in: None,
            idle_timeout: Duration::from_secs(15),
            server_keepalive: None,
            keepalive_max: 3600,
            keepalive_backoff: 0.75,
            max_subscriptions: 10_000,
            max_wildcard_subscriptions: 1000,
            max_filters_per_packet: 1000,
            upgrade_qos: false,
            max_inflight: 32,
            retry_interval: None,
            max_awaiting_rel: 100,
            await_rel_timeout: Duration::from_secs(300),
            session_expiry: Duration::from_secs(2 * 3600),
            session_expiry_max: Duration::from_secs(7 * 24 * 3600),
            mqueue_len: 8192,
            mqueue_bytes: 8 << 20,
            mqueue_store_qos0: true,
            max_will_payload: 64 << 10,
            shared_strategy: SharedStrategy::Random,
            group_strategies: GroupStrategies::new(),
            write_high: 1 << 20,
            send_timeout: Duration::from_secs(30),
            tcp_keepalive: None,
            enable_ban: true,
            flapping_detect: false,
            enable_acl: true,
            acl_deny_disconnect: false,
            mountpoint: None,
            use_username_as_client_id: false,
            response_information: None,
            presence: Presence::default(),
            exclusive_subscription: false,
            delayed: true,
            max_delayed: 100_000,
            max_delayed_bytes: 64 << 20,
            publish_rewrites: Vec::new(),
            subscribe_rewrites: Vec::new(),
            subscriptions: Vec::new(),
        }
    }
}

/// Bounds of the retained messages of one node (`retainer.*`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RetainSettings {
    /// Messages kept; 0 is no limit.
    pub max_messages: usize,
    /// Largest payload kept, in bytes; larger ones are delivered but not kept.
    pub max_payload: usize,
    /// Bytes of all kept messages.
    pub max_memory: usize,
    /// What one session alone may fill of both, in percent; with others about, the same part of what they leave.
    pub session_share: u8,
    /// Life of a message that names none.
    pub expiry: Option<Duration>,
    /// An empty retained message only clears and is not delivered.
    pub stop_publish_clear: bool,
}

impl Default for RetainSettings {
    fn default() -> Self {
        Self {
            max_messages: 100_000,
            max_payload: 1 << 20,
            max_memory: 256 << 20,
            session_share: 80,
            expiry: None,
            stop_publish_clear: false,
        }
    }
}

/// Probes of the kernel on a connection that says nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TcpKeepalive {
    /// Silence before the first.
    pub idle: Duration,
    /// Between two.
    pub interval: Duration,
    /// So many without an answer close the connection.
    pub probes: u32,
}
