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

mod capture;
mod cluster;
mod discovery;
mod flow;
mod journal;
mod lan;
mod loss;
mod membership;
mod partitions;
mod sessions;
#[path = "../it/support/mod.rs"]
#[expect(unused_imports, reason = "not all that the integration tests use is used here")]
mod support;
mod wire;

/// How often a case is repeated: `NETNS_TRIES`, else `tries`.
fn tries(tries: usize) -> usize {
    std::env::var("NETNS_TRIES").map_or(tries, |text| text.parse().unwrap())
}

/// Prints a measured series: median, 99th percentile, worst.
fn report(what: &str, times: &mut [std::time::Duration]) {
    times.sort();
    // The smallest that so many of a hundred do not exceed.
    let percentile = |percent: usize| times[(times.len() * percent).div_ceil(100).max(1) - 1];
    let (p50, p99, max) = (percentile(50), percentile(99), times[times.len() - 1]);
    println!("FIGURE {what}: p50 {p50:?}, p99 {p99:?}, max {max:?} of {}", times.len());
}
