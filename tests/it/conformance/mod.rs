//! Conformance over a raw socket, one file for each part of the standards. A test names the statements it walks:
//! `v3.1.1 [MQTT-...]` and `v5 [MQTT-...]`, because the same tag means another sentence in the other text.
//!
//! COVERAGE.md lists the tags; [`coverage_is_current`] compares it with the tests.

mod alias;
mod answers;
mod connect;
mod disconnect;
mod enhanced;
mod flow;
mod offers;
mod properties;
mod publish;
mod qos;
mod retain;
mod session;
mod shared;
mod subscribe;
mod topics;
mod websocket;
mod will;

use std::{collections::BTreeSet, env, fs, path::Path, process::Command};

use super::{
    nodes,
    support::{BROKERS, Client, Connect, Packet, Version, broker},
};

const ALL: [Version; 3] = [Version::V3_1, Version::V3_1_1, Version::V5];
const V3: [Version; 2] = [Version::V3_1, Version::V3_1_1];
/// The versions with the statements of 3.1.1 and later.
const NEW: [Version; 2] = [Version::V3_1_1, Version::V5];
const V5: Version = Version::V5;

/// Runs `test` for each of `versions` and says which one was the last.
fn each(versions: &[Version], test: impl Fn(Version)) {
    for version in versions {
        println!("with {version:?}");
        test(*version);
    }
}

/// Sends `bytes` on a connection of its own after CONNECT; the broker must close it, in v5 with one of `codes`.
#[track_caller]
fn refused(version: Version, bytes: &[u8], codes: &[u8]) {
    let mut client = Client::new(version);
    client.send(bytes);
    expect_end(&mut client, bytes, codes);
}

/// The broker must close the connection, in v5 with one of `codes`, before v5 without a word.
#[track_caller]
fn expect_end(client: &mut Client, bytes: &[u8], codes: &[u8]) {
    let head = &bytes[..bytes.len().min(60)];
    match client.closed() {
        Some(code) => {
            assert!(codes.contains(&code), "reason {code:02x} and not {codes:02x?} to {head:02x?}")
        }
        None => assert!(!client.version.is_v5(), "closed without a reason after {head:02x?}"),
    }
}

/// Sends `bytes` as the first packet; the broker must not accept it and must close. The CONNACK code, if there was one.
#[track_caller]
fn refused_connect(version: Version, bytes: &[u8]) -> Option<u8> {
    let mut client = Client::raw(version, broker());
    client.send(bytes);
    let seen = client.ended();
    let code = seen.iter().find_map(|packet| match packet {
        Packet::ConnAck { code, .. } => Some(*code),
        _ => None,
    });
    assert_ne!(code, Some(0), "accepted {bytes:02x?}");
    code
}

/// A session that outlives its connections.
fn lasting(version: Version, id: &str) -> Connect {
    Connect::new(version).id(id).lasting()
}

const MALFORMED: &[u8] = &[0x81];
const PROTOCOL: &[u8] = &[0x82];
/// Where the text calls for either.
const EITHER: &[u8] = &[0x81, 0x82];

/// The tags of the lines with `///` in the tests: (version, tag).
fn tags_in_tests() -> BTreeSet<(String, String)> {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/conformance");
    let mut found = BTreeSet::new();
    for entry in fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_none_or(|e| e != "rs") || path.ends_with("mod.rs") {
            continue;
        }
        let text = fs::read_to_string(&path).unwrap();
        let mut version = "";
        for word in text
            .lines()
            .filter_map(|l| l.trim_start().strip_prefix("///"))
            .flat_map(str::split_whitespace)
        {
            match word {
                "v3.1.1" | "v5" => version = word,
                _ => {
                    let tag = word.trim_end_matches(['.', ',', ';', ':']);
                    if let Some(tag) = tag.strip_prefix("[MQTT-").and_then(|t| t.strip_suffix(']'))
                    {
                        assert!(!version.is_empty(), "{}: no version before {tag}", path.display());
                        found.insert((version.to_owned(), tag.to_owned()));
                    }
                }
            }
        }
    }
    found
}

/// What is about one node and what it is made of, or needs messages that are kept on one node.
const ONE_NODE: [&str; 5] = [
    "conformance::holds_across_two_nodes",
    "conformance::enhanced::",
    "conformance::offers::",
    "conformance::retain::",
    "conformance::will::retained_as_the_flag_says",
];

/// The whole once more over two nodes of a cluster: every connection of a test goes to the other node than the one before, so
/// publisher and subscriber, and the connections of one session, are apart.
#[test]
fn holds_across_two_nodes() {
    if env::var_os(BROKERS).is_some() {
        return;
    }
    // One stream a link, so that a message behind all others tells that those have arrived.
    let nodes = nodes::cluster_with(2, "cluster.data_streams = 1");
    let brokers: Vec<String> = nodes.iter().map(|node| node.mqtt().to_string()).collect();
    let output = Command::new(env::current_exe().unwrap())
        .arg("conformance::")
        .args(ONE_NODE.iter().flat_map(|name| ["--skip", name]))
        .env(BROKERS, brokers.join(","))
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{text}\n{}", String::from_utf8_lossy(&output.stderr));
    assert!(!text.contains(" 0 passed"), "{text}");
}

#[test]
fn coverage_is_current() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/conformance/COVERAGE.md");
    let (mut listed, mut version) = (BTreeSet::new(), String::new());
    for line in fs::read_to_string(path).unwrap().lines() {
        if let Some(title) = line.strip_prefix("## Covered, ") {
            title.clone_into(&mut version);
        } else if line.starts_with('#') {
            version.clear();
        } else if !version.is_empty() {
            listed.extend(line.split_whitespace().map(|tag| (version.clone(), tag.to_owned())));
        }
    }
    let tested = tags_in_tests();
    let missing: Vec<_> = tested.difference(&listed).collect();
    let stale: Vec<_> = listed.difference(&tested).collect();
    assert!(
        missing.is_empty() && stale.is_empty(),
        "COVERAGE.md lacks {missing:?}, lists without a test {stale:?}"
    );
}
