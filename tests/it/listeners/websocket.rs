//! WebSocket: what a request must say, what a frame must be, and what comes of those that are neither.

use std::{
    io::{Read, Write},
    net::TcpStream,
    sync::atomic::{AtomicBool, Ordering},
    time::{Duration, Instant},
};

use rustls::version::TLS13;

use super::{V3, V5, connect, listener, prepare, round_trip, row, tls_lines, write};
use crate::support::{
    Client, LIMIT, Node, Version,
    certificates::Authority,
    codec::packet,
    node::free_port,
    unique, wait_for,
    wire::{TlsClient, WebSocket, Wire, frame, response, upgrade},
};

const MQTT: &str = "Sec-WebSocket-Protocol: mqtt\r\n";

/// A node with a WebSocket listener that has these options.
fn start(options: &[&str]) -> (Node, u16) {
    let port = free_port();
    let mut lines = format!("listener.ws.x = 127.0.0.1:{port}\n");
    for option in options {
        lines.push_str(&format!("listener.ws.x.{option}\n"));
    }
    (super::start(&lines), port)
}

fn tcp(port: u16) -> TcpStream {
    Client::tcp(([127, 0, 0, 1], port).into())
}

#[test]
fn any_path_and_every_version_work_as_over_tcp() {
    let (node, port) = start(&[]);
    for path in ["/mqtt", "/", "/a/b?c=d"] {
        for version in [Version::V3_1, V3, V5] {
            let wire = WebSocket::open(tcp(port), path, MQTT);
            round_trip(&mut connect(version).open_over(wire));
        }
    }
    let old = WebSocket::open(tcp(port), "/", "Sec-WebSocket-Protocol: mqttv3.1\r\n");
    round_trip(&mut connect(Version::V3_1).open_over(old));
    assert_eq!(listener(&node, "mqtt:ws:x")["listen_on"], format!("127.0.0.1:{port}"));
}

#[test]
fn websocket_over_tls() {
    let (mut node, certs) = prepare();
    let authority = Authority::new("ca");
    write(&authority.issue(&["127.0.0.1"]), &authority.pem(), &certs);
    let (port, lines) = tls_lines("wss", &[]);
    node.configure(&lines);
    node.launch_all();
    let client = TlsClient::new(&authority.pem(), None, &[&TLS13]);
    for version in [V3, V5] {
        let tls = client.connect(tcp(port)).unwrap();
        round_trip(&mut connect(version).open_over(WebSocket::mqtt(tls)));
    }
}

#[test]
fn a_server_that_closes_says_so_at_every_layer() {
    let (_node, port) = start(&[]);
    let mut wire = WebSocket::mqtt(tcp(port));
    wire.write_all(&connect(V5).bytes()).unwrap();
    wire.write_all(&[0xe0, 0]).unwrap();
    assert_eq!(wire.close_code(), 1000);
    // A packet that breaks MQTT: DISCONNECT, then the close of WebSocket.
    let mut wire = WebSocket::mqtt(tcp(port));
    wire.write_all(&connect(V5).bytes()).unwrap();
    wire.write_all(&[0xf1, 0]).unwrap();
    let mut packets = Vec::new();
    wire.read_within(LIMIT);
    wire.read_to_end(&mut packets).unwrap();
    assert!(
        packets.windows(3).any(|bytes| bytes == [0xe0, 2, 0x81] || bytes == [0xe0, 1, 0x81]),
        "{packets:02x?}"
    );
    assert_eq!(wire.closed, Some(1000));
}

#[test]
fn pings_are_answered_and_a_close_is_too() {
    let (node, port) = start(&[]);
    let mut wire = WebSocket::mqtt(tcp(port));
    wire.send_raw(&frame(0x89, b"are you there"));
    wire.write_all(&connect(V3).bytes()).unwrap();
    let mut answer = [0; 4];
    wire.read_within(LIMIT);
    wire.read_exact(&mut answer).unwrap();
    assert_eq!(answer, [0x20, 2, 0, 0]);
    assert_eq!(wire.pongs, [b"are you there"]);
    // Between the halves of a packet in two frames of one message.
    wire.send_raw(
        &[frame(0x02, &[0xc0]), frame(0x89, b""), frame(0x8a, b"unasked"), frame(0x80, &[0])]
            .concat(),
    );
    let mut answer = [0; 2];
    wire.read_exact(&mut answer).unwrap();
    assert_eq!((answer, wire.pongs.len()), ([0xd0, 0], 2));
    wire.send_raw(&frame(0x88, &1001_u16.to_be_bytes()));
    assert_eq!(wire.close_code(), 1000);
    wait_for("the connection is over", LIMIT, || listener(&node, "mqtt:ws:x")["current_conn"] == 0);
}

#[test]
fn who_is_silent_for_the_idle_timeout_is_closed() {
    let (_node, port) = start(&["idle_timeout = 3s"]);
    let open = || {
        let mut wire = WebSocket::mqtt(tcp(port));
        wire.write_all(&connect(V5).bytes()).unwrap();
        wire
    };
    let (mut alive, mut silent) = (open(), open());
    let (over, end) = (AtomicBool::new(false), Instant::now() + LIMIT);
    // A busy machine must not keep the one from its pings that is to be alive.
    std::thread::scope(|scope| {
        scope.spawn(|| {
            while !over.load(Ordering::Relaxed) && Instant::now() < end {
                alive.send_raw(&frame(0x89, b"here"));
                std::thread::sleep(Duration::from_millis(50));
            }
        });
        assert_eq!(silent.close_code(), 1000);
        over.store(true, Ordering::Relaxed);
    });
    alive.write_all(&[0xc0, 0]).unwrap();
    alive.read_within(LIMIT);
    let (mut answers, mut chunk) = (Vec::new(), [0; 64]);
    while !answers.ends_with(&[0xd0, 0]) {
        let count = alive.read(&mut chunk).unwrap();
        assert!(count > 0, "{answers:02x?}");
        answers.extend(&chunk[..count]);
    }
}

#[test]
fn what_breaks_rfc_6455_ends_with_its_code() {
    let (node, port) = start(&[]);
    let mut witness = connect(V5).open_over(WebSocket::mqtt(tcp(port)));
    let mut unmasked = frame(0x82, &[0xc0, 0]);
    unmasked[1] &= 0x7f;
    let huge = [&[0x82, 0xff, 0x7f][..], &[0xff; 7], &[0; 4]].concat();
    let cases: [(Vec<u8>, u16); 9] = [
        (unmasked, 1002),
        (frame(0x81, b"text"), 1003),
        (frame(0xc2, &[0xc0, 0]), 1002),
        (frame(0x83, b""), 1002),
        (frame(0x80, b""), 1002),
        (frame(0x09, b""), 1002),
        (frame(0x89, &[0; 126]), 1002),
        (frame(0x82, &vec![0xc0; (2 << 20) + 6]), 1009),
        (huge, 1009),
    ];
    for (bytes, code) in cases {
        for version in [V3, V5] {
            let mut wire = WebSocket::mqtt(tcp(port));
            wire.write_all(&connect(version).bytes()).unwrap();
            wire.send_raw(&bytes);
            let head = &bytes[..bytes.len().min(16)];
            assert_eq!(wire.close_code(), code, "{head:02x?}");
        }
        witness.ping();
    }
    wait_for("only the witness is left", LIMIT, || {
        listener(&node, "mqtt:ws:x")["current_conn"] == 1
    });
}

#[test]
fn frames_and_packets_need_not_begin_together() {
    let (_node, port) = start(&[]);
    let topic = unique("frames/");
    let mut watcher = Client::over(V3, WebSocket::mqtt(tcp(port)));
    watcher.send(&connect(V3).bytes());
    watcher.take_connack();
    watcher.subscribe(&topic, 0);
    let body = [&[0, topic.len() as u8][..], topic.as_bytes(), &[b'y'; 300]].concat();
    let publish = packet(0x30, &body);
    let all = [connect(V3).bytes(), publish.clone(), publish].concat();
    for piece in [1, 7, 126, all.len()] {
        let mut wire = WebSocket::mqtt(tcp(port));
        let (last, parts) = {
            let mut parts: Vec<&[u8]> = all.chunks(piece).collect();
            (parts.pop().unwrap(), parts)
        };
        // One message of many frames, however the packets lie in it.
        let mut bytes = Vec::new();
        for (number, part) in parts.iter().enumerate() {
            bytes.extend(frame(if number == 0 { 0x02 } else { 0 }, part));
        }
        bytes.extend(frame(if parts.is_empty() { 0x82 } else { 0x80 }, last));
        wire.send_raw(&bytes);
        for _ in 0..2 {
            assert_eq!(watcher.message().payload, [b'y'; 300], "in pieces of {piece}");
        }
    }
}

#[test]
fn requests_that_are_refused_get_their_status() {
    let (node, port) = start(&[
        "mqtt_path = /mqtt",
        "check_origin_enable = true",
        "check_origins = https://home.lan",
    ]);
    let long = format!("GET /mqtt HTTP/1.1\r\nX-Long: {}", "x".repeat(9000));
    let many = upgrade("/mqtt", &format!("{MQTT}{}", "X-Y: z\r\n".repeat(70)));
    let cases = [
        (upgrade("/", MQTT), "404"),
        (upgrade("/mqtt", ""), "400"),
        (upgrade("/mqtt", "Sec-WebSocket-Protocol: chat\r\n"), "400"),
        (upgrade("/mqtt", &format!("{MQTT}Origin: https://evil.lan\r\n")), "403"),
        (upgrade("/mqtt", MQTT).replace("Version: 13", "Version: 7"), "426"),
        (upgrade("/mqtt", MQTT).replace("GET", "POST"), "405"),
        ("GET /mqtt HTTP/1.1\r\nHost: x\r\n\r\n".to_owned(), "400"),
        ("nonsense\r\n\r\n".to_owned(), "400"),
        (long, "431"),
        (many, "431"),
    ];
    for (request, status) in &cases {
        let mut tcp = tcp(port);
        tcp.write_all(request.as_bytes()).unwrap();
        let answer = response(&mut tcp);
        assert!(answer.starts_with(&format!("HTTP/1.1 {status} ")), "{answer} to {request}");
        tcp.read_within(LIMIT);
        assert_eq!(tcp.read(&mut [0]).unwrap_or(0), 0, "closed");
    }
    for lines in [MQTT.to_owned(), format!("{MQTT}Origin: https://HOME.lan\r\n")] {
        round_trip(&mut connect(V5).open_over(WebSocket::open(tcp(port), "/mqtt", &lines)));
    }
    wait_for("refusals are counted", LIMIT, || {
        listener(&node, "mqtt:ws:x")["shutdown_count"]["websocket_upgrade"] == cases.len()
    });
}

#[test]
fn the_word_of_a_proxy_on_this_host_counts_and_takes_no_rights_it_has_not() {
    let (mut node, _) = prepare();
    let port = free_port();
    node.configure(&format!("listener.ws.x = 127.0.0.1:{port}\nallow_anonymous = local"));
    node.launch_all();
    let over = |lines: &str| WebSocket::open(tcp(port), "/", &format!("{MQTT}{lines}"));
    let far = connect(V3).attempt_over(over("X-Forwarded-For: 192.0.2.7\r\n"));
    assert_eq!(far.code, 5, "it is not local any more");
    let id = unique("near");
    let near = connect(V3)
        .id(&id)
        .attempt_over(over("X-Forwarded-For: 127.0.0.9\r\nX-Forwarded-Port: 4711\r\n"));
    assert_eq!((near.code, row(&node, &id)["peername"].as_str()), (0, Some("127.0.0.9:4711")));
    assert_eq!(connect(V3).attempt_over(over("")).code, 0);
}

/// Frames of a server, whole, as the lengths of the packets in them, until there are so many packets.
fn frames_of(mut tcp: TcpStream, packets: usize) -> Vec<Vec<usize>> {
    tcp.set_read_timeout(Some(LIMIT)).unwrap();
    let mut frames = Vec::new();
    while frames.iter().map(Vec::len).sum::<usize>() < packets {
        let mut head = [0; 2];
        tcp.read_exact(&mut head).unwrap();
        assert!(head[0] == 0x82 && head[1] < 126, "{head:?}");
        let mut inside = vec![0; usize::from(head[1])];
        tcp.read_exact(&mut inside).unwrap();
        let (mut at, mut lengths) = (0, Vec::new());
        while at < inside.len() {
            let length = 2 + usize::from(inside[at + 1]);
            lengths.push(length);
            at += length;
        }
        assert_eq!(at, inside.len(), "a packet ends in another frame: {inside:?}");
        frames.push(lengths);
    }
    frames
}

#[test]
fn each_packet_has_its_frame_where_that_is_wanted() {
    for (option, single) in
        [("mqtt_piggyback = single", true), ("mqtt_piggyback = multiple", false)]
    {
        let (_node, port) = start(&[option]);
        let tcp = tcp(port);
        let answers = tcp.try_clone().unwrap();
        let mut wire = WebSocket::mqtt(tcp);
        let mut bytes = connect(V3).bytes();
        bytes.extend([0xc0, 0].repeat(20));
        bytes.extend(crate::support::client::subscribe_bytes(V3, 1, &[("a", 0)], &[]));
        wire.write_all(&bytes).unwrap();
        let frames = frames_of(answers, 22);
        assert_eq!(frames.iter().all(|one| one.len() == 1), single, "{option}: {frames:?}");
        assert_eq!(frames.concat().len(), 22, "{option}");
    }
}

#[test]
fn a_client_that_reads_late_gets_whole_frames() {
    let (_node, port) = start(&[]);
    let topic = unique("late/");
    let mut slow = WebSocket::mqtt(tcp(port));
    slow.write_all(&connect(V3).bytes()).unwrap();
    slow.write_all(&crate::support::client::subscribe_bytes(V3, 1, &[(&topic, 0)], &[])).unwrap();
    let mut head = [0; 9];
    slow.read_within(LIMIT);
    slow.read_exact(&mut head).unwrap();
    let mut publisher = connect(V3).open_over(WebSocket::mqtt(tcp(port)));
    for number in 0..100 {
        // More than both socket buffers hold: frames are cut wherever the kernel stops.
        publisher.publish(&topic, vec![number; 50_000], 1);
        slow.send_raw(&frame(0x89, &[number]));
    }
    let one = 2 + 2 + topic.len() + 50_000 + 2;
    for number in 0..100 {
        let mut message = vec![0; one];
        slow.read_exact(&mut message).unwrap();
        assert!(message.ends_with(&[number; 50_000]), "message {number}");
    }
    assert_eq!(slow.pongs.last(), Some(&vec![99]));
}
