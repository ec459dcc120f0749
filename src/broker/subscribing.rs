//! SUBSCRIBE and UNSUBSCRIBE (v5 3.8 to 3.11).

use std::sync::Arc;

use super::{
    access::Grant,
    acl::Action as Right,
    asking::Denial,
    channel::{Action, Channel, Out, Shared, State},
    connect::{Identity, RightsFrom, filled},
    inflight::Awaiting,
    message::Message,
    rewrite::rewrite,
    stats::Metric,
    subscription_list::SubscriptionList,
    verdicts::Rights,
};
use crate::{
    mqtt::{
        PacketId, QoS, ReasonCode, Subscribe, SubscriptionOptions, Unsubscribe, Version, encode,
        frame::width_of,
    },
    time::Time,
    topic::{TopicFilter, TopicName, share::Subscription, trie::Trie},
};

/// One subscription that was granted.
#[derive(Debug)]
pub struct Granted {
    /// Filter, with the mount point, and group.
    pub subscription: Subscription,
    /// Which of the filters of the packet it is.
    pub place: usize,
    /// Options in force.
    pub options: SubscriptionOptions,
    /// Subscription Identifier; 0 for none.
    pub id: u32,
    /// Retained messages are wanted [MQTT-3.3.1-9] to [MQTT-3.3.1-11].
    pub wants_retained: bool,
}

/// A SUBSCRIBE that passed the checks, or what a client is subscribed to unasked.
#[derive(Debug)]
pub struct SubscribeRequest {
    /// For the SUBACK; `None`: nobody asked.
    pub packet_id: Option<PacketId>,
    /// One per filter, in order.
    pub reasons: Vec<ReasonCode>,
    /// What to enter.
    pub granted: Vec<Granted>,
}

/// Subscriptions to take out.
#[derive(Debug)]
pub struct UnsubscribeRequest {
    /// Filters, with the mount point, and groups.
    pub subscriptions: Vec<Subscription>,
    /// The client has no right to them any more: of what waits for it only this is to stay.
    pub denied: Option<Wanted>,
}

/// Which messages may wait for a session on the strength of what is left to it. By default all.
#[derive(Debug, Default)]
pub struct Wanted(Trie<u32>);

impl Wanted {
    const DENIED: u32 = 1;
    const LEFT: u32 = 2;

    /// `denied` was taken out, and `left` stays.
    #[must_use]
    pub fn new<'a>(
        denied: impl Iterator<Item = &'a Subscription>,
        left: &SubscriptionList,
    ) -> Self {
        let mut filters = Trie::new();
        for to in denied {
            *filters.get_or_insert_with(&to.filter, || 0) |= Self::DENIED;
        }
        // Nothing is to be looked for where all may stay.
        let any = !filters.is_empty();
        for (to, _) in left.iter().filter(|_| any) {
            *filters.get_or_insert_with(&to.filter, || 0) |= Self::LEFT;
        }
        Self(filters)
    }

    /// Whether `message` may stay: nothing that was taken out matches it, or something that stays does.
    #[must_use]
    pub fn has(&self, message: &Message) -> bool {
        let Ok(topic) = TopicName::parse(message.topic()) else { return false };
        let mut found = 0;
        self.0.for_each_match(topic, |which| found |= which);
        found & Self::DENIED == 0 || found & Self::LEFT != 0
    }
}

impl Channel {
    pub(super) fn on_subscribe(&mut self, subscribe: &Subscribe<'_>, now: Time, out: &mut Out<'_>) {
        if self.must_ask(subscribe, now) {
            return self.ask(out);
        }
        self.count(Metric::PacketsSubscribeReceived);
        self.count(Metric::ClientSubscribe);
        if !self.takes_answer(subscribe.filters.iter().count(), out) {
            return;
        }
        let id = subscribe.properties.subscription_identifier().unwrap_or(0);
        let most = self.shared.settings.max_filters_per_packet;
        let mut request = SubscribeRequest {
            packet_id: Some(subscribe.packet_id),
            reasons: Vec::new(),
            granted: Vec::new(),
        };
        for (place, (filter, options)) in subscribe.filters.iter().enumerate() {
            let verdict = if place >= most {
                self.count(Metric::LimitSubscriptions);
                Err(ReasonCode::QuotaExceeded)
            } else {
                self.grant(filter, options, now).and_then(|to| self.enter(to, options, (id, place)))
            };
            let reason = match verdict {
                Ok(granted) => {
                    let qos = granted.options.qos;
                    request.granted.push(granted);
                    ReasonCode::from_u8(qos.as_u8()).unwrap_or(ReasonCode::Success)
                }
                Err(ReasonCode::ProtocolError) => {
                    self.violation(
                        ReasonCode::ProtocolError,
                        "No Local on a shared subscription",
                        out,
                    );
                    return;
                }
                Err(reason) => {
                    self.count(Metric::PacketsSubscribeError);
                    if reason == ReasonCode::NotAuthorized {
                        self.tell_denied(filter, out);
                    }
                    reason
                }
            };
            request.reasons.push(reason);
        }
        self.on_packet_done();
        out.actions.push(Action::Subscribe(Box::new(request)));
    }

    /// What `filter` is for this client, by its rights and the limits.
    fn grant(
        &mut self,
        filter: &str,
        asked: SubscriptionOptions,
        now: Time,
    ) -> Result<Subscription, ReasonCode> {
        let settings = &self.shared.settings;
        let plain = Subscription::parse(filter).map_err(|_| ReasonCode::TopicFilterInvalid)?;
        if plain.is_shared() && asked.no_local {
            // v5 [MQTT-3.8.3-4]
            return Err(ReasonCode::ProtocolError);
        }
        if plain.is_shared() && !settings.shared_subscription {
            return Err(ReasonCode::SharedSubscriptionsNotSupported);
        }
        if plain.is_exclusive() && !settings.exclusive_subscription {
            return Err(ReasonCode::TopicFilterInvalid);
        }
        if plain.filter.has_wildcard() && !settings.wildcard_subscription {
            return Err(ReasonCode::WildcardSubscriptionsNotSupported);
        }
        let text = plain.filter.as_str();
        let deep = settings.max_topic_levels != 0
            && plain.filter.level_count() > settings.max_topic_levels;
        if text.len() > settings.max_topic_len || deep {
            self.count(Metric::LimitTopic);
            return Err(ReasonCode::TopicFilterInvalid);
        }
        if plain.filter.levels().filter(|level| *level == "+").count()
            > settings.max_wildcard_levels
        {
            self.count(Metric::LimitTopic);
            return Err(ReasonCode::QuotaExceeded);
        }
        if !self.rights.allows_all() && !self.may_subscribe(text, now) {
            self.count(Metric::ClientAclDeny);
            self.count(Metric::PacketsSubscribeAuthError);
            return Err(ReasonCode::NotAuthorized);
        }
        self.mounted(&plain)
    }

    /// The rights of the client do not have this filter.
    fn tell_denied(&self, filter: &str, out: &mut Out<'_>) {
        if let Ok(plain) = Subscription::parse(filter) {
            let denial = Denial::new(&self.rights, Right::Subscribe, plain.filter.as_str());
            out.actions.push(Action::Deny(denial));
        }
    }

    /// Whether the rules of now let the client have what a session of before holds. A filter that was rewritten is not known by its
    /// first name any more, and the HTTP server is not asked once more (nor does EMQX): those stay.
    pub(super) fn still_allows(&self, kept: &Subscription) -> bool {
        if self.rights.allows_all() || !self.shared.settings.subscribe_rewrites.is_empty() {
            return true;
        }
        let mount = self.identity.as_deref().and_then(|identity| identity.mount.as_deref());
        let text = kept.filter.as_str();
        // Under another mount point it is another client's.
        let Some(plain) = text.strip_prefix(mount.unwrap_or_default()) else { return false };
        let ruled = match &self.rights {
            Rights::Ruled(rules) => rules.allows(Right::Subscribe, plain),
            Rights::Asked(verdicts) => verdicts.ruled(Right::Subscribe, plain).unwrap_or(true),
        };
        ruled || self.is_unasked(kept)
    }

    /// Every client is subscribed to it when it connects, and nobody asks the rules.
    fn is_unasked(&self, kept: &Subscription) -> bool {
        let Some(who) = self.identity.as_deref() else { return false };
        self.shared.settings.subscriptions.iter().any(|(pattern, _)| {
            let text = filled(pattern, who.client_id.as_str(), who.username.as_deref());
            let to = Subscription::parse(&text).ok().and_then(|plain| self.mounted(&plain).ok());
            to.is_some_and(|to| to == *kept)
        })
    }

    /// The rules of access are those in `shared` now, which is as before but for them.
    pub fn renew_rules(&mut self, shared: Arc<Shared>, out: &mut Out<'_>) {
        self.shared = shared;
        match self.identity.as_deref().map(|who| who.rights) {
            Some(RightsFrom::Node) => self.take_rights(&Grant::default()),
            // They came with its login.
            Some(RightsFrom::Superuser | RightsFrom::Own) | None => self.clean_acl_cache(),
        }
        self.take_out_denied(out);
    }

    /// Takes out of a session that goes on what its client may not subscribe to, since the rules may have changed, or another address
    /// has come, or another token. What waits because of that alone, and was not sent on this connection, is forgotten; what was sent
    /// with QoS 2 before goes on to its end.
    pub(super) fn take_out_denied(&mut self, out: &mut Out<'_>) {
        let State::Up(session) = &self.state else { return };
        let kept = session.subscriptions.iter().map(|(to, _)| to);
        let denied: Vec<_> = kept.filter(|to| !self.still_allows(to)).cloned().collect();
        let State::Up(session) = &mut self.state else { return };
        for to in &denied {
            session.subscriptions.remove(to);
            self.shared.stats.count(Metric::ClientAclDeny);
            let filter = to.filter.as_str();
            out.actions.push(Action::Deny(Denial::new(&self.rights, Right::Subscribe, filter)));
        }
        if denied.is_empty() {
            return;
        }
        let before = session.inflight.len();
        let wanted = Wanted::new(denied.iter(), &session.subscriptions);
        // What was sent on this connection will be acknowledged on it: until then its packet identifier is taken. That of a message of
        // QoS 2 is so beyond the connection.
        session.inflight.retain(|slot| match &slot.awaiting {
            Awaiting::PubAck(delivery) => !slot.owed || wanted.has(&delivery.message),
            Awaiting::PubRec(_) | Awaiting::PubComp => true,
        });
        let dropped = before - session.inflight.len();
        self.shared.stats.add(Metric::DeliveryDropped, dropped as u64);
        let request = UnsubscribeRequest { subscriptions: denied, denied: Some(wanted) };
        out.actions.push(Action::Unsubscribe(Box::new(request)));
    }

    /// Enters a subscription into the session.
    fn enter(
        &mut self,
        subscription: Subscription,
        asked: SubscriptionOptions,
        (id, place): (u32, usize),
    ) -> Result<Granted, ReasonCode> {
        let shared = self.shared.clone();
        let settings = &shared.settings;
        let mut options = SubscriptionOptions { qos: asked.qos.min(settings.max_qos), ..asked };
        if settings.ignore_loop_deliver && self.version != Version::V5 {
            options.no_local = true;
        }
        let State::Up(session) = &mut self.state else { return Err(ReasonCode::UnspecifiedError) };
        let known = session.subscriptions.contains(&subscription);
        if !known
            && settings.max_subscriptions != 0
            && session.subscriptions.len() >= settings.max_subscriptions
        {
            shared.stats.count(Metric::LimitSubscriptions);
            return Err(ReasonCode::QuotaExceeded);
        }
        if !known
            && subscription.filter.has_wildcard()
            && settings.max_wildcard_subscriptions != 0
            && session.subscriptions.wildcards() >= settings.max_wildcard_subscriptions
        {
            shared.stats.count(Metric::LimitSubscriptions);
            return Err(ReasonCode::WildcardSubscriptionsNotSupported);
        }
        session.subscriptions.insert(subscription.clone(), (options, id));
        let wants_retained = !subscription.is_shared()
            && match options.retain_handling {
                0 => true,
                1 => !known,
                _ => false,
            };
        Ok(Granted { subscription, place, options, id, wants_retained })
    }

    /// What the filter stands for: rewritten, and behind the mount point.
    fn mounted(&self, plain: &Subscription) -> Result<Subscription, ReasonCode> {
        let rules = &self.shared.settings.subscribe_rewrites;
        let identity = self.identity.as_deref();
        let mount = identity.and_then(|identity| identity.mount.as_deref());
        if rules.is_empty() && mount.is_none() {
            return Ok(plain.clone());
        }
        let named = identity.map(Identity::named).unwrap_or_default();
        let text = rewrite(rules, plain.filter.as_str(), named);
        let filter = TopicFilter::parse(&format!("{}{text}", mount.unwrap_or_default()))
            .map_err(|_| ReasonCode::TopicFilterInvalid)?;
        Ok(Subscription { group: plain.group.clone(), filter })
    }

    /// What every client is subscribed to when it connects (EMQX `emqx_mod_subscription`). The rules of access are not asked.
    pub(super) fn subscribe_unasked(&mut self, out: &mut Out<'_>) {
        let shared = self.shared.clone();
        let mut request = SubscribeRequest { packet_id: None, reasons: vec![], granted: vec![] };
        for (pattern, options) in &shared.settings.subscriptions {
            let Some(identity) = self.identity.as_deref() else { return };
            let text = filled(pattern, identity.client_id.as_str(), identity.username.as_deref());
            let to = Subscription::parse(&text).map_err(|_| ReasonCode::TopicFilterInvalid);
            let place = request.reasons.len();
            let entered = to
                .and_then(|plain| self.mounted(&plain))
                .and_then(|to| self.enter(to, *options, (0, place)));
            request
                .reasons
                .push(entered.as_ref().map_or_else(|reason| *reason, |_| ReasonCode::Success));
            request.granted.extend(entered);
        }
        if !request.granted.is_empty() {
            out.actions.push(Action::Subscribe(Box::new(request)));
        }
    }

    /// An operator subscribes the client; the rules of access are not asked.
    ///
    /// # Errors
    /// A limit is in the way.
    pub fn subscribe_ordered(
        &mut self,
        plain: &Subscription,
        qos: QoS,
        out: &mut Out<'_>,
    ) -> Result<(), &'static str> {
        let options = SubscriptionOptions { qos, ..SubscriptionOptions::default() };
        let entered = self.mounted(plain).and_then(|to| self.enter(to, options, (0, 0)));
        let granted = entered.map_err(|reason| {
            let full = reason == ReasonCode::QuotaExceeded;
            if full {
                "it has zone.*.max_subscriptions already"
            } else {
                "it cannot have that filter"
            }
        })?;
        let (reasons, granted) = (vec![ReasonCode::Success], vec![granted]);
        let request = SubscribeRequest { packet_id: None, reasons, granted };
        out.actions.push(Action::Subscribe(Box::new(request)));
        Ok(())
    }

    /// An operator takes a subscription of the client out.
    ///
    /// # Errors
    /// There is none.
    pub fn unsubscribe_ordered(
        &mut self,
        plain: &Subscription,
        out: &mut Out<'_>,
    ) -> Result<(), &'static str> {
        let to = self.mounted(plain).map_err(|_| "it cannot have that filter")?;
        let State::Up(session) = &mut self.state else { return Err("it is not connected") };
        if !session.subscriptions.remove(&to) {
            return Err("it has no such subscription");
        }
        let request = UnsubscribeRequest { subscriptions: vec![to], denied: None };
        out.actions.push(Action::Unsubscribe(Box::new(request)));
        Ok(())
    }

    /// Another client has what was to be for one alone (EMQX answers 0x97).
    pub fn on_taken(&mut self, request: &mut SubscribeRequest, at: usize) {
        let taken = request.granted.remove(at);
        if let Some(reason) = request.reasons.get_mut(taken.place) {
            *reason = ReasonCode::QuotaExceeded;
        }
        self.count(Metric::PacketsSubscribeError);
        if let State::Up(session) = &mut self.state {
            session.subscriptions.remove(&taken.subscription);
        }
    }

    /// The subscriptions stand, here and on every node: SUBACK.
    pub fn on_subscribed(
        &mut self,
        packet_id: Option<PacketId>,
        reasons: &[ReasonCode],
        out: &mut Out<'_>,
    ) {
        let Some(packet_id) = packet_id else { return };
        if self.is_up() {
            self.count(Metric::PacketsSubackSent);
            self.count(Metric::PacketsSent);
            encode::suback(out.bytes, self.version, packet_id, &[], reasons);
        }
    }

    /// Whether a SUBACK or UNSUBACK with so many codes is no larger than the client takes; ends the connection otherwise, as
    /// there is no smaller one (v5 [MQTT-3.1.2-24]).
    fn takes_answer(&mut self, codes: usize, out: &mut Out<'_>) -> bool {
        // First byte, its length, identifier, length of the properties.
        let body = u32::try_from(3 + codes).unwrap_or(u32::MAX);
        let width = u32::try_from(width_of(body)).unwrap_or(u32::MAX);
        let fits = body.saturating_add(1 + width) <= self.max_packet_out;
        if !fits {
            self.violation(ReasonCode::PacketTooLarge, "more filters than an answer can hold", out);
        }
        fits
    }

    pub(super) fn on_unsubscribe(&mut self, unsubscribe: &Unsubscribe<'_>, out: &mut Out<'_>) {
        self.count(Metric::PacketsUnsubscribeReceived);
        self.count(Metric::ClientUnsubscribe);
        if !self.takes_answer(unsubscribe.filters.iter().count(), out) {
            return;
        }
        let most = self.shared.settings.max_filters_per_packet;
        if self.version != Version::V5 && unsubscribe.filters.iter().count() > most {
            // Its UNSUBACK has no codes.
            self.count(Metric::LimitSubscriptions);
            let what = "more filters in UNSUBSCRIBE than zone.*.max_filters";
            return self.violation(ReasonCode::QuotaExceeded, what, out);
        }
        let (mut reasons, mut subscriptions) = (Vec::new(), Vec::new());
        for (place, filter) in unsubscribe.filters.iter().enumerate() {
            if place >= most {
                // UNSUBACK knows no quota (v5 3.11.3).
                self.count(Metric::LimitSubscriptions);
                reasons.push(ReasonCode::ImplementationSpecificError);
                continue;
            }
            let found =
                Subscription::parse(filter).ok().and_then(|plain| self.mounted(&plain).ok());
            let State::Up(session) = &mut self.state else { return };
            match found.filter(|subscription| session.subscriptions.remove(subscription)) {
                Some(subscription) => {
                    reasons.push(ReasonCode::Success);
                    subscriptions.push(subscription);
                }
                None => reasons.push(ReasonCode::NoSubscriptionExisted),
            }
        }
        out.actions.push(Action::Unsubscribe(Box::new(UnsubscribeRequest {
            subscriptions,
            denied: None,
        })));
        self.count(Metric::PacketsUnsubackSent);
        self.count(Metric::PacketsSent);
        encode::unsuback(out.bytes, self.version, unsubscribe.packet_id, &[], &reasons);
    }
}
