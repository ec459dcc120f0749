//! Nodes: whether this one is there, what each is and takes (`/status`, `/brokers`, `/nodes`), its counters and gauges.

use std::collections::BTreeMap;

use serde_json::Value;

use super::{
    answer::{Answer, object},
    plan::{Gathered, Of, Plan, Shape, ask},
};
use crate::ctl::{self, Reply, Request, render::uptime};

/// What stands where EMQX has a release of Erlang.
const NO_ERLANG: &str = "none";

/// `/status`: for whoever watches whether the node is there.
pub(super) fn status() -> Plan {
    ask(Of::Here, Request::Status, |call, gathered| {
        let Some((_, Reply::Status(status))) = gathered.firsts().next() else {
            return Answer::bare(503);
        };
        let running = status.state == "started";
        let what = if running { "running" } else { "not running" };
        if call.asked("format") == Some("json") {
            let fields = vec![
                ("node_name", status.node.into()),
                ("rel_vsn", status.version.into()),
                ("broker_status", status.state.into()),
                ("app_status", what.into()),
            ];
            return Answer::json(if running { 200 } else { 503 }, object(fields));
        }
        let text = format!("Node {} is {}\nemqx is {what}", status.node, status.state);
        Answer::text(if running { 200 } else { 503 }, text)
    })
}

/// `/brokers`, `/brokers/:node`
pub(super) fn brokers(of: Of) -> Plan {
    let shape: Shape = match of {
        Of::Node(_) => |_, gathered| first(rows(gathered, broker)),
        Of::All | Of::Here | Of::Home(_) => |_, gathered| Answer::data(rows(gathered, broker)),
    };
    ask(of, Request::Broker, shape)
}

/// `/nodes`, `/nodes/:node`
pub(super) fn nodes(of: Of) -> Plan {
    let shape: Shape = match of {
        Of::Node(_) => |_, gathered| first(rows(gathered, node)),
        Of::All | Of::Here | Of::Home(_) => |_, gathered| Answer::data(rows(gathered, node)),
    };
    Plan::Ask { of, requests: vec![Request::Broker, Request::Stats, Request::Vm], shape }
}

/// `/metrics` and `/stats`: of a node alone its numbers, of all of them with the names of the nodes.
pub(super) fn numbers(of: Of, request: Request) -> Plan {
    let shape: Shape = match (&of, &request) {
        (Of::Node(_), _) => |_, gathered| {
            let numbers = gathered.firsts().next().map(|(_, reply)| numbered(&reply));
            Answer::data(numbers.unwrap_or_default())
        },
        (_, Request::Metrics) => |_, gathered| of_each(gathered, "metrics"),
        _ => |_, gathered| of_each(gathered, "stats"),
    };
    ask(of, request, shape)
}

fn of_each(gathered: Gathered, name: &str) -> Answer {
    let row = |(node, reply): (String, Reply)| {
        object(vec![("node", node.into()), (name, numbered(&reply))])
    };
    Answer::data(gathered.firsts().map(row).collect())
}

fn numbered(reply: &Reply) -> Value {
    let Reply::Numbers(numbers) = reply else { return Value::Null };
    numbers.iter().map(|(name, n)| (name.clone(), *n)).collect()
}

/// A row of each node that runs, and of each that does not.
fn rows(gathered: Gathered, row: fn(&str, &[Reply]) -> Value) -> Value {
    let stopped = |name: &String| {
        let (name, status) = (name.as_str().into(), "Stopped".into());
        object(vec![("node", name), ("node_status", status)])
    };
    let running = gathered.nodes.iter().map(|(name, replies)| row(name, replies));
    running.chain(gathered.stopped.iter().map(stopped)).collect()
}

fn first(rows: Value) -> Answer {
    let Value::Array(rows) = rows else { return Answer::NOWHERE };
    rows.into_iter().next().map_or(Answer::NOWHERE, Answer::data)
}

fn broker(name: &str, replies: &[Reply]) -> Value {
    let Some(Reply::Broker(broker)) = replies.first() else { return Value::Null };
    let ctl::Broker { sysdescr, version, uptime_ms, datetime } = broker;
    object(vec![
        ("node", name.into()),
        ("node_status", "Running".into()),
        ("version", version.as_str().into()),
        ("sysdescr", sysdescr.as_str().into()),
        ("uptime", uptime(*uptime_ms).into()),
        ("datetime", datetime.as_str().into()),
        ("otp_release", NO_ERLANG.into()),
    ])
}

pub(super) fn node(name: &str, replies: &[Reply]) -> Value {
    let [Reply::Broker(broker), Reply::Numbers(stats), Reply::Vm(vm)] = replies else {
        return Value::Null;
    };
    let stat = |name: &str| stats.get(name).copied().unwrap_or(0).into();
    let mut fields = vec![
        ("node", name.into()),
        ("node_status", "Running".into()),
        ("version", broker.version.as_str().into()),
        ("uptime", uptime(broker.uptime_ms).into()),
        ("otp_release", NO_ERLANG.into()),
        ("connections", stat("connections.count")),
        ("live_connections", stat("live_connections.count")),
    ];
    for (name, of) in [("load1", "cpu/load1"), ("load5", "cpu/load5"), ("load15", "cpu/load15")] {
        fields.extend(vm.get(of).map(|load| (name, load.as_str().into())));
    }
    for (name, of) in [("memory_total", "memory/total"), ("memory_used", "memory/used")] {
        fields.extend(number(vm, of).map(|bytes| (name, size(bytes).into())));
    }
    for (name, of) in [("process_used", "process/count"), ("max_fds", "io/max_fds")] {
        fields.extend(number(vm, of).map(|number| (name, number.into())));
    }
    object(fields)
}

pub(super) fn number(vm: &BTreeMap<String, String>, name: &str) -> Option<u64> {
    vm.get(name)?.parse().ok()
}

/// Bytes as EMQX says them: `7.60G`.
fn size(bytes: u64) -> String {
    let units = [(1_u64 << 30, 'G'), (1 << 20, 'M'), (1 << 10, 'K')];
    let Some((unit, letter)) = units.into_iter().find(|(unit, _)| bytes >= *unit) else {
        return bytes.to_string();
    };
    format!("{}.{:02}{letter}", bytes / unit, bytes % unit * 100 / unit)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_short() {
        for (bytes, want) in [(7, "7"), (1536, "1.50K"), (8_160_437_863, "7.60G")] {
            assert_eq!(size(bytes), want);
        }
    }
}
