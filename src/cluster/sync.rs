//! How the routes of one node get to another over one link: changes while the log reaches back, else a snapshot.
//!
//! A link is ordered, so a snapshot needs no standing still: its parts are taken as they are sent, the changes made meanwhile
//! travel between them, and the copy is exact at the part that says `last`. Every frame is acknowledged, in order.

use std::{collections::VecDeque, time::Duration};

use super::{
    member::Position,
    replica::{OwnRoutes, REPAIR_OPS, size},
    routes::{Parts, RouteKey, RouteOp},
    wire::Frame,
};
use crate::time::Time;

/// Bytes sent and not acknowledged, at most (give or take a frame).
const WINDOW_BYTES: usize = 4 << 20;

#[derive(Clone, Debug, Default, PartialEq, Eq)]
enum Mode {
    /// The other end has not said yet what it holds.
    #[default]
    Waiting,
    /// It holds a copy and gets the changes.
    Live,
    /// It gets everything, from here on.
    Snapshot { after: Option<RouteKey>, part: u64 },
}

#[derive(Clone, Copy, Debug)]
struct Sent {
    /// The position that the acknowledgement proves; none while a snapshot is not whole.
    proves: Option<u64>,
    bytes: usize,
}

/// The sending end for one peer.
#[derive(Debug, Default)]
pub(crate) struct RouteSender {
    mode: Mode,
    /// The first frame is owed even if there is nothing to tell: it says "you are complete".
    greet: bool,
    sent: u64,
    acked: Option<u64>,
    unacked: VecDeque<Sent>,
    unacked_bytes: usize,
    /// When parts were sent last: comparing is work for the sender, and so it has a pace.
    repaired_at: Option<Time>,
}

impl RouteSender {
    /// The peer said what it holds of this node's routes.
    pub(crate) fn start(&mut self, have: Position, incarnation: u64, own: &OwnRoutes) {
        let differs = have.seq == own.seq() && have.hash != 0 && have.hash != own.hash();
        if have.incarnation == incarnation && !differs && own.reaches(have.seq) {
            *self = Self { mode: Mode::Live, greet: true, sent: have.seq, ..Self::default() };
        } else {
            self.restart(own);
        }
    }

    /// The peer wants everything anew. What is under way will not be acknowledged.
    pub(crate) fn restart(&mut self, own: &OwnRoutes) {
        let mode = Mode::Snapshot { after: None, part: 0 };
        *self = Self { mode, sent: own.seq(), ..Self::default() };
    }

    /// The peer gets changes as they come, and no snapshot.
    pub(crate) fn is_live(&self) -> bool {
        self.mode == Mode::Live
    }

    /// The last change that the peer has in use; `None` before its first copy is whole.
    pub(crate) fn acked(&self) -> Option<u64> {
        self.acked
    }

    /// Whether a comparison is to be answered now.
    pub(crate) fn may_repair(&mut self, now: Time) -> bool {
        const PACE: Duration = Duration::from_secs(1);
        let may = self.is_live() && self.repaired_at.is_none_or(|at| now.since(at) >= PACE);
        if may {
            self.repaired_at = Some(now);
        }
        may
    }

    /// An acknowledgement: of the oldest frame that has none.
    pub(crate) fn on_ack(&mut self) {
        let Some(sent) = self.unacked.pop_front() else { return };
        self.unacked_bytes = self.unacked_bytes.saturating_sub(sent.bytes);
        self.acked = sent.proves.or(self.acked);
    }

    /// The next frame that may go now.
    pub(crate) fn next_frame(&mut self, incarnation: u64, own: &OwnRoutes) -> Option<Frame> {
        if self.mode == Mode::Waiting || self.unacked_bytes > WINDOW_BYTES {
            return None;
        }
        let Some(ops) = own.changes_after(self.sent) else {
            // The peer acknowledges so slowly that the log has moved on.
            self.mode = Mode::Snapshot { after: None, part: 0 };
            self.sent = own.seq();
            return self.next_part(incarnation, own);
        };
        if ops.is_empty() && !self.greet {
            return self.next_part(incarnation, own);
        }
        self.greet = false;
        let first_seq = self.sent + 1;
        self.sent += ops.len() as u64;
        self.note(&ops, (self.mode == Mode::Live).then_some(self.sent));
        Some(Frame::RouteDelta { incarnation, first_seq, ops })
    }

    fn next_part(&mut self, incarnation: u64, own: &OwnRoutes) -> Option<Frame> {
        let Mode::Snapshot { after, part } = &mut self.mode else { return None };
        let (ops, last) = own.snapshot_after(after.as_ref());
        let number = *part;
        *part += 1;
        if let Some(op) = ops.last() {
            *after = Some(op.key.clone());
        }
        if last {
            self.mode = Mode::Live;
        }
        self.note(&ops, last.then_some(self.sent));
        Some(Frame::RouteSnap { incarnation, seq: self.sent, part: number, last, ops })
    }

    fn note(&mut self, ops: &[RouteOp], proves: Option<u64>) {
        let bytes = 16 + ops.iter().map(|op| size(&op.key)).sum::<usize>();
        self.unacked_bytes += bytes;
        self.unacked.push_back(Sent { proves, bytes });
    }
}

/// What to do with a frame of routes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Take {
    /// Nothing: it is of an earlier life, or a new snapshot is on its way.
    Ignore,
    /// It does not follow what is held: ask for a snapshot.
    Request,
    /// Apply all but the first `skip` of its changes, then acknowledge.
    Apply {
        /// Changes that are held already.
        skip: usize,
    },
    /// It begins a snapshot; the old copy is of an earlier life or none.
    Begin {
        /// Do not use the old copy meanwhile.
        drop_old: bool,
    },
}

/// A frame with routes of parts that were asked for.
#[derive(Clone, Debug)]
pub(crate) struct Piece {
    /// The parts that all frames of the series are about.
    pub(crate) parts: Parts,
    /// Counts the frames of the series.
    pub(crate) number: u64,
    /// It is the last one.
    pub(crate) last: bool,
    /// What is in the parts.
    pub(crate) ops: Vec<RouteOp>,
}

/// What a frame of parts comes to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Fix {
    /// Nothing yet, or it was not asked for or is out of date.
    Nothing,
    /// All that is in the parts.
    Whole(Vec<RouteOp>),
    /// The frames do not belong together: ask for a snapshot.
    Broken,
}

/// The receiving end: how far the copy of one node reaches. Outlives links.
#[derive(Clone, Debug, Default)]
pub(crate) struct RouteReceiver {
    /// Incarnation and last change of the copy in use.
    held: Option<(u64, u64)>,
    /// The snapshot being filled: its next part and the last change in it.
    filling: Option<(u64, u64)>,
    /// A snapshot has been asked for: what is under way does not count.
    waiting: bool,
    /// This link has brought the copy up to date once.
    complete: bool,
    /// Signs of life in a row that told of a position ahead, without progress.
    behind: u8,
    /// Parts were asked for; for so many signs of life another difference means that this did not help.
    mending: u8,
    /// What has come of the parts so far: which, how many frames, and the routes.
    fixing: Option<(Parts, u64, Vec<RouteOp>)>,
}

impl RouteReceiver {
    /// A new link, to a process of this incarnation. True if what is held is of an earlier one and must go.
    pub(crate) fn on_link(&mut self, incarnation: u64) -> bool {
        let stale = self.held.is_some_and(|(held, _)| held != incarnation);
        let held = self.held.filter(|_| !stale);
        *self = Self { held, ..Self::default() };
        stale
    }

    /// The link is gone. True if a snapshot was under way.
    pub(crate) fn on_link_down(&mut self) -> bool {
        self.complete = false;
        self.waiting = false;
        self.filling.take().is_some()
    }

    /// The copy is dropped.
    pub(crate) fn forget(&mut self) {
        *self = Self::default();
    }

    /// The copy came from the process before: up to change `seq` of this life.
    pub(crate) fn inherit(&mut self, incarnation: u64, seq: u64) {
        *self = Self { held: Some((incarnation, seq)), ..Self::default() };
    }

    /// What is held, to be told to the origin.
    pub(crate) fn position(&self) -> Position {
        let (incarnation, seq) = self.held.unwrap_or_default();
        Position { incarnation, seq, hash: 0 }
    }

    /// Whether this link has brought everything once.
    pub(crate) fn is_complete(&self) -> bool {
        self.complete
    }

    /// Whether it has everything and nothing is asked for.
    pub(crate) fn is_settled(&self) -> bool {
        self.complete && !self.waiting && self.filling.is_none()
    }

    /// Changes `first_seq` and following, `count` of them.
    pub(crate) fn on_delta(&mut self, incarnation: u64, first_seq: u64, count: u64) -> Take {
        // Parts that were cut in two by a change are of no use; the next comparison tells.
        self.fixing = None;
        if self.waiting {
            return Take::Ignore;
        }
        let at = match (&mut self.filling, &mut self.held) {
            (Some((_, seq)), _) => seq,
            (None, Some((held, seq))) if *held == incarnation => seq,
            (None, None | Some(_)) => return self.request(),
        };
        let Some(skip) = at.saturating_add(1).checked_sub(first_seq) else { return self.request() };
        *at = (*at).max(first_seq.saturating_add(count).saturating_sub(1));
        self.behind = 0;
        self.complete |= self.filling.is_none();
        Take::Apply { skip: usize::try_from(skip.min(count)).unwrap_or(usize::MAX) }
    }

    /// A part of a snapshot. `Begin` is for part 0, whose routes are to be applied after it.
    pub(crate) fn on_part(&mut self, incarnation: u64, seq: u64, part: u64) -> Take {
        if part == 0 {
            self.waiting = false;
            self.filling = Some((1, seq));
            let drop_old = self.held.is_some_and(|(held, _)| held != incarnation);
            return Take::Begin { drop_old };
        }
        if self.waiting {
            return Take::Ignore;
        }
        match &mut self.filling {
            Some((next, at)) if *next == part && *at == seq => {
                *next += 1;
                self.behind = 0;
                Take::Apply { skip: 0 }
            }
            Some(_) | None => self.request(),
        }
    }

    /// The snapshot is whole.
    pub(crate) fn on_last(&mut self, incarnation: u64) {
        if let Some((_, seq)) = self.filling.take() {
            self.held = Some((incarnation, seq));
            self.complete = true;
        }
    }

    /// The origin says where it is. `Some(true)`: the copy is there too and can be compared; `Some(false)`: ask for a snapshot.
    pub(crate) fn on_ping(&mut self, seq: u64) -> Option<bool> {
        const PATIENCE: u8 = 3;
        let (_, at) = self.held.filter(|_| self.is_settled())?;
        self.mending = self.mending.saturating_sub(1);
        if at >= seq {
            self.behind = 0;
            return (at == seq).then_some(true);
        }
        self.behind += 1;
        if self.behind < PATIENCE {
            return None;
        }
        self.request();
        Some(false)
    }

    /// Routes of the parts that were asked for. All of them once the last frame is there, if each frame follows the one before.
    pub(crate) fn on_fix(&mut self, seq: u64, piece: Piece) -> Fix {
        let Piece { parts, number, last, ops } = piece;
        let asked = self.mending > 0 && self.is_settled();
        if !asked || self.held.is_none_or(|(_, at)| at != seq) {
            self.fixing = None;
            return Fix::Nothing;
        }
        let before = self.fixing.take().filter(|_| number > 0);
        let (about, next, mut all) = before.unwrap_or((parts, 0, Vec::new()));
        let inside = ops.iter().all(|op| op.add && parts.contains(op.key.bucket()));
        let fits = all.len() + ops.len() <= REPAIR_OPS;
        if (about, next) != (parts, number) || !inside || !fits {
            return Fix::Broken;
        }
        all.extend(ops);
        if last {
            return Fix::Whole(all);
        }
        self.fixing = Some((parts, number + 1, all));
        Fix::Nothing
    }

    /// The copy differs from its origin. True: ask for the parts that differ; false: that was done already.
    pub(crate) fn mend(&mut self) -> bool {
        const PATIENCE: u8 = 5;
        self.mending == 0 && {
            self.mending = PATIENCE;
            true
        }
    }

    /// Notes that a snapshot is asked for.
    pub(crate) fn request(&mut self) -> Take {
        self.waiting = true;
        self.filling = None;
        self.fixing = None;
        self.behind = 0;
        Take::Request
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::topic::TopicFilter;

    fn op(number: u8) -> RouteOp {
        let filter = TopicFilter::parse(&format!("f/{number}")).unwrap();
        RouteOp { add: true, key: RouteKey { filter, group: None }, weight: 1 }
    }

    fn parts(ops: &[RouteOp]) -> Parts {
        let mut parts = Parts::default();
        ops.iter().for_each(|op| parts.insert(op.key.bucket()));
        parts
    }

    /// A copy of life 7 at change 5 whose parts were asked for.
    fn mending() -> RouteReceiver {
        let mut copy = RouteReceiver::default();
        copy.on_link(7);
        copy.on_part(7, 5, 0);
        copy.on_last(7);
        assert!(copy.mend());
        copy
    }

    #[test]
    fn a_whole_series_is_taken_and_a_broken_one_asks_for_everything() {
        let ops = [op(1), op(2), op(3)];
        let all = parts(&ops);
        let piece = |number: u64, last| {
            let ops = vec![ops[usize::try_from(number).unwrap()].clone()];
            Piece { parts: all, number, last, ops }
        };
        let mut copy = mending();
        assert_eq!(copy.on_fix(5, piece(0, false)), Fix::Nothing);
        assert_eq!(copy.on_fix(5, piece(1, false)), Fix::Nothing);
        assert_eq!(copy.on_fix(5, piece(2, true)), Fix::Whole(ops.to_vec()));

        let broken = |pieces: &[Piece]| {
            let mut copy = mending();
            let mut found: Vec<_> =
                pieces.iter().map(|piece| copy.on_fix(5, piece.clone())).collect();
            found.pop() == Some(Fix::Broken) && found.iter().all(|fix| *fix == Fix::Nothing)
        };
        assert!(broken(&[piece(0, false), piece(2, true)]), "one is missing");
        assert!(broken(&[piece(0, false), piece(1, false), piece(1, true)]), "one comes twice");
        assert!(broken(&[piece(2, true)]), "the beginning is missing");
        let other = Piece { parts: parts(&ops[..2]), ..piece(1, true) };
        assert!(broken(&[piece(0, false), other]), "about other parts");
        let outside = Piece { parts: parts(&ops[..1]), ops: ops.to_vec(), ..piece(0, true) };
        assert!(broken(&[outside]), "more than it is about");
        let removal = Piece { ops: vec![RouteOp { add: false, ..op(1) }], ..piece(0, true) };
        assert!(broken(&[removal]), "what is there, not what is gone");
    }

    #[test]
    fn parts_that_were_not_asked_for_or_are_out_of_date_are_of_no_use() {
        let piece = || Piece { parts: parts(&[op(1)]), number: 0, last: true, ops: vec![op(1)] };
        let mut copy = mending();
        assert_eq!(copy.on_fix(4, piece()), Fix::Nothing);
        let mut late = mending();
        assert_eq!(late.on_delta(7, 6, 1), Take::Apply { skip: 0 });
        assert_eq!(late.on_fix(5, piece()), Fix::Nothing);
        let mut idle = mending();
        (0..9).for_each(|_| {
            idle.on_ping(5);
        });
        assert_eq!(idle.on_fix(5, piece()), Fix::Nothing);
    }
}
