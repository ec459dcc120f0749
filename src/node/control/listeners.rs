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
    pub(super) async fn turn_listener(&self, id: &str, port: Option<String>, turn: Turn) -> Reply {
        let (all, port) = (self.node.listeners(), port.as_deref());
        let Some(one) = all.iter().find(|one| is_meant(one, id, port)) else {
            let named = |one: &Arc<Listening>| match port {
                Some(_) => format!("{} ({})", one.settings.id(), one.address()),
                None => one.settings.id(),
            };
            let known: Vec<String> = all.iter().map(named).collect();
            let (id, known) = (shown(id), known.join(", "));
            let port = port.map(|port| format!(" on {}", shown(port))).unwrap_or_default();
            return Reply::Failed(format!("there is no listener {id}{port}; there are: {known}"));
        };
        let (id, listen_on) = (&*one.settings.id(), one.address());
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

/// By its name; or, as EMQX 4 had it, by protocol and port, or protocol, address and port.
fn is_meant(one: &Listening, id: &str, port: Option<&str>) -> bool {
    let name = one.settings.id();
    let Some(port) = port else { return name == id };
    let protocol = name.rsplit_once(':').map_or("", |(protocol, _)| protocol);
    let address = one.address();
    let behind = address.rsplit_once(':').map_or("", |(_, port)| port);
    (protocol == id || protocol.strip_prefix("mqtt:") == Some(id))
        && (address == port || behind == port)
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
