//! `user add`, `passwd`, `del` and `list`: on the users file, whether a node runs or not.

use std::io::{self, IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use emqx_rs::ctl::{
    self, Reply, Request, render,
    terminal::{self, Silent},
    users::{self, Change, User},
};
use zeroize::Zeroizing;

use crate::args::UserCommand;
use crate::here::{GLANCE, WAIT, complain, from_stdin, say, usual_data};

/// Works on the users file and has the node of this host read it again.
pub(super) fn run(
    file: Option<PathBuf>,
    command: &UserCommand,
    socket: &Path,
    json: bool,
) -> anyhow::Result<ExitCode> {
    let path = users_file(file, socket)?;
    let (name, change) = match command {
        UserCommand::List => {
            let users = users::list(&path).map_err(anyhow::Error::msg)?;
            say(&if json {
                format!("{:#}\n", serde_json::to_value(&users)?)
            } else {
                let line = |user: &User| {
                    let superuser = if user.superuser { " superuser" } else { "" };
                    let scram = if user.scram { " scram" } else { "" };
                    format!("{}{superuser}{scram}\n", render::shown(&user.username))
                };
                users.iter().map(line).collect()
            })?;
            return Ok(ExitCode::SUCCESS);
        }
        UserCommand::Add { name, .. } | UserCommand::Passwd { name, .. } => {
            (name, Some(new_password(name)?))
        }
        UserCommand::Del { name } => (name, None),
    };
    let change = match (command, &change) {
        (UserCommand::Add { superuser, scram, .. }, Some(password)) => {
            Change::Add { password, superuser: *superuser, scram: scram.iterations() }
        }
        (UserCommand::Passwd { scram, .. }, Some(password)) => {
            Change::Passwd { password, scram: scram.iterations() }
        }
        (UserCommand::Add { .. } | UserCommand::Passwd { .. }, None)
        | (UserCommand::Del { .. } | UserCommand::List, _) => Change::Delete,
    };
    let left = users::change(&path, name, change).map_err(anyhow::Error::msg)?;
    if left == 0 {
        complain(&format!("{} names no user now: nobody may connect", path.display()));
    }
    tell_node(&path, socket)?;
    let value = serde_json::json!({ "result": "ok", "file": path });
    say(&if json { format!("{value:#}\n") } else { "ok\n".into() })?;
    Ok(ExitCode::SUCCESS)
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

/// The file given, else the usual one. What a node says is never taken for a path to write to, only compared with it.
pub(super) fn users_file(file: Option<PathBuf>, socket: &Path) -> anyhow::Result<PathBuf> {
    if let Some(file) = file {
        return Ok(file);
    }
    let usual = usual_data().join("users");
    match ctl::ask::ask(socket, &Request::UsersFile, GLANCE) {
        Ok(Reply::UsersFile(of_node)) if of_node != usual => {
            let (usual, of_node) = (usual.display(), of_node.display());
            anyhow::bail!("the node does not read {usual}; say --file {of_node}")
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
