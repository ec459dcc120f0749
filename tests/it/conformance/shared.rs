//! Shared subscriptions (v5 4.8.2; EMQX has them in v3 too).

use std::collections::BTreeSet;

use super::{EITHER, NEW, V5, each, lasting};
use crate::support::{Client, broker, client::subscribe_bytes, unique, wait_for};

/// v5 [MQTT-4.8.2-4]
#[test]
fn one_member_gets_each_message() {
    each(&NEW, |version| {
        let topic = unique("t/");
        let mut members: Vec<Client> = (0..3).map(|_| Client::new(version)).collect();
        for member in &mut members {
            assert_eq!(member.subscribe(&format!("$share/g/{topic}/#"), 1), 1);
        }
        let mut plain = Client::new(version);
        plain.subscribe(&format!("{topic}/+"), 1);
        let mut publisher = Client::new(version);
        for n in 0..30 {
            publisher.publish(&format!("{topic}/{n}"), format!("{n}"), 1);
        }
        let seen: Vec<Vec<String>> = members.iter_mut().map(Client::texts).collect();
        let mut all: Vec<u32> = seen.concat().iter().map(|text| text.parse().unwrap()).collect();
        all.sort_unstable();
        assert_eq!(all, (0..30).collect::<Vec<_>>());
        assert_eq!(plain.texts().len(), 30, "others are not touched");
    });
}

#[test]
fn every_group_gets_its_copy() {
    let topic = unique("t/");
    let mut clients: Vec<Client> = (0..2).map(|_| Client::new(V5)).collect();
    for (n, client) in clients.iter_mut().enumerate() {
        client.subscribe(&format!("$share/g{n}/{topic}"), 1);
    }
    Client::new(V5).publish(&topic, "x", 1);
    for client in &mut clients {
        assert_eq!(client.texts(), ["x"]);
    }
}

#[test]
fn shared_and_plain_are_two_subscriptions() {
    let topic = unique("t/");
    let mut client = Client::new(V5);
    client.subscribe(&topic, 1);
    client.subscribe(&format!("$share/g/{topic}"), 1);
    Client::new(V5).publish(&topic, "x", 1);
    assert_eq!(client.texts(), ["x", "x"]);
    client.unsubscribe(&[&format!("$share/g/{topic}")]);
    Client::new(V5).publish(&topic, "y", 1);
    assert_eq!(client.texts(), ["y"]);
}

/// v5 [MQTT-4.8.2-1] [MQTT-4.8.2-2]
#[test]
fn bad_shared_filters_are_refused() {
    for filter in
        ["$share/", "$share/g", "$share/g/", "$share//t", "$share/g+/t", "$share/#/t", "$share/+/t"]
    {
        let mut client = Client::new(V5);
        client.send(&subscribe_bytes(V5, 1, &[(filter, 0)], &[]));
        client.send(&[0xc0, 0]);
        if let Some(codes) = client.answer() {
            assert!(matches!(codes[..], [0x80 | 0x8f]), "{filter}: {codes:02x?}");
        }
    }
}

/// v5 [MQTT-3.8.3-4]
#[test]
fn no_local_on_a_shared_subscription_is_a_protocol_error() {
    super::refused(V5, &subscribe_bytes(V5, 1, &[("$share/g/t", 4)], &[]), EITHER);
}

/// v5 [MQTT-4.8.2-3]
#[test]
fn the_granted_qos_holds() {
    for granted in 0..3 {
        let topic = unique("t/");
        let mut client = Client::new(V5);
        client.subscribe(&format!("$share/g/{topic}"), granted);
        Client::new(V5).publish(&topic, "x", 2);
        assert_eq!(client.message().qos, granted);
    }
}

#[test]
fn members_that_leave_get_nothing_more() {
    let topic = unique("t/");
    let filter = format!("$share/g/{topic}");
    let mut stays = Client::new(V5);
    let mut unsubscribes = Client::new(V5);
    let mut goes = Client::new(V5);
    for client in [&mut stays, &mut unsubscribes, &mut goes] {
        client.subscribe(&filter, 1);
    }
    assert_eq!(unsubscribes.unsubscribe(&[&filter]), [0]);
    goes.disconnect();
    let mut publisher = Client::new(V5);
    for n in 0..10 {
        publisher.publish(&topic, format!("{n}"), 1);
    }
    assert_eq!(stays.texts().len(), 10);
    assert_eq!(unsubscribes.texts().len(), 0);
}

/// v5 [MQTT-4.8.2-5] [MQTT-4.8.2-6]: what an ended session did not acknowledge goes to another member, or is dropped
/// with it; it never goes to two that live.
#[test]
fn a_message_has_one_living_receiver() {
    let topic = unique("t/");
    let filter = format!("$share/g/{topic}");
    let (mut one, mut two) = (Client::new(V5), Client::new(V5));
    one.subscribe(&filter, 2);
    two.subscribe(&filter, 2);
    let mut publisher = Client::new(V5);
    for n in 0..10 {
        publisher.publish(&topic, format!("{n}"), 2);
    }
    let first: BTreeSet<String> = one.texts().into_iter().collect();
    let second: BTreeSet<String> = two.texts().into_iter().collect();
    assert!(first.is_disjoint(&second));
    assert_eq!(first.len() + second.len(), 10);
}

/// EMQX's `$queue/` is a group of its own.
#[test]
fn queue_is_a_group() {
    let topic = unique("t/");
    let mut members: Vec<Client> = (0..2).map(|_| Client::new(V5)).collect();
    for member in &mut members {
        member.subscribe(&format!("$queue/{topic}"), 1);
    }
    for n in 0..6 {
        Client::new(V5).publish(&topic, format!("{n}"), 1);
    }
    let count: usize = members.iter_mut().map(|m| m.texts().len()).sum();
    assert_eq!(count, 6);
}

#[test]
fn connected_members_are_preferred() {
    let topic = unique("t/");
    let filter = format!("$share/g/{topic}");
    let id = unique("c");
    let mut away = lasting(V5, &id).open(broker());
    away.subscribe(&filter, 1);
    let mut here = Client::new(V5);
    here.subscribe(&filter, 1);
    away.disconnect();
    let mut publisher = Client::new(V5);
    for n in 0..10 {
        publisher.publish(&topic, format!("{n}"), 1);
    }
    let mut seen = here.texts().len();
    wait_for("all of them, from either member", crate::support::LIMIT, || {
        if seen < 10 {
            seen += lasting(V5, &id).open(broker()).texts().len();
        }
        seen == 10
    });
}
