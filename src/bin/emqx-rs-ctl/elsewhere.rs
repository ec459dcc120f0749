//! Commands of EMQX that this program has not, and why.

/// Commands of EMQX 4.4 and 5 that this one has not, and why.
const NOT_HERE: &[(&[&str], &str)] = &[
    (
        &["recon", "observer", "mnesia", "node_dump", "olp", "gc"],
        "is about the Erlang machine, and there is none; see broker stats and systemctl status emqx-rs",
    ),
    (
        &["start", "stop", "restart", "console", "foreground"],
        "is systemd's: systemctl ACTION emqx-rs",
    ),
    (&["plugins", "modules"], "has no use: there are no plugins, everything is built in"),
    (
        &["rules", "resources", "rule-actions", "bridges", "exhook", "luahook", "ds"],
        "is not part of this program, which only brings messages from publishers to subscribers",
    ),
    (
        &["license", "telemetry", "audit", "sasl"],
        "has no use: nothing is licensed, and nothing calls home",
    ),
    (&["admins", "mgmt"], "has no use: there is no dashboard and no HTTP interface"),
    (
        &["clientid"],
        "is not built in this version; rules and client ids stand in acl.conf and emqx.conf, then conf reload",
    ),
    (&["traces"], "is trace on every node: emqx-rs-ctl --all trace start client ID"),
    (&["eviction", "rebalance", "exclusive", "routes_cleanup"], "is not built in this version"),
];

/// What is to be said about a command that is not ours; none when nobody has it.
pub(super) fn not_here(name: &str) -> Option<String> {
    let (_, why) = NOT_HERE.iter().find(|(names, _)| names.contains(&name))?;
    Some(format!("{name} {why}"))
}
