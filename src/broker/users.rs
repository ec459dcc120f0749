//! Who may connect with which password: users of the configuration and of a users file, and what becomes of an attempt.
//!
//! A users file has one user a line, `NAME:HASH` or `NAME:HASH:superuser`, or one client id, `ID:HASH:clientid`; empty lines and
//! those that begin with `#` do not count. The password files of Mosquitto are such files. What stands behind the last `:` is never
//! part of the name. A line of SCRAM keys without a name is no user: it holds the secret that gives each unknown user a salt of its
//! own, the same wherever the file is.
//!
//! Where one hash is slow by intent, each attempt with a user name costs one slow hash: its own, or that of a stand-in for who is
//! not known, so that the time tells nobody which names exist. The same holds of client ids and attempts with a password. Pure.

use std::collections::{BTreeMap, btree_map::Entry};
use std::fmt;
use std::num::NonZeroU32;

use super::access::{ConnectAttempt, Grant, Refusal, Verdict};
use super::password_hash::{BadHash, Memory, PasswordHash, SALT};
use super::scram::{ITERATIONS, Keys};

/// Longest name, in bytes: what MQTT can say.
const NAME_MOST: usize = 65_535;

/// A line of a users file that is none. It never holds the hash.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadUser {
    /// Not `NAME:HASH`.
    #[error("expected NAME:HASH, NAME:HASH:superuser or ID:HASH:clientid")]
    Form,
    /// A name that cannot be one.
    #[error("expected a name without control characters")]
    Name,
    /// The hash.
    #[error(transparent)]
    Hash(#[from] BadHash),
    /// The name stands twice.
    #[error("this user stands in line {0} too")]
    Twice(usize),
}

/// Users by client id and by user name.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Users {
    by_client_id: BTreeMap<Box<str>, Record>,
    by_username: BTreeMap<Box<str>, Record>,
    /// A users file says that these are all: if it names nobody, nobody may connect.
    from_file: bool,
    /// Verified for user names that are not known.
    stand_in: Option<PasswordHash>,
    /// The same for client ids.
    client_stand_in: Option<PasswordHash>,
    /// Of the line without a name: made of no password.
    stranger: Option<Keys>,
    /// Iterations and length of the salt that most have who can do SCRAM.
    usual_scram: Option<(NonZeroU32, usize)>,
}

/// Whom a client that does SCRAM says it is.
#[derive(Debug)]
pub struct Candidate {
    /// What its proof is checked with.
    pub keys: Keys,
    /// What it gets for a right proof.
    pub verdict: Verdict,
}

#[derive(Clone, PartialEq, Eq)]
struct Record {
    hash: PasswordHash,
    superuser: bool,
    /// It stands in the configuration, not in the users file.
    configured: bool,
}

/// What the users make of an attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Known {
    /// Known, with the right password.
    Right {
        /// No rule holds for this user.
        superuser: bool,
    },
    /// Known, with another password or none.
    Wrong {
        /// By the configuration, not by the users file.
        configured: bool,
    },
    /// Not known.
    Not,
}

impl Users {
    /// Adds a client id and its password.
    pub fn add_client(&mut self, client_id: &str, password: &[u8]) {
        let hash = PasswordHash::of_plain(password);
        let record = Record { hash, superuser: false, configured: true };
        self.by_client_id.insert(client_id.into(), record);
    }

    /// Adds a user name and its password.
    pub fn add_user(&mut self, username: &str, password: &[u8]) {
        let hash = PasswordHash::of_plain(password);
        let record = Record { hash, superuser: false, configured: true };
        self.by_username.insert(username.into(), record);
    }

    /// Adds the users of a users file. One who is there already keeps the password of the configuration.
    ///
    /// # Errors
    /// Each line at fault, with its number; what it holds is never shown.
    pub fn add_file(&mut self, text: &str) -> Result<(), Vec<(usize, BadUser)>> {
        let (mut seen, mut bad) = (BTreeMap::new(), Vec::new());
        for (at, line) in text.lines().enumerate() {
            let at = at + 1;
            let line = line.trim_end_matches('\r');
            if line.trim().is_empty() || line.starts_with('#') {
                continue;
            }
            match user(line) {
                Err(what) => bad.push((at, what)),
                Ok((name, kind, record)) => match seen.entry((kind == Kind::Client, name)) {
                    Entry::Occupied(first) => bad.push((at, BadUser::Twice(*first.get()))),
                    Entry::Vacant(place) if name.is_empty() => {
                        place.insert(at);
                        self.stranger = record.hash.scram().cloned();
                    }
                    Entry::Vacant(place) => {
                        place.insert(at);
                        let map = match kind {
                            Kind::Client => &mut self.by_client_id,
                            Kind::User | Kind::Superuser => &mut self.by_username,
                        };
                        map.entry(name.into()).or_insert(record);
                    }
                },
            }
        }
        self.from_file = true;
        self.stand_in = commonest(&self.by_username);
        self.client_stand_in = commonest(&self.by_client_id);
        self.usual_scram = self.commonest_scram();
        if bad.is_empty() { Ok(()) } else { Err(bad) }
    }

    fn commonest_scram(&self) -> Option<(NonZeroU32, usize)> {
        let mut looks: BTreeMap<_, usize> = BTreeMap::new();
        for keys in self.by_username.values().filter_map(|one| one.hash.scram()) {
            *looks.entry((keys.iterations, keys.salt.len())).or_default() += 1;
        }
        looks.into_iter().max_by_key(|(_, count)| *count).map(|(look, _)| look)
    }

    /// Nobody is known.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.by_client_id.is_empty() && self.by_username.is_empty()
    }

    /// There is a users file, and nobody in it or beside it: nobody may connect.
    #[must_use]
    pub fn denies_all(&self) -> bool {
        self.from_file && self.is_empty()
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.by_client_id.len() + self.by_username.len()
    }

    /// [`Self::check`] takes milliseconds for this attempt, so it is not for a thread that serves others.
    #[must_use]
    pub fn is_slow(&self, attempt: &ConnectAttempt<'_>) -> bool {
        let slow = (self.stand_in.is_some() && attempt.username.is_some())
            || (self.client_stand_in.is_some() && attempt.password.is_some());
        slow && !self.knows_client(attempt)
    }

    /// Nobody is to learn whether what the attempt says it is stands here.
    #[must_use]
    pub fn hides(&self, attempt: &ConnectAttempt<'_>) -> bool {
        (attempt.username.is_some() && !self.is_empty())
            || (attempt.password.is_some() && self.client_stand_in.is_some())
    }

    /// It may depend on the client id what becomes of an attempt.
    #[must_use]
    pub fn names_client(&self, client_id: &str) -> bool {
        self.by_client_id.contains_key(client_id)
    }

    /// It is the name of a user.
    #[must_use]
    pub fn names_user(&self, name: &str) -> bool {
        self.by_username.contains_key(name)
    }

    /// As `emqx_auth_mnesia` 4.4: one matching record of client id or user name is enough, one that does not match and no
    /// other refuses. But whoever gives the name of a user needs its password.
    #[must_use]
    pub fn check(&self, attempt: &ConnectAttempt<'_>, memory: &mut Memory) -> Known {
        let by_id = self.by_client_id.get(attempt.client_id);
        let by_name = attempt.username.and_then(|name| self.by_username.get(name));
        // Without a password it is told what it lacks, whatever its client id is.
        let stand_in = self.client_stand_in.as_ref().filter(|_| attempt.password.is_some());
        if verify(by_id, attempt.password, stand_in, memory) {
            // The password of a client makes nobody another user, whose rules it would have.
            let named = by_name.is_none() || verify(by_name, attempt.password, None, memory);
            let wrong = Known::Wrong { configured: by_name.is_some_and(|one| one.configured) };
            return if named { Known::Right { superuser: false } } else { wrong };
        }
        let stand_in = self.stand_in.as_ref().filter(|_| attempt.username.is_some());
        let named = verify(by_name, attempt.password, stand_in, memory);
        match by_name {
            Some(record) if named => Known::Right { superuser: record.superuser },
            _ => match by_name.or(by_id) {
                Some(record) => Known::Wrong { configured: record.configured },
                None => Known::Not,
            },
        }
    }

    /// Whom a client that does SCRAM as `username` is. Who is not known, or has a hash of another kind, gets keys that look like
    /// those of others and that no proof is right for; they follow from the secret in the users file, else from `secret`.
    #[must_use]
    pub fn candidate(&self, username: &str, secret: &[u8; 32]) -> Candidate {
        let secret = self.stranger.as_ref().map_or(secret, |keys| &keys.server);
        let (iterations, salt) = self.usual_scram.unwrap_or((ITERATIONS, SALT));
        // Also for who is known, or the time would tell.
        let made_up = Keys::made_up(username, secret, iterations, salt);
        match self.by_username.get(username) {
            Some(Record { hash, superuser, .. }) => match hash.scram() {
                Some(keys) => {
                    let grant = Grant { superuser: *superuser, ..Grant::default() };
                    Candidate { keys: keys.clone(), verdict: Ok(grant) }
                }
                None => Candidate { keys: made_up, verdict: Err(Refusal::NoScram) },
            },
            None => Candidate { keys: made_up, verdict: Err(Refusal::NotKnownUser) },
        }
    }

    /// The client id is known and its password right, which takes no time to see; it gives the name of no user.
    fn knows_client(&self, attempt: &ConnectAttempt<'_>) -> bool {
        if attempt.username.is_some_and(|name| self.by_username.contains_key(name)) {
            return false;
        }
        let record = self.by_client_id.get(attempt.client_id).zip(attempt.password);
        let fast = record.filter(|(record, _)| !record.hash.is_slow());
        fast.is_some_and(|(record, given)| record.hash.verify(given, &mut Memory::default()))
    }
}

/// Whether `password` is the one of `record`. With a stand-in it costs a slow hash, whether there is a record or not.
fn verify(
    record: Option<&Record>,
    password: Option<&[u8]>,
    stand_in: Option<&PasswordHash>,
    memory: &mut Memory,
) -> bool {
    let right = match (record, password) {
        (Some(record), Some(given)) => record.hash.verify(given, memory),
        (Some(_) | None, _) => false,
    };
    let paid = password.is_some() && record.is_some_and(|one| one.hash.is_slow());
    if !paid {
        // What comes of it does not count.
        let _ = stand_in.map(|hash| hash.verify(password.unwrap_or_default(), memory));
    }
    right
}

/// The hash of the cost that most have.
fn commonest(map: &BTreeMap<Box<str>, Record>) -> Option<PasswordHash> {
    let mut costs: BTreeMap<_, (usize, &PasswordHash)> = BTreeMap::new();
    for Record { hash, .. } in map.values().filter(|one| one.hash.is_slow()) {
        costs.entry(hash.cost()).or_insert((0, hash)).0 += 1;
    }
    costs.into_values().max_by_key(|(count, _)| *count).map(|(_, hash)| hash.clone())
}

/// The user or client id of a line.
fn user(line: &str) -> Result<(&str, Kind, Record), BadUser> {
    let Fields { name, hash, kind } = fields(line).ok_or(BadUser::Form)?;
    let hash = PasswordHash::parse(hash);
    let scram = hash.as_ref().is_ok_and(|hash| hash.scram().is_some());
    let stranger = name.is_empty() && scram && kind == Kind::User;
    if !stranger {
        check_name(name)?;
    }
    let superuser = kind == Kind::Superuser;
    Ok((name, kind, Record { hash: hash?, superuser, configured: false }))
}

/// Who stands in a line.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Kind {
    /// A user name.
    #[default]
    User,
    /// A user name for whom no rule holds.
    Superuser,
    /// A client id.
    Client,
}

/// Whether a users file can hold this name.
///
/// # Errors
/// [`BadUser::Name`]: it is empty, too long, begins with `#`, or has control characters.
pub fn check_name(name: &str) -> Result<(), BadUser> {
    let fits = !name.is_empty() && name.len() <= NAME_MOST && !name.starts_with('#');
    if fits && !name.contains(char::is_control) { Ok(()) } else { Err(BadUser::Name) }
}

/// What stands in a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fields<'a> {
    /// User name or client id; empty in the line for who is not known.
    pub name: &'a str,
    /// Hash, which may be none.
    pub hash: &'a str,
    /// Which of them.
    pub kind: Kind,
}

/// What stands in a line; `None` where nothing does that counts, or no `:`.
#[must_use]
pub fn fields(line: &str) -> Option<Fields<'_>> {
    if line.trim().is_empty() || line.starts_with('#') {
        return None;
    }
    let (front, last) = line.trim_end_matches('\r').rsplit_once(':')?;
    let kind = match last {
        "superuser" => Kind::Superuser,
        "clientid" => Kind::Client,
        hash => return Some(Fields { name: front, hash, kind: Kind::User }),
    };
    let (name, hash) = front.rsplit_once(':')?;
    Some(Fields { name, hash, kind })
}

/// What stands in the line of a user or client id.
#[must_use]
pub fn user_in(line: &str) -> Option<Fields<'_>> {
    fields(line).filter(|fields| !fields.name.is_empty())
}

impl fmt::Debug for Users {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names = |map: &BTreeMap<Box<str>, Record>| map.keys().cloned().collect::<Vec<_>>();
        f.debug_struct("Users")
            .field("by_client_id", &names(&self.by_client_id))
            .field("by_username", &names(&self.by_username))
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const WRONG: Known = Known::Wrong { configured: false };
    const SECRET: &str =
        "$sha256$$2bb80d537b1da3e38bd30361aa855686bde0eacd7162fef6a25fe97bf527a25b";
    const PASSWORD: &str =
        "$argon2id$v=19$m=256,t=2,p=1$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4";

    fn known(users: &Users, name: Option<&str>, password: Option<&str>) -> Known {
        let attempt = ConnectAttempt {
            zone: "z",
            client_id: "c",
            username: name,
            password: password.map(str::as_bytes),
            peer: [127, 0, 0, 1].into(),
            wall: crate::time::Wall::default(),
        };
        users.check(&attempt, &mut Memory::default())
    }

    #[test]
    fn a_file_names_users_and_superusers() {
        let mut users = Users::default();
        users.add_user("conf", b"x");
        let text = format!(
            "# comment\n\nbob:{SECRET}\r\nroot:{PASSWORD}:superuser\nurn:dev:1:{SECRET}\nconf:{SECRET}\n"
        );
        users.add_file(&text).unwrap();
        assert_eq!(users.len(), 4);
        for (name, password, want) in [
            ("bob", "secret", Known::Right { superuser: false }),
            ("bob", "password", WRONG),
            ("root", "password", Known::Right { superuser: true }),
            ("root", "secret", WRONG),
            ("urn:dev:1", "secret", Known::Right { superuser: false }),
            ("conf", "x", Known::Right { superuser: false }),
            ("conf", "secret", Known::Wrong { configured: true }),
            ("eve", "password", Known::Not),
            ("", "password", Known::Not),
        ] {
            assert_eq!(known(&users, Some(name), Some(password)), want, "{name} {password}");
        }
        assert_eq!(known(&users, Some("bob"), None), WRONG);
        assert_eq!(known(&users, None, Some("secret")), Known::Not);
        assert!(!format!("{users:?}").contains("argon2"), "{users:?}");
    }

    #[test]
    fn the_password_of_a_client_makes_it_no_other_user() {
        let mut users = Users::default();
        users.add_client("c", b"mine");
        users.add_user("boss", b"secret");
        users.add_user("twin", b"mine");
        for (name, want) in [
            (None, Known::Right { superuser: false }),
            (Some("boss"), Known::Wrong { configured: true }),
            (Some("twin"), Known::Right { superuser: false }),
            (Some("nobody"), Known::Right { superuser: false }),
        ] {
            assert_eq!(known(&users, name, Some("mine")), want, "{name:?}");
        }
        assert_eq!(known(&users, Some("boss"), Some("secret")), Known::Right { superuser: false });
    }

    #[test]
    fn a_file_names_client_ids_beside_users() {
        let mut users = Users::default();
        let text = format!("c:{PASSWORD}:clientid\nc:{SECRET}\nboss:{SECRET}\n");
        users.add_file(&text).unwrap();
        assert_eq!(
            (users.len(), users.names_client("c"), users.names_client("d")),
            (3, true, false)
        );
        for (name, password, want) in [
            (None, Some("password"), Known::Right { superuser: false }),
            (None, Some("secret"), WRONG),
            (None, None, WRONG),
            (Some("boss"), Some("password"), WRONG),
            (Some("boss"), Some("secret"), Known::Right { superuser: false }),
            (Some("c"), Some("secret"), Known::Right { superuser: false }),
            (Some("nobody"), Some("password"), Known::Right { superuser: false }),
        ] {
            assert_eq!(known(&users, name, password), want, "{name:?} {password:?}");
        }
        let twice = format!("c:{PASSWORD}:clientid\nc:{PASSWORD}:clientid\n:{PASSWORD}:clientid\n");
        let bad = Users::default().add_file(&twice).unwrap_err();
        assert_eq!(bad, [(2, BadUser::Twice(1)), (3, BadUser::Name)]);
        // The configuration wins.
        let mut users = Users::default();
        users.add_client("c", b"mine");
        users.add_file(&text).unwrap();
        assert_eq!(known(&users, None, Some("mine")), Known::Right { superuser: false });
        assert_eq!(known(&users, None, Some("password")), Known::Wrong { configured: true });
    }

    #[test]
    fn a_client_id_that_is_not_known_costs_what_one_that_is_costs() {
        let attempt = |client_id, password: Option<&'static str>| ConnectAttempt {
            zone: "z",
            client_id,
            username: None,
            password: password.map(str::as_bytes),
            peer: [127, 0, 0, 1].into(),
            wall: crate::time::Wall::default(),
        };
        let mut users = Users::default();
        users.add_client("quick", b"x");
        users.add_file(&format!("c:{PASSWORD}:clientid\n")).unwrap();
        assert_eq!(
            users.client_stand_in.as_ref().map(PasswordHash::cost),
            Some(("argon2id", 256, 2, 1))
        );
        for (client_id, password, slow) in [
            ("c", Some("x"), true),
            ("d", Some("x"), true),
            ("quick", Some("y"), true),
            ("quick", Some("x"), false),
            ("c", None, false),
            ("d", None, false),
        ] {
            let attempt = attempt(client_id, password);
            assert_eq!(users.is_slow(&attempt), slow, "{client_id} {password:?}");
            assert_eq!(users.hides(&attempt), password.is_some(), "{client_id} {password:?}");
        }
    }

    #[test]
    fn every_bad_line_is_told_and_its_text_is_not() {
        let text = format!(
            "bob:{SECRET}\nbob:{PASSWORD}\neve\neve:secret\n:{SECRET}\na\tb:{SECRET}\nx:{SECRET}:admin\ny:$2b$04$x\n"
        );
        let bad = Users::default().add_file(&text).unwrap_err();
        let told: Vec<_> = bad.iter().map(|(at, what)| (*at, what.to_string())).collect();
        assert_eq!(told.iter().map(|(at, _)| *at).collect::<Vec<_>>(), [2, 3, 4, 5, 6, 7, 8]);
        assert_eq!(told[0].1, "this user stands in line 1 too");
        assert_eq!(told[1].1, "expected NAME:HASH, NAME:HASH:superuser or ID:HASH:clientid");
        assert!(told.iter().all(|(_, what)| !what.contains("eve:secret")), "{told:?}");
    }

    #[test]
    fn an_empty_file_denies_all() {
        let mut users = Users::default();
        assert!(!users.denies_all(), "without a file the policy decides");
        users.add_file("# nobody\n\n").unwrap();
        assert!(users.denies_all());
        users.add_client("c", b"x");
        assert!(!users.denies_all());
    }

    #[test]
    fn who_is_not_known_costs_what_most_users_cost() {
        let mut users = Users::default();
        users.add_file(&format!("a:{SECRET}\nb:{SECRET}\n")).unwrap();
        assert!(users.stand_in.is_none());
        let other = PASSWORD.replace("m=256", "m=512");
        users.add_file(&format!("c:{PASSWORD}\nd:{PASSWORD}\ne:{other}\n")).unwrap();
        assert_eq!(users.stand_in.as_ref().map(PasswordHash::cost), Some(("argon2id", 256, 2, 1)));
        // The stand-in never lets anybody in.
        assert_eq!(known(&users, Some("nobody"), Some("password")), Known::Not);
        assert_eq!(known(&users, None, None), Known::Not);
    }

    fn scram(password: &str, salt: u8, iterations: u32) -> String {
        let iterations = NonZeroU32::new(iterations).unwrap();
        super::super::password_hash::scram(&Keys::derive(
            password.as_bytes(),
            &[salt; 8],
            iterations,
        ))
    }

    #[test]
    fn who_is_not_known_looks_like_others_to_scram() {
        let (bob, eve, secret) = (scram("b", 1, 5000), scram("e", 2, 5000), scram("s", 3, 4096));
        let text = format!("bob:{bob}:superuser\neve:{eve}\nold:{PASSWORD}\n:{secret}\n");
        let mut users = Users::default();
        assert_eq!(users.candidate("bob", &[1; 32]).keys.salt.len(), SALT, "the look of our keys");
        users.add_file(&text).unwrap();
        assert_eq!((users.len(), known(&users, Some(""), Some("s"))), (3, Known::Not));
        let of = |name| users.candidate(name, &[1; 32]);
        assert!(matches!(of("bob").verdict, Ok(Grant { superuser: true, .. })));
        assert!(matches!(of("eve").verdict, Ok(Grant { superuser: false, .. })));
        assert_eq!(&*of("bob").keys.salt, &[1; 8]);
        for (name, want) in
            [("old", Refusal::NoScram), ("no", Refusal::NotKnownUser), ("", Refusal::NotKnownUser)]
        {
            let Candidate { keys, verdict } = of(name);
            assert_eq!(verdict.err(), Some(want), "{name}");
            assert_eq!((keys.iterations.get(), keys.salt.len()), (5000, 8), "{name}");
            let elsewhere = users.candidate(name, &[2; 32]).keys;
            assert_eq!(keys, elsewhere, "the file has the secret");
        }
        let mut without = Users::default();
        without.add_file(&text[..text.find("old").unwrap()]).unwrap();
        let salt = |secret| without.candidate("no", &[secret; 32]).keys.salt;
        assert!(salt(1) == salt(1) && salt(1) != salt(2));
    }

    #[test]
    fn only_keys_of_scram_go_without_a_name() {
        let keys = scram("s", 3, 4096);
        for (text, line) in [
            (format!(":{SECRET}\n"), 1),
            (format!(":{keys}:superuser\n"), 1),
            (format!("a:{keys}\n:{keys}\n:{keys}\n"), 3),
        ] {
            let bad = Users::default().add_file(&text).unwrap_err();
            assert_eq!(bad.iter().map(|(at, _)| *at).collect::<Vec<_>>(), [line], "{bad:?}");
        }
        let mut users = Users::default();
        users.add_file(&format!(":{keys}\n")).unwrap();
        assert!(users.denies_all());
    }

    #[test]
    fn names_are_read_back_from_lines() {
        let read = |name, kind| Some(Fields { name, hash: SECRET, kind });
        assert_eq!(user_in(&format!("a:b:{SECRET}\r")), read("a:b", Kind::User));
        assert_eq!(user_in(&format!("a:{SECRET}:superuser")), read("a", Kind::Superuser));
        assert_eq!(user_in(&format!("a:{SECRET}:clientid")), read("a", Kind::Client));
        for line in ["", "  ", "# a:b", "a", ":b", "a:superuser"] {
            assert_eq!(user_in(line), None, "{line}");
        }
        for (name, good) in [("a", true), ("a:b", true), ("#a", false), ("", false), ("a\n", false)]
        {
            assert_eq!(check_name(name).is_ok(), good, "{name:?}");
        }
    }
}
