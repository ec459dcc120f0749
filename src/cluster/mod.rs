//! The cluster as a pure core: members, their routes, and the frames that nodes exchange. No socket, no clock, no task:
//! `node/mesh.rs` drives it in the daemon, the simulator in `tests/it/sim` drives the same code in virtual time.
//!
//! [`Cluster::on`] takes one [`Input`] at a time; [`Cluster::flush`] ends a wake-up and sends what it gathered. Both push
//! [`Action`]s, to be carried out in their order, with one freedom: the route table may be changed first, because nothing
//! else in a batch changes it.

pub mod autoclean;
pub mod autocluster;
pub mod autoheal;
pub mod barrier;
pub mod base64url;
pub mod beacon;
mod claims;
pub mod detector;
pub mod directory;
mod exchange;
pub mod gate;
mod hand_over;
pub mod handshake;
mod healing;
pub mod heartbeat;
pub mod hlc;
pub mod invitation;
pub mod legacy;
pub mod member;
mod membership;
mod names;
pub mod node_name;
pub mod node_set;
mod peering;
pub mod probing;
pub mod records;
pub mod refusals;
pub mod replica;
pub mod retained;
mod roster;
pub mod routes;
mod rows;
pub mod secret;
pub mod settings;
mod shared_routes;
mod standstill;
pub mod status;
pub mod stream;
mod sync;
mod undecided;
pub mod versions;
pub mod wills;
pub mod wire;

use std::{
    collections::BTreeMap,
    fmt,
    net::{IpAddr, SocketAddr},
    sync::Arc,
    time::Duration,
};

pub use autocluster::Target;
pub use barrier::BarrierId;
pub use directory::Claim;
pub use member::{Guid, MemberRecord, MemberStatus, NodeId, Position, RecordStatus};
pub use node_name::NodeName;
pub use settings::Settings;
pub use status::{ClusterStatus, MemberLine};

use autoclean::Autoclean;
use autocluster::Autocluster;
use autoheal::{Autoheal, HealEvent};
use barrier::Barrier;
use directory::Directory;
use hand_over::Awaited;
use hlc::Hlc;
use member::Reach;
use membership::Membership;
use replica::OwnRoutes;
use routes::{RouteKey, TableOp};
use rows::Rows;
use standstill::Standstill;
use sync::{RouteReceiver, RouteSender};
use undecided::Undecided;
use wills::Wills;
use wire::{CloseCode, Frame};

use crate::time::{Time, Wall};

/// Names a control connection, from the handshake to its end. Never used twice.
pub type LinkId = u64;

/// The clock is kept on disk so far ahead of what it says, and less far where it is ahead of the calendar by more than the first of
/// the two: each process that is killed leaves that much to the next one.
const CLOCK_AHEAD: [u64; 2] = [hlc::from_ms(60_000), hlc::from_ms(15_000)];
/// It is kept again when less than this is left, which is more than a slow disk takes.
const CLOCK_LEFT: u64 = hlc::from_ms(10_000);

/// Feature bits of a node. This one: an operator asked it to join, so it may come back though it was forced out.
pub const CAP_JOIN: u64 = 1 << 63;
/// This one: it has a copy of all retained messages and tells its changes.
pub const CAP_RETAINED: u64 = 1;
/// This one: it keeps wills for other nodes.
pub const CAP_WILLS: u64 = 1 << 1;
/// Clients of the life before go on in this one: they are not dead, and their wills are told anew.
pub const CAP_CLIENTS_STAY: u64 = 1 << 2;

/// Who this node is, for one process life.
#[derive(Clone, Debug)]
pub struct Me {
    /// Its name.
    pub name: NodeName,
    /// Its identity.
    pub node_id: NodeId,
    /// Number of this process life.
    pub incarnation: u64,
    /// Its age.
    pub guid: Guid,
    /// Number of its cluster, if it makes one: random.
    pub cluster_id: [u8; 16],
    /// Where its mesh listens, as far as it knows.
    pub addrs: Vec<SocketAddr>,
    /// Release of this program.
    pub version: String,
    /// Clients of the life before go on in this one.
    pub clients_stay: bool,
}

/// What was kept on disk.
#[derive(Clone, Debug, Default)]
pub struct Stored {
    /// The member table, this node among it.
    pub members: Vec<MemberRecord>,
    /// The node left its cluster and stays alone until it is told to join.
    pub left: bool,
    /// No process before gave out a value of the hybrid clock above this one.
    pub hlc: u64,
    /// Number of the cluster that it was in, and who made it.
    pub cluster: Option<([u8; 16], Guid)>,
}

/// Who is at the other end of a link, as the handshake proved it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PeerIdentity {
    /// Its name.
    pub name: NodeName,
    /// Its identity.
    pub node_id: NodeId,
    /// Number of its process life.
    pub incarnation: u64,
    /// Its age.
    pub guid: Guid,
}

/// Why dialling came to nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DialError {
    /// No answer.
    Unreachable,
    /// The host answers and nothing listens there: the process is gone.
    NobodyListens,
    /// The handshake failed or the other end refused this node.
    Refused,
    /// Refused until an operator does something.
    RefusedForGood,
}

/// Something happened.
#[derive(Clone, Debug)]
pub enum Input {
    /// Discovery found these nodes, or looked their names up again.
    Discovered(Vec<Target>),
    /// A datagram told of a node that is not linked.
    Sighted(Target),
    /// A dial asked for by [`Action::Dial`] failed.
    DialFailed {
        /// Who was dialled.
        name: NodeName,
        /// Why it failed.
        error: DialError,
    },
    /// A control connection passed its handshake.
    LinkUp {
        /// Its number.
        link: LinkId,
        /// Who is there.
        peer: PeerIdentity,
        /// This node dialled.
        dialed: bool,
        /// Its address.
        addr: SocketAddr,
    },
    /// A control connection ended.
    LinkDown {
        /// Its number.
        link: LinkId,
    },
    /// The failure detector: no sign of life over this connection.
    Silent {
        /// Its number.
        link: LinkId,
    },
    /// The failure detector: a node is heard whose control connection is gone.
    Heard {
        /// Who.
        node: NodeId,
    },
    /// The host of a node answers that nobody takes its heartbeats there.
    Refused {
        /// Who.
        node: NodeId,
    },
    /// Somebody at this address dialled with a cookie that is not known here.
    Knock {
        /// Where from.
        from: IpAddr,
    },
    /// A frame came in.
    Frame {
        /// Over which connection.
        link: LinkId,
        /// What it says.
        frame: Frame,
    },
    /// A route has one more subscriber on this node.
    RouteAdded(RouteKey),
    /// A route has one subscriber less on this node.
    RouteRemoved(RouteKey),
    /// Tell when all nodes that are up have the routes added so far.
    Barrier(BarrierId),
    /// The table's copy of the routes of `node` does not have the hash that [`Action::CheckRoutes`] named.
    RoutesDiffer {
        /// Index of the node.
        node: u16,
        /// The hashes of its 256 parts: [`routes::RouteTable::sums`].
        sums: Box<[u64; 256]>,
    },
    /// New certificates: whoever refused this node is asked again.
    Renewed,
    /// An operator: join the cluster of this node.
    Join(Target),
    /// An operator: leave the cluster.
    Leave,
    /// An operator: join again whom discovery finds.
    Rediscover,
    /// An operator: force a member out.
    ForceLeave(NodeName),
    /// A client connects: which node has its session? Ends in [`Action::Claimed`].
    Claim {
        /// Comes back in the answer.
        ticket: u64,
        /// Whose.
        client: Arc<str>,
        /// What other nodes have of it is to be thrown away.
        clean: bool,
    },
    /// The session of a client of this node has ended.
    Unclaim {
        /// Whose.
        client: Arc<str>,
        /// Hybrid time of its claim.
        hlc: u64,
    },
    /// As [`Action::WalkSessions`] asks: this node has the session of a client.
    Refresh {
        /// Whose.
        client: Arc<str>,
        /// Hybrid time of its claim.
        hlc: u64,
    },
    /// This node has taken the session of a client over from one that stops, without the client.
    Adopted {
        /// Whose.
        client: Arc<str>,
        /// Hybrid time of its claim: just above that of the other node, so that wherever the client connects counts more.
        hlc: u64,
    },
    /// The walk is over.
    Refreshed {
        /// As asked.
        view: u64,
    },
    /// A client of this node has a will, for other nodes to keep.
    Will {
        /// Somebody waits until they do, which ends in [`Action::WillKept`]; none: this is part of a walk over the sessions.
        ticket: Option<u64>,
        /// Whose.
        client: Arc<str>,
        /// Hybrid time of the claim of its connection.
        hlc: u64,
        /// How long the will waits after the client is lost.
        delay: Duration,
        /// The will.
        body: Arc<[u8]>,
    },
    /// The will of a client of this node is of no use any more, or has been published.
    WillOver {
        /// Whose.
        client: Arc<str>,
        /// Hybrid time of the claim it stood under.
        hlc: u64,
    },
    /// A will that [`Action::PublishWill`] asked for is out.
    WillPublished {
        /// Whose.
        client: Arc<str>,
        /// As given.
        claim: Claim,
    },
    /// Send a frame of a session's way, or a mark, to a node that is linked.
    ToPeer {
        /// Whom.
        node: NodeId,
        /// What.
        frame: Frame,
    },
    /// Retained messages were written at this node: topics, with about how many bytes they take.
    RetainedChanged {
        /// Which.
        topics: Vec<(Arc<str>, u32)>,
        /// There were more.
        lost: bool,
    },
    /// The sums of [`retained::RetainedStep::Compare`] differ from those held in these buckets.
    RetainedCompared {
        /// Whose sums.
        node: NodeId,
        /// Which.
        differ: wire::Buckets,
    },
    /// There was no room for retained messages of another node.
    RetainedFull {
        /// Whose.
        node: NodeId,
        /// In which buckets they are.
        buckets: wire::Buckets,
    },
    /// Another node sent what was deleted here before that can be remembered: it is to hear so.
    RetainedDeleted {
        /// Who.
        node: NodeId,
        /// What it is to hear, one piece.
        frames: Vec<wire::RetainedFrame>,
    },
    /// The process is about to end.
    Shutdown,
    /// The process is about to end, and another one goes on with its life.
    Rest,
}

/// Something is to be done.
#[derive(Clone, Debug, PartialEq)]
pub enum Action {
    /// Open a control connection. Ends in `LinkUp` or `DialFailed`. Where an attempt is under way, it is to be hastened.
    Dial {
        /// Whom, and where it may be.
        target: Target,
        /// It is known from datagrams alone: at the addresses told, whatever its name stands for.
        near: bool,
    },
    /// The node is linked: an attempt under way would only take the place of the link.
    Undial(NodeName),
    /// Send a frame.
    Send {
        /// Over which connection.
        link: LinkId,
        /// What.
        frame: Frame,
    },
    /// End the connection, after what was sent before. No `LinkDown` is needed.
    Close {
        /// Which.
        link: LinkId,
    },
    /// A linked node counts from now on: send it heartbeats and expect its own, also after the connection is gone.
    Watch {
        /// Who.
        node: NodeId,
        /// Over which connection.
        link: LinkId,
        /// Where its heartbeats are expected.
        addr: SocketAddr,
    },
    /// No more heartbeats for this node.
    Unwatch {
        /// Who.
        node: NodeId,
    },
    /// Change the route table.
    Table(TableOp),
    /// Compare the hash of the routes of `node` in the table, after the changes before; answer `RoutesDiffer` if it differs.
    CheckRoutes {
        /// Index of the node.
        node: u16,
        /// The hash that its owner has.
        hash: u64,
    },
    /// A member is up: messages can go to it.
    PeerUp(PeerUp),
    /// A member is down: what it has not acknowledged is kept.
    PeerDown {
        /// Index of the member.
        node: u16,
    },
    /// A member restarts and is back in a moment: its connections end, and it counts as up for whoever waits for it.
    /// [`Action::PeerUp`], [`Action::PeerDown`] or [`Action::PeerGone`] follows.
    PeerAway {
        /// Index of the member.
        node: u16,
    },
    /// A member's process life is over, or it is no member any more: what was kept for it is of no use.
    PeerGone {
        /// Index of the member.
        node: u16,
    },
    /// The barrier is passed, or its time is up.
    BarrierDone(BarrierId),
    /// Who had the session of a client that connects here.
    Claimed {
        /// As given.
        ticket: u64,
        /// The claim in force.
        claim: Claim,
        /// The node that has its session, if it is another one and linked.
        previous: Option<NodeId>,
    },
    /// Another node has a newer claim for a client of this one.
    Kick {
        /// Whose session.
        client: Arc<str>,
        /// The newer claim.
        winner: Claim,
        /// It is to be thrown away.
        clean: bool,
    },
    /// Other nodes keep the will of a client that connects here, or it may get in without that.
    WillKept {
        /// As given.
        ticket: u64,
        /// All that are to keep it do.
        kept: bool,
    },
    /// Publish the will of a client whose node is dead. Other nodes keep it until [`Input::WillPublished`].
    PublishWill {
        /// Whose.
        client: Arc<str>,
        /// The claim of its last connection.
        claim: Claim,
        /// As given to the node that is dead.
        body: Arc<[u8]>,
    },
    /// Tell [`Input::Refresh`] of every session of this node, and [`Input::Will`] of every will, then [`Input::Refreshed`].
    WalkSessions {
        /// Number of this walk; the one before is of no use any more.
        view: u64,
    },
    /// A frame of a session's way, or a mark.
    FromPeer {
        /// Who sent it.
        node: NodeId,
        /// What.
        frame: Frame,
    },
    /// Do something with the retained messages, for a node that is linked.
    Retained {
        /// Over which connection frames go.
        link: LinkId,
        /// Who is there.
        node: NodeId,
        /// What.
        step: retained::RetainedStep,
    },
    /// As EMQX 4 heals: the connections and sessions of this node end.
    RestartClients,
    /// Keep the member table, the cluster number and whether this node left.
    Persist,
    /// Keep this value of the hybrid clock: the next process begins above it. It comes first in a batch, and well before it is
    /// reached; should a batch say more than what is on disk, that is waited for.
    KeepClock(u64),
    /// Members known from before have answered, or had the time to: the node is ready.
    Settled,
    /// Something a user wants to know.
    Log(Event),
}

/// A member that is up, and how it was reached.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PeerUp {
    /// Its index in the route table.
    pub node: u16,
    /// Who it is.
    pub peer: PeerIdentity,
    /// Its address.
    pub addr: SocketAddr,
    /// This node dialled the control connection, so it opens the data connections.
    pub dialed: bool,
    /// Where it may be reached.
    pub target: Target,
}

/// Something a user wants to know.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// A member serves.
    Up(NodeName),
    /// A member is not reached any more.
    Down(NodeName, &'static str),
    /// A member restarts without dropping its clients.
    Restarts(NodeName),
    /// A node is in the cluster that was not.
    Joined(NodeName),
    /// A member is out of the cluster.
    Gone(NodeName, RecordStatus),
    /// A connection was refused by this node.
    Refused(NodeName, CloseCode),
    /// A connection was closed by the other end, for a reason.
    RefusedBy(NodeName, CloseCode, String),
    /// A known name came back with another identity.
    NewIdentity(NodeName),
    /// A node goes by another name now.
    Renamed {
        /// Its name until now.
        before: NodeName,
        /// Its name.
        name: NodeName,
    },
    /// It is not remembered any more that a node is out.
    Forgotten(NodeName, RecordStatus),
    /// This node was forced out of the cluster by an operator of another one.
    ForcedOut,
    /// This node left the cluster.
    Left,
    /// A step of the ceremony after a partition.
    Heal(HealEvent<String>),
    /// Two nodes that this one reaches do not reach each other, or do again.
    Gap {
        /// One.
        a: String,
        /// The other.
        b: String,
        /// They do not.
        open: bool,
    },
    /// A copy of routes was not what its owner has and is made anew.
    RoutesRepaired(NodeName),
    /// The calendar of a node is ahead of this one, by seconds.
    ClockAhead(NodeName, u64),
    /// This node itself did nothing for so long.
    StoodStill(Duration),
}

impl fmt::Display for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Up(name) => write!(f, "member {name} is up"),
            Self::Down(name, why) => write!(f, "member {name} is down: {why}"),
            Self::Restarts(name) => write!(f, "member {name} restarts"),
            Self::Joined(name) => write!(f, "{name} is a member now"),
            Self::Gone(name, status) => write!(f, "{name} is no member any more: {status:?}"),
            Self::Refused(name, code) => write!(f, "refused {name}: {code:?}"),
            Self::RefusedBy(name, code, reason) => write!(f, "{name} closed: {code:?} {reason}"),
            Self::NewIdentity(name) => write!(f, "{name} came back with another identity"),
            Self::Renamed { before, name } => write!(f, "{before} is called {name} now"),
            Self::Forgotten(name, status) => write!(f, "{name} ({status:?}) is not remembered"),
            Self::ForcedOut => {
                f.write_str("forced out of the cluster; cluster join brings it back")
            }
            Self::Left => f.write_str("left the cluster"),
            Self::Heal(event) => write!(f, "{event:?}"),
            Self::Gap { a, b, open: true } => write!(f, "{a} and {b} do not reach each other"),
            Self::Gap { a, b, open: false } => write!(f, "{a} and {b} reach each other again"),
            Self::ClockAhead(name, by) => write!(f, "the clock of {name} is {by} s ahead"),
            Self::StoodStill(late) => write!(f, "this node stood still for {late:?}"),
            Self::RoutesRepaired(name) => write!(f, "routes of {name} differed and are put right"),
        }
    }
}

/// A linked node.
#[derive(Debug)]
struct Peer {
    link: LinkId,
    identity: PeerIdentity,
    dialed: bool,
    addr: SocketAddr,
    since: Time,
    /// It has told its state: it counts, and the failure detector watches it.
    proven: bool,
    sender: RouteSender,
    retained: retained::Exchange,
}

/// The cluster as one node sees it.
///
/// Invariant: `links` and `peers` name each other; a member that is not `Down` has a peer, and one that has an index is in
/// the cluster.
#[derive(Debug)]
pub struct Cluster {
    me: Me,
    settings: Settings,
    epoch: u64,
    clock: Hlc,
    /// What the disk has of it.
    clock_kept: u64,
    started: Time,
    members: Membership,
    peers: BTreeMap<NodeId, Peer>,
    links: BTreeMap<LinkId, NodeId>,
    copies: BTreeMap<NodeId, RouteReceiver>,
    own: OwnRoutes,
    dialer: Autocluster,
    autoclean: Autoclean,
    heal: Autoheal,
    rows: Rows,
    /// Whom this node reaches may have changed since it told.
    row_due: bool,
    barrier: Barrier,
    directory: Directory,
    wills: Wills,
    retained: retained::Copies,
    /// The hybrid clock when this process began: what it writes has higher numbers, what lives before it wrote lower ones.
    born: u64,
    /// Down members whose routes are still used, until when.
    keep: BTreeMap<NodeId, Time>,
    /// Members that restart.
    awaited: BTreeMap<NodeId, Awaited>,
    /// Process lives that are over by proof while others still say that they reach them.
    deaths: BTreeMap<NodeId, u64>,
    /// Members that were given up, and may live.
    undecided: BTreeMap<NodeId, Undecided>,
    /// When to look who is out for so long that it is not remembered any more.
    forget_at: Option<Time>,
    /// Who made the cluster, and its number. The oldest maker counts, so all end with the same.
    cluster: (Guid, [u8; 16]),
    next_ping: Time,
    standstill: Standstill,
    pings: u64,
    left: bool,
    /// An operator asked to join, a moment ago.
    join_until: Option<Time>,
    settled: bool,
    /// The life began in another process.
    goes_on: bool,
    repaired: u64,
}

impl Cluster {
    /// A node that starts. `seed` is for the jitter of dialling.
    #[must_use]
    pub fn new(me: Me, settings: &Settings, stored: Stored, wall: Wall, seed: u64) -> Self {
        let mut core = Self {
            epoch: 0,
            clock: Hlc::new(wall, Time::ZERO, stored.hlc),
            clock_kept: stored.hlc,
            started: Time::ZERO,
            members: Membership::default(),
            peers: BTreeMap::new(),
            links: BTreeMap::new(),
            copies: BTreeMap::new(),
            own: OwnRoutes::default(),
            dialer: Autocluster::new(me.name.clone(), seed),
            autoclean: Autoclean::new(settings.autoclean),
            heal: Autoheal::new(settings),
            rows: Rows::default(),
            row_due: false,
            barrier: Barrier::default(),
            directory: Directory::new(me.node_id),
            wills: Wills::new(me.node_id),
            retained: retained::Copies::default(),
            born: u64::MAX,
            keep: BTreeMap::new(),
            awaited: BTreeMap::new(),
            deaths: BTreeMap::new(),
            undecided: BTreeMap::new(),
            forget_at: None,
            goes_on: false,
            cluster: stored.cluster.map_or((me.guid, me.cluster_id), |(id, maker)| (maker, id)),
            next_ping: Time::ZERO,
            standstill: Standstill::default(),
            pings: 0,
            left: stored.left,
            join_until: None,
            settled: true,
            repaired: 0,
            settings: settings.clone(),
            me,
        };
        core.restore(&stored.members);
        let longest = settings.keep_time + settings.autoclean.unwrap_or_default();
        core.wills.set_longest_absence(longest);
        core
    }

    /// The node starts to run: time begins. Must be the first call.
    pub fn start(&mut self, now: Time, out: &mut Vec<Action>) {
        self.started = now;
        self.next_ping = now + self.ping_every();
        self.born = self.clock.tick(now);
        self.keep_clock(now, out);
        if self.settled {
            out.push(Action::Settled);
        }
    }

    /// Takes one input.
    pub fn on(&mut self, input: Input, now: Time, out: &mut Vec<Action>) {
        self.doubt_itself(now, out);
        match input {
            Input::Discovered(targets) => self.on_discovered(targets, now),
            Input::Sighted(target) => self.on_sighted(target, now),
            Input::DialFailed { name, error } => self.on_dial_failed(&name, error, now, out),
            Input::LinkUp { link, peer, dialed, addr } => {
                let peer = Peer {
                    link,
                    identity: peer,
                    dialed,
                    addr,
                    since: now,
                    proven: false,
                    sender: RouteSender::default(),
                    retained: retained::Exchange::default(),
                };
                self.on_link_up(peer, now, out);
            }
            Input::LinkDown { link } => self.on_link_down(link, "connection lost", now, out),
            Input::Silent { link } => self.on_silent(link, now, out),
            Input::Heard { node } => self.on_heard(node, now),
            Input::Refused { node } => self.on_refused(node, now, out),
            Input::Knock { from } => self.on_knock(from, now),
            Input::Frame { link, frame } => self.on_frame(link, frame, now, out),
            Input::RouteAdded(key) => self.own.add(key),
            Input::RouteRemoved(key) => self.own.remove(key),
            Input::Barrier(id) => self.on_barrier(id, now, out),
            Input::RoutesDiffer { node, sums } => self.on_routes_differ(node, sums, out),
            Input::Renewed => self.dialer.hurry_refused(now),
            Input::Join(target) => self.on_join(target, now, out),
            Input::Leave => self.on_leave(now, out),
            Input::Rediscover => self.on_rediscover(now, out),
            Input::ForceLeave(name) => self.on_force_leave(&name, now, out),
            Input::Shutdown => self.on_shutdown(out),
            Input::Rest => self.on_rest(out),
            Input::ToPeer { node, frame } => self.to_peer(node, frame, out),
            Input::Claim { ticket, client, clean } => {
                self.on_claim((ticket, client, clean), now, out);
            }
            Input::Unclaim { client, hlc } => self.on_unclaim(&client, hlc, now, out),
            Input::Refresh { client, hlc } => self.on_refresh(&client, hlc, now, out),
            Input::Adopted { client, hlc } => self.on_adopted(&client, hlc, now, out),
            Input::RetainedChanged { topics, lost } => self.on_retained_changed(&topics, lost, now),
            Input::RetainedCompared { node, differ } => {
                self.on_retained_compared(node, &differ, now, out);
            }
            Input::RetainedFull { node, buckets } => self.on_retained_full(node, &buckets),
            Input::RetainedDeleted { node, frames } => {
                self.on_retained_deleted(node, frames, out);
            }
            Input::Refreshed { view } => {
                if self.directory.refreshed(view) {
                    self.wills.refreshed();
                }
            }
            Input::Will { ticket, client, hlc, delay, body } => {
                self.on_own_will((ticket, &client), (hlc, delay, body), now, out);
            }
            Input::WillOver { client, hlc } => self.on_own_will_over(&client, hlc, now, out),
            Input::WillPublished { client, claim } => self.on_will_published(&client, claim, out),
        }
        self.keep_clock(now, out);
    }

    /// What another node says may move the clock on by minutes, and the process may be killed a moment later.
    fn keep_clock(&mut self, now: Time, out: &mut Vec<Action>) {
        let last = self.clock.last();
        if last.saturating_add(CLOCK_LEFT) > self.clock_kept {
            let [ahead, less] = CLOCK_AHEAD;
            let calendar = hlc::from_ms(self.clock.physical(now));
            let is_ahead = last > calendar.saturating_add(ahead);
            self.clock_kept = last.saturating_add(if is_ahead { less } else { ahead });
            out.insert(0, Action::KeepClock(self.clock_kept));
        }
    }

    /// Ends a wake-up: sends the changes of routes, says which barriers are passed.
    pub fn flush(&mut self, now: Time, out: &mut Vec<Action>) {
        if self.peers.is_empty() && self.keep.is_empty() {
            self.own.commit_alone();
        } else {
            self.own.commit();
        }
        self.send_routes(out);
        self.send_retained(now, out);
        if std::mem::take(&mut self.row_due) {
            self.tell_row(now, out);
            self.look_around(now, out);
            self.look_around_for_wills(now, out);
        }
        self.decide_deaths(now);
        self.end_rejoin(now, out);
        self.pass_barriers(now, out);
        self.settle(now, out);
        self.keep_clock(now, out);
    }

    /// When [`Cluster::on_deadline`] has something to do.
    #[must_use]
    pub fn deadline(&self) -> Option<Time> {
        let ping = self.judges().then_some(self.next_ping);
        let settle = (!self.settled).then(|| self.started + self.settle_limit());
        let keep = self.keep.values().min().copied().into_iter().chain(self.awaited_until()).min();
        let all = [ping, settle, keep, self.dialer.deadline(), self.barrier.deadline()];
        let more = [self.autoclean.deadline(), self.heal.deadline(), self.rows.deadline()];
        let last = [self.directory.deadline(), self.wills.deadline(), self.retained_deadline()];
        let last = last.into_iter().chain([self.forget_at, self.undecided_until()]);
        all.into_iter().chain(more).chain(last).flatten().min()
    }

    /// Does what time asks for.
    pub fn on_deadline(&mut self, now: Time, out: &mut Vec<Action>) {
        self.doubt_itself(now, out);
        if self.next_ping <= now {
            let late = now - self.next_ping;
            self.next_ping = now + self.ping_every();
            self.end_unproven(late, now, out);
            self.send_pings(late, now, out);
        }
        self.end_awaiting(now, out);
        self.end_keeping(now, out);
        self.forget_down(now, out);
        self.forget_out(now, out);
        self.heal_on_deadline(now, out);
        if self.rows.deadline().is_some_and(|at| at <= now) {
            self.tell_row(now, out);
        }
        self.claims_on_deadline(now, out);
        self.wills_on_deadline(now, out);
        let mut dial = Vec::new();
        self.dialer.on_deadline(now, &mut dial);
        out.extend(dial.into_iter().map(|target| {
            let near = self.dialer.is_sighted(&target.name);
            Action::Dial { target, near }
        }));
        self.pass_barriers(now, out);
        self.settle(now, out);
        self.keep_clock(now, out);
    }

    /// Whether a message published here may have to cross to another node.
    #[must_use]
    pub fn has_peers(&self) -> bool {
        self.members.counts().1 > 0 || !self.awaited.is_empty()
    }

    /// Number of the cluster that this node is in.
    #[must_use]
    pub fn cluster_id(&self) -> [u8; 16] {
        self.cluster.1
    }

    /// Whether this node left its cluster.
    #[must_use]
    pub fn has_left(&self) -> bool {
        self.left
    }

    /// What is to be kept on disk.
    #[must_use]
    pub fn stored(&self, now: Time) -> Stored {
        let others = self.members.iter().map(|member| member.told(now));
        let members = [self.record()].into_iter().chain(others).collect();
        let cluster = Some((self.cluster.1, self.cluster.0));
        Stored { members, left: self.left, hlc: self.clock.last(), cluster }
    }

    /// The index of a node whose control connection counts, in this very process life: its data connections may come.
    #[must_use]
    pub fn linked(&self, peer: &PeerIdentity) -> Option<u16> {
        let linked = self.peers.get(&peer.node_id).filter(|linked| linked.proven)?;
        let same_life = linked.identity.incarnation == peer.incarnation;
        self.members.find(peer.node_id).filter(|_| same_life)?.index
    }

    /// Age of this node.
    #[must_use]
    pub fn guid(&self) -> Guid {
        self.me.guid
    }

    /// The members that have an index, with the incarnation that their record is of.
    #[must_use]
    pub fn lives(&self) -> Vec<(u16, u64)> {
        let members = self.members.iter();
        members.filter_map(|member| Some((member.index?, member.record.incarnation))).collect()
    }

    /// How far the copy of the routes of a member reaches.
    #[must_use]
    pub fn position_of(&self, index: u16) -> Option<Position> {
        let member = self.members.iter().find(|member| member.index == Some(index))?;
        self.copies.get(&member.record.node_id).map(RouteReceiver::position)
    }

    /// The own routes.
    #[must_use]
    pub fn own_routes(&self) -> &OwnRoutes {
        &self.own
    }

    /// The own record, as all see it.
    fn record(&self) -> MemberRecord {
        MemberRecord {
            name: self.me.name.clone(),
            node_id: self.me.node_id,
            incarnation: self.me.incarnation,
            guid: self.me.guid,
            addrs: self.me.addrs.clone(),
            caps: self.caps(),
            version: self.me.version.clone(),
            status: RecordStatus::Member,
            epoch: self.epoch,
            out_for: Duration::ZERO,
        }
    }

    fn caps(&self) -> u64 {
        let join = if self.join_until.is_some() { CAP_JOIN } else { 0 };
        let retained = if self.settings.retain_replicate { CAP_RETAINED } else { 0 };
        let stay = if self.me.clients_stay { CAP_CLIENTS_STAY } else { 0 };
        join | retained | stay | CAP_WILLS
    }

    /// Positions of routes go three times within the time after which silence counts: where UDP is blocked, these are the signs
    /// of life.
    fn ping_every(&self) -> Duration {
        self.settings.heartbeat.max(self.settings.failure_timeout / 3)
    }

    /// Says once that the members known from before have answered, or could have.
    fn settle(&mut self, now: Time, out: &mut Vec<Action>) {
        if self.settled {
            return;
        }
        // Who has the previous cookie still refuses this node, and dials it in a moment.
        let between = self.settings.cookie_previous.is_some();
        let comes =
            |name| self.dialer.is_first_try(name) || (between && self.dialer.is_refused(name));
        let waiting = self.members.iter().any(|member| {
            member.record.is_member()
                && member.reach != Reach::Up
                && (member.reach == Reach::Joining || comes(&member.record.name))
        });
        let waiting = waiting || self.takes_retained();
        if !waiting || self.started + self.settle_limit() <= now {
            self.settled = true;
            out.push(Action::Settled);
        }
    }
}
