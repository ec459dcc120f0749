//! Frames 60 to 64: retained messages on their way between the copies that nodes have of them (`cluster/retained.rs`).
//!
//! Entries are written one behind the other and the bytes cut into frames, so an entry may be longer than a frame:
//!
//! ```text
//! hlc u64 | node 16 | kind u8 (bit 0 message, 1 has a life) | [number of the write v] | [life left, ms v] | topic s | [body s]
//! ```
//! Before them, in an answer to RET_REQ, where to go on (`s`; empty: that was all). What a body holds is not known here.
//!
//! RET_SUM, of what its sender holds, has been through and has no room for (`cluster/versions.rs`):
//!
//! ```text
//! 1024 sums u64 | first, last of its own writes v v (0 0: none) | full buckets 128
//! | vectors v | { buckets 128 | nodes v | { node 16 | stretches v | { first, length v v } } }
//! ```

use std::sync::Arc;

use super::{FRAGMENT, Kind, Reader, WireError, put_bytes, put_v};
use crate::{
    cluster::{
        NodeId,
        versions::{Stretch, Vector, Versions},
    },
    time::Stamp,
    topic::TopicName,
};

/// Parts of the copies that are compared.
pub const BUCKETS: usize = 1024;
/// Bytes of all entries of one piece, at most: one message of the largest size that is kept, and its head.
pub const PIECE_MAX: usize = 8 << 20;

/// Bytes of vectors in a frame; those of the fewest buckets are left out, and the other node knows less.
const VECTORS_MAX: usize = 256 << 10;

const MESSAGE: u8 = 1;
const LIFE: u8 = 2;
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

    /// How many.
    #[must_use]
    pub fn len(&self) -> u32 {
        self.0.iter().map(|word| word.count_ones()).sum()
    }

    fn each(&self, other: &Self, change: impl Fn(u64, u64) -> u64) -> Self {
        let mut words = self.0;
        words.iter_mut().zip(other.0).for_each(|(word, other)| *word = change(*word, other));
        Self(words)
    }

    /// These and those.
    #[must_use]
    pub fn with(&self, other: &Self) -> Self {
        self.each(other, |word, other| word | other)
    }

    /// These, if they are not among those.
    #[must_use]
    pub fn without(&self, other: &Self) -> Self {
        self.each(other, |word, other| word & !other)
    }

    /// These, if they are among those.
    #[must_use]
    pub fn among(&self, other: &Self) -> Self {
        self.each(other, |word, other| word & other)
    }

    /// All others.
    #[must_use]
    pub fn others(&self) -> Self {
        self.each(self, |word, _| !word)
    }

    fn put(&self, out: &mut Vec<u8>) {
        self.0.iter().for_each(|word| out.extend_from_slice(&word.to_be_bytes()));
    }

    fn read(from: &mut Reader<'_>) -> Result<Self, WireError> {
        let mut buckets = Self::default();
        for word in &mut buckets.0 {
            *word = from.u64()?;
        }
        Ok(buckets)
    }
}

impl FromIterator<usize> for Buckets {
    fn from_iter<I: IntoIterator<Item = usize>>(all: I) -> Self {
        let mut found = Self::default();
        for bucket in all {
            if let Some(word) = found.0.get_mut(bucket / 64) {
                *word |= 1 << (bucket % 64);
            }
        }
        found
    }
}

/// What a node says of its copy, for others to compare theirs with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sums {
    /// The hash sum of each bucket.
    pub sums: Box<[u64; BUCKETS]>,
    /// The writes of the sender in this process life that these sums reflect.
    pub own: Option<Stretch>,
    /// It has no room for all that the receiver has in these buckets.
    pub full: Buckets,
    /// What the copy has been through beside `own`.
    pub versions: Versions,
}

impl Sums {
    /// As bytes, for the process that follows this one.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut out = Vec::new();
        self.put(&mut out);
        out
    }

    /// What [`Self::encode`] wrote.
    ///
    /// # Errors
    /// [`WireError`]: it is something else.
    pub fn decode(bytes: &[u8]) -> Result<Self, WireError> {
        let mut from = Reader::new(bytes);
        let sums = Self::read(&mut from)?;
        if from.is_empty() { Ok(sums) } else { Err(WireError::Field("retained versions")) }
    }

    fn put(&self, out: &mut Vec<u8>) {
        self.sums.iter().for_each(|sum| out.extend_from_slice(&sum.to_be_bytes()));
        let (first, last) = self.own.unwrap_or_default();
        put_v(out, first);
        put_v(out, last);
        self.full.put(out);
        let (mut bytes, mut count) = (Vec::new(), 0);
        for (vector, buckets) in self.versions.by_size() {
            if bytes.len() > VECTORS_MAX {
                break;
            }
            count += 1;
            buckets.put(&mut bytes);
            put_v(&mut bytes, vector.len() as u64);
            for (node, stretches) in vector.iter() {
                bytes.extend_from_slice(&node.0);
                put_v(&mut bytes, stretches.len() as u64);
                for (first, last) in stretches {
                    put_v(&mut bytes, *first);
                    put_v(&mut bytes, last - first);
                }
            }
        }
        put_v(out, count);
        out.extend_from_slice(&bytes);
    }

    fn read(from: &mut Reader<'_>) -> Result<Self, WireError> {
        let mut sums = Box::new([0; BUCKETS]);
        for sum in sums.iter_mut() {
            *sum = from.u64()?;
        }
        let (first, last) = (from.v()?, from.v()?);
        let own = (first != 0 && first <= last).then_some((first, last));
        let full = Buckets::read(from)?;
        let mut versions = Versions::default();
        let count = from.count(8 * BUCKETS / 64)?;
        if count > BUCKETS {
            return Err(WireError::Field("retained versions"));
        }
        for _ in 0..count {
            let (buckets, mut vector) = (Buckets::read(from)?, Vector::default());
            for _ in 0..from.v()? {
                let node = NodeId(from.array()?);
                for _ in 0..from.v()? {
                    let first = from.v()?;
                    vector.add(node, (first, first.saturating_add(from.v()?)));
                }
            }
            versions.set(buckets, vector);
        }
        Ok(Self { sums, own, full, versions })
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
    /// What the sender has.
    Sum(Box<Sums>),
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
    /// Of a message: number of this write among those of its node.
    pub number: u64,
    /// Milliseconds it is still worth something.
    pub life: Option<u64>,
    /// The message; none: there is none any more.
    pub body: Option<Vec<u8>>,
}

impl RetainedEntry {
    fn put(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.stamp.hlc.to_be_bytes());
        out.extend_from_slice(&self.stamp.node);
        let bit = |set: bool, bit: u8| if set { bit } else { 0 };
        out.push(bit(self.body.is_some(), MESSAGE) | bit(self.life.is_some(), LIFE));
        if self.body.is_some() {
            put_v(out, self.number);
        }
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
        if kind & !(MESSAGE | LIFE) != 0 || !stamp.is_shared() {
            return Err(WireError::Field("retained message"));
        }
        let number = if kind & MESSAGE != 0 { from.v()? } else { 0 };
        let life = if kind & LIFE != 0 { Some(from.v()?) } else { None };
        let topic = TopicName::parse(from.text()?).map_err(|_| WireError::Field("topic name"))?;
        let topic = Arc::from(topic.as_str());
        let body = if kind & MESSAGE != 0 { Some(from.bytes()?.to_vec()) } else { None };
        Ok(Self { topic, stamp, number, life, body })
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
            Self::Sum(sums) => sums.put(out),
            Self::Req { buckets, from } => {
                buckets.put(out);
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
            Kind::RET_SUM => Self::Sum(Box::new(Sums::read(from)?)),
            Kind::RET_REQ => {
                Self::Req { buckets: Buckets::read(from)?, from: from.bytes()?.to_vec() }
            }
            Kind::RET_ACK => Self::Ack,
            _ => return Ok(None),
        }))
    }
}
