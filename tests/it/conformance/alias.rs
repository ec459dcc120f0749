//! Topic Aliases (v5 3.3.2.3.4).

use super::{V5, expect_end};
use crate::support::{Client, Connect, Message, broker, client::find, codec::Value, prop, unique};

fn alias(topic: &str, text: &str, alias: u16) -> Message {
    Message::new(topic, text, 1).with(prop::two(prop::ALIAS, alias))
}

fn maximum(client: &Client) -> u16 {
    match find(&client.props, prop::ALIAS_MAXIMUM) {
        Some(Value::Two(count)) => *count,
        _ => 0,
    }
}

/// v5 [MQTT-3.3.2-12]
#[test]
fn clients_may_use_every_alias_the_server_allows() {
    let topic = unique("t/");
    let mut witness = Client::new(V5);
    witness.subscribe(&format!("{topic}/#"), 1);
    let mut client = Client::new(V5);
    let count = maximum(&client);
    assert!(count > 0, "the broker takes aliases");
    for n in 1..=count {
        client.publish_message(alias(&format!("{topic}/{n}"), &n.to_string(), n));
    }
    for n in (1..=count).rev() {
        client.publish_message(alias("", &n.to_string(), n));
    }
    let seen = witness.messages();
    assert_eq!(seen.len(), usize::from(count) * 2);
    assert!(seen.iter().all(|m| m.topic == format!("{topic}/{}", m.text())), "{seen:?}");
    assert!(seen.iter().all(|m| m.prop(prop::ALIAS).is_none()), "aliases are not passed on");
}

#[test]
fn an_alias_can_be_given_another_topic() {
    let topic = unique("t/");
    let mut client = Client::new(V5);
    client.subscribe(&format!("{topic}/#"), 0);
    client.publish_message(alias(&format!("{topic}/a"), "1", 1));
    client.publish_message(alias(&format!("{topic}/b"), "2", 1));
    client.publish_message(alias("", "3", 1));
    let seen: Vec<String> = client.messages().iter().map(|m| m.topic.replace(&topic, "")).collect();
    assert_eq!(seen, ["/a", "/b", "/b"]);
}

/// v5 [MQTT-3.3.2-7] [MQTT-3.3.2-8] [MQTT-3.3.2-9] [MQTT-3.3.2-10]
#[test]
fn bad_aliases_end_the_connection() {
    let topic = unique("t/");
    let over = maximum(&Client::new(V5)).saturating_add(1);
    for (message, codes) in [
        (alias(&topic, "zero", 0), &[0x94, 0x82][..]),
        (alias(&topic, "over", over), &[0x94]),
        (alias("", "unknown", 1), &[0x82]),
    ] {
        let mut client = Client::new(V5);
        let bytes = message.id(1).bytes(V5);
        client.send(&bytes);
        expect_end(&mut client, &bytes, codes);
    }
}

/// v5 [MQTT-3.3.2-7]
#[test]
fn aliases_end_with_the_connection() {
    let id = unique("c");
    let mut client = super::lasting(V5, &id).open(broker());
    client.publish_message(alias(&unique("t/"), "x", 1));
    client.cut();
    let mut client = super::lasting(V5, &id).open(broker());
    let bytes = alias("", "x", 1).id(1).bytes(V5);
    client.send(&bytes);
    expect_end(&mut client, &bytes, &[0x82]);
}

/// v5 [MQTT-3.1.2-26] [MQTT-3.1.2-27] [MQTT-3.3.2-11]
#[test]
fn the_server_keeps_to_the_aliases_of_the_client() {
    for allowed in [None, Some(0), Some(1), Some(3)] {
        let topic = unique("t/");
        let mut connect = Connect::new(V5);
        connect.props.extend(allowed.map(|n| prop::two(prop::ALIAS_MAXIMUM, n)));
        let mut client = connect.open(broker());
        client.subscribe(&format!("{topic}/#"), 1);
        let mut publisher = Client::new(V5);
        for round in 0..3 {
            for n in 0..6 {
                publisher.publish(&format!("{topic}/{n}"), format!("{round}"), 1);
            }
        }
        let mut known = std::collections::BTreeMap::new();
        for number in 0..18 {
            let message = client.message();
            let name = match message.prop(prop::ALIAS) {
                Some(Value::Two(alias)) => {
                    assert!(
                        (1..=allowed.unwrap_or(0)).contains(alias),
                        "alias {alias} of {allowed:?}"
                    );
                    if !message.topic.is_empty() {
                        known.insert(*alias, message.topic.clone());
                    }
                    known.get(alias).expect("an alias with a topic").clone()
                }
                _ => message.topic,
            };
            assert_eq!(name, format!("{topic}/{}", number % 6));
        }
    }
}
