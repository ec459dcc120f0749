//! Where the mesh thread leaves what it hears of sessions.

use std::sync::{Arc, atomic::Ordering};

use super::inbox::Side;
use crate::{
    broker::ClientId,
    cluster::{
        Claim, NodeId,
        wire::{AskFrame, Stage, TakeFrame},
    },
    net::supervise,
    node::{hub::Hub, locks, mesh::Sessions},
};

/// Where the mesh thread leaves what it hears; the work is done on the runtime of the connections.
pub(in crate::node) struct Desk {
    hub: Arc<Hub>,
    main: tokio::runtime::Handle,
}

impl Desk {
    pub(in crate::node) const fn new(hub: Arc<Hub>, main: tokio::runtime::Handle) -> Self {
        Self { hub, main }
    }
}

impl Sessions for Desk {
    fn on_claimed(&self, ticket: u64, claim: Claim, previous: Option<NodeId>) {
        if let Some(tell) = locks::lock(&self.hub.takeovers.claims).remove(&ticket) {
            let _ = tell.send((claim, previous));
        }
    }

    fn on_kick(&self, client: &Arc<str>, winner: Claim, clean: bool) {
        let client_id = ClientId::from(client.clone());
        // Who rests leaves it to the next process, which is told again.
        if !self.hub.is_resting() && self.hub.registry.claim_of(&client_id).is_some() {
            let let_go = self.hub.clone().let_go(client_id, winner, clean);
            supervise::spawn_on(&self.main, "takeover", let_go);
        }
    }

    fn on_walk(&self, view: u64) {
        self.hub.takeovers.walk.store(view, Ordering::Release);
        supervise::spawn_on(&self.main, "walk", self.hub.clone().walk(view));
    }

    fn on_will(&self, client: Arc<str>, claim: Claim, body: Arc<[u8]>) {
        let hub = self.hub.clone();
        supervise::spawn_on(&self.main, "will", async move {
            hub.publish_will_of_dead(&ClientId::from(client), claim, &body);
        });
    }

    fn on_ask(&self, from: NodeId, frame: AskFrame) {
        match frame {
            AskFrame::Ask { ticket, part, what } => {
                let answer = self.hub.clone().on_question(from, (ticket, part), what);
                supervise::spawn_on(&self.main, "answer to another node", answer);
            }
            AskFrame::Page { ticket, part, last, bytes } => {
                self.hub.on_page(from, (ticket, part), (last, bytes));
            }
        }
    }

    fn on_take(&self, from: NodeId, frame: TakeFrame) {
        let side = match &frame {
            // It is offered again, and then the next process takes it.
            TakeFrame::Offer { .. } if self.hub.is_resting() => return,
            TakeFrame::Offer { client, claim, adopt } => {
                let offer = self.hub.clone().on_offer(from, client.clone(), *claim, *adopt);
                supervise::spawn_on(&self.main, "takeover", offer);
                return;
            }
            TakeFrame::Pull { .. } | TakeFrame::Done { .. } => Side::Giver,
            TakeFrame::Piece { .. } => Side::Taker,
            TakeFrame::Fail { .. } => {
                // Either end may give up; whichever is here hears of it.
                let client_id = ClientId::from(frame.client().clone());
                self.tell((client_id.clone(), Side::Taker), (from, frame.clone()));
                self.tell((client_id, Side::Giver), (from, frame));
                return;
            }
        };
        let client_id = ClientId::from(frame.client().clone());
        let begins = matches!(&frame, TakeFrame::Pull { stage: Stage::State, part: 0, .. });
        if let Some(frame) = self.tell((client_id.clone(), side), (from, frame)) {
            if begins && self.hub.is_resting() {
                // It is asked for again, and then the next process answers.
            } else if begins {
                let inbox = self.hub.inbox(&client_id, Side::Giver);
                let give = self.hub.clone().give(from, frame, inbox);
                supervise::spawn_on(&self.main, "takeover", give);
            } else if side == Side::Giver
                && let Some(mesh) = self.hub.mesh()
            {
                mesh.send_take(from, TakeFrame::Fail { client: client_id.shared(), moved: None });
            }
        }
    }
}

impl Desk {
    /// Passes a frame on to who deals with it; gives it back if nobody does.
    fn tell(&self, key: (ClientId, Side), frame: (NodeId, TakeFrame)) -> Option<TakeFrame> {
        let inboxes = locks::lock(&self.hub.takeovers.inboxes);
        match inboxes.get(&key) {
            Some(inbox) => {
                // Full: somebody who does not keep to one piece at a time.
                let _ = inbox.try_send(frame);
                None
            }
            None => Some(frame.1),
        }
    }
}
