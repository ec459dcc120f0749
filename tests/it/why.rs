//! `emqx-rs-ctl why`: what the node remembers of a client.

use std::net::SocketAddr;

use super::support::{Client, Connect, LIMIT, Node, Version, wait_for};

const V5: Version = Version::V5;

fn told(node: &Node, who: &str) -> String {
    node.ctl(&["why", who])
}

#[test]
fn it_names_what_a_client_did_and_who_took_its_place() {
    let node = Node::start("log.level = error\n");
    let mut first = Connect::new(V5).id("sensor").open(node.mqtt());
    let mut second = Connect::new(V5).id("sensor").open(node.mqtt());
    first.ended();
    wait_for("the end of the first", LIMIT, || told(&node, "sensor").contains("discarded"));
    let text = told(&node, "sensor");
    assert!(text.contains("takes over from the connection"), "{text}");
    assert!(text.contains("now: connected since"), "{text}");
    second.send(&[0xf0, 0]);
    second.ended();
    wait_for("its fault", LIMIT, || told(&node, "sensor").contains("protocol_error"));

    let mut silent = Connect::new(V5).id("silent").keep_alive(1).open(node.mqtt());
    silent.ended();
    wait_for("its silence", LIMIT, || told(&node, "silent").contains("keepalive_timeout"));
    let text = told(&node, "silent");
    assert!(text.contains("silent: ") && text.contains("limit: 1"), "{text}");
}

#[test]
fn who_is_refused_is_told_by_the_name_of_a_user_alone() {
    let node = Node::start("auth.user.1.username = bob\nauth.user.1.password = bob");
    let attempt = |id: &str, user: &str, password: &str| {
        let mut connect = Connect::new(V5).id(id);
        (connect.user, connect.password) = (Some(user.into()), Some(password.into()));
        connect.attempt(node.mqtt())
    };
    assert_ne!(attempt("wrong", "bob", "x").code, 0);
    wait_for("it is told", LIMIT, || told(&node, "wrong").contains("username: bob"));
    // A password in the wrong place.
    let _in = attempt("slip", "hunter2", "x");
    let _bob = attempt("device", "bob", "bob");
    assert!(!told(&node, "slip").contains("hunter2"));
    assert!(node.log().contains("username=\"bob\"") && !node.log().contains("hunter2"));
    // The clients of a user who are here.
    let text = told(&node, "bob");
    assert!(text.contains("device") && text.contains("now: connected since"), "{text}");
    assert!(told(&node, "alice").contains("A user name finds"));
}

#[test]
fn a_stranger_without_a_name_is_found_by_its_address() {
    let node = Node::start("");
    let mut client = Client::raw(V5, node.mqtt());
    client.send(b"GET / HTTP/1.1\r\n\r\n");
    client.ended();
    let host = SocketAddr::ip(&node.mqtt()).to_string();
    wait_for("it is told", LIMIT, || told(&node, &host).contains("protocol_error"));
    assert!(told(&node, "nobody").contains("Nothing happened"));
    let json = node.ctl(&["--json", "why", &host]);
    let rows: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert!(rows[0]["at_ms"].as_u64().is_some_and(|at| at > 1_700_000_000_000), "{json}");
}
