//! A session goes from one connection of its client to the next.

use super::*;
use crate::{
    broker::{ClientId, portable::Portable, rate::Rate, replay::Replay},
    node::{
        mailbox::Signal,
        registry::{Parked, Taken},
    },
};

impl World {
    /// A client `id` asks for the session that another connection has.
    fn take_over(&self, level: u8, id: &str, asked: &Asked) -> Client<'_> {
        let mut client = self.accept(Settings::default());
        client.send(&connect(level, id, asked));
        client
    }

    /// The session that waits for a connection.
    fn parked(&self, id: &str) -> Box<Parked> {
        match self.hub.registry.take(&ClientId::new(id), false) {
            Some((Taken::Parked(parked), _)) => parked,
            taken => panic!("{taken:?}"),
        }
    }

    /// A client whose will has this delay.
    fn mortal(&self, expiry: u32, will_delay: u32) -> Client<'_> {
        self.mortal_under(Settings::default(), expiry, will_delay)
    }

    fn mortal_under(&self, settings: Settings, expiry: u32, will_delay: u32) -> Client<'_> {
        let mut client = self.accept(settings);
        let asked = Asked { expiry, will_delay: Some(will_delay), ..Asked::default() };
        client.send(&connect(5, "c", &asked));
        assert_eq!(client.packets()[0].0, 0x20);
        client
    }
}

/// Whether CONNACK says that there was a session.
fn session_present(client: &mut Client<'_>) -> bool {
    let packets = client.packets();
    assert_eq!(packets[0].0, 0x20);
    packets[0].1[0] == 1
}

/// v3 [MQTT-3.1.2-6]
#[test]
fn a_session_that_ends_with_its_connection_is_taken_over_by_nobody() {
    let world = World::new();
    for (level, clean, expiry) in [(4, true, 0), (5, false, 0), (4, false, 0), (5, true, 100)] {
        let id = format!("{level} {clean} {expiry}");
        let mut first = world.accept(Settings::default());
        first.send(&connect(level, &id, &Asked { clean, expiry, ..Asked::default() }));
        assert!(!session_present(&mut first));
        first.subscribe(&[&id], 0);
        let mut second = world.take_over(level, &id, &Asked::default());
        first.run();
        let lasts = expiry > 0 || (level == 4 && !clean);
        assert_eq!(session_present(&mut second), lasts, "{id}");
        world.publish(&id, QoS::AtMostOnce);
        assert_eq!(second.topics().len(), usize::from(lasts));
    }
}

/// v5 3.1.3.2.2
#[test]
fn a_will_goes_out_when_its_session_ends_with_a_take_over() {
    let world = World::new();
    let mut watcher = world.connect(5, "watcher", Settings::default());
    watcher.subscribe(&["will"], 0);
    for (expiry, wills) in [(0, 1), (100, 0)] {
        let mut first = world.mortal(expiry, 50);
        let mut second = world.take_over(5, "c", &Asked::default());
        first.run();
        assert_eq!(session_present(&mut second), wills == 0);
        assert_eq!(watcher.topics().len(), wills, "session expiry {expiry} s");
        second.send(&packet(0xe0, &[0, 5, 17, 0, 0, 0, 0]));
    }
}

#[test]
fn a_delayed_will_stays_with_a_session_whose_taker_is_gone() {
    let world = World::new();
    let delayed = |parked: &Parked| {
        let (_, at) = parked.will.as_ref().expect("a will");
        at.since(world.hub.clock.now()) > Duration::from_secs(40)
    };
    let mut first = world.mortal(100, 50);
    drop(world.take_over(5, "c", &Asked::default()));
    first.run();
    assert!(delayed(&world.parked("c")), "gone before it was answered");

    let world = World::new();
    let mut first = world.mortal(100, 50);
    let mut second = world.take_over(5, "c", &Asked { expiry: 0, ..Asked::default() });
    first.run();
    second.connection.as_mut().unwrap().leave(&CloseReason::TcpClosed, world.hub.clock.now());
    let parked = world.parked("c");
    assert!(delayed(&parked), "gone before it looked");
    let left = parked.expires_at.since(world.hub.clock.now());
    assert!(left > Duration::from_secs(90), "{left:?}: it was never that of the taker");
}

/// v5 [MQTT-3.3.1-9]
#[test]
fn retained_messages_that_are_due_come_over_the_next_connection() {
    let world = World::new();
    for n in 0..6 {
        world.retain(&format!("a/{n}"), b"x", QoS::AtLeastOnce, None);
    }
    let narrow = || Settings { max_inflight: 1, ..Settings::default() };
    let mut client = world.connect(4, "c", narrow());
    client.subscribe(&["a/+"], 1);
    assert_eq!(client.topics(), ["a/0"]);
    client.send(&packet(0x40, &[0, 1]));
    assert_eq!(client.topics(), ["a/1"]);
    client.send(&[0xe0, 0]);
    let mut first = world.accept(narrow());
    first.send(&connect(4, "c", &Asked::default()));
    assert_eq!(first.topics(), ["a/1"]);
    let mut second = world.accept(narrow());
    second.send(&connect(4, "c", &Asked::default()));
    first.run();
    second.run();
    let mut seen = Vec::new();
    for id in 2..7 {
        seen.extend(second.topics());
        second.send(&packet(0x40, &[0, id]));
    }
    assert_eq!(seen, ["a/1", "a/2", "a/3", "a/4", "a/5"]);
    second.send(&[0xe0, 0]);
    assert!(world.parked("c").session.replays.is_empty());
}

/// The connection ends, or the next takes the session, while the SUBACK waits for other nodes.
#[test]
fn retained_messages_of_what_was_granted_come_over_the_next_connection() {
    for ends in [true, false] {
        let world = World::new();
        for topic in ["a/0", "a/1", "b", "c", "d"] {
            world.retain(topic, b"x", QoS::AtLeastOnce, None);
        }
        let settings = Settings { max_inflight: 1, ..Settings::default() };
        let mut first = world.connect(5, "c", settings);
        first.subscribe(&["a/+"], 1);
        assert_eq!(first.topics(), ["a/0"], "one is due");
        // To the others it is subscribed without what is retained, and to the last not at all.
        first.subscribe(&["b", "c"], 0x21);
        let _passed = first.waits_for_others(&[("b", true), ("c", false), ("d", true)]);
        if ends {
            first.send(&[0xe0, 0]);
        }
        let mut second = world.take_over(5, "c", &Asked::default());
        first.run();
        assert_eq!(second.topics(), ["a/0", "a/1", "b"], "it has ended before: {ends}");
    }
}

/// The client and the session of the other node have finished with id 5 since, or the client never knew of them.
#[test]
fn of_an_older_session_no_qos_2_message_is_unfinished_in_a_new_one() {
    let world = World::new();
    let mut client = world.connect(5, "c", Settings::default());
    client.subscribe(&["t"], 0);
    let mut older = Portable::default();
    older.awaiting_rel.insert(crate::mqtt::PacketId::new(5).unwrap(), Time::ZERO);
    let (tell, done) = oneshot::channel();
    let mailbox = client.connection.as_ref().unwrap().mailbox.clone().unwrap();
    mailbox.signal(Signal::Absorb(Box::new(older), tell));
    client.run();
    assert!(matches!(done.blocking_recv(), Ok(Some(_))));
    client.publish(0x34, "t", Some(5));
    assert_eq!(client.topics(), ["t"]);
}

#[test]
fn a_session_whose_time_is_over_is_not_resumed() {
    let world = World::new();
    let mut watcher = world.connect(5, "watcher", Settings::default());
    watcher.subscribe(&["will"], 0);
    let mut first = world.mortal(100, 100);
    first.subscribe(&["t"], 0);
    first.send(&[0xe0, 1, 4]);
    let mut parked = world.parked("c");
    parked.expires_at = world.hub.clock.now();
    let number = parked.session.number;
    let mailbox = Arc::new(Mailbox::new(&Settings::default()));
    world.hub.park(*parked, &mailbox);
    let mut second = world.take_over(5, "c", &Asked::default());
    assert!(!session_present(&mut second));
    assert_eq!(watcher.topics(), ["will"]);
    assert_ne!(second.channel().session().unwrap().number, number);
    assert!(world.hub.own_routes().iter().all(|route| route.filter.as_str() != "t"));
}

#[test]
fn what_is_due_again_goes_out_as_the_client_takes_it() {
    const RETRY: Duration = Duration::from_millis(20);
    let world = World::new();
    let settings = Settings {
        retry_interval: Some(RETRY),
        max_inflight: 1000,
        mqueue_len: 1000,
        ..Settings::default()
    };
    let mut client = world.connect(4, "c", settings);
    client.subscribe(&["t"], 1);
    let meta = Meta { qos: QoS::AtLeastOnce, retain: false, expires_at: None, publisher: 0 };
    for _ in 0..500 {
        world.hub.publish_now(&Message::new("t", &[], &[0; 4000], meta));
    }
    assert_eq!(client.topics().len(), 500);
    client.takes(1);
    let past = world.hub.clock.now() + RETRY;
    while world.hub.clock.now() <= past {
        std::thread::yield_now();
    }
    client.send(&[0xc0, 0]);
    let connection = client.connection.as_ref().unwrap();
    assert!(connection.unsent_len() > 0 && connection.unsent_len() < 2 * WRITE);
    client.takes(usize::MAX);
    assert!(client.topics().len() >= 500);
}

/// A session of user `None` on another node, with a subscription to each filter and what is retained there due.
fn older(filters: &[&str]) -> Portable {
    let mut older = Portable::default();
    for one in filters {
        let to = crate::topic::share::Subscription::parse(one).unwrap();
        let (filter, qos) = (to.filter.clone(), QoS::AtMostOnce);
        older.subscriptions.insert(to, (crate::mqtt::SubscriptionOptions::default(), 0));
        older.replays.push(Replay { filter, after: None, qos, id: 0, no_local: false });
    }
    older
}

#[test]
fn retained_messages_that_an_older_session_is_due_come_once() {
    let world = World::new();
    world.retain("a/1", b"x", QoS::AtMostOnce, None);
    world.retain("b/1", b"x", QoS::AtMostOnce, None);
    let mut client = world.connect(5, "c", Settings::default());
    client.subscribe(&["b/#"], 0);
    assert_eq!(client.topics(), ["b/1"]);
    let (tell, done) = oneshot::channel();
    let mailbox = client.connection.as_ref().unwrap().mailbox.clone().unwrap();
    mailbox.signal(Signal::Absorb(Box::new(older(&["a/#", "b/#"])), tell));
    client.run();
    assert!(done.blocking_recv().unwrap().is_some());
    assert_eq!(client.topics(), ["a/1"]);
}

#[test]
fn of_two_sessions_each_filter_has_its_retained_messages_once() {
    let mut newer = older(&["b/#"]);
    newer.replays.clear();
    newer.absorb(older(&["a/#", "b/#"]));
    let due: Vec<_> = newer.replays.iter().map(|replay| replay.filter.as_str()).collect();
    assert_eq!(due, ["a/#"]);
}

/// It goes away without reading an answer, behind more than one turn has work for.
#[test]
fn a_goodbye_behind_a_long_burst_keeps_the_will_back() {
    for goodbye in [true, false] {
        let world = World::new();
        subscribe(&world, ["t".to_owned()].into_iter(), 1000..1000 + work::TURN as u64 / 4);
        let mut watcher = world.connect(5, "watcher", Settings::default());
        watcher.subscribe(&["will", "last"], 0);
        let mut client = world.mortal(0, 0);
        let publish = |topic: &str| packet(0x32, &[&text(topic)[..], &[0, 1, 0]].concat());
        let mut bytes = publish("t").repeat(50);
        bytes.extend(publish("last"));
        bytes.extend(if goodbye { &[0xe0, 0][..] } else { &[] });
        client.arrive(&bytes);
        locks::lock(&client.pipe.0).gone = true;
        client.run();
        assert!(client.connection.is_none());
        let want: &[&str] = if goodbye { &["last"] } else { &["last", "will"] };
        assert_eq!(watcher.topics(), want);
    }
}

/// It sent more than a turn has work for, and said goodbye or not, before it connected anew.
#[test]
fn what_was_said_before_a_take_over_is_heard() {
    for (count, goodbye) in [(1, true), (50, true), (50, false)] {
        let world = World::new();
        subscribe(&world, ["t".to_owned()].into_iter(), 1000..1000 + work::TURN as u64 / 4);
        let mut watcher = world.connect(5, "watcher", Settings::default());
        watcher.subscribe(&["will", "last"], 0);
        let mut first = world.mortal(100, 0);
        let publish = |topic: &str| packet(0x30, &[&text(topic)[..], &[0]].concat());
        let mut bytes = publish("t").repeat(count);
        bytes.extend(publish("last"));
        bytes.extend(if goodbye { &[0xe0, 0][..] } else { &[] });
        first.arrive(&bytes);
        locks::lock(&first.pipe.0).gone = true;
        let mut second = world.take_over(5, "c", &Asked::default());
        first.run();
        assert!(first.connection.is_none());
        assert!(session_present(&mut second));
        let want: &[&str] = if goodbye { &["last"] } else { &["last", "will"] };
        assert_eq!(watcher.topics(), want);
    }
}

/// It had sent more than its rate allows, and the rest was read already and waited.
#[test]
fn who_was_held_up_and_has_gone_is_heard_before_a_take_over() {
    let world = World::new();
    let mut watcher = world.connect(5, "watcher", Settings::default());
    watcher.subscribe(&["will", "t", "last"], 0);
    let slow = Some(Rate { amount: 1, window: Duration::from_secs(1000) });
    let mut first =
        world.mortal_under(Settings { messages_in: slow, ..Settings::default() }, 100, 0);
    let publish = |topic: &str| packet(0x30, &[&text(topic)[..], &[0]].concat());
    first.arrive(&[publish("t"), publish("t"), publish("last"), vec![0xe0, 0]].concat());
    first.run();
    assert!(!watcher.topics().contains(&"last".to_owned()), "it is held up");
    locks::lock(&first.pipe.0).gone = true;
    let mut second = world.take_over(5, "c", &Asked::default());
    first.run();
    assert!(first.connection.is_none());
    assert!(session_present(&mut second));
    assert_eq!(watcher.topics().last().map(String::as_str), Some("last"), "and leaves no will");
}

/// Its connection is open still: what has come is heard, and no more.
#[test]
fn what_comes_after_a_take_over_is_not_waited_for() {
    let world = World::new();
    let mut watcher = world.connect(5, "watcher", Settings::default());
    watcher.subscribe(&["t"], 0);
    let mut first = world.connect(5, "c", Settings::default());
    first.arrive(&packet(0x30, &[&text("t")[..], &[0]].concat()));
    let mut second = world.take_over(5, "c", &Asked::default());
    first.run();
    assert!(session_present(&mut second));
    assert_eq!(watcher.topics(), ["t"]);
    assert_eq!(first.packets(), [(0xe0, vec![0x8e])]);
}

#[test]
fn the_keep_alive_begins_when_the_session_has_come() {
    let world = World::new();
    let mut first = world.connect(4, "c", Settings::default());
    // Half a second of silence.
    let settings = Settings { keepalive_backoff: 0.25, ..Settings::default() };
    let mut second = world.accept(settings);
    second.send(&connect(4, "c", &Asked { keep_alive: 1, ..Asked::default() }));
    let past = world.hub.clock.now() + Duration::from_millis(600);
    while world.hub.clock.now() <= past {
        std::thread::yield_now();
    }
    first.run();
    assert!(session_present(&mut second));
    assert!(second.connection.is_some_and(|one| one.closing.is_none()));
}
