//! What a certificate says: whom it names and when it ends. Bytes in, answers out.
//!
//! Of other nodes and of clients, only certificates that an authority vouches for come here: their chain was checked before.

use std::net::IpAddr;

use x509_parser::{
    objects::{oid_registry, oid2abbrev},
    prelude::{AttributeTypeAndValue, FromDer as _, GeneralName, X509Certificate},
};

use crate::time::Wall;

/// A certificate does not name the host of its node.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "its certificate names {found} and not {host}, the host part of its node name (cluster.tls_name_check)"
)]
pub struct OtherName {
    host: String,
    found: String,
}

/// Whether the certificate names `host`: as DNS name, as address, or as host of a URI.
///
/// # Errors
/// [`OtherName`] with all that it names.
pub fn check_host(der: &[u8], host: &str) -> Result<(), OtherName> {
    let bare = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
    // The zone of a link-local address means something on one host only.
    let bare = bare.split_once('%').map_or(bare, |(address, _)| address);
    let mut found = Vec::new();
    for name in names(der) {
        if name.is(bare) {
            return Ok(());
        }
        found.push(name.to_string());
    }
    if found.is_empty() {
        found.push("nobody (no subjectAltName)".to_owned());
    }
    Err(OtherName { host: host.to_owned(), found: found.join(", ") })
}

/// When the certificate ends; `None` when it cannot be read.
#[must_use]
pub fn not_after(der: &[u8]) -> Option<Wall> {
    let (_, certificate) = X509Certificate::from_der(der).ok()?;
    let seconds = u64::try_from(certificate.validity().not_after.timestamp()).unwrap_or(0);
    Some(Wall::from_ms(seconds.saturating_mul(1000)))
}

/// Whether the certificate was made by itself: an authority at the top.
#[must_use]
pub fn is_root(der: &[u8]) -> bool {
    X509Certificate::from_der(der).is_ok_and(|(_, one)| one.subject() == one.issuer())
}

/// Whom a certificate was made for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Subject {
    /// The common name; of several the last and most special.
    pub common_name: Option<String>,
    /// The whole name in the form of RFC 4514: `CN=sensor7,O=Example`.
    pub distinguished_name: String,
    /// The certificate itself in DER; empty where only a name is known.
    pub certificate: Box<[u8]>,
}

/// The subject; `None` when the certificate cannot be read.
#[must_use]
pub fn subject(der: &[u8]) -> Option<Subject> {
    let (_, certificate) = X509Certificate::from_der(der).ok()?;
    let name = certificate.subject();
    let common = name.iter_common_name().last().and_then(|one| one.as_str().ok());
    let mut parts = Vec::new();
    for part in name.iter_rdn() {
        let attributes: Vec<String> = part.iter().map(attribute).collect();
        parts.push(attributes.join("+"));
    }
    parts.reverse();
    Some(Subject {
        common_name: common.map(str::to_owned),
        distinguished_name: parts.join(","),
        certificate: der.into(),
    })
}

/// `CN=sensor7`, with what RFC 4514 2.4 escapes escaped; a type without a short name stands as numbers.
fn attribute(one: &AttributeTypeAndValue<'_>) -> String {
    let short = oid2abbrev(one.attr_type(), oid_registry());
    let mut text = short.map_or_else(|_| one.attr_type().to_id_string(), str::to_owned) + "=";
    let value = one.as_str().unwrap_or_default();
    let last = value.chars().count().saturating_sub(1);
    for (at, letter) in value.chars().enumerate() {
        let special = matches!(letter, '"' | '+' | ',' | ';' | '<' | '>' | '\\');
        let edge = (at == 0 && matches!(letter, ' ' | '#')) || (at == last && letter == ' ');
        if special || edge {
            text.push('\\');
        }
        text.push(letter);
    }
    text
}

#[derive(Debug)]
enum Name {
    Dns(String),
    Ip(IpAddr),
    Uri(String),
}

impl Name {
    fn is(&self, host: &str) -> bool {
        match self {
            Self::Dns(name) => dns_matches(name, host),
            Self::Ip(ip) => host.parse() == Ok(*ip),
            Self::Uri(uri) => uri_host(uri).is_some_and(|name| name.eq_ignore_ascii_case(host)),
        }
    }
}

impl std::fmt::Display for Name {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Dns(name) => write!(f, "DNS:{}", name.escape_debug()),
            Self::Ip(ip) => write!(f, "IP:{ip}"),
            Self::Uri(uri) => write!(f, "URI:{}", uri.escape_debug()),
        }
    }
}

/// Longest name that is shown, and most of them.
const SHOWN: usize = 255;
const NAMES: usize = 64;

fn names(der: &[u8]) -> Vec<Name> {
    let Ok((_, certificate)) = X509Certificate::from_der(der) else { return Vec::new() };
    let Ok(Some(extension)) = certificate.subject_alternative_name() else { return Vec::new() };
    let name = |name: &GeneralName<'_>| {
        if let GeneralName::DNSName(text) = name {
            Some(Name::Dns((*text).to_owned())).filter(|_| text.len() <= SHOWN)
        } else if let GeneralName::URI(text) = name {
            Some(Name::Uri((*text).to_owned())).filter(|_| text.len() <= SHOWN)
        } else if let GeneralName::IPAddress(bytes) = name {
            let v4 = <[u8; 4]>::try_from(*bytes).map(IpAddr::from);
            v4.or_else(|_| <[u8; 16]>::try_from(*bytes).map(IpAddr::from)).ok().map(Name::Ip)
        } else {
            None
        }
    };
    extension.value.general_names.iter().filter_map(name).take(NAMES).collect()
}

/// RFC 6125: without regard to case; `*` stands for the whole first label.
fn dns_matches(name: &str, host: &str) -> bool {
    if let Some(parent) = name.strip_prefix("*.") {
        let rest = host.split_once('.').map(|(_, rest)| rest);
        return parent.contains('.') && rest.is_some_and(|rest| rest.eq_ignore_ascii_case(parent));
    }
    name.eq_ignore_ascii_case(host)
}

/// The host of `scheme://user@host:port/path`.
fn uri_host(uri: &str) -> Option<&str> {
    let (_, rest) = uri.split_once("://")?;
    let authority = rest.split(['/', '?', '#']).next()?;
    let host = authority.rsplit('@').next()?;
    if let Some(v6) = host.strip_prefix('[') {
        return v6.split(']').next();
    }
    host.split(':').next()
}

#[cfg(test)]
mod tests {
    use rcgen::{CertificateParams, DistinguishedName, DnType, KeyPair, SanType};

    use super::*;

    fn certificate(names: Vec<SanType>) -> Vec<u8> {
        let mut params = CertificateParams::default();
        params.subject_alt_names = names;
        params.not_after = rcgen::date_time_ymd(2031, 2, 3);
        params.self_signed(&KeyPair::generate().unwrap()).unwrap().der().to_vec()
    }

    #[test]
    fn dns_names_addresses_and_uris_name_a_host() {
        let der = certificate(vec![
            SanType::DnsName("Node1.lan".try_into().unwrap()),
            SanType::DnsName("*.farm.lan".try_into().unwrap()),
            SanType::IpAddress([10, 0, 0, 1].into()),
            SanType::IpAddress("fe80::1".parse().unwrap()),
            SanType::URI("mqtt://emqx@broker.lan:1883/x".try_into().unwrap()),
            SanType::URI("spiffe://[::1]/x".try_into().unwrap()),
        ]);
        for host in
            ["node1.LAN", "a.farm.lan", "10.0.0.1", "fe80::1", "[fe80:0::1]", "broker.lan", "::1"]
        {
            assert_eq!(check_host(&der, host), Ok(()), "{host}");
        }
        for host in
            ["node2.lan", "farm.lan", "a.b.farm.lan", "10.0.0.2", "fe80::2", "emqx", "x", ""]
        {
            assert!(check_host(&der, host).is_err(), "{host}");
        }
        assert_eq!(check_host(&der, "fe80::1%eth0"), Ok(()));
        let told = check_host(&der, "node2.lan").unwrap_err().to_string();
        for part in ["DNS:Node1.lan", "IP:10.0.0.1", "URI:mqtt://", "not node2.lan"] {
            assert!(told.contains(part), "{told}: no {part}");
        }
    }

    #[test]
    fn a_certificate_without_names_names_nobody() {
        let told = check_host(&certificate(Vec::new()), "a").unwrap_err().to_string();
        assert!(told.contains("nobody"), "{told}");
        assert!(check_host(b"no certificate", "a").is_err());
        let star = certificate(vec![SanType::DnsName("*.lan".try_into().unwrap())]);
        assert!(check_host(&star, "a.lan").is_err(), "a star for a whole zone");
    }

    #[test]
    fn the_subject_is_read_in_the_form_of_rfc_4514() {
        let mut params = CertificateParams::default();
        params.distinguished_name = DistinguishedName::new();
        params.distinguished_name.push(DnType::CountryName, "CH");
        params.distinguished_name.push(DnType::OrganizationName, "Example, Inc");
        params.distinguished_name.push(DnType::CommonName, "#grüße ");
        let der = params.self_signed(&KeyPair::generate().unwrap()).unwrap().der().to_vec();
        let want = Subject {
            common_name: Some("#grüße ".to_owned()),
            distinguished_name: "CN=\\#grüße\\ ,O=Example\\, Inc,C=CH".to_owned(),
            certificate: der.clone().into(),
        };
        assert_eq!(subject(&der), Some(want));
        assert_eq!(subject(b"no certificate"), None);
    }

    #[test]
    fn the_end_is_read() {
        let der = certificate(Vec::new());
        assert_eq!(not_after(&der), Some(Wall::from_ms(1_927_843_200_000)));
        assert!(is_root(&der));
        assert_eq!(not_after(b"no certificate"), None);
        assert!(!is_root(&[]));
    }
}
