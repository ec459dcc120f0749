//! Commands of EMQX that this program has not, and why; and its plugins and modules, which are built in here.

use emqx_rs::ctl::render;
use serde_json::json;

/// Commands of EMQX 4.4 and 5 that this one has not, by their first words, and why.
const NOT_HERE: &[(&[&str], &str)] = &[
    (
        &["recon", "observer", "mnesia", "node_dump", "olp", "gc"],
        "is about the Erlang machine, and there is none; see broker stats and systemctl status emqx-rs",
    ),
    (
        &["start", "stop", "restart", "console", "foreground"],
        "is systemd's: systemctl ACTION emqx-rs",
    ),
    (
        &[
            "plugins load",
            "plugins unload",
            "plugins reload",
            "plugins add",
            "modules load",
            "modules unload",
            "modules reload",
        ],
        "has no use: everything is built in, and switched by its keys in emqx.conf, then conf reload",
    ),
    (
        &["rules", "resources", "rule-actions", "exhook", "luahook", "ds"],
        "is not part of this program, which only brings messages from publishers to subscribers",
    ),
    (
        &["license", "telemetry", "audit", "sasl"],
        "has no use: nothing is licensed, and nothing calls home",
    ),
    (&["admins"], "has no use: there is no dashboard; mgmt is about who may use the HTTP API"),
    (
        &["acl list", "acl show", "acl add", "acl del", "acl delete", "acl aclrule"],
        "has nothing behind it: rules stand in acl.conf(5), then conf reload; banned add keeps a client out",
    ),
    (
        &["cluster core", "cluster replicant"],
        "has no use: every node of the cluster is like the others",
    ),
    (
        &["conf load"],
        "has nothing behind it: settings stand in emqx.conf and the files of conf.d, then conf reload",
    ),
    (
        &["conf cluster_sync"],
        "has no use: each node has a configuration of its own, and none is sent to others",
    ),
    (&["retainer reindex"], "has no use: retained messages have one index, made of all levels"),
    (
        &["traces delete"],
        "has no use: traces stop NAME ends one, and the files of ended ones go when there are more than 16",
    ),
    (
        &["eviction", "rebalance"],
        "is cluster evacuate here: it sends the clients of this node to the others",
    ),
    (&["exclusive", "routes_cleanup"], "is not built in this version"),
];

/// What is to be said about a command that is not ours, of which these are the words; none when nobody has it.
pub(super) fn not_here(words: &[String]) -> Option<String> {
    let begins = |name: &&&str| {
        let mut own = words.iter();
        name.split(' ').all(|word| own.next().is_some_and(|it| it == word))
    };
    let told = |(names, why): &(&[&str], &str)| {
        names.iter().find(begins).map(|name| format!("{name} {why}"))
    };
    NOT_HERE.iter().find_map(told)
}

/// Plugins of EMQX 4.4 whose work is done here.
pub(super) const PLUGINS: &[(&str, &str)] = &[
    ("emqx_auth_http", "auth.http.*: an HTTP server says who may connect and do what"),
    ("emqx_auth_jwt", "auth.jwt.*: JSON Web Tokens"),
    ("emqx_auth_mnesia", "auth.user.*, auth.client.* and the users file"),
    ("emqx_bridge_mqtt", "bridge.mqtt.*: bridges to brokers of others"),
    ("emqx_management", "management.*: the HTTP API, off unless it has a listener"),
    ("emqx_retainer", "retainer.*: retained messages"),
];

/// Modules of EMQX 4.4 whose work is done here.
pub(super) const MODULES: &[(&str, &str)] = &[
    ("emqx_mod_acl_internal", "acl_file: rules about topics"),
    ("emqx_mod_delayed", "delayed.*: delayed messages"),
    ("emqx_mod_presence", "module.presence.*: events of clients"),
    ("emqx_mod_rewrite", "module.rewrite.*: topics under other names"),
    ("emqx_mod_subscription", "module.subscription.*: subscriptions unasked"),
];

/// A list of those, as EMQX tells it: built in is active.
pub(super) fn built_in(kind: &str, rows: &[(&str, &str)], json: bool) -> String {
    if json {
        let row = |(name, description): &(&str, &str)| json!({ "name": name, "description": description, "active": true });
        return format!("{:#}\n", json!(rows.iter().map(row).collect::<Vec<_>>()));
    }
    let line = |(name, description): &(&str, &str)| {
        let (name, description) = (render::shown(name), render::shown(description));
        format!("{kind}({name}, description={description}, active=true)\n")
    };
    rows.iter().map(line).collect()
}
