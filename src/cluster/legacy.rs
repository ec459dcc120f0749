//! What a process leaves of its place in the cluster to the next one, which goes on with its life (`systemctl restart`): its number
//! among the lives, how far its routes were told, and of each other node the routes, what is kept for it, and how much of its
//! messages is here.
//!
//! It goes as pieces: LIFE first, then for each node NODE, its ROUTES and what is KEPT for it. Where `node/estate.rs` puts them
//! is not known here.

use std::time::Duration;

use super::{
    member::{Guid, NodeId},
    replica::one_frame,
    routes::{RouteKey, RouteOp},
    stream::{RecvStream, SendStream},
    wire::{Frame, Reader, WireError, put_v, split},
};

/// Who comes later after the end of the process before begins a new life: others may have given the old one up.
pub const WITHIN: Duration = Duration::from_secs(12);

const LIFE: u8 = 1;
const NODE: u8 = 2;
const ROUTES: u8 = 3;
const KEPT: u8 = 4;
/// Of a node with more routes than this they are asked for anew: what is written takes room beside what is in use.
const ROUTES_MAX: usize = 1_000_000;

/// What a process leaves.
#[derive(Debug, Default)]
pub struct Legacy {
    /// Number of the life that goes on.
    pub incarnation: u64,
    /// Its age.
    pub guid: Guid,
    /// Number of the process that leaves this, among all of the node: each takes one, so that no two go on from one.
    pub process: u64,
    /// Changes of the status of the node so far.
    pub epoch: u64,
    /// Number of the last change of its routes, and their hash then.
    pub routes: (u64, u64),
    /// Number of its next message to other nodes.
    pub messages: u64,
    /// Number of its last row (`rows.rs`).
    pub row: u64,
    /// Heals that it led, which are numbered.
    pub heals: u64,
    /// The other nodes.
    pub nodes: Vec<Bequest>,
}

/// What is left of another node.
#[derive(Debug, Default)]
pub struct Bequest {
    /// Who.
    pub node_id: NodeId,
    /// Its index in the route table of the process that leaves this; not written.
    pub index: u16,
    /// Process life that all this is of.
    pub incarnation: u64,
    /// It was up.
    pub up: bool,
    /// How much longer its routes count if it does not come back.
    pub keep: Duration,
    /// Number of the last change in the copy of its routes, if there is one.
    pub position: Option<u64>,
    /// The copy, a frame at a time.
    pub routes: Vec<Vec<RouteOp>>,
    /// Messages to it and from it.
    pub streams: Vec<(SendStream, RecvStream)>,
    /// Of its messages, those that found no member of some of their groups, which it may not have heard: stream, number, groups as
    /// bits. In the order of the numbers of each stream.
    pub nacks: Vec<(u8, u64, u64)>,
}

impl Legacy {
    /// Calls `put` with one piece after the other. `routes_of` looks into the route table.
    ///
    /// # Errors
    /// Those of `put`.
    pub fn write<E>(
        &self,
        routes_of: impl Fn(u16) -> Vec<(RouteKey, u8)>,
        mut put: impl FnMut(&[u8]) -> Result<(), E>,
    ) -> Result<(), E> {
        let mut out = vec![LIFE];
        let life = [self.incarnation, self.guid.started, self.process, self.epoch];
        life.into_iter().chain([self.routes.0, self.messages]).for_each(|v| put_v(&mut out, v));
        out.extend_from_slice(&self.routes.1.to_be_bytes());
        out.extend_from_slice(&self.guid.node.0);
        [self.row, self.heals].into_iter().for_each(|v| put_v(&mut out, v));
        put(&out)?;
        for node in &self.nodes {
            let routes = node.position.map_or_else(Vec::new, |_| routes_of(node.index));
            let whole = routes.len() <= ROUTES_MAX;
            out.clear();
            node.put(whole, &mut out);
            put(&out)?;
            let mut rest = routes.into_iter().filter(|_| whole).peekable();
            while rest.peek().is_some() {
                let added = |(key, weight)| RouteOp { add: true, key, weight };
                let ops = one_frame(rest.by_ref().map(added));
                out.clear();
                out.push(ROUTES);
                let (incarnation, seq) = (node.incarnation, node.position.unwrap_or(0));
                Frame::RouteSnap { incarnation, seq, part: 0, last: false, ops }.encode(&mut out);
                put(&out)?;
            }
            for (number, (stream, _)) in (0..).zip(&node.streams) {
                for (first, frames) in stream.pieces() {
                    out.clear();
                    out.extend([KEPT, number]);
                    put_v(&mut out, first);
                    out.extend_from_slice(frames);
                    put(&out)?;
                }
            }
        }
        Ok(())
    }

    /// Takes the pieces in.
    ///
    /// # Errors
    /// [`WireError`]: nothing of it is to be used.
    pub fn read<'a>(pieces: impl IntoIterator<Item = &'a [u8]>) -> Result<Self, WireError> {
        let mut legacy = Self::default();
        for (at, piece) in pieces.into_iter().enumerate() {
            let mut from = Reader::new(piece);
            let kind = from.u8()?;
            if (kind == LIFE) != (at == 0) {
                return Err(WireError::Field("order of a legacy"));
            }
            match kind {
                LIFE => legacy.read_life(&mut from)?,
                NODE => legacy.nodes.push(Bequest::read(&mut from)?),
                ROUTES => legacy.last()?.read_routes(from.rest())?,
                KEPT => {
                    let (number, first) = (from.u8()?, from.v()?);
                    let stream = legacy.last()?.streams.get_mut(usize::from(number));
                    let (stream, _) = stream.ok_or(WireError::Field("number of a stream"))?;
                    stream.take_piece(first, from.rest())?;
                }
                _ => return Err(WireError::Kind(kind)),
            }
        }
        let mut streams = legacy.nodes.iter().flat_map(|node| &node.streams);
        if legacy.incarnation == 0 || !streams.all(|(stream, _)| stream.is_whole()) {
            return Err(WireError::Truncated);
        }
        Ok(legacy)
    }

    fn read_life(&mut self, from: &mut Reader<'_>) -> Result<(), WireError> {
        self.incarnation = from.v()?;
        self.guid.started = from.v()?;
        (self.process, self.epoch) = (from.v()?, from.v()?);
        (self.routes.0, self.messages) = (from.v()?, from.v()?);
        self.routes.1 = from.u64()?;
        self.guid.node = NodeId(from.array()?);
        (self.row, self.heals) = (from.v()?, from.v()?);
        Ok(())
    }

    fn last(&mut self) -> Result<&mut Bequest, WireError> {
        self.nodes.last_mut().ok_or(WireError::Field("order of a legacy"))
    }
}

impl Bequest {
    fn put(&self, whole: bool, out: &mut Vec<u8>) {
        out.push(NODE);
        out.extend_from_slice(&self.node_id.0);
        out.push(u8::from(self.up));
        put_v(out, self.incarnation);
        put_v(out, u64::try_from(self.keep.as_millis()).unwrap_or(u64::MAX));
        let position = self.position.filter(|_| whole);
        put_v(out, position.map_or(0, |seq| seq.saturating_add(1)));
        out.push(u8::try_from(self.streams.len()).unwrap_or(u8::MAX));
        for (stream, inward) in &self.streams {
            stream.put_head(out);
            inward.put(out);
        }
        put_v(out, self.nacks.len() as u64);
        for (stream, seq, groups) in &self.nacks {
            out.push(*stream);
            put_v(out, *seq);
            put_v(out, *groups);
        }
    }

    fn read(from: &mut Reader<'_>) -> Result<Self, WireError> {
        let (node_id, up) = (NodeId(from.array()?), from.u8()? != 0);
        let (incarnation, keep) = (from.v()?, Duration::from_millis(from.v()?));
        let position = from.v()?.checked_sub(1);
        let count = from.u8()?;
        let stream = |_| Ok((SendStream::read_head(from)?, RecvStream::read(from)?));
        let streams = (0..count).map(stream).collect::<Result<_, WireError>>()?;
        let mut nacks = Vec::new();
        for _ in 0..from.count(3)? {
            nacks.push((from.u8()?, from.v()?, from.v()?));
        }
        Ok(Self { node_id, incarnation, up, keep, position, streams, nacks, ..Self::default() })
    }

    fn read_routes(&mut self, frame: &[u8]) -> Result<(), WireError> {
        let (header, body, _) = split(frame)?.ok_or(WireError::Truncated)?;
        match Frame::read(header, body)? {
            Some(Frame::RouteSnap { ops, .. }) if ops.iter().all(|op| op.add) => {
                self.routes.push(ops);
                Ok(())
            }
            Some(_) | None => Err(WireError::Field("routes of a node")),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::{
        cluster::{
            stream::Outgoing,
            wire::{Envelope, Flags, Kind, Received, Targets},
        },
        topic::TopicFilter,
    };

    const LIFE_NUMBER: u64 = 7;
    /// Of a stream: no number of a life.
    const NAME: u64 = (1 << 61) + 5;
    const PEER: u64 = 3;

    fn push(stream: &mut SendStream, payload: &[u8]) {
        stream.push(&Outgoing {
            number: 1,
            flags: Flags { qos: 1, ..Flags::default() },
            expiry: None,
            targets: Targets::PLAIN,
            topic: "t",
            properties: &[],
            payload,
            patient: true,
        });
    }

    /// The third is cut into pieces.
    const SIZES: [usize; 4] = [10, 70_000, 300_000, 20];

    fn stream(sizes: &[usize]) -> SendStream {
        let mut stream = SendStream::new(NAME, 1 << 20);
        let epoch = stream.attach(PEER, Received::default());
        for size in sizes {
            push(&mut stream, &vec![1; *size]);
        }
        stream.take(epoch, &mut Vec::new());
        stream.on_ack(1).unwrap();
        stream.detach(epoch);
        stream
    }

    fn sample(sizes: &[usize]) -> Legacy {
        let node = |up, index, position| Bequest {
            node_id: NodeId([index; 16]),
            index: index.into(),
            incarnation: PEER,
            up,
            keep: Duration::from_secs(9),
            position,
            routes: Vec::new(),
            streams: vec![
                (stream(sizes), RecvStream::default()),
                (stream(sizes), RecvStream::default()),
            ],
            nacks: vec![(0, 3, 1), (1, 700, 1 << 63)],
        };
        Legacy {
            incarnation: LIFE_NUMBER,
            guid: Guid { started: 5, node: NodeId([1; 16]) },
            process: 9,
            epoch: 2,
            routes: (11, 12),
            messages: 13,
            row: 14,
            heals: 15,
            nodes: vec![node(true, 4, Some(0)), node(false, 5, None)],
        }
    }

    fn routes(count: usize) -> Vec<(RouteKey, u8)> {
        let filter = |n| TopicFilter::parse(&format!("a/{n}")).unwrap();
        (0..count).map(|n| (RouteKey { filter: filter(n), group: None }, 1)).collect()
    }

    fn pieces(legacy: &Legacy, count: usize) -> Vec<Vec<u8>> {
        let mut pieces = Vec::new();
        let put = |piece: &[u8]| {
            pieces.push(piece.to_vec());
            Ok::<(), ()>(())
        };
        legacy.write(|_| routes(count), put).unwrap();
        pieces
    }

    fn read(pieces: &[Vec<u8>]) -> Result<Legacy, WireError> {
        Legacy::read(pieces.iter().map(Vec::as_slice))
    }

    #[test]
    fn what_was_written_is_read() {
        let pieces_ = pieces(&sample(&SIZES), 10_000);
        let again = read(&pieces_).unwrap();
        let routes: Vec<_> = again.nodes[0].routes.iter().flatten().collect();
        assert_eq!((routes.len(), again.nodes[0].routes.len()), (10_000, 2));
        assert!(again.nodes[1].routes.is_empty());
        assert_eq!(again.nodes[0].nacks, sample(&SIZES).nodes[0].nacks);
        let numbers = (again.incarnation, again.process, again.epoch, again.messages);
        assert_eq!(
            (numbers, again.routes, again.guid),
            ((7, 9, 2, 13), (11, 12), sample(&[1]).guid)
        );
        assert_eq!((again.row, again.heals), (14, 15));
        assert_eq!(pieces(&Legacy { nodes: Vec::new(), ..again }, 0), pieces_[..1]);
    }

    #[test]
    fn what_is_kept_goes_on_where_it_was() {
        let mut again = read(&pieces(&sample(&SIZES), 0)).unwrap();
        let (out, _) = &mut again.nodes[1].streams[1];
        out.set_keep_max(1 << 20);
        assert_eq!((out.last(), out.acked(), out.kept_bytes() > 370_000), (4, 1, true));
        push(out, b"next");
        let received = Received { stream: 1, incarnation: NAME, seq: 2 };
        let epoch = out.attach(PEER, received);
        let (mut all, mut batch) = (Vec::new(), Vec::new());
        while out.take(epoch, &mut batch) {
            all.append(&mut batch);
        }
        let mut before = stream(&SIZES);
        push(&mut before, b"next");
        let epoch = before.attach(PEER, received);
        let mut want = Vec::new();
        while before.take(epoch, &mut batch) {
            want.append(&mut batch);
        }
        assert!(all == want && all.len() > 300_000);
        out.on_ack(5).unwrap();
        assert_eq!(out.kept_bytes(), 0);
    }

    /// What `stream` sends over a new connection to who has `inward`. The numbers that are new there.
    fn carry_over(stream: &mut SendStream, inward: &mut RecvStream) -> Vec<u64> {
        let epoch = stream.attach(PEER, inward.received(0));
        let (mut bytes, mut batch) = (Vec::new(), Vec::new());
        while stream.take(epoch, &mut batch) {
            bytes.append(&mut batch);
        }
        let (mut rest, mut news) = (bytes.as_slice(), Vec::new());
        while let Some((header, body, used)) = split(rest).unwrap() {
            if header.kind == Kind::FWD {
                let seq = Envelope::decode(body).unwrap().seq;
                news.extend(inward.on_message(seq).unwrap().then_some(seq));
            } else if let Some(Frame::FwdBase { incarnation, seq }) =
                Frame::read(header, body).unwrap()
            {
                inward.on_base(incarnation, seq);
            }
            rest = &rest[used..];
        }
        stream.detach(epoch);
        news
    }

    #[test]
    fn what_arrived_is_known_to_the_next_process() {
        let mut legacy = sample(&[10, 20, 30]);
        let mut inward = RecvStream::default();
        let (out, _) = &mut legacy.nodes[0].streams[0];
        assert_eq!(carry_over(out, &mut inward), [2, 3], "no acknowledgement comes back");
        let mut again = read(&pieces(&legacy, 0)).unwrap();
        let (out, _) = &mut again.nodes[0].streams[0];
        out.set_keep_max(1 << 20);
        push(out, b"next");
        assert_eq!(out.incarnation(), NAME);
        assert_eq!(carry_over(out, &mut inward), [4], "nothing is handed on twice");
        assert_eq!((inward.repeats(), inward.lost()), (0, 0));
    }

    #[test]
    fn nothing_is_used_of_what_is_not_whole() {
        let whole = pieces(&sample(&SIZES), 3);
        for missing in 0..whole.len() {
            let mut some = whole.clone();
            some.remove(missing);
            // Without all that is kept, or without who keeps it.
            let kind = whole[missing][0];
            assert_eq!(read(&some).is_ok(), kind == ROUTES, "{missing} of kind {kind}");
        }
        for piece in 0..whole.len() {
            for len in 0..whole[piece].len().min(40) {
                let mut some = whole.clone();
                some[piece].truncate(len);
                assert!(read(&some).is_err(), "{piece} cut to {len}");
            }
        }
    }

    /// What the fuzzer begins with: pieces behind their lengths.
    #[test]
    fn the_fuzzer_begins_with_a_whole_one() {
        let mut rest: &[u8] = include_bytes!("../../fuzz/corpus/legacy/whole");
        let mut found = Vec::new();
        while let Some((len, behind)) = rest.split_first_chunk() {
            let (piece, behind) = behind.split_at(u16::from_be_bytes(*len).into());
            found.push(piece.to_vec());
            rest = behind;
        }
        let legacy = read(&found).unwrap();
        assert_eq!((legacy.nodes.len(), legacy.nodes[0].streams.len()), (2, 2));
    }

    proptest! {
        #[test]
        fn one_changed_byte_never_panics(piece: prop::sample::Index, at: prop::sample::Index, to: u8) {
            let mut whole = pieces(&sample(&SIZES), 3);
            let piece = piece.index(whole.len());
            let at = at.index(whole[piece].len().min(200));
            whole[piece][at] = to;
            let _ = read(&whole);
        }
    }
}
