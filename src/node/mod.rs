//! The shells that drive the cores, and what they share.

mod control_link;
mod dial;
pub mod discovery;
pub mod listener_settings;
pub mod mesh;
pub mod state;
pub mod stats;
