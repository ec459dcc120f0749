//! `$SYS`: what a node tells of itself and of its clients, on every node of the cluster.

use std::time::{SystemTime, UNIX_EPOCH};

use serde_json::Value;

use super::{
    nodes::cluster_with,
    support::{Client, Connect, Message, Node, Version, unique},
};

const V5: Version = Version::V5;

/// The next message whose topic ends with `end` and whose text `wanted` takes, acknowledged.
#[track_caller]
fn told_as(client: &mut Client, end: &str, wanted: impl Fn(&str) -> bool) -> Message {
    loop {
        let message = client.message();
        if message.topic.ends_with(end) && wanted(&message.text()) {
            return message;
        }
    }
}

#[track_caller]
fn told(client: &mut Client, end: &str) -> Message {
    told_as(client, end, |_| true)
}

fn event(client: &mut Client, id: &str, what: &str) -> (String, Value) {
    let message = told(client, &format!("/clients/{id}/{what}"));
    let json = serde_json::from_slice(&message.payload).expect("JSON");
    (message.topic, json)
}

fn now_ms() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis() as u64
}

#[test]
fn clients_that_come_and_go_are_told_on_every_node() {
    let nodes = cluster_with(2, "");
    let mut watchers: Vec<Client> = nodes.iter().map(|node| Client::at(V5, node.mqtt())).collect();
    for watcher in &mut watchers {
        assert_eq!(watcher.subscribe("$SYS/brokers/+/clients/#", 1), 1);
    }
    let (id, node) = (unique("c"), &nodes[1]);
    let before = now_ms();
    let mut connect = Connect::new(V5).id(&id).keep_alive(30).lasting();
    connect.user = Some("somebody".to_owned());
    let client = connect.open(node.mqtt());
    for watcher in &mut watchers {
        let (topic, json) = event(watcher, &id, "connected");
        assert_eq!(topic, format!("$SYS/brokers/{}/clients/{id}/connected", node.name));
        let want = serde_json::json!({
            "clientid": id, "username": "somebody", "ipaddress": "127.0.0.1",
            "sockport": node.mqtt_port, "proto_name": "MQTT", "proto_ver": 5, "keepalive": 30,
            "connack": 0, "clean_start": false, "expiry_interval": 600,
        });
        for (key, value) in want.as_object().unwrap() {
            assert_eq!(json[key], *value, "{key} in {json}");
        }
        assert!(json["connected_at"].as_u64().is_some_and(|at| at >= before), "{json}");
        assert!(json["ts"].as_u64() >= json["connected_at"].as_u64(), "{json}");
    }
    client.disconnect();
    for watcher in &mut watchers {
        let (topic, json) = event(watcher, &id, "disconnected");
        assert_eq!(topic, format!("$SYS/brokers/{}/clients/{id}/disconnected", node.name));
        assert_eq!((&json["reason"], &json["username"]), (&"normal".into(), &"somebody".into()));
        assert!(json["disconnected_at"].as_u64() >= json["connected_at"].as_u64(), "{json}");
    }
    for (bytes, reason) in [(&[0xe0, 1, 4][..], "normal"), (&[0x36, 0], "protocol_error")] {
        let id = unique("c");
        let mut client = Connect::new(V5).id(&id).open(nodes[0].mqtt());
        client.send(bytes);
        assert_eq!(event(&mut watchers[1], &id, "disconnected").1["reason"], reason);
    }
    let id = unique("c");
    Connect::new(V5).id(&id).open(nodes[0].mqtt()).cut();
    assert_eq!(event(&mut watchers[1], &id, "disconnected").1["reason"], "tcp_closed");
    let id = unique("c");
    let _kicked = Connect::new(V5).id(&id).open(nodes[0].mqtt());
    nodes[0].ctl(&["clients", "kick", &id]);
    assert_eq!(event(&mut watchers[1], &id, "disconnected").1["reason"], "kicked");
}

/// A connection that makes room for another one is told of only where it is asked for, as in EMQX.
#[test]
fn a_takeover_is_silent_unless_told_otherwise() {
    for (lines, want) in [
        ("module.presence.qos = 0", &[][..]),
        ("broker.client_disconnect_takeovered = on", &["takeovered"]),
        ("broker.client_disconnect_discarded = on", &["discarded"]),
    ] {
        let node = Node::start(lines);
        let mut watcher = Client::at(V5, node.mqtt());
        watcher.subscribe("$SYS/brokers/+/clients/#", 1);
        let id = unique("c");
        let connect = |clean| Connect::new(V5).id(&id).lasting().clean(clean).open(node.mqtt());
        // One is taken over, one discarded, and the last one closes its socket.
        drop([false, false, true].map(connect));
        let mut reasons = Vec::new();
        for _ in 0..6 {
            let message = watcher.message();
            assert_eq!(message.qos, u8::from(!lines.contains("qos = 0")));
            if message.topic.ends_with("/disconnected") {
                let json: Value = serde_json::from_slice(&message.payload).unwrap();
                reasons.push(json["reason"].as_str().unwrap().to_owned());
            }
            if reasons.last().is_some_and(|reason| reason == "tcp_closed") {
                break;
            }
        }
        reasons.retain(|reason| reason != "tcp_closed");
        assert_eq!(reasons, want, "{lines}");
    }
}

#[test]
fn a_node_tells_its_numbers_in_both_tongues() {
    let lines = "broker.sys_interval = 1s\nbroker.sys_heartbeat = 1s";
    let nodes = cluster_with(2, lines);
    let mut client = Client::at(V5, nodes[0].mqtt());
    client.subscribe("$SYS/#", 0);
    let far = format!("$SYS/brokers/{}", nodes[1].name);
    for (topic, want) in [
        (format!("{far}/version"), Some(env!("CARGO_PKG_VERSION"))),
        (format!("{far}/sysdescr"), Some("emqx-rs, clustered MQTT broker")),
        (format!("{far}/uptime"), None),
        (format!("{far}/datetime"), None),
        (format!("{far}/stats/connections.count"), Some("0")),
        (format!("{far}/metrics/messages/qos0/received"), Some("0")),
        ("$SYS/broker/clients/connected".to_owned(), Some("1")),
        ("$SYS/broker/subscriptions/count".to_owned(), Some("1")),
        ("$SYS/broker/load/messages/received/1min".to_owned(), None),
    ] {
        // What changes comes again every second.
        told_as(&mut client, &topic, |text| want.is_none_or(|want| text == want));
    }
    let text = told(&mut client, "$SYS/brokers").text();
    let mut running: Vec<&str> = text.split(',').collect();
    running.sort_unstable();
    assert_eq!(running, [nodes[0].name.as_str(), &nodes[1].name]);
}

/// `datetime` of `$SYS` and of `emqx-rs-ctl broker` is the time of the host's zone.
#[test]
fn the_time_is_local() {
    let node = Node::start("");
    let text = node.ctl(&["broker"]);
    let shown = text.lines().find(|line| line.starts_with("datetime")).expect("a datetime");
    let shown = shown.split_once(": ").unwrap().1;
    let host = std::process::Command::new("date").args(["+%Y-%m-%d %H:%M"]).output().unwrap();
    let host = String::from_utf8(host.stdout).unwrap();
    // At the turn of a minute the two may differ; the hour tells the zone.
    assert_eq!(shown[..13], host[..13], "{shown} and {host}");
}

#[test]
fn an_alarm_is_told_logged_counted_and_listed() {
    // The processors are looked at as the node starts and six seconds later; who listens is there before that.
    let settings = "os_mon.cpu_check_interval = 6s\nos_mon.cpu_high_watermark = 0%\n\
                    os_mon.mem_check_interval = 1h\nos_mon.sysmem_high_watermark = 100%\n";
    let node = Node::start(settings);
    let mut watcher = Client::at(V5, node.mqtt());
    assert_eq!(watcher.subscribe("$SYS/brokers/+/alarms/#", 0), 0);
    let message = watcher.message_within(std::time::Duration::from_secs(20));
    assert_eq!(message.topic, format!("$SYS/brokers/{}/alarms/activate", node.name));
    let json: Value = serde_json::from_slice(&message.payload).expect("JSON");
    assert_eq!(json["name"], "high_cpu_usage", "{json}");
    assert_eq!(
        (&json["details"]["high_watermark"], json["activate_at"].is_u64()),
        (&0.into(), true)
    );
    let text = json["message"].as_str().unwrap();
    assert!(text.ends_with("% CPU usage"), "{text}");
    assert!(node.log().contains(text), "{}", node.log());
    assert!(node.metric("emqx_rs.alarm.activated") >= 1);
    let listed = node.ctl(&["alarms", "list", "activated"]);
    assert!(listed.contains("Alarm(high_cpu_usage, message="), "{listed}");
    assert_eq!(node.ctl(&["alarms", "list", "deactivated"]), "");
    assert_eq!(node.ctl(&["alarms", "delete"]), "Deleted 0 alarms\n");
}
