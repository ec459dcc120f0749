//! The settings this process runs with: those it started with, those it has read since, and the level of the log that
//! somebody asked for meanwhile.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::log::level_name;
use crate::config::{self, Change, Config, Effective, Note, effective::InForce};
use crate::ctl;

/// Lines about single keys that one reload writes to the log.
const LINES: usize = 100;

/// See the head of this file.
pub(super) struct Settings {
    started: Effective,
    now: Mutex<Now>,
}

struct Now {
    config: Arc<Config>,
    /// Set by hand since the last reload.
    log_level: Option<&'static str>,
}

impl Settings {
    /// Those of the start.
    pub(super) fn new(config: &Config) -> Self {
        let now = Now { config: Arc::new(config.clone()), log_level: None };
        Self { started: config.effective.clone(), now: Mutex::new(now) }
    }

    /// Nothing that can panic is done under this lock.
    fn now(&self) -> MutexGuard<'_, Now> {
        self.now.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The level of the log is another one until the next reload.
    pub(super) fn set_log_level(&self, level: &'static str) {
        self.now().log_level = Some(level);
    }

    /// The level of the log.
    pub(super) fn log_level(&self) -> &'static str {
        let now = self.now();
        now.log_level.unwrap_or_else(|| level_name(now.config.log.level))
    }

    /// `new` is in effect. Says what is other, to the log and as the answer.
    pub(super) fn renew(&self, new: Config) -> ctl::Reloaded {
        let new = Arc::new(new);
        let old = std::mem::replace(&mut *self.now(), Now { config: new.clone(), log_level: None });
        let changes = config::changes(&self.started, &old.config, &new);
        new.notes.iter().filter(|note| !old.config.notes.contains(note)).for_each(say);
        tell(&changes);
        let (restart, changed): (Vec<_>, Vec<_>) = changes.into_iter().partition(|one| one.restart);
        let row =
            |one: Change| ctl::Changed { key: one.key, was: one.was, now: one.now, from: one.from };
        ctl::Reloaded {
            changed: changed.into_iter().map(row).collect(),
            restart: restart.into_iter().map(row).collect(),
        }
    }

    /// Those whose key begins with `prefix`, by key.
    pub(super) fn rows(&self, prefix: &str) -> Vec<ctl::Setting> {
        let (config, level) = {
            let now = self.now();
            (now.config.clone(), now.log_level)
        };
        let row = |one: InForce| {
            let by_hand = level.filter(|_| one.key == "log.level");
            ctl::Setting {
                value: by_hand.map(str::to_owned).or(one.text),
                from: by_hand.map_or(one.from, |_| "emqx-rs-ctl log set-level".to_owned()),
                key: one.key,
                after_restart: one.waits,
                acts: one.acts,
            }
        };
        let rows = self.started.in_force(&config.effective).into_iter();
        rows.filter(|one| one.key.starts_with(prefix)).map(row).collect()
    }
}

/// A line of the configuration.
pub(super) fn say(note: &Note) {
    if note.warning { tracing::warn!("{}", note.text) } else { tracing::info!("{}", note.text) }
}

/// One line a key: what takes effect, and what waits; then one for all of it.
fn tell(changes: &[Change]) {
    for Change { key, was, now, from, restart } in changes.iter().take(LINES) {
        let unset = |text: &Option<String>| text.clone().unwrap_or_else(|| "unset".to_owned());
        let (was, now) = (unset(was), unset(now));
        let from = from.as_deref().unwrap_or_default();
        if *restart {
            tracing::info!(key, was, now, from, "setting changed, waits for a restart");
        } else {
            tracing::info!(key, was, now, from, "setting changed");
        }
    }
    let waiting: Vec<&str> =
        changes.iter().filter(|one| one.restart).map(|one| one.key.as_str()).collect();
    if waiting.is_empty() {
        tracing::info!(changed = changes.len(), "configuration reloaded");
    } else {
        let restart = waiting.join(" ");
        tracing::warn!(name: "config-waits", restart, "configuration reloaded; some keys wait");
    }
}
