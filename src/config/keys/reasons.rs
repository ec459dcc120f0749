//! Why a key of EMQX does nothing here: by the beginning of its name, the longest one that fits.

/// What an operator is told who has set such a key.
#[must_use]
pub(crate) fn why_idle(name: &str) -> &'static str {
    let fits = REASONS.iter().filter(|(front, _)| name.starts_with(front));
    fits.max_by_key(|(front, _)| front.len()).map_or("", |(_, why)| why)
}

const ERLANG: &str = "it tunes the Erlang machine, and there is none";
const ONE_PORT: &str =
    "one port between nodes is for everything: node.dist_port, node.dist_use_interface";
const MESH: &str = "links between nodes have times and windows of their own";
const MESH_TLS: &str = "TLS between nodes is cluster.proto_dist and ssl_dist.conf";
const OWN_BUFFERS: &str = "a connection has no buffer of its own to tune";
const RUSTLS: &str = "the TLS library decides that by itself";
const DEFLATE: &str = "WebSocket is not compressed";
const LOG: &str = "lines are whole, and what is left out of a flood is counted";
const NO_SERVER: &str = "databases are not asked; auth.http can ask a server that does";
const STRICT: &str = "packets are always checked";
const NO_MODULES: &str = "everything is built in, and what is set is on";
const HOST: &str = "node.memory_soft and node.memory_hard are for the memory of the process";
const CALLS_HOME: &str = "nothing calls home";

const REASONS: &[(&str, &str)] = &[
    ("alias_enrichment_module", ERLANG),
    ("auth.http.enable_pipelining", "a connection has one question at a time"),
    (
        "auth.http.ssl.",
        "the server is checked with auth.http.ssl.cacertfile, and with nothing else",
    ),
    ("auth.jwt.jwks.", "auth.jwt.jwks is the one key for that"),
    ("auth.ldap.", NO_SERVER),
    (
        "auth.mnesia.password_hash",
        "passwords are kept as their own lines say, see emqx-rs-users(5)",
    ),
    ("auth.mongo.", NO_SERVER),
    ("auth.mysql.", NO_SERVER),
    ("auth.pgsql.", NO_SERVER),
    ("auth.redis.", NO_SERVER),
    ("bridge.mqtt.$name.batch_size", "messages go out as they come"),
    ("bridge.mqtt.$name.ciphers", RUSTLS),
    ("bridge.mqtt.$name.psk_ciphers", RUSTLS),
    ("bridge.mqtt.$name.queue.", "what waits for the remote is kept in memory"),
    (
        "bridge.mqtt.$name.retry_interval",
        "what is not acknowledged is sent again with the next connection, as the standard wants it",
    ),
    ("broker.enable_session_registry", "a client id is always one client in the cluster"),
    ("broker.perf.", ERLANG),
    ("broker.route_batch_clean", "routes of a lost node go at once"),
    ("cluster.forward.spill_bytes", "what is kept for other nodes is kept in memory"),
    ("cluster.mcast.buffer", OWN_BUFFERS),
    ("coap.", "this is a broker of MQTT"),
    ("crl_cache_", "listener.*.crlfile is read at the start and on reload"),
    ("dashboard.", "there is no dashboard; management.listener.http is the HTTP API"),
    ("exhook.", "there are no hooks"),
    ("exproto.", "this is a broker of MQTT"),
    ("listener.$kind.$name.acceptors", "one task accepts, and is quick enough"),
    ("listener.$kind.$name.active_n", OWN_BUFFERS),
    ("listener.$kind.$name.buffer", OWN_BUFFERS),
    ("listener.$kind.$name.compress", DEFLATE),
    (
        "listener.$kind.$name.crl_cache_urls",
        "listener.*.crlfile is read at the start and on reload",
    ),
    ("listener.$kind.$name.deflate_opts.", DEFLATE),
    ("listener.$kind.$name.dhfile", RUSTLS),
    (
        "listener.$kind.$name.enable_crl_check",
        "listener.*.crlfile is what clients are checked with",
    ),
    ("listener.$kind.$name.enable_ocsp_stapling", "OCSP is not asked"),
    ("listener.$kind.$name.gc_after_handshake", ERLANG),
    ("listener.$kind.$name.hibernate_after", ERLANG),
    ("listener.$kind.$name.honor_cipher_order", RUSTLS),
    ("listener.$kind.$name.log_level", "log.level is for everything"),
    ("listener.$kind.$name.ocsp_", "OCSP is not asked"),
    ("listener.$kind.$name.partial_chain", RUSTLS),
    ("listener.$kind.$name.psk_ciphers", "TLS is by certificates"),
    ("listener.$kind.$name.secure_renegotiate", RUSTLS),
    (
        "listener.$kind.$name.send_timeout_close",
        "a client that takes nothing for so long is always closed",
    ),
    ("listener.$kind.$name.tune_buffer", OWN_BUFFERS),
    ("listener.$kind.$name.verify_peer_ext_key_usage", RUSTLS),
    ("log.", LOG),
    ("log.$level.file", "one log has everything; journalctl -p filters it"),
    ("log.size", "log.rotation bounds the file"),
    ("lwm2m.", "this is a broker of MQTT"),
    ("management.listener.", OWN_BUFFERS),
    ("management.listener.$kind.acceptors", "one task accepts, and is quick enough"),
    ("management.listener.$kind.ipv6_v6only", "the address says it"),
    (
        "management.listener.$kind.proxy_header",
        "the address of a connection is the one that is logged",
    ),
    (
        "module.slow_subs.",
        "slow subscribers are not ranked; emqx-rs-ctl clients list shows what waits for each",
    ),
    ("modules.loaded_file", NO_MODULES),
    ("mqtt.sn.", "this is a broker of MQTT"),
    ("mqtt.strict_mode", STRICT),
    ("node.", ERLANG),
    ("node.crash_dump", "a crash is in the journal"),
    ("node.dist_listen_", ONE_PORT),
    ("node.dist_net_ticktime", "cluster.failure_timeout tells when a node counts as lost"),
    ("node.heartbeat", "systemd watches the process (WatchdogSec=)"),
    ("node.role", "all nodes are alike"),
    ("os_mon.", HOST),
    ("plugins.", NO_MODULES),
    ("prometheus.", "nothing is pushed; emqx-rs-ctl --json metrics has the numbers"),
    ("psk.", "TLS is by certificates"),
    ("recon.", ERLANG),
    ("retainer.storage_type", "retained messages are in memory, on every node of the cluster"),
    ("rpc.", ONE_PORT),
    ("rpc.async_batch_size", MESH),
    ("rpc.cacertfile", MESH_TLS),
    ("rpc.call_receive_timeout", MESH),
    ("rpc.certfile", MESH_TLS),
    ("rpc.default_client_driver", MESH_TLS),
    ("rpc.driver", MESH_TLS),
    ("rpc.enable_ssl", MESH_TLS),
    ("rpc.insecure_fallback", "the cookie never crosses the wire"),
    ("rpc.keyfile", MESH_TLS),
    ("rpc.mode", "cluster.publish_ack says what a publisher waits for"),
    ("rpc.socket_", MESH),
    ("rule_engine.", "there are no rules"),
    ("session.store", "sessions are in memory, and go to another node with a restart"),
    ("special_auth_module", ERLANG),
    ("stomp.", "this is a broker of MQTT"),
    ("sysmon.", ERLANG),
    ("telemetry.", CALLS_HOME),
    ("vm_mon.", ERLANG),
    ("web.hook.", "there are no hooks"),
    ("zone.$name.conn_congestion.", "send_timeout ends clients that take nothing"),
    ("zone.$name.enable_stats", "clients are always counted"),
    ("zone.$name.force_gc_policy", ERLANG),
    ("zone.$name.latency_samples", "EMQX does not use it either"),
    ("zone.$name.mqueue_", "messages have no priorities"),
    (
        "zone.$name.quota.",
        "how much a client may send is rate_limit.conn_messages_in and conn_bytes_in",
    ),
    ("zone.$name.strict_mode", STRICT),
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::keys;

    /// How those begin that its users set in EMQX and that do nothing here, for the reasons above.
    const IDLE_THOUGH_USED: &[&str] = &[
        "auth.http.enable_pipelining",
        "auth.mnesia.password_hash",
        "bridge.mqtt.$name.batch_size",
        "bridge.mqtt.$name.ciphers",
        "bridge.mqtt.$name.psk_ciphers",
        "bridge.mqtt.$name.queue.replayq_",
        "bridge.mqtt.$name.retry_interval",
        "broker.enable_session_registry",
        "management.listener.http.acceptors",
        "management.listener.http.buffer",
        "management.listener.http.ipv6_v6only",
        "management.listener.http.proxy_header",
        "management.listener.http.send_timeout_close",
        "management.listener.http.tune_buffer",
        "mqtt.strict_mode",
        "node.dist_listen_",
        "retainer.storage_type",
        "rpc.async_batch_size",
        "rpc.cacertfile",
        "rpc.call_receive_timeout",
        "rpc.certfile",
        "rpc.driver",
        "rpc.keyfile",
        "rpc.mode",
        "rpc.port_discovery",
        "rpc.tcp_server_",
        "zone.$name.enable_stats",
        "zone.$name.strict_mode",
    ];

    #[test]
    fn keys_that_are_used_act_unless_something_else_is_in_their_place() {
        let used = include_str!("../../../tests/data/emqx-4.4-used-keys.txt");
        let used: Vec<&str> =
            used.lines().filter(|line| !line.is_empty() && !line.starts_with('#')).collect();
        assert_eq!(used.len(), 250);
        for name in &used {
            let found = keys::find(&name.replace('$', "x"));
            let (row, _) = found.unwrap_or_else(|| panic!("{name}: unknown"));
            let known = IDLE_THOUGH_USED.iter().any(|front| name.starts_with(front));
            assert!(row.acts() || known, "{name}: does nothing");
        }
        for front in IDLE_THOUGH_USED {
            assert!(used.iter().any(|name| name.starts_with(front)), "{front}: no such key");
        }
    }

    #[test]
    fn every_key_that_does_nothing_says_why() {
        for key in keys::all() {
            let why = why_idle(key.name);
            assert!(
                key.acts() || !why.is_empty(),
                "{}: does nothing and does not say why",
                key.name
            );
        }
        assert_eq!(why_idle("rpc.mode"), "cluster.publish_ack says what a publisher waits for");
    }
}
