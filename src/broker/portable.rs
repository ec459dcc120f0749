//! A session as bytes, for its way to another node (EMQX `emqx_session:takeover`).
//!
//! A list of records: `tag u8 | len u32 BE | body`. An unknown tag is skipped, so a later release may add one; fields are only
//! ever added at the end of a body. Times go as spans, because no two nodes have one clock.

use std::{collections::BTreeSet, time::Duration};

use super::{
    ClientId, Message,
    awaiting_rel::AwaitingRel,
    inflight::{Awaiting, Inflight, Slot},
    message::Meta,
    mqueue::{Delivery, SubscriptionIds},
    replay::Replay,
    session::Session,
    subscription_list::SubscriptionList,
    will::Will,
};
use crate::{
    mqtt::{PacketId, QoS, SubscriptionOptions, Version},
    time::{Time, Wall},
    topic::{TopicName, share::Subscription},
};

const HEAD: u8 = 1;
const SUBSCRIPTION: u8 = 2;
const PUBACK: u8 = 3;
const PUBREC: u8 = 4;
const PUBCOMP: u8 = 5;
const AWAITING_REL: u8 = 6;
const QUEUED: u8 = 7;
const WILL: u8 = 8;
const REPLAY: u8 = 9;
/// A span that never ends.
pub(super) const NEVER: u64 = u64::MAX;

/// All that outlives a connection.
#[derive(Debug, Default)]
pub struct Portable {
    /// When the session began.
    pub created_at: Wall,
    /// Messages sent to the client so far.
    pub delivered: u64,
    /// User name of the client that began it.
    pub username: Option<Box<str>>,
    /// As [`Session::proven`].
    pub proven: bool,
    /// How long it lives on without a connection.
    pub expiry: Duration,
    /// What it subscribes to.
    pub subscriptions: SubscriptionList,
    /// What is under way to the client.
    pub inflight: Inflight,
    /// QoS 2 messages of the client that wait for PUBREL.
    pub awaiting_rel: AwaitingRel,
    /// Retained messages that the client is still to get.
    pub replays: Vec<Replay>,
    /// Messages that wait for the client.
    pub queue: Vec<Delivery>,
    /// A will, and after which time it goes out.
    pub will: Option<(Box<Will>, Duration)>,
}

/// Bytes that are no session.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("bytes of another process that are no session: {0}")]
pub struct BadSession(pub(super) &'static str);

impl Portable {
    /// Takes the fields that a session has; expiry, queue and will are the caller's.
    #[must_use]
    pub fn of_session(session: &Session) -> Self {
        Self {
            created_at: session.created_at,
            delivered: session.delivered,
            username: session.owner.clone(),
            proven: session.proven,
            subscriptions: session.subscriptions.clone(),
            inflight: Inflight::of_slots(session.inflight.iter().cloned().collect()),
            awaiting_rel: session.awaiting_rel.clone(),
            replays: session.replays.to_vec(),
            ..Self::default()
        }
    }

    /// The session that begins here under `number`, as the claim of time `claim` says.
    #[must_use]
    pub fn into_session(self, client_id: ClientId, number: u64, claim: u64) -> Session {
        Session {
            number,
            claim,
            client_id,
            owner: self.username,
            proven: self.proven,
            subscriptions: self.subscriptions,
            inflight: self.inflight,
            awaiting_rel: self.awaiting_rel,
            replays: self.replays.into(),
            created_at: self.created_at,
            delivered: self.delivered,
        }
    }

    /// Takes in what an older session of the same client has and this one has not. Messages that were under way there wait again,
    /// before all others; a QoS 2 message that had arrived is not sent again. Which QoS 2 messages of its own are unfinished the client
    /// knows as this one does: it spoke to this one last, and an id of the other may be one of a new message since.
    pub fn absorb(&mut self, older: Self) {
        let mut here = self.numbers_under_way();
        here.extend(self.queue.iter().map(|delivery| delivery.message.number()));
        here.remove(&0);
        let mut queue = older.unfinished();
        queue.retain(|delivery| !here.contains(&delivery.message.number()));
        queue.append(&mut self.queue);
        self.queue = queue;
        self.proven |= older.proven;
        // Who has subscribed here as well has had them, or has them due.
        let mut replays = older.replays;
        replays.retain(|replay| !self.subscriptions.contains(&replay.subscription()));
        self.replays.splice(..0, replays);
        for (to, terms) in older.subscriptions {
            if !self.subscriptions.contains(&to) {
                self.subscriptions.insert(to, terms);
            }
        }
    }

    /// Messages that the client has not acknowledged, in order: those under way, then those that wait.
    #[must_use]
    pub fn unfinished(&self) -> Vec<Delivery> {
        let under_way = self.inflight.iter().filter_map(|slot| match &slot.awaiting {
            Awaiting::PubAck(delivery) | Awaiting::PubRec(delivery) => Some(delivery.clone()),
            Awaiting::PubComp => None,
        });
        under_way.chain(self.queue.iter().cloned()).collect()
    }

    /// Numbers in the cluster of the messages under way.
    #[must_use]
    pub fn numbers_under_way(&self) -> BTreeSet<u64> {
        self.inflight.numbers().collect()
    }

    /// Everything as bytes.
    #[must_use]
    pub fn encode(&self, now: Time) -> Vec<u8> {
        let mut out = Vec::new();
        record(&mut out, HEAD, |out| {
            put_u64(out, self.created_at.as_ms());
            put_u64(out, self.delivered);
            put_u64(out, span(self.expiry));
            out.push(u8::from(self.username.is_some()));
            put_text(out, self.username.as_deref().unwrap_or(""));
            out.push(u8::from(self.proven));
        });
        for (to, (options, id)) in self.subscriptions.iter() {
            record(&mut out, SUBSCRIPTION, |out| {
                out.push(options.to_byte());
                put_u32(out, id);
                out.extend_from_slice(to.to_string().as_bytes());
            });
        }
        for slot in self.inflight.iter() {
            put_slot(&mut out, slot, now);
        }
        for (id, age) in self.awaiting_rel.ages(now) {
            record(&mut out, AWAITING_REL, |out| {
                out.extend_from_slice(&id.get().to_be_bytes());
                put_u64(out, span(age));
            });
        }
        for replay in &self.replays {
            record(&mut out, REPLAY, |out| replay.put(out));
        }
        if let Some((will, delay)) = &self.will {
            record(&mut out, WILL, |out| put_will(out, (will, *delay), now));
        }
        put_queue(&mut out, &self.queue, now);
        out
    }

    /// Reads what [`Portable::encode`] wrote.
    ///
    /// # Errors
    /// [`BadSession`]: nothing of it is to be used.
    pub fn decode(bytes: &[u8], now: Time) -> Result<Self, BadSession> {
        let mut portable = Self::default();
        let (mut slots, mut head, mut rest) = (Vec::new(), false, Get(bytes));
        while !rest.0.is_empty() {
            let (tag, mut body) = rest.record()?;
            match tag {
                HEAD => {
                    head = true;
                    portable.created_at = Wall::from_ms(body.u64()?);
                    portable.delivered = body.u64()?;
                    portable.expiry = Duration::from_millis(body.u64()?);
                    let some = body.u8()? != 0;
                    portable.username = Some(body.text()?.into()).filter(|_| some);
                    // Older releases do not say it.
                    portable.proven = body.u8().is_ok_and(|proven| proven != 0);
                }
                SUBSCRIPTION => {
                    let options = SubscriptionOptions::from_byte(body.u8()?, Version::V5);
                    let options = options.map_err(|_| BadSession("subscription options"))?;
                    let id = body.u32()?;
                    let to = Subscription::parse(body.rest_text()?);
                    let to = to.map_err(|_| BadSession("topic filter"))?;
                    portable.subscriptions.insert(to, (options, id));
                }
                PUBACK | PUBREC | PUBCOMP => slots.push(body.slot(tag, now)?),
                AWAITING_REL => {
                    let (id, age) = (body.packet_id()?, Duration::from_millis(body.u64()?));
                    portable.awaiting_rel.insert(id, before(now, age));
                }
                QUEUED => portable.queue.push(body.delivery(now)?),
                REPLAY => portable.replays.push(Replay::get(&mut body)?),
                WILL => portable.will = Some(body.will(now)?),
                _ => {}
            }
        }
        if !head {
            return Err(BadSession("no head"));
        }
        let ids: BTreeSet<PacketId> = slots.iter().map(|slot| slot.packet_id).collect();
        if ids.len() != slots.len() {
            return Err(BadSession("packet id twice"));
        }
        portable.inflight = Inflight::of_slots(slots);
        portable.awaiting_rel.leave(now);
        Ok(portable)
    }
}

/// Messages of a queue as bytes.
#[must_use]
pub fn encode_queue(queue: &[Delivery], now: Time) -> Vec<u8> {
    let mut out = Vec::new();
    put_queue(&mut out, queue, now);
    out
}

/// Reads what [`encode_queue`] wrote.
///
/// # Errors
/// [`BadSession`]
pub fn decode_queue(bytes: &[u8], now: Time) -> Result<Vec<Delivery>, BadSession> {
    let (mut queue, mut rest) = (Vec::new(), Get(bytes));
    while !rest.0.is_empty() {
        if let (QUEUED, mut body) = rest.record()? {
            queue.push(body.delivery(now)?);
        }
    }
    Ok(queue)
}

/// A will as bytes, for nodes that keep it for the case that this one dies.
#[must_use]
pub fn encode_will(will: &Will) -> Vec<u8> {
    let mut out = Vec::new();
    put_will(&mut out, (will, will.delay), Time::ZERO);
    out
}

/// Reads what [`encode_will`] wrote.
///
/// # Errors
/// [`BadSession`]
pub fn decode_will(bytes: &[u8]) -> Result<Will, BadSession> {
    Get(bytes).will(Time::ZERO).map(|(will, _)| *will)
}

pub(super) fn record(out: &mut Vec<u8>, tag: u8, body: impl FnOnce(&mut Vec<u8>)) {
    out.push(tag);
    let at = out.len();
    put_u32(out, 0);
    body(out);
    let len = u32::try_from(out.len() - at - 4).unwrap_or(u32::MAX);
    if let Some(place) = out.get_mut(at..at + 4) {
        place.copy_from_slice(&len.to_be_bytes());
    }
}

pub(super) fn put_u32(out: &mut Vec<u8>, value: u32) {
    out.extend_from_slice(&value.to_be_bytes());
}

pub(super) fn put_u64(out: &mut Vec<u8>, value: u64) {
    out.extend_from_slice(&value.to_be_bytes());
}

pub(super) fn put_text(out: &mut Vec<u8>, text: &str) {
    put_u32(out, u32::try_from(text.len()).unwrap_or(u32::MAX));
    out.extend_from_slice(text.as_bytes());
}

pub(super) fn span(span: Duration) -> u64 {
    u64::try_from(span.as_millis()).unwrap_or(NEVER)
}

/// `age` before `now`, but not before time began.
fn before(now: Time, age: Duration) -> Time {
    Time::from_ms(now.as_ms().saturating_sub(span(age)))
}

fn put_slot(out: &mut Vec<u8>, slot: &Slot, now: Time) {
    let (tag, delivery) = match &slot.awaiting {
        Awaiting::PubAck(delivery) => (PUBACK, Some(delivery)),
        Awaiting::PubRec(delivery) => (PUBREC, Some(delivery)),
        Awaiting::PubComp => (PUBCOMP, None),
    };
    record(out, tag, |out| {
        out.extend_from_slice(&slot.packet_id.get().to_be_bytes());
        if let Some(delivery) = delivery {
            put_delivery(out, delivery, now);
        }
    });
}

fn put_queue(out: &mut Vec<u8>, queue: &[Delivery], now: Time) {
    for delivery in queue {
        record(out, QUEUED, |out| put_delivery(out, delivery, now));
    }
}

fn put_delivery(out: &mut Vec<u8>, delivery: &Delivery, now: Time) {
    let flags = u8::from(delivery.retain) | u8::from(delivery.group != 0) << 1;
    out.extend_from_slice(&[delivery.qos.as_u8(), flags]);
    let mut ids = Vec::new();
    delivery.ids.for_each(|id| ids.push(id));
    put_u32(out, u32::try_from(ids.len()).unwrap_or(u32::MAX));
    ids.into_iter().for_each(|id| put_u32(out, id));
    if delivery.group != 0 {
        put_u64(out, delivery.group);
    }
    put_message(out, &delivery.message, now);
}

pub(super) fn put_will(out: &mut Vec<u8>, (will, delay): (&Will, Duration), now: Time) {
    let (message, expiry) = will.parts();
    put_u64(out, span(delay));
    put_u64(out, expiry.map_or(NEVER, span));
    put_whole(out, message, now);
}

/// A message with its QoS and RETAIN flag.
pub(super) fn put_whole(out: &mut Vec<u8>, message: &Message, now: Time) {
    out.extend_from_slice(&[message.qos().as_u8(), u8::from(message.retain())]);
    put_message(out, message, now);
}

pub(super) fn put_message(out: &mut Vec<u8>, message: &Message, now: Time) {
    put_u64(out, message.number());
    put_u64(out, message.expires_at().map_or(NEVER, |at| span(at.since(now))));
    put_text(out, message.topic());
    put_u32(out, u32::try_from(message.properties().len()).unwrap_or(u32::MAX));
    out.extend_from_slice(message.properties());
    out.extend_from_slice(message.payload());
}

/// Walks over bytes of another process.
pub(super) struct Get<'a>(pub(super) &'a [u8]);

impl<'a> Get<'a> {
    fn take(&mut self, len: usize) -> Result<&'a [u8], BadSession> {
        let (head, rest) = self.0.split_at_checked(len).ok_or(BadSession("truncated"))?;
        self.0 = rest;
        Ok(head)
    }

    pub(super) fn array<const N: usize>(&mut self) -> Result<[u8; N], BadSession> {
        let (head, rest) = self.0.split_first_chunk().ok_or(BadSession("truncated"))?;
        self.0 = rest;
        Ok(*head)
    }

    pub(super) fn u8(&mut self) -> Result<u8, BadSession> {
        self.array::<1>().map(|[byte]| byte)
    }

    pub(super) fn u32(&mut self) -> Result<u32, BadSession> {
        self.array().map(u32::from_be_bytes)
    }

    pub(super) fn u64(&mut self) -> Result<u64, BadSession> {
        self.array().map(u64::from_be_bytes)
    }

    pub(super) fn bytes(&mut self) -> Result<&'a [u8], BadSession> {
        let len = usize::try_from(self.u32()?).map_err(|_| BadSession("length"))?;
        self.take(len)
    }

    pub(super) fn text(&mut self) -> Result<&'a str, BadSession> {
        std::str::from_utf8(self.bytes()?).map_err(|_| BadSession("text"))
    }

    pub(super) fn rest_text(&mut self) -> Result<&'a str, BadSession> {
        std::str::from_utf8(self.0).map_err(|_| BadSession("text"))
    }

    pub(super) fn record(&mut self) -> Result<(u8, Self), BadSession> {
        Ok((self.u8()?, Self(self.bytes()?)))
    }

    pub(super) fn packet_id(&mut self) -> Result<PacketId, BadSession> {
        PacketId::new(u16::from_be_bytes(self.array()?)).ok_or(BadSession("packet id 0"))
    }

    pub(super) fn qos(&mut self) -> Result<QoS, BadSession> {
        QoS::from_u8(self.u8()?).ok_or(BadSession("QoS 3"))
    }

    fn slot(&mut self, tag: u8, now: Time) -> Result<Slot, BadSession> {
        let packet_id = self.packet_id()?;
        let awaiting = match tag {
            PUBACK => Awaiting::PubAck(self.delivery(now)?),
            PUBREC => Awaiting::PubRec(self.delivery(now)?),
            _ => Awaiting::PubComp,
        };
        Ok(Slot { packet_id, awaiting, sent_at: now, owed: false })
    }

    fn delivery(&mut self, now: Time) -> Result<Delivery, BadSession> {
        let (qos, flags, count) = (self.qos()?, self.u8()?, self.u32()?);
        let (retain, in_group) = (flags & 1 != 0, flags & 2 != 0);
        let ids = (0..count).map(|_| self.u32()).collect::<Result<SubscriptionIds, _>>()?;
        let group = if in_group { self.u64()? } else { 0 };
        Ok(Delivery { message: self.message((qos, retain), now)?, ids, qos, retain, group })
    }

    pub(super) fn message(
        &mut self,
        (qos, retain): (QoS, bool),
        now: Time,
    ) -> Result<Message, BadSession> {
        let (number, left, topic) = (self.u64()?, self.u64()?, self.text()?);
        TopicName::parse(topic).map_err(|_| BadSession("topic"))?;
        let properties = self.bytes()?;
        let expires_at = (left != NEVER).then(|| now + Duration::from_millis(left));
        let meta = Meta { qos, retain, expires_at, publisher: 0 };
        Ok(Message::new(topic, properties, self.0, meta).with_number(number))
    }

    /// What [`put_whole`] wrote, to the end.
    pub(super) fn whole(&mut self, now: Time) -> Result<Message, BadSession> {
        let (qos, retain) = (self.qos()?, self.u8()? != 0);
        self.message((qos, retain), now)
    }

    pub(super) fn will(&mut self, now: Time) -> Result<(Box<Will>, Duration), BadSession> {
        let (delay, expiry) = (Duration::from_millis(self.u64()?), self.u64()?);
        let expiry = (expiry != NEVER).then(|| Duration::from_millis(expiry));
        let message = self.whole(now)?;
        Ok((Box::new(Will::of_parts(message, expiry, delay)), delay))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const NOW: Time = Time::from_ms(50_000);

    fn delivery(n: u64, qos: QoS) -> Delivery {
        let expires_at = n.is_multiple_of(2).then(|| NOW + Duration::from_secs(n));
        let meta = Meta { qos, retain: n.is_multiple_of(3), expires_at, publisher: 9 };
        let payload = n.to_string();
        Delivery {
            message: Message::new("t/a", &[1, 1], payload.as_bytes(), meta).with_number(n),
            ids: (1..=n % 4).map(|id| u32::try_from(id).unwrap()).collect(),
            qos,
            retain: n.is_multiple_of(3),
            group: if n.is_multiple_of(2) { n + 7 } else { 0 },
        }
    }

    fn sample() -> Portable {
        let mut awaiting_rel = AwaitingRel::default();
        awaiting_rel.insert(PacketId::new(7).unwrap(), Time::from_ms(49_000));
        awaiting_rel.leave(NOW);
        let (one, two) = (PacketId::new(7).unwrap(), PacketId::new(9).unwrap());
        let slot = |packet_id, awaiting| Slot { packet_id, awaiting, sent_at: NOW, owed: false };
        let slots = vec![
            slot(one, Awaiting::PubAck(delivery(3, QoS::AtLeastOnce))),
            slot(two, Awaiting::PubRec(delivery(4, QoS::ExactlyOnce))),
            slot(PacketId::new(10).unwrap(), Awaiting::PubComp),
        ];
        let options =
            SubscriptionOptions { qos: QoS::AtLeastOnce, no_local: true, ..Default::default() };
        let mut subscriptions = SubscriptionList::default();
        for text in ["a/#", "$share/g/b"] {
            subscriptions.insert(Subscription::parse(text).unwrap(), (options, 5));
        }
        Portable {
            proven: true,
            created_at: Wall::from_ms(123),
            delivered: 4,
            username: Some("u".into()),
            expiry: Duration::from_secs(60),
            subscriptions,
            inflight: Inflight::of_slots(slots),
            awaiting_rel,
            replays: vec![Replay {
                filter: crate::topic::TopicFilter::parse("a/#").unwrap(),
                after: None,
                qos: QoS::AtLeastOnce,
                id: 5,
                no_local: true,
            }],
            queue: vec![delivery(5, QoS::AtMostOnce), delivery(6, QoS::ExactlyOnce)],
            will: Some((
                Box::new(Will::of_parts(
                    delivery(8, QoS::AtLeastOnce).message,
                    Some(Duration::from_secs(3)),
                    Duration::from_secs(2),
                )),
                Duration::from_secs(2),
            )),
        }
    }

    #[test]
    fn a_session_comes_out_as_it_went_in() {
        let bytes = sample().encode(NOW);
        let back = Portable::decode(&bytes, NOW).unwrap();
        assert_eq!(back.encode(NOW), bytes);
        assert_eq!(format!("{back:?}"), format!("{:?}", Portable { ..sample() }));
        assert_eq!(back.numbers_under_way(), BTreeSet::from([3, 4]));
        // An hour of the other clock changes nothing but the starting points.
        let later = NOW + Duration::from_secs(3_600);
        assert_eq!(Portable::decode(&bytes, later).unwrap().encode(later), bytes);
    }

    #[test]
    fn two_sessions_of_one_client_become_one() {
        // Number 5 reached both.
        let queue = vec![delivery(5, QoS::AtMostOnce), delivery(9, QoS::AtLeastOnce)];
        let mut newer = Portable { queue, ..Portable::default() };
        newer.absorb(sample());
        let numbers: Vec<u64> = newer.queue.iter().map(|d| d.message.number()).collect();
        assert_eq!(numbers, [3, 4, 6, 5, 9]);
        assert_eq!((newer.subscriptions.len(), newer.awaiting_rel.len()), (2, 0));
        assert!(newer.inflight.is_empty());
    }

    #[test]
    fn what_a_later_release_adds_is_skipped() {
        let mut bytes = sample().encode(NOW);
        record(&mut bytes, 99, |out| put_text(out, "news"));
        assert_eq!(Portable::decode(&bytes, NOW).unwrap().encode(NOW), sample().encode(NOW));
    }

    #[test]
    fn a_cut_anywhere_is_an_error_or_a_shorter_list() {
        let bytes = sample().encode(NOW);
        let whole = Portable::decode(&bytes, NOW).unwrap();
        for cut in 0..bytes.len() {
            if let Ok(part) = Portable::decode(&bytes[..cut], NOW) {
                assert!(part.encode(NOW).len() == cut && part.queue.len() <= whole.queue.len());
            }
        }
    }

    proptest! {
        #[test]
        fn bytes_from_nowhere_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
            let _ = Portable::decode(&bytes, NOW);
            let _ = decode_queue(&bytes, NOW);
        }

        #[test]
        fn one_changed_byte_never_panics(at: prop::sample::Index, to: u8) {
            let mut bytes = sample().encode(NOW);
            let at = at.index(bytes.len());
            bytes[at] = to;
            let _ = Portable::decode(&bytes, NOW);
        }
    }

    #[test]
    fn a_will_alone_survives_and_bytes_from_nowhere_are_refused() {
        let meta = Meta { qos: QoS::ExactlyOnce, retain: true, expires_at: None, publisher: 9 };
        let message = Message::new("t/a", &[1, 1], b"gone", meta);
        let will = Will::of_parts(message, Some(Duration::from_secs(7)), Duration::from_secs(3));
        let bytes = encode_will(&will);
        let back = decode_will(&bytes).unwrap();
        assert_eq!((encode_will(&back), back.delay), (bytes.clone(), will.delay));
        let message = back.into_message(NOW);
        assert_eq!((message.topic(), message.payload()), ("t/a", &b"gone"[..]));
        assert_eq!((message.qos(), message.retain()), (QoS::ExactlyOnce, true));
        assert_eq!(message.expires_at(), Some(NOW + Duration::from_secs(7)));
        // Without its payload it is one without payload.
        for cut in 0..bytes.len() - b"gone".len() {
            assert!(decode_will(&bytes[..cut]).is_err(), "cut at {cut}");
        }
    }
}
