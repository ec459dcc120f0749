//! `acl cache-clean` and `pem_cache clean`: on this node, another one or all of them, and told as EMQX 5 does.

use std::path::Path;
use std::process::ExitCode;

use emqx_rs::ctl::{Reply, Request, render};
use serde_json::{Map, Value, json};

use crate::args::{AclCommand, Args, Command, PemCacheCommand};
use crate::everywhere;
use crate::here::{Misused, complain, fail, say};

/// What is cleaned, on which nodes, and what is said of it.
struct Cleaning {
    request: Request,
    nodes: Nodes,
    said: String,
}

enum Nodes {
    Here,
    One(String),
    All,
}

impl Cleaning {
    fn of(command: &Command) -> Option<Self> {
        let all = "Authorization cache drain started on all nodes";
        let (request, nodes, said) = if let Command::Acl(AclCommand::CacheClean { whose, node }) =
            command
        {
            let every = Request::AclCacheClean { client_id: None };
            match (whose.as_str(), node) {
                ("node", Some(node)) => {
                    let said = format!("Authorization cache drain started on node {node}");
                    (every, Nodes::One(node.clone()), said)
                }
                ("all", _) => (every, Nodes::All, all.to_owned()),
                // Wherever it is.
                (client_id, _) => {
                    let said = format!("Drain {} authz cache", render::shown(client_id));
                    let client_id = Some(client_id.to_owned());
                    (Request::AclCacheClean { client_id }, Nodes::All, said)
                }
            }
        } else if let Command::PemCache(PemCacheCommand::Clean { what, node }) = command {
            let said = "PEM cache clean";
            let (nodes, said) = match (what.as_deref(), node) {
                (Some("node"), Some(node)) => (Nodes::One(node.clone()), format!("{node} {said}")),
                (Some(_), _) => (Nodes::All, said.to_owned()),
                (None, _) => (Nodes::Here, said.to_owned()),
            };
            (Request::CertificatesReload, nodes, said)
        } else {
            return None;
        };
        Some(Self { request, nodes, said })
    }
}

/// Does it, if `args` ask for that.
pub(super) fn run(args: &Args, socket: &Path) -> Option<anyhow::Result<ExitCode>> {
    Cleaning::of(&args.command).map(|cleaning| clean(cleaning, args, socket))
}

fn clean(cleaning: Cleaning, args: &Args, socket: &Path) -> anyhow::Result<ExitCode> {
    let Cleaning { request, nodes, said } = cleaning;
    let nodes = match (nodes, &args.at, args.all) {
        (Nodes::One(_), Some(_), _) | (Nodes::One(_), _, true) => {
            anyhow::bail!(Misused("the node is named twice".into()))
        }
        (Nodes::One(node), None, false) => vec![Some(node)],
        (Nodes::Here | Nodes::All, Some(node), _) => vec![Some(node.clone())],
        (Nodes::Here, None, false) => vec![None],
        (Nodes::Here | Nodes::All, None, _) => {
            everywhere::running(socket)?.into_iter().map(Some).collect()
        }
    };
    let (mut found, mut failed, mut answers) = (false, false, Map::new());
    for node in nodes {
        let reply = match &node {
            Some(node) => everywhere::at(socket, node, request.clone())?,
            None => emqx_rs::ctl::ask::ask(socket, &request, crate::here::WAIT)?,
        };
        found |= reply != Reply::NotFound;
        if let Reply::Failed(why) = &reply {
            failed = true;
            let node = node.clone().map(|node| node + ": ").unwrap_or_default();
            if !args.json {
                complain(&format!("{node}{}", render::shown(why)));
            }
        }
        answers.insert(node.unwrap_or_default(), render::json(&reply));
    }
    match (found && !failed, args.json) {
        (true, true) => say(&format!("{:#}\n", json!({ "result": "ok" })))?,
        (true, false) => say(&format!("{said} OK\n"))?,
        (false, true) if failed => say(&format!("{:#}\n", Value::Object(answers)))?,
        (false, _) if !failed => fail("Not Found.", args.json),
        (false, _) => {}
    }
    Ok(ExitCode::from(u8::from(failed || !found)))
}
