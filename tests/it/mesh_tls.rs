//! The four transports of the mesh, with real processes: what crosses, who is refused and what the logs of both say, new
//! certificates while nodes run, and what `openssl s_client` sees.

use std::{
    collections::BTreeSet,
    fs,
    io::{Read as _, Write as _},
    net::{SocketAddr, TcpListener, TcpStream},
    path::PathBuf,
    process::{Command, Stdio},
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};

use super::{
    clients::need,
    nodes::wait_for_all,
    refusals::all_tell,
    support::{
        Client, Node, Version,
        certificates::{Authority, Issued},
        node::{OURS, equip, free_mesh_number, free_port},
        unique, wait_for,
    },
};

const JOIN: Duration = Duration::from_secs(30);
/// As EMQX 4.4 ships it.
const OF_EMQX: &str = r#"[{server, [{certfile, "etc/certs/cert.pem"}, {keyfile, "etc/certs/key.pem"},
    {cacertfile, "etc/certs/cacert.pem"}, {secure_renegotiate, true}, {verify, verify_none}]},
 {client, [{secure_renegotiate, true}, {verify, verify_none}]}].
"#;

/// node1 to nodeN of one host, each with its mesh port and all as seeds, not started.
struct Plan {
    transport: &'static str,
    host: &'static str,
    ports: Vec<u16>,
}

impl Plan {
    fn new(transport: &'static str, count: usize) -> Self {
        let host = if transport.starts_with("inet6") { "::1" } else { "127.0.0.1" };
        let ports = (0..count).map(|_| 4370 + free_mesh_number()).collect();
        Self { transport, host, ports }
    }

    fn node(&self, number: usize) -> Node {
        let bracketed =
            |host: &str| if host.contains(':') { format!("[{host}]") } else { host.into() };
        let seed =
            |(n, port): (usize, &u16)| format!("node{}@{}:{port}", n + 1, bracketed(self.host));
        let seeds: Vec<String> = self.ports.iter().enumerate().map(seed).collect();
        let lines = format!(
            "cluster.proto_dist = {}\nnode.dist_port = {}\ncluster.discovery = static\ncluster.static.seeds = {}",
            self.transport,
            self.ports[number],
            seeds.join(",")
        );
        let name = format!("node{}@{}", number + 1, self.host);
        Node::prepare_at(&name, ([127, 0, 0, 1], free_port()).into(), Vec::new(), &lines)
    }

    fn addr(&self, number: usize) -> SocketAddr {
        (self.host.parse::<std::net::IpAddr>().unwrap(), self.ports[number]).into()
    }
}

fn certificates(node: &Node) -> PathBuf {
    node.config().parent().unwrap().join("certs")
}

fn launch(nodes: &mut [Node]) {
    nodes.iter_mut().for_each(Node::spawn);
    nodes.iter_mut().for_each(Node::wait_ready);
}

/// A cluster over TLS with certificates of one authority.
#[track_caller]
fn cluster(transport: &'static str, count: usize, optfile: &str) -> (Plan, Authority, Vec<Node>) {
    let (plan, authority) = (Plan::new(transport, count), Authority::new("mesh ca"));
    let mut nodes: Vec<Node> = (0..count).map(|number| plan.node(number)).collect();
    for node in &nodes {
        equip(node, &authority.issue(&[plan.host]), &authority.pem(), optfile);
    }
    launch(&mut nodes);
    wait_for_all(&nodes);
    (plan, authority, nodes)
}

/// Messages of each QoS and of several sizes, both ways.
fn crosses(nodes: &[Node]) {
    let topic = unique("over/");
    let mut clients: Vec<Client> =
        nodes.iter().map(|node| Client::at(Version::V5, node.mqtt())).collect();
    for client in &mut clients {
        client.subscribe(&topic, 2);
    }
    for node in nodes {
        let mut publisher = Client::at(Version::V5, node.mqtt());
        for qos in 0..3 {
            for size in [10, 70_000, 900_000] {
                let text = format!("{} {qos} {}", node.name, "x".repeat(size));
                publisher.publish(&topic, &text, qos);
                for client in &mut clients {
                    assert!(client.message().text() == text, "{} {qos} {size}", node.name);
                }
            }
        }
    }
}

#[test]
fn a_cluster_forms_and_carries_messages_over_each_transport() {
    for transport in ["inet_tcp", "inet6_tcp"] {
        let plan = Plan::new(transport, 2);
        let mut nodes: Vec<Node> = (0..2).map(|number| plan.node(number)).collect();
        launch(&mut nodes);
        wait_for_all(&nodes);
        crosses(&nodes);
    }
    for transport in ["inet_tls", "inet6_tls"] {
        let (_, _, nodes) = cluster(transport, 3, OURS);
        crosses(&nodes);
        for node in &nodes {
            let log = node.log();
            assert!(log.contains(&format!("transport=\"{transport}\"")), "{log}");
            assert!(!log.contains("verify_none") && !log.contains("no link"), "{log}");
        }
    }
}

#[test]
fn nodes_join_by_hand_over_ipv6_and_beat_over_udp() {
    let (mut plan, authority) = (Plan::new("inet6_tls", 2), Authority::new("mesh ca"));
    let ports = std::mem::take(&mut plan.ports);
    let mut nodes: Vec<Node> = ports
        .iter()
        .enumerate()
        .map(|(number, port)| {
            let lines = format!("cluster.proto_dist = inet6_tls\nnode.dist_port = {port}");
            let name = format!("hand{number}@::1");
            Node::prepare_at(&name, ([127, 0, 0, 1], free_port()).into(), Vec::new(), &lines)
        })
        .collect();
    for node in &nodes {
        equip(node, &authority.issue(&["::1"]), &authority.pem(), OURS);
    }
    launch(&mut nodes);
    nodes[0].ctl(&["cluster", "join", &format!("hand1@[::1]:{}", ports[1])]);
    wait_for_all(&nodes);
    for node in &nodes {
        wait_for("heartbeats come over UDP", JOIN, || {
            let members = node.cluster()["members"].as_array().cloned().unwrap_or_default();
            members.iter().filter(|member| member["udp"] == true).count() == 1
        });
    }
}

#[test]
fn nodes_come_back_over_tls_and_nothing_is_lost() {
    let (_, _, mut nodes) = cluster("inet_tls", 2, OURS);
    let topic = unique("back/");
    let mut subscriber = Client::at(Version::V5, nodes[0].mqtt());
    subscriber.subscribe(&topic, 1);
    nodes[1].kill();
    wait_for("node2 is missed", JOIN, || nodes[0].running_nodes().len() == 1);
    nodes[1].launch();
    wait_for_all(&nodes);
    let mut publisher = Client::at(Version::V5, nodes[1].mqtt());
    for number in 0..200 {
        publisher.publish(&topic, number.to_string(), 1);
        assert_eq!(subscriber.message().text(), number.to_string());
    }
}

#[test]
fn a_file_written_for_emqx_works_and_its_weakness_is_told() {
    let (_, _, nodes) = cluster("inet_tls", 2, OF_EMQX);
    crosses(&nodes);
    let log = nodes[0].log();
    assert!(log.contains("no meaning here: secure_renegotiate"), "{log}");
    assert!(log.contains("server: verify_none") && log.contains("client: verify_none"), "{log}");
}

/// A second node with this certificate stays out, and these words are in the logs and in the status of the first and of the second.
#[track_caller]
fn stays_out(authority: &Authority, second: &Issued, words: [&str; 2]) {
    let plan = Plan::new("inet_tls", 2);
    let mut nodes = [plan.node(0), plan.node(1)];
    equip(&nodes[0], &authority.issue(&[plan.host]), &authority.pem(), OURS);
    equip(&nodes[1], second, &authority.pem(), OURS);
    launch(&mut nodes);
    all_tell(&[(&nodes[0], words[0]), (&nodes[1], words[1])], Instant::now());
    for node in &nodes {
        assert_eq!(node.running_nodes(), BTreeSet::from([node.name.clone()]));
        let told = node.log().lines().filter(|line| line.contains("WARN")).count();
        assert!(told <= 4, "{told} warnings: {}", node.log());
    }
}

#[test]
fn an_expired_certificate_is_refused() {
    let authority = Authority::new("mesh ca");
    let expired = authority.issue_until(&["127.0.0.1"], -1);
    stays_out(
        &authority,
        &expired,
        ["its certificate has expired", "certificate of this node has expired or is not valid yet"],
    );
}

#[test]
fn a_certificate_of_another_authority_is_refused() {
    let authority = Authority::new("mesh ca");
    let strange = Authority::new("another ca").issue(&["127.0.0.1"]);
    stays_out(
        &authority,
        &strange,
        [
            "no authority that is known here",
            "it knows no authority behind the certificate of this node",
        ],
    );
}

#[test]
fn a_certificate_for_another_host_is_refused_unless_any_will_do() {
    let authority = Authority::new("mesh ca");
    let other = authority.issue(&["10.9.9.9", "node2.lan"]);
    let words = ["and not 127.0.0.1, the host part", "does not name the host"];
    stays_out(&authority, &other, words);

    let plan = Plan::new("inet_tls", 2);
    let mut nodes = [plan.node(0), plan.node(1)];
    for node in &mut nodes {
        equip(node, &other, &authority.pem(), OURS);
        node.configure("cluster.tls_name_check = off");
    }
    launch(&mut nodes);
    wait_for_all(&nodes);
}

/// The name of whoever dials is known only inside; the verdict of the handshake says it.
#[test]
fn a_node_that_only_dials_is_refused_for_its_name_too() {
    let (mut plan, authority) = (Plan::new("inet_tls", 2), Authority::new("mesh ca"));
    let second = plan.node(1);
    plan.ports.truncate(1);
    let mut nodes = [plan.node(0), second];
    equip(&nodes[0], &authority.issue(&[plan.host]), &authority.pem(), OURS);
    equip(&nodes[1], &authority.issue(&["node2.lan"]), &authority.pem(), OURS);
    launch(&mut nodes);
    for (node, words) in nodes.iter().zip([
        "names DNS:node2.lan and not 127.0.0.1",
        "refused: certificate does not name the host of the node that showed it",
    ]) {
        wait_for(&format!("{}: {words}", node.name), JOIN, || node.log().contains(words));
    }
    assert_eq!(nodes[0].running_nodes().len(), 1);
}

#[test]
fn nodes_of_different_transports_stay_apart_and_say_why() {
    let (mut plan, authority) = (Plan::new("inet_tls", 2), Authority::new("mesh ca"));
    let first = plan.node(0);
    plan.transport = "inet_tcp";
    let mut nodes = [first, plan.node(1)];
    equip(&nodes[0], &authority.issue(&[plan.host]), &authority.pem(), OURS);
    launch(&mut nodes);
    for node in &nodes {
        wait_for(&format!("{} names the key", node.name), JOIN, || {
            node.log().lines().any(|line| {
                line.contains("WARN") && line.contains("cluster.proto_dist must be the same")
            })
        });
    }
}

fn hang_up(node: &Node) {
    kill(Pid::from_raw(node.pid()), Signal::SIGHUP).unwrap();
}

fn count(node: &Node, words: &str) -> usize {
    node.log().matches(words).count()
}

#[test]
fn new_certificates_count_from_the_next_reload_on() {
    let (plan, authority) = (Plan::new("inet_tls", 2), Authority::new("mesh ca"));
    let mut nodes = [plan.node(0), plan.node(1)];
    equip(&nodes[0], &authority.issue(&[plan.host]), &authority.pem(), OURS);
    equip(&nodes[1], &authority.issue_until(&[plan.host], -1), &authority.pem(), OURS);
    launch(&mut nodes);
    let told = "a certificate of this node has expired";
    wait_for("the end of the certificate is told", JOIN, || count(&nodes[1], told) == 1);
    assert_eq!(nodes[1].running_nodes().len(), 1);
    authority.issue_until(&[plan.host], 5).write(&certificates(&nodes[1]), &authority.pem());
    hang_up(&nodes[1]);
    wait_for_all(&nodes);
    wait_for("its end in 5 days is told", JOIN, || {
        nodes[1].log().lines().any(|line| line.contains("ends soon") && line.contains("days=5"))
    });
    assert_eq!(nodes[1].stat("mesh.certificate.days"), 5);
    for node in &nodes {
        wait_for("nobody is named as refused", JOIN, || node.refusals().is_empty());
    }

    // A bad file changes nothing: it is told, what stands stays, and new links come up with the certificate of before.
    fs::write(certificates(&nodes[1]).join("cert.pem"), "no certificate").unwrap();
    hang_up(&nodes[1]);
    wait_for("the bad file is told", JOIN, || {
        nodes[1].log().lines().any(|line| {
            line.contains("configuration not reloaded") && line.contains("no certificate in it")
        })
    });
    wait_for_all(&nodes);
    nodes[0].kill();
    wait_for("node1 is missed", JOIN, || nodes[1].running_nodes().len() == 1);
    nodes[0].launch();
    wait_for_all(&nodes);
}

#[test]
fn a_bad_optfile_or_key_ends_the_start_with_its_line() {
    let (plan, authority) = (Plan::new("inet_tls", 1), Authority::new("mesh ca"));
    let node = plan.node(0);
    let issued = authority.issue(&[plan.host]);
    let mut faults = Vec::new();
    for optfile in [OURS.replace("verify_peer", "verify_all"), OURS.replace("key.pem", "none.pem")]
    {
        equip(&node, &issued, &authority.pem(), &optfile);
        let check = Command::new(env!("CARGO_BIN_EXE_emqx-rs"))
            .args(["--check-config", "-c"])
            .arg(node.config())
            .output()
            .unwrap();
        assert_eq!(check.status.code(), Some(78));
        faults.push(String::from_utf8_lossy(&check.stderr).into_owned());
    }
    assert!(faults[0].contains("ssl_dist.conf:6: verify = verify_all: expected"), "{}", faults[0]);
    assert!(faults[1].contains("ssl_dist.conf:4: keyfile: "), "{}", faults[1]);
    assert!(faults[1].contains("certs/none.pem: No such file"), "{}", faults[1]);
}

#[test]
fn openssl_sees_tls_1_3_and_the_request_for_a_certificate() {
    need(&["openssl"], &["openssl"]);
    let (plan, authority, nodes) = cluster("inet_tls", 1, OURS);
    let folder = certificates(&nodes[0]);
    let client = |options: &[&str]| {
        let output = Command::new("openssl")
            .args(["s_client", "-connect", &plan.addr(0).to_string(), "-CAfile"])
            .arg(folder.join("cacert.pem"))
            .args(["-verify_return_error", "-verify_ip", plan.host])
            .args(options)
            .stdin(Stdio::null())
            .output()
            .unwrap();
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        text + &String::from_utf8_lossy(&output.stderr)
    };
    let shown = client(&["-alpn", "emqx-rs-mesh/1"]);
    for part in [
        "New, TLSv1.3",
        "Acceptable client certificate CA names",
        "CN = mesh ca",
        "ALPN protocol: emqx-rs-mesh/1",
        "Verification: OK",
    ] {
        assert!(shown.contains(part), "no {part:?}: {shown}");
    }
    assert!(!shown.contains("New Session Ticket"), "a ticket: {shown}");
    let old = client(&["-tls1_2"]);
    assert!(old.contains("protocol version") && old.contains("(NONE)"), "{old}");
    assert!(client(&["-alpn", "mqtt"]).contains("no application protocol"));
    let told = "it shows no certificate";
    wait_for("who shows none is refused", JOIN, || nodes[0].log().contains(told));
    drop(authority);
}

/// Passes bytes on to `to`, and keeps what passed.
fn tap(to: SocketAddr) -> (u16, Arc<Mutex<Vec<u8>>>) {
    fn pass(mut from: TcpStream, mut to: TcpStream, kept: Arc<Mutex<Vec<u8>>>) {
        std::thread::spawn(move || {
            let mut chunk = [0; 16 << 10];
            while let Ok(count @ 1..) = from.read(&mut chunk) {
                kept.lock().unwrap().extend(&chunk[..count]);
                if to.write_all(&chunk[..count]).is_err() {
                    break;
                }
            }
            let _ = to.shutdown(std::net::Shutdown::Both);
        });
    }
    let listener = TcpListener::bind((to.ip(), 0)).unwrap();
    let port = listener.local_addr().unwrap().port();
    let kept = Arc::new(Mutex::new(Vec::new()));
    let all = kept.clone();
    std::thread::spawn(move || {
        for from in listener.incoming().flatten() {
            let Ok(to) = TcpStream::connect(to) else { continue };
            pass(from.try_clone().unwrap(), to.try_clone().unwrap(), all.clone());
            pass(to, from, all.clone());
        }
    });
    (port, kept)
}

#[test]
fn nothing_between_two_nodes_can_be_read_on_the_way() {
    for transport in ["inet_tcp", "inet6_tcp", "inet_tls", "inet6_tls"] {
        let (mut plan, authority) = (Plan::new(transport, 2), Authority::new("mesh ca"));
        let (port, kept) = tap(plan.addr(0));
        // The second knows the first by the tap only, and the first knows nobody.
        let real = std::mem::replace(&mut plan.ports[0], port);
        let second = plan.node(1);
        plan.ports = vec![real];
        let mut nodes = [plan.node(0), second];
        for node in &nodes {
            equip(node, &authority.issue(&[plan.host]), &authority.pem(), OURS);
        }
        launch(&mut nodes);
        wait_for_all(&nodes);
        let topic = unique("secret-topic/");
        let mut subscriber = Client::at(Version::V5, nodes[0].mqtt());
        subscriber.subscribe(&topic, 1);
        let mut publisher = Client::at(Version::V5, nodes[1].mqtt());
        publisher.publish(&topic, "secret-payload", 1);
        assert_eq!(subscriber.message().text(), "secret-payload");
        let passed = kept.lock().unwrap();
        assert!(passed.len() > 1_000, "{transport}: {} bytes through the tap", passed.len());
        for text in ["secret-topic", "secret-payload", "only-for-these-tests", "node2@", "emqxcl"] {
            let found = passed.windows(text.len()).any(|window| window == text.as_bytes());
            assert!(!found, "{transport}: {text} can be read");
        }
    }
}
