//! The command line of `emqx-rs`.

use std::path::PathBuf;

use clap::{Parser, Subcommand};

/// Clustered MQTT broker for a LAN
#[derive(Clone, Debug, PartialEq, Eq, Parser)]
#[command(name = "emqx-rs", version, args_conflicts_with_subcommands = true)]
#[command(disable_help_subcommand = true)]
pub(super) struct Args {
    /// Configuration file [default: /etc/emqx-rs/emqx.conf if it is there]
    #[arg(short, long, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// Check the configuration, print every fault and end
    #[arg(long)]
    pub check_config: bool,
    /// What to do instead of serving.
    #[command(subcommand)]
    pub command: Option<Command>,
}

/// What the daemon does besides serving.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Subcommand)]
pub(super) enum Command {
    /// Run a cluster of several nodes on this host, for a first look
    Lab {
        /// Number of nodes
        #[arg(default_value_t = 3, value_parser = nodes_of_lab)]
        nodes: u16,
    },
}

fn nodes_of_lab(text: &str) -> Result<u16, &'static str> {
    let number = text.parse().ok().filter(|nodes| (1..=16).contains(nodes));
    number.ok_or("expected a number from 1 to 16")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn parse(words: &[&str]) -> Result<Args, clap::error::ErrorKind> {
        Args::try_parse_from(["emqx-rs"].iter().chain(words)).map_err(|error| error.kind())
    }

    #[test]
    fn words_become_what_they_say() {
        let none = Args { config: None, check_config: false, command: None };
        assert_eq!(parse(&[]).unwrap(), none);
        let config = Some(PathBuf::from("/x"));
        assert_eq!(parse(&["-c", "/x"]).unwrap(), Args { config: config.clone(), ..none.clone() });
        assert_eq!(
            parse(&["--config=/x", "--check-config"]).unwrap(),
            Args { config, check_config: true, ..none.clone() }
        );
        for (words, nodes) in [(&["lab"][..], 3), (&["lab", "5"], 5)] {
            let command = Some(Command::Lab { nodes });
            assert_eq!(parse(words).unwrap(), Args { command, ..none.clone() });
        }
    }

    #[test]
    fn nonsense_is_refused() {
        use clap::error::ErrorKind;
        assert_eq!(parse(&["--version"]), Err(ErrorKind::DisplayVersion));
        assert_eq!(parse(&["--help"]), Err(ErrorKind::DisplayHelp));
        for words in
            [&["--frobnicate"][..], &["lab", "0"], &["lab", "99"], &["-c", "/x", "lab"], &["dance"]]
        {
            assert!(parse(words).is_err(), "{words:?}");
        }
    }
}
