//! Topic names, topic filters, shared subscriptions and the trie that finds the filters matching a name.
//!
//! Text becomes one of these types once, at the border; whoever holds a [`TopicName`] or [`TopicFilter`] need not check it again.
//! Nothing here knows packets, clients or nodes.

pub mod filter;
pub mod hashing;
pub mod name;
mod pool;
pub mod share;
pub mod trie;

pub use filter::{BadFilter, TopicFilter};
pub use hashing::Hashing;
pub use name::{BadTopic, TopicName};
pub use trie::Trie;

/// The longest topic name or filter, in bytes (v5 4.7.3, v3.1.1 4.7.3): the length field has two bytes.
pub const MAX_BYTES: usize = 65_535;

/// Cuts the first level off `text`: the level, and what follows its separator (`None` when it was the last one).
#[inline]
pub(crate) fn split_level(text: &str) -> (&str, Option<&str>) {
    match text.bytes().position(|byte| byte == b'/') {
        // The separator is one ASCII byte, so both cuts are on character boundaries.
        Some(at) => (text.get(..at).unwrap_or_default(), text.get(at + 1..)),
        None => (text, None),
    }
}
