//! Sessions across cuts and restarts: one for each client in the end, with everything in it.

use std::{
    collections::BTreeSet,
    net::{SocketAddr, TcpStream},
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    thread::JoinHandle,
    time::Duration,
};

use super::{
    cluster::{Cluster, SOON},
    support::{Client, Connect, Node, Packet, Version, wait_for},
};

fn lasting(address: SocketAddr, id: &str) -> Client {
    Connect::new(Version::V5).id(id).lasting().open(address)
}

fn sessions(node: &Node) -> u64 {
    node.stat("sessions.count")
}

/// A client that left one side of a cut and went to the other: after the cut it has one session, with what waited in both.
#[test]
fn two_sessions_of_a_cut_become_one() {
    let cluster = Cluster::start(3, "");
    let mut left = lasting(cluster.node(3).mqtt(), "wanderer");
    left.subscribe("old/#", 1);
    let mut stays = lasting(cluster.node(3).mqtt(), "stays");
    stays.subscribe("old/#", 1);
    left.cut();
    cluster.lan.split(&[&[1, 2], &[3]]);
    cluster.wait_down(1, 3, SOON);
    cluster.wait_down(3, 1, SOON);
    let mut there = cluster.client(3);
    let waiting: Vec<String> = (0..20).map(|n| n.to_string()).collect();
    for text in &waiting {
        there.publish("old/a", text, 1);
    }
    let mut came = lasting(cluster.node(1).mqtt(), "wanderer");
    assert!(!came.session_present, "its session is out of reach");
    came.subscribe("new", 1);
    let mut here = cluster.client(2);
    here.publish("new", "on this side", 1);
    assert_eq!(came.message().text(), "on this side");
    let mut twice = lasting(cluster.node(2).mqtt(), "stays");
    assert!(!twice.session_present);
    cluster.lan.heal();
    for text in &waiting {
        assert_eq!(came.message().text(), *text);
    }
    let seen: Vec<String> = stays.messages_until_end().into_iter().map(|m| m.text()).collect();
    assert_eq!(seen, waiting, "the connection to the old side served until it was closed");
    cluster.wait_whole("one cluster again", SOON);
    wait_for("the sessions of the old side are gone", SOON, || sessions(cluster.node(3)) == 1);
    here.publish("old/b", "to what was subscribed there", 1);
    here.publish("new", "to what was subscribed here", 1);
    assert_eq!(came.message().text(), "to what was subscribed there");
    assert_eq!(came.texts(), ["to what was subscribed here"]);
    let texts = twice.texts();
    let once: BTreeSet<&String> = texts.iter().collect();
    assert_eq!(once.len(), texts.len(), "{texts:?}");
    assert!(texts.iter().all(|text| text.starts_with("to what") || waiting.contains(text)));
    assert_eq!(texts.last().map(String::as_str), Some("to what was subscribed there"));
}

/// What a client that goes from node to node got.
struct Got {
    next: u64,
    repeats: u64,
    moves: u64,
}

/// A subscriber that connects to the next node whenever its connection ends, until `end` comes.
fn follower(id: String, addresses: Vec<SocketAddr>, first: usize) -> JoinHandle<Got> {
    let mut at = first;
    let mut client = lasting(addresses[at], &id);
    client.subscribe("rolling", 1);
    std::thread::spawn(move || {
        let mut got = Got { next: 0, repeats: 0, moves: 0 };
        loop {
            let Some(packet) = client.next_or_end() else {
                got.moves += 1;
                client = loop {
                    at = (at + 1) % addresses.len();
                    if let Some(back) = reconnect(addresses[at], &id) {
                        break back;
                    }
                };
                assert!(client.session_present, "{id}, move {}", got.moves);
                continue;
            };
            let Packet::Publish { payload, id: packet_id, .. } = packet else { continue };
            client.send(&[&[0x40, 2][..], &packet_id.to_be_bytes()].concat());
            let text = String::from_utf8(payload).unwrap();
            if text == "end" {
                return got;
            }
            let number: u64 = text.parse().unwrap();
            assert!(number <= got.next, "{id}: {number} came, {} is missing", got.next);
            if number == got.next { got.next += 1 } else { got.repeats += 1 }
        }
    })
}

/// A connection, if there is a node that takes one.
fn reconnect(address: SocketAddr, id: &str) -> Option<Client> {
    let patience = Duration::from_millis(200);
    if TcpStream::connect_timeout(&address, patience).is_err() {
        return None;
    }
    std::panic::catch_unwind(|| lasting(address, id)).ok()
}

/// Each node in turn stops and starts again under load. Sessions without a connection and clients that go to the next node
/// miss nothing that was acknowledged.
#[test]
fn a_rolling_restart_loses_no_session() {
    let mut cluster = Cluster::start(
        3,
        "node.drain_time = 5s\nzone.external.max_mqueue_len = 0\nzone.external.force_shutdown_policy = 100000|512MB",
    );
    let addresses: Vec<SocketAddr> = cluster.nodes.iter().map(Node::mqtt).collect();
    let ids: Vec<String> = (0..60).map(|n| format!("asleep{n}")).collect();
    for (n, id) in ids.iter().enumerate() {
        let mut client = lasting(addresses[n % 3], id);
        client.subscribe("rolling", 1);
        client.disconnect();
    }
    let followers: Vec<_> =
        (0..6).map(|n| follower(format!("awake{n}"), addresses.clone(), n % 3)).collect();
    let count = Arc::new(AtomicU64::new(0));
    for stopping in 1..=3 {
        let stop = Arc::new(AtomicBool::new(false));
        let (told, address) = (stop.clone(), addresses[stopping % 3]);
        let counter = count.clone();
        let publisher = std::thread::spawn(move || {
            let mut client = Client::at(Version::V5, address);
            while !told.load(Ordering::Relaxed) {
                let number = counter.load(Ordering::Relaxed);
                assert_eq!(client.publish("rolling", number.to_string(), 1), 0);
                counter.store(number + 1, Ordering::Relaxed);
            }
        });
        cluster.node(stopping).terminate();
        cluster.node_mut(stopping).wait_end();
        cluster.node_mut(stopping).launch();
        cluster.wait_whole("three again", SOON);
        stop.store(true, Ordering::Relaxed);
        publisher.join().unwrap();
    }
    let sent = count.load(Ordering::Relaxed);
    cluster.client(1).publish("rolling", "end", 1);
    let got: Vec<Got> = followers.into_iter().map(|thread| thread.join().unwrap()).collect();
    for one in &got {
        assert_eq!(one.next, sent, "all that was acknowledged came");
    }
    let mut repeats = 0;
    for (n, id) in ids.iter().enumerate() {
        let mut client = lasting(addresses[(n + 1) % 3], id);
        assert!(client.session_present, "{id}");
        let mut next = 0;
        loop {
            let text = client.message().text();
            if text == "end" {
                break;
            }
            let number: u64 = text.parse().unwrap();
            assert!(number <= next, "{id}: {number} came, {next} is missing");
            if number == next { next += 1 } else { repeats += 1 }
        }
        assert_eq!(next, sent, "{id}");
    }
    println!(
        "FIGURE rolling restart of 3: {sent} published, {} sessions without and {} with a client, {} moves of clients, repeated {repeats} and {}",
        ids.len(),
        got.len(),
        got.iter().map(|one| one.moves).sum::<u64>(),
        got.iter().map(|one| one.repeats).sum::<u64>(),
    );
    assert_eq!(repeats, 0, "nobody read, so nothing was under way");
}
