//! A small world of directories: ordered links that are cut, clocks that differ, clients that wander.

use std::collections::BTreeSet;

use super::*;
use crate::time::Wall;

struct Dice(u64);

impl Dice {
    fn below(&mut self, end: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) % end
    }
}

#[derive(Clone, Copy, PartialEq)]
enum Broken {
    Nothing,
    /// Nobody tells new owners what it has.
    Refresh,
    /// A node that is told of a newer claim keeps its session.
    Kick,
    /// Claims are compared by the clock of the box alone.
    Clock,
}

struct Node {
    directory: Directory,
    clock: Hlc,
    /// Sessions here, and the claims they stand under.
    sessions: BTreeMap<Arc<str>, u64>,
    opening: BTreeMap<u64, Arc<str>>,
}

struct World {
    dice: Dice,
    now: u64,
    nodes: Vec<Node>,
    /// By link: when each frame arrives.
    links: BTreeMap<(usize, usize), VecDeque<(u64, ClaimFrame)>>,
    cut: BTreeSet<(usize, usize)>,
    /// The last that got in, for each client.
    newest: BTreeMap<Arc<str>, Claim>,
    tickets: u64,
    broken: Broken,
}

fn id(n: usize) -> NodeId {
    NodeId([u8::try_from(n).unwrap() + 1; 16])
}

fn number(id: NodeId) -> usize {
    usize::from(id.0[0]) - 1
}

impl World {
    fn new(count: usize, seed: u64, broken: Broken) -> Self {
        let mut dice = Dice(seed);
        let nodes = (0..count).map(|n| Node {
            directory: Directory::new(id(n)),
            clock: Hlc::new(Wall::from_ms(100_000 + dice.below(4_000)), Time::ZERO, 0),
            sessions: BTreeMap::new(),
            opening: BTreeMap::new(),
        });
        let nodes = nodes.collect();
        let (links, cut, newest) = (BTreeMap::new(), BTreeSet::new(), BTreeMap::new());
        let mut world = Self { dice, now: 0, nodes, links, cut, newest, tickets: 0, broken };
        world.look();
        world
    }

    fn reaches(&self, a: usize, b: usize) -> bool {
        !self.cut.contains(&(a.min(b), a.max(b)))
    }

    /// Every node sees whom it reaches.
    fn look(&mut self) {
        let count = self.nodes.len();
        for n in 0..count {
            let view = (0..count).filter(|m| *m != n && self.reaches(n, *m)).map(id).collect();
            let mut out = Vec::new();
            let now = Time::from_ms(self.now);
            let node = &mut self.nodes[n];
            let walk =
                node.directory.on_view(view, &mut At { clock: &mut node.clock, now }, &mut out);
            if walk && self.broken != Broken::Refresh {
                let view = node.directory.view();
                for (client, hlc) in &node.sessions {
                    node.directory.refresh(client, *hlc, &mut out);
                }
                node.directory.refreshed(view);
            }
            self.perform(n, out);
        }
    }

    fn perform(&mut self, n: usize, out: Vec<Order>) {
        for order in out {
            match order {
                Order::Send(to, frame) => {
                    let to = number(to);
                    if self.reaches(n, to) {
                        let link = self.links.entry((n, to)).or_default();
                        let last = link.back().map_or(0, |(at, _)| *at);
                        let at = last.max(self.now + 1 + self.dice.below(5));
                        link.push_back((at, frame));
                    }
                }
                Order::Claimed { ticket, claim, .. } => {
                    let client = self.nodes[n].opening.remove(&ticket).unwrap();
                    self.nodes[n].sessions.insert(client.clone(), claim.hlc);
                    let newest = self.newest.entry(client).or_default();
                    *newest = claim.max(*newest);
                }
                Order::Kick { client, winner, .. } => {
                    let node = &mut self.nodes[n];
                    let own =
                        node.sessions.get(&client).map(|hlc| Claim { hlc: *hlc, node: id(n) });
                    let older = own.is_some_and(|own| own < winner);
                    if older && self.broken != Broken::Kick {
                        node.sessions.remove(&client);
                    }
                }
            }
        }
    }

    fn connect(&mut self, n: usize, client: &str) {
        self.tickets += 1;
        let ticket = self.tickets;
        self.nodes[n].opening.insert(ticket, client.into());
        let (mut out, now) = (Vec::new(), Time::from_ms(self.now));
        let node = &mut self.nodes[n];
        if self.broken == Broken::Clock {
            node.clock = Hlc::new(Wall::from_ms(100_000 + 900 * n as u64), Time::ZERO, 0);
        }
        node.directory.claim(
            (ticket, client.into(), false),
            &mut At { clock: &mut node.clock, now },
            &mut out,
        );
        self.perform(n, out);
    }

    fn step(&mut self) {
        self.now += 1;
        let now = Time::from_ms(self.now);
        for n in 0..self.nodes.len() {
            if self.nodes[n].directory.deadline().is_some_and(|at| at <= now) {
                let (mut out, node) = (Vec::new(), &mut self.nodes[n]);
                node.directory.on_deadline(&mut At { clock: &mut node.clock, now }, &mut out);
                self.perform(n, out);
            }
        }
        for (from, to) in self.links.keys().copied().collect::<Vec<_>>() {
            while let Some((at, _)) = self.links[&(from, to)].front()
                && *at <= self.now
            {
                let (_, frame) = self.links.get_mut(&(from, to)).unwrap().pop_front().unwrap();
                let (mut out, node) = (Vec::new(), &mut self.nodes[to]);
                node.directory.on_frame(
                    id(from),
                    frame,
                    &mut At { clock: &mut node.clock, now },
                    &mut out,
                );
                self.perform(to, out);
            }
        }
    }

    fn cut(&mut self) {
        let count = self.nodes.len() as u64;
        let sides: Vec<bool> = (0..count).map(|_| self.dice.below(2) == 0).collect();
        self.cut.clear();
        for a in 0..sides.len() {
            for b in a + 1..sides.len() {
                if sides[a] != sides[b] {
                    self.cut.insert((a, b));
                    self.links.remove(&(a, b));
                    self.links.remove(&(b, a));
                }
            }
        }
        self.look();
    }

    /// Two thousand milliseconds of life, then quiet; what is wrong in the end.
    fn run(&mut self) -> Vec<String> {
        for _ in 0..2_000 {
            match self.dice.below(60) {
                0 => self.cut(),
                1 => {
                    self.cut.clear();
                    self.look();
                }
                2..12 => {
                    let n = usize::try_from(self.dice.below(self.nodes.len() as u64)).unwrap();
                    let client = format!("c{}", self.dice.below(12));
                    self.connect(n, &client);
                }
                _ => {}
            }
            self.step();
        }
        self.cut.clear();
        self.look();
        for _ in 0..3_000 {
            self.step();
        }
        self.faults()
    }

    /// At most one session for each client, and it is the one with the newest claim (invariant 4).
    fn faults(&self) -> Vec<String> {
        let mut faults = Vec::new();
        for (client, newest) in &self.newest {
            let at = self.nodes.iter().enumerate().filter_map(|(n, node)| {
                node.sessions.get(client).map(|hlc| Claim { hlc: *hlc, node: id(n) })
            });
            let at: Vec<Claim> = at.collect();
            if at != [*newest] {
                faults.push(format!("{client}: newest {newest:?}, sessions {at:?}"));
            }
        }
        let open: usize = self.nodes.iter().map(|node| node.opening.len()).sum();
        if open > 0 {
            faults.push(format!("{open} clients never got in"));
        }
        faults
    }
}

#[test]
fn one_session_stays_and_it_is_the_newest() {
    for seed in 0..400 {
        let count = 2 + usize::try_from(seed % 4).unwrap();
        let faults = World::new(count, seed, Broken::Nothing).run();
        assert!(faults.is_empty(), "seed {seed}: {faults:#?}");
    }
}

#[test]
fn each_rule_that_is_broken_is_seen() {
    for broken in [Broken::Refresh, Broken::Kick, Broken::Clock] {
        let caught = (0..30).any(|seed| !World::new(4, seed, broken).run().is_empty());
        assert!(caught);
    }
}

#[test]
fn owners_are_shared_out_and_stay_when_others_come() {
    let all: Vec<NodeId> = (0..8).map(id).collect();
    let mut load = [0; 8];
    let mut moved = 0;
    for n in 0..8_000 {
        let client = format!("sensor-{n}");
        let now = owners(&client, &all);
        now.iter().for_each(|owner| load[number(*owner)] += 1);
        moved += usize::from(owners(&client, &all[..7]) != now);
    }
    assert!(load.iter().all(|n| (1_700..2_300).contains(n)), "{load:?}");
    // Only what the eighth node owns has moved.
    assert_eq!(moved, load[7]);
}

#[test]
fn claims_that_others_keep_are_forgotten() {
    let mut directory = Directory::new(id(0));
    let (mut clock, mut out) = (Hlc::new(Wall::from_ms(1), Time::ZERO, 0), Vec::new());
    directory.on_view(vec![id(1)], &mut At { clock: &mut clock, now: Time::ZERO }, &mut out);
    for n in 0..10_000 {
        let client = Arc::from(format!("c{n}"));
        let claim = Claim { hlc: 1, node: id(1) };
        let frame = ClaimFrame::Claim { client, claim, refresh: true, clean: false };
        directory.on_frame(id(1), frame, &mut At { clock: &mut clock, now: Time::ZERO }, &mut out);
    }
    assert_eq!(directory.len(), 10_000);
    directory.on_view(
        (1..10).map(id).collect(),
        &mut At { clock: &mut clock, now: Time::ZERO },
        &mut out,
    );
    while let Some(at) = directory.deadline() {
        directory.on_deadline(&mut At { clock: &mut clock, now: at }, &mut out);
    }
    // Two of ten nodes keep each.
    assert!((1_700..2_300).contains(&directory.len()), "{}", directory.len());
    let rest = (2..10).map(id).collect();
    directory.on_view(rest, &mut At { clock: &mut clock, now: Time::ZERO }, &mut out);
    assert!(directory.is_empty(), "claims of a node that is out of reach");
}

/// A session on a node that restarts: who connects waits for it, for a second and no longer.
#[test]
fn a_client_of_a_node_that_restarts_waits_for_its_session() {
    let claim_at = |directory: &mut Directory, clock: &mut Hlc, out: &mut Vec<Order>| {
        let now = Time::from_ms(1_000);
        directory.claim((7, "c".into(), false), &mut At { clock, now }, out);
    };
    let previous = |out: &[Order]| {
        out.iter().find_map(|order| match order {
            Order::Claimed { ticket: 7, previous, .. } => Some(*previous),
            Order::Claimed { .. } | Order::Send(..) | Order::Kick { .. } => None,
        })
    };
    for comes_back in [true, false] {
        let mut directory = Directory::new(id(0));
        let (mut clock, mut out) = (Hlc::new(Wall::from_ms(1), Time::ZERO, 0), Vec::new());
        let clock = &mut clock;
        let now = Time::ZERO;
        directory.on_view(vec![id(1)], &mut At { clock, now }, &mut out);
        let claim = Claim { hlc: 1, node: id(1) };
        let (refresh, clean) = (true, false);
        let frame = ClaimFrame::Claim { client: "c".into(), claim, refresh, clean };
        directory.on_frame(id(1), frame, &mut At { clock, now }, &mut out);
        directory.on_away(vec![id(1)], &mut At { clock, now }, &mut out);
        assert!(!directory.on_view(vec![id(1)], &mut At { clock, now }, &mut out));
        claim_at(&mut directory, clock, &mut out);
        assert_eq!(previous(&out), None, "it waits");
        if comes_back {
            let now = Time::from_ms(1_500);
            directory.on_back(id(1), &mut At { clock, now }, &mut out);
            assert_eq!(previous(&out), Some(Some(id(1))));
        } else {
            let now = Time::from_ms(2_000);
            assert_eq!(directory.deadline(), Some(now));
            directory.on_deadline(&mut At { clock, now }, &mut out);
            assert_eq!(previous(&out), Some(None));
        }
    }
}

/// A client began anew on another node: a session from before is to be thrown away, also if its node tells of it late.
#[test]
fn what_a_clean_start_ended_stays_so() {
    let mut directory = Directory::new(id(0));
    let (mut clock, mut out) = (Hlc::new(Wall::from_ms(1), Time::ZERO, 0), Vec::new());
    let mut at = At { clock: &mut clock, now: Time::ZERO };
    directory.on_view((1..4).map(id).collect(), &mut at, &mut out);
    let client: Arc<str> = "c".into();
    let mut told = |node: usize, hlc: u64, (refresh, clean): (bool, bool)| {
        let (client, claim) = (client.clone(), Claim { hlc, node: id(node) });
        let (mut out, frame) = (Vec::new(), ClaimFrame::Claim { client, claim, refresh, clean });
        directory.on_frame(id(node), frame, &mut at, &mut out);
        let kicks = out.into_iter().filter_map(|order| match order {
            Order::Send(to, ClaimFrame::Kick { clean, .. }) => Some((number(to), clean)),
            Order::Send(..) | Order::Claimed { .. } | Order::Kick { .. } => None,
        });
        kicks.collect::<Vec<_>>()
    };
    assert_eq!(told(1, 10, (false, false)), []);
    assert_eq!(told(2, 20, (false, true)), [(1, true)]);
    assert_eq!(told(1, 10, (true, false)), [(1, true)]);
    // The new session goes on, and is no session from before.
    assert_eq!(told(3, 30, (false, false)), [(2, false)]);
    assert_eq!(told(1, 10, (true, false)), [(1, true)]);
    assert_eq!(told(2, 20, (true, false)), [(2, false)]);
}

#[test]
fn a_claim_of_the_far_future_does_not_keep_a_client_out() {
    let mut directory = Directory::new(id(0));
    let (mut clock, mut out) = (Hlc::new(Wall::from_ms(1), Time::ZERO, 0), Vec::new());
    directory.on_view(vec![id(1)], &mut At { clock: &mut clock, now: Time::ZERO }, &mut out);
    directory.claim(
        (7, "c".into(), false),
        &mut At { clock: &mut clock, now: Time::ZERO },
        &mut out,
    );
    for _ in 0..=RAISES {
        let asked = out.iter().rev().find_map(|order| match order {
            Order::Send(_, ClaimFrame::Claim { claim, .. }) => Some(*claim),
            Order::Send(..) | Order::Claimed { .. } | Order::Kick { .. } => None,
        });
        let (client, claim) = ("c".into(), asked.unwrap());
        let low = ClaimFrame::Low { client, claim, seen: u64::MAX };
        directory.on_frame(id(1), low, &mut At { clock: &mut clock, now: Time::ZERO }, &mut out);
    }
    assert!(out.iter().any(|order| matches!(order, Order::Claimed { ticket: 7, .. })));
}

#[test]
fn an_owner_that_is_slow_hears_of_a_clean_start() {
    let mut directory = Directory::new(id(0));
    let (mut clock, mut out) = (Hlc::new(Wall::from_ms(1), Time::ZERO, 0), Vec::new());
    directory.on_view(vec![id(1)], &mut At { clock: &mut clock, now: Time::ZERO }, &mut out);
    for clean in [true, false] {
        out.clear();
        let now = Time::ZERO;
        directory.claim((7, "c".into(), clean), &mut At { clock: &mut clock, now }, &mut out);
        directory.on_deadline(&mut At { clock: &mut clock, now: now + LIMIT }, &mut out);
        let asked: Vec<_> = out
            .iter()
            .filter_map(|order| match order {
                Order::Send(_, ClaimFrame::Claim { refresh, clean, .. }) => {
                    Some((*refresh, *clean))
                }
                Order::Send(..) | Order::Claimed { .. } | Order::Kick { .. } => None,
            })
            .collect();
        assert_eq!(asked, [(false, clean), (true, clean)]);
    }
}
