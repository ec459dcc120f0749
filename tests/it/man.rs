//! The manuals and the example file name every key, command and option there is.
//!
//! `make man` checks their mdoc(7); that emqx.conf(5) says what the key table says, word by word, is a unit test of `config`.

use std::{fs, path::Path, process::Command};

use emqx_rs::config::keys;

fn read(path: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(path);
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// The words of an mdoc page as a reader sees them, macros gone, one blank between two words: `.Fl Fl json` is `--json`.
fn words(page: &str) -> String {
    let mut text = String::from(" ");
    for line in page.lines().filter(|line| !line.starts_with(".\\\"")) {
        let (called, line) = line.strip_prefix('.').map_or((false, line), |rest| (true, rest));
        let mut dashes = String::new();
        for word in line.split_whitespace() {
            if called && word == "Fl" {
                dashes.push('-');
                continue;
            }
            let mut letters = word.chars();
            let is_macro = called
                && word.len() == 2
                && letters.next().is_some_and(|c| c.is_ascii_uppercase())
                && letters.next().is_some_and(|c| c.is_ascii_lowercase());
            if !is_macro {
                text.push_str(&std::mem::take(&mut dashes));
                text.push_str(&word.replace("\\-", "-").replace("\\e", "\\").replace('"', ""));
                text.push(' ');
            }
        }
    }
    text
}

/// Whether `words` has `wanted` as whole words.
fn has(words: &str, wanted: &str) -> bool {
    let edge = |c: Option<char>| c.is_none_or(|c| !c.is_alphanumeric() && c != '-' && c != '_');
    words.match_indices(wanted).any(|(at, _)| {
        edge(words[..at].chars().next_back()) && edge(words[at + wanted.len()..].chars().next())
    })
}

/// What the help of `program command...` lists: commands below it, and options.
fn listed(program: &str, commands: &[String]) -> (Vec<String>, Vec<String>) {
    let run = Command::new(program).args(commands).arg("--help").output().unwrap();
    assert!(run.status.success(), "{program} {commands:?} --help: {}", run.status);
    let help = String::from_utf8(run.stdout).unwrap();
    assert!(help.contains("Usage:"), "{program} {commands:?} --help says no usage");
    let (mut below, mut options, mut heading) = (Vec::new(), Vec::new(), "");
    for line in help.lines() {
        if !line.starts_with(' ') && line.ends_with(':') {
            heading = line;
        } else if heading == "Commands:" && line.starts_with("  ") && !line.starts_with("   ") {
            below
                .extend(line.split_whitespace().next().filter(|w| *w != "help").map(str::to_owned));
        }
        let option = line.trim_start();
        if heading != "Commands:" && option.starts_with('-') {
            let names = option.split("  ").next().unwrap_or_default();
            let names = names.split([' ', ',', '=', '[', '<']).filter(|word| word.starts_with('-'));
            options.extend(names.map(|name| name.trim_end_matches('.').to_owned()));
        }
    }
    (below, options)
}

fn check(program: &str, page: &str) {
    let (text, mut faults) = (words(&read(page)), Vec::new());
    let mut todo = vec![Vec::new()];
    while let Some(commands) = todo.pop() {
        let (below, options) = listed(program, &commands);
        for option in options.iter().filter(|option| !has(&text, option)) {
            faults.push(format!("{commands:?} {option}"));
        }
        for name in below {
            let full: Vec<String> = commands.iter().cloned().chain([name]).collect();
            if !has(&text, &full.join(" ")) {
                faults.push(full.join(" "));
            }
            todo.push(full);
        }
    }
    assert!(faults.is_empty(), "not in {page}:\n{}", faults.join("\n"));
}

#[test]
fn the_daemon_has_a_page() {
    check(env!("CARGO_BIN_EXE_emqx-rs"), "man/emqx-rs.8");
}

#[test]
fn the_control_tool_has_a_page() {
    check(env!("CARGO_BIN_EXE_emqx-rs-ctl"), "man/emqx-rs-ctl.8");
}

#[test]
fn the_load_tool_has_a_page() {
    check(env!("CARGO_BIN_EXE_emqx-rs-bench"), "man/emqx-rs-bench.1");
}

#[test]
fn every_key_that_acts_is_in_the_manual_and_the_example() {
    let (page, example) = (words(&read("man/emqx.conf.5")), read("etc/emqx.conf.example"));
    for key in keys::all().filter(|key| key.acts()) {
        assert!(has(&page, key.name), "{} is not in man/emqx.conf.5", key.name);
        let line = format!("#{} =", key.name);
        assert!(example.contains(&line), "{} is not in etc/emqx.conf.example", key.name);
    }
}

#[test]
fn words_are_read_as_printed() {
    let page = ".Sh NAME\n.It Fl Fl json , Fl c Ar file\nsee\n.Ic cluster status\n";
    assert_eq!(words(page), " NAME --json , -c file see cluster status ");
    assert!(has("a --json , b", "--json") && !has("a --jsonl b", "--json"));
}
