//! `bridge.mqtt.*`: bridges to brokers of others, collected key by key.

use std::{collections::BTreeMap, net::IpAddr, time::Duration};

use super::{
    Fault, Folders,
    keys::Place,
    values::{Expected, Parsed},
};
use crate::{
    broker::bridge::{self, Remote},
    cluster::NodeName,
    mqtt::{QoS, Version},
    node::{
        bridge::{Settings, Tls},
        tls::{
            foreign_client,
            settings::{FileAt, Role},
        },
    },
    topic::{TopicFilter, TopicName},
};

/// Most bytes that wait in memory for a remote.
const MEMORY: usize = 256 << 20;

/// The keys of one bridge so far.
pub struct BridgeDraft {
    /// Where its first key stands.
    origin: String,
    /// `address`
    pub address: Option<(String, u16)>,
    /// `address` where it names a node of EMQX, and its origin.
    pub node: Option<(NodeName, String)>,
    /// `start_type`
    pub auto: bool,
    /// `proto_ver`
    pub version: Version,
    /// `bridge_mode`
    pub bridge_mode: bool,
    /// `clientid`
    pub client_id: Option<String>,
    /// `clean_start`
    pub clean_start: bool,
    /// `username`
    pub username: Option<String>,
    /// `password`
    pub password: Option<String>,
    /// `keepalive`
    pub keep_alive: Duration,
    /// `reconnect_interval`
    pub reconnect: Duration,
    /// `max_inflight_size`
    pub max_inflight: u16,
    /// `forwards`
    pub forwards: Vec<TopicFilter>,
    /// `forward_mountpoint`
    pub forward_mountpoint: String,
    /// `subscription.$id.*`; one without a topic is a fault.
    pub subscriptions: BTreeMap<String, Remote>,
    /// `receive_mountpoint`
    pub receive_mountpoint: String,
    /// `ssl`
    pub ssl: bool,
    /// `cacertfile`, `certfile` and `keyfile` as written.
    pub files: [Option<FileAt>; 3],
    /// `verify`
    pub verify: bool,
    /// `server_name_indication`: the name, or none for `disable`.
    pub sni: Option<Option<String>>,
    /// `tls_versions`
    pub versions: (bool, bool),
    /// `queue.max_total_size`
    pub queue_bytes: usize,
}

impl std::fmt::Debug for BridgeDraft {
    /// Without its secrets.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("BridgeDraft").finish_non_exhaustive()
    }
}

impl BridgeDraft {
    /// One whose first key stands here.
    ///
    /// # Errors
    /// A name that cannot stand in a topic.
    pub fn new(place: &Place<'_>) -> Parsed<Self> {
        let good = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-');
        if place.name().len() > 64 || !place.name().chars().all(good) {
            return Err("letters, digits, _ and - in the name of a bridge, at most 64".into());
        }
        Ok(Self {
            origin: place.origin.to_owned(),
            address: None,
            node: None,
            auto: false,
            version: Version::V3_1_1,
            bridge_mode: false,
            client_id: None,
            clean_start: true,
            username: None,
            password: None,
            keep_alive: Duration::from_secs(60),
            reconnect: Duration::from_secs(30),
            max_inflight: 32,
            forwards: Vec::new(),
            forward_mountpoint: String::new(),
            subscriptions: BTreeMap::new(),
            receive_mountpoint: String::new(),
            ssl: false,
            files: Default::default(),
            verify: true,
            sni: None,
            versions: (true, true),
            queue_bytes: 64 << 20,
        })
    }

    /// The subscription that a key names.
    pub fn subscription(&mut self, place: &Place<'_>) -> &mut Remote {
        let id = place.names.get(1).copied().unwrap_or_default();
        let new = || Remote { filter: String::new(), qos: QoS::AtLeastOnce };
        self.subscriptions.entry(id.to_owned()).or_insert_with(new)
    }

    /// Why there is no such bridge here, when its address names a node of EMQX: those speak Erlang's protocol with each other.
    #[must_use]
    pub fn without_mqtt(&self, name: &str) -> Option<String> {
        let (node, origin) = self.node.as_ref()?;
        let host = match node.ip() {
            Some(IpAddr::V6(ip)) => format!("[{ip}]"),
            Some(IpAddr::V4(_)) | None => node.host().to_owned(),
        };
        Some(format!(
            "{origin}: bridge.mqtt.{name}.address = {node}: bridges to nodes of EMQX by their name are not supported by this \
             version, so there is no bridge {name}; give the address of a listener there, such as {host}:1883"
        ))
    }

    /// The bridge.
    ///
    /// # Errors
    /// A key that lacks another, or a file that is of no use.
    pub fn finish(
        mut self,
        name: &str,
        node: &NodeName,
        (folders, max_packet): (&Folders, usize),
    ) -> Result<Settings, Fault> {
        let key = format!("bridge.mqtt.{name}");
        let lacks = |what: String| Fault::new(&self.origin, what);
        let Some((host, port)) = self.address.take() else {
            return Err(lacks(format!(
                "expected {key}.address beside it, such as 192.168.1.20:1883"
            )));
        };
        if self.password.is_some() && self.username.is_none() && self.version != Version::V5 {
            return Err(lacks(format!("expected {key}.username beside {key}.password")));
        }
        if let Some((id, _)) = self.subscriptions.iter().find(|(_, one)| one.filter.is_empty()) {
            return Err(lacks(format!("expected {key}.subscription.{id}.topic beside its qos")));
        }
        let tls = if self.ssl { Some(self.tls(&key, folders)?) } else { None };
        let in_place = |text: &str| text.replace("${node}", node.as_str());
        let one_id = self.client_id.as_ref().is_some_and(|id| !id.contains("${node}"));
        let client_id = self.client_id.as_deref().map(in_place);
        let forward_mountpoint = in_place(&self.forward_mountpoint);
        let subscriptions: Vec<Remote> = self.subscriptions.into_values().collect();
        // What one node sends there, another would get back from there.
        let echoes = self.forwards.iter().any(|out| {
            let out = format!("{forward_mountpoint}{out}");
            subscriptions.iter().any(|back| meets(&out, &back.filter))
        });
        Ok(Settings {
            name: name.to_owned(),
            host,
            port,
            auto: self.auto,
            reconnect: self.reconnect,
            tls,
            relay: bridge::Settings {
                version: self.version,
                bridge_mode: self.bridge_mode,
                client_id: client_id.unwrap_or_else(|| format!("{node}:{name}")),
                single: one_id || echoes,
                clean_start: self.clean_start,
                username: self.username,
                password: self.password,
                keep_alive: self.keep_alive,
                max_inflight: self.max_inflight,
                forwards: self.forwards,
                forward_mountpoint,
                subscriptions,
                receive_mountpoint: in_place(&self.receive_mountpoint),
                queue_bytes: self.queue_bytes.min(MEMORY),
                max_packet,
            },
        })
    }

    /// The files are read once here, so that a bad one is told with its line.
    fn tls(&self, key: &str, folders: &Folders) -> Result<Tls, Fault> {
        let [ca, certificate, own_key] = self.files.each_ref().map(|file| {
            let FileAt { path, origin } = file.as_ref()?;
            let path = folders.resolve(path.to_str().unwrap_or_default());
            Some(FileAt { path, origin: origin.clone() })
        });
        if self.verify && ca.is_none() {
            let what = format!(
                "expected {key}.cacertfile beside {key}.ssl = on, such as /etc/ssl/certs/ca-certificates.crt; \
                 {key}.verify = verify_none believes anybody"
            );
            return Err(Fault::new(&self.origin, what));
        }
        if certificate.is_some() != own_key.is_some() {
            let what = format!("expected both {key}.certfile and {key}.keyfile, or none");
            return Err(Fault::new(&self.origin, what));
        }
        let role = Role {
            certificate,
            key: own_key,
            authorities: ca,
            verify: self.verify,
            ..Role::default()
        };
        let bad = foreign_client(&role, self.versions).err().and_then(|bad| bad.into_iter().next());
        match bad {
            Some(bad) => Err(Fault::new(&bad.origin, bad.what)),
            None => Ok(Tls {
                role,
                versions: self.versions,
                name: self.sni.clone().flatten(),
                sni: self.sni != Some(None),
            }),
        }
    }
}

/// Whether a topic can match both filters.
fn meets(one: &str, other: &str) -> bool {
    let (mut one, mut other) = (one.split('/'), other.split('/'));
    loop {
        match (one.next(), other.next()) {
            (Some("#"), _) | (_, Some("#")) | (None, None) => return true,
            (Some(a), Some(b)) if a == b || a == "+" || b == "+" => {}
            (Some(_), Some(_) | None) | (None, Some(_)) => return false,
        }
    }
}

/// The name of a node of EMQX, which is another kind of address than those of [`address`].
#[must_use]
pub fn node_address(text: &str) -> Option<NodeName> {
    let node = NodeName::parse(text).ok()?;
    (node.ip().is_some() || !node.host().contains(':')).then_some(node)
}

/// `host:port`, `[::1]:1883`
///
/// # Errors
/// Another form.
pub fn address(text: &str) -> Parsed<(String, u16)> {
    let bad = || Expected::from("host:port, such as broker.example.com:1883 or [2001:db8::1]:8883");
    let (host, port) = text.rsplit_once(':').ok_or_else(bad)?;
    let port = port.parse().ok().filter(|port| *port != 0).ok_or_else(bad)?;
    let bare = host.strip_prefix('[').and_then(|host| host.strip_suffix(']'));
    let good = match bare {
        Some(host) => host.parse::<std::net::Ipv6Addr>().is_ok(),
        None => {
            !host.is_empty() && host.chars().all(|c| c.is_ascii_alphanumeric() || "-._".contains(c))
        }
    };
    if good { Ok((bare.unwrap_or(host).to_owned(), port)) } else { Err(bad()) }
}

/// Filters without a share, with commas between them.
///
/// # Errors
/// One of them is none.
pub fn filters(text: &str) -> Parsed<Vec<TopicFilter>> {
    super::values::list(text).map(filter).collect()
}

/// A filter without a share.
///
/// # Errors
/// Another text.
pub fn filter(text: &str) -> Parsed<TopicFilter> {
    let shared = ["$share/", "$queue/", "$exclusive/"].iter().any(|front| text.starts_with(front));
    let parsed = TopicFilter::parse(text).ok().filter(|_| !shared);
    parsed.ok_or_else(|| {
        Expected(format!("topic filters without $share, such as sensors/#, not {text}"))
    })
}

/// What stands before topics.
///
/// # Errors
/// A text that no topic begins with.
pub fn mountpoint(text: &str) -> Parsed<String> {
    let probe = format!("{}t", text.replace("${node}", "n"));
    match TopicName::parse(&probe) {
        Ok(_) if text.len() <= 1024 => Ok(text.to_owned()),
        Ok(_) | Err(_) => {
            Err("the begin of a topic, such as bridge/${node}/, without + and #".into())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn filters_that_share_a_topic_meet() {
        for (one, other, want) in [
            ("a/#", "a", true),
            ("#", "b/c", true),
            ("a/+/c", "a/b/+", true),
            ("a/b", "a/c", false),
            ("a/+", "a", false),
            ("bridge/n/a/#", "a/#", false),
        ] {
            assert_eq!((meets(one, other), meets(other, one)), (want, want), "{one} {other}");
        }
    }

    #[test]
    fn addresses_are_names_and_numbers() {
        assert_eq!(address("h.example:1883"), Ok(("h.example".into(), 1883)));
        assert_eq!(address("[::1]:1"), Ok(("::1".into(), 1)));
        for text in ["h", "h:0", ":1883", "::1:1883", "[x]:1", "h h:1", "emqx@h:x"] {
            assert!(address(text).is_err(), "{text}");
        }
        for (text, want) in [
            ("emqx@h.example", true),
            ("emqx@10.0.0.1", true),
            ("emqx@::1", true),
            ("emqx@h:1883", false),
            ("h:1883", false),
            ("@h", false),
        ] {
            assert_eq!(node_address(text).is_some(), want, "{text}");
        }
    }
}
