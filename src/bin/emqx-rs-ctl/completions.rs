//! The completions for shells are what clap makes of the command line. When they are not, the test writes the right ones under
//! `target/completions` and says so.

use std::fs;
use std::path::Path;
use std::process::Command;

use clap::CommandFactory;
use clap_complete::{Shell, generate};

use crate::args::Args;

const FILES: &[(Shell, &str)] = &[
    (Shell::Bash, "emqx-rs-ctl.bash"),
    (Shell::Zsh, "_emqx-rs-ctl"),
    (Shell::Fish, "emqx-rs-ctl.fish"),
];

/// What clap makes for bash, made to work: it writes the labels of commands with a hyphen in their path (that of the program is
/// in all) in another way than where it sets them.
fn bash_mended(text: &str) -> String {
    let set = text.lines().filter_map(|line| line.trim().strip_prefix("cmd=\"")?.strip_suffix('"'));
    set.fold(text.to_owned(), |text, name| {
        let other = name.replace("__subcmd__", "__").replace("__", "__subcmd__");
        text.replace(&format!(" {other})\n"), &format!(" {name})\n"))
    })
}

fn file(folder: &str, name: &str) -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(folder).join(name)
}

#[test]
fn completions_are_those_of_the_command_line() {
    let mut stale = Vec::new();
    for (shell, name) in FILES {
        let mut want = Vec::new();
        generate(*shell, &mut Args::command(), "emqx-rs-ctl", &mut want);
        let want = String::from_utf8(want).unwrap();
        let want = if *shell == Shell::Bash { bash_mended(&want) } else { want };
        if fs::read_to_string(file("completions", name)).ok().as_ref() != Some(&want) {
            fs::create_dir_all(file("target", "completions")).unwrap();
            fs::write(file("target/completions", name), want).unwrap();
            stale.push(*name);
        }
    }
    assert_eq!(stale, [""; 0], "copy them from target/completions");
}

/// Every command and every one below it, as the words that lead there.
fn all(command: &clap::Command, words: &[String], out: &mut Vec<Vec<String>>) {
    for below in command.get_subcommands() {
        let words: Vec<_> = words.iter().cloned().chain([below.get_name().to_owned()]).collect();
        all(below, &words, out);
        out.push(words);
    }
}

/// Runs `shell` with a script; what it says.
#[track_caller]
fn run(shell: &str, args: &[&str], script: &str) -> String {
    let run = Command::new(shell).args(args).arg(script).output();
    let run = run.unwrap_or_else(|error| panic!("{shell}: {error}; .ci/tools installs it"));
    let err = String::from_utf8_lossy(&run.stderr);
    assert!(run.status.success() && err.is_empty(), "{shell}: {} {err}", run.status);
    String::from_utf8_lossy(&run.stdout).into_owned()
}

fn commands() -> Vec<Vec<String>> {
    let mut commands = Vec::new();
    all(&Args::command(), &[], &mut commands);
    assert!(commands.len() > 40);
    commands
}

#[test]
fn fish_completes_every_command() {
    let mut script = format!("source {}\n", file("completions", "emqx-rs-ctl.fish").display());
    for words in commands() {
        let (last, front) = words.split_last().unwrap();
        let front = front.join(" ");
        // Each line is a word, a tabulator and what it means.
        script.push_str(&format!(
            "complete -C 'emqx-rs-ctl {front} ' | cut -f1 | string match -q -- '{last}'; or echo '{front} {last}'\n"
        ));
    }
    assert_eq!(run("fish", &["--no-config", "-c"], &script), "");
}

/// In a terminal, as somebody who presses the tabulator. What is offered is told as it is, and where it ends.
#[test]
fn zsh_completes_every_command() {
    let commands = commands();
    let folder = file("completions", "").display().to_string();
    let mut script = format!(
        "zmodload zsh/zpty; zpty z zsh -f -i\n\
         zpty -w z 'PS1=; stty rows 500 columns 200; fpath=({folder} $fpath)'\n\
         zpty -w z \"autoload -Uz compinit; compinit -u -D; bindkey '^I' complete-word\"\n\
         zpty -w z 'compadd() {{ if [[ ${{@[1,(i)(-|--)]}} != *-(O|A|D)\\ * ]] {{ local -a hits; \
         builtin compadd -A hits \"$@\"; print -rl -- \"\" \"hit \"$^hits }}; builtin compadd \"$@\" }}'\n\
         zpty -w z 'last() {{ print -r -- \"end=$((1 + 1))\"; comppostfuncs=(last) }}; comppostfuncs=(last)'\n\
         zpty -w z 'echo ready=$((1 + 1))'; zpty -r z out '*ready=2*'\n"
    );
    for words in &commands {
        let (last, front) = words.split_last().unwrap();
        let front = front.join(" ");
        script.push_str(&format!(
            "zpty -w -n z $'emqx-rs-ctl {front} \\t'; zpty -r z out '*end=2*'; zpty -w z $'\\x15'\n\
             print -r -- \"$out\" | grep -aq $'^hit {last}\\r*$' || echo '{front} {last}'\n"
        ));
    }
    assert_eq!(run("zsh", &["-f", "-c"], &script), "");
}

#[test]
fn bash_completes_every_command() {
    let commands = commands();
    let mut script = format!(". {}\n", file("completions", "emqx-rs-ctl.bash").display());
    script.push_str("complete() { :; }\n");
    for words in &commands {
        // As if the last word were to be completed: what is offered must have it.
        let (last, front) = words.split_last().unwrap();
        script.push_str(&format!(
            "COMP_WORDS=(emqx-rs-ctl {} ''); COMP_CWORD={}; COMPREPLY=(); _emqx__rs__ctl emqx-rs-ctl '' '{}'\n\
             case \" ${{COMPREPLY[*]}} \" in *' {last} '*) ;; *) echo '{}';; esac\n",
            front.join(" "),
            words.len(),
            front.last().map_or("emqx-rs-ctl", |word| word),
            words.join(" "),
        ));
    }
    assert_eq!(run("bash", &["-c"], &script), "");
}
