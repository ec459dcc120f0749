//! Who is kept out for a while: bans that an operator sets, and those that follow from behaviour: wrong passwords for one name or
//! for many, one client id that is taken over again and again, a client that comes and goes.
//!
//! What follows from behaviour holds for a name at an address: many clients may be behind one address, and one name may be tried
//! from many by somebody else. Only who tries many names is kept out with the whole address, see `spray`.
//!
//! What is counted is bounded: a flood of addresses makes the table forget the oldest, not grow. Of an IPv6 address the /64 counts
//! too, with a larger bound: every host in it has more addresses than can be banned, but one alone does not shut out the others. Pure.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv6Addr};
use std::time::Duration;

use super::ClientId;
use super::acl::Cidr;
use super::recent::Recent;
use super::spray::Spray;
use crate::time::{Time, Wall};

/// Bans of operators.
const MOST: usize = 10_000;
/// Bans of operators that name a block of addresses; they are looked at one by one.
const BLOCKS_MOST: usize = 1000;
/// Addresses and client ids that are counted, and that are banned by themselves, at least.
const COUNTED: usize = 4096;
/// A network of IPv6 may do so many times what one address may: that many hosts of a LAN may be at fault at once.
const NETWORK: u32 = 16;
/// Changes of address within a window that make two clients with one id of it.
const FIGHT: u32 = 3;

/// So often within so much time, and then banned for so long.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BanPolicy {
    /// How often.
    pub threshold: u32,
    /// Within this time.
    pub window: Duration,
    /// Banned for.
    pub ban: Duration,
}

/// What is banned by itself; `None` is nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BanPolicies {
    /// Names with wrong passwords (`auth_failure_policy`).
    pub failures: Option<BanPolicy>,
    /// Addresses with wrong passwords for many names (`auth_spray_policy`).
    pub sprays: Option<BanPolicy>,
    /// Client ids that are taken over (`takeover_policy`).
    pub takeovers: Option<BanPolicy>,
    /// Clients that come and go, in zones that look for them (`flapping_detect_policy`).
    pub flapping: Option<BanPolicy>,
}

impl Default for BanPolicies {
    fn default() -> Self {
        let policy = |threshold, window, ban| {
            let (window, ban) = (Duration::from_secs(window), Duration::from_secs(ban));
            Some(BanPolicy { threshold, window, ban })
        };
        Self {
            failures: policy(10, 60, 60),
            sprays: policy(20, 600, 600),
            takeovers: policy(10, 60, 60),
            flapping: policy(30, 60, 300),
        }
    }
}

/// Whom an operator bans.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Target {
    /// By client id.
    ClientId(Box<str>),
    /// By user name.
    Username(Box<str>),
    /// By address or block.
    Peerhost(Cidr),
}

impl Target {
    /// From the word of its kind, `clientid`, `username` or `peerhost`, and who it is.
    #[must_use]
    pub fn parse(kind: &str, who: &str) -> Option<Self> {
        match kind {
            "clientid" => Some(Self::ClientId(who.into())),
            "username" => Some(Self::Username(who.into())),
            "peerhost" => Cidr::parse(who).map(Self::Peerhost),
            _ => None,
        }
    }

    /// The word of its kind, and who it is.
    #[must_use]
    pub fn words(&self) -> (&'static str, String) {
        match self {
            Self::ClientId(id) => ("clientid", id.to_string()),
            Self::Username(name) => ("username", name.to_string()),
            Self::Peerhost(block) => ("peerhost", block.to_string()),
        }
    }

    /// Whether it names this client.
    #[must_use]
    pub fn names(&self, client: &Banned<'_>) -> bool {
        match self {
            Self::ClientId(id) => **id == *client.client_id,
            Self::Username(name) => Some(&**name) == client.username,
            Self::Peerhost(block) => block.contains(client.peer),
        }
    }
}

/// A client that may be banned.
#[derive(Clone, Copy, Debug)]
pub struct Banned<'a> {
    /// Its id.
    pub client_id: &'a str,
    /// Its user name, if it gave one.
    pub username: Option<&'a str>,
    /// Address of the other end.
    pub peer: IpAddr,
}

impl Banned<'_> {
    fn id(&self) -> Name {
        Name::ClientId(ClientId::new(self.client_id))
    }

    /// What a wrong password counts for: the user name, or the id of who gave none.
    fn name(&self) -> Name {
        self.username.map_or_else(|| self.id(), |name| Name::Username(name.into()))
    }
}

/// Wrong passwords of a client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Failure {
    /// Nothing unusual.
    Fine,
    /// Its user name, or its id if it gave none, is banned at its address from now on.
    Name,
    /// Who is not known at its address is banned there from now on.
    Address,
}

/// A ban of an operator, without whom it is for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ban {
    /// Why.
    pub reason: String,
    /// Who set it.
    pub by: String,
    /// When.
    pub at: Wall,
    /// Until when; `None` is for ever.
    pub until: Option<Wall>,
}

/// A ban that followed from behaviour.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Own {
    /// Why.
    pub reason: &'static str,
    /// When.
    pub at: Wall,
    /// Until when.
    pub until: Time,
}

/// There are too many bans.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("there are {0} bans of this kind, which is the most; take one out first")]
pub struct Full(usize);

/// What a takeover amounts to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Takeover {
    /// Nothing unusual.
    Fine,
    /// Two clients use one id: the other one has this address. Told once in a window.
    Fight(IpAddr),
    /// The newcomer is banned from now on.
    Banned,
}

/// An address, or the /64 of one: its first address.
type Source = IpAddr;

/// What a client is counted and banned by, at its address.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Name {
    /// Whoever shows a password, but for those who had the right one there lately.
    Guesser,
    /// Its id.
    ClientId(ClientId),
    /// Its user name.
    Username(Box<str>),
}

impl Name {
    /// The word of its kind, and the name; none is the address.
    #[must_use]
    pub fn words(&self) -> (&'static str, &str) {
        match self {
            Self::Guesser => ("peerhost", ""),
            Self::ClientId(id) => ("clientid", id.as_str()),
            Self::Username(name) => ("username", name),
        }
    }
}

#[derive(Clone, Copy, Debug)]
struct Window {
    since: Time,
    count: u32,
}

#[derive(Clone, Copy, Debug)]
struct Takeovers {
    window: Window,
    last: Source,
    changes: u32,
}

/// All bans of a node.
#[derive(Debug)]
pub struct Bans {
    policies: BanPolicies,
    listed: BTreeMap<Target, Ban>,
    /// Those of `listed` that are no single address.
    blocks: Vec<Cidr>,
    by_itself: Recent<(Name, Source), Own>,
    failures: Recent<(Name, Source), Window>,
    sprays: Spray,
    takeovers: Recent<ClientId, Takeovers>,
    flapping: Recent<(Name, Source), Window>,
}

impl Default for Bans {
    fn default() -> Self {
        Self {
            policies: BanPolicies::default(),
            listed: BTreeMap::new(),
            blocks: Vec::new(),
            by_itself: Recent::new(COUNTED),
            failures: Recent::new(COUNTED),
            sprays: Spray::default(),
            takeovers: Recent::new(COUNTED),
            flapping: Recent::new(COUNTED),
        }
    }
}

impl Window {
    /// Counts one more; whether the threshold is reached, which begins a new window.
    fn hit(&mut self, now: Time, policy: &BanPolicy) -> bool {
        if now.since(self.since) >= policy.window {
            *self = Self { since: now, count: 0 };
        }
        self.count += 1;
        let reached = self.count >= policy.threshold;
        if reached {
            *self = Self { since: now, count: 0 };
        }
        reached
    }
}

impl BanPolicy {
    /// The same for so many as count as one.
    const fn times(self, times: u32) -> Self {
        Self { threshold: self.threshold.saturating_mul(times), ..self }
    }
}

impl Bans {
    /// Other policies; what is banned stays so.
    pub const fn set_policies(&mut self, policies: BanPolicies) {
        self.policies = policies;
    }

    /// Nobody is banned.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.listed.is_empty() && self.by_itself.is_empty()
    }

    /// Why a client that shows a password is kept out before anybody looks at it, if it is.
    pub fn reason_to_guess(&mut self, client: &Banned<'_>, now: Time, wall: Wall) -> Option<&str> {
        let guesser = places(client.peer).find_map(|(place, _)| {
            let own = self.by_itself.get(&(Name::Guesser, place)).filter(|own| own.until > now)?;
            (!self.sprays.knows(&client.name(), place)).then_some(own.reason)
        });
        match guesser {
            Some(reason) => Some(reason),
            None => self.reason(client, now, wall),
        }
    }

    /// Why this client is kept out, if it is, whatever it shows.
    pub fn reason(&mut self, client: &Banned<'_>, now: Time, wall: Wall) -> Option<&str> {
        let holds = |own: &&Own| own.until > now;
        if !self.by_itself.is_empty() {
            let names =
                [Some(client.id()), client.username.map(|name| Name::Username(name.into()))];
            let mut pairs = names
                .into_iter()
                .flatten()
                .flat_map(|name| places(client.peer).map(move |(place, _)| (name.clone(), place)));
            if let Some(own) =
                pairs.find_map(|pair| self.by_itself.get(&pair).filter(holds).copied())
            {
                return Some(own.reason);
            }
        }
        if self.listed.is_empty() {
            return None;
        }
        let single = Cidr::single(client.peer);
        let blocks = self.blocks.iter().filter(|block| block.contains(client.peer)).copied();
        let targets = blocks.chain([single]).map(Target::Peerhost);
        let name = client.username.map(|name| Target::Username(name.into()));
        let mut targets = targets.chain(name).chain([Target::ClientId(client.client_id.into())]);
        let found = targets.find(|target| {
            self.listed.get(target).is_some_and(|ban| ban.until.is_none_or(|until| until > wall))
        })?;
        self.listed.get(&found).map(|ban| ban.reason.as_str())
    }

    /// Sets a ban, or another one in its place.
    ///
    /// # Errors
    /// [`Full`].
    pub fn add(&mut self, target: Target, ban: Ban, wall: Wall) -> Result<(), Full> {
        self.expire(wall);
        let known = self.listed.contains_key(&target);
        if let Target::Peerhost(block) = &target
            && block.address().is_none()
            && !known
        {
            if self.blocks.len() >= BLOCKS_MOST {
                return Err(Full(BLOCKS_MOST));
            }
            self.blocks.push(*block);
        }
        if self.listed.len() >= MOST && !known {
            return Err(Full(MOST));
        }
        self.listed.insert(target, ban);
        Ok(())
    }

    /// Takes a ban out, of an operator or one that followed from behaviour. `false`: there is none.
    pub fn remove(&mut self, target: &Target) -> bool {
        let listed = self.listed.remove(target).is_some();
        if let Target::Peerhost(block) = target {
            self.blocks.retain(|other| other != block);
        }
        let named = |(name, at): &&(Name, Source)| match (target, name) {
            (Target::ClientId(id), Name::ClientId(own)) => own.as_str() == &**id,
            (Target::Username(name), Name::Username(own)) => own == name,
            (Target::Peerhost(block), _) => {
                block.address().is_some_and(|one| places(one).any(|(place, _)| place == *at))
            }
            (Target::ClientId(_), Name::Username(_) | Name::Guesser)
            | (Target::Username(_), Name::ClientId(_) | Name::Guesser) => false,
        };
        let own: Vec<_> =
            self.by_itself.iter().map(|(pair, _)| pair).filter(named).cloned().collect();
        own.iter().fold(listed, |any, pair| self.by_itself.remove(pair).is_some() | any)
    }

    /// Takes out what is over.
    fn expire(&mut self, wall: Wall) {
        self.listed.retain(|_, ban| ban.until.is_none_or(|until| until > wall));
        let listed = &self.listed;
        self.blocks.retain(|block| listed.contains_key(&Target::Peerhost(*block)));
    }

    /// Bans of operators that hold.
    pub fn listed(&mut self, wall: Wall) -> impl Iterator<Item = (&Target, &Ban)> {
        self.expire(wall);
        self.listed.iter()
    }

    /// Names that are banned by themselves, with their addresses, in no order.
    pub fn own(&self, now: Time) -> impl Iterator<Item = (&Name, IpAddr, Own)> {
        let pairs = self.by_itself.iter().map(|((name, source), own)| (name, *source, *own));
        pairs.filter(move |(_, _, own)| own.until > now)
    }

    /// A client gave wrong credentials.
    pub fn on_failure(&mut self, client: &Banned<'_>, now: Time, wall: Wall) -> Failure {
        let name = client.name();
        let sprayed = self.sprayed(&name, client.peer, now, wall);
        let mut failure = if sprayed { Failure::Address } else { Failure::Fine };
        let Some(policy) = self.policies.failures.filter(|_| failure == Failure::Fine) else {
            return failure;
        };
        for pair in hit_at(&mut self.failures, &name, client.peer, now, &policy) {
            let reason = "too many wrong passwords";
            self.by_itself.insert(pair, Own { reason, at: wall, until: now + policy.ban });
            failure = Failure::Name;
        }
        failure
    }

    /// Somebody who is no client gave a wrong secret for this name. It counts for the address alone: a client may be called the same.
    /// `true`: the address is banned from now on.
    pub fn on_other_failure(&mut self, name: &str, peer: IpAddr, now: Time, wall: Wall) -> bool {
        self.sprayed(&Name::Username(name.into()), peer, now, wall)
    }

    /// Counts a name with a wrong password at an address; whether that was one too many.
    fn sprayed(&mut self, name: &Name, peer: IpAddr, now: Time, wall: Wall) -> bool {
        let Some(policy) = self.policies.sprays else { return false };
        let mut any = false;
        for (place, times) in places(peer) {
            if self.sprays.on_wrong(name, place, now, &policy.times(times)) {
                let reason = "wrong passwords for many names";
                let own = Own { reason, at: wall, until: now + policy.ban };
                self.by_itself.insert((Name::Guesser, place), own);
                any = true;
            }
        }
        any
    }

    /// A client showed the right credentials.
    pub fn on_success(&mut self, client: &Banned<'_>, now: Time) {
        if let Some(policy) = &self.policies.sprays {
            for (place, _) in places(client.peer) {
                self.sprays.on_right(&client.name(), place, now, policy);
            }
        }
    }

    /// A client is about to take over the id of one that is connected.
    pub fn on_takeover(&mut self, id: &ClientId, peer: IpAddr, now: Time, wall: Wall) -> Takeover {
        let Some(policy) = self.policies.takeovers else { return Takeover::Fine };
        let source = source(peer);
        let fresh = Takeovers { window: Window { since: now, count: 0 }, last: source, changes: 0 };
        if self.takeovers.touch(id).is_none() {
            self.takeovers.insert(id.clone(), fresh);
        }
        let Some(row) = self.takeovers.touch(id) else { return Takeover::Fine };
        if now.since(row.window.since) >= policy.window {
            *row = Takeovers { last: row.last, ..fresh };
        }
        let other = std::mem::replace(&mut row.last, source);
        row.changes += u32::from(other != source);
        let fight = other != source && row.changes == FIGHT;
        if row.window.hit(now, &policy) {
            let reason = "this client id is taken over again and again";
            let own = Own { reason, at: wall, until: now + policy.ban };
            self.by_itself.insert((Name::ClientId(id.clone()), source), own);
            return Takeover::Banned;
        }
        if fight { Takeover::Fight(other) } else { Takeover::Fine }
    }

    /// A client that was served has gone, in a zone that looks for flapping. `true`: it is banned from now on.
    pub fn on_gone(&mut self, id: &ClientId, peer: IpAddr, now: Time, wall: Wall) -> bool {
        let Some(policy) = self.policies.flapping else { return false };
        let name = Name::ClientId(id.clone());
        let reached = hit_at(&mut self.flapping, &name, peer, now, &policy);
        let any = !reached.is_empty();
        for pair in reached {
            let reason = "flapping is detected";
            let own = Own { reason, at: wall, until: now + policy.ban };
            self.by_itself.insert(pair, own);
        }
        any
    }
}

/// Counts one more of a name at the places of an address. Where the threshold is reached is returned.
fn hit_at(
    table: &mut Recent<(Name, Source), Window>,
    name: &Name,
    peer: IpAddr,
    now: Time,
    policy: &BanPolicy,
) -> Vec<(Name, Source)> {
    let mut reached = Vec::new();
    for (place, times) in places(peer) {
        let (pair, policy) = ((name.clone(), place), policy.times(times));
        if table.touch(&pair).is_none() {
            table.insert(pair.clone(), Window { since: now, count: 0 });
        }
        if table.touch(&pair).is_some_and(|window| window.hit(now, &policy)) {
            reached.push(pair);
        }
    }
    reached
}

/// An address as it counts: one of IPv4 is one however it is written.
#[must_use]
pub fn source(peer: IpAddr) -> Source {
    peer.to_canonical()
}

/// The /64 of an address of IPv6. Those that hold for one link alone have none: all hosts of the link would be one.
#[must_use]
pub fn network(peer: IpAddr) -> Option<Source> {
    match peer.to_canonical() {
        IpAddr::V6(ip) if !ip.is_unicast_link_local() => {
            Some(Ipv6Addr::from_bits(ip.to_bits() >> 64 << 64).into())
        }
        IpAddr::V6(_) | IpAddr::V4(_) => None,
    }
}

/// Where an address counts: as itself and in its network, and as how many that counts.
fn places(peer: IpAddr) -> impl Iterator<Item = (Source, u32)> {
    let network = network(peer).map(|network| (network, NETWORK));
    std::iter::once((source(peer), 1)).chain(network)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    fn at(seconds: u64) -> Time {
        Time::from_ms(seconds * 1000)
    }

    fn client<'a>(client_id: &'a str, username: Option<&'a str>, peer: &str) -> Banned<'a> {
        Banned { client_id, username, peer: ip(peer) }
    }

    fn ban(until: Option<u64>) -> Ban {
        let until = until.map(Wall::from_ms);
        Ban { reason: "because".into(), by: "test".into(), at: Wall::default(), until }
    }

    const WALL: Wall = Wall::from_ms(1000);

    #[test]
    fn wrong_secrets_of_others_count_for_the_address_alone() {
        let mut bans = Bans::default();
        let mut wrong = |name: &str| bans.on_other_failure(name, ip("10.0.0.1"), at(0), WALL);
        assert!((0..50).all(|_| !wrong("app")), "one name is nothing");
        assert!((0..19).any(|n| wrong(&format!("app{n}"))));
        let same = client("c", Some("app"), "10.0.0.1");
        assert_eq!(bans.reason(&same, at(1), WALL), None, "a client may be called the same");
        assert!(bans.reason_to_guess(&same, at(1), WALL).is_some());
    }

    #[test]
    fn operators_ban_ids_names_addresses_and_blocks() {
        let mut bans = Bans::default();
        for (kind, who) in [
            ("clientid", "c1"),
            ("username", "eve"),
            ("peerhost", "10.0.0.1"),
            ("peerhost", "10.9.0.0/16"),
            ("peerhost", "fe80::/64"),
        ] {
            let target = Target::parse(kind, who).unwrap();
            assert_eq!(target.words(), (kind, who.to_owned()));
            bans.add(target, ban(None), WALL).unwrap();
        }
        for (id, name, peer, banned) in [
            ("c1", None, "1.1.1.1", true),
            ("c2", Some("eve"), "1.1.1.1", true),
            ("eve", Some("c1"), "1.1.1.1", false),
            ("c", None, "10.0.0.1", true),
            ("c", None, "::ffff:10.0.0.1", true),
            ("c", None, "10.0.0.2", false),
            ("c", None, "10.9.255.1", true),
            ("c", None, "fe80::7", true),
            ("c", None, "fe81::7", false),
        ] {
            let client = client(id, name, peer);
            assert_eq!(bans.reason(&client, at(0), WALL).is_some(), banned, "{client:?}");
            assert_eq!(bans.listed.keys().any(|t| t.names(&client)), banned, "{client:?}");
        }
        assert!(bans.remove(&Target::parse("peerhost", "10.9.0.0/16").unwrap()));
        assert!(!bans.remove(&Target::parse("peerhost", "10.9.0.0/16").unwrap()));
        assert_eq!(bans.reason(&client("c", None, "10.9.255.1"), at(0), WALL), None);
        for (kind, who) in [("peerhost", "x"), ("peerhost", ""), ("ip", "1.1.1.1")] {
            assert_eq!(Target::parse(kind, who), None, "{kind} {who}");
        }
    }

    #[test]
    fn a_ban_ends() {
        let mut bans = Bans::default();
        let target = Target::ClientId("c".into());
        bans.add(target.clone(), ban(Some(5000)), WALL).unwrap();
        let client = client("c", None, "1.1.1.1");
        assert!(bans.reason(&client, at(0), Wall::from_ms(4999)).is_some());
        assert!(bans.reason(&client, at(0), Wall::from_ms(5000)).is_none());
        assert_eq!(bans.listed(Wall::from_ms(4999)).count(), 1);
        assert_eq!(bans.listed(Wall::from_ms(5000)).count(), 0);
        assert!(bans.is_empty());
    }

    #[test]
    fn bans_of_operators_are_bounded_and_over_ones_make_room() {
        let mut bans = Bans::default();
        for n in 0..MOST {
            bans.add(Target::ClientId(n.to_string().into()), ban(Some(2000)), WALL).unwrap();
        }
        let one_more = Target::ClientId("x".into());
        assert_eq!(bans.add(one_more.clone(), ban(None), WALL), Err(Full(MOST)));
        assert_eq!(bans.add(Target::ClientId("7".into()), ban(None), WALL), Ok(()));
        assert_eq!(bans.add(one_more, ban(None), Wall::from_ms(3000)), Ok(()));
        assert_eq!(bans.listed.len(), 2);
    }

    #[test]
    fn ten_wrong_passwords_in_a_minute_ban_the_name_at_its_address_for_one() {
        let mut bans = Bans::default();
        let bad = client("c", Some("bob"), "10.0.0.1");
        for n in 0..9 {
            assert_eq!(bans.on_failure(&bad, at(n), WALL), Failure::Fine);
        }
        // The window is over: it begins anew.
        assert_eq!(bans.on_failure(&bad, at(60), WALL), Failure::Fine);
        assert!((61..69).all(|n| bans.on_failure(&bad, at(n), WALL) == Failure::Fine));
        let other = client("other", Some("bob"), "10.0.0.1");
        assert_eq!(bans.on_failure(&other, at(69), WALL), Failure::Name);
        let mut banned =
            |id, name, peer, when| bans.reason(&client(id, name, peer), at(when), WALL).is_some();
        assert!(banned("any", Some("bob"), "10.0.0.1", 128));
        assert!(!banned("any", Some("bob"), "10.0.0.1", 129));
        assert!(!banned("c", Some("eve"), "10.0.0.1", 128), "others behind the same address");
        assert!(!banned("bob", None, "10.0.0.1", 128));
        assert!(!banned("c", Some("bob"), "10.0.0.2", 128), "the name at another address");
        assert_eq!(bans.own(at(128)).count(), 1);
        assert_eq!(bans.own(at(129)).count(), 0);
        assert!(!bans.remove(&Target::parse("peerhost", "10.0.0.2").unwrap()));
        assert!(!bans.remove(&Target::ClientId("bob".into())));
        assert!(bans.remove(&Target::Username("bob".into())));
        assert!(bans.is_empty());
    }

    #[test]
    fn who_gives_no_user_name_counts_by_its_id() {
        let mut bans = Bans::default();
        let bad = client("c", None, "10.0.0.1");
        assert_eq!(
            (0..10).filter(|n| bans.on_failure(&bad, at(*n), WALL) == Failure::Name).count(),
            1
        );
        assert!(bans.reason(&bad, at(10), WALL).is_some());
        assert!(bans.reason(&client("d", None, "10.0.0.1"), at(10), WALL).is_none());
        assert!(bans.remove(&Target::parse("peerhost", "10.0.0.1").unwrap()));
        assert!(bans.is_empty());
    }

    #[test]
    fn an_ipv6_host_counts_by_itself_and_its_network_later() {
        let mut bans = Bans::default();
        let banned = |bans: &mut Bans, peer: &str| {
            bans.reason(&client("c", None, peer), at(20), WALL).is_some()
        };
        for host in ["2001:db8::1", "fe80::1"] {
            for n in 1..=10 {
                bans.on_failure(&client("c", None, host), at(n), WALL);
            }
            assert!(banned(&mut bans, host));
        }
        for neighbour in ["2001:db8::2", "fe80::2"] {
            assert!(!banned(&mut bans, neighbour), "{neighbour}");
        }
        // From another address each time.
        for n in 11..=160 {
            bans.on_failure(&client("c", None, &format!("2001:db8::{n:x}")), at(11), WALL);
            bans.on_failure(&client("c", None, &format!("fe80::{n:x}")), at(11), WALL);
        }
        assert!(banned(&mut bans, "2001:db8::ffff"));
        assert!(!banned(&mut bans, "2001:db8:0:1::1") && !banned(&mut bans, "fe80::ffff"));
        assert!(bans.remove(&Target::parse("peerhost", "2001:db8::ffff").unwrap()));
        assert!(!banned(&mut bans, "2001:db8::ffff"));
    }

    #[test]
    fn one_host_of_a_lan_that_tries_many_names_keeps_out_no_neighbour() {
        let mut bans = Bans::default();
        let tries = |bans: &mut Bans, host: u32, name: u32| {
            let (name, peer) = (format!("n{name}"), format!("2001:db8::{host:x}"));
            bans.on_failure(&client("c", Some(&name), &peer), at(1), WALL)
        };
        let tried: Vec<_> = (0..20).map(|n| tries(&mut bans, 1, n)).collect();
        assert_eq!(tried.iter().position(|one| *one == Failure::Address), Some(19));
        let guesses = |bans: &mut Bans, peer: &str| {
            bans.reason_to_guess(&client("c", Some("eve"), peer), at(2), WALL).is_some()
        };
        assert!(guesses(&mut bans, "2001:db8::1") && !guesses(&mut bans, "2001:db8::2"));
        for n in 20..320 {
            tries(&mut bans, n, n);
        }
        assert!(guesses(&mut bans, "2001:db8::2"), "20 names from each of 16");
        assert!(!guesses(&mut bans, "2001:db8:0:1::1"));
    }

    const SPRAYER: &str = "10.0.0.1";

    fn named(name: &str) -> Banned<'_> {
        client("c", Some(name), SPRAYER)
    }

    /// So many names fail, a second each; when the address was banned.
    fn spray(bans: &mut Bans, names: std::ops::Range<u64>) -> Option<u64> {
        let name = |n: &u64| format!("n{n}");
        names
            .into_iter()
            .find(|n| bans.on_failure(&named(&name(n)), at(*n), WALL) == Failure::Address)
    }

    #[test]
    fn wrong_passwords_for_many_names_ban_who_guesses_at_that_address() {
        let mut bans = Bans::default();
        bans.on_success(&named("bob"), at(0));
        assert_eq!(spray(&mut bans, 0..50), Some(19));
        let mut kept_out =
            |client: Banned<'_>, when| bans.reason_to_guess(&client, at(when), WALL).is_some();
        assert!(kept_out(named("eve"), 20));
        assert!(kept_out(client("c", None, SPRAYER), 20));
        assert!(!kept_out(named("bob"), 20), "it had the right password there");
        assert!(!kept_out(client("c", Some("eve"), "10.0.0.2"), 20));
        assert!(!kept_out(named("eve"), 619), "it ends");
        let shows_none = client("c", None, SPRAYER);
        assert!(
            bans.reason(&shows_none, at(20), WALL).is_none(),
            "who shows no password guesses none"
        );
        assert!(bans.remove(&Target::parse("peerhost", SPRAYER).unwrap()));
        assert!(bans.reason_to_guess(&named("eve"), at(20), WALL).is_none());
    }

    #[test]
    fn one_broken_device_bans_no_address_and_a_slow_trickle_none() {
        let off = BanPolicies { failures: None, ..BanPolicies::default() };
        let mut bans = Bans::default();
        bans.set_policies(off);
        assert!((0..5000).all(|n| bans.on_failure(&named("broken"), at(n), WALL) == Failure::Fine));
        // 19 names in each window.
        for window in 10..20 {
            let begin = window * 600;
            assert_eq!(spray(&mut bans, begin..begin + 19), None);
        }
    }

    #[test]
    fn a_network_in_which_more_names_come_in_than_fail_is_not_banned() {
        let mut bans = Bans::default();
        for n in 0..100_u64 {
            bans.on_success(&named(&format!("good{n}")), at(1));
            // Who comes in again and again with one name does not make room for guesses.
            bans.on_success(&named("good0"), at(1));
        }
        assert_eq!(spray(&mut bans, 1..1000), Some(101), "the hundred and first name");
    }

    #[test]
    fn a_fight_over_an_id_is_told_once_and_bans_who_comes_tenth() {
        let mut bans = Bans::default();
        let id = ClientId::new("twin");
        let (a, b) = (ip("10.0.0.1"), ip("10.0.0.2"));
        let mut told = Vec::new();
        for n in 0..10 {
            let peer = if n % 2 == 0 { a } else { b };
            told.push(bans.on_takeover(&id, peer, at(n), WALL));
        }
        let fights: Vec<_> = told.iter().filter(|t| matches!(t, Takeover::Fight(_))).collect();
        assert_eq!(fights, [&Takeover::Fight(a)], "{told:?}");
        assert_eq!(told[9], Takeover::Banned);
        assert!(bans.reason(&client("twin", None, "10.0.0.2"), at(10), WALL).is_some());
        assert!(bans.reason(&client("twin", None, "10.0.0.1"), at(10), WALL).is_none());
        assert!(bans.reason(&client("other", None, "10.0.0.2"), at(10), WALL).is_none());
        assert!(bans.reason(&client("twin", None, "10.0.0.2"), at(69), WALL).is_none());
    }

    #[test]
    fn a_client_that_moves_once_is_no_fight() {
        let mut bans = Bans::default();
        let id = ClientId::new("roams");
        for (n, peer) in ["10.0.0.1", "10.0.0.2", "10.0.0.2", "10.0.0.2"].iter().enumerate() {
            assert_eq!(bans.on_takeover(&id, ip(peer), at(n as u64), WALL), Takeover::Fine);
        }
    }

    #[test]
    fn a_client_that_comes_and_goes_is_banned_at_its_address() {
        let mut bans = Bans::default();
        let policy = BanPolicy {
            threshold: 3,
            window: Duration::from_secs(60),
            ban: Duration::from_secs(9),
        };
        bans.set_policies(BanPolicies { flapping: Some(policy), ..BanPolicies::default() });
        let id = ClientId::new("c");
        let gone = (0..3).map(|n| bans.on_gone(&id, ip("10.0.0.1"), at(n), WALL));
        assert_eq!(gone.collect::<Vec<_>>(), [false, false, true]);
        assert!(bans.reason(&client("c", None, "10.0.0.1"), at(3), WALL).is_some());
        assert!(bans.reason(&client("c", None, "10.0.0.2"), at(3), WALL).is_none());
        assert!(bans.remove(&Target::ClientId("c".into())));
    }

    #[test]
    fn what_is_counted_is_bounded() {
        let mut bans = Bans::default();
        let off = BanPolicies { failures: None, sprays: None, takeovers: None, flapping: None };
        for n in 0..100_000_u32 {
            let peer = IpAddr::from(n.to_be_bytes());
            let id = ClientId::new(&n.to_string());
            let named = Banned { client_id: id.as_str(), username: None, peer };
            bans.on_failure(&named, at(0), WALL);
            bans.on_success(&named, at(0));
            bans.on_takeover(&id, peer, at(0), WALL);
            bans.on_gone(&id, peer, at(0), WALL);
        }
        for len in [bans.failures.len(), bans.takeovers.len(), bans.flapping.len()] {
            assert!((COUNTED..=2 * COUNTED).contains(&len), "{len}");
        }
        assert!(bans.sprays.len().iter().all(|len| *len <= 16_384), "{:?}", bans.sprays.len());
        bans.set_policies(off);
        let all = (0..50_u64)
            .map(|n| bans.on_failure(&client("c", Some(&n.to_string()), "9.9.9.9"), at(0), WALL));
        assert!(all.into_iter().all(|failure| failure == Failure::Fine));
    }
}
