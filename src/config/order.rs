//! The words of `auth_order` and `acl_order`.

use super::{
    keys::Place,
    values::{Expected, Parsed, list},
};
use crate::broker::order::{LoginBy, Order, RightsBy};

/// Who is asked whether a client may connect: the words for it, ours and those of EMQX.
pub const LOGINS: &[(&str, LoginBy)] = &[
    ("jwt", LoginBy::Jwt),
    ("users", LoginBy::Users),
    ("mnesia", LoginBy::Users),
    ("http", LoginBy::Http),
];
/// Who is asked what it may do.
pub const RIGHTS: &[(&str, RightsBy)] = &[
    ("jwt", RightsBy::Token),
    ("http", RightsBy::Http),
    ("internal", RightsBy::Rules),
    ("file", RightsBy::Rules),
];
/// What EMQX has and this does not.
const ELSEWHERE: &[&str] = &["ldap", "mnesia", "mongo", "mysql", "pgsql", "redis"];

/// What the log is told of words that have no effect.
#[must_use]
pub fn missing_text(place: &Place<'_>, missing: &[&str]) -> String {
    let Place { key, origin, .. } = place;
    format!(
        "{origin}: {key}: {} is not supported by this version and passed over",
        missing.join(", ")
    )
}

/// An order such as `http, jwt`, or `none`; and the words in it that stand for something which is missing here.
///
/// # Errors
/// A word that is none of them, or two for one.
pub fn order<'a, T>(text: &'a str, words: &[(&str, T)]) -> Parsed<(Order<T>, Vec<&'a str>)>
where
    T: Copy + PartialEq,
    Order<T>: Default,
{
    let (mut first, mut missing) = (Vec::new(), Vec::new());
    for name in list(text).filter(|_| text != "none") {
        match words.iter().find(|(word, _)| *word == name) {
            Some((_, one)) if first.contains(one) => {
                return Err(Expected(format!("each of them once, and {name} is there twice")));
            }
            Some((_, one)) => first.push(*one),
            None if ELSEWHERE.contains(&name) => missing.push(name),
            None => {
                let known: Vec<&str> = words.iter().map(|(word, _)| *word).collect();
                return Err(Expected(format!("none, or an order of {}", known.join(", "))));
            }
        }
    }
    Ok((Order::beginning_with(&first), missing))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_order_names_each_once() {
        use LoginBy::{Http, Jwt, Users};
        for (text, want, missing) in [
            ("none", [Jwt, Users, Http], &[][..]),
            ("http", [Http, Jwt, Users], &[]),
            ("mnesia,jwt", [Users, Jwt, Http], &[]),
            ("redis, http users", [Http, Users, Jwt], &["redis"]),
        ] {
            assert_eq!(order(text, LOGINS), Ok((Order(want), missing.to_vec())), "{text}");
        }
        for (text, fault) in [
            ("http, extern", "none, or an order of jwt, users, mnesia, http"),
            ("none, http", "none, or an order of jwt, users, mnesia, http"),
            ("mnesia, users", "each of them once, and users is there twice"),
        ] {
            assert_eq!(order(text, LOGINS), Err(Expected::from(fault)), "{text}");
        }
        use RightsBy::{Http as Server, Rules, Token};
        let (rights, _) = order("internal,http", RIGHTS).unwrap();
        assert_eq!(rights, Order([Rules, Server, Token]));
        assert!(order("file, internal", RIGHTS).is_err());
    }
}
