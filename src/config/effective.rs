//! What is in force, key by key: each value as text that may be shown, and where it stands.
//!
//! A configuration knows what was set, the defaults of all else, and what follows from other keys or from the host (the name
//! of a node that has none). Two of them give what a reload changes, and what of it waits for a restart. Invariant: the text
//! of a secret is not in here, only a digest under a key of this process, so that a change of it is seen.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::OnceLock;

use ring::{hmac, rand::SystemRandom};

use super::keys;
use super::layers::{Flat, Setting};
use crate::node::listener::settings::ListenerKind;

/// The origin of what nobody set.
const DEFAULT: &str = "default";

/// The value of a key.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Row {
    text: String,
    /// Differs when the value does; of a secret a digest.
    same: String,
    from: String,
    /// Somebody set it.
    set: bool,
}

/// Every key that has a value.
#[derive(Clone, Debug, Default)]
pub struct Effective(BTreeMap<String, Row>);

/// A key as it is in force.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InForce {
    /// The key.
    pub key: String,
    /// Its value, secrets masked; none when it has one after a restart alone.
    pub text: Option<String>,
    /// `file:line`, the name of a variable, `default`, or what it follows from.
    pub from: String,
    /// What a restart makes of it, where that is something else; an empty one has no value then.
    pub waits: Option<String>,
    /// It does something here.
    pub acts: bool,
}

/// A key that has another value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// The key.
    pub key: String,
    /// What it was, secrets masked.
    pub was: Option<String>,
    /// What it is, secrets masked.
    pub now: Option<String>,
    /// Where it stands now.
    pub from: Option<String>,
    /// It takes effect at the next start.
    pub restart: bool,
}

impl Effective {
    /// What was set, and the defaults of the keys with a fixed name.
    pub(super) fn new(flat: &Flat) -> Self {
        let mut all = Self::default();
        for key in keys::all().filter(|key| key.has_fixed_name()) {
            all.unless_set(key.name, key.default);
        }
        for (key, Setting { text, origin }) in &flat.0 {
            let row = Row {
                text: keys::masked(key, text).into_owned(),
                same: same(key, text),
                from: origin.clone(),
                set: true,
            };
            all.0.insert(key.clone(), row);
        }
        all
    }

    fn unless_set(&mut self, key: &str, text: &str) {
        if !text.is_empty() {
            let row =
                || Row { text: text.into(), same: text.into(), from: DEFAULT.into(), set: false };
            self.0.entry(key.to_owned()).or_insert_with(row);
        }
    }

    /// The defaults of a zone, and what it has from keys for all zones.
    pub(super) fn zone(&mut self, name: &str) {
        const FRONT: &str = "zone.$name.";
        for family in keys::all() {
            let Some(rest) = family.name.strip_prefix(FRONT) else { continue };
            let key = format!("zone.{}.{rest}", name.replace('.', "\\."));
            self.unless_set(&key, family.default);
            let for_all = [format!("mqtt.{rest}"), rest.to_owned()];
            let for_all = for_all.into_iter().find(|key| self.0.contains_key(key));
            if let Some(for_all) = for_all.filter(|_| family.acts() && !self.0.contains_key(&key)) {
                self.stands_in(&key, &for_all);
            }
        }
    }

    /// The defaults of a listener: of the keys that its kind has.
    pub(super) fn listener(&mut self, kind: ListenerKind, name: &str) {
        const FRONT: &str = "listener.$kind.$name.";
        let front = format!("listener.{}.{}", kind.as_str(), name.replace('.', "\\."));
        for row in keys::all() {
            let Some(rest) = row.name.strip_prefix(FRONT).filter(|rest| !rest.contains('$')) else {
                continue;
            };
            let key = format!("{front}.{rest}");
            let default = match rest {
                "max_conn_rate" if kind.is_tls() => "500",
                _ => row.default,
            };
            if row.takes(&key, default) {
                self.unless_set(&key, default);
            }
        }
    }

    /// What a key is although nobody set it, or wrote it in another form.
    pub(super) fn follows(&mut self, key: &str, text: &str, from: &str) {
        let set = self.0.get(key).is_some_and(|row| row.set);
        let text = keys::masked(key, text).into_owned();
        self.0.insert(key.into(), Row { same: text.clone(), text, from: from.into(), set });
    }

    /// A key is what another one says, which has a value.
    pub(super) fn stands_in(&mut self, key: &str, other: &str) {
        if let Some(text) = self.0.get(other).map(|row| row.text.clone()) {
            self.follows(key, &text, other);
        }
    }

    /// The limit of open files leaves `room` for connections, and the node has `most` at a time. What is more, or is set nowhere, is
    /// told as it is in force, with what caps it.
    pub fn cap_connections(&mut self, room: usize, most: usize) {
        const NODE: &str = "node.max_ports";
        const OPEN_FILES: &str = "RLIMIT_NOFILE";
        let set = self.0.contains_key(NODE);
        if !set {
            self.follows(NODE, &most.to_string(), OPEN_FILES);
        }
        let by = if set && most < room { NODE } else { OPEN_FILES };
        let is_limit = |key: &str| {
            key == NODE || (key.starts_with("listener.") && key.ends_with(".max_connections"))
        };
        for (_, row) in self.0.iter_mut().filter(|(key, _)| is_limit(key)) {
            if row.text.parse::<usize>().is_ok_and(|number| number > most) {
                row.from = format!("{by}; {} in {}", row.text, row.from);
                row.text = most.to_string();
            }
        }
    }

    /// Another text, where a row says already where it stands.
    pub(super) fn is(&mut self, key: &str, text: &str) {
        if let Some(row) = self.0.get_mut(key) {
            text.clone_into(&mut row.text);
        }
    }

    /// A secret, wherever it was found.
    pub(super) fn secret(&mut self, key: &str, bytes: &[u8], from: &str) {
        let row =
            Row { text: keys::MASK.into(), same: digest(bytes), from: from.into(), set: true };
        self.0.insert(key.into(), row);
    }

    /// Where a key was set, if it was.
    pub(super) fn set_at(&self, key: &str) -> Option<&str> {
        self.0.get(key).filter(|row| row.set).map(|row| row.from.as_str())
    }

    /// What this process does, having started with `self` and read `now` since; by key.
    #[must_use]
    pub fn in_force(&self, now: &Self) -> Vec<InForce> {
        let keys: BTreeSet<&String> = self.0.keys().chain(now.0.keys()).collect();
        keys.into_iter().filter_map(|key| self.one_in_force(now, key)).collect()
    }

    fn one_in_force(&self, now: &Self, key: &str) -> Option<InForce> {
        let (row, _) = keys::find(key)?;
        let (started, read) = (self.0.get(key), now.0.get(key));
        let used = if row.reloads() { read } else { started };
        let waits = !row.reloads() && differs(started, read);
        let from = used.or(read).map(|row| row.from.clone()).unwrap_or_default();
        let text = used.map(|row| row.text.clone());
        (text.is_some() || waits).then(|| InForce {
            key: key.to_owned(),
            text,
            from,
            waits: waits.then(|| read.map(|row| row.text.clone()).unwrap_or_default()),
            acts: row.acts(),
        })
    }

    /// What is other in `new`, for a process that runs with `self` and has started with `started`: what takes effect now, and
    /// what waits, also since an earlier reload. Defaults that follow from another key are not named beside it.
    #[must_use]
    pub fn changes(&self, new: &Self, started: &Self) -> Vec<Change> {
        let keys: BTreeSet<&String> =
            started.0.keys().chain(self.0.keys()).chain(new.0.keys()).collect();
        let one = |key: &String| {
            let (row, _) = keys::find(key)?;
            let restart = !row.reloads();
            let (was, now) = (if restart { started } else { self }.0.get(key), new.0.get(key));
            (row.acts() && differs(was, now)).then(|| Change {
                key: key.clone(),
                was: was.map(|row| row.text.clone()),
                now: now.map(|row| row.text.clone()),
                from: now.map(|row| row.from.clone()),
                restart,
            })
        };
        keys.into_iter().filter_map(one).collect()
    }
}

/// Somebody set another value, or set it and does no more.
fn differs(was: Option<&Row>, now: Option<&Row>) -> bool {
    let set = [was, now].into_iter().flatten().any(|row| row.set);
    set && was.map(|row| &row.same) != now.map(|row| &row.same)
}

fn same(key: &str, text: &str) -> String {
    if keys::is_secret(key) { digest(text.as_bytes()) } else { text.to_owned() }
}

/// Under a key of this process: not even from a dump can the text be guessed.
fn digest(bytes: &[u8]) -> String {
    static KEY: OnceLock<Option<hmac::Key>> = OnceLock::new();
    let key = KEY.get_or_init(|| hmac::Key::generate(hmac::HMAC_SHA256, &SystemRandom::new()).ok());
    let digest = key.as_ref().map(|key| hmac::sign(key, bytes));
    digest.iter().flat_map(hmac::Tag::as_ref).map(|byte| format!("{byte:02x}")).collect()
}
