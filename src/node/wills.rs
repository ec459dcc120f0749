//! Wills of the clients of this node as other nodes know them, and those of dead nodes that this one publishes
//! (`cluster/wills.rs`).
//!
//! Cost: a client without a will costs nothing; one with a will costs an entry in the registry on a node alone, and a round trip
//! before CONNACK where other nodes are up. The entry is what new keepers are told of when other nodes come and go.

use std::{sync::Arc, sync::atomic::Ordering, time::Duration};

use tokio::time::timeout;

use super::{
    hub::Hub,
    mailbox::Mailbox,
    mesh::Mesh,
    registry::{KeptWill, Parked, WillChange},
};
use crate::{
    broker::{ClientId, portable, stats::Metric, will::Will},
    cluster::{Claim, wills::WILL_MAX},
};

/// Longer than the mesh waits for those that are to keep a will.
const LIMIT: Duration = Duration::from_secs(3);

/// A will that other nodes keep for a client that is not in yet; withdrawn unless it gets in.
pub(super) struct ToldWill {
    mesh: Mesh,
    client_id: ClientId,
    claim: u64,
    /// The view in which they were told: see [`Hub::will_begins`].
    view: u64,
    holds: bool,
}

impl ToldWill {
    /// The client is in. Returns the view in which others were told.
    fn take(mut self) -> u64 {
        self.holds = false;
        self.view
    }
}

impl Drop for ToldWill {
    fn drop(&mut self) {
        if self.holds {
            self.mesh.will_over(self.client_id.shared(), self.claim);
        }
    }
}

/// The claim under which a client is opened, and its will as far as other nodes keep it already.
pub(super) struct Admission {
    pub(super) hlc: u64,
    pub(super) told: Option<ToldWill>,
}

impl Hub {
    fn view(&self) -> u64 {
        self.takeovers.walk.load(Ordering::Acquire)
    }

    /// Waits until other nodes keep the will of a client that is to get in under the claim of this time.
    pub(super) async fn tell_will(
        &self,
        mesh: &Mesh,
        client_id: &ClientId,
        claim: u64,
        will: &Will,
    ) -> Option<ToldWill> {
        let view = self.view();
        let body = self.will_body(client_id, will)?;
        let kept = mesh.keep_will(client_id.shared(), claim, (will.delay, body));
        if !matches!(timeout(LIMIT, kept).await, Ok(Ok(true))) {
            self.stats.count(Metric::LimitMeshWills);
        }
        let (mesh, client_id) = (mesh.clone(), client_id.clone());
        Some(ToldWill { mesh, client_id, claim, view, holds: true })
    }

    /// A will as other nodes keep it; `None`: it is too large for that.
    fn will_body(&self, client_id: &ClientId, will: &Will) -> Option<Arc<[u8]>> {
        let body = portable::encode_will(will);
        if body.len() > WILL_MAX {
            self.stats.count(Metric::LimitMeshWills);
            tracing::debug!(clientid = %client_id, size = body.len(), "will too large to be kept by other nodes");
            return None;
        }
        Some(body.into())
    }

    /// A client is in, with a will. Other nodes hear of it now if they have not, or if others have become its keepers since: the
    /// walk over all sessions did not see it then.
    pub(super) fn will_begins(&self, client_id: &ClientId, claimed: Admission, will: Will) {
        let Admission { hlc: claim, told } = claimed;
        self.registry.set_will(client_id, Some(KeptWill { claim, will: will.clone() }));
        let told = told.map(ToldWill::take);
        if told != Some(self.view()) {
            self.tell_quietly(client_id, claim, &will);
        }
    }

    /// Tells other nodes, if there are any, of a will; nobody waits for it.
    pub(super) fn tell_quietly(&self, client_id: &ClientId, claim: u64, will: &Will) {
        if let Some(mesh) = self.mesh().filter(|mesh| mesh.has_peers())
            && let Some(body) = self.will_body(client_id, will)
        {
            drop(mesh.keep_will(client_id.shared(), claim, (will.delay, body)));
        }
    }

    /// As part of a walk over all sessions: tells those who keep it since other nodes came or went.
    pub(super) fn refresh_will(&self, mesh: &Mesh, client_id: &ClientId, kept: &KeptWill) {
        if let Some(body) = self.will_body(client_id, &kept.will) {
            mesh.refresh_will(client_id.shared(), kept.claim, (kept.will.delay, body));
        }
    }

    /// A client is in, or its session is over, and the will of the connection before is of no use any more.
    pub(super) fn will_ends(&self, client_id: &ClientId) {
        let ended = self.registry.set_will(client_id, None);
        self.will_over(client_id, ended.map(|kept| kept.claim));
    }

    /// Other nodes need not keep the will of this claim, once it is out.
    pub(super) fn will_over(&self, client_id: &ClientId, claim: Option<u64>) {
        if let (Some(claim), Some(mesh)) = (claim, self.mesh().filter(|mesh| mesh.has_peers()))
            && !self.paced_wills.holds(client_id, claim)
        {
            mesh.will_over(client_id.shared(), claim);
        }
    }

    /// Parks a session, see [`super::registry::Registry::park`]; what becomes of its will is told.
    pub(super) fn park(&self, parked: Parked, mailbox: &Arc<Mailbox>) {
        let client_id = parked.session.client_id.clone();
        let (change, dropped) = self.registry.park(Box::new(parked), mailbox, self.clock.now());
        self.count_unstored(dropped);
        match change {
            WillChange::None => {}
            WillChange::Over(claim) => self.will_over(&client_id, Some(claim)),
            WillChange::New(kept) => self.tell_quietly(&client_id, kept.claim, &kept.will),
        }
    }

    /// QoS 0 that waited for a client that has left, and is not stored for it.
    pub(super) fn count_unstored(&self, messages: usize) {
        if messages > 0 {
            self.stats.add(Metric::DeliveryDropped, messages as u64);
            self.stats.add(Metric::DeliveryDroppedQos0Msg, messages as u64);
        }
    }

    /// Messages that had no room in the queue of a client.
    pub(super) fn count_displaced(&self, messages: usize) {
        self.stats.add(Metric::DeliveryDropped, messages as u64);
        self.stats.add(Metric::DeliveryDroppedQueueFull, messages as u64);
    }

    /// Forgets a client whose session ends, if it is still this one, and its will with it.
    pub(super) fn forget(&self, client_id: &ClientId, mailbox: &Arc<Mailbox>) {
        let ended = self.registry.forget(client_id, mailbox);
        self.will_over(client_id, ended.map(|kept| kept.claim));
    }

    /// Publishes the will of a client whose node is dead, when its turn comes. Other nodes keep it until it is out.
    pub(super) fn publish_will_of_dead(&self, client_id: &ClientId, claim: Claim, body: &[u8]) {
        match portable::decode_will(body) {
            Ok(will) => {
                self.stats.count(Metric::MeshWillsPublished);
                tracing::info!(clientid = %client_id, "will of a client of a dead node");
                if let Some(message) = self.not_delayed(will.into_message(self.clock.now())) {
                    return self.publish_in_turn(client_id, claim, message);
                }
            }
            Err(error) => {
                tracing::error!(clientid = %client_id, %error, "will of a client of a dead node");
            }
        }
        self.will_of_dead_is_out(client_id, claim);
    }

    /// Other nodes need not keep the will of a client whose node is dead.
    pub(super) fn will_of_dead_is_out(&self, client_id: &ClientId, claim: Claim) {
        if let Some(mesh) = self.mesh() {
            mesh.will_published(client_id.shared(), claim);
        }
    }
}
