//! A session out of its place, and how it comes there and back.

use std::{sync::Arc, time::Duration};

use tokio::time::timeout;

use super::LIMIT;
use crate::{
    broker::{
        ClientId, connect::Identity, inflight::Inflight, portable::Portable, session::Session,
        stats::Metric, subscriptions::Subscriber, will::Will,
    },
    node::{
        hub::Hub,
        locks,
        mailbox::{Mailbox, Signal},
        registry::{Handover, Parked, Taken},
    },
    time::Time,
};

/// A session that another node has a newer claim on is kept at least this long, to be fetched.
const GRACE: Duration = Duration::from_secs(10);

/// A session out of its place.
pub(super) struct Frozen {
    pub(super) session: Box<Session>,
    pub(super) mailbox: Arc<Mailbox>,
    pub(super) identity: Option<Box<Identity>>,
    pub(super) expires_at: Time,
    pub(super) will: Option<(Box<Will>, Time)>,
    /// Its subscriptions stand.
    pub(super) subscribed: bool,
    /// It outlives the connection it had.
    pub(super) lasting: bool,
}

impl Hub {
    /// Takes the session of a client out of its place; a connection that has it is closed.
    pub(super) async fn freeze(&self, client_id: &ClientId, discard: bool) -> Option<Frozen> {
        for _ in 0..3 {
            let (taken, mailbox) = self.registry.take(client_id, discard)?;
            let answer = match taken {
                Taken::Parked(parked) => {
                    let Parked { session, identity, expires_at, will, .. } = *parked;
                    let (subscribed, lasting) = (true, true);
                    return Some(Frozen {
                        session,
                        mailbox,
                        identity,
                        expires_at,
                        will,
                        subscribed,
                        lasting,
                    });
                }
                Taken::Live(answer) => timeout(LIMIT, answer).await.ok()?.ok()?,
            };
            if let Handover::Session(session, expiry, will) = answer {
                self.count_unstored(mailbox.set_connected(false));
                let now = self.clock.now();
                let expires_at = now + expiry.max(GRACE);
                // It may turn out to be another user's, and end.
                let will = will.map(|will| will.due(now));
                return Some(Frozen {
                    session,
                    mailbox,
                    identity: None,
                    expires_at,
                    will,
                    subscribed: true,
                    lasting: !expiry.is_zero(),
                });
            }
        }
        None
    }

    /// Puts a session back into its place.
    pub(super) fn thaw(&self, mut frozen: Frozen) {
        frozen.subscribe(self);
        let (client_id, mailbox) = (frozen.session.client_id.clone(), frozen.mailbox.clone());
        self.park_fetched(frozen);
        self.answer_again(&client_id, &mailbox);
    }

    pub(super) fn park_fetched(&self, frozen: Frozen) {
        let Frozen { session, mailbox, identity, expires_at, will, .. } = frozen;
        let since = self.clock.wall();
        let parked = Parked { session, identity, expires_at, will, since };
        self.park(parked, &mailbox);
    }

    /// A session is back in the registry, or has ended: whoever asked for it meanwhile looks there again, and if an operator ended
    /// the client, that is done now.
    pub(in crate::node) fn answer_again(&self, client_id: &ClientId, mailbox: &Mailbox) {
        let mut kicked = false;
        for signal in mailbox.signals() {
            match signal {
                Signal::TakeOver { reply, .. } => drop(reply.send(Handover::Again)),
                Signal::Kick => kicked = true,
                Signal::Absorb(..)
                | Signal::Ban(_)
                | Signal::CleanAclCache
                | Signal::Rules
                | Signal::ShutDown
                | Signal::Shed
                | Signal::StandStill(_)
                | Signal::Obey(_)
                | Signal::Describe(_) => {}
            }
        }
        if kicked {
            self.kick(client_id);
        }
    }

    /// Ends a session: the client did not want it to last, or does not want it any more.
    pub(super) fn discard(&self, frozen: Frozen) {
        self.stats.count(Metric::SessionDiscarded);
        if let Some((will, _)) = frozen.will {
            self.publish_will(&frozen.session.client_id, *will);
        }
        self.forget(&frozen.session.client_id, &frozen.mailbox);
        self.end_session(&frozen.session, &frozen.mailbox);
        self.answer_again(&frozen.session.client_id, &frozen.mailbox);
    }
}

impl Frozen {
    /// The session and its queue so far, and from which number on the queue goes on.
    pub(super) fn portable(&self, now: Time) -> (Portable, u64) {
        let mut state = Portable::of_session(&self.session);
        let (queue, next) = self.mailbox.since(0);
        state.queue = queue;
        state.expiry = self.expires_at.since(now);
        state.will = self.will.as_ref().map(|(will, at)| (will.clone(), at.since(now)));
        (state, next)
    }

    /// Enters its subscriptions.
    pub(super) fn subscribe(&mut self, hub: &Hub) {
        if !std::mem::replace(&mut self.subscribed, true) {
            let upgrade = locks::read(&hub.session_settings).upgrade_qos;
            for (to, (options, id)) in self.session.subscriptions.iter() {
                let number = self.session.number;
                let subscriber = Subscriber::new(self.mailbox.clone(), number, id, options);
                hub.subscribe(to, subscriber.upgrading(upgrade));
            }
        }
    }

    /// Another node has the session but for the messages that came as number `after` of the queue or later.
    pub(super) fn keep_since(&mut self, after: u64) {
        self.session.inflight = Inflight::default();
        self.session.awaiting_rel.clear();
        self.session.replays = Box::default();
        self.mailbox.forget_before(after);
    }

    pub(super) fn unsubscribe(&mut self, hub: &Hub) {
        if std::mem::replace(&mut self.subscribed, false) {
            for (to, _) in self.session.subscriptions.iter() {
                hub.unsubscribe(to, self.session.number);
            }
        }
    }
}
