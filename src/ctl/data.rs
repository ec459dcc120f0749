//! What `data export` writes and `data import` reads: a line of JSON for each retained message, ban and user, behind one that says
//! where it is from. It holds payloads and hashes of passwords, so it is for the eyes of root alone.

use serde::{Deserialize, Serialize};

use super::Ban;

/// Number of the form of the file.
pub const FORMAT: u32 = 1;
/// Longest line that is read, in bytes: a retained message as large as packets may be by default, many times over.
pub const LINE_MAX: usize = 32 << 20;

/// A line.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Row {
    /// The first one.
    EmqxRs(Head),
    /// A retained message.
    Retained(Retained),
    /// Somebody whom an operator keeps out.
    Ban(Ban),
    /// A line of the users file.
    User(String),
}

/// Where the lines are from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Head {
    /// [`FORMAT`]
    pub format: u32,
    /// Name of the node.
    pub node: String,
    /// Its release.
    pub version: String,
    /// When, as local date and time.
    pub datetime: String,
}

/// A retained message.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Retained {
    /// Topic name.
    pub topic: String,
    /// 0, 1 or 2.
    pub qos: u8,
    /// In base64.
    pub payload: String,
    /// Properties of MQTT 5 as they stand in a packet, in base64.
    #[serde(skip_serializing_if = "String::is_empty", default)]
    pub properties: String,
    /// When it ends, in milliseconds since 1970.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub until: Option<u64>,
}

/// What an import has done.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Imported {
    /// Retained messages.
    pub retained: u64,
    /// Bans.
    pub bans: u64,
    /// Users that were not there before.
    #[serde(default)]
    pub users: u64,
    /// Lines that were not taken: messages whose time is over or for which there is no room, users that are there.
    pub left_out: u64,
}

/// `row` as it stands in a file.
#[must_use]
pub fn line(row: &Row) -> String {
    serde_json::to_string(row).unwrap_or_default()
}

impl std::fmt::Display for Imported {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { retained, bans, users, left_out } = self;
        writeln!(f, "retained: {retained}\nbans: {bans}\nusers: {users}\nleft out: {left_out}")
    }
}
