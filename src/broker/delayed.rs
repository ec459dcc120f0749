//! Delayed publish (EMQX `emqx_mod_delayed`): `$delayed/{seconds}/{topic}` is published to `topic` that many seconds later.
//!
//! Bounded by count and by bytes, in all and for each session; kept in memory, as retained messages are.

use std::{
    collections::{BTreeMap, HashMap},
    time::Duration,
};

use super::message::Message;
use crate::time::Time;

/// What the topic of a delayed message begins with.
pub const PREFIX: &str = "$delayed/";
/// Longest delay, in seconds, as in EMQX: almost 50 days.
pub const LONGEST: u32 = 4_294_967;

/// The topic is no delayed one although it begins like one: no number, or one above [`LONGEST`], or nothing behind it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BadDelay;

/// Delay and topic of `$delayed/{seconds}/{topic}`; `None` for every other topic.
///
/// # Errors
/// [`BadDelay`]
#[inline]
pub fn split(topic: &str) -> Result<Option<(Duration, &str)>, BadDelay> {
    let Some(rest) = topic.strip_prefix(PREFIX) else { return Ok(None) };
    let (seconds, topic) = rest.split_once('/').ok_or(BadDelay)?;
    let digits = seconds.bytes().all(|byte| byte.is_ascii_digit());
    let seconds: u32 = seconds.parse().map_err(|_| BadDelay)?;
    if !digits || seconds > LONGEST || topic.is_empty() {
        return Err(BadDelay);
    }
    Ok(Some((Duration::from_secs(u64::from(seconds)), topic)))
}

/// What one session may fill of the room for all: this part,
const PART: usize = 10;
/// but so much in any case.
const LEAST: Share = Share { messages: 100, bytes: 64 << 10 };

/// What waits of one session.
#[derive(Clone, Copy, Debug, Default)]
struct Share {
    messages: usize,
    bytes: usize,
}

/// Messages that wait for their time. Invariants: `bytes` is the sum of their sizes, `shares` of those of each publisher.
#[derive(Debug, Default)]
pub struct Delayed {
    /// By time, and by order of arrival among those of one time.
    waiting: BTreeMap<(Time, u64), Message>,
    next: u64,
    bytes: usize,
    /// By number of the session that published.
    shares: HashMap<u64, Share>,
}

impl Delayed {
    /// Messages that wait.
    #[must_use]
    pub fn len(&self) -> usize {
        self.waiting.len()
    }

    /// None waits.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }

    /// Keeps `message` until `at`. `false`: there are `most` already, or they would be more than `bytes` bytes, or more of its
    /// publisher than its part of that; 0 is no limit.
    pub fn push(&mut self, message: Message, at: Time, (most, bytes): (usize, usize)) -> bool {
        let size = message.size();
        let mut share = self.shares.get(&message.publisher()).copied().unwrap_or_default();
        let full = (most != 0
            && (self.waiting.len() >= most || share.messages >= (most / PART).max(LEAST.messages)))
            || (bytes != 0
                && (self.bytes.saturating_add(size) > bytes
                    || share.bytes.saturating_add(size) > (bytes / PART).max(LEAST.bytes)));
        if full {
            return false;
        }
        share.messages += 1;
        share.bytes += size;
        self.shares.insert(message.publisher(), share);
        self.bytes += size;
        self.waiting.insert((at, self.next), message);
        self.next += 1;
        true
    }

    /// Keeps `message` until `at`, whatever there is already. Where it stands.
    pub fn put(&mut self, message: Message, at: Time) -> (Time, u64) {
        let place = (at, self.next);
        self.push(message, at, (0, 0));
        place
    }

    /// Whether the message at a place is not out yet.
    #[must_use]
    pub fn has(&self, place: (Time, u64)) -> bool {
        self.waiting.contains_key(&place)
    }

    /// Takes out the message at a place, if it is not out yet.
    pub fn take(&mut self, place: (Time, u64)) -> Option<Message> {
        let message = self.waiting.remove(&place)?;
        self.note_out(&message);
        Some(message)
    }

    fn note_out(&mut self, message: &Message) {
        let size = message.size();
        self.bytes -= size;
        if let Some(share) = self.shares.get_mut(&message.publisher()) {
            share.messages -= 1;
            share.bytes -= size;
            if share.messages == 0 {
                self.shares.remove(&message.publisher());
            }
        }
    }

    /// All, with the time each is due.
    pub fn iter(&self) -> impl Iterator<Item = (Time, &Message)> {
        self.waiting.iter().map(|((at, _), message)| (*at, message))
    }

    /// When the next one is due.
    #[must_use]
    pub fn deadline(&self) -> Option<Time> {
        self.waiting.first_key_value().map(|((at, _), _)| *at)
    }

    /// Takes out one message that is due, and where it stood.
    pub fn due(&mut self, now: Time) -> Option<((Time, u64), Message)> {
        let first = self.waiting.first_entry().filter(|first| first.key().0 <= now)?;
        let (place, message) = first.remove_entry();
        self.note_out(&message);
        Some((place, message))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{broker::message::Meta, mqtt::QoS};

    fn message(topic: &str) -> Message {
        message_of(0, topic)
    }

    fn message_of(publisher: u64, topic: &str) -> Message {
        let meta = Meta { qos: QoS::AtMostOnce, retain: false, expires_at: None, publisher };
        Message::new(topic, &[], b"x", meta)
    }

    #[test]
    fn one_session_does_not_take_the_room_of_all() {
        let mut delayed = Delayed::default();
        let at = Time::from_ms(1);
        let most = 10_000;
        let kept = (0..most).filter(|_| delayed.push(message_of(1, "a"), at, (most, 0))).count();
        assert_eq!(kept, most / PART);
        assert!(delayed.push(message_of(2, "b"), at, (most, 0)), "others have theirs");
        while delayed.due(at).is_some() {}
        assert!(delayed.shares.is_empty());
        assert!(delayed.push(message_of(1, "a"), at, (most, 0)));
    }

    #[test]
    fn topics_are_taken_apart() {
        let seconds = |n| Duration::from_secs(n);
        assert_eq!(split("$delayed/15/x/y"), Ok(Some((seconds(15), "x/y"))));
        assert_eq!(split("$delayed/0//x"), Ok(Some((seconds(0), "/x"))));
        assert_eq!(split("$delayed/4294967/$SYS/x"), Ok(Some((seconds(4_294_967), "$SYS/x"))));
        assert_eq!(split("x/$delayed/1/y"), Ok(None));
        assert_eq!(split("$delayed"), Ok(None));
        for bad in [
            "$delayed/",
            "$delayed/1",
            "$delayed/1/",
            "$delayed//x",
            "$delayed/x/y",
            "$delayed/+1/y",
            "$delayed/-1/y",
            "$delayed/4294968/x",
            "$delayed/99999999999/x",
        ] {
            assert_eq!(split(bad), Err(BadDelay), "{bad}");
        }
    }

    #[test]
    fn one_can_be_taken_before_its_time() {
        let mut delayed = Delayed::default();
        let places = ["a", "b"].map(|topic| delayed.put(message(topic), Time::from_ms(5)));
        assert_eq!(delayed.take(places[1]).unwrap().topic(), "b");
        assert!(delayed.take(places[1]).is_none());
        assert_eq!(delayed.due(Time::from_ms(5)).unwrap().1.topic(), "a");
        assert!(delayed.take(places[0]).is_none() && delayed.shares.is_empty());
    }

    #[test]
    fn messages_come_in_the_order_of_their_times() {
        let mut delayed = Delayed::default();
        for (topic, at) in [("late", 30), ("first", 10), ("second", 10)] {
            assert!(delayed.push(message(topic), Time::from_ms(at), (0, 0)));
        }
        assert_eq!(delayed.deadline(), Some(Time::from_ms(10)));
        assert!(delayed.due(Time::from_ms(9)).is_none());
        let due = std::iter::from_fn(|| delayed.due(Time::from_ms(29)));
        let topics: Vec<String> = due.map(|(_, message)| message.topic().to_owned()).collect();
        assert_eq!(topics, ["first", "second"]);
        assert_eq!(delayed.len(), 1);
        assert!(delayed.due(Time::from_ms(30)).is_some() && delayed.is_empty());
        assert_eq!((delayed.bytes, delayed.deadline()), (0, None));
    }

    #[test]
    fn bounds_hold() {
        let mut delayed = Delayed::default();
        let at = Time::from_ms(1);
        assert!(delayed.push(message("a"), at, (2, 0)));
        assert!(delayed.push(message("b"), at, (2, 0)));
        assert!(!delayed.push(message("c"), at, (2, 0)));
        let bytes = delayed.bytes;
        assert!(!delayed.push(message("c"), at, (0, bytes)));
        assert!(delayed.push(message("c"), at, (0, 2 * bytes)));
    }
}
