//! Client ids with passwords, in the users file.

use super::{
    super::support::{Client, Connect, LIMIT, Version, client::find, prop, wait_for},
    BAD_PASSWORD, NOT_AUTHORIZED, Node, SUCCESS, connect, ctl, path, user,
};

fn clientid(node: &Node, words: &[&str], input: &str) -> (Option<i32>, String) {
    let file = path(node);
    let words: Vec<&str> =
        ["clientid"].iter().chain(words).copied().chain(["--file", &file]).collect();
    let output = ctl(node, &words, input);
    let text = [output.stdout, output.stderr].concat();
    (output.status.code(), String::from_utf8(text).unwrap())
}

#[track_caller]
fn done(node: &Node, words: &[&str], input: &str) {
    assert_eq!(clientid(node, words, input), (Some(0), "ok\n".to_owned()), "{words:?}");
}

/// The code that a client with this id, password and perhaps user name gets.
fn code(node: &Node, id: &str, password: Option<&str>, user: Option<&str>) -> u8 {
    let mut connect = Connect::new(Version::V5).id(id);
    connect.password = password.map(Into::into);
    connect.user = user.map(str::to_owned);
    connect.attempt(node.mqtt()).code
}

#[test]
fn client_ids_are_made_changed_and_taken_out_while_the_node_runs() {
    let node = Node::start("allow_anonymous = false");
    assert_eq!(code(&node, "s7", Some("key"), None), NOT_AUTHORIZED);
    done(&node, &["add", "s7"], "key\n");
    user(&node, &["add", "boss"], "secret\n");
    for (id, password, user, want) in [
        ("s7", Some("key"), None, SUCCESS),
        ("s7", Some("key"), None, SUCCESS),
        ("s7", Some("key"), Some("nobody"), SUCCESS),
        ("s7", Some("kee"), None, BAD_PASSWORD),
        // As somebody who guesses sees it.
        ("s8", Some("key"), None, BAD_PASSWORD),
        ("s7", Some("key"), Some("boss"), BAD_PASSWORD),
        ("s7", Some("secret"), Some("boss"), SUCCESS),
        ("s8", Some("secret"), Some("boss"), SUCCESS),
        // Its password was right at another client id, which is no reason to let this one in.
        ("s8", Some("key"), Some("nobody"), BAD_PASSWORD),
        ("s7", None, None, BAD_PASSWORD),
    ] {
        assert_eq!(code(&node, id, password, user), want, "{id} {password:?} {user:?}");
    }
    assert_eq!(connect(Version::V3_1_1, "s7", "key").id("x").attempt(node.mqtt()).code, 4);
    done(&node, &["update", "s7"], "new\n");
    assert_eq!(code(&node, "s7", Some("key"), None), BAD_PASSWORD);
    assert_eq!(code(&node, "s7", Some("new"), None), SUCCESS);
    assert_eq!(clientid(&node, &["list"], ""), (Some(0), "s7\n".into()));
    let rows = clientid(&node, &["list", "--json"], "").1;
    assert_eq!(serde_json::from_str::<serde_json::Value>(&rows).unwrap()[0]["clientid"], "s7");
    assert!(clientid(&node, &["add", "s7"], "x\n").1.contains("clientid passwd changes it"));
    done(&node, &["delete", "s7"], "");
    assert_eq!(code(&node, "s7", Some("new"), None), NOT_AUTHORIZED);
    let log = node.log();
    assert!(!log.contains("argon2id$"), "{log}");
}

#[test]
fn a_password_among_the_words_is_refused_with_the_right_form() {
    let node = Node::start("");
    for (words, right) in [
        (["user", "add", "bob", "hush"], "emqx-rs-ctl user add bob,"),
        (["user", "update", "bob", "hush"], "emqx-rs-ctl user passwd bob,"),
        (["clientid", "add", "c1", "hush"], "emqx-rs-ctl clientid add c1,"),
        (["clientid", "update", "c1", "hush"], "emqx-rs-ctl clientid update c1,"),
    ] {
        let output = ctl(&node, &words, "");
        let text = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(2), "{text}");
        assert!(text.contains(right) && !text.contains("hush"), "{text}");
    }
}

#[test]
fn who_stands_in_the_configuration_is_told_where() {
    let node = Node::start("auth.user.1.username = conf\nauth.user.1.password = real");
    assert_eq!(
        connect(Version::V5, "conf", "wrong").id("w").attempt(node.mqtt()).code,
        BAD_PASSWORD
    );
    let told = node.ctl(&["why", "w"]);
    assert!(told.contains("emqx-rs-ctl conf show auth. names the line"), "{told}");
    let file = path(&node);
    let output = ctl(&node, &["user", "add", "conf", "--file", &file], "other\n");
    let text = String::from_utf8(output.stderr).unwrap();
    let place = node.config().display().to_string();
    assert!(text.contains(&format!("conf stands in {place}:")), "{text}");
    assert_eq!(connect(Version::V5, "conf", "real").attempt(node.mqtt()).code, SUCCESS);
}

/// Who was connected before the users were read anew and who came after it are two clients.
#[test]
fn no_two_clients_are_assigned_one_id() {
    let node = Node::start("");
    let mut early = Client::raw(Version::V5, node.mqtt());
    wait_for("it is accepted", LIMIT, || {
        let rows: serde_json::Value =
            serde_json::from_str(&node.ctl(&["--json", "listeners"])).unwrap();
        rows.as_array().is_some_and(|rows| rows.iter().any(|row| row["current_conn"] == 1))
    });
    done(&node, &["add", "s7"], "key\n");
    let connect = Connect::new(Version::V5).id("");
    early.send(&connect.bytes());
    early.take_connack();
    let late = connect.open(node.mqtt());
    let [one, two] = [&early, &late].map(|client| find(&client.props, prop::ASSIGNED_ID));
    assert!(one.is_some() && two.is_some() && one != two, "{one:?} {two:?}");
}
