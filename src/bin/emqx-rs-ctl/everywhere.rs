//! `--node` and `--all`: the same question to other nodes of the cluster, through the node of this host.

use std::path::Path;
use std::process::ExitCode;

use emqx_rs::ctl::{self, Reply, Request, render};
use serde_json::{Map, Value};

use crate::args::Command;
use crate::here::{Misused, WAIT, complain, say};
use crate::{part, text};

/// Asks one node of the cluster.
pub(super) fn at(socket: &Path, node: &str, request: Request) -> anyhow::Result<Reply> {
    if !request.about_a_node() {
        anyhow::bail!(Misused(
            "--node and --all are for status, ping, broker, stats, metrics, vm, listeners (list), bridges, clients, subscriptions, \
             retainer info, banned, acl, pem_cache, trace, cluster evacuate status and why"
                .into()
        ));
    }
    let request = Request::Elsewhere { node: node.to_owned(), request: Box::new(request) };
    Ok(ctl::ask::ask(socket, &request, WAIT)?)
}

/// The names of the nodes that run.
pub(super) fn running(socket: &Path) -> anyhow::Result<Vec<String>> {
    let reply = ctl::ask::ask(socket, &Request::ClusterStatus, WAIT)?;
    let Reply::Cluster(cluster) = reply else {
        anyhow::bail!("{}", render::text(&reply).trim_end())
    };
    Ok(cluster.running_nodes)
}

/// Asks every running node, one after the other. Each line of the answer begins with the name of its node; as JSON, the
/// answers stand below their names. What a node has not does not count when another one has it.
pub(super) fn all(
    socket: &Path,
    command: &Command,
    request: &Request,
    json: bool,
) -> anyhow::Result<ExitCode> {
    let (mut found, mut failed, mut answers) = (false, false, Map::new());
    for node in running(socket)? {
        let reply = part(command, at(socket, &node, request.clone())?);
        if let Reply::Failed(why) = &reply {
            failed = true;
            if !json {
                complain(&format!("{node}: {}", render::shown(why)));
            }
        } else if reply != Reply::NotFound {
            found = true;
            let text = text(command, &reply);
            let lines = text.lines().map(|line| format!("{node}: {line}\n"));
            if !json {
                say(&lines.collect::<String>())?;
            }
        }
        answers.insert(node, render::json(&reply));
    }
    if json {
        say(&format!("{:#}\n", Value::Object(answers)))?;
    } else if !found && !failed {
        complain("Not Found.");
    }
    Ok(ExitCode::from(u8::from(failed || !found)))
}
