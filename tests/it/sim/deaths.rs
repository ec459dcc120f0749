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
