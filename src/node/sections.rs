//! Waits until everybody who looked into a table before has acted on what was seen.
//!
//! A publish looks up who wants a message and then pushes it; no lock is held between the two. Whoever takes a subscriber away
//! must know that nobody still pushes to it on the strength of an earlier look, however long the kernel let that thread sleep.
//! Publishes are counted in one of two parities; to wait is to turn the parity and see the other one empty, twice (sleepable
//! RCU): a publish that read the parity just before it was turned is seen by the second turn.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::SeqCst},
    },
    time::Duration,
};

use tokio::sync::Semaphore;

/// Counters apart from each other, so that threads do not share a cache line.
const SHARDS: usize = 16;
/// Looks before the wait gets slower.
const QUICK: u32 = 50;

#[derive(Debug, Default)]
#[repr(align(128))]
struct Shard {
    inside: [AtomicUsize; 2],
}

/// Who is between a look and the push that follows.
#[derive(Debug)]
pub struct Sections {
    parity: AtomicUsize,
    shards: [Shard; SHARDS],
    /// One at a time turns the parity.
    turning: Semaphore,
}

impl Default for Sections {
    fn default() -> Self {
        Self { parity: AtomicUsize::new(0), shards: Default::default(), turning: Semaphore::new(1) }
    }
}

/// A publish on its way from look to push.
#[derive(Debug)]
pub(super) struct Inside<'a>(Option<&'a AtomicUsize>);

impl Drop for Inside<'_> {
    fn drop(&mut self) {
        if let Some(count) = self.0 {
            count.fetch_sub(1, SeqCst);
        }
    }
}

impl Sections {
    /// From here until the guard is dropped what was looked up is acted on.
    pub(super) fn enter(&self) -> Inside<'_> {
        thread_local! {
            static SHARD: usize = {
                static NEXT: AtomicUsize = AtomicUsize::new(0);
                NEXT.fetch_add(1, SeqCst) % SHARDS
            };
        }
        let shard = SHARD.with(|shard| self.shards.get(*shard));
        let count = shard.and_then(|shard| shard.inside.get(self.parity.load(SeqCst) % 2));
        if let Some(count) = count {
            count.fetch_add(1, SeqCst);
        }
        Inside(count)
    }

    fn is_empty(&self, parity: usize) -> bool {
        let inside = self.shards.iter().filter_map(|shard| shard.inside.get(parity % 2));
        inside.map(|count| count.load(SeqCst)).sum::<usize>() == 0
    }

    /// Returns when everybody who was inside at the call has left.
    pub(super) async fn passed(self: &Arc<Self>) {
        let _turn = self.turning.acquire().await;
        for _ in 0..2 {
            let before = self.parity.fetch_add(1, SeqCst);
            let mut looks = 0;
            while !self.is_empty(before) {
                looks += 1;
                if looks < QUICK {
                    tokio::task::yield_now().await;
                } else {
                    tokio::time::sleep(Duration::from_millis(1)).await;
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicBool;

    use super::*;

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn waits_for_those_before_and_not_for_those_after() {
        let sections = Arc::new(Sections::default());
        sections.passed().await;
        let inside = sections.enter();
        let done = Arc::new(AtomicBool::new(false));
        let wait = {
            let (sections, done) = (sections.clone(), done.clone());
            crate::net::supervise::spawn("wait under test", async move {
                sections.passed().await;
                done.store(true, SeqCst);
            })
        };
        while sections.parity.load(SeqCst) < 3 {
            tokio::task::yield_now().await;
        }
        let later = sections.enter();
        assert!(!done.load(SeqCst));
        drop(inside);
        // One that came after the first turn is waited for at most once more.
        drop(later);
        wait.await.unwrap();
        assert!(done.load(SeqCst) && sections.is_empty(0) && sections.is_empty(1));
    }

    /// What is unhooked and then waited for is never touched again.
    #[test]
    fn nobody_acts_on_an_old_look() {
        let sections = Arc::new(Sections::default());
        // The slot that publishers look up, and whether it is still in use.
        let slots: Arc<Vec<AtomicBool>> =
            Arc::new((0..2_000).map(|_| AtomicBool::new(true)).collect());
        let current = Arc::new(AtomicUsize::new(0));
        let stop = Arc::new(AtomicBool::new(false));
        let readers: Vec<_> = (0..4)
            .map(|_| {
                let (sections, slots) = (sections.clone(), slots.clone());
                let (current, stop) = (current.clone(), stop.clone());
                std::thread::spawn(move || {
                    while !stop.load(SeqCst) {
                        let _inside = sections.enter();
                        let seen = current.load(SeqCst);
                        std::thread::yield_now();
                        assert!(slots[seen].load(SeqCst), "slot {seen} is gone");
                    }
                })
            })
            .collect();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
        runtime.block_on(async {
            for next in 1..2_000 {
                current.store(next, SeqCst);
                sections.passed().await;
                slots[next - 1].store(false, SeqCst);
            }
        });
        stop.store(true, SeqCst);
        readers.into_iter().for_each(|reader| reader.join().unwrap());
    }
}
