//! `$SYS/brokers/<node>/clients/<id>/connected` and `.../disconnected` (EMQX `emqx_mod_presence`).
//!
//! One message for each connection that begins and one for each that ends, to the clients of every node that want it.

use std::borrow::Cow;

use serde_json::{Map, Value, json};

use super::hub::Hub;
use crate::{
    broker::{channel::Channel, close::CloseReason, connect::Identity},
    mqtt::Version,
};

/// Name of the protocol as it stands in CONNECT.
const fn protocol_name(version: Version) -> &'static str {
    match version {
        Version::V3_1 => "MQIsdp",
        Version::V3_1_1 | Version::V5 => "MQTT",
    }
}

/// EMQX's word for why a connection ended: what stands before the colon.
fn word(reason: &CloseReason) -> String {
    match reason {
        CloseReason::WithWill => "normal".to_owned(),
        CloseReason::Refused { .. } => "not_authorized".to_owned(),
        CloseReason::Normal
        | CloseReason::TcpClosed
        | CloseReason::KeepAlive
        | CloseReason::Idle
        | CloseReason::SendTimeout
        | CloseReason::TakenOver
        | CloseReason::Discarded
        | CloseReason::Kicked
        | CloseReason::Banned
        | CloseReason::ShuttingDown
        | CloseReason::Evacuated(_)
        | CloseReason::MemoryShort
        | CloseReason::Decode(_)
        | CloseReason::Violation { .. } => {
            let text = reason.to_string();
            text.split(':').next().unwrap_or_default().to_owned()
        }
    }
}

/// A client id as it stands in a topic, in which no wildcard may be (EMQX publishes to such a topic); the event says what it is.
fn level(id: &str) -> Cow<'_, str> {
    if id.contains(['+', '#']) {
        return id.replace('+', "%2B").replace('#', "%23").into();
    }
    id.into()
}

/// What both events say.
fn who(channel: &Channel, identity: &Identity) -> Map<String, Value> {
    let peer = channel.peer();
    let event = json!({
        "clientid": identity.client_id.as_str(),
        "username": channel.shown_name().unwrap_or("undefined"),
        "ipaddress": peer.ip().to_string(),
        "sockport": channel.shared().port,
        "proto_name": protocol_name(channel.version()),
        "proto_ver": channel.version().level(),
        "connected_at": identity.connected_at.as_ms(),
    });
    if let Value::Object(event) = event { event } else { Map::new() }
}

impl Hub {
    /// The client has its session.
    pub(super) fn tell_connected(&self, channel: &Channel) {
        let Some(identity) = channel.identity() else { return };
        let Some(topic) = self.wanted_topic(identity, "connected") else { return };
        let mut event = who(channel, identity);
        event.insert("keepalive".into(), identity.keep_alive.into());
        event.insert("connack".into(), 0.into());
        event.insert("clean_start".into(), identity.clean_start.into());
        event.insert("expiry_interval".into(), channel.expiry().as_secs().into());
        self.tell(channel, &topic, event);
    }

    /// The connection of a client that had its session ends. EMQX is silent about those that make room for another, unless told
    /// otherwise.
    pub(super) fn tell_disconnected(&self, channel: &Channel, reason: &CloseReason) {
        let presence = channel.settings().presence;
        let silent = (*reason == CloseReason::Discarded && !presence.tells_discarded)
            || (*reason == CloseReason::TakenOver && !presence.tells_takeovered);
        let Some(identity) = channel.identity().filter(|_| !silent) else { return };
        let Some(topic) = self.wanted_topic(identity, "disconnected") else { return };
        let mut event = who(channel, identity);
        event.insert("disconnected_at".into(), self.clock.wall().as_ms().into());
        event.insert("reason".into(), word(reason).into());
        self.tell(channel, &topic, event);
    }

    /// The topic of an event. `None`: nobody wants it, as most of the time; a storm of clients shall not pay for what nobody reads.
    fn wanted_topic(&self, identity: &Identity, what: &str) -> Option<String> {
        let id = level(identity.client_id.as_str());
        let topic = format!("$SYS/brokers/{}/clients/{id}/{what}", self.name);
        self.is_wanted(&topic).then_some(topic)
    }

    fn tell(&self, channel: &Channel, topic: &str, mut event: Map<String, Value>) {
        event.insert("ts".into(), self.clock.wall().as_ms().into());
        let payload = Value::Object(event).to_string();
        self.publish_system(topic, payload.as_bytes(), channel.settings().presence.qos, false);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mqtt::{DecodeError, ReasonCode};

    #[test]
    fn no_client_id_makes_a_wildcard_of_a_topic() {
        for (id, want) in [("a/b%", "a/b%"), ("a+b/#", "a%2Bb/%23")] {
            assert_eq!(level(id), want);
        }
    }

    #[test]
    fn reasons_are_single_words() {
        let violation = CloseReason::Violation { reason: ReasonCode::ProtocolError, what: "x" };
        for (reason, want) in [
            (CloseReason::Normal, "normal"),
            (CloseReason::WithWill, "normal"),
            (CloseReason::KeepAlive, "keepalive_timeout"),
            (CloseReason::TakenOver, "takeovered"),
            (CloseReason::Decode(DecodeError::Malformed("x")), "protocol_error"),
            (violation, "protocol_error"),
        ] {
            assert_eq!(word(&reason), want);
        }
    }
}
