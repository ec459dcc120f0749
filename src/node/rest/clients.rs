//! Clients: lists with filters, one of them, kicking it, and what others said that it may do.

use jiff::Timestamp;
use serde_json::Value;

use super::{
    answer::{Answer, code, object},
    call::Call,
    page::Page,
    plan::{Gathered, Of, Plan, ask},
};
use crate::{
    ctl::{Client, Reply, Request},
    node::sys_topics::local_time,
    time::Wall,
};

/// `/clients`
pub(super) fn list(of: Of) -> Plan {
    ask(of, Request::Clients { client_id: None }, |call, gathered| listed(call, gathered, None))
}

/// `/clients/username/:username`
pub(super) fn of_user(of: Of) -> Plan {
    ask(of, Request::Clients { client_id: None }, |call, gathered| {
        let name = call.path.last().map(String::as_str);
        listed(call, gathered, name)
    })
}

/// `/clients/:clientid`
pub(super) fn one(of: Of, client_id: &str) -> Plan {
    let request = Request::Clients { client_id: Some(client_id.to_owned()) };
    ask(of, request, |_, gathered| {
        let row = |(node, client): (String, Client)| row(false, &node, &client);
        Answer::data(rows(gathered).into_iter().map(row).collect())
    })
}

/// One client as EMQX 5 tells of it: it is there, or it is not.
pub(super) fn alone(_: &Call, gathered: Gathered) -> Answer {
    let one = rows(gathered).into_iter().next();
    one.map_or_else(not_online, |(node, client)| Answer::data(row(true, &node, &client)))
}

/// Ends its connection and its session, wherever it is.
pub(super) fn kick(client_id: &str) -> Plan {
    let request = Request::ClientsKick { client_id: client_id.to_owned() };
    ask(Of::Home(client_id.to_owned()), request, done_if_there)
}

/// Has the HTTP server asked again what it may do.
pub(super) fn clean_cache(client_id: &str) -> Plan {
    let request = Request::AclCacheClean { client_id: Some(client_id.to_owned()) };
    ask(Of::Home(client_id.to_owned()), request, done_if_there)
}

/// Done, unless no node knows the client.
pub(super) fn done_if_there(_: &Call, gathered: Gathered) -> Answer {
    let done = |(_, reply): (String, Reply)| reply != Reply::NotFound;
    if gathered.firsts().any(done) { Answer::done() } else { not_online() }
}

pub(super) fn not_online() -> Answer {
    Answer::fault(code::NOT_ONLINE, "no node knows this client")
}

fn listed(call: &Call, gathered: Gathered, username: Option<&str>) -> Answer {
    let page = match Page::usual(call) {
        Ok(page) => page,
        Err(answer) => return answer,
    };
    let mut all = rows(gathered);
    if let Some(name) = username {
        all.retain(|(_, client)| client.username.as_deref() == Some(name));
    }
    for (name, value) in &call.query {
        match Filter::parse(name.strip_prefix('_').unwrap_or(name), value) {
            Ok(Some(filter)) => all.retain(|(_, client)| filter.wants(client)),
            Ok(None) => {}
            Err(()) => {
                return Answer::fault(code::BAD_TYPE, &format!("{name} has no such value"));
            }
        }
    }
    page.answer(all, |(node, client)| row(call.is_v5(), &node, &client))
}

/// The clients of all that was gathered, by node and client id.
pub(super) fn rows(gathered: Gathered) -> Vec<(String, Client)> {
    let mut all = Vec::new();
    for (node, reply) in gathered.firsts() {
        if let Reply::Clients(clients) = reply {
            all.extend(clients.into_iter().map(|client| (node.clone(), client)));
        }
    }
    all
}

/// What a list asks for of each client.
enum Filter<'q> {
    Text(fn(&Client) -> Option<&str>, Match, &'q str),
    Flag(fn(&Client) -> bool, bool),
    Number(fn(&Client) -> u64, std::cmp::Ordering, u64),
    /// Protocol version as EMQX says it.
    Equals(fn(&Client) -> u64, u64),
}

enum Match {
    Whole,
    Part,
}

impl<'q> Filter<'q> {
    /// The filter of a pair of the query, if it is one.
    ///
    /// # Errors
    /// It has no such value.
    fn parse(name: &str, value: &'q str) -> Result<Option<Self>, ()> {
        let number = |value: &str| value.parse().map_err(drop);
        let client_id: fn(&Client) -> Option<&str> = |client| Some(&client.client_id);
        let username: fn(&Client) -> Option<&str> = |client| client.username.as_deref();
        Ok(Some(match name {
            "clientid" => Self::Text(client_id, Match::Whole, value),
            "username" => Self::Text(username, Match::Whole, value),
            "like_clientid" => Self::Text(client_id, Match::Part, value),
            "like_username" => Self::Text(username, Match::Part, value),
            "zone" => Self::Text(|client| client.zone.as_deref(), Match::Whole, value),
            "ip_address" => Self::Text(|client| Some(place(client).0), Match::Whole, value),
            "proto_name" => Self::Text(|client| Some(protocol(client)), Match::Whole, value),
            "proto_ver" => Self::Equals(|client| client.proto_ver.into(), number(value)?),
            "clean_start" => Self::Flag(|client| client.clean_start, value.parse().map_err(drop)?),
            "conn_state" => Self::Flag(
                |client| client.connected,
                match value {
                    "connected" => true,
                    "disconnected" => false,
                    _ => return Err(()),
                },
            ),
            _ => return Self::bound(name, value),
        }))
    }

    /// `gte_created_at` and the like; times are seconds since 1970, or texts as RFC 3339 has them.
    fn bound(name: &str, value: &str) -> Result<Option<Self>, ()> {
        let (side, field) = match (name.strip_prefix("gte_"), name.strip_prefix("lte_")) {
            (Some(field), _) => (std::cmp::Ordering::Less, field),
            (_, Some(field)) => (std::cmp::Ordering::Greater, field),
            _ => return Ok(None),
        };
        let of: fn(&Client) -> u64 = match field {
            "created_at" => |client| client.created_at / 1000,
            "connected_at" => |client| client.connected_at / 1000,
            "mqueue_len" => |client| client.enqueued_msgs,
            "mqueue_dropped" => |client| client.dropped_msgs,
            _ => return Ok(None),
        };
        let bound = value.parse().ok().or_else(|| seconds(value)).ok_or(())?;
        Ok(Some(Self::Number(of, side, bound)))
    }

    fn wants(&self, client: &Client) -> bool {
        match self {
            Self::Text(of, how, value) => of(client).is_some_and(|text| match how {
                Match::Whole => text == *value,
                Match::Part => text.contains(value),
            }),
            Self::Flag(of, value) => of(client) == *value,
            Self::Number(of, outside, bound) => of(client).cmp(bound) != *outside,
            Self::Equals(of, value) => of(client) == *value,
        }
    }
}

/// Address and port of the other end; empty without a connection.
fn place(client: &Client) -> (&str, &str) {
    let (address, port) = client.peername.rsplit_once(':').unwrap_or_default();
    (address.trim_matches(['[', ']']), port)
}

const fn protocol(client: &Client) -> &'static str {
    if client.proto_ver == 3 { "MQIsdp" } else { "MQTT" }
}

/// Seconds since 1970 of a time as RFC 3339 writes it.
pub(super) fn seconds(text: &str) -> Option<u64> {
    u64::try_from(text.parse::<Timestamp>().ok()?.as_second()).ok()
}

/// A time as RFC 3339 writes it.
pub(super) fn rfc3339(ms: u64) -> Value {
    let at = i64::try_from(ms).ok().and_then(|ms| Timestamp::from_millisecond(ms).ok());
    at.map(|at| at.to_string()).into()
}

/// A client as EMQX 4 tells of it, or EMQX 5.
fn row(v5: bool, node: &str, client: &Client) -> Value {
    let time = |ms: u64| if v5 { rfc3339(ms) } else { local_time(Wall::from_ms(ms)).into() };
    let (address, port) = place(client);
    let mut fields = vec![
        ("node", node.into()),
        ("clientid", client.client_id.as_str().into()),
        ("username", client.username.as_deref().into()),
        ("proto_name", protocol(client).into()),
        ("proto_ver", client.proto_ver.into()),
        ("ip_address", address.into()),
        ("port", port.parse::<u16>().ok().into()),
        ("clean_start", client.clean_start.into()),
        ("keepalive", client.keepalive.into()),
        ("expiry_interval", client.session_expiry_interval.into()),
        ("connected", client.connected.into()),
        ("connected_at", time(client.connected_at)),
        ("created_at", time(client.created_at)),
        ("zone", client.zone.as_deref().into()),
        ("subscriptions_cnt", client.subscriptions.into()),
        ("inflight", client.inflight.into()),
        ("awaiting_rel", client.awaiting_rel.into()),
        ("mqueue_len", client.enqueued_msgs.into()),
        ("mqueue_dropped", client.dropped_msgs.into()),
        ("send_msg", client.delivered_msgs.into()),
    ];
    fields.extend(client.disconnected_at.map(|ms| ("disconnected_at", time(ms))));
    object(fields)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn filters_want_what_they_say() {
        let client = Client {
            client_id: "sensor-7".into(),
            username: Some("bob".into()),
            peername: "[fe80::1]:1234".into(),
            proto_ver: 4,
            zone: Some("external".into()),
            connected: true,
            created_at: 5_500,
            enqueued_msgs: 3,
            ..Client::default()
        };
        for (name, value, want) in [
            ("clientid", "sensor-7", Some(true)),
            ("clientid", "sensor", Some(false)),
            ("like_clientid", "sor", Some(true)),
            ("username", "bob", Some(true)),
            ("like_username", "x", Some(false)),
            ("ip_address", "fe80::1", Some(true)),
            ("zone", "internal", Some(false)),
            ("proto_name", "MQTT", Some(true)),
            ("proto_ver", "5", Some(false)),
            ("clean_start", "false", Some(true)),
            ("conn_state", "connected", Some(true)),
            ("conn_state", "disconnected", Some(false)),
            ("gte_created_at", "5", Some(true)),
            ("gte_created_at", "6", Some(false)),
            ("gte_created_at", "1970-01-01T00:00:05Z", Some(true)),
            ("lte_created_at", "1970-01-01T01:00:04+01:00", Some(false)),
            ("lte_mqueue_len", "3", Some(true)),
            ("lte_mqueue_len", "2", Some(false)),
            ("page", "1", None),
            ("gte_color", "1", None),
        ] {
            let filter = Filter::parse(name, value).unwrap();
            assert_eq!(filter.map(|filter| filter.wants(&client)), want, "{name}={value}");
        }
        for (name, value) in [("proto_ver", "x"), ("conn_state", "idle"), ("gte_created_at", "-")] {
            assert!(Filter::parse(name, value).is_err(), "{name}={value}");
        }
    }

    #[test]
    fn a_client_without_a_connection_has_no_address() {
        let row = row(false, "n@h", &Client { disconnected_at: Some(0), ..Client::default() });
        assert_eq!((row["ip_address"].as_str(), row["port"].is_null()), (Some(""), true));
        assert!(row["disconnected_at"].is_string() && row["connected"] == Value::Bool(false));
    }
}
