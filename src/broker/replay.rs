//! Retained messages that are due to a new subscription, and how far they have come: what is left goes with the session from connection
//! to connection, and from node to node.

use super::portable::{BadSession, Get, put_text, put_u32};
use crate::{
    mqtt::QoS,
    topic::{TopicFilter, share::Subscription},
};

/// Retained messages on their way to a new subscription.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Replay {
    /// What it subscribes to.
    pub filter: TopicFilter,
    /// The last topic that was sent.
    pub after: Option<Box<str>>,
    /// Its QoS.
    pub qos: QoS,
    /// Its Subscription Identifier; 0 for none.
    pub id: u32,
    /// Not what the session has published itself.
    pub no_local: bool,
}

impl Replay {
    /// The subscription it is due to.
    #[must_use]
    pub fn subscription(&self) -> Subscription {
        Subscription { group: None, filter: self.filter.clone() }
    }

    /// As the body of a record, see [`super::portable`].
    pub(super) fn put(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&[self.qos.as_u8(), u8::from(self.after.is_some())]);
        put_u32(out, self.id);
        put_text(out, self.filter.as_str());
        put_text(out, self.after.as_deref().unwrap_or(""));
        out.push(u8::from(self.no_local));
    }

    /// Reads what [`Self::put`] wrote, or an older release, which did not say whose messages are left out.
    pub(super) fn get(body: &mut Get<'_>) -> Result<Self, BadSession> {
        let (qos, some, id) = (body.qos()?, body.u8()? != 0, body.u32()?);
        let filter = TopicFilter::parse(body.text()?).map_err(|_| BadSession("topic filter"))?;
        let after = Some(body.text()?.into()).filter(|_| some);
        let no_local = !body.0.is_empty() && body.u8()? != 0;
        Ok(Self { filter, after, qos, id, no_local })
    }
}
