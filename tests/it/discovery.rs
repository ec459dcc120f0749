//! Nodes find each other through the real thing: real processes beside a real dnsmasq or etcd, and beside what the API of
//! Kubernetes answers.
//!
//! What these tests need and this host misses is installed as in `clients`. Names are served on an island: a network and a
//! /etc/resolv.conf of the test's own, by namespaces that need no root.

use std::{
    fs::{self, Permissions},
    io::{BufRead, BufReader, Read as _, Write as _},
    net::{SocketAddr, TcpListener, TcpStream},
    os::unix::fs::PermissionsExt as _,
    process::{Child, ChildStdin, Command, Stdio},
    sync::{Arc, Mutex},
    time::Duration,
};

use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};
use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair, KeyUsagePurpose,
    SanType,
};
use rustls::{
    ServerConfig, ServerConnection, StreamOwned,
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject as _},
};
use serde_json::{Value, json};
use tempfile::TempDir;

use super::clients::need;
use super::nodes::wait_for_all;
use super::support::{Node, node::free_mesh_number, node::free_port, wait_for};

const LIMIT: Duration = Duration::from_secs(30);

/// Prepares the island, runs dnsmasq there and ends it when standard input closes.
const ISLAND: &str = r#"set -e
ip link set lo up
for n in 2 3 4; do ip address add fd00::$n/128 dev lo nodad; done
mount --bind "$1/resolv.conf" /etc/resolv.conf
dnsmasq --no-daemon --no-resolv --no-hosts --conf-file=/dev/null --pid-file= --bind-interfaces \
    --listen-address=127.0.0.1 --user=root --addn-hosts="$1/names" \
    --srv-host=_mesh._tcp.test,box1.test,1883 --srv-host=_mesh._tcp.test,box2.test,1883 \
    >"$1/log" 2>&1 </dev/null &
echo $!
read _ || true
kill $!
"#;

/// A network with a loopback, and a name server.
struct Island {
    dir: TempDir,
    child: Child,
    hold: Option<ChildStdin>,
    dnsmasq: i32,
}

impl Island {
    fn new() -> Self {
        need(&["dnsmasq", "unshare", "ip"], &["dnsmasq-base", "util-linux", "iproute2"]);
        let dir = TempDir::new().unwrap();
        fs::write(dir.path().join("resolv.conf"), "nameserver 127.0.0.1\n").unwrap();
        fs::write(dir.path().join("names"), "").unwrap();
        let mut child = Command::new("unshare")
            .args(["-rmn", "sh", "-c", ISLAND, "sh"])
            .arg(dir.path())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let dnsmasq = line.trim().parse().expect("namespaces of users are allowed on this host");
        let hold = child.stdin.take();
        let island = Self { dir, child, hold, dnsmasq };
        wait_for("dnsmasq serves", LIMIT, || island.log().contains("read "));
        island
    }

    fn log(&self) -> String {
        fs::read_to_string(self.dir.path().join("log")).unwrap_or_default()
    }

    /// Serves these names, in the form of a hosts file, instead of those before.
    fn serve(&self, names: &str) {
        fs::write(self.dir.path().join("names"), names).unwrap();
        let lines = self.log().lines().count();
        kill(Pid::from_raw(self.dnsmasq), Signal::SIGHUP).unwrap();
        wait_for("dnsmasq reads the names", LIMIT, || self.log().lines().count() > lines);
    }

    /// A node on the island, not started.
    fn node(&self, name: &str, lines: &str) -> Node {
        let runner = ["nsenter", "--preserve-credentials", "-U", "-m", "-n", "-t"];
        let mut runner: Vec<String> = runner.map(str::to_owned).into();
        runner.push(self.child.id().to_string());
        Node::prepare_at(name, SocketAddr::from(([127, 0, 0, 1], free_port())), runner, lines)
    }
}

impl Drop for Island {
    fn drop(&mut self) {
        drop(self.hold.take());
        let _ = self.child.wait();
        if std::thread::panicking() {
            println!("---- dnsmasq ----\n{}", self.log());
        }
    }
}

#[track_caller]
fn wait_for_log(node: &Node, text: &str) {
    wait_for(&format!("{} logs {text}", node.name), LIMIT, || node.log().contains(text));
}

#[test]
fn dns_a_records_make_a_cluster() {
    let island = Island::new();
    let lines = "cluster.discovery = dns\ncluster.dns.name = emqx.test";
    let mut nodes: Vec<Node> =
        (2..5).map(|n| island.node(&format!("emqx@127.0.0.{n}"), lines)).collect();
    nodes[0].spawn();
    wait_for_log(&nodes[0], "cluster.dns.name = emqx.test, cluster.dns.type = a: ");
    wait_for_log(&nodes[0], "check it with: getent ahosts emqx.test");
    island.serve("127.0.0.2 emqx.test\n127.0.0.3 emqx.test\nfd00::2 emqx.test\n");
    nodes[1].spawn();
    wait_for_all(&nodes[..2]);
    island.serve("127.0.0.2 emqx.test\n127.0.0.3 emqx.test\n127.0.0.4 emqx.test\n");
    nodes[2].spawn();
    wait_for_all(&nodes);
    assert!(!nodes[1].log().contains("fd00::2"), "records of the other kind do not count");
}

#[test]
fn dns_aaaa_records_make_a_cluster() {
    let island = Island::new();
    island.serve("127.0.0.2 emqx.test\nfd00::2 emqx.test\nfd00::3 emqx.test\n");
    let mut nodes: Vec<Node> = (2..4)
        .map(|n| {
            let lines = format!(
                "cluster.discovery = dns\ncluster.dns.name = emqx.test\ncluster.dns.app = n\ncluster.dns.type = aaaa\n\
                 cluster.proto_dist = inet6_tcp\nnode.dist_use_interface = fd00::{n}"
            );
            island.node(&format!("n@fd00::{n}"), &lines)
        })
        .collect();
    nodes.iter_mut().for_each(Node::spawn);
    wait_for_all(&nodes);
}

#[cfg(feature = "dns-srv")]
#[test]
fn dns_srv_records_make_a_cluster() {
    let island = Island::new();
    island.serve("127.0.0.2 box1.test\n127.0.0.3 box2.test\n");
    let mut nodes: Vec<Node> = (1..3)
        .map(|n| {
            let lines = format!(
                "cluster.discovery = dns\ncluster.dns.name = _mesh._tcp.test\ncluster.dns.type = srv\n\
                 node.dist_use_interface = 127.0.0.{}",
                n + 1
            );
            island.node(&format!("emqx@box{n}.test"), &lines)
        })
        .collect();
    nodes.iter_mut().for_each(Node::spawn);
    wait_for_all(&nodes);
}

#[test]
fn a_seed_whose_name_gets_its_address_late_is_found() {
    let island = Island::new();
    island.serve("127.0.0.2 box1.test\n");
    let mut nodes: Vec<Node> = (1..3)
        .map(|n| {
            let lines = format!(
                "cluster.static.seeds = emqx@box1.test emqx@box2.test:4371\nnode.dist_use_interface = 127.0.0.{}\n\
                 node.dist_port = {}",
                n + 1,
                4369 + n
            );
            island.node(&format!("emqx@box{n}.test"), &lines)
        })
        .collect();
    nodes[0].spawn();
    wait_for("the first serves alone", LIMIT, || nodes[0].running_nodes().len() == 1);
    island.serve("127.0.0.2 box1.test\n127.0.0.3 box2.test\n");
    nodes[1].spawn();
    wait_for_all(&nodes);
}

/// Names of IPv6 addresses, with and without brackets, with and without a port.
#[test]
fn seeds_on_ipv6_find_each_other() {
    let port = |number: u16| 4370 + number;
    let (first, second) = (free_mesh_number(), free_mesh_number());
    let seeds = format!(
        "cluster.static.seeds = node{first}@[::1]:{}, b@[::1]:{}",
        port(first),
        port(second)
    );
    let lines = format!("cluster.proto_dist = inet6_tcp\n{seeds}");
    let mut nodes = [
        Node::prepare(&format!("node{first}@::1"), "static", &lines),
        Node::prepare("b@[::1]", "static", &format!("{lines}\nnode.dist_port = {}", port(second))),
    ];
    nodes.iter_mut().for_each(Node::spawn);
    for node in &nodes {
        let want = ["b@::1".to_owned(), format!("node{first}@::1")].into();
        wait_for(&format!("{} sees both", node.name), LIMIT, || node.running_nodes() == want);
    }
}

/// A certificate authority and what it signed for 127.0.0.1, as files.
struct Certificates {
    dir: TempDir,
}

impl Certificates {
    fn new() -> Self {
        let mut root = CertificateParams::default();
        root.distinguished_name.push(DnType::CommonName, "authority");
        root.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        root.key_usages = vec![KeyUsagePurpose::KeyCertSign];
        let root = CertifiedIssuer::self_signed(root, KeyPair::generate().unwrap()).unwrap();
        let key = KeyPair::generate().unwrap();
        let mut own = CertificateParams::new(["localhost".to_owned()]).unwrap();
        own.subject_alt_names.push(SanType::IpAddress([127, 0, 0, 1].into()));
        let own = own.signed_by(&key, &root).unwrap();
        let dir = TempDir::new().unwrap();
        for (name, text) in
            [("ca.crt", root.pem()), ("own.crt", own.pem()), ("own.key", key.serialize_pem())]
        {
            fs::write(dir.path().join(name), text).unwrap();
        }
        fs::set_permissions(dir.path().join("own.key"), Permissions::from_mode(0o600)).unwrap();
        Self { dir }
    }

    fn path(&self, name: &str) -> String {
        self.dir.path().join(name).display().to_string()
    }
}

/// An etcd of one server with data of its own.
struct Etcd {
    dir: TempDir,
    url: String,
    guard: Child,
    hold: Option<ChildStdin>,
}

/// Ends etcd when standard input closes, however the test ended.
const ETCD: &str = r#"etcd "$@" >"$LOG" 2>&1 </dev/null & read _ || true; kill -9 $!"#;

impl Etcd {
    fn start(port: u16, certificates: Option<&Certificates>) -> Self {
        need(&["etcd"], &["etcd-server"]);
        let dir = TempDir::new().unwrap();
        let url = format!("http{}://127.0.0.1:{port}", certificates.map_or("", |_| "s"));
        let mut command = Command::new("sh");
        command.args(["-c", ETCD, "sh", "--data-dir"]).arg(dir.path().join("data"));
        let peers = format!("http://127.0.0.1:{}", free_port());
        command.args(["--listen-client-urls", &url, "--advertise-client-urls", &url]);
        command.args(["--listen-peer-urls", &peers, "--initial-advertise-peer-urls", &peers]);
        command.args(["--initial-cluster", &format!("default={peers}")]);
        if let Some(files) = certificates {
            command.args(["--cert-file", &files.path("own.crt")]);
            command.args(["--key-file", &files.path("own.key")]);
            command.args(["--trusted-ca-file", &files.path("ca.crt"), "--client-cert-auth"]);
        }
        command.env("LOG", dir.path().join("log")).stdin(Stdio::piped());
        let mut guard = command.spawn().unwrap();
        let hold = guard.stdin.take();
        let etcd = Self { dir, url, guard, hold };
        wait_for("etcd serves", LIMIT, || {
            let log = fs::read_to_string(etcd.dir.path().join("log")).unwrap_or_default();
            log.contains("serving client requests") || log.contains("serving insecure client")
        });
        etcd
    }

    /// How many entries there are, of all clusters.
    fn entries(&self) -> usize {
        let body = r#"{"key":"AA==","range_end":"AA==","keys_only":true}"#;
        let mut tcp = TcpStream::connect(self.url.strip_prefix("http://").unwrap()).unwrap();
        let head = format!("POST /v3/kv/range HTTP/1.0\r\nContent-Length: {}\r\n\r\n", body.len());
        tcp.write_all((head + body).as_bytes()).unwrap();
        let mut answer = String::new();
        tcp.read_to_string(&mut answer).unwrap();
        assert!(answer.starts_with("HTTP/1.0 200"), "{answer}");
        answer.matches("\"key\":").count()
    }

    fn stop(mut self) {
        drop(self.hold.take());
        let _ = self.guard.wait();
    }
}

impl Drop for Etcd {
    fn drop(&mut self) {
        drop(self.hold.take());
        let _ = self.guard.wait();
    }
}

/// Nodes of 127.0.0.1 that meet in etcd.
fn etcd_nodes(count: usize, lines: &str) -> Vec<Node> {
    let name = |_| format!("node{}@127.0.0.1", free_mesh_number());
    (0..count).map(name).map(|name| Node::prepare(&name, "etcd", lines)).collect()
}

#[test]
fn entries_in_etcd_make_a_cluster() {
    let (dead, port) = (free_port(), free_port());
    let etcd = Etcd::start(port, None);
    let lines = format!(
        "cluster.etcd.server = http://127.0.0.1:{dead}, {}\ncluster.etcd.prefix = mine\ncluster.etcd.node_ttl = 5s",
        etcd.url
    );
    let mut nodes = etcd_nodes(4, &lines);
    let mut stranger = etcd_nodes(1, &format!("{lines}\ncluster.name = other")).remove(0);
    stranger.spawn();
    nodes[..3].iter_mut().for_each(Node::spawn);
    wait_for_all(&nodes[..3]);
    wait_for("all are in etcd", LIMIT, || etcd.entries() == 4);
    nodes[2].kill();
    wait_for("the entry of a dead node goes", LIMIT, || etcd.entries() == 3);
    etcd.stop();
    wait_for_log(&nodes[0], "discovery failed, what is known stays");
    wait_for_log(&nodes[0], &format!("http://127.0.0.1:{dead}: cannot connect: "));
    // All is lost there: who lives writes the own entry anew, and the new one finds the old ones.
    let etcd = Etcd::start(port, None);
    wait_for("those that live are in etcd again", LIMIT * 2, || etcd.entries() == 3);
    nodes.remove(2);
    nodes[2].spawn();
    wait_for_all(&nodes);
    assert_eq!(stranger.running_nodes().len(), 1, "another cluster in the same etcd");
}

#[test]
fn etcd_is_asked_over_tls_with_a_certificate() {
    let files = Certificates::new();
    let etcd = Etcd::start(free_port(), Some(&files));
    let trust = format!(
        "cluster.etcd.server = {}\ncluster.etcd.ssl.cacertfile = {}",
        etcd.url,
        files.path("ca.crt")
    );
    let lines = format!(
        "{trust}\ncluster.etcd.ssl.certfile = {}\ncluster.etcd.ssl.keyfile = {}",
        files.path("own.crt"),
        files.path("own.key")
    );
    let mut nodes = etcd_nodes(2, &lines);
    nodes.iter_mut().for_each(Node::spawn);
    let mut bare = etcd_nodes(1, &trust).remove(0);
    bare.spawn();
    let others = Certificates::new();
    let trust = trust.replace(&files.path("ca.crt"), &others.path("ca.crt"));
    let mut wary = etcd_nodes(1, &trust).remove(0);
    wary.spawn();
    wait_for_all(&nodes);
    wait_for_log(&bare, "discovery failed, what is known stays");
    wait_for_log(&wary, "TLS: invalid peer certificate: ");
    assert_eq!(bare.running_nodes().len(), 1, "no certificate, no entry");
}

/// The answer of the API of Kubernetes 1.31 to a read of Endpoints, shortened.
fn endpoints(ready: &[&str], starting: &[&str]) -> String {
    let list = |ips: &[&str]| -> Vec<Value> {
        ips.iter()
            .map(|ip| {
                let pod = format!("emqx-{}", ip.rsplit('.').next().unwrap());
                json!({
                    "ip": ip,
                    "hostname": pod,
                    "nodeName": "worker-1",
                    "targetRef": { "kind": "Pod", "namespace": "iot", "name": pod, "uid": "1" },
                })
            })
            .collect()
    };
    let ports = json!([{ "name": "mqtt", "port": 1883, "protocol": "TCP" }]);
    let mut subset = json!({ "ports": ports });
    for (name, ips) in [("addresses", ready), ("notReadyAddresses", starting)] {
        if !ips.is_empty() {
            subset[name] = list(ips).into();
        }
    }
    json!({
        "kind": "Endpoints",
        "apiVersion": "v1",
        "metadata": { "name": "emqx", "namespace": "iot", "resourceVersion": "4711" },
        "subsets": [subset],
    })
    .to_string()
}

/// The answer of the API of Kubernetes 1.31 to a list of the EndpointSlices of a Service, shortened.
fn slices(pods: &[&str]) -> String {
    let endpoint = |ip: &&str| {
        let pod = format!("emqx-{}", ip.rsplit('.').next().unwrap());
        json!({
            "addresses": [ip],
            "conditions": { "ready": false, "serving": false, "terminating": false },
            "hostname": pod,
            "nodeName": "worker-1",
            "targetRef": { "kind": "Pod", "namespace": "iot", "name": pod, "uid": "1" },
        })
    };
    // The controller splits long lists at will.
    let slice = |(number, pods): (usize, &[&str])| {
        json!({
            "metadata": {
                "name": format!("emqx-{number}"),
                "namespace": "iot",
                "labels": { "kubernetes.io/service-name": "emqx" },
            },
            "addressType": "IPv4",
            "endpoints": pods.iter().map(endpoint).collect::<Vec<_>>(),
            "ports": [{ "name": "mqtt", "port": 1883, "protocol": "TCP" }],
        })
    };
    json!({
        "kind": "EndpointSliceList",
        "apiVersion": "discovery.k8s.io/v1",
        "metadata": { "resourceVersion": "4711" },
        "items": pods.chunks(2).enumerate().map(slice).collect::<Vec<_>>(),
    })
    .to_string()
}

const ENDPOINTS: &str = "/api/v1/namespaces/iot/endpoints/emqx";
const SLICES: &str = "/apis/discovery.k8s.io/v1/namespaces/iot/endpointslices\
                      ?labelselector=kubernetes.io/service-name%3demqx";

/// The API server: TLS, one path, one token.
struct Api {
    files: Certificates,
    port: u16,
    answer: Arc<Mutex<String>>,
}

impl Api {
    fn start(path: &'static str, answer: String) -> Self {
        let files = Certificates::new();
        fs::write(files.path("token"), "token-of-the-pod\n").unwrap();
        let chain = CertificateDer::pem_file_iter(files.path("own.crt")).unwrap();
        let chain = chain.collect::<Result<Vec<_>, _>>().unwrap();
        let key = PrivateKeyDer::from_pem_file(files.path("own.key")).unwrap();
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(chain, key)
            .unwrap();
        let (config, answer) = (Arc::new(config), Arc::new(Mutex::new(answer)));
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let (port, shared) = (listener.local_addr().unwrap().port(), answer.clone());
        std::thread::spawn(move || {
            for tcp in listener.incoming().flatten() {
                let tls = StreamOwned::new(ServerConnection::new(config.clone()).unwrap(), tcp);
                let answer = shared.lock().unwrap().clone();
                // A client that gives up is no fault of the server.
                std::thread::spawn(move || serve(tls, path, &answer).ok());
            }
        });
        Self { files, port, answer }
    }

    fn node(&self, name: &str, lines: &str) -> Node {
        let lines = format!(
            "cluster.k8s.apiserver = https://127.0.0.1:{}\ncluster.k8s.service_account = {}\n\
             cluster.k8s.service_name = emqx\ncluster.k8s.namespace = iot\n{lines}",
            self.port,
            self.files.dir.path().display()
        );
        Node::prepare(name, "k8s", &lines)
    }
}

fn serve(
    mut tls: StreamOwned<ServerConnection, TcpStream>,
    path: &str,
    answer: &str,
) -> std::io::Result<()> {
    let mut head = Vec::new();
    let mut byte = [0];
    while !head.ends_with(b"\r\n\r\n") {
        tls.read_exact(&mut byte)?;
        head.push(byte[0]);
    }
    let head = String::from_utf8_lossy(&head).to_lowercase();
    let (status, body) = if !head.contains("\r\nauthorization: bearer token-of-the-pod\r\n") {
        ("401 Unauthorized", r#"{"kind":"Status","status":"Failure","code":401}"#)
    } else if !head.starts_with(&format!("get {path} http/1.1\r\n")) {
        ("404 Not Found", r#"{"kind":"Status","status":"Failure","code":404}"#)
    } else {
        ("200 OK", answer)
    };
    let length = body.len();
    let head = format!("HTTP/1.1 {status}\r\nContent-Type: application/json\r\n");
    tls.write_all(format!("{head}Content-Length: {length}\r\n\r\n{body}").as_bytes())?;
    tls.flush()
}

#[test]
fn pods_behind_a_service_make_a_cluster() {
    let api = Api::start(ENDPOINTS, endpoints(&["127.0.0.2"], &["127.0.0.3", "127.0.0.4"]));
    let app = format!("node{}", free_mesh_number());
    let mut nodes: Vec<Node> = (2..5)
        .map(|n| api.node(&format!("{app}@127.0.0.{n}"), "cluster.k8s.address_type = ip"))
        .collect();
    nodes.iter_mut().for_each(Node::spawn);
    wait_for_all(&nodes);
}

/// Nothing but slices is served.
#[test]
fn pods_in_endpoint_slices_make_a_cluster() {
    let api = Api::start(SLICES, slices(&["127.0.0.2", "127.0.0.3", "127.0.0.4"]));
    let app = format!("node{}", free_mesh_number());
    let mut nodes: Vec<Node> = (2..5)
        .map(|n| api.node(&format!("{app}@127.0.0.{n}"), "cluster.k8s.address_type = ip"))
        .collect();
    nodes.iter_mut().for_each(Node::spawn);
    wait_for_all(&nodes);
}

/// Names that no DNS here knows: the node is dialled at the address beside it. The token is read anew.
#[test]
fn pods_are_named_by_their_host_names() {
    let api = Api::start(ENDPOINTS, endpoints(&["127.0.0.2", "127.0.0.3"], &[]));
    fs::write(api.files.path("token"), "expired").unwrap();
    let app = format!("node{}", free_mesh_number());
    let mut nodes: Vec<Node> = (2..4)
        .map(|n| {
            let lines = format!(
                "cluster.k8s.address_type = hostname\ncluster.k8s.suffix = svc.cluster.invalid\n\
                 node.dist_use_interface = 127.0.0.{n}"
            );
            api.node(&format!("{app}@emqx-{n}.emqx.iot.svc.cluster.invalid"), &lines)
        })
        .collect();
    nodes.iter_mut().for_each(Node::spawn);
    wait_for_log(&nodes[0], "answers 401 ");
    wait_for_log(&nodes[0], "the token of the service account is not accepted");
    fs::write(api.files.path("token"), "token-of-the-pod").unwrap();
    wait_for_all(&nodes);
    *api.answer.lock().unwrap() = "no JSON".to_owned();
    wait_for_log(&nodes[1], "answers no JSON");
    wait_for_all(&nodes);
}
