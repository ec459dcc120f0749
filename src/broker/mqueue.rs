//! Messages that wait for one session, bounded by count and by bytes (EMQX `emqx_mqueue`, with a bound in bytes added).

use std::{collections::VecDeque, sync::Arc};

use super::message::Message;
use crate::mqtt::QoS;

/// Subscription identifiers that a delivery carries (v5 3.3.2.3.8).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum SubscriptionIds {
    /// None.
    #[default]
    None,
    /// One, the usual case.
    One(u32),
    /// Several subscriptions of the client match.
    Many(Arc<[u32]>),
}

impl SubscriptionIds {
    /// The set with `id` added; 0 stands for a subscription without an identifier.
    #[must_use]
    pub fn with(self, id: u32) -> Self {
        match (self, id) {
            (same, 0) => same,
            (Self::None, id) => Self::One(id),
            (Self::One(one), id) => Self::Many(Arc::from([one, id])),
            (Self::Many(ids), id) => Self::Many(ids.iter().copied().chain([id]).collect()),
        }
    }

    /// Calls `f` with each identifier.
    pub fn for_each(&self, mut f: impl FnMut(u32)) {
        match self {
            Self::None => {}
            Self::One(id) => f(*id),
            Self::Many(ids) => ids.iter().copied().for_each(f),
        }
    }
}

/// One message on its way to one session.
#[derive(Clone, Debug)]
pub struct Delivery {
    /// What was published.
    pub message: Message,
    /// Identifiers of the subscriptions it matches.
    pub ids: SubscriptionIds,
    /// QoS of this delivery.
    pub qos: QoS,
    /// RETAIN flag of this delivery.
    pub retain: bool,
}

/// What became of a message offered to a full queue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pushed {
    /// It waits.
    Queued,
    /// It waits, and this many older ones had to go.
    Displaced(usize),
    /// It is larger than the queue may ever be.
    Refused,
}

/// A bounded queue. Invariant: `bytes` is the sum of the sizes in it and `qos0` the number of its QoS 0 messages.
#[derive(Debug, Default)]
pub struct MQueue {
    queue: VecDeque<Delivery>,
    bytes: usize,
    qos0: usize,
}

/// Bounds of a queue.
#[derive(Clone, Copy, Debug)]
pub struct Bounds {
    /// Most messages; 0 is no limit.
    pub len: usize,
    /// Most bytes; 0 is no limit.
    pub bytes: usize,
}

impl MQueue {
    /// Messages waiting.
    #[must_use]
    pub fn len(&self) -> usize {
        self.queue.len()
    }

    /// Nothing waits.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.queue.is_empty()
    }

    /// Bytes waiting.
    #[must_use]
    pub const fn bytes(&self) -> usize {
        self.bytes
    }

    /// Adds `delivery` at the end. A full queue drops its oldest QoS 0 message first, then its oldest.
    pub fn push(&mut self, delivery: Delivery, bounds: Bounds) -> Pushed {
        let size = delivery.message.size();
        if bounds.bytes != 0 && size > bounds.bytes {
            return Pushed::Refused;
        }
        let mut dropped = 0;
        while (bounds.len != 0 && self.queue.len() >= bounds.len)
            || (bounds.bytes != 0 && self.bytes + size > bounds.bytes)
        {
            if !self.drop_one() {
                break;
            }
            dropped += 1;
        }
        self.bytes += size;
        self.qos0 += usize::from(delivery.qos == QoS::AtMostOnce);
        self.queue.push_back(delivery);
        if dropped == 0 { Pushed::Queued } else { Pushed::Displaced(dropped) }
    }

    fn drop_one(&mut self) -> bool {
        let victim = if self.qos0 == 0 {
            0
        } else {
            self.queue.iter().position(|d| d.qos == QoS::AtMostOnce).unwrap_or(0)
        };
        let gone = self.queue.remove(victim);
        gone.as_ref().map(|d| self.forget(d)).is_some()
    }

    fn forget(&mut self, delivery: &Delivery) {
        self.bytes = self.bytes.saturating_sub(delivery.message.size());
        self.qos0 -= usize::from(delivery.qos == QoS::AtMostOnce);
    }

    /// Takes messages from the front into `out`, in order, until `window` QoS 1 and 2 messages or about `bytes` bytes are
    /// out. The first that finds the window full stops it: nothing overtakes.
    pub fn take(&mut self, window: usize, bytes: usize, out: &mut Vec<Delivery>) {
        let (mut window, mut left) = (window, bytes);
        while let Some(front) = self.queue.front() {
            if front.qos != QoS::AtMostOnce {
                if window == 0 {
                    break;
                }
                window -= 1;
            }
            let size = front.message.size();
            let Some(delivery) = self.queue.pop_front() else { break };
            self.forget(&delivery);
            out.push(delivery);
            left = left.saturating_sub(size);
            if left == 0 {
                break;
            }
        }
        if self.queue.is_empty() && self.queue.capacity() > 64 {
            self.queue = VecDeque::new();
        }
    }

    /// Drops the QoS 0 messages: what a session without a connection does unless told to store them. Returns how many.
    pub fn drop_qos0(&mut self) -> usize {
        let before = self.queue.len();
        self.queue.retain(|d| d.qos != QoS::AtMostOnce);
        self.bytes = self.queue.iter().map(|d| d.message.size()).sum();
        self.qos0 = 0;
        before - self.queue.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::broker::message::Meta;

    fn delivery(n: u8, qos: QoS) -> Delivery {
        let meta = Meta { qos, retain: false, expires_at: None, publisher: 0 };
        Delivery {
            message: Message::new("t", &[], &[n], meta),
            ids: SubscriptionIds::None,
            qos,
            retain: false,
        }
    }

    fn left(queue: &mut MQueue) -> Vec<u8> {
        let mut out = Vec::new();
        queue.take(usize::MAX, usize::MAX, &mut out);
        out.iter().map(|d| d.message.payload()[0]).collect()
    }

    #[track_caller]
    fn check(len: usize, pushes: &[(u8, QoS)], want: &[u8]) {
        let mut queue = MQueue::default();
        for (n, qos) in pushes {
            queue.push(delivery(*n, *qos), Bounds { len, bytes: 0 });
        }
        assert_eq!(left(&mut queue), want);
        assert_eq!((queue.bytes(), queue.qos0), (0, 0));
    }

    #[test]
    fn a_full_queue_drops_the_oldest_qos_0_first() {
        use QoS::{AtLeastOnce as Q1, AtMostOnce as Q0};
        check(2, &[(1, Q1), (2, Q0), (3, Q1)], &[1, 3]);
        check(2, &[(1, Q1), (2, Q1), (3, Q1)], &[2, 3]);
        check(2, &[(1, Q0), (2, Q0), (3, Q0)], &[2, 3]);
        check(0, &[(1, Q0), (2, Q0), (3, Q0)], &[1, 2, 3]);
    }

    #[test]
    fn bytes_are_bounded_too() {
        let one = delivery(0, QoS::AtMostOnce).message.size();
        let bounds = Bounds { len: 0, bytes: 2 * one };
        let mut queue = MQueue::default();
        assert_eq!(queue.push(delivery(1, QoS::AtMostOnce), bounds), Pushed::Queued);
        assert_eq!(queue.push(delivery(2, QoS::AtMostOnce), bounds), Pushed::Queued);
        assert_eq!(queue.push(delivery(3, QoS::AtMostOnce), bounds), Pushed::Displaced(1));
        assert_eq!(
            queue.push(delivery(4, QoS::AtMostOnce), Bounds { len: 0, bytes: 3 }),
            Pushed::Refused
        );
        assert_eq!(left(&mut queue), [2, 3]);
    }

    #[test]
    fn nothing_overtakes_a_message_that_waits_for_the_window() {
        let mut queue = MQueue::default();
        for (n, qos) in [(1, QoS::AtLeastOnce), (2, QoS::AtLeastOnce), (3, QoS::AtMostOnce)] {
            queue.push(delivery(n, qos), Bounds { len: 0, bytes: 0 });
        }
        let mut out = Vec::new();
        queue.take(1, usize::MAX, &mut out);
        assert_eq!(out.len(), 1);
        assert_eq!(queue.len(), 2);
    }
}
