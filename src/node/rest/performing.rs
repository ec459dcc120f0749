//! Does what was planned: asks this node and others, has messages published, changes the users file.

use std::{future::Future, pin::Pin};

use serde_json::Value;

use super::{
    answer::{Answer, code},
    call::Call,
    plan::{Gathered, Of, Plan},
    publishing::publish_all,
    server::Api,
    users::{self, UserWish},
};
use crate::ctl::{Reply, Request};

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

    /// Asks each of these nodes, one after the other.
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
        let mut nodes = Vec::with_capacity(names.len());
        for name in names {
            if let Of::Home(client_id) = &of {
                let known = Request::Clients { client_id: Some(client_id.clone()) };
                if self.ask(&name, known).await? == Reply::NotFound {
                    continue;
                }
            }
            let mut replies = Vec::with_capacity(requests.len());
            for request in requests {
                replies.push(self.ask(&name, request.clone()).await?);
            }
            nodes.push((name, replies));
        }
        Ok(Gathered { nodes, stopped })
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
        let _turn = self.abreast.acquire().await;
        let path = self.desk.operator().origins().users;
        let changes = wish.changes();
        // Hashing takes long, and the file is synced.
        let done = tokio::task::spawn_blocking(move || users::perform(&path, &wish)).await;
        let Ok(answer) = done else { return Answer::bare(500) };
        if changes && let Err(why) = self.desk.operator().reload_users() {
            return Answer::fault(code::UNKNOWN, &why);
        }
        answer
    }
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
