//! Retained messages on their way to new subscriptions, portion by portion.

use super::{Connection, Scratch, WRITE};
use crate::{
    broker::mqueue::{Delivery, SubscriptionIds},
    mqtt::QoS,
    node::locks,
};

/// Retained messages fetched at once for a new subscription.
pub(super) const RETAINED: usize = 256;

impl Connection {
    /// So many retained messages may go out now for the new subscription whose turn it is.
    pub(super) fn replay_room(&self) -> usize {
        let replay = self.waiting.as_ref().and_then(|waiting| waiting.replays.front());
        match replay.filter(|_| self.channel.is_up()).map(|replay| replay.qos) {
            None => 0,
            Some(QoS::AtMostOnce) => RETAINED,
            Some(QoS::AtLeastOnce | QoS::ExactlyOnce) => self.channel.window().min(RETAINED),
        }
    }

    /// Fetches the next portion of retained messages for a new subscription. There may be none in it that goes out.
    pub(super) fn take_retained(&mut self, scratch: &mut Scratch) {
        let most = self.replay_room();
        if most == 0 {
            return;
        }
        let Some(replay) = self.waiting.as_mut().and_then(|waiting| waiting.replays.front_mut())
        else {
            return;
        };
        let mut found = Vec::new();
        let more = locks::read(&self.hub.retained).matching(
            &replay.filter,
            replay.after.as_deref(),
            (most, WRITE),
            &mut found,
        );
        replay.after = found.last().map(|message| message.topic().into());
        scratch.deliveries.extend(found.into_iter().map(|message| Delivery {
            qos: message.qos().min(replay.qos),
            ids: SubscriptionIds::None.with(replay.id),
            retain: true,
            group: 0,
            message,
        }));
        if !more && let Some(waiting) = &mut self.waiting {
            waiting.replays.pop_front();
        }
    }
}
