//! A node that is emptied for an upgrade: nobody new gets in, and who is connected is asked to go, a few at a time. Sessions that are
//! kept stay until their clients come to another node, which fetches them, or until this one stops, which gives them away.

use std::{
    num::NonZeroU32,
    sync::{Arc, Mutex},
    time::Duration,
};

use tokio::{sync::oneshot, task::JoinHandle};

use super::{
    hub::Hub,
    locks,
    mailbox::{Order, Signal},
    sys_topics::local_time,
};
use crate::{
    broker::{ClientId, evacuation::Evacuation},
    ctl,
    net::supervise,
    time::Wall,
};

/// Time between two looks at whose turn it is, at least.
const STEP: Duration = Duration::from_millis(10);
/// The same when nobody is connected.
const IDLE: Duration = Duration::from_millis(500);

/// The evacuation of a node, if there is one.
#[derive(Default)]
pub(super) struct Evacuations(Mutex<Option<Running>>);

struct Running {
    rate: NonZeroU32,
    to: Option<Arc<str>>,
    since: Wall,
    /// Connected then.
    clients: usize,
    task: JoinHandle<()>,
}

impl Drop for Running {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Hub {
    /// Nobody new gets in; and the server that clients are told to use, if there is one.
    pub(super) fn evacuated_to(&self) -> Option<Option<Arc<str>>> {
        locks::lock(&self.evacuations.0).as_ref().map(|running| running.to.clone())
    }

    /// Sends the clients of this node away. `false`: that goes on already.
    pub(super) fn evacuate(self: &Arc<Self>, rate: NonZeroU32, to: Option<&str>) -> bool {
        let to = to.map(Arc::from);
        let (since, clients) = (self.clock.wall(), self.registry.connected());
        let mut evacuation = locks::lock(&self.evacuations.0);
        if evacuation.is_some() {
            return false;
        }
        let task = supervise::spawn("evacuation", self.clone().send_away(rate, to.clone()));
        *evacuation = Some(Running { rate, to, since, clients, task });
        true
    }

    /// Takes clients again. `false`: it does so already.
    pub(super) fn end_evacuation(&self) -> bool {
        locks::lock(&self.evacuations.0).take().is_some()
    }

    /// How far it is.
    pub(super) fn evacuation(&self) -> Option<ctl::Evacuation> {
        let (sessions, parked) = self.registry.count();
        let evacuation = locks::lock(&self.evacuations.0);
        evacuation.as_ref().map(|running| ctl::Evacuation {
            since: local_time(running.since),
            rate: running.rate.get(),
            to: running.to.as_deref().map(str::to_owned),
            clients: running.clients as u64,
            connected: (sessions - parked) as u64,
            sessions: parked as u64,
        })
    }

    async fn send_away(self: Arc<Self>, rate: NonZeroU32, to: Option<Arc<str>>) {
        let mut pace = Evacuation::new(rate, self.clock.now());
        let (mut left, mut told) = (Vec::<ClientId>::new(), false);
        loop {
            for _ in 0..pace.on_deadline(self.clock.now()) {
                // Who was let in a moment before it began comes up in a later round.
                if left.is_empty() {
                    left = self.registry.connected_ids();
                }
                let next = std::iter::from_fn(|| left.pop());
                let Some(mailbox) = next.filter_map(|id| self.registry.live(&id)).next() else {
                    break;
                };
                // Nobody waits for the answer.
                let (done, _) = oneshot::channel();
                mailbox.signal(Signal::Obey(Box::new((Order::GoElsewhere(to.clone()), done))));
            }
            let empty = self.registry.connected() == 0;
            if empty && !told {
                tracing::info!("evacuation: no client is connected any more");
            }
            told = empty;
            let soon = self.clock.now() + if empty { IDLE } else { STEP };
            tokio::time::sleep_until(self.clock.instant(pace.deadline().max(soon))).await;
        }
    }
}
