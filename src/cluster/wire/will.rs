//! Frames 55 to 57, 82 and 83: wills that nodes keep for each other (`cluster/wills.rs`). What a will says is not known here.

use std::sync::Arc;

use super::{
    Kind, Reader, WireError, put_bytes, put_v,
    session::{claim, client, put_claim, put_client},
};
use crate::cluster::directory::Claim;

/// The will of a client, as other nodes keep it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WillCopy {
    /// The claim of its connection: which node has the client, and how new that is.
    pub claim: Claim,
    /// Process life of that node.
    pub incarnation: u64,
    /// How long it waits after the client is lost, in ms.
    pub delay_ms: u64,
    /// The will itself.
    pub body: Arc<[u8]>,
}

/// What nodes say about wills.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum WillFrame {
    /// From the node of a client: keep its will.
    Keep {
        /// Whose.
        client: Arc<str>,
        /// Its will.
        will: WillCopy,
        /// A client waits for the answer.
        asks: bool,
    },
    /// From a node that keeps wills: the node of this one is dead, and the addressee is to publish it.
    Due {
        /// Whose.
        client: Arc<str>,
        /// Its will.
        will: WillCopy,
    },
    /// The will of this claim is kept, or there is no room for it.
    Answer {
        /// Whose.
        client: Arc<str>,
        /// The claim that is answered.
        claim: Claim,
        /// It is kept.
        kept: bool,
    },
    /// The wills of this client up to this claim are withdrawn, published, or not to be published any more.
    Gone {
        /// Whose.
        client: Arc<str>,
        /// The newest claim that is meant.
        claim: Claim,
    },
    /// From a node that keeps this will and was out of reach: is it over? The answer is [`WillFrame::Gone`], [`WillFrame::Going`], or
    /// nothing. A release that does not know this frame skips it.
    Ask {
        /// Whose.
        client: Arc<str>,
        /// Its claim.
        claim: Claim,
    },
    /// This node publishes the will and has not yet: it is to be kept until [`WillFrame::Gone`]. A release that does not know this
    /// frame skips it.
    Going {
        /// Whose.
        client: Arc<str>,
        /// Its claim.
        claim: Claim,
    },
}

const QUIET: u8 = 0;
const ASKS: u8 = 1;
const DUE: u8 = 2;

impl WillFrame {
    pub(super) const fn kind(&self) -> Kind {
        match self {
            Self::Keep { .. } | Self::Due { .. } => Kind::WILL,
            Self::Answer { .. } => Kind::WILL_OK,
            Self::Gone { .. } => Kind::WILL_GONE,
            Self::Ask { .. } => Kind::WILL_ASK,
            Self::Going { .. } => Kind::WILL_GOING,
        }
    }

    pub(super) fn put(&self, out: &mut Vec<u8>) {
        match self {
            Self::Keep { client, will, asks } => {
                will.put(client, if *asks { ASKS } else { QUIET }, out);
            }
            Self::Due { client, will } => will.put(client, DUE, out),
            Self::Answer { client, claim, kept } => {
                put_client(out, client, *claim);
                out.push(u8::from(*kept));
            }
            Self::Gone { client, claim }
            | Self::Ask { client, claim }
            | Self::Going { client, claim } => {
                put_client(out, client, *claim);
            }
        }
    }

    /// `None`: the kind is none of a will.
    pub(super) fn read(kind: Kind, from: &mut Reader<'_>) -> Result<Option<Self>, WireError> {
        Ok(Some(match kind {
            Kind::WILL => {
                let (client, what) = (client(from)?, from.u8()?);
                let will = WillCopy::read(from)?;
                match what {
                    QUIET | ASKS => Self::Keep { client, will, asks: what == ASKS },
                    DUE => Self::Due { client, will },
                    _ => return Err(WireError::Field("purpose of a will")),
                }
            }
            Kind::WILL_OK => {
                Self::Answer { client: client(from)?, claim: claim(from)?, kept: from.u8()? != 0 }
            }
            Kind::WILL_GONE => Self::Gone { client: client(from)?, claim: claim(from)? },
            Kind::WILL_ASK => Self::Ask { client: client(from)?, claim: claim(from)? },
            Kind::WILL_GOING => Self::Going { client: client(from)?, claim: claim(from)? },
            _ => return Ok(None),
        }))
    }
}

impl WillCopy {
    fn put(&self, client: &str, what: u8, out: &mut Vec<u8>) {
        put_bytes(out, client.as_bytes());
        out.push(what);
        put_claim(out, self.claim);
        put_v(out, self.incarnation);
        put_v(out, self.delay_ms);
        put_bytes(out, &self.body);
    }

    fn read(from: &mut Reader<'_>) -> Result<Self, WireError> {
        Ok(Self {
            claim: claim(from)?,
            incarnation: from.v()?,
            delay_ms: from.v()?,
            body: from.bytes()?.into(),
        })
    }
}
