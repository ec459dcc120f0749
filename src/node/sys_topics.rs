//! `$SYS/brokers/<node>/...`: what a node tells of itself over MQTT (EMQX `emqx_sys`), to the clients of every node; and
//! `$SYS/broker/...`, the names of Mosquitto, which each node has for its own clients.

use std::{sync::Arc, time::Duration};

use jiff::{Timestamp, tz::TimeZone};

use super::Node;
use crate::{
    broker::stats::{Gauge, Metric, Stats},
    mqtt::QoS,
    time::{Time, Wall},
};

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
    let mut loads = Loads::default();
    loop {
        tokio::select! {
            _ = interval.tick(), if periods.interval.is_some() => {
                tell_state(&node, &name).await;
                tell_as_mosquitto(&node, &mut loads);
            }
            _ = heartbeat.tick(), if periods.heartbeat.is_some() => tell_time(&node, &name),
            else => return,
        }
    }
}

async fn tell_state(node: &Node, name: &str) {
    let hub = node.hub();
    let tell = |topic: &str, text: &str, retain| {
        hub.publish_system(topic, text.as_bytes(), QoS::AtMostOnce, retain);
    };
    let say = |topic: &str, text: &str, retain| {
        tell(&format!("$SYS/brokers/{name}/{topic}"), text, retain);
    };
    if let Some(status) = node.mesh().status().await {
        let up: Vec<&str> = status.up().map(|member| member.name.as_str()).collect();
        tell("$SYS/brokers", &up.join(","), true);
    }
    say("version", env!("CARGO_PKG_VERSION"), true);
    say("sysdescr", SYSDESCR, true);
    for (gauge, number) in node.gauges() {
        say(&format!("stats/{gauge}"), &number.to_string(), false);
    }
    for (metric, number) in hub.metrics() {
        say(&format!("metrics/{}", metric.replace('.', "/")), &number.to_string(), false);
    }
}

fn tell_time(node: &Node, name: &str) {
    let hub = node.hub();
    let say = |topic: &str, text: &str| {
        let topic = format!("$SYS/brokers/{name}/{topic}");
        hub.publish_system(&topic, text.as_bytes(), QoS::AtMostOnce, false);
    };
    say("uptime", &crate::ctl::render::uptime(hub.clock.now().as_ms()));
    say("datetime", &local_time(hub.clock.wall()));
}

/// `$SYS/broker/...` (mosquitto(8), "Broker status"). Every node has these names, so they do not leave it.
fn tell_as_mosquitto(node: &Node, loads: &mut Loads) {
    let hub = node.hub();
    hub.refresh_gauges();
    let say = |topic: &str, text: String| {
        hub.publish_own(&format!("$SYS/broker/{topic}"), text.as_bytes());
    };
    let now = hub.clock.now();
    say("version", format!("emqx-rs version {}", env!("CARGO_PKG_VERSION")));
    say("uptime", format!("{} seconds", now.as_ms() / 1000));
    for (topic, number) in numbers(&hub.stats) {
        say(topic, number.to_string());
    }
    for (topic, load) in loads.turn(now, &hub.stats) {
        say(&topic, format!("{load:.2}"));
    }
}

fn numbers(stats: &Stats) -> [(&'static str, u64); 21] {
    let level = |gauge| stats.level(gauge);
    let sum = |metric| stats.sum(metric);
    let (all, connected) = (level(Gauge::Sessions), level(Gauge::Connections));
    let away = all.saturating_sub(connected);
    let most = stats.gauges().find(|(gauge, ..)| *gauge == Gauge::Connections);
    let dropped = sum(Metric::MessagesDropped) + sum(Metric::DeliveryDropped);
    [
        ("clients/total", all),
        ("clients/connected", connected),
        ("clients/active", connected),
        ("clients/disconnected", away),
        ("clients/inactive", away),
        ("clients/maximum", most.map_or(0, |(_, _, most)| most)),
        ("messages/received", sum(Metric::PacketsReceived)),
        ("messages/sent", sum(Metric::PacketsSent)),
        ("publish/messages/received", sum(Metric::MessagesReceived)),
        ("publish/messages/sent", sum(Metric::MessagesSent)),
        ("publish/messages/dropped", dropped),
        ("messages/publish/received", sum(Metric::MessagesReceived)),
        ("messages/publish/sent", sum(Metric::MessagesSent)),
        ("messages/publish/dropped", dropped),
        ("bytes/received", sum(Metric::BytesReceived)),
        ("bytes/sent", sum(Metric::BytesSent)),
        ("subscriptions/count", level(Gauge::Subscriptions)),
        ("shared_subscriptions/count", level(Gauge::SubscriptionsShared)),
        ("retained messages/count", level(Gauge::Retained)),
        ("messages/stored", level(Gauge::Retained)),
        ("store/messages/count", level(Gauge::Retained)),
    ]
}

/// Moving averages of counters over 1, 5 and 15 minutes, in so much a minute.
#[derive(Debug, Default)]
struct Loads {
    at: Option<Time>,
    rows: [(u64, [f64; 3]); LOADS.len()],
}

const LOADS: [(&str, Metric); 7] = [
    ("messages/received", Metric::PacketsReceived),
    ("messages/sent", Metric::PacketsSent),
    ("publish/received", Metric::MessagesReceived),
    ("publish/sent", Metric::MessagesSent),
    ("bytes/received", Metric::BytesReceived),
    ("bytes/sent", Metric::BytesSent),
    ("connections", Metric::ClientConnected),
];
const MINUTES: [u32; 3] = [1, 5, 15];

impl Loads {
    /// Takes in what was counted since the last turn; the first one only begins.
    fn turn(&mut self, now: Time, stats: &Stats) -> Vec<(String, f64)> {
        let minutes = self.at.replace(now).map(|at| now.since(at).as_secs_f64() / 60.0);
        let mut loads = Vec::with_capacity(LOADS.len() * MINUTES.len());
        for ((name, metric), (before, averages)) in LOADS.iter().zip(&mut self.rows) {
            let sum = stats.sum(*metric);
            let more = sum.wrapping_sub(std::mem::replace(before, sum));
            for (span, average) in MINUTES.iter().zip(averages) {
                if let Some(minutes) = minutes.filter(|minutes| *minutes > 0.0) {
                    let kept = (-minutes / f64::from(*span)).exp();
                    let rate = u32::try_from(more).map_or(f64::from(u32::MAX), f64::from) / minutes;
                    *average = rate + kept * (*average - rate);
                }
                loads.push((format!("load/{name}/{span}min"), *average));
            }
        }
        loads
    }
}

/// `YYYY-MM-DD hh:mm:ss` in the time zone of this host.
#[must_use]
pub fn local_time(wall: Wall) -> String {
    time_in(wall, TimeZone::system())
}

fn time_in(wall: Wall, zone: TimeZone) -> String {
    let ms = i64::try_from(wall.as_ms()).unwrap_or(i64::MAX);
    let at = Timestamp::from_millisecond(ms).unwrap_or(Timestamp::MAX);
    at.to_zoned_datetime(zone).strftime("%Y-%m-%d %H:%M:%S").to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_time_is_that_of_the_zone() {
        for (ms, utc, berlin) in [
            (0, "1970-01-01 00:00:00", "1970-01-01 01:00:00"),
            (951_782_399_000, "2000-02-28 23:59:59", "2000-02-29 00:59:59"),
            (1_795_531_262_000, "2026-11-24 14:41:02", "2026-11-24 15:41:02"),
            (1_782_864_000_000, "2026-07-01 00:00:00", "2026-07-01 02:00:00"),
        ] {
            let zone = TimeZone::posix("CET-1CEST,M3.5.0,M10.5.0/3").unwrap();
            assert_eq!(time_in(Wall::from_ms(ms), TimeZone::UTC), utc);
            assert_eq!(time_in(Wall::from_ms(ms), zone), berlin);
        }
    }

    #[test]
    fn loads_go_towards_the_rate() {
        let (stats, mut loads) = (Stats::new(1), Loads::default());
        stats.add(Metric::MessagesReceived, 1_000_000);
        let load = |loads: &mut Loads, at| {
            let all = loads.turn(Time::from_ms(at), &stats);
            all.into_iter().find(|(name, _)| name == "load/publish/received/1min").unwrap().1
        };
        assert!(load(&mut loads, 1000).abs() < 1e-9, "what was before does not count");
        for minute in 1..=20 {
            stats.add(Metric::MessagesReceived, 60);
            let now = load(&mut loads, 1000 + minute * 60_000);
            assert!(now > 0.0 && now < 60.1, "{now}");
        }
        assert!((load(&mut loads, 1000 + 21 * 60_000) - 60.0 * (-1.0_f64).exp()).abs() < 0.1);
    }
}
