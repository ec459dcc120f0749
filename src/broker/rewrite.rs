//! Topic rewriting (EMQX `emqx_mod_rewrite`, `module.rewrite.*`): the topic a client names stands for another one.
//!
//! As in EMQX the first rule decides whose filter the topic matches; if its expression does not match, the topic stays. Rules are
//! looked at after the access rules, which see the topic that the client named.

use std::borrow::Cow;

use regex_lite::{Captures, Regex};

use crate::topic::TopicFilter;

/// One rule: `filter expression target`.
#[derive(Clone, Debug)]
pub struct Rule {
    filter: TopicFilter,
    expression: Regex,
    target: Box<str>,
}

impl PartialEq for Rule {
    fn eq(&self, other: &Self) -> bool {
        self.filter == other.filter
            && self.expression.as_str() == other.expression.as_str()
            && self.target == other.target
    }
}

/// Why a text is no rule.
#[derive(Debug, thiserror::Error)]
pub enum BadRule {
    /// Not three words.
    #[error("a topic filter, an expression and a target with blanks between them")]
    Form,
    /// The first word.
    #[error("a topic filter in the first place, not {0}")]
    Filter(String),
    /// The second word.
    #[error("a regular expression in the second place: {0}")]
    Expression(String),
}

impl Rule {
    /// Reads `x/# ^x/y/(.+)$ z/y/$1`. In the target `$1` to `$9` are the groups of the expression, `%c` the client id and `%u` the
    /// user name.
    ///
    /// # Errors
    /// [`BadRule`], with the part at fault.
    pub fn parse(text: &str) -> Result<Self, BadRule> {
        let words: Vec<&str> = text.split_whitespace().collect();
        let [filter, expression, target] = words[..] else { return Err(BadRule::Form) };
        let expression =
            Regex::new(expression).map_err(|error| BadRule::Expression(error.to_string()))?;
        let filter = TopicFilter::parse(filter).map_err(|_| BadRule::Filter(filter.into()))?;
        Ok(Self { filter, expression, target: target.into() })
    }
}

impl Rule {
    /// What it makes of a topic holds `mark`.
    pub(super) fn puts(&self, mark: &str) -> bool {
        self.target.contains(mark)
    }
}

/// Who names the topic.
#[derive(Clone, Copy, Debug, Default)]
pub struct Named<'a> {
    /// Client id.
    pub client_id: &'a str,
    /// User name; without one `%u` stays as it is.
    pub username: Option<&'a str>,
}

/// `topic`, a name or a filter, by the rules. The result is not checked: groups may hold anything that stood in the topic.
#[must_use]
pub fn rewrite<'t>(rules: &[Rule], topic: &'t str, who: Named<'_>) -> Cow<'t, str> {
    let Some(rule) = rules.iter().find(|rule| covers(rule.filter.as_str(), topic)) else {
        return Cow::Borrowed(topic);
    };
    match rule.expression.captures(topic) {
        Some(groups) => Cow::Owned(expand(&rule.target, &groups, who)),
        None => Cow::Borrowed(topic),
    }
}

/// Whether `topic`, whose wildcards are levels like any other here, matches `filter`.
fn covers(filter: &str, topic: &str) -> bool {
    let (mut wanted, mut got) = (filter.split('/'), topic.split('/'));
    loop {
        match (wanted.next(), got.next()) {
            (Some("#"), _) | (None, None) => return true,
            (Some("+"), Some(_)) => {}
            (Some(want), Some(level)) if want == level => {}
            _ => return false,
        }
    }
}

fn expand(target: &str, groups: &Captures<'_>, who: Named<'_>) -> String {
    let mut text = String::with_capacity(target.len() + 16);
    let mut rest = target;
    while let Some(at) = rest.find(['$', '%']) {
        let (before, from) = rest.split_at(at);
        text.push_str(before);
        let (mark, kind) = (from.as_bytes().first(), from.as_bytes().get(1));
        let put = match (mark, kind) {
            (Some(b'$'), Some(digit @ b'1'..=b'9')) => {
                Some(groups.get(usize::from(digit - b'0')).map_or("", |group| group.as_str()))
            }
            (Some(b'%'), Some(b'c')) => Some(who.client_id),
            (Some(b'%'), Some(b'u')) => who.username,
            _ => None,
        };
        // Marks and what follows them are one byte each.
        let used = if put.is_some() { 2 } else { 1 };
        text.push_str(put.unwrap_or_else(|| from.get(..1).unwrap_or_default()));
        rest = from.get(used..).unwrap_or_default();
    }
    text.push_str(rest);
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    const WHO: Named<'_> = Named { client_id: "c1", username: Some("u1") };

    #[track_caller]
    fn check(rules: &[&str], topic: &str, want: &str) {
        let rules: Vec<Rule> = rules.iter().map(|rule| Rule::parse(rule).unwrap()).collect();
        assert_eq!(rewrite(&rules, topic, WHO), want);
    }

    #[test]
    fn the_examples_of_emqx() {
        let rules = [
            "y/+/z/# ^y/(.+)/z/(.+)$ y/z/$2",
            "x/# ^x/y/(.+)$ z/y/x/$1",
            "x/y/+ ^x/y/(\\d+)$ z/y/$1",
        ];
        check(&rules, "y/a/z/b", "y/z/b");
        check(&rules, "y/def", "y/def");
        check(&rules, "x/1/2", "x/1/2");
        check(&rules, "x/y/2", "z/y/x/2");
        check(&rules, "x/y/z", "z/y/x/z");
        check(&rules, "other", "other");
    }

    #[test]
    fn filters_are_rewritten_level_by_level() {
        check(&["a/+/b ^a/(.+)/b$ c/$1"], "a/+/b", "c/+");
        check(&["a/# ^a/(.+)$ c/$1"], "a/x/#", "c/x/#");
        check(&["a/b ^(.*)$ c/$1"], "a/+", "a/+");
    }

    #[test]
    fn placeholders_are_filled_once() {
        check(&["# ^(.+)$ in/%c/%u/$1/$2/$/%"], "%u/t", "in/c1/u1/%u/t//$/%");
        let rules = [Rule::parse("# ^(.+)$ %u/$1").unwrap()];
        let nameless = Named { username: None, ..WHO };
        assert_eq!(rewrite(&rules, "t", nameless), "%u/t");
    }

    #[test]
    fn bad_rules_are_named() {
        for (text, want) in [
            ("a b", "blanks between"),
            ("a b c d", "blanks between"),
            ("a# b c", "not a#"),
            ("a ( c", "regular expression"),
        ] {
            let error = Rule::parse(text).unwrap_err().to_string();
            assert!(error.contains(want), "{text}: {error}");
        }
    }
}
