//! Drives one `broker::channel` over one stream: the shell of a connection, one task, nothing else per client.
//!
//! Cost of one small message in and one out, one at a time: a `recv`, a `send`, and a share of `epoll_wait`. A turn reads into
//! the worker's buffer, hands packets to the channel, takes deliveries from the mailbox, and writes once. An idle connection owns
//! no buffer: an unfinished packet is copied out, unsent bytes stay here. What few connections have stands behind a box.

#[cfg(test)]
mod by_hand;
mod closing;
mod opening;
mod reading;
mod replaying;
mod signals;
mod standing;
mod traced;
mod waiting;
mod writing;

use std::{
    cell::RefCell,
    future::Future,
    net::SocketAddr,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, Waker},
    time::Duration,
};

use tokio::time::Sleep;

pub(super) use self::standing::{Order, Still, Thawed};
use self::{
    closing::{Closing, LINGER},
    waiting::{Barrier, LOOK, Waiting},
    writing::Unsent,
};
use super::{
    forward::Forwarded,
    hub::Hub,
    listener::places::{Place, Room},
    mailbox::Mailbox,
    publish::Publisher,
    transport::Stream,
    work,
};
use crate::{
    broker::{
        Message,
        access::Action as Right,
        asking::Denial,
        channel::{Action, Channel, Out, Reply, Routed, Shared},
        close::CloseReason,
        connect::Certified,
        mqueue::Delivery,
        rate::Pace,
        stats::Metric,
        subscribing::{Granted, SubscribeRequest},
        subscriptions::Subscriber,
    },
    time::Time,
};

/// Bytes of the read buffer of a worker.
const READ: usize = 64 << 10;
/// Bytes taken from the mailbox, of what is owed, and of retained messages, before a write.
const WRITE: usize = 64 << 10;
/// A worker's buffer that has grown above this is given back.
const REUSE_MAX: usize = 2 << 20;
/// Reads of a full buffer before others get their turn.
const READS: usize = 4;
/// Rounds of a turn before others get theirs.
const ROUNDS: usize = 16;
/// Time for CONNECT when few places are left.
const CROWDED: Duration = Duration::from_secs(5);

/// Buffers of a worker, used by whichever connection has its turn.
struct Scratch {
    /// The stream was not asked for more, as much is to be written first: nothing it has wakes anybody.
    deaf: bool,
    /// What was done in this turn: [`work::TURN`].
    work: usize,
    read: Box<[u8]>,
    out: Vec<u8>,
    actions: Vec<Action>,
    deliveries: Vec<Delivery>,
    bells: Vec<Waker>,
}

impl Default for Scratch {
    fn default() -> Self {
        Self {
            deaf: false,
            work: 0,
            read: vec![0; READ].into_boxed_slice(),
            out: Vec::with_capacity(WRITE),
            actions: Vec::new(),
            deliveries: Vec::new(),
            bells: Vec::new(),
        }
    }
}

impl Scratch {
    /// One turn of a connection.
    fn turn<T>(&mut self, turn: impl FnOnce(&mut Self) -> T) -> T {
        let mut under_way = Turn { scratch: self, done: false };
        let done = turn(under_way.scratch);
        under_way.done = true;
        done
    }
}

/// A turn that is under way. What one that panicked has left is not for the next: it may be without a buffer, and hold what the
/// other was sent and was to do. But whom it has given messages is told so.
struct Turn<'a> {
    scratch: &'a mut Scratch,
    done: bool,
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        if self.done {
            self.scratch.out.clear();
            self.scratch.out.shrink_to(REUSE_MAX);
        } else {
            self.scratch.bells.drain(..).for_each(Waker::wake);
            *self.scratch = Scratch::default();
        }
    }
}

thread_local! {
    static SCRATCH: RefCell<Scratch> = RefCell::default();
}

/// One connection. Its future ends when the connection does.
pub(super) struct Connection {
    stream: Stream,
    channel: Channel,
    hub: Arc<Hub>,
    mailbox: Option<Arc<Mailbox>>,
    /// An unfinished packet; others before it if the connection is behind.
    carry: Vec<u8>,
    unsent: Option<Box<Unsent>>,
    waiting: Option<Box<Waiting>>,
    timer: Option<Pin<Box<Sleep>>>,
    closing: Option<Box<Closing>>,
    _place: Place,
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
        scratch.work = 0;
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
            if scratch.work >= work::TURN {
                break;
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
        let lost = self.waiting.as_ref().and_then(|waiting| waiting.lost);
        if lost.is_some() && self.reads() {
            return false;
        }
        let blocked = self.unsent.as_ref().map(|unsent| unsent.since).or(lost).map(|at| at + limit);
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
        let takes = self.takes();
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
                        scratch.work += request.subscriptions.len();
                        if let Some(session) = self.channel.session() {
                            for to in &request.subscriptions {
                                self.hub.unsubscribe(to, session.number);
                            }
                            if let (Some(wanted), Some(mailbox)) = (&request.denied, &self.mailbox)
                            {
                                scratch.work += mailbox.len();
                                let gone = mailbox.retain(|one| wanted.has(&one.message));
                                self.hub.stats.add(Metric::DeliveryDropped, gone as u64);
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
        scratch.work += outcome.work;
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

    fn subscribe(&mut self, mut request: Box<SubscribeRequest>, scratch: &mut Scratch) {
        let (Some(session), Some(mailbox)) = (self.channel.session(), &self.mailbox) else {
            return;
        };
        let (number, upgrade) = (session.number, self.channel.settings().upgrade_qos);
        scratch.work += request.granted.len();
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
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::broker::session::Session;

    #[derive(Default)]
    struct Counter(std::sync::atomic::AtomicUsize);

    impl std::task::Wake for Counter {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        }
    }

    #[test]
    fn a_turn_that_panicked_leaves_nothing_to_the_next() {
        let mut scratch = Scratch::default();
        let kept = scratch.turn(|scratch| {
            scratch.out.push(1);
            scratch.out.as_ptr()
        });
        assert_eq!(scratch.turn(|scratch| scratch.out.as_ptr()), kept, "buffers are used again");
        let counter = Arc::new(Counter::default());
        let bell = Waker::from(counter.clone());
        let panicked = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            scratch.turn(|scratch| {
                scratch.out.extend_from_slice(b"for another client");
                scratch.bells.push(bell);
                drop(std::mem::take(&mut scratch.read));
                panic!("planted");
            })
        }));
        assert!(panicked.is_err());
        assert_eq!(
            counter.0.load(std::sync::atomic::Ordering::Relaxed),
            1,
            "who has mail hears of it"
        );
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
