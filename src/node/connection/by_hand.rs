//! Connections that a test polls by hand, each over a stream in memory: who is woken by what, and how often, is exact.

use std::{
    collections::VecDeque,
    io,
    sync::{
        Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    task::Wake,
};

use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    runtime::Runtime,
    sync::oneshot,
};

mod moving;
mod sizes;

use super::{replaying::RETAINED, *};
use crate::{
    broker::{Settings, access::Access, message::Meta, retained::Retained, stats::Stats},
    mqtt::{QoS, frame},
    net::clock::Clock,
    node::{
        listener::places::{NodePlaces, Places},
        locks,
        transport::Transport,
    },
    time::Stamp,
};

/// Turns after which something turns for ever.
const TURNS: usize = 10_000;

/// What a client and its connection have between them.
#[derive(Default)]
struct Wire {
    /// For the broker, one read each.
    inward: VecDeque<Vec<u8>>,
    outward: Vec<u8>,
    /// So much more goes out.
    room: usize,
    /// The connection asked for more to read, and got nothing.
    listens: bool,
    /// The client is gone: what it sent is still to be read, then comes the end.
    gone: bool,
}

#[derive(Clone)]
struct Pipe(Arc<Mutex<Wire>>);

impl AsyncRead for Pipe {
    fn poll_read(
        self: Pin<&mut Self>,
        _cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let mut wire = locks::lock(&self.0);
        let Some(mut bytes) = wire.inward.pop_front() else {
            if wire.gone {
                return Poll::Ready(Ok(()));
            }
            wire.listens = true;
            return Poll::Pending;
        };
        let rest = bytes.split_off(bytes.len().min(buffer.remaining()));
        if !rest.is_empty() {
            wire.inward.push_front(rest);
        }
        buffer.put_slice(&bytes);
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Pipe {
    fn poll_write(
        self: Pin<&mut Self>,
        _cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let mut wire = locks::lock(&self.0);
        if wire.gone {
            return Poll::Ready(Err(io::ErrorKind::BrokenPipe.into()));
        }
        let taken = bytes.len().min(wire.room);
        if taken == 0 {
            return Poll::Pending;
        }
        wire.room -= taken;
        wire.outward.extend_from_slice(&bytes[..taken]);
        Poll::Ready(Ok(taken))
    }

    fn poll_flush(self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

impl Transport for Pipe {
    fn has_ended(&self) -> bool {
        locks::lock(&self.0).gone
    }
}

/// Counts how often a connection is woken.
#[derive(Default)]
struct Bell(AtomicUsize);

impl Wake for Bell {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

/// A node without a network.
struct World {
    hub: Arc<Hub>,
    places: Arc<Places>,
    runtime: Runtime,
}

impl World {
    fn new() -> Self {
        let hub = Hub::new(Clock::system(), 1, Retained::default(), Arc::default());
        let places = Arc::new(Places::new(100, 100, Arc::new(NodePlaces::new(100))));
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
        Self { hub: Arc::new(hub), places, runtime }
    }

    /// A connection under these limits, on which nothing was sent yet.
    fn accept(&self, settings: Settings) -> Client<'_> {
        let shared = Arc::new(Shared {
            settings,
            zone: "external".to_owned(),
            port: 1883,
            access: Access::default(),
            proxies: Vec::new(),
            stats: Arc::new(Stats::new(1)),
            next_assigned: Arc::default(),
        });
        let pipe = Pipe(Arc::new(Mutex::new(Wire { room: usize::MAX, ..Wire::default() })));
        let stream = Stream::Other(Box::new(pipe.clone()));
        let (place, _) = self.places.take().unwrap();
        let peer = ([127, 0, 0, 1], 50_000).into();
        let connection = Connection::new(stream, peer, shared, self.hub.clone(), place);
        let bell = Arc::new(Bell(AtomicUsize::new(1)));
        Client { connection: Some(Box::pin(connection)), pipe, bell, world: self, turns: 0 }
    }

    /// A client `id` of MQTT `level` whose session outlives its connection.
    fn connect(&self, level: u8, id: &str, settings: Settings) -> Client<'_> {
        let mut client = self.accept(settings);
        client.send(&connect(level, id, &Asked::default()));
        assert_eq!(client.packets()[0].0, 0x20);
        client
    }

    fn retain(&self, topic: &str, payload: &[u8], qos: QoS, expires_at: Option<Time>) {
        let meta = Meta { qos, retain: true, expires_at, publisher: 0 };
        let message = Message::new(topic, &[], payload, meta);
        locks::write(&self.hub.retained).store(&message, Stamp::LOCAL, Time::ZERO).unwrap();
    }

    fn publish(&self, topic: &str, qos: QoS) {
        let meta = Meta { qos, retain: false, expires_at: None, publisher: 0 };
        self.hub.publish_now(&Message::new(topic, &[], b"x", meta));
    }
}

struct Client<'a> {
    connection: Option<Pin<Box<Connection>>>,
    pipe: Pipe,
    bell: Arc<Bell>,
    world: &'a World,
    turns: usize,
}

impl Client<'_> {
    /// Polls as often as it is woken.
    fn run(&mut self) {
        let _entered = self.world.runtime.enter();
        let waker = Waker::from(self.bell.clone());
        for _ in 0..TURNS {
            if self.bell.0.swap(0, Ordering::Relaxed) == 0 {
                return;
            }
            let Some(connection) = &mut self.connection else { return };
            self.turns += 1;
            if connection.as_mut().poll(&mut Context::from_waker(&waker)).is_ready() {
                self.connection = None;
            }
        }
        panic!("it turns for ever");
    }

    /// Bytes arrive: it is woken if it listens.
    fn arrive(&mut self, bytes: &[u8]) {
        let mut wire = locks::lock(&self.pipe.0);
        wire.inward.push_back(bytes.to_vec());
        if std::mem::take(&mut wire.listens) {
            self.bell.clone().wake();
        }
    }

    fn send(&mut self, bytes: &[u8]) {
        self.arrive(bytes);
        self.run();
    }

    /// What was written since the last call: first byte and body of each packet.
    fn packets(&mut self) -> Vec<(u8, Vec<u8>)> {
        self.run();
        let bytes = std::mem::take(&mut locks::lock(&self.pipe.0).outward);
        let (mut rest, mut all) = (&bytes[..], Vec::new());
        while let Some((_, body, used)) = frame::split(rest, usize::MAX).unwrap() {
            all.push((rest[0], body.to_vec()));
            rest = &rest[used..];
        }
        assert!(rest.is_empty());
        all
    }

    /// The topics of the PUBLISHes among them.
    fn topics(&mut self) -> Vec<String> {
        let topic = |(_, body): &(u8, Vec<u8>)| {
            let end = 2 + usize::from(u16::from_be_bytes([body[0], body[1]]));
            String::from_utf8(body[2..end].to_vec()).unwrap()
        };
        let all = self.packets();
        all.iter().filter(|(first, _)| first >> 4 == 3).map(topic).collect()
    }

    fn subscribe(&mut self, filters: &[&str], options: u8) {
        let filters = filters.iter().flat_map(|one| [&text(one)[..], &[options]].concat());
        let body: Vec<u8> = [0, 1].into_iter().chain(self.no_properties()).chain(filters).collect();
        self.send(&packet(0x82, &body));
    }

    fn no_properties(&self) -> Option<u8> {
        let version = self.connection.as_ref().unwrap().channel.version();
        (version == crate::mqtt::Version::V5).then_some(0)
    }

    fn publish(&mut self, first: u8, topic: &str, packet_id: Option<u8>) {
        let id = packet_id.into_iter().flat_map(|id| [0, id]);
        let body = text(topic).into_iter().chain(id).chain(self.no_properties()).chain(*b"x");
        self.send(&packet(first, &body.collect::<Vec<_>>()));
    }

    /// So much more goes out.
    fn takes(&mut self, room: usize) {
        locks::lock(&self.pipe.0).room = room;
        self.bell.clone().wake();
        self.run();
    }

    /// A SUBACK for these waits for other nodes; whether each wants retained messages.
    fn waits_for_others(&mut self, granted: &[(&str, bool)]) -> oneshot::Sender<()> {
        let granted = granted.iter().map(|(filter, wants_retained)| Granted {
            subscription: crate::topic::share::Subscription::parse(filter).unwrap(),
            place: 0,
            options: crate::mqtt::SubscriptionOptions::default(),
            id: 0,
            wants_retained: *wants_retained,
        });
        let (packet_id, reasons) = (None, Vec::new());
        let request = SubscribeRequest { packet_id, reasons, granted: granted.collect() };
        let (passed, done) = oneshot::channel();
        let barrier = Barrier { done, count: 0, request: Box::new(request) };
        self.connection.as_mut().unwrap().waiting().barriers.push_back(barrier);
        passed
    }

    fn channel(&self) -> &Channel {
        &self.connection.as_ref().unwrap().channel
    }
}

/// What a client asks for in its CONNECT.
struct Asked {
    clean: bool,
    keep_alive: u16,
    /// Session Expiry Interval, in MQTT 5.
    expiry: u32,
    /// Will Delay Interval of a will to the topic `will`, in MQTT 5.
    will_delay: Option<u32>,
    /// Further properties, in MQTT 5.
    properties: Vec<u8>,
}

impl Default for Asked {
    fn default() -> Self {
        let properties = Vec::new();
        Self { clean: false, keep_alive: 0, expiry: 100, will_delay: None, properties }
    }
}

fn connect(level: u8, id: &str, asked: &Asked) -> Vec<u8> {
    let interval = |id: u8, seconds: u32| [&[5, id][..], &seconds.to_be_bytes()].concat();
    let flags = u8::from(asked.clean) << 1 | u8::from(asked.will_delay.is_some()) << 2;
    let mut body =
        [&[0, 4][..], b"MQTT", &[level, flags], &asked.keep_alive.to_be_bytes()].concat();
    if level == 5 {
        let at = body.len();
        body.extend(interval(17, asked.expiry));
        body[at] += u8::try_from(asked.properties.len()).unwrap();
        body.extend(&asked.properties);
    }
    body.extend(text(id));
    if let Some(seconds) = asked.will_delay {
        body.extend([interval(24, seconds), text("will"), text("gone")].concat());
    }
    packet(0x10, &body)
}

fn text(text: &str) -> Vec<u8> {
    [&u16::try_from(text.len()).unwrap().to_be_bytes(), text.as_bytes()].concat()
}

fn packet(first: u8, body: &[u8]) -> Vec<u8> {
    let (mut bytes, mut left) = (vec![first], body.len());
    loop {
        let low = u8::try_from(left % 128).unwrap();
        left /= 128;
        bytes.push(if left > 0 { low | 0x80 } else { low });
        if left == 0 {
            return [&bytes, body].concat();
        }
    }
}

#[test]
fn retained_messages_come_for_each_filter_without_another_word() {
    let world = World::new();
    world.retain("c/1", b"x", QoS::AtMostOnce, None);
    let mut client = world.connect(5, "c", Settings::default());
    client.subscribe(&["a/#", "b/#", "c/#"], 0);
    assert_eq!(client.topics(), ["c/1"]);
}

#[test]
fn a_long_search_for_retained_messages_ends_and_lets_others_run() {
    let world = World::new();
    for n in 0..100 * RETAINED {
        world.retain(&format!("a/{n:05}"), b"x", QoS::AtMostOnce, Some(Time::ZERO));
    }
    world.retain("a/last", b"x", QoS::AtMostOnce, None);
    let mut client = world.connect(5, "c", Settings::default());
    client.turns = 0;
    client.subscribe(&["a/#"], 0);
    assert_eq!(client.topics(), ["a/last"]);
    assert!((50..60).contains(&client.turns), "{} turns", client.turns);
}

#[test]
fn many_filters_that_no_retained_message_matches_are_searched_in_many_turns() {
    let world = World::new();
    for n in 0..20 * work::LOOK {
        world.retain(&format!("dev{n:06}/state"), b"x", QoS::AtMostOnce, None);
    }
    world.retain("zz/none3", b"x", QoS::AtMostOnce, None);
    let mut client = world.connect(5, "c", Settings::default());
    client.turns = 0;
    let filters: Vec<String> = (0..5).map(|n| format!("+/none{n}")).collect();
    client.subscribe(&filters.iter().map(String::as_str).collect::<Vec<_>>(), 0);
    assert_eq!(client.topics(), ["zz/none3"]);
    assert!((100..120).contains(&client.turns), "{} turns", client.turns);
}

/// What a client publishes to `t`, and pings behind it: all of it is there in order, and the answer is the last. The turns it
/// took.
fn turns_of_a_burst(world: &World, count: usize) -> usize {
    let mut client = world.connect(5, "c", Settings { mqueue_len: 100_000, ..Settings::default() });
    client.subscribe(&["t"], 0);
    client.packets();
    client.turns = 0;
    let publish =
        |n: usize| packet(0x30, &[&text("t")[..], &[0], format!("{n}").as_bytes()].concat());
    let mut bytes: Vec<u8> = (0..count).flat_map(publish).collect();
    bytes.extend([0xc0, 0, 0x30]);
    // The end of a packet comes later.
    client.send(&bytes);
    let turns = client.turns;
    client.send(&publish(count)[1..]);
    let all = client.packets();
    let got: Vec<String> = all
        .iter()
        .filter(|(first, _)| first >> 4 == 3)
        .map(|(_, body)| String::from_utf8(body[4..].to_vec()).unwrap())
        .collect();
    assert_eq!(got, (0..=count).map(|n| n.to_string()).collect::<Vec<_>>());
    assert_eq!(all.iter().filter(|(first, _)| *first == 0xd0).count(), 1);
    turns
}

/// Somebody who subscribes and takes nothing.
fn subscribe(world: &World, filters: impl Iterator<Item = String>, sessions: std::ops::Range<u64>) {
    let settings = Settings { mqueue_len: 1, ..Settings::default() };
    let mailbox = Arc::new(Mailbox::new(&settings));
    let options = crate::mqtt::SubscriptionOptions::default();
    let filters: Vec<_> =
        filters.map(|one| crate::topic::share::Subscription::parse(&one).unwrap()).collect();
    for session in sessions {
        for to in &filters {
            world.hub.subscribe(to, Subscriber::new(mailbox.clone(), session, 0, options));
        }
    }
}

#[test]
fn a_burst_that_is_little_work_is_one_turn() {
    assert!(turns_of_a_burst(&World::new(), 100) <= 2);
}

#[test]
fn a_burst_to_many_subscribers_is_many_turns() {
    let world = World::new();
    subscribe(&world, ["t".to_owned()].into_iter(), 1000..1000 + work::TURN as u64 / 4);
    let turns = turns_of_a_burst(&world, 100);
    assert!((20..50).contains(&turns), "{turns} turns");
}

#[test]
fn a_burst_to_many_groups_is_many_turns() {
    let world = World::new();
    let groups = (0..work::TURN / 20).map(|n| format!("$share/g{n}/t"));
    subscribe(&world, groups, 1000..1001);
    let turns = turns_of_a_burst(&world, 100);
    assert!((20..50).contains(&turns), "{turns} turns");
}

#[test]
fn a_burst_past_many_filters_is_many_turns() {
    const LEVELS: u32 = 12;
    let world = World::new();
    let mixed = |bits: u32| -> String {
        (0..LEVELS).map(|at| if bits >> at & 1 == 1 { "+/" } else { "a/" }).collect::<String>()
            + "q"
    };
    subscribe(&world, (0..1 << LEVELS).map(mixed), 1000..1001);
    let mut client = world.connect(5, "c", Settings::default());
    client.turns = 0;
    let topic = "a/".repeat(LEVELS as usize) + "z";
    let publish = packet(0x30, &[&text(&topic)[..], &[0]].concat());
    client.send(&[&publish.repeat(100)[..], &[0xc0, 0]].concat());
    assert_eq!(client.packets(), [(0xd0, Vec::new())]);
    assert!((10..50).contains(&client.turns), "{} turns", client.turns);
}

#[test]
fn what_waits_for_its_first_sending_is_not_due_again() {
    const RETRY: Duration = Duration::from_millis(20);
    let world = World::new();
    let limits = |max_inflight| Settings {
        retry_interval: Some(RETRY),
        max_inflight,
        ..Settings::default()
    };
    let mut client = world.connect(4, "c", limits(10));
    client.subscribe(&["t"], 1);
    (0..3).for_each(|_| world.publish("t", QoS::AtLeastOnce));
    assert_eq!(client.topics().len(), 3);
    client.send(&[0xe0, 0]);
    assert!(client.connection.is_none());
    let past = world.hub.clock.now() + RETRY;
    while world.hub.clock.now() <= past {
        std::thread::yield_now();
    }
    let now = world.hub.clock.now();
    let mut client = world.connect(4, "c", limits(1));
    assert_eq!(client.channel().deadline().map(|due| due >= now + RETRY), Some(true));
    client.run();
}

/// CPU time of this thread that a large packet takes whose last bytes come one by one.
fn cost_of_a_trickle(world: &World, size: usize) -> Duration {
    use nix::time::{ClockId, clock_gettime};
    let now = || Duration::from(clock_gettime(ClockId::CLOCK_THREAD_CPUTIME_ID).unwrap());
    let mut client = world.connect(4, "c", Settings::default());
    let bytes = packet(0x30, &[&text("t"), &vec![0; size][..]].concat());
    let (most, last) = bytes.split_at(bytes.len() - 500);
    client.send(most);
    let began = now();
    last.chunks(1).for_each(|byte| client.send(byte));
    let took = now() - began;
    client.send(&[0xc0, 0]);
    assert_eq!(client.packets(), [(0xd0, Vec::new())]);
    client.send(&[0xe0, 0]);
    took
}

#[test]
fn a_byte_of_a_large_packet_costs_no_more_than_one_of_a_small_one() {
    let world = World::new();
    // The best of some, as others run on this machine too.
    let least = |size| (0..5).map(|_| cost_of_a_trickle(&world, size)).min().unwrap();
    let (small, large) = (least(40_000), least(1_900_000));
    assert!(large < 5 * small, "{small:?} and {large:?}");
}

#[test]
fn who_was_not_read_while_much_went_out_is_read_again() {
    let world = World::new();
    let settings = Settings { write_high: 100, ..Settings::default() };
    let mut client = world.connect(5, "c", settings);
    client.send(&[0xc0, 0].repeat(200));
    assert_eq!(client.packets().len(), 200);
    client.send(&[0xc0, 0]);
    assert_eq!(client.packets().len(), 1);
    // What the stream did not take holds it back for longer.
    locks::lock(&client.pipe.0).room = 10;
    client.send(&[0xc0, 0].repeat(200));
    client.send(&[0xc0, 0]);
    assert!(client.packets().len() <= 5);
    locks::lock(&client.pipe.0).room = usize::MAX;
    client.bell.clone().wake();
    assert_eq!(client.packets().len(), 196);
}

#[test]
fn what_a_client_does_not_read_is_little_of_what_is_retained() {
    const SIZE: usize = 100_000;
    let world = World::new();
    for n in 0..100 {
        world.retain(&format!("a/{n:02}"), &[0; SIZE], QoS::AtMostOnce, None);
    }
    let mut client = world.connect(5, "c", Settings::default());
    locks::lock(&client.pipe.0).room = 7;
    client.subscribe(&["a/#"], 0);
    let unsent = client.connection.as_ref().unwrap().unsent_len();
    assert!((1..2 * SIZE).contains(&unsent), "{unsent} bytes");
    locks::lock(&client.pipe.0).room = usize::MAX;
    client.bell.clone().wake();
    assert_eq!(client.topics().len(), 100);
}

#[test]
fn a_large_turn_leaves_no_large_buffer() {
    let mut scratch = Scratch::default();
    scratch.turn(|scratch| scratch.out.resize(64 << 20, 0));
    assert!(scratch.out.capacity() <= 2 << 20, "{} bytes", scratch.out.capacity());
}

#[test]
fn retained_messages_wait_once_for_each_subscription_and_end_with_it() {
    let world = World::new();
    for n in 0..40 {
        world.retain(&format!("a/{n:02}"), b"x", QoS::AtLeastOnce, None);
    }
    let mut client = world.connect(5, "c", Settings { max_inflight: 1, ..Settings::default() });
    for _ in 0..10 {
        client.subscribe(&["a/#", "a/+", "$share/g/a/#"], 1);
    }
    assert_eq!(client.topics(), ["a/00"]);
    assert_eq!(client.connection.as_ref().unwrap().waiting.as_ref().unwrap().replays.len(), 2);
    let unsubscribe = |filter| packet(0xa2, &[&[0, 1, 0], &text(filter)[..]].concat());
    client.send(&unsubscribe("$share/g/a/#"));
    client.send(&unsubscribe("a/#"));
    assert_eq!(client.connection.as_ref().unwrap().waiting.as_ref().unwrap().replays.len(), 1);
    client.send(&packet(0x40, &[0, 1]));
    assert_eq!(client.topics(), ["a/00"], "of the other subscription, which begins with it");
    client.send(&unsubscribe("a/+"));
    client.send(&packet(0x40, &[0, 2]));
    assert_eq!(client.topics(), Vec::<String>::new());
}

/// The SUBACK waits for other nodes, and the client has left meanwhile.
#[test]
fn a_subscription_that_has_ended_gets_no_retained_messages() {
    let world = World::new();
    world.retain("a", b"x", QoS::AtMostOnce, None);
    let mut client = world.connect(5, "c", Settings::default());
    client.subscribe(&["a", "b"], 0);
    assert_eq!(client.topics(), ["a"]);
    let passed = client.waits_for_others(&[("a", true), ("c", true)]);
    world.retain("c", b"x", QoS::AtMostOnce, None);
    passed.send(()).unwrap();
    client.bell.clone().wake();
    assert_eq!(client.topics(), ["a"], "it is not subscribed to the other one");
}

/// v5 [MQTT-4.4.0-1]: nothing is sent again over the same connection.
#[test]
fn only_mqtt_3_gets_messages_again_while_it_is_connected() {
    for (level, again) in [(4, true), (5, false)] {
        let world = World::new();
        let retry_interval = Some(Duration::from_secs(30));
        let settings = Settings { retry_interval, ..Settings::default() };
        let mut client = world.connect(level, "c", settings);
        client.subscribe(&["t"], 1);
        world.publish("t", QoS::AtLeastOnce);
        assert_eq!(client.topics(), ["t"]);
        let due = client.channel().deadline();
        assert_eq!(due.is_some(), again, "MQTT level {level}");
        let later = world.hub.clock.now() + Duration::from_secs(60);
        let (mut bytes, mut actions) = (Vec::new(), Vec::new());
        let channel = &mut client.connection.as_mut().unwrap().channel;
        let mut out = Out { bytes: &mut bytes, actions: &mut actions };
        channel.on_deadline(later, &mut out);
        channel.pay(later, &mut out);
        assert_eq!(!bytes.is_empty(), again, "MQTT level {level}");
    }
}

/// It would be closed in the middle of what it is sent, and again at its next connection.
#[test]
fn who_is_not_read_while_it_takes_what_is_written_is_alive() {
    let world = World::new();
    let mut client = world.accept(Settings { write_high: 100, ..Settings::default() });
    client.send(&connect(4, "c", &Asked { keep_alive: 100, ..Asked::default() }));
    client.packets();
    client.takes(10);
    client.send(&[0xc0, 0].repeat(200));
    let due = client.channel().deadline().unwrap();
    let wait = || {
        let now = world.hub.clock.now();
        while world.hub.clock.now() < now + Duration::from_millis(3) {
            std::thread::yield_now();
        }
    };
    wait();
    client.takes(0);
    assert_eq!(client.channel().deadline(), Some(due), "it takes nothing");
    client.takes(10);
    assert!(client.channel().deadline().unwrap() > due);
}

/// [MQTT-4.3.3-10]
#[test]
fn a_qos_2_message_that_comes_again_is_the_same_however_late() {
    let world = World::new();
    let await_rel_timeout = Duration::ZERO;
    let mut client = world.connect(5, "c", Settings { await_rel_timeout, ..Settings::default() });
    client.subscribe(&["t"], 0);
    for first in [0x34, 0x3c, 0x3c] {
        client.publish(first, "t", Some(5));
    }
    assert_eq!(client.topics(), ["t"]);
    client.send(&packet(0x62, &[0, 5]));
    client.publish(0x34, "t", Some(5));
    assert_eq!(client.topics(), ["t"]);
}

/// v5 [MQTT-3.8.3-3], as in EMQX; Mosquitto forgets whose a message was once it is retained.
#[test]
fn no_local_holds_for_retained_messages_too() {
    let world = World::new();
    let [mut one, mut two] = ["1", "2"].map(|id| world.connect(5, id, Settings::default()));
    one.publish(0x31, "t/1", None);
    two.publish(0x31, "t/2", None);
    one.subscribe(&["t/+"], 0x04);
    two.subscribe(&["t/+"], 0x00);
    assert_eq!(
        (one.topics(), two.topics()),
        (vec!["t/2".into()], vec!["t/1".into(), "t/2".into()])
    );
}

#[test]
fn who_waits_for_a_session_that_does_not_come_is_told_so() {
    let world = World::new();
    let (id, mailbox) =
        (crate::broker::ClientId::new("c"), Arc::new(Mailbox::new(&Settings::default())));
    // Whoever has it does not answer.
    world.hub.registry.inherit(&id, &mailbox, 1);
    let mut client = world.accept(Settings::default());
    let name = [&[0, 4][..], b"MQTT", &[4, 0, 0, 0]].concat();
    client.send(&packet(0x10, &[&name[..], &text("c")].concat()));
    assert_eq!(client.packets(), []);
    let due = client.channel().deadline().unwrap();
    let (mut bytes, mut actions) = (Vec::new(), Vec::new());
    let mut out = Out { bytes: &mut bytes, actions: &mut actions };
    client.connection.as_mut().unwrap().channel.on_deadline(due, &mut out);
    assert_eq!(bytes, [0x20, 2, 0, 3]);
}

#[test]
fn what_a_client_is_owed_goes_out_piece_by_piece_and_before_what_is_new() {
    const COUNT: usize = 40;
    let world = World::new();
    let mut client = world.connect(5, "c", Settings::default());
    client.subscribe(&["t"], 1);
    client.packets();
    let meta = Meta { qos: QoS::AtLeastOnce, retain: false, expires_at: None, publisher: 0 };
    let publish = |first: u8| {
        let payload = [&[first][..], &vec![7; 50_000]].concat();
        world.hub.publish_now(&Message::new("t", &[], &payload, meta));
    };
    (0..u8::try_from(COUNT).unwrap()).for_each(publish);
    assert_eq!(client.topics().len(), 32, "the window");
    client.send(&[0xe0, 0]);
    assert!(client.connection.is_none());
    let mut client = world.accept(Settings::default());
    locks::lock(&client.pipe.0).room = 0;
    let name = [&[0, 4][..], b"MQTT", &[5, 0, 0, 0, 5, 17, 0, 0, 0, 100]].concat();
    client.send(&packet(0x10, &[&name[..], &text("c")].concat()));
    let unsent = client.connection.as_ref().unwrap().unsent_len();
    assert!(unsent < 200_000, "{unsent} bytes wait for a client that takes none");
    locks::lock(&client.pipe.0).room = usize::MAX;
    client.bell.clone().wake();
    let mut seen = Vec::new();
    for (first, body) in client.packets() {
        if first >> 4 == 3 {
            seen.push(body[6]);
            client.send(&packet(0x40, &body[3..5]));
        }
    }
    seen.extend(client.packets().iter().filter(|(first, _)| first >> 4 == 3).map(|(_, b)| b[6]));
    assert_eq!(seen, (0..u8::try_from(COUNT).unwrap()).collect::<Vec<_>>());
}
