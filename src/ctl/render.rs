//! Replies as text in the shapes of `emqx_ctl` 4.4, and as JSON.
//!
//! Names that clients choose are shown with control characters escaped: a client id cannot move the cursor of whoever
//! reads the list.

use std::fmt::Write;

use serde_json::{Value, json};

use super::{
    Alarm, App, Ban, Bridge, Broker, Changed, Client, Cluster, ClusterChange, Discovery,
    Evacuation, Happened, Listener, Refusal, Reloaded, Reply, Route, Setting, Trace, Turn, data,
};

const NOTHING_HAPPENED: &str = "Nothing happened lately on this node to a client of that identifier, or at that address; \
    emqx-rs-ctl --all why asks the others too. A user name finds the clients that are here, not what happened to them: \
    emqx-rs-ctl why with their client identifier, or with the address of a device that does not get in, tells that.\n";

/// Width at which Erlang breaks a term.
const WIDTH: usize = 80;

/// `reply` as EMQX 4.4 prints it, with a line end; nothing for an empty list.
#[must_use]
pub fn text(reply: &Reply) -> String {
    match reply {
        Reply::Status(status) => {
            let evacuation = status.evacuation.as_ref().map(evacuated).unwrap_or_default();
            format!("Node '{}' {} is {}\n{evacuation}", status.node, status.version, status.state)
        }
        Reply::Broker(broker) => broker_text(broker),
        Reply::Numbers(numbers) => lines(numbers, |(name, n)| format!("{name:<30} : {n}")),
        Reply::Cluster(cluster) => cluster_text(cluster),
        Reply::Discovery(discovery) => discovery_text(discovery),
        Reply::Places(places) => lines(&places.nodes, String::clone),
        Reply::ClusterChanged { change, cluster } => {
            format!("{}\n{}", changed(*change), cluster_text(cluster))
        }
        Reply::Ignored => "Ignore.\n".into(),
        Reply::Clients(rows) => lines(rows, client),
        Reply::NotFound => "Not Found.\n".into(),
        Reply::Done => "ok\n".into(),
        Reply::Routes(rows) => lines(rows, route),
        Reply::Subscriptions(rows) => {
            lines(rows, |row| format!("{} -> {}", shown(&row.client_id), shown(&row.topic)))
        }
        Reply::Retainer(found) => format!(
            "retained/total: {}\nretained/bytes: {}\nretained/deleted: {}\nretained/digest: {}\n",
            found.total, found.bytes, found.deleted, found.digest
        ),
        Reply::RetainedTopics(rows) => lines(rows, |topic| shown(topic)),
        Reply::Cleaned(count) => format!("Cleaned {count} retained messages\n"),
        Reply::Listeners(rows) => rows.iter().map(listener).collect(),
        Reply::Happened(rows) if rows.is_empty() => NOTHING_HAPPENED.into(),
        Reply::Happened(rows) => rows.iter().map(happened).collect(),
        Reply::Banned(rows) => lines(rows, ban),
        Reply::Alarms(rows) => lines(rows, alarm),
        Reply::AlarmsDeleted(count) => format!("Deleted {count} alarms\n"),
        Reply::Apps(rows) => lines(rows, app),
        Reply::AppSecret(secret) => format!("AppSecret: {secret}\n"),
        Reply::UsersFile(path) => format!("{}\n", path.display()),
        Reply::Reloaded(reloaded) => reloaded_text(reloaded),
        Reply::Settings(rows) => settings_text(rows),
        Reply::Vm(figures) => lines(figures, |(name, value)| format!("{name:<24}: {value}")),
        Reply::Log(log) => lines(&log.handlers, |one| {
            let (id, level, to) = (shown(&one.id), shown(&one.level), shown(&one.destination));
            let status = started(one.started);
            format!("LogHandler(id={id}, level={level}, destination={to}, status={status})")
        }),
        Reply::LogHandlerChanged { id, started: on } => {
            format!("log handler {} {}\n", shown(id), started(*on))
        }
        Reply::Evacuation(None) => "This node is not being evacuated.\n".into(),
        Reply::Evacuation(Some(evacuation)) => evacuated(evacuation),
        Reply::LogLevel(level) => format!("{level}\n"),
        Reply::Traces(rows) => lines(rows, trace),
        Reply::TraceStarted(row) => trace_started(row),
        Reply::TraceStopped { kind, what } => {
            format!("stop tracing {kind} {} successfully\n", shown(what))
        }
        Reply::ListenerTurned { id, turn, listen_on } => turned(id, *turn, listen_on),
        Reply::Bridges(rows) => lines(rows, bridge),
        Reply::BridgeTurned { name, on } => {
            format!("bridge {} {}\n", shown(name), started(*on))
        }
        Reply::Data(rows) => lines(rows, data::line),
        Reply::Imported(done) => done.to_string(),
        Reply::Failed(reason) => format!("{reason}\n"),
        Reply::End => String::new(),
    }
}

/// `reply` as JSON: the value alone, without the word for its kind.
#[must_use]
pub fn json(reply: &Reply) -> Value {
    match reply {
        Reply::NotFound => json!({ "error": "not_found" }),
        Reply::Failed(reason) => json!({ "error": reason }),
        Reply::Done => json!({ "result": "ok" }),
        Reply::Ignored => json!({ "result": "ignored" }),
        Reply::LogLevel(level) => json!({ "level": level }),
        Reply::Log(log) => json!(log),
        Reply::LogHandlerChanged { id, started: on } => {
            json!({ "result": started(*on), "id": id })
        }
        Reply::Evacuation(evacuation) => json!({ "evacuation": evacuation }),
        Reply::Vm(figures) => json!(figures),
        Reply::Reloaded(Reloaded { changed, restart }) => {
            json!({ "result": "ok", "changed": changed, "restart": restart })
        }
        Reply::Settings(rows) => json!(rows),
        Reply::Banned(rows) => json!(rows),
        Reply::Apps(rows) => json!(rows),
        Reply::AppSecret(secret) => json!({ "secret": secret }),
        Reply::UsersFile(path) => json!({ "file": path }),
        Reply::Subscriptions(rows) => json!(rows),
        Reply::Status(status) => json!(status),
        Reply::Broker(broker) => json!(broker),
        Reply::Numbers(numbers) => json!(numbers),
        Reply::Cluster(cluster) => json!(cluster),
        Reply::Discovery(discovery) => json!(discovery),
        Reply::Places(places) => json!(places),
        Reply::ClusterChanged { change, cluster } => {
            json!({ "result": change, "cluster": cluster })
        }
        Reply::Clients(rows) => json!(rows),
        Reply::Routes(rows) => json!(rows),
        Reply::Retainer(found) => json!(found),
        Reply::RetainedTopics(rows) => json!(rows),
        Reply::Cleaned(count) => json!({ "result": "ok", "cleaned": count }),
        Reply::Listeners(rows) => json!(rows),
        Reply::Alarms(rows) => json!(rows),
        Reply::AlarmsDeleted(count) => json!({ "result": "ok", "deleted": count }),
        Reply::Happened(rows) => json!(rows),
        Reply::Bridges(rows) => json!(rows),
        Reply::BridgeTurned { name, on } => json!({ "result": started(*on), "name": name }),
        Reply::Data(rows) => json!(rows),
        Reply::Imported(done) => json!(done),
        Reply::Traces(rows) => json!(rows),
        Reply::TraceStarted(row) => json!(row),
        Reply::TraceStopped { kind, what } => {
            json!({ "result": "ok", "type": kind, "what": what })
        }
        Reply::ListenerTurned { id, turn, listen_on } => {
            json!({ "result": turn, "id": id, "listen_on": listen_on })
        }
        Reply::End => Value::Null,
    }
}

/// Milliseconds as EMQX says them: `3 days, 2 hours, 1 minutes, 5 seconds`, from the first unit that is not zero.
#[must_use]
pub fn uptime(ms: u64) -> String {
    let seconds = ms / 1000;
    let (minutes, hours, days) = (seconds / 60, seconds / 3600, seconds / 86_400);
    let mut text = String::new();
    for (whole, part, unit) in
        [(days, days, "days"), (hours, hours % 24, "hours"), (minutes, minutes % 60, "minutes")]
    {
        if whole > 0 {
            let _ = write!(text, "{part} {unit}, ");
        }
    }
    let _ = write!(text, "{} seconds", seconds % 60);
    text
}

/// `text` with control characters escaped.
#[must_use]
pub fn shown(text: &str) -> String {
    let escape = |c: char| {
        if c.is_control() { c.escape_default().collect::<String>() } else { c.to_string() }
    };
    text.chars().map(escape).collect()
}

fn lines<T>(rows: impl IntoIterator<Item = T>, line: impl Fn(T) -> String) -> String {
    rows.into_iter().map(|row| line(row) + "\n").collect()
}

/// What changed, and what of it waits.
fn reloaded_text(reloaded: &Reloaded) -> String {
    let mut text = "ok\n".to_owned();
    let parts = [
        ("These settings changed:", &reloaded.changed),
        ("These wait for a restart (systemctl restart emqx-rs):", &reloaded.restart),
    ];
    for (head, rows) in parts.into_iter().filter(|(_, rows)| !rows.is_empty()) {
        let _ = writeln!(text, "{head}");
        let unset = |value: &Option<String>| shown(value.as_deref().unwrap_or("(unset)"));
        let row = |one: &Changed| {
            let left = format!("{} = {}", shown(&one.key), unset(&one.now));
            let from = one.from.iter().map(|from| format!(" ({})", shown(from)));
            let from: String = from.collect();
            format!("  {left}, was {}{from}", unset(&one.was))
        };
        text.push_str(&lines(rows, row));
    }
    text
}

/// `key = value` and where it stands, side by side.
fn settings_text(rows: &[Setting]) -> String {
    const MOST: usize = 60;
    let left = |row: &Setting| {
        format!("{} = {}", shown(&row.key), shown(row.value.as_deref().unwrap_or("(unset)")))
    };
    let width = rows.iter().map(|row| left(row).chars().count()).filter(|len| *len <= MOST).max();
    let width = width.unwrap_or(0);
    lines(rows, |row| {
        let waits = match row.after_restart.as_deref() {
            None => String::new(),
            Some("") => "; unset after a restart".to_owned(),
            Some(value) => format!("; after a restart {}", shown(value)),
        };
        let idle = if row.acts { "" } else { "; has no effect here" };
        format!("{:<width$}  {}{waits}{idle}", left(row), shown(&row.from))
    })
}

fn broker_text(broker: &Broker) -> String {
    let uptime = uptime(broker.uptime_ms);
    let rows = [
        ("sysdescr", &broker.sysdescr),
        ("version", &broker.version),
        ("uptime", &uptime),
        ("datetime", &broker.datetime),
    ];
    lines(rows, |(name, value)| format!("{name:<10}: {value}"))
}

fn app(app: &App) -> String {
    let [id, name, desc] = [&app.app_id, &app.name, &app.desc].map(|text| shown(text));
    let status = app.status;
    format!(
        "app_id: {id}, secret: ******, name: {name}, desc: {desc}, status: {status}, expired: undefined"
    )
}

const fn started(on: bool) -> &'static str {
    if on { "started" } else { "stopped" }
}

/// How far the clients of a node are gone.
fn evacuated(row: &Evacuation) -> String {
    let Evacuation { since, rate, to, clients, connected, sessions } = row;
    let to = to.as_deref().map(|to| format!(" to {}", shown(to))).unwrap_or_default();
    format!(
        "Evacuated since {since}: {rate} clients a second are sent away{to}, new ones are refused; of {clients} clients \
         {connected} are connected, {sessions} sessions wait to be fetched\n"
    )
}

const fn changed(change: ClusterChange) -> &'static str {
    match change {
        ClusterChange::Joined => "Join the cluster successfully.",
        ClusterChange::Left => "Leave the cluster successfully.",
        ClusterChange::Discovers => "Automatic cluster discovery enabled.",
        ClusterChange::Removed => "Remove the node from cluster successfully.",
    }
}

fn discovery_text(discovery: &Discovery) -> String {
    let mut text = String::new();
    let networks = &discovery.networks;
    let none = "none: no interface that is up and carries multicast".to_owned();
    let asked = if networks.is_empty() { none } else { networks.join(", ") };
    let _ = writeln!(text, "Asking on : {asked}");
    let numbers = discovery.datagrams.iter().filter(|(_, n)| **n > 0);
    let numbers: Vec<String> = numbers.map(|(name, n)| format!("{n} {name}")).collect();
    let _ = writeln!(text, "Datagrams : {}", numbers.join(", "));
    if discovery.heard.is_empty() {
        text.push_str("Heard     : nobody yet\n");
        return text;
    }
    let row = |heard: &super::Heard| {
        let status = if heard.linked { "linked".to_owned() } else { heard.status.clone() };
        let (address, interface) = (heard.address.clone(), shown(&heard.interface));
        [shown(&heard.node), address, interface, age(heard.age_ms), status]
    };
    let head = ["NODE", "ADDRESS", "INTERFACE", "AGE", "STATUS"];
    text + &table(head, discovery.heard.iter().map(row))
}

fn age(ms: u64) -> String {
    format!("{}.{} s", ms / 1000, ms % 1000 / 100)
}

/// Columns as wide as their widest cell, two blanks between them.
fn table<const N: usize>(head: [&str; N], rows: impl Iterator<Item = [String; N]>) -> String {
    let rows: Vec<[String; N]> = [head.map(str::to_owned)].into_iter().chain(rows).collect();
    let width = |at: usize| rows.iter().filter_map(|row| row.get(at)).map(String::len).max();
    lines(&rows, |row| {
        let cells = row.iter().enumerate();
        let line: Vec<String> =
            cells.map(|(at, cell)| format!("{cell:<0$}", width(at).unwrap_or(0))).collect();
        line.join("  ").trim_end().to_owned()
    })
}

fn refusals_text(refusals: &[Refusal]) -> String {
    let row = |one: &Refusal| {
        let node = shown(one.node.as_deref().unwrap_or("unknown"));
        let way = if one.dialed { "dialled" } else { "came" };
        let address = one.address.clone();
        [node, address, way.to_owned(), age(one.age_ms), one.count.to_string(), shown(&one.reason)]
    };
    let head = ["NODE", "ADDRESS", "WAY", "AGE", "TIMES", "REASON"];
    format!("Refused lately:\n{}", table(head, refusals.iter().map(row)))
}

fn cluster_text(cluster: &Cluster) -> String {
    let head = "Cluster status: #{";
    let quoted =
        |nodes: &[String]| nodes.iter().map(|node| format!("'{node}'")).collect::<Vec<_>>();
    let (running, stopped) = (quoted(&cluster.running_nodes), quoted(&cluster.stopped_nodes));
    let line = format!(
        "{head}running_nodes => [{}],stopped_nodes => [{}]}}\n",
        running.join(","),
        stopped.join(",")
    );
    let mut text = if line.len() <= WIDTH {
        line
    } else {
        let indent = " ".repeat(head.len());
        let (running, stopped) =
            (wrapped(head.len() + 4, &running), wrapped(head.len() + 4, &stopped));
        format!("{head}running_nodes =>{running},\n{indent}stopped_nodes =>{stopped}}}\n")
    };
    if cluster.left {
        text.push_str(
            "Discovery is off: this node left its cluster. cluster discovery enable, or cluster join NODE, brings it back\n",
        );
    }
    text.push_str(&cluster.evacuation.as_ref().map(evacuated).unwrap_or_default());
    if let Some(reason) = &cluster.refused {
        let _ = writeln!(text, "The mesh of this node is closed: {reason}");
    }
    if !cluster.refusals.is_empty() {
        text.push_str(&refusals_text(&cluster.refusals));
    }
    text
}

/// An Erlang list that starts on its own line at column `indent` and breaks before [`WIDTH`].
fn wrapped(indent: usize, items: &[String]) -> String {
    if items.is_empty() {
        return " []".into();
    }
    let mut text = format!("\n{}[", " ".repeat(indent));
    let mut column = indent + 1;
    for (at, item) in items.iter().enumerate() {
        let comma = if at == 0 { "" } else { "," };
        if at > 0 && column + item.len() + 2 > WIDTH {
            let _ = write!(text, ",\n{}{item}", " ".repeat(indent + 1));
            column = indent + 1 + item.len();
        } else {
            let _ = write!(text, "{comma}{item}");
            column += comma.len() + item.len();
        }
    }
    text.push(']');
    text
}

fn route(row: &Route) -> String {
    format!("{} -> {}", shown(&row.asked_for()), row.node)
}

fn bridge(row: &Bridge) -> String {
    let Bridge { name, server, status, forwarded, received, dropped, queued, .. } = row;
    let why = row.reason.as_deref().map(|why| format!(", reason: {}", shown(why)));
    format!(
        "name: {name}     status: {status}     server: {server}, subscribed: {}, forwarded: {forwarded}, received: {received}, \
         dropped: {dropped}, queued: {queued}{}",
        row.subscribed,
        why.unwrap_or_default()
    )
}

fn turned(id: &str, turn: Turn, listen_on: &str) -> String {
    match turn {
        Turn::Start => format!("Start {id} listener on {listen_on} successfully.\n"),
        Turn::Stop => format!("Stop {id} listener on {listen_on} successfully.\n"),
        Turn::Restart => format!("Restarted {id} listener successfully.\n"),
    }
}

fn trace_started(row: &Trace) -> String {
    let (kind, what, file) = (&row.kind, shown(&row.what), shown(&row.file.display().to_string()));
    let (until, most) = (&row.until, row.bytes_most >> 20);
    format!(
        "trace {kind} {what} successfully\nUntil {until} or {most} MiB it is written to {file}\n"
    )
}

fn client(row: &Client) -> String {
    let mut text = format!(
        "Client({}, username={}, peername={}, clean_start={}, keepalive={}, session_expiry_interval={}, \
         subscriptions={}, inflight={}, awaiting_rel={}, delivered_msgs={}, enqueued_msgs={}, dropped_msgs={}, \
         connected={}, created_at={}, connected_at={}",
        shown(&row.client_id),
        shown(row.username.as_deref().unwrap_or("undefined")),
        row.peername,
        row.clean_start,
        row.keepalive,
        row.session_expiry_interval,
        row.subscriptions,
        row.inflight,
        row.awaiting_rel,
        row.delivered_msgs,
        row.enqueued_msgs,
        row.dropped_msgs,
        row.connected,
        row.created_at,
        row.connected_at,
    );
    if let Some(at) = row.disconnected_at {
        let _ = write!(text, ", disconnected_at={at}");
    }
    text + ")"
}

fn ban(row: &Ban) -> String {
    let until = row.until.map_or_else(|| "infinity".to_owned(), |until| until.to_string());
    let at = row.at_address.iter().map(|address| format!(", at_address={address}"));
    let at: String = at.collect();
    let (who, reason, by) = (shown(&row.who), shown(&row.reason), shown(&row.by));
    let kind = shown(&row.kind);
    format!("Banned({kind}={who}{at}, reason={reason}, by={by}, at={}, until={until})", row.at)
}

fn alarm(row: &Alarm) -> String {
    let over = row.deactivate_at.map(|at| format!(", deactivate_at={at}")).unwrap_or_default();
    format!(
        "Alarm({}, message={}, activate_at={}{over}, details={})",
        shown(&row.name),
        shown(&row.message),
        row.activate_at,
        shown(&row.details.to_string())
    )
}

fn trace(row: &Trace) -> String {
    let file = shown(&row.file.display().to_string());
    let (kind, what, level) = (&row.kind, shown(&row.what), &row.level);
    let (until, bytes, left_out) = (&row.until, row.bytes, row.left_out);
    format!(
        "Trace({kind}={what}, level={level}, destination=\"{file}\", until={until}, bytes={bytes}, \
         left_out={left_out})"
    )
}

fn happened(row: &Happened) -> String {
    let Happened { datetime, level, client_id, peer, what, times, .. } = row;
    let (client_id, what) = (shown(client_id), shown(what));
    let peer = if peer.is_empty() || *peer == row.client_id {
        String::new()
    } else {
        format!(" at {}", shown(peer))
    };
    let times = if *times > 1 { format!(" ({times} times)") } else { String::new() };
    format!("{datetime} {level:<7} {client_id}{peer}: {what}{times}\n")
}

fn listener(row: &Listener) -> String {
    let ended = row.shutdown_count.iter().map(|(reason, n)| format!("{{{reason},{n}}}"));
    let ended = format!("[{}]", ended.collect::<Vec<_>>().join(","));
    let rows = [
        ("listen_on", row.listen_on.clone()),
        ("acceptors", row.acceptors.to_string()),
        ("max_conns", row.max_conns.to_string()),
        ("current_conn", row.current_conn.to_string()),
        ("shutdown_count", ended),
    ];
    let closed = row.closed.iter().map(|reason| ("closed", reason.clone()));
    let rows = rows.into_iter().chain(closed);
    format!("{}\n{}", row.id, lines(rows, |(name, value)| format!("  {name:<16}: {value}")))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::super::{Route, Status, Subscription};
    use super::*;

    #[track_caller]
    fn check(reply: &Reply, want: &str) {
        assert_eq!(text(reply), want);
    }

    fn cluster(running: &[&str], stopped: &[&str]) -> Cluster {
        let names = |list: &[&str]| list.iter().map(|name| (*name).into()).collect();
        Cluster {
            running_nodes: names(running),
            stopped_nodes: names(stopped),
            ..Default::default()
        }
    }

    #[test]
    fn short_answers() {
        let (node, version, state) = ("emqx@h".into(), "0.1.0".into(), "started".into());
        let status = Status { node, version, state, evacuation: None };
        check(&Reply::Status(status.clone()), "Node 'emqx@h' 0.1.0 is started\n");
        let evacuation = Evacuation {
            since: "2026-11-24 16:00:00".into(),
            rate: 50,
            to: Some("b:1883".into()),
            clients: 9,
            connected: 2,
            sessions: 6,
        };
        let told = "Evacuated since 2026-11-24 16:00:00: 50 clients a second are sent away to b:1883, new ones are refused; \
                    of 9 clients 2 are connected, 6 sessions wait to be fetched\n";
        check(&Reply::Evacuation(Some(evacuation.clone())), told);
        let status = Status { evacuation: Some(evacuation), ..status };
        check(&Reply::Status(status), &format!("Node 'emqx@h' 0.1.0 is started\n{told}"));
        check(&Reply::Evacuation(None), "This node is not being evacuated.\n");
        check(&Reply::NotFound, "Not Found.\n");
        check(&Reply::Done, "ok\n");
        check(&Reply::Ignored, "Ignore.\n");
        check(&Reply::LogLevel("debug".into()), "debug\n");
        check(&Reply::Clients(Vec::new()), "");
    }

    #[test]
    fn broker_and_numbers_are_aligned() {
        let broker = Broker {
            sysdescr: "emqx-rs".into(),
            version: "0.1.0".into(),
            uptime_ms: 3 * 86_400_000 + 2 * 3_600_000 + 65_000,
            datetime: "2026-11-24 16:00:00".into(),
        };
        check(
            &Reply::Broker(broker),
            "sysdescr  : emqx-rs\nversion   : 0.1.0\n\
             uptime    : 3 days, 2 hours, 1 minutes, 5 seconds\ndatetime  : 2026-11-24 16:00:00\n",
        );
        assert_eq!(uptime(59_999), "59 seconds");
        assert_eq!(uptime(60_000), "1 minutes, 0 seconds");
        let numbers = BTreeMap::from([("connections.count".into(), 7), ("bytes.sent".into(), 1)]);
        check(
            &Reply::Numbers(numbers),
            "bytes.sent                     : 1\nconnections.count              : 7\n",
        );
    }

    #[test]
    fn cluster_status_is_an_erlang_map() {
        check(
            &Reply::Cluster(cluster(&["a@h", "b@h"], &[])),
            "Cluster status: #{running_nodes => ['a@h','b@h'],stopped_nodes => []}\n",
        );
        let long = ["emqx1@192.168.100.101", "emqx2@192.168.100.102", "emqx3@192.168.100.103"];
        check(
            &Reply::ClusterChanged {
                change: ClusterChange::Removed,
                cluster: cluster(&long, &["emqx4@h"]),
            },
            "Remove the node from cluster successfully.\n\
             Cluster status: #{running_nodes =>\n\
             \x20                     ['emqx1@192.168.100.101','emqx2@192.168.100.102',\n\
             \x20                      'emqx3@192.168.100.103'],\n\
             \x20                 stopped_nodes =>\n\
             \x20                     ['emqx4@h']}\n",
        );
    }

    #[test]
    fn who_was_refused_stands_below_the_cluster() {
        let refusal = |node: Option<&str>, dialed| Refusal {
            node: node.map(Into::into),
            address: "10.0.0.2:4370".into(),
            dialed,
            reason: "cookie mismatch".into(),
            age_ms: 1_234,
            count: 2,
        };
        let refusals = vec![refusal(Some("b@h"), true), refusal(None, false)];
        check(
            &Reply::Cluster(Cluster { refusals, ..cluster(&["a@h"], &[]) }),
            "Cluster status: #{running_nodes => ['a@h'],stopped_nodes => []}\n\
             Refused lately:\n\
             NODE     ADDRESS        WAY      AGE    TIMES  REASON\n\
             b@h      10.0.0.2:4370  dialled  1.2 s  2      cookie mismatch\n\
             unknown  10.0.0.2:4370  came     1.2 s  2      cookie mismatch\n",
        );
    }

    #[test]
    fn clients_are_one_line_each() {
        let row = Client {
            client_id: "c1\u{1b}[2J".into(),
            peername: "10.0.0.1:5000".into(),
            keepalive: 60,
            subscriptions: 2,
            connected: false,
            created_at: 1,
            connected_at: 2,
            disconnected_at: Some(3),
            ..Default::default()
        };
        check(
            &Reply::Clients(vec![row]),
            "Client(c1\\u{1b}[2J, username=undefined, peername=10.0.0.1:5000, clean_start=false, keepalive=60, \
             session_expiry_interval=0, subscriptions=2, inflight=0, awaiting_rel=0, delivered_msgs=0, \
             enqueued_msgs=0, dropped_msgs=0, connected=false, created_at=1, connected_at=2, disconnected_at=3)\n",
        );
    }

    #[test]
    fn routes_and_subscriptions_point_to_the_right() {
        let route = |group: Option<&str>| Route {
            topic: "t/#".into(),
            node: "a@h".into(),
            group: group.map(Into::into),
        };
        check(
            &Reply::Routes(vec![route(None), route(Some("g"))]),
            "t/# -> a@h\n$share/g/t/# -> a@h\n",
        );
        let row = Subscription { client_id: "c".into(), topic: "t".into(), qos: 1 };
        check(&Reply::Subscriptions(vec![row.clone()]), "c -> t\n");
        let want = json!([{ "client_id": "c", "topic": "t", "qos": 1 }]);
        assert_eq!(json(&Reply::Subscriptions(vec![row])), want);
        assert_eq!(json(&Reply::Failed("no".into())), json!({ "error": "no" }));
    }

    #[test]
    fn settings_stand_beside_where_they_come_from() {
        let row = |key: &str, value: Option<&str>, from: &str| Setting {
            key: key.into(),
            value: value.map(Into::into),
            from: from.into(),
            after_restart: None,
            acts: true,
        };
        let rows = vec![
            row("node.name", Some("a@h"), "/etc/emqx-rs/emqx.conf:3"),
            Setting {
                after_restart: Some("2".into()),
                ..row("cluster.data_streams", Some("1"), "default")
            },
            Setting { after_restart: Some(String::new()), ..row("node.dist_port", Some("1"), "E") },
            Setting { after_restart: Some("5".into()), ..row("listener.tcp.x", None, "x:1") },
            Setting { acts: false, ..row("vm", Some("x"), "y:2") },
        ];
        check(
            &Reply::Settings(rows),
            "node.name = a@h           /etc/emqx-rs/emqx.conf:3\n\
             cluster.data_streams = 1  default; after a restart 2\n\
             node.dist_port = 1        E; unset after a restart\n\
             listener.tcp.x = (unset)  x:1; after a restart 5\n\
             vm = x                    y:2; has no effect here\n",
        );
        let one = |key: &str, was: Option<&str>, from: Option<&str>| Changed {
            key: key.into(),
            was: was.map(Into::into),
            now: Some("2".into()),
            from: from.map(Into::into),
        };
        check(&Reply::Reloaded(Reloaded::default()), "ok\n");
        check(
            &Reply::Reloaded(Reloaded {
                changed: vec![one("a", Some("1"), Some("f:1"))],
                restart: vec![one("b", None, None)],
            }),
            "ok\nThese settings changed:\n  a = 2, was 1 (f:1)\n\
             These wait for a restart (systemctl restart emqx-rs):\n  b = 2, was (unset)\n",
        );
    }

    #[test]
    fn listeners_are_blocks() {
        let row = Listener {
            id: "mqtt:tcp:external".into(),
            listen_on: "0.0.0.0:1883".into(),
            acceptors: 1,
            max_conns: 10,
            current_conn: 2,
            shutdown_count: BTreeMap::from([("normal".into(), 3)]),
            closed: None,
        };
        check(
            &Reply::Listeners(vec![row]),
            "mqtt:tcp:external\n  listen_on       : 0.0.0.0:1883\n  acceptors       : 1\n  \
             max_conns       : 10\n  current_conn    : 2\n  shutdown_count  : [{normal,3}]\n",
        );
    }
}
