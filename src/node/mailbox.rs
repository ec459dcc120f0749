//! A session's mailbox: its message queue behind a small lock, and the bell of the connection that empties it.
//!
//! Publishers push; the first whose message the connection waits for gets the bell and rings it at the end of its own read
//! batch, so that n messages cost one wake-up, and those to a client whose socket or window is full cost none. The lock is a leaf:
//! nothing else is locked while it is held.

use std::{
    collections::BTreeSet,
    sync::{
        Arc, Mutex, MutexGuard,
        atomic::{AtomicBool, Ordering},
    },
    task::Waker,
};

use tokio::sync::oneshot;

use super::{clients::ClientRow, connection, locks, registry::Handover};
use crate::{
    broker::{
        Settings,
        bans::Target,
        mqueue::{Bounds, Delivery, MQueue, Pushed},
        portable::Portable,
    },
    mqtt::QoS,
    topic::share::Subscription,
};

/// What an operator wants of a client.
#[derive(Debug)]
pub enum Order {
    /// To get these messages, at most with this QoS.
    Subscribe(Subscription, QoS),
    /// To get them no more.
    Unsubscribe(Subscription),
}

/// What another task wants of the connection that owns a mailbox.
#[derive(Debug)]
pub enum Signal {
    /// Hand the session over, or throw it away when `discard`.
    TakeOver {
        /// The new connection wants a clean start.
        discard: bool,
        /// Where the session goes.
        reply: oneshot::Sender<Handover>,
    },
    /// Take in the subscriptions and unfinished QoS 2 messages of the client's session on another node; say when that is done.
    Absorb(Box<Portable>, oneshot::Sender<()>),
    /// An operator ends the connection and its session.
    Kick,
    /// Who is named is banned from now on: the same for whom it names.
    Ban(Arc<Target>),
    /// An operator subscribes the client or takes a subscription out; what became of it is told.
    Obey(Box<(Order, oneshot::Sender<Result<(), &'static str>>)>),
    /// What others said about the client is to be asked again.
    CleanAclCache,
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
    /// Messages that had to go.
    pub dropped: usize,
    /// The message itself was one of them.
    pub refused: bool,
}

/// Few mailboxes have any.
#[derive(Debug, Default)]
struct Signals(Vec<Signal>);

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
    signals: Option<Box<Signals>>,
    poked: bool,
    dropped: u64,
}

impl Inner {
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
                signals: None,
                poked: false,
                dropped: 0,
            }),
            connected: AtomicBool::new(true),
        }
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        locks::lock(&self.inner)
    }

    /// A connection empties it.
    #[must_use]
    pub fn is_connected(&self) -> bool {
        self.connected.load(Ordering::Relaxed)
    }

    /// A connection starts or stops to empty it.
    pub fn set_connected(&self, connected: bool) {
        self.connected.store(connected, Ordering::Relaxed);
        let mut inner = self.lock();
        if !connected {
            inner.bell = None;
            if !inner.store_qos0 {
                inner.queue.drop_qos0();
            }
        }
    }

    /// Puts a message in.
    pub fn push(&self, delivery: Delivery) -> Pushing {
        let mut inner = self.lock();
        if delivery.qos == QoS::AtMostOnce && !inner.store_qos0 && !self.is_connected() {
            inner.dropped += 1;
            return Pushing { bell: None, dropped: 1, refused: true };
        }
        let (bounds, qos) = (inner.bounds(), delivery.qos);
        match inner.queue.push(delivery, bounds) {
            Pushed::Queued => Pushing { bell: inner.bell_for(qos), ..Pushing::default() },
            Pushed::Displaced(dropped) => {
                inner.dropped += dropped as u64;
                Pushing { bell: inner.bell_for(qos), dropped, refused: false }
            }
            Pushed::Refused => {
                inner.dropped += 1;
                Pushing { bell: None, dropped: 1, refused: true }
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
    pub fn take(&self, window: usize, bytes: usize, out: &mut Vec<Delivery>) {
        self.lock().queue.take(window, bytes, out);
    }

    /// Copies of what came in as number `from` or later, as [`MQueue::since`].
    #[must_use]
    pub fn since(&self, from: u64) -> (Vec<Delivery>, u64) {
        self.lock().queue.since(from)
    }

    /// Puts what waited for the client on another node before what waits here, as [`MQueue::prepend`], and rings. Returns
    /// how many messages had to go.
    pub fn prepend(&self, older: Vec<Delivery>, known: &BTreeSet<u64>) -> usize {
        let (dropped, bell) = {
            let mut inner = self.lock();
            let bounds = inner.bounds();
            let dropped = inner.queue.prepend(older, known, bounds);
            inner.dropped += dropped as u64;
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
        inner.dropped += dropped as u64;
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
            inner.dropped += gone.len() as u64;
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

    /// Messages dropped so far.
    #[must_use]
    pub fn dropped(&self) -> u64 {
        self.lock().dropped
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
            inner.signals.get_or_insert_default().0.push(signal);
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
    pub fn signals(&self) -> Vec<Signal> {
        let mut inner = self.lock();
        inner.poked = false;
        inner.signals.take().map(|signals| signals.0).unwrap_or_default()
    }

    /// Hangs the bell up before the connection sleeps. `false` when there is something to do first: a signal, or a message
    /// that the connection can take: `wants` says none, or with or without room in the in-flight window.
    pub fn park(&self, bell: &Waker, wants: Option<bool>) -> bool {
        let mut inner = self.lock();
        if inner.poked
            || inner.signals.is_some()
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
}
