//! Messages that wait for one session, bounded by count and by bytes (EMQX `emqx_mqueue`, with a bound in bytes added).

use std::{
    collections::{BTreeSet, VecDeque},
    sync::Arc,
};

use super::message::Message;
use crate::{mqtt::QoS, sort};

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
    /// That of one subscription; 0 stands for none.
    #[must_use]
    pub const fn of(id: u32) -> Self {
        if id == 0 { Self::None } else { Self::One(id) }
    }

    /// Bytes they take beside the delivery.
    #[inline]
    fn size(&self) -> usize {
        match self {
            Self::None | Self::One(_) => 0,
            Self::Many(ids) => size_of_val(&**ids),
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

/// Those of several subscriptions; 0 stands for one without an identifier.
impl FromIterator<u32> for SubscriptionIds {
    fn from_iter<I: IntoIterator<Item = u32>>(ids: I) -> Self {
        let mut ids = ids.into_iter().filter(|id| *id != 0);
        match (ids.next(), ids.next()) {
            (None, _) => Self::None,
            (Some(one), None) => Self::One(one),
            (Some(one), Some(two)) => Self::Many([one, two].into_iter().chain(ids).collect()),
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
    /// It came to this session as to a member of the group of this number (`topic::hashing::group_number`); 0: it did not.
    pub group: u64,
}

impl Delivery {
    /// Bytes it takes in a queue.
    #[must_use]
    #[inline]
    pub fn size(&self) -> usize {
        self.message.size() + self.ids.size()
    }
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

/// A bounded queue: QoS 0 and QoS 1 and 2 apart, each numbered, so that they come out in the order they went in, unless the
/// in-flight window is full: then QoS 0 goes on (v5 [MQTT-4.9.0-3]). Invariant: `bytes` is the sum of the sizes in it.
#[derive(Debug, Default)]
pub struct MQueue {
    qos0: VecDeque<(u64, Delivery)>,
    others: VecDeque<(u64, Delivery)>,
    next: u64,
    bytes: usize,
}

/// Bounds of a queue.
#[derive(Clone, Copy, Debug)]
pub struct Bounds {
    len: u32,
    bytes: u32,
}

impl Bounds {
    /// Most messages and most bytes; 0 is no limit, and none is above 4 Gi.
    #[must_use]
    pub fn new(len: usize, bytes: usize) -> Self {
        let narrow = |limit| u32::try_from(limit).unwrap_or(u32::MAX);
        Self { len: narrow(len), bytes: narrow(bytes) }
    }

    /// Half of them; no limit stays none.
    #[must_use]
    pub const fn halved(self) -> Self {
        Self { len: self.len.div_ceil(2), bytes: self.bytes.div_ceil(2) }
    }

    const fn len(self) -> usize {
        self.len as usize
    }

    const fn bytes(self) -> usize {
        self.bytes as usize
    }
}

impl MQueue {
    /// Messages waiting.
    #[must_use]
    pub fn len(&self) -> usize {
        self.qos0.len() + self.others.len()
    }

    /// Nothing waits.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.qos0.is_empty() && self.others.is_empty()
    }

    /// Something waits that can be taken; with no `window` only QoS 0 can.
    #[must_use]
    pub fn is_ready(&self, window: bool) -> bool {
        !self.qos0.is_empty() || (window && !self.others.is_empty())
    }

    /// Bytes waiting.
    #[must_use]
    pub const fn bytes(&self) -> usize {
        self.bytes
    }

    /// Adds `delivery` at the end. A full queue drops its oldest QoS 0 message first, then its oldest.
    #[inline]
    pub fn push(&mut self, delivery: Delivery, bounds: Bounds) -> Pushed {
        let size = delivery.size();
        if bounds.bytes() != 0 && size > bounds.bytes() {
            return Pushed::Refused;
        }
        let mut dropped = 0;
        while (bounds.len() != 0 && self.len() >= bounds.len())
            || (bounds.bytes() != 0 && self.bytes + size > bounds.bytes())
        {
            let Some((_, victim)) = self.qos0.pop_front().or_else(|| self.others.pop_front())
            else {
                break;
            };
            self.bytes -= victim.size();
            dropped += 1;
        }
        self.bytes += size;
        let queue = if delivery.qos == QoS::AtMostOnce { &mut self.qos0 } else { &mut self.others };
        queue.push_back((self.next, delivery));
        self.next += 1;
        if dropped == 0 { Pushed::Queued } else { Pushed::Displaced(dropped) }
    }

    /// Adds `delivery` at the end if nothing has to go for it; gives it back otherwise.
    ///
    /// # Errors
    /// There is no room.
    pub fn offer(&mut self, delivery: Delivery, bounds: Bounds) -> Result<(), Delivery> {
        let size = delivery.size();
        let full = (bounds.len() != 0 && self.len() >= bounds.len())
            || (bounds.bytes() != 0 && self.bytes + size > bounds.bytes());
        if full {
            return Err(delivery);
        }
        self.push(delivery, bounds);
        Ok(())
    }

    /// Drops the oldest QoS 0 messages until the rest is within `bounds`, if there are so many. Returns how many went.
    pub fn trim_qos0(&mut self, bounds: Bounds) -> usize {
        let before = self.qos0.len();
        while ((bounds.len() != 0 && self.len() > bounds.len())
            || (bounds.bytes() != 0 && self.bytes > bounds.bytes()))
            && let Some((_, victim)) = self.qos0.pop_front()
        {
            self.bytes -= victim.size();
        }
        before - self.qos0.len()
    }

    /// Takes everything out; what comes then is numbered on.
    #[must_use]
    pub fn clear(&mut self) -> Self {
        let next = self.next;
        std::mem::replace(self, Self { next, ..Self::default() })
    }

    /// Takes out the QoS 1 and 2 messages that came to the session as to a member of a group.
    pub fn take_shared(&mut self) -> Vec<Delivery> {
        let (shared, others): (VecDeque<_>, VecDeque<_>) =
            std::mem::take(&mut self.others).into_iter().partition(|(_, one)| one.group != 0);
        self.others = others;
        self.bytes -= shared.iter().map(|(_, one)| one.size()).sum::<usize>();
        shared.into_iter().map(|(_, one)| one).collect()
    }

    /// Takes messages from the front into `out`, in order, until about `bytes` bytes are out. When `window` QoS 1 and 2
    /// messages are out, only QoS 0 goes on.
    pub fn take(&mut self, window: usize, bytes: usize, out: &mut Vec<Delivery>) {
        let (mut window, mut left) = (window, bytes);
        while left > 0 {
            let first0 = self.qos0.front().map(|(number, _)| *number);
            let first = self.others.front().filter(|_| window > 0).map(|(number, _)| *number);
            let queue = match (first0, first) {
                (None, None) => break,
                (Some(a), Some(b)) if a < b => &mut self.qos0,
                (Some(_), None) => &mut self.qos0,
                (_, Some(_)) => {
                    window -= 1;
                    &mut self.others
                }
            };
            let Some((_, delivery)) = queue.pop_front() else { break };
            let size = delivery.size();
            self.bytes -= size;
            left = left.saturating_sub(size);
            out.push(delivery);
        }
        for queue in [&mut self.qos0, &mut self.others] {
            if queue.is_empty() && queue.capacity() > 64 {
                *queue = VecDeque::new();
            }
        }
    }

    /// Copies of what came in as number `from` or later, in order, and the number of the next to come.
    #[must_use]
    pub fn since(&self, from: u64) -> (Vec<Delivery>, u64) {
        let both = self.qos0.iter().chain(&self.others).filter(|(number, _)| *number >= from);
        let mut found: Vec<&(u64, Delivery)> = both.collect();
        sort::sort_by_key(&mut found, |(number, _)| *number);
        (found.into_iter().map(|(_, delivery)| delivery.clone()).collect(), self.next)
    }

    /// Forgets what came in before number `from`.
    pub fn forget_before(&mut self, from: u64) {
        for queue in [&mut self.qos0, &mut self.others] {
            let gone = queue.partition_point(|(number, _)| *number < from);
            self.bytes -= queue.drain(..gone).map(|(_, one)| one.size()).sum::<usize>();
        }
    }

    /// Puts `older` before what waits. Of both it leaves out the messages that are `known`, and of what waits those that are among
    /// `older`. Returns how many had to go for the bounds.
    pub fn prepend(
        &mut self,
        older: Vec<Delivery>,
        known: &BTreeSet<u64>,
        bounds: Bounds,
    ) -> usize {
        let older: Vec<Delivery> = older.into_iter().filter(|one| !is_known(one, known)).collect();
        let mut numbers = known.clone();
        numbers.extend(older.iter().map(|delivery| delivery.message.number()));
        let (newer, _) = self.clear().since(0);
        let newer = newer.into_iter().filter(|one| !is_known(one, &numbers));
        let mut dropped = 0;
        for delivery in older.into_iter().chain(newer) {
            dropped += match self.push(delivery, bounds) {
                Pushed::Queued => 0,
                Pushed::Displaced(gone) => gone,
                Pushed::Refused => 1,
            };
        }
        dropped
    }

    /// Forgets what `keep` refuses. Returns how many went.
    pub fn retain(&mut self, mut keep: impl FnMut(&Delivery) -> bool) -> usize {
        let before = self.len();
        for queue in [&mut self.qos0, &mut self.others] {
            queue.retain(|(_, delivery)| {
                let stays = keep(delivery);
                self.bytes -= if stays { 0 } else { delivery.size() };
                stays
            });
        }
        before - self.len()
    }

    /// Puts back what was taken out by [`Self::clear`], before what came since. Returns how many of the oldest had to go for the
    /// bounds.
    pub fn put_back(&mut self, mut older: Self, bounds: Bounds) -> usize {
        older.qos0.append(&mut self.qos0);
        older.others.append(&mut self.others);
        (self.qos0, self.others) = (older.qos0, older.others);
        self.bytes += older.bytes;
        let before = self.len();
        while ((bounds.len() != 0 && self.len() > bounds.len())
            || (bounds.bytes() != 0 && self.bytes > bounds.bytes()))
            && let Some((_, victim)) = self.qos0.pop_front().or_else(|| self.others.pop_front())
        {
            self.bytes -= victim.size();
        }
        before - self.len()
    }

    /// Drops the QoS 0 messages: what a session without a connection does unless told to store them. Returns how many.
    pub fn drop_qos0(&mut self) -> usize {
        let gone = std::mem::take(&mut self.qos0);
        self.bytes -= gone.iter().map(|(_, delivery)| delivery.size()).sum::<usize>();
        gone.len()
    }
}

/// Whether it is one of these; what never left its node has no number.
fn is_known(delivery: &Delivery, numbers: &BTreeSet<u64>) -> bool {
    let number = delivery.message.number();
    number != 0 && numbers.contains(&number)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_taken_out_goes_back_before_what_came_since() {
        for (len, want, gone) in [(9, "0 1 2 3 4 5", 0), (4, "1 3 4 5", 2)] {
            let bounds = Bounds::new(len, 0);
            let mut queue = MQueue::default();
            let qos = [QoS::AtMostOnce, QoS::AtLeastOnce];
            let push = |queue: &mut MQueue, n: usize| {
                let text = n.to_string();
                let meta = Meta { qos: qos[n % 2], retain: false, expires_at: None, publisher: 0 };
                let message = Message::new("t", &[], text.as_bytes(), meta);
                let ids = SubscriptionIds::None;
                let one = Delivery { message, ids, qos: qos[n % 2], retain: false, group: 0 };
                queue.push(one, bounds);
            };
            (0..4).for_each(|n| push(&mut queue, n));
            let older = queue.clear();
            (4..6).for_each(|n| push(&mut queue, n));
            assert_eq!(queue.put_back(older, bounds), gone);
            let all = queue.since(0).0;
            let texts: Vec<_> =
                all.iter().map(|one| String::from_utf8_lossy(one.message.payload())).collect();
            assert_eq!(texts.join(" "), want);
            assert_eq!(queue.bytes(), all.iter().map(Delivery::size).sum::<usize>());
        }
    }
    use crate::broker::message::Meta;

    fn delivery(n: u8, qos: QoS) -> Delivery {
        let meta = Meta { qos, retain: false, expires_at: None, publisher: 0 };
        Delivery {
            message: Message::new("t", &[], &[n], meta),
            ids: SubscriptionIds::None,
            qos,
            retain: false,
            group: 0,
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
            queue.push(delivery(*n, *qos), Bounds::new(len, 0));
        }
        assert_eq!(left(&mut queue), want);
        assert_eq!(queue.bytes(), 0);
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
    fn with_half_the_bounds_qos_0_goes_at_once_and_the_others_when_more_comes() {
        use QoS::{AtLeastOnce as Q1, AtMostOnce as Q0};
        let bounds = Bounds::new(6, 0);
        let mut queue = MQueue::default();
        for (n, qos) in [(1, Q1), (2, Q0), (3, Q1), (4, Q1), (5, Q1), (6, Q0)] {
            queue.push(delivery(n, qos), bounds);
        }
        assert_eq!(queue.trim_qos0(bounds), 0);
        assert_eq!((queue.trim_qos0(bounds.halved()), queue.len()), (2, 4));
        assert_eq!(queue.push(delivery(7, Q0), bounds.halved()), Pushed::Displaced(2));
        assert_eq!(queue.clear().len(), 3);
        assert_eq!((queue.len(), queue.bytes()), (0, 0));
        queue.push(delivery(8, Q1), bounds);
        assert_eq!(queue.since(7).0.len(), 1, "numbers go on");
        assert_eq!((Bounds::new(0, 5).halved().len(), Bounds::new(0, 5).halved().bytes()), (0, 3));
        let mut queue = MQueue::default();
        let listed = Delivery { ids: (1..1000).collect(), ..delivery(1, Q0) };
        queue.push(listed, Bounds::new(0, 0));
        assert_eq!((queue.trim_qos0(Bounds::new(0, 1)), queue.bytes()), (1, 0));
        queue.push(Delivery { ids: (1..1000).collect(), ..delivery(2, Q1) }, Bounds::new(0, 0));
        queue.forget_before(u64::MAX);
        assert_eq!((queue.len(), queue.bytes()), (0, 0));
    }

    #[test]
    fn identifiers_stand_in_their_order_and_take_room() {
        let ids = |list: &[u32]| list.iter().copied().collect::<SubscriptionIds>();
        assert_eq!([ids(&[]), ids(&[0, 0]), ids(&[0, 7])], [0, 0, 7].map(SubscriptionIds::of));
        assert_eq!(ids(&[3, 0, 1, 2]), SubscriptionIds::Many([3, 1, 2].into()));
        let plain = delivery(1, QoS::AtLeastOnce);
        let listed = Delivery { ids: (0..1001).collect(), ..plain.clone() };
        assert_eq!(listed.size(), plain.size() + 4000);
        let (bounds, mut queue) = (Bounds::new(0, listed.size() + plain.size()), MQueue::default());
        for (one, want) in [(&plain, Pushed::Queued), (&listed, Pushed::Queued)] {
            assert_eq!(queue.push(one.clone(), bounds), want);
        }
        assert_eq!(queue.push(listed, bounds), Pushed::Displaced(2));
        assert_eq!(left(&mut queue), [1]);
        assert_eq!(queue.bytes(), 0);
    }

    #[test]
    fn bytes_are_bounded_too() {
        let one = delivery(0, QoS::AtMostOnce).message.size();
        let bounds = Bounds::new(0, 2 * one);
        let mut queue = MQueue::default();
        assert_eq!(queue.push(delivery(1, QoS::AtMostOnce), bounds), Pushed::Queued);
        assert_eq!(queue.push(delivery(2, QoS::AtMostOnce), bounds), Pushed::Queued);
        assert_eq!(queue.push(delivery(3, QoS::AtMostOnce), bounds), Pushed::Displaced(1));
        assert_eq!(queue.push(delivery(4, QoS::AtMostOnce), Bounds::new(0, 3)), Pushed::Refused);
        assert_eq!(left(&mut queue), [2, 3]);
    }

    #[test]
    fn what_came_from_another_node_stands_first_and_once() {
        use QoS::{AtLeastOnce as Q1, AtMostOnce as Q0};
        let numbered = |n: u8, qos| {
            let plain = delivery(n, qos);
            Delivery { message: plain.message.clone().with_number(u64::from(n)), ..plain }
        };
        let bounds = Bounds::new(6, 0);
        let mut queue = MQueue::default();
        for (n, qos) in [(3, Q1), (4, Q0), (5, Q1), (6, Q1), (0, Q1), (0, Q1)] {
            queue.push(numbered(n, qos), bounds);
        }
        assert_eq!(queue.since(4).0.len(), 2);
        let mut later = MQueue::default();
        for (n, qos) in [(1, Q1), (2, Q0), (3, Q1)] {
            later.push(numbered(n, qos), bounds);
        }
        later.forget_before(2);
        assert_eq!(left(&mut later), [3]);
        assert_eq!(later.bytes(), 0);
        let older = [(1, Q1), (0, Q1), (7, Q1), (3, Q1), (4, Q0)];
        let older = older.map(|(n, qos)| numbered(n, qos)).into();
        // Two without a number are kept apart; the oldest of QoS 0 has to go.
        let dropped = queue.prepend(older, &BTreeSet::from([0, 5, 7]), bounds);
        assert!(queue.since(6).0.len() == 6 && queue.since(0).1 > 6, "numbers go on");
        assert_eq!((dropped, left(&mut queue)), (1, vec![1, 0, 3, 6, 0, 0]));
        assert_eq!(queue.bytes(), 0);
    }

    #[test]
    fn only_qos_0_overtakes_what_waits_for_the_window() {
        use QoS::{AtLeastOnce as Q1, AtMostOnce as Q0};
        let mut queue = MQueue::default();
        for (n, qos) in [(1, Q1), (2, Q0), (3, Q1), (4, Q1), (5, Q0)] {
            queue.push(delivery(n, qos), Bounds::new(0, 0));
        }
        let mut out = Vec::new();
        queue.take(2, usize::MAX, &mut out);
        assert_eq!(out.iter().map(|d| d.message.payload()[0]).collect::<Vec<_>>(), [1, 2, 3, 5]);
        assert!(!queue.is_ready(false) && queue.is_ready(true));
        assert_eq!(left(&mut queue), [4]);
    }
}
