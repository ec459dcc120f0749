//! A message in transit: what was published, in one shared block of bytes.
//!
//! A copy for one more subscriber costs a reference count. The block holds topic, properties and payload one behind the other,
//! so that the bytes for the wire are three copies into an output buffer, whatever the protocol version.

use std::{fmt, sync::Arc, time::Duration};

use crate::{
    mqtt::{Properties, PropertyId, PropertySet, QoS},
    time::Time,
};

/// Name of a client, unique in the cluster.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ClientId(Arc<str>);

impl ClientId {
    /// Takes `text` as it is; the border checks length and emptiness.
    #[must_use]
    pub fn new(text: &str) -> Self {
        Self(Arc::from(text))
    }

    /// The text of the id.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The text, shared.
    #[must_use]
    pub fn shared(&self) -> Arc<str> {
        self.0.clone()
    }
}

impl From<Arc<str>> for ClientId {
    fn from(text: Arc<str>) -> Self {
        Self(text)
    }
}

impl std::borrow::Borrow<str> for ClientId {
    fn borrow(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for ClientId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}

impl fmt::Display for ClientId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What a message is beside its bytes.
#[derive(Clone, Copy, Debug)]
pub struct Meta {
    /// QoS it was published with.
    pub qos: QoS,
    /// It was published with RETAIN.
    pub retain: bool,
    /// When it stops being worth delivering.
    pub expires_at: Option<Time>,
    /// Number of the local session that published it; 0 for another node and for the broker itself.
    pub publisher: u64,
}

/// A published message. Clones share the bytes.
#[derive(Clone)]
pub struct Message {
    bytes: Arc<[u8]>,
    expires_at: Time,
    publisher: u64,
    number: u64,
    properties_end: u32,
    topic_end: u16,
    qos: QoS,
    retain: bool,
}

const NEVER: Time = Time::from_ms(u64::MAX);

impl Message {
    /// A message of `topic` (at most 65,535 bytes), raw v5 `properties` (without alias, expiry and subscription identifiers)
    /// and `payload`, copied into one block.
    #[must_use]
    pub fn new(topic: &str, properties: &[u8], payload: &[u8], meta: Meta) -> Self {
        thread_local! {
            static BLOCK: std::cell::RefCell<Vec<u8>> = const { std::cell::RefCell::new(Vec::new()) };
        }
        let bytes = BLOCK.with_borrow_mut(|block| {
            block.clear();
            block.extend_from_slice(topic.as_bytes());
            block.extend_from_slice(properties);
            block.extend_from_slice(payload);
            let bytes: Arc<[u8]> = Arc::from(block.as_slice());
            if block.capacity() > 1 << 20 {
                *block = Vec::new();
            }
            bytes
        });
        Self {
            bytes,
            expires_at: meta.expires_at.unwrap_or(NEVER),
            publisher: meta.publisher,
            number: 0,
            properties_end: u32::try_from(topic.len() + properties.len()).unwrap_or(u32::MAX),
            topic_end: u16::try_from(topic.len()).unwrap_or(u16::MAX),
            qos: meta.qos,
            retain: meta.retain,
        }
    }

    /// The topic name.
    #[must_use]
    #[inline]
    pub fn topic(&self) -> &str {
        self.bytes
            .get(..usize::from(self.topic_end))
            .map_or("", |b| std::str::from_utf8(b).unwrap_or(""))
    }

    /// Raw v5 properties to hand on unchanged.
    #[must_use]
    pub fn properties(&self) -> &[u8] {
        self.bytes.get(usize::from(self.topic_end)..self.properties_end as usize).unwrap_or(&[])
    }

    /// The payload.
    #[must_use]
    #[inline]
    pub fn payload(&self) -> &[u8] {
        self.bytes.get(self.properties_end as usize..).unwrap_or(&[])
    }

    /// QoS it was published with.
    #[must_use]
    #[inline]
    pub const fn qos(&self) -> QoS {
        self.qos
    }

    /// It was published with RETAIN.
    #[must_use]
    #[inline]
    pub const fn retain(&self) -> bool {
        self.retain
    }

    /// Number of the local session that published it; 0 for none.
    #[must_use]
    pub const fn publisher(&self) -> u64 {
        self.publisher
    }

    /// Its number in the cluster, the same on every node that has it; 0 if it never left its node.
    #[must_use]
    #[inline]
    pub const fn number(&self) -> u64 {
        self.number
    }

    /// Where its bytes stand: the same for all clones, and for no other message as long as one of them lives.
    #[must_use]
    pub fn block(&self) -> usize {
        self.bytes.as_ptr().addr()
    }

    /// The same message with this number.
    #[must_use]
    pub const fn with_number(mut self, number: u64) -> Self {
        self.number = number;
        self
    }

    /// The same message to another topic, and without a number.
    #[must_use]
    pub fn to(&self, topic: &str) -> Self {
        let (qos, retain, publisher) = (self.qos(), self.retain(), self.publisher());
        let meta = Meta { qos, retain, expires_at: self.expires_at(), publisher };
        Self::new(topic, self.properties(), self.payload(), meta)
    }

    /// When it stops being worth delivering.
    #[must_use]
    pub fn expires_at(&self) -> Option<Time> {
        (self.expires_at != NEVER).then_some(self.expires_at)
    }

    /// The same message with this expiry.
    #[must_use]
    pub fn with_expiry(mut self, at: Time) -> Self {
        self.expires_at = at;
        self
    }

    /// Its Message Expiry Interval has passed [MQTT-3.3.2-5].
    #[must_use]
    #[inline]
    pub fn is_expired(&self, now: Time) -> bool {
        self.expires_at <= now
    }

    /// Seconds it has left, for the Message Expiry Interval of the copy sent on (v5 [MQTT-3.3.2-6]).
    #[must_use]
    pub fn seconds_left(&self, now: Time) -> Option<u32> {
        let left = self.expires_at()?.since(now);
        let rounded = left.as_secs() + u64::from(left.subsec_millis() >= 500);
        Some(u32::try_from(rounded).unwrap_or(u32::MAX))
    }

    /// Bytes it takes in a queue.
    #[must_use]
    #[inline]
    pub fn size(&self) -> usize {
        self.bytes.len() + size_of::<Self>()
    }
}

impl fmt::Debug for Message {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Message({:?}, {} bytes, {:?})", self.topic(), self.payload().len(), self.qos)
    }
}

/// What of a PUBLISH's properties concerns the broker, and the rest that it hands on unchanged.
#[derive(Debug, Default)]
pub struct Carried {
    /// Bytes for [`Message::new`].
    pub raw: Vec<u8>,
    /// Message Expiry Interval.
    pub expiry: Option<Duration>,
}

/// Properties of a PUBLISH or will that are for the broker, not for the receivers.
const NOT_CARRIED: PropertySet = PropertySet::of(&[
    PropertyId::MessageExpiryInterval,
    PropertyId::TopicAlias,
    PropertyId::SubscriptionIdentifier,
    PropertyId::WillDelayInterval,
]);

/// Splits `properties` of a PUBLISH or will into what is kept and what is for the broker.
#[must_use]
pub fn carried(properties: &Properties<'_>) -> Carried {
    let expiry = properties.message_expiry_interval();
    let mut raw = Vec::new();
    properties.copy_without(NOT_CARRIED, &mut raw);
    Carried { raw, expiry: expiry.map(|seconds| Duration::from_secs(u64::from(seconds))) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_block_gives_back_its_three_parts() {
        let meta = Meta { qos: QoS::AtLeastOnce, retain: true, expires_at: None, publisher: 7 };
        let message = Message::new("a/b", &[1, 0], b"payload", meta);
        assert_eq!(
            (message.topic(), message.properties(), message.payload()),
            ("a/b", &[1, 0][..], &b"payload"[..])
        );
        assert_eq!(message.expires_at(), None);
        assert!(!message.is_expired(Time::from_ms(u64::MAX - 1)));
    }

    #[test]
    fn expiry_counts_down_in_whole_seconds() {
        let meta = Meta {
            qos: QoS::AtMostOnce,
            retain: false,
            expires_at: Some(Time::from_ms(10_000)),
            publisher: 0,
        };
        let message = Message::new("a", &[], b"", meta);
        assert_eq!(message.seconds_left(Time::from_ms(4_000)), Some(6));
        assert!(message.is_expired(Time::from_ms(10_000)));
        assert!(!message.is_expired(Time::from_ms(9_999)));
    }
}
