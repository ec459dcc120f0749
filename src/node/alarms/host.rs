//! How busy the processors of the host are and how much of its memory is in use.
//!
//! `/proc/stat` and `/proc/meminfo` say it. Under our unit they are hidden (`ProcSubset=pid`); there the control group at the top
//! says nearly the same.

use std::fs;

use nix::sys::sysinfo::sysinfo;

use crate::net::clock::Clock;

/// A part of the whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Usage {
    pub(super) part: u64,
    pub(super) all: u64,
}

impl Usage {
    pub(super) fn above(self, hundredths: u8) -> bool {
        u128::from(self.part) * 100 > u128::from(self.all) * u128::from(hundredths)
    }

    /// With one digit behind the point.
    pub(super) fn hundredths(self) -> f64 {
        let thousandths = u128::from(self.part) * 1000 / u128::from(self.all.max(1));
        f64::from(u32::try_from(thousandths).unwrap_or(u32::MAX)) / 10.0
    }

    fn since(self, before: Self) -> Option<Self> {
        let all = self.all.checked_sub(before.all).filter(|all| *all > 0)?;
        // What a host tells of its idle time may go back a little.
        Some(Self { part: self.part.saturating_sub(before.part).min(all), all })
    }
}

/// The host does not say.
#[derive(Debug)]
pub(super) struct Hidden;

/// What the processors of the host had done at the last look.
#[derive(Debug, Default)]
pub(super) struct Processors(Option<Usage>);

impl Processors {
    /// What they did since the look before; `None` at the first look.
    ///
    /// # Errors
    /// [`Hidden`].
    pub(super) fn usage(&mut self, clock: Clock) -> Result<Option<Usage>, Hidden> {
        let now = read("/proc/stat").and_then(|text| of_stat(&text)).or_else(|| {
            let part = figure(&read("/sys/fs/cgroup/cpu.stat")?, "usage_usec")?;
            let online = read("/sys/devices/system/cpu/online").and_then(|text| count(&text))?;
            Some(Usage { part, all: clock.micros().saturating_mul(online) })
        });
        let now = now.ok_or(Hidden)?;
        Ok(self.0.replace(now).and_then(|before| now.since(before)))
    }
}

/// Memory that is neither free nor can be made free.
///
/// # Errors
/// [`Hidden`].
pub(super) fn memory() -> Result<Usage, Hidden> {
    let usage = read("/proc/meminfo").and_then(|text| of_meminfo(&text)).or_else(|| {
        let all = sysinfo().ok()?.ram_total();
        of_group(&read("/sys/fs/cgroup/memory.stat")?, all)
    });
    usage.filter(|usage| usage.all > 0).ok_or(Hidden)
}

fn read(path: &str) -> Option<String> {
    fs::read_to_string(path).ok()
}

/// The line `name number`, with a colon or without.
fn figure(text: &str, name: &str) -> Option<u64> {
    text.lines().find_map(|line| {
        let mut words = line.split_whitespace();
        let found = words.next()?.trim_end_matches(':') == name;
        found.then(|| words.next()?.parse().ok()).flatten()
    })
}

/// The first line of proc_stat(5), in ticks: user nice system idle iowait irq softirq steal.
fn of_stat(text: &str) -> Option<Usage> {
    let line = text.lines().find_map(|line| line.strip_prefix("cpu "))?;
    let ticks: Vec<u64> =
        line.split_whitespace().take(8).map_while(|tick| tick.parse().ok()).collect();
    let idle = ticks.get(3)?.saturating_add(ticks.get(4).copied().unwrap_or(0));
    let all = ticks.iter().fold(0, |sum: u64, tick| sum.saturating_add(*tick));
    Some(Usage { part: all - idle.min(all), all })
}

/// proc_meminfo(5).
fn of_meminfo(text: &str) -> Option<Usage> {
    let all = figure(text, "MemTotal")?;
    Some(Usage { part: all.saturating_sub(figure(text, "MemAvailable")?), all })
}

/// memory.stat of a control group, version 2: what the kernel cannot take back.
fn of_group(text: &str, all: u64) -> Option<Usage> {
    const HELD: &[&str] = &["shmem", "kernel_stack", "pagetables", "sock", "slab_unreclaimable"];
    let held = HELD.iter().filter_map(|name| figure(text, name));
    Some(Usage { part: held.fold(figure(text, "anon")?, u64::saturating_add).min(all), all })
}

/// How many `0-3,6` are.
fn count(list: &str) -> Option<u64> {
    let ranges = list.trim().split(',').map(|range| {
        let (first, last) = range.split_once('-').unwrap_or((range, range));
        last.parse::<u64>().ok()?.checked_add(1)?.checked_sub(first.parse().ok()?)
    });
    ranges.sum::<Option<u64>>().filter(|count| *count > 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_kernel_writes_is_read() {
        let stat = "cpu  100 5 20 800 60 1 2 12 7 0\ncpu0 1 2 3 4\n";
        assert_eq!(of_stat(stat), Some(Usage { part: 140, all: 1000 }));
        assert_eq!(of_stat("cpu  1 2 3\n"), None);
        let meminfo = "MemTotal:        1000 kB\nMemFree:  10 kB\nMemAvailable:     250 kB\n";
        assert_eq!(of_meminfo(meminfo), Some(Usage { part: 750, all: 1000 }));
        assert_eq!(of_meminfo("MemTotal: 1000 kB\n"), None);
        let group = "anon 300\nfile 900\nkernel_stack 10\nshmem 40\nslab_unreclaimable 50\n";
        assert_eq!(of_group(group, 1000), Some(Usage { part: 400, all: 1000 }));
        assert_eq!(of_group("file 900\n", 1000), None);
        assert_eq!(figure("usage_usec 77\nuser_usec 7\n", "usage_usec"), Some(77));
        for (list, want) in [("0-3\n", Some(4)), ("0,2-3", Some(3)), ("", None), ("3-1", None)] {
            assert_eq!(count(list), want, "{list}");
        }
    }

    #[test]
    fn only_what_was_done_since_counts() {
        let usage = |part, all| Usage { part, all };
        assert_eq!(usage(150, 1100).since(usage(100, 1000)), Some(usage(50, 100)));
        assert_eq!(usage(100, 1000).since(usage(100, 1000)), None, "no time has passed");
        assert_eq!(usage(90, 1100).since(usage(100, 1000)), Some(usage(0, 100)));
        assert!(usage(81, 100).above(80) && !usage(80, 100).above(80));
        assert!((usage(1, 3).hundredths() - 33.3).abs() < 1e-9);
        assert!(!usage(u64::MAX, u64::MAX).above(100));
    }

    #[test]
    fn this_host_says_it() {
        let mut processors = Processors::default();
        assert_eq!(processors.usage(Clock::system()).unwrap(), None);
        let memory = memory().unwrap();
        assert!(memory.part > 0 && memory.part < memory.all, "{memory:?}");
    }
}
