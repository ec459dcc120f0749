//! The world around the cores: time, chance, a network of ordered links, and disks.

use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    net::SocketAddr,
    time::Duration,
};

use emqx_rs::{
    cluster::{
        Action, Cluster, ClusterStatus, DialError, Event as Told, Guid, Input, LinkId, Me,
        MemberRecord, MemberStatus, NodeId, NodeName, PeerIdentity, Settings, Stored, Target,
        autoheal::HealEvent,
        detector::{Detector, Sign},
        legacy::Legacy,
        routes::{RouteKey, RouteOp, RouteTable, TableOp},
        wire::{Frame, HealFrame, split},
    },
    time::{Time, Wall},
    topic::TopicFilter,
};

use super::{
    clients::Clients,
    faults::Fault,
    flow::{Flow, Step},
    retained::Tables,
    wills::Testaments,
};

/// The same throws for the same seed.
#[derive(Debug)]
pub(crate) struct Dice(u64);

impl Dice {
    /// A number from 0 to `end` - 1.
    pub(crate) fn below(&mut self, end: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) % end.max(1)
    }
}

/// How long a disk takes for the value of the hybrid clock.
const DISK: u64 = 4_000;
/// Time between heartbeats, and after how long without one a node is down.
const BEAT: u64 = 200;
const SILENCE: u64 = 1500;

fn detector(now: u64) -> Detector {
    let ms = Duration::from_millis;
    Detector::new(ms(BEAT), ms(SILENCE), Time::from_ms(now))
}

/// One end of a connection.
#[derive(Debug)]
struct End {
    node: usize,
    /// Process life that holds it.
    life: u64,
    open: bool,
    /// What is on its way to this end, in order.
    incoming: VecDeque<(u64, Frame)>,
    /// The other end closed: seen after what is on its way.
    closed_at: Option<u64>,
}

#[derive(Debug)]
struct Node {
    name: NodeName,
    node_id: NodeId,
    incarnation: u64,
    core: Option<Cluster>,
    /// What the process before left for one that goes on.
    left: Option<Left>,
    detector: Detector,
    /// Nodes that get heartbeats, and by the keys of which connection.
    watching: BTreeMap<NodeId, LinkId>,
    /// The attempt to dial a node that counts.
    dials: BTreeMap<NodeName, u64>,
    table: RouteTable,
    /// Nodes that were dialled in vain.
    in_vain: BTreeSet<NodeName>,
    /// Changes that the fault holds back.
    late: VecDeque<(u64, TableOp)>,
    disk: Stored,
    /// A value of the hybrid clock, and when the disk has it.
    clock_on_its_way: Option<(u64, u64)>,
    routes: BTreeMap<RouteKey, u32>,
    /// Its calendar at time zero.
    clock_base: u64,
    /// The last hybrid time given to a retained message.
    last_hlc: u64,
    /// When the process froze until.
    stalled_until: u64,
    /// Its next tick; an event of another time does nothing.
    tick_at: Option<u64>,
    barriers: BTreeMap<u64, (u64, BTreeSet<RouteKey>)>,
    /// The highest value of the hybrid clock that was said in this life, and in those before.
    said: (u64, u64),
    /// Since when a node that was lost is back.
    inconsistent: Option<u64>,
    /// Gaps between others that it has told of and that are open.
    gaps: usize,
    /// How often it said that it stood still.
    stood_still: u64,
}

impl Node {
    /// The process is gone: what the disk had taken by now it has.
    fn end_writing(&mut self, now: Time) {
        if let Some((_, value)) = self.clock_on_its_way.take().filter(|(at, _)| *at <= now.as_ms())
        {
            self.disk.hlc = value;
        }
    }

    /// A process begins: what the one before waited for and counted is forgotten.
    fn begin(&mut self) {
        self.late.clear();
        self.barriers.clear();
        self.stalled_until = 0;
        self.tick_at = None;
        self.in_vain.clear();
        self.inconsistent = None;
        self.gaps = 0;
        self.stood_still = 0;
        self.said = (0, self.said.1.max(self.said.0));
    }
}

/// What a process left for the next one.
#[derive(Debug)]
pub(super) struct Left {
    pub(super) pieces: Vec<Vec<u8>>,
    pub(super) since: u64,
}

#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Event {
    Flow { from: usize, to: usize, step: Step },
    Arrive { link: LinkId, end: usize },
    Dialed { from: usize, life: u64, to: NodeName, attempt: u64 },
    Beat { node: usize, life: u64 },
    Hear { node: usize, life: u64, from: NodeId, link: LinkId },
    Refused { node: usize, life: u64, of: NodeId },
    Tick { node: usize, life: u64 },
    Flush { node: usize, life: u64 },
}

/// Everything.
#[derive(Debug)]
pub(crate) struct World {
    seed: u64,
    pub(crate) dice: Dice,
    pub(crate) fault: Option<Fault>,
    /// How often, in percent, a node freezes at its tick.
    pub(crate) stall_percent: u64,
    /// How many frames, in percent, take up to 200 ms instead of 5.
    pub(crate) slow_percent: u64,
    /// How many heartbeats, in percent, get lost.
    pub(crate) datagram_loss_percent: u64,
    /// How far the calendars of the nodes may be apart, in ms.
    pub(crate) clock_skew_ms: u64,
    /// And that of some nodes, whatever chance says.
    pub(crate) ahead_ms: BTreeMap<usize, u64>,
    /// Batches of actions that are being performed, one because of another.
    under_way: u32,
    frozen: bool,
    now: u64,
    count: u64,
    nodes: Vec<Node>,
    links: BTreeMap<LinkId, [End; 2]>,
    events: BTreeMap<(u64, u64), Event>,
    losses: u64,
    snapshots: u64,
    /// Routes sent to put parts of copies right.
    mended: u64,
    /// The next changes of routes that are sent get lost.
    pub(crate) lose: bool,
    cut: BTreeSet<(usize, usize)>,
    /// Until when what one sends to another was cut.
    was_cut: BTreeMap<(usize, usize), u64>,
    /// Nodes are told of each other at their start.
    pub(crate) discovery: bool,
    fresh: u64,
    /// A cut is made by firewalls that refuse, as a host does whose process is gone.
    pub(crate) refuse_when_cut: bool,
    /// How long a node that is out is remembered.
    pub(crate) remember: Duration,
    /// Members that stay away are forgotten.
    pub(crate) autoclean: bool,
    /// How often a name was dialled that no node has.
    pub(crate) strays: u64,
    in_vain: u64,
    /// Nodes that run the next release.
    pub(crate) next_release: BTreeSet<usize>,
    pub(super) clients: Clients,
    pub(super) flow: Flow,
    pub(super) retained: Tables,
    pub(crate) wills: Testaments,
    crashes: u64,
}

impl World {
    pub(crate) fn new(seed: u64, nodes: usize) -> Self {
        let nodes = (0..nodes).map(|number| Node {
            name: NodeName::parse(&format!("n{number}@10.0.0.{number}")).unwrap(),
            node_id: NodeId([u8::try_from(number).unwrap() + 1; 16]),
            incarnation: 0,
            core: None,
            left: None,
            detector: detector(0),
            watching: BTreeMap::new(),
            dials: BTreeMap::new(),
            in_vain: BTreeSet::new(),
            table: RouteTable::new(),
            late: VecDeque::new(),
            disk: Stored::default(),
            clock_on_its_way: None,
            routes: BTreeMap::new(),
            clock_base: 0,
            last_hlc: 0,
            stalled_until: 0,
            tick_at: None,
            barriers: BTreeMap::new(),
            said: (0, 0),
            inconsistent: None,
            gaps: 0,
            stood_still: 0,
        });
        Self {
            seed,
            dice: Dice(seed.wrapping_mul(0x5851_f42d_4c95_7f2d)),
            fault: None,
            stall_percent: 0,
            slow_percent: 5,
            datagram_loss_percent: 0,
            clock_skew_ms: 0,
            ahead_ms: BTreeMap::new(),
            under_way: 0,
            frozen: false,
            now: 0,
            count: 0,
            nodes: nodes.collect(),
            links: BTreeMap::new(),
            events: BTreeMap::new(),
            losses: 0,
            snapshots: 0,
            mended: 0,
            lose: false,
            cut: BTreeSet::new(),
            was_cut: BTreeMap::new(),
            discovery: true,
            fresh: 100,
            refuse_when_cut: false,
            remember: Duration::from_secs(7 * 86_400),
            autoclean: true,
            strays: 0,
            in_vain: 0,
            next_release: BTreeSet::new(),
            clients: Clients::default(),
            flow: Flow::default(),
            retained: Tables::default(),
            wills: Testaments::default(),
            crashes: 0,
        }
    }

    fn time(&self) -> Time {
        Time::from_ms(self.now)
    }

    fn next(&mut self) -> u64 {
        self.count += 1;
        self.count
    }

    pub(super) fn at(&mut self, time: u64, event: Event) {
        let number = self.next();
        self.events.insert((time, number), event);
    }

    /// Nothing that `from` sends reaches `to`.
    fn is_cut(&self, from: usize, to: usize) -> bool {
        self.cut.contains(&(from, to))
    }

    /// One of the two ways is cut: no connection can come up.
    pub(super) fn is_apart(&self, a: usize, b: usize) -> bool {
        self.is_cut(a, b) || self.is_cut(b, a)
    }

    /// What `from` sends to `to` is lost from now on.
    pub(crate) fn cut_one_way(&mut self, from: usize, to: usize) {
        self.cut.insert((from, to));
    }

    pub(crate) fn start(&mut self, number: usize) {
        self.boot(number, None);
    }

    /// A process starts, and goes on with the life of the one before if that left something.
    pub(super) fn boot(&mut self, number: usize, legacy: Option<&Legacy>) {
        let now = self.time();
        let (tick, seed) = (self.next(), self.dice.below(u64::MAX));
        let skew = self.dice.below(self.clock_skew_ms + 1);
        let skew = self.ahead_ms.get(&number).copied().unwrap_or(skew);
        let names: Vec<_> = self.nodes.iter().map(|node| node.name.clone()).collect();
        let node = &mut self.nodes[number];
        assert!(node.core.is_none() && node.left.is_none());
        node.end_writing(now);
        node.table = RouteTable::new();
        if legacy.is_none() {
            node.incarnation += 1;
            node.routes.clear();
        }
        node.begin();
        let fresh = Guid { started: self.now * 1000 + tick, node: node.node_id };
        let guid = legacy.map_or(fresh, |legacy| legacy.guid);
        let skewed = 1_700_000_000_000 + self.now + skew;
        node.clock_base = skewed - self.now;
        let me = Me {
            name: node.name.clone(),
            node_id: node.node_id,
            incarnation: node.incarnation,
            guid,
            cluster_id: [u8::try_from(number).unwrap(); 16],
            addrs: Vec::new(),
            version: "1".to_owned(),
            clients_stay: false,
        };
        let mut settings = Settings::new(node.name.clone());
        settings.remember = self.remember;
        settings.autoclean = settings.autoclean.filter(|_| self.autoclean);
        let mut disk = node.disk.clone();
        self.bend_settings(&mut settings);
        self.bend_disk(&mut disk);
        // The calendar of a box without a clock chip begins anew at each start.
        let wall = Wall::from_ms(1_700_000_000_000 + skew);
        let mut core = Cluster::new(me, &settings, disk, wall, seed);
        let mut out = Vec::new();
        core.start(now, &mut out);
        let node = &mut self.nodes[number];
        if let Some(legacy) = legacy {
            for (key, count) in &node.routes {
                for _ in 0..*count {
                    core.on(Input::RouteAdded(key.clone()), now, &mut out);
                }
            }
            core.inherit(legacy, now, &mut out);
        }
        node.core = Some(core);
        if legacy.is_none() {
            self.begin_retained(number);
        }
        let node = &mut self.nodes[number];
        node.detector = detector(self.now);
        node.watching.clear();
        node.dials.clear();
        let life = node.incarnation;
        self.perform(number, out);
        self.at(self.now + BEAT, Event::Beat { node: number, life });
        let target = |name| Target { name, port: None, addrs: Vec::new() };
        if self.discovery {
            self.input(number, Input::Discovered(names.into_iter().map(target).collect()));
        }
        self.schedule(number);
    }

    /// The process is killed; the kernel closes its connections.
    pub(crate) fn crash(&mut self, number: usize) {
        self.close_all(number);
        self.nodes[number].core = None;
        self.forget_process(number);
    }

    /// The memory of a process is gone, and nobody goes on with it.
    pub(super) fn forget_process(&mut self, number: usize) {
        self.crashes += 1;
        self.forget_clients_of(number);
        self.flow_crash(number);
    }

    /// The process ends for another one to go on.
    pub(super) fn end_process(&mut self, number: usize) -> Legacy {
        self.turn_away_from(number);
        let core = self.nodes[number].core.as_ref().unwrap();
        let mut legacy = core.legacy(self.time());
        legacy.process = 1;
        self.close_all(number);
        self.nodes[number].core = None;
        legacy
    }

    pub(super) fn leave_behind(&mut self, number: usize, left: Left) {
        self.nodes[number].left = Some(left);
    }

    pub(super) fn take_left(&mut self, number: usize) -> Left {
        self.nodes[number].left.take().unwrap()
    }

    pub(super) fn has_left(&self, number: usize) -> bool {
        self.nodes[number].left.is_some()
    }

    pub(super) fn runs_now(&self, number: usize) -> bool {
        self.nodes[number].core.is_some()
    }

    /// The routes that the table of a node has under this index.
    pub(super) fn routes_at(&self, number: usize, index: u16) -> Vec<(RouteKey, u8)> {
        self.nodes[number].table.routes_of(index)
    }

    /// Its own routes.
    pub(super) fn routes_of(&self, number: usize) -> BTreeSet<RouteKey> {
        self.nodes[number].routes.keys().cloned().collect()
    }

    /// Whether a node knows another one in this process life.
    pub(super) fn nodes_know(&self, number: usize, of: usize, life: u64) -> bool {
        let core = self.nodes[number].core.as_ref().unwrap();
        core.inherited(self.nodes[of].node_id, life).is_some()
    }

    fn close_all(&mut self, number: usize) {
        let mine: Vec<_> = self
            .links
            .iter()
            .flat_map(|(link, ends)| (0..2).map(move |end| (*link, end, ends[end].node)))
            .filter(|(_, _, node)| *node == number)
            .map(|(link, end, _)| (link, end))
            .collect();
        for (link, end) in mine {
            self.close_end(link, end);
        }
    }

    /// The disk of a node that does not run is lost, its identity with it.
    pub(crate) fn wipe(&mut self, number: usize) {
        self.fresh += 1;
        let node = &mut self.nodes[number];
        node.node_id = NodeId([u8::try_from(self.fresh).unwrap(); 16]);
        node.disk = Stored::default();
        node.incarnation = 0;
        node.said = (0, 0);
    }

    /// A node that does not run gets another name, and keeps its identity.
    pub(crate) fn rename(&mut self, number: usize, name: &str) {
        self.nodes[number].name = NodeName::parse(name).unwrap();
    }

    /// Whether a node sends heartbeats to an identity, and expects its own.
    pub(crate) fn listens_for(&self, number: usize, of: NodeId) -> bool {
        self.nodes[number].watching.contains_key(&of)
    }

    /// The same of a node.
    pub(crate) fn watches(&self, number: usize, of: usize) -> bool {
        self.listens_for(number, self.nodes[of].node_id)
    }

    /// How often somebody was dialled in vain so far.
    pub(crate) fn dials_in_vain(&self) -> u64 {
        self.in_vain
    }

    pub(crate) fn shut_down(&mut self, number: usize) {
        self.input(number, Input::Shutdown);
        self.crash(number);
    }

    pub(crate) fn leave(&mut self, number: usize) {
        self.input(number, Input::Leave);
    }

    pub(crate) fn join(&mut self, number: usize, with: usize) {
        let name = self.nodes[with].name.clone();
        self.input(number, Input::Join(Target { name, port: None, addrs: Vec::new() }));
    }

    pub(crate) fn force_leave(&mut self, number: usize, whom: usize) {
        let name = self.nodes[whom].name.clone();
        self.input(number, Input::ForceLeave(name));
    }

    /// Adds and removes routes, and waits at a barrier.
    pub(crate) fn add_some_routes(&mut self, number: usize) {
        for _ in 0..=self.dice.below(8) {
            let filter = ["t/+/x", "t/a", "t/#", "#", "a/b/c"][self.dice.below(5) as usize];
            let filter = format!("{filter}{}", ["", "1", "2"][self.dice.below(3) as usize]);
            let filter = filter.replace("#1", "1/#").replace("#2", "2/#");
            let group = (self.dice.below(4) == 0).then(|| "g".into());
            let key = RouteKey { filter: TopicFilter::parse(&filter).unwrap(), group };
            if self.dice.below(3) > 0 {
                *self.nodes[number].routes.entry(key.clone()).or_insert(0) += 1;
                self.input(number, Input::RouteAdded(key));
            } else if let Some(count) = self.nodes[number].routes.get_mut(&key) {
                *count -= 1;
                if *count == 0 {
                    let node = &mut self.nodes[number];
                    node.routes.remove(&key);
                    // Who waits cannot count on it any more, even if it comes back.
                    node.barriers.values_mut().for_each(|(_, keys)| {
                        keys.remove(&key);
                    });
                }
                self.input(number, Input::RouteRemoved(key));
            }
        }
        let (id, now) = (self.next(), self.now);
        let node = &mut self.nodes[number];
        node.barriers.insert(id, (now, node.routes.keys().cloned().collect()));
        if self.has(Fault::SubackAtOnce) {
            return self.check_barrier(number, id);
        }
        self.input(number, Input::Barrier(id));
    }

    pub(crate) fn add_many_routes(&mut self, number: usize, count: usize) {
        for route in 0..count {
            let filter = TopicFilter::parse(&format!("many/{route}")).unwrap();
            let key = RouteKey { filter, group: None };
            self.nodes[number].routes.insert(key.clone(), 1);
            let now = self.time();
            let core = self.nodes[number].core.as_mut().unwrap();
            core.on(Input::RouteAdded(key), now, &mut Vec::new());
        }
    }

    /// Splits the nodes in two.
    pub(crate) fn cut_off(&mut self, part: &BTreeSet<usize>) {
        for a in 0..self.nodes.len() {
            for b in a + 1..self.nodes.len() {
                if part.contains(&a) != part.contains(&b) {
                    self.cut.extend([(a, b), (b, a)]);
                }
            }
        }
    }

    /// Routes change, links are cut or mended, nodes end or start.
    pub(crate) fn random_trouble(&mut self) {
        let nodes = self.nodes.len() as u64;
        for number in 0..self.nodes.len() {
            if self.nodes[number].core.is_some() {
                self.add_some_routes(number);
                self.connect_some_client(number);
                self.retain_some(number);
                self.publish_some(number);
            }
        }
        match self.dice.below(5) {
            0 => {
                let part = (0..self.nodes.len()).filter(|_| self.dice.below(2) == 0).collect();
                self.cut_off(&part);
            }
            1 => {
                let (a, b) = (self.dice.below(nodes) as usize, self.dice.below(nodes) as usize);
                if a != b {
                    self.cut.insert((a, b));
                    if self.dice.below(2) == 0 {
                        self.cut.insert((b, a));
                    }
                }
            }
            2 => self.mend(),
            3 => {
                let number = self.dice.below(nodes) as usize;
                match (&self.nodes[number].core, self.dice.below(2)) {
                    (None, _) => self.start(number),
                    (Some(_), 0) => self.crash(number),
                    (Some(_), _) => self.shut_down(number),
                }
            }
            _ => {
                let number = self.dice.below(nodes) as usize;
                if self.nodes[number].core.is_some() {
                    self.crash(number);
                    let pause = self.dice.below(900);
                    self.run_for(Duration::from_millis(pause));
                    self.start(number);
                }
            }
        }
    }

    pub(crate) fn mend(&mut self) {
        let now = self.now;
        self.was_cut.extend(std::mem::take(&mut self.cut).into_iter().map(|pair| (pair, now)));
        // What was held up goes on; what the other end gave up is refused.
        let links: Vec<_> = self.links.keys().copied().collect();
        for link in links {
            let ends = self.links.get_mut(&link).unwrap();
            for end in 0..2 {
                if ends[end].open && !ends[1 - end].open && ends[end].closed_at.is_none() {
                    ends[end].closed_at = Some(now);
                }
            }
            self.at(now + 1, Event::Arrive { link, end: 0 });
            self.at(now + 1, Event::Arrive { link, end: 1 });
        }
    }

    pub(crate) fn heal_everything(&mut self) {
        self.mend();
        self.stall_percent = 0;
        for number in 0..self.nodes.len() {
            if self.nodes[number].core.is_none() {
                self.start(number);
            }
            self.add_some_routes(number);
        }
    }

    pub(crate) fn run_for(&mut self, span: Duration) {
        let end = self.now + u64::try_from(span.as_millis()).unwrap();
        while let Some(((time, _), event)) = self.next_event(end) {
            self.now = self.now.max(time);
            self.happen(event);
        }
        self.now = end;
    }

    fn next_event(&mut self, end: u64) -> Option<((u64, u64), Event)> {
        let first = self.events.first_entry()?;
        (first.key().0 <= end).then(|| first.remove_entry())
    }

    fn happen(&mut self, event: Event) {
        match event {
            Event::Tick { node, life } => {
                if self.runs(node, life) && self.nodes[node].tick_at == Some(self.now) {
                    self.nodes[node].tick_at = None;
                    self.tick(node);
                }
            }
            Event::Flush { node, life } => {
                if self.runs(node, life) {
                    self.flush(node);
                }
            }
            Event::Flow { from, to, step } => self.flow_step(from, to, step),
            Event::Arrive { link, end } => self.arrive(link, end),
            Event::Dialed { from, life, to, attempt } => {
                if self.runs(from, life) && self.nodes[from].dials.get(&to) == Some(&attempt) {
                    self.nodes[from].dials.remove(&to);
                    self.dialed(from, &to);
                }
            }
            Event::Beat { node, life } => {
                if self.runs(node, life) {
                    self.beat(node);
                }
            }
            Event::Refused { node, life, of } => {
                if self.runs(node, life) {
                    self.sign(node, Sign::Refused { node: of });
                }
            }
            Event::Hear { node, life, from, link } => {
                if self.runs(node, life) {
                    self.hear(node, from, link);
                }
            }
        }
    }

    fn runs(&self, node: usize, life: u64) -> bool {
        self.nodes[node].core.is_some() && self.nodes[node].incarnation == life
    }

    /// The heartbeat thread of a node ticks.
    fn beat(&mut self, number: usize) {
        let (now, life) = (self.time(), self.nodes[number].incarnation);
        let until = self.nodes[number].stalled_until;
        if until > self.now {
            // What came in meanwhile is read first.
            if !self.has(Fault::AccuseAfterStall) {
                return self.at(until + 1, Event::Beat { node: number, life });
            }
            self.events.insert((until, number as u64), Event::Beat { node: number, life });
            return;
        }
        let mut signs = Vec::new();
        while self.has(Fault::AccuseAfterStall) && self.nodes[number].detector.deadline() < now {
            let missed = self.nodes[number].detector.deadline();
            self.nodes[number].detector.on_tick(missed, &mut signs);
        }
        self.nodes[number].detector.on_tick(now, &mut signs);
        let mine = self.nodes[number].node_id;
        for (peer, link) in self.nodes[number].watching.clone() {
            let Some(to) = self.nodes.iter().position(|node| node.node_id == peer) else {
                continue;
            };
            if self.is_cut(number, to) || self.dice.below(100) < self.datagram_loss_percent {
                continue;
            }
            if self.nodes[to].core.is_none() && !self.is_cut(to, number) {
                // Nobody is there: the host says so.
                self.at(self.now + 2, Event::Refused { node: number, life, of: peer });
                continue;
            }
            let life = self.nodes[to].incarnation;
            let copies = 1 + u64::from(self.dice.below(50) == 0);
            for _ in 0..copies {
                let at = self.now + 1 + self.dice.below(5);
                self.at(at, Event::Hear { node: to, life, from: mine, link });
            }
        }
        for sign in signs {
            self.sign(number, sign);
        }
        self.at(self.now + BEAT, Event::Beat { node: number, life });
    }

    fn hear(&mut self, number: usize, from: NodeId, link: LinkId) {
        let now = self.time();
        let node = &mut self.nodes[number];
        let until = node.stalled_until;
        if until > self.now {
            let life = node.incarnation;
            return self.at(until, Event::Hear { node: number, life, from, link });
        }
        if node.watching.get(&from) == Some(&link)
            && let Some(sign) = node.detector.on_heard(from, now)
        {
            self.sign(number, sign);
        }
    }

    fn sign(&mut self, number: usize, sign: Sign) {
        match (self.fault, sign) {
            (Some(Fault::DeafToReturn), Sign::Heard { .. })
            | (Some(Fault::TrustTheSilent), Sign::Silent { .. }) => return,
            _ => {}
        }
        if let Sign::Silent { node, .. } = sign {
            self.check_silence(number, self.number_of(node));
        }
        let input = match sign {
            Sign::Silent { link, .. } => Input::Silent { link },
            Sign::Heard { node } => Input::Heard { node },
            Sign::Refused { node } => Input::Refused { node },
        };
        self.input(number, input);
    }

    /// Whoever is told of as silent was, for most of the time after which silence counts.
    fn check_silence(&self, number: usize, of: usize) {
        let recent = |at: u64| at + SILENCE + 2 * BEAT > self.now;
        let node = &self.nodes[of];
        let silent = node.core.is_none()
            || recent(node.stalled_until)
            || self.is_cut(of, number)
            || self.was_cut.get(&(of, number)).is_some_and(|at| recent(*at));
        assert!(silent, "seed {}: {number} takes {of} for silent, which it is not", self.seed);
    }

    fn tick(&mut self, number: usize) {
        let frozen = self.nodes[number].stalled_until > self.now;
        if !frozen && self.dice.below(100) < self.stall_percent {
            self.frozen = true;
            self.nodes[number].stalled_until = self.now + self.dice.below(4000);
        }
        let (now, life) = (self.time(), self.nodes[number].incarnation);
        let until = self.nodes[number].stalled_until;
        if until > self.now {
            self.nodes[number].tick_at = Some(until);
            return self.at(until, Event::Tick { node: number, life });
        }
        let mut out = Vec::new();
        let Some(core) = &mut self.nodes[number].core else { return };
        if core.deadline().is_some_and(|at| at <= now) {
            core.on_deadline(now, &mut out);
        }
        self.perform(number, out);
        if let Some(frame) = self.bend_forgetting(number) {
            let link = self.links.iter().find(|(link, _)| self.end_of(number, **link).is_some());
            if let Some(link) = link.map(|(link, _)| *link) {
                self.input(number, Input::Frame { link, frame });
            }
        }
        self.flush(number);
        self.schedule(number);
    }

    /// The next deadline of the node becomes an event. Late ones do nothing.
    fn schedule(&mut self, number: usize) {
        let node = &self.nodes[number];
        let life = node.incarnation;
        let deadline = node.core.as_ref().and_then(Cluster::deadline);
        if let Some(deadline) = deadline {
            let at = deadline.as_ms().max(self.now + 1);
            if node.tick_at.is_some_and(|tick| tick <= at) {
                return;
            }
            self.nodes[number].tick_at = Some(at);
            self.at(at, Event::Tick { node: number, life });
        }
    }

    pub(super) fn flush(&mut self, number: usize) {
        let now = self.time();
        let mut out = Vec::new();
        let Some(core) = &mut self.nodes[number].core else { return };
        core.flush(now, &mut out);
        self.perform(number, out);
    }

    pub(super) fn input(&mut self, number: usize, input: Input) {
        let (now, life) = (self.time(), self.nodes[number].incarnation);
        let mut out = Vec::new();
        let Some(core) = &mut self.nodes[number].core else { return };
        core.on(input, now, &mut out);
        self.perform(number, out);
        // A wake-up takes one input or several.
        let delay = if self.dice.below(2) == 0 { 0 } else { self.dice.below(3) };
        self.at(self.now + delay, Event::Flush { node: number, life });
        self.schedule(number);
    }

    fn dial(&mut self, number: usize, name: NodeName) {
        let (delay, life) = (1 + self.dice.below(20), self.nodes[number].incarnation);
        let to = self.nodes.iter().position(|node| node.name == name);
        let node = &self.nodes[number];
        if self.does_not_dial(&node.name, &name, node.in_vain.contains(&name)) {
            return;
        }
        let lost = to.is_some_and(|to| self.is_apart(number, to)) && !self.refuse_when_cut;
        let delay = if lost { 2000 } else { delay };
        let attempt = self.next();
        self.nodes[number].dials.insert(name.clone(), attempt);
        self.at(self.now + delay, Event::Dialed { from: number, life, to: name, attempt });
    }

    /// The disk is slow.
    fn keep_clock(&mut self, number: usize, hlc: u64) {
        let now = self.now;
        let node = &mut self.nodes[number];
        if let Some((at, value)) = node.clock_on_its_way.replace((now + DISK, hlc))
            && at <= now
        {
            node.disk.hlc = value;
        }
    }

    /// What is said in a batch that the disk does not have yet is waited for.
    fn cover_clock(&mut self, number: usize, batch: &[Action]) {
        for action in batch {
            if let Action::KeepClock(hlc) = action {
                self.keep_clock(number, *hlc);
            }
        }
        let leisure = self.has(Fault::ClockAtLeisure);
        let node = &mut self.nodes[number];
        let said = node.core.as_ref().map_or(0, Cluster::hlc);
        if !leisure
            && said > node.disk.hlc
            && let Some((_, value)) = node.clock_on_its_way
        {
            node.disk.hlc = value;
        }
    }

    fn perform(&mut self, number: usize, out: Vec<Action>) {
        self.cover_clock(number, &out);
        self.under_way += 1;
        // As a node does: the routes of a batch are changed before anything follows from them.
        let mut differ = Vec::new();
        for action in out {
            if let Action::CheckRoutes { node, hash } = action {
                let same = self.nodes[number].table.summary(node).1 == hash;
                if !same && !self.has(Fault::PingsWithoutHash) {
                    differ.push(node);
                }
            } else {
                self.perform_one(number, action);
            }
        }
        for node in differ {
            let sums = self.nodes[number].table.sums(node);
            self.input(number, Input::RoutesDiffer { node, sums });
        }
        self.under_way -= 1;
        // What a node has decided it has done when all of it is.
        if self.under_way == 0 {
            (0..self.nodes.len()).for_each(|number| self.check_old_lives(number));
        }
    }

    fn perform_one(&mut self, number: usize, action: Action) {
        match action {
            Action::Dial { target, .. } => self.dial(number, target.name),
            Action::Undial(name) => {
                self.nodes[number].dials.remove(&name);
            }
            Action::Send { link, frame } => self.send(number, link, frame),
            Action::Close { link } => {
                if let Some(end) = self.end_of(number, link) {
                    self.close_end(link, end);
                }
            }
            Action::Watch { node: peer, link, .. } => {
                let now = self.time();
                self.nodes[number].detector.watch(peer, link, now);
                self.nodes[number].watching.insert(peer, link);
            }
            Action::Unwatch { node: peer } => {
                self.nodes[number].detector.forget(peer);
                self.nodes[number].watching.remove(&peer);
            }
            Action::Table(op) => self.change_table(number, op),
            Action::BarrierDone(id) => self.check_barrier(number, id),
            Action::Persist => {
                let time = self.time();
                let node = &mut self.nodes[number];
                let hlc = node.disk.hlc;
                node.disk = Stored { hlc, ..node.core.as_ref().unwrap().stored(time) };
            }
            // They are seen to with the batch.
            Action::KeepClock(_) | Action::CheckRoutes { .. } => {}
            Action::Claimed { ticket, claim, .. } => self.on_claimed(number, ticket, claim),
            Action::Kick { client, winner, .. } => self.on_kick(number, &client, winner),
            Action::WalkSessions { view } => self.on_walk(number, view),
            Action::WillKept { ticket, kept } => self.on_will_kept(ticket, kept),
            Action::PublishWill { client, body, .. } => self.on_will_due(number, client, body),
            Action::PeerUp(up) => self.flow_up(number, &up),
            Action::PeerDown { node } => {
                if let Some(of) = self.number_at(number, node) {
                    self.flow_down(number, of, false);
                }
            }
            Action::PeerAway { node } => {
                if let Some(of) = self.number_at(number, node) {
                    self.flow_away(number, of);
                }
            }
            Action::PeerGone { node } => {
                if let Some(of) = self.number_at(number, node) {
                    self.flow_down(number, of, true);
                }
            }
            Action::Retained { link, node, step } => {
                self.on_retained(number, link, node, step);
            }
            Action::FromPeer { .. } | Action::RestartClients | Action::Settled => {}
            Action::Log(event) => self.told(number, &event),
        }
    }

    /// What a user of the node reads in its log.
    fn told(&mut self, number: usize, event: &Told) {
        let (seed, now) = (self.seed, self.now);
        let node = &mut self.nodes[number];
        match event {
            // Two that dialled each other at the same time: one of two connections goes.
            Told::Down(_, "replaced by a new connection") => {}
            Told::Down(..) => self.losses += 1,
            Told::StoodStill(_) => node.stood_still += 1,
            Told::Gap { open: true, .. } => node.gaps += 1,
            Told::Gap { open: false, .. } => node.gaps -= 1,
            Told::Heal(HealEvent::Inconsistent(_)) => {
                node.inconsistent.get_or_insert(now);
            }
            Told::Heal(HealEvent::Reported { .. }) => {
                let confirmed = node.inconsistent.is_some_and(|since| since + 3_000 <= now);
                assert!(confirmed, "seed {seed}: {number} reports what it has not confirmed");
            }
            Told::Heal(HealEvent::Healed { parts, rejoined }) => {
                // A loss since then has opened another record.
                let open = node.core.as_ref().unwrap().status().heal.split.is_some();
                node.inconsistent = node.inconsistent.filter(|_| open);
                let survivors = parts.first().map(Vec::as_slice).unwrap_or_default();
                let wrong = rejoined.iter().find(|node| survivors.contains(node));
                assert_eq!(wrong, None, "seed {seed}: of the surviving part, and rejoined");
            }
            _ => {}
        }
    }

    /// Whether a node takes itself for the oldest in reach.
    pub(crate) fn leads(&self, number: usize) -> bool {
        let status = self.status(number).unwrap();
        let me = self.nodes[number].node_id;
        status.members.iter().any(|line| line.node_id == me && line.leader)
    }

    /// How often a node rejoined in this life.
    pub(crate) fn rejoined(&self, number: usize) -> u64 {
        self.status(number).unwrap().heal.rejoined
    }

    /// How many heals a node has heard the end of in this process.
    pub(crate) fn healed(&self, number: usize) -> u64 {
        self.status(number).unwrap().heal.healed
    }

    /// A process does nothing for a while.
    pub(crate) fn freeze(&mut self, number: usize, span: Duration) {
        self.frozen = true;
        let span = u64::try_from(span.as_millis()).unwrap();
        self.nodes[number].stalled_until = self.now + span;
    }

    /// How often a node said that it stood still, and whether it told of a lost member that is back.
    pub(crate) fn told_of_standstill(&self, number: usize) -> (u64, bool) {
        let node = &self.nodes[number];
        (node.stood_still, node.inconsistent.is_some())
    }

    /// Gaps between others that a node has told of and that are open.
    pub(crate) fn gaps(&self, number: usize) -> usize {
        self.nodes[number].gaps
    }

    /// What a node says of the hybrid clock never goes back, in whatever process.
    fn check_clock(&mut self, number: usize, frame: &Frame) {
        let hlc = match frame {
            Frame::State(state) => state.hlc,
            Frame::Ping(ping) => ping.hlc,
            _ => return,
        };
        let said = &mut self.nodes[number].said;
        assert!(
            hlc >= said.0 && hlc > said.1,
            "seed {}: the clock of {number} goes back: {hlc:x} after {said:x?}",
            self.seed
        );
        said.0 = hlc;
    }

    /// While a snapshot is on its way the copy of the same life stays in use.
    fn check_snapshot(&mut self, number: usize, op: TableOp) {
        let TableOp::SnapshotBegin { node: index, drop_old } = op else { return };
        let core = self.nodes[number].core.as_ref().unwrap();
        let held = core.position_of(index).map_or(0, |position| position.incarnation);
        let same_life = core.lives().contains(&(index, held));
        let drop_old = drop_old || self.has(Fault::HalfSnapshot);
        let table = &mut self.nodes[number].table;
        let before = table.summary(index);
        table.apply(&TableOp::SnapshotBegin { node: index, drop_old });
        let kept = !same_life || table.summary(index) == before;
        assert!(kept, "seed {}: {number} has no routes of a node that sends them anew", self.seed);
    }

    fn change_table(&mut self, number: usize, op: TableOp) {
        let now = self.now;
        match (self.fault, &op) {
            (Some(Fault::LoseTableChange), TableOp::Apply { .. }) if self.dice.below(50) == 0 => {}
            (Some(Fault::KeepOldLife), TableOp::Drop { .. }) => {}
            (Some(Fault::AckBeforeApply), _) => {
                self.nodes[number].late.push_back((now + 400, op));
            }
            (_, TableOp::SnapshotBegin { .. }) => self.check_snapshot(number, op),
            _ => self.nodes[number].table.apply(&op),
        }
        let node = &mut self.nodes[number];
        while node.late.front().is_some_and(|(at, _)| *at <= now) {
            let (_, op) = node.late.pop_front().unwrap();
            node.table.apply(&op);
        }
        node.table.sweep(3);
    }

    fn end_of(&self, number: usize, link: LinkId) -> Option<usize> {
        let ends = self.links.get(&link)?;
        let life = self.nodes[number].incarnation;
        ends.iter().position(|end| end.node == number && end.life == life && end.open)
    }

    /// A frame as a node of the next release writes it: fields are added at the end of the body, and a kind that this release
    /// does not know comes before it. What this release reads must be the same.
    fn of_next_release(&self, frame: Frame) -> Frame {
        let mut bytes = vec![0, 0, 0, 3, 0x9e, 0, 0, 0, 1, 2, 3];
        let (unknown, body, _) = split(&bytes).unwrap().unwrap();
        assert_eq!(Frame::read(unknown, body), Ok(None));
        bytes.clear();
        frame.encode(&mut bytes);
        let (header, body, _) = split(&bytes).unwrap().unwrap();
        // A compressed body ends where it says.
        let more: &[u8] = if header.flags == 0 { &[7; 5] } else { &[] };
        let read = Frame::read(header, &[body, more].concat()).unwrap().unwrap();
        assert_eq!(read, frame, "seed {}", self.seed);
        read
    }

    pub(super) fn send(&mut self, number: usize, link: LinkId, frame: Frame) {
        self.check_clock(number, &frame);
        let frame =
            if self.next_release.contains(&number) { self.of_next_release(frame) } else { frame };
        let Some(end) = self.end_of(number, link) else { return };
        let to = self.links[&link][1 - end].node;
        let rejoin = matches!(frame, Frame::Heal(HealFrame::Rejoin(_)));
        let link = match self.fault {
            Some(Fault::RejoinMajority) if rejoin => self.another_link(number, to).unwrap_or(link),
            _ => link,
        };
        for frame in self.bend_sent(number, frame) {
            self.snapshots += u64::from(matches!(frame, Frame::RouteSnap { .. }));
            if let Frame::RouteFix { ops, .. } = &frame {
                self.mended += ops.len() as u64;
            }
            let lost = matches!(frame, Frame::RouteDelta { .. }) && std::mem::take(&mut self.lose);
            if !lost {
                self.put_on_the_way(number, link, frame);
            }
        }
    }

    fn put_on_the_way(&mut self, number: usize, link: LinkId, frame: Frame) {
        let Some(end) = self.end_of(number, link) else { return };
        let slow = self.dice.below(100) < self.slow_percent;
        let delay = 1 + self.dice.below(if slow { 200 } else { 5 });
        let other = &mut self.links.get_mut(&link).unwrap()[1 - end];
        let at = other.incoming.back().map_or(0, |(at, _)| *at).max(self.now + delay);
        other.incoming.push_back((at, frame));
        self.at(at, Event::Arrive { link, end: 1 - end });
    }

    /// A connection of a node that does not lead to `but`.
    fn another_link(&self, number: usize, but: usize) -> Option<LinkId> {
        let mine = self.links.iter().filter(|(link, _)| self.end_of(number, **link).is_some());
        let mut others = mine.filter(|(_, ends)| ends.iter().all(|end| end.node != but));
        others.next().map(|(link, _)| *link)
    }

    fn close_end(&mut self, link: LinkId, end: usize) {
        let now = self.now;
        let Some(ends) = self.links.get_mut(&link) else { return };
        if !ends[end].open {
            return;
        }
        ends[end].open = false;
        self.nodes[ends[end].node].detector.on_link_lost(link);
        let (a, b) = (ends[0].node, ends[1].node);
        let other = &mut ends[1 - end];
        if !other.open {
            self.links.remove(&link);
            return;
        }
        let (from, to) = if end == 0 { (a, b) } else { (b, a) };
        if !self.cut.contains(&(from, to)) {
            let at = other.incoming.back().map_or(0, |(at, _)| *at).max(now + 1);
            other.closed_at = Some(at);
            self.at(at, Event::Arrive { link, end: 1 - end });
        }
    }

    fn arrive(&mut self, link: LinkId, end: usize) {
        let Some(ends) = self.links.get(&link) else { return };
        let (number, life) = (ends[end].node, ends[end].life);
        if !ends[end].open || !self.runs(number, life) || self.is_cut(ends[1 - end].node, number) {
            return;
        }
        let stalled = self.nodes[number].stalled_until;
        if stalled > self.now {
            return self.at(stalled, Event::Arrive { link, end });
        }
        loop {
            let Some(ends) = self.links.get_mut(&link).filter(|ends| ends[end].open) else {
                return;
            };
            if ends[end].incoming.front().is_none_or(|(at, _)| *at > self.now) {
                break;
            }
            let (_, frame) = ends[end].incoming.pop_front().unwrap();
            let peer = self.nodes[ends[1 - end].node].node_id;
            let now = Time::from_ms(self.now);
            if !self.has(Fault::DeafConnections) {
                let _ = self.nodes[number].detector.on_heard(peer, now);
            }
            let frame = self.bend_heard(number, frame);
            self.input(number, Input::Frame { link, frame });
        }
        let ends = self.links.get_mut(&link).unwrap();
        if ends[end].closed_at.is_some_and(|at| at <= self.now) && ends[end].incoming.is_empty() {
            ends[end].open = false;
            self.links.remove(&link);
            self.nodes[number].detector.on_link_lost(link);
            self.input(number, Input::LinkDown { link });
        }
    }

    fn dialed(&mut self, from: usize, to: &NodeName) {
        let Some(target) = self.nodes.iter().position(|node| node.name == *to) else {
            // Who is there now says that another node was meant.
            self.strays += 1;
            let error = DialError::Refused;
            return self.input(from, Input::DialFailed { name: to.clone(), error });
        };
        if let Some(error) = self.what_hinders(from, target) {
            self.in_vain += 1;
            self.nodes[from].in_vain.insert(to.clone());
            return self.input(from, Input::DialFailed { name: to.clone(), error });
        }
        let me = self.identity(from);
        let link = self.next();
        let end = |node: usize| End {
            node,
            life: self.nodes[node].incarnation,
            open: true,
            incoming: VecDeque::new(),
            closed_at: None,
        };
        self.links.insert(link, [end(from), end(target)]);
        let addr: SocketAddr = "10.0.0.9:4370".parse().unwrap();
        let peer = self.identity(target);
        // The fault: the smaller name takes who dialled for the other one.
        let confused = |number: usize| {
            self.has(Fault::EachItsOwnTie)
                && self.nodes[number].name < self.nodes[from + target - number].name
        };
        let (here, there) = (!confused(from), confused(target));
        self.input(target, Input::LinkUp { link, peer: me, dialed: there, addr });
        self.input(from, Input::LinkUp { link, peer, dialed: here, addr });
    }

    fn what_hinders(&self, from: usize, to: usize) -> Option<DialError> {
        if self.is_apart(from, to) {
            let dead = self.has(Fault::CutIsDeath) || self.refuse_when_cut;
            return Some(if dead { DialError::NobodyListens } else { DialError::Unreachable });
        }
        if self.nodes[to].stalled_until > self.now {
            return Some(DialError::Unreachable);
        }
        let Some(core) = &self.nodes[to].core else {
            // The port is kept for the next process: who dials waits.
            let silent = self.nodes[to].left.is_some() || self.has(Fault::RefusedIsSilence);
            return Some(if silent { DialError::Unreachable } else { DialError::NobodyListens });
        };
        let refused = core.judge(&self.identity(from)).is_some().then_some(DialError::Refused);
        refused.or_else(|| self.bend_dial(from, to))
    }

    fn identity(&self, number: usize) -> PeerIdentity {
        let node = &self.nodes[number];
        let mut guid = node.core.as_ref().unwrap().guid();
        if self.has(Fault::AgesDiffer) {
            guid.started = guid.started.wrapping_mul(self.now | 1);
        }
        let (name, node_id) = (node.name.clone(), node.node_id);
        PeerIdentity { name, node_id, incarnation: node.incarnation, guid }
    }

    pub(super) fn id(&self, number: usize) -> NodeId {
        self.nodes[number].node_id
    }

    pub(super) fn status(&self, number: usize) -> Option<ClusterStatus> {
        self.nodes[number].core.as_ref().map(Cluster::status)
    }

    /// The index that node `number` uses for `of`.
    fn index(&self, number: usize, of: usize) -> Option<u16> {
        let status = self.nodes[number].core.as_ref()?.status();
        let line = status.members.iter().find(|line| line.node_id == self.nodes[of].node_id)?;
        line.index
    }

    /// The copy that `number` holds of the routes of `of`; `None` if it holds none.
    pub(crate) fn copy_of(&self, number: usize, of: usize) -> Option<BTreeSet<RouteKey>> {
        let routes = self.nodes[number].table.routes_of(self.index(number, of)?);
        (!routes.is_empty()).then(|| routes.into_iter().map(|(key, _)| key).collect())
    }

    /// A barrier that passed in time means: the routes are on every node that is up.
    fn check_barrier(&mut self, number: usize, id: u64) {
        let Some((began, keys)) = self.nodes[number].barriers.remove(&id) else { return };
        let waited = self.now - began;
        let frozen = self.frozen;
        assert!(frozen || waited <= 250, "seed {}: a barrier took {waited} ms", self.seed);
        if waited >= 250 {
            return;
        }
        let status = self.nodes[number].core.as_ref().unwrap().status();
        for line in status.up().filter(|line| line.index.is_some()) {
            let other = self.nodes.iter().position(|node| node.node_id == line.node_id);
            let Some(other) = other.filter(|other| self.runs(*other, line.incarnation)) else {
                continue;
            };
            // What that node sees no longer as a member, or what was removed since, need not be there.
            if self.index(other, number).is_none() {
                continue;
            }
            let copy = self.copy_of(other, number).unwrap_or_default();
            let missing = keys.iter().find(|key| !copy.contains(key));
            assert_eq!(
                missing, None,
                "seed {}: {other} lacks a route of {number} after the barrier",
                self.seed
            );
        }
    }

    /// No route of an earlier life counts once a later one is linked.
    fn check_old_lives(&self, number: usize) {
        if self.fault == Some(Fault::AckBeforeApply) {
            return;
        }
        let Some(core) = &self.nodes[number].core else { return };
        for (index, incarnation) in core.lives() {
            let node = &self.nodes[number];
            let held = core.position_of(index).map(|p| p.incarnation).filter(|life| *life != 0);
            let stale = held.is_none() && node.table.summary(index).0 > 0;
            assert!(
                !stale,
                "seed {}: {number} uses routes of a life before {incarnation}",
                self.seed
            );
        }
    }

    /// How often a node took another for lost so far.
    pub(super) fn now(&self) -> u64 {
        self.now
    }

    /// The node of this identity.
    pub(super) fn number_of(&self, id: NodeId) -> usize {
        self.nodes.iter().position(|node| node.node_id == id).unwrap()
    }

    /// The node that has this index for another one.
    fn number_at(&self, number: usize, index: u16) -> Option<usize> {
        (0..self.nodes.len()).find(|of| *of != number && self.index(number, *of) == Some(index))
    }

    /// Whether both count the other, as a data connection needs.
    pub(super) fn nodes_see_each_other(&self, a: usize, b: usize) -> bool {
        [(a, b), (b, a)].into_iter().all(|(at, of)| {
            let core = self.nodes[at].core.as_ref();
            core.is_some_and(|core| core.linked(&self.identity(of)).is_some())
        })
    }

    /// Changes the copy that a node holds of another's routes behind everybody's back: one route is lost, one is too much.
    pub(crate) fn corrupt(&mut self, number: usize, of: usize) {
        let node = self.index(number, of).unwrap();
        let key = self.nodes[of].routes.keys().next().unwrap().clone();
        let filter = TopicFilter::parse("nobody/wants/this").unwrap();
        let ops = [
            RouteOp { add: false, key, weight: 1 },
            RouteOp { add: true, key: RouteKey { filter, group: None }, weight: 1 },
        ];
        self.nodes[number].table.apply(&TableOp::Apply { node, ops: ops.into() });
    }

    /// How often a node had a copy put right, and how many parts of snapshots were sent since the world began.
    pub(crate) fn repairs(&self, number: usize) -> (u64, u64) {
        (self.nodes[number].core.as_ref().unwrap().status().repaired, self.snapshots)
    }

    /// Routes that were sent to put parts of copies right.
    pub(crate) fn mended(&self) -> u64 {
        self.mended
    }

    /// Hybrid time for a write at a node, if it runs: beside that of the core, as the daemon makes it.
    pub(super) fn tick_of(&mut self, number: usize) -> Option<u64> {
        let (now, time) = (self.now, self.time());
        let node = &mut self.nodes[number];
        let core = node.core.as_mut()?;
        let physical = (node.clock_base + now) << 16;
        node.last_hlc = physical.max(node.last_hlc.max(core.hlc()) + 1);
        core.observe(node.last_hlc, time);
        Some(node.last_hlc)
    }

    /// Above this are the numbers of what a node that runs writes in this life.
    pub(super) fn born(&self, number: usize) -> u64 {
        self.nodes[number].core.as_ref().unwrap().born()
    }

    pub(super) fn node_id_of(&self, number: usize) -> NodeId {
        self.nodes[number].node_id
    }

    /// The memory of a process went at least once.
    pub(super) fn has_crashed(&self) -> bool {
        self.crashes > 0
    }

    /// Number of the life of a node, if it runs.
    pub(super) fn life(&self, number: usize) -> Option<u64> {
        let node = &self.nodes[number];
        node.core.is_some().then_some(node.incarnation)
    }

    /// The same, also while it is left to a process that goes on.
    pub(super) fn life_or_left(&self, number: usize) -> Option<u64> {
        let node = &self.nodes[number];
        (node.core.is_some() || node.left.is_some()).then_some(node.incarnation)
    }

    pub(super) fn seed(&self) -> u64 {
        self.seed
    }

    pub(crate) fn losses(&self) -> u64 {
        self.losses
    }

    pub(crate) fn records(&self, number: usize) -> Vec<MemberRecord> {
        self.nodes[number].core.as_ref().unwrap().stored(self.time()).members
    }

    #[track_caller]
    pub(crate) fn assert_status(&self, at: &[usize], of: usize, want: MemberStatus) {
        for number in at {
            let status = self.nodes[*number].core.as_ref().unwrap().status();
            let line = status.members.iter().find(|line| line.node_id == self.nodes[of].node_id);
            let found = line.map(|line| line.status);
            assert_eq!(found, Some(want), "seed {}: {of} as {number} sees it", self.seed);
        }
    }

    #[track_caller]
    pub(crate) fn assert_whole(&self, when: &str) {
        let all: Vec<_> = (0..self.nodes.len()).collect();
        self.assert_whole_among(&all, when);
    }

    /// Every ceremony has ended, and what it told of is closed.
    #[track_caller]
    pub(crate) fn assert_healed(&self, when: &str) {
        let seed = self.seed;
        for (number, node) in self.nodes.iter().enumerate() {
            let heal = node.core.as_ref().unwrap().status().heal;
            assert_eq!(heal.split, None, "seed {seed}, {when}: open split record of {number}");
            assert!(!heal.healing, "seed {seed}, {when}: {number} still rejoins");
        }
    }

    /// Every one of `nodes` sees all of them up, with their routes, and all have the same members and leader.
    #[track_caller]
    pub(crate) fn assert_whole_among(&self, nodes: &[usize], when: &str) {
        let seed = self.seed;
        let mut tables = BTreeSet::new();
        for &number in nodes {
            let core = self.nodes[number].core.as_ref().unwrap();
            let status = core.status();
            for &other in nodes {
                let line = status.members.iter().find(|l| l.node_id == self.nodes[other].node_id);
                let found = line.map(|line| line.status);
                assert_eq!(
                    found,
                    Some(MemberStatus::Up),
                    "seed {seed}, {when}: {other} as {number} sees it"
                );
                if other != number {
                    let want: BTreeSet<_> = self.nodes[other].routes.keys().cloned().collect();
                    let have = self.copy_of(number, other).unwrap_or_default();
                    assert_eq!(have, want, "seed {seed}, {when}: routes of {other} at {number}");
                    let own = self.nodes[other].core.as_ref().unwrap().own_routes();
                    let index = self.index(number, other).unwrap();
                    let (count, hash) = self.nodes[number].table.summary(index);
                    assert_eq!(
                        (count, hash),
                        (own.len() as u64, own.hash()),
                        "seed {seed}, {when}"
                    );
                    let position = core.position_of(index).unwrap();
                    assert_eq!(position.seq, own.seq(), "seed {seed}, {when}");
                }
            }
            let leader: Vec<_> =
                status.members.iter().filter(|l| l.leader).map(|l| l.node_id).collect();
            let members: Vec<_> =
                status.members.iter().map(|l| (l.node_id, l.incarnation, l.status)).collect();
            let members: Vec<_> = members.into_iter().filter(|m| m.2 == MemberStatus::Up).collect();
            tables.insert((format!("{members:?}"), leader, core.cluster_id()));
            assert_eq!(status.repaired, 0, "seed {seed}, {when}: {number} repaired a copy");
        }
        assert_eq!(tables.len(), 1, "seed {seed}, {when}: different tables: {tables:#?}");
    }
}
