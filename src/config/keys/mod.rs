//! The one table of keys: name, default, doc and effect. What emqx.conf.example, emqx.conf(5) and the messages say about a
//! key comes from here.
//!
//! A name may have free segments (`$name`) that match one segment, and a last `*` that matches the rest. A key that does
//! nothing here is still in the table with its type, so that a file of EMQX 4.4 loads unchanged and a slip in it is found.

mod access;
mod bridge;
mod broker;
mod cluster;
mod listener;
mod log;
mod management;
mod mqtt;
mod node;
mod other;
pub(super) mod reasons;
mod zone;

use std::borrow::Cow;

use super::draft::Draft;
use super::file::segments;
use super::values::{self, Expected, Parsed};
use crate::cluster::NodeName;

/// One row: a key or a family of keys.
#[derive(Debug)]
pub struct Key {
    /// Name, with free segments as `$name`.
    pub name: &'static str,
    /// Built-in value; empty when there is none.
    pub default: &'static str,
    /// One line for the reader.
    pub doc: &'static str,
    /// What setting it does.
    pub effect: Effect,
}

/// What a key does.
#[derive(Debug)]
pub enum Effect {
    /// Parses the text and changes the draft.
    Set(Setter),
    /// No meaning here; checked and named in one info line.
    Unused(Kind),
    /// A feature of EMQX that this version lacks: one warning, unless the value is one of these.
    Missing(Kind, &'static [&'static str]),
}

/// Applies one value.
pub type Setter = fn(&mut Draft, &Place<'_>, &str) -> Parsed<()>;

/// Where a value stands.
#[derive(Debug)]
pub struct Place<'a> {
    /// The whole key.
    pub key: &'a str,
    /// What the free segments of the name stand for, in order.
    pub names: Vec<&'a str>,
    /// `file:line`, a variable, or `built in`.
    pub origin: &'a str,
}

impl Place<'_> {
    /// The value is the default of the table: nobody set the key.
    pub fn is_default(&self) -> bool {
        self.origin == BUILT_IN
    }

    /// The first free segment.
    pub fn name(&self) -> &str {
        self.names.first().copied().unwrap_or_default()
    }
}

/// Types of the values that do nothing here.
#[derive(Clone, Copy, Debug)]
pub enum Kind {
    /// Anything.
    Text,
    /// on or off.
    Flag,
    /// A whole number.
    Integer,
    /// A number.
    Float,
    /// A duration.
    Duration,
    /// A size in bytes.
    Bytes,
    /// A percentage.
    Percent,
    /// A port or an address with a port.
    Bind,
    /// One of these.
    Words(&'static [&'static str]),
    /// The first type or, failing that, one of these words.
    Or(&'static Self, &'static [&'static str]),
    /// One of two types.
    Either(&'static Self, &'static Self),
}

/// The origin of defaults.
pub const BUILT_IN: &str = "built in";

impl Kind {
    /// Checks a value.
    ///
    /// # Errors
    /// What was expected.
    pub fn check(&self, text: &str) -> Parsed<()> {
        match self {
            Self::Text => Ok(()),
            Self::Flag => values::flag(text).map(drop),
            Self::Integer => values::integer::<i64>(text, i64::MIN, i64::MAX).map(drop),
            Self::Float => values::float(text).map(drop),
            Self::Duration => values::duration(text).map(drop),
            Self::Bytes => values::bytes(text).map(drop),
            Self::Percent => values::percent(text).map(drop),
            Self::Bind => values::bind(text).map(drop),
            Self::Words(words) => values::word(text, words).map(drop),
            Self::Or(_, words) if words.contains(&text) => Ok(()),
            Self::Or(kind, words) => {
                kind.check(text).map_err(|e| Expected(format!("{}, or {}", e.0, words.join(", "))))
            }
            Self::Either(a, b) => a.check(text).or_else(|first| {
                b.check(text).map_err(|second| Expected(format!("{}, or {}", first.0, second.0)))
            }),
        }
    }
}

impl Key {
    const fn set(
        name: &'static str,
        default: &'static str,
        doc: &'static str,
        set: Setter,
    ) -> Self {
        Self { name, default, doc, effect: Effect::Set(set) }
    }

    const fn unused(name: &'static str, kind: Kind) -> Self {
        Self { name, default: "", doc: "", effect: Effect::Unused(kind) }
    }

    const fn missing(name: &'static str, kind: Kind, harmless: &'static [&'static str]) -> Self {
        Self { name, default: "", doc: "", effect: Effect::Missing(kind, harmless) }
    }

    /// The name has no free segment.
    #[must_use]
    pub fn has_fixed_name(&self) -> bool {
        !self.name.contains(['$', '*'])
    }

    /// The key does something here.
    #[must_use]
    pub fn acts(&self) -> bool {
        matches!(self.effect, Effect::Set(_))
    }

    /// A change takes effect on reload.
    #[must_use]
    pub fn reloads(&self) -> bool {
        const RELOADED: &[&str] = &[
            "mqtt.",
            "zone.",
            "auth.",
            "allow_anonymous",
            "users_file",
            "auth_order",
            "auth_failure_policy",
            "auth_spray_policy",
            "takeover_policy",
            "flapping_detect_policy",
            "acl_",
            "enable_acl_cache",
            "log.level",
            "log.primary_log_level",
            "retainer.",
            "broker.shared_",
            "broker.$name.shared_",
            "broker.client_disconnect_",
            "module.",
            "delayed.",
            "plugins.",
            "management.default_application.",
            "management.bootstrap_apps_file",
            "management.listener.$kind.certfile",
            "management.listener.$kind.keyfile",
            "management.listener.$kind.key_password",
            "management.listener.$kind.cacertfile",
            "management.listener.$kind.verify",
            "management.listener.$kind.fail_if_no_peer_cert",
            "management.listener.$kind.depth",
            "management.listener.$kind.tls_versions",
            "management.listener.$kind.ciphers",
            "cluster.tls_name_check",
            "listener.$kind.$name.certfile",
            "listener.$kind.$name.keyfile",
            "listener.$kind.$name.key_password",
            "listener.$kind.$name.cacertfile",
            "listener.$kind.$name.crlfile",
            "listener.$kind.$name.verify",
            "listener.$kind.$name.fail_if_no_peer_cert",
            "listener.$kind.$name.depth",
            "listener.$kind.$name.tls_versions",
            "listener.$kind.$name.ciphers",
            "listener.$kind.$name.reuse_sessions",
            "node.ssl_dist_optfile",
        ];
        /// Of those, what a node takes from its settings of the start alone.
        const NOT_RELOADED: &[&str] = &["retainer.replicate"];
        let named = |fronts: &[&str]| fronts.iter().any(|front| self.name.starts_with(front));
        !self.acts() || (named(RELOADED) && !named(NOT_RELOADED))
    }

    /// Whether `key`, which is one of this row, may have this value: most keys of listeners are for some kinds alone.
    #[must_use]
    pub fn takes(&self, key: &str, text: &str) -> bool {
        let words = segments(key);
        let names = self.matches(&words).unwrap_or_default();
        match &self.effect {
            Effect::Set(set) => {
                let place = Place { key, names, origin: BUILT_IN };
                set(&mut Draft::new(NodeName::alone()), &place, text).is_ok()
            }
            Effect::Unused(kind) | Effect::Missing(kind, _) => kind.check(text).is_ok(),
        }
    }

    /// What the free segments stand for in `key`, if it is one of ours.
    fn matches<'k>(&self, key: &'k [String]) -> Option<Vec<&'k str>> {
        let mut names = Vec::new();
        let mut words = key.iter();
        for part in self.name.split('.') {
            if part == "*" {
                return words.next().map(|_| names);
            }
            let word = words.next()?;
            if part.starts_with('$') {
                names.push(word.as_str());
            } else if part != word {
                return None;
            }
        }
        words.next().is_none().then_some(names)
    }
}

const TABLES: &[&[Key]] = &[
    node::KEYS,
    cluster::KEYS,
    listener::KEYS,
    listener::WITH_TLS,
    listener::WITH_WEBSOCKET,
    access::KEYS,
    mqtt::KEYS,
    zone::KEYS,
    broker::KEYS,
    bridge::KEYS,
    log::KEYS,
    management::KEYS,
    other::KEYS,
];

/// Every key, in the order of the example file.
pub fn all() -> impl Iterator<Item = &'static Key> {
    TABLES.iter().copied().flatten()
}

/// The row of a key and the names in it. Of several rows the one with fewest free segments counts.
#[must_use]
pub fn find(key: &str) -> Option<(&'static Key, Vec<String>)> {
    let words = segments(key);
    let rows = all().filter(|row| words.first().is_some_and(|first| row.name.starts_with(first)));
    let rows = rows.filter_map(|row| Some((row, row.matches(&words)?)));
    let (row, names) = rows.min_by_key(|(row, _)| row.name.matches(['$', '*']).count())?;
    Some((row, names.into_iter().map(Into::into).collect()))
}

/// What to say of a key that is none: the known one most like it, where one is.
#[must_use]
pub fn hint(key: &str) -> String {
    nearest(key).map_or_else(
        || "; all of them stand in emqx.conf(5)".into(),
        |name| format!(", the nearest known one is {name}"),
    )
}

/// The known key most like `key`, with the names of `key` in its free segments, if a third of it is the same.
#[must_use]
pub fn nearest(key: &str) -> Option<String> {
    let key: String = key.chars().take(128).collect();
    let (words, small) = (segments(&key), key.to_ascii_lowercase());
    let mut best = (small.len() * 2 / 3 + 1, String::new());
    for name in all().filter(|row| !row.name.contains('*')).map(|row| fill(row.name, &words)) {
        // A slip in the case of letters is the smallest of all, and the last word alone is one too.
        let lower = name.to_ascii_lowercase();
        if lower.rsplit_once('.').is_some_and(|(_, last)| last == small) {
            best = best.min((1, name));
        } else if lower.len().abs_diff(small.len()) < best.0 {
            best = best.min((distance(&lower, &small), name));
        }
    }
    Some(best.1).filter(|name| !name.is_empty())
}

fn fill(name: &str, words: &[String]) -> String {
    let parts = name.split('.').zip(words.iter().map(Some).chain(std::iter::repeat(None)));
    let parts: Vec<&str> = parts
        .map(|(part, word)| word.filter(|_| part.starts_with('$')).map_or(part, String::as_str))
        .collect();
    parts.join(".")
}

/// Levenshtein distance, on bytes; names are short.
fn distance(a: &str, b: &str) -> usize {
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.bytes().enumerate() {
        let mut corner = i;
        let mut left = i + 1;
        for (cell, y) in row.iter_mut().zip(std::iter::once(None).chain(b.bytes().map(Some))) {
            let Some(y) = y else {
                *cell = left;
                continue;
            };
            let above = *cell;
            left = (corner + usize::from(x != y)).min(above + 1).min(left + 1);
            corner = above;
            *cell = left;
        }
    }
    row.last().copied().unwrap_or(0)
}

/// The value of a key that holds a secret is not shown.
#[must_use]
pub fn is_secret(key: &str) -> bool {
    const SECRET: &[&str] = &["cookie", "cookie_previous", "password", "secret", "key_password"];
    const OPEN_HEADERS: &[&str] = &["content-type", "accept"];
    let (front, last) = key.rsplit_once('.').unwrap_or(("", key));
    let header = front.ends_with(".headers") && !OPEN_HEADERS.contains(&last);
    header || SECRET.contains(&last)
}

/// What is shown for a secret.
pub const MASK: &str = "******";

/// `text`, or stars when `key` holds a secret. In a URL one may stand before the host and behind the `?`, and among the parameters
/// of a request each that is not filled in from the client may be one.
#[must_use]
pub fn masked<'t>(key: &str, text: &'t str) -> Cow<'t, str> {
    if is_secret(key) {
        return MASK.into();
    }
    if key.ends_with(".params") {
        let pairs = text.split(',').map(|pair| match pair.split_once('=') {
            Some((name, value)) if !value.contains('%') => format!("{name}={MASK}"),
            _ => pair.to_owned(),
        });
        return pairs.collect::<Vec<_>>().join(",").into();
    }
    let Some((scheme, rest)) = text.split_once("://") else { return text.into() };
    let (who, rest) = rest.rsplit_once('@').map_or(("", rest), |(_, rest)| ("@", rest));
    let (rest, query) = rest.split_once('?').map_or((rest, ""), |(rest, _)| (rest, "?"));
    if who.is_empty() && query.is_empty() {
        return text.into();
    }
    let mask = |mark: &str| if mark.is_empty() { "" } else { MASK };
    format!("{scheme}://{}{who}{rest}{query}{}", mask(who), mask(query)).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_unique_and_documented() {
        let mut seen = std::collections::BTreeSet::new();
        for key in all() {
            assert!(seen.insert(key.name), "{} stands twice in the table", key.name);
            assert_eq!(
                key.acts(),
                !key.doc.is_empty(),
                "{}: a doc for what acts, none for the rest",
                key.name
            );
            assert!(key.doc.len() <= 140, "{}: doc of {} bytes", key.name, key.doc.len());
        }
    }

    #[test]
    fn free_segments_match_one_segment() {
        for (key, want) in [
            ("node.name", Some("node.name")),
            ("zone.external.max_inflight", Some("zone.$name.max_inflight")),
            ("zone.a\\.b.max_inflight", Some("zone.$name.max_inflight")),
            ("zone.a.b.max_inflight", None),
            ("listener.tcp.external", Some("listener.$kind.$name")),
            ("listener.tcp.x.access.1", Some("listener.$kind.$name.access.$id")),
            ("broker.perf.route_lock_type", Some("broker.perf.route_lock_type")),
            ("web.hook.api.url", Some("web.hook.*")),
            ("nod.name", None),
        ] {
            assert_eq!(find(key).map(|(row, _)| row.name), want, "{key}");
        }
        assert_eq!(find("zone.a\\.b.max_inflight").unwrap().1, ["a.b"]);
    }

    #[test]
    fn the_nearest_key_keeps_the_users_names() {
        for (key, want) in [
            ("nod.name", "node.name"),
            ("cluster.autoclen", "cluster.autoclean"),
            ("zone.mine.max_inflght", "zone.mine.max_inflight"),
            ("listener.tcp.x.bcklog", "listener.tcp.x.backlog"),
            ("cluster.mcast.adr", "cluster.mcast.addr"),
            ("NODE.NAME", "node.name"),
            ("Listener.TCP.external", "listener.TCP.external"),
            ("listener.tcp.external.max_connection", "listener.tcp.external.max_connections"),
            ("zone.external.MAX_INFLIGHT", "zone.external.max_inflight"),
            ("mqtt.max_packetsize", "mqtt.max_packet_size"),
            ("auth.user.1.user", "auth.user.1.username"),
        ] {
            assert_eq!(nearest(key).as_deref(), Some(want));
        }
        assert_eq!(nearest("cookie").as_deref(), Some("node.cookie"), "the last word of a key");
        assert_eq!(nearest("dashboard"), None, "nothing is like it");
        assert_eq!(hint("x"), "; all of them stand in emqx.conf(5)");
        assert_eq!(distance("kitten", "sitting"), 3);
        assert_eq!(distance("", "ab"), 2);
    }

    /// A reload hands no node its settings of the cluster and of the process, so no key that is said to be reloaded may be among
    /// them.
    #[test]
    fn what_is_reloaded_changes_nothing_that_only_a_start_reads() {
        const TEXTS: &[&str] = &[
            "1",
            "2",
            "on",
            "off",
            "all",
            "none",
            "0.5",
            "5s",
            "7MB",
            "40%",
            "local",
            "deny",
            "debug",
            "/x",
            "x",
            "x/#",
            "10/1m",
            "verify_peer",
            "tlsv1.3",
            "http://h/x",
            "get",
            "a=%c",
            "x/# ^x/(.+)$ y/$1",
            "50, 60s, 5m",
        ];
        let at_start = |draft: &Draft| {
            format!("{:?} {:?} {:?}", draft.cluster, draft.node, draft.cluster_late)
        };
        let (fresh, mut tried) = (at_start(&Draft::new(NodeName::alone())), 0);
        for key in all().filter(|key| key.reloads()) {
            let Effect::Set(set) = &key.effect else { continue };
            let name = key.name.replace("$kind", "wss").replace('$', "");
            let (words, mut took) = (segments(&name), false);
            for text in TEXTS {
                let names = key.matches(&words).unwrap();
                let mut draft = Draft::new(NodeName::alone());
                let place = Place { key: &name, names, origin: "here:1" };
                if set(&mut draft, &place, text).is_ok() {
                    took = true;
                    assert_eq!(
                        at_start(&draft),
                        fresh,
                        "{} = {text}: waits for a restart",
                        key.name
                    );
                }
            }
            tried += usize::from(took);
        }
        assert!(tried > 100, "{tried} keys took a value");
        assert!(!find("retainer.replicate").unwrap().0.reloads());
        assert!(find("retainer.max_memory").unwrap().0.reloads());
    }

    #[test]
    fn secrets_are_masked() {
        for (key, secret) in [
            ("node.cookie", true),
            ("auth.user.1.password", true),
            ("listener.ssl.x.key_password", true),
            ("auth.http.auth_req.headers.authorization", true),
            ("auth.http.auth_req.headers.content-type", false),
            ("auth.mnesia.password_hash", false),
            ("node.name", false),
        ] {
            assert_eq!(is_secret(key), secret, "{key}");
        }
        let shown = |text| masked("cluster.etcd.server", text).into_owned();
        assert_eq!(shown("https://me:secret@h:1/x"), "https://******@h:1/x");
        assert_eq!(shown("http://h1, a@b"), "http://******@b", "rather too much than too little");
        assert_eq!(shown("a@h"), "a@h");
        assert_eq!(shown("https://h/auth?token=s3"), "https://h/auth?******");
        assert_eq!(shown("http://me:s@h/a?b=c"), "http://******@h/a?******");
        let params = masked("auth.http.acl_req.params", "clientid=%c, api_key=s3,topic=%t");
        assert_eq!(params, "clientid=%c, api_key=******,topic=%t");
    }
}
