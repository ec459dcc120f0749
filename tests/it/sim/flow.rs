//! Messages between the nodes of the world: the real streams over connections that break (invariants 5, 6 and 11).
//!
//! Every node publishes for every other. A stream lives as long as both processes; whatever becomes of its connections, what was
//! taken must come once and in order, and what is acknowledged must be there.

use std::collections::{BTreeMap, VecDeque};

use emqx_rs::cluster::{
    PeerUp,
    stream::{Outgoing, Push, RecvStream, SendStream},
    wire::{Envelope, Flags, Frame, Kind, Received, Targets, split},
};

use super::{
    faults::Fault,
    world::{Event, World},
};

/// Bytes kept for a peer.
const KEEP: usize = 64 << 10;
/// Between two attempts to connect.
const RETRY: u64 = 250;
/// Names of streams begin here: none is the number of a life.
const NAMES: u64 = 1 << 40;

/// Something between two nodes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Step {
    /// The one that sends tries to connect; the other says what it has.
    Connect,
    /// The handshake is over: what the other one had at its beginning is of this stream, up to this number.
    Attach(u64, u64),
    /// Bytes arrive, over this connection.
    Bytes(u64),
    /// An acknowledgement arrives, over this connection.
    Ack(u64),
}

/// From one process to another.
#[derive(Debug)]
struct Way {
    /// Both lives.
    lives: (u64, u64),
    out: SendStream,
    epoch: u64,
    /// Number of the connection that carries it; 0 for none.
    connection: u64,
    /// On their way, each with the time it arrives.
    bytes: VecDeque<(u64, Vec<u8>)>,
    acks: VecDeque<(u64, u64)>,
    /// Taken from publishers.
    taken: u64,
    inward: RecvStream,
    /// Handed to subscribers, or given up by the sender: all numbers up to this one.
    handed: u64,
    /// Given up by the sender.
    lost: u64,
}

/// All ways, by both ends.
#[derive(Debug, Default)]
pub(crate) struct Flow {
    ways: BTreeMap<(usize, usize), Way>,
    connections: u64,
    /// Names of streams so far: each has one of its own, as in `node/mesh/data.rs`.
    names: u64,
    refused: u64,
    /// Bytes of a message.
    pub(crate) size: usize,
}

impl World {
    /// A node publishes for all others that it has been linked with.
    pub(crate) fn publish_some(&mut self, from: usize) {
        let count = 1 + self.dice.below(4);
        let ways: Vec<usize> = self
            .flow
            .ways
            .keys()
            .filter(|(sender, _)| *sender == from)
            .map(|(_, to)| *to)
            .collect();
        for to in ways {
            for _ in 0..count {
                self.publish(from, to);
            }
            self.send_batch(from, to);
        }
    }

    fn publish(&mut self, from: usize, to: usize) {
        let size = self.flow.size;
        let Some(way) = self.flow.ways.get_mut(&(from, to)) else { return };
        let number = way.taken + 1;
        let mut payload = number.to_be_bytes().to_vec();
        payload.resize(size.max(8), 0);
        let push = way.out.push(&Outgoing {
            number,
            flags: Flags { qos: 1, ..Flags::default() },
            expiry: None,
            targets: Targets::PLAIN,
            topic: "flow",
            properties: &[],
            payload: &payload,
            patient: false,
        });
        match push {
            Push::Kept(_) => way.taken = number,
            Push::Full => self.flow.refused += 1,
            Push::Sent | Push::Dropped => panic!("QoS 1 is kept or refused"),
        }
        assert!(way.out.kept_bytes() <= KEEP, "kept more than the bound");
    }

    pub(super) fn flow_up(&mut self, number: usize, up: &PeerUp) {
        let to = self.number_of(up.peer.node_id);
        let lives = (self.life(number).unwrap(), up.peer.incarnation);
        let keep = if self.has(Fault::KeepWithoutBound) { usize::MAX / 4 } else { KEEP };
        if self.flow.ways.get(&(number, to)).is_none_or(|way| way.lives != lives) {
            self.flow.names += 1;
            let way = Way {
                lives,
                out: SendStream::new(NAMES + self.flow.names, keep),
                epoch: 0,
                connection: 0,
                bytes: VecDeque::new(),
                acks: VecDeque::new(),
                taken: 0,
                inward: RecvStream::default(),
                handed: 0,
                lost: 0,
            };
            self.flow.ways.insert((number, to), way);
        }
        if let Some(way) = self.flow.ways.get_mut(&(number, to)) {
            way.out.expect(true);
        }
        self.flow_at(1, number, to, Step::Connect);
    }

    /// A peer is down: its connections end, what is kept for it stays.
    pub(super) fn flow_down(&mut self, number: usize, of: usize, gone: bool) {
        self.disconnect(number, of);
        self.disconnect(of, number);
        let lost = gone || self.has(Fault::DiscardOnDown);
        if let Some(way) = self.flow.ways.get_mut(&(number, of)) {
            way.out.expect(false);
            if lost {
                way.out.discard();
            }
        }
        if gone {
            self.flow.ways.remove(&(number, of));
        }
    }

    /// A peer restarts: its connections end, and it counts as up.
    pub(super) fn flow_away(&mut self, number: usize, of: usize) {
        self.disconnect(number, of);
        self.disconnect(of, number);
    }

    /// The ends at `number` of what goes between two processes, for the next one.
    pub(super) fn take_streams(
        &mut self,
        number: usize,
        of: usize,
        life: u64,
    ) -> Option<(SendStream, RecvStream)> {
        self.disconnect(number, of);
        self.disconnect(of, number);
        let inward = self.flow.ways.get(&(of, number)).map(|way| way.inward);
        let way = self.flow.ways.get_mut(&(number, of)).filter(|way| way.lives.1 == life)?;
        Some((std::mem::replace(&mut way.out, SendStream::new(0, 0)), inward.unwrap_or_default()))
    }

    /// What [`Self::take_streams`] took; none for one that was never there.
    pub(super) fn put_streams(
        &mut self,
        number: usize,
        of: usize,
        life: u64,
        streams: Option<(SendStream, RecvStream)>,
    ) {
        let (lose, forget) = (self.has(Fault::LoseKept), self.has(Fault::ForgetReceived));
        let Some((mut out, inward)) = streams else { return };
        let kept = self.nodes_know(number, of, life);
        if !kept {
            self.flow.ways.remove(&(number, of));
            return;
        }
        if let Some(way) = self.flow.ways.get_mut(&(number, of)) {
            out.set_keep_max(KEEP);
            out.expect(true);
            way.out = out;
            way.epoch = 0;
            if lose {
                way.out.discard();
            }
        }
        if let Some(way) = self.flow.ways.get_mut(&(of, number)) {
            way.inward = if forget { RecvStream::default() } else { inward };
        }
    }

    /// The memory of a process is gone.
    pub(super) fn flow_crash(&mut self, number: usize) {
        self.flow.ways.retain(|(from, _), _| *from != number);
        let to: Vec<usize> =
            self.flow.ways.keys().filter(|(_, to)| *to == number).map(|w| w.0).collect();
        to.into_iter().for_each(|from| self.disconnect(from, number));
    }

    fn disconnect(&mut self, from: usize, to: usize) {
        if let Some(way) = self.flow.ways.get_mut(&(from, to)) {
            way.out.detach(way.epoch);
            way.connection = 0;
            way.bytes.clear();
            way.acks.clear();
        }
    }

    fn flow_at(&mut self, delay: u64, from: usize, to: usize, step: Step) {
        let time = self.now() + delay;
        self.at(time, Event::Flow { from, to, step });
    }

    pub(super) fn flow_step(&mut self, from: usize, to: usize, step: Step) {
        let apart = self.is_apart(from, to);
        let lives = (self.life(from), self.life(to));
        let Some(way) = self.flow.ways.get_mut(&(from, to)) else { return };
        if lives != (Some(way.lives.0), Some(way.lives.1)) {
            return;
        }
        match step {
            // A way that is cut is not looked at again before the end of the cut: TCP repeats.
            _ if apart => {
                // A handshake does not outlive a cut.
                let connects = matches!(step, Step::Connect | Step::Attach(..));
                let (delay, step) = if connects { (RETRY, Step::Connect) } else { (20, step) };
                self.flow_at(delay, from, to, step);
            }
            Step::Connect => self.connect(from, to),
            Step::Attach(name, seq) => {
                self.attach(from, to, Received { stream: 0, incarnation: name, seq })
            }
            Step::Bytes(connection) if way.connection == connection => self.bytes_arrive(from, to),
            Step::Ack(connection) if way.connection == connection => self.ack_arrives(from, to),
            Step::Bytes(_) | Step::Ack(_) => {}
        }
    }

    fn connect(&mut self, from: usize, to: usize) {
        let known = self.nodes_see_each_other(from, to);
        if !known {
            return self.flow_at(RETRY, from, to, Step::Connect);
        }
        let received = self.flow.ways[&(from, to)].inward.received(0);
        // What an earlier connection brings meanwhile comes again.
        let delay = 1 + self.dice.below(15);
        self.flow_at(delay, from, to, Step::Attach(received.incarnation, received.seq));
    }

    fn attach(&mut self, from: usize, to: usize, received: Received) {
        self.disconnect(from, to);
        self.flow.connections += 1;
        let connection = self.flow.connections;
        let resumed = self.has(Fault::ResumeWhatWasSent);
        let way = self.flow.ways.get_mut(&(from, to)).unwrap();
        let received = if resumed {
            Received { stream: 0, incarnation: way.out.incarnation(), seq: way.taken }
        } else {
            received
        };
        way.epoch = way.out.attach(way.lives.1, received);
        way.connection = connection;
        self.send_batch(from, to);
    }

    fn send_batch(&mut self, from: usize, to: usize) {
        let delay = 1 + self.dice.below(10);
        let now = self.now();
        let Some(way) = self.flow.ways.get_mut(&(from, to)).filter(|way| way.connection != 0)
        else {
            return;
        };
        let (mut batch, connection) = (Vec::new(), way.connection);
        if !way.out.take(way.epoch, &mut batch) {
            return;
        }
        let at = way.bytes.back().map_or(0, |(at, _)| *at).max(now + delay);
        let last = way.out.last();
        // No connection loses anything; where one did, a number would be missing.
        if !(self.has(Fault::HandOverGaps) && self.dice.below(20) == 0) {
            let way = self.flow.ways.get_mut(&(from, to)).unwrap();
            way.bytes.push_back((at, batch));
            self.at(at, Event::Flow { from, to, step: Step::Bytes(connection) });
        }
        if self.has(Fault::AckOnArrival) {
            let way = self.flow.ways.get_mut(&(from, to)).unwrap();
            way.acks.push_back((now + 1, last));
            self.at(now + 1, Event::Flow { from, to, step: Step::Ack(connection) });
        }
    }

    fn bytes_arrive(&mut self, from: usize, to: usize) {
        let (repeats, gaps) = (self.has(Fault::HandRepeats), self.has(Fault::HandOverGaps));
        let (seed, small) = (self.seed(), self.flow.size == 0);
        let way = self.flow.ways.get_mut(&(from, to)).unwrap();
        let Some((_, batch)) = way.bytes.pop_front() else { return };
        let mut rest = batch.as_slice();
        while let Some((header, body, used)) = split(rest).unwrap() {
            rest = &rest[used..];
            if header.kind != Kind::FWD {
                match Frame::decode(header.kind, body).unwrap() {
                    Some(Frame::FwdBase { incarnation, seq }) => {
                        way.inward.on_base(incarnation, seq);
                        way.lost += seq.saturating_sub(way.handed);
                        way.handed = way.handed.max(seq);
                        // A few small ones stay below every bound: none of them is ever given up.
                        let given_up = if small { 0 } else { way.out.dropped() };
                        assert!(
                            way.lost <= given_up,
                            "seed {seed}: from {from} to {to}: {} messages are missing, {given_up} were given up",
                            way.lost
                        );
                    }
                    other => panic!("{other:?} among messages"),
                }
                continue;
            }
            let envelope = Envelope::decode(body).unwrap();
            let fresh = match way.inward.on_message(envelope.seq) {
                Err(_) if gaps => true,
                fresh => fresh.expect("no gap in what one connection carries"),
            };
            if fresh || repeats {
                let number = u64::from_be_bytes(*envelope.payload.first_chunk().unwrap());
                assert_eq!(
                    number,
                    way.handed + 1,
                    "seed {seed}: from {from} to {to}: once and in order"
                );
                way.handed = number;
            }
        }
        let (received, connection) = (way.inward.received(0), way.connection);
        let (now, delay) = (self.now(), 1 + self.dice.below(10));
        let way = self.flow.ways.get_mut(&(from, to)).unwrap();
        let at = way.acks.back().map_or(0, |(at, _)| *at).max(now + delay);
        way.acks.push_back((at, received.seq));
        self.at(at, Event::Flow { from, to, step: Step::Ack(connection) });
        if self.dice.below(4) == 0 {
            self.flow_at(1, from, to, Step::Connect);
        }
    }

    fn ack_arrives(&mut self, from: usize, to: usize) {
        let seed = self.seed();
        let way = self.flow.ways.get_mut(&(from, to)).unwrap();
        let Some((_, seq)) = way.acks.pop_front() else { return };
        way.out.on_ack(seq).expect("no more is acknowledged than was sent");
        assert!(way.out.acked() <= way.handed, "seed {seed}: acknowledged and not there");
        self.send_batch(from, to);
    }

    /// All that was taken for a process that lives is there. Returns how many messages that were.
    #[track_caller]
    pub(crate) fn assert_all_arrived(&self, when: &str) -> u64 {
        let seed = self.seed();
        for ((from, to), way) in &self.flow.ways {
            if (self.life(*from), self.life(*to)) == (Some(way.lives.0), Some(way.lives.1)) {
                assert_eq!(way.handed, way.taken, "seed {seed}, {when}: from {from} to {to}");
                assert_eq!(way.out.kept_bytes(), 0, "seed {seed}, {when}: still kept");
            }
        }
        self.flow.ways.values().map(|way| way.handed).sum()
    }

    /// Messages that were not taken because too much was kept.
    pub(crate) fn refused(&self) -> u64 {
        self.flow.refused
    }

    /// Messages given up for peers that were away for too long.
    pub(crate) fn given_up(&self) -> u64 {
        self.flow.ways.values().map(|way| way.lost).sum()
    }
}
