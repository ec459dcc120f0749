//! Wrong passwords of one address over all names: somebody who tries a few passwords on many names stays below what one name may
//! fail. Pure.
//!
//! Many clients may be behind one address. So names are counted, not attempts: one broken device counts once, however often it
//! comes. There must be more names that fail than names that come in, or a network of honest clients would be kept out by what was
//! forgotten in it. And a name that had the right password at that address lately is let in for another right one all the time.

use std::hash::BuildHasher;
use std::net::IpAddr;

use super::bans::{BanPolicy, Name};
use super::recent::Recent;
use crate::time::Time;
use crate::topic::Hashing;

/// Addresses that are counted, at least.
const SOURCES: usize = 1024;
/// Names at addresses that are remembered, at least: those that failed, and those that came in.
const NAMES: usize = 8192;

/// A name by its hash, which is enough to tell names apart, at an address.
type Place = (u64, IpAddr);

/// Different names of an address within a window.
#[derive(Clone, Copy, Debug)]
struct Names {
    since: Time,
    wrong: u32,
    right: u32,
}

/// See the module.
#[derive(Debug)]
pub(super) struct Spray {
    hashing: Hashing,
    sources: Recent<IpAddr, Names>,
    /// When they last failed or came in.
    wrong: Recent<Place, Time>,
    right: Recent<Place, Time>,
}

impl Default for Spray {
    fn default() -> Self {
        Self {
            hashing: Hashing::default(),
            sources: Recent::new(SOURCES),
            wrong: Recent::new(NAMES),
            right: Recent::new(NAMES),
        }
    }
}

impl Spray {
    /// A name failed at this address. `true`: too many did, and they are counted anew.
    pub(super) fn on_wrong(
        &mut self,
        name: &Name,
        source: IpAddr,
        now: Time,
        policy: &BanPolicy,
    ) -> bool {
        let place = self.place(name, source);
        let Some(names) = names(&mut self.sources, source, now, policy) else { return false };
        names.wrong += u32::from(is_new(&mut self.wrong, place, names.since, now));
        let reached = names.wrong >= policy.threshold && names.wrong > names.right;
        if reached {
            *names = Names { since: now, wrong: 0, right: 0 };
        }
        reached
    }

    /// A name had the right password at this address.
    pub(super) fn on_right(&mut self, name: &Name, source: IpAddr, now: Time, policy: &BanPolicy) {
        let place = self.place(name, source);
        let Some(names) = names(&mut self.sources, source, now, policy) else { return };
        names.right += u32::from(is_new(&mut self.right, place, names.since, now));
    }

    /// The name had the right password at this address lately.
    pub(super) fn knows(&self, name: &Name, source: IpAddr) -> bool {
        self.right.get(&self.place(name, source)).is_some()
    }

    fn place(&self, name: &Name, source: IpAddr) -> Place {
        (self.hashing.hash_one(name), source)
    }

    #[cfg(test)]
    pub(super) fn len(&self) -> [usize; 3] {
        [self.sources.len(), self.wrong.len(), self.right.len()]
    }
}

/// The names of an address in the window of now.
fn names<'a>(
    sources: &'a mut Recent<IpAddr, Names>,
    source: IpAddr,
    now: Time,
    policy: &BanPolicy,
) -> Option<&'a mut Names> {
    let fresh = Names { since: now, wrong: 0, right: 0 };
    if sources.touch(&source).is_none_or(|names| now.since(names.since) >= policy.window) {
        sources.insert(source, fresh);
    }
    sources.touch(&source)
}

/// Whether the name is there for the first time in the window.
fn is_new(table: &mut Recent<Place, Time>, place: Place, since: Time, now: Time) -> bool {
    match table.touch(&place) {
        Some(last) => std::mem::replace(last, now) < since,
        None => {
            table.insert(place, now);
            true
        }
    }
}
