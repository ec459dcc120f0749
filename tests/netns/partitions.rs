//! Cables cut and mended: each test is a row of the bugs that clusters of this kind were known for.

use std::time::{Duration, Instant};

use super::{
    cluster::{Cluster, SOON},
    lan::Lan,
    report,
    support::{Message, wait_for},
    tries,
};

/// Ceremonies that end within the test.
const QUICK_HEAL: &str = "cluster.autoheal.confirm = 1s\ncluster.autoheal.delay = 2s\n";
/// A link that is back is used at once; this is five times the figure, for a busy machine.
const AGAIN: Duration = Duration::from_secs(5);

/// Cuts, waits for the loss, mends, and measures until all routes are equal; clients of all nodes stay connected.
#[track_caller]
fn cut_and_heal(
    name: &str,
    count: usize,
    cut: impl Fn(&Lan),
    lost: &[(usize, usize)],
    rounds: usize,
) {
    let cluster = Cluster::start(count, QUICK_HEAL);
    let mut clients: Vec<_> = (1..=count).map(|host| cluster.client(host)).collect();
    for (number, client) in clients.iter_mut().enumerate() {
        client.subscribe(&format!("here/{number}"), 1);
    }
    let mut times = Vec::new();
    for round in 0..rounds {
        cut(&cluster.lan);
        for (host, other) in lost {
            cluster.wait_down(*host, *other, SOON);
        }
        // Routes change on all sides while nobody can tell the others.
        for (number, client) in clients.iter_mut().enumerate() {
            client.subscribe(&format!("round/{round}/{number}"), 1);
            client.unsubscribe(&[format!("round/{}/{number}", round.wrapping_sub(1)).as_str()]);
        }
        cluster.lan.heal();
        times.push(cluster.wait_whole("the routes are equal again", AGAIN));
        for (number, client) in clients.iter_mut().enumerate() {
            let mut other = cluster.client(1 + (number + 1) % count);
            other.publish(&format!("round/{round}/{number}"), "x", 1);
            assert_eq!(client.message().text(), "x", "the client was never disconnected");
        }
    }
    report(&format!("{name}: routes equal after the link is back"), &mut times);
    cluster.wait_healed(SOON);
    for node in &cluster.nodes {
        assert_eq!(node.cluster()["repaired"], 0);
    }
}

#[test]
fn one_of_two_away_and_back() {
    cut_and_heal("1+1", 2, |lan| lan.split(&[&[1], &[2]]), &[(1, 2), (2, 1)], tries(2));
}

#[test]
fn one_of_three_away_and_back() {
    cut_and_heal(
        "2+1",
        3,
        |lan| lan.split(&[&[1, 2], &[3]]),
        &[(1, 3), (2, 3), (3, 1), (3, 2)],
        tries(5),
    );
}

#[test]
fn a_three_way_split_heals() {
    cut_and_heal(
        "1+1+1",
        3,
        |lan| lan.split(&[&[1], &[2], &[3]]),
        &[(1, 2), (2, 3), (3, 1)],
        tries(5),
    );
}

#[test]
fn two_parts_of_five_heal() {
    cut_and_heal(
        "3+2",
        5,
        |lan| lan.split(&[&[1, 2, 3], &[4, 5]]),
        &[(1, 4), (3, 5), (5, 1)],
        tries(5),
    );
}

#[test]
fn an_asymmetric_cut_heals() {
    cut_and_heal(
        "A-B cut, both see C",
        3,
        |lan| lan.split(&[&[1], &[2]]),
        &[(1, 2), (2, 1)],
        tries(2),
    );
}

#[test]
fn a_one_way_cut_heals() {
    cut_and_heal("one way", 3, |lan| lan.cut_one_way(1, 2), &[(1, 2), (2, 1)], tries(5));
}

/// The second, third, twentieth partition heals as the first.
#[test]
fn the_twentieth_cut_heals_as_the_first() {
    let rounds = tries(4).min(20);
    cut_and_heal(
        "again and again",
        3,
        |lan| lan.split(&[&[1], &[2, 3]]),
        &[(1, 2), (3, 1)],
        rounds,
    );
}

/// Two nodes, cable out for longer than autoclean: one cluster again, without an operator.
#[test]
fn a_cut_longer_than_autoclean_ends_in_one_cluster() {
    for count in [2, 3] {
        let cluster = Cluster::start(count, "cluster.autoclean = 10s\n");
        let mut subscriber = cluster.client(1);
        subscriber.subscribe("over/#", 1);
        // Several publishers, so that each stream between two nodes has messages.
        let mut all_arrive = |round: &str| {
            for host in 2..=count {
                for number in 0..8 {
                    let topic = format!("over/{round}/{host}/{number}");
                    let mut publisher = cluster.client(host);
                    for _ in 0..10 {
                        assert!(publisher.publish(&topic, "x", 1) < 0x80);
                    }
                }
            }
            for _ in 0..(count - 1) * 80 {
                let topic = subscriber.message().topic;
                assert!(topic.starts_with(&format!("over/{round}/")), "{topic}");
            }
        };
        all_arrive("before");
        let majority: Vec<_> = (2..=count).collect();
        cluster.lan.split(&[&[1], &majority]);
        cluster.wait_down(1, count, SOON);
        cluster.wait_down(count, 1, SOON);
        let removed = || {
            cluster.nodes.iter().any(|node| {
                let status = node.cluster();
                let mut members = status["members"].as_array().into_iter().flatten();
                members.any(|member| member["state"] == "removed")
            })
        };
        wait_for("one side forgets the other", 2 * SOON, removed);
        cluster.lan.heal();
        let took = cluster.wait_whole("one cluster again", SOON);
        report(&format!("cut longer than autoclean, {count} nodes: one cluster"), &mut [took]);
        all_arrive("after");
    }
}

/// The ceremony is in the log of the nodes, in order, and in the status.
#[test]
fn a_heal_is_told_step_by_step() {
    let cluster = Cluster::start(3, QUICK_HEAL);
    let leader = cluster.node(1).cluster()["leader"].clone();
    cluster.lan.split(&[&[1, 2], &[3]]);
    for (host, other) in [(1, 3), (2, 3), (3, 1), (3, 2)] {
        cluster.wait_down(host, other, SOON);
    }
    cluster.lan.heal();
    wait_for("a heal ended", SOON, || {
        cluster.nodes.iter().all(|node| node.cluster()["heals"] == 1)
    });
    cluster.wait_healed(SOON);
    let status = cluster.node(1).cluster();
    let last = &status["last_heal"];
    assert_eq!(last["rejoined"], serde_json::json!([cluster.node(3).name]), "{last}");
    assert_eq!(last["parts"].as_array().unwrap().len(), 2, "{last}");
    let led: Vec<_> = cluster.nodes.iter().filter(|n| n.cluster()["heals_led"] == 1).collect();
    assert_eq!(led.len(), 1);
    assert_eq!(leader, led[0].name.as_str());
    let log = led[0].log();
    let steps = ["network was partitioned", "heal opened", "split view", "partition healed"];
    let places: Vec<_> = steps.iter().map(|step| log.find(step).expect(step)).collect();
    assert!(places.is_sorted(), "{places:?}");
    assert!(cluster.node(3).log().contains("rejoins"));
}

/// The leader is killed while it waits, while others look on: somebody else heals.
#[test]
fn a_leader_that_dies_does_not_stop_the_heal() {
    let mut cluster = Cluster::start(4, QUICK_HEAL);
    let leader = cluster.node(1).cluster()["leader"].as_str().unwrap().to_owned();
    let leads = cluster.nodes.iter().position(|node| node.name == leader).unwrap() + 1;
    let away = if leads == 4 { 3 } else { 4 };
    let rest: Vec<_> = (1..=4).filter(|host| *host != away).collect();
    cluster.lan.split(&[&rest, &[away]]);
    cluster.wait_down(leads, away, SOON);
    cluster.wait_down(away, leads, SOON);
    cluster.lan.heal();
    wait_for("the heal is opened", SOON, || cluster.node(leads).log().contains("heal opened"));
    cluster.node_mut(leads).kill();
    let alive: Vec<_> = (1..=4).filter(|host| *host != leads).collect();
    cluster.wait_whole_among(&alive, "three are one cluster", SOON);
    wait_for("every split record is closed", Duration::from_secs(120), || {
        alive.iter().all(|host| {
            cluster.node(*host).cluster()["split"].as_array().is_some_and(Vec::is_empty)
        })
    });
}

/// Two nodes that do not reach each other while both reach a third are named in the log of that one.
#[test]
fn a_gap_between_two_others_is_named() {
    let cluster = Cluster::start(3, "");
    cluster.lan.split(&[&[1], &[2]]);
    cluster.wait_down(1, 2, SOON);
    wait_for("node 3 names the gap", SOON, || {
        cluster.node(3).log().contains("two members do not reach each other")
    });
    cluster.lan.heal();
    wait_for("node 3 sees it close", SOON, || {
        cluster.node(3).log().contains("two members reach each other again")
    });
}

/// Both sides write and delete retained messages: after the cut all nodes have the newest of each, and what was deleted stays so.
#[test]
fn retained_messages_are_equal_after_a_cut() {
    let cluster = Cluster::start(3, QUICK_HEAL);
    let retain = |host: usize, topic: &str, payload: &str| {
        let mut client = cluster.client(host);
        client.publish_message(Message::new(topic, payload, 1).retain());
    };
    // Of two writes on both sides of a cut the later counts as far as the clocks agree, and those of two processes drift apart by
    // milliseconds.
    let let_clocks_pass = || {
        let written = Instant::now();
        wait_for("the clocks pass", SOON, || written.elapsed() > Duration::from_millis(100));
    };
    let digest = |host: usize| {
        let json = cluster.node(host).ctl(&["--json", "retainer", "info"]);
        serde_json::from_str::<serde_json::Value>(&json).unwrap()["digest"].to_string()
    };
    // Each asked once: between two questions to one node it may have got what the others have not.
    let equal = || {
        let all = [1, 2, 3].map(digest);
        all.iter().all(|one| *one == all[0])
    };
    let mut times = Vec::new();
    for round in 0..tries(3) {
        for n in 0..60 {
            retain(1 + n % 3, &format!("r/{n}"), &format!("before {round}"));
        }
        wait_for("all nodes have them", SOON, equal);
        cluster.lan.split(&[&[1, 2], &[3]]);
        cluster.wait_down(1, 3, SOON);
        cluster.wait_down(3, 1, SOON);
        for n in 0..60 {
            let (first, second) = if n % 2 == 0 { (2, 3) } else { (3, 1) };
            match n % 5 {
                0 => retain(first, &format!("r/{n}"), ""),
                1 => {
                    retain(first, &format!("r/{n}"), "lost");
                    let_clocks_pass();
                    retain(second, &format!("r/{n}"), "");
                }
                2 => {
                    retain(first, &format!("r/{n}"), "");
                    let_clocks_pass();
                    retain(second, &format!("r/{n}"), &format!("after {round}"));
                }
                3 => retain(second, &format!("r/{n}"), &format!("after {round}")),
                _ => {}
            }
        }
        assert_ne!(digest(1), digest(3));
        cluster.lan.heal();
        let since = Instant::now();
        wait_for("equal again", SOON, equal);
        times.push(since.elapsed());
        for host in 1..=3 {
            let mut client = cluster.client(host);
            client.subscribe("r/#", 1);
            let all = client.messages();
            let got: Vec<_> =
                all.iter().map(|one| format!("{}={}", one.topic, one.text())).collect();
            assert_eq!(all.len(), 36, "round {round}, host {host}: {got:?}");
            for message in all {
                let n: usize = message.topic[2..].parse().unwrap();
                let want = if n % 5 == 4 { "before" } else { "after" };
                assert_eq!(message.text(), format!("{want} {round}"), "{n} at {host}");
            }
        }
    }
    report("2+1: retained messages equal after the link is back", &mut times);
}
