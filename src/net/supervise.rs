//! Spawns tasks: the only caller of `tokio::spawn`, so that a task that panics is seen and counted.
//!
//! A connection that panics dies alone ([`spawn`]); a core task or thread that panics takes the process with it ([`spawn_core`],
//! [`spawn_core_thread`]), so that systemd restarts it whole.

use std::{
    future::Future,
    io,
    pin::Pin,
    sync::atomic::{AtomicU64, Ordering},
    task::{Context, Poll},
    thread,
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
        if thread::panicking() {
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

/// Starts a thread of this name without which the node makes no sense: if it panics, the process exits with [`EXIT_BUG`].
///
/// # Errors
/// The kernel starts no more threads.
pub fn spawn_core_thread(
    name: &'static str,
    run: impl FnOnce() + Send + 'static,
) -> io::Result<thread::JoinHandle<()>> {
    let guarded = move || {
        let _guard = Guard { name, fatal: true };
        run();
    };
    thread::Builder::new().name(name.to_owned()).spawn(guarded)
}

/// The runtime compiles 4 KB for each type of future, and there are a hundred of them: behind a pointer they are all of one type.
fn spawn_boxed<T: Send + 'static>(
    runtime: &Handle,
    guard: Guard,
    future: Pin<Box<dyn Future<Output = T> + Send>>,
) -> JoinHandle<T> {
    runtime.spawn(Supervised { future, guard })
}

#[cfg(test)]
mod tests {
    use std::process::{Command, Stdio};

    use super::*;

    /// Set in the process that is to end.
    const CHILD: &str = "EMQX_RS_TEST_OF_A_PANIC";

    #[test]
    fn a_core_thread_that_panics_takes_the_process_with_it() {
        if std::env::var_os(CHILD).is_some() {
            let _ = spawn_core_thread("core", || panic!("planted")).unwrap().join();
            return;
        }
        let (_, here) = module_path!().split_once("::").unwrap();
        let name = format!("{here}::a_core_thread_that_panics_takes_the_process_with_it");
        let mut child = Command::new(std::env::current_exe().unwrap());
        child.args(["--exact", &name]).env(CHILD, "1");
        let end = child.stdout(Stdio::null()).stderr(Stdio::null()).status().unwrap();
        assert_eq!(end.code(), Some(EXIT_BUG));
    }
}
