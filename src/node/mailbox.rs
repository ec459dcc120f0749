//! A session's mailbox: its message queue behind a small lock, and the bell of the connection that empties it.
//!
//! Publishers push; the first whose message the connection waits for gets the bell and rings it at the end of its own read
//! batch, so that n messages cost one wake-up, and those to a client whose socket or window is full cost none. The lock is a leaf:
//! nothing else is locked while it is held.

use std::{
    collections::{BTreeSet, VecDeque},
    sync::{
        Arc, Mutex, MutexGuard,
        atomic::{AtomicBool, Ordering},
    },
    task::Waker,
    time::Duration,
};

use tokio::sync::oneshot;

use super::{clients::ClientRow, connection, locks, registry::Handover};
use crate::{
    broker::{
        Settings,
        bans::Target,
        mqueue::{Bounds, Delivery, MQueue, Pushed},
        portable::Portable,
        subscribing::Wanted,
    },
    mqtt::QoS,
    time::Time,
    topic::share::Subscription,
};

/// So long after the client was claimed it is remembered what was taken out: a session of it on another node may have got the same.
const LATELY: Duration = Duration::from_secs(600);
/// So many messages, the last ones.
const TAKEN: usize = 256;

/// What an operator wants of a client.
#[derive(Debug)]
pub enum Order {
    /// To get these messages, at most with this QoS.
    Subscribe(Subscription, QoS),
    /// To get them no more.
    Unsubscribe(Subscription),
    /// Go to another node: to this server, if it is named.
    GoElsewhere(Option<Arc<str>>),
}

/// Who wants a session.
#[derive(Debug)]
pub enum Taker {
    /// A client of this node, with the user name that sessions of its belong to.
    Client(Option<Box<str>>),
    /// Another node, for a client there; it looks whose the session is.
    Node,
}

/// What another task wants of the connection that owns a mailbox.
#[derive(Debug)]
pub enum Signal {
    /// Hand the session over, or throw it away when `discard` or when it is not the taker's.
    TakeOver {
        /// The new connection wants a clean start.
        discard: bool,
        /// Who asks.
        taker: Taker,
        /// Where the session goes.
        reply: oneshot::Sender<Handover>,
    },
    /// Take in the subscriptions of the client's session on another node; say what of its messages may follow. `None`: it was another
    /// user's.
    Absorb(Box<Portable>, oneshot::Sender<Option<Wanted>>),
    /// An operator ends the connection and its session.
    Kick,
    /// Who is named is banned from now on: the same for whom it names.
    Ban(Arc<[Target]>),
    /// An operator subscribes the client, takes a subscription out or sends it away; what became of it is told.
    Obey(Box<(Order, oneshot::Sender<Result<(), &'static str>>)>),
    /// What others said about the client is to be asked again.
    CleanAclCache,
    /// There are other rules of access.
    Rules,
    /// The node stops.
    ShutDown,
    /// Memory is short, and what waited for the client is gone.
    Shed,
    /// Another process takes the place of this one: be ready to go on there.
    StandStill(connection::Order),
    /// Tell what `clients list` shows.
    Describe(oneshot::Sender<ClientRow>),
}

/// What a push did.
#[derive(Debug, Default)]
pub struct Pushing {
    /// Ring it at the end of the batch.
    pub bell: Option<Waker>,
    /// Messages that had to go for want of room, the message itself perhaps.
    pub dropped: usize,
    /// It is of QoS 0, and does not wait for a client that is not there.
    pub unstored: bool,
}

/// What few mailboxes have.
#[derive(Debug, Default)]
struct Rare {
    signals: Vec<Signal>,
    taken: Option<Taken>,
}

/// Numbers in the cluster of the messages that were taken out lately.
#[derive(Debug)]
struct Taken {
    until: Time,
    numbers: VecDeque<u64>,
}

impl Taken {
    fn note(&mut self, number: u64) {
        if number != 0 {
            if self.numbers.len() >= TAKEN {
                self.numbers.pop_front();
            }
            self.numbers.push_back(number);
        }
    }
}

#[derive(Debug)]
struct Inner {
    queue: MQueue,
    bounds: Bounds,
    store_qos0: bool,
    /// Memory is short: half of the bounds counts.
    tight: bool,
    bell: Option<Waker>,
    /// Which messages the bell is for, as [`Mailbox::park`] was told.
    wants: Option<bool>,
    rare: Option<Box<Rare>>,
    poked: bool,
    /// Stops at the end.
    dropped: u32,
}

impl Inner {
    fn count_dropped(&mut self, messages: usize) {
        self.dropped = self.dropped.saturating_add(u32::try_from(messages).unwrap_or(u32::MAX));
    }

    fn has_signals(&self) -> bool {
        self.rare.as_ref().is_some_and(|rare| !rare.signals.is_empty())
    }

    fn note_taken(&mut self, taken: &[Delivery], now: Time) {
        let Some(rare) = &mut self.rare else { return };
        match &mut rare.taken {
            Some(known) if known.until > now => {
                taken.iter().for_each(|one| known.note(one.message.number()));
            }
            Some(_) => {
                rare.taken = None;
                if rare.signals.is_empty() {
                    self.rare = None;
                }
            }
            None => {}
        }
    }

    const fn bounds(&self) -> Bounds {
        if self.tight { self.bounds.halved() } else { self.bounds }
    }

    /// The bell, if the connection waits for a message of this QoS.
    fn bell_for(&mut self, qos: QoS) -> Option<Waker> {
        let wanted = self.wants.is_some_and(|window| window || qos == QoS::AtMostOnce);
        if wanted { self.bell.take() } else { None }
    }
}

/// The mailbox of one session.
#[derive(Debug)]
pub struct Mailbox {
    inner: Mutex<Inner>,
    connected: AtomicBool,
    /// Hybrid time of the claim with Clean Start under which the session began here; 0: it began without.
    clean_since: u64,
}

impl Mailbox {
    /// An empty mailbox with the bounds of a zone.
    #[must_use]
    pub fn new(settings: &Settings) -> Self {
        Self {
            inner: Mutex::new(Inner {
                queue: MQueue::default(),
                bounds: Bounds::new(settings.mqueue_len, settings.mqueue_bytes),
                store_qos0: settings.mqueue_store_qos0,
                tight: false,
                bell: None,
                wants: None,
                rare: None,
                poked: false,
                dropped: 0,
            }),
            connected: AtomicBool::new(true),
            clean_since: 0,
        }
    }

    /// The same for a session that begins with Clean Start, under the claim of time `claim`.
    #[must_use]
    pub fn clean(self, claim: u64) -> Self {
        Self { clean_since: claim, ..self }
    }

    /// The session began here with Clean Start, under this claim: nothing of an older one is to be put in. 0: it did not.
    #[must_use]
    pub const fn clean_since(&self) -> u64 {
        self.clean_since
    }

    #[inline]
    fn lock(&self) -> MutexGuard<'_, Inner> {
        locks::lock(&self.inner)
    }

    /// A connection empties it.
    #[must_use]
    pub fn is_connected(&self) -> bool {
        self.connected.load(Ordering::Relaxed)
    }

    /// A connection starts or stops to empty it. Returns how many messages do not wait for the next.
    pub fn set_connected(&self, connected: bool) -> usize {
        self.connected.store(connected, Ordering::Relaxed);
        let mut inner = self.lock();
        if connected {
            return 0;
        }
        inner.bell = None;
        if inner.store_qos0 {
            return 0;
        }
        inner.queue.drop_qos0()
    }

    /// Puts a message in.
    pub fn push(&self, delivery: Delivery) -> Pushing {
        let mut inner = self.lock();
        if delivery.qos == QoS::AtMostOnce && !inner.store_qos0 && !self.is_connected() {
            return Pushing { unstored: true, ..Pushing::default() };
        }
        let (bounds, qos) = (inner.bounds(), delivery.qos);
        match inner.queue.push(delivery, bounds) {
            Pushed::Queued => Pushing { bell: inner.bell_for(qos), ..Pushing::default() },
            Pushed::Displaced(dropped) => {
                inner.count_dropped(dropped);
                Pushing { bell: inner.bell_for(qos), dropped, unstored: false }
            }
            Pushed::Refused => {
                inner.count_dropped(1);
                Pushing { dropped: 1, ..Pushing::default() }
            }
        }
    }

    /// Puts a message in if nothing has to go for it and nothing says that it must not wait here; gives it back otherwise.
    ///
    /// # Errors
    /// There is no room for it.
    pub fn offer(&self, delivery: Delivery) -> Result<Pushing, Delivery> {
        let mut inner = self.lock();
        if delivery.qos == QoS::AtMostOnce && !inner.store_qos0 && !self.is_connected() {
            return Err(delivery);
        }
        let (bounds, qos) = (inner.bounds(), delivery.qos);
        inner.queue.offer(delivery, bounds)?;
        Ok(Pushing { bell: inner.bell_for(qos), ..Pushing::default() })
    }

    /// Takes out what came to the session as to a member of a group, as [`MQueue::take_shared`].
    #[must_use]
    pub fn take_shared(&self) -> Vec<Delivery> {
        self.lock().queue.take_shared()
    }

    /// Takes messages out, as [`MQueue::take`].
    pub fn take(&self, (window, bytes): (usize, usize), now: Time, out: &mut Vec<Delivery>) {
        let before = out.len();
        let mut inner = self.lock();
        inner.queue.take(window, bytes, out);
        if inner.rare.is_some() {
            inner.note_taken(out.get(before..).unwrap_or_default(), now);
        }
    }

    /// The client was just claimed: messages that are taken out from here on, and those `under_way`, are known to
    /// [`Self::prepend`] for a while.
    pub fn remember(&self, under_way: impl Iterator<Item = u64>, now: Time) {
        let mut taken = Taken { until: now + LATELY, numbers: VecDeque::new() };
        under_way.for_each(|number| taken.note(number));
        let mut inner = self.lock();
        let rare = inner.rare.get_or_insert_default();
        if let Some(before) = &rare.taken {
            before.numbers.iter().for_each(|number| taken.note(*number));
        }
        rare.taken = Some(taken);
    }

    /// Numbers of the messages that were taken out lately, as far as that is remembered.
    #[must_use]
    pub fn taken(&self) -> Vec<u64> {
        let inner = self.lock();
        let taken = inner.rare.iter().filter_map(|rare| rare.taken.as_ref());
        taken.flat_map(|taken| taken.numbers.iter().copied()).collect()
    }

    /// Copies of what came in as number `from` or later, as [`MQueue::since`].
    #[must_use]
    pub fn since(&self, from: u64) -> (Vec<Delivery>, u64) {
        self.lock().queue.since(from)
    }

    /// Forgets what `keep` refuses; it looks at the messages without the lock, so that nobody who pushes waits. Returns how many went,
    /// those that had to make room for what came meanwhile among them. For the connection that empties it.
    pub fn retain(&self, keep: impl FnMut(&Delivery) -> bool) -> usize {
        let mut queue = self.lock().queue.clear();
        let gone = queue.retain(keep);
        let mut inner = self.lock();
        let bounds = inner.bounds();
        let displaced = inner.queue.put_back(queue, bounds);
        inner.count_dropped(displaced);
        gone + displaced
    }

    /// Forgets what came in before number `from`.
    pub fn forget_before(&self, from: u64) {
        self.lock().queue.forget_before(from);
    }

    /// Puts what waited for the client on another node before what waits here, as [`MQueue::prepend`], and rings. What was taken out
    /// lately is known too. Returns how many messages had to go.
    pub fn prepend(&self, older: Vec<Delivery>, known: &BTreeSet<u64>) -> usize {
        let (dropped, bell) = {
            let mut inner = self.lock();
            let bounds = inner.bounds();
            let taken = inner.rare.as_ref().and_then(|rare| rare.taken.as_ref());
            let taken = taken.map(|taken| taken.numbers.iter().chain(known).copied().collect());
            let dropped = inner.queue.prepend(older, taken.as_ref().unwrap_or(known), bounds);
            inner.count_dropped(dropped);
            (dropped, inner.bell.take())
        };
        if let Some(bell) = bell {
            bell.wake();
        }
        dropped
    }

    /// Memory is short: half of its bounds counts from now on, and what is above goes at once as far as it is QoS 0. Returns how
    /// many messages went.
    pub fn tighten(&self) -> usize {
        let mut inner = self.lock();
        inner.tight = true;
        let bounds = inner.bounds();
        let dropped = inner.queue.trim_qos0(bounds);
        inner.count_dropped(dropped);
        dropped
    }

    /// There is enough memory: all of its bounds counts.
    pub fn loosen(&self) {
        self.lock().tight = false;
    }

    /// Bytes waiting.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.lock().queue.bytes()
    }

    /// Drops all that waits, and has a connection that did not take it end. Returns how many messages went.
    pub fn shed(&self) -> usize {
        let gone = {
            let mut inner = self.lock();
            let gone = inner.queue.clear();
            inner.count_dropped(gone.len());
            gone
        };
        if self.is_connected() {
            self.signal(Signal::Shed);
        }
        gone.len()
    }

    /// Messages waiting.
    #[must_use]
    pub fn len(&self) -> usize {
        self.lock().queue.len()
    }

    /// Messages dropped so far for want of room.
    #[must_use]
    pub fn dropped(&self) -> u64 {
        self.lock().dropped.into()
    }

    /// Whether no message waits.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Leaves a signal and rings.
    pub fn signal(&self, signal: Signal) {
        let bell = {
            let mut inner = self.lock();
            inner.rare.get_or_insert_default().signals.push(signal);
            inner.bell.take()
        };
        if let Some(bell) = bell {
            bell.wake();
        }
    }

    /// Makes the connection look around, whatever it waits for.
    pub fn poke(&self) {
        let bell = {
            let mut inner = self.lock();
            inner.poked = true;
            inner.bell.take()
        };
        if let Some(bell) = bell {
            bell.wake();
        }
    }

    /// Takes the signals out.
    #[inline]
    pub fn signals(&self) -> Vec<Signal> {
        let mut inner = self.lock();
        inner.poked = false;
        let Some(rare) = &mut inner.rare else { return Vec::new() };
        let signals = std::mem::take(&mut rare.signals);
        if rare.taken.is_none() {
            inner.rare = None;
        }
        signals
    }

    /// Hangs the bell up before the connection sleeps. `false` when there is something to do first: a signal, or a message
    /// that the connection can take: `wants` says none, or with or without room in the in-flight window.
    pub fn park(&self, bell: &Waker, wants: Option<bool>) -> bool {
        let mut inner = self.lock();
        if inner.poked
            || inner.has_signals()
            || wants.is_some_and(|window| inner.queue.is_ready(window))
        {
            return false;
        }
        match &inner.bell {
            Some(old) if old.will_wake(bell) => {}
            _ => inner.bell = Some(bell.clone()),
        }
        inner.wants = wants;
        true
    }
}

#[cfg(test)]
mod tests {
    use std::{
        sync::atomic::AtomicUsize,
        task::{Wake, Waker},
    };

    use super::*;
    use crate::broker::{Message, message::Meta, mqueue::SubscriptionIds};

    #[derive(Default)]
    struct Counter(AtomicUsize);

    impl Wake for Counter {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }

    fn delivery(qos: QoS) -> Delivery {
        let meta = Meta { qos, retain: false, expires_at: None, publisher: 0 };
        let message = Message::new("t", &[], &[0; 1000], meta);
        Delivery { message, ids: SubscriptionIds::None, qos, retain: false, group: 0 }
    }

    /// How often the connection is woken by three messages of each QoS.
    #[track_caller]
    fn check(wants: Option<bool>, woken_by_qos0: usize, woken_by_qos1: usize) {
        let settings = Settings { mqueue_len: 2, ..Settings::default() };
        for (qos, woken) in [(QoS::AtMostOnce, woken_by_qos0), (QoS::AtLeastOnce, woken_by_qos1)] {
            let (mailbox, counter) = (Mailbox::new(&settings), Arc::new(Counter::default()));
            assert!(mailbox.park(&Waker::from(counter.clone()), wants));
            for _ in 0..3 {
                mailbox.push(delivery(qos)).bell.into_iter().for_each(Waker::wake);
            }
            assert_eq!(counter.0.load(Ordering::Relaxed), woken, "{qos:?}");
            // Whatever it waits for, a signal reaches it.
            mailbox.park(&Waker::from(counter.clone()), None);
            mailbox.signal(Signal::Kick);
            assert_eq!(counter.0.load(Ordering::Relaxed), woken + 1);
        }
    }

    #[test]
    fn a_connection_is_woken_for_what_it_can_take() {
        check(Some(true), 1, 1);
        check(Some(false), 1, 0);
        check(None, 0, 0);
    }

    #[test]
    fn a_message_for_which_others_had_to_go_wakes_too() {
        let mailbox = Mailbox::new(&Settings { mqueue_len: 2, ..Settings::default() });
        (0..2).for_each(|_| drop(mailbox.push(delivery(QoS::AtLeastOnce))));
        let counter = Arc::new(Counter::default());
        // The window is full of QoS 1; QoS 0 goes past it.
        assert!(mailbox.park(&Waker::from(counter), Some(false)));
        let pushing = mailbox.push(delivery(QoS::AtMostOnce));
        assert!((pushing.bell.is_some(), pushing.dropped) == (true, 1));
    }

    #[test]
    fn while_memory_is_short_half_of_the_bounds_counts() {
        let mailbox = Mailbox::new(&Settings { mqueue_len: 8, ..Settings::default() });
        (0..8).for_each(|_| drop(mailbox.push(delivery(QoS::AtMostOnce))));
        assert_eq!((mailbox.tighten(), mailbox.tighten()), (4, 0));
        assert_eq!(mailbox.push(delivery(QoS::AtMostOnce)).dropped, 1);
        assert!(mailbox.offer(delivery(QoS::AtMostOnce)).is_err());
        mailbox.loosen();
        assert_eq!(mailbox.push(delivery(QoS::AtMostOnce)).dropped, 0);
        assert!(mailbox.bytes() > 5000);
        assert_eq!((mailbox.shed(), mailbox.bytes(), mailbox.dropped()), (5, 0, 10));
        assert!(matches!(mailbox.signals()[..], [Signal::Shed]));
        mailbox.set_connected(false);
        assert_eq!((mailbox.shed(), mailbox.signals().len()), (0, 0));
    }

    #[test]
    fn what_is_larger_than_the_queue_may_be_has_no_room() {
        let mailbox = Mailbox::new(&Settings { mqueue_bytes: 500, ..Settings::default() });
        mailbox.set_connected(false);
        let pushing = mailbox.push(delivery(QoS::AtLeastOnce));
        assert_eq!((pushing.unstored, pushing.dropped, mailbox.dropped()), (false, 1, 1));
    }

    #[test]
    fn qos_0_that_does_not_wait_for_a_client_that_left_is_counted() {
        let mailbox = Mailbox::new(&Settings { mqueue_store_qos0: false, ..Settings::default() });
        for qos in [QoS::AtMostOnce, QoS::AtLeastOnce, QoS::AtMostOnce] {
            mailbox.push(delivery(qos));
        }
        assert_eq!(mailbox.set_connected(false), 2);
        let late = mailbox.push(delivery(QoS::AtMostOnce));
        assert_eq!((late.unstored, late.dropped), (true, 0));
        assert_eq!((mailbox.len(), mailbox.dropped()), (1, 0), "there was room");
    }

    fn numbered(number: u64) -> Delivery {
        let meta = Meta { qos: QoS::ExactlyOnce, retain: false, expires_at: None, publisher: 0 };
        Delivery {
            message: Message::new("t", &[], b"", meta).with_number(number),
            ids: SubscriptionIds::None,
            qos: QoS::ExactlyOnce,
            retain: false,
            group: 0,
        }
    }

    fn mailbox() -> Mailbox {
        let mailbox = Mailbox::new(&Settings { mqueue_len: 0, ..Settings::default() });
        mailbox.remember([1].into_iter(), Time::ZERO);
        mailbox
    }

    fn take(mailbox: &Mailbox, now: Time) -> Vec<u64> {
        let mut out = Vec::new();
        mailbox.take((usize::MAX, usize::MAX), now, &mut out);
        out.iter().map(|one| one.message.number()).collect()
    }

    #[test]
    fn what_was_taken_since_the_claim_does_not_come_again() {
        let mailbox = mailbox();
        (2..5).for_each(|number| drop(mailbox.push(numbered(number))));
        assert_eq!(take(&mailbox, Time::ZERO), [2, 3, 4]);
        mailbox.push(numbered(5));
        let older = [0, 1, 3, 4, 5, 6].map(numbered).into();
        assert_eq!(mailbox.prepend(older, &BTreeSet::from([6])), 0);
        assert_eq!(take(&mailbox, Time::ZERO), [0, 5]);
    }

    #[test]
    fn what_is_remembered_is_bounded_and_ends() {
        let mailbox = mailbox();
        for number in 2..1_000 {
            mailbox.push(numbered(number));
            take(&mailbox, Time::ZERO);
        }
        let taken = |mailbox: &Mailbox| {
            let inner = mailbox.lock();
            inner.rare.as_ref().map(|rare| rare.taken.as_ref().map(|taken| taken.numbers.len()))
        };
        assert_eq!(taken(&mailbox), Some(Some(TAKEN)));
        mailbox.remember([].into_iter(), Time::ZERO + LATELY);
        assert_eq!(taken(&mailbox), Some(Some(TAKEN)), "a new connection of the same session");
        assert!(mailbox.signals().is_empty() && !mailbox.lock().has_signals());
        take(&mailbox, Time::ZERO + 2 * LATELY);
        assert_eq!(taken(&mailbox), None, "nothing is left of it");
    }
}
