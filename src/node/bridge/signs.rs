//! What the nodes of a cluster say to each other of a bridge: by subscriptions to topics that nobody can be a subscriber of but they,
//! which travel like all others and end with their node.

use std::{collections::BTreeMap, sync::Arc};

use crate::{
    broker::{
        Settings,
        bridge::{GROUP, role::Sign},
        subscriptions::Subscriber,
    },
    cluster::routes::RouteMatches,
    mqtt::SubscriptionOptions,
    node::{hub::Hub, locks, mailbox::Mailbox},
    topic::{TopicFilter, TopicName, share::Subscription},
};

const WORDS: [&str; 3] = ["ready", "linked", "holds"];

const fn flags(sign: &mut Sign) -> [&mut bool; 3] {
    [&mut sign.ready, &mut sign.linked, &mut sign.holds]
}

pub(super) struct Signs {
    hub: Arc<Hub>,
    group: Arc<str>,
    /// What is published there goes nowhere.
    mailbox: Arc<Mailbox>,
    session: u64,
    own: Sign,
}

impl Signs {
    pub(super) fn new(hub: Arc<Hub>, name: &str) -> Self {
        let nothing = Settings { mqueue_len: 1, mqueue_bytes: 1, ..Settings::default() };
        Self {
            group: format!("{GROUP}{name}").into(),
            mailbox: Arc::new(Mailbox::new(&nothing)),
            session: hub.session_number(),
            own: Sign::default(),
            hub,
        }
    }

    /// Says how it stands here.
    pub(super) fn set(&mut self, mut sign: Sign) {
        let mut own = self.own;
        for ((new, old), word) in flags(&mut sign).into_iter().zip(flags(&mut own)).zip(WORDS) {
            let Ok(filter) = TopicFilter::parse(&format!("{}/{word}", self.group)) else { return };
            let to = Subscription { group: Some(self.group.clone()), filter };
            match (*old, *new) {
                (false, true) => {
                    let options = SubscriptionOptions::default();
                    let subscriber =
                        Subscriber::new(self.mailbox.clone(), self.session, 0, options);
                    self.hub.subscribe(&to, subscriber);
                }
                (true, false) => self.hub.unsubscribe(&to, self.session),
                (true, true) | (false, false) => {}
            }
        }
        self.own = sign;
    }

    /// What the others say, by their names.
    pub(super) fn others(&self) -> BTreeMap<String, Sign> {
        let mut signs: BTreeMap<String, Sign> = BTreeMap::new();
        for (at, word) in WORDS.into_iter().enumerate() {
            let topic = format!("{}/{word}", self.group);
            let Ok(topic) = TopicName::parse(&topic) else { continue };
            let mut found = RouteMatches::default();
            locks::read(&self.hub.routes).matches(topic, &mut found);
            let ours = found.shared.iter().filter(|shared| *shared.group == *self.group);
            for node in ours.flat_map(|shared| &shared.candidates) {
                let Some(peer) = self.hub.peers.get(node.node) else { continue };
                let sign = signs.entry(peer.name().to_string()).or_default();
                if let Some(flag) = flags(sign).into_iter().nth(at) {
                    *flag = true;
                }
            }
        }
        signs
    }
}

impl Drop for Signs {
    fn drop(&mut self) {
        self.set(Sign::default());
    }
}
