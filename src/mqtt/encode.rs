//! Packets to bytes, appended to a buffer the caller keeps, so that a batch is one write.
//!
//! PUBLISH has a form of its own: topic, properties and payload come in pieces, already encoded where they can be, and the
//! payload may be left to the caller (for a vectored write). Nothing is allocated but room in the buffer.
//! Text and blocks longer than their length field can say (they do not exist in checked values) are cut, not wrapped.

use super::frame::{MAX_REMAINING_LENGTH, width_of};
use super::{
    Ack, AckType, Auth, ConnAck, Connect, Disconnect, Packet, PacketId, PacketType, Properties,
    Publish, QoS, ReasonCode, SubAck, Subscribe, SubscriptionOptions, UnsubAck, Unsubscribe,
    Version,
};

/// What differs from receiver to receiver of one message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct PublishHead {
    /// Sent before.
    pub dup: bool,
    /// Quality of service of this delivery.
    pub qos: QoS,
    /// The retain flag of this delivery.
    pub retain: bool,
    /// Must be there when `qos` is not 0; left out otherwise.
    pub packet_id: Option<PacketId>,
}

/// What is the same for many receivers of one message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct PublishParts<'a> {
    /// A topic name; may be empty with an alias in `extra_properties`.
    pub topic: &'a str,
    /// Encoded properties of the message. Left out before 5.0.
    pub properties: &'a [u8],
    /// Encoded properties of this delivery: alias, subscription identifiers, what is left of the expiry. Left out before 5.0.
    pub extra_properties: &'a [u8],
    /// The message.
    pub payload: &'a [u8],
}

/// Appends a PUBLISH.
pub fn publish(out: &mut Vec<u8>, version: Version, head: PublishHead, parts: &PublishParts<'_>) {
    out.reserve(publish_size(version, head.qos, parts));
    publish_head(out, version, head, parts);
    out.extend_from_slice(parts.payload);
}

/// Appends a PUBLISH but for the bytes of the payload, which the caller sends right after.
#[inline]
pub fn publish_head(
    out: &mut Vec<u8>,
    version: Version,
    head: PublishHead,
    parts: &PublishParts<'_>,
) {
    debug_assert!(head.qos == QoS::AtMostOnce || head.packet_id.is_some(), "QoS without packet id");
    debug_assert!(!head.dup || head.qos != QoS::AtMostOnce, "DUP with QoS 0");
    let first = (PacketType::Publish as u8) << 4
        | u8::from(head.dup) << 3
        | head.qos.as_u8() << 1
        | u8::from(head.retain);
    out.push(first);
    put_variable_byte_integer(out, publish_length(version, head.qos, parts));
    put_string(out, parts.topic);
    if head.qos != QoS::AtMostOnce {
        out.extend_from_slice(&head.packet_id.map_or(0, PacketId::get).to_be_bytes());
    }
    if version == Version::V5 {
        put_variable_byte_integer(out, parts.properties.len() + parts.extra_properties.len());
        out.extend_from_slice(parts.properties);
        out.extend_from_slice(parts.extra_properties);
    }
}

/// All bytes [`publish`] would append: what Maximum Packet Size counts.
#[inline]
#[must_use]
pub fn publish_size(version: Version, qos: QoS, parts: &PublishParts<'_>) -> usize {
    let length = publish_length(version, qos, parts);
    1 + width(length) + length
}

#[inline]
fn publish_length(version: Version, qos: QoS, parts: &PublishParts<'_>) -> usize {
    let id = if qos == QoS::AtMostOnce { 0 } else { 2 };
    let properties = if version == Version::V5 {
        let size = parts.properties.len() + parts.extra_properties.len();
        width(size) + size
    } else {
        0
    };
    2 + clip_str(parts.topic).len() + id + properties + parts.payload.len()
}

/// Appends PUBACK, PUBREC, PUBREL or PUBCOMP without properties. Before 5.0 the reason is not said.
#[inline]
pub fn ack(
    out: &mut Vec<u8>,
    version: Version,
    ack_type: AckType,
    packet_id: PacketId,
    reason: ReasonCode,
) {
    let first = (ack_type as u8) << 4 | if ack_type == AckType::PubRel { 2 } else { 0 };
    let [high, low] = packet_id.get().to_be_bytes();
    if version == Version::V5 && reason != ReasonCode::Success {
        out.extend_from_slice(&[first, 3, high, low, reason.as_u8()]);
    } else {
        out.extend_from_slice(&[first, 2, high, low]);
    }
}

/// Appends a SUBSCRIBE; `properties` are encoded ones.
pub fn subscribe(
    out: &mut Vec<u8>,
    version: Version,
    packet_id: PacketId,
    properties: &[u8],
    filters: &[(&str, SubscriptionOptions)],
) {
    framed(out, first(PacketType::Subscribe), |out| {
        put_id_and_properties(out, version, packet_id, properties);
        for (filter, options) in filters {
            put_subscription(out, version, filter, *options);
        }
    });
}

/// Appends an UNSUBSCRIBE; `properties` are encoded ones.
pub fn unsubscribe(
    out: &mut Vec<u8>,
    version: Version,
    packet_id: PacketId,
    properties: &[u8],
    filters: &[&str],
) {
    framed(out, first(PacketType::Unsubscribe), |out| {
        put_id_and_properties(out, version, packet_id, properties);
        filters.iter().for_each(|filter| put_string(out, filter));
    });
}

/// Appends a SUBACK; `properties` are encoded ones. Before 5.0 every refusal is 0x80.
pub fn suback(
    out: &mut Vec<u8>,
    version: Version,
    packet_id: PacketId,
    properties: &[u8],
    reasons: &[ReasonCode],
) {
    framed(out, first(PacketType::SubAck), |out| {
        put_id_and_properties(out, version, packet_id, properties);
        out.extend(reasons.iter().map(|reason| suback_code(version, *reason)));
    });
}

/// Appends an UNSUBACK; `properties` are encoded ones. Before 5.0 it has no reasons.
pub fn unsuback(
    out: &mut Vec<u8>,
    version: Version,
    packet_id: PacketId,
    properties: &[u8],
    reasons: &[ReasonCode],
) {
    framed(out, first(PacketType::UnsubAck), |out| {
        put_id_and_properties(out, version, packet_id, properties);
        if version == Version::V5 {
            out.extend(reasons.iter().map(|reason| reason.as_u8()));
        }
    });
}

/// Appends a PINGREQ.
pub fn pingreq(out: &mut Vec<u8>) {
    out.extend_from_slice(&[first(PacketType::PingReq), 0]);
}

/// Appends a PINGRESP.
pub fn pingresp(out: &mut Vec<u8>) {
    out.extend_from_slice(&[first(PacketType::PingResp), 0]);
}

impl Packet<'_> {
    /// Appends the packet in the form of `version`; a CONNECT has its own. What the older versions cannot say is left out
    /// (and AUTH, which they do not have, altogether).
    pub fn encode(&self, version: Version, out: &mut Vec<u8>) {
        match self {
            Self::Connect(packet) => packet.encode(out),
            Self::ConnAck(packet) => packet.encode(version, out),
            Self::Publish(packet) => packet.encode(version, out),
            Self::PubAck(packet) => packet.encode(version, AckType::PubAck, out),
            Self::PubRec(packet) => packet.encode(version, AckType::PubRec, out),
            Self::PubRel(packet) => packet.encode(version, AckType::PubRel, out),
            Self::PubComp(packet) => packet.encode(version, AckType::PubComp, out),
            Self::Subscribe(packet) => packet.encode(version, out),
            Self::SubAck(packet) => packet.encode(version, out),
            Self::Unsubscribe(packet) => packet.encode(version, out),
            Self::UnsubAck(packet) => packet.encode(version, out),
            Self::PingReq => pingreq(out),
            Self::PingResp => pingresp(out),
            Self::Disconnect(packet) => packet.encode(version, out),
            Self::Auth(packet) => packet.encode(version, out),
        }
    }
}

impl Connect<'_> {
    /// Appends the packet, in the version it names.
    pub fn encode(&self, out: &mut Vec<u8>) {
        let version = self.version;
        framed(out, first(PacketType::Connect), |out| {
            put_string(out, version.name());
            out.push(version.level());
            out.push(self.flags());
            out.extend_from_slice(&self.keep_alive.to_be_bytes());
            put_properties(out, version, self.properties.raw());
            put_string(out, self.client_id);
            if let Some(will) = &self.will {
                put_properties(out, version, will.properties.raw());
                put_string(out, will.topic);
                put_binary(out, will.payload);
            }
            if let Some(username) = self.username {
                put_string(out, username);
            }
            if let Some(password) = self.password {
                put_binary(out, password);
            }
        });
    }

    fn flags(&self) -> u8 {
        let will =
            self.will.map_or(0, |will| 0x04 | will.qos.as_u8() << 3 | u8::from(will.retain) << 5);
        u8::from(self.username.is_some()) << 7
            | u8::from(self.password.is_some()) << 6
            | will
            | u8::from(self.clean_start) << 1
    }
}

impl ConnAck<'_> {
    /// Appends the packet. 3.1 has no session present flag.
    pub fn encode(&self, version: Version, out: &mut Vec<u8>) {
        framed(out, first(PacketType::ConnAck), |out| {
            let present = self.session_present && version != Version::V3_1;
            out.push(u8::from(present));
            if version == Version::V5 {
                out.push(self.reason.as_u8());
                put_properties(out, version, self.properties.raw());
            } else {
                out.push(self.reason.to_v3_connack());
            }
        });
    }
}

impl Publish<'_> {
    /// Appends the packet.
    pub fn encode(&self, version: Version, out: &mut Vec<u8>) {
        let Self { dup, qos, retain, packet_id, .. } = *self;
        let parts = PublishParts {
            topic: self.topic,
            properties: self.properties.raw(),
            extra_properties: &[],
            payload: self.payload,
        };
        publish(out, version, PublishHead { dup, qos, retain, packet_id }, &parts);
    }
}

impl Ack<'_> {
    /// Appends the packet as this one of the four.
    pub fn encode(&self, version: Version, ack_type: AckType, out: &mut Vec<u8>) {
        if version != Version::V5 || self.properties.is_empty() {
            ack(out, version, ack_type, self.packet_id, self.reason);
            return;
        }
        let first = (ack_type as u8) << 4 | if ack_type == AckType::PubRel { 2 } else { 0 };
        framed(out, first, |out| {
            out.extend_from_slice(&self.packet_id.get().to_be_bytes());
            put_outcome(out, self.reason, &self.properties);
        });
    }
}

impl Subscribe<'_> {
    /// Appends the packet.
    pub fn encode(&self, version: Version, out: &mut Vec<u8>) {
        framed(out, first(PacketType::Subscribe), |out| {
            put_id_and_properties(out, version, self.packet_id, self.properties.raw());
            for (filter, options) in self.filters.iter() {
                put_subscription(out, version, filter, options);
            }
        });
    }
}

impl SubAck<'_> {
    /// Appends the packet.
    pub fn encode(&self, version: Version, out: &mut Vec<u8>) {
        framed(out, first(PacketType::SubAck), |out| {
            put_id_and_properties(out, version, self.packet_id, self.properties.raw());
            out.extend(self.reasons.iter().map(|reason| suback_code(version, reason)));
        });
    }
}

impl Unsubscribe<'_> {
    /// Appends the packet.
    pub fn encode(&self, version: Version, out: &mut Vec<u8>) {
        framed(out, first(PacketType::Unsubscribe), |out| {
            put_id_and_properties(out, version, self.packet_id, self.properties.raw());
            self.filters.iter().for_each(|filter| put_string(out, filter));
        });
    }
}

impl UnsubAck<'_> {
    /// Appends the packet.
    pub fn encode(&self, version: Version, out: &mut Vec<u8>) {
        framed(out, first(PacketType::UnsubAck), |out| {
            put_id_and_properties(out, version, self.packet_id, self.properties.raw());
            if version == Version::V5 {
                out.extend(self.reasons.iter().map(ReasonCode::as_u8));
            }
        });
    }
}

impl Disconnect<'_> {
    /// Appends the packet. Before 5.0 only a client may send it.
    pub fn encode(&self, version: Version, out: &mut Vec<u8>) {
        framed(out, first(PacketType::Disconnect), |out| {
            if version == Version::V5 {
                put_outcome(out, self.reason, &self.properties);
            }
        });
    }
}

impl Auth<'_> {
    /// Appends the packet; nothing before 5.0.
    pub fn encode(&self, version: Version, out: &mut Vec<u8>) {
        if version == Version::V5 {
            framed(out, first(PacketType::Auth), |out| {
                put_outcome(out, self.reason, &self.properties)
            });
        }
    }
}

/// The first byte of a packet whose flags are fixed.
const fn first(packet_type: PacketType) -> u8 {
    let flags = match packet_type {
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
    (packet_type as u8) << 4 | flags
}

fn suback_code(version: Version, reason: ReasonCode) -> u8 {
    match version {
        Version::V5 => reason.as_u8(),
        Version::V3_1 | Version::V3_1_1 if reason.is_error() => 0x80,
        Version::V3_1 | Version::V3_1_1 => reason.as_u8(),
    }
}

/// Reason and properties; what says nothing is left out from the end (v5 3.4.2.1, 3.14.2.1, 3.15.2.1).
fn put_outcome(out: &mut Vec<u8>, reason: ReasonCode, properties: &Properties<'_>) {
    if !properties.is_empty() {
        out.push(reason.as_u8());
        put_properties(out, Version::V5, properties.raw());
    } else if reason != ReasonCode::Success {
        out.push(reason.as_u8());
    }
}

fn put_id_and_properties(out: &mut Vec<u8>, version: Version, id: PacketId, properties: &[u8]) {
    out.extend_from_slice(&id.get().to_be_bytes());
    put_properties(out, version, properties);
}

fn put_subscription(
    out: &mut Vec<u8>,
    version: Version,
    filter: &str,
    options: SubscriptionOptions,
) {
    put_string(out, filter);
    out.push(if version == Version::V5 { options.to_byte() } else { options.qos.as_u8() });
}

fn put_properties(out: &mut Vec<u8>, version: Version, properties: &[u8]) {
    if version == Version::V5 {
        put_variable_byte_integer(out, properties.len());
        out.extend_from_slice(properties);
    }
}

/// Appends first byte, length and what `body` appends. The length is put in afterwards; short bodies do not move for it.
fn framed(out: &mut Vec<u8>, first: u8, body: impl FnOnce(&mut Vec<u8>)) {
    out.extend_from_slice(&[first, 0]);
    let start = out.len();
    body(out);
    let mut length = Vec::new();
    put_variable_byte_integer(&mut length, out.len() - start);
    out.splice(start - 1..start, length);
}

#[inline]
pub(super) fn put_string(out: &mut Vec<u8>, text: &str) {
    put_binary(out, clip_str(text).as_bytes());
}

#[inline]
pub(super) fn put_binary(out: &mut Vec<u8>, bytes: &[u8]) {
    let bytes = bytes.get(..usize::from(u16::MAX)).unwrap_or(bytes);
    debug_assert!(bytes.len() <= usize::from(u16::MAX));
    out.extend_from_slice(&u16::try_from(bytes.len()).unwrap_or(u16::MAX).to_be_bytes());
    out.extend_from_slice(bytes);
}

#[inline]
fn clip_str(text: &str) -> &str {
    if text.len() <= usize::from(u16::MAX) {
        return text;
    }
    // A character has at most four bytes, so one of the four cuts is between two.
    (0..4).find_map(|back| text.get(..usize::from(u16::MAX) - back)).unwrap_or_default()
}

#[inline]
fn width(value: usize) -> usize {
    width_of(u32::try_from(value).unwrap_or(u32::MAX))
}

/// Appends a Variable Byte Integer (v5 1.5.5).
#[inline]
pub(super) fn put_variable_byte_integer(out: &mut Vec<u8>, value: usize) {
    debug_assert!(value <= MAX_REMAINING_LENGTH, "{value} bytes in one packet");
    let mut rest = value.min(MAX_REMAINING_LENGTH);
    loop {
        let [low, ..] = rest.to_le_bytes();
        rest >>= 7;
        if rest == 0 {
            out.push(low & 0x7F);
            return;
        }
        out.push(low | 0x80);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn publish_is_written_in_pieces() {
        let parts = PublishParts {
            topic: "t/a",
            properties: &[0x01, 1],
            extra_properties: &[0x23, 0, 5],
            payload: &[9; 200],
        };
        let head = PublishHead {
            dup: true,
            qos: QoS::AtLeastOnce,
            retain: true,
            packet_id: PacketId::new(0x0102),
        };
        let (mut whole, mut lead) = (Vec::new(), Vec::new());
        publish(&mut whole, Version::V5, head, &parts);
        publish_head(&mut lead, Version::V5, head, &parts);
        assert_eq!(lead, b"\x3B\xD5\x01\0\x03t/a\x01\x02\x05\x01\x01\x23\0\x05");
        assert_eq!(whole, [&lead, parts.payload].concat());
        assert_eq!(whole.len(), publish_size(Version::V5, head.qos, &parts));
        whole.clear();
        publish(&mut whole, Version::V3_1_1, PublishHead::default(), &parts);
        assert_eq!(&whole[..8], b"\x30\xCD\x01\0\x03t/a");
        assert_eq!(whole.len(), publish_size(Version::V3_1_1, QoS::AtMostOnce, &parts));
    }

    #[test]
    fn acknowledgements_are_as_short_as_they_may_be() {
        let written = |version, kind, reason| {
            let mut out = Vec::new();
            ack(&mut out, version, kind, PacketId::FIRST, reason);
            out
        };
        let reason = ReasonCode::NoMatchingSubscribers;
        assert_eq!(written(Version::V5, AckType::PubAck, ReasonCode::Success), [0x40, 2, 0, 1]);
        assert_eq!(written(Version::V5, AckType::PubAck, reason), [0x40, 3, 0, 1, 0x10]);
        assert_eq!(written(Version::V3_1_1, AckType::PubAck, reason), [0x40, 2, 0, 1]);
        assert_eq!(written(Version::V5, AckType::PubRel, ReasonCode::Success), [0x62, 2, 0, 1]);
    }

    #[test]
    fn old_versions_get_what_they_know() {
        let mut out = Vec::new();
        let reasons = [ReasonCode::GrantedQos1, ReasonCode::NotAuthorized];
        suback(&mut out, Version::V3_1_1, PacketId::FIRST, &[], &reasons);
        assert_eq!(out, [0x90, 4, 0, 1, 1, 0x80]);
        out.clear();
        let properties = Properties::EMPTY;
        let reason = ReasonCode::NotAuthorized;
        ConnAck { session_present: false, reason, properties }.encode(Version::V3_1_1, &mut out);
        assert_eq!(out, [0x20, 2, 0, 5]);
        out.clear();
        Auth { reason: ReasonCode::Success, properties }.encode(Version::V3_1_1, &mut out);
        assert!(out.is_empty());
    }

    #[test]
    fn long_bodies_get_long_lengths() {
        let filters = vec![("0123456789", SubscriptionOptions::default()); 1000];
        let mut out = b"before".to_vec();
        subscribe(&mut out, Version::V3_1_1, PacketId::FIRST, &[], &filters);
        assert_eq!(&out[..12], b"before\x82\xCA\x65\0\x01\0");
        assert_eq!(out.len(), 6 + 3 + 2 + 13_000);
    }

    #[test]
    fn text_too_long_for_its_length_is_cut_between_characters() {
        let mut out = Vec::new();
        put_string(&mut out, &("x".to_owned() + &"é".repeat(40_000)));
        assert_eq!((&out[..3], out.len()), (&[0xFF, 0xFF, b'x'][..], 65_537));
        out.clear();
        put_string(&mut out, &"é".repeat(40_000));
        assert_eq!((&out[..2], out.len()), (&[0xFF, 0xFE][..], 65_536));
    }
}
