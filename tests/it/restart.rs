//! `systemctl restart`: clients, sessions and sockets go from one process to the next through the descriptor store.

mod cluster;

use std::{
    fs,
    io::{Seek, SeekFrom, Write},
    os::unix::net::UnixStream,
};

use super::support::{
    Client, Connect, LIMIT, Message, Packet, Version, Will,
    codec::{ack, prop},
    crowd::{self, CLIENTS, Seen},
    manager::Manager,
    node::{Node, free_mesh_number},
    scram::{self, Scram},
    wait_for,
};

const V3: Version = Version::V3_1_1;
const V5: Version = Version::V5;
/// What the unit allows.
const MOST: usize = 4096;

#[test]
fn clients_notice_a_pause_and_nothing_else() {
    let mut manager = Manager::start("", MOST);
    let at = manager.node.mqtt();
    let mut subscriber = Connect::new(V5).with(prop::two(prop::ALIAS_MAXIMUM, 4)).open(at);
    assert_eq!(subscriber.subscribe("t/#", 2), 2);
    let mut publisher = Connect::new(V5).open(at);
    let alias = |n| prop::two(prop::ALIAS, n);
    assert_eq!(publisher.publish_message(Message::new("t/a", "1", 1).with(alias(3))), 0);
    // Under way in both directions: not acknowledged, half done, half sent.
    let first = subscriber.raw_message();
    assert_eq!((first.text().as_str(), first.qos), ("1", 1));
    let second = Message::new("t/b", "2", 2).id(500);
    publisher.send(&second.bytes(V5));
    publisher.wait(|p| matches!(p, Packet::PubRec { id: 500, .. }).then_some(()));
    let got = subscriber.raw_message();
    assert_eq!((got.text().as_str(), got.qos), ("2", 2));
    subscriber.send(&ack(0x50, got.id));
    subscriber.wait(|p| matches!(p, Packet::PubRel { .. }).then_some(()));
    let third = Message::new("", "3", 1).with(alias(3)).id(501).bytes(V5);
    publisher.send(&third[..5]);

    manager.end("restart");
    assert_eq!(manager.kept(), [1, 1, 1], "all clients in one");
    publisher.send(&third[5..]);
    subscriber.send(&ack(0x40, first.id));
    manager.launch();

    assert_eq!(publisher.complete(1, 501), 0);
    assert_eq!(publisher.release(500), 0);
    subscriber.send(&ack(0x70, got.id));
    // The alias towards the client stands for the topic as before.
    let third = subscriber.message();
    assert_eq!((third.text().as_str(), third.topic.as_str(), third.dup), ("3", "", false));
    assert_eq!(subscriber.texts(), [""; 0]);
    assert_eq!(manager.kept(), [0, 0, 0]);
    // And once more.
    manager.restart();
    publisher.publish("t/c", "4", 2);
    assert_eq!(subscriber.texts(), ["4"]);
    assert_eq!(manager.node.stat("connections.count"), 2);
}

#[test]
fn what_has_no_connection_comes_along() {
    let mut manager = Manager::start("", MOST);
    let at = manager.node.mqtt();
    let mut absent = Connect::new(V3).id("absent").lasting().open(at);
    absent.subscribe("a", 1);
    absent.disconnect();
    let mut client = Client::at(V5, at);
    client.publish("a", "waits", 1);
    client.publish_message(Message::new("r", "retained", 1).retain());
    client.publish("$delayed/2/d", "delayed", 1);
    client.subscribe("d", 1);
    client.subscribe("last/#", 0);
    let will = Connect::new(V3).will(Will::new("last/word", "gone")).open(at);
    manager.end("restart");
    // It is lost while nobody is there to see it; another comes.
    will.cut();
    let early = Client::raw(V3, at);
    manager.launch();
    let mut both = [client.message().text(), client.message().text()];
    both.sort();
    assert_eq!(both, ["delayed", "gone"]);
    client.subscribe("r", 1);
    assert_eq!(client.message().text(), "retained");
    let mut early = early;
    early.send(&Connect::new(V3).id("absent").lasting().bytes());
    early.take_connack();
    assert!(early.session_present);
    assert_eq!(early.message().text(), "waits");
}

#[test]
fn retained_messages_of_a_node_that_keeps_them_for_itself_come_along() {
    let mut manager = Manager::start("retainer.replicate = none\n", MOST);
    let mut client = Client::at(V5, manager.node.mqtt());
    for (topic, text) in [("a", "1"), ("a", "2"), ("b", "gone"), ("b", "")] {
        client.publish_message(Message::new(topic, text, 1).retain());
    }
    // Twice: those that came along go on.
    manager.restart();
    manager.restart();
    client.subscribe("+", 1);
    assert_eq!(client.texts(), ["2"]);
}

#[test]
fn who_has_no_place_is_told() {
    let mut manager = Manager::start("", 4);
    let at = manager.node.mqtt();
    let mut clients: Vec<_> = (0..5).map(|_| Client::at(V5, at)).collect();
    manager.restart();
    let mut gone = 0;
    for client in &mut clients {
        client.send(&[0xc0, 0]);
        match client.next_or_end() {
            Some(Packet::PingResp) => {}
            Some(Packet::Disconnect { code: 0x8b, .. }) => gone += 1,
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(gone, 4, "two places are those of listeners and one is the state's");
}

#[test]
fn what_is_not_plain_tcp_ends_and_its_session_comes_along() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("mqtt.sock");
    let unix = format!("listener.unix.local = {}\n", path.display());
    let mut manager = Manager::start(&unix, MOST);
    let connect = Connect::new(V5).lasting();
    let mut client = connect.open_over(UnixStream::connect(&path).unwrap());
    client.subscribe("t", 1);
    manager.end("restart");
    client.closed_with(0x8b);
    manager.launch();
    wait_for("the file is there again", LIMIT, || path.exists());
    let client = connect.open_over(UnixStream::connect(&path).unwrap());
    assert!(client.session_present);
}

type Spoil = fn(&mut fs::File);

#[test]
fn state_that_cannot_be_read_makes_a_normal_start() {
    let spoil: [(&str, Spoil); 3] = [
        ("format 99", |file| {
            file.seek(SeekFrom::Start(7)).unwrap();
            file.write_all(&[99]).unwrap();
        }),
        ("without its end", |file| file.set_len(file.metadata().unwrap().len() - 1).unwrap()),
        ("not the state", |file| file.set_len(0).unwrap()),
    ];
    let mut manager = Manager::start("", MOST);
    let at = manager.node.mqtt();
    for (words, change) in spoil {
        let mut client = Client::at(V5, at);
        manager.end("restart");
        manager.spoil(change);
        manager.launch();
        assert_eq!(client.closed(), None);
        assert!(manager.node.log().contains(words), "{words}:\n{}", manager.node.log());
        assert_eq!(manager.kept(), [0, 0, 0]);
        Client::at(V5, at).publish("t", "x", 1);
    }
}

#[test]
fn a_stop_is_no_restart() {
    let mut manager = Manager::start("", MOST);
    let mut client = Client::at(V5, manager.node.mqtt());
    manager.end("stop");
    client.closed_with(0x8b);
    assert_eq!(manager.kept(), [0, 0, 0]);
}

#[test]
fn a_thousand_clients_under_load_lose_neither_connection_nor_message() {
    let mut manager = Manager::start("", MOST);
    let at = manager.node.mqtt();
    let Seen { messages, longest } = crowd::under_load(&[at], 2, || manager.restart());
    assert_eq!(manager.node.metric("client.connect"), 0, "nobody connected again");
    println!("{CLIENTS} clients, {messages} messages, 2 restarts: longest pause {longest:?}");
}

#[test]
fn who_was_banned_while_nobody_was_there_does_not_go_on() {
    let mut manager = Manager::start("", MOST);
    let at = manager.node.mqtt();
    let mut victim = Connect::new(V5).id("victim").open(at);
    let mut other = Client::at(V5, at);
    manager.node.ctl(&["banned", "add", "clientid", "somebody"]);
    manager.end("restart");
    let file = manager.node.data().join("banned");
    let text = fs::read_to_string(&file).unwrap();
    fs::write(&file, text.replace("somebody", "victim")).unwrap();
    manager.launch();
    victim.closed_with(0x8b);
    other.ping();
    assert_eq!(Connect::new(V5).id("victim").attempt(at).code, 0x8a);
}

#[test]
fn a_filter_that_was_denied_while_nobody_was_there_is_taken_out() {
    let number = free_mesh_number();
    let mut node = Node::prepare(&format!("node{number}@127.0.0.1"), "manual", "");
    let rules = node.config().with_file_name("rules.conf");
    fs::write(&rules, "{allow, all}.\n").unwrap();
    node.configure("acl_file = rules.conf");
    let mut manager = Manager::start_node(node, MOST);
    let at = manager.node.mqtt();
    let mut client = Connect::new(V5).id("c").open(at);
    assert_eq!(client.subscribe_to(&[("secret/#", 1), ("plain/#", 1)], &[]), [1, 1]);
    manager.end("restart");
    fs::write(&rules, "{deny, all, subscribe, [\"secret/#\"]}.\n{allow, all}.\n").unwrap();
    manager.launch();
    client.ping();
    wait_for("the filter is taken out", LIMIT, || {
        !manager.node.ctl(&["subscriptions", "show", "c"]).contains("secret/#")
    });
    let mut publisher = Client::at(V5, at);
    publisher.publish("secret/later", "x", 1);
    publisher.publish("plain/later", "x", 1);
    assert_eq!(client.message().topic, "plain/later");
}

/// The rules are about the topic that a client named, of which the process that follows knows too.
#[test]
fn a_will_that_is_denied_by_then_is_not_sent() {
    let number = free_mesh_number();
    let mut node = Node::prepare(&format!("node{number}@127.0.0.1"), "manual", "");
    let rules = node.config().with_file_name("rules.conf");
    fs::write(&rules, "{deny, all, publish, [\"new/#\"]}.\n{allow, all}.\n").unwrap();
    node.configure("acl_file = rules.conf\nmodule.rewrite.pub.rule.1 = old/# ^old/(.+)$ new/$1");
    let mut manager = Manager::start_node(node, MOST);
    let at = manager.node.mqtt();
    let mut watcher = Client::at(V5, at);
    watcher.subscribe("#", 0);
    let wills =
        ["old/a", "old/b"].map(|topic| Connect::new(V5).will(Will::new(topic, "gone")).open(at));
    fs::write(&rules, "{deny, all, publish, [\"old/a\", \"new/#\"]}.\n{allow, all}.\n").unwrap();
    manager.restart();
    wills.into_iter().for_each(Client::cut);
    assert_eq!(watcher.message().topic, "new/b");
    wait_for("the other is denied", LIMIT, || manager.node.metric("client.acl.deny") == 1);
    watcher.publish("end", "end", 1);
    assert_eq!(watcher.message().topic, "end");
}

#[test]
fn a_client_of_enhanced_authentication_goes_on_and_may_show_again_who_it_is() {
    let number = free_mesh_number();
    let node = Node::prepare(&format!("node{number}@127.0.0.1"), "manual", "");
    fs::write(node.data().join("users"), scram::line("a", "a")).unwrap();
    let mut manager = Manager::start_node(node, MOST);
    let scram = Scram::new("a", "a");
    let raw = Client::raw(V5, manager.node.mqtt());
    let (_, mut client) = scram::attempt(&scram::connect(&scram), scram, raw);
    assert_eq!(client.code, 0);
    manager.restart();
    client.ping();
    let mut scram = Scram::new("a", "a");
    client.send(&scram::auth(0x19, &scram::props(&scram.first())));
    let server = scram::challenge(&mut client);
    client.send(&scram::auth(0x18, &scram::props(&scram.last(&server))));
    client.wait(|p| matches!(p, Packet::Auth { code: 0, .. }).then_some(()));
}

/// What is kept for a user is that user's in the next process too, whether it was connected or not.
#[test]
fn a_session_stays_its_user_s() {
    let mut manager = Manager::start("", MOST);
    let at = manager.node.mqtt();
    let of = |user: &str, id: &str| {
        let mut connect = Connect::new(V5).id(id).lasting();
        connect.user = Some(user.to_owned());
        connect
    };
    let mut here = of("bob", "here").open(at);
    here.subscribe("t", 1);
    let mut asleep = of("bob", "asleep").open(at);
    asleep.subscribe("t", 1);
    asleep.disconnect();
    manager.restart();
    here.ping();
    for id in ["here", "asleep"] {
        let again = of("bob", id).attempt(at);
        assert_eq!((again.code, again.session_present), (0, true), "{id}");
        drop(again);
        let other = of("eve", id).attempt(at);
        assert_eq!((other.code, other.session_present), (0, false), "{id}");
    }
}
