//! In which order it is asked who may connect and what clients may do (`auth_order`, `acl_order`). The first that knows the answer
//! gives it.

use crate::sort;

/// Who says whether a client may connect. A certificate that proves a client counts before all of them, `allow_anonymous` behind all.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LoginBy {
    /// A token, if it has the form of one.
    Jwt,
    /// Users of the configuration and of the users file.
    Users,
    /// The HTTP server.
    Http,
}

/// Who says what a client may do. `acl_nomatch` counts behind all of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RightsBy {
    /// The token it came with, if that has topics; nobody is asked behind it then.
    Token,
    /// The HTTP server.
    Http,
    /// The rules of the node.
    Rules,
}

/// The order in which each of them stands once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Order<T>(pub [T; 3]);

impl Default for Order<LoginBy> {
    fn default() -> Self {
        Self([LoginBy::Jwt, LoginBy::Users, LoginBy::Http])
    }
}

impl Default for Order<RightsBy> {
    fn default() -> Self {
        Self([RightsBy::Token, RightsBy::Http, RightsBy::Rules])
    }
}

impl<T: Copy + PartialEq> Order<T>
where
    Self: Default,
{
    /// Those of `first` in their order, then the others in theirs.
    #[must_use]
    pub fn beginning_with(first: &[T]) -> Self {
        let Self(mut order) = Self::default();
        // Stable, so that those who are not named keep their places.
        sort::sort_by_key(&mut order, |one| {
            first.iter().position(|named| named == one).unwrap_or(first.len())
        });
        Self(order)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_is_not_named_comes_behind() {
        use RightsBy::{Http, Rules, Token};
        for (first, want) in [
            (&[][..], [Token, Http, Rules]),
            (&[Rules], [Rules, Token, Http]),
            (&[Http], [Http, Token, Rules]),
            (&[Rules, Token], [Rules, Token, Http]),
            (&[Rules, Http, Token], [Rules, Http, Token]),
        ] {
            assert_eq!(Order::beginning_with(first), Order(want), "{first:?}");
        }
    }
}
