//! What a server may leave out, told in CONNACK and kept to (v5 3.2.2.3): nodes of their own with less than everything.

use std::sync::OnceLock;

use super::{NEW, V5, each};
use crate::support::{
    Client, Connect, Message, Node, Version, Will, client::find, codec::Value, prop, unique,
};

/// No QoS 2, no retained messages, no wildcards, no groups, and a response information.
fn node() -> &'static Node {
    static NODE: OnceLock<Node> = OnceLock::new();
    NODE.get_or_init(|| {
        Node::start(
            "mqtt.max_qos_allowed = 1\n\
             mqtt.retain_available = false\n\
             mqtt.wildcard_subscription = false\n\
             mqtt.max_topic_alias = 0\n\
             zone.external.shared_subscription = false\n\
             zone.external.response_information = answers/",
        )
    })
}

fn client(version: Version) -> Client {
    Client::at(version, node().mqtt())
}

fn byte(client: &Client, id: u8) -> Option<u8> {
    match find(&client.props, id) {
        Some(Value::Byte(value)) => Some(*value),
        _ => None,
    }
}

/// v5 [MQTT-3.2.2-9] [MQTT-3.2.2-10]
#[test]
fn the_highest_qos_is_told_and_any_may_be_asked_for() {
    assert_eq!(byte(&client(V5), prop::MAXIMUM_QOS), Some(1));
    each(&NEW, |version| {
        let topic = unique("t/");
        let mut client = client(version);
        for (asked, granted) in [(0, 0), (1, 1), (2, 1)] {
            assert_eq!(client.subscribe(&topic, asked), granted);
        }
        client.publish(&topic, "x", 1);
        assert_eq!(client.message().qos, 1);
        client.send(&Message::new(&topic, "x", 2).id(3).bytes(version));
        client.closed_with(0x9b);
    });
}

/// v5 [MQTT-3.2.2-12]
#[test]
fn a_will_of_a_higher_qos_is_refused() {
    let will = |qos| Will { qos, ..Will::new("w", "x") };
    let mut refused = Connect::new(V5).will(will(2)).attempt(node().mqtt());
    assert_eq!((refused.code, refused.closed()), (0x9b, None));
    Connect::new(V5).will(will(1)).open(node().mqtt());
}

/// v5 [MQTT-3.2.2-13]
#[test]
fn retained_messages_and_wills_are_refused() {
    assert_eq!(byte(&client(V5), prop::RETAIN_AVAILABLE), Some(0));
    let will = Will { retain: true, ..Will::new("w", "x") };
    let mut refused = Connect::new(V5).will(will).attempt(node().mqtt());
    assert_eq!((refused.code, refused.closed()), (0x9a, None));
    let mut client = client(V5);
    client.send(&Message::new("t", "x", 0).retain().bytes(V5));
    client.closed_with(0x9a);
}

/// v5 [MQTT-3.2.2-18]
#[test]
fn aliases_are_refused_where_there_are_none() {
    let mut client = client(V5);
    assert_eq!(find(&client.props, prop::ALIAS_MAXIMUM), None);
    client.send(&Message::new("t", "x", 0).with(prop::two(prop::ALIAS, 1)).bytes(V5));
    client.closed_with(0x94);
}

/// v3.1.1 [MQTT-3.8.3-2]
#[test]
fn wildcards_are_refused_where_there_are_none() {
    assert_eq!(byte(&client(V5), prop::WILDCARD_AVAILABLE), Some(0));
    each(&NEW, |version| {
        let mut client = client(version);
        let refused = if version.is_v5() { 0xa2 } else { 0x80 };
        let codes = client.subscribe_to(&[("a/b", 1), ("a/+", 1), ("#", 0)], &[]);
        assert_eq!(codes, [1, refused, refused]);
    });
}

/// v5 3.2.2.3.13
#[test]
fn groups_are_refused_where_there_are_none() {
    assert_eq!(byte(&client(V5), prop::SHARED_AVAILABLE), Some(0));
    each(&NEW, |version| {
        let refused = if version.is_v5() { 0x9e } else { 0x80 };
        let codes = client(version).subscribe_to(&[("$share/g/a", 1), ("$queue/a", 1)], &[]);
        assert_eq!(codes, [refused, refused]);
    });
}

/// v5 3.2.2.3.15, 3.1.2.11.6
#[test]
fn response_information_is_given_to_who_asks() {
    let ask = |wanted: u8| Connect::new(V5).with(prop::byte(prop::REQUEST_RESPONSE, wanted));
    let told = |connect: Connect| {
        find(&connect.open(node().mqtt()).props, prop::RESPONSE_INFORMATION).cloned()
    };
    assert_eq!(told(ask(1)), Some(Value::Text("answers/".to_owned())));
    assert_eq!((told(ask(0)), told(Connect::new(V5))), (None, None));
}
