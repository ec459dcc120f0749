//! Packets of a connection as lines of a trace, in the form of EMQX 4.4: no payload, no password, no property.

use std::fmt::Write as _;

use tracing::Level;

use super::Connection;
use crate::{
    ctl::render::shown,
    mqtt::{self, Ack, FixedHeader, Packet, PacketType, Publish, frame},
    node::traces::Subject,
};

/// Characters of one line; a SUBSCRIBE may have thousands of filters.
const LINE: usize = 2000;

/// Which way a packet goes.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Way {
    Received,
    Sent,
}

impl Connection {
    /// The client sent this.
    #[cold]
    pub(super) fn trace_received(&self, header: FixedHeader, body: &[u8]) {
        self.trace(Way::Received, header, body);
    }

    /// These packets go to the client.
    #[cold]
    pub(super) fn trace_sent(&self, mut bytes: &[u8]) {
        while let Ok(Some((header, body, used))) = frame::split(bytes, usize::MAX) {
            self.trace(Way::Sent, header, body);
            bytes = bytes.get(used..).unwrap_or_default();
        }
    }

    fn trace(&self, way: Way, header: FixedHeader, body: &[u8]) {
        let packet = if header.packet_type() == PacketType::Connect {
            mqtt::decode_connect(header, body).map(|connect| Packet::Connect(Box::new(connect)))
        } else {
            mqtt::decode(self.channel.version(), header, body)
        };
        // What cannot be read ends the connection, which is told with its reason.
        let Ok(packet) = packet else { return };
        let mut named = self.channel.identity().map_or("", |who| who.client_id.as_str());
        let mut topics = Vec::new();
        match &packet {
            Packet::Connect(connect) => {
                if named.is_empty() {
                    named = connect.client_id;
                }
                topics.extend(connect.will.map(|will| will.topic));
            }
            Packet::Publish(publish) => topics.push(self.topic(way, publish)),
            Packet::Subscribe(subscribe) => {
                topics.extend(subscribe.filters.iter().map(|(filter, _)| filter));
            }
            Packet::Unsubscribe(unsubscribe) => topics.extend(unsubscribe.filters.iter()),
            Packet::ConnAck(_)
            | Packet::PubAck(_)
            | Packet::PubRec(_)
            | Packet::PubRel(_)
            | Packet::PubComp(_)
            | Packet::SubAck(_)
            | Packet::UnsubAck(_)
            | Packet::PingReq
            | Packet::PingResp
            | Packet::Disconnect(_)
            | Packet::Auth(_) => {}
        }
        let subject =
            Subject { client_id: named, peer: Some(self.channel.peer()), topics: &topics };
        self.hub.traces.tell(&subject, Level::DEBUG, || {
            let way = if way == Way::Received { "RECV" } else { "SEND" };
            let secret = self.channel.shared().access.names_are_tokens();
            let text = described(&packet, topics.first().copied().unwrap_or_default(), secret);
            let text: String = text.chars().take(LINE).collect();
            format!("[MQTT] {way} {text}")
        });
    }

    /// The topic of a PUBLISH, also where an alias stands for it.
    fn topic<'p>(&'p self, way: Way, publish: &Publish<'p>) -> &'p str {
        let alias = publish.properties.topic_alias().filter(|_| publish.topic.is_empty());
        let known = alias.and_then(|alias| self.channel.aliased(alias, way == Way::Received));
        known.unwrap_or(publish.topic)
    }
}

fn described(packet: &Packet<'_>, topic: &str, secret: bool) -> String {
    match packet {
        Packet::Connect(connect) => connect_text(connect, secret),
        Packet::ConnAck(ack) => format!(
            "CONNACK(SessionPresent={}, ReasonCode={})",
            ack.session_present,
            ack.reason.as_u8()
        ),
        Packet::Publish(publish) => {
            let head = flags(publish.qos, publish.retain);
            let (dup, topic) = (u8::from(publish.dup), shown(topic));
            let id = publish.packet_id.map_or_else(|| "undefined".into(), |id| id.to_string());
            let bytes = publish.payload.len();
            format!("PUBLISH({head}, D{dup}, Topic={topic}, PacketId={id}, Payload={bytes} bytes)")
        }
        Packet::PubAck(ack) => ack_text("PUBACK", ack),
        Packet::PubRec(ack) => ack_text("PUBREC", ack),
        Packet::PubRel(ack) => ack_text("PUBREL", ack),
        Packet::PubComp(ack) => ack_text("PUBCOMP", ack),
        Packet::Subscribe(subscribe) => {
            let filters = subscribe.filters.iter();
            let filters =
                filters.map(|(filter, asked)| format!("{}(Q{})", shown(filter), asked.qos.as_u8()));
            let (id, filters) = (subscribe.packet_id, joined(filters));
            format!("SUBSCRIBE(PacketId={id}, TopicFilters=[{filters}])")
        }
        Packet::SubAck(ack) => {
            let codes = joined(ack.reasons.iter().map(|code| code.as_u8().to_string()));
            format!("SUBACK(PacketId={}, ReasonCodes=[{codes}])", ack.packet_id)
        }
        Packet::Unsubscribe(unsubscribe) => {
            let filters = joined(unsubscribe.filters.iter().map(shown));
            format!("UNSUBSCRIBE(PacketId={}, TopicFilters=[{filters}])", unsubscribe.packet_id)
        }
        Packet::UnsubAck(ack) => {
            let codes = joined(ack.reasons.iter().map(|code| code.as_u8().to_string()));
            format!("UNSUBACK(PacketId={}, ReasonCodes=[{codes}])", ack.packet_id)
        }
        Packet::PingReq => "PINGREQ()".into(),
        Packet::PingResp => "PINGRESP()".into(),
        Packet::Disconnect(end) => format!("DISCONNECT(ReasonCode={})", end.reason.as_u8()),
        Packet::Auth(auth) => format!("AUTH(ReasonCode={})", auth.reason.as_u8()),
    }
}

/// `secret`: the user name may be a token.
fn connect_text(connect: &mqtt::Connect<'_>, secret: bool) -> String {
    let (name, level) = (connect.version.name(), connect.version.level());
    let mut text = format!(
        "CONNECT(ClientId={}, ProtoName={name}, ProtoVsn={level}, CleanStart={}, KeepAlive={}",
        shown(connect.client_id),
        connect.clean_start,
        connect.keep_alive
    );
    // A string takes any text.
    if let Some(username) = connect.username {
        let username = if secret { "******".into() } else { shown(username) };
        let _ = write!(text, ", Username={username}");
    }
    if connect.password.is_some() {
        text.push_str(", Password=******");
    }
    if let Some(will) = &connect.will {
        let (head, topic) = (flags(will.qos, will.retain), shown(will.topic));
        let _ = write!(text, ", Will({head}, Topic={topic}, Payload={} bytes)", will.payload.len());
    }
    text.push(')');
    text
}

fn flags(qos: mqtt::QoS, retain: bool) -> String {
    format!("Q{}, R{}", qos.as_u8(), u8::from(retain))
}

fn ack_text(name: &str, ack: &Ack<'_>) -> String {
    format!("{name}(PacketId={}, ReasonCode={})", ack.packet_id, ack.reason.as_u8())
}

/// As many as a line has room for.
fn joined(items: impl Iterator<Item = String>) -> String {
    let mut text = String::new();
    for item in items {
        if text.len() > LINE {
            text.push_str(", ...");
            break;
        }
        let comma = if text.is_empty() { "" } else { ", " };
        text.push_str(comma);
        text.push_str(&item);
    }
    text
}
