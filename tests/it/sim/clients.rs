//! Clients that wander between the nodes of the world: who has their session, and who should (invariant 4).

use std::{collections::BTreeMap, sync::Arc};

use emqx_rs::cluster::{Claim, Input};

use super::{faults::Fault, world::World};

/// Clients in a world; few, so that they meet themselves.
const CLIENTS: u64 = 8;

/// Sessions of all nodes.
#[derive(Debug, Default)]
pub(crate) struct Clients {
    /// By node and client: the claim it stands under.
    sessions: BTreeMap<(usize, Arc<str>), Claim>,
    /// By node and ticket.
    opening: BTreeMap<(usize, u64), Arc<str>>,
    /// The newest claim under which a client got in, and at which life of which node.
    newest: BTreeMap<Arc<str>, (Claim, usize, u64)>,
    tickets: u64,
    /// Claims that hold, by node and ticket, until somebody asks for them.
    admitted: BTreeMap<(usize, u64), (Arc<str>, Claim)>,
}

impl World {
    /// A client connects to a node that runs.
    pub(crate) fn connect_some_client(&mut self, number: usize) {
        if self.life(number).is_none() {
            return;
        }
        let client = format!("c{}", self.dice.below(CLIENTS));
        if self.dice.below(2) == 0 {
            let delay = std::time::Duration::from_millis(self.dice.below(5_000));
            self.connect_with_will(number, &client, delay);
        } else {
            self.claim_for(number, client.into());
        }
    }

    /// This client connects to a node that runs; its ticket.
    pub(super) fn claim_for(&mut self, number: usize, client: Arc<str>) -> u64 {
        self.clients.tickets += 1;
        let ticket = self.clients.tickets;
        self.clients.opening.insert((number, ticket), client.clone());
        self.input(number, Input::Claim { ticket, client, clean: false });
        ticket
    }

    /// The client of this ticket and its claim, once it holds.
    pub(super) fn admitted(&mut self, number: usize, ticket: u64) -> Option<(Arc<str>, Claim)> {
        self.clients.admitted.remove(&(number, ticket))
    }

    /// The newest claim under which a client got in.
    pub(super) fn newest_claim(&self, client: &str) -> Option<Claim> {
        self.clients.newest.get(client).map(|newest| newest.0)
    }

    pub(super) fn on_claimed(&mut self, number: usize, ticket: u64, claim: Claim) {
        let life = self.life(number).unwrap();
        let client = self.clients.opening.remove(&(number, ticket)).unwrap();
        let whose = client.clone();
        // Of two connections to one node the later claim has the session, whichever is answered first.
        let session = self.clients.sessions.entry((number, client.clone())).or_insert(claim);
        *session = claim.max(*session);
        let newest = self.clients.newest.entry(client).or_insert((claim, number, life));
        if newest.0 < claim {
            *newest = (claim, number, life);
        }
        // A later connection to the same node took the session over.
        let in_force = self.clients.sessions.get(&(number, whose.clone())) == Some(&claim);
        if in_force {
            self.end_will(number, &whose);
            self.clients.admitted.insert((number, ticket), (whose, claim));
            self.begin_will(number, ticket);
        }
    }

    pub(super) fn on_kick(&mut self, number: usize, client: &Arc<str>, winner: Claim) {
        let at = (number, client.clone());
        let older = self.clients.sessions.get(&at).is_some_and(|own| *own < winner);
        if older && !self.has(Fault::KeepKicked) {
            self.clients.sessions.remove(&at);
            self.end_will(number, client);
        }
        // The node of the newer claim may have died before the client got in.
        let newest = self.clients.newest.get_mut(client);
        if let Some(newest) = newest.filter(|newest| newest.0 < winner) {
            *newest = (winner, number, 0);
        }
    }

    /// A client ends its session at a node that runs, and its will with it.
    pub(crate) fn say_goodbye(&mut self, number: usize, client: &str) {
        self.end_will(number, client);
        if let Some(claim) = self.clients.sessions.remove(&(number, client.into())) {
            self.input(number, Input::Unclaim { client: client.into(), hlc: claim.hlc });
        }
    }

    pub(super) fn on_walk(&mut self, number: usize, view: u64) {
        if self.has(Fault::NoRefresh) {
            return;
        }
        let sessions = self.clients.sessions.iter().filter(|((node, _), _)| *node == number);
        let mine: Vec<_> =
            sessions.map(|((_, client), claim)| (client.clone(), claim.hlc)).collect();
        for (client, hlc) in mine {
            self.input(number, Input::Refresh { client, hlc });
        }
        self.walk_wills(number);
        self.input(number, Input::Refreshed { view });
    }

    /// Who was about to get in at a node goes away.
    pub(super) fn turn_away_from(&mut self, number: usize) {
        self.clients.opening.retain(|(node, _), _| *node != number);
    }

    /// The memory of a process is gone.
    pub(super) fn forget_clients_of(&mut self, number: usize) {
        self.clients.sessions.retain(|(node, _), _| *node != number);
        self.clients.opening.retain(|(node, _), _| *node != number);
    }

    /// The nodes that have a session of a client.
    pub(crate) fn sessions_of(&self, client: &str) -> Vec<usize> {
        let sessions = self.clients.sessions.keys().filter(|(_, whose)| **whose == *client);
        sessions.map(|(node, _)| *node).collect()
    }

    /// One session at most for each client; it stands under the newest claim, if that life of its node still runs.
    #[track_caller]
    pub(crate) fn assert_one_session_each(&self, when: &str) {
        let seed = self.seed();
        for (client, (claim, number, life)) in &self.clients.newest {
            let all = self.clients.sessions.iter().filter(|((_, whose), _)| whose == client);
            let all: Vec<_> = all.map(|((node, _), claim)| (*node, *claim)).collect();
            assert!(all.len() < 2, "seed {seed}, {when}: {client} has sessions {all:?}");
            if self.life(*number) == Some(*life) {
                assert_eq!(all, [(*number, *claim)], "seed {seed}, {when}: {client}");
            }
        }
        assert!(self.clients.opening.is_empty(), "seed {seed}, {when}: {:?}", self.clients.opening);
    }
}
