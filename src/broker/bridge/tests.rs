//! The relay against a remote and a local broker that are written out here, which lose connections at any moment.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;

use super::*;
use crate::mqtt::Disconnect;

const NOW: Time = Time::ZERO;

pub(crate) fn settings(version: Version) -> Settings {
    Settings {
        version,
        bridge_mode: false,
        client_id: "c".into(),
        single: false,
        clean_start: false,
        username: None,
        password: None,
        keep_alive: Duration::from_secs(60),
        max_inflight: 4,
        forwards: vec![TopicFilter::parse("#").unwrap()],
        forward_mountpoint: "f/".into(),
        subscriptions: vec![Remote { filter: "d/#".into(), qos: QoS::ExactlyOnce }],
        receive_mountpoint: "r/".into(),
        queue_bytes: 1 << 20,
        max_packet: 1 << 20,
    }
}

fn relay(settings: Settings) -> Relay {
    Relay::new(settings, "l".into(), PacketId::FIRST)
}

/// A broker as the relay sees it: keeps its session, acknowledges at once.
struct Broker {
    version: Version,
    input: Vec<u8>,
    /// What the relay is to read.
    output: Vec<u8>,
    connected: bool,
    has_session: bool,
    /// Payloads it took, in order.
    took: Vec<String>,
    topics: BTreeSet<String>,
    /// QoS 2 of the relay that wait for PUBREL.
    received: BTreeSet<u16>,
    /// Its own messages under way: the whole packet, or nothing when it is received.
    under_way: BTreeMap<u16, Option<Vec<u8>>>,
    next: u16,
    /// PUBLISH packets at a time that were not answered.
    asked: Vec<String>,
    /// At a message with this payload it closes the connection.
    poison: Option<String>,
    closed: bool,
}

impl Broker {
    fn new(version: Version) -> Self {
        Self {
            version,
            input: Vec::new(),
            output: Vec::new(),
            connected: false,
            has_session: false,
            took: Vec::new(),
            topics: BTreeSet::new(),
            received: BTreeSet::new(),
            under_way: BTreeMap::new(),
            next: 1,
            asked: Vec::new(),
            poison: None,
            closed: false,
        }
    }

    fn publish(&mut self, topic: &str, text: &str, qos: QoS) {
        let id = (qos != QoS::AtMostOnce).then(|| PacketId::new(self.next).unwrap());
        let head = PublishHead { dup: false, qos, retain: false, packet_id: id };
        let parts = PublishParts { topic, payload: text.as_bytes(), ..PublishParts::default() };
        let mut bytes = Vec::new();
        encode::publish(&mut bytes, self.version, head, &parts);
        if let Some(id) = id {
            self.under_way.insert(id.get(), Some(bytes.clone()));
            self.next += 1;
        }
        if self.connected {
            self.output.extend(bytes);
        }
    }

    fn ack(&mut self, kind: AckType, id: PacketId) {
        encode::ack(&mut self.output, self.version, kind, id, ReasonCode::Success);
    }

    fn work(&mut self) {
        let input = std::mem::take(&mut self.input);
        if self.closed {
            return;
        }
        let mut rest = &input[..];
        while let Some((header, body, size)) = frame::split(rest, 1 << 20).unwrap() {
            rest = &rest[size..];
            let packet = decode(self.version, header, body).unwrap();
            if let (Packet::Publish(publish), Some(poison)) = (&packet, &self.poison)
                && publish.payload == poison.as_bytes()
            {
                (self.closed, rest) = (true, &[]);
                break;
            }
            self.handle(packet);
        }
        self.input = rest.to_vec();
    }

    fn handle(&mut self, packet: Packet<'_>) {
        match packet {
            Packet::Connect(connect) => {
                let session_present = self.has_session && !connect.clean_start;
                if !session_present {
                    self.received.clear();
                    self.under_way.clear();
                }
                (self.has_session, self.connected) = (true, true);
                let properties = Properties::default();
                ConnAck { session_present, reason: ReasonCode::Success, properties }
                    .encode(self.version, &mut self.output);
                for (id, bytes) in self.under_way.clone() {
                    match bytes {
                        Some(mut bytes) => {
                            bytes[0] |= 8;
                            self.output.extend(bytes);
                        }
                        None => self.ack(AckType::PubRel, PacketId::new(id).unwrap()),
                    }
                }
            }
            Packet::Publish(publish) => {
                let text = String::from_utf8(publish.payload.to_vec()).unwrap();
                self.topics.insert(publish.topic.to_owned());
                match publish.packet_id {
                    Some(id) if publish.qos == QoS::ExactlyOnce => {
                        if self.received.insert(id.get()) {
                            self.took.push(text);
                        }
                        self.ack(AckType::PubRec, id);
                    }
                    Some(id) => {
                        self.took.push(text);
                        self.ack(AckType::PubAck, id);
                    }
                    None => self.took.push(text),
                }
            }
            Packet::PubAck(ack) => drop(self.under_way.remove(&ack.packet_id.get())),
            Packet::PubRec(ack) => {
                self.under_way.insert(ack.packet_id.get(), None);
                self.ack(AckType::PubRel, ack.packet_id);
            }
            Packet::PubRel(ack) => {
                self.received.remove(&ack.packet_id.get());
                self.ack(AckType::PubComp, ack.packet_id);
            }
            Packet::PubComp(ack) => drop(self.under_way.remove(&ack.packet_id.get())),
            Packet::Subscribe(subscribe) => {
                self.asked.extend(subscribe.filters.iter().map(|(filter, _)| filter.to_owned()));
                let reasons = [ReasonCode::NotAuthorized];
                encode::suback(&mut self.output, self.version, subscribe.packet_id, &[], &reasons);
            }
            Packet::PingReq => encode::pingresp(&mut self.output),
            Packet::Disconnect(_) => {}
            other @ (Packet::ConnAck(_)
            | Packet::SubAck(_)
            | Packet::Unsubscribe(_)
            | Packet::UnsubAck(_)
            | Packet::PingResp
            | Packet::Auth(_)) => panic!("{other:?}"),
        }
    }
}

struct World {
    relay: Relay,
    local: Broker,
    remote: Broker,
}

impl World {
    fn new(settings: Settings) -> Self {
        // The session of the local end was made before it is connected to.
        let local = Broker { has_session: true, ..Broker::new(Version::V5) };
        Self {
            local,
            remote: Broker::new(settings.version),
            relay: Relay::new(settings, "$bridge:x".into(), PacketId::FIRST),
        }
    }

    fn connect(&mut self) {
        self.relay.connect(End::Remote, NOW);
        self.step();
        self.relay.connect(End::Local, NOW);
    }

    fn cut(&mut self) {
        for broker in [&mut self.local, &mut self.remote] {
            broker.input.clear();
            broker.output.clear();
            (broker.connected, broker.closed) = (false, false);
        }
        self.relay.lost(End::Remote);
        self.relay.lost(End::Local);
    }

    /// Whether anything moved.
    fn step(&mut self) -> bool {
        let mut moved = false;
        for end in [End::Remote, End::Local] {
            let broker = match end {
                End::Local => &mut self.local,
                End::Remote => &mut self.remote,
            };
            let out = std::mem::take(self.relay.out(end));
            moved |= !out.is_empty();
            broker.input.extend(out);
            broker.work();
            let done = self.relay.on_bytes(end, &broker.output, NOW).unwrap();
            moved |= done > 0;
            broker.output.drain(..done);
        }
        moved
    }

    fn settle(&mut self) {
        for _ in 0..10_000 {
            if !self.step() {
                return;
            }
        }
        panic!("it does not come to rest");
    }
}

fn sorted(list: &[String]) -> Vec<&str> {
    let mut all: Vec<_> = list.iter().map(String::as_str).collect();
    all.sort_unstable();
    all
}

#[test]
fn messages_pass_and_are_acknowledged_from_end_to_end() {
    for version in [Version::V3_1, Version::V3_1_1, Version::V5] {
        let mut world = World::new(settings(version));
        world.connect();
        world.settle();
        assert_eq!(world.relay.events(), [Event::Up(End::Remote), Event::Up(End::Local)]);
        for (n, qos) in
            [QoS::AtMostOnce, QoS::AtLeastOnce, QoS::ExactlyOnce].into_iter().enumerate()
        {
            world.local.publish("a", &format!("out{n}"), qos);
            world.remote.publish("d/b", &format!("in{n}"), qos);
        }
        world.settle();
        assert_eq!(sorted(&world.remote.took), ["out0", "out1", "out2"]);
        assert_eq!(sorted(&world.local.took), ["in0", "in1", "in2"]);
        assert_eq!(world.remote.topics, ["f/a".to_owned()].into());
        assert_eq!(world.local.topics, ["r/d/b".to_owned()].into());
        assert!(world.local.under_way.is_empty() && world.remote.under_way.is_empty());
        assert!(world.local.received.is_empty() && world.remote.received.is_empty());
        assert_eq!(world.relay.counts(), Counts { forwarded: 3, received: 3, dropped: 0 });
        assert!(world.relay.is_quiet());
    }
}

/// The session at the remote knows the QoS 2 messages of a process that has ended.
#[test]
fn a_new_process_has_numbers_of_its_own() {
    let mut world = World::new(settings(Version::V3_1_1));
    world.remote.received = (1..=100).collect();
    world.remote.has_session = true;
    world.relay = Relay::new(settings(Version::V3_1_1), "l".into(), PacketId::new(700).unwrap());
    world.connect();
    world.settle();
    world.local.publish("t", "x", QoS::ExactlyOnce);
    world.settle();
    assert_eq!(world.remote.took, ["x"]);
}

#[test]
fn the_local_end_waits_for_the_answer_of_the_remote() {
    let mut world = World::new(settings(Version::V5));
    world.connect();
    world.settle();
    world.local.publish("a", "x", QoS::AtLeastOnce);
    let done = world.relay.on_bytes(End::Local, &world.local.output, NOW).unwrap();
    assert_eq!(done, world.local.output.len());
    assert!(world.relay.out(End::Local).is_empty() && !world.relay.out(End::Remote).is_empty());
    // A remote that reads nothing stops what is read from the other end.
    world.local.output.clear();
    let large = "x".repeat(HIGH);
    world.local.publish("a", &large, QoS::AtMostOnce);
    world.local.publish("a", "behind", QoS::AtMostOnce);
    let done = world.relay.on_bytes(End::Local, &world.local.output, NOW).unwrap();
    assert!(done < world.local.output.len() && !world.relay.takes(End::Local));
}

#[test]
fn the_remote_is_told_that_it_is_a_bridge_and_may_not_know_that() {
    let mut relay = relay(Settings { bridge_mode: true, ..settings(Version::V3_1_1) });
    relay.connect(End::Remote, NOW);
    assert_eq!(relay.out(End::Remote)[8], 0x84);
    assert_eq!(relay.on_bytes(End::Remote, &[0x20, 2, 0, 1], NOW), Ok(4));
    let reason = ReasonCode::UnsupportedProtocolVersion;
    assert_eq!(relay.events(), [Event::Refused(End::Remote, reason)]);
    relay.lost(End::Remote);
    relay.connect(End::Remote, NOW);
    assert_eq!(relay.out(End::Remote)[8], 4);
}

#[test]
fn it_subscribes_once_and_takes_that_back() {
    let mut world = World::new(settings(Version::V5));
    world.relay.hold(true);
    assert!(world.relay.out(End::Remote).is_empty(), "not connected");
    world.connect();
    world.settle();
    world.relay.events();
    world.relay.hold(true);
    world.relay.hold(true);
    assert!(!world.relay.is_subscribed());
    world.settle();
    assert!(world.relay.is_subscribed());
    assert_eq!(world.remote.asked, ["d/#"]);
    let refused = Event::NotSubscribed("d/#".into(), ReasonCode::NotAuthorized);
    assert_eq!(world.relay.events(), [refused]);
    world.relay.hold(false);
    assert!(!world.relay.is_subscribed());
    assert_eq!(world.relay.out(End::Remote)[0], 0xA2);
}

#[test]
fn a_silent_remote_is_asked_and_given_up() {
    let mut world = World::new(settings(Version::V3_1_1));
    world.connect();
    world.settle();
    let at = |seconds: u64| Time::from_ms(seconds * 1000);
    assert!(world.relay.on_time(at(59)) && world.relay.out(End::Remote).is_empty());
    assert!(world.relay.on_time(at(60)));
    assert_eq!(*world.relay.out(End::Remote), [0xC0, 0]);
    assert!(!world.relay.on_time(at(90)));
    world.relay.heard(End::Remote, at(89));
    assert!(world.relay.on_time(at(90)));
}

#[test]
fn what_is_too_large_is_dropped_and_acknowledged() {
    let mut relay = relay(settings(Version::V5));
    relay.connect(End::Remote, NOW);
    let mut answer = Vec::new();
    let mut raw = Vec::new();
    Property::MaximumPacketSize(64).encode(&mut raw);
    Property::MaximumQoS(0).encode(&mut raw);
    Property::RetainAvailable(false).encode(&mut raw);
    let properties = Properties::from_encoded(&raw);
    ConnAck { session_present: false, reason: ReasonCode::Success, properties }
        .encode(Version::V5, &mut answer);
    relay.on_bytes(End::Remote, &answer, NOW).unwrap();
    let mut local = Broker::new(Version::V5);
    relay.connect(End::Local, NOW);
    local.input = std::mem::take(relay.out(End::Local));
    local.work();
    local.publish("t", &"x".repeat(64), QoS::AtLeastOnce);
    local.publish("t", "y", QoS::ExactlyOnce);
    relay.out(End::Remote).clear();
    relay.on_bytes(End::Local, &local.output, NOW).unwrap();
    local.output.clear();
    local.input = std::mem::take(relay.out(End::Local));
    local.work();
    assert_eq!(local.under_way.values().flatten().count(), 0);
    assert_eq!(relay.out(End::Remote)[0], 0x30, "as much as the remote takes: QoS 0");
    assert_eq!(relay.counts(), Counts { forwarded: 1, received: 0, dropped: 1 });
}

/// It stands among others, and they all arrive.
#[test]
fn a_message_that_the_remote_never_bears_is_given_up() {
    for qos in [QoS::AtLeastOnce, QoS::ExactlyOnce] {
        let mut world = World::new(Settings { max_inflight: 32, ..settings(Version::V3_1_1) });
        world.remote.poison = Some("poison".to_owned());
        world.connect();
        world.settle();
        for n in 0..32 {
            world.local.publish("t", &if n == 20 { "poison".into() } else { n.to_string() }, qos);
        }
        let mut given_up = Vec::new();
        for _ in 0..12 {
            world.settle();
            if !world.remote.closed {
                break;
            }
            given_up.extend(world.relay.blame());
            world.cut();
            world.connect();
        }
        assert_eq!(given_up.len(), 1, "{qos:?}");
        assert_eq!(given_up[0].0, "f/t");
        assert!(!world.remote.closed && world.relay.is_quiet(), "{qos:?}");
        assert!(world.local.under_way.is_empty(), "{qos:?}");
        assert_eq!(world.remote.took.iter().collect::<BTreeSet<_>>().len(), 31, "{qos:?}");
        assert_eq!(world.relay.counts().dropped, 1);
    }
}

#[test]
fn what_has_too_many_properties_is_dropped_and_acknowledged() {
    let mut world = World::new(settings(Version::V5));
    world.connect();
    world.settle();
    world.relay.events();
    let (mut many, mut long) = (Vec::new(), Vec::new());
    (0..100).for_each(|_| Property::UserProperty("a", "b").encode(&mut many));
    Property::UserProperty("a", &"b".repeat(20_000)).encode(&mut long);
    let given = [(QoS::AtMostOnce, &many), (QoS::AtLeastOnce, &many), (QoS::ExactlyOnce, &long)];
    for (id, (qos, properties)) in (1..).zip(given) {
        let packet_id = PacketId::new(id).filter(|_| qos != QoS::AtMostOnce);
        let head = PublishHead { dup: false, qos, retain: false, packet_id };
        let parts = PublishParts { topic: "d/x", properties, ..PublishParts::default() };
        let mut bytes = Vec::new();
        encode::publish(&mut bytes, Version::V5, head, &parts);
        world.remote.output.extend(&bytes);
        if let Some(id) = packet_id {
            world.remote.under_way.insert(id.get(), Some(bytes));
        }
    }
    world.settle();
    assert!(world.local.took.is_empty() && world.remote.under_way.is_empty());
    assert_eq!(world.relay.counts().dropped, 3);
    let why = [ReasonCode::QuotaExceeded, ReasonCode::QuotaExceeded, ReasonCode::PacketTooLarge];
    assert_eq!(world.relay.events(), why.map(|why| Event::NotTaken(End::Local, why)));
}

#[test]
fn the_remote_publishes_what_it_was_asked_for_and_nothing_else() {
    let to = |filter: &str| Remote { filter: filter.into(), qos: QoS::ExactlyOnce };
    let subscriptions = vec![to("d/+"), to("$share/g/s/#"), to("$SYS/a")];
    let mut world = World::new(Settings { subscriptions, ..settings(Version::V3_1_1) });
    world.connect();
    world.settle();
    let topics = ["d/x", "d/x/y", "s/x", "$share/g/s/x", "g/s/x", "$SYS/a", "$SYS/b", "other"];
    for (topic, qos) in topics.into_iter().zip((0..3).cycle()) {
        world.remote.publish(topic, topic, QoS::from_u8(qos).unwrap());
    }
    world.settle();
    assert_eq!(world.local.took, ["d/x", "s/x", "$SYS/a"]);
    assert_eq!(world.relay.counts(), Counts { forwarded: 0, received: 3, dropped: 5 });
    let refused = Event::NotTaken(End::Local, ReasonCode::TopicNameInvalid);
    assert_eq!(world.relay.events().iter().filter(|event| **event == refused).count(), 5);
    assert!(world.remote.under_way.is_empty(), "it is answered");
}

/// Brokers pass on a message of QoS 2 at PUBREL, and the session was clean.
#[test]
fn what_the_remote_may_have_forgotten_is_sent_again() {
    for steps in 0..8 {
        let settings = Settings { clean_start: true, ..settings(Version::V3_1_1) };
        let mut world = World::new(settings);
        world.connect();
        world.settle();
        world.local.publish("t", "x", QoS::ExactlyOnce);
        for _ in 0..steps {
            world.step();
        }
        let over = world.relay.is_quiet() && world.local.under_way.is_empty();
        let took = std::mem::take(&mut world.remote.took);
        world.cut();
        world.connect();
        world.settle();
        let want: &[&str] = if over { &[] } else { &["x"] };
        assert_eq!(world.remote.took, want, "{steps} steps, and it took {took:?}");
        assert!(world.relay.is_quiet() && world.local.under_way.is_empty(), "{steps}");
        assert!(world.local.received.is_empty() && world.remote.received.is_empty(), "{steps}");
    }
}

/// Before 5.0 nothing tells the remote how much it may send.
#[test]
fn what_the_local_end_has_not_acknowledged_is_bounded_in_bytes() {
    let mut world = World::new(settings(Version::V3_1_1));
    world.connect();
    world.settle();
    let large = "x".repeat(1 << 19);
    (0..40).for_each(|_| world.remote.publish("d/x", &large, QoS::ExactlyOnce));
    let mut input = Vec::new();
    for _ in 0..40 {
        let done = world.relay.on_bytes(End::Remote, &world.remote.output, NOW).unwrap();
        world.remote.output.drain(..done);
        input.extend(std::mem::take(world.relay.out(End::Local)));
    }
    assert!(!world.relay.takes(End::Remote));
    assert!((HEAVY..HEAVY + (1 << 20)).contains(&input.len()), "{}", input.len());
    // The remote is slow, and the local end is heard nevertheless.
    world.relay.out(End::Remote).resize(HIGH, 0);
    assert!(world.relay.takes(End::Local));
    world.relay.out(End::Remote).clear();
    world.local.input = input;
    world.settle();
    assert_eq!(world.local.took.len(), 40);
    assert!(world.remote.under_way.is_empty());
}

#[test]
fn a_remote_that_reads_no_answers_is_not_heard_for_ever() {
    let mut world = World::new(settings(Version::V3_1_1));
    world.connect();
    world.settle();
    // A message under way to it is no answer.
    world.local.publish("t", &"x".repeat(1000), QoS::AtLeastOnce);
    world.relay.on_bytes(End::Local, &world.local.output, NOW).unwrap();
    world.local.output.clear();
    let most = UNREAD + world.relay.settings.max_packet + world.relay.remote.window.bytes();
    world.relay.out(End::Remote).resize(most - 8, 0);
    (0..5).for_each(|_| world.remote.publish("other", "x", QoS::AtLeastOnce));
    let size = world.remote.output.len();
    let done = world.relay.on_bytes(End::Remote, &world.remote.output, NOW).unwrap();
    assert_eq!((done, world.relay.out(End::Remote).len()), (size / 5 * 2, most));
    assert!(!world.relay.takes(End::Remote));
    // It reads again.
    world.relay.out(End::Remote).clear();
    let done = world.relay.on_bytes(End::Remote, &world.remote.output[done..], NOW).unwrap();
    assert_eq!(done, size / 5 * 3);
}

#[test]
fn a_packet_of_the_remote_that_is_too_large_is_passed_over() {
    let mut world = World::new(settings(Version::V3_1_1));
    world.connect();
    world.settle();
    world.relay.events();
    for qos in [QoS::AtMostOnce, QoS::AtLeastOnce, QoS::ExactlyOnce] {
        world.remote.publish("d/x", &"x".repeat(2 << 20), qos);
        world.remote.publish("d/x", "y", qos);
    }
    let (all, mut input) = (std::mem::take(&mut world.remote.output), Vec::new());
    for piece in all.chunks(3).take(4).chain(all[12..].chunks(1000)) {
        input.extend(piece);
        let done = world.relay.on_bytes(End::Remote, &input, NOW).unwrap();
        input.drain(..done);
        assert!(input.len() < 2000, "it is not kept");
    }
    world.settle();
    assert_eq!(world.local.took, ["y", "y", "y"]);
    assert_eq!(world.relay.counts(), Counts { forwarded: 0, received: 3, dropped: 3 });
    let refused = Event::NotTaken(End::Local, ReasonCode::PacketTooLarge);
    assert_eq!(world.relay.events(), [refused.clone(), refused.clone(), refused]);
    assert!(world.remote.under_way.is_empty());
    // What is no PUBLISH has no such size.
    let claim = [0x40, 0xFF, 0xFF, 0xFF, 0x7F, 0, 0];
    assert!(world.relay.on_bytes(End::Remote, &claim, NOW).is_err());
}

#[test]
fn a_remote_that_sends_many_at_once_is_heard() {
    let mut world = World::new(settings(Version::V3_1_1));
    world.connect();
    world.settle();
    (0..MOST + 100).for_each(|n| {
        world.remote.publish("d/x", &n.to_string(), QoS::ExactlyOnce);
    });
    world.settle();
    assert_eq!(world.local.took.len(), MOST + 100);
    assert!(world.remote.under_way.is_empty());
}

#[test]
fn a_bridge_that_parts_takes_nothing_more_from_the_remote() {
    let mut world = World::new(settings(Version::V5));
    world.connect();
    world.settle();
    world.local.publish("t", "out", QoS::ExactlyOnce);
    world.relay.part(true);
    for qos in [QoS::AtMostOnce, QoS::AtLeastOnce, QoS::ExactlyOnce] {
        world.remote.publish("d/x", "in", qos);
    }
    world.settle();
    assert_eq!((world.local.took.len(), world.remote.under_way.len()), (0, 2));
    assert_eq!(world.remote.took, ["out"]);
    world.cut();
    world.relay.part(false);
    world.connect();
    world.settle();
    assert_eq!((world.local.took.len(), world.remote.under_way.len()), (2, 0));
}

#[test]
fn of_filters_that_overlap_the_first_counts() {
    let forwards = ["a/+", "+/b"].map(|text| TopicFilter::parse(text).unwrap()).to_vec();
    let mut world = World::new(Settings { forwards, ..settings(Version::V3_1_1) });
    world.connect();
    world.settle();
    for id in [1, 2] {
        let mut raw = Vec::new();
        Property::SubscriptionIdentifier(id).encode(&mut raw);
        let head = PublishHead::default();
        let parts = PublishParts { topic: "a/b", properties: &raw, ..PublishParts::default() };
        encode::publish(&mut world.local.output, Version::V5, head, &parts);
    }
    world.settle();
    assert_eq!(world.remote.took.len(), 1);
}

#[test]
fn nonsense_and_packets_out_of_place_are_errors() {
    let mut world = World::new(settings(Version::V5));
    world.relay.connect(End::Remote, NOW);
    assert!(world.relay.on_bytes(End::Remote, &[0xD0, 0], NOW).is_err(), "before CONNACK");
    world.connect();
    world.settle();
    for bytes in [&[0xC0, 0][..], &[0xF0, 0], &[0x00, 0], &[0x36, 2, 0, 0]] {
        assert!(world.relay.on_bytes(End::Remote, bytes, NOW).is_err(), "{bytes:?}");
    }
    let mut bytes = Vec::new();
    Disconnect { reason: ReasonCode::ServerShuttingDown, properties: Properties::default() }
        .encode(Version::V5, &mut bytes);
    world.relay.events();
    world.relay.on_bytes(End::Remote, &bytes, NOW).unwrap();
    let closed = Event::Closed(End::Remote, ReasonCode::ServerShuttingDown);
    assert_eq!(world.relay.events(), [closed]);
}

#[derive(Clone, Copy, Debug)]
enum Deed {
    Out(u8),
    In(u8),
    Step,
    Cut,
    Connect,
}

fn deed() -> impl Strategy<Value = Deed> {
    prop_oneof![
        4 => (1..3_u8).prop_map(Deed::Out),
        4 => (1..3_u8).prop_map(Deed::In),
        6 => Just(Deed::Step),
        1 => Just(Deed::Cut),
        3 => Just(Deed::Connect),
    ]
}

proptest! {
    /// Whatever is lost: all that was published arrives, and QoS 2 once, where both keep their sessions.
    #[test]
    fn nothing_is_lost_and_qos_2_comes_once(
        deeds in prop::collection::vec(deed(), 0..80),
        version in prop_oneof![Just(Version::V3_1), Just(Version::V3_1_1), Just(Version::V5)],
        clean_start: bool,
    ) {
        let mut world = World::new(Settings { clean_start, ..settings(version) });
        let (mut connected, mut out, mut back) = (false, Vec::new(), Vec::new());
        for (n, deed) in deeds.into_iter().enumerate() {
            match deed {
                Deed::Out(qos) => {
                    let text = format!("{n}/{qos}");
                    world.local.publish("t", &text, QoS::from_u8(qos).unwrap());
                    out.push(text);
                }
                // Before there is a session nobody would keep it for the bridge.
                Deed::In(_) if !world.remote.has_session || !connected => {}
                Deed::In(qos) => {
                    let text = format!("{n}/{qos}");
                    world.remote.publish("d/t", &text, QoS::from_u8(qos).unwrap());
                    back.push(text);
                }
                Deed::Step => drop(world.step()),
                Deed::Cut if connected => {
                    world.cut();
                    connected = false;
                }
                Deed::Connect if !connected => {
                    world.connect();
                    connected = true;
                }
                Deed::Cut | Deed::Connect => {}
            }
        }
        if connected {
            world.cut();
        }
        world.connect();
        world.settle();
        let stays = !clean_start || version == Version::V5;
        let check = |took: &[String], sent: &[String]| {
            let (took, sent) = (sorted(took), sorted(sent));
            let once = |text: &&str| text.ends_with("/2");
            assert_eq!(took.iter().collect::<BTreeSet<_>>(), sent.iter().collect(), "lost");
            if stays {
                assert_eq!(took.iter().filter(|text| once(text)).count(), sent.iter().filter(|text| once(text)).count(), "{took:?}");
            }
        };
        check(&world.remote.took, &out);
        if stays {
            check(&world.local.took, &back);
        }
        prop_assert!(world.relay.is_quiet() && world.local.under_way.is_empty());
        prop_assert!(world.local.received.is_empty() && world.remote.received.is_empty());
    }
}
