//! Client id -> its session: live in a connection, or parked without one (EMQX `emqx_cm`).
//!
//! 64 parts, so that a storm of connects does not meet at one lock. While a part is locked a mailbox may be, never the other
//! way round: a signal to a connection must not slip between "it is live" and "it has parked".

use std::{
    collections::{BTreeSet, HashMap},
    hash::BuildHasher,
    sync::{
        Arc, Mutex, MutexGuard,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::Duration,
};

use tokio::sync::{Notify, oneshot};

use super::{
    clients::ClientRow,
    locks,
    mailbox::{Mailbox, Signal, Taker},
};
use crate::{
    broker::{ClientId, connect::Identity, session::Session, will::Will},
    time::{Time, Wall},
    topic::Hashing,
};

const PARTS: usize = 64;
/// Entries of a part for which room is always kept.
const ROOMY: usize = 16;

/// A session without a connection.
#[derive(Debug)]
pub struct Parked {
    /// The session.
    pub session: Box<Session>,
    /// Who had it last.
    pub identity: Option<Box<Identity>>,
    /// When it is thrown away.
    pub expires_at: Time,
    /// Its will, and when that goes out.
    pub will: Option<(Box<Will>, Time)>,
    /// When the connection was lost.
    pub since: Wall,
}

impl Parked {
    /// How long the session lives without a connection, rounded to seconds: what is left of that, and what is over.
    fn expiry(&self, (now, wall): (Time, Wall)) -> Duration {
        let over = Duration::from_millis(wall.as_ms().saturating_sub(self.since.as_ms()));
        let whole = self.expires_at.since(now) + over + Duration::from_millis(500);
        Duration::from_secs(whole.as_secs())
    }

    fn deadline(&self) -> Time {
        self.will.as_ref().map_or(self.expires_at, |(_, at)| self.expires_at.min(*at))
    }
}

/// What an old connection answers to [`Signal::TakeOver`].
#[derive(Debug)]
pub enum Handover {
    /// Its session, how long that lives without a connection, and a will that waits for its delay; the mailbox stays the same.
    Session(Box<Session>, Duration, Option<Box<Will>>),
    /// Look into the registry again.
    Again,
    /// It is another user's, and stays.
    Closed,
}

/// The will of a client, as other nodes are to keep it.
#[derive(Clone, Debug)]
pub struct KeptWill {
    /// Hybrid time of the claim of its connection.
    pub claim: u64,
    /// The will, with the delay that counts.
    pub will: Will,
}

/// What other nodes are to be told of the will of a client.
#[derive(Debug)]
pub enum WillChange {
    /// Nothing.
    None,
    /// That of this claim is over.
    Over(u64),
    /// It came with a session from another node.
    New(Box<KeptWill>),
}

#[derive(Debug)]
struct Entry {
    mailbox: Arc<Mailbox>,
    parked: Option<Box<Parked>>,
    /// Hybrid time of the claim that this node has on the client.
    claim: u64,
    /// The will of its connection, or of the one before, until that is published or dropped.
    will: Option<Box<KeptWill>>,
    /// Under which time it stands among the deadlines; not later than what is due for it.
    looked_at: Option<Time>,
}

/// A client of this node, for a walk over all.
#[derive(Debug)]
pub struct Row {
    /// Who.
    pub client_id: ClientId,
    /// Hybrid time of the claim that this node has.
    pub claim: u64,
    /// Its will.
    pub will: Option<Box<KeptWill>>,
}

/// Where a session is that is to go to another node.
#[derive(Debug)]
pub enum Taken {
    /// Here, without a connection.
    Parked(Box<Parked>),
    /// A connection has it; its answer will come here.
    Live(oneshot::Receiver<Handover>),
}

/// What [`Registry::open`] found.
#[derive(Debug)]
pub enum Opened {
    /// A new session; what was thrown away for it comes along.
    Fresh(Option<(Box<Parked>, Arc<Mailbox>)>),
    /// The client's session, with its mailbox.
    Resumed(Box<Parked>, Arc<Mailbox>),
    /// A connection has it; its answer will come here.
    Wait(oneshot::Receiver<Handover>, Arc<Mailbox>),
    /// There is none, and no room for another.
    Full,
    /// It is another user's, and stays.
    Closed,
}

/// A parked session that was ended.
#[derive(Debug)]
pub struct Kicked {
    /// The session.
    pub parked: Box<Parked>,
    /// Its mailbox.
    pub mailbox: Arc<Mailbox>,
    /// The claim of its will, if it had one.
    pub will: Option<u64>,
}

/// What is due for a parked session.
#[derive(Debug, Default)]
pub struct Due {
    /// Whose will is to go out.
    pub will: Option<(ClientId, Box<Will>)>,
    /// It has expired; its subscriptions are to be taken out.
    pub expired: Option<(Box<Session>, Arc<Mailbox>)>,
    /// The client, and the claim of the will that is over.
    pub will_over: Option<(ClientId, u64)>,
}

type Part = HashMap<ClientId, Entry, Hashing>;

/// All sessions of a node.
#[derive(Debug)]
pub struct Registry {
    parts: Vec<Mutex<Part>>,
    /// Sessions in all parts; moved under the lock of a part.
    len: AtomicUsize,
    /// Sessions that there may be.
    most: AtomicUsize,
    /// Who comes with the client id of another user's session ends that (`mqtt.replace_session_of_other_user`).
    replaces: AtomicBool,
    hashing: Hashing,
    /// When who is looked at: each client once at most, however often it comes and goes.
    deadlines: Mutex<BTreeSet<(Time, ClientId)>>,
    /// Rings when a deadline was added.
    pub changed: Notify,
}

impl Default for Registry {
    fn default() -> Self {
        Self {
            parts: (0..PARTS).map(|_| Mutex::default()).collect(),
            len: AtomicUsize::new(0),
            most: AtomicUsize::new(usize::MAX),
            replaces: AtomicBool::new(true),
            hashing: Hashing::default(),
            deadlines: Mutex::default(),
            changed: Notify::new(),
        }
    }
}

impl Registry {
    fn part(&self, client_id: &ClientId) -> MutexGuard<'_, Part> {
        let at = usize::try_from(self.hashing.hash_one(client_id) >> 32).unwrap_or(0) % PARTS;
        match self.parts.get(at).or(self.parts.first()) {
            Some(part) => locks::lock(part),
            None => unreachable_part(),
        }
    }

    /// New sessions begin only while there are fewer. What is there stays, and so does what comes from another node.
    pub fn set_most(&self, most: usize) {
        self.most.store(most, Ordering::Relaxed);
    }

    /// Whether who comes with the client id of another user's session ends that.
    pub fn set_replaces(&self, replaces: bool) {
        self.replaces.store(replaces, Ordering::Relaxed);
    }

    /// The same.
    #[must_use]
    pub fn replaces(&self) -> bool {
        self.replaces.load(Ordering::Relaxed)
    }

    /// Sessions.
    #[must_use]
    pub fn len(&self) -> usize {
        self.len.load(Ordering::Relaxed)
    }

    /// There is no session.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    fn put(&self, part: &mut Part, client_id: ClientId, entry: Entry) {
        if part.insert(client_id, entry).is_none() {
            self.len.fetch_add(1, Ordering::Relaxed);
        }
    }

    fn cut(&self, part: &mut Part, client_id: &ClientId) -> Option<Entry> {
        let entry = part.remove(client_id)?;
        self.len.fetch_sub(1, Ordering::Relaxed);
        // Room for many more that have gone is given back.
        if part.capacity() > ROOMY && part.len() < part.capacity() / 8 {
            part.shrink_to(2 * part.len());
        }
        Some(entry)
    }

    /// Finds the session of a client that connects under the claim of time `claim`, with the user name that its sessions belong to.
    /// `mailbox` becomes its mailbox if a new session begins.
    pub fn open(
        &self,
        client_id: &ClientId,
        (discard, owner): (bool, Option<&str>),
        mailbox: &Arc<Mailbox>,
        claim: u64,
    ) -> Opened {
        let mut part = self.part(client_id);
        let Some(entry) = part.get_mut(client_id) else {
            if self.len() >= self.most.load(Ordering::Relaxed) {
                return Opened::Full;
            }
            let (parked, will, looked_at) = (None, None, None);
            let entry = Entry { mailbox: mailbox.clone(), parked, claim, will, looked_at };
            self.put(&mut part, client_id.clone(), entry);
            return Opened::Fresh(None);
        };
        entry.claim = entry.claim.max(claim);
        match entry.parked.take() {
            Some(parked) if parked.session.is_closed_to(owner) && !self.replaces() => {
                entry.parked = Some(parked);
                Opened::Closed
            }
            Some(parked) if discard || parked.session.owner.as_deref() != owner => {
                let old = std::mem::replace(&mut entry.mailbox, mailbox.clone());
                Opened::Fresh(Some((parked, old)))
            }
            Some(parked) => Opened::Resumed(parked, entry.mailbox.clone()),
            None => {
                let (reply, answer) = oneshot::channel();
                let taker = Taker::Client(owner.map(Into::into));
                entry.mailbox.signal(Signal::TakeOver { discard, taker, reply });
                Opened::Wait(answer, entry.mailbox.clone())
            }
        }
    }

    /// A session whose connection goes on here from the process before: there is always room for it.
    pub fn inherit(&self, client_id: &ClientId, mailbox: &Arc<Mailbox>, claim: u64) {
        let mut part = self.part(client_id);
        let (parked, will, looked_at) = (None, None, None);
        let entry = Entry { mailbox: mailbox.clone(), parked, claim, will, looked_at };
        self.put(&mut part, client_id.clone(), entry);
    }

    /// Takes the session of a client out of its place, to send it to another node. Its entry stays, until it is parked again
    /// or forgotten. With `discard` a connection that has it ends it by itself, its will included.
    pub fn take(&self, client_id: &ClientId, discard: bool) -> Option<(Taken, Arc<Mailbox>)> {
        let mut part = self.part(client_id);
        let entry = part.get_mut(client_id)?;
        let taken = entry.parked.take().map_or_else(
            || {
                let (reply, answer) = oneshot::channel();
                entry.mailbox.signal(Signal::TakeOver { discard, taker: Taker::Node, reply });
                Taken::Live(answer)
            },
            Taken::Parked,
        );
        Some((taken, entry.mailbox.clone()))
    }

    /// Hybrid time of the claim that this node has on a client, and whether a connection has the session.
    #[must_use]
    pub fn claim_of(&self, client_id: &ClientId) -> Option<(u64, bool)> {
        self.part(client_id).get(client_id).map(|entry| (entry.claim, entry.parked.is_none()))
    }

    /// The claim on a client is newer now.
    pub fn raise_claim(&self, client_id: &ClientId, claim: u64) {
        if let Some(entry) = self.part(client_id).get_mut(client_id) {
            entry.claim = entry.claim.max(claim);
        }
    }

    /// Notes the will of a client, or that it has none; the one before.
    pub fn set_will(&self, client_id: &ClientId, will: Option<KeptWill>) -> Option<Box<KeptWill>> {
        let mut part = self.part(client_id);
        let entry = part.get_mut(client_id)?;
        std::mem::replace(&mut entry.will, will.map(Box::new))
    }

    /// The claim on a client that got in before others were asked is newer now, and its will stands under it; the will.
    pub fn raise_will(&self, client_id: &ClientId, claim: u64) -> Option<KeptWill> {
        let mut part = self.part(client_id);
        let kept = part.get_mut(client_id)?.will.as_mut()?;
        kept.claim = kept.claim.max(claim);
        Some((**kept).clone())
    }

    /// A will of the client is kept, here and by other nodes.
    #[must_use]
    pub fn has_will(&self, client_id: &ClientId) -> bool {
        self.part(client_id).get(client_id).is_some_and(|entry| entry.will.is_some())
    }

    /// The mailbox of a client whose session a connection has.
    #[must_use]
    pub fn live(&self, client_id: &ClientId) -> Option<Arc<Mailbox>> {
        let part = self.part(client_id);
        part.get(client_id).filter(|entry| entry.parked.is_none()).map(|e| e.mailbox.clone())
    }

    /// [`Mailbox::clean_since`] of the session of a client.
    #[must_use]
    pub fn clean_since(&self, client_id: &ClientId) -> u64 {
        self.part(client_id).get(client_id).map_or(0, |entry| entry.mailbox.clean_since())
    }

    /// The clients of part `at` of the registry; `None` behind the last part.
    #[must_use]
    pub fn rows(&self, at: usize) -> Option<Vec<Row>> {
        let part = locks::lock(self.parts.get(at)?);
        let row = |(id, entry): (&ClientId, &Entry)| Row {
            client_id: id.clone(),
            claim: entry.claim,
            will: entry.will.clone(),
        };
        Some(part.iter().map(row).collect())
    }

    /// Parks the session of a connection that ends, or one that came from another node under the claim in it. Returns how many
    /// messages do not wait for the client, too.
    #[must_use]
    pub fn park(
        &self,
        parked: Box<Parked>,
        mailbox: &Arc<Mailbox>,
        now: Time,
    ) -> (WillChange, usize) {
        let (client_id, claim) = (parked.session.client_id.clone(), parked.session.claim);
        let deadline = parked.deadline();
        let (change, looks, dropped);
        {
            let mut part = self.part(&client_id);
            dropped = mailbox.set_connected(false);
            let old = self.cut(&mut part, &client_id);
            let claim = claim.max(old.as_ref().map_or(0, |entry| entry.claim));
            let looked_at = old.as_ref().and_then(|entry| entry.looked_at);
            looks = looked_at.is_none_or(|at| at > deadline).then_some(looked_at);
            let looked_at = if looks.is_some() { Some(deadline) } else { looked_at };
            let mut will = old.and_then(|entry| entry.will);
            change = match (&parked.will, &will) {
                (None, None) | (Some(_), Some(_)) => WillChange::None,
                (None, Some(kept)) => WillChange::Over(kept.claim),
                (Some((one, at)), None) => {
                    let one = (**one).clone().after(at.since(now));
                    WillChange::New(Box::new(KeptWill { claim, will: one }))
                }
            };
            match &change {
                WillChange::None => {}
                WillChange::Over(_) => will = None,
                WillChange::New(kept) => will = Some(kept.clone()),
            }
            let mailbox = mailbox.clone();
            let entry = Entry { mailbox, parked: Some(parked), claim, will, looked_at };
            self.put(&mut part, client_id.clone(), entry);
        }
        if let Some(before) = looks {
            self.look_at(before, deadline, client_id);
            self.changed.notify_one();
        }
        (change, dropped)
    }

    /// Leaves the session of a connection that goes on in another process: nothing is due for it, and it takes messages as before.
    pub fn stand(&self, parked: Box<Parked>, mailbox: &Arc<Mailbox>) {
        let (client_id, claim) = (parked.session.client_id.clone(), parked.session.claim);
        let mut part = self.part(&client_id);
        let old = self.cut(&mut part, &client_id);
        let looked_at = old.as_ref().and_then(|entry| entry.looked_at);
        let claim = claim.max(old.as_ref().map_or(0, |entry| entry.claim));
        let will = old.and_then(|entry| entry.will);
        let (mailbox, parked) = (mailbox.clone(), Some(parked));
        self.put(&mut part, client_id, Entry { mailbox, parked, claim, will, looked_at });
    }

    /// Calls `f` with each session without a connection, its mailbox and the claim on it.
    pub fn for_each_parked(&self, mut f: impl FnMut(&Parked, &Mailbox, u64)) {
        for part in &self.parts {
            #[expect(
                clippy::iter_over_hash_type,
                reason = "each goes its way; none knows of another"
            )]
            for entry in locks::lock(part).values() {
                if let Some(parked) = &entry.parked {
                    f(parked, &entry.mailbox, entry.claim);
                }
            }
        }
    }

    /// Forgets a client whose session ends, if it is still this one; its will.
    #[must_use]
    pub fn forget(&self, client_id: &ClientId, mailbox: &Arc<Mailbox>) -> Option<Box<KeptWill>> {
        let entry = {
            let mut part = self.part(client_id);
            part.get(client_id).filter(|entry| Arc::ptr_eq(&entry.mailbox, mailbox))?;
            self.cut(&mut part, client_id)?
        };
        self.look_no_more(entry.looked_at, client_id);
        entry.will
    }

    /// Enters a client among the deadlines, where it stood under the time `before`.
    fn look_at(&self, before: Option<Time>, at: Time, client_id: ClientId) {
        self.look_no_more(before, &client_id);
        locks::lock(&self.deadlines).insert((at, client_id));
    }

    fn look_no_more(&self, at: Option<Time>, client_id: &ClientId) {
        if let Some(at) = at {
            locks::lock(&self.deadlines).remove(&(at, client_id.clone()));
        }
    }

    /// When the next parked session has something due.
    #[must_use]
    pub fn deadline(&self) -> Option<Time> {
        locks::lock(&self.deadlines).first().map(|(at, _)| *at)
    }

    /// Takes one thing that is due by `now`; `None` when nothing is.
    pub fn due(&self, now: Time) -> Option<Due> {
        let (looked_at, client_id) = {
            let mut deadlines = locks::lock(&self.deadlines);
            if deadlines.first().is_none_or(|(at, _)| *at > now) {
                return None;
            }
            deadlines.pop_first()?
        };
        let mut due = Due::default();
        let mut part = self.part(&client_id);
        let Some(entry) = part.get_mut(&client_id) else { return Some(due) };
        // It stands there once more, under an earlier time, which went before.
        if entry.looked_at != Some(looked_at) {
            return Some(due);
        }
        entry.looked_at = None;
        let Some(parked) = entry.parked.as_mut() else { return Some(due) };
        let expired = parked.expires_at <= now;
        if parked.will.as_ref().is_some_and(|(_, at)| expired || *at <= now) {
            due.will = parked.will.take().map(|(will, _)| (client_id.clone(), will));
        }
        if due.will.is_some() || expired {
            due.will_over = entry.will.take().map(|kept| (client_id.clone(), kept.claim));
        }
        let next = parked.deadline();
        entry.looked_at = Some(next);
        if expired {
            let entry = self.cut(&mut part, &client_id);
            due.expired = entry.and_then(|entry| Some((entry.parked?.session, entry.mailbox)));
            return Some(due);
        }
        drop(part);
        self.look_at(None, next, client_id);
        Some(due)
    }

    /// Takes out what [`Self::due`] would find if the session of this client has expired by `now`.
    #[must_use]
    pub fn expired(&self, client_id: &ClientId, now: Time) -> Option<Due> {
        let mut part = self.part(client_id);
        let parked = part.get(client_id)?.parked.as_ref()?;
        if parked.expires_at > now {
            return None;
        }
        let Entry { mailbox, parked, will, looked_at, .. } = self.cut(&mut part, client_id)?;
        drop(part);
        self.look_no_more(looked_at, client_id);
        let Parked { session, will: last_will, .. } = *parked?;
        Some(Due {
            will: last_will.map(|(will, _)| (client_id.clone(), will)),
            expired: Some((session, mailbox)),
            will_over: will.map(|kept| (client_id.clone(), kept.claim)),
        })
    }

    /// Calls `f` with every client and its mailbox, part by part; `f` must not take long, and takes no lock but that of the
    /// mailbox.
    pub fn for_each_mailbox(&self, mut f: impl FnMut(&ClientId, &Arc<Mailbox>)) {
        for part in &self.parts {
            #[expect(
                clippy::iter_over_hash_type,
                reason = "each goes its way; none knows of another"
            )]
            for (client_id, entry) in &*locks::lock(part) {
                f(client_id, &entry.mailbox);
            }
        }
    }

    /// Sends every connection a signal.
    pub fn signal_all(&self, signal: impl Fn() -> Signal) {
        for part in &self.parts {
            for entry in locks::lock(part).values().filter(|entry| entry.parked.is_none()) {
                entry.mailbox.signal(signal());
            }
        }
    }

    /// Sends every connection of part `at` a signal; how many there are. `None` behind the last part.
    pub fn signal_part(&self, at: usize, signal: impl Fn() -> Signal) -> Option<usize> {
        let part = locks::lock(self.parts.get(at)?);
        let live = part.values().filter(|entry| entry.parked.is_none());
        Some(live.map(|entry| entry.mailbox.signal(signal())).count())
    }

    /// Sends the connection of one client a signal, or takes its parked session out, with the claim of its will. `None` when it is
    /// not known.
    pub fn kick(&self, client_id: &ClientId) -> Option<Option<Kicked>> {
        let mut part = self.part(client_id);
        let entry = part.get_mut(client_id)?;
        match entry.parked.take() {
            Some(parked) => {
                let mailbox = entry.mailbox.clone();
                let looked_at = entry.looked_at;
                let will = self.cut(&mut part, client_id).and_then(|entry| entry.will);
                drop(part);
                self.look_no_more(looked_at, client_id);
                Some(Some(Kicked { parked, mailbox, will: will.map(|kept| kept.claim) }))
            }
            None => {
                entry.mailbox.signal(Signal::Kick);
                Some(None)
            }
        }
    }

    /// Rows of the parked sessions, and the answers to come of the connected ones.
    #[must_use]
    pub fn describe(
        &self,
        only: Option<&ClientId>,
        now: (Time, Wall),
    ) -> (Vec<ClientRow>, Vec<oneshot::Receiver<ClientRow>>) {
        let (mut rows, mut answers) = (Vec::new(), Vec::new());
        for part in &self.parts {
            #[expect(clippy::iter_over_hash_type, reason = "a listing; the caller sorts it")]
            for (client_id, entry) in &*locks::lock(part) {
                if only.is_some_and(|only| only != client_id) {
                    continue;
                }
                match &entry.parked {
                    Some(parked) => {
                        let mut row = ClientRow::of_session(
                            &parked.session,
                            parked.identity.as_deref(),
                            &entry.mailbox,
                        );
                        row.session_expiry = parked.expiry(now).as_secs();
                        row.disconnected_at = Some(parked.since);
                        rows.push(row);
                    }
                    None => {
                        let (tell, answer) = oneshot::channel();
                        entry.mailbox.signal(Signal::Describe(tell));
                        answers.push(answer);
                    }
                }
            }
        }
        (rows, answers)
    }

    /// The clients of sessions that have been without a connection since before `wall`.
    #[must_use]
    pub fn parked_before(&self, wall: Wall) -> Vec<ClientId> {
        let mut ids = Vec::new();
        for part in &self.parts {
            let part = locks::lock(part);
            let asleep = |entry: &&Entry| entry.parked.as_ref().is_some_and(|p| p.since <= wall);
            ids.extend(part.iter().filter(|(_, entry)| asleep(entry)).map(|(id, _)| id.clone()));
        }
        ids
    }

    /// The clients of all sessions.
    #[must_use]
    pub fn ids(&self) -> Vec<ClientId> {
        let mut ids = Vec::new();
        for part in &self.parts {
            ids.extend(locks::lock(part).keys().cloned());
        }
        ids
    }

    /// The clients that are connected.
    #[must_use]
    pub fn connected_ids(&self) -> Vec<ClientId> {
        let mut ids = Vec::new();
        for part in &self.parts {
            let part = locks::lock(part);
            let live = part.iter().filter(|(_, entry)| entry.parked.is_none());
            ids.extend(live.map(|(id, _)| id.clone()));
        }
        ids
    }

    /// Sessions with a connection.
    #[must_use]
    pub fn connected(&self) -> usize {
        let (all, parked) = self.count();
        all - parked
    }

    /// Sessions, and those of them without a connection.
    #[must_use]
    pub fn count(&self) -> (usize, usize) {
        self.parts.iter().fold((0, 0), |(all, parked), part| {
            let part = locks::lock(part);
            (
                all + part.len(),
                parked + part.values().filter(|entry| entry.parked.is_some()).count(),
            )
        })
    }
}

#[expect(clippy::panic, reason = "the parts are made in one place and never removed")]
fn unreachable_part() -> ! {
    panic!("a registry without parts")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::broker::settings::Settings;

    fn parked(client_id: &ClientId, expires_at: u64) -> Box<Parked> {
        let session = Box::new(Session::new(1, client_id.clone(), Wall::default()));
        let expires_at = Time::from_ms(expires_at);
        Box::new(Parked { session, identity: None, expires_at, will: None, since: Wall::default() })
    }

    #[test]
    fn a_listing_tells_for_how_long_a_session_is_kept_and_not_what_is_left_of_that() {
        let (registry, id) = (Registry::default(), ClientId::new("c"));
        let mailbox = Arc::new(Mailbox::new(&Settings::default()));
        let _ = registry.open(&id, (false, None), &mailbox, 1);
        let _ = registry.park(parked(&id, 60_000), &mailbox, Time::ZERO);
        for over in [0, 1, 17_499, 59_900] {
            let (rows, _) = registry.describe(None, (Time::from_ms(over), Wall::from_ms(over + 3)));
            assert_eq!(rows[0].session_expiry, 60, "{over} ms after it was lost");
        }
    }

    #[test]
    fn a_client_that_comes_and_goes_stands_among_the_deadlines_once() {
        let (registry, id) = (Registry::default(), ClientId::new("c"));
        let mailbox = Arc::new(Mailbox::new(&Settings::default()));
        let waiting = || locks::lock(&registry.deadlines).len();
        for round in 0..100 {
            let _ = registry.open(&id, (round % 3 == 0, None), &mailbox, round);
            // Later each time, but once.
            let expires_at = if round == 50 { 10 } else { 1000 + round };
            let _ = registry.park(parked(&id, expires_at), &mailbox, Time::ZERO);
            assert_eq!(waiting(), 1, "{round}");
        }
        assert_eq!(registry.deadline(), Some(Time::from_ms(10)));
        assert!(registry.due(Time::from_ms(9)).is_none());
        assert!(registry.due(Time::from_ms(10)).unwrap().expired.is_none());
        assert_eq!((registry.deadline(), waiting()), (Some(Time::from_ms(1099)), 1));
        assert!(registry.due(Time::from_ms(1099)).unwrap().expired.is_some());
        assert_eq!((waiting(), registry.count()), (0, (0, 0)));
        // Who is forgotten, or ended by hand, is not waited for.
        for by_hand in [false, true] {
            let _ = registry.open(&id, (false, None), &mailbox, 1);
            let _ = registry.park(parked(&id, 5000), &mailbox, Time::ZERO);
            if by_hand {
                assert!(registry.kick(&id).is_some_and(|kicked| kicked.is_some()));
            } else {
                let _ = registry.forget(&id, &mailbox);
            }
            assert_eq!(waiting(), 0);
        }
    }

    /// Nobody may have looked at what is due, where much is.
    #[test]
    fn a_session_that_has_expired_is_not_there_any_more() {
        let (registry, id) = (Registry::default(), ClientId::new("c"));
        let mailbox = Arc::new(Mailbox::new(&Settings::default()));
        let _ = registry.open(&id, (false, None), &mailbox, 1);
        assert!(registry.expired(&id, Time::from_ms(90)).is_none(), "a connection has it");
        let _ = registry.park(parked(&id, 10), &mailbox, Time::ZERO);
        assert!(registry.expired(&id, Time::from_ms(9)).is_none());
        let due = registry.expired(&id, Time::from_ms(10)).unwrap();
        assert!(due.expired.is_some() && registry.is_empty());
        assert_eq!(registry.deadline(), None);
        let opened = registry.open(&id, (false, None), &mailbox, 2);
        assert!(matches!(opened, Opened::Fresh(None)), "{opened:?}");
    }

    #[test]
    fn a_user_s_session_is_not_ended_by_who_comes_with_its_client_id() {
        let (registry, id) = (Registry::default(), ClientId::new("c"));
        registry.set_replaces(false);
        let mailbox = Arc::new(Mailbox::new(&Settings::default()));
        let park = |owner: Option<&str>, proven| {
            let _ = registry.open(&id, (true, owner), &mailbox, 1);
            let mut parked = parked(&id, 5000);
            (parked.session.owner, parked.session.proven) = (owner.map(Into::into), proven);
            let _ = registry.park(parked, &mailbox, Time::ZERO);
        };
        for (owner, proven, comes, closed) in [
            (Some("bob"), true, Some("eve"), true),
            (Some("bob"), true, None, true),
            (Some("bob"), true, Some("bob"), false),
            // Who bob was nobody has looked at.
            (Some("bob"), false, Some("eve"), false),
            // Devices that had no names get some.
            (None, true, Some("bob"), false),
        ] {
            for clean in [false, true] {
                park(owner, proven);
                let opened = registry.open(&id, (clean, comes), &mailbox, 2);
                let got = matches!(opened, Opened::Closed);
                assert_eq!(got, closed, "{owner:?} {proven} {comes:?} {clean}");
                if closed {
                    assert_eq!(registry.count(), (1, 1));
                    registry.set_replaces(true);
                    let opened = registry.open(&id, (clean, comes), &mailbox, 3);
                    assert!(matches!(opened, Opened::Fresh(Some(_))), "{opened:?}");
                    registry.set_replaces(false);
                }
                let _ = registry.forget(&id, &mailbox);
            }
        }
    }

    #[test]
    fn sessions_are_counted_and_room_for_them_is_given_back() {
        let (registry, mailbox) =
            (Registry::default(), Arc::new(Mailbox::new(&Settings::default())));
        let id = |n: usize| ClientId::new(&format!("client {n}"));
        let open = |n: usize| registry.open(&id(n), (false, None), &mailbox, 0);
        registry.set_most(20_000);
        assert!((0..20_000).all(|n| matches!(open(n), Opened::Fresh(None))));
        assert!(matches!(open(20_000), Opened::Full));
        assert!(matches!(open(7), Opened::Wait(..)), "who has one is let in");
        let room = || registry.parts.iter().map(|part| locks::lock(part).capacity()).sum::<usize>();
        assert!(room() >= 20_000);
        (10..20_000).for_each(|n| drop(registry.forget(&id(n), &mailbox)));
        assert_eq!((registry.len(), registry.count()), (10, (10, 0)));
        assert!(room() <= 2 * PARTS * ROOMY, "{}", room());
        assert!(matches!(open(10), Opened::Fresh(None)));
    }
}
