//! How the HTTP API is set (`management.*`).

use std::collections::BTreeMap;

use super::apps::SecretHash;
use crate::node::listener::settings::Listener;

/// See the module.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Where it listens, without TLS and with it; nowhere without any.
    pub listeners: Vec<Listener>,
    /// Applications of the configuration, and the hashes of their secrets.
    pub apps: BTreeMap<String, SecretHash>,
    /// Rows of a page, at most.
    pub max_rows: usize,
}
