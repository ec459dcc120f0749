//! The cookie with real processes: where it comes from, a token that brings a second box in, and a change of the cookie node by
//! node.

use std::{
    fs,
    io::Write,
    os::unix::fs::PermissionsExt,
    path::Path,
    process::{Command, Output, Stdio},
    time::{Duration, Instant},
};

use super::{
    nodes::{prepare, wait_for_all},
    support::{
        Client, Node, Version,
        node::{free_mesh_number, free_port},
        unique, wait_for,
    },
};

const OLD: &str = "the cookie that all nodes begin with";
const NEW: &str = "another cookie, to which all go over";

/// A node that finds nobody by itself and makes its own cookie, not started.
fn alone() -> Node {
    let node = Node::prepare(&format!("node{}@127.0.0.1", free_mesh_number()), "manual", "");
    without(&node, "node.cookie");
    node
}

/// Takes a key out of the config file.
fn without(node: &Node, key: &str) {
    let text = fs::read_to_string(node.config()).unwrap();
    let kept = text.lines().filter(|line| line.split('=').next().map(str::trim) != Some(key));
    fs::write(node.config(), kept.map(|line| format!("{line}\n")).collect::<String>()).unwrap();
}

fn secret(path: &Path, text: &str) {
    fs::write(path, format!("{text}\n")).unwrap();
    fs::set_permissions(path, fs::Permissions::from_mode(0o600)).unwrap();
}

/// `emqx-rs-ctl cluster WORDS --data` the folder of `node`, with `input` on standard input.
fn ctl(node: &Node, words: &[&str], input: &str) -> Output {
    let data = node.data();
    let mut child = Command::new(env!("CARGO_BIN_EXE_emqx-rs-ctl"))
        .arg("--socket")
        .arg(data.join("ctl.sock"))
        .arg("cluster")
        .args(words)
        .arg("--data")
        .arg(&data)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // Who fails before it reads closes the pipe.
    let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
    child.wait_with_output().unwrap()
}

#[track_caller]
fn told(output: &Output, code: i32) -> String {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let (out, errors) = (text(&output.stdout), text(&output.stderr));
    assert_eq!(output.status.code(), Some(code), "{out}{errors}");
    if code == 0 { out } else { errors }
}

#[track_caller]
fn restart(node: &mut Node) {
    node.terminate();
    node.wait_end();
    node.launch();
}

#[track_caller]
fn cross(from: &Node, to: &Node) {
    let topic = unique("t/");
    let mut client = Client::at(Version::V5, to.mqtt());
    client.subscribe(&topic, 1);
    Client::at(Version::V5, from.mqtt()).publish(&topic, "across", 1);
    assert_eq!(client.message().text(), "across");
}

#[test]
fn a_token_brings_a_second_box_in() {
    let mut nodes = [alone(), alone()];
    nodes[0].configure("cluster.name = cellar");
    nodes.iter_mut().for_each(Node::launch);
    let [one, two] = &mut nodes;
    let cookies = [&*one, two].map(|node| fs::read_to_string(node.data().join("cookie")).unwrap());
    assert_ne!(cookies[0], cookies[1]);
    let came = format!("cookie from {}", one.data().join("cookie").display());
    assert!(one.log().contains("new cookie made in") || one.log().contains(&came), "{}", one.log());

    let token = told(&ctl(one, &["token"], ""), 0);
    assert_eq!(token.lines().count(), 1, "{token}");
    let done = told(&ctl(two, &["join", "-"], &token), 0);
    assert!(done.contains("restart emqx-rs"), "{done}");
    assert_eq!(two.running_nodes().len(), 1, "nothing changes before the restart");
    restart(two);
    wait_for_all(&nodes);
    let [one, two] = &mut nodes;
    assert_eq!(two.cluster()["name"], "cellar");
    cross(one, two);
    cross(two, one);

    // The nodes are forgotten, the name stays; members are in their own table.
    let left = fs::read_to_string(two.data().join("cluster.join")).unwrap();
    assert_eq!(left, "cluster cellar\n");
    restart(two);
    wait_for_all(&nodes);
    for node in &nodes {
        let log = node.log();
        for secret in cookies.iter().chain([&token]) {
            assert!(!log.contains(secret.trim()), "a secret is in the log of {}", node.name);
        }
    }
    assert!(nodes[1].log().contains("joining"), "{}", nodes[1].log());
}

/// `cluster join` by name goes on to work, also for a node that joined by token and left.
#[test]
fn who_left_joins_again_by_token_and_by_name() {
    let mut nodes = [alone(), alone()];
    nodes.iter_mut().for_each(Node::launch);
    let token = told(&ctl(&nodes[0], &["token"], ""), 0);
    told(&ctl(&nodes[1], &["join", token.trim()], ""), 0);
    restart(&mut nodes[1]);
    wait_for_all(&nodes);
    nodes[1].ctl(&["cluster", "leave"]);
    assert_eq!(nodes[1].running_nodes().len(), 1);
    let name = nodes[0].name.clone();
    assert!(nodes[1].ctl(&["cluster", "join", &name]).contains("successfully"));
    wait_for_all(&nodes);
    nodes[1].ctl(&["cluster", "leave"]);
    told(&ctl(&nodes[1], &["join", token.trim()], ""), 0);
    restart(&mut nodes[1]);
    wait_for_all(&nodes);
}

#[test]
fn a_token_that_would_do_nothing_is_refused_and_changes_nothing() {
    let mut nodes = [alone(), alone()];
    nodes.iter_mut().for_each(Node::launch);
    let [one, two] = &mut nodes;
    let token = told(&ctl(one, &["token"], ""), 0).trim().to_owned();
    let before = fs::read(two.data().join("cookie")).unwrap();
    let swapped = format!("{}{}", &token[..token.len() - 6], "AAAAAA");
    for bad in [&swapped, &token[..token.len() - 1], &token[3..]] {
        for errors in
            [told(&ctl(two, &["join", "-"], bad), 1), told(&ctl(two, &["join", bad], ""), 1)]
        {
            assert!(errors.contains("damaged") || errors.contains("not a token"), "{errors}");
            assert!(!errors.contains(&token[20..40]), "{errors}");
        }
    }
    // A cookie in the configuration comes before the file.
    two.configure(&format!("node.cookie = {OLD}"));
    restart(two);
    let errors = told(&ctl(two, &["join", "-"], &token), 1);
    assert!(errors.contains("emqx.conf:") && errors.contains("--file"), "{errors}");
    without(two, "node.cookie");
    two.configure("cluster.name = another");
    restart(two);
    let errors = told(&ctl(two, &["join", "-"], &token), 1);
    assert!(errors.contains("cluster.name = another"), "{errors}");
    assert_eq!(fs::read(two.data().join("cookie")).unwrap(), before);
    assert!(!two.data().join("cluster.join").exists());
    assert!(!two.log().contains(&token[20..40]));

    // The file was changed, the node was not restarted: a token would let nobody in.
    secret(&one.data().join("cookie"), NEW);
    let errors = told(&ctl(one, &["token"], ""), 1);
    assert!(errors.contains("restart the node") && !errors.contains(NEW), "{errors}");
}

/// Where systemd runs the node, the second command does all.
#[test]
fn join_restarts_the_service_and_waits_for_it() {
    let mut nodes = [alone(), alone()];
    nodes.iter_mut().for_each(Node::launch);
    let token = told(&ctl(&nodes[0], &["token"], ""), 0);
    let bin = tempfile::tempdir().unwrap();
    let asked = bin.path().join("asked");
    let script = format!(
        "#!/bin/sh\ncase $1 in\nshow) echo LoadState=loaded; echo MainPID={};;\n*) echo \"$@\" > {};;\nesac\n",
        nodes[1].pid(),
        asked.display()
    );
    let systemctl = bin.path().join("systemctl");
    fs::write(&systemctl, script).unwrap();
    fs::set_permissions(&systemctl, fs::Permissions::from_mode(0o755)).unwrap();
    let path = format!("{}:{}", bin.path().display(), std::env::var("PATH").unwrap());
    let data = nodes[1].data();
    let mut child = Command::new(env!("CARGO_BIN_EXE_emqx-rs-ctl"))
        .args(["cluster", "join", "-", "--data"])
        .arg(&data)
        .env("EMQX_RS_SOCKET", data.join("ctl.sock"))
        .env("PATH", path)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // As typed: the line ends, the input does not.
    let mut input = child.stdin.take().unwrap();
    input.write_all(token.as_bytes()).unwrap();
    wait_for("the service is restarted", Duration::from_secs(10), || {
        fs::read_to_string(&asked).is_ok_and(|words| words == "restart emqx-rs.service\n")
    });
    restart(&mut nodes[1]);
    let done = told(&child.wait_with_output().unwrap(), 0);
    assert!(done.starts_with("Join the cluster successfully.\n"), "{done}");
    assert!(done.contains(&nodes[0].name) && done.contains(&nodes[1].name), "{done}");
    drop(input);
    wait_for_all(&nodes);
}

/// `cookie new`, `show` and `set`: on the file, with or without a node, and never from the command line.
#[test]
fn the_cookie_is_shown_set_and_made_in_its_file() {
    let mut node = alone();
    let file = node.data().join("cookie");
    let cookie = |words: &[&str], input: &str| {
        let mut child = Command::new(env!("CARGO_BIN_EXE_emqx-rs-ctl"))
            .arg("--socket")
            .arg(file.with_file_name("ctl.sock"))
            .arg("cookie")
            .args(words)
            .arg("--file")
            .arg(&file)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
        child.wait_with_output().unwrap()
    };
    told(&cookie(&["show"], ""), 1);
    let done = told(&cookie(&["new"], ""), 0);
    assert!(done.contains("restart"), "{done}");
    let made = told(&cookie(&["show"], ""), 0);
    assert!(made.trim().len() >= 43 && !done.contains(made.trim()), "{done}");
    assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    fs::set_permissions(&file, fs::Permissions::from_mode(0o644)).unwrap();
    told(&cookie(&["set"], &format!("{OLD}\n")), 0);
    assert_eq!(told(&cookie(&["show"], ""), 0), format!("{OLD}\n"));
    assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    let weak = cookie(&["set"], "short\n");
    assert!(String::from_utf8_lossy(&weak.stderr).contains("weak cookie"), "{weak:?}");
    told(&cookie(&["set"], "two\nlines\n"), 1);
    // A word of the command is no cookie: it would be seen in ps.
    told(&cookie(&["set", OLD], ""), 2);
    // A node that would not read this file says so.
    node.configure(&format!("node.cookie = {NEW}"));
    node.launch();
    let hidden = cookie(&["set"], OLD);
    let errors = String::from_utf8_lossy(&hidden.stderr).into_owned();
    assert!(errors.contains("emqx.conf:") && !errors.contains(NEW), "{errors}");
    assert!(!node.log().contains(OLD) && !node.log().contains(NEW));
}

/// How often a node said that it lost another.
fn losses(node: &Node, other: &str) -> usize {
    let log = node.log();
    log.lines().filter(|line| line.contains("member down") && line.contains(other)).count()
}

/// Three nodes go from one cookie to the next, one after the other, and drop the old one afterwards. Nobody is away for longer
/// than its own restart, and nobody else is lost meanwhile.
#[test]
fn the_cookie_is_changed_node_by_node() {
    let mut nodes = prepare(3);
    for node in &mut nodes {
        without(node, "node.cookie");
        let file = node.config().with_file_name("cookie");
        secret(&file, OLD);
        node.configure(&format!("node.cookie = file:{}", file.display()));
    }
    nodes.iter_mut().for_each(Node::spawn);
    nodes.iter_mut().for_each(Node::wait_ready);
    wait_for_all(&nodes);
    let mut slowest = Duration::ZERO;
    for (round, step) in [(1, "node.cookie_previous = file:"), (2, "")] {
        for at in [1, 0, 2] {
            let (file, previous) = {
                let conf = nodes[at].config();
                (conf.with_file_name("cookie"), conf.with_file_name("cookie.previous"))
            };
            without(&nodes[at], "node.cookie_previous");
            if round == 1 {
                secret(&previous, OLD);
                secret(&file, NEW);
                nodes[at].configure(&format!("{step}{}", previous.display()));
            }
            restart(&mut nodes[at]);
            let ready = Instant::now();
            wait_for_all(&nodes);
            slowest = slowest.max(ready.elapsed());
            for (a, b) in [(0, 1), (1, 2), (2, 0)] {
                cross(&nodes[a], &nodes[b]);
            }
        }
        for node in &nodes {
            assert!(node.log().contains("previous cookie from"), "{}", node.log());
        }
    }
    println!("slowest return after its port was open: {slowest:?}");
    assert!(slowest < Duration::from_secs(3), "{slowest:?} after its port was open");
    for node in &nodes {
        for other in nodes.iter().filter(|other| other.name != node.name) {
            // Who restarts says so and is not missed twice: at most one loss for each of its two restarts.
            let lost = losses(node, &other.name);
            assert!(lost <= 2, "{} lost {} {lost} times:\n{}", node.name, other.name, node.log());
        }
        for secret in [OLD, NEW] {
            assert!(!node.log().contains(secret));
        }
    }
    // Who comes with the old one now stays out, and both ends say why.
    secret(&nodes[0].config().with_file_name("cookie"), OLD);
    restart(&mut nodes[0]);
    for node in &nodes {
        wait_for(&format!("{} says why", node.name), Duration::from_secs(10), || {
            node.log().contains("cookie mismatch")
        });
    }
    assert_eq!(nodes[0].running_nodes().len(), 1);
}

/// A node with the new cookie that was away for long: the others ask for it seldom by then, and it cannot ask them. It is dialled as
/// soon as it shows itself.
#[test]
fn who_comes_back_with_the_new_cookie_is_asked_at_once() {
    let mut nodes = prepare(2);
    for node in &mut nodes {
        without(node, "node.cookie");
        node.configure(&format!("node.cookie = {OLD}"));
    }
    nodes.iter_mut().for_each(Node::spawn);
    nodes.iter_mut().for_each(Node::wait_ready);
    wait_for_all(&nodes);
    without(&nodes[0], "node.cookie");
    nodes[0].configure(&format!("node.cookie = {NEW}\nnode.cookie_previous = {OLD}"));
    nodes[0].terminate();
    nodes[0].wait_end();
    let name = nodes[0].name.clone();
    wait_for("it is away for eight seconds", Duration::from_secs(20), || {
        let status = nodes[1].cluster();
        let members = status["members"].as_array().cloned().unwrap_or_default();
        let away = |member: &serde_json::Value| {
            member["state"] == "down" && member["since_seconds"].as_u64() >= Some(8)
        };
        members.iter().any(|member| member["node"] == name.as_str() && away(member))
    });
    nodes[0].launch();
    let ready = Instant::now();
    wait_for_all(&nodes);
    println!("back {:?} after its port was open", ready.elapsed());
    assert!(ready.elapsed() < Duration::from_millis(1_500), "{:?}", ready.elapsed());
    cross(&nodes[1], &nodes[0]);
}

/// A weak cookie closes the mesh and nothing else; the status says so.
#[test]
fn a_weak_cookie_serves_clients_and_opens_no_mesh() {
    for (cookie, why) in [("short", "5 bytes"), ("aaaaaaaaaaaaaaaaaaaaaa", "1 different")] {
        let mqtt = ([127, 0, 0, 1], free_port()).into();
        let mut node =
            Node::prepare_at("node1@192.0.2.1", mqtt, Vec::new(), "cluster.discovery = manual");
        without(&node, "node.cookie");
        node.configure(&format!("node.cookie = {cookie}"));
        node.launch();
        let status = node.ctl(&["cluster", "status"]);
        assert!(status.contains("weak cookie") && status.contains(why), "{status}");
        assert!(
            node.cluster()["refused"].as_str().is_some_and(|text| text.contains("weak cookie"))
        );
        Client::at(Version::V5, node.mqtt()).ping();
        assert!(
            !node.log().contains(&format!("{cookie} ")) && !status.contains(&format!("{cookie} "))
        );
        node.terminate();
        node.wait_end();
    }
}

#[test]
fn a_secret_that_everybody_can_read_ends_the_start() {
    let node = alone();
    let cookie = node.data().join("cookie");
    let run = |words: &[&str]| {
        let mut daemon = Command::new(env!("CARGO_BIN_EXE_emqx-rs"));
        daemon.arg("-c").arg(node.config()).args(words).env("RUNTIME_DIRECTORY", node.data());
        daemon.env_remove("CREDENTIALS_DIRECTORY").output().unwrap()
    };
    for (key, file) in [("", &cookie), ("node.cookie", &cookie), ("node.cookie_previous", &cookie)]
    {
        secret(file, OLD);
        fs::set_permissions(file, fs::Permissions::from_mode(0o644)).unwrap();
        let text = fs::read_to_string(node.config()).unwrap();
        let line = if key.is_empty() {
            String::new()
        } else {
            format!("{key} = file:{}\n", file.display())
        };
        fs::write(node.config(), format!("{text}{line}")).unwrap();
        for words in [&[][..], &["--check-config"]] {
            let output = run(words);
            let errors = String::from_utf8_lossy(&output.stderr).into_owned();
            assert_eq!(output.status.code(), Some(78), "{key}: {errors}");
            let named = format!("{}: mode 0644", file.display());
            assert!(errors.contains(&named) && !errors.contains(OLD), "{errors}");
        }
        fs::write(node.config(), text).unwrap();
    }
    // The private key of the node too.
    fs::set_permissions(&cookie, fs::Permissions::from_mode(0o600)).unwrap();
    let key = node.data().join("identity.key");
    fs::write(&key, [7; 32]).unwrap();
    fs::set_permissions(&key, fs::Permissions::from_mode(0o604)).unwrap();
    let output = run(&[]);
    let log = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
    assert_eq!(output.status.code(), Some(78), "{log}");
    assert!(
        log.contains("identity.key: mode 0604") || log.contains("identity.key: mode 604"),
        "{log}"
    );
}
