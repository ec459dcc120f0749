//! What operators ask one node about another (`emqx-rs-ctl --node`, `--all`): the question goes over the mesh as the JSON of the
//! control socket, the answer comes back page by page.
//!
//! Bounds: [`MOST`] answers are kept for others at a time, each for [`KEPT`]; [`QUEUE`] questions more wait for a place, others are
//! refused. An answer of more than [`ANSWER_MAX`] is not taken.
//! Who may ask is decided where the operator is, by the control socket; what is answered, by [`Request::about_a_node`] here.

use std::collections::BTreeMap;
use std::future::Future;
use std::pin::Pin;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, OnceLock};
use std::time::Duration;

use tokio::sync::{Notify, oneshot};
use tokio::time::{timeout, timeout_at};

use super::{hub::Hub, locks};
use crate::cluster::{
    NodeId,
    wire::{AskFrame, PAGE},
};
use crate::ctl::{self, Reply, Request};
use crate::time::Time;

/// Answers kept for other nodes.
const MOST: usize = 4;
/// Questions that wait until one of those is fetched.
const QUEUE: usize = 64;
/// For so long; shorter than the other end waits.
const PATIENCE: Duration = Duration::from_secs(6);
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
    queued: AtomicUsize,
    /// A place may be free.
    freed: Notify,
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
            let place = self.place(from, ticket).await;
            let text = if place {
                self.answer_text(&what).await
            } else {
                pieces(Reply::Failed("it is busy with other questions; ask it again".into()))
            };
            if !place {
                let page = AskFrame::Page { ticket, part, last: true, bytes: text };
                if let Some(mesh) = self.mesh() {
                    mesh.send_ask(from, page);
                }
                return;
            }
            self.keep_answer((from, ticket), text);
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
        pieces(reply)
    }

    /// Waits for a place to keep an answer; `false`: there is none in time.
    async fn place(&self, to: NodeId, ticket: u64) -> bool {
        if self.asking.queued.fetch_add(1, Ordering::Relaxed) >= QUEUE {
            self.asking.queued.fetch_sub(1, Ordering::Relaxed);
            return false;
        }
        let end = self.clock.now() + PATIENCE;
        let mut found = false;
        loop {
            // Asked for first, so that no place is freed unheard.
            let freed = self.asking.freed.notified();
            let now = self.clock.now();
            let next = match self.asking.take_place((to, ticket), now) {
                Ok(()) => {
                    found = true;
                    break;
                }
                Err(_) if now >= end => break,
                Err(next) => next.min(end),
            };
            let _ = timeout_at(self.clock.instant(next), freed).await;
        }
        self.asking.queued.fetch_sub(1, Ordering::Relaxed);
        found
    }

    fn keep_answer(&self, (to, ticket): (NodeId, u64), text: Vec<u8>) {
        let until = self.clock.now() + KEPT;
        let mut kept = locks::lock(&self.asking.kept);
        if let Some(one) = kept.iter_mut().find(|one| (one.to, one.ticket) == (to, ticket)) {
            (one.text, one.until) = (text, until);
        }
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
            self.asking.freed.notify_one();
        }
        Some(page)
    }
}

impl Asking {
    /// Takes a place, which is empty until the answer is there; or tells when one is given up at the latest.
    fn take_place(&self, (to, ticket): (NodeId, u64), now: Time) -> Result<(), Time> {
        let mut kept = locks::lock(&self.kept);
        kept.retain(|one| one.until > now && (one.to, one.ticket) != (to, ticket));
        if kept.len() >= MOST {
            return Err(kept.iter().map(|one| one.until).min().unwrap_or(now));
        }
        kept.push(Kept { to, ticket, text: Vec::new(), until: now + KEPT });
        Ok(())
    }
}

/// A reply as lines.
fn pieces(reply: Reply) -> Vec<u8> {
    let mut text = Vec::new();
    for piece in reply.pieces() {
        if serde_json::to_writer(&mut text, &piece).is_ok() {
            text.push(b'\n');
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_that_is_being_fetched_keeps_its_place() {
        let (asking, at) = (Asking::default(), Time::from_ms);
        let take = |ticket, ms| asking.take_place((NodeId([0; 16]), ticket), at(ms));
        let most = MOST as u64;
        for ticket in 0..most {
            assert_eq!(take(ticket, ticket), Ok(()));
        }
        let first_end = at(0) + KEPT;
        assert_eq!(take(most, 5), Err(first_end));
        assert_eq!(locks::lock(&asking.kept).len(), MOST);
        assert_eq!(take(most, first_end.as_ms()), Ok(()), "nobody came for the first");
        assert_eq!(take(most, first_end.as_ms()), Ok(()), "the same question again");
    }

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
