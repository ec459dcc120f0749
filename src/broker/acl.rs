//! Rules about topics: the first that matches decides.
//!
//! [`Rules::client`] keeps the rules that can apply to one client, with `%c` and `%u` filled in, so that a publish costs
//! nothing for a client that may do everything and a few level comparisons for the others.
//!
//! The order of rules, first match wins, is EMQX's (`emqx_mod_acl_internal` 4.4). We differ where EMQX's word-by-word match
//! let a wildcard through: an allow rule matches a subscription only if it covers all of it (`a/+` does not cover `a/#`),
//! a deny rule matches every subscription that could receive a message it names (`deny secret/#` stops `+/x` and `#`), and
//! a client id or user name with `+`, `#` or `/` in it never matches through `%c` or `%u` of an allow rule; in a deny rule every
//! level matches there, and the name as it is.

use std::net::{IpAddr, Ipv6Addr};
use std::sync::Arc;

use super::{
    connect::is_level,
    name_pattern::NamePattern,
    portable::{BadSession, Get, put_text, put_u32},
};

/// Rules in the order they are tried. `Default` is the list of our etc/acl.conf: loopback everything; others nothing under
/// `$SYS/`, else everything.
#[derive(Clone, Debug)]
pub struct Rules(pub Arc<[Rule]>);

impl Default for Rules {
    fn default() -> Self {
        let any = |number, allow, who, topics| {
            let from = "the built-in rules".into();
            Rule { allow, who, publish: true, subscribe: true, topics, number, from }
        };
        Self(Arc::new([
            any(0, true, Clients::Loopback, None),
            any(1, false, Clients::All, Some(Arc::new([TopicPattern::filter("$SYS/#")]))),
            any(2, true, Clients::All, None),
        ]))
    }
}

impl Rules {
    /// What this client may do.
    #[must_use]
    pub fn client(&self, who: &Who<'_>, nomatch_allows: bool) -> ClientAccess {
        ClientAccess::of(&*self.0, who, nomatch_allows)
    }
}

/// One rule: these clients may or may not do this with these topics.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rule {
    /// Allow or deny.
    pub allow: bool,
    /// For whom.
    pub who: Clients,
    /// Applies to publishes.
    pub publish: bool,
    /// Applies to subscriptions.
    pub subscribe: bool,
    /// Topics; `None` is every topic.
    pub topics: Option<Arc<[TopicPattern]>>,
    /// Its place among the rules of the node, or [`Self::OF_TOKEN`].
    pub number: u32,
    /// Where it stands and what it says, for the log.
    pub from: Box<str>,
}

impl Rule {
    /// It came with the token of a client.
    pub const OF_TOKEN: u32 = u32::MAX;
}

/// What a client wants to do with a topic.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// Send to a topic name.
    Publish,
    /// Receive by a topic filter (without `$share/group/`).
    Subscribe,
}

/// A connected client, as far as rules are concerned.
#[derive(Clone, Copy, Debug)]
pub struct Who<'a> {
    /// Zone of the listener.
    pub zone: &'a str,
    /// Client id.
    pub client_id: &'a str,
    /// User name, if there is one.
    pub username: Option<&'a str>,
    /// Address of the other end.
    pub peer: IpAddr,
}

/// What one client may do. Small: it holds only the rules that can apply, and shares their topics where they name no client.
#[derive(Clone, Debug)]
pub struct ClientAccess {
    rules: Box<[BoundRule]>,
    nomatch_allows: bool,
    publish_all: bool,
    subscribe_all: bool,
}

#[derive(Clone, Debug)]
struct BoundRule {
    /// [`Rule::number`]
    number: u32,
    allow: bool,
    publish: bool,
    subscribe: bool,
    /// `None` is every topic.
    topics: Option<Arc<[TopicPattern]>>,
}

impl ClientAccess {
    fn new(rules: Vec<BoundRule>, nomatch_allows: bool) -> Self {
        let all = |relevant: fn(&BoundRule) -> bool| match rules.iter().find(|rule| relevant(rule))
        {
            Some(first) => first.allow && first.topics.is_none(),
            None => nomatch_allows,
        };
        let (publish_all, subscribe_all) = (all(|r| r.publish), all(|r| r.subscribe));
        let rules = if publish_all && subscribe_all { Vec::new() } else { rules };
        Self { rules: rules.into(), nomatch_allows, publish_all, subscribe_all }
    }

    /// What these rules come to for this client.
    #[must_use]
    pub fn of<'a>(
        all: impl IntoIterator<Item = &'a Rule>,
        who: &Who<'_>,
        nomatch_allows: bool,
    ) -> Self {
        let mut rules = Vec::new();
        let (mut publish_decided, mut subscribe_decided) = (false, false);
        for rule in all.into_iter().filter(|rule| rule.who.is(who)) {
            let bound = BoundRule {
                number: rule.number,
                allow: rule.allow,
                publish: rule.publish && !publish_decided,
                subscribe: rule.subscribe && !subscribe_decided,
                topics: rule.topics.as_ref().map(|topics| bind_topics(topics, who, rule.allow)),
            };
            if bound.topics.is_none() {
                publish_decided |= bound.publish;
                subscribe_decided |= bound.subscribe;
            }
            if bound.publish || bound.subscribe {
                rules.push(bound);
            }
            if publish_decided && subscribe_decided {
                break;
            }
        }
        Self::new(rules, nomatch_allows)
    }

    /// May do everything: a zone without ACL.
    #[must_use]
    pub fn everything() -> Self {
        Self::new(Vec::new(), true)
    }

    /// Every topic, both ways: no question needs to be asked.
    #[must_use]
    pub fn allows_all(&self) -> bool {
        self.publish_all && self.subscribe_all
    }

    /// Whether the client may do this with this topic name or, for [`Action::Subscribe`], topic filter.
    #[must_use]
    pub fn allows(&self, action: Action, topic: &str) -> bool {
        self.decides(action, topic).unwrap_or(self.nomatch_allows)
    }

    /// What the first rule that matches says; `None`: no rule does.
    #[must_use]
    pub fn decides(&self, action: Action, topic: &str) -> Option<bool> {
        let all = match action {
            Action::Publish => self.publish_all,
            Action::Subscribe => self.subscribe_all,
        };
        if all {
            return Some(true);
        }
        self.first(action, topic).map(|rule| rule.allow)
    }

    /// [`Rule::number`] of the rule that denies; `None`: no rule matches.
    #[must_use]
    pub fn denied_by(&self, action: Action, topic: &str) -> Option<u32> {
        self.first(action, topic).map(|rule| rule.number)
    }

    fn first(&self, action: Action, topic: &str) -> Option<&BoundRule> {
        let subscribing = action == Action::Subscribe;
        self.rules.iter().find(|rule| {
            (if subscribing { rule.subscribe } else { rule.publish })
                && rule.matches(subscribing, topic)
        })
    }
}

impl BoundRule {
    fn matches(&self, subscribing: bool, topic: &str) -> bool {
        let Some(topics) = &self.topics else { return true };
        topics.iter().any(|pattern| match (subscribing, self.allow) {
            (true, true) => pattern.covers(topic),
            (true, false) => pattern.overlaps(topic),
            (false, _) => pattern.covers(topic),
        })
    }
}

/// Fills in `%c` and `%u`. Topics without them are shared, not copied.
impl ClientAccess {
    /// Stands in place of the number of topics.
    const EVERY_TOPIC: u32 = u32::MAX;

    /// The rules as bytes, for the process that follows this one.
    pub(super) fn put(&self, out: &mut Vec<u8>) {
        // Rules that come to "everything" are not kept one by one.
        out.push(u8::from(self.nomatch_allows || self.allows_all()));
        for rule in &self.rules {
            let flags = [rule.allow, rule.publish, rule.subscribe];
            out.extend(flags.map(u8::from));
            let Some(topics) = &rule.topics else {
                put_u32(out, Self::EVERY_TOPIC);
                continue;
            };
            put_u32(out, u32::try_from(topics.len()).unwrap_or(0));
            topics.iter().for_each(|topic| topic.put(out));
        }
    }

    /// Reads what [`Self::put`] wrote, to the end.
    pub(super) fn get(from: &mut Get<'_>) -> Result<Self, BadSession> {
        let nomatch_allows = from.u8()? != 0;
        let mut rules = Vec::new();
        while !from.0.is_empty() {
            let [allow, publish, subscribe] = from.array::<3>()?.map(|byte| byte != 0);
            let topics = match from.u32()? {
                Self::EVERY_TOPIC => None,
                count => {
                    let topics = (0..count).map(|_| TopicPattern::get(from));
                    Some(topics.collect::<Result<Vec<_>, _>>()?.into())
                }
            };
            // Only what a client brought with its token is kept for another process.
            let number = Rule::OF_TOKEN;
            rules.push(BoundRule { number, allow, publish, subscribe, topics });
        }
        Ok(Self::new(rules, nomatch_allows))
    }
}

fn bind_topics(topics: &Arc<[TopicPattern]>, who: &Who<'_>, allow: bool) -> Arc<[TopicPattern]> {
    if !topics.iter().any(TopicPattern::names_client) {
        return Arc::clone(topics);
    }
    let bound = topics.iter().flat_map(|topic| match topic.bind(who, |_| None) {
        None if !allow => [topic.bind(who, any_level), topic.bind(who, as_it_is)],
        exact => [exact, None],
    });
    bound.flatten().collect()
}

/// In a deny rule, for a name that is missing or not one level: it must not fall away for who chose an odd name.
fn any_level(_: Option<&str>) -> Option<Vec<Level>> {
    Some(vec![Level::One])
}

/// The same, for topics in which such a name stands.
fn as_it_is(name: Option<&str>) -> Option<Vec<Level>> {
    let level = |word: &str| match word {
        "+" | "#" => Level::One,
        _ => Level::Word(word.into()),
    };
    Some(name?.split('/').map(level).collect())
}

/// Whom a rule is for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Clients {
    /// Everybody.
    All,
    /// Everybody on this host.
    Loopback,
    /// The client with this user name.
    User(Box<str>),
    /// The client with this id.
    Client(Box<str>),
    /// Clients whose user name is like this.
    UserLike(NamePattern),
    /// Clients whose id is like this.
    ClientLike(NamePattern),
    /// Clients from one of these blocks.
    Addresses(Vec<Cidr>),
    /// Those that all of these name.
    And(Vec<Self>),
    /// Those that one of these names.
    Or(Vec<Self>),
}

impl Clients {
    /// Depth is bounded by the reader of the rules.
    fn is(&self, who: &Who<'_>) -> bool {
        match self {
            Self::All => true,
            Self::Loopback => who.peer.to_canonical().is_loopback(),
            Self::User(name) => who.username == Some(name),
            Self::Client(id) => who.client_id == &**id,
            Self::UserLike(pattern) => who.username.is_some_and(|name| pattern.is_in(name)),
            Self::ClientLike(pattern) => pattern.is_in(who.client_id),
            Self::Addresses(blocks) => blocks.iter().any(|block| block.contains(who.peer)),
            Self::And(all) => all.iter().all(|clients| clients.is(who)),
            Self::Or(any) => any.iter().any(|clients| clients.is(who)),
        }
    }
}

/// The topics a rule names: a filter, or with [`TopicPattern::literal`] one exact text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TopicPattern(Kind);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Kind {
    Literal(Box<str>),
    Levels(Box<[Level]>),
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Level {
    Word(Box<str>),
    /// `+`
    One,
    /// `#`
    Rest,
    /// `%c`
    ClientId,
    /// `%u`
    UserName,
}

impl TopicPattern {
    /// A topic filter; the levels `%c` (also `${clientid}`) and `%u` (`${username}`) stand for the client.
    #[must_use]
    pub fn filter(text: &str) -> Self {
        let level = |word: &str| match word {
            "+" => Level::One,
            "#" => Level::Rest,
            "%c" | "${clientid}" => Level::ClientId,
            "%u" | "${username}" => Level::UserName,
            _ => Level::Word(word.into()),
        };
        Self(Kind::Levels(text.split('/').map(level).collect()))
    }

    /// Exactly this text, wildcards included: `{eq, "#"}`.
    #[must_use]
    pub fn literal(text: &str) -> Self {
        Self(Kind::Literal(text.into()))
    }

    /// As a byte for its kind and its texts; the names of the client are filled in already.
    fn put(&self, out: &mut Vec<u8>) {
        match &self.0 {
            Kind::Literal(text) => {
                out.push(0);
                put_text(out, text);
            }
            Kind::Levels(levels) => {
                out.push(1);
                put_u32(out, u32::try_from(levels.len()).unwrap_or(0));
                for level in levels {
                    let (kind, text) = match level {
                        Level::Word(text) => (0, &**text),
                        Level::One => (1, ""),
                        Level::Rest => (2, ""),
                        Level::ClientId => (3, ""),
                        Level::UserName => (4, ""),
                    };
                    out.push(kind);
                    put_text(out, text);
                }
            }
        }
    }

    fn get(from: &mut Get<'_>) -> Result<Self, BadSession> {
        if from.u8()? == 0 {
            return Ok(Self::literal(from.text()?));
        }
        let mut levels = Vec::new();
        for _ in 0..from.u32()? {
            let (kind, text) = (from.u8()?, from.text()?);
            levels.push(match kind {
                0 => Level::Word(text.into()),
                1 => Level::One,
                2 => Level::Rest,
                3 => Level::ClientId,
                4 => Level::UserName,
                _ => return Err(BadSession("level of a rule")),
            });
        }
        Ok(Self(Kind::Levels(levels.into())))
    }

    fn names_client(&self) -> bool {
        match &self.0 {
            Kind::Literal(_) => false,
            Kind::Levels(levels) => {
                levels.iter().any(|level| matches!(level, Level::ClientId | Level::UserName))
            }
        }
    }

    /// The pattern with the client's names in it. What stands for a name that is missing or not one level, says `odd`; `None` if
    /// nothing does.
    fn bind(&self, who: &Who<'_>, odd: fn(Option<&str>) -> Option<Vec<Level>>) -> Option<Self> {
        let Kind::Levels(levels) = &self.0 else { return Some(self.clone()) };
        let named = |name: Option<&str>| match name.filter(|name| is_level(name)) {
            Some(name) => Some(vec![Level::Word(name.into())]),
            None => odd(name),
        };
        let mut bound = Vec::with_capacity(levels.len());
        for level in levels {
            match level {
                Level::ClientId => bound.append(&mut named(Some(who.client_id))?),
                Level::UserName => bound.append(&mut named(who.username)?),
                Level::Word(_) | Level::One | Level::Rest => bound.push(level.clone()),
            }
        }
        Some(Self(Kind::Levels(bound.into())))
    }

    /// Every topic name that `topic` (a name or a filter) stands for is one of ours.
    fn covers(&self, topic: &str) -> bool {
        let levels = match &self.0 {
            Kind::Literal(text) => return **text == *topic,
            Kind::Levels(levels) => levels,
        };
        if hidden_from_wildcards(topic) && matches!(levels.first(), Some(Level::One | Level::Rest))
        {
            return false;
        }
        let mut words = topic.split('/');
        for level in levels {
            let word = words.next();
            let same = match level {
                Level::Rest => return true,
                Level::One => word.is_some_and(|w| w != "#"),
                Level::Word(text) => word == Some(text),
                Level::ClientId | Level::UserName => false,
            };
            if !same {
                return false;
            }
        }
        words.next().is_none()
    }

    /// Some topic name matches both us and the filter `topic`.
    fn overlaps(&self, topic: &str) -> bool {
        let levels = match &self.0 {
            Kind::Literal(text) => return **text == *topic,
            Kind::Levels(levels) => levels,
        };
        let starts_with_wildcard = matches!(levels.first(), Some(Level::One | Level::Rest));
        let ours_hidden =
            matches!(levels.first(), Some(Level::Word(text)) if text.starts_with('$'));
        if (hidden_from_wildcards(topic) && starts_with_wildcard)
            || (ours_hidden && topic.starts_with(['+', '#']))
        {
            return false;
        }
        let mut words = topic.split('/');
        for level in levels {
            let word = words.next();
            let meets = match (level, word) {
                (Level::Rest, _) | (_, Some("#")) => return true,
                (_, None) | (Level::ClientId | Level::UserName, _) => false,
                (Level::One, Some(_)) | (Level::Word(_), Some("+")) => true,
                (Level::Word(text), Some(word)) => **text == *word,
            };
            if !meets {
                return false;
            }
        }
        matches!(words.next(), None | Some("#"))
    }
}

/// v5 [MQTT-4.7.2-1]: a filter that starts with a wildcard does not match a topic that starts with `$`.
fn hidden_from_wildcards(topic: &str) -> bool {
    topic.starts_with('$')
}

/// An address block: `10.0.0.0/8`, `fe80::/10`, or one address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Cidr {
    address: IpAddr,
    bits: u8,
}

impl Cidr {
    /// Parses `address/bits` or a single address; `None` if it is neither or has more bits than the address.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let (address, bits) = text.split_once('/').map_or((text, None), |(a, b)| (a, Some(b)));
        let address: IpAddr = address.parse().ok()?;
        let most = if address.is_ipv4() { 32 } else { 128 };
        let bits = bits.map_or(Some(most), |bits| bits.parse().ok())?;
        match (address, address.to_canonical()) {
            _ if bits > most => None,
            (IpAddr::V6(_), canonical @ IpAddr::V4(_)) if bits >= 96 => {
                Some(Self { address: canonical, bits: bits - 96 })
            }
            (address, _) => Some(Self { address, bits }),
        }
    }

    /// The block that is this address alone.
    #[must_use]
    pub fn single(address: IpAddr) -> Self {
        let address = address.to_canonical();
        Self { address, bits: if address.is_ipv4() { 32 } else { 128 } }
    }

    /// The address, if the block is one.
    #[must_use]
    pub fn address(&self) -> Option<IpAddr> {
        (*self == Self::single(self.address)).then_some(self.address)
    }

    /// Whether `peer` lies in the block. An IPv4 peer seen by a dual-stack socket counts as IPv4.
    #[must_use]
    pub fn contains(&self, peer: IpAddr) -> bool {
        let bits = u32::from(self.bits);
        match (self.address, peer.to_canonical()) {
            (IpAddr::V4(a), IpAddr::V4(b)) => {
                (a.to_bits() ^ b.to_bits()).checked_shr(32 - bits.min(32)).unwrap_or(0) == 0
            }
            (IpAddr::V6(a), IpAddr::V6(b)) => same_front(a, b, bits),
            (IpAddr::V4(_), IpAddr::V6(_)) | (IpAddr::V6(_), IpAddr::V4(_)) => false,
        }
    }
}

impl std::fmt::Display for Cidr {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.address() {
            Some(address) => address.fmt(f),
            None => write!(f, "{}/{}", self.address, self.bits),
        }
    }
}

fn same_front(a: Ipv6Addr, b: Ipv6Addr, bits: u32) -> bool {
    (a.to_bits() ^ b.to_bits()).checked_shr(128 - bits.min(128)).unwrap_or(0) == 0
}

#[cfg(test)]
mod tests {
    use super::*;

    const LOOPBACK: &str = "127.0.0.1";
    const LAN: &str = "192.168.1.7";

    fn who<'a>(client_id: &'a str, username: Option<&'a str>, peer: &str) -> Who<'a> {
        Who { zone: "external", client_id, username, peer: peer.parse().unwrap() }
    }

    struct Asked(Rules, bool);

    impl Asked {
        fn allows(&self, who: &Who<'_>, action: Action, topic: &str) -> bool {
            self.0.client(who, self.1).allows(action, topic)
        }
    }

    fn access(rules: Vec<Rule>, nomatch_allows: bool) -> Asked {
        Asked(Rules(rules.into()), nomatch_allows)
    }

    fn rule(allow: bool, who: Clients, topics: &[&str]) -> Rule {
        let topics =
            (!topics.is_empty()).then(|| topics.iter().map(|t| TopicPattern::filter(t)).collect());
        Rule { allow, who, publish: true, subscribe: true, topics, number: 0, from: "".into() }
    }

    #[test]
    fn built_in_rules_keep_sys_to_this_host() {
        let rules = Rules::default();
        let local = rules.client(&who("c", None, LOOPBACK), false);
        assert!(local.allows_all());
        assert!(rules.client(&who("c", None, "::ffff:127.0.0.1"), false).allows_all());
        let remote = rules.client(&who("c", None, LAN), false);
        assert!(!remote.allows_all());
        for (action, topic, want) in [
            (Action::Publish, "a/b", true),
            (Action::Publish, "$SYS/x", false),
            (Action::Publish, "$SYS", false),
            (Action::Publish, "$SYSTEM/x", true),
            (Action::Publish, "$other", true),
            (Action::Subscribe, "#", true),
            (Action::Subscribe, "+/x", true),
            (Action::Subscribe, "$SYS/#", false),
            (Action::Subscribe, "$SYS/brokers/+/uptime", false),
        ] {
            assert_eq!(remote.allows(action, topic), want, "{action:?} {topic}");
        }
    }

    #[test]
    fn the_first_rule_that_matches_wins() {
        let rules = vec![
            rule(false, Clients::User("bob".into()), &["a/#"]),
            rule(
                true,
                Clients::And(vec![
                    Clients::Or(vec![Clients::Client("c1".into()), Clients::Client("c2".into())]),
                    Clients::Addresses(vec![Cidr::parse("192.168.0.0/16").unwrap()]),
                ]),
                &["a/b", "b/+"],
            ),
        ];
        for (client, user, peer, topic, want) in [
            ("c1", None, LAN, "a/b", true),
            ("c2", None, LAN, "b/x", true),
            ("c3", None, LAN, "b/x", false),
            ("c1", None, "10.0.0.1", "a/b", false),
            ("c1", Some("bob"), LAN, "a/b", false),
            ("c1", Some("bob"), LAN, "b/x", true),
            ("c1", None, LAN, "b/x/y", false),
        ] {
            let got = access(rules.clone(), false).allows(
                &who(client, user, peer),
                Action::Publish,
                topic,
            );
            assert_eq!(got, want, "{client} {user:?} {peer} {topic}");
        }
        assert!(access(rules, true).allows(&who("c3", None, LAN), Action::Publish, "x"));
    }

    #[test]
    fn names_of_the_client_fill_a_level_and_nothing_more() {
        let access = access(vec![rule(true, Clients::All, &["c/%c/#", "u/${username}"])], false);
        for (client, user, action, topic, want) in [
            ("c1", None, Action::Publish, "c/c1/x", true),
            ("c1", None, Action::Publish, "c/c2/x", false),
            ("c1", Some("bob"), Action::Publish, "u/bob", true),
            ("c1", None, Action::Publish, "u/%u", false),
            ("+", None, Action::Subscribe, "c/+/#", false),
            ("#", None, Action::Subscribe, "c/#", false),
            ("a/b", None, Action::Publish, "c/a/b/x", false),
        ] {
            assert_eq!(
                access.allows(&who(client, user, LAN), action, topic),
                want,
                "{client} {topic}"
            );
        }
    }

    /// Who may choose its names must not choose one for which a rule that denies falls away.
    #[test]
    fn a_deny_rule_holds_for_names_that_are_no_level() {
        let access = access(vec![rule(false, Clients::All, &["c/%c", "%c/x", "u/%u/#"])], true);
        for (client, user, action, topic, want) in [
            ("c1", Some("u1"), Action::Publish, "c/c1", false),
            ("c1", Some("u1"), Action::Publish, "c/c2", true),
            ("+", Some("u1"), Action::Publish, "c/c2", false),
            ("+", Some("u1"), Action::Subscribe, "c/+", false),
            ("#", Some("u1"), Action::Subscribe, "c/#", false),
            ("a/b", Some("u1"), Action::Publish, "c/a/b", false),
            ("a/b", Some("u1"), Action::Publish, "c/a/c", true),
            ("a/+", Some("u1"), Action::Publish, "c/a/z", false),
            ("$SYS", Some("u1"), Action::Publish, "$SYS/x", false),
            ("c1", Some("a/b"), Action::Publish, "u/a/b/x", false),
            ("c1", Some("+"), Action::Subscribe, "u/u2/x", false),
            ("c1", None, Action::Publish, "u/u2", false),
            ("c1", None, Action::Publish, "v/u2", true),
        ] {
            let got = access.allows(&who(client, user, LAN), action, topic);
            assert_eq!(got, want, "{client} {user:?} {action:?} {topic}");
        }
    }

    #[test]
    fn an_allow_rule_covers_only_what_it_names() {
        let access = access(vec![rule(true, Clients::All, &["a/+", "b/#", "+/c"])], false);
        for (filter, want) in [
            ("a/x", true),
            ("a/+", true),
            ("a/#", false),
            ("b", true),
            ("b/+/x", true),
            ("b/#", true),
            ("#", false),
            ("$d/c", false),
            ("d/c", true),
            ("+/c", true),
        ] {
            assert_eq!(
                access.allows(&who("c", None, LAN), Action::Subscribe, filter),
                want,
                "{filter}"
            );
        }
    }

    #[test]
    fn a_deny_rule_stops_every_filter_that_would_reach_it() {
        let mut rules = vec![rule(false, Clients::All, &["s/x/#", "$in/+"])];
        rules.push(Rule {
            topics: Some(Arc::new([TopicPattern::literal("+/#")])),
            ..rules[0].clone()
        });
        let access = access(rules, true);
        for (filter, want) in [
            ("s/x", false),
            ("s/+", false),
            ("s/x/y", false),
            ("s/#", false),
            ("s", true),
            ("+/x/z", false),
            ("#", false),
            ("+/#", false),
            ("t/#", true),
            ("s/y/#", true),
            ("$in/#", false),
            ("$in/a/b", true),
            ("$other/#", true),
        ] {
            assert_eq!(
                access.allows(&who("c", None, LAN), Action::Subscribe, filter),
                want,
                "{filter}"
            );
        }
    }

    #[test]
    fn blocks_contain_their_addresses() {
        for (block, peer, want) in [
            ("0.0.0.0/0", "9.9.9.9", true),
            ("10.0.0.0/8", "10.255.0.1", true),
            ("10.0.0.0/8", "11.0.0.1", false),
            ("192.168.1.1", "192.168.1.1", true),
            ("192.168.1.1", "192.168.1.2", false),
            ("192.168.1.1", "::ffff:192.168.1.1", true),
            ("::/0", "::1", true),
            ("::/0", "1.2.3.4", false),
            ("fe80::/10", "fe80::1", true),
            ("fe80::/10", "fec0::1", false),
            ("::ffff:10.0.0.0/104", "10.9.9.9", true),
        ] {
            assert_eq!(
                Cidr::parse(block).unwrap().contains(peer.parse().unwrap()),
                want,
                "{block} {peer}"
            );
        }
        for text in ["1.2.3.4/33", "x/8", "::/129", "1.2.3.4/", ""] {
            assert_eq!(Cidr::parse(text), None, "{text}");
        }
    }
}
