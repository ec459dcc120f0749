//! Listeners: how they stand, and opening and closing them.

use std::sync::Arc;

use super::Desk;
use crate::{
    ctl::{self, Reply, Turn, render::shown},
    node::listener::Listening,
};

impl Desk {
    pub(super) fn listeners(&self) -> Reply {
        Reply::Listeners(self.node.listeners().iter().map(listener).collect())
    }

    /// Lets a listener take clients, or not. Who is connected stays.
    pub(super) async fn turn_listener(&self, id: &str, turn: Turn) -> Reply {
        let all = self.node.listeners();
        let Some(one) = all.iter().find(|one| one.settings.id() == id) else {
            let known: Vec<String> = all.iter().map(|one| one.settings.id()).collect();
            let (id, known) = (shown(id), known.join(", "));
            return Reply::Failed(format!("there is no listener {id}; there are: {known}"));
        };
        let listen_on = one.address();
        let done = match turn {
            Turn::Start => self.node.open_listener(one),
            Turn::Stop => one.close().await,
            Turn::Restart => one.close().await.and_then(|()| self.node.open_listener(one)),
        };
        match done {
            Ok(()) => {
                tracing::info!(listener = id, ?turn, "listener turned by an operator");
                Reply::ListenerTurned { id: id.into(), turn, listen_on }
            }
            Err(why) => {
                let verb = match turn {
                    Turn::Start => "start",
                    Turn::Stop => "stop",
                    Turn::Restart => "restart",
                };
                Reply::Failed(format!("Failed to {verb} {id} listener on {listen_on}: {why}"))
            }
        }
    }
}

fn listener(one: &Arc<Listening>) -> ctl::Listener {
    let failed = one.failed().map(|(step, count)| (step.as_str().to_owned(), count as u64));
    ctl::Listener {
        id: one.settings.id(),
        listen_on: one.address(),
        acceptors: 1,
        max_conns: one.places.most() as u64,
        current_conn: one.connections() as u64,
        shutdown_count: failed.collect(),
        closed: one.closed(),
    }
}
