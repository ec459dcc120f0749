//! Who may connect: users and the policy of each zone as data, verdicts as values; and what a client may do, worked out once
//! for its connection by the rules of `acl`. Pure.
//!
//! One [`Access`] holds all of it, so that a reload swaps the whole.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

pub use super::acl::{Action, Cidr, ClientAccess, Clients, Rule, Rules, TopicPattern, Who};
use super::bans::BanPolicies;
use super::jwt::{BadToken, Jwt, Token};
use super::password_hash::Memory;
use super::stats::Metric;
pub use super::users::{Known, Users};
use super::verdicts::{self, Verdicts};
use crate::mqtt::ReasonCode;
use crate::time::Wall;

/// Users, rules and the policy of each zone. `Default` is a node without a configuration file.
#[derive(Clone, Debug, Default)]
pub struct Access {
    /// Who is banned by itself.
    pub bans: BanPolicies,
    /// Tokens that count, if they do.
    pub jwt: Option<Arc<Jwt>>,
    /// Who has a password.
    pub users: Arc<Users>,
    /// Others are asked what a client may do.
    pub asks: Option<verdicts::Settings>,
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
    /// The calendar, for tokens.
    pub wall: Wall,
}

/// What a client gets that comes in.
#[derive(Clone, Debug, Default)]
pub struct Grant {
    /// Nobody knows it: the policy let it in.
    pub anonymous: bool,
    /// No rule holds for it.
    pub superuser: bool,
    /// Its connection ends after this time.
    pub life: Option<Duration>,
    /// Rules of its own, and no others.
    pub rules: Option<Rules>,
}

/// Whether a client comes in.
pub type Verdict = Result<Grant, Refusal>;

/// What this node by itself makes of an attempt.
#[derive(Clone, Debug)]
pub enum Opinion {
    /// It is decided.
    Decided(Verdict),
    /// Nobody here knows the client: others may be asked, then [`Access::otherwise`].
    Unknown,
}

/// Why a CONNECT is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// The client or user is known, the password is wrong or missing.
    BadPassword,
    /// The user has no keys for SCRAM. The client is told what one with a wrong password is told.
    NoScram,
    /// A user name that nobody knows. The client is told what one with a wrong password is told.
    NotKnownUser,
    /// A token that does not count.
    Token(BadToken),
    /// The HTTP server refuses it, with this status.
    Http(u16),
    /// The HTTP server does not answer.
    NoHttp,
    /// Not known, and `allow_anonymous = local` does not cover this address.
    NotLocal,
    /// Not known, and `allow_anonymous` is off.
    NotKnown,
    /// The users file names nobody.
    NoUsers,
    /// Too many wait for their passwords to be verified, or it took too long.
    Busy,
    /// Kept out for a while.
    Banned,
}

impl Refusal {
    /// What the client is told.
    #[must_use]
    pub const fn reason(self) -> ReasonCode {
        match self {
            Self::BadPassword | Self::NoScram | Self::NotKnownUser | Self::Token(_) => {
                ReasonCode::BadUserNameOrPassword
            }
            Self::NotLocal | Self::NotKnown | Self::NoUsers => ReasonCode::NotAuthorized,
            Self::Busy => ReasonCode::QuotaExceeded,
            // As emqx_auth_http 4.4 has them.
            Self::Http(400 | 401) => ReasonCode::BadUserNameOrPassword,
            Self::Http(403) => ReasonCode::NotAuthorized,
            Self::Http(429) => ReasonCode::Banned,
            Self::Http(503) | Self::NoHttp => ReasonCode::ServerUnavailable,
            Self::Http(_) => ReasonCode::ServerBusy,
            Self::Banned => ReasonCode::Banned,
        }
    }

    /// What is counted.
    #[must_use]
    pub const fn metric(self) -> Metric {
        match self {
            Self::BadPassword
            | Self::NoScram
            | Self::NotKnownUser
            | Self::Token(_)
            | Self::Http(_)
            | Self::NotLocal
            | Self::NotKnown
            | Self::NoUsers => Metric::ClientAuthFailure,
            Self::Busy => Metric::AuthBusy,
            Self::NoHttp => Metric::AuthHttpError,
            Self::Banned => Metric::BanRefused,
        }
    }

    /// The client gave credentials, and they were wrong.
    #[must_use]
    pub const fn is_guess(self) -> bool {
        matches!(
            self,
            Self::BadPassword
                | Self::NoScram
                | Self::NotKnownUser
                | Self::Token(BadToken::Signature | BadToken::Algorithm)
                | Self::Http(400 | 401 | 403 | 422)
        )
    }

    /// The setting that would let this client in, for the log.
    #[must_use]
    pub const fn setting(self) -> &'static str {
        match self {
            Self::BadPassword => "wrong password; emqx-rs-ctl user passwd NAME sets another one",
            Self::NoScram => {
                "a user that cannot do SCRAM; emqx-rs-ctl user passwd NAME --scram makes one that can"
            }
            Self::Token(BadToken::Algorithm) => {
                "no key is set for the algorithm of the token: auth.jwt.secret, auth.jwt.pubkey, auth.jwt.jwks"
            }
            Self::Token(BadToken::Signature) => {
                "the token was made with another key than auth.jwt.secret or auth.jwt.pubkey"
            }
            Self::Token(BadToken::Expired) => "the token has expired",
            Self::Token(BadToken::NotYet) => "the token is from the future: is the clock right?",
            Self::Token(BadToken::Claim) => "the token does not have auth.jwt.verify_claims",
            Self::Http(_) => "the HTTP server refuses it (auth.http.auth_req.url)",
            Self::NoHttp => "the HTTP server does not answer (auth.http.auth_req.url)",
            Self::NotKnownUser => "no such user; emqx-rs-ctl user add NAME makes one",
            Self::NotLocal => {
                "allow_anonymous = local (loopback only): emqx-rs-ctl user add NAME makes a user, or set \
                 allow_anonymous = true"
            }
            Self::NotKnown => {
                "allow_anonymous = false: emqx-rs-ctl user add NAME makes a user, or set allow_anonymous = true"
            }
            Self::NoUsers => "the users file names nobody: emqx-rs-ctl user add NAME makes a user",
            Self::Banned => "banned; emqx-rs-ctl banned list shows why and until when",
            Self::Busy => "too many logins at once; passwords are verified one after the other",
        }
    }
}

impl Access {
    /// Decides about a CONNECT where that takes no time; `None`: [`Self::connect`] has to, which takes milliseconds.
    #[must_use]
    pub fn at_once(&self, attempt: &ConnectAttempt<'_>) -> Option<Opinion> {
        let slow = self.users.is_slow() && attempt.username.is_some();
        match self.before(attempt) {
            None if slow && !self.users.knows_client(attempt) => None,
            None => Some(self.with_users(attempt, &mut Memory::default())),
            decided => decided.map(Opinion::Decided),
        }
    }

    /// Decides about a CONNECT. May take milliseconds.
    #[must_use]
    pub fn connect(&self, attempt: &ConnectAttempt<'_>, memory: &mut Memory) -> Opinion {
        let decided = self.before(attempt).map(Opinion::Decided);
        decided.unwrap_or_else(|| self.with_users(attempt, memory))
    }

    /// What the policy or a token decides before the users are asked.
    fn before(&self, attempt: &ConnectAttempt<'_>) -> Option<Verdict> {
        let policy = self.policy_of(attempt.zone);
        if policy.bypass_auth {
            return Some(Ok(Grant { anonymous: true, ..Grant::default() }));
        }
        let quick = policy.allow_anonymous == Anonymous::NoQuickDeny;
        if quick && attempt.username.is_none() {
            return Some(Err(Refusal::NotKnown));
        }
        let token = self.jwt.as_ref()?.check(attempt)?;
        let grant = |Token { life, rules }| Grant { life, rules, ..Grant::default() };
        Some(token.map(grant).map_err(Refusal::Token))
    }

    fn with_users(&self, attempt: &ConnectAttempt<'_>, memory: &mut Memory) -> Opinion {
        match self.users.check(attempt, memory) {
            Known::Right { superuser } => {
                Opinion::Decided(Ok(Grant { superuser, ..Grant::default() }))
            }
            Known::Wrong => Opinion::Decided(Err(Refusal::BadPassword)),
            Known::Not => Opinion::Unknown,
        }
    }

    /// What the policy decides when nobody knows the client.
    ///
    /// # Errors
    /// The refusal, which knows the reason code and the setting to change.
    pub fn otherwise(&self, attempt: &ConnectAttempt<'_>) -> Verdict {
        if self.users.denies_all() {
            return Err(Refusal::NoUsers);
        }
        let named = attempt.username.is_some() && !self.users.is_empty();
        let not = |refusal| Err(if named { Refusal::NotKnownUser } else { refusal });
        match self.policy_of(attempt.zone).allow_anonymous {
            Anonymous::Local if !attempt.peer.to_canonical().is_loopback() => {
                not(Refusal::NotLocal)
            }
            Anonymous::No | Anonymous::NoQuickDeny => not(Refusal::NotKnown),
            Anonymous::Yes | Anonymous::Local => Ok(Grant { anonymous: true, ..Grant::default() }),
        }
    }

    /// What a client that has come in may do, worked out once for its connection.
    #[must_use]
    pub fn rights(&self, who: &Who<'_>, grant: &Grant) -> ClientAccess {
        match &grant.rules {
            _ if grant.superuser => ClientAccess::everything(),
            Some(rules) if self.policy_of(who.zone).enable_acl => rules.client(who, false),
            Some(_) | None => self.client(who),
        }
    }

    /// What others say that a client may do, if they are to be asked.
    #[must_use]
    pub fn verdicts(&self, who: &Who<'_>, grant: &Grant) -> Option<Verdicts> {
        let policy = self.policy_of(who.zone);
        let settings = self.asks.filter(|_| policy.enable_acl)?;
        let ruled = grant.superuser || grant.rules.is_some();
        let rules = || self.rules.client(who, false);
        (!ruled).then(|| Verdicts::new(settings, rules(), policy.nomatch_allows))
    }

    /// What a client may do by the rules of the node.
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

#[cfg(test)]
mod tests {
    use super::*;

    const LOOPBACK: &str = "127.0.0.1";
    const LAN: &str = "192.168.1.7";

    fn users() -> Arc<Users> {
        let mut users = Users::default();
        users.add_user("bob", b"secret");
        users.add_client("sensor", b"key");
        users.into()
    }

    fn connect(access: &Access, attempt: &ConnectAttempt<'_>) -> Result<(), Refusal> {
        let verdict = |opinion| match opinion {
            Opinion::Decided(verdict) => verdict,
            Opinion::Unknown => access.otherwise(attempt),
        };
        let slow = verdict(access.connect(attempt, &mut Memory::default()));
        if let Some(quick) = access.at_once(attempt) {
            assert_eq!(verdict(quick).err(), slow.as_ref().err().copied());
        }
        slow.map(drop)
    }

    #[track_caller]
    fn check_connect(
        anonymous: Anonymous,
        user: Option<(&str, &str)>,
        peer: &str,
        want: Result<(), Refusal>,
    ) {
        let mut access = Access { users: users(), ..Access::default() };
        access.policy.allow_anonymous = anonymous;
        let attempt = ConnectAttempt {
            zone: "external",
            client_id: "c",
            username: user.map(|(name, _)| name),
            password: user.map(|(_, password)| password.as_bytes()),
            peer: peer.parse().unwrap(),
            wall: Wall::default(),
        };
        assert_eq!(connect(&access, &attempt), want);
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
        let eve = Some(("eve", "x"));
        check_connect(Anonymous::NoQuickDeny, eve, LOOPBACK, Err(Refusal::NotKnownUser));
        check_connect(Anonymous::Local, eve, LAN, Err(Refusal::NotKnownUser));
    }

    #[test]
    fn who_gives_a_name_is_not_told_whether_it_is_known() {
        assert_eq!(Refusal::NotKnownUser.reason(), Refusal::BadPassword.reason());
    }

    #[test]
    fn a_slow_hash_is_not_verified_at_once() {
        let hash =
            "$argon2id$v=19$m=256,t=2,p=1$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4";
        let mut users = Users::default();
        users.add_file(&format!("bob:{hash}:superuser\n")).unwrap();
        let access = Access { users: users.into(), ..Access::default() };
        let attempt = |username, password: Option<&'static [u8]>| ConnectAttempt {
            zone: "z",
            client_id: "c",
            username,
            password,
            peer: LAN.parse().unwrap(),
            wall: Wall::default(),
        };
        for name in ["bob", "nobody"] {
            assert!(access.at_once(&attempt(Some(name), Some(b"password"))).is_none(), "{name}");
        }
        assert!(matches!(access.at_once(&attempt(None, None)), Some(Opinion::Unknown)));
        let memory = &mut Memory::default();
        let right = access.connect(&attempt(Some("bob"), Some(b"password")), memory);
        assert!(matches!(right, Opinion::Decided(Ok(Grant { superuser: true, .. }))));
        let wrong = access.connect(&attempt(Some("bob"), Some(b"x")), memory);
        assert!(matches!(wrong, Opinion::Decided(Err(Refusal::BadPassword))));
    }

    #[test]
    fn a_users_file_that_names_nobody_denies_everybody() {
        let mut users = Users::default();
        users.add_file("# nobody\n").unwrap();
        let mut access = Access { users: users.into(), ..Access::default() };
        access.policy.allow_anonymous = Anonymous::Yes;
        let peer = LOOPBACK.parse().unwrap();
        let attempt = ConnectAttempt {
            zone: "z",
            client_id: "c",
            username: None,
            password: None,
            peer,
            wall: Wall::default(),
        };
        assert_eq!(connect(&access, &attempt), Err(Refusal::NoUsers));
    }

    #[test]
    fn a_client_id_or_a_user_name_is_enough() {
        let mut access = Access { users: users(), ..Access::default() };
        access.policy.allow_anonymous = Anonymous::No;
        let check = |client_id, username, password: Option<&[u8]>| {
            let peer = LAN.parse().unwrap();
            connect(
                &access,
                &ConnectAttempt {
                    zone: "z",
                    client_id,
                    username,
                    password,
                    peer,
                    wall: Wall::default(),
                },
            )
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
        let attempt = |zone| ConnectAttempt {
            zone,
            client_id: "c",
            username: None,
            password: None,
            peer,
            wall: Wall::default(),
        };
        assert_eq!(connect(&access, &attempt("internal")), Ok(()));
        assert_eq!(connect(&access, &attempt("external")), Err(Refusal::NotLocal));
        assert!(
            access
                .client(&Who { zone: "internal", client_id: "c", username: None, peer })
                .allows_all()
        );
    }
}
