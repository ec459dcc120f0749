//! The subscription table: topic filter -> clients of this node (EMQX `emqx_broker`, `emqx_shared_sub`).
//!
//! Never replicated; the cluster only learns of the first and the last subscriber of a filter. Subscribers of a filter stand in
//! chunks of about 256 behind `Arc`, so that a publish copies a list of chunks and lets go of the table, and a subscribe copies
//! one chunk. `S` is the mailbox of a session; this file knows only that it can be cloned.

use std::{
    collections::{BTreeMap, HashMap},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use super::settings::{GroupStrategies, SharedStrategy};
use crate::{
    mqtt::{QoS, SubscriptionOptions},
    topic::{Hashing, TopicFilter, TopicName, Trie, hashing::group_number, share::Subscription},
};

/// Subscribers of a chunk before it is split.
const CHUNK: usize = 256;
/// Work of a group, beside its members: what is copied of it, and a member tried.
const GROUP: usize = 4;
/// Filters without a wildcard for which room is always kept.
const ROOMY: usize = 256;

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
    /// Gets the higher of the two QoS instead of the lower.
    pub upgrade_qos: bool,
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
            upgrade_qos: false,
        }
    }

    /// The same in a zone with or without `upgrade_qos`.
    #[must_use]
    pub fn upgrading(self, upgrade_qos: bool) -> Self {
        Self { upgrade_qos, ..self }
    }

    /// QoS at which it gets a message of `qos`.
    #[must_use]
    pub fn qos_of(&self, qos: QoS) -> QoS {
        if self.upgrade_qos { self.qos.max(qos) } else { self.qos.min(qos) }
    }
}

fn chunk_of(session: u64, chunks: usize) -> usize {
    // Fibonacci hashing: session numbers are consecutive.
    let mixed = session.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 32;
    usize::try_from(mixed).unwrap_or(0) & (chunks - 1)
}

/// Members of a shared group on one filter.
#[derive(Clone, Debug)]
struct Group<S> {
    /// As [`group_number`] makes it.
    number: u64,
    /// Copied when it changes while somebody walks through them.
    members: Arc<Vec<Subscriber<S>>>,
    /// Counts the publishes, for `round_robin`. Behind a reference because lookups only read the table.
    turn: Arc<AtomicU64>,
}

/// Who wants a filter. One subscriber alone, the usual case by far, takes no space beside this.
#[derive(Clone, Debug)]
enum Entry<S> {
    Nobody,
    One(Subscriber<S>),
    Crowd(Box<Crowd<S>>),
}

/// Several subscribers of a filter, and its groups.
#[derive(Clone, Debug)]
struct Crowd<S> {
    /// Invariant: the number of chunks is a power of two; a session stands in the chunk of its hash.
    chunks: Vec<Arc<Vec<Subscriber<S>>>>,
    /// Subscribers in all chunks.
    len: usize,
    /// By name.
    groups: Groups<S>,
}

type Groups<S> = BTreeMap<Arc<str>, Group<S>>;

/// What a change did to a filter, or to a group on it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Change {
    /// The subscription is new, or was there and is gone.
    pub counts: bool,
    /// It is the first, or was the last.
    pub turns: bool,
}

impl<S: Clone> Entry<S> {
    fn is_empty(&self) -> bool {
        match self {
            Self::Nobody => true,
            Self::One(_) => false,
            Self::Crowd(crowd) => crowd.len == 0 && crowd.groups.is_empty(),
        }
    }

    const fn groups(&self) -> Option<&Groups<S>> {
        match self {
            Self::Nobody | Self::One(_) => None,
            Self::Crowd(crowd) => Some(&crowd.groups),
        }
    }

    fn has_audience(&self) -> bool {
        match self {
            Self::Nobody => false,
            Self::One(_) => true,
            Self::Crowd(crowd) => crowd.len > 0,
        }
    }

    /// Changes what is there as a crowd.
    fn as_crowd<R>(&mut self, change: impl FnOnce(&mut Crowd<S>) -> R) -> R {
        let alone = |chunk: Vec<Subscriber<S>>| {
            let len = chunk.len();
            Box::new(Crowd { chunks: vec![Arc::new(chunk)], len, groups: Groups::new() })
        };
        let mut crowd = match std::mem::replace(self, Self::Nobody) {
            Self::Nobody => alone(Vec::new()),
            Self::One(one) => alone(vec![one]),
            Self::Crowd(crowd) => crowd,
        };
        let result = change(&mut crowd);
        *self = Self::Crowd(crowd);
        result
    }

    /// Adds or replaces a subscriber outside of any group.
    fn put(&mut self, new: Subscriber<S>) -> Change {
        match self {
            Self::Nobody => {
                *self = Self::One(new);
                Change { counts: true, turns: true }
            }
            Self::One(old) if old.session == new.session => {
                *old = new;
                Change::default()
            }
            Self::One(_) | Self::Crowd(_) => self.as_crowd(|crowd| {
                let counts = crowd.put(new);
                Change { counts, turns: counts && crowd.len == 1 }
            }),
        }
    }

    /// Takes a session out that is in no group.
    fn take(&mut self, session: u64) -> Change {
        match self {
            Self::One(one) if one.session == session => {
                *self = Self::Nobody;
                Change { counts: true, turns: true }
            }
            Self::Nobody | Self::One(_) => Change::default(),
            Self::Crowd(crowd) => {
                let counts = crowd.take(session);
                Change { counts, turns: counts && crowd.len == 0 }
            }
        }
    }

    /// Adds or replaces a member of a group.
    fn join(&mut self, name: &Arc<str>, filter: &TopicFilter, new: Subscriber<S>) -> Change {
        self.as_crowd(|crowd| {
            let Some(group) = crowd.groups.get_mut(name) else {
                let number = group_number(name, filter.as_str());
                let group = Group { number, members: Arc::new(vec![new]), turn: Arc::default() };
                crowd.groups.insert(name.clone(), group);
                return Change { counts: true, turns: true };
            };
            let members = Arc::make_mut(&mut group.members);
            if let Some(old) = members.iter_mut().find(|m| m.session == new.session) {
                *old = new;
                return Change::default();
            }
            members.push(new);
            Change { counts: true, turns: false }
        })
    }

    /// Takes a session out of a group.
    fn leave(&mut self, name: &Arc<str>, session: u64) -> Change {
        let Self::Crowd(crowd) = self else { return Change::default() };
        let Some(group) = crowd.groups.get_mut(name) else { return Change::default() };
        let place = group.members.iter().position(|member| member.session == session);
        let Some(place) = place else { return Change::default() };
        let turns = group.members.len() == 1;
        if turns {
            crowd.groups.remove(name);
        } else {
            Arc::make_mut(&mut group.members).remove(place);
        }
        Change { counts: true, turns }
    }
}

impl<S: Clone> Crowd<S> {
    /// Adds or replaces; `true` when the session is new here.
    fn put(&mut self, new: Subscriber<S>) -> bool {
        if self.len > CHUNK * self.chunks.len() {
            self.split();
        }
        let at = chunk_of(new.session, self.chunks.len());
        let Some(chunk) = self.chunks.get_mut(at).map(Arc::make_mut) else { return false };
        if let Some(old) = chunk.iter_mut().find(|s| s.session == new.session) {
            *old = new;
            return false;
        }
        chunk.push(new);
        self.len += 1;
        true
    }

    fn split(&mut self) {
        let count = self.chunks.len() * 2;
        let mut next: Vec<Vec<Subscriber<S>>> =
            (0..count).map(|_| Vec::with_capacity(CHUNK)).collect();
        for subscriber in self.chunks.iter().flat_map(|chunk| chunk.iter()) {
            if let Some(chunk) = next.get_mut(chunk_of(subscriber.session, count)) {
                chunk.push(subscriber.clone());
            }
        }
        self.chunks = next.into_iter().map(Arc::new).collect();
    }

    /// Takes a session out; `false` when it is not here.
    fn take(&mut self, session: u64) -> bool {
        let at = chunk_of(session, self.chunks.len());
        let Some(chunk) = self.chunks.get_mut(at) else { return false };
        let Some(place) = chunk.iter().position(|s| s.session == session) else { return false };
        Arc::make_mut(chunk).swap_remove(place);
        self.len -= 1;
        true
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
    /// Branches of filters that were come to.
    pub steps: usize,
}

/// A shared group that matches.
#[derive(Clone, Debug)]
pub struct SharedMatch<S> {
    /// Name of the group.
    pub group: Arc<str>,
    /// Its filter.
    pub filter: TopicFilter,
    /// A number for both, as [`group_number`] makes it.
    pub number: u64,
    /// The members, as the table has them.
    pub members: Arc<Vec<Subscriber<S>>>,
    /// Place of the one whose turn it is.
    pub first: usize,
    /// A member on another node gets the message.
    pub elsewhere: bool,
}

impl<S> SharedMatch<S> {
    /// The member whose turn it is and the others behind it.
    pub fn members(&self) -> impl Iterator<Item = &Subscriber<S>> {
        let (before, from) = self.members.split_at(self.first.min(self.members.len()));
        from.iter().chain(before)
    }
}

impl<S> Default for Matches<S> {
    fn default() -> Self {
        Self { single: Vec::new(), chunks: Vec::new(), groups: Vec::new(), filters: 0, steps: 0 }
    }
}

impl<S> Matches<S> {
    /// Forgets everything and keeps the space.
    #[inline]
    pub fn clear(&mut self) {
        self.single.clear();
        self.chunks.clear();
        self.groups.clear();
        (self.filters, self.steps) = (0, 0);
    }

    /// How much was and is to be done for the message, in messages put into mailboxes: one that nobody wants is work as well.
    #[must_use]
    pub fn work(&self) -> usize {
        let chunks: usize = self.chunks.iter().map(|chunk| chunk.len()).sum();
        let groups: usize = self.groups.iter().map(|group| GROUP + group.members.len()).sum();
        1 + self.steps + self.single.len() + chunks + groups
    }
}

/// How the member of a group is chosen for one publish.
#[derive(Clone, Copy, Debug)]
pub struct Choice<'a> {
    /// The strategy in force.
    pub strategy: SharedStrategy,
    /// Groups for which another is in force.
    pub own: Option<&'a GroupStrategies>,
    /// Hash of the publisher, for `hash_clientid`; `sticky` remembers by it.
    pub publisher: u64,
    /// Hash of the topic, for `hash_topic`.
    pub topic: u64,
    /// Any number, different from publish to publish, for `random`.
    pub dice: u64,
}

impl Choice<'_> {
    /// The same with the strategy of this group.
    #[must_use]
    pub fn of(self, group: &str) -> Self {
        let own = self.own.and_then(|own| own.get(group));
        Self { strategy: own.copied().unwrap_or(self.strategy), ..self }
    }

    /// The same with another hash of the publisher; 0 leaves it.
    #[must_use]
    pub const fn keyed(self, publisher: u64) -> Self {
        match publisher {
            0 => self,
            publisher => Self { publisher, ..self },
        }
    }
}

/// The subscription table of a node.
#[derive(Debug)]
pub struct Subscriptions<S> {
    exact: HashMap<TopicFilter, Entry<S>, Hashing>,
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

    /// Somebody subscribes to this very filter.
    #[must_use]
    pub fn has(&self, filter: &TopicFilter) -> bool {
        if filter.has_wildcard() {
            self.wildcards.get(filter.as_str()).is_some()
        } else {
            self.exact.contains_key(filter.as_str())
        }
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
            self.wildcards.get_or_insert_with(filter, || Entry::Nobody)
        } else {
            self.exact.entry(filter.clone()).or_insert(Entry::Nobody)
        }
    }

    fn find(&mut self, filter: &TopicFilter) -> Option<&mut Entry<S>> {
        if filter.has_wildcard() {
            self.wildcards.get_mut(filter.as_str())
        } else {
            self.exact.get_mut(filter.as_str())
        }
    }

    /// Adds or replaces the subscription of one session. The cluster must hear of the first of a filter, and of each member of a
    /// group.
    pub fn subscribe(&mut self, to: &Subscription, subscriber: Subscriber<S>) -> Change {
        let entry = self.entry(&to.filter);
        let change = match &to.group {
            None => entry.put(subscriber),
            Some(name) => entry.join(name, &to.filter, subscriber),
        };
        self.subscriptions += usize::from(change.counts);
        self.shared += usize::from(change.counts && to.group.is_some());
        change
    }

    /// As [`Self::subscribe`], unless another session has it; `None` then.
    pub fn subscribe_alone(
        &mut self,
        to: &Subscription,
        subscriber: Subscriber<S>,
    ) -> Option<Change> {
        let group = to.group.as_deref().unwrap_or_default();
        let entry = self.find(&to.filter);
        let found = entry.and_then(|entry| entry.groups()?.get(group));
        let taken = found.is_some_and(|group| {
            group.members.iter().any(|member| member.session != subscriber.session)
        });
        (!taken).then(|| self.subscribe(to, subscriber))
    }

    /// Whether a session is a member of a group.
    #[must_use]
    pub fn is_member(&self, to: &Subscription, session: u64) -> bool {
        let groups = self.at(to.filter.as_str()).and_then(|(_, entry)| entry.groups());
        let group = groups.and_then(|groups| groups.get(to.group.as_ref()?));
        group.is_some_and(|group| group.members.iter().any(|member| member.session == session))
    }

    /// Takes the subscription of one session out.
    pub fn unsubscribe(&mut self, to: &Subscription, session: u64) -> Change {
        let Some(entry) = self.find(&to.filter) else { return Change::default() };
        let change = match &to.group {
            None => entry.take(session),
            Some(name) => entry.leave(name, session),
        };
        if entry.is_empty() {
            if to.filter.has_wildcard() {
                self.wildcards.remove(to.filter.as_str());
            } else {
                self.exact.remove(to.filter.as_str());
                // Room for many more that have gone is given back.
                if self.exact.capacity() > ROOMY && self.exact.len() < self.exact.capacity() / 8 {
                    self.exact.shrink_to(2 * self.exact.len());
                }
            }
        }
        self.subscriptions -= usize::from(change.counts);
        self.shared -= usize::from(change.counts && to.group.is_some());
        change
    }

    /// Members of `group` on `filter`, and 0 when there is no such group.
    pub fn members(&mut self, group: &str, filter: &TopicFilter) -> usize {
        let Some(entry) = self.find(filter) else { return 0 };
        entry.groups().and_then(|groups| groups.get(group)).map_or(0, |group| group.members.len())
    }

    /// Whether anybody subscribes to this topic.
    #[must_use]
    pub fn wants(&self, topic: TopicName<'_>) -> bool {
        let mut found = self.exact.contains_key(topic.as_str());
        if !found && !self.wildcards.is_empty() {
            self.wildcards.for_each_entry(topic, |_, _| found = true);
        }
        found
    }

    /// Collects who gets a message on `topic`, groups as well if there is a choice. What is chosen in groups is not remembered: the
    /// caller does that, so that this needs only a shared lock.
    #[inline]
    pub fn matches(&self, topic: TopicName<'_>, choice: Option<Choice<'_>>, out: &mut Matches<S>) {
        if let Some((filter, entry)) = self.exact.get_key_value(topic.as_str()) {
            Self::collect(filter, entry, choice, out);
        }
        if !self.wildcards.is_empty() {
            let steps = self.wildcards.for_each_entry(topic, |filter, entry| {
                Self::collect(filter, entry, choice, out);
            });
            out.steps += steps;
        }
    }

    /// A group by its name and its filter, if that matches `topic`.
    #[must_use]
    pub fn group(
        &self,
        (name, filter): (&str, &str),
        topic: TopicName<'_>,
        choice: Choice<'_>,
    ) -> Option<SharedMatch<S>> {
        let (filter, entry) = self.at(filter).filter(|(filter, _)| filter.matches(topic))?;
        let (name, group) = entry.groups()?.get_key_value(name)?;
        Some(group.chosen(name, filter, choice))
    }

    /// Who wants this very filter.
    fn at(&self, filter: &str) -> Option<(&TopicFilter, &Entry<S>)> {
        self.exact.get_key_value(filter).or_else(|| self.wildcards.get_entry(filter))
    }

    #[inline]
    fn collect(
        filter: &TopicFilter,
        entry: &Entry<S>,
        choice: Option<Choice<'_>>,
        out: &mut Matches<S>,
    ) {
        let crowd = match entry {
            Entry::Nobody => return,
            Entry::One(one) => {
                out.filters += 1;
                out.single.push(one.clone());
                return;
            }
            Entry::Crowd(crowd) => crowd,
        };
        if crowd.len > 0 {
            out.filters += 1;
            out.chunks.extend(crowd.chunks.iter().filter(|chunk| !chunk.is_empty()).cloned());
        }
        if let Some(choice) = choice {
            let groups = crowd.groups.iter();
            out.groups.extend(groups.map(|(name, group)| group.chosen(name, filter, choice)));
        }
    }

    /// Every filter that has subscribers, and every group on a filter; in no order.
    pub fn for_each_route(&self, mut f: impl FnMut(&TopicFilter, Option<&Arc<str>>)) {
        let mut each = |filter: &TopicFilter, entry: &Entry<S>| {
            if entry.has_audience() {
                f(filter, None);
            }
            entry.groups().into_iter().flatten().for_each(|(name, _)| f(filter, Some(name)));
        };
        #[expect(clippy::iter_over_hash_type, reason = "a listing; the caller sorts what it shows")]
        for (filter, entry) in &self.exact {
            each(filter, entry);
        }
        for (filter, entry) in self.wildcards.iter() {
            each(filter, entry);
        }
    }
}

impl<S: Clone> Group<S> {
    /// As it is tried for a message.
    fn chosen(&self, name: &Arc<str>, filter: &TopicFilter, choice: Choice<'_>) -> SharedMatch<S> {
        SharedMatch {
            group: name.clone(),
            filter: filter.clone(),
            number: self.number,
            members: self.members.clone(),
            first: pick(choice.of(name), self),
            elsewhere: false,
        }
    }
}

fn pick<S>(choice: Choice<'_>, group: &Group<S>) -> usize {
    let count = group.members.len().max(1);
    let number = match choice.strategy {
        SharedStrategy::Random | SharedStrategy::Local | SharedStrategy::Sticky => choice.dice >> 1,
        SharedStrategy::RoundRobin => group.turn.fetch_add(1, Ordering::Relaxed),
        SharedStrategy::HashTopic => choice.topic,
        SharedStrategy::HashClientId => choice.publisher,
    };
    usize::try_from(number % count as u64).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};

    use proptest::prelude::*;

    use super::*;

    const CHOICE: Choice<'_> =
        Choice { strategy: SharedStrategy::Random, own: None, publisher: 0, topic: 0, dice: 0 };

    /// Who is first to be tried in a group of three, publish after publish.
    fn turns<'a>(choice: impl Fn(u64) -> Choice<'a>) -> Vec<u64> {
        let mut table = Subscriptions::default();
        let to = Subscription::parse("$share/g/t").unwrap();
        for session in 0..3 {
            table.subscribe(&to, subscriber(session));
        }
        (0..6)
            .map(|publish| {
                let mut out = Matches::default();
                table.matches(TopicName::parse("t").unwrap(), Some(choice(publish)), &mut out);
                out.groups[0].members().next().unwrap().session
            })
            .collect()
    }

    #[test]
    fn each_strategy_chooses_in_its_way() {
        let with = |strategy| Choice { strategy, publisher: 4, topic: 5, ..CHOICE };
        assert_eq!(turns(|_| with(SharedStrategy::RoundRobin)), [0, 1, 2, 0, 1, 2]);
        assert_eq!(turns(|_| with(SharedStrategy::HashClientId)), [1; 6]);
        assert_eq!(turns(|_| with(SharedStrategy::HashTopic)), [2; 6]);
        let dice = |publish| Choice { dice: publish * 2, ..with(SharedStrategy::Random) };
        assert_eq!(turns(dice), [0, 1, 2, 0, 1, 2]);
        let dice = |publish| Choice { dice: publish * 2, ..with(SharedStrategy::Sticky) };
        assert_eq!(turns(dice), [0, 1, 2, 0, 1, 2], "whom it sticks to is known elsewhere");
        for (group, want) in [("g", [2; 6]), ("another", [1; 6])] {
            let own = GroupStrategies::from([(group.to_owned(), SharedStrategy::HashTopic)]);
            let choice = |_| Choice { own: Some(&own), ..with(SharedStrategy::HashClientId) };
            assert_eq!(turns(choice), want, "{group}");
        }
    }

    #[test]
    fn one_subscriber_takes_no_more_than_its_own_space() {
        assert_eq!(size_of::<Entry<Arc<()>>>(), size_of::<Subscriber<Arc<()>>>());
    }

    fn subscriber(session: u64) -> Subscriber<()> {
        Subscriber::new((), session, 0, SubscriptionOptions::default())
    }

    fn audience(table: &Subscriptions<()>, topic: &str) -> Vec<u64> {
        let mut out = Matches::default();
        table.matches(TopicName::parse(topic).unwrap(), Some(CHOICE), &mut out);
        let many = out.chunks.iter().flat_map(|chunk| chunk.iter().map(|s| s.session));
        let mut all: Vec<u64> = out.single.iter().map(|s| s.session).chain(many).collect();
        all.sort_unstable();
        all
    }

    #[test]
    fn first_and_last_of_a_filter_are_told() {
        let mut table = Subscriptions::default();
        let to = Subscription::parse("t/+").unwrap();
        assert!(table.subscribe(&to, subscriber(1)).turns);
        assert!(!table.subscribe(&to, subscriber(2)).turns);
        assert!(!table.subscribe(&to, subscriber(2)).counts);
        assert_eq!(table.len(), 2);
        assert!(!table.unsubscribe(&to, 1).turns);
        assert!(!table.unsubscribe(&to, 1).counts);
        assert!(table.unsubscribe(&to, 2).turns);
        assert!(table.is_empty() && table.filters() == 0);
    }

    #[test]
    fn a_group_is_its_own_audience() {
        let mut table = Subscriptions::default();
        let shared = Subscription::parse("$share/g/t").unwrap();
        assert!(table.subscribe(&shared, subscriber(1)).turns);
        let second = table.subscribe(&shared, subscriber(2));
        assert_eq!(
            second,
            Change { counts: true, turns: false },
            "one more that the cluster counts"
        );
        assert!(audience(&table, "t").is_empty());
        let mut out = Matches::default();
        let choice = Some(Choice { dice: 2, ..CHOICE });
        table.matches(TopicName::parse("t").unwrap(), choice, &mut out);
        assert_eq!(out.groups[0].members().map(|m| m.session).collect::<Vec<_>>(), [2, 1]);
        assert!(!table.unsubscribe(&shared, 1).turns);
        assert!(table.unsubscribe(&shared, 2).turns);
    }

    #[test]
    fn no_member_of_a_group_is_copied_for_a_message() {
        let mailbox = Arc::new(());
        let mut table = Subscriptions::<Arc<()>>::default();
        let to = Subscription::parse("$share/g/a").unwrap();
        for session in 1..=3 {
            let options = SubscriptionOptions::default();
            table.subscribe(&to, Subscriber::new(mailbox.clone(), session, 0, options));
        }
        let mut out = Matches::default();
        let choice = Choice {
            strategy: SharedStrategy::HashTopic,
            own: None,
            publisher: 0,
            topic: 1,
            dice: 0,
        };
        table.matches(TopicName::parse("a").unwrap(), Some(choice), &mut out);
        assert_eq!(Arc::strong_count(&mailbox), 4);
        table.unsubscribe(&to, 2);
        let members = |out: &Matches<_>| -> Vec<_> {
            out.groups[0].members().map(|member: &Subscriber<_>| member.session).collect()
        };
        assert_eq!(members(&out), [2, 3, 1], "who were there then");
        out.clear();
        table.matches(TopicName::parse("a").unwrap(), Some(choice), &mut out);
        assert_eq!(members(&out), [3, 1]);
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
            assert!(!table.unsubscribe(&to, session).turns);
        }
        assert_eq!(audience(&table, "t"), [999]);
        assert!(table.unsubscribe(&to, 999).turns);
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
                    prop_assert_eq!(table.subscribe(&to, subscriber(session)).turns, all.is_empty());
                    all.insert(session);
                } else {
                    let last = all.remove(&session) && all.is_empty();
                    prop_assert_eq!(table.unsubscribe(&to, session).turns, last);
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
