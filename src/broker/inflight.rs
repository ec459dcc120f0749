//! The in-flight window: QoS 1 and 2 messages sent to a client and not yet acknowledged (v5 4.9, EMQX `emqx_inflight`).
//!
//! Kept in the order they were sent, which is the order of a resend [MQTT-4.6.0-1]. Acknowledgements mostly come for the
//! front, so a search from the front is a short one.

use std::collections::VecDeque;

use super::mqueue::Delivery;
use crate::{mqtt::PacketId, time::Time};

/// What the client owes for a message.
#[derive(Clone, Debug)]
pub enum Awaiting {
    /// A PUBACK for this QoS 1 message.
    PubAck(Delivery),
    /// A PUBREC for this QoS 2 message.
    PubRec(Delivery),
    /// A PUBCOMP; the message itself has arrived.
    PubComp,
}

/// One place in the window.
#[derive(Clone, Debug)]
pub struct Slot {
    /// Identifier it was sent with.
    pub packet_id: PacketId,
    /// What comes next.
    pub awaiting: Awaiting,
    /// When it was last sent.
    pub sent_at: Time,
    /// To be sent on this connection: for the first time, or because no acknowledgement came.
    pub owed: bool,
}

impl Slot {
    /// Bytes that are sent for it, about.
    fn size(&self) -> usize {
        match &self.awaiting {
            Awaiting::PubAck(delivery) | Awaiting::PubRec(delivery) => delivery.size(),
            Awaiting::PubComp => 4,
        }
    }
}

/// The window. Invariant: no two slots have one packet id.
#[derive(Debug, Default)]
pub struct Inflight {
    slots: VecDeque<Slot>,
    last_id: u16,
    // A small number in the place of a large one: there are many windows.
    /// Slots that are owed.
    owed: u32,
}

impl Inflight {
    /// Messages under way.
    #[must_use]
    pub fn len(&self) -> usize {
        self.slots.len()
    }

    /// Nothing is under way.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.slots.is_empty()
    }

    /// A packet id that is not in use; `None` when all 65,535 are.
    pub fn next_id(&mut self) -> Option<PacketId> {
        for _ in 0..=u16::MAX {
            self.last_id = self.last_id.wrapping_add(1);
            if let Some(id) = PacketId::new(self.last_id)
                && (self.slots.is_empty() || self.position(id).is_none())
            {
                return Some(id);
            }
        }
        None
    }

    /// Puts a message that was just sent into the window.
    pub fn push(&mut self, packet_id: PacketId, awaiting: Awaiting, now: Time) {
        debug_assert!(self.position(packet_id).is_none(), "packet id used twice");
        self.slots.push_back(Slot { packet_id, awaiting, sent_at: now, owed: false });
    }

    #[inline]
    fn position(&self, id: PacketId) -> Option<usize> {
        self.slots.iter().position(|slot| slot.packet_id == id)
    }

    #[inline]
    fn remove(&mut self, at: usize) -> Option<Slot> {
        let slot = self.slots.remove(at);
        self.owed -= u32::from(slot.as_ref().is_some_and(|slot| slot.owed));
        if self.slots.is_empty() && self.slots.capacity() > 32 {
            self.slots = VecDeque::new();
        }
        slot
    }

    /// PUBACK: ends a QoS 1 message. `false` when nothing of that id waits for one.
    #[inline]
    pub fn on_puback(&mut self, id: PacketId) -> bool {
        match self.position(id) {
            Some(at)
                if matches!(
                    self.slots.get(at),
                    Some(Slot { awaiting: Awaiting::PubAck(_), .. })
                ) =>
            {
                self.remove(at).is_some()
            }
            _ => false,
        }
    }

    /// PUBREC with success: the message has arrived, PUBREL is due. `false` when nothing of that id is QoS 2.
    #[inline]
    pub fn on_pubrec(&mut self, id: PacketId, now: Time) -> bool {
        let Some(slot) = self.slots.iter_mut().find(|slot| slot.packet_id == id) else {
            return false;
        };
        match slot.awaiting {
            Awaiting::PubAck(_) => false,
            Awaiting::PubRec(_) | Awaiting::PubComp => {
                slot.awaiting = Awaiting::PubComp;
                slot.sent_at = now;
                true
            }
        }
    }

    /// PUBREC with an error: the client did not take it; the id is free. `false` when it was not due.
    pub fn on_pubrec_error(&mut self, id: PacketId) -> bool {
        match self.position(id) {
            Some(at)
                if matches!(
                    self.slots.get(at),
                    Some(Slot { awaiting: Awaiting::PubRec(_), .. })
                ) =>
            {
                self.remove(at).is_some()
            }
            _ => false,
        }
    }

    /// PUBCOMP: ends a QoS 2 message. `false` when it was not due.
    #[inline]
    pub fn on_pubcomp(&mut self, id: PacketId) -> bool {
        match self.position(id) {
            Some(at)
                if matches!(self.slots.get(at), Some(Slot { awaiting: Awaiting::PubComp, .. })) =>
            {
                self.remove(at).is_some()
            }
            _ => false,
        }
    }

    /// The window of a session that comes from another node: its slots, in the order of sending.
    #[must_use]
    pub fn of_slots(slots: Vec<Slot>) -> Self {
        let last_id = slots.last().map_or(0, |slot| slot.packet_id.get());
        let owed = count(slots.iter().filter(|slot| slot.owed));
        Self { slots: slots.into(), last_id, owed }
    }

    /// All slots in the order of sending.
    pub fn iter(&self) -> impl Iterator<Item = &Slot> {
        self.slots.iter()
    }

    /// Numbers in the cluster of the messages that the client has not acknowledged.
    pub fn numbers(&self) -> impl Iterator<Item = u64> {
        self.slots.iter().filter_map(|slot| match &slot.awaiting {
            Awaiting::PubAck(delivery) | Awaiting::PubRec(delivery) => {
                Some(delivery.message.number())
            }
            Awaiting::PubComp => None,
        })
    }

    /// Forgets slots that `keep` refuses.
    pub fn retain(&mut self, keep: impl FnMut(&Slot) -> bool) {
        self.slots.retain(keep);
        self.owed = count(self.slots.iter().filter(|slot| slot.owed));
    }

    /// A new connection: every message is owed to it again.
    pub fn owe_all(&mut self) {
        self.owe(|_| true);
    }

    /// What was last sent at a time that `due` accepts is owed again.
    pub fn owe(&mut self, due: impl Fn(Time) -> bool) {
        self.slots.iter_mut().for_each(|slot| slot.owed |= due(slot.sent_at));
        self.owed = count(self.slots.iter().filter(|slot| slot.owed));
    }

    /// Whether something is to be sent on this connection first.
    #[must_use]
    pub fn is_owing(&self) -> bool {
        self.owed > 0
    }

    /// Takes out of debt, oldest first, what may be sent now: every PUBREL, and of the messages as many as leave no more than
    /// `receive_max` under way (v5 [MQTT-3.3.4-9]); no more once they have `room` bytes.
    pub fn pay(&mut self, (receive_max, room): (usize, usize), now: Time) -> Vec<Slot> {
        // Once one message waits, so do those behind it: a place that a PUBREL takes is not given back here.
        let mut under_way = self.slots.len() - self.owed as usize;
        let (mut paid, mut bytes) = (Vec::new(), 0);
        for slot in self.slots.iter_mut().filter(|slot| slot.owed) {
            if under_way >= receive_max && !matches!(slot.awaiting, Awaiting::PubComp) {
                continue;
            }
            if bytes >= room {
                break;
            }
            under_way += 1;
            bytes += slot.size();
            (slot.owed, slot.sent_at) = (false, now);
            paid.push(slot.clone());
        }
        self.owed -= count(paid.iter());
        paid
    }

    /// When the one was last sent for which that is longest ago, of those sent on this connection.
    #[must_use]
    pub fn oldest(&self) -> Option<Time> {
        self.slots.iter().filter(|slot| !slot.owed).map(|slot| slot.sent_at).min()
    }
}

/// How many: each has a packet id.
fn count<T>(slots: impl Iterator<Item = T>) -> u32 {
    u32::try_from(slots.count()).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        broker::{
            message::{Message, Meta},
            mqueue::SubscriptionIds,
        },
        mqtt::QoS,
    };

    fn delivery(qos: QoS) -> Delivery {
        let meta = Meta { qos, retain: false, expires_at: None, publisher: 0 };
        Delivery {
            message: Message::new("t", &[], &[], meta),
            ids: SubscriptionIds::None,
            qos,
            retain: false,
            group: 0,
        }
    }

    #[test]
    fn ids_wrap_and_skip_those_in_use() {
        let mut window = Inflight { last_id: u16::MAX - 1, ..Inflight::default() };
        let ids: Vec<u16> = (0..3)
            .map(|_| {
                let id = window.next_id().unwrap();
                window.push(id, Awaiting::PubAck(delivery(QoS::AtLeastOnce)), Time::ZERO);
                id.get()
            })
            .collect();
        assert_eq!(ids, [u16::MAX, 1, 2]);
        window.last_id = 0;
        assert_eq!(window.next_id().unwrap().get(), 3);
    }

    #[test]
    fn what_is_owed_was_not_sent() {
        let mut window = Inflight::default();
        for _ in 0..3 {
            let id = window.next_id().unwrap();
            window.push(id, Awaiting::PubAck(delivery(QoS::AtLeastOnce)), Time::from_ms(1));
        }
        assert_eq!(window.oldest(), Some(Time::from_ms(1)));
        window.owe_all();
        assert_eq!(window.oldest(), None);
        assert_eq!(window.pay((2, usize::MAX), Time::from_ms(9)).len(), 2);
        assert_eq!(window.oldest(), Some(Time::from_ms(9)));
    }

    #[test]
    fn each_acknowledgement_fits_only_its_own_state() {
        let mut window = Inflight::default();
        let (one, two) = (window.next_id().unwrap(), window.next_id().unwrap());
        window.push(one, Awaiting::PubAck(delivery(QoS::AtLeastOnce)), Time::ZERO);
        window.push(two, Awaiting::PubRec(delivery(QoS::ExactlyOnce)), Time::ZERO);
        assert!(
            !window.on_puback(two) && !window.on_pubcomp(two) && !window.on_pubrec(one, Time::ZERO)
        );
        assert!(window.on_pubrec(two, Time::ZERO) && window.on_pubrec(two, Time::ZERO));
        assert!(!window.on_pubrec_error(two));
        assert!(window.on_pubcomp(two) && !window.on_pubcomp(two));
        assert!(window.on_puback(one) && window.is_empty());
    }
}
