//! What an MQTT broker decides: channels, sessions, subscriptions, retained messages, wills. Pure: events and the time in,
//! actions out.

pub mod access;
pub mod acl;
pub mod inflight;
pub mod message;
pub mod mqueue;
pub mod retained;
pub mod settings;
pub mod subscriptions;

pub use message::{ClientId, Message};
pub use settings::{RetainSettings, Settings};
