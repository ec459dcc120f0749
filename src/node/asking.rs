//! What operators ask one node about another (`emqx-rs-ctl --node`, `--all`): the question goes over the mesh as the JSON of the
//! control socket, the answer comes back page by page.
//!
//! Bounds: [`MOST`] answers are kept for others at a time, each for [`KEPT`]; an answer of more than [`ANSWER_MAX`] is not taken.
//! Who may ask is decided where the operator is, by the control socket; what is answered, by [`Request::about_a_node`] here.

use std::collections::BTreeMap;
use std::future::Future;
use std::pin::Pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock};
use std::time::Duration;

use tokio::sync::oneshot;
use tokio::time::timeout;

use super::{hub::Hub, locks};
use crate::cluster::{
    NodeId,
    wire::{AskFrame, PAGE},
};
use crate::ctl::{self, Reply, Request};
use crate::time::Time;

/// Answers kept for other nodes.
const MOST: usize = 4;
/// For how long, after the last page was asked for.
const KEPT: Duration = Duration::from_secs(10);
/// A node that takes longer for a page does not answer.
const LIMIT: Duration = Duration::from_secs(8);
/// Longest answer of a node that is taken, in bytes.
const ANSWER_MAX: usize = 128 << 20;

/// Answers what is asked about this node.
pub(super) trait Answers: Send + Sync + 'static {
    /// The answer.
    fn answer(self: Arc<Self>, request: Request) -> Pin<Box<dyn Future<Output = Reply> + Send>>;
}

/// Questions to other nodes, and answers for them.
#[derive(Default)]
pub(super) struct Asking {
    next: AtomicU64,
    waiting: Mutex<BTreeMap<u64, Waiting>>,
    kept: Mutex<Vec<Kept>>,
    answers: OnceLock<Arc<dyn Answers>>,
}

struct Waiting {
    node: NodeId,
    part: u64,
    tell: oneshot::Sender<(bool, Vec<u8>)>,
}

struct Kept {
    to: NodeId,
    ticket: u64,
    text: Vec<u8>,
    until: Time,
}

impl Kept {
    fn page(&self, part: u64) -> (bool, Vec<u8>) {
        let begin = usize::try_from(part).unwrap_or(usize::MAX).saturating_mul(PAGE);
        let rest = self.text.get(begin..).unwrap_or_default();
        let page = rest.get(..PAGE).unwrap_or(rest);
        (page.len() == rest.len(), page.to_vec())
    }
}

impl Hub {
    /// From now on questions of other nodes are answered.
    pub(super) fn answers_with(&self, answers: Arc<dyn Answers>) {
        let _ = self.asking.answers.set(answers);
    }

    /// Asks another node; `None` when it does not answer.
    pub(super) async fn ask_node(&self, node: NodeId, request: &Request) -> Option<Reply> {
        let what = serde_json::to_vec(request).ok()?;
        let ticket = self.asking.next.fetch_add(1, Ordering::Relaxed);
        let (mut text, mut part) = (Vec::new(), 0);
        loop {
            let what = if part == 0 { what.clone() } else { Vec::new() };
            let (last, page) = self.ask_page(node, (ticket, part), what).await?;
            text.extend_from_slice(&page);
            if text.len() > ANSWER_MAX {
                return Some(Reply::Failed("its answer is too long".into()));
            }
            if last {
                return ctl::joined(&text);
            }
            part += 1;
        }
    }

    async fn ask_page(
        &self,
        node: NodeId,
        (ticket, part): (u64, u64),
        what: Vec<u8>,
    ) -> Option<(bool, Vec<u8>)> {
        let (tell, page) = oneshot::channel();
        locks::lock(&self.asking.waiting).insert(ticket, Waiting { node, part, tell });
        self.mesh()?.send_ask(node, AskFrame::Ask { ticket, part, what });
        let page = timeout(LIMIT, page).await;
        locks::lock(&self.asking.waiting).remove(&ticket);
        page.ok()?.ok()
    }

    /// A page of an answer has come.
    pub(super) fn on_page(&self, from: NodeId, (ticket, part): (u64, u64), page: (bool, Vec<u8>)) {
        let mut waiting = locks::lock(&self.asking.waiting);
        if waiting.get(&ticket).is_some_and(|one| one.node == from && one.part == part)
            && let Some(Waiting { tell, .. }) = waiting.remove(&ticket)
        {
            let _ = tell.send(page);
        }
    }

    /// Another node asks for a page.
    pub(super) async fn on_question(
        self: Arc<Self>,
        from: NodeId,
        (ticket, part): (u64, u64),
        what: Vec<u8>,
    ) {
        if part == 0 {
            let text = self.answer_text(&what).await;
            self.keep_answer(Kept { to: from, ticket, text, until: self.clock.now() + KEPT });
        }
        let page = self.kept_page(from, ticket, part);
        let (last, bytes) = page.unwrap_or((true, Vec::new()));
        if let Some(mesh) = self.mesh() {
            mesh.send_ask(from, AskFrame::Page { ticket, part, last, bytes });
        }
    }

    async fn answer_text(&self, what: &[u8]) -> Vec<u8> {
        let reply = match (serde_json::from_slice::<Request>(what), self.asking.answers.get()) {
            (Ok(request), Some(answers)) if request.about_a_node() => {
                answers.clone().answer(request).await
            }
            _ => Reply::Failed("a node does not answer this to others".into()),
        };
        let mut text = Vec::new();
        for piece in reply.pieces() {
            if serde_json::to_writer(&mut text, &piece).is_ok() {
                text.push(b'\n');
            }
        }
        text
    }

    fn keep_answer(&self, answer: Kept) {
        let now = self.clock.now();
        let mut kept = locks::lock(&self.asking.kept);
        kept.retain(|one| one.until > now && (one.to, one.ticket) != (answer.to, answer.ticket));
        if kept.len() >= MOST {
            kept.remove(0);
        }
        kept.push(answer);
    }

    /// A page of an answer that is kept; the last one takes the answer away.
    fn kept_page(&self, to: NodeId, ticket: u64, part: u64) -> Option<(bool, Vec<u8>)> {
        let mut kept = locks::lock(&self.asking.kept);
        let at = kept.iter().position(|one| (one.to, one.ticket) == (to, ticket))?;
        let one = kept.get_mut(at)?;
        one.until = self.clock.now() + KEPT;
        let page = one.page(part);
        if page.0 {
            kept.remove(at);
        }
        Some(page)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_cut_into_pages() {
        let node = NodeId([0; 16]);
        let of = |len: usize| Kept { to: node, ticket: 1, text: vec![1; len], until: Time::ZERO };
        for (len, part, want) in [
            (0, 0, (true, 0)),
            (PAGE, 0, (true, PAGE)),
            (PAGE + 1, 0, (false, PAGE)),
            (PAGE + 1, 1, (true, 1)),
            (1, u64::MAX, (true, 0)),
        ] {
            let (last, page) = of(len).page(part);
            assert_eq!((last, page.len()), want, "{len} {part}");
        }
    }
}
