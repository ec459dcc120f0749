//! Clients of this node, what they are subscribed to, and the route table.

use std::time::Duration;

use tokio::{sync::oneshot, time::timeout};

use super::Desk;
use crate::{
    broker::{ClientId, bridge},
    cluster::routes::RouteKey,
    ctl::{self, Reply},
    mqtt::QoS,
    node::{
        clients::ClientRow,
        mailbox::{Order, Signal},
    },
    sort,
    time::Wall,
    topic::share::Subscription,
};

/// As EMQX has it.
const NO_CHANNEL: &str = "Error: Channel not found!";

/// A connection that lives has done what it was told within this time.
const ANSWER: Duration = Duration::from_secs(5);

impl Desk {
    pub(super) async fn clients(&self, only: Option<String>) -> Reply {
        let id = only.as_deref().map(ClientId::new);
        let rows = self.node.hub().clients(id.as_ref()).await;
        if only.is_some() && rows.is_empty() {
            return Reply::NotFound;
        }
        Reply::Clients(rows.into_iter().map(client).collect())
    }

    pub(super) async fn subscriptions(&self, only: Option<String>) -> Reply {
        let id = only.as_deref().map(ClientId::new);
        let rows = self.node.hub().clients(id.as_ref()).await;
        if only.is_some() && rows.is_empty() {
            return Reply::NotFound;
        }
        let mut all = Vec::new();
        for row in rows {
            let client_id = row.client_id;
            if client_id.starts_with(bridge::CLIENT) {
                continue;
            }
            all.extend(row.subscriptions.into_iter().map(|(topic, qos)| ctl::Subscription {
                client_id: client_id.clone(),
                topic,
                qos,
            }));
        }
        sort::sort(&mut all);
        Reply::Subscriptions(all)
    }

    /// Own filters and the routes of the others.
    pub(super) async fn routes(&self, only: Option<String>) -> Reply {
        let hub = self.node.hub();
        let mut rows: Vec<_> =
            hub.own_routes().into_iter().map(|key| route(key, self.name.as_str())).collect();
        let status = self.node.mesh().status().await;
        let members = status.map(|status| status.members).unwrap_or_default();
        for (index, name) in members.iter().filter_map(|m| Some((m.index?, m.name.as_str()))) {
            rows.extend(hub.routes_of(index).into_iter().map(|key| route(key, name)));
        }
        let is_it =
            |row: &ctl::Route, topic: &String| *topic == row.topic || *topic == row.asked_for();
        let of_bridge = |row: &ctl::Route| {
            row.group.as_ref().is_some_and(|group| group.starts_with(bridge::GROUP))
        };
        rows.retain(|row| !of_bridge(row));
        rows.retain(|row| only.as_ref().is_none_or(|topic| is_it(row, topic)));
        sort::sort(&mut rows);
        if only.is_some() && rows.is_empty() { Reply::NotFound } else { Reply::Routes(rows) }
    }

    /// Subscribes a client that is connected; its rights are not asked.
    pub(super) async fn subscribe(&self, client_id: &str, topic: &str, qos: u8) -> Reply {
        let Some(qos) = QoS::from_u8(qos) else {
            return Reply::Failed("QoS should be 0, 1, 2".into());
        };
        self.order(client_id, topic, |to| Order::Subscribe(to, qos)).await
    }

    /// Takes a subscription of a client that is connected out.
    pub(super) async fn unsubscribe(&self, client_id: &str, topic: &str) -> Reply {
        self.order(client_id, topic, Order::Unsubscribe).await
    }

    async fn order(
        &self,
        client_id: &str,
        topic: &str,
        order: impl FnOnce(Subscription) -> Order,
    ) -> Reply {
        let to = match Subscription::parse(topic) {
            Ok(to) => to,
            Err(error) => return Reply::Failed(error.to_string()),
        };
        let Some(mailbox) = self.node.hub().registry.live(&ClientId::new(client_id)) else {
            return Reply::Failed(NO_CHANNEL.into());
        };
        let (done, answer) = oneshot::channel();
        mailbox.signal(Signal::Obey(Box::new((order(to), done))));
        match timeout(ANSWER, answer).await {
            Ok(Ok(Ok(()))) => Reply::Done,
            Ok(Ok(Err(why))) => Reply::Failed(why.into()),
            // It went meanwhile.
            Ok(Err(_)) | Err(_) => Reply::Failed(NO_CHANNEL.into()),
        }
    }
}

fn route(key: RouteKey, node: &str) -> ctl::Route {
    ctl::Route {
        topic: key.filter.as_str().to_owned(),
        node: node.to_owned(),
        group: key.group.map(|group| group.to_string()),
    }
}

fn client(row: ClientRow) -> ctl::Client {
    ctl::Client {
        client_id: row.client_id,
        username: row.username,
        peername: row.peer.map_or_else(String::new, |peer| peer.to_string()),
        proto_ver: row.protocol,
        zone: row.zone,
        clean_start: row.clean_start,
        keepalive: row.keep_alive,
        session_expiry_interval: row.session_expiry,
        subscriptions: row.subscriptions.len() as u64,
        inflight: row.inflight as u64,
        awaiting_rel: row.awaiting_rel as u64,
        delivered_msgs: row.delivered,
        enqueued_msgs: row.queued as u64,
        dropped_msgs: row.dropped,
        connected: row.connected,
        created_at: row.created_at.as_ms(),
        connected_at: row.connected_at.as_ms(),
        disconnected_at: row.disconnected_at.map(Wall::as_ms),
    }
}
