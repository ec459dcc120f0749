//! Retained messages over real processes: on every node, deleted on every node, bounded, and delivered to who reads slowly.

use std::{collections::BTreeSet, time::Duration};

use super::{
    nodes::{cluster, prepare, wait_for_all},
    support::{
        Client, Message, Node, Version, client::subscribe_bytes, codec::Value, prop, unique,
        wait_for,
    },
};

const V5: Version = Version::V5;
const SOON: Duration = Duration::from_secs(20);

fn retain(client: &mut Client, topic: &str, payload: impl AsRef<[u8]>, qos: u8) -> u8 {
    client.publish_message(Message::new(topic, payload, qos).retain())
}

fn digest(node: &Node) -> String {
    let json = node.ctl(&["--json", "retainer", "info"]);
    serde_json::from_str::<serde_json::Value>(&json).unwrap()["digest"].to_string()
}

#[track_caller]
fn wait_equal(nodes: &[Node]) {
    wait_for("the retained messages of all nodes are equal", SOON, || {
        nodes.iter().all(|node| digest(node) == digest(&nodes[0]))
    });
}

fn topics(node: &Node) -> Vec<String> {
    let text = node.ctl(&["retainer", "topics"]);
    text.lines().filter(|topic| !topic.starts_with("$SYS/")).map(str::to_owned).collect()
}

/// What a new subscriber of `filter` gets, sorted.
fn found(node: &Node, filter: &str) -> Vec<(String, String)> {
    let mut client = Client::at(V5, node.mqtt());
    client.subscribe(filter, 1);
    let all = client.messages();
    let mut all: Vec<_> =
        all.iter().map(|message| (message.topic.clone(), message.text())).collect();
    all.sort();
    all
}

#[test]
fn a_retained_message_is_on_every_node_and_goes_from_all() {
    let nodes = cluster(3);
    let mut one = Client::at(V5, nodes[0].mqtt());
    let mut two = Client::at(Version::V3_1_1, nodes[1].mqtt());
    for n in 0..20 {
        assert!(retain(&mut one, &format!("r/{n}"), format!("first {n}"), n % 3) < 0x80);
    }
    wait_equal(&nodes);
    retain(&mut two, "r/3", "second", 1);
    retain(&mut two, "r/4", "", 1);
    wait_equal(&nodes);
    for node in &nodes {
        let all = found(node, "r/#");
        assert_eq!(all.len(), 19, "{}: {all:?}", node.name);
        assert!(all.contains(&("r/3".to_owned(), "second".to_owned())));
        assert!(!all.iter().any(|(topic, _)| topic == "r/4"));
    }
    assert_eq!(nodes[2].ctl(&["retainer", "clean", "r/1"]), "Cleaned 1 retained messages\n");
    assert_eq!(nodes[2].ctl(&["retainer", "clean", "r/1/#"]), "Cleaned 0 retained messages\n");
    wait_equal(&nodes);
    assert_eq!(topics(&nodes[0]).len(), 18);
    assert_eq!(nodes[0].ctl(&["retainer", "topics", "9999"]), "");
    nodes[1].ctl(&["retainer", "clean"]);
    wait_equal(&nodes);
    for node in &nodes {
        assert_eq!(topics(node), [""; 0], "{}", node.name);
    }
}

/// Its life counts on at the other node, which tells what is left of it.
#[test]
fn a_life_counts_on_at_another_node() {
    let nodes = cluster(2);
    let mut one = Client::at(V5, nodes[0].mqtt());
    let expiry = |seconds| (prop::EXPIRY, Value::Four(seconds));
    one.publish_message(Message::new("r/long", "x", 1).retain().with(expiry(1000)));
    one.publish_message(Message::new("r/short", "x", 1).retain().with(expiry(2)));
    wait_equal(&nodes);
    let mut two = Client::at(V5, nodes[1].mqtt());
    two.subscribe("r/long", 1);
    let Some(Value::Four(left)) = two.message().prop(prop::EXPIRY).cloned() else {
        panic!("no expiry")
    };
    assert!((990..=1000).contains(&left), "{left}");
    wait_for("the other is over on both nodes", SOON, || {
        nodes.iter().all(|node| found(node, "r/short").is_empty())
    });
}

/// A node that starts later, or again, has everything before it serves.
#[test]
fn a_node_that_comes_later_has_everything() {
    let mut nodes = prepare(2);
    nodes[0].launch();
    let mut one = Client::at(V5, nodes[0].mqtt());
    let payload = [b'x'; 600];
    for n in 0..5_000 {
        one.send(&Message::new(&format!("r/{n}"), payload, 0).retain().bytes(V5));
    }
    one.ping();
    let big = vec![b'b'; 1 << 20];
    assert!(retain(&mut one, "big", &big, 1) < 0x80);
    nodes[1].launch();
    wait_for_all(&nodes);
    wait_equal(&nodes);
    assert_eq!(topics(&nodes[1]).len(), 5_001);
    let mut two = Client::at(V5, nodes[1].mqtt());
    two.subscribe("big", 1);
    assert!(two.message().payload == big);
    nodes[1].kill();
    retain(&mut one, "r/7", "", 1);
    nodes[1].launch();
    assert_eq!(found(&nodes[1], "r/7"), []);
    wait_equal(&nodes);
    assert_eq!(topics(&nodes[1]).len(), 5_000);
}

#[test]
fn what_there_is_no_room_for_is_refused_and_counted() {
    let node = Node::start("retainer.max_retained_messages = 40");
    let mut five = Client::at(V5, node.mqtt());
    let mut old = Client::at(Version::V3_1_1, node.mqtt());
    let mut listener = Client::at(V5, node.mqtt());
    listener.subscribe("r/#", 1);
    let refused = (0..60).filter(|n| retain(&mut five, &format!("r/{n}"), "x", 1) == 0x97).count();
    assert_eq!(refused, 20, "what the node says of itself takes no room");
    assert_eq!(listener.messages().len(), 40, "who is told no is not passed on");
    assert_eq!(retain(&mut old, "r/more", "x", 1), 0);
    assert_eq!(listener.message().text(), "x", "who cannot be told is");
    assert_eq!(node.metric("emqx_rs.limit.retained"), 21);
    assert_eq!(retain(&mut five, "r/0", "there is room for what is there", 1), 0);
    assert_eq!(node.log().matches("retained message refused").count(), 1);
}

#[test]
fn one_client_leaves_room_for_the_others() {
    let node = Node::start("retainer.max_retained_messages = 1000");
    let mut greedy = Client::at(V5, node.mqtt());
    let refused =
        (0..1000).filter(|n| retain(&mut greedy, &format!("g/{n}"), "x", 1) == 0x97).count();
    assert_eq!(refused, 200, "of the table it leaves a fifth");
    assert_eq!(node.metric("emqx_rs.limit.retained_share"), 200);
    assert_eq!(retain(&mut greedy, "g/0", "its own it may change", 1), 0x10);
    let mut other = Client::at(V5, node.mqtt());
    let kept = (0..150).filter(|n| retain(&mut other, &format!("o/{n}"), "x", 1) < 0x80).count();
    assert_eq!(kept, 150);
    assert_eq!(node.metric("emqx_rs.limit.retained"), 0);
}

#[test]
fn none_keeps_them_where_they_are() {
    let mut nodes = prepare(2);
    nodes.iter_mut().for_each(|node| node.configure("retainer.replicate = none"));
    nodes.iter_mut().for_each(Node::spawn);
    nodes.iter_mut().for_each(Node::wait_ready);
    wait_for_all(&nodes);
    let mut one = Client::at(V5, nodes[0].mqtt());
    let mut two = Client::at(V5, nodes[1].mqtt());
    two.subscribe("r/live", 1);
    retain(&mut one, "r/live", "x", 1);
    assert_eq!(two.message().text(), "x");
    assert_eq!((topics(&nodes[0]).len(), topics(&nodes[1]).len()), (1, 0));
}

/// 10,000 of 600 bytes to a client that reads nothing for 3 s and then reads on: all.
#[test]
fn ten_thousand_reach_who_reads_late() {
    let nodes = cluster(2);
    let mut one = Client::at(V5, nodes[0].mqtt());
    let (prefix, payload) = (unique("late"), [b'x'; 600]);
    for n in 0..10_000 {
        one.send(&Message::new(&format!("{prefix}/{n}"), payload, 0).retain().bytes(V5));
    }
    one.ping();
    wait_equal(&nodes);
    for node in &nodes {
        let mut late = Client::at(V5, node.mqtt());
        late.send(&subscribe_bytes(V5, 9, &[(&format!("{prefix}/#"), 0)], &[]));
        std::thread::sleep(Duration::from_secs(3));
        let mut topics = BTreeSet::new();
        for _ in 0..10_000 {
            let message = late.raw_message();
            assert_eq!(message.payload.len(), 600);
            topics.insert(message.topic);
        }
        assert_eq!(topics.len(), 10_000, "{}", node.name);
    }
}
