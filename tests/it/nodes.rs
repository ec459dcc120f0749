//! Clusters of real processes on this host: how they find each other, what crosses between them, and what a loss does.

use std::{collections::BTreeSet, time::Duration};

use super::support::{
    Client, Connect, Message, Node, Version, node::free_mesh_number, unique, wait_for,
};

const V5: Version = Version::V5;
/// Long enough for a node that starts while four others build and run.
const JOIN: Duration = Duration::from_secs(30);

/// node1 to nodeN of 127.0.0.1 with each other as seeds, not started.
pub(super) fn prepare(count: usize) -> Vec<Node> {
    let ports: Vec<u16> = (0..count).map(|_| 4370 + free_mesh_number()).collect();
    let seeds: Vec<String> = ports
        .iter()
        .enumerate()
        .map(|(n, port)| format!("node{}@127.0.0.1:{port}", n + 1))
        .collect();
    let lines = format!("cluster.static.seeds = {}", seeds.join(","));
    ports
        .iter()
        .enumerate()
        .map(|(n, port)| {
            let own = format!("{lines}\nnode.dist_port = {port}");
            Node::prepare(&format!("node{}@127.0.0.1", n + 1), "static", &own)
        })
        .collect()
}

#[track_caller]
pub(super) fn wait_for_all(nodes: &[Node]) {
    let names: BTreeSet<String> = nodes.iter().map(|node| node.name.clone()).collect();
    for node in nodes {
        wait_for(&format!("{} sees {names:?}", node.name), JOIN, || node.running_nodes() == names);
    }
}

/// A cluster that has formed.
#[track_caller]
pub(super) fn cluster(count: usize) -> Vec<Node> {
    cluster_with(count, "")
}

/// A cluster that has formed, with `lines` in every config file.
#[track_caller]
pub(super) fn cluster_with(count: usize, lines: &str) -> Vec<Node> {
    let mut nodes = prepare(count);
    nodes.iter_mut().for_each(|node| node.configure(lines));
    nodes.iter_mut().for_each(Node::spawn);
    nodes.iter_mut().for_each(Node::wait_ready);
    wait_for_all(&nodes);
    nodes
}

#[test]
fn any_order_of_starting_makes_one_cluster() {
    for order in [[0, 1, 2, 3], [3, 2, 1, 0], [2, 0, 3, 1]] {
        let mut nodes = prepare(4);
        for number in order {
            nodes[number].launch();
        }
        wait_for_all(&nodes);
        for node in &nodes {
            let text = node.ctl(&["cluster", "status"]);
            for other in &nodes {
                assert!(text.contains(&format!("'{}'", other.name)), "{order:?}: {text}");
            }
            assert!(text.contains("stopped_nodes"), "{text}");
        }
    }
}

/// The table of the README: who gets `t/a` published on node1, and what crosses.
#[test]
fn a_message_crosses_once_to_each_node_that_wants_it() {
    let nodes = cluster(4);
    let mut client1 = Client::at(V5, nodes[0].mqtt());
    let mut client2 = Client::at(V5, nodes[1].mqtt());
    let mut client3 = Client::at(V5, nodes[2].mqtt());
    assert_eq!(client1.subscribe_to(&[("t/+/x", 1), ("t/+/y", 1)], &[]), [1, 1]);
    assert_eq!(client2.subscribe("t/#", 1), 1);
    assert_eq!(client3.subscribe_to(&[("t/+/x", 1), ("t/a", 1)], &[]), [1, 1]);
    let counters = |name: &str| nodes.iter().map(|node| node.metric(name)).collect::<Vec<_>>();
    let (forwarded, delivered) = (counters("messages.forward"), counters("messages.delivered"));
    let mut publisher = Client::at(V5, nodes[0].mqtt());
    assert_eq!(publisher.publish("t/a", "hello", 1), 0);
    assert_eq!(client2.message().text(), "hello");
    assert_eq!(client3.message().text(), "hello");
    let more = |before: &[u64], name: &str| -> Vec<u64> {
        counters(name).iter().zip(before).map(|(now, was)| now - was).collect()
    };
    assert_eq!(more(&forwarded, "messages.forward"), [2, 0, 0, 0], "node2 and node3, once each");
    wait_for("both deliveries are counted", JOIN, || {
        more(&delivered, "messages.delivered") == [0, 1, 1, 0]
    });
    for client in [&mut client1, &mut client2, &mut client3] {
        assert_eq!(client.texts(), Vec::<String>::new(), "nothing twice, nothing to client1");
    }
}

#[test]
fn what_is_published_on_any_node_reaches_every_node() {
    let nodes = cluster(4);
    let top = unique("all/");
    let mut clients: Vec<Client> = nodes.iter().map(|node| Client::at(V5, node.mqtt())).collect();
    for client in &mut clients {
        assert_eq!(client.subscribe(&format!("{top}/#"), 2), 2);
    }
    for (number, node) in nodes.iter().enumerate() {
        for version in [Version::V3_1_1, V5] {
            let mut publisher = Client::at(version, node.mqtt());
            for qos in 0..3 {
                publisher.publish(&format!("{top}/{number}"), format!("{version:?} {qos}"), qos);
            }
            for client in &mut clients {
                for qos in 0..3 {
                    let message = client.message();
                    assert_eq!((message.text(), message.qos), (format!("{version:?} {qos}"), qos));
                }
            }
        }
    }
    for client in &mut clients {
        assert_eq!(client.texts(), Vec::<String>::new());
    }
}

/// `broker.shared_subscription_strategy`, across nodes: a reload is enough to change it.
#[test]
fn the_member_of_a_shared_group_is_chosen_as_configured() {
    let mut nodes = cluster(2);
    let topic = unique("work/");
    let mut members: Vec<Client> = nodes.iter().map(|node| Client::at(V5, node.mqtt())).collect();
    for member in &mut members {
        member.subscribe(&format!("$share/g/{topic}"), 1);
    }
    let mut publisher = Client::at(V5, nodes[0].mqtt());
    let mut shares = |strategy: &str, nodes: &mut [Node]| {
        nodes[0].configure(&format!("broker.shared_subscription_strategy = {strategy}"));
        nodes[0].ctl(&["conf", "reload"]);
        for n in 0..20 {
            publisher.publish(&topic, format!("{n}"), 1);
        }
        members.iter_mut().map(|member| member.texts().len()).collect::<Vec<_>>()
    };
    assert_eq!(shares("local", &mut nodes), [20, 0]);
    assert_eq!(shares("round_robin", &mut nodes), [10, 10]);
    let hashed = shares("hash_topic", &mut nodes);
    assert!(hashed == [20, 0] || hashed == [0, 20], "{hashed:?}");
    let hashed = shares("hash_clientid", &mut nodes);
    assert!(hashed == [20, 0] || hashed == [0, 20], "{hashed:?}");
}

/// A member of a group that comes and goes on one node: what was on its way to it goes to the member on another.
#[test]
fn a_shared_group_loses_nothing_when_a_member_goes() {
    let nodes = cluster(3);
    let (topic, count) = (unique("work/"), 1_500);
    let filter = format!("$share/g/{topic}");
    let mut stays = Client::at(V5, nodes[1].mqtt());
    stays.subscribe(&filter, 1);
    let mut flaps = Client::at(V5, nodes[2].mqtt());
    let (name, address) = (topic.clone(), nodes[0].mqtt());
    let publisher = std::thread::spawn(move || {
        let mut publisher = Client::at(V5, address);
        for n in 0..count {
            assert_eq!(publisher.publish(&name, n.to_string(), 1), 0);
        }
    });
    let mut seen = BTreeSet::new();
    while !publisher.is_finished() {
        flaps.subscribe(&filter, 1);
        flaps.ping();
        flaps.unsubscribe(&[&filter]);
        seen.extend(flaps.texts());
    }
    publisher.join().unwrap();
    seen.extend(flaps.texts());
    seen.extend(stays.texts());
    let missing: Vec<u32> = (0..count).filter(|n| !seen.contains(&n.to_string())).collect();
    assert!(missing.is_empty(), "{missing:?} of {count}");
    println!("came back: {}", nodes[0].metric("emqx_rs.mesh.forward_returned"));
}

/// SUBACK means routed: the very next publish anywhere arrives, and after UNSUBACK none does.
#[test]
fn a_subscription_holds_everywhere_once_it_is_acknowledged() {
    let nodes = cluster(3);
    let mut publishers: Vec<Client> =
        nodes.iter().map(|node| Client::at(V5, node.mqtt())).collect();
    for round in 0..60 {
        let topic = unique("t/");
        let mut client = Client::at(V5, nodes[round % 3].mqtt());
        client.subscribe(&topic, 1);
        for (number, publisher) in publishers.iter_mut().enumerate() {
            publisher.publish(&topic, format!("{number}"), 1);
            assert_eq!(client.message().text(), number.to_string(), "round {round}");
        }
    }
}

#[test]
fn properties_and_large_messages_cross_unchanged() {
    let nodes = cluster(2);
    let topic = unique("t/");
    let mut client = Client::at(V5, nodes[1].mqtt());
    client.subscribe(&topic, 2);
    let mut publisher = Client::at(V5, nodes[0].mqtt());
    for size in [0, 1, 70_000, 1_000_000] {
        let mut message = Message::new(&topic, vec![7; size], 2);
        message.props = vec![
            super::support::prop::byte(1, 1),
            super::support::prop::text(3, "text/plain"),
            super::support::prop::text(8, "answer"),
            super::support::prop::binary(9, b"\0\x01"),
            super::support::prop::user("b", "1"),
            super::support::prop::user("a", "2"),
        ];
        let sorted = |mut props: Vec<_>| {
            props.sort_by_key(|(id, _): &(u8, _)| *id);
            props
        };
        let want = sorted(message.props.clone());
        publisher.publish_message(message);
        let seen = client.message();
        assert!(seen.payload == vec![7; size], "{size} bytes");
        assert_eq!(sorted(seen.props), want);
    }
}

#[test]
fn thousands_of_messages_cross_in_order_without_loss() {
    let nodes = cluster(2);
    let topic = unique("t/");
    for qos in 1..3 {
        let mut client = Client::at(V5, nodes[1].mqtt());
        client.subscribe(&topic, qos);
        let address = nodes[0].mqtt();
        let (name, count) = (topic.clone(), 3_000);
        let publisher = std::thread::spawn(move || {
            let mut publisher = Client::at(V5, address);
            for n in 0..count {
                publisher.publish(&name, format!("{n}"), qos);
            }
        });
        for n in 0..count {
            assert_eq!(client.message().text(), n.to_string(), "QoS {qos}");
        }
        publisher.join().unwrap();
    }
}

/// kill -9: the others go on and forget its routes; it comes back under its name and is served again.
#[test]
fn a_killed_node_is_missed_and_returns() {
    let mut nodes = cluster(3);
    let topic = unique("t/");
    let mut there = Client::at(V5, nodes[1].mqtt());
    there.subscribe(&topic, 1);
    let mut lost = Client::at(V5, nodes[2].mqtt());
    lost.subscribe(&topic, 1);
    nodes[2].kill();
    let left: BTreeSet<String> = nodes[..2].iter().map(|node| node.name.clone()).collect();
    for node in &nodes[..2] {
        wait_for("the loss is seen", JOIN, || node.running_nodes() == left);
    }
    let mut publisher = Client::at(V5, nodes[0].mqtt());
    for n in 0..10 {
        publisher.publish(&topic, format!("{n}"), 1);
        assert_eq!(there.message().text(), n.to_string());
    }
    nodes[2].launch();
    wait_for_all(&nodes);
    let mut back = Client::at(V5, nodes[2].mqtt());
    back.subscribe(&topic, 1);
    publisher.publish(&topic, "again", 1);
    assert_eq!(back.message().text(), "again");
    assert_eq!(there.message().text(), "again");
    Client::at(V5, nodes[2].mqtt()).publish(&topic, "from node3", 1);
    assert_eq!(there.message().text(), "from node3");
}

/// While a node is being lost nobody else's messages are: each acknowledged one arrives, once and in order.
#[test]
fn the_rest_is_served_while_a_node_is_lost() {
    let mut nodes = cluster(3);
    let topic = unique("t/");
    let mut client = Client::at(V5, nodes[1].mqtt());
    client.subscribe(&topic, 1);
    let mut lost = Client::at(V5, nodes[2].mqtt());
    lost.subscribe(&topic, 0);
    let mut publisher = Client::at(V5, nodes[0].mqtt());
    for n in 0..200 {
        if n == 50 {
            nodes[2].kill();
        }
        publisher.publish(&topic, format!("{n}"), 1);
        assert_eq!(client.message().text(), n.to_string());
    }
}

#[test]
fn a_node_joins_and_leaves_by_hand() {
    let ports: Vec<u16> = (0..2).map(|_| 4370 + free_mesh_number()).collect();
    let mut nodes: Vec<Node> = ports
        .iter()
        .enumerate()
        .map(|(n, port)| {
            Node::prepare(
                &format!("node{}@127.0.0.1", n + 1),
                "manual",
                &format!("node.dist_port = {port}"),
            )
        })
        .collect();
    nodes.iter_mut().for_each(Node::launch);
    assert_eq!(nodes[0].running_nodes().len(), 1);
    nodes[0].ctl(&["cluster", "join", &format!("node2@127.0.0.1:{}", ports[1])]);
    wait_for_all(&nodes);
    let topic = unique("t/");
    let mut client = Client::at(V5, nodes[0].mqtt());
    client.subscribe(&topic, 1);
    Client::at(V5, nodes[1].mqtt()).publish(&topic, "joined", 1);
    assert_eq!(client.message().text(), "joined");
    nodes[0].ctl(&["cluster", "leave"]);
    for node in &nodes {
        wait_for("both are alone", JOIN, || {
            node.running_nodes() == BTreeSet::from([node.name.clone()])
        });
    }
}

#[test]
fn another_cookie_stays_outside() {
    let mut nodes = prepare(2);
    nodes[1].configure("node.cookie = another-cookie-that-nobody-knows-987654321");
    nodes.iter_mut().for_each(Node::launch);
    wait_for("the refusal is logged", JOIN, || {
        nodes
            .iter()
            .any(|node| node.log().to_lowercase().contains("cookie") && node.log().contains("WARN"))
    });
    for node in &nodes {
        assert_eq!(node.running_nodes(), BTreeSet::from([node.name.clone()]));
    }
}

/// SIGTERM: v5 clients are told, the process ends by itself with 0 and the others see it go.
#[test]
fn a_node_that_is_stopped_says_goodbye() {
    let mut nodes = cluster(2);
    let mut client = Client::at(V5, nodes[1].mqtt());
    let mut old = Client::at(Version::V3_1_1, nodes[1].mqtt());
    nodes[1].terminate();
    assert_eq!(client.closed(), Some(0x8b));
    assert_eq!(old.closed(), None);
    nodes[1].wait_end();
    let left = BTreeSet::from([nodes[0].name.clone()]);
    wait_for("the other is gone", JOIN, || nodes[0].running_nodes() == left);
}

/// Retained messages and wills are seen through the node where they were published, and live messages cross.
#[test]
fn wills_cross() {
    let nodes = cluster(2);
    let topic = unique("will/");
    let mut client = Client::at(V5, nodes[1].mqtt());
    client.subscribe(&topic, 1);
    let will = super::support::Will { qos: 1, ..super::support::Will::new(&topic, "gone") };
    Connect::new(V5).will(will).open(nodes[0].mqtt()).cut();
    assert_eq!(client.message().text(), "gone");
}

/// Two listeners of one node never get in each other's way (ports of these tests are free ones).
#[test]
fn a_taken_port_is_told() {
    let held = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = held.local_addr().unwrap().port();
    let mut node = Node::prepare("node1@127.0.0.1", "manual", "");
    node.configure(&format!("listener.tcp.external = 127.0.0.1:{port}"));
    node.spawn();
    wait_for("the node gives up", JOIN, || !node.is_running());
    assert!(node.log().contains(&port.to_string()), "{}", node.log());
}

/// A daemon that a test holds itself.
struct Daemon(std::process::Child);

impl Daemon {
    /// Runs with the files of `node`, its control socket in the folder `runtime`.
    fn run(node: &Node, runtime: &std::path::Path) -> Self {
        let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_emqx-rs"));
        command.arg("-c").arg(node.config()).env("RUNTIME_DIRECTORY", runtime);
        let quiet = std::process::Stdio::null;
        Self(command.stdout(quiet()).stderr(quiet()).spawn().unwrap())
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn the_second_node_of_a_host_has_its_socket_beside_its_data() {
    let first = Node::start("");
    let number = free_mesh_number();
    let second = Node::prepare(&format!("node{number}@127.0.0.1"), "manual", "");
    let _daemon = Daemon::run(&second, &first.data());
    wait_for("the second answers at its own socket", JOIN, || {
        second.ctl_output(&["status"]).status.success()
    });
    assert!(first.ctl(&["status"]).contains(&first.name));
    assert!(second.ctl(&["status"]).contains(&second.name));
}

#[test]
fn two_nodes_do_not_share_a_data_folder() {
    let first = Node::start("");
    let elsewhere = tempfile::tempdir().unwrap();
    let mut second = Daemon::run(&first, elsewhere.path());
    let mut ended = None;
    wait_for("the second ends", JOIN, || {
        ended = second.0.try_wait().unwrap();
        ended.is_some()
    });
    assert!(!ended.unwrap().success());
    assert!(first.is_running());
}
