//! CONNECT: who is it, may it come in, what was agreed (v5 3.1 and 3.2).

use std::time::Duration;

use super::{
    ClientId,
    access::{Action as Right, Grant, Verdict, Who},
    alias::Outgoing,
    asking::Denial,
    bridge,
    channel::{Action, Channel, Out, Password, Proof, State, Stay, stands_for, undelayed},
    close::CloseReason,
    delayed,
    enhanced::{self, Enhanced},
    rewrite::Named,
    session::Session,
    stats::Metric,
    verdicts::Rights,
    will::Will,
};
use crate::{
    mqtt::{self, ConnAck, Connect, Properties, Property, QoS, ReasonCode, Version},
    time::{Time, Wall},
};

/// Session Expiry Interval that means "never".
const NEVER: u32 = u32::MAX;

const NO_LEVEL: &str = "client id or user name that is not one level of a topic (+, #, / or $ at its begin), which stands in \
    zone.*.mountpoint, module.rewrite.* or module.subscription.*";

/// Bytes of a v5 CONNACK without properties.
const LEAST_CONNACK: u32 = 5;

/// `pattern` with the client id for `%c` and the user name for `%u`, which stands where there is none.
pub(super) fn filled(pattern: &str, client_id: &str, username: Option<&str>) -> Box<str> {
    let mut text = String::with_capacity(pattern.len() + client_id.len());
    let mut rest = pattern;
    while let Some(at) = rest.find('%') {
        let (before, from) = rest.split_at(at);
        text.push_str(before);
        let (put, left) = match (from.strip_prefix("%c"), from.strip_prefix("%u"), username) {
            (Some(left), ..) => (client_id, left),
            (_, Some(left), Some(name)) => (name, left),
            (..) => ("%", from.get(1..).unwrap_or_default()),
        };
        text.push_str(put);
        rest = left;
    }
    text.push_str(rest);
    text.into()
}

/// The name of a client may stand as a level of a topic, and not as one that is hidden from wildcards.
pub(super) fn is_level(name: &str) -> bool {
    !name.contains(['+', '#', '/', '\0']) && !name.starts_with('$')
}

/// Who is connected.
#[derive(Debug, Clone)]
pub struct Identity {
    /// Client id, sent or assigned.
    pub client_id: ClientId,
    /// User name, if one was sent.
    pub username: Option<Box<str>>,
    /// Clean Start as sent.
    pub clean_start: bool,
    /// Keep alive in force, in seconds; 0 is off.
    pub keep_alive: u16,
    /// When CONNECT was accepted.
    pub connected_at: Wall,
    /// When its token ends, and the connection with it.
    pub ends_at: Option<Time>,
    /// Mount point with its placeholders filled.
    pub mount: Option<Box<str>>,
    /// Where its rights come from.
    pub rights: RightsFrom,
}

/// Where the rights of a client come from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum RightsFrom {
    /// The rules of the node.
    #[default]
    Node,
    /// No rule holds for it.
    Superuser,
    /// Rules of its own, which came with its password or token.
    Own,
}

impl Identity {
    /// `topic` behind the mount point.
    #[must_use]
    pub fn mounted(&self, topic: &str) -> String {
        format!("{}{topic}", self.mount.as_deref().unwrap_or(""))
    }

    /// Its names.
    #[must_use]
    pub fn named(&self) -> Named<'_> {
        Named { client_id: self.client_id.as_str(), username: self.username.as_deref() }
    }
}

/// A CONNECT that was accepted and waits for its session.
#[derive(Debug)]
pub struct Connecting {
    assigned: bool,
    keep_alive_changed: bool,
    expiry_changed: bool,
    wants_response_information: bool,
    /// It has proven who it is.
    proven: bool,
    will: Option<PendingWill>,
}

/// A will needs the number of the session, which is not known yet.
#[derive(Debug)]
struct PendingWill {
    qos: QoS,
    retain: bool,
    /// As the client names it, without its delay: what the rules of access are about.
    named: Box<str>,
    /// Where it goes, `$delayed/SECONDS/` before it if it waits.
    topic: Box<str>,
    payload: Box<[u8]>,
    properties: Box<[u8]>,
}

impl PendingWill {
    /// Its topic stands for what that of a PUBLISH stands for.
    fn keep(
        will: &mqtt::Will<'_>,
        settings: &super::Settings,
        who: &Identity,
    ) -> Result<Self, (ReasonCode, &'static str)> {
        const BAD: ReasonCode = ReasonCode::TopicNameInvalid;
        let no_delay = |_| (BAD, "no seconds or no topic behind $delayed in the topic of the will");
        let (delay, named) = undelayed(will.topic, settings).map_err(no_delay)?;
        let place = stands_for(named, settings, Some(who));
        let topic: Box<str> = match delay.as_secs() {
            // What looks like a delay once more is a topic, and is not to be taken for one when the will is due.
            0 if !(settings.delayed && place.starts_with(delayed::PREFIX)) => place.into(),
            seconds => format!("{}{seconds}/{place}", delayed::PREFIX).into(),
        };
        if topic.len() > usize::from(u16::MAX) {
            return Err((BAD, "topic of the will too long"));
        }
        Ok(Self {
            qos: will.qos,
            retain: will.retain,
            named: named.into(),
            topic,
            payload: will.payload.into(),
            properties: will.properties.raw().into(),
        })
    }

    fn will(&self, publisher: u64) -> Will {
        let will = mqtt::Will {
            qos: self.qos,
            retain: self.retain,
            topic: &self.named,
            payload: &self.payload,
            properties: Properties::from_encoded(&self.properties),
        };
        Will::new(&will, &self.topic, publisher)
    }
}

impl Connecting {
    /// The will that the client has if it gets in.
    pub(super) fn will(&self) -> Option<Will> {
        self.will.as_ref().map(|will| will.will(0))
    }
}

/// What a certificate says of a client, in place of what its CONNECT says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Certified {
    /// User name.
    pub username: Option<Box<str>>,
    /// Client id.
    pub client_id: Option<Box<str>>,
}

impl Certified {
    fn over<'a>(&'a self, connect: &Connect<'a>) -> Connect<'a> {
        let mut connect = connect.clone();
        connect.username = self.username.as_deref().or(connect.username);
        connect.client_id = self.client_id.as_deref().unwrap_or(connect.client_id);
        connect
    }

    /// Whether it stands for the password of this CONNECT: not where a user name is claimed that it does not give.
    const fn proves(&self, connect: &Connect<'_>) -> bool {
        self.username.is_some() || connect.username.is_none()
    }
}

/// What the shell knows and the core does not: chance and the calendar.
#[derive(Clone, Copy, Debug)]
pub struct Moment {
    /// The time.
    pub now: Time,
    /// The calendar.
    pub wall: Wall,
}

impl Channel {
    pub(super) fn on_connect(&mut self, connect: &Connect<'_>, out: &mut Out<'_>) {
        self.count(Metric::PacketsConnectReceived);
        self.count(Metric::ClientConnect);
        self.version = connect.version;
        let named = match &mut self.state {
            State::Waiting(named) => named.take(),
            State::Authenticating(_) | State::Opening(_) | State::Up(_) | State::Closed => None,
        };
        if self.stay == Stay::NoPlace {
            let what = "no place for another connection";
            return self.on_no_session(ReasonCode::QuotaExceeded, what, out);
        }
        let accepted = match named {
            Some(certified) => self.begin(&certified.over(connect), Some(&certified), out),
            None => self.begin(connect, None, out),
        };
        if let Err((reason, what)) = accepted {
            self.refuse(CloseReason::Refused { reason, what }, Some(connect.version), out);
        }
    }

    /// A client that names a method of authentication says there who it is.
    fn begin(
        &mut self,
        connect: &Connect<'_>,
        certified: Option<&Certified>,
        out: &mut Out<'_>,
    ) -> Result<(), (ReasonCode, &'static str)> {
        let Some(first) = enhanced::first_message(connect)? else {
            return self.accept(connect, certified, out);
        };
        let name = enhanced::one_name(connect, &first)?;
        self.enhanced = Some(Box::new(Enhanced::Begun(first)));
        let connect = Connect { username: Some(&name), ..connect.clone() };
        self.accept(&connect, certified, out)
    }

    fn accept(
        &mut self,
        connect: &Connect<'_>,
        certified: Option<&Certified>,
        out: &mut Out<'_>,
    ) -> Result<(), (ReasonCode, &'static str)> {
        let shared = self.shared.clone();
        let settings = &shared.settings;
        let named = certified.is_some_and(|certified| certified.client_id.is_some());
        let (text, assigned) = self.choose_id(connect, named)?;
        if let Some(will) = &connect.will {
            Self::check_will(will, settings)?;
        }
        let keep_alive = self.agree(connect);
        let pattern = settings.mountpoint.as_deref();
        let mount = pattern.map(|pattern| filled(pattern, &text, connect.username));
        // With a wildcard or a slash in a topic made for it, it would read and write what is made for others.
        if !is_level(&text) && settings.is_in_topics("%c") {
            return Err((ReasonCode::ClientIdentifierNotValid, NO_LEVEL));
        }
        if !connect.username.is_none_or(is_level) && settings.is_in_topics("%u") {
            return Err((ReasonCode::NotAuthorized, NO_LEVEL));
        }
        let identity = Identity {
            client_id: ClientId::new(&text),
            username: connect.username.map(Into::into),
            clean_start: connect.clean_start,
            keep_alive,
            connected_at: Wall::default(),
            ends_at: None,
            mount,
            rights: RightsFrom::Node,
        };
        let keep = |will: &mqtt::Will<'_>| PendingWill::keep(will, settings, &identity);
        let will = connect.will.as_ref().map(keep).transpose()?;
        let (properties, expiry) = (&connect.properties, self.expiry().as_secs());
        let asked = properties.session_expiry_interval();
        let connecting = Connecting {
            assigned,
            keep_alive_changed: keep_alive != connect.keep_alive,
            expiry_changed: asked.is_some_and(|asked| u64::from(asked) != expiry),
            wants_response_information: properties.request_response_information() == Some(true),
            proven: false,
            will,
        };
        if !self.fits_connack(&connecting, &identity) {
            let what = "no CONNACK fits into the client's Maximum Packet Size";
            return Err((ReasonCode::PacketTooLarge, what));
        }
        self.state = State::Authenticating(Box::new(connecting));
        self.identity = Some(Box::new(identity));
        self.count(Metric::ClientAuthenticate);
        out.actions.push(Action::Authenticate(if self.enhanced.is_some() {
            Proof::Scram
        } else if certified.is_some_and(|it| it.proves(connect)) {
            Proof::Certificate
        } else {
            Proof::Password(connect.password.map(|password| Password::new(password.into())))
        }));
        Ok(())
    }

    /// Whether the client takes a packet as large as the CONNACK it is owed (v5 [MQTT-3.1.2-24]).
    fn fits_connack(&self, connecting: &Connecting, identity: &Identity) -> bool {
        /// Larger than all of it but for the texts.
        const HEAD: usize = 64;
        let most = usize::try_from(self.max_packet_out).unwrap_or(usize::MAX);
        if most == usize::MAX || most > usize::from(u16::MAX) {
            return true;
        }
        let mut raw = Vec::with_capacity(HEAD);
        self.connack_properties(connecting, identity, &mut raw);
        let mut bytes = Vec::with_capacity(HEAD);
        let properties = Properties::from_encoded(&raw);
        ConnAck { session_present: false, reason: ReasonCode::Success, properties }
            .encode(self.version, &mut bytes);
        bytes.len() <= most
    }

    /// Whether the client may connect, and what it may do then.
    pub fn on_verdict(&mut self, verdict: Verdict, now: Time, out: &mut Out<'_>) {
        if self.is_up() {
            return self.on_verdict_again(verdict, out);
        }
        let State::Authenticating(mut connecting) =
            std::mem::replace(&mut self.state, State::Closed)
        else {
            return;
        };
        let grant = match verdict {
            Ok(grant) => grant,
            Err(refusal) => {
                self.count(refusal.metric());
                self.on_no_session(refusal.reason(), refusal.setting(), out);
                return;
            }
        };
        let Some(identity) = self.identity.as_deref_mut() else { return };
        identity.ends_at = grant.life.map(|life| now + life);
        identity.rights = match &grant.rules {
            _ if grant.superuser => RightsFrom::Superuser,
            Some(_) => RightsFrom::Own,
            None => RightsFrom::Node,
        };
        self.count(if grant.anonymous {
            Metric::ClientAuthSuccessAnonymous
        } else {
            Metric::ClientAuthSuccess
        });
        self.take_rights(&grant);
        connecting.proven = !grant.anonymous;
        self.state = State::Authenticating(connecting);
        self.admit_will(now, out);
    }

    /// The client may connect; whether its will may go where it is to go.
    pub(super) fn admit_will(&mut self, now: Time, out: &mut Out<'_>) {
        let State::Authenticating(connecting) = std::mem::replace(&mut self.state, State::Closed)
        else {
            return;
        };
        let Some(identity) = self.identity.as_deref() else { return };
        let (client_id, clean_start) = (identity.client_id.clone(), identity.clean_start);
        let will = connecting.will.as_ref().map(|will| &*will.named);
        let verdict = will.map(|topic| self.may_will(topic, now));
        match verdict {
            Some(None) => {
                self.state = State::Authenticating(connecting);
                self.ask(out);
            }
            Some(Some(false)) => {
                self.count(Metric::ClientAclDeny);
                let denial = Denial::new(&self.rights, Right::Publish, will.unwrap_or_default());
                out.actions.push(Action::Deny(denial));
                let what = "its will goes to a topic that it may not publish to";
                self.on_no_session(ReasonCode::NotAuthorized, what, out);
            }
            Some(Some(true)) | None => {
                self.state = State::Opening(connecting);
                out.actions.push(Action::Open { client_id, clean_start });
            }
        }
    }

    /// What the client may do from now on.
    pub(super) fn take_rights(&mut self, grant: &Grant) {
        let Some(identity) = self.identity.as_deref() else { return };
        let who = Who {
            zone: &self.shared.zone,
            client_id: identity.client_id.as_str(),
            username: identity.username.as_deref(),
            peer: self.peer.0,
        };
        let access = &self.shared.access;
        self.rights = match access.verdicts(&who, grant) {
            Some(verdicts) => Rights::Asked(Box::new(verdicts)),
            None => Rights::Ruled(access.rights(&who, grant)),
        };
    }

    /// The client id, and whether it was assigned; `named`: a certificate gives it.
    fn choose_id(
        &self,
        connect: &Connect<'_>,
        named: bool,
    ) -> Result<(String, bool), (ReasonCode, &'static str)> {
        const BAD: ReasonCode = ReasonCode::ClientIdentifierNotValid;
        let settings = &self.shared.settings;
        let username = connect.username.filter(|_| settings.use_username_as_client_id && !named);
        let client_id = username.filter(|name| !name.is_empty()).unwrap_or(connect.client_id);
        if client_id.len() > settings.max_client_id_len {
            return Err((BAD, "client id longer than mqtt.max_clientid_len"));
        }
        if client_id.starts_with(bridge::CLIENT) && self.shared.zone != bridge::ZONE {
            return Err((BAD, "client id that is kept for the bridges of the node"));
        }
        if !client_id.is_empty() {
            return Ok((client_id.to_owned(), false));
        }
        match connect.version {
            Version::V3_1 => Err((BAD, "empty client id")),
            Version::V3_1_1 if !connect.clean_start => {
                Err((BAD, "empty client id without clean session"))
            }
            Version::V3_1_1 | Version::V5 => Ok((self.shared.assigned_id(), true)),
        }
    }

    fn check_will(
        will: &mqtt::Will<'_>,
        settings: &super::Settings,
    ) -> Result<(), (ReasonCode, &'static str)> {
        if will.qos > settings.max_qos {
            return Err((ReasonCode::QosNotSupported, "QoS of the will above the maximum"));
        }
        if will.retain && !settings.retain_available {
            return Err((ReasonCode::RetainNotSupported, "retained will"));
        }
        let deep = settings.max_topic_levels != 0
            && will.topic.split('/').count() > settings.max_topic_levels;
        if will.topic.len() > settings.max_topic_len || deep {
            return Err((ReasonCode::TopicNameInvalid, "topic of the will too long or too deep"));
        }
        if will.payload.len() > settings.max_will_payload {
            return Err((ReasonCode::PacketTooLarge, "will payload too large"));
        }
        Ok(())
    }

    /// Takes what the client asks for as far as the limits allow; returns the keep alive in force.
    fn agree(&mut self, connect: &Connect<'_>) -> u16 {
        let shared = self.shared.clone();
        let settings = &shared.settings;
        let v5 = connect.version == Version::V5;
        let expiry = if v5 {
            self.granted_expiry(connect.properties.session_expiry_interval().unwrap_or(0))
        } else if connect.clean_start {
            Duration::ZERO
        } else {
            settings.session_expiry
        };
        self.set_expiry(expiry);
        self.receive_max = connect
            .properties
            .receive_maximum()
            .unwrap_or(u16::MAX)
            .min(settings.max_inflight.max(1));
        self.max_packet_out = connect.properties.maximum_packet_size().unwrap_or(u32::MAX);
        let aliases =
            connect.properties.topic_alias_maximum().unwrap_or(0).min(settings.max_topic_alias);
        if aliases > 0 {
            self.aliases.get_or_insert_default().outgoing = Some(Outgoing::new(aliases));
        }
        let keep_alive = match settings.server_keepalive {
            Some(forced) if v5 => forced,
            _ if v5 => connect.keep_alive.min(settings.keepalive_max),
            _ => connect.keep_alive,
        };
        let limit = Duration::from_secs(u64::from(keep_alive));
        let limit = limit.mul_f64(settings.keepalive_backoff * 2.0).as_millis();
        self.keep_alive_ms = match keep_alive {
            0 => 0,
            _ => u32::try_from(limit).unwrap_or(u32::MAX).max(1),
        };
        keep_alive
    }

    pub(super) fn granted_expiry(&self, seconds: u32) -> Duration {
        let most = self.shared.settings.session_expiry_max;
        if seconds == NEVER { most } else { Duration::from_secs(u64::from(seconds)).min(most) }
    }

    /// The session is here: `kept`, or none and a new one with `number` begins. Answers CONNACK and resends what was under way.
    pub fn on_session(
        &mut self,
        kept: Option<Box<Session>>,
        number: u64,
        moment: Moment,
        out: &mut Out<'_>,
    ) {
        let State::Opening(connecting) = std::mem::replace(&mut self.state, State::Closed) else {
            return;
        };
        let owner = self.owner().map(Into::into);
        let Some(identity) = self.identity.as_deref_mut() else { return };
        identity.connected_at = moment.wall;
        let client_id = identity.client_id.clone();
        let present = kept.is_some();
        self.connack(&connecting, present, out);
        self.on_told();
        let begin = || Session { owner, ..Session::new(number, client_id, moment.wall) };
        let mut session = kept.unwrap_or_else(|| Box::new(begin()));
        session.proven |= connecting.proven;
        self.will = connecting.will.map(|will| Box::new(will.will(session.number)));
        self.state = State::Up(session);
        if let (true, State::Up(session)) = (present, &mut self.state) {
            session.awaiting_rel.come_back(moment.now);
            session.inflight.owe_all();
            self.take_out_denied(out);
        }
        self.subscribe_unasked(out);
        // However long that took.
        self.on_held(moment.now);
    }

    fn connack(&self, connecting: &Connecting, session_present: bool, out: &mut Out<'_>) {
        let mut raw = Vec::new();
        if let (Version::V5, Some(identity)) = (self.version, self.identity.as_deref()) {
            self.connack_properties(connecting, identity, &mut raw);
        }
        let properties = Properties::from_encoded(&raw);
        ConnAck { session_present, reason: ReasonCode::Success, properties }
            .encode(self.version, out.bytes);
        for metric in [
            Metric::PacketsConnackSent,
            Metric::PacketsSent,
            Metric::ClientConnack,
            Metric::ClientConnected,
        ] {
            self.count(metric);
        }
    }

    fn connack_properties(&self, connecting: &Connecting, identity: &Identity, raw: &mut Vec<u8>) {
        let settings = &self.shared.settings;
        let size = u32::try_from(settings.max_packet_size).unwrap_or(u32::MAX);
        Property::MaximumPacketSize(size).encode(raw);
        let receive = u16::try_from(settings.max_awaiting_rel).unwrap_or(u16::MAX).max(1);
        Property::ReceiveMaximum(receive).encode(raw);
        if settings.max_topic_alias != 0 {
            Property::TopicAliasMaximum(settings.max_topic_alias).encode(raw);
        }
        if settings.max_qos != QoS::ExactlyOnce {
            Property::MaximumQoS(settings.max_qos.as_u8()).encode(raw);
        }
        if !settings.retain_available {
            Property::RetainAvailable(false).encode(raw);
        }
        if !settings.wildcard_subscription {
            Property::WildcardSubscriptionAvailable(false).encode(raw);
        }
        if !settings.shared_subscription {
            Property::SharedSubscriptionAvailable(false).encode(raw);
        }
        if connecting.assigned {
            Property::AssignedClientIdentifier(identity.client_id.as_str()).encode(raw);
        }
        if connecting.keep_alive_changed {
            Property::ServerKeepAlive(identity.keep_alive).encode(raw);
        }
        if connecting.expiry_changed {
            let seconds = u32::try_from(self.expiry().as_secs()).unwrap_or(NEVER);
            Property::SessionExpiryInterval(seconds).encode(raw);
        }
        if let Some(enhanced) = &self.enhanced {
            enhanced.put(raw);
        }
        if let (true, Some(text)) =
            (connecting.wants_response_information, &settings.response_information)
        {
            Property::ResponseInformation(text).encode(raw);
        }
    }

    /// Ends a connection that is not served: CONNACK with the reason where the version has one, and close.
    pub(super) fn refuse(
        &mut self,
        reason: CloseReason,
        version: Option<Version>,
        out: &mut Out<'_>,
    ) {
        if self.is_up() {
            self.close(reason, out);
            return;
        }
        self.count(Metric::PacketsConnackError);
        let code = reason.disconnect().unwrap_or(ReasonCode::UnspecifiedError);
        let tells = version.is_some_and(|version| version == Version::V5 || v3_has_code(code));
        if let (true, Some(version)) = (tells && self.max_packet_out >= LEAST_CONNACK, version) {
            let server = self.server_reference(&reason);
            let properties = Properties::from_encoded(&server);
            ConnAck { session_present: false, reason: code, properties }.encode(version, out.bytes);
            self.count(Metric::PacketsConnackSent);
            self.count(Metric::PacketsSent);
        }
        self.will = None;
        self.stay = Stay::Over;
        self.state = State::Closed;
        out.actions.push(Action::Close(reason));
    }

    /// The node takes no client now: CONNACK with what `reason` tells, and close.
    pub fn on_no_place(&mut self, reason: CloseReason, out: &mut Out<'_>) {
        let version = Some(self.version);
        self.refuse(reason, version, out);
    }

    /// The node cannot take this client now: CONNACK with `reason`, and close.
    pub fn on_no_session(&mut self, reason: ReasonCode, what: &'static str, out: &mut Out<'_>) {
        let version = Some(self.version);
        self.refuse(CloseReason::Refused { reason, what }, version, out);
    }
}

/// MQTT 3 has a CONNACK code for few reasons; a malformed packet just closes the connection [MQTT-4.8.0-1].
fn v3_has_code(reason: ReasonCode) -> bool {
    !matches!(
        reason,
        ReasonCode::MalformedPacket | ReasonCode::ProtocolError | ReasonCode::PacketTooLarge
    )
}
