//! The shells that drive the cores, and what they share.

pub mod access;
pub mod alarms;
mod announced;
mod asking;
pub mod bridge;
pub mod clients;
mod connection;
pub mod control;
mod control_link;
mod dial;
pub mod discovery;
mod disk;
pub mod estate;
mod evacuation;
mod forward;
mod full_queues;
mod groups;
pub mod health;
pub mod heartbeat;
pub(crate) mod http;
pub mod hub;
pub mod limits;
pub mod link;
pub mod listener;
mod locks;
pub mod mailbox;
pub mod memory;
pub mod mesh;
mod paced;
mod presence;
mod publish;
pub mod registry;
pub mod rest;
pub mod sections;
pub mod socket;
pub mod state;
pub mod sys_topics;
mod takeover;
pub mod tls;
mod told;
pub mod traces;
mod transport;
mod vm;
mod wills;
mod work;
pub use crate::broker::stats;

use std::{
    collections::BTreeMap,
    path::PathBuf,
    sync::{Arc, RwLock, atomic::AtomicU64},
    time::Duration,
};

use tokio::{
    sync::{Notify, watch},
    task::JoinHandle,
};

use crate::{
    broker::{
        RetainSettings, Settings, access::Access, channel::Shared, retained::Retained, users::Users,
    },
    cluster::{self, settings::SessionLocking},
    net::{clock::Clock, supervise},
};
use access::{
    auth_http::AuthHttp,
    jwks::{Jwks, KeySet},
};
use bridge::Bridge;
use estate::{Arrivals, Inheritance};
use hub::Hub;
use limits::Limits;
use listener::{CannotListen, Inherited, Listening, places::NodePlaces, settings::Listener};
use mesh::{Mesh, MeshError, MeshParts};
use takeover::Desk;
use tls::Material;
use traces::Traces;

/// What a node is made of.
pub struct NodeParts {
    /// Settings of the cluster.
    pub cluster: cluster::Settings,
    /// Client listeners.
    pub listeners: Vec<Listener>,
    /// Connections of all listeners together.
    pub max_connections: usize,
    /// Limits of the node as a whole.
    pub limits: Limits,
    /// When there is an alarm, and what becomes of it.
    pub alarms: alarms::Settings,
    /// Limits of each zone.
    pub zones: BTreeMap<String, Settings>,
    /// Users and rules.
    pub access: Access,
    /// An HTTP server that says who may connect.
    pub auth_http: Option<Arc<AuthHttp>>,
    /// Where public keys for tokens are.
    pub jwks: Option<Arc<Jwks>>,
    /// Bridges to brokers of others.
    pub bridges: Vec<bridge::Settings>,
    /// Limits of retained messages.
    pub retain: RetainSettings,
    /// `node.data_dir`.
    pub data_dir: PathBuf,
    /// Where files of traces go.
    pub trace_dir: PathBuf,
    /// TLS between nodes, where the transport is TLS.
    pub mesh_tls: Option<Arc<Material>>,
    /// Listening sockets that systemd has opened.
    pub inherited: Inherited,
    /// What the process before left.
    pub inheritance: Option<Inheritance>,
}

/// What a reload changes, for connections to come.
pub struct Renewed<'a> {
    /// Limits of each zone.
    pub zones: &'a BTreeMap<String, Settings>,
    /// Users and rules.
    pub access: &'a Access,
    /// Limits of retained messages.
    pub retain: RetainSettings,
    /// TLS between nodes.
    pub mesh_tls: Option<Arc<Material>>,
    /// Listeners; of them TLS alone is looked at.
    pub listeners: &'a [Listener],
}

/// A node cannot start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The mesh.
    #[error(transparent)]
    Mesh(#[from] MeshError),
    /// A listener.
    #[error(transparent)]
    Listen(#[from] CannotListen),
    /// The bans that were kept.
    #[error(transparent)]
    Bans(#[from] access::banned::BadBans),
}

/// A running node.
pub struct Node {
    hub: Arc<Hub>,
    mesh: Mesh,
    listeners: Vec<Arc<Listening>>,
    bridges: Vec<Arc<Bridge>>,
    /// Keys for tokens.
    keys: Arc<KeySet>,
    /// Certificates of listeners were read again.
    certificates_renewed: Arc<Notify>,
    stop: watch::Sender<bool>,
    janitor: JoinHandle<()>,
}

impl Node {
    /// Starts the mesh, waits for the routes of the nodes it knew (at most `cluster.join_wait`), and opens the listeners. Runs
    /// on a multi-thread runtime.
    ///
    /// # Errors
    /// [`StartError`] when the mesh port or a listener's address cannot be had.
    pub async fn start(parts: NodeParts) -> Result<Self, StartError> {
        let clock = Clock::system();
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        let routes = Arc::new(RwLock::default());
        let retained = Retained::new(parts.retain, parts.cluster.retain_replicate);
        let mut hub = Hub::new(clock, cores, retained, routes.clone());
        hub.name = parts.cluster.node_name.to_string();
        hub.traces = Arc::new(Traces::new(parts.trace_dir, clock));
        hub.waits_for_peers = parts.cluster.publish_ack == cluster::settings::PublishAck::Peers;
        hub.suback_waits = parts.cluster.suback == cluster::settings::SubackWait::Cluster;
        hub.places = Arc::new(NodePlaces::new(parts.max_connections));
        hub.set_limits(parts.limits, parts.alarms);
        hub.connect_waits = parts.cluster.session_locking == SessionLocking::Cluster;
        hub.strategies.set(&zone_settings(&parts.zones, "external"));
        hub.set_session_settings(zone_settings(&parts.zones, "external"));
        hub.bans.load(&parts.data_dir, clock.wall())?;
        hub.apps.load(&parts.data_dir);
        hub.bans.set_policies(parts.access.bans);
        hub.authenticator.set_http(parts.auth_http);
        let access = hub.begin_rules(parts.access);
        let hub = Arc::new(hub);
        // Bound first, so that a port that is taken is told before other nodes hear of us.
        let (mut listeners, mut inherited) = (Vec::new(), parts.inherited);
        let mesh_port = inherited.extract_if(.., |(name, _)| name == estate::MESH).last();
        for settings in parts.listeners {
            let shared = shared(&parts.zones, &settings, &access, &hub);
            let places = hub.places.clone();
            listeners.push(Arc::new(Listening::bind(settings, shared, places, &mut inherited)?));
        }
        for (name, _) in inherited {
            tracing::warn!(name, "no listener is set for this socket from systemd: it is closed");
        }
        let (inheritance, before) = hub.inherit(parts.inheritance, &parts.data_dir);
        hub.watch_limits(parts.data_dir.clone());
        let mesh = Mesh::start(MeshParts {
            settings: parts.cluster,
            data_dir: parts.data_dir,
            clock,
            routes,
            retained: hub.retained.clone(),
            peers: hub.peers.clone(),
            stats: hub.stats.clone(),
            deliver: hub.clone(),
            sections: hub.sections.clone(),
            sessions: Arc::new(Desk::new(hub.clone(), tokio::runtime::Handle::current())),
            main: tokio::runtime::Handle::current(),
            message_max: message_max(&parts.zones),
            tls: parts.mesh_tls,
            before,
            port: mesh_port.map(|(_, port)| port.into()),
        })?;
        let _ = hub.mesh.set(mesh.clone());
        let arrivals = inheritance.map_or_else(Arrivals::default, |inheritance| {
            let arrivals = hub.inherit_sessions(inheritance, &listeners);
            mesh.go_on();
            arrivals
        });
        mesh.settled().await;
        hub.go_on(arrivals);
        let (stop, stopped) = watch::channel(false);
        let janitor = supervise::spawn_core("janitor", hub.clone().janitor());
        let certificates_renewed = Arc::new(Notify::new());
        let renewed = certificates_renewed.clone();
        let watch = listener::watch_certificates(listeners.clone(), renewed, clock);
        supervise::spawn("listener certificates", watch);
        let keys = KeySet::following(listeners.clone(), parts.jwks);
        let bridges = parts.bridges.into_iter().map(|one| Bridge::begin(one, &hub)).collect();
        let new = Self { hub, mesh, listeners, bridges, keys, certificates_renewed, stop, janitor };
        new.listeners.iter().for_each(|listener| new.listen(listener, stopped.clone()));
        Ok(new)
    }

    /// Days until the first certificate of a listener ends, rounded down.
    fn certificate_days(&self) -> Option<u64> {
        let now = self.hub.clock.wall();
        self.listeners.iter().filter_map(|one| one.tls.as_ref()?.days_left(now)).min()
    }

    /// Lets an open listener accept, or says why it is closed.
    fn listen(&self, listener: &Arc<Listening>, stopped: watch::Receiver<bool>) {
        let (id, address) = (listener.settings.id(), listener.address());
        if let Some(reason) = listener.closed() {
            tracing::error!(name: "listener-closed", listener = id, address, reason, "listener stays closed");
            return;
        }
        tracing::info!(listener = id, address, "listening for clients");
        supervise::spawn_core("listener", listener.clone().run(self.hub.clone(), stopped));
    }

    /// Opens a listener that an operator has closed.
    ///
    /// # Errors
    /// It is open, has to stay closed, or its address cannot be had.
    pub(crate) fn open_listener(&self, listener: &Arc<Listening>) -> Result<(), String> {
        if !listener.reopen() {
            return Err(listener.closed().unwrap_or_else(|| "it is open".into()));
        }
        if let Some(why) = listener.closed() {
            return Err(why);
        }
        listener.open(&mut Vec::new()).map_err(|error| {
            listener.stay_closed();
            error.to_string()
        })?;
        self.listen(listener, self.stop.subscribe());
        Ok(())
    }

    /// What its connections share.
    #[must_use]
    pub const fn hub(&self) -> &Arc<Hub> {
        &self.hub
    }

    /// Its place in the cluster.
    #[must_use]
    pub const fn mesh(&self) -> &Mesh {
        &self.mesh
    }

    /// Its listeners.
    #[must_use]
    pub fn listeners(&self) -> &[Arc<Listening>] {
        &self.listeners
    }

    /// Its bridges.
    pub(crate) fn bridges(&self) -> &[Arc<Bridge>] {
        &self.bridges
    }

    /// New limits, users and certificates, for connections to come; and rules, for all. A listener that was closed for want of a certificate
    /// opens when it has one.
    pub fn reload(&self, new: Renewed<'_>) {
        self.renew_certificates(new.mesh_tls, new.listeners);
        self.hub.bans.set_policies(new.access.bans);
        let users = self.hub.authenticator.adopt(new.access.users.clone());
        let access = &self.keys.with_keys(Access { users, ..new.access.clone() });
        for listener in &self.listeners {
            let settings = &listener.settings;
            let fresh = shared(new.zones, settings, access, &self.hub);
            *locks::write(&listener.shared) = Arc::new(fresh);
        }
        self.certificates_renewed.notify_one();
        self.hub.strategies.set(&zone_settings(new.zones, "external"));
        self.hub.set_session_settings(zone_settings(new.zones, "external"));
        self.hub.renew_rules(access.clone());
        self.hub.reload_retain(new.retain);
    }

    /// New certificates, for connections to come. A listener that was closed for want of one opens when it has one.
    pub fn renew_certificates(&self, mesh_tls: Option<Arc<Material>>, listeners: &[Listener]) {
        self.mesh.renew_tls(mesh_tls);
        for listener in &self.listeners {
            let same = |other: &&Listener| other.id() == listener.settings.id();
            if let Some(tls) = listeners.iter().find(same).and_then(|one| one.tls.as_ref()) {
                self.renew_tls(listener, tls.material.clone());
            }
        }
    }

    fn renew_tls(&self, listener: &Arc<Listening>, new: Result<tls::listener::Material, String>) {
        let Some(present) = &listener.tls else { return };
        // Whether an operator has closed it says nothing of its certificate.
        let (id, was_missing) = (listener.settings.id(), present.missing().is_some());
        if let (false, Err(reason)) = (was_missing, &new) {
            tracing::error!(name: "certificate-kept", listener = id, reason, "certificate not renewed, the old one stays");
            return;
        }
        present.renew(new);
        if !was_missing || listener.is_stopped() {
            tracing::info!(listener = id, "certificate read again");
            return;
        }
        match listener.open(&mut Vec::new()) {
            Ok(()) => self.listen(listener, self.stop.subscribe()),
            Err(error) => tracing::error!(%error, "listener stays closed"),
        }
    }

    /// Other applications of the configuration and another certificate for the HTTP API.
    pub fn reload_api(&self, api: &rest::settings::Settings) {
        self.hub.apps.configure(api.apps.clone());
        self.renew_api_tls(api);
    }

    /// Another certificate for the HTTP API.
    pub fn renew_api_tls(&self, api: &rest::settings::Settings) {
        let tls = api.listeners.iter().find_map(|one| one.tls.as_ref());
        if let (Some(present), Some(tls)) = (self.hub.api_tls.get(), tls) {
            if let Err(reason) = &tls.material {
                tracing::error!(
                    reason,
                    "certificate of the HTTP API not renewed, the old one stays"
                );
            }
            present.renew(tls.material.clone());
        }
    }

    /// Public keys for tokens come from there from now on, or from nowhere.
    pub fn reload_jwks(&self, source: Option<Arc<Jwks>>) {
        self.keys.follow(source);
    }

    /// Another HTTP server that says who may connect, or none.
    pub fn reload_auth_http(&self, http: Option<Arc<AuthHttp>>) {
        self.hub.authenticator.set_http(http);
    }

    /// New users, for connections to come.
    pub fn reload_users(&self, users: Arc<Users>) {
        let users = self.hub.authenticator.adopt(users);
        for listener in &self.listeners {
            listener.change_access(|access| Access { users: users.clone(), ..access });
        }
    }

    /// What waits in bridges goes out, or to other nodes.
    async fn end_bridges(&self) {
        const LOOK: Duration = Duration::from_millis(20);
        for one in &self.bridges {
            one.turn(false);
        }
        let ended = async {
            while self.bridges.iter().any(|one| one.standing().state != "stopped") {
                tokio::time::sleep(LOOK).await;
            }
        };
        let _ = tokio::time::timeout(bridge::STOP, ended).await;
    }

    /// Stops accepting, tells the clients (v5: 0x8B), waits until they are gone and until other nodes have their sessions, at most
    /// `limit`, and leaves the mesh.
    pub async fn drain(&self, limit: Duration) {
        const LOOK: Duration = Duration::from_millis(20);
        let until = self.hub.clock.now() + limit;
        // Who connects from here on is refused.
        self.listeners.iter().for_each(|listener| drop(listener.take_kept()));
        let _ = self.stop.send(true);
        self.end_bridges().await;
        self.mesh.drain().await;
        self.hub.shut_down();
        let gone = async {
            while self.hub.registry.connected() > 0 {
                tokio::time::sleep(LOOK).await;
            }
        };
        if tokio::time::timeout(limit, gone).await.is_err() {
            tracing::warn!(
                left = self.hub.registry.connected(),
                "drain time is over, closing the rest"
            );
        }
        // Wills of those that were lost just before.
        let wills = self.hub.clock.instant(self.hub.will_pace.over().min(until));
        let (left, ()) = tokio::join!(self.hub.give_all(until), tokio::time::sleep_until(wills));
        self.hub.hurry_wills();
        if left > 0 {
            tracing::warn!(name: "sessions-lost", left, "sessions end with this node: no other node took them in time");
        }
        self.mesh.shutdown().await;
    }
}

/// The largest packet of any zone.
fn message_max(zones: &BTreeMap<String, Settings>) -> u64 {
    zones.values().map(|zone| zone.max_packet_size).max().unwrap_or(2 << 20) as u64
}

fn zone_settings(zones: &BTreeMap<String, Settings>, zone: &str) -> Settings {
    zones.get(zone).or_else(|| zones.get("external")).cloned().unwrap_or_default()
}

fn shared(
    zones: &BTreeMap<String, Settings>,
    listener: &Listener,
    access: &Access,
    hub: &Hub,
) -> Shared {
    let settings = zone_settings(zones, &listener.zone);
    Shared {
        settings: Settings {
            send_timeout: listener.send_timeout,
            write_high: listener.write_high,
            bytes_in: settings.bytes_in.or(listener.rate_limit),
            ..settings
        },
        zone: listener.zone.clone(),
        port: listener.bind.port(),
        proxies: listener.trusted_proxies.clone(),
        access: access.clone(),
        stats: hub.stats.clone(),
        next_assigned: Arc::new(AtomicU64::new(random())),
    }
}

/// From the kernel, so that no two nodes assign one client id.
fn random() -> u64 {
    use ring::rand::SecureRandom;
    let mut bytes = [0; 8];
    let _ = ring::rand::SystemRandom::new().fill(&mut bytes);
    u64::from_le_bytes(bytes)
}
