//! `emqx-rs-ctl` against real nodes: what is in force, what a reload changes, and questions to other nodes. And the file that
//! EMQX ships, as it is.

use std::fs;
use std::io::Write;
use std::process::Command;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::Value;

use super::nodes::cluster;
use super::support::{
    Client, Connect, LIMIT, Node, SlowFile, Version,
    node::{free_mesh_number, free_port},
    unique, wait_for,
};

const STOCK: &str = include_str!("../data/emqx-4.4.conf");

fn json(node: &Node, words: &[&str]) -> Value {
    let words: Vec<&str> = ["--json"].iter().chain(words).copied().collect();
    serde_json::from_str(&node.ctl(&words)).unwrap()
}

/// The value of a key, where it comes from, and what waits.
fn setting(node: &Node, key: &str) -> (String, String, Option<String>) {
    let rows = json(node, &["conf", "show", key]);
    let row = rows.as_array().unwrap().iter().find(|row| row["key"] == key).unwrap();
    let text = |name: &str| row[name].as_str().map(str::to_owned);
    (text("value").unwrap(), text("from").unwrap(), text("after_restart"))
}

#[test]
fn settings_in_force_are_shown_with_their_origin_and_without_secrets() {
    let node = Node::start(
        "mqtt.max_topic_levels = 7\nauth.user.1.username = u\nauth.user.1.password = hush-hush",
    );
    let file = node.config().display().to_string();
    let (value, from, _) = setting(&node, "mqtt.max_topic_levels");
    assert_eq!(value, "7");
    assert!(from.starts_with(&format!("{file}:")), "{from}");
    assert_eq!(setting(&node, "cluster.autoclean").1, "default");
    let all = node.ctl(&["conf", "show"]);
    assert!(all.lines().count() > 100, "{all}");
    assert!(all.lines().any(|line| line.starts_with("node.cookie = ******")), "{all}");
    for secret in ["hush-hush", super::support::node::COOKIE] {
        assert!(!all.contains(secret), "{all}");
    }
    let none = node.ctl_output(&["conf", "show", "mqtt.max_topic_levles"]);
    assert_eq!(none.status.code(), Some(1));
    let text = String::from_utf8(none.stderr).unwrap();
    assert!(text.contains("nearest known one is mqtt.max_topic_levels"), "{text}");
}

#[test]
fn a_reload_says_what_changed_and_what_waits_for_a_restart() {
    let mut node = Node::start("mqtt.max_topic_levels = 7");
    let origin = setting(&node, "mqtt.max_topic_levels").1;
    node.configure("mqtt.max_topic_levels = 8\nlog.rotation.count = 9");
    let told = json(&node, &["conf", "reload"]);
    let changed = &told["changed"].as_array().unwrap()[..];
    assert_eq!(changed.len(), 1, "{told}");
    assert_eq!(
        (&changed[0]["key"], &changed[0]["was"]),
        (&"mqtt.max_topic_levels".into(), &"7".into())
    );
    assert_eq!(changed[0]["now"], "8");
    assert_ne!(changed[0]["from"], origin.as_str());
    let waits = told["restart"].as_array().unwrap();
    assert_eq!((waits.len(), &waits[0]["key"]), (1, &"log.rotation.count".into()), "{told}");
    let (value, _, after) = setting(&node, "log.rotation.count");
    assert_eq!((value.as_str(), after.as_deref()), ("5", Some("9")));
    let text = node.ctl(&["conf", "reload"]);
    assert!(text.starts_with("ok\nThese wait for a restart"), "told again, and no more: {text}");

    node.configure("mqtt.max_topic_levels = 9");
    kill(Pid::from_raw(node.pid()), Signal::SIGHUP).unwrap();
    wait_for("the log names the key", LIMIT, || {
        let log = node.log();
        log.lines().any(|line| line.contains("mqtt.max_topic_levels") && line.contains('9'))
    });
    wait_for("it holds", LIMIT, || setting(&node, "mqtt.max_topic_levels").0 == "9");

    node.configure("mqtt.max_topic_levels = 9\nweb.hook.api.url = http://h/");
    for _ in 0..2 {
        node.ctl(&["conf", "reload"]);
        let warned = node.log().matches("web.hook.api.url is not supported").count();
        assert_eq!(warned, 1, "once and not again: {}", node.log());
    }
}

/// Files may be slow to read. Whoever asked for it waits, and nobody else, on the one worker that there is.
#[test]
fn a_reload_that_takes_long_holds_up_nobody_else() {
    let name = format!("node{}@127.0.0.1", free_mesh_number());
    let runner = ["env", "TOKIO_WORKER_THREADS=1"].map(str::to_owned).to_vec();
    let lines = "cluster.discovery = manual\nacl_file = rules.conf";
    let mut node = Node::prepare_at(&name, ([127, 0, 0, 1], free_port()).into(), runner, lines);
    let rules = node.config().with_file_name("rules.conf");
    fs::write(&rules, "{allow, all}.\n").unwrap();
    node.launch_all();
    let mut client = Client::at(Version::V5, node.mqtt());
    let asks: [&[&str]; 3] = [&["conf", "reload"], &["pem_cache", "clean"], &["conf", "reload"]];
    for (at, words) in asks.iter().enumerate() {
        let pipe = SlowFile::in_place_of(&rules);
        std::thread::scope(|scope| {
            let first = scope.spawn(|| node.ctl_output(words));
            let mut pipe = pipe.opened();
            let second = scope.spawn(|| node.ctl_output(asks[(at + 1) % asks.len()]));
            for _ in 0..20 {
                client.ping();
                node.ctl(&["status"]);
            }
            assert!(!first.is_finished() && !second.is_finished(), "{words:?}");
            // The second reads the other file.
            fs::write(rules.with_extension("new"), "{deny, all, publish}.\n{allow, all}.\n")
                .unwrap();
            fs::rename(rules.with_extension("new"), &rules).unwrap();
            pipe.write_all(b"{allow, all}.\n").unwrap();
            drop(pipe);
            for one in [first, second] {
                let output = one.join().unwrap();
                assert!(output.status.success(), "{words:?}: {output:?}");
            }
        });
        // The second of the first two reads certificates alone.
        if at > 0 {
            wait_for("what was read last counts", LIMIT, || client.publish("t", "x", 1) != 0);
        }
    }
}

#[test]
fn the_level_of_the_log_is_shown_and_set() {
    let node = Node::start("");
    assert_eq!(node.ctl(&["log", "primary-level"]), "info\n");
    assert_eq!(node.ctl(&["log", "primary-level", "debug"]), "debug\n");
    let (value, from, _) = setting(&node, "log.level");
    assert_eq!((value.as_str(), from.as_str()), ("debug", "emqx-rs-ctl log set-level"));
    let handlers = node.ctl(&["log", "handlers", "list"]);
    assert_eq!(
        handlers,
        "LogHandler(id=console, level=debug, destination=stderr, status=started)\n"
    );
    node.ctl(&["conf", "reload"]);
    assert_eq!(node.ctl(&["log", "primary-level"]), "info\n");
}

#[test]
fn small_questions_are_answered() {
    let node = Node::start("");
    let ping = node.ctl_output(&["ping"]);
    assert_eq!((ping.status.code(), ping.stdout.len()), (Some(0), 0));
    let vm = node.ctl(&["vm"]);
    for name in ["cpu/load1", "memory/used", "process/count", "io/max_fds"] {
        assert!(vm.lines().any(|line| line.starts_with(name)), "{name}: {vm}");
    }
    let memory = node.ctl(&["vm", "memory"]);
    assert!(
        memory.lines().count() == 3 && memory.lines().all(|line| line.starts_with("memory/")),
        "{memory}"
    );
    assert_eq!(node.ctl(&["pem_cache", "clean", "all"]), "PEM cache clean OK\n");
    assert_eq!(node.ctl_output(&["--all", "conf", "show"]).status.code(), Some(2));
}

#[test]
fn every_node_of_the_cluster_is_asked() {
    let nodes = cluster(3);
    let ids: Vec<String> = nodes.iter().map(|_| unique("c")).collect();
    let connect = |(node, id): (&Node, &String)| Connect::new(Version::V5).id(id).open(node.mqtt());
    let mut clients: Vec<Client> = nodes.iter().zip(&ids).map(connect).collect();
    clients[2].subscribe("a/b", 1);
    let text = nodes[0].ctl(&["--all", "clients", "list"]);
    assert_eq!(text.lines().count(), 3, "{text}");
    for (node, id) in nodes.iter().zip(&ids) {
        let line = format!("{}: Client({id}, ", node.name);
        assert!(text.lines().any(|one| one.starts_with(&line)), "{line}: {text}");
    }
    let rows = json(&nodes[1], &["--all", "subscriptions", "list"]);
    assert_eq!(rows[&nodes[2].name][0]["client_id"], ids[2].as_str(), "{rows}");
    assert_eq!(rows[&nodes[0].name], Value::Array(Vec::new()));
    let one = nodes[0].ctl(&["--node", &nodes[2].name, "clients", "show", &ids[2]]);
    assert!(one.starts_with(&format!("Client({}, ", ids[2])), "{one}");
    let shown = nodes[0].ctl(&["clients", "show", &ids[1], "--all"]);
    assert_eq!(shown.lines().count(), 1, "{shown}");
    let none = nodes[0].ctl_output(&["clients", "show", "nobody", "--all"]);
    assert_eq!(none.status.code(), Some(1));
    let none = nodes[0].ctl_output(&["--node", "x@nowhere", "status"]);
    assert!(String::from_utf8(none.stderr).unwrap().contains("no running node"));
    nodes[0].ctl(&["--all", "clients", "kick", &ids[1]]);
    wait_for("the client of another node is gone", LIMIT, || {
        nodes[1].ctl_output(&["clients", "show", &ids[1]]).status.code() == Some(1)
    });
}

/// More rows than one page between nodes holds.
#[test]
fn long_lists_of_another_node_come_whole() {
    let nodes = cluster(2);
    let mut client = Connect::new(Version::V5).id("many").open(nodes[1].mqtt());
    let long = "x".repeat(200);
    let filters: Vec<String> = (0..2000).map(|n| format!("{n}/{long}")).collect();
    for some in filters.chunks(500) {
        let some: Vec<_> = some.iter().map(|filter| (filter.as_str(), 0)).collect();
        client.subscribe_to(&some, &[]);
    }
    let text = nodes[0].ctl(&["--node", &nodes[1].name, "subscriptions", "list"]);
    assert_eq!(text.lines().count(), 2000);
    assert_eq!(text, nodes[1].ctl(&["subscriptions", "list"]));
}

#[test]
fn the_file_that_emqx_ships_is_checked_without_a_fault_and_starts() {
    let data = tempfile::tempdir().unwrap();
    let (name, mqtt) = (format!("emqx{}@127.0.0.1", free_mesh_number()), free_port());
    let local = |port: u16| format!("127.0.0.1:{port}");
    // Unchanged but for its ports and folders, which come from the environment.
    let mut runner = vec!["env".to_owned()];
    runner.extend(
        [
            ("NODE__NAME", name.clone()),
            ("NODE__DATA_DIR", data.path().display().to_string()),
            ("LISTENER__TCP__EXTERNAL", local(mqtt)),
            ("LISTENER__TCP__INTERNAL", local(free_port())),
            ("LISTENER__SSL__EXTERNAL", local(free_port())),
            ("LISTENER__WS__EXTERNAL", local(free_port())),
            ("LISTENER__WSS__EXTERNAL", local(free_port())),
            ("LOG__TO", "console".to_owned()),
            ("LOG__LEVEL", "info".to_owned()),
        ]
        .map(|(key, text)| format!("EMQX_{key}={text}")),
    );
    let mut node = Node::prepare_at(&name, ([127, 0, 0, 1], mqtt).into(), runner, "");
    fs::write(node.config(), STOCK).unwrap();
    let check = Command::new(env!("CARGO_BIN_EXE_emqx-rs"))
        .args(["--check-config", "-c"])
        .arg(node.config())
        .env("STATE_DIRECTORY", data.path())
        .output()
        .unwrap();
    assert_eq!(check.status.code(), Some(0), "{}", String::from_utf8_lossy(&check.stderr));

    node.launch();
    Client::at(Version::V3_1_1, node.mqtt()).ping();
    assert!(node.ctl(&["status"]).contains("is started"));
    let log = node.log();
    let idle = log.lines().filter(|line| line.contains("no meaning here"));
    assert_eq!(idle.count(), 1, "one line for all keys without a meaning: {log}");
    let (value, from, _) = setting(&node, "listener.tcp.external");
    assert_eq!((value, from.as_str()), (local(mqtt), "EMQX_LISTENER__TCP__EXTERNAL"));
    assert_eq!(setting(&node, "zone.external.max_awaiting_rel").0, "100");
}
