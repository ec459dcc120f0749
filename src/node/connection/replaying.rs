//! Retained messages on their way to new subscriptions, portion by portion.

use std::collections::{BTreeMap, HashMap};

use super::{Connection, Scratch, WRITE};
use crate::{
    broker::{
        mqueue::{Delivery, SubscriptionIds},
        replay::Replay,
        retained::Portion,
        stats::Metric,
        subscribing::Granted,
    },
    mqtt::QoS,
    node::{locks, work},
    topic::{TopicFilter, share::Subscription},
};

/// Retained messages fetched at once for a new subscription.
pub(super) const RETAINED: usize = 256;

/// The new subscriptions that are still to get retained messages, in their order. Invariant: `places` has the place of each, and
/// no filter has two.
#[derive(Default)]
pub(super) struct Replays {
    all: BTreeMap<u64, Replay>,
    places: HashMap<TopicFilter, u64>,
    next: u64,
}

impl Replays {
    /// Adds one at the end, in place of an older one of its filter.
    pub(super) fn push(&mut self, replay: Replay) {
        self.remove(&replay.filter);
        self.places.insert(replay.filter.clone(), self.next);
        self.all.insert(self.next, replay);
        self.next += 1;
    }

    fn remove(&mut self, filter: &TopicFilter) {
        if let Some(place) = self.places.remove(filter) {
            self.all.remove(&place);
        }
    }

    fn front(&self) -> Option<&Replay> {
        self.all.values().next()
    }

    fn front_mut(&mut self) -> Option<&mut Replay> {
        self.all.values_mut().next()
    }

    fn pop_front(&mut self) {
        if let Some((_, replay)) = self.all.pop_first() {
            self.places.remove(&replay.filter);
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.all.is_empty()
    }

    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.all.len()
    }

    /// All of them, for another connection or process.
    pub(super) fn take(&mut self) -> Vec<Replay> {
        std::mem::take(self).all.into_values().collect()
    }
}

impl Connection {
    /// Retained messages are due to what was granted, as far as the client is still subscribed to it.
    pub(super) fn begin_replays(&mut self, granted: &[Granted]) {
        let Some(session) = self.channel.session().filter(|_| self.hub.retained_count() > 0) else {
            return;
        };
        let stands = |one: &&Granted| session.subscriptions.contains(&one.subscription);
        let wanting = granted.iter().filter(|one| one.wants_retained).filter(stands);
        let replays: Vec<Replay> = wanting
            .map(|one| Replay {
                filter: one.subscription.filter.clone(),
                after: None,
                qos: one.options.qos,
                id: one.id,
                no_local: one.options.no_local,
            })
            .collect();
        for replay in replays {
            self.waiting().replays.push(replay);
        }
    }

    /// The client is not subscribed to these any more.
    pub(super) fn end_replays(&mut self, ended: &[Subscription]) {
        if let Some(waiting) = &mut self.waiting {
            for to in ended.iter().filter(|to| !to.is_shared()) {
                waiting.replays.remove(&to.filter);
            }
        }
    }

    /// So many retained messages may go out now for the new subscription whose turn it is.
    pub(super) fn replay_room(&self) -> usize {
        let replay = self.waiting.as_ref().and_then(|waiting| waiting.replays.front());
        match replay.filter(|_| self.channel.is_up()).map(|replay| replay.qos) {
            None => 0,
            Some(QoS::AtMostOnce) => RETAINED,
            Some(QoS::AtLeastOnce | QoS::ExactlyOnce) => self.channel.window().min(RETAINED),
        }
    }

    /// Fetches the next portion of retained messages for a new subscription, if the turn has work left for it. There may be none in it
    /// that goes out, and none at all.
    pub(super) fn take_retained(&mut self, scratch: &mut Scratch) {
        let most = self.replay_room();
        if most == 0 || scratch.work >= work::TURN {
            return;
        }
        let Some(replay) = self.waiting.as_mut().and_then(|waiting| waiting.replays.front_mut())
        else {
            return;
        };
        let mut found = Vec::new();
        let searched = locks::read(&self.hub.retained).matching(
            &replay.filter,
            replay.after.as_deref(),
            Portion { most, bytes: WRITE, look: work::LOOK },
            &mut found,
        );
        // As in EMQX: whose a message is counts as long as it is retained (v5 [MQTT-3.8.3-3]).
        if let Some(session) = self.channel.session().filter(|_| replay.no_local) {
            let before = found.len();
            found.retain(|message| message.publisher() != session.number);
            self.hub.stats.add(Metric::DeliveryDroppedNoLocal, (before - found.len()) as u64);
        }
        scratch.work += searched.looked * work::LOOKED;
        let over = searched.after.is_none();
        replay.after = searched.after.map(|topic| topic.as_ref().into());
        scratch.deliveries.extend(found.into_iter().map(|message| Delivery {
            qos: message.qos().min(replay.qos),
            ids: SubscriptionIds::of(replay.id),
            retain: true,
            group: 0,
            message,
        }));
        if over && let Some(waiting) = &mut self.waiting {
            waiting.replays.pop_front();
        }
    }
}
