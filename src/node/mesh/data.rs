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
        mesh::random,
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
    /// How many streams a node asked for.
    streams: BTreeMap<NodeId, u8>,
}

impl DataLinks {
    pub(super) fn new(parts: DataParts) -> Self {
        Self { parts, by_node: BTreeMap::new(), streams: BTreeMap::new() }
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
        let peer = self.make(who);
        self.parts.peers.set(node, peer.clone());
        let data = Data { peer: peer.clone(), incarnation: who.incarnation, tasks: Vec::new() };
        if let Some(old) = self.by_node.insert(node, data) {
            self.end(&old);
        }
        peer
    }

    /// Its numbers begin anew under a name of their own: a cut that outlasts `cluster.forward.keep_time` or autoclean may end what one
    /// end knows of the other and not the reverse, and numbers of before must not be taken for these.
    fn make(&self, who: &PeerIdentity) -> Arc<Peer> {
        let wish = self.streams.get(&who.node_id).copied().unwrap_or(self.parts.streams);
        let streams = wish.min(self.parts.streams).max(1);
        Peer::new(
            who.name.clone(),
            (streams, self.parts.keep_bytes),
            numbering(),
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
        let own = streams.first().map_or_else(numbering, |(out, _)| out.incarnation());
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
        }
    }
}

/// What the messages of a stream are numbered under; never 0, which says that nothing came yet.
fn numbering() -> u64 {
    u64::from_le_bytes(random()) >> 2 | 1
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
        cluster::{
            Guid,
            wire::{self, Envelope, Frame},
        },
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
            flags: wire::Flags { qos, ..Default::default() },
            expiry: None,
            targets: wire::Targets::PLAIN,
            topic: "t",
            properties: &[],
            payload: b"x",
            patient: true,
        };
        peer.streams()[0].push(&message).seq
    }

    fn links() -> DataLinks {
        DataLinks::new(DataParts {
            peers: Arc::default(),
            deliver: Arc::new(Nobody),
            main: Handle::current(),
            local: None,
            streams: 1,
            keep_bytes: 1 << 20,
            stats: Arc::new(Stats::new(1)),
        })
    }

    fn who(id: u8, incarnation: u64) -> PeerIdentity {
        let node_id = NodeId([id; 16]);
        let name = NodeName::parse("b@h").unwrap();
        PeerIdentity { name, node_id, incarnation, guid: Guid { started: 1, node: node_id } }
    }

    /// Hands what `from` sends over a new connection to `to`. How many messages were new there.
    fn carry_over(from: &Arc<Peer>, to: &mut RecvStream) -> usize {
        let (mut stream, _) = from.take_streams().remove(0);
        let epoch = stream.attach(9, to.received(0));
        let (mut bytes, mut news) = (Vec::new(), 0);
        stream.take(epoch, &mut bytes);
        let mut rest = bytes.as_slice();
        while let Some((header, body, used)) = wire::split(rest).unwrap() {
            if header.kind == wire::Kind::FWD {
                let seq = Envelope::decode(body).unwrap().seq;
                news += usize::from(to.on_message(seq).unwrap());
            } else if let Some(Frame::FwdBase { incarnation, seq }) =
                Frame::decode(header.kind, body).unwrap()
            {
                to.on_base(incarnation, seq);
            }
            rest = &rest[used..];
        }
        assert_eq!(stream.incarnation(), to.received(0).incarnation);
        news
    }

    /// A cut outlasts `cluster.forward.keep_time` or autoclean at one end, and the other remembers.
    #[tokio::test]
    async fn nothing_is_taken_for_what_came_before_a_life_was_given_up() {
        let mut links = links();
        let mut there = RecvStream::default();
        for index in [0, 0, 5] {
            links.received(index, &who(2, 7), 0);
            let peer = links.find(index).unwrap();
            for _ in 0..3 {
                push(&peer, 1);
            }
            assert_eq!(carry_over(&peer, &mut there), 3);
            links.on_gone(index);
            assert!(links.find(index).is_none() && links.parts.peers.get(index).is_none());
        }
    }

    #[tokio::test]
    async fn another_process_numbers_on_under_the_same_name() {
        let mut links = links();
        let mut out = SendStream::new(numbering(), 0);
        let name = out.incarnation();
        out.set_keep_max(1 << 20);
        let streams = vec![(out, RecvStream::default())];
        links.go_on(0, (who(2, 7).name, 7), (streams, Vec::new()), true);
        let peer = links.find(0).unwrap();
        push(&peer, 1);
        let mut there = RecvStream::default();
        assert_eq!(carry_over(&peer, &mut there), 1);
        assert_eq!(there.received(0).incarnation, name);
    }
}
