//! Discovery by multicast, without the sockets: when to ask who is there, whom to answer, and what to believe of what is heard.
//!
//! HELLO goes to the group at the start and whenever a network of this host changes, three times within about a second, then every
//! 5 s while a member is missing or the node is alone, else every 30 s. Whoever hears a HELLO of a node that it is not linked
//! with answers it alone. What is heard never changes who is a member: it is a hint where to dial, and the handshake decides.
//!
//! Bounds: cheap checks first; then [`FRIENDS`] datagrams a second that name a process life which has proven the cookie, and
//! [`STRANGERS`] of all others, so that a flood does not make this node deaf for members; [`EACH`] a second of one life, at one address
//! if it is not proven. The address alone proves nothing: anybody on the LAN can send under that of a member, and spends nothing of
//! what is for the member, whose life is a number that has to be heard first. One answer a second and one hint in 3 s for a process
//! life. No table here grows past its constant.

use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    net::{IpAddr, SocketAddr},
    time::Duration,
};

use super::{
    Target,
    autocluster::Dice,
    beacon::{self, BadBeacon, Beacon, Head, Kind},
    handshake::WIRE,
    member::NodeId,
    node_name::NodeName,
    secret::{Keys, name_hash},
};
use crate::{sort, time::Time};

/// Datagrams a second whose MAC is checked, of process lives that have proven the cookie.
const FRIENDS: u32 = 500;
/// The same of all others: a node that has just begun knows nobody, and whoever sends under many addresses must not make it deaf.
/// A check takes some microseconds.
const STRANGERS: u32 = 2000;
/// Datagrams a second whose MAC is checked, of one process life.
const EACH: u32 = 10;
/// Addresses remembered, with the lives that were named there and are not proven. Who is forgotten has all of [`EACH`] again.
const SOURCES: usize = 256;
/// Process lives whose counters are remembered.
const LIVES: usize = 256;
/// Nodes shown to an operator.
const HEARD: usize = 128;
/// Answers that wait to be sent.
const REPLIES: usize = 64;
/// Probes after something has changed: time since the one before.
const PROBES: [Duration; 3] =
    [Duration::ZERO, Duration::from_millis(250), Duration::from_millis(750)];
const JITTER_MS: u64 = 100;
const MISSING: Duration = Duration::from_secs(5);
const SETTLED: Duration = Duration::from_secs(30);
/// A question may be answered for this long.
const ANSWERS: Duration = Duration::from_secs(10);
const REPLY_PACE: Duration = Duration::from_secs(1);
const HINT_PACE: Duration = Duration::from_secs(3);

/// A network that this host is part of.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Network {
    /// Index of the interface.
    pub index: u32,
    /// Its name.
    pub name: String,
    /// Address of this host in it.
    pub addr: IpAddr,
    /// Bits of the address that all in the network have in common.
    pub prefix: u8,
}

impl Network {
    /// Whether `addr` is in this network, so that no router is needed to reach it.
    #[must_use]
    pub fn contains(&self, addr: IpAddr) -> bool {
        let same = |a: u128, b: u128, width: u32| {
            let host = width.saturating_sub(u32::from(self.prefix));
            a.checked_shr(host).unwrap_or(0) == b.checked_shr(host).unwrap_or(0)
        };
        match (self.addr, addr) {
            (IpAddr::V4(own), IpAddr::V4(other)) => {
                same(u32::from(own).into(), u32::from(other).into(), 32)
            }
            (IpAddr::V6(own), IpAddr::V6(other)) => same(own.into(), other.into(), 128),
            (IpAddr::V4(_), IpAddr::V6(_)) | (IpAddr::V6(_), IpAddr::V4(_)) => false,
        }
    }
}

/// One way to the group: an interface and an address family.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Way {
    /// Index of the interface.
    pub index: u32,
    /// IPv6, else IPv4.
    pub v6: bool,
}

impl Network {
    /// The way over this network.
    #[must_use]
    pub const fn way(&self) -> Way {
        Way { index: self.index, v6: self.addr.is_ipv6() }
    }
}

/// Where and when a datagram came in.
#[derive(Clone, Copy, Debug)]
pub struct Arrival {
    /// Over which way.
    pub way: Way,
    /// It was for the group, else for this node alone.
    pub group: bool,
    /// Where it came from.
    pub from: SocketAddr,
    /// When.
    pub now: Time,
}

/// Who asks.
#[derive(Debug)]
pub struct Setup {
    /// Name of this node.
    pub name: NodeName,
    /// Its identity.
    pub node_id: NodeId,
    /// Its process life: random.
    pub boot: u64,
    /// Port of its mesh.
    pub port: u16,
    /// `cluster.name`
    pub cluster: String,
    /// Keys of the cookie.
    pub keys: Keys,
    /// Groups and ports to ask.
    pub groups: Vec<SocketAddr>,
    /// The mesh runs over IPv6, else over IPv4.
    pub v6: bool,
    /// For the moments that are left to chance.
    pub seed: u64,
}

/// Something is to be done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Act {
    /// Send a datagram.
    Send {
        /// Over which interface.
        way: Way,
        /// Where to; a link-local address has its scope.
        to: SocketAddr,
        /// What.
        bytes: Vec<u8>,
    },
    /// A node may be there: dial it.
    Found(Target),
    /// Somebody else has the name of this node.
    SameName(IpAddr),
    /// A node of a later release is there.
    Newer(IpAddr),
}

/// What was made of a datagram.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Verdict {
    /// A node of this cluster.
    Accepted,
    /// It said that it goes.
    Gone,
    /// It has the name of this node.
    SameName,
    /// It speaks no version that this node speaks.
    OtherVersion,
    /// Its cluster has another name. Not proven.
    OtherCluster,
    /// Its cookie is another one. Not proven.
    OtherCookie,
}

impl Verdict {
    /// In words.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Accepted => "accepted",
            Self::Gone => "said goodbye",
            Self::SameName => "refused: has the name of this node",
            Self::OtherVersion => "refused: speaks another version",
            Self::OtherCluster => "ignored: other cluster name",
            Self::OtherCookie => "ignored: other cookie",
        }
    }
}

/// A node that was heard.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Heard {
    /// What it calls itself.
    pub name: NodeName,
    /// Where the datagram came from.
    pub addr: IpAddr,
    /// Port of its mesh.
    pub port: u16,
    /// Interface that it was heard on.
    pub interface: String,
    /// When, last.
    pub at: Time,
    /// How often.
    pub count: u64,
    /// Last number of a datagram over the group, and of one to this node alone.
    pub by_group: bool,
    /// It answered a question of this node, so it hears this one.
    pub answered: bool,
    /// What was made of it.
    pub verdict: Verdict,
}

/// Datagrams, by what became of them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    /// Sent.
    pub sent: u64,
    /// Received, those of this node not counted.
    pub received: u64,
    /// Something else on the same group.
    pub foreign: u64,
    /// Of a later release.
    pub version: u64,
    /// From an address that is in no network of the interface.
    pub off_link: u64,
    /// More than is looked at in a second.
    pub over_budget: u64,
    /// Proven with a key this node does not have, or not proven.
    pub wrong_cookie: u64,
    /// Heard before.
    pub replayed: u64,
    /// An answer that nobody asked for.
    pub unasked: u64,
    /// Proven and wrong all the same.
    pub malformed: u64,
}

/// A budget that fills up at a steady rate.
#[derive(Clone, Copy, Debug)]
struct Bucket {
    rate: u32,
    /// Thousandths.
    level: u64,
    filled: Time,
}

impl Bucket {
    fn new(rate: u32, now: Time) -> Self {
        Self { rate, level: u64::from(rate) * 1000, filled: now }
    }

    fn take(&mut self, now: Time) -> bool {
        let some = self.has(now);
        if some {
            self.level -= 1000;
        }
        some
    }

    fn has(&mut self, now: Time) -> bool {
        let passed = now.as_ms().saturating_sub(self.filled.as_ms());
        self.filled = now;
        let most = u64::from(self.rate) * 1000;
        self.level = passed.saturating_mul(self.rate.into()).saturating_add(self.level).min(most);
        self.level >= 1000
    }
}

#[derive(Clone, Copy, Debug)]
struct Source {
    budget: Bucket,
    seen: Time,
}

/// The counters of one process life that were heard: the highest, and which of the 64 up to it.
#[derive(Clone, Copy, Debug)]
struct Life {
    highest: u64,
    window: u64,
    seen: Time,
    budget: Bucket,
    /// When it was answered, and when it was named to be dialled.
    replied: Option<Time>,
    hinted: Option<Time>,
}

impl Life {
    fn new(now: Time) -> Self {
        let budget = Bucket::new(EACH, now);
        Self { highest: 0, window: 0, seen: now, budget, replied: None, hinted: None }
    }

    /// Whether `counter` was not heard yet.
    fn is_new(&self, counter: u64) -> bool {
        match self.highest.checked_sub(counter) {
            None => true,
            Some(back @ 0..64) => self.window & (1 << back) == 0,
            Some(_) => false,
        }
    }

    /// Whether `counter` is new; from here on it is not.
    fn take(&mut self, counter: u64, now: Time) -> bool {
        self.seen = now;
        if counter > self.highest {
            let by = counter - self.highest;
            self.window = if by >= 64 { 1 } else { self.window << by | 1 };
            self.highest = counter;
            return true;
        }
        let new = self.is_new(counter);
        if new {
            self.window |= 1 << (self.highest - counter);
        }
        new
    }
}

#[derive(Debug)]
struct Reply {
    at: Time,
    way: Way,
    to: SocketAddr,
    nonce: [u8; 16],
}

/// What this node has heard and when it asks again.
#[derive(Debug)]
pub struct Prober {
    setup: Setup,
    cluster: [u8; 16],
    dice: Dice,
    networks: Vec<Network>,
    linked: BTreeSet<NodeName>,
    /// Nobody is missing.
    whole: bool,
    members: u32,
    counter: u64,
    /// How many probes were sent since something changed.
    probes: usize,
    due: Time,
    asked: VecDeque<(Time, [u8; 16])>,
    replies: Vec<Reply>,
    strangers: Bucket,
    friends: Bucket,
    sources: BTreeMap<(IpAddr, u64), Source>,
    lives: BTreeMap<u64, Life>,
    heard: BTreeMap<(NodeName, IpAddr), Heard>,
    counters: Counters,
    newer_at: Option<Time>,
    same_name_at: Option<Time>,
}

impl Prober {
    /// Nothing was heard yet; the first question is due when a network is there.
    #[must_use]
    pub fn new(setup: Setup, now: Time) -> Self {
        Self {
            cluster: name_hash(&setup.cluster),
            dice: Dice::new(setup.seed),
            setup,
            networks: Vec::new(),
            linked: BTreeSet::new(),
            whole: false,
            members: 1,
            counter: 0,
            probes: 0,
            due: now,
            asked: VecDeque::new(),
            replies: Vec::new(),
            strangers: Bucket::new(STRANGERS, now),
            friends: Bucket::new(FRIENDS, now),
            sources: BTreeMap::new(),
            lives: BTreeMap::new(),
            heard: BTreeMap::new(),
            counters: Counters::default(),
            newer_at: None,
            same_name_at: None,
        }
    }

    /// These are the networks of this host now. If they have changed, it asks again at once.
    pub fn on_networks(&mut self, mut networks: Vec<Network>, now: Time) -> bool {
        sort::sort(&mut networks);
        if networks == self.networks {
            return false;
        }
        self.networks = networks;
        self.probes = 0;
        self.due = now;
        true
    }

    /// A way can be used that could not before: asks anew.
    pub fn on_way_opened(&mut self, now: Time) {
        self.probes = 0;
        self.due = now;
    }

    /// With whom this node is linked, and whether nobody of `members` is missing.
    pub fn on_links(&mut self, linked: BTreeSet<NodeName>, whole: bool, members: u32, now: Time) {
        if self.whole && !whole && self.probes >= PROBES.len() {
            self.due = self.due.min(now + self.dice.about(MISSING));
        }
        (self.linked, self.whole, self.members) = (linked, whole, members);
    }

    /// The ways that lead to a group.
    #[must_use]
    pub fn ways(&self) -> BTreeSet<Way> {
        self.networks.iter().map(Network::way).collect()
    }

    /// When [`Self::on_deadline`] wants to be called.
    #[must_use]
    pub fn deadline(&self) -> Time {
        self.replies.iter().map(|reply| reply.at).fold(self.due, Time::min)
    }

    /// Time is up for something. `nonce` is random.
    pub fn on_deadline(&mut self, nonce: [u8; 16], now: Time, out: &mut Vec<Act>) {
        let due = |reply: &mut Reply| reply.at <= now;
        let replies: Vec<Reply> = self.replies.extract_if(.., due).collect();
        for Reply { way, to, nonce, .. } in replies {
            self.send(Kind::Reply, nonce, (way, to), out);
        }
        if self.due > now {
            return;
        }
        self.asked.retain(|(at, _)| now.since(*at) < ANSWERS);
        if !self.networks.is_empty() {
            self.asked.push_back((now, nonce));
            self.everywhere(Kind::Hello, nonce, out);
            self.probes += 1;
        }
        self.due = now
            + match PROBES.get(self.probes) {
                // A network that comes is asked at once.
                Some(_) if self.networks.is_empty() => MISSING,
                Some(wait) => *wait + Duration::from_millis(self.dice.below(JITTER_MS)),
                None => {
                    let steady = if self.whole { SETTLED } else { MISSING };
                    // Many nodes together must not make a noise.
                    let many = Duration::from_millis(100) * self.members;
                    let wait = if self.members > 50 { steady.max(many) } else { steady };
                    self.dice.about(wait)
                }
            };
    }

    /// The process ends: says so to whoever listens.
    pub fn on_shutdown(&mut self, out: &mut Vec<Act>) {
        self.everywhere(Kind::Bye, [0; 16], out);
    }

    fn everywhere(&mut self, kind: Kind, nonce: [u8; 16], out: &mut Vec<Act>) {
        for way in self.ways() {
            let groups: Vec<_> = self.setup.groups.clone();
            for group in groups.into_iter().filter(|group| group.is_ipv6() == way.v6) {
                self.send(kind, nonce, (way, group), out);
            }
        }
    }

    fn send(
        &mut self,
        kind: Kind,
        nonce: [u8; 16],
        (way, to): (Way, SocketAddr),
        out: &mut Vec<Act>,
    ) {
        let keys = self.setup.keys.current();
        self.counter += 1;
        let head = Head {
            kind,
            key_id: keys.key_id(),
            boot: self.setup.boot,
            counter: self.counter,
            nonce,
        };
        let here = self.networks.iter().filter(|network| network.index == way.index);
        let beacon = Beacon {
            name: self.setup.name.clone(),
            port: self.setup.port,
            addrs: here.map(|network| network.addr).take(beacon::ADDRS).collect(),
            cluster: self.cluster,
            wire: WIRE,
            node_id: self.setup.node_id,
        };
        let bytes = beacon::seal(&head, &beacon, keys, to.ip());
        self.counters.sent += 1;
        out.push(Act::Send { way, to, bytes });
    }

    /// A datagram came in.
    pub fn on_datagram(&mut self, arrival: Arrival, bytes: &[u8], out: &mut Vec<Act>) {
        let Arrival { way, from, now, .. } = arrival;
        let head = beacon::head(bytes);
        if head.is_ok_and(|head| head.boot == self.setup.boot) {
            return;
        }
        self.counters.received += 1;
        let head = match head {
            Ok(head) => head,
            Err(BadBeacon::Version(_)) => return self.on_newer(from.ip(), now, out),
            Err(BadBeacon::Foreign | BadBeacon::Mac | BadBeacon::Malformed) => {
                self.counters.foreign += 1;
                return;
            }
        };
        if !self.is_on_link(way.index, from.ip()) {
            self.counters.off_link += 1;
            return;
        }
        if self.lives.get(&head.boot).is_some_and(|life| !life.is_new(head.counter)) {
            self.counters.replayed += 1;
            return;
        }
        if !self.may_look(from.ip(), head.boot, now) {
            self.counters.over_budget += 1;
            return;
        }
        let opened = match self.setup.keys.by_id(head.key_id) {
            Some(keys) => beacon::open(bytes, keys, from.ip()),
            None => Err(BadBeacon::Mac),
        };
        match opened {
            Ok(beacon) => self.on_proven(&head, &beacon, arrival, out),
            Err(BadBeacon::Malformed) => self.counters.malformed += 1,
            Err(BadBeacon::Mac | BadBeacon::Foreign | BadBeacon::Version(_)) => {
                self.counters.wrong_cookie += 1;
                if let Ok(beacon) = beacon::claimed(bytes) {
                    let other = beacon.cluster != self.cluster;
                    let verdict = if other { Verdict::OtherCluster } else { Verdict::OtherCookie };
                    self.note(&beacon, arrival, (verdict, false));
                }
            }
        }
    }

    fn on_newer(&mut self, from: IpAddr, now: Time, out: &mut Vec<Act>) {
        self.counters.version += 1;
        if self.newer_at.is_none_or(|at| now.since(at) >= Duration::from_secs(3600)) {
            self.newer_at = Some(now);
            out.push(Act::Newer(from));
        }
    }

    fn on_proven(&mut self, head: &Head, beacon: &Beacon, arrival: Arrival, out: &mut Vec<Act>) {
        let Arrival { from, now, .. } = arrival;
        self.sources.remove(&(from.ip(), head.boot));
        if !self.is_new(head, now) {
            self.counters.replayed += 1;
            return;
        }
        let mut answered = false;
        if head.kind == Kind::Reply {
            let fresh = |(asked, nonce): &(Time, [u8; 16])| {
                *nonce == head.nonce && now.since(*asked) < ANSWERS
            };
            answered = self.asked.iter().any(fresh);
            if !answered {
                self.counters.unasked += 1;
                return;
            }
        }
        let verdict = self.judge(head, beacon);
        self.note(beacon, arrival, (verdict, answered));
        match verdict {
            Verdict::SameName => {
                if self.same_name_at.is_none_or(|at| now.since(at) >= Duration::from_secs(60)) {
                    self.same_name_at = Some(now);
                    out.push(Act::SameName(from.ip()));
                }
            }
            Verdict::Accepted if beacon.name != self.setup.name => {
                self.welcome(head, beacon, arrival, out);
            }
            Verdict::Accepted
            | Verdict::Gone
            | Verdict::OtherVersion
            | Verdict::OtherCluster
            | Verdict::OtherCookie => {}
        }
    }

    fn judge(&self, head: &Head, beacon: &Beacon) -> Verdict {
        if beacon.cluster != self.cluster {
            Verdict::OtherCluster
        } else if beacon.name == self.setup.name && beacon.node_id != self.setup.node_id {
            Verdict::SameName
        } else if beacon.wire.0 > WIRE.1 || beacon.wire.1 < WIRE.0 {
            Verdict::OtherVersion
        } else if head.kind == Kind::Bye {
            Verdict::Gone
        } else {
            Verdict::Accepted
        }
    }

    /// Answers a node of this cluster that is not linked, and has it dialled.
    fn welcome(&mut self, head: &Head, beacon: &Beacon, arrival: Arrival, out: &mut Vec<Act>) {
        let Arrival { way, from, now, .. } = arrival;
        if self.linked.contains(&beacon.name) {
            return;
        }
        let addrs = self.places(beacon, (way, from.ip()));
        let wait = Duration::from_millis(self.dice.below(JITTER_MS));
        let Some(life) = self.lives.get_mut(&head.boot) else { return };
        let over = |last: Option<Time>, pace| last.is_none_or(|at| now.since(at) >= pace);
        if head.kind == Kind::Hello
            && over(life.replied, REPLY_PACE)
            && self.replies.len() < REPLIES
        {
            life.replied = Some(now);
            self.replies.push(Reply { at: now + wait, way, to: from, nonce: head.nonce });
        }
        if over(life.hinted, HINT_PACE) && !addrs.is_empty() {
            life.hinted = Some(now);
            let (name, port) = (beacon.name.clone(), Some(beacon.port));
            out.push(Act::Found(Target { name, port, addrs }));
        }
    }

    /// Where a node may be dialled: where its datagram came from, and those of its addresses, the one in its name among them, that
    /// are in a network of this host.
    fn places(&self, beacon: &Beacon, (way, from): (Way, IpAddr)) -> Vec<SocketAddr> {
        let listed = beacon.addrs.iter().copied().chain(beacon.name.ip());
        let near = listed.filter(|addr| self.networks.iter().any(|net| net.contains(*addr)));
        let mut places = Vec::new();
        for addr in [from].into_iter().chain(near) {
            let place = beacon::place(addr, beacon.port, way.index);
            if addr.is_ipv6() == self.setup.v6 && !places.contains(&place) {
                places.push(place);
            }
        }
        places
    }

    fn is_on_link(&self, index: u32, from: IpAddr) -> bool {
        self.networks.iter().any(|net| net.index == index && net.contains(from))
    }

    /// Whether the budgets allow a closer look at a datagram of `from` that names the process life `boot`.
    fn may_look(&mut self, from: IpAddr, boot: u64, now: Time) -> bool {
        if let Some(life) = self.lives.get_mut(&boot) {
            return life.budget.take(now) && self.friends.take(now);
        }
        if !self.strangers.has(now) {
            return false;
        }
        let key = (from, boot);
        if self.sources.len() >= SOURCES && !self.sources.contains_key(&key) {
            let oldest = self.sources.iter().min_by_key(|(_, source)| source.seen);
            if let Some(oldest) = oldest.map(|(key, _)| *key) {
                self.sources.remove(&oldest);
            }
        }
        let unknown = Source { budget: Bucket::new(EACH, now), seen: now };
        let source = self.sources.entry(key).or_insert(unknown);
        source.seen = now;
        source.budget.take(now) && self.strangers.take(now)
    }

    fn is_new(&mut self, head: &Head, now: Time) -> bool {
        if self.lives.len() >= LIVES && !self.lives.contains_key(&head.boot) {
            let oldest = self.lives.iter().min_by_key(|(_, life)| life.seen).map(|(boot, _)| *boot);
            if let Some(oldest) = oldest {
                self.lives.remove(&oldest);
            }
        }
        self.lives.entry(head.boot).or_insert_with(|| Life::new(now)).take(head.counter, now)
    }

    fn note(&mut self, beacon: &Beacon, arrival: Arrival, (verdict, answered): (Verdict, bool)) {
        let Arrival { way, group: by_group, from, now } = arrival;
        let (addr, port) = (from.ip(), beacon.port);
        let key = (beacon.name.clone(), addr);
        if self.heard.len() >= HEARD && !self.heard.contains_key(&key) {
            // What is proven stays longest.
            let is_proven = |heard: &Heard| heard.verdict < Verdict::OtherCluster;
            let oldest = self.heard.iter().min_by_key(|(_, heard)| (is_proven(heard), heard.at));
            if let Some(oldest) = oldest.map(|(key, _)| key.clone()) {
                self.heard.remove(&oldest);
            }
        }
        let interface = self.networks.iter().find(|net| net.index == way.index);
        let interface = interface.map(|net| net.name.clone()).unwrap_or_default();
        let (name, old) = (key.0.clone(), self.heard.get(&key));
        let proven = |verdict| verdict < Verdict::OtherCluster;
        if !proven(verdict) && old.is_some_and(|old| proven(old.verdict)) {
            // Anybody can claim a name: what was proven stays.
            return;
        }
        let heard = Heard {
            name,
            addr,
            port,
            interface,
            at: now,
            count: old.map_or(0, |old| old.count) + 1,
            by_group: by_group || old.is_some_and(|old| old.by_group),
            answered: answered || old.is_some_and(|old| old.answered),
            verdict,
        };
        self.heard.insert(key, heard);
    }

    /// Who was heard, by name.
    pub fn heard(&self) -> impl Iterator<Item = &Heard> {
        self.heard.values()
    }

    /// What became of the datagrams.
    #[must_use]
    pub const fn counters(&self) -> Counters {
        self.counters
    }

    /// The groups that it asks.
    #[must_use]
    pub fn groups(&self) -> &[SocketAddr] {
        &self.setup.groups
    }

    /// The networks that it asks in.
    #[must_use]
    pub fn networks(&self) -> &[Network] {
        &self.networks
    }
}

#[cfg(test)]
mod tests;
