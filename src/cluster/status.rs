//! What `cluster status` shows: the members as this node sees them.

use super::{
    Cluster, NodeName,
    autoheal::HealStatus,
    member::{Guid, MemberStatus, NodeId, Reach},
    refusals::Refusal,
};
use crate::{sort, time::Time};

/// One member.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MemberLine {
    /// Its name.
    pub name: NodeName,
    /// Its identity.
    pub node_id: NodeId,
    /// Its status.
    pub status: MemberStatus,
    /// Number of its process life.
    pub incarnation: u64,
    /// Its age.
    pub guid: Guid,
    /// Its release.
    pub version: String,
    /// Address of the link to it.
    pub addr: Option<std::net::SocketAddr>,
    /// Where it listens for other nodes, as it says itself.
    pub listens: Vec<std::net::SocketAddr>,
    /// Round-trip time of its heartbeats, in microseconds.
    pub rtt_us: Option<u64>,
    /// Its heartbeats come over UDP.
    pub udp: bool,
    /// It says that it makes no progress.
    pub stalled: bool,
    /// Since when the status is so.
    pub since: Time,
    /// Index in the route table; none for this node and for who is out.
    pub index: Option<u16>,
    /// Whom it said that it reaches; `None` if nothing has come from it yet.
    pub reaches: Option<Vec<String>>,
    /// It is the oldest in reach.
    pub leader: bool,
}

/// The cluster as this node sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClusterStatus {
    /// `cluster.name`.
    pub cluster: String,
    /// This node.
    pub node: NodeName,
    /// The members, this node among them, by name. Who is out is listed as long as its record is kept.
    pub members: Vec<MemberLine>,
    /// This node left the cluster and stays alone.
    pub left: bool,
    /// Why the mesh is closed, if it is.
    pub refused: Option<String>,
    /// Links that one end did not want, the latest first.
    pub refusals: Vec<Refusal>,
    /// Routes of this node.
    pub routes: usize,
    /// Copies of routes that were found wrong and made anew; must stay 0.
    pub repaired: u64,
    /// Partitions: what is open, and what was healed.
    pub heal: HealStatus<String>,
    /// Datagrams to the mesh port that were no heartbeat of a linked node.
    pub heartbeats_dropped: u64,
    /// Claims on clients that this node keeps.
    pub claims: u64,
    /// Wills that this node keeps for others.
    pub wills: u64,
}

impl ClusterStatus {
    /// The members that are up, this node included.
    pub fn up(&self) -> impl Iterator<Item = &MemberLine> {
        self.members.iter().filter(|member| member.status == MemberStatus::Up)
    }
}

impl Cluster {
    /// The cluster as this node sees it.
    #[must_use]
    pub fn status(&self) -> ClusterStatus {
        let leader = self.members.leader(self.me.guid);
        let own = MemberLine {
            name: self.me.name.clone(),
            node_id: self.me.node_id,
            status: MemberStatus::Up,
            incarnation: self.me.incarnation,
            guid: self.me.guid,
            version: self.me.version.clone(),
            addr: None,
            listens: self.me.addrs.clone(),
            rtt_us: None,
            udp: false,
            stalled: false,
            since: self.started,
            index: None,
            reaches: None,
            leader: leader == self.me.node_id,
        };
        let others = self.members.iter().map(|member| MemberLine {
            name: member.record.name.clone(),
            node_id: member.record.node_id,
            status: member.status(),
            incarnation: member.record.incarnation,
            guid: member.record.guid,
            version: member.record.version.clone(),
            addr: (member.reach != Reach::Down)
                .then(|| self.peers.get(&member.record.node_id).map(|peer| peer.addr))
                .flatten(),
            listens: member.record.addrs.clone(),
            rtt_us: None,
            udp: false,
            stalled: false,
            since: member.since,
            index: member.index,
            reaches: self.reaches(member.record.node_id),
            leader: leader == member.record.node_id,
        });
        let mut members: Vec<_> = [own].into_iter().chain(others).collect();
        sort::sort_by(&mut members, |a, b| (&a.name, a.node_id).cmp(&(&b.name, b.node_id)));
        ClusterStatus {
            cluster: self.settings.name.clone(),
            node: self.me.name.clone(),
            members,
            left: self.left,
            refused: None,
            refusals: Vec::new(),
            routes: self.own.len(),
            repaired: self.repaired,
            heal: self.heal_status(),
            heartbeats_dropped: 0,
            claims: self.directory.len() as u64,
            wills: self.wills.len() as u64,
        }
    }
}
