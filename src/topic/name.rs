//! [`TopicName`]: what a PUBLISH or a will names. No wildcards, 1 to 65,535 bytes.

/// Why a text is no topic name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BadTopic {
    /// Empty or longer than the two length bytes can say, v5 [MQTT-4.7.3-1] and [MQTT-4.7.3-3].
    #[error("topic name of {0} bytes, must be 1 to 65535")]
    Length(usize),
    /// `+` or `#` at this byte, v5 [MQTT-3.3.2-2].
    #[error("wildcard at byte {0} of a topic name")]
    Wildcard(usize),
    /// U+0000 at this byte, v5 [MQTT-4.7.3-2].
    #[error("null character at byte {0} of a topic name")]
    Nul(usize),
}

/// A checked topic name, borrowed from the packet or message it came in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TopicName<'a>(&'a str);

impl<'a> TopicName<'a> {
    /// Checks `text` (v5 4.7, v3.1.1 4.7).
    ///
    /// # Errors
    /// [`BadTopic`] when empty, too long, or with a wildcard or a null character in it.
    #[inline]
    pub fn parse(text: &'a str) -> Result<Self, BadTopic> {
        // One pass without an early exit: the compiler turns it into wide compares.
        let bad = text.bytes().fold(false, |bad, byte| bad | matches!(byte, 0 | b'+' | b'#'));
        if bad || text.is_empty() || text.len() > super::MAX_BYTES {
            return Err(fault(text));
        }
        Ok(Self(text))
    }

    /// The text.
    #[inline]
    #[must_use]
    pub const fn as_str(self) -> &'a str {
        self.0
    }

    /// The levels, at least one; a level may be empty.
    pub fn levels(self) -> impl Iterator<Item = &'a str> {
        self.0.split('/')
    }

    /// How many levels.
    #[must_use]
    pub fn level_count(self) -> usize {
        self.0.bytes().filter(|byte| *byte == b'/').count() + 1
    }

    /// Starts with `$`: filters that start with a wildcard do not see it, v5 [MQTT-4.7.2-1].
    #[inline]
    #[must_use]
    pub fn is_dollar(self) -> bool {
        self.0.as_bytes().first() == Some(&b'$')
    }
}

impl std::fmt::Display for TopicName<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.0)
    }
}

#[cold]
fn fault(text: &str) -> BadTopic {
    if text.is_empty() || text.len() > super::MAX_BYTES {
        return BadTopic::Length(text.len());
    }
    match text.bytes().position(|byte| byte == 0) {
        Some(at) => BadTopic::Nul(at),
        None => {
            BadTopic::Wildcard(text.bytes().position(|b| matches!(b, b'+' | b'#')).unwrap_or(0))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ordinary_names_are_accepted() {
        for text in ["a", "/", "a/b", "/a", "a/", "a//b", " ", "ä/ö", "$SYS/x", "a$b"] {
            assert_eq!(TopicName::parse(text).map(TopicName::as_str), Ok(text));
        }
    }

    #[test]
    fn faults_are_named() {
        assert_eq!(TopicName::parse(""), Err(BadTopic::Length(0)));
        assert_eq!(TopicName::parse("a/+"), Err(BadTopic::Wildcard(2)));
        assert_eq!(TopicName::parse("a#"), Err(BadTopic::Wildcard(1)));
        assert_eq!(TopicName::parse("a\0#"), Err(BadTopic::Nul(1)));
        assert!(TopicName::parse(&"x".repeat(65_535)).is_ok());
        assert_eq!(TopicName::parse(&"x".repeat(65_536)), Err(BadTopic::Length(65_536)));
    }

    #[test]
    fn levels_may_be_empty() {
        let name = TopicName::parse("/a//b").unwrap();
        assert_eq!(name.levels().collect::<Vec<_>>(), ["", "a", "", "b"]);
        assert_eq!(name.level_count(), 4);
        assert!(!name.is_dollar());
        assert!(TopicName::parse("$x").unwrap().is_dollar());
    }
}
