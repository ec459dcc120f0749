//! What happened to a client, and how it stands now.

use super::Desk;
use crate::{
    ctl::{Happened, Reply},
    node::{clients::ClientRow, sys_topics::local_time},
    time::Wall,
};

impl Desk {
    pub(super) async fn why(&self, who: &str) -> Reply {
        let mut told = self.operator.recent(who);
        let hub = self.node.hub();
        let all = hub.clients(None).await;
        let at = |row: &ClientRow| {
            row.peer.is_some_and(|peer| peer.to_string() == who || peer.ip().to_string() == who)
        };
        // By its name nobody is remembered, but those who are here are known by it.
        let of = |row: &ClientRow| row.username.as_deref() == Some(who);
        let wanted = all.iter().filter(|row| row.client_id == who || at(row) || of(row));
        let now = hub.clock.wall();
        told.extend(wanted.map(|row| stands(row, now)));
        Reply::Happened(told)
    }
}

/// How a client stands.
fn stands(row: &ClientRow, now: Wall) -> Happened {
    let since = |at: Wall| local_time(at);
    let state = if row.connected {
        format!("connected since {}, keep alive {} s", since(row.connected_at), row.keep_alive)
    } else {
        let lost = row.disconnected_at.map(since).unwrap_or_default();
        format!("its session waits for it since {lost}")
    };
    let what = format!(
        "now: {state}; {} messages wait, {} are under way, {} were dropped by its queue",
        row.queued, row.inflight, row.dropped
    );
    Happened {
        at_ms: now.as_ms(),
        datetime: local_time(now),
        level: "info".into(),
        client_id: row.client_id.clone(),
        peer: row.peer.map(|peer| peer.to_string()).unwrap_or_default(),
        what,
        times: 1,
    }
}
