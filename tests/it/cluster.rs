//! Real meshes over loopback in one process: handshakes, control connections and route tables, without the broker.

use std::{
    sync::{Arc, Mutex, RwLock},
    time::{Duration, Instant},
};

use emqx_rs::{
    cluster::{
        MemberStatus, NodeName, Settings,
        routes::{RouteKey, RouteMatches, RouteTable},
        settings::{Cookie, Discovery, Seed},
        wire::{Envelope, Flags, Targets},
    },
    net::clock::Clock,
    node::{
        link::{Deliver, Handed, OutStream, Outgoing, Peer, Peers, Pushed, Waker},
        mesh::{Before, Mesh, MeshParts, Sessions},
        stats::Stats,
    },
    topic::{TopicFilter, TopicName},
};

use super::support::node::free_mesh_number;

const LIMIT: Duration = Duration::from_secs(20);

/// Notes what other nodes sent.
#[derive(Default)]
struct Inbox {
    got: Mutex<Vec<(String, Vec<u8>)>>,
}

impl Deliver for Inbox {
    fn deliver(&self, _origin: u64, envelope: &Envelope<'_>) -> Handed {
        let message = (envelope.topic.to_owned(), envelope.payload.to_owned());
        self.got.lock().unwrap().push(message);
        Handed { matched: true, ..Handed::default() }
    }

    fn end_of_batch(&self) {}
}

impl Sessions for Inbox {}

struct Node {
    mesh: Mesh,
    peers: Arc<Peers>,
    inbox: Arc<Inbox>,
    routes: Arc<RwLock<RouteTable>>,
    dir: tempfile::TempDir,
    settings: Settings,
}

/// Below the ports that the kernel hands out by itself.
fn free_ports(count: usize) -> Vec<u16> {
    (0..count).map(|_| 4370 + free_mesh_number()).collect()
}

fn settings(number: usize, ports: &[u16]) -> Settings {
    let name = |number: usize| NodeName::parse(&format!("node{}@127.0.0.1", number + 1)).unwrap();
    let seeds = ports.iter().enumerate().map(|(n, port)| Seed { name: name(n), port: Some(*port) });
    Settings {
        name: "it".to_owned(),
        cookie: Some(Cookie::new("a cookie of this test, 32 bytes.".to_owned())),
        kdf: emqx_rs::cluster::settings::Kdf::Argon2id,
        discovery: Discovery::Static(seeds.collect()),
        dist_port: Some(ports[number]),
        ..Settings::new(name(number))
    }
}

fn start(settings: Settings, dir: tempfile::TempDir) -> Node {
    let routes = Arc::new(RwLock::new(RouteTable::new()));
    let (peers, inbox) = (Arc::new(Peers::default()), Arc::new(Inbox::default()));
    let parts = MeshParts {
        settings: settings.clone(),
        data_dir: dir.path().to_owned(),
        clock: Clock::system(),
        routes: routes.clone(),
        retained: Arc::default(),
        peers: peers.clone(),
        stats: Arc::new(Stats::new(1)),
        deliver: inbox.clone(),
        sections: Arc::default(),
        sessions: inbox.clone(),
        main: tokio::runtime::Handle::current(),
        message_max: 1 << 20,
        tls: None,
        before: Before::default(),
        port: None,
    };
    Node { mesh: Mesh::start(parts).unwrap(), peers, inbox, routes, dir, settings }
}

fn start_all(count: usize) -> Vec<Node> {
    let ports = free_ports(count);
    (0..count).map(|n| start(settings(n, &ports), tempfile::tempdir().unwrap())).collect()
}

#[expect(clippy::disallowed_methods, reason = "a test waits in real time")]
async fn until(what: &str, mut ready: impl AsyncFnMut() -> bool) -> Duration {
    let began = Instant::now();
    while !ready().await {
        assert!(began.elapsed() < LIMIT, "not within {LIMIT:?}: {what}");
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    began.elapsed()
}

async fn sees(node: &Node, count: usize) -> bool {
    node.mesh.status().await.unwrap().up().count() == count
}

fn key(filter: &str) -> RouteKey {
    RouteKey { filter: TopicFilter::parse(filter).unwrap(), group: None }
}

fn wanted_elsewhere(node: &Node, topic: &str) -> usize {
    let mut found = RouteMatches::default();
    node.routes.read().unwrap().matches(TopicName::parse(topic).unwrap(), &mut found);
    found.nodes.len()
}

fn run(test: impl Future<Output = ()>) {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(test);
}

#[test]
fn four_nodes_share_routes_and_lose_those_of_a_lost_one() {
    run(async {
        let mut nodes = start_all(4);
        for node in &nodes {
            until("all four are up", async || sees(node, 4).await).await;
            node.mesh.settled().await;
            assert!(node.mesh.has_peers());
        }
        nodes[0].mesh.route_added(key("t/+/x"));
        nodes[0].mesh.route_added(key("t/a"));
        nodes[1].mesh.route_added(key("t/#"));
        nodes[2].mesh.route_added(key("t/a"));
        for node in &nodes[..3] {
            node.mesh.barrier().await.unwrap();
        }
        // After the barrier the routes are there: nothing to wait for.
        assert_eq!(wanted_elsewhere(&nodes[0], "t/a"), 2);
        assert_eq!(wanted_elsewhere(&nodes[3], "t/a"), 3);
        assert_eq!(wanted_elsewhere(&nodes[3], "t/b/x"), 2);
        assert_eq!(wanted_elsewhere(&nodes[1], "u"), 0);

        nodes[2].mesh.route_removed(key("t/a"));
        nodes[2].mesh.barrier().await.unwrap();
        assert_eq!(wanted_elsewhere(&nodes[0], "t/a"), 1);

        let gone = nodes.remove(1);
        gone.mesh.shutdown().await;
        for node in &nodes {
            until("the lost node's routes are gone", async || {
                wanted_elsewhere(node, "t/a")
                    == usize::from(node.settings.node_name.left() != "node1")
            })
            .await;
            until("three are up", async || sees(node, 3).await).await;
        }
        // It comes back with another life, and so do its routes.
        let back = start(gone.settings, gone.dir);
        back.mesh.route_added(key("t/#"));
        until("four are up again", async || sees(&nodes[0], 4).await && sees(&back, 4).await).await;
        until("its route is back", async || wanted_elsewhere(&nodes[0], "t/a") == 1).await;
    });
}

#[test]
fn a_killed_node_takes_its_routes_with_it() {
    run(async {
        let mut nodes = start_all(3);
        for node in &nodes {
            until("all three are up", async || sees(node, 3).await).await;
        }
        nodes[2].mesh.route_added(key("t/#"));
        nodes[2].mesh.barrier().await.unwrap();
        assert_eq!(wanted_elsewhere(&nodes[0], "t"), 1);
        drop(nodes.remove(2));
        for node in &nodes {
            let gone = async || wanted_elsewhere(node, "t") == 0 && sees(node, 2).await;
            let took = until("its routes are gone", gone).await;
            println!("routes of a killed node gone after {took:?}");
        }
    });
}

#[test]
fn a_wrong_cookie_stays_out_and_a_weak_one_stays_home() {
    run(async {
        let ports = free_ports(3);
        let good = start(settings(0, &ports), tempfile::tempdir().unwrap());
        let other = Cookie::new("another cookie of this test, 32.".to_owned());
        let wrong = Settings { cookie: Some(other), ..settings(1, &ports) };
        let wrong = start(wrong, tempfile::tempdir().unwrap());
        let name = NodeName::parse("node3@10.1.2.3").unwrap();
        let cookie = Some(Cookie::new("emqxsecretcookie".to_owned()));
        let weak = Settings { cookie, node_name: name, ..settings(2, &ports) };
        let weak = start(weak, tempfile::tempdir().unwrap());
        assert_eq!(weak.mesh.addr(), None);
        assert!(weak.mesh.status().await.unwrap().refused.is_some());
        let seed = Seed { name: good.settings.node_name.clone(), port: Some(ports[0]) };
        let refused = wrong.mesh.join(seed).await.unwrap_err();
        assert!(refused.to_string().contains("cookie"), "{refused}");
        assert!(sees(&good, 1).await);
    });
}

#[test]
fn leave_and_join_go_through() {
    run(async {
        let nodes = start_all(3);
        for node in &nodes {
            until("all three are up", async || sees(node, 3).await).await;
        }
        nodes[2].mesh.leave().await;
        until("it left", async || {
            let status = nodes[0].mesh.status().await.unwrap();
            status.members.iter().any(|line| line.status == MemberStatus::Left)
        })
        .await;
        assert!(nodes[2].mesh.status().await.unwrap().left);
        let port = nodes[0].settings.dist_port;
        let seed = Seed { name: nodes[0].settings.node_name.clone(), port };
        nodes[2].mesh.join(seed).await.unwrap();
        for node in &nodes {
            until("all three are up again", async || sees(node, 3).await).await;
        }
    });
}

#[test]
fn a_hundred_thousand_routes_arrive_in_batches() {
    run(async {
        let nodes = start_all(2);
        until("both are up", async || sees(&nodes[0], 2).await && sees(&nodes[1], 2).await).await;
        for number in 0..100_000 {
            nodes[0].mesh.route_added(key(&format!("device/{number}/state")));
        }
        let all = async || nodes[1].routes.read().unwrap().summary(0).0 == 100_000;
        let took = until("all routes are there", all).await;
        println!("100,000 routes took {took:?} after the last call");
        assert_eq!(wanted_elsewhere(&nodes[1], "device/4711/state"), 1);
        assert_eq!(nodes[0].mesh.status().await.unwrap().repaired, 0);
    });
}

/// The peer of `node` that goes by this name, once it is up.
async fn peer_of(node: &Node, name: &NodeName) -> Arc<Peer> {
    let find = || node.peers.all().into_iter().find(|peer| peer.name() == name);
    until("the peer is up", async || find().is_some_and(|peer| peer.is_up())).await;
    find().unwrap()
}

fn push(stream: &OutStream, qos: u8, payload: &[u8]) -> Pushed {
    let flags = Flags { qos, ..Flags::default() };
    let (targets, topic, properties) = (Targets::PLAIN, "t/a", &[][..]);
    let (number, expiry, patient) = (1, None, true);
    stream.push(&Outgoing { number, flags, expiry, targets, topic, properties, payload, patient })
}

#[test]
fn messages_cross_once_in_order_and_are_acknowledged() {
    run(async {
        let nodes = start_all(2);
        let names: Vec<_> = nodes.iter().map(|node| node.settings.node_name.clone()).collect();
        for (from, to) in [(0, 1), (1, 0)] {
            let peer = peer_of(&nodes[from], &names[to]).await;
            assert_eq!(peer.streams().len(), 2);
            let stream = peer.stream_of(7).unwrap();
            let mut last = 0;
            for number in 0..5_000u32 {
                let size = if number == 77 { 700_000 } else { 4 + number as usize % 300 };
                let mut payload = number.to_be_bytes().to_vec();
                payload.resize(size, 7);
                let pushed = push(stream, 1 + (number % 2) as u8, &payload);
                assert!(!pushed.full);
                last = pushed.seq;
                if pushed.first {
                    stream.wake();
                }
            }
            assert_eq!(last, 5_000);
            let called = Arc::new(tokio::sync::Notify::new());
            let bell = called.clone();
            let waker: Waker = Arc::new(move || bell.notify_one());
            if stream.wait(last, &waker) {
                tokio::time::timeout(LIMIT, called.notified()).await.unwrap();
            }
            assert_eq!(stream.acked(), last);
            // Acknowledged means handed on: nothing to wait for.
            let got = std::mem::take(&mut *nodes[to].inbox.got.lock().unwrap());
            let numbers = got.iter().map(|m| u32::from_be_bytes(m.1[..4].try_into().unwrap()));
            assert!(numbers.eq(0..5_000));
            assert_eq!(got[77].1.len(), 700_000);
        }
    });
}

#[test]
fn what_is_pushed_for_a_node_that_stops_is_given_up() {
    run(async {
        let mut nodes = start_all(2);
        let name = nodes[1].settings.node_name.clone();
        let peer = peer_of(&nodes[0], &name).await;
        let gone = nodes.remove(1);
        gone.mesh.shutdown().await;
        until("the peer is gone", async || nodes[0].peers.all().is_empty()).await;
        let stream = peer.stream_of(0).unwrap();
        push(stream, 0, b"x");
        assert_eq!(peer.counters().dropped, 1);
        let waker: Waker = Arc::new(|| {});
        assert!(!stream.wait(u64::MAX, &waker), "nobody waits for a lost node");
        let back = start(gone.settings, gone.dir);
        let peer = peer_of(&nodes[0], &name).await;
        push(peer.stream_of(0).unwrap(), 1, b"hello");
        peer.stream_of(0).unwrap().wake();
        until("it arrives", async || back.inbox.got.lock().unwrap().len() == 1).await;
    });
}
