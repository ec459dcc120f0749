//! Conformance over a raw socket, one file for each part of the standards. A test names the statements it walks:
//! `v3.1.1 [MQTT-...]` and `v5 [MQTT-...]`, because the same tag means another sentence in the other text.
//!
//! COVERAGE.md lists the tags; [`coverage_is_current`] compares it with the tests.

mod alias;
mod answers;
mod connect;
mod denied;
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

use std::{
    collections::{BTreeMap, BTreeSet},
    env, fs,
    path::Path,
    process::Command,
};

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

/// The tests of each tag, from the lines with `///` before them: (version, tag) to `module::test`.
fn tags_in_tests() -> BTreeMap<(String, String), BTreeSet<String>> {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/conformance");
    let mut found: BTreeMap<_, BTreeSet<_>> = BTreeMap::new();
    for entry in fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_none_or(|e| e != "rs") || path.ends_with("mod.rs") {
            continue;
        }
        let module = path.file_stem().unwrap().to_str().unwrap().to_owned();
        let (mut version, mut tags) = (String::new(), Vec::new());
        for line in fs::read_to_string(&path).unwrap().lines() {
            let line = line.trim_start();
            if let Some(name) = line.strip_prefix("fn ").and_then(|rest| rest.split('(').next()) {
                for tag in tags.drain(..) {
                    found.entry(tag).or_default().insert(format!("{module}::{name}"));
                }
            }
            for word in line.strip_prefix("///").into_iter().flat_map(str::split_whitespace) {
                let tag = word.trim_end_matches(['.', ',', ';', ':']);
                if matches!(word, "v3.1.1" | "v5") {
                    word.clone_into(&mut version);
                } else if let Some(tag) =
                    tag.strip_prefix("[MQTT-").and_then(|t| t.strip_suffix(']'))
                {
                    assert!(!version.is_empty(), "{}: no version before {tag}", path.display());
                    tags.push((version.clone(), tag.to_owned()));
                }
            }
        }
        assert!(tags.is_empty(), "{}: {tags:?} before no test", path.display());
    }
    found
}

/// All statements of the standards: each section with its first and last number.
const STATEMENTS: [(&str, &str); 2] = [
    (
        "v3.1.1",
        "1.5.3 1-3, 2.2.2 1-2, 2.3.1 1-7, 3.1.0 1-2, 3.1.2 1-24, 3.1.3 1-11, 3.1.4 1-5, 3.2.0 1-1, 3.2.2 1-6, 3.3.1 1-12, \
         3.3.2 1-3, 3.3.4 1-1, 3.3.5 1-2, 3.6.1 1-1, 3.8.1 1-1, 3.8.3 1-4, 3.8.4 1-6, 3.9.3 1-2, 3.10.1 1-1, 3.10.3 1-2, \
         3.10.4 1-6, 3.12.4 1-1, 3.14.1 1-1, 3.14.4 1-3, 4.1.0 1-2, 4.3.1 1-1, 4.3.2 1-2, 4.3.3 1-2, 4.4.0 1-1, 4.5.0 1-2, \
         4.6.0 1-6, 4.7.1 1-3, 4.7.2 1-1, 4.7.3 1-4, 4.8.0 1-2, 6.0.0 1-4, 7.1.1 1-2",
    ),
    (
        "v5",
        "1.5.4 1-3, 1.5.5 1-1, 1.5.7 1-1, 2.1.3 1-1, 2.2.1 2-6, 2.2.2 1-1, 3.1.0 1-2, 3.1.2 1-30, 3.1.3 1-12, 3.1.4 1-6, \
         3.2.0 1-2, 3.2.2 1-22, 3.3.1 1-13, 3.3.2 1-20, 3.3.4 1-10, 3.4.2 1-3, 3.5.2 1-3, 3.6.1 1-1, 3.6.2 1-3, 3.7.2 1-3, \
         3.8.1 1-1, 3.8.3 1-5, 3.8.4 1-8, 3.9.2 1-2, 3.9.3 1-2, 3.10.1 1-1, 3.10.3 1-2, 3.10.4 1-6, 3.11.2 1-2, 3.11.3 1-2, \
         3.12.4 1-1, 3.14.0 1-1, 3.14.1 1-1, 3.14.2 1-4, 3.14.4 1-3, 3.15.1 1-1, 3.15.2 1-1, 4.1.0 1-2, 4.2.0 1-1, 4.3.1 1-1, \
         4.3.2 1-5, 4.3.3 1-13, 4.4.0 1-2, 4.5.0 1-2, 4.6.0 1-6, 4.7.0 1-1, 4.7.1 1-2, 4.7.2 1-1, 4.7.3 1-4, 4.8.2 1-6, \
         4.9.0 1-3, 4.12.0 1-7, 4.12.1 1-2, 4.13.1 1-1, 4.13.2 1-1, 6.0.0 1-4",
    ),
];

/// Each tag of one version, in the order of the standard.
fn statements(all: &str) -> impl Iterator<Item = String> {
    all.split(", ").flat_map(|one| {
        let (section, range) = one.split_once(' ').unwrap();
        let (first, last) = range.split_once('-').unwrap();
        let (first, last): (u32, u32) = (first.parse().unwrap(), last.parse().unwrap());
        (first..=last).map(move |number| format!("{section}-{number}"))
    })
}

/// What is about one node and what it is made of.
const ONE_NODE: [&str; 4] = [
    "conformance::holds_across_two_nodes",
    "conformance::denied::",
    "conformance::enhanced::",
    "conformance::offers::",
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

/// COVERAGE.md has a line for each statement: its tests, as they are named here, or why it has none.
#[test]
fn coverage_is_current() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let text = fs::read_to_string(root.join("tests/it/conformance/COVERAGE.md")).unwrap();
    let (head, _) = text.split_once("\n## v").unwrap();
    let (_, tail) = text.split_once("\n## Across two nodes").unwrap();
    let tested = tags_in_tests();
    let (mut made, mut known, mut faults) = (head.to_owned(), 0, Vec::new());
    for (version, all) in STATEMENTS {
        made += &format!("\n## {version}\n\n");
        let (_, section) = text.split_once(&format!("\n## {version}\n")).unwrap();
        let section = section.split("\n## ").next().unwrap();
        for tag in statements(all) {
            let reason = section.lines().find_map(|line| {
                line.strip_prefix(&format!("* {tag}: not applicable: ")).map(str::to_owned)
            });
            match (tested.get(&(version.to_owned(), tag.clone())), reason) {
                (Some(tests), _) => {
                    known += 1;
                    let tests: Vec<_> = tests.iter().map(|test| format!("`{test}`")).collect();
                    made += &format!("* {tag}: {}\n", tests.join(", "));
                }
                (None, Some(reason)) => made += &format!("* {tag}: not applicable: {reason}\n"),
                (None, None) => faults.push(format!("{version} {tag} has neither test nor reason")),
            }
        }
    }
    made += &format!("\n## Across two nodes{tail}");
    assert!(faults.is_empty(), "{faults:#?}");
    assert_eq!(known, tested.len(), "tests name tags that the standards do not have");
    if made != text {
        fs::write(root.join("target/COVERAGE.md"), made).unwrap();
        panic!("tests/it/conformance/COVERAGE.md is not current: target/COVERAGE.md is");
    }
}
