//! The plan as a pure function, and whole ceremonies without a network.

use proptest::prelude::*;

use super::*;
use crate::cluster::NodeName;

fn id(number: u8) -> NodeId {
    NodeId([number; 16])
}

fn ids(numbers: &[u8]) -> Vec<NodeId> {
    numbers.iter().map(|number| id(*number)).collect()
}

fn set(numbers: &[u8]) -> BTreeSet<NodeId> {
    numbers.iter().map(|number| id(*number)).collect()
}

fn guid(number: u8) -> Guid {
    Guid { started: u64::from(number), node: id(number) }
}

#[track_caller]
fn check(views: &[&[u8]], up: &[u8], coordinator: u8, rejoin: &[u8]) {
    let views: Vec<_> = views.iter().map(|view| set(view)).collect();
    let plan = heal_plan(&views, &ids(up)).unwrap();
    assert_eq!((plan.coordinator, plan.rejoin), (id(coordinator), set(rejoin)));
}

#[test]
fn the_largest_part_survives_and_a_tie_goes_to_the_oldest() {
    check(&[&[1, 2], &[1, 2], &[3]], &[1, 2, 3], 1, &[3]);
    check(&[&[1], &[2, 3], &[2, 3]], &[1, 2, 3], 2, &[1]);
    check(&[&[1], &[2], &[3]], &[1, 2, 3], 1, &[2, 3]);
    check(&[&[1, 4], &[2, 3]], &[1, 2, 3, 4], 1, &[2, 3]);
    check(&[&[1, 2, 3], &[1, 3], &[2, 3]], &[1, 2, 3], 1, &[]);
    assert_eq!(heal_plan(&[], &ids(&[1])), None);
}

proptest! {
    #[test]
    fn nobody_of_the_surviving_part_rejoins(views in prop::collection::vec(prop::collection::btree_set(1u8..7, 1..6), 1..6)) {
        let views: Vec<BTreeSet<_>> = views.iter().map(|v| v.iter().map(|n| id(*n)).collect()).collect();
        if let Some(plan) = heal_plan(&views, &ids(&[1, 2, 3, 4, 5, 6])) {
            let survivor = &plan.parts[0];
            prop_assert!(plan.rejoin.is_disjoint(survivor));
            prop_assert!(survivor.contains(&plan.coordinator));
            prop_assert!(views.iter().all(|view| view.len() <= survivor.len()));
        }
    }
}

/// Some nodes that say to each other at once what they want to.
struct Nodes {
    nodes: BTreeMap<NodeId, Autoheal>,
    now: Time,
    rejoined: Vec<NodeId>,
    told: Vec<HealEvent>,
    /// Who does not answer.
    dead: BTreeSet<NodeId>,
}

impl Nodes {
    fn new(numbers: &[u8], change: impl Fn(&mut Settings)) -> Self {
        let mut settings = Settings::new(NodeName::parse("a@h").unwrap());
        change(&mut settings);
        let nodes = numbers.iter().map(|number| (id(*number), Autoheal::new(&settings))).collect();
        Self {
            nodes,
            now: Time::ZERO,
            rejoined: Vec::new(),
            told: Vec::new(),
            dead: BTreeSet::new(),
        }
    }

    /// The nodes split into parts, and find together again.
    fn split(&mut self, parts: &[&[u8]]) {
        for part in parts {
            for me in *part {
                for other in parts.iter().filter(|other| *other != part).flat_map(|o| o.iter()) {
                    let node = self.nodes.get_mut(&id(*me)).unwrap();
                    node.on_lost(id(*other), 1, set(part), self.now);
                }
            }
        }
        for part in parts {
            for me in *part {
                for other in parts.iter().filter(|other| *other != part).flat_map(|o| o.iter()) {
                    let mut out = Vec::new();
                    self.nodes.get_mut(&id(*me)).unwrap().on_up(id(*other), 1, self.now, &mut out);
                    self.carry_out(id(*me), out);
                }
            }
        }
    }

    fn around(&self, me: NodeId) -> Surroundings {
        let up = self.nodes.keys().filter(|node| !self.dead.contains(*node)).copied().collect();
        Surroundings { me: guid(me.0[0]), up, whole: self.dead.is_empty() }
    }

    fn carry_out(&mut self, me: NodeId, steps: Vec<Step>) {
        for step in steps {
            match step {
                Step::Send(to, _) if self.dead.contains(&to) || self.dead.contains(&me) => {}
                Step::Send(to, frame) => {
                    let around = self.around(to);
                    let mut out = Vec::new();
                    let node = self.nodes.get_mut(&to).unwrap();
                    node.on_frame((me, frame), &around, self.now, &mut out);
                    self.carry_out(to, out);
                }
                Step::Rejoin { .. } => {
                    self.rejoined.push(me);
                    let mut out = Vec::new();
                    self.nodes.get_mut(&me).unwrap().on_rejoined(&mut out);
                    self.carry_out(me, out);
                }
                Step::Tell(event) => self.told.push(event),
            }
        }
    }

    fn run(&mut self, seconds: u64) {
        let end = self.now + Duration::from_secs(seconds);
        while self.now < end {
            self.now = self.now + Duration::from_millis(100);
            for me in self.nodes.keys().copied().collect::<Vec<_>>() {
                let around = self.around(me);
                let node = self.nodes.get_mut(&me).unwrap();
                if node.deadline().is_some_and(|at| at <= self.now) && !self.dead.contains(&me) {
                    let mut out = Vec::new();
                    node.on_deadline(&around, self.now, &mut out);
                    self.carry_out(me, out);
                }
            }
        }
    }

    fn open(&self) -> usize {
        self.nodes.values().filter(|node| node.status().split.is_some()).count()
    }

    fn heals(&self) -> usize {
        self.told.iter().filter(|event| matches!(event, HealEvent::Opened)).count()
    }
}

#[test]
fn a_minority_rejoins_once_after_confirmation_and_delay() {
    let mut nodes = Nodes::new(&[1, 2, 3], |_| {});
    nodes.split(&[&[1, 2], &[3]]);
    nodes.run(17);
    assert_eq!((nodes.open(), nodes.rejoined.len()), (3, 0));
    nodes.run(3);
    assert_eq!((nodes.open(), nodes.rejoined.clone()), (0, vec![id(3)]));
    nodes.run(120);
    assert_eq!((nodes.heals(), nodes.rejoined.len()), (1, 1));
}

#[test]
fn three_parts_heal_and_so_does_the_twentieth_split() {
    let mut nodes = Nodes::new(&[1, 2, 3], |_| {});
    for round in 1..=20 {
        nodes.split(&[&[1], &[2], &[3]]);
        nodes.run(25);
        assert_eq!((nodes.open(), nodes.rejoined.len(), nodes.heals()), (0, round * 2, round));
    }
}

#[test]
fn a_dead_leader_or_coordinator_does_not_stop_the_heal() {
    for (dead, at) in [(1, 4), (1, 17), (1, 19), (2, 17), (2, 4)] {
        let mut nodes = Nodes::new(&[1, 2, 3, 4, 5], |_| {});
        nodes.split(&[&[1, 2, 5], &[3, 4]]);
        nodes.run(at);
        nodes.dead.insert(id(dead));
        for node in nodes.nodes.values_mut() {
            node.on_gone(id(dead));
        }
        nodes.run(150);
        let open = nodes.nodes.iter().filter(|(node, _)| !nodes.dead.contains(*node));
        let open = open.filter(|(_, node)| node.status().split.is_some()).count();
        assert_eq!(open, 0, "{dead} dead at {at} s");
        assert!(nodes.rejoined.iter().all(|node| [id(3), id(4)].contains(node)));
    }
}

#[test]
fn report_only_closes_the_records_and_off_is_silent() {
    let mut nodes = Nodes::new(&[1, 2], |settings| settings.heal_action = HealAction::Report);
    nodes.split(&[&[1], &[2]]);
    nodes.run(30);
    assert_eq!((nodes.open(), nodes.rejoined.len(), nodes.heals()), (0, 0, 1));
    let mut nodes = Nodes::new(&[1, 2], |settings| settings.autoheal = false);
    nodes.split(&[&[1], &[2]]);
    nodes.run(30);
    assert_eq!((nodes.open(), nodes.rejoined.len(), nodes.heals()), (0, 0, 0));
}

#[test]
fn a_restarted_peer_is_no_partition() {
    let mut nodes = Nodes::new(&[1, 2], |_| {});
    let mut out = Vec::new();
    let node = nodes.nodes.get_mut(&id(1)).unwrap();
    node.on_lost(id(2), 1, set(&[1]), Time::ZERO);
    assert!(node.status().split.is_some());
    node.on_up(id(2), 2, Time::ZERO, &mut out);
    assert_eq!((node.status().split, out), (None, vec![]));
}

#[test]
fn a_loss_after_the_view_was_told_stays_open() {
    let mut nodes = Nodes::new(&[1, 2, 3], |_| {});
    nodes.split(&[&[1, 2], &[3]]);
    let around = nodes.around(id(1));
    let (now, heal) = (nodes.now, HealId { leader: guid(2), number: 9 });
    let node = nodes.nodes.get_mut(&id(1)).unwrap();
    node.on_frame((id(2), HealFrame::ViewReq(heal)), &around, now, &mut Vec::new());
    node.on_lost(id(2), 1, set(&[1, 3]), now);
    let done = HealFrame::Done { id: heal, rejoined: vec![], parts: vec![] };
    node.on_frame((id(2), done), &around, now, &mut Vec::new());
    assert!(node.status().split.is_some());
}

/// The oldest node does not heal partitions, the others do: they say so, each once, and do not go on for ever.
#[test]
fn who_is_not_heard_gives_up_and_says_why() {
    let mut nodes = Nodes::new(&[1, 2, 3], |settings| settings.heal_delay = Duration::ZERO);
    nodes.nodes.get_mut(&id(1)).unwrap().enabled = false;
    nodes.split(&[&[1, 2], &[3]]);
    nodes.run(30);
    let count = |nodes: &Nodes, which: fn(&HealEvent) -> bool| {
        nodes.told.iter().filter(|event| which(event)).count()
    };
    let reported = |event: &HealEvent| matches!(event, HealEvent::Reported { .. });
    assert_eq!((count(&nodes, reported), nodes.open()), (2, 2));
    nodes.run(600);
    let unheeded = |event: &HealEvent| *event == HealEvent::Unheeded(id(1));
    assert_eq!((count(&nodes, reported), count(&nodes, unheeded), nodes.open()), (2, 2, 0));
    // Another one that leads is told of the next one, and takes it up.
    nodes.split(&[&[1, 2], &[3]]);
    nodes.run(30);
    nodes.dead.insert(id(1));
    nodes.nodes.values_mut().for_each(|node| node.on_gone(id(1)));
    nodes.run(120);
    assert_eq!((nodes.heals(), nodes.open()), (1, 0));
}
