//! Alarms: those that are active and those that are over.

use super::{
    answer::{Answer, object},
    call::Call,
    page::Page,
    plan::{Gathered, Of, Plan, Shape, ask},
};
use crate::ctl::{Reply, Request};

/// `/alarms`, `/alarms/activated`, `/alarms/deactivated`
pub(super) fn list(of: Of, activated: Option<bool>) -> Plan {
    let shape: Shape = match of {
        Of::Node(_) => |_, gathered| {
            let one = gathered.firsts().next().map(|(_, reply)| rows(reply));
            Answer::data(one.unwrap_or_default())
        },
        Of::All | Of::Here | Of::Home(_) => |_, gathered| of_each(gathered),
    };
    ask(of, Request::Alarms { activated }, shape)
}

/// The same in pages, each alarm with its node.
pub(super) fn paged(call: &Call, gathered: Gathered) -> Answer {
    let page = match Page::usual(call) {
        Ok(page) => page,
        Err(answer) => return answer,
    };
    let mut all = Vec::new();
    for (_, reply) in gathered.firsts() {
        if let serde_json::Value::Array(rows) = rows(reply) {
            all.extend(rows);
        }
    }
    page.answer(all, |row| row)
}

/// Forgets those that are over.
pub(super) fn forget(of: Of) -> Plan {
    ask(of, Request::AlarmsDelete, |_, _| Answer::done())
}

fn of_each(gathered: Gathered) -> Answer {
    let row = |(node, reply): (String, Reply)| {
        object(vec![("node", node.into()), ("alarms", rows(reply))])
    };
    Answer::data(gathered.firsts().map(row).collect())
}

fn rows(reply: Reply) -> serde_json::Value {
    let Reply::Alarms(rows) = reply else { return serde_json::Value::Null };
    serde_json::to_value(rows).unwrap_or_default()
}
