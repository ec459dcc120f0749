//! Files of other programs: one look at all lines of a file says more than a fault for each of them.

use super::file::{Item, Line};
use super::keys;

/// Where a file shows that it is none of ours: the number of that line, and what to say instead of all its faults.
#[must_use]
pub fn verdict(lines: &[Line]) -> Option<(usize, String)> {
    let is_known = |line: &Line| match &line.item {
        Ok(Item::Setting { key, .. }) => keys::find(key).is_some(),
        Ok(Item::Include(_)) => true,
        Err(_) => false,
    };
    let strange = lines.iter().filter(|line| !is_known(line)).count();
    let unread = lines.iter().filter_map(|line| Some((line.number, line.item.as_ref().err()?)));
    let (mut blocks, mut mosquitto, mut faults, mut first) = (0, 0, 0, None);
    for (number, fault) in unread {
        let word = fault.split([' ', ':']).next().unwrap_or_default();
        blocks += usize::from(word.contains('{') || fault.contains("blocks"));
        mosquitto += usize::from(MOSQUITTO.contains(&word));
        faults += 1;
        first = first.or(Some(number));
    }
    // A file of ours with slips in it has more lines that are right than others.
    if strange * 2 <= lines.len() || (faults < 3 && blocks == 0) {
        return None;
    }
    let kind = match () {
        () if mosquitto * 2 > faults => "this is a file of mosquitto",
        () if blocks > 0 => "these are blocks, as in files of EMQX 5",
        () => "this is no file of settings",
    };
    let text = format!(
        "{kind}, and emqx-rs reads lines such as node.name = emqx@10.0.0.1, as in EMQX 4: all keys stand in emqx.conf(5) and \
         /usr/share/doc/emqx-rs/emqx.conf.example"
    );
    Some((first?, text))
}

/// What lines of mosquitto.conf begin with.
const MOSQUITTO: &[&str] = &[
    "acl_file",
    "address",
    "allow_anonymous",
    "autosave_interval",
    "bind_address",
    "cafile",
    "capath",
    "certfile",
    "clientid",
    "connection",
    "connection_messages",
    "include_dir",
    "keyfile",
    "listener",
    "log_dest",
    "log_timestamp",
    "log_type",
    "max_connections",
    "max_inflight_messages",
    "max_keepalive",
    "max_packet_size",
    "max_queued_messages",
    "message_size_limit",
    "notifications",
    "password_file",
    "per_listener_settings",
    "persistence",
    "persistence_file",
    "persistence_location",
    "persistent_client_expiration",
    "pid_file",
    "plugin",
    "port",
    "protocol",
    "remote_password",
    "remote_username",
    "require_certificate",
    "retain_available",
    "socket_domain",
    "sys_interval",
    "tls_version",
    "topic",
    "use_identity_as_username",
    "user",
    "websockets_log_level",
];

#[cfg(test)]
mod tests {
    use super::super::file;
    use super::*;

    #[track_caller]
    fn check(text: &str, want: Option<(usize, &str)>) {
        let got = verdict(&file::lines(text.as_bytes()));
        let shown = got.as_ref().map(|(line, text)| (*line, text.split(',').next().unwrap()));
        assert_eq!(shown, want, "{text:?}: {got:?}");
    }

    #[test]
    fn files_of_other_programs_are_told_by_their_lines() {
        let blocks = "these are blocks";
        check(
            "# c\nnode {\n  name = \"a@b\"\n}\nlisteners.tcp.default {\n bind = 1883\n}\n",
            Some((2, blocks)),
        );
        check("{\"node\": {\"name\": \"x\"}}", Some((1, blocks)));
        check(
            "listener 1883\nallow_anonymous true\npersistence true\n",
            Some((1, "this is a file of mosquitto")),
        );
        check(
            "node:\n  name: a@b\nlistener:\n  tcp: 1883\n",
            Some((1, "this is no file of settings")),
        );
        check("\u{1}\nx\ny\nz\n", Some((1, "this is no file of settings")));
    }

    #[test]
    fn a_file_with_slips_is_still_ours() {
        check("", None);
        check("node.name a@b\n", None);
        check("nod.name = a@b\nlistner.tcp.x = 1\n", None);
        check("node.name = a@b\nlog.level = info\nmqtt.max_qos_allowed = 1\nnode {\n}\n", None);
        check("node.name = a@b\nlog.level = info\nport 1883\nuser x\n", None);
    }
}
