//! Whole clusters in one thread: real cores, virtual time, a network that delays, stalls and splits, nodes that crash and
//! return, all from one seed. `SIM_SEED=17 cargo test sim` replays one; every seed that ever failed is in `seeds.txt`.

//!
//! The invariants of the cluster, and what asserts each:
//!
//! | invariant | asserted by |
//! | --- | --- |
//! | 1 every copy equals its origin | `assert_whole` after every disorder; the hash in PING at run time |
//! | 2 no route of an old life or a removed node matches | `check_old_lives` after every action |
//! | 3 a SUBACK implies the route on every node that is up | `check_barrier` |
//! | 4 one live session for a client, the newest | `assert_one_session_each` |
//! | 5 once and in order between lives that go on | `flow`, at every message |
//! | 6 what is acknowledged is in the queue of the peer | `flow`, at every acknowledgement |
//! | 7 retained messages are equal on all nodes, and deleted ones stay so | `assert_retained` after every disorder |
//! | 8 every heal ends, none runs twice | `assert_healed`; steps that fail in `cluster/autoheal/tests.rs` |
//! | 9 one member table after leave, autoclean, force-leave | `leave_force_leave_and_join_end_in_one_table`, `autoclean_forgets_and_takes_back` |
//! | 10 two halves do not remove each other | `two_halves_do_not_forget_each_other` |
//! | 11 no queue exceeds its bound | `flow` for what is kept; the log of routes, the directory and the gate in their own tests |
//! | 12 nothing of an earlier life or heal counts | `check_old_lives`, lives in every frame; `cluster/autoheal/tests.rs` for heals |
//! | 13 two leaders end as one would | `every_disorder_heals`: both sides of a cut lead |
//! | 14 the hybrid clock never goes back | `cluster/hlc.rs`; claims under calendars nine minutes apart |
//! | 15 bytes from nowhere change nothing | `tests/it/mesh_port.rs`, `fuzz/`; not here, links carry frames |
//! | 16 mixed releases keep all this | `every_disorder_heals`: nodes are upgraded one after the other |

mod clients;
mod flow;
mod retained;
mod world;

use std::{collections::BTreeSet, time::Duration};

use emqx_rs::cluster::{MemberStatus, RecordStatus};

use self::world::{Fault, World};

/// Seeds to run: one from the environment, or those that failed once and a range.
fn seeds() -> Vec<u64> {
    if let Ok(seed) = std::env::var("SIM_SEED") {
        return vec![seed.parse().unwrap()];
    }
    let count = std::env::var("SIM_SEEDS").map_or(120, |count| count.parse().unwrap());
    let failed = include_str!("seeds.txt").lines().filter_map(|line| {
        let number = line.split('#').next().unwrap_or_default().trim();
        (!number.is_empty()).then(|| number.parse().unwrap())
    });
    failed.chain(0..count).collect()
}

#[test]
fn any_start_order_makes_a_full_mesh() {
    for seed in seeds() {
        let mut w = World::new(seed, 5);
        let mut order: Vec<usize> = (0..5).collect();
        for at in 0..5 {
            order.swap(at, at + w.dice.below(5 - at as u64) as usize);
        }
        for node in order {
            w.start(node);
            let pause = w.dice.below(1500);
            w.add_some_routes(node);
            w.run_for(Duration::from_millis(pause));
        }
        w.run_for(Duration::from_secs(10));
        w.assert_whole("10 s after the last start");
    }
}

#[test]
fn five_cold_nodes_are_one_cluster_in_two_seconds() {
    for seed in seeds() {
        let mut w = World::new(seed, 5);
        (0..5).for_each(|node| w.start(node));
        w.run_for(Duration::from_secs(2));
        w.assert_whole("2 s after a cold start");
    }
}

#[test]
fn every_disorder_heals() {
    for seed in seeds() {
        let mut w = World::new(seed, 5);
        // Up to nine minutes: a node that is further ahead is not followed.
        w.clock_skew_ms = w.dice.below(540_000);
        (0..5).for_each(|node| w.start(node));
        w.stall_percent = w.dice.below(10);
        w.datagram_loss_percent = w.dice.below(30);
        for _ in 0..6 {
            // In the middle of an upgrade: each node runs the next release from some time on.
            let upgraded = w.dice.below(5) as usize;
            w.next_release.insert(upgraded);
            w.random_trouble();
            let span = Duration::from_millis(w.dice.below(20_000));
            w.run_for(span);
        }
        w.heal_everything();
        w.run_for(Duration::from_secs(30));
        w.assert_whole("30 s after healing");
        w.run_for(Duration::from_secs(60));
        w.assert_healed("90 s after healing");
        w.assert_whole("90 s after healing");
        w.assert_one_session_each("90 s after healing");
        w.assert_retained("90 s after healing");
        w.assert_all_arrived("90 s after healing");
    }
}

/// One direction only: both ends lose each other, who sees both stays with both, and the end is one cluster.
#[test]
fn one_way_cuts_heal() {
    for seed in seeds() {
        let mut w = World::new(seed, 4);
        w.slow_percent = 0;
        (0..4).for_each(|node| w.start(node));
        w.run_for(Duration::from_secs(4));
        for _ in 0..=w.dice.below(3) {
            let (from, to) = (w.dice.below(4) as usize, w.dice.below(4) as usize);
            if from != to {
                w.cut_one_way(from, to);
                w.run_for(Duration::from_secs(4));
                for (at, of) in [(from, to), (to, from)] {
                    w.assert_status(&[at], of, MemberStatus::Down);
                }
                w.add_some_routes(from);
                w.add_some_routes(to);
            }
        }
        w.heal_everything();
        w.run_for(Duration::from_secs(2));
        w.assert_whole("2 s after one-way cuts");
        w.run_for(Duration::from_secs(60));
        w.assert_healed("a minute after one-way cuts");
    }
}

/// Lost heartbeats alone, one in five, make nobody lost: connections tell of life too.
#[test]
fn lost_heartbeats_make_no_lost_nodes() {
    for seed in seeds().into_iter().take(200) {
        let mut w = World::new(seed, 5);
        (0..5).for_each(|node| w.start(node));
        w.run_for(Duration::from_secs(3));
        w.datagram_loss_percent = 20;
        let before = w.losses();
        w.run_for(Duration::from_secs(60));
        assert_eq!(w.losses(), before, "seed {seed}: somebody was taken for lost");
    }
}

#[test]
fn a_full_log_and_a_large_table_are_copied_while_they_change() {
    for seed in seeds().into_iter().take(4) {
        let mut w = World::new(seed, 3);
        w.start(0);
        w.add_many_routes(0, 30_000);
        w.start(1);
        w.run_for(Duration::from_millis(700));
        w.start(2);
        for _ in 0..50 {
            w.add_some_routes(0);
            w.run_for(Duration::from_millis(5));
        }
        w.run_for(Duration::from_secs(10));
        w.assert_whole("10 s after the last change");
    }
}

/// A copy that went wrong (a bug, a bit that fell over) is found by its hash and put right by the parts that differ.
#[test]
fn a_wrong_copy_is_found_and_mended() {
    for seed in seeds().into_iter().take(40) {
        let mut w = World::new(seed, 3);
        (0..3).for_each(|node| w.start(node));
        w.add_many_routes(0, 20_000);
        w.run_for(Duration::from_secs(5));
        let (_, snapshots) = w.repairs(1);
        w.corrupt(1, 0);
        w.run_for(Duration::from_secs(3));
        assert_eq!(w.copy_of(1, 0), w.copy_of(2, 0), "seed {seed}");
        assert_eq!(w.repairs(1), (1, snapshots), "seed {seed}: once, without a snapshot");
        assert_eq!(w.repairs(2), (0, snapshots), "seed {seed}");
        // Two routes differ, each in one of 256 parts of 20,000.
        assert!((1..400).contains(&w.mended()), "seed {seed}: {} routes", w.mended());
    }
}

#[test]
fn a_crashed_node_takes_its_routes_with_it() {
    for seed in seeds().into_iter().take(20) {
        let mut w = World::new(seed, 4);
        (0..4).for_each(|node| w.start(node));
        (0..4).for_each(|node| w.add_some_routes(node));
        w.run_for(Duration::from_secs(5));
        w.assert_whole("5 s after the start");
        w.crash(3);
        w.run_for(Duration::from_secs(2));
        for node in 0..3 {
            assert_eq!(
                w.copy_of(node, 3),
                None,
                "seed {seed}: {node} still has routes of the crashed node"
            );
        }
        w.start(3);
        w.run_for(Duration::from_secs(8));
        w.assert_whole("8 s after the restart");
    }
}

#[test]
fn leave_force_leave_and_join_end_in_one_table() {
    for seed in seeds().into_iter().take(40) {
        let mut w = World::new(seed, 4);
        (0..4).for_each(|node| w.start(node));
        w.run_for(Duration::from_secs(5));
        w.leave(3);
        w.run_for(Duration::from_secs(2));
        w.assert_status(&[0, 1, 2], 3, MemberStatus::Left);
        w.assert_whole_among(&[0, 1, 2], "after leave");
        w.crash(3);
        w.start(3);
        w.run_for(Duration::from_secs(5));
        w.assert_status(&[0, 1, 2], 3, MemberStatus::Left);
        w.join(3, 0);
        w.run_for(Duration::from_secs(8));
        w.assert_whole("after join");
        w.force_leave(1, 2);
        w.run_for(Duration::from_secs(2));
        w.assert_status(&[0, 1, 3], 2, MemberStatus::Banned);
        w.crash(2);
        w.start(2);
        w.run_for(Duration::from_secs(10));
        w.assert_status(&[0, 1, 3], 2, MemberStatus::Banned);
        w.assert_whole_among(&[0, 1, 3], "after force-leave");
        w.join(2, 1);
        w.run_for(Duration::from_secs(10));
        w.assert_whole("after the forced out node joined again");
    }
}

#[test]
fn autoclean_forgets_and_takes_back() {
    for seed in seeds().into_iter().take(20) {
        let mut w = World::new(seed, 4);
        (0..4).for_each(|node| w.start(node));
        w.run_for(Duration::from_secs(5));
        w.cut_off(&BTreeSet::from([3]));
        w.run_for(Duration::from_secs(400));
        w.assert_status(&[0, 1, 2], 3, MemberStatus::Removed);
        for node in 0..3 {
            w.assert_status(&[3], node, MemberStatus::Down);
        }
        w.heal_everything();
        w.run_for(Duration::from_secs(10));
        w.assert_whole("10 s after contact with a removed node");
    }
}

#[test]
fn two_halves_do_not_forget_each_other() {
    for seed in seeds().into_iter().take(10) {
        let mut w = World::new(seed, 4);
        (0..4).for_each(|node| w.start(node));
        w.run_for(Duration::from_secs(5));
        w.cut_off(&BTreeSet::from([0, 2]));
        w.run_for(Duration::from_secs(700));
        let removed = |w: &World, node: usize| {
            w.records(node).iter().filter(|r| r.status == RecordStatus::Removed).count()
        };
        let by = [removed(&w, 0), removed(&w, 1)];
        assert!(by.contains(&0), "seed {seed}: both halves forgot each other: {by:?}");
        w.heal_everything();
        w.run_for(Duration::from_secs(10));
        w.assert_whole("10 s after contact of two halves");
    }
}

#[test]
fn a_node_that_lost_its_identity_takes_its_name_over() {
    for seed in seeds().into_iter().take(20) {
        let mut w = World::new(seed, 3);
        (0..3).for_each(|node| w.start(node));
        w.run_for(Duration::from_secs(4));
        w.crash(1);
        w.wipe(1);
        w.run_for(Duration::from_secs(3));
        w.start(1);
        w.run_for(Duration::from_secs(8));
        w.assert_whole("8 s after a return without identity");
    }
}

/// The suite must see what it is to see: each fault breaks one rule, and a check must fail or a repair must be counted.
#[test]
fn planted_faults_are_caught() {
    for fault in [Fault::LoseTableChange, Fault::AckBeforeApply, Fault::KeepOldLife] {
        let caught = (0..30).any(|seed| {
            let run = std::panic::catch_unwind(|| {
                let mut w = World::new(seed, 4);
                w.fault = Some(fault);
                (0..4).for_each(|node| w.start(node));
                w.stall_percent = 5;
                for _ in 0..6 {
                    w.random_trouble();
                    let span = Duration::from_millis(w.dice.below(20_000));
                    w.run_for(span);
                }
                w.heal_everything();
                w.run_for(Duration::from_secs(30));
                w.assert_whole("30 s after healing");
            });
            run.is_err()
        });
        assert!(caught, "{fault:?} went unseen");
    }
}

/// Clients that go from node to node while parts of the network are cut off: ten seconds after it is whole each has one session,
/// the newest.
#[test]
fn wandering_clients_have_one_session() {
    for seed in seeds() {
        wander(seed, None);
    }
}

fn wander(seed: u64, fault: Option<Fault>) {
    let mut w = World::new(seed, 5);
    w.fault = fault;
    w.clock_skew_ms = 4_000;
    (0..5).for_each(|node| w.start(node));
    w.run_for(Duration::from_secs(4));
    for _ in 0..4 {
        let part = (0..5).filter(|_| w.dice.below(2) == 0).collect();
        w.cut_off(&part);
        for _ in 0..30 {
            let at = w.dice.below(5) as usize;
            w.connect_some_client(at);
            let pause = w.dice.below(300);
            w.run_for(Duration::from_millis(pause));
        }
        w.heal_everything();
        let span = w.dice.below(3_000);
        w.run_for(Duration::from_millis(span));
    }
    w.run_for(Duration::from_secs(10));
    w.assert_one_session_each("10 s after the last cut");
}

/// Messages between nodes while cables are cut and mended: each once and in order to every process that lives, and none is
/// acknowledged that is not there.
#[test]
fn messages_cross_once_and_in_order() {
    for seed in seeds() {
        stream(seed, None);
    }
}

fn stream(seed: u64, fault: Option<Fault>) {
    let mut w = World::new(seed, 4);
    w.fault = fault;
    (0..4).for_each(|node| w.start(node));
    w.run_for(Duration::from_secs(4));
    for _ in 0..3 {
        let part = (0..4).filter(|_| w.dice.below(2) == 0).collect();
        w.cut_off(&part);
        for _ in 0..40 {
            let at = w.dice.below(4) as usize;
            w.publish_some(at);
            let pause = w.dice.below(150);
            w.run_for(Duration::from_millis(pause));
        }
        if w.dice.below(3) == 0 {
            let at = w.dice.below(4) as usize;
            w.crash(at);
            w.start(at);
        }
        w.heal_everything();
        for _ in 0..20 {
            let at = w.dice.below(4) as usize;
            w.publish_some(at);
            let pause = w.dice.below(100);
            w.run_for(Duration::from_millis(pause));
        }
    }
    w.run_for(Duration::from_secs(10));
    let arrived = w.assert_all_arrived("10 s after the last cut");
    assert!(arrived > 200, "seed {seed}: only {arrived} messages crossed, {} refused", w.refused());
}

#[test]
fn planted_faults_of_streams_are_caught() {
    for fault in [Fault::DiscardOnDown, Fault::HandRepeats] {
        let caught =
            (0..20).any(|seed| std::panic::catch_unwind(|| stream(seed, Some(fault))).is_err());
        assert!(caught, "{fault:?} went unseen");
    }
}

#[test]
fn planted_faults_of_claims_are_caught() {
    for fault in [Fault::NoRefresh, Fault::KeepKicked] {
        let caught =
            (0..10).any(|seed| std::panic::catch_unwind(|| wander(seed, Some(fault))).is_err());
        assert!(caught, "{fault:?} went unseen");
    }
}

/// The rules of detecting and healing, each broken on purpose.
#[test]
fn planted_faults_of_healing_are_caught() {
    for fault in [Fault::LoseHealDone, Fault::DeafToReturn, Fault::TrustTheSilent] {
        let caught = (0..10).any(|seed| {
            let run = std::panic::catch_unwind(|| {
                let mut w = World::new(seed, 4);
                w.fault = Some(fault);
                (0..4).for_each(|node| w.start(node));
                w.run_for(Duration::from_secs(4));
                w.cut_off(&BTreeSet::from([3]));
                w.run_for(Duration::from_secs(40));
                w.assert_status(&[0, 1, 2], 3, MemberStatus::Down);
                w.heal_everything();
                w.run_for(Duration::from_secs(1));
                w.assert_whole("1 s after the cut");
                w.run_for(Duration::from_secs(60));
                w.assert_healed("a minute after the cut");
            });
            run.is_err()
        });
        assert!(caught, "{fault:?} went unseen");
    }
}

/// The figure of the product, in virtual time: one second after the link is back all routes are equal, whatever was cut.
#[test]
fn routes_are_equal_one_second_after_a_cut() {
    for seed in seeds() {
        let mut w = World::new(seed, 5);
        w.slow_percent = 0;
        (0..5).for_each(|node| w.start(node));
        w.run_for(Duration::from_secs(4));
        let part = (0..5).filter(|_| w.dice.below(2) == 0).collect();
        w.cut_off(&part);
        let span = Duration::from_millis(5_000 + w.dice.below(55_000));
        w.run_for(span);
        w.heal_everything();
        w.run_for(Duration::from_secs(1));
        w.assert_whole("1 s after the cut");
    }
}

/// Retained messages written and deleted on all sides of cuts: a minute later all nodes have the newest of each topic.
#[test]
fn retained_messages_end_equal() {
    for seed in seeds() {
        retain(seed, None);
    }
}

fn retain(seed: u64, fault: Option<Fault>) {
    let mut w = World::new(seed, 4);
    w.fault = fault;
    w.clock_skew_ms = 4_000;
    (0..4).for_each(|node| w.start(node));
    w.run_for(Duration::from_secs(4));
    for _ in 0..3 {
        let part = (0..4).filter(|_| w.dice.below(2) == 0).collect();
        w.cut_off(&part);
        for _ in 0..30 {
            let at = w.dice.below(4) as usize;
            w.retain_some(at);
            let pause = w.dice.below(400);
            w.run_for(Duration::from_millis(pause));
        }
        w.heal_everything();
        for _ in 0..10 {
            let at = w.dice.below(4) as usize;
            w.retain_some(at);
            let pause = w.dice.below(200);
            w.run_for(Duration::from_millis(pause));
        }
    }
    w.run_for(Duration::from_secs(10));
    w.assert_retained("10 s after the last cut");
    // A node that starts again takes everything from the others.
    let before = w.retained_at(0);
    let at = w.dice.below(4) as usize;
    w.crash(at);
    w.run_for(Duration::from_secs(2));
    w.start(at);
    w.run_for(Duration::from_secs(4));
    assert_eq!(w.retained_at(at), before, "seed {seed}: {at} after a start");
}

/// Apart for longer than deletions are remembered: what was there before and was deleted on one side stays deleted, what was
/// written meanwhile stays.
#[test]
fn retained_messages_after_a_day_apart() {
    for seed in seeds().into_iter().take(3) {
        let mut w = World::new(seed, 3);
        (0..3).for_each(|node| w.start(node));
        w.run_for(Duration::from_secs(5));
        for topic in ["r/kept", "r/deleted", "r/rewritten"] {
            w.retain(0, topic, Some(b"before"));
        }
        // Copies are compared once a minute: from then on all are known to have agreed.
        w.run_for(Duration::from_secs(130));
        w.cut_off(&BTreeSet::from([2]));
        w.run_for(Duration::from_secs(10));
        w.retain(0, "r/deleted", None);
        w.retain(1, "r/rewritten", None);
        w.run_for(Duration::from_secs(1));
        w.retain(2, "r/rewritten", Some(b"meanwhile"));
        w.retain(2, "r/new", Some(b"meanwhile"));
        w.run_for(Duration::from_secs(25 * 3600));
        w.sweep_retained();
        w.heal_everything();
        w.run_for(Duration::from_secs(20));
        w.assert_retained("20 s after a day apart");
        let topics: Vec<_> = w.retained_at(1).into_keys().collect();
        assert_eq!(topics, ["r/kept", "r/new", "r/rewritten"], "seed {seed}");
    }
}

#[test]
fn planted_faults_of_retained_messages_are_caught() {
    for fault in [Fault::NoTombstones, Fault::MergeByArrival] {
        let caught =
            (0..10).any(|seed| std::panic::catch_unwind(|| retain(seed, Some(fault))).is_err());
        assert!(caught, "{fault:?} went unseen");
    }
}
