//! `user` and `clientid add`, `passwd`, `del` and `list`: works on the users file, needs no node, and never takes a password from
//! the command line.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::{self, Read};
use std::num::NonZeroU32;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use nix::fcntl::{Flock, FlockArg};
use ring::rand::{SecureRandom, SystemRandom};

use super::cookie::replace_with;
use crate::broker::password_hash::{self, PasswordHash, SALT};
use crate::broker::scram::{self, Keys};
use crate::broker::users::{Fields, Kind, Users, check_name, fields, user_in};

/// Longest users file, in bytes; a node reads no longer one.
const LONGEST: u64 = 16 << 20;
/// Longest password, in bytes: what MQTT can say.
pub const PASSWORD_MOST: usize = 65_535;

/// Who is meant: a user name and a client id may be the same text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Whom<'a> {
    /// A user name.
    User(&'a str),
    /// A client id.
    Client(&'a str),
}

impl<'a> Whom<'a> {
    /// Who stands in a line.
    fn of(fields: Fields<'a>) -> Self {
        match fields.kind {
            Kind::User | Kind::Superuser => Self::User(fields.name),
            Kind::Client => Self::Client(fields.name),
        }
    }

    /// The text.
    #[must_use]
    pub const fn name(self) -> &'a str {
        match self {
            Self::User(name) | Self::Client(name) => name,
        }
    }

    /// The command that is about such.
    const fn command(self) -> &'static str {
        match self {
            Self::User(_) => "user",
            Self::Client(_) => "clientid",
        }
    }
}

/// What is to be done with a user.
#[derive(Clone, Copy, Debug)]
pub enum Change<'a> {
    /// Add one that is not there.
    Add {
        /// Its password.
        password: &'a str,
        /// No rule holds for it.
        superuser: bool,
        /// It can do SCRAM, with so many iterations.
        scram: Option<NonZeroU32>,
    },
    /// Give one that is there another password.
    Passwd {
        /// The new one.
        password: &'a str,
        /// It can do SCRAM, with so many iterations; `None`: as before.
        scram: Option<NonZeroU32>,
    },
    /// Take one out.
    Delete,
}

/// A user of a file.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct User {
    /// Its name.
    pub username: String,
    /// No rule holds for it.
    pub superuser: bool,
    /// It can do SCRAM.
    pub scram: bool,
}

/// The users of a file, in its order; none when there is no file.
///
/// # Errors
/// The file cannot be read, or a line of it is none: `file:line: what was expected`.
pub fn list(path: &Path) -> Result<Vec<User>, String> {
    let text = read(path)?;
    let user = |line| {
        let Fields { name, kind, .. } = user_in(line).filter(|one| one.kind != Kind::Client)?;
        let superuser = kind == Kind::Superuser;
        Some(User { username: name.to_owned(), superuser, scram: iterations(line).is_some() })
    };
    Ok(text.lines().filter_map(user).collect())
}

/// The client ids of a file, in its order; none when there is no file.
///
/// # Errors
/// As [`list`].
pub fn clients(path: &Path) -> Result<Vec<String>, String> {
    let text = read(path)?;
    let clients = text.lines().filter_map(user_in).filter(|one| one.kind == Kind::Client);
    Ok(clients.map(|one| one.name.to_owned()).collect())
}

/// Iterations of the user of a line that can do SCRAM.
fn iterations(line: &str) -> Option<NonZeroU32> {
    let hash = PasswordHash::parse(user_in(line)?.hash).ok()?;
    hash.scram().map(|keys| keys.iterations)
}

/// Changes one user or client id of a file; the other lines stay as they are. Gives the number of them after it.
///
/// # Errors
/// There is (no) such user, the name or password is none, or the file cannot be read or written; it is unchanged.
pub fn change(path: &Path, whom: Whom<'_>, change: Change<'_>) -> Result<usize, String> {
    let name = whom.name();
    check_name(name).map_err(|bad| bad_name(whom, &bad.to_string()))?;
    let _lock = lock(path)?;
    let text = read(path)?;
    let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
    let is_it = |line: &String| user_in(line).is_some_and(|known| Whom::of(known) == whom);
    let at = lines.iter().position(is_it);
    let missing = || {
        let (what, name) = (whom.command(), super::render::shown(name));
        format!("no {what} {name} in {}", path.display())
    };
    match change {
        Change::Add { password, superuser, scram } => {
            if at.is_some() {
                return Err(taken(path, whom));
            }
            lines.push(line(whom, password, superuser, scram)?);
        }
        Change::Passwd { password, scram } => {
            let old = at.and_then(|at| lines.get_mut(at)).ok_or_else(missing)?;
            let superuser = user_in(old).is_some_and(|user| user.kind == Kind::Superuser);
            *old = line(whom, password, superuser, scram.or_else(|| iterations(old)))?;
        }
        Change::Delete => drop(lines.remove(at.ok_or_else(missing)?)),
    }
    let secret = |line: &String| fields(line).is_some_and(|fields| fields.name.is_empty());
    if lines.iter().any(|line| iterations(line).is_some()) && !lines.iter().any(secret) {
        lines.push(stranger()?);
    }
    let left = lines.iter().filter(|line| user_in(line).is_some()).count();
    let text: String = lines.into_iter().map(|line| line + "\n").collect();
    write(path, &text)?;
    Ok(left)
}

/// Adds users or client ids with their passwords, with one write of the file; what became of each, in their order.
///
/// # Errors
/// The file cannot be read or written; it is unchanged.
pub fn add_all(path: &Path, new: &[(Whom<'_>, &str)]) -> Result<Vec<Result<(), String>>, String> {
    // Before the lock: it takes long.
    let before = read(path)?;
    let there = known(&before);
    let hashed = |(whom, password): &(Whom<'_>, &str)| {
        check_name(whom.name()).map_err(|bad| bad_name(*whom, &bad.to_string()))?;
        if there.contains(whom) {
            Err(taken(path, *whom))
        } else {
            line(*whom, password, false, None)
        }
    };
    let hashed: Vec<_> = new.iter().map(hashed).collect();
    let _lock = lock(path)?;
    let text = read(path)?;
    let mut there = known(&text);
    let mut results = Vec::with_capacity(new.len());
    let mut lines = String::new();
    for ((whom, _), line) in new.iter().zip(hashed) {
        let free = |line| if there.insert(*whom) { Ok(line) } else { Err(taken(path, *whom)) };
        results.push(line.and_then(free).map(|line| lines.extend([line.as_str(), "\n"])));
    }
    if !lines.is_empty() {
        let between = if text.is_empty() || text.ends_with('\n') { "" } else { "\n" };
        write(path, &[&text, between, &lines].concat())?;
    }
    Ok(results)
}

/// Who stands in a file.
fn known(text: &str) -> BTreeSet<Whom<'_>> {
    text.lines().filter_map(user_in).map(Whom::of).collect()
}

fn bad_name(whom: Whom<'_>, bad: &str) -> String {
    format!("{}: {bad}", super::render::shown(whom.name()))
}

fn taken(path: &Path, whom: Whom<'_>) -> String {
    let (what, name) = (whom.command(), super::render::shown(whom.name()));
    format!("{name} is in {}; {what} passwd changes it", path.display())
}

/// Puts another text in the place of the file.
fn write(path: &Path, text: &str) -> Result<(), String> {
    let mode = fs::metadata(path).map_or(0o600, |old| old.permissions().mode() & 0o660);
    let written = replace_with(path, text.as_bytes(), mode);
    written.map_err(|error| format!("{}: {error}", path.display()))
}

/// The lines of the users of a file; none when there is no file.
///
/// # Errors
/// As [`list`].
pub fn lines(path: &Path) -> Result<Vec<String>, String> {
    let text = read(path)?;
    Ok(text.lines().filter(|line| user_in(line).is_some()).map(str::to_owned).collect())
}

/// Adds these lines of another file, but for users that are there already. Gives how many were added.
///
/// # Errors
/// A line is none, or the file cannot be read or written; it is unchanged.
pub fn add_lines(path: &Path, new: &[String]) -> Result<u64, String> {
    let _lock = lock(path)?;
    let mut text = read(path)?;
    if !text.is_empty() && !text.ends_with('\n') {
        text.push('\n');
    }
    let key = |one: Fields<'_>| (one.kind == Kind::Client, one.name.to_owned());
    let mut known: BTreeSet<_> = text.lines().filter_map(user_in).map(key).collect();
    let mut is_new = |line: &&String| user_in(line).is_some_and(|user| known.insert(key(user)));
    let mut added = 0;
    for line in new.iter().filter(&mut is_new) {
        text.push_str(line);
        text.push('\n');
        added += 1;
    }
    let scram = |text: &str| text.lines().any(|line| iterations(line).is_some());
    let secret = |line| fields(line).is_some_and(|fields| fields.name.is_empty());
    if scram(&text) && !text.lines().any(secret) {
        text.push_str(&stranger()?);
        text.push('\n');
    }
    let mut checked = Users::default();
    checked.add_file(&text).map_err(|_| "a line of a user in it is none".to_owned())?;
    write(path, &text)?;
    Ok(added)
}

fn line(
    whom: Whom<'_>,
    password: &str,
    superuser: bool,
    iterations: Option<NonZeroU32>,
) -> Result<String, String> {
    if password.is_empty() || password.len() > PASSWORD_MOST {
        return Err(format!("expected a password of 1 to {PASSWORD_MOST} bytes"));
    }
    let (salt, name) = (random::<SALT>()?, whom.name());
    let hash = match iterations {
        None => password_hash::argon2id(password.as_bytes(), &salt)?,
        Some(_) if scram::prepared(name) != name => {
            let name = super::render::shown(&scram::prepared(name));
            return Err(format!("a client that does SCRAM would call this user {name}"));
        }
        Some(iterations) => {
            password_hash::scram(&Keys::derive(password.as_bytes(), &salt, iterations))
        }
    };
    let kind = match whom {
        Whom::Client(_) => ":clientid",
        Whom::User(_) if superuser => ":superuser",
        Whom::User(_) => "",
    };
    Ok(format!("{name}:{hash}{kind}"))
}

/// The line with the secret that gives each unknown user a salt of its own: keys of no password.
fn stranger() -> Result<String, String> {
    let (salt, stored, server) = (random::<SALT>()?.into(), random()?, random()?);
    let keys = Keys { salt, iterations: scram::ITERATIONS, stored, server };
    Ok(format!(":{}", password_hash::scram(&keys)))
}

fn random<const N: usize>() -> Result<[u8; N], String> {
    let mut bytes = [0; N];
    SystemRandom::new().fill(&mut bytes).map_err(|_| "no random bytes")?;
    Ok(bytes)
}

/// What the file holds, if every line of it is good. Its text is never part of a fault.
fn read(path: &Path) -> Result<String, String> {
    let named = |error: io::Error| format!("{}: {error}", path.display());
    let mut text = String::new();
    match File::open(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(text),
        Err(error) => return Err(named(error)),
        Ok(file) => drop(file.take(LONGEST).read_to_string(&mut text).map_err(named)?),
    }
    let told = |(line, what)| format!("{}:{line}: {what}", path.display());
    match Users::default().add_file(&text) {
        Ok(()) => Ok(text),
        Err(bad) => Err(bad.into_iter().map(told).collect::<Vec<_>>().join("\n")),
    }
}

/// Two who change the file at once do it one after the other.
fn lock(path: &Path) -> Result<Flock<File>, String> {
    let folder = path.parent().filter(|folder| *folder != Path::new(""));
    let folder = folder.unwrap_or(Path::new("."));
    let named = |error: io::Error| format!("{}: {error}", folder.display());
    let file = File::open(folder).map_err(named)?;
    Flock::lock(file, FlockArg::LockExclusive).map_err(|(_, error)| named(error.into()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::broker::access::{ConnectAttempt, Known};
    use crate::broker::password_hash::Memory;

    fn known(path: &Path, name: &str, password: &str) -> Known {
        let mut users = Users::default();
        users.add_file(&fs::read_to_string(path).unwrap()).unwrap();
        let attempt = ConnectAttempt {
            zone: "z",
            client_id: "c",
            username: Some(name),
            password: Some(password.as_bytes()),
            peer: [127, 0, 0, 1].into(),
            wall: crate::time::Wall::default(),
        };
        users.check(&attempt, &mut Memory::default())
    }

    #[test]
    fn users_are_added_changed_and_taken_out() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("users");
        assert_eq!(list(&path).unwrap(), []);
        let add = |password, superuser| Change::Add { password, superuser, scram: None };
        let passwd = |password| Change::Passwd { password, scram: None };
        assert_eq!(change(&path, Whom::User("bob"), add("one", false)), Ok(1));
        assert_eq!(change(&path, Whom::User("root:x"), add("two", true)), Ok(2));
        assert!(
            change(&path, Whom::User("bob"), add("three", true))
                .unwrap_err()
                .contains("user passwd")
        );
        assert_eq!(known(&path, "bob", "one"), Known::Right { superuser: false });
        assert_eq!(change(&path, Whom::User("root:x"), passwd("new")), Ok(2));
        assert_eq!(known(&path, "root:x", "new"), Known::Right { superuser: true });
        assert_eq!(known(&path, "root:x", "two"), Known::Wrong { configured: false });
        let listed = list(&path).unwrap();
        assert_eq!(listed.iter().map(|user| user.superuser).collect::<Vec<_>>(), [false, true]);
        assert_eq!(change(&path, Whom::User("bob"), Change::Delete), Ok(1));
        assert!(
            change(&path, Whom::User("bob"), Change::Delete).unwrap_err().contains("no user bob")
        );
        assert!(change(&path, Whom::User("bob"), passwd("x")).is_err());
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1, "nothing is left behind");
    }

    #[test]
    fn client_ids_stand_beside_users_of_the_same_name() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("users");
        let add = |password| Change::Add { password, superuser: false, scram: None };
        let passwd = |password| Change::Passwd { password, scram: None };
        assert_eq!(change(&path, Whom::User("c"), add("one")), Ok(1));
        let missing = change(&path, Whom::Client("c"), passwd("x")).unwrap_err();
        assert!(missing.starts_with("no clientid c in "), "{missing}");
        assert_eq!(change(&path, Whom::Client("c"), add("two")), Ok(2));
        let twice = change(&path, Whom::Client("c"), add("x")).unwrap_err();
        assert!(twice.ends_with("clientid passwd changes it"), "{twice}");
        let listed = || (list(&path).unwrap().len(), clients(&path).unwrap());
        assert_eq!(listed(), (1, vec!["c".to_owned()]));
        assert_eq!(known(&path, "nobody", "two"), Known::Right { superuser: false });
        assert_eq!(known(&path, "c", "one"), Known::Right { superuser: false });
        assert_eq!(
            known(&path, "c", "two"),
            Known::Wrong { configured: false },
            "the user has another password"
        );
        assert_eq!(change(&path, Whom::Client("c"), passwd("new")), Ok(2));
        assert_eq!(known(&path, "nobody", "two"), Known::Wrong { configured: false });
        assert_eq!(known(&path, "nobody", "new"), Known::Right { superuser: false });
        // Both go to another box.
        let other = dir.path().join("other");
        assert_eq!(add_lines(&other, &lines(&path).unwrap()), Ok(2));
        assert_eq!(clients(&other).unwrap(), ["c"]);
        assert_eq!(add_lines(&other, &lines(&path).unwrap()), Ok(0));
        assert_eq!(change(&path, Whom::Client("c"), Change::Delete), Ok(1));
        assert_eq!(listed(), (1, vec![]));
    }

    #[test]
    fn users_that_can_do_scram_stay_so() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("users");
        let with = |iterations| Some(NonZeroU32::new(iterations).unwrap());
        let add = |scram| Change::Add { password: "one", superuser: false, scram };
        let passwd = |scram| Change::Passwd { password: "new", scram };
        let nameless = || {
            let text = fs::read_to_string(&path).unwrap();
            text.lines().filter(|line| line.starts_with(":$scram-sha-256$")).count()
        };
        let seen = || -> Vec<_> {
            let text = fs::read_to_string(&path).unwrap();
            text.lines().filter_map(user_in).map(|user| user.hash[..22].to_owned()).collect()
        };
        assert_eq!(change(&path, Whom::User("old"), add(None)), Ok(1));
        assert_eq!(nameless(), 0);
        assert_eq!(change(&path, Whom::User("bob"), add(with(4096))), Ok(2));
        assert_eq!(change(&path, Whom::User("eve"), add(with(5000))), Ok(3));
        assert_eq!(nameless(), 1, "one secret for all");
        assert_eq!(known(&path, "bob", "one"), Known::Right { superuser: false });
        assert_eq!(change(&path, Whom::User("bob"), passwd(None)), Ok(3));
        assert_eq!(change(&path, Whom::User("old"), passwd(with(6000))), Ok(3));
        assert_eq!(known(&path, "old", "new"), Known::Right { superuser: false });
        let of = |iterations| format!("$scram-sha-256$i={iterations}$");
        assert_eq!(seen(), [of(6000), of(4096), of(5000)]);
        assert!(list(&path).unwrap().iter().all(|user| user.scram));
        let fault = change(&path, Whom::User("\u{2168}"), add(with(4096))).unwrap_err();
        assert!(fault.ends_with("would call this user IX"), "{fault}");
        for name in ["old", "bob", "eve"] {
            change(&path, Whom::User(name), Change::Delete).unwrap();
        }
        assert_eq!(
            (list(&path).unwrap(), nameless()),
            (vec![], 1),
            "copies of it may be elsewhere"
        );
    }

    #[test]
    fn what_is_bad_changes_nothing_and_is_not_shown() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("users");
        let text = "# mine\n\nbob:plain-secret\n";
        fs::write(&path, text).unwrap();
        let add = Change::Add { password: "x", superuser: false, scram: None };
        let fault = change(&path, Whom::User("eve"), add).unwrap_err();
        assert!(fault.contains("users:3: expected a hash"), "{fault}");
        assert!(!fault.contains("plain-secret"), "{fault}");
        assert_eq!(fs::read_to_string(&path).unwrap(), text);
        fs::write(&path, "# mine\n\n").unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
        for (name, password) in [("", "x"), ("#a", "x"), ("a\nb", "x"), ("a", "")] {
            let add = Change::Add { password, superuser: false, scram: None };
            assert!(change(&path, Whom::User(name), add).is_err(), "{name:?}");
        }
        change(&path, Whom::User("eve"), add).unwrap();
        let now = fs::read_to_string(&path).unwrap();
        assert!(now.starts_with("# mine\n\neve:$argon2id$"), "other lines stay: {now}");
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o640);
    }
}
