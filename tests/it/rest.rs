//! The HTTP API: who gets in, what is answered, on one node and on two, and what strangers can take of it.

use std::{
    fs,
    io::{Read, Write},
    net::{SocketAddr, TcpStream},
    time::{Duration, Instant},
};

use base64ct::{Base64, Encoding};
use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};
use rustls::version::{TLS12, TLS13};
use serde_json::{Value, json};

use super::{
    nodes::{prepare, wait_for_all},
    support::{
        Client, Connect, LIMIT, Node, Version,
        certificates::Authority,
        node::{free_mesh_number, free_port},
        prop, unique, wait_for,
        wire::TlsClient,
    },
};

const V5: Version = Version::V5;
const APP: &str =
    "management.default_application.id = app\nmanagement.default_application.secret = s3cret\n";

/// An answer: its status and its body.
type Answer = (u16, String);

/// Where an API is, and who asks.
#[derive(Clone)]
struct Api {
    at: SocketAddr,
    who: Option<(String, String)>,
}

impl Api {
    fn at(port: u16) -> Self {
        Self { at: ([127, 0, 0, 1], port).into(), who: Some(("app".into(), "s3cret".into())) }
    }

    fn by(&self, id: &str, secret: &str) -> Self {
        Self { who: Some((id.into(), secret.into())), ..self.clone() }
    }

    fn stranger(&self) -> Self {
        Self { who: None, ..self.clone() }
    }

    fn head(&self, method: &str, path: &str, length: usize) -> String {
        let who = self.who.as_ref().map(|(id, secret)| {
            let text = Base64::encode_string(format!("{id}:{secret}").as_bytes());
            format!("authorization: Basic {text}\r\n")
        });
        let who = who.unwrap_or_default();
        format!("{method} {path} HTTP/1.1\r\nhost: h\r\n{who}content-length: {length}\r\n")
    }

    #[track_caller]
    fn send(&self, method: &str, path: &str, body: &str) -> Answer {
        let mut stream = self.connect();
        let head = self.head(method, path, body.len());
        // A server that has said no may not read the rest.
        let _ = stream.write_all(format!("{head}connection: close\r\n\r\n{body}").as_bytes());
        answer(&mut stream)
    }

    #[track_caller]
    fn connect(&self) -> TcpStream {
        let stream = TcpStream::connect(self.at).unwrap();
        stream.set_read_timeout(Some(LIMIT)).unwrap();
        stream
    }

    /// An answer in JSON with a status of 200.
    #[track_caller]
    fn json(&self, method: &str, path: &str, body: &Value) -> Value {
        let body = if body.is_null() { String::new() } else { body.to_string() };
        let (status, text) = self.send(method, path, &body);
        assert_eq!(status, 200, "{method} {path}: {text}");
        serde_json::from_str(&text).unwrap_or_else(|error| panic!("{path}: {error}: {text}"))
    }

    #[track_caller]
    fn get(&self, path: &str) -> Value {
        self.json("GET", path, &Value::Null)
    }

    /// What an answer of EMQX 4 tells, whose code must be 0.
    #[track_caller]
    fn data(&self, path: &str) -> Value {
        let answer = self.get(&format!("/api/v4/{path}"));
        assert_eq!(answer["code"], 0, "{path}: {answer}");
        answer["data"].clone()
    }

    /// The code of an answer of EMQX 4.
    #[track_caller]
    fn code(&self, method: &str, path: &str, body: &Value) -> u64 {
        self.json(method, &format!("/api/v4/{path}"), body)["code"].as_u64().unwrap()
    }

    fn send_if_open(&self) -> Option<Answer> {
        let mut stream = TcpStream::connect(self.at).ok()?;
        stream.set_read_timeout(Some(LIMIT)).ok()?;
        let head = self.head("GET", "/status", 0);
        stream.write_all(format!("{head}connection: close\r\n\r\n").as_bytes()).ok()?;
        Some(answer(&mut stream)).filter(|(status, _)| *status == 200)
    }

    /// Status and answer of EMQX 5.
    #[track_caller]
    fn status(&self, method: &str, path: &str, body: &Value) -> (u16, Value) {
        let body = if body.is_null() { String::new() } else { body.to_string() };
        let (status, text) = self.send(method, &format!("/api/v5/{path}"), &body);
        (status, serde_json::from_str(&text).unwrap_or_default())
    }

    fn opens(&self) -> bool {
        TcpStream::connect(self.at).is_ok()
    }
}

/// Reads one answer, to its end.
fn answer(stream: &mut impl Read) -> Answer {
    let mut text = Vec::new();
    let _ = stream.read_to_end(&mut text);
    let text = String::from_utf8_lossy(&text).into_owned();
    let (head, body) = text.split_once("\r\n\r\n").unwrap_or((&text, ""));
    let status = head.split(' ').nth(1).and_then(|status| status.parse().ok());
    (status.unwrap_or(0), body.to_owned())
}

fn lines(port: u16) -> String {
    format!("management.listener.http = {port}\n")
}

/// A node with an API.
#[track_caller]
fn start(more: &str) -> (Node, Api) {
    let port = free_port();
    let node = Node::start(&format!("{}{more}", lines(port)));
    let api = Api::at(port);
    wait_for("the API is open", LIMIT, || api.opens());
    (node, api)
}

/// Two nodes of a cluster, each with an API.
#[track_caller]
fn two() -> (Vec<Node>, Vec<Api>) {
    let mut nodes = prepare(2);
    let apis: Vec<Api> = nodes
        .iter_mut()
        .map(|node| {
            let port = free_port();
            node.configure(&format!("{}{APP}", lines(port)));
            node.spawn();
            Api::at(port)
        })
        .collect();
    nodes.iter_mut().for_each(Node::wait_ready);
    wait_for_all(&nodes);
    wait_for("both are open", LIMIT, || apis.iter().all(Api::opens));
    (nodes, apis)
}

/// A CONNECT with a user name and a password.
fn named(id: &str, user: &str, password: &str) -> Connect {
    let mut connect = Connect::new(V5).id(id);
    (connect.user, connect.password) = (Some(user.to_owned()), Some(password.into()));
    connect
}

#[track_caller]
fn names(rows: &Value) -> Vec<&str> {
    let rows = rows.as_array().unwrap_or_else(|| panic!("{rows}"));
    let mut names: Vec<_> = rows.iter().filter_map(|row| row["node"].as_str()).collect();
    names.sort_unstable();
    names
}

#[test]
fn whether_it_is_there_and_its_figures_need_no_secret() {
    let (node, api) = start("");
    let stranger = api.stranger();
    let status = stranger.send("GET", "/status", "");
    assert_eq!(status, (200, format!("Node {} is started\nemqx is running", node.name)));
    assert_eq!(stranger.send("HEAD", "/status", "").0, 200);
    for path in ["/metrics", "/api/v4/emqx_prometheus?type=prometheus", "/api/v5/prometheus/stats"]
    {
        let (status, text) = stranger.send("GET", path, "");
        assert_eq!(status, 200, "{path}");
        for wanted in [
            "# TYPE emqx_messages_received counter\nemqx_messages_received 0\n",
            "# TYPE emqx_connections_count gauge\nemqx_connections_count 0\n",
            "emqx_cluster_nodes_running 1\n",
            "emqx_rs_api_requests ",
        ] {
            assert!(text.contains(wanted), "{path}: {wanted}: {text}");
        }
        let of_client = text.lines().find(|line| line.contains("clientid"));
        assert_eq!(of_client, None);
    }
    for path in ["/", "/api/v4/clients", "/api/v4", "/api/v5/clients", "/x"] {
        assert_eq!(stranger.send("GET", path, "").0, 401, "{path}");
    }
    assert_eq!(stranger.send("POST", "/status", "").0, 404);
    let stats: Vec<String> = fs::read_dir(node.data())
        .unwrap()
        .map(|file| file.unwrap().file_name().to_string_lossy().into_owned())
        .collect();
    assert!(!stats.contains(&"apps".to_owned()), "nothing is made by itself: {stats:?}");
}

#[test]
fn it_is_off_unless_it_is_set() {
    let node = Node::start(APP);
    node.ctl(&["mgmt", "insert", "a", "An app"]);
    assert!(!node.log().contains("HTTP API"), "{}", node.log());
}

#[test]
fn the_secret_that_emqx_publishes_opens_nothing() {
    let (node, api) = start(
        "management.default_application.id = admin\nmanagement.default_application.secret = public\n\
         management.listener.http.acceptors = 2\nmanagement.listener.http.inet6 = false\n\
         management.listener.http.ipv6_v6only = false\nmanagement.listener.http.send_timeout_close = on\n",
    );
    assert!(node.log().contains("default_application.secret is the one EMQX publishes"));
    assert!(node.log().contains("no application may use it yet"));
    assert_eq!(api.by("admin", "public").send("GET", "/api/v4/nodes", "").0, 401);
    assert_eq!(node.ctl(&["mgmt", "list"]), "");
    // The listener is on this host alone.
    assert!(node.log().contains("address=Some(127.0.0.1:"), "{}", node.log());
}

#[test]
fn a_wrong_secret_is_answered_late_counted_and_told() {
    let (node, api) = start(APP);
    assert_eq!(api.get("/api/v4/nodes")["code"], 0);
    let began = Instant::now();
    let answers: Vec<Answer> = std::thread::scope(|scope| {
        let ask = |secret: &'static str| {
            let api = api.by("app", secret);
            scope.spawn(move || api.send("GET", "/api/v4/nodes", ""))
        };
        let asked = ["s3creT", "", "s3cret "].map(ask);
        asked.into_iter().map(|one| one.join().unwrap()).collect()
    });
    assert!(began.elapsed() >= Duration::from_secs(3), "one a second: {:?}", began.elapsed());
    assert!(answers.iter().all(|(status, text)| *status == 401 && text.contains("103")));
    assert_eq!(api.stranger().send("GET", "/api/v4/nodes", "").0, 401);
    assert_eq!(node.metric("emqx_rs.api.denied"), 3, "no secret is not a wrong one");
    let log = node.log();
    let told: Vec<_> = log.lines().filter(|line| line.contains("wrong id or secret")).collect();
    assert_eq!(told.len(), 1, "once a minute of an address: {told:?}");
    assert!(told[0].contains("127.0.0.1") && !log.contains("s3cre"), "{told:?}");
    // Who has the right one comes in behind them, and elsewhere at once.
    let slow = api.by("app", "x");
    let waiting = std::thread::spawn(move || slow.send("GET", "/api/v4/nodes", ""));
    assert_eq!(api.get("/api/v4/nodes")["code"], 0);
    assert_eq!(waiting.join().unwrap().0, 401);
}

#[test]
fn who_guesses_and_closes_waits_before_the_next_guess_is_looked_at() {
    let (node, api) = start(APP);
    let ask = |stream: &mut TcpStream, api: &Api| {
        let head = api.head("GET", "/api/v4/nodes", 0);
        stream.write_all(format!("{head}connection: close\r\n\r\n").as_bytes()).unwrap();
    };
    let mut first = api.connect();
    ask(&mut first, &api.by("app", "x"));
    wait_for("it is refused", LIMIT, || node.metric("emqx_rs.api.denied") == 1);
    drop(first);
    // Nobody waits for these.
    let began = Instant::now();
    let guesses: Vec<TcpStream> = (0..5)
        .map(|_| {
            let mut stream = api.connect();
            ask(&mut stream, &api.by("app", "x"));
            stream
        })
        .collect();
    let elsewhere = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None);
    let elsewhere = elsewhere.unwrap();
    elsewhere.bind(&SocketAddr::from(([127, 0, 0, 2], 0)).into()).unwrap();
    elsewhere.connect(&api.at.into()).unwrap();
    let mut elsewhere = TcpStream::from(elsewhere);
    ask(&mut elsewhere, &api);
    assert_eq!(answer(&mut elsewhere).0, 200, "another address does not wait");
    let looked_at = node.metric("emqx_rs.api.denied") - 1;
    assert!(looked_at <= began.elapsed().as_secs(), "{looked_at} in {:?}", began.elapsed());
    drop(guesses);
    let began = Instant::now();
    assert_eq!(api.get("/api/v4/nodes")["code"], 0, "the right one comes in");
    assert!(began.elapsed() >= Duration::from_secs(1), "at its turn: {:?}", began.elapsed());
}

#[test]
fn applications_are_made_and_taken_out_by_an_operator() {
    let (mut node, api) = start("");
    let made = node.ctl(&["mgmt", "insert", "grafana", "For the board"]);
    let secret = made.strip_prefix("AppSecret: ").unwrap().trim().to_owned();
    let api = api.by("grafana", &secret);
    assert_eq!(api.get("/api/v4/nodes")["code"], 0);
    let listed = node.ctl(&["mgmt", "list"]);
    assert_eq!(
        listed,
        "app_id: grafana, secret: ******, name: For the board, desc: emqx-rs-ctl mgmt insert, status: true, \
         expired: undefined\n"
    );
    assert_eq!(node.ctl(&["mgmt", "lookup", "grafana"]), listed);
    assert_eq!(node.ctl_output(&["mgmt", "lookup", "x"]).status.code(), Some(1));
    assert_eq!(node.ctl_output(&["mgmt", "insert", "grafana", "y"]).status.code(), Some(1));
    assert!(!fs::read_to_string(node.data().join("apps")).unwrap().contains(&secret));
    assert!(!node.log().contains(&secret));
    node.ctl(&["mgmt", "update", "grafana", "false"]);
    assert_eq!(api.send("GET", "/api/v4/nodes", "").0, 401);
    node.ctl(&["mgmt", "update", "grafana", "true"]);
    node.terminate();
    node.wait_end();
    node.launch();
    wait_for("it is open again", LIMIT, || api.opens());
    assert_eq!(api.get("/api/v4/nodes")["code"], 0);
    node.ctl(&["mgmt", "delete", "grafana"]);
    assert_eq!(api.send("GET", "/api/v4/nodes", "").0, 401);
    assert_eq!(node.ctl_output(&["mgmt", "delete", "grafana"]).status.code(), Some(1));
}

#[test]
fn applications_of_the_configuration_follow_a_reload() {
    let (mut node, api) = start("");
    let file = node.config().with_file_name("apps.txt");
    fs::write(&file, "# two\none:first\ntwo:se:cond\n").unwrap();
    node.configure(&format!("{APP}management.bootstrap_apps_file = {}", file.display()));
    assert_eq!(api.send("GET", "/api/v4/nodes", "").0, 401);
    node.ctl(&["conf", "reload"]);
    for (id, secret) in [("app", "s3cret"), ("one", "first"), ("two", "se:cond")] {
        assert_eq!(api.by(id, secret).get("/api/v4/nodes")["code"], 0, "{id}");
    }
    fs::write(&file, "one:other\n").unwrap();
    node.ctl(&["conf", "reload"]);
    assert_eq!(api.by("one", "other").get("/api/v4/nodes")["code"], 0);
    assert_eq!(api.by("two", "se:cond").send("GET", "/api/v4/nodes", "").0, 401);
    assert!(!node.ctl(&["conf", "show", "management"]).contains("s3cret"));
}

#[test]
fn what_nodes_are_is_told_of_all_of_them_by_each() {
    let (mut nodes, apis) = two();
    let mut both: Vec<String> = nodes.iter().map(|node| node.name.clone()).collect();
    both.sort_unstable();
    for api in &apis {
        for path in
            ["brokers", "nodes", "metrics", "stats", "listeners", "alarms", "alarms/activated"]
        {
            assert_eq!(names(&api.data(path)), both, "{path}");
        }
        for name in &both {
            let broker = api.data(&format!("brokers/{name}"));
            assert_eq!(
                (&broker["node"], &broker["node_status"]),
                (&json!(name), &json!("Running"))
            );
            assert!(broker["uptime"].as_str().unwrap().ends_with("seconds"), "{broker}");
            let node = api.data(&format!("nodes/{name}"));
            assert_eq!(node["version"], env!("CARGO_PKG_VERSION"));
            assert!(node["max_fds"].as_u64().unwrap() > 0 && node["load1"].is_string(), "{node}");
            let metrics = api.data(&format!("nodes/{name}/metrics"));
            assert!(metrics["messages.received"].is_u64(), "{metrics}");
            assert!(api.data(&format!("nodes/{name}/stats"))["connections.max"].is_u64());
            let listeners = api.data(&format!("nodes/{name}/listeners"));
            assert_eq!(listeners[0]["identifier"], "mqtt:tcp:external");
            assert_eq!(listeners[0]["protocol"], "mqtt:tcp");
            assert!(api.data(&format!("nodes/{name}/alarms")).is_array());
        }
    }
    let nowhere = apis[0].get("/api/v4/nodes/none@127.0.0.1");
    assert_eq!(nowhere["code"], 101, "{nowhere}");
    nodes[1].kill();
    wait_for("it counts as stopped", LIMIT, || {
        // Until then it does not answer, which is a fault.
        let rows = apis[0].get("/api/v4/nodes")["data"].clone();
        let stopped = |row: &Value| row["node"] == nodes[1].name && row["node_status"] == "Stopped";
        rows.as_array().is_some_and(|rows| rows.iter().any(stopped))
    });
}

#[test]
fn clients_are_listed_filtered_and_kicked_wherever_they_are() {
    let (nodes, apis) = two();
    let front = unique("r-");
    let mut clients: Vec<Client> = (0..6)
        .map(|n| {
            let id = format!("{front}{n}");
            let user = if n % 2 == 0 { "even" } else { "odd" };
            named(&id, user, "").open(nodes[n % 2].mqtt())
        })
        .collect();
    clients[3].subscribe("a/+", 1);
    let count = |path: &str| {
        let rows = apis[0].data(path);
        rows.as_array().unwrap_or_else(|| panic!("{path}: {rows}")).len()
    };
    assert_eq!(count(&format!("clients?_like_clientid={front}")), 6);
    assert_eq!(count(&format!("nodes/{}/clients?_like_clientid={front}", nodes[1].name)), 3);
    assert_eq!(count("clients?username=even"), 3);
    assert_eq!(count("clients/username/odd"), 3);
    assert_eq!(count(&format!("clients?clientid={front}2&conn_state=connected&proto_ver=5")), 1);
    assert_eq!(count("clients?proto_ver=4"), 0);
    assert_eq!(count(&format!("clients/{front}none")), 0);
    let page = apis[0].get("/api/v4/clients?_page=2&_limit=4");
    assert_eq!(page["data"].as_array().unwrap().len(), 2);
    assert_eq!(page["meta"], json!({ "page": 2, "limit": 4, "count": 6, "hasnext": false }));
    assert_eq!(apis[0].code("GET", "clients?_page=0", &Value::Null), 108);
    assert_eq!(apis[0].code("GET", "clients?conn_state=idle", &Value::Null), 108);
    let one = apis[0].data(&format!("clients/{front}3"));
    let row = &one[0];
    assert_eq!((&row["node"], &row["username"]), (&json!(nodes[1].name), &json!("odd")));
    assert_eq!((&row["ip_address"], &row["connected"]), (&json!("127.0.0.1"), &json!(true)));
    assert_eq!((&row["zone"], &row["subscriptions_cnt"]), (&json!("external"), &json!(1)));
    let subscriptions = apis[0].data(&format!("subscriptions/{front}3"));
    let node = &nodes[1].name;
    let want = json!([{ "node": node, "clientid": format!("{front}3"), "topic": "a/+", "qos": 1 }]);
    assert_eq!(subscriptions, want);
    assert_eq!(count("subscriptions?_match_topic=a/%23&qos=1"), 1);
    assert_eq!(count("subscriptions?topic=a"), 0);
    wait_for("the route is known", LIMIT, || {
        apis[0].data("routes/a%2F%2B") == json!([{ "topic": "a/+", "node": node }])
    });
    assert_eq!(count("routes?topic=a/%2B"), 1);
    // The other node has it.
    assert_eq!(apis[0].code("DELETE", &format!("clients/{front}3"), &Value::Null), 0);
    clients[3].closed();
    assert_eq!(apis[0].code("DELETE", &format!("clients/{front}3"), &Value::Null), 112);
    assert_eq!(apis[0].code("DELETE", &format!("clients/{front}1/acl_cache"), &Value::Null), 0);
    assert_eq!(apis[0].code("DELETE", "acl-cache", &Value::Null), 0);
}

#[test]
fn pages_are_no_longer_than_the_limit() {
    let (node, api) = start(&format!("{APP}management.max_row_limit = 2\n"));
    let _clients: Vec<Client> = (0..3).map(|_| Client::at(V5, node.mqtt())).collect();
    let page = api.get("/api/v4/clients?_limit=1000000");
    assert_eq!(page["data"].as_array().unwrap().len(), 2);
    assert_eq!(page["meta"], json!({ "page": 1, "limit": 2, "count": 3, "hasnext": true }));
}

#[test]
fn messages_are_published_and_clients_subscribed() {
    let (nodes, apis) = two();
    let topic = unique("t/");
    let id = unique("c-");
    let mut client = Connect::new(V5).id(&id).open(nodes[1].mqtt());
    let subscribe = json!({ "topic": topic, "qos": 1, "clientid": id });
    assert_eq!(apis[0].code("POST", "mqtt/subscribe", &subscribe), 0);
    wait_for("the route is known", LIMIT, || {
        let path = format!("routes?topic={topic}");
        apis[0].data(&path).as_array().unwrap().len() == 1
    });
    let publish = |body: Value| apis[0].code("POST", "mqtt/publish", &body);
    assert_eq!(publish(json!({ "topic": topic, "payload": "one", "qos": 1 })), 0);
    let message = client.message();
    assert_eq!((message.text(), message.qos), ("one".into(), 1));
    let body = json!({
        "topics": format!("{topic},{topic}"), "payload": "dHdv", "encoding": "base64",
        "properties": { "user_properties": { "a": "b" } },
    });
    assert_eq!(publish(body), 0);
    for _ in 0..2 {
        let message = client.message();
        assert_eq!(message.text(), "two");
        assert!(message.prop(prop::USER).is_some(), "{:?}", message.props);
    }
    for (body, code) in [
        (json!({ "payload": "x" }), 107),
        (json!({ "topic": "#", "payload": "x" }), 115),
        (json!({ "topic": "a", "payload": "x", "qos": 3 }), 116),
    ] {
        assert_eq!(publish(body.clone()), code, "{body}");
    }
    let told = apis[0].json(
        "POST",
        "/api/v4/mqtt/publish",
        &json!({ "topic": topic, "payload": "three", "return": "true" }),
    );
    assert!(told["data"]["msgid"].is_string(), "{told}");
    assert_eq!(client.message().text(), "three");
    let batch = json!([
        { "topic": topic, "payload": "four" }, { "topic": "#", "payload": "" },
    ]);
    let told = apis[0].json("POST", "/api/v4/mqtt/publish_batch", &batch);
    assert_eq!((&told["data"][0]["code"], &told["data"][1]["code"]), (&json!(0), &json!(115)));
    assert_eq!(client.message().text(), "four");
    // Retained: on both nodes.
    let retained = unique("kept/");
    assert_eq!(publish(json!({ "topic": retained, "payload": "kept", "retain": true })), 0);
    let mut late = Client::at(V5, nodes[1].mqtt());
    wait_for("it is kept there", LIMIT, || {
        nodes[1].ctl(&["retainer", "topics"]).contains(&retained)
    });
    late.subscribe(&retained, 0);
    assert_eq!(late.message().text(), "kept");
    // Delayed.
    let delayed = format!("$delayed/0/{topic}");
    assert_eq!(publish(json!({ "topic": delayed, "payload": "later" })), 0);
    assert_eq!(client.message().text(), "later");
    let unsubscribe = json!({ "topic": topic, "clientid": id });
    assert_eq!(apis[0].code("POST", "mqtt/unsubscribe", &unsubscribe), 0);
    assert_eq!(apis[0].data(&format!("subscriptions/{id}")), json!([]));
    let nobody = json!({ "topic": topic, "clientid": "nobody" });
    assert_eq!(apis[0].code("POST", "mqtt/subscribe", &nobody), 112);
}

#[test]
fn bans_hold_on_every_node() {
    let (nodes, apis) = two();
    let id = unique("b-");
    let mut client = Connect::new(V5).id(&id).open(nodes[1].mqtt());
    let ban = json!({ "who": id, "as": "clientid", "reason": "floods", "by": "me" });
    assert_eq!(apis[0].code("POST", "banned", &ban), 0);
    client.closed();
    for api in &apis {
        let rows = api.data("banned");
        let row = &rows[0];
        assert_eq!(
            (&row["who"], &row["as"], &row["by"]),
            (&json!(id), &json!("clientid"), &json!("me"))
        );
        assert_eq!(row["until"].as_u64().unwrap() - row["at"].as_u64().unwrap(), 300);
        assert_eq!(rows.as_array().unwrap().len(), 1, "each once: {rows}");
    }
    assert_eq!(apis[1].code("DELETE", &format!("banned/clientid/{id}"), &Value::Null), 0);
    assert_eq!(apis[0].data("banned"), json!([]));
    assert_eq!(apis[0].code("DELETE", "banned/color/red", &Value::Null), 108);
    let _back = Connect::new(V5).id(&id).open(nodes[1].mqtt());
}

#[test]
fn a_node_that_is_silent_keeps_nothing_from_the_others() {
    let (nodes, apis) = two();
    // The one that is asked first, if one were asked after the other.
    let (silent, other) = if nodes[0].name < nodes[1].name { (0, 1) } else { (1, 0) };
    let id = unique("s-");
    let mut client = Connect::new(V5).id(&id).open(nodes[other].mqtt());
    kill(Pid::from_raw(nodes[silent].pid()), Signal::SIGSTOP).unwrap();
    let path = format!("clients/{id}");
    let kicked = apis[other].code("DELETE", &path, &Value::Null);
    client.closed();
    let ban = json!({ "who": "nobody", "as": "clientid" });
    let banned = apis[other].code("POST", "banned", &ban);
    assert!(nodes[other].ctl(&["banned", "list"]).contains("nobody"));
    kill(Pid::from_raw(nodes[silent].pid()), Signal::SIGCONT).unwrap();
    assert_eq!(kicked, 0, "it was where it was");
    // By then it may count as stopped.
    assert!([0, 101].contains(&banned), "{banned}");
}

#[test]
fn users_are_kept_in_the_users_file() {
    let (node, api) = start(&format!("{APP}allow_anonymous = false\n"));
    let bob = json!({ "username": "bob", "password": "hunter2" });
    assert_eq!(api.code("POST", "auth_username", &bob), 0);
    assert_eq!(api.code("POST", "auth_username", &bob), 113);
    assert_eq!(api.data("auth_username"), json!(["bob"]));
    let _client = named("c1", "bob", "hunter2").open(node.mqtt());
    assert_eq!(api.code("PUT", "auth_username/bob", &json!({ "password": "other" })), 0);
    let _client = named("c2", "bob", "other").open(node.mqtt());
    assert_eq!(api.code("DELETE", "auth_username/bob", &Value::Null), 0);
    assert_eq!(api.code("GET", "auth_username/bob", &Value::Null), 105);
    let device =
        json!([{ "clientid": "d1", "password": "x" }, { "clientid": "d2", "password": "y" }]);
    assert_eq!(api.code("POST", "auth_clientid", &device), 0);
    assert_eq!(api.data("auth_clientid"), json!(["d1", "d2"]));
    assert!(!node.log().contains("hunter2"));
}

#[test]
fn large_and_broken_requests_are_refused() {
    let (node, api) = start(&format!("{APP}mqtt.max_packet_size = 1MB\n"));
    let large = "x".repeat((64 << 10) + 1);
    assert_eq!(api.send("POST", "/api/v4/banned", &large).0, 413);
    assert_eq!(api.send("POST", "/api/v4/mqtt/subscribe", &large).0, 413);
    // A message may be as long as one of a client, and no longer.
    let message = |len: usize| json!({ "topic": "a", "payload": "x".repeat(len) });
    assert_eq!(api.code("POST", "mqtt/publish", &message(512 << 10)), 0);
    assert_eq!(api.code("POST", "mqtt/publish", &message((1 << 20) + 1)), 102);
    assert_eq!(api.send("POST", "/api/v4/mqtt/publish", &"x".repeat(3 << 20)).0, 413);
    assert_eq!(api.code("POST", "banned", &json!("x")), 107);
    assert_eq!(api.send("GET", "/api/v4/clients/%ff", "").0, 400);
    let mut stream = api.connect();
    let long = format!("GET /{} HTTP/1.1\r\nhost: h\r\n\r\n", "a".repeat(20 << 10));
    let _ = stream.write_all(long.as_bytes());
    assert!([414, 431].contains(&answer(&mut stream).0));
    let mut stream = api.connect();
    stream.write_all(b"nonsense\r\n\r\n").unwrap();
    assert_eq!(answer(&mut stream).0, 400);
    // A page of another site that has a browser ask.
    let mut stream = api.connect();
    let head = api.head("POST", "/api/v4/mqtt/publish", 0);
    let asked = format!("{head}origin: http://evil\r\nconnection: close\r\n\r\n");
    stream.write_all(asked.as_bytes()).unwrap();
    assert_eq!(answer(&mut stream).0, 403);
    assert_eq!(node.metric("emqx_rs.panics"), 0);
}

#[test]
fn who_opens_many_connections_or_is_slow_takes_nothing_from_others() {
    let (node, api) = start(APP);
    // Known, and kept open.
    let mut known = api.connect();
    let ask = format!("{}\r\n", api.head("GET", "/api/v4/nodes", 0));
    let ask_again = |stream: &mut TcpStream| {
        stream.write_all(ask.as_bytes()).unwrap();
        let mut head = [0; 15];
        stream.read_exact(&mut head).unwrap();
        let mut rest = [0; 8192];
        let _ = stream.read(&mut rest).unwrap();
        head.starts_with(b"HTTP/1.1 200 OK")
    };
    assert!(ask_again(&mut known));
    let mut slow: Vec<TcpStream> = (0..40)
        .map(|_| {
            let mut stream = api.connect();
            let _ = stream.write_all(b"GET /status HT");
            stream
        })
        .collect();
    wait_for("the oldest have to go", LIMIT, || node.metric("emqx_rs.api.refused") >= 24);
    assert_eq!(api.stranger().send("GET", "/status", "").0, 200, "who comes gets a place");
    assert!(ask_again(&mut known));
    // The others go when their time is over, or the place is wanted.
    let began = Instant::now();
    let gone = |stream: &mut TcpStream| matches!(stream.read(&mut [0; 1024]), Ok(0) | Err(_));
    assert!(slow.iter_mut().rev().all(gone));
    assert!(began.elapsed() < Duration::from_secs(15), "{:?}", began.elapsed());
}

#[test]
fn it_is_served_over_tls() {
    let authority = Authority::new("ca");
    let (port, number) = (free_port(), free_mesh_number());
    let mut node = Node::prepare(&format!("node{number}@127.0.0.1"), "manual", "");
    let certs = node.config().parent().unwrap().join("certs");
    authority.issue(&["127.0.0.1"]).write(&certs, &authority.pem());
    node.configure(&format!(
        "management.listener.https = {port}\n\
         management.listener.https.certfile = {0}/cert.pem\nmanagement.listener.https.keyfile = {0}/key.pem\n\
         management.listener.https.cacertfile = {0}/cacert.pem\nmanagement.listener.https.verify = verify_peer\n\
         management.listener.https.fail_if_no_peer_cert = true\n{APP}",
        certs.display()
    ));
    node.launch();
    let api = Api::at(port);
    wait_for("the API is open", LIMIT, || api.opens());
    let ask = |tls: &TlsClient| {
        let mut stream = tls.connect(TcpStream::connect(api.at).ok()?).ok()?;
        let head = api.head("GET", "/api/v4/nodes", 0);
        stream.write_all(format!("{head}connection: close\r\n\r\n").as_bytes()).ok()?;
        Some(answer(&mut stream).0).filter(|status| *status != 0)
    };
    let own = authority.issue(&["127.0.0.1"]);
    let versions = [&TLS13, &TLS12];
    for version in versions {
        assert_eq!(ask(&TlsClient::new(&authority.pem(), Some(&own), &[version])), Some(200));
    }
    assert_eq!(ask(&TlsClient::new(&authority.pem(), None, &versions)), None, "no certificate");
    assert_eq!(ask(&TlsClient::new(&Authority::new("other").pem(), Some(&own), &versions)), None);
    assert_eq!(api.send("GET", "/status", "").0, 0, "no TLS");
}

#[test]
fn a_port_that_is_taken_keeps_no_client_out() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port();
    let node = Node::start(&format!("{}{APP}", lines(port)));
    let _client = Client::at(V5, node.mqtt());
    wait_for("it is told", LIMIT, || node.log().contains("HTTP API cannot listen"));
    drop(taken);
    let api = Api::at(port);
    wait_for("it opens when it can", LIMIT, || api.stranger().send_if_open().is_some());
}

#[test]
fn emqx_5_is_answered_in_its_words() {
    let (nodes, apis) = two();
    let api = &apis[0];
    let at = |path: &str| api.get(&format!("/api/v5/{path}"));
    let status = |method: &str, path: &str, body: &Value| api.status(method, path, body);
    let told = api.stranger().send("GET", "/api/v5/status?format=json", "").1;
    let told: Value = serde_json::from_str(&told).unwrap();
    assert_eq!(
        (&told["node_name"], &told["app_status"]),
        (&json!(nodes[0].name), &json!("running"))
    );
    let cluster = at("cluster");
    assert_eq!(
        (&cluster["self"], cluster["nodes"].as_array().unwrap().len()),
        (&told["node_name"], 2)
    );
    assert_eq!(names(&at("nodes")).len(), 2);
    let node = at(&format!("nodes/{}", nodes[1].name));
    assert_eq!((&node["node_status"], node["uptime"].is_u64()), (&json!("running"), true));
    assert!(at(&format!("nodes/{}/metrics", nodes[1].name))["messages.received"].is_u64());
    assert_eq!(names(&at("metrics")).len(), 2);
    let id = unique("v-");
    let mut client = Connect::new(V5).id(&id).open(nodes[1].mqtt());
    let topic = unique("t/");
    client.subscribe(&topic, 1);
    wait_for("the route is known", LIMIT, || {
        at(&format!("topics?topic={topic}"))["data"].as_array().unwrap().len() == 1
    });
    assert_eq!(at("stats?aggregate=true")["subscriptions.count"], 1);
    let page = at(&format!("clients?like_clientid={id}&limit=1"));
    assert_eq!(page["meta"], json!({ "page": 1, "limit": 1, "count": 1, "hasnext": false }));
    assert!(page["data"][0]["connected_at"].as_str().unwrap().ends_with('Z'), "{page}");
    assert_eq!(at(&format!("clients/{id}"))["node"], json!(nodes[1].name));
    assert_eq!(at(&format!("clients/{id}/subscriptions"))[0]["topic"], json!(topic));
    assert_eq!(at("subscriptions?qos=1")["meta"]["count"], 1);
    let listeners = at("listeners");
    let (first, rows) = (&listeners[0], listeners.as_array().unwrap().len());
    assert_eq!((&first["id"], &first["running"], rows), (&json!("tcp:external"), &json!(true), 2));
    assert!(at("alarms")["data"].is_array());
    let message = |topic: &str| json!({ "topic": topic, "payload": "hi", "qos": 1 });
    let (code, answer) = status("POST", "publish", &message(&topic));
    assert!(code == 200 && answer["id"].is_string(), "{code} {answer}");
    assert_eq!(client.message().text(), "hi");
    let (code, answer) = status("POST", "publish", &message(&unique("nobody/")));
    assert_eq!((code, &answer["reason_code"]), (202, &json!(16)));
    let (code, answer) = status("POST", "publish", &message("#"));
    assert_eq!((code, &answer["code"]), (400, &json!("BAD_REQUEST")));
    let bulk = json!([message(&topic), message(&topic)]);
    assert_eq!(status("POST", "publish/bulk", &bulk).0, 200);
    assert_eq!(status("DELETE", &format!("clients/{id}"), &Value::Null).0, 204);
    client.closed();
    let (code, answer) = status("DELETE", &format!("clients/{id}"), &Value::Null);
    assert_eq!((code, &answer["code"]), (404, &json!("CLIENTID_NOT_FOUND")));
    assert_eq!(status("GET", "login", &Value::Null).0, 404);
    let denied = api.by("app", "x").send("GET", "/api/v5/nodes", "");
    assert!(denied.0 == 401 && denied.1.contains("BAD_API_KEY_OR_SECRET"), "{denied:?}");
}

#[test]
fn emqx_5_tells_of_retained_messages_and_bans() {
    let (node, api) = start(APP);
    let at = |path: &str| api.get(&format!("/api/v5/{path}"));
    let status = |method: &str, path: &str, body: &Value| api.status(method, path, body);
    let id = unique("v-");
    let mut client = Connect::new(V5).id(&id).open(node.mqtt());
    let kept = unique("kept/");
    let message = json!({ "topic": kept, "payload": "kept", "retain": true });
    assert_eq!(status("POST", "publish", &message).0, 202, "nobody subscribes, and it is kept");
    let rows = at("mqtt/retainer/messages?limit=1000")["data"].clone();
    assert!(rows.as_array().unwrap().contains(&json!({ "topic": kept })), "{rows}");
    let path = format!("mqtt/retainer/message/{}", kept.replace('/', "%2F"));
    assert_eq!(at(&path)["payload"], "a2VwdA==");
    assert_eq!(status("DELETE", &path, &Value::Null).0, 204);
    assert_eq!(status("DELETE", &path, &Value::Null).0, 404);
    let until = "2099-01-01T00:00:00Z";
    let ban = json!({ "as": "clientid", "who": id, "until": until });
    assert_eq!(status("POST", "banned", &ban), (200, ban.clone()));
    client.closed();
    // A second may pass between the question and the ban.
    let rows = at("banned")["data"].clone();
    let told = rows[0]["until"].as_str().unwrap_or_default();
    assert!(told.starts_with("2099-01-01T00:00:0"), "{rows}");
    assert_eq!(status("DELETE", &format!("banned/clientid/{id}"), &Value::Null).0, 204);
    assert_eq!(status("DELETE", &format!("banned/clientid/{id}"), &Value::Null).0, 404);
}
