//! Every way for a client to come in: over TCP, TLS and WebSocket above either, with a password, a token or a certificate, on a
//! node that lets in nobody else.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
    sync::Arc,
    time::Duration,
};

use base64ct::{Base64UrlUnpadded, Encoding};
use emqx_rs::broker::password_hash::{SALT, argon2id};
use ring::hmac;

use super::{block_on, live, mqttjs, need, payloads, python, run, script_at};
use crate::support::{
    Node,
    certificates::{Authority, Issued},
    node::{free_mesh_number, free_port},
    scram, unique,
    wire::TlsClient,
};

const TRANSPORTS: [&str; 4] = ["mqtt", "mqtts", "ws", "wss"];
const PASSWORD: &str = "p\u{e4}ss w\u{f6}rd";

/// What a client shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Shows {
    Password,
    /// A JSON Web Token in place of a password.
    Token,
    Certificate,
}

/// A way in.
#[derive(Clone, Copy, Debug)]
struct Way {
    transport: &'static str,
    port: u16,
    shows: Shows,
}

struct Host {
    node: Node,
    ports: [u16; 4],
    authority: Authority,
    own: Issued,
}

impl Host {
    #[track_caller]
    fn start() -> Self {
        let name = format!("node{}@127.0.0.1", free_mesh_number());
        let mut node = Node::prepare(&name, "manual", "");
        let ports = [node.mqtt_port, free_port(), free_port(), free_port()];
        node.configure("allow_anonymous = false\nauth.jwt.secret = only for these tests");
        node.configure(&format!("listener.ws.x = 127.0.0.1:{}", ports[2]));
        node.configure(&format!("listener.unix.x = {}", node.data().join("mqtt.sock").display()));
        for (kind, port) in [("ssl", ports[1]), ("wss", ports[3])] {
            node.configure(&format!(
                "listener.{kind}.x = 127.0.0.1:{port}\nlistener.{kind}.x.certfile = cert.pem\n\
                 listener.{kind}.x.keyfile = key.pem\nlistener.{kind}.x.cacertfile = cacert.pem\n\
                 listener.{kind}.x.verify = verify_peer\nlistener.{kind}.x.peer_cert_as_username = cn"
            ));
        }
        let authority = Authority::new("ca");
        let folder = node.config().parent().unwrap().to_owned();
        authority.issue(&["127.0.0.1"]).write(&folder, &authority.pem());
        let own = authority.issue(&["sensor"]);
        own.write(&folder.join("own"), &authority.pem());
        let hash = argon2id(PASSWORD.as_bytes(), &[7; SALT]).unwrap();
        let users = format!("bob:{hash}\n{}", scram::line("eve", PASSWORD));
        fs::write(node.data().join("users"), users).unwrap();
        node.launch_all();
        Self { node, ports, authority, own }
    }

    fn file(&self, name: &str) -> PathBuf {
        self.node.config().with_file_name(name)
    }

    fn socket(&self) -> PathBuf {
        self.node.data().join("mqtt.sock")
    }

    /// Every transport with every thing to show that goes over it.
    fn ways(&self) -> Vec<Way> {
        let mut ways = Vec::new();
        for (transport, port) in TRANSPORTS.into_iter().zip(self.ports) {
            for shows in [Shows::Password, Shows::Token, Shows::Certificate] {
                if shows != Shows::Certificate || matches!(transport, "mqtts" | "wss") {
                    ways.push(Way { transport, port, shows });
                }
            }
        }
        ways
    }

    /// A script of tests/clients comes in every way.
    #[track_caller]
    fn scripts(&self, interpreter: &Path, name: &str, configure: impl Fn(&mut Command)) {
        for Way { transport, port, shows } in self.ways() {
            println!("{name} over {transport} with {shows:?}");
            script_at(([127, 0, 0, 1], port).into(), interpreter, name, |command| {
                command.arg(transport).arg(self.file("cacert.pem")).env("MQTT_BRIEF", "1");
                configure(command);
                if let Some((user, password)) = credentials(shows) {
                    command.env("MQTT_USERNAME", user).env("MQTT_PASSWORD", password);
                } else {
                    command.env("MQTT_CERT", self.file("own/cert.pem"));
                    command.env("MQTT_KEY", self.file("own/key.pem"));
                }
            });
        }
    }
}

/// User name and password of who shows them.
fn credentials(shows: Shows) -> Option<(&'static str, String)> {
    match shows {
        Shows::Password => Some(("bob", PASSWORD.to_owned())),
        Shows::Token => Some(("anybody", token())),
        Shows::Certificate => None,
    }
}

fn token() -> String {
    let part = Base64UrlUnpadded::encode_string;
    let message = format!("{}.{}", part(br#"{"alg":"HS256"}"#), part(b"{}"));
    let key = hmac::Key::new(hmac::HMAC_SHA256, b"only for these tests");
    format!("{message}.{}", part(hmac::sign(&key, message.as_bytes()).as_ref()))
}

#[test]
fn mqtt_js_comes_in_every_way() {
    let (host, modules) = (Host::start(), mqttjs());
    host.scripts(Path::new("node"), "js.cjs", |command| {
        command.env("NODE_PATH", &modules);
    });
}

#[test]
fn mqtt_js_shows_by_scram_who_it_is() {
    let (host, modules) = (Host::start(), mqttjs());
    for (transport, port) in TRANSPORTS.into_iter().zip(host.ports) {
        script_at(([127, 0, 0, 1], port).into(), Path::new("node"), "js.cjs", |command| {
            command.arg(transport).arg(host.file("cacert.pem")).env("NODE_PATH", &modules);
            command.env("MQTT_USERNAME", "eve").env("MQTT_PASSWORD", PASSWORD);
            command.env("MQTT_SCRAM", "1");
        });
    }
    // Twice more on each of the living connections.
    assert_eq!(host.node.metric("client.auth.success"), 4 * 3);
}

#[test]
fn paho_comes_in_every_way() {
    Host::start().scripts(&python("paho-mqtt==2.2.0"), "paho_client.py", |_| ());
}

#[test]
fn mosquitto_comes_in_every_way_it_knows() {
    need(&["mosquitto_pub", "mosquitto_sub"], &["mosquitto-clients"]);
    let host = Host::start();
    // It has no WebSocket, and a Unix socket instead.
    let mut ways: Vec<Way> = host.ways();
    ways.retain(|way| matches!(way.transport, "mqtt" | "mqtts"));
    for shows in [Shows::Password, Shows::Token] {
        ways.push(Way { transport: "unix", port: 0, shows });
    }
    for Way { transport, port, shows } in ways {
        for qos in ["0", "1", "2"] {
            let topic = unique("ways/");
            let options = |command: &mut Command| {
                command.args(["-V", "mqttv5", "-q", qos, "-t", &topic]);
                if transport == "unix" {
                    command.arg("--unix").arg(host.socket());
                } else {
                    command.args(["-h", "127.0.0.1", "-p", &port.to_string()]);
                }
                if transport == "mqtts" {
                    command.arg("--cafile").arg(host.file("cacert.pem"));
                }
                if let Some((user, password)) = credentials(shows) {
                    command.args(["-u", user, "-P", &password]);
                } else {
                    command.arg("--cert").arg(host.file("own/cert.pem"));
                    command.arg("--key").arg(host.file("own/key.pem"));
                }
            };
            println!("mosquitto over {transport} with {shows:?}, QoS {qos}");
            let mut publish = Command::new("mosquitto_pub");
            options(&mut publish);
            run(publish.args(["-r", "-m", "gr\u{fc}\u{df}e"]));
            live(&topic, &options);
        }
    }
}

/// How `rumqttc` does TLS.
fn rustls(host: &Host, shows: Shows) -> Arc<rustls::ClientConfig> {
    let own = (shows == Shows::Certificate).then_some(&host.own);
    let versions = [&rustls::version::TLS12, &rustls::version::TLS13];
    TlsClient::new(&host.authority.pem(), own, &versions).config()
}

/// Host and port as `rumqttc` takes them.
fn address(Way { transport, port, .. }: Way) -> (String, u16) {
    match transport {
        "ws" | "wss" => (format!("{transport}://127.0.0.1:{port}/mqtt"), port),
        _ => ("127.0.0.1".to_owned(), port),
    }
}

fn transport(host: &Host, way: Way) -> rumqttc::Transport {
    let tls = || rumqttc::TlsConfiguration::Rustls(rustls(host, way.shows));
    match way.transport {
        "mqtts" => rumqttc::Transport::tls_with_config(tls()),
        "ws" => rumqttc::Transport::ws(),
        "wss" => rumqttc::Transport::wss_with_config(tls()),
        "unix" => rumqttc::Transport::unix(),
        _ => rumqttc::Transport::tcp(),
    }
}

/// The ways of `rumqttc`, a Unix socket among them.
fn ways_of_rumqttc(host: &Host) -> Vec<(Way, (String, u16))> {
    let mut ways: Vec<_> = host.ways().into_iter().map(|way| (way, address(way))).collect();
    let way = Way { transport: "unix", port: 0, shows: Shows::Password };
    ways.push((way, (host.socket().display().to_string(), 0)));
    ways
}

#[test]
fn rumqttc_v4_comes_in_every_way() {
    use rumqttc::{AsyncClient, Event, MqttOptions, Packet, QoS};
    let host = Host::start();
    block_on(async {
        for (way, (address, port)) in ways_of_rumqttc(&host) {
            println!("{way:?}");
            let mut options = MqttOptions::new(unique("rumqttc"), address, port);
            options.set_keep_alive(Duration::from_secs(30)).set_max_packet_size(1 << 20, 1 << 20);
            options.set_transport(transport(&host, way));
            if let Some((user, password)) = credentials(way.shows) {
                options.set_credentials(user, password);
            }
            let (client, mut events) = AsyncClient::new(options, 10);
            for qos in [QoS::AtMostOnce, QoS::AtLeastOnce, QoS::ExactlyOnce] {
                let topic = unique("ways/");
                client.subscribe(&topic, qos).await.unwrap();
                let granted = |event| matches!(event, Event::Incoming(Packet::SubAck(_)));
                while !granted(events.poll().await.unwrap()) {}
                for payload in payloads() {
                    client.publish(&topic, qos, false, payload.clone()).await.unwrap();
                    let publish = loop {
                        if let Event::Incoming(Packet::Publish(it)) = events.poll().await.unwrap() {
                            break it;
                        }
                    };
                    assert_eq!((publish.topic.as_str(), publish.qos), (topic.as_str(), qos));
                    assert!(publish.payload == payload, "{way:?} {qos:?}");
                }
            }
        }
    });
}

#[test]
fn rumqttc_v5_comes_in_every_way() {
    use rumqttc::v5::{
        AsyncClient, Event, MqttOptions,
        mqttbytes::{QoS, v5::Packet},
    };
    let host = Host::start();
    block_on(async {
        for (way, (address, port)) in ways_of_rumqttc(&host) {
            println!("{way:?}");
            let mut options = MqttOptions::new(unique("rumqttc"), address, port);
            options.set_keep_alive(Duration::from_secs(30)).set_max_packet_size(Some(1 << 20));
            options.set_transport(transport(&host, way));
            if let Some((user, password)) = credentials(way.shows) {
                options.set_credentials(user, password);
            }
            let (client, mut events) = AsyncClient::new(options, 10);
            for qos in [QoS::AtMostOnce, QoS::AtLeastOnce, QoS::ExactlyOnce] {
                let topic = unique("ways/");
                client.subscribe(&topic, qos).await.unwrap();
                let granted = |event| matches!(event, Event::Incoming(Packet::SubAck(_)));
                while !granted(events.poll().await.unwrap()) {}
                for payload in payloads() {
                    client.publish(&topic, qos, false, payload.clone()).await.unwrap();
                    let publish = loop {
                        if let Event::Incoming(Packet::Publish(it)) = events.poll().await.unwrap() {
                            break it;
                        }
                    };
                    assert_eq!((&publish.topic[..], publish.qos), (topic.as_bytes(), qos));
                    assert!(publish.payload == payload, "{way:?} {qos:?}");
                }
            }
        }
    });
}

/// The table would be worth nothing if this node let in who shows nothing.
#[test]
fn nobody_comes_in_who_shows_nothing() {
    need(&["mosquitto_pub"], &["mosquitto-clients"]);
    let host = Host::start();
    for (password, port) in [(None, host.ports[0]), (Some("wrong"), host.ports[0])] {
        let mut publish = Command::new("mosquitto_pub");
        publish.args(["-h", "127.0.0.1", "-p", &port.to_string(), "-t", "x", "-m", "x"]);
        if let Some(password) = password {
            publish.args(["-u", "bob", "-P", password]);
        }
        assert!(!publish.output().unwrap().status.success(), "{password:?}");
    }
}
