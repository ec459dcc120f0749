//! Wills that wait for their turn among the delayed messages: those above the rate of the node (`node.max_will_rate`), and those of
//! clients of dead nodes, of which there may be thousands at once. Other nodes keep their copy of each until it is out, so none is
//! lost if this node dies meanwhile.

use std::{
    collections::{BTreeMap, HashMap},
    sync::Mutex,
};

use super::{hub::Hub, locks, publish::Publisher};
use crate::{
    broker::{ClientId, Message, delayed, stats::Metric, will::Will},
    cluster::Claim,
    time::Time,
};

/// Where a message stands among the delayed ones.
type Place = (Time, u64);

/// Whose wills wait, and where.
#[derive(Debug, Default)]
pub(super) struct PacedWills(Mutex<Waiting>);

/// The claim under which other nodes keep a will.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kept {
    /// Of a client of this node; it is known once the will is over for the session.
    Own(Option<u64>),
    /// Of a client of a dead node.
    OfDead(Claim),
}

/// Invariant: the place of each client in `own` and `of_dead` names that client.
#[derive(Debug, Default)]
struct Waiting {
    /// Those of clients of this node.
    own: HashMap<ClientId, Place>,
    /// Those of clients of dead nodes.
    of_dead: HashMap<ClientId, Place>,
    wills: BTreeMap<Place, (ClientId, Kept)>,
}

impl Waiting {
    fn put(&mut self, client_id: &ClientId, kept: Kept, place: Place) {
        self.places(kept).insert(client_id.clone(), place);
        self.wills.insert(place, (client_id.clone(), kept));
    }

    fn places(&mut self, kept: Kept) -> &mut HashMap<ClientId, Place> {
        match kept {
            Kept::Own(_) => &mut self.own,
            Kept::OfDead(_) => &mut self.of_dead,
        }
    }

    /// A will that goes out now: whose, and the claim under which other nodes keep it.
    fn take(&mut self, place: Place) -> Option<(ClientId, Kept)> {
        let (client_id, kept) = self.wills.remove(&place)?;
        let places = self.places(kept);
        if places.get(&client_id) == Some(&place) {
            places.remove(&client_id);
        }
        Some((client_id, kept))
    }
}

impl PacedWills {
    /// The will of this claim is over. True: it waits still, and other nodes hear of it when it is out.
    pub(super) fn holds(&self, client_id: &ClientId, claim: u64) -> bool {
        let waiting = &mut *locks::lock(&self.0);
        let place = waiting.own.get(client_id);
        match place.and_then(|place| waiting.wills.get_mut(place)) {
            Some((_, Kept::Own(held))) => {
                *held = Some(held.unwrap_or(0).max(claim));
                true
            }
            Some((_, Kept::OfDead(_))) | None => false,
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
        self.publish_at(turn, message, (client_id, Kept::Own(None)));
    }

    /// Publishes the will of a client whose node is dead when its turn comes: behind all that are due, and no faster than other nodes
    /// take them.
    pub(super) fn publish_in_turn(&self, client_id: &ClientId, claim: Claim, message: Message) {
        let place = self.publish_at(self.clock.now(), message, (client_id, Kept::OfDead(claim)));
        if self.is_resting() {
            // Nobody looks at what is due any more, and the next process would not know what to tell.
            self.hurry(place);
        }
    }

    fn publish_at(
        &self,
        turn: Time,
        message: Message,
        (client_id, kept): (&ClientId, Kept),
    ) -> Place {
        let place = locks::lock(&self.delayed).put(message, turn);
        locks::lock(&self.paced_wills.0).put(client_id, kept, place);
        // It may be out already.
        if !locks::lock(&self.delayed).has(place) {
            self.on_delayed_published(place);
        }
        self.registry.changed.notify_one();
        place
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
        match will {
            Some((client_id, Kept::Own(claim))) => self.will_over(&client_id, claim),
            Some((client_id, Kept::OfDead(claim))) => self.will_of_dead_is_out(&client_id, claim),
            None => {}
        }
    }

    /// A client is back while its will waits for its turn: it goes out before what the client says now.
    pub(super) fn hurry_will(&self, client_id: &ClientId) {
        let places = {
            let waiting = locks::lock(&self.paced_wills.0);
            [&waiting.own, &waiting.of_dead].map(|places| places.get(client_id).copied())
        };
        places.into_iter().flatten().for_each(|place| self.hurry(place));
    }

    /// The node ends, or another process goes on: wills whose turn would come later go out now.
    pub(super) fn hurry_wills(&self) {
        let places: Vec<_> = locks::lock(&self.paced_wills.0).wills.keys().copied().collect();
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
        broker::{message::Meta, portable, retained::Retained},
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

    async fn published(mesh: &mut Played) -> u64 {
        let said = mesh.next().await;
        let Said::WillPublished(claim) = said else { panic!("{said:?}") };
        claim.hlc
    }

    #[tokio::test]
    async fn other_nodes_keep_the_wills_of_the_dead_until_they_are_out() {
        let (hub, mut mesh) = hub();
        let (first, second) = (ClientId::new("first"), ClientId::new("second"));
        let body = portable::encode_will(&will());
        let claim = |hlc| Claim { hlc, node: NodeId([2; 16]) };
        let die = |client_id, hlc| hub.publish_will_of_dead(client_id, claim(hlc), &body);
        die(&first, 1);
        // Another connection of it, to this node.
        hub.will_over(&first, Some(9));
        assert_eq!(withdrawn(&mut mesh).await, 9);
        assert_eq!(mesh.waiting(), 0, "it waits for its turn");
        hub.publish_due(hub.clock.now());
        assert_eq!(published(&mut mesh).await, 1);
        // The client is back, or the node ends.
        die(&first, 2);
        die(&second, 3);
        hub.hurry_will(&first);
        assert_eq!(published(&mut mesh).await, 2);
        assert_eq!(mesh.waiting(), 0);
        hub.hurry_wills();
        assert_eq!(published(&mut mesh).await, 3);
        // One that can never be published is kept for nothing.
        hub.publish_will_of_dead(&first, claim(4), b"no will");
        assert_eq!(published(&mut mesh).await, 4);
        hub.resting.store(true, std::sync::atomic::Ordering::Release);
        die(&first, 5);
        assert_eq!(published(&mut mesh).await, 5, "nobody looks at what is due any more");
    }
}
