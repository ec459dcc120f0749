//! Messages between nodes: what a publisher hands over, and the data connections that carry it.
//!
//! A publisher encodes its message into the batch of an [`OutStream`] under one short lock and wakes the writer at the end of
//! its read batch. The writer takes the whole batch, seals it in records of 64 KiB and writes once. The reader opens records in
//! place, hands each message on while it still lies in the buffer, and acknowledges once per wake-up.
//!
//! Cost of a message per peer: one lock and one copy here (two copies for QoS 1 and 2), the seal, and 1/n of a system call on
//! each side; nothing is allocated.

use std::{
    collections::VecDeque,
    fmt,
    pin::pin,
    sync::{
        Arc, Mutex, RwLock, Weak,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
};

use tokio::{
    io::AsyncReadExt,
    sync::{Notify, Semaphore},
};

pub use super::publish::Handed;
pub use crate::cluster::stream::{Expiry, Outgoing};
use crate::{
    broker::stats::{Metric, Stats},
    cluster::{
        NodeName,
        handshake::Established,
        records::{BadRecord, Opener, Sealer},
        stream::{Gap, Left, Push, RecvStream, SendStream, Unsent},
        wire::{Envelope, Frame, Kind, MORE, Received, WireError, cut_total, split},
    },
    net::clock::Clock,
    node::{
        locks::{lock, read, write},
        socket::{ReadHalf, Socket, WriteHalf, send},
        work,
    },
    topic::hashing::{GOLDEN, fnv, fnv_from},
};

/// Bytes that are read at once.
const READ: usize = 128 << 10;
/// Buffers above this size are given back after use.
const REUSE_MAX: usize = 2 << 20;
/// Longest message in fragments: more than MQTT can say. Its buffer grows with what arrives, never with what is claimed.
const MESSAGE_MAX: usize = 257 << 20;

/// Takes the messages of other nodes to the subscribers of this one.
pub trait Deliver: Send + Sync + 'static {
    /// A message of another node; `origin` and its number there make its number in the cluster. Must not block.
    fn deliver(&self, origin: u64, envelope: &Envelope<'_>) -> Handed;
    /// A message that this node sent to `by` found no member of these of its groups there.
    fn returned(&self, _by: &Arc<Peer>, _groups: u64, _envelope: &Envelope<'_>) {}
    /// No more messages for the moment: wake who got some. They are acknowledged to the sender after this.
    fn end_of_batch(&self);
    /// `cluster.autoheal.action = restart`: all clients and their sessions go, as when EMQX 4 heals.
    fn restart_clients(&self) {}
}

/// Refused messages that are told again over the next connection, the last ones.
const NACKS: usize = 1_024;

/// Called when a wait is over. Whoever waits keeps it; letting it go ends the wait.
pub type Waker = Arc<dyn Fn() + Send + Sync>;

/// Waits that are looked through for those given up, at least.
const WAITS: usize = 64;

/// What became of a message handed to [`OutStream::push`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Pushed {
    /// Number to wait for; 0 for QoS 0 and for what was not taken.
    pub seq: u64,
    /// Call [`OutStream::wake`] at the end of the read batch.
    pub first: bool,
    /// QoS 1 or 2 of somebody who cannot wait: not taken, too much is waiting for the peer.
    pub full: bool,
    /// Taken, but too much is waiting for the peer: the publisher is to be held until it has this message.
    pub over: bool,
}

struct Inner {
    stream: SendStream,
    waiters: Vec<(u64, Weak<dyn Fn() + Send + Sync>)>,
    /// With more of them than this, those that were given up are taken out.
    waiters_max: usize,
    pushed: u64,
}

/// Messages to one peer over one data connection after another.
pub struct OutStream {
    inner: Mutex<Inner>,
    /// The writer waits here.
    notify: Notify,
    /// Another connection carries the stream now.
    attached: Notify,
    acked: AtomicU64,
    up: AtomicBool,
    stats: Arc<Stats>,
}

impl OutStream {
    fn new(stream: SendStream, stats: Arc<Stats>) -> Self {
        let acked = AtomicU64::new(stream.acked());
        Self {
            inner: Mutex::new(Inner { stream, waiters: Vec::new(), waiters_max: WAITS, pushed: 0 }),
            notify: Notify::new(),
            attached: Notify::new(),
            acked,
            up: AtomicBool::new(false),
            stats,
        }
    }

    /// Encodes the message into the next batch; QoS 1 and 2 are kept until the peer acknowledges them, also while it is away.
    pub fn push(&self, message: &Outgoing<'_>) -> Pushed {
        let mut inner = lock(&self.inner);
        let (idle, dropped) = (inner.stream.is_idle(), inner.stream.dropped());
        let push = inner.stream.push(message);
        self.count_dropped(inner.stream.dropped() - dropped + u64::from(push == Push::Full));
        match push {
            Push::Kept(seq) => {
                inner.pushed += 1;
                Pushed { seq, first: idle, over: inner.stream.is_over(), full: false }
            }
            Push::Sent => {
                inner.pushed += 1;
                Pushed { first: idle, ..Pushed::default() }
            }
            Push::Dropped => Pushed::default(),
            Push::Full => Pushed { full: true, ..Pushed::default() },
        }
    }

    fn count_dropped(&self, messages: u64) {
        if messages > 0 {
            self.stats.add(Metric::MeshForwardDropped, messages);
        }
    }

    /// Wakes the writer: what was pushed goes out.
    pub fn wake(&self) {
        self.notify.notify_one();
    }

    /// Everything up to here is in the queues of the peer, or was given up.
    #[must_use]
    pub fn acked(&self) -> u64 {
        self.acked.load(Ordering::Acquire)
    }

    /// Whether the peer is up. While it is not, what is kept counts as done for the publisher.
    #[must_use]
    pub fn is_up(&self) -> bool {
        self.up.load(Ordering::Acquire)
    }

    /// Calls `waker` once: when message `seq` is acknowledged or the peer goes down. False: that is so already, and `waker` is
    /// not called.
    pub fn wait(&self, seq: u64, waker: &Waker) -> bool {
        let mut inner = lock(&self.inner);
        let waiting = inner.stream.acked() < seq && self.is_up();
        if waiting {
            if inner.waiters.len() >= inner.waiters_max {
                inner.waiters.retain(|(_, waker)| waker.strong_count() > 0);
                inner.waiters_max = WAITS.max(2 * inner.waiters.len());
            }
            inner.waiters.push((seq, Arc::downgrade(waker)));
        }
        waiting
    }

    /// Changes the stream under the lock, publishes what is acknowledged, and calls those who waited for it.
    fn change<T>(&self, change: impl FnOnce(&mut SendStream) -> T) -> T {
        let mut inner = lock(&self.inner);
        let dropped = inner.stream.dropped();
        let result = change(&mut inner.stream);
        self.count_dropped(inner.stream.dropped() - dropped);
        let acked = inner.stream.acked();
        self.acked.store(acked, Ordering::Release);
        let up = self.is_up();
        let mut done = Vec::new();
        if !inner.waiters.is_empty() {
            done.extend(inner.waiters.extract_if(.., |(seq, _)| *seq <= acked || !up));
        }
        drop(inner);
        done.iter().filter_map(|(_, waker)| waker.upgrade()).for_each(|waker| waker());
        result
    }

    fn set_up(&self, up: bool) {
        self.up.store(up, Ordering::Release);
        self.change(|stream| stream.expect(up));
    }

    fn attach(self: &Arc<Self>, peer: u64, received: Received) -> Attached {
        let epoch = self.change(|stream| stream.attach(peer, received));
        self.attached.notify_waiters();
        Attached { stream: self.clone(), epoch, ack_due: AtomicBool::new(false) }
    }
}

impl fmt::Debug for OutStream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OutStream").field("acked", &self.acked()).finish_non_exhaustive()
    }
}

/// A connection that carries a stream, until it is dropped.
struct Attached {
    stream: Arc<OutStream>,
    epoch: u64,
    /// The reader has something to acknowledge.
    ack_due: AtomicBool,
}

impl Attached {
    /// Moves what is to be sent to `out`. `None`: another connection carries the stream.
    fn take(&self, out: &mut Vec<u8>) -> Option<bool> {
        let now = Clock::system().now();
        let mut inner = lock(&self.stream.inner);
        inner.stream.age_next(now);
        let some = inner.stream.take(self.epoch, out);
        inner.stream.is_carried_by(self.epoch).then_some(some)
    }
}

impl Attached {
    /// Ends when another connection carries the stream, whatever this one is waiting for.
    async fn replaced(&self) -> Result<Never, End> {
        loop {
            let mut changed = pin!(self.stream.attached.notified());
            changed.as_mut().enable();
            if !lock(&self.stream.inner).stream.is_carried_by(self.epoch) {
                return Err(End::Replaced);
            }
            changed.await;
        }
    }
}

impl Drop for Attached {
    fn drop(&mut self) {
        self.stream.change(|stream| stream.detach(self.epoch));
        // A wake-up meant for the connection that follows may have gone to this one.
        self.stream.notify.notify_one();
    }
}

/// What went over the streams of a peer so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    /// Messages taken for the peer.
    pub forwarded: u64,
    /// Messages that came from it and were handed on.
    pub received: u64,
    /// Messages for it that were dropped.
    pub dropped: u64,
    /// Messages from it that came twice and were handed on once.
    pub repeats: u64,
    /// Messages that it gave up.
    pub lost: u64,
    /// Bytes kept for it.
    pub kept_bytes: usize,
}

struct InSide {
    stream: Mutex<RecvStream>,
    received: AtomicU64,
    /// Number of the last message that is in the queues of sessions.
    handed: AtomicU64,
    /// Messages that found no member of some of their groups, in order: told before they are acknowledged, and told again over the
    /// next connection, as nobody says that they have heard it.
    nacks: Mutex<VecDeque<(u64, u64)>>,
    /// Rings after each batch for those who wait for a message to be here.
    moved: Notify,
    /// One connection at a time hands messages on: at a change the new one waits until the old one has stopped.
    turn: Semaphore,
}

impl InSide {
    fn new(stream: RecvStream) -> Self {
        Self {
            handed: AtomicU64::new(stream.received(0).seq),
            stream: Mutex::new(stream),
            received: AtomicU64::new(0),
            nacks: Mutex::default(),
            moved: Notify::new(),
            turn: Semaphore::new(1),
        }
    }

    /// The sender has heard all about messages up to `seq`.
    fn heard(&self, seq: u64) {
        lock(&self.nacks).retain(|(one, _)| *one > seq);
    }

    /// What has arrived, as far as the sender may forget it before it hears another word.
    fn received(&self, stream: u8) -> Received {
        let received = lock(&self.stream).received(stream);
        let first = lock(&self.nacks).front().map_or(u64::MAX, |(seq, _)| seq - 1);
        Received { seq: received.seq.min(first), ..received }
    }

    /// Writes what there is to acknowledge, behind what was refused and is not `told` over this connection yet.
    fn acknowledge(&self, stream: u8, told: &mut u64, out: &mut Vec<u8>) {
        let mut nacks = lock(&self.nacks);
        for (seq, groups) in nacks.iter().filter(|(seq, _)| *seq > *told) {
            Frame::FwdNack { stream, seq: *seq, reason: 0, groups: *groups }.encode(out);
        }
        let old = nacks.len().saturating_sub(NACKS);
        nacks.drain(..old);
        drop(nacks);
        let Received { stream, incarnation, seq } = lock(&self.stream).received(stream);
        *told = seq;
        Frame::FwdAck { incarnation, stream, seq, credit: 0 }.encode(out);
    }
}

/// Where the numbers of the messages of a process begin in the cluster: far apart for any two, because they are hashes.
#[must_use]
pub fn origin(name: &NodeName, incarnation: u64) -> u64 {
    let hash = fnv_from(fnv("") ^ incarnation.wrapping_mul(GOLDEN), name.as_str());
    (hash ^ (hash >> 32)).wrapping_mul(0xbf58_476d_1ce4_e5b9)
}

/// Another node, for one of its process lives.
pub struct Peer {
    name: NodeName,
    incarnation: u64,
    /// Where the numbers of its messages begin in the cluster.
    origin: u64,
    own: u64,
    streams: Vec<Arc<OutStream>>,
    inward: Vec<InSide>,
    /// It says that it makes no progress, or that it is about to stop.
    avoided: AtomicBool,
}

impl Peer {
    /// Where the numbers of its messages begin in the cluster, and so a number for it that all nodes know.
    #[must_use]
    pub const fn origin(&self) -> u64 {
        self.origin
    }

    /// A node of this name with `streams` data connections that share `keep_bytes` for what is kept. `own` and `incarnation`
    /// are the process lives at this end and at the other.
    #[must_use]
    pub fn new(
        name: NodeName,
        (streams, keep_bytes): (u8, usize),
        own: u64,
        incarnation: u64,
        stats: &Arc<Stats>,
    ) -> Arc<Self> {
        let fresh = |_| (SendStream::new(own, 0), RecvStream::default());
        let streams = (0..streams.max(1)).map(fresh).collect();
        Self::going_on((name, incarnation), (own, keep_bytes), streams, stats)
    }

    /// As [`Self::new`], with at least one stream, as another process of this life has left them.
    #[must_use]
    pub fn going_on(
        (name, incarnation): (NodeName, u64),
        (own, keep_bytes): (u64, usize),
        streams: Vec<(SendStream, RecvStream)>,
        stats: &Arc<Stats>,
    ) -> Arc<Self> {
        let keep = keep_bytes / streams.len().max(1);
        let (mut out, mut inward) = (Vec::new(), Vec::new());
        for (mut stream, side) in streams {
            stream.set_keep_max(keep);
            stream.note_expiries(Clock::system().now());
            out.push(Arc::new(OutStream::new(stream, stats.clone())));
            inward.push(InSide::new(side));
        }
        let origin = origin(&name, incarnation);
        let avoided = AtomicBool::new(false);
        Arc::new(Self { name, incarnation, origin, own, streams: out, inward, avoided })
    }

    /// Returns when nothing of it is being handed on here; nothing is from then on. Its connections must have been told to end.
    pub async fn rest(&self) {
        for inward in &self.inward {
            if let Ok(turn) = inward.turn.acquire().await {
                turn.forget();
            }
        }
    }

    /// What it may not have heard of messages that found no member here, for another process of this life to tell: stream, number,
    /// groups.
    #[must_use]
    pub fn take_nacks(&self) -> Vec<(u8, u64, u64)> {
        let taken = |(stream, inward): (u8, &InSide)| {
            let nacks = std::mem::take(&mut *lock(&inward.nacks));
            nacks.into_iter().map(move |(seq, groups)| (stream, seq, groups))
        };
        (0..).zip(&self.inward).flat_map(taken).collect()
    }

    /// Another process of this life left this to be told.
    pub fn put_nacks(&self, nacks: Vec<(u8, u64, u64)>) {
        for (stream, seq, groups) in nacks {
            if let Some(inward) = self.inward.get(usize::from(stream)) {
                lock(&inward.nacks).push_back((seq, groups));
            }
        }
    }

    /// Takes its streams, for another process of this life to go on with.
    #[must_use]
    pub fn take_streams(&self) -> Vec<(SendStream, RecvStream)> {
        let taken = |(out, inward): (&Arc<OutStream>, &InSide)| {
            let empty = SendStream::new(self.own, 0);
            let mut stream = std::mem::replace(&mut lock(&out.inner).stream, empty);
            stream.age_all(Clock::system().now());
            (stream, *lock(&inward.stream))
        };
        self.streams.iter().zip(&self.inward).map(taken).collect()
    }

    /// Its name.
    #[must_use]
    pub const fn name(&self) -> &NodeName {
        &self.name
    }

    /// Its streams, at least one.
    #[must_use]
    pub fn streams(&self) -> &[Arc<OutStream>] {
        &self.streams
    }

    /// The stream of a publisher: always the same one, so that its messages keep their order.
    #[must_use]
    pub fn stream_of(&self, publisher: u64) -> Option<&Arc<OutStream>> {
        let at = usize::try_from(publisher).unwrap_or_default().checked_rem(self.streams.len());
        self.streams.get(at?)
    }

    /// Whether it is up.
    #[must_use]
    pub fn is_up(&self) -> bool {
        self.streams.first().is_some_and(|stream| stream.is_up())
    }

    /// Whether another node is better for what may go to either: this one is down, stalls, or is about to stop.
    #[must_use]
    pub fn is_avoided(&self) -> bool {
        !self.is_up() || self.avoided.load(Ordering::Relaxed)
    }

    /// It says how it does.
    pub fn set_avoided(&self, avoided: bool) {
        self.avoided.store(avoided, Ordering::Relaxed);
    }

    /// It went up or down. Down: who waits for it waits no longer; what is kept stays.
    pub fn set_up(&self, up: bool) {
        self.streams.iter().for_each(|stream| stream.set_up(up));
    }

    /// Its process life is over: what was kept for it is of no use to it. Returns that, for [`give_back`].
    #[must_use]
    pub fn gone(&self) -> Vec<Left> {
        self.set_up(false);
        let discard = |stream: &mut SendStream| {
            stream.age_all(Clock::system().now());
            stream.discard()
        };
        self.streams.iter().map(|stream| stream.change(discard)).collect()
    }

    /// How much of its messages arrived here.
    #[must_use]
    pub fn received(&self, stream: u8) -> Received {
        let inward = self.inward.get(usize::from(stream));
        inward.map_or(Received::default(), |inward| inward.received(stream))
    }

    /// Number of the last message sent to it, stream by stream.
    #[must_use]
    pub fn sent(&self) -> Vec<u64> {
        self.streams.iter().map(|stream| lock(&stream.inner).stream.last()).collect()
    }

    /// Returns when its messages up to these numbers, stream by stream, are handed on here.
    pub async fn arrived(&self, sent: &[u64]) {
        for (inward, last) in self.inward.iter().zip(sent) {
            loop {
                let mut moved = pin!(inward.moved.notified());
                moved.as_mut().enable();
                if inward.handed.load(Ordering::Acquire) >= *last {
                    break;
                }
                moved.await;
            }
        }
    }

    /// Sums over its streams.
    #[must_use]
    pub fn counters(&self) -> Counters {
        let mut sum = Counters::default();
        for stream in &self.streams {
            let inner = lock(&stream.inner);
            sum.forwarded += inner.pushed;
            sum.dropped += inner.stream.dropped();
            sum.kept_bytes += inner.stream.kept_bytes();
        }
        for inward in &self.inward {
            sum.received += inward.received.load(Ordering::Relaxed);
            let stream = *lock(&inward.stream);
            sum.repeats += stream.repeats();
            sum.lost += stream.lost();
        }
        sum
    }
}

impl fmt::Debug for Peer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Peer").field("name", &self.name).finish_non_exhaustive()
    }
}

/// The other nodes by their index in the route table. The mesh writes it, publishers read it.
#[derive(Debug, Default)]
pub struct Peers(RwLock<Vec<Option<Arc<Peer>>>>);

impl Peers {
    /// The node with this index.
    #[must_use]
    pub fn get(&self, index: u16) -> Option<Arc<Peer>> {
        let peers = read(&self.0);
        peers.get(usize::from(index))?.clone()
    }

    /// All of them.
    #[must_use]
    pub fn all(&self) -> Vec<Arc<Peer>> {
        let peers = read(&self.0);
        peers.iter().flatten().cloned().collect()
    }

    /// The index of a peer.
    #[must_use]
    pub fn index_of(&self, peer: &Arc<Peer>) -> Option<u16> {
        let same =
            |slot: &Option<Arc<Peer>>| slot.as_ref().is_some_and(|one| Arc::ptr_eq(one, peer));
        read(&self.0).iter().position(same).and_then(|at| u16::try_from(at).ok())
    }

    /// `peer` has this index from now on.
    pub fn set(&self, index: u16, peer: Arc<Peer>) {
        let mut peers = write(&self.0);
        let at = usize::from(index);
        if peers.len() <= at {
            peers.resize(at + 1, None);
        }
        if let Some(slot) = peers.get_mut(at) {
            *slot = Some(peer);
        }
    }

    /// Nobody has this index any more.
    pub fn remove(&self, index: u16) {
        let mut peers = write(&self.0);
        if let Some(slot) = peers.get_mut(usize::from(index)) {
            *slot = None;
        }
    }
}

/// Why a data connection ended.
#[derive(Debug, thiserror::Error)]
enum End {
    #[error("{0}")]
    Io(#[from] std::io::Error),
    #[error("{0}")]
    Record(#[from] BadRecord),
    #[error("{0}")]
    Wire(#[from] WireError),
    #[error("{0}")]
    Gap(#[from] Gap),
    #[error("{0}")]
    Unsent(#[from] Unsent),
    #[error("closed by the peer")]
    Closed,
    #[error("another connection took over")]
    Replaced,
}

/// Carries data stream `stream` of `peer` over a connection that passed its handshake; `leftover` came after it. Ends with the
/// connection; dropping it ends the connection. What was not acknowledged stays with the peer.
#[expect(
    clippy::too_many_arguments,
    reason = "the parts of a connection, each once, at its one start"
)]
pub async fn run_data(
    socket: Socket,
    established: Established,
    leftover: Vec<u8>,
    peer: Arc<Peer>,
    stream: u8,
    deliver: Arc<dyn Deliver>,
) {
    let at = usize::from(stream);
    let (Some(out), Some(inward)) = (peer.streams.get(at), peer.inward.get(at)) else {
        return tracing::info!(node = %peer.name, stream, "data connection for a stream that is not agreed on");
    };
    let Established { peer: hello, sealer, opener, .. } = established;
    if hello.hello.incarnation != peer.incarnation {
        return tracing::info!(node = %peer.name, "data connection of another process life");
    }
    let attached = out.attach(peer.incarnation, hello.hello.received);
    let Ok(_turn) = inward.turn.acquire().await else { return };
    let (read, write) = socket.into_split();
    attached.ack_due.store(!lock(&inward.nacks).is_empty(), Ordering::Release);
    let side = inward;
    let inward = Inward {
        peer: &peer,
        stream,
        side,
        attached: &attached,
        deliver: &*deliver,
        pending: Vec::new(),
        cut: None,
        work: 0,
        open: false,
    };
    let end = tokio::select! {
        end = inward.run(read, opener, leftover) => end,
        end = attached.replaced() => end,
        end = write_out(&attached, write, sealer, (side, stream)) => end,
    };
    match end {
        Err(end @ (End::Io(_) | End::Closed | End::Replaced)) => {
            tracing::debug!(node = %peer.name, stream, reason = %end, "data connection ended");
        }
        Err(end @ (End::Record(_) | End::Wire(_) | End::Gap(_) | End::Unsent(_))) => {
            tracing::warn!(node = %peer.name, stream, reason = %end, "data connection closed");
        }
        Ok(never) => match never {},
    }
}

/// What was kept for a process that is over goes to other members of the groups it was for. QoS 2 that may have arrived there ends
/// with that process, or somebody might get it twice. What goes to nobody else counts as dropped.
pub async fn give_back(peer: Arc<Peer>, left: Vec<Left>, deliver: Arc<dyn Deliver>) {
    for left in left {
        let sent = left.sent();
        for body in left {
            if !is_given_back(&peer, sent, &body, &*deliver)
                && let Some(stream) = peer.streams.first()
            {
                stream.count_dropped(1);
            }
            tokio::task::yield_now().await;
        }
    }
}

/// Whether the message is for groups alone, and goes to other members of them.
fn is_given_back(peer: &Arc<Peer>, sent: u64, body: &[u8], deliver: &dyn Deliver) -> bool {
    let Ok(envelope) = Envelope::decode(body) else { return false };
    let groups = envelope.targets.groups().take(64).fold(0, |bits, _| bits << 1 | 1);
    let given = groups != 0 && (envelope.flags.qos < 2 || envelope.seq > sent);
    if given {
        deliver.returned(peer, groups, &envelope);
    }
    given && !envelope.targets.plain
}

/// No value: the loops end with errors only.
enum Never {}

/// Writes what is pushed, and acknowledgements, one write per wake-up.
async fn write_out(
    attached: &Attached,
    mut write: WriteHalf,
    mut sealer: Sealer,
    (inward, number): (&InSide, u8),
) -> Result<Never, End> {
    let (mut plain, mut room, mut told) = (Vec::new(), Vec::new(), 0);
    loop {
        let some = attached.take(&mut plain).ok_or(End::Replaced)?;
        let due = attached.ack_due.swap(false, Ordering::AcqRel);
        if due {
            inward.acknowledge(number, &mut told, &mut plain);
        }
        if !some && !due {
            attached.stream.notify.notified().await;
            continue;
        }
        send(&mut write, sealer.sealed(&plain, &mut room)?).await?;
        for buffer in [&mut plain, &mut room] {
            buffer.clear();
            buffer.shrink_to(REUSE_MAX);
        }
    }
}

/// The reading side of a data connection.
struct Inward<'a> {
    peer: &'a Arc<Peer>,
    stream: u8,
    side: &'a InSide,
    attached: &'a Attached,
    deliver: &'a dyn Deliver,
    /// The beginning of a frame that is not whole yet.
    pending: Vec<u8>,
    /// A message that arrives in fragments, and its size when whole.
    cut: Option<(Vec<u8>, usize)>,
    /// What was done for the messages since others had their turn.
    work: usize,
    /// Messages were handed on since the last [`Self::end_batch`].
    open: bool,
}

impl Drop for Inward<'_> {
    /// Behind the messages came what ended the connection, or a panic: those who got them are woken all the same.
    fn drop(&mut self) {
        self.end_batch();
    }
}

impl Inward<'_> {
    async fn run(
        mut self,
        mut read: ReadHalf,
        mut opener: Opener,
        leftover: Vec<u8>,
    ) -> Result<Never, End> {
        let mut sealed = leftover;
        loop {
            let mut used = 0;
            while let Some((plain, len)) =
                opener.open(sealed.get_mut(used..).unwrap_or_default())?
            {
                used += len;
                self.on_plain(plain).await?;
            }
            self.end_batch();
            sealed.drain(..used);
            sealed.reserve(READ);
            self.work = 0;
            if read.read_buf(&mut sealed).await? == 0 {
                return Err(End::Closed);
            }
        }
    }

    /// Who got messages since the last call is woken, and they are acknowledged.
    fn end_batch(&mut self) {
        if !std::mem::take(&mut self.open) {
            return;
        }
        self.deliver.end_of_batch();
        let last = lock(&self.side.stream).received(self.stream).seq;
        self.side.handed.store(last, Ordering::Release);
        self.side.moved.notify_waiters();
        self.attached.ack_due.store(true, Ordering::Release);
        self.attached.stream.notify.notify_one();
    }

    /// Takes the bytes of a record.
    async fn on_plain(&mut self, plain: &[u8]) -> Result<(), End> {
        if self.pending.is_empty() {
            let used = self.on_frames(plain).await?;
            self.pending.extend_from_slice(plain.get(used..).unwrap_or_default());
            return Ok(());
        }
        let mut bytes = std::mem::take(&mut self.pending);
        bytes.extend_from_slice(plain);
        let used = self.on_frames(&bytes).await?;
        bytes.drain(..used);
        bytes.shrink_to(REUSE_MAX);
        self.pending = bytes;
        Ok(())
    }

    /// Reads the whole frames at the front of `bytes`. Returns the bytes used. Others get their turn in between when the messages are
    /// much work.
    async fn on_frames(&mut self, bytes: &[u8]) -> Result<usize, End> {
        let mut used = 0;
        while let Some((header, body, len)) = split(bytes.get(used..).unwrap_or_default())? {
            used += len;
            if header.kind != Kind::FWD {
                self.on_frame(header.kind, body)?;
            } else if header.flags & MORE == 0 && self.cut.is_none() {
                self.on_message(body)?;
            } else {
                self.on_fragment(header.flags & MORE != 0, body)?;
            }
            if self.work >= work::TURN {
                self.work = 0;
                // Bells hang at the thread, which may be another one afterwards.
                self.end_batch();
                tokio::task::yield_now().await;
            }
        }
        Ok(used)
    }

    fn on_message(&mut self, body: &[u8]) -> Result<(), End> {
        let envelope = Envelope::decode(body)?;
        // Not in the condition: the lock must not be held while the message is handed on.
        let fresh = lock(&self.side.stream).on_message(envelope.seq)?;
        // Also one that came again is acknowledged.
        self.open = true;
        if fresh {
            self.side.received.fetch_add(1, Ordering::Relaxed);
            let Handed { missing, work, .. } = self.deliver.deliver(self.peer.origin, &envelope);
            self.work += work;
            if missing != 0 && envelope.seq != 0 {
                lock(&self.side.nacks).push_back((envelope.seq, missing));
            } else if missing != 0 {
                // Not kept by its sender: it goes to nobody.
                self.attached.stream.stats.count(Metric::MessagesDropped);
                self.attached.stream.stats.count(Metric::MessagesDroppedNoSubscribers);
            }
        }
        Ok(())
    }

    fn on_fragment(&mut self, more: bool, body: &[u8]) -> Result<(), End> {
        match self.cut.take() {
            Some((message, total)) => self.grow(message, total, body, more),
            None => {
                let (total, rest) = cut_total(body, MESSAGE_MAX)?;
                self.grow(Vec::new(), total, rest, more)
            }
        }
    }

    fn grow(
        &mut self,
        mut message: Vec<u8>,
        total: usize,
        piece: &[u8],
        more: bool,
    ) -> Result<(), End> {
        message.extend_from_slice(piece);
        let whole = message.len() == total;
        if message.len() > total || whole == more {
            return Err(WireError::Field("size of a cut message").into());
        }
        if more {
            self.cut = Some((message, total));
            return Ok(());
        }
        self.on_message(&message)
    }

    fn on_frame(&self, kind: Kind, body: &[u8]) -> Result<(), End> {
        match Frame::decode(kind, body)? {
            Some(Frame::FwdBase { incarnation, seq }) => {
                lock(&self.side.stream).on_base(incarnation, seq);
                self.side.heard(seq);
                Ok(())
            }
            Some(Frame::FwdAck { incarnation, stream, seq, .. }) => {
                // Before the first base the peer knows no incarnation of ours and has nothing to say.
                if incarnation == self.peer.own && stream == self.stream {
                    self.attached.stream.change(|out| out.on_ack(seq))?;
                }
                Ok(())
            }
            Some(Frame::FwdNack { stream, seq, groups, .. }) if stream == self.stream => {
                let now = Clock::system().now();
                let kept = lock(&self.attached.stream.inner).stream.kept(seq, now);
                if let Some(kept) = kept {
                    self.deliver.returned(self.peer, groups, &Envelope::decode(&kept)?);
                }
                Ok(())
            }
            Some(Frame::Close { .. }) => Err(End::Closed),
            None => Ok(()),
            Some(_) => Err(WireError::Kind(kind.0).into()),
        }
    }
}

#[cfg(test)]
pub(crate) mod tests;
