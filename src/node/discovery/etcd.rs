//! Discovery `etcd`: each node keeps an entry in etcd and reads those of the others (`cluster.etcd.*`), over the JSON gateway of
//! etcd 3.4 and later. The name of the cluster is in the path, and exactly what lies under it is read. The entry hangs on a lease,
//! so that it goes with its node. A node writes its entry before it reads: of two that start at once, one sees the other.

use std::time::Duration;

use base64ct::{Base64, Encoding};
use serde_json::{Value, json};
use tokio::sync::mpsc::Sender;

use super::pace::Pace;
use crate::{
    cluster::{NodeName, Target, settings::Etcd},
    node::http,
};

/// Time between two readings; less where the lease is short.
const EVERY: Duration = Duration::from_secs(5);
/// Most entries that are read.
const MOST: usize = 1000;

/// Keeps the own entry and reads the others for as long as somebody listens.
pub(super) async fn run(etcd: &Etcd, found: Sender<Vec<Target>>) {
    let mut pace = Pace::new("etcd", EVERY.min(etcd.node_ttl / 3));
    let mut registry = Registry { etcd, lease: None, server: 0 };
    while pace.next(registry.round().await, &found).await {}
}

struct Registry<'a> {
    etcd: &'a Etcd,
    /// What the own entry hangs on; `None` while there is no entry.
    lease: Option<String>,
    /// The server that answered last.
    server: usize,
}

impl Registry<'_> {
    async fn round(&mut self) -> Result<Vec<Target>, String> {
        if !self.is_alive().await? {
            self.register().await?;
        }
        let folder = self.etcd.folder.as_bytes();
        let ask = json!({
            "key": Base64::encode_string(folder),
            "range_end": Base64::encode_string(&after(folder)),
            "limit": MOST,
        });
        let answer = self.ask("/v3/kv/range", &ask).await?;
        let (targets, whole) = entries(&answer, &self.etcd.folder);
        // Somebody deleted the own entry: it is written anew in the next round.
        if whole && !targets.iter().any(|target| target.name == self.etcd.own.name) {
            self.lease = None;
        }
        Ok(targets)
    }

    /// Renews the lease; `false` when there is none any more.
    async fn is_alive(&mut self) -> Result<bool, String> {
        let Some(lease) = self.lease.clone() else { return Ok(false) };
        let answer = self.ask("/v3/lease/keepalive", &json!({ "ID": lease })).await?;
        let left = number(answer.pointer("/result/TTL"));
        if left == 0 {
            tracing::info!(lease, "lease in etcd ran out, the entry is written anew");
            self.lease = None;
        }
        Ok(left > 0)
    }

    async fn register(&mut self) -> Result<(), String> {
        let seconds = self.etcd.node_ttl.as_secs();
        let granted = self.ask("/v3/lease/grant", &json!({ "TTL": seconds })).await?;
        let lease = granted.get("ID").and_then(Value::as_str).unwrap_or_default().to_owned();
        let own = &self.etcd.own;
        let value = json!({ "node": own.name.as_str(), "port": own.port }).to_string();
        let ask = json!({
            "key": Base64::encode_string(format!("{}{}", self.etcd.folder, own.name).as_bytes()),
            "value": Base64::encode_string(value.as_bytes()),
            "lease": lease,
        });
        self.ask("/v3/kv/put", &ask).await?;
        self.lease = Some(lease);
        Ok(())
    }

    /// Asks the server that answered last, then the others.
    async fn ask(&mut self, path: &str, body: &Value) -> Result<Value, String> {
        let count = self.etcd.servers.len();
        let mut faults = Vec::new();
        for at in (0..count).map(|n| (self.server + n) % count) {
            let Some(server) = self.etcd.servers.get(at) else { continue };
            let tls = self.etcd.tls.as_ref().filter(|_| server.tls).map(http::client_config);
            let ask =
                http::Ask { path: path.to_owned(), body: Some(body.to_string()), token: None };
            match http::json(server, tls.transpose()?, ask, hint).await {
                Ok(answer) => {
                    self.server = at;
                    return Ok(answer);
                }
                Err(fault) => faults.push(fault.text),
            }
        }
        Err(format!("cluster.etcd.server: {}", faults.join("; ")))
    }
}

fn hint(status: u16) -> &'static str {
    match status {
        404 => "; etcd 3.4 or later is needed, with its gRPC gateway on",
        401 | 403 => "; users and roles of etcd are not supported, use client certificates",
        _ => "",
    }
}

/// The first key behind all that begin with `folder`.
fn after(folder: &[u8]) -> Vec<u8> {
    let mut end = folder.to_vec();
    while let Some(last) = end.pop() {
        if let Some(next) = last.checked_add(1) {
            end.push(next);
            return end;
        }
    }
    // All keys.
    vec![0]
}

/// etcd writes its 64-bit numbers as text.
fn number(value: Option<&Value>) -> u64 {
    let text = value.and_then(Value::as_str).and_then(|text| text.parse().ok());
    text.or(value.and_then(Value::as_u64)).unwrap_or(0)
}

/// The nodes in the answer to a range, and whether that is all there is. What is no entry of a node is passed over.
fn entries(answer: &Value, folder: &str) -> (Vec<Target>, bool) {
    let entries = answer.get("kvs").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
    let targets = entries.iter().filter_map(|entry| {
        let field = |name: &str| Base64::decode_vec(entry.get(name)?.as_str()?).ok();
        let key = String::from_utf8(field("key")?).ok()?;
        let name = NodeName::parse(key.strip_prefix(folder)?).ok()?;
        let value: Value = serde_json::from_slice(&field("value")?).unwrap_or_default();
        let port = value.get("port").and_then(Value::as_u64);
        let port = port.and_then(|port| u16::try_from(port).ok()).filter(|port| *port != 0);
        Some(Target { name, port, addrs: Vec::new() })
    });
    let more = answer.get("more").and_then(Value::as_bool).unwrap_or(false);
    (targets.collect(), !more)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_entries_of_nodes_right_under_the_folder_count() {
        let entry = |key: &str, value: &str| json!({ "key": Base64::encode_string(key.as_bytes()), "value": Base64::encode_string(value.as_bytes()) });
        let answer = json!({ "kvs": [
            entry("p/c/nodes/a@10.0.0.1", r#"{"node":"a@10.0.0.1","port":4400}"#),
            entry("p/c/nodes/b@h", "b@h"),
            entry("p/c/nodes/b2@h", r#"{"port":70000}"#),
            entry("p/c/nodes/x/nodes/c@h", "c@h"),
            entry("p/other/nodes/d@h", "d@h"),
            entry("p/c/nodes/nonsense", ""),
            json!({ "key": "%" }),
        ]});
        let (targets, whole) = entries(&answer, "p/c/nodes/");
        let found: Vec<_> = targets.iter().map(|t| (t.name.as_str(), t.port)).collect();
        assert_eq!(found, [("a@10.0.0.1", Some(4400)), ("b@h", None), ("b2@h", None)]);
        assert!(whole);
        assert_eq!(entries(&json!({}), "p/"), (Vec::new(), true));
        assert_eq!(entries(&json!({ "kvs": 1, "more": true }), "p/"), (Vec::new(), false));
    }

    #[test]
    fn the_range_ends_behind_the_folder() {
        assert_eq!(after(b"a/"), b"a0");
        assert_eq!(after(&[b'a', 0xff]), b"b");
        assert_eq!(after(&[0xff]), [0]);
    }

    #[test]
    fn numbers_may_be_text() {
        for (value, want) in [(json!("60"), 60), (json!(60), 60), (json!(null), 0), (json!("x"), 0)]
        {
            assert_eq!(number(Some(&value)), want);
        }
        assert_eq!(number(None), 0);
    }
}
