//! What a node without settings does for clients in the field, which nobody looks after: Home Assistant, zigbee2mqtt, Node-RED,
//! Telegraf, MQTT Explorer, Tasmota. Paths and sub-protocols of WebSocket are in `listeners/websocket.rs`, client ids in
//! `limits.rs`, the words for who is refused in `access.rs` and `load.rs`, names in `$SYS` in `sys_topics.rs`, two clients with
//! one id in `access.rs`, retained messages for who reads late in `retained.rs`.

use std::{
    sync::OnceLock,
    time::{Duration, Instant},
};

use super::support::{
    Client, Connect, Message, Node, Packet, Version,
    codec::{packet, string},
    unique,
};

const BOTH: [Version; 2] = [Version::V3_1_1, Version::V5];

fn node() -> &'static Node {
    static NODE: OnceLock<Node> = OnceLock::new();
    NODE.get_or_init(|| Node::start(""))
}

#[test]
fn eight_thousand_messages_wait_for_who_is_away() {
    const QUEUE: usize = 8192;
    const MORE: usize = 8;
    for version in BOTH {
        let (id, topic) = (unique("away"), unique("queue/"));
        let connect = Connect::new(version).id(&id).lasting();
        let mut client = connect.open(node().mqtt());
        client.subscribe(&topic, 1);
        client.disconnect();
        let mut publisher = Client::at(version, node().mqtt());
        for n in 0..QUEUE + MORE {
            let id = (n % 60_000 + 1) as u16;
            publisher.send(&Message::new(&topic, n.to_string(), 1).id(id).bytes(version));
        }
        publisher.ping();
        let mut client = connect.open(node().mqtt());
        assert!(client.session_present);
        for n in MORE..QUEUE + MORE {
            assert_eq!(client.message().text(), n.to_string(), "the oldest had to go");
        }
    }
}

#[test]
fn packets_of_two_mebibytes_come_through() {
    for version in BOTH {
        let topic = unique("large/");
        let mut client = Client::at(version, node().mqtt());
        client.subscribe(&topic, 1);
        let room = (2 << 20) - 5 - topic.len() - 2 - 2 - 1;
        let payload = vec![0x5a; room];
        client.publish(&topic, &payload, 1);
        assert_eq!(client.message().payload.len(), room, "{version:?}");
        assert!(client.largest > (2 << 20) - 10 && client.largest <= 2 << 20);
    }
}

/// MQTT 5 forbids it, and clients of MQTT 3 take it for a second message.
#[test]
fn nothing_is_sent_again_on_a_connection_that_lives() {
    const LONG: Duration = Duration::from_secs(3);
    let clients = BOTH.map(|version| {
        let topic = unique("again/");
        let mut client = Client::at(version, node().mqtt());
        client.subscribe(&topic, 2);
        for qos in [1, 2] {
            let id = client.next_id();
            client.send(&Message::new(&topic, "x", qos).id(id).bytes(version));
            client.raw_message();
        }
        client
    });
    let until = Instant::now() + LONG;
    for mut client in clients {
        client.forget();
        while Instant::now() < until {
            client.ping();
            std::thread::sleep(Duration::from_millis(50));
        }
        client.send(&[0xc0, 0]);
        assert_eq!(client.recv(), Packet::PingResp, "nothing but the answer");
    }
}

/// `#` is a filter as any other: what is kept comes at once, what is published later comes once, `$SYS` does not.
#[test]
fn the_filter_of_everything_is_one_as_any_other() {
    // One of its own: others would be heard here.
    let node = Node::start("");
    for version in BOTH {
        let prefix = unique("all");
        let mut publisher = Client::at(version, node.mqtt());
        for n in 0..500 {
            let topic = format!("{prefix}/{n}");
            publisher.send(&Message::new(&topic, "kept", 0).retain().bytes(version));
        }
        publisher.ping();
        let mut client = Client::at(version, node.mqtt());
        assert_eq!(client.subscribe("#", 1), 1);
        let kept = client.messages();
        assert_eq!(kept.iter().filter(|message| message.retain).count(), 500);
        assert!(kept.iter().all(|message| !message.topic.starts_with('$')), "no $SYS");
        publisher.publish(&format!("{prefix}/later"), "now", 1);
        let message = client.message();
        assert_eq!((message.text().as_str(), message.retain), ("now", false));
        for n in 0..500 {
            publisher.send(&Message::new(&format!("{prefix}/{n}"), "", 0).retain().bytes(version));
        }
        publisher.ping();
    }
}

/// Tasmota and others that send what comes next before they know that they are let in.
#[test]
fn what_is_sent_behind_connect_is_not_lost() {
    for version in BOTH {
        let topic = unique("early/");
        let mut watcher = Client::at(version, node().mqtt());
        watcher.subscribe(&topic, 1);
        let mut client = Client::raw(version, node().mqtt());
        let publish = Message::new(&topic, "early", 1).id(1).bytes(version);
        client.send(&[Connect::new(version).bytes(), publish].concat());
        client.take_connack();
        assert_eq!(watcher.message().text(), "early");
    }
    // A client of a version that does not exist is told so.
    let mut client = Client::raw(Version::V3_1_1, node().mqtt());
    let body = [&string("MQTT")[..], &[6, 2, 0, 0], &string("id")].concat();
    client.send(&packet(0x10, &body));
    assert!(matches!(client.recv(), Packet::ConnAck { code: 1 | 0x84, .. }));
}
