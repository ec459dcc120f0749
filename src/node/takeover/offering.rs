//! Sessions that are at the wrong node are offered to the right one: those another node has a newer claim on, and all of a node that
//! stops.

use std::{
    collections::HashMap,
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use super::PLACES;
use crate::{
    broker::ClientId,
    cluster::{Claim, NodeId, wire::TakeFrame},
    node::{hub::Hub, locks, mesh::Mesh},
    time::{Time, Wall},
};

/// A session that nobody fetches is offered so soon: until it is there, both sessions get every message.
const OFFER_AFTER: Duration = Duration::from_millis(20);
/// A session that nobody fetched is offered again to the node that has the client.
const OFFER_EVERY: Duration = Duration::from_secs(1);
const OFFERS: u32 = 10;

impl Hub {
    /// Another node has a newer claim on a client of this one: lets go of it, and keeps a session for that node.
    pub(super) async fn let_go(self: Arc<Self>, client_id: ClientId, winner: Claim, clean: bool) {
        let Some(mesh) = self.mesh().cloned() else { return };
        {
            // However long that takes: the node that fetches it now may fall silent.
            let Some(_turn) = self.turn(&client_id, winner.hlc).await else { return };
            if self.is_resting() || !self.is_older(&mesh, &client_id, winner) {
                return;
            }
            let Some(frozen) = self.freeze(&client_id, clean).await else { return };
            if clean || !frozen.lasting {
                return self.discard(frozen);
            }
            self.thaw(frozen);
        }
        // Mostly the client is just connecting there, and it is fetched.
        tokio::time::sleep(OFFER_AFTER).await;
        for turn in 1..=OFFERS {
            let fetched = self.turn(&client_id, winner.hlc).await;
            if fetched.is_none() || !self.is_older(&mesh, &client_id, winner) {
                return;
            }
            drop(fetched);
            self.offer(&mesh, &client_id, winner.node, false);
            tokio::time::sleep(OFFER_EVERY * turn).await;
        }
    }

    /// Whether the session here stands under an older claim than `winner`.
    fn is_older(&self, mesh: &Mesh, client_id: &ClientId, winner: Claim) -> bool {
        let own = self.registry.claim_of(client_id);
        own.is_some_and(|(hlc, _)| Claim { hlc, node: mesh.node_id() } < winner)
    }

    fn offer(&self, mesh: &Mesh, client_id: &ClientId, to: NodeId, adopt: bool) {
        if let Some((hlc, _)) = self.registry.claim_of(client_id) {
            let claim = Claim { hlc, node: mesh.node_id() };
            mesh.send_take(to, TakeFrame::Offer { client: client_id.shared(), claim, adopt });
        }
    }

    /// Another node has a session that belongs here, or that it cannot keep.
    pub(super) async fn on_offer(
        self: Arc<Self>,
        from: NodeId,
        client: Arc<str>,
        theirs: Claim,
        adopt: bool,
    ) {
        let (client_id, Some(mesh)) = (ClientId::from(client), self.mesh().cloned()) else {
            return;
        };
        let Some(_turn) = self.turn_in_time(&client_id, u64::MAX).await else { return };
        if self.is_resting() {
            return;
        }
        let settings = locks::read(&self.session_settings).clone();
        let own = self.registry.claim_of(&client_id);
        match own.map(|(hlc, live)| (Claim { hlc, node: mesh.node_id() }, live)) {
            // v5 [MQTT-3.1.2-4]: nothing of before it is to be in it.
            Some((claim, _)) if self.registry.clean_since(&client_id) > theirs.hlc => {
                mesh.dismiss(from, client_id.shared(), claim);
            }
            Some((claim, true)) if claim > theirs => {
                self.absorb(&client_id, from, claim).await;
            }
            Some((claim, false)) if claim > theirs => {
                self.fetch(&client_id, from, claim, &settings).await;
            }
            None if adopt => {
                // Just above the other's: wherever the client itself connects meanwhile counts more.
                let claim = Claim { hlc: theirs.hlc.saturating_add(1), node: mesh.node_id() };
                if self.fetch(&client_id, from, claim, &settings).await.is_some() {
                    mesh.adopted(client_id.shared(), claim.hlc);
                }
            }
            Some(_) | None => {}
        }
    }

    /// Gives all sessions that outlive their connection to other nodes, before this one stops. Returns how many are left when
    /// `until` is over.
    pub(in crate::node) async fn give_all(self: &Arc<Self>, until: Time) -> usize {
        const LOOK: Duration = Duration::from_millis(10);
        const AGAIN: Duration = Duration::from_secs(2);
        /// Who was just told to go mostly is back on another node within this time, and fetches its session.
        const PATIENCE_MS: u64 = 1_000;
        let Some(mesh) = self.mesh().cloned() else { return 0 };
        self.takeovers.draining.store(true, Ordering::Release);
        let mut offered: HashMap<ClientId, Time> = HashMap::new();
        loop {
            let now = self.clock.now();
            let left = self.registry.count().0;
            let to = mesh.up().await;
            if left == 0 || to.is_empty() || now >= until {
                return left;
            }
            let asleep = self.clock.wall().as_ms().saturating_sub(PATIENCE_MS);
            let asleep = self.registry.parked_before(Wall::from_ms(asleep));
            offered.retain(|id, at| now.since(*at) < AGAIN && self.registry.claim_of(id).is_some());
            for (place, client_id) in asleep.iter().enumerate() {
                if offered.len() >= PLACES {
                    break;
                }
                if !offered.contains_key(client_id)
                    && let Some(node) = to.get(place % to.len())
                {
                    self.offer(&mesh, client_id, *node, true);
                    offered.insert(client_id.clone(), now);
                }
            }
            tokio::time::sleep(LOOK).await;
        }
    }
}
