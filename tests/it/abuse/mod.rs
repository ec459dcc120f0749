//! Bad input by the thousand: a table of it ([`inputs`]) and seeded mutations of good conversations ([`mutations`]), against a
//! node with listeners of every kind. The node stays up, no task of it panics, a witness is served throughout, and its memory is
//! afterwards what it was.

mod inputs;
mod mutations;
mod witness;
mod work;

use std::{fs, net::SocketAddr, os::unix::net::UnixStream, path::PathBuf, time::Duration};

use super::support::{
    Client, Node, Version,
    certificates::Authority,
    node::{free_mesh_number, free_port},
    wait_for,
    wire::{TlsClient, WebSocket},
};

/// Memory that may be more afterwards.
const MORE_KIB: u64 = 2 << 10;
/// What was thrown at the node is over and its memory given back after so long.
const SETTLED: Duration = Duration::from_secs(30);

/// A node with a listener of each kind, all of which take who comes as fast as he comes.
struct Target {
    node: Node,
    unix: PathBuf,
    ssl: SocketAddr,
    ws: SocketAddr,
    wss: SocketAddr,
    /// TCP behind a PROXY header.
    proxy: SocketAddr,
    tls: TlsClient,
}

/// What MQTT is carried by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Over {
    Tcp,
    Unix,
    Ssl,
    Ws,
    Wss,
}

impl Target {
    fn start() -> Self {
        let name = format!("node{}@127.0.0.1", free_mesh_number());
        let at = ([127, 0, 0, 1], free_port()).into();
        let mut node = Node::prepare_at(&name, at, Vec::new(), "cluster.discovery = manual");
        let folder = node.config().parent().unwrap().to_owned();
        let (certs, unix) = (folder.join("certs"), folder.join("mqtt.sock"));
        fs::create_dir(&certs).unwrap();
        let authority = Authority::new("ca");
        authority.issue(&["127.0.0.1"]).write(&certs, &authority.pem());
        let [ssl, ws, wss, proxy] =
            [(); 4].map(|()| SocketAddr::from(([127, 0, 0, 1], free_port())));
        let files = |listener: &str| {
            format!(
                "{listener}.certfile = certs/cert.pem\n{listener}.keyfile = certs/key.pem\n\
                 {listener}.cacertfile = certs/cacert.pem\n"
            )
        };
        let mut lines = format!(
            "listener.unix.x = {}\nlistener.ssl.x = {ssl}\nlistener.ws.x = {ws}\n\
             listener.wss.x = {wss}\nlistener.tcp.proxy = {proxy}\n\
             listener.tcp.proxy.proxy_protocol = on\ntakeover_policy = off\n\
             zone.external.max_session_expiry_interval = 1s\n\
             zone.external.session_expiry_interval = 1s\nzone.external.max_mqueue_len = 100\n\
             retainer.max_retained_messages = 1000\ndelayed.max_delayed_messages = 100\n",
            unix.display()
        );
        for name in ["tcp.external", "tcp.proxy", "unix.x", "ssl.x", "ws.x", "wss.x"] {
            lines += &format!("listener.{name}.max_conn_rate = 0\n");
        }
        lines += &files("listener.ssl.x");
        lines += &files("listener.wss.x");
        node.configure(&lines);
        node.launch_all();
        let tls = TlsClient::new(&authority.pem(), None, &[&rustls::version::TLS13]);
        Self { node, unix, ssl, ws, wss, proxy, tls }
    }

    /// A client over a listener of this kind on which nothing was sent yet.
    fn client(&self, over: Over, version: Version) -> Client {
        let tcp = |at| Client::tcp(at);
        let tls = |at| self.tls.connect(tcp(at)).expect("a TLS session");
        match over {
            Over::Tcp => Client::over(version, tcp(self.node.mqtt())),
            Over::Unix => Client::over(version, UnixStream::connect(&self.unix).unwrap()),
            Over::Ssl => Client::over(version, tls(self.ssl)),
            Over::Ws => Client::over(version, WebSocket::mqtt(tcp(self.ws))),
            Over::Wss => Client::over(version, WebSocket::mqtt(tls(self.wss))),
        }
    }

    /// Nothing of it has died.
    fn is_well(&self) -> bool {
        self.node.is_running() && self.node.metric("emqx_rs.panics") == 0
    }

    #[track_caller]
    fn assert_well(&self) {
        assert!(self.node.is_running(), "the node is gone:\n{}", self.node.log());
        let panics = self.node.metric("emqx_rs.panics");
        assert_eq!(panics, 0, "tasks have panicked:\n{}", self.node.log());
    }

    /// Waits until nothing is left of what was thrown at it, and gives what it takes then, in KiB.
    fn settle(&self) -> u64 {
        self.node.ctl(&["retainer", "clean"]);
        wait_for("only the node itself is left", SETTLED, || {
            self.node.stat("sessions.count") == 0 && self.node.stat("subscriptions.count") == 0
        });
        // Threads give back what they have freed when they have something to do.
        let mut clients: Vec<Client> =
            (0..20).map(|_| Client::at(Version::V5, self.node.mqtt())).collect();
        clients.iter_mut().for_each(Client::ping);
        drop(clients);
        self.node.resident_kib()
    }

    /// Its memory is what it was `before`, or soon will be.
    #[track_caller]
    fn assert_settles(&self, before: u64) {
        let mut after = self.settle();
        let kept = ["delayed.count", "retained.count", "subscriptions.count"];
        let kept = kept.map(|name| (name, self.node.stat(name)));
        println!("memory: {before} KiB before, {after} KiB after, {kept:?}");
        wait_for("memory is back", SETTLED, || {
            after = self.settle();
            after <= before + MORE_KIB
        });
    }
}
