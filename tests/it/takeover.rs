//! Sessions follow their clients from node to node (v5 3.1.2.11.2).

use std::{
    collections::BTreeSet,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use super::{
    nodes::cluster,
    support::{Client, Connect, Message, Node, Version, Will, prop, unique, wait_for},
};

const JOIN: Duration = Duration::from_secs(30);

fn lasting(version: Version, id: &str, node: &Node) -> Client {
    Connect::new(version).id(id).lasting().open(node.mqtt())
}

/// Sessions that a node knows of.
fn sessions(node: &Node) -> u64 {
    node.stat("sessions.count")
}

#[test]
fn a_session_follows_its_client() {
    let nodes = cluster(3);
    for version in [Version::V3_1_1, Version::V5] {
        let (topic, id) = (unique("t/"), unique("c"));
        let mut client = lasting(version, &id, &nodes[0]);
        assert!(!client.session_present);
        client.subscribe_to(&[(&format!("{topic}/+"), 2), (&format!("$share/g/{topic}"), 1)], &[]);
        client.cut();
        let mut publisher = Client::at(Version::V5, nodes[2].mqtt());
        wait_for("the connection is gone", JOIN, || {
            publisher.publish(&topic, "wait", 1);
            nodes[0].ctl(&["clients", "show", &id]).contains("connected=false")
        });
        let waiting: Vec<String> = (0..50).map(|n| n.to_string()).collect();
        for (n, text) in waiting.iter().enumerate() {
            publisher.publish(&format!("{topic}/a"), text, 1 + (n % 2) as u8);
        }
        let mut client = lasting(version, &id, &nodes[1]);
        assert!(client.session_present, "{version:?}");
        let seen: Vec<String> = client.texts().into_iter().filter(|text| text != "wait").collect();
        assert_eq!(seen, waiting, "{version:?}");
        for (n, node) in nodes.iter().enumerate() {
            let mut publisher = Client::at(Version::V5, node.mqtt());
            for qos in 0..3 {
                publisher.publish(&format!("{topic}/b"), format!("{n} {qos}"), qos);
                publisher.publish(&topic, format!("shared {n} {qos}"), qos);
            }
            let texts = client.texts();
            let want: Vec<String> = (0..3)
                .flat_map(|qos| [format!("{n} {qos}"), format!("shared {n} {qos}")])
                .collect();
            assert_eq!(texts, want, "{version:?}, once each");
        }
        wait_for("only one node has it", JOIN, || {
            nodes.iter().map(sessions).collect::<Vec<_>>() == [0, 1, 1]
        });
        // Somebody who starts clean ends it everywhere.
        let fresh = Connect::new(version).id(&id).open(nodes[2].mqtt());
        assert!(!fresh.session_present);
        client.closed_with(0x8e);
        drop((fresh, publisher));
        wait_for("nobody has a session", JOIN, || nodes.iter().all(|node| sessions(node) == 0));
    }
}

#[test]
fn a_connected_client_is_taken_over_from_another_node() {
    let nodes = cluster(2);
    let (topic, id) = (unique("t/"), unique("c"));
    let mut first = lasting(Version::V5, &id, &nodes[0]);
    first.subscribe(&topic, 2);
    let mut publisher = Client::at(Version::V5, nodes[0].mqtt());
    publisher.publish(&topic, "under way", 2);
    let seen = first.raw_message();
    assert_eq!((seen.qos, seen.text()), (2, "under way".to_owned()));
    let mut second = lasting(Version::V5, &id, &nodes[1]);
    first.closed_with(0x8e);
    assert!(second.session_present);
    // What was under way is sent again, under the same packet id.
    let again = second.raw_message();
    assert_eq!((again.id, again.dup, again.text()), (seen.id, true, "under way".to_owned()));
    second.acknowledge(&again);
    assert_eq!(second.texts(), Vec::<String>::new());
}

/// A client walks from node to node while messages are published on one that it never visits: every one that was
/// acknowledged arrives, in order, and none twice but those that were under way when it left.
#[test]
fn nothing_is_lost_on_the_way() {
    let nodes = cluster(4);
    let (topic, id) = (unique("t/"), unique("c"));
    let mut client = lasting(Version::V5, &id, &nodes[0]);
    client.subscribe(&topic, 1);
    let stop = Arc::new(AtomicBool::new(false));
    let publisher = {
        let (stop, topic, address) = (stop.clone(), topic.clone(), nodes[3].mqtt());
        std::thread::spawn(move || {
            let mut publisher = Client::at(Version::V5, address);
            let mut count = 0_u32;
            while !stop.load(Ordering::Relaxed) {
                publisher.publish(&topic, count.to_string(), 1);
                count += 1;
            }
            count
        })
    };
    let (mut next, mut moves) = (0_u32, 0);
    let take = |client: &mut Client, next: &mut u32| {
        let message = client.message();
        let number: u32 = message.text().parse().unwrap();
        assert!(number == *next || (message.dup && number < *next), "{number} and not {next}");
        *next = (*next).max(number + 1);
    };
    while moves < 30 {
        for _ in 0..50 {
            take(&mut client, &mut next);
        }
        moves += 1;
        client = lasting(Version::V5, &id, &nodes[moves % 3]);
        assert!(client.session_present, "move {moves}");
    }
    stop.store(true, Ordering::Relaxed);
    let count = publisher.join().unwrap();
    while next < count {
        take(&mut client, &mut next);
    }
    assert_eq!(client.texts(), Vec::<String>::new());
}

/// A node that is stopped gives its sessions to the others, with what waits in them.
#[test]
fn a_stopped_node_leaves_its_sessions_to_the_others() {
    let mut nodes = cluster(3);
    let topic = unique("t/");
    let ids: Vec<String> = (0..100).map(|_| unique("c")).collect();
    for id in &ids {
        let mut client = lasting(Version::V5, id, &nodes[0]);
        client.subscribe(&topic, 1);
        client.disconnect();
    }
    let mut publisher = Client::at(Version::V5, nodes[1].mqtt());
    publisher.publish(&topic, "before", 1);
    nodes[0].terminate();
    nodes[0].wait_end();
    publisher.publish(&topic, "after", 1);
    for (n, id) in ids.iter().enumerate() {
        let mut client = lasting(Version::V5, id, &nodes[1 + n % 2]);
        assert!(client.session_present, "{id}");
        assert_eq!(client.texts(), ["before", "after"], "{id}");
    }
}

/// `broker.session_locking_strategy = local`: the client is in at once, and its old session is joined to the new one.
#[test]
fn without_waiting_two_sessions_become_one() {
    let mut nodes = super::nodes::prepare(2);
    for node in &mut nodes {
        node.configure("broker.session_locking_strategy = local");
        node.spawn();
    }
    nodes.iter_mut().for_each(Node::wait_ready);
    super::nodes::wait_for_all(&nodes);
    let (topic, id) = (unique("t/"), unique("c"));
    let mut first = lasting(Version::V5, &id, &nodes[0]);
    first.subscribe(&topic, 1);
    let mut publisher = Client::at(Version::V5, nodes[1].mqtt());
    wait_for("the claim of the first is known", JOIN, || nodes[0].claims() + nodes[1].claims() > 2);
    let mut second = lasting(Version::V5, &id, &nodes[1]);
    assert!(!second.session_present);
    first.closed_with(0x8e);
    publisher.publish(&topic, "to the old session", 1);
    assert_eq!(second.message().text(), "to the old session");
    wait_for("one session", JOIN, || sessions(&nodes[0]) == 0);
    publisher.publish(&topic, "to the new one", 1);
    assert_eq!(second.texts(), ["to the new one"]);
}

/// The same under load, with both subscribed: what reached both sessions comes once.
#[test]
fn what_reached_both_sessions_comes_once() {
    let mut nodes = super::nodes::prepare(2);
    for node in &mut nodes {
        node.configure("broker.session_locking_strategy = local");
        node.spawn();
    }
    nodes.iter_mut().for_each(Node::wait_ready);
    super::nodes::wait_for_all(&nodes);
    let topic = unique("t/");
    let stop = Arc::new(AtomicBool::new(false));
    let publisher = {
        let (stop, topic, address) = (stop.clone(), topic.clone(), nodes[0].mqtt());
        std::thread::spawn(move || {
            let mut publisher = Client::at(Version::V5, address);
            let mut count = 0_u32;
            while !stop.load(Ordering::Relaxed) {
                publisher.publish(&topic, count.to_string(), 2);
                count += 1;
            }
        })
    };
    let id = unique("c");
    let mut first = lasting(Version::V5, &id, &nodes[0]);
    first.subscribe(&topic, 2);
    wait_for("the claim of the first is known", JOIN, || {
        nodes[0].claims() + nodes[1].claims() == 4
    });
    let mut second = lasting(Version::V5, &id, &nodes[1]);
    second.subscribe(&topic, 2);
    let mut seen = BTreeSet::new();
    // A batch after the two have become one too.
    let mut moved = false;
    while !moved {
        moved = sessions(&nodes[0]) == 1;
        for _ in 0..20 {
            let text = second.message().text();
            assert!(seen.insert(text.clone()), "{text} came twice");
        }
    }
    stop.store(true, Ordering::Relaxed);
    publisher.join().unwrap();
}

/// Many clients of two nodes change places at once.
#[test]
fn two_nodes_fetch_from_each_other() {
    let nodes = cluster(2);
    let ids: Vec<Vec<String>> = (0..2).map(|_| (0..150).map(|_| unique("c")).collect()).collect();
    for (node, ids) in nodes.iter().zip(&ids) {
        for id in ids {
            lasting(Version::V5, id, node).disconnect();
        }
    }
    let started = Instant::now();
    let mut clients: Vec<Client> = Vec::new();
    for (a, b) in ids[0].iter().zip(&ids[1]) {
        for (id, node) in [(a, &nodes[1]), (b, &nodes[0])] {
            let mut client = Client::raw(Version::V5, node.mqtt());
            client.send(&Connect::new(Version::V5).id(id).lasting().bytes());
            clients.push(client);
        }
    }
    for client in &mut clients {
        client.take_connack();
        assert_eq!((client.code, client.session_present), (0, true));
    }
    println!("300 sessions changed places in {:?}", started.elapsed());
    assert!(started.elapsed() < Duration::from_secs(4), "they waited for each other");
}

/// How long a client with a thousand messages waiting is kept waiting; the figure is in benches/README.md.
#[test]
fn a_full_queue_moves_quickly() {
    let nodes = cluster(3);
    let (topic, id) = (unique("t/"), unique("c"));
    let mut client = lasting(Version::V5, &id, &nodes[0]);
    client.subscribe(&topic, 1);
    client.disconnect();
    let mut publisher = Client::at(Version::V5, nodes[0].mqtt());
    for n in 0..1_000_u32 {
        publisher.publish(&topic, [&n.to_be_bytes()[..], &[7; 96]].concat(), 1);
    }
    let mut took: Vec<Duration> = (0..60)
        .map(|n| {
            let start = Instant::now();
            let client = lasting(Version::V5, &id, &nodes[(n + 1) % 3]);
            assert!(client.session_present);
            start.elapsed()
        })
        .collect();
    took.sort();
    println!("1,000 queued: p50 {:?}, p99 {:?}", took[took.len() / 2], took[took.len() * 99 / 100]);
    let mut client = lasting(Version::V5, &id, &nodes[0]);
    let numbers: BTreeSet<u32> = (0..1_000)
        .map(|_| {
            let Message { payload, .. } = client.message();
            u32::from_be_bytes(*payload.first_chunk().unwrap())
        })
        .collect();
    assert_eq!(numbers.len(), 1_000);
}

/// v5 3.1.3.2.2: the session ends, so the will goes out before its delay; also where its connection is still open.
#[test]
fn a_clean_start_elsewhere_ends_the_delay_of_a_will() {
    let nodes = cluster(2);
    let (id, topic) = (unique("c"), unique("will/"));
    let mut witness = Client::at(Version::V5, nodes[0].mqtt());
    witness.subscribe(&topic, 1);
    let props = vec![prop::four(prop::WILL_DELAY, 3600)];
    let will = Will { props, ..Will::new(&topic, "gone") };
    let mut first = Connect::new(Version::V5).id(&id).lasting().will(will).open(nodes[0].mqtt());
    let _fresh = Connect::new(Version::V5).id(&id).open(nodes[1].mqtt());
    first.closed_with(0x8e);
    assert_eq!(witness.message().text(), "gone");
}
