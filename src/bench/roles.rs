//! What a load client does once it is connected: nothing, subscribe, or publish.
//!
//! Each is one task. It says on a channel when it is ready (or that it never will be), waits for [`Phase::Go`], works, and
//! hands back what it counted.

use std::{
    collections::{BTreeMap, VecDeque},
    sync::{Arc, atomic::Ordering::Relaxed},
    time::Duration,
};

use tokio::{
    sync::{mpsc, watch},
    time::{Interval, MissedTickBehavior, interval, timeout},
};

use super::{
    Flow, Phase, Publishing, Shared,
    client::{Client, ClientError, Event},
    order::Order,
};
use crate::mqtt::QoS;

/// Messages under way that do not move for so long are lost.
const STALL: Duration = Duration::from_secs(10);
/// Output bytes after which a batch is written.
const BATCH_BYTES: usize = 64 << 10;

/// What each subscriber got, by the number of the publisher.
pub(super) type Orders = BTreeMap<u32, Order>;

/// A client is connected (and subscribed), or will not be.
pub(super) struct Ready {
    /// Its number among those of its role.
    pub(super) number: u32,
    /// It works.
    pub(super) ok: bool,
}

/// Reports once, also when the task ends early.
struct Reporter {
    number: u32,
    channel: Option<mpsc::Sender<Ready>>,
}

impl Reporter {
    async fn say(&mut self, ok: bool) {
        if let Some(channel) = self.channel.take() {
            // The other end is gone only when the run is over.
            let _ = channel.send(Ready { number: self.number, ok }).await;
        }
    }
}

/// Ticks every `period`, the first time after one; never when it is zero.
async fn every(period: Duration) -> Interval {
    let never = Duration::from_secs(1 << 30);
    let mut ticks = interval(if period.is_zero() { never } else { period });
    ticks.set_missed_tick_behavior(MissedTickBehavior::Burst);
    ticks.tick().await;
    ticks
}

/// Waits until the phase is at least `wanted`.
async fn reach(phase: &mut watch::Receiver<Phase>, wanted: Phase) {
    // An error means that the run is over.
    let _ = phase.wait_for(|phase| *phase >= wanted).await;
}

async fn connect(shared: &Shared, role: &str, number: u32) -> Result<Client, ClientError> {
    let target = if role == "sub" { &shared.subscriber_target } else { &shared.target };
    let number = target.start_number + number;
    let began = shared.clock.micros();
    let client = Client::connect(target, number, &target.client_id(role, number)).await?;
    shared.connects(shared.clock.micros() - began);
    Ok(client)
}

/// A client that only stays connected.
pub(super) async fn idle(shared: Arc<Shared>, number: u32, ready: mpsc::Sender<Ready>) {
    let mut ready = Reporter { number, channel: Some(ready) };
    let ended = stay(&shared, number, &mut ready).await;
    shared.ended(ended);
    ready.say(false).await;
}

async fn stay(shared: &Shared, number: u32, ready: &mut Reporter) -> Result<(), ClientError> {
    let mut client = connect(shared, "conn", number).await?;
    ready.say(true).await;
    let mut phase = shared.phase.subscribe();
    let mut pings = every(shared.target.ping_every()).await;
    loop {
        tokio::select! {
            () = reach(&mut phase, Phase::Stop) => break,
            received = client.receive() => received?,
            _ = pings.tick() => client.ping(),
        }
        client.handle(|_| {})?;
        client.flush().await?;
    }
    client.disconnect().await;
    Ok(())
}

/// A client that subscribes and counts. Returns what it got.
pub(super) async fn subscriber(
    shared: Arc<Shared>,
    number: u32,
    ready: mpsc::Sender<Ready>,
) -> Orders {
    let mut ready = Reporter { number, channel: Some(ready) };
    let mut inbox = Inbox { shared: &shared, orders: Orders::new(), times: Vec::new(), count: 0 };
    let ended = listen(&shared, number, &mut ready, &mut inbox).await;
    inbox.settle();
    let orders = std::mem::take(&mut inbox.orders);
    shared.ended(ended);
    ready.say(false).await;
    orders
}

/// Messages of one read, counted together.
struct Inbox<'a> {
    shared: &'a Shared,
    orders: Orders,
    times: Vec<u64>,
    count: u64,
}

impl Inbox<'_> {
    fn on_event(&mut self, event: &Event<'_>) {
        let Event::Message(message) = event else { return };
        self.count += 1;
        if self.shared.flows.is_empty() {
            return;
        }
        let Some(stamp) = Stamp::read(message.payload, self.shared.run_id) else { return };
        self.times.push(self.shared.clock.micros().saturating_sub(stamp.sent));
        self.orders.entry(stamp.publisher).or_default().on_number(stamp.number);
        if let Some(flow) = self.shared.flow(stamp.publisher) {
            flow.arrived.fetch_add(1, Relaxed);
            flow.bell.notify_one();
        }
    }

    /// Adds what was counted since the last time to the shared counters.
    fn settle(&mut self) {
        self.shared.counts.received.fetch_add(std::mem::take(&mut self.count), Relaxed);
        if !self.times.is_empty() {
            self.shared.latencies(self.times.drain(..));
        }
    }
}

async fn listen(
    shared: &Shared,
    number: u32,
    ready: &mut Reporter,
    inbox: &mut Inbox<'_>,
) -> Result<(), ClientError> {
    let Some(plan) = &shared.subscribing else { return Ok(()) };
    let mut client = connect(shared, "sub", number).await?;
    let filter = shared.subscriber_target.fill_in(&plan.filter, "sub", number);
    client.subscribe(&filter, plan.qos, |event| inbox.on_event(&event)).await?;
    ready.say(true).await;
    let mut phase = shared.phase.subscribe();
    let mut pings = every(shared.target.ping_every()).await;
    loop {
        client.handle(|event| inbox.on_event(&event))?;
        client.flush().await?;
        inbox.settle();
        tokio::select! {
            () = reach(&mut phase, Phase::Stop) => break,
            received = client.receive() => received?,
            _ = pings.tick() => client.ping(),
        }
    }
    client.disconnect().await;
    Ok(())
}

/// A client that publishes.
pub(super) async fn publisher(shared: Arc<Shared>, number: u32, ready: mpsc::Sender<Ready>) {
    let mut ready = Reporter { number, channel: Some(ready) };
    let ended = send_all(&shared, number, &mut ready).await;
    shared.ended(ended);
    ready.say(false).await;
}

async fn send_all(shared: &Shared, number: u32, ready: &mut Reporter) -> Result<(), ClientError> {
    let Some(plan) = &shared.publishing else { return Ok(()) };
    let client = connect(shared, "pub", number).await?;
    ready.say(true).await;
    let mut phase = shared.phase.subscribe();
    let mut source = Source {
        shared,
        plan,
        flow: shared.flow(number),
        topic: shared.target.fill_in(&plan.topic, "pub", number),
        inflight: u64::from(plan.inflight.min(client.receive_maximum)),
        client,
        number,
        payload: plan.message.clone().unwrap_or_else(|| vec![b'x'; plan.size]),
        sent: 0,
        due: 0,
        unacked: VecDeque::new(),
        refused: 0,
    };
    reach(&mut phase, Phase::Go).await;
    source.work(&mut phase).await?;
    source.finish().await
}

/// A publisher at work.
struct Source<'a> {
    shared: &'a Shared,
    plan: &'a Publishing,
    /// There when subscribers of this run count what arrives.
    flow: Option<&'a Flow>,
    client: Client,
    number: u32,
    topic: String,
    payload: Vec<u8>,
    inflight: u64,
    sent: u64,
    /// Messages that the clock allows so far, when it does.
    due: u64,
    /// When each message not yet acknowledged was sent, oldest first; acknowledgements keep the order.
    unacked: VecDeque<u64>,
    refused: u64,
}

impl Source<'_> {
    async fn work(&mut self, phase: &mut watch::Receiver<Phase>) -> Result<(), ClientError> {
        let mut pings = every(self.shared.target.ping_every()).await;
        let mut ticks = every(self.plan.every).await;
        self.due = 1;
        let mut stall = every(STALL).await;
        let mut arrived_before = 0;
        let bell = self.flow.map(|flow| &flow.bell);
        while self.plan.limit.is_none_or(|limit| self.sent < limit) {
            self.fill();
            self.client.flush().await?;
            let more = self.room() > 0;
            let rung = async {
                if let Some(bell) = bell {
                    bell.notified().await
                }
            };
            tokio::select! {
                biased;
                () = reach(phase, Phase::Finish) => break,
                received = self.client.receive() => { received?; self.on_input()?; }
                () = rung, if bell.is_some() => {}
                _ = ticks.tick() => self.due += 1,
                _ = pings.tick() => self.client.ping(),
                _ = stall.tick() => {
                    let arrived = self.flow.map_or(u64::MAX, |flow| flow.arrived.load(Relaxed));
                    if !more && self.plan.every.is_zero() && arrived == arrived_before {
                        return Err(ClientError::Stalled(STALL.as_secs()));
                    }
                    arrived_before = arrived;
                }
                () = tokio::task::yield_now(), if more => {}
            }
        }
        Ok(())
    }

    /// How many messages may be sent now.
    fn room(&self) -> u64 {
        let mut room = self.plan.limit.map_or(u64::MAX, |limit| limit - self.sent);
        if self.plan.qos != QoS::AtMostOnce {
            room = room.min(self.inflight.saturating_sub(self.unacked.len() as u64));
        }
        if !self.plan.every.is_zero() {
            room = room.min(self.due.saturating_sub(self.sent));
        }
        if let (Some(flow), Some(window)) = (self.flow, self.plan.window) {
            let audience = flow.audience.load(Relaxed);
            let arrived = flow.arrived.load(Relaxed).checked_div(audience).unwrap_or(self.sent);
            room = room.min((arrived + window).saturating_sub(self.sent));
        }
        room
    }

    /// Puts as many messages as there is room for, but one batch at most, into the output.
    fn fill(&mut self) {
        let mut room = self.room();
        let before = self.sent;
        while room > 0 && self.client.output.len() < BATCH_BYTES {
            let now = self.shared.clock.micros();
            if self.flow.is_some() {
                let stamp = Stamp { publisher: self.number, number: self.sent, sent: now };
                stamp.write(self.shared.run_id, self.plan.size, &mut self.payload);
            }
            self.client.publish(self.plan.qos, self.plan.retain, &self.topic, &self.payload);
            if self.plan.qos != QoS::AtMostOnce {
                self.unacked.push_back(now);
            }
            self.sent += 1;
            room -= 1;
        }
        self.shared.counts.sent.fetch_add(self.sent - before, Relaxed);
        if let Some(flow) = self.flow {
            flow.sent.store(self.sent, Relaxed);
        }
    }

    fn on_input(&mut self) -> Result<(), ClientError> {
        let Self { client, unacked, refused, shared, flow, .. } = self;
        let (now, mut acked, mut times) = (shared.clock.micros(), 0, Vec::new());
        client.handle(|event| {
            if let Event::Acknowledged(reason) = event {
                acked += 1;
                *refused += u64::from(reason.is_error());
                times.extend(unacked.pop_front().map(|sent| now.saturating_sub(sent)));
            }
        })?;
        shared.counts.acked.fetch_add(acked, Relaxed);
        // Where subscribers measure, the way to them is what counts.
        if flow.is_none() {
            shared.latencies(times.into_iter());
        }
        Ok(())
    }

    /// Waits for what is still to be acknowledged.
    async fn finish(mut self) -> Result<(), ClientError> {
        while !self.unacked.is_empty() {
            match timeout(STALL, self.client.receive()).await {
                Ok(received) => received?,
                Err(_) => return Err(ClientError::Unacknowledged(self.unacked.len())),
            }
            self.on_input()?;
            self.client.flush().await?;
        }
        self.shared.refused(self.refused);
        self.client.disconnect().await;
        Ok(())
    }
}

/// What a message of a `run` says about itself.
pub(super) struct Stamp {
    pub(super) publisher: u32,
    pub(super) number: u64,
    /// Microseconds since the start of this process.
    pub(super) sent: u64,
}

impl Stamp {
    /// Run, publisher, number, time.
    pub(super) const BYTES: usize = 8 + 4 + 8 + 8;

    /// Writes a payload of `size` bytes, or as many as the stamp needs.
    pub(super) fn write(&self, run: u64, size: usize, payload: &mut Vec<u8>) {
        payload.clear();
        payload.extend_from_slice(&run.to_be_bytes());
        payload.extend_from_slice(&self.publisher.to_be_bytes());
        payload.extend_from_slice(&self.number.to_be_bytes());
        payload.extend_from_slice(&self.sent.to_be_bytes());
        payload.resize(size.max(Self::BYTES), b'x');
    }

    /// `None` for a message of somebody else, or of another run.
    pub(super) fn read(payload: &[u8], run: u64) -> Option<Self> {
        let (their_run, rest) = payload.split_first_chunk()?;
        let (publisher, rest) = rest.split_first_chunk()?;
        let (number, rest) = rest.split_first_chunk()?;
        let (sent, _) = rest.split_first_chunk()?;
        (u64::from_be_bytes(*their_run) == run).then_some(Self {
            publisher: u32::from_be_bytes(*publisher),
            number: u64::from_be_bytes(*number),
            sent: u64::from_be_bytes(*sent),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stamp_is_read_back_in_its_run_only() {
        let mut payload = Vec::new();
        Stamp { publisher: 7, number: 8, sent: 9 }.write(1, 40, &mut payload);
        assert_eq!(payload.len(), 40);
        let read = Stamp::read(&payload, 1).unwrap();
        assert_eq!((read.publisher, read.number, read.sent), (7, 8, 9));
        assert!(Stamp::read(&payload, 2).is_none());
        assert!(Stamp::read(&payload[..Stamp::BYTES - 1], 1).is_none());
    }
}
