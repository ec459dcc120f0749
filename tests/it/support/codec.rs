//! A small MQTT codec for tests: it builds client packets (right and wrong ones) and reads server
//! packets strictly, so that every test also checks the shape of all it receives.

/// The protocol a client speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Version {
    V3_1,
    V3_1_1,
    V5,
}

impl Version {
    pub fn is_v5(self) -> bool {
        self == Self::V5
    }

    pub fn level(self) -> u8 {
        match self {
            Self::V3_1 => 3,
            Self::V3_1_1 => 4,
            Self::V5 => 5,
        }
    }

    pub fn protocol_name(self) -> &'static str {
        if self == Self::V3_1 { "MQIsdp" } else { "MQTT" }
    }
}

/// The value of a v5 property.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Value {
    Byte(u8),
    Two(u16),
    Four(u32),
    Var(u32),
    Text(String),
    Binary(Vec<u8>),
    Pair(String, String),
}

pub type Props = Vec<(u8, Value)>;

/// Property identifiers (v5 2.2.2.2) and short constructors.
pub mod prop {
    use super::Value;

    pub const FORMAT: u8 = 1;
    pub const EXPIRY: u8 = 2;
    pub const CONTENT_TYPE: u8 = 3;
    pub const RESPONSE_TOPIC: u8 = 8;
    pub const CORRELATION: u8 = 9;
    pub const SUBSCRIPTION_ID: u8 = 11;
    pub const SESSION_EXPIRY: u8 = 17;
    pub const ASSIGNED_ID: u8 = 18;
    pub const SERVER_KEEP_ALIVE: u8 = 19;
    pub const AUTH_METHOD: u8 = 21;
    pub const AUTH_DATA: u8 = 22;
    pub const REQUEST_PROBLEM: u8 = 23;
    pub const WILL_DELAY: u8 = 24;
    pub const REQUEST_RESPONSE: u8 = 25;
    pub const RESPONSE_INFORMATION: u8 = 26;
    pub const REASON: u8 = 31;
    pub const RECEIVE_MAXIMUM: u8 = 33;
    pub const ALIAS_MAXIMUM: u8 = 34;
    pub const ALIAS: u8 = 35;
    pub const MAXIMUM_QOS: u8 = 36;
    pub const RETAIN_AVAILABLE: u8 = 37;
    pub const USER: u8 = 38;
    pub const MAXIMUM_PACKET: u8 = 39;
    pub const WILDCARD_AVAILABLE: u8 = 40;
    pub const SHARED_AVAILABLE: u8 = 42;

    pub fn byte(id: u8, value: u8) -> (u8, Value) {
        (id, Value::Byte(value))
    }

    pub fn two(id: u8, value: u16) -> (u8, Value) {
        (id, Value::Two(value))
    }

    pub fn four(id: u8, value: u32) -> (u8, Value) {
        (id, Value::Four(value))
    }

    pub fn text(id: u8, value: &str) -> (u8, Value) {
        (id, Value::Text(value.to_owned()))
    }

    pub fn binary(id: u8, value: &[u8]) -> (u8, Value) {
        (id, Value::Binary(value.to_vec()))
    }

    pub fn subscription_id(value: u32) -> (u8, Value) {
        (SUBSCRIPTION_ID, Value::Var(value))
    }

    pub fn user(name: &str, value: &str) -> (u8, Value) {
        (USER, Value::Pair(name.to_owned(), value.to_owned()))
    }
}

/// A packet from the server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Packet {
    ConnAck {
        session_present: bool,
        code: u8,
        props: Props,
    },
    Publish {
        dup: bool,
        qos: u8,
        retain: bool,
        topic: String,
        id: u16,
        props: Props,
        payload: Vec<u8>,
    },
    PubAck {
        id: u16,
        code: u8,
        props: Props,
    },
    PubRec {
        id: u16,
        code: u8,
        props: Props,
    },
    PubRel {
        id: u16,
        code: u8,
        props: Props,
    },
    PubComp {
        id: u16,
        code: u8,
        props: Props,
    },
    SubAck {
        id: u16,
        codes: Vec<u8>,
        props: Props,
    },
    UnsubAck {
        id: u16,
        codes: Vec<u8>,
        props: Props,
    },
    PingResp,
    Disconnect {
        code: u8,
        props: Props,
    },
    Auth {
        code: u8,
        props: Props,
    },
}

pub fn cat(parts: &[&[u8]]) -> Vec<u8> {
    parts.concat()
}

/// A fixed header with the right Remaining Length, and `body`.
pub fn packet(first: u8, body: &[u8]) -> Vec<u8> {
    cat(&[&[first], &varint(body.len()), body])
}

/// Two bytes of length and the bytes: UTF-8 string and binary data alike.
pub fn string(bytes: impl AsRef<[u8]>) -> Vec<u8> {
    let bytes = bytes.as_ref();
    cat(&[&(bytes.len() as u16).to_be_bytes(), bytes])
}

pub fn varint(mut value: usize) -> Vec<u8> {
    let mut out = Vec::new();
    loop {
        let byte = (value % 128) as u8;
        value /= 128;
        if value == 0 {
            out.push(byte);
            return out;
        }
        out.push(byte | 0x80);
    }
}

/// Property Length and the properties.
pub fn properties(props: &[(u8, Value)]) -> Vec<u8> {
    let mut block = Vec::new();
    for (id, value) in props {
        block.push(*id);
        match value {
            Value::Byte(v) => block.push(*v),
            Value::Two(v) => block.extend(v.to_be_bytes()),
            Value::Four(v) => block.extend(v.to_be_bytes()),
            Value::Var(v) => block.extend(varint(*v as usize)),
            Value::Text(v) => block.extend(string(v)),
            Value::Binary(v) => block.extend(string(v)),
            Value::Pair(name, v) => block.extend(cat(&[&string(name), &string(v)])),
        }
    }
    cat(&[&varint(block.len()), &block])
}

/// `properties` in v5, nothing before.
pub fn properties_for(version: Version, props: &[(u8, Value)]) -> Vec<u8> {
    if version.is_v5() { properties(props) } else { Vec::new() }
}

/// PUBACK, PUBREC, PUBREL or PUBCOMP in the short form that all versions share.
pub fn ack(first: u8, id: u16) -> Vec<u8> {
    packet(first, &id.to_be_bytes())
}

struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn take(&mut self, count: usize) -> &'a [u8] {
        assert!(self.0.len() >= count, "server packet too short: {:02x?} lacks {count}", self.0);
        let (head, rest) = self.0.split_at(count);
        self.0 = rest;
        head
    }

    fn byte(&mut self) -> u8 {
        self.take(1)[0]
    }

    fn two(&mut self) -> u16 {
        u16::from_be_bytes(self.take(2).try_into().unwrap())
    }

    fn four(&mut self) -> u32 {
        u32::from_be_bytes(self.take(4).try_into().unwrap())
    }

    fn varint(&mut self) -> usize {
        let (mut value, mut shift) = (0, 0);
        loop {
            let byte = self.byte();
            value |= usize::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                assert!(byte != 0 || shift == 0, "variable byte integer longer than it needs");
                return value;
            }
            shift += 7;
            assert!(shift < 28, "variable byte integer over four bytes");
        }
    }

    fn binary(&mut self) -> Vec<u8> {
        let length = self.two();
        self.take(usize::from(length)).to_vec()
    }

    fn text(&mut self) -> String {
        let text = String::from_utf8(self.binary()).expect("server sent UTF-8");
        assert!(!text.contains('\0'), "server sent U+0000 in {text:?}");
        text
    }

    fn properties(&mut self, version: Version, allowed: &[u8]) -> Props {
        if !version.is_v5() {
            return Vec::new();
        }
        let length = self.varint();
        let mut block = Reader(self.take(length));
        let mut props: Props = Vec::new();
        while !block.0.is_empty() {
            let id = block.byte();
            assert!(allowed.contains(&id), "property {id} is not allowed in this packet");
            let again = id == prop::USER || id == prop::SUBSCRIPTION_ID;
            assert!(again || props.iter().all(|(p, _)| *p != id), "property {id} sent twice");
            props.push((id, block.value(id)));
        }
        props
    }

    fn value(&mut self, id: u8) -> Value {
        match id {
            1 | 23 | 25 | 36 | 37 | 40 | 41 | 42 => Value::Byte(self.byte()),
            19 | 33 | 34 | 35 => Value::Two(self.two()),
            2 | 17 | 24 | 39 => Value::Four(self.four()),
            11 => Value::Var(self.varint() as u32),
            3 | 8 | 18 | 21 | 26 | 28 | 31 => Value::Text(self.text()),
            9 | 22 => Value::Binary(self.binary()),
            38 => {
                let name = self.text();
                Value::Pair(name, self.text())
            }
            _ => panic!("property {id} does not exist"),
        }
    }

    /// Reason code and properties at the end of an acknowledgement, DISCONNECT or AUTH.
    fn reason(&mut self, version: Version, allowed: &[u8]) -> (u8, Props) {
        if !version.is_v5() || self.0.is_empty() {
            return (0, Vec::new());
        }
        let code = self.byte();
        let props = if self.0.is_empty() { Vec::new() } else { self.properties(version, allowed) };
        (code, props)
    }
}

/// Cuts one whole packet off the front of `bytes`.
///
/// Panics when the packet breaks a rule that binds a server.
pub fn read(version: Version, bytes: &mut Vec<u8>) -> Option<Packet> {
    let (mut length, mut at) = (0, 1);
    loop {
        let byte = *bytes.get(at)?;
        length |= usize::from(byte & 0x7f) << (7 * (at - 1));
        at += 1;
        if byte & 0x80 == 0 {
            assert!(byte != 0 || at == 2, "Remaining Length is longer than it needs");
            break;
        }
        assert!(at < 5, "Remaining Length over four bytes: {:02x?}", &bytes[..5]);
    }
    if bytes.len() < at + length {
        return None;
    }
    let first = bytes[0];
    let body: Vec<u8> = bytes.drain(..at + length).skip(at).collect();
    let mut reader = Reader(&body);
    let packet = decode(version, first, &mut reader);
    assert!(reader.0.is_empty(), "{packet:?} has {} bytes too many", reader.0.len());
    Some(packet)
}

fn decode(version: Version, first: u8, r: &mut Reader<'_>) -> Packet {
    let (kind, flags) = (first >> 4, first & 15);
    let right_flags = if kind == 6 { 2 } else { 0 };
    assert!(kind == 3 || flags == right_flags, "reserved flags in first byte {first:#04x}");
    match kind {
        2 => connack(version, r),
        3 => publish(version, flags, r),
        4..=7 => acknowledgement(version, kind, r),
        9 => {
            let id = r.two();
            let props = r.properties(version, &[31, 38]);
            let codes = r.take(r.0.len()).to_vec();
            let known: &[u8] = if version.is_v5() {
                &[0, 1, 2, 0x80, 0x83, 0x87, 0x8f, 0x91, 0x97, 0x9e, 0xa1, 0xa2]
            } else {
                &[0, 1, 2, 0x80]
            };
            assert!(codes.iter().all(|code| known.contains(code)), "SUBACK codes {codes:02x?}");
            Packet::SubAck { id, codes, props }
        }
        11 => {
            let id = r.two();
            let props = r.properties(version, &[31, 38]);
            let codes = r.take(r.0.len()).to_vec();
            assert!(version.is_v5() || codes.is_empty(), "UNSUBACK with a payload in v3");
            Packet::UnsubAck { id, codes, props }
        }
        13 => Packet::PingResp,
        14 => {
            assert!(version.is_v5(), "a server sends no DISCONNECT before v5");
            let (code, props) = r.reason(version, &[28, 31, 38]);
            Packet::Disconnect { code, props }
        }
        15 => {
            assert!(version.is_v5(), "no AUTH before v5");
            let (code, props) = r.reason(version, &[21, 22, 31, 38]);
            assert!(matches!(code, 0 | 0x18), "reason code {code:02x} in AUTH of a server");
            Packet::Auth { code, props }
        }
        _ => panic!("a server never sends packet type {kind}"),
    }
}

fn connack(version: Version, r: &mut Reader<'_>) -> Packet {
    let flags = r.byte();
    assert!(flags < 2, "CONNACK flags {flags:#04x}");
    let code = r.byte();
    if !version.is_v5() {
        assert!(code < 6, "CONNACK code {code} is reserved in v3");
    }
    assert!(code == 0 || flags == 0, "session present in a CONNACK that refuses");
    let allowed = [17, 18, 19, 21, 22, 26, 28, 31, 33, 34, 36, 37, 38, 39, 40, 41, 42];
    // A broker refuses an unknown protocol in v3 form: two bytes, no properties.
    let props = if r.0.is_empty() { Vec::new() } else { r.properties(version, &allowed) };
    Packet::ConnAck { session_present: flags == 1, code, props }
}

fn publish(version: Version, flags: u8, r: &mut Reader<'_>) -> Packet {
    let (dup, qos, retain) = (flags & 8 != 0, flags >> 1 & 3, flags & 1 != 0);
    assert!(qos < 3, "PUBLISH with QoS 3");
    assert!(!dup || qos > 0, "DUP on QoS 0");
    let topic = r.text();
    assert!(!topic.contains(['+', '#']), "wildcard in the Topic Name {topic:?}");
    let id = if qos > 0 { r.two() } else { 0 };
    assert!(qos == 0 || id != 0, "Packet Identifier 0");
    let props = r.properties(version, &[1, 2, 3, 8, 9, 11, 35, 38]);
    let alias = props.iter().any(|(id, _)| *id == prop::ALIAS);
    assert!(!topic.is_empty() || alias, "empty Topic Name without an alias");
    let payload = r.take(r.0.len()).to_vec();
    Packet::Publish { dup, qos, retain, topic, id, props, payload }
}

fn acknowledgement(version: Version, kind: u8, r: &mut Reader<'_>) -> Packet {
    let id = r.two();
    assert_ne!(id, 0, "acknowledgement of Packet Identifier 0");
    let (code, props) = r.reason(version, &[31, 38]);
    let known: &[u8] = match kind {
        4 | 5 => &[0, 0x10, 0x80, 0x83, 0x87, 0x90, 0x91, 0x97, 0x99],
        _ => &[0, 0x92],
    };
    assert!(known.contains(&code), "code {code:#04x} in packet type {kind}");
    match kind {
        4 => Packet::PubAck { id, code, props },
        5 => Packet::PubRec { id, code, props },
        6 => Packet::PubRel { id, code, props },
        _ => Packet::PubComp { id, code, props },
    }
}
