//! Who is banned. Bans are kept by each node, so all nodes are asked and told.

use std::collections::BTreeSet;

use serde_json::Value;

use super::{
    answer::{Answer, code, object},
    call::{Call, optional_number, optional_text, text},
    clients::{rfc3339, seconds},
    page::Page,
    plan::{Gathered, Of, Plan, ask},
};
use crate::{
    broker::bans::Target,
    ctl::{self, Reply, Request},
};

/// Seconds that a ban holds which names no end.
const USUAL: u64 = 300;
/// Who bans, if nobody says it.
const BY: &str = "mgmt_api";

/// `/banned`
pub(super) fn list() -> Plan {
    ask(Of::All, Request::Banned, |call, gathered| match Page::usual(call) {
        Ok(page) => page.answer(rows(gathered), |ban| row(call.is_v5(), ban)),
        Err(answer) => answer,
    })
}

/// A ban on every node.
///
/// # Errors
/// A field is missing or no such thing.
pub(super) fn add(call: &Call) -> Result<Plan, Answer> {
    let (body, now) = (call.json()?, call.at.as_ms() / 1000);
    let (kind, who) = (text(&body, "as")?, text(&body, "who")?);
    target(kind, who)?;
    // EMQX 4 has seconds, EMQX 5 a text.
    let until = match body.get("until").and_then(Value::as_str).and_then(seconds) {
        Some(until) => until,
        None => optional_number(&body, "until")?.unwrap_or(now.saturating_add(USUAL)),
    };
    let request = Request::BannedAdd {
        kind: kind.to_owned(),
        who: who.to_owned(),
        seconds: Some(until.saturating_sub(now)),
        reason: optional_text(&body, "reason")?.map(str::to_owned),
        by: Some(optional_text(&body, "by")?.unwrap_or(BY).to_owned()),
    };
    Ok(ask(Of::All, request, added))
}

fn added(call: &Call, _: Gathered) -> Answer {
    match call.json() {
        // What was asked for, which is what holds.
        Ok(ban) if call.is_v5() => Answer::data(ban),
        _ => Answer::done(),
    }
}

/// No ban any more, on every node.
///
/// # Errors
/// There can be none of this kind.
pub(super) fn remove(kind: &str, who: &str) -> Result<Plan, Answer> {
    target(kind, who)?;
    let request = Request::BannedDel { kind: kind.to_owned(), who: who.to_owned() };
    Ok(ask(Of::All, request, |call, gathered| {
        let there = gathered.firsts().any(|(_, reply)| reply == Reply::Done);
        if there || !call.is_v5() { Answer::done() } else { Answer::NOWHERE }
    }))
}

fn target(kind: &str, who: &str) -> Result<Target, Answer> {
    let what = "as is clientid, username or peerhost; of peerhost, who is an address or a block";
    Target::parse(kind, who).ok_or_else(|| Answer::fault(code::BAD_TYPE, what))
}

/// Bans of all nodes, each once.
fn rows(gathered: Gathered) -> Vec<ctl::Ban> {
    let (mut all, mut seen) = (Vec::new(), BTreeSet::new());
    for (_, reply) in gathered.firsts() {
        if let Reply::Banned(rows) = reply {
            let new = |ban: &ctl::Ban| {
                seen.insert((ban.kind.clone(), ban.who.clone(), ban.at_address.clone()))
            };
            all.extend(rows.into_iter().filter(new));
        }
    }
    all
}

fn row(v5: bool, ban: ctl::Ban) -> Value {
    let time =
        |seconds: u64| if v5 { rfc3339(seconds.saturating_mul(1000)) } else { seconds.into() };
    let mut fields = vec![
        ("as", ban.kind.into()),
        ("who", ban.who.into()),
        ("by", ban.by.into()),
        ("reason", ban.reason.into()),
        ("at", time(ban.at)),
        ("until", ban.until.map_or_else(|| "infinity".into(), time)),
    ];
    fields.extend(ban.at_address.map(|address| ("at_address", address.into())));
    object(fields)
}
