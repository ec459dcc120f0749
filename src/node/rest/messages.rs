//! Messages that are published over HTTP (`/mqtt/publish` of EMQX 4).

use std::{sync::Arc, time::Duration};

use base64ct::{Base64, Encoding as _};
use serde_json::Value;

use super::{
    answer::{Answer, code, object},
    call::{optional_number, optional_text, text},
    plan::{Load, Plan, Published},
};
use crate::{
    mqtt::{Properties, Property, PropertySet, QoS},
    topic::{BadTopic, TopicName},
};

/// Topics of one request, and requests of one batch, at most.
pub(super) const MOST: usize = 1000;
/// Longest text of a property.
const LONGEST: usize = 65_535;

/// A message to publish. One to another topic shares what it carries.
#[derive(Clone)]
#[cfg_attr(test, derive(Debug))]
pub(super) struct Publication {
    pub(super) topic: String,
    pub(super) payload: Arc<[u8]>,
    pub(super) qos: QoS,
    pub(super) retain: bool,
    pub(super) expiry: Option<Duration>,
    /// As they go to subscribers.
    pub(super) properties: Arc<[u8]>,
    /// Decides where members of shared groups are chosen by the publisher.
    pub(super) client_id: Option<Arc<str>>,
}

impl Publication {
    /// Bytes of it.
    pub(super) fn size(&self) -> usize {
        self.topic.len() + self.properties.len() + self.payload.len()
    }
}

/// What `/mqtt/publish` asks for.
///
/// # Errors
/// A field is missing or no such thing.
pub(super) fn publish(body: &Value) -> Result<Plan, Answer> {
    let topics = topics(body)?;
    topics.iter().try_for_each(|topic| named(topic))?;
    let first = publication(body, topics.first().map_or("", String::as_str), "encoding")?;
    let messages = topics.into_iter().map(|topic| Publication { topic, ..first.clone() }).collect();
    let told = body.get("return").is_some_and(|wanted| *wanted != Value::Bool(false));
    let plan = Plan::Publish { messages, shape: if told { numbered } else { plain } };
    Load::default().add(&plan)?;
    Ok(plan)
}

fn plain(done: &[Published]) -> Answer {
    refusal(done).unwrap_or_else(Answer::done)
}

fn numbered(done: &[Published]) -> Answer {
    let id = done.last().map_or(0, |one| one.id);
    let data = || object(vec![("msgid", id.to_string().into())]);
    refusal(done).unwrap_or_else(|| Answer::data(data()))
}

fn refusal(done: &[Published]) -> Option<Answer> {
    let refusal = done.iter().find_map(|one| one.refused)?;
    Some(Answer::fault(refusal.code, refusal.why))
}

/// `topic`, or those of `topics` between commas; one at least.
///
/// # Errors
/// There is none.
pub(super) fn topics(body: &Value) -> Result<Vec<String>, Answer> {
    let mut found: Vec<String> = match optional_text(body, "topics")? {
        Some(list) => list.split(',').take(MOST + 1).map(str::trim).map(str::to_owned).collect(),
        None => Vec::new(),
    };
    found.extend(optional_text(body, "topic")?.map(str::to_owned));
    if found.is_empty() {
        return Err(Answer::fault(code::MISSING, "topic is missing"));
    }
    if found.len() > MOST {
        return Err(Answer::fault(code::BAD_TYPE, "more than 1000 topics"));
    }
    Ok(found)
}

/// The QoS of a field; 0 without it.
///
/// # Errors
/// It is none.
pub(super) fn qos(body: &Value) -> Result<QoS, Answer> {
    let number = optional_number(body, "qos").map_err(|_| bad_qos())?.unwrap_or(0);
    u8::try_from(number).ok().and_then(QoS::from_u8).ok_or_else(bad_qos)
}

fn bad_qos() -> Answer {
    Answer::fault(code::BAD_QOS, "QoS should be 0, 1, 2")
}

fn named(topic: &str) -> Result<(), Answer> {
    let bad = |bad: BadTopic| Answer::fault(code::BAD_TOPIC, &bad.to_string());
    TopicName::parse(topic).map(drop).map_err(bad)
}

/// One message; `encoding` is the field that says what the payload is.
///
/// # Errors
/// A field is missing or no such thing.
pub(super) fn publication(
    body: &Value,
    topic: &str,
    encoding: &str,
) -> Result<Publication, Answer> {
    named(topic)?;
    let payload = text(body, "payload")?;
    let payload = match optional_text(body, encoding)? {
        None | Some("plain") => payload.as_bytes().to_vec(),
        Some("base64") => Base64::decode_vec(payload)
            .map_err(|_| Answer::fault(code::BAD_TYPE, "the payload is no base64"))?,
        Some(_) => {
            let what = format!("{encoding} is plain or base64");
            return Err(Answer::fault(code::BAD_TYPE, &what));
        }
    };
    let retain = match body.get("retain") {
        None | Some(Value::Null) => false,
        Some(Value::Bool(on)) => *on,
        Some(_) => return Err(Answer::fault(code::BAD_TYPE, "retain is true or false")),
    };
    let (properties, expiry) = properties(body)?;
    Ok(Publication {
        topic: topic.to_owned(),
        payload: payload.into(),
        qos: qos(body)?,
        retain,
        expiry,
        properties: properties.into(),
        client_id: optional_text(body, "clientid")?.map(Arc::from),
    })
}

/// Properties of MQTT 5, and how long the message lives.
fn properties(body: &Value) -> Result<(Vec<u8>, Option<Duration>), Answer> {
    let given = body.get("properties").unwrap_or(&Value::Null);
    let mut out = Vec::new();
    if let Some(format) = optional_number(given, "payload_format_indicator")? {
        let format = u8::try_from(format).ok().filter(|format| *format < 2);
        let format = format.ok_or_else(|| odd("payload_format_indicator"))?;
        Property::PayloadFormatIndicator(format).encode(&mut out);
    }
    if let Some(kind) = optional_text(given, "content_type")? {
        Property::ContentType(fit(kind, "content_type")?).encode(&mut out);
    }
    if let Some(topic) = optional_text(given, "response_topic")? {
        TopicName::parse(topic).map_err(|_| odd("response_topic"))?;
        Property::ResponseTopic(topic).encode(&mut out);
    }
    if let Some(data) = optional_text(given, "correlation_data")? {
        Property::CorrelationData(fit(data, "correlation_data")?.as_bytes()).encode(&mut out);
    }
    // EMQX has them beside the others and among them.
    for pairs in [given.get("user_properties"), body.get("user_properties")].into_iter().flatten() {
        let pairs = pairs.as_object().ok_or_else(|| odd("user_properties"))?;
        for (name, value) in pairs {
            let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
            let (name, text) = (fit(name, "user_properties")?, fit(&text, "user_properties")?);
            Property::UserProperty(name, text).encode(&mut out);
        }
    }
    // As many as a client may have.
    if let Err(error) = Properties::parse(&out, PropertySet::PUBLISH) {
        return Err(Answer::fault(code::BAD_TYPE, &format!("properties: {error}")));
    }
    let expiry = optional_number(given, "message_expiry_interval")?;
    let expiry =
        expiry.map(|seconds| u32::try_from(seconds).map_err(|_| odd("message_expiry_interval")));
    Ok((out, expiry.transpose()?.map(|seconds| Duration::from_secs(seconds.into()))))
}

/// A text that MQTT can say.
fn fit<'t>(text: &'t str, name: &str) -> Result<&'t str, Answer> {
    if text.len() > LONGEST || text.contains('\0') { Err(odd(name)) } else { Ok(text) }
}

fn odd(name: &str) -> Answer {
    Answer::fault(code::BAD_TYPE, &format!("{name} is none"))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_message_is_read_with_its_properties() {
        let body = json!({
            "payload": "aGk=", "encoding": "base64", "qos": 1, "retain": true, "clientid": "c",
            "user_properties": { "a": "b" },
            "properties": {
                "content_type": "text", "message_expiry_interval": 7, "response_topic": "r/t",
                "payload_format_indicator": 1, "correlation_data": "x", "user_properties": { "n": 5 },
            },
        });
        let one = publication(&body, "t/a", "encoding").unwrap();
        assert_eq!((&*one.payload, one.qos, one.retain), (&b"hi"[..], QoS::AtLeastOnce, true));
        assert_eq!(one.expiry, Some(Duration::from_secs(7)));
        let read = Properties::parse(&one.properties, PropertySet::PUBLISH).unwrap();
        let pairs: Vec<_> = read.user_properties().collect();
        assert_eq!(pairs, [("n", "5"), ("a", "b")]);
    }

    #[test]
    fn what_is_no_message_is_told() {
        let code = |body: Value, topic: &str| match publication(&body, topic, "encoding") {
            Err(Answer { content: super::super::answer::Content::Json(told), .. }) => {
                told["code"].as_u64().unwrap_or(0)
            }
            _ => 0,
        };
        for (body, topic, want) in [
            (json!({ "payload": "" }), "a", 0),
            (json!({ "payload": "" }), "a/#", 115),
            (json!({}), "a", 107),
            (json!({ "payload": 1 }), "a", 108),
            (json!({ "payload": "", "qos": 3 }), "a", 116),
            (json!({ "payload": "", "qos": -1 }), "a", 116),
            (json!({ "payload": "", "retain": "x" }), "a", 108),
            (json!({ "payload": "%", "encoding": "base64" }), "a", 108),
            (json!({ "payload": "", "encoding": "hex" }), "a", 108),
            (json!({ "payload": "", "properties": { "response_topic": "#" } }), "a", 108),
            (json!({ "payload": "", "properties": { "content_type": "\0" } }), "a", 108),
            (json!({ "payload": "", "user_properties": [] }), "a", 108),
        ] {
            assert_eq!(code(body.clone(), topic), want, "{body}");
        }
    }

    #[test]
    fn properties_have_the_limits_of_a_client() {
        let with = |count: usize, len: usize| {
            let pairs = (0..count).map(|n| (n.to_string(), "x".repeat(len).into()));
            let pairs = Value::Object(pairs.collect());
            let body = json!({ "payload": "", "properties": { "user_properties": pairs } });
            publication(&body, "a", "encoding").is_ok()
        };
        assert!(with(64, 1) && !with(65, 1), "by number");
        assert!(with(2, 8 << 10 >> 1) && !with(2, 8 << 10), "by length");
    }

    #[test]
    fn messages_of_one_request_share_what_they_carry_and_are_bounded() {
        let planned = |topics: usize, len: usize| {
            let topics = vec!["a"; topics].join(",");
            match publish(&json!({ "topics": topics, "payload": "x".repeat(len) })) {
                Ok(Plan::Publish { messages, .. }) => messages,
                Ok(_) | Err(_) => Vec::new(),
            }
        };
        let all = planned(MOST, 1 << 10);
        assert_eq!(all.len(), MOST);
        assert!(all.iter().all(|one| Arc::ptr_eq(&one.payload, &all[0].payload)));
        assert_eq!((planned(MOST, 1 << 17).len(), planned(MOST + 1, 1).len()), (0, 0));
        assert_eq!(planned(1, 65 << 20).len(), 1, "one is as long as it may be");
    }

    #[test]
    fn topics_are_one_or_a_list() {
        let read = |body: Value| topics(&body).ok();
        assert_eq!(read(json!({ "topic": "a,b" })).unwrap(), ["a,b"]);
        assert_eq!(read(json!({ "topics": "a, b" })).unwrap(), ["a", "b"]);
        assert_eq!((read(json!({})), read(json!({ "topics": "x,".repeat(MOST) }))), (None, None));
    }
}
