//! Topic Names and Topic Filters (4.7), over the wire.

use super::{ALL, NEW, each, refused};
use crate::support::{
    Client, Message, Version,
    codec::{cat, packet, properties_for, string},
    unique,
};

/// Publishes each of `names` below a topic of its own; `filter` must receive those of `want`. An empty prefix level
/// keeps leading and trailing slashes as they stand.
#[track_caller]
fn check(filter: &str, want: &[&str]) {
    const NAMES: [&str; 10] = [
        "sport",
        "sport/",
        "sport/tennis",
        "sport/tennis/player1",
        "/finance",
        "finance",
        "/",
        "a//b",
        "a/b",
        "sport/x/ranking",
    ];
    for version in NEW {
        let top = unique("match");
        let mut client = Client::new(version);
        assert_eq!(client.subscribe(&format!("{top}/{filter}"), 0), 0, "{filter}");
        let mut publisher = Client::new(version);
        for name in NAMES {
            publisher.send(&Message::new(&format!("{top}/{name}"), name, 0).bytes(version));
        }
        publisher.ping();
        assert_eq!(client.texts(), want, "{filter} with {version:?}");
    }
}

/// v3.1.1 [MQTT-4.7.1-2] v5 [MQTT-4.7.1-1]
#[test]
fn multi_level_wildcard() {
    check(
        "#",
        &[
            "sport",
            "sport/",
            "sport/tennis",
            "sport/tennis/player1",
            "/finance",
            "finance",
            "/",
            "a//b",
            "a/b",
            "sport/x/ranking",
        ],
    );
    check(
        "sport/#",
        &["sport", "sport/", "sport/tennis", "sport/tennis/player1", "sport/x/ranking"],
    );
    check("sport/tennis/#", &["sport/tennis", "sport/tennis/player1"]);
    check("/#", &["/finance", "/"]);
}

/// v3.1.1 [MQTT-4.7.1-3] v5 [MQTT-4.7.1-2]
#[test]
fn single_level_wildcard() {
    check("+", &["sport", "finance"]);
    check("sport/+", &["sport/", "sport/tennis"]);
    check("+/+", &["sport/", "sport/tennis", "/finance", "/", "a/b"]);
    check("/+", &["/finance", "/"]);
    check("sport/+/ranking", &["sport/x/ranking"]);
    check("+/tennis/#", &["sport/tennis", "sport/tennis/player1"]);
    check("a/+/b", &["a//b"]);
}

/// v3.1.1 [MQTT-4.7.3-4] v5 [MQTT-4.7.3-4]
#[test]
fn filters_without_wildcards_match_themselves_only() {
    check("sport", &["sport"]);
    check("sport/", &["sport/"]);
    check("/finance", &["/finance"]);
    check("a//b", &["a//b"]);
    check("SPORT", &[]);
    check("sport/tennis/player", &[]);
}

/// v3.1.1 [MQTT-4.7.2-1] v5 [MQTT-4.7.2-1]
#[test]
fn wildcards_do_not_reach_dollar_topics() {
    each(&NEW, |version| {
        let topic = unique("$T");
        let name = format!("{topic}/a");
        for (filter, want) in [
            ("#".to_owned(), 0),
            ("+/a".to_owned(), 0),
            (format!("{topic}/#"), 1),
            (format!("{topic}/+"), 1),
            (name.clone(), 1),
        ] {
            let mut client = Client::new(version);
            assert_eq!(client.subscribe(&filter, 0), 0, "{filter}");
            Client::new(version).publish(&name, &name, 0);
            let seen = client.texts().into_iter().filter(|text| *text == name).count();
            assert_eq!(seen, want, "{filter}");
        }
    });
}

/// v3.1.1 [MQTT-4.7.1-2] [MQTT-4.7.1-3] [MQTT-4.7.3-1] [MQTT-4.7.3-2] [MQTT-3.8.3-1] [MQTT-3.10.3-1]
/// v5 [MQTT-4.7.1-1] [MQTT-4.7.1-2] [MQTT-4.7.3-1] [MQTT-4.7.3-2] [MQTT-3.8.3-1] [MQTT-3.10.3-1]
#[test]
fn bad_filters_are_refused() {
    let faults: [&[u8]; 10] = [
        b"",
        b"a#",
        b"#/a",
        b"a/#/b",
        b"a+",
        b"a/+b/c",
        b"a/b+",
        b"a\0b",
        b"\xff/a",
        b"a/\xed\xa0\x80",
    ];
    each(&ALL, |version| {
        let none = properties_for(version, &[]);
        for filter in faults {
            let mut client = Client::new(version);
            client.send(&packet(0x82, &cat(&[&[0, 1], &none, &string(filter), &[0]])));
            client.send(&[0xc0, 0]);
            // The broker may end the connection or refuse the one filter.
            let text = String::from_utf8_lossy(filter).into_owned();
            match client.answer() {
                None => {}
                Some(codes) => assert!(matches!(codes[..], [0x80 | 0x8f]), "{text}: {codes:02x?}"),
            }
        }
    });
}

/// v3.1.1 [MQTT-4.7.3-3] v5 [MQTT-4.7.3-3]
#[test]
fn text_has_at_most_65535_bytes_and_long_topics_end_nothing_else() {
    let mut other = Client::new(Version::V5);
    each(&NEW, |version| {
        let topic = "x".repeat(65535);
        let mut client = Client::new(version);
        client.send(&Message::new(&topic, "long", 0).bytes(version));
        client.send(&[0xc0, 0]);
        // Longer than this broker wants: it may refuse, but only this client.
        client.answer();
    });
    other.ping();
}

/// Levels above the limit are refused, not matched (limits of emqx.conf).
#[test]
fn too_many_levels_are_refused() {
    each(&NEW, |version| {
        let topic = "/".repeat(400);
        refused(version, &Message::new(&topic, "deep", 0).bytes(version), &[0x90, 0x81, 0x82]);
    });
}
