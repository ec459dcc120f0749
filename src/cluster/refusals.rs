//! Who was refused at the mesh port or refused this node, lately: what an operator looks at when two nodes stay apart.
//!
//! Anybody can fail at the door. So no more than [`MOST`] rows are kept, and of those who have not proven the cookie and were
//! not dialled by this node no more than half.

use std::{
    net::{IpAddr, SocketAddr},
    time::Duration,
};

use super::node_name::NodeName;
use crate::time::Time;

/// Rows kept.
const MOST: usize = 64;
/// A row is shown for this long after it happened last. Who is refused tries again at least once a minute.
const SHOWN: Duration = Duration::from_secs(600);

/// A link that one end did not want.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// The other node: whom this one dialled, or who has proven the cookie. `None`: a stranger.
    pub node: Option<NodeName>,
    /// Where it is; the port of one that dialled is of no meaning.
    pub addr: SocketAddr,
    /// This node dialled.
    pub dialed: bool,
    /// Why, in words.
    pub reason: String,
    /// When it happened last.
    pub at: Time,
    /// How often.
    pub count: u64,
}

impl Refusal {
    fn is_same(&self, other: &Self) -> bool {
        let place = |one: &Self| if one.dialed { one.addr } else { (one.addr.ip(), 0).into() };
        self.node == other.node
            && self.dialed == other.dialed
            && place(self) == place(other)
            && self.reason == other.reason
    }
}

/// The table. Oldest first.
#[derive(Debug, Default)]
pub struct Refusals(Vec<Refusal>);

impl Refusals {
    /// It happened, once more or for the first time. The count of `one` is of no meaning.
    pub fn note(&mut self, mut one: Refusal) {
        let known = self.0.iter().position(|row| row.is_same(&one));
        one.count = known.map_or(0, |at| self.0.remove(at).count) + 1;
        self.0.retain(|row| one.at.since(row.at) < SHOWN);
        let strangers = self.0.iter().filter(|row| row.node.is_none()).count();
        let oldest = if one.node.is_none() && strangers >= MOST / 2 {
            self.0.iter().position(|row| row.node.is_none())
        } else {
            (self.0.len() >= MOST).then_some(0)
        };
        if let Some(oldest) = oldest {
            self.0.remove(oldest);
        }
        self.0.push(one);
    }

    /// There is a link to a node at `addr`: what was in its way is no more.
    pub fn forget(&mut self, node: &NodeName, addr: IpAddr) {
        self.0.retain(|row| match &row.node {
            Some(name) => name != node,
            // It may have been another one: then it will be back.
            None => row.addr.ip() != addr,
        });
    }

    /// The latest first.
    #[must_use]
    pub fn recent(&self, now: Time) -> Vec<Refusal> {
        self.0.iter().rev().filter(|row| now.since(row.at) < SHOWN).cloned().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(node: Option<&str>, addr: &str, at: u64) -> Refusal {
        Refusal {
            node: node.map(|name| NodeName::parse(name).unwrap()),
            addr: addr.parse().unwrap(),
            dialed: false,
            reason: "cookie mismatch".to_owned(),
            at: Time::from_ms(at),
            count: 0,
        }
    }

    #[test]
    fn the_same_again_is_counted_whatever_its_port() {
        let mut table = Refusals::default();
        table.note(refusal(None, "10.0.0.1:1000", 1));
        table.note(refusal(Some("a@h"), "10.0.0.1:1001", 2));
        table.note(refusal(None, "10.0.0.1:1002", 3));
        let rows = table.recent(Time::from_ms(4));
        let seen: Vec<_> = rows.iter().map(|row| (row.node.is_some(), row.count)).collect();
        assert_eq!(seen, [(false, 2), (true, 1)], "the latest first");
        table.note(Refusal { dialed: true, ..refusal(Some("a@h"), "10.0.0.1:1", 5) });
        table.note(Refusal { dialed: true, ..refusal(Some("a@h"), "10.0.0.1:2", 5) });
        assert_eq!(table.recent(Time::from_ms(6)).len(), 4, "who is dialled has a port");
        table.note(refusal(None, "10.0.0.2:1", 6));
        table.note(refusal(Some("b@h"), "10.0.0.1:1", 6));
        table.forget(&NodeName::parse("a@h").unwrap(), IpAddr::from([10, 0, 0, 1]));
        let rows = table.recent(Time::from_ms(6));
        let left: Vec<_> = rows.iter().map(|row| row.addr.to_string()).collect();
        assert_eq!(left, ["10.0.0.1:1", "10.0.0.2:1"]);
    }

    #[test]
    fn strangers_push_out_strangers_alone() {
        let mut table = Refusals::default();
        for n in 0..20 {
            table.note(refusal(Some(&format!("n{n}@h")), "10.0.0.1:1", n));
        }
        for n in 0..1000 {
            table.note(refusal(None, &format!("10.1.{}.{}:1", n / 250, n % 250), 100 + n));
        }
        let rows = table.recent(Time::from_ms(2_000));
        assert_eq!(rows.iter().filter(|row| row.node.is_some()).count(), 20);
        assert_eq!(rows.len(), 20 + MOST / 2);
        for n in 0..1000 {
            table.note(refusal(Some(&format!("m{n}@h")), "10.0.0.1:1", 2_000 + n));
        }
        assert_eq!(table.recent(Time::from_ms(3_000)).len(), MOST);
        assert_eq!(table.recent(Time::from_ms(700_000)), [], "long ago");
    }
}
