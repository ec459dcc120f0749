//! Answers `emqx-rs-ctl` on the control socket.
//!
//! Who may ask is told by the kernel (`SO_PEERCRED`): root and the user of the service may change things, others whom the mode
//! of the socket lets in may look.

use std::{
    collections::BTreeMap,
    future::Future,
    io,
    os::unix::fs::PermissionsExt,
    path::Path,
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use tokio::{
    io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader},
    net::{UnixListener, UnixStream},
    sync::Semaphore,
};

use super::{Node, clients::ClientRow};
use crate::{
    broker::{ClientId, stats::Gauge},
    cluster::{ClusterStatus, MemberStatus, NodeName, settings::Seed},
    ctl::{
        Broker, Client, Cluster, ClusterChange, Listener, Member, REQUEST_MAX, Reply, Request,
        Route, Status, Subscription,
    },
    net::supervise,
    time::Wall,
};

/// Requests answered at once.
const AT_ONCE: usize = 16;
/// Time for a request to arrive.
const IDLE: Duration = Duration::from_secs(5);

/// What only the daemon around the node can do.
pub trait Operator: Send + Sync + 'static {
    /// Reads the configuration again; returns the keys that need a restart.
    ///
    /// # Errors
    /// The faults of the new configuration; nothing was changed.
    fn reload(&self) -> Result<Vec<String>, String>;

    /// Sets the log level; returns the level now.
    ///
    /// # Errors
    /// The word is no level.
    fn set_log_level(&self, level: &str) -> Result<String, String>;
}

/// The control socket of a node.
pub struct Control {
    /// The node.
    pub node: Arc<Node>,
    /// Its name.
    pub name: String,
    /// The daemon around it.
    pub operator: Arc<dyn Operator>,
}

impl Control {
    /// Opens the socket. The future serves it.
    ///
    /// # Errors
    /// The path cannot be bound, or another node answers there.
    pub fn listen(self, path: &Path) -> io::Result<impl Future<Output = ()> + Send + use<>> {
        if std::os::unix::net::UnixStream::connect(path).is_ok() {
            return Err(io::Error::new(io::ErrorKind::AddrInUse, "another node answers here"));
        }
        let _ = std::fs::remove_file(path);
        let listener = UnixListener::bind(path)?;
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o660))?;
        let control = Arc::new(self);
        Ok(async move {
            let places = Arc::new(Semaphore::new(AT_ONCE));
            loop {
                let Ok(place) = places.clone().acquire_owned().await else { return };
                let Ok((stream, _)) = listener.accept().await else { continue };
                let control = control.clone();
                supervise::spawn("control request", async move {
                    if let Err(error) = control.serve(stream).await {
                        tracing::debug!(%error, "control request");
                    }
                    drop(place);
                });
            }
        })
    }

    async fn serve(&self, stream: UnixStream) -> io::Result<()> {
        let who = stream.peer_cred()?;
        let may_write = who.uid() == 0 || who.uid() == nix::unistd::geteuid().as_raw();
        let (read, mut write) = stream.into_split();
        let mut line = String::new();
        let mut read = BufReader::new(read.take(REQUEST_MAX as u64));
        tokio::time::timeout(IDLE, read.read_line(&mut line)).await??;
        let reply = match serde_json::from_str::<Request>(&line) {
            Err(error) => Reply::Failed(format!("not a request: {error}")),
            Ok(request) if request.writes() && !may_write => {
                Reply::Failed("only root and the user of the service may do that".to_owned())
            }
            Ok(request) => {
                if request.writes() {
                    tracing::info!(
                        uid = who.uid(),
                        pid = who.pid(),
                        ?request,
                        "asked by emqx-rs-ctl"
                    );
                }
                self.answer(request).await
            }
        };
        let mut text = String::new();
        for piece in reply.pieces().into_iter().chain([Reply::End]) {
            text.push_str(&serde_json::to_string(&piece)?);
            text.push('\n');
        }
        write.write_all(text.as_bytes()).await?;
        write.shutdown().await
    }

    async fn answer(&self, request: Request) -> Reply {
        let hub = self.node.hub();
        match request {
            Request::Status => Reply::Status(Status {
                node: self.name.clone(),
                version: env!("CARGO_PKG_VERSION").to_owned(),
                state: "started".to_owned(),
            }),
            Request::Broker => Reply::Broker(Broker {
                sysdescr: "emqx-rs, clustered MQTT broker".to_owned(),
                version: env!("CARGO_PKG_VERSION").to_owned(),
                uptime_ms: hub.clock.now().as_ms(),
                datetime: super::sys_topics::local_time(hub.clock.wall()),
            }),
            Request::Stats => Reply::Numbers(self.node.gauges()),
            Request::Metrics => {
                Reply::Numbers(hub.stats.metrics().map(|(name, n)| (name.to_owned(), n)).collect())
            }
            Request::Clients { client_id } => self.clients(client_id).await,
            Request::ClientsKick { client_id } => {
                hub.kick(&ClientId::new(&client_id));
                Reply::Done
            }
            Request::Subscriptions { client_id } => self.subscriptions(client_id).await,
            Request::Routes { topic } => self.routes(topic).await,
            Request::Listeners => Reply::Listeners(self.listeners()),
            Request::ConfReload => match self.operator.reload() {
                Ok(restart) => Reply::Reloaded { restart },
                Err(faults) => Reply::Failed(faults),
            },
            Request::LogSetLevel { level } => match self.operator.set_log_level(&level) {
                Ok(level) => Reply::LogLevel(level),
                Err(what) => Reply::Failed(what),
            },
            Request::ClusterStatus => self.cluster().await.map_or_else(no_mesh, Reply::Cluster),
            Request::ClusterJoin { node } => self.join(&node).await,
            Request::ClusterLeave => {
                self.node.mesh().leave().await;
                self.changed(ClusterChange::Left).await
            }
            Request::ClusterForceLeave { node } => self.force_leave(&node).await,
        }
    }

    async fn clients(&self, client_id: Option<String>) -> Reply {
        let only = client_id.as_deref().map(ClientId::new);
        let rows = self.node.hub().clients(only.as_ref()).await;
        if only.is_some() && rows.is_empty() {
            return Reply::NotFound;
        }
        Reply::Clients(rows.into_iter().map(client).collect())
    }

    async fn subscriptions(&self, client_id: Option<String>) -> Reply {
        let only = client_id.as_deref().map(ClientId::new);
        let rows = self.node.hub().clients(only.as_ref()).await;
        let all = rows.into_iter().flat_map(|row| {
            let client_id = row.client_id;
            row.subscriptions.into_iter().map(move |(topic, qos)| Subscription {
                client_id: client_id.clone(),
                topic,
                qos,
            })
        });
        Reply::Subscriptions(all.collect())
    }

    async fn routes(&self, topic: Option<String>) -> Reply {
        let mut rows: Vec<Route> = self
            .node
            .hub()
            .filters()
            .into_iter()
            .map(|topic| Route { topic, node: self.name.clone(), group: None })
            .collect();
        if let Some(status) = self.node.mesh().status().await {
            for member in status.members.iter().filter_map(|m| Some((m.name.to_string(), m.index?)))
            {
                rows.extend(self.node.hub().routes_of(member.1).into_iter().map(|key| Route {
                    topic: key.filter.as_str().to_owned(),
                    node: member.0.clone(),
                    group: key.group.as_deref().map(str::to_owned),
                }));
            }
        }
        rows.sort();
        match topic {
            None => Reply::Routes(rows),
            Some(topic) => {
                rows.retain(|row| row.topic == topic);
                if rows.is_empty() { Reply::NotFound } else { Reply::Routes(rows) }
            }
        }
    }

    fn listeners(&self) -> Vec<Listener> {
        self.node
            .listeners()
            .iter()
            .map(|listener| Listener {
                id: listener.settings.id(),
                listen_on: listener.address.to_string(),
                acceptors: 1,
                max_conns: listener.settings.max_connections as u64,
                current_conn: listener.connections.load(Ordering::Relaxed) as u64,
                shutdown_count: BTreeMap::from([(
                    "refused".to_owned(),
                    listener.refused.load(Ordering::Relaxed) as u64,
                )]),
                closed: None,
            })
            .collect()
    }

    async fn cluster(&self) -> Option<Cluster> {
        let now = self.node.hub().clock.now();
        self.node.mesh().status().await.map(|status| cluster(status, now))
    }

    async fn changed(&self, change: ClusterChange) -> Reply {
        self.cluster()
            .await
            .map_or_else(no_mesh, |cluster| Reply::ClusterChanged { change, cluster })
    }

    fn full_name(&self, text: &str) -> String {
        match (text.contains('@'), self.name.split_once('@')) {
            (false, Some((_, host))) => format!("{text}@{host}"),
            _ => text.to_owned(),
        }
    }

    async fn join(&self, node: &str) -> Reply {
        let name = self.full_name(node);
        if name == self.name {
            return Reply::Ignored;
        }
        match NodeName::parse(&name) {
            Err(error) => Reply::Failed(error.to_string()),
            Ok(name) => match self.node.mesh().join(Seed { name, port: None }).await {
                Ok(()) => self.changed(ClusterChange::Joined).await,
                Err(error) => Reply::Failed(error.to_string()),
            },
        }
    }

    async fn force_leave(&self, node: &str) -> Reply {
        let name = self.full_name(node);
        if name == self.name {
            return Reply::Ignored;
        }
        match NodeName::parse(&name) {
            Err(error) => Reply::Failed(error.to_string()),
            Ok(name) => {
                if self.node.mesh().force_leave(name).await {
                    self.changed(ClusterChange::Removed).await
                } else {
                    Reply::NotFound
                }
            }
        }
    }
}

fn no_mesh() -> Reply {
    Reply::Failed("the mesh has ended".to_owned())
}

fn client(row: ClientRow) -> Client {
    let ms = |wall: Wall| wall.as_ms();
    Client {
        client_id: row.client_id,
        username: row.username,
        peername: row.peer.map(|peer| peer.to_string()).unwrap_or_default(),
        clean_start: row.clean_start,
        keepalive: row.keep_alive,
        session_expiry_interval: row.session_expiry,
        subscriptions: row.subscriptions.len() as u64,
        inflight: row.inflight as u64,
        awaiting_rel: row.awaiting_rel as u64,
        delivered_msgs: 0,
        enqueued_msgs: row.queued as u64,
        dropped_msgs: 0,
        connected: row.connected,
        created_at: ms(row.created_at),
        connected_at: ms(row.connected_at),
        disconnected_at: row.disconnected_at.map(ms),
    }
}

fn cluster(status: ClusterStatus, now: crate::time::Time) -> Cluster {
    let names = |up: bool| {
        let wanted = move |s: MemberStatus| {
            if up {
                s == MemberStatus::Up
            } else {
                matches!(s, MemberStatus::Down | MemberStatus::Joining)
            }
        };
        status.members.iter().filter(|m| wanted(m.status)).map(|m| m.name.to_string()).collect()
    };
    Cluster {
        running_nodes: names(true),
        stopped_nodes: names(false),
        leader: status.members.iter().find(|m| m.leader).map(|m| m.name.to_string()),
        members: status
            .members
            .iter()
            .map(|m| Member {
                node: m.name.to_string(),
                state: m.status.to_string(),
                since_seconds: now.since(m.since).as_secs(),
                version: m.version.clone(),
                node_id: m.node_id.to_string(),
                incarnation: m.incarnation,
                address: m.addr.map(|addr| addr.to_string()),
            })
            .collect(),
        name: status.cluster,
        node: status.node.to_string(),
        left: status.left,
        refused: status.refused,
        routes: status.routes as u64,
        repaired: status.repaired,
    }
}

impl Node {
    /// Gauges as EMQX names them: `.count` and the high-water mark `.max`.
    #[must_use]
    pub fn gauges(&self) -> BTreeMap<String, u64> {
        self.hub().refresh_gauges();
        let mut all = BTreeMap::new();
        for (gauge, count, max) in self.hub().stats.gauges() {
            let gauge: Gauge = gauge;
            all.insert(format!("{}.count", gauge.name()), count);
            all.insert(format!("{}.max", gauge.name()), max);
        }
        all
    }
}
