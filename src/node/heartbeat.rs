//! The heartbeat thread: tells every linked node five times a second that this one is alive, and finds those that are not.
//!
//! A plain blocking thread over UDP, at nice -10 where that is allowed, never a task of a runtime: under 16 busy threads on two
//! cores a task came two seconds late, such a thread 88 ms at worst. It decides nothing about the cluster; what it finds goes to
//! the mesh thread as [`Sign`]s.

use std::{
    collections::{BTreeMap, VecDeque},
    io::{ErrorKind, IoSliceMut},
    net::{Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket},
    os::fd::AsRawFd,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    thread::JoinHandle,
    time::Duration,
};

use nix::{
    cmsg_space,
    errno::Errno,
    sys::socket::{
        ControlMessageOwned, MsgFlags, SockaddrStorage, recvmsg, setsockopt,
        sockopt::{Ipv4RecvErr, Ipv6RecvErr},
    },
};
use tokio::sync::mpsc;

use super::{control_link::ControlLink, locks};
use crate::{
    cluster::{
        NodeId, NodeName,
        detector::{Detector, Sign},
        heartbeat::{self, Beat, Session},
    },
    net::{clock::Clock, supervise},
    time::Time,
};

/// Without a datagram for this long, while the connection lives, UDP is taken to be blocked.
const UDP_PATIENCE: Duration = Duration::from_secs(2);
/// A part of the node that did not move for this long is stalled.
const STALLED_AFTER: Duration = Duration::from_secs(5);
/// Added to each tick while there is nobody to hear of: an idle node is to wake up seldom.
const REST: Duration = Duration::from_millis(800);
/// Sending times kept for the round-trip time.
const SENT: usize = 16;
const NICE: i32 = -10;

/// A linked node, as the heartbeat thread needs it.
pub(crate) struct Watch {
    pub(crate) node: NodeId,
    pub(crate) name: NodeName,
    pub(crate) link: u64,
    pub(crate) addr: SocketAddr,
    pub(crate) session: Session,
    /// Its connection: bytes that come over it are signs of life too.
    pub(crate) control: ControlLink,
}

enum Command {
    Watch(Box<Watch>),
    LinkLost(u64),
    Forget(NodeId),
}

/// What is known of the way to a node.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Health {
    /// Round-trip time of the last heartbeat.
    pub(crate) rtt_us: Option<u64>,
    /// Heartbeats come over UDP.
    pub(crate) udp: bool,
    /// The node says that it makes no progress.
    pub(crate) stalled: bool,
    /// The node says that it is about to stop.
    pub(crate) draining: bool,
}

/// What the heartbeat thread shares with the mesh.
#[derive(Default)]
struct Shared {
    commands: Mutex<Vec<Command>>,
    health: Mutex<BTreeMap<NodeId, Health>>,
    draining: AtomicBool,
    ended: AtomicBool,
    /// Datagrams that were no heartbeat of a linked node.
    dropped: AtomicU64,
}

/// Tells whether the parts of a node move: each bumps its counter whenever it wakes up, the heartbeat thread looks.
#[derive(Clone, Debug, Default)]
pub struct Progress {
    parts: Arc<[AtomicU64; 2]>,
    stalled: Arc<AtomicBool>,
}

/// A part of a node that has to move.
#[derive(Clone, Copy, Debug)]
pub enum Part {
    /// The mesh thread.
    Mesh,
    /// The runtime of the connections.
    Main,
}

impl Progress {
    /// The part is alive.
    pub fn bump(&self, part: Part) {
        let [mesh, main] = &*self.parts;
        let counter = match part {
            Part::Mesh => mesh,
            Part::Main => main,
        };
        counter.fetch_add(1, Ordering::Relaxed);
    }

    /// Whether a part did not move for 5 s.
    #[must_use]
    pub fn is_stalled(&self) -> bool {
        self.stalled.load(Ordering::Relaxed)
    }

    fn values(&self) -> [u64; 2] {
        let [mesh, main] = &*self.parts;
        [mesh.load(Ordering::Relaxed), main.load(Ordering::Relaxed)]
    }
}

/// The heartbeat thread, for the mesh. The thread, and its socket, end with this.
#[derive(Default)]
pub(crate) struct Heartbeats {
    shared: Arc<Shared>,
    thread: Option<(JoinHandle<()>, UdpSocket)>,
}

impl Drop for Heartbeats {
    fn drop(&mut self) {
        self.shared.ended.store(true, Ordering::Relaxed);
        self.wake();
        let Some((thread, _)) = self.thread.take() else { return };
        let _ = thread.join();
    }
}

impl Heartbeats {
    /// Starts the thread over `socket`; its findings go to `signs`.
    pub(crate) fn start(parts: HeartParts, signs: mpsc::Sender<Sign>) -> std::io::Result<Self> {
        let mut handle = Self::default();
        parts.socket.set_nonblocking(false)?;
        tell_of_refusals(&parts.socket);
        let own = parts.socket.try_clone()?;
        let heart = Heart {
            detector: Detector::new(parts.every, parts.limit, parts.clock.now()),
            clock: parts.clock,
            socket: parts.socket,
            progress: parts.progress,
            peers: BTreeMap::new(),
            by_session: BTreeMap::new(),
            shared: handle.shared.clone(),
            signs,
            pending: VecDeque::new(),
            moved: ([0; 2], [parts.clock.now(); 2]),
        };
        // Without it nobody's silence would be noticed here, and nothing would tell that this node lives.
        let thread = supervise::spawn_core_thread("heartbeat", move || heart.run())?;
        handle.thread = Some((thread, own));
        Ok(handle)
    }

    fn tell(&self, command: Command) {
        locks::lock(&self.shared.commands).push(command);
    }

    /// An empty datagram to itself wakes the thread up; should that be lost, the next tick does.
    fn wake(&self) {
        let Some((_, socket)) = &self.thread else { return };
        if let Ok(mut own) = socket.local_addr() {
            if own.ip().is_unspecified() {
                own.set_ip(match own {
                    SocketAddr::V4(_) => Ipv4Addr::LOCALHOST.into(),
                    SocketAddr::V6(_) => Ipv6Addr::LOCALHOST.into(),
                });
            }
            let _ = socket.send_to(&[], own);
        }
    }

    pub(crate) fn watch(&self, watch: Watch) {
        self.tell(Command::Watch(Box::new(watch)));
        self.wake();
    }

    pub(crate) fn on_link_lost(&self, link: u64) {
        self.tell(Command::LinkLost(link));
    }

    pub(crate) fn forget(&self, node: NodeId) {
        self.tell(Command::Forget(node));
    }

    /// Tells the others that this node is about to stop.
    pub(crate) fn set_draining(&self) {
        self.shared.draining.store(true, Ordering::Relaxed);
    }

    pub(crate) fn health(&self, node: NodeId) -> Health {
        locks::lock(&self.shared.health).get(&node).copied().unwrap_or_default()
    }

    /// Datagrams to the mesh port that were no heartbeat of a linked node.
    pub(crate) fn dropped(&self) -> u64 {
        self.shared.dropped.load(Ordering::Relaxed)
    }
}

/// What the thread is made of.
pub(crate) struct HeartParts {
    pub(crate) socket: UdpSocket,
    pub(crate) clock: Clock,
    /// `cluster.heartbeat`
    pub(crate) every: Duration,
    /// `cluster.failure_timeout`
    pub(crate) limit: Duration,
    pub(crate) progress: Progress,
}

struct Peer {
    watch: Watch,
    since: Time,
    counter: u64,
    /// Highest counter heard, and when.
    heard: Option<(u64, u64)>,
    /// When the last heartbeats were sent, by counter modulo [`SENT`].
    sent_us: [u64; SENT],
    health: Health,
    told_blocked: bool,
}

struct Heart {
    detector: Detector,
    clock: Clock,
    socket: UdpSocket,
    progress: Progress,
    peers: BTreeMap<NodeId, Peer>,
    by_session: BTreeMap<[u8; 8], NodeId>,
    shared: Arc<Shared>,
    signs: mpsc::Sender<Sign>,
    /// Findings that the mesh had no room for yet; a node is in it at most once for each kind.
    pending: VecDeque<Sign>,
    /// Progress counters when they last changed, and when that was.
    moved: ([u64; 2], [Time; 2]),
}

impl Heart {
    fn run(mut self) {
        if let Err(error) = rustix::process::setpriority_process(None, NICE) {
            tracing::debug!(%error, "heartbeat thread stays at normal priority");
        }
        while !self.shared.ended.load(Ordering::Relaxed) {
            let now = self.clock.now();
            let alone = self.peers.is_empty();
            let due = self.detector.deadline() + if alone { REST } else { Duration::ZERO };
            if due <= now {
                self.take_commands(now);
                self.drain();
                self.tick();
            } else {
                self.receive(due - now);
                if alone {
                    self.take_commands(self.clock.now());
                }
            }
        }
    }

    fn take_commands(&mut self, now: Time) {
        let commands = std::mem::take(&mut *locks::lock(&self.shared.commands));
        for command in commands {
            match command {
                Command::Watch(watch) => self.watch(*watch, now),
                Command::LinkLost(link) => self.detector.on_link_lost(link),
                Command::Forget(node) => self.forget(node),
            }
        }
    }

    fn watch(&mut self, watch: Watch, now: Time) {
        self.forget(watch.node);
        self.detector.watch(watch.node, watch.link, now);
        self.by_session.insert(watch.session.id(), watch.node);
        let peer = Peer {
            since: now,
            counter: 0,
            heard: None,
            sent_us: [0; SENT],
            health: Health::default(),
            told_blocked: false,
            watch,
        };
        self.peers.insert(peer.watch.node, peer);
    }

    fn forget(&mut self, node: NodeId) {
        self.detector.forget(node);
        if let Some(peer) = self.peers.remove(&node) {
            self.by_session.remove(&peer.watch.session.id());
        }
        locks::lock(&self.shared.health).remove(&node);
    }

    /// Takes everything that has come in: a stall of this thread must not look like silence of the others.
    fn drain(&mut self) {
        if self.socket.set_nonblocking(true).is_err() {
            return;
        }
        // As many as can be waiting in the socket; a flood does not hold the tick up.
        for _ in 0..4096 {
            if !self.take_one() {
                break;
            }
        }
        let _ = self.socket.set_nonblocking(false);
    }

    fn receive(&mut self, wait: Duration) {
        let wait = wait.max(Duration::from_millis(1));
        if self.socket.set_read_timeout(Some(wait)).is_ok() {
            self.take_one();
        } else {
            std::thread::sleep(wait);
        }
    }

    /// Reads one datagram; false if there was none.
    fn take_one(&mut self) -> bool {
        let mut buffer = [0; heartbeat::LEN + 1];
        match self.socket.recv_from(&mut buffer) {
            // From [`Heartbeats::wake`].
            Ok((0, _)) => true,
            Ok((len, _)) => {
                let bytes = buffer.get(..len).unwrap_or_default();
                if !self.on_datagram(bytes) {
                    self.shared.dropped.fetch_add(1, Ordering::Relaxed);
                }
                true
            }
            Err(error) => {
                let nothing = matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut);
                if !nothing {
                    self.take_refusals();
                }
                !nothing
            }
        }
    }

    /// Reads what hosts answered to heartbeats. Each answer quotes the datagram that it is about, so it is known whose it is and
    /// that whoever answers has seen it.
    fn take_refusals(&mut self) {
        for _ in 0..SENT {
            let mut buffer = [0; heartbeat::LEN];
            let Some(len) = next_refusal(&self.socket, &mut buffer) else { return };
            let quoted = buffer.get(..len).unwrap_or_default();
            let node = heartbeat::session_of(quoted).and_then(|id| self.by_session.get(&id));
            self.tell(node.map(|node| Sign::Refused { node: *node }));
        }
    }

    fn on_datagram(&mut self, bytes: &[u8]) -> bool {
        let Some(node) = heartbeat::session_of(bytes).and_then(|id| self.by_session.get(&id))
        else {
            return false;
        };
        let node = *node;
        let Some(peer) = self.peers.get_mut(&node) else { return false };
        let Some(beat) = peer.watch.session.open(bytes) else { return false };
        if peer.heard.is_some_and(|(counter, _)| beat.counter <= counter) {
            return false;
        }
        let micros = self.clock.micros();
        peer.heard = Some((beat.counter, micros));
        peer.health.udp = true;
        peer.health.stalled = beat.stalled;
        peer.health.draining = beat.draining;
        // Of what was never sent nothing is known here, and of what was sent long ago nothing any more.
        let age = peer.counter.checked_sub(beat.echo);
        if beat.echo != 0 && age.is_some_and(|age| age < SENT as u64) {
            let sent = sent_at(&peer.sent_us, beat.echo);
            peer.health.rtt_us =
                Some(micros.saturating_sub(sent).saturating_sub(u64::from(beat.held_us)));
        }
        locks::lock(&self.shared.health).insert(node, peer.health);
        let sign = self.detector.on_heard(node, self.clock.now());
        self.tell(sign);
        true
    }

    fn tick(&mut self) {
        for (node, peer) in &self.peers {
            let at = peer.watch.control.heard();
            if at > peer.since {
                // Only datagrams tell of a node whose connection is gone.
                let _ = self.detector.on_heard(*node, at);
            }
        }
        let now = self.clock.now();
        self.look_at_progress(now);
        let mut signs = Vec::new();
        let late = self.detector.on_tick(now, &mut signs);
        self.send(late);
        self.look_for_udp(now);
        signs.into_iter().for_each(|sign| self.tell(Some(sign)));
    }

    fn send(&mut self, late: Duration) {
        let beat = Beat {
            lateness_ms: u32::try_from(late.as_millis()).unwrap_or(u32::MAX),
            stalled: self.progress.is_stalled(),
            draining: self.shared.draining.load(Ordering::Relaxed),
            ..Beat::default()
        };
        let mut answers = false;
        for peer in self.peers.values_mut() {
            let micros = self.clock.micros();
            peer.counter += 1;
            if let Some(sent) = usize::try_from(peer.counter % SENT as u64)
                .ok()
                .and_then(|at| peer.sent_us.get_mut(at))
            {
                *sent = micros;
            }
            let (echo, held_us) = peer.heard.map_or((0, 0), |(counter, at)| {
                (counter, u32::try_from(micros.saturating_sub(at)).unwrap_or(u32::MAX))
            });
            let bytes =
                peer.watch.session.seal(&Beat { counter: peer.counter, echo, held_us, ..beat });
            // An answer to an earlier datagram is told of here too, and then nothing is sent. What cannot be sent is as good as
            // lost, and the other end finds out.
            if self.socket.send_to(&bytes, peer.watch.addr).is_err() {
                answers = true;
                let _ = self.socket.send_to(&bytes, peer.watch.addr);
            }
        }
        if answers {
            self.take_refusals();
        }
    }

    /// Says once of each connection that UDP does not come through.
    fn look_for_udp(&mut self, now: Time) {
        for peer in self.peers.values_mut().filter(|peer| !peer.told_blocked) {
            let alive = now.since(peer.watch.control.heard()) < UDP_PATIENCE;
            if peer.heard.is_none() && alive && peer.since + UDP_PATIENCE <= now {
                peer.told_blocked = true;
                tracing::warn!(name: "no-heartbeats",
                    node = %peer.watch.name,
                    addr = %peer.watch.addr,
                    "no heartbeats over UDP, only the connection tells that the node is alive; open the UDP port of the mesh too"
                );
            }
        }
    }

    fn look_at_progress(&mut self, now: Time) {
        let values = self.progress.values();
        let (seen, since) = &mut self.moved;
        for ((seen, since), value) in seen.iter_mut().zip(since.iter_mut()).zip(values) {
            if *seen != value {
                (*seen, *since) = (value, now);
            }
        }
        let stalled = since.iter().any(|since| now.since(*since) >= STALLED_AFTER);
        if stalled != self.progress.stalled.swap(stalled, Ordering::Relaxed) {
            if stalled {
                tracing::error!(name: "no-progress", "a part of this node makes no progress; the others are told");
            } else {
                tracing::warn!("this node makes progress again");
            }
        }
    }

    fn tell(&mut self, sign: Option<Sign>) {
        self.pending.extend(sign.filter(|sign| !self.pending.contains(sign)));
        while let Some(sign) = self.pending.front() {
            if self.signs.try_send(*sign).is_err() {
                return;
            }
            self.pending.pop_front();
        }
    }
}

/// Has the kernel keep what hosts answer to datagrams. Where it cannot, silence tells.
fn tell_of_refusals(socket: &UdpSocket) {
    let set = match socket.local_addr() {
        Ok(SocketAddr::V4(_)) => setsockopt(socket, Ipv4RecvErr, &true),
        Ok(SocketAddr::V6(_)) => setsockopt(socket, Ipv6RecvErr, &true),
        Err(_) => Ok(()),
    };
    if let Err(error) = set {
        tracing::debug!(%error, "hosts without a node are found by their silence");
    }
}

/// The next datagram that was answered by "nobody listens at this port"; others are skipped as empty ones. `None`: no more.
fn next_refusal(socket: &UdpSocket, quoted: &mut [u8]) -> Option<usize> {
    let mut room = cmsg_space!([u8; 128]);
    let mut parts = [IoSliceMut::new(quoted)];
    let flags = MsgFlags::MSG_ERRQUEUE | MsgFlags::MSG_DONTWAIT;
    let fd = socket.as_raw_fd();
    let message = recvmsg::<SockaddrStorage>(fd, &mut parts, Some(&mut room), flags).ok()?;
    let refused = message.cmsgs().ok()?.any(|about| {
        matches!(
            about,
            ControlMessageOwned::Ipv4RecvErr(error, _) | ControlMessageOwned::Ipv6RecvErr(error, _)
                if is_refusal(error.ee_errno)
        )
    });
    Some(if refused { message.bytes } else { 0 })
}

fn is_refusal(errno: u32) -> bool {
    i32::try_from(errno).is_ok_and(|errno| Errno::from_raw(errno) == Errno::ECONNREFUSED)
}

fn sent_at(sent_us: &[u64; SENT], counter: u64) -> u64 {
    let at = usize::try_from(counter % SENT as u64).unwrap_or_default();
    sent_us.get(at).copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parts(socket: UdpSocket) -> HeartParts {
        HeartParts {
            socket,
            clock: Clock::system(),
            every: Duration::from_millis(20),
            limit: Duration::from_secs(60),
            progress: Progress::default(),
        }
    }

    fn watch(number: u8, addr: SocketAddr) -> Watch {
        Watch {
            node: NodeId([number; 16]),
            name: NodeName::parse("a@h").unwrap(),
            link: u64::from(number),
            addr,
            session: Session::new(&[number; 32], true).unwrap(),
            control: ControlLink::default(),
        }
    }

    fn bind() -> UdpSocket {
        UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap()
    }

    /// A member says that it has heard what was never sent: its heartbeats count, and no round-trip time is made of them.
    #[test]
    fn an_echo_of_what_was_never_sent_is_none() {
        let (socket, peer) = (bind(), bind());
        let to = socket.local_addr().unwrap();
        let (signs, _found) = mpsc::channel(16);
        let heart = Heartbeats::start(parts(socket), signs).unwrap();
        let node = NodeId([1; 16]);
        heart.watch(watch(1, peer.local_addr().unwrap()));
        let theirs = Session::new(&[1; 32], false).unwrap();
        let mut health = Health::default();
        for counter in 1..500 {
            let beat = Beat { counter, echo: u64::MAX, ..Beat::default() };
            peer.send_to(&theirs.seal(&beat), to).unwrap();
            std::thread::sleep(Duration::from_millis(10));
            health = heart.health(node);
            if health.udp {
                break;
            }
        }
        assert_eq!((health.udp, health.rtt_us), (true, None));
    }

    /// A host that answers "nobody listens here" is told of, and heartbeats to others go on.
    #[test]
    fn a_host_that_refuses_heartbeats_is_told_of() {
        let (socket, living, closed) = (bind(), bind(), bind().local_addr().unwrap());
        living.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
        let (signs, mut found) = mpsc::channel(16);
        let heart = Heartbeats::start(parts(socket), signs).unwrap();
        heart.watch(watch(1, closed));
        heart.watch(watch(2, living.local_addr().unwrap()));
        assert_eq!(found.blocking_recv(), Some(Sign::Refused { node: NodeId([1; 16]) }));
        // Each heartbeat to the one is answered, and the other one gets all of its own.
        for _ in 0..20 {
            let mut buffer = [0; heartbeat::LEN + 1];
            assert_eq!(living.recv(&mut buffer).unwrap(), heartbeat::LEN);
        }
        drop(heart);
        while let Ok(sign) = found.try_recv() {
            assert_eq!(sign, Sign::Refused { node: NodeId([1; 16]) });
        }
    }
}
