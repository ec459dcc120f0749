//! Messages that are too large for a client.

use super::*;
use crate::broker::stats::Metric;

/// A client of MQTT 5 that takes packets of `size` bytes and so many aliases, with the session of `c`.
fn small(world: &World, size: u8, aliases: u8) -> Client<'_> {
    let mut client = world.accept(Settings { max_inflight: 1, ..Settings::default() });
    let properties = vec![39, 0, 0, 0, size, 34, 0, aliases];
    client.send(&connect(5, "c", &Asked { properties, ..Asked::default() }));
    client
}

fn publish(world: &World, topic: &str, size: usize, qos: QoS) {
    let meta = Meta { qos, retain: false, expires_at: None, publisher: 0 };
    world.hub.publish_now(&Message::new(topic, &[], &vec![7; size], meta));
}

/// Topic, alias and size of the payload of each message of QoS 0 that came.
fn got(client: &mut Client<'_>) -> Vec<(String, Option<u8>, usize)> {
    let one = |(first, body): &(u8, Vec<u8>)| {
        assert_eq!(*first, 0x30);
        let (topic, rest) = body[2..].split_at(body[1].into());
        let (properties, payload) = rest[1..].split_at(rest[0].into());
        let alias = properties.strip_prefix(&[0x23, 0]).map(|alias| alias[0]);
        (String::from_utf8(topic.to_vec()).unwrap(), alias, payload.len())
    };
    client.packets().iter().map(one).collect()
}

/// v5 [MQTT-3.1.2-25]: whatever could be sent in a packet that the client takes is.
#[test]
fn an_alias_makes_no_message_too_large() {
    let world = World::new();
    let mut client = small(&world, 20, 5);
    client.subscribe(&["#"], 0);
    client.packets();
    let mut publish = |topic: &str, size| {
        publish(&world, topic, size, QoS::AtMostOnce);
        got(&mut client)
    };
    let came = |topic: &str, alias, size| vec![(topic.to_owned(), alias, size)];
    assert_eq!(publish("t/a", 12), came("t/a", None, 12), "as large as may be");
    assert_eq!(publish("t/a", 13), []);
    assert_eq!(publish("t/a", 9), came("t/a", Some(1), 9));
    assert_eq!(publish("t/a", 12), came("", Some(1), 12));
    assert_eq!(publish("t/a", 13), []);
    assert_eq!(publish("t/a", 1), came("", Some(1), 1), "the alias holds");
    assert_eq!(publish("u", 1), came("u", Some(2), 1), "and the next is the next");
    assert_eq!(publish("u", 14), came("u", None, 14), "a name may be shorter than an alias");
}

/// v5 [MQTT-4.3.3-10]: the client may have the message, and takes what comes next with its id for the same one.
#[test]
fn the_id_of_a_qos_2_message_that_has_become_too_large_stays_taken() {
    let world = World::new();
    let mut client = small(&world, 100, 0);
    client.subscribe(&["t"], 2);
    publish(&world, "t", 50, QoS::ExactlyOnce);
    assert_eq!(client.topics(), ["t"]);
    client.send(&[0xe0, 0]);
    let mut client = small(&world, 20, 0);
    publish(&world, "t", 1, QoS::ExactlyOnce);
    let packets = client.packets();
    assert_eq!(packets[0].0, 0x20);
    assert_eq!(packets[1..], [(0x62, vec![0, 1])], "no message, but the end of it");
    let stats = &client.channel().shared().stats;
    assert_eq!(stats.sum(Metric::DeliveryDroppedTooLarge), 1);
    client.send(&packet(0x70, &[0, 1]));
    let packets = client.packets();
    assert_eq!((packets.len(), packets[0].0, &packets[0].1[3..5]), (1, 0x34, &[0, 2][..]));
}

/// Of QoS 1 nothing is left at the client once the connection is gone.
#[test]
fn a_qos_1_message_that_has_become_too_large_makes_room() {
    let world = World::new();
    let mut client = small(&world, 100, 0);
    client.subscribe(&["t"], 1);
    publish(&world, "t", 50, QoS::AtLeastOnce);
    assert_eq!(client.topics(), ["t"]);
    client.send(&[0xe0, 0]);
    let mut client = small(&world, 20, 0);
    publish(&world, "t", 1, QoS::AtLeastOnce);
    let packets = client.packets();
    assert_eq!((packets.len(), packets[1].0), (2, 0x32));
}
