//! Wills of clients in the world: whose are published, by whom, and how often (invariant 17).

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use emqx_rs::cluster::{Claim, Input};

use super::{faults::Fault, world::World};

/// The will of one connection.
#[derive(Debug)]
struct Testament {
    client: Arc<str>,
    node: usize,
    /// Process life of the node.
    life: u64,
    claim: Claim,
    delay: Duration,
    /// Other nodes have said that they keep it.
    kept: bool,
    /// It was withdrawn.
    over: bool,
    /// Nodes that published it.
    published: Vec<usize>,
}

/// All wills that there ever were, by the number in their bodies.
#[derive(Debug, Default)]
pub(crate) struct Testaments {
    all: BTreeMap<u64, Testament>,
    /// Clients that connect with a will, by node and ticket.
    opening: BTreeMap<(usize, u64), Duration>,
    /// Everything that was withdrawn had the time to be heard of, and no more than one node dies at a time.
    pub(crate) strict: bool,
    /// This node is out of reach for so long that the others take it for dead.
    pub(crate) given_up: Option<usize>,
    /// Those that are to be published wait, in the memory of this life of a node.
    held: Option<Vec<Held>>,
}

#[derive(Debug)]
struct Held {
    number: usize,
    life: u64,
    client: Arc<str>,
    body: Arc<[u8]>,
}

impl World {
    /// A client connects with a will that waits for `delay`.
    pub(crate) fn connect_with_will(&mut self, number: usize, client: &str, delay: Duration) {
        if self.life(number).is_none() {
            return;
        }
        let ticket = self.claim_for(number, client.into());
        self.wills.opening.insert((number, ticket), delay);
        // Who has answered already.
        self.begin_will(number, ticket);
    }

    /// The claim of a client holds; if it has a will others are to keep it.
    pub(super) fn begin_will(&mut self, number: usize, ticket: u64) {
        let Some((client, claim)) = self.admitted(number, ticket) else { return };
        let Some(delay) = self.wills.opening.remove(&(number, ticket)) else { return };
        let id = self.wills.all.len() as u64;
        let life = self.life(number).unwrap();
        let (kept, over, published) = (false, false, Vec::new());
        let will = Testament {
            client: client.clone(),
            node: number,
            life,
            claim,
            delay,
            kept,
            over,
            published,
        };
        self.wills.all.insert(id, will);
        self.tell_will(number, id, Some(id));
    }

    fn tell_will(&mut self, number: usize, id: u64, ticket: Option<u64>) {
        let Testament { client, claim, delay, .. } = &self.wills.all[&id];
        let (client, hlc, delay) = (client.clone(), claim.hlc, *delay);
        let body: Arc<[u8]> = Arc::from(&id.to_be_bytes()[..]);
        self.input(number, Input::Will { ticket, client, hlc, delay, body });
    }

    pub(super) fn on_will_kept(&mut self, ticket: u64, kept: bool) {
        self.wills.all.get_mut(&ticket).unwrap().kept = kept;
    }

    /// The clients of a node are walked over: their wills too.
    pub(super) fn walk_wills(&mut self, number: usize) {
        if self.has(Fault::NoWillRefresh) {
            return;
        }
        let life = self.life(number);
        let live = self.wills.all.iter().filter(|(_, will)| will.node == number && !will.over);
        let live = live.filter(|(_, will)| Some(will.life) == life);
        for id in live.map(|(id, _)| *id).collect::<Vec<_>>() {
            self.tell_will(number, id, None);
        }
    }

    /// A client of a node that runs says goodbye, or its session goes to another node.
    pub(crate) fn end_will(&mut self, number: usize, client: &str) {
        let life = self.life(number);
        let of_it = |will: &&mut Testament| {
            *will.client == *client && will.node == number && Some(will.life) == life && !will.over
        };
        let ended = self.wills.all.values_mut().filter(of_it).map(|will| {
            will.over = true;
            will.claim.hlc
        });
        for hlc in ended.collect::<Vec<_>>() {
            self.input(number, Input::WillOver { client: client.into(), hlc });
        }
    }

    /// From here on wills wait for their turn where they are to be published.
    pub(crate) fn hold_wills(&mut self) {
        self.wills.held = Some(Vec::new());
    }

    /// The node that has most of them.
    pub(crate) fn who_holds_most(&self) -> usize {
        let held = self.wills.held.as_deref().unwrap_or_default();
        let count = |number: &usize| held.iter().filter(|one| one.number == *number).count();
        let most = held.iter().map(|one| one.number).max_by_key(count);
        most.unwrap_or_else(|| panic!("seed {}: no will is to be published", self.seed()))
    }

    /// It is the turn of those whose process still runs.
    pub(crate) fn release_wills(&mut self) {
        for Held { number, life, client, body } in self.wills.held.take().unwrap() {
            if self.life(number) == Some(life) {
                self.publish_will(number, &client, &body);
            }
        }
    }

    pub(super) fn on_will_due(&mut self, number: usize, client: Arc<str>, body: Arc<[u8]>) {
        let life = self.life(number).unwrap();
        if self.wills.held.is_some() && self.has(Fault::GoneAtOnce) {
            self.say_published(number, &client, &body);
        }
        match &mut self.wills.held {
            Some(held) => held.push(Held { number, life, client, body }),
            None => self.publish_will(number, &client, &body),
        }
    }

    fn publish_will(&mut self, number: usize, client: &Arc<str>, body: &[u8]) {
        self.on_publish_will(number, client, body);
        self.say_published(number, client, body);
    }

    fn say_published(&mut self, number: usize, client: &Arc<str>, body: &[u8]) {
        let id = u64::from_be_bytes(body.try_into().unwrap());
        let claim = self.wills.all[&id].claim;
        self.input(number, Input::WillPublished { client: client.clone(), claim });
    }

    pub(super) fn on_publish_will(&mut self, number: usize, client: &str, body: &[u8]) {
        let seed = self.seed();
        let id = u64::from_be_bytes(body.try_into().unwrap());
        let (node, life) = (self.wills.all[&id].node, self.wills.all[&id].life);
        assert!(
            self.life_or_left(node) != Some(life) || self.wills.given_up == Some(node),
            "seed {seed}: {number} publishes the will of {client}, whose node {node} lives"
        );
        let strict = self.wills.strict;
        let will = self.wills.all.get_mut(&id).unwrap();
        assert!(
            !will.over || !strict,
            "seed {seed}: {number} publishes a withdrawn will, {client}"
        );
        will.published.push(number);
    }

    /// Whether a node published the will with this body.
    pub(super) fn has_published(&self, number: usize, body: &[u8]) -> bool {
        let id = u64::from_be_bytes(body.try_into().unwrap());
        self.wills.all[&id].published.contains(&number)
    }

    /// Wills that were published so far.
    pub(crate) fn wills_published(&self) -> usize {
        self.wills.all.values().map(|will| will.published.len()).sum()
    }

    /// The clients of a node that have a will that is kept.
    pub(crate) fn clients_with_wills(&self, number: usize) -> Vec<Arc<str>> {
        let life = self.life(number);
        let of_it = |will: &&Testament| {
            will.node == number && Some(will.life) == life && !will.over && will.kept
        };
        self.wills.all.values().filter(of_it).map(|will| will.client.clone()).collect()
    }

    /// Each will of a client of a life that ended was published once, unless the client came back; no other one was.
    #[track_caller]
    pub(crate) fn assert_last_wills(&self, when: &str) {
        let seed = self.seed();
        for will in self.wills.all.values().filter(|will| will.kept) {
            let dead = self.life_or_left(will.node) != Some(will.life);
            let back = self.newest_claim(&will.client).is_some_and(|newest| newest > will.claim);
            let want = usize::from(dead && !will.over && !back);
            assert_eq!(will.published.len(), want, "seed {seed}, {when}: {will:?}");
        }
    }
}
