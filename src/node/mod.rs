//! The shells that drive the cores, and what they share.

mod control_link;
mod dial;
pub mod clients;
pub mod discovery;
pub mod listener_settings;
mod locks;
mod mailbox;
pub mod mesh;
mod registry;
pub mod state;
pub use crate::broker::stats;
