//! Takes locks. A poisoned one means that a panic left shared state half changed: a bug that ends the process.

use std::sync::{Condvar, Mutex, MutexGuard, RwLock, RwLockReadGuard, RwLockWriteGuard};
use std::time::Duration;

use crate::net::supervise::EXIT_BUG;

fn poisoned() -> ! {
    tracing::error!("a lock is poisoned: a bug, please report; the process ends");
    std::process::exit(EXIT_BUG)
}

/// Takes a lock.
#[inline]
pub(super) fn lock<T>(lock: &Mutex<T>) -> MutexGuard<'_, T> {
    lock.lock().unwrap_or_else(|_| poisoned())
}

/// Takes a lock for reading.
#[inline]
pub(super) fn read<T>(lock: &RwLock<T>) -> RwLockReadGuard<'_, T> {
    lock.read().unwrap_or_else(|_| poisoned())
}

/// Takes a lock for writing.
#[inline]
pub(super) fn write<T>(lock: &RwLock<T>) -> RwLockWriteGuard<'_, T> {
    lock.write().unwrap_or_else(|_| poisoned())
}

/// Waits for a bell, at most `limit`; whether that passed.
pub(super) fn wait<'l, T>(
    bell: &Condvar,
    guard: MutexGuard<'l, T>,
    limit: Duration,
) -> (MutexGuard<'l, T>, bool) {
    let woken = bell.wait_timeout(guard, limit);
    let (guard, timeout) = woken.unwrap_or_else(|_| poisoned());
    (guard, timeout.timed_out())
}
