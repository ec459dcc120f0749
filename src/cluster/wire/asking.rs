//! Frames 80 and 81: what an operator asks one node about another. What is asked and answered is opaque here.

use super::{Kind, Reader, WireError, put_bytes, put_v};

/// Bytes of an answer in one frame.
pub const PAGE: usize = 256 << 10;

/// A question, and its answer page by page. Every page is asked for, so the node that asks sets the pace. A release that does
/// not know these frames skips them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AskFrame {
    /// Send this page of the answer.
    Ask {
        /// Comes back in the answer.
        ticket: u64,
        /// Page from 0.
        part: u64,
        /// The question; empty from page 1 on.
        what: Vec<u8>,
    },
    /// The page asked for.
    Page {
        /// As asked.
        ticket: u64,
        /// As asked.
        part: u64,
        /// There are no more.
        last: bool,
        /// At most [`PAGE`] bytes.
        bytes: Vec<u8>,
    },
}

impl AskFrame {
    pub(super) const fn kind(&self) -> Kind {
        match self {
            Self::Ask { .. } => Kind::ASK,
            Self::Page { .. } => Kind::PAGE,
        }
    }

    pub(super) fn put(&self, out: &mut Vec<u8>) {
        match self {
            Self::Ask { ticket, part, what } => {
                put_v(out, *ticket);
                put_v(out, *part);
                put_bytes(out, what);
            }
            Self::Page { ticket, part, last, bytes } => {
                put_v(out, *ticket);
                put_v(out, *part);
                out.push(u8::from(*last));
                put_bytes(out, bytes);
            }
        }
    }

    /// `None`: the kind is none of these.
    pub(super) fn read(kind: Kind, from: &mut Reader<'_>) -> Result<Option<Self>, WireError> {
        Ok(Some(match kind {
            Kind::ASK => {
                Self::Ask { ticket: from.v()?, part: from.v()?, what: from.bytes()?.to_vec() }
            }
            Kind::PAGE => {
                let (ticket, part, last) = (from.v()?, from.v()?, from.u8()? != 0);
                Self::Page { ticket, part, last, bytes: from.bytes()?.to_vec() }
            }
            _ => return Ok(None),
        }))
    }
}
