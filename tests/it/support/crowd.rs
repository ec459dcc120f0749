//! A thousand clients under load: publishers, and subscribers with a topic each. What was acknowledged must arrive once and in
//! order, and no connection may end.

use std::{
    net::SocketAddr,
    sync::atomic::{AtomicBool, AtomicU64, Ordering},
    time::{Duration, Instant},
};

use super::{Client, LIMIT, Message, Version, wait_for};

const V3: Version = Version::V3_1_1;
const PUBLISHERS: usize = 100;
const SUBSCRIBERS: usize = 900;
/// All of them.
pub const CLIENTS: usize = PUBLISHERS + SUBSCRIBERS;
const THREADS: usize = 4;
/// Every so many topics one is for QoS 2.
const EXACTLY_ONCE: usize = 10;

/// What was acknowledged to the publisher of a topic.
struct Line {
    topic: String,
    qos: u8,
    acknowledged: AtomicU64,
}

/// A publisher and the topics it writes to.
struct Publisher<'a>(Client, Vec<&'a Line>);

/// What a crowd saw.
#[derive(Debug)]
pub struct Seen {
    /// Messages that were acknowledged and arrived.
    pub messages: u64,
    /// The longest time that a publisher waited for acknowledgements.
    pub longest: Duration,
}

/// Publishes to each topic in turn until told to stop; returns the longest wait for acknowledgements.
fn publish(publishers: &mut [Publisher<'_>], stop: &AtomicBool) -> Duration {
    let mut longest = Duration::ZERO;
    while !stop.load(Ordering::Relaxed) {
        for Publisher(client, lines) in &mut *publishers {
            let began = Instant::now();
            let mut ids = Vec::new();
            for line in &*lines {
                let (id, next) = (client.next_id(), line.acknowledged.load(Ordering::Relaxed) + 1);
                let message = Message::new(&line.topic, next.to_string(), line.qos).id(id);
                client.send(&message.bytes(V3));
                ids.push(id);
            }
            for (line, id) in lines.iter().zip(ids) {
                client.complete(line.qos, id);
                line.acknowledged.fetch_add(1, Ordering::Release);
            }
            longest = longest.max(began.elapsed());
        }
    }
    longest
}

/// Takes what was acknowledged, each message once and in order, until `over` and nothing is left.
fn take(subscribers: &mut [(Client, &Line, u64)], over: &AtomicBool) {
    loop {
        let (last, mut left) = (over.load(Ordering::Acquire), false);
        for (client, line, taken) in &mut *subscribers {
            while *taken < line.acknowledged.load(Ordering::Acquire) {
                *taken += 1;
                let message = client.message();
                let (want, topic) = ((taken.to_string(), false), &line.topic);
                assert_eq!((message.text(), message.dup), want, "{topic}, QoS {}", line.qos);
                left = true;
            }
        }
        if last && !left {
            break;
        }
        std::thread::sleep(Duration::from_millis(1));
    }
    for (client, line, _) in subscribers {
        assert_eq!(client.unread(), 0, "{}: more than was published", line.topic);
    }
}

/// The threads end with the test, also when it fails.
struct Ends<'a>(&'a AtomicBool, &'a AtomicBool);

impl Drop for Ends<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
        self.1.store(true, Ordering::Release);
    }
}

/// Spreads a crowd over `nodes`, so that each publisher writes to subscribers of all of them, and does `trouble` to them `times`
/// under load.
pub fn under_load(nodes: &[SocketAddr], times: usize, mut trouble: impl FnMut()) -> Seen {
    let line = |n: usize| {
        let qos = if n.is_multiple_of(EXACTLY_ONCE) { 2 } else { 1 };
        Line { topic: format!("t/{n}"), qos, acknowledged: AtomicU64::new(0) }
    };
    let lines: Vec<_> = (0..SUBSCRIBERS).map(line).collect();
    let mut subscribers = Vec::new();
    for (line, at) in lines.iter().zip(nodes.iter().cycle()) {
        let mut client = Client::at(V3, *at);
        client.subscribe(&line.topic, 2);
        subscribers.push((client, line, 0));
    }
    let each = lines.chunks(SUBSCRIBERS / PUBLISHERS).zip(nodes.iter().cycle());
    let mut publishers: Vec<_> =
        each.map(|(own, at)| Publisher(Client::at(V3, *at), own.iter().collect())).collect();
    let (stop, over) = (AtomicBool::new(false), AtomicBool::new(false));
    let rounds = || lines.iter().map(|one| one.acknowledged.load(Ordering::Relaxed)).min().unwrap();
    let (stop, over) = (&stop, &over);
    let longest = std::thread::scope(|scope| {
        let _ends = Ends(stop, over);
        let takers: Vec<_> = subscribers
            .chunks_mut(SUBSCRIBERS / THREADS)
            .map(|part| scope.spawn(move || take(part, over)))
            .collect();
        let writers: Vec<_> = publishers
            .chunks_mut(PUBLISHERS / THREADS)
            .map(|part| scope.spawn(move || publish(part, stop)))
            .collect();
        wait_for("load", LIMIT, || rounds() > 1);
        for _ in 0..times {
            let before = rounds();
            trouble();
            wait_for("load afterwards", LIMIT * 3, || rounds() > before + 2);
        }
        stop.store(true, Ordering::Relaxed);
        let longest = writers.into_iter().map(|one| one.join().unwrap()).max().unwrap();
        over.store(true, Ordering::Release);
        takers.into_iter().for_each(|one| one.join().unwrap());
        longest
    });
    let messages = lines.iter().map(|one| one.acknowledged.load(Ordering::Relaxed)).sum();
    Seen { messages, longest }
}
