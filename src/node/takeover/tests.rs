//! A node whose cluster the test plays: every frame about a session, when it comes and when it does not.

use std::time::Duration;

use super::{desk::Desk, *};
use crate::{
    broker::{
        Message, RetainSettings, Settings,
        access::Access,
        message::Meta,
        mqueue::{Delivery, SubscriptionIds},
        portable::{self, Portable},
        retained::Retained,
        session::Session,
        stats::Stats,
        subscribing::Wanted,
        subscription_list::SubscriptionList,
        subscriptions::Subscriber,
    },
    cluster::wire::{Stage, TakeFrame},
    mqtt::{QoS, SubscriptionOptions},
    net::clock::Clock,
    node::{
        mailbox::{Mailbox, Signal},
        mesh::{
            Sessions,
            played::{self, Played, Said},
        },
        registry::{Handover, Opened, Parked, Taken},
    },
    time::Wall,
    topic::share::Subscription,
};

const ME: NodeId = NodeId([1; 16]);
const OTHER: NodeId = NodeId([2; 16]);
const THIRD: NodeId = NodeId([3; 16]);

struct World {
    hub: Arc<Hub>,
    desk: Desk,
    mesh: Played,
    id: ClientId,
}

impl World {
    fn new() -> Self {
        let retained = Retained::new(RetainSettings::default(), false);
        let hub = Hub::new(Clock::system(), 1, retained, Arc::default());
        let (mesh, played) = played::mesh(ME);
        assert!(hub.mesh.set(mesh).is_ok());
        let hub = Arc::new(hub);
        let desk = Desk::new(hub.clone(), tokio::runtime::Handle::current());
        Self { hub, desk, mesh: played, id: ClientId::new("c") }
    }

    /// A session under the claim of time `claim`, with subscriptions that stand.
    fn session(&self, claim: u64, filters: &[&str]) -> (Box<Session>, Arc<Mailbox>) {
        let wall = Wall::from_ms(1);
        let mut session = Session::new(self.hub.session_number(), self.id.clone(), wall);
        (session.claim, session.subscriptions) = (claim, subscriptions(filters));
        let mailbox = Arc::new(Mailbox::new(&Settings::default()));
        for (to, (options, id)) in session.subscriptions.iter() {
            let subscriber = Subscriber::new(mailbox.clone(), session.number, id, options);
            self.hub.subscribe(to, subscriber);
        }
        (Box::new(session), mailbox)
    }

    /// The client has a session here, and no connection.
    fn parked(&self, claim: u64, filters: &[&str]) -> Arc<Mailbox> {
        let (session, mailbox) = self.session(claim, filters);
        let expires_at = self.hub.clock.now() + Duration::from_secs(600);
        let since = Wall::from_ms(1);
        let parked = Parked { session, identity: None, expires_at, will: None, since };
        self.hub.park(parked, &mailbox);
        mailbox
    }

    /// The client connects here; the claim it asks for waits.
    async fn connect(&mut self) -> (oneshot::Receiver<MayOpen>, u64) {
        let shared = Arc::new(Shared {
            settings: Settings::default(),
            zone: String::new(),
            port: 0,
            proxies: Vec::new(),
            access: Access::default(),
            stats: Arc::new(Stats::new(1)),
            next_assigned: Arc::default(),
        });
        let may = self.hub.open_in_cluster(&self.id, (false, None), shared);
        let Said::Claim { ticket, .. } = self.said().await else { panic!("no claim") };
        (may, ticket)
    }

    /// The client connects here, and its session is at the other node, which is asked for it.
    async fn fetch(&mut self) -> oneshot::Receiver<MayOpen> {
        let (may, ticket) = self.connect().await;
        self.desk.on_claimed(ticket, Claim { hlc: 10, node: ME }, Some(OTHER));
        self.pulled(Stage::State).await;
        may
    }

    fn client(&self) -> Arc<str> {
        self.id.shared()
    }

    fn hears(&self, frame: TakeFrame) {
        self.desk.on_take(OTHER, frame);
    }

    fn hears_piece(&self, stage: Stage, bytes: Vec<u8>) {
        let client = self.client();
        self.hears(TakeFrame::Piece { client, stage, part: 0, last: true, bytes });
    }

    fn hears_pull(&self, stage: Stage) {
        let claim = Claim { hlc: 10, node: OTHER };
        self.hears(TakeFrame::Pull { client: self.client(), claim, stage, part: 0 });
    }

    fn hears_fail(&self) {
        self.hears(TakeFrame::Fail { client: self.client(), moved: None });
    }

    /// What the node says; everything arrives and stands at once.
    async fn said(&mut self) -> Said {
        loop {
            match self.mesh.next().await {
                Said::Mark(done) | Said::Barrier(done) => drop(done.send(())),
                Said::WillOver(_) | Said::WillPublished(_) => {}
                said @ (Said::Claim { .. } | Said::Take(..) | Said::Dismiss(..)) => return said,
            }
        }
    }

    async fn frame(&mut self) -> TakeFrame {
        let said = self.said().await;
        let Said::Take(OTHER, frame) = said else { panic!("{said:?}") };
        frame
    }

    async fn pulled(&mut self, want: Stage) {
        let frame = self.frame().await;
        let right = matches!(&frame, TakeFrame::Pull { stage, part: 0, .. } if *stage == want);
        assert!(right, "{frame:?}");
    }

    /// What the node sends of a session of its own.
    async fn piece(&mut self, want: Stage) -> Vec<u8> {
        let frame = self.frame().await;
        let right = matches!(&frame, TakeFrame::Piece { stage, last: true, .. } if *stage == want);
        assert!(right, "{frame:?}");
        let TakeFrame::Piece { bytes, .. } = frame else { return Vec::new() };
        bytes
    }

    fn publish(&self, topic: &str, text: &str) {
        self.hub.publish_now(&message(topic, text));
    }

    /// What waits for the client in its session without a connection.
    fn waiting(&self) -> Vec<String> {
        match self.hub.registry.take(&self.id, false) {
            Some((Taken::Parked(_), mailbox)) => texts(&mailbox),
            taken => panic!("{taken:?}"),
        }
    }

    fn in_line(&self) -> usize {
        let lines = locks::lock(&self.hub.takeovers.lines);
        lines.get(&self.id).map_or(0, |line| line.waiters.len())
    }
}

fn subscriptions(filters: &[&str]) -> SubscriptionList {
    let mut list = SubscriptionList::default();
    let options = SubscriptionOptions { qos: QoS::ExactlyOnce, ..Default::default() };
    for filter in filters {
        list.insert(Subscription::parse(filter).unwrap(), (options, 0));
    }
    list
}

fn message(topic: &str, text: &str) -> Message {
    let meta = Meta { qos: QoS::ExactlyOnce, retain: false, expires_at: None, publisher: 0 };
    Message::new(topic, &[], text.as_bytes(), meta)
}

/// The text is its number in the cluster.
fn numbered(number: u64) -> Delivery {
    Delivery {
        message: message("t", &number.to_string()).with_number(number),
        ids: SubscriptionIds::None,
        qos: QoS::ExactlyOnce,
        retain: false,
        group: 0,
    }
}

fn texts(mailbox: &Mailbox) -> Vec<String> {
    texts_of(&mailbox.since(0).0)
}

fn texts_of(queue: &[Delivery]) -> Vec<String> {
    let text = |one: &Delivery| String::from_utf8(one.message.payload().to_vec()).unwrap();
    queue.iter().map(text).collect()
}

/// A session at the other node, with these messages waiting.
fn state(filters: &[&str], numbers: &[u64]) -> Vec<u8> {
    let state = Portable {
        expiry: Duration::from_secs(600),
        subscriptions: subscriptions(filters),
        queue: numbers.iter().map(|number| numbered(*number)).collect(),
        ..Portable::default()
    };
    state.encode(Clock::system().now())
}

fn rest(numbers: &[u64]) -> Vec<u8> {
    let queue: Vec<_> = numbers.iter().map(|number| numbered(*number)).collect();
    portable::encode_queue(&queue, Clock::system().now())
}

async fn until(what: &str, done: impl Fn() -> bool) {
    let look = async {
        while !done() {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    };
    assert!(timeout(Duration::from_secs(10), look).await.is_ok(), "{what}");
}

#[tokio::test]
async fn a_session_whose_rest_does_not_come_is_not_done() {
    let mut world = World::new();
    let may = world.fetch().await;
    world.hears_piece(Stage::State, state(&["t"], &[1, 2]));
    world.pulled(Stage::Rest).await;
    world.hears_fail();
    let told = world.frame().await;
    assert!(matches!(told, TakeFrame::Fail { .. }), "the other node keeps the rest: {told:?}");
    assert!(may.await.is_ok());
    assert_eq!(world.waiting(), ["1", "2"]);
}

#[tokio::test]
async fn what_the_other_node_has_already_is_not_kept_for_it() {
    let mut world = World::new();
    world.parked(5, &["t"]);
    world.publish("t", "in its state");
    world.hears_pull(Stage::State);
    world.piece(Stage::State).await;
    world.publish("t", "in the rest");
    world.hears_pull(Stage::Rest);
    world.piece(Stage::Rest).await;
    world.hears_fail();
    let hub = world.hub.clone();
    let back = move || hub.registry.claim_of(&ClientId::new("c")) == Some((5, false));
    until("it is back in its place", back).await;
    assert_eq!(world.waiting(), ["in the rest"]);
}

/// The other node goes by the first answer.
#[tokio::test]
async fn what_comes_before_the_state_is_asked_for_again_is_in_the_rest() {
    let mut world = World::new();
    world.parked(5, &["t"]);
    world.publish("t", "in the state");
    world.hears_pull(Stage::State);
    let first = world.piece(Stage::State).await;
    world.publish("t", "in between");
    world.hears_pull(Stage::State);
    let again = world.piece(Stage::State).await;
    world.publish("t", "later");
    world.hears_pull(Stage::Rest);
    let rest = world.piece(Stage::Rest).await;
    let now = Clock::system().now();
    let state = Portable::decode(&first, now).unwrap();
    assert_eq!(texts_of(&state.queue), ["in the state"]);
    let rest = portable::decode_queue(&rest, now).unwrap();
    assert_eq!(texts_of(&rest), ["in between", "later"]);
    assert_eq!(first, again, "or pieces of two would be put together");
}

/// A piece of what was made for the one would be put behind a piece of what was made for the other.
#[tokio::test]
async fn of_two_nodes_that_ask_each_gets_what_was_made_for_it() {
    let mut world = World::new();
    world.parked(5, &["t"]);
    world.hears_pull(Stage::State);
    world.piece(Stage::State).await;
    let (client, claim) = (world.client(), Claim { hlc: 11, node: THIRD });
    let pull = |part| TakeFrame::Pull { client: client.clone(), claim, stage: Stage::State, part };
    world.desk.on_take(THIRD, pull(1));
    world.publish("t", "in between");
    world.desk.on_take(THIRD, pull(0));
    let said = world.said().await;
    let Said::Take(THIRD, TakeFrame::Piece { part: 0, bytes, .. }) = said else {
        panic!("{said:?}")
    };
    assert_eq!(Portable::decode(&bytes, Clock::system().now()).unwrap().queue.len(), 1);
}

#[tokio::test]
async fn what_comes_to_the_own_session_meanwhile_is_kept() {
    let mut world = World::new();
    world.parked(5, &["mine"]);
    world.publish("mine", "before");
    let may = world.fetch().await;
    world.hears_piece(Stage::State, state(&["t"], &[1]));
    let Said::Mark(mark) = world.mesh.next().await else { panic!("no mark") };
    world.publish("mine", "before the new one stands");
    let _ = mark.send(());
    let Said::Barrier(barrier) = world.mesh.next().await else { panic!("no barrier") };
    world.publish("mine", "to both");
    let _ = barrier.send(());
    world.pulled(Stage::Rest).await;
    world.publish("mine", "to the new one");
    world.hears_piece(Stage::Rest, rest(&[2]));
    assert!(matches!(world.frame().await, TakeFrame::Done { .. }));
    assert!(may.await.is_ok());
    let want = ["before", "1", "2", "before the new one stands", "to both", "to the new one"];
    assert_eq!(world.waiting(), want);
}

#[tokio::test]
async fn who_opens_beside_a_fetch_is_answered() {
    let mut world = World::new();
    world.parked(5, &[]);
    let may = world.fetch().await;
    world.hears_piece(Stage::State, state(&["t"], &[]));
    world.pulled(Stage::Rest).await;
    let beside = Arc::new(Mailbox::new(&Settings::default()));
    let opened = world.hub.registry.open(&world.id, (false, None), &beside, 11);
    let Opened::Wait(answer, _) = opened else { panic!("{opened:?}") };
    world.hears_piece(Stage::Rest, rest(&[]));
    assert!(matches!(world.frame().await, TakeFrame::Done { .. }));
    assert!(may.await.is_ok());
    let answer = timeout(Duration::from_secs(5), answer).await;
    assert!(matches!(answer, Ok(Ok(Handover::Again))), "{answer:?}");
}

/// It had no turn for longer than the other node is waited for.
#[tokio::test]
async fn a_session_that_was_not_fetched_to_its_end_is_offered() {
    let mut world = World::new();
    world.parked(5, &["t"]);
    world.hears_pull(Stage::State);
    world.piece(Stage::State).await;
    world.desk.on_kick(&world.client(), Claim { hlc: 10, node: OTHER }, false);
    let hub = world.hub.clone();
    let waits = move || {
        let lines = locks::lock(&hub.takeovers.lines);
        lines.get(&ClientId::new("c")).is_some_and(|line| line.waiters.len() == 1)
    };
    until("it waits behind the one who gives", waits).await;
    world.hears_pull(Stage::Rest);
    world.piece(Stage::Rest).await;
    let offered = world.frame().await;
    assert!(matches!(offered, TakeFrame::Offer { adopt: false, .. }), "{offered:?}");
}

#[tokio::test]
async fn two_nodes_that_open_one_client_do_not_wait_for_each_other() {
    let mut world = World::new();
    let (may, ticket) = world.connect().await;
    world.desk.on_take(
        OTHER,
        TakeFrame::Pull {
            client: world.client(),
            claim: Claim { hlc: 9, node: OTHER },
            stage: Stage::State,
            part: 0,
        },
    );
    until("it waits for the turn", || world.in_line() == 1).await;
    world.desk.on_claimed(ticket, Claim { hlc: 10, node: ME }, None);
    let told = timeout(Duration::from_secs(2), world.frame()).await;
    assert!(matches!(told, Ok(TakeFrame::Fail { .. })), "{told:?}");
    drop(may.await);
}

#[tokio::test]
async fn who_is_kicked_on_the_way_is_ended_when_it_is_back() {
    let mut world = World::new();
    world.parked(5, &["t"]);
    world.hears_pull(Stage::State);
    world.piece(Stage::State).await;
    assert!(world.hub.kick(&world.id), "it is said to be done");
    world.hears_fail();
    let hub = world.hub.clone();
    until("it is done", || hub.registry.claim_of(&ClientId::new("c")).is_none()).await;
    assert!(hub.own_routes().is_empty());
}

/// The route of a filter may be on its way for somebody who subscribed a moment ago.
#[tokio::test]
async fn a_session_waits_for_routes_that_another_has_announced() {
    let mut world = World::new();
    world.session(1, &["t"]);
    let _may = world.fetch().await;
    world.hears_piece(Stage::State, state(&["t"], &[]));
    let Said::Mark(mark) = world.mesh.next().await else { panic!("no mark") };
    let _ = mark.send(());
    let said = world.mesh.next().await;
    assert!(matches!(said, Said::Barrier(_)), "{said:?}");
}

#[tokio::test]
async fn a_session_that_ends_with_its_connection_is_not_offered() {
    let world = World::new();
    let (session, mailbox) = world.session(5, &["t"]);
    let opened = world.hub.registry.open(&world.id, (true, None), &mailbox, 5);
    assert!(matches!(opened, Opened::Fresh(None)));
    world.desk.on_kick(&world.client(), Claim { hlc: 10, node: OTHER }, false);
    let mut signals = Vec::new();
    while signals.is_empty() {
        signals = mailbox.signals();
        tokio::task::yield_now().await;
    }
    let Some(Signal::TakeOver { reply, .. }) = signals.pop() else { panic!("{signals:?}") };
    assert!(reply.send(Handover::Session(session, Duration::ZERO, None)).is_ok());
    let hub = world.hub.clone();
    until("it has ended", || hub.registry.claim_of(&ClientId::new("c")).is_none()).await;
    assert!(hub.own_routes().is_empty());
}

/// The other node sees whose session it is; if it is another user's, it ends there, and the will goes out.
#[tokio::test]
async fn a_will_that_waits_for_its_delay_goes_with_a_session_that_is_taken() {
    let mut world = World::new();
    let (session, mailbox) = world.session(5, &["t"]);
    let _ = world.hub.registry.open(&world.id, (false, None), &mailbox, 5);
    world.hears_pull(Stage::State);
    let mut signals = Vec::new();
    while signals.is_empty() {
        signals = mailbox.signals();
        tokio::task::yield_now().await;
    }
    let Some(Signal::TakeOver { reply, .. }) = signals.pop() else { panic!("{signals:?}") };
    let will = Will::of_parts(message("gone", "x"), None, Duration::from_secs(50));
    let (life, will) = (Duration::from_secs(600), Some(Box::new(will)));
    assert!(reply.send(Handover::Session(session, life, will)).is_ok());
    let frame = world.frame().await;
    let TakeFrame::Piece { bytes, .. } = frame else { panic!("{frame:?}") };
    let (will, delay) = Portable::decode(&bytes, Clock::system().now()).unwrap().will.unwrap();
    assert_eq!((will.topic(), delay <= Duration::from_secs(50)), ("gone", true));
    world.hears_fail();
    let hub = world.hub.clone();
    let back = move || hub.registry.claim_of(&ClientId::new("c")) == Some((5, false));
    until("it is back in its place", back).await;
    let taken = world.hub.registry.take(&world.id, false);
    assert!(matches!(taken, Some((Taken::Parked(parked), _)) if parked.will.is_some()));
}

#[tokio::test]
async fn a_session_that_began_clean_takes_nothing_of_an_older_one() {
    let mut world = World::new();
    for live in [true, false] {
        let (session, mailbox) = world.session(20, &["t"]);
        drop(mailbox);
        let mailbox = Mailbox::new(&Settings::default()).clean(20);
        let mailbox = Arc::new(mailbox);
        let _ = world.hub.registry.open(&world.id, (true, None), &mailbox, 20);
        if !live {
            let expires_at = world.hub.clock.now() + Duration::from_secs(600);
            let since = Wall::from_ms(1);
            let parked = Parked { session, identity: None, expires_at, will: None, since };
            world.hub.park(parked, &mailbox);
        }
        let claim = Claim { hlc: 10, node: OTHER };
        world.hears(TakeFrame::Offer { client: world.client(), claim, adopt: false });
        let said = world.said().await;
        let winner = Claim { hlc: 20, node: ME };
        assert!(matches!(said, Said::Dismiss(OTHER, claim) if claim == winner), "{said:?}");
    }
    // The client was at the other node since, and is back.
    world.hub.registry.raise_claim(&world.id, 40);
    let claim = Claim { hlc: 30, node: OTHER };
    world.hears(TakeFrame::Offer { client: world.client(), claim, adopt: false });
    world.pulled(Stage::State).await;
}

#[tokio::test]
async fn who_got_in_at_once_with_clean_start_claims_so() {
    let mut world = World::new();
    for clean in [true, false] {
        world.hub.claim_later(&world.id, clean);
        let said = world.said().await;
        assert!(matches!(said, Said::Claim { clean: said, .. } if said == clean), "{said:?}");
    }
}

/// Number 7 has reached both, and the client has it from here; 9 waits here still.
#[tokio::test]
async fn what_the_client_has_of_both_sessions_does_not_come_again() {
    let mut world = World::new();
    let mailbox = Arc::new(Mailbox::new(&Settings::default()));
    let _ = world.hub.registry.open(&world.id, (false, None), &mailbox, 20);
    let now = world.hub.clock.now();
    mailbox.remember([].into_iter(), now);
    for number in [7, 9] {
        mailbox.push(numbered(number));
    }
    mailbox.take((1, usize::MAX), now, &mut Vec::new());
    let claim = Claim { hlc: 10, node: OTHER };
    world.hears(TakeFrame::Offer { client: world.client(), claim, adopt: false });
    world.pulled(Stage::State).await;
    world.hears_piece(Stage::State, state(&["t"], &[6, 7]));
    let Said::Mark(mark) = world.mesh.next().await else { panic!("no mark") };
    let _ = mark.send(());
    let mut signals = Vec::new();
    while signals.is_empty() {
        tokio::task::yield_now().await;
        signals = mailbox.signals();
    }
    let Some(Signal::Absorb(_, done)) = signals.pop() else { panic!("{signals:?}") };
    let _ = done.send(Some(Wanted::default()));
    world.pulled(Stage::Rest).await;
    world.hears_piece(Stage::Rest, rest(&[8, 9]));
    assert!(matches!(world.frame().await, TakeFrame::Done { .. }));
    assert_eq!(texts(&mailbox), ["6", "8", "9"]);
}

/// The rules here deny the filter by which the other node's session got them.
#[tokio::test]
async fn what_is_denied_here_does_not_come_with_an_older_session() {
    let mut world = World::new();
    let mailbox = Arc::new(Mailbox::new(&Settings::default()));
    let _ = world.hub.registry.open(&world.id, (false, None), &mailbox, 20);
    let claim = Claim { hlc: 10, node: OTHER };
    world.hears(TakeFrame::Offer { client: world.client(), claim, adopt: false });
    world.pulled(Stage::State).await;
    world.hears_piece(Stage::State, state(&["t", "u"], &[6]));
    let Said::Mark(mark) = world.mesh.next().await else { panic!("no mark") };
    let _ = mark.send(());
    let mut signals = Vec::new();
    while signals.is_empty() {
        tokio::task::yield_now().await;
        signals = mailbox.signals();
    }
    let Some(Signal::Absorb(_, done)) = signals.pop() else { panic!("{signals:?}") };
    let denied = Subscription::parse("t").unwrap();
    let _ = done.send(Some(Wanted::new([&denied].into_iter(), &subscriptions(&["u"]))));
    world.pulled(Stage::Rest).await;
    let allowed = Delivery { message: message("u", "u"), ..numbered(0) };
    let late = [numbered(8), allowed];
    world.hears_piece(Stage::Rest, portable::encode_queue(&late, Clock::system().now()));
    assert!(matches!(world.frame().await, TakeFrame::Done { .. }));
    assert_eq!(texts(&mailbox), ["u"]);
    assert_eq!(world.hub.stats.sum(Metric::DeliveryDropped), 2);
}

/// The one who gives hears DONE first, and the next question lies behind it.
#[tokio::test]
async fn who_asks_a_moment_too_late_is_told() {
    let mut world = World::new();
    world.parked(5, &["t"]);
    world.hears_pull(Stage::State);
    world.piece(Stage::State).await;
    world.hears(TakeFrame::Done { client: world.client() });
    world.hears_pull(Stage::State);
    let told = timeout(Duration::from_secs(2), world.frame()).await;
    assert!(matches!(told, Ok(TakeFrame::Fail { .. })), "{told:?}");
}

/// The client has gone on with the state there, and may have used its id 5 again since.
#[tokio::test]
async fn what_is_kept_for_the_other_node_has_no_unfinished_qos_2() {
    let mut world = World::new();
    world.parked(5, &["t"]);
    let Some((Taken::Parked(mut parked), mailbox)) = world.hub.registry.take(&world.id, false)
    else {
        panic!("not parked")
    };
    let id = crate::mqtt::PacketId::new(5).unwrap();
    parked.session.awaiting_rel.insert(id, world.hub.clock.now());
    world.hub.park(*parked, &mailbox);
    world.hears_pull(Stage::State);
    world.piece(Stage::State).await;
    world.hears_pull(Stage::Rest);
    world.piece(Stage::Rest).await;
    world.hears_fail();
    let hub = world.hub.clone();
    let back = move || hub.registry.claim_of(&ClientId::new("c")) == Some((5, false));
    until("it is back in its place", back).await;
    let taken = world.hub.registry.take(&world.id, false);
    let Some((Taken::Parked(parked), _)) = taken else { panic!("{taken:?}") };
    assert!(parked.session.awaiting_rel.is_empty());
}

/// Of two sessions without a connection: the client has 7 from here, and 9 reached both while they became one.
#[tokio::test]
async fn what_two_parked_sessions_both_got_comes_once() {
    let mut world = World::new();
    let mailbox = world.parked(20, &["t"]);
    let now = world.hub.clock.now();
    mailbox.remember([].into_iter(), now);
    for number in [7, 9] {
        mailbox.push(numbered(number));
    }
    mailbox.take((1, usize::MAX), now, &mut Vec::new());
    let claim = Claim { hlc: 10, node: OTHER };
    world.hears(TakeFrame::Offer { client: world.client(), claim, adopt: false });
    world.pulled(Stage::State).await;
    world.hears_piece(Stage::State, state(&["t"], &[6, 7]));
    world.pulled(Stage::Rest).await;
    world.hears_piece(Stage::Rest, rest(&[8, 9]));
    assert!(matches!(world.frame().await, TakeFrame::Done { .. }));
    let hub = world.hub.clone();
    let back = move || hub.registry.claim_of(&ClientId::new("c")) == Some((20, false));
    until("it is in its place", back).await;
    assert_eq!(world.waiting(), ["6", "9", "8"]);
}
