//! Nodes that find each other by multicast: how soon, on what kinds of networks, and who is not let in.

use std::{
    net::{Ipv4Addr, UdpSocket},
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use super::{
    cluster::{Cluster, SOON},
    lan::Lan,
    report,
    support::{Node, wait_for},
    tries,
};

const GROUP: Ipv4Addr = Ipv4Addr::new(239, 192, 0, 1);

/// All nodes started at once, several times; how long until every node sees all.
fn form(what: &str, count: usize, rounds: usize, prepare: impl Fn() -> Cluster) {
    let mut times = Vec::new();
    for _ in 0..rounds {
        let mut cluster = prepare();
        assert_eq!(cluster.nodes.len(), count);
        let start = Instant::now();
        cluster.nodes.iter_mut().for_each(Node::spawn);
        cluster.wait_whole(what, SOON);
        times.push(start.elapsed());
    }
    report(what, &mut times);
}

#[test]
fn three_nodes_find_each_other() {
    form("3 nodes by multicast", 3, tries(5), || Cluster::prepare_mcast(3, ""));
}

#[test]
fn eight_nodes_find_each_other() {
    form("8 nodes by multicast", 8, tries(2).min(20), || Cluster::prepare_mcast(8, ""));
}

#[test]
fn ipv6_alone_is_enough() {
    let lines = "cluster.proto_dist = inet6_tcp\ncluster.mcast.addr = off";
    form("3 nodes by multicast, IPv6 alone", 3, tries(2), || {
        Cluster::prepare_as(3, |host| format!("emqx@fd77::{host}"), lines)
    });
}

#[test]
fn a_switch_that_snoops_is_no_hindrance() {
    form("3 nodes by multicast, IGMP snooping", 3, tries(2), || {
        let cluster = Cluster::prepare_mcast(3, "");
        cluster.lan.snoop();
        cluster
    });
}

#[test]
fn lost_datagrams_are_no_hindrance() {
    form("3 nodes by multicast, 20 % of datagrams lost", 3, tries(2), || {
        let cluster = Cluster::prepare_mcast(3, "");
        cluster.lan.lose_datagrams(20);
        cluster
    });
}

/// An appliance boots and its interface comes up ten seconds later.
#[test]
fn an_interface_that_comes_up_late_is_found() {
    let mut times = Vec::new();
    for _ in 0..tries(1).min(5) {
        let mut cluster = Cluster::prepare_mcast(3, "");
        cluster.lan.take_down(3);
        cluster.nodes.iter_mut().for_each(Node::spawn);
        cluster.nodes.iter_mut().take(2).for_each(Node::wait_ready);
        cluster.wait_whole_among(&[1, 2], "two nodes form a cluster", SOON);
        // What differs from the other tests is that the node has been looking in vain for a while.
        std::thread::sleep(Duration::from_secs(10));
        let start = Instant::now();
        cluster.lan.bring_up(3);
        cluster.wait_whole("the third is in", SOON);
        times.push(start.elapsed());
    }
    report("an interface that comes up 10 s late", &mut times);
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
        let output = cluster.node(host).ctl_output(&["--json", "cluster", "discover"]).stdout;
        let json: serde_json::Value = serde_json::from_slice(&output).unwrap_or_default();
        let list = json["heard"].as_array().cloned().unwrap_or_default();
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

/// Sends what `next` makes, 20,000 a second, from a host of the LAN.
fn flood(lan: &Lan, host: usize, stop: &Arc<AtomicBool>, sent: &Arc<AtomicU64>) {
    lan.enter_as(&host.to_string());
    let own = Ipv4Addr::new(10, 77, 0, host as u8);
    let ear = UdpSocket::bind((GROUP, 4369)).unwrap();
    ear.join_multicast_v4(&GROUP, &own).unwrap();
    ear.set_nonblocking(true).unwrap();
    let mouth = UdpSocket::bind((own, 0)).unwrap();
    let (mut recorded, mut buffer) = (Vec::<Vec<u8>>::new(), [0; 2048]);
    let (start, mut count) = (Instant::now(), 0_u64);
    let mut chance = 0x9e37_79b9_7f4a_7c15_u64;
    while !stop.load(Ordering::Relaxed) {
        while let Ok(len) = ear.recv(&mut buffer) {
            if recorded.len() < 64 {
                recorded.push(buffer[..len].to_vec());
            }
        }
        while count < start.elapsed().as_millis() as u64 * 20 {
            count += 1;
            chance = chance.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            let one = recorded.get(chance as usize % recorded.len().max(1)).cloned();
            let mut bytes = one.unwrap_or_else(|| chance.to_be_bytes().repeat(20));
            match count % 4 {
                0 => bytes = chance.to_be_bytes().repeat(1 + count as usize % 60),
                // Another process life, so that it does not count as a repeat.
                1 => bytes[8..16].copy_from_slice(&chance.to_be_bytes()),
                2 => {
                    let at = chance as usize % bytes.len();
                    bytes[at] ^= 1 << (count % 8);
                }
                _ => {}
            }
            let _ = mouth.send_to(&bytes, (GROUP, 4369));
        }
        sent.store(count, Ordering::Relaxed);
        std::thread::sleep(Duration::from_millis(1));
    }
}

/// Random, altered, replayed datagrams, and such of a made-up process, 20,000 a second.
#[test]
fn a_flood_of_datagrams_changes_nothing() {
    let mut cluster = Cluster::prepare_mcast(3, "");
    // Host 3 belongs to the attacker, who listens from the start.
    let (stop, sent) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(0)));
    cluster.nodes.truncate(2);
    std::thread::scope(|scope| {
        let (lan, nodes) = (&cluster.lan, &mut cluster.nodes);
        let attacker = (stop.clone(), sent.clone());
        scope.spawn(move || flood(lan, 3, &attacker.0, &attacker.1));
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
        stop.store(true, Ordering::Relaxed);
    });
}

/// Datagrams that discovery took out of its sockets.
fn received(node: &Node) -> u64 {
    let output = node.ctl_output(&["--json", "cluster", "discover"]).stdout;
    let json: serde_json::Value = serde_json::from_slice(&output).unwrap_or_default();
    json["datagrams"]["received"].as_u64().unwrap_or(0)
}
