//! What the channel does when others say what its client may do: packets that wait for their answer, and the will. And who denied
//! what a client may not do.

use super::{
    acl::{Action as Right, Rule},
    channel::{Action, Channel, Out, State},
    connect::RightsFrom,
    stats::{Metric, Stats},
    verdicts::{By, Known, Rights, Ruling},
};
use crate::{mqtt::Subscribe, time::Time, topic::share::Subscription};

/// A client wanted to do what it may not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Denial {
    /// What.
    pub action: Right,
    /// With which topic name, or topic filter without its group.
    pub topic: Box<str>,
    by: By,
    /// [`Rule::number`]
    rule: Option<u32>,
}

impl Denial {
    /// Of what `rights` have just denied.
    pub(super) fn new(rights: &Rights, action: Right, topic: &str) -> Box<Self> {
        let (by, rule) = match rights {
            Rights::Ruled(rules) => (By::Rules, rules.denied_by(action, topic)),
            Rights::Asked(verdicts) => (verdicts.denied_by(), verdicts.denying_rule(action, topic)),
        };
        Box::new(Self { action, topic: topic.into(), by, rule })
    }
}

/// Whether a client may publish to a topic, by its rights or by what others say; `None`: they have to be asked first.
pub(super) fn may_publish(
    rights: &mut Rights,
    stats: &Stats,
    topic: &str,
    now: Time,
) -> Option<bool> {
    let verdicts = match rights {
        Rights::Ruled(rules) => return Some(rules.allows(Right::Publish, topic)),
        Rights::Asked(verdicts) => verdicts,
    };
    let verdict = counted(verdicts.may(Right::Publish, topic, now)?, stats);
    verdicts.on_packet_done();
    Some(verdict)
}

fn counted(known: Known, stats: &Stats) -> bool {
    let (verdict, cached) = match known {
        Known::Now(verdict) => (verdict, false),
        Known::Cached(verdict) => (verdict, true),
    };
    stats.count(Metric::ClientCheckAcl);
    stats.add(Metric::ClientAclCacheHit, cached.into());
    stats.add(Metric::ClientAclAllow, verdict.into());
    verdict
}

impl Channel {
    /// Whether the client may subscribe to a filter of the packet at hand, after [`Self::must_ask`].
    pub(super) fn may_subscribe(&mut self, filter: &str, now: Time) -> bool {
        let verdicts = match &mut self.rights {
            Rights::Ruled(rules) => return rules.allows(Right::Subscribe, filter),
            Rights::Asked(verdicts) => verdicts,
        };
        let known = verdicts.may(Right::Subscribe, filter, now);
        known.is_some_and(|known| counted(known, &self.shared.stats))
    }

    /// Whether the client may publish to the topic of its will; `None`: others have to be asked first.
    pub(super) fn may_will(&mut self, topic: &str, now: Time) -> Option<bool> {
        may_publish(&mut self.rights, &self.shared.stats, topic, now)
    }

    /// Has the questions asked. The packet at hand is handed back: nothing of it was done.
    pub(super) fn ask(&mut self, out: &mut Out<'_>) {
        if let Some(verdicts) = self.rights.verdicts() {
            out.actions.push(Action::Ask(verdicts.questions().to_vec()));
        }
    }

    /// Whether others must be asked about a filter of this packet.
    pub(super) fn must_ask(&mut self, subscribe: &Subscribe<'_>, now: Time) -> bool {
        let Some(verdicts) = self.rights.verdicts() else { return false };
        let most = self.shared.settings.max_filters_per_packet;
        for (filter, _) in subscribe.filters.iter().take(most) {
            if let Ok(plain) = Subscription::parse(filter) {
                let _ = verdicts.may(Right::Subscribe, plain.filter.as_str(), now);
            }
        }
        !verdicts.questions().is_empty()
    }

    /// What was said about the packet at hand holds for no other.
    pub(super) fn on_packet_done(&mut self) {
        if let Some(verdicts) = self.rights.verdicts() {
            verdicts.on_packet_done();
        }
    }

    /// A packet was handed back and waits for [`Self::on_rulings`]; hand it in again then, and no other before it.
    #[must_use]
    #[inline]
    pub const fn is_asking(&self) -> bool {
        self.rights.is_asking()
    }

    /// The answers to [`Action::Ask`], in its order; what is missing was not answered.
    pub fn on_rulings(&mut self, rulings: &[Ruling], now: Time, out: &mut Out<'_>) {
        // It was not listened to meanwhile.
        self.on_held(now);
        if let Some(verdicts) = self.rights.verdicts() {
            verdicts.on_rulings(rulings, now);
        }
        if let State::Authenticating(_) = &self.state {
            self.admit_will(now, out);
        }
    }

    /// Who denied it, in words: file, line and text of a rule, `acl_nomatch`, or the HTTP server.
    #[must_use]
    pub fn denied_by(&self, denial: &Denial) -> String {
        let own = self.identity.as_deref().is_some_and(|who| who.rights == RightsFrom::Own);
        match (denial.by, denial.rule) {
            (By::Others, _) => "the HTTP server (auth.http.acl_req)".into(),
            (By::Silence, _) => "no answer of the HTTP server (auth.http.acl_req)".into(),
            (By::Rules, Some(Rule::OF_TOKEN)) => "its token".into(),
            (By::Rules, None) if own => "its token, which does not name it".into(),
            (By::Rules, None) => "acl_nomatch: no rule matches".into(),
            (By::Rules, Some(number)) => {
                let rules = &self.shared.access.rules.0;
                let at = usize::try_from(number).ok();
                let rule = at.and_then(|at| rules.get(at));
                rule.map_or_else(String::new, |rule| rule.from.to_string())
            }
        }
    }

    /// Forgets what others said.
    pub fn clean_acl_cache(&mut self) {
        if let Some(verdicts) = self.rights.verdicts() {
            verdicts.clean();
        }
    }
}
