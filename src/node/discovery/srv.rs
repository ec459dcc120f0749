//! SRV records for discovery `dns` (build feature `dns-srv`): the nodes are `app@target`. Ports in the records do not count, as in
//! EMQX: they are those that clients connect to. Answers are kept for their TTL.

use std::time::Duration;

use hickory_resolver::{TokioResolver, proto::rr::RData};
use tokio::{sync::mpsc::Sender, time::timeout};

use super::{dns::fault, pace::Pace};
use crate::{
    cluster::{NodeName, Target, settings::Dns},
    sort,
};

const LIMIT: Duration = Duration::from_secs(15);

/// Looks the records up for as long as somebody listens.
pub(super) async fn run(dns: &Dns, mut pace: Pace, found: Sender<Vec<Target>>) {
    let mut resolver = None;
    while pace.next(look_up(dns, &mut resolver).await, &found).await {}
}

async fn look_up(dns: &Dns, resolver: &mut Option<TokioResolver>) -> Result<Vec<Target>, String> {
    let answer = timeout(LIMIT, Box::pin(ask(dns, resolver))).await;
    let late = format!("no answer within {} s", LIMIT.as_secs());
    let answer = answer.unwrap_or(Err(late)).and_then(|targets| {
        if targets.is_empty() { Err("no such records".to_owned()) } else { Ok(targets) }
    });
    answer.map_err(|what| {
        // With a new one /etc/resolv.conf is read again.
        *resolver = None;
        fault(dns, &what, &format!("dig SRV {}", dns.name))
    })
}

async fn ask(dns: &Dns, resolver: &mut Option<TokioResolver>) -> Result<Vec<Target>, String> {
    let resolver = match resolver {
        Some(resolver) => resolver,
        None => {
            let fresh = TokioResolver::builder_tokio().and_then(|builder| builder.build());
            resolver.insert(fresh.map_err(|error| format!("/etc/resolv.conf: {error}"))?)
        }
    };
    let answer = resolver.srv_lookup(dns.name.as_str()).await.map_err(|error| error.to_string())?;
    let mut targets: Vec<Target> = answer
        .answers()
        .iter()
        .filter_map(|record| {
            let RData::SRV(srv) = &record.data else { return None };
            let host = srv.target.to_utf8();
            let name = format!("{}@{}", dns.app, host.trim_end_matches('.'));
            Some(Target { name: NodeName::parse(&name).ok()?, port: dns.port, addrs: Vec::new() })
        })
        .collect();
    sort::sort_by(&mut targets, |a, b| a.name.cmp(&b.name));
    targets.dedup_by(|a, b| a.name == b.name);
    Ok(targets)
}
