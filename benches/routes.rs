//! One million routes from one node: bytes of a route on the wire as changes and as a snapshot, bytes in the table of another
//! node, time to take them in and out, and to lose the node. The topics are 32 bytes long and hold a random 64-bit number.
//!
//! `cargo bench -- routes` prints the sizes first ("bytes a route"), then the times.

use std::{
    sync::{Arc, OnceLock},
    time::Instant,
};

use divan::{Bencher, black_box, counter::ItemsCount};
use emqx_rs::{
    cluster::{
        replica::{OwnRoutes, one_frame},
        routes::{RouteKey, RouteMatches, RouteOp, RouteTable, TableOp},
        wire::Frame,
    },
    topic::{TopicFilter, TopicName},
};

const MILLION: u64 = 1_000_000;

fn topic(number: u64) -> String {
    let mut z = number.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z ^= z >> 27;
    format!("site/a/dev/{z:016x}/data")
}

fn key(number: u64) -> RouteKey {
    RouteKey { filter: TopicFilter::parse(&topic(number)).unwrap(), group: None }
}

fn op(number: u64, add: bool) -> RouteOp {
    RouteOp { add, key: key(number), weight: 1 }
}

/// Cut into frames as the writer does it.
fn frames(ops: impl Iterator<Item = RouteOp>) -> Vec<Vec<RouteOp>> {
    let mut ops = ops.peekable();
    let mut frames = Vec::new();
    while ops.peek().is_some() {
        frames.push(one_frame(ops.by_ref()));
    }
    frames
}

/// The changes as they are made: all in one wake-up are sorted, and one wake-up fills a frame.
fn changes(add: bool) -> Vec<Arc<[RouteOp]>> {
    let sorted = |mut ops: Vec<RouteOp>| {
        ops.sort_by(|a, b| a.key.cmp(&b.key));
        ops.into()
    };
    frames((0..MILLION).map(|number| op(number, add))).into_iter().map(sorted).collect()
}

fn adds() -> &'static [Arc<[RouteOp]>] {
    static ADDS: OnceLock<Vec<Arc<[RouteOp]>>> = OnceLock::new();
    ADDS.get_or_init(|| {
        let adds = changes(true);
        tell(&adds);
        adds
    })
}

fn bytes(frame: &Frame) -> usize {
    let mut out = Vec::new();
    frame.encode(&mut out);
    out.len()
}

/// What is not a time.
#[expect(clippy::print_stdout, clippy::disallowed_methods, reason = "figures of a bench")]
fn tell(adds: &[Arc<[RouteOp]>]) {
    let delta = |ops: &[RouteOp]| {
        bytes(&Frame::RouteDelta { incarnation: 1, first_seq: 1, ops: ops.to_vec() })
    };
    let live: usize = adds.iter().map(|ops| delta(ops)).sum();
    let few: usize = adds.iter().flat_map(|ops| ops.chunks(64)).map(delta).sum();
    let mut own = OwnRoutes::default();
    (0..MILLION).for_each(|number| own.add(key(number)));
    own.commit();
    let all = own.iter().map(|(key, weight)| RouteOp { add: true, key, weight });
    let part = |ops| bytes(&Frame::RouteSnap { incarnation: 1, seq: 1, part: 1, last: false, ops });
    let snapshot: usize = frames(all).into_iter().map(part).sum();
    let before = resident();
    let table = filled(adds);
    let held = resident().saturating_sub(before);
    let per = |bytes: usize| bytes as f64 / MILLION as f64;
    println!(
        "bytes a route: {:.1} as changes in full frames, {:.1} in frames of 64, {:.1} as snapshot, {:.1} in memory",
        per(live),
        per(few),
        per(snapshot),
        per(held)
    );
    let mut table = table;
    let start = Instant::now();
    table.apply(&TableOp::Drop { node: 1 });
    println!("loss of a node with a million routes: {:?}", start.elapsed());
}

/// Resident bytes of this process.
fn resident() -> usize {
    let text = std::fs::read_to_string("/proc/self/statm").unwrap();
    let pages: usize = text.split_whitespace().nth(1).unwrap().parse().unwrap();
    pages * 4096
}

fn filled(adds: &[Arc<[RouteOp]>]) -> RouteTable {
    let mut table = RouteTable::new();
    table.apply(&TableOp::SnapshotBegin { node: 1, drop_old: false });
    for ops in adds {
        table.apply(&TableOp::Apply { node: 1, ops: ops.clone() });
    }
    table.apply(&TableOp::SnapshotEnd { node: 1 });
    table
}

#[divan::bench(sample_count = 3, sample_size = 1)]
fn take_a_million_in(bencher: Bencher<'_, '_>) {
    let adds = adds();
    bencher.counter(ItemsCount::new(MILLION)).bench_local(|| filled(adds));
}

#[divan::bench(sample_count = 3, sample_size = 1)]
fn take_a_million_out(bencher: Bencher<'_, '_>) {
    let removes = changes(false);
    bencher.counter(ItemsCount::new(MILLION)).with_inputs(|| filled(adds())).bench_local_values(
        |mut table| {
            for ops in &removes {
                table.apply(&TableOp::Apply { node: 1, ops: ops.clone() });
            }
            table
        },
    );
}

#[divan::bench(sample_count = 3, sample_size = 1)]
fn decode_a_million(bencher: Bencher<'_, '_>) {
    let frames: Vec<Vec<u8>> = adds()
        .iter()
        .map(|ops| {
            let mut out = Vec::new();
            let ops = ops.to_vec();
            Frame::RouteDelta { incarnation: 1, first_seq: 1, ops }.encode(&mut out);
            out
        })
        .collect();
    bencher.counter(ItemsCount::new(MILLION)).bench_local(|| {
        for frame in &frames {
            let (header, body, _) = emqx_rs::cluster::wire::split(frame).unwrap().unwrap();
            black_box(Frame::read(header, body).unwrap());
        }
    });
}

#[divan::bench(sample_size = 1000)]
fn find_one_of_a_million(bencher: Bencher<'_, '_>) {
    let table = filled(adds());
    let names: Vec<String> = (0..100_000).map(|number| topic(number * 7)).collect();
    let (mut next, mut found) = (0, RouteMatches::default());
    bencher.counter(ItemsCount::new(1_u8)).bench_local(|| {
        next = (next + 7919) % names.len();
        found.clear();
        table.matches(TopicName::parse(&names[next]).unwrap(), &mut found);
        black_box(&found);
    });
}
