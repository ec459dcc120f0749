//! From one process to the next (`systemctl restart`): the node comes to rest and writes down what it has, and the next one goes on
//! with it. The format is `broker/estate.rs`; who keeps sockets and bytes meanwhile, `daemon/restart.rs`.
//!
//! What is written is read in whole before anything of it is used. For a moment nobody reads, so whatever a client was told stands:
//! what was acknowledged is in a queue, in the table of retained messages or with the subscriber.

mod retained;

use std::{
    collections::{BTreeSet, HashMap},
    fs::File,
    io::{self, BufReader, BufWriter, Read, Seek, SeekFrom, Write},
    os::fd::OwnedFd,
    path::Path,
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use socket2::Socket;
use tokio::{net::TcpStream, sync::mpsc, time::timeout};

use super::{
    Node,
    connection::{Connection, Order, Still, Thawed},
    hub::Hub,
    listener::Listening,
    locks,
    mailbox::{Mailbox, Signal},
    mesh::{Before, Left},
    registry::{KeptWill, Parked},
    state::State,
    transport::Stream,
};
use crate::{
    broker::{
        ClientId, Settings,
        connect::{Identity, RightsFrom},
        estate::{self, BadEstate, Estate, Kept, Reader, Records},
        frozen::Frozen,
        portable::Portable,
        session::Session,
        subscriptions::Subscriber,
    },
    cluster::{
        NodeId,
        legacy::{Legacy, WITHIN},
        versions::Versions,
        wire::WireError,
    },
    net::supervise,
    time::{Time, Wall},
};

/// A connection that was just accepted has this long to become one of a client that is served.
const ARRIVALS: Duration = Duration::from_millis(300);
/// All connections stand still within this time; the others are lost.
const STILL: Duration = Duration::from_secs(5);
/// Between two looks at what is waited for.
const LOOK: Duration = Duration::from_millis(2);
/// Rounds of orders: a client may have been let in during the one before.
const ROUNDS: usize = 3;
/// Name of the mesh port among what is kept for the next process.
pub const MESH: &str = "emqx-rs-mesh";

/// What the next process gets beside the bytes.
#[derive(Debug, Default)]
pub struct Sockets {
    /// Listening.
    pub listeners: Vec<OwnedFd>,
    /// Listening, for other nodes.
    pub mesh: Option<OwnedFd>,
    /// Of clients.
    pub clients: Vec<Still>,
    /// The place of the node in the cluster, to be written down.
    pub legacy: Legacy,
    /// What the retained messages have been through, as well.
    pub versions: Versions,
}

/// What the process before left.
#[derive(Debug)]
pub struct Inheritance {
    estate: Estate,
    legacy: Option<Legacy>,
    /// Sockets of clients by what the kernel calls them.
    sockets: HashMap<u64, Socket>,
}

/// The state of the process before is of no use.
#[derive(Debug, thiserror::Error)]
pub enum BadState {
    /// It cannot be read.
    #[error("state: {0}")]
    Io(#[from] io::Error),
    /// It is not understood.
    #[error(transparent)]
    Estate(#[from] BadEstate),
    /// Of it, the place of the node in the cluster.
    #[error("state: place in the cluster: {0}")]
    Mesh(#[from] WireError),
}

impl Inheritance {
    /// Reads `state`.
    ///
    /// # Errors
    /// [`BadState`]: this is a start like any other.
    pub fn read(state: File, sockets: Vec<Socket>, now: Time) -> Result<Self, BadState> {
        let mut estate = read(state, now)?;
        let mesh = std::mem::take(&mut estate.mesh);
        let legacy = Some(Legacy::read(mesh.iter().map(Vec::as_slice))?);
        let named = sockets.into_iter().filter_map(|one| Some((one.cookie().ok()?, one)));
        Ok(Self { estate, legacy, sockets: named.collect() })
    }

    /// The node that this is of.
    fn node_id(&self) -> NodeId {
        self.legacy.as_ref().map(|legacy| legacy.guid.node).unwrap_or_default()
    }

    /// Whether the process that left this was the last one with this data: nobody goes on twice from one place.
    fn is_of_last(&self, data_dir: &Path) -> bool {
        let left_by = self.legacy.as_ref().map(|legacy| legacy.process);
        left_by.is_some() && left_by == State::last_process(data_dir).ok()
    }

    /// The place of the node in the cluster, if this process comes in time to take it.
    fn take_legacy(&mut self, now: Wall) -> Option<Legacy> {
        let (stopped, now) = (self.estate.stopped.as_ms(), now.as_ms());
        let gap = now.checked_sub(stopped).map(Duration::from_millis);
        self.legacy.take().filter(|_| gap.is_some_and(|gap| gap <= WITHIN))
    }
}

fn read(mut state: File, now: Time) -> Result<Estate, BadState> {
    let mut left = state.metadata()?.len();
    state.seek(SeekFrom::Start(0))?;
    let mut state = BufReader::new(state);
    let mut first = [0; estate::HEAD];
    state.read_exact(&mut first).map_err(|_| BadEstate::Foreign)?;
    let mut reader = Reader::new(first)?;
    left = left.saturating_sub(first.len() as u64);
    let mut body = Vec::new();
    loop {
        let mut first = [0; estate::RECORD];
        state.read_exact(&mut first).map_err(|_| BadEstate::Cut)?;
        let (tag, len) = Reader::begin(first);
        left = left.saturating_sub(first.len() as u64);
        // Never more room than there are bytes.
        left = left.checked_sub(u64::from(len)).ok_or(BadEstate::Cut)?;
        body.resize(usize::try_from(len).unwrap_or(usize::MAX), 0);
        state.read_exact(&mut body).map_err(|_| BadEstate::Cut)?;
        if !reader.record(tag, &body, now)? {
            return Ok(reader.end()?);
        }
    }
}

impl Node {
    /// Brings everything to rest, so that the next process can go on with up to `most` connections over plain TCP, less one for each
    /// listener. The other connections end as in [`Node::drain`]. Other nodes are told that this one is back in a moment. There is
    /// no way back.
    pub async fn rest(&self, most: usize) -> Sockets {
        let listeners: Vec<_> = self.listeners.iter().filter_map(|one| one.take_kept()).collect();
        let most = most.saturating_sub(listeners.len() + usize::from(self.mesh.addr().is_some()));
        let _ = self.stop.send(true);
        let _ = timeout(Duration::from_secs(2), self.stop.closed()).await;
        let accepted = || -> usize { self.listeners.iter().map(|one| one.connections()).sum() };
        let quiet = || accepted() <= self.hub.registry.connected();
        let _ = timeout(ARRIVALS, until(quiet)).await;
        // Who gets in from here on would be missed: its session would be served, and be left to nobody.
        self.hub.resting.store(true, Ordering::Release);
        // What is published over HTTP and has not seen it yet comes before any of them stands still.
        self.hub.sections.passed().await;
        self.janitor.abort();
        self.hub.end_takeovers(ARRIVALS).await;
        let mut clients = Vec::new();
        for _ in 0..ROUNDS {
            if self.hub.registry.connected() == 0 {
                break;
            }
            let (order, mut stills) = Order::new(most.saturating_sub(clients.len()));
            self.hub.registry.signal_all(|| Signal::StandStill(order.clone()));
            drop(order);
            if timeout(STILL, gather(&mut stills, &mut clients)).await.is_err() {
                let left = self.hub.registry.connected();
                tracing::error!(name: "clients-lost", reason = %format_args!("{left} do not come to rest"), "clients are lost");
            }
        }
        // Those that end have their last word to say.
        let _ = timeout(ARRIVALS, until(|| accepted() == 0)).await;
        self.hub.hurry_wills();
        // What other nodes send from here on they keep.
        let Left { mut legacy, listener, versions } = self.mesh.rest().await;
        self.hub.sections.passed().await;
        legacy.messages = self.hub.next_message.load(Ordering::Acquire);
        Sockets { listeners, mesh: listener.map(OwnedFd::from), clients, legacy, versions }
    }

    /// Writes down what this node has, once it rests.
    ///
    /// # Errors
    /// `state` takes no more.
    pub fn write_estate(&self, state: &File, rested: &Sockets) -> io::Result<()> {
        let now = self.hub.clock.now();
        let (mut out, mut records) = (BufWriter::new(state), Records::default());
        out.write_all(&estate::head())?;
        let mut bytes = Vec::new();
        records.stopped(&mut bytes, self.hub.clock.wall());
        let mut result = Ok(());
        self.hub.registry.for_each_parked(|parked, mailbox, claim| {
            records.session(&mut bytes, &kept(parked, mailbox, claim, now), now);
            if result.is_ok() {
                result = out.write_all(&bytes);
            }
            bytes.clear();
        });
        result?;
        for still in &rested.clients {
            records.connection(&mut bytes, &still.record);
            out.write_all(&bytes)?;
            bytes.clear();
        }
        let written = state.metadata()?.len();
        self.hub.write_retained(
            &mut records,
            &mut out,
            retained::room(&self.hub.memory, written),
        )?;
        self.hub.write_versions(&mut records, &mut out, &rested.versions)?;
        for due in locks::lock(&self.hub.delayed).iter() {
            records.delayed(&mut bytes, due, now);
            out.write_all(&bytes)?;
            bytes.clear();
        }
        let routes_of = |node| locks::read(&self.hub.routes).routes_of(node);
        rested.legacy.write(routes_of, |piece| {
            records.mesh(&mut bytes, piece);
            let result = out.write_all(&bytes);
            bytes.clear();
            result
        })?;
        records.end(&mut bytes);
        out.write_all(&bytes)?;
        out.flush()
    }

    /// Tells clients that were to go on elsewhere that they do not.
    pub fn send_away(&self, clients: Vec<Still>) {
        let now = self.hub.clock.now();
        for still in clients {
            if let Ok(frozen) = Frozen::decode(&still.record, now) {
                // It does not block, and nobody waits for one that does not read.
                let _ = (&still.socket).write_all(&frozen.goodbye());
            }
        }
    }
}

async fn until(done: impl Fn() -> bool) {
    while !done() {
        tokio::time::sleep(LOOK).await;
    }
}

async fn gather(stills: &mut mpsc::Receiver<Still>, clients: &mut Vec<Still>) {
    while let Some(still) = stills.recv().await {
        clients.push(still);
    }
}

fn kept(parked: &Parked, mailbox: &Mailbox, claim: u64, now: Time) -> Kept {
    let mut state = Portable::of_session(&parked.session);
    state.queue = mailbox.since(0).0;
    state.expiry = parked.expires_at.since(now);
    state.will = parked.will.as_ref().map(|(will, at)| (will.clone(), at.since(now)));
    let (client_id, number) = (parked.session.client_id.clone(), parked.session.number);
    let clean_since = mailbox.clean_since();
    Kept { client_id, claim, number, since: parked.since, clean_since, state }
}

/// A connection that is to go on, and where.
struct Arriving {
    thawed: Thawed,
    socket: Socket,
    listening: Arc<Listening>,
}

/// Connections that go on when the routes of the other nodes are here.
#[derive(Default)]
pub(super) struct Arrivals(Vec<Arriving>);

impl Hub {
    /// What the process before left, if it may be used, and the place of the node in the cluster, if this process comes in time.
    pub(super) fn inherit(
        &self,
        left: Option<Inheritance>,
        data_dir: &Path,
    ) -> (Option<Inheritance>, Before) {
        let Some(mut left) = left else { return (None, Before::default()) };
        if !left.is_of_last(data_dir) {
            tracing::warn!(name: "clients-lost", reason = "what a process left was used before", "clients have to connect again");
            return (None, Before::default());
        }
        self.inherit_messages(&mut left);
        let versions = self.inherit_versions(left.node_id(), &left.estate.copy);
        let legacy = left.take_legacy(self.clock.wall());
        if let Some(legacy) = &legacy {
            self.next_message.store(legacy.messages, Ordering::Release);
        }
        (Some(left), Before { follows: true, versions, legacy })
    }

    /// Retained and delayed messages of the process before.
    fn inherit_messages(&self, inheritance: &mut Inheritance) {
        let now = self.clock.now();
        let entries = std::mem::take(&mut inheritance.estate.retained);
        inheritance.estate.retained = self.inherit_retained(entries);
        let mut delayed = locks::lock(&self.delayed);
        for (left, message) in inheritance.estate.delayed.drain(..) {
            delayed.push(message, now + left, (0, 0));
        }
    }

    /// Sessions of the process before, with what they subscribe to. Returns the connections that go on.
    pub(super) fn inherit_sessions(
        self: &Arc<Self>,
        inheritance: Inheritance,
        listeners: &[Arc<Listening>],
    ) -> Arrivals {
        let Inheritance { estate, mut sockets, legacy: _ } = inheritance;
        self.share_retained(estate.retained);
        self.number_sessions_above(estate.sessions.iter().map(|kept| kept.number).max());
        let named = |frozen: Frozen| (frozen.identity.client_id.clone(), frozen);
        let mut connections: HashMap<ClientId, Frozen> =
            estate.connections.into_iter().map(named).collect();
        let (mut arrivals, mut sessions) = (Vec::new(), 0);
        for kept in estate.sessions {
            sessions += 1;
            let Some(frozen) = connections.remove(&kept.client_id) else {
                self.inherit_parked(kept, None);
                continue;
            };
            let socket = sockets.remove(&frozen.cookie);
            let listening = socket.as_ref().and_then(|socket| {
                let local = socket.local_addr().ok()?.as_socket()?;
                listeners.iter().find(|one| one.accepted(local))
            });
            // Who was banned while nobody was there to end the connection.
            let banned = self.bans.reason(&frozen.banned(), self.clock);
            match (socket, listening.filter(|_| banned.is_none())) {
                (Some(socket), Some(listening)) => {
                    let thawed = self.inherit_live(kept, frozen, listening);
                    let listening = listening.clone();
                    arrivals.push(Arriving { thawed, socket, listening });
                }
                (socket, _) => {
                    if let Some(mut socket) = socket {
                        let _ = socket.write_all(&frozen.goodbye());
                    }
                    self.inherit_parked(kept, Some(frozen));
                }
            }
        }
        let pause_ms = self.clock.wall().as_ms().saturating_sub(estate.stopped.as_ms());
        tracing::info!(
            clients = arrivals.len(),
            sessions,
            pause_ms,
            "takes over from the process before"
        );
        Arrivals(arrivals)
    }

    fn inherit_live(&self, kept: Kept, frozen: Frozen, listening: &Listening) -> Thawed {
        let shared = locks::read(&listening.shared).clone();
        let (session, mailbox) = self.inherit_session(kept, &shared.settings).0;
        self.registry.inherit(&session.client_id, &mailbox, session.claim);
        let will = frozen.will().map(|will| KeptWill { claim: session.claim, will });
        self.registry.set_will(&session.client_id, will);
        Thawed { frozen, session, mailbox }
    }

    /// A session without a connection, or with one that is lost.
    fn inherit_parked(&self, kept: Kept, lost: Option<Frozen>) {
        let (now, wall) = (self.clock.now(), self.clock.wall());
        let since = if lost.is_some() { wall } else { kept.since };
        let settings = locks::read(&self.session_settings).clone();
        let ((session, mailbox), mut state) = self.inherit_session(kept, &settings);
        let identity = lost.as_ref().map_or_else(
            || Identity {
                client_id: session.client_id.clone(),
                username: state.username.take(),
                clean_start: false,
                keep_alive: 0,
                connected_at: session.created_at,
                ends_at: None,
                mount: None,
                rights: RightsFrom::Node,
            },
            |frozen| frozen.identity.clone(),
        );
        let expires_at = now + lost.as_ref().map_or(state.expiry, Frozen::expiry);
        let will = match lost {
            Some(frozen) => frozen.into_will().map(|will| will.due(now)),
            None => state.will.map(|(will, left)| (will, now + left)),
        };
        let parked =
            Parked { session, identity: Some(Box::new(identity)), expires_at, will, since };
        self.park(parked, &mailbox);
    }

    /// The session with its subscriptions and queue; and what else was kept of it.
    fn inherit_session(
        &self,
        kept: Kept,
        settings: &Settings,
    ) -> ((Box<Session>, Arc<Mailbox>), Portable) {
        let Kept { client_id, claim, number, clean_since, mut state, .. } = kept;
        let mailbox = Arc::new(Mailbox::new(settings).clean(clean_since));
        mailbox.remember(state.numbers_under_way().into_iter(), self.clock.now());
        let dropped = mailbox.prepend(std::mem::take(&mut state.queue), &BTreeSet::new());
        self.count_displaced(dropped);
        let rest = Portable {
            username: state.username.clone(),
            expiry: state.expiry,
            will: state.will.take(),
            ..Portable::default()
        };
        let session = Box::new(state.into_session(client_id, number, claim));
        for (to, (options, id)) in session.subscriptions.iter() {
            let subscriber = Subscriber::new(mailbox.clone(), session.number, id, options);
            self.subscribe(to, subscriber.upgrading(settings.upgrade_qos));
        }
        ((session, mailbox), rest)
    }

    /// The connections go on.
    pub(super) fn go_on(self: &Arc<Self>, arrivals: Arrivals) {
        for Arriving { thawed, socket, listening } in arrivals.0 {
            let client_id = thawed.session.client_id.clone();
            let tcp =
                socket.set_nonblocking(true).and_then(|()| TcpStream::from_std(socket.into()));
            match tcp {
                Ok(tcp) => {
                    let shared = locks::read(&listening.shared).clone();
                    let (stream, place) = (Stream::Tcp(tcp), listening.places.keep());
                    let connection = Connection::thaw(stream, thawed, shared, self.clone(), place);
                    supervise::spawn_unpin("connection", Box::new(connection));
                }
                Err(error) => {
                    tracing::error!(name: "clients-lost", clientid = %client_id, reason = %error, "connection is lost");
                    self.lose(thawed);
                }
            }
        }
    }

    /// The connection of a session does not go on after all.
    fn lose(&self, Thawed { mut frozen, mut session, mailbox }: Thawed) {
        let now = self.clock.now();
        session.replays = std::mem::take(&mut frozen.replays).into();
        let identity = Some(Box::new(frozen.identity.clone()));
        let expires_at = now + frozen.expiry();
        let will = frozen.into_will().map(|will| will.due(now));
        let since = self.clock.wall();
        let client_id = session.client_id.clone();
        self.park(Parked { session, identity, expires_at, will, since }, &mailbox);
        // Who asked for the session meanwhile took it for one with a connection.
        self.answer_again(&client_id, &mailbox);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        broker::{frozen, retained::Retained},
        net::clock::Clock,
        node::registry::{Handover, Opened},
    };

    #[test]
    fn who_waits_for_a_client_whose_socket_is_lost_is_answered() {
        let hub = Hub::new(Clock::system(), 1, Retained::default(), Arc::default());
        let frozen = frozen::tests::sample();
        let id = frozen.identity.client_id.clone();
        let mailbox = Arc::new(Mailbox::new(&Settings::default()));
        hub.registry.inherit(&id, &mailbox, 1);
        let opened = hub.registry.open(&id, (false, None), &mailbox, 2);
        let Opened::Wait(mut answer, _) = opened else { panic!("{opened:?}") };
        let session = Box::new(Session::new(1, id, Wall::default()));
        hub.lose(Thawed { frozen, session, mailbox });
        assert!(matches!(answer.try_recv(), Ok(Handover::Again)));
    }

    #[test]
    fn what_the_queue_of_now_has_no_room_for_is_counted() {
        use crate::broker::{Message, message::Meta, mqueue::Delivery};
        let hub = Hub::new(Clock::system(), 1, Retained::default(), Arc::default());
        let meta = Meta {
            qos: crate::mqtt::QoS::AtLeastOnce,
            retain: false,
            expires_at: None,
            publisher: 0,
        };
        let one = Delivery {
            message: Message::new("t", &[], b"x", meta),
            ids: crate::broker::mqueue::SubscriptionIds::None,
            qos: meta.qos,
            retain: false,
            group: 0,
        };
        let state = Portable { queue: vec![one; 5], ..Portable::default() };
        let (client_id, since) = (ClientId::new("c"), Wall::default());
        let kept = Kept { client_id, claim: 1, number: 1, since, clean_since: 0, state };
        let _ = hub.inherit_session(kept, &Settings { mqueue_len: 2, ..Settings::default() });
        let count = |name| hub.metrics().find(|(one, _)| *one == name).map(|(_, count)| count);
        assert_eq!(count("delivery.dropped"), Some(3));
        assert_eq!(count("delivery.dropped.queue_full"), Some(3));
    }
}
