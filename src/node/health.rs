//! Whether a node serves: every part without which clients would be stuck has to answer. The watchdog is fed by this.

use std::{sync::Arc, time::Duration};

use tokio::time::timeout_at;

use super::Node;
use crate::{cluster::ClusterStatus, net::supervise};

/// A topic that nobody subscribes to.
const NOWHERE: &str = "$health";

/// A part that does not answer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Silent {
    /// The thread of the mesh or the runtime of the connections has not moved for 5 s.
    #[error("a part of this node makes no progress")]
    Stalled,
    /// A listener that is open.
    #[error("listener {0} does not accept")]
    Listener(String),
    /// The tables by which messages find their way.
    #[error("the router does not answer")]
    Router,
    /// The mesh.
    #[error("the mesh does not answer")]
    Mesh,
}

impl Node {
    /// Asks listeners, router and mesh for an answer, all within `limit`; gives that of the mesh.
    ///
    /// # Errors
    /// The first that is [`Silent`].
    pub async fn health(&self, limit: Duration) -> Result<ClusterStatus, Silent> {
        if self.mesh.progress().is_stalled() {
            return Err(Silent::Stalled);
        }
        let until = self.hub.clock.instant(self.hub.clock.now() + limit);
        for listener in self.listeners.iter().filter(|listener| listener.is_open()) {
            let answer = timeout_at(until, listener.answers()).await;
            answer.map_err(|_| Silent::Listener(listener.settings.id()))?;
        }
        let hub = Arc::clone(&self.hub);
        // A task of its own: one that waits for a lock takes its thread along, not this one.
        let routed = supervise::spawn("router", async move { hub.is_wanted(NOWHERE) });
        timeout_at(until, routed).await.map_err(|_| Silent::Router)?.map_err(|_| Silent::Router)?;
        let status = timeout_at(until, self.mesh.status()).await.map_err(|_| Silent::Mesh)?;
        status.ok_or(Silent::Mesh)
    }
}
