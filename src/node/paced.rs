//! Wills above the rate of the node (`node.max_will_rate`): each waits for its turn among the delayed messages. Other nodes keep
//! their copy of it until it is out, so none is lost if this node dies meanwhile.

use std::{
    collections::{BTreeMap, HashMap},
    sync::Mutex,
};

use super::{hub::Hub, locks, publish::Publisher};
use crate::{
    broker::{ClientId, Message, delayed, stats::Metric, will::Will},
    time::Time,
};

/// Where a message stands among the delayed ones.
type Place = (Time, u64);

/// Whose wills wait, and where.
#[derive(Debug, Default)]
pub(super) struct PacedWills(Mutex<Waiting>);

/// Invariant: the place of each client in `places` names that client.
#[derive(Debug, Default)]
struct Waiting {
    places: HashMap<ClientId, Place>,
    /// Each with the claim of the will, once it is over for the session.
    clients: BTreeMap<Place, (ClientId, Option<u64>)>,
}

impl Waiting {
    /// A will that goes out now: whose, and the claim under which other nodes keep it.
    fn take(&mut self, place: Place) -> Option<(ClientId, Option<u64>)> {
        let (client_id, claim) = self.clients.remove(&place)?;
        if self.places.get(&client_id) == Some(&place) {
            self.places.remove(&client_id);
        }
        Some((client_id, claim))
    }
}

impl PacedWills {
    fn put(&self, client_id: &ClientId, place: Place) {
        let mut waiting = locks::lock(&self.0);
        waiting.places.insert(client_id.clone(), place);
        waiting.clients.insert(place, (client_id.clone(), None));
    }

    /// The will of this claim is over. True: it waits still, and other nodes hear of it when it is out.
    pub(super) fn holds(&self, client_id: &ClientId, claim: u64) -> bool {
        let waiting = &mut *locks::lock(&self.0);
        let place = waiting.places.get(client_id);
        match place.and_then(|place| waiting.clients.get_mut(place)) {
            Some((_, held)) => {
                *held = Some(held.unwrap_or(0).max(claim));
                true
            }
            None => false,
        }
    }
}

impl Hub {
    /// Publishes the will of a client, or puts it with the delayed messages where there are too many in a second.
    pub(super) fn publish_will(&self, client_id: &ClientId, will: Will) {
        let now = self.clock.now();
        let Some(message) = self.not_delayed(will.into_message(now)) else { return };
        let turn = self.will_pace.turn(now);
        if turn <= now {
            return self.publish_now(&message);
        }
        self.stats.count(Metric::LimitWillRate);
        let place = locks::lock(&self.delayed).put(message, turn);
        self.paced_wills.put(client_id, place);
        // It may be out already.
        if !locks::lock(&self.delayed).has(place) {
            self.on_delayed_published(place);
        }
        self.registry.changed.notify_one();
    }

    /// A will that is due; one to `$delayed/SECONDS/TOPIC` waits from now on like any other message to it, for which there is `None`.
    pub(super) fn not_delayed(&self, will: Message) -> Option<Message> {
        let (on, bounds) = {
            let settings = locks::read(&self.session_settings);
            (settings.delayed, (settings.max_delayed, settings.max_delayed_bytes))
        };
        let Ok(Some((delay, topic))) = delayed::split(will.topic()) else { return Some(will) };
        if !on {
            return Some(will);
        }
        self.delay(will.to(topic), delay, bounds);
        None
    }

    /// The message at this place among the delayed ones was published. If it was a will, other nodes need not keep it.
    pub(super) fn on_delayed_published(&self, place: Place) {
        let will = locks::lock(&self.paced_wills.0).take(place);
        if let Some((client_id, claim)) = will {
            self.will_over(&client_id, claim);
        }
    }

    /// A client is back while its will waits for its turn: it goes out before what the client says now.
    pub(super) fn hurry_will(&self, client_id: &ClientId) {
        let place = locks::lock(&self.paced_wills.0).places.get(client_id).copied();
        if let Some(place) = place {
            self.hurry(place);
        }
    }

    /// The node ends, or another process goes on: wills whose turn would come later go out now.
    pub(super) fn hurry_wills(&self) {
        let places: Vec<_> = locks::lock(&self.paced_wills.0).clients.keys().copied().collect();
        places.into_iter().for_each(|place| self.hurry(place));
    }

    fn hurry(&self, place: Place) {
        let message: Option<Message> = locks::lock(&self.delayed).take(place);
        if let Some(message) = message {
            self.publish_as(&message, Publisher { patient: true, ..Publisher::default() });
            self.on_delayed_published(place);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::{sync::Arc, time::Duration};

    use super::*;
    use crate::{
        broker::{message::Meta, retained::Retained},
        cluster::NodeId,
        mqtt::QoS,
        net::clock::Clock,
        node::{
            limits::Limits,
            mesh::played::{self, Played, Said},
        },
    };

    fn hub() -> (Hub, Played) {
        let mut hub = Hub::new(Clock::system(), 1, Retained::default(), Arc::default());
        hub.set_limits(
            Limits { wills: 1, ..Limits::default() },
            crate::node::alarms::Settings::default(),
        );
        let (mesh, played) = played::mesh(NodeId([1; 16]));
        assert!(hub.mesh.set(mesh).is_ok());
        (hub, played)
    }

    fn will() -> Will {
        let meta = Meta { qos: QoS::AtLeastOnce, retain: false, expires_at: None, publisher: 0 };
        Will::of_parts(Message::new("gone", &[], b"x", meta), None, Duration::ZERO)
    }

    async fn withdrawn(mesh: &mut Played) -> u64 {
        let said = mesh.next().await;
        let Said::WillOver(claim) = said else { panic!("{said:?}") };
        claim
    }

    #[tokio::test]
    async fn other_nodes_keep_a_will_until_it_is_out() {
        let (hub, mut mesh) = hub();
        let (first, second) = (ClientId::new("first"), ClientId::new("second"));
        for (client_id, claim) in [(&first, 1), (&second, 2)] {
            hub.publish_will(client_id, will());
            hub.will_over(client_id, Some(claim));
        }
        assert_eq!(withdrawn(&mut mesh).await, 1, "it is out");
        assert_eq!(mesh.waiting(), 0, "the second waits for its turn");
        hub.hurry_will(&second);
        assert_eq!(withdrawn(&mut mesh).await, 2);
        // By the clock, and at the end of the node.
        for (client_id, claim) in [(&first, 3), (&second, 4)] {
            hub.publish_will(client_id, will());
            hub.will_over(client_id, Some(claim));
        }
        assert_eq!(mesh.waiting(), 0);
        let due = locks::lock(&hub.delayed).deadline().unwrap();
        hub.publish_due(due);
        assert_eq!(withdrawn(&mut mesh).await, 3);
        hub.hurry_wills();
        assert_eq!(withdrawn(&mut mesh).await, 4);
        hub.will_over(&first, Some(5));
        assert_eq!(withdrawn(&mut mesh).await, 5, "another one, of a new connection");
    }
}
