//! `cluster.*`: how nodes find each other, when they count as down, and what is promised across them.

use super::Key;
use super::Kind::{Bytes, Duration, Flag, Integer, Text, Words};
use crate::cluster::settings::{HealAction, Kdf, Pin, PublishAck, Transport};
use crate::config::draft::{cluster_name, seeds};
use crate::config::values::{self, duration, duration_or_off, flag, integer, size, word};

const DISCOVERY: &[&str] = &["manual", "static", "mcast", "dns", "etcd", "k8s"];
const PROTO: &[&str] = &["inet_tcp", "inet6_tcp", "inet_tls", "inet6_tls"];

pub(super) const KEYS: &[Key] = &[
    Key::set(
        "cluster.name",
        "emqxcl",
        "Name of the cluster; nodes with another name are refused.",
        |d, _, t| cluster_name(t).map(|name| d.cluster.name = name),
    ),
    Key::set(
        "cluster.discovery",
        "manual",
        "How nodes are found: manual (emqx-rs-ctl cluster join) or static, the default when cluster.static.seeds is set.",
        discovery,
    ),
    Key::set(
        "cluster.discovery_strategy",
        "",
        "The name EMQX 5 gives cluster.discovery.",
        discovery,
    ),
    Key::set(
        "cluster.static.seeds",
        "",
        "Nodes to join: name@host or name@host:port, separated by commas. Own name may be in it.",
        |d, _, t| seeds(t).map(|seeds| d.cluster_late.seeds = seeds),
    ),
    Key::set(
        "cluster.proto_dist",
        "inet_tcp",
        "Transport of the mesh: inet_tcp or inet6_tcp, both encrypted.",
        |d, p, t| {
            const TRANSPORTS: [Transport; 4] =
                [Transport::InetTcp, Transport::Inet6Tcp, Transport::InetTls, Transport::Inet6Tls];
            let at = word(t, PROTO)?;
            d.cluster.proto_dist = TRANSPORTS.get(at).copied().unwrap_or_default();
            if at > 1 {
                let text = "the mesh over TLS is not built in this version; the mesh stays closed";
                d.warn(format!("{}: cluster.proto_dist = {t}: {text}", p.origin));
            }
            Ok(())
        },
    ),
    Key::set(
        "cluster.autoheal",
        "on",
        "Heal a split cluster: on or off (a duration means on).",
        |d, _, t| {
            d.cluster.autoheal = match flag(t) {
                Ok(on) => on,
                Err(_) => {
                    duration(t).map(|_| true).map_err(|_| "on, off or a duration such as 15s")?
                }
            };
            Ok(())
        },
    ),
    Key::set(
        "cluster.autoheal.confirm",
        "3s",
        "Time a node that was cut off has to be back before the partition is reported to the leader.",
        |d, _, t| {
            d.cluster.heal_confirm = values::between(duration(t)?, "0s", "1h")?;
            Ok(())
        },
    ),
    Key::set(
        "cluster.autoheal.delay",
        "15s",
        "Time between the first report and the heal, and between reports of a partition that is still open.",
        |d, _, t| {
            d.cluster.heal_delay = values::between(duration(t)?, "0s", "1h")?;
            Ok(())
        },
    ),
    Key::set(
        "cluster.autoheal.max_wait",
        "60s",
        "Longest wait of the leader for members that are still away; then it heals those that are up.",
        |d, _, t| {
            d.cluster.heal_max_wait = values::between(duration(t)?, "0s", "1h")?;
            Ok(())
        },
    ),
    Key::set(
        "cluster.autoheal.action",
        "resync",
        "What the minority does: resync = take all routes anew, restart = also drop its clients and sessions, report = nothing.",
        |d, _, t| {
            const ACTIONS: [HealAction; 3] =
                [HealAction::Resync, HealAction::Restart, HealAction::Report];
            let at = word(t, &["resync", "restart", "report"])?;
            d.cluster.heal_action = ACTIONS.get(at).copied().unwrap_or_default();
            Ok(())
        },
    ),
    Key::set(
        "cluster.autoclean",
        "5m",
        "Forget a member that stayed down this long. off = never.",
        |d, _, t| {
            d.cluster.autoclean = duration_or_off(t)?;
            Ok(())
        },
    ),
    Key::set(
        "cluster.heartbeat",
        "200ms",
        "Time between two signs of life to each member.",
        |d, _, t| {
            d.cluster.heartbeat = values::between(duration(t)?, "10ms", "10s")?;
            Ok(())
        },
    ),
    Key::set(
        "cluster.failure_timeout",
        "1500ms",
        "A member without a sign of life for this long is down.",
        |d, _, t| {
            d.cluster.failure_timeout = values::between(duration(t)?, "100ms", "10m")?;
            Ok(())
        },
    ),
    Key::set(
        "cluster.join_wait",
        "3s",
        "Longest wait at start for the routes of members known before.",
        |d, _, t| {
            d.cluster.join_wait = duration(t)?;
            Ok(())
        },
    ),
    Key::set("cluster.data_streams", "2", "Data connections to each member, 1 to 8.", |d, p, t| {
        d.cluster.data_streams = integer(t, 1, 8)?;
        d.cluster_late.data_streams_set = !p.is_default();
        Ok(())
    }),
    Key::set(
        "cluster.publish_ack",
        "peers",
        "When PUBACK is sent: peers = every node that needs the message has it, local = this node has it.",
        |d, _, t| {
            let local = word(t, &["peers", "local"])? == 1;
            d.cluster.publish_ack = if local { PublishAck::Local } else { PublishAck::Peers };
            Ok(())
        },
    ),
    Key::set(
        "cluster.forward.keep_time",
        "",
        "Keep messages for a down member this long; unset, as cluster.autoclean.",
        |d, _, t| {
            d.cluster_late.keep_time = Some(duration(t)?);
            Ok(())
        },
    ),
    Key::set(
        "cluster.forward.keep_bytes",
        "64MB",
        "Most bytes of QoS 1 and 2 messages kept for a member.",
        |d, p, t| {
            d.cluster.keep_bytes = size(t)?;
            d.cluster_late.keep_bytes_set = !p.is_default();
            Ok(())
        },
    ),
    Key::set(
        "cluster.kdf",
        "argon2id",
        "Cookie to keys: argon2id, or fast for cookies of 32 random bytes.",
        |d, _, t| {
            let fast = word(t, &["argon2id", "fast"])? == 1;
            d.cluster.kdf = if fast { Kdf::Fast } else { Kdf::Argon2id };
            Ok(())
        },
    ),
    Key::set(
        "cluster.pin",
        "warn",
        "A known name with another identity key: warn, or strict = refuse.",
        |d, _, t| {
            let strict = word(t, &["warn", "strict"])? == 1;
            d.cluster.pin = if strict { Pin::Strict } else { Pin::Warn };
            Ok(())
        },
    ),
    Key::unused("cluster.tls_name_check", Flag),
    Key::unused("cluster.forward.spill_bytes", Bytes),
    Key::unused("cluster.mcast.addr", Text),
    Key::unused("cluster.mcast.addr6", Text),
    Key::unused("cluster.mcast.ports", Text),
    Key::unused("cluster.mcast.iface", Text),
    Key::unused("cluster.mcast.ttl", Integer),
    Key::unused("cluster.mcast.loop", Flag),
    Key::unused("cluster.mcast.sndbuf", Bytes),
    Key::unused("cluster.mcast.recbuf", Bytes),
    Key::unused("cluster.mcast.buffer", Bytes),
    Key::unused("cluster.dns.name", Text),
    Key::unused("cluster.dns.app", Text),
    Key::unused("cluster.dns.type", Words(&["a", "aaaa", "srv"])),
    Key::unused("cluster.dns.record_type", Words(&["a", "aaaa", "srv"])),
    Key::unused("cluster.etcd.server", Text),
    Key::unused("cluster.etcd.prefix", Text),
    Key::unused("cluster.etcd.node_ttl", Duration),
    Key::unused("cluster.etcd.ssl.keyfile", Text),
    Key::unused("cluster.etcd.ssl.certfile", Text),
    Key::unused("cluster.etcd.ssl.cacertfile", Text),
    Key::unused("cluster.k8s.apiserver", Text),
    Key::unused("cluster.k8s.service_name", Text),
    Key::unused("cluster.k8s.address_type", Words(&["ip", "dns", "hostname"])),
    Key::unused("cluster.k8s.app_name", Text),
    Key::unused("cluster.k8s.namespace", Text),
    Key::unused("cluster.k8s.suffix", Text),
];

fn discovery(d: &mut super::Draft, p: &super::Place<'_>, text: &str) -> values::Parsed<()> {
    let at = word(text, DISCOVERY)?;
    d.cluster_late.discovery_set |= !p.is_default();
    d.cluster_late.discovery_static = at == 1;
    if at > 1 {
        let what = "not built in this version; nodes are found as with manual";
        d.warn(format!("{}: {} = {text}: {what}", p.origin, p.key));
    }
    Ok(())
}
