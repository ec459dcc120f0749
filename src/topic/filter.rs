//! [`TopicFilter`]: what a subscription names. `+` stands for one level, `#` for the rest (v5 4.7, v3.1.1 4.7).

use std::borrow::Borrow;
use std::sync::Arc;

use super::name::TopicName;
use super::split_level;

/// Why a text is no topic filter. The number is the byte at fault, or the length.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BadFilter {
    /// Empty or longer than the two length bytes can say, v5 [MQTT-4.7.3-1] and [MQTT-4.7.3-3].
    #[error("topic filter of {0} bytes, must be 1 to 65535")]
    Length(usize),
    /// A wildcard that is not a whole level, or `#` before the end, v5 [MQTT-4.7.1-1] and [MQTT-4.7.1-2].
    #[error("misplaced wildcard in the level at byte {0} of a topic filter")]
    Wildcard(usize),
    /// U+0000 at this byte, v5 [MQTT-4.7.3-2].
    #[error("null character at byte {0} of a topic filter")]
    Nul(usize),
    /// `$share/` without a group, or with a wildcard in it, v5 [MQTT-4.8.2-1] and [MQTT-4.8.2-2].
    #[error("bad group name in a shared subscription")]
    Group,
}

/// A checked topic filter. Cheap to clone; compares, orders and hashes as its text does.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TopicFilter(Arc<str>);

impl TopicFilter {
    /// Checks and copies `text`. `$share/..` is a filter like any other here; see [`super::share`].
    ///
    /// # Errors
    /// [`BadFilter`] when empty, too long, with a misplaced wildcard or a null character in it.
    pub fn parse(text: &str) -> Result<Self, BadFilter> {
        check(text).map(|()| Self(Arc::from(text)))
    }

    /// The text.
    #[inline]
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether a message published to `name` is for this filter, the `$` rule [MQTT-4.7.2-1] included.
    #[must_use]
    pub fn matches(&self, name: TopicName<'_>) -> bool {
        let starts_wild = matches!(self.0.as_bytes().first(), Some(b'+' | b'#'));
        !(starts_wild && name.is_dollar()) && levels_match(Some(&self.0), Some(name.as_str()))
    }

    /// Whether any level is a wildcard.
    #[must_use]
    pub fn has_wildcard(&self) -> bool {
        has_wildcard(&self.0)
    }

    /// How many levels, `+` and `#` counted.
    #[must_use]
    pub fn level_count(&self) -> usize {
        self.0.bytes().filter(|byte| *byte == b'/').count() + 1
    }

    /// The levels, at least one; a level may be empty.
    pub fn levels(&self) -> impl Iterator<Item = &str> {
        self.0.split('/')
    }

    /// The text, shared and not copied.
    #[must_use]
    pub fn to_arc(&self) -> Arc<str> {
        Arc::clone(&self.0)
    }
}

impl From<TopicName<'_>> for TopicFilter {
    /// The filter that matches exactly this name.
    fn from(name: TopicName<'_>) -> Self {
        Self(Arc::from(name.as_str()))
    }
}

impl Borrow<str> for TopicFilter {
    fn borrow(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Display for TopicFilter {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

/// Whether a (checked) filter text has a wildcard level.
#[must_use]
pub fn has_wildcard(text: &str) -> bool {
    text.bytes().any(|byte| matches!(byte, b'+' | b'#'))
}

/// The rules of [`TopicFilter::parse`], without making one.
///
/// # Errors
/// As there.
pub fn check(text: &str) -> Result<(), BadFilter> {
    if text.is_empty() || text.len() > super::MAX_BYTES {
        return Err(BadFilter::Length(text.len()));
    }
    let special = text.bytes().fold(false, |found, byte| found | matches!(byte, 0 | b'+' | b'#'));
    if special { check_levels(text) } else { Ok(()) }
}

fn check_levels(text: &str) -> Result<(), BadFilter> {
    if let Some(at) = text.bytes().position(|byte| byte == 0) {
        return Err(BadFilter::Nul(at));
    }
    let (mut at, mut rest) = (0, Some(text));
    while let Some(tail) = rest {
        let (level, after) = split_level(tail);
        let misplaced = match level {
            "+" => false,
            "#" => after.is_some(),
            _ => has_wildcard(level),
        };
        if misplaced {
            return Err(BadFilter::Wildcard(at));
        }
        at += level.len() + 1;
        rest = after;
    }
    Ok(())
}

/// Matches what is left of a filter against what is left of a name; `None` when all levels are used up.
/// The `$` rule concerns first levels only and is the caller's.
#[inline]
pub(crate) fn levels_match(mut filter: Option<&str>, mut name: Option<&str>) -> bool {
    loop {
        match (filter, name) {
            (None, None) => return true,
            // `sport/#` is also for `sport` itself.
            (Some("#"), _) => return true,
            (None, Some(_)) | (Some(_), None) => return false,
            (Some(filter_tail), Some(name_tail)) => {
                let (wanted, filter_after) = split_level(filter_tail);
                let (level, name_after) = split_level(name_tail);
                if wanted != "+" && wanted != level {
                    return false;
                }
                (filter, name) = (filter_after, name_after);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use mqtt_codec_kit::common as kit;
    use proptest::prelude::*;

    use super::*;

    #[track_caller]
    fn matches(filter: &str, name: &str, want: bool) {
        let name = TopicName::parse(name).unwrap();
        assert_eq!(TopicFilter::parse(filter).unwrap().matches(name), want, "{filter} {name}");
    }

    #[test]
    fn plain_filters_match_themselves() {
        matches("a/b", "a/b", true);
        matches("a/b", "a/B", false);
        matches("a/b", "a", false);
        matches("a", "a/b", false);
        matches("/a", "a", false);
        matches("a/", "a", false);
        matches("a/", "a/", true);
        matches("$SYS/x", "$SYS/x", true);
    }

    #[test]
    fn multi_level_wildcard_includes_the_parent() {
        matches("sport/#", "sport", true);
        matches("sport/#", "sport/", true);
        matches("sport/#", "sport/a/b", true);
        matches("sport/#", "sports", false);
        matches("sport/tennis/#", "sport", false);
        matches("#", "a/b", true);
        matches("#", "/", true);
        matches("+/#", "a", true);
    }

    #[test]
    fn single_level_wildcard_is_exactly_one_level() {
        matches("+", "a", true);
        matches("+", "/a", false);
        matches("/+", "/a", true);
        matches("+/+", "/a", true);
        matches("sport/+", "sport", false);
        matches("sport/+", "sport/", true);
        matches("sport/+/x", "sport//x", true);
        matches("sport/+/x", "sport/a/y", false);
        matches("sport/+", "sport/a/b", false);
    }

    #[test]
    fn leading_wildcards_do_not_see_dollar_topics() {
        matches("#", "$SYS/brokers", false);
        matches("+/brokers", "$SYS/brokers", false);
        matches("$SYS/#", "$SYS/brokers", true);
        matches("$SYS/+", "$SYS/brokers", true);
        matches("a/#", "a/$b", true);
        matches("a/+", "a/$b", true);
    }

    #[test]
    fn misplaced_wildcards_are_refused() {
        for (text, at) in
            [("a#", 0), ("a/b+", 2), ("#/a", 0), ("a/#/b", 2), ("++", 0), ("##", 0), ("a/+b/#", 2)]
        {
            assert_eq!(TopicFilter::parse(text), Err(BadFilter::Wildcard(at)), "{text}");
        }
        assert_eq!(TopicFilter::parse(""), Err(BadFilter::Length(0)));
        assert_eq!(TopicFilter::parse("a/\0"), Err(BadFilter::Nul(2)));
        assert_eq!(TopicFilter::parse(&"x".repeat(65_536)), Err(BadFilter::Length(65_536)));
        for text in ["+", "#", "+/+/#", "/#", "a/+/b", "/", "//", "+/"] {
            assert!(TopicFilter::parse(text).is_ok(), "{text}");
        }
    }

    #[test]
    fn levels_and_wildcards_are_counted() {
        let filter = TopicFilter::parse("a/+/#").unwrap();
        assert!(filter.has_wildcard());
        assert_eq!(filter.level_count(), 3);
        assert!(!TopicFilter::parse("a//b").unwrap().has_wildcard());
    }

    proptest! {
        #[test]
        fn two_other_implementations_agree(
            levels in prop::collection::vec("[ab$#+]|[a+#]{0,2}|[+]|[#]", 1..6),
            names in prop::collection::vec("[ab$/]{1,8}", 1..20),
        ) {
            let text = levels.join("/");
            prop_assert_eq!(check(&text).is_ok(), kit::TopicFilter::new(&text).is_ok());
            prop_assert_eq!(check(&text).is_ok(), rumqttc::valid_filter(&text));
            let Ok(filter) = TopicFilter::parse(&text) else { return Ok(()) };
            let theirs = kit::TopicFilter::new(&text).unwrap();
            let matcher = theirs.get_matcher();
            for name in &names {
                let ours = filter.matches(TopicName::parse(name).unwrap());
                prop_assert_eq!(ours, matcher.is_match(kit::TopicNameRef::new(name).unwrap()), "{}", name);
                // It matches `$` topics with nothing.
                prop_assert!(name.starts_with('$') || ours == rumqttc::matches(name, &text), "{}", name);
            }
        }
    }
}
