//! CONNECT and CONNACK (3.1, 3.2).

use std::time::{Duration, Instant};

use super::{
    ALL, EITHER, MALFORMED, NEW, PROTOCOL, V3, V5, each, expect_end, lasting, refused,
    refused_connect,
};
use crate::support::{
    Client, Connect, Message, Packet, Version, Will, broker,
    client::find,
    codec::{Value, cat, packet, string},
    prop, unique,
};

/// A CONNECT with every byte given: protocol name, level, flags, keep alive 0, no properties and `payload`.
fn connect(version: Version, name: &str, level: u8, flags: u8, payload: &[u8]) -> Vec<u8> {
    let properties: &[u8] = if version.is_v5() { &[0] } else { &[] };
    packet(0x10, &cat(&[&string(name), &[level, flags, 0, 0], properties, payload]))
}

fn plain(version: Version, flags: u8, payload: &[u8]) -> Vec<u8> {
    connect(version, version.protocol_name(), version.level(), flags, payload)
}

/// v3.1.1 [MQTT-3.1.0-1] v5 [MQTT-3.1.0-1]
#[test]
fn first_packet_must_be_connect() {
    let first: [&[u8]; 9] = [
        &[0xc0, 0],
        &[0xe0, 0],
        &[0x30, 4, 0, 1, b'a', b'x'],
        &[0x82, 6, 0, 1, 0, 1, b'a', 0],
        &[0xa2, 5, 0, 1, 0, 1, b'a'],
        &[0x40, 2, 0, 1],
        &[0x62, 2, 0, 1],
        &[0x20, 2, 0, 0],
        &[0xf0, 0],
    ];
    for bytes in first {
        assert_eq!(refused_connect(Version::V3_1_1, bytes), None, "CONNACK to {bytes:02x?}");
    }
}

/// v3.1.1 [MQTT-3.1.0-2] v5 [MQTT-3.1.0-2]
#[test]
fn second_connect_is_a_protocol_error() {
    each(&ALL, |version| {
        let mut client = Client::new(version);
        client.send(&Connect::new(version).id(&client.id.clone()).bytes());
        client.closed_with(0x82);
    });
}

/// v3.1.1 [MQTT-3.1.2-1] v5 [MQTT-3.1.2-1]
#[test]
fn unknown_protocol_name_is_refused() {
    for (name, level) in
        [("MQTX", 4), ("mqtt", 4), ("MQTT", 3), ("MQIsdp", 4), ("", 4), ("HTTP", 5)]
    {
        let version = if level == 5 { V5 } else { Version::V3_1_1 };
        refused_connect(version, &connect(version, name, level, 2, &string(unique("c"))));
    }
}

/// v3.1.1 [MQTT-3.1.2-2] [MQTT-3.2.2-4] [MQTT-3.2.2-5] v5 [MQTT-3.1.2-2]
#[test]
fn unknown_protocol_level_is_told() {
    for level in [0, 1, 2, 6, 7, 127] {
        let code =
            refused_connect(V5, &connect(Version::V3_1_1, "MQTT", level, 2, &string(unique("c"))));
        assert!(matches!(code, Some(1 | 0x84)), "level {level}: {code:02x?}");
    }
}

/// v3.1.1 [MQTT-3.1.2-3] v5 [MQTT-3.1.2-3]
#[test]
fn reserved_connect_flag_is_refused() {
    each(&NEW, |version| {
        refused_connect(version, &plain(version, 3, &string(unique("c"))));
    });
}

/// v3.1.1 [MQTT-3.1.2-11] [MQTT-3.1.2-13] [MQTT-3.1.2-14] [MQTT-3.1.2-15] v5 [MQTT-3.1.2-11] [MQTT-3.1.2-12] [MQTT-3.1.2-13]
#[test]
fn will_flags_must_agree() {
    each(&NEW, |version| {
        let id = string(unique("c"));
        for flags in [0x0a, 0x12, 0x22, 0x3a] {
            refused_connect(version, &plain(version, flags, &id));
        }
        let properties: &[u8] = if version.is_v5() { &[0] } else { &[] };
        let payload = cat(&[&id, properties, &string("t"), &string("x")]);
        refused_connect(version, &plain(version, 0x1e, &payload));
    });
}

/// v3.1.1 [MQTT-3.1.2-22] [MQTT-3.1.2-20] [MQTT-3.1.2-18]
#[test]
fn password_needs_a_user_name_before_v5() {
    each(&V3, |version| {
        let payload = cat(&[&string(unique("c")), &string("secret")]);
        refused_connect(version, &plain(version, 0x42, &payload));
    });
}

/// v5 [MQTT-3.1.2-17] [MQTT-3.1.2-18] [MQTT-3.1.2-19]
#[test]
fn password_alone_is_allowed_in_v5() {
    let mut connect = Connect::new(V5);
    connect.password = Some(b"secret".to_vec());
    connect.open(broker()).ping();
}

/// v3.1.1 [MQTT-3.1.2-9] [MQTT-3.1.2-19] [MQTT-3.1.2-21] [MQTT-3.1.3-1] [MQTT-3.1.3-3] [MQTT-3.1.4-4]
/// v5 [MQTT-3.1.2-9] [MQTT-3.1.2-16] [MQTT-3.1.3-1] [MQTT-3.1.3-3] [MQTT-3.1.4-5]
#[test]
fn all_payload_fields_in_their_order() {
    each(&ALL, |version| {
        let mut connect = Connect::new(version).will(Will::new(&unique("will/"), "gone"));
        connect.user = Some("somebody".to_owned());
        connect.password = Some(b"\0\xff binary".to_vec());
        connect.open(broker()).ping();
    });
}

/// v3.1.1 [MQTT-3.1.4-1] v5 [MQTT-3.1.4-1]
#[test]
fn fields_that_the_flags_do_not_announce_are_malformed() {
    each(&NEW, |version| {
        let id = string(unique("c"));
        refused_connect(version, &plain(version, 2, &cat(&[&id, &string("user")])));
        refused_connect(version, &plain(version, 0x82, &id));
        refused_connect(version, &plain(version, 0xc2, &cat(&[&id, &string("user")])));
        refused_connect(version, &plain(version, 6, &id));
    });
}

/// v3.1.1 [MQTT-3.1.3-5] v5 [MQTT-3.1.3-5]
#[test]
fn client_ids_of_letters_and_digits_are_allowed() {
    each(&ALL, |version| {
        let tail = unique("aZ09");
        for id in [tail.clone(), format!("{tail}{}", "x".repeat(23 - tail.len().min(22)))] {
            Connect::new(version).id(&id).open(broker()).ping();
        }
    });
}

/// v3.1.1 [MQTT-3.1.3-6] [MQTT-3.1.3-7] v5 [MQTT-3.1.3-6] [MQTT-3.1.3-7]
#[test]
fn empty_client_id_gets_a_session_of_its_own() {
    each(&NEW, |version| {
        let mut one = Connect::new(version).id("").open(broker());
        let mut two = Connect::new(version).id("").open(broker());
        assert!(!one.session_present && !two.session_present);
        one.ping();
        two.ping();
    });
}

/// v5 [MQTT-3.2.2-16] [MQTT-3.1.3-2]
#[test]
fn assigned_client_id_is_told_and_usable() {
    let connect = Connect::new(V5).id("").clean(true).with(prop::four(prop::SESSION_EXPIRY, 60));
    let (one, two) = (connect.open(broker()), connect.open(broker()));
    let Some(Value::Text(id)) = find(&one.props, prop::ASSIGNED_ID).cloned() else {
        panic!("no Assigned Client Identifier in {:?}", one.props)
    };
    assert_ne!(find(&two.props, prop::ASSIGNED_ID), Some(&Value::Text(id.clone())));
    one.disconnect();
    let back = Connect::new(V5).id(&id).clean(false).open(broker());
    assert!(back.session_present);
    assert_eq!(find(&back.props, prop::ASSIGNED_ID), None, "the client named itself");
}

/// v3.1.1 [MQTT-3.1.3-8] [MQTT-3.1.3-9]
#[test]
fn empty_client_id_needs_a_clean_session() {
    let bytes = Connect::new(Version::V3_1_1).id("").clean(false).bytes();
    assert_eq!(refused_connect(Version::V3_1_1, &bytes), Some(2));
}

/// v3.1.1 [MQTT-1.5.3-1] [MQTT-3.1.3-4] [MQTT-3.1.3-10] [MQTT-3.1.3-11] [MQTT-1.5.3-2]
/// v5 [MQTT-1.5.4-1] [MQTT-3.1.3-4] [MQTT-3.1.3-11] [MQTT-3.1.3-12] [MQTT-1.5.4-2]
#[test]
fn text_in_connect_is_utf8() {
    let faults: [&[u8]; 7] = [
        b"\xff",
        b"a\xc0\x80",
        b"\xed\xa0\x80",
        b"\xf8\x88\x80\x80\x80",
        b"\xe2\x82",
        b"a\0b",
        b"\xf4\x90\x80\x80",
    ];
    each(&ALL, |version| {
        let properties: &[u8] = if version.is_v5() { &[0] } else { &[] };
        for fault in faults {
            let id = string(unique("c"));
            refused_connect(version, &plain(version, 2, &string(fault)));
            refused_connect(version, &plain(version, 0x82, &cat(&[&id, &string(fault)])));
            let will = cat(&[&id, properties, &string(fault), &string("x")]);
            refused_connect(version, &plain(version, 6, &will));
        }
    });
}

/// v3.1.1 [MQTT-3.1.4-2] v5 [MQTT-3.1.4-3]
#[test]
fn same_client_id_takes_over() {
    each(&ALL, |version| {
        let mut old = Client::new(version);
        let mut new = Connect::new(version).id(&old.id).open(broker());
        old.closed_with(0x8e);
        new.ping();
    });
}

/// v3.1.1 [MQTT-3.2.0-1] v5 [MQTT-3.2.0-1] [MQTT-3.2.0-2]
#[test]
fn connack_comes_first_and_once() {
    each(&ALL, |version| {
        let (id, topic) = (unique("c"), unique("t/"));
        let connect = lasting(version, &id);
        let mut client = connect.open(broker());
        assert_eq!(client.subscribe(&topic, 1), 1);
        client.disconnect();
        Client::new(version).publish(&topic, "waiting", 1);
        let mut back = connect.open(broker());
        assert_eq!(back.messages().len(), 1);
        back.ping();
    });
}

/// v3.1.1 [MQTT-3.1.4-5] v5 [MQTT-3.1.4-5]
#[test]
fn packets_may_follow_connect_at_once() {
    each(&ALL, |version| {
        let topic = unique("t/");
        let mut client = Client::raw(version, broker());
        let connect = Connect::new(version).bytes();
        let subscribe = crate::support::client::subscribe_bytes(version, 1, &[(&topic, 1)], &[]);
        let publish = Message::new(&topic, "early", 1).id(2).bytes(version);
        client.send(&cat(&[&connect, &subscribe, &publish]));
        client.take_connack();
        assert_eq!(client.code, 0);
        assert_eq!(client.message().text(), "early");
    });
}

/// v3.1.1 [MQTT-3.1.4-5] v5 [MQTT-3.1.4-6]
#[test]
fn nothing_is_processed_after_a_refusal() {
    let topic = unique("t/");
    let mut witness = Client::new(V5);
    witness.subscribe(&topic, 0);
    let connect = Connect::new(Version::V3_1_1).id("").clean(false).bytes();
    let publish = Message::new(&topic, "never", 0).bytes(Version::V3_1_1);
    assert_eq!(refused_connect(Version::V3_1_1, &cat(&[&connect, &publish])), Some(2));
    assert_eq!(witness.texts(), Vec::<String>::new());
}

/// v3.1.1 [MQTT-3.1.2-24] v5 [MQTT-3.1.2-22]
#[test]
fn silence_past_the_keep_alive_ends_the_connection() {
    each(&ALL, |version| {
        let begin = Instant::now();
        let mut client = Connect::new(version).keep_alive(1).open(broker());
        client.closed_with(0x8d);
        assert!(
            begin.elapsed() >= Duration::from_millis(1400),
            "closed after {:?}",
            begin.elapsed()
        );
    });
}

/// v3.1.1 [MQTT-3.12.4-1] v5 [MQTT-3.12.4-1]
#[test]
fn ping_is_answered() {
    each(&ALL, |version| {
        let mut client = Client::new(version);
        client.send(&[0xc0, 0]);
        assert_eq!(client.recv(), Packet::PingResp);
    });
}

/// v5 [MQTT-3.1.2-28]
#[test]
fn response_information_only_on_request() {
    for wanted in [None, Some(0)] {
        let mut connect = Connect::new(V5);
        connect.props.extend(wanted.map(|v| prop::byte(prop::REQUEST_RESPONSE, v)));
        assert_eq!(find(&connect.open(broker()).props, prop::RESPONSE_INFORMATION), None);
    }
}

/// v5 [MQTT-3.1.2-29]
#[test]
fn no_problem_information_when_the_client_declines_it() {
    let mut client = Connect::new(V5).with(prop::byte(prop::REQUEST_PROBLEM, 0)).open(broker());
    let bytes = crate::support::client::subscribe_bytes(V5, 9, &[("bad/#/filter", 0)], &[]);
    client.send(&bytes);
    for packet in client.ended() {
        let props = match packet {
            Packet::SubAck { props, .. } => props,
            _ => continue,
        };
        assert!(props.is_empty(), "{props:?}");
    }
}

/// v5 [MQTT-4.12.0-1]
#[test]
fn unknown_authentication_method_is_refused() {
    let bytes = Connect::new(V5).with(prop::text(prop::AUTH_METHOD, "no-such-method")).bytes();
    assert_eq!(refused_connect(V5, &bytes), Some(0x8c));
}

/// v5 [MQTT-4.12.0-6]
#[test]
fn auth_without_a_method_is_a_protocol_error() {
    refused(V5, &[0xf0, 0], PROTOCOL);
    let bytes = Connect::new(V5).with(prop::binary(prop::AUTH_DATA, b"x")).bytes();
    assert_eq!(refused_connect(V5, &bytes), Some(0x82));
}

/// Values that v5 3.1.2.11 calls a Protocol Error.
#[test]
fn connect_properties_with_bad_values_are_refused() {
    let faults = [
        vec![prop::two(prop::RECEIVE_MAXIMUM, 0)],
        vec![prop::four(prop::MAXIMUM_PACKET, 0)],
        vec![prop::byte(prop::REQUEST_PROBLEM, 2)],
        vec![prop::byte(prop::REQUEST_RESPONSE, 2)],
        vec![prop::two(prop::RECEIVE_MAXIMUM, 1), prop::two(prop::RECEIVE_MAXIMUM, 1)],
        vec![prop::four(prop::SESSION_EXPIRY, 1), prop::four(prop::SESSION_EXPIRY, 1)],
        vec![prop::two(prop::ALIAS_MAXIMUM, 1), prop::two(prop::ALIAS_MAXIMUM, 1)],
    ];
    for props in faults {
        let mut connect = Connect::new(V5);
        connect.props = props;
        let code = refused_connect(V5, &connect.bytes());
        assert!(matches!(code, Some(0x81 | 0x82)), "{:?}: {code:02x?}", connect.props);
    }
}

/// A property of another packet is malformed (v5 2.2.2.2).
#[test]
fn connect_with_properties_of_another_packet_is_refused() {
    for property in
        [prop::two(prop::ALIAS, 1), prop::byte(prop::FORMAT, 1), prop::byte(prop::MAXIMUM_QOS, 1)]
    {
        let code = refused_connect(V5, &Connect::new(V5).with(property.clone()).bytes());
        assert!(matches!(code, Some(0x81 | 0x82)), "{property:?}: {code:02x?}");
    }
}

/// A keep alive above the cap of the server is lowered, and the client is told (v5 3.2.2.3.14).
#[test]
fn long_keep_alive_is_lowered() {
    let client = Connect::new(V5).keep_alive(65535).open(broker());
    match find(&client.props, prop::SERVER_KEEP_ALIVE) {
        Some(Value::Two(seconds)) => assert!((1..65535).contains(seconds)),
        other => panic!("Server Keep Alive: {other:?}"),
    }
}

/// v3.1.1 [MQTT-2.2.2-1] [MQTT-2.2.2-2] [MQTT-3.8.1-1] [MQTT-3.10.1-1] [MQTT-3.6.1-1]
/// v5 [MQTT-2.1.3-1] [MQTT-3.8.1-1] [MQTT-3.10.1-1] [MQTT-3.6.1-1]
#[test]
fn reserved_bits_of_the_first_byte_are_checked() {
    each(&NEW, |version| {
        let properties: &[u8] = if version.is_v5() { &[0] } else { &[] };
        let subscribe = cat(&[&[0, 1], properties, &string("a"), &[0]]);
        let unsubscribe = cat(&[&[0, 1], properties, &string("a")]);
        for flags in [0, 1, 3, 4, 8, 15] {
            refused(version, &packet(0x80 | flags, &subscribe), MALFORMED);
            refused(version, &packet(0xa0 | flags, &unsubscribe), MALFORMED);
            refused(version, &packet(0x60 | flags, &[0, 1]), MALFORMED);
        }
        for flags in [1, 2, 8] {
            refused(version, &packet(0xc0 | flags, &[]), MALFORMED);
            refused(version, &packet(0xe0 | flags, &[]), MALFORMED);
            refused(version, &packet(0x40 | flags, &[0, 1]), MALFORMED);
        }
    });
}

/// v3.1.1 [MQTT-4.8.0-1] [MQTT-4.8.0-2] v5 [MQTT-4.13.1-1]
#[test]
fn packets_only_a_server_sends_are_refused() {
    each(&NEW, |version| {
        for bytes in
            [&[0x20, 2, 0, 0][..], &[0x90, 3, 0, 1, 0], &[0xb0, 2, 0, 1], &[0xd0, 0], &[0, 0]]
        {
            refused(version, bytes, EITHER);
        }
        if !version.is_v5() {
            refused(version, &[0xf0, 0], EITHER);
        }
    });
}

/// v5 [MQTT-1.5.5-1]
#[test]
fn remaining_length_has_at_most_four_bytes() {
    each(&NEW, |version| {
        let mut client = Client::new(version);
        let bytes = [0x30, 0xff, 0xff, 0xff, 0xff, 0x7f];
        client.send(&bytes);
        expect_end(&mut client, &bytes, MALFORMED);
    });
}
