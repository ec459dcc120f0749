//! Flow control and sizes: Receive Maximum, Maximum Packet Size (v5 4.9, 3.1.2.11).

use super::{EITHER, V5, expect_end, lasting};
use crate::support::{
    Client, Connect, Message, Packet, broker,
    client::find,
    codec::{Value, ack, packet},
    prop, unique,
};

/// v5 [MQTT-3.3.4-9] [MQTT-4.9.0-1] [MQTT-4.9.0-2]
#[test]
fn the_server_keeps_to_the_receive_maximum() {
    for maximum in [1, 2, 5] {
        let topic = unique("t/");
        let mut client =
            Connect::new(V5).with(prop::two(prop::RECEIVE_MAXIMUM, maximum)).open(broker());
        client.subscribe(&topic, 2);
        let mut publisher = Client::new(V5);
        for n in 0..10 {
            publisher.publish(&topic, format!("{n}"), 1 + n % 2);
        }
        let first = client.unacknowledged();
        assert_eq!(first.len(), usize::from(maximum));
        let mut seen: Vec<String> = first.iter().map(Message::text).collect();
        for message in &first {
            client.acknowledge(message);
        }
        seen.extend(client.texts());
        seen.extend((seen.len()..10).map(|_| client.message().text()));
        assert_eq!(seen, (0..10).map(|n| n.to_string()).collect::<Vec<_>>());
    }
}

/// v5 [MQTT-3.3.4-9]: a session that is resumed with a smaller Receive Maximum keeps to the new one.
#[test]
fn a_resumed_session_keeps_to_the_new_receive_maximum() {
    let (topic, id) = (unique("t/"), unique("c"));
    let open = |maximum: u16| {
        let connect = Connect::new(V5).id(&id).clean(false);
        let expiry = prop::four(17, 100);
        connect.with(prop::two(prop::RECEIVE_MAXIMUM, maximum)).with(expiry).open(broker())
    };
    let mut client = open(10);
    client.subscribe(&topic, 2);
    let mut publisher = Client::new(V5);
    for n in 0..12 {
        publisher.publish(&topic, format!("{n}"), 1 + n % 2);
    }
    assert_eq!(client.unacknowledged().len(), 10);
    client.cut();
    let mut client = open(3);
    let again = client.unacknowledged();
    assert_eq!(again.len(), 3, "no more than the new maximum");
    assert!(again.iter().all(|message| message.dup));
    again.iter().for_each(|message| client.acknowledge(message));
    let mut seen: Vec<String> = again.iter().map(Message::text).collect();
    while seen.len() < 12 {
        seen.push(client.message().text());
    }
    assert_eq!(seen, (0..12).map(|n| n.to_string()).collect::<Vec<_>>());
}

/// v5 [MQTT-4.9.0-3] [MQTT-3.3.4-9]
#[test]
fn a_full_window_stops_only_qos_1_and_2() {
    let topic = unique("t/");
    let mut client = Connect::new(V5).with(prop::two(prop::RECEIVE_MAXIMUM, 1)).open(broker());
    client.subscribe(&format!("{topic}/#"), 2);
    let mut publisher = Client::new(V5);
    publisher.publish(&format!("{topic}/one"), "one", 1);
    publisher.publish(&format!("{topic}/two"), "two", 1);
    let held = client.raw_message();
    assert_eq!(held.text(), "one");
    // PINGRESP, SUBACK and UNSUBACK come while the window is full.
    client.ping();
    client.subscribe(&unique("t/"), 0);
    client.acknowledge(&held);
    assert_eq!(client.message().text(), "two");
}

/// v5 [MQTT-4.9.0-2]: PUBREC does not give the place back, PUBCOMP does.
#[test]
fn qos_2_holds_its_place_until_pubcomp() {
    let topic = unique("t/");
    let mut client = Connect::new(V5).with(prop::two(prop::RECEIVE_MAXIMUM, 1)).open(broker());
    client.subscribe(&topic, 2);
    let mut publisher = Client::new(V5);
    publisher.publish(&topic, "one", 2);
    publisher.publish(&topic, "two", 2);
    let one = client.raw_message();
    client.send(&ack(0x50, one.id));
    client.wait(|p| matches!(p, Packet::PubRel { .. }).then_some(()));
    assert_eq!(client.unacknowledged(), []);
    client.send(&ack(0x70, one.id));
    assert_eq!(client.message().text(), "two");
}

/// v5 [MQTT-4.9.0-2]: a PUBREC with an error does.
#[test]
fn a_refusing_pubrec_gives_the_place_back() {
    let topic = unique("t/");
    let mut client = Connect::new(V5).with(prop::two(prop::RECEIVE_MAXIMUM, 1)).open(broker());
    client.subscribe(&topic, 2);
    let mut publisher = Client::new(V5);
    publisher.publish(&topic, "one", 2);
    publisher.publish(&topic, "two", 2);
    let [high, low] = client.raw_message().id.to_be_bytes();
    client.send(&packet(0x50, &[high, low, 0x97]));
    assert_eq!(client.message().text(), "two");
}

/// v5 [MQTT-3.3.4-7] [MQTT-3.3.4-8]
#[test]
fn more_than_the_servers_receive_maximum_is_refused() {
    let mut client = Client::new(V5);
    let Some(Value::Two(maximum)) = find(&client.props, prop::RECEIVE_MAXIMUM).cloned() else {
        return; // 65,535: no more identifiers than that
    };
    let topic = unique("t/");
    let mut bytes = Vec::new();
    for id in 1..=maximum + 1 {
        bytes.extend(Message::new(&topic, "x", 2).id(id).bytes(V5));
    }
    client.send(&bytes);
    expect_end(&mut client, &bytes, &[0x93]);
}

/// v5 [MQTT-3.1.2-24] [MQTT-3.1.2-25]
#[test]
fn messages_too_large_for_the_client_are_left_out() {
    let topic = unique("t/");
    let mut client = Connect::new(V5).with(prop::four(prop::MAXIMUM_PACKET, 200)).open(broker());
    client.subscribe(&topic, 2);
    let mut publisher = Client::new(V5);
    for qos in 0..3 {
        publisher.publish(&topic, "small", qos);
        publisher.publish(&topic, "L".repeat(300), qos);
    }
    publisher.publish(&topic, "last", 1);
    assert_eq!(client.texts(), ["small", "small", "small", "last"]);
}

/// v5 [MQTT-3.1.2-25]: as if it had been delivered, also from the queue.
#[test]
fn messages_too_large_for_a_returning_client_are_left_out() {
    let (id, topic) = (unique("c"), unique("t/"));
    let mut client = lasting(V5, &id).open(broker());
    client.subscribe(&topic, 1);
    client.disconnect();
    let mut publisher = Client::new(V5);
    publisher.publish(&topic, "L".repeat(300), 1);
    publisher.publish(&topic, "small", 1);
    let mut client = lasting(V5, &id).with(prop::four(prop::MAXIMUM_PACKET, 200)).open(broker());
    assert_eq!(client.texts(), ["small"]);
}

/// v5 [MQTT-3.2.2-15]
#[test]
fn packets_too_large_for_the_server_are_refused() {
    let client = Client::new(V5);
    let Some(Value::Four(maximum)) = find(&client.props, prop::MAXIMUM_PACKET).cloned() else {
        panic!("the broker tells its Maximum Packet Size: {:?}", client.props)
    };
    let mut client = Client::new(V5);
    let bytes = Message::new("t", vec![0; maximum as usize], 0).bytes(V5);
    client.send(&bytes[..1000]);
    // The length alone decides, the rest need not be sent.
    expect_end(&mut client, &bytes, &[0x95]);
}

#[test]
fn a_small_receive_maximum_holds_for_the_queue_of_a_session() {
    let (id, topic) = (unique("c"), unique("t/"));
    let mut client = lasting(V5, &id).open(broker());
    client.subscribe(&topic, 1);
    client.disconnect();
    let mut publisher = Client::new(V5);
    for n in 0..10 {
        publisher.publish(&topic, format!("{n}"), 1);
    }
    let mut client = lasting(V5, &id).with(prop::two(prop::RECEIVE_MAXIMUM, 3)).open(broker());
    let first = client.unacknowledged();
    assert_eq!(first.len(), 3);
    for message in &first {
        client.acknowledge(message);
    }
    let rest: Vec<String> = (3..10).map(|_| client.message().text()).collect();
    assert_eq!(rest, (3..10).map(|n| n.to_string()).collect::<Vec<_>>());
}

/// v5 3.4.2: acknowledgements in all their forms: 2 bytes, with a code, with an empty and with a full property block.
#[test]
fn all_forms_of_an_acknowledgement_are_understood() {
    let forms: [&[u8]; 4] = [&[], &[0], &[0, 0], &[0, 8, 31, 0, 5, b'f', b'u', b'l', b'l', b'!']];
    let topic = unique("t/");
    let mut client = Connect::new(V5).with(prop::two(prop::RECEIVE_MAXIMUM, 1)).open(broker());
    client.subscribe(&topic, 1);
    let mut publisher = Client::new(V5);
    for n in 0..=forms.len() {
        publisher.publish(&topic, format!("{n}"), 1);
    }
    for (n, form) in forms.iter().enumerate() {
        let message = client.raw_message();
        assert_eq!(message.text(), n.to_string());
        client.send(&packet(0x40, &[&message.id.to_be_bytes(), *form].concat()));
    }
    let id = client.raw_message().id.to_be_bytes();
    let bytes = packet(0x40, &[&id, &[0, 1, 31][..]].concat());
    client.send(&bytes);
    expect_end(&mut client, &bytes, EITHER);
}
