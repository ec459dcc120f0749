//! Nodes that find each other by multicast: how soon, on what kinds of networks, and who is not let in.

use std::{
    collections::BTreeSet,
    net::{IpAddr, Ipv4Addr, SocketAddr, TcpStream, UdpSocket},
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use emqx_rs::cluster::{
    NodeId, NodeName, beacon,
    handshake::WIRE,
    secret::{KeySet, name_hash},
    settings::{Cookie, Kdf},
};

use super::{
    capture::Capture,
    cluster::{Cluster, SOON},
    lan::Lan,
    report,
    support::{Node, node::COOKIE, wait_for},
    tries,
};

const GROUP: Ipv4Addr = Ipv4Addr::new(239, 192, 0, 1);

/// All nodes started at once, several times; how long until every node sees all. Three nodes, then eight, at most 20 times.
fn form(what: &str, (three, eight): (usize, usize), prepare: impl Fn(usize) -> Cluster) {
    for (count, rounds) in [(3, three), (8, eight.min(20))] {
        let what = format!("{count} nodes by multicast{what}");
        let mut times = Vec::new();
        for _ in 0..rounds {
            let mut cluster = prepare(count);
            assert_eq!(cluster.nodes.len(), count);
            let start = Instant::now();
            cluster.nodes.iter_mut().for_each(Node::spawn);
            cluster.wait_whole(&what, SOON);
            times.push(start.elapsed());
        }
        report(&what, &mut times);
    }
}

#[test]
fn nodes_find_each_other() {
    form("", (tries(5), tries(2)), |count| Cluster::prepare_mcast(count, ""));
}

#[test]
fn ipv6_alone_is_enough() {
    let lines = "cluster.proto_dist = inet6_tcp\ncluster.mcast.addr = off";
    form(", IPv6 alone", (tries(2), tries(1)), |count| {
        Cluster::prepare_as(count, |host| format!("emqx@fd77::{host}"), lines)
    });
}

#[test]
fn a_switch_that_snoops_is_no_hindrance() {
    form(", IGMP snooping", (tries(2), tries(1)), |count| {
        let cluster = Cluster::prepare_mcast(count, "");
        cluster.lan.snoop();
        cluster
    });
}

#[test]
fn lost_datagrams_are_no_hindrance() {
    form(", 20 % of datagrams lost", (tries(2), tries(1)), |count| {
        let cluster = Cluster::prepare_mcast(count, "");
        cluster.lan.lose_datagrams(20);
        cluster
    });
}

/// An appliance boots and its interface comes up ten seconds later.
#[test]
fn an_interface_that_comes_up_late_is_found() {
    for (count, rounds) in [(3, tries(1).min(50)), (8, if tries(1) > 1 { 5 } else { 0 })] {
        let others: Vec<_> = (1..count).collect();
        let mut times = Vec::new();
        for _ in 0..rounds {
            let mut cluster = Cluster::prepare_mcast(count, "");
            cluster.lan.take_down(count);
            cluster.nodes.iter_mut().for_each(Node::spawn);
            cluster.nodes.iter_mut().take(count - 1).for_each(Node::wait_ready);
            cluster.wait_whole_among(&others, "the others form a cluster", SOON);
            // What differs from the other tests is that the node has been looking in vain for a while.
            std::thread::sleep(Duration::from_secs(10));
            let start = Instant::now();
            cluster.lan.bring_up(count);
            cluster.wait_whole("the last is in", SOON);
            times.push(start.elapsed());
        }
        if !times.is_empty() {
            report(&format!("the last of {count}, whose interface comes up 10 s late"), &mut times);
        }
    }
}

/// Two clusters of two, and one node with another cookie, on one LAN.
#[test]
fn strangers_on_one_lan_stay_strangers() {
    let mut cluster = Cluster::prepare_mcast(5, "");
    for host in [3, 4] {
        cluster.node_mut(host).configure("cluster.name = other");
    }
    cluster.node_mut(5).configure("node.cookie = another-cookie-of-these-tests-01234");
    cluster.nodes.iter_mut().for_each(Node::spawn);
    cluster.nodes.iter_mut().for_each(Node::wait_ready);
    for (pair, what) in [([1, 2], "the first pair"), ([3, 4], "the second pair")] {
        cluster.wait_whole_among(&pair, what, SOON);
    }
    let heard = |host: usize| {
        let list = discovered(cluster.node(host))["heard"].as_array().cloned().unwrap_or_default();
        let text = |one: &serde_json::Value, key: &str| one[key].as_str().unwrap_or("").to_owned();
        list.iter().map(|one| (text(one, "node"), text(one, "status"))).collect::<Vec<_>>()
    };
    let said = |host: usize, of: usize, word: &str| {
        let name = &cluster.node(of).name;
        heard(host).iter().any(|(node, status)| node == name && status.contains(word))
    };
    wait_for("all strangers are named", SOON, || {
        said(1, 3, "other cluster") && said(3, 1, "other cluster") && said(1, 5, "other cookie")
    });
    // A minute of `make long`, ten seconds else: what is to be seen is that nothing happens.
    std::thread::sleep(Duration::from_secs(if tries(1) > 1 { 60 } else { 10 }));
    assert!(cluster.is_whole_among(&[1, 2]) && cluster.is_whole_among(&[3, 4]));
    assert!(cluster.is_whole_among(&[5]));
    for host in 1..=5 {
        let lines = cluster.node(host).log().lines().count();
        assert!(lines < 40, "host {host} wrote {lines} lines");
    }
}

/// CPU time of a process so far.
fn cpu(node: &Node) -> Duration {
    let stat = std::fs::read_to_string(format!("/proc/{}/stat", node.pid())).unwrap();
    let fields: Vec<&str> = stat.rsplit(')').next().unwrap().split_whitespace().collect();
    let ticks: u64 = fields[11].parse::<u64>().unwrap() + fields[12].parse::<u64>().unwrap();
    Duration::from_millis(ticks * 10)
}

/// Networks that no host of the LAN is in: of the attacker's second address, and of those that it names.
const OUTSIDE: Ipv4Addr = Ipv4Addr::new(198, 51, 100, 9);
const NAMED: Ipv4Addr = Ipv4Addr::new(203, 0, 113, 7);

/// Beacons of a node that calls itself after an address outside and lists more of them, proven with a
/// cookie of the attacker's, and with the right one, as one who has got hold of it can.
fn lures() -> Vec<Vec<u8>> {
    let keys = ["a-cookie-of-the-attacker-0123456789", COOKIE].map(|cookie| {
        KeySet::derive(&Cookie::new(cookie.to_owned()), "emqxcl", Kdf::Argon2id).unwrap()
    });
    let lure = |number: u64| {
        let keys = &keys[number as usize % 2];
        let (kind, nonce) = (beacon::Kind::Hello, [number as u8; 16]);
        let head =
            beacon::Head { kind, key_id: keys.key_id(), boot: number, counter: number, nonce };
        let beacon = beacon::Beacon {
            name: NodeName::parse(&format!("emqx{number}@{NAMED}")).unwrap(),
            port: 4370,
            addrs: vec![NAMED.into(), OUTSIDE.into()],
            cluster: name_hash("emqxcl"),
            wire: WIRE,
            node_id: NodeId([number as u8; 16]),
        };
        beacon::seal(&head, &beacon, keys, OUTSIDE.into())
    };
    (1..64).map(lure).collect()
}

/// Sends what an attacker can think of, 20,000 datagrams a second, from a host of the LAN.
fn flood(lan: &Lan, host: usize, stop: &Arc<AtomicBool>, sent: &Arc<AtomicU64>) {
    lan.enter_as(&host.to_string());
    let own = Ipv4Addr::new(10, 77, 0, host as u8);
    let ear = UdpSocket::bind((GROUP, 4369)).unwrap();
    ear.join_multicast_v4(&GROUP, &own).unwrap();
    ear.set_nonblocking(true).unwrap();
    let mouths = [own, OUTSIDE].map(|addr| UdpSocket::bind((addr, 0)).unwrap());
    // It would hear nobody else.
    mouths.iter().for_each(|mouth| mouth.set_multicast_loop_v4(false).unwrap());
    let lures = lures();
    let (mut recorded, mut buffer) = (Vec::<Vec<u8>>::new(), [0; 2048]);
    let (start, mut count) = (Instant::now(), 0_u64);
    let mut chance = 0x9e37_79b9_7f4a_7c15_u64;
    while !stop.load(Ordering::Relaxed) {
        while let Ok(len) = ear.recv(&mut buffer) {
            if recorded.len() < 64 {
                recorded.push(buffer[..len].to_vec());
            }
        }
        let due = start.elapsed().as_millis() as u64 * 20;
        // A machine that is too busy for all of them sends fewer, and stops when it is told.
        let end = due.min(count + 500);
        while count < end {
            count += 1;
            chance = chance.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            let one = recorded.get(chance as usize % recorded.len().max(1)).cloned();
            let mut bytes = one.unwrap_or_else(|| chance.to_be_bytes().repeat(20));
            match count % 5 {
                0 => bytes = chance.to_be_bytes().repeat(1 + count as usize % 60),
                // Another process life, so that it does not count as a repeat.
                1 => bytes[8..16].copy_from_slice(&chance.to_be_bytes()),
                2 => {
                    let at = chance as usize % bytes.len();
                    bytes[at] ^= 1 << (count % 8);
                }
                // With the number of the right cookie, and so as far as the MAC.
                3 => {
                    let key_id = bytes[6];
                    bytes.clone_from(&lures[chance as usize % lures.len()]);
                    bytes[6] = if count.is_multiple_of(2) { key_id } else { bytes[6] };
                }
                _ => {}
            }
            // What is replayed is proven: from outside too.
            let mouth = &mouths[usize::from(count % 3 == 0)];
            let _ = mouth.send_to(&bytes, (GROUP, 4369));
        }
        sent.store(count, Ordering::Relaxed);
        if count >= due {
            std::thread::sleep(Duration::from_millis(1));
        }
    }
    assert!(recorded.len() > 2, "the attacker has heard the nodes");
}

/// Ends the flood with the test, however that ends: the scope of its thread waits for it.
struct Ends(Arc<AtomicBool>);

impl Drop for Ends {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// Random, altered, replayed datagrams, such of a made-up process, and such that name addresses outside the network or come from
/// there, 20,000 a second. Nobody outside is dialled, though the hosts know a way there.
#[test]
fn a_flood_of_datagrams_changes_nothing() {
    let mut cluster = Cluster::prepare_mcast(3, "");
    cluster.lan.configure(3, &format!("addr add {OUTSIDE}/24 dev eth0\n"));
    for host in [1, 2] {
        cluster.lan.configure(host, "route add default via 10.77.0.254\n");
    }
    let capture = Capture::tcp(&cluster.lan);
    // Host 3 belongs to the attacker, who listens from the start.
    let (stop, sent) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(0)));
    cluster.nodes.truncate(2);
    std::thread::scope(|scope| {
        let (lan, nodes) = (&cluster.lan, &mut cluster.nodes);
        let attacker = (stop.clone(), sent.clone());
        scope.spawn(move || flood(lan, 3, &attacker.0, &attacker.1));
        let _end = Ends(stop.clone());
        wait_for("the flood begins", SOON, || sent.load(Ordering::Relaxed) > 1_000);
        nodes.iter_mut().for_each(Node::spawn);
        nodes.iter_mut().for_each(Node::wait_ready);
        let whole = || nodes.iter().all(|node| node.running_nodes().len() == 2);
        wait_for("two nodes find each other in the flood", Duration::from_secs(60), whole);
        let dropped: Vec<u64> = nodes.iter().map(received).collect();
        let (start, before) = (Instant::now(), nodes.iter().map(cpu).collect::<Vec<_>>());
        std::thread::sleep(Duration::from_secs(10));
        let passed = start.elapsed();
        let rate = sent.load(Ordering::Relaxed);
        for ((node, before), dropped) in nodes.iter().zip(before).zip(dropped) {
            let share = (cpu(node) - before).as_secs_f64() / passed.as_secs_f64() * 100.0;
            let seen = (received(node) - dropped) as f64 / passed.as_secs_f64();
            println!(
                "FIGURE a flood of datagrams: {share:.1} % of a core, {seen:.0} a second taken, {rate} sent in all"
            );
            assert_eq!(node.running_nodes().len(), 2, "membership is as before");
            // Of an optimised build 15 are wanted; this one is not.
            assert!(share < 45.0, "{share} % of a core");
            let lines = node.log().lines().count();
            assert!(lines < 100, "{lines} lines in the log");
        }
    });
    // What shows that such a dial would be seen.
    let entrance = cluster.lan.entrance("1");
    let seen = Ipv4Addr::new(203, 0, 113, 99);
    let dial = std::thread::spawn(move || {
        entrance.enter();
        drop(TcpStream::connect_timeout(&(seen, 4370).into(), Duration::from_millis(500)));
    });
    dial.join().unwrap();
    let dials = capture.end().dials();
    let from_nodes = |host: u8| {
        let own = IpAddr::from([10, 77, 0, host]);
        dials.iter().filter(move |(from, _)| *from == own).map(|(_, to)| *to)
    };
    let all: BTreeSet<IpAddr> = from_nodes(1).chain(from_nodes(2)).collect();
    println!("FIGURE a flood of datagrams: the nodes dialled {all:?}, the last by the test");
    assert!(from_nodes(1).chain(from_nodes(2)).any(is_near), "the nodes dial each other");
    let outside: Vec<IpAddr> = all.into_iter().filter(|to| !is_near(*to)).collect();
    assert_eq!(outside, [IpAddr::from(seen)], "outside is dialled by the test alone");
}

fn is_near(addr: IpAddr) -> bool {
    matches!(addr, IpAddr::V4(v4) if v4.octets()[..3] == [10, 77, 0])
}

/// A node whose cable is out does not ask there; it asks again when the cable is in.
#[test]
fn an_interface_without_a_carrier_is_not_used() {
    let limit = Duration::from_secs(10);
    let mut cluster = Cluster::prepare_mcast(2, "");
    cluster.nodes.iter_mut().for_each(Node::spawn);
    cluster.nodes.iter_mut().for_each(Node::wait_ready);
    cluster.wait_whole("two nodes find each other", SOON);
    let asks = || discovered(cluster.node(2))["networks"].as_array().map_or(0, Vec::len);
    assert_ne!(asks(), 0);
    let mut times = Vec::new();
    for _ in 0..tries(2).min(5) {
        cluster.lan.unplug(2);
        wait_for("it is not used", limit, || asks() == 0);
        let start = Instant::now();
        cluster.lan.plug(2);
        wait_for("it is used again", limit, || asks() != 0);
        times.push(start.elapsed());
    }
    cluster.wait_whole("they are one cluster again", SOON);
    report("a carrier that is back", &mut times);
}

/// Where no router is to be heard, neighbours are heard all the same.
#[test]
fn nodes_find_each_other_where_the_hop_limit_is_checked() {
    for lines in ["", "cluster.proto_dist = inet6_tcp\ncluster.mcast.addr = off"] {
        let host = if lines.is_empty() { "10.77.0." } else { "fd77::" };
        let lines = format!("cluster.mcast.ttl = 255\n{lines}");
        let mut cluster = Cluster::prepare_as(2, |n| format!("emqx@{host}{n}"), &lines);
        cluster.nodes.iter_mut().for_each(Node::spawn);
        cluster.wait_whole("two nodes find each other", SOON);
    }
}

/// `cluster discover` as JSON; null while the node does not answer.
fn discovered(node: &Node) -> serde_json::Value {
    let output = node.ctl_output(&["--json", "cluster", "discover"]).stdout;
    serde_json::from_slice(&output).unwrap_or_default()
}

/// Datagrams that discovery took out of its sockets.
fn received(node: &Node) -> u64 {
    discovered(node)["datagrams"]["received"].as_u64().unwrap_or(0)
}

/// A host without the cookie that connects to the mesh port 400 times a second, by connections that it closes at once and such that
/// it leaves silent, does not keep a node out that nobody knows yet.
#[test]
fn a_flood_of_connections_keeps_no_node_out() {
    let manual = "cluster.discovery = manual";
    let mut cluster = Cluster::prepare_as(3, |host| format!("emqx@10.77.0.{host}"), manual);
    cluster.nodes.truncate(2);
    cluster.nodes.iter_mut().for_each(Node::spawn);
    cluster.nodes.iter_mut().for_each(Node::wait_ready);
    for silent in [0, 200] {
        let stop = Arc::new(AtomicBool::new(false));
        let made = AtomicU64::new(0);
        let took = std::thread::scope(|scope| {
            let (lan, stop, made) = (&cluster.lan, stop.clone(), &made);
            let _end = Ends(stop.clone());
            scope.spawn(move || {
                lan.enter_as("3");
                let mut open = std::collections::VecDeque::new();
                let door = SocketAddr::from(([10, 77, 0, 1], 4370));
                while !stop.load(Ordering::Relaxed) {
                    let next = Instant::now() + Duration::from_micros(2_500);
                    open.extend(TcpStream::connect_timeout(&door, Duration::from_millis(500)));
                    open.drain(..open.len().saturating_sub(silent));
                    made.fetch_add(1, Ordering::Relaxed);
                    std::thread::sleep(next.saturating_duration_since(Instant::now()));
                }
            });
            wait_for("the flood is under way", SOON, || made.load(Ordering::Relaxed) > 1_000);
            let start = Instant::now();
            let done = cluster.node(2).ctl_output(&["cluster", "join", "emqx@10.77.0.1"]);
            assert!(done.status.success(), "{done:?}");
            start.elapsed()
        });
        println!("FIGURE a flood of connections, {silent} silent: a node joins in {took:?}");
        // Two seconds are wanted; the machine may be busy.
        assert!(took < Duration::from_secs(4), "{took:?}");
        assert!(cluster.node(2).ctl_output(&["cluster", "leave"]).status.success());
    }
}
