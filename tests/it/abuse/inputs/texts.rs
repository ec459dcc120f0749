//! Texts that are not UTF-8, and topics that are none or too much.

use super::{At, Row, V3, V5, Want, row};
use crate::support::{
    Connect, Message, Version, Will,
    client::{subscribe_bytes, unsubscribe_bytes},
    codec::{cat, packet, string},
    prop,
};

pub(super) fn rows() -> Vec<Row> {
    let mut rows = Vec::new();
    utf8(&mut rows);
    names(&mut rows);
    filters(&mut rows);
    filters_that_meet(&mut rows);
    rows
}

/// Bytes that are no UTF-8, or text that MQTT forbids (v5 1.5.4).
const BAD: [(&str, &[u8]); 24] = [
    ("U+0000", b"a\0b"),
    ("U+0000 alone", b"\0"),
    ("U+0000 in two bytes", b"\xc0\x80"),
    ("an overlong slash", b"\xc0\xaf"),
    ("an overlong slash in three", b"\xe0\x80\xaf"),
    ("an overlong slash in four", b"\xf0\x80\x80\xaf"),
    ("an overlong U+007F", b"\xc1\xbf"),
    ("an overlong U+07FF", b"\xe0\x9f\xbf"),
    ("an overlong U+FFFF", b"\xf0\x8f\xbf\xbf"),
    ("the first surrogate", b"\xed\xa0\x80"),
    ("the last surrogate", b"\xed\xbf\xbf"),
    ("a pair of surrogates", b"\xed\xa0\xbd\xed\xb8\x80"),
    ("U+110000", b"\xf4\x90\x80\x80"),
    ("a byte F5", b"\xf5\x80\x80\x80"),
    ("five bytes", b"\xf8\x88\x80\x80\x80"),
    ("six bytes", b"\xfc\x84\x80\x80\x80\x80"),
    ("a byte FE", b"\xfe"),
    ("a byte FF", b"\xff"),
    ("a lone continuation", b"\x80"),
    ("two continuations", b"a\xbf\xbfb"),
    ("two bytes cut", b"a\xc3"),
    ("three bytes cut", b"a\xe2\x82"),
    ("four bytes cut", b"a\xf0\x9f\x98"),
    ("Latin-1", b"gr\xfc\xdfe"),
];

/// Text that a broker may refuse and need not.
const ODD: [(&str, &str); 8] = [
    ("a byte order mark", "\u{feff}"),
    ("U+FFFF", "\u{ffff}"),
    ("U+10FFFF", "\u{10ffff}"),
    ("U+0001", "\u{1}"),
    ("U+007F", "\u{7f}"),
    ("U+009F", "\u{9f}"),
    ("an override of direction", "\u{202e}x"),
    ("an escape", "\u{1b}[2J"),
];

type Place = (&'static str, At, fn(&[u8]) -> Vec<u8>);

fn connect(id: &[u8], rest: &[u8], flags: u8) -> Vec<u8> {
    packet(0x10, &cat(&[&string("MQTT"), &[5, flags, 0, 0, 0], &string(id), rest]))
}

fn with_property(id: u8, text: &[u8]) -> Vec<u8> {
    let block = cat(&[&[id], &string(text)]);
    packet(0x30, &cat(&[&string("t"), &[block.len() as u8], &block]))
}

fn pair(name: &[u8], value: &[u8]) -> Vec<u8> {
    let block = cat(&[&[prop::USER], &string(name), &string(value)]);
    packet(0x30, &cat(&[&string("t"), &[block.len() as u8], &block]))
}

fn reason(first: u8, head: &[u8], id: u8, text: &[u8]) -> Vec<u8> {
    let block = cat(&[&[id], &string(text)]);
    packet(first, &cat(&[head, &[block.len() as u8], &block]))
}

/// Every place of a packet that holds text.
const PLACES: [Place; 19] = [
    ("client id", At::Start, |text| connect(text, &[], 2)),
    ("user name", At::Start, |text| connect(b"user", &string(text), 0x82)),
    ("topic of a will", At::Start, |text| {
        connect(b"will", &cat(&[&[0], &string(text), &[0, 0]]), 6)
    }),
    ("content type of a will", At::Start, |text| {
        let block = cat(&[&[prop::CONTENT_TYPE], &string(text)]);
        connect(b"will", &cat(&[&[block.len() as u8], &block, &string("w"), &[0, 0]]), 6)
    }),
    ("user property of CONNECT", At::Start, |text| {
        let block = cat(&[&[prop::USER], &string("a"), &string(text)]);
        let head = cat(&[&string("MQTT"), &[5, 2, 0, 0, block.len() as u8], &block]);
        packet(0x10, &cat(&[&head, &string("user")]))
    }),
    ("topic name", At::Served(V5), |text| packet(0x30, &cat(&[&string(text), &[0]]))),
    ("topic name", At::Served(V3), |text| packet(0x30, &string(text))),
    ("topic filter", At::Served(V5), |text| packet(0x82, &cat(&[&[0, 9, 0], &string(text), &[0]]))),
    ("topic filter", At::Served(V3), |text| packet(0x82, &cat(&[&[0, 9], &string(text), &[0]]))),
    ("filter of UNSUBSCRIBE", At::Served(V5), |text| {
        packet(0xa2, &cat(&[&[0, 9, 0], &string(text)]))
    }),
    ("filter of UNSUBSCRIBE", At::Served(V3), |text| packet(0xa2, &cat(&[&[0, 9], &string(text)]))),
    ("group", At::Served(V5), |text| {
        let filter = cat(&[b"$share/", text, b"/t"]);
        packet(0x82, &cat(&[&[0, 9, 0], &string(filter), &[0]]))
    }),
    ("content type", At::Served(V5), |text| with_property(prop::CONTENT_TYPE, text)),
    ("response topic", At::Served(V5), |text| with_property(prop::RESPONSE_TOPIC, text)),
    ("name of a user property", At::Served(V5), |text| pair(text, b"x")),
    ("value of a user property", At::Served(V5), |text| pair(b"x", text)),
    ("reason of PUBACK", At::Served(V5), |text| reason(0x40, &[0, 9, 0], prop::REASON, text)),
    ("reason of DISCONNECT", At::Served(V5), |text| reason(0xe0, &[0x04], prop::REASON, text)),
    ("method of AUTH", At::Served(V5), |text| reason(0xf0, &[0x18], prop::AUTH_METHOD, text)),
];

fn utf8(rows: &mut Vec<Row>) {
    for (place, at, make) in PLACES {
        let version = if at == At::Served(V3) { " of 3.1.1" } else { "" };
        for (what, bytes) in BAD {
            let want = Want::Ends(&[0x81, 0x82, 0x85, 0x8f, 0x90]);
            rows.push(row(format!("{place}{version}: {what}"), at, make(bytes), want));
        }
        for (what, text) in ODD {
            rows.push(row(
                format!("{place}{version}: {what}"),
                at,
                make(text.as_bytes()),
                Want::Either,
            ));
        }
    }
}

/// Names to publish to.
fn names(rows: &mut Vec<Row>) {
    let mut add = |name: String, version: Version, topic: &str, want| {
        let bytes = Message::new(topic, "x", 1).id(9).bytes(version);
        rows.push(row(format!("{version:?} publish to {name}"), At::Served(version), bytes, want));
    };
    let invalid = Want::Ends(&[0x81, 0x82, 0x90]);
    let (slashes, wide) = ("/".repeat(65_535), "\u{ffe6}".repeat(21_845));
    for version in [V3, V5] {
        add("65,535 slashes".to_owned(), version, &slashes, Want::Ends(&[0x90]));
        add("65,535 letters".to_owned(), version, &"a".repeat(65_535), Want::Ends(&[0x90]));
        add("21,845 wide letters".to_owned(), version, &wide, Want::Ends(&[0x90]));
        add("32,768 levels".to_owned(), version, &"a/".repeat(32_767), Want::Ends(&[0x90]));
        add("129 levels".to_owned(), version, &"/".repeat(128), Want::Ends(&[0x90]));
        add("128 levels".to_owned(), version, &"/".repeat(127), Want::Lives);
        add("4,096 letters".to_owned(), version, &"a".repeat(4096), Want::Lives);
        add("4,097 letters".to_owned(), version, &"a".repeat(4097), Want::Ends(&[0x90]));
        for topic in ["#", "+", "a/#", "a/+/b", "a#", "+a", "/#"] {
            add(format!("{topic:?}"), version, topic, invalid);
        }
        add("nothing".to_owned(), version, "", invalid);
        for topic in ["/", "//", " ", "a//b", "..", "../../etc/passwd", "%c", "%u/%c", "$", "$x"] {
            add(format!("{topic:?}"), version, topic, Want::Lives);
        }
        for topic in [
            "$SYS/broker/version",
            "$SYS/#",
            "$share/g/t",
            "$queue/t",
            "$exclusive/t",
            "$share",
            "$share/",
        ] {
            add(format!("{topic:?}"), version, topic, Want::Either);
        }
        for topic in [
            "$delayed/",
            "$delayed//t",
            "$delayed/-1/t",
            "$delayed/1e9/t",
            "$delayed/99999999999999999999/t",
            "$delayed/4294967296/t",
            "$delayed/0/#",
        ] {
            add(format!("{topic:?}"), version, topic, Want::Ends(&[0x81, 0x82, 0x90]));
        }
    }
}

/// Filters that are none; in SUBSCRIBE each may be refused alone.
const NO_FILTERS: [&str; 24] = [
    "",
    "a/#/b",
    "##",
    "#/",
    "#a",
    "a#",
    "+a",
    "a+",
    "++",
    "a/b+",
    "a/+b/c",
    "#/#",
    "$share",
    "$share/",
    "$share/g",
    "$share/g/",
    "$share//t",
    "$share/+/t",
    "$share/#/t",
    "$share/a+b/t",
    "$share/g/a#",
    "$queue/",
    "$exclusive/",
    "$share/g/$share/h/t#",
];

/// Filters to subscribe to and to unsubscribe from.
fn filters(rows: &mut Vec<Row>) {
    let plus = vec!["+"; 32_768].join("/");
    let long = [
        ("65,535 slashes", "/".repeat(65_535)),
        ("32,768 times +", plus),
        ("65,535 letters", "a".repeat(65_535)),
        ("a group of 65,000 letters", format!("$share/{}/t", "g".repeat(65_000))),
        ("65,000 slashes in a group", format!("$share/g{}", "/".repeat(65_000))),
        ("17 times +", vec!["+"; 17].join("/")),
        ("129 levels", "/".repeat(128)),
        ("4,097 letters", "a".repeat(4097)),
        ("30,000 levels and #", format!("{}#", "a/".repeat(30_000))),
    ];
    for version in [V3, V5] {
        let mut add = |name: String, filter: &str, want| {
            let subscribe = subscribe_bytes(version, 9, &[(filter, 0)], &[]);
            let unsubscribe = unsubscribe_bytes(version, 9, &[filter]);
            for (verb, bytes) in [("subscribe to", subscribe), ("unsubscribe from", unsubscribe)] {
                rows.push(row(
                    format!("{version:?} {verb} {name}"),
                    At::Served(version),
                    bytes,
                    want,
                ));
            }
        };
        for filter in NO_FILTERS {
            add(format!("{filter:?}"), filter, Want::Either);
        }
        for (name, filter) in &long {
            add((*name).to_owned(), filter, Want::Either);
        }
        for filter in [
            "#",
            "+",
            "+/+/+",
            "/",
            "//",
            "$SYS/#",
            "$SYS/+/+/#",
            "$share/g/#",
            "$queue/+",
            "$share/g//",
            "a/+/#",
        ] {
            add(format!("{filter:?}"), filter, Want::Lives);
        }
    }
}

/// The same text in many ways at once, matched by one name.
fn filters_that_meet(rows: &mut Vec<Row>) {
    for version in [V3, V5] {
        let many: Vec<String> = (0..12)
            .flat_map(|bits| (0..64).map(move |low| bits * 64 + low))
            .map(|bits: usize| {
                let level = |at: usize| if bits >> at & 1 == 0 { "+" } else { "x" };
                (0..10).map(level).collect::<Vec<_>>().join("/")
            })
            .collect();
        let many: Vec<(&str, u8)> = many.iter().map(|filter| (filter.as_str(), 0)).collect();
        let name = ["x"; 10].join("/");
        let bytes = cat(&[
            &subscribe_bytes(version, 9, &many, &[]),
            &Message::new(&name, "x", 0).bytes(version).repeat(20),
        ]);
        rows.push(row(
            format!("{version:?} 768 filters that one name matches"),
            At::Served(version),
            bytes,
            Want::Lives,
        ));
        let will = Connect::new(version).will(Will::new(&name, "x")).bytes();
        rows.push(row(
            format!("{version:?} will to ten levels, with more behind CONNECT"),
            At::Start,
            cat(&[&will, &Message::new(&name, "x", 2).id(1).bytes(version)]),
            Want::Lives,
        ));
    }
}
