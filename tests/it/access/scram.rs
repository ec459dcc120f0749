//! Users that can do SCRAM-SHA-256: how they are made, what they may do, and what a stranger learns of them.

use std::fs;

use super::{BAD_PASSWORD, BANNED, SUCCESS, code, connect, ctl, path, user, users, with_users};
use crate::support::{
    Client, LIMIT, Node, Packet, Version, prop,
    scram::{self, Scram, attempt, auth, challenge, data, parts, props},
    unique, wait_for,
};

const NOT_AUTHORIZED: u8 = 0x87;

fn raw(node: &Node) -> Client {
    Client::raw(Version::V5, node.mqtt())
}

/// A client that has done the exchange, whatever came of it.
#[track_caller]
fn by_scram(node: &Node, name: &str, password: &str) -> Client {
    let scram = Scram::new(name, password);
    attempt(&scram::connect(&scram), scram, raw(node)).1
}

/// Salt and iterations that a client of this name is told.
#[track_caller]
fn told(node: &Node, name: &str) -> (Vec<u8>, u32) {
    let mut client = raw(node);
    client.send(&scram::connect(&Scram::new(name, "x")).bytes());
    let (_, salt, iterations) = parts(std::str::from_utf8(&challenge(&mut client)).unwrap());
    (salt, iterations.get())
}

#[test]
fn users_that_can_do_scram_are_made_and_changed_while_the_node_runs() {
    let node = Node::start("allow_anonymous = false");
    user(&node, &["add", "bob", "--scram", "--iterations", "4096"], "open \u{2168} sesame\n");
    user(&node, &["add", "eve"], "slow\n");
    // What differs is what SASLprep makes equal.
    for password in ["open \u{2168} sesame", "open IX sesame", "open I\u{ad}X\u{a0}sesame"] {
        assert_eq!(code(&node, "bob", password), SUCCESS, "{password:?} as a password");
    }
    let mut client = by_scram(&node, "bob", "open IX sesame");
    assert_eq!((client.code, client.subscribe("a/b", 1)), (SUCCESS, 1));
    assert_eq!(by_scram(&node, "bob", "open ix sesame").code, BAD_PASSWORD);
    assert_eq!(by_scram(&node, "eve", "slow").code, BAD_PASSWORD, "it has no keys for that");
    assert!(node.log().contains("emqx-rs-ctl user passwd NAME --scram"), "{}", node.log());
    user(&node, &["passwd", "eve", "--scram"], "new\n");
    assert_eq!(by_scram(&node, "eve", "new").code, SUCCESS);
    user(&node, &["passwd", "bob"], "new\n");
    assert_eq!(by_scram(&node, "bob", "open IX sesame").code, BAD_PASSWORD);
    assert_eq!(by_scram(&node, "bob", "new").code, SUCCESS, "it stays one that can");
    assert_eq!(told(&node, "bob").1, 4096);
    let listed = ctl(&node, &["user", "list", "--file", &path(&node)], "");
    assert_eq!(String::from_utf8_lossy(&listed.stdout), "bob scram\neve scram\n");
    let few = ctl(&node, &["user", "add", "x", "--scram", "--iterations", "100"], "x\n");
    assert_eq!(few.status.code(), Some(2));

    // Who is connected and shows it again needs the password of now.
    let mut scram = Scram::new("bob", "open IX sesame");
    client.send(&auth(0x19, &props(&scram.first())));
    let last = scram.last(&challenge(&mut client));
    client.send(&auth(0x18, &props(&last)));
    client.closed_with(NOT_AUTHORIZED);
    let log = node.log();
    assert!(!log.contains("sesame") && !log.contains("scram-sha-256$"), "{log}");
    assert!(node.metric("packets.auth.sent") >= 7, "AUTH is counted");
    assert!(node.metric("packets.auth.received") >= 7);
}

#[test]
fn a_stranger_learns_of_nobody_whether_it_is_there() {
    let slow = users(&["old"]);
    let mut node = with_users("", &format!("{}{slow}", scram::line("bob", "bob")));
    node.launch();
    let (known, iterations) = told(&node, "bob");
    let mut salts = vec![known];
    // Changing it once makes the secret that goes with the file.
    user(&node, &["add", "eve", "--scram", "--iterations", "4096"], "eve\n");
    for name in ["eve", "old", "nobody", "no=body,"] {
        let (salt, count) = told(&node, name);
        assert_eq!((salt.len(), count), (salts[0].len(), iterations), "{name}");
        assert!(!salts.contains(&salt), "{name}");
        assert_eq!(told(&node, name).0, salt, "the same again");
        salts.push(salt);
    }
    let text = fs::read_to_string(path(&node)).unwrap();
    let mut other = with_users("", &text);
    other.launch();
    node.kill();
    node.launch();
    for (at, name) in ["bob", "eve", "old", "nobody", "no=body,"].into_iter().enumerate() {
        assert_eq!(told(&node, name).0, salts[at], "{name} after a restart");
        assert_eq!(told(&other, name).0, salts[at], "{name} on another node with this file");
        let client = by_scram(&node, name, "wrong");
        assert_eq!(client.code, BAD_PASSWORD, "{name}");
    }
}

#[test]
fn wrong_proofs_ban_the_name_at_its_address_as_wrong_passwords_do() {
    let lines = scram::line("bob", "bob");
    let mut node = with_users("auth_failure_policy = 10, 1m, 2s", &lines);
    node.launch();
    let elsewhere = |name: &str, password| {
        let mut client = Client::raw_from(Version::V5, [127, 0, 0, 9].into(), node.mqtt());
        let mut scram = Scram::new(name, password);
        client.send(&scram::connect(&scram).bytes());
        match client.recv() {
            Packet::Auth { props: got, .. } => {
                let last = scram.last(&data(&got));
                client.send(&auth(0x18, &props(&last)));
                client.take_connack();
                client.code
            }
            Packet::ConnAck { code, .. } => code,
            other => panic!("{other:?}"),
        }
    };
    for n in 0..10 {
        assert_eq!(elsewhere("bob", "wrong"), BAD_PASSWORD, "attempt {n}");
    }
    assert_eq!(elsewhere("bob", "bob"), BANNED, "before it is asked for anything");
    assert_eq!(elsewhere("nobody", "wrong"), BAD_PASSWORD, "nobody else is");
    wait_for("the ban ends", LIMIT, || elsewhere("bob", "bob") == SUCCESS);
}

#[test]
fn the_user_of_scram_is_the_user_name_of_the_client() {
    let line = |name| scram::line(name, name);
    let root = line("root").replace('\n', ":superuser\n");
    let mut node = with_users("acl_file = rules.conf", &format!("{}{root}", line("a,b")));
    let rules = "{allow, all, pubsub, [\"of/%u/#\"]}.\n{deny, all}.\n";
    fs::write(node.config().with_file_name("rules.conf"), rules).unwrap();
    node.configure("zone.external.use_username_as_clientid = true");
    node.launch();
    let mut client = by_scram(&node, "a,b", "a,b");
    assert_eq!(client.subscribe("of/a,b/x", 1), 1);
    assert_eq!(client.subscribe("of/root/x", 1), NOT_AUTHORIZED);
    let row = node.ctl(&["clients", "show", "a,b"]);
    assert!(row.contains("username=a,b"), "{row}");
    assert_eq!(by_scram(&node, "root", "root").subscribe("of/a,b/x", 1), 1);
    // A user name in CONNECT beside it is that one.
    for (name, want) in [("root", SUCCESS), ("a,b", BAD_PASSWORD)] {
        let scram = Scram::new("root", "root");
        let mut connect = scram::connect(&scram);
        (connect.user, connect.password) = (Some(name.to_owned()), Some(b"ignored".to_vec()));
        let mut client = raw(&node);
        client.send(&connect.bytes());
        if want == SUCCESS {
            challenge(&mut client);
        } else {
            client.take_connack();
            assert_eq!((client.code, client.closed()), (want, None));
        }
    }
}

#[test]
fn who_does_not_answer_is_closed_in_time() {
    let lines = scram::line("bob", "bob");
    let mut node = with_users("zone.external.idle_timeout = 1s", &lines);
    node.launch();
    let mut client = raw(&node);
    client.send(&scram::connect(&Scram::new("bob", "bob")).bytes());
    challenge(&mut client);
    // Half a packet does not help.
    client.send(&[0xf0, 9, 0x18]);
    assert_eq!(client.ended(), []);
    assert_eq!(node.metric("emqx_rs.limit.idle"), 1);
    // While it is asked no large packet is taken in.
    let mut client = raw(&node);
    let connect = scram::connect(&Scram::new("bob", "bob")).with(prop::user("x", &unique("x")));
    client.send(&connect.bytes());
    challenge(&mut client);
    client.send(&[0xf0, 0x80, 0x80, 0x40]);
    let told = client.ended();
    assert!(matches!(told[..], [Packet::ConnAck { code: 0x95, .. }]), "a mebibyte: {told:?}");
    assert_eq!(node.metric("emqx_rs.limit.packet_size"), 1);
}

/// A login costs the node next to nothing, so it does not queue behind those with passwords.
#[test]
fn logins_by_scram_wait_for_no_slow_hash() {
    let (slow, quick) = (users(&["old"]), scram::line("bob", "bob"));
    // Two seconds and more for each of the two threads that verify.
    let slow = slow.replace("i=1000$", "i=9000000$");
    let mut node = with_users("auth_failure_policy = off", &format!("{slow}{quick}"));
    node.launch();
    let waiting: Vec<Client> = (0..8)
        .map(|_| {
            let mut client = raw(&node);
            client.send(&connect(Version::V5, "old", "wrong").bytes());
            client
        })
        .collect();
    for _ in 0..5 {
        assert_eq!(by_scram(&node, "bob", "bob").code, SUCCESS);
    }
    assert!(node.metric("emqx_rs.auth.verified") < 8, "those with passwords still wait");
    drop(waiting);
}
