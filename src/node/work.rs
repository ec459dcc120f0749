//! How much may be done for one task before others get their turn.
//!
//! A few bytes of a client may cause much: a message to ten thousand subscribers or groups, one past a hundred thousand filters
//! that do not match, a search of retained messages that finds none. What is caused is counted, and who has caused enough of it
//! goes on when the others of its worker have had their turn. One message, or one packet, is never cut in two.

/// Work of a turn: about as many messages put into mailboxes, which take some milliseconds.
pub(super) const TURN: usize = 16_384;
/// Work of a message that is kept, or forgotten: the table is written, and other nodes are told.
pub(super) const RETAIN: usize = 16;
/// Topics of retained messages that are looked at in one search, under one lock: such a search is the work of a turn.
pub(super) const LOOK: usize = 512;
/// Work of a topic looked at.
pub(super) const LOOKED: usize = TURN / LOOK;
