//! `cluster token` and `cluster join TOKEN`: they read and write the files themselves.

use std::io::{self, IsTerminal};
use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

use emqx_rs::cluster::invitation::{Invitation, TOKEN_MAX};
use emqx_rs::ctl::{self, Reply, Request, render, service, token};
use zeroize::Zeroizing;

use crate::args::Files;
use crate::cookie::told;
use crate::here::{WAIT, complain, from_stdin, places, say};

/// How long a node that was restarted may take to be in the cluster, in steps of `LOOK_EVERY`.
const JOIN_STEPS: u32 = 150;
const LOOK_EVERY: Duration = Duration::from_millis(100);

/// Prints the token of the cluster that the node of this host is in.
pub(super) fn make_token(files: Files, socket: &Path, json: bool) -> anyhow::Result<ExitCode> {
    let (file, _) = files.find();
    let reply = ctl::ask::ask(socket, &Request::ClusterPlaces, WAIT)?;
    let Reply::Places(places) = reply else { anyhow::bail!("{}", render::text(&reply).trim_end()) };
    let token = token::make(&places, &file)?;
    let host = places.node.split_once('@').map_or("", |(_, host)| host);
    if host == "localhost" || host.parse().is_ok_and(|ip: std::net::IpAddr| ip.is_loopback()) {
        complain(&format!("{}: no other host reaches a node of this name", places.node));
    }
    if json {
        let value = serde_json::json!({
            "token": *token, "cluster": places.cluster, "nodes": places.nodes,
        });
        say(&format!("{value:#}\n"))?;
        return Ok(ExitCode::SUCCESS);
    }
    say(&token)?;
    say("\n")?;
    if io::stdout().is_terminal() {
        complain("it holds the cookie: whoever has it gets in. On the next box, as root:");
        complain("emqx-rs-ctl cluster join -    and put it in there, with Enter");
    }
    Ok(ExitCode::SUCCESS)
}

/// Writes what a token holds and has the node of this host start with it. `node` is the token, or `-`.
pub(super) fn join_by_token(
    node: &Zeroizing<String>,
    files: Files,
    socket: &Path,
    (no_restart, chosen, json): (bool, bool, bool),
) -> anyhow::Result<ExitCode> {
    let (file, data) = files.find();
    let read;
    let text = if node.as_str() == "-" {
        if io::stdin().is_terminal() {
            complain("put the token in here, with Enter:");
        }
        read = from_stdin(TOKEN_MAX + 2, true)?;
        &read
    } else {
        node
    };
    let joining = token::Joining::read(text, file, data)?;
    if let Some(places) = places(socket) {
        joining.check(&places)?;
    }
    joining.write()?;
    let pid = service::pid_at(socket);
    let ours = !no_restart && (pid.is_some() || !chosen) && service::Unit::ask().runs(pid);
    if !ours {
        return told(joining.file(), json);
    }
    service::restart().map_err(anyhow::Error::msg)?;
    wait_joined(&joining.invitation, socket, json)
}

/// Waits until one of the nodes of the invitation is seen by the node here, and tells.
fn wait_joined(invitation: &Invitation, socket: &Path, json: bool) -> anyhow::Result<ExitCode> {
    for _ in 0..JOIN_STEPS {
        if let Ok(Reply::Cluster(cluster)) = ctl::ask::ask(socket, &Request::ClusterStatus, WAIT) {
            let up = |name: &str| cluster.running_nodes.iter().any(|node| node == name);
            if invitation.nodes.iter().any(|node| up(node.name.as_str())) {
                let change = ctl::ClusterChange::Joined;
                let reply = Reply::ClusterChanged { change, cluster };
                let as_json = || format!("{:#}\n", render::json(&reply));
                say(&if json { as_json() } else { render::text(&reply) })?;
                return Ok(ExitCode::SUCCESS);
            }
        }
        std::thread::sleep(LOOK_EVERY);
    }
    anyhow::bail!("restarted, and not in the cluster yet: journalctl -u emqx-rs says why")
}
