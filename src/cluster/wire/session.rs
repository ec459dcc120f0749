//! Frames 45, 46, 50 to 54 and 58 to 5B: who has the session of a client (`cluster/directory.rs`), and its way to another node
//! (`node/takeover.rs`).

use std::sync::Arc;

use super::{Kind, Reader, WireError, node_id, put_bytes, put_v};
use crate::cluster::{directory::Claim, member::NodeId};

/// Bytes of a session in one frame.
pub const CHUNK: usize = 128 << 10;

const REFRESH: u8 = 1;
const CLEAN: u8 = 2;

/// What nodes say about who has the session of a client.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ClaimFrame {
    /// To an owner: the session of this client is, or is about to be, at the claim's node.
    Claim {
        /// Whose.
        client: Arc<str>,
        /// Where, and how new that is.
        claim: Claim,
        /// Known from before; nobody waits for an answer.
        refresh: bool,
        /// What other nodes have of the client is to be thrown away.
        clean: bool,
    },
    /// From an owner: the claim holds; before it another node had the session.
    Ok {
        /// Whose.
        client: Arc<str>,
        /// The claim that is answered.
        claim: Claim,
        /// Who had it before.
        previous: Option<Claim>,
    },
    /// From an owner: there is a newer claim; claim again with a higher one.
    Low {
        /// Whose.
        client: Arc<str>,
        /// The claim that is answered.
        claim: Claim,
        /// Hybrid time of the newer one.
        seen: u64,
    },
    /// From an owner: another node has a newer claim.
    Kick {
        /// Whose.
        client: Arc<str>,
        /// The newer claim.
        winner: Claim,
        /// The session is to be thrown away.
        clean: bool,
    },
    /// To an owner: the session has ended.
    Unclaim {
        /// Whose.
        client: Arc<str>,
        /// The claim that ends.
        claim: Claim,
    },
}

/// Which part of a session is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// What it is: subscriptions, what is under way, the queue so far. From the first piece on it is frozen.
    State,
    /// What its queue has got since, after all nodes know of the new place.
    Rest,
}

/// A session on its way to another node. Every piece is asked for, so the node that gets it sets the pace.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TakeFrame {
    /// From the node that has it: this session is to be had here. `adopt`: even if the client is not at the other node.
    Offer {
        /// Whose.
        client: Arc<str>,
        /// The claim it stands under.
        claim: Claim,
        /// The node that has it is about to stop.
        adopt: bool,
    },
    /// To the node that has it: send piece `part` of this stage.
    Pull {
        /// Whose.
        client: Arc<str>,
        /// The claim of the node that asks.
        claim: Claim,
        /// Which part of the session.
        stage: Stage,
        /// Piece from 0.
        part: u64,
    },
    /// The piece asked for.
    Piece {
        /// Whose.
        client: Arc<str>,
        /// Which part of the session.
        stage: Stage,
        /// Piece from 0.
        part: u64,
        /// There are no more in this stage.
        last: bool,
        /// At most [`CHUNK`] bytes.
        bytes: Vec<u8>,
    },
    /// To the node that had it: all is here (or not wanted), forget it.
    Done {
        /// Whose.
        client: Arc<str>,
    },
    /// There is nothing to be had, or it is not wanted any more.
    Fail {
        /// Whose.
        client: Arc<str>,
        /// The node that has the session now.
        moved: Option<NodeId>,
    },
}

/// A mark in the messages between two nodes: "what you sent me before you read this is here". 45 asks how far the streams
/// have been filled, 46 answers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MarkFrame {
    /// How many numbered messages were sent on each stream so far?
    Ask {
        /// Comes back in the answer.
        mark: u64,
    },
    /// This many.
    Answer {
        /// As asked.
        mark: u64,
        /// Number of the last message of each stream, by the number of the stream.
        sent: Vec<u64>,
    },
}

impl ClaimFrame {
    pub(super) const fn kind(&self) -> Kind {
        match self {
            Self::Claim { .. } => Kind::CLAIM,
            Self::Ok { .. } => Kind::CLAIM_OK,
            Self::Low { .. } => Kind::CLAIM_LOW,
            Self::Kick { .. } => Kind::KICK,
            Self::Unclaim { .. } => Kind::UNCLAIM,
        }
    }

    pub(super) fn put(&self, out: &mut Vec<u8>) {
        match self {
            Self::Claim { client, claim, refresh, clean } => {
                put_client(out, client, *claim);
                out.push((u8::from(*refresh) * REFRESH) | (u8::from(*clean) * CLEAN));
            }
            Self::Ok { client, claim, previous } => {
                put_client(out, client, *claim);
                out.push(u8::from(previous.is_some()));
                previous.iter().for_each(|previous| put_claim(out, *previous));
            }
            Self::Low { client, claim, seen } => {
                put_client(out, client, *claim);
                out.extend_from_slice(&seen.to_be_bytes());
            }
            Self::Kick { client, winner, clean } => {
                put_client(out, client, *winner);
                out.push(u8::from(*clean) * CLEAN);
            }
            Self::Unclaim { client, claim } => put_client(out, client, *claim),
        }
    }

    /// `None`: the kind is none of a claim.
    pub(super) fn read(kind: Kind, from: &mut Reader<'_>) -> Result<Option<Self>, WireError> {
        Ok(Some(match kind {
            Kind::CLAIM => {
                let (client, claim, bits) = (client(from)?, claim(from)?, from.u8()?);
                let (refresh, clean) = (bits & REFRESH != 0, bits & CLEAN != 0);
                Self::Claim { client, claim, refresh, clean }
            }
            Kind::CLAIM_OK => {
                let (client, answered, some) = (client(from)?, claim(from)?, from.u8()? != 0);
                let previous = if some { Some(claim(from)?) } else { None };
                Self::Ok { client, claim: answered, previous }
            }
            Kind::CLAIM_LOW => {
                Self::Low { client: client(from)?, claim: claim(from)?, seen: from.u64()? }
            }
            Kind::KICK => {
                let (client, winner, bits) = (client(from)?, claim(from)?, from.u8()?);
                Self::Kick { client, winner, clean: bits & CLEAN != 0 }
            }
            Kind::UNCLAIM => Self::Unclaim { client: client(from)?, claim: claim(from)? },
            _ => return Ok(None),
        }))
    }
}

impl TakeFrame {
    /// Whose session it is about.
    #[must_use]
    pub const fn client(&self) -> &Arc<str> {
        match self {
            Self::Offer { client, .. }
            | Self::Pull { client, .. }
            | Self::Piece { client, .. }
            | Self::Done { client }
            | Self::Fail { client, .. } => client,
        }
    }

    pub(super) const fn kind(&self) -> Kind {
        match self {
            Self::Offer { .. } | Self::Pull { .. } => Kind::TAKE_BEGIN,
            Self::Piece { .. } => Kind::TAKE_STATE,
            Self::Done { .. } => Kind::TAKE_END,
            Self::Fail { .. } => Kind::TAKE_FAIL,
        }
    }

    pub(super) fn put(&self, out: &mut Vec<u8>) {
        match self {
            Self::Offer { client, claim, adopt } => {
                put_client(out, client, *claim);
                out.push(2 + u8::from(*adopt));
            }
            Self::Pull { client, claim, stage, part } => {
                put_client(out, client, *claim);
                out.push(stage.number());
                put_v(out, *part);
            }
            Self::Piece { client, stage, part, last, bytes } => {
                put_bytes(out, client.as_bytes());
                out.extend_from_slice(&[stage.number(), u8::from(*last)]);
                put_v(out, *part);
                put_bytes(out, bytes);
            }
            Self::Done { client } => put_bytes(out, client.as_bytes()),
            Self::Fail { client, moved } => {
                put_bytes(out, client.as_bytes());
                out.push(u8::from(moved.is_some()));
                moved.iter().for_each(|node| out.extend_from_slice(&node.0));
            }
        }
    }

    /// `None`: the kind is none of a session on its way.
    pub(super) fn read(kind: Kind, from: &mut Reader<'_>) -> Result<Option<Self>, WireError> {
        Ok(Some(match kind {
            Kind::TAKE_BEGIN => {
                let (client, claim, what) = (client(from)?, claim(from)?, from.u8()?);
                match what {
                    2 | 3 => Self::Offer { client, claim, adopt: what == 3 },
                    stage => {
                        let stage = Stage::from_number(stage)?;
                        Self::Pull { client, claim, stage, part: from.v()? }
                    }
                }
            }
            Kind::TAKE_STATE => {
                let (client, stage) = (client(from)?, Stage::from_number(from.u8()?)?);
                let (last, part, bytes) = (from.u8()? != 0, from.v()?, from.bytes()?.to_vec());
                Self::Piece { client, stage, part, last, bytes }
            }
            Kind::TAKE_END => Self::Done { client: client(from)? },
            Kind::TAKE_FAIL => {
                let (client, some) = (client(from)?, from.u8()? != 0);
                Self::Fail { client, moved: if some { Some(node_id(from)?) } else { None } }
            }
            _ => return Ok(None),
        }))
    }
}

impl Stage {
    const fn number(self) -> u8 {
        match self {
            Self::State => 0,
            Self::Rest => 1,
        }
    }

    const fn from_number(number: u8) -> Result<Self, WireError> {
        match number {
            0 => Ok(Self::State),
            1 => Ok(Self::Rest),
            _ => Err(WireError::Field("stage of a session")),
        }
    }
}

impl MarkFrame {
    pub(super) const fn kind(&self) -> Kind {
        match self {
            Self::Ask { .. } => Kind::MARK_ASK,
            Self::Answer { .. } => Kind::MARK,
        }
    }

    pub(super) fn put(&self, out: &mut Vec<u8>) {
        match self {
            Self::Ask { mark } => put_v(out, *mark),
            Self::Answer { mark, sent } => {
                put_v(out, *mark);
                put_v(out, sent.len() as u64);
                sent.iter().for_each(|seq| put_v(out, *seq));
            }
        }
    }

    /// `None`: the kind is no mark.
    pub(super) fn read(kind: Kind, from: &mut Reader<'_>) -> Result<Option<Self>, WireError> {
        Ok(Some(match kind {
            Kind::MARK_ASK => Self::Ask { mark: from.v()? },
            Kind::MARK => {
                let mark = from.v()?;
                let count = from.count(1)?;
                let sent = (0..count).map(|_| from.v()).collect::<Result<_, _>>()?;
                Self::Answer { mark, sent }
            }
            _ => return Ok(None),
        }))
    }
}

pub(super) fn put_claim(out: &mut Vec<u8>, claim: Claim) {
    out.extend_from_slice(&claim.hlc.to_be_bytes());
    out.extend_from_slice(&claim.node.0);
}

pub(super) fn put_client(out: &mut Vec<u8>, client: &str, claim: Claim) {
    put_bytes(out, client.as_bytes());
    put_claim(out, claim);
}

pub(super) fn claim(from: &mut Reader<'_>) -> Result<Claim, WireError> {
    Ok(Claim { hlc: from.u64()?, node: node_id(from)? })
}

pub(super) fn client(from: &mut Reader<'_>) -> Result<Arc<str>, WireError> {
    Ok(from.text()?.into())
}
