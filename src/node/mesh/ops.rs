//! What the rest of the node hands the mesh thread, and when that is woken for it.

use std::{
    sync::{
        Arc, Mutex, MutexGuard, OnceLock,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};

use tokio::sync::{Notify, oneshot};

use crate::cluster::{
    Claim, NodeId,
    routes::RouteKey,
    wire::{AskFrame, TakeFrame},
};

/// Something for the mesh to do.
pub(super) enum Op {
    Added(RouteKey),
    Removed(RouteKey),
    Barrier(oneshot::Sender<()>),
    Claim { ticket: u64, client: Arc<str>, clean: bool },
    Unclaim { client: Arc<str>, hlc: u64 },
    Refresh { client: Arc<str>, hlc: u64 },
    Adopted { client: Arc<str>, hlc: u64 },
    Refreshed { view: u64 },
    Take { node: NodeId, frame: TakeFrame },
    Dismiss { node: NodeId, client: Arc<str>, winner: Claim },
    Ask { node: NodeId, frame: AskFrame },
    Mark(oneshot::Sender<()>),
    Will(OwnWill, Option<oneshot::Sender<bool>>),
    WillOver { client: Arc<str>, hlc: u64 },
    WillPublished { client: Arc<str>, claim: Claim },
    Renewed,
    Retained,
    Up(oneshot::Sender<Vec<NodeId>>),
}

/// The will of a client of this node, for others to keep.
pub(super) struct OwnWill {
    pub(super) client: Arc<str>,
    pub(super) hlc: u64,
    pub(super) delay: Duration,
    pub(super) body: Arc<[u8]>,
}

/// Inputs of a piece of [`Ops`].
const PIECE: usize = 512;

/// What waits for the mesh, in pieces: a storm of subscriptions makes no list that doubles and is copied under the lock.
#[derive(Default)]
pub(super) struct Ops {
    pub(super) pieces: Vec<Vec<Op>>,
    /// The mesh was woken for them.
    rung: bool,
}

impl Ops {
    fn push(&mut self, op: Op) {
        match self.pieces.last_mut().filter(|piece| piece.len() < PIECE) {
            Some(piece) => piece.push(op),
            None => {
                let mut piece = Vec::with_capacity(if self.pieces.is_empty() { 1 } else { PIECE });
                piece.push(op);
                self.pieces.push(piece);
            }
        }
    }
}

/// What the mesh thread and the rest of the node have in common.
#[derive(Default)]
pub(super) struct Shared {
    ops: Mutex<Ops>,
    pub(super) wake: Notify,
    pub(super) has_peers: AtomicBool,
    /// The hybrid clock, for claims of a node that is alone.
    pub(super) hlc: AtomicU64,
    /// Number of the cookie, once the keys are made.
    pub(super) key_id: OnceLock<u8>,
}

impl Shared {
    pub(super) fn ops(&self) -> MutexGuard<'_, Ops> {
        self.ops.lock().unwrap_or_else(|_| std::process::abort())
    }

    /// Hands the mesh something that somebody waits for.
    pub(super) fn push(&self, op: Op) {
        let mut ops = self.ops();
        ops.push(op);
        self.ring(ops);
    }

    /// Hands the mesh what only other nodes wait for. While none is up the mesh takes it at its next turn, within a second, and is
    /// woken only when a whole piece has gathered. A storm of clients that subscribe would otherwise wake that thread for each.
    pub(super) fn push_quietly(&self, op: Op) {
        let mut ops = self.ops();
        ops.push(op);
        // Read under the lock: see `set_has_peers`.
        if ops.pieces.len() > 1 || self.has_peers.load(Ordering::Acquire) {
            self.ring(ops);
        }
    }

    fn ring(&self, mut ops: MutexGuard<'_, Ops>) {
        let rung = std::mem::replace(&mut ops.rung, true);
        drop(ops);
        if !rung {
            self.wake.notify_one();
        }
    }

    /// Whether another node is up. Whoever pushes quietly after this has taken the lock sees it, and what was pushed before
    /// rings here, so the first peer waits for no route.
    pub(super) fn set_has_peers(&self, now: bool) {
        let before = self.has_peers.swap(now, Ordering::AcqRel);
        if !now || before {
            return;
        }
        let ops = self.ops();
        if !ops.pieces.is_empty() {
            self.ring(ops);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::{future::Future, pin::pin, task::Context};

    use super::*;

    fn key(text: &str) -> RouteKey {
        RouteKey { filter: crate::topic::filter::TopicFilter::parse(text).unwrap(), group: None }
    }

    /// Whether the mesh was woken since the last look.
    fn rung(shared: &Shared) -> bool {
        let woken = pin!(shared.wake.notified());
        woken.poll(&mut Context::from_waker(std::task::Waker::noop())).is_ready()
    }

    #[test]
    fn a_node_alone_wakes_the_mesh_for_a_piece_of_routes_and_not_for_each() {
        let shared = Shared::default();
        for _ in 0..PIECE {
            shared.push_quietly(Op::Added(key("a")));
        }
        assert!(!rung(&shared));
        shared.push_quietly(Op::Added(key("a")));
        assert!(rung(&shared));
    }

    #[test]
    fn what_somebody_waits_for_rings_behind_routes_that_did_not() {
        let shared = Shared::default();
        shared.push_quietly(Op::Added(key("a")));
        shared.push(Op::Renewed);
        assert!(rung(&shared));
        shared.push(Op::Renewed);
        assert!(!rung(&shared), "once a turn");
    }

    #[test]
    fn the_first_peer_rings_for_the_routes_from_before() {
        let shared = Shared::default();
        shared.push_quietly(Op::Added(key("a")));
        shared.set_has_peers(true);
        assert!(rung(&shared));
        drop(std::mem::take(&mut *shared.ops()));
        shared.push_quietly(Op::Added(key("b")));
        assert!(rung(&shared));
        shared.set_has_peers(true);
        assert!(!rung(&shared), "nothing new");
    }
}
