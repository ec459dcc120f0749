//! Bridges: how they stand, starting and stopping one.

use super::Desk;
use crate::{
    ctl::{self, Reply, render::shown},
    node::bridge::Bridge,
};

impl Desk {
    pub(super) fn bridges(&self) -> Reply {
        Reply::Bridges(self.node.bridges().iter().map(|one| bridge(one)).collect())
    }

    pub(super) fn turn_bridge(&self, name: &str, on: bool) -> Reply {
        let Some(one) = self.node.bridges().iter().find(|one| one.settings.name == name) else {
            let name = shown(name);
            return Reply::Failed(format!(
                "there is no bridge {name}; bridge.mqtt.{name}.address makes one, at the next start"
            ));
        };
        if !one.turn(on) {
            let state = if on { "runs" } else { "is stopped" };
            return Reply::Failed(format!("{name} {state} already"));
        }
        tracing::info!(bridge = name, on, "bridge turned by an operator");
        Reply::BridgeTurned { name: name.to_owned(), on }
    }
}

fn bridge(one: &Bridge) -> ctl::Bridge {
    let standing = one.standing();
    ctl::Bridge {
        name: one.settings.name.clone(),
        server: one.server(),
        status: standing.state.to_owned(),
        subscribed: standing.holds,
        forwarded: standing.counts.forwarded,
        received: standing.counts.received,
        dropped: standing.counts.dropped,
        queued: standing.queued,
        reason: standing.reason,
    }
}
