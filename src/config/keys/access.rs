//! Who may connect and do what: the top-level keys and the static users of the `auth_mnesia` plugin.

use super::Kind::{Text, Words};
use super::{Key, Place};
use crate::broker::jwt::Secret;
use crate::config::draft::{Draft, anonymous, ban_policy, nomatch_allows};
use crate::config::order::{LOGINS, RIGHTS, missing_text, order};
use crate::config::values::{Parsed, between, duration, flag, integer, word};
use crate::node::access::auth_http::NO_CERTIFICATE;

pub(super) const KEYS: &[Key] = &[
    Key::set(
        "allow_anonymous",
        "local",
        "Who needs no password: local = clients of this host, true = all, false = none (or false_quick_deny).",
        |d, _, t| {
            d.access.allow_anonymous = anonymous(t)?;
            Ok(())
        },
    ),
    Key::set(
        "users_file",
        "data/users",
        "Users and hashes of their passwords, see emqx-rs-users(5). The default one need not exist; an empty one denies everybody.",
        |d, p, t| {
            d.users_file = (t.into(), p.origin.into());
            Ok(())
        },
    ),
    Key::set(
        "acl_nomatch",
        "deny",
        "The answer when no rule matches: allow or deny.",
        |d, _, t| {
            d.access.nomatch_allows = nomatch_allows(t)?;
            Ok(())
        },
    ),
    Key::set(
        "acl_file",
        "",
        "Rules about topics, see acl.conf(5); unset, the rules of the shipped acl.conf.",
        |d, p, t| {
            d.acl_file = Some((t.into(), p.origin.into()));
            Ok(())
        },
    ),
    Key::set(
        "acl_deny_action",
        "ignore",
        "A client that may not: ignore = tell it, disconnect = close it.",
        |d, _, t| {
            d.base.acl_deny_disconnect = deny_disconnects(t)?;
            Ok(())
        },
    ),
    Key::set(
        "auth.user.$id.username",
        "",
        "A user name that may connect with auth.user.$id.password.",
        |d, p, t| {
            d.user(p).name = Some(t.into());
            Ok(())
        },
    ),
    Key::set(
        "auth.user.$id.password",
        "",
        "The password of that user, as plain text.",
        |d, p, t| {
            d.user(p).password = Some(t.into());
            Ok(())
        },
    ),
    Key::set(
        "auth.client.$id.clientid",
        "",
        "A client id that may connect with auth.client.$id.password.",
        |d, p, t| {
            d.user(p).name = Some(t.into());
            Ok(())
        },
    ),
    Key::set(
        "auth.client.$id.password",
        "",
        "The password of that client, as plain text.",
        |d, p, t| {
            d.user(p).password = Some(t.into());
            Ok(())
        },
    ),
    Key::set(
        "auth_failure_policy",
        "10, 1m, 1m",
        "A user name with so many wrong passwords from one address within so much time is banned there for so long; or off.",
        |d, _, t| {
            d.bans.failures = ban_policy(t)?;
            Ok(())
        },
    ),
    Key::set(
        "auth_spray_policy",
        "20, 10m, 10m",
        "An address with wrong passwords for so many names within so much time lets nobody guess for so long; or off.",
        |d, _, t| {
            d.bans.sprays = ban_policy(t)?;
            Ok(())
        },
    ),
    Key::set(
        "takeover_policy",
        "10, 1m, 1m",
        "A client id that is taken over so often within so much time is banned at that address for so long; or off.",
        |d, _, t| {
            d.bans.takeovers = ban_policy(t)?;
            Ok(())
        },
    ),
    Key::set(
        "flapping_detect_policy",
        "30, 1m, 5m",
        "A client that goes so often within so much time is banned for so long, in zones with enable_flapping_detect.",
        |d, _, t| {
            d.bans.flapping = ban_policy(t)?;
            Ok(())
        },
    ),
    Key::set(
        "auth.jwt.secret",
        "",
        "JSON Web Tokens signed with this secret (HS256, HS384, HS512) let clients in; see auth.jwt.from.",
        |d, _, t| {
            // What EMQX ships, and everybody knows.
            if t.is_empty() || t == "emqxsecret" {
                return Err("a secret of your own, not the published one".into());
            }
            d.jwt.secret = Some(Secret::new(t.as_bytes()));
            Ok(())
        },
    ),
    Key::set(
        "auth.jwt.pubkey",
        "",
        "File with the public key (PEM; RSA, P-256, P-384 or Ed25519) of tokens that let clients in.",
        |d, p, t| {
            d.jwt_key = Some((t.into(), p.origin.into()));
            Ok(())
        },
    ),
    Key::set(
        "auth.jwt.jwks",
        "",
        "URL of a set of public keys (JWKS; as above) of tokens that let clients in.",
        |d, p, t| d.jwks.set_url(t, p),
    ),
    Key::set(
        "auth.jwt.jwks.refresh_interval",
        "5m",
        "It is fetched again after this time, and on reload.",
        |d, _, t| {
            d.jwks.refresh = between(duration(t)?, "1s", "1d")?;
            Ok(())
        },
    ),
    Key::set(
        "auth.jwt.jwks.cacertfile",
        "",
        "Authorities (PEM) that prove a server at https://.",
        |d, _, t| {
            d.jwks.authorities = Some(t.into());
            Ok(())
        },
    ),
    Key::set(
        "auth.jwt.from",
        "password",
        "Where the token is: password or username.",
        |d, _, t| {
            d.jwt.from_username = word(t, &["password", "username"])? == 1;
            Ok(())
        },
    ),
    Key::set(
        "auth.jwt.signature_format",
        "raw",
        "Form of signatures by elliptic curves in tokens: raw, as the standard has it, or der.",
        |d, _, t| {
            d.jwt.der = word(t, &["raw", "der"])? == 1;
            Ok(())
        },
    ),
    Key::set(
        "auth.jwt.verify_claims",
        "off",
        "Whether the claims of auth.jwt.verify_claims.$name are looked at. Times (exp, nbf, iat) always are.",
        |d, _, t| {
            d.jwt_claims.0 = flag(t)?;
            Ok(())
        },
    ),
    Key::set(
        "auth.jwt.verify_claims.$name",
        "",
        "A claim that a token must have with this text; %u is the user name, %c the client id.",
        |d, p, t| {
            d.jwt_claims.1.push((p.name().into(), t.into()));
            Ok(())
        },
    ),
    Key::set(
        "auth.jwt.acl_claim_name",
        "acl",
        "Claim with all that a client may do, as lists of topic filters: pub, sub, all.",
        |d, _, t| {
            d.jwt.acl_claim = t.into();
            Ok(())
        },
    ),
    Key::unused("auth.mnesia.password_hash", Words(&["plain", "md5", "sha", "sha256", "sha512"])),
    Key::set(
        "auth_order",
        "none",
        "Who is asked first whether a client may connect: none = jwt, users, http. Who is not named comes behind.",
        |d, p, t| {
            let (order, missing) = order(t, LOGINS)?;
            d.auth_order = order;
            if !missing.is_empty() {
                d.warn(missing_text(p, &missing));
            }
            Ok(())
        },
    ),
    Key::set(
        "acl_order",
        "none",
        "Who is asked first what a client may do: none = jwt, http, internal (the rules). Who is not named comes behind.",
        |d, p, t| {
            let (order, missing) = order(t, RIGHTS)?;
            d.acl_order = order;
            if !missing.is_empty() {
                d.warn(missing_text(p, &missing));
            }
            Ok(())
        },
    ),
    Key::set(
        "enable_acl_cache",
        "on",
        "What the HTTP server says that a client may do is kept, for each client.",
        |d, _, t| {
            d.acl_cache.0 = flag(t)?;
            Ok(())
        },
    ),
    Key::set("acl_cache_max_size", "32", "So many of its answers are kept.", |d, _, t| {
        d.acl_cache.1 = integer(t, 1, 65_535)?;
        Ok(())
    }),
    Key::set("acl_cache_ttl", "1m", "They are kept so long.", |d, _, t| {
        d.acl_cache.2 = duration(t)?;
        Ok(())
    }),
    Key::unused("alias_enrichment_module", Text),
    Key::unused("special_auth_module", Text),
    Key::set(
        "auth.http.auth_req.url",
        "",
        "URL that is asked about clients (auth_order). 200: may connect; 200 and ignore: others decide; else: may not.",
        |d, p, t| d.auth_http.request(p).set_url(t, p),
    ),
    Key::set(
        "auth.http.auth_req.method",
        "post",
        "How it is asked: get, post or put.",
        |d, p, t| d.auth_http.request(p).set_method(t),
    ),
    Key::set(
        "auth.http.auth_req.headers.$name",
        "",
        "A header of that request. With content-type = application/json the parameters go as JSON.",
        |d, p, t| d.auth_http.request(p).set_header(p.name(), t),
    ),
    Key::set(
        "auth.http.auth_req.params",
        "",
        "Its parameters: clientid=%c,username=%u,password=%P; also %a (address), %r (protocol) and %p (port).",
        params,
    ),
    Key::set(
        "auth.http.super_req.url",
        "",
        "URL that is asked about clients that may connect. 200: no rule holds for it.",
        |d, p, t| d.auth_http.request(p).set_url(t, p),
    ),
    Key::set(
        "auth.http.super_req.method",
        "post",
        "How it is asked: get, post or put.",
        |d, p, t| d.auth_http.request(p).set_method(t),
    ),
    Key::set(
        "auth.http.super_req.headers.$name",
        "",
        "A header of that request. With content-type = application/json the parameters go as JSON.",
        |d, p, t| d.auth_http.request(p).set_header(p.name(), t),
    ),
    Key::set(
        "auth.http.super_req.params",
        "",
        "Its parameters: clientid=%c,username=%u,password=%P; also %a (address), %r (protocol) and %p (port).",
        params,
    ),
    Key::set(
        "auth.http.acl_req.url",
        "",
        "URL that is asked what a client may do (acl_order). 200: it may; 200 and ignore: others decide; else: it may not.",
        |d, p, t| d.auth_http.request(p).set_url(t, p),
    ),
    Key::set(
        "auth.http.acl_req.method",
        "post",
        "How it is asked: get, post or put.",
        |d, p, t| d.auth_http.request(p).set_method(t),
    ),
    Key::set(
        "auth.http.acl_req.headers.$name",
        "",
        "A header of that request. With content-type = application/json the parameters go as JSON.",
        |d, p, t| d.auth_http.request(p).set_header(p.name(), t),
    ),
    Key::set(
        "auth.http.acl_req.params",
        "",
        "Its parameters, as above; also %A (1 = subscribe, 2 = publish), %t (topic) and %m (mount point).",
        params,
    ),
    Key::set("auth.http.timeout", "5s", "An answer that takes longer is none.", |d, _, t| {
        d.auth_http.timeout = between(duration(t)?, "100ms", "15s")?;
        Ok(())
    }),
    Key::set(
        "auth.http.connect_timeout",
        "5s",
        "Of that, a connection to the server may take so long to come up.",
        |d, _, t| {
            d.auth_http.connect_timeout = between(duration(t)?, "100ms", "15s")?;
            Ok(())
        },
    ),
    Key::set(
        "auth.http.pool_size",
        "32",
        "Questions to the server at once, at most half of them (and 16) about one client; connections that are kept.",
        |d, _, t| {
            d.auth_http.pool_size = integer(t, 1, 65_535)?;
            Ok(())
        },
    ),
    Key::set(
        "auth.http.ssl.cacertfile",
        "",
        "Authorities (PEM) that prove a server at https://.",
        |d, _, t| {
            d.auth_http.files[0] = Some(t.into());
            Ok(())
        },
    ),
    Key::set(
        "auth.http.ssl.certfile",
        "",
        "Certificate (PEM) that proves this node to the server.",
        |d, _, t| {
            d.auth_http.files[1] = Some(t.into());
            Ok(())
        },
    ),
    Key::set("auth.http.ssl.keyfile", "", "Its private key (PEM).", |d, _, t| {
        d.auth_http.files[2] = Some(t.into());
        Ok(())
    }),
    Key::unused("auth.http.enable_pipelining", Text),
    Key::unused("auth.http.ssl.*", Text),
    Key::missing("auth.jwt.jwks.*", Text, &[]),
    Key::missing("auth.mysql.*", Text, &[]),
    Key::missing("auth.pgsql.*", Text, &[]),
    Key::missing("auth.redis.*", Text, &[]),
    Key::missing("auth.mongo.*", Text, &[]),
    Key::missing("auth.ldap.*", Text, &[]),
];

/// `ignore` or `disconnect`.
pub(super) fn deny_disconnects(text: &str) -> Parsed<bool> {
    Ok(word(text, &["ignore", "disconnect"])? == 1)
}

fn params(d: &mut Draft, p: &Place<'_>, t: &str) -> Parsed<()> {
    d.auth_http.request(p).set_params(t, p)?;
    let of_certificate = |word: &str| word.starts_with(|letter| NO_CERTIFICATE.contains(letter));
    if t.split('%').skip(1).any(of_certificate) {
        let text = "%C and %d are empty; %u is what listener.*.peer_cert_as_username takes from a certificate";
        d.warn(format!("{}: {}: {text}", p.origin, p.key));
    }
    Ok(())
}
