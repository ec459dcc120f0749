//! Sessions between nodes: a client that connects here gets the session it had on another node (EMQX
//! `emqx_cm:takeover_session`).
//!
//! ```text
//!  here                                   there
//!  claim (cluster/directory.rs)
//!  PULL state 0, 1, ..   ------------>    connection closed with 0x8E, session frozen, its queue goes on
//!                        <------------    PIECE
//!  what was on its way here before has come (a mark)
//!  subscriptions stand on all nodes: from now on both queues get every message
//!  PULL rest 0, 1, ..    ------------>    what was on its way to it has come (a mark), subscriptions end
//!                        <------------    PIECE: what its queue got since
//!  what is in the rest has come here too (a mark)
//!  queue = state, rest, own; each message once, by its number in the cluster
//!  DONE                  ------------>    forgets the session
//! ```
//! If this end falls silent, the session is parked again there; if the other does, what has come is used. FAIL in the place of DONE: the
//! state is used here, the rest stays there and is offered. One session at a time of each client is opened, given or taken on a node
//! ([`Turn`]), and [`PLACES`] in all each way.

mod desk;
mod frozen;
mod giving;
mod inbox;
mod offering;
mod taking;
mod turn;
mod walk;

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};

use tokio::{
    sync::{Semaphore, oneshot},
    time::timeout,
};

pub(super) use self::desk::Desk;
use self::{
    inbox::{Frames, Side},
    turn::{Line, Turn},
};
use super::{hub::Hub, locks, mesh::Mesh, wills::Admission};
use crate::{
    broker::{ClientId, channel::Shared, stats::Metric, will::Will},
    cluster::{Claim, NodeId},
    net::supervise,
};

/// Sessions under way at once, each way: two nodes that fetch from each other must not wait for each other.
const PLACES: usize = 64;
/// The other node has this long for each piece.
const LIMIT: Duration = Duration::from_secs(5);

/// Gets the claim in force, and the node that had the session before.
type Claimed = oneshot::Sender<(Claim, Option<NodeId>)>;

/// What is under way between this node and others.
pub(super) struct Takeovers {
    tickets: AtomicU64,
    claims: Mutex<HashMap<u64, Claimed>>,
    lines: Mutex<HashMap<ClientId, Line>>,
    inboxes: Mutex<HashMap<(ClientId, Side), Frames>>,
    taking: Semaphore,
    giving: Semaphore,
    /// Where the sessions of this node went since it began to stop.
    gone: Mutex<HashMap<ClientId, NodeId>>,
    draining: AtomicBool,
    /// The view whose walk counts.
    pub(super) walk: AtomicU64,
}

impl Default for Takeovers {
    fn default() -> Self {
        Self {
            tickets: AtomicU64::new(0),
            claims: Mutex::default(),
            lines: Mutex::default(),
            inboxes: Mutex::default(),
            taking: Semaphore::new(PLACES),
            giving: Semaphore::new(PLACES),
            gone: Mutex::default(),
            draining: AtomicBool::new(false),
            walk: AtomicU64::new(0),
        }
    }
}

/// A client that may be opened here.
pub(super) struct MayOpen {
    /// The claim, and the will that other nodes keep.
    pub(super) claim: Admission,
    /// To be kept until the session is in the registry.
    pub(super) turn: Turn,
}

impl Hub {
    /// Claims a client; the claim in force, and the node that has its session.
    async fn claim(&self, mesh: &Mesh, client: Arc<str>, clean: bool) -> (Claim, Option<NodeId>) {
        let ticket = self.takeovers.tickets.fetch_add(1, Ordering::Relaxed) + 1;
        let (tell, answer) = oneshot::channel();
        locks::lock(&self.takeovers.claims).insert(ticket, tell);
        mesh.claim(ticket, client, clean);
        if let Ok(claimed) = answer.await {
            return claimed;
        }
        let hlc = mesh.tick(self.clock.wall());
        (Claim { hlc, node: mesh.node_id() }, None)
    }

    /// A client connects while other nodes are up: claims it, fetches its session, and gives its will to others to keep. The answer
    /// comes when it may be opened.
    pub(super) fn open_in_cluster(
        self: &Arc<Self>,
        client_id: &ClientId,
        (clean, will): (bool, Option<Will>),
        shared: Arc<Shared>,
    ) -> oneshot::Receiver<MayOpen> {
        let (tell, answer) = oneshot::channel();
        let (hub, client_id) = (self.clone(), client_id.clone());
        supervise::spawn("takeover", async move {
            let Some(mesh) = hub.mesh().cloned() else { return };
            let Some(turn) = hub.turn(&client_id, u64::MAX).await else { return };
            // Who starts clean does not end what is another user's, and whose it is is seen here.
            let clean = clean && hub.registry.replaces();
            let (claim, previous) = hub.claim(&mesh, client_id.shared(), clean).await;
            hub.opens(&client_id, claim.hlc);
            if let Some(from) = previous.filter(|_| !clean)
                && hub.fetch(&client_id, from, claim, &shared.settings).await.is_some()
            {
                hub.stats.count(Metric::SessionTakeovered);
            }
            let told = match will {
                Some(will) => hub.tell_will(&mesh, &client_id, claim.hlc, &will).await,
                None => None,
            };
            let opened = Admission { hlc: claim.hlc, told };
            let gone = tell.send(MayOpen { claim: opened, turn }).is_err();
            if gone && hub.registry.claim_of(&client_id).is_none() {
                mesh.unclaim(client_id.shared(), claim.hlc);
            }
        });
        answer
    }

    /// A client got in without a word to other nodes: tells them now.
    pub(super) fn claim_later(self: &Arc<Self>, client_id: &ClientId, clean: bool) {
        let (hub, client_id) = (self.clone(), client_id.clone());
        supervise::spawn("claim", async move {
            let Some(mesh) = hub.mesh() else { return };
            let (claim, _) = hub.claim(mesh, client_id.shared(), clean).await;
            hub.registry.raise_claim(&client_id, claim.hlc);
            if let Some(kept) = hub.registry.raise_will(&client_id, claim.hlc) {
                hub.tell_quietly(&client_id, kept.claim, &kept.will);
            }
        });
    }

    /// This process comes to rest: what is under way to other nodes ends, or stays here for the next one.
    pub(super) async fn end_takeovers(&self, limit: Duration) {
        const LOOK: Duration = Duration::from_millis(2);
        let ended = async {
            while !locks::lock(&self.takeovers.lines).is_empty() {
                tokio::time::sleep(LOOK).await;
            }
        };
        let mut ended = std::pin::pin!(ended);
        if timeout(limit, &mut ended).await.is_ok() {
            return;
        }
        self.give_up_giving();
        if timeout(limit, ended).await.is_err() {
            tracing::warn!("sessions on their way to this node are left where they were");
        }
    }
}

#[cfg(test)]
mod tests;
