//! Will Messages (3.1.2.5).

use std::time::{Duration, Instant};

use super::{ALL, NEW, V5, each, lasting};
use crate::support::{
    Client, Connect, Message, Version, Will, broker, prop, unique, wait_for_copies,
};

fn with_will(version: Version, will: Will) -> Client {
    Connect::new(version).will(will).open(broker())
}

#[track_caller]
fn watcher(version: Version, topic: &str) -> Client {
    let mut client = Client::new(version);
    client.subscribe(topic, 2);
    client
}

/// v3.1.1 [MQTT-3.1.2-8] v5 [MQTT-3.1.2-7] [MQTT-3.1.2-8]
#[test]
fn published_when_the_connection_breaks() {
    each(&ALL, |version| {
        for qos in 0..3 {
            let topic = unique("will/");
            let mut witness = watcher(version, &topic);
            with_will(version, Will { qos, ..Will::new(&topic, "gone") }).cut();
            let message = witness.message();
            assert_eq!(
                (message.text().as_str(), message.qos, message.retain),
                ("gone", qos, false)
            );
        }
    });
}

/// v3.1.1 [MQTT-3.1.2-10] [MQTT-3.14.4-3] [MQTT-3.1.2-12] v5 [MQTT-3.1.2-10] [MQTT-3.14.4-3]
#[test]
fn not_published_after_disconnect() {
    each(&ALL, |version| {
        let topic = unique("will/");
        let mut witness = watcher(version, &topic);
        with_will(version, Will::new(&topic, "gone")).disconnect();
        assert_eq!(witness.texts(), Vec::<String>::new());
    });
}

/// v5 [MQTT-3.1.2-8]
#[test]
fn published_after_disconnect_with_will() {
    let topic = unique("will/");
    let mut witness = watcher(V5, &topic);
    let mut client = with_will(V5, Will::new(&topic, "gone"));
    client.send(&[0xe0, 1, 4]);
    client.closed();
    assert_eq!(witness.message().text(), "gone");
}

/// v3.1.1 [MQTT-3.1.2-8] v5 [MQTT-3.1.2-8]
#[test]
fn published_after_a_protocol_error() {
    each(&ALL, |version| {
        let topic = unique("will/");
        let mut witness = watcher(version, &topic);
        let mut client = with_will(version, Will::new(&topic, "gone"));
        client.send(&[0x36, 0]);
        client.closed();
        assert_eq!(witness.message().text(), "gone");
    });
}

/// v3.1.1 [MQTT-3.1.2-8] [MQTT-3.1.2-24] v5 [MQTT-3.1.2-8] [MQTT-3.1.2-22]
#[test]
fn published_after_the_keep_alive() {
    each(&NEW, |version| {
        let topic = unique("will/");
        let mut witness = watcher(version, &topic);
        let _silent =
            Connect::new(version).keep_alive(1).will(Will::new(&topic, "gone")).open(broker());
        assert_eq!(witness.message().text(), "gone");
    });
}

/// v3.1.1 [MQTT-3.1.2-16] [MQTT-3.1.2-17] v5 [MQTT-3.1.2-14] [MQTT-3.1.2-15]
#[test]
fn retained_as_the_flag_says() {
    let gone = ["gone".to_owned()];
    each(&ALL, |version| {
        for retain in [false, true] {
            let topic = unique("will/");
            let mut witness = watcher(version, &topic);
            with_will(version, Will { retain, qos: 1, ..Will::new(&topic, "gone") }).cut();
            witness.message();
            wait_for_copies(&topic, &gone[usize::from(!retain)..]);
            let seen = watcher(version, &topic).messages();
            assert_eq!(seen.len(), usize::from(retain));
            assert!(seen.iter().all(|m| m.retain && m.text() == "gone"));
        }
    });
}

#[test]
fn published_when_the_client_id_is_taken_over() {
    each(&NEW, |version| {
        let topic = unique("will/");
        let mut witness = watcher(version, &topic);
        let mut old = with_will(version, Will::new(&topic, "gone"));
        let _new = Connect::new(version).id(&old.id).open(broker());
        old.closed();
        assert_eq!(witness.message().text(), "gone");
    });
}

#[test]
fn an_empty_will_is_published() {
    each(&ALL, |version| {
        let topic = unique("will/");
        let mut witness = watcher(version, &topic);
        with_will(version, Will::new(&topic, "")).cut();
        assert!(witness.message().payload.is_empty());
    });
}

#[test]
fn a_will_has_its_properties() {
    let topic = unique("will/");
    let mut witness = watcher(V5, &topic);
    let props = vec![
        prop::byte(prop::FORMAT, 1),
        prop::text(prop::CONTENT_TYPE, "text/plain"),
        prop::text(prop::RESPONSE_TOPIC, "answers"),
        prop::binary(prop::CORRELATION, b"\0\x01"),
        prop::user("a", "1"),
        prop::user("a", "1"),
    ];
    with_will(V5, Will { props: props.clone(), ..Will::new(&topic, "gone") }).cut();
    let mut seen = witness.message().props;
    let mut want = props;
    seen.sort_by_key(|(id, _)| *id);
    want.sort_by_key(|(id, _)| *id);
    assert_eq!(
        seen, want,
        "Will Delay stays behind, the rest arrives (v5 [MQTT-3.1.3-10] for the users)"
    );
}

/// v5 [MQTT-3.1.3-10]
#[test]
fn user_properties_of_a_will_keep_their_order() {
    let topic = unique("will/");
    let mut witness = watcher(V5, &topic);
    let props: Vec<_> =
        (0..5).map(|n| prop::user(&format!("k{}", n % 2), &n.to_string())).collect();
    with_will(V5, Will { props: props.clone(), ..Will::new(&topic, "gone") }).cut();
    assert_eq!(witness.message().props, props);
}

/// v5 [MQTT-3.1.3-9]
#[test]
fn a_delayed_will_is_withdrawn_by_the_return() {
    let (id, topic) = (unique("c"), unique("will/"));
    let mut witness = watcher(V5, &topic);
    let props = vec![prop::four(prop::WILL_DELAY, 1)];
    lasting(V5, &id).will(Will { props, ..Will::new(&topic, "early") }).open(broker()).cut();
    let back = lasting(V5, &id).open(broker());
    assert!(back.session_present);
    // A will with the same delay that is not withdrawn is later than the one that was.
    let props = vec![prop::four(prop::WILL_DELAY, 1)];
    lasting(V5, &unique("c"))
        .will(Will { props, ..Will::new(&topic, "later") })
        .open(broker())
        .cut();
    assert_eq!(witness.message().text(), "later");
}

/// v5 [MQTT-3.1.2-8]
#[test]
fn a_delayed_will_waits() {
    let topic = unique("will/");
    let mut witness = watcher(V5, &topic);
    let props = vec![prop::four(prop::WILL_DELAY, 1)];
    let begin = Instant::now();
    lasting(V5, &unique("c"))
        .will(Will { props, ..Will::new(&topic, "gone") })
        .open(broker())
        .cut();
    assert_eq!(witness.message().text(), "gone");
    assert!(begin.elapsed() >= Duration::from_millis(900), "after {:?}", begin.elapsed());
}

/// v5 [MQTT-3.1.2-8]
#[test]
fn the_end_of_the_session_ends_the_delay() {
    let topic = unique("will/");
    let mut witness = watcher(V5, &topic);
    let props = vec![prop::four(prop::WILL_DELAY, 3600)];
    // No expiry: the session ends with the connection.
    with_will(V5, Will { props, ..Will::new(&topic, "gone") }).cut();
    assert_eq!(witness.message().text(), "gone");
}

#[test]
fn clean_start_ends_the_delay() {
    let (id, topic) = (unique("c"), unique("will/"));
    let mut witness = watcher(V5, &topic);
    let props = vec![prop::four(prop::WILL_DELAY, 3600)];
    lasting(V5, &id).will(Will { props, ..Will::new(&topic, "gone") }).open(broker()).cut();
    let _fresh = Connect::new(V5).id(&id).open(broker());
    assert_eq!(witness.message().text(), "gone");
}

#[test]
fn a_will_crosses_versions() {
    for from in ALL {
        for to in ALL {
            let topic = unique("will/");
            let mut witness = watcher(to, &topic);
            with_will(from, Will { qos: 1, ..Will::new(&topic, "gone") }).cut();
            let message: Message = witness.message();
            assert_eq!(message.text(), "gone", "{from:?} to {to:?}");
        }
    }
}
