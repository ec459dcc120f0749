//! TLS between nodes: its settings.

pub mod settings;
