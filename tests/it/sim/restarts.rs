//! Restarts that drop no client, in the world: a process ends and another goes on with its life, with what it left as bytes
//! (invariant 18).

use std::{collections::BTreeSet, time::Duration};

use emqx_rs::cluster::{
    Input, MemberStatus,
    legacy::{self, Legacy},
};

use super::{
    faults::Fault,
    running, seeds, world,
    world::{Left, World},
};

/// A node that restarts is awaited for 15 s, and is to be back well before.
const WAIT: u64 = 15_000;
const WITHIN: u64 = legacy::WITHIN.as_millis() as u64;

impl World {
    /// The process of a node ends, and leaves what the next one needs.
    pub(crate) fn hand_over(&mut self, number: usize) {
        let input = if self.has(Fault::SayDeath) { Input::Shutdown } else { Input::Rest };
        self.flush(number);
        self.input(number, input);
        let mut legacy = self.end_process(number);
        for one in &mut legacy.nodes {
            let of = self.number_of(one.node_id);
            one.streams.extend(self.take_streams(number, of, one.incarnation));
        }
        if self.has(Fault::NumberAnew) {
            legacy.routes.0 = 0;
        }
        if self.has(Fault::RowsAnew) {
            legacy.row = 0;
        }
        if self.has(Fault::HealsAnew) {
            legacy.heals = 0;
        }
        if self.has(Fault::ForgetRoutes) {
            legacy.nodes.iter_mut().for_each(|one| one.position = None);
        }
        let mut pieces = Vec::new();
        let routes_of = |index| self.routes_at(number, index);
        let written: Result<(), ()> = legacy.write(routes_of, |piece| {
            pieces.push(piece.to_vec());
            Ok(())
        });
        written.unwrap();
        self.leave_behind(number, Left { pieces, since: self.now() });
    }

    /// The next process goes on with what the one before left, unless it comes so late that others may have given it up.
    pub(crate) fn go_on(&mut self, number: usize) {
        let left = self.take_left(number);
        if left.since + WITHIN < self.now() {
            self.forget_process(number);
            return self.start(number);
        }
        let mut legacy = Legacy::read(left.pieces.iter().map(Vec::as_slice)).unwrap();
        let mut streams = Vec::new();
        for one in &mut legacy.nodes {
            let of = self.number_of(one.node_id);
            streams.push((of, one.incarnation, one.streams.pop()));
        }
        self.boot(number, Some(&legacy));
        for (of, life, streams) in streams {
            self.put_streams(number, of, life, streams);
        }
    }

    /// Nobody goes on: what was left is lost.
    pub(crate) fn lose_left(&mut self, number: usize) {
        let _ = self.take_left(number);
        self.forget_process(number);
    }
}

/// Two nodes go on publishing, subscribing and connecting while a third restarts.
fn restart(seed: u64, fault: Option<Fault>) {
    let mut w = running(seed, 3, fault);
    w.flow.size = 0;
    w.wills.strict = true;
    for _ in 0..4 {
        busy(&mut w, &[0, 1, 2]);
    }
    w.run_for(Duration::from_secs(3));
    let (losses, snapshots) = (w.losses(), w.repairs(0).1);
    for _ in 0..3 {
        let number = w.dice.below(3) as usize;
        let others: Vec<_> = (0..3).filter(|other| *other != number).collect();
        busy(&mut w, &[number]);
        // Messages are on their way, in both directions.
        (0..3).for_each(|node| w.publish_some(node));
        let pause = w.dice.below(12);
        w.run_for(Duration::from_millis(pause));
        w.hand_over(number);
        let routes = w.routes_of(number);
        for _ in 0..w.dice.below(4) {
            busy(&mut w, &others);
            let pause = w.dice.below(700);
            w.run_for(Duration::from_millis(pause));
            for other in &others {
                let copy = w.copy_of(*other, number).unwrap_or_default();
                assert_eq!(copy, routes, "seed {seed}: routes of a node that restarts");
            }
        }
        w.go_on(number);
        busy(&mut w, &others);
        w.run_for(Duration::from_secs(3));
        w.assert_whole("3 s after a restart");
        w.assert_all_arrived("3 s after a restart");
        w.assert_one_session_each("3 s after a restart");
    }
    w.run_for(Duration::from_secs(20));
    w.assert_healed("after restarts");
    w.assert_last_wills("after restarts");
    w.assert_retained("after restarts");
    assert_eq!(w.losses(), losses, "seed {seed}: somebody was taken for lost");
    assert_eq!(w.repairs(0).1, snapshots, "seed {seed}: routes were sent anew");
    assert_eq!(w.wills_published(), 0, "seed {seed}: nobody died");
    assert_eq!(w.given_up(), 0, "seed {seed}");
    assert!((0..3).all(|node| w.rejoined(node) == 0), "seed {seed}: a restart is no partition");
}

fn busy(w: &mut World, nodes: &[usize]) {
    for &number in nodes {
        w.add_some_routes(number);
        w.connect_some_client(number);
        w.retain_some(number);
        w.publish_some(number);
    }
    w.run_for(Duration::from_millis(300));
}

#[test]
fn a_restart_loses_nothing_and_nobody() {
    seeds().into_iter().for_each(|seed| restart(seed, None));
}

/// The next process never comes: the node counts for as long as it is awaited, and is dead then.
fn vanish(seed: u64) {
    let mut w = running(seed, 3, None);
    busy(&mut w, &[0, 1, 2]);
    w.connect_with_will(2, "mortal", Duration::ZERO);
    w.run_for(Duration::from_secs(3));
    let routes = w.copy_of(0, 2);
    w.hand_over(2);
    w.run_for(Duration::from_millis(WAIT - 1_000));
    for node in [0, 1] {
        assert_eq!(w.copy_of(node, 2), routes, "seed {seed}: routes of a node that is awaited");
    }
    assert_eq!(w.wills_published(), 0, "seed {seed}: wills of a node that is awaited");
    w.lose_left(2);
    w.run_for(Duration::from_secs(12));
    for node in [0, 1] {
        assert_eq!(w.copy_of(node, 2), None, "seed {seed}: routes of a node that is dead");
        w.assert_status(&[node], 2, MemberStatus::Down);
    }
    w.assert_last_wills("after the wait");
    w.start(2);
    w.run_for(Duration::from_secs(8));
    w.assert_whole("8 s after the start");
    w.assert_one_session_each("8 s after the start");
}

#[test]
fn a_node_that_does_not_come_back_is_dead_after_the_wait() {
    seeds().into_iter().for_each(vanish);
}

/// The next process has nothing of the one before: a life ends, and another begins, and nobody waits.
fn forget(seed: u64) {
    let mut w = running(seed, 3, None);
    busy(&mut w, &[0, 1, 2]);
    w.connect_with_will(1, "mortal", Duration::ZERO);
    w.run_for(Duration::from_secs(3));
    w.hand_over(1);
    let pause = w.dice.below(3_000);
    w.run_for(Duration::from_millis(pause));
    w.lose_left(1);
    w.start(1);
    w.run_for(Duration::from_secs(5));
    w.assert_whole("5 s after a start without the state");
    w.assert_all_arrived("5 s after a start without the state");
    w.assert_one_session_each("5 s after a start without the state");
    w.run_for(Duration::from_secs(7));
    w.assert_last_wills("12 s after a start without the state");
}

#[test]
fn a_start_without_the_state_is_a_normal_one() {
    seeds().into_iter().for_each(forget);
}

/// A node dies soon after another one has restarted: whom that one reaches is heard, so nobody waits for the dead one.
pub(super) fn death(seed: u64, fault: Option<Fault>) {
    let mut w = running(seed, 3, fault);
    for _ in 0..4 {
        w.crash(2);
        w.run_for(Duration::from_secs(3));
        w.start(2);
        w.run_for(Duration::from_secs(5));
    }
    for client in 0..8 {
        w.connect_with_will(2, &format!("w{client}"), Duration::ZERO);
    }
    w.run_for(Duration::from_secs(3));
    w.wills.strict = true;
    for number in [0, 1] {
        w.hand_over(number);
        let pause = w.dice.below(2_000);
        w.run_for(Duration::from_millis(pause));
        w.go_on(number);
        w.run_for(Duration::from_secs(5));
    }
    let pause = w.dice.below(30_000);
    w.run_for(Duration::from_millis(pause));
    w.assert_whole("after two restarts");
    w.crash(2);
    w.run_for(Duration::from_secs(15));
    w.assert_last_wills("15 s after the death of a node");
    assert_eq!(w.wills_published(), 8, "seed {seed}");
}

#[test]
fn a_death_after_a_restart_is_one() {
    seeds().into_iter().take(100).for_each(|seed| death(seed, None));
}

/// After each of some partitions the node that led its heal restarts: the next one is healed and told of all the same.
pub(super) fn partitions(seed: u64, fault: Option<Fault>) {
    let mut w = world(seed, 4, fault);
    w.slow_percent = 0;
    (0..4).for_each(|node| w.start(node));
    w.run_for(Duration::from_secs(4));
    let leader = (0..4).find(|node| w.leads(*node)).unwrap();
    let others: Vec<_> = (0..4).filter(|node| *node != leader).collect();
    let apart = others[w.dice.below(3) as usize];
    for count in 1..=3 {
        let told: Vec<_> = others.iter().map(|node| w.healed(*node)).collect();
        w.cut_off(&BTreeSet::from([apart]));
        w.run_for(Duration::from_secs(10));
        w.mend();
        w.run_for(Duration::from_secs(60));
        w.assert_healed("a minute after a cut");
        assert_eq!(w.rejoined(apart), count, "seed {seed}: each heal is carried out");
        for (node, before) in others.iter().zip(told) {
            assert!(w.healed(*node) > before, "seed {seed}: each heal is told of at {node}");
        }
        w.hand_over(leader);
        let pause = w.dice.below(2_000);
        w.run_for(Duration::from_millis(pause));
        w.go_on(leader);
        w.run_for(Duration::from_secs(5));
        assert!(w.leads(leader), "seed {seed}: as before");
    }
}

#[test]
fn each_partition_is_healed_though_the_leader_restarts() {
    seeds().into_iter().take(40).for_each(|seed| partitions(seed, None));
}

/// Restarts among cuts, crashes and other restarts.
fn disorder(seed: u64) {
    let mut w = world(seed, 4, None);
    w.flow.size = 0;
    (0..4).for_each(|node| w.start(node));
    w.datagram_loss_percent = w.dice.below(30);
    for _ in 0..8 {
        let number = w.dice.below(4) as usize;
        match (w.has_left(number), w.dice.below(4)) {
            (true, 0) => w.lose_left(number),
            (true, _) => w.go_on(number),
            (false, 0 | 1) if w.runs_now(number) => w.hand_over(number),
            (false, _) if (0..4).all(|node| !w.has_left(node)) => w.random_trouble(),
            (false, _) => {
                let running: Vec<_> = (0..4).filter(|node| w.runs_now(*node)).collect();
                busy(&mut w, &running);
                let part = (0..4).filter(|_| w.dice.below(2) == 0).collect();
                w.cut_off(&part);
            }
        }
        let longest = if w.dice.below(4) == 0 { 20_000 } else { 2_500 };
        let span = Duration::from_millis(w.dice.below(longest));
        w.run_for(span);
    }
    for number in 0..4 {
        if w.has_left(number) {
            w.go_on(number);
        }
    }
    w.heal_everything();
    w.run_for(Duration::from_secs(30));
    w.assert_whole("30 s after healing");
    w.run_for(Duration::from_secs(60));
    w.assert_healed("90 s after healing");
    w.assert_one_session_each("90 s after healing");
    w.assert_retained("90 s after healing");
    w.assert_all_arrived("90 s after healing");
}

#[test]
fn restarts_in_every_disorder_heal() {
    seeds().into_iter().for_each(disorder);
}

/// The scenario for faults.
pub(super) const RESTART: fn(u64, Option<Fault>) = restart;
