//! Which node of a cluster does what for a bridge that all of them have. Each knows of the others what they announce; the rules are
//! such that all come to the same end, whoever hears first.

use std::{collections::BTreeMap, ops::Bound};

/// What a node says of its end of a bridge.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sign {
    /// It runs, and its last attempt to connect did not just fail.
    pub ready: bool,
    /// It is connected to the remote.
    pub linked: bool,
    /// It has the subscriptions there.
    pub holds: bool,
}

/// What a node is to do.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Role {
    /// Be connected to the remote.
    pub connects: bool,
    /// Take messages of the cluster that are to go out.
    pub forwards: bool,
    /// Have the subscriptions at the remote.
    pub holds: bool,
}

/// What the node `name` is to do, by what it says itself and what the others say. `single`: one node at a time may connect.
#[must_use]
pub fn role(name: &str, own: Sign, others: &BTreeMap<String, Sign>, single: bool) -> Role {
    let before = (Bound::Unbounded, Bound::Excluded(name));
    let earlier =
        |says: fn(&Sign) -> bool| others.range::<str, _>(before).any(|(_, sign)| says(sign));
    let any = |says: fn(&Sign) -> bool| others.values().any(says);
    let linked = any(|sign| sign.linked);
    let connects = !single
        || if own.linked {
            !earlier(|sign| sign.linked)
        } else {
            !linked && !earlier(|sign| sign.ready)
        };
    let takes = if own.holds {
        !earlier(|sign| sign.holds)
    } else {
        !any(|sign| sign.holds) && !earlier(|sign| sign.linked)
    };
    // With no way out anywhere a message waits where it was published.
    Role { connects, forwards: own.linked || !linked, holds: own.linked && takes }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Nodes that hear each other in any order come to one that holds, and with `single` to one that is linked.
    #[track_caller]
    fn settle(signs: &mut BTreeMap<String, Sign>, single: bool) {
        for _ in 0..10 {
            for name in signs.keys().cloned().collect::<Vec<_>>() {
                let own = signs[&name];
                let mut others = signs.clone();
                others.remove(&name);
                let to = role(&name, own, &others, single);
                signs.insert(name, Sign { ready: true, linked: to.connects, holds: to.holds });
            }
        }
        assert_eq!(signs.values().filter(|sign| sign.holds).count(), 1, "{signs:?}");
        if single {
            assert_eq!(signs.values().filter(|sign| sign.linked).count(), 1, "{signs:?}");
        }
    }

    #[test]
    fn one_holds_and_another_takes_over() {
        for single in [false, true] {
            let names = ["a", "b", "c"].map(str::to_owned);
            let ready = Sign { ready: true, ..Sign::default() };
            let mut signs: BTreeMap<_, _> = names.into_iter().map(|name| (name, ready)).collect();
            settle(&mut signs, single);
            let holder = |signs: &BTreeMap<String, Sign>| {
                signs.iter().find(|(_, sign)| sign.holds).map(|(name, _)| name.clone()).unwrap()
            };
            assert_eq!(holder(&signs), "a");
            signs.remove("a");
            settle(&mut signs, single);
            assert_eq!(holder(&signs), "b");
            // Who is back takes nothing away.
            signs.insert("a".into(), ready);
            settle(&mut signs, single);
            assert_eq!(holder(&signs), "b");
        }
    }

    #[test]
    fn messages_go_by_those_that_are_linked_and_wait_where_they_are_if_nobody_is() {
        let other = |linked| BTreeMap::from([("b".to_owned(), Sign { linked, ..Sign::default() })]);
        let own = |linked| Sign { linked, ..Sign::default() };
        for (linked, theirs, want) in
            [(false, false, true), (true, false, true), (true, true, true), (false, true, false)]
        {
            assert_eq!(role("a", own(linked), &other(theirs), false).forwards, want);
        }
    }

    #[test]
    fn who_has_just_failed_lets_another_try() {
        let ready = |ready| Sign { ready, ..Sign::default() };
        let a = BTreeMap::from([("a".to_owned(), ready(false))]);
        assert!(role("b", ready(true), &a, true).connects);
        let a = BTreeMap::from([("a".to_owned(), ready(true))]);
        assert!(!role("b", ready(true), &a, true).connects);
        // Both at once: the first by name stays.
        let linked = Sign { linked: true, ready: true, holds: false };
        let a = BTreeMap::from([("a".to_owned(), linked)]);
        assert!(!role("b", linked, &a, true).connects);
    }
}
