//! The giving side: another node asks for the session of a client.

use std::sync::{Arc, atomic::Ordering};

use tokio::time::timeout;

use super::{
    LIMIT,
    frozen::Frozen,
    inbox::{Inbox, Side},
};
use crate::{
    broker::{ClientId, portable, stats::Metric},
    cluster::{
        Claim, NodeId,
        wire::{CHUNK, Stage, TakeFrame},
    },
    node::{hub::Hub, locks, mesh::Mesh},
};

impl Hub {
    /// Gives a session to the node that asks for it.
    pub(super) async fn give(self: Arc<Self>, to: NodeId, first: TakeFrame, mut inbox: Inbox) {
        let TakeFrame::Pull { client, claim, .. } = &first else { return };
        let (client_id, Some(mesh)) = (ClientId::from(client.clone()), self.mesh().cloned()) else {
            return;
        };
        let fail = || {
            let moved = locks::lock(&self.takeovers.gone).get(&client_id).copied();
            let moved = moved.filter(|node| *node != to);
            mesh.send_take(to, TakeFrame::Fail { client: client_id.shared(), moved });
        };
        let Some(turn) = self.turn_in_time(&client_id, claim.hlc).await else { return fail() };
        let own = self.registry.claim_of(&client_id);
        let own = own.map(|(hlc, _)| Claim { hlc, node: mesh.node_id() });
        if own.is_none_or(|own| own > *claim) {
            return fail();
        }
        let Ok(Ok(_place)) = timeout(LIMIT, self.takeovers.giving.acquire()).await else {
            return fail();
        };
        let Some(mut frozen) = self.freeze(&client_id, false).await else { return fail() };
        if !frozen.lasting {
            // It has ended with its connection.
            self.discard(frozen);
            return fail();
        }
        let mut given = Given { to, after: 0, stage: None, bytes: Vec::new() };
        let mut frame = Some((to, first));
        loop {
            match frame {
                Some((from, TakeFrame::Pull { stage, part, .. })) => {
                    given.answer(&self, &mesh, &mut frozen, (from, stage, part)).await;
                }
                Some((from, TakeFrame::Done { .. })) if from == given.to => {
                    self.forget(&client_id, &frozen.mailbox);
                    frozen.unsubscribe(&self);
                    self.stats.count(Metric::SessionTerminated);
                    if self.takeovers.draining.load(Ordering::Acquire) {
                        locks::lock(&self.takeovers.gone).insert(client_id.clone(), given.to);
                    }
                    self.answer_again(&client_id, &frozen.mailbox);
                    break;
                }
                Some((from, TakeFrame::Fail { .. })) if from == given.to => {
                    if given.stage == Some(Stage::Rest) {
                        frozen.keep_since(given.after);
                    }
                    self.take_back(frozen, given.to);
                    break;
                }
                // This process comes to rest, see `give_up_giving`: the next one has all of it.
                Some((from, TakeFrame::Fail { .. })) if from == NodeId::default() => {
                    self.take_back(frozen, given.to);
                    break;
                }
                None => {
                    self.take_back(frozen, given.to);
                    break;
                }
                Some(_) => {}
            }
            frame = timeout(LIMIT, inbox.frames.recv()).await.ok().flatten();
        }
        drop(turn);
    }

    /// The session that `to` asked for was not fetched to its end.
    fn take_back(&self, frozen: Frozen, to: NodeId) {
        let clientid = &frozen.session.client_id;
        tracing::warn!(%clientid, node = %to, "session was not fetched to its end, it stays here");
        self.thaw(frozen);
    }

    /// Sessions that other nodes have not fetched to their end stay here.
    pub(super) fn give_up_giving(&self) {
        let inboxes = locks::lock(&self.takeovers.inboxes);
        inboxes.iter().filter(|((_, side), _)| *side == Side::Giver).for_each(|(key, inbox)| {
            let frame = TakeFrame::Fail { client: key.0.shared(), moved: None };
            let _ = inbox.try_send((NodeId::default(), frame));
        });
    }
}

/// The giving side of a way. Invariant: `bytes` are made once for `to` and `stage`. A node that hears no answer asks again, and may
/// hear the first after all: what is in none of its pieces must come later than `after`, and all its pieces must be of one making.
struct Given {
    to: NodeId,
    /// From this number on the queue is news to the other node.
    after: u64,
    /// What `bytes` are; `None`: nothing yet.
    stage: Option<Stage>,
    bytes: Vec<u8>,
}

impl Given {
    async fn answer(
        &mut self,
        hub: &Hub,
        mesh: &Mesh,
        frozen: &mut Frozen,
        (to, stage, part): (NodeId, Stage, u64),
    ) {
        if (self.to, self.stage) != (to, Some(stage)) {
            if part > 0 {
                // It goes on with bytes that were made anew for another node.
                return;
            }
            let now = hub.clock.now();
            (self.to, self.stage) = (to, Some(stage));
            self.bytes = match stage {
                Stage::State => {
                    let (state, next) = frozen.portable(now);
                    self.after = next;
                    state.encode(now)
                }
                Stage::Rest => {
                    let _ = timeout(LIMIT / 2, mesh.mark()).await;
                    frozen.unsubscribe(hub);
                    hub.sections.passed().await;
                    portable::encode_queue(&frozen.mailbox.since(self.after).0, now)
                }
            };
        }
        let at = usize::try_from(part).unwrap_or(usize::MAX).saturating_mul(CHUNK);
        let rest = self.bytes.get(at..).unwrap_or_default();
        let (last, bytes) = match rest.get(..CHUNK) {
            Some(chunk) if chunk.len() < rest.len() => (false, chunk.to_vec()),
            _ => (true, rest.to_vec()),
        };
        let client = frozen.session.client_id.shared();
        mesh.send_take(self.to, TakeFrame::Piece { client, stage, part, last, bytes });
    }
}
