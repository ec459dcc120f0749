//! `traces`: a trace on every node at once, as EMQX has it. Its name is that of its files.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::ExitCode;

use emqx_rs::ctl::{Reply, Request, Trace, render};
use serde_json::json;

use crate::args::TracesCommand;
use crate::everywhere;
use crate::here::{complain, fail, say};

/// A trace with the nodes that write it, and what they have written.
struct Named {
    first: Trace,
    bytes: BTreeMap<String, u64>,
}

/// Runs one of them.
pub(super) fn run(command: &TracesCommand, socket: &Path, json: bool) -> anyhow::Result<ExitCode> {
    match command {
        TracesCommand::List => list(socket, json),
        TracesCommand::Start { name, kind, what, duration } => {
            let request = Request::TraceStart {
                kind: kind.clone(),
                what: what.clone(),
                file: Some(format!("{name}.log")),
                level: None,
                seconds: Some(*duration),
            };
            let name = render::shown(name);
            let done = format!("cluster_trace {kind} {} {name} successfully", render::shown(what));
            let replies = on_all(socket, &request)?;
            tell(&replies, |reply| matches!(reply, Reply::TraceStarted(_)), &done, json)
        }
        TracesCommand::Stop { name } => {
            let all = running(socket)?;
            let shown = render::shown(name);
            let Some(Named { first, bytes }) = all.get(name) else {
                fail(&format!("no trace {shown} runs"), json);
                return Ok(ExitCode::from(1));
            };
            let request = Request::TraceStop { kind: first.kind.clone(), what: first.what.clone() };
            let mut replies = Vec::new();
            for node in bytes.keys() {
                replies.push((node.clone(), everywhere::at(socket, node, request.clone())?));
            }
            let done = format!("Stop cluster_trace {shown} successfully");
            tell(&replies, |reply| matches!(reply, Reply::TraceStopped { .. }), &done, json)
        }
    }
}

fn on_all(socket: &Path, request: &Request) -> anyhow::Result<Vec<(String, Reply)>> {
    let nodes = everywhere::running(socket)?.into_iter();
    nodes.map(|node| everywhere::at(socket, &node, request.clone()).map(|it| (node, it))).collect()
}

/// Those that run on some node, by name.
fn running(socket: &Path) -> anyhow::Result<BTreeMap<String, Named>> {
    let mut all: BTreeMap<String, Named> = BTreeMap::new();
    for (node, reply) in on_all(socket, &Request::Traces)? {
        let Reply::Traces(rows) = reply else {
            complain(&format!("{node}: {}", render::text(&reply).trim_end()));
            continue;
        };
        for row in rows {
            let name = row.file.file_stem().unwrap_or_default().to_string_lossy().into_owned();
            let bytes = row.bytes;
            let named = || Named { first: row, bytes: BTreeMap::new() };
            all.entry(name).or_insert_with(named).bytes.insert(node.clone(), bytes);
        }
    }
    Ok(all)
}

fn list(socket: &Path, json: bool) -> anyhow::Result<ExitCode> {
    let all = running(socket)?;
    if json {
        let row = |(name, Named { first, bytes }): (&String, &Named)| {
            json!({
                "name": name, "type": first.kind, "what": first.what, "until": first.until,
                "status": "running", "log_size": bytes,
            })
        };
        say(&format!("{:#}\n", json!(all.iter().map(row).collect::<Vec<_>>())))?;
        return Ok(ExitCode::SUCCESS);
    }
    for (name, Named { first, bytes }) in &all {
        let sizes: Vec<_> = bytes.iter().map(|(node, n)| format!("'{node}' => {n}")).collect();
        let (name, what) = (render::shown(name), render::shown(&first.what));
        let (kind, sizes) = (&first.kind, sizes.join(","));
        say(&format!("Trace({name}: {kind}={what}, running, LogSize:#{{{sizes}}})\n"))?;
    }
    Ok(ExitCode::SUCCESS)
}

/// What the nodes said: `done` if all of them did it.
fn tell(
    replies: &[(String, Reply)],
    good: impl Fn(&Reply) -> bool,
    done: &str,
    json: bool,
) -> anyhow::Result<ExitCode> {
    let bad: Vec<_> = replies.iter().filter(|(_, reply)| !good(reply)).collect();
    if json {
        let of = |(node, reply): &(String, Reply)| (node.clone(), render::json(reply));
        say(&format!("{:#}\n", json!(replies.iter().map(of).collect::<BTreeMap<_, _>>())))?;
    } else {
        for (node, reply) in &bad {
            complain(&format!("{node}: {}", render::text(reply).trim_end()));
        }
        if bad.is_empty() {
            say(&format!("{done}\n"))?;
        }
    }
    Ok(ExitCode::from(u8::from(!bad.is_empty())))
}
