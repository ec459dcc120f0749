//! Session state (4.1, 3.1.2.4).

use super::{ALL, NEW, V5, each, lasting};
use crate::support::{
    Client, Connect, LIMIT, Message, Version, broker,
    client::find,
    codec::{Value, packet, properties},
    prop, unique, wait_for,
};

/// v3.1.1 [MQTT-3.1.2-4] [MQTT-3.1.2-5] [MQTT-3.1.3-2] [MQTT-3.2.2-2] [MQTT-3.2.2-3] [MQTT-4.1.0-1]
/// v5 [MQTT-3.1.2-5] [MQTT-3.1.2-6] [MQTT-3.2.2-2] [MQTT-3.2.2-3] [MQTT-4.1.0-1]
#[test]
fn subscriptions_and_messages_outlive_the_connection() {
    each(&ALL, |version| {
        let (id, topic) = (unique("c"), unique("t/"));
        let connect = lasting(version, &id);
        let mut client = connect.open(broker());
        assert!(!client.session_present);
        client.subscribe(&topic, 2);
        client.disconnect();
        let mut publisher = Client::new(version);
        for qos in 1..3 {
            publisher.publish(&topic, format!("{qos}"), qos);
        }
        let mut client = connect.open(broker());
        assert_eq!(client.session_present, version != Version::V3_1);
        assert_eq!(client.texts(), ["1", "2"]);
        publisher.publish(&topic, "now", 1);
        assert_eq!(client.message().text(), "now");
    });
}

/// v3.1.1 [MQTT-3.1.2-6] [MQTT-3.2.2-1] v5 [MQTT-3.1.2-4] [MQTT-3.2.2-2]
#[test]
fn a_clean_session_begins_anew() {
    each(&ALL, |version| {
        let (id, topic) = (unique("c"), unique("t/"));
        let mut client = lasting(version, &id).open(broker());
        client.subscribe(&topic, 1);
        client.disconnect();
        Client::new(version).publish(&topic, "lost", 1);
        let mut client = Connect::new(version).id(&id).open(broker());
        assert!(!client.session_present);
        Client::new(version).publish(&topic, "lost too", 1);
        assert_eq!(client.texts(), Vec::<String>::new());
        client.disconnect();
        let mut client = lasting(version, &id).open(broker());
        assert!(!client.session_present, "a clean session leaves nothing behind");
        assert_eq!(client.texts(), Vec::<String>::new());
    });
}

/// v5 [MQTT-3.1.2-23] [MQTT-4.1.0-2]
#[test]
fn a_session_without_expiry_ends_with_its_connection() {
    let id = unique("c");
    for expiry in [None, Some(0)] {
        let mut connect = Connect::new(V5).id(&id).clean(false);
        connect.props.extend(expiry.map(|e| prop::four(prop::SESSION_EXPIRY, e)));
        let mut client = connect.open(broker());
        client.subscribe(&unique("t/"), 1);
        client.cut();
        wait_for("the session ends", LIMIT, || !connect.open(broker()).session_present);
    }
}

/// v5 [MQTT-3.1.2-23] [MQTT-4.1.0-2]
#[test]
fn a_session_expires() {
    let id = unique("c");
    let connect = Connect::new(V5).id(&id).clean(false).with(prop::four(prop::SESSION_EXPIRY, 1));
    let topic = unique("t/");
    let mut client = connect.open(broker());
    client.subscribe(&topic, 1);
    client.disconnect();
    let back = connect.open(broker());
    assert!(back.session_present, "within its second");
    back.disconnect();
    // Looking at it would make it younger: what shows is that the queue is gone with the session.
    let gone = std::time::Instant::now() + std::time::Duration::from_millis(1600);
    wait_for("1.6 s", LIMIT, || std::time::Instant::now() > gone);
    assert!(!connect.open(broker()).session_present);
}

/// v5 3.14.2.2.2
#[test]
fn disconnect_changes_the_expiry() {
    let id = unique("c");
    let mut client = lasting(V5, &id).open(broker());
    let mut body = vec![0];
    body.extend(properties(&[prop::four(prop::SESSION_EXPIRY, 0)]));
    client.send(&packet(0xe0, &body));
    client.closed();
    assert!(!lasting(V5, &id).open(broker()).session_present);
}

/// v5 3.14.2.2.2: an expiry of zero in CONNECT cannot be raised by DISCONNECT.
#[test]
fn disconnect_cannot_make_a_session_last() {
    let mut client = Client::new(V5);
    let mut body = vec![0];
    body.extend(properties(&[prop::four(prop::SESSION_EXPIRY, 100)]));
    client.send(&packet(0xe0, &body));
    assert!(matches!(client.closed(), None | Some(0x82)));
}

/// v5 3.2.2.3.2: a server that keeps a session for less than asked says so.
#[test]
fn a_shorter_expiry_is_told() {
    let client = Connect::new(V5).with(prop::four(prop::SESSION_EXPIRY, u32::MAX)).open(broker());
    if let Some(value) = find(&client.props, prop::SESSION_EXPIRY) {
        assert!(matches!(value, Value::Four(1..)), "{value:?}");
    }
}

/// v3.1.1 [MQTT-3.1.4-2] v5 [MQTT-3.1.4-3]
#[test]
fn takeover_keeps_the_session() {
    each(&ALL, |version| {
        let (id, topic) = (unique("c"), unique("t/"));
        let mut old = lasting(version, &id).open(broker());
        old.subscribe(&topic, 1);
        Client::new(version).publish(&topic, "unacknowledged", 1);
        assert_eq!(old.unacknowledged().len(), 1);
        let mut new = lasting(version, &id).open(broker());
        assert_eq!(new.session_present, version != Version::V3_1);
        old.closed_with(0x8e);
        assert_eq!(new.texts(), ["unacknowledged"]);
    });
}

#[test]
fn queued_messages_keep_their_order_and_qos() {
    each(&ALL, |version| {
        let (id, topic) = (unique("c"), unique("t/"));
        let mut client = lasting(version, &id).open(broker());
        client.subscribe(&topic, 2);
        client.disconnect();
        let mut publisher = Client::new(version);
        let want: Vec<(String, u8)> =
            (0..100).map(|n| (n.to_string(), 1 + (n % 2) as u8)).collect();
        for (text, qos) in &want {
            publisher.publish(&topic, text, *qos);
        }
        let mut client = lasting(version, &id).open(broker());
        let seen: Vec<(String, u8)> = client.messages().iter().map(|m| (m.text(), m.qos)).collect();
        assert_eq!(seen, want);
    });
}

/// v5 [MQTT-3.3.2-5]
#[test]
fn queued_messages_expire() {
    let (id, topic) = (unique("c"), unique("t/"));
    let mut client = lasting(V5, &id).open(broker());
    client.subscribe(&topic, 1);
    client.disconnect();
    let mut publisher = Client::new(V5);
    publisher.publish_message(Message::new(&topic, "short", 1).with(prop::four(prop::EXPIRY, 1)));
    publisher.publish_message(Message::new(&topic, "long", 1).with(prop::four(prop::EXPIRY, 100)));
    let gone = std::time::Instant::now() + std::time::Duration::from_millis(1200);
    wait_for("1.2 s", LIMIT, || std::time::Instant::now() > gone);
    let mut client = lasting(V5, &id).open(broker());
    let seen = client.messages();
    assert_eq!(seen.iter().map(Message::text).collect::<Vec<_>>(), ["long"]);
    // v5 [MQTT-3.3.2-6]: the time it waited is taken off.
    assert!(matches!(seen[0].prop(prop::EXPIRY), Some(Value::Four(90..=99))), "{seen:?}");
}

#[test]
fn unsubscribe_lasts_too() {
    each(&NEW, |version| {
        let (id, topic) = (unique("c"), unique("t/"));
        let mut client = lasting(version, &id).open(broker());
        client.subscribe(&topic, 1);
        client.unsubscribe(&[&topic]);
        client.disconnect();
        Client::new(version).publish(&topic, "no", 1);
        let mut client = lasting(version, &id).open(broker());
        assert!(client.session_present);
        assert_eq!(client.texts(), Vec::<String>::new());
    });
}

#[test]
fn a_session_survives_a_change_of_version() {
    let (id, topic) = (unique("c"), unique("t/"));
    let mut client = lasting(Version::V3_1_1, &id).open(broker());
    client.subscribe(&topic, 1);
    client.disconnect();
    Client::new(V5).publish(&topic, "x", 1);
    let mut client = lasting(V5, &id).open(broker());
    assert!(client.session_present);
    assert_eq!(client.texts(), ["x"]);
}

#[test]
fn subscription_options_last() {
    let (id, topic) = (unique("c"), unique("t/"));
    let mut client = lasting(V5, &id).open(broker());
    client.subscribe_to(&[(&topic, 1 | 4 | 8)], &[prop::subscription_id(3)]);
    client.disconnect();
    let mut client = lasting(V5, &id).open(broker());
    client.publish(&topic, "own", 1);
    Client::new(V5).publish_message(Message::new(&topic, "other", 1).retain());
    let seen = client.messages();
    assert_eq!(seen.len(), 1, "{seen:?}");
    assert!(seen[0].retain);
    assert_eq!(seen[0].props, [prop::subscription_id(3)]);
}
