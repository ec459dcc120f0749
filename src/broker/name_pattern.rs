//! Regular expressions for client ids and user names in access rules.

use regex_lite::{Regex, RegexBuilder};

/// Longest expression, in bytes.
const LONGEST: usize = 256;
/// What one may grow to, in bytes: `((x{9}){9}){9}` is short and large.
const LARGEST: usize = 64 << 10;

/// An expression. It matches wherever in a name it is found, as in EMQX; `^` and `$` hold it to the ends. The time a match takes
/// grows with the name and not faster.
#[derive(Clone, Debug)]
pub struct NamePattern(Regex);

impl PartialEq for NamePattern {
    fn eq(&self, other: &Self) -> bool {
        self.0.as_str() == other.0.as_str()
    }
}

impl Eq for NamePattern {}

/// Why a text is no expression.
#[derive(Debug, thiserror::Error)]
pub enum BadPattern {
    /// Too long.
    #[error("a regular expression of {LONGEST} bytes at most, not {0}")]
    Long(usize),
    /// Another form, too large, or with what PCRE alone has: looking around and references back.
    #[error("a regular expression without look-around and back references: {0}")]
    Form(String),
}

impl NamePattern {
    /// Reads an expression.
    ///
    /// # Errors
    /// [`BadPattern`].
    pub fn parse(text: &str) -> Result<Self, BadPattern> {
        if text.len() > LONGEST {
            return Err(BadPattern::Long(text.len()));
        }
        let built = RegexBuilder::new(text).size_limit(LARGEST).build();
        built.map(Self).map_err(|error| BadPattern::Form(error.to_string()))
    }

    /// Whether it is found in `name`.
    #[must_use]
    pub fn is_in(&self, name: &str) -> bool {
        self.0.is_match(name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_expression_is_found_anywhere_unless_it_holds_to_the_ends() {
        for (pattern, name, want) in [
            ("dev", "my-dev-7", true),
            ("^dev", "my-dev-7", false),
            ("^dev-[0-9]+$", "dev-12", true),
            ("^dev-[0-9]+$", "dev-12x", false),
            ("^(a|b)$", "b", true),
            ("", "x", true),
            ("grün$", "so grün", true),
        ] {
            assert_eq!(NamePattern::parse(pattern).unwrap().is_in(name), want, "{pattern} {name}");
        }
    }

    #[test]
    fn what_is_no_expression_or_too_much_is_refused() {
        for bad in ["(", "(?=x)", r"(a)\1", "((((x{99}){99}){99}){99})", &"x".repeat(257)] {
            assert!(NamePattern::parse(bad).is_err(), "{bad}");
        }
        assert!(NamePattern::parse(&"x".repeat(256)).is_ok());
    }

    /// An expression over which others never come to an end, and the longest name there is.
    #[test]
    fn a_match_comes_to_an_end() {
        let name = "a".repeat(65_534) + "b";
        assert!(!NamePattern::parse("^(a+)+$").unwrap().is_in(&name));
    }
}
