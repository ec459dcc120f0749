//! From the merged layers to a [`Config`]: every key applied through its row, then what depends on several keys.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, UdpSocket};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use config::{Source, Value, ValueKind};
use rustls::pki_types::{SubjectPublicKeyInfoDer, pem::PemObject};

use super::draft::{Draft, UserDraft};
use super::effective::Effective;
use super::keys::{self, Effect, Place, reasons};
use super::layers::{Defaults, Flat, Reader, SELF, Setting};
use super::paths::read;
use super::{
    Config, Fault, Faults, Folders, LogSettings, NodeSettings, Note, acl_conf, listeners, secrets,
    ssl_dist,
};
use crate::broker::jwt::{Jwt, PublicKey};
use crate::broker::users::{BadUser, Users};
use crate::broker::verdicts;
use crate::cluster::NodeName;
use crate::cluster::invitation::{self, Invitation};
use crate::cluster::settings::Cookie;
use crate::net::interfaces::{self, Interface};
use crate::node::bridge;
use crate::node::listener::settings::{Bind, Listener, ListenerKind};
use crate::node::tls::{Material, settings::Settings};
use crate::{
    broker::access::{Access, Policy, Rules},
    sort,
};

/// See [`Config::load`].
pub(super) fn load(file: Option<&Path>, env: &[(String, String)]) -> Result<Config, Faults> {
    let mut reader = Reader::default();
    if let Some(file) = file {
        reader.files(file);
    }
    build(reader, file, env)
}

/// See [`Config::from_text`].
pub(super) fn from_text(text: &[u8], env: &[(String, String)]) -> Result<Config, Faults> {
    let mut reader = Reader::default();
    reader.main_text(Path::new("emqx.conf"), text);
    build(reader, None, env)
}

fn build(
    mut reader: Reader,
    file: Option<&Path>,
    env: &[(String, String)],
) -> Result<Config, Faults> {
    reader.environment(env);
    if let Some(file) = file {
        reader.plugins(file, env);
    }
    let files = reader.files_read();
    let (flat, faults, notes) = reader.finish();
    let effective = Effective::new(&flat);
    let mut builder = Builder {
        draft: Draft::new(NodeName::alone()),
        faults,
        notes,
        idle: Vec::new(),
        lacking: BTreeMap::new(),
        effective,
        file,
        env,
    };
    builder.apply(&flat);
    let config = builder.finish(&flat);
    if builder.faults.is_empty() {
        return Ok(config);
    }
    let mut faults = builder.faults;
    let at = |fault: &Fault| {
        let (file, line) = fault.place()?;
        Some((files.iter().position(|read| read == file)?, line))
    };
    sort::sort_by_key(&mut faults, |fault| at(fault).unwrap_or((usize::MAX, 0)));
    Err(Faults(faults))
}

struct Builder<'a> {
    draft: Draft,
    faults: Vec<Fault>,
    notes: Vec<Note>,
    /// Keys without a meaning here, where they stand, in the order of the keys.
    idle: Vec<(&'static str, String)>,
    /// Features that are missing, by the name of their row: the first key, and how many more.
    lacking: BTreeMap<&'static str, (String, usize)>,
    effective: Effective,
    file: Option<&'a Path>,
    env: &'a [(String, String)],
}

impl Builder<'_> {
    /// Merges defaults and settings through the `config` crate and applies every value, zones last: they start from what
    /// the other keys say.
    fn apply(&mut self, flat: &Flat) {
        let merged =
            config::Config::builder().add_source(Defaults).add_source(flat.clone()).build();
        let tree = match merged.and_then(|merged| merged.collect()) {
            Ok(tree) => tree,
            Err(error) => return self.faults.push(Fault::new("configuration", error.to_string())),
        };
        let mut leaves = BTreeMap::new();
        walk(&tree, &mut Vec::new(), &mut leaves);
        let (zones, others): (Vec<_>, Vec<_>) =
            leaves.iter().partition(|(key, _)| key.starts_with("zone."));
        for (key, setting) in others {
            self.apply_one(key, setting);
        }
        self.modules();
        for (key, setting) in zones {
            self.apply_one(key, setting);
        }
    }

    /// Rules and subscriptions in the order of their ids, numbers first, for all zones.
    fn modules(&mut self) {
        let order = |id: &str| (id.parse().unwrap_or(u64::MAX), id.to_owned());
        let mut rules: Vec<_> = std::mem::take(&mut self.draft.rewrites).into_iter().collect();
        sort::sort_by_key(&mut rules, |((_, id), _)| order(id));
        for ((kind, _), rule) in rules {
            match kind {
                "pub" => self.draft.base.publish_rewrites.push(rule),
                _ => self.draft.base.subscribe_rewrites.push(rule),
            }
        }
        let mut all: Vec<_> = std::mem::take(&mut self.draft.subscriptions).into_iter().collect();
        sort::sort_by_key(&mut all, |(id, _)| order(id));
        for (id, (topic, options)) in all {
            let key = format!("module.subscription.{id}");
            if topic.is_empty() {
                let text = format!("expected {key}.topic beside it");
                self.faults.push(Fault::new(key, text));
            } else if topic.starts_with("$share/") && options.no_local {
                let text = "0 for a shared subscription (No Local is not allowed there)";
                self.faults.push(Fault::new(format!("{key}.nl"), text));
            } else {
                self.draft.base.subscriptions.push((topic, options));
            }
        }
    }

    fn apply_one(&mut self, key: &str, setting: &Setting) {
        let Some((row, names)) = keys::find(key) else {
            let what = format!("{key}: unknown key{}", keys::hint(key));
            return self.faults.push(Fault::new(&setting.origin, what));
        };
        let names = names.iter().map(String::as_str).collect();
        let place = Place { key, names, origin: &setting.origin };
        let result = match &row.effect {
            Effect::Set(set) => set(&mut self.draft, &place, &setting.text),
            Effect::Unused(kind) | Effect::Missing(kind, _) => kind.check(&setting.text),
        };
        match (&row.effect, result) {
            (_, Err(expected)) => self.faults.push(Fault::setting(key, setting, &expected.0)),
            (Effect::Unused(_), Ok(())) => {
                let why = reasons::why_idle(row.name);
                self.idle.push((why, format!("{key} ({})", setting.origin)));
            }
            (Effect::Missing(_, harmless), Ok(()))
                if !harmless.contains(&setting.text.as_str()) =>
            {
                let first = || (format!("{}: {key}", setting.origin), 0);
                self.lacking
                    .entry(row.name)
                    .and_modify(|(_, more)| *more += 1)
                    .or_insert_with(first);
            }
            (Effect::Set(_) | Effect::Missing(..), Ok(())) => {}
        }
    }

    fn finish(&mut self, flat: &Flat) -> Config {
        let folders = Folders::new(self.file, &self.draft.node.data_dir, self.env);
        self.effective.is("node.data_dir", &folders.data.display().to_string());
        self.node_name();
        self.cookies(&folders);
        self.invitation(flat, &folders);
        self.cluster(&folders);
        self.addresses(flat);
        let mesh_tls = self.mesh_tls(&folders);
        let listeners = self.listeners(flat, &folders);
        let (users, users_file) = self.users(&folders);
        let late = std::mem::take(&mut self.draft.auth_http).finish(&folders);
        let auth_http = self.or_fault(late, |_| {}).map(Arc::new);
        let late = std::mem::take(&mut self.draft.management);
        let api = late.finish(&folders, &mut self.draft.notes, &mut self.faults);
        let (cached, most, ttl) = self.draft.acl_cache;
        let asks = verdicts::Settings { cache: cached.then_some((most, ttl)) };
        let late = std::mem::take(&mut self.draft.jwks).finish(&folders);
        let jwks = self.or_fault(late, |_| {}).map(Arc::new);
        let access = Access {
            auth_order: self.draft.auth_order,
            acl_order: self.draft.acl_order,
            asks: auth_http.as_ref().and_then(|http| http.acl.as_ref()).map(|_| asks),
            bans: self.draft.bans,
            jwt: self.jwt(&folders, jwks.is_some()),
            users: Arc::new(users),
            rules: self.rules(&folders),
            policy: self.draft.access,
            zones: self.policies(),
        };
        self.bypass_warning(&listeners, &access);
        let bridges = self.bridges(&folders);
        let log = self.log(&folders);
        let mut zones = std::mem::take(&mut self.draft.zones);
        for name in listeners.iter().map(|listener| listener.zone.as_str()).chain(["external"]) {
            zones.entry(name.to_owned()).or_insert_with(|| self.draft.base.clone());
        }
        zones.keys().for_each(|name| self.effective.zone(name));
        self.without_effect();
        let mut notes = std::mem::take(&mut self.notes);
        notes.append(&mut self.draft.notes);
        Config {
            node: NodeSettings {
                drain_time: self.draft.node.drain_time,
                max_connections: self.draft.node.max_ports,
                limits: self.draft.node.limits.clone(),
                alarms: self.draft.node.alarms.clone(),
                sys_interval: self.draft.node.sys_interval,
                sys_heartbeat: self.draft.node.sys_heartbeat,
            },
            cluster: self.draft.cluster.clone(),
            mesh_tls,
            cluster_name_from: flat.0.get("cluster.name").map(|set| set.origin.clone()),
            cookie_from: std::mem::take(&mut self.draft.cookie_from),
            zones,
            listeners,
            retain: self.draft.retain.clone(),
            access,
            auth_http,
            jwks,
            bridges,
            api,
            users_file,
            log,
            folders,
            notes,
            effective: std::mem::take(&mut self.effective),
        }
    }

    /// What is logged, and where to; the gate of `log.primary_log_level` holds for all that is.
    fn log(&mut self, folders: &Folders) -> LogSettings {
        let mut log = self.draft.log.clone();
        if self.draft.log_gate.is_some_and(|gate| gate < log.level) {
            self.effective.stands_in("log.level", "log.primary_log_level");
        }
        log.level = self.draft.log_gate.map_or(log.level, |gate| gate.min(log.level));
        log.dir = folders.resolve(&self.draft.log_dir);
        log
    }

    fn bridges(&mut self, folders: &Folders) -> Vec<bridge::Settings> {
        let most = self.draft.zones.values().map(|zone| zone.max_packet_size).max();
        let most = most.unwrap_or(0).max(self.draft.base.max_packet_size);
        let node = self.draft.cluster.node_name.clone();
        let mut all = Vec::new();
        for (name, one) in std::mem::take(&mut self.draft.bridges) {
            if let Some(why) = one.without_mqtt(&name) {
                self.notes.push(Note::warning(why));
                continue;
            }
            all.extend(self.or_fault(one.finish(&name, &node, (folders, most)).map(Some), |_| {}));
        }
        all
    }

    /// One line for all keys that have no meaning here, and one for each feature that is missing.
    fn without_effect(&mut self) {
        for (name, (key, more)) in std::mem::take(&mut self.lacking) {
            let more = if more > 0 { format!(" (and {more} like it)") } else { String::new() };
            let why = reasons::why_idle(name);
            let text =
                format!("{key}{more} is not supported by this version and has no effect: {why}");
            self.notes.push(Note::warning(text));
        }
        let mut idle = std::mem::take(&mut self.idle);
        if !idle.is_empty() {
            // Keys with one reason stay in their order.
            sort::sort_by_key(&mut idle, |(why, _)| *why);
            let groups = idle.chunk_by(|(one, _), (other, _)| one == other).map(|same| {
                let keys: Vec<&str> = same.iter().map(|(_, key)| key.as_str()).collect();
                let why = same.first().map(|(why, _)| *why).unwrap_or_default();
                format!("{}: {why}", keys.join(", "))
            });
            let groups: Vec<String> = groups.collect();
            let text = format!("no meaning here, and ignored: {}", groups.join("; "));
            self.notes.push(Note::info(text));
        }
    }

    fn node_name(&mut self) {
        match self.draft.node.name.take() {
            Some(name) => {
                let alone = name.ip().is_some_and(|host| host.is_loopback());
                if alone || name.host() == "localhost" {
                    self.draft.warn(format!(
                        "node.name = {name}: no other host can reach a node of this name"
                    ));
                }
                self.draft.cluster.node_name = name;
            }
            None => {
                let address = address_towards_the_lan(self.draft.cluster.proto_dist.is_v6());
                if let Ok(name) = NodeName::parse(&format!("emqx@{address}")) {
                    self.draft.info(format!("node.name is not set: {name}"));
                    self.effective.follows("node.name", name.as_str(), "the address of this host");
                    self.draft.cluster.node_name = name;
                }
            }
        }
    }

    fn cookies(&mut self, folders: &Folders) {
        let origin = std::mem::take(&mut self.draft.node.cookie_origin);
        let text = self.draft.node.cookie.take();
        let written = text.and_then(|text| self.cookie("node.cookie", &text, &origin, folders));
        let found = match written {
            Some(found) => Some(found),
            None => self.or_fault(secrets::stored(folders, self.env), |_| {}),
        };
        if let Some((cookie, from)) = found {
            self.draft.info(format!("cookie from {from}"));
            self.effective.secret("node.cookie", cookie.expose(), &from);
            self.draft.cluster.cookie = Some(cookie);
            self.draft.cookie_from = from;
        }
        let Some((text, origin)) = self.draft.node.cookie_previous.take() else { return };
        let found = self.cookie("node.cookie_previous", &text, &origin, folders);
        match found {
            Some((previous, _)) if Some(&previous) == self.draft.cluster.cookie.as_ref() => {
                let text = "node.cookie_previous is the cookie itself and changes nothing";
                self.draft.notes.push(Note::warning(text));
            }
            Some((previous, from)) => {
                self.draft.info(format!("previous cookie from {from}, accepted and never used"));
                self.effective.secret("node.cookie_previous", previous.expose(), &from);
                self.draft.cluster.cookie_previous = Some(previous);
            }
            None => {}
        }
    }

    /// The cookie that a key stands for, and what is to be said about the place where it stands.
    fn cookie(
        &mut self,
        key: &str,
        text: &Cookie,
        origin: &str,
        folders: &Folders,
    ) -> Option<secrets::Found> {
        let text = std::str::from_utf8(text.expose()).unwrap_or_default();
        let found = self.or_fault(secrets::written(text, origin, folders), |draft| {
            draft.warn(format!("{origin}: {key} is the one EMQX publishes and counts as not set"));
        })?;
        let itself = found.1 == origin;
        if itself && origin.starts_with("EMQX_") {
            let text = format!(
                "{origin}: the cookie can be read in /proc; better use a file or a credential"
            );
            self.draft.warn(text);
        } else if itself && let Some((file, _)) = origin.rsplit_once(':') {
            self.draft.notes.extend(secrets::exposed(Path::new(file), "the cookie"));
        }
        Some(found)
    }

    /// What `emqx-rs-ctl cluster join TOKEN` left in the data folder.
    fn invitation(&mut self, flat: &Flat, folders: &Folders) {
        let path = folders.data.join(invitation::FILE);
        let text = match read(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return,
            Err(error) => {
                return self.draft.warn(format!("{} is ignored: {error}", path.display()));
            }
        };
        let found = match Invitation::parse(&String::from_utf8_lossy(&text)) {
            Ok(found) => found,
            Err(error) => {
                return self.draft.warn(format!("{} is ignored: {error}", path.display()));
            }
        };
        let cluster = &mut self.draft.cluster;
        if found.cluster != cluster.name
            && let Some(set) = flat.0.get("cluster.name")
        {
            if found.nodes.is_empty() {
                return;
            }
            let text = format!(
                "{}: cluster.name = {} comes before the cluster {} that this node was to join ({}); \
                 make them one to join it",
                set.origin,
                cluster.name,
                found.cluster,
                path.display()
            );
            return self.draft.warn(text);
        }
        cluster.name.clone_from(&found.cluster);
        let from = path.display().to_string();
        self.effective.follows("cluster.name", &found.cluster, &from);
        let text = format!("cluster.name = {} from {from}", found.cluster);
        cluster.invitation = Some(found);
        self.draft.info(text);
    }

    /// The value, if there is one; a fault is kept, and `none` told when there is neither.
    fn or_fault<T>(
        &mut self,
        result: Result<Option<T>, Fault>,
        none: impl FnOnce(&mut Draft),
    ) -> Option<T> {
        match result {
            Ok(None) => {
                none(&mut self.draft);
                None
            }
            Ok(value) => value,
            Err(fault) => {
                self.faults.push(fault);
                None
            }
        }
    }

    fn cluster(&mut self, folders: &Folders) {
        let (cluster, node) = (&mut self.draft.cluster, &self.draft.node);
        let late = std::mem::take(&mut self.draft.cluster_late);
        match late.discovery.finish(cluster, folders, &mut self.draft.notes) {
            Ok(discovery) => {
                let from =
                    ["cluster.discovery", "cluster.discovery_strategy", "cluster.static.seeds"];
                if let Some(from) = from.into_iter().find_map(|key| self.effective.set_at(key)) {
                    let from = from.to_owned();
                    self.effective.follows("cluster.discovery", discovery.as_str(), &from);
                }
                cluster.discovery = discovery;
            }
            Err(fault) => self.faults.push(fault),
        }
        if let Some(number) = node.tcp_client_num.filter(|_| !late.data_streams_set) {
            cluster.data_streams = number;
            self.effective.follows(
                "cluster.data_streams",
                &number.to_string(),
                "rpc.tcp_client_num",
            );
        }
        if let Some(size) = node.dist_buffer_size.filter(|_| !late.keep_bytes_set) {
            cluster.keep_bytes = size;
            self.effective.stands_in("cluster.forward.keep_bytes", "node.dist_buffer_size");
        }
        cluster.keep_time = late.keep_time.or(cluster.autoclean).unwrap_or(cluster.keep_time);
        if late.keep_time.is_none() && cluster.autoclean.is_some() {
            self.effective.stands_in("cluster.forward.keep_time", "cluster.autoclean");
        }
        if self.effective.set_at("cluster.dns.record_type").is_some() {
            self.effective.stands_in("cluster.dns.type", "cluster.dns.record_type");
        }
    }

    /// The mesh is on IPv4 or on IPv6, as the transport says; addresses of the other kind are faults.
    fn addresses(&mut self, flat: &Flat) {
        let cluster = &mut self.draft.cluster;
        let v6 = cluster.proto_dist.is_v6();
        if v6 && cluster.dist_interface == IpAddr::from(Ipv4Addr::UNSPECIFIED) {
            cluster.dist_interface = Ipv6Addr::UNSPECIFIED.into();
        }
        let (name, interface) = (&cluster.node_name, cluster.dist_interface);
        let host = name.ip().map(|host| ("node.name", name.to_string(), host));
        let interface = Some(("node.dist_use_interface", interface.to_string(), interface));
        for (key, text, _) in
            [host, interface].into_iter().flatten().filter(|one| one.2.is_ipv6() != v6)
        {
            let origin = flat.0.get(key).map_or(key, |setting| setting.origin.as_str());
            let (want, proto) = (if v6 { "IPv6" } else { "IPv4" }, cluster.proto_dist.as_str());
            let what = format!("{key} = {text}: expected {want} with cluster.proto_dist = {proto}");
            self.faults.push(Fault::new(origin, what));
        }
    }

    /// What TLS between nodes needs, if that is the transport: the files that the optfile names are read here, so that a reload
    /// that finds a bad one changes nothing.
    fn mesh_tls(&mut self, folders: &Folders) -> Option<Arc<Material>> {
        let (text, origin) = std::mem::take(&mut self.draft.ssl_dist);
        let proto = self.draft.cluster.proto_dist;
        if !proto.is_tls() {
            return None;
        }
        let path = folders.resolve(&text);
        let content = match read(&path) {
            Ok(content) => content,
            Err(error) => {
                let what = format!(
                    "node.ssl_dist_optfile = {text}: {} cannot be read: {error} (cluster.proto_dist = {})",
                    path.display(),
                    proto.as_str()
                );
                self.faults.push(Fault::new(origin, what));
                return None;
            }
        };
        let content = String::from_utf8_lossy(&content);
        match ssl_dist::parse(&content, &path, &|text| folders.resolve(text)) {
            Ok((settings, notes)) => {
                self.draft.notes.extend(notes);
                self.material(&Settings { name_check: self.draft.tls_name_check, ..settings })
            }
            Err(faults) => {
                self.faults.extend(faults);
                None
            }
        }
    }

    fn material(&mut self, settings: &Settings) -> Option<Arc<Material>> {
        match Material::load(settings) {
            Ok(material) => {
                if let Some(text) = material.misnamed(&self.draft.cluster.node_name) {
                    self.draft.warn(text);
                }
                Some(Arc::new(material))
            }
            Err(bad) => {
                self.faults.extend(bad.into_iter().map(|bad| Fault::new(bad.origin, bad.what)));
                None
            }
        }
    }

    /// Listeners with an address; `listener.tcp.external = 1883` when there is none at all.
    fn listeners(&mut self, flat: &Flat, folders: &Folders) -> Vec<Listener> {
        let mut drafts = std::mem::take(&mut self.draft.listeners);
        if drafts.values().all(|draft| draft.bind.is_none()) {
            self.draft.listeners = drafts;
            self.draft.listener(ListenerKind::Tcp, "external").bind = Some(Bind::Port(1883));
            self.effective.follows("listener.tcp.external", "1883", "default");
            drafts = std::mem::take(&mut self.draft.listeners);
        }
        let mut listeners = Vec::new();
        for (_, mut draft) in drafts {
            let Some(bind) = draft.bind.take() else {
                let key = listeners::key(&draft.settings);
                let text = format!("{key} has options but no address: it stays closed");
                self.draft.info(text);
                continue;
            };
            let (listener, notes) = draft.finish(bind, folders);
            self.effective.listener(listener.kind, &listener.name);
            self.draft.notes.extend(notes);
            listeners.push(listener);
        }
        let place =
            |key: &str| flat.0.get(key).map_or(keys::BUILT_IN, |set| &set.origin).to_owned();
        self.faults.extend(listeners::clashes(&listeners, &place));
        listeners
    }

    /// Users of the configuration and of the users file, and where that is or would be. The usual one may be missing.
    fn users(&mut self, folders: &Folders) -> (Users, PathBuf) {
        let mut users = self.users_here();
        let (text, origin) = std::mem::take(&mut self.draft.users_file);
        let path = folders.resolve(&text);
        let content = match read(&path) {
            Ok(content) => content,
            Err(error) if text == "data/users" && error.kind() == std::io::ErrorKind::NotFound => {
                return (users, path);
            }
            Err(error) => {
                let what =
                    format!("users_file = {text}: {} cannot be read: {error}", path.display());
                self.faults.push(Fault::new(origin, what));
                return (users, path);
            }
        };
        self.draft.notes.extend(secrets::exposed(&path, "hashes of passwords"));
        match std::str::from_utf8(&content) {
            Ok(content) => {
                let bad = users.add_file(content).err().unwrap_or_default();
                let fault = |(line, what): (usize, BadUser)| {
                    Fault::new(format!("{}:{line}", path.display()), what.to_string())
                };
                self.faults.extend(bad.into_iter().map(fault));
            }
            Err(_) => self.faults.push(Fault::new(path.display(), "expected UTF-8 text")),
        }
        if users.denies_all() {
            self.draft.warn(format!("{} names no user: nobody may connect", path.display()));
        }
        (users, path)
    }

    fn users_here(&mut self) -> Users {
        let mut users = Users::default();
        for ((kind, id), UserDraft { name, password }) in &self.draft.users {
            let what = if kind == "user" { "username" } else { "clientid" };
            match (name, password) {
                (Some(name), Some(password)) if kind == "user" => {
                    users.add_user(name, password.as_bytes())
                }
                (Some(name), Some(password)) => users.add_client(name, password.as_bytes()),
                (None, _) => {
                    let text = format!("expected auth.{kind}.{id}.{what} beside it");
                    self.faults.push(Fault::new(format!("auth.{kind}.{id}.password"), text));
                }
                (Some(_), None) => {
                    let text = format!("expected auth.{kind}.{id}.password beside it");
                    self.faults.push(Fault::new(format!("auth.{kind}.{id}.{what}"), text));
                }
            }
        }
        users
    }

    /// How tokens are verified, if a key is set for them.
    fn jwt(&mut self, folders: &Folders, fetched: bool) -> Option<Arc<Jwt>> {
        let mut jwt = std::mem::take(&mut self.draft.jwt);
        let (verify, claims) = std::mem::take(&mut self.draft.jwt_claims);
        if verify {
            jwt.claims = claims;
        } else if !claims.is_empty() {
            self.draft.warn("auth.jwt.verify_claims is off: its claims are not looked at".into());
        }
        if let Some((text, origin)) = self.draft.jwt_key.take() {
            let path = folders.resolve(&text);
            let key = read(&path).map_err(|error| format!("cannot be read: {error}"));
            let key = key.and_then(|pem| {
                let spki = SubjectPublicKeyInfoDer::from_pem_slice(&pem);
                let key = spki.ok().and_then(|spki| PublicKey::from_spki(&spki));
                key.ok_or_else(|| {
                    "expected PEM with BEGIN PUBLIC KEY, of RSA, P-256, P-384 or Ed25519".into()
                })
            });
            match key {
                Ok(key) => jwt.key = Some(key),
                Err(why) => {
                    let what = format!("auth.jwt.pubkey = {text}: {}: {why}", path.display());
                    self.faults.push(Fault::new(origin, what));
                }
            }
        }
        (jwt.secret.is_some() || jwt.key.is_some() || fetched).then(|| Arc::new(jwt))
    }

    fn policies(&self) -> BTreeMap<String, Policy> {
        let base = self.draft.access;
        let policies = self.draft.policies.iter().map(|(name, zone)| {
            let policy = Policy {
                allow_anonymous: zone.allow_anonymous.unwrap_or(base.allow_anonymous),
                nomatch_allows: zone.nomatch_allows.unwrap_or(base.nomatch_allows),
                enable_acl: zone.enable_acl.unwrap_or(base.enable_acl),
                bypass_auth: zone.bypass_auth,
            };
            (name.clone(), policy)
        });
        policies.collect()
    }

    /// The rules of `acl_file`. The file EMQX's configuration names may be missing: its rules and ours mean the same.
    fn rules(&mut self, folders: &Folders) -> Rules {
        let Some((text, origin)) = self.draft.acl_file.take() else { return Rules::default() };
        let path = folders.resolve(&text);
        let content = match read(&path) {
            Ok(content) => content,
            Err(error)
                if error.kind() == std::io::ErrorKind::NotFound && text == "etc/acl.conf" =>
            {
                let text =
                    format!("{origin}: {} does not exist: the built-in rules hold", path.display());
                self.draft.warn(text);
                return Rules::default();
            }
            Err(error) => {
                let what = format!("acl_file = {text}: {} cannot be read: {error}", path.display());
                self.faults.push(Fault::new(origin, what));
                return Rules::default();
            }
        };
        match acl_conf::parse(&path.display().to_string(), &String::from_utf8_lossy(&content)) {
            Ok(rules) => rules,
            Err(bad) => {
                let fault = |(line, what)| Fault::new(format!("{}:{line}", path.display()), what);
                self.faults.extend(bad.into_iter().map(fault));
                Rules::default()
            }
        }
    }

    fn bypass_warning(&mut self, listeners: &[Listener], access: &Access) {
        for listener in listeners {
            let open = access.zones.get(&listener.zone).is_some_and(|policy| policy.bypass_auth);
            if open && !listener.bind.is_loopback() {
                let (zone, key, bind) = (&listener.zone, listeners::key(listener), &listener.bind);
                let text = format!(
                    "zone.{zone}.bypass_auth_plugins: nobody is asked for a password on {key} = {bind}, \
                     which other hosts can reach"
                );
                self.draft.warn(text);
            }
        }
    }
}

/// Every value of the tree by its key, in the spelling of the file.
fn walk(
    tree: &config::Map<String, Value>,
    path: &mut Vec<String>,
    leaves: &mut BTreeMap<String, Setting>,
) {
    let sorted: BTreeMap<_, _> = tree.iter().collect();
    for (segment, value) in sorted {
        if let ValueKind::Table(branch) = &value.kind {
            path.push(segment.replace('.', "\\."));
            walk(branch, path, leaves);
            path.pop();
        } else if let (ValueKind::String(text), SELF) = (&value.kind, segment.as_str()) {
            let origin = value.origin().unwrap_or_default().to_owned();
            leaves.insert(path.join("."), Setting { text: text.clone(), origin });
        }
    }
}

/// The address of the interface that leads to the multicast group, or out of the LAN where it is one of IPv6; nothing is sent.
/// Where no route leads there, as on a LAN without a router, that of the first interface.
fn address_towards_the_lan(v6: bool) -> IpAddr {
    let (any, far, alone): (IpAddr, IpAddr, IpAddr) = if v6 {
        let far = Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 1);
        (Ipv6Addr::UNSPECIFIED.into(), far.into(), Ipv6Addr::LOCALHOST.into())
    } else {
        let group = Ipv4Addr::new(239, 192, 0, 1);
        (Ipv4Addr::UNSPECIFIED.into(), group.into(), Ipv4Addr::LOCALHOST.into())
    };
    let address = || {
        let socket = UdpSocket::bind((any, 0)).ok()?;
        socket.connect((far, 4369)).ok()?;
        socket.local_addr().ok().map(|address| address.ip()).filter(|ip| !ip.is_unspecified())
    };
    let first = || address_of_an_interface(&interfaces::list().ok()?, v6);
    address().or_else(first).unwrap_or(alone)
}

/// An address at which other hosts reach this one.
fn address_of_an_interface(all: &[Interface], v6: bool) -> Option<IpAddr> {
    let reached = |one: &&Interface| match one.addr {
        IpAddr::V4(v4) => !v6 && !v4.is_link_local(),
        IpAddr::V6(v6_addr) => v6 && !v6_addr.is_unicast_link_local(),
    };
    let carries = |one: &&Interface| one.multicast && !one.loopback;
    let found = all.iter().filter(carries).filter(reached).min_by_key(|one| one.index)?;
    Some(found.addr)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_without_a_route_is_named_after_its_first_interface() {
        let one = |index, addr: &str, loopback| Interface {
            name: format!("if{index}"),
            index,
            addr: addr.parse().unwrap(),
            prefix: 24,
            loopback,
            multicast: !loopback,
        };
        let all = [
            one(1, "127.0.0.1", true),
            one(4, "10.0.1.4", false),
            one(3, "192.168.1.7", false),
            one(2, "169.254.3.4", false),
            one(2, "fe80::1", false),
            one(3, "fd77::7", false),
        ];
        let named = |v6| address_of_an_interface(&all, v6).map(|addr| addr.to_string());
        assert_eq!(
            (named(false).as_deref(), named(true).as_deref()),
            (Some("192.168.1.7"), Some("fd77::7"))
        );
        assert_eq!(address_of_an_interface(&all[..1], false), None);
    }
}
