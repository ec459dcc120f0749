//! Retained messages (v5 3.3.1.3, EMQX `emqx_retainer`): the last message of each topic, for whoever subscribes later.
//!
//! One ordered map. The topics that a filter can match lie in stretches of it, so a search jumps from stretch to stretch and
//! can stop and go on after any topic: a subscriber with a million matches takes them in portions.

use std::{collections::BTreeMap, ops::Bound};

use super::{message::Message, settings::RetainSettings};
use crate::{
    time::Time,
    topic::{TopicFilter, TopicName},
};

/// Why a message was not kept. It is still delivered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotKept {
    /// Payload over `retainer.max_payload_size`.
    #[error("payload of {size} bytes, limit {limit}")]
    Payload {
        /// Bytes it has.
        size: usize,
        /// Bytes allowed.
        limit: usize,
    },
    /// `retainer.max_retained_messages` reached.
    #[error("{limit} retained messages already")]
    Messages {
        /// Messages allowed.
        limit: usize,
    },
    /// `retainer.max_memory` reached.
    #[error("retained messages fill {limit} bytes already")]
    Memory {
        /// Bytes allowed.
        limit: usize,
    },
}

/// The retained messages of a node. Invariant: `bytes` is the sum of what [`cost`] says of each.
#[derive(Debug, Default)]
pub struct Retained {
    messages: BTreeMap<Box<str>, Message>,
    bytes: usize,
}

fn cost(message: &Message) -> usize {
    message.size() + message.topic().len() + 32
}

impl Retained {
    /// Messages kept.
    #[must_use]
    pub fn len(&self) -> usize {
        self.messages.len()
    }

    /// Nothing is kept.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.messages.is_empty()
    }

    /// Bytes kept.
    #[must_use]
    pub const fn bytes(&self) -> usize {
        self.bytes
    }

    /// Keeps `message` in place of the one before, or with an empty payload forgets that [MQTT-3.3.1-6].
    ///
    /// # Errors
    /// [`NotKept`] when it passes a limit; the message before it stays.
    pub fn store(
        &mut self,
        message: &Message,
        now: Time,
        limits: &RetainSettings,
    ) -> Result<(), NotKept> {
        if message.payload().is_empty() {
            self.forget(message.topic());
            return Ok(());
        }
        let size = message.payload().len();
        if size > limits.max_payload {
            return Err(NotKept::Payload { size, limit: limits.max_payload });
        }
        let before = self.messages.get(message.topic()).map(cost);
        if before.is_none()
            && limits.max_messages != 0
            && self.messages.len() >= limits.max_messages
        {
            return Err(NotKept::Messages { limit: limits.max_messages });
        }
        let bytes = self.bytes - before.unwrap_or(0) + cost(message);
        if limits.max_memory != 0 && bytes > limits.max_memory {
            return Err(NotKept::Memory { limit: limits.max_memory });
        }
        let kept = match (message.expires_at(), limits.expiry) {
            (None, Some(life)) => message.clone().with_expiry(now + life),
            _ => message.clone(),
        };
        self.bytes = bytes;
        match self.messages.get_mut(message.topic()) {
            Some(old) => *old = kept,
            None => {
                self.messages.insert(message.topic().into(), kept);
            }
        }
        Ok(())
    }

    /// Forgets the message of `topic`.
    pub fn forget(&mut self, topic: &str) -> bool {
        let gone = self.messages.remove(topic);
        self.bytes -= gone.as_ref().map_or(0, cost);
        gone.is_some()
    }

    /// Forgets what has expired; a step of at most `most` messages from `after` on. Returns where to go on.
    pub fn sweep(&mut self, now: Time, after: Option<&str>, most: usize) -> Option<Box<str>> {
        let from = after.map_or(Bound::Unbounded, Bound::Excluded);
        let seen: Vec<(Box<str>, bool)> = self
            .messages
            .range::<str, _>((from, Bound::Unbounded))
            .take(most)
            .map(|(topic, message)| (topic.clone(), message.is_expired(now)))
            .collect();
        for (topic, _) in seen.iter().filter(|(_, expired)| *expired) {
            self.forget(topic);
        }
        (seen.len() == most).then(|| seen.last().map(|(topic, _)| topic.clone())).flatten()
    }

    /// Pushes at most `most` live messages that `filter` matches and that come after the topic `after`. `true` when there may
    /// be more.
    pub fn matching(
        &self,
        filter: &TopicFilter,
        after: Option<&str>,
        most: usize,
        out: &mut Vec<Message>,
    ) -> bool {
        let mut taken = 0;
        if !filter.has_wildcard() {
            let found = self.messages.get(filter.as_str()).filter(|_| after.is_none());
            out.extend(found.cloned());
            return false;
        }
        let prefix = literal_prefix(filter.as_str());
        let mut from: Bound<Box<str>> = match after {
            Some(topic) if topic >= prefix => Bound::Excluded(topic.into()),
            _ => Bound::Included(prefix.into()),
        };
        // `sport/#` also matches `sport` itself [MQTT-4.7.1-2], which stands before the stretch of `sport/`.
        if after.is_none()
            && let Some(parent) = filter.as_str().strip_suffix("/#")
            && let Some(message) = self.messages.get(parent)
        {
            out.push(message.clone());
            taken += 1;
        }
        loop {
            let mut jump = None;
            for (topic, message) in self.messages.range::<str, _>((as_ref(&from), Bound::Unbounded))
            {
                if !topic.starts_with(prefix) {
                    return false;
                }
                if taken == most {
                    return true;
                }
                let Ok(name) = TopicName::parse(topic) else { continue };
                if filter.matches(name) {
                    out.push(message.clone());
                    taken += 1;
                } else if let Some(next) = beyond(filter.as_str(), topic) {
                    jump = Some(next);
                    break;
                }
            }
            match jump {
                None => return false,
                Some(next) => from = Bound::Included(next.into()),
            }
        }
    }
}

fn as_ref(bound: &Bound<Box<str>>) -> Bound<&str> {
    match bound {
        Bound::Included(text) => Bound::Included(text),
        Bound::Excluded(text) => Bound::Excluded(text),
        Bound::Unbounded => Bound::Unbounded,
    }
}

/// The levels of `filter` before its first wildcard, with the slash.
fn literal_prefix(filter: &str) -> &str {
    let end = filter.find(['+', '#']).unwrap_or(filter.len());
    filter.get(..end).unwrap_or("")
}

/// Given a `topic` that `filter` does not match: the least topic behind it that could. `None` when that may be the very next.
fn beyond(filter: &str, topic: &str) -> Option<String> {
    let mut at = 0;
    let (mut wanted, mut got) = (filter.split('/'), topic.split('/'));
    loop {
        match (wanted.next(), got.next()) {
            (Some("#"), _) | (None, None) | (Some(_), None) => return None,
            // Too deep: skip everything below the level that ends the filter.
            (None, Some(_)) => {
                let parent = topic.get(..at.min(topic.len()).saturating_sub(1))?;
                return Some(format!("{parent}0"));
            }
            (Some("+"), Some(level)) => at += level.len() + 1,
            (Some(want), Some(level)) if want == level => at += level.len() + 1,
            (Some(want), Some(level)) => {
                let head = topic.get(..at)?;
                // Before the wanted level: go there. Behind it: leave the whole parent ('0' follows '/').
                return if level < want {
                    Some(format!("{head}{want}"))
                } else if at == 0 {
                    None
                } else {
                    Some(format!("{}0", head.get(..at - 1)?)).filter(|next| next.as_str() > topic)
                };
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::{broker::message::Meta, mqtt::QoS};

    fn message(topic: &str, payload: &[u8]) -> Message {
        let meta = Meta { qos: QoS::AtMostOnce, retain: true, expires_at: None, publisher: 0 };
        Message::new(topic, &[], payload, meta)
    }

    fn found(store: &Retained, filter: &str, portion: usize) -> Vec<String> {
        let filter = TopicFilter::parse(filter).unwrap();
        let (mut all, mut after) = (Vec::new(), None::<String>);
        loop {
            let mut out = Vec::new();
            let more = store.matching(&filter, after.as_deref(), portion, &mut out);
            all.extend(out.iter().map(|m| m.topic().to_owned()));
            after = out.last().map(|m| m.topic().to_owned());
            if !more {
                all.sort();
                return all;
            }
        }
    }

    #[test]
    fn an_empty_payload_forgets() {
        let (mut store, limits) = (Retained::default(), RetainSettings::default());
        store.store(&message("a", b"1"), Time::ZERO, &limits).unwrap();
        store.store(&message("a", b"22"), Time::ZERO, &limits).unwrap();
        assert_eq!((store.len(), found(&store, "a", 10)), (1, vec!["a".to_owned()]));
        store.store(&message("a", b""), Time::ZERO, &limits).unwrap();
        assert_eq!((store.len(), store.bytes()), (0, 0));
    }

    #[test]
    fn limits_refuse_and_keep_what_is_there() {
        let limits =
            RetainSettings { max_messages: 1, max_payload: 3, ..RetainSettings::default() };
        let mut store = Retained::default();
        store.store(&message("a", b"1"), Time::ZERO, &limits).unwrap();
        assert!(matches!(
            store.store(&message("b", b"1"), Time::ZERO, &limits),
            Err(NotKept::Messages { .. })
        ));
        assert!(matches!(
            store.store(&message("a", b"1234"), Time::ZERO, &limits),
            Err(NotKept::Payload { .. })
        ));
        store.store(&message("a", b"2"), Time::ZERO, &limits).unwrap();
        assert_eq!(store.len(), 1);
    }

    #[test]
    fn expired_messages_are_swept_in_steps() {
        let (mut store, limits) = (Retained::default(), RetainSettings::default());
        for n in 0..10 {
            let old = message(&format!("t/{n}"), b"x").with_expiry(Time::from_ms(n));
            store.store(&old, Time::ZERO, &limits).unwrap();
        }
        let mut after = None;
        loop {
            after = store.sweep(Time::from_ms(4), after.as_deref(), 3);
            if after.is_none() {
                break;
            }
        }
        assert_eq!(store.len(), 5);
    }

    proptest! {
        #[test]
        fn a_search_finds_what_a_plain_walk_finds(
            topics in prop::collection::btree_set("[ab$0]{0,2}(/[abc]{0,2}){0,3}", 0..40),
            filter in "([ab0]{0,2}|\\+)(/([abc]{0,2}|\\+)){0,3}(/#)?",
            portion in 1_usize..5,
        ) {
            let (mut store, limits) = (Retained::default(), RetainSettings::default());
            let topics: Vec<_> = topics.into_iter().filter(|t| TopicName::parse(t).is_ok()).collect();
            for topic in &topics {
                store.store(&message(topic, b"x"), Time::ZERO, &limits).unwrap();
            }
            let Ok(wanted) = TopicFilter::parse(&filter) else { return Ok(()) };
            let want: Vec<_> = topics.iter()
                .filter(|t| wanted.matches(TopicName::parse(t).unwrap())).cloned().collect();
            prop_assert_eq!(found(&store, &filter, portion), want);
        }
    }
}
