//! `cluster evacuate`: sending the clients of this node to others, for an upgrade.

use std::num::NonZeroU32;

use super::{Desk, mesh_ended};
use crate::ctl::{Reply, render::shown};

/// Bytes of the server that clients are told, at most.
const SERVER_MOST: usize = 255;

impl Desk {
    /// Begins it. Without another node that is up it is refused, unless `force` says that it is meant so.
    pub(super) async fn evacuate(&self, rate: u32, to: Option<String>, force: bool) -> Reply {
        let Some(status) = self.node.mesh().status().await else { return mesh_ended() };
        let others = status.up().filter(|line| line.name != status.node).count();
        if others == 0 && !force {
            return Reply::Failed(
                "no other node is up: the clients would have nowhere to go; --force sends them away all the same".into(),
            );
        }
        let to = to.as_deref();
        let Some(rate) = NonZeroU32::new(rate) else {
            return Reply::Failed("expected one client a second or more".into());
        };
        let bad =
            |to: &&str| to.is_empty() || to.len() > SERVER_MOST || to.contains(char::is_control);
        if let Some(to) = to.filter(bad) {
            return Reply::Failed(format!("{}: expected HOST:PORT", shown(to)));
        }
        let hub = self.node.hub();
        if !hub.evacuate(rate, to) {
            return Reply::Failed(
                "this node is being evacuated; cluster evacuate stop ends that".into(),
            );
        }
        let clients = hub.registry.connected();
        tracing::warn!(
            rate,
            to,
            clients,
            others,
            "evacuation: clients are sent to other nodes, new ones are refused"
        );
        Reply::Evacuation(hub.evacuation())
    }

    /// Ends it.
    pub(super) fn end_evacuation(&self) -> Reply {
        let hub = self.node.hub();
        if !hub.end_evacuation() {
            return Reply::Failed("this node is not being evacuated".into());
        }
        let clients = hub.registry.connected();
        tracing::warn!(clients, "evacuation ended: clients are welcome again");
        Reply::Done
    }
}
