//! Does what was planned: asks this node and others, has messages published, changes the users file.

use std::{
    future::{Future, poll_fn},
    pin::Pin,
    task::Poll,
};

use serde_json::Value;

use super::{
    answer::{Answer, code},
    call::Call,
    plan::{Gathered, Of, Plan},
    publishing::publish_all,
    server::Api,
    users::{self, UserWish},
};
use crate::{
    ctl::{Reply, Request},
    net::supervise,
};

/// An answer that is on its way.
type Answering<'a> = Pin<Box<dyn Future<Output = Answer> + Send + 'a>>;

impl Api {
    /// Does it and makes the answer.
    pub(super) fn perform<'a>(&'a self, plan: Plan, call: &'a Call) -> Answering<'a> {
        Box::pin(async move {
            match plan {
                Plan::Done(answer) => answer,
                Plan::Ask { of, requests, shape } => {
                    let _turn = self.abreast.acquire().await;
                    match self.gather(of, &requests).await {
                        Ok(gathered) => shape(call, gathered),
                        Err(answer) => answer,
                    }
                }
                Plan::Publish { messages, shape } => {
                    let _turn = self.publishing.acquire().await;
                    shape(&publish_all(self.desk.node().hub(), &messages).await)
                }
                Plan::Users(wish) => self.users(wish).await,
                Plan::Batch(plans) => {
                    let mut rows = Vec::with_capacity(plans.len());
                    for (about, plan) in plans {
                        rows.push(joined(about, self.perform(plan, call).await));
                        // Each row counts its own work alone.
                        tokio::task::yield_now().await;
                    }
                    Answer::data(Value::Array(rows))
                }
            }
        })
    }

    /// Asks each of these nodes, all at once: one that is silent keeps nothing from the others.
    ///
    /// # Errors
    /// One could not do it. Where those are asked that know a client, none of the others knows it.
    async fn gather(&self, of: Of, requests: &[Request]) -> Result<Gathered, Answer> {
        let own = self.desk.name().to_string();
        let (mut names, mut stopped) = (Vec::new(), Vec::new());
        match &of {
            Of::Here => names.push(own),
            Of::Node(name) => names.push(name.clone()),
            Of::All | Of::Home(_) => {
                if let Reply::Cluster(cluster) = self.desk.answer(Request::ClusterStatus).await {
                    (names, stopped) = (cluster.running_nodes, cluster.stopped_nodes);
                } else {
                    names.push(own);
                }
            }
        }
        let asked = names.into_iter().map(|name| Box::pin(self.ask_all(name, &of, requests)));
        let (nodes, fault) = sorted_out(together(asked.collect()).await);
        match fault {
            Some(answer) if nodes.is_empty() || !matches!(of, Of::Home(_)) => Err(answer),
            Some(_) | None => Ok(Gathered { nodes, stopped }),
        }
    }

    /// What a node replies to all of these; nothing if it does not know the client they are about.
    async fn ask_all(&self, name: String, of: &Of, requests: &[Request]) -> Asked {
        if let Of::Home(client_id) = of {
            let known = Request::Clients { client_id: Some(client_id.clone()) };
            if self.ask(&name, known).await? == Reply::NotFound {
                return Ok(None);
            }
        }
        let mut replies = Vec::with_capacity(requests.len());
        for request in requests {
            replies.push(self.ask(&name, request.clone()).await?);
        }
        Ok(Some((name, replies)))
    }

    /// Asks a node.
    ///
    /// # Errors
    /// It does not run, does not answer, or could not do it.
    async fn ask(&self, node: &str, request: Request) -> Result<Reply, Answer> {
        let request = if node == self.desk.name().as_str() {
            request
        } else {
            Request::Elsewhere { node: node.to_owned(), request: Box::new(request) }
        };
        let reply = self.desk.answer(request).await;
        if let Reply::Failed(why) = &reply {
            return Err(Answer::fault(code::BAD_RPC, why));
        }
        Ok(reply)
    }

    /// Reads or changes the users file, and has the node read it again.
    async fn users(&self, wish: UserWish) -> Answer {
        let Ok(turn) = self.abreast.clone().acquire_owned().await else {
            return Answer::bare(500);
        };
        let desk = self.desk.clone();
        // Hashing takes long, and the file is synced. It goes on when nobody waits for the answer any more, and its turn is over
        // when the node has read what is in the file.
        let done = supervise::spawn("users of the HTTP API", async move {
            let _turn = turn;
            let (file, changes) = (desk.operator().origins().users, wish.changes());
            let performed = tokio::task::spawn_blocking(move || users::perform(&file, &wish)).await;
            let read = if changes { desk.reload_users().await } else { Ok(()) };
            match (performed, read) {
                (Ok(answer), Ok(())) => answer,
                (Ok(_), Err(why)) => Answer::fault(code::UNKNOWN, &why),
                (Err(_), _) => Answer::bare(500),
            }
        });
        done.await.unwrap_or(Answer::bare(500))
    }
}

/// The replies of a node with its name, if it has any.
type Asked = Result<Option<(String, Vec<Reply>)>, Answer>;

/// What was replied, and the first fault.
fn sorted_out(all: Vec<Asked>) -> (Vec<(String, Vec<Reply>)>, Option<Answer>) {
    let (mut nodes, mut fault) = (Vec::new(), None);
    for one in all {
        match one {
            Ok(replied) => nodes.extend(replied),
            Err(answer) => fault = fault.or(Some(answer)),
        }
    }
    (nodes, fault)
}

/// Does all of these at once; what each gave, in their order.
async fn together<F: Future + Unpin>(mut all: Vec<F>) -> Vec<F::Output> {
    let mut done: Vec<Option<F::Output>> = all.iter().map(|_| None).collect();
    poll_fn(|cx| {
        for (one, done) in all.iter_mut().zip(&mut done).filter(|(_, done)| done.is_none()) {
            if let Poll::Ready(output) = Pin::new(one).poll(cx) {
                *done = Some(output);
            }
        }
        if done.iter().all(Option::is_some) { Poll::Ready(()) } else { Poll::Pending }
    })
    .await;
    done.into_iter().flatten().collect()
}

/// What a row of a batch is about, with its code.
fn joined(about: Value, answer: Answer) -> Value {
    let mut row = about;
    if let (Value::Object(row), super::answer::Content::Json(Value::Object(answer))) =
        (&mut row, answer.content)
    {
        let told = answer.into_iter().filter(|(name, _)| name != "data");
        row.extend(told);
    }
    row
}

#[cfg(test)]
mod tests {
    use tokio::sync::Semaphore;

    use super::*;

    #[tokio::test]
    async fn who_is_slow_keeps_nobody_waiting() {
        let (first, last) = (Semaphore::new(0), Semaphore::new(0));
        let one = async |mine: &Semaphore, other: &Semaphore, name| {
            other.add_permits(1);
            let _ = mine.acquire().await;
            name
        };
        let all = vec![Box::pin(one(&first, &last, 1)), Box::pin(one(&last, &first, 2))];
        assert_eq!(together(all).await, [1, 2], "each waits for the other");
    }

    #[test]
    fn a_fault_is_told_beside_what_the_others_replied() {
        let row = || Ok(Some(("n@h".to_owned(), vec![Reply::Done])));
        let fault = || Asked::Err(Answer::fault(code::BAD_RPC, "silent"));
        let (nodes, told) = sorted_out(vec![fault(), row(), Ok(None), Err(Answer::bare(500))]);
        assert!(nodes.len() == 1 && told == fault().err());
        assert!(sorted_out(vec![row()]).1.is_none());
    }
}
