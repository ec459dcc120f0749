//! Bridges to brokers of others: what goes out and comes in, once, whatever is lost on the way.

use std::{
    collections::BTreeSet,
    fs,
    io::{Read, Write},
    net::{Shutdown, SocketAddr, TcpListener, TcpStream},
    process::{Child, Command, Stdio},
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use serde_json::Value;

use super::{
    nodes::{prepare, wait_for_all},
    support::{
        Client, Connect, LIMIT, Message, Node, Packet, Version,
        certificates::Authority,
        node::{free_mesh_number, free_port},
        wait_for,
    },
};

const V5: Version = Version::V5;
/// Long enough for a link that is lost and found again beside other work.
const BACK: Duration = Duration::from_secs(30);

/// A bridge `r` to this address that starts with its node.
fn lines(to: SocketAddr, more: &str) -> String {
    let all = format!(
        "address = {to}\nstart_type = auto\nproto_ver = mqttv5\nreconnect_interval = 500ms\n{more}"
    );
    all.lines().map(|line| format!("bridge.mqtt.r.{}\n", line.trim())).collect()
}

fn row(node: &Node) -> Value {
    let output = node.ctl_output(&["--json", "bridges", "list"]);
    let rows: Value = serde_json::from_slice(&output.stdout).unwrap_or_default();
    rows[0].clone()
}

#[track_caller]
fn wait_status(node: &Node, status: &str) {
    wait_for(&format!("{} is {status}", node.name), BACK, || row(node)["status"] == status);
}

/// Connected, and its subscriptions stand at the remote.
#[track_caller]
fn wait_subscribed(node: &Node) {
    wait_for("the bridge has subscribed", BACK, || row(node)["subscribed"] == true);
}

#[track_caller]
fn subscriber(at: &Node, filter: &str) -> Client {
    // RETAIN as published.
    let mut client = Client::at(V5, at.mqtt());
    assert_eq!(client.subscribe(filter, 2 | 8), 2);
    client
}

/// Rules of access are about clients, not about what the operator has bridged.
#[test]
fn no_rule_of_access_stops_it() {
    let remote = Node::start("");
    let mut node = Node::prepare(&format!("node{}@127.0.0.1", free_mesh_number()), "manual", "");
    let rules = node.config().with_file_name("rules.conf");
    let plant = "{allow, {user, \"plant\"}, pubsub, [\"#\"]}.\n{deny, all}.\n";
    fs::write(&rules, plant).unwrap();
    let more = "forwards = out/#\nsubscription.1.topic = in/#\nsubscription.1.qos = 1";
    node.configure(&format!("{}acl_file = rules.conf", lines(remote.mqtt(), more)));
    node.launch();
    wait_subscribed(&node);
    let plant = || {
        let mut connect = Connect::new(V5);
        connect.user = Some("plant".to_owned());
        connect.open(node.mqtt())
    };
    let (mut there, mut here) = (subscriber(&remote, "out/#"), plant());
    assert_eq!(here.subscribe("in/#", 1), 1);
    let mut pass = |text: &str| {
        plant().publish("out/a", text, 1);
        assert_eq!(there.message_within(BACK).text(), text);
        Client::at(V5, remote.mqtt()).publish("in/a", text, 1);
        assert_eq!(here.message_within(BACK).text(), text);
    };
    pass("under the rules of the start");
    fs::write(&rules, "{allow, {user, \"plant\"}, pubsub}.\n{deny, all}.\n").unwrap();
    node.ctl(&["conf", "reload"]);
    wait_for("the rules hold", LIMIT, || node.log().contains("rules of access hold"));
    pass("under others");
}

/// The payloads that came, in order, up to `last`.
#[track_caller]
fn texts_until(client: &mut Client, last: &str) -> Vec<String> {
    let mut texts = Vec::new();
    while texts.last().is_none_or(|text| text != last) {
        texts.push(client.message_within(BACK).text());
    }
    texts
}

fn set(texts: &[String]) -> BTreeSet<&str> {
    texts.iter().map(String::as_str).collect()
}

/// A way to a broker that can be cut.
struct Cable {
    at: SocketAddr,
    open: Arc<AtomicBool>,
    ends: Arc<Mutex<Vec<TcpStream>>>,
}

impl Cable {
    fn to(broker: SocketAddr) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let at = listener.local_addr().unwrap();
        let (open, ends) =
            (Arc::new(AtomicBool::new(true)), Arc::<Mutex<Vec<TcpStream>>>::default());
        let (is_open, kept) = (open.clone(), ends.clone());
        std::thread::spawn(move || {
            for near in listener.incoming().flatten() {
                if !is_open.load(Ordering::SeqCst) {
                    continue;
                }
                let Ok(far) = TcpStream::connect(broker) else { continue };
                for (from, to) in [(&near, &far), (&far, &near)] {
                    let (mut from, mut to) = (from.try_clone().unwrap(), to.try_clone().unwrap());
                    std::thread::spawn(move || {
                        let mut bytes = [0; 4096];
                        while let Ok(size @ 1..) = from.read(&mut bytes) {
                            if to.write_all(&bytes[..size]).is_err() {
                                break;
                            }
                        }
                        let _ = to.shutdown(Shutdown::Both);
                    });
                }
                kept.lock().unwrap().extend([near, far]);
            }
        });
        Self { at, open, ends }
    }

    fn cut(&self) {
        self.open.store(false, Ordering::SeqCst);
        for end in self.ends.lock().unwrap().drain(..) {
            let _ = end.shutdown(Shutdown::Both);
        }
    }

    fn mend(&self) {
        self.open.store(true, Ordering::SeqCst);
    }
}

#[test]
fn messages_go_out_and_come_in_by_every_version() {
    for version in ["mqttv3", "mqttv4", "mqttv5"] {
        let remote = Node::start("");
        let more = format!(
            "proto_ver = {version}
             bridge_mode = true
             forwards = up/#, up/+/x
             forward_mountpoint = from/${{node}}/
             subscription.1.topic = down/#
             subscription.1.qos = 2
             receive_mountpoint = cloud/"
        );
        let node = Node::start(&lines(remote.mqtt(), &more));
        wait_subscribed(&node);
        let mut there = subscriber(&remote, "from/#");
        let mut here = subscriber(&node, "cloud/#");
        let mut publisher = Client::at(V5, node.mqtt());
        let mut far = Client::at(V5, remote.mqtt());
        for qos in 0..3 {
            let topic = if qos == 1 { "up/a/x" } else { "up/a" };
            publisher.publish(topic, format!("out{qos}"), qos);
            let message = there.message_within(LIMIT);
            let want = (format!("from/{}/{topic}", node.name), format!("out{qos}"), qos);
            assert_eq!((message.topic.clone(), message.text(), message.qos), want, "{version}");
            far.publish("down/b", format!("in{qos}"), qos);
            let message = here.message_within(LIMIT);
            let want = ("cloud/down/b".to_owned(), format!("in{qos}"), qos);
            assert_eq!((message.topic.clone(), message.text(), message.qos), want, "{version}");
        }
        publisher.publish_message(Message::new("up/kept", "k", 1).retain());
        assert!(there.message_within(LIMIT).retain, "{version}");
        assert_eq!((there.messages().len(), here.messages().len()), (0, 0), "{version}");
        wait_for("all are counted", LIMIT, || {
            (row(&node)["forwarded"].as_u64(), row(&node)["received"].as_u64())
                == (Some(4), Some(3))
        });
        let listed = node.ctl(&["subscriptions", "list"]) + &node.ctl(&["topics", "list"]);
        assert!(!listed.contains("bridge"), "{listed}");
    }
}

/// 3.1.1 as well: what was acknowledged to a publisher is not lost, and QoS 2 with a session that stays comes once.
#[test]
fn what_was_acknowledged_arrives_when_the_link_is_back() {
    for (version, clean) in [("mqttv5", true), ("mqttv4", false), ("mqttv4", true)] {
        let remote = Node::start("");
        let cable = Cable::to(remote.mqtt());
        let more = format!(
            "proto_ver = {version}\nclean_start = {clean}\nforwards = up/#\nmax_inflight_size = 4"
        );
        let node = Node::start(&lines(cable.at, &more));
        wait_status(&node, "connected");
        let mut there = subscriber(&remote, "up/#");
        let mut publisher = Client::at(V5, node.mqtt());
        let mut sent = BTreeSet::new();
        for n in 0..60 {
            match n {
                10 | 40 => cable.cut(),
                30 => {
                    cable.mend();
                    wait_status(&node, "connected");
                }
                50 => cable.mend(),
                _ => {}
            }
            let (qos, text) = (1 + n % 2, format!("{n}/{}", 1 + n % 2));
            assert!(publisher.publish("up/x", &text, qos) < 0x80);
            sent.insert(text);
        }
        cable.mend();
        wait_status(&node, "connected");
        publisher.publish("up/x", "end", 2);
        let mut got = texts_until(&mut there, "end");
        got.pop();
        assert_eq!(set(&got), sent.iter().map(String::as_str).collect(), "{version} {clean}");
        if (version, clean) != ("mqttv4", true) {
            let twice: Vec<_> = got.iter().filter(|text| text.ends_with("/2")).collect();
            assert_eq!(twice.len(), 30, "{version}: QoS 2 once: {got:?}");
        }
        assert_eq!(node.log().matches("bridge: connection lost").count(), 2, "{}", node.log());
    }
}

#[test]
fn what_comes_in_is_acknowledged_when_it_is_here() {
    let remote = Node::start("");
    let cable = Cable::to(remote.mqtt());
    let more = "clean_start = false\nsubscription.1.topic = down/#\nsubscription.1.qos = 2";
    let node = Node::start(&lines(cable.at, more));
    wait_subscribed(&node);
    let mut here = subscriber(&node, "down/#");
    let mut far = Client::at(V5, remote.mqtt());
    for n in 0..60 {
        match n {
            20 => cable.cut(),
            40 => cable.mend(),
            _ => {}
        }
        far.publish("down/x", format!("{n}"), 2);
    }
    wait_subscribed(&node);
    far.publish("down/x", "end", 2);
    let mut got = texts_until(&mut here, "end");
    got.pop();
    assert_eq!(got, (0..60).map(|n| n.to_string()).collect::<Vec<_>>());
}

/// Two nodes with one configuration are one bridge.
fn pair(remote: SocketAddr, more: &str) -> Vec<Node> {
    let mut nodes = prepare(2);
    nodes.iter_mut().for_each(|node| node.configure(&lines(remote, more)));
    nodes.iter_mut().for_each(Node::spawn);
    nodes.iter_mut().for_each(Node::wait_ready);
    wait_for_all(&nodes);
    nodes
}

/// The one that has the subscriptions when all have come to rest: two that do not know each other yet both subscribe, and then one
/// lets go. So all must stand as they stand for a while, which is five looks of a bridge at the others.
#[track_caller]
fn wait_one_holder(nodes: &[Node]) -> usize {
    const REST: Duration = Duration::from_secs(1);
    let (mut stood, mut since) = (Vec::new(), Instant::now());
    wait_for("one node has the subscriptions, for good", BACK, || {
        let stands = |row: Value| (row["status"].clone(), row["subscribed"] == true);
        let stand: Vec<_> = nodes.iter().map(|node| stands(row(node))).collect();
        let one = stand.iter().filter(|(_, subscribed)| *subscribed).count() == 1;
        let tries = stand.iter().any(|(status, _)| status == "connecting");
        if stand != stood || !one || tries {
            (stood, since) = (stand, Instant::now());
        }
        since.elapsed() >= REST
    });
    stood.iter().position(|(_, subscribed)| *subscribed).unwrap()
}

#[test]
fn two_nodes_forward_each_message_once_and_one_takes_over() {
    let remote = Node::start("");
    let more = "forwards = up/#\nforward_mountpoint = far/\nsubscription.1.topic = down/#\nreceive_mountpoint = near/";
    let mut nodes = pair(remote.mqtt(), more);
    nodes.iter().for_each(|node| wait_status(node, "connected"));
    let holder = wait_one_holder(&nodes);
    let mut there = subscriber(&remote, "far/#");
    let mut here: Vec<Client> = nodes.iter().map(|node| subscriber(node, "near/#")).collect();
    let mut far = Client::at(V5, remote.mqtt());
    for (n, node) in nodes.iter().enumerate() {
        let mut publisher = Client::at(V5, node.mqtt());
        for m in 0..20 {
            publisher.publish("up/x", format!("{n}/{m}"), 1);
        }
        assert_eq!(row(node)["status"], "connected");
    }
    let mut got = there.texts();
    got.sort();
    let mut want: Vec<_> = (0..40).map(|n| format!("{}/{}", n / 20, n % 20)).collect();
    want.sort();
    assert_eq!(got, want);
    wait_for("each sent its own", LIMIT, || nodes.iter().all(|node| row(node)["forwarded"] == 20));
    for m in 0..20 {
        far.publish("down/x", format!("{m}"), 1);
    }
    let want: Vec<_> = (0..20).map(|m| m.to_string()).collect();
    for client in &mut here {
        assert_eq!(texts_until(client, "19"), want);
        assert_eq!(client.messages().len(), 0);
    }

    let left = 1 - holder;
    nodes[holder].kill();
    wait_subscribed(&nodes[left]);
    far.publish("down/x", "after", 1);
    assert_eq!(here[left].message_within(BACK).text(), "after");
    Client::at(V5, nodes[left].mqtt()).publish("up/x", "still", 1);
    assert_eq!(there.message_within(BACK).text(), "still");
}

/// A client id for all nodes is one connection: the other node waits, and its clients' messages go by the one that is connected.
#[test]
fn with_one_client_id_one_node_is_connected_at_a_time() {
    let remote = Node::start("");
    let mut nodes =
        pair(remote.mqtt(), "clientid = only\nforwards = up/#\nsubscription.1.topic = down/#");
    let holder = wait_one_holder(&nodes);
    let other = 1 - holder;
    wait_status(&nodes[other], "standby");
    let mut there = subscriber(&remote, "up/#");
    for node in &nodes {
        Client::at(V5, node.mqtt()).publish("up/x", &node.name, 2);
    }
    let mut got = [there.message_within(BACK).text(), there.message_within(BACK).text()];
    got.sort();
    assert_eq!(got.to_vec(), nodes.iter().map(|node| node.name.clone()).collect::<Vec<_>>());
    nodes[holder].terminate();
    nodes[holder].wait_end();
    wait_subscribed(&nodes[other]);
    Client::at(V5, nodes[other].mqtt()).publish("up/x", "now by the other", 2);
    assert_eq!(there.message_within(BACK).text(), "now by the other");
    assert_eq!(remote.log().matches("is taken over again").count(), 0);
}

#[test]
fn the_same_topics_both_ways_make_no_loop() {
    let remote = Node::start("");
    let nodes = pair(remote.mqtt(), "forwards = x/#\nsubscription.1.topic = x/#");
    // Both may have connected before they knew of each other.
    let holder = wait_one_holder(&nodes);
    wait_status(&nodes[1 - holder], "standby");
    let mut there = subscriber(&remote, "x/#");
    let mut here: Vec<Client> = nodes.iter().map(|node| subscriber(node, "x/#")).collect();
    for (n, node) in nodes.iter().enumerate() {
        Client::at(V5, node.mqtt()).publish("x/a", format!("near{n}"), 1);
    }
    Client::at(V5, remote.mqtt()).publish("x/a", "far", 1);
    for client in here.iter_mut().chain([&mut there]) {
        let mut got: Vec<_> = (0..3).map(|_| client.message_within(BACK).text()).collect();
        got.sort();
        assert_eq!(got, ["far", "near0", "near1"]);
    }
    for client in here.iter_mut().chain([&mut there]) {
        assert_eq!(client.messages().len(), 0);
    }
}

/// The one whose way is cut waits, and what its clients publish goes by the other.
#[test]
fn a_node_without_a_link_lets_another_forward() {
    let remote = Node::start("");
    let cables = [Cable::to(remote.mqtt()), Cable::to(remote.mqtt())];
    let mut nodes = prepare(2);
    for (node, cable) in nodes.iter_mut().zip(&cables) {
        node.configure(&lines(cable.at, "forwards = up/#"));
        node.spawn();
    }
    nodes.iter_mut().for_each(Node::wait_ready);
    wait_for_all(&nodes);
    nodes.iter().for_each(|node| wait_status(node, "connected"));
    let mut there = subscriber(&remote, "up/#");
    cables[0].cut();
    wait_status(&nodes[0], "connecting");
    let mut publisher = Client::at(V5, nodes[0].mqtt());
    for n in 0..20 {
        publisher.publish("up/x", format!("{n}"), 1);
    }
    publisher.publish("up/x", "end", 1);
    let got = texts_until(&mut there, "end");
    assert_eq!(set(&got).len(), 21, "{got:?}");
    // With no way at all it waits, and goes when there is one.
    cables[1].cut();
    nodes.iter().for_each(|node| wait_status(node, "connecting"));
    publisher.publish("up/x", "later", 1);
    cables[1].mend();
    // What was not acknowledged at the cut may come once more before it.
    texts_until(&mut there, "later");
}

#[test]
fn over_tls_the_remote_is_proven() {
    let authority = Authority::new("ca");
    let port = free_port();
    let name = format!("node{}@127.0.0.1", free_mesh_number());
    let mut remote = Node::prepare(&name, "manual", "");
    let certs = remote.config().parent().unwrap().join("certs");
    authority.issue(&["localhost"]).write(&certs, &authority.pem());
    remote.configure(&format!(
        "listener.ssl.external = 127.0.0.1:{port}
         listener.ssl.external.certfile = {0}/cert.pem
         listener.ssl.external.keyfile = {0}/key.pem
         listener.ssl.external.cacertfile = {0}/cacert.pem
         listener.ssl.external.verify = verify_peer
         listener.ssl.external.fail_if_no_peer_cert = true",
        certs.display()
    ));
    remote.launch_all();
    let ssl = |name: &str| {
        let dir = certs.display();
        let to = SocketAddr::from(([127, 0, 0, 1], port));
        let more = format!(
            "ssl = on\nforwards = up/#\ncacertfile = {dir}/cacert.pem\ncertfile = {dir}/cert.pem\n\
             keyfile = {dir}/key.pem\ntls_versions = {name}"
        );
        lines(to, &more)
    };
    for version in ["tlsv1.2", "tlsv1.3"] {
        let text = ssl(version).replace("address = 127.0.0.1", "address = localhost");
        let node = Node::start(&text);
        wait_status(&node, "connected");
        let mut there = subscriber(&remote, "up/#");
        Client::at(V5, node.mqtt()).publish("up/x", version, 1);
        assert_eq!(there.message_within(BACK).text(), version);
    }
    let node = Node::start(&ssl("tlsv1.3"));
    let reason = || row(&node)["reason"].as_str().unwrap_or_default().to_owned();
    wait_for("another name is refused", BACK, || reason().contains("TLS"));
    let named = ssl("tlsv1.3") + "bridge.mqtt.r.server_name_indication = localhost\n";
    wait_status(&Node::start(&named), "connected");
}

#[test]
fn a_refusal_is_told_once_with_its_remedy() {
    let remote = Node::start(
        "allow_anonymous = false\nauth.user.1.username = u\nauth.user.1.password = right",
    );
    let more = |password: &str| {
        lines(remote.mqtt(), &format!("username = u\npassword = {password}\nforwards = up/#"))
    };
    let node = Node::start(&more("wrong-secret"));
    wait_for("it was refused twice", BACK, || remote.metric("client.auth.failure") >= 2);
    let log = node.log();
    assert_eq!(log.matches("bridge: not connected").count(), 1, "{log}");
    assert!(log.contains("bridge.mqtt.r.username and .password"), "{log}");
    assert!(
        !log.contains("wrong-secret") && !node.ctl(&["conf", "show", "bridge."]).contains("wrong")
    );
    assert!(row(&node)["reason"].as_str().unwrap().contains("bridge.mqtt.r.username"));
    wait_status(&Node::start(&more("right")), "connected");
}

#[test]
fn an_operator_starts_and_stops_it() {
    let remote = Node::start("");
    let node = Node::start(&lines(remote.mqtt(), "start_type = manual\nforwards = up/#"));
    assert_eq!(row(&node)["status"], "stopped");
    let mut publisher = Client::at(V5, node.mqtt());
    assert_eq!(publisher.publish("up/x", "nobody", 1), 0x10);
    assert_eq!(node.ctl(&["bridges", "start", "r"]), "bridge r started\n");
    wait_status(&node, "connected");
    assert_eq!(publisher.publish("up/x", "somebody", 1), 0);
    assert_eq!(node.ctl_output(&["bridges", "start", "r"]).status.code(), Some(1));
    assert_eq!(node.ctl_output(&["bridges", "stop", "other"]).status.code(), Some(1));
    assert_eq!(node.ctl(&["bridges", "stop", "r"]), "bridge r stopped\n");
    wait_status(&node, "stopped");
    wait_for("it is a member no more", LIMIT, || publisher.publish("up/x", "n", 1) == 0x10);
    let text = node.ctl(&["bridges"]);
    assert!(text.starts_with("name: r     status: stopped     server: 127.0.0.1:"), "{text}");
    wait_for("it has left the remote", LIMIT, || remote.stat("connections.count") == 0);
}

#[test]
fn no_client_can_be_a_bridge() {
    let node = Node::start("");
    let mut client = Client::raw(V5, node.mqtt());
    client.send(&Connect::new(V5).id(&format!("$bridge:r:{}", node.name)).bytes());
    assert!(matches!(client.recv(), Packet::ConnAck { code: 0x85, .. }));
}

/// What waits is bounded, and what goes is counted.
#[test]
fn a_queue_is_bounded_and_its_losses_are_counted() {
    let cable = Cable::to(([127, 0, 0, 1], 9).into());
    cable.cut();
    let more = "forwards = up/#\nqueue.max_total_size = 100KB";
    let node = Node::start(&lines(cable.at, more));
    wait_status(&node, "connecting");
    let mut publisher = Client::at(V5, node.mqtt());
    wait_for("it is a member", LIMIT, || publisher.publish("up/x", "first", 1) == 0);
    for _ in 0..100 {
        publisher.publish("up/x", vec![b'x'; 4096], 1);
    }
    wait_for("losses are counted", LIMIT, || {
        row(&node)["dropped"].as_u64() > Some(50) && row(&node)["queued"].as_u64() < Some(50)
    });
}

/// 3.1.1 has no word for the size that a broker takes, and it closes the connection.
#[test]
fn a_message_that_the_remote_does_not_bear_is_given_up_and_the_others_pass() {
    let remote = Node::start("mqtt.max_packet_size = 10KB");
    let node = Node::start(&lines(remote.mqtt(), "proto_ver = mqttv4\nforwards = up/#"));
    wait_status(&node, "connected");
    let mut there = subscriber(&remote, "up/#");
    let mut publisher = Client::at(V5, node.mqtt());
    publisher.publish("up/x", "before", 1);
    publisher.publish("up/large", vec![b'x'; 20_000], 1);
    publisher.publish("up/x", "after", 1);
    texts_until(&mut there, "after");
    wait_for("it is counted", LIMIT, || row(&node)["dropped"] == 1);
    let log = node.log();
    assert!(log.contains("closes the connection at this message"), "{log}");
    assert!(log.contains("up/large"), "{log}");
    wait_status(&node, "connected");
    publisher.publish("up/x", "end", 1);
    texts_until(&mut there, "end");
}

/// Ends with the test.
struct Mosquitto(Child);

impl Drop for Mosquitto {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn mosquitto_is_a_remote() {
    let program = ["/usr/sbin/mosquitto", "/usr/local/sbin/mosquitto"];
    let Some(program) = program.iter().find(|path| std::path::Path::new(path).exists()) else {
        println!("no mosquitto here");
        return;
    };
    let (dir, port) = (tempfile::tempdir().unwrap(), free_port());
    let file = dir.path().join("mosquitto.conf");
    fs::write(&file, format!("listener {port} 127.0.0.1\nallow_anonymous true\n")).unwrap();
    let child = Command::new(program).arg("-c").arg(&file).stderr(Stdio::null()).spawn();
    let _mosquitto = Mosquitto(child.unwrap());
    let at = SocketAddr::from(([127, 0, 0, 1], port));
    wait_for("mosquitto listens", LIMIT, || TcpStream::connect(at).is_ok());
    for version in ["mqttv3", "mqttv4", "mqttv5"] {
        let more = format!(
            "proto_ver = {version}\nbridge_mode = true\nforwards = {version}/#\nsubscription.1.topic = {version}/#\n\
             subscription.1.qos = 2"
        );
        let node = Node::start(&lines(at, &more));
        wait_subscribed(&node);
        let topic = format!("{version}/t");
        let mut there = Client::at(Version::V3_1_1, at);
        there.subscribe(&topic, 2);
        let mut here = subscriber(&node, &topic);
        for qos in 0..3 {
            here.publish(&topic, format!("out{qos}"), qos);
            assert_eq!(there.message_within(LIMIT).text(), format!("out{qos}"), "{version}");
            assert_eq!(here.message_within(LIMIT).text(), format!("out{qos}"), "{version}");
            there.publish(&topic, format!("in{qos}"), qos);
            assert_eq!(there.message_within(LIMIT).text(), format!("in{qos}"), "{version}");
            assert_eq!(here.message_within(LIMIT).text(), format!("in{qos}"), "{version}");
        }
        there.publish_message(Message::new(&topic, "kept", 1).retain());
        assert!(here.message_within(LIMIT).retain, "{version}: a bridge keeps RETAIN");
        assert_eq!(here.messages().len(), 0, "{version}: nothing comes back");
    }
}
