//! Asks the HTTP server what a client may do (EMQX `emqx_auth_http` 4.4). Each connection has one list of questions under way at
//! most, those about one packet, in a task of its own. A few of a list are asked side by side, so that many filters in one SUBSCRIBE
//! take the time of few and leave turns to others; so many requests run at once (`auth.http.pool_size`), the others wait in the order
//! in which they came.

use std::{net::IpAddr, pin::pin, sync::Arc};

use tokio::sync::oneshot;

use super::{
    abreast::Abreast,
    auth_http::{AuthHttp, Client},
    authenticator::Others,
};
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
pub(in crate::node) struct Asking {
    shared: Arc<Shared>,
    identity: Identity,
    peer: IpAddr,
    questions: Vec<Question>,
}

impl Asking {
    /// Questions about the client of this channel; `None` where there is none yet.
    pub(in crate::node) fn of(channel: &Channel, questions: Vec<Question>) -> Option<Self> {
        let (shared, identity) = (channel.shared().clone(), channel.identity()?.clone());
        Some(Self { shared, identity, peer: channel.peer().ip(), questions })
    }
}

impl Others {
    /// Asks. Where there is no server any more, the rules decide.
    pub(in crate::node) fn authorize(
        &self,
        asking: Asking,
        clock: Clock,
    ) -> oneshot::Receiver<Vec<Ruling>> {
        let (mut reply, answer) = oneshot::channel();
        let Some((http, runtime)) = self.server() else {
            let _ = reply.send(vec![Ruling::Ignore; asking.questions.len()]);
            return answer;
        };
        let others = self.clone();
        supervise::spawn_on(&runtime, "HTTP authorization", async move {
            let mut rulings = vec![Ruling::Nothing; asking.questions.len()];
            let fault = tokio::select! {
                fault = Box::pin(asking.answers(&http, &mut rulings)) => fault,
                () = reply.closed() => return,
            };
            if let Some(fault) = fault {
                others.tell(&fault, clock);
            }
            let _ = reply.send(rulings);
        });
        answer
    }
}

impl Asking {
    /// Has the questions answered, some side by side, within the time that one answer has. What is not answered stays as it is; the
    /// first fault is why, and after it nothing more is asked.
    async fn answers(&self, http: &AuthHttp, rulings: &mut [Ruling]) -> Option<String> {
        let mut late = pin!(tokio::time::sleep(http.timeout));
        let stats = &*self.shared.stats;
        let (mut waiting, mut asked) = (self.questions.iter().enumerate(), Abreast::new());
        let (mut fault, mut answered) = (None, 0);
        loop {
            while fault.is_none() && asked.len() < http.abreast() {
                let Some((at, question)) = waiting.next() else { break };
                asked.push(at, http.may(self.client(question), stats));
            }
            if asked.len() == 0 {
                return fault;
            }
            let (at, answer) = tokio::select! {
                answer = asked.next() => answer,
                () = &mut late => {
                    stats.count(Metric::AclHttpError);
                    let (all, limit) = (rulings.len(), http.timeout);
                    return Some(format!("{answered} of {all} questions answered within {limit:?}"));
                }
            };
            match (answer, rulings.get_mut(at)) {
                (Ok(ruling), Some(place)) => {
                    *place = ruling;
                    answered += 1;
                }
                (Err(what), _) => {
                    stats.count(Metric::AclHttpError);
                    fault.get_or_insert(what);
                }
                (Ok(_), None) => {}
            }
        }
    }

    fn client<'a>(&'a self, question: &'a Question) -> Client<'a> {
        Client {
            username: self.identity.username.as_deref(),
            client_id: self.identity.client_id.as_str(),
            peer: self.peer,
            port: self.shared.port,
            password: None,
            question: Some((question.action, &question.topic)),
            mount: self.identity.mount.as_deref(),
        }
    }
}
