//! A client listener: binds, accepts, limits, and hands each socket to a connection of its own.

pub(super) mod arrival;
pub(super) mod handshakes;
pub(super) mod places;
pub mod proxy;
pub mod settings;
pub mod websocket;

use std::{
    fs, io,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    os::{
        fd::{AsFd, OwnedFd},
        unix::fs::{FileTypeExt, PermissionsExt},
    },
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex, PoisonError, RwLock,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::Duration,
};

use socket2::{Domain, Protocol, SockAddr, SockRef, Socket, Type};
use tokio::{
    net::{TcpListener, TcpStream, UnixListener, UnixStream},
    sync::{Notify, watch},
};

use super::{
    connection::Connection,
    hub::Hub,
    locks,
    tls::{LOOK, listener::ListenerTls},
    transport::Stream,
};
use crate::{
    broker::{access::Access, channel::Shared, settings::TcpKeepalive, stats::Metric},
    net::{clock::Clock, supervise},
};
use arrival::{Arrival, HERE, Step};
use places::{NodePlaces, Place, Places, Room};
use settings::{Bind, Listener, ListenerKind};

/// Longest wait for a socket to be closed.
const HALT: Duration = Duration::from_secs(3);
/// A pause after an accept that failed for want of descriptors or memory.
const PAUSE: Duration = Duration::from_millis(100);

/// A listener, whether it listens or has to stay closed.
pub struct Listening {
    /// How it is set.
    pub settings: Listener,
    /// Places of its connections.
    pub(super) places: Arc<Places>,
    /// What its connections share; swapped by a reload.
    pub(super) shared: RwLock<Arc<Shared>>,
    pub(super) tls: Option<ListenerTls>,
    /// Connections that did not come through, by [`Step::ALL`].
    failed: [AtomicUsize; Step::ALL.len()],
    /// Where it listens.
    address: RwLock<Option<String>>,
    /// An operator has closed it.
    stopped: AtomicBool,
    /// Of the socket that is open.
    halt: Mutex<Arc<Halt>>,
    /// A unit of systemd holds its socket open.
    is_given: AtomicBool,
    /// Bound and not yet taken by [`Self::run`].
    socket: Mutex<Option<ListenSocket>>,
    /// Rings in [`Self::run`], which rings back.
    asked: Notify,
    answered: Notify,
    /// The same once more, where another process can go on with it: not of a Unix socket, whose file goes with this one.
    kept: Mutex<Option<OwnedFd>>,
}

/// A listener cannot listen.
#[derive(Debug, thiserror::Error)]
#[error("listener {id} cannot listen on {bind}: {error}{}", remedy(.bind, .error))]
pub struct CannotListen {
    id: String,
    bind: Bind,
    error: io::Error,
}

/// What an operator can do about it.
fn remedy(bind: &Bind, error: &io::Error) -> String {
    let (kind, port) = (error.kind(), bind.port());
    if kind == io::ErrorKind::AddrInUse && port > 0 {
        format!("; who has the port: ss -ltnp 'sport = :{port}'; stop that, or take another port")
    } else if kind == io::ErrorKind::AddrNotAvailable {
        "; no interface of this host has that address".to_owned()
    } else {
        String::new()
    }
}

/// Sockets that systemd has opened for us, with their names.
pub type Inherited = Vec<(String, Socket)>;

/// Name of a listening socket that the process before left for this one.
pub const STORED: &str = "emqx-rs-listener";

/// How the task that accepts is asked to close its socket, and says that it has.
#[derive(Default)]
struct Halt {
    asked: Notify,
    done: Notify,
}

enum ListenSocket {
    Tcp(TcpListener),
    Unix { unix: UnixListener, _file: Option<SocketFile> },
}

/// The file of a Unix socket that we made; it goes when this does.
struct SocketFile(PathBuf);

impl Drop for SocketFile {
    fn drop(&mut self) {
        // Somebody may have taken it away: nothing to do about it.
        drop(fs::remove_file(&self.0));
    }
}

/// A connection just accepted.
pub(super) enum Incoming {
    Tcp(TcpStream),
    Unix(UnixStream),
}

impl Listening {
    /// Binds, or takes the socket that systemd has opened for it. With TLS and no certificate it stays closed.
    ///
    /// # Errors
    /// [`CannotListen`]: the address is taken or not ours.
    pub fn bind(
        settings: Listener,
        shared: Shared,
        places: Arc<NodePlaces>,
        inherited: &mut Inherited,
    ) -> Result<Self, CannotListen> {
        let tls = settings.tls.as_ref().map(|tls| ListenerTls::new(tls.material.clone()));
        let places = Places::new(settings.max_connections, settings.max_per_address, places);
        let listening = Self {
            settings,
            places: Arc::new(places),
            shared: RwLock::new(Arc::new(shared)),
            tls,
            failed: Default::default(),
            address: RwLock::new(None),
            stopped: AtomicBool::new(false),
            halt: Mutex::default(),
            is_given: AtomicBool::new(false),
            socket: Mutex::new(None),
            asked: Notify::new(),
            answered: Notify::new(),
            kept: Mutex::new(None),
        };
        listening.open(inherited)?;
        Ok(listening)
    }

    /// Opens it unless it is open or must stay closed.
    ///
    /// # Errors
    /// [`CannotListen`].
    pub(super) fn open(&self, inherited: &mut Inherited) -> Result<(), CannotListen> {
        if self.is_open() || self.closed().is_some() {
            return Ok(());
        }
        let settings = &self.settings;
        let failed = |error| CannotListen { id: settings.id(), bind: settings.bind.clone(), error };
        // What a socket unit has opened stays open without us.
        let (socket, ours) = match adopt(settings, inherited) {
            Some((name, socket)) => (from_systemd(socket, settings), name == STORED),
            None => (bind(settings), true),
        };
        let (socket, address) = socket.map_err(failed)?;
        if let (ListenSocket::Tcp(tcp), true) = (&socket, ours) {
            let kept = tcp.as_fd().try_clone_to_owned().ok();
            *self.kept.lock().unwrap_or_else(PoisonError::into_inner) = kept;
        }
        *locks::lock(&self.halt) = Arc::default();
        *self.socket.lock().unwrap_or_else(PoisonError::into_inner) = Some(socket);
        self.is_given.store(!ours, Ordering::Relaxed);
        *locks::write(&self.address) = Some(address);
        Ok(())
    }

    /// Takes no clients any more, until it is opened again; those that are there stay.
    ///
    /// # Errors
    /// It is closed, or its socket is not ours to close.
    pub(super) async fn close(&self) -> Result<(), String> {
        if let Some(why) = self.closed() {
            return Err(format!("it is closed: {why}"));
        }
        if self.is_given.load(Ordering::Relaxed) {
            return Err("its socket is systemd's: systemctl stop emqx-rs.socket".into());
        }
        self.stopped.store(true, Ordering::Relaxed);
        *locks::write(&self.address) = None;
        drop(self.take_kept());
        let idle = self.socket.lock().unwrap_or_else(PoisonError::into_inner).take();
        if idle.is_none() {
            let halt = locks::lock(&self.halt).clone();
            halt.asked.notify_one();
            // It is asleep for a second at most, or has ended with the node.
            let _ = tokio::time::timeout(HALT, halt.done.notified()).await;
        }
        Ok(())
    }

    /// An operator wants it open; `false`: it is.
    pub(super) fn reopen(&self) -> bool {
        self.stopped.swap(false, Ordering::Relaxed)
    }

    /// It could not be opened.
    pub(super) fn stay_closed(&self) {
        self.stopped.store(true, Ordering::Relaxed);
    }

    /// The socket, for the process that goes on with it. Who connects waits until then.
    pub(super) fn take_kept(&self) -> Option<OwnedFd> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    /// Whether a connection that was accepted at `local` came from here.
    pub(super) fn accepted(&self, local: SocketAddr) -> bool {
        let local = SocketAddr::new(local.ip().to_canonical(), local.port());
        self.settings.kind == ListenerKind::Tcp
            && match &self.settings.bind {
                Bind::Address(at) if at.ip().is_unspecified() => at.port() == local.port(),
                Bind::Address(at) => *at == local,
                Bind::Port(port) => *port == local.port(),
                Bind::Path(_) => false,
            }
    }

    /// It takes clients, or should.
    pub(super) fn is_open(&self) -> bool {
        locks::read(&self.address).is_some()
    }

    /// An operator has closed it.
    pub(super) fn is_stopped(&self) -> bool {
        self.stopped.load(Ordering::Relaxed)
    }

    /// Why it does not listen, if it does not.
    #[must_use]
    pub fn closed(&self) -> Option<String> {
        let stopped = self.is_stopped().then(|| "emqx-rs-ctl listeners stop".to_owned());
        stopped.or_else(|| self.tls.as_ref().and_then(ListenerTls::missing))
    }

    /// Where it listens, or would.
    #[must_use]
    pub fn address(&self) -> String {
        locks::read(&self.address).clone().unwrap_or_else(|| self.settings.bind.to_string())
    }

    /// Connections that are open.
    #[must_use]
    pub fn connections(&self) -> usize {
        self.places.taken()
    }

    /// Connections that did not come through, by the step where they stopped.
    pub fn failed(&self) -> impl Iterator<Item = (Step, usize)> {
        let counts = self.failed.iter().map(|count| count.load(Ordering::Relaxed));
        Step::ALL.into_iter().zip(counts).filter(|(_, count)| *count > 0)
    }

    pub(super) fn count(&self, step: Step) {
        if let Some(count) = self.failed.get(step as usize) {
            count.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Resolves when the loop that accepts has come round.
    pub(super) async fn answers(&self) {
        let answer = self.answered.notified();
        self.asked.notify_one();
        answer.await;
    }

    /// Accepts until `stop` says so.
    pub(super) async fn run(self: Arc<Self>, hub: Arc<Hub>, mut stop: watch::Receiver<bool>) {
        let socket = self.socket.lock().unwrap_or_else(PoisonError::into_inner).take();
        let Some(socket) = socket else { return };
        let halt = locks::lock(&self.halt).clone();
        let mut second = hub.clock.now();
        let mut accepted = 0;
        let mut spare = Spare::open();
        loop {
            let incoming = tokio::select! {
                biased;
                _ = stop.wait_for(|stop| *stop) => return,
                () = halt.asked.notified() => {
                    drop(socket);
                    return halt.done.notify_one();
                }
                () = self.asked.notified() => {
                    self.answered.notify_waiters();
                    continue;
                }
                incoming = socket.accept() => incoming,
            };
            match incoming {
                Ok((incoming, peer)) => self.serve(incoming, peer, &hub),
                Err(error) => {
                    hub.stats.count(Metric::ListenerAcceptError);
                    tracing::warn!(
                        name: "accept-failed",
                        listener = self.settings.id(),
                        %error,
                        "accept failed"
                    );
                    if !spare.turn_away(&socket, &error).await {
                        tokio::time::sleep(PAUSE).await;
                    }
                }
            }
            accepted += 1;
            let now = hub.clock.now();
            if now.since(second) >= Duration::from_secs(1) {
                (second, accepted) = (now, 0);
            } else if self.settings.max_conn_rate != 0 && accepted >= self.settings.max_conn_rate {
                hub.stats.count(Metric::LimitConnRate);
                tokio::time::sleep_until(hub.clock.instant(second + Duration::from_secs(1))).await;
            }
        }
    }

    /// Other users, rules or keys, for connections to come.
    pub(super) fn change_access(&self, change: impl FnOnce(Access) -> Access) {
        let mut place = locks::write(&self.shared);
        *place = Arc::new(place.with_access(change(place.access.clone())));
    }

    fn serve(self: &Arc<Self>, incoming: Incoming, peer: SocketAddr, hub: &Arc<Hub>) {
        let peer = SocketAddr::new(peer.ip().to_canonical(), peer.port());
        if !self.settings.accepts(peer.ip()) {
            self.count(Step::Access);
            hub.stats.count(Metric::ListenerRefused);
            tracing::debug!(listener = self.settings.id(), %peer, "closed by listener.*.access");
            return;
        }
        let place = self.places.take();
        if place.as_ref().is_none_or(|(_, room)| *room == Room::None) {
            self.count(Step::Access);
            hub.stats.count(Metric::LimitConnections);
            tracing::debug!(listener = self.settings.id(), %peer, "max_connections reached");
        }
        let Some((mut place, mut room)) = place else { return };
        if hub.memory.is_out() {
            hub.stats.count(Metric::LimitMemory);
            room = Room::None;
        }
        // Where a proxy says more, it is counted when that is known.
        let direct = self.settings.proxy_timeout.is_none();
        if direct && !self.admit_address(&mut place, &mut room, (peer.ip(), hub)) {
            self.count(Step::Access);
            return;
        }
        let incoming = match incoming {
            Incoming::Tcp(tcp) => {
                if self.settings.nodelay {
                    let _ = tcp.set_nodelay(true);
                }
                if let Some(probing) = locks::read(&self.shared).settings.tcp_keepalive {
                    probe(&tcp, probing);
                }
                if self.settings.kind == ListenerKind::Tcp && self.settings.proxy_timeout.is_none()
                {
                    let shared = locks::read(&self.shared).clone();
                    let stream = Stream::Tcp(tcp);
                    let mut connection = Connection::new(stream, peer, shared, hub.clone(), place);
                    connection.hurry(room);
                    // A task begins at a multiple of 128 bytes, for which the allocator takes the next power of two unless the
                    // size is one. In a box of its own the connection takes what it needs, and the task 128.
                    supervise::spawn_unpin("connection", Box::new(connection));
                    return;
                }
                Incoming::Tcp(tcp)
            }
            unix @ Incoming::Unix(_) => unix,
        };
        let arrival = Arrival { listening: self.clone(), hub: hub.clone(), peer, place, room };
        supervise::spawn("arrival", arrival.welcome(incoming));
    }
}

impl Listening {
    /// Counts a connection for its address. `false`: there are so many that it is to be closed without a word.
    pub(super) fn admit_address(
        &self,
        place: &mut Place,
        room: &mut Room,
        (address, hub): (IpAddr, &Hub),
    ) -> bool {
        if self.settings.trusts(address) {
            return true;
        }
        let admitted = place.belongs_to(address);
        if admitted == Some(false) {
            self.count(Step::Access);
        }
        if admitted != Some(true) {
            hub.stats.count(Metric::LimitAddress);
            let listener = self.settings.id();
            tracing::debug!(listener, %address, "max_connections_per_address reached");
            *room = Room::None;
        }
        admitted.is_some()
    }
}

/// A descriptor kept back, so that a client can be taken and closed when there is no other: it would wait in the backlog and
/// wonder.
struct Spare(Option<fs::File>);

impl Spare {
    fn open() -> Self {
        Self(fs::File::open("/dev/null").ok())
    }

    /// Takes one client and closes it, if it was for want of descriptors that accepting failed.
    async fn turn_away(&mut self, socket: &ListenSocket, error: &io::Error) -> bool {
        let none_left = [Some(nix::libc::EMFILE), Some(nix::libc::ENFILE)];
        if self.0.take().is_none() || !none_left.contains(&error.raw_os_error()) {
            *self = Self::open();
            return false;
        }
        let taken = tokio::time::timeout(PAUSE, socket.accept()).await;
        let closed = taken.is_ok_and(|taken| taken.is_ok());
        *self = Self::open();
        closed
    }
}

/// Says in the log when certificates of these listeners end soon; looks again when they are `renewed`. Runs for ever.
pub(super) async fn watch_certificates(
    listeners: Vec<Arc<Listening>>,
    renewed: Arc<Notify>,
    clock: Clock,
) {
    loop {
        for one in &listeners {
            if let Some(tls) = &one.tls {
                tls.tell_end(&one.settings.id(), clock.wall());
            }
        }
        tokio::select! {
            () = renewed.notified() => {}
            () = tokio::time::sleep(LOOK) => {}
        }
    }
}

impl ListenSocket {
    async fn accept(&self) -> io::Result<(Incoming, SocketAddr)> {
        match self {
            Self::Tcp(tcp) => {
                let (tcp, peer) = tcp.accept().await?;
                Ok((Incoming::Tcp(tcp), peer))
            }
            Self::Unix { unix, .. } => {
                let (unix, _) = unix.accept().await?;
                Ok((Incoming::Unix(unix), HERE))
            }
        }
    }
}

/// A bare port is every address of both families, or IPv4 alone where the kernel has no IPv6.
fn bind(settings: &Listener) -> io::Result<(ListenSocket, String)> {
    let tcp =
        match &settings.bind {
            Bind::Path(path) => return bind_unix(path, settings),
            Bind::Address(address) => open(*address, settings)?,
            Bind::Port(port) => open((Ipv6Addr::UNSPECIFIED, *port).into(), settings).or_else(
                |error| match error.raw_os_error() {
                    Some(nix::libc::EAFNOSUPPORT | nix::libc::EADDRNOTAVAIL) => {
                        open((Ipv4Addr::UNSPECIFIED, *port).into(), settings)
                    }
                    _ => Err(error),
                },
            )?,
        };
    let tcp = TcpListener::from_std(tcp.into())?;
    let address = tcp.local_addr()?.to_string();
    Ok((ListenSocket::Tcp(tcp), address))
}

/// The socket of a listener that has an address, for the HTTP API.
pub(super) fn bind_tcp(settings: &Listener) -> io::Result<TcpListener> {
    match bind(settings)?.0 {
        ListenSocket::Tcp(tcp) => Ok(tcp),
        ListenSocket::Unix { .. } => Err(io::ErrorKind::Unsupported.into()),
    }
}

fn open(address: SocketAddr, settings: &Listener) -> io::Result<Socket> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    if address.is_ipv6() {
        socket.set_only_v6(!address.ip().is_unspecified())?;
    }
    if settings.reuseaddr {
        socket.set_reuse_address(true)?;
    }
    socket.set_nonblocking(true)?;
    // What is accepted inherits them.
    if let Some(size) = settings.sndbuf {
        socket.set_send_buffer_size(size)?;
    }
    if let Some(size) = settings.recbuf {
        socket.set_recv_buffer_size(size)?;
    }
    socket.bind(&SockAddr::from(address))?;
    socket.listen(i32::try_from(settings.backlog).unwrap_or(i32::MAX))?;
    Ok(socket)
}

/// A file left by a process that is gone is replaced; what is no socket stays.
fn bind_unix(path: &Path, settings: &Listener) -> io::Result<(ListenSocket, String)> {
    if std::os::unix::net::UnixStream::connect(path).is_ok() {
        return Err(io::Error::new(io::ErrorKind::AddrInUse, "another process answers there"));
    }
    match fs::symlink_metadata(path) {
        Ok(found) if found.file_type().is_socket() => fs::remove_file(path)?,
        Ok(_) => return Err(io::Error::new(io::ErrorKind::AlreadyExists, "it is no socket")),
        Err(_) => {}
    }
    let socket = Socket::new(Domain::UNIX, Type::STREAM, None)?;
    socket.set_nonblocking(true)?;
    socket.bind(&SockAddr::unix(path)?)?;
    let file = SocketFile(path.to_owned());
    fs::set_permissions(path, fs::Permissions::from_mode(settings.mode))?;
    socket.listen(i32::try_from(settings.backlog).unwrap_or(i32::MAX))?;
    let unix = UnixListener::from_std(socket.into())?;
    Ok((ListenSocket::Unix { unix, _file: Some(file) }, path.display().to_string()))
}

/// The socket that systemd has opened for this listener: the one with its name, or else the one at its address.
fn adopt(settings: &Listener, inherited: &mut Inherited) -> Option<(String, Socket)> {
    let name = format!("listener.{}.{}", settings.kind.as_str(), settings.name);
    let named = inherited.iter().position(|(known, _)| *known == name);
    let there = |socket: &Socket| {
        let address = socket.local_addr().ok()?;
        Some(match &settings.bind {
            Bind::Path(path) => address.as_pathname() == Some(path),
            Bind::Address(wanted) => address.as_socket() == Some(*wanted),
            Bind::Port(port) => address
                .as_socket()
                .is_some_and(|found| found.port() == *port && found.ip().is_unspecified()),
        })
    };
    let at = named
        .or_else(|| inherited.iter().position(|(_, socket)| there(socket).unwrap_or(false)))?;
    Some(inherited.swap_remove(at))
}

fn from_systemd(socket: Socket, settings: &Listener) -> io::Result<(ListenSocket, String)> {
    if !socket.is_listener()? || socket.r#type()? != Type::STREAM {
        return Err(io::Error::other("the socket from systemd does not listen (ListenStream=)"));
    }
    let unix = socket.domain()? == Domain::UNIX;
    if unix != (settings.kind == ListenerKind::Unix) {
        return Err(io::Error::other("the socket from systemd is of another kind"));
    }
    socket.set_nonblocking(true)?;
    if unix {
        let unix = UnixListener::from_std(socket.into())?;
        let address = unix.local_addr()?;
        let address = address.as_pathname().map(|path| path.display().to_string());
        return Ok((ListenSocket::Unix { unix, _file: None }, address.unwrap_or_default()));
    }
    let tcp = TcpListener::from_std(socket.into())?;
    let address = tcp.local_addr()?.to_string();
    Ok((ListenSocket::Tcp(tcp), address))
}

/// Has the kernel ask a silent client whether it is there. Where it cannot, the keep alive of MQTT does alone.
fn probe(tcp: &TcpStream, TcpKeepalive { idle, interval, probes }: TcpKeepalive) {
    let wanted = socket2::TcpKeepalive::new().with_time(idle).with_interval(interval);
    let _ = SockRef::from(tcp).set_tcp_keepalive(&wanted.with_retries(probes));
}
