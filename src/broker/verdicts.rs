//! What others say a client may do (EMQX `acl_cache` 4.4): what is to be asked of them for the packet at hand, what they said, and
//! a cache of it. Pure.
//!
//! A packet that needs an answer is handed back to the caller, nothing of it done, and is handed in again when the answers are
//! there. So its client waits in its place, and no part of a packet is kept.

use std::collections::BTreeMap;
use std::time::Duration;

use super::acl::{Action, ClientAccess};
use crate::time::Time;

/// How others are asked (`enable_acl_cache`, `acl_cache_max_size`, `acl_cache_ttl`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Settings {
    /// Answers a client keeps, and for how long.
    pub cache: Option<(usize, Duration)>,
}

impl Default for Settings {
    fn default() -> Self {
        Self { cache: Some((32, Duration::from_secs(60))) }
    }
}

/// May the client do this with this topic?
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Question {
    /// What it wants to do.
    pub action: Action,
    /// Topic name, or topic filter without its group.
    pub topic: Box<str>,
}

/// What is answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ruling {
    /// It may.
    Allow,
    /// It may not.
    Deny,
    /// Others are to decide: the rules behind it, then `acl_nomatch`.
    Ignore,
    /// Who was asked does not answer: it may not, this time.
    Nothing,
}

/// Who denied something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum By {
    /// The rules of the node, or `acl_nomatch`.
    Rules,
    /// Who was asked.
    Others,
    /// Who was asked and did not answer.
    Silence,
}

/// Allowed, or denied by whom.
type Said = Result<(), By>;

/// One for publishes, one for subscriptions.
#[derive(Debug)]
struct Both<T>([BTreeMap<Box<str>, T>; 2]);

impl<T> Default for Both<T> {
    fn default() -> Self {
        Self([BTreeMap::new(), BTreeMap::new()])
    }
}

impl<T> Both<T> {
    const fn of(&self, action: Action) -> &BTreeMap<Box<str>, T> {
        let [publish, subscribe] = &self.0;
        match action {
            Action::Publish => publish,
            Action::Subscribe => subscribe,
        }
    }

    const fn of_mut(&mut self, action: Action) -> &mut BTreeMap<Box<str>, T> {
        let [publish, subscribe] = &mut self.0;
        match action {
            Action::Publish => publish,
            Action::Subscribe => subscribe,
        }
    }

    fn len(&self) -> usize {
        self.0.iter().map(BTreeMap::len).sum()
    }
}

/// What a client may do.
#[derive(Debug)]
pub enum Rights {
    /// By rules.
    Ruled(ClientAccess),
    /// By what others say.
    Asked(Box<Verdicts>),
}

impl Rights {
    /// Every topic, both ways: no question needs to be asked.
    #[must_use]
    pub fn allows_all(&self) -> bool {
        match self {
            Self::Ruled(rules) => rules.allows_all(),
            Self::Asked(_) => false,
        }
    }

    /// What others say, if they are asked.
    #[must_use]
    pub fn verdicts(&mut self) -> Option<&mut Verdicts> {
        match self {
            Self::Ruled(_) => None,
            Self::Asked(verdicts) => Some(verdicts),
        }
    }

    /// Questions are to be asked, or are being asked, about the packet at hand.
    #[must_use]
    #[inline]
    pub const fn is_asking(&self) -> bool {
        match self {
            Self::Ruled(_) => false,
            Self::Asked(verdicts) => !verdicts.asked.is_empty(),
        }
    }
}

/// Where a verdict comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Known {
    /// The rules, or who was just asked.
    Now(bool),
    /// The cache.
    Cached(bool),
}

/// What is known of one client.
#[derive(Debug)]
pub struct Verdicts {
    settings: Settings,
    before: ClientAccess,
    behind: ClientAccess,
    nomatch_allows: bool,
    cache: Both<(Said, Time)>,
    /// What was said about the packet at hand.
    said: Both<Said>,
    asked: Vec<Question>,
    /// Who denied what was denied last.
    denied_by: By,
}

impl Verdicts {
    /// Nothing is known yet of a client with these rules: others are asked where none of the first matches, and those behind count
    /// where others leave it to them. Both allow nothing where none matches; then `nomatch_allows` decides.
    #[must_use]
    pub fn new(
        settings: Settings,
        [before, behind]: [ClientAccess; 2],
        nomatch_allows: bool,
    ) -> Self {
        Self {
            settings,
            before,
            behind,
            nomatch_allows,
            cache: Both::default(),
            said: Both::default(),
            asked: Vec::new(),
            denied_by: By::Rules,
        }
    }

    /// Who denied what [`Self::may`] denied last.
    #[must_use]
    pub const fn denied_by(&self) -> By {
        self.denied_by
    }

    /// [`super::acl::Rule::number`] of the rule that denies; `None`: no rule matches.
    #[must_use]
    pub fn denying_rule(&self, action: Action, topic: &str) -> Option<u32> {
        let first = self.before.denied_by(action, topic);
        first.or_else(|| self.behind.denied_by(action, topic))
    }

    /// What the rules say before others are asked, if they say something.
    #[must_use]
    pub fn ruled(&self, action: Action, topic: &str) -> Option<bool> {
        self.before.decides(action, topic)
    }

    fn taken(&mut self, said: Said) -> bool {
        if let Err(by) = said {
            self.denied_by = by;
        }
        said.is_ok()
    }

    /// Whether the client may do this; `None`: it is among the questions now.
    pub fn may(&mut self, action: Action, topic: &str, now: Time) -> Option<Known> {
        if let Some(verdict) = self.before.decides(action, topic) {
            return Some(Known::Now(self.taken(if verdict { Ok(()) } else { Err(By::Rules) })));
        }
        if let Some(said) = self.said.of(action).get(topic).copied() {
            return Some(Known::Now(self.taken(said)));
        }
        match self.cache.of(action).get(topic).copied() {
            Some((said, until)) if until > now => Some(Known::Cached(self.taken(said))),
            Some(_) | None => {
                self.asked.push(Question { action, topic: topic.into() });
                None
            }
        }
    }

    /// What has to be asked before the packet at hand can go on.
    #[must_use]
    pub fn questions(&self) -> &[Question] {
        &self.asked
    }

    /// The answers, in the order of the questions; those that are missing are [`Ruling::Nothing`].
    pub fn on_rulings(&mut self, rulings: &[Ruling], now: Time) {
        let rulings = rulings.iter().copied().chain(std::iter::repeat(Ruling::Nothing));
        for (Question { action, topic }, ruling) in
            std::mem::take(&mut self.asked).into_iter().zip(rulings)
        {
            let said = match ruling {
                Ruling::Allow => Ok(()),
                Ruling::Deny => Err(By::Others),
                Ruling::Nothing => Err(By::Silence),
                Ruling::Ignore => {
                    let decided = self.behind.decides(action, &topic);
                    if decided.unwrap_or(self.nomatch_allows) { Ok(()) } else { Err(By::Rules) }
                }
            };
            if ruling != Ruling::Nothing {
                self.keep(action, &topic, said, now);
            }
            self.said.of_mut(action).insert(topic, said);
        }
    }

    fn keep(&mut self, action: Action, topic: &str, said: Said, now: Time) {
        let Some((most, ttl)) = self.settings.cache else { return };
        if self.cache.len() >= most && !self.cache.of(action).contains_key(topic) {
            self.make_room(now);
        }
        self.cache.of_mut(action).insert(topic.into(), (said, now + ttl));
    }

    /// Takes out what is over, or else the oldest.
    fn make_room(&mut self, now: Time) {
        let before = self.cache.len();
        for table in &mut self.cache.0 {
            table.retain(|_, (_, until)| *until > now);
        }
        if self.cache.len() < before {
            return;
        }
        let actions = [Action::Publish, Action::Subscribe];
        let all = actions.into_iter().flat_map(|action| {
            self.cache.of(action).iter().map(move |(topic, (_, until))| (*until, action, topic))
        });
        let oldest = all.min_by_key(|(until, ..)| *until);
        if let Some((action, topic)) = oldest.map(|(_, action, topic)| (action, topic.clone())) {
            self.cache.of_mut(action).remove(&topic);
        }
    }

    /// The packet at hand is done with.
    pub fn on_packet_done(&mut self) {
        self.said = Both::default();
    }

    /// Forgets what was said; it is asked again.
    pub fn clean(&mut self) {
        self.cache = Both::default();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::broker::acl::{Clients, Rule, Rules, TopicPattern, Who};

    /// `rules/#` may be published to, and nothing else.
    fn rules() -> ClientAccess {
        let topics = Some([TopicPattern::filter("rules/#")].into());
        let (who, from) = (Clients::All, "".into());
        let rule =
            Rule { allow: true, who, publish: true, subscribe: false, topics, number: 0, from };
        let who = Who { zone: "z", client_id: "c", username: None, peer: [10, 0, 0, 1].into() };
        Rules([rule].into()).client(&who, false)
    }

    fn verdicts(rules_first: bool, cache: Option<(usize, u64)>) -> Verdicts {
        let cache = cache.map(|(most, seconds)| (most, Duration::from_secs(seconds)));
        let who = Who { zone: "z", client_id: "c", username: None, peer: [10, 0, 0, 1].into() };
        let none = ClientAccess::of(&[], &who, false);
        let rules = if rules_first { [rules(), none] } else { [none, rules()] };
        Verdicts::new(Settings { cache }, rules, false)
    }

    fn at(seconds: u64) -> Time {
        Time::from_ms(seconds * 1000)
    }

    /// Asks about publishing to `topic`, and is told `ruling` if the question gets out.
    fn ask(verdicts: &mut Verdicts, topic: &str, ruling: Ruling, now: u64) -> (bool, bool) {
        let mut asked = false;
        loop {
            match verdicts.may(Action::Publish, topic, at(now)) {
                Some(Known::Now(verdict) | Known::Cached(verdict)) => {
                    verdicts.on_packet_done();
                    return (verdict, asked);
                }
                None => {
                    assert!(!std::mem::replace(&mut asked, true), "asked again");
                    assert_eq!(verdicts.questions().len(), 1);
                    verdicts.on_rulings(&[ruling], at(now));
                }
            }
        }
    }

    #[test]
    fn who_ignores_leaves_it_to_the_rules() {
        let mut verdicts = verdicts(false, None);
        for (topic, ruling, want) in [
            ("a", Ruling::Allow, true),
            ("rules/a", Ruling::Deny, false),
            ("rules/a", Ruling::Ignore, true),
            ("a", Ruling::Ignore, false),
            ("rules/a", Ruling::Nothing, false),
        ] {
            assert_eq!(ask(&mut verdicts, topic, ruling, 0), (want, true), "{topic} {ruling:?}");
        }
    }

    #[test]
    fn nobody_is_asked_where_the_rules_come_first_and_decide() {
        let mut verdicts = verdicts(true, None);
        assert_eq!(ask(&mut verdicts, "rules/a", Ruling::Deny, 0), (true, false));
        assert_eq!(ask(&mut verdicts, "a", Ruling::Allow, 0), (true, true));
        assert_eq!(ask(&mut verdicts, "a", Ruling::Ignore, 0), (false, true));
        verdicts.nomatch_allows = true;
        assert_eq!(ask(&mut verdicts, "a", Ruling::Deny, 0), (false, true));
        assert_eq!(ask(&mut verdicts, "a", Ruling::Ignore, 0), (true, true));
    }

    #[test]
    fn what_was_said_is_kept_for_a_while_and_failures_are_not() {
        let mut verdicts = verdicts(false, Some((32, 60)));
        assert_eq!(ask(&mut verdicts, "a", Ruling::Nothing, 0), (false, true));
        assert_eq!(ask(&mut verdicts, "a", Ruling::Allow, 1), (true, true));
        assert_eq!(ask(&mut verdicts, "a", Ruling::Deny, 60), (true, false));
        assert_eq!(verdicts.may(Action::Subscribe, "a", at(60)), None, "another question");
        verdicts.on_rulings(&[], at(60));
        assert_eq!(verdicts.may(Action::Subscribe, "a", at(60)), Some(Known::Now(false)));
        verdicts.on_packet_done();
        assert_eq!(ask(&mut verdicts, "a", Ruling::Deny, 61), (false, true));
        verdicts.clean();
        assert_eq!(ask(&mut verdicts, "a", Ruling::Allow, 62), (true, true));
    }

    #[test]
    fn the_cache_is_bounded_and_the_oldest_goes() {
        let mut verdicts = verdicts(false, Some((3, 60)));
        for (n, topic) in ["a", "b", "c", "d"].iter().enumerate() {
            assert_eq!(ask(&mut verdicts, topic, Ruling::Allow, n as u64), (true, true));
            assert!(verdicts.cache.len() <= 3);
        }
        assert_eq!(ask(&mut verdicts, "b", Ruling::Deny, 4), (true, false));
        assert_eq!(ask(&mut verdicts, "a", Ruling::Deny, 4), (false, true), "the oldest went");
        // All are over but the last one.
        assert_eq!(ask(&mut verdicts, "e", Ruling::Allow, 63), (true, true));
        assert_eq!(verdicts.cache.len(), 2);
    }
}
