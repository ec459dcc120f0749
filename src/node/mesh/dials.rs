//! Nodes that are being dialled.
//!
//! Invariant: of those whose dial has ended no more are here than have ended since the last one began. Names come from outside
//! (discovery, other nodes), ever new ones where hosts come and go.

use std::{collections::BTreeMap, sync::Arc};

use tokio::{sync::Notify, task::AbortHandle};

use crate::cluster::NodeName;

/// One task for each node that is being dialled, and what makes it try again at once.
#[derive(Default)]
pub(super) struct Dials(BTreeMap<NodeName, (AbortHandle, Arc<Notify>)>);

impl Dials {
    /// A node that is being dialled is tried again at once; false if it is not.
    pub(super) fn hasten(&self, name: &NodeName) -> bool {
        let found = self.0.get(name).filter(|(task, _)| !task.is_finished());
        found.is_some_and(|(_, hasten)| {
            hasten.notify_one();
            true
        })
    }

    /// A task dials a node from now on.
    pub(super) fn begin(&mut self, name: NodeName, task: AbortHandle, hasten: Arc<Notify>) {
        self.0.retain(|_, (task, _)| !task.is_finished());
        self.0.insert(name, (task, hasten));
    }

    /// A node is not to be dialled any more.
    pub(super) fn end(&mut self, name: &NodeName) {
        if let Some((task, _)) = self.0.remove(name) {
            task.abort();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::net::supervise;

    #[tokio::test]
    async fn who_was_dialled_is_not_remembered() {
        let mut dials = Dials::default();
        let name = |number: usize| NodeName::parse(&format!("a@h{number}")).unwrap();
        let hasten = Arc::new(Notify::new());
        let lasting = supervise::spawn("dial", std::future::pending::<()>());
        dials.begin(name(0), lasting.abort_handle(), hasten.clone());
        for number in 1..100 {
            let task = supervise::spawn("dial", async {});
            dials.begin(name(number), task.abort_handle(), Arc::default());
            task.await.unwrap();
        }
        assert_eq!(dials.0.len(), 2, "one that goes on, and the last one");
        assert!(dials.hasten(&name(0)) && !dials.hasten(&name(99)) && !dials.hasten(&name(1)));
        hasten.notified().await;
        dials.end(&name(0));
        assert!(lasting.await.unwrap_err().is_cancelled());
    }
}
