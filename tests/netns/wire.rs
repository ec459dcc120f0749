//! The cable between nodes, over each of the four transports: what can be read on it, and whether nodes find each other and heal.

use std::{
    net::SocketAddr,
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use emqx_rs::cluster::{
    base64url,
    secret::{KeySet, name_hash},
    settings::{Cookie, Kdf},
};
use ring::digest;

use super::{
    capture::Capture,
    cluster::{Cluster, SOON},
    lan::Lan,
    report,
    support::{
        Client, Node, Version,
        certificates::Authority,
        node::{COOKIE, OURS, equip},
    },
    tries,
};

/// Three nodes that speak `transport` and look for each other by multicast, not started.
fn prepare(transport: &str) -> Cluster {
    let network = if transport.starts_with("inet6") { "fd77::" } else { "10.77.0." };
    let lines = format!("cluster.proto_dist = {transport}");
    let cluster = Cluster::prepare_as(3, |host| format!("emqx@{network}{host}"), &lines);
    if transport.ends_with("tls") {
        let authority = Authority::new("mesh ca");
        for (host, node) in (1..).zip(&cluster.nodes) {
            let issued = authority.issue(&[&format!("{network}{host}")]);
            equip(node, &issued, &authority.pem(), OURS);
        }
    }
    cluster
}

/// A client on the host of the node that it is connected to: nothing of it is on a cable.
fn local_client(lan: &Lan, host: usize, mqtt: SocketAddr) -> Client {
    let entrance = lan.entrance(&host.to_string());
    let client = std::thread::spawn(move || {
        entrance.enter();
        Client::at(Version::V5, mqtt)
    });
    client.join().unwrap()
}

fn md5(text: &str) -> String {
    let output = Command::new("sh")
        .args(["-c", r#"printf %s "$1" | md5sum"#, "sh", text])
        .stdin(Stdio::null())
        .output()
        .unwrap();
    String::from_utf8_lossy(&output.stdout).split_whitespace().next().unwrap().to_owned()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn bytes_of(hex: &str) -> Vec<u8> {
    (0..hex.len()).step_by(2).map(|at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap()).collect()
}

/// The cookie, what can be made of it, and the keys of the nodes, in every spelling.
fn secrets() -> Vec<(String, Vec<u8>)> {
    let mut raw = vec![("md5 of the cookie".to_owned(), bytes_of(&md5(COOKIE)))];
    for (name, algorithm) in [
        ("sha1", &digest::SHA1_FOR_LEGACY_USE_ONLY),
        ("sha256", &digest::SHA256),
        ("sha384", &digest::SHA384),
        ("sha512", &digest::SHA512),
    ] {
        let hash = digest::digest(algorithm, COOKIE.as_bytes());
        raw.push((format!("{name} of the cookie"), hash.as_ref().to_vec()));
    }
    for (name, key) in [("cookie", "emqxcl"), ("cluster name", COOKIE)] {
        let key = ring::hmac::Key::new(ring::hmac::HMAC_SHA256, key.as_bytes());
        let of = if name == "cookie" { COOKIE } else { "emqxcl" };
        let tag = ring::hmac::sign(&key, of.as_bytes());
        raw.push((format!("hmac of the {name}"), tag.as_ref().to_vec()));
    }
    let cookie = Cookie::new(COOKIE.to_owned());
    let keys = KeySet::derive(&cookie, "emqxcl", Kdf::Argon2id).unwrap();
    raw.push(("key of the mesh".to_owned(), keys.mesh().to_vec()));
    raw.push(("key of discovery".to_owned(), keys.discovery().to_vec()));
    let mut all = vec![("the cookie".to_owned(), COOKIE.into())];
    all.push(("the cookie, base64".to_owned(), base64(COOKIE.as_bytes(), false).into()));
    for (name, bytes) in raw {
        // The first sixteen bytes: hashes are often cut.
        all.push((format!("{name}, raw"), bytes[..16].to_vec()));
        all.push((format!("{name}, hex"), hex(&bytes[..16]).into()));
        all.push((format!("{name}, HEX"), hex(&bytes[..16]).to_uppercase().into()));
        for url in [false, true] {
            all.push((format!("{name}, base64 {url}"), base64(&bytes[..15], url).into()));
        }
    }
    all
}

/// Of a multiple of three bytes, so that there is no padding.
fn base64(bytes: &[u8], url: bool) -> String {
    let text = base64url::encode(&bytes[..bytes.len() / 3 * 3]).to_string();
    if url { text } else { text.replace('-', "+").replace('_', "/") }
}

fn named(texts: &[&str]) -> Vec<(String, Vec<u8>)> {
    texts.iter().map(|text| ((*text).to_owned(), text.as_bytes().to_vec())).collect()
}

/// A cluster forms, and messages cross between clients whose own connections are on no cable.
fn nothing_can_be_read(transport: &str) {
    let mut cluster = prepare(transport);
    let capture = Capture::all(&cluster.lan);
    cluster.nodes.iter_mut().for_each(Node::spawn);
    cluster.nodes.iter_mut().for_each(Node::wait_ready);
    cluster.wait_whole("a cluster forms", SOON);
    let (lan, to) = (&cluster.lan, |host| cluster.node(host).mqtt());
    let mut subscriber = local_client(lan, 1, to(1));
    let mut publisher = local_client(lan, 2, to(2));
    subscriber.subscribe("hidden-topic/+", 2);
    for number in 0..100 {
        let topic = format!("hidden-topic/{number}");
        publisher.publish(&topic, "hidden-payload ".repeat(1 + number * 20), number as u8 % 3);
        assert!(subscriber.message().text().starts_with("hidden-payload"));
    }
    // What shows that the search finds something: a client on the cable, in clear as MQTT is.
    let mut on_cable = Client::at(Version::V5, to(1));
    on_cable.publish("open-topic", "open-payload", 1);
    // What they say at the end counts too.
    cluster.nodes.iter().for_each(Node::terminate);
    cluster.nodes.iter_mut().for_each(Node::wait_end);
    let frames = capture.end();
    println!("FIGURE {transport}: {} bytes captured and searched", frames.bytes());
    let mut open = named(&["open-topic", "open-payload", "ERSD"]);
    open.push(("hash of the cluster name".to_owned(), name_hash("emqxcl").to_vec()));
    let opening: &[u8] = if transport.ends_with("tls") { b"\x16\x03\x01" } else { b"EMRS\x01\x01" };
    open.push(("opening of the mesh".to_owned(), opening.to_vec()));
    assert_eq!(frames.find(&open).len(), open.len(), "{transport}: the search finds what is open");
    let mut hidden = named(&["hidden-topic", "hidden-payload"]);
    hidden.extend(secrets());
    assert_eq!(frames.find(&hidden), [""; 0], "{transport}");
}

#[test]
fn nothing_can_be_read_over_inet_tcp() {
    nothing_can_be_read("inet_tcp");
}

#[test]
fn nothing_can_be_read_over_inet6_tcp() {
    nothing_can_be_read("inet6_tcp");
}

#[test]
fn nothing_can_be_read_over_inet_tls() {
    nothing_can_be_read("inet_tls");
}

#[test]
fn nothing_can_be_read_over_inet6_tls() {
    nothing_can_be_read("inet6_tls");
}

/// Nodes with certificates find each other by multicast; after a cut they are one cluster again, and messages cross.
fn form_and_heal(transport: &str) {
    let (mut formed, mut healed) = (Vec::new(), Vec::new());
    for _ in 0..tries(2) {
        let mut cluster = prepare(transport);
        let start = Instant::now();
        cluster.nodes.iter_mut().for_each(Node::spawn);
        cluster.wait_whole("three nodes find each other", SOON);
        formed.push(start.elapsed());
        let mut subscriber = cluster.client(1);
        subscriber.subscribe("t", 1);
        cluster.lan.split(&[&[1, 2], &[3]]);
        cluster.wait_down(1, 3, SOON);
        cluster.wait_down(3, 1, SOON);
        cluster.lan.heal();
        healed.push(cluster.wait_whole("the cut is healed", SOON));
        cluster.wait_healed(Duration::from_secs(60));
        let mut publisher = cluster.client(3);
        publisher.publish("t", "over the mended cable", 1);
        assert_eq!(subscriber.message().text(), "over the mended cable");
    }
    report(&format!("3 nodes by multicast, {transport}"), &mut formed);
    report(&format!("2 + 1 cut and mended, {transport}"), &mut healed);
}

#[test]
fn three_nodes_find_each_other_and_heal_over_inet_tls() {
    form_and_heal("inet_tls");
}

#[test]
fn three_nodes_find_each_other_and_heal_over_inet6_tls() {
    form_and_heal("inet6_tls");
}
