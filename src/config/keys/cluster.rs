//! `cluster.*`: how nodes find each other, when they count as down, and what is promised across them.

use std::net::IpAddr;

use super::Key;
use super::Kind::Bytes;
use crate::cluster::settings::{HealAction, Kdf, Pin, PublishAck, Transport};
use crate::config::discovery::{
    address_type, dns_record, group, host, label, left_part, prefix, server,
};
use crate::config::draft::{cluster_name, seeds};
use crate::config::values::{
    self, Parsed, duration, duration_or_off, flag, integer, list, size, word,
};

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
        "How nodes are found: mcast, static (the default with cluster.static.seeds), dns, etcd, k8s or manual; see emqx-rs-discovery(7).",
        |d, p, t| d.cluster_late.discovery.choose(p, t),
    ),
    Key::set(
        "cluster.discovery_strategy",
        "",
        "The name EMQX 5 gives cluster.discovery.",
        |d, p, t| d.cluster_late.discovery.choose(p, t),
    ),
    Key::set(
        "cluster.static.seeds",
        "",
        "Nodes to join: name@host or name@host:port, separated by commas. Own name may be in it.",
        |d, p, t| {
            d.cluster_late.discovery.touch("static", p);
            d.cluster_late.discovery.seeds = seeds(t)?;
            Ok(())
        },
    ),
    Key::set(
        "cluster.dns.name",
        "",
        "Name to look up every 5 s; each of its addresses is a node. Needed with cluster.discovery = dns.",
        |d, p, t| {
            d.cluster_late.discovery.touch("dns", p);
            d.cluster_late.discovery.dns.name = host(t)?;
            Ok(())
        },
    ),
    Key::set(
        "cluster.dns.app",
        "",
        "Left part of the names of the nodes found, app@address; unset, that of node.name.",
        |d, p, t| {
            d.cluster_late.discovery.touch("dns", p);
            d.cluster_late.discovery.dns.app = left_part(t)?;
            Ok(())
        },
    ),
    Key::set(
        "cluster.dns.type",
        "a",
        "Addresses that count: a = IPv4, aaaa = IPv6; srv in a build with the feature dns-srv.",
        |d, p, t| {
            d.cluster_late.discovery.touch("dns", p);
            let record = dns_record(t)?;
            // The other name of this key was applied before.
            if !p.is_default() {
                d.cluster_late.discovery.dns.record = record;
            }
            Ok(())
        },
    ),
    Key::set(
        "cluster.dns.record_type",
        "",
        "The name EMQX 5 gives cluster.dns.type.",
        |d, p, t| {
            d.cluster_late.discovery.touch("dns", p);
            d.cluster_late.discovery.dns.record = dns_record(t)?;
            Ok(())
        },
    ),
    Key::set(
        "cluster.etcd.server",
        "",
        "Servers of one etcd 3.4 or later, http:// or https://host:port, separated by commas; asked until one answers.",
        |d, p, t| {
            d.cluster_late.discovery.touch("etcd", p);
            d.cluster_late.discovery.etcd.servers =
                list(t).map(|t| server(t, 2379)).collect::<Result<_, _>>()?;
            Ok(())
        },
    ),
    Key::set(
        "cluster.etcd.prefix",
        "emqxcl",
        "What the keys in etcd begin with: prefix/cluster name/nodes/node name.",
        |d, p, t| {
            d.cluster_late.discovery.touch("etcd", p);
            d.cluster_late.discovery.etcd.prefix = prefix(t)?;
            Ok(())
        },
    ),
    Key::set(
        "cluster.etcd.node_ttl",
        "1m",
        "The entry of a node in etcd goes so long after the node, 3s to 1d.",
        |d, p, t| {
            d.cluster_late.discovery.touch("etcd", p);
            d.cluster_late.discovery.etcd.node_ttl = values::between(duration(t)?, "3s", "1d")?;
            Ok(())
        },
    ),
    Key::set(
        "cluster.etcd.ssl.keyfile",
        "",
        "Key of this node in PEM, for an etcd that asks for a certificate.",
        |d, p, t| {
            d.cluster_late.discovery.touch("etcd", p);
            d.cluster_late.discovery.etcd.keyfile = Some((t.into(), p.origin.into()));
            Ok(())
        },
    ),
    Key::set(
        "cluster.etcd.ssl.certfile",
        "",
        "Certificate of this node in PEM, for an etcd that asks for one.",
        |d, p, t| {
            d.cluster_late.discovery.touch("etcd", p);
            d.cluster_late.discovery.etcd.certfile = Some((t.into(), p.origin.into()));
            Ok(())
        },
    ),
    Key::set(
        "cluster.etcd.ssl.cacertfile",
        "",
        "Authorities in PEM that the certificate of etcd must come from. Needed with https://.",
        |d, p, t| {
            d.cluster_late.discovery.touch("etcd", p);
            d.cluster_late.discovery.etcd.cacertfile = Some((t.into(), p.origin.into()));
            Ok(())
        },
    ),
    Key::set(
        "cluster.k8s.apiserver",
        "https://kubernetes.default.svc",
        "API server; at https:// it is proven by ca.crt and gets the token of the service account.",
        |d, p, t| {
            d.cluster_late.discovery.touch("k8s", p);
            d.cluster_late.discovery.k8s.apiserver = Some(server(t, 443)?);
            Ok(())
        },
    ),
    Key::set(
        "cluster.k8s.service_name",
        "",
        "Service whose Endpoints are the nodes. Needed with cluster.discovery = k8s.",
        |d, p, t| {
            d.cluster_late.discovery.touch("k8s", p);
            d.cluster_late.discovery.k8s.service = label(t)?;
            Ok(())
        },
    ),
    Key::set(
        "cluster.k8s.address_type",
        "ip",
        "Host in node names: ip, dns = 10-0-0-1.namespace.suffix or hostname = hostname.service.namespace.suffix.",
        |d, p, t| {
            d.cluster_late.discovery.touch("k8s", p);
            d.cluster_late.discovery.k8s.address_type = address_type(t)?;
            Ok(())
        },
    ),
    Key::set(
        "cluster.k8s.app_name",
        "",
        "Left part of the names of the nodes found; unset, that of node.name.",
        |d, p, t| {
            d.cluster_late.discovery.touch("k8s", p);
            d.cluster_late.discovery.k8s.app = left_part(t)?;
            Ok(())
        },
    ),
    Key::set("cluster.k8s.namespace", "default", "Namespace of the Service.", |d, p, t| {
        d.cluster_late.discovery.touch("k8s", p);
        d.cluster_late.discovery.k8s.namespace = label(t)?;
        Ok(())
    }),
    Key::set(
        "cluster.k8s.suffix",
        "",
        "End of hosts that are no addresses, such as pod.cluster.local (dns) or svc.cluster.local (hostname).",
        |d, p, t| {
            d.cluster_late.discovery.touch("k8s", p);
            d.cluster_late.discovery.k8s.suffix = host(t)?;
            Ok(())
        },
    ),
    Key::set(
        "cluster.k8s.service_account",
        "/var/run/secrets/kubernetes.io/serviceaccount",
        "Folder with token and ca.crt.",
        |d, p, t| {
            d.cluster_late.discovery.touch("k8s", p);
            d.cluster_late.discovery.k8s.account = t.into();
            Ok(())
        },
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
        "Most bytes of QoS 1 and 2 messages kept for a member; with more for one that is up, its publishers wait.",
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
            let mcast = &mut d.cluster_late.discovery.mcast;
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
        |d, p, t| {
            if p.is_default() {
                return Ok(());
            }
            d.cluster_late.discovery.mcast.group6 = match group(t)? {
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
            d.cluster_late.discovery.mcast.ports = ports;
            Ok(())
        },
    ),
    Key::set(
        "cluster.mcast.iface",
        "0.0.0.0",
        "Interfaces to use, by address or name, separated by commas. 0.0.0.0 = all that carry multicast.",
        |d, _, t| {
            let every = |one: &&str| !matches!(*one, "0.0.0.0" | "::" | "any");
            d.cluster_late.discovery.mcast.interfaces =
                list(t).filter(every).map(str::to_owned).collect();
            Ok(())
        },
    ),
    Key::set(
        "cluster.mcast.ttl",
        "1",
        "Routers a question may pass, plus one; 0 = this host only. 255 on all nodes: nothing that came over a router is heard.",
        |d, p, t| {
            d.cluster_late.discovery.mcast.ttl = integer(t, 0, 255)?;
            if d.cluster_late.discovery.mcast.ttl == 0 {
                let text = "nodes on other hosts do not hear this one ask; 1 is for a LAN";
                d.warn(format!("{}: cluster.mcast.ttl = {t}: {text}", p.origin));
            }
            if (33..255).contains(&d.cluster_late.discovery.mcast.ttl) {
                let text = "leaves the LAN if routers pass multicast on; 1 is enough on one";
                d.warn(format!("{}: cluster.mcast.ttl = {t}: {text}", p.origin));
            }
            Ok(())
        },
    ),
    Key::set(
        "cluster.mcast.loop",
        "on",
        "Other nodes of this host hear the questions too.",
        |d, _, t| flag(t).map(|on| d.cluster_late.discovery.mcast.looped = on),
    ),
    Key::set(
        "cluster.mcast.sndbuf",
        "",
        "Bytes the kernel keeps of questions to be sent; unset, its default.",
        |d, _, t| size(t).map(|bytes| d.cluster_late.discovery.mcast.sndbuf = Some(bytes)),
    ),
    Key::set(
        "cluster.mcast.recbuf",
        "",
        "Bytes the kernel keeps of what was heard; unset, its default.",
        |d, _, t| size(t).map(|bytes| d.cluster_late.discovery.mcast.recbuf = Some(bytes)),
    ),
    Key::unused("cluster.mcast.buffer", Bytes),
];
