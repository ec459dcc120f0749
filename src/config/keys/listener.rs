//! `listener.<tcp|ssl|ws|wss|unix>.$name`: where clients connect.

use super::Kind::{Bytes, Duration, Flag, Integer, Or, Text, Words};
use super::{Key, Place};
use crate::config::draft::{Draft, access_rule};
use crate::config::listeners::{
    ListenerDraft, NETWORK, TLS, UNIX, WEB, blocks, certificate_name, file, kind, mode,
    socket_path, suites, versions,
};
use crate::config::values::{
    Parsed, bind, bytes, duration, duration_or_off, flag, integer, list, rate, size, word,
};
use crate::node::listener::settings::ListenerKind;
use crate::node::tls::settings::Password;

const ANY: &[ListenerKind] = &ListenerKind::ALL;

/// The listener a key names, which must be of one of `kinds`.
fn of<'d>(
    draft: &'d mut Draft,
    place: &Place<'_>,
    kinds: &[ListenerKind],
) -> Parsed<&'d mut ListenerDraft> {
    let name = place.names.get(1).copied().unwrap_or_default();
    Ok(draft.listener(kind(place, kinds)?, name))
}

/// Tells what of a list is left out.
pub(super) fn not_spoken(d: &mut Draft, p: &Place<'_>, others: &[&str]) {
    if !others.is_empty() {
        d.info(format!("{}: {}: not spoken here: {}", p.origin, p.key, others.join(", ")));
    }
}

pub(super) const KEYS: &[Key] = &[
    Key::set(
        "listener.$kind.$name",
        "",
        "Port, address:port, or a path for unix. Without any: listener.tcp.external = 1883, every address of both families.",
        |d, p, t| {
            let listener = of(d, p, ANY)?;
            let path = listener.settings.kind == ListenerKind::Unix;
            listener.bind = Some(if path { socket_path(t)? } else { bind(t)? });
            Ok(())
        },
    ),
    Key::set(
        "listener.$kind.$name.zone",
        "external",
        "Zone whose limits hold for its connections.",
        |d, p, t| {
            of(d, p, ANY)?.settings.zone = t.into();
            Ok(())
        },
    ),
    Key::set(
        "listener.$kind.$name.max_connections",
        "1024000",
        "Connections at once; who comes beyond is told so (0x97, in MQTT 3 code 3).",
        |d, p, t| {
            of(d, p, ANY)?.settings.max_connections = integer(t, 1, 1_000_000_000)?;
            Ok(())
        },
    ),
    Key::set(
        "listener.$kind.$name.max_connections_per_address",
        "0",
        "Those of one address, but for this host and trusted_proxies; 0 = no limit.",
        |d, p, t| {
            of(d, p, NETWORK)?.settings.max_per_address = integer(t, 0, 1_000_000_000)?;
            Ok(())
        },
    ),
    Key::set(
        "listener.$kind.$name.rate_limit",
        "",
        "As zone.$name.rate_limit.conn_bytes_in, where the zone sets none.",
        |d, p, t| {
            of(d, p, ANY)?.settings.rate_limit = rate(t, bytes)?;
            Ok(())
        },
    ),
    Key::set(
        "listener.$kind.$name.max_conn_rate",
        "1000",
        "New connections per second, 500 with TLS unless set; the rest waits. 0 = no limit.",
        |d, p, t| {
            of(d, p, ANY)?.settings.max_conn_rate = integer(t, 0, 1_000_000_000)?;
            Ok(())
        },
    ),
    Key::set(
        "listener.$kind.$name.access.$id",
        "allow all",
        "allow or deny, and all or a block: deny 10.0.0.0/8. In order of $id.",
        |d, p, t| {
            let rule = access_rule(t)?;
            let id = p.names.get(2).copied().unwrap_or_default().to_owned();
            of(d, p, ANY)?.access.insert(id, rule);
            Ok(())
        },
    ),
    Key::set(
        "listener.$kind.$name.backlog",
        "4096",
        "Connections the kernel holds until they are accepted. It caps them at net.core.somaxconn.",
        |d, p, t| {
            of(d, p, ANY)?.settings.backlog = integer(t, 1, 1_000_000)?;
            Ok(())
        },
    ),
    Key::set(
        "listener.$kind.$name.nodelay",
        "true",
        "Send small packets at once (TCP_NODELAY).",
        |d, p, t| {
            of(d, p, NETWORK)?.settings.nodelay = flag(t)?;
            Ok(())
        },
    ),
    Key::set(
        "listener.$kind.$name.reuseaddr",
        "true",
        "Bind although old connections linger (SO_REUSEADDR).",
        |d, p, t| {
            of(d, p, NETWORK)?.settings.reuseaddr = flag(t)?;
            Ok(())
        },
    ),
    Key::set(
        "listener.$kind.$name.sndbuf",
        "",
        "Send buffer of the kernel; unset, the kernel sizes it.",
        |d, p, t| {
            of(d, p, NETWORK)?.settings.sndbuf = Some(size(t)?);
            Ok(())
        },
    ),
    Key::set(
        "listener.$kind.$name.recbuf",
        "",
        "Receive buffer of the kernel; unset, the kernel sizes it.",
        |d, p, t| {
            of(d, p, NETWORK)?.settings.recbuf = Some(size(t)?);
            Ok(())
        },
    ),
    Key::set(
        "listener.$kind.$name.send_timeout",
        "30s",
        "Close a connection that takes nothing for this long.",
        |d, p, t| {
            of(d, p, ANY)?.settings.send_timeout = duration(t)?;
            Ok(())
        },
    ),
    Key::set(
        "listener.$kind.$name.high_watermark",
        "1MB",
        "A client is not read while more than this waits to be written to it.",
        |d, p, t| {
            of(d, p, ANY)?.settings.write_high = size(t)?;
            Ok(())
        },
    ),
    Key::set("listener.$kind.$name.mode", "0660", "unix: mode of the file.", |d, p, t| {
        of(d, p, UNIX)?.settings.mode = mode(t)?;
        Ok(())
    }),
    Key::set(
        "listener.$kind.$name.proxy_protocol",
        "off",
        "Each connection begins with a PROXY header, version 1 or 2, of a proxy that is trusted.",
        |d, p, t| {
            of(d, p, ANY)?.proxy = flag(t)?;
            Ok(())
        },
    ),
    Key::set(
        "listener.$kind.$name.proxy_protocol_timeout",
        "3s",
        "How long that header may take.",
        |d, p, t| {
            of(d, p, ANY)?.proxy_timeout = duration(t)?;
            Ok(())
        },
    ),
    Key::set(
        "listener.$kind.$name.trusted_proxies",
        "",
        "Addresses or blocks whose word about where a client is counts; unset: proxies on this host.",
        |d, p, t| {
            of(d, p, NETWORK)?.settings.trusted_proxies = blocks(t)?;
            Ok(())
        },
    ),
    Key::set(
        "listener.$kind.$name.peer_cert_as_username",
        "",
        "User name from the certificate: cn, dn, pem or md5. Who has one needs no password. Without TLS: cn, from a PROXY header 2.",
        |d, p, t| {
            let name = certificate_name(kind(p, ANY)?, t)?;
            of(d, p, ANY)?.settings.username_from = Some(name);
            Ok(())
        },
    ),
    Key::set(
        "listener.$kind.$name.peer_cert_as_clientid",
        "",
        "Client id from the certificate, in the same way; a user name that the client sends beside it needs its password.",
        |d, p, t| {
            let name = certificate_name(kind(p, ANY)?, t)?;
            of(d, p, ANY)?.settings.client_id_from = Some(name);
            Ok(())
        },
    ),
    Key::unused("listener.$kind.$name.acceptors", Integer),
    Key::unused("listener.$kind.$name.active_n", Integer),
    Key::unused("listener.$kind.$name.send_timeout_close", Flag),
    Key::unused("listener.$kind.$name.buffer", Bytes),
    Key::unused("listener.$kind.$name.tune_buffer", Flag),
];

pub(super) const WITH_TLS: &[Key] = &[
    Key::set(
        "listener.$kind.$name.certfile",
        "",
        "ssl, wss: certificate and those between it and the authority (PEM). Without a good one the listener stays closed.",
        |d, p, t| {
            of(d, p, TLS)?.tls.role.certificate = file(p, t);
            Ok(())
        },
    ),
    Key::set(
        "listener.$kind.$name.keyfile",
        "",
        "ssl, wss: its key (PEM), which not everybody may be able to read.",
        |d, p, t| {
            of(d, p, TLS)?.tls.role.key = file(p, t);
            Ok(())
        },
    ),
    Key::set(
        "listener.$kind.$name.key_password",
        "",
        "ssl, wss: password of the key, if it is locked with one (AES or triple DES).",
        |d, p, t| {
            of(d, p, TLS)?.tls.role.password = Some(Password::new(t));
            d.holds(p, "the password of a key");
            Ok(())
        },
    ),
    Key::set(
        "listener.$kind.$name.cacertfile",
        "",
        "ssl, wss: authorities that sign certificates of clients (PEM).",
        |d, p, t| {
            of(d, p, TLS)?.tls.role.authorities = file(p, t);
            Ok(())
        },
    ),
    Key::set(
        "listener.$kind.$name.crlfile",
        "",
        "ssl, wss: lists of certificates that were called back (PEM).",
        |d, p, t| {
            of(d, p, TLS)?.tls.role.revoked = file(p, t);
            Ok(())
        },
    ),
    Key::set(
        "listener.$kind.$name.verify",
        "verify_none",
        "ssl, wss: verify_peer asks clients for a certificate and checks it.",
        |d, p, t| {
            of(d, p, TLS)?.tls.role.verify = word(t, &["verify_none", "verify_peer"])? == 1;
            Ok(())
        },
    ),
    Key::set(
        "listener.$kind.$name.fail_if_no_peer_cert",
        "false",
        "ssl, wss: with verify_peer, refuse clients without a certificate.",
        |d, p, t| {
            of(d, p, TLS)?.tls.role.demand = flag(t)?;
            Ok(())
        },
    ),
    Key::set(
        "listener.$kind.$name.depth",
        "10",
        "ssl, wss: certificates between that of a client and the authority, at most.",
        |d, p, t| {
            of(d, p, TLS)?.tls.role.depth = Some(integer(t, 0, 100)?);
            Ok(())
        },
    ),
    Key::set(
        "listener.$kind.$name.tls_versions",
        "tlsv1.3,tlsv1.2",
        "ssl, wss: versions that are spoken; there are no others than these.",
        |d, p, t| {
            let (tls12, tls13, others) = versions(t)?;
            let tls = &mut of(d, p, TLS)?.tls;
            (tls.tls12, tls.tls13) = (tls12, tls13);
            not_spoken(d, p, &others);
            Ok(())
        },
    ),
    Key::set(
        "listener.$kind.$name.ciphers",
        "",
        "ssl, wss: cipher suites by OpenSSL's or IANA's names; unset, all nine that are spoken here.",
        |d, p, t| {
            let (known, others) = suites(t)?;
            of(d, p, TLS)?.tls.role.suites = known;
            not_spoken(d, p, &others);
            Ok(())
        },
    ),
    Key::set(
        "listener.$kind.$name.handshake_timeout",
        "15s",
        "ssl, wss: a handshake may take this long. A node does 256 at once, 64 of them for one address.",
        |d, p, t| {
            of(d, p, TLS)?.tls.handshake_timeout = duration(t)?;
            Ok(())
        },
    ),
    Key::set(
        "listener.$kind.$name.reuse_sessions",
        "on",
        "ssl, wss: clients may resume a session, which saves most of a handshake.",
        |d, p, t| {
            of(d, p, TLS)?.tls.resumes = flag(t)?;
            Ok(())
        },
    ),
    Key::missing("listener.$kind.$name.psk_ciphers", Text, &[]),
    Key::unused("listener.$kind.$name.dhfile", Text),
    Key::missing(
        "listener.$kind.$name.partial_chain",
        Words(&["true", "false", "two_cacerts_from_cacertfile", "cacert_from_cacertfile"]),
        &["false"],
    ),
    Key::missing("listener.$kind.$name.verify_peer_ext_key_usage", Text, &["undefined"]),
    Key::unused("listener.$kind.$name.secure_renegotiate", Flag),
    Key::unused("listener.$kind.$name.honor_cipher_order", Flag),
    Key::unused(
        "listener.$kind.$name.log_level",
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
    Key::unused("listener.$kind.$name.gc_after_handshake", Flag),
    Key::unused("listener.$kind.$name.hibernate_after", Or(&Duration, &["undefined"])),
    Key::missing("listener.$kind.$name.enable_ocsp_stapling", Flag, &["off", "false"]),
    Key::unused("listener.$kind.$name.ocsp_responder_url", Text),
    Key::unused("listener.$kind.$name.ocsp_issuer_pem", Text),
    Key::unused("listener.$kind.$name.ocsp_refresh_interval", Duration),
    Key::unused("listener.$kind.$name.ocsp_refresh_http_timeout", Duration),
    Key::missing("listener.$kind.$name.enable_crl_check", Flag, &["off", "false"]),
    Key::unused("listener.$kind.$name.crl_cache_urls", Text),
];

pub(super) const WITH_WEBSOCKET: &[Key] = &[
    Key::set(
        "listener.$kind.$name.mqtt_path",
        "",
        "ws, wss: the only path that is served, such as /mqtt; unset, any.",
        |d, p, t| {
            let path = (!t.is_empty()).then(|| t.to_owned());
            of(d, p, WEB)?.settings.websocket.path = path;
            Ok(())
        },
    ),
    Key::set(
        "listener.$kind.$name.supported_subprotocols",
        "mqtt, mqttv3.1, mqtt-v3, mqtt-v3.1.1, mqtt-v5",
        "ws, wss: sub-protocols that are accepted.",
        |d, p, t| {
            of(d, p, WEB)?.settings.websocket.protocols = list(t).map(str::to_owned).collect();
            Ok(())
        },
    ),
    Key::set(
        "listener.$kind.$name.fail_if_no_subprotocol",
        "true",
        "ws, wss: refuse clients that offer no sub-protocol at all.",
        |d, p, t| {
            of(d, p, WEB)?.settings.websocket.needs_protocol = flag(t)?;
            Ok(())
        },
    ),
    Key::set(
        "listener.$kind.$name.check_origin_enable",
        "false",
        "ws, wss: accept pages of check_origins only.",
        |d, p, t| {
            of(d, p, WEB)?.check_origin = flag(t)?;
            Ok(())
        },
    ),
    Key::set(
        "listener.$kind.$name.check_origins",
        "",
        "ws, wss: origins of pages that may connect: https://home.lan, http://home.lan:8123",
        |d, p, t| {
            of(d, p, WEB)?.origins = list(t).map(str::to_owned).collect();
            Ok(())
        },
    ),
    Key::set(
        "listener.$kind.$name.allow_origin_absence",
        "true",
        "ws, wss: with check_origin_enable, accept who says no origin: programs other than browsers.",
        |d, p, t| {
            of(d, p, WEB)?.settings.websocket.origin_may_lack = flag(t)?;
            Ok(())
        },
    ),
    Key::set(
        "listener.$kind.$name.proxy_address_header",
        "X-Forwarded-For",
        "ws, wss: header in which a trusted proxy says where the client is.",
        |d, p, t| {
            t.clone_into(&mut of(d, p, WEB)?.settings.websocket.address_header);
            Ok(())
        },
    ),
    Key::set(
        "listener.$kind.$name.proxy_port_header",
        "X-Forwarded-Port",
        "ws, wss: header in which it says the port.",
        |d, p, t| {
            t.clone_into(&mut of(d, p, WEB)?.settings.websocket.port_header);
            Ok(())
        },
    ),
    Key::set(
        "listener.$kind.$name.max_frame_size",
        "",
        "ws, wss: longest frame in bytes; unset, as long as a packet may be. 0 = no limit.",
        |d, p, t| {
            let most = match integer(t, 0, i64::MAX)? {
                0 => u64::MAX,
                most => most,
            };
            of(d, p, WEB)?.settings.max_frame = Some(most);
            Ok(())
        },
    ),
    Key::missing("listener.$kind.$name.compress", Flag, &["off", "false"]),
    Key::unused(
        "listener.$kind.$name.deflate_opts.level",
        Words(&["none", "default", "best_compression", "best_speed"]),
    ),
    Key::unused("listener.$kind.$name.deflate_opts.mem_level", Integer),
    Key::unused(
        "listener.$kind.$name.deflate_opts.strategy",
        Words(&["default", "filtered", "huffman_only", "rle"]),
    ),
    Key::unused(
        "listener.$kind.$name.deflate_opts.server_context_takeover",
        Words(&["takeover", "no_takeover"]),
    ),
    Key::unused(
        "listener.$kind.$name.deflate_opts.client_context_takeover",
        Words(&["takeover", "no_takeover"]),
    ),
    Key::unused("listener.$kind.$name.deflate_opts.server_max_window_bits", Integer),
    Key::unused("listener.$kind.$name.deflate_opts.client_max_window_bits", Integer),
    Key::set(
        "listener.$kind.$name.idle_timeout",
        "infinity",
        "ws, wss: who sends nothing for so long, no ping either, is closed, whatever its keep alive.",
        |d, p, t| {
            of(d, p, WEB)?.settings.idle_timeout = duration_or_off(t)?;
            Ok(())
        },
    ),
    Key::set(
        "listener.$kind.$name.mqtt_piggyback",
        "multiple",
        "ws, wss: single = a frame for each packet to a client. From clients a frame may always hold several.",
        |d, p, t| {
            of(d, p, WEB)?.settings.one_packet_frames = word(t, &["single", "multiple"])? == 0;
            Ok(())
        },
    ),
];
