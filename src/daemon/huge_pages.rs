//! Huge pages, while the process is large.
//!
//! The allocator asks the kernel for them. A node that has just started touches a few places of each thread's heap, and each place would be
//! resident with 2 MiB: 18 MiB of a process that needs 9. A node that matches 100,000 filters spends a fifth less time with them. So there
//! are none until the process has grown, and none again once it is small: what is given back of a huge page would stay with the rest of
//! it. The flag is the process's own and does not outlive it.

use std::time::Duration;

use nix::sys::prctl;

use crate::{net::supervise, node::memory::resident};

/// Anonymous memory from which on huge pages are worth their size, in bytes. Above what Argon2 needs for a moment at the start.
const LARGE: u64 = 24 << 20;
/// Below which they are not any more: not much less, as what a process of huge pages has left takes more than it would without.
const SMALL: u64 = 22 << 20;
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// Whether there are none because of [`hold`], and not because the operator or the system wants none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Held(bool);

/// Turns them off. Called before the process allocates much.
pub(super) fn hold() -> Held {
    Held(prctl::get_thp_disable() == Ok(false) && prctl::set_thp_disable(true).is_ok())
}

/// Turns them on when the process is large, and off when it is small again.
pub(super) fn follow_size(held: Held) {
    if held == Held(true) {
        supervise::spawn("huge pages", watch());
    }
}

async fn watch() {
    let mut tick = tokio::time::interval(LOOK_EVERY);
    let mut wanted = false;
    loop {
        tick.tick().await;
        // Without a readable /proc there is nothing to decide by.
        let Some(resident) = resident() else { return };
        let now = resident >= if wanted { SMALL } else { LARGE };
        if now != wanted {
            wanted = now;
            if let Err(error) = prctl::set_thp_disable(!wanted) {
                tracing::debug!(%error, "huge pages stay as they are");
                return;
            }
        }
    }
}
