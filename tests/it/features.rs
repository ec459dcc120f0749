//! What users of EMQX expect beside the standard: delayed messages, rewritten topics, subscriptions unasked and exclusive ones,
//! mount points.

use std::{
    net::SocketAddr,
    time::{Duration, Instant},
};

use super::{
    nodes::cluster_with,
    support::{
        Client, Connect, LIMIT, Message, Node, Version, Will, node::free_port, prop, unique,
        wait_for,
    },
};

const V3: Version = Version::V3_1_1;
const V5: Version = Version::V5;

/// A node with rules of access.
fn with_rules(rules: &str, lines: &str) -> Node {
    let mut node = Node::prepare("rules@127.0.0.1", "manual", "");
    let path = node.data().join("acl.conf");
    std::fs::write(&path, rules).unwrap();
    let port = free_port();
    node.configure(&format!("acl_file = {}\nnode.dist_port = {port}\n{lines}", path.display()));
    node.launch();
    node
}

fn nothing() -> Vec<String> {
    Vec::new()
}

#[test]
fn a_delayed_message_comes_when_it_is_due_on_every_node() {
    let nodes = cluster_with(2, "");
    for version in [V3, V5] {
        let topic = unique("t/");
        let mut subscribers: Vec<Client> =
            nodes.iter().map(|node| Client::at(version, node.mqtt())).collect();
        for subscriber in &mut subscribers {
            subscriber.subscribe(&topic, 2);
        }
        let mut publisher = Client::at(version, nodes[0].mqtt());
        let began = Instant::now();
        for qos in 0..3 {
            assert_eq!(publisher.publish(&format!("$delayed/1/{topic}"), format!("{qos}"), qos), 0);
        }
        publisher.publish(&format!("$delayed/0/{topic}"), "now", 1);
        for subscriber in &mut subscribers {
            assert_eq!(subscriber.message().text(), "now");
        }
        for subscriber in &mut subscribers {
            for qos in 0..3 {
                let message = subscriber.message();
                assert_eq!((message.text(), message.qos), (qos.to_string(), qos));
                assert_eq!(message.topic, topic);
            }
        }
        assert!(began.elapsed() >= Duration::from_secs(1), "{:?}", began.elapsed());
    }
    assert_eq!(nodes[0].stat("delayed.count"), 0);
    assert_eq!(nodes[0].metric("messages.delayed"), 6);
}

#[test]
fn delayed_messages_keep_their_properties_and_life() {
    let node = Node::start("");
    let topic = unique("t/");
    let mut publisher = Client::at(V5, node.mqtt());
    let message = Message::new(&format!("$delayed/2/{topic}"), "kept", 1)
        .retain()
        .with(prop::user("a", "b"))
        .with(prop::four(prop::EXPIRY, 1));
    publisher.publish_message(message);
    let mut subscriber = Client::at(V5, node.mqtt());
    subscriber.subscribe(&topic, 1);
    assert_eq!(subscriber.texts(), nothing(), "not retained before it is due");
    let message = subscriber.message();
    assert_eq!(message.text(), "kept");
    assert_eq!(message.props.iter().filter(|(id, _)| *id == prop::USER).count(), 1);
    // Its second of life began when it was published.
    let mut late = Client::at(V5, node.mqtt());
    late.subscribe(&topic, 1);
    assert!(late.message().retain);
}

#[test]
fn delays_are_checked_bounded_and_asked_for_rights() {
    let node = Node::start("delayed.max_delayed_messages = 2");
    for topic in ["$delayed/x/t", "$delayed/1", "$delayed/1/", "$delayed/4294968/t"] {
        let mut client = Client::at(V5, node.mqtt());
        client.send(&Message::new(topic, "x", 1).id(1).bytes(V5));
        client.closed_with(0x90);
    }
    let mut client = Client::at(V5, node.mqtt());
    for want in [0, 0, 0x97] {
        assert_eq!(client.publish("$delayed/600/t", "x", 1), want);
    }
    assert_eq!(node.stat("delayed.count"), 2);
    assert_eq!(node.metric("emqx_rs.limit.delayed"), 1);
    // Who may not publish to a topic may not do so later either.
    let mut node = Node::prepare("delay@127.0.0.1", "manual", "");
    let rules = node.data().join("acl.conf");
    std::fs::write(&rules, "{deny, all, publish, [\"secret/#\"]}.\n{allow, all}.\n").unwrap();
    node.configure(&format!("acl_file = {}\nnode.dist_port = {}", rules.display(), free_port()));
    node.launch();
    let mut client = Client::at(V5, node.mqtt());
    assert_eq!(client.publish("$delayed/1/secret/x", "x", 1), 0x87);
    assert!(client.publish("$delayed/600/open/x", "x", 1) < 0x80);
}

#[test]
fn without_delays_the_prefix_means_nothing() {
    let node = Node::start("delayed.enable = false");
    let mut client = Client::at(V5, node.mqtt());
    client.subscribe("$delayed/#", 0);
    client.publish("$delayed/600/t", "x", 0);
    assert_eq!(client.message().topic, "$delayed/600/t");
}

#[test]
fn topics_are_rewritten() {
    let node = Node::start(
        "module.rewrite.pub.rule.1 = x/# ^x/y/(.+)$ z/y/$1\n\
         module.rewrite.sub.rule.1 = old/+/state ^old/(.+)/state$ devices/$1/%c\n\
         module.rewrite.rule.2 = both/# ^both/(.+)$ one/$1\n\
         module.rewrite.pub.rule.10 = late/# ^late/(.+)$ wrong/$1\n\
         module.rewrite.pub.rule.9 = late/# ^late/(.+)$ right/$1",
    );
    for version in [V3, V5] {
        let mut watcher = Client::at(version, node.mqtt());
        watcher.subscribe("#", 1);
        let mut client = Connect::new(version).id("c1").open(node.mqtt());
        for (topic, want) in [
            ("x/y/1", "z/y/1"),
            ("x/z/1", "x/z/1"),
            ("both/a/b", "one/a/b"),
            ("late/a", "right/a"),
            ("old/d/state", "old/d/state"),
        ] {
            client.publish(topic, "", 1);
            assert_eq!(watcher.message().topic, want);
        }
        assert_eq!(client.subscribe_to(&[("old/+/state", 1), ("both/#", 1)], &[]), [1, 1]);
        let mut other = Client::at(version, node.mqtt());
        other.publish("devices/d/c1", "yes", 1);
        other.publish("both/1", "also", 1);
        assert_eq!(client.texts(), ["yes", "also"]);
        client.unsubscribe(&["old/+/state"]);
        other.publish("devices/d/c1", "no", 1);
        assert_eq!(client.texts(), nothing());
    }
}

#[test]
fn faulty_rules_and_subscriptions_stop_the_start() {
    for (line, want) in [
        ("module.rewrite.rule.1 = a b", "a topic filter, an expression and a target"),
        ("module.rewrite.rule.1 = a ( b", "regular expression"),
        ("module.subscription.1.qos = 1", "expected module.subscription.1.topic"),
        ("module.subscription.1.topic = a/#/b", "a topic filter"),
    ] {
        let mut node = Node::prepare("faulty@127.0.0.1", "manual", line);
        node.spawn();
        node.wait_end();
        assert!(node.log().contains(want), "{line}: {}", node.log());
    }
}

#[test]
fn clients_are_subscribed_unasked() {
    let node = Node::start(
        "module.subscription.1.topic = down/%c/#\n\
         module.subscription.1.qos = 2\n\
         module.subscription.2.topic = user/%u\n\
         module.subscription.2.nl = 1",
    );
    for version in [V3, V5] {
        let id = unique("c");
        let mut connect = Connect::new(version).id(&id).lasting();
        connect.user = Some("somebody".to_owned());
        for _ in 0..2 {
            let mut client = connect.open(node.mqtt());
            let mut other = Client::at(version, node.mqtt());
            wait_for("both subscriptions", LIMIT, || {
                node.ctl(&["subscriptions", "show", &id]).lines().count() == 2
            });
            other.publish(&format!("down/{id}/x"), "for me", 2);
            other.publish("user/somebody", "for my user", 1);
            assert_eq!(client.texts(), ["for me", "for my user"]);
            client.publish("user/somebody", "mine", 1);
            assert_eq!(client.texts(), nothing(), "without its own");
            client.cut();
        }
    }
}

#[test]
fn an_exclusive_subscription_has_one_client_in_the_cluster() {
    let nodes = cluster_with(2, "mqtt.exclusive_subscription = true");
    for (version, refused) in [(V5, 0x97), (V3, 0x80)] {
        let topic = unique("t/");
        for filter in [topic.clone(), format!("{topic}/+")] {
            let exclusive = format!("$exclusive/{filter}");
            let mut first = Client::at(version, nodes[0].mqtt());
            assert_eq!(first.subscribe(&exclusive, 1), 1);
            assert_eq!(first.subscribe(&exclusive, 2), 2, "once more by the same client");
            for node in &nodes {
                let mut other = Client::at(version, node.mqtt());
                let codes = other.subscribe_to(&[("plain", 0), (&exclusive, 1)], &[]);
                assert_eq!(codes, [0, refused]);
                // An ordinary subscription of the filter is not touched.
                assert_eq!(other.subscribe(&filter, 1), 1);
                let name = filter.replace('+', "x");
                other.publish(&name, "x", 1);
                assert_eq!(other.texts(), ["x"]);
                assert_eq!(first.texts(), ["x"]);
            }
            first.unsubscribe(&[&exclusive]);
            let mut second = Client::at(version, nodes[1].mqtt());
            wait_for("it is free on the other node", LIMIT, || {
                second.subscribe(&exclusive, 1) == 1
            });
            second.disconnect();
            let mut third = Client::at(version, nodes[0].mqtt());
            wait_for("its client is gone", LIMIT, || third.subscribe(&exclusive, 1) == 1);
        }
    }
    let node = Node::start("");
    assert_eq!(Client::at(V5, node.mqtt()).subscribe("$exclusive/t", 1), 0x8f, "off by default");
}

#[test]
fn an_exclusive_subscription_gets_retained_messages_and_survives() {
    let node = Node::start("zone.external.exclusive_subscription = true");
    let (id, topic) = (unique("c"), unique("t/"));
    let mut publisher = Client::at(V5, node.mqtt());
    publisher.publish_message(Message::new(&topic, "kept", 1).retain());
    let exclusive = format!("$exclusive/{topic}");
    let connect = Connect::new(V5).id(&id).lasting();
    let mut client = connect.open(node.mqtt());
    // No Local is allowed: it is not shared.
    assert_eq!(client.subscribe(&exclusive, 1 | 4), 1);
    assert!(client.message().retain);
    client.ping();
    client.cut();
    assert_eq!(publisher.subscribe(&exclusive, 1), 0x97, "its session has it");
    publisher.publish(&topic, "waits", 1);
    let mut client = connect.open(node.mqtt());
    assert_eq!(client.texts(), ["waits"]);
    let shown = node.ctl(&["subscriptions", "show", &id]);
    assert!(shown.contains(&format!("{id} -> {exclusive}")), "{shown}");
}

/// A node whose clients at the second address see all topics.
fn mounted(mountpoint: &str) -> (Node, SocketAddr) {
    let port = free_port();
    let node = Node::start_all(&format!(
        "zone.external.mountpoint = {mountpoint}\n\
         listener.tcp.internal = 127.0.0.1:{port}\n\
         listener.tcp.internal.zone = internal"
    ));
    (node, ([127, 0, 0, 1], port).into())
}

fn of_user(name: &str, version: Version) -> Connect {
    let mut connect = Connect::new(version);
    connect.user = Some(name.to_owned());
    connect
}

#[test]
fn a_mount_point_keeps_users_apart() {
    let (node, inside) = mounted("tenant/%u/");
    for version in [V3, V5] {
        let mut all = Client::at(version, inside);
        all.subscribe("tenant/#", 1);
        let mut one = of_user("one", version).open(node.mqtt());
        let mut two = of_user("two", version).open(node.mqtt());
        one.subscribe_to(&[("#", 1), ("$share/g/shared", 1)], &[]);
        two.subscribe("#", 1);
        one.publish("a/b", "hello", 1);
        assert_eq!(all.message().topic, "tenant/one/a/b");
        let message = one.message();
        assert_eq!((message.topic.as_str(), message.text().as_str()), ("a/b", "hello"));
        all.publish("tenant/two/x", "inward", 1);
        all.message();
        assert_eq!(two.message().topic, "x");
        two.publish("shared", "for two", 1);
        assert_eq!(two.message().topic, "shared");
        assert_eq!(one.texts(), nothing(), "nothing of the other");
        one.unsubscribe(&["#"]);
        one.publish("a/b", "again", 1);
        assert_eq!(one.texts(), nothing());
        of_user("two", version).will(Will::new("will", "gone")).open(node.mqtt()).cut();
        assert_eq!(two.message().topic, "will");
    }
}

/// A name must not open the topics of others.
#[test]
fn names_that_are_no_level_are_refused_where_topics_are_made_of_them() {
    let nodes = [
        mounted("client/%c/").0,
        Node::start("module.subscription.1.topic = device/%c/cmd"),
        Node::start("module.rewrite.sub.rule.1 = in/# ^in/(.+)$ dev/%c/$1"),
    ];
    for node in &nodes {
        for id in ["+", "#", "a/+/b", "a/b", "$SYS"] {
            let refused = Connect::new(V5).id(id).attempt(node.mqtt());
            assert_eq!(refused.code, 0x85, "{id}");
            assert_eq!(Connect::new(V3).id(id).attempt(node.mqtt()).code, 2, "{id}");
            assert_eq!(of_user(id, V5).attempt(node.mqtt()).code, 0, "the user stands nowhere");
        }
    }
    let (node, _) = mounted("client/%c/");
    // The placeholder in a name is a name.
    let mut odd = of_user("%c", V5).id("%u").open(node.mqtt());
    odd.subscribe("t", 1);
    odd.publish("t", "mine", 1);
    assert_eq!(odd.message().topic, "t");
    let (other, _) = mounted("%u");
    assert_eq!(of_user("a/b", V5).attempt(other.mqtt()).code, 0x87);
    let mut nameless = Client::at(V5, other.mqtt());
    nameless.subscribe("#", 1);
    of_user("u", V5).open(other.mqtt()).publish("t", "x", 1);
    assert_eq!(nameless.texts(), nothing(), "without a user name it is no mount point of all");
}

#[test]
fn a_zone_may_raise_the_qos() {
    let node = Node::start("zone.external.upgrade_qos = on");
    let topic = unique("t/");
    let mut client = Client::at(V5, node.mqtt());
    client.subscribe_to(&[(&topic, 2), (&format!("{topic}/#"), 1)], &[]);
    let mut publisher = Client::at(V5, node.mqtt());
    for (topic, qos, want) in [
        (topic.clone(), 0, 2),
        (topic.clone(), 1, 2),
        (format!("{topic}/x"), 2, 2),
        (format!("{topic}/x"), 0, 1),
    ] {
        publisher.publish(&topic, "x", qos);
        assert_eq!(client.message().qos, want, "{topic} {qos}");
    }
}

/// What the topic of a PUBLISH stands for, that of a will stands for too.
#[test]
fn a_will_is_delayed_and_its_topic_rewritten() {
    let node = with_rules(
        "{allow, all, publish, [\"old/#\"]}.\n{allow, all, subscribe}.\n{deny, all}.\n",
        "module.rewrite.pub.rule.1 = old/# ^old/(.+)$ new/$1\n",
    );
    for version in [Version::V3_1_1, Version::V5] {
        let mut watcher = Client::at(version, node.mqtt());
        watcher.subscribe("#", 0);
        let dies =
            |topic: &str| Connect::new(version).will(Will::new(topic, "gone")).attempt(node.mqtt());
        dies("old/a").cut();
        assert_eq!(watcher.message().topic, "new/a");
        let before = node.metric("messages.delayed");
        dies("$delayed/1/old/b").cut();
        assert_eq!(watcher.message().topic, "new/b");
        assert_eq!(node.metric("messages.delayed"), before + 1);
        for topic in ["new/a", "$delayed/1/new/a", "$delayed/x/old/a"] {
            assert_ne!(dies(topic).code, 0, "{topic}");
        }
    }
}

/// A topic that begins with a delay once more is only a topic, and no way around the rules.
#[test]
fn a_will_is_delayed_once() {
    let node = with_rules(
        "{deny, all, publish, [\"secret/#\"]}.\n{allow, all}.\n",
        "module.rewrite.pub.rule.1 = old/# ^old/(.+)$ new/$1\n",
    );
    let mut watcher = Client::at(V5, node.mqtt());
    assert_eq!(watcher.subscribe_to(&[("secret/#", 0), ("$delayed/#", 0)], &[]), [0, 0]);
    let will = Will::new("$delayed/0/$delayed/0/secret/x", "gone");
    Connect::new(V5).will(will).open(node.mqtt()).cut();
    assert_eq!(watcher.message().topic, "$delayed/0/secret/x");
}
