//! What systemd is told. Without `NOTIFY_SOCKET` every call does nothing.

use std::time::Duration;

use nix::time::{ClockId, clock_gettime};
use sd_notify::NotifyState;

/// We serve.
pub(super) fn ready(status: &str) {
    tell(&[NotifyState::Ready, NotifyState::Status(status)]);
}

/// We read the configuration again; [`ready`] ends it. The time goes in the same message, or systemd 253 refuses it.
pub(super) fn reloading() {
    // sd-notify's own reading of this clock overflows where time_t has 32 bits.
    let usec = clock_gettime(ClockId::CLOCK_MONOTONIC)
        .map_or(0, |at| i128::from(at.tv_sec()) * 1_000_000 + i128::from(at.tv_nsec()) / 1000);
    tell(&[NotifyState::Reloading, NotifyState::MonotonicUsec(usec)]);
}

/// We end, and need up to `time` for it.
pub(super) fn stopping(time: Duration) {
    let usec = u32::try_from(time.as_micros()).unwrap_or(u32::MAX);
    tell(&[
        NotifyState::Stopping,
        NotifyState::Status("draining connections"),
        NotifyState::ExtendTimeoutUsec(usec),
    ]);
}

/// We are alive.
pub(super) fn alive() {
    tell(&[NotifyState::Watchdog]);
}

/// How often [`alive`] is to be called: a third of what systemd waits for. `None` when it does not watch.
#[must_use]
pub(super) fn watchdog_period() -> Option<Duration> {
    sd_notify::watchdog_enabled().map(|period| period / 3)
}

fn tell(state: &[NotifyState<'_>]) {
    // An abstract socket (`@name`) ends here too: sd-notify cannot reach one.
    if let Err(error) = sd_notify::notify(state) {
        tracing::debug!(%error, "systemd not told");
    }
}
