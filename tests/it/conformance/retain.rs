//! Retained messages (3.3.1.3).

use super::{ALL, NEW, V5, each, lasting};
use crate::support::{
    Client, Connect, Message, Version, broker, codec::Value, prop, unique, wait_for,
    wait_for_copies,
};

#[track_caller]
fn retain(version: Version, topic: &str, payload: &str, qos: u8) {
    retain_message(version, Message::new(topic, payload, qos));
}

/// Publishes it with the flag; returns when every node has it.
#[track_caller]
fn retain_message(version: Version, message: Message) {
    let (topic, text) = (message.topic.clone(), message.text());
    Client::new(version).publish_message(message.retain());
    let want = [text];
    wait_for_copies(&topic, &want[usize::from(want[0].is_empty())..]);
}

#[track_caller]
fn retained(version: Version, filter: &str) -> Vec<Message> {
    let mut client = Client::new(version);
    client.subscribe(filter, 2);
    client.messages()
}

/// v3.1.1 [MQTT-3.3.1-5] [MQTT-3.3.1-6] [MQTT-3.3.1-8] v5 [MQTT-3.3.1-5] [MQTT-3.3.1-9]
#[test]
fn new_subscriptions_get_the_retained_message() {
    each(&ALL, |version| {
        for qos in 0..3 {
            let topic = unique("t/");
            retain(version, &topic, "kept", qos);
            for filter in [topic.clone(), format!("{topic}/#"), topic.replace("t/", "+/")] {
                let seen = retained(version, &filter);
                assert_eq!(seen.len(), 1, "{filter}");
                assert!(
                    seen[0].retain && seen[0].qos == qos && seen[0].text() == "kept",
                    "{seen:?}"
                );
            }
            retain(version, &topic, "", 0);
        }
    });
}

/// v3.1.1 [MQTT-3.3.1-5] [MQTT-3.3.1-7] v5 [MQTT-3.3.1-5]
#[test]
fn the_last_retained_message_replaces_the_others() {
    each(&ALL, |version| {
        let topic = unique("t/");
        for qos in [2, 0, 1] {
            retain(version, &topic, &format!("{qos}"), qos);
        }
        let seen = retained(version, &topic);
        assert_eq!(seen.iter().map(Message::text).collect::<Vec<_>>(), ["1"]);
    });
}

/// v3.1.1 [MQTT-3.3.1-9] v5 [MQTT-3.3.1-12]
#[test]
fn existing_subscriptions_get_it_without_the_flag() {
    each(&ALL, |version| {
        let topic = unique("t/");
        let mut client = Client::new(version);
        client.subscribe(&topic, 1);
        retain(version, &topic, "now", 1);
        assert!(!client.message().retain);
    });
}

/// v3.1.1 [MQTT-3.1.2-7]
#[test]
fn retained_messages_outlive_the_session_of_their_publisher() {
    each(&ALL, |version| {
        let topic = unique("t/");
        let id = unique("c");
        let mut client = lasting(version, &id).open(broker());
        client.publish_message(Message::new(&topic, "kept", 1).retain());
        client.disconnect();
        // Clean Start ends the session.
        Connect::new(version).id(&id).open(broker()).disconnect();
        assert_eq!(retained(version, &topic).len(), 1);
    });
}

/// v3.1.1 [MQTT-3.3.1-10] [MQTT-3.3.1-11] v5 [MQTT-3.3.1-6] [MQTT-3.3.1-7]
#[test]
fn an_empty_payload_removes_it() {
    each(&ALL, |version| {
        let topic = unique("t/");
        retain(version, &topic, "kept", 1);
        let mut client = Client::new(version);
        client.subscribe(&topic, 1);
        assert_eq!(client.texts(), ["kept"]);
        retain(version, &topic, "", 1);
        let message = client.message();
        assert!(
            message.payload.is_empty() && !message.retain,
            "those who are there get it: {message:?}"
        );
        assert_eq!(retained(version, &topic), []);
        retain(version, &topic, "", 0);
        assert_eq!(retained(version, &topic), [], "an empty payload is never kept");
    });
}

/// v3.1.1 [MQTT-3.3.1-12] v5 [MQTT-3.3.1-8]
#[test]
fn messages_without_the_flag_change_nothing() {
    each(&ALL, |version| {
        let topic = unique("t/");
        retain(version, &topic, "kept", 1);
        Client::new(version).publish(&topic, "passing", 1);
        Client::new(version).publish(&topic, "", 1);
        let seen = retained(version, &topic);
        assert_eq!(seen.iter().map(Message::text).collect::<Vec<_>>(), ["kept"]);
    });
}

/// v3.1.1 [MQTT-3.8.4-3] v5 [MQTT-3.8.4-4] [MQTT-3.3.1-9]
#[test]
fn subscribing_again_gets_it_again() {
    each(&ALL, |version| {
        let topic = unique("t/");
        retain(version, &topic, "kept", 1);
        let mut client = Client::new(version);
        for _ in 0..3 {
            client.subscribe(&topic, 1);
            assert_eq!(client.texts(), ["kept"]);
        }
    });
}

/// v5 [MQTT-3.3.1-9] [MQTT-3.3.1-10] [MQTT-3.3.1-11]
#[test]
fn retain_handling_says_when() {
    for (handling, want) in [(0, [1, 1]), (1, [1, 0]), (2, [0, 0])] {
        let topic = unique("t/");
        retain(V5, &topic, "kept", 1);
        let mut client = Client::new(V5);
        for count in want {
            client.subscribe(&topic, 1 | handling << 4);
            assert_eq!(client.texts().len(), count, "Retain Handling {handling}");
        }
        client.unsubscribe(&[&topic]);
        client.subscribe(&topic, 1 | handling << 4);
        assert_eq!(client.texts().len(), want[0], "new again with {handling}");
    }
}

/// v5 [MQTT-3.3.1-12] [MQTT-3.3.1-13]
#[test]
fn retain_as_published_keeps_the_flag() {
    let topic = unique("t/");
    let mut plain = Client::new(V5);
    let mut keeps = Client::new(V5);
    plain.subscribe(&topic, 1);
    keeps.subscribe(&topic, 1 | 8);
    retain(V5, &topic, "with", 1);
    Client::new(V5).publish(&topic, "without", 1);
    let flags =
        |client: &mut Client| client.messages().iter().map(|m| m.retain).collect::<Vec<_>>();
    assert_eq!(flags(&mut plain), [false, false]);
    assert_eq!(flags(&mut keeps), [true, false]);
}

/// v5 [MQTT-3.3.2-5] [MQTT-3.3.2-6]
#[test]
fn retained_messages_expire() {
    let topic = unique("t/");
    let message = Message::new(&topic, "short", 1).retain().with(prop::four(prop::EXPIRY, 1));
    Client::new(V5).publish_message(message);
    let message = Message::new(&format!("{topic}/long"), "long", 1);
    retain_message(V5, message.with(prop::four(prop::EXPIRY, 100)));
    wait_for("the message expires", crate::support::LIMIT, || retained(V5, &topic).is_empty());
    match retained(V5, &format!("{topic}/long"))[0].prop(prop::EXPIRY) {
        Some(Value::Four(left)) => assert!((90..=99).contains(left), "{left} s left"),
        other => panic!("{other:?}"),
    }
}

#[test]
fn retained_messages_keep_their_properties() {
    let topic = unique("t/");
    let message = Message::new(&topic, "x", 1)
        .with(prop::text(prop::CONTENT_TYPE, "text/plain"))
        .with(prop::user("a", "1"))
        .with(prop::user("a", "2"));
    let props = message.props.clone();
    retain_message(V5, message);
    assert_eq!(retained(V5, &topic)[0].props, props);
}

#[test]
fn retained_messages_have_the_subscription_identifier() {
    let topic = unique("t/");
    retain(V5, &topic, "x", 1);
    let mut client = Client::new(V5);
    client.subscribe_to(&[(&topic, 1)], &[prop::subscription_id(5)]);
    assert_eq!(client.messages()[0].props, [prop::subscription_id(5)]);
}

/// v5 4.8.2: a shared subscription gets no retained messages when it begins.
#[test]
fn shared_subscriptions_get_no_retained_messages() {
    let topic = unique("t/");
    retain(V5, &topic, "x", 1);
    assert_eq!(retained(V5, &format!("$share/g/{topic}")), []);
}

#[test]
fn many_retained_messages_match_one_wildcard() {
    each(&NEW, |version| {
        let topic = unique("many");
        let mut client = Client::new(version);
        for n in 0..200 {
            client.send(
                &Message::new(&format!("{topic}/{n}/x"), format!("{n}"), 0).retain().bytes(version),
            );
        }
        client.ping();
        let texts: Vec<String> = (0..200).map(|n| n.to_string()).collect();
        wait_for_copies(&format!("{topic}/+/x"), &texts);
        let mut seen: Vec<u32> = retained(version, &format!("{topic}/+/x"))
            .iter()
            .map(|m| m.text().parse().unwrap())
            .collect();
        seen.sort_unstable();
        assert_eq!(seen, (0..200).collect::<Vec<_>>());
    });
}

/// A resumed session is no new subscription.
#[test]
fn resuming_a_session_sends_no_retained_messages() {
    each(&ALL, |version| {
        let (id, topic) = (unique("c"), unique("t/"));
        let mut client = lasting(version, &id).open(broker());
        client.subscribe(&topic, 1);
        client.disconnect();
        let mut client = lasting(version, &id).open(broker());
        retain(version, &topic, "once", 1);
        assert_eq!(client.texts(), ["once"]);
        client.disconnect();
        assert_eq!(lasting(version, &id).open(broker()).texts(), Vec::<String>::new());
    });
}
