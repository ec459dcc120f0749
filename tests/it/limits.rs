//! Limits of packets and sessions: what a client may do, what it is told beyond, and what counts it (emqx-rs-limits(7)).

use std::{
    io::{Read, Write},
    net::TcpStream,
    sync::OnceLock,
    time::{Duration, Instant},
};

use socket2::{Domain, Socket, Type};

use super::support::{
    Client, Connect, LIMIT, Message, Node, Packet, Version, Will,
    client::{find, subscribe_bytes, unsubscribe_bytes},
    codec::Value,
    prop, unique, wait_for,
};

const V3: Version = Version::V3_1_1;
const V5: Version = Version::V5;
const BOTH: [Version; 2] = [V3, V5];

/// A node with limits that are quick to reach.
fn tight() -> &'static Node {
    static NODE: OnceLock<Node> = OnceLock::new();
    NODE.get_or_init(|| {
        Node::start(
            "mqtt.max_packet_size = 64KB\n\
             mqtt.max_clientid_len = 30\n\
             mqtt.max_topic_len = 40\n\
             mqtt.max_topic_levels = 5\n\
             mqtt.max_topic_alias = 3\n\
             zone.external.max_subscriptions = 6\n\
             zone.external.max_wildcard_subscriptions = 2\n\
             zone.external.max_wildcard_levels = 2\n\
             zone.external.max_filters = 4\n\
             zone.external.max_will_payload = 100\n\
             zone.external.max_keepalive = 60\n\
             zone.external.max_session_expiry_interval = 10s\n\
             zone.external.max_awaiting_rel = 3\n\
             zone.external.await_rel_timeout = 1s\n\
             zone.external.idle_timeout = 1s",
        )
    })
}

/// A node with the built-in limits.
fn usual() -> &'static Node {
    static NODE: OnceLock<Node> = OnceLock::new();
    NODE.get_or_init(|| Node::start(""))
}

/// Runs `pass`, after which the counter must be higher by `times`.
#[track_caller]
fn counted(node: &Node, name: &str, times: u64, pass: impl FnOnce()) {
    let before = node.metric(name);
    pass();
    // Tests run side by side on the node; each counter is of one test, or of passes alike.
    wait_for(name, LIMIT, || node.metric(name) >= before + times);
}

#[track_caller]
fn closed_after(node: &Node, version: Version, bytes: &[u8], code: u8) {
    let mut client = Client::at(version, node.mqtt());
    client.send(bytes);
    client.closed_with(code);
}

#[test]
fn connect_has_its_time() {
    counted(tight(), "emqx_rs.limit.idle", 2, || {
        for bytes in [&[][..], &[0x10, 50, 0, 4, b'M']] {
            let mut stream = TcpStream::connect(tight().mqtt()).unwrap();
            stream.write_all(bytes).unwrap();
            stream.set_read_timeout(Some(LIMIT)).unwrap();
            let began = Instant::now();
            assert_eq!(stream.read(&mut [0; 16]).unwrap(), 0, "closed without a word");
            assert!(began.elapsed() >= Duration::from_millis(900), "{:?}", began.elapsed());
        }
    });
}

#[test]
fn packets_have_a_size() {
    counted(tight(), "emqx_rs.limit.packet_size", 2, || {
        for version in BOTH {
            let fits = Message::new("t", vec![0; 60_000], 1);
            assert!(Client::at(version, tight().mqtt()).publish_message(fits) < 0x80);
            let bytes = Message::new("t", vec![0; 70_000], 0).bytes(version);
            closed_after(tight(), version, &bytes[..100], 0x95);
        }
    });
    let told = find(&Client::at(V5, usual().mqtt()).props, prop::MAXIMUM_PACKET).cloned();
    assert_eq!(told, Some(Value::Four(2 << 20)), "2 MiB unless told otherwise");
}

/// Until a client is let in; a will has room of its own.
#[test]
fn connects_have_a_size() {
    let attempt = |version, password: usize, will: usize| {
        let mut connect = Connect::new(version);
        (connect.user, connect.password) = (Some("u".to_owned()), Some(vec![b'p'; password]));
        if will > 0 {
            connect = connect.will(Will::new(&"w".repeat(4096), &"x".repeat(will)));
        }
        connect.bytes()
    };
    counted(usual(), "emqx_rs.limit.packet_size", 4, || {
        for (version, password, will, code) in [
            (V5, 16_000, 0, Some(0)),
            (V5, 17_000, 0, Some(0x95)),
            (V5, 11_000, 60_000, Some(0)),
            (V5, 23_000, 65_000, Some(0x95)),
            (V3, 16_000, 0, Some(0)),
            (V3, 17_000, 0, None),
        ] {
            let bytes = attempt(version, password, will);
            let mut client = Client::raw(version, usual().mqtt());
            client.send(&bytes);
            let answer = match client.next_or_end() {
                Some(Packet::ConnAck { code, .. }) => Some(code),
                Some(other) => panic!("{other:?}"),
                None => None,
            };
            assert_eq!(answer, code, "{} bytes", bytes.len());
        }
        // It is told before it has sent all of it.
        let mut client = Client::raw(V5, usual().mqtt());
        client.send(&attempt(V5, 60_000, 0)[..20]);
        assert!(matches!(client.next_or_end(), Some(Packet::ConnAck { code: 0x95, .. })));
    });
}

#[test]
fn client_ids_have_a_length() {
    counted(tight(), "emqx_rs.limit.client_id", 2, || {
        for (version, code) in [(V3, 2), (V5, 0x85)] {
            let refused = Connect::new(version).id(&"c".repeat(31)).attempt(tight().mqtt());
            assert_eq!(refused.code, code);
            Connect::new(version).id(&"c".repeat(30)).open(tight().mqtt());
        }
    });
    // 256 bytes of any characters come in without a setting.
    for id in ["x".repeat(256), "ä/+#$ ✓".repeat(19), "\u{1}\t".repeat(100)] {
        Connect::new(V3).id(&id).open(usual().mqtt());
        Connect::new(V5).id(&id).open(usual().mqtt());
    }
}

#[test]
fn topics_have_a_length_and_a_depth() {
    let (long, deep) = ("t".repeat(41), "a/b/c/d/e/f");
    counted(tight(), "emqx_rs.limit.topic", 8, || {
        for version in BOTH {
            for topic in [&long, deep] {
                let bytes = Message::new(topic, "x", 1).id(1).bytes(version);
                closed_after(tight(), version, &bytes, 0x90);
            }
            let refused = if version.is_v5() { 0x8f } else { 0x80 };
            let mut client = Client::at(version, tight().mqtt());
            let codes = client.subscribe_to(&[(&long, 0), (deep, 0), ("a/b/c/d/e", 0)], &[]);
            assert_eq!(codes, [refused, refused, 0]);
        }
    });
    counted(tight(), "emqx_rs.limit.will", 2, || {
        for topic in [&long, deep] {
            let connect = Connect::new(V5).will(Will::new(topic, "x"));
            assert_eq!(connect.attempt(tight().mqtt()).code, 0x90);
        }
    });
}

#[test]
fn properties_have_a_number_and_a_size() {
    counted(usual(), "emqx_rs.limit.properties", 2, || {
        let users = |count: usize, size: usize| {
            let mut message = Message::new("t", "x", 0);
            message.props = (0..count).map(|_| prop::user("name", &"v".repeat(size))).collect();
            message.bytes(V5)
        };
        closed_after(usual(), V5, &users(65, 1), 0x97);
        closed_after(usual(), V5, &users(20, 1000), 0x95);
        let mut client = Client::at(V5, usual().mqtt());
        client.send(&users(64, 200));
        client.ping();
    });
}

#[test]
fn aliases_have_a_number() {
    counted(tight(), "emqx_rs.limit.topic_alias", 1, || {
        let message = |alias| Message::new("t", "x", 0).with(prop::two(prop::ALIAS, alias));
        let mut client = Client::at(V5, tight().mqtt());
        client.send(&message(3).bytes(V5));
        client.ping();
        closed_after(tight(), V5, &message(4).bytes(V5), 0x94);
    });
}

#[test]
fn filters_and_subscriptions_have_a_number() {
    counted(tight(), "emqx_rs.limit.subscriptions", 8, || {
        for version in BOTH {
            let refused = |code| if version.is_v5() { code } else { 0x80 };
            let mut client = Client::at(version, tight().mqtt());
            // Four a packet, six a client.
            let five = [("a", 0), ("b", 0), ("c", 0), ("d", 0), ("e", 0)];
            assert_eq!(client.subscribe_to(&five, &[]), [0, 0, 0, 0, refused(0x97)]);
            let rest = [("e", 0), ("f", 0), ("g", 0), ("a", 1)];
            assert_eq!(client.subscribe_to(&rest, &[]), [0, 0, refused(0x97), 1]);
            client.unsubscribe(&["a"]);
            assert_eq!(client.subscribe("g", 1), 1, "there is room again");
            // Two with a wildcard.
            let mut client = Client::at(version, tight().mqtt());
            let three = [("a/#", 0), ("b/+", 0), ("c/+", 0), ("plain", 0)];
            assert_eq!(client.subscribe_to(&three, &[]), [0, 0, refused(0xa2), 0]);
            client.unsubscribe(&["a/#"]);
            assert_eq!(client.subscribe_to(&[("c/+", 1), ("d/+", 1)], &[]), [1, refused(0xa2)]);
        }
    });
    let mut client = Client::at(V5, tight().mqtt());
    assert_eq!(client.subscribe_to(&[("+/+", 0), ("+/+/+", 0)], &[]), [0, 0x97]);
    counted(tight(), "emqx_rs.limit.subscriptions", 3, || {
        client.subscribe_to(&[("a", 0), ("b", 0)], &[]);
        let codes = client.unsubscribe(&["x", "a", "+/+", "y", "b", "z"]);
        assert_eq!(codes, [0x11, 0, 0, 0x11, 0x83, 0x83], "four a packet");
        assert_eq!(client.unsubscribe(&["b"]), [0]);
        let mut old = Client::at(V3, tight().mqtt());
        old.unsubscribe(&["a", "b", "c", "d"]);
        old.send(&unsubscribe_bytes(V3, 9, &["a", "b", "c", "d", "e"]));
        assert_eq!(old.ended(), []);
    });
}

#[test]
fn subscriptions_are_10_000_and_wildcards_1000_without_a_setting() {
    let mut client = Client::at(V5, usual().mqtt());
    let mut granted = [0, 0];
    for (kind, end) in ["", "/+"].iter().enumerate() {
        for packet in 0..11 {
            let filters: Vec<String> =
                (0..1000).map(|n| format!("{kind}/{packet}/{n}{end}")).collect();
            let filters: Vec<(&str, u8)> = filters.iter().map(|f| (f.as_str(), 0)).collect();
            let codes = client.subscribe_to(&filters, &[]);
            granted[kind] += codes.iter().filter(|code| **code == 0).count();
        }
        let names: Vec<String> = (0..10)
            .flat_map(|packet| (0..1000).map(move |n| format!("{kind}/{packet}/{n}{end}")))
            .collect();
        for names in names.chunks(1000) {
            let names: Vec<&str> = names.iter().map(String::as_str).collect();
            client.send(&unsubscribe_bytes(V5, 9, &names));
            client.wait(|p| matches!(p, Packet::UnsubAck { id: 9, .. }).then_some(()));
        }
    }
    assert_eq!(granted, [10_000, 1000]);
}

#[test]
fn wills_have_a_size() {
    counted(tight(), "emqx_rs.limit.will", 1, || {
        let will = |size: usize| Connect::new(V5).will(Will::new("w", &"x".repeat(size)));
        will(100).open(tight().mqtt());
        assert_eq!(will(101).attempt(tight().mqtt()).code, 0x95);
    });
    let will = |size: usize| Connect::new(V3).will(Will::new("w", &"x".repeat(size))).bytes();
    let mut client = Client::raw(V3, tight().mqtt());
    client.send(&will(101));
    assert_eq!(client.ended(), [], "3.1.1 has no code for it");
}

#[test]
fn long_keep_alives_and_sessions_are_shortened_and_told() {
    let connect = Connect::new(V5).keep_alive(61).with(prop::four(prop::SESSION_EXPIRY, 11));
    let client = connect.open(tight().mqtt());
    assert_eq!(find(&client.props, prop::SERVER_KEEP_ALIVE), Some(&Value::Two(60)));
    assert_eq!(find(&client.props, prop::SESSION_EXPIRY), Some(&Value::Four(10)));
    let client = Connect::new(V5).keep_alive(60).open(tight().mqtt());
    assert_eq!(find(&client.props, prop::SERVER_KEEP_ALIVE), None);
    let connect = Connect::new(V5).keep_alive(65535);
    let client = connect.with(prop::four(prop::SESSION_EXPIRY, u32::MAX)).open(usual().mqtt());
    assert_eq!(find(&client.props, prop::SERVER_KEEP_ALIVE), Some(&Value::Two(3600)));
    assert_eq!(find(&client.props, prop::SESSION_EXPIRY), Some(&Value::Four(7 * 24 * 3600)));
}

#[test]
fn silence_is_counted() {
    counted(usual(), "emqx_rs.keepalive_timeout", 1, || {
        Connect::new(V5).keep_alive(1).open(usual().mqtt()).closed_with(0x8d);
    });
}

#[test]
fn unreleased_messages_have_a_number_and_a_time() {
    counted(tight(), "emqx_rs.limit.receive_maximum", 2, || {
        for version in BOTH {
            let bytes: Vec<u8> =
                (1..=4).flat_map(|id| Message::new("t", "x", 2).id(id).bytes(version)).collect();
            closed_after(tight(), version, &bytes, 0x93);
        }
    });
    counted(tight(), "messages.dropped.await_pubrel_timeout", 3, || {
        let mut client = Client::at(V5, tight().mqtt());
        let send = |client: &mut Client, id| {
            client.send(&Message::new("t", "x", 2).id(id).bytes(V5));
            client.wait(|p| matches!(p, Packet::PubRec { id: i, .. } if *i == id).then_some(()));
        };
        (1..=3).for_each(|id| send(&mut client, id));
        let gone = Instant::now() + Duration::from_millis(1100);
        wait_for("1.1 s", LIMIT, || Instant::now() > gone);
        // The places are free again, and the identifiers are forgotten.
        send(&mut client, 4);
        assert_eq!(client.release(1), 0x92);
        assert_eq!(client.release(4), 0);
    });
}

#[test]
fn malformed_packets_are_counted() {
    counted(usual(), "emqx_rs.malformed_packets", 2, || {
        closed_after(usual(), V5, &[0x36, 0], 0x81);
        closed_after(usual(), V3, &subscribe_bytes(V3, 1, &[], &[]), 0);
    });
}

/// Of a client that does not read its answers nothing more is read.
#[test]
fn answers_that_wait_for_a_socket_have_a_bound() {
    let node = Node::start(
        "listener.tcp.external.high_watermark = 64KB\n\
         listener.tcp.external.sndbuf = 4KB\nlistener.tcp.external.recbuf = 64KB",
    );
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
    socket.set_recv_buffer_size(4096).unwrap();
    socket.set_send_buffer_size(4096).unwrap();
    socket.connect(&node.mqtt().into()).unwrap();
    let mut deaf = TcpStream::from(socket);
    deaf.set_write_timeout(Some(Duration::from_secs(1))).unwrap();
    deaf.write_all(&Connect::new(V3).bytes()).unwrap();
    let pings = [0xc0, 0].repeat(1000);
    let taken = (0..3000).take_while(|_| deaf.write_all(&pings).is_ok()).count();
    assert!(taken < 3000, "it is not read any more");
    let read = node.metric("packets.pingreq.received");
    assert!((1000..300_000).contains(&read), "{read}");
    Client::at(V5, node.mqtt()).ping();
}

/// With few places left nobody has one for long without saying who he is.
#[test]
fn a_crowded_listener_gives_connect_less_time() {
    let node = Node::start("listener.tcp.external.max_connections = 5");
    wait_for("who looked whether it serves is gone", LIMIT, || node.stat("connections.count") == 0);
    let mut held: Vec<Client> = (0..4).map(|_| Client::at(V5, node.mqtt())).collect();
    let began = Instant::now();
    let mut silent = TcpStream::connect(node.mqtt()).unwrap();
    silent.set_read_timeout(Some(LIMIT)).unwrap();
    assert_eq!(silent.read(&mut [0; 16]).unwrap(), 0, "closed without a word");
    let took = began.elapsed();
    assert!((Duration::from_millis(4900)..LIMIT).contains(&took), "{took:?}");
    held.iter_mut().for_each(Client::ping);
}

/// A client that does not read: its socket takes nothing for so long, then it is gone. QoS 0 waits in its queue and is dropped there.
#[test]
fn a_socket_that_takes_nothing_is_closed() {
    let node = Node::start(
        "listener.tcp.external.send_timeout = 3s\n\
         zone.external.max_mqueue_len = 10",
    );
    let topic = unique("t/");
    let mut deaf = Client::at(V5, node.mqtt());
    deaf.subscribe(&topic, 0);
    let mut publisher = Client::at(V5, node.mqtt());
    // More than the buffers of both kernels and the queue hold.
    wait_for("the queue is full", LIMIT, || {
        publisher.publish(&topic, vec![0; 1_000_000], 0);
        node.metric("delivery.dropped.queue_full") > 0
    });
    wait_for("it is closed", LIMIT, || node.metric("emqx_rs.send_timeout") == 1);
    assert!(node.resident_kib() < 200 << 10, "{} KiB", node.resident_kib());
}

/// A client above its rate waits, behind its socket; what it sent comes through, and others are served meanwhile.
#[test]
fn a_client_above_its_rate_is_not_read_for_a_while_and_loses_nothing() {
    const SENT: u16 = 40;
    let node = Node::start("zone.external.rate_limit.conn_messages_in = 20, 2s");
    for version in BOTH {
        let mut reader = Client::at(version, node.mqtt());
        reader.subscribe("rate", 0);
        let before = node.metric("emqx_rs.limit.rate");
        let mut fast = Client::at(version, node.mqtt());
        let began = Instant::now();
        let message = |id: u16| Message::new("rate", id.to_string(), 1).id(id).bytes(version);
        fast.send(&(1..=SENT).flat_map(message).collect::<Vec<u8>>());
        let mut other = Client::at(version, node.mqtt());
        for id in 1..=SENT {
            assert_eq!(fast.complete(1, id) & 0x80, 0, "{id}");
            assert_eq!(reader.message().text(), id.to_string());
            if id == 21 {
                other.ping();
            }
        }
        // 20 at once, the others at 10 a second.
        assert!(began.elapsed() >= Duration::from_millis(1800), "{:?}", began.elapsed());
        assert!(node.metric("emqx_rs.limit.rate") > before);
        assert_eq!(other.publish("rate", "", 1) & 0x80, 0, "each has a rate of its own");
    }
}

#[test]
fn bytes_have_a_rate_and_a_pause_is_no_silence_of_the_client() {
    let node = Node::start("listener.tcp.external.rate_limit = 10KB, 2s");
    let mut client = Connect::new(V5).keep_alive(1).open(node.mqtt());
    assert_eq!(client.publish("t", vec![0; 20 << 10], 1) & 0x80, 0);
    let began = Instant::now();
    // It is paused for longer than its keep alive, twice.
    for _ in 0..2 {
        assert_eq!(client.publish("t", vec![0; 20 << 10], 1) & 0x80, 0);
    }
    assert!(began.elapsed() >= Duration::from_millis(3500), "{:?}", began.elapsed());
    assert!(node.metric("emqx_rs.limit.rate") >= 2);
}

#[test]
fn who_finds_no_place_is_told_so() {
    let node = Node::start("listener.tcp.external.max_connections = 2");
    let mut held = Vec::new();
    // What looked whether the node serves may still have a place.
    wait_for("both places are taken", LIMIT, || {
        held.extend(Some(Connect::new(V5).attempt(node.mqtt())).filter(|it| it.code == 0));
        held.len() == 2
    });
    let before = node.metric("emqx_rs.limit.connections");
    assert_eq!(Connect::new(V5).attempt(node.mqtt()).code, 0x97);
    assert_eq!(Connect::new(V3).attempt(node.mqtt()).code, 3);
    let silent = Client::raw(V5, node.mqtt());
    wait_for("all are counted", LIMIT, || node.metric("emqx_rs.limit.connections") == before + 3);
    held.iter_mut().for_each(Client::ping);
    held.pop().unwrap().disconnect();
    wait_for("there is a place again", LIMIT, || Connect::new(V5).attempt(node.mqtt()).code == 0);
    drop(silent);
}
