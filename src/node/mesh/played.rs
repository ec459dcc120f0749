//! A mesh that a test plays: what the node wants of the cluster comes out, and the test answers for the other nodes.

use std::{
    collections::VecDeque,
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use tokio::{
    sync::{mpsc, oneshot, watch},
    time::timeout,
};

use super::{Command, Mesh, Op, Progress, Shared};
use crate::{
    cluster::{Claim, NodeId, wire::TakeFrame},
    net::clock::Clock,
};

/// Something is said within this time.
const LIMIT: Duration = Duration::from_secs(20);

/// What the node wants of the cluster.
#[derive(Debug)]
pub(crate) enum Said {
    Claim { ticket: u64, clean: bool },
    Take(NodeId, TakeFrame),
    Dismiss(NodeId, Claim),
    WillOver(u64),
    WillPublished(Claim),
    Mark(oneshot::Sender<()>),
    Barrier(oneshot::Sender<()>),
}

/// The other end of a [`Mesh`].
pub(crate) struct Played {
    shared: Arc<Shared>,
    said: VecDeque<Said>,
    _commands: mpsc::Receiver<Command>,
    _settled: watch::Sender<bool>,
}

/// Another node is up.
pub(crate) fn mesh(node_id: NodeId) -> (Mesh, Played) {
    let shared = Arc::new(Shared::default());
    shared.has_peers.store(true, Ordering::Release);
    let (commands, inbox) = mpsc::channel(1);
    let (settled, watch) = watch::channel(true);
    let mesh = Mesh {
        shared: shared.clone(),
        commands,
        settled: watch,
        addr: None,
        progress: Progress::default(),
        origin: 0,
        node_id,
        tls: None,
        clock: Clock::system(),
    };
    (mesh, Played { shared, said: VecDeque::new(), _commands: inbox, _settled: settled })
}

impl Played {
    /// How much the node has said that nobody has heard.
    pub(crate) fn waiting(&mut self) -> usize {
        let ops = std::mem::take(&mut *self.shared.ops());
        self.said.extend(ops.pieces.into_iter().flatten().filter_map(said));
        self.said.len()
    }

    /// What the node says next.
    pub(crate) async fn next(&mut self) -> Said {
        loop {
            if let Some(said) = self.said.pop_front() {
                return said;
            }
            if self.waiting() == 0 {
                let woken = timeout(LIMIT, self.shared.wake.notified()).await;
                assert!(woken.is_ok(), "the node says nothing");
            }
        }
    }
}

fn said(op: Op) -> Option<Said> {
    match op {
        Op::Claim { ticket, clean, .. } => Some(Said::Claim { ticket, clean }),
        Op::Take { node, frame } => Some(Said::Take(node, frame)),
        Op::WillOver { hlc, .. } => Some(Said::WillOver(hlc)),
        Op::WillPublished { claim, .. } => Some(Said::WillPublished(claim)),
        Op::Dismiss { node, winner, .. } => Some(Said::Dismiss(node, winner)),
        Op::Mark(done) => Some(Said::Mark(done)),
        Op::Barrier(done) => Some(Said::Barrier(done)),
        Op::Added(_)
        | Op::Removed(_)
        | Op::Unclaim { .. }
        | Op::Refresh { .. }
        | Op::Adopted { .. }
        | Op::Refreshed { .. }
        | Op::Ask { .. }
        | Op::Will(..)
        | Op::Renewed
        | Op::Retained
        | Op::Up(_) => None,
    }
}
