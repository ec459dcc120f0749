//! Huge pages, while the process is large and does not grow.
//!
//! The allocator asks the kernel for them. A node that has just started touches a few places of each thread's heap, and each place would be
//! resident with 2 MiB: 18 MiB of a process that needs 9. A node that matches 100,000 filters spends a fifth less time with them. So there
//! are none until the process has grown, and none again once it is small: what is given back of a huge page would stay with the rest of
//! it. There are none while it grows fast either: the thread that touches one first waits until 2 MiB are found and zeroed, and with it
//! every client it serves (10 ms on a virtual machine whose host has to find them too). What is there when it has grown the kernel puts
//! together beside it. The flag is the process's own and does not outlive it.

use std::time::Duration;

use nix::sys::prctl;

use crate::{net::supervise, node::memory::resident};

/// Anonymous memory from which on huge pages are worth their size, in bytes. Above what Argon2 needs for a moment at the start.
const LARGE: u64 = 24 << 20;
/// Below which they are not any more: not much less, as what a process of huge pages has left takes more than it would without.
const SMALL: u64 = 22 << 20;
/// Bytes in one look by which a process grows fast.
const FAST: u64 = 8 << 20;
/// Looks without such growth before there are some.
const CALM: u32 = 5;
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// Whether there are none because of [`hold`], and not because the operator or the system wants none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Held(bool);

/// Turns them off. Called before the process allocates much.
pub(super) fn hold() -> Held {
    Held(prctl::get_thp_disable() == Ok(false) && prctl::set_thp_disable(true).is_ok())
}

/// Turns them on when the process is large and grows no more, and off when it does or is small again.
pub(super) fn follow_size(held: Held) {
    if held == Held(true) {
        supervise::spawn("huge pages", watch());
    }
}

/// What was seen of the process.
#[derive(Debug, Default)]
struct Size {
    resident: u64,
    calm: u32,
    wanted: bool,
}

impl Size {
    /// Whether there are to be huge pages, now that the process has so many bytes.
    fn look(&mut self, resident: u64) -> bool {
        let grows = resident.saturating_sub(self.resident) >= FAST;
        self.calm = if grows { 0 } else { self.calm.saturating_add(1) };
        self.resident = resident;
        self.wanted = if self.wanted {
            resident >= SMALL && !grows
        } else {
            resident >= LARGE && self.calm >= CALM
        };
        self.wanted
    }
}

async fn watch() {
    let mut tick = tokio::time::interval(LOOK_EVERY);
    let mut size = Size::default();
    loop {
        tick.tick().await;
        // Without a readable /proc there is nothing to decide by.
        let Some(resident) = resident() else { return };
        let before = size.wanted;
        let wanted = size.look(resident);
        if wanted != before
            && let Err(error) = prctl::set_thp_disable(!wanted)
        {
            tracing::debug!(%error, "huge pages stay as they are");
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_large_process_has_them_while_it_does_not_grow() {
        const MIB: u64 = 1 << 20;
        let mut size = Size::default();
        let mut looks =
            |all: &[u64]| all.iter().map(|mib| size.look(mib * MIB)).collect::<Vec<_>>();
        assert_eq!(looks(&[9; 8]), [false; 8], "small");
        assert_eq!(looks(&[40, 80, 160, 161, 162, 163, 164]), [false; 7], "it grew a moment ago");
        assert_eq!(looks(&[165, 170, 100, 23]), [true; 4]);
        assert_eq!(looks(&[40, 48, 55, 56, 56, 56]), [false; 6], "it grows again");
        assert_eq!(looks(&[56, 56, 21, 23]), [true, true, false, false], "small again");
    }
}
