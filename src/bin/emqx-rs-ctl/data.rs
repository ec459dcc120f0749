//! `data export` and `data import`: retained messages and bans of the node, and the users file.

use std::fs::{File, OpenOptions};
use std::io::{self, BufRead, BufReader, BufWriter, Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use emqx_rs::ctl::{
    self, Reply, Request,
    data::{FORMAT, LINE_MAX, Row},
    render, users,
};

use crate::args::DataCommand;
use crate::here::{WAIT, say};
use crate::user::{tell_node, users_file};

/// Runs one of the two.
pub(super) fn run(command: DataCommand, socket: &Path, json: bool) -> anyhow::Result<ExitCode> {
    match command {
        DataCommand::Export { file, users } => {
            let path = file.unwrap_or_else(|| PathBuf::from("emqx-rs-export.json"));
            export(&path, &users_file(users, socket, "--users")?, socket, json)
        }
        DataCommand::Import { file, users } => {
            import(&file, &users_file(users, socket, "--users")?, socket, json)
        }
    }
}

fn export(path: &Path, users: &Path, socket: &Path, json: bool) -> anyhow::Result<ExitCode> {
    let named = |error: io::Error| anyhow::anyhow!("{}: {error}", path.display());
    let made = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path);
    let mut out = BufWriter::new(made.map_err(named)?);
    let mut rows = 0_u64;
    let mut failed = None;
    let answered = ctl::ask::ask_each(socket, &Request::DataExport, WAIT, |reply| {
        let Reply::Data(some) = reply else {
            failed = Some(render::text(&reply));
            return Ok(());
        };
        for row in &some {
            write(&mut out, row)?;
        }
        rows += some.len() as u64;
        Ok(())
    });
    let users = match (answered, failed) {
        (Ok(()), None) => users::lines(users).map_err(anyhow::Error::msg),
        (Ok(()), Some(why)) => Err(anyhow::anyhow!("{}", why.trim_end())),
        (Err(error), _) => Err(error.into()),
    };
    let written = users.and_then(|users| {
        rows += users.len() as u64;
        users.into_iter().try_for_each(|line| write(&mut out, &Row::User(line))).map_err(named)?;
        out.flush().map_err(named)
    });
    if let Err(error) = written {
        // Half of it is worse than none.
        drop(std::fs::remove_file(path));
        return Err(error);
    }
    let value = serde_json::json!({ "file": path, "rows": rows });
    say(&if json { format!("{value:#}\n") } else { format!("{}\n", path.display()) })?;
    Ok(ExitCode::SUCCESS)
}

fn write(out: &mut impl Write, row: &Row) -> io::Result<()> {
    serde_json::to_writer(&mut *out, row)?;
    out.write_all(b"\n")
}

fn import(path: &Path, users_file: &Path, socket: &Path, json: bool) -> anyhow::Result<ExitCode> {
    let named = |error: io::Error| anyhow::anyhow!("{}: {error}", path.display());
    let mut lines = BufReader::new(File::open(path).map_err(named)?);
    let mut users = Vec::new();
    let mut number = 0;
    let reply = ctl::ask::ask_with(socket, &Request::DataImport, WAIT, |node| {
        let mut line = String::new();
        loop {
            number += 1;
            line.clear();
            (&mut lines).take(LINE_MAX as u64).read_line(&mut line)?;
            if line.is_empty() {
                return Ok(());
            }
            let bad = |what: String| io::Error::other(format!("line {number}: {what}"));
            match serde_json::from_str(&line).map_err(|error| bad(error.to_string()))? {
                Row::EmqxRs(head) if head.format != FORMAT => {
                    return Err(bad(format!("format {}, of another release", head.format)));
                }
                Row::EmqxRs(_) => {}
                Row::User(user) => users.push(user),
                Row::Retained(_) | Row::Ban(_) => node.write_all(line.as_bytes())?,
            }
        }
    });
    let reply = reply?;
    let Reply::Imported(mut done) = reply else {
        anyhow::bail!("{}", render::text(&reply).trim_end())
    };
    if !users.is_empty() {
        done.users = users::add_lines(users_file, &users).map_err(anyhow::Error::msg)?;
        done.left_out += users.len() as u64 - done.users;
        tell_node(users_file, socket)?;
    }
    let value = serde_json::to_value(done)?;
    say(&if json { format!("{value:#}\n") } else { done.to_string() })?;
    Ok(ExitCode::SUCCESS)
}
