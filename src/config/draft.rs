//! The configuration while its keys are applied one by one, and the word types that only settings use.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use super::Note;
use super::auth_http::AuthHttpDraft;
use super::bridge::BridgeDraft;
use super::discovery::DiscoveryDraft;
use super::jwks::JwksDraft;
use super::keys::Place;
use super::listeners::ListenerDraft;
use super::log::{LogLevel, LogSettings};
use super::management::ManagementDraft;
use super::secrets::exposed;
use super::values::{Expected, Parsed, duration, integer, list, word};
use crate::broker::Settings;
use crate::broker::access::{Anonymous, Cidr, Policy};
use crate::broker::bans::{BanPolicies, BanPolicy};
use crate::broker::jwt::Jwt;
use crate::broker::order::{LoginBy, Order, RightsBy};
use crate::broker::rewrite::Rule;
use crate::broker::settings::{RetainSettings, SharedStrategy};
use crate::cluster::settings::{Cookie, Seed};
use crate::cluster::{self, NodeName};
use crate::mqtt::{QoS, SubscriptionOptions};
use crate::node::alarms;
use crate::node::limits::Limits;
use crate::node::listener::settings::{AccessRule, ListenerKind};

/// Everything the keys set. A new one is not yet the built-in configuration: the defaults of the key table are applied to it
/// like a file.
#[derive(Debug)]
pub struct Draft {
    /// `node.*` and the periods of `$SYS`.
    pub node: NodeDraft,
    /// `cluster.*`
    pub cluster: cluster::Settings,
    /// Where the cookie was found, if one was.
    pub cookie_from: String,
    /// What of it is decided at the end.
    pub cluster_late: ClusterDraft,
    /// What zones start from: `mqtt.*` and the top-level keys.
    pub base: Settings,
    /// Policy of zones that set none.
    pub access: Policy,
    /// Who is banned by itself.
    pub bans: BanPolicies,
    /// How tokens are verified.
    pub jwt: Jwt,
    /// `auth.jwt.pubkey` as written, and its origin.
    pub jwt_key: Option<(String, String)>,
    /// `auth.jwt.jwks`
    pub jwks: JwksDraft,
    /// `auth.jwt.verify_claims`, and the claims.
    pub jwt_claims: (bool, Vec<(String, String)>),
    /// `auth_order`
    pub auth_order: Order<LoginBy>,
    /// `acl_order`
    pub acl_order: Order<RightsBy>,
    /// Whether there is an `acl_cache`, for how many answers, and for how long.
    pub acl_cache: (bool, usize, Duration),
    /// `auth.http.*`
    pub auth_http: AuthHttpDraft,
    /// `bridge.mqtt.*`, by name.
    pub bridges: BTreeMap<String, BridgeDraft>,
    /// `management.*`
    pub management: ManagementDraft,
    /// What zones set of the policy.
    pub policies: BTreeMap<String, PolicyDraft>,
    /// Zones that set something.
    pub zones: BTreeMap<String, Settings>,
    /// Listeners by kind and name; those without an address are not opened.
    pub listeners: BTreeMap<(ListenerKind, String), ListenerDraft>,
    /// `module.rewrite.*`, by `pub` or `sub`, and id.
    pub rewrites: BTreeMap<(&'static str, String), Rule>,
    /// `module.subscription.*`, by id; one without a topic is a fault.
    pub subscriptions: BTreeMap<String, (String, SubscriptionOptions)>,
    /// Retained messages.
    pub retain: RetainSettings,
    /// The log.
    pub log: LogSettings,
    /// `log.primary_log_level`
    pub log_gate: Option<LogLevel>,
    /// `log.dir` as written.
    pub log_dir: String,
    /// `acl_file` as written, and its origin.
    pub acl_file: Option<(String, String)>,
    /// `users_file` as written, and its origin.
    pub users_file: (String, String),
    /// `node.ssl_dist_optfile` as written, and its origin.
    pub ssl_dist: (String, String),
    /// `cluster.tls_name_check`
    pub tls_name_check: bool,
    /// Static users: by `user` or `client`, and id.
    pub users: BTreeMap<(String, String), UserDraft>,
    /// Lines for the log.
    pub notes: Vec<Note>,
}

/// `node.*`
#[derive(Debug, Default)]
pub struct NodeDraft {
    /// Name, if it is set.
    pub name: Option<NodeName>,
    /// Cookie as written.
    pub cookie: Option<Cookie>,
    /// Where the cookie was written.
    pub cookie_origin: String,
    /// Second cookie as written, and its origin.
    pub cookie_previous: Option<(Cookie, String)>,
    /// Folder as written.
    pub data_dir: String,
    /// Time to drain.
    pub drain_time: Duration,
    /// Cap on connections.
    pub max_ports: Option<usize>,
    /// Other limits of the node as a whole.
    pub limits: Limits,
    /// `os_mon.*`, `alarm.*`
    pub alarms: alarms::Settings,
    /// EMQX's form of `cluster.forward.keep_bytes`.
    pub dist_buffer_size: Option<usize>,
    /// EMQX's form of `cluster.data_streams`.
    pub tcp_client_num: Option<u8>,
    /// `broker.sys_interval`
    pub sys_interval: Option<Duration>,
    /// `broker.sys_heartbeat`
    pub sys_heartbeat: Option<Duration>,
}

/// Parts of `cluster.*` that other keys decide when they are unset.
#[derive(Debug, Default)]
pub struct ClusterDraft {
    /// How nodes are found.
    pub discovery: DiscoveryDraft,
    /// Somebody set `cluster.data_streams`.
    pub data_streams_set: bool,
    /// `None` is as autoclean.
    pub keep_time: Option<Duration>,
    /// Somebody set `cluster.forward.keep_bytes`.
    pub keep_bytes_set: bool,
}

/// What a zone sets of its policy.
#[derive(Clone, Copy, Debug, Default)]
pub struct PolicyDraft {
    /// `allow_anonymous`
    pub allow_anonymous: Option<Anonymous>,
    /// `acl_nomatch`
    pub nomatch_allows: Option<bool>,
    /// `enable_acl`
    pub enable_acl: Option<bool>,
    /// `bypass_auth_plugins`
    pub bypass_auth: bool,
}

/// One static user, half of it maybe.
#[derive(Debug, Default)]
pub struct UserDraft {
    /// User name or client id.
    pub name: Option<String>,
    /// Password.
    pub password: Option<String>,
}

impl Draft {
    /// A value of the file at `place` is a secret, named `what`: a warning, if everybody may read that.
    pub fn holds(&mut self, place: &Place<'_>, what: &str) {
        let file = place.origin.rsplit_once(':').map(|(file, _)| Path::new(file));
        self.notes.extend(file.and_then(|file| exposed(file, what)));
    }

    /// An empty draft.
    #[must_use]
    pub fn new(node_name: NodeName) -> Self {
        Self {
            node: NodeDraft::default(),
            cluster: cluster::Settings::new(node_name),
            cookie_from: String::new(),
            cluster_late: ClusterDraft::default(),
            base: Settings::default(),
            access: Policy::default(),
            bans: BanPolicies::default(),
            jwt: Jwt::default(),
            jwt_key: None,
            jwks: JwksDraft::default(),
            auth_order: Order::default(),
            acl_order: Order::default(),
            acl_cache: (true, 32, Duration::from_secs(60)),
            auth_http: AuthHttpDraft::default(),
            management: ManagementDraft::default(),
            jwt_claims: Default::default(),
            bridges: BTreeMap::new(),
            policies: BTreeMap::new(),
            zones: BTreeMap::new(),
            listeners: BTreeMap::new(),
            rewrites: BTreeMap::new(),
            subscriptions: BTreeMap::new(),
            retain: RetainSettings::default(),
            log: LogSettings::default(),
            log_gate: None,
            log_dir: String::new(),
            acl_file: None,
            users_file: Default::default(),
            ssl_dist: Default::default(),
            tls_name_check: true,
            users: BTreeMap::new(),
            notes: Vec::new(),
        }
    }

    /// A line of level info.
    pub fn info(&mut self, text: String) {
        self.notes.push(Note::info(text));
    }

    /// A line of level warning.
    pub fn warn(&mut self, text: String) {
        self.notes.push(Note::warning(text));
    }

    /// The zone a key names; it starts as a copy of what all zones share.
    pub fn zone(&mut self, place: &Place<'_>) -> &mut Settings {
        self.zones.entry(place.name().to_owned()).or_insert_with(|| self.base.clone())
    }

    /// The subscription that a key such as `module.subscription.1.topic` names.
    pub fn subscription(&mut self, place: &Place<'_>) -> &mut (String, SubscriptionOptions) {
        let default = || {
            let options = SubscriptionOptions { qos: QoS::AtLeastOnce, ..Default::default() };
            (String::new(), options)
        };
        self.subscriptions.entry(place.name().to_owned()).or_insert_with(default)
    }

    /// The bridge that a key such as `bridge.mqtt.aws.address` names.
    ///
    /// # Errors
    /// A name that no bridge can have.
    pub fn bridge(&mut self, place: &Place<'_>) -> Parsed<&mut BridgeDraft> {
        use std::collections::btree_map::Entry;
        match self.bridges.entry(place.name().to_owned()) {
            Entry::Occupied(known) => Ok(known.into_mut()),
            Entry::Vacant(free) => Ok(free.insert(BridgeDraft::new(place)?)),
        }
    }

    /// The policy of the zone a key names.
    pub fn policy(&mut self, place: &Place<'_>) -> &mut PolicyDraft {
        self.policies.entry(place.name().to_owned()).or_default()
    }

    /// A listener by kind and name.
    pub fn listener(&mut self, kind: ListenerKind, name: &str) -> &mut ListenerDraft {
        let new = || ListenerDraft::new(kind, name);
        self.listeners.entry((kind, name.to_owned())).or_insert_with(new)
    }

    /// The static user a key such as `auth.user.1.password` names.
    pub fn user(&mut self, place: &Place<'_>) -> &mut UserDraft {
        let kind = place.key.split('.').nth(1).unwrap_or_default();
        self.users.entry((kind.to_owned(), place.name().to_owned())).or_default()
    }
}

/// `name@host`.
///
/// # Errors
/// Not a node name.
pub fn node_name(text: &str) -> Parsed<NodeName> {
    let form = "name@host, such as emqx@192.168.1.10, with letters, digits, _ and - in the name";
    NodeName::parse(text).map_err(|_| form.into())
}

/// A cluster name: printable, without blanks.
///
/// # Errors
/// Another text, or more than 255 bytes.
pub fn cluster_name(text: &str) -> Parsed<String> {
    if text.len() <= 255 && text.chars().all(|c| !c.is_whitespace() && !c.is_control()) {
        Ok(text.into())
    } else {
        Err("a word without blanks, at most 255 bytes".into())
    }
}

/// A list of `name@host` or `name@host:port`; an IPv6 host with a port stands in brackets.
///
/// # Errors
/// One of them is not a node name.
pub fn seeds(text: &str) -> Parsed<Vec<Seed>> {
    list(text).map(seed).collect()
}

fn seed(text: &str) -> Parsed<Seed> {
    let bad = || {
        Expected(format!("node names such as emqx@192.168.1.10 separated by commas, not {text}"))
    };
    let (name, host) = text.split_once('@').ok_or_else(bad)?;
    let (host, port) = match host.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        Some((host, "")) => (host, None),
        Some((host, port)) => (host, Some(port.strip_prefix(':').ok_or_else(bad)?)),
        None if host.matches(':').count() == 1 => {
            host.split_once(':').map_or((host, None), |(h, p)| (h, Some(p)))
        }
        None => (host, None),
    };
    let port = port.map(|port| integer(port, 1, 65535)).transpose()?;
    let name = NodeName::parse(&format!("{name}@{host}")).map_err(|_| bad())?;
    Ok(Seed { name, port })
}

/// 0, 1 or 2.
///
/// # Errors
/// Another number.
pub fn qos(text: &str) -> Parsed<QoS> {
    const LEVELS: [QoS; 3] = [QoS::AtMostOnce, QoS::AtLeastOnce, QoS::ExactlyOnce];
    let at = word(text, &["0", "1", "2"])?;
    LEVELS.get(at).copied().ok_or("0, 1 or 2".into())
}

/// A text that fits into a CONNACK beside the rest of it.
///
/// # Errors
/// More than 1,024 bytes, or a null character.
pub fn response_information(text: &str) -> Parsed<String> {
    if text.len() <= 1024 && !text.contains('\0') {
        Ok(text.into())
    } else {
        Err("a text of at most 1,024 bytes without null characters".into())
    }
}

/// `local`, `true`, `false` or `false_quick_deny`.
///
/// # Errors
/// Another word.
pub fn anonymous(text: &str) -> Parsed<Anonymous> {
    match text {
        "local" => Ok(Anonymous::Local),
        "true" | "on" => Ok(Anonymous::Yes),
        "false" | "off" => Ok(Anonymous::No),
        "false_quick_deny" => Ok(Anonymous::NoQuickDeny),
        _ => Err("local, true, false or false_quick_deny".into()),
    }
}

/// `allow` or `deny`.
///
/// # Errors
/// Another word.
pub fn nomatch_allows(text: &str) -> Parsed<bool> {
    Ok(word(text, &["deny", "allow"])? == 1)
}

/// `10, 1m, 5m`: so often, within so much time, banned for so long; or `off`.
///
/// # Errors
/// Another form.
pub fn ban_policy(text: &str) -> Parsed<Option<BanPolicy>> {
    if text == "off" {
        return Ok(None);
    }
    let words: Vec<&str> = list(text).collect();
    let [threshold, window, ban] = words.as_slice() else {
        return Err("how often, within what time, banned for how long: 30, 1m, 5m; or off".into());
    };
    let (threshold, window, ban) =
        (integer(threshold, 1, 1_000_000)?, duration(window)?, duration(ban)?);
    Ok(Some(BanPolicy { threshold, window, ban }))
}

/// A strategy of shared subscriptions, by EMQX's words.
///
/// # Errors
/// Another word.
pub fn shared_strategy(text: &str) -> Parsed<SharedStrategy> {
    match text {
        "random" => Ok(SharedStrategy::Random),
        "round_robin" | "round_robin_per_group" => Ok(SharedStrategy::RoundRobin),
        "sticky" => Ok(SharedStrategy::Sticky),
        "local" => Ok(SharedStrategy::Local),
        "hash" | "hash_clientid" => Ok(SharedStrategy::HashClientId),
        "hash_topic" => Ok(SharedStrategy::HashTopic),
        _ => Err("random, round_robin, sticky, local, hash, hash_clientid or hash_topic".into()),
    }
}

/// EMQX's nine levels and `all`, on our four.
///
/// # Errors
/// Another word.
pub fn log_level(text: &str) -> Parsed<LogLevel> {
    match text {
        "debug" | "all" => Ok(LogLevel::Debug),
        "info" | "notice" => Ok(LogLevel::Info),
        "warning" => Ok(LogLevel::Warning),
        "error" | "critical" | "alert" | "emergency" => Ok(LogLevel::Error),
        _ => Err("debug, info, notice, warning, error, critical, alert, emergency or all".into()),
    }
}

/// `allow all`, `deny 10.0.0.0/8`.
///
/// # Errors
/// Another form.
pub fn access_rule(text: &str) -> Parsed<AccessRule> {
    let form = || Expected::from("allow or deny, and all or a block: deny 10.0.0.0/8");
    let (verb, whom) = text.split_once([' ', '\t']).ok_or_else(form)?;
    let allow = word(verb, &["deny", "allow"]).map_err(|_| form())? == 1;
    let block = match whom.trim() {
        "all" => None,
        block => Some(Cidr::parse(block).ok_or_else(form)?),
    };
    Ok(AccessRule { allow, block })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seeds_may_name_a_port() {
        let got = seeds("a@h, b@10.0.0.1:4400 c@fe80::1,d@[::1]:1").unwrap();
        let got: Vec<_> = got.iter().map(|seed| (seed.name.as_str(), seed.port)).collect();
        assert_eq!(
            got,
            [("a@h", None), ("b@10.0.0.1", Some(4400)), ("c@fe80::1", None), ("d@::1", Some(1))]
        );
        assert_eq!(seeds(""), Ok(vec![]));
        for text in ["a", "a@h:0", "a@h:x", "a@[::1]x", "a@h,b"] {
            assert!(seeds(text).is_err(), "{text}");
        }
    }

    #[test]
    fn access_rules_have_a_verb_and_a_block() {
        for (text, good) in [
            ("allow all", true),
            ("deny  10.0.0.0/8", true),
            ("allow 1.2.3.4", true),
            ("allow", false),
            ("permit all", false),
            ("deny 10.0.0.0/99", false),
        ] {
            assert_eq!(access_rule(text).is_ok(), good, "{text}");
        }
    }
}
