//! `auth_order` and `acl_order`, with real processes: the first that knows the answer gives it.

use std::fs;

use super::{
    super::support::{
        Version,
        http::{OK, http_server},
    },
    BAD_PASSWORD, NOT_AUTHORIZED, SUCCESS, code, connect, token, users, with_users,
};

const IGNORED: &str = "200 OK\r\ncontent-length: 6\r\n\r\nignore";
const STOPPED: &str = "403 Forbidden\r\ncontent-length: 0\r\n\r\n";

/// Lets in whose password is `http`, keeps out whose password is `stop`, and leaves all others to others.
fn by_password(request: &str) -> Option<&'static str> {
    Some(match request.rsplit_once("p=").map(|(_, password)| password) {
        Some("http") => OK,
        Some("stop") => STOPPED,
        Some(_) | None => IGNORED,
    })
}

#[test]
fn who_is_asked_first_decides_who_may_connect() {
    let server = http_server(by_password);
    let lines = format!(
        "allow_anonymous = false\nauth_failure_policy = off\nauth.jwt.secret = only for these tests\n\
         auth.http.auth_req.url = http://{server}/auth\nauth.http.auth_req.params = u=%u,p=%P"
    );
    let good = token("{}");
    let bad = good.replacen('.', ".a", 1);
    for (order, want) in [
        // Password `http`, `stop`, the right one, a wrong one; and eve's: a good token, a bad one, none.
        ("none", [0x86, 0x86, 0, 0x86, 0, BAD_PASSWORD, BAD_PASSWORD]),
        ("http", [SUCCESS, NOT_AUTHORIZED, 0, 0x86, 0, BAD_PASSWORD, BAD_PASSWORD]),
        ("mnesia, http, jwt", [0x86, 0x86, 0, 0x86, 0, BAD_PASSWORD, BAD_PASSWORD]),
    ] {
        let mut node = with_users(&format!("{lines}\nauth_order = {order}"), &users(&["bob"]));
        node.launch();
        let got = [
            ("bob", "http"),
            ("bob", "stop"),
            ("bob", "bob"),
            ("bob", "wrong"),
            ("eve", &good),
            ("eve", &bad),
            ("eve", "wrong"),
        ]
        .map(|(name, password)| code(&node, name, password));
        assert_eq!(got, want, "{order}");
        // The users are asked behind the server too, and what they said is remembered.
        let before = node.metric("emqx_rs.auth.verified");
        assert_eq!(code(&node, "bob", "bob"), SUCCESS);
        assert_eq!(node.metric("emqx_rs.auth.verified"), before, "{order}");
    }
}

#[test]
fn who_is_asked_first_decides_what_a_client_may_do() {
    let lines =
        "auth.jwt.secret = only for these tests\nacl_file = rules.conf\nacl_nomatch = allow";
    let rules = "{deny, all, publish, [\"own/secret\"]}.\n{allow, all, publish, [\"node/#\"]}.\n";
    let own = token(r##"{"acl":{"pub":["own/#"]}}"##);
    for (order, want) in
        [("none", [true, true, false, false]), ("internal, jwt", [true, false, true, false])]
    {
        let mut node = with_users(&format!("{lines}\nacl_order = {order}"), &users(&["bob"]));
        fs::write(node.config().with_file_name("rules.conf"), rules).unwrap();
        node.launch();
        let mut client = connect(Version::V5, "eve", &own).open(node.mqtt());
        let got = ["own/x", "own/secret", "node/x", "else"]
            .map(|topic| client.publish(topic, "x", 1) < 0x80);
        assert_eq!(got, want, "{order}");
        let mut bob = connect(Version::V5, "bob", "bob").open(node.mqtt());
        assert!(bob.publish("else", "x", 1) < 0x80, "acl_nomatch, for who has no token");
    }
}
