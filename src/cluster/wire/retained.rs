//! Frames 60 to 64: retained messages on their way between the copies that nodes have of them (`cluster/retained.rs`).
//!
//! Entries are written one behind the other and the bytes cut into frames, so an entry may be longer than a frame:
//!
//! ```text
//! hlc u64 | node 16 | kind u8 (bit 0 message, 1 has a life, 2 was there) | [life left, ms v] | topic s | [body s]
//! ```
//! Before them, in an answer to RET_REQ, where to go on (`s`; empty: that was all). What a body holds is not known here.

use std::sync::Arc;

use super::{FRAGMENT, Kind, Reader, WireError, put_bytes, put_v};
use crate::{time::Stamp, topic::TopicName};

/// Parts of the copies that are compared.
pub const BUCKETS: usize = 1024;
/// Bytes of all entries of one piece, at most: one message of the largest size that is kept, and its head.
pub const PIECE_MAX: usize = 8 << 20;

const MESSAGE: u8 = 1;
const LIFE: u8 = 2;
const WAS_THERE: u8 = 4;
/// Bytes of the smallest entry.
const ENTRY_MIN: usize = 26;

/// Some of the buckets.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Buckets([u64; BUCKETS / 64]);

impl Buckets {
    /// Those whose sums differ.
    #[must_use]
    pub fn differing(ours: &[u64; BUCKETS], theirs: &[u64; BUCKETS]) -> Self {
        let mut found = Self::default();
        for (bucket, _) in
            ours.iter().zip(theirs).enumerate().filter(|(_, (our, their))| our != their)
        {
            if let Some(word) = found.0.get_mut(bucket / 64) {
                *word |= 1 << (bucket % 64);
            }
        }
        found
    }

    /// Whether this one is among them.
    #[must_use]
    pub fn contains(&self, bucket: usize) -> bool {
        self.0.get(bucket / 64).is_some_and(|word| word >> (bucket % 64) & 1 == 1)
    }

    /// There are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.iter().all(|word| *word == 0)
    }
}

/// What nodes say about their copies.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RetainedFrame {
    /// Changes at the sender; more of the piece follows.
    Delta {
        /// The piece goes on in the next frame of this kind.
        more: bool,
        /// A part of the piece.
        bytes: Vec<u8>,
    },
    /// The hash sums of all buckets of the sender.
    Sum(Box<[u64; BUCKETS]>),
    /// Send what is in these buckets.
    Req {
        /// Which.
        buckets: Buckets,
        /// From where on, as the answer before said; empty: from the beginning.
        from: Vec<u8>,
    },
    /// The answer.
    Snap {
        /// The piece goes on in the next frame of this kind.
        more: bool,
        /// A part of the piece.
        bytes: Vec<u8>,
    },
    /// The last piece of changes is in the copy.
    Ack,
}

/// A topic as its copy has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RetainedEntry {
    /// Which topic.
    pub topic: Arc<str>,
    /// When it was written.
    pub stamp: Stamp,
    /// Milliseconds it is still worth something.
    pub life: Option<u64>,
    /// The message; none: there is none any more.
    pub body: Option<Vec<u8>>,
    /// It came here before the copies of both nodes were last equal, so the other node had it too.
    pub was_there: bool,
}

impl RetainedEntry {
    fn put(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.stamp.hlc.to_be_bytes());
        out.extend_from_slice(&self.stamp.node);
        let bit = |set: bool, bit: u8| if set { bit } else { 0 };
        out.push(
            bit(self.body.is_some(), MESSAGE)
                | bit(self.life.is_some(), LIFE)
                | bit(self.was_there, WAS_THERE),
        );
        if let Some(life) = self.life {
            put_v(out, life);
        }
        put_bytes(out, self.topic.as_bytes());
        if let Some(body) = &self.body {
            put_bytes(out, body);
        }
    }

    fn read(from: &mut Reader<'_>) -> Result<Self, WireError> {
        let stamp = Stamp { hlc: from.u64()?, node: from.array()? };
        let kind = from.u8()?;
        if kind & !(MESSAGE | LIFE | WAS_THERE) != 0 || !stamp.is_shared() {
            return Err(WireError::Field("retained message"));
        }
        let life = if kind & LIFE != 0 { Some(from.v()?) } else { None };
        let topic = TopicName::parse(from.text()?).map_err(|_| WireError::Field("topic name"))?;
        let topic = Arc::from(topic.as_str());
        let body = if kind & MESSAGE != 0 { Some(from.bytes()?.to_vec()) } else { None };
        Ok(Self { topic, stamp, life, body, was_there: kind & WAS_THERE != 0 })
    }
}

/// The frames that carry changes.
#[must_use]
pub fn delta_frames(entries: &[RetainedEntry]) -> Vec<RetainedFrame> {
    let mut bytes = Vec::new();
    entries.iter().for_each(|entry| entry.put(&mut bytes));
    cut(&bytes, |more, bytes| RetainedFrame::Delta { more, bytes })
}

/// The frames that answer a request; `next` is where the next one is to go on.
#[must_use]
pub fn snap_frames(next: &[u8], entries: &[RetainedEntry]) -> Vec<RetainedFrame> {
    let mut bytes = Vec::new();
    put_bytes(&mut bytes, next);
    entries.iter().for_each(|entry| entry.put(&mut bytes));
    cut(&bytes, |more, bytes| RetainedFrame::Snap { more, bytes })
}

fn cut(bytes: &[u8], frame: impl Fn(bool, Vec<u8>) -> RetainedFrame) -> Vec<RetainedFrame> {
    if bytes.is_empty() {
        return vec![frame(false, Vec::new())];
    }
    let count = bytes.len().div_ceil(FRAGMENT);
    let parts = bytes.chunks(FRAGMENT).enumerate();
    parts.map(|(at, part)| frame(at + 1 < count, part.to_vec())).collect()
}

/// Reads a whole piece of changes.
///
/// # Errors
/// [`WireError`]: the link is to be closed.
pub fn read_delta(bytes: &[u8]) -> Result<Vec<RetainedEntry>, WireError> {
    read_all(Reader::new(bytes))
}

/// Reads a whole answer: where to go on, and the entries.
///
/// # Errors
/// [`WireError`]: the link is to be closed.
pub fn read_snap(bytes: &[u8]) -> Result<(Vec<u8>, Vec<RetainedEntry>), WireError> {
    let mut from = Reader::new(bytes);
    let next = from.bytes()?.to_vec();
    Ok((next, read_all(from)?))
}

fn read_all(mut from: Reader<'_>) -> Result<Vec<RetainedEntry>, WireError> {
    let mut entries = Vec::new();
    while from.rest().len() >= ENTRY_MIN {
        entries.push(RetainedEntry::read(&mut from)?);
    }
    if from.is_empty() { Ok(entries) } else { Err(WireError::Truncated) }
}

impl RetainedFrame {
    pub(super) const fn kind(&self) -> Kind {
        match self {
            Self::Delta { .. } => Kind::RET_DELTA,
            Self::Sum(_) => Kind::RET_SUM,
            Self::Req { .. } => Kind::RET_REQ,
            Self::Snap { .. } => Kind::RET_SNAP,
            Self::Ack => Kind::RET_ACK,
        }
    }

    pub(super) fn put(&self, out: &mut Vec<u8>) {
        match self {
            Self::Delta { more, bytes } | Self::Snap { more, bytes } => {
                out.push(u8::from(*more));
                put_bytes(out, bytes);
            }
            Self::Sum(sums) => {
                sums.iter().for_each(|sum| out.extend_from_slice(&sum.to_be_bytes()));
            }
            Self::Req { buckets, from } => {
                buckets.0.iter().for_each(|word| out.extend_from_slice(&word.to_be_bytes()));
                put_bytes(out, from);
            }
            Self::Ack => {}
        }
    }

    /// `None`: the kind is none of these.
    pub(super) fn read(kind: Kind, from: &mut Reader<'_>) -> Result<Option<Self>, WireError> {
        Ok(Some(match kind {
            Kind::RET_DELTA => Self::Delta { more: from.u8()? != 0, bytes: from.bytes()?.to_vec() },
            Kind::RET_SNAP => Self::Snap { more: from.u8()? != 0, bytes: from.bytes()?.to_vec() },
            Kind::RET_SUM => {
                let mut sums = Box::new([0; BUCKETS]);
                for sum in sums.iter_mut() {
                    *sum = from.u64()?;
                }
                Self::Sum(sums)
            }
            Kind::RET_REQ => {
                let mut buckets = Buckets::default();
                for word in &mut buckets.0 {
                    *word = from.u64()?;
                }
                Self::Req { buckets, from: from.bytes()?.to_vec() }
            }
            Kind::RET_ACK => Self::Ack,
            _ => return Ok(None),
        }))
    }
}
