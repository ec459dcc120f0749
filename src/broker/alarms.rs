//! Alarms (EMQX `emqx_alarm`): states that somebody should look at, from the moment they begin until they are over, and for a while
//! after that.
//!
//! Invariant: of one name at most one alarm is active. Of those that are over at most `size_limit` are kept, none longer than
//! `validity`, the oldest go first.

use std::{
    collections::{BTreeMap, VecDeque},
    time::Duration,
};

use serde_json::Value;

use crate::time::Wall;

/// `alarm.*`
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// Each is a line in the log.
    pub log: bool,
    /// Each is a message under `$SYS/brokers/NODE/alarms/`.
    pub publish: bool,
    /// Alarms that are over and kept.
    pub size_limit: usize,
    /// How long they are kept.
    pub validity: Duration,
}

impl Default for Settings {
    fn default() -> Self {
        Self { log: true, publish: true, size_limit: 1000, validity: Duration::from_secs(86_400) }
    }
}

/// An alarm.
#[derive(Clone, Debug, PartialEq)]
pub struct Alarm {
    /// What it is about: `high_cpu_usage`.
    pub name: String,
    /// Numbers to it, an object.
    pub details: Value,
    /// For people.
    pub message: String,
    /// When it began.
    pub activated_at: Wall,
    /// When it was over, if it is.
    pub deactivated_at: Option<Wall>,
}

/// See the head of this file.
#[derive(Debug)]
pub struct Alarms {
    size_limit: usize,
    validity: Duration,
    active: BTreeMap<String, Alarm>,
    /// In the order in which they ended.
    over: VecDeque<Alarm>,
}

impl Alarms {
    /// None yet.
    #[must_use]
    pub fn new(settings: &Settings) -> Self {
        let Settings { size_limit, validity, .. } = *settings;
        Self { size_limit, validity, active: BTreeMap::new(), over: VecDeque::new() }
    }

    /// It begins. `None` when it was there already: it stays as it was.
    pub fn activate(
        &mut self,
        name: &str,
        (message, details): (String, Value),
        now: Wall,
    ) -> Option<&Alarm> {
        if self.active.contains_key(name) {
            return None;
        }
        let name = name.to_owned();
        let alarm =
            Alarm { name: name.clone(), details, message, activated_at: now, deactivated_at: None };
        Some(self.active.entry(name).or_insert(alarm))
    }

    /// It is over. `None` when there was none.
    pub fn deactivate(&mut self, name: &str, now: Wall) -> Option<Alarm> {
        let alarm = Alarm { deactivated_at: Some(now), ..self.active.remove(name)? };
        self.forget(now);
        if self.size_limit > 0 {
            if self.over.len() >= self.size_limit {
                self.over.pop_front();
            }
            self.over.push_back(alarm.clone());
        }
        Some(alarm)
    }

    /// Those that are there, by name.
    pub fn active(&self) -> impl Iterator<Item = &Alarm> {
        self.active.values()
    }

    /// Those that are over and not too old, the newest first.
    pub fn over(&mut self, now: Wall) -> impl Iterator<Item = &Alarm> {
        self.forget(now);
        self.over.iter().rev()
    }

    /// Forgets those that are over; how many there were.
    pub fn clear(&mut self) -> usize {
        std::mem::take(&mut self.over).len()
    }

    /// The clock of the host may have been set back: what ended in the future stays.
    fn forget(&mut self, now: Wall) {
        let validity = u64::try_from(self.validity.as_millis()).unwrap_or(u64::MAX);
        let old = |alarm: &Alarm| {
            let ended = alarm.deactivated_at.map_or(0, Wall::as_ms);
            now.as_ms().saturating_sub(ended) > validity
        };
        while self.over.front().is_some_and(old) {
            self.over.pop_front();
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const fn at(second: u64) -> Wall {
        Wall::from_ms(second * 1000)
    }

    fn alarms(size_limit: usize, validity: u64) -> Alarms {
        let validity = Duration::from_secs(validity);
        Alarms::new(&Settings { size_limit, validity, ..Settings::default() })
    }

    fn about(number: u64) -> (String, Value) {
        (format!("{number}%"), json!({ "usage": number }))
    }

    fn names<'a>(of: impl Iterator<Item = &'a Alarm>) -> Vec<&'a str> {
        of.map(|alarm| alarm.name.as_str()).collect()
    }

    #[test]
    fn an_alarm_begins_once_and_ends_once() {
        let mut alarms = alarms(10, 60);
        assert_eq!(alarms.deactivate("a", at(0)), None);
        assert!(alarms.activate("a", about(81), at(1)).is_some());
        assert!(alarms.activate("a", about(82), at(2)).is_none());
        assert!(alarms.activate("b", about(83), at(3)).is_some());
        assert_eq!(names(alarms.active()), ["a", "b"]);
        let over = alarms.deactivate("a", at(4)).unwrap();
        assert_eq!((over.message.as_str(), &over.details), ("81%", &json!({ "usage": 81 })));
        assert_eq!((over.activated_at, over.deactivated_at), (at(1), Some(at(4))));
        assert_eq!(alarms.deactivate("a", at(5)), None);
        assert_eq!(names(alarms.active()), ["b"]);
        assert_eq!(names(alarms.over(at(5))), ["a"]);
        assert!(alarms.activate("a", about(84), at(6)).is_some(), "again");
    }

    #[test]
    fn what_is_over_is_kept_in_bounds() {
        let mut alarms = alarms(3, 60);
        for (second, name) in ["a", "b", "c", "d"].into_iter().enumerate() {
            let second = second as u64;
            alarms.activate(name, about(90), at(second));
            alarms.deactivate(name, at(second));
        }
        assert_eq!(names(alarms.over(at(4))), ["d", "c", "b"]);
        assert_eq!(names(alarms.over(at(62))), ["d", "c"], "b is 61 s old");
        assert_eq!(names(alarms.over(at(0))), ["d", "c"], "the clock was set back");
        assert_eq!((alarms.clear(), alarms.clear()), (2, 0));
    }

    #[test]
    fn nothing_is_kept_where_nothing_is_to_be() {
        let mut alarms = alarms(0, 60);
        alarms.activate("a", about(90), at(0));
        assert!(alarms.deactivate("a", at(1)).is_some());
        assert_eq!(alarms.over(at(1)).count(), 0);
    }
}
