//! Shared subscriptions over two nodes: each strategy, members that are full, away or gone, and what a client refuses.

use std::collections::BTreeSet;

use super::{
    nodes::cluster_with,
    support::{
        Client, Connect, LIMIT, Message, Node, Version, codec::packet, prop, unique, wait_for,
    },
};

const V5: Version = Version::V5;

fn with_strategy(strategy: &str, lines: &str) -> Vec<Node> {
    cluster_with(2, &format!("broker.shared_subscription_strategy = {strategy}\n{lines}"))
}

fn member(node: &Node, filter: &str) -> Client {
    let mut client = Client::at(V5, node.mqtt());
    assert!(client.subscribe(filter, 2) < 3);
    client
}

fn counts(members: &mut [Client]) -> Vec<usize> {
    members.iter_mut().map(|member| member.texts().len()).collect()
}

fn publish(publisher: &mut Client, topic: &str, count: usize) {
    for n in 0..count {
        publisher.publish(topic, format!("{n}"), 1);
    }
}

/// One member on the first node and three on the second, of which the first knows.
fn four(nodes: &[Node], filter: &str) -> Vec<Client> {
    let members: Vec<Client> =
        [0, 1, 1, 1].iter().map(|node| member(&nodes[*node], filter)).collect();
    let group = format!("group of {filter}");
    wait_for(&group, LIMIT, || nodes.iter().all(|node| node.stat("routes.count") >= 2));
    members
}

#[test]
fn random_reaches_every_member_by_the_number_on_each_node() {
    let nodes = with_strategy("random", "");
    let topic = unique("t/");
    let mut members = four(&nodes, &format!("$share/g/{topic}"));
    publish(&mut Client::at(V5, nodes[0].mqtt()), &topic, 300);
    let seen = counts(&mut members);
    assert_eq!(seen.iter().sum::<usize>(), 300);
    assert!(seen.iter().all(|count| *count > 20), "{seen:?}");
    // Three count as two, so the one has a third.
    assert!((60..150).contains(&seen[0]), "{seen:?}");
}

#[test]
fn round_robin_goes_round_in_each_group() {
    for strategy in ["round_robin", "round_robin_per_group"] {
        let nodes = with_strategy(strategy, "");
        let topic = unique("t/");
        let filters = ["a", "b"].map(|group| format!("$share/{group}/{topic}"));
        let mut members: Vec<Client> = filters
            .iter()
            .flat_map(|filter| nodes.iter().map(move |node| member(node, filter)))
            .collect();
        let mut publisher = Client::at(V5, nodes[0].mqtt());
        publish(&mut publisher, &topic, 20);
        assert_eq!(counts(&mut members), [10; 4], "{strategy}");

        // Nodes with more members get more.
        let topic = unique("t/");
        let filter = format!("$share/g/{topic}");
        let mut members: Vec<Client> =
            [0, 1, 1, 1].into_iter().map(|node| member(&nodes[node], &filter)).collect();
        publish(&mut publisher, &topic, 40);
        assert_eq!(counts(&mut members), [10; 4], "{strategy}");
    }
}

#[test]
fn sticky_keeps_to_a_member_while_it_lives() {
    let nodes = with_strategy("sticky", "");
    for from in [0, 1] {
        let topic = unique("t/");
        let filter = format!("$share/g/{topic}");
        let mut members = vec![member(&nodes[0], &filter), member(&nodes[1], &filter)];
        let mut publisher = Client::at(V5, nodes[from].mqtt());
        publish(&mut publisher, &topic, 10);
        let first = counts(&mut members);
        let chosen = first.iter().position(|count| *count == 10).unwrap_or_else(|| {
            panic!("all to one member: {first:?}");
        });
        // Others who join change nothing.
        for node in [0, 1, 0, 1] {
            members.push(member(&nodes[node], &filter));
        }
        publish(&mut publisher, &topic, 10);
        assert_eq!(counts(&mut members)[chosen], 10, "from node {from}");
        members.remove(chosen).disconnect();
        publish(&mut publisher, &topic, 10);
        let after = counts(&mut members);
        assert!(after.contains(&10), "from node {from}, another one: {after:?}");
    }
}

#[test]
fn local_stays_on_the_node_if_it_can() {
    let nodes = with_strategy("local", "");
    let topic = unique("t/");
    let filter = format!("$share/g/{topic}");
    let mut members = four(&nodes, &filter);
    let mut publishers = [0, 1].map(|node| Client::at(V5, nodes[node].mqtt()));
    publish(&mut publishers[0], &topic, 10);
    assert_eq!(counts(&mut members)[0], 10);
    publish(&mut publishers[1], &topic, 30);
    assert_eq!(counts(&mut members)[0], 0);
    members.remove(0).disconnect();
    publish(&mut publishers[0], &topic, 10);
    assert_eq!(counts(&mut members).iter().sum::<usize>(), 10);
}

/// Where the messages of each of 40 names go, published from each node in turn.
fn places(members: &mut [Client], mut send: impl FnMut(usize, usize)) -> Vec<usize> {
    let mut all = Vec::new();
    for name in 0..40 {
        let mut seen = BTreeSet::new();
        for node in [0, 1, 0] {
            send(name, node);
            let got = counts(members);
            assert_eq!(got.iter().sum::<usize>(), 1, "{got:?}");
            seen.extend(got.iter().position(|count| *count == 1));
        }
        assert_eq!(seen.len(), 1, "name {name} goes to one member from wherever");
        all.extend(seen);
    }
    all
}

#[test]
fn hashes_choose_the_same_member_on_every_node() {
    for strategy in ["hash_clientid", "hash_topic", "hash"] {
        let nodes = with_strategy(strategy, "");
        let top = unique("t/");
        let mut members = four(&nodes, &format!("$share/g/{top}/#"));
        let all = places(&mut members, |name, node| {
            let (id, topic) = match strategy {
                "hash_topic" => (unique("c"), format!("{top}/{name}")),
                _ => (format!("{top}{name}"), format!("{top}/{}", unique("x"))),
            };
            let mut publisher = Connect::new(V5).id(&id).open(nodes[node].mqtt());
            publisher.publish(&topic, "x", 1);
            publisher.disconnect();
        });
        let different: BTreeSet<usize> = all.iter().copied().collect();
        assert_eq!(different.len(), 4, "{strategy}: every member has some, {all:?}");
    }
}

/// v5 [MQTT-4.8.2-5]: QoS 1 that a member has not acknowledged goes to another when its session ends, and what it was never sent;
/// QoS 2 that is under way does not.
#[test]
fn what_a_dead_member_leaves_goes_to_another() {
    let nodes = with_strategy("local", "");
    for far in [0, 1] {
        let topic = unique("t/");
        let filter = format!("$share/g/{topic}");
        let connect = Connect::new(V5).with(prop::two(prop::RECEIVE_MAXIMUM, 2));
        let mut dies = connect.open(nodes[0].mqtt());
        dies.subscribe(&filter, 2);
        let mut publisher = Client::at(V5, nodes[0].mqtt());
        publisher.publish(&topic, "one", 1);
        publisher.publish(&topic, "two", 2);
        publisher.publish(&topic, "three", 1);
        publisher.publish(&topic, "four", 2);
        assert_eq!([dies.raw_message().text(), dies.raw_message().text()], ["one", "two"]);
        let mut lives = member(&nodes[far], &filter);
        dies.cut();
        for want in ["one", "three", "four"] {
            assert_eq!(lives.message().text(), want, "member on node {far}");
        }
        assert_eq!(lives.texts(), Vec::<String>::new());
        let count = nodes[0].metric("emqx_rs.shared.redispatched");
        assert!(count >= 3, "{count}");
    }
}

/// A session that only lost its connection keeps what it has.
#[test]
fn a_member_that_comes_back_gets_its_own() {
    let nodes = with_strategy("local", "");
    let (id, topic) = (unique("c"), unique("t/"));
    let filter = format!("$share/g/{topic}");
    let mut leaves = Connect::new(V5).id(&id).lasting().open(nodes[0].mqtt());
    leaves.subscribe(&filter, 1);
    let mut publisher = Client::at(V5, nodes[0].mqtt());
    publisher.publish(&topic, "one", 1);
    assert_eq!(leaves.raw_message().text(), "one");
    let mut other = member(&nodes[1], &filter);
    leaves.cut();
    let mut back = Connect::new(V5).id(&id).lasting().open(nodes[1].mqtt());
    assert!(back.session_present);
    assert_eq!(back.message().text(), "one");
    // When its session ends, on a node where it never got the message, there is nothing left to give.
    back.disconnect();
    drop(Connect::new(V5).id(&id).open(nodes[1].mqtt()));
    assert_eq!(other.texts(), Vec::<String>::new());
}

/// v5 [MQTT-4.8.2-6]
#[test]
fn what_a_member_refuses_goes_to_nobody() {
    let nodes = with_strategy("local", "");
    let topic = unique("t/");
    let filter = format!("$share/g/{topic}");
    let mut refuses = member(&nodes[0], &filter);
    let mut publisher = Client::at(V5, nodes[0].mqtt());
    for (qos, answer) in [(1, 0x40), (2, 0x50)] {
        publisher.publish(&topic, "no", qos);
        let message = refuses.raw_message();
        let [high, low] = message.id.to_be_bytes();
        refuses.send(&packet(answer, &[high, low, 0x87]));
    }
    refuses.ping();
    let mut other = member(&nodes[1], &filter);
    refuses.disconnect();
    assert_eq!(other.texts(), Vec::<String>::new());
}

#[test]
fn a_full_member_is_passed_over() {
    let nodes = with_strategy("hash_topic", "zone.external.max_mqueue_len = 5");
    let topic = unique("t/");
    let filter = format!("$share/g/{topic}");
    // All on one node, as the node does not know how full members of another are.
    let open = || {
        let connect = Connect::new(V5).with(prop::two(prop::RECEIVE_MAXIMUM, 1));
        let mut client = connect.open(nodes[0].mqtt());
        client.subscribe(&filter, 1);
        client
    };
    let mut members = [open(), open()];
    let mut publisher = Client::at(V5, nodes[0].mqtt());
    let seen = |member: &mut Client| {
        let mut seen = Vec::new();
        while seen.len() < 6 {
            seen.push(member.message().text());
        }
        seen
    };
    // One is under way to each, five wait. One that had no turn yet has none under way.
    for n in 0..12 {
        publisher.publish(&topic, format!("{n:02}"), 1);
        members.iter_mut().for_each(Client::ping);
    }
    let mut all: Vec<String> = members.iter_mut().flat_map(seen).collect();
    all.sort();
    assert_eq!(all, (0..12).map(|n| format!("{n:02}")).collect::<Vec<_>>());
    assert_eq!(nodes[0].metric("delivery.dropped"), 0);
}

/// Persistent members without a connection: one of them keeps the message until it is back.
#[test]
fn members_that_are_away_keep_messages() {
    let nodes = with_strategy("random", "");
    let topic = unique("t/");
    let filter = format!("$share/g/{topic}");
    let ids = [unique("c"), unique("c")];
    let open = |at: usize| Connect::new(V5).id(&ids[at]).lasting().open(nodes[at].mqtt());
    for at in [0, 1] {
        let mut client = open(at);
        client.subscribe(&filter, 1);
        client.disconnect();
    }
    let mut publisher = Client::at(V5, nodes[0].mqtt());
    let all: Vec<Message> = (0..10).map(|n| Message::new(&topic, format!("{n}"), 1)).collect();
    for message in all {
        assert_eq!(publisher.publish_message(message), 0, "somebody wants it");
    }
    let mut seen: Vec<String> = [0, 1].iter().flat_map(|at| open(*at).texts()).collect();
    seen.sort();
    assert_eq!(seen, (0..10).map(|n| n.to_string()).collect::<Vec<_>>());
}

/// A session in two groups on one filter: what it leaves goes to the group that it came for.
#[test]
fn what_a_member_of_two_groups_leaves_goes_to_the_right_ones() {
    const COUNT: usize = 30;
    let node = Node::start("broker.shared_subscription_strategy = round_robin");
    let topic = unique("t/");
    let (a, b) = (format!("$share/a/{topic}"), format!("$share/b/{topic}"));
    let mut both = member(&node, &a);
    let mut of_a = member(&node, &a);
    let mut of_b = [member(&node, &b), member(&node, &b)];
    both.subscribe(&b, 1);
    publish(&mut Client::at(V5, node.mqtt()), &topic, COUNT);
    // Half of the one group and a third of the other, which it does not acknowledge.
    let got: Vec<String> = (0..COUNT / 2 + COUNT / 3).map(|_| both.raw_message().text()).collect();
    assert!(got.iter().collect::<BTreeSet<_>>().len() < got.len(), "some for both");
    both.cut();
    wait_for("its session has ended", LIMIT, || node.metric("session.terminated") > 0);
    let numbers = |texts: Vec<String>| {
        let mut numbers: Vec<usize> = texts.iter().map(|text| text.parse().unwrap()).collect();
        numbers.sort_unstable();
        numbers
    };
    let all: Vec<usize> = (0..COUNT).collect();
    assert_eq!(numbers(of_a.texts()), all);
    assert_eq!(numbers(of_b.iter_mut().flat_map(Client::texts).collect()), all);
}
