//! An HTTP server that says what clients may do, with real processes: order, cache, failures, and who waits for it.

use std::{
    fs,
    net::SocketAddr,
    sync::{
        Condvar, Mutex,
        atomic::{AtomicUsize, Ordering::Relaxed},
    },
};

use super::support::{
    Client, Connect, LIMIT, Message, Node, Version, Will,
    http::{OK, http_server},
    node::free_mesh_number,
    unique, wait_for,
};

const NOT_AUTHORIZED: u8 = 0x87;
const DENIED: Option<&str> = Some("403 Forbidden\r\ncontent-length: 0\r\n\r\n");
const IGNORED: Option<&str> = Some("200 OK\r\ncontent-length: 6\r\n\r\nignore");

/// A node that asks `server`, with these rules of its own.
fn node(server: SocketAddr, rules: &str, lines: &str) -> Node {
    let number = free_mesh_number();
    let mut node = Node::prepare(&format!("node{number}@127.0.0.1"), "manual", "");
    fs::write(node.config().with_file_name("rules.conf"), rules).unwrap();
    node.configure(&format!(
        "acl_file = rules.conf\nauth.http.acl_req.url = http://{server}/acl\n\
         auth.http.acl_req.params = do=%A,t=%t,u=%u,m=%m\n{lines}"
    ));
    node.launch();
    node
}

/// The topic that is asked about.
fn topic(request: &str) -> &str {
    let body = request.split_once("\r\n\r\n").map_or("", |(_, body)| body);
    body.split('&').find_map(|pair| pair.strip_prefix("t=")).unwrap_or_default()
}

/// `open...` may, `shut...` may not, `dead...` gets no answer, the rules of the node decide about all else.
fn by_topic(request: &str) -> Option<&'static str> {
    match topic(request).get(..4) {
        Some("open") => Some(OK),
        Some("shut") => DENIED,
        Some("dead") => None,
        Some(_) | None => IGNORED,
    }
}

#[test]
fn the_server_says_what_a_client_may_do_and_leaves_the_rest_to_the_rules() {
    let server = http_server(by_topic);
    let rules = "{allow, all, pubsub, [\"mine/#\"]}.\n";
    let node = node(server, rules, "acl_nomatch = deny\nauth.http.timeout = 1s");
    let mut client = Client::at(Version::V5, node.mqtt());
    let filters = [("open/#", 1), ("shut", 1), ("mine/a", 1), ("other", 1), ("$share/g/open/x", 0)];
    let codes = client.subscribe_to(&filters, &[]);
    assert_eq!(codes, [1, NOT_AUTHORIZED, 1, NOT_AUTHORIZED, 0]);
    for qos in 0..3 {
        for (topic, want) in [("open/a", 0), ("mine/a", 0), ("shut", 0x87), ("other", 0x87)] {
            let code = client.publish(topic, "x", qos);
            assert_eq!(code, if qos == 0 { 0 } else { want }, "{topic} QoS {qos}");
        }
    }
    let twice = client.subscribe_to(&[("open/b", 0), ("open/b", 1)], &[]);
    assert_eq!(twice, [0, 1], "the same filter twice in one packet");
    let mut old = Client::at(Version::V3_1_1, node.mqtt());
    assert_eq!(old.subscribe_to(&[("shut", 1), ("open", 1)], &[]), [0x80, 1]);
    for (topic, want) in [("open/will", 0), ("shut/will", NOT_AUTHORIZED), ("other", 0x87)] {
        let connect = Connect::new(Version::V5).will(Will::new(topic, "x"));
        assert_eq!(connect.attempt(node.mqtt()).code, want, "{topic}");
    }
    assert_eq!(node.metric("emqx_rs.acl.http_error"), 0);
    assert!(node.metric("client.acl.cache_hit") > 0);
}

/// While one client waits for its answer nothing of it overtakes, and nobody else waits.
#[test]
fn who_waits_for_an_answer_keeps_its_order_and_holds_up_nobody_else() {
    let node = node(http_server(by_topic), "{allow, all}.\n", "auth.http.timeout = 2s");
    let mut reader = Client::at(Version::V5, node.mqtt());
    assert_eq!(reader.subscribe_to(&[("open/#", 0), ("mine", 0)], &[]), [0, 0]);
    let mut waits = Connect::new(Version::V5).keep_alive(1).open(node.mqtt());
    let mut bytes = Message::new("open/1", "1", 1).id(1).bytes(Version::V5);
    bytes.extend(Message::new("dead", "", 1).id(2).bytes(Version::V5));
    bytes.extend(Message::new("open/2", "2", 1).id(3).bytes(Version::V5));
    waits.send(&bytes);
    assert_eq!(reader.message().text(), "1");
    let mut other = Client::at(Version::V5, node.mqtt());
    for n in 0..20 {
        assert_eq!(other.publish("mine", n.to_string(), 1), 0);
        assert_eq!(reader.message().text(), n.to_string(), "before the one that waits");
    }
    assert_eq!(waits.complete(1, 1), 0);
    assert_eq!(waits.complete(1, 2), NOT_AUTHORIZED, "no answer is a no");
    assert_eq!(waits.complete(1, 3), 0);
    assert_eq!(reader.message().text(), "2");
    assert_eq!(node.metric("emqx_rs.acl.http_error"), 1);
    assert!(node.log().contains("does not say what clients may do"));
    // What failed is not remembered.
    assert_eq!(waits.publish("dead", "", 1), NOT_AUTHORIZED);
    assert_eq!(node.metric("emqx_rs.acl.http_error"), 2);
}

static ASKED: AtomicUsize = AtomicUsize::new(0);

#[test]
fn answers_are_kept_until_they_are_cleaned() {
    let server = http_server(|_| {
        ASKED.fetch_add(1, Relaxed);
        Some(OK)
    });
    let node = node(server, "{deny, all}.\n", "acl_cache_max_size = 2");
    let id = unique("cached");
    let mut client = Connect::new(Version::V5).id(&id).open(node.mqtt());
    let asked = |topic: &str, by: &mut Client| {
        let before = ASKED.load(Relaxed);
        assert!(by.publish(topic, "x", 1) < 0x80, "{topic}");
        ASKED.load(Relaxed) - before
    };
    assert_eq!([asked("a", &mut client), asked("a", &mut client)], [1, 0]);
    assert_eq!([asked("b", &mut client), asked("a", &mut client)], [1, 0]);
    assert_eq!(asked("c", &mut client), 1);
    assert_eq!(asked("a", &mut client), 1, "it was the oldest of more than two");
    let mut other = Client::at(Version::V5, node.mqtt());
    assert_eq!([asked("a", &mut other), asked("a", &mut other)], [1, 0], "each has its own");
    let me = node.name.clone();
    for (words, cleaned) in
        [(vec!["all"], [1, 1]), (vec![&id], [1, 0]), (vec!["node", &me], [1, 1])]
    {
        node.ctl(&[&["acl", "cache-clean"], words.as_slice()].concat());
        // The connection hears of it before it reads on.
        assert_eq!([asked("a", &mut client), asked("a", &mut other)], cleaned, "{words:?}");
    }
    assert!(!node.ctl_output(&["acl", "cache-clean", "nobody"]).status.success());
    assert!(!node.ctl_output(&["acl", "cache-clean", "node", "far@10.9.9.9"]).status.success());
}

/// Questions that are held back, the most at once, and whether they may go on.
static HELD: Mutex<(usize, usize, bool)> = Mutex::new((0, 0, false));
static GO_ON: Condvar = Condvar::new();

/// As [`by_topic`], but what is below `held/` waits.
fn held_back(request: &str) -> Option<&'static str> {
    let Some(("held", topic)) = topic(request).split_once("%2F") else {
        return by_topic(request);
    };
    let mut held = HELD.lock().unwrap();
    held.0 += 1;
    held.1 = held.1.max(held.0);
    held = GO_ON.wait_while(held, |held| !held.2).unwrap();
    held.0 -= 1;
    if topic.ends_with('7') { DENIED } else { Some(OK) }
}

/// A SUBSCRIBE asks about a few filters at once, over connections that are kept, and leaves room for others.
#[test]
fn many_filters_are_asked_side_by_side_and_hold_up_nobody_else() {
    const FILTERS: usize = 1000;
    const ABREAST: usize = 16;
    let node = node(http_server(held_back), "{deny, all}.\n", "auth.http.timeout = 15s");
    let mut many = Client::at(Version::V5, node.mqtt());
    let names: Vec<String> = (0..FILTERS).map(|n| format!("held/{n}")).collect();
    let filters: Vec<(&str, u8)> = names.iter().map(|name| (name.as_str(), 1)).collect();
    let asked = many.ask_for(&filters, &[]);
    wait_for("all turns of one client are taken", LIMIT, || HELD.lock().unwrap().0 == ABREAST);
    let mut other = Client::at(Version::V5, node.mqtt());
    for n in 0..10 {
        assert_eq!(other.publish(&format!("open/{n}"), "x", 1) & 0x80, 0, "it is not held up");
    }
    HELD.lock().unwrap().2 = true;
    GO_ON.notify_all();
    let want: Vec<u8> =
        names.iter().map(|name| if name.ends_with('7') { NOT_AUTHORIZED } else { 1 }).collect();
    assert_eq!(many.subacked(asked), want, "in the order of the filters");
    assert_eq!(HELD.lock().unwrap().1, ABREAST);
    assert_eq!(node.metric("emqx_rs.http.requests"), FILTERS as u64 + 10);
    let connections = node.metric("emqx_rs.http.connections");
    assert!(connections <= 32, "{connections} connections for {FILTERS} questions");
    assert_eq!(node.metric("emqx_rs.acl.http_error"), 0);
}

/// The packet of a client that waits, and whether its answer may come.
static WAITS: Mutex<(bool, bool)> = Mutex::new((false, false));
static ANSWER: Condvar = Condvar::new();

fn answered_later(_: &str) -> Option<&'static str> {
    let mut waits = WAITS.lock().unwrap();
    waits.0 = true;
    let waits = ANSWER.wait_while(waits, |waits| !waits.1).unwrap();
    drop(waits);
    Some(OK)
}

/// Rules that come while a packet waits hold after it.
#[test]
fn a_packet_that_waits_is_not_lost_when_there_are_new_rules() {
    let node = node(http_server(answered_later), "{allow, all}.\n", "auth.http.timeout = 15s");
    let mut client = Client::at(Version::V5, node.mqtt());
    let mut bytes = Message::new("first", "", 1).id(1).bytes(Version::V5);
    bytes.extend(Message::new("second", "", 1).id(2).bytes(Version::V5));
    client.send(&bytes);
    wait_for("the server is asked", LIMIT, || WAITS.lock().unwrap().0);
    let rules = "{deny, all, publish, [\"second\"]}.\n{allow, all}.\n";
    fs::write(node.config().with_file_name("rules.conf"), rules).unwrap();
    fs::write(
        node.config(),
        fs::read_to_string(node.config()).unwrap() + "\nacl_order = internal, http\n",
    )
    .unwrap();
    node.ctl(&["conf", "reload"]);
    wait_for("the rules hold", LIMIT, || node.log().contains("rules of access hold"));
    WAITS.lock().unwrap().1 = true;
    ANSWER.notify_all();
    assert_eq!(client.complete(1, 1) & 0x80, 0);
    assert_eq!(client.complete(1, 2), NOT_AUTHORIZED);
}

/// All questions of a packet have the time of one.
#[test]
fn what_is_not_answered_in_time_is_denied_and_the_rest_counts() {
    let node = node(http_server(by_topic), "{allow, all}.\n", "auth.http.timeout = 2s");
    let mut client = Client::at(Version::V5, node.mqtt());
    let dead = (0..40).map(|n| format!("dead/{n}"));
    let names: Vec<String> = (0..10).map(|n| format!("open/{n}")).chain(dead).collect();
    let filters: Vec<(&str, u8)> = names.iter().map(|name| (name.as_str(), 0)).collect();
    let codes = client.subscribe_to(&filters, &[]);
    assert_eq!(codes[..10], [0; 10]);
    assert_eq!(codes[10..], [NOT_AUTHORIZED; 40]);
    assert_eq!(node.metric("emqx_rs.acl.http_error"), 1);
    assert_eq!(node.metric("emqx_rs.http.requests"), 10 + 16, "the others were not asked");
    assert!(node.log().contains("10 of 50 questions answered within 2s"), "{}", node.log());
}

#[test]
fn rules_come_first_where_it_says_so() {
    let rules = "{deny, all, publish, [\"open/mine\"]}.\n";
    let node = node(http_server(by_topic), rules, "acl_order = internal, http");
    let mut client = Client::at(Version::V5, node.mqtt());
    let code = |client: &mut Client, topic: &str| client.publish(topic, "x", 1) & 0x80;
    assert_eq!(code(&mut client, "open/mine"), 0x80);
    assert_eq!(code(&mut client, "open/other"), 0);
    assert_eq!(code(&mut client, "shut"), 0x80);
}

#[test]
fn without_the_server_nobody_may_do_anything() {
    let node = node(([127, 0, 0, 1], 1).into(), "{allow, all}.\n", "");
    let mut client = Client::at(Version::V5, node.mqtt());
    assert_eq!(client.subscribe_to(&[("a", 0), ("b", 0)], &[]), [NOT_AUTHORIZED; 2]);
    assert_eq!(client.publish("a", "x", 1), NOT_AUTHORIZED);
    client.ping();
    // Both questions of the first packet were asked at once.
    wait_for("it is counted", LIMIT, || node.metric("emqx_rs.acl.http_error") == 3);
}
