//! Messages on their way to the client: packet ids, the in-flight window, expiry, aliases (v5 3.3, 4.4, 4.9).

use super::{
    alias::Naming,
    channel::{Channel, Out, State},
    inflight::{Awaiting, Slot},
    mqueue::Delivery,
    stats::Metric,
};
use crate::{
    mqtt::{
        AckType, PacketId, Property, PublishHead, PublishParts, QoS, ReasonCode, Version, encode,
    },
    time::Time,
};

/// Bytes written of what is owed in one go; the rest follows when the socket has taken them.
const PAY: usize = 64 << 10;

impl Channel {
    /// QoS 1 and 2 messages that may be sent now (v5 [MQTT-3.3.4-9]).
    #[must_use]
    pub fn window(&self) -> usize {
        match &self.state {
            // What is owed goes before.
            State::Up(session) if session.inflight.is_owing() => 0,
            State::Up(session) => {
                usize::from(self.receive_max).saturating_sub(session.inflight.len())
            }
            State::Waiting(_) | State::Authenticating(_) | State::Opening(_) | State::Closed => 0,
        }
    }

    /// Sends what the mailbox gave; the caller took no more QoS 1 and 2 messages than [`Self::window`] allows.
    pub fn on_deliveries(&mut self, deliveries: &mut Vec<Delivery>, now: Time, out: &mut Out<'_>) {
        for delivery in deliveries.drain(..) {
            self.deliver(delivery, now, out);
        }
    }

    fn deliver(&mut self, delivery: Delivery, now: Time, out: &mut Out<'_>) {
        if delivery.message.is_expired(now) {
            self.count(Metric::DeliveryDropped);
            self.count(Metric::DeliveryDroppedExpired);
            return;
        }
        if delivery.qos == QoS::AtMostOnce {
            if self.write_publish(&delivery, None, now, out)
                && let State::Up(session) = &mut self.state
            {
                session.delivered += 1;
            }
            return;
        }
        let State::Up(session) = &mut self.state else { return };
        let Some(id) = session.inflight.next_id() else { return };
        if !self.write_publish(&delivery, Some((id, false)), now, out) {
            return;
        }
        let State::Up(session) = &mut self.state else { return };
        let awaiting = match delivery.qos {
            QoS::ExactlyOnce => Awaiting::PubRec(delivery),
            QoS::AtLeastOnce | QoS::AtMostOnce => Awaiting::PubAck(delivery),
        };
        session.inflight.push(id, awaiting, now);
        session.delivered += 1;
    }

    /// Writes one PUBLISH; `false` when it is larger than the client takes (v5 [MQTT-3.1.2-25]).
    fn write_publish(
        &mut self,
        delivery: &Delivery,
        sent: Option<(PacketId, bool)>,
        now: Time,
        out: &mut Out<'_>,
    ) -> bool {
        let message = &delivery.message;
        let mut topic = message.topic();
        if let Some(mount) = self.identity.as_deref().and_then(|identity| identity.mount.as_deref())
        {
            topic = topic.strip_prefix(mount).unwrap_or(topic);
        }
        let head = PublishHead {
            dup: sent.is_some_and(|(_, dup)| dup),
            qos: delivery.qos,
            retain: delivery.retain,
            packet_id: sent.map(|(id, _)| id),
        };
        let mut parts = PublishParts {
            topic,
            properties: message.properties(),
            extra_properties: &[],
            payload: message.payload(),
        };
        let mut extra = Vec::new();
        if self.version == Version::V5 {
            if let Some(seconds) = message.seconds_left(now) {
                Property::MessageExpiryInterval(seconds).encode(&mut extra);
            }
            delivery.ids.for_each(|id| Property::SubscriptionIdentifier(id).encode(&mut extra));
        }
        let unnamed = extra.len();
        let naming = self.name(topic, &mut extra);
        if matches!(naming, Naming::Alias(_)) {
            parts.topic = "";
        }
        parts.extra_properties = &extra;
        let mut fits = self.takes(delivery.qos, &parts);
        if !fits && naming != Naming::Name {
            // The name alone may be shorter.
            self.unname(topic, naming);
            parts.topic = topic;
            parts.extra_properties = extra.get(..unnamed).unwrap_or_default();
            fits = self.takes(delivery.qos, &parts);
        }
        if !fits {
            self.count(Metric::DeliveryDropped);
            self.count(Metric::DeliveryDroppedTooLarge);
            return false;
        }
        encode::publish(out.bytes, self.version, head, &parts);
        self.count_sent(delivery.qos);
        true
    }

    /// How the topic of the next PUBLISH is named, with the alias for that behind `properties`.
    fn name(&mut self, topic: &str, properties: &mut Vec<u8>) -> Naming {
        let aliases = self.aliases.as_deref_mut().and_then(|both| both.outgoing.as_mut());
        let naming = aliases.map_or(Naming::Name, |aliases| aliases.name(topic));
        match naming {
            Naming::Name => {}
            Naming::Introduce(alias) | Naming::Alias(alias) => {
                Property::TopicAlias(alias).encode(properties);
            }
        }
        naming
    }

    /// The topic is not named like that after all: the client hears of no new alias.
    fn unname(&mut self, topic: &str, naming: Naming) {
        let aliases = self.aliases.as_deref_mut().and_then(|both| both.outgoing.as_mut());
        if let (Naming::Introduce(_), Some(aliases)) = (naming, aliases) {
            aliases.take_back(topic);
        }
    }

    /// Whether the client takes a PUBLISH of this size.
    fn takes(&self, qos: QoS, parts: &PublishParts<'_>) -> bool {
        self.max_packet_out == u32::MAX
            || encode::publish_size(self.version, qos, parts) <= self.max_packet_out as usize
    }

    fn count_sent(&self, qos: QoS) {
        let stats = &self.shared.stats;
        stats.count(Metric::PacketsSent);
        stats.count(Metric::PacketsPublishSent);
        stats.count(Metric::MessagesSent);
        stats.count(Metric::MessagesDelivered);
        stats.count(match qos {
            QoS::AtMostOnce => Metric::MessagesQos0Sent,
            QoS::AtLeastOnce => Metric::MessagesQos1Sent,
            QoS::ExactlyOnce => Metric::MessagesQos2Sent,
        });
    }

    /// Sends what the session owes to this connection, as far as the client takes it, and no more than `out` has room for. To be
    /// called until nothing comes of it.
    pub fn pay(&mut self, now: Time, out: &mut Out<'_>) {
        let receive_max = usize::from(self.receive_max);
        while let State::Up(session) = &mut self.state
            && session.inflight.is_owing()
        {
            let room = PAY.saturating_sub(out.bytes.len());
            let slots = session.inflight.pay((receive_max, room), now);
            // What is too large for the client makes room for the next.
            if slots.is_empty() || !self.send_slots(slots, now, out) {
                return;
            }
        }
    }

    /// Whether some were too large for the client, and forgotten.
    fn send_slots(&mut self, slots: Vec<Slot>, now: Time, out: &mut Out<'_>) -> bool {
        let mut refused = Vec::new();
        for Slot { packet_id, awaiting, .. } in slots {
            match awaiting {
                Awaiting::PubComp => self.write_pubrel(packet_id, out),
                Awaiting::PubAck(delivery) => {
                    if !self.write_publish(&delivery, Some((packet_id, true)), now, out) {
                        refused.push(packet_id);
                    }
                }
                Awaiting::PubRec(delivery) => {
                    if !self.write_publish(&delivery, Some((packet_id, true)), now, out) {
                        self.end_unsent(packet_id, now, out);
                    }
                }
            }
        }
        if let (false, State::Up(session)) = (refused.is_empty(), &mut self.state) {
            session.inflight.retain(|slot| !refused.contains(&slot.packet_id));
        }
        !refused.is_empty()
    }

    /// A QoS 2 message went out before, and is too large for the client of today. If it has arrived, the client takes the next with its
    /// id for the same one (v5 [MQTT-4.3.3-10]), so the id stays taken. It counts as sent ([MQTT-3.1.2-25]) and goes on to its end; a
    /// client that does not know the id answers too (3.7.2.1).
    fn end_unsent(&mut self, packet_id: PacketId, now: Time, out: &mut Out<'_>) {
        if let State::Up(session) = &mut self.state {
            session.inflight.on_pubrec(packet_id, now);
        }
        self.write_pubrel(packet_id, out);
    }

    fn write_pubrel(&self, packet_id: PacketId, out: &mut Out<'_>) {
        self.count(Metric::PacketsPubrelSent);
        self.count(Metric::PacketsSent);
        encode::ack(out.bytes, self.version, AckType::PubRel, packet_id, ReasonCode::Success);
    }
}
