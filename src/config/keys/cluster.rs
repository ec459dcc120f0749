//! `cluster.*`: how nodes find each other, when they count as down, and what is promised across them.

use std::net::IpAddr;

use super::Key;
use super::Kind::{Bytes, Duration, Text, Words};
use crate::cluster::settings::{HealAction, Kdf, Pin, PublishAck, Transport};
use crate::config::draft::{Strategy, cluster_name, seeds};
use crate::config::values::{
    self, Parsed, duration, duration_or_off, flag, integer, list, size, word,
};

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
        "mcast",
        "How nodes are found: mcast (multicast on the LAN), static (the default when cluster.static.seeds is set) or manual (emqx-rs-ctl cluster join).",
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
        "Transport of the mesh: inet_tcp, inet6_tcp (encrypted by the cookie); inet_tls, inet6_tls (TLS 1.3, certificates).",
        |d, _, t| {
            const TRANSPORTS: [Transport; 4] =
                [Transport::InetTcp, Transport::Inet6Tcp, Transport::InetTls, Transport::Inet6Tls];
            let at = word(t, PROTO)?;
            d.cluster.proto_dist = TRANSPORTS.get(at).copied().unwrap_or_default();
            Ok(())
        },
    ),
    Key::set(
        "cluster.tls_name_check",
        "on",
        "A certificate must name the host part of its node's name, as DNS, IP or URI (inet_tls). off = any name.",
        |d, _, t| {
            d.tls_name_check = flag(t)?;
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
    Key::unused("cluster.forward.spill_bytes", Bytes),
    Key::set(
        "cluster.mcast.addr",
        "239.192.0.1",
        "Multicast group, IPv4 (or IPv6, then cluster.mcast.addr6 is not used). off = none.",
        |d, _, t| {
            let mcast = &mut d.cluster_late.mcast;
            (mcast.group4, mcast.group6) = match group(t)? {
                Some(IpAddr::V6(v6)) => (None, Some(v6)),
                Some(IpAddr::V4(v4)) => (Some(v4), mcast.group6),
                None => (None, mcast.group6),
            };
            Ok(())
        },
    ),
    Key::set(
        "cluster.mcast.addr6",
        "ff15::4d51",
        "Multicast group, IPv6. off = none.",
        |d, _, t| {
            d.cluster_late.mcast.group6 = match group(t)? {
                Some(IpAddr::V6(v6)) => Some(v6),
                Some(IpAddr::V4(_)) => return Err("an IPv6 multicast address or off".into()),
                None => None,
            };
            Ok(())
        },
    ),
    Key::set(
        "cluster.mcast.ports",
        "4369",
        "UDP ports to ask at, separated by commas. This node listens at the first.",
        |d, _, t| {
            let ports: Parsed<Vec<u16>> = list(t).map(|one| integer(one, 1, 65_535)).collect();
            let ports = ports?;
            if ports.is_empty() || ports.len() > 8 {
                return Err("1 to 8 ports, separated by commas".into());
            }
            d.cluster_late.mcast.ports = ports;
            Ok(())
        },
    ),
    Key::set(
        "cluster.mcast.iface",
        "0.0.0.0",
        "Interfaces to use, by address or name, separated by commas. 0.0.0.0 = all that carry multicast.",
        |d, _, t| {
            let every = |one: &&str| !matches!(*one, "0.0.0.0" | "::" | "any");
            d.cluster_late.mcast.interfaces = list(t).filter(every).map(str::to_owned).collect();
            Ok(())
        },
    ),
    Key::set("cluster.mcast.ttl", "1", "Routers that a question may pass, plus one.", |d, p, t| {
        d.cluster_late.mcast.ttl = integer(t, 1, 255)?;
        if d.cluster_late.mcast.ttl > 32 {
            let text = "leaves the LAN if routers pass multicast on; 1 is enough on one";
            d.warn(format!("{}: cluster.mcast.ttl = {t}: {text}", p.origin));
        }
        Ok(())
    }),
    Key::set(
        "cluster.mcast.loop",
        "on",
        "Other nodes of this host hear the questions too.",
        |d, _, t| flag(t).map(|on| d.cluster_late.mcast.looped = on),
    ),
    Key::set(
        "cluster.mcast.sndbuf",
        "",
        "Bytes the kernel keeps of questions to be sent; unset, its default.",
        |d, _, t| size(t).map(|bytes| d.cluster_late.mcast.sndbuf = Some(bytes)),
    ),
    Key::set(
        "cluster.mcast.recbuf",
        "",
        "Bytes the kernel keeps of what was heard; unset, its default.",
        |d, _, t| size(t).map(|bytes| d.cluster_late.mcast.recbuf = Some(bytes)),
    ),
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

/// A multicast address, or off.
fn group(text: &str) -> Parsed<Option<IpAddr>> {
    let off = flag(text).is_ok_and(|on| !on);
    match text.parse::<IpAddr>() {
        Ok(addr) if addr.is_multicast() => Ok(Some(addr)),
        Ok(_) | Err(_) if off => Ok(None),
        Ok(_) | Err(_) => Err("a multicast address such as 239.192.0.1, or off".into()),
    }
}

fn discovery(d: &mut super::Draft, p: &super::Place<'_>, text: &str) -> Parsed<()> {
    let at = word(text, DISCOVERY)?;
    d.cluster_late.discovery_set |= !p.is_default();
    d.cluster_late.strategy = [Strategy::Manual, Strategy::Static, Strategy::Mcast]
        .get(at)
        .copied()
        .unwrap_or(Strategy::Manual);
    if at > 2 {
        let what = "not built in this version; nodes are found as with manual";
        d.warn(format!("{}: {} = {text}: {what}", p.origin, p.key));
    }
    Ok(())
}
