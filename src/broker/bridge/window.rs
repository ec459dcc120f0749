//! Messages of QoS 1 and 2 under way to one end of a bridge, oldest first.

use std::collections::VecDeque;

use crate::mqtt::{PacketId, QoS};

/// How far a message is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stage {
    /// There is no room in the window yet.
    Held,
    /// PUBLISH was sent.
    Sent,
    /// PUBREC has come; its origin has not said PUBREL yet.
    Received,
    /// PUBREL was sent.
    Released,
}

/// A message under way.
pub(super) struct Sent {
    pub(super) id: PacketId,
    /// Its number at the other end, which awaits the answer; `None`: that has forgotten it.
    pub(super) from: Option<PacketId>,
    /// With which QoS it came from there.
    pub(super) from_qos: QoS,
    pub(super) qos: QoS,
    pub(super) stage: Stage,
    /// The PUBLISH, until it is received, or until it is over at an end that may forget what it has received.
    pub(super) bytes: Vec<u8>,
}

/// DUP in the first byte of a PUBLISH.
const DUP: u8 = 8;

pub(super) struct Window {
    sent: VecDeque<Sent>,
    /// So many the end allows to be under way.
    most: usize,
    /// And so many are tried, if that is fewer.
    room: usize,
    next: PacketId,
    /// The end may forget a message of QoS 2 between PUBREC and PUBCOMP.
    forgets: bool,
}

impl Window {
    /// The numbers begin with `first`.
    pub(super) const fn new(first: PacketId, forgets: bool) -> Self {
        Self { sent: VecDeque::new(), most: 1, room: usize::MAX, next: first, forgets }
    }

    pub(super) fn len(&self) -> usize {
        self.sent.len()
    }

    /// Bytes of what is not received yet.
    pub(super) fn bytes(&self) -> usize {
        self.sent.iter().map(|sent| sent.bytes.len()).sum()
    }

    /// How many are not received yet.
    pub(super) fn pending(&self) -> usize {
        let pending = |sent: &&Sent| matches!(sent.stage, Stage::Held | Stage::Sent);
        self.sent.iter().filter(pending).count()
    }

    /// The end has something to acknowledge.
    pub(super) fn awaits(&self) -> bool {
        self.sent.iter().any(|sent| matches!(sent.stage, Stage::Sent | Stage::Released))
    }

    pub(super) fn is_empty(&self) -> bool {
        self.sent.is_empty()
    }

    /// So many may be under way.
    pub(super) fn allow(&mut self, most: usize) {
        self.most = most.max(1);
    }

    /// One by one, so that one message that the end cannot bear comes to the front.
    pub(super) const fn narrow(&mut self) {
        self.room = 1;
    }

    /// The end bore a message: one more may be tried.
    pub(super) const fn widen(&mut self) {
        self.room = self.room.saturating_add(1);
    }

    /// The first that was sent and is not received.
    pub(super) fn front(&self) -> Option<&Sent> {
        self.sent.iter().find(|sent| sent.stage == Stage::Sent)
    }

    /// A number that no message under way has: there are far fewer than numbers.
    pub(super) fn next_id(&mut self) -> PacketId {
        while self.sent.iter().any(|sent| sent.id == self.next) {
            self.next = self.next.next();
        }
        let id = self.next;
        self.next = id.next();
        id
    }

    pub(super) fn push(&mut self, sent: Sent) {
        self.sent.push_back(sent);
    }

    /// Sends what is held, as far as there is room.
    pub(super) fn fill(&mut self, out: &mut Vec<u8>) {
        let under_way = self.sent.iter().filter(|sent| sent.stage != Stage::Held).count();
        let free = self.room.min(self.most).saturating_sub(under_way);
        for sent in self.sent.iter_mut().filter(|sent| sent.stage == Stage::Held).take(free) {
            sent.stage = Stage::Sent;
            out.extend_from_slice(&sent.bytes);
        }
    }

    fn by_id(&mut self, id: PacketId) -> Option<&mut Sent> {
        self.sent.iter_mut().find(|sent| sent.id == id)
    }

    /// How far the message is that has this number at the other end.
    pub(super) fn stage_from(&self, id: PacketId) -> Option<Stage> {
        self.sent.iter().find(|sent| sent.from == Some(id)).map(|sent| sent.stage)
    }

    /// Takes out the message with this number that is in one of these stages.
    pub(super) fn take(&mut self, id: PacketId, stages: &[Stage]) -> Option<Sent> {
        let is = |sent: &Sent| sent.id == id && stages.contains(&sent.stage);
        self.sent.iter().position(is).and_then(|at| self.sent.remove(at))
    }

    /// PUBREC came. Whose message it is, with its QoS there; `None`: of no message that awaited it, and of one that is released.
    pub(super) fn receive(&mut self, id: PacketId) -> Option<(Option<PacketId>, QoS)> {
        let forgets = self.forgets;
        let sent = self.by_id(id).filter(|sent| sent.qos == QoS::ExactlyOnce)?;
        match sent.stage {
            Stage::Sent | Stage::Received => {
                if !forgets {
                    sent.bytes = Vec::new();
                }
                sent.stage = if sent.from.is_some() { Stage::Received } else { Stage::Released };
                Some((sent.from, sent.from_qos))
            }
            Stage::Held | Stage::Released => None,
        }
    }

    /// PUBREL is sent.
    pub(super) fn release(&mut self, id: PacketId) {
        if let Some(sent) = self.by_id(id) {
            sent.stage = Stage::Released;
        }
    }

    /// The other end has said PUBREL to its message `id`: the number under which that is to be released here, if it is not already;
    /// `None`: there is no such message.
    pub(super) fn release_from(&mut self, id: PacketId) -> Option<Option<PacketId>> {
        let sent = self.sent.iter_mut().find(|sent| sent.from == Some(id))?;
        let release = sent.stage == Stage::Received;
        if release {
            sent.stage = Stage::Released;
        }
        Some(release.then_some(sent.id))
    }

    /// The other end knows nothing any more of its messages; those that `keep` refuses are forgotten here too. What is to be released
    /// now, as nobody else will.
    pub(super) fn orphan(&mut self, keep: impl Fn(&Sent) -> bool) -> Vec<PacketId> {
        self.sent.retain(keep);
        let mut released = Vec::new();
        for sent in &mut self.sent {
            sent.from = None;
            if sent.stage == Stage::Received {
                sent.stage = Stage::Released;
                released.push(sent.id);
            }
        }
        released
    }

    /// The end has the session of before: what it has not received is to be sent again. Gives what is to be released again.
    pub(super) fn resume(&mut self) -> Vec<PacketId> {
        let mut released = Vec::new();
        for sent in &mut self.sent {
            match sent.stage {
                Stage::Sent => {
                    if let Some(first) = sent.bytes.first_mut() {
                        *first |= DUP;
                    }
                    sent.stage = Stage::Held;
                }
                Stage::Released => released.push(sent.id),
                Stage::Held | Stage::Received => {}
            }
        }
        released
    }

    /// The end has a new session: what it has not received, or may have forgotten, is sent as if for the first time. Gives the numbers
    /// at the other end of those that await no more than PUBCOMP there.
    pub(super) fn begin_anew(&mut self) -> Vec<PacketId> {
        let mut over = Vec::new();
        let forgets = self.forgets;
        self.sent.retain_mut(|sent| {
            if let Some(first) = sent.bytes.first_mut() {
                *first &= !DUP;
            }
            match std::mem::replace(&mut sent.stage, Stage::Held) {
                Stage::Held | Stage::Sent => true,
                Stage::Received => {
                    // Its origin was told that it is received, and has no more to say but PUBREL.
                    sent.from = None;
                    forgets
                }
                Stage::Released => {
                    over.extend(sent.from.take().filter(|_| sent.from_qos == QoS::ExactlyOnce));
                    forgets
                }
            }
        });
        over
    }
}
