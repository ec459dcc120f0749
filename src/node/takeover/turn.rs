//! Whose turn it is: one session at a time of each client is opened, given or taken on a node.

use std::{collections::VecDeque, sync::Arc};

use tokio::{sync::oneshot, time::timeout};

use super::LIMIT;
use crate::{
    broker::ClientId,
    node::{hub::Hub, locks},
};

/// Who waits for a turn, and under which claim the one who has it opens the session.
#[derive(Default)]
pub(super) struct Line {
    claim: u64,
    /// Each with the claim it waits under: none is older than `claim`.
    pub(super) waiters: VecDeque<(u64, oneshot::Sender<Turn>)>,
}

/// The right to open, give or take the session of a client; passes to the next in line when dropped.
pub(in crate::node) struct Turn {
    hub: Arc<Hub>,
    client_id: ClientId,
    /// False: it came back from somebody who waits no longer, and is on its way to the next.
    passes: bool,
}

impl Turn {
    fn new(hub: &Arc<Hub>, client_id: &ClientId) -> Self {
        Self { hub: hub.clone(), client_id: client_id.clone(), passes: true }
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        if !self.passes {
            return;
        }
        loop {
            let next = {
                let mut lines = locks::lock(&self.hub.takeovers.lines);
                let Some(line) = lines.get_mut(&self.client_id) else { return };
                line.claim = 0;
                let next = line.waiters.pop_front();
                if next.is_none() {
                    lines.remove(&self.client_id);
                }
                next
            };
            let Some((_, next)) = next else { return };
            match next.send(Self::new(&self.hub, &self.client_id)) {
                Ok(()) => return,
                Err(mut back) => back.passes = false,
            }
        }
    }
}

impl Hub {
    /// Waits for the right to do something with the session of a client. `None`: it is being opened here under a claim newer than
    /// `claim`.
    pub(super) async fn turn(self: &Arc<Self>, client_id: &ClientId, claim: u64) -> Option<Turn> {
        let wait = {
            let mut lines = locks::lock(&self.takeovers.lines);
            if let Some(line) = lines.get_mut(client_id) {
                if line.claim > claim {
                    return None;
                }
                let (tell, wait) = oneshot::channel();
                line.waiters.push_back((claim, tell));
                Some(wait)
            } else {
                lines.insert(client_id.clone(), Line::default());
                None
            }
        };
        match wait {
            None => Some(Turn::new(self, client_id)),
            Some(wait) => wait.await.ok(),
        }
    }

    /// [`Self::turn`] for something that another node waits for, not longer than that does.
    pub(super) async fn turn_in_time(
        self: &Arc<Self>,
        client_id: &ClientId,
        claim: u64,
    ) -> Option<Turn> {
        timeout(LIMIT, self.turn(client_id, claim)).await.ok()?
    }

    /// Whoever has the turn opens the session of a client under `claim`. Who waits under an older one waits in vain: the other node
    /// may be opening it too, and would not give it before this one does.
    pub(super) fn opens(&self, client_id: &ClientId, claim: u64) {
        let mut lines = locks::lock(&self.takeovers.lines);
        let Some(line) = lines.get_mut(client_id) else { return };
        line.claim = claim;
        let waiters = std::mem::take(&mut line.waiters).into_iter();
        let (older, others): (VecDeque<_>, VecDeque<_>) =
            waiters.partition(|(one, _)| *one < claim);
        line.waiters = others;
        // Told without the lock.
        drop(lines);
        drop(older);
    }
}
