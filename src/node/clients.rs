//! What a listing says of one client (`emqx-rs-ctl clients list`).

use std::net::SocketAddr;

use super::mailbox::Mailbox;
use crate::{
    broker::{channel::Channel, connect::Identity, session::Session},
    time::Wall,
};

/// One client, connected or not.
#[derive(Clone, Debug)]
pub struct ClientRow {
    /// Client id.
    pub client_id: String,
    /// User name, if one was sent.
    pub username: Option<String>,
    /// Address of the other end; `None` without a connection.
    pub peer: Option<SocketAddr>,
    /// Protocol version: 3, 4 or 5.
    pub protocol: u8,
    /// Zone of its listener; `None` without a connection.
    pub zone: Option<String>,
    /// Clean Start as sent.
    pub clean_start: bool,
    /// Keep alive in force, in seconds.
    pub keep_alive: u16,
    /// Life of the session after the connection, in seconds.
    pub session_expiry: u64,
    /// Subscriptions it has.
    pub subscriptions: Vec<(String, u8)>,
    /// QoS 1 and 2 messages under way to it.
    pub inflight: usize,
    /// QoS 2 messages of it that wait for PUBREL.
    pub awaiting_rel: usize,
    /// Messages waiting in its queue.
    pub queued: usize,
    /// Messages sent to it.
    pub delivered: u64,
    /// Messages its queue dropped since the node has it.
    pub dropped: u64,
    /// It has a connection.
    pub connected: bool,
    /// When its session began.
    pub created_at: Wall,
    /// When it last connected.
    pub connected_at: Wall,
    /// When it was lost.
    pub disconnected_at: Option<Wall>,
}

impl ClientRow {
    /// The row of a client from its session.
    #[must_use]
    pub fn of_session(session: &Session, identity: Option<&Identity>, mailbox: &Mailbox) -> Self {
        Self {
            client_id: session.client_id.as_str().to_owned(),
            username: identity.and_then(|who| who.username.as_deref()).map(str::to_owned),
            peer: None,
            protocol: 0,
            zone: None,
            clean_start: identity.is_some_and(|who| who.clean_start),
            keep_alive: identity.map_or(0, |who| who.keep_alive),
            session_expiry: 0,
            subscriptions: session
                .subscriptions
                .iter()
                .map(|(to, (options, _))| (to.to_string(), options.qos.as_u8()))
                .collect(),
            inflight: session.inflight.len(),
            awaiting_rel: session.awaiting_rel.len(),
            queued: mailbox.len(),
            delivered: session.delivered,
            dropped: mailbox.dropped(),
            connected: false,
            created_at: session.created_at,
            connected_at: identity.map(|who| who.connected_at).unwrap_or_default(),
            disconnected_at: None,
        }
    }

    /// The row of a client that is connected.
    #[must_use]
    pub fn of_channel(channel: &Channel, mailbox: &Mailbox) -> Option<Self> {
        let identity = channel.shown_identity();
        let mut row = Self::of_session(channel.session()?, identity.as_ref(), mailbox);
        row.peer = Some(channel.peer());
        row.protocol = channel.version().level();
        row.zone = Some(channel.shared().zone.clone());
        row.session_expiry = channel.expiry().as_secs();
        row.connected = true;
        Some(row)
    }
}
