//! Delivery at QoS 0, 1 and 2 (4.3), identifiers (2.3.1, v5 2.2.1), delivery again (4.4), order (4.6).

use std::collections::BTreeSet;

use super::{ALL, NEW, V5, each, lasting};
use crate::support::{
    Client, Message, Packet, broker,
    codec::{ack, packet},
    unique,
};

/// v3.1.1 [MQTT-4.3.2-2] [MQTT-4.3.3-2] [MQTT-3.3.4-1] [MQTT-2.3.1-6] [MQTT-4.6.0-2] [MQTT-4.6.0-3]
/// v5 [MQTT-4.3.2-4] [MQTT-4.3.2-5] [MQTT-4.3.3-8] [MQTT-2.2.1-5] [MQTT-4.6.0-2] [MQTT-4.6.0-3]
#[test]
fn acknowledgements_have_the_identifier_and_the_order_of_publish() {
    each(&ALL, |version| {
        let topic = unique("t/");
        let ids = [9, 3, 65535, 1];
        for (qos, kind) in [(1, 4), (2, 5)] {
            let mut client = Client::new(version);
            for id in ids {
                client.send(&Message::new(&topic, "x", qos).id(id).bytes(version));
            }
            let seen: Vec<u16> = ids
                .iter()
                .map(|_| match (kind, client.recv()) {
                    (4, Packet::PubAck { id, .. }) | (5, Packet::PubRec { id, .. }) => id,
                    other => panic!("{other:?}"),
                })
                .collect();
            assert_eq!(seen, ids, "QoS {qos}");
        }
    });
}

/// v3.1.1 [MQTT-4.3.3-2] [MQTT-4.6.0-4] v5 [MQTT-4.3.3-11] [MQTT-4.6.0-4]
#[test]
fn pubcomp_answers_pubrel() {
    each(&ALL, |version| {
        let mut client = Client::new(version);
        let topic = unique("t/");
        for id in [5, 4] {
            client.send(&Message::new(&topic, "x", 2).id(id).bytes(version));
        }
        for id in [4, 5] {
            client.send(&ack(0x62, id));
        }
        let comps: Vec<u16> = (0..2)
            .map(|_| {
                client.wait(|p| match p {
                    Packet::PubComp { id, .. } => Some(*id),
                    _ => None,
                })
            })
            .collect();
        assert_eq!(comps, [4, 5]);
    });
}

/// v3.1.1 [MQTT-4.3.3-2] v5 [MQTT-4.3.3-10]
#[test]
fn qos_2_sent_again_before_pubrel_is_delivered_once() {
    each(&ALL, |version| {
        let topic = unique("t/");
        let mut subscriber = Client::new(version);
        subscriber.subscribe(&topic, 2);
        let mut client = Client::new(version);
        for dup in [false, true, true] {
            let message = Message { dup, ..Message::new(&topic, "once", 2).id(7) };
            client.send(&message.bytes(version));
            client.wait(|p| matches!(p, Packet::PubRec { id: 7, .. }).then_some(()));
        }
        client.release(7);
        assert_eq!(subscriber.texts(), ["once"]);
        // After PUBCOMP the identifier means a new message.
        client.publish_message(Message::new(&topic, "new", 2).id(7));
        assert_eq!(subscriber.texts(), ["new"]);
    });
}

/// v3.1.1 [MQTT-4.3.3-2] v5 [MQTT-4.3.3-10]
#[test]
fn qos_2_sent_again_on_a_new_connection_is_delivered_once() {
    each(&ALL, |version| {
        let (id, topic) = (unique("c"), unique("t/"));
        let mut subscriber = Client::new(version);
        subscriber.subscribe(&topic, 2);
        let mut client = lasting(version, &id).open(broker());
        client.send(&Message::new(&topic, "once", 2).id(7).bytes(version));
        client.wait(|p| matches!(p, Packet::PubRec { id: 7, .. }).then_some(()));
        client.cut();
        let mut client = lasting(version, &id).open(broker());
        assert!(version == crate::support::Version::V3_1 || client.session_present);
        client.publish_message(Message::new(&topic, "once", 2).id(7).dup());
        assert_eq!(subscriber.texts(), ["once"]);
    });
}

/// PUBREL for an identifier that is not in use: PUBCOMP, in v5 with 0x92.
/// v5 [MQTT-4.3.3-11]
#[test]
fn pubrel_without_a_message_is_answered() {
    each(&ALL, |version| {
        let mut client = Client::new(version);
        let code = client.release(99);
        assert_eq!(code, if version.is_v5() { 0x92 } else { 0 });
    });
}

/// v5 4.3.3: PUBREC for an identifier that is not in use gets PUBREL 0x92.
#[test]
fn pubrec_without_a_message_is_answered() {
    let mut client = Client::new(V5);
    client.send(&ack(0x50, 99));
    match client.recv() {
        Packet::PubRel { id: 99, code, .. } => assert_eq!(code, 0x92),
        other => panic!("{other:?}"),
    }
}

/// v3.1.1 [MQTT-2.3.1-1] [MQTT-2.3.1-4] [MQTT-2.3.1-5] v5 [MQTT-2.2.1-2] [MQTT-2.2.1-4]
#[test]
fn identifiers_in_flight_differ() {
    each(&ALL, |version| {
        let topic = unique("t/");
        let mut client = Client::new(version);
        client.subscribe(&topic, 2);
        let mut publisher = Client::new(version);
        for n in 0..20 {
            publisher.publish(&topic, format!("{n}"), if n % 2 == 0 { 1 } else { 2 });
        }
        publisher.publish(&topic, "without", 0);
        let seen = client.unacknowledged();
        let ids: BTreeSet<u16> = seen.iter().filter(|m| m.qos > 0).map(|m| m.id).collect();
        assert_eq!(ids.len(), 20);
    });
}

/// v3.1.1 [MQTT-3.3.1-1] [MQTT-4.4.0-1] [MQTT-2.3.1-3] [MQTT-4.6.0-1] [MQTT-4.3.2-1]
/// v5 [MQTT-3.3.1-1] [MQTT-4.4.0-1] [MQTT-2.2.1-4] [MQTT-4.6.0-1] [MQTT-4.3.2-3] [MQTT-4.3.3-3]
#[test]
fn unacknowledged_messages_come_again_with_dup() {
    each(&ALL, |version| {
        let (id, topic) = (unique("c"), unique("t/"));
        let mut client = lasting(version, &id).open(broker());
        client.subscribe(&topic, 2);
        let mut publisher = Client::new(version);
        for (n, qos) in [1, 2, 1, 2].into_iter().enumerate() {
            publisher.publish(&topic, format!("{n}"), qos);
        }
        let first = client.unacknowledged();
        assert_eq!(first.len(), 4);
        assert!(first.iter().all(|m| !m.dup), "first time: {first:?}");
        client.cut();
        let mut client = lasting(version, &id).open(broker());
        let again = client.messages();
        let want: Vec<Message> = first.into_iter().map(Message::dup).collect();
        assert_eq!(again, want);
        client.disconnect();
        let mut client = lasting(version, &id).open(broker());
        assert_eq!(client.messages(), []);
    });
}

/// v3.1.1 [MQTT-4.4.0-1] [MQTT-4.3.3-1] v5 [MQTT-4.4.0-1] [MQTT-4.3.3-4] [MQTT-4.3.3-5] [MQTT-4.3.3-6]
#[test]
fn pubrel_without_pubcomp_comes_again() {
    each(&ALL, |version| {
        let (id, topic) = (unique("c"), unique("t/"));
        let mut client = lasting(version, &id).open(broker());
        client.subscribe(&topic, 2);
        Client::new(version).publish(&topic, "x", 2);
        let message = client.raw_message();
        client.send(&ack(0x50, message.id));
        client.wait(|p| matches!(p, Packet::PubRel { id, .. } if *id == message.id).then_some(()));
        client.cut();
        let mut client = lasting(version, &id).open(broker());
        client.wait(|p| matches!(p, Packet::PubRel { id, .. } if *id == message.id).then_some(()));
        client.send(&ack(0x70, message.id));
        assert_eq!(client.messages(), [], "the PUBLISH must not come after its PUBREL");
    });
}

/// v5 [MQTT-4.4.0-1]
#[test]
fn nothing_is_sent_again_on_a_living_connection() {
    let topic = unique("t/");
    let mut client = Client::new(V5);
    client.subscribe(&topic, 1);
    Client::new(V5).publish(&topic, "x", 1);
    assert_eq!(client.unacknowledged().len(), 1);
    for _ in 0..5 {
        assert_eq!(client.unacknowledged(), []);
    }
}

/// v5 [MQTT-4.3.3-4] [MQTT-4.4.0-2]
#[test]
fn a_refused_message_is_done() {
    let (id, topic) = (unique("c"), unique("t/"));
    let mut client = lasting(V5, &id).open(broker());
    client.subscribe(&topic, 2);
    let mut publisher = Client::new(V5);
    publisher.publish(&topic, "one", 1);
    publisher.publish(&topic, "two", 2);
    for (kind, message) in [0x40, 0x50].into_iter().zip(client.unacknowledged()) {
        let [high, low] = message.id.to_be_bytes();
        client.send(&packet(kind, &[high, low, 0x80]));
    }
    client.ping();
    client.cut();
    let mut client = lasting(V5, &id).open(broker());
    assert_eq!(client.messages(), []);
    client.ping();
}

/// Acknowledgements for nothing end nothing (v5: the reason code would be 0x92, and PUBACK has no answer).
#[test]
fn stray_puback_and_pubcomp_are_ignored() {
    each(&NEW, |version| {
        let mut client = Client::new(version);
        client.send(&ack(0x40, 77));
        client.send(&ack(0x70, 77));
        client.ping();
    });
}

/// v3.1.1 [MQTT-4.5.0-1] v5 [MQTT-4.5.0-1]
#[test]
fn acknowledged_messages_reach_all_matching_clients() {
    each(&ALL, |version| {
        let topic = unique("t/");
        let mut clients: Vec<Client> = (0..20).map(|_| Client::new(version)).collect();
        for client in &mut clients {
            client.subscribe(&topic, 1);
        }
        let mut publisher = Client::new(version);
        for n in 0..10 {
            publisher.publish(&topic, format!("{n}"), 1);
        }
        for client in &mut clients {
            assert_eq!(client.texts(), (0..10).map(|n| n.to_string()).collect::<Vec<_>>());
        }
    });
}

/// v5 [MQTT-4.3.2-2] [MQTT-4.3.3-2] [MQTT-4.3.1-1] v3.1.1 [MQTT-4.3.1-1]
#[test]
fn messages_begin_without_dup() {
    each(&ALL, |version| {
        let topic = unique("t/");
        let mut client = Client::new(version);
        client.subscribe(&topic, 2);
        for qos in 0..3 {
            Client::new(version).publish(&topic, "x", qos);
            let message = client.message();
            assert!(!message.dup);
            assert_eq!(message.qos, qos);
        }
    });
}
