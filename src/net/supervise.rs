//! Spawns tasks: the only caller of `tokio::spawn`, so that a task that panics is seen and counted.
//!
//! A connection that panics dies alone ([`spawn`]); a core task that panics takes the process with it ([`spawn_core`]), so
//! that systemd restarts it whole.

use std::{
    future::Future,
    pin::Pin,
    sync::atomic::{AtomicU64, Ordering},
    task::{Context, Poll},
};

use tokio::{runtime::Handle, task::JoinHandle};

/// Exit code of a process that ends because of a bug (`EX_SOFTWARE`).
pub const EXIT_BUG: i32 = 70;

static PANICS: AtomicU64 = AtomicU64::new(0);

/// Tasks of this process that panicked so far. Must stay 0.
#[must_use]
pub fn panics() -> u64 {
    PANICS.load(Ordering::Relaxed)
}

/// Counts and logs the panic that unwinds through it, and ends the process if the task is one without which the node makes no sense;
/// a few words beside the task, no second task.
struct Guard {
    name: &'static str,
    fatal: bool,
}

impl Drop for Guard {
    fn drop(&mut self) {
        if std::thread::panicking() {
            PANICS.fetch_add(1, Ordering::Relaxed);
            tracing::error!(task = self.name, "task panicked: a bug, please report");
            if self.fatal {
                std::process::exit(EXIT_BUG);
            }
        }
    }
}

/// A future and the guard that sees its panic.
struct Supervised<F> {
    future: F,
    guard: Guard,
}

impl<F: Future + Unpin> Future for Supervised<F> {
    type Output = F::Output;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let _ = &self.guard;
        Pin::new(&mut self.future).poll(cx)
    }
}

/// Spawns `future` on the current runtime. If it panics, it dies alone; the panic is logged and counted.
pub fn spawn<F>(name: &'static str, future: F) -> JoinHandle<F::Output>
where
    F: Future + Send + 'static,
    F::Output: Send + 'static,
{
    spawn_on(&Handle::current(), name, future)
}

/// [`spawn`] on another runtime.
pub fn spawn_on<F>(runtime: &Handle, name: &'static str, future: F) -> JoinHandle<F::Output>
where
    F: Future + Send + 'static,
    F::Output: Send + 'static,
{
    spawn_boxed(runtime, Guard { name, fatal: false }, Box::pin(future))
}

/// Spawns a future that is its own state machine: nothing is wrapped around it but the guard.
pub fn spawn_unpin<F>(name: &'static str, future: F) -> JoinHandle<F::Output>
where
    F: Future + Send + Unpin + 'static,
    F::Output: Send + 'static,
{
    Handle::current().spawn(Supervised { future, guard: Guard { name, fatal: false } })
}

/// Spawns a task without which the node makes no sense: if it panics, the process exits with [`EXIT_BUG`].
pub fn spawn_core<F>(name: &'static str, future: F) -> JoinHandle<F::Output>
where
    F: Future + Send + 'static,
    F::Output: Send + 'static,
{
    spawn_boxed(&Handle::current(), Guard { name, fatal: true }, Box::pin(future))
}

/// The runtime compiles 4 KB for each type of future, and there are a hundred of them: behind a pointer they are all of one type.
fn spawn_boxed<T: Send + 'static>(
    runtime: &Handle,
    guard: Guard,
    future: Pin<Box<dyn Future<Output = T> + Send>>,
) -> JoinHandle<T> {
    runtime.spawn(Supervised { future, guard })
}
