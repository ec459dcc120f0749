//! Histories of who is in the cluster: who was forced out and let in again, who is reached by some alone, who is out for good, and who
//! has another name.

use std::{collections::BTreeSet, time::Duration};

use emqx_rs::cluster::MemberStatus;

use super::{faults::Fault, running, seeds, world, world::World};

/// A node was forced out and let in again while another one was away, which comes back with the ban.
#[test]
fn a_ban_that_is_over_stays_over() {
    seeds().into_iter().take(40).for_each(|seed| let_in_again(seed, None));
}

pub(super) fn let_in_again(seed: u64, fault: Option<Fault>) {
    let mut w = running(seed, 4, fault);
    w.force_leave(0, 2);
    w.run_for(Duration::from_secs(2));
    w.assert_status(&[0, 1, 3], 2, MemberStatus::Banned);
    w.crash(3);
    w.run_for(Duration::from_secs(2));
    w.join(2, 0);
    // Longer than it says that it was asked to join.
    w.run_for(Duration::from_secs(90));
    w.crash(2);
    w.start(2);
    w.run_for(Duration::from_secs(5));
    w.start(3);
    w.run_for(Duration::from_secs(15));
    w.assert_whole("15 s after a node came back with a ban that is over");
    // The next ban holds.
    w.force_leave(3, 2);
    w.run_for(Duration::from_secs(2));
    w.crash(2);
    w.start(2);
    w.run_for(Duration::from_secs(10));
    w.assert_status(&[0, 1, 3], 2, MemberStatus::Banned);
}

/// Two that do not reach each other and both reach the others: nobody is forgotten and no will goes out, for however long, until one
/// of them dies.
#[test]
fn who_is_reached_by_others_is_not_taken_for_dead() {
    seeds().into_iter().take(20).for_each(|seed| triangle(seed, None));
}

pub(super) fn triangle(seed: u64, fault: Option<Fault>) {
    let mut w = world(seed, 4, fault);
    w.refuse_when_cut = seed % 2 == 1;
    (0..4).for_each(|node| w.start(node));
    w.run_for(Duration::from_secs(5));
    w.add_many_routes(1, 5);
    for client in 0..8 {
        w.connect_with_will(1, &format!("w{client}"), Duration::ZERO);
    }
    w.run_for(Duration::from_secs(3));
    w.wills.strict = true;
    for (from, to) in [(0, 1), (1, 0)] {
        w.cut_one_way(from, to);
    }
    let epochs = |w: &World| {
        let records = w.records(2).into_iter().map(|record| (record.node_id, record.epoch));
        records.collect::<BTreeSet<_>>()
    };
    let before = epochs(&w);
    let routes = w.copy_of(0, 1);
    w.run_for(Duration::from_secs(200));
    assert_eq!(w.copy_of(0, 1), routes, "seed {seed}: what is kept for a node that lives went");
    w.run_for(Duration::from_secs(800));
    w.assert_status(&[0], 1, MemberStatus::Down);
    w.assert_status(&[1], 0, MemberStatus::Down);
    w.assert_status(&[2, 3], 1, MemberStatus::Up);
    assert_eq!(epochs(&w), before, "seed {seed}: somebody was put out, and let in again");
    assert_eq!(w.wills_published(), 0, "seed {seed}: of clients that live");
    w.crash(1);
    w.run_for(Duration::from_secs(15));
    w.assert_last_wills("15 s after its death");
    assert_eq!(w.wills_published(), 8, "seed {seed}");
    w.run_for(Duration::from_secs(500));
    w.assert_status(&[0, 2, 3], 1, MemberStatus::Removed);
    w.heal_everything();
    w.run_for(Duration::from_secs(10));
    w.assert_whole("10 s after it is back");
}

/// Who was forgotten is dialled until it is not remembered any more, and is a member again when it comes back.
#[test]
fn who_is_out_for_long_is_not_remembered() {
    seeds().into_iter().take(10).for_each(|seed| out_of_mind(seed, None));
}

pub(super) fn out_of_mind(seed: u64, fault: Option<Fault>) {
    let mut w = world(seed, 4, fault);
    w.remember = Duration::from_secs(900);
    (0..4).for_each(|node| w.start(node));
    w.run_for(Duration::from_secs(5));
    w.cut_off(&BTreeSet::from([3]));
    w.run_for(Duration::from_secs(3));
    w.crash(3);
    w.run_for(Duration::from_secs(600));
    w.assert_status(&[0, 1, 2], 3, MemberStatus::Removed);
    // A node that starts anew hears for how long the other one is out.
    w.crash(1);
    w.start(1);
    w.run_for(Duration::from_secs(700));
    for node in 0..3 {
        let known = w.records(node).iter().any(|record| record.node_id == w.id(3));
        assert!(!known && !w.watches(node, 3), "seed {seed}: {node} remembers it");
    }
    let dials = w.dials_in_vain();
    w.run_for(Duration::from_secs(600));
    assert_eq!(w.dials_in_vain(), dials, "seed {seed}: somebody dials it");
    w.mend();
    w.start(3);
    w.run_for(Duration::from_secs(10));
    w.assert_whole("10 s after it is back");
}

/// A box that is installed anew has its name and another identity: of the old one nothing is heard for.
#[test]
fn an_identity_that_was_replaced_is_not_listened_for() {
    for seed in seeds().into_iter().take(10) {
        let mut w = running(seed, 3, None);
        w.crash(1);
        w.run_for(Duration::from_secs(3));
        let old = w.id(1);
        w.wipe(1);
        w.start(1);
        w.run_for(Duration::from_secs(8));
        w.assert_whole("8 s after it was installed anew");
        assert!(![0, 2].into_iter().any(|node| w.listens_for(node, old)), "seed {seed}");
    }
}

/// Under the old name of a node nobody is dialled any more.
#[test]
fn a_node_with_another_name_is_dialled_by_that_alone() {
    for seed in seeds().into_iter().take(20) {
        let mut w = running(seed, 4, None);
        w.discovery = false;
        w.crash(1);
        w.run_for(Duration::from_secs(3));
        w.rename(1, "m@10.0.0.1");
        w.start(1);
        w.run_for(Duration::from_secs(10));
        w.assert_whole("10 s after it came back with another name");
        let strays = w.strays;
        w.run_for(Duration::from_secs(300));
        assert_eq!(w.strays, strays, "seed {seed}: somebody dials the old name");
        w.crash(2);
        w.start(2);
        w.run_for(Duration::from_secs(10));
        w.assert_whole("after another one started anew");
        assert_eq!(w.strays, strays, "seed {seed}: the old name is on a disk");
    }
}

/// Calendars are hours apart, further than any clock follows: a client that goes to another node gets its session there all the same.
#[test]
fn a_client_goes_to_a_node_whose_calendar_is_hours_behind() {
    seeds().into_iter().take(40).for_each(|seed| hours_behind(seed, None));
}

pub(super) fn hours_behind(seed: u64, fault: Option<Fault>) {
    let mut w = world(seed, 4, fault);
    w.slow_percent = 0;
    w.ahead_ms.extend([(0, 0), (1, 7_200_000), (2, 36_000_000), (3, 0)]);
    (0..4).for_each(|node| w.start(node));
    w.run_for(Duration::from_secs(5));
    for round in 0..6 {
        for client in 0..8 {
            let at = w.dice.below(4) as usize;
            let name = format!("c{client}");
            w.claim_for(at, name.as_str().into());
            // Owners are asked a few times at most.
            w.run_for(Duration::from_millis(60));
            assert_eq!(w.sessions_of(&name), [at], "seed {seed}, round {round}: {name} at {at}");
        }
    }
    // Nor does it lose the session when others come and go.
    w.crash(3);
    w.run_for(Duration::from_secs(3));
    w.start(3);
    w.run_for(Duration::from_secs(40));
    w.assert_one_session_each("after another node started anew");
}
