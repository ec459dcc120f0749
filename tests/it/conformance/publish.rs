//! PUBLISH (3.3): flags, topic, payload, delivery.

use super::{ALL, EITHER, NEW, V5, each, refused};
use crate::support::{
    Client, Message,
    codec::{cat, packet, properties_for, string},
    prop, unique,
};

/// v3.1.1 [MQTT-3.3.5-1] [MQTT-4.3.1-1] [MQTT-4.3.2-1] [MQTT-4.3.3-1] [MQTT-3.8.4-6]
/// v5 [MQTT-3.3.4-1] [MQTT-4.3.1-1] [MQTT-4.3.2-1] [MQTT-4.3.3-1] [MQTT-3.8.4-8]
#[test]
fn delivery_has_the_lower_of_both_qos() {
    each(&ALL, |version| {
        for granted in 0..3 {
            for published in 0..3 {
                let topic = unique("t/");
                let mut client = Client::new(version);
                assert_eq!(client.subscribe(&topic, granted), granted);
                Client::new(version).publish(&topic, "x", published);
                let message = client.message();
                assert_eq!(message.qos, granted.min(published), "{published} to {granted}");
                assert_eq!(client.texts().len(), 0, "once");
            }
        }
    });
}

#[test]
fn versions_reach_each_other() {
    for from in ALL {
        for to in ALL {
            let topic = unique("t/");
            let mut client = Client::new(to);
            client.subscribe(&topic, 2);
            let mut publisher = Client::new(from);
            for qos in 0..3 {
                publisher.publish(&topic, format!("{qos}"), qos);
            }
            assert_eq!(client.texts(), ["0", "1", "2"], "{from:?} to {to:?}");
        }
    }
}

#[test]
fn payloads_arrive_byte_for_byte() {
    each(&ALL, |version| {
        let topic = unique("t/");
        let mut client = Client::new(version);
        client.subscribe(&topic, 1);
        let mut publisher = Client::new(version);
        let all_bytes: Vec<u8> = (0..=255).collect();
        for payload in
            [vec![], vec![0], all_bytes, vec![7; 127], vec![7; 16384], vec![7; 1_000_000]]
        {
            publisher.publish(&topic, &payload, 1);
            assert!(client.message().payload == payload, "{} bytes", payload.len());
        }
    });
}

/// v3.1.1 [MQTT-3.3.1-1] [MQTT-3.3.1-3] v5 [MQTT-3.3.1-1] [MQTT-3.3.1-3]
#[test]
fn dup_is_not_passed_on() {
    each(&ALL, |version| {
        let topic = unique("t/");
        let mut client = Client::new(version);
        client.subscribe(&topic, 2);
        let mut publisher = Client::new(version);
        for qos in 1..3 {
            publisher.publish_message(Message::new(&topic, "x", qos).dup());
            assert!(!client.message().dup);
        }
    });
}

/// v3.1.1 [MQTT-3.3.1-2] v5 [MQTT-3.3.1-2]
#[test]
fn dup_on_qos_0_reaches_nobody_as_dup() {
    each(&NEW, |version| {
        let topic = unique("t/");
        let mut client = Client::new(version);
        client.subscribe(&topic, 2);
        let mut publisher = Client::new(version);
        publisher.send(&Message::new(&topic, "x", 0).dup().bytes(version));
        // Either the broker ends the connection or it takes the message; the decoder here checks DUP.
        Client::new(version).publish(&topic, "last", 1);
        let seen = client.texts();
        assert_eq!(seen.last().map(String::as_str), Some("last"));
    });
}

/// v3.1.1 [MQTT-3.3.1-4] v5 [MQTT-3.3.1-4]
#[test]
fn qos_3_is_malformed() {
    each(&ALL, |version| {
        let body = cat(&[&string("t"), &[0, 1], &properties_for(version, &[])]);
        refused(version, &packet(0x36, &body), EITHER);
    });
}

/// v3.1.1 [MQTT-3.3.2-1] [MQTT-3.3.2-2] [MQTT-4.7.1-1] [MQTT-4.7.3-1] [MQTT-4.7.3-2]
/// v5 [MQTT-3.3.2-1] [MQTT-3.3.2-2] [MQTT-4.7.0-1] [MQTT-4.7.3-1] [MQTT-4.7.3-2]
#[test]
fn bad_topic_names_are_refused() {
    each(&ALL, |version| {
        for topic in
            [&b"a/+"[..], b"#", b"a/#", b"+", b"", b"a\0b", b"\xff", b"\xed\xbf\xbf", b"a/\xc3"]
        {
            for qos in 0..3 {
                let id: &[u8] = if qos > 0 { &[0, 1] } else { &[] };
                let body = cat(&[&string(topic), id, &properties_for(version, &[])]);
                refused(version, &packet(0x30 | qos << 1, &body), &[0x81, 0x82, 0x90]);
            }
        }
    });
}

/// v3.1.1 [MQTT-2.3.1-1] v5 [MQTT-2.2.1-3]
#[test]
fn packet_identifier_zero_is_refused() {
    each(&ALL, |version| {
        let none = properties_for(version, &[]);
        for qos in 1..3 {
            let body = cat(&[&string("t"), &[0, 0], &none]);
            refused(version, &packet(0x30 | qos << 1, &body), EITHER);
        }
        refused(version, &packet(0x82, &cat(&[&[0, 0], &none, &string("t"), &[0]])), EITHER);
        refused(version, &packet(0xa2, &cat(&[&[0, 0], &none, &string("t")])), EITHER);
    });
}

/// v3.1.1 [MQTT-3.3.2-3] [MQTT-4.7.3-4] [MQTT-1.5.3-3] v5 [MQTT-3.3.2-3] [MQTT-4.7.3-4] [MQTT-1.5.4-3]
#[test]
fn topic_names_are_compared_byte_for_byte() {
    each(&NEW, |version| {
        let base = unique("T/");
        let names = [
            format!("{base}/\u{e9}"),
            format!("{base}/e\u{301}"),
            format!("{base}/\u{feff}e"),
            format!("{base}/E "),
        ];
        for name in &names {
            let mut client = Client::new(version);
            client.subscribe(name, 0);
            let mut publisher = Client::new(version);
            for other in &names {
                publisher.publish(other, other, 0);
            }
            publisher.publish(&name.to_lowercase().replace("t/", "x/"), "no", 0);
            assert_eq!(client.texts(), std::slice::from_ref(name));
        }
    });
}

/// v3.1.1 [MQTT-4.6.0-5] [MQTT-4.6.0-6] v5 [MQTT-4.6.0-5] [MQTT-4.6.0-6]
#[test]
fn messages_of_a_topic_keep_their_order() {
    each(&ALL, |version| {
        for qos in 0..3 {
            let topic = unique("t/");
            let mut client = Client::new(version);
            client.subscribe(&topic, qos);
            let mut publisher = Client::new(version);
            let want: Vec<String> = (0..50).map(|n| n.to_string()).collect();
            for (n, text) in want.iter().enumerate() {
                publisher.send(&Message::new(&topic, text, qos).id(n as u16 + 1).bytes(version));
                if qos == 2 && n % 20 == 19 {
                    (n - 19..=n).for_each(|n| {
                        publisher.complete(2, n as u16 + 1);
                    });
                }
            }
            let seen: Vec<String> = (0..50).map(|_| client.message().text()).collect();
            assert_eq!(seen, want, "QoS {qos}");
        }
    });
}

/// v3.1.1 [MQTT-3.3.5-1] v5 [MQTT-3.3.4-2]
#[test]
fn overlapping_filters_get_the_highest_qos() {
    each(&NEW, |version| {
        let topic = unique("t/");
        let mut client = Client::new(version);
        client.subscribe_to(
            &[(&format!("{topic}/#"), 0), (&format!("{topic}/+"), 2), (&format!("{topic}/a"), 1)],
            &[],
        );
        Client::new(version).publish(&format!("{topic}/a"), "x", 2);
        let seen = client.messages();
        assert!(seen.iter().any(|m| m.qos == 2), "{seen:?}");
        assert!(seen.len() == 1 || seen.len() == 3, "once, or once for each filter: {seen:?}");
    });
}

/// v5 [MQTT-3.3.2-19] [MQTT-3.3.4-6]
#[test]
fn clients_may_not_send_subscription_identifiers() {
    let message = Message::new(&unique("t/"), "x", 0).with(prop::subscription_id(1));
    refused(V5, &message.bytes(V5), EITHER);
}

/// v5 [MQTT-3.3.2-13] [MQTT-3.3.2-14]
#[test]
fn response_topic_is_a_topic_name() {
    for topic in ["a/+", "#"] {
        let message =
            Message::new(&unique("t/"), "x", 0).with(prop::text(prop::RESPONSE_TOPIC, topic));
        refused(V5, &message.bytes(V5), &[0x81, 0x82, 0x90]);
    }
}

#[test]
fn nobody_listening_is_acknowledged_all_the_same() {
    each(&ALL, |version| {
        let mut client = Client::new(version);
        for qos in 1..3 {
            let code = client.publish(&unique("nobody/"), "x", qos);
            assert!(matches!(code, 0 | 0x10), "{code:02x}");
        }
    });
}

#[test]
fn publisher_receives_its_own_messages() {
    each(&ALL, |version| {
        let topic = unique("t/");
        let mut client = Client::new(version);
        client.subscribe(&topic, 2);
        for qos in 0..3 {
            client.publish(&topic, format!("{qos}"), qos);
        }
        assert_eq!(client.texts(), ["0", "1", "2"]);
    });
}
