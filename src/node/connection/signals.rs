//! What others want of a connection: an operator, another connection of its client, another node.

use std::{sync::Arc, time::Duration};

use tokio::sync::oneshot;

use super::{Connection, Scratch};
use crate::{
    broker::{
        channel::{Finished, Out},
        close::CloseReason,
        portable::Portable,
        stats::Metric,
        subscribing::Wanted,
        subscriptions::Subscriber,
    },
    node::{
        clients::ClientRow,
        mailbox::{self, Mailbox, Signal, Taker},
        registry::Handover,
    },
    time::Time,
    topic::share::Subscription,
};

/// For so long a client is heard to its end before another connection of its gets its session: less than who asks waits.
const LAST_WORDS: Duration = Duration::from_secs(2);

impl Connection {
    pub(super) fn on_signals(&mut self, scratch: &mut Scratch, now: Time) {
        let Some(mailbox) = self.mailbox.clone() else { return };
        let mut later = false;
        for signal in mailbox.signals() {
            match signal {
                Signal::Describe(tell) => {
                    if let Some(row) = ClientRow::of_channel(&self.channel, &mailbox) {
                        let _ = tell.send(row);
                    }
                }
                Signal::Kick if self.closing.is_none() => {
                    self.close(CloseReason::Kicked, scratch, now);
                }
                // The session has just gone to somebody else.
                Signal::Kick => {
                    if let Some(identity) = self.channel.identity() {
                        self.hub.kick(&identity.client_id);
                    }
                }
                Signal::Ban(targets) if self.closing.is_none() => {
                    let client = self.channel.banned();
                    if client.is_some_and(|client| targets.iter().any(|one| one.names(&client))) {
                        self.close(CloseReason::Banned, scratch, now);
                    }
                }
                Signal::Obey(order) if self.channel.is_up() && self.closing.is_none() => {
                    self.obey(*order, scratch, now);
                }
                Signal::CleanAclCache => self.channel.clean_acl_cache(),
                Signal::Rules if self.channel.is_up() && self.closing.is_none() => {
                    self.waiting().rules_anew = true;
                }
                Signal::ShutDown if self.closing.is_none() => {
                    self.close(CloseReason::ShuttingDown, scratch, now);
                }
                Signal::Shed if self.closing.is_none() => {
                    self.close(CloseReason::MemoryShort, scratch, now);
                }
                Signal::StandStill(order) if self.closing.is_none() => {
                    self.on_order(order, scratch, now);
                }
                // Those behind one that waits wait too: the last one gets the session.
                Signal::TakeOver { .. } if later || self.is_to_be_heard(now) => {
                    later = true;
                    mailbox.signal(signal);
                }
                Signal::TakeOver { discard, taker, reply } if self.channel.is_up() => {
                    self.on_take_over((discard, &taker), reply, scratch, now);
                }
                Signal::TakeOver { reply, .. } => {
                    let _ = reply.send(Handover::Again);
                }
                Signal::Absorb(older, done) if self.channel.is_up() => {
                    let _ = done.send(self.absorb(*older, &mailbox));
                }
                // Who asked hears that it is gone.
                Signal::Obey(_)
                | Signal::Absorb(..)
                | Signal::Ban(_)
                | Signal::Rules
                | Signal::ShutDown
                | Signal::Shed
                | Signal::StandStill(_) => {}
            }
        }
    }

    /// Gives the session to who asks for it, unless it is closed to that user.
    fn on_take_over(
        &mut self,
        (discard, taker): (bool, &Taker),
        reply: oneshot::Sender<Handover>,
        scratch: &mut Scratch,
        now: Time,
    ) {
        let (other, closed) = match taker {
            Taker::Node => (false, false),
            Taker::Client(user) => (
                user.as_deref() != self.channel.owner(),
                self.channel.session().is_some_and(|it| it.is_closed_to(user.as_deref())),
            ),
        };
        if closed && !self.hub.registry.replaces() {
            let _ = reply.send(Handover::Closed);
        } else {
            self.hand_over(discard || other, reply, scratch, now);
        }
    }

    /// What the client sent before it connected anew counts, a goodbye most of all: what has come is read first, and to its end if the
    /// client has closed this connection.
    fn is_to_be_heard(&mut self, now: Time) -> bool {
        let deaf = self.unsent_len() > self.channel.settings().write_high;
        let ends = self.is_lost() || self.stream.has_ended();
        if ends {
            self.hold_up_no_more();
        }
        if deaf || !self.channel.is_up() || self.closing.is_some() || !self.reads() {
            if let Some(waiting) = &mut self.waiting {
                waiting.last_words = None;
            }
            return false;
        }
        let waiting = self.waiting();
        match waiting.last_words {
            None => waiting.last_words = Some(now),
            Some(since) if ends && now.since(since) < LAST_WORDS => {}
            Some(_) => {
                // The one who asks may be refused: then the next waits anew.
                waiting.last_words = None;
                return false;
            }
        }
        true
    }

    /// Subscribes the client, takes a subscription out or ends the connection, because an operator says so.
    pub(super) fn obey(
        &mut self,
        (order, done): (mailbox::Order, oneshot::Sender<Result<(), &'static str>>),
        scratch: &mut Scratch,
        now: Time,
    ) {
        let mut out = Out { bytes: &mut scratch.out, actions: &mut scratch.actions };
        let obeyed = match order {
            mailbox::Order::Subscribe(to, qos) => {
                let obeyed = self.channel.subscribe_ordered(&to, qos, &mut out);
                self.perform(scratch, now);
                let session = self.channel.session();
                let has = session.is_some_and(|session| session.subscriptions.contains(&to));
                obeyed.and(if has {
                    Ok(())
                } else {
                    Err("no room for it, or another client has it")
                })
            }
            mailbox::Order::GoElsewhere(to) => {
                self.close(CloseReason::Evacuated(to), scratch, now);
                Ok(())
            }
            mailbox::Order::Unsubscribe(to) => {
                let obeyed = self.channel.unsubscribe_ordered(&to, &mut out);
                self.perform(scratch, now);
                obeyed
            }
        };
        let _ = done.send(obeyed);
    }

    /// What the client's session on another node had and this one has not.
    pub(super) fn absorb(&mut self, mut older: Portable, mailbox: &Arc<Mailbox>) -> Option<Wanted> {
        let mut replays = std::mem::take(&mut older.replays);
        // Who has subscribed here as well has had them, or has them due.
        replays.retain(|replay| !self.has(&replay.subscription()));
        let (news, wanted) = self.channel.absorb(older)?;
        replays.retain(|replay| self.has(&replay.subscription()));
        for replay in replays {
            self.waiting().replays.push(replay);
        }
        for (to, (options, id)) in news {
            if let Some(session) = self.channel.session() {
                let upgrade = self.channel.settings().upgrade_qos;
                let subscriber = Subscriber::new(mailbox.clone(), session.number, id, options);
                self.hub.subscribe(&to, subscriber.upgrading(upgrade));
            }
        }
        Some(wanted)
    }

    fn has(&self, to: &Subscription) -> bool {
        self.channel.session().is_some_and(|session| session.subscriptions.contains(to))
    }

    pub(super) fn close(&mut self, reason: CloseReason, scratch: &mut Scratch, now: Time) {
        let mut out = Out { bytes: &mut scratch.out, actions: &mut scratch.actions };
        self.channel.close(reason, &mut out);
        self.perform(scratch, now);
    }

    pub(super) fn hand_over(
        &mut self,
        discard: bool,
        reply: oneshot::Sender<Handover>,
        scratch: &mut Scratch,
        now: Time,
    ) {
        let reason = if discard { CloseReason::Discarded } else { CloseReason::TakenOver };
        // A session that ends with its connection goes to nobody (v3 [MQTT-3.1.2-6], v5 3.1.2.11.2).
        let discard = discard || self.channel.expiry().is_zero();
        let mut out = Out { bytes: &mut scratch.out, actions: &mut scratch.actions };
        self.channel.close(reason.clone(), &mut out);
        scratch.actions.clear();
        let mailbox = self.mailbox.take();
        let Finished { session, expiry, mut will } = self.finish(now);
        if let (Some(will), Some(session)) =
            (will.take_if(|will| discard || will.delay.is_zero()), &session)
        {
            self.hub.publish_will(&session.client_id, *will);
        }
        // Before the next connection begins, so that what is told of the two comes in this order.
        self.begin_close(reason, now, scratch);
        match (session, discard) {
            (Some(session), false) => {
                if let Err(Handover::Session(session, expiry, will)) =
                    reply.send(Handover::Session(session, expiry, will))
                    && let Some(mailbox) = mailbox
                {
                    // The new connection is gone already: the session waits for the next.
                    self.park(session, now + expiry, will.map(|will| will.due(now)), &mailbox);
                }
            }
            (Some(session), true) => {
                self.hub.stats.count(Metric::SessionDiscarded);
                if let Some(mailbox) = mailbox {
                    self.hub.forget(&session.client_id, &mailbox);
                    self.hub.end_session(&session, &mailbox);
                    // Who asked while it ended; nobody else will answer.
                    self.hub.answer_again(&session.client_id, &mailbox);
                }
                let _ = reply.send(Handover::Again);
            }
            (None, _) => {
                let _ = reply.send(Handover::Again);
            }
        }
    }
}
