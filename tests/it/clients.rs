//! Clients nobody here wrote: each makes a round trip at every QoS and version it speaks, with payloads that are easy to break.
//!
//! What a client needs and this host misses is installed (pip and npm under the target folder, mosquitto-clients by apt-get as
//! root); when that fails the test fails.

mod browser;
mod ways;

use std::{
    fs,
    net::SocketAddr,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    sync::Mutex,
    time::Duration,
};

use super::support::{Node, broker, certificates::Authority, node::free_port, unique};

const SCRIPTS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/clients");

/// Where pip and npm install: it outlives a run.
fn folder(name: &str) -> PathBuf {
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join("clients").join(name);
    fs::create_dir_all(&path).unwrap();
    path
}

/// Runs `command` to its end; its output is shown when it fails.
#[track_caller]
fn run(command: &mut Command) -> String {
    let output = command.stdin(Stdio::null()).output();
    let output = output.unwrap_or_else(|error| panic!("{command:?}: {error}"));
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command:?}: {}\n{text}{errors}", output.status);
    text
}

fn has(program: &str) -> bool {
    Command::new("sh")
        .args(["-c", &format!("command -v {program}")])
        .output()
        .unwrap()
        .status
        .success()
}

/// Installs Debian packages unless `programs` are there. One at a time: apt has one lock.
#[track_caller]
pub(super) fn need(programs: &[&str], packages: &[&str]) {
    static APT: Mutex<()> = Mutex::new(());
    let _one = APT.lock();
    if programs.iter().all(|program| has(program)) {
        return;
    }
    let root = nix::unistd::Uid::effective().is_root();
    assert!(root && has("apt-get"), "run: sudo apt-get install {}", packages.join(" "));
    run(Command::new("apt-get").args(["update", "-qq"]));
    run(Command::new("apt-get")
        .env("DEBIAN_FRONTEND", "noninteractive")
        .args(["install", "-y", "-qq", "--no-install-recommends"])
        .args(packages));
}

/// Whether `dir` has what `stamp` says; otherwise `install` is run.
#[track_caller]
fn once(dir: &Path, stamp: &str, install: impl FnOnce()) {
    static INSTALL: Mutex<()> = Mutex::new(());
    let _one = INSTALL.lock();
    let file = dir.join("installed");
    if fs::read_to_string(&file).is_ok_and(|text| text == stamp) {
        return;
    }
    install();
    fs::write(file, stamp).unwrap();
}

fn python(package: &str) -> PathBuf {
    need(&["python3"], &["python3", "python3-venv"]);
    let dir = folder(package.split('=').next().unwrap());
    once(&dir, package, || {
        run(Command::new("python3").args(["-m", "venv", "--clear"]).arg(dir.join("venv")));
        run(Command::new(dir.join("venv/bin/pip")).args(["install", "--quiet", package]));
    });
    dir.join("venv/bin/python")
}

/// Runs a script of tests/clients, which ends with "ok" when all its round trips came back.
#[track_caller]
fn script(interpreter: &Path, name: &str, configure: impl FnOnce(&mut Command)) {
    script_at(broker(), interpreter, name, configure);
}

#[track_caller]
fn script_at(
    address: SocketAddr,
    interpreter: &Path,
    name: &str,
    configure: impl FnOnce(&mut Command),
) {
    let mut command = Command::new("timeout");
    command.arg("120").arg(interpreter).arg(format!("{SCRIPTS}/{name}"));
    command.arg(address.ip().to_string()).arg(address.port().to_string()).arg(unique("clients/"));
    configure(&mut command);
    let text = run(&mut command);
    assert_eq!(text.lines().last(), Some("ok"), "{name}: {text}");
}

#[test]
fn mosquitto_pub_and_sub() {
    need(&["mosquitto_pub", "mosquitto_sub"], &["mosquitto-clients"]);
    for version in ["mqttv31", "mqttv311", "mqttv5"] {
        for qos in ["0", "1", "2"] {
            let topic = unique("mosquitto/");
            let options = |command: &mut Command| {
                let address = broker();
                command.args(["-h", &address.ip().to_string(), "-p", &address.port().to_string()]);
                command.args(["-V", version, "-q", qos, "-t", &topic]);
            };
            // Retained: the subscriber needs no head start, and the flag is seen as well.
            let mut publish = Command::new("mosquitto_pub");
            options(&mut publish);
            run(publish.args(["-r", "-m", "grüße, 你好"]));
            let mut subscribe = Command::new("mosquitto_sub");
            options(&mut subscribe);
            let text = run(subscribe.args(["-C", "1", "-W", "20", "-F", "%t %q %r %p"]));
            assert_eq!(text.trim_end(), format!("{topic} {qos} 1 grüße, 你好"), "{version}");
            live(&topic, &options);
            let mut clear = Command::new("mosquitto_pub");
            options(&mut clear);
            run(clear.args(["-r", "-n"]));
        }
    }
}

/// A message to a mosquitto_sub that is there already: it says when, by the retained message it got.
fn live(topic: &str, options: &dyn Fn(&mut Command)) {
    let mut subscribe = Command::new("mosquitto_sub");
    options(&mut subscribe);
    subscribe.args(["-C", "2", "-W", "20", "-F", "%r %p"]).stdout(Stdio::piped());
    let mut child = subscribe.spawn().unwrap();
    let mut lines = std::io::BufRead::lines(std::io::BufReader::new(child.stdout.take().unwrap()));
    assert!(lines.next().unwrap().unwrap().starts_with("1 "));
    let mut publish = Command::new("mosquitto_pub");
    options(&mut publish);
    run(publish.args(["-m", "now"]));
    assert_eq!(lines.next().unwrap().unwrap(), "0 now", "{topic}");
    assert!(child.wait().unwrap().success());
}

#[test]
fn paho() {
    script(&python("paho-mqtt==2.2.0"), "paho_client.py", |_| ());
}

#[test]
fn aiomqtt() {
    script(&python("aiomqtt==2.5.1"), "aio.py", |_| ());
}

/// Where MQTT.js is.
#[track_caller]
fn mqttjs() -> PathBuf {
    need(&["node", "npm"], &["nodejs", "npm"]);
    let dir = folder("mqttjs");
    once(&dir, "mqtt@5.16.0", || {
        run(Command::new("npm").arg("--prefix").arg(&dir).args([
            "install",
            "--silent",
            "--no-audit",
            "--no-fund",
            "--no-save",
            "mqtt@5.16.0",
        ]));
    });
    dir.join("node_modules")
}

#[test]
fn mqtt_js() {
    let modules = mqttjs();
    script(Path::new("node"), "js.cjs", |command| {
        command.env("NODE_PATH", modules);
    });
}

/// A node that serves over TLS and WebSocket.
struct Transports {
    node: Node,
    ports: [(&'static str, u16); 3],
}

impl Transports {
    fn start() -> Self {
        let ports = [("mqtts", free_port()), ("ws", free_port()), ("wss", free_port())];
        let number = super::support::node::free_mesh_number();
        let mut node = Node::prepare(&format!("node{number}@127.0.0.1"), "manual", "");
        for (kind, (_, port)) in ["ssl", "ws", "wss"].into_iter().zip(ports) {
            node.configure(&format!("listener.{kind}.x = 127.0.0.1:{port}"));
            if kind != "ws" {
                node.configure(&format!(
                    "listener.{kind}.x.certfile = cert.pem\nlistener.{kind}.x.keyfile = key.pem"
                ));
            }
        }
        let authority = Authority::new("ca");
        let files = node.config();
        authority.issue(&["127.0.0.1"]).write(files.parent().unwrap(), &authority.pem());
        node.launch_all();
        Self { node, ports }
    }

    /// The file with the authority that signed its certificate.
    fn authority(&self) -> PathBuf {
        self.node.config().with_file_name("cacert.pem")
    }

    fn scripts(&self, interpreter: &Path, name: &str, configure: impl Fn(&mut Command)) {
        for (transport, port) in self.ports {
            script_at(([127, 0, 0, 1], port).into(), interpreter, name, |command| {
                command.arg(transport).arg(self.authority());
                configure(command);
            });
        }
    }
}

#[test]
fn mqtt_js_over_tls_and_websocket() {
    let modules = mqttjs();
    Transports::start().scripts(Path::new("node"), "js.cjs", |command| {
        command.env("NODE_PATH", &modules);
    });
}

#[test]
fn paho_over_tls_and_websocket() {
    Transports::start().scripts(&python("paho-mqtt==2.2.0"), "paho_client.py", |_| ());
}

#[test]
fn mosquitto_over_tls() {
    need(&["mosquitto_pub", "mosquitto_sub"], &["mosquitto-clients"]);
    let transports = Transports::start();
    let (_, port) = transports.ports[0];
    for tls in ["tlsv1.2", "tlsv1.3"] {
        let topic = unique("mosquitto/");
        let options = |command: &mut Command| {
            command.args(["-h", "127.0.0.1", "-p", &port.to_string(), "-V", "mqttv5", "-q", "1"]);
            command
                .args(["-t", &topic, "--tls-version", tls, "--cafile"])
                .arg(transports.authority());
        };
        let mut publish = Command::new("mosquitto_pub");
        options(&mut publish);
        run(publish.args(["-r", "-m", "grüße"]));
        live(&topic, &options);
    }
}

/// One thread, no broker of its own: what `rumqttc` needs to run.
fn block_on(future: impl Future<Output = ()>) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        tokio::time::timeout(Duration::from_secs(60), future).await.expect("within a minute")
    });
}

/// What a round trip carries: nothing, all bytes, and more than one read.
fn payloads() -> Vec<Vec<u8>> {
    vec![vec![], (0..=255).collect(), vec![b'x'; 100_000]]
}

fn host(address: SocketAddr) -> (String, u16) {
    (address.ip().to_string(), address.port())
}

#[test]
fn rumqttc_v4() {
    use rumqttc::{AsyncClient, Event, MqttOptions, Packet, QoS};
    block_on(async {
        for qos in [QoS::AtMostOnce, QoS::AtLeastOnce, QoS::ExactlyOnce] {
            let (host, port) = host(broker());
            let topic = unique("rumqttc/");
            let mut options = MqttOptions::new(unique("rumqttc"), host, port);
            options.set_max_packet_size(1 << 20, 1 << 20);
            let (client, mut events) = AsyncClient::new(options, 10);
            client.subscribe(&topic, qos).await.unwrap();
            let mut want = payloads().into_iter();
            let mut expected = None;
            loop {
                match events.poll().await.unwrap() {
                    Event::Incoming(Packet::SubAck(_)) => {}
                    Event::Incoming(Packet::Publish(publish)) => {
                        assert_eq!((publish.topic.as_str(), publish.qos), (topic.as_str(), qos));
                        assert!(Some(publish.payload.to_vec()) == expected, "{qos:?}");
                    }
                    _ => continue,
                }
                expected = want.next();
                match &expected {
                    Some(payload) => {
                        client.publish(&topic, qos, false, payload.clone()).await.unwrap()
                    }
                    None => break,
                }
            }
        }
    });
}

#[test]
fn rumqttc_v5() {
    use rumqttc::v5::{
        AsyncClient, Event, MqttOptions,
        mqttbytes::{
            QoS,
            v5::{Packet, PublishProperties},
        },
    };
    block_on(async {
        for qos in [QoS::AtMostOnce, QoS::AtLeastOnce, QoS::ExactlyOnce] {
            let (host, port) = host(broker());
            let topic = unique("rumqttc/");
            let mut options = MqttOptions::new(unique("rumqttc"), host, port);
            options.set_max_packet_size(Some(1 << 20));
            let (client, mut events) = AsyncClient::new(options, 10);
            client.subscribe(&topic, qos).await.unwrap();
            let mut want = payloads().into_iter();
            let mut expected = None;
            let properties = PublishProperties {
                content_type: Some("text/plain".to_owned()),
                user_properties: vec![
                    ("a".to_owned(), "1".to_owned()),
                    ("a".to_owned(), "2".to_owned()),
                ],
                ..PublishProperties::default()
            };
            loop {
                match events.poll().await.unwrap() {
                    Event::Incoming(Packet::SubAck(_)) => {}
                    Event::Incoming(Packet::Publish(publish)) => {
                        assert_eq!((&publish.topic[..], publish.qos), (topic.as_bytes(), qos));
                        assert!(Some(publish.payload.to_vec()) == expected, "{qos:?}");
                        let seen = publish.properties.expect("properties");
                        assert_eq!(seen.user_properties, properties.user_properties);
                        assert_eq!(seen.content_type, properties.content_type);
                    }
                    _ => continue,
                }
                expected = want.next();
                match &expected {
                    Some(payload) => client
                        .publish_with_properties(
                            &topic,
                            qos,
                            false,
                            payload.clone(),
                            properties.clone(),
                        )
                        .await
                        .unwrap(),
                    None => break,
                }
            }
        }
    });
}
