//! What happened lately to each client: every event that names a client or an address, down to `debug`, whatever the log writes.
//! `emqx-rs-ctl why` reads it, and traces get what is for them.
//!
//! Who was let in and who was not have memories of their own, so that strangers push no client out; in each the address with the
//! most names gives up one for a new name, so that one host does not push out the others.

use std::{
    collections::{BTreeMap, VecDeque},
    fmt::{Debug, Write},
    net::{IpAddr, SocketAddr},
    sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError},
    time::Duration,
};

use tracing::{
    Event, Level, Metadata, Subscriber,
    field::{Field, Visit},
    subscriber::Interest,
};
use tracing_subscriber::{
    filter::LevelFilter,
    layer::{Context, Filter, Layer},
    registry::LookupSpan,
};

use super::log::{level_name, level_of};
use crate::{
    broker::bans::source,
    ctl::Happened,
    net::clock::Clock,
    node::{
        sys_topics::local_time,
        traces::{Subject, Traces},
    },
    sort,
    time::{Time, Wall},
};

/// Clients that were let in.
const CLIENTS: usize = 384;
/// Others, by client id or, where they have none, by address.
const STRANGERS: usize = 128;
/// Events of each.
const EVENTS: usize = 8;
/// Bytes of the text of one.
const TEXT: usize = 300;
/// Bytes of a client id.
const NAME: usize = 256;
/// The same again within this time is counted and not written anew.
const AGAIN: Duration = Duration::from_secs(1);

/// The ring. Copies share it.
#[derive(Clone)]
pub(super) struct Recent {
    clock: Clock,
    memory: Arc<Mutex<Memory>>,
    /// Those of the node, once there is one.
    traces: Arc<OnceLock<Arc<Traces>>>,
}

#[derive(Default)]
struct Memory {
    clients: Stories,
    strangers: Stories,
}

/// Stories by client id or address.
#[derive(Default)]
struct Stories(BTreeMap<String, Story>);

struct Story {
    last: Time,
    /// Where it was last.
    from: Option<IpAddr>,
    events: VecDeque<Told>,
}

impl Stories {
    /// The story of `name`; of `most` others one is forgotten for a new one.
    fn of(&mut self, name: String, most: usize, now: Time) -> &mut Story {
        if self.0.len() >= most && !self.0.contains_key(&name) {
            self.forget_one();
        }
        let fresh = || Story { last: now, from: None, events: VecDeque::new() };
        self.0.entry(name).or_insert_with(fresh)
    }

    /// Forgets the oldest name of the address that has most names.
    fn forget_one(&mut self) {
        let mut sources: Vec<_> = self.0.values().map(|story| story.from).collect();
        sort::sort(&mut sources);
        let crowd = sources.chunk_by(|a, b| a == b).max_by_key(|same| same.len());
        let Some(crowd) = crowd.and_then(|same| same.first().copied()) else { return };
        let of_crowd = self.0.iter().filter(|(_, story)| story.from == crowd);
        let oldest = of_crowd.min_by_key(|(_, story)| story.last);
        if let Some(name) = oldest.map(|(name, _)| name.clone()) {
            self.0.remove(&name);
        }
    }
}

struct Told {
    /// File and line of the code.
    place: (&'static str, u32),
    first: Time,
    at: Wall,
    times: u64,
    level: Level,
    peer: String,
    text: String,
}

impl Recent {
    pub(super) fn new(clock: Clock) -> Self {
        Self { clock, memory: Arc::default(), traces: Arc::default() }
    }

    /// From now on traces are told what is for them.
    pub(super) fn tells(&self, traces: Arc<Traces>) {
        let _ = self.traces.set(traces);
    }

    fn lock(&self) -> MutexGuard<'_, Memory> {
        self.memory.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What happened to this client id, or at this address, with or without its port; the oldest first.
    pub(super) fn about(&self, who: &str) -> Vec<Happened> {
        let at = |peer: &str| {
            peer == who
                || peer
                    .rsplit_once(':')
                    .is_some_and(|(host, _)| host == who || host.trim_matches(['[', ']']) == who)
        };
        let memory = self.lock();
        let mut found: Vec<_> = (memory.clients.0.iter())
            .chain(&memory.strangers.0)
            .flat_map(|(name, story)| story.events.iter().map(move |told| (name, told)))
            .filter(|(name, told)| *name == who || at(&told.peer))
            .map(|(name, told)| Happened {
                at_ms: told.at.as_ms(),
                datetime: local_time(told.at),
                level: level_name(level_of(told.level)).to_owned(),
                client_id: name.clone(),
                peer: told.peer.clone(),
                what: told.text.clone(),
                times: told.times,
            })
            .collect();
        sort::sort_by_key(&mut found, |row| row.at_ms);
        found
    }

    fn take(&self, event: &Event<'_>) {
        let mut who = Who::default();
        event.record(&mut who);
        self.trace(event, &who);
        let name = if who.client_id.is_empty() { who.host() } else { &who.client_id };
        let name = short(name, NAME);
        let (now, meta) = (self.clock.now(), event.metadata());
        let place = (meta.file().unwrap_or_default(), meta.line().unwrap_or_default());
        let mut memory = self.lock();
        let story = if who.stranger || who.client_id.is_empty() {
            memory.strangers.of(name, STRANGERS, now)
        } else {
            memory.clients.of(name, CLIENTS, now)
        };
        story.last = now;
        story.from = who.address().map(source).or(story.from);
        let mut text = Text::default();
        event.record(&mut text);
        let text = text.whole();
        if let Some(told) = story.events.back_mut()
            && (told.place, &told.peer, &told.text) == (place, &who.peer, &text)
            && now.since(told.first) < AGAIN
        {
            told.times += 1;
            return;
        }
        if story.events.len() >= EVENTS {
            story.events.pop_front();
        }
        let (at, level) = (self.clock.wall(), *meta.level());
        story.events.push_back(Told {
            place,
            first: now,
            at,
            times: 1,
            level,
            peer: who.peer,
            text,
        });
    }

    /// Into the traces that it is for.
    fn trace(&self, event: &Event<'_>, who: &Who) {
        let Some(traces) = self.traces.get().filter(|traces| traces.is_on()) else { return };
        let address = who.address().map(|ip| SocketAddr::new(ip, 0));
        let peer = who.peer.parse().ok().or(address);
        let topics = [who.topic.as_str()];
        let subject = Subject { client_id: &who.client_id, peer, topics: &topics };
        traces.tell(&subject, *event.metadata().level(), || {
            let mut text = Text::default();
            event.record(&mut text);
            text.whole()
        });
    }
}

impl<S: Subscriber + for<'a> LookupSpan<'a>> Layer<S> for Recent {
    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        self.take(event);
    }
}

/// Lets through what names a client or an address.
pub(super) struct OfClients;

impl OfClients {
    fn wants(meta: &Metadata<'_>) -> bool {
        let names = |field| meta.fields().field(field).is_some();
        meta.is_event() && *meta.level() <= Level::DEBUG && (names("clientid") || names("peer"))
    }
}

impl<S> Filter<S> for OfClients {
    fn enabled(&self, meta: &Metadata<'_>, _: &Context<'_, S>) -> bool {
        Self::wants(meta)
    }

    fn callsite_enabled(&self, meta: &'static Metadata<'static>) -> Interest {
        if Self::wants(meta) { Interest::always() } else { Interest::never() }
    }

    fn max_level_hint(&self) -> Option<LevelFilter> {
        Some(LevelFilter::DEBUG)
    }
}

/// Whom an event is about.
#[derive(Default)]
struct Who {
    client_id: String,
    peer: String,
    topic: String,
    /// It was not let in.
    stranger: bool,
}

impl Who {
    fn address(&self) -> Option<IpAddr> {
        self.host().trim_matches(['[', ']']).parse().ok()
    }

    /// Its address without the port.
    fn host(&self) -> &str {
        let port = |text: &str| text.parse::<SocketAddr>().is_ok();
        let host = self.peer.rsplit_once(':').filter(|_| port(&self.peer));
        host.map_or(&self.peer, |(host, _)| host)
    }

    fn set(&mut self, field: &Field, value: impl FnOnce() -> String) {
        match field.name() {
            "clientid" => self.client_id = value(),
            "peer" => self.peer = value(),
            "topic" => self.topic = value(),
            _ => {}
        }
    }
}

impl Visit for Who {
    fn record_bool(&mut self, field: &Field, value: bool) {
        self.stranger |= value && field.name() == "stranger";
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.set(field, || value.to_owned());
    }

    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        self.set(field, || format!("{value:?}"));
    }
}

/// What it says: its message and its other fields.
#[derive(Default)]
struct Text {
    message: String,
    fields: String,
}

impl Text {
    fn whole(mut self) -> String {
        self.message.push_str(&self.fields);
        short(&self.message, TEXT)
    }
}

/// The beginning of a text that is too long.
fn short(text: &str, most: usize) -> String {
    if text.len() <= most {
        return text.to_owned();
    }
    let end = (0..=most).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0);
    format!("{}…", text.get(..end).unwrap_or_default())
}

impl Visit for Text {
    fn record_str(&mut self, field: &Field, value: &str) {
        self.record_debug(field, &format_args!("{value}"));
    }

    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        // A string takes any text.
        let _ = match field.name() {
            "clientid" | "peer" | "stranger" => Ok(()),
            "message" => write!(self.message, "{value:?}"),
            name => write!(self.fields, "; {name}: {value:?}"),
        };
    }
}

#[cfg(test)]
mod tests {
    use tracing_subscriber::layer::SubscriberExt;

    use super::*;

    fn during(events: impl FnOnce()) -> Recent {
        let recent = Recent::new(Clock::system());
        let subscriber = tracing_subscriber::registry().with(recent.clone().with_filter(OfClients));
        tracing::subscriber::with_default(subscriber, events);
        recent
    }

    #[test]
    fn a_client_is_found_by_its_id_and_by_its_address() {
        let recent = during(|| {
            let (peer, reason) = ("10.0.0.7:40001", "keep-alive");
            tracing::debug!(clientid = "a", peer, %reason, "connection closed");
            tracing::info!(peer = "[fd77::9]:5", step = "tls", "client not let in");
            tracing::info!(node = "n1", "member up");
            tracing::trace!(clientid = "a", "too fine");
        });
        let told = recent.about("a");
        assert_eq!(told.len(), 1);
        assert_eq!((told[0].level.as_str(), told[0].times), ("debug", 1));
        assert_eq!(told[0].what, "connection closed; reason: keep-alive");
        assert_eq!(recent.about("10.0.0.7"), told);
        assert_eq!(recent.about("10.0.0.7:40001"), told);
        assert_eq!(recent.about("fd77::9")[0].what, "client not let in; step: tls");
        assert_eq!(recent.about("10.0.0.8"), []);
    }

    #[test]
    fn floods_are_counted_and_bounded() {
        let recent = during(|| {
            for _ in 0..1000 {
                tracing::debug!(clientid = "loud", "the same");
            }
            for number in 0..40 {
                let clientid = "many";
                if number % 2 == 0 {
                    tracing::debug!(clientid, number, "even");
                } else {
                    tracing::debug!(clientid, number, "odd");
                }
            }
            tracing::debug!(clientid = "long", text = "ä".repeat(1000), "long");
        });
        let loud = recent.about("loud");
        assert!(loud.len() <= 2 && loud.iter().map(|told| told.times).sum::<u64>() == 1000);
        let many = recent.about("many");
        assert_eq!((many.len(), many[EVENTS - 1].what.as_str()), (EVENTS, "odd; number: 39"));
        assert!(recent.about("long")[0].what.len() < TEXT + 8);
    }

    /// Events of clients that are let in and of others, from `host`.
    fn crowd(host: &str, names: usize, stranger: Option<bool>) {
        for number in 0..names {
            let (clientid, peer) =
                (format!("{host}/{number}"), format!("{host}:{}", 1000 + number));
            tracing::debug!(clientid, peer, stranger, "here");
        }
    }

    #[test]
    fn neither_strangers_nor_one_address_push_the_others_out() {
        let recent = during(|| {
            crowd("10.0.0.1", 100, None);
            crowd("10.0.0.2", 20, Some(true));
            tracing::debug!(clientid = "c", peer = "10.0.0.3:1", "served");
            tracing::debug!(clientid = "c", peer = "10.0.0.3:2", stranger = true, "refused");
            crowd("10.0.0.9", 5000, None);
            crowd("10.0.0.9", 5000, Some(true));
            for port in 1000..6000 {
                tracing::info!(peer = format!("10.0.0.9:{port}"), "client not let in");
            }
        });
        let memory = recent.lock();
        assert_eq!((memory.clients.0.len(), memory.strangers.0.len()), (CLIENTS, STRANGERS));
        drop(memory);
        for (host, names) in [("10.0.0.1", 100), ("10.0.0.2", 20)] {
            for number in 0..names {
                assert_eq!(recent.about(&format!("{host}/{number}")).len(), 1, "{host} {number}");
            }
        }
        let told = recent.about("c");
        assert_eq!(
            told.iter().map(|told| told.what.as_str()).collect::<Vec<_>>(),
            ["served", "refused"]
        );
        assert_eq!(recent.about("10.0.0.9/4999").len(), 2, "the latest of the crowd");
        let of_host = recent.about("10.0.0.9");
        assert!(of_host.iter().any(|told| told.what == "client not let in"), "{of_host:?}");
    }
}
