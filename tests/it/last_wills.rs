//! The wills of the clients of a node that dies are published by another one (`cluster/wills.rs`).

use std::time::Duration;

use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};

use super::{
    nodes::{cluster, wait_for_all},
    support::{Client, Connect, Node, Version, Will, prop, unique, wait_for},
};

const V5: Version = Version::V5;
const JOIN: Duration = Duration::from_secs(30);

/// Wills that a node keeps for others.
fn kept(node: &Node) -> u64 {
    node.cluster()["wills"].as_u64().unwrap()
}

fn all_kept(nodes: &[Node]) -> Vec<u64> {
    nodes.iter().map(kept).collect()
}

fn will(topic: &str, payload: &str, delay: u32) -> Will {
    let props = vec![prop::four(prop::WILL_DELAY, delay)];
    Will { qos: 1, props, ..Will::new(topic, payload) }
}

fn with_will(node: &Node, id: &str, will: Will) -> Client {
    Connect::new(V5).id(id).lasting().will(will).open(node.mqtt())
}

/// Clients of `nodes` that subscribe to the wills.
fn witnesses(nodes: &[Node], filter: &str) -> Vec<Client> {
    let witness = |node: &Node| {
        let mut client = Client::at(V5, node.mqtt());
        client.subscribe(filter, 1);
        client
    };
    nodes.iter().map(witness).collect()
}

/// Everything up to the message `end`.
fn until(client: &mut Client, end: &str) -> Vec<String> {
    let mut seen = Vec::new();
    while seen.last().is_none_or(|last| last != end) {
        seen.push(client.message().text());
    }
    seen
}

#[test]
fn a_killed_node_leaves_its_wills() {
    let mut nodes = cluster(3);
    let top = unique("will/");
    let topic = |name: &str| format!("{top}/{name}");
    let id = |name: &str| format!("{top}{name}");
    let mut watching = witnesses(&nodes[1..], &format!("{top}/+"));
    // Others keep it before the client hears that it is in.
    let gone = Will { retain: true, ..will(&topic("gone"), "gone", 0) };
    let _gone = with_will(&nodes[0], &id("gone"), gone);
    assert_eq!(all_kept(&nodes), [0, 1, 1]);
    let _later = with_will(&nodes[0], &id("later"), will(&topic("later"), "later", 2));
    assert_eq!(all_kept(&nodes), [0, 2, 2]);
    // Its session ends with its connection, and the delay with that (v5 3.1.3.2.2).
    let short = will(&topic("short"), "short", 3_600);
    let _short = Connect::new(V5).id(&id("short")).will(short).open(nodes[0].mqtt());
    let back = with_will(&nodes[0], &id("back"), will(&topic("back"), "back", 4));
    let bye = with_will(&nodes[0], &id("bye"), will(&topic("bye"), "bye", 0));
    assert_eq!(all_kept(&nodes), [0, 5, 5]);
    bye.disconnect();
    wait_for("it is withdrawn", JOIN, || all_kept(&nodes) == [0, 4, 4]);
    // The will of the last connection counts, or none.
    for (name, words) in [("changed", ["before", "after"]), ("dropped", ["before", ""])] {
        let first = with_will(&nodes[0], &id(name), will(&topic(name), words[0], 1));
        let again = Connect::new(V5).id(&id(name)).lasting();
        let again =
            if words[1].is_empty() { again } else { again.will(will(&topic(name), words[1], 1)) };
        std::mem::forget(again.open(nodes[0].mqtt()));
        std::mem::forget(first);
    }
    wait_for("one more", JOIN, || all_kept(&nodes) == [0, 5, 5]);
    let _end = with_will(&nodes[0], &id("end"), will(&topic("end"), "end", 6));
    nodes[0].kill();
    let mut back = {
        drop(back);
        Connect::new(V5).id(&id("back")).lasting().open(nodes[1].mqtt())
    };
    for witness in &mut watching {
        let mut seen = until(witness, "end");
        seen[..3].sort();
        assert_eq!(seen, ["after", "gone", "short", "later", "end"]);
    }
    assert_eq!(all_kept(&nodes[1..]), [0, 0]);
    let published: u64 =
        nodes[1..].iter().map(|node| node.metric("emqx_rs.mesh.wills_published")).sum();
    assert_eq!(published, 5);
    // It is retained on all that are left.
    for mut late in witnesses(&nodes[1..], &format!("{top}/gone")) {
        let message = late.message();
        assert_eq!((message.text(), message.retain), ("gone".to_owned(), true));
    }
    back.ping();
    // The node is back and makes nothing of them anew.
    nodes[0].launch();
    wait_for_all(&nodes);
    let _again = with_will(&nodes[0], &id("again"), will(&topic("again"), "again", 0));
    assert_eq!(all_kept(&nodes), [0, 1, 1]);
    nodes[0].kill();
    for witness in &mut watching {
        assert_eq!(until(witness, "again"), ["again"]);
    }
}

/// All parts of a will come through, in every version.
#[test]
fn a_will_is_as_its_client_wrote_it() {
    let mut nodes = cluster(2);
    let top = unique("will/");
    let mut watching = witnesses(&nodes[1..], &format!("{top}/+"));
    let old = Will { qos: 2, ..Will::new(&format!("{top}/old"), "") };
    let _old = Connect::new(Version::V3_1_1).will(old).open(nodes[0].mqtt());
    let props = vec![
        prop::text(prop::CONTENT_TYPE, "text/plain"),
        prop::four(prop::EXPIRY, 50),
        prop::user("a", "b"),
    ];
    let large = "x".repeat(60_000);
    let new = Will { qos: 2, props, ..Will::new(&format!("{top}/new"), &large) };
    let _new = Connect::new(V5).will(new).open(nodes[0].mqtt());
    assert_eq!(kept(&nodes[1]), 2);
    nodes[0].kill();
    let mut seen = [watching[0].message(), watching[0].message()];
    seen.sort_by_key(|message| message.payload.len());
    assert_eq!((seen[0].topic.clone(), seen[0].text()), (format!("{top}/old"), String::new()));
    assert_eq!(seen[1].text(), large);
    assert_eq!(seen[1].prop(prop::CONTENT_TYPE), Some(&prop::text(0, "text/plain").1));
    assert_eq!(seen[1].prop(prop::USER), Some(&prop::user("a", "b").1));
    let life = seen[1].prop(prop::EXPIRY);
    assert!([49, 50].iter().any(|left| life == Some(&prop::four(0, *left).1)), "{life:?}");
}

/// Whoever connected while its node was alone has a will that others keep, once there are others.
#[test]
fn a_node_that_comes_keeps_the_wills_from_before() {
    let mut nodes = super::nodes::prepare(3);
    nodes[0].launch();
    let top = unique("will/");
    let _early = with_will(&nodes[0], &unique("c"), will(&format!("{top}/a"), "early", 0));
    assert_eq!(kept(&nodes[0]), 0);
    nodes[1].launch();
    wait_for_all(&nodes[..2]);
    wait_for("the second keeps it", JOIN, || kept(&nodes[1]) == 1);
    nodes[2].launch();
    wait_for_all(&nodes);
    wait_for("the third keeps it too", JOIN, || all_kept(&nodes) == [0, 1, 1]);
    let mut watching = witnesses(&nodes[2..], &format!("{top}/+"));
    // Without the one that has kept it from the beginning.
    nodes[1].kill();
    wait_for("two are left", JOIN, || nodes[2].running_nodes().len() == 2);
    nodes[0].kill();
    assert_eq!(watching[0].message().text(), "early");
}

/// A node that stops publishes its wills itself, and those that are not due go with their sessions.
#[test]
fn a_stopped_node_leaves_no_will_behind() {
    let mut nodes = cluster(3);
    let top = unique("will/");
    let topic = |name: &str| format!("{top}/{name}");
    let mut watching = witnesses(&nodes[1..], &format!("{top}/+"));
    let _now = with_will(&nodes[0], &unique("c"), will(&topic("now"), "now", 0));
    let _later = with_will(&nodes[0], &unique("c"), will(&topic("later"), "later", 3));
    let _end = with_will(&nodes[0], &unique("c"), will(&topic("end"), "end", 6));
    assert_eq!(all_kept(&nodes), [0, 3, 3]);
    nodes[0].terminate();
    nodes[0].wait_end();
    for witness in &mut watching {
        assert_eq!(until(witness, "end"), ["now", "later", "end"]);
    }
    wait_for("nothing is left", JOIN, || all_kept(&nodes[1..]) == [0, 0]);
}

/// A node that stands still, or is cut off, is not dead: its clients are there when it is back.
#[test]
fn a_silent_node_is_not_dead() {
    let mut nodes = cluster(3);
    let top = unique("will/");
    let mut watching = witnesses(&nodes[1..], &format!("{top}/+"));
    let mut client = with_will(&nodes[0], &unique("c"), will(&format!("{top}/a"), "gone", 0));
    let frozen = Pid::from_raw(nodes[0].pid());
    kill(frozen, Signal::SIGSTOP).unwrap();
    wait_for("it is down", JOIN, || nodes[1].running_nodes().len() == 2);
    wait_for("for both", JOIN, || nodes[2].running_nodes().len() == 2);
    // Longer than a will waits once its node is known to be dead.
    std::thread::sleep(Duration::from_secs(3));
    kill(frozen, Signal::SIGCONT).unwrap();
    wait_for_all(&nodes);
    client.ping();
    wait_for("both keep it again", JOIN, || all_kept(&nodes) == [0, 1, 1]);
    assert!(watching.iter_mut().all(|witness| witness.texts().is_empty()));
    nodes[0].kill();
    for witness in &mut watching {
        assert_eq!(witness.message().text(), "gone");
    }
}
