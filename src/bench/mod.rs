//! The load client behind `emqx-rs-bench`: many connections from one process, counted and timed from the user's side.
//!
//! A run goes through [`Phase`]s: subscribers connect, then publishers, then all start; publishers finish, what is under way
//! arrives, all stop. A `run` proves what it measures: each message carries publisher, number and time, and each subscriber
//! checks that none is lost, repeated or out of order.

pub mod client;
pub mod histogram;
pub mod order;
mod roles;

use std::{
    collections::BTreeMap,
    sync::Arc,
    sync::{
        Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    time::Duration,
};

use serde::Serialize;
use tokio::{
    sync::{Notify, mpsc, watch},
    task::JoinHandle,
    time::interval,
};

use self::{
    client::ClientError,
    histogram::Histogram,
    roles::{Orders, Ready},
};
use crate::{
    mqtt::{QoS, Version},
    net::{clock::Clock, supervise},
    topic::{TopicFilter, TopicName},
};

/// How long nothing must arrive before what is missing counts as lost.
const SETTLE: Duration = Duration::from_secs(3);
/// Different error texts that are kept.
const ERROR_KINDS: usize = 16;

/// Where clients connect to and as whom.
#[derive(Debug, Clone)]
pub struct Target {
    /// Taken in turn; each may have its own `:port`.
    pub hosts: Vec<String>,
    /// For hosts without one.
    pub port: u16,
    /// Of the protocol.
    pub version: Version,
    /// Clean start, or clean session.
    pub clean: bool,
    /// Seconds; 0 = off.
    pub keep_alive: u16,
    /// For CONNECT.
    pub username: Option<String>,
    /// For CONNECT.
    pub password: Option<String>,
    /// First part of the client ids.
    pub prefix: String,
    /// Number of the first client.
    pub start_number: u32,
}

impl Target {
    fn address(&self, number: u32) -> String {
        let turn = number as usize % self.hosts.len().max(1);
        let host = self.hosts.get(turn).map_or("localhost", String::as_str);
        let own_port =
            host.contains("]:") || host.bytes().filter(|byte| *byte == b':').count() == 1;
        match (own_port, host.contains(':') && !host.starts_with('[')) {
            (true, _) => host.to_owned(),
            (false, true) => format!("[{host}]:{}", self.port),
            (false, false) => format!("{host}:{}", self.port),
        }
    }

    fn client_id(&self, role: &str, number: u32) -> String {
        format!("{}-{role}-{number}", self.prefix)
    }

    /// `%i`, `%c` and `%u` become number, client id and user name.
    fn fill_in(&self, pattern: &str, role: &str, number: u32) -> String {
        let number = self.start_number + number;
        pattern
            .replace("%i", &number.to_string())
            .replace("%c", &self.client_id(role, number))
            .replace("%u", self.username.as_deref().unwrap_or_default())
    }

    const fn ping_every(&self) -> Duration {
        Duration::from_millis(self.keep_alive as u64 * 500)
    }
}

/// What publishers do.
#[derive(Debug, Clone)]
pub struct Publishing {
    /// May have `%i`, `%c`, `%u`.
    pub topic: String,
    /// Of each message.
    pub qos: QoS,
    /// Of each message.
    pub retain: bool,
    /// Bytes of a payload.
    pub size: usize,
    /// A payload of one's own; not in a run with subscribers, where messages carry their number.
    pub message: Option<Vec<u8>>,
    /// From one message of a client to its next; zero = as fast as it goes.
    pub every: Duration,
    /// Messages of each client.
    pub limit: Option<u64>,
    /// Messages of each client that wait for their acknowledgement, at most.
    pub inflight: u16,
    /// Messages of each client that wait to arrive at all its subscribers of this run, at most.
    pub window: Option<u64>,
}

/// What subscribers do.
#[derive(Debug, Clone)]
pub struct Subscribing {
    /// How many there are.
    pub count: u32,
    /// May have `%i`, `%c`, `%u`.
    pub filter: String,
    /// Asked for.
    pub qos: QoS,
    /// Where they connect to, if not where the publishers do.
    pub target: Option<Target>,
}

/// A whole run. With neither publishers nor subscribers, clients only connect.
#[derive(Debug, Clone)]
pub struct Plan {
    /// Where to.
    pub target: Target,
    /// Publishers, or clients that only connect.
    pub count: u32,
    /// From one connection to the next; zero = all at once.
    pub connect_every: Duration,
    /// When to end, counted from the moment all are connected; `None` = when told, or when the limit is reached.
    pub duration: Option<Duration>,
    /// `pub` and `run`.
    pub publishing: Option<Publishing>,
    /// `sub` and `run`.
    pub subscribing: Option<Subscribing>,
}

/// How far a run is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Phase {
    /// Clients connect.
    Connect,
    /// Publishers publish.
    Go,
    /// Publishers end.
    Finish,
    /// All end.
    Stop,
}

/// Counters of a run.
#[derive(Debug, Default)]
struct Counts {
    connected: AtomicU64,
    failed: AtomicU64,
    sent: AtomicU64,
    acked: AtomicU64,
    received: AtomicU64,
    refused: AtomicU64,
}

/// One publisher as its subscribers see it.
#[derive(Debug, Default)]
struct Flow {
    sent: AtomicU64,
    /// Deliveries, all subscribers together.
    arrived: AtomicU64,
    /// Subscribers whose filter matches its topic.
    audience: AtomicU64,
    bell: Notify,
}

/// What all clients of a run share.
#[derive(Debug)]
struct Shared {
    target: Target,
    subscriber_target: Target,
    publishing: Option<Publishing>,
    subscribing: Option<Subscribing>,
    clock: Clock,
    /// Tells the messages of this run from those of others.
    run_id: u64,
    phase: watch::Sender<Phase>,
    counts: Counts,
    /// One for each publisher when there are subscribers too.
    flows: Vec<Flow>,
    latency: Mutex<Histogram>,
    connect_times: Mutex<Histogram>,
    errors: Mutex<BTreeMap<String, u64>>,
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Shared {
    fn flow(&self, publisher: u32) -> Option<&Flow> {
        self.flows.get(publisher as usize)
    }

    fn latencies(&self, times: impl Iterator<Item = u64>) {
        let mut latency = locked(&self.latency);
        times.for_each(|time| latency.record(time));
    }

    fn connects(&self, took: u64) {
        self.counts.connected.fetch_add(1, Relaxed);
        locked(&self.connect_times).record(took);
    }

    fn refused(&self, count: u64) {
        self.counts.refused.fetch_add(count, Relaxed);
    }

    /// A client is done; an error is counted by its text.
    fn ended(&self, result: Result<(), ClientError>) {
        let Err(error) = result else { return };
        self.counts.failed.fetch_add(1, Relaxed);
        let mut errors = locked(&self.errors);
        let text = error.to_string();
        let text = if errors.len() < ERROR_KINDS || errors.contains_key(&text) {
            text
        } else {
            "other".to_owned()
        };
        *errors.entry(text).or_default() += 1;
    }

    fn snapshot(&self, seconds: f64) -> Progress {
        Progress {
            seconds,
            connected: self.counts.connected.load(Relaxed),
            failed: self.counts.failed.load(Relaxed),
            sent: self.counts.sent.load(Relaxed),
            acked: self.counts.acked.load(Relaxed),
            received: self.counts.received.load(Relaxed),
        }
    }

    /// Messages that subscribers should have got by now.
    fn expected(&self) -> u64 {
        let of = |flow: &Flow| flow.sent.load(Relaxed) * flow.audience.load(Relaxed);
        self.flows.iter().map(of).sum()
    }
}

/// Where a run stands: told once a second.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct Progress {
    /// Since the start.
    pub seconds: f64,
    /// Clients that got their CONNACK.
    pub connected: u64,
    /// Clients that did not, or ended with an error.
    pub failed: u64,
    /// PUBLISH packets written.
    pub sent: u64,
    /// Of these acknowledged, with QoS 1 and 2.
    pub acked: u64,
    /// PUBLISH packets received.
    pub received: u64,
}

/// Percentiles, in microseconds.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct Times {
    /// Half of all took no longer.
    pub p50: u64,
    /// 99 % took no longer.
    pub p99: u64,
    /// 99.9 % took no longer.
    pub p999: u64,
    /// The longest.
    pub max: u64,
}

impl Times {
    fn of(times: &Histogram) -> Option<Self> {
        (times.count() > 0).then(|| Self {
            p50: times.percentile(0.5),
            p99: times.percentile(0.99),
            p999: times.percentile(0.999),
            max: times.max(),
        })
    }
}

/// What a run found.
#[derive(Debug, Clone, Serialize)]
pub struct Report {
    /// Totals; seconds from the moment all were connected until the publishers were done.
    #[serde(flatten)]
    pub total: Progress,
    /// PUBLISH packets acknowledged with an error.
    pub refused: u64,
    /// Deliveries that were due; none but in a run with publishers and subscribers.
    pub expected: Option<u64>,
    /// Deliveries that never came.
    pub lost: Option<u64>,
    /// Deliveries that came twice.
    pub repeated: Option<u64>,
    /// Deliveries that came after a later message of the same publisher.
    pub out_of_order: Option<u64>,
    /// From CONNECT, with the TCP connection before it, to CONNACK.
    pub connect_us: Option<Times>,
    /// From publish to delivery; in `pub`, from publish to acknowledgement.
    pub latency_us: Option<Times>,
    /// Why clients failed, and how many.
    pub errors: BTreeMap<String, u64>,
}

impl Report {
    /// Every client worked, and every message arrived once and in order.
    #[must_use]
    pub fn is_good(&self) -> bool {
        let faults = [self.lost, self.repeated, self.out_of_order];
        self.total.failed == 0
            && self.refused == 0
            && faults.into_iter().flatten().sum::<u64>() == 0
    }
}

/// Why a run cannot start.
#[derive(Debug, thiserror::Error)]
pub enum PlanError {
    /// The filter of the subscribers.
    #[error("{0}: a run needs a plain topic filter, without $share or $queue")]
    Filter(String),
    /// The topic of the publishers.
    #[error("{0}: not a topic name")]
    Topic(String),
}

/// Carries out `plan` until it is done or `stop` is ready; tells `progress` once a second.
///
/// # Errors
/// A topic or filter that is none. What goes wrong later stands in the report.
pub async fn run(
    plan: Plan,
    stop: impl Future<Output = ()>,
    mut progress: impl FnMut(&Progress),
) -> Result<Report, PlanError> {
    check(&plan)?;
    let shared = Arc::new(share(&plan));
    let audience = plan.subscribing.as_ref().map_or(0, |subscribing| subscribing.count);
    let crew = Crew { shared: &shared, connect_every: plan.connect_every };
    tokio::pin!(stop);
    let mut began = shared.clock.micros();
    let work = async {
        let (subscribers, up) = crew.start(audience, roles::subscriber).await;
        let others: Vec<JoinHandle<()>> = match (&plan.publishing, &plan.subscribing) {
            (Some(publishing), _) => {
                aim(&shared, publishing, &up);
                crew.start(plan.count, roles::publisher).await.0
            }
            (None, Some(_)) => Vec::new(),
            (None, None) => crew.start(plan.count, roles::idle).await.0,
        };
        (subscribers, others)
    };
    let (subscribers, others) = tokio::select! {
        crew = work => crew,
        () = &mut stop => return Ok(report(&shared, &[], began)),
        () = watched(&shared, began, &mut progress) => return Ok(report(&shared, &[], began)),
    };
    began = shared.clock.micros();
    shared.phase.send_replace(Phase::Go);
    let publishes = plan.publishing.is_some();
    tokio::select! {
        () = all_done(others, publishes) => {}
        () = at_end(plan.duration) => {}
        () = &mut stop => {}
        () = watched(&shared, began, &mut progress) => {}
    }
    shared.phase.send_replace(Phase::Finish);
    let ended = shared.clock.micros();
    tokio::select! {
        () = arrived(&shared) => {}
        () = &mut stop => {}
    }
    shared.phase.send_replace(Phase::Stop);
    let mut orders = Vec::new();
    for (number, subscriber) in (0..).zip(subscribers) {
        if let Ok(got) = subscriber.await {
            orders.push((number, got));
        }
    }
    let mut report = report(&shared, &orders, began);
    report.total.seconds = seconds(ended - began);
    Ok(report)
}

/// Refuses what no server could accept, before anything connects.
fn check(plan: &Plan) -> Result<(), PlanError> {
    if let Some(publishing) = &plan.publishing {
        let topic = plan.target.fill_in(&publishing.topic, "pub", 0);
        TopicName::parse(&topic).map_err(|_| PlanError::Topic(topic.clone()))?;
    }
    if let (Some(_), Some(subscribing)) = (&plan.publishing, &plan.subscribing) {
        let filter = plan.target.fill_in(&subscribing.filter, "sub", 0);
        if filter.starts_with('$') || TopicFilter::parse(&filter).is_err() {
            return Err(PlanError::Filter(filter));
        }
    }
    Ok(())
}

fn share(plan: &Plan) -> Shared {
    let clock = Clock::system();
    let both = plan.publishing.is_some() && plan.subscribing.is_some();
    let flows = if both { plan.count } else { 0 };
    let of_subscribers = plan.subscribing.as_ref().and_then(|plan| plan.target.clone());
    Shared {
        target: plan.target.clone(),
        subscriber_target: of_subscribers.unwrap_or_else(|| plan.target.clone()),
        publishing: plan.publishing.clone(),
        subscribing: plan.subscribing.clone(),
        clock,
        run_id: clock.wall().as_ms() << 20 | u64::from(std::process::id()) & 0xF_FFFF,
        phase: watch::Sender::new(Phase::Connect),
        counts: Counts::default(),
        flows: (0..flows).map(|_| Flow::default()).collect(),
        latency: Mutex::default(),
        connect_times: Mutex::default(),
        errors: Mutex::default(),
    }
}

/// Starts clients one after the other.
struct Crew<'a> {
    shared: &'a Arc<Shared>,
    connect_every: Duration,
}

impl Crew<'_> {
    /// Starts `count` clients and waits until each is ready or failed: their tasks, and the numbers of those that are.
    async fn start<T, F>(
        &self,
        count: u32,
        role: impl Fn(Arc<Shared>, u32, mpsc::Sender<Ready>) -> F,
    ) -> (Vec<JoinHandle<T>>, Vec<u32>)
    where
        T: Send + 'static,
        F: Future<Output = T> + Send + 'static,
    {
        let (sender, mut ready) = mpsc::channel(64);
        let mut tasks = Vec::new();
        let mut up = Vec::new();
        let start = async {
            let mut ticks = (!self.connect_every.is_zero()).then(|| interval(self.connect_every));
            for number in 0..count {
                if let Some(ticks) = &mut ticks {
                    ticks.tick().await;
                }
                let task = role(Arc::clone(self.shared), number, sender.clone());
                tasks.push(supervise::spawn("bench client", task));
            }
            drop(sender);
        };
        let gather = async {
            for _ in 0..count {
                match ready.recv().await {
                    Some(Ready { number, ok: true }) => up.push(number),
                    Some(_) => {}
                    None => break,
                }
            }
        };
        tokio::join!(start, gather);
        (tasks, up)
    }
}

/// Tells each publisher how many subscribers of this run its messages go to.
fn aim(shared: &Shared, publishing: &Publishing, subscribers: &[u32]) {
    let Some(subscribing) = &shared.subscribing else { return };
    let filters: Vec<TopicFilter> = subscribers
        .iter()
        .map(|number| shared.subscriber_target.fill_in(&subscribing.filter, "sub", *number))
        .filter_map(|filter| TopicFilter::parse(&filter).ok())
        .collect();
    for (number, flow) in (0..).zip(&shared.flows) {
        let topic = shared.target.fill_in(&publishing.topic, "pub", number);
        let Ok(topic) = TopicName::parse(&topic) else { continue };
        let audience = filters.iter().filter(|filter| filter.matches(topic)).count();
        flow.audience.store(audience as u64, Relaxed);
    }
}

/// Ready when all publishers are; clients that only connect have no end of their own.
async fn all_done(tasks: Vec<JoinHandle<()>>, publishes: bool) {
    for task in tasks {
        // A task that panicked was logged; its messages are missing.
        let _ = task.await;
    }
    if !publishes {
        std::future::pending::<()>().await;
    }
}

async fn at_end(duration: Option<Duration>) {
    match duration {
        Some(duration) => tokio::time::sleep(duration).await,
        None => std::future::pending().await,
    }
}

/// Tells `progress` once a second; never ready.
async fn watched(shared: &Shared, began: u64, progress: &mut impl FnMut(&Progress)) {
    let mut ticks = interval(Duration::from_secs(1));
    ticks.tick().await;
    loop {
        ticks.tick().await;
        progress(&shared.snapshot(seconds(shared.clock.micros() - began)));
    }
}

/// Ready when all that was sent has arrived, or nothing arrived for a while.
async fn arrived(shared: &Shared) {
    let mut ticks = interval(Duration::from_millis(20));
    let (mut before, mut since) = (0, shared.clock.micros());
    loop {
        ticks.tick().await;
        let got = shared.counts.received.load(Relaxed) + shared.counts.acked.load(Relaxed);
        let acked = shared.publishing.as_ref().is_none_or(|plan| {
            plan.qos == QoS::AtMostOnce
                || shared.counts.acked.load(Relaxed) >= shared.counts.sent.load(Relaxed)
        });
        if shared.flows.is_empty() && acked {
            return;
        }
        if acked && shared.counts.received.load(Relaxed) >= shared.expected() {
            return;
        }
        if got != before {
            (before, since) = (got, shared.clock.micros());
        } else if Duration::from_micros(shared.clock.micros() - since) > SETTLE {
            return;
        }
    }
}

fn report(shared: &Shared, orders: &[(u32, Orders)], began: u64) -> Report {
    let counted = !shared.flows.is_empty();
    let of = |what: fn(&order::Order) -> u64| -> Option<u64> {
        counted.then(|| orders.iter().flat_map(|(_, got)| got.values()).map(what).sum())
    };
    Report {
        total: shared.snapshot(seconds(shared.clock.micros() - began)),
        refused: shared.counts.refused.load(Relaxed),
        expected: counted.then(|| shared.expected()),
        lost: counted.then(|| lost(shared, orders)),
        repeated: of(|order| order.repeated),
        out_of_order: of(|order| order.late),
        connect_us: Times::of(&locked(&shared.connect_times)),
        latency_us: Times::of(&locked(&shared.latency)),
        errors: locked(&shared.errors).clone(),
    }
}

/// Messages of every publisher that a subscriber with a matching filter never got.
fn lost(shared: &Shared, orders: &[(u32, Orders)]) -> u64 {
    let (Some(publishing), Some(subscribing)) = (&shared.publishing, &shared.subscribing) else {
        return 0;
    };
    let none = order::Order::default();
    let mut lost = 0;
    for (subscriber, got) in orders {
        let filter = shared.subscriber_target.fill_in(&subscribing.filter, "sub", *subscriber);
        let Ok(filter) = TopicFilter::parse(&filter) else { continue };
        for (number, flow) in (0..).zip(&shared.flows) {
            let topic = shared.target.fill_in(&publishing.topic, "pub", number);
            let wanted = TopicName::parse(&topic).is_ok_and(|topic| filter.matches(topic));
            if wanted {
                lost += got.get(&number).unwrap_or(&none).lost(flow.sent.load(Relaxed));
            }
        }
    }
    lost
}

fn seconds(micros: u64) -> f64 {
    Duration::from_micros(micros).as_secs_f64()
}
