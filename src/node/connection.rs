//! Drives one `broker::channel` over one stream: the shell of a connection, one task, nothing else per client.
//!
//! Cost of one small message in and one out, one at a time: a `recv`, a `send`, and a share of `epoll_wait`. A turn reads into
//! the worker's buffer, hands packets to the channel, takes deliveries from the mailbox, and writes once. An idle connection owns
//! no buffer: an unfinished packet is copied out, unsent bytes stay here. What few connections have stands behind a box.

#[cfg(test)]
mod by_hand;
mod closing;
mod opening;
mod replaying;
mod standing;
mod traced;

use std::{
    cell::RefCell,
    collections::VecDeque,
    future::Future,
    io,
    net::SocketAddr,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, Waker},
    time::Duration,
};

use tokio::{io::ReadBuf, sync::oneshot, time::Sleep};

pub(super) use self::standing::{Order, Still, Thawed};
use self::{
    closing::{Closing, LINGER},
    opening::{AwaitedClaim, AwaitedSession},
    replaying::Replays,
    standing::Standing,
};
use super::{
    authorizer::Asking,
    clients::ClientRow,
    forward::{Forwarded, LIMIT},
    hub::Hub,
    mailbox::{self, Mailbox, Signal, Taker},
    places::{Place, Room},
    publish::Publisher,
    registry::Handover,
    transport::Stream,
    websocket::{CloseCode, Violation},
};
use crate::{
    broker::{
        Message,
        access::{Action as Right, Refusal, Verdict},
        asking::Denial,
        channel::{Action, Channel, Finished, Out, Reply, Routed, Shared},
        close::CloseReason,
        connect::Certified,
        mqueue::Delivery,
        portable::Portable,
        rate::Pace,
        stats::Metric,
        subscribing::{Granted, SubscribeRequest},
        subscriptions::Subscriber,
        verdicts::{Question, Ruling},
    },
    mqtt::{PacketType, ReasonCode, frame},
    time::Time,
};

/// Bytes of the read buffer of a worker.
const READ: usize = 64 << 10;
/// Bytes taken from the mailbox, and of retained messages, before a write.
const WRITE: usize = 64 << 10;
/// A worker's buffer that has grown above this is given back.
const REUSE_MAX: usize = 2 << 20;
/// Reads of a full buffer before others get their turn.
const READS: usize = 4;
/// Rounds of a turn before others get theirs.
const ROUNDS: usize = 16;
/// Time for CONNECT when few places are left.
const CROWDED: Duration = Duration::from_secs(5);
/// So many refusals by the rules are told of a client within [`DENIALS_IN`]; all are counted.
const DENIALS: u8 = 8;
const DENIALS_IN: Duration = Duration::from_secs(1);
/// How often it is looked whether a client that is held is still there.
const LOOK: Duration = Duration::from_millis(500);

/// Buffers of a worker, used by whichever connection has its turn.
struct Scratch {
    /// A turn is under way; seen at the next one, it ended in a panic.
    busy: bool,
    /// The stream was not asked for more, as much is to be written first: nothing it has wakes anybody.
    deaf: bool,
    read: Box<[u8]>,
    out: Vec<u8>,
    actions: Vec<Action>,
    deliveries: Vec<Delivery>,
    bells: Vec<Waker>,
}

impl Default for Scratch {
    fn default() -> Self {
        Self {
            busy: false,
            deaf: false,
            read: vec![0; READ].into_boxed_slice(),
            out: Vec::with_capacity(WRITE),
            actions: Vec::new(),
            deliveries: Vec::new(),
            bells: Vec::new(),
        }
    }
}

impl Scratch {
    /// One turn of a connection. What one that panicked has left is not for the next: it may be without a buffer, and hold
    /// what the other was sent and was to do.
    fn turn<T>(&mut self, turn: impl FnOnce(&mut Self) -> T) -> T {
        if self.busy {
            *self = Self::default();
        }
        self.busy = true;
        let done = turn(self);
        self.out.clear();
        self.out.shrink_to(REUSE_MAX);
        self.busy = false;
        done
    }
}

thread_local! {
    static SCRATCH: RefCell<Scratch> = RefCell::default();
}

/// A SUBACK that waits until every node knows.
struct Barrier {
    done: oneshot::Receiver<()>,
    /// For [`Hub::announced`].
    count: u64,
    request: Box<SubscribeRequest>,
}

/// What a connection waits for beside its socket and its mailbox; most wait for nothing.
#[derive(Default)]
struct Waiting {
    verdict: Option<oneshot::Receiver<Verdict>>,
    claim: Option<AwaitedClaim>,
    handover: Option<AwaitedSession>,
    rulings: Option<oneshot::Receiver<Vec<Ruling>>>,
    barriers: VecDeque<Barrier>,
    replays: Replays,
    forwards: VecDeque<Forwarded>,
    /// The message behind which nothing is read: a node that wants it is up and has too much to acknowledge.
    held: Option<Forwarded>,
    /// When it is looked whether the client that is held is still there.
    look_at: Time,
    /// It is not: what it sent before is read to the end, and not taken for nodes that are too slow.
    ended: bool,
    /// The next process takes the connection, as soon as it waits for nothing else.
    standing: Option<Standing>,
    /// How much the client may send, where that is limited.
    pace: Option<Pace>,
    /// When it last began to be told that the rules refuse something, and how often since.
    denied: Option<(Time, u8)>,
}

impl Waiting {
    fn is_over(&self, now: Time) -> bool {
        let told = self.denied.is_some_and(|(at, _)| now.since(at) < DENIALS_IN);
        let last = self.replays.is_empty() && self.standing.is_none() && self.pace.is_none();
        last && !told && self.is_quiet()
    }

    /// Whether one more refusal by the rules is told.
    fn tells_denied(&mut self, now: Time) -> bool {
        let (at, told) =
            self.denied.filter(|(at, _)| now.since(*at) < DENIALS_IN).unwrap_or((now, 0));
        self.denied = Some((at, told.saturating_add(1)));
        told < DENIALS
    }

    /// When the turn is to begin again: another node is too slow, or it is looked whether a held client is there.
    fn again_at(&self) -> Option<Time> {
        let slow = self.forwards.front().map(|front| front.since + LIMIT);
        let look = self.held.is_some().then_some(self.look_at);
        [slow, look].into_iter().flatten().min()
    }

    /// When a pause may be over, or standing still is.
    fn over_at(&self, now: Time) -> Option<Time> {
        let paused = self.pace.as_ref().and_then(Pace::until).map(|until| until.min(now + LOOK));
        let stood = self.standing.as_ref().map(|standing| standing.until);
        [paused, stood].into_iter().flatten().min()
    }

    /// Nothing is awaited from outside.
    fn is_quiet(&self) -> bool {
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

/// One connection. Its future ends when the connection does.
pub(super) struct Connection {
    stream: Stream,
    channel: Channel,
    hub: Arc<Hub>,
    mailbox: Option<Arc<Mailbox>>,
    /// An unfinished packet.
    carry: Vec<u8>,
    unsent: Option<Box<Unsent>>,
    waiting: Option<Box<Waiting>>,
    timer: Option<Pin<Box<Sleep>>>,
    closing: Option<Box<Closing>>,
    _place: Place,
}

/// Bytes the kernel did not take.
struct Unsent {
    bytes: Vec<u8>,
    /// When it last took some.
    since: Time,
}

impl Future for Connection {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        SCRATCH.with_borrow_mut(|scratch| scratch.turn(|scratch| self.turn(cx, scratch)))
    }
}

impl Connection {
    pub(super) fn new(
        stream: Stream,
        peer: SocketAddr,
        shared: Arc<Shared>,
        hub: Arc<Hub>,
        place: Place,
    ) -> Self {
        let pace = Pace::new(shared.settings.messages_in, shared.settings.bytes_in);
        let waiting = pace.map(|pace| Waiting { pace: Some(pace), ..Waiting::default() });
        let channel = Channel::new(shared, peer, hub.clock.now());
        Self {
            stream,
            channel,
            hub,
            mailbox: None,
            carry: Vec::new(),
            unsent: None,
            waiting: waiting.map(Box::new),
            timer: None,
            closing: None,
            _place: place,
        }
    }

    /// How much room there was for it: with none left it is told so, with little its CONNECT must not take long.
    pub(super) fn hurry(&mut self, room: Room) {
        match room {
            Room::Plenty => {}
            Room::Little => self.channel.hurry(CROWDED),
            Room::None => self.channel.turn_away(LINGER),
        }
    }

    /// A certificate names this client.
    pub(super) fn certify(&mut self, certified: Certified) {
        self.channel.certify(certified);
    }

    fn turn(&mut self, cx: &mut Context<'_>, scratch: &mut Scratch) -> Poll<()> {
        for _ in 0..ROUNDS {
            let now = self.hub.clock.now();
            scratch.out.clear();
            scratch.deaf = false;
            if self.closing.is_some() {
                return self.linger(cx, scratch, now);
            }
            let mut ended = self.flush(cx, now);
            if ended.is_none() {
                self.on_signals(scratch, now);
                ended = self.read(cx, scratch, now);
                let held = !self.reads();
                self.poll_pace(now);
                self.poll_waiting(cx, scratch, now);
                if held && self.reads() {
                    self.resume(cx, scratch, now);
                }
            }
            self.ring(scratch);
            if ended.is_none() {
                ended = self.deliver_and_write(cx, scratch, now);
            }
            if let (None, Some(reason)) = (&self.closing, ended) {
                self.begin_close(reason, now, scratch);
            }
            if self.is_standing() && self.stand_still(scratch, now) {
                return Poll::Ready(());
            }
            if self.closing.is_some() {
                let _ = self.write(cx, &scratch.out, now);
                continue;
            }
            if self.sleep(cx, scratch, now) {
                return Poll::Pending;
            }
        }
        // There is more to do; others first.
        cx.waker().wake_by_ref();
        Poll::Pending
    }

    /// Arms the timer and hangs up the bell. `false` when there is something to do at once.
    fn sleep(&mut self, cx: &mut Context<'_>, scratch: &mut Scratch, now: Time) -> bool {
        if self.waiting.as_ref().is_some_and(|waiting| waiting.is_over(now)) {
            self.waiting = None;
        }
        let limit = self.channel.settings().send_timeout;
        let blocked = self.unsent.as_ref().map(|unsent| unsent.since + limit);
        // Of most connections nothing is awaited.
        let (again, over) = self
            .waiting
            .as_deref()
            .map_or((None, None), |waiting| (waiting.again_at(), waiting.over_at(now)));
        if again.is_some_and(|again| again <= now) {
            return false;
        }
        let due = [self.channel.deadline(), blocked, again, over].into_iter().flatten().min();
        if due.is_some_and(|due| due <= now) {
            scratch.out.clear();
            if blocked.is_some_and(|blocked| blocked <= now) {
                self.begin_close(CloseReason::SendTimeout, now, scratch);
            } else {
                let mut out = Out { bytes: &mut scratch.out, actions: &mut scratch.actions };
                self.channel.on_deadline(now, &mut out);
                self.perform(scratch, now);
            }
            let _ = self.write(cx, &scratch.out, now);
            return false;
        }
        if let Some(due) = due
            && !self.arm(cx, due)
        {
            return false;
        }
        let takes = self.unsent.is_none() && !self.is_standing();
        if takes && self.replay_room() > 0 {
            return false;
        }
        if scratch.deaf && self.unsent_len() <= self.channel.settings().write_high {
            return false;
        }
        let wants = takes.then(|| self.channel.window() > 0);
        self.mailbox.as_ref().is_none_or(|mailbox| mailbox.park(cx.waker(), wants))
    }

    /// One lazy timer: it is moved only when it fires or must fire earlier. `false` when it has fired.
    fn arm(&mut self, cx: &mut Context<'_>, due: Time) -> bool {
        let at = self.hub.clock.instant(due);
        match &mut self.timer {
            Some(timer) => {
                if at >= timer.deadline() && !timer.is_elapsed() {
                    return true;
                }
                timer.as_mut().reset(at);
                timer.as_mut().poll(cx).is_pending()
            }
            None => {
                let mut timer = Box::pin(tokio::time::sleep_until(at));
                let pending = timer.as_mut().poll(cx).is_pending();
                self.timer = Some(timer);
                pending
            }
        }
    }

    // Reading

    /// Packets are wanted: no session is being fetched, and no other node is too slow for this client.
    fn reads(&self) -> bool {
        self.channel.wants_packets() && !self.is_held() && !self.is_paused()
    }

    /// It has sent more than its rate allows.
    fn is_paused(&self) -> bool {
        self.pace().is_some_and(|pace| pace.until().is_some())
    }

    fn pace(&self) -> Option<&Pace> {
        self.waiting.as_ref()?.pace.as_ref()
    }

    /// Lets a client that was above its rate go on when it is time.
    fn poll_pace(&mut self, now: Time) {
        if self.is_paused() {
            self.channel.on_held(now);
            // What a client that has gone sent before is read to its end at once.
            if self.stream.has_ended()
                && let Some(waiting) = &mut self.waiting
            {
                waiting.pace = None;
            }
        }
        if let Some(pace) = self.waiting.as_mut().and_then(|waiting| waiting.pace.as_mut()) {
            pace.on_time(now);
        }
    }

    fn is_held(&self) -> bool {
        let holds = |waiting: &Waiting| waiting.held.is_some() || waiting.standing.is_some();
        self.waiting.as_deref().is_some_and(holds)
    }

    fn is_standing(&self) -> bool {
        self.waiting.as_ref().is_some_and(|waiting| waiting.standing.is_some())
    }

    fn read(
        &mut self,
        cx: &mut Context<'_>,
        scratch: &mut Scratch,
        now: Time,
    ) -> Option<CloseReason> {
        for _ in 0..READS {
            if !self.reads() || self.closing.is_some() {
                return None;
            }
            if self.unsent_len() + scratch.out.len() > self.channel.settings().write_high {
                scratch.deaf = true;
                return None;
            }
            let held = self.carry.len();
            if held >= READ / 2 {
                match self.read_large(cx, scratch, now) {
                    Poll::Pending => return None,
                    Poll::Ready(Some(reason)) => return Some(reason),
                    Poll::Ready(None) => continue,
                }
            }
            let room = scratch.read.get_mut(held..)?;
            let mut buffer = ReadBuf::new(room);
            match self.stream.poll_read(cx, &mut buffer) {
                Poll::Pending => return None,
                Poll::Ready(Err(error)) => return Some(broken(&error)),
                Poll::Ready(Ok(())) => {}
            }
            let got = buffer.filled().len();
            if got == 0 {
                return Some(CloseReason::TcpClosed);
            }
            self.hub.stats.add(Metric::BytesReceived, got as u64);
            if let Some(front) = scratch.read.get_mut(..held) {
                front.copy_from_slice(&self.carry);
            }
            self.carry.clear();
            let bytes = std::mem::take(&mut scratch.read);
            let used = self.on_bytes(bytes.get(..held + got).unwrap_or(&[]), scratch, now);
            self.carry.extend_from_slice(bytes.get(used..held + got).unwrap_or(&[]));
            if self.carry.is_empty() && self.carry.capacity() > 0 {
                self.carry = Vec::new();
            }
            scratch.read = bytes;
        }
        // There may be more; others first.
        cx.waker().wake_by_ref();
        None
    }

    /// Reads on after a wait: what came behind CONNECT first; the next turn asks the socket, whose bell is not hung up.
    fn resume(&mut self, cx: &mut Context<'_>, scratch: &mut Scratch, now: Time) {
        let bytes = std::mem::take(&mut self.carry);
        let used = self.on_bytes(&bytes, scratch, now);
        self.keep(bytes, used);
        cx.waker().wake_by_ref();
    }

    /// Keeps what is left of `bytes`: as it is where nothing was used, or each byte of a large packet would cost a copy of it.
    fn keep(&mut self, bytes: Vec<u8>, used: usize) {
        self.carry = if used == 0 { bytes } else { bytes.get(used..).unwrap_or(&[]).to_vec() };
    }

    /// A packet larger than half the worker's buffer grows in place, by what has come and never by what was claimed.
    fn read_large(
        &mut self,
        cx: &mut Context<'_>,
        scratch: &mut Scratch,
        now: Time,
    ) -> Poll<Option<CloseReason>> {
        let mut buffer = ReadBuf::new(&mut scratch.read);
        match self.stream.poll_read(cx, &mut buffer) {
            Poll::Pending => return Poll::Pending,
            Poll::Ready(Err(error)) => return Poll::Ready(Some(broken(&error))),
            Poll::Ready(Ok(())) => {}
        }
        if buffer.filled().is_empty() {
            return Poll::Ready(Some(CloseReason::TcpClosed));
        }
        self.hub.stats.add(Metric::BytesReceived, buffer.filled().len() as u64);
        self.carry.extend_from_slice(buffer.filled());
        let bytes = std::mem::take(&mut self.carry);
        let used = self.on_bytes(&bytes, scratch, now);
        self.keep(bytes, used);
        Poll::Ready(None)
    }

    /// Hands whole packets to the channel; returns how many bytes are used up.
    fn on_bytes(&mut self, bytes: &[u8], scratch: &mut Scratch, now: Time) -> usize {
        let mut used = 0;
        let mut packets = 0;
        let traced = self.hub.traces.is_on();
        while self.reads() && self.closing.is_none() {
            let rest = bytes.get(used..).unwrap_or(&[]);
            let Some(first) = rest.first() else { break };
            let mut out = Out { bytes: &mut scratch.out, actions: &mut scratch.actions };
            let found = self
                .channel
                .check_first(*first)
                .and_then(|()| frame::split(rest, self.channel.max_packet_size(rest)));
            match found {
                Ok(Some((header, body, total))) => {
                    used += total;
                    packets += 1;
                    self.channel.on_packet(header, body, now, &mut out);
                    if traced && !self.channel.is_asking() {
                        self.trace_received(header, body);
                    }
                    if self.channel.is_asking() {
                        // It is handed in again.
                        used -= total;
                        packets -= 1;
                    } else if let Some(waiting) = &mut self.waiting
                        && let Some(pace) = &mut waiting.pace
                    {
                        let is_message = header.packet_type() == PacketType::Publish;
                        if pace.on_packet(is_message, total, now) {
                            self.hub.stats.count(Metric::LimitRate);
                        }
                    }
                }
                Ok(None) => break,
                Err(error) => {
                    used = bytes.len();
                    self.channel.on_bad_frame(error, rest, &mut out);
                }
            }
            if !scratch.actions.is_empty() {
                self.perform(scratch, now);
            }
        }
        self.hub.stats.add(Metric::PacketsReceived, packets);
        used
    }

    // Actions

    fn perform(&mut self, scratch: &mut Scratch, now: Time) {
        while !scratch.actions.is_empty() {
            let mut actions = std::mem::take(&mut scratch.actions);
            for action in actions.drain(..) {
                match action {
                    Action::Publish(_, reply) | Action::Delay(_, _, reply)
                        if self.hub.memory.is_out() =>
                    {
                        self.refuse(reply, scratch);
                    }
                    Action::Publish(message, reply) => self.publish(&message, reply, scratch),
                    Action::Delay(message, delay, reply) => {
                        let settings = self.channel.settings();
                        let bounds = (settings.max_delayed, settings.max_delayed_bytes);
                        let kept = self.hub.delay(message, delay, bounds);
                        let routed = if kept { Routed::Done(true) } else { Routed::Refused };
                        let (bytes, actions) = (&mut scratch.out, &mut scratch.actions);
                        self.channel.on_routed(reply, routed, &mut Out { bytes, actions });
                    }
                    Action::Authenticate(proof) => {
                        self.authenticate(proof, scratch, now);
                    }
                    Action::Judge(verdict) => self.on_verdict(verdict, scratch, now),
                    Action::Ask(questions) => self.ask(questions),
                    Action::Open { client_id, clean_start } => {
                        self.open(client_id, clean_start, scratch, now);
                    }
                    Action::Subscribe(request) => self.subscribe(request, scratch),
                    Action::Unsubscribe(request) => {
                        if let Some(session) = self.channel.session() {
                            for to in &request.subscriptions {
                                self.hub.unsubscribe(to, session.number);
                            }
                        }
                        self.end_replays(&request.subscriptions);
                    }
                    Action::Deny(denial) => self.tell_denied(&denial, now),
                    Action::Close(reason) => self.begin_close(reason, now, scratch),
                }
            }
            if scratch.actions.is_empty() {
                scratch.actions = actions;
                break;
            }
        }
    }

    /// Memory is out, and nothing is taken from clients.
    fn refuse(&mut self, reply: Reply, scratch: &mut Scratch) {
        self.hub.stats.count(Metric::LimitMemory);
        self.hub.stats.count(Metric::MessagesDropped);
        let mut out = Out { bytes: &mut scratch.out, actions: &mut scratch.actions };
        if reply != Reply::None {
            self.channel.on_routed(reply, Routed::Refused, &mut out);
        }
    }

    fn tell_denied(&mut self, denial: &Denial, now: Time) {
        if !self.waiting().tells_denied(now) {
            return;
        }
        let client_id = self.channel.identity().map(|who| who.client_id.as_str());
        let (clientid, peer) = (client_id.unwrap_or_default(), self.channel.peer());
        let action = match denial.action {
            Right::Publish => "publish",
            Right::Subscribe => "subscribe",
        };
        let (topic, by) = (&*denial.topic, self.channel.denied_by(denial));
        tracing::info!(name: "denied", clientid, %peer, action, topic, by, "denied");
    }

    fn publish(&mut self, message: &Message, reply: Reply, scratch: &mut Scratch) {
        let patient = self.waiting.as_ref().is_none_or(|waiting| !waiting.ended);
        let publisher = Publisher {
            client_id: self.channel.identity().map(|identity| identity.client_id.as_str()),
            strict: reply != Reply::None && self.channel.version() == crate::mqtt::Version::V5,
            patient,
        };
        let outcome = self.hub.publish(message, publisher, &mut scratch.bells);
        if reply == Reply::None {
            return;
        }
        if !outcome.slow.is_empty() {
            self.hub.stats.count(Metric::MeshForwardHeld);
            let since = self.hub.clock.now();
            let waiting = self.waiting();
            waiting.held = Some(Forwarded::new(outcome.slow, since));
            waiting.look_at = since + LOOK;
        }
        let routed = if outcome.refused {
            Routed::Refused
        } else if outcome.full && !patient {
            Routed::Unheard
        } else if outcome.awaited.is_empty() || !self.hub.waits_for_peers {
            Routed::Done(outcome.matched)
        } else {
            let since = self.hub.clock.now();
            self.waiting().forwards.push_back(Forwarded::new(outcome.awaited, since));
            Routed::Waiting
        };
        let mut out = Out { bytes: &mut scratch.out, actions: &mut scratch.actions };
        self.channel.on_routed(reply, routed, &mut out);
    }

    /// Acknowledges what has arrived at the nodes that want it, in order.
    fn poll_forwards(&mut self, scratch: &mut Scratch, now: Time) {
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
    fn poll_held(&mut self, now: Time) {
        let Some(waiting) = &mut self.waiting else { return };
        let Some(held) = &mut waiting.held else { return };
        self.channel.on_held(now);
        if now >= waiting.look_at {
            waiting.look_at = now + LOOK;
            waiting.ended = self.stream.has_ended();
        }
        if waiting.ended || held.has_arrived() {
            waiting.held = None;
        } else if let Some(mailbox) = self.mailbox.clone() {
            held.ring(move || mailbox.poke());
        }
    }

    /// Has others asked what the client may do.
    fn ask(&mut self, questions: Vec<Question>) {
        let Some(asking) = Asking::of(&self.channel, questions) else { return };
        let answer = self.hub.authenticator.others.authorize(asking, self.hub.clock);
        self.waiting().rulings = Some(answer);
    }

    fn waiting(&mut self) -> &mut Waiting {
        self.waiting.get_or_insert_with(Box::default)
    }

    fn subscribe(&mut self, mut request: Box<SubscribeRequest>, scratch: &mut Scratch) {
        let (Some(session), Some(mailbox)) = (self.channel.session(), &self.mailbox) else {
            return;
        };
        let (number, upgrade) = (session.number, self.channel.settings().upgrade_qos);
        let mut taken = Vec::new();
        let room = self.hub.has_room_for_filters(request.granted.len());
        for (at, Granted { subscription, options, id, .. }) in request.granted.iter().enumerate() {
            if !room && self.hub.refuses_filter(&subscription.filter) {
                taken.push(at);
                continue;
            }
            let subscriber =
                Subscriber::new(mailbox.clone(), number, *id, *options).upgrading(upgrade);
            if subscription.is_exclusive() {
                if self.hub.subscribe_alone(subscription, subscriber).is_none() {
                    self.hub.unsubscribe(subscription, number);
                    taken.push(at);
                }
            } else {
                self.hub.subscribe(subscription, subscriber);
            }
        }
        for at in taken.into_iter().rev() {
            self.channel.on_taken(&mut request, at);
        }
        // Also where another client was the first of the filter: its route may be on its way still.
        let barrier = self.hub.barrier().filter(|_| !request.granted.is_empty());
        match barrier {
            Some((done, count)) => {
                self.waiting().barriers.push_back(Barrier { done, count, request });
            }
            None => self.subscribed(&request, scratch),
        }
    }

    fn subscribed(&mut self, request: &SubscribeRequest, scratch: &mut Scratch) {
        let mut out = Out { bytes: &mut scratch.out, actions: &mut scratch.actions };
        self.channel.on_subscribed(request.packet_id, &request.reasons, &mut out);
        self.begin_replays(&request.granted);
    }

    /// Looks at what the connection waits for beside its socket and mailbox.
    fn poll_waiting(&mut self, cx: &mut Context<'_>, scratch: &mut Scratch, now: Time) {
        if self.waiting.is_none() {
            return;
        }
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

    fn on_signals(&mut self, scratch: &mut Scratch, now: Time) {
        let Some(mailbox) = self.mailbox.clone() else { return };
        for signal in mailbox.signals() {
            match signal {
                Signal::Describe(tell) => {
                    if let Some(row) = ClientRow::of_channel(&self.channel, &mailbox) {
                        let _ = tell.send(row);
                    }
                }
                Signal::Kick if self.closing.is_none() => {
                    self.close(CloseReason::Kicked, scratch, now);
                }
                // The session has just gone to somebody else.
                Signal::Kick => {
                    if let Some(identity) = self.channel.identity() {
                        self.hub.kick(&identity.client_id);
                    }
                }
                Signal::Ban(target) if self.closing.is_none() => {
                    if self.channel.banned().is_some_and(|client| target.names(&client)) {
                        self.close(CloseReason::Banned, scratch, now);
                    }
                }
                Signal::Obey(order) if self.channel.is_up() && self.closing.is_none() => {
                    self.obey(*order, scratch, now);
                }
                Signal::CleanAclCache => self.channel.clean_acl_cache(),
                Signal::ShutDown if self.closing.is_none() => {
                    self.close(CloseReason::ShuttingDown, scratch, now);
                }
                Signal::Shed if self.closing.is_none() => {
                    self.close(CloseReason::MemoryShort, scratch, now);
                }
                Signal::StandStill(order) if self.closing.is_none() => {
                    self.on_order(order, scratch, now);
                }
                Signal::TakeOver { discard, taker, reply } if self.channel.is_up() => {
                    let discard = discard
                        || matches!(&taker, Taker::Client(user) if user.as_deref() != self.channel.owner());
                    self.hand_over(discard, reply, scratch, now);
                }
                Signal::TakeOver { reply, .. } => {
                    let _ = reply.send(Handover::Again);
                }
                Signal::Absorb(older, done) if self.channel.is_up() => {
                    let _ = done.send(self.absorb(*older, &mailbox));
                }
                // Who asked hears that it is gone.
                Signal::Obey(_)
                | Signal::Absorb(..)
                | Signal::Ban(_)
                | Signal::ShutDown
                | Signal::Shed
                | Signal::StandStill(_) => {}
            }
        }
    }

    /// Subscribes the client, or takes a subscription out, because an operator says so.
    fn obey(
        &mut self,
        (order, done): (mailbox::Order, oneshot::Sender<Result<(), &'static str>>),
        scratch: &mut Scratch,
        now: Time,
    ) {
        let mut out = Out { bytes: &mut scratch.out, actions: &mut scratch.actions };
        let obeyed = match order {
            mailbox::Order::Subscribe(to, qos) => {
                let obeyed = self.channel.subscribe_ordered(&to, qos, &mut out);
                self.perform(scratch, now);
                let session = self.channel.session();
                let has = session.is_some_and(|session| session.subscriptions.contains(&to));
                obeyed.and(if has {
                    Ok(())
                } else {
                    Err("no room for it, or another client has it")
                })
            }
            mailbox::Order::Unsubscribe(to) => {
                let obeyed = self.channel.unsubscribe_ordered(&to, &mut out);
                self.perform(scratch, now);
                obeyed
            }
        };
        let _ = done.send(obeyed);
    }

    /// What the client's session on another node had and this one has not.
    fn absorb(&mut self, older: Portable, mailbox: &Arc<Mailbox>) -> bool {
        let Some(news) = self.channel.absorb(older) else { return false };
        for (to, (options, id)) in news {
            if let Some(session) = self.channel.session() {
                let upgrade = self.channel.settings().upgrade_qos;
                let subscriber = Subscriber::new(mailbox.clone(), session.number, id, options);
                self.hub.subscribe(&to, subscriber.upgrading(upgrade));
            }
        }
        true
    }

    fn close(&mut self, reason: CloseReason, scratch: &mut Scratch, now: Time) {
        let mut out = Out { bytes: &mut scratch.out, actions: &mut scratch.actions };
        self.channel.close(reason, &mut out);
        self.perform(scratch, now);
    }

    fn hand_over(
        &mut self,
        discard: bool,
        reply: oneshot::Sender<Handover>,
        scratch: &mut Scratch,
        now: Time,
    ) {
        let reason = if discard { CloseReason::Discarded } else { CloseReason::TakenOver };
        let mut out = Out { bytes: &mut scratch.out, actions: &mut scratch.actions };
        self.channel.close(reason.clone(), &mut out);
        scratch.actions.clear();
        let mailbox = self.mailbox.take();
        let Finished { session, will, .. } = self.channel.finish();
        if let (Some(will), Some(session)) =
            (will.filter(|will| discard || will.delay.is_zero()), &session)
        {
            self.hub.publish_will(&session.client_id, *will);
        }
        // Before the next connection begins, so that what is told of the two comes in this order.
        self.begin_close(reason, now, scratch);
        match (session, discard) {
            (Some(session), false) => {
                let expiry = self.channel.expiry();
                if let Err(Handover::Session(session, _)) =
                    reply.send(Handover::Session(session, expiry))
                {
                    // The new connection is gone already: the session waits for the next.
                    if let Some(mailbox) = mailbox {
                        self.park(session, now + self.channel.expiry(), None, &mailbox);
                    }
                }
            }
            (Some(session), true) => {
                self.hub.stats.count(Metric::SessionDiscarded);
                if let Some(mailbox) = mailbox {
                    self.hub.forget(&session.client_id, &mailbox);
                    self.hub.end_session(&session, &mailbox);
                    // Who asked while it ended; nobody else will answer.
                    self.hub.answer_again(&session.client_id, &mailbox);
                }
                let _ = reply.send(Handover::Again);
            }
            (None, _) => {
                let _ = reply.send(Handover::Again);
            }
        }
    }

    // Delivering and writing

    fn deliver_and_write(
        &mut self,
        cx: &mut Context<'_>,
        scratch: &mut Scratch,
        now: Time,
    ) -> Option<CloseReason> {
        loop {
            let free = self.unsent.is_none() && !self.is_standing();
            if free && self.channel.is_up() && self.closing.is_none() {
                self.take_retained(scratch);
                if let Some(mailbox) = &self.mailbox {
                    let window = self.channel.window();
                    let window = window.saturating_sub(scratch.deliveries.len());
                    mailbox.take((window, WRITE), now, &mut scratch.deliveries);
                }
                if !scratch.deliveries.is_empty() {
                    let mut out = Out { bytes: &mut scratch.out, actions: &mut scratch.actions };
                    self.channel.on_deliveries(&mut scratch.deliveries, now, &mut out);
                }
            }
            if scratch.out.is_empty() {
                return None;
            }
            if let Some(reason) = self.write(cx, &scratch.out, now) {
                return Some(reason);
            }
            scratch.out.clear();
            if self.unsent.is_some() || self.closing.is_some() {
                return None;
            }
        }
    }

    /// Writes, once; what the kernel does not take stays in `unsent`.
    fn write(&mut self, cx: &mut Context<'_>, bytes: &[u8], now: Time) -> Option<CloseReason> {
        if bytes.is_empty() {
            return None;
        }
        if self.hub.traces.is_on() {
            self.trace_sent(bytes);
        }
        if let Some(unsent) = &mut self.unsent {
            unsent.bytes.extend_from_slice(bytes);
            return None;
        }
        let sent = match self.stream.poll_write(cx, bytes) {
            Poll::Ready(Ok(sent)) => sent,
            Poll::Ready(Err(_)) => return Some(CloseReason::TcpClosed),
            Poll::Pending => 0,
        };
        self.hub.stats.add(Metric::BytesSent, sent as u64);
        let rest = bytes.get(sent..).unwrap_or(&[]);
        if !rest.is_empty() {
            self.unsent = Some(Box::new(Unsent { bytes: rest.to_vec(), since: now }));
            return self.flush(cx, now);
        }
        None
    }

    /// Writes what was left over. Progress moves the limit on.
    fn flush(&mut self, cx: &mut Context<'_>, now: Time) -> Option<CloseReason> {
        let Some(unsent) = &mut self.unsent else {
            return self.stream.poll_flush(cx).is_err().then_some(CloseReason::TcpClosed);
        };
        let mut done = 0;
        while let Some(rest) = unsent.bytes.get(done..).filter(|rest| !rest.is_empty()) {
            match self.stream.poll_write(cx, rest) {
                Poll::Ready(Ok(sent)) => {
                    done += sent;
                    unsent.since = now;
                    self.hub.stats.add(Metric::BytesSent, sent as u64);
                }
                Poll::Ready(Err(_)) => return Some(CloseReason::TcpClosed),
                Poll::Pending => break,
            }
        }
        if done >= unsent.bytes.len() {
            self.unsent = None;
        } else if done > 0 {
            unsent.bytes.drain(..done);
        }
        None
    }

    fn unsent_len(&self) -> usize {
        self.unsent.as_ref().map_or(0, |unsent| unsent.bytes.len())
    }

    fn ring(&self, scratch: &mut Scratch) {
        scratch.bells.drain(..).for_each(Waker::wake);
        self.hub.flush_links();
    }
}

/// Why a stream ended with an error: the network, or a rule of the layer below MQTT that the client broke.
fn broken(error: &io::Error) -> CloseReason {
    let rule = error.get_ref().and_then(|error| error.downcast_ref::<Violation>());
    let Some(Violation { code, what }) = rule else { return CloseReason::TcpClosed };
    let reason = match code {
        CloseCode::TooBig => ReasonCode::PacketTooLarge,
        CloseCode::Normal | CloseCode::Protocol | CloseCode::Unacceptable => {
            ReasonCode::ProtocolError
        }
    };
    CloseReason::Violation { reason, what }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::broker::session::Session;

    #[test]
    fn a_turn_that_panicked_leaves_nothing_to_the_next() {
        let mut scratch = Scratch::default();
        let kept = scratch.turn(|scratch| {
            scratch.out.push(1);
            scratch.out.as_ptr()
        });
        assert_eq!(scratch.turn(|scratch| scratch.out.as_ptr()), kept, "buffers are used again");
        let panicked = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            scratch.turn(|scratch| {
                scratch.out.extend_from_slice(b"for another client");
                drop(std::mem::take(&mut scratch.read));
                panic!("planted");
            })
        }));
        assert!(panicked.is_err());
        scratch.turn(|scratch| assert_eq!((scratch.read.len(), scratch.out.len()), (READ, 0)));
    }

    #[test]
    fn an_idle_connection_is_small() {
        assert!(size_of::<Connection>() <= 256, "{}", size_of::<Connection>());
        // With the two counters of an Arc, a block of 160.
        assert!(size_of::<Mailbox>() <= 144, "{}", size_of::<Mailbox>());
        assert!(size_of::<Session>() <= 168, "{}", size_of::<Session>());
    }
}
