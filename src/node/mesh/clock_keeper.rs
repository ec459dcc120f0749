//! Keeps the hybrid clock on disk, in a thread of its own, so that a slow disk does not hold up the mesh.
//!
//! The core asks long before a value is needed. Only when a value is to be said that the disk does not have yet (another node moved
//! the clock on by minutes) the mesh waits for it, and no longer than [`LIMIT`]: a disk that hangs is worse than a clock that may
//! go back if this process is killed just then and the calendar is wrong as well.

use std::{
    sync::{
        Arc, Condvar, Mutex,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use super::super::locks;

/// The mesh waits no longer for the disk.
const LIMIT: Duration = Duration::from_secs(1);

#[derive(Debug, Default)]
struct Wish {
    /// The value that is to be on disk.
    wanted: u64,
    /// A value is being written.
    writes: bool,
    /// Nobody waits for the write under way: it failed, or it takes too long.
    hopeless: bool,
    over: bool,
}

#[derive(Debug)]
struct Desk {
    wish: Mutex<Wish>,
    changed: Condvar,
    /// What the disk has.
    kept: AtomicU64,
}

impl Desk {
    /// Waits until `done`, or for [`LIMIT`]; whether it is.
    fn wait(&self, done: impl Fn(&Wish) -> bool) -> bool {
        let wish = locks::lock(&self.wish);
        let waits = |wish: &mut Wish| !done(wish);
        match self.changed.wait_timeout_while(wish, LIMIT, waits) {
            Ok((_, timeout)) => !timeout.timed_out(),
            Err(_) => std::process::abort(),
        }
    }

    /// The thread: writes the latest wish, one after the other.
    fn run(&self, save: impl Fn(u64) -> Result<(), String>) {
        let mut wish = locks::lock(&self.wish);
        loop {
            let idle =
                |wish: &mut Wish| !wish.over && wish.wanted <= self.kept.load(Ordering::Acquire);
            wish = match self.changed.wait_while(wish, idle) {
                Ok(wish) => wish,
                Err(_) => std::process::abort(),
            };
            if wish.over {
                return;
            }
            let value = wish.wanted;
            wish.writes = true;
            drop(wish);
            let saved = save(value);
            wish = locks::lock(&self.wish);
            wish.writes = false;
            wish.hopeless = saved.is_err();
            match saved {
                Ok(()) => {
                    self.kept.fetch_max(value, Ordering::AcqRel);
                }
                Err(error) => {
                    tracing::warn!(error, "clock is not kept");
                    // Tried again with the next value.
                    wish.wanted = if wish.wanted == value { 0 } else { wish.wanted };
                }
            }
            self.changed.notify_all();
        }
    }
}

/// The end of the mesh.
#[derive(Debug)]
pub(super) struct ClockKeeper(Arc<Desk>);

impl ClockKeeper {
    /// `kept` is on disk. `save` writes and returns when the disk has it.
    ///
    /// # Errors
    /// There is no thread.
    pub(super) fn start(
        kept: u64,
        save: impl Fn(u64) -> Result<(), String> + Send + 'static,
    ) -> std::io::Result<Self> {
        let kept = AtomicU64::new(kept);
        let desk = Arc::new(Desk { wish: Mutex::default(), changed: Condvar::new(), kept });
        let own = desk.clone();
        std::thread::Builder::new().name("clock".to_owned()).spawn(move || own.run(save))?;
        Ok(Self(desk))
    }

    /// This value is to be on disk soon.
    pub(super) fn keep(&self, value: u64) {
        let mut wish = locks::lock(&self.0.wish);
        wish.wanted = wish.wanted.max(value);
        self.0.changed.notify_all();
    }

    /// A value up to this one is about to be said: waits until the disk has as much.
    pub(super) fn cover(&self, value: u64) {
        if value <= self.0.kept.load(Ordering::Acquire) || locks::lock(&self.0.wish).hopeless {
            return;
        }
        let done = |wish: &Wish| wish.hopeless || self.0.kept.load(Ordering::Acquire) >= value;
        if !self.0.wait(done) {
            tracing::warn!("the disk does not take the value of the clock: goes on without it");
            locks::lock(&self.0.wish).hopeless = true;
        }
    }
}

impl Drop for ClockKeeper {
    /// Who comes next writes the same file.
    fn drop(&mut self) {
        locks::lock(&self.0.wish).over = true;
        self.0.changed.notify_all();
        self.0.wait(|wish| !wish.writes);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use super::*;
    use crate::net::clock::Clock;

    /// A disk that takes a value when it is let.
    fn slow_disk(
        kept: u64,
    ) -> (ClockKeeper, mpsc::SyncSender<Result<(), String>>, mpsc::Receiver<u64>) {
        let (answer, answers) = mpsc::sync_channel(8);
        let (tell, told) = mpsc::sync_channel(8);
        let keeper = ClockKeeper::start(kept, move |value| {
            tell.send(value).map_err(|error| error.to_string())?;
            answers.recv().unwrap_or(Ok(()))
        });
        (keeper.unwrap(), answer, told)
    }

    #[test]
    fn what_is_kept_in_time_holds_nobody_up() {
        let (keeper, answer, told) = slow_disk(100);
        let clock = Clock::system();
        let begin = clock.now();
        keeper.keep(200);
        assert_eq!(told.recv().unwrap(), 200);
        keeper.cover(100);
        keeper.keep(300);
        keeper.keep(400);
        assert!(clock.now().since(begin) < LIMIT / 2, "the disk has not answered");
        answer.send(Ok(())).unwrap();
        keeper.cover(200);
        assert_eq!(told.recv().unwrap(), 400, "of several the last is written");
        answer.send(Ok(())).unwrap();
        keeper.cover(400);
        assert!(clock.now().since(begin) < LIMIT / 2);
    }

    #[test]
    fn a_disk_that_hangs_is_waited_for_once() {
        let (keeper, answer, told) = slow_disk(0);
        keeper.keep(200);
        assert_eq!(told.recv().unwrap(), 200);
        let clock = Clock::system();
        let begin = clock.now();
        keeper.cover(150);
        assert!(clock.now().since(begin) >= LIMIT, "it is not on disk");
        let again = clock.now();
        keeper.cover(160);
        assert!(clock.now().since(again) < LIMIT / 2);
        keeper.keep(300);
        answer.send(Ok(())).unwrap();
        assert_eq!(told.recv().unwrap(), 300, "it goes on when it can");
        answer.send(Err("no room".to_owned())).unwrap();
        keeper.cover(300);
        assert!(clock.now().since(again) < LIMIT / 2);
        keeper.keep(301);
        assert_eq!(told.recv().unwrap(), 301, "what failed is tried again");
        answer.send(Ok(())).unwrap();
    }
}
