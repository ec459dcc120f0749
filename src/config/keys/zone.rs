//! `zone.$name.*`: limits and features of the listeners that name this zone. What a zone does not set is as in `mqtt.*` and
//! the top-level keys.

use std::time;

use super::Key;
use super::Kind::{Duration, Flag, Integer, Text, Words};
use crate::broker::settings::TcpKeepalive;
use crate::config::draft::{anonymous, nomatch_allows, qos, response_information};
use crate::config::values::{
    Expected, Parsed, bytes, duration, duration_or_off, flag, float, integer, list, packet_size,
    pair, rate, size,
};

pub(super) const KEYS: &[Key] = &[
    Key::set("zone.$name.idle_timeout", "15s", "Time for CONNECT to arrive.", |d, p, t| {
        d.zone(p).idle_timeout = duration(t)?;
        Ok(())
    }),
    Key::set("zone.$name.allow_anonymous", "", "As allow_anonymous, for this zone.", |d, p, t| {
        d.policy(p).allow_anonymous = Some(anonymous(t)?);
        Ok(())
    }),
    Key::set("zone.$name.acl_nomatch", "", "As acl_nomatch, for this zone.", |d, p, t| {
        d.policy(p).nomatch_allows = Some(nomatch_allows(t)?);
        Ok(())
    }),
    Key::set(
        "zone.$name.enable_acl",
        "on",
        "Check the rules of acl_file in this zone.",
        |d, p, t| {
            let on = flag(t)?;
            d.policy(p).enable_acl = Some(on);
            d.zone(p).enable_acl = on;
            Ok(())
        },
    ),
    Key::set("zone.$name.acl_deny_action", "", "As acl_deny_action, for this zone.", |d, p, t| {
        d.zone(p).acl_deny_disconnect = super::access::deny_disconnects(t)?;
        Ok(())
    }),
    Key::set(
        "zone.$name.enable_flapping_detect",
        "off",
        "Clients that come and go are banned for a while, see flapping_detect_policy.",
        |d, p, t| {
            d.zone(p).flapping_detect = flag(t)?;
            Ok(())
        },
    ),
    Key::set(
        "zone.$name.bypass_auth_plugins",
        "false",
        "Ask nobody for a password in this zone.",
        |d, p, t| {
            d.policy(p).bypass_auth = flag(t)?;
            Ok(())
        },
    ),
    Key::set(
        "zone.$name.max_packet_size",
        "",
        "As mqtt.max_packet_size, for this zone.",
        |d, p, t| {
            d.zone(p).max_packet_size = packet_size(t)?;
            Ok(())
        },
    ),
    Key::set(
        "zone.$name.max_connect_size",
        "16KB",
        "Largest CONNECT without its will, and largest packet until the client is let in.",
        |d, p, t| {
            d.zone(p).max_connect_size = packet_size(t)?;
            Ok(())
        },
    ),
    Key::set(
        "zone.$name.max_clientid_len",
        "",
        "As mqtt.max_clientid_len, for this zone.",
        |d, p, t| {
            d.zone(p).max_client_id_len = integer(t, 23, 65535)?;
            Ok(())
        },
    ),
    Key::set(
        "zone.$name.max_topic_levels",
        "",
        "As mqtt.max_topic_levels, for this zone.",
        |d, p, t| {
            d.zone(p).max_topic_levels = integer(t, 0, 65535)?;
            Ok(())
        },
    ),
    Key::set("zone.$name.max_topic_len", "", "As mqtt.max_topic_len, for this zone.", |d, p, t| {
        d.zone(p).max_topic_len = integer(t, 23, 65535)?;
        Ok(())
    }),
    Key::set(
        "zone.$name.max_qos_allowed",
        "",
        "As mqtt.max_qos_allowed, for this zone.",
        |d, p, t| {
            d.zone(p).max_qos = qos(t)?;
            Ok(())
        },
    ),
    Key::set(
        "zone.$name.max_topic_alias",
        "",
        "As mqtt.max_topic_alias, for this zone.",
        |d, p, t| {
            d.zone(p).max_topic_alias = integer(t, 0, 65535)?;
            Ok(())
        },
    ),
    Key::set(
        "zone.$name.retain_available",
        "",
        "As mqtt.retain_available, for this zone.",
        |d, p, t| {
            d.zone(p).retain_available = flag(t)?;
            Ok(())
        },
    ),
    Key::set(
        "zone.$name.wildcard_subscription",
        "",
        "As mqtt.wildcard_subscription, for this zone.",
        |d, p, t| {
            d.zone(p).wildcard_subscription = flag(t)?;
            Ok(())
        },
    ),
    Key::set(
        "zone.$name.shared_subscription",
        "",
        "As mqtt.shared_subscription, for this zone.",
        |d, p, t| {
            d.zone(p).shared_subscription = flag(t)?;
            Ok(())
        },
    ),
    Key::set(
        "zone.$name.ignore_loop_deliver",
        "",
        "As mqtt.ignore_loop_deliver, for this zone.",
        |d, p, t| {
            d.zone(p).ignore_loop_deliver = flag(t)?;
            Ok(())
        },
    ),
    Key::set(
        "zone.$name.server_keepalive",
        "0",
        "Keep alive forced on MQTT 5 clients, in seconds; 0 = none.",
        |d, p, t| {
            d.zone(p).server_keepalive = Some(integer(t, 0, 65535)?).filter(|seconds| *seconds > 0);
            Ok(())
        },
    ),
    Key::set(
        "zone.$name.keepalive_backoff",
        "0.75",
        "A client silent for keep alive x this x 2 is dropped.",
        |d, p, t| {
            let backoff = float(t)?;
            if !(backoff > 0.5 && backoff <= 10.0) {
                return Err("a number above 0.5 and at most 10".into());
            }
            d.zone(p).keepalive_backoff = backoff;
            Ok(())
        },
    ),
    Key::set(
        "zone.$name.max_subscriptions",
        "10000",
        "Subscriptions per client; 0 = no limit.",
        |d, p, t| {
            d.zone(p).max_subscriptions = integer(t, 0, 100_000_000)?;
            Ok(())
        },
    ),
    Key::set(
        "zone.$name.max_wildcard_subscriptions",
        "1000",
        "Those of them with a wildcard; 0 = no limit.",
        |d, p, t| {
            d.zone(p).max_wildcard_subscriptions = integer(t, 0, 100_000_000)?;
            Ok(())
        },
    ),
    Key::set(
        "zone.$name.max_wildcard_levels",
        "16",
        "Levels of one filter that are +.",
        |d, p, t| {
            d.zone(p).max_wildcard_levels = integer(t, 0, 65535)?;
            Ok(())
        },
    ),
    Key::set(
        "zone.$name.max_filters",
        "1000",
        "Filters of one SUBSCRIBE; those behind are refused.",
        |d, p, t| {
            d.zone(p).max_filters_per_packet = integer(t, 1, 65535)?;
            Ok(())
        },
    ),
    Key::set("zone.$name.max_will_payload", "64KB", "Largest payload of a will.", |d, p, t| {
        d.zone(p).max_will_payload = size(t)?;
        Ok(())
    }),
    Key::set(
        "zone.$name.max_keepalive",
        "3600",
        "Longest keep alive of an MQTT 5 client in seconds, which it is told; none at all stays none.",
        |d, p, t| {
            d.zone(p).keepalive_max = integer(t, 1, 65535)?;
            Ok(())
        },
    ),
    Key::set(
        "zone.$name.max_session_expiry_interval",
        "7d",
        "Longest life of a session after its client left; an MQTT 5 client is told.",
        |d, p, t| {
            d.zone(p).session_expiry_max = duration(t)?;
            Ok(())
        },
    ),
    Key::set(
        "zone.$name.upgrade_qos",
        "off",
        "Deliver at the higher of publish and subscription QoS.",
        |d, p, t| {
            d.zone(p).upgrade_qos = flag(t)?;
            Ok(())
        },
    ),
    Key::set(
        "zone.$name.max_inflight",
        "32",
        "QoS 1 and 2 messages under way to a client.",
        |d, p, t| {
            d.zone(p).max_inflight = integer::<u16>(t, 0, 65535)?.max(1);
            if t == "0" {
                d.zone(p).max_inflight = u16::MAX;
            }
            Ok(())
        },
    ),
    Key::set(
        "zone.$name.retry_interval",
        "0",
        "Resend to MQTT 3 what is unacknowledged after this; 0 = only on reconnect.",
        |d, p, t| {
            d.zone(p).retry_interval = duration_or_off(t)?;
            Ok(())
        },
    ),
    Key::set(
        "zone.$name.max_awaiting_rel",
        "100",
        "QoS 2 messages of a client that wait for PUBREL.",
        |d, p, t| {
            let asked: usize = integer(t, 0, i64::MAX)?;
            if asked > PACKET_IDS {
                let text = "a client has 65535 packet identifiers, so that is the limit";
                d.info(format!("{}: {} = {t}: {text}", p.origin, p.key));
            }
            d.zone(p).max_awaiting_rel = unlimited(asked.min(PACKET_IDS));
            Ok(())
        },
    ),
    Key::set(
        "zone.$name.await_rel_timeout",
        "300s",
        "Such a message is forgotten after this, where another has no room.",
        |d, p, t| {
            d.zone(p).await_rel_timeout = duration(t)?;
            Ok(())
        },
    ),
    Key::set(
        "zone.$name.session_expiry_interval",
        "2h",
        "Life of the session of an MQTT 3 client after it left.",
        |d, p, t| {
            d.zone(p).session_expiry = duration(t)?;
            Ok(())
        },
    ),
    Key::set(
        "zone.$name.max_mqueue_len",
        "8192",
        "Messages queued per session; 0 = only the bytes count.",
        |d, p, t| {
            d.zone(p).mqueue_len = unlimited(integer(t, 0, 1_000_000_000)?);
            Ok(())
        },
    ),
    Key::set(
        "zone.$name.mqueue_store_qos0",
        "true",
        "Queue QoS 0 for sessions that are away.",
        |d, p, t| {
            d.zone(p).mqueue_store_qos0 = flag(t)?;
            Ok(())
        },
    ),
    Key::set(
        "zone.$name.force_shutdown_policy",
        "",
        "count|size: the size is the most bytes queued per session.",
        |d, p, t| {
            if t == "default" {
                return Ok(());
            }
            let form = || Expected::from("a count and a size such as 10000|64MB");
            let (_, most) = pair(t, '|', |count| integer::<u64>(count, 0, i64::MAX), bytes)
                .map_err(|_| form())?;
            d.zone(p).mqueue_bytes = size(&most.to_string())?;
            Ok(())
        },
    ),
    Key::set(
        "zone.$name.mountpoint",
        "",
        "Prefix of every topic; %c is the client id, %u the user name, which must be one level.",
        |d, p, t| {
            if t.contains(['+', '#', '\0']) {
                return Err("a topic prefix without + and #".into());
            }
            d.zone(p).mountpoint = Some(t.into());
            Ok(())
        },
    ),
    Key::set(
        "zone.$name.use_username_as_clientid",
        "false",
        "The user name replaces the client id.",
        |d, p, t| {
            d.zone(p).use_username_as_client_id = flag(t)?;
            Ok(())
        },
    ),
    Key::set(
        "zone.$name.enable_ban",
        "on",
        "Refuse who is banned; off lets the clients of this zone in.",
        |d, p, t| {
            d.zone(p).enable_ban = flag(t)?;
            Ok(())
        },
    ),
    Key::unused("zone.$name.enable_stats", Flag),
    Key::unused("zone.$name.latency_samples", Integer),
    Key::missing("zone.$name.mqueue_priorities", Text, &["none"]),
    Key::unused("zone.$name.mqueue_default_priority", Words(&["highest", "lowest"])),
    Key::set(
        "zone.$name.rate_limit.conn_messages_in",
        "",
        "Messages of a client within a time, 100, 10s: above, it is not read for a while; nothing is dropped. off = no limit.",
        |d, p, t| {
            d.zone(p).messages_in = rate(t, messages)?;
            Ok(())
        },
    ),
    Key::set(
        "zone.$name.publish_limit",
        "",
        "An old name of zone.$name.rate_limit.conn_messages_in, which comes before it.",
        |d, p, t| {
            let limit = rate(t, messages)?;
            let zone = d.zone(p);
            zone.messages_in = zone.messages_in.or(limit);
            Ok(())
        },
    ),
    Key::set(
        "zone.$name.rate_limit.conn_bytes_in",
        "",
        "The same for the bytes of its packets: 100KB, 10s.",
        |d, p, t| {
            d.zone(p).bytes_in = rate(t, bytes)?;
            Ok(())
        },
    ),
    Key::missing("zone.$name.conn_congestion.alarm", Flag, &["off", "false"]),
    Key::unused("zone.$name.conn_congestion.min_alarm_sustain_duration", Duration),
    Key::missing("zone.$name.quota.conn_messages_routing", Text, &[]),
    Key::missing("zone.$name.quota.overall_messages_routing", Text, &[]),
    Key::unused("zone.$name.force_gc_policy", Text),
    Key::unused("zone.$name.strict_mode", Flag),
    Key::set(
        "zone.$name.response_information",
        "",
        "As mqtt.response_information, for this zone.",
        |d, p, t| {
            d.zone(p).response_information = Some(response_information(t)?);
            Ok(())
        },
    ),
    Key::set(
        "zone.$name.exclusive_subscription",
        "",
        "As mqtt.exclusive_subscription, for this zone.",
        |d, p, t| {
            d.zone(p).exclusive_subscription = flag(t)?;
            Ok(())
        },
    ),
    Key::set(
        "zone.$name.tcp_keepalive",
        "none",
        "idle,interval,probes in seconds: the kernel asks silent clients whether they are there. none = never.",
        |d, p, t| {
            d.zone(p).tcp_keepalive = tcp_keepalive(t)?;
            Ok(())
        },
    ),
];

fn tcp_keepalive(text: &str) -> Parsed<Option<TcpKeepalive>> {
    if text == "none" {
        return Ok(None);
    }
    let form = || Expected::from("none, or idle,interval,probes such as 240,30,5");
    let numbers: Parsed<Vec<u32>> = list(text).map(|one| integer(one, 1, 32_767)).collect();
    match numbers.map_err(|_| form())?.as_slice() {
        [idle, interval, probes @ 1..=127] => Ok(Some(TcpKeepalive {
            idle: time::Duration::from_secs(u64::from(*idle)),
            interval: time::Duration::from_secs(u64::from(*interval)),
            probes: *probes,
        })),
        _ => Err(form()),
    }
}

/// Of one client.
const PACKET_IDS: usize = 65535;

fn unlimited(number: usize) -> usize {
    if number == 0 { usize::MAX } else { number }
}

fn messages(text: &str) -> Parsed<u64> {
    integer(text, 1, 1_000_000_000)
}
