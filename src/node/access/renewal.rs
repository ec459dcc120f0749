//! New rules of access reach who is connected: each client gets its rights by them, and loses what it subscribes to and may not any more.

use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use crate::{
    broker::{
        access::Access,
        bridge,
        channel::{Channel, Out, Shared},
    },
    net::supervise,
    node::{hub::Hub, locks, mailbox::Signal},
};

/// Clients that are told at once, and the pause behind them.
const PORTION: (usize, Duration) = (512, Duration::from_millis(20));

/// Rules of access, for connections that began under others.
#[derive(Debug, Default)]
pub struct Renewal {
    access: Access,
    /// What connections of a listener share, and the same with these rules.
    made: Mutex<Vec<(Arc<Shared>, Arc<Shared>)>>,
    /// All that are connected have them.
    told: AtomicBool,
}

impl Renewal {
    fn new(access: Access, told: bool) -> Self {
        Self { access, made: Mutex::default(), told: told.into() }
    }

    /// A user name may be a token.
    pub(in crate::node) fn names_are_tokens(&self) -> bool {
        self.access.names_are_tokens()
    }

    /// Gives a channel these rules, if it has others.
    pub(in crate::node) fn renew(&self, channel: &mut Channel, out: &mut Out<'_>) {
        if !self.is_of(channel.shared()) {
            channel.renew_rules(self.shared(channel.shared()), out);
        }
    }

    /// Nothing is to be changed in what a connection shares: it has these rules, or is the local end of a bridge, which no rules are about.
    fn is_of(&self, shared: &Shared) -> bool {
        let same = Arc::ptr_eq(&shared.access.rules.0, &self.access.rules.0);
        same || shared.zone == bridge::ZONE
    }

    /// `old` with these rules.
    pub(in crate::node) fn shared(&self, old: &Arc<Shared>) -> Arc<Shared> {
        if self.is_of(old) {
            return old.clone();
        }
        let mut made = locks::lock(&self.made);
        if let Some((_, new)) = made.iter().find(|(before, _)| Arc::ptr_eq(before, old)) {
            return new.clone();
        }
        let new = Arc::new(old.with_rules(&self.access));
        made.push((old.clone(), new.clone()));
        new
    }
}

impl Hub {
    /// These rules hold from now on, for clients to come and, portion by portion, for all that are connected.
    pub(in crate::node) fn renew_rules(self: &Arc<Self>, access: Access) {
        let mut rules = locks::write(&self.rules);
        let same = rules.as_ref().is_some_and(|old| {
            old.told.load(Ordering::Acquire) && access.has_rules_of(&old.access)
        });
        let new = Arc::new(Renewal::new(access, same));
        *rules = Some(new.clone());
        drop(rules);
        if !same || new.access.asks.is_some() {
            supervise::spawn("rules", self.clone().tell_rules(new, same));
        }
    }

    /// The rules the node starts with.
    pub(in crate::node) fn begin_rules(&mut self, access: Access) -> Access {
        let users = self.authenticator.adopt(access.users.clone());
        let access = Access { users, ..access };
        *locks::write(&self.rules) = Some(Arc::new(Renewal::new(access.clone(), true)));
        access
    }

    async fn tell_rules(self: Arc<Self>, new: Arc<Renewal>, same: bool) {
        let (mut told, mut all) = (0, 0);
        for at in 0.. {
            // Those of a later reload hold, and its own round tells them.
            if !locks::read(&self.rules).as_ref().is_some_and(|now| Arc::ptr_eq(now, &new)) {
                return;
            }
            let signal = || if same { Signal::CleanAclCache } else { Signal::Rules };
            let Some(clients) = self.registry.signal_part(at, signal) else { break };
            told += clients;
            all += clients;
            if told >= PORTION.0 {
                told = 0;
                tokio::time::sleep(PORTION.1).await;
            }
        }
        new.told.store(true, Ordering::Release);
        tracing::info!(clients = all, "rules of access hold for clients that are connected");
    }
}
