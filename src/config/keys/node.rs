//! `node.*`: this node, its name, its secret, its folder. Most keys of EMQX tune the Erlang VM and mean nothing here.

use super::Key;
use super::Kind::{Bytes, Duration, Flag, Integer, Text};
use crate::cluster::settings::Cookie;
use crate::config::draft::node_name;
use crate::config::values::{Parsed, bytes, duration, integer, ip, percent, size};

pub(super) const KEYS: &[Key] = &[
    Key::set(
        "node.name",
        "",
        "name@host of this node; unset, emqx@ and the address of the interface that leads to the LAN.",
        |d, _, t| node_name(t).map(|name| d.node.name = Some(name)),
    ),
    Key::set(
        "node.cookie",
        "",
        "Secret all nodes share, or file:PATH. Unset: credential cookie, else a file made in the data folder.",
        |d, p, t| {
            d.node.cookie = Some(Cookie::new(t.into()));
            d.node.cookie_origin = p.origin.into();
            Ok(())
        },
    ),
    Key::set(
        "node.cookie_previous",
        "",
        "A second cookie that is accepted and never used to send, while the cookie is changed node by node.",
        |d, p, t| {
            d.node.cookie_previous = Some((Cookie::new(t.into()), p.origin.into()));
            Ok(())
        },
    ),
    Key::set(
        "node.data_dir",
        "data",
        "Folder of the state. Relative: the one systemd gives, /var/lib/emqx-rs, or ~/.local/state/emqx-rs.",
        |d, _, t| {
            d.node.data_dir = t.into();
            Ok(())
        },
    ),
    Key::set(
        "node.dist_port",
        "",
        "Port of the mesh; unset, 4370 + the digits at the end of the name.",
        |d, _, t| {
            d.cluster.dist_port = Some(integer(t, 1, 65535)?);
            Ok(())
        },
    ),
    Key::set(
        "node.dist_use_interface",
        "0.0.0.0",
        "Local address the mesh listens on; 0.0.0.0 is all, also of IPv6 with inet6_tcp and inet6_tls.",
        |d, _, t| {
            d.cluster.dist_interface = ip(t)?;
            Ok(())
        },
    ),
    Key::set(
        "node.ssl_dist_optfile",
        "etc/ssl_dist.conf",
        "Certificates and rules of TLS between nodes, an Erlang term; read with inet_tls and inet6_tls. See ssl_dist.conf(5).",
        |d, p, t| {
            d.ssl_dist = (t.into(), p.origin.into());
            Ok(())
        },
    ),
    Key::set(
        "node.drain_time",
        "30s",
        "Time SIGTERM gives connections to move before the node stops.",
        |d, _, t| {
            d.node.drain_time = duration(t)?;
            Ok(())
        },
    ),
    Key::set(
        "node.max_ports",
        "",
        "Most connections of all listeners together; unset, what RLIMIT_NOFILE allows.",
        |d, _, t| {
            d.node.max_ports = Some(integer(t, 1024, 134_217_727)?);
            Ok(())
        },
    ),
    Key::set(
        "node.max_sessions",
        "1000000",
        "Sessions, connected or not; who has none here is told so beyond (0x97, in MQTT 3 code 3).",
        |d, _, t| {
            d.node.limits.sessions = integer(t, 1, 1_000_000_000)?;
            Ok(())
        },
    ),
    Key::set(
        "node.max_routes",
        "5000000",
        "Filters that clients of this node subscribe to; new ones beyond are refused (0x97).",
        |d, _, t| {
            d.node.limits.routes = integer(t, 1, 1_000_000_000)?;
            Ok(())
        },
    ),
    Key::set(
        "node.max_will_rate",
        "1000",
        "Wills published in a second; the others follow one after the other. 0 = no limit.",
        |d, _, t| {
            d.node.limits.wills = integer(t, 0, 1_000_000)?;
            Ok(())
        },
    ),
    Key::set(
        "node.memory_limit",
        "",
        "Memory the node may take; unset, what MemoryHigh, MemoryMax or a container allow, or what the machine has.",
        |d, _, t| {
            d.node.limits.memory.limit = Some(bytes(t)?).filter(|bytes| *bytes > 0);
            Ok(())
        },
    ),
    Key::set(
        "node.memory_soft",
        "70%",
        "From this part of it on new clients and filters are refused, and queues have half their bounds.",
        |d, _, t| {
            d.node.limits.memory.soft = percent(t)?;
            Ok(())
        },
    ),
    Key::set(
        "node.memory_hard",
        "85%",
        "From this part of it on clients publish nothing, and the largest queues are thrown away.",
        |d, _, t| {
            d.node.limits.memory.hard = percent(t)?;
            Ok(())
        },
    ),
    Key::set(
        "node.dist_buffer_size",
        "",
        "EMQX's name of cluster.forward.keep_bytes, used when that is unset.",
        |d, _, t| {
            d.node.dist_buffer_size = Some(size(t)?);
            Ok(())
        },
    ),
    Key::unused("node.heartbeat", Flag),
    Key::unused("node.async_threads", Integer),
    Key::unused("node.process_limit", Integer),
    Key::unused("node.global_gc_interval", Duration),
    Key::unused("node.fullsweep_after", Integer),
    Key::unused("node.max_ets_tables", Integer),
    Key::unused("node.crash_dump", Text),
    Key::unused("node.dist_net_ticktime", Integer),
    Key::unused("node.dist_listen_min", Integer),
    Key::unused("node.dist_listen_max", Integer),
    Key::unused("node.backtrace_depth", Integer),
    Key::unused("node.role", Text),
    Key::unused("rpc.mode", super::Kind::Words(&["sync", "async"])),
    Key::unused("rpc.async_batch_size", Integer),
    Key::unused("rpc.port_discovery", super::Kind::Words(&["manual", "stateless"])),
    Key::unused("rpc.driver", super::Kind::Words(&["tcp", "ssl"])),
    Key::unused("rpc.default_client_driver", super::Kind::Words(&["tcp", "ssl"])),
    Key::unused("rpc.tcp_server_port", Integer),
    Key::unused("rpc.server_port", Integer),
    Key::unused("rpc.enable_ssl", Integer),
    Key::unused("rpc.certfile", Text),
    Key::unused("rpc.keyfile", Text),
    Key::unused("rpc.cacertfile", Text),
    Key::unused("rpc.tcp_server_ip", Text),
    Key::set(
        "rpc.tcp_client_num",
        "",
        "EMQX's name of cluster.data_streams (0 to 8), used when that is unset.",
        |d, _, t| {
            let number: u8 = integer(t, 0, 255)?;
            d.node.tcp_client_num = Some(number.min(8)).filter(|n| *n > 0);
            Ok(())
        },
    ),
    Key::set(
        "rpc.connect_timeout",
        "5s",
        "How long connecting to a node may take: 100ms to 1m.",
        |d, _, t| {
            d.cluster.connect_timeout = link_time(t)?;
            Ok(())
        },
    ),
    Key::set(
        "rpc.send_timeout",
        "",
        "What was sent to a node and is not taken for so long ends the connection; unset, cluster.failure_timeout.",
        |d, _, t| {
            d.cluster.send_timeout = Some(link_time(t)?);
            Ok(())
        },
    ),
    Key::set(
        "rpc.authentication_timeout",
        "5s",
        "How long two nodes may take then to prove to each other that they know the cookie.",
        |d, _, t| {
            d.cluster.handshake_timeout = link_time(t)?;
            Ok(())
        },
    ),
    Key::unused("rpc.call_receive_timeout", Duration),
    Key::unused("rpc.socket_keepalive_idle", Duration),
    Key::unused("rpc.socket_keepalive_interval", Duration),
    Key::unused("rpc.socket_keepalive_count", Integer),
    Key::unused("rpc.socket_sndbuf", Bytes),
    Key::unused("rpc.socket_recbuf", Bytes),
    Key::unused("rpc.socket_buffer", Bytes),
    Key::unused("rpc.insecure_fallback", Flag),
];

/// A time for something on a link; a file of EMQX may have any, and shorter or longer ones are of no use.
fn link_time(text: &str) -> Parsed<std::time::Duration> {
    let least = std::time::Duration::from_millis(100);
    Ok(duration(text)?.clamp(least, std::time::Duration::from_secs(60)))
}
