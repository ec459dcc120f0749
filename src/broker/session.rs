//! A session: what outlives a connection (v5 4.1, EMQX `emqx_session`).

use super::{
    awaiting_rel::AwaitingRel, inflight::Inflight, message::ClientId, replay::Replay,
    subscription_list::SubscriptionList,
};
use crate::time::Wall;

/// The state kept for a client between its connections. Its waiting messages stand in its mailbox.
#[derive(Debug)]
pub struct Session {
    /// Number of the session on this node; never used twice.
    pub number: u64,
    /// Hybrid time of the claim that this node has on the client.
    pub claim: u64,
    /// Whose it is.
    pub client_id: ClientId,
    /// The user name of the client that began it. Nobody else gets it.
    pub owner: Option<Box<str>>,
    /// That client had proven who it is: nobody else ends it either.
    pub proven: bool,
    /// What it subscribes to.
    pub subscriptions: SubscriptionList,
    /// Messages sent to the client and not acknowledged.
    pub inflight: Inflight,
    /// QoS 2 messages of the client that wait for PUBREL.
    pub awaiting_rel: AwaitingRel,
    /// Retained messages that the client is still to get, in their order; while it is away.
    pub replays: Box<[Replay]>,
    /// When it began.
    pub created_at: Wall,
    /// Messages sent to the client, repetitions not counted.
    pub delivered: u64,
}

impl Session {
    /// An empty session.
    #[must_use]
    pub fn new(number: u64, client_id: ClientId, created_at: Wall) -> Self {
        Self {
            number,
            claim: 0,
            client_id,
            owner: None,
            proven: false,
            subscriptions: SubscriptionList::default(),
            inflight: Inflight::default(),
            awaiting_rel: AwaitingRel::default(),
            replays: Box::default(),
            created_at,
            delivered: 0,
        }
    }

    /// It is a user's, and who comes with its client id under the user name `name` is another one.
    #[must_use]
    pub fn is_closed_to(&self, name: Option<&str>) -> bool {
        self.proven && self.owner.is_some() && self.owner.as_deref() != name
    }
}
