//! The mesh between two processes of one life: it comes to rest in the one that ends, and goes on in the one that follows.

use std::net::TcpListener;

use super::task::Task;
use crate::cluster::{Action, Input, legacy::Legacy, versions::Versions};

/// What the next process gets.
#[derive(Debug, Default)]
pub struct Left {
    /// The place of the node in the cluster.
    pub legacy: Legacy,
    /// The mesh port. Who dials meanwhile waits in its queue.
    pub listener: Option<TcpListener>,
    /// What the copy of the retained messages has been through beside the writes of this process.
    pub versions: Versions,
}

impl Task {
    /// Tells the others that this node is back in a moment, and stops.
    pub(super) async fn rest(&mut self, out: &mut Vec<Action>) -> Left {
        // Who dials again at once must not meet this process.
        if let Some(accept) = self.accept.take() {
            accept.abort();
        }
        // The last changes of the routes go before the last word.
        self.take_ops(out);
        self.end_batch(out);
        self.input(Input::Rest, out);
        self.end_batch(out);
        self.linger().await;
        self.data.rest().await;
        let mut legacy = self.core.legacy(self.clock.now());
        legacy.process = self.process;
        for node in &mut legacy.nodes {
            (node.streams, node.nacks) = self.data.take_streams(node.index, node.incarnation);
        }
        let versions = self.core.versions().clone();
        Left { legacy, listener: self.mesh_port.take(), versions }
    }

    /// Goes on where the process before stopped. The routes of all sessions that came along have been added.
    pub(super) fn go_on(&mut self, mut legacy: Legacy, out: &mut Vec<Action>) {
        self.take_ops(out);
        self.core.inherit(&legacy, self.clock.now(), out);
        for one in &mut legacy.nodes {
            let (life, streams) = (one.incarnation, std::mem::take(&mut one.streams));
            let nacks = std::mem::take(&mut one.nacks);
            let found = self.core.inherited(one.node_id, life).filter(|_| !streams.is_empty());
            if let Some((index, name)) = found {
                self.data.go_on(index, (name, life), (streams, nacks), one.up);
            }
        }
    }
}
