//! Few bytes that cause much work: whoever sends them waits for it, and nobody else.

use std::{
    thread,
    time::{Duration, Instant},
};

use super::witness::Witness;
use crate::support::{Client, Message, Node, Packet, Version, client::subscribe_bytes, wait_for};

const V3: Version = Version::V3_1_1;
const V5: Version = Version::V5;
/// All that was caused is done within this time.
const DONE: Duration = Duration::from_secs(120);

/// The bytes of so many messages without a payload, and of a ping.
fn messages(topic: &str, count: usize) -> Vec<u8> {
    [&Message::new(topic, "", 0).bytes(V3).repeat(count)[..], &[0xc0, 0]].concat()
}

fn pong(packet: &Packet) -> bool {
    matches!(packet, Packet::PingResp)
}

fn filters(client: &mut Client, all: impl Iterator<Item = String>) {
    let all: Vec<String> = all.collect();
    for some in all.chunks(500) {
        let some: Vec<_> = some.iter().map(|one| (one.as_str(), 0)).collect();
        assert!(client.subscribe_to(&some, &[]).iter().all(|code| *code == 0));
    }
}

/// Each of the clients sends `bytes` at once, of which the work is done when `over` says so: the witness waits for none of them.
#[track_caller]
fn all_at_once(node: &Node, attackers: usize, bytes: &[u8], over: impl Fn(&Packet) -> bool) {
    let mut attackers: Vec<Client> = (0..attackers).map(|_| Client::at(V3, node.mqtt())).collect();
    let witness = Witness::start(node.mqtt());
    let began = Instant::now();
    thread::scope(|scope| {
        for attacker in &mut attackers {
            scope.spawn(move || attacker.send(bytes));
        }
    });
    for attacker in &mut attackers {
        while !over(&attacker.next_within(DONE).expect("it is served")) {}
    }
    let took = began.elapsed();
    println!("done after {took:?}");
    witness.end_beside(took);
    assert!(node.is_running() && node.metric("emqx_rs.panics") == 0);
}

#[test]
fn searches_of_retained_messages_that_find_none_stall_nobody() {
    let mut node = Node::start("");
    let mut filler = Client::at(V3, node.mqtt());
    for piece in 0..30 {
        let topic = |n| Message::new(&format!("dev{n:06}/state/a"), "x", 0).retain().bytes(V3);
        filler.send(&(piece * 1000..(piece + 1) * 1000).flat_map(topic).collect::<Vec<u8>>());
        filler.ping();
    }
    filler.send(&Message::new("last", "x", 0).retain().bytes(V3));
    filler.ping();
    let none: Vec<String> = (0..20).map(|n| format!("+/none{n}")).collect();
    let mut none: Vec<_> = none.iter().map(|one| (one.as_str(), 0)).collect();
    none.extend([("+/+/x/y", 0), ("last", 0)]);
    let last = |packet: &Packet| matches!(packet, Packet::Publish { .. });
    all_at_once(&node, 4, &subscribe_bytes(V3, 1, &none, &[]), last);
    let witness = Witness::start(node.mqtt());
    assert_eq!(node.ctl(&["retainer", "clean", "+/none"]), "Cleaned 0 retained messages\n");
    assert_eq!(node.ctl(&["retainer", "topics", "29999", "1"]).lines().count(), 1);
    witness.end();
    // What they have asked for is still to be done, and the node ends all the same.
    let mut asking = Client::at(V3, node.mqtt());
    asking.send(&subscribe_bytes(V3, 1, &none, &[]));
    node.terminate();
    node.wait_end();
}

#[test]
fn messages_to_many_groups_stall_nobody() {
    let node = Node::start("");
    let mut members: Vec<Client> = (0..2).map(|_| Client::at(V5, node.mqtt())).collect();
    let began = Instant::now();
    for (n, member) in members.iter_mut().enumerate() {
        filters(member, (0..2000).map(|group| format!("$share/g{n}-{group}/x")));
    }
    println!("4,000 groups joined after {:?}", began.elapsed());
    all_at_once(&node, 3, &messages("x", 100), pong);
    let began = Instant::now();
    drop(members);
    wait_for("they have left", DONE, || node.stat("subscriptions.count") == 0);
    println!("left after {:?}", began.elapsed());
}

#[test]
fn messages_past_many_filters_stall_nobody() {
    const LEVELS: usize = 12;
    let node = Node::start("");
    let mut subscribers: Vec<Client> = (0..5).map(|_| Client::at(V5, node.mqtt())).collect();
    let mixed = |bits: usize| -> String {
        let level = |at: usize| if bits >> at & 1 == 1 { "+/" } else { "a/" };
        (0..LEVELS).map(level).collect::<String>() + "q"
    };
    for (n, subscriber) in subscribers.iter_mut().enumerate() {
        filters(
            subscriber,
            (n << LEVELS..(n + 1) << LEVELS).step_by(5).map(|bits| mixed(bits / 5)),
        );
    }
    all_at_once(&node, 3, &messages(&("a/".repeat(LEVELS) + "z"), 1000), pong);
}
