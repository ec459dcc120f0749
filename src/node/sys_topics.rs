//! `$SYS/brokers/<node>/...`: what a node tells of itself over MQTT (EMQX `emqx_sys`).

use std::{sync::Arc, time::Duration};

use super::Node;
use crate::time::Wall;

/// Words for what this is.
pub(super) const SYSDESCR: &str = "emqx-rs, clustered MQTT broker";

/// How often what is published.
#[derive(Clone, Copy, Debug)]
pub struct Periods {
    /// Version, members, stats and metrics; `None` is never.
    pub interval: Option<Duration>,
    /// Uptime and time; `None` is never.
    pub heartbeat: Option<Duration>,
}

/// Publishes until the process ends.
pub async fn run(node: Arc<Node>, name: String, periods: Periods) {
    const NEVER: Duration = Duration::from_secs(365 * 24 * 3600);
    let mut interval = tokio::time::interval(periods.interval.unwrap_or(NEVER));
    let mut heartbeat = tokio::time::interval(periods.heartbeat.unwrap_or(NEVER));
    loop {
        tokio::select! {
            _ = interval.tick(), if periods.interval.is_some() => tell_state(&node, &name).await,
            _ = heartbeat.tick(), if periods.heartbeat.is_some() => tell_time(&node, &name),
            else => return,
        }
    }
}

async fn tell_state(node: &Node, name: &str) {
    let hub = node.hub();
    let say = |topic: &str, text: &str, retain| {
        hub.publish_system(&format!("$SYS/brokers/{name}/{topic}"), text.as_bytes(), retain);
    };
    if let Some(status) = node.mesh().status().await {
        let up: Vec<&str> = status.up().map(|member| member.name.as_str()).collect();
        hub.publish_system("$SYS/brokers", up.join(",").as_bytes(), true);
    }
    say("version", env!("CARGO_PKG_VERSION"), true);
    say("sysdescr", SYSDESCR, true);
    for (gauge, number) in node.gauges() {
        say(&format!("stats/{gauge}"), &number.to_string(), false);
    }
    for (metric, number) in hub.stats.metrics() {
        say(&format!("metrics/{}", metric.replace('.', "/")), &number.to_string(), false);
    }
}

fn tell_time(node: &Node, name: &str) {
    let hub = node.hub();
    let uptime = crate::ctl::render::uptime(hub.clock.now().as_ms());
    hub.publish_system(&format!("$SYS/brokers/{name}/uptime"), uptime.as_bytes(), false);
    let time = local_time(hub.clock.wall());
    hub.publish_system(&format!("$SYS/brokers/{name}/datetime"), time.as_bytes(), false);
}

/// `YYYY-MM-DD hh:mm:ss`, UTC.
#[must_use]
pub fn local_time(wall: Wall) -> String {
    let seconds = wall.as_ms() / 1000;
    let (days, rest) = (seconds / 86_400, seconds % 86_400);
    // Days since 0000-03-01 in eras of 400 years (the civil calendar counted from March, so that leap days come last).
    let shifted = days + 719_468;
    let era = shifted / 146_097;
    let day_of_era = shifted % 146_097;
    let year_of_era =
        (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = if month_from_march < 10 { month_from_march + 3 } else { month_from_march - 9 };
    let year = year_of_era + era * 400 + u64::from(month <= 2);
    let (hour, minute, second) = (rest / 3600, rest % 3600 / 60, rest % 60);
    format!("{year:04}-{month:02}-{day:02} {hour:02}:{minute:02}:{second:02}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_calendar_is_right() {
        for (ms, want) in [
            (0, "1970-01-01 00:00:00"),
            (951_782_399_000, "2000-02-28 23:59:59"),
            (951_782_400_000, "2000-02-29 00:00:00"),
            (1_795_531_262_000, "2026-11-24 14:41:02"),
        ] {
            assert_eq!(local_time(Wall::from_ms(ms)), want);
        }
    }
}
