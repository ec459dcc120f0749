//! What a connection waits for beside its socket and its mailbox; most wait for nothing.

use std::{
    collections::VecDeque,
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

use tokio::sync::oneshot;

use super::{
    Connection, Scratch,
    opening::{AwaitedClaim, AwaitedSession},
    replaying::Replays,
    standing::Standing,
};
use crate::{
    broker::{
        access::{Refusal, Verdict},
        channel::Out,
        rate::Pace,
        stats::Metric,
        subscribing::SubscribeRequest,
        verdicts::{Question, Ruling},
    },
    node::{
        access::authorizer::Asking,
        forward::{Forwarded, LIMIT},
        locks,
        registry::Handover,
    },
    time::Time,
};

/// So many refusals by the rules are told of a client within [`DENIALS_IN`]; all are counted.
const DENIALS: u8 = 8;
const DENIALS_IN: Duration = Duration::from_secs(1);
/// How often it is looked whether a client that is held is still there.
pub(super) const LOOK: Duration = Duration::from_millis(500);

/// A SUBACK that waits until every node knows.
pub(super) struct Barrier {
    pub(super) done: oneshot::Receiver<()>,
    /// For [`crate::node::hub::Hub::announced`].
    pub(super) count: u64,
    pub(super) request: Box<SubscribeRequest>,
}

/// What a connection waits for beside its socket and its mailbox; most wait for nothing.
#[derive(Default)]
pub(super) struct Waiting {
    pub(super) verdict: Option<oneshot::Receiver<Verdict>>,
    pub(super) claim: Option<AwaitedClaim>,
    pub(super) handover: Option<AwaitedSession>,
    pub(super) rulings: Option<oneshot::Receiver<Vec<Ruling>>>,
    pub(super) barriers: VecDeque<Barrier>,
    pub(super) replays: Replays,
    /// A turn ended before all was done that had been read.
    pub(super) behind: bool,
    pub(super) forwards: VecDeque<Forwarded>,
    /// The message behind which nothing is read: a node that wants it is up and has too much to acknowledge.
    pub(super) held: Option<Forwarded>,
    /// When it is looked whether the client that is held is still there.
    pub(super) look_at: Time,
    /// It is not: what it sent before is read to the end, and not taken for nodes that are too slow.
    pub(super) ended: bool,
    /// Since when nothing reaches it: what it sent before is heard, a goodbye maybe, and nothing more is written.
    pub(super) lost: Option<Time>,
    /// Since when another connection of the client waits for what is still to be heard of this one.
    pub(super) last_words: Option<Time>,
    /// The next process takes the connection, as soon as it waits for nothing else.
    pub(super) standing: Option<Standing>,
    /// How much the client may send, where that is limited.
    pub(super) pace: Option<Pace>,
    /// There are other rules of access: they hold as soon as no packet waits for what others say by those of before.
    pub(super) rules_anew: bool,
    /// When it last began to be told that the rules refuse something, and how often since.
    pub(super) denied: Option<(Time, u8)>,
}

impl Waiting {
    pub(super) fn is_over(&self, now: Time) -> bool {
        let told = self.denied.is_some_and(|(at, _)| now.since(at) < DENIALS_IN);
        let last = self.replays.is_empty() && self.standing.is_none() && self.pace.is_none();
        last && !told
            && !self.behind
            && !self.rules_anew
            && self.last_words.is_none()
            && self.is_quiet()
    }

    /// Whether one more refusal by the rules is told.
    pub(super) fn tells_denied(&mut self, now: Time) -> bool {
        let (at, told) =
            self.denied.filter(|(at, _)| now.since(*at) < DENIALS_IN).unwrap_or((now, 0));
        self.denied = Some((at, told.saturating_add(1)));
        told < DENIALS
    }

    /// When the turn is to begin again: another node is too slow, or it is looked whether a held client is there.
    pub(super) fn again_at(&self) -> Option<Time> {
        let slow = self.forwards.front().map(|front| front.since + LIMIT);
        let look = self.held.is_some().then_some(self.look_at);
        [slow, look].into_iter().flatten().min()
    }

    /// When a pause may be over, or standing still is.
    pub(super) fn over_at(&self, now: Time) -> Option<Time> {
        let paused = self.pace.as_ref().and_then(Pace::until).map(|until| until.min(now + LOOK));
        let stood = self.standing.as_ref().map(|standing| standing.until);
        [paused, stood].into_iter().flatten().min()
    }

    /// Nothing is awaited from outside.
    pub(super) fn is_quiet(&self) -> bool {
        self.verdict.is_none()
            && self.claim.is_none()
            && self.handover.is_none()
            && self.rulings.is_none()
            && self.barriers.is_empty()
            && self.forwards.is_empty()
            && self.held.is_none()
            && !self.ended
    }
}

impl Connection {
    /// It has sent more than its rate allows.
    #[inline]
    pub(super) fn is_paused(&self) -> bool {
        self.pace().is_some_and(|pace| pace.until().is_some())
    }

    #[inline]
    pub(super) fn pace(&self) -> Option<&Pace> {
        self.waiting.as_ref()?.pace.as_ref()
    }

    /// Lets a client that was above its rate go on when it is time.
    pub(super) fn poll_pace(&mut self, now: Time) {
        if self.is_paused() {
            self.channel.on_held(now);
            if self.is_lost() || self.stream.has_ended() {
                self.hold_up_no_more();
            }
        }
        if let Some(pace) = self.waiting.as_mut().and_then(|waiting| waiting.pace.as_mut()) {
            pace.on_time(now);
        }
    }

    /// What a client that has gone sent before is read to its end at once.
    pub(super) fn hold_up_no_more(&mut self) {
        let (held, paused) = (self.is_held(), self.is_paused());
        let Some(waiting) = &mut self.waiting else { return };
        waiting.pace = waiting.pace.take().filter(|pace| pace.until().is_none());
        waiting.ended |= waiting.held.take().is_some();
        // That which has been read already comes first.
        waiting.behind |= (held || paused) && !self.carry.is_empty();
    }

    #[inline]
    pub(super) fn is_held(&self) -> bool {
        let holds = |waiting: &Waiting| waiting.held.is_some() || waiting.standing.is_some();
        self.waiting.as_deref().is_some_and(holds)
    }

    /// Nothing that is written reaches the client.
    #[inline]
    pub(super) fn is_lost(&self) -> bool {
        self.waiting.as_ref().is_some_and(|waiting| waiting.lost.is_some())
    }

    pub(super) fn is_standing(&self) -> bool {
        self.waiting.as_ref().is_some_and(|waiting| waiting.standing.is_some())
    }

    /// Acknowledges what has arrived at the nodes that want it, in order.
    pub(super) fn poll_forwards(&mut self, scratch: &mut Scratch, now: Time) {
        while let Some(front) = self.waiting.as_mut().and_then(|w| w.forwards.front_mut()) {
            if !front.is_done(now) {
                if let Some(mailbox) = self.mailbox.clone() {
                    front.ring(move || mailbox.poke());
                }
                return;
            }
            if !front.has_arrived() {
                self.hub.stats.count(Metric::MeshAckTimeout);
            }
            if let Some(waiting) = &mut self.waiting {
                waiting.forwards.pop_front();
            }
            let mut out = Out { bytes: &mut scratch.out, actions: &mut scratch.actions };
            self.channel.on_forwarded(&mut out);
        }
    }

    /// Lets the client go on when every node that was too slow has its message, or when it is not there any more: a goodbye that it
    /// sent is still to be read.
    pub(super) fn poll_held(&mut self, now: Time) {
        let Some(waiting) = &mut self.waiting else { return };
        let Some(held) = &mut waiting.held else { return };
        self.channel.on_held(now);
        if now >= waiting.look_at {
            waiting.look_at = now + LOOK;
            waiting.ended = waiting.lost.is_some() || self.stream.has_ended();
        }
        if waiting.ended || held.has_arrived() {
            waiting.held = None;
        } else if let Some(mailbox) = self.mailbox.clone() {
            held.ring(move || mailbox.poke());
        }
    }

    /// Has others asked what the client may do.
    pub(super) fn ask(&mut self, questions: Vec<Question>) {
        let Some(asking) = Asking::of(&self.channel, questions) else { return };
        let answer = self.hub.authenticator.others.authorize(asking, self.hub.clock);
        self.waiting().rulings = Some(answer);
    }

    /// Lets the rules of now hold, if there are others; a packet that waits for what others say is answered first.
    fn renew_rules(&mut self, scratch: &mut Scratch, now: Time) {
        let anew = self.waiting.as_ref().is_some_and(|waiting| waiting.rules_anew);
        if !anew || self.channel.is_asking() {
            return;
        }
        self.waiting().rules_anew = false;
        let rules = locks::read(&self.hub.rules).clone();
        let old = self.channel.shared();
        let shared = rules.map_or_else(|| old.clone(), |rules| rules.shared(old));
        let mut out = Out { bytes: &mut scratch.out, actions: &mut scratch.actions };
        self.channel.renew_rules(shared, &mut out);
        self.perform(scratch, now);
    }

    pub(super) fn waiting(&mut self) -> &mut Waiting {
        self.waiting.get_or_insert_with(Box::default)
    }

    /// Looks at what the connection waits for beside its socket and mailbox.
    pub(super) fn poll_waiting(&mut self, cx: &mut Context<'_>, scratch: &mut Scratch, now: Time) {
        if self.waiting.is_none() {
            return;
        }
        self.renew_rules(scratch, now);
        self.poll_forwards(scratch, now);
        self.poll_held(now);
        if let Some(answer) = self.waiting.as_mut().and_then(|waiting| waiting.verdict.as_mut())
            && let Poll::Ready(verdict) = Pin::new(answer).poll(cx)
        {
            self.waiting().verdict = None;
            self.on_verdict(verdict.unwrap_or(Err(Refusal::Busy)), scratch, now);
            self.perform(scratch, now);
        }
        if let Some(answer) = self.waiting.as_mut().and_then(|waiting| waiting.rulings.as_mut())
            && let Poll::Ready(rulings) = Pin::new(answer).poll(cx)
        {
            self.waiting().rulings = None;
            let mut out = Out { bytes: &mut scratch.out, actions: &mut scratch.actions };
            self.channel.on_rulings(&rulings.unwrap_or_default(), now, &mut out);
            self.perform(scratch, now);
            self.renew_rules(scratch, now);
        }
        if let Some(awaited) = self.waiting.as_mut().and_then(|waiting| waiting.claim.as_mut())
            && let Poll::Ready(may) = Pin::new(&mut awaited.answer).poll(cx)
        {
            self.on_claim(may.ok(), scratch, now);
            self.perform(scratch, now);
        }
        while let Some(awaited) =
            self.waiting.as_mut().and_then(|waiting| waiting.handover.as_mut())
            && let Poll::Ready(answer) = Pin::new(&mut awaited.answer).poll(cx)
        {
            self.on_handover(answer.unwrap_or(Handover::Again), scratch, now);
            self.perform(scratch, now);
        }
        while let Some(waiting) = &mut self.waiting {
            let Some(barrier) = waiting.barriers.front_mut() else { break };
            if Pin::new(&mut barrier.done).poll(cx).is_pending() {
                break;
            }
            let Some(barrier) = waiting.barriers.pop_front() else { break };
            self.hub.announced.on_passed(barrier.count);
            self.subscribed(&barrier.request, scratch);
        }
    }
}
