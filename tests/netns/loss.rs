//! How soon a lost node is seen, and that a living one is not taken for lost.

use std::time::{Duration, Instant};

use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};

use super::{
    cluster::{Cluster, SOON},
    report,
    support::{Client, wait_for},
    tries,
};

fn has_route(cluster: &Cluster, host: usize) -> bool {
    cluster.node(host).ctl(&["topics", "list"]).contains("only/there")
}

/// A client of node 3 with a route that the others have.
fn subscribe_at_3(cluster: &Cluster) -> Client {
    let mut client = cluster.client(3);
    client.subscribe("only/there", 1);
    wait_for("the route is everywhere", SOON, || has_route(cluster, 1) && has_route(cluster, 2));
    client
}

/// `kill -9`: its routes are gone on the others at once.
#[test]
fn a_killed_node_takes_its_routes_with_it_at_once() {
    let mut cluster = Cluster::start(3, "");
    let mut times = Vec::new();
    for _ in 0..tries(3) {
        let _client = subscribe_at_3(&cluster);
        cluster.node_mut(3).kill();
        let start = Instant::now();
        wait_for("the route is gone", SOON, || !has_route(&cluster, 1) && !has_route(&cluster, 2));
        times.push(start.elapsed());
        cluster.node_mut(3).launch();
        cluster.wait_whole("it is back", SOON);
    }
    report("kill -9: routes gone on the others", &mut times);
}

/// A process that ended where nobody could see it: as soon as its host is back, the host says so.
#[test]
fn a_node_that_ended_behind_a_cut_is_missed_when_its_host_is_back() {
    let mut cluster = Cluster::start(3, "");
    let mut times = Vec::new();
    for _ in 0..tries(3) {
        let _client = subscribe_at_3(&cluster);
        cluster.lan.split(&[&[1, 2], &[3]]);
        cluster.wait_down(1, 3, SOON);
        cluster.wait_down(2, 3, SOON);
        cluster.node_mut(3).kill();
        assert!(has_route(&cluster, 1) && has_route(&cluster, 2), "out of reach, not gone");
        cluster.lan.heal();
        let start = Instant::now();
        wait_for("the route is gone", SOON, || !has_route(&cluster, 1) && !has_route(&cluster, 2));
        times.push(start.elapsed());
        cluster.node_mut(3).launch();
        cluster.wait_whole("it is back", SOON);
    }
    report("ended behind a cut: routes gone once the host is back", &mut times);
}

/// A pulled cable is silence: down within two seconds.
#[test]
fn a_pulled_cable_is_noticed() {
    let cluster = Cluster::start(3, "");
    let mut times = Vec::new();
    for _ in 0..tries(3) {
        cluster.lan.unplug(3);
        let start = Instant::now();
        cluster.wait_down(1, 3, SOON);
        cluster.wait_down(2, 3, SOON);
        times.push(start.elapsed());
        cluster.lan.plug(3);
        cluster.wait_whole("it is back", SOON);
    }
    report("cable pulled: down on the others", &mut times);
}

/// Sixteen threads that only burn: nobody is taken for lost.
#[test]
fn a_busy_machine_makes_nobody_lost() {
    let cluster = Cluster::start(3, "");
    let seconds = std::env::var("NETNS_BUSY").map_or(60, |text| text.parse().unwrap());
    let until = Instant::now() + Duration::from_secs(seconds);
    let burn: Vec<_> = (0..16)
        .map(|_| {
            std::thread::spawn(move || {
                let mut x = 1_u64;
                while Instant::now() < until {
                    for _ in 0..100_000 {
                        x = std::hint::black_box(x.wrapping_mul(3));
                    }
                }
            })
        })
        .collect();
    burn.into_iter().for_each(|thread| thread.join().unwrap());
    let downs: usize = cluster.nodes.iter().map(|n| n.log().matches("member down").count()).sum();
    println!("FIGURE false downs with 16 busy threads, {seconds} s: {downs}");
    assert_eq!(downs, 0);
}

/// Where UDP is blocked, the connections tell who lives, and the log says so once.
#[test]
fn blocked_udp_is_told_of_and_harmless() {
    let cluster = Cluster::start(2, "");
    cluster.lan.block_udp();
    // A new process knows nothing of heartbeats that came before.
    let mut cluster = cluster;
    cluster.node_mut(2).terminate();
    cluster.node_mut(2).wait_end();
    cluster.node_mut(2).launch();
    cluster.wait_whole("they are one cluster", SOON);
    wait_for("both logs tell", SOON, || {
        cluster.nodes.iter().all(|node| node.log().contains("no heartbeats over UDP"))
    });
    for node in &cluster.nodes {
        assert_eq!(node.log().matches("no sign of life").count(), 0, "{}", node.log());
    }
}

/// A process that was stopped says so when it goes on, and tells of no partition: it was its own doing.
#[test]
fn a_node_that_was_stopped_says_so() {
    let cluster = Cluster::start(3, "");
    let pid = Pid::from_raw(cluster.node(3).pid());
    kill(pid, Signal::SIGSTOP).unwrap();
    for host in [1, 2] {
        cluster.wait_down(host, 3, SOON);
    }
    std::thread::sleep(Duration::from_secs(8));
    kill(pid, Signal::SIGCONT).unwrap();
    let took = cluster.wait_whole("it is back", SOON);
    println!("FIGURE stopped for about 10 s: back within {took:?}");
    cluster.wait_healed(Duration::from_secs(60));
    let says = |host: usize, text: &str| cluster.node(host).log().matches(text).count();
    assert_eq!(says(3, "this node stood still"), 1, "{}", cluster.node(3).log());
    assert_eq!(says(3, "network was partitioned"), 0, "{}", cluster.node(3).log());
    assert_eq!([1, 2].map(|host| says(host, "this node stood still")), [0, 0]);
}
