//! Shared subscriptions: `$share/{group}/{filter}` (v5 4.8.2) and EMQX's `$queue/{filter}`, in all protocol versions; and EMQX's
//! `$exclusive/{filter}`, a group that has one member.

use std::sync::Arc;

use super::filter::{self, BadFilter, TopicFilter};

/// The name of the group all `$queue/` subscriptions of a filter are in (as in EMQX, `$share/$queue/f` is the same group).
pub const QUEUE: &str = "$queue";

/// The name of the group of all `$exclusive/` subscriptions of a filter. No share name has a slash in it.
pub const EXCLUSIVE: &str = "$exclusive/";

/// What a SUBSCRIBE asks for: a filter, and the group it is shared in.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Subscription {
    /// The share name, [`QUEUE`] for `$queue/`, [`EXCLUSIVE`] for `$exclusive/`; `None`: an ordinary subscription.
    pub group: Option<Arc<str>>,
    /// The filter without the prefix.
    pub filter: TopicFilter,
}

impl Subscription {
    /// Reads `$share/g/f`, `$queue/f`, `$exclusive/f` or `f`.
    ///
    /// # Errors
    /// [`BadFilter::Group`] for a share name that is empty or has a wildcard in it, and the faults of the filter itself.
    pub fn parse(text: &str) -> Result<Self, BadFilter> {
        let (group, filter) = split(text)?;
        Ok(Self { group: group.map(Arc::from), filter: TopicFilter::parse(filter)? })
    }

    /// For one client alone.
    #[must_use]
    pub fn is_exclusive(&self) -> bool {
        self.group.as_deref() == Some(EXCLUSIVE)
    }

    /// Shared with other clients.
    #[must_use]
    pub fn is_shared(&self) -> bool {
        self.group.is_some() && !self.is_exclusive()
    }
}

impl std::fmt::Display for Subscription {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.group.as_deref() {
            None => write!(f, "{}", self.filter),
            Some(QUEUE) => write!(f, "{QUEUE}/{}", self.filter),
            Some(EXCLUSIVE) => write!(f, "{EXCLUSIVE}{}", self.filter),
            Some(group) => write!(f, "$share/{group}/{}", self.filter),
        }
    }
}

/// The rules of [`Subscription::parse`], without making one. `Ok(true)`: a shared subscription.
///
/// # Errors
/// As there.
pub fn check(text: &str) -> Result<bool, BadFilter> {
    let (group, filter) = split(text)?;
    filter::check(filter)?;
    Ok(group.is_some_and(|group| group != EXCLUSIVE))
}

fn split(text: &str) -> Result<(Option<&str>, &str), BadFilter> {
    if text.len() > super::MAX_BYTES {
        return Err(BadFilter::Length(text.len()));
    }
    if let Some(filter) = text.strip_prefix("$queue/") {
        return Ok((Some(QUEUE), filter));
    }
    if let Some(filter) = text.strip_prefix(EXCLUSIVE) {
        return Ok((Some(EXCLUSIVE), filter));
    }
    let Some(rest) = text.strip_prefix("$share/") else { return Ok((None, text)) };
    let (group, filter) = rest.split_once('/').ok_or(BadFilter::Group)?;
    if group.is_empty() || group.bytes().any(|byte| matches!(byte, 0 | b'+' | b'#')) {
        return Err(BadFilter::Group);
    }
    Ok((Some(group), filter))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn parts(text: &str, group: Option<&str>, filter: &str) {
        let got = Subscription::parse(text).unwrap();
        assert_eq!((got.group.as_deref(), got.filter.as_str()), (group, filter));
        assert_eq!(got.to_string(), text);
        assert_eq!(check(text), Ok(got.is_shared()));
        assert_eq!(got.is_shared(), group.is_some_and(|group| group != EXCLUSIVE));
    }

    #[test]
    fn groups_are_split_off() {
        parts("a/#", None, "a/#");
        parts("$share/g/a/+", Some("g"), "a/+");
        parts("$share/g//a", Some("g"), "/a");
        parts("$share/g/$SYS/#", Some("g"), "$SYS/#");
        parts("$queue/a", Some("$queue"), "a");
        parts("$exclusive/a/+", Some(EXCLUSIVE), "a/+");
        parts("$exclusive", None, "$exclusive");
        parts("$share", None, "$share");
        parts("$shared/g/a", None, "$shared/g/a");
        parts("$queue", None, "$queue");
    }

    #[test]
    fn bad_groups_and_filters_are_refused() {
        for text in ["$share/", "$share/g", "$share//a", "$share/+/a", "$share/g#/a"] {
            assert_eq!(Subscription::parse(text), Err(BadFilter::Group), "{text}");
            assert_eq!(check(text), Err(BadFilter::Group), "{text}");
        }
        assert_eq!(Subscription::parse("$share/g/"), Err(BadFilter::Length(0)));
        assert_eq!(Subscription::parse("$queue/"), Err(BadFilter::Length(0)));
        assert_eq!(Subscription::parse("$exclusive/"), Err(BadFilter::Length(0)));
        assert_eq!(Subscription::parse("$share/g/a#"), Err(BadFilter::Wildcard(0)));
    }
}
