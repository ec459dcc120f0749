//! The emqx-rs daemon.
fn main() {}
