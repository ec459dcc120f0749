//! Histories of nodes that die where not all see it, and of those that publish the wills of their clients and die in turn.

use std::{collections::BTreeSet, time::Duration};

use super::{faults::Fault, running, seeds, world};

/// Two of four nodes lose their power, and the oldest is among those that are left: the other one of these sees too that they are the
/// larger part.
#[test]
fn who_is_with_the_oldest_does_not_wait_twice() {
    for seed in seeds().into_iter().take(20) {
        let mut w = world(seed, 4, None);
        // Who forgets a member takes it for dead with that.
        w.autoclean = false;
        for node in 0..4 {
            w.start(node);
            w.run_for(Duration::from_millis(100));
        }
        w.run_for(Duration::from_secs(5));
        assert!(w.leads(0), "seed {seed}");
        for client in 0..20 {
            w.connect_with_will(1, &format!("w{client}"), Duration::from_secs(1));
        }
        w.run_for(Duration::from_secs(5));
        w.cut_off(&BTreeSet::from([1, 3]));
        w.crash(1);
        w.crash(3);
        w.run_for(Duration::from_secs(290));
        assert_eq!(w.wills_published(), 0, "seed {seed}: it may live beyond a cut");
        w.run_for(Duration::from_secs(30));
        assert_eq!(w.wills_published(), 20, "seed {seed}");
        w.assert_last_wills("when they were given up");
    }
}

/// Wills wait for their turn where other nodes are slow, and who has them in its memory is killed: others have them still.
#[test]
fn wills_outlive_who_was_to_publish_them() {
    seeds().into_iter().take(100).for_each(|seed| publisher_dies(seed, None));
}

pub(super) fn publisher_dies(seed: u64, fault: Option<Fault>) {
    let mut w = running(seed, 4, fault);
    for client in 0..12 {
        w.connect_with_will(3, &format!("w{client}"), Duration::ZERO);
    }
    w.run_for(Duration::from_secs(3));
    w.hold_wills();
    w.crash(3);
    let span = 5_000 + w.dice.below(5_000);
    w.run_for(Duration::from_millis(span));
    let publisher = w.who_holds_most();
    w.crash(publisher);
    w.run_for(Duration::from_millis(span));
    w.release_wills();
    w.run_for(Duration::from_secs(60));
    w.assert_last_wills("a minute after the death of who was to publish them");
    assert_eq!(w.wills_published(), 12, "seed {seed}");
}

/// A node dies while some of those that keep its clients' wills are cut off: they have missed who came back, who said goodbye, and
/// that the wills are out.
#[test]
fn who_was_cut_off_publishes_nothing_again() {
    seeds().into_iter().take(200).for_each(|seed| beyond_a_cut(seed, None));
}

pub(super) fn beyond_a_cut(seed: u64, fault: Option<Fault>) {
    let mut w = running(seed, 5, fault);
    w.wills.strict = true;
    let victim = w.dice.below(5) as usize;
    for client in 0..30 {
        let delay = 5_000 * w.dice.below(2);
        w.connect_with_will(victim, &format!("w{client}"), Duration::from_millis(delay));
    }
    w.run_for(Duration::from_secs(3));
    let others: Vec<_> = (1..5).map(|step| (victim + step) % 5).collect();
    let apart = 1 + w.dice.below(2) as usize;
    let (part, here) = others.split_at(apart);
    w.cut_off(&part.iter().copied().collect());
    w.run_for(Duration::from_secs(8));
    let mut left = w.clients_with_wills(victim);
    for client in left.split_off(20) {
        w.say_goodbye(victim, &client);
    }
    w.run_for(Duration::from_secs(1));
    w.crash(victim);
    let span = w.dice.below(800);
    w.run_for(Duration::from_millis(span));
    let back = left.split_off(10);
    let at = here[w.dice.below(here.len() as u64) as usize];
    back.iter().for_each(|client| w.connect_with_will(at, client, Duration::from_secs(5)));
    w.run_for(Duration::from_millis(100));
    back.iter().for_each(|client| w.say_goodbye(at, client));
    w.run_for(Duration::from_secs(12));
    w.assert_last_wills("in the cut");
    let early = w.dice.below(2) == 0;
    if early {
        w.start(victim);
        w.run_for(Duration::from_secs(5));
    }
    w.mend();
    w.run_for(Duration::from_secs(30));
    w.assert_last_wills("after the cut");
    if !early {
        w.start(victim);
        w.run_for(Duration::from_secs(10));
        w.assert_last_wills("10 s after it started again");
    }
}
