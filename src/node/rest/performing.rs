//! Does what was planned: asks this node and others, publishes, changes the users file.

use std::{future::Future, pin::Pin, sync::atomic::Ordering};

use serde_json::Value;

use super::{
    answer::{Answer, code},
    call::Call,
    messages::Publication,
    plan::{Gathered, Of, Plan, Published},
    server::Api,
    users::{self, UserWish},
};
use crate::{
    broker::{Message, delayed, message::Meta, stats::Metric},
    ctl::{Reply, Request},
    node::{locks, publish::Publisher},
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
                    let done: Vec<_> = messages.iter().map(|one| self.publish(one)).collect();
                    shape(&done)
                }
                Plan::Users(wish) => self.users(wish).await,
                Plan::Batch(plans) => {
                    let mut rows = Vec::with_capacity(plans.len());
                    for (about, plan) in plans {
                        rows.push(joined(about, self.perform(plan, call).await));
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

    fn publish(&self, one: &Publication) -> Published {
        let hub = self.desk.node().hub();
        let id = hub.next_message.load(Ordering::Relaxed);
        let done = |matched, refused| Published { matched, refused, id };
        let size = one.topic.len() + one.properties.len() + one.payload.len();
        let (max_message, delays, bounds) = {
            let zone = locks::read(&hub.session_settings);
            let bounds = (zone.max_delayed, zone.max_delayed_bytes);
            (zone.max_packet_size, zone.delayed, bounds)
        };
        if size > max_message {
            self.count(Metric::LimitPacketSize);
            return done(false, Some("larger than mqtt.max_packet_size"));
        }
        let expires_at = one.expiry.map(|expiry| hub.clock.now() + expiry);
        let meta = Meta { qos: one.qos, retain: one.retain, expires_at, publisher: 0 };
        let (delay, topic) = match delayed::split(&one.topic) {
            Ok(Some((delay, topic))) if delays => (Some(delay), topic),
            Ok(_) => (None, one.topic.as_str()),
            Err(_) if !delays => (None, one.topic.as_str()),
            Err(_) => return done(false, Some("no delayed topic: $delayed/SECONDS/TOPIC")),
        };
        let message = Message::new(topic, &one.properties, &one.payload, meta);
        self.count(Metric::MessagesPublish);
        if let Some(delay) = delay {
            let kept = hub.delay(message, delay, bounds);
            return done(kept, (!kept).then_some("there are too many delayed messages"));
        }
        let client_id = one.client_id.as_deref();
        let publisher = Publisher { client_id, strict: true, patient: false };
        let mut bells = Vec::new();
        let outcome = hub.publish(&message, publisher, &mut bells);
        bells.into_iter().for_each(std::task::Waker::wake);
        hub.flush_links();
        let refused = match (outcome.refused, outcome.full) {
            (true, _) => Some("there is no room for another retained message"),
            (false, true) => Some("not taken for a node that is too slow"),
            (false, false) => None,
        };
        done(outcome.matched, refused)
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
