//! What an MQTT broker decides: channels, sessions, subscriptions, retained messages, wills. Pure: events and the time in,
//! actions out.

pub mod access;
pub mod acl;
pub mod alarms;
pub mod alias;
pub mod asking;
pub mod awaiting_rel;
pub mod bans;
pub mod bridge;
pub mod channel;
pub mod close;
pub mod connect;
pub mod delayed;
pub mod delivering;
pub mod enhanced;
pub mod estate;
pub mod evacuation;
pub mod frozen;
pub mod inflight;
pub mod jwks;
pub mod jwt;
pub mod message;
pub mod mqueue;
pub mod name_pattern;
pub mod order;
pub mod password_hash;
pub mod portable;
pub mod rate;
pub mod recent;
pub mod replay;
pub mod retained;
pub mod rewrite;
pub mod scram;
pub mod session;
pub mod settings;
mod spray;
pub mod stats;
pub mod subscribing;
pub mod subscription_list;
pub mod subscriptions;
pub mod users;
pub mod verdicts;
pub mod will;

pub use message::{ClientId, Message};
pub use settings::{RetainSettings, Settings};
