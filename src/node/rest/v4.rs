//! The paths of EMQX 4 below `/api/v4`.

use serde_json::{Value, json};

use super::{
    alarms,
    answer::{Answer, code},
    bans,
    call::Call,
    clients, listeners,
    messages::{self, MOST},
    nodes,
    plan::{Load, Of, Plan, ask},
    subscriptions,
    users::{self, Kind},
};
use crate::ctl::Request;

/// What is to be done for a request.
///
/// # Errors
/// The answer, where nothing is.
pub(super) fn plan(call: &Call, path: &[&str]) -> Result<Plan, Answer> {
    match path {
        ["auth_username", path @ ..] => users::plan(Kind::User, call, path),
        ["auth_clientid", path @ ..] => users::plan(Kind::Client, call, path),
        ["mqtt", what] if call.verb() == "POST" => mqtt(what, &call.json()?),
        ["banned", path @ ..] => banned(call, path),
        ["nodes", node] if call.reads() => Ok(nodes::nodes(Of::node(Some(node)))),
        ["nodes", node, path @ ..] => of_nodes(call, Some(node), path),
        path => of_nodes(call, None, path),
    }
}

/// What can be asked of all nodes and of one.
fn of_nodes(call: &Call, node: Option<&str>, path: &[&str]) -> Result<Plan, Answer> {
    let of = Of::node(node);
    Ok(match (call.verb(), path) {
        ("GET", ["brokers"]) => nodes::brokers(of),
        ("GET", ["brokers", node]) => nodes::brokers(Of::node(Some(node))),
        ("GET", ["nodes"]) => nodes::nodes(of),
        ("GET", ["metrics"]) => nodes::numbers(of, Request::Metrics),
        ("GET", ["stats"]) => nodes::numbers(of, Request::Stats),
        ("GET", ["clients"]) => clients::list(of),
        ("GET", ["clients", "username", _]) => clients::of_user(of),
        ("GET", ["clients", client_id]) => clients::one(of, client_id),
        ("DELETE", ["clients", client_id]) => clients::kick(client_id),
        ("DELETE", ["clients", client_id, "acl_cache"]) => clients::clean_cache(client_id),
        ("DELETE", ["acl-cache"]) => {
            ask(of, Request::AclCacheClean { client_id: None }, |_, _| Answer::done())
        }
        ("GET", ["subscriptions"]) => subscriptions::list(of),
        ("GET", ["subscriptions", client_id]) => subscriptions::of_client(of, client_id),
        ("GET", ["routes"]) => subscriptions::routes(None),
        ("GET", ["routes", topic]) => subscriptions::routes(Some(topic)),
        ("GET", ["listeners"]) => listeners::list(of),
        ("GET", ["alarms"]) => alarms::list(of, None),
        ("GET", ["alarms", "activated"]) => alarms::list(of, Some(true)),
        ("GET", ["alarms", "deactivated"]) => alarms::list(of, Some(false)),
        ("DELETE", ["alarms", "deactivated"]) => alarms::forget(of),
        _ => return Err(Answer::NOWHERE),
    })
}

fn banned(call: &Call, path: &[&str]) -> Result<Plan, Answer> {
    match (call.verb(), path) {
        ("GET", []) => Ok(bans::list()),
        ("POST", []) => bans::add(call),
        ("DELETE", [kind, who]) => bans::remove(kind, who),
        _ => Err(Answer::NOWHERE),
    }
}

fn mqtt(what: &str, body: &Value) -> Result<Plan, Answer> {
    match what {
        "publish" => messages::publish(body),
        "subscribe" => subscriptions::subscribe(body),
        "unsubscribe" => subscriptions::unsubscribe(body),
        "publish_batch" => batch(body, messages::publish),
        "subscribe_batch" => batch(body, subscriptions::subscribe),
        "unsubscribe_batch" => batch(body, subscriptions::unsubscribe),
        _ => Err(Answer::NOWHERE),
    }
}

/// Each row by itself: one that is none does not keep the others from what they are about. Together they are no more than one
/// request may ask for.
fn batch(body: &Value, plan: fn(&Value) -> Result<Plan, Answer>) -> Result<Plan, Answer> {
    let odd = || Answer::fault(code::BAD_TYPE, "an array of at most 1000 rows is wanted");
    let rows = body.as_array().filter(|rows| rows.len() <= MOST).ok_or_else(odd)?;
    let mut load = Load::default();
    let row = |row: &Value| {
        let field = |name| row.get(name).cloned().unwrap_or_default();
        let about = json!({ "topic": field("topic"), "clientid": field("clientid") });
        let plan = plan(row).unwrap_or_else(Plan::Done);
        load.add(&plan)?;
        Ok((about, plan))
    };
    Ok(Plan::Batch(rows.iter().map(row).collect::<Result<_, Answer>>()?))
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use hyper::Method;

    use super::super::answer::Content;
    use super::*;

    fn planned(method: &str, path: &str, body: &str) -> Plan {
        let method = Method::from_bytes(method.as_bytes()).unwrap();
        let mut call = Call::parse(method, &format!("/api/v4/{path}"), "", 100).unwrap();
        call.body = Bytes::copy_from_slice(body.as_bytes());
        super::super::plan(&call)
    }

    #[test]
    fn paths_lead_to_questions() {
        let all = Of::All;
        let node = || Of::Node("n@h".into());
        let home = || Of::Home("c/1".into());
        let client_id = || Some("c/1".to_owned());
        for (method, path, of, request) in [
            ("GET", "brokers", all.clone(), Request::Broker),
            ("GET", "brokers/n@h", node(), Request::Broker),
            ("GET", "nodes/n@h", node(), Request::Broker),
            ("HEAD", "nodes/n@h/stats", node(), Request::Stats),
            ("GET", "metrics", all.clone(), Request::Metrics),
            ("GET", "clients/c%2F1", all.clone(), Request::Clients { client_id: client_id() }),
            ("GET", "nodes/n%40h/clients", node(), Request::Clients { client_id: None }),
            ("DELETE", "clients/c%2F1", home(), Request::ClientsKick { client_id: "c/1".into() }),
            ("GET", "routes/a%2Fb", Of::Here, Request::Routes { topic: Some("a/b".into()) }),
            ("GET", "alarms/activated", all.clone(), Request::Alarms { activated: Some(true) }),
            ("GET", "banned", all, Request::Banned),
        ] {
            let Plan::Ask { of: asked, requests, .. } = planned(method, path, "") else {
                panic!("{method} {path}");
            };
            assert!(asked == of && requests[0] == request, "{method} {path}: {requests:?}");
        }
    }

    #[test]
    fn what_is_nothing_is_told() {
        let told = |method, path, body| {
            let Plan::Done(answer) = planned(method, path, body) else {
                panic!("{method} {path} {body}");
            };
            answer
        };
        for (method, path) in [
            ("GET", "x"),
            ("GET", ""),
            ("PUT", "clients/c"),
            ("POST", "mqtt/x"),
            ("DELETE", "banned/x"),
        ] {
            assert_eq!(told(method, path, "{}"), Answer::NOWHERE, "{method} {path}");
        }
        let code = |answer: Answer| {
            let Content::Json(told) = answer.content else { return 0 };
            told["code"].as_u64().unwrap()
        };
        for (path, body, want) in [
            ("mqtt/publish", "x", 109),
            ("mqtt/publish", "{}", 107),
            ("mqtt/publish", r#"{"topic":"a/#","payload":""}"#, 115),
            ("mqtt/subscribe", r#"{"topic":"a","clientid":"c","qos":3}"#, 116),
            ("mqtt/subscribe", r#"{"topic":"a#","clientid":"c"}"#, 115),
            ("mqtt/publish_batch", "{}", 108),
            ("banned", r#"{"as":"peerhost","who":"x"}"#, 108),
            ("banned", r#"{"as":"clientid"}"#, 107),
        ] {
            assert_eq!(code(told("POST", path, body)), want, "{path} {body}");
        }
    }

    #[test]
    fn rows_of_a_batch_stand_alone() {
        let body = r#"[{"topic":"a","payload":""},{"topic":"b","qos":7,"payload":""}]"#;
        let Plan::Batch(rows) = planned("POST", "mqtt/publish_batch", body) else { panic!() };
        let good: Vec<_> =
            rows.iter().map(|(_, plan)| matches!(plan, Plan::Publish { .. })).collect();
        assert_eq!(good, [true, false]);
    }

    #[test]
    fn rows_of_a_batch_are_bounded_together() {
        let topics = vec!["a"; MOST / 2].join(",");
        for (path, row) in [
            ("mqtt/publish_batch", json!({ "topics": topics, "payload": "" })),
            ("mqtt/subscribe_batch", json!({ "topics": topics, "clientid": "c" })),
        ] {
            let rows = |count: usize| Value::Array(vec![row.clone(); count]).to_string();
            assert!(matches!(planned("POST", path, &rows(2)), Plan::Batch(_)), "{path}");
            assert!(matches!(planned("POST", path, &rows(3)), Plan::Done(_)), "{path}");
        }
    }
}
