//! Two ends over loopback, with good and bad certificates, and files at fault.

#[expect(unreachable_pub, reason = "shared with the integration tests")]
#[path = "../../../tests/it/support/certificates.rs"]
pub(crate) mod certificates;

use std::{fs, net::Ipv4Addr, os::unix::fs::PermissionsExt as _, path::Path};

use tokio::net::TcpListener;

use self::certificates::{Authority, Issued};
use super::*;
use crate::{
    cluster::{
        handshake::{HandshakeError, LinkKind, Verdict},
        wire::Received,
    },
    node::{dial::LinkError, link::tests::local},
};

fn at(dir: &Path, name: &str) -> Option<FileAt> {
    Some(FileAt { path: dir.join(name), origin: format!("s.conf:1: {name}") })
}

fn role(dir: &Path) -> Role {
    Role {
        certificate: at(dir, "cert.pem"),
        key: at(dir, "key.pem"),
        authorities: at(dir, "cacert.pem"),
        verify: true,
        demand: true,
        ..Role::default()
    }
}

/// One node: its files, and what it makes of them.
struct End {
    dir: tempfile::TempDir,
    settings: Settings,
}

impl End {
    fn new(issued: &Issued, authorities: &str) -> Self {
        let dir = tempfile::tempdir().unwrap();
        issued.write(dir.path(), authorities);
        let role = role(dir.path());
        Self { settings: Settings { server: role.clone(), client: role, name_check: true }, dir }
    }

    fn load(&self) -> Result<Arc<Material>, Vec<String>> {
        let told = |bad: Vec<BadTls>| bad.iter().map(ToString::to_string).collect();
        Material::load(&self.settings).map(Arc::new).map_err(told)
    }

    fn tls(&self) -> MeshTls {
        MeshTls::new(self.load().unwrap())
    }
}

/// TLS of two nodes of one host, by one authority.
pub(crate) fn pair(host: &str) -> [MeshTls; 2] {
    let authority = Authority::new("ca");
    [(); 2].map(|()| End::new(&authority.issue(&[host]), &authority.pem()).tls())
}

fn name(text: &str) -> NodeName {
    NodeName::parse(text).unwrap()
}

/// What either end has in the end: a connection that carried a byte both ways, or the words for the log.
type Outcome = Result<Socket, String>;

async fn say(socket: io::Result<Socket>) -> Outcome {
    let words = |error: io::Error| {
        TlsError::within(&error).map_or_else(|| format!("io {error}"), |error| error.to_string())
    };
    let mut socket = socket.map_err(words)?;
    let sent = async {
        socket.write_all(b"x").await?;
        socket.flush().await
    };
    let sent = sent.await;
    let mut byte = [0];
    let read = socket.read_exact(&mut byte).await;
    read.and(sent).map_err(words)?;
    assert_eq!(byte, *b"x");
    Ok(socket)
}

/// The end that dials `target`, and the end that listens.
async fn meet(dials: &MeshTls, listens: &MeshTls, target: &str) -> (Outcome, Outcome) {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let addr = listener.local_addr().unwrap();
    let target = name(target);
    let dial = async {
        let tcp = TcpStream::connect(addr).await.unwrap();
        say(dials.connect(tcp, addr, &target).await).await
    };
    let accept = async {
        let (tcp, _) = listener.accept().await.unwrap();
        say(listens.accept(tcp).await).await
    };
    tokio::join!(dial, accept)
}

/// Neither end comes up, and each knows why.
#[track_caller]
fn refused((dials, listens): (Outcome, Outcome), want: (&str, &str)) {
    let (at_dial, at_listen) = (dials.map(drop).unwrap_err(), listens.map(drop).unwrap_err());
    assert!(at_dial.contains(want.0), "dials: {at_dial}: not {}", want.0);
    assert!(at_listen.contains(want.1), "listens: {at_listen}: not {}", want.1);
}

#[tokio::test]
async fn two_nodes_of_one_authority_meet_in_one_tls_1_3_session() {
    let authority = Authority::new("ca");
    let (a, b) = (authority.issue(&["127.0.0.1"]), authority.issue(&["b.lan", "127.0.0.1"]));
    let a = End::new(&a, &authority.pem()).tls();
    let b = End::new(&b, &authority.pem()).tls();
    let (dials, listens) = meet(&a, &b, "b@b.lan").await;
    let (dials, listens) = (dials.unwrap(), listens.unwrap());
    let keys = [&dials, &listens].map(|socket| socket.exporter().unwrap().unwrap());
    assert_eq!(keys[0], keys[1]);
    assert_eq!(a.check_name(&listens, &name("a@127.0.0.1")), Ok(()));
    let other = b.check_name(&listens, &name("a@10.0.0.9")).unwrap_err().to_string();
    assert!(other.contains("IP:127.0.0.1 and not 10.0.0.9"), "{other}");
    let (again, _) = meet(&a, &b, "b@127.0.0.1").await;
    assert_ne!(again.unwrap().exporter().unwrap().unwrap(), keys[0]);

    let moved = dials.park().unwrap().resume().unwrap();
    let (mut from, mut to) = (moved.into_split().1, listens.into_split().0);
    from.write_all(b"over there").await.unwrap();
    from.flush().await.unwrap();
    let mut text = [0; 10];
    to.read_exact(&mut text).await.unwrap();
    assert_eq!(&text, b"over there");
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let plain = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
    let plain = Socket::from(plain);
    assert_eq!(plain.exporter().unwrap(), None);
}

#[tokio::test]
async fn a_bad_certificate_is_refused_and_both_ends_know_why() {
    let (authority, stranger) = (Authority::new("ca"), Authority::new("other"));
    let host = &["127.0.0.1"][..];
    let good = End::new(&authority.issue(host), &authority.pem()).tls();
    let old = End::new(&authority.issue_until(host, -1), &authority.pem()).tls();
    refused(meet(&good, &old, "b@127.0.0.1").await, ("has expired", "of this node has expired"));
    refused(meet(&old, &good, "b@127.0.0.1").await, ("of this node has expired", "has expired"));
    let strange = End::new(&stranger.issue(host), &authority.pem()).tls();
    let (theirs, ours) = ("no authority that is known here", "it knows no authority");
    refused(meet(&good, &strange, "b@127.0.0.1").await, (theirs, ours));
    refused(meet(&strange, &good, "b@127.0.0.1").await, (ours, theirs));
    let named = ("IP:127.0.0.1 and not b.lan, the host part", "does not name the host part");
    refused(meet(&good, &good, "b@b.lan").await, named);
    let server_only = authority.issue_with(host, |params| {
        params.extended_key_usages = vec![rcgen::ExtendedKeyUsagePurpose::ServerAuth];
    });
    let server_only = End::new(&server_only, &authority.pem()).tls();
    let use_ = ("not for both serverAuth and clientAuth", "not for both serverAuth and clientAuth");
    refused(meet(&server_only, &good, "b@127.0.0.1").await, use_);
    assert!(meet(&good, &server_only, "b@127.0.0.1").await.1.is_ok());
}

#[tokio::test]
async fn what_the_optfile_loosens_is_loose() {
    let (authority, stranger) = (Authority::new("ca"), Authority::new("other"));
    let host = &["127.0.0.1"][..];
    let good = End::new(&authority.issue(host), &authority.pem());
    let mut bare = End::new(&authority.issue(host), &authority.pem());
    (bare.settings.client.certificate, bare.settings.client.key) = (None, None);
    let none = ("this node has none", "it shows no certificate");
    refused(meet(&bare.tls(), &good.tls(), "b@127.0.0.1").await, none);
    let mut mild = End::new(&authority.issue(host), &authority.pem());
    mild.settings.server.demand = false;
    let (dials, listens) = meet(&bare.tls(), &mild.tls(), "b@127.0.0.1").await;
    let listens = listens.unwrap();
    assert!(dials.is_ok() && listens.certificate().is_none());
    assert_eq!(mild.tls().check_name(&listens, &name("x@anything")), Ok(()));

    // verify_none on both sides, as EMQX ships it: strangers meet, and only the cookie inside can tell them apart.
    let mut blind = End::new(&stranger.issue(host), &stranger.pem());
    (blind.settings.client.verify, blind.settings.server.verify) = (false, false);
    let (dials, listens) = meet(&blind.tls(), &blind.tls(), "b@b.lan").await;
    assert_eq!(dials.unwrap().exporter().unwrap(), listens.unwrap().exporter().unwrap());
    good.load().unwrap();

    let mut any = End::new(&authority.issue(host), &authority.pem());
    any.settings.name_check = false;
    let (dials, listens) = meet(&any.tls(), &good.tls(), "b@b.lan").await;
    assert!(dials.is_ok());
    assert_eq!(any.tls().check_name(&listens.unwrap(), &name("a@b.lan")), Ok(()));
}

/// With verify_none anybody may end both sessions and pass on what he reads: the handshake inside sees that they are two.
#[tokio::test]
async fn a_relay_between_two_tls_sessions_is_seen() {
    let authority = Authority::new("ca");
    let blind = || {
        let mut end = End::new(&authority.issue(&["h"]), &authority.pem());
        (end.settings.client.verify, end.settings.server.verify) = (false, false);
        end.tls()
    };
    let (a, b) = (local("a@h", 1, Some(blind())), local("b@h", 2, Some(blind())));
    let [relay, listener] = [
        TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap(),
        TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap(),
    ];
    let (at_relay, at_b) = (relay.local_addr().unwrap(), listener.local_addr().unwrap());
    let never = Notify::new();
    let dial = |to| {
        let what = (LinkKind::Control, Received::default());
        a.dial(to, what, name("b@h"), &never)
    };
    let accept = async || {
        let (tcp, from) = listener.accept().await.unwrap();
        b.accept(tcp, from, async |_| (Verdict::Ok, Received::default())).await
    };
    let direct = tokio::join!(dial(at_b), accept());
    assert!(direct.0.is_ok() && direct.1.is_ok());

    let between = blind();
    let pass_on = async {
        let (tcp, _) = relay.accept().await.unwrap();
        let mut left = between.accept(tcp).await.unwrap();
        let tcp = TcpStream::connect(at_b).await.unwrap();
        let mut right = between.connect(tcp, at_b, &name("b@h")).await.unwrap();
        let _ = tokio::io::copy_bidirectional(&mut left, &mut right).await;
    };
    let (dialled, accepted, ()) = tokio::join!(dial(at_relay), accept(), pass_on);
    let error = accepted.map(drop).unwrap_err();
    let error = error.error;
    assert!(matches!(error, LinkError::Handshake(HandshakeError::Message(1))), "{error}");
    dialled.map(drop).unwrap_err();
}

#[tokio::test]
async fn depth_ciphers_and_revocation_are_held() {
    let authority = Authority::new("ca");
    let between = authority.below("between");
    let host = &["127.0.0.1"][..];
    let mut issued = between.issue(host);
    issued.certificate += &between.pem();
    let mut end = End::new(&issued, &authority.pem());
    assert!(meet(&end.tls(), &end.tls(), "b@127.0.0.1").await.1.is_ok());
    let before = end.tls();
    end.settings.client.depth = Some(0);
    refused(meet(&end.tls(), &before, "b@127.0.0.1").await, ("limit 0 (depth)", "too long"));
    (end.settings.client.depth, end.settings.server.depth) = (Some(1), Some(0));
    refused(meet(&end.tls(), &end.tls(), "b@127.0.0.1").await, ("too long", "limit 0 (depth)"));

    let mut one = End::new(&authority.issue(host), &authority.pem());
    let mut two = End::new(&authority.issue(host), &authority.pem());
    one.settings.client.suites = vec!["TLS_AES_128_GCM_SHA256".to_owned()];
    assert!(meet(&one.tls(), &two.tls(), "b@127.0.0.1").await.0.is_ok());
    two.settings.server.suites = vec!["TLS_CHACHA20_POLY1305_SHA256".to_owned()];
    let cipher = ("no cipher in common", "TLS: ");
    refused(meet(&one.tls(), &two.tls(), "b@127.0.0.1").await, cipher);

    let strict = End::new(
        &authority.issue_with(host, |p| p.serial_number = Some(8.into())),
        &authority.pem(),
    );
    fs::write(strict.dir.path().join("crl.pem"), authority.revoke_all()).unwrap();
    let mut settings = strict.settings.clone();
    settings.server.revoked = at(strict.dir.path(), "crl.pem");
    settings.client.revoked = settings.server.revoked.clone();
    let strict = MeshTls::new(Arc::new(Material::load(&settings).unwrap()));
    let plain = End::new(&authority.issue(host), &authority.pem()).tls();
    let words = ("of this node was revoked", "was revoked");
    refused(meet(&plain, &strict, "b@127.0.0.1").await, words);
    refused(meet(&strict, &plain, "b@127.0.0.1").await, (words.1, words.0));
}

#[tokio::test]
async fn whoever_speaks_something_else_is_told_so() {
    let authority = Authority::new("ca");
    let good = End::new(&authority.issue(&["127.0.0.1"]), &authority.pem()).tls();
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let addr = listener.local_addr().unwrap();
    let dial = async {
        let mut tcp = TcpStream::connect(addr).await.unwrap();
        tcp.write_all(b"EMRS\x01\x01\x03\x00 and what a node says without TLS").await.unwrap();
        let mut answer = Vec::new();
        tcp.read_to_end(&mut answer).await.unwrap();
        answer
    };
    let accept = async {
        let (tcp, _) = listener.accept().await.unwrap();
        TlsError::within(&good.accept(tcp).await.unwrap_err()).unwrap().to_string()
    };
    let (answer, told) = tokio::join!(dial, accept);
    assert_eq!(answer[0], 0x15, "an alert");
    assert!(told.contains("cluster.proto_dist"), "{told}");

    let dial = async {
        let tcp = TcpStream::connect(addr).await.unwrap();
        let error = good.connect(tcp, addr, &name("b@127.0.0.1")).await.unwrap_err();
        TlsError::within(&error).unwrap().to_string()
    };
    let accept = async {
        let (mut tcp, _) = listener.accept().await.unwrap();
        let mut hello = [0; 64];
        let _ = tcp.read(&mut hello).await.unwrap();
        // What `cluster::handshake` answers to TLS.
        tcp.write_all(&[0x15, 3, 3, 0, 2, 2, 70]).await.unwrap();
        let mut rest = Vec::new();
        let _ = tcp.read_to_end(&mut rest).await;
    };
    let (told, ()) = tokio::join!(dial, accept);
    assert!(told.contains("cluster.proto_dist"), "{told}");
}

#[tokio::test]
async fn new_files_serve_connections_to_come() {
    let authority = Authority::new("ca");
    let host = &["127.0.0.1"][..];
    let good = End::new(&authority.issue(host), &authority.pem()).tls();
    let end = End::new(&authority.issue_until(host, -1), &authority.pem());
    let renewed = end.tls();
    assert!(meet(&good, &renewed, "b@127.0.0.1").await.0.is_err());
    authority.issue(host).write(end.dir.path(), &authority.pem());
    renewed.renew(end.load().unwrap());
    assert!(meet(&good, &renewed, "b@127.0.0.1").await.0.is_ok());
}

const LOCKED: &str = include_str!("../../../tests/data/locked/pkcs8-aes256-sha512.pem");

#[test]
fn a_key_that_is_locked_opens_with_its_password() {
    let clear = include_str!("../../../tests/data/locked/clear.pem");
    let pair = rcgen::KeyPair::from_pem(clear).unwrap();
    let params = rcgen::CertificateParams::new(vec!["a.lan".to_owned()]).unwrap();
    let cert = params.self_signed(&pair).unwrap().pem();
    let authority = Authority::new("ca");
    let mut end = End::new(&authority.issue(&["a.lan"]), &cert);
    fs::write(end.dir.path().join("cert.pem"), cert).unwrap();
    fs::write(end.dir.path().join("key.pem"), LOCKED).unwrap();
    for (password, opens) in [("opensesame", true), ("openbarley", false)] {
        let password = Some(Password::new(password));
        for role in [&mut end.settings.server, &mut end.settings.client] {
            role.password.clone_from(&password);
        }
        let faults = end.load().err().unwrap_or_default();
        assert_eq!(faults.is_empty(), opens, "{faults:?}");
        let told = "s.conf:1: key.pem: ";
        assert!(
            faults
                .iter()
                .all(|one| one.starts_with(told) && one.ends_with("does not open the key"))
        );
    }
    assert!(!format!("{:?}", end.settings).contains("openbarley"));
}

#[test]
fn files_at_fault_are_named_with_the_place_that_names_them() {
    let authority = Authority::new("ca");
    let end = End::new(&authority.issue(&["a.lan"]), &authority.pem());
    let path = |name: &str| end.dir.path().join(name);
    assert_eq!(end.load().unwrap().misnamed(&name("n@a.lan")), None);
    let told = end.load().unwrap().misnamed(&name("n@b.lan")).unwrap();
    assert!(told.contains("cert.pem: its certificate names DNS:a.lan and not b.lan"), "{told}");
    #[track_caller]
    fn fails(end: &End, want: &str) {
        let faults = end.load().map(drop).unwrap_err();
        assert!(faults[0].starts_with("s.conf:1: ") && faults[0].contains(want), "{faults:#?}");
    }
    fs::set_permissions(path("key.pem"), fs::Permissions::from_mode(0o644)).unwrap();
    fails(&end, "key.pem: mode 0644: a key that everybody can read");
    let key = "-----BEGIN ENCRYPTED PRIVATE KEY-----\nAAAA\n-----END ENCRYPTED PRIVATE KEY-----\n";
    fs::write(path("key.pem"), key).unwrap();
    fs::set_permissions(path("key.pem"), fs::Permissions::from_mode(0o600)).unwrap();
    fails(&end, "locked in a way that is not opened here");
    fs::write(path("key.pem"), LOCKED).unwrap();
    fails(&end, "locked with a password, and none is set");
    fs::write(path("key.pem"), authority.issue(&["x"]).key).unwrap();
    fails(&end, "key.pem: the key does not fit the certificate");
    fs::write(path("cert.pem"), "nothing").unwrap();
    fails(&end, "no certificate in it (PEM)");
    fs::remove_file(path("cacert.pem")).unwrap();
    let faults = end.load().map(drop).unwrap_err();
    assert_eq!(faults.len(), 4, "certificate and authorities, at both ends: {faults:#?}");
    assert!(faults[1].contains("cacert.pem: No such file"), "{faults:#?}");
}
