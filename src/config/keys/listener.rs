//! `listener.<tcp|ssl|ws|wss>.$name`: where clients connect.

use super::Key;
use super::Kind::{Bytes, Duration, Flag, Integer, Or, Text, Words};
use crate::config::draft::access_rule;
use crate::config::values::{bind, duration, flag, integer, size};
use crate::node::listener_settings::ListenerKind;

pub(super) const TCP: &[Key] = &[
    Key::set(
        "listener.tcp.$name",
        "",
        "Port, or address:port. Without any listener, listener.tcp.external = 1883 (every address, both families).",
        |d, p, t| {
            d.tcp(p).bind = Some(bind(t)?);
            Ok(())
        },
    ),
    Key::set(
        "listener.tcp.$name.zone",
        "external",
        "Zone whose limits hold for its connections.",
        |d, p, t| {
            d.tcp(p).settings.zone = t.into();
            Ok(())
        },
    ),
    Key::set("listener.tcp.$name.max_connections", "1024000", "Connections at once.", |d, p, t| {
        d.tcp(p).settings.max_connections = integer(t, 1, 1_000_000_000)?;
        Ok(())
    }),
    Key::set(
        "listener.tcp.$name.max_conn_rate",
        "1000",
        "New connections per second; the rest waits. 0 = no limit.",
        |d, p, t| {
            d.tcp(p).settings.max_conn_rate = integer(t, 0, 1_000_000_000)?;
            Ok(())
        },
    ),
    Key::set(
        "listener.tcp.$name.access.$id",
        "allow all",
        "allow or deny, and all or a block: deny 10.0.0.0/8. In order of $id.",
        |d, p, t| {
            let rule = access_rule(t)?;
            let id = p.names.get(1).copied().unwrap_or_default().to_owned();
            d.tcp(p).access.insert(id, rule);
            Ok(())
        },
    ),
    Key::set(
        "listener.tcp.$name.backlog",
        "1024",
        "Connections the kernel holds until they are accepted.",
        |d, p, t| {
            d.tcp(p).settings.backlog = integer(t, 1, 1_000_000)?;
            Ok(())
        },
    ),
    Key::set(
        "listener.tcp.$name.nodelay",
        "true",
        "Send small packets at once (TCP_NODELAY).",
        |d, p, t| {
            d.tcp(p).settings.nodelay = flag(t)?;
            Ok(())
        },
    ),
    Key::set(
        "listener.tcp.$name.reuseaddr",
        "true",
        "Bind although old connections linger (SO_REUSEADDR).",
        |d, p, t| {
            d.tcp(p).settings.reuseaddr = flag(t)?;
            Ok(())
        },
    ),
    Key::set(
        "listener.tcp.$name.sndbuf",
        "",
        "Send buffer of the kernel; unset, the kernel sizes it.",
        |d, p, t| {
            d.tcp(p).settings.sndbuf = Some(size(t)?);
            Ok(())
        },
    ),
    Key::set(
        "listener.tcp.$name.recbuf",
        "",
        "Receive buffer of the kernel; unset, the kernel sizes it.",
        |d, p, t| {
            d.tcp(p).settings.recbuf = Some(size(t)?);
            Ok(())
        },
    ),
    Key::set(
        "listener.tcp.$name.send_timeout",
        "30s",
        "Close a connection that takes nothing for this long.",
        |d, p, t| {
            d.tcp(p).settings.send_timeout = duration(t)?;
            Ok(())
        },
    ),
    Key::unused("listener.tcp.$name.acceptors", Integer),
    Key::unused("listener.tcp.$name.active_n", Integer),
    Key::missing("listener.tcp.$name.rate_limit", Text, &["undefined"]),
    Key::missing("listener.tcp.$name.proxy_protocol", Flag, &["off", "false"]),
    Key::unused("listener.tcp.$name.proxy_protocol_timeout", Duration),
    Key::missing(
        "listener.tcp.$name.peer_cert_as_username",
        Words(&["cn", "dn", "crt", "pem", "md5"]),
        &[],
    ),
    Key::missing(
        "listener.tcp.$name.peer_cert_as_clientid",
        Words(&["cn", "dn", "crt", "pem", "md5"]),
        &[],
    ),
    Key::unused("listener.tcp.$name.send_timeout_close", Flag),
    Key::unused("listener.tcp.$name.buffer", Bytes),
    Key::unused("listener.tcp.$name.high_watermark", Bytes),
    Key::unused("listener.tcp.$name.tune_buffer", Flag),
];

/// Listeners this version does not serve.
pub(super) const OTHER: &[Key] = &[
    Key::set(
        "listener.ssl.$name",
        "",
        "Parsed; this version does not serve TLS listeners and says so.",
        |d, p, t| {
            d.listener(ListenerKind::Ssl, p.name()).bind = Some(bind(t)?);
            Ok(())
        },
    ),
    Key::set(
        "listener.ws.$name",
        "",
        "Parsed; this version does not serve WebSocket listeners and says so.",
        |d, p, t| {
            d.listener(ListenerKind::Ws, p.name()).bind = Some(bind(t)?);
            Ok(())
        },
    ),
    Key::set(
        "listener.wss.$name",
        "",
        "Parsed; this version does not serve TLS WebSocket listeners and says so.",
        |d, p, t| {
            d.listener(ListenerKind::Wss, p.name()).bind = Some(bind(t)?);
            Ok(())
        },
    ),
    Key::unserved("listener.ssl.$name.acceptors", Integer),
    Key::unserved("listener.ws.$name.acceptors", Integer),
    Key::unserved("listener.wss.$name.acceptors", Integer),
    Key::unserved("listener.ssl.$name.max_connections", Integer),
    Key::unserved("listener.ws.$name.max_connections", Integer),
    Key::unserved("listener.wss.$name.max_connections", Integer),
    Key::unserved("listener.ssl.$name.max_conn_rate", Integer),
    Key::unserved("listener.ws.$name.max_conn_rate", Integer),
    Key::unserved("listener.wss.$name.max_conn_rate", Integer),
    Key::unserved("listener.ssl.$name.active_n", Integer),
    Key::unserved("listener.ws.$name.active_n", Integer),
    Key::unserved("listener.wss.$name.active_n", Integer),
    Key::unserved("listener.ssl.$name.zone", Text),
    Key::unserved("listener.ws.$name.zone", Text),
    Key::unserved("listener.wss.$name.zone", Text),
    Key::unserved("listener.ssl.$name.rate_limit", Text),
    Key::unserved("listener.ws.$name.rate_limit", Text),
    Key::unserved("listener.wss.$name.rate_limit", Text),
    Key::unserved("listener.ssl.$name.access.$id", Text),
    Key::unserved("listener.ws.$name.access.$id", Text),
    Key::unserved("listener.wss.$name.access.$id", Text),
    Key::unserved("listener.ssl.$name.proxy_protocol", Flag),
    Key::unserved("listener.ws.$name.proxy_protocol", Flag),
    Key::unserved("listener.wss.$name.proxy_protocol", Flag),
    Key::unserved("listener.ssl.$name.proxy_protocol_timeout", Duration),
    Key::unserved("listener.ws.$name.proxy_protocol_timeout", Duration),
    Key::unserved("listener.wss.$name.proxy_protocol_timeout", Duration),
    Key::unserved(
        "listener.ssl.$name.peer_cert_as_username",
        Words(&["cn", "dn", "crt", "pem", "md5"]),
    ),
    Key::unserved(
        "listener.ws.$name.peer_cert_as_username",
        Words(&["cn", "dn", "crt", "pem", "md5"]),
    ),
    Key::unserved(
        "listener.wss.$name.peer_cert_as_username",
        Words(&["cn", "dn", "crt", "pem", "md5"]),
    ),
    Key::unserved(
        "listener.ssl.$name.peer_cert_as_clientid",
        Words(&["cn", "dn", "crt", "pem", "md5"]),
    ),
    Key::unserved(
        "listener.ws.$name.peer_cert_as_clientid",
        Words(&["cn", "dn", "crt", "pem", "md5"]),
    ),
    Key::unserved(
        "listener.wss.$name.peer_cert_as_clientid",
        Words(&["cn", "dn", "crt", "pem", "md5"]),
    ),
    Key::unserved("listener.ssl.$name.backlog", Integer),
    Key::unserved("listener.ws.$name.backlog", Integer),
    Key::unserved("listener.wss.$name.backlog", Integer),
    Key::unserved("listener.ssl.$name.send_timeout", Duration),
    Key::unserved("listener.ws.$name.send_timeout", Duration),
    Key::unserved("listener.wss.$name.send_timeout", Duration),
    Key::unserved("listener.ssl.$name.send_timeout_close", Flag),
    Key::unserved("listener.ws.$name.send_timeout_close", Flag),
    Key::unserved("listener.wss.$name.send_timeout_close", Flag),
    Key::unserved("listener.ssl.$name.recbuf", Bytes),
    Key::unserved("listener.ws.$name.recbuf", Bytes),
    Key::unserved("listener.wss.$name.recbuf", Bytes),
    Key::unserved("listener.ssl.$name.sndbuf", Bytes),
    Key::unserved("listener.ws.$name.sndbuf", Bytes),
    Key::unserved("listener.wss.$name.sndbuf", Bytes),
    Key::unserved("listener.ssl.$name.buffer", Bytes),
    Key::unserved("listener.ws.$name.buffer", Bytes),
    Key::unserved("listener.wss.$name.buffer", Bytes),
    Key::unserved("listener.ssl.$name.high_watermark", Bytes),
    Key::unserved("listener.ssl.$name.tune_buffer", Flag),
    Key::unserved("listener.ws.$name.tune_buffer", Flag),
    Key::unserved("listener.wss.$name.tune_buffer", Flag),
    Key::unserved("listener.ssl.$name.nodelay", Flag),
    Key::unserved("listener.ws.$name.nodelay", Flag),
    Key::unserved("listener.wss.$name.nodelay", Flag),
    Key::unserved("listener.ssl.$name.reuseaddr", Flag),
    Key::unserved("listener.ssl.$name.tls_versions", Text),
    Key::unserved("listener.wss.$name.tls_versions", Text),
    Key::unserved("listener.ssl.$name.ciphers", Text),
    Key::unserved("listener.wss.$name.ciphers", Text),
    Key::unserved("listener.ssl.$name.psk_ciphers", Text),
    Key::unserved("listener.wss.$name.psk_ciphers", Text),
    Key::unserved("listener.ssl.$name.handshake_timeout", Duration),
    Key::unserved("listener.wss.$name.handshake_timeout", Duration),
    Key::unserved("listener.ssl.$name.depth", Integer),
    Key::unserved("listener.wss.$name.depth", Integer),
    Key::unserved("listener.ssl.$name.key_password", Text),
    Key::unserved("listener.wss.$name.key_password", Text),
    Key::unserved("listener.ssl.$name.dhfile", Text),
    Key::unserved("listener.wss.$name.dhfile", Text),
    Key::unserved("listener.ssl.$name.keyfile", Text),
    Key::unserved("listener.wss.$name.keyfile", Text),
    Key::unserved("listener.ssl.$name.certfile", Text),
    Key::unserved("listener.wss.$name.certfile", Text),
    Key::unserved("listener.ssl.$name.cacertfile", Text),
    Key::unserved("listener.wss.$name.cacertfile", Text),
    Key::unserved("listener.ssl.$name.verify", Text),
    Key::unserved("listener.wss.$name.verify", Text),
    Key::unserved(
        "listener.ssl.$name.partial_chain",
        Words(&["true", "false", "two_cacerts_from_cacertfile", "cacert_from_cacertfile"]),
    ),
    Key::unserved("listener.ssl.$name.verify_peer_ext_key_usage", Text),
    Key::unserved("listener.ssl.$name.fail_if_no_peer_cert", Flag),
    Key::unserved("listener.wss.$name.fail_if_no_peer_cert", Flag),
    Key::unserved("listener.ssl.$name.secure_renegotiate", Flag),
    Key::unserved("listener.wss.$name.secure_renegotiate", Flag),
    Key::unserved("listener.ssl.$name.reuse_sessions", Flag),
    Key::unserved("listener.wss.$name.reuse_sessions", Flag),
    Key::unserved("listener.ssl.$name.honor_cipher_order", Flag),
    Key::unserved("listener.wss.$name.honor_cipher_order", Flag),
    Key::unserved(
        "listener.ssl.$name.log_level",
        Words(&[
            "emergency",
            "alert",
            "critical",
            "error",
            "warning",
            "notice",
            "info",
            "debug",
            "none",
            "all",
        ]),
    ),
    Key::unserved(
        "listener.wss.$name.log_level",
        Words(&[
            "emergency",
            "alert",
            "critical",
            "error",
            "warning",
            "notice",
            "info",
            "debug",
            "none",
            "all",
        ]),
    ),
    Key::unserved("listener.ssl.$name.gc_after_handshake", Flag),
    Key::unserved("listener.ssl.$name.hibernate_after", Or(&Duration, &["undefined"])),
    Key::unserved("listener.ssl.$name.enable_ocsp_stapling", Flag),
    Key::unserved("listener.ssl.$name.ocsp_responder_url", Text),
    Key::unserved("listener.ssl.$name.ocsp_issuer_pem", Text),
    Key::unserved("listener.ssl.$name.ocsp_refresh_interval", Duration),
    Key::unserved("listener.ssl.$name.ocsp_refresh_http_timeout", Duration),
    Key::unserved("listener.ssl.$name.enable_crl_check", Flag),
    Key::unserved("listener.ssl.$name.crl_cache_urls", Text),
    Key::unserved("listener.ws.$name.mqtt_path", Text),
    Key::unserved("listener.wss.$name.mqtt_path", Text),
    Key::unserved("listener.ws.$name.fail_if_no_subprotocol", Flag),
    Key::unserved("listener.wss.$name.fail_if_no_subprotocol", Flag),
    Key::unserved("listener.ws.$name.supported_subprotocols", Text),
    Key::unserved("listener.wss.$name.supported_subprotocols", Text),
    Key::unserved("listener.ws.$name.proxy_address_header", Text),
    Key::unserved("listener.wss.$name.proxy_address_header", Text),
    Key::unserved("listener.ws.$name.proxy_port_header", Text),
    Key::unserved("listener.wss.$name.proxy_port_header", Text),
    Key::unserved("listener.ws.$name.compress", Flag),
    Key::unserved("listener.wss.$name.compress", Flag),
    Key::unserved(
        "listener.ws.$name.deflate_opts.level",
        Words(&["none", "default", "best_compression", "best_speed"]),
    ),
    Key::unserved(
        "listener.wss.$name.deflate_opts.level",
        Words(&["none", "default", "best_compression", "best_speed"]),
    ),
    Key::unserved("listener.ws.$name.deflate_opts.mem_level", Integer),
    Key::unserved("listener.wss.$name.deflate_opts.mem_level", Integer),
    Key::unserved(
        "listener.ws.$name.deflate_opts.strategy",
        Words(&["default", "filtered", "huffman_only", "rle"]),
    ),
    Key::unserved(
        "listener.wss.$name.deflate_opts.strategy",
        Words(&["default", "filtered", "huffman_only", "rle"]),
    ),
    Key::unserved(
        "listener.ws.$name.deflate_opts.server_context_takeover",
        Words(&["takeover", "no_takeover"]),
    ),
    Key::unserved(
        "listener.wss.$name.deflate_opts.server_context_takeover",
        Words(&["takeover", "no_takeover"]),
    ),
    Key::unserved(
        "listener.ws.$name.deflate_opts.client_context_takeover",
        Words(&["takeover", "no_takeover"]),
    ),
    Key::unserved(
        "listener.wss.$name.deflate_opts.client_context_takeover",
        Words(&["takeover", "no_takeover"]),
    ),
    Key::unserved("listener.ws.$name.deflate_opts.server_max_window_bits", Integer),
    Key::unserved("listener.wss.$name.deflate_opts.server_max_window_bits", Integer),
    Key::unserved("listener.ws.$name.deflate_opts.client_max_window_bits", Integer),
    Key::unserved("listener.wss.$name.deflate_opts.client_max_window_bits", Integer),
    Key::unserved("listener.ws.$name.idle_timeout", Duration),
    Key::unserved("listener.wss.$name.idle_timeout", Duration),
    Key::unserved("listener.ws.$name.max_frame_size", Integer),
    Key::unserved("listener.wss.$name.max_frame_size", Integer),
    Key::unserved("listener.ws.$name.mqtt_piggyback", Words(&["single", "multiple"])),
    Key::unserved("listener.wss.$name.mqtt_piggyback", Words(&["single", "multiple"])),
    Key::unserved("listener.ws.$name.check_origin_enable", Flag),
    Key::unserved("listener.wss.$name.check_origin_enable", Flag),
    Key::unserved("listener.ws.$name.allow_origin_absence", Flag),
    Key::unserved("listener.wss.$name.allow_origin_absence", Flag),
    Key::unserved("listener.ws.$name.check_origins", Text),
    Key::unserved("listener.wss.$name.check_origins", Text),
];
