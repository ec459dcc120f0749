//! Three and more nodes that keep wills for each other, frames handed from one to the other by the test.

use super::*;
use crate::{
    cluster::{
        Me, NodeName, Settings, Stored,
        member::{MemberRecord, RecordStatus},
        settings::Discovery,
    },
    time::Wall,
};

fn node(n: u8) -> NodeId {
    NodeId([n; 16])
}

fn client(text: &str) -> Arc<str> {
    text.into()
}

fn at(ms: u64) -> Time {
    Time::from_ms(ms)
}

/// The will of a client of node `of`, whose life is number 7.
fn copy(of: u8, hlc: u64, delay_ms: u64) -> WillCopy {
    let claim = Claim { hlc, node: node(of) };
    WillCopy { claim, incarnation: 7, delay_ms, body: Arc::from(&b"gone"[..]) }
}

const NOTHING: Known = Known { lives: false, claim: None, goes_on: false };

/// What node `n` has that reaches `others`.
fn wills(n: u8, others: &[u8]) -> Wills {
    let mut wills = Wills::new(node(n));
    wills.on_view(others.iter().map(|n| node(*n)).collect(), at(0), &mut Vec::new());
    wills
}

/// Which of 1 to 3 keep a will of a client of 4, the first owner in front.
fn keepers_of(whose: &str) -> Vec<u8> {
    let view = [1, 2, 3].map(node);
    keepers(whose, &view).into_iter().map(|node| node.0[0]).collect()
}

/// Time passes until there is nothing to do before `end`.
fn pass(wills: &mut Wills, end: u64, known: Known) -> Vec<Step> {
    let mut out = Vec::new();
    while let Some(next) = wills.deadline().filter(|next| *next <= at(end)) {
        wills.on_deadline(|_, _| known, next, &mut out);
    }
    out
}

fn published(steps: &[Step]) -> usize {
    steps.iter().filter(|step| matches!(step, Step::Publish { .. })).count()
}

#[test]
fn two_others_keep_it_and_the_client_waits_for_both() {
    let (mut own, whose) = (wills(4, &[1, 2, 3]), client("c"));
    let mut out = Vec::new();
    own.tell(1, (&whose, &copy(4, 9, 0)), at(10), &mut out);
    let want = keepers_of("c");
    let to: Vec<u8> = out
        .iter()
        .map(|step| match step {
            Step::Send(to, WillFrame::Keep { asks: true, .. }) => to.0[0],
            other @ (Step::Send(..) | Step::Told { .. } | Step::Publish { .. }) => {
                panic!("{other:?}")
            }
        })
        .collect();
    assert_eq!((to.len(), &to), (2, &want));
    out.clear();
    let claim = Claim { hlc: 9, node: node(4) };
    own.on_answer(node(want[0]), ("c", claim, true), &mut out);
    own.on_answer(node(want[0]), ("c", claim, true), &mut out);
    assert_eq!(out, [], "the second is not heard yet");
    own.on_answer(node(want[1]), ("c", claim, false), &mut out);
    assert_eq!(out, [Step::Told { ticket: 1, kept: false }]);
    // Nobody answers.
    out.clear();
    own.tell(2, (&whose, &copy(4, 10, 0)), at(20), &mut out);
    let told = pass(&mut own, 2_000, NOTHING);
    assert_eq!(told, [Step::Told { ticket: 2, kept: false }]);
    // Nobody is there.
    let mut alone = wills(4, &[]);
    out.clear();
    alone.tell(3, (&whose, &copy(4, 11, 0)), at(20), &mut out);
    assert_eq!(out, [Step::Told { ticket: 3, kept: true }]);
}

/// The two that keep the will of a client of 4, with it.
fn with_copies(whose: &str, delay_ms: u64) -> [Wills; 2] {
    let keepers = keepers_of(whose);
    [0, 1].map(|place| {
        let me = keepers[place];
        let others: Vec<u8> = [1, 2, 3].into_iter().filter(|one| *one != me).collect();
        let mut wills = wills(me, &others);
        let mut out = Vec::new();
        wills.on_keep(node(4), (client(whose), copy(4, 9, delay_ms)), true, &mut out);
        assert!(matches!(&out[..], [Step::Send(_, WillFrame::Answer { kept: true, .. })]));
        assert_eq!(wills.len(), 1);
        wills
    })
}

#[test]
fn one_of_two_publishes_it_after_its_delay() {
    let [mut first, mut second] = with_copies("c", 5_000);
    for wills in [&mut first, &mut second] {
        wills.on_dead(node(4), 6, at(1_000));
        assert_eq!(
            wills.deadline(),
            Some(at(30_000)),
            "an earlier life; what is left is the sweep"
        );
        wills.on_dead(node(4), 7, at(1_000));
    }
    assert_eq!(pass(&mut first, 6_999, NOTHING), []);
    let due = pass(&mut second, 7_000, NOTHING);
    let [Step::Send(to, WillFrame::Due { client: whose, will })] = &due[..] else {
        panic!("{due:?}")
    };
    assert_eq!(to.0[0], keepers_of("c")[0]);
    // The other is first, and has it itself.
    let mut out = Vec::new();
    first.on_due((second.me, NOTHING), (whose, will), at(7_000), &mut out);
    assert_eq!((published(&out), first.len()), (1, 0));
    assert_eq!(out.len(), 1, "nobody hears of it before it is out");
    out.clear();
    first.on_due((second.me, NOTHING), (whose, will), at(8_000), &mut out);
    let going = WillFrame::Going { client: whose.clone(), claim: will.claim };
    assert_eq!(out, [Step::Send(second.me, going)], "the other is to keep it still");
    out.clear();
    first.on_published(whose, will.claim, &mut out);
    assert_eq!(out.len(), 2, "all hear of it");
    out.clear();
    first.on_published(whose, will.claim, &mut out);
    first.on_due((second.me, NOTHING), (whose, will), at(9_000), &mut out);
    assert_eq!(published(&out), 0, "once");
    let [Step::Send(_, WillFrame::Gone { client: whose, claim })] = &out[..] else {
        panic!("{out:?}")
    };
    second.on_gone(first.me, (whose, *claim), 7, at(9_000));
    assert_eq!((second.len(), second.bytes(), second.deadline()), (0, 0, Some(at(30_000))));
    assert_eq!(pass(&mut first, 60_000, NOTHING), []);
}

#[test]
fn the_second_publishes_it_where_the_first_is_dead_too() {
    let [_, mut second] = with_copies("c", 0);
    second.on_dead(node(4), 7, at(1_000));
    let other = [1, 2, 3].into_iter().find(|n| !keepers_of("c").contains(n)).unwrap();
    let first = node(keepers_of("c")[0]);
    assert!(matches!(&pass(&mut second, 2_000, NOTHING)[..], [Step::Send(to, _)] if *to == first));
    second.on_view(vec![node(other)], at(2_500), &mut Vec::new());
    assert_eq!(pass(&mut second, 3_499, NOTHING), [], "not before all know");
    let mut out = pass(&mut second, 10_000, NOTHING);
    // Now the owner is one of the two that are left.
    if let [Step::Send(to, WillFrame::Due { client, will }), ..] = &out.clone()[..] {
        assert_eq!(*to, node(other));
        let mut third = wills(other, &[second.me.0[0]]);
        out.clear();
        third.on_due((second.me, NOTHING), (client, will), at(4_000), &mut out);
    }
    assert_eq!(published(&out), 1);
}

#[test]
fn a_client_that_is_back_ends_it() {
    let [mut first, mut second] = with_copies("c", 5_000);
    first.on_dead(node(4), 7, at(1_000));
    second.on_dead(node(4), 7, at(1_000));
    // The owner of the claim hears it, and tells all.
    let newer = Claim { hlc: 20, node: node(3) };
    let mut out = Vec::new();
    first.on_claim(&client("c"), newer, at(2_000), &mut out);
    assert_eq!((first.len(), out.len()), (0, 2));
    let gone = Claim { hlc: 9, node: node(4) };
    assert!(out.iter().all(|step| matches!(
        step,
        Step::Send(_, WillFrame::Gone { claim, .. }) if *claim == gone
    )));
    // The other may not have heard, and the client has left in peace since.
    let Step::Send(_, WillFrame::Due { client, will }) =
        pass(&mut second, 7_000, NOTHING).remove(0)
    else {
        panic!()
    };
    out.clear();
    first.on_due((second.me, NOTHING), (&client, &will), at(7_000), &mut out);
    assert_eq!(published(&out), 0);
    // Where only the directory knows.
    let mut third = wills(3, &[1, 2]);
    let known = Known { lives: false, claim: Some(newer), goes_on: false };
    third.on_due((second.me, known), (&client, &will), at(7_000), &mut out);
    assert_eq!(published(&out), 0);
    assert_eq!(out.len(), 2, "both say so");
}

#[test]
fn who_knows_the_node_to_live_publishes_nothing() {
    let [mut first, mut second] = with_copies("c", 0);
    second.on_dead(node(4), 7, at(1_000));
    let Step::Send(_, WillFrame::Due { client, will }) =
        pass(&mut second, 2_000, NOTHING).remove(0)
    else {
        panic!()
    };
    let known = Known { lives: true, claim: None, goes_on: false };
    let mut out = Vec::new();
    first.on_due((second.me, known), (&client, &will), at(2_000), &mut out);
    assert_eq!((out, first.len()), (Vec::new(), 1));
    // It is asked again, more and more seldom.
    assert_eq!(pass(&mut second, 2_000 + 62_000, NOTHING).len(), 5);
    // The node is linked again: it tells anew what is to be kept.
    second.on_linked(node(4), 8);
    assert_eq!(second.len(), 1, "another life says nothing of this one");
    second.on_linked(node(4), 7);
    assert_eq!((second.len(), second.deadline()), (0, None));
}

/// The others keep the same will again by the time it is out.
#[test]
fn nobody_is_told_of_a_will_whose_node_lives_after_all() {
    let [mut first, _] = with_copies("c", 0);
    first.on_dead(node(4), 7, at(1_000));
    assert_eq!(published(&pass(&mut first, 2_000, NOTHING)), 1);
    first.on_linked(node(4), 7);
    let mut out = Vec::new();
    first.on_published(&client("c"), copy(4, 9, 0).claim, &mut out);
    assert_eq!(out, []);
}

#[test]
fn what_is_withdrawn_or_replaced_is_not_published() {
    let [mut first, _] = with_copies("c", 0);
    let gone = |wills: &mut Wills, hlc| {
        let claim = Claim { hlc, node: node(4) };
        wills.on_gone(node(4), (&client("c"), claim), 7, at(500));
    };
    let mut out = Vec::new();
    // A connection before: it says nothing of this one.
    gone(&mut first, 8);
    assert_eq!(first.len(), 1);
    first.on_keep(node(4), (client("c"), copy(4, 30, 0)), false, &mut out);
    first.on_keep(node(4), (client("c"), copy(4, 20, 0)), false, &mut out);
    first.on_keep(node(3), (client("d"), copy(4, 20, 0)), false, &mut out);
    assert_eq!((first.len(), out.len()), (1, 0), "the newest, and each node for itself");
    gone(&mut first, 30);
    assert_eq!((first.len(), first.bytes()), (0, 0));
    // Its node may think better of it.
    first.on_keep(node(4), (client("c"), copy(4, 30, 0)), false, &mut out);
    assert_eq!(first.len(), 1);
    gone(&mut first, 30);
    // Who has left the cluster serves its clients alone.
    first.on_keep(node(4), (client("c"), copy(4, 40, 0)), false, &mut out);
    first.on_left(node(4));
    assert_eq!(first.len(), 0);
}

#[test]
fn there_is_a_bound() {
    let mut wills = wills(1, &[4]);
    let mut out = Vec::new();
    let large = |hlc| WillCopy { body: vec![0; WILL_MAX].into(), ..copy(4, hlc, 0) };
    for n in 0..300 {
        wills.on_keep(node(4), (client(&format!("c{n}")), large(n + 1)), true, &mut out);
    }
    let kept = out
        .iter()
        .filter(|step| matches!(step, Step::Send(_, WillFrame::Answer { kept: true, .. })));
    let kept = kept.count();
    assert_eq!(kept, wills.len());
    assert!((250..256).contains(&kept) && wills.bytes() <= WILLS_MAX, "{kept}");
    let longer = WillCopy { body: vec![0; WILL_MAX + 1].into(), ..copy(4, 1, 0) };
    out.clear();
    wills.on_keep(node(4), (client("x"), longer), true, &mut out);
    assert!(matches!(&out[..], [Step::Send(_, WillFrame::Answer { kept: false, .. })]));
    wills.clear();
    assert_eq!((wills.len(), wills.bytes()), (0, 0));
}

#[test]
fn keepers_are_told_when_nodes_come_and_go() {
    let mut own = wills(4, &[1, 2]);
    own.refreshed();
    let told = |own: &Wills| {
        let mut out = Vec::new();
        own.refresh(&client("c"), &copy(4, 9, 0), &mut out);
        let to = |step| match step {
            Step::Send(to, WillFrame::Keep { asks: false, .. }) => to.0[0],
            other @ (Step::Send(..) | Step::Told { .. } | Step::Publish { .. }) => {
                panic!("{other:?}")
            }
        };
        out.into_iter().map(to).collect::<BTreeSet<u8>>()
    };
    assert_eq!(told(&own), BTreeSet::new());
    own.on_view([1, 2, 3].map(node).to_vec(), at(1_000), &mut Vec::new());
    let want: BTreeSet<u8> = keepers_of("c").into_iter().filter(|n| *n == 3).collect();
    assert_eq!(told(&own), want);
    own.refreshed();
    // Who was away may have lost it.
    let one = keepers_of("c")[0];
    let rest: Vec<NodeId> = [1, 2, 3].into_iter().filter(|n| *n != one).map(node).collect();
    own.on_view(rest, at(2_000), &mut Vec::new());
    own.on_view([1, 2, 3].map(node).to_vec(), at(3_000), &mut Vec::new());
    assert_eq!(told(&own), BTreeSet::from([one]));
    // While it is new who keeps it, all hear that it is over.
    let mut out = Vec::new();
    own.withdraw(&client("c"), 9, at(4_000), &mut out);
    assert_eq!(out.len(), 3);
    out.clear();
    own.withdraw(&client("c"), 9, at(100_000), &mut out);
    assert_eq!(out.len(), 2);
}

#[test]
fn who_is_no_keeper_any_more_forgets() {
    // 3 was not there when it was given away.
    let whose = (0..).map(|n| format!("c{n}")).find(|c| !keepers_of(c).contains(&1)).unwrap();
    let mut wills = wills(1, &[2, 4]);
    wills.on_keep(node(4), (client(&whose), copy(4, 9, 0)), false, &mut Vec::new());
    wills.on_view([2, 3, 4].map(node).to_vec(), at(10_000), &mut Vec::new());
    pass(&mut wills, 39_999, NOTHING);
    assert_eq!(wills.len(), 1);
    pass(&mut wills, 40_000, NOTHING);
    assert_eq!(wills.len(), 0);
}

/// A restart that took too long: the process that follows has another life, and the clients of the one before.
#[test]
fn clients_that_go_on_in_the_next_life_are_not_dead() {
    let [mut first, _] = with_copies("c", 0);
    first.on_dead(node(4), 7, at(1_000));
    first.on_clients_stay(node(4), 7, at(1_000));
    assert_eq!(first.deadline(), Some(at(2_000)), "of that very life");
    first.on_clients_stay(node(4), 8, at(1_010));
    assert_eq!(pass(&mut first, 59_000, NOTHING), [], "it may take its time to tell");
    let again = WillCopy { incarnation: 8, ..copy(4, 9, 0) };
    first.on_keep(node(4), (client("c"), again), false, &mut Vec::new());
    assert_eq!((pass(&mut first, 600_000, NOTHING), first.len()), (Vec::new(), 1));
    // One that is not told again is of a client that did not go on.
    let [mut first, _] = with_copies("c", 0);
    first.on_dead(node(4), 7, at(1_000));
    first.on_clients_stay(node(4), 8, at(1_010));
    assert_eq!(published(&pass(&mut first, 62_000, NOTHING)), 1);
}

/// The node has not said yet whether its clients go on: it is slow, as what has just begun is.
#[test]
fn nothing_is_due_while_a_new_life_has_not_spoken() {
    let [mut first, _] = with_copies("c", 0);
    first.on_dead(node(4), 7, at(1_000));
    first.await_word(node(4), at(6_000));
    assert_eq!(pass(&mut first, 4_000, NOTHING), []);
    first.on_clients_stay(node(4), 8, at(4_000));
    first.end_await(node(4));
    assert_eq!(pass(&mut first, 59_000, NOTHING), [], "they go on");
    let [mut first, _] = with_copies("c", 0);
    first.on_dead(node(4), 7, at(1_000));
    first.await_word(node(4), at(6_000));
    assert_eq!(published(&pass(&mut first, 7_000, NOTHING)), 1, "and not for ever");
}

/// The client goes on in the next life of its node, but this node is not told again: others keep its will by now.
#[test]
fn who_kept_the_will_of_the_life_before_does_not_publish_it() {
    let goes_on = Known { goes_on: true, ..NOTHING };
    let [mut first, mut second] = with_copies("c", 0);
    first.on_dead(node(4), 7, at(1_000));
    assert_eq!((published(&pass(&mut first, 90_000, goes_on)), first.len()), (0, 0));
    second.on_dead(node(4), 7, at(1_000));
    let asked = pass(&mut second, 2_500, NOTHING);
    let Some(Step::Send(to, WillFrame::Due { client, will })) = asked.first() else {
        panic!("{asked:?}")
    };
    let mut owner = wills(to.0[0], &[1, 2, 3]);
    let again = WillCopy { incarnation: 8, ..copy(4, 9, 0) };
    let whose_again = client.clone();
    owner.on_keep(node(4), (whose_again.clone(), again), false, &mut Vec::new());
    for known in [goes_on, NOTHING] {
        let mut out = Vec::new();
        owner.on_due((second.me, known), (client, will), at(3_000), &mut out);
        let [Step::Send(_, WillFrame::Gone { client, claim })] = &out[..] else {
            panic!("{out:?}")
        };
        second.on_gone(owner.me, (client, *claim), 7, at(3_000));
    }
    assert_eq!((owner.len(), second.len()), (1, 0));
    // It is told after all.
    second.on_clients_stay(node(4), 8, at(4_000));
    let again = WillCopy { incarnation: 8, ..copy(4, 9, 0) };
    second.on_keep(node(4), (whose_again, again), false, &mut Vec::new());
    assert_eq!(second.len(), 1);
}

/// It has missed what became of the will: before it publishes it, or hands it on, it asks.
#[test]
fn who_was_cut_off_asks_whether_a_will_is_over() {
    let questions = |steps: &[Step]| {
        let ask = |step: &&Step| matches!(step, Step::Send(_, WillFrame::Ask { .. }));
        steps.iter().filter(ask).count()
    };
    for place in [0, 1] {
        let cut_off = || {
            let mut wills = with_copies("c", 0).into_iter().nth(place).unwrap();
            let all = wills.others.clone();
            wills.on_view(Vec::new(), at(1_000), &mut Vec::new());
            wills.on_view(all, at(20_000), &mut Vec::new());
            wills.on_dead(node(4), 7, at(20_000));
            wills
        };
        let mut wills = cut_off();
        let asked = pass(&mut wills, 21_000, NOTHING);
        assert_eq!((asked.len(), questions(&asked)), (2, 2), "{asked:?}");
        let claim = copy(4, 9, 0).claim;
        wills.on_gone(node(3), (&client("c"), claim), 7, at(21_500));
        assert_eq!((pass(&mut wills, 60_000, NOTHING), wills.len()), (Vec::new(), 0));
        // Nobody knows anything.
        let mut wills = cut_off();
        let before = pass(&mut wills, 22_999, NOTHING);
        assert_eq!(before.len(), questions(&before));
        let out = pass(&mut wills, 23_000, NOTHING);
        assert_eq!((out.len(), questions(&out)), (1, 0), "{out:?}");
    }
}

#[test]
fn a_node_that_is_back_in_a_new_life_makes_nobody_ask() {
    let [mut first, _] = with_copies("c", 0);
    let others = first.others.clone();
    first.on_dead(node(4), 7, at(1_000));
    let with_new = others.into_iter().chain([node(4)]).collect();
    first.on_view(with_new, at(1_500), &mut Vec::new());
    // It publishes it, or hands it to the new life.
    let out = pass(&mut first, 2_500, NOTHING);
    let asks = |step: &Step| matches!(step, Step::Send(_, WillFrame::Ask { .. }));
    assert!(out.len() == 1 && !out.iter().any(asks), "{out:?}");
}

/// Not even where another would be the first to publish it by now: that one does not know.
#[test]
fn a_will_that_is_on_its_way_out_is_offered_to_nobody_else() {
    let sent_to = |steps: &[Step]| -> Vec<NodeId> {
        let to = steps.iter().map(|step| match step {
            Step::Send(to, WillFrame::Due { .. }) => *to,
            other @ (Step::Send(..) | Step::Told { .. } | Step::Publish { .. }) => {
                panic!("{other:?}")
            }
        });
        to.collect()
    };
    let [mut first, mut second] = with_copies("c", 0);
    let (whose, will) = (client("c"), copy(4, 9, 0));
    for wills in [&mut first, &mut second] {
        wills.on_dead(node(4), 7, at(1_000));
    }
    assert_eq!(published(&pass(&mut first, 2_000, NOTHING)), 1);
    assert_eq!(sent_to(&pass(&mut second, 2_000, NOTHING)), [first.me]);
    let mut out = Vec::new();
    first.on_due((second.me, NOTHING), (&whose, &will), at(2_000), &mut out);
    first.on_ask(second.me, (&whose, will.claim), None, &mut out);
    let going =
        Step::Send(second.me, WillFrame::Going { client: whose.clone(), claim: will.claim });
    assert_eq!(out, [going.clone(), going]);
    second.on_going(first.me, (&whose, will.claim), at(2_000));
    // Its node comes back in a new life, and alone would be the first.
    let others = second.others.iter().copied().chain([node(4)]).collect();
    second.on_view(others, at(3_000), &mut Vec::new());
    let to = sent_to(&pass(&mut second, 60_000, NOTHING));
    assert!(to.len() > 2 && to.iter().all(|to| *to == first.me), "{to:?}");
    // Who has it is lost: whoever is the first now gets it.
    second.on_view(vec![node(4)], at(61_000), &mut Vec::new());
    let out = pass(&mut second, 130_000, NOTHING);
    assert!(published(&out) == 1 || sent_to(&out).contains(&node(4)), "{out:?}");
}

/// Whoever heard that a will is over says so, for as long as somebody may be cut off.
#[test]
fn all_remember_what_is_over() {
    let claim = copy(4, 9, 0).claim;
    let answer = |wills: &Wills, newest| {
        let mut out = Vec::new();
        wills.on_ask(node(2), (&client("c"), claim), newest, &mut out);
        out.iter().filter(|step| matches!(step, Step::Send(_, WillFrame::Gone { .. }))).count()
    };
    let mut wills = wills(1, &[2, 3]);
    assert_eq!(answer(&wills, None), 0);
    assert_eq!(answer(&wills, Some(Claim { hlc: 10, node: node(3) })), 1, "the client is back");
    // Its own node said so, or who published it.
    for from in [4, 3] {
        wills.on_gone(node(from), (&client("c"), claim), 7, at(1_000));
        assert_eq!(answer(&wills, None), 1);
        wills.on_due(
            (node(2), NOTHING),
            (&client("c"), &copy(4, 9, 0)),
            at(2_000),
            &mut Vec::new(),
        );
        assert!(wills.going.is_empty());
        if from == 3 {
            wills.on_linked(node(4), 7);
            assert_eq!(answer(&wills, None), 0, "it was taken for dead and was not");
        }
    }
    // One that is not out yet is not over.
    wills.on_due((node(2), NOTHING), (&client("c"), &copy(4, 9, 0)), at(2_000), &mut Vec::new());
    assert_eq!(answer(&wills, None), 0);
    wills.on_published(&client("c"), claim, &mut Vec::new());
    assert_eq!(answer(&wills, None), 1);
    wills.set_longest_absence(Duration::from_secs(600));
    wills.forget_over(at(1_201_999));
    assert_eq!(answer(&wills, None), 1);
    wills.forget_over(at(1_202_000));
    assert_eq!(answer(&wills, None), 0);
}

/// The nodes of these numbers are members, this one is `me`; older ones have lower numbers.
fn of_nodes(me: u8, others: &[u8], up: &[u8]) -> Cluster {
    let name = |n: u8| NodeName::parse(&format!("n{n}@h")).unwrap();
    let guid = |n: u8| Guid { started: u64::from(n), node: node(n) };
    let record = |n: u8| MemberRecord {
        name: name(n),
        node_id: node(n),
        incarnation: 7,
        guid: guid(n),
        addrs: Vec::new(),
        caps: 0,
        version: String::new(),
        status: RecordStatus::Member,
        epoch: 1,
        out_for: Duration::ZERO,
    };
    let own = Me {
        clients_stay: false,
        name: name(me),
        node_id: node(me),
        incarnation: 7,
        guid: guid(me),
        cluster_id: [0; 16],
        addrs: Vec::new(),
        version: String::new(),
    };
    let stored =
        Stored { members: others.iter().map(|n| record(*n)).collect(), ..Stored::default() };
    let settings = Settings { discovery: Discovery::Manual, ..Settings::new(name(me)) };
    let mut core = Cluster::new(own, &settings, stored, Wall::from_ms(1), 1);
    for n in up {
        core.members.find_mut(node(*n)).unwrap().reach = Reach::Up;
    }
    core
}

#[test]
fn a_half_with_the_oldest_is_the_larger_part_to_each_of_its_nodes() {
    let larger = |me, others: &[u8], up: &[u8]| of_nodes(me, others, up).is_larger_part();
    assert!(larger(1, &[2, 3, 4], &[3]));
    assert!(larger(3, &[1, 2, 4], &[1]), "the oldest is here, though 2 is older than this one");
    assert!(!larger(2, &[1, 3, 4], &[4]), "the oldest is lost");
    assert!(!larger(4, &[1, 2, 3], &[2]));
    assert!(larger(4, &[1, 2, 3], &[2, 3]), "more than half");
    assert!(!larger(1, &[2, 3, 4], &[]), "less than half");
}
