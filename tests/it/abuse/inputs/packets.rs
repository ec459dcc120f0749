//! Fixed headers, lengths, flags, properties, order and numbers of packets.

use super::{At, Row, V3, V5, Want, connect, row};
use crate::support::{
    Connect, Message, Version, Will,
    client::{subscribe_bytes, unsubscribe_bytes},
    codec::{Value, ack, cat, packet, properties, string, varint},
    prop,
};

const MALFORMED: Want = Want::Ends(&[0x81]);
const WRONG: Want = Want::Ends(&[0x81, 0x82]);
const LARGE: Want = Want::Ends(&[0x95]);
const ENDS: Want = Want::Ends(&[]);

pub(super) fn rows() -> Vec<Row> {
    let mut rows = Vec::new();
    for version in [V3, V5] {
        first_bytes(version, &mut rows);
        lengths(version, &mut rows);
        connect_flags(version, &mut rows);
        before_connect(version, &mut rows);
        order(version, &mut rows);
    }
    protocols(&mut rows);
    which_properties(&mut rows);
    property_values(&mut rows);
    numbers(&mut rows);
    rows
}

/// The body of a good packet of this type; for PUBLISH of this QoS.
fn body(version: Version, kind: u8, qos: u8) -> Vec<u8> {
    let none = if version.is_v5() { vec![0] } else { vec![] };
    match kind {
        1 => Connect::new(version).bytes()[2..].to_vec(),
        2 => cat(&[&[0, 0], &none]),
        3 if qos == 0 => cat(&[&string("t"), &none, b"x"]),
        3 => cat(&[&string("t"), &[0, 9], &none, b"x"]),
        4..=7 => vec![0, 9],
        8 => cat(&[&[0, 9], &none, &string("t"), &[0]]),
        9 => cat(&[&[0, 9], &none, &[0]]),
        10 => cat(&[&[0, 9], &none, &string("t")]),
        11 => cat(&[&[0, 9], &none]),
        _ => vec![],
    }
}

/// All 256, with a body that fits the type.
fn first_bytes(version: Version, rows: &mut Vec<Row>) {
    for first in 0..=255_u8 {
        let (kind, flags) = (first >> 4, first & 15);
        let right = if matches!(kind, 6 | 8 | 10) { 2 } else { 0 };
        let want = match kind {
            3 if flags & 6 == 6 => MALFORMED,
            3 if flags & 14 == 8 => Want::Either,
            3 => Want::Lives,
            0 => MALFORMED,
            1 | 2 | 9 | 11 | 13 => WRONG,
            14 if flags == 0 => ENDS,
            15 if flags == 0 => WRONG,
            _ if flags != right => MALFORMED,
            _ => Want::Lives,
        };
        let bytes = packet(first, &body(version, kind, flags >> 1 & 3));
        rows.push(row(
            format!("{version:?} first byte {first:02x}"),
            At::Served(version),
            bytes,
            want,
        ));
    }
}

/// One good packet of each type that a client sends.
fn good(version: Version) -> [(&'static str, u8, Vec<u8>); 10] {
    [
        ("PUBLISH", 0x30, 3),
        ("PUBLISH of QoS 2", 0x34, 3),
        ("PUBACK", 0x40, 4),
        ("PUBREC", 0x50, 5),
        ("PUBREL", 0x62, 6),
        ("PUBCOMP", 0x70, 7),
        ("SUBSCRIBE", 0x82, 8),
        ("UNSUBSCRIBE", 0xa2, 10),
        ("PINGREQ", 0xc0, 12),
        ("DISCONNECT", 0xe0, 14),
    ]
    .map(|(name, first, kind): (_, u8, u8)| (name, first, body(version, kind, first >> 1 & 3)))
}

/// Lengths that are not that of the packet, or written as they must not be.
fn lengths(version: Version, rows: &mut Vec<Row>) {
    for (name, first, body) in good(version) {
        let mut add = |what: &str, length: &[u8], body: &[u8], want| {
            let bytes = cat(&[&[first], length, body]);
            rows.push(row(format!("{version:?} {name}: {what}"), At::Served(version), bytes, want));
        };
        let length = body.len();
        let overlong = if version.is_v5() { MALFORMED } else { Want::Either };
        add("length in two bytes", &[length as u8 | 0x80, 0], &body, overlong);
        add("length in four bytes", &[length as u8 | 0x80, 0x80, 0x80, 0], &body, overlong);
        add("length in five bytes", &[length as u8 | 0x80, 0x80, 0x80, 0x80, 0], &body, MALFORMED);
        add("length without an end", &[0xff; 9], &body, MALFORMED);
        add("256 MiB claimed", &[0xff, 0xff, 0xff, 0x7f], &body, LARGE);
        add("more than the limit claimed", &varint((2 << 20) + 1), &body, LARGE);
        add("a byte more claimed", &varint(length + 1), &body, Want::Waits);
        add("2 MiB claimed", &varint(2 << 20), &body, Want::Waits);
        add("half a length", &[0x80], &[], Want::Waits);
        add("no length", &[], &[], Want::Waits);
        if !matches!(first, 0xc0 | 0xe0) {
            add("empty", &[0], &[], WRONG);
            add("one byte", &[1], &[0], WRONG);
        }
        if !matches!(first >> 4, 3) {
            // v5: what follows an acknowledgement is a reason and properties.
            let many = cat(&[&body, &[0xff; 7]]);
            add("seven bytes too many", &varint(many.len()), &many, WRONG);
        }
    }
}

/// All 256 flags of CONNECT, each with the payload that they announce.
fn connect_flags(version: Version, rows: &mut Vec<Row>) {
    let v5 = version.is_v5();
    for flags in 0..=255_u8 {
        let has = |bit: u8| flags & bit != 0;
        let mut bytes = cat(&[&string("MQTT"), &[version.level(), flags], &[0, 0]]);
        let props = if v5 { vec![0] } else { vec![] };
        bytes.extend(&props);
        bytes.extend(string(format!("flags{flags}")));
        if has(4) {
            bytes.extend(cat(&[&props, &string("w"), &string("x")]));
        }
        for _ in (0..2).filter(|n| has(0x80 >> n)) {
            bytes.extend(string("x"));
        }
        let (qos, will) = (flags >> 3 & 3, has(4));
        let bad = has(1)
            || qos == 3
            || !will && (qos != 0 || has(0x20))
            || !v5 && has(0x40) && !has(0x80);
        let want = if bad { WRONG } else { Want::Lives };
        let want = if bad && !v5 { ENDS } else { want };
        let name = format!("{version:?} CONNECT flags {flags:02x}");
        rows.push(row(name, At::Start, packet(0x10, &bytes), want));
    }
    // What the flags announce is not there.
    for (name, flags) in [("will", 6), ("user name", 0x82), ("user name and password", 0xc2)] {
        let props: &[u8] = if v5 { &[0] } else { &[] };
        let head = cat(&[&string("MQTT"), &[version.level(), flags, 0, 0], props, &string("id")]);
        let want = if v5 { MALFORMED } else { ENDS };
        rows.push(row(
            format!("{version:?} CONNECT without its {name}"),
            At::Start,
            packet(0x10, &head),
            want,
        ));
    }
}

fn before_connect(version: Version, rows: &mut Vec<Row>) {
    for (name, first, body) in good(version) {
        let bytes = packet(first, &body);
        rows.push(row(format!("{version:?} {name} before CONNECT"), At::Start, bytes, ENDS));
    }
    let good = Connect::new(version).bytes();
    for cut in 1..good.len() {
        let short = packet(0x10, &good[2..][..cut.min(good.len() - 2) - 1]);
        rows.push(row(
            format!("{version:?} CONNECT with a body of {cut} bytes less one"),
            At::Start,
            short,
            ENDS,
        ));
    }
    let behind = packet(0x10, &cat(&[&good[2..], b"more"]));
    rows.push(row(
        format!("{version:?} CONNECT with something behind it"),
        At::Start,
        behind,
        ENDS,
    ));
    let large = cat(&[&[0x10], &varint(200_000_000)]);
    rows.push(row(
        format!("{version:?} CONNECT of 200 MB"),
        At::Start,
        cat(&[&large, &good[2..]]),
        ENDS,
    ));
    for first in 0x11..=0x1f {
        let bytes = packet(first, &good[2..]);
        rows.push(row(
            format!("{version:?} CONNECT with first byte {first:02x}"),
            At::Start,
            bytes,
            ENDS,
        ));
    }
}

/// What is good alone, and not in this place or not so often.
fn order(version: Version, rows: &mut Vec<Row>) {
    let v5 = version.is_v5();
    let mut add = |name: &str, bytes: Vec<u8>, want| {
        rows.push(row(format!("{version:?} {name}"), At::Served(version), bytes, want));
    };
    let publish = |qos, id| Message::new("order/t", "x", qos).id(id).bytes(version);
    add("second CONNECT", connect(version).bytes(), WRONG);
    let other = packet(0x10, &cat(&[&string("MQTT"), &[9, 2, 0, 0, 0], &string("id")]));
    add("second CONNECT, of another version", other, Want::Ends(&[0x82]));
    add("DISCONNECT and more", cat(&[&packet(0xe0, &[]), &publish(1, 1)]), ENDS);
    for (name, first) in [("PUBACK", 0x40), ("PUBREC", 0x50), ("PUBREL", 0x62), ("PUBCOMP", 0x70)] {
        add(
            &format!("{name} of 1,000 messages never sent"),
            (1..=1000).flat_map(|id| ack(first, id)).collect(),
            Want::Lives,
        );
        add(&format!("{name} 0"), ack(first, 0), WRONG);
        add(&format!("{name} 65,535"), ack(first, 65_535), Want::Lives);
    }
    let again: Vec<u8> = (0..1000).flat_map(|_| publish(2, 7)).collect();
    add("one QoS 2 message 1,000 times", again, Want::Lives);
    let many: Vec<u8> = (1..=1000).flat_map(|id| publish(2, id)).collect();
    add("1,000 QoS 2 messages without PUBREL", many, Want::Ends(&[0x93]));
    let mixed: Vec<u8> =
        (1..=50).flat_map(|_| cat(&[&publish(2, 9), &publish(1, 9), &ack(0x62, 9)])).collect();
    add("one packet identifier for QoS 1 and 2", mixed, Want::Lives);
    add("packet identifier 0", publish(1, 0), WRONG);
    let subscribe = |id, filter: &str| subscribe_bytes(version, id, &[(filter, 2)], &[]);
    add("SUBSCRIBE 0", subscribe(0, "t"), WRONG);
    add("UNSUBSCRIBE 0", unsubscribe_bytes(version, 0, &["t"]), WRONG);
    let churn =
        |n: u16| cat(&[&subscribe(n, "order/+"), &unsubscribe_bytes(version, n, &["order/+"])]);
    add("1,000 subscriptions come and go", (1..=1000).flat_map(churn).collect(), Want::Lives);
    add("2,000 PINGREQ", [0xc0, 0].repeat(2000), Want::Lives);
    add("AUTH unasked", packet(0xf0, &[0x18, 0]), WRONG);
    for options in [3, 0x40, 0x80, 0xff] {
        add(
            &format!("SUBSCRIBE with options {options:02x}"),
            subscribe_bytes(version, 9, &[("t", options)], &[]),
            WRONG,
        );
    }
    if !v5 {
        add("SUBSCRIBE with options of v5", subscribe_bytes(version, 9, &[("t", 4)], &[]), ENDS);
    } else {
        add("No Local in a group", subscribe_bytes(version, 9, &[("$share/g/t", 4)], &[]), WRONG);
        add("retain handling 3", subscribe_bytes(version, 9, &[("t", 0x30)], &[]), WRONG);
        for (name, first) in
            [("PUBACK", 0x40), ("PUBREC", 0x50), ("PUBREL", 0x62), ("PUBCOMP", 0x70)]
        {
            add(&format!("{name} with an unknown reason"), packet(first, &[0, 9, 0x55]), WRONG);
        }
        add("DISCONNECT with an unknown reason", packet(0xe0, &[0x55]), Want::Ends(&[]));
        add("AUTH with an unknown reason", packet(0xf0, &[0x55, 0]), WRONG);
    }
    add("an empty SUBSCRIBE", subscribe_bytes(version, 9, &[], &[]), WRONG);
    add("an empty UNSUBSCRIBE", unsubscribe_bytes(version, 9, &[]), WRONG);
}

/// Protocols and levels that are none of ours, and parts of CONNECT that are too long.
fn protocols(rows: &mut Vec<Row>) {
    let connect = |name: &[u8], level: u8| {
        packet(0x10, &cat(&[&string(name), &[level, 2, 0, 0, 0], &string("id")]))
    };
    for level in [0, 1, 2, 6, 7, 0x7f, 0x80, 0x83, 0x84, 0x85, 0xff] {
        rows.push(row(format!("protocol level {level}"), At::Start, connect(b"MQTT", level), ENDS));
    }
    let long = vec![b'M'; 65_535];
    let names: [(&str, &[u8]); 12] = [
        ("no", b""),
        ("small", b"mqtt"),
        ("odd", b"MQTt"),
        ("short", b"MQT"),
        ("long", b"MQTTT"),
        ("old, cut", b"MQIsd"),
        ("old, long", b"MQIsdpp"),
        ("old, small", b"mqisdp"),
        ("with NUL", b"MQ\0T"),
        ("of HTTP", b"HTTP"),
        ("not UTF-8", b"\xff\xff\xff\xff"),
        ("very long", &long),
    ];
    for (what, name) in names {
        rows.push(row(format!("protocol name: {what}"), At::Start, connect(name, 5), ENDS));
    }
    rows.push(row("name of 3.1.1, level 3", At::Start, connect(b"MQTT", 3), ENDS));
    rows.push(row("name of 3.1, level 4", At::Start, connect(b"MQIsdp", 4), ENDS));
    rows.push(row("name of 3.1, level 5", At::Start, connect(b"MQIsdp", 5), ENDS));
    for (length, want) in
        [(1024, Want::Lives), (1025, Want::Ends(&[0x85])), (65_535, Want::Ends(&[0x95]))]
    {
        let bytes = Connect::new(V5).id(&"i".repeat(length)).bytes();
        rows.push(row(format!("client id of {length} bytes"), At::Start, bytes, want));
    }
    for (length, want) in
        [(4096, Want::Lives), (4097, Want::Ends(&[0x90])), (65_535, Want::Ends(&[0x90]))]
    {
        let bytes = Connect::new(V5).will(Will::new(&"w".repeat(length), "x")).bytes();
        rows.push(row(format!("will to a topic of {length} bytes"), At::Start, bytes, want));
    }
    for topic in ["", "#", "a/+", "a/#/b", "+"] {
        let bytes = Connect::new(V5).will(Will::new(topic, "x")).bytes();
        rows.push(row(
            format!("will to {topic:?}"),
            At::Start,
            bytes,
            Want::Ends(&[0x81, 0x82, 0x90]),
        ));
    }
    let mut connect = Connect::new(V5);
    connect.user = Some("u".repeat(10_000));
    connect.password = Some(vec![0xff; 6000]);
    rows.push(row("user name of 10,000 bytes", At::Start, connect.bytes(), Want::Lives));
    connect.user = Some("u".repeat(65_535));
    connect.password = Some(vec![0xff; 60_000]);
    let large = Want::Ends(&[0x95]);
    rows.push(row("user name of 65,535 bytes", At::Start, connect.bytes(), large));
    let none = Connect::new(V3).id("").clean(false).bytes();
    rows.push(row("no client id and no clean session", At::Start, none, Want::Ends(&[2])));
}

/// Every property there is.
const ALL: [u8; 27] = [
    1, 2, 3, 8, 9, 11, 17, 18, 19, 21, 22, 23, 24, 25, 26, 28, 31, 33, 34, 35, 36, 37, 38, 39, 40,
    41, 42,
];

/// A good value of a property.
fn value(id: u8) -> Value {
    match id {
        1 | 23 | 25 | 36 | 37 | 40 | 41 | 42 => Value::Byte(0),
        19 | 33 | 34 => Value::Two(10),
        35 => Value::Two(1),
        2 | 17 | 24 => Value::Four(0),
        39 => Value::Four(100_000),
        11 => Value::Var(1),
        9 | 22 => Value::Binary(vec![1]),
        38 => Value::Pair("a".to_owned(), "b".to_owned()),
        _ => Value::Text("x".to_owned()),
    }
}

type Place = (&'static str, &'static [u8], fn(&[u8]) -> Vec<u8>);

/// Packets with properties: their name, the properties that v5 2.2.2.2 lets them have from a client, and how they are made of a
/// block of them.
const PLACES: [Place; 11] = [
    ("CONNECT", &[17, 21, 22, 23, 25, 33, 34, 38, 39], |block| {
        packet(0x10, &cat(&[&string("MQTT"), &[5, 2, 0, 0], block, &string("properties")]))
    }),
    ("will", &[1, 2, 3, 8, 9, 24, 38], |block| {
        let head = cat(&[&string("MQTT"), &[5, 6, 0, 0, 0], &string("properties")]);
        packet(0x10, &cat(&[&head, block, &string("w"), &string("x")]))
    }),
    ("PUBLISH", &[1, 2, 3, 8, 9, 35, 38], |block| packet(0x30, &cat(&[&string("t"), block, b"x"]))),
    ("PUBACK", &[31, 38], |block| packet(0x40, &cat(&[&[0, 9, 0], block]))),
    ("PUBREC", &[31, 38], |block| packet(0x50, &cat(&[&[0, 9, 0], block]))),
    ("PUBREL", &[31, 38], |block| packet(0x62, &cat(&[&[0, 9, 0], block]))),
    ("PUBCOMP", &[31, 38], |block| packet(0x70, &cat(&[&[0, 9, 0], block]))),
    ("SUBSCRIBE", &[11, 38], |block| packet(0x82, &cat(&[&[0, 9], block, &string("t"), &[0]]))),
    ("UNSUBSCRIBE", &[38], |block| packet(0xa2, &cat(&[&[0, 9], block, &string("t")]))),
    ("DISCONNECT", &[17, 28, 31, 38], |block| packet(0xe0, &cat(&[&[0], block]))),
    ("AUTH", &[21, 22, 31, 38], |block| packet(0xf0, &cat(&[&[0x18], block]))),
];

/// Each property in each packet, once and twice, and those that do not exist.
fn which_properties(rows: &mut Vec<Row>) {
    for (name, allowed, make) in PLACES {
        let at = if matches!(name, "CONNECT" | "will") { At::Start } else { At::Served(V5) };
        let ends = matches!(name, "DISCONNECT" | "AUTH");
        for id in ALL {
            let one = (id, value(id));
            let asks = matches!(id, 21 | 22);
            let want = match allowed.contains(&id) {
                true if ends => ENDS,
                true if asks => Want::Either,
                true => Want::Lives,
                false => WRONG,
            };
            let bytes = make(&properties(&[one.clone()]));
            rows.push(row(format!("{name} with property {id}"), at, bytes, want));
            let again = if id == 38 { want } else { WRONG };
            let again = if ends && id == 38 { ENDS } else { again };
            let bytes = make(&properties(&[one.clone(), one]));
            rows.push(row(format!("{name} with property {id} twice"), at, bytes, again));
        }
        for id in [0, 4, 5, 6, 7, 10, 16, 27, 43, 99, 127] {
            rows.push(row(
                format!("{name} with unknown property {id}"),
                at,
                make(&[2, id, 0]),
                WRONG,
            ));
        }
        for (what, block) in [
            ("an identifier of two bytes", &[3, 0xff, 1, 0][..]),
            ("a length in two bytes", &[0x80, 0]),
            ("a length in five bytes", &[0x80, 0x80, 0x80, 0x80, 0]),
            ("a length without an end", &[0xff, 0xff, 0xff, 0xff, 0xff]),
            ("a length of 256 MiB", &[0xff, 0xff, 0xff, 0x7f]),
            ("a length past the end", &[0x7f]),
            ("an identifier without a value", &[1, 38]),
            ("half a pair", &[4, 38, 0, 1, b'a']),
            ("a text past the block", &[4, 38, 0xff, 0xff, b'a']),
        ] {
            let want = Want::Ends(&[0x81, 0x82, 0x95]);
            rows.push(row(
                format!("{name} with properties that have {what}"),
                at,
                make(block),
                want,
            ));
        }
    }
}

/// Values that a property must not have, and values that are cut off.
fn property_values(rows: &mut Vec<Row>) {
    let place = |name: &str| PLACES.iter().find(|place| place.0 == name).unwrap();
    let bad: [(&str, Value, u8); 11] = [
        ("PUBLISH", Value::Byte(2), 1),
        ("PUBLISH", Value::Byte(0xff), 1),
        ("PUBLISH", Value::Two(0), 35),
        ("PUBLISH", Value::Two(0xffff), 35),
        ("SUBSCRIBE", Value::Var(0), 11),
        ("CONNECT", Value::Byte(2), 23),
        ("CONNECT", Value::Byte(2), 25),
        ("CONNECT", Value::Two(0), 33),
        ("CONNECT", Value::Four(0), 39),
        ("will", Value::Byte(2), 1),
        ("DISCONNECT", Value::Four(1), 17),
    ];
    for (name, value, id) in bad {
        let at = if matches!(name, "CONNECT" | "will") { At::Start } else { At::Served(V5) };
        let bytes = place(name).2(&properties(&[(id, value.clone())]));
        let want = Want::Ends(&[0x81, 0x82, 0x94]);
        rows.push(row(format!("{name} with property {id} of {value:?}"), at, bytes, want));
    }
    for (name, allowed, make) in PLACES {
        let at = if matches!(name, "CONNECT" | "will") { At::Start } else { At::Served(V5) };
        for id in allowed {
            let mut block = properties(&[(*id, value(*id))]);
            block.pop();
            block[0] -= 1;
            rows.push(row(format!("{name} with property {id} cut off"), at, make(&block), WRONG));
        }
    }
    for topic in ["", "a/+", "#", "a\0b"] {
        let bytes = place("PUBLISH").2(&properties(&[prop::text(prop::RESPONSE_TOPIC, topic)]));
        let want = if topic.is_empty() { Want::Either } else { Want::Ends(&[0x81, 0x82, 0x90]) };
        rows.push(row(format!("response topic {topic:?}"), At::Served(V5), bytes, want));
    }
}

/// More of something than anybody needs.
fn numbers(rows: &mut Vec<Row>) {
    let mut add = |name: &str, bytes: Vec<u8>, want| {
        rows.push(row(name, At::Served(V5), bytes, want));
    };
    let users = |count: usize| {
        let mut message = Message::new("t", "x", 0);
        message.props = (0..count).map(|_| prop::user("", "")).collect();
        message.bytes(V5)
    };
    add("64 user properties", users(64), Want::Lives);
    for count in [65, 1000, 3000, 30_000, 400_000] {
        add(&format!("{count} user properties"), users(count), Want::Ends(&[0x95, 0x97]));
    }
    let ids = |count: usize| {
        let props = vec![prop::subscription_id(1); count];
        subscribe_bytes(V5, 9, &[("t", 0)], &props)
    };
    for count in [2, 1000, 100_000] {
        add(
            &format!("{count} subscription identifiers"),
            ids(count),
            Want::Ends(&[0x81, 0x82, 0x95]),
        );
    }
    let text = |size: usize| {
        Message::new("t", "x", 0).with(prop::text(prop::CONTENT_TYPE, &"c".repeat(size))).bytes(V5)
    };
    add("content type of 16,000 bytes", text(16_000), Want::Lives);
    add("content type of 65,535 bytes", text(65_535), Want::Ends(&[0x95]));
    let (many, ends) = (Want::Lives, Want::Ends(&[0x97]));
    for (count, want) in
        [(1000, many), (1001, many), (65_535, many), (65_536, ends), (400_000, ends)]
    {
        let filters = vec![("a", 0); count];
        add(&format!("{count} filters in SUBSCRIBE"), subscribe_bytes(V5, 9, &filters, &[]), want);
        let names = vec!["a"; count];
        add(&format!("{count} filters in UNSUBSCRIBE"), unsubscribe_bytes(V5, 9, &names), want);
    }
    let filters: Vec<String> = (0..1000).map(|n| format!("n{n}")).collect();
    let filters: Vec<(&str, u8)> = filters.iter().map(|filter| (filter.as_str(), 2)).collect();
    let often = subscribe_bytes(V5, 9, &filters, &[]).repeat(20);
    add("20 times 1,000 filters in SUBSCRIBE", often, Want::Lives);
    let deep: Vec<String> = (0..1000).map(|n| format!("{}d{n}", "+/".repeat(16))).collect();
    let deep: Vec<(&str, u8)> = deep.iter().map(|f| (f.as_str(), 0)).collect();
    add("1,000 filters of 16 wildcards", subscribe_bytes(V5, 9, &deep, &[]), Want::Lives);
    let matched = cat(&[
        &subscribe_bytes(V5, 9, &deep[..500], &[]),
        &Message::new(&format!("{}d7", "x/".repeat(16)), "x", 0).bytes(V5).repeat(200),
    ]);
    add("a name that 16 wildcards match", matched, Want::Lives);
    let aliases: Vec<u8> = (1..=32)
        .chain(1..=32)
        .flat_map(|alias| Message::new("t", "x", 0).with(prop::two(prop::ALIAS, alias)).bytes(V5))
        .collect();
    add("every alias twice", aliases, Want::Lives);
    let unset = Message::new("", "x", 0).with(prop::two(prop::ALIAS, 31)).bytes(V5);
    add("an alias that was never set", unset, Want::Ends(&[0x81, 0x82, 0x94]));
    add(
        "a payload of 2,000,000 bytes",
        Message::new("t", vec![7; 2_000_000], 1).id(1).bytes(V5),
        Want::Lives,
    );
    add("a payload of 3 MiB", Message::new("t", vec![7; 3 << 20], 1).id(1).bytes(V5), LARGE);
    add(
        "70,000 messages to nobody",
        Message::new("n", "", 0).bytes(V5).repeat(70_000),
        Want::Lives,
    );
    let expired =
        Message::new("t", "x", 0).with(prop::four(prop::EXPIRY, u32::MAX)).retain().bytes(V5);
    add("an expiry at the end of time", expired, Want::Lives);
}
