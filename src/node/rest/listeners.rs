//! What is open for clients.

use serde_json::Value;

use super::{
    answer::{Answer, object},
    call::Call,
    plan::{Gathered, Of, Plan, Shape, ask},
};
use crate::ctl::{Listener, Reply, Request};

/// `/listeners`, `/nodes/:node/listeners`
pub(super) fn list(of: Of) -> Plan {
    let shape: Shape = match of {
        Of::Node(_) => |_, gathered| {
            let one = gathered.firsts().next().map(|(_, reply)| rows(&reply));
            Answer::data(one.unwrap_or_default())
        },
        Of::All | Of::Here | Of::Home(_) => |_, gathered| of_each(gathered),
    };
    ask(of, Request::Listeners, shape)
}

/// Of each node, as EMQX 5 tells of them.
pub(super) fn running(_: &Call, gathered: Gathered) -> Answer {
    let mut all = Vec::new();
    for (node, reply) in gathered.firsts() {
        let Reply::Listeners(rows) = reply else { continue };
        all.extend(rows.iter().map(|one| {
            let id = one.id.strip_prefix("mqtt:").unwrap_or(&one.id);
            object(vec![
                ("node", node.as_str().into()),
                ("id", id.into()),
                ("type", id.split(':').next().into()),
                ("bind", one.listen_on.as_str().into()),
                ("running", one.closed.is_none().into()),
                ("max_connections", one.max_conns.into()),
                ("current_connections", one.current_conn.into()),
            ])
        }));
    }
    Answer::data(Value::Array(all))
}

fn of_each(gathered: Gathered) -> Answer {
    let row = |(node, reply): (String, Reply)| {
        object(vec![("node", node.into()), ("listeners", rows(&reply))])
    };
    Answer::data(gathered.firsts().map(row).collect())
}

fn rows(reply: &Reply) -> Value {
    let Reply::Listeners(rows) = reply else { return Value::Null };
    rows.iter().map(row).collect()
}

fn row(one: &Listener) -> Value {
    let protocol = one.id.rsplit_once(':').map_or("", |(protocol, _)| protocol);
    let counts = one.shutdown_count.iter().map(|(why, count)| object(vec![(why, (*count).into())]));
    object(vec![
        ("identifier", one.id.as_str().into()),
        ("protocol", protocol.into()),
        ("listen_on", one.listen_on.as_str().into()),
        ("acceptors", one.acceptors.into()),
        ("max_conns", one.max_conns.into()),
        ("current_conns", one.current_conn.into()),
        ("shutdown_count", counts.collect()),
    ])
}
