//! `management.*`: the HTTP API.

use super::Kind::{Bytes, Flag, Integer, Text};
use super::{Key, listener::not_spoken};
use crate::config::listeners::{file, suites, versions};
use crate::config::values::{duration, flag, integer, size, word};
use crate::node::tls::settings::Password;

pub(super) const KEYS: &[Key] = &[
    Key::set(
        "management.listener.http",
        "",
        "HTTP API: a port, reached from this host alone, or address:port such as 0.0.0.0:8081. Unset, it is off.",
        |d, _, t| d.management.http().set_bind(t),
    ),
    Key::set("management.listener.https", "", "The same over TLS.", |d, _, t| {
        d.management.https().set_bind(t)
    }),
    Key::set(
        "management.listener.$kind.max_clients",
        "512",
        "http, https: connections at once; of those that have shown no secret there are 16 at most.",
        |d, p, t| {
            let most = integer(t, 1, 65_535)?;
            d.management.endpoint(p)?.listener.settings.max_connections = most;
            Ok(())
        },
    ),
    Key::set(
        "management.listener.$kind.backlog",
        "512",
        "http, https: connections the kernel keeps before they are accepted.",
        |d, p, t| {
            d.management.endpoint(p)?.listener.settings.backlog = integer(t, 1, 65_535)?;
            Ok(())
        },
    ),
    Key::set(
        "management.listener.$kind.send_timeout",
        "15s",
        "http, https: who takes nothing of an answer for so long is closed.",
        |d, p, t| {
            d.management.endpoint(p)?.listener.settings.send_timeout = duration(t)?;
            Ok(())
        },
    ),
    Key::set(
        "management.listener.$kind.nodelay",
        "true",
        "http, https: small answers do not wait for company (TCP_NODELAY).",
        |d, p, t| {
            d.management.endpoint(p)?.listener.settings.nodelay = flag(t)?;
            Ok(())
        },
    ),
    Key::set(
        "management.listener.$kind.sndbuf",
        "",
        "http, https: send buffer of the kernel, in bytes; unset, its own choice.",
        |d, p, t| {
            d.management.endpoint(p)?.listener.settings.sndbuf = Some(size(t)?);
            Ok(())
        },
    ),
    Key::set(
        "management.listener.$kind.recbuf",
        "",
        "http, https: receive buffer of the kernel, in bytes; unset, its own choice.",
        |d, p, t| {
            d.management.endpoint(p)?.listener.settings.recbuf = Some(size(t)?);
            Ok(())
        },
    ),
    Key::set(
        "management.listener.$kind.inet6",
        "false",
        "http, https: a port alone is on [::1] and not on 127.0.0.1.",
        |d, p, t| {
            d.management.endpoint(p)?.inet6 = flag(t)?;
            Ok(())
        },
    ),
    Key::set(
        "management.listener.$kind.certfile",
        "",
        "https: certificate and those between it and the authority (PEM). Without a good one it stays closed.",
        |d, p, t| {
            d.management.endpoint(p)?.listener.tls.role.certificate = file(p, t);
            Ok(())
        },
    ),
    Key::set(
        "management.listener.$kind.keyfile",
        "",
        "https: its key (PEM), which not everybody may be able to read.",
        |d, p, t| {
            d.management.endpoint(p)?.listener.tls.role.key = file(p, t);
            Ok(())
        },
    ),
    Key::set(
        "management.listener.$kind.key_password",
        "",
        "https: password of the key, if it is locked with one (AES or triple DES).",
        |d, p, t| {
            d.management.endpoint(p)?.listener.tls.role.password = Some(Password::new(t));
            d.holds(p, "the password of a key");
            Ok(())
        },
    ),
    Key::set(
        "management.listener.$kind.cacertfile",
        "",
        "https: authorities that sign certificates of clients (PEM).",
        |d, p, t| {
            d.management.endpoint(p)?.listener.tls.role.authorities = file(p, t);
            Ok(())
        },
    ),
    Key::set(
        "management.listener.$kind.verify",
        "verify_none",
        "https: verify_peer asks clients for a certificate and checks it.",
        |d, p, t| {
            let verify = word(t, &["verify_none", "verify_peer"])? == 1;
            d.management.endpoint(p)?.listener.tls.role.verify = verify;
            Ok(())
        },
    ),
    Key::set(
        "management.listener.$kind.fail_if_no_peer_cert",
        "false",
        "https: with verify_peer, refuse clients without a certificate.",
        |d, p, t| {
            d.management.endpoint(p)?.listener.tls.role.demand = flag(t)?;
            Ok(())
        },
    ),
    Key::set(
        "management.listener.$kind.tls_versions",
        "tlsv1.3,tlsv1.2",
        "https: versions that are spoken; there are no others than these.",
        |d, p, t| {
            let (tls12, tls13, others) = versions(t)?;
            let tls = &mut d.management.endpoint(p)?.listener.tls;
            (tls.tls12, tls.tls13) = (tls12, tls13);
            not_spoken(d, p, &others);
            Ok(())
        },
    ),
    Key::set(
        "management.listener.$kind.ciphers",
        "",
        "https: cipher suites by OpenSSL's or IANA's names; unset, all nine that are spoken here.",
        |d, p, t| {
            let (known, others) = suites(t)?;
            d.management.endpoint(p)?.listener.tls.role.suites = known;
            not_spoken(d, p, &others);
            Ok(())
        },
    ),
    Key::missing("management.listener.$kind.proxy_header", Flag, &["off", "false"]),
    Key::unused("management.listener.$kind.acceptors", Integer),
    Key::unused("management.listener.$kind.send_timeout_close", Flag),
    Key::unused("management.listener.$kind.buffer", Bytes),
    Key::unused("management.listener.$kind.tune_buffer", Flag),
    Key::unused("management.listener.$kind.ipv6_v6only", Flag),
    Key::unused("management.listener.$kind.*", Text),
    Key::set(
        "management.default_application.id",
        "",
        "An application that may use the HTTP API, unset admin; others are made by emqx-rs-ctl mgmt insert.",
        |d, _, t| {
            d.management.app_id = (!t.is_empty()).then(|| t.to_owned());
            Ok(())
        },
    ),
    Key::set(
        "management.default_application.secret",
        "",
        "Its secret. The one EMQX publishes counts as not set.",
        |d, p, t| {
            if t.is_empty() {
                return Ok(());
            }
            d.holds(p, "the secret of an application");
            d.management.set_secret(t, p.origin)
        },
    ),
    Key::set(
        "management.bootstrap_apps_file",
        "",
        "A file with more applications, a line id:secret each.",
        |d, p, t| {
            d.management.bootstrap = (!t.is_empty()).then(|| (t.to_owned(), p.origin.to_owned()));
            Ok(())
        },
    ),
    Key::set(
        "management.max_row_limit",
        "10000",
        "Rows of a page that the HTTP API answers with, at most.",
        |d, _, t| {
            d.management.max_rows = integer(t, 1, 1_000_000)?;
            Ok(())
        },
    ),
];
