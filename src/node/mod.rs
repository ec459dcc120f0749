//! The shells that drive the cores, and what they share.

pub mod clients;
mod connection;
pub mod control;
mod control_link;
mod dial;
pub mod discovery;
mod forward;
pub mod heartbeat;
pub mod hub;
pub mod link;
pub mod listener;
pub mod listener_settings;
mod locks;
pub mod mailbox;
pub mod mesh;
mod publish;
pub mod registry;
pub mod sections;
pub mod socket;
pub mod state;
pub mod sys_topics;
mod takeover;
pub mod tls;
mod told;
pub use crate::broker::stats;

use std::{
    collections::BTreeMap,
    path::PathBuf,
    sync::{Arc, RwLock, atomic::AtomicU64},
    time::Duration,
};

use tokio::sync::watch;

use crate::{
    broker::{
        RetainSettings, Settings, access::Access, channel::Shared, retained::Retained,
        settings::SharedStrategy,
    },
    cluster,
    net::{clock::Clock, supervise},
};
use hub::Hub;
use listener::{CannotListen, Listening};
use listener_settings::Listener;
use mesh::{Mesh, MeshError, MeshParts};
use takeover::Desk;
use tls::Material;

/// What a node is made of.
pub struct NodeParts {
    /// Settings of the cluster.
    pub cluster: cluster::Settings,
    /// Client listeners.
    pub listeners: Vec<Listener>,
    /// Limits of each zone.
    pub zones: BTreeMap<String, Settings>,
    /// Users and rules.
    pub access: Access,
    /// Limits of retained messages.
    pub retain: RetainSettings,
    /// `node.data_dir`.
    pub data_dir: PathBuf,
    /// TLS between nodes, where the transport is TLS.
    pub mesh_tls: Option<Arc<Material>>,
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
}

/// A running node.
pub struct Node {
    hub: Arc<Hub>,
    mesh: Mesh,
    listeners: Vec<Arc<Listening>>,
    stop: watch::Sender<bool>,
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
        hub.waits_for_peers = parts.cluster.publish_ack == cluster::settings::PublishAck::Peers;
        hub.suback_waits = parts.cluster.suback == cluster::settings::SubackWait::Cluster;
        hub.connect_waits =
            parts.cluster.session_locking == cluster::settings::SessionLocking::Cluster;
        hub.set_shared_strategy(shared_strategy(&parts.zones));
        *locks::write(&hub.session_settings) = zone_settings(&parts.zones, "external");
        let hub = Arc::new(hub);
        // Bound first, so that a port that is taken is told before other nodes hear of us.
        let mut listeners = Vec::new();
        for settings in parts.listeners {
            let shared = shared(&parts.zones, &settings.zone, &parts.access, &hub);
            listeners.push(Arc::new(Listening::bind(settings, shared)?));
        }
        let message_max =
            parts.zones.values().map(|zone| zone.max_packet_size).max().unwrap_or(2 << 20) as u64;
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
            message_max,
            tls: parts.mesh_tls,
        })?;
        let _ = hub.mesh.set(mesh.clone());
        mesh.settled().await;
        let (stop, stopped) = watch::channel(false);
        supervise::spawn_core("janitor", hub.clone().janitor());
        for listener in &listeners {
            tracing::info!(
                listener = listener.settings.id(),
                address = %listener.address,
                "listening for clients"
            );
            supervise::spawn_core("listener", listener.clone().run(hub.clone(), stopped.clone()));
        }
        Ok(Self { hub, mesh, listeners, stop })
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

    /// New limits, users, rules and certificates, for connections to come.
    pub fn reload(
        &self,
        zones: &BTreeMap<String, Settings>,
        access: &Access,
        retain: RetainSettings,
        mesh_tls: Option<Arc<Material>>,
    ) {
        self.mesh.renew_tls(mesh_tls);
        for listener in &self.listeners {
            let new = shared(zones, &listener.settings.zone, access, &self.hub);
            *locks::write(&listener.shared) = Arc::new(new);
        }
        self.hub.set_shared_strategy(shared_strategy(zones));
        *locks::write(&self.hub.session_settings) = zone_settings(zones, "external");
        self.hub.reload_retain(retain);
    }

    /// Stops accepting, tells the clients (v5: 0x8B), waits until they are gone and until other nodes have their sessions, at most
    /// `limit`, and leaves the mesh.
    pub async fn drain(&self, limit: Duration) {
        const LOOK: Duration = Duration::from_millis(20);
        let until = self.hub.clock.now() + limit;
        let _ = self.stop.send(true);
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
        let left = self.hub.give_all(until).await;
        if left > 0 {
            tracing::warn!(left, "sessions end with this node: no other node took them in time");
        }
        self.mesh.shutdown().await;
    }
}

/// One for the node: every zone has the same.
fn shared_strategy(zones: &BTreeMap<String, Settings>) -> SharedStrategy {
    zones.values().next().map(|zone| zone.shared_strategy).unwrap_or_default()
}

fn zone_settings(zones: &BTreeMap<String, Settings>, zone: &str) -> Settings {
    zones.get(zone).or_else(|| zones.get("external")).cloned().unwrap_or_default()
}

fn shared(zones: &BTreeMap<String, Settings>, zone: &str, access: &Access, hub: &Hub) -> Shared {
    Shared {
        settings: zone_settings(zones, zone),
        zone: zone.to_owned(),
        access: access.clone(),
        stats: hub.stats.clone(),
        next_assigned: AtomicU64::new(random()),
    }
}

/// From the kernel, so that no two nodes assign one client id.
fn random() -> u64 {
    use ring::rand::SecureRandom;
    let mut bytes = [0; 8];
    let _ = ring::rand::SystemRandom::new().fill(&mut bytes);
    u64::from_le_bytes(bytes)
}
