//! MQTT control packets, versions 3.1, 3.1.1 and 5.0: bytes to [`Packet`] and back.
//!
//! [`frame::split`] finds a packet in the bytes received, [`decode()`] reads it without copying: every string and payload is a
//! slice of the packet. What comes out is well formed; what needs to know the session (aliases, packet identifiers in use,
//! which side sent it) is for the caller. PUBLISH and the acknowledgements are read and written without an allocation.
//!
//! Where the standards leave room, or the versions differ:
//!
//! * A name or filter that is a good string but a bad name is 0x90 or 0x8F; a bad string (UTF-8, U+0000) is 0x81.
//!   A filter is checked with its `$share/` or `$queue/`, in all versions, as EMQX does.
//! * Reserved bits are 0x81, reserved values of a field 0x82 where 5.0 says so (maximum QoS 3, retain handling 3) and 0x81
//!   elsewhere (QoS 3 in PUBLISH, unknown reason codes). A packet identifier of 0 is 0x82, so is a property given twice;
//!   an unknown or misplaced property is 0x81 (v5 2.2.2.2).
//! * DUP with QoS 0 is malformed [MQTT-3.3.1-2], but ignored in 3.1.
//! * 3.1 left flags and reserved bits open and sets DUP on repeated SUBSCRIBE, UNSUBSCRIBE and PUBREL: all accepted. Its CONNECT
//!   may lack the user name and password its flags promise. 3.1 and 3.1.1 do not ask for the shortest form of a length.
//! * Not looked at: whether a payload said to be UTF-8 is; control characters and non-characters in strings (accepted).
//! * For the caller, who knows the side and the session: subscription identifiers and reasons only a server may send, an alias
//!   above the maximum, packet identifiers in use, empty client ids, a session expiry in DISCONNECT after 0 in CONNECT.

pub mod decode;
pub mod encode;
pub mod frame;
pub mod properties;
pub mod reason;
#[cfg(test)]
mod tests;

use std::num::NonZeroU16;

pub use decode::{announced, claimed_version, decode, decode_connect, publish_number};
pub use encode::{PublishHead, PublishParts};
pub use frame::FixedHeader;
pub use properties::{Properties, Property, PropertyId, PropertySet};
pub use reason::ReasonCode;

use crate::topic::{BadFilter, BadTopic};

/// User properties in one block of properties; more are refused.
pub const MAX_USER_PROPERTIES: usize = 64;
/// Filters of one SUBSCRIBE or UNSUBSCRIBE: a packet has room for a million, and each takes its time.
pub const MAX_FILTERS: usize = 65_535;
/// Bytes of one block of properties; more are refused.
pub const MAX_PROPERTY_BYTES: usize = 16 * 1024;

/// The version of the protocol a connection speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Version {
    /// 3.1: `MQIsdp`, level 3.
    V3_1,
    /// 3.1.1: `MQTT`, level 4.
    V3_1_1,
    /// 5.0: `MQTT`, level 5.
    V5,
}

impl Version {
    /// The protocol name in CONNECT.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::V3_1 => "MQIsdp",
            Self::V3_1_1 | Self::V5 => "MQTT",
        }
    }

    /// The protocol level in CONNECT.
    #[must_use]
    pub const fn level(self) -> u8 {
        match self {
            Self::V3_1 => 3,
            Self::V3_1_1 => 4,
            Self::V5 => 5,
        }
    }
}

/// Quality of service.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
#[repr(u8)]
pub enum QoS {
    /// Sent once, not acknowledged.
    #[default]
    AtMostOnce = 0,
    /// Acknowledged with PUBACK; may arrive twice.
    AtLeastOnce = 1,
    /// PUBREC, PUBREL, PUBCOMP.
    ExactlyOnce = 2,
}

impl QoS {
    /// 0, 1 or 2.
    #[inline]
    #[must_use]
    pub const fn from_u8(value: u8) -> Option<Self> {
        match value {
            0 => Some(Self::AtMostOnce),
            1 => Some(Self::AtLeastOnce),
            2 => Some(Self::ExactlyOnce),
            _ => None,
        }
    }

    /// 0, 1 or 2.
    #[inline]
    #[must_use]
    pub const fn as_u8(self) -> u8 {
        self as u8
    }
}

/// A packet identifier: never 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PacketId(NonZeroU16);

impl PacketId {
    /// The first one.
    pub const FIRST: Self = Self(NonZeroU16::MIN);

    /// `None` for 0.
    #[inline]
    #[must_use]
    pub const fn new(value: u16) -> Option<Self> {
        match NonZeroU16::new(value) {
            Some(value) => Some(Self(value)),
            None => None,
        }
    }

    /// 1 to 65,535.
    #[inline]
    #[must_use]
    pub const fn get(self) -> u16 {
        self.0.get()
    }

    /// The one after it; 1 after 65,535.
    #[inline]
    #[must_use]
    pub const fn next(self) -> Self {
        match self.0.checked_add(1) {
            Some(value) => Self(value),
            None => Self::FIRST,
        }
    }
}

impl std::fmt::Display for PacketId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.fmt(f)
    }
}

/// The kind of a packet, by its number on the wire.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
#[expect(missing_docs, reason = "the names of the standard")]
pub enum PacketType {
    Connect = 1,
    ConnAck = 2,
    Publish = 3,
    PubAck = 4,
    PubRec = 5,
    PubRel = 6,
    PubComp = 7,
    Subscribe = 8,
    SubAck = 9,
    Unsubscribe = 10,
    UnsubAck = 11,
    PingReq = 12,
    PingResp = 13,
    Disconnect = 14,
    Auth = 15,
}

impl PacketType {
    /// 1 to 15.
    #[inline]
    #[must_use]
    pub const fn from_u8(value: u8) -> Option<Self> {
        Some(match value {
            1 => Self::Connect,
            2 => Self::ConnAck,
            3 => Self::Publish,
            4 => Self::PubAck,
            5 => Self::PubRec,
            6 => Self::PubRel,
            7 => Self::PubComp,
            8 => Self::Subscribe,
            9 => Self::SubAck,
            10 => Self::Unsubscribe,
            11 => Self::UnsubAck,
            12 => Self::PingReq,
            13 => Self::PingResp,
            14 => Self::Disconnect,
            15 => Self::Auth,
            _ => return None,
        })
    }
}

/// The four acknowledgements of a PUBLISH, which have one form.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
#[expect(missing_docs, reason = "the names of the standard")]
pub enum AckType {
    PubAck = 4,
    PubRec = 5,
    PubRel = 6,
    PubComp = 7,
}

/// Why a packet cannot be accepted. [`DecodeError::reason`] is what the peer is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum DecodeError {
    /// It cannot be read as the standard says.
    #[error("malformed packet: {0}")]
    Malformed(&'static str),
    /// It can be read, but must not be sent.
    #[error("protocol error: {0}")]
    Protocol(&'static str),
    /// A protocol name or level that is not 3.1, 3.1.1 or 5.0.
    #[error("unsupported protocol version, level {0}")]
    UnsupportedVersion(u8),
    /// More bytes than are accepted.
    #[error("packet of {size} bytes, limit {limit}")]
    TooLarge {
        /// All bytes of the packet.
        size: usize,
        /// What is accepted.
        limit: usize,
    },
    /// More bytes of properties than are accepted.
    #[error("properties of {size} bytes, limit {limit}")]
    PropertiesTooLarge {
        /// Bytes of one block of properties.
        size: usize,
        /// What is accepted.
        limit: usize,
    },
    /// More user properties than are accepted.
    #[error("more than {limit} user properties")]
    UserProperties {
        /// How many are accepted.
        limit: usize,
    },
    /// More filters than are accepted.
    #[error("more than {limit} filters")]
    Filters {
        /// How many are accepted.
        limit: usize,
    },
    /// A topic name that is none.
    #[error(transparent)]
    TopicName(#[from] BadTopic),
    /// A topic filter that is none.
    #[error(transparent)]
    TopicFilter(#[from] BadFilter),
    /// Topic alias 0.
    #[error("topic alias 0")]
    TopicAlias,
}

impl DecodeError {
    /// What the peer is told: in DISCONNECT, or in CONNACK when the packet was a CONNECT.
    #[must_use]
    pub const fn reason(&self) -> ReasonCode {
        match self {
            Self::Malformed(_) => ReasonCode::MalformedPacket,
            Self::Protocol(_) => ReasonCode::ProtocolError,
            Self::UnsupportedVersion(_) => ReasonCode::UnsupportedProtocolVersion,
            Self::TooLarge { .. } | Self::PropertiesTooLarge { .. } => ReasonCode::PacketTooLarge,
            Self::UserProperties { .. } | Self::Filters { .. } => ReasonCode::QuotaExceeded,
            Self::TopicName(_) => ReasonCode::TopicNameInvalid,
            Self::TopicFilter(_) => ReasonCode::TopicFilterInvalid,
            Self::TopicAlias => ReasonCode::TopicAliasInvalid,
        }
    }
}

/// A control packet; its strings and bytes are those received.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names of the standard")]
pub enum Packet<'a> {
    Connect(Box<Connect<'a>>),
    ConnAck(ConnAck<'a>),
    Publish(Publish<'a>),
    PubAck(Ack<'a>),
    PubRec(Ack<'a>),
    PubRel(Ack<'a>),
    PubComp(Ack<'a>),
    Subscribe(Subscribe<'a>),
    SubAck(SubAck<'a>),
    Unsubscribe(Unsubscribe<'a>),
    UnsubAck(UnsubAck<'a>),
    PingReq,
    PingResp,
    Disconnect(Disconnect<'a>),
    Auth(Auth<'a>),
}

/// CONNECT (v5 3.1, v3.1.1 3.1).
///
/// An empty client id passes: whether the server makes one up depends on version and `clean_start`
/// (v3.1.1 [MQTT-3.1.3-8], v5 3.1.3.1, never in 3.1).
#[derive(Clone, PartialEq, Eq)]
pub struct Connect<'a> {
    /// From protocol name and level.
    pub version: Version,
    /// Clean Start; Clean Session before 5.0.
    pub clean_start: bool,
    /// Seconds; 0 = off.
    pub keep_alive: u16,
    /// May be empty.
    pub client_id: &'a str,
    /// The user name.
    pub username: Option<&'a str>,
    /// Bytes, not text.
    pub password: Option<&'a [u8]>,
    /// What to publish when the connection is lost.
    pub will: Option<Will<'a>>,
    /// Empty before 5.0.
    pub properties: Properties<'a>,
}

impl std::fmt::Debug for Connect<'_> {
    /// Without the password.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Connect")
            .field("version", &self.version)
            .field("clean_start", &self.clean_start)
            .field("keep_alive", &self.keep_alive)
            .field("client_id", &self.client_id)
            .field("username", &self.username)
            .field("password", &self.password.map(|_| "***"))
            .field("will", &self.will)
            .field("properties", &self.properties)
            .finish()
    }
}

/// The will in a CONNECT.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Will<'a> {
    /// Of the message to be published.
    pub qos: QoS,
    /// Of the message to be published.
    pub retain: bool,
    /// A checked topic name.
    pub topic: &'a str,
    /// The message.
    pub payload: &'a [u8],
    /// Empty before 5.0.
    pub properties: Properties<'a>,
}

/// CONNACK (v5 3.2, v3.1.1 3.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ConnAck<'a> {
    /// The server still has the session of this client.
    pub session_present: bool,
    /// Before 5.0 mapped from and to the six return codes.
    pub reason: ReasonCode,
    /// Empty before 5.0.
    pub properties: Properties<'a>,
}

/// PUBLISH (v5 3.3, v3.1.1 3.3).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Publish<'a> {
    /// Sent before; never with QoS 0.
    pub dup: bool,
    /// Quality of service.
    pub qos: QoS,
    /// To be kept (from a client), or was kept (to a client).
    pub retain: bool,
    /// A checked topic name; empty only in 5.0 and with a topic alias.
    pub topic: &'a str,
    /// There exactly when `qos` is not 0.
    pub packet_id: Option<PacketId>,
    /// Empty before 5.0.
    pub properties: Properties<'a>,
    /// The message.
    pub payload: &'a [u8],
}

/// PUBACK, PUBREC, PUBREL or PUBCOMP (v5 3.4 to 3.7).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ack<'a> {
    /// Of the PUBLISH.
    pub packet_id: PacketId,
    /// Success before 5.0.
    pub reason: ReasonCode,
    /// Empty before 5.0.
    pub properties: Properties<'a>,
}

/// SUBSCRIBE (v5 3.8): at least one filter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Subscribe<'a> {
    /// Comes back in the SUBACK.
    pub packet_id: PacketId,
    /// Empty before 5.0.
    pub properties: Properties<'a>,
    /// What is asked for.
    pub filters: Filters<'a>,
}

/// The filters of a SUBSCRIBE with their options, checked, in the bytes they came in.
/// Each text is one that [`crate::topic::share::Subscription::parse`] accepts.
#[derive(Clone, Copy)]
pub struct Filters<'a> {
    raw: &'a [u8],
    /// The bits of an options byte that mean something in the version of the packet.
    mask: u8,
}

/// How a subscription wants its messages (v5 3.8.3.1). Before 5.0 only `qos`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct SubscriptionOptions {
    /// The most the subscriber wants.
    pub qos: QoS,
    /// Not what this client published itself.
    pub no_local: bool,
    /// Keep the retain flag as published.
    pub retain_as_published: bool,
    /// Retained messages: 0 = send, 1 = send if the subscription is new, 2 = do not send.
    pub retain_handling: u8,
}

/// SUBACK (v5 3.9).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SubAck<'a> {
    /// Of the SUBSCRIBE.
    pub packet_id: PacketId,
    /// Empty before 5.0.
    pub properties: Properties<'a>,
    /// One per filter, in order.
    pub reasons: Reasons<'a>,
}

/// Checked reason codes in the bytes they came in.
#[derive(Clone, Copy)]
pub struct Reasons<'a> {
    raw: &'a [u8],
}

/// UNSUBSCRIBE (v5 3.10): at least one filter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Unsubscribe<'a> {
    /// Comes back in the UNSUBACK.
    pub packet_id: PacketId,
    /// Empty before 5.0.
    pub properties: Properties<'a>,
    /// What to drop.
    pub filters: FilterNames<'a>,
}

/// The filters of an UNSUBSCRIBE, checked, in the bytes they came in.
#[derive(Clone, Copy)]
pub struct FilterNames<'a> {
    raw: &'a [u8],
}

/// UNSUBACK (v5 3.11).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct UnsubAck<'a> {
    /// Of the UNSUBSCRIBE.
    pub packet_id: PacketId,
    /// Empty before 5.0.
    pub properties: Properties<'a>,
    /// One per filter, in order; none before 5.0.
    pub reasons: Reasons<'a>,
}

/// DISCONNECT (v5 3.14).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Disconnect<'a> {
    /// Success before 5.0.
    pub reason: ReasonCode,
    /// Empty before 5.0.
    pub properties: Properties<'a>,
}

/// AUTH (v5 3.15).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Auth<'a> {
    /// Success, continue or re-authenticate.
    pub reason: ReasonCode,
    /// With the authentication method.
    pub properties: Properties<'a>,
}

impl SubscriptionOptions {
    /// The options byte.
    #[must_use]
    pub const fn to_byte(self) -> u8 {
        self.qos.as_u8()
            | (self.no_local as u8) << 2
            | (self.retain_as_published as u8) << 3
            | (self.retain_handling & 3) << 4
    }

    /// Reads the bits that have a meaning and leaves the others.
    const fn lenient(byte: u8) -> Self {
        let qos = match QoS::from_u8(byte & 3) {
            Some(qos) => qos,
            None => QoS::AtMostOnce,
        };
        Self {
            qos,
            no_local: byte & 4 != 0,
            retain_as_published: byte & 8 != 0,
            retain_handling: byte >> 4 & 3,
        }
    }

    /// Reads the options byte of `version`.
    ///
    /// # Errors
    /// QoS 3, retain handling 3, reserved bits (v5 [MQTT-3.8.3-5], v3.1.1 [MQTT-3-8.3-4]; 3.1 leaves them open).
    pub fn from_byte(byte: u8, version: Version) -> Result<Self, DecodeError> {
        let qos = QoS::from_u8(byte & 3);
        match version {
            Version::V3_1 | Version::V3_1_1 => {
                if version == Version::V3_1_1 && byte & 0xFC != 0 {
                    return Err(DecodeError::Malformed("reserved bits of the requested QoS"));
                }
                let qos = qos.ok_or(DecodeError::Malformed("requested QoS 3"))?;
                Ok(Self { qos, ..Self::default() })
            }
            Version::V5 => {
                if byte & 0xC0 != 0 {
                    return Err(DecodeError::Malformed(
                        "reserved bits of the subscription options",
                    ));
                }
                if byte & 0x30 == 0x30 {
                    return Err(DecodeError::Protocol("retain handling 3"));
                }
                qos.ok_or(DecodeError::Protocol("maximum QoS 3"))?;
                Ok(Self::lenient(byte))
            }
        }
    }
}

impl<'a> Reasons<'a> {
    /// The codes in order.
    pub fn iter(self) -> impl Iterator<Item = ReasonCode> + 'a {
        self.raw.iter().filter_map(|byte| ReasonCode::from_u8(*byte))
    }
}

/// What is held as bytes is compared and shown as what it says.
macro_rules! as_list {
    ($($name:ident)*) => { $(
        impl PartialEq for $name<'_> {
            fn eq(&self, other: &Self) -> bool {
                self.iter().eq(other.iter())
            }
        }

        impl Eq for $name<'_> {}

        impl std::fmt::Debug for $name<'_> {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.debug_list().entries(self.iter()).finish()
            }
        }
    )* };
}

as_list! { Filters FilterNames Reasons }
