//! The rules that protect the cluster, each with a switch that breaks it (`planted_faults_are_caught`).
//!
//! A switch bends what the core hears, says or is told by its surroundings so that the outcome is that of a core without the
//! rule: the cores themselves know nothing of faults.

use emqx_rs::cluster::{
    CAP_JOIN, Claim, DialError, MemberRecord, MemberStatus, NodeId, NodeName, RecordStatus,
    Settings, Stored,
    versions::{Vector, Versions},
    wire::{
        Buckets, ClaimFrame, CloseCode, Frame, HealFrame, HealId, Ping, RetainedFrame, Sums,
        WillCopy, WillFrame,
    },
};

use super::world::World;

/// A rule broken on purpose.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    /// Silence is never told of.
    TrustTheSilent,
    /// A node that is heard again is not dialled for it.
    DeafToReturn,
    /// A node that stood still takes the others for silent.
    AccuseAfterStall,
    /// What comes over connections is no sign of life.
    DeafConnections,
    /// The record that came last counts.
    LastRecordCounts,
    /// News about members is not passed on.
    LoseNews,
    /// Every node has another idea of the age of the others.
    AgesDiffer,
    /// Of two clusters that meet each keeps its number.
    LoseMerge,
    /// The member table is not kept on disk.
    ForgetMembers,
    /// That a node left is not kept on disk.
    ForgetLeft,
    /// Who was forced out comes in as if it had been asked to join.
    LetBannedIn,
    /// Nobody is ever forgotten.
    NeverForget,
    /// A smaller part forgets the others too.
    ForgetAsMinority,
    /// Who was forgotten is not let in again.
    RefuseRemoved,
    /// A node that was dialled in vain is not dialled again.
    DialOnce,
    /// The larger name never dials.
    LargerNeverDials,
    /// Of two connections of a pair each end keeps another one.
    EachItsOwnTie,
    /// A host that refuses says no more than one that is silent.
    RefusedIsSilence,
    /// One in fifty changes of a route table is lost.
    LoseTableChange,
    /// A table is changed long after the change was acknowledged.
    AckBeforeApply,
    /// The routes of an earlier life stay in use.
    KeepOldLife,
    /// One in twenty changes gets lost on the way, and nobody asks for it.
    AskNothing,
    /// The old copy goes when a snapshot begins.
    HalfSnapshot,
    /// Pings do not say where their sender is.
    PingsWithoutPosition,
    /// The hash in a ping is not looked at.
    PingsWithoutHash,
    /// The parts that differ are not sent.
    LoseParts,
    /// SUBACK waits for nobody.
    SubackAtOnce,
    /// What is kept for a peer goes when it is down.
    DiscardOnDown,
    /// Messages that come again are handed on again.
    HandRepeats,
    /// What was sent counts as arrived when the connection is resumed.
    ResumeWhatWasSent,
    /// A missing number does not end the connection.
    HandOverGaps,
    /// Messages are acknowledged before they are handed on.
    AckOnArrival,
    /// A stream keeps whatever it is given.
    KeepWithoutBound,
    /// New owners are not told which sessions there are.
    NoRefresh,
    /// A node keeps a session that another one has a newer claim for.
    KeepKicked,
    /// Nobody is told of a newer claim.
    LoseKick,
    /// A node does not hear how far the hybrid clock of an owner is.
    DeafToLow,
    /// The hybrid clock is not kept on disk.
    ForgetClock,
    /// Nobody hears that a heal is over.
    LoseHealDone,
    /// A return is reported at once.
    HealUnconfirmed,
    /// A node of the surviving part is asked to rejoin.
    RejoinMajority,
    /// A node that has rejoined does so again when it is asked again.
    RejoinAgain,
    /// Who reaches whom is not passed on.
    LoseRows,
    /// A retained message that is deleted leaves nothing behind.
    NoTombstones,
    /// Of two writes of a retained message the one that comes last counts.
    MergeByArrival,
    /// A copy of retained messages is said to have been through every write.
    AllWasThere,
    /// And through none.
    NothingWasThere,
    /// Through those of its own node alone.
    ForgetSources,
    /// The lives of a node are one: what it wrote in this one comes right behind all that was before.
    LivesAreOne,
    /// What is known of any bucket is known only when all are equal.
    AgreeAsAWhole,
    /// A table does not know the stamps of what it has forgotten.
    ForgetStamps,
    /// A copy without room does not say so.
    HideFull,
    /// A node that is out of reach counts as dead.
    CutIsDeath,
    /// Nobody hears that a will is over.
    LoseWillGone,
    /// Whoever keeps a will that is due publishes it.
    EachPublishes,
    /// New keepers are not told which wills there are.
    NoWillRefresh,
    /// A process that another goes on from says that it ends for good.
    SayDeath,
    /// The process that goes on numbers the changes of its routes anew.
    NumberAnew,
    /// The process that goes on numbers its rows anew.
    RowsAnew,
    /// The process that goes on numbers the heals that it leads anew.
    HealsAnew,
    /// What was kept for others is lost with the process.
    LoseKept,
    /// A process that goes on does not know how much of the messages of others is there.
    ForgetReceived,
    /// A process that goes on does not know the routes of others.
    ForgetRoutes,
    /// Nobody hears that a node restarts.
    LoseRestarting,
    /// Who published a will keeps it no more, though its node lives.
    OverForGood,
    /// The changes of a member are counted anew in each life.
    EpochsBeginAnew,
    /// Nobody hears whom others reach.
    OwnEyesAlone,
    /// Who is out is remembered for good.
    RememberForGood,
    /// Who was cut off asks nobody whether a will is over.
    AskNobody,
    /// Who is to publish a will says that it is out before it is.
    GoneAtOnce,
    /// What is said of the hybrid clock does not wait for the disk.
    ClockAtLeisure,
}

/// How long a member is down before it is forgotten.
const AUTOCLEAN: u64 = 300_000;

impl World {
    pub(super) fn has(&self, fault: Fault) -> bool {
        self.fault == Some(fault)
    }

    pub(super) fn bend_settings(&self, settings: &mut Settings) {
        if self.has(Fault::NeverForget) {
            settings.autoclean = None;
        }
        if self.has(Fault::HealUnconfirmed) {
            settings.heal_confirm = std::time::Duration::ZERO;
        }
        if self.has(Fault::RememberForGood) {
            settings.remember = std::time::Duration::MAX;
        }
    }

    pub(super) fn bend_disk(&self, disk: &mut Stored) {
        if self.has(Fault::ForgetMembers) {
            disk.members.clear();
        }
        if self.has(Fault::ForgetLeft) {
            disk.left = false;
        }
        if self.has(Fault::ForgetClock) {
            disk.hlc = 0;
        }
    }

    /// What becomes of a frame that is sent: nothing, itself, or others.
    pub(super) fn bend_sent(&mut self, number: usize, frame: Frame) -> Vec<Frame> {
        let Some(fault) = self.fault else { return vec![frame] };
        match (fault, frame) {
            (Fault::LoseHealDone, Frame::Heal(HealFrame::Done { .. }))
            | (Fault::LoseMerge, Frame::Merge { .. })
            | (Fault::LoseRows, Frame::Row { .. })
            | (Fault::LoseKick, Frame::Claim(ClaimFrame::Kick { .. }))
            | (Fault::LoseParts, Frame::RouteFix { .. })
            | (Fault::LoseWillGone, Frame::Will(WillFrame::Gone { .. }))
            | (Fault::AskNobody, Frame::Will(WillFrame::Ask { .. }))
            | (Fault::LoseRestarting, Frame::Close { code: CloseCode::Restarting, .. })
            | (Fault::AskNothing, Frame::RouteReq { .. }) => Vec::new(),
            (Fault::OwnEyesAlone, Frame::Row { node_id, incarnation, row_seq, .. }) => {
                vec![Frame::Row { node_id, incarnation, row_seq, reach: Vec::new() }]
            }
            (Fault::EpochsBeginAnew, Frame::Members(mut records)) => {
                records.iter_mut().filter(|r| r.is_member()).for_each(|r| r.epoch = 0);
                vec![Frame::Members(records)]
            }
            (Fault::LoseNews, Frame::Members(records)) if records.len() == 1 => Vec::new(),
            (Fault::AskNothing, Frame::RouteDelta { .. }) if self.dice.below(20) == 0 => Vec::new(),
            (Fault::EachPublishes, Frame::Will(WillFrame::Due { client, will })) => {
                self.on_publish_will(number, &client, &will.body);
                Vec::new()
            }
            (Fault::LetBannedIn, Frame::State(mut state)) => {
                state.caps |= CAP_JOIN;
                vec![Frame::State(state)]
            }
            (Fault::DeafToLow, Frame::State(mut state)) => {
                state.hlc = 0;
                vec![Frame::State(state)]
            }
            (Fault::DeafToLow, Frame::Ping(ping)) => {
                vec![Frame::Ping(Ping { hlc: 0, ..ping })]
            }
            (Fault::DeafToLow, Frame::Claim(ClaimFrame::Low { client, claim, .. })) => {
                vec![Frame::Claim(ClaimFrame::Low { client, claim, seen: 0 })]
            }
            (_, Frame::Retained(RetainedFrame::Sum(sums))) => {
                let sums = Box::new(self.bend_sums(*sums));
                vec![Frame::Retained(RetainedFrame::Sum(sums))]
            }
            (Fault::PingsWithoutPosition, Frame::Ping(ping)) => {
                vec![Frame::Ping(Ping { route_seq: 0, ..ping })]
            }
            (Fault::RejoinAgain, done @ Frame::Heal(HealFrame::Done { id, .. })) => {
                // Under another number: this one is remembered as done.
                let again = HealId { number: id.number + 1000, ..id };
                vec![Frame::Heal(HealFrame::Rejoin(again)), done]
            }
            (_, frame) => vec![frame],
        }
    }

    fn bend_sums(&self, sums: Sums) -> Sums {
        let all = Buckets::default().others();
        match self.fault {
            Some(Fault::AllWasThere) => {
                let mut vector = Vector::default();
                (0..8).for_each(|number| vector.add(NodeId([number; 16]), (0, u64::MAX)));
                let mut versions = Versions::default();
                versions.set(all, vector);
                Sums { versions, ..sums }
            }
            Some(Fault::NothingWasThere) => {
                Sums { own: None, versions: Versions::default(), ..sums }
            }
            Some(Fault::ForgetSources) => Sums { versions: Versions::default(), ..sums },
            Some(Fault::LivesAreOne) => Sums { own: sums.own.map(|(_, last)| (1, last)), ..sums },
            Some(Fault::HideFull) => Sums { full: Buckets::default(), ..sums },
            Some(_) | None => sums,
        }
    }

    /// What `number` takes a frame for.
    pub(super) fn bend_heard(&mut self, number: usize, frame: Frame) -> Frame {
        match (self.fault, frame) {
            (Some(Fault::LastRecordCounts), Frame::Members(mut records)) => {
                let known = self.records(number);
                for record in &mut records {
                    let Some(known) = known.iter().find(|k| k.node_id == record.node_id) else {
                        continue;
                    };
                    if known.status != record.status && known.rank() >= record.rank() {
                        (record.incarnation, record.epoch) = (known.incarnation, known.epoch + 1);
                    }
                }
                Frame::Members(records)
            }
            (Some(Fault::OverForGood), Frame::Will(WillFrame::Keep { client, will, asks })) => {
                // A will of somebody else than who sends it is not kept.
                let published = self.has_published(number, &will.body);
                let node = if published { NodeId([0; 16]) } else { will.claim.node };
                let will = WillCopy { claim: Claim { node, ..will.claim }, ..will };
                Frame::Will(WillFrame::Keep { client, will, asks })
            }
            (Some(Fault::OverForGood), Frame::Will(WillFrame::Due { client, will }))
                if self.has_published(number, &will.body) =>
            {
                Frame::Will(WillFrame::Gone { client, claim: will.claim })
            }
            (_, frame) => frame,
        }
    }

    /// A node in a part that may not forget others does it all the same.
    pub(super) fn bend_forgetting(&mut self, number: usize) -> Option<Frame> {
        if !self.has(Fault::ForgetAsMinority) {
            return None;
        }
        let status = self.status(number)?;
        let over = status.members.iter().find(|line| {
            line.status == MemberStatus::Down && line.since.as_ms() + AUTOCLEAN < self.now()
        })?;
        let known = self.records(number).into_iter().find(|r| r.node_id == over.node_id)?;
        let epoch = known.epoch + 1;
        Some(Frame::Members(vec![MemberRecord { status: RecordStatus::Removed, epoch, ..known }]))
    }

    /// Why an attempt of `from` to dial `to` fails by the fault.
    pub(super) fn bend_dial(&self, from: usize, to: usize) -> Option<DialError> {
        let removed = |at: usize, of: usize| {
            let id = self.id(of);
            self.records(at).iter().any(|r| r.node_id == id && r.status == RecordStatus::Removed)
        };
        let refused = self.has(Fault::RefuseRemoved) && (removed(from, to) || removed(to, from));
        refused.then_some(DialError::Refused)
    }

    /// Whether the fault keeps a node from dialling at all; `again`: it did so before, in vain.
    pub(super) fn does_not_dial(&self, from: &NodeName, to: &NodeName, again: bool) -> bool {
        (self.has(Fault::DialOnce) && again) || (self.has(Fault::LargerNeverDials) && from > to)
    }
}
