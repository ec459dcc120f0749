//! Listeners of every kind: TLS with and without certificates of clients, WebSocket, Unix sockets, PROXY headers, sockets from
//! systemd; what they refuse, and that whoever holds one up holds up himself alone.

mod others;
mod tls;
mod websocket;

use std::{fs, path::Path};

use super::support::{
    Client, Connect, Node, Version, certificates::Issued, node::free_port, unique,
};

const V3: Version = Version::V3_1_1;
const V5: Version = Version::V5;

/// A node with its files, not started, and the folder for certificates beside them.
fn prepare() -> (Node, std::path::PathBuf) {
    let number = super::support::node::free_mesh_number();
    let node = Node::prepare(&format!("node{number}@127.0.0.1"), "manual", "");
    let certs = node.config().parent().unwrap().join("certs");
    fs::create_dir(&certs).unwrap();
    (node, certs)
}

/// A node that serves on all listeners of `lines`.
fn start(lines: &str) -> Node {
    let (mut node, _) = prepare();
    node.configure(lines);
    node.launch_all();
    node
}

/// The lines of a TLS listener at a free port with the files of `certs`.
fn tls_lines(kind: &str, more: &[&str]) -> (u16, String) {
    let port = free_port();
    let mut lines = format!(
        "listener.{kind}.x = 127.0.0.1:{port}\nlistener.{kind}.x.certfile = certs/cert.pem\n\
         listener.{kind}.x.keyfile = certs/key.pem\nlistener.{kind}.x.cacertfile = certs/cacert.pem\n"
    );
    for line in more {
        lines.push_str(&format!("listener.{kind}.x.{line}\n"));
    }
    (port, lines)
}

/// Puts the files in place.
fn write(issued: &Issued, authorities: &str, certs: &Path) {
    issued.write(certs, authorities);
}

/// One message there and back.
#[track_caller]
fn round_trip(client: &mut Client) {
    let topic = unique("listeners/");
    client.subscribe(&topic, 1);
    for payload in [String::new(), "short".to_owned(), "x".repeat(100_000)] {
        client.publish(&topic, &payload, 1);
        assert_eq!(client.message().text(), payload);
    }
    client.ping();
}

/// What `clients list` says of a client.
#[track_caller]
fn row(node: &Node, id: &str) -> serde_json::Value {
    let rows: serde_json::Value =
        serde_json::from_str(&node.ctl(&["--json", "clients", "show", id])).unwrap();
    rows[0].clone()
}

/// What `listeners` says of one.
#[track_caller]
fn listener(node: &Node, id: &str) -> serde_json::Value {
    let rows: serde_json::Value =
        serde_json::from_str(&node.ctl(&["--json", "listeners"])).unwrap();
    let found = rows.as_array().unwrap().iter().find(|row| row["id"] == id).cloned();
    found.unwrap_or_else(|| panic!("{id} is not in {rows}"))
}

fn connect(version: Version) -> Connect {
    Connect::new(version)
}
