//! Bytes to packets, one function per packet type.
//!
//! Every check of form is here, so that what comes out needs none: flags, lengths, UTF-8, reserved bits, reason codes,
//! topic names and filters. All strings and payloads are slices of `body`; only CONNECT, once a connection, is boxed.
//! Control characters in strings (v5 1.5.4 SHOULD NOT) are accepted; U+0000 is not [MQTT-1.5.4-2].

use super::frame::{self, FixedHeader};
use super::{
    Ack, Auth, ConnAck, Connect, DecodeError, Disconnect, FilterNames, Filters, Packet, PacketId,
    PacketType, Properties, PropertyId, PropertySet, Publish, QoS, ReasonCode, Reasons, SubAck,
    Subscribe, SubscriptionOptions, UnsubAck, Unsubscribe, Version, Will,
};
use crate::topic::{TopicName, share};

/// Decodes the `body` that came with `header`, in the version the connection speaks.
///
/// # Errors
/// Whatever is wrong with the packet; [`DecodeError::reason`] is what to tell the peer.
#[inline]
pub fn decode<'a>(
    version: Version,
    header: FixedHeader,
    body: &'a [u8],
) -> Result<Packet<'a>, DecodeError> {
    if header.packet_type() == PacketType::Publish {
        return publish(version, header, body).map(Packet::Publish);
    }
    if header.packet_type() == PacketType::Connect {
        return decode_connect(header, body).map(|connect| Packet::Connect(Box::new(connect)));
    }
    check_header(version, header)?;
    Ok(match header.packet_type() {
        PacketType::Connect | PacketType::Publish => {
            return Err(DecodeError::Protocol("unexpected packet"));
        }
        PacketType::ConnAck => Packet::ConnAck(connack(version, body)?),
        PacketType::PubAck => Packet::PubAck(ack(version, body, RECEIVED)?),
        PacketType::PubRec => Packet::PubRec(ack(version, body, RECEIVED)?),
        PacketType::PubRel => Packet::PubRel(ack(version, body, RELEASED)?),
        PacketType::PubComp => Packet::PubComp(ack(version, body, RELEASED)?),
        PacketType::Subscribe => Packet::Subscribe(subscribe(version, body)?),
        PacketType::SubAck => Packet::SubAck(suback(version, body)?),
        PacketType::Unsubscribe => Packet::Unsubscribe(unsubscribe(version, body)?),
        PacketType::UnsubAck => Packet::UnsubAck(unsuback(version, body)?),
        PacketType::PingReq => Reader::new(body).finish(Packet::PingReq)?,
        PacketType::PingResp => Reader::new(body).finish(Packet::PingResp)?,
        PacketType::Disconnect => Packet::Disconnect(disconnect(version, body)?),
        PacketType::Auth => Packet::Auth(auth(version, body)?),
    })
}

/// Decodes the first packet of a connection, which must be a CONNECT and says the version itself.
///
/// # Errors
/// [`DecodeError::Protocol`] for another packet [MQTT-3.1.0-1], [`DecodeError::UnsupportedVersion`] for another protocol
/// name or level [MQTT-3.1.2-2], and whatever is wrong with the rest.
pub fn decode_connect(header: FixedHeader, body: &[u8]) -> Result<Connect<'_>, DecodeError> {
    if header.packet_type() != PacketType::Connect {
        return Err(DecodeError::Protocol("first packet is not CONNECT"));
    }
    let mut reader = Reader::new(body);
    let version = protocol(&mut reader)?;
    check_header(version, header)?;
    let flags = connect_flags(&mut reader, version)?;
    let keep_alive = reader.u16()?;
    let properties = reader.properties(version, PropertySet::CONNECT)?;
    if properties.has(PropertyId::AuthenticationData)
        && !properties.has(PropertyId::AuthenticationMethod)
    {
        return Err(DecodeError::Protocol("authentication data without a method"));
    }
    let client_id = reader.string()?;
    let will = if flags & WILL != 0 { Some(will(&mut reader, version, flags)?) } else { None };
    // 3.1 has precedence of the length over the flags: the two may be missing at the end.
    let may_lack = version == Version::V3_1;
    let has = |flag, reader: &Reader<'_>| flags & flag != 0 && !(may_lack && reader.is_empty());
    let username = if has(USERNAME, &reader) { Some(reader.string()?) } else { None };
    let password = if has(PASSWORD, &reader) { Some(reader.binary()?) } else { None };
    let clean_start = flags & CLEAN_START != 0;
    let connect = Connect {
        version,
        clean_start,
        keep_alive,
        client_id,
        username,
        password,
        will,
        properties,
    };
    reader.finish(connect)
}

/// Decodes a PUBLISH: as [`decode`], without the `match` around it.
///
/// # Errors
/// As there.
#[inline]
pub fn publish<'a>(
    version: Version,
    header: FixedHeader,
    body: &'a [u8],
) -> Result<Publish<'a>, DecodeError> {
    let flags = header.flags();
    let (dup, retain) = (flags & 8 != 0, flags & 1 != 0);
    let qos = QoS::from_u8(flags >> 1 & 3).ok_or(DecodeError::Malformed("QoS 3"))?;
    if dup && qos == QoS::AtMostOnce && version != Version::V3_1 {
        return Err(DecodeError::Malformed("DUP with QoS 0")); // [MQTT-3.3.1-2]
    }
    check_length(version, header)?;
    let mut reader = Reader::new(body);
    // A topic name has the rules of a string, but for the wildcards, and checks for U+0000 itself.
    let topic = utf8(reader.binary()?)?;
    let packet_id = if qos == QoS::AtMostOnce { None } else { Some(reader.packet_id()?) };
    let properties = reader.properties(version, PropertySet::PUBLISH)?;
    if !topic.is_empty() {
        topic_name(topic)?;
    } else if version != Version::V5 {
        TopicName::parse(topic)?;
    } else if !properties.has(PropertyId::TopicAlias) {
        return Err(DecodeError::Protocol("neither topic nor topic alias"));
    }
    Ok(Publish { dup, qos, retain, topic, packet_id, properties, payload: reader.rest() })
}

const CLEAN_START: u8 = 0x02;
const WILL: u8 = 0x04;
const WILL_RETAIN: u8 = 0x20;
const PASSWORD: u8 = 0x40;
const USERNAME: u8 = 0x80;

/// The flags of all packets but PUBLISH are fixed (v5 [MQTT-2.1.3-1], v3.1.1 [MQTT-2.2.2-2]); 3.1 left them open.
fn check_header(version: Version, header: FixedHeader) -> Result<(), DecodeError> {
    let want = match header.packet_type() {
        PacketType::PubRel | PacketType::Subscribe | PacketType::Unsubscribe => 2,
        PacketType::Connect
        | PacketType::ConnAck
        | PacketType::Publish
        | PacketType::PubAck
        | PacketType::PubRec
        | PacketType::PubComp
        | PacketType::SubAck
        | PacketType::UnsubAck
        | PacketType::PingReq
        | PacketType::PingResp
        | PacketType::Disconnect
        | PacketType::Auth => 0,
    };
    if header.flags() != want && version != Version::V3_1 {
        return Err(DecodeError::Malformed("reserved flags of the fixed header"));
    }
    check_length(version, header)
}

#[inline]
fn check_length(version: Version, header: FixedHeader) -> Result<(), DecodeError> {
    if header.is_overlong() && version == Version::V5 {
        return Err(DecodeError::Malformed("length not in its shortest form"));
    }
    Ok(())
}

fn protocol(reader: &mut Reader<'_>) -> Result<Version, DecodeError> {
    let name = reader.string()?;
    let level = reader.u8()?;
    match (name, level) {
        ("MQTT", 4) => Ok(Version::V3_1_1),
        ("MQTT", 5) => Ok(Version::V5),
        ("MQIsdp", 3) => Ok(Version::V3_1),
        _ => Err(DecodeError::UnsupportedVersion(level)),
    }
}

/// v5 3.1.2.3, v3.1.1 3.1.2.3. 3.1 says nothing about bits that mean nothing.
fn connect_flags(reader: &mut Reader<'_>, version: Version) -> Result<u8, DecodeError> {
    let flags = reader.u8()?;
    let strict = version != Version::V3_1;
    if strict && flags & 1 != 0 {
        return Err(DecodeError::Malformed("reserved connect flag"));
    }
    if flags & WILL != 0 {
        QoS::from_u8(flags >> 3 & 3).ok_or(DecodeError::Malformed("will QoS 3"))?;
    } else if strict && flags & 0x38 != 0 {
        return Err(DecodeError::Malformed("will QoS or retain without a will"));
    }
    // v3.1.1 [MQTT-3.1.2-22]; 5.0 allows it.
    if version != Version::V5 && flags & USERNAME == 0 && flags & PASSWORD != 0 {
        return Err(DecodeError::Malformed("password without user name"));
    }
    Ok(flags)
}

fn will<'a>(reader: &mut Reader<'a>, version: Version, flags: u8) -> Result<Will<'a>, DecodeError> {
    let properties = reader.properties(version, PropertySet::WILL)?;
    let topic = utf8(reader.binary()?)?;
    topic_name(topic)?;
    let payload = reader.binary()?;
    let qos = QoS::from_u8(flags >> 3 & 3).unwrap_or_default();
    Ok(Will { qos, retain: flags & WILL_RETAIN != 0, topic, payload, properties })
}

fn connack(version: Version, body: &[u8]) -> Result<ConnAck<'_>, DecodeError> {
    let mut reader = Reader::new(body);
    let flags = reader.u8()?;
    if flags & 0xFE != 0 && version != Version::V3_1 {
        return Err(DecodeError::Malformed("reserved flags of CONNACK"));
    }
    let code = reader.u8()?;
    let reason = if version == Version::V5 {
        one_of(code, |code| code == 0 || (0x80..=0x9F).contains(&code))?
    } else {
        ReasonCode::from_v3_connack(code).ok_or(DecodeError::Malformed("CONNACK return code"))?
    };
    let properties = reader.properties(version, PropertySet::CONNACK)?;
    reader.finish(ConnAck { session_present: flags & 1 != 0, reason, properties })
}

/// The reason codes of PUBACK and PUBREC (v5 3.4.2.1).
const RECEIVED: fn(u8) -> bool =
    |code| matches!(code, 0 | 0x10 | 0x80 | 0x83 | 0x87 | 0x90 | 0x91 | 0x97 | 0x99);
/// The reason codes of PUBREL and PUBCOMP (v5 3.6.2.1).
const RELEASED: fn(u8) -> bool = |code| matches!(code, 0 | 0x92);

#[inline]
fn ack(version: Version, body: &[u8], known: fn(u8) -> bool) -> Result<Ack<'_>, DecodeError> {
    let mut reader = Reader::new(body);
    let packet_id = reader.packet_id()?;
    let (reason, properties) = reader.outcome(version, PropertySet::ACK, known)?;
    reader.finish(Ack { packet_id, reason, properties })
}

fn subscribe(version: Version, body: &[u8]) -> Result<Subscribe<'_>, DecodeError> {
    let mut reader = Reader::new(body);
    let packet_id = reader.packet_id()?;
    let properties = reader.properties(version, PropertySet::SUBSCRIBE)?;
    let raw = reader.rest();
    if raw.is_empty() {
        return Err(DecodeError::Protocol("SUBSCRIBE without a filter")); // [MQTT-3.8.3-2]
    }
    while !reader.is_empty() {
        let shared = share::check(reader.string()?)?;
        let options = SubscriptionOptions::from_byte(reader.u8()?, version)?;
        if shared && options.no_local {
            return Err(DecodeError::Protocol("no local on a shared subscription")); // [MQTT-3.8.3-4]
        }
    }
    let mask = if version == Version::V5 { 0x3F } else { 0x03 };
    Ok(Subscribe { packet_id, properties, filters: Filters { raw, mask } })
}

fn suback(version: Version, body: &[u8]) -> Result<SubAck<'_>, DecodeError> {
    let mut reader = Reader::new(body);
    let packet_id = reader.packet_id()?;
    let properties = reader.properties(version, PropertySet::ACK)?;
    let known = |code: u8| match version {
        Version::V3_1 | Version::V3_1_1 => matches!(code, 0..=2 | 0x80),
        Version::V5 => {
            matches!(code, 0..=2 | 0x80 | 0x83 | 0x87 | 0x8F | 0x91 | 0x97 | 0x9E | 0xA1 | 0xA2)
        }
    };
    Ok(SubAck { packet_id, properties, reasons: reasons(reader.rest(), known)? })
}

fn unsubscribe(version: Version, body: &[u8]) -> Result<Unsubscribe<'_>, DecodeError> {
    let mut reader = Reader::new(body);
    let packet_id = reader.packet_id()?;
    let properties = reader.properties(version, PropertySet::UNSUBSCRIBE)?;
    let raw = reader.rest();
    if raw.is_empty() {
        return Err(DecodeError::Protocol("UNSUBSCRIBE without a filter")); // [MQTT-3.10.3-2]
    }
    while !reader.is_empty() {
        share::check(reader.string()?)?;
    }
    Ok(Unsubscribe { packet_id, properties, filters: FilterNames { raw } })
}

fn unsuback(version: Version, body: &[u8]) -> Result<UnsubAck<'_>, DecodeError> {
    let mut reader = Reader::new(body);
    let packet_id = reader.packet_id()?;
    let properties = reader.properties(version, PropertySet::ACK)?;
    if version != Version::V5 {
        return reader.finish(UnsubAck { packet_id, properties, reasons: Reasons { raw: &[] } });
    }
    let known = |code: u8| matches!(code, 0 | 0x11 | 0x80 | 0x83 | 0x87 | 0x8F | 0x91);
    Ok(UnsubAck { packet_id, properties, reasons: reasons(reader.rest(), known)? })
}

fn disconnect(version: Version, body: &[u8]) -> Result<Disconnect<'_>, DecodeError> {
    let mut reader = Reader::new(body);
    let known =
        |code: u8| matches!(code, 0 | 0x04 | 0x80..=0x83 | 0x87 | 0x89 | 0x8B..=0x90 | 0x93..=0xA2);
    let (reason, properties) = reader.outcome(version, PropertySet::DISCONNECT, known)?;
    reader.finish(Disconnect { reason, properties })
}

fn auth(version: Version, body: &[u8]) -> Result<Auth<'_>, DecodeError> {
    if version != Version::V5 {
        return Err(DecodeError::Malformed("packet type 15"));
    }
    let mut reader = Reader::new(body);
    let known = |code: u8| matches!(code, 0 | 0x18 | 0x19);
    let (reason, properties) = reader.outcome(version, PropertySet::AUTH, known)?;
    if !body.is_empty() && !properties.has(PropertyId::AuthenticationMethod) {
        return Err(DecodeError::Protocol("AUTH without an authentication method"));
    }
    reader.finish(Auth { reason, properties })
}

fn one_of(code: u8, known: impl Fn(u8) -> bool) -> Result<ReasonCode, DecodeError> {
    let reason = ReasonCode::from_u8(code).filter(|_| known(code));
    reason.ok_or(DecodeError::Malformed("reason code"))
}

fn reasons(raw: &[u8], known: impl Fn(u8) -> bool) -> Result<Reasons<'_>, DecodeError> {
    if raw.is_empty() {
        return Err(DecodeError::Malformed("no reason codes"));
    }
    if raw.iter().all(|code| known(*code)) {
        Ok(Reasons { raw })
    } else {
        Err(DecodeError::Malformed("reason code"))
    }
}

/// A name that was a string on the wire: U+0000 makes the packet malformed, wildcards the name invalid.
#[inline]
fn topic_name(text: &str) -> Result<(), DecodeError> {
    match TopicName::parse(text) {
        Ok(_) => Ok(()),
        Err(crate::topic::BadTopic::Nul(_)) => Err(NUL),
        Err(bad) => Err(bad.into()),
    }
}

const SHORT: DecodeError = DecodeError::Malformed("packet too short");
const NUL: DecodeError = DecodeError::Malformed("null character in a string");

#[inline]
fn utf8(bytes: &[u8]) -> Result<&str, DecodeError> {
    std::str::from_utf8(bytes).map_err(|_| DecodeError::Malformed("string is not UTF-8"))
}

/// Takes values off the front of a body.
#[derive(Debug, Clone)]
pub(super) struct Reader<'a> {
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    pub(super) const fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes }
    }

    pub(super) const fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }

    pub(super) const fn rest(&self) -> &'a [u8] {
        self.rest
    }

    /// `value`, if nothing is left.
    fn finish<T>(&self, value: T) -> Result<T, DecodeError> {
        if self.rest.is_empty() {
            Ok(value)
        } else {
            Err(DecodeError::Malformed("bytes after the end of the packet"))
        }
    }

    #[inline]
    fn array<const N: usize>(&mut self) -> Result<[u8; N], DecodeError> {
        let (first, rest) = self.rest.split_first_chunk().ok_or(SHORT)?;
        self.rest = rest;
        Ok(*first)
    }

    #[inline]
    fn take(&mut self, size: usize) -> Result<&'a [u8], DecodeError> {
        let (first, rest) = self.rest.split_at_checked(size).ok_or(SHORT)?;
        self.rest = rest;
        Ok(first)
    }

    #[inline]
    pub(super) fn u8(&mut self) -> Result<u8, DecodeError> {
        self.array().map(|[byte]| byte)
    }

    #[inline]
    pub(super) fn u16(&mut self) -> Result<u16, DecodeError> {
        self.array().map(u16::from_be_bytes)
    }

    #[inline]
    pub(super) fn u32(&mut self) -> Result<u32, DecodeError> {
        self.array().map(u32::from_be_bytes)
    }

    /// A byte that must be 0 or 1.
    #[inline]
    pub(super) fn flag(&mut self) -> Result<bool, DecodeError> {
        match self.u8()? {
            0 => Ok(false),
            1 => Ok(true),
            _ => Err(DecodeError::Protocol("property that must be 0 or 1")),
        }
    }

    #[inline]
    pub(super) fn binary(&mut self) -> Result<&'a [u8], DecodeError> {
        let size = self.u16()?;
        self.take(usize::from(size))
    }

    #[inline]
    pub(super) fn string(&mut self) -> Result<&'a str, DecodeError> {
        let text = utf8(self.binary()?)?;
        if text.bytes().fold(false, |found, byte| found | (byte == 0)) {
            Err(NUL)
        } else {
            Ok(text)
        }
    }

    /// In its shortest form, v5 [MQTT-1.5.5-1].
    #[inline]
    pub(super) fn variable_byte_integer(&mut self) -> Result<u32, DecodeError> {
        let (value, width) = frame::variable_byte_integer(self.rest)?.ok_or(SHORT)?;
        if width > frame::width_of(value) {
            return Err(DecodeError::Malformed("length not in its shortest form"));
        }
        self.take(width)?;
        Ok(value)
    }

    #[inline]
    fn packet_id(&mut self) -> Result<PacketId, DecodeError> {
        PacketId::new(self.u16()?).ok_or(DecodeError::Protocol("packet identifier 0"))
    }

    /// Length and properties in 5.0, nothing before.
    #[inline]
    fn properties(
        &mut self,
        version: Version,
        allowed: PropertySet,
    ) -> Result<Properties<'a>, DecodeError> {
        if version != Version::V5 {
            return Ok(Properties::EMPTY);
        }
        let size = self.variable_byte_integer()?;
        if size == 0 {
            return Ok(Properties::EMPTY);
        }
        Properties::parse(self.take(size as usize)?, allowed)
    }

    /// Reason code and properties, which 5.0 lets out from the end when there is nothing to say.
    #[inline]
    fn outcome(
        &mut self,
        version: Version,
        allowed: PropertySet,
        known: impl Fn(u8) -> bool,
    ) -> Result<(ReasonCode, Properties<'a>), DecodeError> {
        if version != Version::V5 || self.is_empty() {
            return Ok((ReasonCode::Success, Properties::EMPTY));
        }
        let reason = one_of(self.u8()?, known)?;
        if self.is_empty() {
            return Ok((reason, Properties::EMPTY));
        }
        Ok((reason, self.properties(version, allowed)?))
    }
}

impl<'a> Filters<'a> {
    /// The filters in order.
    pub fn iter(self) -> impl Iterator<Item = (&'a str, SubscriptionOptions)> + use<'a> {
        let mut reader = Reader::new(self.raw);
        std::iter::from_fn(move || {
            let text = reader.string().ok()?;
            Some((text, SubscriptionOptions::lenient(reader.u8().ok()? & self.mask)))
        })
    }
}

impl<'a> FilterNames<'a> {
    /// The filters in order.
    pub fn iter(self) -> impl Iterator<Item = &'a str> + use<'a> {
        let mut reader = Reader::new(self.raw);
        std::iter::from_fn(move || reader.string().ok())
    }
}
