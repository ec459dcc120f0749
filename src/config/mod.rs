//! emqx.conf, `conf.d` and `EMQX_...` variables to the settings of every module.
//!
//! [`Config::load`] reads everything, reports every fault at once and changes nothing on disk; [`Config::ensure_cookie`]
//! makes the cookie of a first start. `keys` is the table of names, defaults and docs; the order of precedence is in
//! `layers`. Invariant: a `Config` that exists is whole and was checked, so that a reload can swap it in as it is.

pub mod acl_conf;
pub mod auth_http;
pub mod bridge;
mod build;
pub mod discovery;
pub mod draft;
pub mod effective;
pub mod erlang_terms;
pub mod file;
pub mod foreign;
pub mod jwks;
pub mod keys;
pub mod layers;
pub mod listeners;
pub mod log;
pub mod management;
pub mod order;
#[cfg(test)]
mod pages;
pub mod paths;
pub mod plugins;
pub mod secrets;
pub mod ssl_dist;
#[cfg(test)]
mod tests;
pub mod values;

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

pub use effective::{Change, Effective};
pub use log::{LogLevel, LogSettings, LogTo};
pub use paths::Folders;

use crate::broker::access::Access;
use crate::broker::{self, settings::RetainSettings};
use crate::cluster;
use crate::node::access::auth_http::AuthHttp;
use crate::node::access::jwks::Jwks;
use crate::node::alarms;
use crate::node::limits::Limits;
use crate::node::listener::settings::Listener;
use crate::node::rest;
use crate::node::tls::Material;

/// The whole configuration of a daemon.
#[derive(Clone, Debug)]
pub struct Config {
    /// This node.
    pub node: NodeSettings,
    /// The cluster, with the name of this node and the cookie.
    pub cluster: cluster::Settings,
    /// TLS between nodes, where `cluster.proto_dist` asks for it.
    pub mesh_tls: Option<Arc<Material>>,
    /// Where `cluster.name` is set; `None` if it is not.
    pub cluster_name_from: Option<String>,
    /// Where the cookie was found: a file, a line of one, or a variable.
    pub cookie_from: String,
    /// Limits by zone; every zone a listener names is in it.
    pub zones: BTreeMap<String, broker::Settings>,
    /// What is opened for clients.
    pub listeners: Vec<Listener>,
    /// Retained messages.
    pub retain: RetainSettings,
    /// Users, rules and policies.
    pub access: Access,
    /// An HTTP server that says who may connect.
    pub auth_http: Option<Arc<AuthHttp>>,
    /// Where public keys for tokens are.
    pub jwks: Option<Arc<Jwks>>,
    /// Bridges to brokers of others, by name.
    pub bridges: Vec<crate::node::bridge::Settings>,
    /// The HTTP API.
    pub api: rest::settings::Settings,
    /// Where users are looked for beside the configuration.
    pub users_file: PathBuf,
    /// The log.
    pub log: LogSettings,
    /// Folders, decided.
    pub folders: Folders,
    /// What the reader of the log should know, in order.
    pub notes: Vec<Note>,
    /// Every key with its value and where it stands.
    pub effective: Effective,
}

/// What concerns the process and not a module.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NodeSettings {
    /// Time SIGTERM gives connections to move.
    pub drain_time: Duration,
    /// Most connections of all listeners together.
    pub max_connections: Option<usize>,
    /// Other limits of the node as a whole.
    pub limits: Limits,
    /// When there is an alarm, and what becomes of it.
    pub alarms: alarms::Settings,
    /// Period of `$SYS` version, stats and metrics; `None` is never.
    pub sys_interval: Option<Duration>,
    /// Period of `$SYS` uptime and datetime; `None` is never.
    pub sys_heartbeat: Option<Duration>,
}

/// A line for the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Note {
    /// `warning` (look today) or only `info`.
    pub warning: bool,
    /// The line.
    pub text: String,
}

impl Note {
    pub(crate) fn info(text: impl Into<String>) -> Self {
        Self { warning: false, text: text.into() }
    }

    pub(crate) fn warning(text: impl Into<String>) -> Self {
        Self { warning: true, text: text.into() }
    }
}

/// One fault: where it stands, and what was expected there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    origin: String,
    text: String,
}

impl Fault {
    pub(crate) fn new(origin: impl fmt::Display, text: impl Into<String>) -> Self {
        Self { origin: origin.to_string(), text: text.into() }
    }

    /// `file:line: key = value: expected ...`, with secrets masked.
    pub(crate) fn setting(key: &str, setting: &layers::Setting, expected: &str) -> Self {
        let value = keys::masked(key, &setting.text);
        let hint = hint(&setting.text);
        Self::new(&setting.origin, format!("{key} = {value}: expected {expected}{hint}"))
    }

    /// The file and the line in it, where it stands in one.
    fn place(&self) -> Option<(&str, usize)> {
        let (file, line) = self.origin.rsplit_once(':')?;
        Some((file, line.parse().ok()?))
    }
}

/// What may be meant by a value that is not what was expected.
fn hint(text: &str) -> &'static str {
    if text.len() > 1 && text.starts_with(['"', '\'']) && text.ends_with(['"', '\'']) {
        " (quotes are part of a value: leave them out)"
    } else if text.contains(" #") {
        " (a comment stands on a line of its own)"
    } else {
        ""
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.origin, self.text)
    }
}

/// Every fault of a configuration, one line each.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub struct Faults(pub Vec<Fault>);

impl fmt::Display for Faults {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, fault) in self.0.iter().enumerate() {
            write!(f, "{}{fault}", if at == 0 { "" } else { "\n" })?;
        }
        Ok(())
    }
}

impl Config {
    /// Reads the file (with its includes, plugin files and `conf.d`), applies the environment over it, and checks all.
    /// Nothing is written. Without a file the built-in defaults and the environment count.
    ///
    /// # Errors
    /// Every fault found, in the order of the files and lines; what stands in no line comes last.
    pub fn load(file: Option<&Path>, env: &[(String, String)]) -> Result<Self, Faults> {
        build::load(file, env)
    }

    /// As [`Self::load`], with the text of the main file in hand; includes are looked for in the working directory.
    ///
    /// # Errors
    /// Every fault found.
    pub fn from_text(text: &[u8], env: &[(String, String)]) -> Result<Self, Faults> {
        build::from_text(text, env)
    }

    /// Makes `<data>/cookie` when no cookie is set anywhere; for the start of a daemon, not for a check.
    ///
    /// # Errors
    /// The file cannot be made.
    pub fn ensure_cookie(&mut self) -> Result<(), Faults> {
        if self.cluster.cookie.is_none() {
            let (cookie, path) =
                secrets::make(&self.folders).map_err(|fault| Faults(vec![fault]))?;
            self.effective.secret("node.cookie", cookie.expose(), &path);
            self.cluster.cookie = Some(cookie);
            self.cookie_from.clone_from(&path);
            let text = format!(
                "new cookie made in {path}; bring other nodes in: emqx-rs-ctl cluster token"
            );
            self.notes.push(Note::info(text));
        }
        Ok(())
    }

    /// The limits of a zone; those of `external` for a name nobody set.
    #[must_use]
    pub fn zone(&self, name: &str) -> broker::Settings {
        self.zones.get(name).or_else(|| self.zones.get("external")).cloned().unwrap_or_default()
    }
}

/// What a process that runs with `old` and has started with `started` does otherwise with `new`, by key; also what the users
/// file and the rules hold.
#[must_use]
pub fn changes(started: &Effective, old: &Config, new: &Config) -> Vec<Change> {
    let mut changes = old.effective.changes(&new.effective, started);
    let counted = |key: &str, old: usize, new: usize, what: &str| Change {
        key: key.to_owned(),
        was: Some(format!("{old} {what}")),
        now: Some(format!("{new} {what}")),
        from: None,
        restart: false,
    };
    let (one, two) = (&old.access, &new.access);
    if one.rules.0 != two.rules.0 {
        changes.push(counted("acl_file", one.rules.0.len(), two.rules.0.len(), "rules"));
    }
    if one.users != two.users {
        let from = Some(new.users_file.display().to_string());
        let users = counted("users_file", one.users.len(), two.users.len(), "users");
        changes.push(Change { from, ..users });
    }
    changes
}
