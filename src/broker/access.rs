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
use super::order::{LoginBy, Order, RightsBy};
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
    /// Who is asked first whether a client may connect.
    pub auth_order: Order<LoginBy>,
    /// Who is asked first what it may do.
    pub acl_order: Order<RightsBy>,
    /// The HTTP server is asked what a client may do.
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

/// How far an attempt has come in the order of those who are asked.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stage(usize);

/// What is made of an attempt, as far as it takes no time.
#[derive(Clone, Debug)]
pub enum Opinion {
    /// It is decided.
    Decided(Verdict),
    /// Ask the users, by [`Access::verify`], which takes milliseconds; where they do not know the client, [`Access::ask`] from here on.
    Verify(Stage),
    /// Ask the HTTP server; where there is none, or it leaves it to others, [`Access::ask`] from here on.
    Http(Stage),
}

/// Why a CONNECT is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// The client or user is known, the password is wrong or missing.
    BadPassword,
    /// The same, and its password stands in the configuration.
    BadConfigured,
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
            Self::BadPassword
            | Self::BadConfigured
            | Self::NoScram
            | Self::NotKnownUser
            | Self::Token(_) => ReasonCode::BadUserNameOrPassword,
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
            | Self::BadConfigured
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
                | Self::BadConfigured
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
            Self::BadPassword => {
                "wrong password; emqx-rs-ctl user passwd NAME (of a client id clientid update ID) sets another one"
            }
            Self::BadConfigured => {
                "wrong password; it stands in emqx.conf, and counts more than the users file: emqx-rs-ctl conf show auth. \
                 names the line (auth.user.N, auth.client.N); change it there, then conf reload"
            }
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
    /// Decides about a CONNECT from `stage` on, as far as that takes no time.
    #[must_use]
    pub fn ask(&self, attempt: &ConnectAttempt<'_>, stage: Stage) -> Opinion {
        if stage == Stage::default()
            && let Some(verdict) = self.before(attempt)
        {
            return Opinion::Decided(verdict);
        }
        for (at, by) in self.auth_order.0.iter().enumerate().skip(stage.0) {
            let next = Stage(at + 1);
            let verdict = match by {
                LoginBy::Jwt => self.token(attempt),
                LoginBy::Users if self.users.is_slow(attempt) => return Opinion::Verify(next),
                LoginBy::Users => self.verify(attempt, &mut Memory::default()),
                LoginBy::Http => return Opinion::Http(next),
            };
            if let Some(verdict) = verdict {
                return Opinion::Decided(verdict);
            }
        }
        Opinion::Decided(self.otherwise(attempt))
    }

    /// What the policy decides before anybody is asked.
    fn before(&self, attempt: &ConnectAttempt<'_>) -> Option<Verdict> {
        let policy = self.policy_of(attempt.zone);
        if policy.bypass_auth {
            return Some(Ok(Grant { anonymous: true, ..Grant::default() }));
        }
        let quick = policy.allow_anonymous == Anonymous::NoQuickDeny;
        (quick && attempt.username.is_none()).then_some(Err(Refusal::NotKnown))
    }

    fn token(&self, attempt: &ConnectAttempt<'_>) -> Option<Verdict> {
        let token = self.jwt.as_ref()?.check(attempt)?;
        let grant = |Token { life, rules }| Grant { life, rules, ..Grant::default() };
        Some(token.map(grant).map_err(Refusal::Token))
    }

    /// What the users say; `None`: they do not know the client. May take milliseconds.
    #[must_use]
    pub fn verify(&self, attempt: &ConnectAttempt<'_>, memory: &mut Memory) -> Option<Verdict> {
        match self.users.check(attempt, memory) {
            Known::Right { superuser } => Some(Ok(Grant { superuser, ..Grant::default() })),
            Known::Wrong { configured: false } => Some(Err(Refusal::BadPassword)),
            Known::Wrong { configured: true } => Some(Err(Refusal::BadConfigured)),
            Known::Not => None,
        }
    }

    /// What the policy decides when nobody knows the client.
    fn otherwise(&self, attempt: &ConnectAttempt<'_>) -> Verdict {
        if self.users.denies_all() {
            return Err(Refusal::NoUsers);
        }
        let named = self.users.hides(attempt);
        let not = |refusal| Err(if named { Refusal::NotKnownUser } else { refusal });
        match self.policy_of(attempt.zone).allow_anonymous {
            Anonymous::Local if !attempt.peer.to_canonical().is_loopback() => {
                not(Refusal::NotLocal)
            }
            Anonymous::No | Anonymous::NoQuickDeny => not(Refusal::NotKnown),
            Anonymous::Yes | Anonymous::Local => Ok(Grant { anonymous: true, ..Grant::default() }),
        }
    }

    /// What a client that has come in may do, worked out once for its connection, where nobody is asked about it.
    #[must_use]
    pub fn rights(&self, who: &Who<'_>, grant: &Grant) -> ClientAccess {
        let policy = self.policy_of(who.zone);
        if grant.superuser || !policy.enable_acl {
            return ClientAccess::everything();
        }
        let (rules, _, more) = self.in_order(grant);
        let nomatch_allows = policy.nomatch_allows && grant.rules.is_none();
        ClientAccess::of(rules.into_iter().chain(more), who, nomatch_allows)
    }

    /// What others say that a client may do, if they are to be asked.
    #[must_use]
    pub fn verdicts(&self, who: &Who<'_>, grant: &Grant) -> Option<Verdicts> {
        let policy = self.policy_of(who.zone);
        if grant.superuser || !policy.enable_acl {
            return None;
        }
        let (before, settings, behind) = self.in_order(grant);
        let [before, behind] = [before, behind].map(|rules| ClientAccess::of(rules, who, false));
        let nomatch_allows = policy.nomatch_allows && grant.rules.is_none();
        settings.map(|settings| Verdicts::new(settings, [before, behind], nomatch_allows))
    }

    /// The rules that hold for a client: before the HTTP server is asked, if it is, and behind it.
    fn in_order<'a>(
        &'a self,
        grant: &'a Grant,
    ) -> (Vec<&'a Rule>, Option<verdicts::Settings>, Vec<&'a Rule>) {
        let (mut before, mut asks, mut behind) = (Vec::new(), None, Vec::new());
        for by in self.acl_order.0 {
            let rules = match (by, &grant.rules) {
                (RightsBy::Http, _) => {
                    asks = self.asks;
                    continue;
                }
                (RightsBy::Rules, _) => &self.rules,
                (RightsBy::Token, Some(rules)) => rules,
                (RightsBy::Token, None) => continue,
            };
            if asks.is_some() { &mut behind } else { &mut before }.extend(&*rules.0);
            if by == RightsBy::Token {
                break;
            }
        }
        (before, asks, behind)
    }

    /// Clients may do by the rules of `other` what they may do by these.
    #[must_use]
    pub fn has_rules_of(&self, other: &Self) -> bool {
        self.rules.0 == other.rules.0
            && (self.acl_order, self.asks) == (other.acl_order, other.asks)
            && (self.policy, &self.zones) == (other.policy, &other.zones)
    }

    /// A client may give a token in place of its user name, which is a secret.
    #[must_use]
    pub fn names_are_tokens(&self) -> bool {
        self.jwt.as_ref().is_some_and(|jwt| jwt.from_username)
    }

    /// The name that a client came with, if it may stand in a log: that of a user. Others may be a token, or a password that was
    /// typed in the wrong place.
    #[must_use]
    pub fn loggable<'n>(&self, name: Option<&'n str>) -> Option<&'n str> {
        name.filter(|name| !self.names_are_tokens() && self.users.names_user(name))
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

    use crate::time::Time;

    const LOOPBACK: &str = "127.0.0.1";
    const LAN: &str = "192.168.1.7";

    fn users() -> Arc<Users> {
        let mut users = Users::default();
        users.add_user("bob", b"secret");
        users.add_client("sensor", b"key");
        users.into()
    }

    /// The verdict, and what was asked for it beside what takes no time. The HTTP server lets `http` in, and leaves others to others.
    fn connect_by(
        access: &Access,
        attempt: &ConnectAttempt<'_>,
        http: &str,
    ) -> (Verdict, Vec<LoginBy>) {
        let (mut stage, mut asked) = (Stage::default(), Vec::new());
        loop {
            let verdict = match access.ask(attempt, stage) {
                Opinion::Decided(verdict) => return (verdict, asked),
                Opinion::Verify(next) => {
                    stage = next;
                    asked.push(LoginBy::Users);
                    access.verify(attempt, &mut Memory::default())
                }
                Opinion::Http(next) => {
                    stage = next;
                    asked.push(LoginBy::Http);
                    (attempt.username == Some(http)).then(|| Ok(Grant::default()))
                }
            };
            if let Some(verdict) = verdict {
                return (verdict, asked);
            }
        }
    }

    fn connect(access: &Access, attempt: &ConnectAttempt<'_>) -> Result<(), Refusal> {
        connect_by(access, attempt, "nobody").0.map(drop)
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
            check_connect(policy, Some(("bob", "wrong")), LAN, Err(Refusal::BadConfigured));
            check_connect(policy, Some(("bob", "wrong")), LOOPBACK, Err(Refusal::BadConfigured));
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
            let opinion = access.ask(&attempt(Some(name), Some(b"password")), Stage::default());
            assert!(matches!(opinion, Opinion::Verify(_)), "{name}: {opinion:?}");
        }
        let (verdict, asked) = connect_by(&access, &attempt(None, None), "");
        assert_eq!((verdict.err(), &*asked), (Some(Refusal::NotLocal), &[LoginBy::Http][..]));
        let memory = &mut Memory::default();
        let right = access.verify(&attempt(Some("bob"), Some(b"password")), memory);
        assert!(matches!(right, Some(Ok(Grant { superuser: true, .. }))));
        let wrong = access.verify(&attempt(Some("bob"), Some(b"x")), memory);
        assert!(matches!(wrong, Some(Err(Refusal::BadPassword))));
    }

    #[test]
    fn the_first_that_knows_a_client_decides() {
        use LoginBy::{Http, Jwt, Users};
        let hash =
            "$argon2id$v=19$m=256,t=2,p=1$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4";
        let mut users = super::Users::default();
        users.add_file(&format!("bob:{hash}\n")).unwrap();
        let mut access = Access { users: users.into(), ..Access::default() };
        for (order, name, asked, want) in [
            ([Jwt, Users, Http], "bob", &[Users][..], Err(Refusal::BadPassword)),
            ([Jwt, Users, Http], "eve", &[Users, Http], Err(Refusal::NotKnownUser)),
            ([Http, Users, Jwt], "bob", &[Http], Ok(())),
            ([Http, Jwt, Users], "eve", &[Http, Users], Err(Refusal::NotKnownUser)),
        ] {
            access.auth_order = Order(order);
            let attempt = ConnectAttempt {
                zone: "z",
                client_id: "c",
                username: Some(name),
                password: Some(b"x"),
                peer: LAN.parse().unwrap(),
                wall: Wall::default(),
            };
            let (verdict, by) = connect_by(&access, &attempt, "bob");
            assert_eq!((verdict.map(drop), &*by), (want, asked), "{order:?} {name}");
        }
    }

    /// `own/#` by its token, `node/#` by the node, all else by the HTTP server.
    #[test]
    fn what_a_client_may_do_is_asked_in_order() {
        use RightsBy::{Http, Rules as Node, Token};
        let rule = |allow, topic| Rule {
            allow,
            who: Clients::All,
            publish: true,
            subscribe: true,
            topics: Some(Arc::new([TopicPattern::filter(topic)])),
            number: 0,
            from: "".into(),
        };
        let rules = |rules: Vec<Rule>| Rules(rules.into());
        let mut access = Access {
            rules: rules(vec![rule(true, "node/#"), rule(false, "own/x")]),
            ..Access::default()
        };
        access.policy.nomatch_allows = true;
        let who = Who { zone: "z", client_id: "c", username: None, peer: LAN.parse().unwrap() };
        let token = Grant { rules: Some(rules(vec![rule(true, "own/#")])), ..Grant::default() };
        let asks = Some(verdicts::Settings::default());
        for (order, asks, grant, want) in [
            // node/a, own/a, own/x, else; `None` is asked
            ([Token, Http, Node], None, &token, [false, true, true, false].map(Some)),
            ([Node, Token, Http], None, &token, [true, true, false, false].map(Some)),
            ([Node, Token, Http], None, &Grant::default(), [true, true, false, true].map(Some)),
            ([Token, Http, Node], asks, &token, [false, true, true, false].map(Some)),
            ([Node, Http, Token], asks, &token, [Some(true), None, Some(false), None]),
            ([Http, Node, Token], asks, &token, [None; 4]),
            ([Node, Http, Token], asks, &Grant::default(), [Some(true), None, Some(false), None]),
        ] {
            (access.acl_order, access.asks) = (Order(order), asks);
            let mut verdicts = access.verdicts(&who, grant);
            let rights = access.rights(&who, grant);
            let got = ["node/a", "own/a", "own/x", "else"].map(|topic| match &mut verdicts {
                None => Some(rights.allows(Action::Publish, topic)),
                Some(asked) => asked.may(Action::Publish, topic, Time::default()).map(|known| {
                    assert!(matches!(known, verdicts::Known::Now(_)));
                    known == verdicts::Known::Now(true)
                }),
            });
            assert_eq!(got, want, "{order:?}");
        }
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
        assert_eq!(check("sensor", None, None), Err(Refusal::BadConfigured));
        assert_eq!(check("sensor", None, Some(b"")), Err(Refusal::BadConfigured));
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
