//! WebSocket as transport (v3.1.1 6, v5 6).

use std::{
    io::{Read, Write},
    net::{SocketAddr, TcpStream},
    sync::OnceLock,
};

use super::{Connect, NEW, each};
use crate::support::{
    Client, LIMIT, Node,
    node::{free_mesh_number, free_port},
    wire::{WebSocket, Wire, frame, response, upgrade},
};

/// A connection to a listener for WebSocket.
fn tcp() -> TcpStream {
    static NODE: OnceLock<(Node, SocketAddr)> = OnceLock::new();
    let (_, address) = NODE.get_or_init(|| {
        let address = SocketAddr::from(([127, 0, 0, 1], free_port()));
        let number = free_mesh_number();
        let mut node = Node::prepare(&format!("node{number}@127.0.0.1"), "manual", "");
        node.configure(&format!("listener.ws.x = {address}"));
        node.launch_all();
        (node, address)
    });
    Client::tcp(*address)
}

/// v3.1.1 [MQTT-6.0.0-1]
/// v5 [MQTT-6.0.0-1] [MQTT-4.2.0-1]
#[test]
fn packets_travel_in_binary_frames_and_any_other_data_frame_closes_the_connection() {
    each(&NEW, |version| {
        let connect = Connect::new(version).bytes();
        let mut wire = WebSocket::mqtt(tcp());
        wire.write_all(&connect).unwrap();
        wire.read_within(LIMIT);
        let mut first = [0];
        // The reader takes binary frames for payload and fails at any other.
        wire.read_exact(&mut first).unwrap();
        assert_eq!(first, [0x20], "CONNACK");
        wire.send_raw(&frame(0x81, &[0xc0, 0]));
        assert_eq!(wire.close_code(), 1003);
        let mut at_once = WebSocket::mqtt(tcp());
        at_once.send_raw(&frame(0x81, &connect));
        assert_eq!(at_once.close_code(), 1003);
    });
}

/// v3.1.1 [MQTT-6.0.0-2]
/// v5 [MQTT-6.0.0-2]
#[test]
fn a_frame_may_hold_parts_of_packets_or_many() {
    each(&NEW, |version| {
        let connect = Connect::new(version).bytes();
        let pings = [0xc0, 0].repeat(3);
        let all = [&connect[..], &pings].concat();
        for piece in [1, 5, all.len()] {
            let mut wire = WebSocket::mqtt(tcp());
            for part in all.chunks(piece) {
                wire.write_all(part).unwrap();
            }
            wire.read_within(LIMIT);
            let mut answer = Vec::new();
            while !answer.ends_with(&[0xd0, 0].repeat(3)) {
                let mut byte = [0];
                wire.read_exact(&mut byte).unwrap();
                answer.extend(byte);
            }
            assert_eq!(answer[0], 0x20, "in pieces of {piece}");
        }
    });
}

/// v3.1.1 [MQTT-6.0.0-4]
/// v5 [MQTT-6.0.0-4]
#[test]
fn the_sub_protocol_that_is_chosen_is_mqtt() {
    for offer in ["mqtt", "chat, mqtt", "mqttv3.1, mqtt"] {
        let mut tcp = tcp();
        let lines = format!("Sec-WebSocket-Protocol: {offer}\r\n");
        tcp.write_all(upgrade("/mqtt", &lines).as_bytes()).unwrap();
        let answer = response(&mut tcp);
        assert!(answer.starts_with("HTTP/1.1 101 "), "{answer}");
        let chosen: Vec<_> = answer
            .lines()
            .filter_map(|line| line.strip_prefix("Sec-WebSocket-Protocol: "))
            .collect();
        assert_eq!(chosen, ["mqtt"]);
    }
}
