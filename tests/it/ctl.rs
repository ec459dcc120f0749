//! What operators do with a node by `emqx-rs-ctl`: traces, listeners, subscriptions, and who denied what.

use std::{fs, net::TcpStream, os::unix::fs::PermissionsExt, path::PathBuf};

use serde_json::Value;

use super::nodes::cluster;
use super::support::{
    Client, Connect, LIMIT, Message, Node, Version, Will,
    http::http_server,
    node::{free_mesh_number, free_port},
    prop, wait_for,
};

const V5: Version = Version::V5;
const NOT_AUTHORIZED: u8 = 0x87;
const TOPIC_ALIAS: u8 = 35;
/// Of no password.
const HASH: &str = "$argon2id$v=19$m=19456,t=2,p=1$AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";

/// What a command that fails says.
#[track_caller]
fn fails(node: &Node, words: &[&str]) -> String {
    let output = node.ctl_output(words);
    assert_eq!(output.status.code(), Some(1), "{words:?}");
    String::from_utf8(output.stderr).unwrap()
}

/// Begins a trace; gives its file.
fn trace(node: &Node, words: &[&str]) -> PathBuf {
    let words: Vec<&str> = ["--json", "trace", "start"].iter().chain(words).copied().collect();
    let row: Value = serde_json::from_str(&node.ctl(&words)).unwrap();
    PathBuf::from(row["file"].as_str().unwrap())
}

fn read(file: &PathBuf) -> String {
    fs::read_to_string(file).unwrap()
}

#[track_caller]
fn wait_line(file: &PathBuf, wanted: &str) {
    wait_for(wanted, LIMIT, || read(file).contains(wanted));
}

#[test]
fn a_trace_of_a_client_has_its_packets_and_no_secret() {
    let node = Node::start("acl_nomatch = allow\nlog.level = error");
    let file = trace(&node, &["client", "c1"]);
    assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o640);
    let will = Will::new("w/t", "last-words");
    let mut client = Connect::new(V5).id("c1").will(will).open(node.mqtt());
    let mut other = Connect::new(V5).id("c2").open(node.mqtt());
    client.subscribe("a/+", 1);
    client.publish("a/b", "hush-hush", 1);
    assert_eq!(client.message().text(), "hush-hush");
    other.publish("a/b", "of another", 0);
    assert_eq!(client.message().text(), "of another");
    client.ping();
    client.disconnect();
    for wanted in [
        "[MQTT] RECV CONNECT(ClientId=c1, ProtoName=MQTT, ProtoVsn=5, CleanStart=true",
        "Will(Q0, R0, Topic=w/t, Payload=10 bytes)",
        "[MQTT] SEND CONNACK(SessionPresent=false, ReasonCode=0)",
        "[MQTT] RECV SUBSCRIBE(PacketId=1, TopicFilters=[a/+(Q1)])",
        "[MQTT] SEND SUBACK(PacketId=1, ReasonCodes=[1])",
        "[MQTT] RECV PUBLISH(Q1, R0, D0, Topic=a/b, PacketId=2, Payload=9 bytes)",
        "[MQTT] SEND PUBLISH(Q1, R0, D0, Topic=a/b, PacketId=1, Payload=9 bytes)",
        "[MQTT] SEND PUBACK(PacketId=2, ReasonCode=0)",
        "[MQTT] SEND PUBLISH(Q0, R0, D0, Topic=a/b, PacketId=undefined, Payload=10 bytes)",
        "[MQTT] RECV PINGREQ()",
        "[MQTT] RECV DISCONNECT(ReasonCode=0)",
        "connection closed; reason: normal",
    ] {
        wait_line(&file, wanted);
    }
    let text = read(&file);
    assert!(text.lines().all(|line| line.contains(" c1@127.0.0.1:")), "{text}");
    assert!(!text.contains("hush") && !text.contains("last-words"), "{text}");

    let list = node.ctl(&["trace", "list"]);
    assert!(list.starts_with("Trace(clientid=c1, level=debug, destination=\""), "{list}");
    assert!(fails(&node, &["trace", "start", "client", "c1"]).contains("traced already"));
    let stopped = node.ctl(&["trace", "stop", "client", "c1"]);
    assert_eq!(stopped, "stop tracing clientid c1 successfully\n");
    wait_line(&file, "trace ended: stopped");
    assert_eq!(node.ctl(&["trace", "list"]), "");
    assert!(fails(&node, &["trace", "stop", "client", "c1"]).contains("not traced"));
    let elsewhere = ["trace", "start", "client", "c1", "../../etc/x"];
    assert!(fails(&node, &elsewhere).contains("no folder"));
}

#[test]
fn a_trace_of_a_topic_or_an_address_has_what_is_about_it() {
    let node = Node::start("acl_nomatch = allow");
    let topic = trace(&node, &["topic", "t/#", "mine.log"]);
    assert!(topic.ends_with("trace/mine.log"));
    let address = trace(&node, &["ip_address", "127.0.0.1", "addr.log", "info"]);
    let never = trace(&node, &["ip_address", "10.9.9.9"]);
    let mut client = Connect::new(V5).id("x").open(node.mqtt());
    client.subscribe("t/#", 0);
    client.publish("u/1", "no", 1);
    client.publish("t/1", "yes", 0);
    client.message();
    // By the alias that it has got.
    client.publish_message(Message::new("t/alias", "1", 0).with(prop::two(TOPIC_ALIAS, 1)));
    client.message();
    client.publish_message(Message::new("", "2", 0).with(prop::two(TOPIC_ALIAS, 1)));
    client.message();
    client.send(&[0xf0, 0]);
    client.ended();
    wait_line(&address, "[info] x@127.0.0.1:");
    for wanted in ["RECV SUBSCRIBE", "RECV PUBLISH(Q0, R0, D0, Topic=t/1", "SEND PUBLISH"] {
        wait_line(&topic, wanted);
    }
    let aliased = "RECV PUBLISH(Q0, R0, D0, Topic=t/alias, PacketId=undefined, Payload=1 bytes)";
    wait_for("the alias", LIMIT, || read(&topic).matches(aliased).count() == 2);
    let text = read(&topic);
    assert!(!text.contains("u/1") && !text.contains("CONNECT"), "{text}");
    let text = read(&address);
    assert!(text.contains("protocol_error") && !text.contains("[MQTT]"), "{text}");
    assert_eq!(read(&never), "");
}

#[test]
fn a_trace_runs_on_every_node_and_ends_in_time() {
    let nodes = cluster(2);
    let text = nodes[0].ctl(&["--all", "trace", "start", "client", "far", "--for", "1h"]);
    assert_eq!(text.matches("trace clientid far successfully").count(), 2, "{text}");
    let _client = Connect::new(V5).id("far").open(nodes[1].mqtt());
    let rows: Value =
        serde_json::from_str(&nodes[0].ctl(&["--json", "--all", "trace", "list"])).unwrap();
    let file = PathBuf::from(rows[&nodes[1].name][0]["file"].as_str().unwrap());
    wait_line(&file, "RECV CONNECT(ClientId=far");
    nodes[0].ctl(&["--all", "trace", "stop", "client", "far"]);
    wait_line(&file, "trace ended: stopped");
    let file = trace(&nodes[0], &["topic", "x", "--for", "1s"]);
    wait_line(&file, "trace ended: its time is over");
    assert_eq!(nodes[0].ctl(&["trace", "list"]), "");
    assert!(fails(&nodes[0], &["trace", "start", "topic", "x", "--for", "8d"]).contains("a week"));
}

/// A node with these rules.
fn with_rules(rules: &str, lines: &str) -> Node {
    let number = free_mesh_number();
    let mut node = Node::prepare(&format!("node{number}@127.0.0.1"), "manual", "");
    fs::write(node.config().with_file_name("rules.conf"), rules).unwrap();
    node.configure(&format!("acl_file = rules.conf\n{lines}"));
    node.launch();
    node
}

#[test]
fn why_names_the_rule_that_denied() {
    let rules = "% first\n{deny, {client, \"x\"}, publish, [\"secret/#\"]}.\n\n\
                 {allow, all, pubsub, [\"open/#\", \"secret/#\"]}.\n";
    let node = with_rules(rules, "acl_nomatch = deny\nlog.level = info");
    let mut client = Connect::new(V5).id("x").open(node.mqtt());
    assert_eq!(client.publish("secret/1", "x", 1), NOT_AUTHORIZED);
    assert_eq!(client.subscribe("other", 0), NOT_AUTHORIZED);
    let file = node.config().with_file_name("rules.conf").display().to_string();
    let rule = format!(
        "denied; action: publish; topic: secret/1; by: {file}:2: {{deny, {{client, \"x\"}}, publish, [\"secret/#\"]}}"
    );
    let nomatch = "denied; action: subscribe; topic: other; by: acl_nomatch: no rule matches";
    wait_for("both are told", LIMIT, || {
        let told = node.ctl(&["why", "x"]);
        told.contains(&rule) && told.contains(nomatch)
    });
    assert!(node.log().contains("rules.conf:2: {deny, {client, \\\"x\\\"}"), "{}", node.log());

    let will = Will::new("secret/will", "x");
    let mut refused = Connect::new(V5).id("x").will(will).attempt(node.mqtt());
    refused.ended();
    wait_for("the will", LIMIT, || node.ctl(&["why", "x"]).contains("topic: secret/will"));
    // Of a flood the first are told, and all are counted.
    let mut loud = Connect::new(V5).id("loud").open(node.mqtt());
    for _ in 0..100 {
        loud.publish("nowhere", "x", 1);
    }
    assert!(node.metric("client.acl.deny") >= 103);
}

#[test]
fn why_names_the_http_server_and_its_silence() {
    let server = http_server(|request: &str| {
        let denied = "403 Forbidden\r\ncontent-length: 0\r\n\r\n";
        let ignored = "200 OK\r\ncontent-length: 6\r\n\r\nignore";
        if request.contains("t=shut") {
            Some(denied)
        } else if request.contains("t=dead") {
            None
        } else {
            Some(ignored)
        }
    });
    let lines = format!(
        "acl_nomatch = deny\nauth.http.acl_req.url = http://{server}/acl\n\
         auth.http.acl_req.params = t=%t\nauth.http.timeout = 1s"
    );
    let node = with_rules("{deny, all, publish, [\"ruled\"]}.\n{allow, all}.\n", &lines);
    let mut client = Connect::new(V5).id("x").open(node.mqtt());
    for topic in ["shut", "dead", "ruled", "shut"] {
        assert_eq!(client.publish(topic, "x", 1), NOT_AUTHORIZED, "{topic}");
    }
    let told = node.ctl(&["why", "x"]);
    for (topic, by) in [
        ("shut", "by: the HTTP server"),
        ("dead", "by: no answer of the HTTP server"),
        ("ruled", "rules.conf:1: {deny, all, publish"),
    ] {
        let line = told.lines().find(|line| line.contains(&format!("topic: {topic}")));
        assert!(line.is_some_and(|line| line.contains(by)), "{topic}: {told}");
    }
}

#[test]
fn a_listener_is_stopped_and_started() {
    let second = free_port();
    let node = Node::start_all(&format!("listener.tcp.other = 127.0.0.1:{second}"));
    let mut stays = Client::at(V5, node.mqtt());
    let external = "mqtt:tcp:external";
    let at = node.mqtt();
    assert_eq!(
        node.ctl(&["listeners", "stop", external]),
        format!("Stop {external} listener on {at} successfully.\n")
    );
    wait_for("nobody gets in", LIMIT, || TcpStream::connect(at).is_err());
    stays.ping();
    Client::at(V5, ([127, 0, 0, 1], second).into()).ping();
    let list = node.ctl(&["listeners"]);
    assert!(list.contains("closed          : emqx-rs-ctl listeners stop"), "{list}");
    assert!(fails(&node, &["listeners", "stop", external]).contains("it is closed"));
    node.ctl(&["conf", "reload"]);
    assert!(TcpStream::connect(at).is_err(), "a reload leaves it closed");

    let started = node.ctl(&["listeners", "start", external]);
    assert_eq!(started, format!("Start {external} listener on {at} successfully.\n"));
    Client::at(V5, at).ping();
    assert!(fails(&node, &["listeners", "start", external]).contains("it is open"));
    assert_eq!(
        node.ctl(&["listeners", "restart", external]),
        format!("Restarted {external} listener successfully.\n")
    );
    Client::at(V5, at).ping();
    stays.ping();
    let unknown = fails(&node, &["listeners", "restart", "mqtt:tcp:nobody"]);
    assert!(unknown.contains("there are: mqtt:tcp:external, mqtt:tcp:other"), "{unknown}");
    assert!(node.ctl(&["status"]).contains("is started"));
}

#[test]
fn an_operator_subscribes_a_client() {
    let node = Node::start("zone.external.max_subscriptions = 2\nacl_nomatch = deny");
    let mut client = Connect::new(V5).id("deaf").open(node.mqtt());
    let mut other = Client::at(V5, node.mqtt());
    other.publish_message(Message::new("n/1", "kept", 1).retain());
    assert_eq!(node.ctl(&["subscriptions", "add", "deaf", "n/#", "1"]), "ok\n");
    assert_eq!(client.message().text(), "kept");
    other.publish("n/2", "new", 1);
    assert_eq!(client.message().text(), "new");
    assert_eq!(node.ctl(&["subscriptions", "show", "deaf"]), "deaf -> n/#\n");
    assert_eq!(node.ctl(&["subscriptions", "del", "deaf", "n/#"]), "ok\n");
    other.publish("n/3", "not this", 1);
    other.publish("m", "x", 0);
    assert_eq!(node.ctl(&["subscriptions", "show", "deaf"]), "");
    client.ping();
    assert_eq!(client.texts(), [""; 0]);

    assert!(
        fails(&node, &["subscriptions", "del", "deaf", "n/#"]).contains("no such subscription")
    );
    assert!(
        fails(&node, &["subscriptions", "add", "nobody", "n", "0"]).contains("Channel not found!")
    );
    assert!(
        fails(&node, &["subscriptions", "add", "deaf", "n", "3"]).contains("QoS should be 0, 1, 2")
    );
    fails(&node, &["subscriptions", "add", "deaf", "a/#/b", "0"]);
    client.subscribe_to(&[("1", 0), ("2", 0)], &[]);
    assert!(
        fails(&node, &["subscriptions", "add", "deaf", "3", "0"]).contains("max_subscriptions")
    );
}

#[test]
fn what_a_node_keeps_goes_to_another() {
    let users = |node: &Node| node.config().with_file_name("users");
    let start = |text: String| {
        let number = free_mesh_number();
        let mut node = Node::prepare(&format!("node{number}@127.0.0.1"), "manual", "");
        fs::write(users(&node), text).unwrap();
        node.configure("users_file = users");
        node.launch();
        node
    };
    let old = start(format!("bob:{HASH}\neve:{HASH}:superuser\n"));
    let new = start(format!("bob:{HASH}:superuser\n"));
    let mut client = Connect::new(V5).id("x").open(old.mqtt());
    let large = "x".repeat(700_000);
    let message = |topic: &str, payload: &str| Message::new(topic, payload, 1).retain();
    client.publish_message(message("r/1", "one").with(prop::user("k", "v")));
    client.publish_message(message("r/2", &large));
    client.publish_message(message("r/3", &large).with(prop::four(2, 3600)));
    old.ctl(&["banned", "add", "clientid", "evil", "--reason", "why"]);

    let file = old.config().with_file_name("export.json");
    let (path, users_of) =
        (file.display().to_string(), |node: &Node| users(node).display().to_string());
    let told = old.ctl(&["data", "export", &path, "--users", &users_of(&old)]);
    assert_eq!(told, format!("{path}\n"));
    assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    let again = fails(&old, &["data", "export", &path, "--users", &users_of(&old)]);
    assert!(again.contains("File exists"), "{again}");

    let told = new.ctl(&["data", "import", &path, "--users", &users_of(&new)]);
    assert_eq!(told, "retained: 3\nbans: 1\nusers: 1\nleft out: 1\n");
    let kept = fs::read_to_string(users(&new)).unwrap();
    assert_eq!(kept, format!("bob:{HASH}:superuser\neve:{HASH}:superuser\n"), "bob is as he was");
    let mut reader = Connect::new(V5).id("y").open(new.mqtt());
    reader.subscribe("r/#", 1);
    let mut found: Vec<Message> = (0..3).map(|_| reader.message()).collect();
    found.sort_by(|a, b| a.topic.cmp(&b.topic));
    assert_eq!(
        found.iter().map(|one| one.payload.len()).collect::<Vec<_>>(),
        [3, 700_000, 700_000]
    );
    assert_eq!(found[0].prop(38), Some(&prop::user("k", "v").1));
    assert!(found[2].prop(2).is_some(), "its life goes on");
    assert!(
        new.ctl(&["banned", "list"]).contains("Banned(clientid=evil, reason=why, by=emqx-rs-ctl")
    );

    let bad = old.config().with_file_name("bad.json");
    for (line, what) in [
        ("x", "line 1"),
        (
            r#"{"emqx_rs":{"format":9,"node":"n","version":"1","datetime":""}}"#,
            "of another release",
        ),
        (r#"{"retained":{"topic":"a/#","qos":0,"payload":"eA=="}}"#, "retained message of a/#"),
        (
            r#"{"retained":{"topic":"a","qos":0,"payload":"eA==","properties":"/w=="}}"#,
            "no properties",
        ),
        (r#"{"ban":{"as":"dance","who":"","reason":"","by":"","at":0,"until":null}}"#, "no ban"),
    ] {
        fs::write(&bad, format!("{line}\n")).unwrap();
        let words = ["data", "import", &bad.display().to_string(), "--users", &users_of(&new)];
        let told = fails(&new, &words);
        assert!(told.contains(what), "{line}: {told}");
    }
}
