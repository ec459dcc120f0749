//! Messages to one peer over one data connection after another: numbered, kept until acknowledged, resumed after a cut.
//!
//! QoS 1 and 2 are numbered from 1 and kept; QoS 0 travels in the same order, unnumbered, and is gone with its connection.
//! Invariants: a numbered message is in `kept` from the push until its acknowledgement; the receiver hands each number on at
//! most once and in order; for two processes that both live, each exactly once, whatever happens to the connections.
//!
//! Cost of a push: the frame is encoded into the batch that goes out next, and copied into `kept` if it is numbered. A writer
//! that is slower than its publishers gets the overhang out of `kept`, so the batch stays small. When a message expires is noted
//! beside it, and what it has left is written into it once more before it goes out; one that has expired goes out as such, so that
//! its number is not missing.

use std::{collections::VecDeque, time::Duration};

use super::wire::{
    Envelope, Flags, Frame, Kind, MORE, MessageId, Reader, Received, Targets, WireError, cut_total,
    expiry_of, put_fwd, put_v, set_expiry, split,
};
use crate::time::Time;

/// Unsent bytes up to which messages go straight into the batch; beyond, numbered ones wait in `kept` alone.
const BATCH_MAX: usize = 1 << 20;
/// Unsent bytes from which QoS 0 is dropped.
const QOS0_MAX: usize = 8 << 20;
/// Kept messages handed to the writer at once.
const CATCH_UP: usize = 256 << 10;
/// Bytes from which a chunk of kept messages is full.
const CHUNK: usize = 64 << 10;
/// Buffers up to this size are used again.
const REUSE_MAX: usize = 2 << 20;

/// When a message stops being worth delivering.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Expiry {
    at: Time,
    now: Time,
}

impl Expiry {
    /// At the time `at`; it is `now`.
    #[must_use]
    pub const fn new(at: Time, now: Time) -> Self {
        Self { at, now }
    }

    /// Seconds left to live, as they go out.
    fn seconds(self) -> u32 {
        let rounded = (self.at.since(self.now) + Duration::from_millis(500)).as_secs();
        u32::try_from(rounded).unwrap_or(u32::MAX)
    }
}

/// A message for another node, as the publisher has it.
#[derive(Clone, Copy, Debug)]
pub struct Outgoing<'a> {
    /// Its number among the messages of this process.
    pub number: u64,
    /// QoS, RETAIN and the like.
    pub flags: Flags,
    /// Its end, if it has one.
    pub expiry: Option<Expiry>,
    /// For whom on the other node it is.
    pub targets: Targets<'a>,
    /// Topic name.
    pub topic: &'a str,
    /// MQTT 5 properties, raw.
    pub properties: &'a [u8],
    /// The payload.
    pub payload: &'a [u8],
    /// Whoever pushes it waits while too much is kept ([`SendStream::is_over`]), so it is taken whatever is kept.
    pub patient: bool,
}

/// What became of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Push {
    /// QoS 1 or 2: kept under this number.
    Kept(u64),
    /// QoS 0: on its way.
    Sent,
    /// QoS 0: dropped and counted, the peer is away or too slow.
    Dropped,
    /// QoS 1 or 2 of somebody who cannot wait: not taken. The peer is up and has more to acknowledge than is to be kept.
    Full,
}

/// The peer acknowledges what was never sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("peer acknowledges message {acked}, {sent} were sent")]
pub struct Unsent {
    acked: u64,
    sent: u64,
}

/// Where a message that expires begins in some bytes, and when it does.
#[derive(Clone, Copy, Debug)]
struct Expiring {
    start: usize,
    at: Time,
}

/// Writes what each has left at `now` into the messages.
fn age(bytes: &mut [u8], expiring: &[Expiring], now: Time) {
    for Expiring { start, at } in expiring {
        let frames = bytes.get_mut(*start..).unwrap_or_default();
        set_expiry(frames, Expiry::new(*at, now).seconds());
    }
}

/// Messages with consecutive numbers.
#[derive(Debug, Default)]
struct Chunk {
    first: u64,
    /// Where each message begins in `bytes`.
    starts: Vec<u32>,
    bytes: Vec<u8>,
    expiring: Vec<Expiring>,
}

impl Chunk {
    fn end(&self) -> u64 {
        self.first + self.starts.len() as u64
    }

    fn age(&mut self, now: Time) {
        age(&mut self.bytes, &self.expiring, now);
    }

    /// The bytes of message `seq` and of those behind it.
    fn from(&self, seq: u64) -> &[u8] {
        let at = usize::try_from(seq.saturating_sub(self.first)).unwrap_or(usize::MAX);
        let start = self.starts.get(at).map_or(self.bytes.len(), |start| *start as usize);
        self.bytes.get(start..).unwrap_or_default()
    }

    /// The body of message `seq`, put together again if it was cut.
    fn body(&self, seq: u64) -> Option<Vec<u8>> {
        let (mut rest, mut whole) = (self.from(seq), Vec::new());
        loop {
            let (header, body, used) = split(rest).ok()??;
            let first = whole.is_empty() && header.flags & MORE != 0;
            let piece = if first { cut_total(body, usize::MAX).ok()?.1 } else { body };
            whole.extend_from_slice(piece);
            if header.flags & MORE == 0 {
                return Some(whole);
            }
            rest = rest.get(used..)?;
        }
    }
}

/// What was kept for a process that is over and not acknowledged, in order: the bodies of the messages.
#[derive(Debug)]
pub struct Left {
    chunks: VecDeque<Chunk>,
    next: u64,
    sent: u64,
}

impl Left {
    /// Number of the last message that went out, and so may have arrived.
    #[must_use]
    pub const fn sent(&self) -> u64 {
        self.sent
    }
}

impl Iterator for Left {
    type Item = Vec<u8>;

    fn next(&mut self) -> Option<Vec<u8>> {
        loop {
            let chunk = self.chunks.front()?;
            let seq = self.next.max(chunk.first);
            if seq >= chunk.end() {
                self.chunks.pop_front();
                continue;
            }
            let body = chunk.body(seq);
            self.next = seq + 1;
            if body.is_some() {
                return body;
            }
        }
    }
}

/// The sending side.
#[derive(Debug)]
pub struct SendStream {
    incarnation: u64,
    keep_max: usize,
    /// Number of the next numbered message.
    next: u64,
    acked: u64,
    /// Highest number that a writer took.
    sent: u64,
    /// Process life of the peer that the numbers were told to.
    peer: Option<u64>,
    /// Which connection carries the stream; raised by each. The stream is down if `attached` is not set.
    epoch: u64,
    attached: bool,
    /// The peer is up, so a connection will come: QoS 0 waits a little for it.
    expected: bool,
    batch: Vec<u8>,
    /// Those in the batch that expire.
    expiring: Vec<Expiring>,
    /// QoS 0 messages in the batch.
    loose: u64,
    kept: VecDeque<Chunk>,
    kept_bytes: usize,
    /// The next numbered message to be sent is not in the batch but in `kept`.
    behind: Option<u64>,
    dropped: u64,
}

impl SendStream {
    /// For the messages of the process `incarnation`, keeping at most `keep_max` bytes.
    #[must_use]
    pub const fn new(incarnation: u64, keep_max: usize) -> Self {
        Self {
            incarnation,
            keep_max,
            next: 1,
            acked: 0,
            sent: 0,
            peer: None,
            epoch: 0,
            attached: false,
            expected: false,
            batch: Vec::new(),
            expiring: Vec::new(),
            loose: 0,
            kept: VecDeque::new(),
            kept_bytes: 0,
            behind: None,
            dropped: 0,
        }
    }

    /// Takes a message. Nothing happens on the wire before [`Self::take`].
    pub fn push(&mut self, message: &Outgoing<'_>) -> Push {
        let numbered = message.flags.qos > 0;
        let envelope = Envelope {
            seq: if numbered { self.next } else { 0 },
            id: MessageId { incarnation: self.incarnation, number: message.number },
            flags: message.flags,
            expiry: message.expiry.map(Expiry::seconds),
            targets: message.targets,
            topic: message.topic,
            properties: message.properties,
            payload: message.payload,
        };
        if !numbered {
            let limit = match (self.attached, self.expected) {
                (true, _) => QOS0_MAX,
                (false, true) => BATCH_MAX,
                (false, false) => 0,
            };
            if self.batch.len() >= limit {
                self.dropped += 1;
                return Push::Dropped;
            }
            note(&mut self.expiring, self.batch.len(), message);
            put_fwd(&mut self.batch, &envelope);
            self.loose += 1;
            return Push::Sent;
        }
        if !self.make_room(envelope.size_max(), message.patient) {
            return Push::Full;
        }
        let chunk = open_chunk(&mut self.kept, self.next);
        let before = chunk.bytes.len();
        note(&mut chunk.expiring, before, message);
        if self.attached && self.behind.is_none() && self.batch.len() < BATCH_MAX {
            let at = self.batch.len();
            note(&mut self.expiring, at, message);
            put_fwd(&mut self.batch, &envelope);
            let frame = self.batch.get(at..).unwrap_or_default();
            chunk.bytes.extend_from_slice(frame);
            self.kept_bytes += frame.len();
        } else {
            put_fwd(&mut chunk.bytes, &envelope);
            self.kept_bytes += chunk.bytes.len() - before;
            if self.attached && self.behind.is_none() {
                self.behind = Some(self.next);
            }
        }
        self.next += 1;
        Push::Kept(self.next - 1)
    }

    /// Room for `size` more bytes. While the peer is down the oldest messages make room, counted. While it is up none may go:
    /// whoever pushes above the bound waits, with a message each, or is refused.
    fn make_room(&mut self, size: usize, patient: bool) -> bool {
        if self.attached || self.expected {
            return patient || self.kept_bytes + size <= self.keep_max || self.kept_bytes == 0;
        }
        // A message that alone is above the bound is taken when nothing else is kept.
        while self.kept_bytes + size > self.keep_max && self.kept_bytes > 0 {
            if let Some(oldest) = self.kept.pop_front() {
                self.kept_bytes -= oldest.bytes.len();
                let lost_from = oldest.first.max(self.acked + 1);
                self.dropped += oldest.end() - lost_from;
                self.acked = oldest.end() - 1;
            }
        }
        true
    }

    /// A connection is up: it carries the stream from now on, another one no longer. The peer is in process life `peer` and has
    /// `received` so far. Returns the number of the connection for [`Self::take`] and [`Self::detach`].
    pub fn attach(&mut self, peer: u64, received: Received) -> u64 {
        if self.peer.is_some_and(|known| known != peer) {
            self.dropped += self.next - 1 - self.acked;
            self.discard();
        }
        self.peer = Some(peer);
        if received.incarnation == self.incarnation {
            self.forget_to(received.seq.min(self.sent));
        }
        if self.attached {
            self.batch.clear();
            self.expiring.clear();
            self.dropped += std::mem::take(&mut self.loose);
        }
        let early = std::mem::take(&mut self.batch);
        self.epoch += 1;
        self.attached = true;
        self.behind = Some(self.acked + 1).filter(|seq| *seq < self.next);
        Frame::FwdBase { incarnation: self.incarnation, seq: self.acked }.encode(&mut self.batch);
        let base = self.batch.len();
        self.expiring.iter_mut().for_each(|one| one.start += base);
        self.batch.extend_from_slice(&early);
        self.epoch
    }

    /// Whether a connection is to be expected: the peer is up.
    pub fn expect(&mut self, expected: bool) {
        self.expected = expected;
        if !expected && !self.attached {
            self.batch = Vec::new();
            self.expiring = Vec::new();
            self.dropped += std::mem::take(&mut self.loose);
        }
    }

    /// What its messages are numbered under.
    #[must_use]
    pub const fn incarnation(&self) -> u64 {
        self.incarnation
    }

    /// How many connections carried the stream so far.
    #[must_use]
    pub const fn epoch(&self) -> u64 {
        self.epoch
    }

    /// Whether connection `epoch` carries the stream.
    #[must_use]
    pub const fn is_carried_by(&self, epoch: u64) -> bool {
        self.attached && self.epoch == epoch
    }

    /// The connection `epoch` is gone. What was not acknowledged stays. Whether the stream is down by that.
    pub fn detach(&mut self, epoch: u64) -> bool {
        if epoch != self.epoch || !self.attached {
            return false;
        }
        self.attached = false;
        self.batch = Vec::new();
        self.expiring = Vec::new();
        self.dropped += std::mem::take(&mut self.loose);
        self.behind = None;
        true
    }

    /// What was kept is of no use any more to the process it was for, which is over. Returns it; what becomes of it is for the caller
    /// to count.
    pub fn discard(&mut self) -> Left {
        let (next, sent) = (self.acked + 1, self.sent);
        self.acked = self.next - 1;
        self.kept_bytes = 0;
        self.behind = None;
        Left { chunks: std::mem::take(&mut self.kept), next, sent }
    }

    /// What the next [`Self::take`] takes tells how long it has left to live at `now`.
    pub fn age_next(&mut self, now: Time) {
        age(&mut self.batch, &self.expiring, now);
        let Some(seq) = self.behind else { return };
        let from = self.kept.partition_point(|chunk| chunk.end() <= seq);
        let mut bytes = 0;
        for chunk in self.kept.range_mut(from..) {
            if bytes >= CATCH_UP {
                break;
            }
            bytes += chunk.from(seq).len();
            chunk.age(now);
        }
    }

    /// All that is kept tells how long it has left to live at `now`.
    pub fn age_all(&mut self, now: Time) {
        self.kept.iter_mut().for_each(|chunk| chunk.age(now));
    }

    /// What another process kept until `now` expires when it says so itself.
    pub fn note_expiries(&mut self, now: Time) {
        for chunk in &mut self.kept {
            chunk.expiring.clear();
            for start in chunk.starts.iter().map(|start| *start as usize) {
                let seconds = expiry_of(chunk.bytes.get(start..).unwrap_or_default());
                let at = seconds.map(|seconds| now + Duration::from_secs(seconds.into()));
                chunk.expiring.extend(at.map(|at| Expiring { start, at }));
            }
        }
    }

    /// Moves what is to be sent over connection `epoch` to `out`, which is empty. False: nothing, or the connection does not
    /// carry the stream any more.
    pub fn take(&mut self, epoch: u64, out: &mut Vec<u8>) -> bool {
        if epoch != self.epoch || !self.attached {
            return false;
        }
        std::mem::swap(out, &mut self.batch);
        self.expiring.clear();
        self.loose = 0;
        if self.batch.capacity() > REUSE_MAX {
            self.batch = Vec::new();
        }
        self.batch.clear();
        let Some(mut seq) = self.behind else {
            self.sent = self.next - 1;
            return !out.is_empty();
        };
        let from = self.kept.partition_point(|chunk| chunk.end() <= seq);
        for chunk in self.kept.range(from..) {
            if out.len() >= CATCH_UP {
                break;
            }
            out.extend_from_slice(chunk.from(seq));
            seq = chunk.end();
        }
        self.sent = self.sent.max(seq - 1);
        self.behind = Some(seq).filter(|seq| *seq < self.next);
        true
    }

    /// The peer has everything up to `seq`. Whether that is news.
    ///
    /// # Errors
    /// [`Unsent`]: the peer makes it up; close the link.
    pub fn on_ack(&mut self, seq: u64) -> Result<bool, Unsent> {
        if seq > self.sent {
            return Err(Unsent { acked: seq, sent: self.sent });
        }
        let news = seq > self.acked;
        self.forget_to(seq);
        Ok(news)
    }

    /// The body of message `seq` as it is at `now`, put together again if it was cut; `None` if it is acknowledged or not kept any
    /// more.
    #[must_use]
    pub fn kept(&mut self, seq: u64, now: Time) -> Option<Vec<u8>> {
        if seq <= self.acked {
            return None;
        }
        let mut chunks = self.kept.iter_mut();
        let chunk = chunks.find(|chunk| (chunk.first..chunk.end()).contains(&seq))?;
        chunk.age(now);
        chunk.body(seq)
    }

    fn forget_to(&mut self, seq: u64) {
        self.acked = self.acked.max(seq);
        let done = |chunk: &Chunk, acked| !chunk.starts.is_empty() && chunk.end() <= acked + 1;
        while self.kept.front().is_some_and(|chunk| done(chunk, self.acked)) {
            if let Some(chunk) = self.kept.pop_front() {
                self.kept_bytes -= chunk.bytes.len();
                self.reuse(chunk);
            }
        }
    }

    /// An acknowledged chunk is the next one to be filled if the queue is empty: a quiet stream allocates nothing.
    fn reuse(&mut self, mut chunk: Chunk) {
        if self.kept.is_empty() && chunk.bytes.capacity() <= REUSE_MAX {
            chunk.starts.clear();
            chunk.bytes.clear();
            chunk.expiring.clear();
            self.kept.push_back(chunk);
        }
    }

    /// Whether nothing waits to be sent: who pushes next has to wake the writer.
    #[must_use]
    pub const fn is_idle(&self) -> bool {
        self.batch.is_empty() && self.behind.is_none()
    }

    /// Number of the last message pushed.
    #[must_use]
    pub const fn last(&self) -> u64 {
        self.next - 1
    }

    /// Everything up to here is acknowledged, or given up.
    #[must_use]
    pub const fn acked(&self) -> u64 {
        self.acked
    }

    /// Messages dropped so far, as far as this end can know: what was on its way at a cut and not numbered is not in it.
    #[must_use]
    pub const fn dropped(&self) -> u64 {
        self.dropped
    }

    /// More is kept than should be: who pushed last is to wait until the peer has it.
    #[must_use]
    pub const fn is_over(&self) -> bool {
        self.kept_bytes > self.keep_max
    }

    /// Bytes kept.
    #[must_use]
    pub const fn kept_bytes(&self) -> usize {
        self.kept_bytes
    }
}

/// From one process to the next, which goes on with the life of the first: what is kept goes along.
impl SendStream {
    /// Everything but what is kept. Its name is in it: by that alone the other end knows what it has of the stream.
    pub(crate) fn put_head(&self, out: &mut Vec<u8>) {
        let peer = self.peer.map_or(0, |peer| peer.saturating_add(1));
        for value in [self.incarnation, self.next, self.acked, self.sent, peer, self.dropped] {
            put_v(out, value);
        }
    }

    /// What is kept, in pieces: the number of the first message, and the frames.
    pub(crate) fn pieces(&self) -> impl Iterator<Item = (u64, &[u8])> {
        let some = self.kept.iter().filter(|chunk| !chunk.starts.is_empty());
        some.map(|chunk| (chunk.first, chunk.bytes.as_slice()))
    }

    /// As [`Self::put_head`] wrote it; [`Self::take_piece`] follows.
    pub(crate) fn read_head(from: &mut Reader<'_>) -> Result<Self, WireError> {
        let mut stream = Self::new(from.v()?, 0);
        (stream.next, stream.acked, stream.sent) = (from.v()?, from.v()?, from.v()?);
        stream.peer = from.v()?.checked_sub(1);
        stream.dropped = from.v()?;
        // To who receives, a stream without a name is one of which nothing came yet.
        let named = stream.incarnation != 0 && stream.next != 0;
        if !named || stream.acked >= stream.next || stream.sent >= stream.next {
            return Err(WireError::Field("numbers of a stream"));
        }
        Ok(stream)
    }

    /// A piece of what is kept, behind those before it.
    pub(crate) fn take_piece(&mut self, first: u64, frames: &[u8]) -> Result<(), WireError> {
        let follows = self.kept.back().map_or(first <= self.acked + 1, |last| last.end() == first);
        let mut chunk = Chunk { first, ..Chunk::default() };
        let (mut rest, mut whole) = (frames, true);
        while let Some((header, _, used)) = split(rest)? {
            if header.kind != Kind::FWD {
                return Err(WireError::Field("kept message"));
            }
            if std::mem::replace(&mut whole, header.flags & MORE == 0) {
                let start = frames.len() - rest.len();
                chunk.starts.push(u32::try_from(start).map_err(|_| WireError::Varint)?);
            }
            rest = rest.get(used..).unwrap_or_default();
        }
        if !follows || !whole || !rest.is_empty() || chunk.starts.is_empty() {
            return Err(WireError::Field("kept messages"));
        }
        chunk.bytes.extend_from_slice(frames);
        self.kept_bytes += frames.len();
        self.kept.push_back(chunk);
        Ok(())
    }

    /// Whether everything that is not acknowledged is kept.
    pub(crate) fn is_whole(&self) -> bool {
        let end = self.kept.back().map_or(self.acked + 1, Chunk::end);
        end == self.next
    }

    /// Keeps at most so many bytes from now on.
    pub fn set_keep_max(&mut self, keep_max: usize) {
        self.keep_max = keep_max;
    }
}

/// Notes when the message that goes to `start` expires, if it does.
#[inline]
fn note(expiring: &mut Vec<Expiring>, start: usize, message: &Outgoing<'_>) {
    if let Some(expiry) = message.expiry {
        expiring.push(Expiring { start, at: expiry.at });
    }
}

/// The chunk that message `seq` goes into, with its start noted.
fn open_chunk(kept: &mut VecDeque<Chunk>, seq: u64) -> &mut Chunk {
    if kept.back().is_none_or(|chunk| chunk.bytes.len() >= CHUNK) {
        kept.push_back(Chunk { first: seq, ..Chunk::default() });
    }
    let at = kept.len() - 1;
    let chunk = &mut kept[at];
    if chunk.starts.is_empty() {
        chunk.first = seq;
    }
    chunk.starts.push(u32::try_from(chunk.bytes.len()).unwrap_or(u32::MAX));
    chunk
}

/// A number is missing: close the link, the next one resumes from the right place.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("message {got} came after {last}")]
pub struct Gap {
    last: u64,
    got: u64,
}

/// The receiving side.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RecvStream {
    incarnation: u64,
    last: u64,
    repeats: u64,
    lost: u64,
}

impl RecvStream {
    /// The sender begins after `seq`. What lies between is lost: it had to give it up.
    pub fn on_base(&mut self, incarnation: u64, seq: u64) {
        if incarnation != self.incarnation {
            (self.incarnation, self.last) = (incarnation, seq);
        } else if seq > self.last {
            self.lost += seq - self.last;
            self.last = seq;
        }
    }

    /// Whether message `seq` is to be handed on; else it was already. QoS 0 (number 0) always is.
    ///
    /// # Errors
    /// [`Gap`]: close the link.
    pub fn on_message(&mut self, seq: u64) -> Result<bool, Gap> {
        if seq == self.last + 1 {
            self.last = seq;
            return Ok(true);
        }
        if seq > self.last {
            return Err(Gap { last: self.last, got: seq });
        }
        if seq != 0 {
            self.repeats += 1;
        }
        Ok(seq == 0)
    }

    pub(crate) fn put(&self, out: &mut Vec<u8>) {
        for value in [self.incarnation, self.last, self.repeats, self.lost] {
            put_v(out, value);
        }
    }

    pub(crate) fn read(from: &mut Reader<'_>) -> Result<Self, WireError> {
        let (incarnation, last) = (from.v()?, from.v()?);
        Ok(Self { incarnation, last, repeats: from.v()?, lost: from.v()? })
    }

    /// How far the messages of data stream `stream` arrived.
    #[must_use]
    pub const fn received(&self, stream: u8) -> Received {
        Received { stream, incarnation: self.incarnation, seq: self.last }
    }

    /// Messages that the sender gave up.
    #[must_use]
    pub const fn lost(&self) -> u64 {
        self.lost
    }

    /// Messages that came again after a cut, and were not handed on.
    #[must_use]
    pub const fn repeats(&self) -> u64 {
        self.repeats
    }
}

#[cfg(test)]
mod tests {
    use proptest::{collection::vec, prelude::*};

    use super::*;
    use crate::cluster::wire::{Kind, split};

    const ME: u64 = 4;
    const PEER: u64 = 8;

    fn message(qos: u8, payload: &[u8]) -> Outgoing<'_> {
        Outgoing {
            number: 1,
            flags: Flags { qos, ..Flags::default() },
            expiry: None,
            targets: Targets::PLAIN,
            topic: "t",
            properties: &[],
            payload,
            patient: true,
        }
    }

    /// Two ends and the bytes between them.
    struct World {
        out: SendStream,
        into: RecvStream,
        epoch: u64,
        wire: Vec<u8>,
        got: Vec<(u8, u32)>,
    }

    impl World {
        fn new(keep_max: usize) -> Self {
            let out = SendStream::new(ME, keep_max);
            Self { out, into: RecvStream::default(), epoch: 0, wire: Vec::new(), got: Vec::new() }
        }

        fn attach(&mut self) {
            self.wire.clear();
            self.epoch = self.out.attach(PEER, self.into.received(0));
        }

        fn cut(&mut self) {
            self.wire.clear();
            self.out.detach(self.epoch);
        }

        fn push(&mut self, qos: u8, n: u32, size: usize) -> Push {
            let mut payload = n.to_be_bytes().to_vec();
            payload.resize(size.max(4), 0);
            self.out.push(&message(qos, &payload))
        }

        /// The writer writes, `bytes` of it arrive.
        fn travel(&mut self, bytes: usize) {
            let mut out = Vec::new();
            if self.out.take(self.epoch, &mut out) {
                self.wire.extend_from_slice(&out);
            }
            let mut arrived = 0;
            while let Some((header, body, used)) = split(&self.wire).unwrap() {
                if arrived + used > bytes {
                    break;
                }
                arrived += used;
                match header.kind {
                    Kind::FWD => {
                        let envelope = Envelope::decode(body).unwrap();
                        if self.into.on_message(envelope.seq).expect("no gap") {
                            let n = u32::from_be_bytes(*envelope.payload.first_chunk().unwrap());
                            self.got.push((envelope.flags.qos, n));
                        }
                    }
                    kind => match Frame::decode(kind, body).unwrap() {
                        Some(Frame::FwdBase { incarnation, seq }) => {
                            self.into.on_base(incarnation, seq);
                        }
                        other => panic!("{other:?}"),
                    },
                }
                self.wire.drain(..used);
            }
        }

        fn ack(&mut self) {
            let received = self.into.received(0);
            if received.incarnation == ME {
                self.out.on_ack(received.seq).unwrap();
            }
        }
    }

    #[test]
    fn a_batch_goes_out_whole_and_is_kept_until_acknowledged() {
        let mut world = World::new(1 << 20);
        world.attach();
        assert_eq!((world.push(1, 1, 0), world.push(0, 2, 0)), (Push::Kept(1), Push::Sent));
        assert_eq!(world.push(2, 3, 0), Push::Kept(2));
        world.travel(usize::MAX);
        assert_eq!(world.got, [(1, 1), (0, 2), (2, 3)]);
        assert!(world.out.kept_bytes() > 0);
        world.ack();
        assert_eq!((world.out.kept_bytes(), world.out.acked()), (0, 2));
        assert!(!world.out.take(world.epoch, &mut Vec::new()));
    }

    #[test]
    fn a_cut_repeats_nothing_and_loses_only_qos_0() {
        let mut world = World::new(1 << 20);
        world.attach();
        for n in 0..10 {
            world.push(u8::from(n % 2 == 0), n, 0);
        }
        world.travel(100);
        let before = world.got.len();
        assert!(before > 0 && before < 10);
        world.cut();
        assert_eq!(world.push(1, 10, 0), Push::Kept(6));
        assert_eq!(world.push(0, 11, 0), Push::Dropped);
        world.attach();
        world.travel(usize::MAX);
        let numbered: Vec<u32> = world.got.iter().filter(|m| m.0 == 1).map(|m| m.1).collect();
        assert_eq!(numbered, [0, 2, 4, 6, 8, 10]);
        assert_eq!((world.into.lost(), world.out.dropped()), (0, 1));
    }

    #[test]
    fn qos_0_waits_for_the_first_connection_of_a_peer_that_is_up() {
        let mut world = World::new(1 << 20);
        assert_eq!(world.push(0, 1, 0), Push::Dropped);
        world.out.expect(true);
        assert_eq!(world.push(0, 2, 0), Push::Sent);
        assert_eq!(world.push(1, 3, 0), Push::Kept(1));
        world.attach();
        world.travel(usize::MAX);
        assert_eq!(world.got, [(0, 2), (1, 3)]);
    }

    #[test]
    fn a_connection_that_was_replaced_gets_nothing() {
        let mut world = World::new(1 << 20);
        world.attach();
        let old = world.epoch;
        world.attach();
        world.push(1, 1, 0);
        assert!(!world.out.take(old, &mut Vec::new()));
        assert!(!world.out.detach(old));
        assert!(world.out.take(world.epoch, &mut Vec::new()));
    }

    #[test]
    fn a_new_process_at_the_peer_gets_only_what_is_new() {
        let mut world = World::new(1 << 20);
        world.attach();
        world.push(1, 1, 0);
        world.cut();
        world.out.attach(PEER + 1, Received::default());
        world.epoch = world.out.epoch;
        world.into = RecvStream::default();
        assert_eq!(world.out.acked(), 1, "who waits for it waits no longer");
        world.push(1, 2, 0);
        world.travel(usize::MAX);
        assert_eq!(world.got, [(1, 2)]);
    }

    #[test]
    fn what_is_left_when_the_process_is_over_is_what_it_has_not_acknowledged() {
        let mut world = World::new(64 << 20);
        world.attach();
        world.push(1, 1, 0);
        world.travel(usize::MAX);
        world.ack();
        for (n, size) in [(2, 0), (3, 100_000), (4, 700_000)] {
            world.push(2, n, size);
        }
        assert!(world.out.take(world.epoch, &mut Vec::new()));
        world.cut();
        world.push(1, 5, 0);
        let left = world.out.discard();
        assert_eq!((left.sent(), world.out.kept_bytes(), world.out.dropped()), (4, 0, 0));
        let numbers = left.map(|body| {
            let envelope = Envelope::decode(&body).unwrap();
            (envelope.seq, u32::from_be_bytes(*envelope.payload.first_chunk().unwrap()))
        });
        assert_eq!(numbers.collect::<Vec<_>>(), [(2, 2), (3, 3), (4, 4), (5, 5)]);
        assert_eq!(world.push(1, 6, 0), Push::Kept(6));
        assert_eq!(world.out.discard().count(), 1);
        assert_eq!(world.out.discard().count(), 0);
    }

    #[test]
    fn bounds_hold() {
        let mut world = World::new(1 << 20);
        world.attach();
        let over = |world: &mut World, n| {
            assert!(matches!(world.push(1, n, 10_000), Push::Kept(_)));
            world.out.is_over()
        };
        let held = (0..).find(|n| over(&mut world, *n)).unwrap() + 1;
        assert!((90..110).contains(&held));
        world.cut();
        world.out.expect(true);
        let taken = held + 200;
        for n in held..taken {
            assert!(matches!(world.push(1, n, 10_000), Push::Kept(_)), "whoever waits is taken");
        }
        let mut hurried = message(1, &[0; 10_000]);
        hurried.patient = false;
        assert_eq!(world.out.push(&hurried), Push::Full, "and nobody else");
        world.out.expect(false);
        for n in 0..200 {
            assert!(matches!(world.push(1, n, 10_000), Push::Kept(_)), "the oldest make room");
        }
        assert!(world.out.kept_bytes() <= 1 << 20);
        assert!(world.out.dropped() >= 200);
        let dropped = world.out.dropped();
        world.attach();
        for _ in 0..20 {
            world.travel(usize::MAX);
        }
        assert_eq!(world.got.len() as u64 + dropped, u64::from(taken) + 200);
        world.ack();
        let dropped = (0..).find(|n| world.push(0, *n, 100_000) == Push::Dropped).unwrap();
        assert!((80..90).contains(&dropped));
    }

    #[test]
    fn a_slow_writer_catches_up_in_order() {
        let mut world = World::new(64 << 20);
        world.attach();
        for n in 0..500 {
            world.push(1, n, 10_000);
        }
        assert!(world.out.batch.len() <= BATCH_MAX + 20_000);
        for n in 500..600 {
            world.travel(usize::MAX);
            world.push(1, n, 10);
        }
        world.travel(usize::MAX);
        assert!(world.got.iter().map(|m| m.1).eq(0..600));
    }

    const T0: Time = Time::from_ms(70_000);

    fn later(ms: u64) -> Time {
        T0 + Duration::from_millis(ms)
    }

    impl World {
        /// A message that lives for so many seconds from [`T0`] on.
        fn push_for(&mut self, qos: u8, seconds: u64, size: usize) {
            let payload = vec![7; size.max(4)];
            let expiry = Some(Expiry::new(later(seconds * 1000), T0));
            self.out.push(&Outgoing { expiry, ..message(qos, &payload) });
        }

        /// Number and seconds left of each message that goes out at `now`.
        fn expiries(&mut self, now: Time) -> Vec<(u64, Option<u32>)> {
            let (mut all, mut batch, mut whole) = (Vec::new(), Vec::new(), Vec::new());
            self.out.age_next(now);
            while self.out.take(self.epoch, &mut batch) {
                let mut rest = &batch[..];
                while let Some((header, body, used)) = split(rest).unwrap() {
                    rest = &rest[used..];
                    if header.kind != Kind::FWD {
                        continue;
                    }
                    let first = whole.is_empty() && header.flags & MORE != 0;
                    let body = if first { cut_total(body, usize::MAX).unwrap().1 } else { body };
                    whole.extend_from_slice(body);
                    if header.flags & MORE == 0 {
                        let envelope = Envelope::decode(&whole).unwrap();
                        all.push((envelope.seq, envelope.expiry));
                        assert!(envelope.payload[4..].iter().all(|byte| *byte == 7));
                        whole.clear();
                    }
                }
                batch.clear();
                self.out.age_next(now);
            }
            all
        }
    }

    #[test]
    fn what_is_kept_for_a_node_grows_old() {
        let mut world = World::new(1 << 20);
        world.push_for(1, 10, 0);
        world.push(1, 7, 0);
        world.push_for(2, 100_000, 300_000);
        world.push_for(1, 300, 0);
        world.attach();
        let want = [(1, Some(10)), (2, None), (3, Some(100_000)), (4, Some(300))];
        assert_eq!(world.expiries(T0), want);
        world.cut();
        world.attach();
        let want = [(1, Some(4)), (2, None), (3, Some(99_994)), (4, Some(294))];
        assert_eq!(world.expiries(later(6_400)), want, "sent again");
        world.cut();
        world.attach();
        let want = [(1, Some(0)), (2, None), (3, Some(99_760)), (4, Some(60))];
        assert_eq!(world.expiries(later(240_000)), want, "its number is not missing");
        let mut back = |seq| {
            let body = world.out.kept(seq, later(295_000)).unwrap();
            Envelope::decode(&body).unwrap().expiry
        };
        assert_eq!((back(2), back(4)), (None, Some(5)));
        world.out.age_all(later(299_000));
        let left = world.out.discard().map(|body| Envelope::decode(&body).unwrap().expiry);
        assert_eq!(left.collect::<Vec<_>>(), [Some(0), None, Some(99_701), Some(1)]);
    }

    #[test]
    fn what_waits_for_its_writer_grows_old() {
        let mut world = World::new(1 << 20);
        world.out.expect(true);
        world.push_for(0, 9, 0);
        world.attach();
        world.push_for(1, 20, 0);
        assert_eq!(world.expiries(later(5_000)), [(0, Some(4)), (1, Some(15))]);
        world.push_for(0, 9, 0);
        assert_eq!(world.expiries(later(9_000)), [(0, Some(0))]);
        world.push_for(0, 300, 0);
        world.attach();
        world.push_for(0, 301, 0);
        let want = [(0, Some(300)), (1, Some(19))];
        assert_eq!(world.expiries(later(1_000)), want, "behind the beginning of a connection");
    }

    #[test]
    fn time_stands_still_from_one_process_to_the_next() {
        let mut world = World::new(1 << 20);
        world.push_for(1, 200, 0);
        world.push_for(1, 100_000, 300_000);
        world.push(1, 7, 0);
        world.out.age_all(later(90_000));
        let mut head = Vec::new();
        world.out.put_head(&mut head);
        let mut next = SendStream::read_head(&mut Reader::new(&head)).unwrap();
        for (first, frames) in world.out.pieces() {
            next.take_piece(first, frames).unwrap();
        }
        next.set_keep_max(1 << 20);
        next.note_expiries(Time::from_ms(400));
        world.out = next;
        world.attach();
        let want = [(1, Some(100)), (2, Some(99_900)), (3, None)];
        assert_eq!(world.expiries(Time::from_ms(10_400)), want);
    }

    #[test]
    fn what_was_never_sent_cannot_be_acknowledged() {
        let mut world = World::new(1 << 20);
        world.attach();
        world.push(1, 1, 0);
        assert_eq!(world.out.on_ack(1), Err(Unsent { acked: 1, sent: 0 }));
        world.travel(usize::MAX);
        assert_eq!(world.out.on_ack(1), Ok(true));
        assert_eq!(world.out.on_ack(1), Ok(false));
    }

    #[test]
    fn a_missing_number_is_a_gap() {
        let mut into = RecvStream::default();
        into.on_base(ME, 5);
        assert_eq!(into.on_message(6), Ok(true));
        assert_eq!(into.on_message(6), Ok(false));
        assert_eq!(into.on_message(0), Ok(true));
        assert_eq!(into.on_message(8), Err(Gap { last: 6, got: 8 }));
        into.on_base(ME, 2);
        assert_eq!(into.received(1), Received { stream: 1, incarnation: ME, seq: 6 });
    }

    #[derive(Clone, Debug)]
    enum Step {
        Push(u8, usize),
        Travel(usize),
        Ack,
        Cut,
        Attach,
    }

    fn step() -> impl Strategy<Value = Step> {
        prop_oneof![
            6 => (0u8..3, prop_oneof![9 => 4usize..300, 1 => 60_000usize..300_000])
                .prop_map(|(qos, size)| Step::Push(qos, size)),
            3 => (0usize..600_000).prop_map(Step::Travel),
            2 => Just(Step::Ack),
            1 => Just(Step::Cut),
            2 => Just(Step::Attach),
        ]
    }

    proptest! {
        #[test]
        fn whatever_the_cuts_each_numbered_message_arrives_once_in_order(steps in vec(step(), 0..200)) {
            let mut world = World::new(256 << 20);
            let mut kept = Vec::new();
            for (n, step) in (0..).zip(steps) {
                match step {
                    // Cut messages are the business of whoever reads frames: stay below.
                    Step::Push(qos, size) => if let Push::Kept(_) = world.push(qos, n, size.min(200_000)) {
                        kept.push(n);
                    },
                    Step::Travel(bytes) => world.travel(bytes),
                    Step::Ack => world.ack(),
                    Step::Cut => world.cut(),
                    Step::Attach => world.attach(),
                }
            }
            world.attach();
            while world.out.last() > world.into.received(0).seq {
                world.travel(usize::MAX);
            }
            world.ack();
            let got: Vec<u32> = world.got.iter().filter(|m| m.0 > 0).map(|m| m.1).collect();
            prop_assert_eq!(got, kept);
            prop_assert_eq!(world.out.kept_bytes(), 0);
            prop_assert_eq!(world.into.lost(), 0);
            let mut seen = world.got.clone();
            seen.sort_unstable();
            seen.dedup();
            prop_assert_eq!(seen.len(), world.got.len(), "nothing arrives twice");
        }
    }
}
