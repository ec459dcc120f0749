//! Load: who does not read, who comes at once with ten thousand others or with a password, and what is left when there are no
//! more descriptors. The figures are printed; what is asserted leaves room for a machine that does other things as well.

use std::{
    fs,
    io::{Read, Write},
    net::{SocketAddr, TcpStream},
    process::Command,
    sync::atomic::{AtomicBool, Ordering},
    thread,
    time::{Duration, Instant},
};

use argon2::{Algorithm, Argon2, Params};
use base64ct::{Base64Unpadded, Encoding};
use nix::sys::resource::{Resource, getrlimit};
use rustix::process::{Pid, Resource as Kind, Rlimit, prlimit};
use socket2::{Domain, Socket, Type};

use super::support::{
    Client, Connect, LIMIT, Message, Node, Packet, Version,
    client::subscribe_bytes,
    node::{free_mesh_number, free_port},
    unique, wait_for,
    wire::Wire,
};

const V3: Version = Version::V3_1_1;
const V5: Version = Version::V5;
/// A busy machine may take so much longer.
const STRETCH: u32 = 5;

/// While `work` is done: the time that 99 of 100 round trips of a client with itself take no longer than, and the most KiB that
/// the node took.
fn while_doing(node: &Node, work: impl FnOnce() + Send) -> (Duration, u64) {
    let over = AtomicBool::new(false);
    let topic = unique("fast/");
    let mut client = Client::at(V5, node.mqtt());
    client.subscribe(&topic, 1);
    let (mut took, mut most) = (Vec::new(), 0);
    thread::scope(|scope| {
        scope.spawn(|| {
            work();
            over.store(true, Ordering::Relaxed);
        });
        while !over.load(Ordering::Relaxed) {
            let began = Instant::now();
            client.publish(&topic, "x", 1);
            client.message();
            took.push(began.elapsed());
            most = most.max(node.resident_kib());
            thread::sleep(Duration::from_millis(1));
        }
    });
    took.sort();
    (took[took.len() * 99 / 100], most)
}

/// A client with hardly any room in its kernel that subscribes and never reads on.
fn deaf(at: SocketAddr, filters: &[(&str, u8)]) -> TcpStream {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
    socket.set_recv_buffer_size(4096).unwrap();
    socket.connect(&at.into()).unwrap();
    let mut stream = TcpStream::from(socket);
    let subscribe = subscribe_bytes(V3, 1, filters, &[]);
    stream.write_all(&[Connect::new(V3).bytes(), subscribe].concat()).unwrap();
    stream.read_within(LIMIT);
    stream.read_exact(&mut [0; 4 + 4 + 2]).unwrap();
    stream
}

/// 1 GB is offered to them: half of it to one after the other, half to all of them.
#[test]
fn two_hundred_that_never_read_cost_memory_within_bounds_and_nobody_else_time() {
    const DEAF: usize = 200;
    const SIZE: usize = 64 << 10;
    const COUNT: usize = 1_000_000_000 / SIZE;
    /// Bytes queued of a session, and those on their way into its socket.
    const EACH_KIB: u64 = (1 << 10) + 256;
    /// The publisher's buffers, and pages that the allocator keeps.
    const BESIDE_KIB: u64 = 8 << 10;
    let node = Node::start(
        "zone.external.force_shutdown_policy = 10000|1MB\n\
         listener.tcp.external.send_timeout = 10m\n\
         listener.tcp.external.sndbuf = 64KB",
    );
    let (quiet, _) = while_doing(&node, || thread::sleep(Duration::from_secs(4)));
    let offer = |count: usize, topic: &dyn Fn(usize) -> String| {
        let mut publisher = Client::at(V3, node.mqtt());
        let (payload, began) = (vec![0x55; SIZE], Instant::now());
        for n in 0..count {
            publisher.send(&Message::new(&topic(n), &payload, 0).bytes(V3));
            // 80 MB a second: a flood takes the processor from everybody, and not only with those who do not read.
            let due = Duration::from_micros((n * SIZE) as u64 / 80);
            thread::sleep(due.saturating_sub(began.elapsed()));
        }
        publisher.ping();
    };
    // What the bytes alone cost, on their way in and to nobody.
    let (offered, _) = while_doing(&node, || offer(COUNT / 4, &|_| "nobody/wants/it".to_owned()));
    let deaf: Vec<TcpStream> = (0..DEAF)
        .map(|n| deaf(node.mqtt(), &[("slow/all", 0), (&format!("slow/{n}"), 0)]))
        .collect();
    let before = node.resident_kib();
    let topic =
        |n| if n < COUNT / 2 { format!("slow/{}", n % DEAF) } else { "slow/all".to_owned() };
    let (loud, most) = while_doing(&node, || offer(COUNT, &topic));
    let bound = before + DEAF as u64 * EACH_KIB + BESIDE_KIB;
    println!(
        "p99 {quiet:?} quiet, {offered:?} with as much for nobody, {loud:?} with {DEAF} that do not read"
    );
    println!("memory {before} KiB before, {most} KiB at most, bound {bound} KiB");
    let dropped = node.metric("delivery.dropped.queue_full");
    assert!(dropped > 1_000_000, "their queues were full all the time: {dropped}");
    assert!(most < bound);
    assert!(loud < STRETCH * 2 * quiet.max(Duration::from_micros(500)));
    assert_eq!(node.stat("connections.count"), DEAF as u64, "none of them was closed");
    drop(deaf);
    wait_for("their queues are gone", LIMIT, || node.resident_kib() < before + (64 << 10));
}

/// `emqx-rs-bench conn` with so many at once; the longest of them waited so long for CONNACK.
fn all_at_once(node: &Node, count: u64) -> Duration {
    let output = Command::new(env!("CARGO_BIN_EXE_emqx-rs-bench"))
        .args(["conn", "-h", "127.0.0.1", "-i", "0", "-d", "1", "--json", "--quiet"])
        .args(["-p", &node.mqtt_port.to_string(), "-c", &count.to_string()])
        .output()
        .unwrap();
    let report: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!((&report["connected"], &report["failed"]), (&count.into(), &0.into()), "{report}");
    Duration::from_micros(report["connect_us"]["max"].as_u64().unwrap())
}

#[test]
fn ten_thousand_connections_at_once_are_all_served() {
    let (_, most) = getrlimit(Resource::RLIMIT_NOFILE).unwrap();
    let count = 10_000.min(most.saturating_sub(1_000));
    for (rate, seconds) in [("", 15), ("listener.tcp.external.max_conn_rate = 0", 3)] {
        let node = Node::start(rate);
        let took = all_at_once(&node, count);
        println!("{count} connections {rate:?}: the last CONNACK after {took:?}");
        assert_eq!(node.metric("client.connected"), count);
        assert!(took < STRETCH * Duration::from_secs(seconds), "{took:?}");
        assert_eq!(node.metric("emqx_rs.limit.connections"), 0);
        assert_eq!(node.metric("emqx_rs.limit.conn_rate") > 0, rate.is_empty());
        wait_for("all are gone", LIMIT, || node.stat("connections.count") == 0);
    }
}

/// Many times sixteen connections with one client id, at once: each is answered, and one of them stays.
#[test]
fn a_storm_over_one_client_id_leaves_nobody_waiting() {
    const ROUNDS: usize = 300;
    let node = Node::start("takeover_policy = off\nlistener.tcp.external.max_conn_rate = 0");
    let storms: Vec<_> = (0..4)
        .map(|_| {
            let (id, at) = (unique("storm"), node.mqtt());
            thread::spawn(move || {
                for round in 0..ROUNDS {
                    let all = (0..16).map(|n| {
                        let mut client = Client::raw(V5, at);
                        client.send(&Connect::new(V5).id(&id).clean((n + round) % 4 > 0).bytes());
                        client
                    });
                    let mut all: Vec<Client> = all.collect();
                    for client in &mut all {
                        client.take_connack();
                        assert_eq!(client.code, 0);
                        client.send(&[0xc0, 0]);
                    }
                    let left = all.iter_mut().map(|client| {
                        // PINGRESP from the last, DISCONNECT and the end from the others.
                        matches!(client.next_or_end(), Some(Packet::PingResp))
                    });
                    assert!(left.filter(|left| *left).count() >= 1, "round {round}");
                }
            })
        })
        .collect();
    for storm in storms {
        storm.join().expect("each is answered");
    }
}

/// A line of the users file with an Argon2id hash of the name, at this cost.
fn user(name: &str, memory_kib: u32, passes: u32) -> String {
    let params = Params::new(memory_kib, passes, 1, None).unwrap();
    let argon2 = Argon2::new(Algorithm::Argon2id, argon2::Version::V0x13, params);
    let (salt, mut hash) = ([7; 16], [0; 32]);
    argon2.hash_password_into(name.as_bytes(), &salt, &mut hash).unwrap();
    let [salt, hash] = [&salt[..], &hash].map(Base64Unpadded::encode_string);
    format!("{name}:$argon2id$v=19$m={memory_kib},t={passes},p=1${salt}${hash}\n")
}

/// All of them at once; gives how long it took until each had its CONNACK, and those that were told to come back.
fn come(node: &Node, names: &[String]) -> (Vec<Client>, Vec<String>, Duration) {
    let began = Instant::now();
    let all: Vec<(Client, &String)> = names
        .iter()
        .map(|name| {
            let mut connect = Connect::new(V5).id(name);
            (connect.user, connect.password) = (Some(name.clone()), Some(name.clone().into()));
            let mut client = Client::raw(V5, node.mqtt());
            client.send(&connect.bytes());
            (client, name)
        })
        .collect();
    let (mut served, mut busy) = (Vec::new(), Vec::new());
    for (mut client, name) in all {
        client.take_connack();
        match client.code {
            0 => served.push(client),
            0x97 => busy.push(name.clone()),
            other => panic!("{name}: {other:02x}"),
        }
    }
    (served, busy, began.elapsed())
}

/// `PASSWORDS=19456,2` is the cost of the hashes that `emqx-rs-ctl user add` makes.
#[test]
fn a_thousand_with_passwords_are_back_at_once() {
    let cost = std::env::var("PASSWORDS").unwrap_or_else(|_| "1024,1".to_owned());
    let (memory, passes) = cost.split_once(',').expect("KiB,passes");
    let (memory, passes) = (memory.parse().unwrap(), passes.parse().unwrap());
    let names: Vec<String> = (0..1000).map(|n| format!("user{n}")).collect();
    let number = free_mesh_number();
    let mut node = Node::prepare(&format!("node{number}@127.0.0.1"), "manual", "");
    let users: String = names.iter().map(|name| user(name, memory, passes)).collect();
    fs::write(node.data().join("users"), users).unwrap();
    node.configure("allow_anonymous = false");
    node.launch();

    let began = Instant::now();
    let (mut held, mut left, mut rounds) = (Vec::new(), names.clone(), 0);
    while !left.is_empty() {
        let (served, busy, _) = come(&node, &left);
        held.extend(served);
        (left, rounds) = (busy, rounds + 1);
    }
    let cold = began.elapsed();
    assert_eq!(node.metric("emqx_rs.auth.verified"), 1000);
    drop(held);
    wait_for("all are gone", LIMIT, || node.stat("connections.count") == 0);
    let (held, busy, warm) = come(&node, &names);
    println!("1,000 logins at {cost}: {cold:?} in {rounds} rounds at a cold start, {warm:?} again");
    assert_eq!((held.len(), busy.len()), (1000, 0));
    assert_eq!(node.metric("emqx_rs.auth.verified"), 1000, "none was verified again");
    assert!(warm < Duration::from_secs(5), "{warm:?}");
}

/// A node that may open so many files.
fn with_files(files: u64, lines: &str) -> Node {
    let runner = ["sh", "-c", &format!("ulimit -n {files}; exec \"$0\" \"$@\"")];
    let name = format!("node{}@127.0.0.1", free_mesh_number());
    let at = ([127, 0, 0, 1], free_port()).into();
    let lines = format!("cluster.discovery = manual\n{lines}");
    let mut node = Node::prepare_at(&name, at, runner.map(str::to_owned).to_vec(), &lines);
    node.launch_all();
    node
}

/// All listeners share what the limit of open files leaves; who comes too many is told so, and the others notice nothing.
#[test]
fn at_the_file_limit_new_ones_are_told_and_old_ones_live() {
    const PLACES: usize = 700 - 512;
    let other = SocketAddr::from(([127, 0, 0, 1], free_port()));
    let node = with_files(700, &format!("listener.tcp.other = {other}"));
    let mut held: Vec<Client> =
        (0..PLACES).map(|n| Client::at(V5, if n % 2 == 0 { node.mqtt() } else { other })).collect();
    for at in [node.mqtt(), other] {
        assert_eq!(Connect::new(V5).attempt(at).code, 0x97);
        assert_eq!(Connect::new(V3).attempt(at).code, 3);
    }
    // Many at a time: few are told, the others closed at once.
    let many: Vec<TcpStream> = (0..600).map(|_| Client::tcp(node.mqtt())).collect();
    for mut stream in many {
        stream.read_within(LIMIT);
        assert_eq!(stream.read(&mut [0]).unwrap_or(0), 0, "closed without a word");
    }
    held.iter_mut().for_each(Client::ping);
    assert!(node.metric("emqx_rs.limit.connections") >= 604);
    assert_eq!(node.metric("emqx_rs.listener.accept_error"), 0);
    held.pop().unwrap().disconnect();
    wait_for("there is a place again", LIMIT, || Connect::new(V5).attempt(other).code == 0);
    held.iter_mut().for_each(Client::ping);
}

/// The limit goes below what is open: there is none left for whoever comes, and he is closed and does not wait.
#[test]
fn without_descriptors_new_ones_are_closed_and_old_ones_live() {
    let node = Node::start("");
    let mut held: Vec<Client> = (0..60).map(|_| Client::at(V5, node.mqtt())).collect();
    let (_, most) = getrlimit(Resource::RLIMIT_NOFILE).unwrap();
    let limit = |files| {
        let to = Rlimit { current: Some(files), maximum: Some(most) };
        prlimit(Pid::from_raw(node.pid()), Kind::Nofile, to).expect("the node is ours");
    };
    limit(40);
    for _ in 0..20 {
        let mut client = Client::raw(V5, node.mqtt());
        client.send(&Connect::new(V5).bytes());
        assert_eq!(client.ended(), []);
    }
    held.iter_mut().for_each(Client::ping);
    limit(most);
    wait_for("new ones are served", LIMIT, || {
        let mut client = Client::raw(V5, node.mqtt());
        client.send(&Connect::new(V5).bytes());
        client.next_or_end().is_some()
    });
    assert!(node.metric("emqx_rs.listener.accept_error") >= 20);
    held.iter_mut().for_each(Client::ping);
}
