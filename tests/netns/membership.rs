//! Starting, stopping, leaving and being forced out.

use std::{
    collections::BTreeSet,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use super::{
    cluster::{Cluster, SOON},
    report,
    support::{Client, Node, Version, wait_for},
    tries,
};

/// All off, any one started alone: serves at once, with its old member table.
#[test]
fn any_one_started_alone_serves_at_once() {
    let mut cluster = Cluster::start(3, "");
    for host in 1..=3 {
        cluster.nodes.iter_mut().for_each(Node::kill);
        let start = std::time::Instant::now();
        cluster.node_mut(host).launch();
        report("one of three started alone: serves", &mut [start.elapsed()]);
        let mut client = cluster.client(host);
        client.subscribe("t", 1);
        client.publish("t", "alone", 1);
        assert_eq!(client.message().text(), "alone");
        for other in (1..=3).filter(|other| *other != host) {
            cluster.node_mut(other).launch();
        }
        cluster.wait_whole("all three are back, in another order", SOON);
    }
}

/// kill -9 soon after the start, again and again: it joins every time.
#[test]
fn a_node_killed_right_after_its_start_rejoins() {
    let mut cluster = Cluster::start(3, "");
    for round in 0..tries(6) {
        cluster.node_mut(2).kill();
        cluster.node_mut(2).spawn();
        // The moment of the kill is what differs from round to round.
        let moment = Duration::from_millis(20 + 150 * (round as u64 % 12));
        std::thread::sleep(moment);
        cluster.node_mut(2).kill();
        cluster.node_mut(2).launch();
        cluster.wait_whole("it is a member again", SOON);
    }
}

/// Many nodes switched on at once: exactly one cluster.
#[test]
fn a_cold_start_of_many_is_one_cluster() {
    let mut times = Vec::new();
    for count in [2, 5, 8].into_iter().cycle().take(tries(3)) {
        let mut cluster = Cluster::prepare(count, "");
        let start = std::time::Instant::now();
        cluster.nodes.iter_mut().for_each(Node::spawn);
        cluster.wait_whole("one cluster", SOON);
        times.push(start.elapsed());
    }
    report("cold start of up to 8 nodes to one cluster", &mut times);
}

/// Left is left, also after a restart; join brings it back.
#[test]
fn a_node_that_left_stays_away() {
    let mut cluster = Cluster::start(3, "");
    cluster.node(3).ctl(&["cluster", "leave"]);
    cluster.wait_whole_among(&[1, 2], "two are left", SOON);
    cluster.node_mut(3).terminate();
    cluster.node_mut(3).wait_end();
    cluster.node_mut(3).launch();
    let alone = cluster.names(&[3]);
    // It would take a tenth of this to come back.
    std::thread::sleep(Duration::from_secs(3));
    assert_eq!(cluster.node(3).running_nodes(), alone);
    assert!(cluster.is_whole_among(&[1, 2]));
    let name = cluster.node(1).name.clone();
    cluster.node(3).ctl(&["cluster", "join", &name]);
    cluster.wait_whole("it is back", SOON);
}

/// A node that never returns can be forced out, more than once.
#[test]
fn a_node_that_never_returns_is_forced_out() {
    let mut cluster = Cluster::start(3, "");
    cluster.node_mut(3).kill();
    cluster.wait_down(1, 3, SOON);
    let gone = cluster.node(3).name.clone();
    for host in [1, 2, 1] {
        let _ = cluster.node(host).ctl_output(&["cluster", "force-leave", &gone]);
    }
    for host in 1..=2 {
        wait_for("it is in no list", SOON, || {
            let stopped: BTreeSet<String> = cluster.node(host).cluster()["stopped_nodes"]
                .as_array()
                .into_iter()
                .flatten()
                .filter_map(|name| name.as_str().map(str::to_owned))
                .collect();
            !stopped.contains(&gone) && !cluster.node(host).running_nodes().contains(&gone)
        });
    }
}

/// A shared group goes on when one of its nodes went and came back.
#[test]
fn a_shared_group_receives_after_a_node_returns() {
    let mut cluster = Cluster::start(3, "");
    let subscribe = |cluster: &Cluster, host| {
        let mut client = cluster.client(host);
        client.subscribe("$share/g/work", 1);
        client
    };
    let mut first = subscribe(&cluster, 2);
    let _lost = subscribe(&cluster, 3);
    cluster.node_mut(3).kill();
    cluster.wait_down(1, 3, SOON);
    cluster.node_mut(3).launch();
    cluster.wait_whole("it is back", SOON);
    let mut second = subscribe(&cluster, 3);
    let mut publisher = cluster.client(1);
    for number in 0..40 {
        publisher.publish("work", format!("{number}"), 1);
    }
    let got = first.texts().len() + second.texts().len();
    assert_eq!(got, 40, "each message once, to one of the two");
    assert!(!publisher.texts().contains(&"0".to_owned()));
}

/// The ports in use are in the log, as the digits in a name shift them.
#[test]
fn digits_in_a_name_shift_the_port() {
    let lan = super::lan::Lan::new(2);
    let seeds =
        "cluster.discovery = static\ncluster.static.seeds = emqx1@10.77.0.1,emqx22@10.77.0.2";
    let mut nodes = [(1, "emqx1@10.77.0.1"), (2, "emqx22@10.77.0.2")].map(|(host, name)| {
        let mqtt = ([10, 77, 0, host], 1883).into();
        Node::prepare_at(name, mqtt, lan.on(usize::from(host)), seeds)
    });
    nodes.iter_mut().for_each(Node::launch);
    wait_for("one cluster", SOON, || nodes.iter().all(|node| node.running_nodes().len() == 2));
    assert!(nodes[0].log().contains("4371"), "{}", nodes[0].log());
    assert!(nodes[1].log().contains("4392"), "{}", nodes[1].log());
    drop(nodes);
}

/// Each node in turn stops by SIGTERM and starts again, while messages flow: a subscriber that stays connected gets all of them.
#[test]
fn a_rolling_restart_under_load_loses_no_subscriber() {
    let mut cluster = Cluster::start(3, "node.drain_time = 2s\n");
    for stopping in 1..=3 {
        let stays: Vec<_> = (1..=3).filter(|host| *host != stopping).collect();
        let mut subscriber = cluster.client(stays[0]);
        subscriber.subscribe("rolling", 1);
        let stop = Arc::new(AtomicBool::new(false));
        let (told, address) = (stop.clone(), cluster.node(stays[1]).mqtt());
        let publisher = std::thread::spawn(move || {
            let mut client = Client::at(Version::V5, address);
            let mut count = 0_u64;
            while !told.load(Ordering::Relaxed) {
                assert_eq!(client.publish("rolling", count.to_string(), 1), 0);
                count += 1;
                // The subscriber reads when all is over: no more than fits into its queue meanwhile.
                std::thread::sleep(Duration::from_millis(2));
            }
            assert_eq!(client.publish("rolling", "end", 1), 0);
            count
        });
        cluster.node(stopping).terminate();
        cluster.node_mut(stopping).wait_end();
        cluster.wait_whole_among(&stays, "two go on", SOON);
        cluster.node_mut(stopping).launch();
        cluster.wait_whole("three again", SOON);
        stop.store(true, Ordering::Relaxed);
        let mut next = 0_u64;
        loop {
            let text = subscriber.message().text();
            if text == "end" {
                break;
            }
            assert_eq!(text, next.to_string());
            next += 1;
        }
        assert_eq!(next, publisher.join().unwrap());
    }
    for node in &cluster.nodes {
        let log = node.log();
        assert_eq!(
            log.matches("network was partitioned").count(),
            0,
            "a restart is no partition: {log}"
        );
    }
}
