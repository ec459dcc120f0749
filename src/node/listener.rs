//! A client listener: binds, accepts, limits, and hands each socket to a connection of its own.

use std::{
    io,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    sync::{
        Arc, RwLock,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use socket2::{Domain, Protocol, SockAddr, Socket, Type};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::watch,
};

use super::{
    connection::{Connection, Place},
    hub::Hub,
    listener_settings::{Bind, Listener},
    locks,
};
use crate::{broker::channel::Shared, net::supervise};

/// A pause after an accept that failed for want of descriptors or memory.
const PAUSE: Duration = Duration::from_millis(100);

/// A listener that listens.
pub struct Listening {
    /// How it is set.
    pub settings: Listener,
    /// Where it listens.
    pub address: SocketAddr,
    /// Connections it has now.
    pub connections: Arc<AtomicUsize>,
    /// Connections it closed at once: over the limit, or not let in.
    pub refused: Arc<AtomicUsize>,
    /// What its connections share; swapped by a reload.
    pub(super) shared: Arc<RwLock<Arc<Shared>>>,
    socket: TcpListener,
}

/// A listener cannot listen.
#[derive(Debug, thiserror::Error)]
#[error("listener {id} cannot listen on {bind}: {error}")]
pub struct CannotListen {
    id: String,
    bind: Bind,
    error: io::Error,
}

impl Listening {
    /// Binds. A bare port is every address of both families, or IPv4 alone where the kernel has no IPv6.
    ///
    /// # Errors
    /// [`CannotListen`]: the address is taken or not ours.
    pub fn bind(settings: Listener, shared: Shared) -> Result<Self, CannotListen> {
        let failed = |error| CannotListen { id: settings.id(), bind: settings.bind, error };
        let socket = match settings.bind {
            Bind::Address(address) => open(address, &settings),
            Bind::Port(port) => {
                open((Ipv6Addr::UNSPECIFIED, port).into(), &settings).or_else(|error| {
                    match error.raw_os_error() {
                        Some(nix::libc::EAFNOSUPPORT | nix::libc::EADDRNOTAVAIL) => {
                            open((Ipv4Addr::UNSPECIFIED, port).into(), &settings)
                        }
                        _ => Err(error),
                    }
                })
            }
        }
        .and_then(TcpListener::from_std)
        .map_err(failed)?;
        let address = socket.local_addr().map_err(failed)?;
        Ok(Self {
            settings,
            address,
            connections: Arc::default(),
            refused: Arc::default(),
            shared: Arc::new(RwLock::new(Arc::new(shared))),
            socket,
        })
    }

    /// Accepts until `stop` says so.
    pub(super) async fn run(self: Arc<Self>, hub: Arc<Hub>, mut stop: watch::Receiver<bool>) {
        let mut second = hub.clock.now();
        let mut accepted = 0;
        loop {
            let stream = tokio::select! {
                biased;
                _ = stop.wait_for(|stop| *stop) => return,
                stream = self.socket.accept() => stream,
            };
            match stream {
                Ok((stream, peer)) => self.serve(stream, peer, &hub),
                Err(error) => {
                    tracing::warn!(listener = self.settings.id(), %error, "accept failed");
                    tokio::time::sleep(PAUSE).await;
                }
            }
            accepted += 1;
            let now = hub.clock.now();
            if now.since(second) >= Duration::from_secs(1) {
                (second, accepted) = (now, 0);
            } else if self.settings.max_conn_rate != 0 && accepted >= self.settings.max_conn_rate {
                tokio::time::sleep_until(hub.clock.instant(second + Duration::from_secs(1))).await;
            }
        }
    }

    fn serve(&self, stream: TcpStream, peer: SocketAddr, hub: &Arc<Hub>) {
        let peer = SocketAddr::new(canonical(peer.ip()), peer.port());
        if !self.settings.accepts(peer.ip()) {
            self.refused.fetch_add(1, Ordering::Relaxed);
            tracing::debug!(listener = self.settings.id(), %peer, "closed by listener.*.access");
            return;
        }
        let place = Place(self.connections.clone());
        if self.connections.fetch_add(1, Ordering::Relaxed) >= self.settings.max_connections {
            self.refused.fetch_add(1, Ordering::Relaxed);
            tracing::debug!(listener = self.settings.id(), %peer, "closed: max_connections reached");
            return;
        }
        if self.settings.nodelay {
            let _ = stream.set_nodelay(true);
        }
        let shared = locks::read(&self.shared).clone();
        let connection = Connection::new(stream, peer, shared, hub.clone(), place);
        // A task begins at a multiple of 128 bytes, for which the allocator takes the next power of two unless the size is one.
        // In a box of its own the connection takes what it needs, and the task 128.
        supervise::spawn_unpin("connection", Box::new(connection));
    }
}

fn canonical(ip: IpAddr) -> IpAddr {
    ip.to_canonical()
}

fn open(address: SocketAddr, settings: &Listener) -> io::Result<std::net::TcpListener> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    if address.is_ipv6() {
        socket.set_only_v6(!address.ip().is_unspecified())?;
    }
    if settings.reuseaddr {
        socket.set_reuse_address(true)?;
    }
    socket.set_nonblocking(true)?;
    socket.bind(&SockAddr::from(address))?;
    socket.listen(i32::try_from(settings.backlog).unwrap_or(i32::MAX))?;
    Ok(socket.into())
}
