//! The shells that drive the cores, and what they share.

pub mod listener_settings;
pub use crate::broker::stats;
