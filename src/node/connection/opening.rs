//! From CONNECT to a session: who the client is, whether another node or another connection has its session, and the start.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use tokio::sync::oneshot;

use super::{Connection, Scratch};
use crate::{
    broker::{
        ClientId,
        access::{Grant, Refusal, Verdict},
        channel::{Out, Proof},
        close::CloseReason,
        connect::Moment,
        session::Session,
        stats::Metric,
    },
    mqtt::ReasonCode,
    node::{
        access::authenticator::{Answer, Login},
        locks,
        mailbox::Mailbox,
        mesh::Mesh,
        registry::{Handover, Opened},
        takeover::MayOpen,
        wills::Admission,
    },
    time::Time,
};

/// A session that another connection has been asked for. Its mailbox still is the other's.
pub(super) struct AwaitedSession {
    pub(super) answer: oneshot::Receiver<Handover>,
    pub(super) mailbox: Arc<Mailbox>,
    pub(super) client_id: ClientId,
    pub(super) clean_start: bool,
    pub(super) claim: Admission,
}

/// The client was claimed in the cluster, and its session is fetched from another node if one has it.
pub(super) struct AwaitedClaim {
    pub(super) answer: oneshot::Receiver<MayOpen>,
    pub(super) client_id: ClientId,
    pub(super) clean_start: bool,
}

impl Connection {
    pub(super) fn authenticate(&mut self, proof: Proof, scratch: &mut Scratch, now: Time) {
        let guesses = matches!(proof, Proof::Password(Some(_)) | Proof::Scram);
        if self.is_banned(guesses) {
            return self.on_verdict(Err(Refusal::Banned), scratch, now);
        }
        let password = match proof {
            Proof::Password(password) => password,
            Proof::Certificate => return self.on_verdict(Ok(Grant::default()), scratch, now),
            Proof::Scram => return self.challenge(scratch, now),
        };
        let Some(identity) = self.channel.identity() else { return };
        let login = Login {
            shared: self.channel.shared().clone(),
            client_id: identity.client_id.clone(),
            username: identity.username.clone(),
            password,
            peer: self.channel.peer().ip(),
            wall: self.hub.clock.wall(),
        };
        match self.hub.authenticator.ask(login) {
            Answer::Now(verdict) => self.on_verdict(verdict, scratch, now),
            Answer::Later(answer) => self.waiting().verdict = Some(answer),
        }
    }

    /// Asks the client to prove that it is the user it says it is.
    fn challenge(&mut self, scratch: &mut Scratch, now: Time) {
        let Some(username) = self.channel.claimed_user() else { return };
        match self.hub.authenticator.candidate(username) {
            Some((candidate, nonce)) => {
                let mut out = Out { bytes: &mut scratch.out, actions: &mut scratch.actions };
                self.channel.on_candidate(candidate, &nonce, &mut out);
            }
            None => self.on_verdict(Err(Refusal::Busy), scratch, now),
        }
    }

    /// The client is kept out, which is told in the log; `guesses`: it shows a password that nobody has looked at.
    fn is_banned(&self, guesses: bool) -> bool {
        let banned = self.channel.banned().filter(|_| self.channel.settings().enable_ban);
        let (bans, clock) = (&self.hub.bans, self.hub.clock);
        let why = banned.and_then(|client| {
            if guesses { bans.reason_to_guess(&client, clock) } else { bans.reason(&client, clock) }
        });
        if let Some(why) = &why {
            let (client_id, peer) = (banned.map(|client| client.client_id), self.channel.peer());
            tracing::info!(name: "banned-refused", clientid = client_id, %peer, why, stranger = true, "banned client refused");
        }
        why.is_some()
    }

    pub(super) fn on_verdict(&mut self, verdict: Verdict, scratch: &mut Scratch, now: Time) {
        if let Some(client) = self.channel.banned() {
            let shared = self.channel.shared();
            match &verdict {
                Ok(grant) if !grant.anonymous => self.hub.on_auth_success(&client, shared),
                Err(refusal) if refusal.is_guess() => self.hub.on_auth_failure(&client, shared),
                Ok(_) | Err(_) => {}
            }
        }
        // It may have been banned while its password was verified.
        let verdict = verdict
            .and_then(|grant| if self.is_banned(false) { Err(Refusal::Banned) } else { Ok(grant) });
        let mut out = Out { bytes: &mut scratch.out, actions: &mut scratch.actions };
        self.channel.on_verdict(verdict, now, &mut out);
    }

    pub(super) fn open(
        &mut self,
        client_id: ClientId,
        clean_start: bool,
        scratch: &mut Scratch,
        now: Time,
    ) {
        if self.hub.resting.load(Ordering::Acquire) {
            let mut out = Out { bytes: &mut scratch.out, actions: &mut scratch.actions };
            let what = "the node is being restarted";
            return self.channel.on_no_session(ReasonCode::ServerShuttingDown, what, &mut out);
        }
        if let Some(to) = self.hub.evacuated_to() {
            let mut out = Out { bytes: &mut scratch.out, actions: &mut scratch.actions };
            return self.channel.on_no_place(CloseReason::Evacuated(to), &mut out);
        }
        let taken_over = self.hub.registry.live(&client_id).is_some();
        if taken_over && !self.hub.may_take_over(&client_id, self.channel.peer()) {
            let mut out = Out { bytes: &mut scratch.out, actions: &mut scratch.actions };
            let what = "banned: this client id is taken over again and again";
            return self.channel.on_no_session(ReasonCode::Banned, what, &mut out);
        }
        if taken_over {
            let (clientid, peer) = (client_id.as_str(), self.channel.peer());
            tracing::debug!(clientid, %peer, "takes over from the connection that has this client id");
        }
        if self.hub.asks_before_opening() {
            let shared = self.channel.shared().clone();
            let will = self.channel.will();
            let answer = self.hub.open_in_cluster(&client_id, (clean_start, will), shared);
            self.waiting().claim = Some(AwaitedClaim { answer, client_id, clean_start });
            return;
        }
        let claim = Admission { hlc: self.hub.tick(), told: None };
        let opened = self.open_here(client_id.clone(), (clean_start, claim), scratch, now);
        if opened && self.hub.mesh().is_some_and(Mesh::has_peers) {
            self.hub.claim_later(&client_id, clean_start);
        }
    }

    /// Opens the session, or asks the connection for it that has it. `false`: there is no room for another.
    pub(super) fn open_here(
        &mut self,
        client_id: ClientId,
        (clean_start, claim): (bool, Admission),
        scratch: &mut Scratch,
        now: Time,
    ) -> bool {
        if let Some(mut due) = self.hub.registry.expired(&client_id, now) {
            if let Some((session, _)) = &mut due.expired {
                // The claim is the new session's.
                session.claim = 0;
            }
            self.hub.end_due(due);
        }
        let mailbox = Mailbox::new(self.channel.settings());
        let mailbox = Arc::new(if clean_start { mailbox.clean(claim.hlc) } else { mailbox });
        let owner = self.channel.owner();
        match self.hub.registry.open(&client_id, (clean_start, owner), &mailbox, claim.hlc) {
            Opened::Fresh(discarded) => {
                if let Some((mut parked, mailbox)) = discarded {
                    if !clean_start {
                        let peer = self.channel.peer();
                        tracing::warn!(
                            clientid = %client_id, %peer, username = owner, owner = parked.session.owner.as_deref(),
                            "the session kept under this client id was another user's: it is ended, a new one begins"
                        );
                        // The claim is the new session's.
                        parked.session.claim = 0;
                    }
                    self.hub.stats.count(Metric::SessionDiscarded);
                    self.hub.end_parked(*parked, &mailbox);
                    self.hub.will_ends(&client_id);
                }
                self.start((None, claim), mailbox, scratch, now);
            }
            Opened::Resumed(parked, mailbox) => {
                self.start((Some(parked.session), claim), mailbox, scratch, now);
            }
            Opened::Wait(answer, mailbox) => {
                self.waiting().handover =
                    Some(AwaitedSession { answer, mailbox, client_id, clean_start, claim });
            }
            Opened::Full => {
                self.turn_away(&client_id, claim.hlc, scratch);
                return false;
            }
            Opened::Closed => {
                self.keep_out(&client_id, claim, scratch);
                return false;
            }
        }
        true
    }

    /// The client id is that of a session of another user.
    fn keep_out(&mut self, client_id: &ClientId, claim: Admission, scratch: &mut Scratch) {
        // With its claim the one who is kept out has ended the will of the other's session, at nodes that keep it: that is claimed
        // anew, and told.
        drop(claim);
        if self.hub.mesh().is_some_and(Mesh::has_peers) && self.hub.registry.has_will(client_id) {
            self.hub.claim_later(client_id, false);
        }
        let what = "client id of another user's session; emqx-rs-ctl clients kick ID ends that \
            (mqtt.replace_session_of_other_user)";
        self.hub.stats.count(Metric::SessionOfOtherUser);
        let mut out = Out { bytes: &mut scratch.out, actions: &mut scratch.actions };
        self.channel.on_no_session(ReasonCode::ClientIdentifierNotValid, what, &mut out);
    }

    /// There is no room for another session.
    fn turn_away(&mut self, client_id: &ClientId, claim: u64, scratch: &mut Scratch) {
        if claim != 0
            && let Some(mesh) = self.hub.mesh().filter(|mesh| mesh.has_peers())
        {
            mesh.unclaim(client_id.shared(), claim);
        }
        let (metric, what) = if self.hub.memory.is_short() {
            (Metric::LimitMemory, "memory is short")
        } else {
            (Metric::LimitSessions, "node.max_sessions reached")
        };
        self.hub.stats.count(metric);
        let mut out = Out { bytes: &mut scratch.out, actions: &mut scratch.actions };
        self.channel.on_no_session(ReasonCode::QuotaExceeded, what, &mut out);
    }

    pub(super) fn start(
        &mut self,
        (kept, claim): (Option<Box<Session>>, Admission),
        mailbox: Arc<Mailbox>,
        scratch: &mut Scratch,
        now: Time,
    ) {
        mailbox.set_connected(true);
        if claim.hlc != 0 {
            let under_way = kept.iter().flat_map(|session| session.inflight.numbers());
            mailbox.remember(under_way, now);
        }
        self.mailbox = Some(mailbox);
        self.hub.stats.count(if kept.is_some() {
            Metric::SessionResumed
        } else {
            Metric::SessionCreated
        });
        let (number, resumed) = (self.hub.session_number(), kept.is_some());
        let moment = Moment { now, wall: self.hub.clock.wall() };
        if let Some(identity) = self.channel.identity() {
            self.hub.hurry_will(&identity.client_id);
        }
        let mut out = Out { bytes: &mut scratch.out, actions: &mut scratch.actions };
        // They may have changed since it came; from here on it is told.
        let rules = locks::read(&self.hub.rules).clone();
        if let Some(rules) = rules {
            rules.renew(&mut self.channel, &mut out);
        }
        self.channel.on_session(kept, number, moment, &mut out);
        self.channel.set_claim(claim.hlc);
        for replay in self.channel.take_replays() {
            self.waiting().replays.push(replay);
        }
        if let Some(identity) = self.channel.identity() {
            match self.channel.will() {
                Some(will) => self.hub.will_begins(&identity.client_id, claim, will),
                None if resumed => self.hub.will_ends(&identity.client_id),
                None => {}
            }
        }
        self.hub.tell_connected(&self.channel);
        // Who is banned from here on is told so through its mailbox; before, it had none that counts.
        if self.is_banned(false) {
            self.channel.close(
                CloseReason::Banned,
                &mut Out { bytes: &mut scratch.out, actions: &mut scratch.actions },
            );
        }
    }

    /// The client may be opened here: nobody else has its session any more.
    pub(super) fn on_claim(&mut self, may: Option<MayOpen>, scratch: &mut Scratch, now: Time) {
        let claimed = self.waiting.as_mut().and_then(|waiting| waiting.claim.take());
        let Some(AwaitedClaim { client_id, clean_start, .. }) = claimed else { return };
        let (claim, turn) = match may {
            Some(MayOpen { claim, turn }) => (claim, Some(turn)),
            None => (Admission { hlc: self.hub.tick(), told: None }, None),
        };
        self.open_here(client_id, (clean_start, claim), scratch, now);
        drop(turn);
    }

    pub(super) fn on_handover(&mut self, answer: Handover, scratch: &mut Scratch, now: Time) {
        let Some(awaited) = self.waiting.as_mut().and_then(|waiting| waiting.handover.take())
        else {
            return;
        };
        match answer {
            // With a will that is dropped, as the client is back in time [MQTT-3.1.3-9].
            Handover::Session(session, ..) => {
                self.hub.stats.count(Metric::SessionTakeovered);
                self.start((Some(session), awaited.claim), awaited.mailbox, scratch, now);
            }
            Handover::Closed => self.keep_out(&awaited.client_id, awaited.claim, scratch),
            Handover::Again => {
                let how = (awaited.clean_start, awaited.claim);
                self.open_here(awaited.client_id, how, scratch, now);
            }
        }
    }
}
