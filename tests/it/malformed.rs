//! Bad input against a node of its own: the node stays up, a witness gets its round trips meanwhile, memory does not grow, and
//! v5 clients get the reason that the standard names.

use std::{
    net::SocketAddr,
    sync::{
        Arc, OnceLock,
        atomic::{AtomicBool, Ordering},
    },
    thread,
};

use super::support::{
    Client, Connect, Message, Node, Packet, Version, Will,
    client::{subscribe_bytes, unsubscribe_bytes},
    codec::{ack, cat, packet, properties, string, varint},
    prop, unique,
};

const V3: Version = Version::V3_1_1;
const V5: Version = Version::V5;
const VERSIONS: [Version; 3] = [Version::V3_1, V3, V5];

/// A node whose log shows what came in; shared by the tests of this file.
fn node() -> &'static Node {
    static NODE: OnceLock<Node> = OnceLock::new();
    NODE.get_or_init(|| Node::start(""))
}

fn address() -> SocketAddr {
    node().mqtt()
}

/// Round trips of a client that does nothing wrong, for as long as this lives.
struct Witness {
    stop: Arc<AtomicBool>,
    trips: Option<thread::JoinHandle<u32>>,
}

impl Witness {
    fn start() -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let seen = stop.clone();
        let trips = thread::spawn(move || {
            let topic = unique("witness/");
            // An id that no turned bit of another makes.
            let mut client = Connect::new(V5).id(&topic).open(address());
            client.subscribe(&topic, 1);
            let mut count = 0;
            while !seen.load(Ordering::Relaxed) || count == 0 {
                client.publish(&topic, "round", 1);
                assert_eq!(client.message().text(), "round");
                count += 1;
            }
            count
        });
        Self { stop, trips: Some(trips) }
    }

    #[track_caller]
    fn end(mut self) {
        self.stop.store(true, Ordering::Relaxed);
        let trips = self.trips.take().unwrap().join().expect("the witness was served throughout");
        assert!(trips > 0);
        assert!(node().is_running(), "{}", node().log());
        assert!(!node().log().contains("panicked"), "{}", node().log());
    }
}

/// One well-formed packet of each type a client can send, and of those it cannot.
fn packets(version: Version) -> Vec<(&'static str, Vec<u8>)> {
    let v5 = version.is_v5();
    let props = if v5 {
        vec![prop::user("name", "value"), prop::text(prop::REASON, "because")]
    } else {
        vec![]
    };
    let block = |with: &[(u8, _)]| if v5 { properties(with) } else { vec![] };
    let mut publish = Message::new("malformed/topic", "payload", 2).id(7);
    if v5 {
        publish = publish.with(prop::user("name", "value")).with(prop::four(prop::EXPIRY, 60));
    }
    let tail = if v5 { cat(&[&[0], &properties(&props)]) } else { vec![] };
    let with_id = |first: u8| packet(first, &cat(&[&[0, 7], &tail]));
    vec![
        ("CONNECT", connect(version).bytes()),
        ("PUBLISH", publish.bytes(version)),
        ("PUBACK", with_id(0x40)),
        ("PUBREC", with_id(0x50)),
        ("PUBREL", with_id(0x62)),
        ("PUBCOMP", with_id(0x70)),
        ("SUBSCRIBE", subscribe_bytes(version, 7, &[("malformed/+", 1), ("malformed/#", 2)], &[])),
        ("UNSUBSCRIBE", unsubscribe_bytes(version, 7, &["malformed/+", "malformed/#"])),
        ("PINGREQ", packet(0xc0, &[])),
        ("DISCONNECT", packet(0xe0, &tail)),
        ("AUTH", packet(0xf0, &cat(&[&[0x18], &block(&[prop::text(prop::AUTH_METHOD, "x")])]))),
        ("CONNACK", packet(0x20, &cat(&[&[0, 0], &block(&[])]))),
        ("SUBACK", packet(0x90, &cat(&[&[0, 7], &block(&[]), &[0]]))),
        ("UNSUBACK", packet(0xb0, &cat(&[&[0, 7], &block(&[]), &[0]]))),
        ("PINGRESP", packet(0xd0, &[])),
    ]
}

fn connect(version: Version) -> Connect {
    let mut connect = Connect::new(version);
    connect.user = Some("somebody".to_owned());
    connect.password = Some(b"secret".to_vec());
    let mut will = Will::new("malformed/will", "gone");
    if version.is_v5() {
        will.props = vec![prop::four(prop::WILL_DELAY, 1), prop::user("a", "b")];
        connect.props = vec![prop::four(prop::SESSION_EXPIRY, 0), prop::user("c", "d")];
    }
    connect.will(will)
}

/// Sends `bytes` (after CONNECT, unless they are one) and takes whatever the broker says; then the connection ends here.
fn throw(version: Version, connected: bool, bytes: &[u8]) {
    let mut client =
        if connected { Client::at(version, address()) } else { Client::raw(version, address()) };
    client.send(bytes);
    client.cut();
}

#[test]
fn every_packet_cut_at_every_byte() {
    let witness = Witness::start();
    for version in VERSIONS {
        for (name, bytes) in packets(version) {
            for cut in 0..bytes.len() {
                throw(version, name != "CONNECT", &bytes[..cut]);
            }
        }
    }
    witness.end();
}

/// The fixed header says how long the packet is, and what follows ends too early or too late.
#[test]
fn every_packet_with_a_body_cut_at_every_byte() {
    let witness = Witness::start();
    for version in VERSIONS {
        for (name, bytes) in packets(version) {
            let (first, body) = (bytes[0], &bytes[2..]);
            for cut in 0..body.len() {
                let bytes = packet(first, &body[..cut]);
                let connected = name != "CONNECT";
                let mut client = if connected {
                    Client::at(version, address())
                } else {
                    Client::raw(version, address())
                };
                client.send(&bytes);
                // PUBLISH ends anywhere in its payload, short acknowledgements are whole: a PING tells whether all is well.
                client.send(&[0xc0, 0]);
                check_reaction(version, name, &bytes, &mut client);
            }
            throw(version, name != "CONNECT", &packet(first, &cat(&[body, &[0; 7]])));
        }
    }
    witness.end();
}

/// The broker serves the client or ends the connection, in v5 with a word that fits.
fn check_reaction(version: Version, name: &str, bytes: &[u8], client: &mut Client) {
    let mut last = None;
    while let Some(packet) = client.next_or_end() {
        if packet == Packet::PingResp {
            return;
        }
        last = Some(packet);
    }
    match last {
        Some(Packet::Disconnect { code, .. } | Packet::ConnAck { code, .. }) => {
            let fits = [0x80, 0x81, 0x82, 0x8c, 0x90, 0x94, 0x95].contains(&code)
                || (!version.is_v5() && code != 0);
            assert!(fits, "{name} {bytes:02x?}: {code:02x}");
        }
        _ => assert!(
            !version.is_v5() || name == "CONNECT" || name == "DISCONNECT",
            "{name} {bytes:02x?}: closed without a reason, after {last:?}"
        ),
    }
}

#[test]
fn every_packet_with_every_bit_turned() {
    let witness = Witness::start();
    for version in [V3, V5] {
        for (name, bytes) in packets(version) {
            for at in 0..bytes.len() {
                for bit in 0..8 {
                    let mut wrong = bytes.clone();
                    wrong[at] ^= 1 << bit;
                    throw(version, name != "CONNECT", &wrong);
                }
            }
        }
    }
    witness.end();
}

#[test]
fn every_packet_before_connect_and_twice() {
    let witness = Witness::start();
    for version in VERSIONS {
        for (name, bytes) in packets(version) {
            if name != "CONNECT" {
                let mut client = Client::raw(version, address());
                client.send(&bytes);
                assert_eq!(client.ended(), [], "{name} before CONNECT");
            }
            throw(version, true, &cat(&[&bytes, &bytes]));
        }
    }
    witness.end();
}

/// What v5 clients are told. Each line is one packet after CONNECT.
#[test]
fn reasons_have_their_names() {
    let name = |topic: &[u8]| packet(0x30, &cat(&[&string(topic), &[0]]));
    let lines: Vec<(&str, Vec<u8>, &[u8])> = vec![
        ("packet type 0", vec![0, 0], &[0x81]),
        ("second CONNECT", Connect::new(V5).bytes(), &[0x82]),
        ("CONNACK from a client", packet(0x20, &[0, 0, 0]), &[0x81, 0x82]),
        ("length of five bytes", vec![0x30, 0xff, 0xff, 0xff, 0xff, 1], &[0x81]),
        ("claimed 256 MiB", vec![0x30, 0xff, 0xff, 0xff, 0x7f], &[0x95]),
        ("claimed 256 MiB in SUBSCRIBE", vec![0x82, 0xff, 0xff, 0xff, 0x7f], &[0x95]),
        ("QoS 3", packet(0x36, &[0, 1, b't', 0, 1, 0]), &[0x81]),
        ("topic is not UTF-8", name(b"\xff"), &[0x81]),
        ("topic with a surrogate", name(b"\xed\xa0\x80"), &[0x81]),
        ("topic with U+0000", name(b"a\0"), &[0x81]),
        ("topic with a wildcard", name(b"a/#"), &[0x90, 0x81]),
        ("no topic and no alias", name(b""), &[0x82]),
        ("alias 0", packet(0x30, &[0, 1, b't', 3, 35, 0, 0]), &[0x94]),
        ("alias too large", packet(0x30, &[0, 1, b't', 3, 35, 0xff, 0xff]), &[0x94]),
        ("packet identifier 0", packet(0x32, &[0, 1, b't', 0, 0, 0]), &[0x81, 0x82]),
        ("property twice", packet(0x30, &[0, 1, b't', 4, 1, 1, 1, 1]), &[0x82]),
        (
            "property of another packet",
            packet(0x30, &[0, 1, b't', 5, 17, 0, 0, 0, 1]),
            &[0x81, 0x82],
        ),
        ("unknown property", packet(0x30, &[0, 1, b't', 2, 99, 1]), &[0x81]),
        ("properties past the end", packet(0x30, &[0, 1, b't', 9, 1, 1]), &[0x81]),
        ("flags of SUBSCRIBE", packet(0x80, &[0, 1, 0, 0, 1, b't', 0]), &[0x81]),
        ("flags of PINGREQ", packet(0xc1, &[]), &[0x81]),
        ("SUBSCRIBE without a filter", packet(0x82, &[0, 1, 0]), &[0x82]),
        ("reserved options", packet(0x82, &[0, 1, 0, 0, 1, b't', 0xc0]), &[0x81, 0x82]),
        ("UNSUBSCRIBE without a filter", packet(0xa2, &[0, 1, 0]), &[0x82]),
        ("PINGREQ with a body", packet(0xc0, &[0]), &[0x81]),
        ("PUBACK of one byte", packet(0x40, &[0]), &[0x81]),
        ("PUBACK 0", ack(0x40, 0), &[0x81, 0x82]),
        ("unknown reason in PUBREC", packet(0x50, &[0, 1, 0x55]), &[0x81, 0x82]),
        ("AUTH without a method", packet(0xf0, &[]), &[0x82]),
    ];
    let witness = Witness::start();
    for (what, bytes, codes) in lines {
        let mut client = Client::at(V5, address());
        client.send(&bytes);
        let code = client.closed().unwrap_or_else(|| panic!("{what}: closed without a reason"));
        assert!(codes.contains(&code), "{what}: {code:02x} and not {codes:02x?}");
    }
    witness.end();
}

/// The length a packet claims costs nothing: a thousand connections claim 2 MiB each and send 1 KiB.
#[test]
fn claimed_lengths_take_no_memory() {
    let witness = Witness::start();
    let before = node().resident_kib();
    let claim = cat(&[&[0x30], &varint(2_000_000), &[0, 1, b't'], &[b'x'; 1000]]);
    let mut open: Vec<Client> = (0..500).map(|_| Client::at(V3, address())).collect();
    for client in &mut open {
        client.send(&claim);
    }
    let mut last = Client::at(V3, address());
    last.ping();
    let grown = node().resident_kib().saturating_sub(before);
    assert!(grown < 60_000, "{grown} KiB for 500 connections with 1 KiB each");
    drop(open);
    witness.end();
}

/// Before CONNECT is valid a peer can claim little.
#[test]
fn a_huge_connect_is_refused_at_once() {
    let mut client = Client::raw(V5, address());
    client.send(&cat(&[&[0x10], &varint(200_000_000)]));
    client.ended();
}

#[test]
fn bad_input_again_and_again_does_not_grow_memory() {
    let all: Vec<_> = packets(V5).into_iter().chain(packets(V3)).collect();
    let round = || {
        for (name, bytes) in &all {
            for cut in (0..bytes.len()).step_by(3) {
                throw(V5, name != &"CONNECT", &bytes[..cut]);
                throw(V5, name != &"CONNECT", &cat(&[&bytes[..cut], &[0xff; 50]]));
            }
        }
        Client::at(V5, address()).ping();
    };
    round();
    let before = node().resident_kib();
    (0..5).for_each(|_| round());
    let grown = node().resident_kib().saturating_sub(before);
    assert!(grown < 20_000, "{grown} KiB more after five rounds");
    assert!(node().is_running());
}

/// Bad connects by the thousand: each is counted, few are in the log, and the log says how many are not.
#[test]
fn a_flood_of_bad_connects_does_not_fill_the_log() {
    const BAD: u64 = 2_000;
    let node = Node::start("allow_anonymous = false");
    let before = node.metric("client.auth.failure");
    for _ in 0..BAD {
        Connect::new(V5).attempt(node.mqtt()).closed();
    }
    assert_eq!(node.metric("client.auth.failure") - before, BAD);
    let lines = node.log().lines().count();
    assert!(lines < 100 + 20, "{lines} lines");
    super::support::wait_for("the rest is told of", super::support::LIMIT * 2, || {
        node.log().contains("lines of one kind left out of the log")
    });
}
