//! Good conversations, mutated: `MUTATIONS` packets, each spoilt by a seed of its own, at a node with a witness and with somebody
//! who subscribes to everything and must get nothing but good packets.
//!
//! One connection is one seed. It carries many spoilt packets, each with a PINGREQ behind it, so that the answers tell how many
//! the node has looked at before it closed. `MUTATION_SEED=17 MUTATIONS=1` replays one.

use std::{
    env,
    io::{Read, Write},
    net::{Shutdown, TcpStream},
    os::unix::net::UnixStream,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    thread,
    time::Duration,
};

use super::{Target, witness::Witness};
use crate::support::{
    Client, Connect, Message, Packet, Version, Will,
    client::{subscribe_bytes, unsubscribe_bytes},
    codec::{ack, cat, packet, varint},
    prop,
    wire::{Wire, frame, upgrade},
};

/// How many, unless `MUTATIONS` says; `make load` wants a million.
const USUAL: u64 = 100_000;
const THREADS: u64 = 2;
/// Spoilt packets of one connection.
const EACH: usize = 6;
/// Connections of a thread at once.
const AT_ONCE: u64 = 32;
/// Looked at after so many connections of a thread.
const LOOK: u64 = 4096;
/// Where in [`script`] the packets begin that end a connection.
const ENDING: usize = 12;
const PING: [u8; 2] = [0xc0, 0];

fn from_env(name: &str, usual: u64) -> u64 {
    env::var(name).ok().map_or(usual, |text| text.parse().expect("a number"))
}

/// Chance from a seed (splitmix64).
struct Dice(u64);

impl Dice {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ z >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ z >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ z >> 31
    }

    /// 0 to `end` - 1.
    fn below(&mut self, end: usize) -> usize {
        (self.next() % end.max(1) as u64) as usize
    }

    fn one_in(&mut self, count: usize) -> bool {
        self.below(count) == 0
    }

    fn pick<T: Copy>(&mut self, from: &[T]) -> T {
        from[self.below(from.len())]
    }
}

/// What one side of a good conversation says, in order, CONNECT first.
fn script(version: Version, dice: &mut Dice) -> Vec<Vec<u8>> {
    let v5 = version.is_v5();
    let mut connect = Connect::new(version).id(&format!("m{}", dice.below(32)));
    connect.clean = dice.one_in(2);
    if dice.one_in(3) {
        connect = connect.will(Will::new("m/will", "gone"));
    }
    if v5 {
        connect = connect.with(prop::four(prop::SESSION_EXPIRY, 60)).with(prop::user("a", "b"));
    }
    let id = 1 + dice.below(4) as u16;
    let topic = dice.pick(&["m/a", "m/a/b", "m", "m/$x", "$delayed/1/m/late"]);
    let publish = |qos: u8| {
        let mut message = Message::new(topic, "payload", qos).id(id);
        message.retain = qos == 1;
        if v5 {
            message = message
                .with(prop::four(prop::EXPIRY, 60))
                .with(prop::two(prop::ALIAS, id))
                .with(prop::text(prop::RESPONSE_TOPIC, "m/answer"))
                .with(prop::binary(prop::CORRELATION, b"1"));
        }
        message.bytes(version)
    };
    let reason = |first: u8| {
        let tail: &[u8] = if v5 { &[0, 7, 38, 0, 1, b'a', 0, 1, b'b'] } else { &[] };
        packet(first, &cat(&[&id.to_be_bytes(), tail]))
    };
    let filters = [("m/#", 2), ("m/+/b", 1), ("$share/g/m/#", 1), ("#", 0)];
    let ids: &[_] = if v5 { &[prop::subscription_id(7)] } else { &[] };
    vec![
        connect.bytes(),
        subscribe_bytes(version, id, &filters, ids),
        publish(0),
        publish(1),
        publish(2),
        ack(0x62, id),
        reason(0x40),
        reason(0x50),
        reason(0x62),
        reason(0x70),
        unsubscribe_bytes(version, id, &["m/+/b", "#"]),
        PING.to_vec(),
        packet(0xe0, if v5 { &[4, 5, 17, 0, 0, 0, 9] } else { &[] }),
        packet(0xf0, &[0x18, 4, 21, 0, 1, b'x']),
    ]
}

/// Spoils `bytes` in one way or more; `other` is a good packet to mix it with.
fn spoil(bytes: &mut Vec<u8>, other: &[u8], dice: &mut Dice) {
    const BYTES: [u8; 8] = [0, 1, 2, 0x7f, 0x80, 0xc0, 0xfe, 0xff];
    const PAIRS: [u16; 6] = [0, 1, 0x7fff, 0x8000, 0xfffe, 0xffff];
    for _ in 0..1 + dice.below(4) / 2 {
        let length = bytes.len();
        let at = dice.below(length + 1).min(length.saturating_sub(1));
        let end = at + dice.below(9).min(length - at.min(length));
        match dice.below(11) {
            0 if length > 0 => bytes[at] ^= 1 << dice.below(8),
            1 if length > 0 => bytes[at] = dice.pick(&BYTES),
            2 => {
                let more: Vec<u8> = (0..=dice.below(8)).map(|_| dice.next() as u8).collect();
                bytes.splice(at..at, more);
            }
            3 => drop(bytes.drain(at..end)),
            4 => bytes.truncate(at),
            5 => {
                let part = bytes[at..end].to_vec();
                bytes.splice(at..at, part);
            }
            6 if length >= 2 => {
                let at = at.min(length - 2);
                bytes[at..at + 2].copy_from_slice(&dice.pick(&PAIRS).to_be_bytes());
            }
            7 => {
                bytes.truncate(at);
                bytes.extend(&other[dice.below(other.len())..]);
            }
            8 if length > 1 => {
                let most = 1 << dice.below(28);
                let claimed = varint(dice.below(most));
                bytes.splice(1..2, claimed);
            }
            9 if dice.one_in(8) => {
                let part = bytes[at..end].repeat(1 + dice.below(400));
                bytes.splice(at..at, part);
            }
            _ if length > 1 => bytes.swap(at, dice.below(length)),
            _ => bytes.push(dice.next() as u8),
        }
    }
    // What lies behind a length that is right again is looked at.
    if bytes.len() > 2 && !dice.one_in(4) {
        *bytes = packet(bytes[0], &bytes[2..]);
    }
}

/// Where a conversation goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Way {
    Unix,
    Tcp,
    Proxy,
    WebSocket,
}

/// One connection.
struct Talk {
    way: Way,
    bytes: Vec<u8>,
    /// Spoilt packets in it.
    spoilt: u64,
}

impl Talk {
    fn new(seed: u64) -> Self {
        let mut dice = Dice(seed);
        let way = match dice.below(16) {
            0 | 1 => Way::Tcp,
            2 => Way::Proxy,
            3 | 4 => Way::WebSocket,
            _ => Way::Unix,
        };
        let version = dice.pick(&[Version::V3_1, Version::V3_1_1, Version::V5, Version::V5]);
        let good = script(version, &mut dice);
        let mut pieces = vec![good[0].clone()];
        let mut spoilt = 0;
        if dice.one_in(4) {
            spoil(&mut pieces[0], &good[1], &mut dice);
            spoilt += 1;
        }
        while pieces.len() < 1 + 2 * EACH {
            // Those that end the connection come seldom.
            let range = if dice.one_in(8) { 0..good.len() } else { 1..ENDING };
            let at = range.start + dice.below(range.len());
            let (mut one, other) = (good[at].clone(), dice.below(good.len()));
            spoil(&mut one, &good[other], &mut dice);
            spoilt += 1;
            pieces.extend([one, PING.to_vec()]);
        }
        let bytes = match way {
            Way::Unix | Way::Tcp => pieces.concat(),
            Way::Proxy => cat(&[&header(&mut dice), &pieces.concat()]),
            Way::WebSocket => framed(&pieces, &mut dice),
        };
        Self { way, bytes, spoilt }
    }

    fn connect(&self, target: &Target) -> Line {
        match self.way {
            Way::Unix => Line::Unix(UnixStream::connect(&target.unix).expect("the node listens")),
            Way::Tcp => Line::Tcp(Client::tcp(target.node.mqtt())),
            Way::Proxy => Line::Tcp(Client::tcp(target.proxy)),
            Way::WebSocket => Line::Tcp(Client::tcp(target.ws)),
        }
    }

    /// How many spoilt packets were looked at, by what was answered.
    fn looked_at(&self, answer: &[u8]) -> u64 {
        let pongs = match self.way {
            Way::WebSocket => pongs(&unframed(answer)),
            Way::Unix | Way::Tcp | Way::Proxy => pongs(answer),
        };
        (pongs + 1).min(self.spoilt)
    }
}

/// A PROXY header, at times a spoilt one.
fn header(dice: &mut Dice) -> Vec<u8> {
    let mut bytes = if dice.one_in(2) {
        b"PROXY TCP4 192.0.2.1 192.0.2.2 4711 1883\r\n".to_vec()
    } else {
        let rest = [192, 0, 2, 1, 192, 0, 2, 2, 0x12, 0x67, 7, 0x5b, 0x20, 0, 5, 7, 0, 0, 0, 0];
        cat(&[b"\r\n\r\n\0\r\nQUIT\n\x21\x11", &(rest.len() as u16).to_be_bytes(), &rest])
    };
    if dice.one_in(3) {
        spoil(&mut bytes, b"PROXY TCP6 ::1 ::2 1 2\r\n", dice);
    }
    bytes
}

/// A request for a WebSocket and frames; one or the other is spoilt at times.
fn framed(pieces: &[Vec<u8>], dice: &mut Dice) -> Vec<u8> {
    let mut bytes = upgrade("/mqtt", "Sec-WebSocket-Protocol: mqtt\r\n").into_bytes();
    if dice.one_in(8) {
        let other = bytes.clone();
        spoil(&mut bytes, &other, dice);
    }
    for piece in pieces {
        let mut one = frame(0x82, piece);
        if dice.one_in(16) {
            spoil(&mut one, &frame(0x89, b"x"), dice);
        }
        bytes.extend(one);
    }
    bytes
}

/// The payload of the frames behind the answer to a request.
fn unframed(answer: &[u8]) -> Vec<u8> {
    let end = answer.windows(4).position(|four| four == b"\r\n\r\n");
    let (mut rest, mut payload) = (&answer[end.map_or(answer.len(), |at| at + 4)..], Vec::new());
    while let [first, second, more @ ..] = rest {
        let (length, start) = match (second, more) {
            (126, [a, b, ..]) => (usize::from(u16::from_be_bytes([*a, *b])), 2),
            (127, _) => break,
            (short, _) => (usize::from(*short), 0),
        };
        let Some(body) = more.get(start..start + length) else { break };
        if *first == 0x82 {
            payload.extend(body);
        }
        rest = &more[start + length..];
    }
    payload
}

/// PINGRESP packets among those of a server.
fn pongs(mut bytes: &[u8]) -> u64 {
    let mut count = 0;
    while bytes.len() >= 2 {
        count += u64::from(bytes[0] == 0xd0);
        let (mut length, mut at) = (0, 1);
        loop {
            let Some(byte) = bytes.get(at) else { return count };
            length |= usize::from(byte & 0x7f) << (7 * (at - 1));
            at += 1;
            if byte & 0x80 == 0 {
                break;
            }
        }
        bytes = bytes.get(at + length..).unwrap_or_default();
    }
    count
}

enum Line {
    Unix(UnixStream),
    Tcp(TcpStream),
}

impl Line {
    /// Says all of it and that nothing more comes.
    fn say(&mut self, bytes: &[u8]) {
        // Who is closed meanwhile is no failure.
        let _ = match self {
            Self::Unix(unix) => unix.write_all(bytes).and_then(|()| unix.shutdown(Shutdown::Write)),
            Self::Tcp(tcp) => tcp.write_all(bytes).and_then(|()| tcp.shutdown(Shutdown::Write)),
        };
    }

    /// Everything up to the end.
    fn hear(&mut self, into: &mut Vec<u8>) {
        into.clear();
        let ended = match self {
            Self::Unix(unix) => {
                unix.read_within(Duration::from_secs(20));
                unix.read_to_end(into)
            }
            Self::Tcp(tcp) => {
                tcp.read_within(Duration::from_secs(20));
                tcp.read_to_end(into)
            }
        };
        if let Err(error) = ended {
            assert!(error.kind() != std::io::ErrorKind::WouldBlock, "the node does not close");
        }
    }
}

/// Holds the conversations of these seeds, many at a time; how many spoilt packets were looked at.
fn hold(target: &Target, seeds: impl Iterator<Item = u64>) -> u64 {
    let (mut count, mut answer) = (0, Vec::new());
    let mut open = Vec::new();
    let mut hear = |open: &mut Vec<(Talk, Line)>| {
        for (talk, mut line) in open.drain(..) {
            line.hear(&mut answer);
            count += talk.looked_at(&answer);
        }
    };
    for seed in seeds {
        let talk = Talk::new(seed);
        let mut line = talk.connect(target);
        line.say(&talk.bytes);
        open.push((talk, line));
        if open.len() as u64 == AT_ONCE {
            hear(&mut open);
        }
    }
    hear(&mut open);
    count
}

/// The node has died or panicked in one of these conversations: says in which.
fn find(seeds: &[u64]) -> String {
    let target = Target::start();
    for seed in seeds {
        hold(&target, std::iter::once(*seed));
        if !target.is_well() {
            return format!("MUTATION_SEED={seed} MUTATIONS=1 replays it:\n{}", target.node.log());
        }
    }
    format!("only together: MUTATION_SEED={} and {} more", seeds[0], seeds.len() - 1)
}

/// Somebody who wants every message and takes nothing that is not well-formed.
struct Bystander {
    stop: Arc<AtomicBool>,
    thread: thread::JoinHandle<u64>,
}

impl Bystander {
    fn start(target: &Target) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let mut client = Connect::new(Version::V5).id("bystander").open(target.node.mqtt());
        assert_eq!(client.subscribe_to(&[("#", 2), ("$SYS/#", 1)], &[]), [2, 1]);
        let until = stop.clone();
        let thread = thread::spawn(move || {
            let mut seen = 0;
            while !until.load(Ordering::Relaxed) {
                match client.next_or_end().expect("the bystander is served on") {
                    Packet::Publish { qos: 1, id, .. } => client.send(&ack(0x40, id)),
                    Packet::Publish { qos: 2, id, .. } => client.send(&ack(0x50, id)),
                    Packet::PubRel { id, .. } => client.send(&ack(0x70, id)),
                    _ => {}
                }
                seen += 1;
            }
            seen
        });
        Self { stop, thread }
    }

    #[track_caller]
    fn end(self, target: &Target) {
        self.stop.store(true, Ordering::Relaxed);
        Client::at(Version::V5, target.node.mqtt()).publish("m/last", "", 1);
        let seen = self.thread.join().expect("the bystander got nothing but good packets");
        println!("bystander: {seen} packets");
    }
}

#[test]
fn spoilt_conversations_hurt_nobody() {
    let (first, most) = (from_env("MUTATION_SEED", 1), from_env("MUTATIONS", USUAL));
    let target = Target::start();
    // Before anything is measured: what a node takes once and keeps is no leak. These seeds come again below.
    hold(&target, first..first + (most / 20).min(2000));
    let before = target.settle();
    let witness = Witness::start(target.node.mqtt());
    let bystander = Bystander::start(&target);
    let (done, connections) = (AtomicU64::new(0), AtomicU64::new(0));
    thread::scope(|scope| {
        for thread in 0..THREADS.min(most) {
            let (target, done, connections) = (&target, &done, &connections);
            scope.spawn(move || {
                let mut next = first + thread;
                while done.load(Ordering::Relaxed) < most {
                    let count = LOOK.min(most.div_ceil(4));
                    let seeds: Vec<u64> = (0..count).map(|n| next + n * THREADS).collect();
                    next += count * THREADS;
                    done.fetch_add(hold(target, seeds.iter().copied()), Ordering::Relaxed);
                    connections.fetch_add(count, Ordering::Relaxed);
                    assert!(target.is_well(), "{}", find(&seeds));
                }
            });
        }
    });
    bystander.end(&target);
    witness.end();
    println!("{done:?} spoilt packets on {connections:?} connections, seeds from {first}");
    target.assert_well();
    target.assert_settles(before);
}

#[test]
fn a_seed_makes_the_same_conversation_again() {
    let talks = |seed| (Talk::new(seed).way, Talk::new(seed).bytes);
    assert_eq!(talks(7), talks(7));
    assert_ne!(talks(7), talks(8));
    assert_eq!(pongs(&[0x20, 2, 0, 0, 0xd0, 0, 0x30, 3, 0, 1, b't', 0xd0, 0]), 2);
    let answer =
        [b"HTTP/1.1 101 x\r\n\r\n", &[0x82, 2, 0xd0, 0, 0x8a, 0, 0x82, 1, 0xd0, 0x82, 1, 0][..]]
            .concat();
    assert_eq!(unframed(&answer), [0xd0, 0, 0xd0, 0]);
}
