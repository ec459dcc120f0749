//! A node that is up and does not move, and one that stays away: what waits for it, who is held, what is given up.

use std::{
    collections::BTreeSet,
    time::{Duration, Instant},
};

use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};

use super::{
    nodes::{prepare, wait_for_all},
    support::{
        Client, Connect, Message, Node, Packet, Version, Will, client::subscribe_bytes, unique,
        wait_for,
    },
};

const JOIN: Duration = Duration::from_secs(30);
const V3: Version = Version::V3_1_1;

/// A cluster of two whose nodes have these lines in their files.
fn pair(lines: &str) -> Vec<Node> {
    let mut nodes = prepare(2);
    for node in &mut nodes {
        node.configure(lines);
        node.spawn();
    }
    nodes.iter_mut().for_each(Node::wait_ready);
    wait_for_all(&nodes);
    nodes
}

/// A process that is stopped, until this is dropped.
struct Stopped(Pid);

impl Stopped {
    fn new(node: &Node) -> Self {
        let pid = Pid::from_raw(node.pid());
        kill(pid, Signal::SIGSTOP).unwrap();
        let stopped = Self(pid);
        // On a busy machine its threads go on for a moment.
        let stands = |line: &str| line.starts_with("State:") && line.contains("T (stopped)");
        let status = || std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
        wait_for("it stands still", JOIN, || status().lines().any(stands));
        stopped
    }
}

impl Drop for Stopped {
    fn drop(&mut self) {
        let _ = kill(self.0, Signal::SIGCONT);
    }
}

fn pub_acks(client: &mut Client, count: usize) {
    for _ in 0..count {
        client.wait(|packet| matches!(packet, Packet::PubAck { .. }).then_some(()));
    }
}

/// MQTT 3 has no answer that says "not now": its publisher is not read from, loses nothing and is not disconnected. With
/// `publish_ack = local` what was taken before is acknowledged while the other node has nothing yet.
#[test]
fn a_slow_node_holds_the_publishers_that_feed_it_and_nobody_else() {
    const COUNT: u16 = 300;
    let nodes = pair(
        "cluster.failure_timeout = 60s\ncluster.forward.keep_bytes = 64KB\ncluster.publish_ack = local",
    );
    let topic = unique("slow/");
    let mut far = Client::at(V3, nodes[1].mqtt());
    far.subscribe(&topic, 1);
    let mut publisher = Client::at(V3, nodes[0].mqtt());
    let (mut near, other) = (Client::at(V3, nodes[0].mqtt()), unique("near/"));
    near.subscribe(&other, 1);

    let stopped = Stopped::new(&nodes[1]);
    for number in 1..=COUNT {
        let payload = format!("{number:01000}");
        publisher.send(&Message::new(&topic, payload, 1).id(number).bytes(V3));
    }
    wait_for("the publisher is held", JOIN, || nodes[0].metric("emqx_rs.mesh.forward_held") > 0);
    // 64 KB are shared by two streams.
    pub_acks(&mut publisher, 30);
    for number in 0..20 {
        near.publish(&other, format!("{number}"), 1);
        assert_eq!(near.message().text(), format!("{number}"), "others go on");
    }
    assert_eq!(nodes[0].running_nodes().len(), 2, "the stopped node still counts as up");
    let read = nodes[0].metric("messages.forward");
    assert!(read < 60, "nothing is read behind the bound: {read}");

    drop(stopped);
    for number in 1..=COUNT {
        assert_eq!(far.message().text(), format!("{number:01000}"));
    }
    pub_acks(&mut publisher, usize::from(COUNT) - 30);
    assert_eq!(far.texts(), Vec::<String>::new());
    assert_eq!(nodes[0].metric("emqx_rs.mesh.forward_dropped"), 0);
}

/// Each with a message, together far above the bound: all are held, none is refused or disconnected.
#[test]
fn many_publishers_above_the_bound_are_held_and_none_is_refused() {
    const PUBLISHERS: u64 = 20;
    let nodes = pair(
        "cluster.failure_timeout = 60s\ncluster.forward.keep_bytes = 64KB\ncluster.publish_ack = local",
    );
    let topic = unique("many/");
    let mut far = Client::at(V3, nodes[1].mqtt());
    far.subscribe(&topic, 1);
    let mut publishers: Vec<Client> =
        (0..PUBLISHERS).map(|_| Client::at(V3, nodes[0].mqtt())).collect();

    let stopped = Stopped::new(&nodes[1]);
    for publisher in &mut publishers {
        for id in 1..=2 {
            publisher.send(&Message::new(&topic, "x".repeat(20_000), 1).id(id).bytes(V3));
        }
    }
    let held = || nodes[0].metric("emqx_rs.mesh.forward_held");
    wait_for("all are held", JOIN, || held() >= PUBLISHERS);
    let taken = nodes[0].metric("messages.forward");
    assert!(taken * 20_000 > 2 * 64 * 1024, "{taken} messages");

    drop(stopped);
    for publisher in &mut publishers {
        pub_acks(publisher, 2);
    }
    for _ in 0..2 * PUBLISHERS {
        assert_eq!(far.message().text().len(), 20_000);
    }
    assert_eq!(nodes[0].metric("emqx_rs.mesh.forward_dropped"), 0);
}

/// A client that is not read from may go all the same: its will goes out, unless it said goodbye before.
#[test]
fn a_held_publisher_that_goes_is_noticed() {
    // More than is kept, and no more than the kernel takes.
    const COUNT: u16 = 100;
    let nodes = pair(
        "cluster.failure_timeout = 60s\ncluster.forward.keep_bytes = 64KB\ncluster.publish_ack = local",
    );
    let (topic, wills) = (unique("slow/"), unique("will/"));
    let mut far = Client::at(V3, nodes[1].mqtt());
    far.subscribe(&topic, 1);
    let mut witness = Client::at(V3, nodes[0].mqtt());
    witness.subscribe(&wills, 1);

    let stopped = Stopped::new(&nodes[1]);
    let held = || nodes[0].metric("emqx_rs.mesh.forward_held");
    let publisher = |name: &str, count: u64| {
        let will = Will::new(&wills, name);
        let mut client = Connect::new(V3).will(will).open(nodes[0].mqtt());
        for number in 1..=COUNT {
            let payload = format!("{name} {number:01000}");
            client.send(&Message::new(&topic, payload, 1).id(number).bytes(V3));
        }
        wait_for("it is held", JOIN, || held() == count);
        client
    };
    let (dies, mut leaves) = (publisher("dies", 1), publisher("leaves", 2));
    pub_acks(&mut leaves, 1);
    leaves.send(&[0xe0, 0]);
    leaves.cut();
    wait_for("it has left", JOIN, || nodes[0].stat("connections.count") == 2);
    dies.cut();
    assert_eq!(witness.message().text(), "dies");
    wait_for("both are gone", JOIN, || nodes[0].stat("connections.count") == 1);
    assert_eq!(nodes[0].running_nodes().len(), 2, "the stopped node still counts as up");
    let dropped = nodes[0].metric("emqx_rs.mesh.forward_dropped");
    assert!(dropped > 80, "{dropped}: what was behind the bound is not taken, and counted");

    drop(stopped);
    let first = format!("leaves {:01000}", 1);
    while far.message().text() != first {}
    assert_eq!(witness.texts(), Vec::<String>::new());
}

/// More delayed messages fall due at once than may be kept for a node: they wait for it where they are.
#[test]
fn delayed_messages_wait_for_a_slow_node() {
    const COUNT: usize = 200;
    let nodes = pair("cluster.failure_timeout = 60s\ncluster.forward.keep_bytes = 64KB");
    let topic = unique("late/");
    let mut far = Client::at(V3, nodes[1].mqtt());
    far.subscribe(&topic, 1);
    let mut publisher = Client::at(V3, nodes[0].mqtt());
    for number in 0..COUNT {
        let message = Message::new(&format!("$delayed/5/{topic}"), format!("{number:01000}"), 1);
        publisher.send(&message.id(number as u16 + 1).bytes(V3));
    }
    pub_acks(&mut publisher, COUNT);
    let stopped = Stopped::new(&nodes[1]);
    wait_for("they are held", JOIN, || nodes[0].metric("emqx_rs.mesh.forward_held") > 0);
    let left = nodes[0].stat("delayed.count");
    assert!((100..COUNT as u64).contains(&left), "{left}");

    drop(stopped);
    for number in 0..COUNT {
        assert_eq!(far.message().text(), format!("{number:01000}"));
    }
    assert_eq!(far.texts(), Vec::<String>::new());
    assert_eq!(nodes[0].metric("emqx_rs.mesh.forward_dropped"), 0);
    assert_eq!(nodes[0].stat("delayed.count"), 0);
}

#[test]
fn what_waits_for_a_node_longer_than_keep_time_is_given_up_and_counted() {
    let nodes = pair("cluster.forward.keep_time = 2s");
    let topic = unique("kept/");
    let mut far = Client::at(V3, nodes[1].mqtt());
    far.subscribe(&topic, 1);
    let mut publisher = Client::at(V3, nodes[0].mqtt());

    let alone = BTreeSet::from([nodes[0].name.clone()]);
    let stopped = Stopped::new(&nodes[1]);
    wait_for("the stopped node is down", JOIN, || nodes[0].running_nodes() == alone);
    publisher.publish(&topic, "too old", 1);
    assert_eq!(nodes[0].metric("messages.forward"), 1, "it is kept");
    wait_for("it is given up", JOIN, || nodes[0].metric("emqx_rs.mesh.forward_dropped") == 1);
    publisher.publish(&topic, "wanted by nobody", 1);
    assert_eq!(nodes[0].metric("messages.forward"), 1, "its routes are gone too");

    drop(stopped);
    wait_for_all(&nodes);
    wait_for("its routes are back", JOIN, || {
        publisher.publish(&topic, "new", 1);
        nodes[0].metric("messages.forward") > 1
    });
    assert_eq!(far.message().text(), "new", "and not what was given up");
}

/// Whoever subscribes second to a filter whose route is on its way waits for that as the first does.
#[test]
fn no_suback_comes_before_other_nodes_know_of_the_filter() {
    let nodes = pair("cluster.failure_timeout = 60s");
    for _ in 0..5 {
        let topic = unique("t/");
        let mut clients = [0, 0].map(|node: usize| Client::at(V3, nodes[node].mqtt()));
        let stopped = Stopped::new(&nodes[1]);
        let began = Instant::now();
        for client in &mut clients {
            client.send(&subscribe_bytes(V3, 1, &[(&topic, 1)], &[]));
        }
        for client in clients.iter_mut().rev() {
            assert_eq!(client.answer(), Some(vec![1]));
            // The barrier has 250 ms.
            assert!(began.elapsed() >= Duration::from_millis(240), "{:?}", began.elapsed());
        }
        drop(stopped);
        // Both are known now, and nobody waits.
        assert_eq!(clients[0].subscribe(&topic, 0), 0);
    }
}
