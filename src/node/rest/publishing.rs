//! Publishes what a request asks for, within the limits of a PUBLISH.

use std::{sync::atomic::Ordering, task::Waker, time::Duration};

use super::{
    answer::code,
    messages::Publication,
    plan::{Published, Refusal},
};
use crate::{
    broker::{Message, delayed, message::Meta, stats::Metric},
    node::{hub::Hub, locks, publish::Publisher, work},
};

/// Messages between which the other tasks of a worker get no turn, at most.
const AT_ONCE: usize = 64;

/// A message, how long it is to wait, and how many may wait.
type Ready = (Message, Option<Duration>, (usize, usize));

/// Publishes them, one after the other.
pub(super) async fn publish_all(hub: &Hub, messages: &[Publication]) -> Vec<Published> {
    let mut all = Vec::with_capacity(messages.len());
    let mut used = 0;
    for one in messages {
        let (published, work) = publish(hub, one);
        all.push(published);
        used += work.max(work::TURN / AT_ONCE);
        if used >= work::TURN {
            used = 0;
            tokio::task::yield_now().await;
        }
    }
    all
}

/// Publishes one; what became of it, and how much was done for it.
fn publish(hub: &Hub, one: &Publication) -> (Published, usize) {
    // Who brings the node to rest waits for those that are in here and have not seen that it does.
    let _inside = hub.sections.enter();
    let id = hub.next_message.load(Ordering::Relaxed);
    let done = |matched, refused| Published { matched, refused, id };
    if hub.is_resting() {
        let why = "the node is being restarted; ask again, or another node";
        return (done(false, Some(Refusal::of(why))), 0);
    }
    if hub.memory.is_out() {
        return (done(false, Some(Refusal::of("memory is short"))), 0);
    }
    let (message, delay, bounds) = match ready(hub, one) {
        Ok(ready) => ready,
        Err(refusal) => return (done(false, Some(refusal)), 0),
    };
    hub.stats.count(Metric::MessagesPublish);
    if let Some(delay) = delay {
        let kept = hub.delay(message, delay, bounds);
        let full = Refusal::of("there are too many delayed messages");
        return (done(kept, (!kept).then_some(full)), 0);
    }
    let client_id = one.client_id.as_deref();
    let publisher = Publisher { client_id, strict: true, patient: false };
    let mut bells = Vec::new();
    let outcome = hub.publish(&message, publisher, &mut bells);
    bells.into_iter().for_each(Waker::wake);
    hub.flush_links();
    let refused = match (outcome.refused, outcome.full) {
        (true, _) => Some(Refusal::of("there is no room for another retained message")),
        (false, true) => Some(Refusal::of("not taken for a node that is too slow")),
        (false, false) => None,
    };
    (done(outcome.matched, refused), outcome.work)
}

/// Makes the message.
///
/// # Errors
/// A client could not publish it either.
fn ready(hub: &Hub, one: &Publication) -> Result<Ready, Refusal> {
    let bad = |why| Refusal { code: code::BAD_TOPIC, why };
    let levels = one.topic.split('/').count();
    let (max_message, delays, bounds, odd) = {
        let zone = locks::read(&hub.session_settings);
        let bounds = (zone.max_delayed, zone.max_delayed_bytes);
        let deep = zone.max_topic_levels != 0 && levels > zone.max_topic_levels;
        (zone.max_packet_size, zone.delayed, bounds, deep || one.topic.len() > zone.max_topic_len)
    };
    if odd {
        return Err(bad("the topic is longer than mqtt.max_topic_len or has too many levels"));
    }
    if one.size() > max_message {
        hub.stats.count(Metric::LimitPacketSize);
        return Err(Refusal::of("larger than mqtt.max_packet_size"));
    }
    let (delay, topic) = match delayed::split(&one.topic) {
        Ok(Some((delay, topic))) if delays => (Some(delay), topic),
        Ok(_) => (None, one.topic.as_str()),
        Err(_) if !delays => (None, one.topic.as_str()),
        Err(_) => return Err(bad("no delayed topic: $delayed/SECONDS/TOPIC")),
    };
    // Its life begins when it goes out.
    let begins = hub.clock.now() + delay.unwrap_or_default();
    let expires_at = one.expiry.map(|expiry| begins + expiry);
    let meta = Meta { qos: one.qos, retain: one.retain, expires_at, publisher: 0 };
    Ok((Message::new(topic, &one.properties, &one.payload, meta), delay, bounds))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::{broker::retained::Retained, mqtt::QoS, net::clock::Clock};

    fn hub() -> Hub {
        Hub::new(Clock::system(), 1, Retained::default(), Arc::default())
    }

    fn to(topic: &str) -> Publication {
        Publication {
            topic: topic.into(),
            payload: b"x"[..].into(),
            qos: QoS::AtMostOnce,
            retain: true,
            expiry: Some(Duration::from_secs(5)),
            properties: Arc::default(),
            client_id: None,
        }
    }

    fn code(hub: &Hub, topic: &str) -> u16 {
        publish(hub, &to(topic)).0.refused.map_or(0, |refusal| refusal.code)
    }

    #[test]
    fn topics_have_the_limits_of_the_zone() {
        let hub = hub();
        locks::write(&hub.session_settings).max_topic_levels = 3;
        locks::write(&hub.session_settings).max_topic_len = 23;
        locks::write(&hub.session_settings).delayed = true;
        let long = "x".repeat(24);
        for (topic, want) in [
            ("a/b/c", 0),
            ("a/b/c/d", code::BAD_TOPIC),
            (&long[1..], 0),
            (&long, code::BAD_TOPIC),
            ("$delayed/x/a", code::BAD_TOPIC),
        ] {
            assert_eq!(code(&hub, topic), want, "{topic}");
        }
        locks::write(&hub.session_settings).max_packet_size = 3;
        assert_eq!((code(&hub, "ab"), code(&hub, "abc")), (0, code::UNKNOWN));
    }

    #[test]
    fn a_delayed_message_lives_from_when_it_goes_out() {
        let hub = hub();
        locks::write(&hub.session_settings).delayed = true;
        let before = hub.clock.now();
        assert_eq!(code(&hub, "$delayed/60/a"), 0);
        let delayed = locks::lock(&hub.delayed);
        let (due, message) = delayed.iter().next().unwrap();
        assert!(!message.is_expired(due), "{:?}", message.expires_at());
        assert!(message.expires_at().unwrap().since(before) >= Duration::from_secs(65));
    }

    #[test]
    fn nothing_is_taken_that_the_restart_would_lose() {
        let hub = hub();
        assert_eq!(code(&hub, "kept"), 0);
        hub.resting.store(true, Ordering::Release);
        assert_eq!(code(&hub, "lost"), code::UNKNOWN);
        let topics = locks::read(&hub.retained).topics(None, 10);
        assert_eq!(topics, [Arc::from("kept")]);
    }

    #[tokio::test]
    async fn others_get_a_turn_between_many_messages() {
        let hub = hub();
        let messages = vec![to("a"); AT_ONCE * 3];
        let mut all = Box::pin(publish_all(&hub, &messages));
        let mut turns = 0;
        let all = std::future::poll_fn(|cx| {
            turns += 1;
            all.as_mut().poll(cx)
        });
        assert_eq!(all.await.len(), messages.len());
        assert_eq!(turns, 4);
    }
}
