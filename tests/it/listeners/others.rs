//! Unix sockets, PROXY headers, sockets from systemd, zones, options of sockets.

use std::{
    fs,
    io::{Read, Write},
    net::{SocketAddr, TcpStream},
    os::unix::{fs::PermissionsExt as _, net::UnixStream},
};

use super::{V3, V5, connect, listener, prepare, round_trip, row, start};
use crate::support::{
    Client, LIMIT, Node,
    node::{free_mesh_number, free_port},
    unique, wait_for,
    wire::{WebSocket, Wire},
};

fn at(port: u16) -> SocketAddr {
    ([127, 0, 0, 1], port).into()
}

#[test]
fn a_unix_socket_is_local_and_its_file_comes_and_goes() {
    let (mut node, certs) = prepare();
    let path = certs.join("mqtt.sock");
    // Left by a process that is gone.
    drop(std::os::unix::net::UnixListener::bind(&path).unwrap());
    node.configure(&format!(
        "listener.unix.x = {}\nlistener.unix.x.mode = 0600\nallow_anonymous = local",
        path.display()
    ));
    node.launch_all();
    for version in [V3, V5] {
        let unix = UnixStream::connect(&path).unwrap();
        round_trip(&mut connect(version).open_over(unix));
    }
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    assert_eq!(listener(&node, "mqtt:unix:x")["listen_on"], path.display().to_string());
    node.terminate();
    node.wait_end();
    assert!(!path.exists(), "the file goes with the node");
    fs::write(&path, "not a socket").unwrap();
    node.spawn();
    node.wait_end();
    assert!(node.log().contains("it is no socket"), "{}", node.log());
    assert_eq!(fs::read(&path).unwrap(), b"not a socket");
}

/// `PROXY TCP4` for a client at `source`.
fn line(source: &str, port: u16) -> String {
    format!("PROXY TCP4 {source} 10.0.0.1 {port} 1883\r\n")
}

/// Version 2 for a client at 192.0.2.9:4711, with this behind the addresses.
fn binary(more: &[u8]) -> Vec<u8> {
    let mut bytes = b"\r\n\r\n\0\r\nQUIT\n\x21\x11".to_vec();
    bytes.extend((12 + more.len() as u16).to_be_bytes());
    bytes.extend([192, 0, 2, 9, 10, 0, 0, 1, 0x12, 0x67, 7, 0x5b]);
    bytes.extend(more);
    bytes
}

#[test]
fn a_proxy_says_where_its_client_is() {
    let (mut node, _) = prepare();
    let (tcp, ws) = (free_port(), free_port());
    node.configure(&format!(
        "listener.tcp.x = 127.0.0.1:{tcp}\nlistener.tcp.x.proxy_protocol = on\n\
         listener.tcp.x.peer_cert_as_username = cn\nlistener.tcp.x.access.1 = deny 192.0.2.66\n\
         listener.tcp.x.proxy_protocol_timeout = 1s\n\
         listener.ws.x = 127.0.0.1:{ws}\nlistener.ws.x.proxy_protocol = on"
    ));
    node.launch_all();
    let over = |port: u16, header: &[u8]| {
        let mut wire = Client::tcp(at(port));
        wire.write_all(header).unwrap();
        wire
    };
    let peer = |id: &str| row(&node, id)["peername"].as_str().unwrap().to_owned();

    let id = unique("line");
    let mut client = connect(V3).id(&id).open_over(over(tcp, line("192.0.2.7", 4711).as_bytes()));
    round_trip(&mut client);
    assert_eq!(peer(&id), "192.0.2.7:4711");
    let id = unique("local");
    let mut client = connect(V3).id(&id).open_over(over(tcp, b"PROXY UNKNOWN\r\n"));
    round_trip(&mut client);
    assert!(peer(&id).starts_with("127.0.0.1:"));

    let mut ssl = vec![7, 0, 0, 0, 0, 0x22, 0, 5];
    ssl.extend(b"alice");
    let extra = [&[0x20, 0, ssl.len() as u8][..], &ssl].concat();
    let id = unique("binary");
    let mut client = connect(V5).id(&id).open_over(over(tcp, &binary(&extra)));
    round_trip(&mut client);
    assert_eq!(
        (peer(&id).as_str(), row(&node, &id)["username"].as_str()),
        ("192.0.2.9:4711", Some("alice"))
    );
    let id = unique("web");
    let mut client = connect(V5).id(&id).open_over(WebSocket::mqtt(over(ws, &binary(&[]))));
    round_trip(&mut client);
    assert_eq!(peer(&id), "192.0.2.9:4711");

    let silent = over(tcp, b"");
    for mut refused in [
        over(tcp, line("192.0.2.66", 1).as_bytes()),
        over(tcp, &connect(V3).bytes()),
        over(tcp, b"PROXY TCP4 nonsense here 1 2\r\n"),
        silent,
    ] {
        refused.read_within(LIMIT);
        assert_eq!(refused.read(&mut [0]).unwrap_or(0), 0);
    }
    wait_for("what was refused is counted", LIMIT, || {
        let counts = listener(&node, "mqtt:tcp:x")["shutdown_count"].clone();
        counts["proxy_protocol"] == 3 && counts["refused"] == 1
    });
}

#[test]
fn a_stranger_is_no_proxy() {
    let port = free_port();
    // The address of this host that is not loopback.
    let Some(own) = own_address() else { return };
    let node = start(&format!(
        "listener.tcp.x = 0.0.0.0:{port}\nlistener.tcp.x.proxy_protocol = on\n\
         listener.tcp.y = 0.0.0.0:{}\nlistener.tcp.y.proxy_protocol = on\nlistener.tcp.y.trusted_proxies = {own}",
        port_of_y()
    ));
    let ask = |port: u16, source: &str| {
        let mut wire = TcpStream::connect((own, port)).unwrap();
        wire.write_all(line(source, 7).as_bytes()).unwrap();
        wire
    };
    let mut refused = ask(port, "192.0.2.7");
    refused.read_within(LIMIT);
    assert_eq!(refused.read(&mut [0]).unwrap_or(0), 0);
    wait_for("the log says why", LIMIT, || node.log().contains("not in trusted_proxies"));

    let id = unique("trusted");
    let mut client = connect(V3).id(&id).open_over(ask(port_of_y(), "192.0.2.7"));
    round_trip(&mut client);
    assert_eq!(row(&node, &id)["peername"], "192.0.2.7:7");
    // What is local to the proxy is not local to this node.
    let id = unique("claims");
    let _client = connect(V3).id(&id).open_over(ask(port_of_y(), "127.0.0.1"));
    let peer = row(&node, &id)["peername"].as_str().unwrap().to_owned();
    assert!(peer.starts_with(&own.to_string()), "{peer}");
}

fn port_of_y() -> u16 {
    static PORT: std::sync::OnceLock<u16> = std::sync::OnceLock::new();
    *PORT.get_or_init(free_port)
}

fn own_address() -> Option<std::net::IpAddr> {
    let socket = std::net::UdpSocket::bind("0.0.0.0:0").unwrap();
    socket.connect("192.0.2.1:9").ok()?;
    Some(socket.local_addr().ok()?.ip()).filter(|ip| !ip.is_loopback())
}

/// Opens sockets as systemd does, and becomes the daemon.
const ACTIVATE: &str = r#"
import os, socket, sys
names = []
for number, item in enumerate(sys.argv[1].split(",")):
    name, address = item.split("=")
    if address.startswith("/"):
        one = socket.socket(socket.AF_UNIX)
        one.bind(address)
    else:
        one = socket.socket()
        one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        one.bind(("127.0.0.1", int(address)))
    one.listen()
    os.dup2(one.fileno(), 10 + number, inheritable=False)
    names.append(name)
for number in range(len(names)):
    os.dup2(10 + number, 3 + number, inheritable=True)
os.environ["LISTEN_PID"] = str(os.getpid())
os.environ["LISTEN_FDS"] = str(len(names))
os.environ["LISTEN_FDNAMES"] = ":".join(names)
os.execv(sys.argv[2], sys.argv[2:])
"#;

#[test]
fn sockets_from_systemd_are_adopted_by_name_and_by_address() {
    let (named, there, plain, idle) = (free_port(), free_port(), free_port(), free_port());
    let unix = std::env::temp_dir().join(unique("emqx-rs-unix"));
    let sockets = format!(
        "listener.tcp.a={named},unknown={there},listener.unix.c={},forgotten={idle}",
        unix.display()
    );
    let runner = ["python3", "-c", ACTIVATE, &sockets].map(str::to_owned).to_vec();
    let name = format!("node{}@127.0.0.1", free_mesh_number());
    let lines = format!(
        "cluster.discovery = manual\nlistener.tcp.a = 127.0.0.1:{plain}\n\
         listener.tcp.b = 127.0.0.1:{there}\nlistener.unix.c = /nonexistent/mqtt.sock"
    );
    let mut node = Node::prepare_at(&name, at(free_port()), runner, &lines);
    node.launch_all();
    for port in [named, there] {
        round_trip(&mut Client::at(V5, at(port)));
    }
    round_trip(&mut connect(V3).open_over(UnixStream::connect(&unix).unwrap()));
    assert!(TcpStream::connect(at(plain)).is_err(), "the name comes before the address");
    assert_eq!(listener(&node, "mqtt:tcp:a")["listen_on"], format!("127.0.0.1:{named}"));
    assert!(node.log().contains("no listener is set for this socket from systemd"));
    assert!(TcpStream::connect(at(idle)).is_err(), "one that nobody wants is closed");
    let _ = fs::remove_file(&unix);
}

#[test]
fn listeners_have_zones_and_limits_of_their_own() {
    let (small, large) = (free_port(), free_port());
    let node = start(&format!(
        "listener.ws.small = 127.0.0.1:{small}\nlistener.ws.small.zone = small\n\
         listener.ws.small.max_connections = 1\nzone.small.max_packet_size = 1KB\n\
         listener.ws.large = 127.0.0.1:{large}\nlistener.ws.large.max_connections = 7"
    ));
    let mut one = connect(V5).open_over(WebSocket::mqtt(Client::tcp(at(small))));
    let second = connect(V5).attempt_over(WebSocket::mqtt(Client::tcp(at(small))));
    assert_eq!(second.code, 0x97, "one is all");
    round_trip(&mut connect(V5).open_over(WebSocket::mqtt(Client::tcp(at(large)))));
    one.send(&vec![0x30; 2000]);
    assert!(matches!(one.closed(), Some(0x82 | 0x95)), "its zone has smaller packets");
    assert_eq!(listener(&node, "mqtt:ws:large")["max_conns"], 7);
    assert_eq!(listener(&node, "mqtt:ws:small")["shutdown_count"]["refused"], 1);
}
