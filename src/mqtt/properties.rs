//! Properties of MQTT 5.0 (v5 2.2.2): which are allowed where, and their values.
//!
//! [`Properties`] is the block as received, checked once and completely; reading it again cannot fail and copies nothing.
//! Which ones are there is a set of bits, so asking for one that is not there costs a test.

use super::decode::Reader;
use super::encode::{put_binary, put_string, put_variable_byte_integer};
use super::{DecodeError, MAX_PROPERTY_BYTES, MAX_USER_PROPERTIES};
use crate::topic::TopicName;

/// The identifier of a property.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
#[expect(missing_docs, reason = "the names of the standard")]
pub enum PropertyId {
    PayloadFormatIndicator = 0x01,
    MessageExpiryInterval = 0x02,
    ContentType = 0x03,
    ResponseTopic = 0x08,
    CorrelationData = 0x09,
    SubscriptionIdentifier = 0x0B,
    SessionExpiryInterval = 0x11,
    AssignedClientIdentifier = 0x12,
    ServerKeepAlive = 0x13,
    AuthenticationMethod = 0x15,
    AuthenticationData = 0x16,
    RequestProblemInformation = 0x17,
    WillDelayInterval = 0x18,
    RequestResponseInformation = 0x19,
    ResponseInformation = 0x1A,
    ServerReference = 0x1C,
    ReasonString = 0x1F,
    ReceiveMaximum = 0x21,
    TopicAliasMaximum = 0x22,
    TopicAlias = 0x23,
    MaximumQoS = 0x24,
    RetainAvailable = 0x25,
    UserProperty = 0x26,
    MaximumPacketSize = 0x27,
    WildcardSubscriptionAvailable = 0x28,
    SubscriptionIdentifierAvailable = 0x29,
    SharedSubscriptionAvailable = 0x2A,
}

use PropertyId as Id;

/// A property and its value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names of the standard")]
pub enum Property<'a> {
    PayloadFormatIndicator(u8),
    MessageExpiryInterval(u32),
    ContentType(&'a str),
    ResponseTopic(&'a str),
    CorrelationData(&'a [u8]),
    SubscriptionIdentifier(u32),
    SessionExpiryInterval(u32),
    AssignedClientIdentifier(&'a str),
    ServerKeepAlive(u16),
    AuthenticationMethod(&'a str),
    AuthenticationData(&'a [u8]),
    RequestProblemInformation(bool),
    WillDelayInterval(u32),
    RequestResponseInformation(bool),
    ResponseInformation(&'a str),
    ServerReference(&'a str),
    ReasonString(&'a str),
    ReceiveMaximum(u16),
    TopicAliasMaximum(u16),
    TopicAlias(u16),
    MaximumQoS(u8),
    RetainAvailable(bool),
    UserProperty(&'a str, &'a str),
    MaximumPacketSize(u32),
    WildcardSubscriptionAvailable(bool),
    SubscriptionIdentifierAvailable(bool),
    SharedSubscriptionAvailable(bool),
}

/// A set of property identifiers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct PropertySet(u64);

impl PropertySet {
    /// The set of these.
    #[must_use]
    pub const fn of(ids: &[PropertyId]) -> Self {
        let mut bits = 0;
        let mut rest = ids;
        while let [first, others @ ..] = rest {
            bits |= 1 << *first as u8;
            rest = others;
        }
        Self(bits)
    }

    /// Whether `id` is in it.
    #[inline]
    #[must_use]
    pub const fn has(self, id: PropertyId) -> bool {
        self.0 & 1 << id as u8 != 0
    }

    /// Whether the two have any in common.
    #[inline]
    #[must_use]
    pub const fn meets(self, other: Self) -> bool {
        self.0 & other.0 != 0
    }

    /// In CONNECT.
    pub const CONNECT: Self = Self::of(&[
        Id::SessionExpiryInterval,
        Id::AuthenticationMethod,
        Id::AuthenticationData,
        Id::RequestProblemInformation,
        Id::RequestResponseInformation,
        Id::ReceiveMaximum,
        Id::TopicAliasMaximum,
        Id::UserProperty,
        Id::MaximumPacketSize,
    ]);
    /// In the will of a CONNECT.
    pub const WILL: Self = Self::of(&[
        Id::PayloadFormatIndicator,
        Id::MessageExpiryInterval,
        Id::ContentType,
        Id::ResponseTopic,
        Id::CorrelationData,
        Id::WillDelayInterval,
        Id::UserProperty,
    ]);
    /// In CONNACK.
    pub const CONNACK: Self = Self::of(&[
        Id::SessionExpiryInterval,
        Id::AssignedClientIdentifier,
        Id::ServerKeepAlive,
        Id::AuthenticationMethod,
        Id::AuthenticationData,
        Id::ResponseInformation,
        Id::ServerReference,
        Id::ReasonString,
        Id::ReceiveMaximum,
        Id::TopicAliasMaximum,
        Id::MaximumQoS,
        Id::RetainAvailable,
        Id::UserProperty,
        Id::MaximumPacketSize,
        Id::WildcardSubscriptionAvailable,
        Id::SubscriptionIdentifierAvailable,
        Id::SharedSubscriptionAvailable,
    ]);
    /// In PUBLISH. (Subscription identifiers only from a server: the caller knows who sent it.)
    pub const PUBLISH: Self = Self::of(&[
        Id::PayloadFormatIndicator,
        Id::MessageExpiryInterval,
        Id::ContentType,
        Id::ResponseTopic,
        Id::CorrelationData,
        Id::SubscriptionIdentifier,
        Id::TopicAlias,
        Id::UserProperty,
    ]);
    /// In PUBACK, PUBREC, PUBREL, PUBCOMP, SUBACK and UNSUBACK.
    pub const ACK: Self = Self::of(&[Id::ReasonString, Id::UserProperty]);
    /// In SUBSCRIBE.
    pub const SUBSCRIBE: Self = Self::of(&[Id::SubscriptionIdentifier, Id::UserProperty]);
    /// In UNSUBSCRIBE.
    pub const UNSUBSCRIBE: Self = Self::of(&[Id::UserProperty]);
    /// In DISCONNECT.
    pub const DISCONNECT: Self = Self::of(&[
        Id::SessionExpiryInterval,
        Id::ServerReference,
        Id::ReasonString,
        Id::UserProperty,
    ]);
    /// In AUTH.
    pub const AUTH: Self = Self::of(&[
        Id::AuthenticationMethod,
        Id::AuthenticationData,
        Id::ReasonString,
        Id::UserProperty,
    ]);
}

impl<'a> Property<'a> {
    /// Reads one property.
    #[inline]
    pub(super) fn read(reader: &mut Reader<'a>) -> Result<Self, DecodeError> {
        // The standard writes identifiers as Variable Byte Integers; all there are fit in one byte.
        Ok(match reader.u8()? {
            0x01 => Self::PayloadFormatIndicator(u8::from(reader.flag()?)),
            0x02 => Self::MessageExpiryInterval(reader.u32()?),
            0x03 => Self::ContentType(reader.string()?),
            0x08 => Self::ResponseTopic(reader.string()?),
            0x09 => Self::CorrelationData(reader.binary()?),
            0x0B => Self::SubscriptionIdentifier(reader.variable_byte_integer()?),
            0x11 => Self::SessionExpiryInterval(reader.u32()?),
            0x12 => Self::AssignedClientIdentifier(reader.string()?),
            0x13 => Self::ServerKeepAlive(reader.u16()?),
            0x15 => Self::AuthenticationMethod(reader.string()?),
            0x16 => Self::AuthenticationData(reader.binary()?),
            0x17 => Self::RequestProblemInformation(reader.flag()?),
            0x18 => Self::WillDelayInterval(reader.u32()?),
            0x19 => Self::RequestResponseInformation(reader.flag()?),
            0x1A => Self::ResponseInformation(reader.string()?),
            0x1C => Self::ServerReference(reader.string()?),
            0x1F => Self::ReasonString(reader.string()?),
            0x21 => Self::ReceiveMaximum(reader.u16()?),
            0x22 => Self::TopicAliasMaximum(reader.u16()?),
            0x23 => Self::TopicAlias(reader.u16()?),
            0x24 => Self::MaximumQoS(u8::from(reader.flag()?)),
            0x25 => Self::RetainAvailable(reader.flag()?),
            0x26 => Self::UserProperty(reader.string()?, reader.string()?),
            0x27 => Self::MaximumPacketSize(reader.u32()?),
            0x28 => Self::WildcardSubscriptionAvailable(reader.flag()?),
            0x29 => Self::SubscriptionIdentifierAvailable(reader.flag()?),
            0x2A => Self::SharedSubscriptionAvailable(reader.flag()?),
            _ => return Err(DecodeError::Malformed("unknown property")),
        })
    }

    /// Its identifier.
    #[must_use]
    pub const fn id(&self) -> PropertyId {
        match self {
            Self::PayloadFormatIndicator(_) => Id::PayloadFormatIndicator,
            Self::MessageExpiryInterval(_) => Id::MessageExpiryInterval,
            Self::ContentType(_) => Id::ContentType,
            Self::ResponseTopic(_) => Id::ResponseTopic,
            Self::CorrelationData(_) => Id::CorrelationData,
            Self::SubscriptionIdentifier(_) => Id::SubscriptionIdentifier,
            Self::SessionExpiryInterval(_) => Id::SessionExpiryInterval,
            Self::AssignedClientIdentifier(_) => Id::AssignedClientIdentifier,
            Self::ServerKeepAlive(_) => Id::ServerKeepAlive,
            Self::AuthenticationMethod(_) => Id::AuthenticationMethod,
            Self::AuthenticationData(_) => Id::AuthenticationData,
            Self::RequestProblemInformation(_) => Id::RequestProblemInformation,
            Self::WillDelayInterval(_) => Id::WillDelayInterval,
            Self::RequestResponseInformation(_) => Id::RequestResponseInformation,
            Self::ResponseInformation(_) => Id::ResponseInformation,
            Self::ServerReference(_) => Id::ServerReference,
            Self::ReasonString(_) => Id::ReasonString,
            Self::ReceiveMaximum(_) => Id::ReceiveMaximum,
            Self::TopicAliasMaximum(_) => Id::TopicAliasMaximum,
            Self::TopicAlias(_) => Id::TopicAlias,
            Self::MaximumQoS(_) => Id::MaximumQoS,
            Self::RetainAvailable(_) => Id::RetainAvailable,
            Self::UserProperty(..) => Id::UserProperty,
            Self::MaximumPacketSize(_) => Id::MaximumPacketSize,
            Self::WildcardSubscriptionAvailable(_) => Id::WildcardSubscriptionAvailable,
            Self::SubscriptionIdentifierAvailable(_) => Id::SubscriptionIdentifierAvailable,
            Self::SharedSubscriptionAvailable(_) => Id::SharedSubscriptionAvailable,
        }
    }

    /// Appends identifier and value.
    pub fn encode(&self, out: &mut Vec<u8>) {
        out.push(self.id() as u8);
        match *self {
            Self::PayloadFormatIndicator(value) | Self::MaximumQoS(value) => out.push(value),
            Self::RequestProblemInformation(value)
            | Self::RequestResponseInformation(value)
            | Self::RetainAvailable(value)
            | Self::WildcardSubscriptionAvailable(value)
            | Self::SubscriptionIdentifierAvailable(value)
            | Self::SharedSubscriptionAvailable(value) => out.push(u8::from(value)),
            Self::ServerKeepAlive(value)
            | Self::ReceiveMaximum(value)
            | Self::TopicAliasMaximum(value)
            | Self::TopicAlias(value) => out.extend_from_slice(&value.to_be_bytes()),
            Self::MessageExpiryInterval(value)
            | Self::SessionExpiryInterval(value)
            | Self::WillDelayInterval(value)
            | Self::MaximumPacketSize(value) => out.extend_from_slice(&value.to_be_bytes()),
            Self::SubscriptionIdentifier(value) => put_variable_byte_integer(out, value as usize),
            Self::CorrelationData(value) | Self::AuthenticationData(value) => {
                put_binary(out, value);
            }
            Self::ContentType(value)
            | Self::ResponseTopic(value)
            | Self::AssignedClientIdentifier(value)
            | Self::AuthenticationMethod(value)
            | Self::ResponseInformation(value)
            | Self::ServerReference(value)
            | Self::ReasonString(value) => put_string(out, value),
            Self::UserProperty(name, value) => {
                put_string(out, name);
                put_string(out, value);
            }
        }
    }

    /// The rules for the value alone.
    #[inline]
    fn check(&self) -> Result<(), DecodeError> {
        let fault = match *self {
            Self::TopicAlias(0) => return Err(DecodeError::TopicAlias),
            Self::ReceiveMaximum(0) => "receive maximum 0",
            Self::MaximumPacketSize(0) => "maximum packet size 0",
            Self::SubscriptionIdentifier(0) => "subscription identifier 0",
            // v5 [MQTT-3.3.2-14].
            Self::ResponseTopic(topic) if TopicName::parse(topic).is_err() => "response topic",
            Self::PayloadFormatIndicator(_)
            | Self::MessageExpiryInterval(_)
            | Self::ContentType(_)
            | Self::ResponseTopic(_)
            | Self::CorrelationData(_)
            | Self::SubscriptionIdentifier(_)
            | Self::SessionExpiryInterval(_)
            | Self::AssignedClientIdentifier(_)
            | Self::ServerKeepAlive(_)
            | Self::AuthenticationMethod(_)
            | Self::AuthenticationData(_)
            | Self::RequestProblemInformation(_)
            | Self::WillDelayInterval(_)
            | Self::RequestResponseInformation(_)
            | Self::ResponseInformation(_)
            | Self::ServerReference(_)
            | Self::ReasonString(_)
            | Self::ReceiveMaximum(_)
            | Self::TopicAliasMaximum(_)
            | Self::TopicAlias(_)
            | Self::MaximumQoS(_)
            | Self::RetainAvailable(_)
            | Self::UserProperty(..)
            | Self::MaximumPacketSize(_)
            | Self::WildcardSubscriptionAvailable(_)
            | Self::SubscriptionIdentifierAvailable(_)
            | Self::SharedSubscriptionAvailable(_) => return Ok(()),
        };
        Err(DecodeError::Protocol(fault))
    }
}

/// A block of properties, checked. The default is the empty one.
///
/// Invariant: `raw` is whole properties, and `present` the set of their identifiers.
#[derive(Clone, Copy, PartialEq, Eq, Default)]
pub struct Properties<'a> {
    raw: &'a [u8],
    present: PropertySet,
}

impl<'a> Properties<'a> {
    /// None.
    pub const EMPTY: Self = Self { raw: &[], present: PropertySet(0) };

    /// Checks `raw`, a block without its length: only what is in `allowed`, nothing twice (but user properties, and
    /// subscription identifiers in PUBLISH), every value in its range, no more than the limits of this module.
    ///
    /// # Errors
    /// As v5 2.2.2.2 says: unknown or misplaced is malformed, twice or out of range a protocol error.
    pub fn parse(raw: &'a [u8], allowed: PropertySet) -> Result<Self, DecodeError> {
        if raw.len() > MAX_PROPERTY_BYTES {
            let (size, limit) = (raw.len(), MAX_PROPERTY_BYTES);
            return Err(DecodeError::PropertiesTooLarge { size, limit });
        }
        let repeatable = if allowed == PropertySet::PUBLISH {
            const { PropertySet::of(&[Id::UserProperty, Id::SubscriptionIdentifier]) }
        } else {
            const { PropertySet::of(&[Id::UserProperty]) }
        };
        let (mut reader, mut present, mut users) = (Reader::new(raw), PropertySet(0), 0);
        while !reader.is_empty() {
            let property = Property::read(&mut reader)?;
            let id = property.id();
            if !allowed.has(id) {
                return Err(DecodeError::Malformed("property that does not belong in this packet"));
            }
            if present.has(id) && !repeatable.has(id) {
                return Err(DecodeError::Protocol("property given twice"));
            }
            property.check()?;
            users += usize::from(id == Id::UserProperty);
            present.0 |= 1 << id as u8;
        }
        if users > MAX_USER_PROPERTIES {
            return Err(DecodeError::UserProperties { limit: MAX_USER_PROPERTIES });
        }
        Ok(Self { raw, present })
    }

    /// Properties that this node wrote itself with [`Property::encode`], or kept from a packet it checked.
    ///
    /// Bytes that are no property, and all after them, are left out; nothing else is checked.
    #[must_use]
    pub fn from_encoded(raw: &'a [u8]) -> Self {
        let (mut reader, mut present, mut whole) = (Reader::new(raw), PropertySet(0), 0);
        while !reader.is_empty()
            && let Ok(property) = Property::read(&mut reader)
        {
            present.0 |= 1 << property.id() as u8;
            whole = raw.len() - reader.rest().len();
        }
        Self { raw: raw.get(..whole).unwrap_or_default(), present }
    }

    /// Whether there is none.
    #[inline]
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.raw.is_empty()
    }

    /// The bytes, without the length in front.
    #[inline]
    #[must_use]
    pub const fn raw(&self) -> &'a [u8] {
        self.raw
    }

    /// Which are there.
    #[inline]
    #[must_use]
    pub const fn present(&self) -> PropertySet {
        self.present
    }

    /// Whether this one is there.
    #[inline]
    #[must_use]
    pub const fn has(&self, id: PropertyId) -> bool {
        self.present.has(id)
    }

    /// All in the order they came.
    #[must_use]
    pub const fn iter(&self) -> Iter<'a> {
        Iter { reader: Reader::new(self.raw) }
    }

    /// Appends all but those in `without`, in their order.
    pub fn copy_without(&self, without: PropertySet, out: &mut Vec<u8>) {
        if !self.present.meets(without) {
            out.extend_from_slice(self.raw);
            return;
        }
        let mut reader = Reader::new(self.raw);
        loop {
            let before = reader.rest();
            let Some(property) = read_next(&mut reader) else { return };
            if !without.has(property.id()) {
                let size = before.len() - reader.rest().len();
                out.extend_from_slice(before.get(..size).unwrap_or_default());
            }
        }
    }

    /// The name-value pairs.
    pub fn user_properties(&self) -> impl Iterator<Item = (&'a str, &'a str)> + use<'a> {
        let all = if self.has(Id::UserProperty) { *self } else { Self::EMPTY };
        all.iter().filter_map(|property| {
            if let Property::UserProperty(name, value) = property {
                Some((name, value))
            } else {
                None
            }
        })
    }

    /// The subscription identifiers; several in a PUBLISH that several subscriptions matched.
    pub fn subscription_identifiers(&self) -> impl Iterator<Item = u32> + use<'a> {
        let all = if self.has(Id::SubscriptionIdentifier) { *self } else { Self::EMPTY };
        all.iter().filter_map(|property| {
            if let Property::SubscriptionIdentifier(value) = property { Some(value) } else { None }
        })
    }
}

impl std::fmt::Debug for Properties<'_> {
    /// Without authentication data.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let shown = self.iter().map(|property| {
            let secret = property.id() == Id::AuthenticationData;
            if secret { Property::AuthenticationData(b"***") } else { property }
        });
        f.debug_list().entries(shown).finish()
    }
}

macro_rules! getters {
    ($($(#[doc = $doc:literal])* $name:ident: $id:ident -> $type:ty;)*) => {
        impl<'a> Properties<'a> {
            $($(#[doc = $doc])*
            #[must_use]
            pub fn $name(&self) -> Option<$type> {
                if !self.has(Id::$id) {
                    return None;
                }
                self.iter().find_map(|property| {
                    if let Property::$id(value) = property { Some(value) } else { None }
                })
            })*
        }
    };
}

getters! {
    /// 1: the payload is UTF-8 text.
    payload_format_indicator: PayloadFormatIndicator -> u8;
    /// Seconds.
    message_expiry_interval: MessageExpiryInterval -> u32;
    /// A MIME type, if the sender wants.
    content_type: ContentType -> &'a str;
    /// A checked topic name.
    response_topic: ResponseTopic -> &'a str;
    /// For the requester.
    correlation_data: CorrelationData -> &'a [u8];
    /// The one of a SUBSCRIBE; the first of a PUBLISH.
    subscription_identifier: SubscriptionIdentifier -> u32;
    /// Seconds; `u32::MAX` = never.
    session_expiry_interval: SessionExpiryInterval -> u32;
    /// The client id the server made up.
    assigned_client_identifier: AssignedClientIdentifier -> &'a str;
    /// Seconds; instead of what the client asked for.
    server_keep_alive: ServerKeepAlive -> u16;
    /// The name of the extended authentication.
    authentication_method: AuthenticationMethod -> &'a str;
    /// Means what the method says.
    authentication_data: AuthenticationData -> &'a [u8];
    /// Whether reason strings and user properties are wanted; absent = yes.
    request_problem_information: RequestProblemInformation -> bool;
    /// Seconds.
    will_delay_interval: WillDelayInterval -> u32;
    /// Whether response information is wanted; absent = no.
    request_response_information: RequestResponseInformation -> bool;
    /// Base for response topics.
    response_information: ResponseInformation -> &'a str;
    /// Where to go instead.
    server_reference: ServerReference -> &'a str;
    /// For people.
    reason_string: ReasonString -> &'a str;
    /// QoS 1 and 2 messages in flight, at least 1; absent = 65,535.
    receive_maximum: ReceiveMaximum -> u16;
    /// The highest alias accepted; absent = 0.
    topic_alias_maximum: TopicAliasMaximum -> u16;
    /// At least 1.
    topic_alias: TopicAlias -> u16;
    /// 0 or 1; absent = 2.
    maximum_qos: MaximumQoS -> u8;
    /// Absent = yes.
    retain_available: RetainAvailable -> bool;
    /// Bytes, at least 1; absent = no limit.
    maximum_packet_size: MaximumPacketSize -> u32;
    /// Absent = yes.
    wildcard_subscription_available: WildcardSubscriptionAvailable -> bool;
    /// Absent = yes.
    subscription_identifier_available: SubscriptionIdentifierAvailable -> bool;
    /// Absent = yes.
    shared_subscription_available: SharedSubscriptionAvailable -> bool;
}

/// The properties of a block in order.
#[derive(Debug, Clone)]
pub struct Iter<'a> {
    reader: Reader<'a>,
}

impl<'a> Iterator for Iter<'a> {
    type Item = Property<'a>;

    fn next(&mut self) -> Option<Property<'a>> {
        read_next(&mut self.reader)
    }
}

impl<'a> IntoIterator for Properties<'a> {
    type Item = Property<'a>;
    type IntoIter = Iter<'a>;

    fn into_iter(self) -> Iter<'a> {
        self.iter()
    }
}

fn read_next<'a>(reader: &mut Reader<'a>) -> Option<Property<'a>> {
    if reader.is_empty() { None } else { Property::read(reader).ok() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn block(properties: &[Property<'_>]) -> Vec<u8> {
        let mut out = Vec::new();
        properties.iter().for_each(|property| property.encode(&mut out));
        out
    }

    #[test]
    fn one_property_is_found_among_others() {
        let raw = block(&[
            Property::UserProperty("a", "1"),
            Property::SubscriptionIdentifier(7),
            Property::TopicAlias(3),
            Property::SubscriptionIdentifier(300),
            Property::UserProperty("a", "2"),
        ]);
        let properties = Properties::parse(&raw, PropertySet::PUBLISH).unwrap();
        assert_eq!(properties.topic_alias(), Some(3));
        assert_eq!(properties.message_expiry_interval(), None);
        assert_eq!(properties.subscription_identifiers().collect::<Vec<_>>(), [7, 300]);
        let users: Vec<_> = properties.user_properties().collect();
        assert_eq!(users, [("a", "1"), ("a", "2")]);
        assert_eq!(properties.iter().count(), 5);
        assert_eq!(Properties::from_encoded(&raw), properties);
    }

    #[test]
    fn a_copy_leaves_out_what_is_named() {
        let kept = [Property::ContentType("t"), Property::UserProperty("a", "1")];
        let raw =
            block(&[kept[0], Property::TopicAlias(3), kept[1], Property::MessageExpiryInterval(9)]);
        let properties = Properties::parse(&raw, PropertySet::PUBLISH).unwrap();
        let without = PropertySet::of(&[PropertyId::TopicAlias, PropertyId::MessageExpiryInterval]);
        let mut out = Vec::new();
        properties.copy_without(without, &mut out);
        assert_eq!(out, block(&kept));
        out.clear();
        properties.copy_without(PropertySet::default(), &mut out);
        assert_eq!(out, raw);
    }

    #[test]
    fn authentication_data_is_not_shown() {
        let raw = block(&[
            Property::AuthenticationMethod("m"),
            Property::AuthenticationData(b"\xC8\xC9"),
        ]);
        let properties = Properties::parse(&raw, PropertySet::AUTH).unwrap();
        assert!(!format!("{properties:?}").contains("200"));
        assert_eq!(properties.authentication_data(), Some(&b"\xC8\xC9"[..]));
    }
}
