//! Data connections: which peers have them, and dialling them until they are there.
//!
//! The end that dialled the control connection dials the data connections too. They run on the main runtime, beside the
//! connections whose messages they carry; they end when the member is down and come back with it.

use std::{collections::BTreeMap, net::SocketAddr, sync::Arc, time::Duration};

use tokio::{
    runtime::Handle,
    sync::Notify,
    task::{AbortHandle, JoinHandle},
};

use crate::{
    broker::stats::Stats,
    cluster::{
        NodeId, NodeName, PeerIdentity, PeerUp,
        handshake::LinkKind,
        stream::{RecvStream, SendStream},
        wire::Received,
    },
    net::supervise,
    node::{
        dial::{Local, Proven},
        link::{self, Deliver, Peer, Peers},
    },
};

/// Time between two attempts.
const RETRY: Duration = Duration::from_millis(250);
/// A connection that was told to end has done so within this time.
const END: Duration = Duration::from_secs(1);

/// What data connections need of the node.
pub(super) struct DataParts {
    pub(super) peers: Arc<Peers>,
    pub(super) deliver: Arc<dyn Deliver>,
    pub(super) main: Handle,
    pub(super) local: Option<Arc<Local>>,
    pub(super) streams: u8,
    pub(super) keep_bytes: usize,
    pub(super) stats: Arc<Stats>,
}

/// The streams of a node, and of its messages those that found no member here: stream, number, groups.
type Streams = (Vec<(SendStream, RecvStream)>, Vec<(u8, u64, u64)>);

struct Data {
    peer: Arc<Peer>,
    incarnation: u64,
    tasks: Vec<AbortHandle>,
}

impl Drop for Data {
    fn drop(&mut self) {
        self.tasks.drain(..).for_each(|task| task.abort());
    }
}

/// The data connections of all peers.
pub(super) struct DataLinks {
    parts: DataParts,
    by_node: BTreeMap<u16, Data>,
    /// The last life of a node that was given up. It may have lived on beyond a cut, and then its messages are numbered as before: none
    /// comes twice, and none is taken for one that came.
    given_up: BTreeMap<u16, (u64, Arc<Peer>)>,
    /// How many streams a node asked for.
    streams: BTreeMap<NodeId, u8>,
}

impl DataLinks {
    pub(super) fn new(parts: DataParts) -> Self {
        Self {
            parts,
            by_node: BTreeMap::new(),
            given_up: BTreeMap::new(),
            streams: BTreeMap::new(),
        }
    }

    /// There are keys for them.
    pub(super) fn unlock(&mut self, local: Option<Arc<Local>>) {
        self.parts.local = local;
    }

    /// All clients of this node go.
    pub(super) fn restart_clients(&self) {
        self.parts.deliver.restart_clients();
    }

    /// A node told how many streams it wants; the smaller wish counts.
    pub(super) fn note_streams(&mut self, node: NodeId, streams: u8) {
        self.streams.insert(node, streams);
    }

    /// The peer with this index, made anew for each process life.
    fn peer(&mut self, node: u16, who: &PeerIdentity) -> Arc<Peer> {
        if let Some(data) = self.by_node.get(&node)
            && data.incarnation == who.incarnation
        {
            return data.peer.clone();
        }
        self.on_down(node);
        let peer = self.back(node, who).unwrap_or_else(|| self.make(who));
        self.parts.peers.set(node, peer.clone());
        let data = Data { peer: peer.clone(), incarnation: who.incarnation, tasks: Vec::new() };
        if let Some(old) = self.by_node.insert(node, data) {
            self.end(&old);
        }
        peer
    }

    /// A life that was given up and is there after all.
    fn back(&mut self, node: u16, who: &PeerIdentity) -> Option<Arc<Peer>> {
        let (incarnation, peer) = self.given_up.remove(&node)?;
        (incarnation == who.incarnation && *peer.name() == who.name).then_some(peer)
    }

    fn make(&self, who: &PeerIdentity) -> Arc<Peer> {
        let wish = self.streams.get(&who.node_id).copied().unwrap_or(self.parts.streams);
        let streams = wish.min(self.parts.streams).max(1);
        let own = self.parts.local.as_ref().map_or(0, |local| local.incarnation);
        Peer::new(
            who.name.clone(),
            (streams, self.parts.keep_bytes),
            own,
            who.incarnation,
            &self.parts.stats,
        )
    }

    /// A process life is over: what was kept for it goes to others that it was for too.
    fn end(&self, data: &Data) {
        let left = data.peer.gone();
        let task = link::give_back(data.peer.clone(), left, self.parts.deliver.clone());
        supervise::spawn_on(&self.parts.main, "kept messages", task);
    }

    /// The peer with this index, if it has been up.
    pub(super) fn find(&self, node: u16) -> Option<Arc<Peer>> {
        self.by_node.get(&node).map(|data| data.peer.clone())
    }

    /// What is here of the messages of a stream.
    pub(super) fn received(&mut self, node: u16, who: &PeerIdentity, stream: u8) -> Received {
        self.peer(node, who).received(stream)
    }

    pub(super) fn on_up(&mut self, up: &PeerUp) {
        let peer = self.peer(up.node, &up.peer);
        peer.set_avoided(false);
        peer.set_up(true);
        let Some(local) = self.parts.local.clone().filter(|_| up.dialed) else { return };
        let streams = u8::try_from(peer.streams().len()).unwrap_or(u8::MAX);
        for stream in 0..streams {
            let dial = DataDial {
                local: local.clone(),
                peer: peer.clone(),
                name: up.peer.name.clone(),
                addr: up.addr,
                stream,
                deliver: self.parts.deliver.clone(),
                main: self.parts.main.clone(),
            };
            let task = supervise::spawn("data link", dial.run());
            self.keep(up.node, task.abort_handle());
        }
    }

    pub(super) fn on_accepted(
        &mut self,
        node: u16,
        who: &PeerIdentity,
        stream: u8,
        proven: Proven,
    ) {
        let peer = self.peer(node, who);
        let deliver = self.parts.deliver.clone();
        if let Some(task) = carry(&self.parts.main, proven, stream, peer, deliver) {
            self.keep(node, task.abort_handle());
        }
    }

    fn keep(&mut self, node: u16, task: AbortHandle) {
        if let Some(data) = self.by_node.get_mut(&node) {
            data.tasks.retain(|task| !task.is_finished());
            data.tasks.push(task);
        }
    }

    /// The member is down: what it has not acknowledged stays.
    pub(super) fn on_down(&mut self, node: u16) {
        if let Some(data) = self.by_node.get_mut(&node) {
            data.peer.set_up(false);
            data.tasks.drain(..).for_each(|task| task.abort());
        }
    }

    /// The member restarts: whoever waits for it goes on waiting, and what may go elsewhere does.
    pub(super) fn on_away(&mut self, node: u16) {
        if let Some(data) = self.by_node.get_mut(&node) {
            data.peer.set_avoided(true);
            data.tasks.drain(..).for_each(|task| task.abort());
        }
    }

    /// Ends all connections, and returns when none hands anything on any more.
    pub(super) async fn rest(&mut self) {
        for data in self.by_node.values_mut() {
            data.tasks.drain(..).for_each(|task| task.abort());
        }
        for data in self.by_node.values() {
            if tokio::time::timeout(END, data.peer.rest()).await.is_err() {
                tracing::error!(node = %data.peer.name(), "data connection does not come to rest");
            }
        }
    }

    /// The streams of the member in this process life, for the next process, and what it has not heard of its messages.
    pub(super) fn take_streams(&self, node: u16, life: u64) -> Streams {
        let data = self.by_node.get(&node).filter(|data| data.incarnation == life);
        data.map(|data| (data.peer.take_streams(), data.peer.take_nacks())).unwrap_or_default()
    }

    /// The streams of a member, as the process before left them.
    pub(super) fn go_on(
        &mut self,
        node: u16,
        (name, incarnation): (NodeName, u64),
        (streams, nacks): Streams,
        up: bool,
    ) {
        let own = self.parts.local.as_ref().map_or(0, |local| local.incarnation);
        let keep = self.parts.keep_bytes;
        let peer = Peer::going_on((name, incarnation), (own, keep), streams, &self.parts.stats);
        peer.put_nacks(nacks);
        peer.set_avoided(true);
        peer.set_up(up);
        self.parts.peers.set(node, peer.clone());
        self.by_node.insert(node, Data { peer, incarnation, tasks: Vec::new() });
    }

    /// The process life of the member is over, or it is no member.
    pub(super) fn on_gone(&mut self, node: u16) {
        self.on_down(node);
        if let Some(data) = self.by_node.remove(&node) {
            self.parts.peers.remove(node);
            self.end(&data);
            self.given_up.insert(node, (data.incarnation, data.peer.clone()));
        }
    }
}

/// Dials one data connection again and again.
struct DataDial {
    local: Arc<Local>,
    peer: Arc<Peer>,
    name: NodeName,
    addr: SocketAddr,
    stream: u8,
    deliver: Arc<dyn Deliver>,
    main: Handle,
}

impl DataDial {
    async fn run(self) {
        // The way is open: the control connection has just come over it.
        let never = Notify::new();
        loop {
            let kind = LinkKind::Data { stream: self.stream };
            let received = self.peer.received(self.stream);
            match self.local.dial(self.addr, (kind, received), self.name.clone(), &never).await {
                Ok(proven) => {
                    let (stream, deliver) = (self.stream, self.deliver.clone());
                    let peer = self.peer.clone();
                    if let Some(task) = carry(&self.main, proven, stream, peer, deliver) {
                        let _ = AbortOnDrop(task).wait().await;
                    }
                }
                Err(error) => {
                    let (node, stream) = (&self.name, self.stream);
                    tracing::debug!(%node, stream, %error, "no data connection");
                }
            }
            tokio::time::sleep(RETRY).await;
        }
    }
}

/// A task that ends with its owner.
struct AbortOnDrop(JoinHandle<()>);

impl AbortOnDrop {
    async fn wait(&mut self) -> Result<(), tokio::task::JoinError> {
        (&mut self.0).await
    }
}

impl Drop for AbortOnDrop {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// Hands a connection over to the main runtime, where it carries a stream.
fn carry(
    main: &Handle,
    proven: Proven,
    stream: u8,
    peer: Arc<Peer>,
    deliver: Arc<dyn Deliver>,
) -> Option<JoinHandle<()>> {
    let Proven { socket, established, leftover, .. } = proven;
    let parked = socket.park().ok()?;
    Some(supervise::spawn_on(main, "data connection", async move {
        match parked.resume() {
            Ok(socket) => {
                link::run_data(socket, established, leftover, peer, stream, deliver).await;
            }
            Err(error) => tracing::warn!(%error, "data connection"),
        }
    }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        cluster::{Guid, wire::Envelope},
        node::link::{Handed, Outgoing},
    };

    struct Nobody;

    impl Deliver for Nobody {
        fn deliver(&self, _origin: u64, _envelope: &Envelope<'_>) -> Handed {
            Handed::default()
        }
        fn end_of_batch(&self) {}
    }

    fn push(peer: &Arc<Peer>, qos: u8) -> u64 {
        let message = Outgoing {
            number: 1,
            flags: crate::cluster::wire::Flags { qos, ..Default::default() },
            expiry: None,
            targets: crate::cluster::wire::Targets::PLAIN,
            topic: "t",
            properties: &[],
            payload: b"x",
            patient: true,
        };
        peer.streams()[0].push(&message).seq
    }

    /// A cut outlasts `cluster.forward.keep_time` at one end or both.
    #[tokio::test]
    async fn a_life_that_was_given_up_and_comes_back_is_numbered_on() {
        let mut links = DataLinks::new(DataParts {
            peers: Arc::default(),
            deliver: Arc::new(Nobody),
            main: Handle::current(),
            local: None,
            streams: 1,
            keep_bytes: 1 << 20,
            stats: Arc::new(Stats::new(1)),
        });
        let node_id = NodeId([2; 16]);
        let name = NodeName::parse("b@h").unwrap();
        let guid = Guid { started: 1, node: node_id };
        let who = PeerIdentity { name: name.clone(), node_id, incarnation: 7, guid };
        let mut inward = RecvStream::default();
        inward.on_base(7, 40);
        let streams = vec![(SendStream::new(0, 0), inward)];
        links.go_on(0, (name, 7), (streams, Vec::new()), true);
        let peer = links.find(0).unwrap();
        assert_eq!([push(&peer, 1), push(&peer, 1)], [1, 2]);
        links.on_gone(0);
        assert!(links.find(0).is_none() && links.parts.peers.get(0).is_none());
        assert_eq!(links.received(0, &who, 0).seq, 40, "what came once is known");
        let peer = links.find(0).unwrap();
        assert_eq!((push(&peer, 1), peer.counters().kept_bytes > 0), (3, true));
        // Another life has numbers of its own.
        links.on_gone(0);
        let who = PeerIdentity { incarnation: 8, ..who };
        assert_eq!(links.received(0, &who, 0).seq, 0);
        assert_eq!(push(&links.find(0).unwrap(), 1), 1);
    }
}
