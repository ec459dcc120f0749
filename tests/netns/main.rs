//! Clusters of real daemons in network namespaces, with cables that are really cut. Needs root, iproute2 and nftables.
//! README.md has the figures. One test at a time (`--test-threads=1`): they measure time.
#![allow(
    dead_code,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::cast_possible_truncation,
    clippy::disallowed_methods,
    clippy::print_stdout,
    clippy::wildcard_enum_match_arm,
    unreachable_pub
)]

mod cluster;
mod discovery;
mod flow;
mod lan;
mod loss;
mod membership;
mod partitions;
mod sessions;
#[path = "../it/support/mod.rs"]
#[expect(unused_imports, reason = "not all that the integration tests use is used here")]
mod support;

/// How often a case is repeated: `NETNS_TRIES`, else `tries`.
fn tries(tries: usize) -> usize {
    std::env::var("NETNS_TRIES").map_or(tries, |text| text.parse().unwrap())
}

/// Prints a measured series, in milliseconds.
fn report(what: &str, times: &mut [std::time::Duration]) {
    times.sort();
    let (median, last) = (times[times.len() / 2], times[times.len() - 1]);
    println!("FIGURE {what}: median {median:?}, worst {last:?} of {}", times.len());
}
