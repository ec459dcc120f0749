//! `doctor`: what the node says and what the host shows, examined.

use std::path::Path;
use std::process::ExitCode;

use emqx_rs::ctl::doctor::{
    self, Grade, Told,
    host::{self, Host},
};
use emqx_rs::ctl::{self, Reply, Request, render};

use crate::here::{WAIT, say, usual_data};

/// Looks for what keeps nodes apart; exit 1 if something does.
pub(super) fn run(socket: &Path, json: bool) -> anyhow::Result<ExitCode> {
    let (cluster, silence) = match ctl::ask::ask(socket, &Request::ClusterStatus, WAIT) {
        Ok(Reply::Cluster(cluster)) => (Some(cluster), String::new()),
        Ok(other) => (None, render::text(&other).trim_end().to_owned()),
        Err(error) => (None, error.to_string()),
    };
    let discovery = match ctl::ask::ask(socket, &Request::ClusterDiscover, WAIT) {
        Ok(Reply::Discovery(discovery)) => Some(discovery),
        Ok(_) | Err(_) => None,
    };
    let node = cluster.as_ref().map(|cluster| cluster.node.as_str());
    // A node that does not answer has its data at the usual place, as far as is known here.
    let data = cluster.as_ref().map_or_else(usual_data, |cluster| cluster.data.clone());
    let host = Host::look(node, host::process_at(socket), &data);
    let findings = doctor::examine(&Told { cluster, silence, discovery }, &host);
    if json {
        say(&format!("{:#}\n", serde_json::to_value(&findings)?))?;
    } else {
        say(&doctor::text(&findings))?;
    }
    let faults = findings.iter().any(|finding| finding.grade == Grade::Fault);
    Ok(ExitCode::from(u8::from(faults)))
}
