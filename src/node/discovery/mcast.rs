//! Discovery `mcast`: the sockets, interfaces and moments of [`Prober`], which decides.
//!
//! Two sockets for each interface and address family: one hears the group there, one sends and hears answers. Interfaces are
//! listed every 5 s, and at once when the kernel says that something changed.

use std::{
    collections::{BTreeMap, BTreeSet},
    future::poll_fn,
    io,
    net::{IpAddr, SocketAddr},
    sync::{Arc, Mutex},
    task::{Context, Poll},
    time::Duration,
};

use socket2::SockRef;
use tokio::{
    io::ReadBuf,
    net::UdpSocket,
    sync::{mpsc::Sender, watch},
};

use super::super::locks;
use crate::{
    cluster::{
        NodeName, Target,
        beacon::MAX,
        probing::{Act, Arrival, Network, Prober, Setup, Way},
        settings::Mcast,
    },
    net::{
        clock::Clock,
        interfaces::{self, Bell, Interface},
        multicast::{self, Options},
    },
};

const LIST_EVERY: Duration = Duration::from_secs(5);
/// After this many datagrams at once the next look waits, so that a flood costs few wake-ups; what the kernel has no room for
/// meanwhile is lost, as it would be later.
const FLOOD: usize = 16;
const FLOOD_WAIT: Duration = Duration::from_millis(10);
/// Datagrams taken of one socket before others get their turn.
const TAKE: usize = 128;
/// After the kernel rang, more of the same usually follows.
const BELL_WAIT: Duration = Duration::from_millis(200);

/// Whom this node is linked with, for discovery.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Links {
    /// Linked nodes.
    pub(crate) linked: BTreeSet<NodeName>,
    /// There is another member and none is missing.
    pub(crate) whole: bool,
    /// Members, this node included.
    pub(crate) members: u32,
}

/// What discovery by multicast needs of the mesh.
pub(crate) struct Parts {
    pub(crate) settings: Mcast,
    pub(crate) setup: Setup,
    /// This node is reached on the loopback alone.
    pub(crate) loopback: bool,
    /// Its sender is dropped when the node stops.
    pub(crate) links: watch::Receiver<Links>,
    pub(crate) found: Sender<Target>,
    pub(crate) clock: Clock,
}

/// What an operator may look at while it runs.
#[derive(Clone, Debug)]
pub(crate) struct View(Arc<Mutex<Prober>>);

impl View {
    /// Looks at it.
    pub(crate) fn with<T>(&self, look: impl FnOnce(&Prober) -> T) -> T {
        look(&locks::lock(&self.0))
    }
}

/// The sockets of one way to the group.
struct Sockets {
    group: UdpSocket,
    own: UdpSocket,
}

struct Mcasting {
    settings: Mcast,
    loopback: bool,
    clock: Clock,
    prober: Arc<Mutex<Prober>>,
    sockets: BTreeMap<Way, Sockets>,
    found: Sender<Target>,
    /// Ways that could not be opened, and that it was said.
    failed: BTreeSet<Way>,
    /// The interfaces could not be listed, and it was said.
    unlisted: bool,
    buffer: Box<[u8; MAX + 1]>,
}

/// Looks for nodes until the mesh ends. The view is there at once.
pub(crate) fn start(parts: Parts) -> (View, impl Future<Output = ()> + Send + 'static) {
    let Parts { settings, setup, loopback, links, found, clock } = parts;
    let prober = Arc::new(Mutex::new(Prober::new(setup, clock.now())));
    let mcasting = Mcasting {
        settings,
        loopback,
        clock,
        prober: prober.clone(),
        sockets: BTreeMap::new(),
        found,
        failed: BTreeSet::new(),
        unlisted: false,
        buffer: Box::new([0; MAX + 1]),
    };
    (View(prober), mcasting.run(links))
}

impl Mcasting {
    async fn run(mut self, mut links: watch::Receiver<Links>) {
        let bell = Bell::new()
            .inspect_err(|error| tracing::debug!(%error, "changes of interfaces are seen late"))
            .ok();
        let mut list_at = self.clock.now();
        let mut listen_from = self.clock.now();
        loop {
            let now = self.clock.now();
            if list_at <= now {
                self.look_at_interfaces();
                list_at = now + LIST_EVERY;
            }
            if locks::lock(&self.prober).deadline() <= now {
                self.on_deadline();
            }
            let next = locks::lock(&self.prober).deadline().min(list_at);
            let timer = self.clock.instant(next);
            let (pause, ring) = (self.clock.instant(listen_from), ring(bell.as_ref()));
            tokio::select! {
                changed = links.changed() => {
                    if changed.is_err() {
                        return self.say_goodbye();
                    }
                    let Links { linked, whole, members } = links.borrow_and_update().clone();
                    let now = self.clock.now();
                    locks::lock(&self.prober).on_links(linked, whole, members, now);
                }
                () = tokio::time::sleep_until(timer) => {}
                () = ring => list_at = list_at.min(self.clock.now() + BELL_WAIT),
                count = self.hear(pause) => {
                    if count >= FLOOD {
                        listen_from = self.clock.now() + FLOOD_WAIT;
                    }
                }
            }
        }
    }

    fn on_deadline(&mut self) {
        let mut out = Vec::new();
        locks::lock(&self.prober).on_deadline(nonce(), self.clock.now(), &mut out);
        self.perform(out);
    }

    fn say_goodbye(&mut self) {
        let mut out = Vec::new();
        locks::lock(&self.prober).on_shutdown(&mut out);
        self.perform(out);
    }

    fn perform(&mut self, acts: Vec<Act>) {
        for act in acts {
            match act {
                Act::Send { way, to, bytes } => {
                    let Some(sockets) = self.sockets.get(&way) else { continue };
                    // Past the runtime, which takes a socket for busy until it has been told otherwise.
                    let to = scoped(to, way.index);
                    let own = SockRef::from(&sockets.own);
                    if let Err(error) = own.send_to(&bytes, &to.into()) {
                        tracing::debug!(%to, interface = way.index, %error, "discovery");
                    }
                }
                // As good as lost if there is no room: the node is heard again.
                Act::Found(target) => drop(self.found.try_send(target)),
                Act::SameName(addr) => tracing::error!(name: "same-name",
                    %addr,
                    "another node has the name of this one; change node.name on one of them"
                ),
                Act::Newer(addr) => {
                    tracing::info!(%addr, "a node of a later release is heard and not understood");
                }
            }
        }
    }

    /// Takes what has come in, from `pause` on. Returns how many datagrams that were, at least one.
    async fn hear(&mut self, pause: tokio::time::Instant) -> usize {
        tokio::time::sleep_until(pause).await;
        let (count, acts) = poll_fn(|cx| {
            let mut acts = Vec::new();
            match self.take(cx, &mut acts) {
                0 => Poll::Pending,
                count => Poll::Ready((count, acts)),
            }
        })
        .await;
        self.perform(acts);
        count
    }

    fn take(&mut self, cx: &mut Context<'_>, acts: &mut Vec<Act>) -> usize {
        let (now, mut count) = (self.clock.now(), 0);
        for (way, Sockets { group, own }) in &self.sockets {
            for (socket, by_group) in [(group, true), (own, false)] {
                let until = count + TAKE;
                while count < until {
                    let mut buffer = ReadBuf::new(&mut *self.buffer);
                    let from = match socket.poll_recv_from(cx, &mut buffer) {
                        Poll::Ready(Ok(from)) => from,
                        // An ICMP error of something sent before: nothing was read.
                        Poll::Ready(Err(_)) => {
                            count += 1;
                            continue;
                        }
                        Poll::Pending => break,
                    };
                    count += 1;
                    let arrival = Arrival { way: *way, group: by_group, from, now };
                    locks::lock(&self.prober).on_datagram(arrival, buffer.filled(), acts);
                }
            }
        }
        count
    }

    /// Opens sockets where networks came, closes them where they went.
    fn look_at_interfaces(&mut self) {
        let all = match interfaces::list() {
            Ok(all) => {
                self.unlisted = false;
                all
            }
            Err(error) if std::mem::replace(&mut self.unlisted, true) => {
                tracing::debug!(%error, "interfaces cannot be listed still");
                return;
            }
            Err(error) => {
                tracing::warn!(%error, "interfaces cannot be listed; check RestrictAddressFamilies of the unit");
                return;
            }
        };
        let usable = |one: &Interface| is_wanted(one, &self.settings.interfaces, self.loopback);
        let has_group = |one: &Interface| match one.addr {
            IpAddr::V4(_) => self.settings.group4.is_some(),
            IpAddr::V6(_) => self.settings.group6.is_some(),
        };
        let wanted = all.iter().filter(|one| usable(one) && has_group(one));
        let networks: Vec<Network> = wanted.map(network).collect();
        let ways: BTreeSet<Way> = networks.iter().map(Network::way).collect();
        // Where an address has moved, what is bound to it is of no use.
        let of = |networks: &[Network], way: &Way| -> BTreeSet<Network> {
            networks.iter().filter(|net| net.way() == *way).cloned().collect()
        };
        let before = locks::lock(&self.prober).networks().to_vec();
        self.sockets.retain(|way, _| of(&before, way) == of(&networks, way));
        self.failed.retain(|way| ways.contains(way));
        locks::lock(&self.prober).on_networks(networks.clone(), self.clock.now());
        let mut opened = Vec::new();
        for way in ways {
            if self.sockets.contains_key(&way) {
                continue;
            }
            let here: Vec<&Network> = networks.iter().filter(|net| net.way() == way).collect();
            let name = here.first().map(|net| net.name.clone()).unwrap_or_default();
            match self.open(way, &here) {
                Ok(sockets) => {
                    self.failed.remove(&way);
                    self.sockets.insert(way, sockets);
                    opened.push(name);
                }
                Err(error) if self.failed.insert(way) => {
                    tracing::warn!(interface = name, %error, "no discovery on this interface yet");
                }
                Err(_) => {}
            }
        }
        if !opened.is_empty() {
            locks::lock(&self.prober).on_way_opened(self.clock.now());
            opened.dedup();
            tracing::info!(interfaces = opened.join(","), "looking for nodes by multicast");
        }
    }

    fn open(&self, way: Way, networks: &[&Network]) -> io::Result<Sockets> {
        let group = if way.v6 {
            self.settings.group6.map(IpAddr::V6)
        } else {
            self.settings.group4.map(IpAddr::V4)
        };
        // Link-local addresses are there first and stay.
        let local =
            |net: &&&Network| matches!(net.addr, IpAddr::V6(v6) if v6.is_unicast_link_local());
        let own = networks.iter().find(local).or(networks.first()).map(|net| net.addr);
        let port = self.settings.ports.first().copied();
        let (Some(group), Some(own), Some(port)) = (group, own, port) else {
            return Err(io::ErrorKind::AddrNotAvailable.into());
        };
        let options = Options {
            ttl: self.settings.ttl,
            looped: self.settings.looped,
            receive: self.settings.recbuf,
            send: self.settings.sndbuf,
        };
        let own = scoped(SocketAddr::new(own, port), way.index);
        Ok(Sockets {
            group: multicast::group_socket(SocketAddr::new(group, port), way.index, options)?,
            own: multicast::own_socket(own, way.index, options)?,
        })
    }
}

/// A link-local address, or a group, with its interface.
fn scoped(mut addr: SocketAddr, index: u32) -> SocketAddr {
    if let SocketAddr::V6(v6) = &mut addr
        && (v6.ip().is_unicast_link_local() || v6.ip().is_multicast())
    {
        v6.set_scope_id(index);
    }
    addr
}

fn network(one: &Interface) -> Network {
    let Interface { name, index, addr, prefix, .. } = one.clone();
    Network { index, name, addr, prefix }
}

/// Whether discovery uses an interface: named by the operator, or fit for it by itself.
fn is_wanted(one: &Interface, named: &[String], loopback: bool) -> bool {
    if loopback {
        return one.loopback;
    }
    if named.is_empty() {
        return one.multicast && !one.loopback;
    }
    let same = |name: &String| {
        *name == one.name || name.parse::<IpAddr>().is_ok_and(|addr| addr == one.addr)
    };
    named.iter().any(same)
}

async fn ring(bell: Option<&Bell>) {
    if let Some(bell) = bell
        && bell.rung().await.is_ok()
    {
        return;
    }
    std::future::pending().await
}

fn nonce() -> [u8; 16] {
    use ring::rand::SecureRandom;
    let mut nonce = [0; 16];
    // Without chance an answer could be replayed for ten seconds: a dial in vain.
    let _ = ring::rand::SystemRandom::new().fill(&mut nonce);
    nonce
}

#[cfg(test)]
mod tests {
    use super::*;

    fn interface(name: &str, addr: &str, multicast: bool) -> Interface {
        let addr: IpAddr = addr.parse().unwrap();
        Interface {
            name: name.to_owned(),
            index: 1,
            addr,
            prefix: 24,
            loopback: addr.is_loopback(),
            multicast,
        }
    }

    #[test]
    fn interfaces_are_chosen() {
        let (eth, tun) =
            (interface("eth0", "10.0.0.1", true), interface("tun0", "10.9.0.1", false));
        let lo = interface("lo", "127.0.0.1", false);
        let all = [&eth, &tun, &lo];
        let chosen = |named: &[&str], loopback| -> Vec<&str> {
            let named: Vec<String> = named.iter().map(|one| (*one).to_owned()).collect();
            let wanted = all.iter().filter(|one| is_wanted(one, &named, loopback));
            wanted.map(|one| one.name.as_str()).collect()
        };
        assert_eq!(chosen(&[], false), ["eth0"]);
        assert_eq!(chosen(&["10.9.0.1", "lo"], false), ["tun0", "lo"]);
        assert_eq!(chosen(&["eth0"], false), ["eth0"]);
        assert_eq!(chosen(&["eth9"], false), [""; 0]);
        assert_eq!(chosen(&[], true), ["lo"]);
    }
}
