//! Where the frames about one client arrive, while its session is given or taken.

use std::sync::Arc;

use tokio::sync::mpsc;

use crate::{
    broker::ClientId,
    cluster::{NodeId, wire::TakeFrame},
    node::{hub::Hub, locks},
};

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Side {
    Giver,
    Taker,
}

pub(super) type Frames = mpsc::Sender<(NodeId, TakeFrame)>;

/// Receives the frames about one client, until dropped.
pub(super) struct Inbox {
    hub: Arc<Hub>,
    pub(super) key: (ClientId, Side),
    pub(super) frames: mpsc::Receiver<(NodeId, TakeFrame)>,
}

impl Drop for Inbox {
    fn drop(&mut self) {
        locks::lock(&self.hub.takeovers.inboxes).remove(&self.key);
        // Who asked a moment too late for this one would wait in vain.
        while let Ok((from, frame)) = self.frames.try_recv() {
            if let (TakeFrame::Pull { client, .. }, Some(mesh)) = (frame, self.hub.mesh()) {
                mesh.send_take(from, TakeFrame::Fail { client, moved: None });
            }
        }
    }
}

impl Hub {
    pub(super) fn inbox(self: &Arc<Self>, client_id: &ClientId, side: Side) -> Inbox {
        let (tell, frames) = mpsc::channel(4);
        let key = (client_id.clone(), side);
        locks::lock(&self.takeovers.inboxes).insert(key.clone(), tell);
        Inbox { hub: self.clone(), key, frames }
    }
}
