//! Who may connect: users and the policy of each zone as data, verdicts as values; and what a client may do, worked out once
//! for its connection by the rules of `acl`. Pure.
//!
//! One [`Access`] holds all of it, so that a reload swaps the whole.

use std::collections::BTreeMap;
use std::fmt;
use std::net::IpAddr;

pub use super::acl::{Action, Cidr, ClientAccess, Clients, Rule, Rules, TopicPattern, Who};
use crate::mqtt::ReasonCode;

/// Users, rules and the policy of each zone. `Default` is a node without a configuration file.
#[derive(Clone, Debug, Default)]
pub struct Access {
    /// Credentials set in the configuration.
    pub users: Users,
    /// Rules in the order they are tried.
    pub rules: Rules,
    /// Policy of zones that have none of their own.
    pub policy: Policy,
    /// Policies by zone name.
    pub zones: BTreeMap<String, Policy>,
}

/// What a zone decides when users and rules do not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Policy {
    /// Who may connect without credentials we know.
    pub allow_anonymous: Anonymous,
    /// The answer when no rule matches (`acl_nomatch`).
    pub nomatch_allows: bool,
    /// Nobody is asked for a password in this zone (`bypass_auth_plugins`).
    pub bypass_auth: bool,
    /// Rules are looked at in this zone (`enable_acl`).
    pub enable_acl: bool,
}

impl Default for Policy {
    fn default() -> Self {
        Self {
            allow_anonymous: Anonymous::Local,
            nomatch_allows: false,
            bypass_auth: false,
            enable_acl: true,
        }
    }
}

/// `allow_anonymous`: what happens to a client whose credentials nobody knows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Anonymous {
    /// Accepted from a loopback address only.
    #[default]
    Local,
    /// Accepted.
    Yes,
    /// Refused.
    No,
    /// Refused; one without a user name is refused before its credentials are looked up.
    NoQuickDeny,
}

/// One CONNECT, as far as access is concerned.
#[derive(Clone, Copy)]
pub struct ConnectAttempt<'a> {
    /// Zone of the listener.
    pub zone: &'a str,
    /// Client id, as sent or assigned.
    pub client_id: &'a str,
    /// User name, if one was sent.
    pub username: Option<&'a str>,
    /// Password, if one was sent.
    pub password: Option<&'a [u8]>,
    /// Address of the other end.
    pub peer: IpAddr,
}

/// Why a CONNECT is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// The client or user is known, the password is wrong or missing.
    BadPassword,
    /// Not known, and `allow_anonymous = local` does not cover this address.
    NotLocal,
    /// Not known, and `allow_anonymous` is off.
    NotKnown,
}

impl Refusal {
    /// What the client is told.
    #[must_use]
    pub fn reason(self) -> ReasonCode {
        match self {
            Self::BadPassword => ReasonCode::BadUserNameOrPassword,
            Self::NotLocal | Self::NotKnown => ReasonCode::NotAuthorized,
        }
    }

    /// The setting that would let this client in, for the log.
    #[must_use]
    pub fn setting(self) -> &'static str {
        match self {
            Self::BadPassword => "auth.user.<n>.password or auth.client.<n>.password",
            Self::NotLocal => {
                "allow_anonymous = local (loopback only): add auth.user.<n>.username and .password, or set \
                 allow_anonymous = true"
            }
            Self::NotKnown => {
                "allow_anonymous = false: add auth.user.<n>.username and .password, or set allow_anonymous = true"
            }
        }
    }
}

impl Access {
    /// Decides about a CONNECT.
    ///
    /// # Errors
    /// The refusal, which knows the reason code and the setting to change.
    pub fn connect(&self, attempt: &ConnectAttempt<'_>) -> Result<(), Refusal> {
        let policy = self.policy_of(attempt.zone);
        if policy.bypass_auth {
            return Ok(());
        }
        if policy.allow_anonymous == Anonymous::NoQuickDeny && attempt.username.is_none() {
            return Err(Refusal::NotKnown);
        }
        match self.users.check(attempt) {
            Known::Right => Ok(()),
            Known::Wrong => Err(Refusal::BadPassword),
            Known::Not => match policy.allow_anonymous {
                Anonymous::Yes => Ok(()),
                Anonymous::Local if attempt.peer.to_canonical().is_loopback() => Ok(()),
                Anonymous::Local => Err(Refusal::NotLocal),
                Anonymous::No | Anonymous::NoQuickDeny => Err(Refusal::NotKnown),
            },
        }
    }

    /// What this client may do, worked out once for its connection.
    #[must_use]
    pub fn client(&self, who: &Who<'_>) -> ClientAccess {
        let policy = self.policy_of(who.zone);
        if !policy.enable_acl {
            return ClientAccess::everything();
        }
        self.rules.client(who, policy.nomatch_allows)
    }

    /// One question at a time, for those who ask seldom; a connection keeps a [`ClientAccess`].
    #[must_use]
    pub fn allows(&self, who: &Who<'_>, action: Action, topic: &str) -> bool {
        self.client(who).allows(action, topic)
    }

    fn policy_of(&self, zone: &str) -> Policy {
        self.zones.get(zone).copied().unwrap_or(self.policy)
    }
}

/// Credentials set in the configuration: by client id and by user name.
///
/// A password is kept as a SHA-256 digest, so that a comparison takes the same time whatever the password is.
#[derive(Clone, Default)]
pub struct Users {
    by_client_id: BTreeMap<Box<str>, Digest>,
    by_username: BTreeMap<Box<str>, Digest>,
}

type Digest = [u8; 32];

enum Known {
    Right,
    Wrong,
    Not,
}

impl Users {
    /// Adds a client id and its password.
    pub fn add_client(&mut self, client_id: &str, password: &[u8]) {
        self.by_client_id.insert(client_id.into(), digest(password));
    }

    /// Adds a user name and its password.
    pub fn add_user(&mut self, username: &str, password: &[u8]) {
        self.by_username.insert(username.into(), digest(password));
    }

    /// No credentials are set.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.by_client_id.is_empty() && self.by_username.is_empty()
    }

    /// As `emqx_auth_mnesia` 4.4: one matching record of client id or user name is enough, one that does not match and no
    /// other refuses. An unknown client costs the same hash.
    fn check(&self, attempt: &ConnectAttempt<'_>) -> Known {
        if self.is_empty() {
            return Known::Not;
        }
        let given = attempt.password.map(digest);
        let by_id = self.by_client_id.get(attempt.client_id);
        let by_name = attempt.username.and_then(|name| self.by_username.get(name));
        let right = |record: Option<&Digest>| match (record, &given) {
            (Some(record), Some(given)) => {
                subtle::ConstantTimeEq::ct_eq(&record[..], &given[..]).into()
            }
            _ => false,
        };
        match (right(by_id) | right(by_name), by_id.or(by_name)) {
            (true, _) => Known::Right,
            (false, Some(_)) => Known::Wrong,
            (false, None) => Known::Not,
        }
    }
}

fn digest(password: &[u8]) -> Digest {
    let mut out = [0; 32];
    out.copy_from_slice(ring::digest::digest(&ring::digest::SHA256, password).as_ref());
    out
}

impl fmt::Debug for Users {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names = |map: &BTreeMap<Box<str>, Digest>| map.keys().cloned().collect::<Vec<_>>();
        f.debug_struct("Users")
            .field("by_client_id", &names(&self.by_client_id))
            .field("by_username", &names(&self.by_username))
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LOOPBACK: &str = "127.0.0.1";
    const LAN: &str = "192.168.1.7";

    #[track_caller]
    fn check_connect(
        anonymous: Anonymous,
        user: Option<(&str, &str)>,
        peer: &str,
        want: Result<(), Refusal>,
    ) {
        let mut access = Access::default();
        access.policy.allow_anonymous = anonymous;
        access.users.add_user("bob", b"secret");
        access.users.add_client("sensor", b"key");
        let attempt = ConnectAttempt {
            zone: "external",
            client_id: "c",
            username: user.map(|(name, _)| name),
            password: user.map(|(_, password)| password.as_bytes()),
            peer: peer.parse().unwrap(),
        };
        assert_eq!(access.connect(&attempt), want);
    }

    #[test]
    fn a_known_user_needs_the_password_whatever_the_policy() {
        for policy in [Anonymous::Local, Anonymous::Yes, Anonymous::No, Anonymous::NoQuickDeny] {
            check_connect(policy, Some(("bob", "secret")), LAN, Ok(()));
            check_connect(policy, Some(("bob", "wrong")), LAN, Err(Refusal::BadPassword));
            check_connect(policy, Some(("bob", "wrong")), LOOPBACK, Err(Refusal::BadPassword));
        }
    }

    #[test]
    fn an_unknown_client_is_decided_by_allow_anonymous() {
        check_connect(Anonymous::Local, None, LOOPBACK, Ok(()));
        check_connect(Anonymous::Local, None, "::1", Ok(()));
        check_connect(Anonymous::Local, Some(("eve", "x")), LOOPBACK, Ok(()));
        check_connect(Anonymous::Local, None, LAN, Err(Refusal::NotLocal));
        check_connect(Anonymous::Yes, None, LAN, Ok(()));
        check_connect(Anonymous::No, None, LOOPBACK, Err(Refusal::NotKnown));
        check_connect(Anonymous::NoQuickDeny, None, LOOPBACK, Err(Refusal::NotKnown));
        check_connect(Anonymous::NoQuickDeny, Some(("eve", "x")), LOOPBACK, Err(Refusal::NotKnown));
    }

    #[test]
    fn a_client_id_or_a_user_name_is_enough() {
        let mut access = Access::default();
        access.policy.allow_anonymous = Anonymous::No;
        access.users.add_user("bob", b"secret");
        access.users.add_client("sensor", b"key");
        let check = |client_id, username, password: Option<&[u8]>| {
            let peer = LAN.parse().unwrap();
            access.connect(&ConnectAttempt { zone: "z", client_id, username, password, peer })
        };
        assert_eq!(check("sensor", None, Some(b"key")), Ok(()));
        assert_eq!(check("sensor", Some("bob"), Some(b"secret")), Ok(()));
        assert_eq!(check("sensor", None, None), Err(Refusal::BadPassword));
        assert_eq!(check("sensor", None, Some(b"")), Err(Refusal::BadPassword));
        assert_eq!(check("other", None, Some(b"key")), Err(Refusal::NotKnown));
    }

    #[test]
    fn a_zone_has_its_own_policy() {
        let mut access = Access::default();
        let policy = Policy { bypass_auth: true, enable_acl: false, ..Policy::default() };
        access.zones.insert("internal".into(), policy);
        let peer = LAN.parse().unwrap();
        let attempt =
            |zone| ConnectAttempt { zone, client_id: "c", username: None, password: None, peer };
        assert_eq!(access.connect(&attempt("internal")), Ok(()));
        assert_eq!(access.connect(&attempt("external")), Err(Refusal::NotLocal));
        assert!(
            access
                .client(&Who { zone: "internal", client_id: "c", username: None, peer })
                .allows_all()
        );
    }
}
