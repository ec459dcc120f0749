//! Who may begin a handshake: bounds for strangers, so that a flood costs neither memory nor the members their
//! links.
//!
//! A member is an address from which somebody has proven the cookie; where this node dialled, a node is expected; the loopback is
//! for itself; everybody else is a stranger. Strangers share a pool and a pace that nobody else needs. Before those, each address has
//! a pace of its own, so that one host cannot use up what is for all; and each network of IPv6 (a /64, where one host has as many
//! addresses as it likes) a little less than all.
//!
//! Invariants: `sources` does not grow past [`SOURCES`] nor `blocks` past [`BLOCKS`], and `open` counts exactly the passes that are
//! out.

use std::{collections::BTreeMap, net::IpAddr, time::Duration};

use crate::time::Time;

/// Addresses remembered; of more, the one not seen longest is forgotten. More than can have a handshake under way.
pub const SOURCES: usize = 256;
/// Networks of IPv6 remembered.
const BLOCKS: usize = 64;

/// Handshakes at once: of all strangers, of those in one network of IPv6, and of one.
const STRANGERS_OPEN: u32 = 16;
const BLOCK_OPEN: u32 = 12;
const STRANGER_OPEN: u32 = 3;
/// Of all nodes, and once more of the loopback, where others than nodes may come from; of one address of a node.
const NODES_OPEN: u32 = 64;
const NODE_OPEN: u32 = 16;
/// Attempts of all strangers, of those in one network, and of one address that has proven nothing.
const COMMON: Pace = Pace { burst: 16, every_ms: 100 };
const BLOCK: Pace = Pace { burst: 12, every_ms: 125 };
const OWN: Pace = Pace { burst: 6, every_ms: 250 };
/// In halves: a connection that breaks is half a failure.
const FAILURES: u32 = 10;
const WINDOW: Duration = Duration::from_secs(60);
const STRANGER_WAITS: Duration = Duration::from_secs(60);
const MEMBER_WAITS: Duration = Duration::from_secs(1);

/// Why a connection is closed unread.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// Too many unfinished handshakes.
    #[error("too many handshakes at once")]
    HalfOpen,
    /// Too many attempts in a second.
    #[error("too many attempts")]
    Rate,
    /// Failed too often and has to wait.
    #[error("failed too often")]
    Waits,
}

/// Leave for one handshake; give it back with [`Gate::on_end`].
#[derive(Debug)]
#[must_use]
pub struct Pass {
    from: IpAddr,
    pool: Pool,
}

/// How a handshake ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The other end knows the cookie, whether it was let in or not.
    Proven,
    /// It does not, or it said nothing in time.
    Failed,
    /// The connection broke.
    Broken,
}

/// Who shares a number of handshakes at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Pool {
    Loopback,
    Nodes,
    Strangers,
}

/// Attempts at once, and one more in this time.
#[derive(Clone, Copy, Debug)]
struct Pace {
    burst: u64,
    every_ms: u64,
}

/// What is left of a pace.
#[derive(Clone, Copy, Debug, Default)]
struct Budget {
    /// Attempts made that time has not made up for.
    spent: u64,
    counted: Time,
}

impl Budget {
    fn refill(&mut self, pace: Pace, now: Time) {
        let back = now.as_ms().saturating_sub(self.counted.as_ms()) / pace.every_ms;
        self.spent = self.spent.saturating_sub(back);
        let counted = self.counted + Duration::from_millis(back * pace.every_ms);
        self.counted = if self.spent == 0 { now } else { counted };
    }

    fn has(mut self, pace: Pace, now: Time) -> bool {
        self.refill(pace, now);
        self.spent < pace.burst
    }

    fn spend(&mut self, pace: Pace, now: Time) {
        self.refill(pace, now);
        self.spent += 1;
    }
}

/// Strangers in one network of IPv6.
#[derive(Clone, Copy, Debug, Default)]
struct Block {
    budget: Budget,
    open: u32,
    seen: Time,
}

#[derive(Clone, Copy, Debug, Default)]
struct Source {
    member: bool,
    /// This node dialled it.
    expected: bool,
    budget: Budget,
    open: u32,
    failures: u32,
    first_failure: Time,
    waits_until: Time,
    seen: Time,
}

/// The bounds, and what is known of those who came.
#[derive(Debug)]
pub struct Gate {
    sources: BTreeMap<IpAddr, Source>,
    blocks: BTreeMap<u64, Block>,
    open: [u32; 3],
    strangers: Budget,
    refused: u64,
}

impl Default for Gate {
    fn default() -> Self {
        Self::new()
    }
}

impl Gate {
    /// Nobody came yet.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            sources: BTreeMap::new(),
            blocks: BTreeMap::new(),
            open: [0; 3],
            strangers: Budget { spent: 0, counted: Time::ZERO },
            refused: 0,
        }
    }

    /// This node dials `to`: somebody who comes from there is no stranger.
    pub fn on_dial(&mut self, to: IpAddr, now: Time) {
        let source = self.source(to.to_canonical());
        (source.expected, source.seen) = (true, now);
    }

    /// Somebody connects from `from`.
    ///
    /// # Errors
    /// [`Refusal`]: close it without reading.
    pub fn on_attempt(&mut self, from: IpAddr, now: Time) -> Result<Pass, Refusal> {
        let from = from.to_canonical();
        let known = self.sources.get(&from).copied().unwrap_or_default();
        let pool = match known {
            _ if from.is_loopback() => Pool::Loopback,
            Source { member: true, .. } | Source { expected: true, .. } => Pool::Nodes,
            Source { .. } => Pool::Strangers,
        };
        if let Some(refusal) = self.refusal((from, known), pool, now) {
            self.refused += 1;
            return Err(refusal);
        }
        let source = self.source(from);
        source.open += 1;
        source.seen = now;
        source.budget.spend(OWN, now);
        *self.open(pool) += 1;
        if pool == Pool::Strangers {
            self.strangers.spend(COMMON, now);
            if let Some(block) = block_of(from) {
                let block = self.block(block);
                block.open += 1;
                block.seen = now;
                block.budget.spend(BLOCK, now);
            }
        }
        Ok(Pass { from, pool })
    }

    fn refusal(
        &mut self,
        (from, known): (IpAddr, Source),
        pool: Pool,
        now: Time,
    ) -> Option<Refusal> {
        let (most, each) = match pool {
            Pool::Loopback => (NODES_OPEN, NODES_OPEN),
            Pool::Nodes => (NODES_OPEN, NODE_OPEN),
            Pool::Strangers => (STRANGERS_OPEN, STRANGER_OPEN),
        };
        let full = *self.open(pool) >= most || known.open >= each;
        let is_stranger = pool == Pool::Strangers;
        let block = block_of(from).filter(|_| is_stranger);
        let block = block.and_then(|block| self.blocks.get(&block)).copied().unwrap_or_default();
        let paced = pool != Pool::Loopback && !known.member;
        if known.waits_until > now {
            Some(Refusal::Waits)
        } else if full || block.open >= BLOCK_OPEN {
            Some(Refusal::HalfOpen)
        } else {
            let fast = (paced && !known.budget.has(OWN, now))
                || !block.budget.has(BLOCK, now)
                || (is_stranger && !self.strangers.has(COMMON, now));
            fast.then_some(Refusal::Rate)
        }
    }

    /// A handshake is over.
    pub fn on_end(&mut self, pass: Pass, outcome: Outcome, now: Time) {
        let Pass { from, pool } = pass;
        let open = self.open(pool);
        *open = open.saturating_sub(1);
        let block = block_of(from).filter(|_| pool == Pool::Strangers);
        if let Some(block) = block.and_then(|block| self.blocks.get_mut(&block)) {
            block.open = block.open.saturating_sub(1);
        }
        let Some(source) = self.sources.get_mut(&from) else { return };
        source.open = source.open.saturating_sub(1);
        source.seen = now;
        let trusted = source.member || pool == Pool::Loopback;
        let failure = match outcome {
            Outcome::Proven => {
                (source.member, source.failures) = (true, 0);
                return;
            }
            // A member's connection may break at any time: what tells it from a flood is that it has proven itself.
            Outcome::Broken if trusted => return,
            Outcome::Broken => 1,
            Outcome::Failed => 2,
        };
        if source.failures == 0 || now - source.first_failure > WINDOW {
            (source.failures, source.first_failure) = (0, now);
        }
        source.failures += failure;
        if source.failures >= FAILURES {
            let node = trusted || source.expected;
            source.waits_until = now + if node { MEMBER_WAITS } else { STRANGER_WAITS };
            source.failures = 0;
        }
    }

    /// Connections closed unread so far.
    #[must_use]
    pub const fn refused(&self) -> u64 {
        self.refused
    }

    fn open(&mut self, pool: Pool) -> &mut u32 {
        let [loopback, nodes, strangers] = &mut self.open;
        match pool {
            Pool::Loopback => loopback,
            Pool::Nodes => nodes,
            Pool::Strangers => strangers,
        }
    }

    /// What is known of `from`. Forgets the address not seen longest if there is no room, and none with a handshake under way.
    fn source(&mut self, from: IpAddr) -> &mut Source {
        if self.sources.len() >= SOURCES && !self.sources.contains_key(&from) {
            let idle = self.sources.iter().filter(|(_, source)| source.open == 0);
            // Members go last: a flood of strange addresses must not make strangers of them.
            let oldest = idle.min_by_key(|(_, one)| (one.member, one.expected, one.seen));
            if let Some(oldest) = oldest.map(|(ip, _)| *ip) {
                self.sources.remove(&oldest);
            }
        }
        self.sources.entry(from).or_default()
    }

    fn block(&mut self, of: u64) -> &mut Block {
        if self.blocks.len() >= BLOCKS && !self.blocks.contains_key(&of) {
            let idle = self.blocks.iter().filter(|(_, block)| block.open == 0);
            if let Some(oldest) = idle.min_by_key(|(_, one)| one.seen).map(|(block, _)| *block) {
                self.blocks.remove(&oldest);
            }
        }
        self.blocks.entry(of).or_default()
    }
}

/// The network of IPv6 that an address is in.
fn block_of(from: IpAddr) -> Option<u64> {
    match from {
        IpAddr::V4(_) => None,
        IpAddr::V6(v6) => v6.octets().first_chunk().map(|bytes| u64::from_be_bytes(*bytes)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ip(n: u16) -> IpAddr {
        let [high, low] = n.to_be_bytes();
        IpAddr::from([10, 0, high, low])
    }

    fn at(ms: u64) -> Time {
        Time::from_ms(ms)
    }

    #[test]
    fn strangers_have_few_handshakes_at_once() {
        let mut gate = Gate::new();
        let mut passes: Vec<Pass> =
            (0..3).map(|_| gate.on_attempt(ip(1), at(0)).unwrap()).collect();
        assert_eq!(gate.on_attempt(ip(1), at(0)).unwrap_err(), Refusal::HalfOpen);
        passes.extend((2..15).map(|n| gate.on_attempt(ip(n), at(0)).unwrap()));
        assert_eq!(gate.on_attempt(ip(99), at(60_000)).unwrap_err(), Refusal::HalfOpen);
        gate.on_dial(ip(100), at(60_000));
        passes.push(gate.on_attempt(ip(100), at(60_000)).unwrap());
        passes.into_iter().for_each(|pass| gate.on_end(pass, Outcome::Broken, at(60_000)));
        assert!(gate.on_attempt(ip(99), at(60_000)).is_ok());
        assert_eq!(gate.refused(), 2);
    }

    /// A user without rights on the host of a node is no member, and one host of a member is not all of them.
    #[test]
    fn neither_the_loopback_nor_one_member_takes_the_room_of_the_others() {
        let mut gate = Gate::new();
        for n in 1..=8 {
            let pass = gate.on_attempt(ip(n), at(u64::from(n) * 200)).unwrap();
            gate.on_end(pass, Outcome::Proven, at(u64::from(n) * 200));
        }
        let now = at(5_000);
        let loopback = IpAddr::from([127, 0, 0, 1]);
        let mut silent: Vec<Pass> =
            (0..NODES_OPEN).map(|_| gate.on_attempt(loopback, now).unwrap()).collect();
        assert_eq!(gate.on_attempt([127, 0, 0, 2].into(), now).unwrap_err(), Refusal::HalfOpen);
        while let Ok(pass) = gate.on_attempt(ip(1), now) {
            silent.push(pass);
        }
        assert_eq!(u32::try_from(silent.len()), Ok(NODES_OPEN + NODE_OPEN));
        assert!((2..=8).all(|n| gate.on_attempt(ip(n), now).is_ok()));
    }

    #[test]
    fn strangers_have_a_pace_and_members_have_none() {
        let mut gate = Gate::new();
        let mut attempt = |from: IpAddr, now: u64, outcome: Outcome| {
            let pass = gate.on_attempt(from, at(now))?;
            gate.on_end(pass, outcome, at(now));
            Ok(())
        };
        for _ in 0..6 {
            assert_eq!(attempt(ip(1), 0, Outcome::Broken), Ok(()));
        }
        assert_eq!(attempt(ip(1), 50, Outcome::Broken), Err(Refusal::Rate), "its own");
        for n in 100..110 {
            assert_eq!(attempt(ip(n), 50, Outcome::Broken), Ok(()));
        }
        assert_eq!(attempt(ip(2), 50, Outcome::Proven), Err(Refusal::Rate), "that of all");
        assert_eq!(attempt(ip(2), 150, Outcome::Proven), Ok(()));
        assert_eq!(attempt(ip(3), 150, Outcome::Broken), Err(Refusal::Rate));
        for _ in 0..100 {
            assert_eq!(attempt(ip(2), 150, Outcome::Broken), Ok(()), "a member by now");
        }
    }

    /// When `joiner`, which dials as a node does, gets in while `flood` names who else connects, 400 times a second.
    fn joined(gate: &mut Gate, joiner: IpAddr, flood: impl Fn(u64) -> (IpAddr, Outcome)) -> u64 {
        let mut silent: std::collections::VecDeque<(u64, Pass, Outcome)> = Default::default();
        let (mut tries, mut wait) = (Vec::new(), 250);
        let begin = 20_000;
        for half_ms in 0..2 * (begin + 30_000) {
            let now = half_ms / 2;
            if silent.front().is_some_and(|(until, ..)| *until <= now) {
                let (_, pass, outcome) = silent.pop_front().unwrap();
                gate.on_end(pass, outcome, at(now));
            }
            if half_ms % 5 == 0 {
                let (from, outcome) = flood(half_ms);
                match gate.on_attempt(from, at(now)) {
                    Ok(pass) if outcome == Outcome::Failed => {
                        silent.push_back((now + 5_000, pass, outcome));
                    }
                    Ok(pass) => gate.on_end(pass, outcome, at(now)),
                    Err(_) => {}
                }
            }
            if half_ms % 2 == 0 && now >= begin && tries.last().is_none_or(|due| *due <= now) {
                match gate.on_attempt(joiner, at(now)) {
                    Ok(_) => return now - begin,
                    Err(_) if tries.len() % 5 < 4 => tries.push(now + 10),
                    Err(_) => {
                        tries.push(now + wait);
                        wait = (wait * 2).min(5_000);
                    }
                }
            }
        }
        panic!("it is kept out");
    }

    #[test]
    fn one_host_without_the_cookie_keeps_nobody_out() {
        for outcome in [Outcome::Broken, Outcome::Failed] {
            let flood = |_| (ip(666), outcome);
            let took = joined(&mut Gate::new(), ip(7), flood);
            assert!(took < 1_000, "{outcome:?}: {took} ms");
        }
    }

    #[test]
    fn a_host_with_many_addresses_keeps_out_neither_expected_nodes_nor_those_of_other_networks() {
        let v6 = |net: u16, host: u64| {
            let [a, b, c, d] = [48, 32, 16, 0].map(|by| (host >> by & 0xffff) as u16);
            IpAddr::from([0xfd00, 0, 0, net, a, b, c, d])
        };
        for outcome in [Outcome::Broken, Outcome::Failed] {
            let mut gate = Gate::new();
            gate.on_dial(v6(1, 7), at(0));
            let flood = |n| (v6(1, 1000 + n), outcome);
            let took = joined(&mut gate, v6(1, 7), flood);
            assert!(took < 1_000, "expected, {outcome:?}: {took} ms");
            let took = joined(&mut Gate::new(), v6(2, 7), flood);
            assert!(took < 1_000, "elsewhere, {outcome:?}: {took} ms");
        }
        let mut gate = Gate::new();
        for n in 0..5_000_u16 {
            let now = at(u64::from(n) * 200);
            let pass = gate.on_attempt(v6(n, 1), now).unwrap();
            gate.on_end(pass, Outcome::Broken, now);
        }
        assert_eq!((gate.sources.len(), gate.blocks.len()), (SOURCES, BLOCKS));
    }

    #[test]
    fn who_fails_often_waits() {
        let mut gate = Gate::new();
        let mut fail = |from: IpAddr, now: u64| {
            let pass = gate.on_attempt(from, at(now))?;
            gate.on_end(pass, Outcome::Failed, at(now));
            Ok(())
        };
        for n in 0..5 {
            assert_eq!(fail(ip(1), n * 200), Ok(()));
        }
        assert_eq!(fail(ip(1), 2000), Err(Refusal::Waits));
        assert_eq!(fail(ip(1), 60_700), Err(Refusal::Waits));
        assert_eq!(fail(ip(1), 60_800), Ok(()));
        let loopback = IpAddr::from([127, 0, 0, 1]);
        for _ in 0..5 {
            assert_eq!(fail(loopback, 70_000), Ok(()));
        }
        assert_eq!(fail(loopback, 70_900), Err(Refusal::Waits));
        assert_eq!(fail(loopback, 71_000), Ok(()));
        // Five failures spread over more than a minute are no attack.
        for n in 0..20 {
            assert_eq!(fail(ip(3), 100_000 + n * 16_000), Ok(()));
        }
    }

    #[test]
    fn a_flood_of_addresses_takes_bounded_memory_and_no_members() {
        let mut gate = Gate::new();
        let pass = gate.on_attempt(ip(7), at(0)).unwrap();
        gate.on_end(pass, Outcome::Proven, at(0));
        for n in 0..2000u16 {
            let now = at(1000 + u64::from(n) * 100);
            let pass = gate.on_attempt(ip(1000 + n), now).unwrap();
            gate.on_end(pass, Outcome::Failed, now);
        }
        assert!(gate.sources.len() <= SOURCES);
        assert!(gate.sources[&ip(7)].member);
    }
}
