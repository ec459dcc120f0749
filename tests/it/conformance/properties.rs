//! Properties of v5 (2.2.2) on their way through the broker, and those that are refused.

use super::{EITHER, V5, refused};
use crate::support::{
    Client, Message, Version,
    client::subscribe_bytes,
    codec::{Value, packet, string, varint},
    prop, unique,
};

#[track_caller]
fn passes(props: &[(u8, Value)]) {
    let topic = unique("t/");
    let mut client = Client::new(V5);
    client.subscribe(&topic, 2);
    for qos in 0..3 {
        let message = Message { props: props.to_vec(), ..Message::new(&topic, "text", qos) };
        Client::new(V5).publish_message(message);
        assert_eq!(client.message().props, props, "QoS {qos}");
    }
}

/// v5 [MQTT-3.3.2-4]
#[test]
fn payload_format_is_passed_on() {
    passes(&[prop::byte(prop::FORMAT, 0)]);
    passes(&[prop::byte(prop::FORMAT, 1)]);
}

/// v5 [MQTT-3.3.2-20]
#[test]
fn content_type_is_passed_on() {
    passes(&[prop::text(prop::CONTENT_TYPE, "application/\u{e9}")]);
    passes(&[prop::text(prop::CONTENT_TYPE, "")]);
}

/// v5 [MQTT-3.3.2-15] [MQTT-3.3.2-16]
#[test]
fn response_topic_and_correlation_are_passed_on() {
    passes(&[
        prop::text(prop::RESPONSE_TOPIC, "answer/to/me"),
        prop::binary(prop::CORRELATION, b"\0\xff\x01"),
    ]);
    passes(&[prop::binary(prop::CORRELATION, b"")]);
}

/// v5 [MQTT-3.3.2-17] [MQTT-3.3.2-18] [MQTT-1.5.7-1]
#[test]
fn user_properties_keep_their_order() {
    passes(&[prop::user("z", "1"), prop::user("a", "2"), prop::user("z", "1"), prop::user("", "")]);
}

/// v5 [MQTT-3.3.2-6]
#[test]
fn message_expiry_is_passed_on() {
    let topic = unique("t/");
    let mut client = Client::new(V5);
    client.subscribe(&topic, 1);
    Client::new(V5)
        .publish_message(Message::new(&topic, "x", 1).with(prop::four(prop::EXPIRY, 1000)));
    assert!(matches!(client.message().prop(prop::EXPIRY), Some(Value::Four(990..=1000))));
}

#[test]
fn older_versions_get_no_properties() {
    for version in [Version::V3_1, Version::V3_1_1] {
        let topic = unique("t/");
        let mut client = Client::new(version);
        client.subscribe(&topic, 1);
        let message = Message::new(&topic, "plain", 1)
            .with(prop::user("a", "b"))
            .with(prop::four(prop::EXPIRY, 9));
        Client::new(V5).publish_message(message);
        assert_eq!(client.message().text(), "plain");
    }
}

/// v5 2.2.2: a property that may stand once is a Protocol Error when it stands twice.
#[test]
fn repeated_properties_are_refused() {
    let once = [
        prop::byte(prop::FORMAT, 1),
        prop::four(prop::EXPIRY, 9),
        prop::text(prop::CONTENT_TYPE, "x"),
        prop::text(prop::RESPONSE_TOPIC, "x"),
        prop::binary(prop::CORRELATION, b"x"),
        prop::two(prop::ALIAS, 1),
    ];
    for property in once {
        let message = Message::new(&unique("t/"), "x", 0).with(property.clone()).with(property);
        refused(V5, &message.bytes(V5), EITHER);
    }
}

/// v5 2.2.2.2: a property of another packet is malformed.
#[test]
fn properties_of_other_packets_are_refused() {
    for property in [
        prop::four(prop::SESSION_EXPIRY, 1),
        prop::text(prop::ASSIGNED_ID, "x"),
        prop::byte(prop::MAXIMUM_QOS, 1),
        prop::text(prop::REASON, "x"),
        prop::four(prop::WILL_DELAY, 1),
    ] {
        refused(V5, &Message::new(&unique("t/"), "x", 0).with(property.clone()).bytes(V5), EITHER);
        refused(V5, &subscribe_bytes(V5, 1, &[("t", 0)], &[property]), EITHER);
    }
}

/// v5 [MQTT-2.2.2-1]
#[test]
fn property_blocks_must_add_up() {
    let faults: [&[u8]; 9] = [
        &[5, 1, 1],                   // longer than the packet
        &[1, 1],                      // value missing
        &[3, 2, 0, 0],                // value cut
        &[2, 0x7f, 0],                // no such property
        &[3, 3, 0, 9],                // string longer than the block
        &[5, 38, 0, 1, b'a', 0],      // pair without its value
        &[0xff, 0xff, 0xff, 0xff, 1], // length of five bytes
        &[2, 1, 2],                   // Payload Format Indicator 2
        &[4, 3, 0, 1, 0xff],          // not UTF-8
    ];
    for block in faults {
        let body = [&string(unique("t/")), block].concat();
        refused(V5, &packet(0x30, &body), EITHER);
    }
}

#[test]
fn lengths_may_be_written_longer_than_needed_or_not_but_never_past_four_bytes() {
    // The shortest form must work at every border of the variable byte integer.
    for size in [0, 1, 127, 128, 16383, 16384, 100_000] {
        let topic = unique("t/");
        let mut client = Client::new(V5);
        client.subscribe(&topic, 0);
        client.publish(&topic, vec![b'x'; size], 0);
        assert_eq!(client.message().payload.len(), size, "{:02x?}", varint(size));
    }
}
