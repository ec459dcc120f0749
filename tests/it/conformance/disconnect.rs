//! DISCONNECT (3.14) and the way connections end (4.13).

use super::{ALL, MALFORMED, NEW, PROTOCOL, V5, each, refused};
use crate::support::{Client, Connect, Message, broker, codec::packet, unique};

/// v3.1.1 [MQTT-3.14.4-1] [MQTT-3.14.4-2] v5 [MQTT-3.14.4-1] [MQTT-3.14.4-2]
#[test]
fn the_connection_ends_after_disconnect() {
    each(&ALL, |version| {
        let mut client = Client::new(version);
        client.send(&[0xe0, 0]);
        assert_eq!(client.closed(), None);
    });
}

#[test]
fn nothing_after_disconnect_is_processed() {
    each(&ALL, |version| {
        let topic = unique("t/");
        let mut witness = Client::new(version);
        witness.subscribe(&topic, 0);
        let mut client = Client::new(version);
        let late = Message::new(&topic, "late", 0).bytes(version);
        client.send(&[&[0xe0, 0][..], &late].concat());
        client.closed();
        assert_eq!(witness.texts(), Vec::<String>::new());
    });
}

/// v3.1.1 [MQTT-3.14.1-1] v5 [MQTT-3.14.1-1]
#[test]
fn reserved_bits_are_checked() {
    each(&NEW, |version| {
        for flags in [1, 2, 4, 8] {
            refused(version, &[0xe0 | flags, 0], MALFORMED);
        }
    });
}

#[test]
fn all_forms_of_disconnect_are_understood() {
    for body in [&[][..], &[0], &[0, 0], &[4], &[0x80], &[0, 7, 38, 0, 1, b'a', 0, 1, b'b']] {
        let mut client = Client::new(V5);
        client.send(&packet(0xe0, body));
        assert_eq!(client.closed(), None, "{body:02x?}");
    }
}

/// v5 [MQTT-3.14.2-1]
#[test]
fn bad_disconnects_are_refused() {
    for body in [&[0, 1][..], &[0, 2, 1, 1], &[0, 5, 31, 0, 9, b'x', b'y']] {
        let mut client = Client::new(V5);
        client.send(&packet(0xe0, body));
        assert!(matches!(client.closed(), None | Some(0x81 | 0x82)), "{body:02x?}");
    }
}

/// v3.1.1 [MQTT-4.8.0-1] v5 [MQTT-4.13.1-1] [MQTT-3.14.4-3]
#[test]
fn an_error_ends_only_its_connection() {
    each(&ALL, |version| {
        let topic = unique("t/");
        let mut witness = Client::new(version);
        witness.subscribe(&topic, 1);
        for _ in 0..20 {
            let mut client = Client::new(version);
            client.send(&[0x36, 0xff]);
            client.cut();
        }
        Client::new(version).publish(&topic, "still here", 1);
        assert_eq!(witness.message().text(), "still here");
    });
}

/// v5 [MQTT-4.13.2-1]
#[test]
fn refusing_connects_close_the_connection() {
    let mut client = Client::raw(V5, broker());
    let mut connect = Connect::new(V5);
    connect.props.push(crate::support::prop::two(crate::support::prop::RECEIVE_MAXIMUM, 0));
    client.send(&connect.bytes());
    client.ended();
}

#[test]
fn auth_needs_the_method_of_connect() {
    refused(V5, &[0xf0, 2, 0x19, 0], PROTOCOL);
}

#[test]
fn bytes_that_are_no_mqtt_end_the_connection() {
    for bytes in [
        &b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"[..],
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        b"\0\0\0\0\0\0\0\0",
    ] {
        let mut client = Client::raw(V5, broker());
        client.send(bytes);
        client.ended();
    }
}
