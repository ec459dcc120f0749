//! `emqx-rs-ctl`: arguments to a request, over the socket of the node, the answer as text or JSON.

mod args;
#[cfg(test)]
mod completions;
mod cookie;
mod data;
mod doctor;
mod elsewhere;
mod everywhere;
mod here;
mod joining;
mod request;
mod user;

use std::ffi::OsString;
use std::process::ExitCode;

use clap::Parser;
use emqx_rs::ctl::{self, Reply, render};
use zeroize::Zeroizing;

use args::{Args, ClusterCommand, Command, LogCommand};
use here::{WAIT, complain, find_socket, say};

fn main() -> ExitCode {
    let args = match Args::try_parse() {
        Ok(args) => args,
        Err(error) => {
            let usage = error.use_stderr();
            drop(error.print());
            return if usage { ExitCode::from(2) } else { ExitCode::SUCCESS };
        }
    };
    if let Command::Other(words) = &args.command {
        return other(words);
    }
    // What crashes with a cookie in its memory leaves none on the disk. Where that is refused, nothing else is wrong.
    let _ = nix::sys::prctl::set_dumpable(false);
    match run(args) {
        Ok(code) => code,
        Err(error) => {
            complain(&error.to_string());
            ExitCode::from(1)
        }
    }
}

/// Explains a command that EMQX has and we have not (exit 1), or tells that there is none (exit 2).
fn other(words: &[OsString]) -> ExitCode {
    let name = words.first().map(|word| word.to_string_lossy()).unwrap_or_default();
    let Some(text) = elsewhere::not_here(&name) else {
        let name = render::shown(&name);
        complain(&format!("no command '{name}'; emqx-rs-ctl --help lists them all"));
        return ExitCode::from(2);
    };
    complain(&text);
    ExitCode::from(1)
}

fn run(args: Args) -> anyhow::Result<ExitCode> {
    let json = args.json;
    let socket = args.socket.clone().unwrap_or_else(find_socket);
    let Some(request) = request::request(&args.command) else {
        anyhow::ensure!(
            !args.all && args.at.is_none(),
            "--node and --all are not for this command"
        );
        if matches!(args.command, Command::Doctor) {
            return doctor::run(&socket, json);
        }
        if let Command::Cookie { file, command } = args.command {
            return cookie::run(file, command, &socket, json);
        }
        if let Command::Data(command) = args.command {
            return data::run(command, &socket, json);
        }
        if let Command::User { file, command } = args.command {
            return user::run(file, &command, &socket, json);
        }
        if let Command::Cluster(ClusterCommand::Token { files }) = args.command {
            return joining::make_token(files, &socket, json);
        }
        if let Command::Cluster(ClusterCommand::Join { node, no_restart, files }) = args.command {
            let chosen = args.socket.is_some() || std::env::var_os("EMQX_RS_SOCKET").is_some();
            let node = Zeroizing::new(node);
            return joining::join_by_token(&node, files, &socket, (no_restart, chosen, json));
        }
        return Ok(ExitCode::from(2));
    };
    if args.all {
        return everywhere::all(&socket, &request, json);
    }
    let reply = match &args.at {
        Some(node) => everywhere::at(&socket, node, request)?,
        None => ctl::ask::ask(&socket, &request, WAIT)?,
    };
    // Of a ping only the exit status is wanted, and why there is no answer.
    if matches!((&args.command, &reply), (Command::Ping, Reply::Status(_))) {
        return Ok(ExitCode::SUCCESS);
    }
    show(&part(&args.command, reply), json)
}

/// What was asked for of an answer that holds more.
fn part(command: &Command, reply: Reply) -> Reply {
    match (command, reply) {
        (Command::Log(LogCommand::PrimaryLevel { .. }), Reply::Log(log)) => {
            Reply::LogLevel(log.level)
        }
        (Command::Vm { part }, Reply::Vm(mut figures)) if part != "all" => {
            let section = if part == "load" { "cpu" } else { part };
            figures.retain(|name, _| name.split('/').next() == Some(section));
            Reply::Vm(figures)
        }
        (_, reply) => reply,
    }
}

fn show(reply: &Reply, json: bool) -> anyhow::Result<ExitCode> {
    let failed = matches!(reply, Reply::Failed(_) | Reply::NotFound);
    if json {
        say(&format!("{:#}\n", render::json(reply)))?;
    } else if failed {
        complain(render::text(reply).trim_end());
    } else {
        say(&render::text(reply))?;
    }
    Ok(ExitCode::from(u8::from(failed)))
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn no_command_of_ours_is_called_missing() {
        Args::command().debug_assert();
        for command in Args::command().get_subcommands() {
            assert_eq!(elsewhere::not_here(command.get_name()), None);
        }
        assert!(
            elsewhere::not_here("recon")
                .is_some_and(|text| text.starts_with("recon is about the Erlang"))
        );
        assert_eq!(elsewhere::not_here("dance"), None);
    }
}
