//! The subscription table: topic filter -> clients of this node (EMQX `emqx_broker`, `emqx_shared_sub`).
//!
//! Never replicated; the cluster only learns of the first and the last subscriber of a filter. Subscribers of a filter stand in
//! chunks of about 256 behind `Arc`, so that a publish copies a list of chunks and lets go of the table, and a subscribe copies
//! one chunk. `S` is the mailbox of a session; this file knows only that it can be cloned.

use std::{
    collections::HashMap,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use super::settings::SharedStrategy;
use crate::{
    mqtt::{QoS, SubscriptionOptions},
    topic::{Hashing, TopicFilter, TopicName, Trie, share::Subscription},
};

/// Subscribers of a chunk before it is split.
const CHUNK: usize = 256;

/// One subscription of one local session.
#[derive(Clone, Debug)]
pub struct Subscriber<S> {
    /// Where its messages go.
    pub mailbox: S,
    /// Number of the session.
    pub session: u64,
    /// Subscription Identifier; 0 for none.
    pub id: u32,
    /// Highest QoS it takes.
    pub qos: QoS,
    /// Does not want its own messages (v5 No Local).
    pub no_local: bool,
    /// Wants RETAIN as it was published (v5 Retain As Published).
    pub retain_as_published: bool,
}

impl<S> Subscriber<S> {
    /// A subscriber with the options of its SUBSCRIBE.
    pub const fn new(mailbox: S, session: u64, id: u32, options: SubscriptionOptions) -> Self {
        Self {
            mailbox,
            session,
            id,
            qos: options.qos,
            no_local: options.no_local,
            retain_as_published: options.retain_as_published,
        }
    }
}

/// Subscribers of one filter. One alone, the usual case by far, takes no chunk.
#[derive(Clone, Debug)]
enum Audience<S> {
    One(Subscriber<S>),
    /// Invariant: the number of chunks is a power of two; a session stands in the chunk of its hash.
    Many {
        chunks: Vec<Arc<Vec<Subscriber<S>>>>,
        len: usize,
    },
}

fn chunk_of(session: u64, chunks: usize) -> usize {
    // Fibonacci hashing: session numbers are consecutive.
    let mixed = session.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 32;
    usize::try_from(mixed).unwrap_or(0) & (chunks - 1)
}

impl<S: Clone> Audience<S> {
    /// Adds or replaces; `true` when the session is new here.
    fn put(&mut self, new: Subscriber<S>) -> bool {
        match self {
            Self::One(old) if old.session == new.session => {
                *old = new;
                false
            }
            Self::One(old) => {
                let chunk = vec![old.clone(), new];
                *self = Self::Many { chunks: vec![Arc::new(chunk)], len: 2 };
                true
            }
            Self::Many { chunks, len } => {
                if *len > CHUNK * chunks.len() {
                    Self::split(chunks);
                }
                let at = chunk_of(new.session, chunks.len());
                let Some(chunk) = chunks.get_mut(at).map(Arc::make_mut) else { return false };
                if let Some(old) = chunk.iter_mut().find(|s| s.session == new.session) {
                    *old = new;
                    return false;
                }
                chunk.push(new);
                *len += 1;
                true
            }
        }
    }

    fn split(chunks: &mut Vec<Arc<Vec<Subscriber<S>>>>) {
        let count = chunks.len() * 2;
        let mut next: Vec<Vec<Subscriber<S>>> =
            (0..count).map(|_| Vec::with_capacity(CHUNK)).collect();
        for subscriber in chunks.iter().flat_map(|chunk| chunk.iter()) {
            if let Some(chunk) = next.get_mut(chunk_of(subscriber.session, count)) {
                chunk.push(subscriber.clone());
            }
        }
        *chunks = next.into_iter().map(Arc::new).collect();
    }

    /// Takes a session out; `None` when it is not here, else how many are left.
    fn take(&mut self, session: u64) -> Option<usize> {
        match self {
            Self::One(one) => (one.session == session).then_some(0),
            Self::Many { chunks, len } => {
                let at = chunk_of(session, chunks.len());
                let chunk = chunks.get_mut(at)?;
                let place = chunk.iter().position(|s| s.session == session)?;
                Arc::make_mut(chunk).swap_remove(place);
                *len -= 1;
                Some(*len)
            }
        }
    }
}

/// Members of a shared group on one filter.
#[derive(Clone, Debug)]
struct Group<S> {
    name: Arc<str>,
    members: Vec<Subscriber<S>>,
    /// Counts the publishes, for `round_robin`. Behind a reference because lookups only read the table.
    turn: Arc<AtomicU64>,
}

#[derive(Clone, Debug)]
struct Entry<S> {
    filter: TopicFilter,
    audience: Option<Audience<S>>,
    groups: Vec<Group<S>>,
}

impl<S> Entry<S> {
    const fn new(filter: TopicFilter) -> Self {
        Self { filter, audience: None, groups: Vec::new() }
    }

    const fn is_empty(&self) -> bool {
        self.audience.is_none() && self.groups.is_empty()
    }
}

/// What a publish has to do on this node: copied out under the lock, worked off without it.
#[derive(Debug)]
pub struct Matches<S> {
    /// Filters with one subscriber.
    pub single: Vec<Subscriber<S>>,
    /// Chunks of the others.
    pub chunks: Vec<Arc<Vec<Subscriber<S>>>>,
    /// Shared groups that match, each with the members to try, the chosen one first.
    pub groups: Vec<SharedMatch<S>>,
    /// How many filters matched (not counting groups): with one, no session can stand here twice.
    pub filters: usize,
}

/// A shared group that matches.
#[derive(Clone, Debug)]
pub struct SharedMatch<S> {
    /// Name of the group.
    pub group: Arc<str>,
    /// Its filter.
    pub filter: TopicFilter,
    /// The member whose turn it is and the others behind it.
    pub members: Vec<Subscriber<S>>,
}

impl<S> Default for Matches<S> {
    fn default() -> Self {
        Self { single: Vec::new(), chunks: Vec::new(), groups: Vec::new(), filters: 0 }
    }
}

impl<S> Matches<S> {
    /// Forgets everything and keeps the space.
    pub fn clear(&mut self) {
        self.single.clear();
        self.chunks.clear();
        self.groups.clear();
        self.filters = 0;
    }
}

/// How the member of a group is chosen for one publish.
#[derive(Clone, Copy, Debug)]
pub struct Choice {
    /// The strategy in force.
    pub strategy: SharedStrategy,
    /// Hash of the publisher, for `hash_clientid` and `sticky`.
    pub publisher: u64,
    /// Hash of the topic, for `hash_topic`.
    pub topic: u64,
    /// Any number, different from publish to publish, for `random`.
    pub dice: u64,
}

/// The subscription table of a node.
#[derive(Debug)]
pub struct Subscriptions<S> {
    exact: HashMap<Arc<str>, Entry<S>, Hashing>,
    wildcards: Trie<Entry<S>>,
    subscriptions: usize,
    shared: usize,
}

impl<S> Default for Subscriptions<S> {
    fn default() -> Self {
        Self { exact: HashMap::default(), wildcards: Trie::new(), subscriptions: 0, shared: 0 }
    }
}

impl<S: Clone> Subscriptions<S> {
    /// Filters with at least one subscriber.
    #[must_use]
    pub fn filters(&self) -> usize {
        self.exact.len() + self.wildcards.len()
    }

    /// Subscriptions of all sessions, shared ones included.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.subscriptions
    }

    /// Nobody subscribes.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.subscriptions == 0
    }

    /// Shared subscriptions.
    #[must_use]
    pub const fn shared(&self) -> usize {
        self.shared
    }

    fn entry(&mut self, filter: &TopicFilter) -> &mut Entry<S> {
        if filter.has_wildcard() {
            self.wildcards.get_or_insert_with(filter, || Entry::new(filter.clone()))
        } else {
            self.exact.entry(filter.to_arc()).or_insert_with(|| Entry::new(filter.clone()))
        }
    }

    fn find(&mut self, filter: &TopicFilter) -> Option<&mut Entry<S>> {
        if filter.has_wildcard() {
            self.wildcards.get_mut(filter.as_str())
        } else {
            self.exact.get_mut(filter.as_str())
        }
    }

    /// Adds or replaces the subscription of one session. `true` when it is the first of its filter (or of its group on the
    /// filter) on this node: the cluster must hear of it.
    pub fn subscribe(&mut self, to: &Subscription, subscriber: Subscriber<S>) -> bool {
        let entry = self.entry(&to.filter);
        let (new, first) = match &to.group {
            None => match &mut entry.audience {
                None => {
                    entry.audience = Some(Audience::One(subscriber));
                    (true, true)
                }
                Some(audience) => (audience.put(subscriber), false),
            },
            Some(name) => match entry.groups.iter_mut().find(|group| group.name == *name) {
                None => {
                    let members = vec![subscriber];
                    entry.groups.push(Group { name: name.clone(), members, turn: Arc::default() });
                    (true, true)
                }
                Some(group) => {
                    let old = group.members.iter_mut().find(|m| m.session == subscriber.session);
                    match old {
                        Some(old) => {
                            *old = subscriber;
                            (false, false)
                        }
                        None => {
                            group.members.push(subscriber);
                            (true, false)
                        }
                    }
                }
            },
        };
        self.subscriptions += usize::from(new);
        self.shared += usize::from(new && to.group.is_some());
        first
    }

    /// Takes the subscription of one session out. `true` when it was the last of its filter (or group on the filter).
    pub fn unsubscribe(&mut self, to: &Subscription, session: u64) -> bool {
        let Some(entry) = self.find(&to.filter) else { return false };
        let (gone, last) = match &to.group {
            None => match entry.audience.as_mut().and_then(|audience| audience.take(session)) {
                None => (false, false),
                Some(0) => {
                    entry.audience = None;
                    (true, true)
                }
                Some(_) => (true, false),
            },
            Some(name) => Self::leave_group(entry, name, session),
        };
        if entry.is_empty() {
            if to.filter.has_wildcard() {
                self.wildcards.remove(to.filter.as_str());
            } else {
                self.exact.remove(to.filter.as_str());
            }
        }
        self.subscriptions -= usize::from(gone);
        self.shared -= usize::from(gone && to.group.is_some());
        last
    }

    fn leave_group(entry: &mut Entry<S>, name: &Arc<str>, session: u64) -> (bool, bool) {
        let Some(at) = entry.groups.iter().position(|group| group.name == *name) else {
            return (false, false);
        };
        let Some(group) = entry.groups.get_mut(at) else { return (false, false) };
        let before = group.members.len();
        group.members.retain(|member| member.session != session);
        let (gone, last) = (group.members.len() < before, group.members.is_empty());
        if last {
            entry.groups.remove(at);
        }
        (gone, last)
    }

    /// Members of `group` on `filter`, and 0 when there is no such group.
    pub fn members(&mut self, group: &str, filter: &TopicFilter) -> usize {
        let Some(entry) = self.find(filter) else { return 0 };
        entry.groups.iter().find(|g| &*g.name == group).map_or(0, |g| g.members.len())
    }

    /// Collects who gets a message on `topic`, without choosing in groups: the caller does, so that this needs only a shared lock.
    pub fn matches(&self, topic: TopicName<'_>, choice: Choice, out: &mut Matches<S>) {
        if let Some(entry) = self.exact.get(topic.as_str()) {
            Self::collect(entry, choice, out);
        }
        if !self.wildcards.is_empty() {
            self.wildcards.for_each_match(topic, |entry| Self::collect(entry, choice, out));
        }
    }

    fn collect(entry: &Entry<S>, choice: Choice, out: &mut Matches<S>) {
        match &entry.audience {
            None => {}
            Some(Audience::One(one)) => {
                out.filters += 1;
                out.single.push(one.clone());
            }
            Some(Audience::Many { chunks, .. }) => {
                out.filters += 1;
                out.chunks.extend(chunks.iter().filter(|chunk| !chunk.is_empty()).cloned());
            }
        }
        for group in &entry.groups {
            let first = pick(choice, group);
            let members =
                group.members.iter().cycle().skip(first).take(group.members.len()).cloned();
            out.groups.push(SharedMatch {
                group: group.name.clone(),
                filter: entry.filter.clone(),
                members: members.collect(),
            });
        }
    }

    /// Every filter that has subscribers, and every group on a filter; in no order.
    pub fn for_each_route(&self, mut f: impl FnMut(&TopicFilter, Option<&Arc<str>>)) {
        let mut each = |entry: &Entry<S>| {
            if entry.audience.is_some() {
                f(&entry.filter, None);
            }
            entry.groups.iter().for_each(|group| f(&entry.filter, Some(&group.name)));
        };
        #[expect(clippy::iter_over_hash_type, reason = "a listing; the caller sorts what it shows")]
        for entry in self.exact.values() {
            each(entry);
        }
        for (_, entry) in self.wildcards.iter() {
            each(entry);
        }
    }
}

fn pick<S>(choice: Choice, group: &Group<S>) -> usize {
    let count = group.members.len().max(1);
    let number = match choice.strategy {
        SharedStrategy::Random | SharedStrategy::Local => choice.dice >> 1,
        SharedStrategy::RoundRobin => group.turn.fetch_add(1, Ordering::Relaxed),
        SharedStrategy::HashTopic => choice.topic,
        SharedStrategy::Sticky | SharedStrategy::HashClientId => choice.publisher,
    };
    usize::try_from(number % count as u64).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};

    use proptest::prelude::*;

    use super::*;

    const CHOICE: Choice =
        Choice { strategy: SharedStrategy::Random, publisher: 0, topic: 0, dice: 0 };

    /// Who is first to be tried in a group of three, publish after publish.
    fn turns(choice: impl Fn(u64) -> Choice) -> Vec<u64> {
        let mut table = Subscriptions::default();
        let to = Subscription::parse("$share/g/t").unwrap();
        for session in 0..3 {
            table.subscribe(&to, subscriber(session));
        }
        (0..6)
            .map(|publish| {
                let mut out = Matches::default();
                table.matches(TopicName::parse("t").unwrap(), choice(publish), &mut out);
                out.groups[0].members[0].session
            })
            .collect()
    }

    #[test]
    fn each_strategy_chooses_in_its_way() {
        let with = |strategy| Choice { strategy, publisher: 4, topic: 5, dice: 0 };
        assert_eq!(turns(|_| with(SharedStrategy::RoundRobin)), [0, 1, 2, 0, 1, 2]);
        assert_eq!(turns(|_| with(SharedStrategy::HashClientId)), [1; 6]);
        assert_eq!(turns(|_| with(SharedStrategy::Sticky)), [1; 6]);
        assert_eq!(turns(|_| with(SharedStrategy::HashTopic)), [2; 6]);
        let dice = |publish| Choice { dice: publish * 2, ..with(SharedStrategy::Random) };
        assert_eq!(turns(dice), [0, 1, 2, 0, 1, 2]);
    }

    fn subscriber(session: u64) -> Subscriber<()> {
        Subscriber::new((), session, 0, SubscriptionOptions::default())
    }

    fn audience(table: &Subscriptions<()>, topic: &str) -> Vec<u64> {
        let mut out = Matches::default();
        table.matches(TopicName::parse(topic).unwrap(), CHOICE, &mut out);
        let many = out.chunks.iter().flat_map(|chunk| chunk.iter().map(|s| s.session));
        let mut all: Vec<u64> = out.single.iter().map(|s| s.session).chain(many).collect();
        all.sort_unstable();
        all
    }

    #[test]
    fn first_and_last_of_a_filter_are_told() {
        let mut table = Subscriptions::default();
        let to = Subscription::parse("t/+").unwrap();
        assert!(table.subscribe(&to, subscriber(1)));
        assert!(!table.subscribe(&to, subscriber(2)));
        assert!(!table.subscribe(&to, subscriber(2)));
        assert_eq!(table.len(), 2);
        assert!(!table.unsubscribe(&to, 1));
        assert!(!table.unsubscribe(&to, 1));
        assert!(table.unsubscribe(&to, 2));
        assert!(table.is_empty() && table.filters() == 0);
    }

    #[test]
    fn a_group_is_its_own_audience() {
        let mut table = Subscriptions::default();
        let shared = Subscription::parse("$share/g/t").unwrap();
        assert!(table.subscribe(&shared, subscriber(1)));
        assert!(!table.subscribe(&shared, subscriber(2)));
        assert!(audience(&table, "t").is_empty());
        let mut out = Matches::default();
        table.matches(TopicName::parse("t").unwrap(), Choice { dice: 2, ..CHOICE }, &mut out);
        assert_eq!(out.groups[0].members.iter().map(|m| m.session).collect::<Vec<_>>(), [2, 1]);
        assert!(!table.unsubscribe(&shared, 1));
        assert!(table.unsubscribe(&shared, 2));
    }

    #[test]
    fn a_thousand_subscribers_are_found_and_lost_again() {
        let mut table = Subscriptions::default();
        let to = Subscription::parse("t").unwrap();
        for session in 0..1000 {
            table.subscribe(&to, subscriber(session));
        }
        assert_eq!(audience(&table, "t"), (0..1000).collect::<Vec<_>>());
        for session in 0..999 {
            assert!(!table.unsubscribe(&to, session));
        }
        assert_eq!(audience(&table, "t"), [999]);
        assert!(table.unsubscribe(&to, 999));
    }

    proptest! {
        #[test]
        fn the_table_agrees_with_a_plain_list(
            steps in prop::collection::vec((any::<bool>(), 0_u64..6, "[ab+]{1}(/[ab+#]){0,2}"), 0..60),
            topic in "[ab](/[ab]){0,2}",
        ) {
            let mut table = Subscriptions::default();
            let mut plain: BTreeMap<String, BTreeSet<u64>> = BTreeMap::new();
            for (add, session, filter) in steps {
                let Ok(to) = Subscription::parse(&filter) else { continue };
                let all = plain.entry(filter.clone()).or_default();
                if add {
                    prop_assert_eq!(table.subscribe(&to, subscriber(session)), all.is_empty());
                    all.insert(session);
                } else {
                    let last = all.remove(&session) && all.is_empty();
                    prop_assert_eq!(table.unsubscribe(&to, session), last);
                }
            }
            let name = TopicName::parse(&topic).unwrap();
            let mut want: Vec<u64> = plain.iter()
                .filter(|(filter, _)| TopicFilter::parse(filter).unwrap().matches(name))
                .flat_map(|(_, all)| all.iter().copied())
                .collect();
            want.sort_unstable();
            prop_assert_eq!(audience(&table, &topic), want);
        }
    }
}
