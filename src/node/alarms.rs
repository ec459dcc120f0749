//! Alarms of a node: who hears of them, and the host as the reason for one (`os_mon.*`).
//!
//! Processor and memory of the host are looked at once an interval each, and not in between.

mod host;

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use serde_json::{Value, json};

use super::{hub::Hub, locks};
use crate::{
    broker::{
        alarms::{self, Alarm, Alarms},
        stats::Metric,
    },
    ctl,
    mqtt::QoS,
};
use host::{Hidden, Processors, Usage};

/// When there is an alarm, and what becomes of it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Settings {
    /// What becomes of it.
    pub alarms: alarms::Settings,
    /// When there is one about the host.
    pub host: HostSettings,
}

/// `os_mon.*`; shares in hundredths.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HostSettings {
    /// Between two looks at the processor.
    pub cpu_interval: Duration,
    /// The alarm begins above.
    pub cpu_high: u8,
    /// And is over below.
    pub cpu_low: u8,
    /// Between two looks at memory.
    pub memory_interval: Duration,
    /// The alarm begins above, and is over below.
    pub memory_high: u8,
}

impl Default for HostSettings {
    fn default() -> Self {
        let minute = Duration::from_secs(60);
        Self {
            cpu_interval: minute,
            cpu_high: 80,
            cpu_low: 60,
            memory_interval: minute,
            memory_high: 70,
        }
    }
}

/// The alarms of a node.
#[derive(Debug)]
pub(super) struct Board {
    settings: Settings,
    alarms: Mutex<Alarms>,
}

impl Default for Board {
    fn default() -> Self {
        Self::new(Settings::default())
    }
}

impl Board {
    pub(super) fn new(settings: Settings) -> Self {
        let alarms = Mutex::new(Alarms::new(&settings.alarms));
        Self { settings, alarms }
    }
}

const CPU: &str = "high_cpu_usage";
const MEMORY: &str = "high_system_memory_usage";
/// The process itself is short of memory.
pub(super) const SHORT: &str = "memory_short";
/// Little room in the data folder.
pub(super) const DISK: &str = "disk_low";

impl Hub {
    /// Something is wrong from now on. Said once, until it is over.
    pub(super) fn raise_alarm(&self, name: &str, message: String, details: Value) {
        let now = self.clock.wall();
        let mut alarms = locks::lock(&self.board.alarms);
        let Some(alarm) = alarms.activate(name, (message, details), now).cloned() else { return };
        drop(alarms);
        self.stats.count(Metric::AlarmActivated);
        if self.board.settings.alarms.log {
            let (alarm, why) = (&alarm.name, &alarm.message);
            tracing::warn!(name: "alarm-activated", alarm, why, "alarm");
        }
        self.publish_alarm("activate", &alarm);
    }

    /// It is over, if it was there.
    pub(super) fn end_alarm(&self, name: &str) {
        let over = locks::lock(&self.board.alarms).deactivate(name, self.clock.wall());
        let Some(alarm) = over else { return };
        self.stats.count(Metric::AlarmDeactivated);
        if self.board.settings.alarms.log {
            let (alarm, why) = (&alarm.name, &alarm.message);
            tracing::info!(name: "alarm-deactivated", alarm, why, "alarm is over");
        }
        self.publish_alarm("deactivate", &alarm);
    }

    fn publish_alarm(&self, what: &str, alarm: &Alarm) {
        if self.board.settings.alarms.publish {
            let topic = format!("$SYS/brokers/{}/alarms/{what}", self.name);
            let payload = event(alarm).to_string();
            self.publish_system(&topic, payload.as_bytes(), QoS::AtMostOnce, false);
        }
    }

    /// Those that are active (`Some(true)`), over (`Some(false)`), or all.
    pub(super) fn alarms(&self, active: Option<bool>) -> Vec<ctl::Alarm> {
        let now = self.clock.wall();
        let mut alarms = locks::lock(&self.board.alarms);
        let mut rows = Vec::new();
        if active != Some(false) {
            rows.extend(alarms.active().map(|alarm| self.row(alarm)));
        }
        if active != Some(true) {
            rows.extend(alarms.over(now).map(|alarm| self.row(alarm)));
        }
        rows
    }

    /// Forgets those that are over; how many there were.
    pub(super) fn forget_alarms(&self) -> usize {
        locks::lock(&self.board.alarms).clear()
    }

    fn row(&self, alarm: &Alarm) -> ctl::Alarm {
        ctl::Alarm {
            node: self.name.clone(),
            name: alarm.name.clone(),
            message: alarm.message.clone(),
            details: alarm.details.clone(),
            activated: alarm.deactivated_at.is_none(),
            activate_at: micros(alarm.activated_at),
            deactivate_at: alarm.deactivated_at.map(micros),
        }
    }

    /// Looks at the host. Ends when the host shows nothing.
    pub(super) async fn watch_host(self: Arc<Self>) {
        let settings = self.board.settings.host.clone();
        let mut processors = Processors::default();
        let mut cpu_turn = tokio::time::interval(settings.cpu_interval);
        let mut memory_turn = tokio::time::interval(settings.memory_interval);
        let (mut cpu, mut memory) = (true, true);
        while cpu || memory {
            tokio::select! {
                _ = cpu_turn.tick(), if cpu => {
                    let usage = processors.usage(self.clock);
                    cpu = shown(&usage, CPU);
                    if let Ok(Some(usage)) = usage {
                        self.judge(CPU, usage, (settings.cpu_high, settings.cpu_low));
                    }
                }
                _ = memory_turn.tick(), if memory => {
                    let usage = host::memory();
                    memory = shown(&usage, MEMORY);
                    if let Ok(usage) = usage {
                        self.judge(MEMORY, usage, (settings.memory_high, settings.memory_high));
                    }
                }
            }
        }
    }

    /// Above `high` the alarm begins, at `low` and below it is over, and in between it stays as it is.
    fn judge(&self, name: &str, usage: Usage, (high, low): (u8, u8)) {
        if usage.above(high) {
            let used = usage.hundredths();
            let what = if name == CPU { "CPU" } else { "system memory" };
            let details = if name == CPU {
                json!({ "usage": used, "high_watermark": high, "low_watermark": low })
            } else {
                json!({ "usage": used, "high_watermark": high })
            };
            self.raise_alarm(name, format!("{used:.1}% {what} usage"), details);
        } else if !usage.above(low.min(high)) {
            self.end_alarm(name);
        }
    }
}

/// Whether the host says it; if not, that is told.
fn shown<T>(usage: &Result<T, Hidden>, alarm: &str) -> bool {
    if usage.is_err() {
        tracing::info!(alarm, "the host does not show what this alarm is about");
    }
    usage.is_ok()
}

/// As EMQX tells it; times in microseconds.
fn event(alarm: &Alarm) -> Value {
    let mut event = json!({
        "name": alarm.name,
        "details": alarm.details,
        "message": alarm.message,
        "activate_at": micros(alarm.activated_at),
    });
    if let (Some(at), Some(event)) = (alarm.deactivated_at, event.as_object_mut()) {
        event.insert("deactivate_at".into(), micros(at).into());
    }
    event
}

const fn micros(at: crate::time::Wall) -> u64 {
    at.as_ms().saturating_mul(1000)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{broker::retained::Retained, net::clock::Clock};

    fn hub() -> Hub {
        let retained = Retained::new(crate::broker::RetainSettings::default(), false);
        Hub::new(Clock::system(), 1, retained, Arc::default())
    }

    #[test]
    fn an_alarm_stays_between_the_marks() {
        let hub = hub();
        for (part, active) in [(70, 0), (81, 1), (70, 1), (61, 1), (60, 0), (79, 0), (100, 1)] {
            hub.judge(CPU, Usage { part, all: 100 }, (80, 60));
            assert_eq!(hub.alarms(Some(true)).len(), active, "{part}%");
        }
        assert_eq!(hub.stats.sum(Metric::AlarmActivated), 2);
        assert_eq!(hub.stats.sum(Metric::AlarmDeactivated), 1);
        assert_eq!(
            (hub.alarms(None).len(), hub.forget_alarms(), hub.alarms(None).len()),
            (2, 1, 1)
        );
        let row = &hub.alarms(Some(true))[0];
        assert_eq!((row.name.as_str(), row.message.as_str()), (CPU, "100.0% CPU usage"));
        assert_eq!(row.details["high_watermark"], 80);
        assert!(row.activated && row.deactivate_at.is_none() && row.activate_at > 1_000_000);
    }

    #[test]
    fn an_event_has_the_names_of_emqx() {
        let at = crate::time::Wall::from_ms;
        let mut alarms = Alarms::new(&alarms::Settings::default());
        let began = alarms.activate("a", ("m".into(), json!({ "usage": 81.5 })), at(5)).unwrap();
        let want = json!({ "name": "a", "details": { "usage": 81.5 }, "message": "m", "activate_at": 5000 });
        assert_eq!(event(began), want);
        let over = alarms.deactivate("a", at(7)).unwrap();
        assert_eq!(event(&over)["deactivate_at"], 7000);
    }
}
