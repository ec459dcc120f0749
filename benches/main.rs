//! Micro benches, one module per question. `cargo bench`, or `cargo bench -- trie` for those with "trie" in the name.

#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing)]

mod codec;
mod routes;
mod trie;

/// Counts, so that a bench that should not allocate shows it, and the trie its size.
#[global_allocator]
static ALLOCATOR: divan::AllocProfiler = divan::AllocProfiler::system();

fn main() {
    divan::main();
}
