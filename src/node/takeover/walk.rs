//! The walk over all sessions of this node, which tells new owners of claims and wills what is here.

use std::{
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use crate::node::{hub::Hub, registry::Row};

/// Claims told to new owners in one go, and the pause after it: 50,000 a second.
const WALK: (usize, Duration) = (1_000, Duration::from_millis(20));
/// So many bytes of a will count as one claim more.
const WALK_BYTES: usize = 256;

impl Hub {
    /// Tells new owners which sessions are here.
    pub(super) async fn walk(self: Arc<Self>, view: u64) {
        let Some(mesh) = self.mesh().cloned() else { return };
        let mut told = 0;
        for at in 0.. {
            let Some(rows) = self.registry.rows(at) else { break };
            for Row { client_id, claim, will } in rows {
                mesh.refresh(client_id.shared(), claim);
                if let Some(kept) = &will {
                    self.refresh_will(&mesh, &client_id, kept);
                    told += 1 + kept.will.size() / WALK_BYTES;
                }
                told += 1;
                if told >= WALK.0 {
                    told = 0;
                    tokio::time::sleep(WALK.1).await;
                }
            }
            if self.takeovers.walk.load(Ordering::Acquire) != view {
                return;
            }
        }
        mesh.refreshed(view);
    }
}
