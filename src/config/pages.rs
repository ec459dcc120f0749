//! The example file and the man page say what the key table says. When they do not, the test writes the right text under
//! `target/` and names it.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use super::keys::{self, Effect, Key};
use super::{Config, acl_conf, erlang_terms};
use crate::broker::access::{Access, Action, Rules, Who};
use crate::node::listener::settings::{Bind, Listener, ListenerKind};
use crate::node::tls::listener as tls;
use crate::node::tls::settings::Role;

/// Headings of both pages and the first words of the keys below them.
const GROUPS: &[(&str, &[&str])] = &[
    ("This node", &["node.", "rpc."]),
    ("The cluster", &["cluster.", "broker.suback"]),
    ("Listeners", &["listener."]),
    (
        "Who may connect and do what",
        &[
            "allow_anonymous",
            "users_file",
            "acl_",
            "enable_acl_",
            "auth",
            "takeover_policy",
            "flapping_",
        ],
    ),
    ("Limits and features of MQTT", &["mqtt."]),
    ("Limits and features by zone", &["zone."]),
    ("The broker and what it keeps", &["broker.", "retainer.", "session."]),
    ("Modules", &["module.", "delayed."]),
    ("Bridges", &["bridge."]),
    ("The HTTP API", &["management."]),
    ("The log", &["log."]),
    ("Alarms", &["os_mon.", "alarm."]),
    ("Files of EMQX plugins", &["plugins."]),
];

fn group(key: &Key) -> &'static str {
    let group =
        GROUPS.iter().find(|(_, fronts)| fronts.iter().any(|front| key.name.starts_with(front)));
    group.unwrap_or_else(|| panic!("{} belongs to no group", key.name)).0
}

fn acting_in(heading: &str) -> impl Iterator<Item = &'static Key> {
    keys::all().filter(move |key| key.acts() && group(key) == heading)
}

fn example() -> String {
    let mut text = String::from(
        "## Every key of emqx-rs that does something, with its default. Copy what you change to emqx.conf or a file in conf.d/.\n\
         ## A key without a value has no default. $name is a name of your choice, $id a number, $kind one of tcp, ssl, ws, wss, unix;\n\
         ## below management.listener http or https.\n\
         ## Generated; see emqx.conf(5).\n",
    );
    for (heading, _) in GROUPS {
        let _ = write!(text, "\n\n#### {heading}\n");
        for Key { name, default, doc, .. } in acting_in(heading) {
            let space = if default.is_empty() { "" } else { " " };
            let _ = write!(text, "\n## {doc}\n#{name} ={space}{default}\n");
        }
    }
    let _ = write!(
        text,
        "\n\n#### Keys of EMQX 4.4 that load, are checked, and do nothing here (one info line names those that are set)\n\n"
    );
    for key in keys::all().filter(|key| matches!(key.effect, Effect::Unused(_))) {
        let _ = writeln!(text, "##   {}", key.name);
    }
    let _ = write!(
        text,
        "\n#### Keys of features this version does not have (one warning a feature)\n\n"
    );
    for key in keys::all().filter(|key| matches!(key.effect, Effect::Missing(..))) {
        let _ = writeln!(text, "##   {}", key.name);
    }
    text
}

/// The KEYS section of emqx.conf(5).
fn manual() -> String {
    let mut text = String::from(".Sh KEYS\n");
    for (heading, _) in GROUPS {
        let _ = write!(text, ".Ss {heading}\n.Bl -tag -width Ds\n");
        for Key { name, default, doc, .. } in acting_in(heading) {
            let _ = writeln!(text, ".It Cm {name}");
            for sentence in doc.split_inclusive(". ") {
                wrap(sentence, &mut text);
            }
            if !default.is_empty() {
                let _ = writeln!(text, "Default:\n.Ql {default} .");
            }
        }
        text.push_str(".El\n");
    }
    text
}

/// A sentence in lines of at most 78 bytes.
fn wrap(sentence: &str, text: &mut String) {
    let mut width = 0;
    for word in sentence.split_whitespace() {
        let (space, front) = match width {
            0 => ("", 0),
            _ if width + 1 + word.len() > 78 => ("\n", 0),
            _ => (" ", width + 1),
        };
        let _ = write!(text, "{space}{}", word.replace('\\', "\\e"));
        width = front + word.len();
    }
    text.push('\n');
}

#[track_caller]
fn same(name: &str, want: &str, holds: bool) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("target").join(name);
    if !holds {
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, want).unwrap();
    }
    assert!(holds, "{name} and the key table differ; the right text is in {}", path.display());
}

#[test]
fn the_example_file_is_the_key_table() {
    let page = include_str!("../../etc/emqx.conf.example");
    same("emqx.conf.example", &example(), page == example());
}

#[test]
fn the_manual_has_every_key_that_acts() {
    let page = include_str!("../../man/emqx.conf.5");
    same("emqx.conf.5.keys", &manual(), page.contains(&manual()));
}

#[test]
fn the_example_loads_when_its_defaults_are_uncommented() {
    let lines = example();
    let set = lines
        .lines()
        .filter_map(|line| line.strip_prefix('#'))
        .filter(|line| !line.starts_with('#') && !line.ends_with('='))
        // They say how a topic is subscribed to, and that has no default.
        .filter(|line| !line.starts_with("module.subscription."));
    let kind = |line: &str| match line {
        _ if line.starts_with("management.") => "https",
        _ if line.contains(".mode ") => "unix",
        _ => "wss",
    };
    let mut text: Vec<_> = set
        .map(|line| {
            line.replace("$kind", kind(line)).replace("$name", "external").replace("$id", "1")
        })
        .collect();
    assert!(text.len() > 60);
    text.push("listener.wss.external = 1".to_owned());
    text.push("bridge.mqtt.external.address = h:1883".to_owned());
    text.push("management.listener.https = 2".to_owned());
    let env = [("STATE_DIRECTORY".to_owned(), "/nonexistent".to_owned())];
    let all = Config::from_text(text.join("\n").as_bytes(), &env).unwrap();
    let none = Config::from_text(b"management.listener.https = 2", &env).unwrap();
    assert_eq!(
        all.zones["external"], none.zones["external"],
        "defaults of zone keys are those of the module"
    );
    assert_eq!((&all.listeners[0].zone, &all.retain), (&none.listeners[0].zone, &none.retain));
    let (set, plain) = (&all.listeners[0], Listener::new(ListenerKind::Wss, "", Bind::Port(0)));
    let of = |one: &Listener| format!("{} {:?} {:?}", one.backlog, one.websocket, one.send_timeout);
    assert_eq!(of(set), of(&plain));
    let [of_all, of_none] = [&all, &none].map(|one| {
        let api = &one.api.listeners[0];
        format!("{} {} {:?} {}", of(api), api.max_connections, api.bind, api.nodelay)
    });
    assert_eq!((of_all, all.api.max_rows), (of_none, none.api.max_rows));
    let tls =
        tls::Settings { role: Role { depth: Some(10), ..Role::default() }, ..Default::default() };
    assert_eq!(set.tls.as_ref().unwrap().settings, tls);
    assert_eq!(all.log, none.log);
}

#[test]
fn shipped_files_load() {
    for name in ["emqx.conf", "emqx.conf.example"] {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("etc").join(name);
        let env = [("STATE_DIRECTORY".to_owned(), "/nonexistent".to_owned())];
        let config = Config::load(Some(&path), &env).unwrap();
        assert_eq!(config.listeners.len(), 1, "{name}");
    }
    assert_eq!(erlang_terms::terms(include_str!("../../etc/ssl_dist.conf")).unwrap().len(), 1);
}

#[test]
fn the_shipped_rules_are_the_built_in_ones() {
    let shipped = Access {
        rules: acl_conf::parse("", include_str!("../../etc/acl.conf")).unwrap(),
        ..Access::default()
    };
    let built_in = Access { rules: Rules::default(), ..Access::default() };
    for peer in ["127.0.0.1", "127.9.9.9", "::1", "10.0.0.1", "fe80::1"] {
        let who = Who { zone: "z", client_id: "c", username: None, peer: peer.parse().unwrap() };
        let (one, two) = (shipped.client(&who), built_in.client(&who));
        assert_eq!(one.allows_all(), two.allows_all(), "{peer}");
        for topic in ["a", "$SYS/x", "$SYS", "#", "$SYS/#", "+/x", "$x"] {
            for action in [Action::Publish, Action::Subscribe] {
                assert_eq!(
                    one.allows(action, topic),
                    two.allows(action, topic),
                    "{peer} {action:?} {topic}"
                );
            }
        }
    }
}
