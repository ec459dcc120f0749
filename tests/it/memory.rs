//! What a node asks of the memory of its machine.

use std::{fs, time::Duration};

use super::support::{Client, Message, Node, Version, wait_for};

fn huge_pages_allowed(node: &Node) -> bool {
    let status = fs::read_to_string(format!("/proc/{}/status", node.pid())).unwrap();
    let line = status.lines().find(|line| line.starts_with("THP_enabled:")).expect("Linux 5.0");
    line.ends_with('1')
}

#[test]
fn huge_pages_come_and_go_with_size() {
    let node = Node::start("");
    assert!(!huge_pages_allowed(&node), "a node that has just started is small");
    let mut client = Client::at(Version::V5, node.mqtt());
    for n in 0..40 {
        let message = Message::new(&format!("kept/{n}"), vec![7; 1_000_000], 1).retain();
        assert!(client.publish_message(message) < 0x80);
    }
    wait_for("huge pages", Duration::from_secs(20), || huge_pages_allowed(&node));
    let large = node.resident_kib();
    node.ctl(&["retainer", "clean"]);
    wait_for("no huge pages", Duration::from_secs(30), || !huge_pages_allowed(&node));
    // Nobody uses the node meanwhile.
    let small = node.resident_kib();
    assert!(small + (24 << 10) < large, "{large} KiB, then {small}");
}
