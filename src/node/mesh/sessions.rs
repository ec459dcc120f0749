//! What the mesh and the sessions of a node tell each other: claims, sessions on their way, and marks in the messages.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use tokio::sync::oneshot;

use super::{
    ops::{Op, OwnWill},
    task::{Notice, Task},
};
use crate::{
    cluster::{
        Action, Claim, Input, NodeId,
        wire::{AskFrame, ClaimFrame, Frame, MarkFrame, TakeFrame},
    },
    net::supervise,
};

/// A peer whose messages do not arrive within this time is not waited for.
const MARK_LIMIT: Duration = Duration::from_secs(2);

/// Hears what other nodes say about the sessions of this one. Called from the mesh thread: must not block.
pub trait Sessions: Send + Sync + 'static {
    /// The claim asked for as `ticket` holds; the session was at `previous`.
    fn on_claimed(&self, _ticket: u64, _claim: Claim, _previous: Option<NodeId>) {}
    /// Another node has a newer claim on a client.
    fn on_kick(&self, _client: &Arc<str>, _winner: Claim, _clean: bool) {}
    /// [`super::Mesh::refresh`] is to be called for every session, then [`super::Mesh::refreshed`]; a walk before is of no use now.
    fn on_walk(&self, _view: u64) {}
    /// The will of a client whose node is dead is to be published, and then [`super::Mesh::will_published`] to be called.
    fn on_will(&self, _client: Arc<str>, _claim: Claim, _body: Arc<[u8]>) {}
    /// A session is on its way, to or from here.
    fn on_take(&self, _from: NodeId, _frame: TakeFrame) {}
    /// What an operator asks of this node, or the answer to it.
    fn on_ask(&self, _from: NodeId, _frame: AskFrame) {}
}

/// Somebody waits until the messages sent to this node so far are here.
struct Mark {
    waiting: Vec<NodeId>,
    done: oneshot::Sender<()>,
}

/// All who wait.
#[derive(Default)]
pub(super) struct Marks {
    next: u64,
    open: BTreeMap<u64, Mark>,
}

/// Clients that wait until other nodes keep their wills.
#[derive(Default)]
pub(super) struct WillWaits {
    next: u64,
    open: BTreeMap<u64, oneshot::Sender<bool>>,
}

impl WillWaits {
    fn add(&mut self, done: oneshot::Sender<bool>) -> u64 {
        self.next += 1;
        self.open.insert(self.next, done);
        self.next
    }

    /// The wait of this number is over.
    pub(super) fn end(&mut self, ticket: u64, kept: bool) {
        if let Some(done) = self.open.remove(&ticket) {
            let _ = done.send(kept);
        }
    }
}

impl Task {
    /// What the sessions of this node want.
    pub(super) fn on_session_op(&mut self, op: Op, out: &mut Vec<Action>) {
        let input = match op {
            Op::Claim { ticket, client, clean } => Input::Claim { ticket, client, clean },
            Op::Unclaim { client, hlc } => Input::Unclaim { client, hlc },
            Op::Refresh { client, hlc } => Input::Refresh { client, hlc },
            Op::Adopted { client, hlc } => Input::Adopted { client, hlc },
            Op::Refreshed { view } => Input::Refreshed { view },
            Op::Ask { node, frame } => Input::ToPeer { node, frame: Frame::Ask(frame) },
            Op::Take { node, frame } => Input::ToPeer { node, frame: Frame::Take(frame) },
            Op::Up(reply) => {
                let _ =
                    reply.send(self.core.up_nodes().into_iter().map(|(node, _)| node).collect());
                return;
            }
            Op::Dismiss { node, client, winner } => {
                let frame = Frame::Claim(ClaimFrame::Kick { client, winner, clean: true });
                Input::ToPeer { node, frame }
            }
            Op::Mark(done) => return self.mark(done, out),
            Op::Will(OwnWill { client, hlc, delay, body }, done) => {
                let ticket = done.map(|done| self.wills.add(done));
                Input::Will { ticket, client, hlc, delay, body }
            }
            Op::WillOver { client, hlc } => Input::WillOver { client, hlc },
            Op::WillPublished { client, claim } => Input::WillPublished { client, claim },
            Op::Added(_) | Op::Removed(_) | Op::Renewed | Op::Retained | Op::Barrier(_) => return,
        };
        self.input(input, out);
    }

    fn mark(&mut self, done: oneshot::Sender<()>, out: &mut Vec<Action>) {
        let waiting: Vec<NodeId> = self.core.up_nodes().into_iter().map(|(node, _)| node).collect();
        if waiting.is_empty() {
            let _ = done.send(());
            return;
        }
        self.marks.open.retain(|_, mark| !mark.done.is_closed());
        self.marks.next += 1;
        let mark = self.marks.next;
        for node in &waiting {
            let frame = Frame::Mark(MarkFrame::Ask { mark });
            self.input(Input::ToPeer { node: *node, frame }, out);
        }
        self.marks.open.insert(mark, Mark { waiting, done });
    }

    pub(super) fn on_peer_frame(&mut self, node: NodeId, frame: Frame) {
        if let Frame::Take(take) = frame {
            self.desk.on_take(node, take);
        } else if let Frame::Mark(mark) = frame {
            self.on_mark(node, mark);
        } else if let Frame::Ask(ask) = frame {
            self.desk.on_ask(node, ask);
        }
    }

    fn on_mark(&mut self, node: NodeId, mark: MarkFrame) {
        match mark {
            MarkFrame::Ask { mark } => {
                // A publish that looked at the routes before may not have pushed its message yet.
                let (sections, notices) = (self.sections.clone(), self.notices.clone());
                supervise::spawn("mark", async move {
                    sections.passed().await;
                    let _ = notices.send(Notice::Passed { mark, node }).await;
                });
            }
            MarkFrame::Answer { mark, sent } => {
                let peer = self.core.index_of(node).and_then(|index| self.data.find(index));
                let notices = self.notices.clone();
                supervise::spawn("mark", async move {
                    if let Some(peer) = peer {
                        let _ = tokio::time::timeout(MARK_LIMIT, peer.arrived(&sent)).await;
                    }
                    let _ = notices.send(Notice::Arrived { mark, node }).await;
                });
            }
        }
    }

    /// Tells how far the messages to a node go.
    pub(super) fn answer_mark(&mut self, mark: u64, node: NodeId, out: &mut Vec<Action>) {
        let peer = self.core.index_of(node).and_then(|index| self.data.find(index));
        let sent = peer.map(|peer| peer.sent()).unwrap_or_default();
        let frame = Frame::Mark(MarkFrame::Answer { mark, sent });
        self.input(Input::ToPeer { node, frame }, out);
    }

    pub(super) fn on_arrived(&mut self, mark: u64, node: NodeId) {
        let Some(open) = self.marks.open.get_mut(&mark) else { return };
        open.waiting.retain(|one| *one != node);
        if open.waiting.is_empty()
            && let Some(Mark { done, .. }) = self.marks.open.remove(&mark)
        {
            let _ = done.send(());
        }
    }
}
