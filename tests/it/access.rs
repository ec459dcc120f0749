//! Who gets in, with real processes: users in a file, and what a storm of logins does to others.

mod client_ids;
mod everywhere;
mod order;
mod scram;

use std::{
    fs,
    io::Write,
    num::NonZeroU32,
    process::{Command, Output, Stdio},
    sync::{
        OnceLock,
        atomic::{AtomicBool, AtomicUsize, Ordering::Relaxed},
    },
};

use base64ct::{Base64Unpadded, Base64UrlUnpadded, Encoding};
use emqx_rs::broker::password_hash::{SALT, argon2id};
use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};
use ring::{
    hmac, pbkdf2,
    rand::SystemRandom,
    signature::{Ed25519KeyPair, KeyPair as _},
};

use super::{
    nodes::{cluster, cluster_with},
    support::{
        Client, Connect, LIMIT, Node, Version, Will,
        http::{OK, http_server},
        node::free_mesh_number,
        unique, wait_for,
    },
};

const SUCCESS: u8 = 0;
const BAD_PASSWORD: u8 = 0x86;
const NOT_AUTHORIZED: u8 = 0x87;
const CLIENT_ID_NOT_VALID: u8 = 0x85;

/// `emqx-rs-ctl WORDS` with `input` on standard input.
fn ctl(node: &Node, words: &[&str], input: &str) -> Output {
    let mut child = Command::new(env!("CARGO_BIN_EXE_emqx-rs-ctl"))
        .arg("--socket")
        .arg(node.data().join("ctl.sock"))
        .args(words)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // Who fails before it reads closes the pipe.
    let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
    child.wait_with_output().unwrap()
}

fn path(node: &Node) -> String {
    node.data().join("users").display().to_string()
}

/// Lines of users whose password is their name, with a hash that is slow in kind and quick to verify.
fn users(names: &[&str]) -> String {
    let line = |name: &&str| {
        let (name, flag) =
            name.split_once(':').map_or((*name, String::new()), |(n, f)| (n, format!(":{f}")));
        let mut hash = [0; 32];
        let rounds = NonZeroU32::new(1000).unwrap();
        pbkdf2::derive(pbkdf2::PBKDF2_HMAC_SHA256, rounds, b"salt", name.as_bytes(), &mut hash);
        let base64 = Base64Unpadded::encode_string;
        format!("{name}:$pbkdf2-sha256$i=1000${}${}{flag}\n", base64(b"salt"), base64(&hash))
    };
    names.iter().map(line).collect()
}

/// `user WORDS` on the users file of the node; it must do, and say `ok`.
#[track_caller]
fn user(node: &Node, words: &[&str], input: &str) {
    let file = path(node);
    let words: Vec<&str> = ["user"].iter().chain(words).copied().chain(["--file", &file]).collect();
    let output = ctl(node, &words, input);
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{words:?}: {errors}");
    assert_eq!(String::from_utf8_lossy(&output.stdout), "ok\n", "{errors}");
}

fn connect(version: Version, name: &str, password: &str) -> Connect {
    let mut connect = Connect::new(version);
    (connect.user, connect.password) = (Some(name.to_owned()), Some(password.into()));
    connect
}

/// The code that a client with this name and password gets.
fn code(node: &Node, name: &str, password: &str) -> u8 {
    connect(Version::V5, name, password).attempt(node.mqtt()).code
}

/// A node with `lines` in its file, and `users` in its users file.
fn with_users(lines: &str, users: &str) -> Node {
    let number = free_mesh_number();
    let mut node = Node::prepare(&format!("node{number}@127.0.0.1"), "manual", "");
    fs::write(node.data().join("users"), users).unwrap();
    node.configure(lines);
    node
}

#[test]
fn users_are_made_changed_and_taken_out_while_the_node_runs() {
    let node = Node::start("allow_anonymous = false");
    assert_eq!(Connect::new(Version::V5).attempt(node.mqtt()).code, NOT_AUTHORIZED);
    user(&node, &["add", "bob"], "open sesame\n");
    user(&node, &["add", "root", "--superuser"], "\u{fc}ber\n");
    for (name, password, want) in [
        ("bob", "open sesame", SUCCESS),
        ("root", "\u{fc}ber", SUCCESS),
        ("bob", "open sesam", BAD_PASSWORD),
        ("nobody", "open sesame", BAD_PASSWORD),
    ] {
        assert_eq!(code(&node, name, password), want, "{name} {password}");
    }
    let v3 = |name| connect(Version::V3_1_1, name, "x").attempt(node.mqtt()).code;
    assert_eq!((v3("bob"), v3("nobody")), (4, 4));
    assert_eq!(Connect::new(Version::V5).attempt(node.mqtt()).code, NOT_AUTHORIZED);
    user(&node, &["passwd", "bob"], "new\n");
    assert_eq!(code(&node, "bob", "open sesame"), BAD_PASSWORD, "what was verified counts no more");
    assert_eq!(code(&node, "bob", "new"), SUCCESS);
    let listed = ctl(&node, &["user", "list", "--file", &path(&node)], "");
    assert_eq!(String::from_utf8_lossy(&listed.stdout), "bob\nroot superuser\n");
    user(&node, &["del", "bob"], "");
    assert_eq!(code(&node, "bob", "new"), BAD_PASSWORD);
    assert_eq!(code(&node, "root", "\u{fc}ber"), SUCCESS);
    let log = node.log();
    assert!(!log.contains("sesame") && !log.contains("argon2id$"), "{log}");
}

#[test]
fn no_rule_holds_for_a_superuser() {
    let mut node = with_users("acl_file = rules.conf", &users(&["bob", "root:superuser"]));
    fs::write(node.config().with_file_name("rules.conf"), "{deny, all}.\n").unwrap();
    node.launch();
    for (name, allowed) in [("bob", false), ("root", true)] {
        let mut client = connect(Version::V5, name, name).open(node.mqtt());
        assert_eq!(client.subscribe("a/b", 1), if allowed { 1 } else { NOT_AUTHORIZED }, "{name}");
    }
}

/// A will is a message of its client, and the rules hold for it from CONNECT on.
#[test]
fn a_will_to_a_denied_topic_is_refused() {
    let mut node = with_users("acl_file = rules.conf", &users(&["bob", "root:superuser"]));
    let rules = "{allow, all, publish, [\"free/#\"]}.\n{deny, all}.\n";
    fs::write(node.config().with_file_name("rules.conf"), rules).unwrap();
    node.configure("zone.external.mountpoint = house/%u/");
    node.launch();
    let with_will = |version, name: &str, topic: &str| {
        let mut will = Will::new(topic, "gone");
        will.retain = true;
        connect(version, name, name).will(will).attempt(node.mqtt()).code
    };
    assert_eq!(with_will(Version::V5, "bob", "free/x"), SUCCESS);
    assert_eq!(with_will(Version::V5, "bob", "else/x"), NOT_AUTHORIZED);
    assert_eq!(with_will(Version::V5, "bob", "$SYS/brokers"), NOT_AUTHORIZED);
    assert_eq!(with_will(Version::V3_1_1, "bob", "else/x"), 5);
    assert_eq!(with_will(Version::V5, "root", "else/x"), SUCCESS);
    assert_eq!(node.metric("client.acl.deny"), 3);
    assert!(node.log().contains("its will goes to a topic that it may not publish to"));
}

#[test]
fn a_bad_users_file_ends_the_start_and_an_empty_one_denies_everybody() {
    for (users, told) in [
        ("bob:$2b$04$short\neve\n", "users:1: expected a whole bcrypt hash"),
        ("\n\nx:y\n", "users:3:"),
    ] {
        let mut node = with_users("", users);
        node.spawn();
        node.wait_end();
        assert!(node.log().contains(told), "{}", node.log());
        assert!(!node.log().contains("short"), "{}", node.log());
        let check = Command::new(env!("CARGO_BIN_EXE_emqx-rs"))
            .args(["--check-config", "-c"])
            .arg(node.config())
            .output()
            .unwrap();
        assert_eq!(check.status.code(), Some(78));
    }
    let mut node = with_users("users_file = missing", "");
    node.spawn();
    node.wait_end();
    assert!(node.log().contains("users_file = missing"), "{}", node.log());
    let mut node = with_users("allow_anonymous = true", "# nobody\n");
    node.launch();
    assert_eq!(Connect::new(Version::V5).attempt(node.mqtt()).code, NOT_AUTHORIZED);
    user(&node, &["add", "bob"], "x\n");
    assert_eq!(Connect::new(Version::V5).attempt(node.mqtt()).code, SUCCESS);
}

#[test]
fn a_bad_acl_file_ends_the_start_and_an_empty_one_denies_everybody() {
    for (name, rules, told) in [
        ("rules.conf", Some("{allow, all}.\n{allow, nobody}.\n"), "rules.conf:2:"),
        ("rules.conf", Some("allow all\n"), "rules.conf:1:"),
        ("missing.conf", None, "acl_file = missing.conf"),
        // A folder is no file to read, whoever asks.
        (".", None, "acl_file = ."),
    ] {
        let mut node = with_users(&format!("acl_file = {name}"), "");
        if let Some(rules) = rules {
            fs::write(node.config().with_file_name(name), rules).unwrap();
        }
        node.spawn();
        node.wait_end();
        assert!(node.log().contains(told), "{told}: {}", node.log());
        let mut check = Command::new(env!("CARGO_BIN_EXE_emqx-rs"));
        let check = check.args(["--check-config", "-c"]).arg(node.config()).output().unwrap();
        assert_eq!(check.status.code(), Some(78), "{told}");
    }
    let mut node = with_users("acl_file = rules.conf", &users(&["bob"]));
    fs::write(node.config().with_file_name("rules.conf"), "%% nothing\n").unwrap();
    node.launch();
    let mut client = connect(Version::V5, "bob", "bob").open(node.mqtt());
    assert_eq!(client.subscribe("a", 0), NOT_AUTHORIZED);
    assert_eq!(client.publish("a", "x", 1), NOT_AUTHORIZED);
}

#[test]
fn a_bad_file_changes_nothing_at_reload() {
    let mut node = with_users("allow_anonymous = false", &users(&["bob"]));
    node.launch();
    fs::write(node.data().join("users"), "bob\n").unwrap();
    assert!(!node.ctl_output(&["conf", "reload"]).status.success());
    assert_eq!(code(&node, "bob", "bob"), SUCCESS);
    fs::write(node.data().join("users"), users(&["eve"])).unwrap();
    kill(Pid::from_raw(node.pid()), Signal::SIGHUP).unwrap();
    wait_for("the new users hold", LIMIT, || code(&node, "eve", "eve") == SUCCESS);
    assert_eq!(code(&node, "bob", "bob"), BAD_PASSWORD);
}

#[test]
fn clients_that_were_verified_come_back_without_being_verified_again() {
    let names: Vec<String> = (0..200).map(|n| format!("u{n}")).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let mut node = with_users("allow_anonymous = false", &users(&names));
    node.launch();
    let come = || {
        let all: Vec<Client> = names
            .iter()
            .map(|name| {
                let mut client = Client::raw(Version::V5, node.mqtt());
                client.send(&connect(Version::V5, name, name).bytes());
                client
            })
            .collect();
        for mut client in all {
            client.take_connack();
            assert_eq!(client.code, SUCCESS);
        }
    };
    come();
    assert_eq!(node.metric("emqx_rs.auth.verified"), 200);
    come();
    assert_eq!(node.metric("emqx_rs.auth.verified"), 200);
    assert_eq!(node.metric("emqx_rs.auth.remembered"), 200);
    assert_eq!(node.ctl_output(&["conf", "reload"]).status.code(), Some(0));
    come();
    assert_eq!(node.metric("emqx_rs.auth.verified"), 200, "the users are the same");
}

#[test]
fn a_storm_of_logins_holds_up_nobody_else() {
    const STORM: usize = 60;
    let slow = format!("bob:{}\n", argon2id(b"bob", &[1; SALT]).unwrap());
    let mut node = with_users("auth_failure_policy = off", &slow);
    node.launch();
    let mut witness = Client::at(Version::V5, node.mqtt());
    witness.subscribe("w", 0);
    let mut storm: Vec<Client> = (0..STORM)
        .map(|n| {
            let mut client = Client::raw(Version::V5, node.mqtt());
            client.send(&connect(Version::V5, "bob", &n.to_string()).bytes());
            client
        })
        .collect();
    for round in 0..20 {
        witness.publish("w", round.to_string(), 1);
        assert_eq!(witness.message().text(), round.to_string());
        assert_eq!(Connect::new(Version::V5).attempt(node.mqtt()).code, SUCCESS);
    }
    let verified = node.metric("emqx_rs.auth.verified");
    assert!(verified < STORM as u64, "{verified} logins were over before the witness was");
    for client in &mut storm {
        client.take_connack();
        assert_eq!(client.code, BAD_PASSWORD);
    }
    assert_eq!(node.metric("emqx_rs.auth.verified"), STORM as u64);
}

const BANNED: u8 = 0x8A;
const ADMINISTRATIVE: u8 = 0x98;

#[test]
fn an_operator_bans_clients_users_and_addresses_and_the_bans_outlive_the_node() {
    let mut node = with_users(
        "",
        "bob:$sha256$$2bb80d537b1da3e38bd30361aa855686bde0eacd7162fef6a25fe97bf527a25b\n",
    );
    node.launch();
    let id = unique("banned");
    let mut here = Connect::new(Version::V5).id(&id).open(node.mqtt());
    let mut other = Client::at(Version::V5, node.mqtt());
    node.ctl(&["banned", "add", "clientid", &id, "--reason", "too loud"]);
    here.closed_with(ADMINISTRATIVE);
    other.ping();
    assert_eq!(Connect::new(Version::V5).id(&id).attempt(node.mqtt()).code, BANNED);
    assert_eq!(Connect::new(Version::V3_1_1).id(&id).attempt(node.mqtt()).code, 5);
    let mut bob = connect(Version::V5, "bob", "secret").open(node.mqtt());
    node.ctl(&["banned", "add", "username", "bob", "--for", "1h"]);
    bob.closed_with(ADMINISTRATIVE);
    assert_eq!(code(&node, "bob", "secret"), BANNED);
    assert_eq!(code(&node, "bob", "wrong"), BANNED, "nobody learns whether a password was right");
    let listed = node.ctl(&["banned", "list"]);
    assert!(
        listed.contains(&format!("Banned(clientid={id}, reason=too loud, by=emqx-rs-ctl, at="))
    );
    assert!(listed.contains("until=infinity)"), "{listed}");
    node.terminate();
    node.wait_end();
    node.launch();
    assert_eq!(Connect::new(Version::V5).id(&id).attempt(node.mqtt()).code, BANNED);
    node.ctl(&["banned", "del", "clientid", &id]);
    assert_eq!(Connect::new(Version::V5).id(&id).attempt(node.mqtt()).code, SUCCESS);
    assert!(!node.ctl_output(&["banned", "del", "clientid", &id]).status.success());
    node.ctl(&["banned", "add", "peerhost", "127.0.0.0/8", "--for", "1h"]);
    assert_eq!(Connect::new(Version::V5).attempt(node.mqtt()).code, BANNED);
    node.ctl(&["banned", "del", "peerhost", "127.0.0.0/8"]);
    assert_eq!(Connect::new(Version::V5).attempt(node.mqtt()).code, SUCCESS);
    assert_eq!(node.ctl_output(&["banned", "add", "peer", "x"]).status.code(), Some(2));
    assert_eq!(node.ctl_output(&["banned", "add", "peerhost", "x"]).status.code(), Some(1));
    assert!(node.metric("emqx_rs.ban.refused") >= 2);
}

#[test]
fn ten_wrong_passwords_ban_the_name_at_its_address_for_a_while() {
    let mut node = with_users(
        "auth_failure_policy = 10, 1m, 2s\nlistener.tcp.external.trusted_proxies = 127.0.0.8",
        &users(&["bob", "eve"]),
    );
    node.launch();
    let from = |last: u8, version, name: &str, password: &str| {
        let mut client = Client::raw_from(version, [127, 0, 0, last].into(), node.mqtt());
        client.send(&connect(version, name, password).bytes());
        client.take_connack();
        client.code
    };
    for n in 0..10 {
        for (last, whose) in [(9, "another host"), (8, "a proxy"), (1, "this host")] {
            let got = from(last, Version::V5, "bob", "wrong");
            assert_eq!(got, BAD_PASSWORD, "attempt {n} of {whose}");
        }
    }
    assert_eq!(from(9, Version::V5, "bob", "bob"), BANNED);
    assert_eq!(from(9, Version::V3_1_1, "bob", "bob"), 5);
    assert_eq!(from(9, Version::V5, "eve", "eve"), SUCCESS, "another one behind that address");
    assert_eq!(from(7, Version::V5, "bob", "bob"), SUCCESS, "the same name elsewhere");
    let listed = node.ctl(&["banned", "list"]);
    let row = "Banned(username=bob, at_address=127.0.0.9, reason=too many wrong passwords";
    assert!(listed.contains(row), "{listed}");
    assert_eq!(node.metric("emqx_rs.ban.set"), 1);
    for last in [1, 8] {
        assert_eq!(from(last, Version::V5, "bob", "bob"), SUCCESS, "127.0.0.{last} is spared");
    }
    wait_for("the ban ends", LIMIT, || from(9, Version::V5, "bob", "bob") == SUCCESS);
}

#[test]
fn wrong_passwords_for_many_names_ban_the_address_for_who_guesses_there() {
    let mut node = with_users(
        "allow_anonymous = false\nauth_spray_policy = 5, 1m, 3s\nlistener.tcp.external.trusted_proxies = 127.0.0.8",
        &users(&["bob", "eve"]),
    );
    node.launch();
    let come = |last: u8, version, name: &str, password: &str| {
        let mut client = Client::raw_from(version, [127, 0, 0, last].into(), node.mqtt());
        client.send(&connect(version, name, password).bytes());
        client.take_connack();
        client
    };
    let from = |last: u8, name: &str, password: &str| come(last, Version::V5, name, password).code;
    let mut bob = come(9, Version::V5, "bob", "bob");
    for n in 0..5 {
        // One broken device counts once, however often it comes.
        assert_eq!(from(9, "n0", "spring"), BAD_PASSWORD);
        for (last, whose) in [(9, "another host"), (8, "a proxy"), (1, "this host")] {
            let got = from(last, &format!("n{n}"), "spring");
            assert_eq!(got, BAD_PASSWORD, "name {n} of {whose}");
        }
    }
    let verified = node.metric("emqx_rs.auth.verified");
    assert_eq!(from(9, "eve", "eve"), BANNED, "nobody learns whether it was right");
    assert_eq!(come(9, Version::V3_1_1, "n7", "spring").code, 5);
    assert_eq!(node.metric("emqx_rs.auth.verified"), verified, "nothing was verified for it");
    assert_eq!(from(9, "bob", "bob"), SUCCESS, "it had come in from there before");
    bob.ping();
    assert_eq!(from(7, "eve", "eve"), SUCCESS, "another address");
    for last in [1, 8] {
        assert_eq!(from(last, "eve", "eve"), SUCCESS, "127.0.0.{last} is spared");
    }
    let listed = node.ctl(&["banned", "list"]);
    let row = "Banned(peerhost=127.0.0.9, reason=wrong passwords for many names";
    assert!(listed.contains(row), "{listed}");
    let log = node.log();
    assert!(log.contains("auth_spray_policy") && log.contains("127.0.0.9"), "{log}");
    assert_eq!(node.metric("emqx_rs.ban.set"), 1);
    wait_for("the ban ends", LIMIT, || from(9, "eve", "eve") == SUCCESS);
    for n in 0..5 {
        from(9, &format!("m{n}"), "summer");
    }
    assert_eq!(from(9, "root", "x"), BANNED);
    node.ctl(&["banned", "del", "peerhost", "127.0.0.9"]);
    assert_eq!(from(9, "root", "x"), BAD_PASSWORD);
}

/// A ban must not miss whom nobody knows yet: the client is between CONNECT and CONNACK when it is set.
#[test]
fn a_ban_reaches_who_is_being_verified() {
    static ASKED: AtomicBool = AtomicBool::new(false);
    static GO: AtomicBool = AtomicBool::new(false);
    let server = http_server(|_| {
        ASKED.store(true, Relaxed);
        wait_for("the ban is set", LIMIT, || GO.load(Relaxed));
        Some(OK)
    });
    let node = Node::start(&format!(
        "auth.http.auth_req.url = http://{server}/auth\nauth.http.timeout = 15s"
    ));
    let mut client = Client::raw(Version::V5, node.mqtt());
    client.send(&connect(Version::V5, "bob", "x").bytes());
    wait_for("the server is asked", LIMIT, || ASKED.load(Relaxed));
    node.ctl(&["banned", "add", "username", "bob"]);
    GO.store(true, Relaxed);
    client.take_connack();
    assert_eq!(client.code, BANNED);
    assert_eq!(node.metric("client.connected"), 0);
}

#[test]
fn one_address_does_not_keep_others_from_being_verified() {
    const FLOOD: u64 = 60;
    let slow = argon2id(b"bob", &[1; SALT]).unwrap();
    let mut node = with_users("auth_failure_policy = off", &format!("bob:{slow}\n"));
    node.launch();
    let come = |last: u8, password: &str| {
        let mut client = Client::raw_from(Version::V5, [127, 0, 0, last].into(), node.mqtt());
        client.send(&connect(Version::V5, "bob", password).bytes());
        client
    };
    let flood: Vec<Client> = (0..FLOOD).map(|n| come(9, &n.to_string())).collect();
    wait_for("the flood waits", LIMIT, || node.metric("client.authenticate") >= FLOOD);
    let mut other = come(7, "bob");
    other.take_connack();
    assert_eq!(other.code, SUCCESS);
    let verified = node.metric("emqx_rs.auth.verified");
    assert!(verified < FLOOD, "the other one waited behind all {verified}");
    drop(flood);
}

#[test]
fn two_clients_with_one_id_are_told_in_one_line_and_one_is_kept_out() {
    let node = Node::start("takeover_policy = 8, 1m, 1h");
    let id = unique("twin");
    // The same id from two addresses of this host.
    let from = |last: u8| {
        let mut client = Client::raw_from(Version::V5, [127, 0, 0, last].into(), node.mqtt());
        client.send(&Connect::new(Version::V5).id(&id).bytes());
        client.take_connack();
        client
    };
    let mut held = Vec::new();
    for n in 0..8_u8 {
        let client = from(2 + n % 2);
        assert_eq!(client.code, SUCCESS, "takeover {n}");
        held.push(client);
    }
    assert_eq!(from(2).code, BANNED, "the eighth takeover");
    assert_eq!(held.last_mut().map(Client::ping), Some(()), "who is connected stays");
    assert_eq!(from(2).code, BANNED);
    assert_eq!(Connect::new(Version::V5).attempt(node.mqtt()).code, SUCCESS);
    let log = node.log();
    assert_eq!(log.matches("two clients use one client id").count(), 1, "{log}");
    assert_eq!(log.matches("takeover_policy").count(), 1, "{log}");
}

#[test]
fn a_client_that_comes_and_goes_is_kept_out_where_the_zone_says_so() {
    let lines = "flapping_detect_policy = 5, 1m, 1h\nzone.external.enable_flapping_detect = on";
    for (lines, last) in [(lines, BANNED), ("flapping_detect_policy = 5, 1m, 1h", SUCCESS)] {
        let node = Node::start(lines);
        let id = unique("flaps");
        let come = || Connect::new(Version::V5).id(&id).attempt(node.mqtt());
        for _ in 0..5 {
            let mut client = come();
            assert_eq!(client.code, SUCCESS);
            client.send(&[0xe0, 0]);
            client.ended();
        }
        wait_for("it is known that the fifth has gone", LIMIT, || {
            node.metric("client.disconnected") == 5
        });
        assert_eq!(come().code, last);
    }
}

/// A token with these claims, signed by the test secret.
fn token(claims: &str) -> String {
    let part = |text: &str| Base64UrlUnpadded::encode_string(text.as_bytes());
    let message = format!("{}.{}", part(r#"{"alg":"HS256"}"#), part(claims));
    let key = hmac::Key::new(hmac::HMAC_SHA256, b"only for these tests");
    let sign = hmac::sign(&key, message.as_bytes());
    format!("{message}.{}", Base64UrlUnpadded::encode_string(sign.as_ref()))
}

fn seconds_from_now(seconds: u64) -> u64 {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
    now.as_secs() + seconds
}

#[test]
fn a_token_lets_a_client_in_says_what_it_may_and_ends_its_connection() {
    let node = Node::start(
        "allow_anonymous = false\nauth.jwt.secret = only for these tests\nauth.jwt.verify_claims = on\n\
         auth.jwt.verify_claims.user = %u\nauth.user.1.username = bob\nauth.user.1.password = secret",
    );
    let good = r##"{"user":"eve","acl":{"pub":["a/%u"],"sub":["b/#"]}}"##;
    let mut client = connect(Version::V5, "eve", &token(good)).open(node.mqtt());
    assert_eq!(client.subscribe("b/c", 0), 0);
    assert_eq!(client.subscribe("a/eve", 0), NOT_AUTHORIZED);
    assert_eq!(client.publish("a/eve", "x", 1), 0x10);
    assert_eq!(client.publish("b/c", "x", 1), NOT_AUTHORIZED);
    let soon = format!(r#"{{"user":"eve","exp":{}}}"#, seconds_from_now(2));
    let mut short = connect(Version::V5, "eve", &token(&soon)).open(node.mqtt());
    let mut short3 = connect(Version::V3_1_1, "eve", &token(&soon)).open(node.mqtt());
    short.closed_with(NOT_AUTHORIZED);
    short3.closed_with(NOT_AUTHORIZED);
    client.ping();
    for (name, password, want) in [
        ("eve", token(&soon), BAD_PASSWORD),
        ("mallory", token(good), BAD_PASSWORD),
        ("eve", token(good).replacen('.', ".a", 1), BAD_PASSWORD),
        ("bob", "secret".into(), SUCCESS),
        ("bob", "a.b.c".into(), BAD_PASSWORD),
    ] {
        assert_eq!(code(&node, name, &password), want, "{name} {password}");
    }
}

/// A token in place of a user name is shown to nobody: anybody could come in with it.
#[test]
fn a_token_that_is_a_user_name_is_not_shown() {
    let node = Node::start(
        "allow_anonymous = false\nauth.jwt.secret = only for these tests\nauth.jwt.from = username",
    );
    let secret = token(r#"{"user":"eve"}"#);
    let mut watcher = connect(Version::V5, &secret, "").open(node.mqtt());
    watcher.subscribe("$SYS/brokers/+/clients/+/#", 0);
    let id = unique("c");
    let client = connect(Version::V5, &secret, "").id(&id).lasting().open(node.mqtt());
    let mut told = vec![watcher.message().text()];
    told.push(node.ctl(&["clients", "show", &id]));
    client.disconnect();
    told.push(watcher.message().text());
    wait_for("it is kept", LIMIT, || {
        node.ctl(&["clients", "show", &id]).contains("connected=false")
    });
    told.push(node.ctl(&["clients", "list"]));
    told.push(node.log());
    assert!(told.iter().all(|text| !text.contains(&secret)), "{told:#?}");
    assert!(told[..4].iter().all(|text| text.contains("******")), "{told:#?}");
}

/// `/auth` lets in whom the password fits, `/super` knows one superuser.
fn users_over_http(request: &str) -> Option<&'static str> {
    if request.starts_with("GET /super?u=root ") {
        return Some(OK);
    }
    let body = request.split_once("\r\n\r\n")?.1;
    match body {
        "u=slow&p=slow&i=127.0.0.1" => None,
        "u=gone&p=gone&i=127.0.0.1" => Some("200 OK\r\ncontent-length: 6\r\n\r\nignore"),
        "u=stop&p=stop&i=127.0.0.1" => Some("403 Forbidden\r\ncontent-length: 0\r\n\r\n"),
        "u=root&p=root&i=127.0.0.1" | "u=b%26b&p=%C3%BC&i=127.0.0.1" => Some(OK),
        _ => Some("401 Unauthorized\r\ncontent-length: 0\r\n\r\n"),
    }
}

#[test]
fn an_http_server_says_who_may_connect_and_holds_up_nobody_else() {
    let server = http_server(users_over_http);
    let mut node = with_users(
        &format!(
            "acl_file = rules.conf\nauth.http.timeout = 3s\nauth.http.auth_req.url = http://{server}/auth\n\
             auth.http.auth_req.params = u=%u,p=%P,i=%a\nauth.http.super_req.url = http://{server}/super\n\
             auth.http.super_req.method = get\nauth.http.super_req.params = u=%u\nallow_anonymous = false"
        ),
        &users(&["here"]),
    );
    fs::write(node.config().with_file_name("rules.conf"), "{deny, all}.\n").unwrap();
    node.launch();
    let mut slow = Client::raw(Version::V5, node.mqtt());
    slow.send(&connect(Version::V5, "slow", "slow").bytes());
    for (name, password, want) in [
        ("b&b", "\u{fc}", SUCCESS),
        ("here", "here", SUCCESS),
        ("here", "x", BAD_PASSWORD),
        ("nobody", "x", BAD_PASSWORD),
        ("stop", "stop", NOT_AUTHORIZED),
        ("gone", "gone", BAD_PASSWORD),
    ] {
        assert_eq!(code(&node, name, password), want, "{name} {password}");
    }
    for (name, password, allowed) in [("root", "root", true), ("b&b", "\u{fc}", false)] {
        let mut client = connect(Version::V5, name, password).open(node.mqtt());
        assert_eq!(client.subscribe("a/b", 1), if allowed { 1 } else { NOT_AUTHORIZED }, "{name}");
    }
    assert_eq!(node.metric("emqx_rs.auth.http_error"), 0, "all that while one waits");
    slow.take_connack();
    assert_eq!(slow.code, 0x88);
    assert_eq!(node.metric("emqx_rs.auth.http_error"), 1);
}

#[test]
fn without_the_http_server_nobody_comes_in() {
    let node = Node::start("auth.http.auth_req.url = http://127.0.0.1:1/auth");
    assert_eq!(code(&node, "bob", "x"), 0x88);
    assert_eq!(Connect::new(Version::V3_1_1).attempt(node.mqtt()).code, 3);
}

/// A set with the public key of `pair`, as an answer over HTTP.
fn key_set(pair: &Ed25519KeyPair) -> String {
    let x = Base64UrlUnpadded::encode_string(pair.public_key().as_ref());
    let set = format!(r#"{{"keys":[{{"kty":"OKP","crv":"Ed25519","kid":"k","x":"{x}"}}]}}"#);
    format!("200 OK\r\ncontent-length: {}\r\n\r\n{set}", set.len())
}

#[test]
fn keys_for_tokens_are_fetched_and_those_of_before_stay_while_nobody_answers() {
    static SETS: OnceLock<[String; 3]> = OnceLock::new();
    static TURN: AtomicUsize = AtomicUsize::new(0);
    let pair = || {
        let private = Ed25519KeyPair::generate_pkcs8(&SystemRandom::new()).unwrap();
        Ed25519KeyPair::from_pkcs8(private.as_ref()).unwrap()
    };
    let (old, new) = (pair(), pair());
    let broken = "500 Broken\r\ncontent-length: 0\r\n\r\n".to_owned();
    SETS.set([key_set(&old), key_set(&new), broken]).unwrap();
    let server = http_server(|request| {
        let sets = SETS.get().filter(|_| request.starts_with("GET /keys?a=b "))?;
        Some(sets[TURN.load(Relaxed)].as_str())
    });
    let node =
        Node::start(&format!("allow_anonymous = false\nauth.jwt.jwks = http://{server}/keys?a=b"));
    let comes = |pair: &Ed25519KeyPair| {
        let part = |text: &str| Base64UrlUnpadded::encode_string(text.as_bytes());
        let text = format!("{}.{}", part(r#"{"alg":"EdDSA","kid":"k"}"#), part("{}"));
        let sign = Base64UrlUnpadded::encode_string(pair.sign(text.as_bytes()).as_ref());
        code(&node, "bob", &format!("{text}.{sign}"))
    };
    wait_for("the first key counts", LIMIT, || comes(&old) == SUCCESS);
    assert_eq!(comes(&new), BAD_PASSWORD);
    TURN.store(1, Relaxed);
    node.ctl(&["conf", "reload"]);
    wait_for("the second key counts", LIMIT, || comes(&new) == SUCCESS);
    assert_eq!(comes(&old), BAD_PASSWORD);
    TURN.store(2, Relaxed);
    node.ctl(&["conf", "reload"]);
    wait_for("the fault is told", LIMIT, || node.log().contains("those of before stay"));
    assert_eq!(comes(&new), SUCCESS);
}

/// Whoever has a user of its own and another's client id gets nothing that is kept for the other, on this node or from another.
#[test]
fn a_session_is_its_user_s() {
    let nodes = cluster(2);
    let of = |user: &str, id: &str| {
        let mut connect = Connect::new(Version::V5).id(id).lasting();
        connect.user = Some(user.to_owned());
        connect
    };
    let mut sender = Client::at(Version::V5, nodes[0].mqtt());
    for (before, after) in [(0, 0), (0, 1)] {
        for living in [false, true] {
            let (id, topic) = (unique("c"), unique("secret/"));
            let mut alice = of("alice", &id).open(nodes[before].mqtt());
            alice.subscribe(&topic, 1);
            if !living {
                alice.cut();
                wait_for("the session waits", LIMIT, || {
                    nodes[before].ctl(&["clients", "show", &id]).contains("connected=false")
                });
                sender.publish(&topic, "for alice", 1);
            }
            let mut mallory = of("mallory", &id).attempt(nodes[after].mqtt());
            assert_eq!(
                (mallory.code, mallory.session_present),
                (0, false),
                "{before} {after} {living}"
            );
            sender.publish(&topic, "for alice", 1);
            assert_eq!(mallory.texts(), Vec::<String>::new());
            drop(mallory);
            // What the other had is over; a new one begins.
            let again = of("alice", &id).attempt(nodes[before].mqtt());
            assert_eq!((again.code, again.session_present), (0, false));
        }
    }
}

/// Where it is set, a user's session, connected or not, on this node or another, is not ended by another user that has its client id.
#[test]
fn a_user_s_session_is_kept_from_other_users() {
    let named = |n: usize, name: &str| {
        format!("auth.user.{n}.username = {name}\nauth.user.{n}.password = {name}\n")
    };
    let lines = format!(
        "{}{}allow_anonymous = true\nmqtt.replace_session_of_other_user = false",
        named(1, "alice"),
        named(2, "mallory")
    );
    let nodes = cluster_with(2, &lines);
    let of = |user: Option<&str>, id: &str, clean: bool| {
        let mut connect = Connect::new(Version::V5).id(id);
        if let Some(user) = user {
            (connect.user, connect.password) = (Some(user.to_owned()), Some(user.into()));
        }
        if clean { connect } else { connect.lasting() }
    };
    for (before, after) in [(0, 0), (0, 1)] {
        for living in [false, true] {
            for (user, clean) in
                [(Some("mallory"), true), (Some("mallory"), false), (None, true), (None, false)]
            {
                let (id, topic) = (unique("c"), unique("secret/"));
                let mut alice = of(Some("alice"), &id, false).open(nodes[before].mqtt());
                alice.subscribe(&topic, 1);
                let alice = if living {
                    Some(alice)
                } else {
                    alice.cut();
                    None
                };
                let other = of(user, &id, clean).attempt(nodes[after].mqtt());
                let case = (before, after, living, user, clean);
                assert_eq!(other.code, CLIENT_ID_NOT_VALID, "{case:?}");
                if let Some(mut alice) = alice.filter(|_| before == after) {
                    alice.ping();
                }
                let again = of(Some("alice"), &id, false).attempt(nodes[before].mqtt());
                assert_eq!((again.code, again.session_present), (0, true), "{case:?}");
            }
        }
    }
    let node = &nodes[0];
    assert_eq!(node.metric("emqx_rs.session.other_user"), 8);
    // Devices that had no names, and get some.
    let id = unique("c");
    of(None, &id, false).open(node.mqtt()).cut();
    let first = of(Some("alice"), &id, false).attempt(node.mqtt());
    assert_eq!((first.code, first.session_present), (0, false));
    first.cut();
    let config = fs::read_to_string(node.config()).unwrap();
    let config = config.replace("other_user = false", "other_user = true");
    fs::write(node.config(), config).unwrap();
    node.ctl(&["conf", "reload"]);
    let other = of(Some("mallory"), &id, false).attempt(node.mqtt());
    assert_eq!((other.code, other.session_present), (0, false));
}

/// Who is kept out claims the client before it is looked whose session it is, which ends an older will at the nodes that keep it.
#[test]
fn the_will_of_a_user_is_kept_although_another_tries_its_client_id() {
    let user = "auth.user.1.username = alice\nauth.user.1.password = alice\nallow_anonymous = true\n\
        mqtt.replace_session_of_other_user = false";
    let mut nodes = cluster_with(2, user);
    let topic = unique("will/");
    let mut watcher = Client::at(Version::V5, nodes[1].mqtt());
    watcher.subscribe(&topic, 1);
    let id = unique("c");
    let will = |text: &str| Will::new(&topic, text);
    let alice = connect(Version::V5, "alice", "alice").id(&id).lasting().will(will("alice"));
    let _alice = alice.open(nodes[0].mqtt());
    let other = Connect::new(Version::V5).id(&id).will(will("other"));
    assert_eq!(other.attempt(nodes[0].mqtt()).code, CLIENT_ID_NOT_VALID);
    for _ in 0..3 {
        // Other nodes keep its will before it is in, and what they were told before comes before.
        Connect::new(Version::V5).will(Will::new("any", "x")).open(nodes[0].mqtt()).disconnect();
    }
    nodes[0].kill();
    assert_eq!(watcher.message().text(), "alice");
}

/// Who is connected hears of new rules too.
#[test]
fn new_rules_reach_who_is_connected() {
    let mut node = with_users("acl_file = rules.conf", &users(&["bob"]));
    let rules = node.config().with_file_name("rules.conf");
    fs::write(&rules, "{allow, all}.\n").unwrap();
    node.launch();
    let mut publisher = connect(Version::V5, "bob", "bob").open(node.mqtt());
    let id = unique("c");
    let mut client = connect(Version::V5, "bob", "bob").id(&id).lasting().open(node.mqtt());
    for filter in ["secret/#", "plain/#"] {
        client.subscribe(filter, 1);
    }
    publisher.publish("secret/sent", "x", 1);
    let sent = client.raw_message();
    fs::write(
        &rules,
        "{deny, all, subscribe, [\"secret/#\"]}.\n{deny, all, publish, [\"mine\"]}.\n{allow, all}.\n",
    )
    .unwrap();
    node.ctl(&["conf", "reload"]);
    wait_for("the filter is taken out", LIMIT, || {
        !node.ctl(&["subscriptions", "show", &id]).contains("secret/#")
    });
    for topic in ["secret/later", "plain/later"] {
        publisher.publish(topic, "x", 1);
    }
    let later = client.message();
    assert_eq!(later.topic, "plain/later");
    assert_ne!(later.id, sent.id, "it is not acknowledged, and its packet identifier is taken");
    client.acknowledge(&sent);
    client.ping();
    assert_eq!(client.unread(), 0);
    assert!(node.ctl(&["clients", "show", &id]).contains("inflight=0"));
    wait_for("the publisher may not any more", LIMIT, || {
        publisher.publish("mine", "x", 1) == NOT_AUTHORIZED
    });
    let why = node.ctl(&["why", &id]);
    assert!(why.contains("secret/#"), "{why}");
}

/// The rules of now hold for a will, and are about the topic that its client named, as they are for a message that it publishes.
#[test]
fn new_rules_reach_a_will_whose_topic_is_rewritten() {
    let lines = "acl_file = rules.conf\nmodule.rewrite.pub.rule.1 = old/# ^old/(.+)$ new/$1";
    let mut node = with_users(lines, &users(&["bob"]));
    let rules = node.config().with_file_name("rules.conf");
    let may = |topics: &str| {
        fs::write(&rules, format!("{{deny, all, publish, [{topics}]}}.\n{{allow, all}}.\n"))
            .unwrap();
    };
    may("\"new/#\"");
    node.launch();
    for version in [Version::V3_1_1, Version::V5] {
        let mut watcher = connect(version, "bob", "bob").open(node.mqtt());
        for filter in ["new/#", "plain", "end"] {
            watcher.subscribe(filter, 0);
        }
        let dies = |topic: &str| {
            connect(version, "bob", "bob").will(Will::new(topic, "gone")).open(node.mqtt())
        };
        let mut wills = ["old/a", "old/b", "plain", "$delayed/1/old/a"].map(dies);
        may("\"old/a\", \"new/#\", \"plain\", \"told\"");
        node.ctl(&["conf", "reload"]);
        for client in &mut wills {
            let denied = node.metric("client.acl.deny");
            wait_for("the rules are there", LIMIT, || {
                client.publish("told", "x", 1);
                node.metric("client.acl.deny") > denied
            });
        }
        let denied = node.metric("client.acl.deny");
        wills.into_iter().for_each(Client::cut);
        assert_eq!(watcher.message().topic, "new/b");
        wait_for("the others are denied", LIMIT, || node.metric("client.acl.deny") == denied + 3);
        watcher.publish("end", "end", 1);
        assert_eq!(watcher.message().topic, "end");
        may("\"new/#\"");
        node.ctl(&["conf", "reload"]);
    }
}

/// A session goes on with what its client may have by the rules of now.
#[test]
fn a_session_that_goes_on_keeps_no_filter_that_is_denied_by_now() {
    let mut node = with_users("acl_file = rules.conf", &users(&["bob"]));
    let rules = node.config().with_file_name("rules.conf");
    fs::write(&rules, "{allow, all}.\n").unwrap();
    node.launch();
    for version in [Version::V3_1_1, Version::V5] {
        let mut publisher = connect(version, "bob", "bob").open(node.mqtt());
        let id = unique("c");
        let mut client = connect(version, "bob", "bob").id(&id).lasting().open(node.mqtt());
        for filter in ["secret/#", "plain/#"] {
            client.subscribe(filter, 1);
        }
        // One of them is sent and not acknowledged.
        publisher.publish("secret/first", "x", 1);
        assert_eq!(client.raw_message().topic, "secret/first");
        client.cut();
        for topic in ["secret/waiting", "plain/waiting", "secret/more"] {
            publisher.publish(topic, "x", 1);
        }
        fs::write(&rules, "{deny, all, subscribe, [\"secret/#\"]}.\n{allow, all}.\n").unwrap();
        node.ctl(&["conf", "reload"]);
        let mut client = connect(version, "bob", "bob").id(&id).lasting().open(node.mqtt());
        assert!(client.session_present);
        for topic in ["secret/later", "plain/later"] {
            publisher.publish(topic, "x", 1);
        }
        let got: Vec<String> = (0..2).map(|_| client.message().topic).collect();
        assert_eq!(got, ["plain/waiting", "plain/later"], "{version:?}");
        client.ping();
        assert_eq!(client.unread(), 0);
        let shown = node.ctl(&["subscriptions", "show", &id]);
        assert!(!shown.contains("secret/#") && shown.contains("plain/#"), "{shown}");
        fs::write(&rules, "{allow, all}.\n").unwrap();
        node.ctl(&["conf", "reload"]);
    }
}
