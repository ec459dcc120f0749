//! The in-flight window: QoS 1 and 2 messages sent to a client and not yet acknowledged (v5 4.9, EMQX `emqx_inflight`).
//!
//! Kept in the order they were sent, which is the order of a resend [MQTT-4.6.0-1]. Acknowledgements mostly come for the
//! front, so a search from the front is a short one; where the window is large, nothing is searched for ([`Slots`]).

use self::slots::Slots;
use super::mqueue::Delivery;
use crate::{mqtt::PacketId, time::Time};

mod slots;

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
    slots: Slots,
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
        let id = self.slots.next_id(self.last_id)?;
        self.last_id = id.get();
        Some(id)
    }

    /// Puts a message that was just sent into the window.
    pub fn push(&mut self, packet_id: PacketId, awaiting: Awaiting, now: Time) {
        debug_assert!(self.slots.position(packet_id).is_none(), "packet id used twice");
        self.slots.push(Slot { packet_id, awaiting, sent_at: now, owed: false });
    }

    #[inline]
    fn remove(&mut self, at: usize) -> Option<Slot> {
        let slot = self.slots.remove(at);
        self.owed -= u32::from(slot.as_ref().is_some_and(|slot| slot.owed));
        slot
    }

    /// PUBACK: ends a QoS 1 message. `false` when nothing of that id waits for one.
    #[inline]
    pub fn on_puback(&mut self, id: PacketId) -> bool {
        match self.slots.position(id) {
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
        let at = self.slots.position(id);
        let Some(slot) = at.and_then(|at| self.slots.get_mut(at)) else { return false };
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
        match self.slots.position(id) {
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
        match self.slots.position(id) {
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
        Self { slots: Slots::of(slots.into()), last_id, owed }
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
    use std::time::Duration;

    use proptest::{collection::vec, prelude::*};

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

    #[derive(Clone, Debug)]
    enum Step {
        Push,
        Ack(prop::sample::Index),
        /// Of another id, mostly of none.
        Wrong(PacketId),
        /// Forgets each of which the id is a multiple of this.
        Forget(u16),
        /// As when it goes to another node.
        Move,
    }

    fn step() -> impl Strategy<Value = Step> {
        prop_oneof![
            60 => Just(Step::Push),
            30 => any::<prop::sample::Index>().prop_map(Step::Ack),
            5 => (1..=u16::MAX).prop_map(|id| Step::Wrong(PacketId::new(id).unwrap())),
            1 => (2_u16..9).prop_map(Step::Forget),
            1 => Just(Step::Move),
        ]
    }

    proptest! {
        #[test]
        fn a_window_of_any_size_is_a_list_in_the_order_of_sending(
            steps in vec(step(), 0..600), first in 65_000..=u16::MAX,
        ) {
            let mut window = Inflight { last_id: first, ..Inflight::default() };
            let mut list: Vec<PacketId> = Vec::new();
            for step in steps {
                match step {
                    Step::Push => {
                        let last = window.last_id;
                        let id = window.next_id().unwrap();
                        let mut free = (1..).map(|n| last.wrapping_add(n)).filter(|id| *id != 0);
                        let in_use = |id: u16| list.iter().any(|one| one.get() == id);
                        prop_assert_eq!(free.find(|id| !in_use(*id)), Some(id.get()));
                        window.push(id, Awaiting::PubAck(delivery(QoS::AtLeastOnce)), Time::ZERO);
                        list.push(id);
                    }
                    Step::Ack(_) if list.is_empty() => {}
                    Step::Ack(index) => {
                        let id = list.remove(index.index(list.len()));
                        prop_assert!(!window.on_pubcomp(id) && window.on_puback(id));
                    }
                    Step::Wrong(id) => {
                        let at = list.iter().position(|one| *one == id);
                        prop_assert_eq!(window.on_puback(id), at.is_some());
                        at.map(|at| list.remove(at));
                    }
                    Step::Forget(of) => {
                        window.retain(|slot| slot.packet_id.get() % of != 0);
                        list.retain(|id| id.get() % of != 0);
                    }
                    Step::Move => window = Inflight::of_slots(window.iter().cloned().collect()),
                }
                prop_assert_eq!((window.len(), window.is_empty()), (list.len(), list.is_empty()));
                prop_assert!(window.iter().map(|slot| slot.packet_id).eq(list.iter().copied()));
            }
        }
    }

    #[test]
    fn no_id_is_free_when_all_are_in_use() {
        let mut window = Inflight::default();
        while let Some(id) = window.next_id() {
            window.push(id, Awaiting::PubComp, Time::ZERO);
        }
        assert_eq!(window.len(), 65_535);
        let id = PacketId::new(40_000).unwrap();
        assert!(window.on_pubcomp(id));
        assert_eq!((window.next_id(), window.len()), (Some(id), 65_534));
    }

    /// CPU time of this thread for acknowledgements of messages that are not under way, or have another state, and for messages that
    /// get the one low id that is free.
    fn cost(size: u16) -> (Duration, Duration) {
        use nix::time::{ClockId, clock_gettime};
        let now = || Duration::from(clock_gettime(ClockId::CLOCK_THREAD_CPUTIME_ID).unwrap());
        let mut window = Inflight::default();
        for _ in 0..size {
            let id = window.next_id().unwrap();
            window.push(id, Awaiting::PubAck(delivery(QoS::AtLeastOnce)), Time::ZERO);
        }
        let (last, began) = (PacketId::new(size).unwrap(), now());
        for _ in 0..500 {
            assert!(!window.on_puback(PacketId::new(u16::MAX).unwrap()));
            assert!(!window.on_pubcomp(last) && !window.on_pubrec(last, Time::ZERO));
        }
        let unknown = now() - began;
        let began = now();
        for back in 0..20 {
            let id = PacketId::new(size - back).unwrap();
            assert!(window.on_puback(id));
            window.last_id = 0;
            assert_eq!(window.next_id(), Some(id));
            window.push(id, Awaiting::PubAck(delivery(QoS::AtLeastOnce)), Time::ZERO);
        }
        (unknown, now() - began)
    }

    #[test]
    fn a_large_window_costs_no_more_than_a_small_one() {
        // The best of some, as others run on this machine too.
        let least = |size| {
            let all: Vec<_> = (0..3).map(|_| cost(size)).collect();
            let (one, other) = (all.iter().map(|a| a.0).min(), all.iter().map(|a| a.1).min());
            (one.unwrap(), other.unwrap())
        };
        let (small, large) = (least(60), least(2_000));
        assert!(large.0 < 10 * small.0, "{small:?} and {large:?}");
        assert!(large.1 < 10 * small.1, "{small:?} and {large:?}");
    }
}
