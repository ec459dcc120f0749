//! What commands of EMQX do here that are about a node, its log or its cluster, and what those say that are not here.

use std::{collections::BTreeSet, fs, net::TcpStream};

use serde_json::Value;

use super::nodes::{cluster, wait_for_all};
use super::support::{
    Client, Connect, LIMIT, Node, Version, codec::Packet, codec::Value as Property, wait_for,
};

const V5: Version = Version::V5;
const USE_ANOTHER_SERVER: u8 = 0x9c;
const SERVER_REFERENCE: u8 = 28;

/// Exit code and what is printed, standard error behind standard output.
fn run(node: &Node, words: &[&str]) -> (i32, String) {
    let output = node.ctl_output(words);
    let text = String::from_utf8([output.stdout, output.stderr].concat()).unwrap();
    (output.status.code().unwrap(), text)
}

#[track_caller]
fn json(node: &Node, words: &[&str]) -> (i32, Value) {
    let words: Vec<&str> = ["--json"].iter().chain(words).copied().collect();
    let output = node.ctl_output(&words);
    let value = serde_json::from_slice(&output.stdout);
    (output.status.code().unwrap(), value.unwrap_or_else(|error| panic!("{words:?}: {error}")))
}

#[test]
fn a_node_that_left_takes_discovery_up_again() {
    let nodes = cluster(2);
    nodes[1].ctl(&["cluster", "leave"]);
    let alone = BTreeSet::from([nodes[1].name.clone()]);
    wait_for("it is alone", LIMIT, || nodes[1].running_nodes() == alone);
    let off = "Discovery is off: this node left its cluster";
    assert!(nodes[1].ctl(&["cluster", "status"]).contains(off));
    assert!(!nodes[0].ctl(&["cluster", "status"]).contains(off));
    let text = nodes[1].ctl(&["cluster", "discovery", "enable"]);
    assert!(text.starts_with("Automatic cluster discovery enabled.\n"), "{text}");
    assert!(!text.contains(off), "{text}");
    wait_for_all(&nodes);
    // Where it is on it stays so.
    assert_eq!(run(&nodes[1], &["cluster", "discovery", "enable"]).0, 0);
}

#[test]
fn places_of_the_log_are_stopped_and_have_levels_of_their_own() {
    let node = Node::start("log.to = both\nlog.dir = mylog\nlog.level = info");
    let file = node.config().with_file_name("mylog").join("emqx.log");
    let in_file = |text: &str| fs::read_to_string(&file).is_ok_and(|log| log.contains(text));
    let rows = node.ctl(&["log", "handlers", "list"]);
    let line = |id: &str, level: &str, status: &str| {
        rows_have(&node.ctl(&["log", "handlers", "list"]), id, level, status)
    };
    assert_eq!(rows.lines().count(), 2, "{rows}");
    assert_eq!(node.ctl(&["log", "handlers", "stop", "file"]), "log handler file stopped\n");
    assert!(line("file", "info", "stopped") && line("console", "info", "started"), "{rows}");
    node.ctl(&["banned", "add", "clientid", "first"]);
    wait_for("the console has it", LIMIT, || node.log().contains("\"first\""));
    assert_eq!(node.ctl(&["log", "handlers", "start", "file"]), "log handler file started\n");
    node.ctl(&["banned", "add", "clientid", "second"]);
    wait_for("the file has it", LIMIT, || in_file("\"second\""));
    assert!(!in_file("\"first\""), "what came while it was stopped is not in it");

    assert_eq!(node.ctl(&["log", "handlers", "set-level", "file", "error"]), "error\n");
    assert!(line("file", "error", "started") && line("console", "info", "started"));
    node.ctl(&["banned", "add", "clientid", "third"]);
    wait_for("the console has it", LIMIT, || node.log().contains("\"third\""));
    assert!(!in_file("\"third\""));
    // No more than the whole log lets through.
    assert_eq!(node.ctl(&["log", "handlers", "set-level", "file", "debug"]), "info\n");
    node.ctl(&["log", "handlers", "stop", "file"]);
    node.ctl(&["conf", "reload"]);
    assert!(line("file", "info", "started"), "a reload sets it back");
    node.ctl(&["banned", "add", "clientid", "fourth"]);
    wait_for("the file has it", LIMIT, || in_file("\"fourth\""));
    let (code, text) = run(&node, &["log", "handlers", "stop", "nobody"]);
    assert!(code == 1 && text.contains("it has: console, file"), "{text}");
    let (code, text) = run(&node, &["log", "handlers", "set-level", "file", "loud"]);
    assert!(code == 1 && text.contains("loud: expected error"), "{text}");
}

fn rows_have(rows: &str, id: &str, level: &str, status: &str) -> bool {
    rows.lines().any(|row| {
        row.starts_with(&format!("LogHandler(id={id}, level={level}, "))
            && row.ends_with(&format!("status={status})"))
    })
}

#[test]
fn a_node_is_emptied_for_an_upgrade() {
    let nodes = cluster(2);
    let mut lasting = Connect::new(V5).id("lasting").lasting().open(nodes[0].mqtt());
    lasting.subscribe("e/#", 1);
    let mut old = Connect::new(Version::V3_1_1).id("old").lasting().open(nodes[0].mqtt());
    old.subscribe("e/#", 1);
    let to = "elsewhere.lan:1883";
    let text = nodes[0].ctl(&["cluster", "evacuate", "start", "--rate", "1000", "--to", to]);
    assert!(text.contains("1000 clients a second are sent away to elsewhere.lan:1883"), "{text}");
    let Some(Packet::Disconnect { code, props }) = lasting.ended().pop() else {
        panic!("a client of MQTT 5 is told")
    };
    assert_eq!(code, USE_ANOTHER_SERVER);
    assert!(props.contains(&(SERVER_REFERENCE, Property::Text(to.into()))), "{props:?}");
    assert!(old.ended().is_empty(), "one of MQTT 3 is closed without a word");
    wait_for("all are gone", LIMIT, || {
        nodes[0]
            .ctl(&["cluster", "evacuate", "status"])
            .contains("of 2 clients 0 are connected, 2 sessions")
    });
    for words in [["status", ""], ["cluster", "status"]] {
        let words: Vec<&str> = words.into_iter().filter(|word| !word.is_empty()).collect();
        let text = nodes[0].ctl(&words);
        assert!(text.contains("1000 clients a second are sent away"), "{text}");
        assert!(!nodes[1].ctl(&words).contains("a second"));
    }
    let all = nodes[1].ctl(&["--all", "status"]);
    assert!(all.contains("Evacuated since"), "{all}");

    let refused = Connect::new(V5).id("new").attempt(nodes[0].mqtt());
    assert_eq!(refused.code, USE_ANOTHER_SERVER);
    assert!(refused.props.contains(&(SERVER_REFERENCE, Property::Text(to.into()))));
    // Server unavailable.
    assert_eq!(Connect::new(Version::V3_1_1).attempt(nodes[0].mqtt()).code, 3);

    // What came meanwhile and their sessions wait for them on the other node.
    Client::at(V5, nodes[1].mqtt()).publish("e/1", "kept", 1);
    for (version, id) in [(V5, "lasting"), (Version::V3_1_1, "old")] {
        let mut back = Connect::new(version).id(id).lasting().open(nodes[1].mqtt());
        assert_eq!(back.message().text(), "kept", "{id}");
    }
    let (code, text) = run(&nodes[0], &["cluster", "evacuate", "start"]);
    assert!(code == 1 && text.contains("cluster evacuate stop ends that"), "{text}");
    assert_eq!(nodes[0].ctl(&["cluster", "evacuate", "stop"]), "ok\n");
    assert_eq!(run(&nodes[0], &["cluster", "evacuate", "stop"]).0, 1);
    let none = nodes[0].ctl(&["cluster", "evacuate", "status"]);
    assert_eq!(none, "This node is not being evacuated.\n");
    Client::at(V5, nodes[0].mqtt()).ping();
    let log = nodes[0].log();
    for wanted in
        ["evacuation: clients are sent", "no client is connected any more", "evacuation ended"]
    {
        assert!(log.contains(wanted), "{wanted}: {log}");
    }
}

#[test]
fn the_last_node_is_emptied_only_by_force() {
    let node = Node::start("");
    let mut client = Client::at(V5, node.mqtt());
    let (code, text) = run(&node, &["cluster", "evacuate", "start"]);
    assert!(code == 1 && text.contains("no other node is up"), "{text}");
    client.ping();
    let (_, row) = json(&node, &["cluster", "evacuate", "start", "--force"]);
    assert_eq!(row["evacuation"]["rate"], 50);
    let Some(Packet::Disconnect { code, props }) = client.ended().pop() else { panic!("told") };
    assert_eq!((code, props.len()), (USE_ANOTHER_SERVER, 0));
    let (code, text) = run(&node, &["cluster", "evacuate", "start", "--to", "a\nb", "--force"]);
    assert!(code == 1 && text.contains("expected HOST:PORT"), "{text}");
}

/// So many in a second, not all at once.
#[test]
fn clients_are_sent_away_one_after_the_other() {
    let nodes = cluster(2);
    let mut clients: Vec<_> = (0..3).map(|_| Client::at(V5, nodes[0].mqtt())).collect();
    let began = std::time::Instant::now();
    nodes[0].ctl(&["cluster", "evacuate", "start", "--rate", "4"]);
    clients.iter_mut().for_each(|client| client.closed_with(USE_ANOTHER_SERVER));
    assert!(began.elapsed() >= std::time::Duration::from_millis(490), "{:?}", began.elapsed());
}

#[test]
fn caches_are_cleaned_on_one_node_or_all() {
    let nodes = cluster(2);
    let other = &nodes[1].name;
    let _client = Connect::new(V5).id("far").open(nodes[1].mqtt());
    let drain = "Authorization cache drain started on";
    for (words, want) in [
        (vec!["acl", "cache-clean", "all"], format!("{drain} all nodes OK\n")),
        (vec!["--all", "acl", "cache-clean", "all"], format!("{drain} all nodes OK\n")),
        (vec!["acl", "cache-clean", "node", other], format!("{drain} node {other} OK\n")),
        (vec!["acl", "cache-clean", "node", "node2"], format!("{drain} node node2 OK\n")),
        (vec!["authz", "cache-clean", "far"], "Drain far authz cache OK\n".to_owned()),
        (vec!["pem_cache", "clean"], "PEM cache clean OK\n".to_owned()),
        (vec!["pem_cache", "clean", "all"], "PEM cache clean OK\n".to_owned()),
        (vec!["--all", "pem_cache", "clean"], "PEM cache clean OK\n".to_owned()),
        (vec!["pem_cache", "clean", "node", other], format!("{other} PEM cache clean OK\n")),
    ] {
        assert_eq!(run(&nodes[0], &words), (0, want), "{words:?}");
    }
    assert_eq!(json(&nodes[0], &["acl", "cache-clean", "all"]).1["result"], "ok");
    assert_eq!(run(&nodes[0], &["acl", "cache-clean", "nobody"]).0, 1);
    let (code, text) = run(&nodes[0], &["pem_cache", "clean", "node", "gone@127.0.0.1"]);
    assert!(code == 1 && text.contains("no running node"), "{text}");
    assert_eq!(run(&nodes[0], &["--all", "acl", "cache-clean", "node", other]).0, 2);
}

#[test]
fn listeners_are_turned_by_protocol_and_port_too() {
    let node = Node::start("");
    let (at, port) = (node.mqtt(), node.mqtt().port().to_string());
    for protocol in ["mqtt:tcp", "tcp"] {
        let text = node.ctl(&["listeners", "stop", protocol, &port]);
        assert_eq!(text, format!("Stop mqtt:tcp:external listener on {at} successfully.\n"));
        assert!(TcpStream::connect(at).is_err());
        node.ctl(&["listeners", "enable", "mqtt:tcp:external", "true"]);
        node.ctl(&["listeners", "restart", protocol, &at.to_string()]);
        Client::at(V5, at).ping();
    }
    node.ctl(&["listeners", "enable", "mqtt:tcp:external", "false"]);
    assert!(TcpStream::connect(at).is_err());
    let (code, text) = run(&node, &["listeners", "stop", "ssl", &port]);
    assert!(code == 1 && text.contains(&format!("there are: mqtt:tcp:external ({at})")), "{text}");
}

#[test]
fn a_trace_with_a_name_runs_on_every_node() {
    let nodes = cluster(2);
    let text = nodes[0].ctl(&["traces", "start", "mine", "client", "far"]);
    assert_eq!(text, "cluster_trace client far mine successfully\n");
    let row = "Trace(mine: clientid=far, running, LogSize:#{'node1@127.0.0.1' => 0,'node2@127.0.0.1' => 0})\n";
    assert_eq!(nodes[1].ctl(&["traces", "list"]), row);
    let _client = Connect::new(V5).id("far").open(nodes[1].mqtt());
    wait_for("node2 writes", LIMIT, || {
        json(&nodes[0], &["traces", "list"]).1[0]["log_size"]["node2@127.0.0.1"].as_u64() > Some(0)
    });
    let (code, text) = run(&nodes[0], &["traces", "start", "mine", "client", "far"]);
    assert!(code == 1 && text.contains("traced already"), "{text}");
    assert_eq!(nodes[1].ctl(&["traces", "stop", "mine"]), "Stop cluster_trace mine successfully\n");
    assert_eq!(nodes[0].ctl(&["traces", "list"]), "");
    assert_eq!(
        run(&nodes[1], &["traces", "stop", "mine"]),
        (1, "emqx-rs-ctl: no trace mine runs\n".into())
    );
}

#[test]
fn what_is_not_here_says_why_and_exits_with_1() {
    let node = Node::start("");
    for words in [
        "cluster core rebalance plan",
        "conf load x.conf --merge",
        "conf cluster_sync status",
        "retainer reindex start",
        "acl list",
        "acl add clientid x t pub allow",
        "plugins load emqx_retainer",
        "traces delete mine",
        "rebalance start --evacuation",
    ] {
        let words: Vec<&str> = words.split(' ').collect();
        let (code, text) = run(&node, &words);
        assert!(code == 1 && text.lines().count() == 1, "{words:?}: {code} {text}");
        let (code, row) = json(&node, &words);
        assert!(code == 1 && row["error"].as_str().is_some_and(|why| text.contains(why)), "{row}");
    }
    for words in [&["dance"][..], &["cluster", "stauts"], &["clients"], &["--all", "conf", "show"]]
    {
        assert_eq!(run(&node, words).0, 2, "{words:?}");
        let (code, row) = json(&node, words);
        assert!(code == 2 && row["error"].is_string(), "{words:?}: {row}");
    }
    let plugins = node.ctl(&["plugins", "list"]);
    assert!(plugins.contains("Plugin(emqx_retainer, description="), "{plugins}");
    assert_eq!(json(&node, &["modules", "list"]).1[1]["name"], "emqx_mod_delayed");
    assert_eq!(json(&node, &["ping"]).1["state"], "started");
    let (code, row) = json(&node, &["cluster", "token", "--file", "/nowhere/cookie"]);
    assert!(code == 1 && row["error"].is_string(), "{row}");
    let (code, text) = run(&node, &["data", "export", "/nowhere/x"]);
    assert!(code == 1 && text.contains("say --users"), "{text}");
    let kinds = ["banned", "add", "clientid", "x"];
    node.ctl(&kinds);
    node.ctl(&["banned", "delete", "clientid", "x"]);
}

#[test]
fn a_part_of_the_answer_is_shown_of_every_node() {
    let nodes = cluster(2);
    assert_eq!(nodes[0].ctl(&["--all", "ping"]), "");
    let text = nodes[0].ctl(&["--all", "vm", "load"]);
    assert!(
        text.lines().count() >= 2 && text.lines().all(|line| line.contains(": cpu/")),
        "{text}"
    );
}

#[test]
fn limits_that_open_files_cap_say_so() {
    let node = Node::start("listener.tcp.external.max_connections = 100000000");
    let row = |key: &str| {
        let rows = json(&node, &["conf", "show", key]).1;
        let text = |name: &str| rows[0][name].as_str().unwrap().to_owned();
        (text("value"), text("from"))
    };
    let (value, from) = row("listener.tcp.external.max_connections");
    let listed = node.ctl(&["listeners"]);
    assert!(listed.contains(&format!("max_conns       : {value}\n")), "{value} {listed}");
    assert!(
        from.starts_with("RLIMIT_NOFILE; 100000000 in ") && from.contains("emqx.conf:"),
        "{from}"
    );
    assert_eq!(row("node.max_ports"), (value, "RLIMIT_NOFILE".into()));
    let text = node.ctl(&["conf", "reload"]);
    assert_eq!(text, "ok\n", "nothing waits for a restart");
    let node = Node::start("node.max_ports = 1024\nlistener.tcp.external.max_connections = 5000");
    let rows = json(&node, &["conf", "show", "listener.tcp.external.max_connections"]).1;
    assert_eq!(rows[0]["value"], "1024");
    assert!(rows[0]["from"].as_str().unwrap().starts_with("node.max_ports; 5000 in "), "{rows}");
}

#[test]
fn a_shared_route_is_found_as_it_is_listed_and_a_node_that_is_down_is_named() {
    let node = Node::start("");
    let mut client = Client::at(V5, node.mqtt());
    client.subscribe("$share/g/y", 0);
    let row = format!("$share/g/y -> {}\n", node.name);
    assert_eq!(node.ctl(&["topics", "list"]), row);
    for topic in ["$share/g/y", "y"] {
        assert_eq!(node.ctl(&["topics", "show", topic]), row);
    }
    assert_eq!(run(&node, &["topics", "show", "$share/h/y"]).0, 1);
    let nobody = "gone@127.0.0.1:1";
    let (code, text) = run(&node, &["cluster", "join", nobody]);
    assert_eq!(code, 1);
    let want = "Failed to join the cluster: {node_down,'gone@127.0.0.1'}: ";
    assert!(text.contains(want) && text.len() > want.len() + 20, "{text}");
}
