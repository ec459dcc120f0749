//! QoS 2 messages of a client that have come and wait for its PUBREL (v5 4.3.3, EMQX `awaiting_rel`).
//!
//! While one stands here, what comes under its id is the same message once more and is not taken [MQTT-4.3.3-10], however long that
//! takes. Those whose PUBREL is overdue go only where there is no room for another. Time without a connection does not count.

use std::{collections::BTreeMap, time::Duration};

use crate::{mqtt::PacketId, time::Time};

/// The packet ids of these messages, and when each came. Behind a box, as few sessions ever have one.
#[derive(Clone, Debug, Default)]
pub struct AwaitingRel(Option<Box<Ids>>);

#[derive(Clone, Debug, Default)]
struct Ids {
    since: BTreeMap<PacketId, Time>,
    /// When the client left, while it is away.
    left: Option<Time>,
}

impl AwaitingRel {
    /// How many wait.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.as_ref().map_or(0, |ids| ids.since.len())
    }

    /// None waits.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The message of this id is here.
    #[must_use]
    pub fn contains(&self, id: PacketId) -> bool {
        self.0.as_ref().is_some_and(|ids| ids.since.contains_key(&id))
    }

    /// The message of this id came at `since`.
    #[inline]
    pub fn insert(&mut self, id: PacketId, since: Time) {
        self.0.get_or_insert_default().since.insert(id, since);
    }

    /// PUBREL, or the message is not here after all. `false` when none of this id waits.
    pub fn remove(&mut self, id: PacketId) -> bool {
        self.0.as_mut().is_some_and(|ids| ids.since.remove(&id).is_some())
    }

    /// Forgets all: the client has agreed on them with another session.
    pub fn clear(&mut self) {
        self.0 = None;
    }

    /// All ids, and how long each has waited.
    pub fn ages(&self, now: Time) -> impl Iterator<Item = (PacketId, Duration)> {
        self.0.iter().flat_map(move |ids| {
            let until = ids.left.unwrap_or(now);
            ids.since.iter().map(move |(id, since)| (*id, until.since(*since)))
        })
    }

    /// Makes room: forgets those whose PUBREL did not come within `timeout`. Returns how many.
    pub fn expire(&mut self, now: Time, timeout: Duration) -> usize {
        let before = self.len();
        if let Some(ids) = &mut self.0 {
            ids.since.retain(|_, since| now.since(*since) < timeout);
        }
        before - self.len()
    }

    /// The connection is gone: time stands still.
    pub fn leave(&mut self, now: Time) {
        match &mut self.0 {
            Some(ids) if ids.since.is_empty() => self.0 = None,
            Some(ids) => ids.left = Some(now),
            None => {}
        }
    }

    /// There is a connection again, and time goes on.
    pub fn come_back(&mut self, now: Time) {
        if let Some(ids) = &mut self.0
            && let Some(left) = ids.left.take()
        {
            ids.since.values_mut().for_each(|since| *since = *since + now.since(left));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_stands_still_while_the_client_is_away() {
        let at = |seconds: u64| Time::from_ms(1_000 * seconds);
        let (id, limit) = (PacketId::new(5).unwrap(), Duration::from_secs(300));
        let mut awaiting = AwaitingRel::default();
        awaiting.insert(id, at(1_000));
        awaiting.leave(at(1_010));
        assert_eq!(awaiting.ages(at(9_000)).collect::<Vec<_>>(), [(id, Duration::from_secs(10))]);
        awaiting.come_back(at(9_000));
        awaiting.come_back(at(9_001));
        assert_eq!(awaiting.ages(at(9_010)).collect::<Vec<_>>(), [(id, Duration::from_secs(20))]);
        assert_eq!((awaiting.expire(at(9_289), limit), awaiting.contains(id)), (0, true));
        assert_eq!((awaiting.expire(at(9_290), limit), awaiting.contains(id)), (1, false));
    }
}
