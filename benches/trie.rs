//! What does a trie of one million wildcard filters cost: bytes a filter (see "max alloc" of `build_a_million`, the text of the
//! filters included), time to put one in, to take it out, and to match a topic?

use std::sync::OnceLock;

use divan::{Bencher, black_box, counter::ItemsCount};
use emqx_rs::topic::{TopicFilter, TopicName, Trie};

const MILLION: u32 = 1_000_000;

/// `site/{100}/device/{10,000}/+/state`: wide under few branches.
fn filter(number: u32) -> String {
    format!("site/{}/device/{}/+/state", number % 100, number)
}

/// A pair of filters for each device, which is the costly shape: it needs a branch of its own.
fn pair(number: u32) -> String {
    let device = number / 2;
    let tail = if number.is_multiple_of(2) { "+/state" } else { "#" };
    format!("site/{}/device/{device}/{tail}", device % 100)
}

fn build(text: fn(u32) -> String) -> Trie<u32> {
    let mut trie = Trie::new();
    for number in 0..MILLION {
        trie.get_or_insert_with(&TopicFilter::parse(&text(number)).unwrap(), || number);
    }
    trie
}

fn million() -> &'static Trie<u32> {
    static TRIE: OnceLock<Trie<u32>> = OnceLock::new();
    TRIE.get_or_init(|| build(filter))
}

#[divan::bench(sample_count = 2, sample_size = 1)]
fn build_a_million() -> Trie<u32> {
    build(filter)
}

#[divan::bench(sample_count = 2, sample_size = 1)]
fn build_a_million_in_pairs() -> Trie<u32> {
    build(pair)
}

fn matches(bencher: Bencher<'_, '_>, trie: &Trie<u32>, names: &[String]) {
    let mut next = 0;
    bencher.counter(ItemsCount::new(1_u8)).bench_local(|| {
        next = (next + 7919) % names.len();
        let mut found = 0;
        trie.for_each_match(TopicName::parse(&names[next]).unwrap(), |_| found += 1);
        black_box(found)
    });
}

#[divan::bench(sample_size = 1000)]
fn match_one_of_a_million_spread(bencher: Bencher<'_, '_>) {
    let names: Vec<_> = (0..100_000).map(|n| filter(n * 10).replace('+', "x")).collect();
    matches(bencher, million(), &names);
}

#[divan::bench]
fn match_one_of_a_million_the_same(bencher: Bencher<'_, '_>) {
    matches(bencher, million(), &[filter(4711).replace('+', "x")]);
}

#[divan::bench]
fn match_none_of_a_million(bencher: Bencher<'_, '_>) {
    matches(bencher, million(), &["some/other/topic/of/this/length".to_owned()]);
}

#[divan::bench]
fn match_ten_wildcards(bencher: Bencher<'_, '_>) {
    let mut trie = Trie::new();
    for text in ["#", "+/#", "a/#", "a/+/#", "a/b/#", "a/b/+", "a/+/c", "+/b/c", "+/+/+", "+/+/c"] {
        trie.get_or_insert_with(&TopicFilter::parse(text).unwrap(), || 0);
    }
    matches(bencher, &trie, &["a/b/c".to_owned()]);
}

#[divan::bench]
fn put_in_and_take_out_of_a_million(bencher: Bencher<'_, '_>) {
    let mut trie = build(filter);
    let filters: Vec<_> =
        (0..10_000).map(|n| TopicFilter::parse(&filter(MILLION + n)).unwrap()).collect();
    let mut next = 0;
    bencher.counter(ItemsCount::new(1_u8)).bench_local(|| {
        next = (next + 7919) % filters.len();
        trie.get_or_insert_with(&filters[next], || 1);
        trie.remove(filters[next].as_str())
    });
}
