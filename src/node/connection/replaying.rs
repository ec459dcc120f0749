//! Retained messages on their way to new subscriptions, portion by portion.

use super::{Connection, Scratch};
use crate::{
    broker::mqueue::{Delivery, SubscriptionIds},
    mqtt::QoS,
    node::locks,
};

/// Retained messages fetched at once for a new subscription.
const RETAINED: usize = 256;

impl Connection {
    /// Fetches the next portion of retained messages for a new subscription.
    pub(super) fn take_retained(&mut self, scratch: &mut Scratch) {
        let window = self.channel.window();
        let Some(replay) = self.waiting.as_mut().and_then(|waiting| waiting.replays.front_mut())
        else {
            return;
        };
        let most = if replay.qos == QoS::AtMostOnce { RETAINED } else { window.min(RETAINED) };
        if most == 0 {
            return;
        }
        let mut found = Vec::new();
        let more = locks::read(&self.hub.retained).matching(
            &replay.filter,
            replay.after.as_deref(),
            most,
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
