//! Subscriptions and routes: lists, and subscribing clients that are connected.

use serde_json::Value;

use super::{
    answer::{Answer, code, object},
    call::{Call, text},
    clients::done_if_there,
    messages::{qos, topics},
    page::Page,
    plan::{Gathered, Of, Plan, ask},
};
use crate::{
    ctl::{self, Reply, Request},
    topic::{TopicFilter, TopicName, share},
};

/// `/subscriptions`
pub(super) fn list(of: Of) -> Plan {
    ask(of, Request::Subscriptions { client_id: None }, |call, gathered| {
        let page = match Page::usual(call) {
            Ok(page) => page,
            Err(answer) => return answer,
        };
        let mut all = rows(gathered);
        match call.special("match_topic").map(TopicFilter::parse).transpose() {
            Ok(None) => {}
            Ok(Some(filter)) => all.retain(|(_, row)| is_below(&filter, &row.topic)),
            Err(bad) => return Answer::fault(code::BAD_TOPIC, &bad.to_string()),
        }
        all.retain(|(_, row)| is_wanted(call, row));
        page.answer(all, |(node, one)| row(&node, &one))
    })
}

/// `/subscriptions/:clientid`
pub(super) fn of_client(of: Of, client_id: &str) -> Plan {
    let request = Request::Subscriptions { client_id: Some(client_id.to_owned()) };
    ask(of, request, |_, gathered| {
        Answer::data(rows(gathered).iter().map(|(node, one)| row(node, one)).collect())
    })
}

/// `/routes`, `/routes/:topic`
pub(super) fn routes(topic: Option<&str>) -> Plan {
    let request = Request::Routes { topic: topic.map(str::to_owned) };
    ask(Of::Here, request, |call, gathered| {
        let page = match Page::usual(call) {
            Ok(page) => page,
            Err(answer) => return answer,
        };
        let Some((_, Reply::Routes(mut rows))) = gathered.firsts().next() else {
            return page.answer(Vec::<Value>::new(), |row| row);
        };
        for (name, of) in [("topic", 0), ("node", 1)] {
            if let Some(wanted) = call.asked(name) {
                rows.retain(|row| wanted == if of == 0 { &row.topic } else { &row.node });
            }
        }
        page.answer(rows, |row| {
            object(vec![("topic", row.topic.into()), ("node", row.node.into())])
        })
    })
}

/// `/mqtt/subscribe`: the rights of the client are not asked.
///
/// # Errors
/// A field is missing or no such thing.
pub(super) fn subscribe(body: &Value) -> Result<Plan, Answer> {
    let (client_id, qos) = (text(body, "clientid")?, qos(body)?.as_u8());
    order(body, client_id, |client_id, topic| Request::SubscriptionsAdd { client_id, topic, qos })
}

/// `/mqtt/unsubscribe`
///
/// # Errors
/// A field is missing or no such thing.
pub(super) fn unsubscribe(body: &Value) -> Result<Plan, Answer> {
    let client_id = text(body, "clientid")?;
    order(body, client_id, |client_id, topic| Request::SubscriptionsDel { client_id, topic })
}

fn order(
    body: &Value,
    client_id: &str,
    request: impl Fn(String, String) -> Request,
) -> Result<Plan, Answer> {
    let topics = topics(body)?;
    if let Some(bad) = topics.iter().find_map(|topic| share::check(topic).err()) {
        return Err(Answer::fault(code::BAD_TOPIC, &bad.to_string()));
    }
    let requests = topics.into_iter().map(|topic| request(client_id.to_owned(), topic));
    let of = Of::Home(client_id.to_owned());
    Ok(Plan::Ask { of, requests: requests.collect(), shape: done_if_there })
}

fn rows(gathered: Gathered) -> Vec<(String, ctl::Subscription)> {
    let mut all = Vec::new();
    for (node, reply) in gathered.firsts() {
        if let Reply::Subscriptions(rows) = reply {
            all.extend(rows.into_iter().map(|row| (node.clone(), row)));
        }
    }
    all
}

fn is_wanted(call: &Call, row: &ctl::Subscription) -> bool {
    let group = row.topic.strip_prefix("$share/").and_then(|rest| rest.split('/').next());
    call.asked("clientid").is_none_or(|id| id == row.client_id)
        && call.asked("topic").is_none_or(|topic| topic == row.topic)
        && call.asked("qos").is_none_or(|qos| qos == row.qos.to_string())
        && call
            .asked("share")
            .or(call.asked("share_group"))
            .is_none_or(|share| Some(share) == group)
}

/// Whether `filter` matches the filter of a subscription as if that were a topic.
fn is_below(filter: &TopicFilter, subscribed: &str) -> bool {
    let plain = share::Subscription::parse(subscribed).map(|to| to.filter.as_str().to_owned());
    // Levels that are wildcards stand for themselves.
    let text = plain.unwrap_or_default().replace(['+', '#'], "*");
    TopicName::parse(&text).is_ok_and(|name| filter.matches(name))
}

fn row(node: &str, one: &ctl::Subscription) -> Value {
    object(vec![
        ("node", node.into()),
        ("clientid", one.client_id.as_str().into()),
        ("topic", one.topic.as_str().into()),
        ("qos", one.qos.into()),
    ])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn subscriptions_are_matched_as_topics() {
        let filter = TopicFilter::parse("a/+").unwrap();
        for (topic, want) in
            [("a/b", true), ("a/#", true), ("a/b/c", false), ("$share/g/a/b", true), ("b", false)]
        {
            assert_eq!(is_below(&filter, topic), want, "{topic}");
        }
    }
}
