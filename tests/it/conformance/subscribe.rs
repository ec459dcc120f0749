//! SUBSCRIBE, SUBACK, UNSUBSCRIBE, UNSUBACK (3.8 to 3.11).

use super::{ALL, EITHER, NEW, V5, each, refused};
use crate::support::{
    Client, Packet,
    client::{subscribe_bytes, unsubscribe_bytes},
    codec::{cat, packet, properties_for, string},
    prop, unique,
};

/// v3.1.1 [MQTT-3.8.4-1] [MQTT-3.8.4-2] [MQTT-2.3.1-7] v5 [MQTT-3.8.4-1] [MQTT-3.8.4-2] [MQTT-2.2.1-6]
#[test]
fn suback_has_the_packet_identifier_of_subscribe() {
    each(&ALL, |version| {
        let mut client = Client::new(version);
        for id in [1, 2, 255, 256, 65535, 7] {
            client.send(&subscribe_bytes(version, id, &[(&unique("t/"), 0)], &[]));
            match client.recv() {
                Packet::SubAck { id: got, .. } => assert_eq!(got, id),
                other => panic!("{other:?}"),
            }
            client.send(&unsubscribe_bytes(version, id, &["t"]));
            match client.recv() {
                Packet::UnsubAck { id: got, .. } => assert_eq!(got, id),
                other => panic!("{other:?}"),
            }
        }
    });
}

/// v3.1.1 [MQTT-3.8.4-4] [MQTT-3.8.4-5] [MQTT-3.9.3-1] [MQTT-3.9.3-2] v5 [MQTT-3.8.4-5] [MQTT-3.8.4-6] [MQTT-3.8.4-7] [MQTT-3.9.3-1] [MQTT-3.9.3-2]
#[test]
fn suback_has_one_code_for_each_filter_in_order() {
    each(&ALL, |version| {
        let mut client = Client::new(version);
        let names: Vec<String> = (0..5).map(|_| unique("t/")).collect();
        let filters: Vec<(&str, u8)> =
            names.iter().map(String::as_str).zip([0, 1, 2, 1, 0]).collect();
        assert_eq!(client.subscribe_to(&filters, &[]), [0, 1, 2, 1, 0]);
        let mut publisher = Client::new(version);
        for name in &names {
            publisher.publish(name, name, 2);
        }
        let seen: Vec<u8> = client.messages().iter().map(|m| m.qos).collect();
        assert_eq!(seen, [0, 1, 2, 1, 0]);
    });
}

/// v3.1.1 [MQTT-3.8.4-3] v5 [MQTT-3.8.4-3]
#[test]
fn same_filter_again_replaces_the_subscription() {
    each(&ALL, |version| {
        for filter in ["", "/+", "/#"] {
            let topic = unique("t/");
            let filter = format!("{topic}{filter}");
            let name = if filter == topic { topic.clone() } else { format!("{topic}/a") };
            let mut client = Client::new(version);
            assert_eq!(client.subscribe(&filter, 0), 0);
            assert_eq!(client.subscribe(&filter, 1), 1);
            Client::new(version).publish(&name, "x", 2);
            let seen = client.messages();
            assert_eq!(seen.iter().map(|m| m.qos).collect::<Vec<_>>(), [1], "{filter}");
        }
    });
}

/// v3.1.1 [MQTT-3.8.3-3] [MQTT-3.10.3-2] v5 [MQTT-3.8.3-2] [MQTT-3.10.3-2]
#[test]
fn a_filter_is_required() {
    each(&ALL, |version| {
        let body = cat(&[&[0, 1], &properties_for(version, &[])]);
        refused(version, &packet(0x82, &body), EITHER);
        refused(version, &packet(0xa2, &body), EITHER);
    });
}

/// v3.1.1 [MQTT-3.8.3-4] v5 [MQTT-3.8.3-5]
#[test]
fn reserved_subscription_options_are_refused() {
    each(&NEW, |version| {
        let faults: &[u8] = if version.is_v5() {
            &[3, 0x30, 0x40, 0x80, 0xc1]
        } else {
            &[3, 4, 8, 0x10, 0x80, 0xff]
        };
        for options in faults {
            refused(
                version,
                &subscribe_bytes(version, 1, &[(&unique("t/"), *options)], &[]),
                EITHER,
            );
        }
    });
}

/// v3.1.1 [MQTT-3.10.4-1] [MQTT-3.10.4-2] [MQTT-3.10.4-4] [MQTT-3.10.4-5] [MQTT-3.10.4-6]
/// v5 [MQTT-3.10.4-1] [MQTT-3.10.4-2] [MQTT-3.10.4-4] [MQTT-3.10.4-5] [MQTT-3.10.4-6] [MQTT-3.11.3-1] [MQTT-3.11.3-2]
#[test]
fn unsubscribe_ends_the_named_subscriptions_only() {
    each(&ALL, |version| {
        let topic = unique("t/");
        let (one, two, three) = (format!("{topic}/+"), format!("{topic}/#"), format!("{topic}/a"));
        let mut client = Client::new(version);
        client.subscribe_to(&[(&one, 1), (&two, 1), (&three, 1)], &[]);
        let codes = client.unsubscribe(&[&one, "never/subscribed", &two]);
        if version.is_v5() {
            assert_eq!(codes, [0, 0x11, 0]);
        }
        let mut publisher = Client::new(version);
        publisher.publish(&format!("{topic}/b"), "no", 1);
        publisher.publish(&three, "yes", 1);
        assert_eq!(client.texts(), ["yes"]);
        client.unsubscribe(&[&three]);
        publisher.publish(&three, "no", 1);
        assert_eq!(client.texts(), Vec::<String>::new());
    });
}

/// v3.1.1 [MQTT-3.10.4-3] v5 [MQTT-3.10.4-3]
#[test]
fn delivery_begun_before_unsubscribe_is_completed() {
    each(&ALL, |version| {
        let topic = unique("t/");
        let mut client = Client::new(version);
        client.subscribe(&topic, 2);
        Client::new(version).publish(&topic, "begun", 2);
        let message = client.raw_message();
        client.unsubscribe(&[&topic]);
        client.acknowledge(&message);
        client.ping();
    });
}

/// v5 [MQTT-3.8.3-3]
#[test]
fn no_local_keeps_own_messages_away() {
    let topic = unique("t/");
    let mut client = Client::new(V5);
    client.subscribe(&topic, 4 | 1);
    client.publish(&topic, "own", 1);
    Client::new(V5).publish(&topic, "other", 1);
    assert_eq!(client.texts(), ["other"]);
}

/// v5 [MQTT-3.3.4-3] [MQTT-3.3.4-4] [MQTT-3.3.4-5]
#[test]
fn subscription_identifiers_come_with_the_messages() {
    let topic = unique("t/");
    let mut client = Client::new(V5);
    client.subscribe_to(&[(&format!("{topic}/+"), 1)], &[prop::subscription_id(7)]);
    client.subscribe_to(&[(&format!("{topic}/#"), 1)], &[prop::subscription_id(268_435_455)]);
    client.subscribe_to(&[(&format!("{topic}/a"), 1)], &[]);
    Client::new(V5).publish(&format!("{topic}/a"), "x", 1);
    let mut seen: Vec<_> = client.messages().into_iter().flat_map(|m| m.props).collect();
    seen.sort_by_key(|(_, value)| format!("{value:?}"));
    assert_eq!(seen, [prop::subscription_id(268_435_455), prop::subscription_id(7)]);
}

#[test]
fn a_new_subscribe_replaces_the_subscription_identifier() {
    let topic = unique("t/");
    let mut client = Client::new(V5);
    client.subscribe_to(&[(&topic, 1)], &[prop::subscription_id(1)]);
    client.subscribe_to(&[(&topic, 1)], &[prop::subscription_id(2)]);
    Client::new(V5).publish(&topic, "x", 1);
    assert_eq!(client.message().props, [prop::subscription_id(2)]);
    client.subscribe_to(&[(&topic, 1)], &[]);
    Client::new(V5).publish(&topic, "x", 1);
    assert_eq!(client.message().props, []);
}

/// v5 3.8.2.1.2: the value zero and a second identifier are Protocol Errors.
#[test]
fn bad_subscription_identifiers_are_refused() {
    for props in
        [vec![prop::subscription_id(0)], vec![prop::subscription_id(1), prop::subscription_id(2)]]
    {
        refused(V5, &subscribe_bytes(V5, 1, &[("t", 0)], &props), EITHER);
    }
}

#[test]
fn a_hundred_filters_in_one_packet() {
    each(&ALL, |version| {
        let topic = unique("t/");
        let names: Vec<String> = (0..100).map(|n| format!("{topic}/{n}")).collect();
        let filters: Vec<(&str, u8)> = names.iter().map(|name| (name.as_str(), 1)).collect();
        let mut client = Client::new(version);
        assert_eq!(client.subscribe_to(&filters, &[]), vec![1; 100]);
        Client::new(version).publish(&names[99], "x", 1);
        assert_eq!(client.message().topic, names[99]);
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        let codes = client.unsubscribe(&names);
        assert!(!version.is_v5() || codes == vec![0; 100], "{codes:02x?}");
    });
}

/// The one bad filter costs the good ones nothing, unless the broker ends the connection.
#[test]
fn options_without_their_filter_are_malformed() {
    each(&ALL, |version| {
        let none = properties_for(version, &[]);
        refused(version, &packet(0x82, &cat(&[&[0, 1], &none, &string("t")])), EITHER);
        refused(version, &packet(0x82, &cat(&[&[0, 1], &none, &string("t"), &[0, 0]])), EITHER);
    });
}
