//! A member of the cluster: who it is, what all nodes agree on about it, and how this node sees it.

use std::{fmt, net::SocketAddr, time::Duration};

use super::node_name::NodeName;
use crate::time::Time;

/// Who a node is, whatever its name and address: the first 16 bytes of SHA-256 of its identity key.
#[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NodeId(pub [u8; 16]);

impl fmt::Display for NodeId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for NodeId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Orders nodes by age: smallest = oldest.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Guid {
    /// When the process started, by its hybrid clock.
    pub started: u64,
    /// Whose process.
    pub node: NodeId,
}

/// How far a copy of the routes of a node reaches. All zero: nothing is held.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Position {
    /// Incarnation of the node that the copy is of.
    pub incarnation: u64,
    /// Number of the last change in it.
    pub seq: u64,
    /// Sum of the hashes of its routes; 0 where not known.
    pub hash: u64,
}

/// What all nodes agree on about a member, in the order in which one beats the other at equal incarnation and epoch.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum RecordStatus {
    /// In the cluster, up or not.
    Member,
    /// Said that it goes.
    Leaving,
    /// Gone by its own word.
    Left,
    /// Forgotten after it was down too long; comes back by itself.
    Removed,
    /// Forced out by an operator; comes back by `cluster join` only.
    Banned,
}

/// What the nodes share about a member.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MemberRecord {
    /// Its name.
    pub name: NodeName,
    /// Its identity.
    pub node_id: NodeId,
    /// Process life that the record is about.
    pub incarnation: u64,
    /// Age.
    pub guid: Guid,
    /// Where its mesh listens, as far as it knows.
    pub addrs: Vec<SocketAddr>,
    /// Features it has.
    pub caps: u64,
    /// Its release.
    pub version: String,
    /// In or out.
    pub status: RecordStatus,
    /// Raised by whoever changes the status: see [`MemberRecord::next_epoch`]. Goes on from life to life.
    pub epoch: u64,
    /// How long it is out, in whole seconds, as far as who tells this knows; zero of a member.
    pub out_for: Duration,
}

/// A ban, and its end, raise the epoch to the next multiple of this. All other changes together stay far below it.
const BAN_STEP: u64 = 1 << 20;

impl MemberRecord {
    /// Of two records of one node the one with the larger rank counts.
    #[must_use]
    pub fn rank(&self) -> (u64, u64, RecordStatus) {
        (self.incarnation, self.epoch, self.status)
    }

    /// The epoch of the record that takes the place of this one, with another status. So of a record and a ban it can be told which
    /// of them knows of the other, whatever else happened to the node on two sides of a cut.
    #[must_use]
    pub fn next_epoch(&self, status: RecordStatus) -> u64 {
        if self.status == RecordStatus::Banned || status == RecordStatus::Banned {
            (self.epoch / BAN_STEP).saturating_add(1).saturating_mul(BAN_STEP)
        } else {
            self.epoch.saturating_add(1)
        }
    }

    /// Whether the record comes after the end of a ban, in whatever life of the node that was.
    #[must_use]
    pub fn is_after(&self, ban: &Self) -> bool {
        self.epoch / BAN_STEP > ban.epoch / BAN_STEP
    }

    /// Whether the node is in the cluster.
    #[must_use]
    pub fn is_member(&self) -> bool {
        matches!(self.status, RecordStatus::Member | RecordStatus::Leaving)
    }
}

/// The word for a member that `cluster status` prints.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum MemberStatus {
    /// Serving.
    Up,
    /// Linked, routes not complete yet.
    Joining,
    /// Not reached.
    Down,
    /// Said that it goes.
    Leaving,
    /// Gone by its own word.
    Left,
    /// Forgotten by autoclean.
    Removed,
    /// Forced out.
    Banned,
}

impl fmt::Display for MemberStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Up => "up",
            Self::Joining => "joining",
            Self::Down => "down",
            Self::Leaving => "leaving",
            Self::Left => "left",
            Self::Removed => "removed",
            Self::Banned => "banned",
        })
    }
}

/// How this node sees a member by its own links.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reach {
    /// No link.
    Down,
    /// Linked, routes not complete yet.
    Joining,
    /// Serving.
    Up,
}

/// A member as this node knows it.
#[derive(Clone, Debug)]
pub struct Member {
    /// What all share.
    pub record: MemberRecord,
    /// How it is reached from here.
    pub reach: Reach,
    /// Since when that is so.
    pub since: Time,
    /// Since when it is out and how long it was then; of no meaning for a member.
    pub out: (Time, Duration),
    /// Its number in the route table and among the peers of this node, while it is in the cluster.
    pub index: Option<u16>,
}

impl Member {
    /// How long it is out; zero for a member.
    #[must_use]
    pub fn out_for(&self, now: Time) -> Duration {
        if self.record.is_member() { Duration::ZERO } else { now.since(self.out.0) + self.out.1 }
    }

    /// The record as it is told to others.
    #[must_use]
    pub fn told(&self, now: Time) -> MemberRecord {
        let out_for = Duration::from_secs(self.out_for(now).as_secs());
        MemberRecord { out_for, ..self.record.clone() }
    }

    /// The shared and the own view as one word.
    #[must_use]
    pub fn status(&self) -> MemberStatus {
        match (self.record.status, self.reach) {
            (RecordStatus::Banned, _) => MemberStatus::Banned,
            (RecordStatus::Removed, _) => MemberStatus::Removed,
            (RecordStatus::Left, _) => MemberStatus::Left,
            (RecordStatus::Leaving, _) => MemberStatus::Leaving,
            (RecordStatus::Member, Reach::Up) => MemberStatus::Up,
            (RecordStatus::Member, Reach::Joining) => MemberStatus::Joining,
            (RecordStatus::Member, Reach::Down) => MemberStatus::Down,
        }
    }
}
