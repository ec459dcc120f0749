//! What the server answers: codes of the right tables, sizes the client takes (v5 3.2.2 and 3.4 to 3.14).
//!
//! The test codec reads strictly: reserved bits, codes that are not in the table of the packet and properties that do not belong
//! in it end a test wherever they come. Here every kind of answer is called for.

use std::time::{Duration, Instant};

use super::{ALL, EITHER, NEW, V5, each, lasting, refused, refused_connect};
use crate::support::{
    Client, Connect, LIMIT, Message, Packet, Version, broker,
    client::{find, subscribe_bytes, unsubscribe_bytes},
    codec::{Value, ack, packet},
    prop, unique, wait_for,
};

/// v5 [MQTT-3.2.2-1] [MQTT-3.2.2-6] [MQTT-3.2.2-7] [MQTT-3.2.2-8]
#[test]
fn a_refusing_connack_says_no_session_and_ends_the_connection() {
    let id = unique("c");
    lasting(V5, &id).open(broker()).cut();
    // With the id of a session that is there.
    let unknown = lasting(V5, &id).with(prop::text(prop::AUTH_METHOD, "none")).bytes();
    let mut zero = Connect::new(V5);
    zero.props.push(prop::two(prop::RECEIVE_MAXIMUM, 0));
    for (bytes, code) in [(unknown, 0x8c), (zero.bytes(), 0x82)] {
        // A CONNACK with a bit too many, with a session in it or with an unknown code fails in the codec.
        assert_eq!(refused_connect(V5, &bytes), Some(code));
    }
    assert!(lasting(V5, &id).open(broker()).session_present);
}

/// v5 [MQTT-3.1.4-2]
#[test]
fn who_fails_a_check_is_told_and_closed() {
    let bytes = Connect::new(V5).id(&"c".repeat(10_000)).bytes();
    assert_eq!(refused_connect(V5, &bytes), Some(0x85), "a client id over every limit");
}

/// v3.1.1 [MQTT-3.1.4-3] [MQTT-4.1.0-2] v5 [MQTT-3.1.4-4]
#[test]
fn clean_start_is_carried_out_at_once() {
    each(&NEW, |version| {
        let (id, topic) = (unique("c"), unique("t/"));
        let mut client = lasting(version, &id).open(broker());
        client.subscribe(&topic, 1);
        // The session lasts as long as the connection, and goes on to the next one.
        client.publish(&topic, "kept", 1);
        assert_eq!(client.message().text(), "kept");
        client.ping();
        client.cut();
        let mut client = lasting(version, &id).open(broker());
        assert!(client.session_present);
        client.publish(&topic, "still", 1);
        assert_eq!(client.texts(), ["still"]);
        client.ping();
        client.cut();
        let mut client = lasting(version, &id).clean(true).open(broker());
        assert!(!client.session_present);
        client.publish(&topic, "gone", 1);
        assert_eq!(client.texts(), Vec::<String>::new());
    });
}

/// v3.1.1 [MQTT-7.1.1-1]: an ordered stream without loss, in pieces however small.
#[test]
fn a_stream_is_read_in_any_pieces() {
    each(&ALL, |version| {
        let topic = unique("t/");
        let mut client = Client::raw(version, broker());
        let connect = Connect::new(version).bytes();
        for byte in connect.chunks(1) {
            client.send(byte);
        }
        client.take_connack();
        assert_eq!(client.code, 0);
        let mut bytes = subscribe_bytes(version, 1, &[(&topic, 0)], &[]);
        for n in 0..50 {
            bytes.extend(Message::new(&topic, format!("{n}"), 0).bytes(version));
        }
        for piece in bytes.chunks(7) {
            client.send(piece);
        }
        for n in 0..50 {
            assert_eq!(client.raw_message().text(), n.to_string());
        }
    });
}

/// v5 [MQTT-3.4.2-1] [MQTT-3.5.2-1]
#[test]
fn puback_and_pubrec_have_codes_of_their_tables() {
    let topic = unique("t/");
    let mut client = Client::new(V5);
    assert!(matches!(client.publish(&topic, "nobody", 1), 0 | 0x10));
    assert!(matches!(client.publish(&topic, "nobody", 2), 0 | 0x10));
    let mut other = Client::new(V5);
    other.subscribe(&topic, 2);
    assert_eq!(client.publish(&topic, "somebody", 1), 0);
    assert_eq!(client.publish(&topic, "somebody", 2), 0);
    assert_eq!(other.texts().len(), 2);
}

/// v5 [MQTT-3.6.2-1] [MQTT-3.7.2-1]
#[test]
fn pubrel_and_pubcomp_have_codes_of_their_tables() {
    let topic = unique("t/");
    let mut client = Client::new(V5);
    client.subscribe(&topic, 2);
    let bytes = Message::new(&topic, "x", 2).id(7).bytes(V5);
    client.send(&bytes);
    let message = client.raw_message();
    client.send(&ack(0x50, message.id));
    let code = client.wait(|p| match p {
        Packet::PubRel { id, code, .. } if *id == message.id => Some(*code),
        _ => None,
    });
    assert_eq!(code, 0);
    client.send(&ack(0x70, message.id));
    client.send(&ack(0x50, 999));
    let code = client.wait(|p| match p {
        Packet::PubRel { id: 999, code, .. } => Some(*code),
        _ => None,
    });
    assert_eq!(code, 0x92, "PUBREL for what is not under way");
    assert_eq!(client.release(7), 0);
    assert_eq!(client.release(7), 0x92);
}

/// v5 [MQTT-3.2.2-19] [MQTT-3.2.2-20] [MQTT-3.4.2-2] [MQTT-3.4.2-3] [MQTT-3.5.2-2] [MQTT-3.5.2-3] [MQTT-3.7.2-2]
/// v5 [MQTT-3.6.2-2] [MQTT-3.6.2-3] [MQTT-3.7.2-3] [MQTT-3.9.2-1] [MQTT-3.9.2-2] [MQTT-3.11.2-1] [MQTT-3.11.2-2] [MQTT-3.14.2-3] [MQTT-3.14.2-4]
#[test]
fn no_answer_is_larger_than_the_client_takes() {
    const MOST: u32 = 24;
    let mut client = Connect::new(V5).with(prop::four(prop::MAXIMUM_PACKET, MOST)).open(broker());
    client.subscribe_to(&[("a/b", 1), (&"+/".repeat(200), 1)], &[]);
    client.unsubscribe(&["none", "a/b"]);
    client.publish("nobody", "x", 1);
    client.publish("nobody", "x", 2);
    client.release(999);
    client.send(&ack(0x50, 999));
    client.wait(|packet| matches!(packet, Packet::PubRel { id: 999, .. }).then_some(()));
    client.send(&Connect::new(V5).bytes());
    assert_eq!(client.closed(), Some(0x82));
    assert!(client.largest <= MOST as usize, "{} bytes", client.largest);
}

/// v5 [MQTT-3.1.2-24]: an answer that cannot be made smaller is not sent.
#[test]
fn who_cannot_be_answered_is_not_served() {
    let tiny = |most| Connect::new(V5).with(prop::four(prop::MAXIMUM_PACKET, most)).bytes();
    assert_eq!(refused_connect(V5, &tiny(10)), Some(0x95));
    assert_eq!(refused_connect(V5, &tiny(4)), None, "not even a refusal fits");
    let filters: Vec<String> = (0..40).map(|n| format!("t/{n}")).collect();
    let asked: Vec<(&str, u8)> = filters.iter().map(|filter| (filter.as_str(), 0)).collect();
    let names: Vec<&str> = filters.iter().map(String::as_str).collect();
    for bytes in [subscribe_bytes(V5, 1, &asked, &[]), unsubscribe_bytes(V5, 1, &names)] {
        let mut client = Connect::new(V5).with(prop::four(prop::MAXIMUM_PACKET, 24)).open(broker());
        client.send(&bytes);
        assert_eq!(client.closed(), Some(0x95));
        assert!(client.largest <= 24, "{} bytes", client.largest);
    }
}

/// v5 [MQTT-3.14.0-1]
#[test]
fn no_disconnect_before_a_connack() {
    let mut bad = Connect::new(V5).bytes();
    bad[9] = 0x03; // the reserved flag
    for bytes in [&[0xe0, 0][..], &[0xc0, 0], &[0x10, 1, 0], &bad] {
        let mut client = Client::raw(V5, broker());
        client.send(bytes);
        let seen = client.ended();
        let wrong = seen.iter().any(|packet| matches!(packet, Packet::Disconnect { .. }));
        assert!(!wrong, "{bytes:02x?}: {seen:02x?}");
    }
}

/// v5 [MQTT-3.14.2-2]
#[test]
fn the_servers_disconnect_has_no_session_expiry() {
    // The codec fails at the property. Codes that the server sends by itself:
    let id = unique("c");
    let mut old = Connect::new(V5).id(&id).open(broker());
    let _new = Connect::new(V5).id(&id).open(broker());
    assert_eq!(old.closed(), Some(0x8e));
    let mut silent = Connect::new(V5).keep_alive(1).open(broker());
    assert_eq!(silent.closed(), Some(0x8d));
    refused(V5, &[0x32, 0], EITHER);
}

/// v5 [MQTT-3.15.1-1]
#[test]
fn reserved_bits_of_auth_are_checked() {
    for bits in 1..16 {
        refused(V5, &packet(0xf0 | bits, &[]), &[0x81]);
    }
}

/// v5 [MQTT-3.2.2-17]
#[test]
fn an_alias_above_the_maximum_is_refused() {
    let mut client = Client::new(V5);
    let Some(Value::Two(most)) = find(&client.props, prop::ALIAS_MAXIMUM).cloned() else {
        panic!("the broker takes aliases: {:?}", client.props)
    };
    client.send(&Message::new("t", "x", 0).with(prop::two(prop::ALIAS, most + 1)).bytes(V5));
    client.closed_with(0x94);
}

/// v5 [MQTT-3.2.2-22]
#[test]
fn the_keep_alive_of_the_client_holds_if_the_server_names_none() {
    let client = Connect::new(V5).keep_alive(60).open(broker());
    assert!(client.props.iter().all(|(id, _)| *id != prop::SERVER_KEEP_ALIVE));
    // One second is kept to, as the test of the keep alive shows for each version; none at all is none.
    let mut forever = Connect::new(V5).keep_alive(0).open(broker());
    let mut short = Connect::new(V5).keep_alive(1).open(broker());
    assert_eq!(short.closed(), Some(0x8d));
    forever.ping();
}

/// v5 [MQTT-3.3.4-10]
#[test]
fn a_full_window_holds_no_other_packet() {
    let (topic, other) = (unique("t/"), unique("t/"));
    let mut client = Connect::new(V5).with(prop::two(prop::RECEIVE_MAXIMUM, 1)).open(broker());
    client.subscribe(&topic, 1);
    let mut publisher = Client::new(V5);
    publisher.publish(&topic, "one", 1);
    publisher.publish(&topic, "two", 1);
    let held = client.raw_message();
    // PUBACK, PUBREC, PUBCOMP, SUBACK, UNSUBACK and PINGRESP come at once.
    client.publish(&other, "x", 1);
    client.publish(&other, "x", 2);
    client.subscribe(&other, 0);
    client.unsubscribe(&[&other]);
    client.ping();
    assert_eq!(client.unacknowledged(), []);
    client.acknowledge(&held);
    assert_eq!(client.message().text(), "two");
}

/// v5 [MQTT-4.3.3-7]
#[test]
fn a_message_that_was_sent_does_not_expire() {
    let (id, topic) = (unique("c"), unique("t/"));
    let mut client = lasting(V5, &id).open(broker());
    client.subscribe(&topic, 2);
    let short = Message::new(&topic, "short", 2).with(prop::four(prop::EXPIRY, 1));
    Client::new(V5).publish_message(short);
    let first = client.raw_message();
    client.cut();
    until_expired();
    let mut client = lasting(V5, &id).open(broker());
    let again = client.raw_message();
    assert_eq!((again.id, again.dup, again.text().as_str()), (first.id, true, "short"));
    client.acknowledge(&again);
    assert_eq!(client.texts(), Vec::<String>::new());
}

/// Waits until an expiry of one second is over.
fn until_expired() {
    let gone = Instant::now() + Duration::from_millis(1200);
    wait_for("1.2 s", LIMIT, || Instant::now() > gone);
}

/// v5 [MQTT-4.3.3-12]
#[test]
fn an_identifier_is_free_after_pubcomp() {
    let topic = unique("t/");
    let mut other = Client::new(V5);
    other.subscribe(&topic, 2);
    let mut client = Client::new(V5);
    for n in 0..3 {
        client.send(&Message::new(&topic, format!("{n}"), 2).id(5).bytes(V5));
        assert_eq!(client.complete(2, 5), 0);
    }
    assert_eq!(other.texts(), ["0", "1", "2"]);
}

/// v5 [MQTT-4.3.3-13]
#[test]
fn qos_2_goes_on_after_the_message_has_expired() {
    let (id, topic) = (unique("c"), unique("t/"));
    // Nobody is there to take it, and it expires before it is released.
    let mut away = lasting(V5, &id).open(broker());
    away.subscribe(&topic, 2);
    away.disconnect();
    let mut client = Client::new(V5);
    let bytes = Message::new(&topic, "x", 2).with(prop::four(prop::EXPIRY, 1)).id(9).bytes(V5);
    client.send(&bytes);
    client.wait(|p| matches!(p, Packet::PubRec { id: 9, code: 0, .. }).then_some(()));
    until_expired();
    assert_eq!(client.release(9), 0);
    assert_eq!(lasting(V5, &id).open(broker()).texts(), Vec::<String>::new());
}

/// v5 3.1.2.11.7: the properties of answers are for clients that want them; none here are needed to understand a code.
#[test]
fn answers_say_what_they_must_and_no_more() {
    let mut client = Client::new(Version::V5);
    client.send(&subscribe_bytes(V5, 3, &[("a", 0), (&"+/".repeat(200), 0)], &[]));
    client.send(&unsubscribe_bytes(V5, 4, &["none"]));
    client.send(&Message::new("nobody", "x", 1).id(5).bytes(V5));
    let suback = client.wait(|p| match p {
        Packet::SubAck { id: 3, codes, .. } => Some(codes.clone()),
        _ => None,
    });
    assert_eq!(suback, [0, 0x8f]);
    let unsuback = client.wait(|p| match p {
        Packet::UnsubAck { id: 4, codes, .. } => Some(codes.clone()),
        _ => None,
    });
    assert_eq!(unsuback, [0x11]);
    let puback = client.wait(|p| match p {
        Packet::PubAck { id: 5, code, .. } => Some(*code),
        _ => None,
    });
    assert!(matches!(puback, 0 | 0x10));
    client.ping();
}
