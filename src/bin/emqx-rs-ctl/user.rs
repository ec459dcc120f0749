//! `user` and `clientid`: on the users file, whether a node runs or not.

use std::io::{self, IsTerminal, Write};
use std::num::NonZeroU32;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use emqx_rs::ctl::{
    self, Reply, Request, render,
    terminal::{self, Silent},
    users::{self, Change, User, Whom},
};
use zeroize::Zeroizing;

use crate::args::{ClientIdCommand, UserCommand};
use crate::here::{GLANCE, Misused, WAIT, complain, from_stdin, say, usual_data};

/// Works on the users of the users file and has the node of this host read it again.
pub(super) fn run(
    file: Option<PathBuf>,
    command: &UserCommand,
    socket: &Path,
    json: bool,
) -> anyhow::Result<ExitCode> {
    let (name, what) = match command {
        UserCommand::List => {
            let users = users::list(&users_file(file, socket, "--file")?);
            let line = |user: &User| {
                let superuser = if user.superuser { " superuser" } else { "" };
                let scram = if user.scram { " scram" } else { "" };
                format!("{}{superuser}{scram}", render::shown(&user.username))
            };
            return list(&users.map_err(anyhow::Error::msg)?, line, json);
        }
        UserCommand::Add { name, password, superuser, scram } => {
            let add = Wanted::Add { superuser: *superuser, scram: scram.iterations() };
            (name, add.unless(password.is_some(), ["user add", name])?)
        }
        UserCommand::Passwd { name, password, scram } => {
            let passwd = Wanted::Passwd { scram: scram.iterations() };
            (name, passwd.unless(password.is_some(), ["user passwd", name])?)
        }
        UserCommand::Del { name } => (name, Wanted::Delete),
    };
    let path = users_file(file, socket, "--file")?;
    change(&path, Whom::User(name), what, socket, json)
}

/// The same for client ids.
pub(super) fn run_client_ids(
    file: Option<PathBuf>,
    command: &ClientIdCommand,
    socket: &Path,
    json: bool,
) -> anyhow::Result<ExitCode> {
    let (id, what) = match command {
        ClientIdCommand::List => {
            let ids = users::clients(&users_file(file, socket, "--file")?);
            let ids = ids.map_err(anyhow::Error::msg)?.into_iter();
            let rows: Vec<_> = ids.map(|clientid| ClientIdRow { clientid }).collect();
            return list(&rows, |row| render::shown(&row.clientid), json);
        }
        ClientIdCommand::Add { id, password } => {
            let add = Wanted::Add { superuser: false, scram: None };
            (id, add.unless(password.is_some(), ["clientid add", id])?)
        }
        ClientIdCommand::Update { id, password } => {
            let passwd = Wanted::Passwd { scram: None };
            (id, passwd.unless(password.is_some(), ["clientid update", id])?)
        }
        ClientIdCommand::Delete { id } => (id, Wanted::Delete),
    };
    let path = users_file(file, socket, "--file")?;
    change(&path, Whom::Client(id), what, socket, json)
}

/// A client id as JSON.
#[derive(serde::Serialize)]
struct ClientIdRow {
    clientid: String,
}

/// A [`Change`] whose password has not been asked for.
#[derive(Clone, Copy)]
enum Wanted {
    Add { superuser: bool, scram: Option<NonZeroU32> },
    Passwd { scram: Option<NonZeroU32> },
    Delete,
}

impl Wanted {
    /// Refuses the form of EMQX, with the password on the command line.
    fn unless(self, shown: bool, [command, name]: [&str; 2]) -> anyhow::Result<Self> {
        if shown {
            let name = render::shown(name);
            anyhow::bail!(Misused(format!(
                "a password among the words of a command can be read by everybody on this host (ps) and stays in the history: \
                 take another one, and say emqx-rs-ctl {command} {name}, which asks for it, or takes it from standard input"
            )));
        }
        Ok(self)
    }
}

fn list<T: serde::Serialize>(
    rows: &[T],
    line: impl Fn(&T) -> String,
    json: bool,
) -> anyhow::Result<ExitCode> {
    say(&if json {
        format!("{:#}\n", serde_json::to_value(rows)?)
    } else {
        rows.iter().map(|row| line(row) + "\n").collect()
    })?;
    Ok(ExitCode::SUCCESS)
}

/// Changes the file and has the node of this host read it again.
fn change(
    path: &Path,
    whom: Whom<'_>,
    what: Wanted,
    socket: &Path,
    json: bool,
) -> anyhow::Result<ExitCode> {
    let left = match what {
        Wanted::Delete => users::change(path, whom, Change::Delete),
        Wanted::Add { superuser, scram } => {
            let password = &*new_password(whom.name())?;
            users::change(path, whom, Change::Add { password, superuser, scram })
        }
        Wanted::Passwd { scram } => {
            let password = &*new_password(whom.name())?;
            users::change(path, whom, Change::Passwd { password, scram })
        }
    };
    if left.map_err(anyhow::Error::msg)? == 0 {
        complain(&format!("{} names no user now: nobody may connect", path.display()));
    }
    tell_node(path, socket)?;
    if let Some(place) = configured(whom, socket) {
        let name = render::shown(whom.name());
        complain(&format!(
            "{name} stands in {place} too, and that password counts: change it there, then conf reload"
        ));
    }
    let value = serde_json::json!({ "result": "ok", "file": path });
    say(&if json { format!("{value:#}\n") } else { "ok\n".into() })?;
    Ok(ExitCode::SUCCESS)
}

/// Where the configuration of the node of this host names who was changed, if it does.
fn configured(whom: Whom<'_>, socket: &Path) -> Option<String> {
    let (front, end) = match whom {
        Whom::User(_) => ("auth.user.", ".username"),
        Whom::Client(_) => ("auth.client.", ".clientid"),
    };
    let request = Request::ConfShow { prefix: Some(front.into()) };
    let Ok(Reply::Settings(rows)) = ctl::ask::ask(socket, &request, GLANCE) else { return None };
    let is_it =
        |row: &ctl::Setting| row.key.ends_with(end) && row.value.as_deref() == Some(whom.name());
    rows.into_iter().find(is_it).map(|row| row.from)
}

/// Has the node of this host read the file again.
pub(super) fn tell_node(path: &Path, socket: &Path) -> anyhow::Result<()> {
    match ctl::ask::ask(socket, &Request::UsersReload, WAIT) {
        Ok(Reply::Done) => {}
        Ok(other) => anyhow::bail!(
            "{}: written, and not taken: {}",
            path.display(),
            render::text(&other).trim_end()
        ),
        Err(error) => complain(&format!("{}: written; no node took it: {error}", path.display())),
    }
    Ok(())
}

/// The file given, else the usual one. What a node says is never taken for a path to write to, only compared with it; `option` is
/// the one that gives another.
pub(super) fn users_file(
    file: Option<PathBuf>,
    socket: &Path,
    option: &str,
) -> anyhow::Result<PathBuf> {
    if let Some(file) = file {
        return Ok(file);
    }
    let usual = usual_data().join("users");
    match ctl::ask::ask(socket, &Request::UsersFile, GLANCE) {
        Ok(Reply::UsersFile(of_node)) if of_node != usual => {
            let (usual, of_node) = (usual.display(), of_node.display());
            anyhow::bail!("the node does not read {usual}; say {option} {of_node}")
        }
        Ok(_) | Err(_) => Ok(usual),
    }
}

/// Asks for a password twice, without showing it; or takes the first line of standard input.
fn new_password(name: &str) -> anyhow::Result<Zeroizing<String>> {
    let ask = |prompt: &str| -> anyhow::Result<Zeroizing<String>> {
        let silent = Silent::new()?;
        if silent.is_some() {
            write!(io::stderr(), "{prompt}")?;
        }
        let line = from_stdin(users::PASSWORD_MOST + 2, true)?;
        if silent.is_some() && terminal::interrupted(&line) {
            anyhow::bail!("interrupted, nothing was changed");
        }
        Ok(line)
    };
    let password = ask(&format!("Password of {}: ", render::shown(name)))?;
    if io::stdin().is_terminal() && *ask("The same again: ")? != *password {
        anyhow::bail!("these are two passwords, nothing was changed");
    }
    Ok(password)
}
