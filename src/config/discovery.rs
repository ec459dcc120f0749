//! `cluster.discovery` and the keys of the strategies: what was set of each, and what comes of the one that is chosen.

use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv6Addr};
use std::time::Duration;

use super::keys::Place;
use super::values::{Expected, Parsed, flag, integer, word};
use super::{Fault, Folders, Note};
use crate::cluster::settings::{
    AddressType, Discovery, Dns, DnsRecord, Etcd, K8s, Mcast, Seed, Server, TlsFiles,
};
use crate::cluster::{NodeName, Settings};
use crate::node::http::client_config;

/// The words of `cluster.discovery`.
const STRATEGIES: &[&str] = &["manual", "static", "mcast", "dns", "etcd", "k8s"];

/// What was set about how nodes find each other.
#[derive(Debug, Default)]
pub struct DiscoveryDraft {
    /// The strategy, and where it was chosen; `None` while nobody did.
    chosen: Option<(&'static str, String)>,
    /// Strategies of which a key is set.
    touched: BTreeSet<&'static str>,
    /// `cluster.static.seeds`
    pub seeds: Vec<Seed>,
    /// `cluster.mcast.*`
    pub mcast: Mcast,
    /// `cluster.dns.*`; without an app it is that of this node.
    pub dns: Dns,
    /// `cluster.etcd.*`
    pub etcd: EtcdDraft,
    /// `cluster.k8s.*`
    pub k8s: K8sDraft,
}

/// `cluster.k8s.*`
#[derive(Debug, Default)]
pub struct K8sDraft {
    /// The API server.
    pub apiserver: Option<Server>,
    /// Name of the Service.
    pub service: String,
    /// Its namespace.
    pub namespace: String,
    /// How names are made.
    pub address_type: AddressType,
    /// Left part of names; without one it is that of this node.
    pub app: String,
    /// End of hosts.
    pub suffix: String,
    /// Folder with token and `ca.crt`, as written.
    pub account: String,
}

/// A text and where it was written.
pub type Written = Option<(String, String)>;

/// `cluster.etcd.*`
#[derive(Debug, Default)]
pub struct EtcdDraft {
    /// The servers.
    pub servers: Vec<Server>,
    /// First part of the keys.
    pub prefix: String,
    /// How long an entry outlives its node.
    pub node_ttl: Duration,
    /// Authorities.
    pub cacertfile: Written,
    /// Certificate of this node.
    pub certfile: Written,
    /// Key of this node.
    pub keyfile: Written,
}

impl DiscoveryDraft {
    /// Chooses the strategy.
    ///
    /// # Errors
    /// Not one of EMQX's words.
    pub fn choose(&mut self, place: &Place<'_>, text: &str) -> Parsed<()> {
        let strategy = STRATEGIES.get(word(text, STRATEGIES)?).copied();
        if !place.is_default() {
            let origin = format!("{}: {} = {text}", place.origin, place.key);
            self.chosen = strategy.map(|strategy| (strategy, origin));
        }
        Ok(())
    }

    /// A key of `strategy` is set.
    pub fn touch(&mut self, strategy: &'static str, place: &Place<'_>) {
        if !place.is_default() {
            self.touched.insert(strategy);
        }
    }

    /// The strategy with its settings. Seeds alone mean `static`.
    ///
    /// # Errors
    /// A key is missing without which the strategy finds nobody.
    pub fn finish(
        self,
        cluster: &Settings,
        folders: &Folders,
        notes: &mut Vec<Note>,
    ) -> Result<Discovery, Fault> {
        let unsaid = if self.seeds.is_empty() { "mcast" } else { "static" };
        let (strategy, origin) = self.chosen.clone().unwrap_or((unsaid, String::new()));
        for other in self.touched.iter().filter(|other| **other != strategy) {
            let text = format!("cluster.{other}.* has no effect: cluster.discovery is {strategy}");
            notes.push(Note::warning(text));
        }
        let missing = |key: &str, example: &str| {
            Fault::new(&origin, format!("expected {key} beside it, such as {key} = {example}"))
        };
        match strategy {
            "static" => Ok(Discovery::Static(self.seeds)),
            "dns" if self.dns.name.is_empty() => {
                Err(missing("cluster.dns.name", "emqx.example.lan"))
            }
            "dns" => Ok(Discovery::Dns(finish_dns(self.dns, cluster, notes))),
            "etcd" if self.etcd.servers.is_empty() => {
                Err(missing("cluster.etcd.server", "http://192.168.1.5:2379"))
            }
            "etcd" => Ok(Discovery::Etcd(finish_etcd(self.etcd, cluster, folders, &origin)?)),
            "k8s" => {
                let k8s = finish_k8s(self.k8s, cluster, folders);
                let example = || missing("cluster.k8s.service_name", "emqx");
                Ok(Discovery::K8s(k8s.ok_or_else(example)?))
            }
            "mcast" => Ok(Discovery::Mcast(self.mcast)),
            _ => Ok(Discovery::Manual),
        }
    }
}

/// A multicast address, or off.
///
/// # Errors
/// Neither.
pub fn group(text: &str) -> Parsed<Option<IpAddr>> {
    let off = flag(text).is_ok_and(|on| !on);
    match text.parse::<IpAddr>() {
        Ok(addr) if addr.is_multicast() => Ok(Some(addr)),
        Ok(_) | Err(_) if off => Ok(None),
        Ok(_) | Err(_) => Err("a multicast address such as 239.192.0.1, or off".into()),
    }
}

fn finish_dns(mut dns: Dns, cluster: &Settings, notes: &mut Vec<Note>) -> Dns {
    let own = &cluster.node_name;
    dns.port = cluster.dist_port;
    if dns.app.is_empty() {
        dns.app = own.left().to_owned();
    }
    let ip = own.ip();
    let (wanted, fits) = match dns.record {
        DnsRecord::A => ("the IPv4 address of this node", ip.is_some_and(|ip| ip.is_ipv4())),
        DnsRecord::Aaaa => ("the IPv6 address of this node", ip.is_some_and(|ip| ip.is_ipv6())),
        #[cfg(feature = "dns-srv")]
        DnsRecord::Srv => ("a target of the SRV records", ip.is_none()),
    };
    if own.left() != dns.app || !fits {
        let app = &dns.app;
        notes.push(Note::warning(format!(
            "node.name = {own}: the others look for {app}@ and {wanted} (cluster.dns.*) and will not find it under this name"
        )));
    }
    dns
}

fn finish_etcd(
    etcd: EtcdDraft,
    cluster: &Settings,
    folders: &Folders,
    origin: &str,
) -> Result<Etcd, Fault> {
    let file = |written: Written| written.map(|(text, origin)| (folders.resolve(&text), origin));
    let ca = file(etcd.cacertfile);
    let tls = etcd.servers.iter().any(|server| server.tls);
    let own = match (file(etcd.certfile), file(etcd.keyfile)) {
        (Some((certificate, _)), Some((key, _))) => Some((certificate, key)),
        (None, None) => None,
        (Some((_, origin)), None) => {
            return Err(Fault::new(
                origin,
                "expected cluster.etcd.ssl.keyfile beside the certfile",
            ));
        }
        (None, Some((_, origin))) => {
            return Err(Fault::new(
                origin,
                "expected cluster.etcd.ssl.certfile beside the keyfile",
            ));
        }
    };
    let tls = match ca.filter(|_| tls) {
        Some((ca, origin)) => {
            let files = TlsFiles { ca, own };
            client_config(&files)
                .map_err(|what| Fault::new(origin, format!("cluster.etcd.ssl.*: {what}")))?;
            Some(files)
        }
        None if tls => {
            let what = "expected cluster.etcd.ssl.cacertfile beside a cluster.etcd.server at https://, such as \
                        cluster.etcd.ssl.cacertfile = /etc/ssl/certs/ca-certificates.crt";
            return Err(Fault::new(origin, what));
        }
        None => None,
    };
    let folder = format!("{}/{}/nodes/", etcd.prefix.trim_end_matches('/'), cluster.name);
    let own = Seed { name: cluster.node_name.clone(), port: Some(cluster.mesh_port()) };
    Ok(Etcd { servers: etcd.servers, folder, own, node_ttl: etcd.node_ttl, tls })
}

/// `None` without a service.
fn finish_k8s(k8s: K8sDraft, cluster: &Settings, folders: &Folders) -> Option<K8s> {
    let app = Some(k8s.app).filter(|app| !app.is_empty());
    Some(K8s {
        apiserver: k8s.apiserver?,
        service: Some(k8s.service).filter(|service| !service.is_empty())?,
        namespace: k8s.namespace,
        address_type: k8s.address_type,
        app: app.unwrap_or_else(|| cluster.node_name.left().to_owned()),
        suffix: k8s.suffix,
        account: folders.resolve(&k8s.account),
        port: cluster.dist_port,
    })
}

/// The name of a Service or a namespace.
///
/// # Errors
/// A character that Kubernetes does not allow in it.
pub fn label(text: &str) -> Parsed<String> {
    let good = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    if (1..=63).contains(&text.len()) && text.chars().all(good) {
        Ok(text.to_owned())
    } else {
        Err("a name of Kubernetes: small letters, digits and -, at most 63".into())
    }
}

/// `ip`, `dns` or `hostname`.
///
/// # Errors
/// Another word.
pub fn address_type(text: &str) -> Parsed<AddressType> {
    const TYPES: [AddressType; 3] = [AddressType::Ip, AddressType::Dns, AddressType::Hostname];
    let at = word(text, &["ip", "dns", "hostname"])?;
    Ok(TYPES.get(at).copied().unwrap_or_default())
}

/// A host name or an address, for keys that name one.
///
/// # Errors
/// Blanks, or characters that no host name has.
pub fn host(text: &str) -> Parsed<String> {
    let good = |c: char| c.is_ascii_alphanumeric() || "-._:".contains(c);
    if !text.is_empty() && text.len() <= 253 && text.chars().all(good) {
        Ok(text.to_owned())
    } else {
        Err("a host name such as emqx.example.lan".into())
    }
}

/// `http://host:port`, `https://host:port` or `host:port`; without a port it is that of the scheme, and `port` without both.
///
/// # Errors
/// Another form.
pub fn server(text: &str, port: u16) -> Parsed<Server> {
    let bad = || {
        Expected(format!(
            "http://host:port, https://host:port or host:port, not {}",
            super::keys::masked("", text)
        ))
    };
    let (tls, port, rest) = match text.split_once("://") {
        Some(("https", rest)) => (true, 443, rest),
        Some(("http", rest)) => (false, 80, rest),
        Some(_) => return Err(bad()),
        None => (false, port, text),
    };
    let rest = rest.strip_suffix('/').unwrap_or(rest);
    let (front, at) = match rest.rsplit_once(':') {
        Some((front, digits)) if !rest.ends_with(']') => {
            (front, integer(digits, 1, 65535).map_err(|_| bad())?)
        }
        _ => (rest, port),
    };
    let bare = front.strip_prefix('[').and_then(|front| front.strip_suffix(']'));
    let v6 = bare.is_some_and(|bare| bare.parse::<Ipv6Addr>().is_ok());
    match host(bare.unwrap_or(front)) {
        Ok(host) if host.contains(':') == v6 && bare.is_some() == v6 => {
            Ok(Server { tls, host, port: at })
        }
        _ => Err(bad()),
    }
}

/// What the keys in etcd begin with.
///
/// # Errors
/// Nothing, or blanks.
pub fn prefix(text: &str) -> Parsed<String> {
    if !text.is_empty() && text.len() <= 255 && text.chars().all(|c| c.is_ascii_graphic()) {
        Ok(text.to_owned())
    } else {
        Err("a word without blanks, at most 255 bytes".into())
    }
}

/// The left part of node names.
///
/// # Errors
/// A character that it must not have.
pub fn left_part(text: &str) -> Parsed<String> {
    match NodeName::parse(&format!("{text}@h")) {
        Ok(name) if name.left() == text => Ok(text.to_owned()),
        _ => Err("the part of a node name before @: letters, digits, _ and -".into()),
    }
}

/// `a` or `aaaa`, and `srv` where it is built in.
///
/// # Errors
/// Another word; `srv` with what to do instead.
pub fn dns_record(text: &str) -> Parsed<DnsRecord> {
    match text {
        "a" => Ok(DnsRecord::A),
        "aaaa" => Ok(DnsRecord::Aaaa),
        #[cfg(feature = "dns-srv")]
        "srv" => Ok(DnsRecord::Srv),
        #[cfg(not(feature = "dns-srv"))]
        "srv" => Err(Expected(
            "a or aaaa (srv needs a build with the feature dns-srv: give the targets one name with address records instead)"
                .into(),
        )),
        _ => Err("a or aaaa".into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn servers_may_be_urls() {
        for (text, want) in [
            ("http://10.0.0.1:2379", Some("http://10.0.0.1:2379")),
            ("https://etcd.lan/", Some("https://etcd.lan:443")),
            ("http://etcd.lan", Some("http://etcd.lan:80")),
            ("etcd.lan:4001", Some("http://etcd.lan:4001")),
            ("etcd.lan", Some("http://etcd.lan:2379")),
            ("https://[fd00::1]:2379", Some("https://[fd00::1]:2379")),
            ("[fd00::1]", Some("http://[fd00::1]:2379")),
            ("fd00::1", None),
            ("ftp://h", None),
            ("http://", None),
            ("http://h:0", None),
            ("http://h:x", None),
            ("http://h/v2", None),
            ("http://user:secret@h", None),
            ("http://[h]", None),
        ] {
            assert_eq!(server(text, 2379).ok().map(|s| s.to_string()).as_deref(), want, "{text}");
        }
    }

    #[test]
    fn words_of_the_keys_are_checked() {
        for (text, good) in
            [("emqx.lan", true), ("a_b-c", true), ("", false), ("a b", false), ("a/b", false)]
        {
            assert_eq!(host(text).is_ok(), good, "{text}");
        }
        for (text, good) in
            [("emqx", true), ("n_1-a", true), ("", false), ("a@b", false), ("a.b", false)]
        {
            assert_eq!(left_part(text).is_ok(), good, "{text}");
        }
        assert!(prefix("a/b").is_ok() && prefix("").is_err() && prefix("a b").is_err());
        for (text, good) in [("emqx-1", true), ("", false), ("Emqx", false), ("a/b", false)] {
            assert_eq!(label(text).is_ok(), good, "{text}");
        }
        assert_eq!(address_type("hostname"), Ok(AddressType::Hostname));
        assert_eq!(dns_record("aaaa"), Ok(DnsRecord::Aaaa));
        assert_eq!(dns_record("srv").is_ok(), cfg!(feature = "dns-srv"));
        assert!(dns_record("mx").is_err());
    }
}
