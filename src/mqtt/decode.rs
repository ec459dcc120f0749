//! Bytes to packets, one function per packet type.
//!
//! Every check of form is here, so that what comes out needs none: flags, lengths, UTF-8, reserved bits, reason codes,
//! topic names and filters. All strings and payloads are slices of `body`; only CONNECT, once a connection, is boxed.
//! Control characters in strings (v5 1.5.4 SHOULD NOT) are accepted; U+0000 is not [MQTT-1.5.4-2].

use super::frame::{self, FixedHeader};
use super::{
    Ack, Auth, ConnAck, Connect, DecodeError, Disconnect, FilterNames, Filters, MAX_FILTERS,
    Packet, PacketId, PacketType, Properties, PropertyId, PropertySet, Publish, QoS, ReasonCode,
    Reasons, SubAck, Subscribe, SubscriptionOptions, UnsubAck, Unsubscribe, Version, Will,
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
    let (mut dup, retain) = (flags & 8 != 0, flags & 1 != 0);
    let qos = QoS::from_u8(flags >> 1 & 3).ok_or(DecodeError::Malformed("QoS 3"))?;
    if dup && qos == QoS::AtMostOnce {
        if version != Version::V3_1 {
            return Err(DecodeError::Malformed("DUP with QoS 0")); // [MQTT-3.3.1-2]
        }
        dup = false;
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

/// The QoS and the number of a PUBLISH that is too large, or has too many properties, so that it can be answered. `body` may end
/// early. `None`: they are not in it.
#[must_use]
pub fn publish_number(header: FixedHeader, body: &[u8]) -> Option<(QoS, Option<PacketId>)> {
    if header.packet_type() != PacketType::Publish {
        return None;
    }
    let qos = QoS::from_u8(header.flags() >> 1 & 3)?;
    let mut reader = Reader::new(body);
    reader.binary().ok()?;
    let id = if qos == QoS::AtMostOnce { None } else { Some(reader.packet_id().ok()?) };
    Some((qos, id))
}

/// The version a CONNECT asks for, for the form of the CONNACK that refuses it.
///
/// For a level this server does not know: 3.1.1, whose form all versions had before 5.0 and whose code 1 says just that
/// (v3.1.1 [MQTT-3.1.2-2]). `None`: no CONNECT at all.
#[must_use]
pub fn claimed_version(body: &[u8]) -> Option<Version> {
    let mut reader = Reader::new(body);
    match protocol(&mut reader) {
        Ok(version) => Some(version),
        Err(DecodeError::UnsupportedVersion(_)) => Some(Version::V3_1_1),
        Err(_) => None,
    }
}

/// The version of a CONNECT of which `bytes` are here so far, header first, and whether it has a will. `None`: that does not
/// show yet, or it is no good CONNECT.
#[must_use]
pub fn announced(bytes: &[u8]) -> Option<(Version, bool)> {
    let (_, rest) = bytes.split_first()?;
    let (_, width) = frame::variable_byte_integer(rest).ok()??;
    let mut reader = Reader::new(rest.get(width..)?);
    let version = protocol(&mut reader).ok()?;
    Some((version, connect_flags(&mut reader, version).ok()? & WILL != 0))
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
        ("MQTT" | "MQIsdp", _) => Err(DecodeError::UnsupportedVersion(level)),
        _ => Err(DecodeError::Malformed("protocol name is not MQTT")),
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
        one_of(
            code,
            |code| matches!(code, 0 | 0x80..=0x8A | 0x8C | 0x90 | 0x95 | 0x97 | 0x99..=0x9D | 0x9F),
        )?
    } else {
        ReasonCode::from_v3_connack(code).ok_or(DecodeError::Malformed("CONNACK return code"))?
    };
    let properties = reader.properties(version, PropertySet::CONNACK)?;
    // 3.1 has no such flag.
    let session_present = flags & 1 != 0 && version != Version::V3_1;
    reader.finish(ConnAck { session_present, reason, properties })
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
    let mut count = 0;
    while !reader.is_empty() {
        count_filter(&mut count)?;
        let shared = share::check(reader.string()?)?;
        let options = SubscriptionOptions::from_byte(reader.u8()?, version)?;
        if shared && options.no_local {
            return Err(DecodeError::Protocol("no local on a shared subscription")); // [MQTT-3.8.3-4]
        }
    }
    let mask = if version == Version::V5 { 0x3F } else { 0x03 };
    Ok(Subscribe { packet_id, properties, filters: Filters { raw, mask } })
}

const fn count_filter(count: &mut usize) -> Result<(), DecodeError> {
    *count += 1;
    if *count > MAX_FILTERS { Err(DecodeError::Filters { limit: MAX_FILTERS }) } else { Ok(()) }
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
    let mut count = 0;
    while !reader.is_empty() {
        count_filter(&mut count)?;
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

#[cfg(test)]
mod tests {
    use super::super::ReasonCode as Code;
    use super::Version::{V3_1, V3_1_1, V5};
    use super::*;

    fn read(version: Version, bytes: &[u8]) -> Result<Packet<'_>, DecodeError> {
        let (header, body, _) = frame::split(bytes, 1 << 20)?.expect("a whole packet");
        decode(version, header, body)
    }

    #[track_caller]
    fn refused(version: Version, bytes: &[u8], want: Code) {
        let got = read(version, bytes).map_err(|error| error.reason());
        assert_eq!(got, Err(want), "{version:?} {bytes:02x?}");
    }

    #[track_caller]
    fn accepted(version: Version, bytes: &[u8]) {
        read(version, bytes).unwrap_or_else(|error| panic!("{version:?} {bytes:02x?}: {error}"));
    }

    /// A packet with this first byte and body.
    fn packet(first: u8, body: &[u8]) -> Vec<u8> {
        let mut out = vec![first, u8::try_from(body.len()).unwrap()];
        out.extend_from_slice(body);
        out
    }

    /// A CONNECT: level, flags, and what comes after the keep alive.
    fn connect(level: u8, flags: u8, rest: &[u8]) -> Vec<u8> {
        let name: &[u8] = if level == 3 { b"\0\x06MQIsdp" } else { b"\0\x04MQTT" };
        packet(0x10, &[name, &[level, flags, 0, 60], rest].concat())
    }

    #[test]
    fn reserved_flags_are_malformed_2_1_3_1() {
        for (first, body) in
            [(0x41, &[0, 1][..]), (0x60, &[0, 1]), (0x83, &[0, 1]), (0xC1, &[]), (0xE1, &[])]
        {
            refused(V3_1_1, &packet(first, body), Code::MalformedPacket);
            refused(V5, &packet(first, body), Code::MalformedPacket);
        }
        refused(V5, &packet(0x11, b"\0\x04MQTT\x05\x02\0\x3c\0\0\0"), Code::MalformedPacket);
        refused(V3_1_1, &packet(0x80, b"\0\x01\0\x01a\0"), Code::MalformedPacket);
        refused(V3_1_1, &packet(0xA0, b"\0\x01\0\x01a"), Code::MalformedPacket);
        accepted(V3_1, &packet(0x8A, b"\0\x01\0\x01a\0")); // DUP of a repeated SUBSCRIBE in 3.1
        accepted(V3_1, &packet(0x6A, &[0, 1]));
    }

    #[test]
    fn packet_types_0_and_15_are_malformed() {
        refused(V5, &[0x00, 0], Code::MalformedPacket);
        refused(V3_1_1, &[0xF0, 0], Code::MalformedPacket);
        accepted(V5, &[0xF0, 0]);
        refused(V5, &[0xF0, 2, 0x18, 0], Code::ProtocolError); // no authentication method
        accepted(V5, b"\xF0\x06\x18\x04\x15\0\x01m");
    }

    #[test]
    fn lengths_are_in_their_shortest_form_in_5_0_only_1_5_5_1() {
        refused(V5, &[0xC0, 0x80, 0], Code::MalformedPacket);
        accepted(V3_1_1, &[0xC0, 0x80, 0]);
        refused(V5, b"\x30\x05\0\x01a\x80\0", Code::MalformedPacket);
    }

    #[test]
    fn versions_are_known_by_name_and_level_3_1_2_2() {
        accepted(V5, &connect(3, 2, b"\0\x01c"));
        accepted(V5, &connect(4, 2, b"\0\x01c"));
        accepted(V3_1_1, &connect(5, 2, b"\0\0\x01c"));
        for level in [0, 6, 0x84, 255] {
            refused(V5, &connect(level, 2, b"\0\x01c"), Code::UnsupportedProtocolVersion);
        }
        let name = packet(0x10, b"\0\x06MQIsdp\x04\x02\0\x3c\0\x01c");
        refused(V5, &name, Code::UnsupportedProtocolVersion);
        let name = packet(0x10, b"\0\x04mqtt\x04\x02\0\x3c\0\x01c");
        refused(V5, &name, Code::MalformedPacket);
        let first = FixedHeader::new(0xC0).unwrap();
        assert_eq!(decode_connect(first, &[]).unwrap_err().reason(), Code::ProtocolError);
    }

    #[test]
    fn a_refused_connect_still_says_its_version() {
        let claimed = |level| claimed_version(&connect(level, 0xFF, b"")[2..]);
        assert_eq!(claimed(3), Some(V3_1));
        assert_eq!(claimed(4), Some(V3_1_1));
        assert_eq!(claimed(5), Some(V5));
        assert_eq!(claimed(6), Some(V3_1_1));
        assert_eq!(claimed(2), Some(V3_1_1));
        assert_eq!(claimed(0x84), Some(V3_1_1)); // a bridge of mosquitto
        assert_eq!(claimed_version(b"\0\x04MQTT"), None);
        assert_eq!(claimed_version(b"GET / HTTP/1.1"), None);
    }

    #[test]
    fn connect_flags_are_checked() {
        for (level, lead) in [(4, &b""[..]), (5, &b"\0"[..])] {
            let id = [lead, b"\0\x01c"].concat();
            refused(V5, &connect(level, 0x03, &id), Code::MalformedPacket); // 3.1.2-3
            refused(V5, &connect(level, 0x0A, &id), Code::MalformedPacket); // 3.1.2-11
            refused(V5, &connect(level, 0x22, &id), Code::MalformedPacket); // 3.1.2-13
            let will = [lead, b"\0\x01c", lead, b"\0\x01t\0\x01p"].concat();
            accepted(V5, &connect(level, 0x2E, &will));
            refused(V5, &connect(level, 0x1E, &will), Code::MalformedPacket); // 3.1.2-12
        }
        refused(V5, &connect(4, 0x42, b"\0\x01c\0\x01p"), Code::MalformedPacket); // 3.1.1 3.1.2-22
        accepted(V5, &connect(5, 0x42, b"\0\0\x01c\0\x01p"));
        accepted(V5, &connect(3, 0xC2, b"\0\x01c")); // 3.1: the strings may be missing
        refused(V5, &connect(4, 0xC2, b"\0\x01c"), Code::MalformedPacket);
        refused(V5, &connect(4, 0x02, b"\0\x01c!"), Code::MalformedPacket);
    }

    #[test]
    fn a_will_shows_before_the_packet_is_there() {
        let bytes = [&[0x10, 0xff, 0x7f, 0, 4][..], b"MQTT", &[5, 0x06, 0, 60]].concat();
        for cut in 0..bytes.len() {
            let want = (cut >= 11).then_some((V5, true));
            assert_eq!(announced(&bytes[..cut]), want, "{cut}");
        }
        let without = [&[0x10, 20, 0, 6][..], b"MQIsdp", &[3, 0x02]].concat();
        assert_eq!(announced(&without), Some((V3_1, false)));
        assert_eq!(announced(&[0x10, 20, 0, 4, b'H', b'T', b'T', b'P', 5, 6]), None);
        assert_eq!(announced(&[0x10, 0xff, 0xff, 0xff, 0xff]), None);
    }

    #[test]
    fn a_will_topic_is_a_topic_name() {
        refused(V5, &connect(4, 6, b"\0\x01c\0\x01#\0\0"), Code::TopicNameInvalid);
        refused(V5, &connect(5, 6, b"\0\0\x01c\0\0\0\0\0"), Code::TopicNameInvalid);
        accepted(V5, &connect(5, 6, b"\0\0\x01c\x05\x18\0\0\0\x01\0\x01t\0\0"));
        refused(V5, &connect(5, 6, b"\0\0\x01c\x03\x23\0\x01\0\x01t\0\0"), Code::MalformedPacket);
    }

    #[test]
    fn connect_properties_are_checked() {
        let properties = |block: &[u8]| {
            let size = [u8::try_from(block.len()).unwrap()];
            connect(5, 2, &[&size[..], block, b"\0\x01c"].concat())
        };
        accepted(V5, &properties(&[0x11, 0, 0, 0, 9, 0x21, 0, 9, 0x17, 1, 0x19, 0]));
        refused(V5, &properties(&[0x21, 0, 9, 0x21, 0, 9]), Code::ProtocolError);
        refused(V5, &properties(&[0x21, 0, 0]), Code::ProtocolError);
        refused(V5, &properties(&[0x27, 0, 0, 0, 0]), Code::ProtocolError);
        refused(V5, &properties(&[0x17, 2]), Code::ProtocolError);
        refused(V5, &properties(&[0x19, 2]), Code::ProtocolError);
        refused(V5, &properties(&[0x16, 0, 0]), Code::ProtocolError);
        refused(V5, &properties(&[0x01, 0]), Code::MalformedPacket);
        refused(V5, &properties(&[0x7F, 0]), Code::MalformedPacket);
        refused(V5, &properties(&[0x21, 0]), Code::MalformedPacket);
        refused(V5, &connect(5, 2, &[0x20, 0, 1, b'c']), Code::MalformedPacket);
    }

    #[test]
    fn strings_are_utf_8_without_null_1_5_4() {
        for id in [&b"\0\x02\xED\xA0"[..], b"\0\x01\xFF", b"\0\x01\0", b"\0\x03\xED\xA0\x80"] {
            refused(V5, &connect(4, 2, id), Code::MalformedPacket);
        }
        accepted(V5, &connect(4, 2, b"\0\x03\xEF\xBB\xBF"));
        accepted(V5, &connect(4, 2, b"\0\x01\x07"));
        refused(V5, b"\x30\x03\0\x01\0", Code::MalformedPacket);
        refused(V5, b"\x30\x03\0\x01\xFF", Code::MalformedPacket);
        refused(V5, b"\x30\x02\0\x09", Code::MalformedPacket);
    }

    #[test]
    fn publish_is_checked() {
        accepted(V3_1_1, b"\x30\x03\0\x01a");
        refused(V3_1_1, b"\x36\x05\0\x01a\0\x01", Code::MalformedPacket); // 3.3.1-4
        refused(V3_1_1, b"\x38\x03\0\x01a", Code::MalformedPacket); // 3.3.1-2
        refused(V3_1_1, b"\x32\x05\0\x01a\0\0", Code::ProtocolError); // 2.2.1-3
        refused(V3_1_1, b"\x32\x04\0\x01a\0", Code::MalformedPacket);
        refused(V3_1_1, b"\x30\x03\0\x01+", Code::TopicNameInvalid); // 3.3.2-2
        refused(V3_1_1, b"\x30\x02\0\0", Code::TopicNameInvalid); // 4.7.3-1
        refused(V5, b"\x30\x03\0\0\0", Code::ProtocolError); // no alias either
        accepted(V5, b"\x30\x06\0\0\x03\x23\0\x01");
        refused(V5, b"\x30\x06\0\0\x03\x23\0\0", Code::TopicAliasInvalid); // 3.3.2-8
        refused(V5, b"\x30\x06\0\x01a\x02\x01\x02", Code::ProtocolError); // payload format 2
        refused(V5, b"\x30\x08\0\x01a\x04\x08\0\x01#", Code::ProtocolError); // 3.3.2-14
        refused(V5, b"\x30\x06\0\x01a\x02\x0B\0", Code::ProtocolError); // subscription identifier 0
        accepted(V5, b"\x30\x08\0\x01a\x04\x0B\x01\x0B\x02");
        refused(V5, b"\x30\x03\0\x01a", Code::MalformedPacket); // no property length
    }

    #[test]
    fn too_many_properties_are_refused() {
        let publish = |count: usize, value: &[u8]| {
            let block =
                [b"\x26\0\x01n", &u16::try_from(value.len()).unwrap().to_be_bytes()[..], value]
                    .concat()
                    .repeat(count);
            Properties::parse(&block, PropertySet::PUBLISH)
                .map(|_| ())
                .map_err(|error| error.reason())
        };
        assert_eq!(publish(64, b"v"), Ok(()));
        assert_eq!(publish(65, b"v"), Err(Code::QuotaExceeded));
        assert_eq!(publish(3, &[b'v'; 5000]), Ok(()));
        assert_eq!(publish(4, &[b'v'; 5000]), Err(Code::PacketTooLarge));
    }

    #[test]
    fn acknowledgements_are_checked() {
        for first in [0x40, 0x50, 0x62, 0x70] {
            for version in [V3_1, V3_1_1, V5] {
                accepted(version, &[first, 2, 0, 1]);
                refused(version, &[first, 2, 0, 0], Code::ProtocolError);
                refused(version, &[first, 1, 0], Code::MalformedPacket);
            }
            refused(V3_1_1, &[first, 3, 0, 1, 0], Code::MalformedPacket);
            accepted(V5, &[first, 3, 0, 1, 0]);
            accepted(V5, &[first, 4, 0, 1, 0, 0]);
            accepted(V5, &[first, 8, 0, 1, 0, 4, 0x1F, 0, 1, b'r']);
            refused(V5, &[first, 5, 0, 1, 0, 0, 0], Code::MalformedPacket);
            refused(V5, &[first, 3, 0, 1, 1], Code::MalformedPacket);
            refused(V5, &[first, 7, 0, 1, 0, 3, 0x23, 0, 1], Code::MalformedPacket);
        }
        accepted(V5, &[0x40, 3, 0, 1, 0x10]);
        refused(V5, &[0x62, 3, 0, 1, 0x10], Code::MalformedPacket);
        accepted(V5, &[0x70, 3, 0, 1, 0x92]);
    }

    #[test]
    fn subscribe_is_checked() {
        let subscribe = |body: &[u8]| packet(0x82, body);
        accepted(V3_1_1, &subscribe(b"\0\x01\0\x01a\x02"));
        refused(V3_1_1, &subscribe(b"\0\x01"), Code::ProtocolError); // 3.8.3-2
        refused(V3_1_1, &subscribe(b"\0\0\0\x01a\0"), Code::ProtocolError);
        refused(V3_1_1, &subscribe(b"\0\x01\0\x01a"), Code::MalformedPacket);
        refused(V3_1_1, &subscribe(b"\0\x01\0\x01a\x03"), Code::MalformedPacket); // 3-8.3-4
        refused(V3_1_1, &subscribe(b"\0\x01\0\x01a\x04"), Code::MalformedPacket);
        refused(V3_1_1, &subscribe(b"\0\x01\0\0\0"), Code::TopicFilterInvalid); // 4.7.3-1
        refused(V3_1_1, &subscribe(b"\0\x01\0\x02a#\0"), Code::TopicFilterInvalid); // 4.7.1-2
        accepted(V5, &subscribe(b"\0\x01\0\0\x01a\x2E"));
        refused(V5, &subscribe(b"\0\x01\0\0\x01a\x03"), Code::ProtocolError);
        refused(V5, &subscribe(b"\0\x01\0\0\x01a\x30"), Code::ProtocolError);
        refused(V5, &subscribe(b"\0\x01\0\0\x01a\x40"), Code::MalformedPacket); // 3.8.3-5
        refused(V5, &subscribe(b"\0\x01\0\0\x0A$share/g/a\x04"), Code::ProtocolError); // 3.8.3-4
        refused(V5, &subscribe(b"\0\x01\0\0\x09$share//a\0"), Code::TopicFilterInvalid); // 4.8.2-1
        accepted(V5, &subscribe(b"\0\x01\x02\x0B\x01\0\x01a\0"));
        refused(V5, &subscribe(b"\0\x01\x04\x0B\x01\x0B\x01\0\x01a\0"), Code::ProtocolError);
        refused(V5, &subscribe(b"\0\x01\x02\x0B\0\0\x01a\0"), Code::ProtocolError);
        let bytes = subscribe(b"\0\x01\0\0\x01a\x2E");
        let shown = read(V5, &bytes).unwrap();
        let Packet::Subscribe(packet) = shown else { panic!("{shown:?}") };
        let options = SubscriptionOptions {
            qos: QoS::ExactlyOnce,
            no_local: true,
            retain_as_published: true,
            retain_handling: 2,
        };
        assert_eq!(packet.filters.iter().collect::<Vec<_>>(), [("a", options)]);
    }

    #[test]
    fn unsubscribe_is_checked() {
        accepted(V3_1_1, &packet(0xA2, b"\0\x01\0\x01a\0\x01b"));
        refused(V3_1_1, &packet(0xA2, b"\0\x01"), Code::ProtocolError); // 3.10.3-2
        refused(V5, &packet(0xA2, b"\0\x01\0"), Code::ProtocolError);
        refused(V5, &packet(0xA2, b"\0\0\0\0\x01a"), Code::ProtocolError);
        refused(V5, &packet(0xA2, b"\0\x01\x02\x0B\x01\0\x01a"), Code::MalformedPacket);
        refused(V5, &packet(0xA2, b"\0\x01\0\0\x03a/#b"), Code::MalformedPacket);
        refused(V5, &packet(0xA2, b"\0\x01\0\0\x02#b"), Code::TopicFilterInvalid);
    }

    #[test]
    fn disconnect_and_ping_are_checked() {
        accepted(V3_1_1, &[0xE0, 0]);
        refused(V3_1_1, &[0xE0, 1, 0], Code::MalformedPacket);
        accepted(V5, &[0xE0, 0]);
        accepted(V5, &[0xE0, 1, 4]);
        accepted(V5, &[0xE0, 7, 0, 5, 0x11, 0, 0, 0, 1]);
        refused(V5, &[0xE0, 1, 1], Code::MalformedPacket);
        refused(V5, &[0xE0, 3, 0, 0, 0], Code::MalformedPacket);
        refused(V5, &[0xC0, 1, 0], Code::MalformedPacket);
        refused(V5, &[0xD0, 1, 0], Code::MalformedPacket);
    }

    #[test]
    fn what_a_server_sends_is_checked_too() {
        accepted(V3_1_1, &[0x20, 2, 1, 0]);
        refused(V3_1_1, &[0x20, 2, 2, 0], Code::MalformedPacket);
        refused(V3_1_1, &[0x20, 2, 0, 6], Code::MalformedPacket);
        accepted(V5, &[0x20, 3, 0, 0x87, 0]);
        refused(V5, &[0x20, 3, 0, 1, 0], Code::MalformedPacket);
        refused(V5, &[0x20, 3, 0, 0x8B, 0], Code::MalformedPacket);
        accepted(V3_1_1, &[0x90, 4, 0, 1, 2, 0x80]);
        refused(V3_1_1, &[0x90, 3, 0, 1, 3], Code::MalformedPacket);
        refused(V3_1_1, &[0x90, 2, 0, 1], Code::MalformedPacket);
        accepted(V5, &[0xB0, 4, 0, 1, 0, 0x11]);
        accepted(V3_1_1, &[0xB0, 2, 0, 1]);
        refused(V3_1_1, &[0xB0, 3, 0, 1, 0], Code::MalformedPacket);
    }

    #[test]
    fn passwords_are_bytes_and_not_shown() {
        let bytes = connect(4, 0xC2, b"\0\x01c\0\x01u\0\x02\xFF\0");
        let shown = read(V3_1_1, &bytes).unwrap();
        assert!(!format!("{shown:?}").contains("255"));
        let Packet::Connect(connect) = shown else { panic!("{shown:?}") };
        assert_eq!(connect.password, Some(&[0xFF, 0][..]));
    }
}
