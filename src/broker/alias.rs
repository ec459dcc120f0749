//! Topic aliases, in both directions (v5 3.3.2.3.4). They live as long as the connection.

use std::collections::HashMap;

use crate::{
    mqtt::{DecodeError, ReasonCode},
    sort,
    topic::Hashing,
};

/// Aliases the client has set.
#[derive(Debug, Default)]
pub struct Incoming {
    topics: Vec<Option<Box<str>>>,
}

impl Incoming {
    /// The topic of a PUBLISH that carries `alias` (1 to `max`) and `topic`, which is empty when the alias stands for it.
    ///
    /// # Errors
    /// The reason code for an alias that is too large or that was never set (v5 [MQTT-3.3.2-8], [MQTT-3.3.2-9]).
    pub fn resolve<'s>(
        &'s mut self,
        alias: u16,
        topic: &'s str,
        max: u16,
    ) -> Result<&'s str, ReasonCode> {
        if alias == 0 || alias > max {
            return Err(ReasonCode::TopicAliasInvalid);
        }
        let at = usize::from(alias) - 1;
        if topic.is_empty() {
            let known = self.topics.get(at).and_then(Option::as_deref);
            return known.ok_or(DecodeError::Protocol("alias not set").reason());
        }
        if self.topics.len() <= at {
            self.topics.resize(at + 1, None);
        }
        if let Some(place) = self.topics.get_mut(at) {
            *place = Some(topic.into());
        }
        Ok(topic)
    }
}

impl Incoming {
    /// The topics of aliases 1, 2 and so on.
    pub(super) fn topics(&self) -> impl Iterator<Item = Option<&str>> {
        self.topics.iter().map(Option::as_deref)
    }

    pub(super) const fn of_topics(topics: Vec<Option<Box<str>>>) -> Self {
        Self { topics }
    }
}

/// Aliases we set towards the client: the first topics get them, up to its Topic Alias Maximum.
#[derive(Debug)]
pub struct Outgoing {
    aliases: HashMap<Box<str>, u16, Hashing>,
    max: u16,
}

/// Those of a connection that has any.
#[derive(Debug, Default)]
pub struct Aliases {
    /// Of the client.
    pub incoming: Incoming,
    /// Of this node, where the client allows some.
    pub outgoing: Option<Outgoing>,
}

impl Aliases {
    /// The topic of an alias.
    #[must_use]
    pub fn topic(&self, alias: u16, incoming: bool) -> Option<&str> {
        let at = usize::from(alias).checked_sub(1)?;
        if incoming {
            return self.incoming.topics().nth(at).flatten();
        }
        self.outgoing.as_ref()?.topics().1.get(at).copied()
    }
}

/// How to name a topic in a PUBLISH.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Naming {
    /// By its name.
    Name,
    /// By its name, and from now on by this alias.
    Introduce(u16),
    /// By this alias alone.
    Alias(u16),
}

impl Outgoing {
    /// For a client with this Topic Alias Maximum.
    #[must_use]
    pub fn new(max: u16) -> Self {
        Self { aliases: HashMap::default(), max }
    }

    /// The Topic Alias Maximum, and the topics of aliases 1, 2 and so on.
    pub(super) fn topics(&self) -> (u16, Vec<&str>) {
        let mut named: Vec<_> = self.aliases.iter().map(|(topic, at)| (*at, &**topic)).collect();
        sort::sort(&mut named);
        (self.max, named.into_iter().map(|(_, topic)| topic).collect())
    }

    /// How to name `topic` in the next PUBLISH.
    pub fn name(&mut self, topic: &str) -> Naming {
        if let Some(alias) = self.aliases.get(topic) {
            return Naming::Alias(*alias);
        }
        match u16::try_from(self.aliases.len() + 1) {
            Ok(next) if next <= self.max => {
                self.aliases.insert(topic.into(), next);
                Naming::Introduce(next)
            }
            _ => Naming::Name,
        }
    }

    /// The alias that [`Self::name`] has just introduced did not go out.
    pub fn take_back(&mut self, topic: &str) {
        self.aliases.remove(topic);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_alias_must_be_set_before_it_is_used() {
        let mut aliases = Incoming::default();
        assert_eq!(aliases.resolve(2, "", 8), Err(ReasonCode::ProtocolError));
        assert_eq!(aliases.resolve(2, "a", 8), Ok("a"));
        assert_eq!(aliases.resolve(2, "", 8), Ok("a"));
        assert_eq!(aliases.resolve(2, "b", 8), Ok("b"));
        assert_eq!(aliases.resolve(2, "", 8), Ok("b"));
        assert_eq!(aliases.resolve(9, "b", 8), Err(ReasonCode::TopicAliasInvalid));
    }

    #[test]
    fn the_first_topics_get_aliases() {
        let mut aliases = Outgoing::new(1);
        assert_eq!(aliases.name("a"), Naming::Introduce(1));
        assert_eq!(aliases.name("a"), Naming::Alias(1));
        assert_eq!(aliases.name("b"), Naming::Name);
        aliases.take_back("a");
        assert_eq!(aliases.name("b"), Naming::Introduce(1));
    }
}
