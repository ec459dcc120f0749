//! TLS: who gets in, by which name, with which files, and who waits for whom.

use std::{
    io::{Read, Write},
    net::{SocketAddr, TcpStream},
    time::{Duration, Instant},
};

use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};
use rcgen::{DistinguishedName, DnType};
use rustls::version::{TLS12, TLS13};
use socket2::{Domain, Socket, Type};

use super::{V3, V5, connect, listener, prepare, round_trip, row, tls_lines, write};
use crate::support::{
    Client, LIMIT, Node,
    certificates::{Authority, Issued},
    scram::{self, Scram},
    unique, wait_for,
    wire::{Tls, TlsClient},
};

const HOSTS: &[&str] = &["127.0.0.1"];

/// A certificate for a client with this common name.
fn named(authority: &Authority, name: &str) -> Issued {
    authority.issue_with(HOSTS, |params| {
        params.distinguished_name = DistinguishedName::new();
        params.distinguished_name.push(DnType::OrganizationName, "Example");
        params.distinguished_name.push(DnType::CommonName, name);
    })
}

fn tcp(port: u16) -> TcpStream {
    Client::tcp(([127, 0, 0, 1], port).into())
}

fn reload(node: &Node) {
    kill(Pid::from_raw(node.pid()), Signal::SIGHUP).unwrap();
}

/// Whether the server takes this client's certificate: with TLS 1.3 it says so at the first read.
fn gets_in(tls: std::io::Result<Tls>) -> bool {
    let Ok(mut tls) = tls else { return false };
    let bytes = connect(V3).bytes();
    if tls.write_all(&bytes).is_err() {
        return false;
    }
    let mut answer = [0; 4];
    tls.read_exact(&mut answer).is_ok() && answer == [0x20, 2, 0, 0]
}

#[test]
fn both_versions_of_tls_carry_mqtt_and_sessions_are_resumed() {
    let (mut node, certs) = prepare();
    let authority = Authority::new("ca");
    write(&authority.issue(HOSTS), &authority.pem(), &certs);
    let (port, lines) = tls_lines("ssl", &[]);
    node.configure(&lines);
    node.launch_all();
    for tls in [&TLS12, &TLS13] {
        let client = TlsClient::new(&authority.pem(), None, &[tls]);
        for _ in 0..2 {
            for version in [V3, V5] {
                let wire = client.connect(tcp(port)).unwrap();
                assert_eq!(wire.conn.protocol_version(), Some(tls.version));
                round_trip(&mut connect(version).open_over(wire));
            }
        }
        let mut again = client.connect(tcp(port)).unwrap();
        assert_eq!(again.conn.handshake_kind(), Some(rustls::HandshakeKind::Resumed));
        again.conn.send_close_notify();
        let _ = again.flush();
    }
    assert_eq!(listener(&node, "mqtt:ssl:x")["listen_on"], format!("127.0.0.1:{port}"));
}

#[test]
fn versions_and_ciphers_can_be_narrowed() {
    let (mut node, certs) = prepare();
    let authority = Authority::new("ca");
    write(&authority.issue(HOSTS), &authority.pem(), &certs);
    let (new, lines) =
        tls_lines("ssl", &["tls_versions = tlsv1.3", "ciphers = TLS_AES_128_GCM_SHA256"]);
    node.configure(&lines);
    node.launch_all();
    let wire = TlsClient::new(&authority.pem(), None, &[&TLS13]).connect(tcp(new)).unwrap();
    let suite = wire.conn.negotiated_cipher_suite().unwrap().suite();
    assert_eq!(suite, rustls::CipherSuite::TLS13_AES_128_GCM_SHA256);
    round_trip(&mut connect(V5).open_over(wire));
    let old = TlsClient::new(&authority.pem(), None, &[&TLS12]).connect(tcp(new));
    assert!(old.is_err(), "TLS 1.2 is switched off");
}

#[test]
fn a_certificate_names_its_client_and_stands_for_a_password() {
    let (mut node, certs) = prepare();
    let (authority, other) = (Authority::new("ca"), Authority::new("other"));
    write(&authority.issue(HOSTS), &authority.pem(), &certs);
    let mutual = ["verify = verify_peer", "fail_if_no_peer_cert = true"];
    let (strict, lines) = tls_lines(
        "ssl",
        &[&mutual[..], &["peer_cert_as_username = cn", "peer_cert_as_clientid = dn"]].concat(),
    );
    let (lax, lax_lines) =
        tls_lines("ssl", &["verify = verify_peer", "peer_cert_as_username = dn"]);
    node.configure(&lines);
    node.configure(&lax_lines.replace("ssl.x", "ssl.lax"));
    node.configure("allow_anonymous = false");
    node.launch_all();
    let with = |own: Option<&Issued>| TlsClient::new(&authority.pem(), own, &[&TLS12, &TLS13]);

    let sensor = named(&authority, "sensor7");
    let mut client =
        connect(V5).id("ignored").open_over(with(Some(&sensor)).connect(tcp(strict)).unwrap());
    round_trip(&mut client);
    let seen = row(&node, "CN=sensor7,O=Example");
    assert_eq!(seen["username"], "sensor7", "{seen}");

    assert!(!gets_in(with(None).connect(tcp(strict))), "no certificate");
    let stranger = named(&other, "sensor7");
    assert!(!gets_in(with(Some(&stranger)).connect(tcp(strict))), "an authority nobody knows");
    let ended = authority.issue_until(HOSTS, -1);
    assert!(!gets_in(with(Some(&ended)).connect(tcp(strict))), "a certificate that has ended");

    let id = unique("lax");
    let mut client = connect(V3).id(&id).open_over(with(Some(&sensor)).connect(tcp(lax)).unwrap());
    round_trip(&mut client);
    assert_eq!(row(&node, &id)["username"], "CN=sensor7,O=Example");
    let nobody = connect(V3).attempt_over(with(None).connect(tcp(lax)).unwrap());
    assert_eq!(nobody.code, 5, "without a certificate a password is asked for");
    assert!(!gets_in(with(Some(&stranger)).connect(tcp(lax))), "a bad one is refused");
    wait_for("refusals are counted", LIMIT, || {
        listener(&node, "mqtt:ssl:x")["shutdown_count"]["tls_handshake"] == 3
    });
    let log = node.log();
    for words in [
        "no authority that is known here",
        "its certificate has expired",
        "it shows no certificate",
    ] {
        assert!(log.contains(words), "{words} is not in\n{log}");
    }
}

/// A certificate that gives the client id alone proves no user name.
#[test]
fn a_user_name_that_no_certificate_gives_needs_its_password() {
    let (mut node, certs) = prepare();
    let authority = Authority::new("ca");
    write(&authority.issue(HOSTS), &authority.pem(), &certs);
    let (port, lines) = tls_lines("ssl", &["verify = verify_peer", "peer_cert_as_clientid = cn"]);
    node.configure(&lines);
    node.configure("allow_anonymous = false\nzone.external.use_username_as_clientid = true");
    node.configure("auth.user.1.username = admin\nauth.user.1.password = sesame");
    node.launch_all();
    let sensor = named(&authority, "sensor7");
    let tls =
        || TlsClient::new(&authority.pem(), Some(&sensor), &[&TLS13]).connect(tcp(port)).unwrap();
    let as_admin = |password: Option<&str>| {
        let mut connect = connect(V5).id("ignored");
        connect.user = Some("admin".to_owned());
        connect.password = password.map(Into::into);
        connect
    };
    assert_eq!(as_admin(None).attempt_over(tls()).code, 0x86);
    assert_eq!(as_admin(Some("wrong")).attempt_over(tls()).code, 0x86);
    let client = as_admin(Some("sesame")).open_over(tls());
    assert_eq!(row(&node, "sensor7")["username"], "admin", "the client id stays the certificate's");
    drop(client);
    let mut client = connect(V5).id("ignored").open_over(tls());
    round_trip(&mut client);
    assert_eq!(row(&node, "sensor7")["username"], serde_json::Value::Null, "named by it alone");
}

/// A user name that a certificate gives is not left for another by SCRAM.
#[test]
fn scram_is_for_the_user_that_the_certificate_names() {
    let (mut node, certs) = prepare();
    let authority = Authority::new("ca");
    write(&authority.issue(HOSTS), &authority.pem(), &certs);
    let (port, lines) = tls_lines("ssl", &["verify = verify_peer", "peer_cert_as_username = cn"]);
    node.configure(&lines);
    let users = format!("{}{}", scram::line("sensor7", "x"), scram::line("admin", "x"));
    std::fs::write(node.data().join("users"), users).unwrap();
    node.launch_all();
    let sensor = named(&authority, "sensor7");
    let tls =
        || TlsClient::new(&authority.pem(), Some(&sensor), &[&TLS13]).connect(tcp(port)).unwrap();
    for (name, password, code) in [("sensor7", "x", 0), ("sensor7", "y", 0x86)] {
        let scram = Scram::new(name, password);
        let client = Client::over(V5, tls());
        let (_, client) = scram::attempt(&scram::connect(&scram), scram, client);
        assert_eq!(client.code, code, "{name} {password}");
    }
    let admin = scram::connect(&Scram::new("admin", "x"));
    assert_eq!(admin.attempt_over(tls()).code, 0x86, "before it is asked for anything");
}

#[test]
fn a_certificate_that_was_called_back_is_refused_from_the_reload_on() {
    let (mut node, certs) = prepare();
    let authority = Authority::new("ca");
    write(&authority.issue(HOSTS), &authority.pem(), &certs);
    let (port, lines) = tls_lines("ssl", &["verify = verify_peer", "fail_if_no_peer_cert = true"]);
    node.configure(&lines);
    node.launch_all();
    let own = named(&authority, "lost");
    let client = TlsClient::new(&authority.pem(), Some(&own), &[&TLS13]);
    assert!(gets_in(client.connect(tcp(port))));
    std::fs::write(certs.join("crl.pem"), authority.revoke_all()).unwrap();
    node.configure("listener.ssl.x.crlfile = certs/crl.pem");
    reload(&node);
    wait_for("it is refused, also where it would resume", LIMIT, || {
        !gets_in(client.connect(tcp(port)))
    });
}

#[test]
fn certificates_are_renewed_without_dropping_a_client() {
    let (mut node, certs) = prepare();
    let authority = Authority::new("ca");
    let first = authority.issue(HOSTS);
    write(&first, &authority.pem(), &certs);
    let (port, lines) = tls_lines("ssl", &[]);
    node.configure(&lines);
    node.launch_all();
    let client = TlsClient::new(&authority.pem(), None, &[&TLS13]);
    let shown = || TlsClient::shown(&client.connect(tcp(port)).unwrap());
    let old = shown();
    let mut stays = connect(V5).open_over(client.connect(tcp(port)).unwrap());

    write(&authority.issue(HOSTS), &authority.pem(), &certs);
    reload(&node);
    wait_for("the new one is shown", LIMIT, || shown() != old);
    round_trip(&mut stays);

    let new = shown();
    std::fs::write(certs.join("cert.pem"), "nonsense").unwrap();
    reload(&node);
    wait_for("the bad one is told", LIMIT, || node.log().contains("the old one stays"));
    assert_eq!(shown(), new);
    round_trip(&mut stays);
    assert_eq!(listener(&node, "mqtt:ssl:x").get("closed"), None);
}

#[test]
fn a_listener_without_a_certificate_stays_closed_and_opens_when_it_has_one() {
    let (mut node, certs) = prepare();
    let (port, lines) = tls_lines("ssl", &[]);
    node.configure(&lines);
    node.launch_all();
    round_trip(&mut Client::at(V5, node.mqtt()));
    let address = SocketAddr::from(([127, 0, 0, 1], port));
    assert!(TcpStream::connect(address).is_err(), "nobody listens");
    let closed = listener(&node, "mqtt:ssl:x")["closed"].as_str().unwrap().to_owned();
    assert!(closed.contains("certs/cert.pem") && closed.contains("No such file"), "{closed}");
    assert!(node.log().contains("listener stays closed"));

    let authority = Authority::new("ca");
    let issued = authority.issue(HOSTS);
    write(&issued, &authority.pem(), &certs);
    reload(&node);
    wait_for("it opens", LIMIT, || TcpStream::connect(address).is_ok());
    let client = TlsClient::new(&authority.pem(), None, &[&TLS13]);
    round_trip(&mut connect(V5).open_over(client.connect(tcp(port)).unwrap()));
    assert_eq!(listener(&node, "mqtt:ssl:x").get("closed"), None);
}

/// From another address of this host.
fn tcp_from(source: [u8; 4], port: u16) -> TcpStream {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
    socket.bind(&SocketAddr::from((source, 0)).into()).unwrap();
    socket.connect(&SocketAddr::from(([127, 0, 0, 1], port)).into()).unwrap();
    socket.into()
}

#[test]
fn who_begins_handshakes_and_ends_none_holds_up_himself_alone() {
    let (mut node, certs) = prepare();
    let authority = Authority::new("ca");
    write(&authority.issue(HOSTS), &authority.pem(), &certs);
    let (port, lines) = tls_lines("ssl", &["handshake_timeout = 4s", "max_conn_rate = 0"]);
    node.configure(&lines);
    node.launch_all();
    let mut held: Vec<TcpStream> = (0..300).map(|_| tcp(port)).collect();
    for tcp in &mut held {
        // The head of a ClientHello and nothing of it.
        tcp.write_all(&[0x16, 3, 1, 2, 0, 1]).unwrap();
    }
    let began = Instant::now();
    let client = TlsClient::new(&authority.pem(), None, &[&TLS13]);
    let wire = client.connect(tcp_from([127, 0, 0, 2], port)).unwrap();
    round_trip(&mut connect(V5).open_over(wire));
    assert!(began.elapsed() < Duration::from_secs(3), "another address is served meanwhile");
    round_trip(&mut Client::at(V5, node.mqtt()));
    for mut tcp in held {
        tcp.set_read_timeout(Some(LIMIT)).unwrap();
        let mut byte = [0];
        assert!(matches!(tcp.read(&mut byte), Ok(0) | Err(_)), "closed, without an answer");
    }
    wait_for("all are counted", LIMIT, || {
        listener(&node, "mqtt:ssl:x")["shutdown_count"]["tls_handshake"] == 300
    });
    assert_eq!(listener(&node, "mqtt:ssl:x")["current_conn"], 0);
}

#[test]
fn what_is_no_tls_is_refused_and_others_are_served() {
    let (mut node, certs) = prepare();
    let authority = Authority::new("ca");
    write(&authority.issue(HOSTS), &authority.pem(), &certs);
    let (port, lines) = tls_lines("ssl", &[]);
    node.configure(&lines);
    node.launch_all();
    let client = TlsClient::new(&authority.pem(), None, &[&TLS12, &TLS13]);
    let mut witness = connect(V5).open_over(client.connect(tcp(port)).unwrap());
    for junk in [
        &connect(V3).bytes()[..],
        b"GET / HTTP/1.1\r\n\r\n",
        &[0x16, 3, 1, 0xff, 0xff, 1],
        &[0; 64],
    ] {
        let mut bad = tcp(port);
        bad.write_all(junk).unwrap();
        bad.shutdown(std::net::Shutdown::Write).unwrap();
        bad.set_read_timeout(Some(LIMIT)).unwrap();
        let mut answer = Vec::new();
        let _ = bad.read_to_end(&mut answer);
        witness.ping();
    }
    // Half a record in a session that stands, and the end without a goodbye.
    let mut half = client.connect(tcp(port)).unwrap();
    half.sock.write_all(&[0x17, 3, 3, 0x40, 0]).unwrap();
    drop(half);
    let mut broken = client.connect(tcp(port)).unwrap();
    broken.sock.write_all(&[0x17, 3, 3, 0, 5, 1, 2, 3, 4, 5]).unwrap();
    broken.sock.set_read_timeout(Some(LIMIT)).unwrap();
    let mut rest = Vec::new();
    let _ = broken.sock.read_to_end(&mut rest);
    round_trip(&mut witness);
    wait_for("only the witness is left", LIMIT, || {
        listener(&node, "mqtt:ssl:x")["current_conn"] == 1
    });
}
