//! `emqx-rs-ctl`: arguments to a request, over the socket of the node, the answer as text or JSON.

mod args;
mod clean;
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
mod traces;
mod user;

use std::ffi::OsString;
use std::io::IsTerminal;
use std::path::Path;
use std::process::ExitCode;

use clap::Parser;
use emqx_rs::ctl::{self, Reply, Request, render};
use zeroize::Zeroizing;

use args::{Args, ClusterCommand, Command, LogCommand, StaticCommand};
use here::{Misused, WAIT, complain, fail, find_socket, say};

fn main() -> ExitCode {
    let args = match Args::try_parse() {
        Ok(args) => args,
        Err(error) => return misread(&error),
    };
    if let Command::Other(words) = &args.command {
        return other(&words_of(words), args.json);
    }
    // What crashes with a cookie in its memory leaves none on the disk. Where that is refused, nothing else is wrong.
    let _ = nix::sys::prctl::set_dumpable(false);
    let json = args.json;
    match run(args) {
        Ok(code) => code,
        Err(error) => {
            fail(&error.to_string(), json);
            ExitCode::from(if error.is::<Misused>() { 2 } else { 1 })
        }
    }
}

fn words_of(words: &[OsString]) -> Vec<String> {
    words.iter().map(|word| word.to_string_lossy().into_owned()).collect()
}

/// The words are none that the parser knows: a command of EMQX that is not here (exit 1), a wrong one (2), or somebody asks for
/// help.
fn misread(error: &clap::Error) -> ExitCode {
    let words: Vec<OsString> = std::env::args_os().skip(1).collect();
    let (words, json) = (words_of(&words), words.iter().any(|word| word == "--json"));
    if !error.use_stderr() {
        drop(error.print());
        return ExitCode::SUCCESS;
    }
    if let Some(text) = elsewhere::not_here(&commands(&words)) {
        fail(&text, json);
        return ExitCode::from(1);
    }
    if json {
        let text = error.to_string();
        let first = text.lines().next().unwrap_or_default();
        fail(first.strip_prefix("error: ").unwrap_or(first), json);
    } else {
        drop(error.print());
    }
    ExitCode::from(2)
}

/// The words that are no options.
fn commands(words: &[String]) -> Vec<String> {
    let before = std::iter::once("").chain(words.iter().map(String::as_str));
    let value = |before: &str| matches!(before, "--socket" | "--node");
    let command = |(word, before): &(&String, &str)| !value(before) && !word.starts_with('-');
    words.iter().zip(before).filter(command).map(|(word, _)| word.clone()).collect()
}

/// Explains a command that EMQX has and we have not (exit 1), or tells that there is none (exit 2).
fn other(words: &[String], json: bool) -> ExitCode {
    let Some(text) = elsewhere::not_here(words) else {
        let name = render::shown(words.first().map_or("", String::as_str));
        fail(&format!("no command '{name}'; emqx-rs-ctl --help lists them all"), json);
        return ExitCode::from(2);
    };
    fail(&text, json);
    ExitCode::from(1)
}

fn run(args: Args) -> anyhow::Result<ExitCode> {
    let json = args.json;
    let socket = args.socket.clone().unwrap_or_else(find_socket);
    if let Some(done) = clean::run(&args, &socket) {
        return done;
    }
    let Some(request) = request::request(&args.command) else {
        return alone(args, &socket);
    };
    if args.all {
        return everywhere::all(&socket, &args.command, &request, json);
    }
    if matches!(request, Request::ClusterJoin { .. }) && std::io::stderr().is_terminal() {
        complain("trying, for up to 10 s");
    }
    let reply = match &args.at {
        Some(node) => everywhere::at(&socket, node, request)?,
        None => ctl::ask::ask(&socket, &request, WAIT)?,
    };
    show(&args.command, &part(&args.command, reply), json)
}

/// Commands that are more, or something else, than one request.
fn alone(args: Args, socket: &Path) -> anyhow::Result<ExitCode> {
    let json = args.json;
    if args.all || args.at.is_some() {
        anyhow::bail!(Misused("--node and --all are not for this command".into()));
    }
    let chosen = args.socket.is_some() || std::env::var_os("EMQX_RS_SOCKET").is_some();
    if matches!(args.command, Command::Doctor) {
        return doctor::run(socket, json);
    }
    if let Command::Cookie { file, command } = args.command {
        return cookie::run(file, command, (socket, chosen), json);
    }
    if let Command::Data(command) = args.command {
        return data::run(command, socket, json);
    }
    if let Command::User { file, command } = args.command {
        return user::run(file, &command, socket, json);
    }
    if let Command::ClientId { file, command } = args.command {
        return user::run_client_ids(file, &command, socket, json);
    }
    if let Command::Traces(command) = args.command {
        return traces::run(&command, socket, json);
    }
    if let Command::Plugins(StaticCommand::List) = args.command {
        say(&elsewhere::built_in("Plugin", elsewhere::PLUGINS, json))?;
        return Ok(ExitCode::SUCCESS);
    }
    if let Command::Modules(StaticCommand::List) = args.command {
        say(&elsewhere::built_in("Module", elsewhere::MODULES, json))?;
        return Ok(ExitCode::SUCCESS);
    }
    if let Command::Cluster(ClusterCommand::Token { files }) = args.command {
        return joining::make_token(files, socket, json);
    }
    if let Command::Cluster(ClusterCommand::Join { node, no_restart, files }) = args.command {
        let node = Zeroizing::new(node);
        return joining::join_by_token(&node, files, socket, (no_restart, chosen, json));
    }
    Ok(ExitCode::from(2))
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

/// The answer as text. Of a ping only the exit status is wanted, and why there is no answer.
fn text(command: &Command, reply: &Reply) -> String {
    match (command, reply) {
        (Command::Ping, Reply::Status(_)) => String::new(),
        (_, reply) => render::text(reply),
    }
}

fn show(command: &Command, reply: &Reply, json: bool) -> anyhow::Result<ExitCode> {
    let failed = matches!(reply, Reply::Failed(_) | Reply::NotFound);
    if json {
        say(&format!("{:#}\n", render::json(reply)))?;
    } else if failed {
        complain(render::text(reply).trim_end());
    } else {
        say(&text(command, reply))?;
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
            let name = command.get_name().to_owned();
            assert_eq!(elsewhere::not_here(std::slice::from_ref(&name)), None);
            for below in command.get_subcommands() {
                let words = [name.clone(), below.get_name().to_owned()];
                assert_eq!(elsewhere::not_here(&words), None, "{words:?}");
            }
        }
        let told = |line: &str| {
            let words: Vec<String> = line.split(' ').map(str::to_owned).collect();
            elsewhere::not_here(&commands(&words)).unwrap_or_default()
        };
        assert!(told("recon").starts_with("recon is about the Erlang"));
        assert!(
            told("--socket cluster --json cluster core rebalance").starts_with("cluster core has")
        );
        assert!(told("acl list clientid").starts_with("acl list has nothing behind it"));
        for line in ["dance", "cluster", "cluster stauts", "--node recon status"] {
            assert_eq!(told(line), "", "{line}");
        }
    }
}
