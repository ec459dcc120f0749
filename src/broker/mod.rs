//! What an MQTT broker decides: channels, sessions, subscriptions, retained messages, wills. Pure: events and the time in,
//! actions out.

pub mod access;
pub mod acl;
pub mod settings;

pub use settings::Settings;
