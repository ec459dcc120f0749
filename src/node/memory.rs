//! Memory of the process: how much it may take, what is done when it comes near that, and how it is looked at.
//!
//! A task looks, once a second and ten times a second when it is nearly short; messages pay nothing for it. It also has the
//! allocator give back what is free, which that does by itself only while it is used. Two bounds
//! (`node.memory_soft`, `node.memory_hard`) in parts of what there is ([`allowance`]):
//!
//! * short: who has no session here is not let in, no filter begins, and of queues half of the bounds counts. What of QoS 0 is above
//!   goes at once.
//! * out: nobody is let in, nothing is taken from clients, and the largest queues go, with the connections that did not take them.

pub(super) mod allowance;

use std::{
    fs,
    sync::{
        Arc,
        atomic::{AtomicU8, Ordering},
    },
    time::Duration,
};

use serde_json::json;

use super::{alarms, hub::Hub, mailbox::Mailbox, told::Told};
use crate::{
    broker::{ClientId, stats::Metric},
    net::sys,
    sort,
    time::Time,
};

/// Between two looks while there is plenty, and between two reliefs.
const SELDOM: Duration = Duration::from_secs(1);
/// Between two looks while the process is nearly short.
const OFTEN: Duration = Duration::from_millis(100);
/// Between two times that free memory is given back while there is plenty.
const TIDY_EVERY: Duration = Duration::from_secs(10);
/// A process that takes fewer bytes keeps what is free.
const TIDY_FROM: u64 = 12 << 20;
/// Smaller queues are let alone.
const WORTH: usize = 64 << 10;
/// Queues that one relief throws away at most.
const SHED: usize = 1024;

/// How much memory the process may take.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// Bytes; unset, what the control group allows, or what the machine has.
    pub limit: Option<u64>,
    /// From so many hundredths of it on memory is short.
    pub soft: u8,
    /// From so many on it is out.
    pub hard: u8,
}

impl Default for Settings {
    fn default() -> Self {
        Self { limit: None, soft: 70, hard: 85 }
    }
}

/// How much of it is left.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
enum Level {
    /// Enough.
    #[default]
    Plenty,
    /// Above the soft bound.
    Short,
    /// Above the hard bound.
    Out,
}

/// In bytes. Invariant: `soft <= hard <= limit`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Bounds {
    limit: u64,
    soft: u64,
    hard: u64,
}

impl Bounds {
    fn new(settings: &Settings, found: Option<u64>) -> Option<Self> {
        let limit = settings.limit.or(found).filter(|limit| *limit > 0)?;
        let part = |hundredths: u8| limit / 100 * u64::from(hundredths);
        let hard = part(settings.hard);
        Some(Self { limit, soft: part(settings.soft).min(hard), hard })
    }

    /// The level that `used` bytes stand for. It is left only a sixteenth below where it begins.
    fn level(&self, before: Level, used: u64) -> Level {
        let below = |bound: u64| bound - bound / 16;
        let (short, out) = (before >= Level::Short, before >= Level::Out);
        if used >= self.hard || (out && used >= below(self.hard)) {
            Level::Out
        } else if used >= self.soft || (short && used >= below(self.soft)) {
            Level::Short
        } else {
            Level::Plenty
        }
    }

    /// What a relief aims at: well below the soft bound, so that clients are let in again.
    const fn relieved(&self) -> u64 {
        self.soft - self.soft / 8
    }

    const fn pause(&self, used: u64) -> Duration {
        if used < self.soft / 2 { SELDOM } else { OFTEN }
    }
}

/// How it stands with the memory of a node.
#[derive(Debug, Default)]
pub(super) struct Memory {
    level: AtomicU8,
    /// Unset where nobody knows how much there is.
    bounds: Option<Bounds>,
    told: Told,
}

impl Memory {
    pub(super) fn new(settings: &Settings) -> Self {
        let bounds = Bounds::new(settings, allowance::find());
        Self { level: AtomicU8::new(0), bounds, told: Told::default() }
    }

    /// Bytes that the process may take beside what it has; unset where nobody knows.
    pub(super) fn left(&self) -> Option<u64> {
        Some(self.bounds?.limit.saturating_sub(resident()?))
    }

    /// The soft bound is passed, or the hard one.
    #[inline]
    pub(super) fn is_short(&self) -> bool {
        self.level.load(Ordering::Relaxed) >= Level::Short as u8
    }

    /// The hard bound is passed.
    #[inline]
    pub(super) fn is_out(&self) -> bool {
        self.level.load(Ordering::Relaxed) >= Level::Out as u8
    }
}

impl Hub {
    /// Looks at the memory of the process and does what is to be done. Runs for ever, unless nobody knows how much there is.
    pub(super) async fn watch_memory(self: Arc<Self>) {
        let Some(bounds) = self.memory.bounds else { return };
        let (mut level, mut relieved) = (Level::Plenty, Time::ZERO);
        let mut tidied = Time::ZERO;
        // Without a readable /proc there is nothing to decide by.
        while let Some(mut used) = resident() {
            let (before, now) = (level, self.clock.now());
            level = bounds.level(before, used);
            let due = level > before || now.since(relieved) >= SELDOM;
            if level > Level::Plenty && due {
                // What is free and was not given back is not to be made free a second time.
                give_back().await;
                used = resident().unwrap_or(used);
                level = bounds.level(before, used);
            }
            if level != before {
                self.enter(level, used, bounds);
            }
            if level > Level::Plenty && due {
                self.relieve(level, used.saturating_sub(bounds.relieved()));
                relieved = now;
            } else if used >= TIDY_FROM && now.since(tidied) >= TIDY_EVERY {
                give_back().await;
                tidied = now;
            }
            tokio::time::sleep(bounds.pause(used)).await;
        }
    }

    fn enter(&self, level: Level, used: u64, bounds: Bounds) {
        self.memory.level.store(level as u8, Ordering::Relaxed);
        let (used, limit) = (used >> 20, bounds.limit >> 20);
        if level > Level::Plenty {
            let details = json!({ "used_mib": used, "limit_mib": limit });
            let message = format!("{used} MiB of {limit} MiB for the process are in use");
            self.raise_alarm(alarms::SHORT, message, details);
        }
        match level {
            Level::Plenty => {
                self.registry.set_most(self.limits.sessions);
                self.registry.for_each_mailbox(|_, mailbox| mailbox.loosen());
                self.end_alarm(alarms::SHORT);
                tracing::info!(used_mib = used, limit_mib = limit, "there is enough memory again");
            }
            Level::Short => {
                self.registry.set_most(0);
                self.stats.count(Metric::MemoryShort);
                if self.memory.told.is_due("short", self.clock.now()) {
                    tracing::warn!(name: "memory-short", used_mib = used, limit_mib = limit, soft_mib = bounds.soft >> 20, "memory is short");
                }
            }
            Level::Out => {
                self.registry.set_most(0);
                self.stats.count(Metric::MemoryShort);
                if self.memory.told.is_due("out", self.clock.now()) {
                    tracing::error!(name: "memory-out", used_mib = used, limit_mib = limit, hard_mib = bounds.hard >> 20, "memory is out");
                }
            }
        }
    }

    /// Has queues take less: all of them half, and when memory is out the largest nothing at all, until about `wanted` bytes are
    /// free. What several of them share is counted for each, so more may have to go the next time.
    fn relieve(&self, level: Level, wanted: u64) {
        let (mut dropped, mut largest) = (0, Largest::default());
        self.registry.for_each_mailbox(|client_id, mailbox| {
            dropped += mailbox.tighten();
            if level == Level::Out {
                largest.see(client_id, mailbox);
            }
        });
        let (mut free, mut shed) = (0, 0);
        for (bytes, client_id, mailbox) in largest.into_sorted() {
            if free >= wanted {
                break;
            }
            let messages = mailbox.shed();
            tracing::info!(name: "queue-shed", clientid = client_id.as_str(), messages, bytes, "queue thrown away: memory is out");
            free += bytes as u64;
            dropped += messages;
            shed += 1;
        }
        self.stats.add(Metric::DeliveryDropped, dropped as u64);
        self.stats.add(Metric::DeliveryDroppedQueueFull, dropped as u64);
        self.stats.add(Metric::MemoryShed, shed);
    }
}

async fn give_back() {
    // Nothing comes of it but what is measured.
    drop(tokio::task::spawn_blocking(sys::give_memory_back).await);
}

/// The queues with the most bytes.
#[derive(Default)]
struct Largest(Vec<(usize, ClientId, Arc<Mailbox>)>);

impl Largest {
    fn see(&mut self, client_id: &ClientId, mailbox: &Arc<Mailbox>) {
        let bytes = mailbox.bytes();
        if bytes < WORTH {
            return;
        }
        self.0.push((bytes, client_id.clone(), mailbox.clone()));
        if self.0.len() >= 2 * SHED {
            self.cut();
        }
    }

    fn cut(&mut self) {
        sort::sort_by_key(&mut self.0, |(bytes, ..)| std::cmp::Reverse(*bytes));
        self.0.truncate(SHED);
    }

    fn into_sorted(mut self) -> Vec<(usize, ClientId, Arc<Mailbox>)> {
        self.cut();
        self.0
    }
}

/// Bytes of this process that are in memory and not in a file, from `/proc/self/status` (proc_pid_status(5)).
pub fn resident() -> Option<u64> {
    let text = fs::read_to_string("/proc/self/status").ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix("RssAnon:"))?;
    let kib: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kib * 1024)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::broker;

    #[test]
    fn a_level_is_left_only_well_below_where_it_begins() {
        use Level::{Out, Plenty, Short};
        let bounds = Bounds::new(&Settings::default(), Some(1000)).unwrap();
        assert_eq!((bounds.soft, bounds.hard), (700, 850));
        let mut level = Plenty;
        for (used, want) in [
            (699, Plenty),
            (700, Short),
            (849, Short),
            (850, Out),
            (797, Out),
            (796, Short),
            (699, Short),
            (656, Plenty),
            (699, Plenty),
            (2000, Out),
            (0, Plenty),
        ] {
            level = bounds.level(level, used);
            assert_eq!(level, want, "{used}");
        }
        assert_eq!((bounds.pause(349), bounds.pause(350)), (SELDOM, OFTEN));
    }

    #[test]
    fn what_is_set_counts_more_than_what_is_found() {
        let settings = Settings { limit: Some(200), soft: 90, hard: 50 };
        let bounds = Bounds { limit: 200, soft: 100, hard: 100 };
        assert_eq!(Bounds::new(&settings, Some(1000)), Some(bounds));
        assert_eq!(Bounds::new(&Settings::default(), None), None);
    }

    #[test]
    fn a_process_knows_its_size() {
        let before = resident().unwrap();
        assert!(before > 1 << 16, "{before}");
        let more = std::hint::black_box(vec![1_u8; 64 << 20]);
        assert!(resident().unwrap() >= 64 << 20, "{before} {}", more.len());
    }

    #[test]
    fn the_largest_queues_stand_first() {
        let settings = broker::Settings::default();
        let mut largest = Largest::default();
        for n in 0..5000_usize {
            let mailbox = Arc::new(Mailbox::new(&settings));
            let size = if n % 2 == 0 { 10 } else { WORTH + n };
            mailbox.push(delivery(size));
            largest.see(&ClientId::new(&n.to_string()), &mailbox);
        }
        let sorted = largest.into_sorted();
        assert_eq!(
            (sorted.len(), sorted[0].1.as_str(), sorted[1].1.as_str()),
            (SHED, "4999", "4997")
        );
    }

    fn delivery(size: usize) -> broker::mqueue::Delivery {
        let qos = crate::mqtt::QoS::AtMostOnce;
        let meta = broker::message::Meta { qos, retain: false, expires_at: None, publisher: 0 };
        broker::mqueue::Delivery {
            message: broker::Message::new("t", &[], &vec![0; size], meta),
            ids: broker::mqueue::SubscriptionIds::None,
            qos,
            retain: false,
            group: 0,
        }
    }
}
