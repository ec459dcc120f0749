//! What is asked, answered, believed and dropped.

use super::*;
use crate::cluster::{
    secret::KeySet,
    settings::{Cookie, Kdf},
};

const GROUP: &str = "239.192.0.1:4369";
const ETH: Way = Way { index: 2, v6: false };

fn keys(cookie: &str, cluster: &str) -> Keys {
    let cookie = Cookie::new(format!("{cookie:->32}"));
    Keys::new(KeySet::derive(&cookie, cluster, Kdf::Fast).unwrap(), None)
}

fn at(ms: u64) -> Time {
    Time::from_ms(ms)
}

fn network(index: u32, addr: &str, prefix: u8) -> Network {
    Network { index, name: format!("eth{index}"), addr: addr.parse().unwrap(), prefix }
}

/// Node `n` at 10.0.0.n, which has looked at its network.
fn node(n: u8, cookie: &str, cluster: &str) -> Prober {
    let setup = Setup {
        name: NodeName::parse(&format!("node{n}@10.0.0.{n}")).unwrap(),
        node_id: NodeId([n; 16]),
        boot: u64::from(n) + 100,
        port: 4370 + u16::from(n),
        cluster: cluster.to_owned(),
        keys: keys(cookie, cluster),
        groups: vec![GROUP.parse().unwrap(), "[ff15::4d51]:4369".parse().unwrap()],
        v6: false,
        seed: n.into(),
    };
    let mut prober = Prober::new(setup, at(0));
    prober.on_networks(vec![network(2, &format!("10.0.0.{n}"), 24)], at(0));
    prober
}

fn addr(n: u8) -> SocketAddr {
    SocketAddr::from(([10, 0, 0, n], 4369))
}

/// What it sends until `until`: when, where to, what.
fn sent(prober: &mut Prober, until: u64) -> Vec<(u64, SocketAddr, Vec<u8>)> {
    let mut all = Vec::new();
    while prober.deadline() <= at(until) {
        let now = prober.deadline();
        let mut out = Vec::new();
        let byte = u8::try_from(now.as_ms() % 251).unwrap();
        prober.on_deadline([byte; 16], now, &mut out);
        for act in out {
            let Act::Send { to, bytes, .. } = act else { panic!("{act:?}") };
            all.push((now.as_ms(), to, bytes));
        }
    }
    all
}

fn hello(prober: &mut Prober) -> Vec<u8> {
    prober.probes = 0;
    prober.due = at(0);
    sent(prober, 0).remove(0).2
}

fn take(prober: &mut Prober, from: SocketAddr, bytes: &[u8], now: u64) -> Vec<Act> {
    let mut out = Vec::new();
    let arrival = Arrival { way: ETH, group: true, from, now: at(now) };
    prober.on_datagram(arrival, bytes, &mut out);
    out
}

fn verdicts(prober: &Prober) -> Vec<(&str, Verdict)> {
    prober.heard().map(|heard| (heard.name.as_str(), heard.verdict)).collect()
}

#[test]
fn asks_three_times_and_then_at_the_pace_of_what_is_missing() {
    let mut one = node(1, "a", "c");
    let times: Vec<u64> = sent(&mut one, 60_000).into_iter().map(|(ms, ..)| ms).collect();
    assert_eq!(times[0], 0);
    assert!((250..350).contains(&times[1]), "{times:?}");
    assert!((1000..1200).contains(&times[2]), "{times:?}");
    assert!((10..=16).contains(&times.len()), "every 5 s while alone: {times:?}");
    one.on_links(BTreeSet::new(), true, 3, at(60_000));
    let later = sent(&mut one, 360_000).len();
    assert!((9..=13).contains(&later), "every 30 s: {later}");
    one.on_links(BTreeSet::new(), false, 3, at(360_000));
    let soon = sent(&mut one, 367_000).len();
    assert!((1..=2).contains(&soon), "a member is lost: {soon}");
    one.on_networks(vec![network(3, "10.1.0.1", 16)], at(400_000));
    assert_eq!(one.deadline(), at(400_000), "another network: at once");
}

#[test]
fn no_network_no_question() {
    let mut one = node(1, "a", "c");
    one.on_networks(Vec::new(), at(0));
    assert_eq!(sent(&mut one, 9_000), []);
    assert!(one.deadline() > at(9_000), "and no busy waiting");
    one.on_networks(vec![network(2, "10.0.0.1", 24)], at(10_000));
    assert_eq!(sent(&mut one, 11_500).len(), 3, "it came late and is asked thrice");
}

#[test]
fn who_is_heard_is_dialled_and_answered() {
    let (mut one, mut two) = (node(1, "a", "c"), node(2, "a", "c"));
    let question = hello(&mut one);
    let acts = take(&mut two, addr(1), &question, 10);
    let [Act::Found(target)] = &acts[..] else { panic!("{acts:?}") };
    assert_eq!(target.name.as_str(), "node1@10.0.0.1");
    assert_eq!(target.addrs, ["10.0.0.1:4371".parse().unwrap()]);
    two.due = at(100_000);
    let answers = sent(&mut two, 110);
    let [(ms, to, answer)] = &answers[..] else { panic!("{answers:?}") };
    assert!(*ms <= 110 && *to == addr(1));
    assert!(answer.len() <= question.len(), "no amplification");
    let acts = take(&mut one, addr(2), answer, 120);
    assert!(matches!(&acts[..], [Act::Found(target)] if target.name.as_str() == "node2@10.0.0.2"));
    assert!(one.heard().all(|heard| heard.answered && heard.verdict == Verdict::Accepted));
    // Heard again: known for a repeat, neither answered nor dialled.
    assert_eq!(take(&mut two, addr(1), &question, 5_000), []);
    assert_eq!(two.counters().replayed, 1);
    assert_eq!(sent(&mut two, 6_000), []);
}

#[test]
fn an_answer_without_a_question_is_dropped() {
    let (mut one, mut two) = (node(1, "a", "c"), node(2, "a", "c"));
    let question = hello(&mut one);
    take(&mut two, addr(1), &question, 10);
    two.due = at(100_000);
    let answer = sent(&mut two, 200).remove(0).2;
    assert_eq!(take(&mut one, addr(2), &answer, 10_000), [], "ten seconds later");
    assert_eq!(one.counters().unasked, 1);
}

#[test]
fn a_linked_node_is_left_alone() {
    let (mut one, mut two) = (node(1, "a", "c"), node(2, "a", "c"));
    two.on_links([one.setup.name.clone()].into(), true, 2, at(0));
    assert_eq!(take(&mut two, addr(1), &hello(&mut one), 10), []);
    two.due = at(100_000);
    assert_eq!(sent(&mut two, 1_000), []);
    assert_eq!(verdicts(&two), [("node1@10.0.0.1", Verdict::Accepted)]);
}

#[test]
fn strangers_are_named_and_not_dialled() {
    let mut one = node(1, "a", "c");
    assert_eq!(take(&mut one, addr(2), &hello(&mut node(2, "b", "c")), 10), []);
    assert_eq!(take(&mut one, addr(3), &hello(&mut node(3, "a", "d")), 10), []);
    let mut twin = node(1, "a", "c");
    (twin.setup.node_id, twin.setup.boot) = (NodeId([9; 16]), 9);
    assert_eq!(take(&mut one, addr(4), &hello(&mut twin), 10), [Act::SameName(addr(4).ip())]);
    assert_eq!(take(&mut one, addr(4), &hello(&mut twin), 20), [], "said once a minute");
    let mut verdicts = verdicts(&one);
    verdicts.sort();
    assert_eq!(
        verdicts,
        [
            ("node1@10.0.0.1", Verdict::SameName),
            ("node2@10.0.0.2", Verdict::OtherCookie),
            ("node3@10.0.0.3", Verdict::OtherCluster),
        ]
    );
    assert_eq!(one.counters().wrong_cookie, 2);
}

#[test]
fn only_addresses_of_the_own_networks_are_dialled() {
    let mut one = node(1, "a", "c");
    let elsewhere: SocketAddr = "192.168.7.9:4369".parse().unwrap();
    assert_eq!(take(&mut one, elsewhere, &hello(&mut node(2, "a", "c")), 10), []);
    assert_eq!(one.counters().off_link, 1);
    let mut two = node(2, "a", "c");
    two.on_networks(
        vec![network(2, "10.0.0.2", 24), network(2, "8.8.8.8", 24), network(2, "fd00::2", 64)],
        at(0),
    );
    let acts = take(&mut one, addr(2), &hello(&mut two), 20);
    let [Act::Found(target)] = &acts[..] else { panic!("{acts:?}") };
    assert_eq!(target.addrs, ["10.0.0.2:4372".parse().unwrap()]);
}

#[test]
fn a_flood_of_strangers_does_not_make_deaf_for_friends() {
    let (mut one, mut two) = (node(1, "a", "c"), node(2, "a", "c"));
    take(&mut one, addr(2), &hello(&mut two), 0);
    let fake = hello(&mut node(3, "b", "c"));
    for n in 0..20_000_u32 {
        let from = SocketAddr::from(([10, 0, 0, 3 + u8::try_from(n % 200).unwrap()], 4369));
        take(&mut one, from, &fake, 111 + u64::from(n) / 20);
    }
    let looked_at = one.counters().wrong_cookie;
    assert!(looked_at <= 2 * u64::from(STRANGERS), "{looked_at}");
    assert_eq!(one.counters().over_budget + looked_at, 20_000);
    assert!(one.sources.len() <= SOURCES && one.heard.len() <= HEARD);
    let before = one.heard().find(|h| h.name == two.setup.name).unwrap().count;
    take(&mut one, addr(2), &hello(&mut two), 1_111);
    assert_eq!(one.heard().find(|h| h.name == two.setup.name).unwrap().count, before + 1);
}

/// Whoever sends under the address of a member, under one life or under many, spends neither what is for the life that is known
/// there nor what is for the next one.
#[test]
fn a_flood_under_the_address_of_a_member_does_not_make_deaf_for_it() {
    for lives in [1, 1_000] {
        let (mut one, mut two) = (node(1, "a", "c"), node(2, "a", "c"));
        take(&mut one, addr(2), &hello(&mut two), 0);
        let mut faker = node(3, "b", "c");
        for n in 0..2_990_u64 {
            faker.setup.boot = 5_000 + n % lives;
            take(&mut one, addr(2), &hello(&mut faker), 1_000 + 2 * n);
        }
        let found = |acts: Vec<Act>| matches!(&acts[..], [Act::Found(_)]);
        assert!(found(take(&mut one, addr(2), &hello(&mut two), 6_979)), "{lives}");
        two.setup.boot = 77;
        assert!(found(take(&mut one, addr(2), &hello(&mut two), 6_980)), "its next life, {lives}");
    }
}

/// What a node called out, sent again and again, costs it nothing.
#[test]
fn repeats_do_not_make_deaf_for_whom_they_repeat() {
    let (mut one, mut two) = (node(1, "a", "c"), node(2, "a", "c"));
    let question = hello(&mut two);
    for n in 0..6_000 {
        take(&mut one, addr(250), &question, n);
    }
    assert_eq!(one.counters().replayed, 5_999);
    assert!(!take(&mut one, addr(2), &hello(&mut two), 6_000).is_empty());
}

#[test]
fn tables_are_bounded() {
    let mut one = node(1, "a", "c");
    for n in 0..2_000_u32 {
        let mut other = node(2, "a", "c");
        other.setup.boot = 1_000 + u64::from(n);
        other.setup.name = NodeName::parse(&format!("x{n}@h")).unwrap();
        let [_, _, c, d] = n.to_be_bytes();
        one.networks[0].prefix = 8;
        let from = SocketAddr::from(([10, 9, c, d], 4369));
        take(&mut one, from, &hello(&mut other), u64::from(n) * 100);
    }
    assert_eq!((one.sources.len(), one.lives.len()), (0, LIVES), "who is proven is no stranger");
    assert_eq!((one.heard.len(), one.replies.len()), (HEARD, REPLIES));
    let mut faker = node(3, "b", "c");
    for n in 0..2_000 {
        faker.setup.boot = 10_000 + n;
        take(&mut one, addr(2), &hello(&mut faker), 300_000 + n);
    }
    assert_eq!(one.sources.len(), SOURCES);
}

#[test]
fn counters_are_heard_once_in_any_order() {
    let mut life = Life::new(at(0));
    for (counter, new) in [(5, true), (3, true), (5, false), (3, false), (4, true), (100, true)] {
        assert_eq!(life.take(counter, at(0)), new, "{counter}");
    }
    assert!(!life.take(36, at(0)), "too old to be told from a repeat");
    assert!(life.take(37, at(0)) && !life.take(37, at(0)));
}

#[test]
fn networks_hold_their_hosts() {
    let v4 = network(1, "10.0.1.7", 24);
    assert!(v4.contains("10.0.1.200".parse().unwrap()));
    assert!(!v4.contains("10.0.2.7".parse().unwrap()) && !v4.contains("fe80::1".parse().unwrap()));
    assert!(network(1, "10.0.1.7", 0).contains("8.8.8.8".parse().unwrap()));
    let v6 = network(1, "fe80::1", 64);
    assert!(v6.contains("fe80::2".parse().unwrap()) && !v6.contains("fd00::1".parse().unwrap()));
}
