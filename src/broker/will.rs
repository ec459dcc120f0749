//! The will: a message the client leaves with us for the case that it is lost (v5 3.1.2.5).

use std::time::Duration;

use super::message::{Message, Meta, carried};
use crate::{mqtt, time::Time};

/// A will as it came in the CONNECT, and when it may go out.
#[derive(Clone, Debug)]
pub struct Will {
    message: Message,
    /// As its client named the topic, without a delay: what the rules of access are about. Only a channel has it, which asks
    /// them when its connection is lost; it does not where the process before was of a release that did not hand it over.
    pub(super) named: Option<Box<str>>,
    expiry: Option<Duration>,
    /// How long it waits after the connection is lost (v5 Will Delay Interval).
    pub delay: Duration,
}

impl Will {
    /// Keeps the will of a CONNECT, whose topic is as the client named it, without a delay; `topic` is where it goes.
    #[must_use]
    pub fn new(will: &mqtt::Will<'_>, topic: &str, publisher: u64) -> Self {
        let carried = carried(&will.properties);
        let meta = Meta { qos: will.qos, retain: will.retain, expires_at: None, publisher };
        Self {
            message: Message::new(topic, &carried.raw, will.payload, meta),
            named: Some(will.topic.into()),
            expiry: carried.expiry,
            delay: Duration::from_secs(u64::from(
                will.properties.will_delay_interval().unwrap_or(0),
            )),
        }
    }

    /// What another node needs of it: the message and its life from when it is published.
    #[must_use]
    pub const fn parts(&self) -> (&Message, Option<Duration>) {
        (&self.message, self.expiry)
    }

    /// A will that comes from another node.
    #[must_use]
    pub const fn of_parts(message: Message, expiry: Option<Duration>, delay: Duration) -> Self {
        Self { message, named: None, expiry, delay }
    }

    /// What is kept of it beside the channel.
    pub(super) fn nameless(self) -> Self {
        Self { named: None, ..self }
    }

    /// Where it goes.
    #[must_use]
    pub fn topic(&self) -> &str {
        self.message.topic()
    }

    /// The same with another delay.
    #[must_use]
    pub fn after(self, delay: Duration) -> Self {
        Self { delay, ..self }
    }

    /// Itself, and when it goes out if its connection is lost `now`.
    #[must_use]
    pub fn due(self: Box<Self>, now: Time) -> (Box<Self>, Time) {
        let at = now + self.delay;
        (self, at)
    }

    /// Bytes it takes, about.
    #[must_use]
    pub fn size(&self) -> usize {
        self.message.size()
    }

    /// The message to publish now. Its life starts now, not at CONNECT (v5 3.1.3.2.4).
    #[must_use]
    pub fn into_message(self, now: Time) -> Message {
        match self.expiry {
            Some(life) => self.message.with_expiry(now + life),
            None => self.message,
        }
    }
}
