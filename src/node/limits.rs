//! Limits of a node as a whole (`node.max_*`, `node.memory_*`).

use std::{
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use super::{
    alarms::{self, Board},
    disk,
    hub::Hub,
    memory::{self, Memory},
};
use crate::{net::supervise, time::Time};

/// Limits of a node as a whole.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Sessions, with a connection or without.
    pub sessions: usize,
    /// Filters that clients of the node subscribe to.
    pub routes: usize,
    /// Wills published in a second; 0 is no limit.
    pub wills: u32,
    /// Memory of the process.
    pub memory: memory::Settings,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            sessions: 1_000_000,
            routes: 5_000_000,
            wills: 1000,
            memory: memory::Settings::default(),
        }
    }
}

impl Hub {
    /// What holds from the start on.
    pub(super) fn set_limits(&mut self, limits: Limits, alarms: alarms::Settings) {
        self.board = Board::new(alarms);
        self.memory = Memory::new(&limits.memory);
        self.will_pace = WillPace::new(limits.wills);
        self.registry.set_most(limits.sessions);
        self.limits = limits;
    }

    /// Looks at what is used of memory, queues, the host and the disk of the data folder.
    pub(super) fn watch_limits(self: &Arc<Self>, data_dir: PathBuf) {
        supervise::spawn("memory", self.clone().watch_memory());
        supervise::spawn("full queues", self.clone().tell_of_full_queues());
        supervise::spawn("alarms of the host", self.clone().watch_host());
        supervise::spawn("disk", disk::watch(self.clone(), data_dir));
    }
}

const SECOND_US: u64 = 1_000_000;

/// When a will may go out: those of a second at once, and what comes beyond one after the other.
#[derive(Debug, Default)]
pub(super) struct WillPace {
    /// Microseconds between two.
    each: u64,
    /// Microseconds since the start of the process at which all that were seen have had their time.
    over: AtomicU64,
}

impl WillPace {
    pub(super) fn new(in_a_second: u32) -> Self {
        Self {
            each: SECOND_US.checked_div(in_a_second.into()).unwrap_or(0),
            over: AtomicU64::new(0),
        }
    }

    /// When the will that is there `now` goes out.
    pub(super) fn turn(&self, now: Time) -> Time {
        let now_us = now.as_ms().saturating_mul(1000);
        let next = |over: u64| Some(over.max(now_us).saturating_add(self.each));
        let over = self.over.fetch_update(Ordering::Relaxed, Ordering::Relaxed, next);
        let over = over.unwrap_or_else(|over| over).max(now_us);
        now + Duration::from_micros((over - now_us).saturating_sub(SECOND_US - self.each))
    }

    /// When all of them are out.
    pub(super) fn over(&self) -> Time {
        Time::from_ms(self.over.load(Ordering::Relaxed).saturating_sub(SECOND_US).div_ceil(1000))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wills_of_a_second_go_out_at_once_and_the_others_one_by_one() {
        let (pace, now) = (WillPace::new(100), Time::from_ms(5000));
        let turns: Vec<u64> = (0..103).map(|_| pace.turn(now).as_ms()).collect();
        assert!(turns[..100].iter().all(|at| *at == 5000), "{turns:?}");
        assert_eq!(turns[100..], [5010, 5020, 5030]);
        assert_eq!(pace.over(), Time::from_ms(5030));
        // A second later the places of a second are there again, but for those that are still owed.
        let later = Time::from_ms(6000);
        let turns: Vec<u64> = (0..98).map(|_| pace.turn(later).as_ms()).collect();
        assert!(turns[..97].iter().all(|at| *at == 6000), "{turns:?}");
        assert_eq!(turns[97], 6010);
    }

    #[test]
    fn without_a_limit_each_goes_out_at_once() {
        let pace = WillPace::new(0);
        let now = Time::from_ms(7);
        assert!((0..10_000).all(|_| pace.turn(now) == now));
        assert!(pace.over() <= now);
    }
}
