//! Enhanced authentication (v5 4.12, 3.15) with SCRAM-SHA-256, on a node of its own that has users.

use std::{fs, sync::OnceLock};

use super::{PROTOCOL, V5, expect_end, refused};
use crate::support::{
    Client, Connect, LIMIT, Message, Node, Packet, Will,
    client::{find, subscribe_bytes},
    node::free_mesh_number,
    prop,
    scram::{self, METHOD, Scram, attempt, auth, challenge, data, props},
    unique, wait_for,
};

const BAD_PASSWORD: u8 = 0x86;
const NOT_AUTHORIZED: u8 = 0x87;

/// Users `a` and `b` can do SCRAM, with their names as passwords, and `old` has a password of another kind.
fn node() -> &'static Node {
    static NODE: OnceLock<Node> = OnceLock::new();
    NODE.get_or_init(|| {
        let number = free_mesh_number();
        let mut node = Node::prepare(&format!("node{number}@127.0.0.1"), "manual", "");
        let old = "$sha256$$2bb80d537b1da3e38bd30361aa855686bde0eacd7162fef6a25fe97bf527a25b";
        let text = format!("{}{}old:{old}\n", scram::line("a", "a"), scram::line("b", "b"));
        fs::write(node.data().join("users"), text).unwrap();
        node.launch();
        node
    })
}

fn raw() -> Client {
    Client::raw(V5, node().mqtt())
}

/// A client that has shown by SCRAM that it is `name`.
#[track_caller]
fn open(name: &str, edit: impl FnOnce(Connect) -> Connect) -> Client {
    let scram = Scram::new(name, name);
    let (_, client) = attempt(&edit(scram::connect(&scram)), scram, raw());
    assert_eq!(client.code, 0);
    client
}

/// A client that was asked for its proof.
#[track_caller]
fn challenged() -> (Client, Scram, Vec<u8>) {
    let (mut client, scram) = (raw(), Scram::new("a", "a"));
    client.send(&scram::connect(&scram).bytes());
    let server = challenge(&mut client);
    (client, scram, server)
}

/// The next packets are a CONNACK with `code`, and the end.
#[track_caller]
fn refused_with(client: &mut Client, code: u8) {
    client.take_connack();
    assert_eq!(client.code, code);
    assert_eq!(find(&client.props, prop::AUTH_DATA), None);
    assert_eq!(client.closed(), None, "a DISCONNECT behind CONNACK");
}

/// v5 [MQTT-4.12.0-2] [MQTT-4.12.0-3] [MQTT-4.12.0-5] [MQTT-3.15.2-1]
#[test]
fn auth_goes_on_until_connack_and_names_the_method() {
    let (mut client, mut scram, server) = challenged();
    let last = scram.last(&server);
    client.send(&auth(0x18, &props(&last)));
    client.take_connack();
    assert_eq!(client.code, 0);
    scram.check(&data(&client.props));
    let topic = unique("t/");
    assert_eq!(client.subscribe(&topic, 2), 2);
    client.publish(&topic, "x", 2);
    assert_eq!(client.message().text(), "x");
}

/// v5 [MQTT-4.12.0-4]
#[test]
fn who_does_not_prove_the_password_is_told_and_closed() {
    for (user, password) in [("a", "b"), ("old", "secret"), ("nobody", "nobody"), ("a", "")] {
        let scram = Scram::new(user, password);
        let (_, mut client) = attempt(&scram::connect(&scram), scram, raw());
        assert_eq!((client.code, client.closed()), (BAD_PASSWORD, None), "{user}");
    }
    for last in [&b""[..], b"x", b"c=biws,r=x,p=x", b"\xff"] {
        let (mut client, ..) = challenged();
        client.send(&auth(0x18, &props(last)));
        refused_with(&mut client, NOT_AUTHORIZED);
    }
    for first in [&b""[..], b"x", b"n,,n=a", b"p=tls-exporter,,n=a,r=x", b"n,a=b,n=a,r=x", b"\xff"]
    {
        let mut client = raw();
        let mut connect = Connect::new(V5);
        connect.props = props(first);
        client.send(&connect.bytes());
        refused_with(&mut client, NOT_AUTHORIZED);
    }
    let mut client = raw();
    client.send(&Connect::new(V5).with(prop::text(prop::AUTH_METHOD, METHOD)).bytes());
    refused_with(&mut client, NOT_AUTHORIZED);
}

/// v5 [MQTT-4.12.0-4]
#[test]
fn a_refused_client_takes_nothing_over() {
    let id = unique("c");
    let mut served = open("a", |connect| connect.id(&id));
    let scram = Scram::new("a", "wrong");
    let (_, mut client) = attempt(&scram::connect(&scram).id(&id), scram, raw());
    assert_eq!((client.code, client.closed()), (BAD_PASSWORD, None));
    served.ping();
}

/// A proof that was good once is good for nothing else.
/// v5 [MQTT-4.12.0-4]
#[test]
fn a_proof_counts_once() {
    let (mut client, mut scram, server) = challenged();
    let last = scram.last(&server);
    client.send(&auth(0x18, &props(&last)));
    client.take_connack();
    assert_eq!(client.code, 0);
    let mut thief = raw();
    thief.send(&scram::connect(&scram).bytes());
    assert_ne!(challenge(&mut thief), server);
    thief.send(&auth(0x18, &props(&last)));
    refused_with(&mut thief, NOT_AUTHORIZED);
}

/// v5 [MQTT-3.1.2-30]
#[test]
fn other_packets_before_connack_end_the_connection() {
    let topic = unique("t/");
    let mut watcher = Client::at(V5, node().mqtt());
    watcher.subscribe(&topic, 0);
    for bytes in [
        Message::new(&topic, "early", 0).bytes(V5),
        Message::new(&topic, "early", 1).id(1).bytes(V5),
        subscribe_bytes(V5, 1, &[(&topic, 0)], &[]),
        vec![0xc0, 0],
        Connect::new(V5).bytes(),
    ] {
        let (mut client, ..) = challenged();
        client.send(&bytes);
        refused_with(&mut client, 0x82);
        // In one piece with CONNECT as well.
        let mut client = raw();
        client.send(&[scram::connect(&Scram::new("a", "a")).bytes(), bytes].concat());
        challenge(&mut client);
        refused_with(&mut client, 0x82);
    }
    let (mut client, ..) = challenged();
    client.send(&[0xe0, 0]);
    assert_eq!(client.ended(), [], "DISCONNECT is let in, and ends it without a word");
    let marker = unique("last");
    watcher.publish(&topic, &marker, 0);
    assert_eq!(watcher.message().text(), marker);
}

/// v5 [MQTT-4.12.0-3] [MQTT-4.12.0-5]
#[test]
fn auth_of_the_client_goes_on_with_the_same_method() {
    let good = |client: &mut Client| {
        let (mut scram, server) = (Scram::new("a", "a"), Vec::new());
        client.send(&scram::connect(&scram).bytes());
        let server = [server, challenge(client)].concat();
        scram.last(&server)
    };
    for code in [0, 0x19] {
        let mut client = raw();
        let last = good(&mut client);
        client.send(&auth(code, &props(&last)));
        refused_with(&mut client, 0x82);
    }
    let mut client = raw();
    let last = good(&mut client);
    let other = [prop::text(prop::AUTH_METHOD, "OTHER"), prop::binary(prop::AUTH_DATA, &last)];
    client.send(&auth(0x18, &other));
    refused_with(&mut client, 0x82);
    // Without a method, and with a reason code of other packets.
    for bytes in [vec![0xf0, 0], vec![0xf0, 2, 0x18, 0], auth(0x80, &props(b"x"))] {
        let (mut client, ..) = challenged();
        client.send(&bytes);
        client.take_connack();
        assert!(matches!(client.code, 0x81 | 0x82), "{:02x} to {bytes:02x?}", client.code);
        assert_eq!(client.closed(), None);
    }
}

/// v5 [MQTT-4.12.0-7]
#[test]
fn auth_on_a_connection_that_named_no_method_is_a_protocol_error() {
    for code in [0, 0x18, 0x19] {
        let first = Scram::new("a", "a").first();
        refused(V5, &auth(code, &props(&first)), PROTOCOL);
    }
}

/// Sends the first message of another exchange; answers it when `name` and `password` are to be shown.
#[track_caller]
fn again(client: &mut Client, name: &str, password: &str) -> Scram {
    let mut scram = Scram::new(name, password);
    client.send(&auth(0x19, &props(&scram.first())));
    let server = client.wait(|packet| match packet {
        Packet::Auth { code: 0x18, props } => Some(data(props)),
        _ => None,
    });
    let last = scram.last(&server);
    client.send(&auth(0x18, &props(&last)));
    scram
}

/// v5 [MQTT-4.12.1-1] [MQTT-4.12.0-5]
#[test]
fn a_client_may_show_again_who_it_is_while_it_is_served() {
    let topic = unique("t/");
    let mut client = open("a", |connect| connect);
    client.subscribe(&topic, 1);
    for _ in 0..3 {
        let mut scram = Scram::new("a", "a");
        client.send(&auth(0x19, &props(&scram.first())));
        let server = challenge(&mut client);
        client.publish(&topic, "meanwhile", 1);
        assert_eq!(client.message().text(), "meanwhile");
        let last = scram.last(&server);
        client.send(&auth(0x18, &props(&last)));
        match client.recv() {
            Packet::Auth { code: 0, props } => scram.check(&data(&props)),
            other => panic!("AUTH with success expected, not {other:?}"),
        }
        client.publish(&topic, "after", 2);
        assert_eq!(client.message().text(), "after");
    }
}

/// v5 [MQTT-4.12.1-1]
#[test]
fn another_method_or_user_than_before_is_refused() {
    let mut client = open("a", |connect| connect);
    let other = [prop::text(prop::AUTH_METHOD, "OTHER")];
    client.send(&auth(0x19, &other));
    expect_end(&mut client, &[0xf0], PROTOCOL);
    let mut client = open("a", |connect| connect);
    client.send(&auth(0x19, &props(&Scram::new("b", "b").first())));
    expect_end(&mut client, &[0xf0], &[NOT_AUTHORIZED]);
}

/// v5 [MQTT-4.12.1-2]
#[test]
fn who_fails_again_is_told_and_closed_and_its_will_is_sent() {
    let topic = unique("t/");
    let mut watcher = Client::at(V5, node().mqtt());
    watcher.subscribe(&topic, 1);
    let mut client = open("a", |connect| connect.will(Will::new(&topic, "gone")));
    again(&mut client, "a", "wrong");
    client.closed_with(NOT_AUTHORIZED);
    assert_eq!(watcher.message().text(), "gone");
    for first in [&b""[..], b"n,,n=a", b"p=x,,n=a,r=x"] {
        let mut client = open("a", |connect| connect);
        client.send(&auth(0x19, &props(first)));
        client.closed_with(NOT_AUTHORIZED);
    }
}

/// A superuser shows again who it is and is none any more: the rules hold for the will it left as one.
#[test]
fn a_will_that_its_client_may_no_longer_publish_is_not_sent() {
    let topic = unique("t/");
    let number = free_mesh_number();
    let mut node =
        Node::prepare(&format!("node{number}@127.0.0.1"), "manual", "acl_file = rules.conf");
    let rules = format!("{{deny, all, publish, [\"{topic}\"]}}.\n{{allow, all}}.\n");
    fs::write(node.config().with_file_name("rules.conf"), rules).unwrap();
    let [a, b] = ["a", "b"].map(|name| scram::line(name, name));
    fs::write(node.data().join("users"), format!("{}:superuser\n{b}", a.trim())).unwrap();
    node.launch();
    let open = |name: &str, edit: &dyn Fn(Connect) -> Connect| {
        let (scram, client) = (Scram::new(name, name), Client::raw(V5, node.mqtt()));
        attempt(&edit(scram::connect(&scram)), scram, client).1
    };
    let mut watcher = open("b", &|connect| connect);
    watcher.subscribe(&format!("{topic}/#"), 1);
    let will = |connect: Connect| connect.will(Will::new(&topic, "gone"));
    open("a", &will).cut();
    assert_eq!(watcher.message().text(), "gone");
    let mut client = open("a", &will);
    fs::write(node.data().join("users"), [a, b].concat()).unwrap();
    node.ctl(&["conf", "reload"]);
    let scram = again(&mut client, "a", "a");
    match client.recv() {
        Packet::Auth { code: 0, props } => scram.check(&data(&props)),
        other => panic!("AUTH with success expected, not {other:?}"),
    }
    client.cut();
    wait_for("the will is denied", LIMIT, || node.metric("client.acl.deny") == 1);
    watcher.publish(&format!("{topic}/end"), "end", 1);
    assert_eq!(watcher.message().text(), "end");
}

/// AUTH that nobody waits for (v5 4.12).
#[test]
fn auth_out_of_turn_is_a_protocol_error() {
    for code in [0, 0x18] {
        let mut client = open("a", |connect| connect);
        client.send(&auth(code, &props(b"x")));
        client.closed_with(0x82);
    }
    let mut client = open("a", |connect| connect);
    let first = Scram::new("a", "a").first();
    client.send(&auth(0x19, &props(&first)));
    challenge(&mut client);
    client.send(&auth(0x19, &props(&first)));
    client.closed_with(0x82);
}

/// v5 [MQTT-3.1.2-24]
#[test]
fn no_auth_is_larger_than_the_client_takes() {
    for most in 20..130 {
        let scram = Scram::new("a", "a");
        let connect = scram::connect(&scram).with(prop::four(prop::MAXIMUM_PACKET, most));
        let mut client = raw();
        client.send(&connect.bytes());
        match client.recv() {
            Packet::ConnAck { code, .. } => {
                assert_eq!(code, 0x95);
                assert_eq!(client.closed(), None);
            }
            Packet::Auth { .. } => {}
            other => panic!("{other:?}"),
        }
        assert!(client.largest <= most as usize, "{} bytes of {most}", client.largest);
    }
    let (mut client, mut scram) = (raw(), Scram::new("a", "a"));
    let connect = scram::connect(&scram).with(prop::four(prop::MAXIMUM_PACKET, 150));
    client.send(&connect.bytes());
    let last = scram.last(&challenge(&mut client));
    client.send(&auth(0x18, &props(&last)));
    client.take_connack();
    assert!(client.code == 0 && client.largest <= 150, "{}", client.largest);
}
