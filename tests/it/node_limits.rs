//! Limits of a node as a whole: sessions, filters, wills in a second, connections of one address, memory (emqx-rs-limits(7)).

use std::{
    io::Write,
    net::{SocketAddr, TcpStream},
    time::{Duration, Instant},
};

use super::support::{
    Client, Connect, LIMIT, Message, Node, Packet, Version, Will, node::free_port, unique, wait_for,
};

const V3: Version = Version::V3_1_1;
const V5: Version = Version::V5;
const BOTH: [(Version, u8); 2] = [(V3, 3), (V5, 0x97)];

#[test]
fn sessions_have_a_number() {
    let node = Node::start("node.max_sessions = 2");
    wait_for("who looked whether it serves is gone", LIMIT, || node.stat("sessions.count") == 0);
    Connect::new(V5).id("away").lasting().open(node.mqtt()).cut();
    wait_for("it is away", LIMIT, || node.stat("connections.count") == 0);
    let here = Connect::new(V3).id("here").open(node.mqtt());
    for (version, code) in BOTH {
        assert_eq!(Connect::new(version).attempt(node.mqtt()).code, code);
    }
    assert_eq!(node.metric("emqx_rs.limit.sessions"), 2);
    // Who has one is let in, also where it begins anew.
    let back = Connect::new(V5).id("away").lasting().open(node.mqtt());
    assert!(back.session_present);
    let back = Connect::new(V5).id("away").clean(true).open(node.mqtt());
    assert_eq!(node.stat("sessions.count"), 2);
    drop((here, back));
    wait_for("there is room again", LIMIT, || Connect::new(V3).attempt(node.mqtt()).code == 0);
}

#[test]
fn filters_of_the_node_have_a_number() {
    let node = Node::start("node.max_routes = 2");
    let mut client = Client::at(V5, node.mqtt());
    assert_eq!(
        client.subscribe_to(&[("a", 0), ("b/+", 1), ("c", 0), ("d/#", 0)], &[]),
        [0, 1, 0x97, 0x97]
    );
    let mut old = Client::at(V3, node.mqtt());
    assert_eq!(old.subscribe_to(&[("c", 0), ("a", 1), ("b/+", 0)], &[]), [0x80, 1, 0]);
    assert_eq!(client.subscribe("a", 2), 2, "it has this one");
    assert_eq!(node.metric("emqx_rs.limit.routes"), 3);
    // What was refused is not there.
    old.publish("c", "x", 1);
    old.publish("a", "y", 1);
    assert_eq!(client.message().text(), "y");
    assert_eq!(client.unsubscribe(&["c", "b/+"]), [0x11, 0]);
    old.unsubscribe(&["b/+"]);
    assert_eq!(old.subscribe("c", 0), 0, "there is room again");
    assert!(node.log().contains("subscription refused"), "{}", node.log());
}

#[test]
fn wills_beyond_those_of_a_second_follow_one_by_one() {
    const COUNT: usize = 30;
    let node = Node::start("node.max_will_rate = 10");
    let mut reader = Client::at(V5, node.mqtt());
    reader.subscribe("will/#", 1);
    let clients: Vec<Client> = (0..COUNT)
        .map(|n| Connect::new(V5).will(Will::new(&format!("will/{n}"), "x")).open(node.mqtt()))
        .collect();
    let began = Instant::now();
    clients.into_iter().for_each(Client::cut);
    let mut topics: Vec<String> = (0..COUNT).map(|_| reader.message().topic).collect();
    assert!(began.elapsed() >= Duration::from_millis(1900), "{:?}", began.elapsed());
    topics.sort();
    topics.dedup();
    assert_eq!(topics.len(), COUNT, "each once");
    assert!(node.metric("emqx_rs.limit.will_rate") >= COUNT as u64 - 15);
}

#[test]
fn an_address_has_a_number_of_connections() {
    let proxied = SocketAddr::from(([127, 0, 0, 1], free_port()));
    let node = Node::start_all(&format!(
        "listener.tcp.external.max_connections_per_address = 2\n\
         listener.tcp.proxied = {proxied}\nlistener.tcp.proxied.proxy_protocol = on\n\
         listener.tcp.proxied.max_connections_per_address = 2"
    ));
    let from = |host: &str| -> TcpStream {
        let mut tcp = Client::tcp(proxied);
        tcp.write_all(format!("PROXY TCP4 {host} 127.0.0.1 4711 1883\r\n").as_bytes()).unwrap();
        tcp
    };
    let attempt = |version, host| Connect::new(version).attempt_over(from(host));
    let mut held: Vec<Client> = (0..2).map(|_| attempt(V5, "192.0.2.7")).collect();
    assert!(held.iter().all(|client| client.code == 0));
    for (version, code) in BOTH {
        assert_eq!(attempt(version, "192.0.2.7").code, code);
    }
    wait_for("both are counted", LIMIT, || node.metric("emqx_rs.limit.address") == 2);
    assert_eq!(attempt(V5, "192.0.2.8").code, 0, "others have theirs");
    // Few are told at a time.
    wait_for("those that were told are gone", LIMIT, || node.stat("connections.count") == 2);
    let many: Vec<TcpStream> = (0..30).map(|_| from("192.0.2.7")).collect();
    wait_for("they are counted", LIMIT, || node.metric("emqx_rs.limit.address") == 32);
    held.iter_mut().for_each(Client::ping);
    drop(many);
    held.pop().unwrap().disconnect();
    wait_for("there is a place again", LIMIT, || attempt(V5, "192.0.2.7").code == 0);
    // Who is on this host may come as often as it likes.
    let here: Vec<Client> = (0..5).map(|_| Client::at(V5, node.mqtt())).collect();
    assert_eq!(here.len(), 5);
}

/// Fills queues of sessions that are away until memory is short, and on until it is out.
#[test]
fn while_memory_is_short_queues_give_way() {
    const AWAY: usize = 12;
    let node = Node::start(
        "node.memory_limit = 200MB\n\
         zone.external.force_shutdown_policy = 10000|32MB",
    );
    for n in 0..AWAY {
        let mut client = Connect::new(V5).id(&format!("away{n}")).lasting().open(node.mqtt());
        client.subscribe(&format!("away/{n}"), 1);
        client.cut();
    }
    let mut slow = Connect::new(V5).id("slow").open(node.mqtt());
    slow.subscribe("slow", 1);
    let mut publisher = Client::at(V5, node.mqtt());
    let mut fill = |topic: &str| publisher.publish(topic, vec![7; 1_000_000], 1);
    let mut sent = 0;
    wait_for("memory is short", 3 * LIMIT, || {
        assert_eq!(fill(&format!("away/{}", sent % AWAY)), 0);
        sent += 1;
        node.metric("emqx_rs.memory.short") > 0
    });
    for (version, code) in BOTH {
        assert_eq!(Connect::new(version).attempt(node.mqtt()).code, code);
    }
    let mut back = Connect::new(V5).id("away0").lasting().open(node.mqtt());
    assert!(back.session_present, "who has a session gets in");
    assert_eq!(back.subscribe_to(&[("new", 0), ("slow", 0)], &[]), [0x97, 0]);
    assert_eq!(node.metric("emqx_rs.limit.memory"), 3);
    // Its queue goes on filling the others until the hard bound, and then the largest are thrown away.
    wait_for("queues are thrown away", 3 * LIMIT, || {
        for n in 1..AWAY {
            fill(&format!("away/{n}"));
        }
        node.metric("emqx_rs.memory.shed") > 0
    });
    wait_for("there is memory again", 3 * LIMIT, || {
        Connect::new(V5).attempt(node.mqtt()).code == 0
    });
    assert!(node.is_running() && node.metric("emqx_rs.panics") == 0);
    let shed = node.metric("emqx_rs.memory.shed");
    assert!(shed < AWAY as u64 - 2, "no more went than had to: {shed}");
    for line in ["memory is short", "memory is out", "queue thrown away", "enough memory again"] {
        assert!(node.log().contains(line), "{line}: {}", node.log());
    }
    assert!(node.log().matches("WARN memory is short").count() == 1, "one line: {}", node.log());
    // The sessions are still there and take messages.
    let mut back = Connect::new(V5).id("away1").lasting().open(node.mqtt());
    assert!(back.session_present);
    let topic = unique("away/");
    assert_eq!(back.subscribe(&topic, 0), 0);
}

/// What is retained stays: memory is out for as long.
#[test]
fn while_memory_is_out_nothing_is_taken() {
    let node = Node::start("node.memory_limit = 120MB");
    Connect::new(V5).id("away").lasting().open(node.mqtt()).cut();
    let mut new = Client::at(V5, node.mqtt());
    let mut old = Client::at(V3, node.mqtt());
    new.subscribe("t", 0);
    let mut n = 0;
    wait_for("memory is out", 3 * LIMIT, || {
        let message = Message::new(&format!("kept/{n}"), vec![7; 1_000_000], 1).retain();
        n += 1;
        new.publish_message(message) == 0x97
    });
    let before = node.metric("emqx_rs.limit.memory");
    for (version, code) in BOTH {
        assert_eq!(Connect::new(version).id("away").attempt(node.mqtt()).code, code);
    }
    assert_eq!(new.publish("t", "x", 1), 0x97);
    assert_eq!(new.publish("t", "x", 2), 0x97);
    assert_eq!(new.publish("$delayed/1/t", "x", 1), 0x97);
    new.send(&Message::new("t", "x", 0).bytes(V5));
    new.ping();
    old.send(&Message::new("t", "x", 1).id(1).bytes(V3));
    assert_eq!(old.ended(), Vec::<Packet>::new(), "no PUBACK");
    assert_eq!(node.metric("emqx_rs.limit.memory"), before + 7);
    node.ctl(&["retainer", "clean"]);
    wait_for("there is memory again", 3 * LIMIT, || {
        Connect::new(V3).attempt(node.mqtt()).code == 0
    });
    assert_eq!(new.publish("t", "again", 1), 0);
    assert_eq!(new.message().text(), "again");
}
