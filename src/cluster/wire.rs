//! Frames between nodes, written by hand.
//!
//! ```text
//! len u32 (of the body, at most 1 MiB) | kind u8 | flags u8 | reserved u16 = 0 | body
//! ```
//! Frames are a byte stream inside the sealed records of a link, so they carry no checksum. Bytes after the last known field
//! of a body are ignored: room for later fields. Unknown kinds from 0x80 on are skipped, below they are an error. A decoder
//! never allocates more than a small multiple of the bytes it holds.

mod asking;
mod bytes;
mod envelope;
mod heal;
mod retained;
mod route_ops;
mod session;
mod will;

use std::{cell::RefCell, net::SocketAddr, time::Duration};

use zstd::bulk::{Compressor, Decompressor};

pub use asking::{AskFrame, PAGE};
pub use envelope::{Envelope, Flags, MessageId, Targets, WHOLE_MAX, cut_total, put_fwd};
pub use heal::{HealFrame, HealId};
pub use retained::{
    BUCKETS, Buckets, PIECE_MAX, RetainedEntry, RetainedFrame, Sums, delta_frames, read_delta,
    read_snap, snap_frames,
};
pub use route_ops::{NAMES_MAX, OPS_MAX};
pub use session::{CHUNK, ClaimFrame, MarkFrame, Stage, TakeFrame};
pub use will::{WillCopy, WillFrame};

pub(crate) use bytes::{Reader, put_bytes, put_v};
pub(crate) use envelope::{expiry_of, set_expiry};

use bytes::put_addrs;

use super::{
    member::{Guid, MemberRecord, NodeId, Position, RecordStatus},
    node_name::NodeName,
    routes::{Parts, RouteOp},
};

/// Longest body.
pub const BODY_MAX: usize = 1 << 20;
/// Bytes before the body.
pub const HEADER: usize = 8;
/// Flag: the body is a size and then that many bytes, compressed with zstd.
pub const ZSTD: u8 = 1;
/// Flag: the body goes on in the next frame of this kind.
pub const MORE: u8 = 2;
/// Bodies of routes longer than this are compressed.
const COMPRESS_FROM: usize = 512;
/// A compressed body is at most this long when it is open. How many times as long as it was says nothing: topics that are
/// numbered one after the other shrink to a four-hundredth.
const OPEN_MAX: usize = 4 << 20;
/// Bytes of a long message in one frame.
pub const FRAGMENT: usize = 64 << 10;

/// What is wrong with bytes of a peer. The link closes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum WireError {
    /// Fewer bytes than the fields need.
    #[error("frame ends within a field")]
    Truncated,
    /// A body, or a cut message, above the limit.
    #[error("frame of {size} bytes, limit {limit}")]
    TooLarge {
        /// As the peer claims.
        size: usize,
        /// What is allowed.
        limit: usize,
    },
    /// A varint of more than 64 bits.
    #[error("number of more than 64 bits in a frame")]
    Varint,
    /// A field that makes no sense.
    #[error("bad {0} in a frame")]
    Field(&'static str),
    /// A kind below 0x80 that is not known, or not here.
    #[error("unexpected frame 0x{0:02x}")]
    Kind(u8),
    /// Flags or reserved bits that are not known.
    #[error("unknown flags in a frame of kind 0x{0:02x}")]
    Flags(u8),
}

/// The number of a frame's kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Kind(pub u8);

impl Kind {
    /// [`Frame::State`]
    pub const STATE: Self = Self(0x05);
    /// [`Frame::Close`]
    pub const CLOSE: Self = Self(0x06);
    /// [`Frame::Ping`]
    pub const PING: Self = Self(0x10);
    /// [`Frame::Members`]
    pub const MEMBERS: Self = Self(0x20);
    /// [`Frame::Row`]
    pub const ROW: Self = Self(0x21);
    /// [`Frame::RouteDelta`]
    pub const ROUTE_DELTA: Self = Self(0x30);
    /// [`Frame::RouteSnap`]
    pub const ROUTE_SNAP: Self = Self(0x31);
    /// [`Frame::RouteAck`]
    pub const ROUTE_ACK: Self = Self(0x32);
    /// [`Frame::RouteReq`]
    pub const ROUTE_REQ: Self = Self(0x33);
    /// [`Frame::RouteSum`]
    pub const ROUTE_SUM: Self = Self(0x34);
    /// [`Frame::RouteFix`]
    pub const ROUTE_FIX: Self = Self(0x35);
    /// [`Envelope`]; the one kind that is not a [`Frame`].
    pub const FWD: Self = Self(0x40);
    /// [`Frame::FwdAck`]
    pub const FWD_ACK: Self = Self(0x41);
    /// [`Frame::FwdNack`]
    pub const FWD_NACK: Self = Self(0x42);
    /// [`Frame::TopicDef`]
    pub const TOPIC_DEF: Self = Self(0x43);
    /// [`Frame::FwdBase`]
    pub const FWD_BASE: Self = Self(0x44);
    /// [`MarkFrame::Ask`]
    pub const MARK_ASK: Self = Self(0x45);
    /// [`MarkFrame::Answer`]
    pub const MARK: Self = Self(0x46);
    /// [`ClaimFrame::Claim`]
    pub const CLAIM: Self = Self(0x50);
    /// [`ClaimFrame::Ok`]
    pub const CLAIM_OK: Self = Self(0x51);
    /// [`ClaimFrame::Low`]
    pub const CLAIM_LOW: Self = Self(0x52);
    /// [`ClaimFrame::Kick`]
    pub const KICK: Self = Self(0x53);
    /// [`ClaimFrame::Unclaim`]
    pub const UNCLAIM: Self = Self(0x54);
    /// [`WillFrame::Keep`] and [`WillFrame::Due`]
    pub const WILL: Self = Self(0x55);
    /// [`WillFrame::Answer`]
    pub const WILL_OK: Self = Self(0x56);
    /// [`WillFrame::Gone`]
    pub const WILL_GONE: Self = Self(0x57);
    /// [`TakeFrame::Offer`] and [`TakeFrame::Pull`]
    pub const TAKE_BEGIN: Self = Self(0x58);
    /// [`TakeFrame::Piece`]
    pub const TAKE_STATE: Self = Self(0x59);
    /// [`TakeFrame::Done`]
    pub const TAKE_END: Self = Self(0x5A);
    /// [`TakeFrame::Fail`]
    pub const TAKE_FAIL: Self = Self(0x5B);
    /// [`RetainedFrame::Delta`]
    pub const RET_DELTA: Self = Self(0x60);
    /// [`RetainedFrame::Sum`]
    pub const RET_SUM: Self = Self(0x61);
    /// [`RetainedFrame::Req`]
    pub const RET_REQ: Self = Self(0x62);
    /// [`RetainedFrame::Snap`]
    pub const RET_SNAP: Self = Self(0x63);
    /// [`RetainedFrame::Ack`]
    pub const RET_ACK: Self = Self(0x64);
    /// [`HealFrame::Report`]
    pub const REPORT: Self = Self(0x70);
    /// [`HealFrame::ViewReq`]
    pub const VIEW_REQ: Self = Self(0x71);
    /// [`HealFrame::ViewRep`]
    pub const VIEW_REP: Self = Self(0x72);
    /// [`HealFrame::Plan`]
    pub const HEAL: Self = Self(0x73);
    /// [`HealFrame::Rejoin`]
    pub const REJOIN: Self = Self(0x74);
    /// [`HealFrame::RejoinOk`]
    pub const REJOIN_OK: Self = Self(0x75);
    /// [`HealFrame::Done`]
    pub const HEAL_DONE: Self = Self(0x76);
    /// [`Frame::Leave`]
    pub const LEAVE: Self = Self(0x78);
    /// [`Frame::Remove`]
    pub const REMOVE: Self = Self(0x79);
    /// [`Frame::Merge`]
    pub const MERGE: Self = Self(0x7A);
    /// [`AskFrame::Ask`]
    pub const ASK: Self = Self(0x80);
    /// [`AskFrame::Page`]
    pub const PAGE: Self = Self(0x81);
    /// [`WillFrame::Ask`]
    pub const WILL_ASK: Self = Self(0x82);
    /// [`WillFrame::Going`]
    pub const WILL_GOING: Self = Self(0x83);
    /// First of the kinds that are skipped when not known.
    const OPTIONAL: u8 = 0x80;
}

/// Why a link closes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CloseCode {
    /// Nothing wrong.
    Done,
    /// The peer broke the rules of the wire.
    Protocol,
    /// Another node with this name is alive.
    NameTaken,
    /// Another connection between the two stays.
    Tie,
    /// Forced out by an operator.
    Banned,
    /// One of the two has left the cluster.
    Left,
    /// No room for another node.
    TooMany,
    /// The process ends.
    ShuttingDown,
    /// A number is missing in a stream; the next link resumes from the right place.
    Gap,
    /// From an earlier incarnation.
    Stale,
    /// The identity is not the one known under this name.
    Pin,
    /// The two ends are one node.
    SelfLink,
    /// The process ends, and another goes on with its life in a moment.
    Restarting,
    /// Of a later release.
    Other(u8),
}

impl CloseCode {
    const ALL: [Self; 13] = [
        Self::Done,
        Self::Protocol,
        Self::NameTaken,
        Self::Tie,
        Self::Banned,
        Self::Left,
        Self::TooMany,
        Self::ShuttingDown,
        Self::Gap,
        Self::Stale,
        Self::Pin,
        Self::SelfLink,
        Self::Restarting,
    ];

    fn from_u8(code: u8) -> Self {
        Self::ALL.get(usize::from(code)).copied().unwrap_or(Self::Other(code))
    }

    fn as_u8(self) -> u8 {
        match self {
            Self::Done => 0,
            Self::Protocol => 1,
            Self::NameTaken => 2,
            Self::Tie => 3,
            Self::Banned => 4,
            Self::Left => 5,
            Self::TooMany => 6,
            Self::ShuttingDown => 7,
            Self::Gap => 8,
            Self::Stale => 9,
            Self::Pin => 10,
            Self::SelfLink => 11,
            Self::Restarting => 12,
            Self::Other(code) => code,
        }
    }
}

/// What a node says about itself when a link comes up.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct State {
    /// Its process life.
    pub incarnation: u64,
    /// Its age.
    pub guid: Guid,
    /// The cluster it belongs to.
    pub cluster_id: [u8; 16],
    /// Its release.
    pub version: String,
    /// Features it has.
    pub caps: u64,
    /// Where its mesh listens.
    pub addrs: Vec<SocketAddr>,
    /// Its hybrid time.
    pub hlc: u64,
    /// How much it holds of the addressee's routes.
    pub have: Position,
    /// What it received of the addressee's messages, by data stream.
    pub fwd: Vec<Received>,
    /// Number of its last view row.
    pub row_seq: u64,
}

/// How far the messages of one data stream arrived.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Received {
    /// Which data stream.
    pub stream: u8,
    /// Incarnation of the sender.
    pub incarnation: u64,
    /// Last number taken in order.
    pub seq: u64,
}

/// A sign of life.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Ping {
    /// Process life of the sender.
    pub incarnation: u64,
    /// Counts the pings.
    pub n: u64,
    /// How late the sender was itself.
    pub lateness_ms: u64,
    /// Number of its last route change.
    pub route_seq: u64,
    /// Sum of the hashes of its routes.
    pub route_hash: u64,
    /// A worker of it makes no progress.
    pub stalled: bool,
    /// It is about to stop.
    pub draining: bool,
    /// Its hybrid time.
    pub hlc: u64,
}

/// Everything nodes say to each other, but messages ([`Envelope`]).
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(
    missing_docs,
    reason = "the fields are named where their meaning is decided: sections 4, 6 and 7 of the design"
)]
pub enum Frame {
    /// First on a control link, both ways.
    State(State),
    /// Last on any link.
    Close { code: CloseCode, reason: String },
    /// Sign of life, with the position of the routes.
    Ping(Ping),
    /// The member table, by node id.
    Members(Vec<MemberRecord>),
    /// Whom a node reaches.
    Row { node_id: NodeId, incarnation: u64, row_seq: u64, reach: Vec<NodeId> },
    /// Changes of the sender's routes, in order, from `first_seq` on.
    RouteDelta { incarnation: u64, first_seq: u64, ops: Vec<RouteOp> },
    /// A part of all routes of the sender; adds only.
    RouteSnap { incarnation: u64, seq: u64, part: u64, last: bool, ops: Vec<RouteOp> },
    /// Changes up to here are applied.
    RouteAck { incarnation: u64, seq: u64 },
    /// Send from here; (0, 0) asks for a snapshot.
    RouteReq { incarnation: u64, seq: u64 },
    /// Hash sums of the 256 parts of what the sender holds of the addressee's routes: send what differs.
    RouteSum { incarnation: u64, seq: u64, sums: Box<[u64; 256]> },
    /// What is in these of 256 parts of the sender's routes. The frames of a series, counted from 0 up to `last`, together take
    /// the place of what is held of the parts.
    RouteFix {
        incarnation: u64,
        seq: u64,
        parts: Parts,
        number: u64,
        last: bool,
        ops: Vec<RouteOp>,
    },
    /// Messages of the stream up to here are in the sessions' queues.
    FwdAck { incarnation: u64, stream: u8, seq: u64, credit: u64 },
    /// The message found no member (reason 0) of some of its groups: bit n of `groups` is group n of the message. To be sent
    /// before the message is acknowledged.
    FwdNack { stream: u8, seq: u64, reason: u8, groups: u64 },
    /// A short name for a topic on this connection.
    TopicDef { id: u64, topic: String },
    /// First on a data connection, both ways: the numbered messages that follow begin after `seq`.
    FwdBase { incarnation: u64, seq: u64 },
    /// The node goes.
    Leave { node_id: NodeId, epoch: u64 },
    /// The node is forgotten, or shut out.
    Remove { node_id: NodeId, epoch: u64, ban: bool },
    /// A step of the ceremony after a partition.
    Heal(HealFrame),
    /// Who has the session of a client.
    Claim(ClaimFrame),
    /// A will that nodes keep for each other.
    Will(WillFrame),
    /// A session on its way to another node.
    Take(TakeFrame),
    /// A mark in the messages between two nodes.
    Mark(MarkFrame),
    /// What an operator asks about another node.
    Ask(AskFrame),
    /// Retained messages.
    Retained(RetainedFrame),
    /// The number of the cluster and who made it; the one of the oldest maker counts.
    Merge { cluster_id: [u8; 16], maker: Guid },
}

/// What stands before a body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header {
    /// Bytes of the body.
    pub len: usize,
    /// What it holds.
    pub kind: Kind,
    /// [`MORE`], [`ZSTD`] or nothing.
    pub flags: u8,
}

impl Header {
    /// Reads the eight bytes before a body.
    ///
    /// # Errors
    /// [`WireError`] on a body over [`BODY_MAX`] and on unknown flags.
    pub fn parse(bytes: [u8; HEADER]) -> Result<Self, WireError> {
        let [l0, l1, l2, l3, kind, flags, r0, r1] = bytes;
        let len = u32::from_be_bytes([l0, l1, l2, l3]) as usize;
        if len > BODY_MAX {
            return Err(WireError::TooLarge { size: len, limit: BODY_MAX });
        }
        let optional = kind >= Kind::OPTIONAL;
        let allowed = match Kind(kind) {
            Kind::FWD => MORE,
            Kind::ROUTE_DELTA
            | Kind::ROUTE_SNAP
            | Kind::ROUTE_FIX
            | Kind::RET_DELTA
            | Kind::RET_SNAP => ZSTD,
            _ => 0,
        };
        if !optional && (flags & !allowed != 0 || r0 | r1 != 0) {
            return Err(WireError::Flags(kind));
        }
        Ok(Self { len, kind: Kind(kind), flags })
    }
}

/// A frame at the front of some bytes: its header, its body, and how many bytes both take.
pub type Split<'a> = (Header, &'a [u8], usize);

/// The first frame in `bytes`: its header, its body, and how many bytes both take. `None`: more bytes are needed.
///
/// # Errors
/// As [`Header::parse`].
pub fn split(bytes: &[u8]) -> Result<Option<Split<'_>>, WireError> {
    let Some((header, rest)) = bytes.split_first_chunk::<HEADER>() else { return Ok(None) };
    let header = Header::parse(*header)?;
    Ok(rest.get(..header.len).map(|body| (header, body, HEADER + header.len)))
}

/// Appends a header whose length [`end`] fills in. Returns where the frame begins.
pub(crate) fn begin(out: &mut Vec<u8>, kind: Kind, flags: u8) -> usize {
    let at = out.len();
    out.extend_from_slice(&[0, 0, 0, 0, kind.0, flags, 0, 0]);
    at
}

/// Ends the frame that begins at `at`.
pub(crate) fn end(out: &mut [u8], at: usize) {
    let len = u32::try_from(out.len().saturating_sub(at + HEADER)).unwrap_or(u32::MAX);
    if let Some(head) = out.get_mut(at..).and_then(<[u8]>::first_chunk_mut::<4>) {
        *head = len.to_be_bytes();
    }
}

thread_local! {
    // Their memory is larger than most frames: made once a thread, for the one that speaks with other nodes.
    static COMPRESSOR: RefCell<Option<Compressor<'static>>> = RefCell::new(Compressor::new(1).ok());
    static DECOMPRESSOR: RefCell<Option<Decompressor<'static>>> =
        RefCell::new(Decompressor::new().ok());
}

/// Compresses the body of the frame that begins at `at`, if it is long and that makes it shorter.
fn compress(out: &mut Vec<u8>, at: usize) {
    let body = out.get(at + HEADER..).unwrap_or_default();
    if body.len() < COMPRESS_FROM {
        return;
    }
    let squeezed = COMPRESSOR.with_borrow_mut(|one| Some(one.as_mut()?.compress(body)));
    let Some(Ok(small)) = squeezed else { return };
    let mut head = Vec::new();
    put_v(&mut head, body.len() as u64);
    if head.len() + small.len() < body.len() {
        out.truncate(at + HEADER);
        out.extend_from_slice(&head);
        out.extend_from_slice(&small);
        if let Some(flags) = out.get_mut(at + 5) {
            *flags |= ZSTD;
        }
    }
}

/// A compressed body, open. What a peer claims is checked before memory is taken for it.
fn opened(body: &[u8]) -> Result<Vec<u8>, WireError> {
    let mut from = Reader::new(body);
    let (size, small) = (from.size()?, from.rest());
    if size > OPEN_MAX {
        return Err(WireError::TooLarge { size, limit: OPEN_MAX });
    }
    let open = DECOMPRESSOR.with_borrow_mut(|one| Some(one.as_mut()?.decompress(small, size)));
    let Some(Ok(open)) = open else { return Err(WireError::Field("zstd")) };
    if open.len() == size { Ok(open) } else { Err(WireError::Field("size of a zstd body")) }
}

impl Frame {
    /// The number of its kind.
    #[must_use]
    pub const fn kind(&self) -> Kind {
        match self {
            Self::State(_) => Kind::STATE,
            Self::Close { .. } => Kind::CLOSE,
            Self::Ping(_) => Kind::PING,
            Self::Members(_) => Kind::MEMBERS,
            Self::Row { .. } => Kind::ROW,
            Self::RouteDelta { .. } => Kind::ROUTE_DELTA,
            Self::RouteSnap { .. } => Kind::ROUTE_SNAP,
            Self::RouteAck { .. } => Kind::ROUTE_ACK,
            Self::RouteReq { .. } => Kind::ROUTE_REQ,
            Self::RouteSum { .. } => Kind::ROUTE_SUM,
            Self::RouteFix { .. } => Kind::ROUTE_FIX,
            Self::FwdAck { .. } => Kind::FWD_ACK,
            Self::FwdNack { .. } => Kind::FWD_NACK,
            Self::TopicDef { .. } => Kind::TOPIC_DEF,
            Self::FwdBase { .. } => Kind::FWD_BASE,
            Self::Heal(heal) => heal.kind(),
            Self::Claim(claim) => claim.kind(),
            Self::Will(will) => will.kind(),
            Self::Take(take) => take.kind(),
            Self::Mark(mark) => mark.kind(),
            Self::Ask(ask) => ask.kind(),
            Self::Retained(frame) => frame.kind(),
            Self::Leave { .. } => Kind::LEAVE,
            Self::Remove { .. } => Kind::REMOVE,
            Self::Merge { .. } => Kind::MERGE,
        }
    }

    /// Appends header and body.
    pub fn encode(&self, out: &mut Vec<u8>) {
        let at = begin(out, self.kind(), 0);
        self.put_body(out);
        let long = matches!(
            self,
            Self::RouteDelta { .. }
                | Self::RouteSnap { .. }
                | Self::RouteFix { .. }
                | Self::Retained(RetainedFrame::Delta { .. } | RetainedFrame::Snap { .. })
        );
        if long {
            compress(out, at);
        }
        end(out, at);
    }

    /// Reads a body as its header says. `None`: a kind of a later release that is to be skipped.
    ///
    /// # Errors
    /// As [`Frame::decode`].
    pub fn read(header: Header, body: &[u8]) -> Result<Option<Self>, WireError> {
        // What a flag means to an optional kind, that kind says.
        if header.flags & ZSTD != 0 && header.kind.0 < Kind::OPTIONAL {
            return Self::decode(header.kind, &opened(body)?);
        }
        Self::decode(header.kind, body)
    }

    #[expect(clippy::too_many_lines, reason = "one arm for each kind of frame")]
    fn put_body(&self, out: &mut Vec<u8>) {
        match self {
            Self::State(state) => state.put(out),
            Self::Close { code, reason } => {
                out.push(code.as_u8());
                put_bytes(out, reason.as_bytes());
            }
            Self::Ping(ping) => ping.put(out),
            Self::Members(records) => {
                put_v(out, records.len() as u64);
                records.iter().for_each(|record| put_record(out, record));
                // Behind what earlier releases read.
                put_v(out, records.len() as u64);
                records.iter().for_each(|record| put_v(out, record.out_for.as_secs()));
            }
            Self::Row { node_id, incarnation, row_seq, reach } => {
                out.extend_from_slice(&node_id.0);
                put_all(out, &[*incarnation, *row_seq, reach.len() as u64]);
                reach.iter().for_each(|id| out.extend_from_slice(&id.0));
            }
            Self::RouteDelta { incarnation, first_seq, ops } => {
                put_all(out, &[*incarnation, *first_seq]);
                route_ops::put(out, ops);
            }
            Self::RouteSnap { incarnation, seq, part, last, ops } => {
                put_all(out, &[*incarnation, *seq, *part]);
                out.push(u8::from(*last));
                route_ops::put(out, ops);
            }
            Self::RouteAck { incarnation, seq }
            | Self::RouteReq { incarnation, seq }
            | Self::FwdBase { incarnation, seq } => {
                put_all(out, &[*incarnation, *seq]);
            }
            Self::RouteSum { incarnation, seq, sums } => {
                put_all(out, &[*incarnation, *seq]);
                sums.iter().for_each(|sum| out.extend_from_slice(&sum.to_be_bytes()));
            }
            Self::RouteFix { incarnation, seq, parts, number, last, ops } => {
                put_all(out, &[*incarnation, *seq, *number]);
                parts.words().iter().for_each(|word| out.extend_from_slice(&word.to_be_bytes()));
                out.push(u8::from(*last));
                route_ops::put(out, ops);
            }
            Self::FwdAck { incarnation, stream, seq, credit } => {
                put_v(out, *incarnation);
                out.push(*stream);
                put_all(out, &[*seq, *credit]);
            }
            Self::FwdNack { stream, seq, reason, groups } => {
                out.push(*stream);
                put_v(out, *seq);
                out.push(*reason);
                put_v(out, *groups);
            }
            Self::TopicDef { id, topic } => {
                put_v(out, *id);
                put_bytes(out, topic.as_bytes());
            }
            Self::Heal(heal) => heal.put(out),
            Self::Claim(claim) => claim.put(out),
            Self::Will(will) => will.put(out),
            Self::Take(take) => take.put(out),
            Self::Mark(mark) => mark.put(out),
            Self::Ask(ask) => ask.put(out),
            Self::Retained(frame) => frame.put(out),
            Self::Leave { node_id, epoch } => {
                out.extend_from_slice(&node_id.0);
                put_v(out, *epoch);
            }
            Self::Merge { cluster_id, maker } => {
                out.extend_from_slice(cluster_id);
                put_guid(out, *maker);
            }
            Self::Remove { node_id, epoch, ban } => {
                out.extend_from_slice(&node_id.0);
                put_v(out, *epoch);
                out.push(u8::from(*ban));
            }
        }
    }

    /// Reads a body. `None`: a kind of a later release that is to be skipped.
    ///
    /// # Errors
    /// [`WireError`]: the link is to be closed. [`Kind::FWD`] is an error here, [`Envelope::decode`] reads it.
    pub fn decode(kind: Kind, body: &[u8]) -> Result<Option<Self>, WireError> {
        let mut from = Reader::new(body);
        let from = &mut from;
        Ok(Some(match kind {
            Kind::STATE => Self::State(State::read(from)?),
            Kind::CLOSE => {
                Self::Close { code: CloseCode::from_u8(from.u8()?), reason: from.text()?.into() }
            }
            Kind::PING => Self::Ping(Ping::read(from)?),
            Kind::MEMBERS => {
                let count = from.count(RECORD_MIN)?;
                let records = (0..count).map(|_| record(from)).collect::<Result<_, _>>()?;
                Self::Members(with_ages(records, from)?)
            }
            Kind::ROW => Self::Row {
                node_id: node_id(from)?,
                incarnation: from.v()?,
                row_seq: from.v()?,
                reach: {
                    let count = from.count(16)?;
                    (0..count).map(|_| node_id(from)).collect::<Result<_, _>>()?
                },
            },
            Kind::LEAVE => Self::Leave { node_id: node_id(from)?, epoch: from.count_from()? },
            Kind::MERGE => Self::Merge { cluster_id: node_id(from)?.0, maker: guid(from)? },
            Kind::REMOVE => Self::Remove {
                node_id: node_id(from)?,
                epoch: from.count_from()?,
                ban: flag(from)?,
            },
            Kind::FWD_ACK => Self::FwdAck {
                incarnation: from.v()?,
                stream: from.u8()?,
                seq: from.v()?,
                credit: from.v()?,
            },
            Kind::FWD_NACK => Self::FwdNack {
                stream: from.u8()?,
                seq: from.v()?,
                reason: from.u8()?,
                groups: from.v()?,
            },
            Kind::FWD_BASE => Self::FwdBase { incarnation: from.v()?, seq: from.count_from()? },
            Kind::TOPIC_DEF => Self::TopicDef { id: from.v()?, topic: from.text()?.into() },
            other => match HealFrame::read(other, from)? {
                Some(heal) => Self::Heal(heal),
                None => return Self::decode_sessions(other, from),
            },
        }))
    }

    fn decode_sessions(kind: Kind, from: &mut Reader<'_>) -> Result<Option<Self>, WireError> {
        if let Some(claim) = ClaimFrame::read(kind, from)? {
            return Ok(Some(Self::Claim(claim)));
        }
        if let Some(will) = WillFrame::read(kind, from)? {
            return Ok(Some(Self::Will(will)));
        }
        if let Some(take) = TakeFrame::read(kind, from)? {
            return Ok(Some(Self::Take(take)));
        }
        if let Some(frame) = RetainedFrame::read(kind, from)? {
            return Ok(Some(Self::Retained(frame)));
        }
        if let Some(ask) = AskFrame::read(kind, from)? {
            return Ok(Some(Self::Ask(ask)));
        }
        match MarkFrame::read(kind, from)? {
            Some(mark) => Ok(Some(Self::Mark(mark))),
            None => Self::decode_routes(kind, from),
        }
    }

    fn decode_routes(kind: Kind, from: &mut Reader<'_>) -> Result<Option<Self>, WireError> {
        Ok(Some(match kind {
            Kind::ROUTE_DELTA => Self::RouteDelta {
                incarnation: from.v()?,
                first_seq: from.v()?,
                ops: route_ops::read(from)?,
            },
            Kind::ROUTE_SNAP => Self::RouteSnap {
                incarnation: from.v()?,
                seq: from.v()?,
                part: from.v()?,
                last: flag(from)?,
                ops: route_ops::read(from)?,
            },
            Kind::ROUTE_ACK => Self::RouteAck { incarnation: from.v()?, seq: from.v()? },
            Kind::ROUTE_REQ => Self::RouteReq { incarnation: from.v()?, seq: from.v()? },
            Kind::ROUTE_FIX => Self::RouteFix {
                incarnation: from.v()?,
                seq: from.v()?,
                number: from.v()?,
                parts: Parts::from_words([from.u64()?, from.u64()?, from.u64()?, from.u64()?]),
                last: flag(from)?,
                ops: route_ops::read(from)?,
            },
            Kind::ROUTE_SUM => {
                let (incarnation, seq) = (from.v()?, from.v()?);
                let mut sums = Box::new([0; 256]);
                for sum in sums.iter_mut() {
                    *sum = from.u64()?;
                }
                Self::RouteSum { incarnation, seq, sums }
            }
            Kind(later) if later >= Kind::OPTIONAL => return Ok(None),
            Kind(unknown) => return Err(WireError::Kind(unknown)),
        }))
    }
}

/// Bytes of the smallest member record.
const RECORD_MIN: usize = 30;

impl State {
    fn put(&self, out: &mut Vec<u8>) {
        put_v(out, self.incarnation);
        put_guid(out, self.guid);
        out.extend_from_slice(&self.cluster_id);
        put_bytes(out, self.version.as_bytes());
        put_v(out, self.caps);
        put_addrs(out, &self.addrs);
        out.extend_from_slice(&self.hlc.to_be_bytes());
        put_all(out, &[self.have.incarnation, self.have.seq]);
        out.extend_from_slice(&self.have.hash.to_be_bytes());
        put_v(out, self.fwd.len() as u64);
        for received in &self.fwd {
            out.push(received.stream);
            put_all(out, &[received.incarnation, received.seq]);
        }
        put_v(out, self.row_seq);
    }

    fn read(from: &mut Reader<'_>) -> Result<Self, WireError> {
        Ok(Self {
            incarnation: from.v()?,
            guid: guid(from)?,
            cluster_id: from.array()?,
            version: from.text()?.into(),
            caps: from.v()?,
            addrs: from.addrs()?,
            hlc: from.u64()?,
            have: Position { incarnation: from.v()?, seq: from.v()?, hash: from.u64()? },
            fwd: {
                let count = from.count(3)?;
                let one = |_| received(from);
                (0..count).map(one).collect::<Result<_, _>>()?
            },
            row_seq: from.v()?,
        })
    }
}

impl Ping {
    fn put(&self, out: &mut Vec<u8>) {
        put_all(out, &[self.incarnation, self.n, self.lateness_ms, self.route_seq]);
        out.extend_from_slice(&self.route_hash.to_be_bytes());
        out.push(u8::from(self.stalled) | u8::from(self.draining) << 1);
        out.extend_from_slice(&self.hlc.to_be_bytes());
    }

    fn read(from: &mut Reader<'_>) -> Result<Self, WireError> {
        let (incarnation, n, lateness_ms, route_seq) = (from.v()?, from.v()?, from.v()?, from.v()?);
        let (route_hash, bits, hlc) = (from.u64()?, from.u8()?, from.u64()?);
        let (stalled, draining) = (bits & 1 != 0, bits & 2 != 0);
        Ok(Self { incarnation, n, lateness_ms, route_seq, route_hash, stalled, draining, hlc })
    }
}

fn put_all(out: &mut Vec<u8>, values: &[u64]) {
    values.iter().for_each(|value| put_v(out, *value));
}

fn put_guid(out: &mut Vec<u8>, guid: Guid) {
    out.extend_from_slice(&guid.started.to_be_bytes());
    out.extend_from_slice(&guid.node.0);
}

fn guid(from: &mut Reader<'_>) -> Result<Guid, WireError> {
    Ok(Guid { started: from.u64()?, node: node_id(from)? })
}

fn node_id(from: &mut Reader<'_>) -> Result<NodeId, WireError> {
    from.array().map(NodeId)
}

fn received(from: &mut Reader<'_>) -> Result<Received, WireError> {
    Ok(Received { stream: from.u8()?, incarnation: from.v()?, seq: from.v()? })
}

fn flag(from: &mut Reader<'_>) -> Result<bool, WireError> {
    from.u8().map(|byte| byte != 0)
}

/// Reads a node name behind its length.
pub(crate) fn node_name(from: &mut Reader<'_>) -> Result<NodeName, WireError> {
    NodeName::parse(from.text()?).map_err(|_| WireError::Field("node name"))
}

/// Appends a member record; the members file holds them too.
pub(crate) fn put_record(out: &mut Vec<u8>, record: &MemberRecord) {
    put_bytes(out, record.name.as_str().as_bytes());
    out.extend_from_slice(&record.node_id.0);
    put_v(out, record.incarnation);
    put_guid(out, record.guid);
    put_addrs(out, &record.addrs);
    put_v(out, record.caps);
    put_bytes(out, record.version.as_bytes());
    out.push(match record.status {
        RecordStatus::Member => 0,
        RecordStatus::Leaving => 1,
        RecordStatus::Left => 2,
        RecordStatus::Removed => 3,
        RecordStatus::Banned => 4,
    });
    put_v(out, record.epoch);
}

/// Reads what [`put_record`] wrote.
pub(crate) fn record(from: &mut Reader<'_>) -> Result<MemberRecord, WireError> {
    Ok(MemberRecord {
        name: node_name(from)?,
        node_id: node_id(from)?,
        incarnation: from.count_from()?,
        guid: guid(from)?,
        addrs: from.addrs()?,
        caps: from.v()?,
        version: from.text()?.into(),
        status: match from.u8()? {
            0 => RecordStatus::Member,
            1 => RecordStatus::Leaving,
            2 => RecordStatus::Left,
            3 => RecordStatus::Removed,
            4 => RecordStatus::Banned,
            _ => return Err(WireError::Field("member status")),
        },
        epoch: from.count_from()?,
        out_for: Duration::ZERO,
    })
}

/// How long each of the nodes is out; earlier releases do not tell.
fn with_ages(
    mut records: Vec<MemberRecord>,
    from: &mut Reader<'_>,
) -> Result<Vec<MemberRecord>, WireError> {
    if from.is_empty() || from.size()? != records.len() {
        return Ok(records);
    }
    for record in &mut records {
        let secs = from.v()?.min(u64::from(u32::MAX));
        record.out_for =
            if record.is_member() { Duration::ZERO } else { Duration::from_secs(secs) };
    }
    Ok(records)
}

#[cfg(test)]
mod tests;
