//! Frames 70 to 76: the ceremony after a partition (`cluster/autoheal.rs`).

use super::{Kind, Reader, WireError, guid, node_id, put_guid, put_v};
use crate::cluster::member::{Guid, NodeId};

/// Names a heal: the node that leads it, and its count there.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct HealId {
    /// Who leads it, in which process life.
    pub leader: Guid,
    /// Counts the heals of that process.
    pub number: u64,
}

/// What nodes say to each other while they heal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum HealFrame {
    /// To the leader: a partition was here.
    Report {
        /// Number of the sender's split record.
        number: u64,
        /// Whom it had lost.
        lost: Vec<NodeId>,
    },
    /// From the leader: what did you see?
    ViewReq(HealId),
    /// To the leader: the nodes that the sender could reach, itself among them.
    ViewRep {
        /// Which heal.
        id: HealId,
        /// Number of the sender's split record; 0 if it has none.
        number: u64,
        /// Whom it could reach.
        set: Vec<NodeId>,
    },
    /// From the leader to the coordinator: what is to be done.
    Plan {
        /// Which heal.
        id: HealId,
        /// Nodes outside of the surviving part.
        rejoin: Vec<NodeId>,
        /// The parts, the surviving one first.
        parts: Vec<Vec<NodeId>>,
    },
    /// From the coordinator: join anew.
    Rejoin(HealId),
    /// To the coordinator: done.
    RejoinOk(HealId),
    /// From the coordinator: the partition is over.
    Done {
        /// Which heal.
        id: HealId,
        /// Who joined anew.
        rejoined: Vec<NodeId>,
        /// The parts, the surviving one first.
        parts: Vec<Vec<NodeId>>,
    },
}

impl HealFrame {
    pub(super) const fn kind(&self) -> Kind {
        match self {
            Self::Report { .. } => Kind::REPORT,
            Self::ViewReq(_) => Kind::VIEW_REQ,
            Self::ViewRep { .. } => Kind::VIEW_REP,
            Self::Plan { .. } => Kind::HEAL,
            Self::Rejoin(_) => Kind::REJOIN,
            Self::RejoinOk(_) => Kind::REJOIN_OK,
            Self::Done { .. } => Kind::HEAL_DONE,
        }
    }

    pub(super) fn put(&self, out: &mut Vec<u8>) {
        match self {
            Self::Report { number, lost } => {
                put_v(out, *number);
                put_set(out, lost);
            }
            Self::ViewReq(id) | Self::Rejoin(id) | Self::RejoinOk(id) => put_id(out, *id),
            Self::ViewRep { id, number, set } => {
                put_id(out, *id);
                put_v(out, *number);
                put_set(out, set);
            }
            Self::Plan { id, rejoin: nodes, parts } | Self::Done { id, rejoined: nodes, parts } => {
                put_id(out, *id);
                put_set(out, nodes);
                put_v(out, parts.len() as u64);
                parts.iter().for_each(|part| put_set(out, part));
            }
        }
    }

    /// `None`: the kind is none of a heal.
    pub(super) fn read(kind: Kind, from: &mut Reader<'_>) -> Result<Option<Self>, WireError> {
        Ok(Some(match kind {
            Kind::REPORT => Self::Report { number: from.v()?, lost: set(from)? },
            Kind::VIEW_REQ => Self::ViewReq(id(from)?),
            Kind::VIEW_REP => Self::ViewRep { id: id(from)?, number: from.v()?, set: set(from)? },
            Kind::HEAL => Self::Plan { id: id(from)?, rejoin: set(from)?, parts: sets(from)? },
            Kind::REJOIN => Self::Rejoin(id(from)?),
            Kind::REJOIN_OK => Self::RejoinOk(id(from)?),
            Kind::HEAL_DONE => {
                Self::Done { id: id(from)?, rejoined: set(from)?, parts: sets(from)? }
            }
            _ => return Ok(None),
        }))
    }
}

fn put_id(out: &mut Vec<u8>, id: HealId) {
    put_guid(out, id.leader);
    put_v(out, id.number);
}

fn id(from: &mut Reader<'_>) -> Result<HealId, WireError> {
    Ok(HealId { leader: guid(from)?, number: from.v()? })
}

fn put_set(out: &mut Vec<u8>, set: &[NodeId]) {
    put_v(out, set.len() as u64);
    set.iter().for_each(|node| out.extend_from_slice(&node.0));
}

fn set(from: &mut Reader<'_>) -> Result<Vec<NodeId>, WireError> {
    let count = from.count(16)?;
    (0..count).map(|_| node_id(from)).collect()
}

fn sets(from: &mut Reader<'_>) -> Result<Vec<Vec<NodeId>>, WireError> {
    let count = from.count(1)?;
    (0..count).map(|_| set(from)).collect()
}
