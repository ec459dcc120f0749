//! Histories of nodes that were apart for longer than deletions are remembered: what was deleted stays so, what was written stays,
//! whoever started again meanwhile and whatever the calendars say.

use std::{collections::BTreeSet, time::Duration};

use emqx_rs::broker::RetainSettings;

use super::{faults::Fault, running, seeds, world, world::World};

/// Long enough that all copies were compared in quiet.
const COMPARED: Duration = Duration::from_secs(130);

fn topics(w: &World, number: usize) -> Vec<String> {
    w.retained_at(number).into_keys().collect()
}

/// A message that one node refuses for good holds back what is known of its own bucket, and of no other.
#[test]
fn a_message_that_is_refused_brings_no_other_back() {
    seeds().into_iter().take(20).for_each(|seed| refused(seed, None));
}

pub(super) fn refused(seed: u64, fault: Option<Fault>) {
    let mut w = running(seed, 3, fault);
    w.limit_retained(2, RetainSettings { max_payload: 20, ..RetainSettings::default() });
    w.retain(0, "r/large", Some(&[7; 100]));
    w.retain(0, "r/kept", Some(b"before"));
    w.retain(2, "r/deleted", Some(b"before"));
    w.run_for(COMPARED);
    w.cut_off(&BTreeSet::from([2]));
    w.run_for(Duration::from_secs(10));
    w.retain(0, "r/deleted", None);
    w.retain(2, "r/new", Some(b"meanwhile"));
    w.run_for(Duration::from_secs(10));
    w.forget_deletions(&[0, 1]);
    w.mend();
    w.run_for(COMPARED);
    for number in 0..3 {
        let large = (number < 2).then_some("r/large");
        let want: Vec<_> = ["r/kept"].into_iter().chain(large).chain(["r/new"]).collect();
        assert_eq!(topics(&w, number), want, "seed {seed}: {number}");
    }
}

/// Nodes of both sides start again, one after the other, and are filled by their neighbours.
#[test]
fn who_was_filled_by_a_neighbour_brings_nothing_back() {
    seeds().into_iter().take(40).for_each(|seed| refilled(seed, None));
}

pub(super) fn refilled(seed: u64, fault: Option<Fault>) {
    let mut w = running(seed, 4, fault);
    for topic in ["r/kept", "r/deleted"] {
        let at = w.dice.below(4) as usize;
        w.retain(at, topic, Some(b"before"));
    }
    w.run_for(COMPARED);
    w.cut_off(&BTreeSet::from([2, 3]));
    w.run_for(Duration::from_secs(10));
    let at = w.dice.below(2) as usize;
    w.retain(at, "r/deleted", None);
    w.run_for(Duration::from_secs(5));
    w.forget_deletions(&[0, 1]);
    // The order is chance; of each side all may start again.
    for _ in 0..w.dice.below(6) {
        let number = w.dice.below(4) as usize;
        w.crash(number);
        w.run_for(Duration::from_secs(2));
        w.start(number);
        w.retain(number, &format!("r/new{number}"), Some(b"at once"));
        w.run_for(COMPARED);
    }
    let new: BTreeSet<_> = (0..4).flat_map(|number| topics(&w, number)).collect();
    w.mend();
    w.run_for(COMPARED);
    let want: Vec<_> = new.into_iter().filter(|topic| topic != "r/deleted").collect();
    for number in 0..4 {
        assert_eq!(topics(&w, number), want, "seed {seed}: {number}");
    }
}

/// Whatever happens: a message that nobody deletes and that is on a node that lives is on all nodes in the end.
#[test]
fn nothing_is_taken_for_deleted_that_was_not() {
    seeds().into_iter().take(60).for_each(|seed| undeleted(seed, None));
}

pub(super) fn undeleted(seed: u64, fault: Option<Fault>) {
    let mut w = running(seed, 4, fault);
    let mut want: BTreeSet<String> = BTreeSet::new();
    for step in 0..40 {
        match w.dice.below(6) {
            0 => {
                let part = (0..4).filter(|_| w.dice.below(2) == 0).collect();
                w.cut_off(&part);
            }
            1 => w.mend(),
            2 => {
                let number = w.dice.below(4) as usize;
                let others: BTreeSet<_> =
                    (0..4).filter(|n| *n != number).flat_map(|n| topics(&w, n)).collect();
                want.retain(|topic| others.contains(topic));
                w.crash(number);
                w.run_for(Duration::from_millis(300));
                w.start(number);
            }
            3 => w.forget_deletions(&[0, 1, 2, 3]),
            _ => {
                let number = w.dice.below(4) as usize;
                let topic = format!("k/{step}");
                w.retain(number, &topic, Some(b"k"));
                want.insert(topic);
                // Something else that comes and goes.
                w.retain(number, "r/one", (step % 2 == 0).then_some(b"r"));
            }
        }
        // Copies are compared once a minute.
        let most = if w.dice.below(3) == 0 { 65_000 } else { 4_000 };
        let span = Duration::from_millis(200 + w.dice.below(most));
        w.run_for(span);
    }
    w.mend();
    w.run_for(COMPARED);
    for number in 0..4 {
        let have = w.retained_at(number);
        let lost = want.iter().find(|topic| !have.contains_key(*topic));
        assert_eq!(lost, None, "seed {seed}: {number}");
    }
    w.assert_retained("at the end");
}

/// The last write of a process reached one node alone, which was cut off before it could tell: it is news when that node is back,
/// though others have heard everything of the next process since.
#[test]
fn the_last_words_of_a_process_are_heard() {
    seeds().into_iter().take(40).for_each(|seed| last_words(seed, None));
}

pub(super) fn last_words(seed: u64, fault: Option<Fault>) {
    let mut w = running(seed, 3, fault);
    w.cut_off(&BTreeSet::from([1, 2]));
    w.run_for(Duration::from_secs(5));
    w.retain(1, "r/last", Some(b"words"));
    w.run_for(Duration::from_secs(5));
    w.crash(1);
    w.mend();
    w.cut_off(&BTreeSet::from([2]));
    w.start(1);
    w.run_for(COMPARED);
    w.retain(1, "r/next", Some(b"process"));
    w.run_for(COMPARED);
    w.mend();
    w.run_for(COMPARED);
    for number in 0..3 {
        assert_eq!(topics(&w, number), ["r/last", "r/next"], "seed {seed}: {number}");
    }
}

/// A box is forty hours ahead, so the stamp of what it wrote is above every write of others, for longer than its deletion is
/// remembered. What is written after that counts all the same, also against a node that was away and has the old message.
#[test]
fn a_write_counts_more_than_a_deletion_that_is_forgotten() {
    seeds().into_iter().take(40).for_each(|seed| far_ahead(seed, None));
}

pub(super) fn far_ahead(seed: u64, fault: Option<Fault>) {
    let mut w = world(seed, 4, fault);
    w.ahead_ms.insert(0, 40 * 3_600_000);
    (0..4).for_each(|node| w.start(node));
    w.run_for(Duration::from_secs(5));
    w.retain(0, "r/far", Some(b"one"));
    w.run_for(COMPARED);
    w.cut_off(&BTreeSet::from([3]));
    w.run_for(Duration::from_secs(10));
    w.retain(1, "r/far", None);
    w.run_for(COMPARED);
    // Not all nodes forget it in the same moment.
    let who: &[usize] = [&[1][..], &[1, 2], &[0, 1, 2]][w.dice.below(3) as usize];
    w.forget_deletions(who);
    if who.len() == 3 && w.dice.below(2) == 0 {
        // A node that never heard of it.
        w.crash(1);
        w.run_for(Duration::from_secs(2));
        w.start(1);
        w.run_for(COMPARED);
    }
    w.retain(1, "r/far", Some(b"two"));
    w.run_for(COMPARED);
    for number in 0..3 {
        assert_eq!(w.retained_at(number).len(), 1, "seed {seed}: {number} before the heal");
    }
    w.mend();
    w.run_for(COMPARED);
    for number in 0..4 {
        let have = w.retained_at(number).into_values().collect::<Vec<_>>();
        assert_eq!(have, [b"two"], "seed {seed}: {number}");
    }
}

/// A node with less room refuses most of what another one has: they soon stop asking each other for everything, and when there is
/// room the small one gets it.
#[test]
fn a_full_node_is_not_asked_again_and_again() {
    seeds().into_iter().take(4).for_each(|seed| full(seed, None));
}

pub(super) fn full(seed: u64, fault: Option<Fault>) {
    let mut w = running(seed, 2, fault);
    w.limit_retained(1, RetainSettings { max_messages: 20, ..RetainSettings::default() });
    (0..100).for_each(|n| w.retain(0, &format!("r/{n}"), Some(b"x")));
    w.run_for(Duration::from_secs(300));
    assert_eq!(topics(&w, 1).len(), 20, "seed {seed}");
    let before = w.pieces();
    w.run_for(Duration::from_secs(3600));
    // Three times or so each asks, and not every minute: a dozen pieces.
    let asked = w.pieces() - before;
    assert!(asked <= 100, "seed {seed}: {asked} pieces in an hour");
    (0..85).for_each(|n| w.retain(0, &format!("r/{n}"), None));
    w.run_for(Duration::from_secs(1900));
    assert_eq!(topics(&w, 1), topics(&w, 0), "seed {seed}");
}
