//! A connection between two processes: it stands still in the one that ends, and goes on in the one that follows.

use std::{
    net::TcpStream,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use socket2::SockRef;
use tokio::sync::mpsc;

use super::{Connection, Place, Scratch};
use crate::{
    broker::{channel::Shared, close::CloseReason, frozen::Frozen, session::Session},
    node::{forward::Forwarded, hub::Hub, mailbox::Mailbox, registry::Parked, transport::Stream},
    time::Time,
};

/// What a connection waits for has this long to come. Longer than other nodes and a barrier take.
const LIMIT: Duration = Duration::from_secs(3);

/// What is left of a connection.
#[derive(Debug)]
pub struct Still {
    /// Its socket.
    pub socket: TcpStream,
    /// [`Frozen::encode`]
    pub(crate) record: Vec<u8>,
}

/// The order to stand still, and where to leave what the next process needs. A connection that it cannot take ends.
#[derive(Clone, Debug)]
pub struct Order {
    /// How many more it takes.
    places: Arc<AtomicUsize>,
    to: mpsc::Sender<Still>,
}

impl Order {
    /// For up to `most` connections. All have obeyed when the channel is closed.
    pub(crate) fn new(most: usize) -> (Self, mpsc::Receiver<Still>) {
        let (to, stills) = mpsc::channel(most.max(1));
        (Self { places: Arc::new(AtomicUsize::new(most)), to }, stills)
    }

    fn take_place(&self) -> bool {
        let less = |places: usize| places.checked_sub(1);
        self.places.fetch_update(Ordering::AcqRel, Ordering::Acquire, less).is_ok()
    }
}

/// A connection that obeys an order.
pub(super) struct Standing {
    order: Order,
    pub(super) until: Time,
}

/// A connection that goes on in this process.
pub(crate) struct Thawed {
    pub(crate) frozen: Frozen,
    pub(crate) session: Box<Session>,
    pub(crate) mailbox: Arc<Mailbox>,
}

impl Connection {
    /// Nothing more is read, so that nothing new is begun.
    pub(super) fn on_order(&mut self, order: Order, scratch: &mut Scratch, now: Time) {
        let can = matches!(self.stream, Stream::Tcp(_)) && self.channel.is_up();
        if can && order.take_place() {
            self.waiting().standing = Some(Standing { order, until: now + LIMIT });
        } else {
            self.close(CloseReason::ShuttingDown, scratch, now);
        }
    }

    /// Leaves everything to the next process if nothing is awaited any more. False: it goes on waiting, or ends.
    pub(super) fn stand_still(&mut self, scratch: &mut Scratch, now: Time) -> bool {
        let Some(waiting) = self.waiting.as_mut().filter(|_| self.closing.is_none()) else {
            return false;
        };
        let quiet = waiting.is_quiet();
        let Some(Standing { order, .. }) =
            waiting.standing.take_if(|standing| quiet || standing.until <= now)
        else {
            return false;
        };
        let still = if quiet { self.take_apart(now) } else { None };
        match still {
            Some(still) => {
                // There is a place, so there is room.
                let _ = order.to.try_send(still);
                true
            }
            None => {
                self.close(CloseReason::ShuttingDown, scratch, now);
                false
            }
        }
    }

    fn take_apart(&mut self, now: Time) -> Option<Still> {
        let Stream::Tcp(tcp) = &self.stream else { return None };
        let cookie = SockRef::from(tcp).cookie().ok()?;
        let mailbox = self.mailbox.clone()?;
        let (mut frozen, session) = self.channel.freeze()?;
        frozen.cookie = cookie;
        frozen.unread = std::mem::take(&mut self.carry);
        frozen.unsent = self.unsent.take().map(|unsent| unsent.bytes).unwrap_or_default();
        if let Some(waiting) = &mut self.waiting {
            frozen.replays = waiting.replays.take();
        }
        let parked = Parked {
            session,
            identity: None,
            expires_at: now + frozen.expiry(),
            will: None,
            since: self.hub.clock.wall(),
        };
        self.hub.registry.stand(Box::new(parked), &mailbox);
        self.mailbox = None;
        let Stream::Tcp(tcp) = std::mem::replace(&mut self.stream, Stream::none()) else {
            return None;
        };
        let record = frozen.encode(now);
        Some(Still { socket: tcp.into_std().ok()?, record })
    }

    /// The connection goes on where it stood still in the process before.
    pub(crate) fn thaw(
        stream: Stream,
        thawed: Thawed,
        shared: Arc<Shared>,
        hub: Arc<Hub>,
        place: Place,
    ) -> Self {
        let now = hub.clock.now();
        let Thawed { mut frozen, session, mailbox } = thawed;
        let carry = std::mem::take(&mut frozen.unread);
        let unsent = std::mem::take(&mut frozen.unsent);
        let replays = std::mem::take(&mut frozen.replays);
        let peer = frozen.peer;
        let mut connection = Self::new(stream, peer, shared.clone(), hub, place);
        connection.channel = frozen.into_channel(shared, session, now);
        connection.mailbox = Some(mailbox);
        connection.carry = carry;
        connection.unsent =
            (!unsent.is_empty()).then(|| Box::new(super::Unsent { bytes: unsent, since: now }));
        // Held by nothing: the first turn looks at what came before.
        let held = Some(Forwarded { awaited: Vec::new(), since: now, bell: None });
        let waiting = connection.waiting();
        waiting.held = held;
        // They may have changed while no process ran.
        waiting.rules_anew = true;
        replays.into_iter().for_each(|replay| waiting.replays.push(replay));
        connection
    }
}
