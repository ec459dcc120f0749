//! Listeners while their keys are applied one by one, and what depends on several of them.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use super::keys::Place;
use super::values::{Expected, Parsed, list, word};
use super::{Fault, Folders, Note};
use crate::node::listener::settings::{
    AccessRule, Bind, CertificateName, Listener, ListenerKind, Tls,
};
use crate::node::tls::listener as tls;
use crate::node::tls::listener::Material;
use crate::node::tls::settings::{BadTls, FileAt};
use crate::{broker::access::Cidr, sort};

/// Kinds that are reached over a network.
pub const NETWORK: &[ListenerKind] =
    &[ListenerKind::Tcp, ListenerKind::Ssl, ListenerKind::Ws, ListenerKind::Wss];
/// Kinds with TLS.
pub const TLS: &[ListenerKind] = &[ListenerKind::Ssl, ListenerKind::Wss];
/// Kinds with WebSocket.
pub const WEB: &[ListenerKind] = &[ListenerKind::Ws, ListenerKind::Wss];
/// Unix sockets.
pub const UNIX: &[ListenerKind] = &[ListenerKind::Unix];

/// Cipher suites: the name of OpenSSL and that of IANA.
const SUITES: [(&str, &str); 6] = [
    ("ECDHE-ECDSA-AES256-GCM-SHA384", "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384"),
    ("ECDHE-ECDSA-AES128-GCM-SHA256", "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256"),
    ("ECDHE-ECDSA-CHACHA20-POLY1305", "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256"),
    ("ECDHE-RSA-AES256-GCM-SHA384", "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384"),
    ("ECDHE-RSA-AES128-GCM-SHA256", "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256"),
    ("ECDHE-RSA-CHACHA20-POLY1305", "TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256"),
];
/// Those of TLS 1.3 have one name.
const SUITES_13: [&str; 3] =
    ["TLS_AES_256_GCM_SHA384", "TLS_AES_128_GCM_SHA256", "TLS_CHACHA20_POLY1305_SHA256"];

/// A listener that may not have an address yet.
#[derive(Debug)]
pub struct ListenerDraft {
    /// Address, once set.
    pub bind: Option<Bind>,
    /// The options; what is decided at the end is filled in then.
    pub settings: Listener,
    /// Access rules by id.
    pub access: BTreeMap<String, AccessRule>,
    /// `proxy_protocol`
    pub proxy: bool,
    /// `proxy_protocol_timeout`
    pub proxy_timeout: Duration,
    /// TLS; its files are not resolved yet.
    pub tls: tls::Settings,
    /// `check_origin_enable`
    pub check_origin: bool,
    /// `check_origins`
    pub origins: Vec<String>,
}

impl ListenerDraft {
    /// Built-in options, no address.
    #[must_use]
    pub fn new(kind: ListenerKind, name: &str) -> Self {
        Self {
            bind: None,
            settings: Listener::new(kind, name, Bind::Port(0)),
            access: BTreeMap::new(),
            proxy: false,
            proxy_timeout: Duration::from_secs(3),
            tls: tls::Settings::default(),
            check_origin: false,
            origins: Vec::new(),
        }
    }

    /// The listener, with what is to be said about it.
    #[must_use]
    pub fn finish(self, bind: Bind, folders: &Folders) -> (Listener, Vec<Note>) {
        let mut notes = Vec::new();
        let key = key(&self.settings);
        let mut rules: Vec<_> = self.access.into_iter().collect();
        sort::sort_by_key(&mut rules, |(id, _)| (id.parse().unwrap_or(u64::MAX), id.clone()));
        let mut listener = Listener {
            bind,
            access: rules.into_iter().map(|(_, rule)| rule).collect(),
            proxy_timeout: self.proxy.then_some(self.proxy_timeout),
            ..self.settings
        };
        listener.websocket.origins = self.check_origin.then_some(self.origins);
        if self.proxy && listener.trusted_proxies.is_empty() && !listener.bind.is_loopback() {
            notes.push(Note::warning(format!(
                "{key}.proxy_protocol: only proxies on this host are believed, all else is closed; name others in \
                 {key}.trusted_proxies"
            )));
        }
        if listener.kind.is_tls() {
            let settings = resolved(self.tls, folders);
            if settings.role.demand && !settings.role.verify {
                notes.push(Note::warning(format!(
                    "{key}.fail_if_no_peer_cert has no effect without {key}.verify = verify_peer"
                )));
            }
            listener.tls = Some(Tls { material: material(&key, &settings), settings });
        }
        (listener, notes)
    }
}

/// `listener.ssl.external`
#[must_use]
pub fn key(listener: &Listener) -> String {
    format!("listener.{}.{}", listener.kind.as_str(), listener.name)
}

pub(super) fn resolved(mut settings: tls::Settings, folders: &Folders) -> tls::Settings {
    let role = &mut settings.role;
    let files = [&mut role.certificate, &mut role.key, &mut role.authorities, &mut role.revoked];
    for file in files.into_iter().flatten() {
        file.path = folders.resolve(&file.path.to_string_lossy());
    }
    settings
}

/// What the files hold. What is wrong with them closes this listener and no other.
pub(super) fn material(key: &str, settings: &tls::Settings) -> Result<Material, String> {
    let role = &settings.role;
    let needed = [
        (role.certificate.is_some(), "certfile"),
        (role.key.is_some(), "keyfile"),
        (role.authorities.is_some() || !role.verify, "cacertfile"),
    ];
    let missing = needed.into_iter().filter(|(there, _)| !there);
    let missing: Vec<_> = missing.map(|(_, name)| format!("{key}.{name} is not set")).collect();
    if !missing.is_empty() {
        return Err(missing.join("; "));
    }
    let told =
        |bad: Vec<BadTls>| bad.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ");
    Material::load(settings).map_err(told)
}

/// Two listeners where there is place for one; `place` tells where a key is set.
#[must_use]
pub fn clashes(listeners: &[Listener], place: &dyn Fn(&str) -> String) -> Vec<Fault> {
    let mut faults = Vec::new();
    for (at, listener) in listeners.iter().enumerate() {
        let first = listeners.iter().take(at).find(|other| other.bind.overlaps(&listener.bind));
        if let Some(other) = first {
            let (key, there, bind) = (key(listener), key(other), &listener.bind);
            let what = format!(
                "{key} = {bind}: {there} ({}) listens there: one of them needs another port",
                place(&there)
            );
            faults.push(Fault::new(place(&key), what));
        }
    }
    faults
}

/// The kind that a key names, if it is one of `kinds`.
///
/// # Errors
/// Another word, or a kind that has no such key.
pub fn kind(place: &Place<'_>, kinds: &[ListenerKind]) -> Parsed<ListenerKind> {
    let text = place.name();
    let found = kinds.iter().find(|kind| kind.as_str() == text).copied();
    let names: Vec<_> = kinds.iter().map(|kind| kind.as_str()).collect();
    found.ok_or_else(|| Expected(format!("{} after listener.", names.join(", "))))
}

/// A file that a key names.
#[must_use]
pub fn file(place: &Place<'_>, text: &str) -> Option<FileAt> {
    let origin = format!("{}: {}", place.origin, place.key);
    Some(FileAt { path: PathBuf::from(text), origin })
}

/// TLS versions: whether 1.2 and 1.3 are among them, and what else is.
///
/// # Errors
/// Neither is.
pub fn versions(text: &str) -> Parsed<(bool, bool, Vec<&str>)> {
    let (mut found, mut others) = ([false; 2], Vec::new());
    for word in list(text).map(|word| word.trim_matches('\'')) {
        match word {
            "tlsv1.2" => found[0] = true,
            "tlsv1.3" => found[1] = true,
            other => others.push(other),
        }
    }
    match found {
        [false, false] => Err("tlsv1.3, tlsv1.2 or both; older versions are not spoken".into()),
        [tls12, tls13] => Ok((tls12, tls13, others)),
    }
}

/// Names of cipher suites, of OpenSSL or IANA; and those that are not spoken here.
///
/// # Errors
/// None of them is spoken.
pub fn suites(text: &str) -> Parsed<(Vec<String>, Vec<&str>)> {
    let (mut found, mut others) = (Vec::new(), Vec::new());
    for name in text.split([',', ':', ' ']).filter(|name| !name.is_empty()) {
        let known = SUITES.iter().find(|(openssl, iana)| *openssl == name || *iana == name);
        let known = known.map(|(_, iana)| *iana);
        match known.or_else(|| SUITES_13.into_iter().find(|suite| *suite == name)) {
            Some(suite) => found.push(suite.to_owned()),
            None => others.push(name),
        }
    }
    if found.is_empty() {
        let all = SUITES.iter().map(|(openssl, _)| *openssl).chain(SUITES_13);
        return Err(Expected(format!("at least one of {}", all.collect::<Vec<_>>().join(", "))));
    }
    Ok((found, others))
}

/// Blocks of addresses.
///
/// # Errors
/// One of them is none.
pub fn blocks(text: &str) -> Parsed<Vec<Cidr>> {
    let form = "addresses or blocks separated by commas: 10.0.0.5, 192.168.0.0/16";
    list(text).map(|block| Cidr::parse(block).ok_or_else(|| form.into())).collect()
}

/// What of a certificate names a client. Without TLS it comes from a PROXY header, which has the common name alone.
///
/// # Errors
/// Another word, or one of EMQX that makes no name here, with the reason.
pub fn certificate_name(kind: ListenerKind, text: &str) -> Parsed<CertificateName> {
    if kind.is_tls() && text == "crt" {
        let why =
            "cn, dn, pem or md5 (DER is no text, and MQTT wants text; pem is the same in base64)";
        return Err(why.into());
    }
    let words: &[&str] = if kind.is_tls() { &["cn", "dn", "pem", "md5"] } else { &["cn"] };
    Ok(match word(text, words)? {
        0 => CertificateName::Common,
        1 => CertificateName::Distinguished,
        2 => CertificateName::Whole,
        _ => CertificateName::Md5,
    })
}

/// The mode of a file, in octal digits.
///
/// # Errors
/// Another text.
pub fn mode(text: &str) -> Parsed<u32> {
    let mode = u32::from_str_radix(text, 8).ok().filter(|mode| *mode <= 0o777);
    mode.ok_or("a mode such as 0660".into())
}

/// An absolute path.
///
/// # Errors
/// Another, or one too long for a socket.
pub fn socket_path(text: &str) -> Parsed<Bind> {
    if text.starts_with('/') && text.len() < 108 {
        Ok(Bind::Path(text.into()))
    } else {
        Err("an absolute path of at most 107 bytes".into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn suites_have_two_names_and_one_that_is_known_is_enough() {
        let text = "TLS_AES_128_GCM_SHA256,ECDHE-RSA-AES256-GCM-SHA384:AES128-SHA";
        let (got, others) = suites(text).unwrap();
        assert_eq!(got, ["TLS_AES_128_GCM_SHA256", "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384"]);
        assert_eq!(others, ["AES128-SHA"]);
        assert!(suites("AES128-SHA,DES-CBC3-SHA").is_err());
        for (_, iana) in SUITES {
            assert_eq!(suites(iana).unwrap().0, [iana]);
        }
    }

    #[test]
    fn one_version_that_is_spoken_is_enough() {
        let old = vec!["tlsv1.1", "tlsv1"];
        assert_eq!(versions("tlsv1.3,tlsv1.2,tlsv1.1,tlsv1"), Ok((true, true, old)));
        assert_eq!(versions("tlsv1.3"), Ok((false, true, Vec::new())));
        assert_eq!(versions("tlsv1.2, tlsv1.1"), Ok((true, false, vec!["tlsv1.1"])));
        assert!(versions("tlsv1.1,tlsv1").is_err() && versions("").is_err());
    }

    #[test]
    fn modes_and_paths() {
        assert_eq!((mode("0660"), mode("777")), (Ok(0o660), Ok(0o777)));
        assert!(mode("8").is_err() && mode("1777").is_err() && mode("rw").is_err());
        assert!(socket_path("/run/mqtt.sock").is_ok() && socket_path("mqtt.sock").is_err());
        assert!(socket_path(&format!("/{}", "x".repeat(107))).is_err());
    }
}
