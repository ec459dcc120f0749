//! Messages that were acknowledged around cuts: none is lost, none comes twice to QoS 2, all in order.

use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread::JoinHandle,
    time::{Duration, Instant},
};

use super::{
    cluster::{Cluster, SOON},
    report,
    support::{Client, Message, Version},
    tries,
};

/// Messages under way at once for each publisher.
const WINDOW: usize = 50;

/// Publishes numbers to `topic` until told to stop, then `end`; returns how many numbers were acknowledged: all of them.
fn publisher(
    address: SocketAddr,
    topic: String,
    qos: u8,
    stop: Arc<AtomicBool>,
) -> JoinHandle<u64> {
    std::thread::spawn(move || {
        let mut client = Client::at(Version::V5, address);
        let mut next = 0_u64;
        while !stop.load(Ordering::Relaxed) {
            let ids: Vec<u16> = (0..WINDOW)
                .map(|_| {
                    let id = client.next_id();
                    let message = Message::new(&topic, next.to_string(), qos).id(id);
                    client.send(&message.bytes(Version::V5));
                    next += 1;
                    id
                })
                .collect();
            for id in ids {
                assert_eq!(client.complete(qos, id), 0);
            }
        }
        assert_eq!(client.publish(&topic, "end", qos), 0);
        next
    })
}

/// What a subscriber got: how many numbers, each in its turn, and how many that it had already.
struct Got {
    qos: u8,
    from: usize,
    count: u64,
    repeats: u64,
}

/// Takes numbers until `end` comes. Panics when one is missing or out of order.
fn subscriber(mut client: Client, name: String, qos: u8, from: usize) -> JoinHandle<Got> {
    std::thread::spawn(move || {
        let mut got = Got { qos, from, count: 0, repeats: 0 };
        loop {
            let text = client.message().text();
            if text == "end" {
                return got;
            }
            let number: u64 = text.parse().unwrap();
            match number.cmp(&got.count) {
                std::cmp::Ordering::Equal => got.count += 1,
                std::cmp::Ordering::Less => got.repeats += 1,
                std::cmp::Ordering::Greater => {
                    panic!("{name}: {number} came, {} is missing", got.count);
                }
            }
        }
    })
}

/// Publishers on every node, subscribers on every other, and cables that are cut again and again.
#[test]
fn nothing_acknowledged_is_lost_or_reordered_by_cuts() {
    // What gathered during a cut comes at once, and more than a queue of the default length holds.
    let cluster = Cluster::start(
        3,
        "zone.external.max_mqueue_len = 0\nzone.external.force_shutdown_policy = 100000|512MB",
    );
    let stop = Arc::new(AtomicBool::new(false));
    let (mut publishers, mut subscribers) = (Vec::new(), Vec::new());
    for qos in [1, 2] {
        for from in 1..=3 {
            let topic = format!("flow/{qos}/{from}");
            for to in (1..=3).filter(|to| *to != from) {
                let mut client = cluster.client(to);
                client.subscribe(&topic, qos);
                let name = format!("QoS {qos} from {from} to {to}");
                subscribers.push(subscriber(client, name, qos, publishers.len()));
            }
            publishers.push(publisher(cluster.node(from).mqtt(), topic, qos, stop.clone()));
        }
    }
    for round in 0..tries(3) {
        match round % 3 {
            0 => cluster.lan.split(&[&[1, 2], &[3]]),
            1 => cluster.lan.split(&[&[1], &[2], &[3]]),
            _ => cluster.lan.cut_one_way(1, 2),
        }
        cluster.wait_down(1, if round % 3 == 0 { 3 } else { 2 }, SOON);
        // Acknowledged on both sides while they are apart.
        std::thread::sleep(Duration::from_millis(500));
        cluster.lan.heal();
        cluster.wait_whole("one cluster again", SOON);
    }
    stop.store(true, Ordering::Relaxed);
    let sent: Vec<u64> = publishers.into_iter().map(|thread| thread.join().unwrap()).collect();
    let got: Vec<Got> = subscribers.into_iter().map(|thread| thread.join().unwrap()).collect();
    let repeats = |qos| got.iter().filter(|g| g.qos == qos).map(|g| g.repeats).sum::<u64>();
    for node in &cluster.nodes {
        assert_eq!(node.metric("delivery.dropped.queue_full"), 0, "the queues were long enough");
    }
    println!(
        "FIGURE acknowledged across cuts: {} published, {} delivered in order, repeated {} (QoS 1) {} (QoS 2)",
        sent.iter().sum::<u64>(),
        got.iter().map(|g| g.count).sum::<u64>(),
        repeats(1),
        repeats(2),
    );
    for one in &got {
        assert_eq!(one.count, sent[one.from], "QoS {}: all that was acknowledged came", one.qos);
    }
    assert_eq!((repeats(1), repeats(2)), (0, 0));
}

/// SUBACK waits for all nodes that are up.
#[test]
fn a_subscription_is_everywhere_soon() {
    let cluster = Cluster::start(5, "");
    let mut client = cluster.client(3);
    let mut times: Vec<_> = (0..300)
        .map(|number| {
            let start = Instant::now();
            client.subscribe(&format!("barrier/{number}"), 1);
            start.elapsed()
        })
        .collect();
    times.sort();
    println!("FIGURE SUBACK on 5 idle nodes: p50 {:?}, p99 {:?}", times[150], times[297]);
    report("SUBACK on 5 idle nodes", &mut times);
    assert!(times[150] < Duration::from_millis(50), "{:?}", times[150]);
}
