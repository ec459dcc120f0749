//! The same while other nodes are up: they take the node for one that is back in a moment.

use std::{
    thread,
    time::{Duration, Instant},
};

use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};

use super::{
    super::{
        nodes::prepare,
        support::{
            Client, Connect, LIMIT, Node, Version, Will,
            crowd::{self, CLIENTS, Seen},
            manager::Manager,
            prop, wait_for,
        },
    },
    MOST,
};

const V5: Version = Version::V5;
/// A node that restarts is awaited for 15 s.
const WAIT: Duration = Duration::from_secs(15);

/// A cluster of so many nodes, of which the first has a service manager.
fn managed(count: usize) -> (Manager, Vec<Node>) {
    let mut nodes = prepare(count);
    nodes.iter_mut().skip(1).for_each(Node::spawn);
    let manager = Manager::start_node(nodes.remove(0), MOST);
    nodes.iter_mut().for_each(Node::wait_ready);
    wait_for("all are up", LIMIT * 3, || {
        let all = nodes.iter().chain([&manager.node]);
        all.into_iter().all(|node| node.running_nodes().len() == count)
    });
    (manager, nodes)
}

fn up_again(manager: &Manager, nodes: &[Node]) {
    let count = nodes.len() + 1;
    wait_for("all are up again", LIMIT, || {
        let all = nodes.iter().chain([&manager.node]);
        all.into_iter().all(|node| node.running_nodes().len() == count)
    });
}

/// A thousand clients on all nodes, each publisher writing to subscribers on all of them.
fn under_load(count: usize) {
    let (mut manager, nodes) = managed(count);
    let places: Vec<_> = [&manager.node].into_iter().chain(&nodes).map(Node::mqtt).collect();
    let Seen { messages, longest } = crowd::under_load(&places, 2, || manager.restart());
    assert_eq!(manager.node.metric("client.connect"), 0, "nobody connected again");
    for node in &nodes {
        assert_eq!(node.metric("emqx_rs.mesh.forward_dropped"), 0, "{}", node.name);
        assert!(!node.log().contains("member down"), "{}", node.log());
        assert!(!node.log().contains("partition"), "{}", node.log());
    }
    println!(
        "{CLIENTS} clients on {count} nodes, {messages} messages, 2 restarts of one: longest pause {longest:?}"
    );
}

#[test]
fn a_thousand_clients_of_two_nodes_under_load_notice_a_pause() {
    under_load(2);
}

#[test]
fn a_thousand_clients_of_three_nodes_under_load_notice_a_pause() {
    under_load(3);
}

#[test]
fn messages_wait_for_a_node_that_restarts() {
    let (mut manager, nodes) = managed(2);
    let mut subscriber = Client::at(V5, manager.node.mqtt());
    subscriber.subscribe("to/restarting", 2);
    let mut publisher = Client::at(V5, nodes[0].mqtt());
    publisher.publish("to/restarting", "before", 2);
    manager.end("restart");
    // It is kept for the node, and acknowledged after two seconds at the latest.
    assert_eq!(publisher.publish("to/restarting", "meanwhile", 1), 0);
    let mut late = Client::at(V5, nodes[0].mqtt());
    late.subscribe("to/the/other", 1);
    manager.launch();
    publisher.publish("to/restarting", "after", 2);
    assert_eq!(subscriber.texts(), ["before", "meanwhile", "after"]);
    // Who subscribed meanwhile is known to the clients that go on.
    subscriber.publish("to/the/other", "hello", 1);
    assert_eq!(late.texts(), ["hello"]);
    up_again(&manager, &nodes);
}

#[test]
fn a_node_that_does_not_come_back_is_dead_after_the_wait() {
    let (mut manager, nodes) = managed(2);
    let will = Will::new("last/word", "gone");
    let _client = Connect::new(V5).will(will).open(manager.node.mqtt());
    let mut subscriber = Client::at(V5, manager.node.mqtt());
    subscriber.subscribe("to/restarting", 1);
    let mut witness = Client::at(V5, nodes[0].mqtt());
    witness.subscribe("last/word", 1);
    manager.end("restart");
    let began = Instant::now();
    // As systemd does when the unit fails.
    manager.forget();
    assert_eq!(witness.message_within(WAIT + LIMIT).text(), "gone");
    let after = began.elapsed();
    assert!(after > WAIT - Duration::from_secs(2), "it was awaited for {after:?} only");
    assert!(nodes[0].log().contains("member down"));
    println!("a node that does not come back is dead after {after:?}");
    // Its routes are gone: nobody waits for it.
    let began = Instant::now();
    witness.publish("to/restarting", "nobody", 1);
    assert!(began.elapsed() < Duration::from_secs(1));
    manager.launch();
    up_again(&manager, &nodes);
}

/// The next process begins a new life with the clients of the one before.
#[test]
fn the_clients_of_a_restart_that_takes_too_long_are_not_dead() {
    const LATE: Duration = Duration::from_secs(13);
    let (mut manager, nodes) = managed(2);
    let will = Will::new("last/word", "gone");
    let mut client = Connect::new(V5).will(will).open(manager.node.mqtt());
    client.subscribe("on/it/goes", 1);
    let mut witness = Client::at(V5, nodes[0].mqtt());
    witness.subscribe("last/word", 1);
    let began = Instant::now();
    manager.end("restart");
    wait_for("it is late", LATE + LIMIT, || began.elapsed() > LATE);
    manager.launch();
    up_again(&manager, &nodes);
    witness.publish("on/it/goes", "hello", 1);
    assert_eq!(client.texts(), ["hello"]);
    // Longer than a will of a dead node takes to be published.
    let up = Instant::now();
    wait_for("wills would be out", LIMIT, || up.elapsed() > Duration::from_secs(3));
    assert_eq!(witness.texts(), [""; 0]);
    // And from now on the other node keeps it for the new life.
    manager.kill();
    assert_eq!(witness.message_within(LIMIT).text(), "gone");
}

#[test]
fn a_start_without_the_state_ends_the_life_at_once() {
    let (mut manager, nodes) = managed(2);
    let will = Will::new("last/word", "gone");
    let mut client = Connect::new(V5).will(will).open(manager.node.mqtt());
    let mut witness = Client::at(V5, nodes[0].mqtt());
    witness.subscribe("last/word", 1);
    manager.end("restart");
    manager.spoil(|file| file.set_len(0).unwrap());
    manager.launch();
    assert_eq!(client.closed(), None);
    assert_eq!(witness.message().text(), "gone");
    up_again(&manager, &nodes);
    let mut client = Client::at(V5, manager.node.mqtt());
    client.subscribe("again", 1);
    witness.publish("again", "hello", 1);
    assert_eq!(client.texts(), ["hello"]);
}

/// The session of a client is on a node that restarts, and the client comes to another node.
#[test]
fn a_client_that_goes_elsewhere_meanwhile_takes_its_session_along() {
    let (mut manager, nodes) = managed(2);
    let lasting = Connect::new(V5).id("wanderer").with(prop::four(prop::SESSION_EXPIRY, 600));
    let mut client = lasting.clone().clean(true).open(manager.node.mqtt());
    client.subscribe("w", 1);
    let mut publisher = Client::at(V5, nodes[0].mqtt());
    manager.end("restart");
    let elsewhere = nodes[0].mqtt();
    let coming = thread::spawn(move || {
        let began = Instant::now();
        (lasting.clean(false).open(elsewhere), began.elapsed())
    });
    publisher.publish("w", "meanwhile", 1);
    manager.launch();
    let (mut wanderer, took) = coming.join().unwrap();
    // It waits a second for the node that has its session; after that the two become one when the node is back.
    if took < Duration::from_millis(900) {
        assert!(wanderer.session_present, "after {took:?}");
    }
    client.closed_with(0x8e);
    assert_eq!(wanderer.message_within(LIMIT * 2).text(), "meanwhile");
    publisher.publish("w", "after", 1);
    assert_eq!(wanderer.message().text(), "after");
    up_again(&manager, &nodes);
}

/// The other node stands still while this one restarts: the clients go on without it, and what they publish for it is kept.
#[test]
fn a_peer_that_is_cut_off_meanwhile_gets_its_messages_later() {
    let (mut manager, nodes) = managed(2);
    let mut publisher = Client::at(V5, manager.node.mqtt());
    let mut subscriber = Client::at(V5, nodes[0].mqtt());
    subscriber.subscribe("to/peer", 2);
    publisher.publish("to/peer", "1", 1);
    kill(Pid::from_raw(nodes[0].pid()), Signal::SIGSTOP).unwrap();
    manager.end("restart");
    manager.launch();
    assert_eq!(publisher.publish("to/peer", "2", 1), 0);
    assert_eq!(publisher.publish("to/peer", "3", 2), 0);
    kill(Pid::from_raw(nodes[0].pid()), Signal::SIGCONT).unwrap();
    up_again(&manager, &nodes);
    publisher.publish("to/peer", "4", 1);
    assert_eq!(subscriber.texts(), ["1", "2", "3", "4"]);
}

#[test]
fn two_nodes_restart_at_the_same_time() {
    let mut nodes = prepare(2);
    let second = nodes.remove(1);
    let mut first = Manager::start_node(nodes.remove(0), MOST);
    let mut second = Manager::start_node(second, MOST);
    let ready = |one: &Manager| one.node.running_nodes().len() == 2;
    wait_for("both are up", LIMIT * 3, || ready(&first) && ready(&second));
    let mut a = Client::at(V5, first.node.mqtt());
    let mut b = Client::at(V5, second.node.mqtt());
    a.subscribe("a", 1);
    b.subscribe("b", 1);
    for n in 0..3 {
        first.end("restart");
        second.end("restart");
        first.launch();
        second.launch();
        a.publish("b", format!("{n}"), 1);
        b.publish("a", format!("{n}"), 1);
    }
    let all = || ["0", "1", "2"].map(str::to_owned).to_vec();
    assert_eq!((a.texts(), b.texts()), (all(), all()));
    wait_for("both are up again", LIMIT, || ready(&first) && ready(&second));
}
