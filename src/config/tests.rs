//! Whole configurations: layers, faults, defaults, and the files of EMQX.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use super::*;
use crate::broker::access::{Anonymous, ConnectAttempt, Opinion, Stage};
use crate::cluster::settings::{AddressType, Discovery, DnsRecord};
use crate::node::listener::settings::{Bind, CertificateName, Listener, ListenerKind};

/// A folder with configuration files, a data folder, and an environment.
struct Place {
    dir: tempfile::TempDir,
    env: Vec<(String, String)>,
}

impl Place {
    fn new(conf: &str) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let state = dir.path().join("state").display().to_string();
        let place = Self { dir, env: vec![("STATE_DIRECTORY".into(), state)] };
        place.file("emqx.conf", conf);
        place
    }

    fn path(&self) -> PathBuf {
        self.dir.path().join("emqx.conf")
    }

    fn file(&self, name: &str, text: &str) {
        let path = self.dir.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    fn env(mut self, name: &str, text: &str) -> Self {
        self.env.push((name.into(), text.into()));
        self
    }

    fn load(&self) -> Result<Config, Faults> {
        Config::load(Some(&self.path()), &self.env)
    }

    /// Faults and notes without the folder's name.
    fn faults(&self) -> Vec<String> {
        let front = format!("{}/", self.dir.path().display());
        let faults = self.load().map(drop).unwrap_err();
        faults.to_string().lines().map(|line| line.replace(&front, "")).collect()
    }

    fn notes(&self) -> Vec<String> {
        let front = format!("{}/", self.dir.path().display());
        let notes = self.load().unwrap().notes;
        notes
            .iter()
            .map(|note| {
                format!("{}{}", if note.warning { "W " } else { "" }, note.text.replace(&front, ""))
            })
            .collect()
    }
}

#[test]
fn without_a_file_the_built_in_defaults_hold() {
    let place = Place::new("");
    let config = Config::load(None, &place.env).unwrap();
    let listener = &config.listeners[0];
    assert_eq!(
        (listener.kind, listener.bind.clone(), config.listeners.len()),
        (ListenerKind::Tcp, Bind::Port(1883), 1)
    );
    assert_eq!(config.zones["external"], broker::Settings::default());
    assert_eq!(config.retain, RetainSettings::default());
    assert_eq!(config.access.policy, broker::access::Policy::default());
    assert_eq!((config.log.level, config.log.to), (LogLevel::Info, LogTo::Journald));
    let defaults = cluster::Settings::new(config.cluster.node_name.clone());
    assert_eq!(
        format!("{:?}", config.cluster),
        format!("{defaults:?}"),
        "the key table and the module agree"
    );
    assert_eq!(config.node.drain_time, Duration::from_secs(30));
    assert!(config.node.sys_interval == Some(Duration::from_secs(60)));
}

#[test]
fn the_stock_file_of_emqx_loads_unchanged() {
    let place = Place::new(include_str!("../../tests/data/emqx-4.4.conf"));
    let config = place.load().unwrap();
    let names: Vec<_> =
        config.listeners.iter().map(|l| (l.id(), l.bind.to_string(), l.zone.clone())).collect();
    let want = [
        ("mqtt:tcp:external", "0.0.0.0:1883", "external"),
        ("mqtt:tcp:internal", "127.0.0.1:11883", "internal"),
        ("mqtt:ssl:external", "8883", "external"),
        ("mqtt:ws:external", "8083", "external"),
        ("mqtt:wss:external", "8084", "external"),
    ];
    assert_eq!(names, want.map(|(a, b, c)| (a.to_owned(), b.to_owned(), c.to_owned())));
    let closed: Vec<_> = config.listeners.iter().filter_map(Listener::closed).collect();
    assert_eq!(closed.len(), 2, "no certificates: {closed:?}");
    assert!(closed[0].1.contains("certs/cert.pem: No such file"), "{closed:?}");
    assert_eq!(config.listeners[3].websocket.path.as_deref(), Some("/mqtt"));
    assert_eq!(config.zones["external"].max_packet_size, 1 << 20);
    assert_eq!(
        (config.zones["external"].max_inflight, config.zones["internal"].max_inflight),
        (32, 128)
    );
    assert_eq!(config.zones["external"].retry_interval, Some(Duration::from_secs(30)));
    assert_eq!(config.access.policy.allow_anonymous, Anonymous::Yes);
    assert!(config.access.policy.nomatch_allows && config.access.zones["internal"].bypass_auth);
    assert_eq!((config.log.to, config.log.level), (LogTo::File, LogLevel::Warning));
    assert_eq!(config.log.dir, place.dir.path().join("state/log"));
    assert!(config.cluster.cookie.is_none(), "the published cookie counts as not set");
    let notes = place.notes();
    let idle: Vec<_> = notes.iter().filter(|note| note.starts_with("no meaning here")).collect();
    assert_eq!(idle.len(), 1, "one line for all of them: {notes:#?}");
    assert!(idle[0].contains("rpc.mode (emqx.conf:"), "{idle:?}");
    assert!(notes.iter().any(|note| note.starts_with("W emqx.conf:")), "{notes:#?}");
}

#[test]
fn every_key_of_emqx_is_known_and_typed() {
    let text = include_str!("../../tests/data/emqx-4.4-keys.txt")
        .replace("$name", "n")
        .replace("$id", "1")
        .replace("$level", "error");
    assert_eq!(text.lines().filter(|line| line.contains(" = ")).count(), 386);
    let place = Place::new(&text);
    place.file("acl.conf", "{allow, all}.");
    assert_eq!(place.load().err().map(|faults| faults.to_string()), None);
}

#[test]
fn keys_of_plugins_load_here_and_in_their_files() {
    let place = Place::new(
        "retainer.storage_type = disc\nretainer.expiry_interval = 1h\nmanagement.listener.http = 8081\n\
         management.listener.http.acceptors = 2\ndashboard.default_user.login = admin\nweb.hook.api.url = http://x\n\
         auth.mysql.server = x:3306\nbridge.mqtt.aws.address = 1.2.3.4:1883\nplugins.etc_dir = etc/plugins/",
    );
    place.file(
        "plugins/emqx_retainer.conf",
        "retainer.max_retained_messages = 7\nretainer.expiry_interval = 2h\n",
    );
    let config = place.load().unwrap();
    assert_eq!(
        (config.retain.max_messages, config.retain.expiry),
        (7, Some(Duration::from_secs(3600)))
    );
    let warned = config.notes.iter().filter(|note| note.warning).count();
    assert!(warned >= 3, "{:#?}", config.notes);
    let idle = |note: &&Note| note.text.contains("management.listener.http.acceptors");
    assert_eq!(config.notes.iter().filter(idle).count(), 1, "{:#?}", config.notes);
}

#[test]
fn the_http_api_is_off_on_this_host_or_where_it_is_told() {
    let bound = |text: &str| {
        let config = Place::new(text).load().unwrap();
        let all = config.api.listeners.iter().map(|one| one.bind.to_string());
        (all.collect::<Vec<_>>(), config.api.apps.len(), config.notes)
    };
    let binds = |text: &str| bound(text).0;
    assert_eq!(binds(""), [""; 0]);
    assert_eq!(binds("management.listener.http.max_clients = 3"), [""; 0]);
    assert_eq!(binds("management.listener.http = 8081"), ["127.0.0.1:8081"]);
    assert_eq!(
        binds("management.listener.https = 8443\nmanagement.listener.https.inet6 = true"),
        ["[::1]:8443"]
    );
    let (binds, _, notes) = bound("management.listener.http = 10.0.0.1:8081");
    assert_eq!(binds, ["10.0.0.1:8081"]);
    assert!(notes.iter().any(|note| note.warning && note.text.contains("in clear")), "{notes:?}");
    let app = "management.default_application.id = admin\nmanagement.default_application.secret";
    assert_eq!(bound(&format!("{app} = public")).1, 0);
    assert_eq!(bound(&format!("{app} = mine")).1, 1);
    assert_eq!(bound("management.default_application.secret = mine").1, 1, "of admin");
    let (_, apps, notes) = bound("management.default_application.id = a");
    assert_eq!(apps, 0);
    assert!(notes.iter().any(|note| note.warning && note.text.contains("no such application")));
    let place = Place::new("plugins.etc_dir = plugins");
    place.file(
        "plugins/emqx_management.conf",
        "management.listener.http = 8081\nmanagement.default_application.id = admin\n\
         management.default_application.secret = public\nmanagement.max_row_limit = 10000\n",
    );
    assert_eq!(place.load().unwrap().api.listeners.len(), 1, "as EMQX ships it");
    let told = "W plugins/emqx_management.conf:3: management.default_application.secret is the one EMQX publishes and counts \
                as not set";
    assert!(place.notes().contains(&told.to_owned()), "{:?}", place.notes());
    let missing = Place::new("management.bootstrap_apps_file = none").load().unwrap_err();
    assert!(missing.to_string().contains("emqx.conf:1: management.bootstrap_apps_file = none"));
}

/// A folder of plugins with a file of switches.
fn with_plugins(switches: &str) -> Place {
    let place = Place::new(
        "node.name = emqx@10.0.0.1\nplugins.etc_dir = etc/plugins/\nplugins.loaded_file = data/loaded_plugins\n",
    );
    place.file("plugins/emqx_bridge_mqtt.conf", BRIDGE);
    place.file("plugins/emqx_management.conf", "management.listener.http = 8081\n");
    place.file("plugins/emqx_retainer.conf", "retainer.max_retained_messages = 7\n");
    place.file("plugins/emqx_auth_http.conf", "auth.http.auth_req.url = http://127.0.0.1/auth\n");
    place.file("state/loaded_plugins", switches);
    place
}

#[test]
fn files_of_plugins_that_are_not_switched_on_are_not_read() {
    let place = with_plugins(
        "%% on\n{emqx_retainer, true}.\n{emqx_bridge_mqtt, false}.\n{emqx_recon, true}.\n",
    );
    let config = place.load().unwrap();
    assert_eq!(config.retain.max_messages, 7);
    assert!(config.bridges.is_empty() && config.api.listeners.is_empty());
    assert!(config.auth_http.is_none());
    assert_eq!(
        place.notes(),
        [
            "not read, because state/loaded_plugins (plugins.loaded_file, emqx.conf:3) does not name the plugin with true: \
          plugins/emqx_bridge_mqtt.conf, plugins/emqx_management.conf"
        ]
    );
    let place =
        with_plugins("emqx_management.\n{emqx_bridge_mqtt, true}.\n{emqx_auth_http, true}.");
    let config = place.load().unwrap();
    assert_eq!((config.bridges.len(), config.api.listeners.len()), (1, 1));
    assert!(config.auth_http.is_some(), "read where it is named");
    assert_eq!(config.retain, RetainSettings::default());
}

#[test]
fn a_switch_that_cannot_be_read_is_a_fault() {
    let place = with_plugins(
        "{emqx_retainer, ture}.\n{emqx_management true}.\n{emqx_bridge_mqtt, true}.\n",
    );
    assert_eq!(
        place.faults(),
        [
            "state/loaded_plugins:1: {emqx_retainer, ture}: expected a plugin such as {emqx_retainer, true}",
            "state/loaded_plugins:2: expected a comma or '}'",
        ]
    );
    let faults = with_plugins(&"no switch\n".repeat(11)).faults();
    assert!(faults.contains(&"state/loaded_plugins: and 3 more lines like these".to_owned()));
    let place = with_plugins("{emqx_auth_mysql, true}.");
    let told = "W state/loaded_plugins:1: emqx_auth_mysql is on in EMQX, and there is none here: databases are not asked; \
                auth.http can ask a server that does";
    assert!(place.notes().contains(&told.to_owned()), "{:?}", place.notes());
    let place = with_plugins("{emqx_auth_jwt, true}.");
    let told = "W state/loaded_plugins: emqx_auth_jwt is on, and there is neither plugins/emqx_auth_jwt.conf nor a key of \
                auth.jwt.*: nobody is asked";
    assert!(place.notes().contains(&told.to_owned()), "{:?}", place.notes());
    let place = with_plugins("");
    fs::remove_file(place.dir.path().join("state/loaded_plugins")).unwrap();
    fs::create_dir(place.dir.path().join("state/loaded_plugins")).unwrap();
    assert_eq!(
        place.faults(),
        [
            "state/loaded_plugins: cannot be read: Is a directory (os error 21) (plugins.loaded_file, emqx.conf:3)"
        ]
    );
}

#[test]
fn without_a_file_of_switches_files_of_plugins_act_where_they_lie() {
    let place = with_plugins("");
    fs::remove_file(place.dir.path().join("state/loaded_plugins")).unwrap();
    let config = place.load().unwrap();
    assert_eq!((config.bridges.len(), config.api.listeners.len()), (1, 1));
    assert!(config.auth_http.is_none());
    let told = "there is no state/loaded_plugins (plugins.loaded_file, emqx.conf:3), so that these files act as if their \
                plugins were named in it: plugins/emqx_retainer.conf, plugins/emqx_bridge_mqtt.conf, \
                plugins/emqx_management.conf";
    assert!(place.notes().contains(&told.to_owned()), "{:?}", place.notes());
}

#[test]
fn conf_d_and_variables_say_where_plugins_are_and_are_stronger() {
    let place = with_plugins("{emqx_retainer, true}.");
    place.file("conf.d/a.conf", "plugins.loaded_file = other\nretainer.max_payload_size = 1KB\n");
    place.file("other", "{emqx_management, true}.");
    place.file(
        "plugins/emqx_management.conf",
        "management.listener.http = 8081\nlog.level = error\n",
    );
    let config = place.load().unwrap();
    let default = RetainSettings::default().max_messages;
    assert_eq!((config.retain.max_messages, config.api.listeners.len()), (default, 1));
    assert_eq!(config.log.level, LogLevel::Error);
    let place = place.env("EMQX_PLUGINS__LOADED_FILE", "data/loaded_plugins");
    assert_eq!(place.load().unwrap().retain.max_messages, 7);
    let place = place.env("EMQX_RETAINER__MAX_RETAINED_MESSAGES", "");
    assert_eq!(place.load().unwrap().retain.max_messages, default, "an empty one is the default");
}

/// The file that EMQX 4.4 ships, without its comments.
const BRIDGE: &str = "bridge.mqtt.aws.address = 127.0.0.1:1883
bridge.mqtt.aws.proto_ver = mqttv4
bridge.mqtt.aws.start_type = manual
bridge.mqtt.aws.bridge_mode = false
bridge.mqtt.aws.clientid = bridge_aws
bridge.mqtt.aws.clean_start = true
bridge.mqtt.aws.username = user
bridge.mqtt.aws.password = passwd
bridge.mqtt.aws.forwards = topic1/#,topic2/#
bridge.mqtt.aws.forward_mountpoint = bridge/aws/${node}/
bridge.mqtt.aws.ssl = off
bridge.mqtt.aws.cacertfile = etc/certs/cacert.pem
bridge.mqtt.aws.certfile = etc/certs/client-cert.pem
bridge.mqtt.aws.keyfile = etc/certs/client-key.pem
bridge.mqtt.aws.ciphers = TLS_AES_256_GCM_SHA384,ECDHE-ECDSA-AES256-GCM-SHA384
bridge.mqtt.aws.keepalive = 60s
bridge.mqtt.aws.tls_versions = tlsv1.3,tlsv1.2,tlsv1.1,tlsv1
bridge.mqtt.aws.reconnect_interval = 30s
bridge.mqtt.aws.retry_interval = 20s
bridge.mqtt.aws.batch_size = 32
bridge.mqtt.aws.max_inflight_size = 32
bridge.mqtt.aws.queue.replayq_dir = data/replayq/emqx_aws_bridge/
bridge.mqtt.aws.queue.replayq_seg_bytes = 10MB
bridge.mqtt.aws.queue.max_total_size = 5GB
";

#[test]
fn a_bridge_of_emqx_loads_with_its_plugin_file() {
    let place = Place::new("node.name = emqx@10.0.0.1\nplugins.etc_dir = etc/plugins/");
    place.file("plugins/emqx_bridge_mqtt.conf", BRIDGE);
    let config = place.load().unwrap();
    let [bridge] = config.bridges.as_slice() else { panic!("{:?}", config.bridges) };
    assert_eq!(
        (&*bridge.name, &*bridge.host, bridge.port, bridge.auto),
        ("aws", "127.0.0.1", 1883, false)
    );
    assert_eq!(bridge.relay.forward_mountpoint, "bridge/aws/emqx@10.0.0.1/");
    assert!(bridge.relay.single && bridge.tls.is_none() && bridge.relay.forwards.len() == 2);
    assert_eq!(bridge.relay.queue_bytes, 256 << 20);
    assert!(!format!("{config:?}").contains("passwd"), "a secret is not shown");
    let warned: Vec<_> = config.notes.iter().filter(|note| note.warning).collect();
    assert!(matches!(warned[..], [mode] if mode.text.contains("has mode 0644")), "{warned:?}");
}

#[test]
fn a_bridge_to_a_node_of_emqx_is_not_there_and_says_so() {
    let place = Place::new("node.name = a@10.0.0.1\nplugins.etc_dir = etc/plugins/");
    let bridges = "bridge.mqtt.one.forwards = a/#\nbridge.mqtt.one.address = emqx@192.168.1.2\n\
                   bridge.mqtt.two.address = h:1883\nbridge.mqtt.six.address = emqx@fe80::1\n";
    place.file("plugins/emqx_bridge_mqtt.conf", bridges);
    let names = place.load().unwrap().bridges.into_iter().map(|bridge| bridge.name);
    assert_eq!(names.collect::<Vec<_>>(), ["two"]);
    let told = |line: u8, name: &str, node: &str, such: &str| {
        format!(
            "W plugins/emqx_bridge_mqtt.conf:{line}: bridge.mqtt.{name}.address = {node}: bridges to nodes of EMQX by their \
             name are not supported by this version, so there is no bridge {name}; give the address of a listener there, \
             such as {such}:1883"
        )
    };
    let want = [
        told(2, "one", "emqx@192.168.1.2", "192.168.1.2"),
        told(4, "six", "emqx@fe80::1", "[fe80::1]"),
    ];
    let notes: Vec<_> = place.notes().into_iter().filter(|note| note.starts_with("W ")).collect();
    assert_eq!(notes, want);
}

#[test]
fn what_is_wrong_with_a_bridge_is_told_with_its_line() {
    for (lines, want) in [
        (
            "a.ssl = off",
            "emqx.conf:1: expected bridge.mqtt.a.address beside it, such as 192.168.1.20:1883",
        ),
        (
            "a.address = h",
            "emqx.conf:1: bridge.mqtt.a.address = h: expected host:port, such as broker.example.com:1883 or \
             [2001:db8::1]:8883",
        ),
        (
            "a.proto_ver = mqttv6",
            "emqx.conf:1: bridge.mqtt.a.proto_ver = mqttv6: expected mqttv3, mqttv4 or mqttv5",
        ),
        (
            "a.forwards = x/#/y",
            "emqx.conf:1: bridge.mqtt.a.forwards = x/#/y: expected topic filters without $share, such as sensors/#, not \
             x/#/y",
        ),
        (
            "a.receive_mountpoint = x/+",
            "emqx.conf:1: bridge.mqtt.a.receive_mountpoint = x/+: expected the begin of a topic, such as \
             bridge/${node}/, without + and #",
        ),
        (
            "a.address = h:1\nbridge.mqtt.a.subscription.1.qos = 1",
            "emqx.conf:1: expected bridge.mqtt.a.subscription.1.topic beside its qos",
        ),
        (
            "a.address = h:1\nbridge.mqtt.a.ssl = on",
            "emqx.conf:1: expected bridge.mqtt.a.cacertfile beside bridge.mqtt.a.ssl = on, such as \
             /etc/ssl/certs/ca-certificates.crt; bridge.mqtt.a.verify = verify_none believes anybody",
        ),
        (
            "a.address = h:1\nbridge.mqtt.a.password = x",
            "emqx.conf:1: expected bridge.mqtt.a.username beside bridge.mqtt.a.password",
        ),
        (
            "a.adress = h:1",
            "emqx.conf:1: bridge.mqtt.a.adress: unknown key, the nearest known one is bridge.mqtt.a.address",
        ),
    ] {
        let place = Place::new(&format!("bridge.mqtt.{lines}\n"));
        assert_eq!(place.faults(), [want]);
    }
}

#[test]
fn every_fault_is_reported_at_once() {
    let place = Place::new(
        "node.name = emqx\ncluster.autoclean = 5x\nnonsense\ncluster.autoclen = 5m\nzone.external.max_inflight = many\n\
         listener.tcp.external = 0.0.0.0\nnode.heartbeat = maybe\nnode.cookie = $(none)\n",
    );
    place.file("conf.d/10-more.conf", "mqtt.max_qos_allowed = 3\n");
    let want = [
        "emqx.conf:1: node.name = emqx: expected name@host, such as emqx@192.168.1.10, with letters, digits, _ and - in \
         the name",
        "emqx.conf:2: cluster.autoclean = 5x: expected a duration such as 500ms, 30s, 5m, 2h or 1d, or off",
        "emqx.conf:3: nonsense: expected key = value",
        "emqx.conf:4: cluster.autoclen: unknown key, the nearest known one is cluster.autoclean",
        "emqx.conf:5: zone.external.max_inflight = many: expected a whole number from 0 to 65535",
        "emqx.conf:6: listener.tcp.external = 0.0.0.0: expected a port such as 1883, or address:port such as \
         0.0.0.0:1883 or [::1]:1883",
        "emqx.conf:7: node.heartbeat = maybe: expected on or off (true and false work too)",
        "emqx.conf:8: node.cookie = ******: expected a key that is set inside $(none)",
        "conf.d/10-more.conf:1: mqtt.max_qos_allowed = 3: expected 0, 1 or 2",
    ];
    assert_eq!(place.faults(), want);
}

#[test]
fn slips_that_users_make_are_named() {
    let place = Place::new(
        "NODE.NAME = a@h\nlog.level = \"debug\"\nmqtt.max_topic_levels = 3 # enough\nnode {\nlog.levl = info\n\
         cluster.discovery = multicast\ncluster.autoclean 5m\nallow_anonymous = yes\nlistener.tcp = 1883\n\
         node.cookie my-secret-cookie\nlistener.http.external = 1\nmqtt.max_packet_size = 1Mb\n",
    );
    let faults = place.faults();
    for (at, want) in [
        "emqx.conf:1: NODE.NAME: unknown key, the nearest known one is node.name",
        "emqx.conf:2: log.level = \"debug\": expected",
        "emqx.conf:3: mqtt.max_topic_levels = 3 # enough: expected",
        "emqx.conf:4: node {: expected key = value; blocks of EMQX 5 are not read",
        "emqx.conf:5: log.levl: unknown key, the nearest known one is log.level",
        "emqx.conf:6: cluster.discovery = multicast: expected",
        "emqx.conf:7: cluster.autoclean ...: expected key = value",
        "emqx.conf:8: allow_anonymous = yes: expected",
        "emqx.conf:9: listener.tcp: unknown key, the nearest known one is listener.tcp.",
        "emqx.conf:10: node.cookie ...: expected key = value",
        "emqx.conf:11: listener.http.external = 1: expected",
        "emqx.conf:12: mqtt.max_packet_size = 1Mb: expected",
    ]
    .iter()
    .enumerate()
    {
        assert!(faults[at].starts_with(want), "{want}: {faults:#?}");
    }
    assert_eq!(faults.len(), 12, "{faults:#?}");
    assert!(faults[1].ends_with("(quotes are part of a value: leave them out)"), "{faults:#?}");
    assert!(faults[2].ends_with("(a comment stands on a line of its own)"), "{faults:#?}");
    assert!(!faults.join("").contains("my-secret"), "{faults:#?}");
    let told = Place::new("").env("EMQX_MQTT__MAX_QOS", "1").env("EMQX_PORT", "tcp://1").notes();
    let told: Vec<_> = told.iter().filter(|note| note.starts_with('W')).collect();
    assert_eq!(told.len(), 1, "{told:?}");
    assert!(
        told[0].starts_with("W EMQX_MQTT__MAX_QOS sets nothing: there is no key mqtt.max_qos,")
    );
}

#[track_caller]
fn check_levels(place: &Place, want: usize) {
    assert_eq!(place.load().unwrap().zones["external"].max_topic_levels, want);
}

#[test]
fn what_cannot_be_read_is_not_passed_over() {
    let place = Place::new("");
    place.file("conf.d", "this is no folder");
    let faults = place.faults();
    assert!(faults.len() == 1 && faults[0].contains("conf.d: cannot be read"), "{faults:?}");
}

#[test]
fn later_layers_win() {
    let place = Place::new("include one.conf\ninclude etc/two.conf\n");
    place.file("two.conf", "mqtt.max_topic_levels = 2\n");
    place.file("one.conf", "# nothing yet\n");
    check_levels(&place, 2);
    place.file("one.conf", "mqtt.max_topic_levels = 1\n");
    check_levels(&place, 1);
    place.file("emqx.conf", "mqtt.max_topic_levels = 3\ninclude one.conf\n");
    check_levels(&place, 3);
    place.file("conf.d/a.conf", "mqtt.max_topic_levels = 4\n");
    check_levels(&place, 4);
    place.file("conf.d/b.conf", "mqtt.max_topic_levels = 5\n");
    place.file("conf.d/c.conf.bak", "mqtt.max_topic_levels = 6\n");
    check_levels(&place, 5);
    let place = place.env("EMQX_MQTT__MAX_TOPIC_LEVELS", "7");
    check_levels(&place, 7);
    let place = place.env("EMQX_ZONE__EXTERNAL__MAX_TOPIC_LEVELS", "8");
    check_levels(&place, 8);
}

#[test]
fn an_empty_variable_restores_the_default() {
    let place = Place::new("mqtt.max_topic_levels = 3\n").env("EMQX_MQTT__MAX_TOPIC_LEVELS", "");
    check_levels(&place, 128);
}

#[test]
fn variables_set_values_beside_their_prefixes() {
    let place = Place::new("listener.tcp.external = 1883\nlistener.tcp.external.backlog = 77\n")
        .env("EMQX_LISTENER__TCP__EXTERNAL", "0.0.0.0:1884")
        .env("EMQX_NODE_NAME", "alias@10.0.0.1")
        .env("EMQX_NODE__COOKIE", "a cookie in the environment")
        .env("EMQX_SOMETHING_ELSE", "ignored")
        .env("EMQX_NOT__A__KEY", "ignored");
    let config = place.load().unwrap();
    assert_eq!(config.listeners[0].bind.to_string(), "0.0.0.0:1884");
    assert_eq!(config.listeners[0].backlog, 77);
    assert_eq!(config.cluster.node_name.as_str(), "alias@10.0.0.1");
    let notes = place.notes();
    assert!(notes.contains(&"EMQX_NODE__COOKIE: node.cookie = ******".to_owned()), "{notes:#?}");
    assert!(
        notes.iter().any(|note| note.starts_with("W EMQX_NODE__COOKIE: the cookie can be read"))
    );
    let docker =
        Place::new("").env("EMQX_NAME", "box").env("EMQX_HOST", "10.0.0.2").load().unwrap();
    assert_eq!(docker.cluster.node_name.as_str(), "box@10.0.0.2");
    let bad = Place::new("").env("EMQX_MQTT__MAX_QOS_ALLOWED", "5");
    assert_eq!(
        bad.faults(),
        ["EMQX_MQTT__MAX_QOS_ALLOWED: mqtt.max_qos_allowed = 5: expected 0, 1 or 2"]
    );
}

#[test]
fn references_are_filled_in() {
    let place = Place::new(
        "node.name = a@$(node.dist_use_interface)\nnode.dist_use_interface = 10.0.0.9\n",
    );
    assert_eq!(place.load().unwrap().cluster.node_name.as_str(), "a@10.0.0.9");
    let place = Place::new("cluster.name = x$(node.cookie)\nnode.cookie = $(cluster.name)\n");
    assert_eq!(place.faults().len(), 2);
    let place = Place::new("cluster.name = $(cluster.proto_dist)");
    assert_eq!(place.load().unwrap().cluster.name, "inet_tcp");
}

#[test]
fn a_key_set_twice_warns_and_the_last_counts() {
    let place = Place::new("mqtt.max_topic_levels = 3\n\nmqtt.max_topic_levels = 4\n");
    check_levels(&place, 4);
    let want =
        "W emqx.conf:3: mqtt.max_topic_levels was set before in emqx.conf:1; the last one counts";
    assert!(place.notes().contains(&want.to_owned()));
}

#[test]
fn includes_that_cannot_be_read_are_faults() {
    let place = Place::new("include gone.conf\ninclude loop.conf\n");
    place.file("loop.conf", "include emqx.conf\n");
    let faults = place.faults();
    assert_eq!(faults.len(), 2, "{faults:#?}");
    assert_eq!(faults[0], "emqx.conf:1: include gone.conf: no such file");
    assert!(
        faults[1].starts_with("loop.conf:1: include emqx.conf: the file includes itself"),
        "{}",
        faults[1]
    );
    let missing = Config::load(Some(Path::new("/nowhere/emqx.conf")), &[]).map(drop).unwrap_err();
    assert!(missing.to_string().starts_with("/nowhere/emqx.conf: cannot be read"));
}

#[test]
fn zones_start_from_the_global_keys() {
    let place = Place::new(
        "zone.a.max_inflight = 5\nmqtt.max_topic_alias = 9\nzone.b.max_topic_alias = 1\nacl_deny_action = disconnect\n\
         zone.b.allow_anonymous = false\nlistener.tcp.x = 1\nlistener.tcp.x.zone = c\n",
    );
    let config = place.load().unwrap();
    assert_eq!((config.zones["a"].max_inflight, config.zones["a"].max_topic_alias), (5, 9));
    assert_eq!((config.zones["b"].max_inflight, config.zones["b"].max_topic_alias), (32, 1));
    assert_eq!(config.zones["c"].max_topic_alias, 9, "a listener's zone is always there");
    assert!(config.zones["a"].acl_deny_disconnect);
    assert_eq!(config.access.zones["b"].allow_anonymous, Anonymous::No);
}

#[test]
fn the_default_listener_opens_when_none_is_set() {
    let binds = |conf: &str| {
        let config = Place::new(conf).load().unwrap();
        config
            .listeners
            .iter()
            .map(|l| format!("{}={} {}", l.name, l.bind, l.backlog))
            .collect::<Vec<_>>()
    };
    assert_eq!(binds("listener.tcp.external.backlog = 5\n"), ["external=1883 5"]);
    assert_eq!(binds("listener.tcp.a = 1\nlistener.tcp.external.backlog = 5\n"), ["a=1 4096"]);
    assert_eq!(binds("listener.tcp.a = 0\nlistener.tcp.b = 0\n"), ["a=0 4096", "b=0 4096"]);
    let both = Place::new("listener.tcp.a = 1\nlistener.tcp.b = 1\n");
    assert_eq!(
        both.faults(),
        [
            "emqx.conf:2: listener.tcp.b = 1: listener.tcp.a (emqx.conf:1) listens there: one of them needs another port"
        ]
    );
}

#[test]
fn access_rules_of_a_listener_are_tried_in_order_of_their_ids() {
    let config = Place::new(
        "listener.tcp.x = 1\nlistener.tcp.x.access.10 = allow all\nlistener.tcp.x.access.2 = deny 10.0.0.0/8\n",
    );
    let listener = &config.load().unwrap().listeners[0];
    assert!(
        !listener.accepts("10.1.1.1".parse().unwrap())
            && listener.accepts("11.1.1.1".parse().unwrap())
    );
}

#[test]
fn options_of_listeners_reach_their_settings() {
    let config = Place::new(
        "listener.wss.x = 1\nlistener.wss.x.certfile = certs/c.pem\nlistener.wss.x.keyfile = /k.pem\n\
         listener.wss.x.verify = verify_peer\nlistener.wss.x.peer_cert_as_username = dn\n\
         listener.wss.x.max_frame_size = 0\nlistener.wss.x.check_origin_enable = on\n\
         listener.wss.x.check_origins = http://a, https://b\nlistener.wss.x.proxy_protocol = on\n\
         listener.wss.x.proxy_protocol_timeout = 5s\nlistener.wss.x.trusted_proxies = 10.0.0.0/8, 1.2.3.4\n\
         listener.unix.x = /run/x.sock\nlistener.unix.x.mode = 0666\n",
    );
    let config = config.load().unwrap();
    let (wss, unix) = (&config.listeners[0], &config.listeners[1]);
    assert_eq!(wss.closed().unwrap().1, "listener.wss.x.cacertfile is not set");
    let role = &wss.tls.as_ref().unwrap().settings.role;
    assert!(role.certificate.as_ref().unwrap().path.ends_with("certs/c.pem") && role.verify);
    assert_eq!(
        (wss.username_from, wss.max_frame),
        (Some(CertificateName::Distinguished), Some(u64::MAX))
    );
    assert_eq!(wss.websocket.origins.as_ref().unwrap(), &["http://a", "https://b"]);
    assert_eq!((wss.proxy_timeout, wss.max_conn_rate), (Some(Duration::from_secs(5)), 500));
    assert!(wss.trusts("10.1.1.1".parse().unwrap()) && wss.trusts("1.2.3.4".parse().unwrap()));
    assert_eq!((unix.mode, &unix.bind), (0o666, &Bind::Path("/run/x.sock".into())));
}

#[test]
fn a_key_on_a_listener_that_has_no_such_thing_is_a_fault() {
    let place = Place::new(
        "listener.tcp.x.certfile = c\nlistener.ssl.x.mqtt_path = /\nlistener.quic.x = 1\n\
         listener.unix.x = 1883\nlistener.ws.x.peer_cert_as_username = dn\nlistener.ssl.x.peer_cert_as_username = crt\n\
         listener.ssl.x.tls_versions = tlsv1.1\n",
    );
    let faults = place.faults();
    let words = [
        ("listener.quic.x = 1", "expected tcp, ssl, ws, wss, unix after listener."),
        ("listener.ssl.x.mqtt_path", "expected ws, wss after listener."),
        ("listener.ssl.x.peer_cert_as_username = crt", "expected cn, dn, pem or md5 (DER is no"),
        ("listener.ssl.x.tls_versions", "older versions are not spoken"),
        ("listener.tcp.x.certfile", "expected ssl, wss after listener."),
        ("listener.unix.x = 1883", "an absolute path"),
        ("listener.ws.x.peer_cert_as_username = dn", "expected cn"),
    ];
    assert_eq!(faults.len(), words.len(), "{faults:#?}");
    for (key, want) in words {
        assert!(faults.iter().any(|f| f.contains(key) && f.contains(want)), "{key}: {faults:#?}");
    }
}

#[test]
fn values_that_emqx_knows_load_and_are_spoken_of() {
    let config = Place::new(
        "cluster.mcast.ttl = 0\nzone.external.max_awaiting_rel = 100000\nlistener.ssl.x = 1\n\
         listener.ssl.x.peer_cert_as_username = pem\nauth.http.auth_req.url = http://h/a\n\
         auth.http.auth_req.params = clientid=%c,cn=%C,dn=%d\nlistener.ssl.x.peer_cert_as_clientid = md5\n",
    );
    let config = config.load().unwrap();
    assert_eq!(config.zone("external").max_awaiting_rel, 65535);
    assert_eq!(config.listeners[0].username_from, Some(CertificateName::Whole));
    assert_eq!(config.listeners[0].client_id_from, Some(CertificateName::Md5));
    for (warning, part) in [
        (true, "emqx.conf:1: cluster.mcast.ttl = 0: nodes on other hosts"),
        (false, "emqx.conf:2: zone.external.max_awaiting_rel = 100000: a client has 65535"),
        (true, "emqx.conf:6: auth.http.auth_req.params: %C and %d are empty"),
    ] {
        let told = |note: &Note| note.warning == warning && note.text.contains(part);
        assert!(config.notes.iter().any(told), "{part}: {:#?}", config.notes);
    }
}

#[test]
fn users_and_rules_reach_the_access() {
    let place = Place::new(
        "allow_anonymous = false\nauth.user.1.username = bob\nauth.user.1.password = secret\nacl_file = etc/acl.conf\n",
    );
    place.file("acl.conf", "{allow, {user, \"bob\"}, publish, [\"b/#\"]}.\n");
    let config = place.load().unwrap();
    let attempt = ConnectAttempt {
        zone: "external",
        client_id: "c",
        username: Some("bob"),
        password: Some(b"secret"),
        peer: "10.0.0.1".parse().unwrap(),
        wall: crate::time::Wall::default(),
    };
    let good = config.access.ask(&attempt, Stage::default());
    assert!(matches!(good, Opinion::Decided(Ok(_))), "{good:?}");
    let wrong = ConnectAttempt { password: Some(b"x"), ..attempt };
    let bad = config.access.ask(&wrong, Stage::default());
    assert!(matches!(bad, Opinion::Decided(Err(_))), "{bad:?}");
    let place = Place::new("auth.user.1.password = x\nacl_file = etc/acl.conf\n");
    place.file("acl.conf", "{allow, all}.\n{allow, bob, publish, [\"a\"]}.\n");
    let faults = place.faults();
    assert_eq!(faults[0], "auth.user.1.password: expected auth.user.1.username beside it");
    assert!(
        faults[1].starts_with("acl.conf:2: {allow, bob, publish, [\"a\"]}: expected all, {user"),
        "{}",
        faults[1]
    );
    assert_eq!(
        Place::new("acl_file = rules.conf\n").faults().len(),
        1,
        "a missing file of one's own is a fault"
    );
}

#[test]
fn old_and_new_names_meet() {
    let place = Place::new(
        "cluster.discovery_strategy = static\ncluster.static.seeds = a@h1, b@h2:5000\nrpc.tcp_client_num = 4\n\
         node.dist_buffer_size = 8MB\ncluster.autoclean = 10m\n",
    );
    let config = place.load().unwrap();
    let Discovery::Static(seeds) = &config.cluster.discovery else { panic!("static") };
    assert_eq!((seeds[0].name.as_str(), seeds[1].port), ("a@h1", Some(5000)));
    assert_eq!((config.cluster.data_streams, config.cluster.keep_bytes), (4, 8 << 20));
    assert_eq!(config.cluster.keep_time, Duration::from_secs(600));
    let never =
        Place::new("cluster.autoclean = off\ncluster.data_streams = 3\nrpc.tcp_client_num = 4\n")
            .load()
            .unwrap();
    assert_eq!((never.cluster.autoclean, never.cluster.data_streams), (None, 3));
}

#[test]
fn a_blocked_write_between_nodes_has_a_time_of_its_own() {
    for (text, want) in [("3s", 3_000), ("1ms", 100), ("1h", 60_000)] {
        let place = Place::new(&format!("rpc.send_timeout = {text}\n"));
        let config = place.load().unwrap();
        assert_eq!(config.cluster.send_timeout, Some(Duration::from_millis(want)), "{text}");
    }
}

#[test]
fn a_strategy_gets_what_its_keys_say() {
    let found = |conf: &str| Place::new(conf).load().unwrap().cluster.discovery;
    let dns = "node.name = box@10.0.0.1\ncluster.discovery = dns\ncluster.dns.name = emqx.lan\n";
    let Discovery::Dns(plain) = found(dns) else { panic!("dns") };
    assert_eq!(
        (plain.name.as_str(), plain.app.as_str(), plain.record),
        ("emqx.lan", "box", DnsRecord::A)
    );
    let Discovery::Dns(full) =
        found(&format!("{dns}cluster.dns.app = a\ncluster.dns.record_type = aaaa\n"))
    else {
        panic!("dns")
    };
    assert_eq!((full.app.as_str(), full.record), ("a", DnsRecord::Aaaa));
    let etcd = "node.name = box2@10.0.0.1\ncluster.name = c\ncluster.discovery = etcd\n\
                cluster.etcd.server = h1, http://h2:1\ncluster.etcd.node_ttl = 10s\n";
    let Discovery::Etcd(etcd) = found(etcd) else { panic!("etcd") };
    let servers: Vec<String> = etcd.servers.iter().map(ToString::to_string).collect();
    assert_eq!(servers, ["http://h1:2379", "http://h2:1"]);
    assert_eq!((etcd.folder.as_str(), etcd.own.port), ("emqxcl/c/nodes/", Some(4372)));
    assert_eq!((etcd.node_ttl.as_secs(), etcd.tls), (10, None));
    let k8s = "node.name = box@10.0.0.1\ncluster.discovery = k8s\ncluster.k8s.service_name = emqx\n\
               cluster.k8s.address_type = dns\nnode.dist_port = 5000\n";
    let Discovery::K8s(k8s) = found(k8s) else { panic!("k8s") };
    assert_eq!(k8s.apiserver.to_string(), "https://kubernetes.default.svc:443");
    assert_eq!(
        (k8s.service.as_str(), k8s.namespace.as_str(), k8s.app.as_str(), k8s.suffix.as_str()),
        ("emqx", "default", "box", "")
    );
    assert_eq!((k8s.address_type, k8s.port), (AddressType::Dns, Some(5000)));
    assert_eq!(k8s.account, Path::new("/var/run/secrets/kubernetes.io/serviceaccount"));
}

#[test]
fn a_strategy_says_what_it_misses_and_what_it_will_not_find() {
    for (conf, want) in [
        (
            "cluster.discovery = dns\n",
            "emqx.conf:1: cluster.discovery = dns: expected cluster.dns.name beside it, such as cluster.dns.name = emqx.example.lan",
        ),
        (
            "cluster.discovery = etcd\n",
            "emqx.conf:1: cluster.discovery = etcd: expected cluster.etcd.server beside it, such as cluster.etcd.server = \
             http://192.168.1.5:2379",
        ),
        (
            "cluster.discovery = etcd\ncluster.etcd.server = https://h\n",
            "emqx.conf:1: cluster.discovery = etcd: expected cluster.etcd.ssl.cacertfile beside a cluster.etcd.server at \
             https://, such as cluster.etcd.ssl.cacertfile = /etc/ssl/certs/ca-certificates.crt",
        ),
        (
            "cluster.discovery = etcd\ncluster.etcd.server = https://h\ncluster.etcd.ssl.certfile = a.pem\n",
            "emqx.conf:3: expected cluster.etcd.ssl.keyfile beside the certfile",
        ),
        (
            "cluster.discovery = etcd\ncluster.etcd.server = https://h\ncluster.etcd.ssl.cacertfile = /no/such/ca.pem\n",
            "emqx.conf:3: cluster.etcd.ssl.*: /no/such/ca.pem cannot be read: No such file or directory (os error 2)",
        ),
        (
            "cluster.etcd.server = http://h:1, ftp://h\n",
            "emqx.conf:1: cluster.etcd.server = http://h:1, ftp://h: expected http://host:port, https://host:port or \
             host:port, not ftp://h",
        ),
        (
            "cluster.discovery = k8s\n",
            "emqx.conf:1: cluster.discovery = k8s: expected cluster.k8s.service_name beside it, such as \
             cluster.k8s.service_name = emqx",
        ),
    ] {
        assert_eq!(Place::new(conf).faults(), [want]);
    }
    #[cfg(not(feature = "dns-srv"))]
    assert_eq!(
        Place::new("cluster.dns.type = srv\n").faults(),
        [
            "emqx.conf:1: cluster.dns.type = srv: expected a or aaaa (srv needs a build with the feature dns-srv: give the \
          targets one name with address records instead)"
        ]
    );
    let dns = "cluster.discovery = dns\ncluster.dns.name = emqx.lan\n";
    let notes = |conf: &str| Place::new(conf).notes().join("\n");
    let warns = |conf: &str| notes(conf).contains("will not find it");
    assert!(!warns(&format!("node.name = a@10.0.0.1\n{dns}")));
    assert!(warns(&format!("node.name = a@box1\n{dns}")));
    assert!(warns(&format!("node.name = a@10.0.0.1\n{dns}cluster.dns.app = b\n")));
    assert!(warns(&format!("node.name = a@10.0.0.1\n{dns}cluster.dns.type = aaaa\n")));
    let unused = notes("cluster.dns.name = emqx.lan\n");
    assert!(
        unused.contains("W cluster.dns.* has no effect: cluster.discovery is mcast"),
        "{unused}"
    );
}

#[test]
fn seeds_alone_mean_static_discovery() {
    let seeds = "cluster.static.seeds = a@h1\n";
    let found = |conf: &str| Place::new(conf).load().unwrap().cluster.discovery;
    assert!(matches!(found(seeds), Discovery::Static(seeds) if seeds.len() == 1));
    assert_eq!(found(&format!("cluster.discovery = manual\n{seeds}")), Discovery::Manual);
    assert_eq!(found("cluster.discovery = static\n"), Discovery::Static(vec![]));
    assert!(matches!(found(""), Discovery::Mcast(_)));
}

#[test]
fn a_first_start_makes_a_cookie_and_a_check_does_not() {
    let place = Place::new("node.name = a@10.0.0.1\n");
    let mut config = place.load().unwrap();
    assert!(config.cluster.cookie.is_none() && !config.folders.data.exists());
    config.ensure_cookie().unwrap();
    let made = config.cluster.cookie.clone().unwrap();
    assert!(place.load().unwrap().cluster.cookie == Some(made));
    let place = Place::new(
        "node.cookie = a longer cookie of mine\nnode.cookie_previous = the one before\n",
    );
    let mut config = place.load().unwrap();
    config.ensure_cookie().unwrap();
    assert_eq!(config.cluster.cookie.unwrap().expose(), b"a longer cookie of mine");
    assert_eq!(config.cluster.cookie_previous.unwrap().expose(), b"the one before");
}

#[test]
fn the_log_says_where_cookies_come_from_and_who_can_read_them() {
    let place = Place::new("node.cookie = file:cookie\nnode.cookie_previous = file:older\n");
    for name in ["cookie", "older"] {
        place.file(name, &format!("the secret in the file {name}\n"));
        let path = place.dir.path().join(name);
        fs::set_permissions(path, fs::Permissions::from_mode(0o640)).unwrap();
    }
    let notes = place.notes();
    assert!(notes.contains(&"cookie from cookie".to_owned()), "{notes:#?}");
    let previous = "previous cookie from older, accepted and never used";
    assert!(notes.contains(&previous.to_owned()), "{notes:#?}");
    assert!(!notes.iter().any(|note| note.contains("secret in")), "{notes:#?}");

    // A variable that only names a file shows nothing.
    let path = format!("file:{}", place.dir.path().join("cookie").display());
    let named = Place::new("").env("EMQX_NODE__COOKIE", &path);
    assert!(!named.notes().iter().any(|note| note.contains("/proc")), "{:#?}", named.notes());
    let shown = Place::new("node.cookie = a longer cookie of mine\n")
        .env("EMQX_NODE__COOKIE_PREVIOUS", "a longer cookie before");
    let warned = "W EMQX_NODE__COOKIE_PREVIOUS: the cookie can be read in /proc";
    assert!(shown.notes().iter().any(|note| note.starts_with(warned)), "{:#?}", shown.notes());

    let published = Place::new("node.cookie = emqxsecretcookie\n");
    let told = "W emqx.conf:1: node.cookie is the one EMQX publishes and counts as not set";
    assert!(published.notes().contains(&told.to_owned()), "{:#?}", published.notes());
    let same = Place::new(
        "node.cookie = one and the same one\nnode.cookie_previous = one and the same one\n",
    );
    assert!(same.load().unwrap().cluster.cookie_previous.is_none());
}

#[test]
fn a_cookie_changed_in_its_file_needs_a_restart() {
    let place = Place::new("");
    let mut old = place.load().unwrap();
    old.ensure_cookie().unwrap();
    let path = old.folders.data.join("cookie");
    assert_eq!(old.cookie_from, path.display().to_string());
    assert_eq!(waiting(&old, &place.load().unwrap()), Vec::<String>::new());
    fs::write(path, "a cookie that somebody set\n").unwrap();
    assert_eq!(waiting(&old, &place.load().unwrap()), ["node.cookie"]);
}

#[test]
fn an_invitation_names_the_cluster_unless_the_configuration_does() {
    let invite = |conf: &str, text: &str| {
        let place = Place::new(conf);
        place.file("state/cluster.join", text);
        place
    };
    let text = "cluster cellar\nnode b@10.0.0.2:4400\n";
    let config = invite("", text).load().unwrap();
    assert_eq!(config.cluster.name, "cellar");
    let nodes = config.cluster.invitation.unwrap().nodes;
    assert_eq!((nodes[0].name.as_str(), nodes[0].port), ("b@10.0.0.2", Some(4400)));
    let same = invite("cluster.name = cellar\n", text).load().unwrap();
    assert!(same.cluster.invitation.is_some());
    assert_eq!(same.cluster_name_from.unwrap().rsplit_once(':').unwrap().1, "1");

    let other = invite("cluster.name = attic\n", text);
    let config = other.load().unwrap();
    assert_eq!((config.cluster.name.as_str(), config.cluster.invitation), ("attic", None));
    let warned = "W emqx.conf:1: cluster.name = attic comes before the cluster cellar";
    assert!(other.notes().iter().any(|note| note.starts_with(warned)), "{:#?}", other.notes());
    let old = invite("cluster.name = attic\n", "cluster cellar\n").notes();
    assert!(!old.iter().any(|note| note.contains("cellar")), "it has joined long ago: {old:#?}");
    let broken = invite("", "nonsense\n");
    assert!(broken.load().unwrap().cluster.invitation.is_none());
    assert!(broken.notes().iter().any(|note| note.starts_with("W state/cluster.join is ignored")));
}

/// Keys that need a restart, of a process that has started with `old`.
fn waiting(old: &Config, new: &Config) -> Vec<String> {
    let all = changes(&old.effective, old, new);
    all.into_iter().filter(|one| one.restart).map(|one| one.key).collect()
}

#[test]
fn what_is_in_force_says_where_it_comes_from() {
    let place = Place::new(
        "node.name = a@10.0.0.1\nnode.cookie = a cookie of some length\nrpc.tcp_client_num = 4\nnode.process_limit = 5\n\
         zone.slow.max_inflight = 1\nlistener.wss.x = 1\ncluster.static.seeds = b@h\n",
    );
    let config = place.env("EMQX_MQTT__MAX_TOPIC_LEVELS", "7").load().unwrap();
    let rows = config.effective.in_force(&config.effective);
    let row = |key: &str| {
        let row = rows.iter().find(|row| row.key == key)?;
        assert_eq!(row.waits, None);
        let from = row.from.rsplit('/').next().unwrap();
        Some(format!("{} {from}{}", row.text.clone().unwrap(), if row.acts { "" } else { " idle" }))
    };
    for (key, want) in [
        ("node.name", Some("a@10.0.0.1 emqx.conf:1")),
        ("node.cookie", Some("****** emqx.conf:2")),
        ("cluster.data_streams", Some("4 rpc.tcp_client_num")),
        ("cluster.discovery", Some("static emqx.conf:7")),
        ("cluster.forward.keep_time", Some("5m cluster.autoclean")),
        ("node.process_limit", Some("5 emqx.conf:4 idle")),
        ("mqtt.max_topic_levels", Some("7 EMQX_MQTT__MAX_TOPIC_LEVELS")),
        ("mqtt.max_packet_size", Some("2MB default")),
        ("zone.slow.max_inflight", Some("1 emqx.conf:5")),
        ("zone.slow.max_awaiting_rel", Some("100 default")),
        ("zone.external.max_inflight", Some("32 default")),
        ("listener.wss.x.max_conn_rate", Some("500 default")),
        ("listener.wss.x.depth", Some("10 default")),
        ("listener.wss.x.mode", None),
        ("listener.tcp.external", None),
        ("node.dist_port", None),
    ] {
        assert_eq!(row(key).as_deref(), want, "{key}");
    }
    assert!(!format!("{rows:?}").contains("cookie of some"));
    let plain = Place::new("").load().unwrap().effective;
    let rows = plain.in_force(&plain);
    let from = |key: &str| rows.iter().find(|row| row.key == key).map(|row| row.from.as_str());
    assert_eq!(from("listener.tcp.external"), Some("default"));
    assert_eq!(from("node.name"), Some("the address of this host"));
}

#[test]
fn a_reload_tells_key_by_key() {
    let load = |text: &str| Place::new(text).load().unwrap();
    let cookie = "node.name = a@10.0.0.1\nauth.user.1.username = u\nauth.user.1.password = ";
    let old = load(&format!("{cookie}one\nmqtt.max_topic_levels = 3\nlog.rotation.count = 3\n"));
    let new = load(&format!("{cookie}two\nlog.rotation.count = 4\nlistener.tcp.external = 1883\n"));
    let told = |old: &Config, new: &Config| {
        let all = changes(&old.effective, old, new).into_iter();
        let row = |one: Change| {
            let text = |text: Option<String>| text.unwrap_or_else(|| "-".into());
            let restart = if one.restart { " restart" } else { "" };
            format!("{} {} {}{restart}", one.key, text(one.was), text(one.now))
        };
        all.map(row).collect::<Vec<_>>()
    };
    assert_eq!(
        told(&old, &new),
        [
            "auth.user.1.password ****** ******",
            "log.rotation.count 3 4 restart",
            "mqtt.max_topic_levels 3 128",
            "users_file 1 users 1 users",
        ],
        "a default that is written down is no change"
    );
    assert_eq!(told(&new, &new), [""; 0]);
    let later = changes(&old.effective, &new, &new);
    assert_eq!(later.len(), 1, "what waits is told again: {later:?}");
    let rows = old.effective.in_force(&new.effective);
    let count = rows.iter().find(|row| row.key == "log.rotation.count").unwrap();
    assert_eq!((count.text.as_deref(), count.waits.as_deref()), (Some("3"), Some("4")));
}

#[test]
fn a_reload_names_what_needs_a_restart() {
    let load = |text: &str| Place::new(text).load().unwrap();
    let old = load(
        "node.name = a@h\nlog.level = info\nmqtt.max_topic_levels = 3\nnode.cookie = aaaaaaaaaaaaaaaa\n",
    );
    let new = load(
        "node.name = b@h\nlog.level = debug\nnode.cookie = bbbbbbbbbbbbbbbb\nnode.process_limit = 5\n\
                    listener.tcp.x = 5\n",
    );
    assert_eq!(waiting(&old, &new), ["listener.tcp.x", "node.cookie", "node.name"]);
    assert_eq!(waiting(&old, &old), Vec::<String>::new());
    assert!(!format!("{old:?}").contains("aaaaaaaaaaaaaaaa"), "a cookie is never shown");
}

#[test]
fn tls_between_nodes_takes_its_files_from_the_optfile() {
    use crate::node::tls::tests::certificates::Authority;

    let place = Place::new("cluster.proto_dist = inet_tls\nnode.name = a@10.0.0.1\n");
    assert!(place.faults()[0].starts_with("built in: node.ssl_dist_optfile = etc/ssl_dist.conf: "));
    place.file("ssl_dist.conf", include_str!("../../etc/ssl_dist.conf"));
    let faults = place.faults();
    assert_eq!(faults.len(), 6, "{faults:#?}");
    assert!(faults[0].starts_with("ssl_dist.conf:3: certfile: certs/cert.pem: No such file"));
    assert!(faults[5].starts_with("ssl_dist.conf:10: cacertfile: "), "{}", faults[5]);
    let authority = Authority::new("ca");
    let folder = place.dir.path().join("certs");
    authority.issue(&["10.0.0.1"]).write(&folder, &authority.pem());
    let config = place.load().unwrap();
    assert_eq!(config.cluster.proto_dist.as_str(), "inet_tls");
    assert!(config.mesh_tls.is_some());
    let warned = || place.notes().into_iter().filter(|note| note.contains("certs/")).collect();
    let before: Vec<String> = warned();
    assert_eq!(before, [""; 0]);
    authority.issue(&["10.0.0.2"]).write(&folder, &authority.pem());
    let other: Vec<String> = warned();
    assert!(
        other[0].starts_with("W certs/cert.pem: its certificate names IP:10.0.0.2"),
        "{other:?}"
    );
    let text =
        "cluster.proto_dist = inet_tls\nnode.name = a@10.0.0.1\ncluster.tls_name_check = off\n";
    place.file("emqx.conf", text);
    assert_eq!(warned(), [""; 0]);

    place.file("ssl_dist.conf", "[{server,\n [x, y]}, 1].");
    assert!(place.faults()[0].starts_with("ssl_dist.conf:2: "), "{:?}", place.faults());
    place.file("emqx.conf", "node.ssl_dist_optfile = etc/none.conf\n");
    assert!(place.load().unwrap().mesh_tls.is_none(), "not read with inet_tcp");
}

#[test]
fn addresses_of_the_mesh_are_of_the_kind_that_the_transport_says() {
    let config = Place::new("cluster.proto_dist = inet6_tcp\nnode.name = a@::1\n").load().unwrap();
    assert!(
        config.cluster.dist_interface.is_ipv6() && config.cluster.dist_interface.is_unspecified()
    );
    let unnamed = Place::new("cluster.proto_dist = inet6_tcp\n").load().unwrap();
    assert!(unnamed.cluster.node_name.ip().unwrap().is_ipv6());
    for (text, want) in [
        ("cluster.proto_dist = inet6_tcp\nnode.name = a@10.0.0.1\n", "expected IPv6"),
        ("cluster.proto_dist = inet6_tcp\nnode.dist_use_interface = 10.0.0.1\n", "expected IPv6"),
        ("\nnode.name = a@::1\n", "expected IPv4"),
        ("\nnode.dist_use_interface = ::\n", "expected IPv4"),
    ] {
        let faults = Place::new(text).faults();
        assert!(faults[0].starts_with("emqx.conf:2: ") && faults[0].contains(want), "{faults:?}");
    }
}
