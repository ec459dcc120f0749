//! What systemd is told. Without `NOTIFY_SOCKET` every call does nothing.
//!
//! While the node serves, a task keeps the line of `systemctl status` current and gives a sign of life as long as listeners, router and mesh
//! answer ([`Node::health`]).

use std::{sync::Arc, time::Duration};

use nix::time::{ClockId, clock_gettime};
use sd_notify::NotifyState;

use crate::{
    cluster::{ClusterStatus, MemberStatus},
    net::{clock::Clock, supervise},
    node::{Node, listener::Listening},
};

/// A change of the status line is told this soon.
const LOOK_EVERY: Duration = Duration::from_secs(2);
/// Every part of the node must answer within this time for a sign of life to be sent, or sooner where systemd waits less long.
const HEALTHY: Duration = Duration::from_secs(10);
/// Given to a start besides the waits that are set.
const START: Duration = Duration::from_secs(60);

/// We start, and wait up to `wait` for other nodes.
pub(super) fn starting(wait: Duration) {
    tell(&[NotifyState::Status("starting"), more_time(START.saturating_add(wait))]);
}

/// We serve.
pub(super) fn ready() {
    tell(&[NotifyState::Ready]);
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
    tell(&[NotifyState::Stopping, NotifyState::Status("draining connections"), more_time(time)]);
}

/// Time for what is going on, from now on. Systemd keeps a limit of its own that is later.
fn more_time(time: Duration) -> NotifyState<'static> {
    NotifyState::ExtendTimeoutUsec(u32::try_from(time.as_micros()).unwrap_or(u32::MAX))
}

/// Says that `node` serves, and how it is, as long as the result lives.
pub(super) fn serve(node: Arc<Node>, name: String) -> Serving {
    if std::env::var_os("NOTIFY_SOCKET").is_none() {
        return Serving(None);
    }
    ready();
    let clock = node.hub().clock;
    let watch = Watch { watchdog: watchdog_period(), node, name, clock, line: String::new() };
    Serving(Some(supervise::spawn_core("systemd", watch.run())))
}

/// Systemd is told of the node while this lives.
pub(super) struct Serving(Option<tokio::task::JoinHandle<()>>);

impl Drop for Serving {
    fn drop(&mut self) {
        if let Some(task) = &self.0 {
            task.abort();
        }
    }
}

struct Watch {
    node: Arc<Node>,
    name: String,
    clock: Clock,
    /// Between two signs of life; `None` when systemd waits for none.
    watchdog: Option<Duration>,
    /// What was told last.
    line: String,
}

impl Watch {
    async fn run(mut self) {
        let every = self.watchdog.map_or(LOOK_EVERY, |period| period.min(LOOK_EVERY));
        let mut tick = tokio::time::interval(every.max(Duration::from_millis(10)));
        tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        let mut due = self.clock.now();
        loop {
            tick.tick().await;
            match self.watchdog {
                Some(period) if due <= self.clock.now() => {
                    due = self.clock.now() + period;
                    match self.node.health(patience(period)).await {
                        Ok(cluster) => {
                            tell(&[NotifyState::Watchdog]);
                            self.tell_line(Some(&cluster));
                        }
                        Err(error) => {
                            tracing::error!(name: "no-progress", "{error}, no sign of life sent")
                        }
                    }
                }
                _ => {
                    let cluster = tokio::time::timeout(HEALTHY, self.node.mesh().status()).await;
                    self.tell_line(cluster.unwrap_or_default().as_ref());
                }
            }
        }
    }

    fn tell_line(&mut self, cluster: Option<&ClusterStatus>) {
        let open = |listener: &Arc<Listening>| listener.connections();
        let clients = self.node.listeners().iter().map(open).sum();
        let line = line(&self.name, cluster, clients);
        if line != self.line {
            tell(&[NotifyState::Status(&line)]);
            self.line = line;
        }
    }
}

/// The line of `systemctl status`.
fn line(node: &str, cluster: Option<&ClusterStatus>, clients: usize) -> String {
    let clients = if clients == 1 { "1 client".to_owned() } else { format!("{clients} clients") };
    let Some(cluster) = cluster else { return format!("{node}: {clients}, mesh does not answer") };
    let gone = [MemberStatus::Left, MemberStatus::Removed, MemberStatus::Banned];
    let all = cluster.members.iter().filter(|member| !gone.contains(&member.status)).count();
    let (up, name) = (cluster.up().count(), &cluster.cluster);
    let alone = match &cluster.refused {
        Some(why) => format!(", mesh closed: {why}"),
        None => String::new(),
    };
    format!("{node}: {clients}, {up} of {all} nodes up in cluster {name}{alone}")
}

/// How long an answer may take, with a sign of life due every `period`: so that the last of three such spans is left for it.
fn patience(period: Duration) -> Duration {
    HEALTHY.min(period)
}

/// How often a sign of life is due: a third of what systemd waits for. `None` when it does not watch.
fn watchdog_period() -> Option<Duration> {
    sd_notify::watchdog_enabled().map(|period| period / 3)
}

fn tell(state: &[NotifyState<'_>]) {
    // An abstract socket (`@name`) ends here too: sd-notify cannot reach one.
    if let Err(error) = sd_notify::notify(state) {
        tracing::debug!(%error, "systemd not told");
    }
}
