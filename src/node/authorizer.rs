//! Asks the HTTP server what a client may do (EMQX `emqx_auth_http` 4.4). Each connection has one list of questions under way at
//! most, in a task of its own; so many requests run at once (`auth.http.pool_size`), the others wait for their turn.

use std::{net::IpAddr, sync::Arc};

use tokio::sync::oneshot;

use super::{auth_http::Client, authenticator::Others};
use crate::{
    broker::{
        channel::{Channel, Shared},
        connect::Identity,
        stats::Metric,
        verdicts::{Question, Ruling},
    },
    net::{clock::Clock, supervise},
};

/// Questions about one client, in the order in which they are answered.
pub(super) struct Asking {
    shared: Arc<Shared>,
    identity: Identity,
    peer: IpAddr,
    questions: Vec<Question>,
}

impl Asking {
    /// Questions about the client of this channel; `None` where there is none yet.
    pub(super) fn of(channel: &Channel, questions: Vec<Question>) -> Option<Self> {
        let (shared, identity) = (channel.shared().clone(), channel.identity()?.clone());
        Some(Self { shared, identity, peer: channel.peer().ip(), questions })
    }
}

impl Others {
    /// Asks. Where there is no server any more, the rules decide.
    pub(super) fn authorize(&self, asking: Asking, clock: Clock) -> oneshot::Receiver<Vec<Ruling>> {
        let (mut reply, answer) = oneshot::channel();
        let Some((http, runtime)) = self.server() else {
            let _ = reply.send(vec![Ruling::Ignore; asking.questions.len()]);
            return answer;
        };
        let others = self.clone();
        supervise::spawn_on(&runtime, "HTTP authorization", async move {
            let (who, mut rulings) = (&asking.identity, Vec::new());
            for question in &asking.questions {
                let client = Client {
                    username: who.username.as_deref(),
                    client_id: who.client_id.as_str(),
                    peer: asking.peer,
                    port: asking.shared.port,
                    password: None,
                    question: Some((question.action, &question.topic)),
                    mount: who.mount.as_deref(),
                };
                let ruling = tokio::select! {
                    ruling = http.may(&client) => ruling,
                    () = reply.closed() => return,
                };
                match ruling {
                    Ok(ruling) => rulings.push(ruling),
                    Err(fault) => {
                        asking.shared.stats.count(Metric::AclHttpError);
                        others.tell(&fault, clock);
                        // Whoever is silent now would be so for each of the others, one after the other.
                        break;
                    }
                }
            }
            let _ = reply.send(rulings);
        });
        answer
    }
}
