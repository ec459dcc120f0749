//! What happened lately to each client: every event that names a client or an address, down to `debug`, whatever the log writes.
//! `emqx-rs-ctl why` reads it.

use std::{
    collections::{BTreeMap, VecDeque},
    fmt::{Debug, Write},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
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
    ctl::Happened,
    net::clock::Clock,
    node::sys_topics::local_time,
    time::{Time, Wall},
};

/// Clients, or addresses of those that had no name yet; of more those go of whom nothing was heard for longest.
const CLIENTS: usize = 512;
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
    stories: Arc<Mutex<BTreeMap<String, Story>>>,
}

struct Story {
    last: Time,
    events: VecDeque<Told>,
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
        Self { clock, stories: Arc::default() }
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<String, Story>> {
        self.stories.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What happened to this client id, or at this address, with or without its port; the oldest first.
    pub(super) fn about(&self, who: &str) -> Vec<Happened> {
        let at = |peer: &str| {
            peer == who
                || peer
                    .rsplit_once(':')
                    .is_some_and(|(host, _)| host == who || host.trim_matches(['[', ']']) == who)
        };
        let stories = self.lock();
        let mut found: Vec<_> = stories
            .iter()
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
        found.sort_by_key(|row| row.at_ms);
        found
    }

    fn take(&self, event: &Event<'_>) {
        let mut who = Who::default();
        event.record(&mut who);
        let name = if who.client_id.is_empty() { &who.peer } else { &who.client_id };
        let name = short(name, NAME);
        let (now, meta) = (self.clock.now(), event.metadata());
        let place = (meta.file().unwrap_or_default(), meta.line().unwrap_or_default());
        let mut stories = self.lock();
        if !stories.contains_key(&name) {
            if stories.len() >= CLIENTS {
                let oldest = stories.iter().min_by_key(|(_, story)| story.last);
                if let Some(oldest) = oldest.map(|(name, _)| name.clone()) {
                    stories.remove(&oldest);
                }
            }
            stories.insert(name.clone(), Story { last: now, events: VecDeque::new() });
        }
        let Some(story) = stories.get_mut(&name) else { return };
        story.last = now;
        if let Some(told) = story.events.back_mut()
            && told.place == place
            && told.peer == who.peer
            && now.since(told.first) < AGAIN
        {
            told.times += 1;
            return;
        }
        if story.events.len() >= EVENTS {
            story.events.pop_front();
        }
        let mut text = Text::default();
        event.record(&mut text);
        let (at, level) = (self.clock.wall(), *meta.level());
        let text = text.whole();
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
}

impl Who {
    fn set(&mut self, field: &Field, value: impl FnOnce() -> String) {
        match field.name() {
            "clientid" => self.client_id = value(),
            "peer" => self.peer = value(),
            _ => {}
        }
    }
}

impl Visit for Who {
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
            "clientid" | "peer" => Ok(()),
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
        let recent = during(|| {
            for number in 0..CLIENTS + 5 {
                tracing::debug!(clientid = number.to_string(), "here");
            }
        });
        assert_eq!(recent.lock().len(), CLIENTS);
        assert_eq!(recent.about(&(CLIENTS + 4).to_string()).len(), 1);
    }
}
