//! Says in the log, once a minute for each, for which clients messages were dropped because their queue was full.

use std::{collections::HashMap, sync::Arc, time::Duration};

use super::{hub::Hub, registry::Registry};
use crate::{
    broker::{ClientId, stats::Metric},
    topic::Hashing,
};

const EVERY: Duration = Duration::from_secs(60);
/// Clients that are spoken of at a time; the others are counted.
const LINES: usize = 100;

/// Messages that each client has lost, as far as was told.
#[derive(Default)]
struct Losses(HashMap<ClientId, u64, Hashing>);

/// What a client has lost since it was last told.
#[derive(Debug, PartialEq, Eq)]
struct Loss {
    client_id: ClientId,
    dropped: u64,
    waiting: usize,
}

impl Losses {
    /// Who has lost something since the last look; of more than can be named only the number.
    fn look(&mut self, registry: &Registry) -> (Vec<Loss>, usize) {
        let (mut now, mut losses, mut others) = (HashMap::default(), Vec::new(), 0);
        registry.for_each_mailbox(|client_id, mailbox| {
            let lost = mailbox.dropped();
            if lost == 0 {
                return;
            }
            let dropped = lost.saturating_sub(self.0.get(client_id).copied().unwrap_or(0));
            now.insert(client_id.clone(), lost);
            if dropped > 0 && losses.len() < LINES {
                let (client_id, waiting) = (client_id.clone(), mailbox.len());
                losses.push(Loss { client_id, dropped, waiting });
            } else if dropped > 0 {
                others += 1;
            }
        });
        self.0 = now;
        (losses, others)
    }
}

impl Hub {
    /// Runs for ever.
    pub(super) async fn tell_of_full_queues(self: Arc<Self>) {
        let (mut losses, mut known) = (Losses::default(), 0);
        loop {
            tokio::time::sleep(EVERY).await;
            let lost = self.stats.sum(Metric::DeliveryDroppedQueueFull);
            if lost == known {
                continue;
            }
            known = lost;
            let (new, others) = losses.look(&self.registry);
            for Loss { client_id, dropped, waiting } in new {
                let clientid = client_id.as_str();
                tracing::warn!(name: "queue-full", clientid, dropped, waiting, "messages for a client dropped");
            }
            if others > 0 {
                tracing::warn!(clients = others, "messages for more clients dropped");
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        broker::{
            Message, Settings,
            message::Meta,
            mqueue::{Delivery, SubscriptionIds},
        },
        mqtt::QoS,
        node::mailbox::Mailbox,
    };

    #[test]
    fn each_loss_is_told_once() {
        let registry = Registry::default();
        let settings = Settings { mqueue_len: 1, ..Settings::default() };
        let mailboxes: Vec<_> = (0..LINES + 2)
            .map(|n| {
                let mailbox = Arc::new(Mailbox::new(&settings));
                drop(registry.open(&ClientId::new(&format!("c{n}")), (true, None), &mailbox, 0));
                mailbox
            })
            .collect();
        let push = |mailbox: &Mailbox| {
            let qos = QoS::AtMostOnce;
            let meta = Meta { qos, retain: false, expires_at: None, publisher: 0 };
            let message = Message::new("t", &[], b"", meta);
            let ids = SubscriptionIds::None;
            mailbox.push(Delivery { message, ids, qos, retain: false, group: 0 });
        };
        let mut losses = Losses::default();
        mailboxes.iter().for_each(|mailbox| push(mailbox));
        assert_eq!(losses.look(&registry), (vec![], 0));
        (0..3).for_each(|_| push(&mailboxes[7]));
        let loss = Loss { client_id: ClientId::new("c7"), dropped: 3, waiting: 1 };
        assert_eq!(losses.look(&registry), (vec![loss], 0));
        assert_eq!(losses.look(&registry), (vec![], 0));
        mailboxes.iter().for_each(|mailbox| push(mailbox));
        let (named, others) = losses.look(&registry);
        assert_eq!((named.len(), others), (LINES, 2));
    }
}
