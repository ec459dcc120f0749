//! The will: a message the client leaves with us for the case that it is lost (v5 3.1.2.5).

use std::time::Duration;

use super::message::{Message, Meta, carried};
use crate::{mqtt, time::Time};

/// A will as it came in the CONNECT, and when it may go out.
#[derive(Clone, Debug)]
pub struct Will {
    message: Message,
    expiry: Option<Duration>,
    /// How long it waits after the connection is lost (v5 Will Delay Interval).
    pub delay: Duration,
}

impl Will {
    /// Keeps the will of a CONNECT; `topic` has its mount point already.
    #[must_use]
    pub fn new(will: &mqtt::Will<'_>, topic: &str, publisher: u64) -> Self {
        let carried = carried(&will.properties);
        let meta = Meta { qos: will.qos, retain: will.retain, expires_at: None, publisher };
        Self {
            message: Message::new(topic, &carried.raw, will.payload, meta),
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
        Self { message, expiry, delay }
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
