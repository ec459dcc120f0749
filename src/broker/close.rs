//! Why a connection ends: a value, not a failure.

use std::sync::Arc;

use super::stats::Metric;
use crate::mqtt::{DecodeError, ReasonCode};

/// Why a connection ends. The words are EMQX's, as in `$SYS/.../disconnected`.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CloseReason {
    /// The client said DISCONNECT.
    #[error("normal")]
    Normal,
    /// The client said DISCONNECT and wants its will published (v5 0x04).
    #[error("normal_with_will")]
    WithWill,
    /// The other end closed the connection, or the network did.
    #[error("tcp_closed")]
    TcpClosed,
    /// No packet within 1.5 times the keep alive [MQTT-3.1.2-22].
    #[error("keepalive_timeout")]
    KeepAlive,
    /// No CONNECT in time.
    #[error("idle_timeout")]
    Idle,
    /// The socket took nothing for too long.
    #[error("send_timeout")]
    SendTimeout,
    /// Another connection has taken the session.
    #[error("takeovered")]
    TakenOver,
    /// Another connection with this client id has thrown the session away.
    #[error("discarded")]
    Discarded,
    /// An operator ended it.
    #[error("kicked")]
    Kicked,
    /// An operator banned it.
    #[error("banned")]
    Banned,
    /// The node stops.
    #[error("server_shutting_down")]
    ShuttingDown,
    /// The node sends its clients to others: to this server, if it is named.
    #[error("evacuated")]
    Evacuated(Option<Arc<str>>),
    /// Memory is short, and the queue of the client was among the largest.
    #[error("memory_short")]
    MemoryShort,
    /// The client's packet broke the rules of the standard.
    #[error("protocol_error: {0}")]
    Decode(#[from] DecodeError),
    /// The client's packet broke a rule or a limit of ours.
    #[error("protocol_error: {what}")]
    Violation {
        /// What the client is told.
        reason: ReasonCode,
        /// What it did.
        what: &'static str,
    },
    /// CONNECT refused.
    #[error("{what}")]
    Refused {
        /// What the client is told.
        reason: ReasonCode,
        /// Why, for the log.
        what: &'static str,
    },
}

impl CloseReason {
    /// What a v5 client is told in DISCONNECT; `None` when there is nothing to tell.
    #[must_use]
    pub fn disconnect(&self) -> Option<ReasonCode> {
        match self {
            Self::Normal | Self::WithWill | Self::TcpClosed | Self::Idle => None,
            Self::KeepAlive => Some(ReasonCode::KeepAliveTimeout),
            Self::SendTimeout | Self::MemoryShort => Some(ReasonCode::QuotaExceeded),
            Self::TakenOver | Self::Discarded => Some(ReasonCode::SessionTakenOver),
            Self::Kicked | Self::Banned => Some(ReasonCode::AdministrativeAction),
            Self::ShuttingDown => Some(ReasonCode::ServerShuttingDown),
            Self::Evacuated(_) => Some(ReasonCode::UseAnotherServer),
            Self::Decode(error) => Some(error.reason()),
            Self::Violation { reason, .. } | Self::Refused { reason, .. } => Some(*reason),
        }
    }

    /// What counts connections that end like this: the limit that was passed, or the rule that was broken.
    #[must_use]
    pub const fn metric(&self) -> Option<Metric> {
        match self {
            Self::Idle => Some(Metric::LimitIdle),
            Self::KeepAlive => Some(Metric::KeepaliveTimeout),
            Self::SendTimeout => Some(Metric::SendTimeout),
            Self::Decode(DecodeError::TooLarge { .. }) => Some(Metric::LimitPacketSize),
            Self::Decode(
                DecodeError::PropertiesTooLarge { .. } | DecodeError::UserProperties { .. },
            ) => Some(Metric::LimitProperties),
            Self::Decode(DecodeError::Filters { .. }) => Some(Metric::LimitSubscriptions),
            Self::Decode(_) => Some(Metric::MalformedPackets),
            Self::Violation { reason, .. } => limit_of(*reason),
            Self::Refused { reason, .. } => match limit_of(*reason) {
                // Nothing else of a CONNECT has a size or a topic.
                Some(Metric::LimitPacketSize | Metric::LimitTopic) => Some(Metric::LimitWill),
                other => other,
            },
            Self::Normal
            | Self::WithWill
            | Self::TcpClosed
            | Self::TakenOver
            | Self::Discarded
            | Self::Kicked
            | Self::Banned
            | Self::MemoryShort
            | Self::Evacuated(_)
            | Self::ShuttingDown => None,
        }
    }

    /// Where the client is told to go (v5 4.11).
    #[must_use]
    pub fn server(&self) -> Option<&str> {
        if let Self::Evacuated(to) = self { to.as_deref() } else { None }
    }

    /// The client said goodbye, so its will is thrown away [MQTT-3.14.4-3].
    #[must_use]
    pub const fn drops_will(&self) -> bool {
        matches!(self, Self::Normal)
    }

    /// Worth a line in the log at `info`: the peer did something wrong.
    #[must_use]
    pub const fn is_fault(&self) -> bool {
        matches!(
            self,
            Self::Decode(_) | Self::Violation { .. } | Self::Refused { .. } | Self::SendTimeout
        )
    }
}

/// The counter of the limit that a reason stands for, if it stands for one.
const fn limit_of(reason: ReasonCode) -> Option<Metric> {
    if matches!(reason, ReasonCode::ReceiveMaximumExceeded) {
        Some(Metric::LimitReceiveMaximum)
    } else if matches!(reason, ReasonCode::TopicNameInvalid) {
        Some(Metric::LimitTopic)
    } else if matches!(reason, ReasonCode::TopicAliasInvalid) {
        Some(Metric::LimitTopicAlias)
    } else if matches!(reason, ReasonCode::PacketTooLarge) {
        Some(Metric::LimitPacketSize)
    } else if matches!(reason, ReasonCode::ClientIdentifierNotValid) {
        Some(Metric::LimitClientId)
    } else {
        None
    }
}
