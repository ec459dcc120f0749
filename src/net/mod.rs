//! Moves bytes and knows no meaning: sockets, the clock, supervised tasks.

pub mod bundle;
pub mod clock;
pub mod interfaces;
pub mod multicast;
pub mod supervise;
pub mod sys;
