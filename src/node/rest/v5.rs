//! The paths of EMQX 5 below `/api/v5`: they ask what those of EMQX 4 ask, and answer in other words.
//!
//! What a shape makes for EMQX 4 is translated at the end ([`translated`]): a fault has a status of HTTP and a word, what was done
//! has no body, and a list stands without a code.

use serde_json::{Map, Value};

use super::{
    alarms,
    answer::{Answer, Content, code, object},
    bans,
    call::Call,
    clients, listeners,
    messages::{self, MOST},
    nodes,
    page::Page,
    plan::{Gathered, Of, Plan, Published, Refusal, ask},
    subscriptions,
};
use crate::{
    ctl::{Reply, Request, data::Row},
    topic::{BadTopic, TopicName},
};

/// What is to be done for a request.
///
/// # Errors
/// The answer, where nothing is.
pub(super) fn plan(call: &Call, path: &[&str]) -> Result<Plan, Answer> {
    match path {
        ["mqtt", "retainer", path @ ..] => retainer(call, path),
        ["nodes", node] if call.reads() => Ok(nodes_of(Of::node(Some(node)))),
        ["nodes", node, path @ ..] => of_nodes(call, Some(node), path),
        path => of_nodes(call, None, path),
    }
}

fn of_nodes(call: &Call, node: Option<&str>, path: &[&str]) -> Result<Plan, Answer> {
    let of = Of::node(node);
    Ok(match (call.verb(), path) {
        ("GET", ["cluster"]) => ask(Of::Here, Request::ClusterStatus, cluster),
        ("GET", ["nodes"]) => nodes_of(of),
        ("GET", ["metrics"]) => numbers(of, Request::Metrics),
        ("GET", ["stats"]) => numbers(of, Request::Stats),
        ("GET", ["clients"]) => clients::list(of),
        ("GET", ["clients", client_id]) => {
            let request = Request::Clients { client_id: Some((*client_id).to_owned()) };
            ask(of, request, clients::alone)
        }
        ("DELETE", ["clients", client_id]) => clients::kick(client_id),
        ("GET", ["clients", client_id, "subscriptions"]) => subscriptions::of_client(of, client_id),
        ("POST", ["clients", client_id, what @ ("subscribe" | "unsubscribe")]) => {
            let mut body = call.json()?;
            if let Value::Object(fields) = &mut body {
                fields.insert("clientid".into(), (*client_id).into());
            }
            let subscribe = *what == "subscribe";
            (if subscribe { subscriptions::subscribe } else { subscriptions::unsubscribe })(&body)?
        }
        ("GET", ["subscriptions"]) => subscriptions::list(of),
        ("GET", ["topics"]) => subscriptions::routes(None),
        ("GET", ["topics", topic]) => subscriptions::routes(Some(topic)),
        ("GET", ["listeners"]) => ask(of, Request::Listeners, listeners::running),
        ("GET", ["alarms"]) => {
            let activated = call.asked("activated") != Some("false");
            ask(of, Request::Alarms { activated: Some(activated) }, alarms::paged)
        }
        ("DELETE", ["alarms"]) => alarms::forget(of),
        ("GET", ["banned"]) => bans::list(),
        ("POST", ["banned"]) => bans::add(call)?,
        ("DELETE", ["banned", kind, who]) => bans::remove(kind, who)?,
        ("POST", ["publish"]) => publish(&call.json()?)?,
        ("POST", ["publish", "bulk"]) => publish_all(&call.json()?)?,
        _ => return Err(Answer::NOWHERE),
    })
}

fn nodes_of(of: Of) -> Plan {
    let requests = vec![Request::Broker, Request::Stats, Request::Vm];
    let alone = matches!(of, Of::Node(_));
    Plan::Ask { of, requests, shape: if alone { one_node } else { all_nodes } }
}

fn one_node(_: &Call, gathered: Gathered) -> Answer {
    let one = gathered.nodes.first().map(|(name, replies)| node(name, replies));
    one.map_or(Answer::NOWHERE, Answer::data)
}

fn all_nodes(_: &Call, gathered: Gathered) -> Answer {
    let running = gathered.nodes.iter().map(|(name, replies)| node(name, replies));
    let stopped = |name: &String| {
        object(vec![("node", name.as_str().into()), ("node_status", "stopped".into())])
    };
    Answer::data(running.chain(gathered.stopped.iter().map(stopped)).collect())
}

fn node(name: &str, replies: &[Reply]) -> Value {
    let mut row = nodes::node(name, replies);
    if let (Value::Object(row), Some(Reply::Broker(broker))) = (&mut row, replies.first()) {
        row.insert("node_status".into(), "running".into());
        row.insert("uptime".into(), broker.uptime_ms.into());
        row.insert("role".into(), "core".into());
    }
    row
}

fn cluster(_: &Call, gathered: Gathered) -> Answer {
    let Some((_, Reply::Cluster(cluster))) = gathered.firsts().next() else {
        return Answer::NOWHERE;
    };
    let nodes = cluster.running_nodes.into_iter().map(Value::from).collect();
    let fields =
        vec![("name", cluster.name.into()), ("nodes", nodes), ("self", cluster.node.into())];
    Answer::data(object(fields))
}

/// Numbers by node, or with `aggregate=true` their sums.
fn numbers(of: Of, request: Request) -> Plan {
    ask(of, request, |call, gathered| {
        let mut rows: Vec<Map<String, Value>> = Vec::new();
        for (node, reply) in gathered.firsts() {
            if let Reply::Numbers(numbers) = reply {
                let mut row: Map<String, Value> =
                    numbers.into_iter().map(|(name, n)| (name, n.into())).collect();
                row.insert("node".into(), node.into());
                rows.push(row);
            }
        }
        if call.asked("aggregate") == Some("true") {
            let mut sums = Map::new();
            for (name, value) in rows.into_iter().flatten() {
                let sum = sums.get(&name).and_then(Value::as_u64).unwrap_or(0);
                if let Some(more) = value.as_u64() {
                    sums.insert(name, sum.saturating_add(more).into());
                }
            }
            return Answer::data(Value::Object(sums));
        }
        if matches!(call.path.get(2).map(String::as_str), Some("nodes")) {
            return rows
                .into_iter()
                .next()
                .map_or(Answer::NOWHERE, |row| Answer::data(Value::Object(row)));
        }
        Answer::data(rows.into_iter().map(Value::Object).collect())
    })
}

fn publish(body: &Value) -> Result<Plan, Answer> {
    let topic = super::call::text(body, "topic")?;
    let messages = vec![messages::publication(body, topic, "payload_encoding")?];
    Ok(Plan::Publish {
        messages,
        shape: |done| {
            done.first().map_or(Answer::NOWHERE, |one| {
                let (status, row) = published(one);
                Answer::json(status, row)
            })
        },
    })
}

fn publish_all(body: &Value) -> Result<Plan, Answer> {
    let odd = || Answer::fault(code::BAD_TYPE, "an array of at most 1000 messages is wanted");
    let rows = body.as_array().filter(|rows| rows.len() <= MOST).ok_or_else(odd)?;
    let one = |row: &Value| {
        messages::publication(row, super::call::text(row, "topic")?, "payload_encoding")
    };
    let messages = rows.iter().map(one).collect::<Result<_, Answer>>()?;
    Ok(Plan::Publish {
        messages,
        shape: |done| {
            let rows: Vec<(u16, Value)> = done.iter().map(published).collect();
            let status = rows.iter().map(|(status, _)| *status).max().unwrap_or(200);
            Answer::json(status, rows.into_iter().map(|(_, row)| row).collect())
        },
    })
}

/// What became of a message: its number, or a reason code of MQTT 5.
fn published(one: &Published) -> (u16, Value) {
    let fault = |status, reason: u16, why: &str| {
        (status, object(vec![("reason_code", reason.into()), ("message", why.into())]))
    };
    match (one.refused, one.matched) {
        (Some(Refusal { code: code::BAD_TOPIC, why }), _) => fault(400, 0x90, why),
        (Some(Refusal { why, .. }), _) => fault(503, 0x97, why),
        (None, false) => fault(202, 16, "no_matching_subscribers"),
        (None, true) => (200, object(vec![("id", one.id.to_string().into())])),
    }
}

fn retainer(call: &Call, path: &[&str]) -> Result<Plan, Answer> {
    let here = |requests, shape| Plan::Ask { of: Of::Here, requests, shape };
    let name = |topic: &str| {
        let bad = |bad: BadTopic| Answer::fault(code::BAD_TOPIC, &bad.to_string());
        TopicName::parse(topic).map(|topic| topic.as_str().to_owned()).map_err(bad)
    };
    Ok(match (call.verb(), path) {
        ("GET", ["messages"]) => {
            let (start, limit) = Page::usual(call)?.span();
            let topics = Request::RetainerTopics { start, limit };
            here(vec![Request::RetainerInfo, topics], retained)
        }
        ("DELETE", ["messages"]) => {
            here(vec![Request::RetainerClean { topic: None }], |_, _| Answer::done())
        }
        ("GET", ["message", topic]) => {
            here(vec![Request::Retained { topic: name(topic)? }], one_retained)
        }
        ("DELETE", ["message", topic]) => {
            let topic = name(topic)?;
            let clean = Request::RetainerClean { topic: Some(topic.clone()) };
            here(vec![Request::Retained { topic }, clean], |call, gathered| {
                let there = one_retained(call, gathered);
                if there == Answer::NOWHERE { there } else { Answer::done() }
            })
        }
        _ => return Err(Answer::NOWHERE),
    })
}

fn retained(call: &Call, gathered: Gathered) -> Answer {
    let Ok(page) = Page::usual(call) else { return Answer::NOWHERE };
    let mut replies = gathered.nodes.into_iter().flat_map(|(_, replies)| replies);
    let (Some(Reply::Retainer(info)), Some(Reply::RetainedTopics(topics))) =
        (replies.next(), replies.next())
    else {
        return Answer::NOWHERE;
    };
    let count = usize::try_from(info.total).unwrap_or(usize::MAX);
    let rows = topics.into_iter().map(|topic| object(vec![("topic", topic.into())]));
    page.of_whole(rows.collect(), count)
}

fn one_retained(_: &Call, gathered: Gathered) -> Answer {
    let Some((_, Reply::Data(rows))) = gathered.firsts().next() else { return Answer::NOWHERE };
    let Some(Row::Retained(row)) = rows.into_iter().next() else { return Answer::NOWHERE };
    Answer::data(object(vec![
        ("topic", row.topic.into()),
        ("qos", row.qos.into()),
        ("payload", row.payload.into()),
    ]))
}

/// An answer of EMQX 4 as EMQX 5 says it; what is one of EMQX 5 stays.
pub(super) fn translated(answer: Answer) -> Answer {
    let Answer { status, content } = answer;
    let fields = match content {
        Content::Json(Value::Object(fields)) => fields,
        Content::Nothing if status == 404 => {
            return fault(404, "NOT_FOUND", "there is none".into());
        }
        content @ (Content::Nothing | Content::Text(_) | Content::Json(_)) => {
            return Answer { status, content };
        }
    };
    let Some(number) = fields.get("code").and_then(Value::as_u64) else {
        return Answer::json(status, Value::Object(fields));
    };
    let mut fields = fields;
    if number == 0 {
        fields.remove("code");
        return if fields.contains_key("meta") {
            Answer::json(200, Value::Object(fields))
        } else {
            fields.remove("data").map_or(Answer::bare(204), |data| Answer::json(200, data))
        };
    }
    let message = fields.remove("message").unwrap_or_default();
    let (status, word) = match u16::try_from(number).unwrap_or(0) {
        code::NO_CREDENTIALS | code::WRONG_CREDENTIALS => (401, "BAD_API_KEY_OR_SECRET"),
        code::NOT_ONLINE => (404, "CLIENTID_NOT_FOUND"),
        code::NO_USER => (404, "NOT_FOUND"),
        code::USER_EXISTS => (409, "ALREADY_EXISTS"),
        code::BAD_RPC => (503, "SERVICE_UNAVAILABLE"),
        code::UNKNOWN => (500, "INTERNAL_ERROR"),
        _ => (400, "BAD_REQUEST"),
    };
    fault(status, word, message)
}

fn fault(status: u16, word: &str, message: Value) -> Answer {
    Answer::json(status, object(vec![("code", word.into()), ("message", message)]))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn answers_are_translated() {
        for (answer, want) in [
            (Answer::done(), Answer::bare(204)),
            (Answer::data(json!({ "a": 1 })), Answer::json(200, json!({ "a": 1 }))),
            (
                Answer::json(200, json!({ "code": 0, "data": [], "meta": {} })),
                Answer::json(200, json!({ "data": [], "meta": {} })),
            ),
            (
                Answer::fault(112, "x"),
                Answer::json(404, json!({ "code": "CLIENTID_NOT_FOUND", "message": "x" })),
            ),
            (
                Answer::fault_with(401, 103, "x"),
                Answer::json(401, json!({ "code": "BAD_API_KEY_OR_SECRET", "message": "x" })),
            ),
            (
                Answer::NOWHERE,
                Answer::json(404, json!({ "code": "NOT_FOUND", "message": "there is none" })),
            ),
            (Answer::bare(413), Answer::bare(413)),
            (
                Answer::json(202, json!({ "reason_code": 16 })),
                Answer::json(202, json!({ "reason_code": 16 })),
            ),
        ] {
            assert_eq!(translated(answer), want);
        }
    }
}
