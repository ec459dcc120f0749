//! What a server does with packets that its rules do not allow: a node of its own with rules.

use std::{fs, sync::OnceLock};

use super::{NEW, V5, each};
use crate::support::{
    Client, Connect, Message, Node, Packet, codec::ack, node::free_mesh_number, unique,
};

/// Nobody publishes to what begins with `denied/`, and client identifiers are short.
fn node() -> &'static Node {
    static NODE: OnceLock<Node> = OnceLock::new();
    NODE.get_or_init(|| {
        let name = format!("node{}@127.0.0.1", free_mesh_number());
        let mut node = Node::prepare(&name, "manual", "");
        let rules = "{deny, all, publish, [\"denied/#\"]}.\n{allow, all}.\n";
        fs::write(node.config().with_file_name("rules.conf"), rules).unwrap();
        node.configure("acl_file = rules.conf\nmqtt.max_clientid_len = 64");
        node.launch();
        node
    })
}

/// v3.1.1 [MQTT-3.3.5-2]
#[test]
fn a_publish_that_is_denied_is_acknowledged_and_goes_to_nobody() {
    each(&NEW, |version| {
        let topic = unique("denied/");
        let mut other = Client::at(version, node().mqtt());
        other.subscribe(&topic, 2);
        let mut client = Client::at(version, node().mqtt());
        for qos in [0, 1, 2] {
            let code = client.publish(&topic, "x", qos);
            assert_eq!(code, if version == V5 && qos > 0 { 0x87 } else { 0 }, "QoS {qos}");
        }
        client.ping();
        other.publish("to/others", "", 0);
        other.ping();
        assert_eq!(other.unread(), 0);
    });
}

/// v5 [MQTT-4.3.3-9]
#[test]
fn an_identifier_that_was_refused_begins_a_new_message() {
    let (allowed, denied) = (unique("t/"), unique("denied/"));
    let mut other = Client::at(V5, node().mqtt());
    other.subscribe("#", 2);
    let mut client = Client::at(V5, node().mqtt());
    let mut answer = |topic: &str| {
        client.send(&Message::new(topic, "x", 2).id(7).bytes(V5));
        client.wait(|packet| match packet {
            Packet::PubRec { id: 7, code, .. } => Some(*code),
            _ => None,
        })
    };
    assert_eq!(answer(&denied), 0x87);
    assert!(answer(&allowed) < 0x80);
    client.send(&ack(0x62, 7));
    assert_eq!(other.message().topic, allowed);
}

/// v5 [MQTT-3.1.3-8]
#[test]
fn an_identifier_of_a_client_that_is_too_long_has_its_code() {
    let mut client = Client::raw(V5, node().mqtt());
    client.send(&Connect::new(V5).id(&"x".repeat(65)).bytes());
    let seen = client.ended();
    let [Packet::ConnAck { code: 0x85, .. }] = seen[..] else { panic!("{seen:?}") };
}
