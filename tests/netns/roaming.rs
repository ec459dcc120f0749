//! A client that goes from node to node every second while much is published to it: nothing is lost, QoS 2 comes once, and the order
//! of each publisher is kept.

use std::{
    collections::{BTreeMap, BTreeSet},
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread::JoinHandle,
    time::{Duration, Instant},
};

use super::{
    cluster::Cluster,
    report,
    support::{Client, Connect, Node, Packet, Version, codec::ack},
};

/// Publishers of QoS 1, and as many of QoS 2.
const PUBLISHERS: u32 = 4;
/// Messages a second, of all together.
const RATE: u32 = 1_000;

/// How long it roams: `NETNS_ROAM` seconds, else 10.
fn seconds() -> u64 {
    std::env::var("NETNS_ROAM").map_or(10, |text| text.parse().unwrap())
}

/// Publishes consecutive numbers to `topic`, in time, until it is told to stop; returns how many.
fn publisher(
    address: SocketAddr,
    topic: String,
    qos: u8,
    stop: Arc<AtomicBool>,
) -> JoinHandle<u32> {
    std::thread::spawn(move || {
        let mut client = Client::at(Version::V5, address);
        let (start, each) = (Instant::now(), Duration::from_secs(1) * 2 * PUBLISHERS / RATE);
        let mut count = 0;
        while !stop.load(Ordering::Relaxed) {
            std::thread::sleep((start + each * count).saturating_duration_since(Instant::now()));
            assert_eq!(client.publish(&topic, count.to_string(), qos), 0, "{topic}");
            count += 1;
        }
        count
    })
}

/// What the client knows, from one connection to the next.
#[derive(Default)]
struct Got {
    /// By topic: the number to come.
    next: BTreeMap<String, u32>,
    /// QoS 2 messages that it has and that are not released.
    unreleased: BTreeSet<u16>,
    repeats: u32,
    last: Option<Instant>,
    longest_gap: Duration,
}

impl Got {
    fn take(&mut self, client: &mut Client, packet: &Packet) {
        match packet {
            Packet::Publish { qos, topic, id, payload, dup, .. } => {
                let now = Instant::now();
                let gap = self.last.replace(now).map_or(Duration::ZERO, |last| now - last);
                self.longest_gap = self.longest_gap.max(gap);
                let answer = if *qos == 2 { 0x50 } else { 0x40 };
                if *qos != 2 || self.unreleased.insert(*id) {
                    self.count(topic, payload, *qos == 1 && *dup);
                }
                client.send(&ack(answer, *id));
            }
            Packet::PubRel { id, .. } => {
                self.unreleased.remove(id);
                client.send(&ack(0x70, *id));
            }
            Packet::Disconnect { .. } => {}
            other => panic!("{other:?}"),
        }
    }

    /// A message is the next of its publisher, or one of QoS 1 that was under way when the client moved.
    fn count(&mut self, topic: &str, payload: &[u8], may_repeat: bool) {
        let next = self.next.entry(topic.to_owned()).or_default();
        let number: u32 = std::str::from_utf8(payload).unwrap().parse().unwrap();
        if number < *next && may_repeat {
            self.repeats += 1;
            return;
        }
        assert_eq!(number, *next, "{topic}");
        *next += 1;
    }
}

#[test]
fn a_roaming_client_misses_nothing() {
    let cluster = Cluster::start(3, "");
    let addresses: Vec<SocketAddr> = cluster.nodes.iter().map(Node::mqtt).collect();
    let open = |at: usize| {
        Connect::new(Version::V5).id("roamer").lasting().open(addresses[at % addresses.len()])
    };
    let mut client = open(0);
    client.subscribe("roam/+", 2);
    let stop = Arc::new(AtomicBool::new(false));
    let publishers: Vec<(String, JoinHandle<u32>)> = (0..2 * PUBLISHERS)
        .map(|n| {
            let (topic, qos) = (format!("roam/{n}"), 1 + u8::from(n >= PUBLISHERS));
            let address = addresses[n as usize % addresses.len()];
            (topic.clone(), publisher(address, topic, qos, stop.clone()))
        })
        .collect();
    let (start, span) = (Instant::now(), Duration::from_secs(seconds()));
    let (mut got, mut moves) = (Got::default(), Vec::new());
    while start.elapsed() < span {
        let next_move = start + Duration::from_secs(1) * (moves.len() as u32 + 1);
        while Instant::now() < next_move {
            let packet = client.recv();
            got.take(&mut client, &packet);
        }
        // In turn: the old connection is gone before, or it is taken over with what is under way.
        let old = (moves.len() % 2 == 0).then_some(client);
        let began = Instant::now();
        client = open(moves.len() + 1);
        moves.push(began.elapsed());
        assert!(client.session_present, "move {}", moves.len());
        drop(old);
    }
    let took = start.elapsed();
    stop.store(true, Ordering::Relaxed);
    let sent: BTreeMap<String, u32> =
        publishers.into_iter().map(|(topic, thread)| (topic, thread.join().unwrap())).collect();
    while got.next != sent {
        let packet = client.recv();
        got.take(&mut client, &packet);
    }
    let all: u32 = sent.values().sum();
    let rate = f64::from(all) / took.as_secs_f64();
    println!(
        "FIGURE roaming over 3 nodes: {all} messages in {took:.1?}, {rate:.0} a second, {} moves, {} of QoS 1 repeated, none of QoS 2, none lost, longest gap {:?}",
        moves.len(),
        got.repeats,
        got.longest_gap,
    );
    report("CONNACK of a client that moves under load", &mut moves);
    assert!(rate > f64::from(RATE) / 2.0, "the publishers were held up");
}
