//! The channel: protocol state of one connection (EMQX `emqx_channel`). Packets, deliveries and the time in; bytes and
//! actions out.
//!
//! Bytes are appended to the caller's buffer in the order in which the client must see them. Actions are performed by the
//! caller in the order given, before it hands the next packet in. PUBACK and PUBREC keep the order of their PUBLISHes
//! [MQTT-4.6.0-2]: one that waits for another node holds those behind it.

use std::{
    borrow::Cow,
    collections::VecDeque,
    net::{IpAddr, SocketAddr},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use super::{
    ClientId, Message, Settings,
    access::{Access, Refusal, Verdict},
    acl::{Action as Right, Cidr, ClientAccess},
    alias::Aliases,
    asking::{Denial, may_publish},
    bans::Banned,
    close::CloseReason,
    connect::{Certified, Connecting, Identity},
    delayed,
    enhanced::Enhanced,
    message::{Meta, carried},
    portable::Portable,
    replay::Replay,
    rewrite::rewrite,
    session::Session,
    stats::{Metric, Stats},
    subscribing::{SubscribeRequest, UnsubscribeRequest, Wanted},
    subscription_list::Terms,
    verdicts::{Question, Rights},
    will::Will,
};
use zeroize::Zeroizing;

use crate::{
    mqtt::{
        self, Ack, AckType, DecodeError, Disconnect, FixedHeader, Packet, PacketId, Properties,
        Property, PropertyId, Publish, QoS, ReasonCode, Version, encode,
    },
    time::{Time, Wall},
    topic::{TopicName, share::Subscription},
};

/// How long a client waits for a verdict.
const VERDICT: Duration = Duration::from_secs(15);
/// How long it waits for its session: longer than the largest takes from node to node.
const OPENING: Duration = Duration::from_secs(120);

/// What a channel shares with all others of its listener.
#[derive(Debug)]
pub struct Shared {
    /// Limits of the zone.
    pub settings: Settings,
    /// Name of the zone.
    pub zone: String,
    /// Port of the listener; 0 where it has none.
    pub port: u16,
    /// Proxies: where these clients seem to be are many others.
    pub proxies: Vec<Cidr>,
    /// Users and rules.
    pub access: Access,
    /// Counters of the node.
    pub stats: Arc<Stats>,
    /// Where assigned client ids count on from; starts at random, so that no two nodes assign one id. However often the rules
    /// change it is one count: connections from before draw on it too.
    pub next_assigned: Arc<AtomicU64>,
}

impl Shared {
    /// The same with other users and rules.
    #[must_use]
    pub fn with_access(&self, access: Access) -> Self {
        Self {
            settings: self.settings.clone(),
            zone: self.zone.clone(),
            port: self.port,
            proxies: self.proxies.clone(),
            access,
            stats: self.stats.clone(),
            next_assigned: self.next_assigned.clone(),
        }
    }

    /// The same with other rules of access; who may connect is as before.
    #[must_use]
    pub fn with_rules(&self, new: &Access) -> Self {
        let Access { bans, jwt, users, auth_order, .. } = self.access.clone();
        self.with_access(Access { bans, jwt, users, auth_order, ..new.clone() })
    }

    /// What becomes of a PUBLISH about whose topic this is known.
    fn admit_topic(
        &self,
        verdict: Option<bool>,
        (rights, topic): (&Rights, &str),
    ) -> Result<(), Denied> {
        match verdict {
            Some(true) => Ok(()),
            None => Err(Denied::Ask),
            Some(false) => {
                self.stats.count(Metric::ClientAclDeny);
                self.stats.count(Metric::PacketsPublishAuthError);
                Err(Denied::Right(Denial::new(rights, Right::Publish, topic)))
            }
        }
    }

    /// A client id for a client that sent none.
    pub(super) fn assigned_id(&self) -> String {
        format!("auto-{:016X}", self.next_assigned.fetch_add(1, Ordering::Relaxed))
    }
}

/// Where a channel puts its output.
#[derive(Debug)]
pub struct Out<'a> {
    /// Bytes for the client.
    pub bytes: &'a mut Vec<u8>,
    /// What the caller has to do.
    pub actions: &'a mut Vec<Action>,
}

/// The acknowledgement a PUBLISH of the client asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reply {
    /// QoS 0.
    None,
    /// QoS 1.
    PubAck(PacketId),
    /// QoS 2.
    PubRec(PacketId),
}

/// The password of a client, wiped when dropped.
pub type Password = Zeroizing<Box<[u8]>>;

/// How a client shows who it is.
#[derive(Debug)]
pub enum Proof {
    /// By the password of its CONNECT, if there is one.
    Password(Option<Password>),
    /// By a certificate, which TLS has verified and which names it.
    Certificate,
    /// By SCRAM: find whom [`Channel::claimed_user`] names and call [`Channel::on_candidate`].
    Scram,
}

/// What the caller has to do.
#[derive(Debug)]
pub enum Action {
    /// Find out whether the client that [`Channel::identity`] names may connect with this password; then call
    /// [`Channel::on_verdict`].
    Authenticate(Proof),
    /// A proof was checked: call [`Channel::on_verdict`] with this.
    Judge(Verdict),
    /// Ask others these questions about the client, then call [`Channel::on_rulings`]; until then no packet is wanted.
    Ask(Vec<Question>),
    /// Find the session of this client, or make one; then call [`Channel::on_session`].
    Open {
        /// Whose session.
        client_id: ClientId,
        /// Throw away what is there.
        clean_start: bool,
    },
    /// Route this message, then call [`Channel::on_routed`].
    Publish(Message, Reply),
    /// Keep this message so long and route it then; call [`Channel::on_routed`] at once.
    Delay(Message, Duration, Reply),
    /// Enter these subscriptions, then call [`Channel::on_subscribed`] when every node knows.
    Subscribe(Box<SubscribeRequest>),
    /// Take these subscriptions out. The answer is written already.
    Unsubscribe(Box<UnsubscribeRequest>),
    /// The client wanted what it may not, which was refused; [`Channel::denied_by`] says why.
    Deny(Box<Denial>),
    /// Write what is left and close.
    Close(CloseReason),
}

/// How a message was routed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Routed {
    /// Every node that needs it has it; `false`: nobody wants it.
    Done(bool),
    /// Another node has to confirm; [`Channel::on_forwarded`] follows, in order.
    Waiting,
    /// This node has no room to keep it, and it goes to nobody.
    Refused,
    /// It did not go to all that want it, and its client is not there to be told. It may come again.
    Unheard,
}

#[derive(Debug)]
pub(super) enum State {
    /// No CONNECT yet; and what a certificate says of the client.
    Waiting(Option<Box<Certified>>),
    /// CONNECT is good, it is being found out whether the client may connect.
    Authenticating(Box<Connecting>),
    /// The client may connect, its session is being fetched.
    Opening(Box<Connecting>),
    /// Serving.
    Up(Box<Session>),
    /// Nothing more is read or written.
    Closed,
}

/// Acknowledgements that wait for other nodes, and those behind them.
#[derive(Debug, Default)]
struct Replies(VecDeque<PendingReply>);

#[derive(Debug)]
struct PendingReply {
    reply: Reply,
    reason: ReasonCode,
    done: bool,
}

/// Protocol state of one connection.
#[derive(Debug)]
pub struct Channel {
    pub(super) shared: Arc<Shared>,
    pub(super) state: State,
    pub(super) identity: Option<Box<Identity>>,
    pub(super) rights: Rights,
    pub(super) peer: (IpAddr, u16),
    pub(super) version: Version,
    /// After so many milliseconds without a packet it ends; 0: never. Before CONNECT: the time for that, if it is short.
    pub(super) keep_alive_ms: u32,
    pub(super) expiry_s: u32,
    pub(super) receive_max: u16,
    pub(super) max_packet_out: u32,
    pub(super) aliases: Option<Box<Aliases>>,
    pub(super) will: Option<Box<Will>>,
    /// Where CONNECT named a method.
    pub(super) enhanced: Option<Box<Enhanced>>,
    replies: Option<Box<Replies>>,
    last_packet: Time,
    pub(super) stay: Stay,
}

/// Whether the client is to stay.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stay {
    /// As long as it likes.
    Welcome,
    /// There is no place for it: it is told so when its CONNECT comes.
    NoPlace,
    /// The connection is being closed.
    Over,
}

/// What a channel leaves behind.
#[derive(Debug)]
pub struct Finished {
    /// The session, if the channel had one.
    pub session: Option<Box<Session>>,
    /// How long the session lives without a connection.
    pub expiry: Duration,
    /// The will to publish, after its delay.
    pub will: Option<Box<Will>>,
}

impl Channel {
    /// A channel for a connection from `peer` that was accepted at `now`.
    #[must_use]
    pub fn new(shared: Arc<Shared>, peer: SocketAddr, now: Time) -> Self {
        Self {
            shared,
            state: State::Waiting(None),
            identity: None,
            rights: Rights::Ruled(ClientAccess::everything()),
            peer: (peer.ip(), peer.port()),
            version: Version::V3_1_1,
            keep_alive_ms: 0,
            expiry_s: 0,
            receive_max: u16::MAX,
            max_packet_out: u32::MAX,
            aliases: None,
            will: None,
            enhanced: None,
            replies: None,
            last_packet: now,
            stay: Stay::Welcome,
        }
    }

    /// CONNECT must come within `limit`, if the zone does not say less.
    pub fn hurry(&mut self, limit: Duration) {
        self.keep_alive_ms = u32::try_from(limit.as_millis()).unwrap_or(u32::MAX);
    }

    /// How long CONNECT may take.
    fn patience(&self) -> Duration {
        let limit = self.shared.settings.idle_timeout;
        self.keep_alive().map_or(limit, |less| less.min(limit))
    }

    /// There is no place for the client, which is told so if its CONNECT comes within `limit`.
    pub fn turn_away(&mut self, limit: Duration) {
        self.stay = Stay::NoPlace;
        self.hurry(limit);
    }

    /// A certificate that was verified names this client; for before its CONNECT.
    pub fn certify(&mut self, certified: Certified) {
        if let State::Waiting(named) = &mut self.state {
            *named = Some(Box::new(certified));
        }
    }

    /// The session while the channel serves.
    #[must_use]
    pub fn session(&self) -> Option<&Session> {
        match &self.state {
            State::Up(session) => Some(session),
            State::Waiting(_) | State::Authenticating(_) | State::Opening(_) | State::Closed => {
                None
            }
        }
    }

    /// The node has claimed the client, at this hybrid time.
    pub fn set_claim(&mut self, claim: u64) {
        if let State::Up(session) = &mut self.state {
            session.claim = claim;
        }
    }

    /// What it shares with the others of its listener.
    #[must_use]
    pub const fn shared(&self) -> &Arc<Shared> {
        &self.shared
    }

    /// Takes in the subscriptions of the client's session on another node. Returns those that are new here, and what of its messages may
    /// come too; `None`: it was another user's, and nothing of it was taken. Which QoS 2 messages of the client are unfinished it has
    /// agreed on with this session.
    pub fn absorb(&mut self, older: Portable) -> Option<(Vec<(Subscription, Terms)>, Wanted)> {
        let State::Up(session) = &self.state else { return None };
        if session.owner != older.username {
            return None;
        }
        let more = older.subscriptions.into_iter();
        let more = more.filter(|(to, _)| !session.subscriptions.contains(to));
        let (news, denied): (Vec<_>, Vec<_>) = more.partition(|(to, _)| self.still_allows(to));
        let State::Up(session) = &mut self.state else { return None };
        for (to, terms) in &news {
            session.subscriptions.insert(to.clone(), *terms);
        }
        let wanted = Wanted::new(denied.iter().map(|(to, _)| to), &session.subscriptions);
        Some((news, wanted))
    }

    /// Who is connected, or wants to be, from a good CONNECT on.
    #[must_use]
    pub fn identity(&self) -> Option<&Identity> {
        self.identity.as_deref()
    }

    /// The user name that its sessions belong to; a token in place of one is another each time.
    #[must_use]
    pub fn owner(&self) -> Option<&str> {
        let name = self.identity.as_deref()?.username.as_deref();
        name.filter(|_| !self.shared.access.names_are_tokens())
    }

    /// The user name as others may see it: not where it may be a token, with which anybody could come in.
    #[must_use]
    pub fn shown_name(&self) -> Option<&str> {
        let name = self.identity.as_deref()?.username.as_deref()?;
        Some(if self.shared.access.names_are_tokens() { "******" } else { name })
    }

    /// Who was connected, for listings.
    #[must_use]
    pub fn shown_identity(&self) -> Option<Identity> {
        let identity = self.identity.as_deref()?.clone();
        Some(Identity { username: self.shown_name().map(Into::into), ..identity })
    }

    /// The client, as far as bans are concerned, from a good CONNECT on.
    #[must_use]
    pub fn banned(&self) -> Option<Banned<'_>> {
        self.identity.as_deref().map(|identity| Banned {
            client_id: identity.client_id.as_str(),
            username: identity.username.as_deref(),
            peer: self.peer.0,
        })
    }

    /// CONNACK said success.
    #[must_use]
    pub fn was_served(&self) -> bool {
        self.identity.as_deref().is_some_and(|identity| identity.connected_at != Wall::default())
    }

    /// Address of the other end.
    #[must_use]
    pub const fn peer(&self) -> SocketAddr {
        SocketAddr::new(self.peer.0, self.peer.1)
    }

    /// The topic that an alias stands for, of the client or of this node.
    #[must_use]
    pub fn aliased(&self, alias: u16, incoming: bool) -> Option<&str> {
        self.aliases.as_deref()?.topic(alias, incoming)
    }

    /// Protocol version of the client.
    #[must_use]
    pub const fn version(&self) -> Version {
        self.version
    }

    /// Limits of its zone.
    #[must_use]
    #[inline]
    pub fn settings(&self) -> &Settings {
        &self.shared.settings
    }

    /// Life of the session after the connection.
    #[must_use]
    pub fn expiry(&self) -> Duration {
        Duration::from_secs(self.expiry_s.into())
    }

    pub(super) fn set_expiry(&mut self, expiry: Duration) {
        // Less than a second is one: none would end the session with the connection.
        let seconds = expiry.as_secs() + u64::from(expiry.subsec_nanos() != 0);
        self.expiry_s = u32::try_from(seconds).unwrap_or(u32::MAX);
    }

    /// Largest packet it accepts, in bytes, of which `bytes` are here: small until the client is let in, and with room for a will
    /// where it has one, or may have.
    #[inline]
    #[must_use]
    pub fn max_packet_size(&self, bytes: &[u8]) -> usize {
        let settings = &self.shared.settings;
        match self.state {
            State::Opening(_) | State::Up(_) | State::Closed => settings.max_packet_size,
            State::Authenticating(_) => settings.max_connect_size.min(settings.max_packet_size),
            State::Waiting(_) => {
                let plain = matches!(mqtt::announced(bytes), Some((_, false)));
                let will =
                    if plain { 0 } else { settings.max_will_payload + settings.max_topic_len };
                settings.max_connect_size.saturating_add(will).min(settings.max_packet_size)
            }
        }
    }

    /// CONNECT is accepted and its session found.
    #[must_use]
    #[inline]
    pub const fn is_up(&self) -> bool {
        matches!(self.state, State::Up(_))
    }

    /// No packet is read while a password is being verified, a session is being fetched, or others are asked about a packet.
    #[must_use]
    #[inline]
    pub fn wants_packets(&self) -> bool {
        let wants = match self.state {
            State::Up(_) | State::Waiting(_) => true,
            State::Authenticating(_) => self.is_challenged() && self.stay != Stay::Over,
            State::Opening(_) | State::Closed => false,
        };
        wants && !self.is_asking()
    }

    #[inline]
    pub(super) fn count(&self, metric: Metric) {
        self.shared.stats.count(metric);
    }

    /// Whether a packet may begin with this byte: the first one is CONNECT, and who speaks another protocol need not go on.
    ///
    /// # Errors
    /// [`DecodeError::Protocol`] v5 [MQTT-3.1.0-1].
    #[inline]
    pub const fn check_first(&self, first: u8) -> Result<(), DecodeError> {
        match self.state {
            // Wrong flags of a CONNECT are told in CONNACK.
            State::Waiting(_) if first >> 4 != 1 => {
                Err(DecodeError::Protocol("the first packet is no CONNECT"))
            }
            State::Waiting(_)
            | State::Authenticating(_)
            | State::Opening(_)
            | State::Up(_)
            | State::Closed => Ok(()),
        }
    }

    /// The shell could not even split a packet off `bytes`.
    pub fn on_bad_frame(&mut self, error: DecodeError, bytes: &[u8], out: &mut Out<'_>) {
        let version = match (&self.state, &error) {
            (State::Waiting(_), DecodeError::TooLarge { .. }) => mqtt::announced(bytes),
            (State::Authenticating(_), DecodeError::TooLarge { .. }) => Some((self.version, false)),
            (..) => None,
        };
        self.refuse(error.into(), version.map(|(version, _)| version), out);
    }

    /// The client was not listened to until now, for no fault of its own: its keep-alive begins anew.
    pub const fn on_held(&mut self, now: Time) {
        self.last_packet = now;
    }

    /// One packet of the client.
    pub fn on_packet(&mut self, header: FixedHeader, body: &[u8], now: Time, out: &mut Out<'_>) {
        if self.stay == Stay::Over {
            return;
        }
        self.last_packet = now;
        match self.state {
            State::Authenticating(_) if self.is_challenged() => self.on_answer(header, body, out),
            State::Closed | State::Authenticating(_) | State::Opening(_) => (),
            State::Waiting(_) => match mqtt::decode_connect(header, body) {
                Ok(connect) => self.on_connect(&connect, out),
                Err(error) => self.refuse(error.into(), mqtt::claimed_version(body), out),
            },
            State::Up(_) => match mqtt::decode(self.version, header, body) {
                Ok(packet) => self.on_served(packet, now, out),
                // Its reason is one for CONNACK.
                Err(DecodeError::UnsupportedVersion(_)) => {
                    self.violation(ReasonCode::ProtocolError, "second CONNECT", out);
                }
                Err(error) => self.close(error.into(), out),
            },
        }
    }

    fn on_served(&mut self, packet: Packet<'_>, now: Time, out: &mut Out<'_>) {
        match packet {
            Packet::Publish(publish) => self.on_publish(&publish, now, out),
            Packet::PubAck(ack) => self.on_puback(&ack),
            Packet::PubRec(ack) => self.on_pubrec(&ack, now, out),
            Packet::PubRel(ack) => self.on_pubrel(&ack, out),
            Packet::PubComp(ack) => self.on_pubcomp(&ack),
            Packet::Subscribe(subscribe) => self.on_subscribe(&subscribe, now, out),
            Packet::Unsubscribe(unsubscribe) => self.on_unsubscribe(&unsubscribe, out),
            Packet::PingReq => {
                self.count(Metric::PacketsPingreqReceived);
                self.count(Metric::PacketsPingrespSent);
                self.count(Metric::PacketsSent);
                encode::pingresp(out.bytes);
            }
            Packet::Disconnect(disconnect) => self.on_disconnect(&disconnect, out),
            Packet::Connect(_) => self.violation(ReasonCode::ProtocolError, "second CONNECT", out),
            Packet::Auth(auth) => self.on_auth(&auth, out),
            Packet::ConnAck(_) | Packet::SubAck(_) | Packet::UnsubAck(_) | Packet::PingResp => {
                self.violation(ReasonCode::ProtocolError, "packet that only a server sends", out);
            }
        }
    }

    // PUBLISH and what follows it

    fn on_publish(&mut self, publish: &Publish<'_>, now: Time, out: &mut Out<'_>) {
        let reply = match (publish.qos, publish.packet_id) {
            (QoS::AtLeastOnce, Some(id)) => Reply::PubAck(id),
            (QoS::ExactlyOnce, Some(id)) => Reply::PubRec(id),
            (QoS::AtMostOnce, _) | (_, None) => Reply::None,
        };
        let admitted = self.admit(publish, reply, now);
        if matches!(admitted, Err(Denied::Ask)) {
            return self.ask(out);
        }
        let stats = &self.shared.stats;
        stats.count(Metric::PacketsPublishReceived);
        stats.count(Metric::MessagesReceived);
        stats.count(match publish.qos {
            QoS::AtMostOnce => Metric::MessagesQos0Received,
            QoS::AtLeastOnce => Metric::MessagesQos1Received,
            QoS::ExactlyOnce => Metric::MessagesQos2Received,
        });
        match admitted {
            Ok(Some((message, Duration::ZERO))) => {
                self.count(Metric::MessagesPublish);
                out.actions.push(Action::Publish(message, reply));
            }
            Ok(Some((message, delay))) => {
                self.count(Metric::MessagesPublish);
                out.actions.push(Action::Delay(message, delay, reply));
            }
            Ok(None) => self.reply(reply, ReasonCode::Success, true, out),
            Err(Denied::Right(denial)) => {
                out.actions.push(Action::Deny(denial));
                let reason = ReasonCode::NotAuthorized;
                if self.shared.settings.acl_deny_disconnect {
                    self.violation(reason, "publish denied by the ACL", out);
                } else {
                    self.reply(reply, reason, true, out);
                }
            }
            Err(Denied::Close(reason)) => self.close(reason, out),
            Err(Denied::Ask) => {}
        }
    }

    /// Checks a PUBLISH and makes its message, and how long it is to wait. `None`: a QoS 2 message that is here already
    /// [MQTT-4.3.3-10].
    fn admit(
        &mut self,
        publish: &Publish<'_>,
        reply: Reply,
        now: Time,
    ) -> Result<Option<(Message, Duration)>, Denied> {
        let settings = &self.shared.settings;
        if publish.qos > settings.max_qos {
            return Err(Denied::violation(ReasonCode::QosNotSupported, "QoS above the maximum"));
        }
        if publish.retain && !settings.retain_available {
            return Err(Denied::violation(ReasonCode::RetainNotSupported, "retained message"));
        }
        let longest = self.longest_topic();
        let mut topic = publish.topic;
        if !publish.properties.is_empty() {
            if publish.properties.has(PropertyId::SubscriptionIdentifier) {
                // v5 [MQTT-3.3.4-6]
                return Err(Denied::violation(
                    ReasonCode::ProtocolError,
                    "subscription identifier in a PUBLISH from a client",
                ));
            }
            if let Some(alias) = publish.properties.topic_alias() {
                let aliases = &mut self.aliases.get_or_insert_default().incoming;
                topic = aliases
                    .resolve(alias, topic, settings.max_topic_alias)
                    .map_err(|reason| Denied::violation(reason, "topic alias"))?;
            }
        }
        if topic.is_empty() {
            return Err(Denied::violation(ReasonCode::ProtocolError, "no topic and no alias"));
        }
        if topic.len() > longest
            || (settings.max_topic_levels != 0
                && topic.split('/').count() > settings.max_topic_levels)
        {
            return Err(Denied::violation(
                ReasonCode::TopicNameInvalid,
                "topic too long or too deep",
            ));
        }
        let (delay, topic) = undelayed(topic, settings)?;
        let State::Up(session) = &mut self.state else { return Ok(None) };
        if let Reply::PubRec(id) = reply {
            if session.awaiting_rel.contains(id) {
                return Ok(None);
            }
            if session.awaiting_rel.len() >= settings.max_awaiting_rel {
                let freed = session.awaiting_rel.expire(now, settings.await_rel_timeout) as u64;
                self.shared.stats.add(Metric::MessagesDroppedAwaitPubrelTimeout, freed);
            }
            if session.awaiting_rel.len() >= settings.max_awaiting_rel {
                return Err(Denied::violation(
                    ReasonCode::ReceiveMaximumExceeded,
                    "more QoS 2 messages than max_awaiting_rel",
                ));
            }
        }
        if !self.rights.allows_all() {
            let verdict = may_publish(&mut self.rights, &self.shared.stats, topic, now);
            self.shared.admit_topic(verdict, (&self.rights, topic))?;
        }
        if let Reply::PubRec(id) = reply {
            session.awaiting_rel.insert(id, now);
        }
        let topic = stands_for(topic, settings, self.identity.as_deref());
        Ok(Some((message(publish, &topic, session, now + delay), delay)))
    }

    /// Longest topic name in bytes: by the limit of the zone, and so that it fits behind the mount point.
    pub(super) fn longest_topic(&self) -> usize {
        let mount = self.identity.as_deref().and_then(|identity| identity.mount.as_deref());
        let room = usize::from(u16::MAX).saturating_sub(mount.map_or(0, str::len));
        self.shared.settings.max_topic_len.min(room)
    }

    /// The message of the PUBLISH before was routed.
    #[inline]
    pub fn on_routed(&mut self, reply: Reply, routed: Routed, out: &mut Out<'_>) {
        if let (Routed::Refused | Routed::Unheard, Reply::PubRec(id), State::Up(session)) =
            (routed, reply, &mut self.state)
        {
            // What comes again under this id is not here yet.
            session.awaiting_rel.remove(id);
        }
        match routed {
            Routed::Unheard => {}
            Routed::Done(matched) => {
                let reason =
                    if matched { ReasonCode::Success } else { ReasonCode::NoMatchingSubscribers };
                self.reply(reply, reason, true, out);
            }
            Routed::Waiting => self.reply(reply, ReasonCode::Success, false, out),
            Routed::Refused if reply == Reply::None || self.version == Version::V5 => {
                self.reply(reply, ReasonCode::QuotaExceeded, true, out);
            }
            // MQTT 3 cannot say no to one message, and must not say yes.
            Routed::Refused => {
                self.violation(ReasonCode::QuotaExceeded, "no room to keep the message", out);
            }
        }
    }

    /// The oldest message that waited for other nodes has arrived there.
    pub fn on_forwarded(&mut self, out: &mut Out<'_>) {
        let mut waiting = self.replies.iter_mut().flat_map(|replies| &mut replies.0);
        if let Some(pending) = waiting.find(|pending| !pending.done) {
            pending.done = true;
        }
        while let Some(PendingReply { reply, reason, .. }) = self.next_reply() {
            self.write_reply(reply, reason, out);
        }
    }

    /// The oldest acknowledgement, if it waits no more.
    fn next_reply(&mut self) -> Option<PendingReply> {
        let replies = &mut self.replies.as_mut()?.0;
        if replies.front()?.done { replies.pop_front() } else { None }
    }

    /// Acknowledgements that wait for other nodes.
    #[must_use]
    pub fn waiting_replies(&self) -> usize {
        self.replies.iter().flat_map(|replies| &replies.0).filter(|pending| !pending.done).count()
    }

    fn reply(&mut self, reply: Reply, reason: ReasonCode, done: bool, out: &mut Out<'_>) {
        if reply == Reply::None {
            return;
        }
        if done && self.replies.as_ref().is_none_or(|replies| replies.0.is_empty()) {
            self.write_reply(reply, reason, out);
        } else {
            let replies = self.replies.get_or_insert_default();
            replies.0.push_back(PendingReply { reply, reason, done });
        }
    }

    fn write_reply(&mut self, reply: Reply, reason: ReasonCode, out: &mut Out<'_>) {
        let (kind, id, metric) = match reply {
            Reply::None => return,
            Reply::PubAck(id) => (AckType::PubAck, id, Metric::PacketsPubackSent),
            Reply::PubRec(id) => (AckType::PubRec, id, Metric::PacketsPubrecSent),
        };
        if let (Reply::PubRec(id), true, State::Up(session)) =
            (reply, reason.is_error(), &mut self.state)
        {
            session.awaiting_rel.remove(id);
        }
        self.count(metric);
        self.count(Metric::PacketsSent);
        encode::ack(out.bytes, self.version, kind, id, reason);
    }

    fn on_pubrel(&mut self, ack: &Ack<'_>, out: &mut Out<'_>) {
        self.count(Metric::PacketsPubrelReceived);
        let State::Up(session) = &mut self.state else { return };
        let known = session.awaiting_rel.remove(ack.packet_id);
        if !known {
            self.count(Metric::PacketsPubrelMissed);
        }
        let reason = if known { ReasonCode::Success } else { ReasonCode::PacketIdentifierNotFound };
        self.count(Metric::PacketsPubcompSent);
        self.count(Metric::PacketsSent);
        encode::ack(out.bytes, self.version, AckType::PubComp, ack.packet_id, reason);
    }

    // Acknowledgements of what we sent

    fn on_puback(&mut self, ack: &Ack<'_>) {
        self.count(Metric::PacketsPubackReceived);
        let State::Up(session) = &mut self.state else { return };
        let known = session.inflight.on_puback(ack.packet_id);
        self.count(if known { Metric::MessagesAcked } else { Metric::PacketsPubackMissed });
    }

    fn on_pubrec(&mut self, ack: &Ack<'_>, now: Time, out: &mut Out<'_>) {
        self.count(Metric::PacketsPubrecReceived);
        let State::Up(session) = &mut self.state else { return };
        if ack.reason.is_error() {
            // v5 [MQTT-4.3.3-4]: a refused message ends here.
            if !session.inflight.on_pubrec_error(ack.packet_id) {
                self.count(Metric::PacketsPubrecMissed);
            }
            return;
        }
        let known = session.inflight.on_pubrec(ack.packet_id, now);
        self.count(if known { Metric::MessagesAcked } else { Metric::PacketsPubrecMissed });
        let reason = if known { ReasonCode::Success } else { ReasonCode::PacketIdentifierNotFound };
        self.count(Metric::PacketsPubrelSent);
        self.count(Metric::PacketsSent);
        encode::ack(out.bytes, self.version, AckType::PubRel, ack.packet_id, reason);
    }

    fn on_pubcomp(&mut self, ack: &Ack<'_>) {
        self.count(Metric::PacketsPubcompReceived);
        let State::Up(session) = &mut self.state else { return };
        if !session.inflight.on_pubcomp(ack.packet_id) {
            self.count(Metric::PacketsPubcompMissed);
        }
    }

    // Ends

    pub(super) fn on_disconnect(&mut self, disconnect: &Disconnect<'_>, out: &mut Out<'_>) {
        self.count(Metric::PacketsDisconnectReceived);
        if let Some(seconds) = disconnect.properties.session_expiry_interval() {
            if self.expiry_s == 0 && seconds != 0 {
                // v5 3.14.2.2.2
                self.violation(ReasonCode::ProtocolError, "session expiry set in DISCONNECT", out);
                return;
            }
            self.set_expiry(self.granted_expiry(seconds));
        }
        let reason = if disconnect.reason == ReasonCode::Success {
            CloseReason::Normal
        } else {
            CloseReason::WithWill
        };
        self.close(reason, out);
    }

    pub(super) fn violation(&mut self, reason: ReasonCode, what: &'static str, out: &mut Out<'_>) {
        self.close(CloseReason::Violation { reason, what }, out);
    }

    /// Ends the connection: DISCONNECT to a v5 client that is owed one, then [`Action::Close`].
    pub fn close(&mut self, reason: CloseReason, out: &mut Out<'_>) {
        if self.stay == Stay::Over {
            return;
        }
        if let (State::Up(_), Version::V5, Some(code)) =
            (&self.state, self.version, reason.disconnect())
        {
            self.count(Metric::PacketsDisconnectSent);
            self.count(Metric::PacketsSent);
            let server = self.server_reference(&reason);
            Disconnect { reason: code, properties: Properties::from_encoded(&server) }
                .encode(self.version, out.bytes);
        }
        if reason.drops_will() {
            self.will = None;
        }
        self.stay = Stay::Over;
        out.actions.push(Action::Close(reason));
    }

    /// The properties that tell where to go, as far as the client takes a packet with them.
    pub(super) fn server_reference(&self, reason: &CloseReason) -> Vec<u8> {
        /// What the packet has beside the text, at most.
        const REST: usize = 16;
        let most = usize::try_from(self.max_packet_out).unwrap_or(usize::MAX);
        let mut raw = Vec::new();
        if let Some(server) = reason.server().filter(|server| server.len() + REST <= most) {
            Property::ServerReference(server).encode(&mut raw);
        }
        raw
    }

    /// The will of the client, from the verdict on: with the delay that counts if the client is lost, as it goes out with the end
    /// of the session at the latest (v5 3.1.3.2.2).
    #[must_use]
    pub fn will(&self) -> Option<Will> {
        let will = match &self.state {
            State::Opening(connecting) => connecting.will(),
            State::Up(_) => self.will.as_deref().cloned(),
            State::Waiting(_) | State::Authenticating(_) | State::Closed => None,
        };
        let will = will?;
        let delay = will.delay.min(self.expiry());
        Some(will.after(delay).nameless())
    }

    /// The will, with the delay that counts as in [`Self::will`], unless the client has lost the right to publish to its topic since
    /// CONNECT: it may have shown again who it is, or there are other rules. They are about the topic that the client named, as of a
    /// PUBLISH. Where others say what a client may do, what they said to the CONNECT holds.
    fn last_will(&mut self) -> Option<Box<Will>> {
        let mut will = self.will.take()?;
        will.delay = will.delay.min(self.expiry());
        let named = will.named.take();
        let allowed = match (&self.rights, &named) {
            (Rights::Ruled(rules), Some(topic)) => rules.allows(Right::Publish, topic),
            (Rights::Ruled(_), None) | (Rights::Asked(_), _) => true,
        };
        if !allowed {
            self.count(Metric::ClientAclDeny);
        }
        allowed.then_some(will)
    }

    /// Takes over the retained messages that the session has still to get.
    pub fn take_replays(&mut self) -> Box<[Replay]> {
        match &mut self.state {
            State::Up(session) => std::mem::take(&mut session.replays),
            State::Waiting(_) | State::Authenticating(_) | State::Opening(_) | State::Closed => {
                Box::default()
            }
        }
    }

    /// Takes the channel apart, whose connection is closed at `now`.
    pub fn finish(&mut self, now: Time) -> Finished {
        let session = match std::mem::replace(&mut self.state, State::Closed) {
            State::Up(mut session) => {
                session.awaiting_rel.leave(now);
                Some(session)
            }
            State::Waiting(_) | State::Authenticating(_) | State::Opening(_) | State::Closed => {
                None
            }
        };
        Finished { session, expiry: self.expiry(), will: self.last_will() }
    }

    // Time

    fn keep_alive(&self) -> Option<Duration> {
        let limit = u64::from(self.keep_alive_ms);
        (limit != 0).then(|| Duration::from_millis(limit))
    }

    /// After this what the client has not acknowledged is sent again. MQTT 5 forbids that while it is connected [MQTT-4.4.0-1].
    fn retry_interval(&self) -> Option<Duration> {
        self.shared.settings.retry_interval.filter(|_| self.version != Version::V5)
    }

    /// How long nothing came from the client, and how long that may be, in seconds. `None`: it may be silent for ever.
    #[must_use]
    pub fn silence(&self, now: Time) -> Option<(f64, f64)> {
        let limit = self.keep_alive()?;
        Some((now.since(self.last_packet).as_secs_f64(), limit.as_secs_f64()))
    }

    /// When [`Self::on_deadline`] wants to be called.
    #[must_use]
    pub fn deadline(&self) -> Option<Time> {
        let settings = &self.shared.settings;
        match &self.state {
            State::Waiting(_) => Some(self.last_packet + self.patience()),
            State::Authenticating(_) if self.is_challenged() => {
                Some(self.last_packet + settings.idle_timeout)
            }
            State::Authenticating(_) => Some(self.last_packet + VERDICT),
            State::Up(session) => {
                let alive = self.keep_alive().filter(|_| !self.is_asking());
                let alive = alive.map(|limit| self.last_packet + limit);
                let oldest = self
                    .retry_interval()
                    .and_then(|retry| Some(session.inflight.oldest()? + retry));
                let ends = self.identity.as_deref().and_then(|identity| identity.ends_at);
                [alive, oldest, ends].into_iter().flatten().min()
            }
            State::Opening(_) => Some(self.last_packet + OPENING),
            State::Closed => None,
        }
    }

    /// Time is up for something.
    pub fn on_deadline(&mut self, now: Time, out: &mut Out<'_>) {
        let settings = &self.shared.settings;
        match &self.state {
            State::Waiting(_) if now >= self.last_packet + self.patience() => {
                self.close(CloseReason::Idle, out);
            }
            State::Authenticating(_) if self.is_challenged() => {
                if now >= self.last_packet + settings.idle_timeout {
                    self.close(CloseReason::Idle, out);
                }
            }
            State::Authenticating(_) if now >= self.last_packet + VERDICT => {
                self.on_verdict(Err(Refusal::Busy), now, out);
            }
            State::Opening(_) if now >= self.last_packet + OPENING => {
                let what = "its session does not come";
                self.on_no_session(ReasonCode::ServerBusy, what, out);
            }
            State::Up(_) => {
                let ends = self.identity.as_deref().and_then(|identity| identity.ends_at);
                if ends.is_some_and(|end| now >= end) {
                    self.violation(ReasonCode::NotAuthorized, "the token has expired", out);
                } else if !self.is_asking()
                    && self.keep_alive().is_some_and(|limit| now >= self.last_packet + limit)
                {
                    self.close(CloseReason::KeepAlive, out);
                } else if let Some(retry) = self.retry_interval() {
                    // It goes out as the socket takes it [MQTT-4.4.0-1].
                    if let State::Up(session) = &mut self.state {
                        session.inflight.owe(|sent_at| now.since(sent_at) >= retry);
                    }
                }
            }
            State::Waiting(_) | State::Authenticating(_) | State::Opening(_) | State::Closed => {}
        }
    }
}

pub(super) enum Denied {
    /// Others have to be asked first.
    Ask,
    /// It may not publish there.
    Right(Box<Denial>),
    Close(CloseReason),
}

impl Denied {
    const fn violation(reason: ReasonCode, what: &'static str) -> Self {
        Self::Close(CloseReason::Violation { reason, what })
    }
}

/// The delay in a topic, and the topic behind it.
pub(super) fn undelayed<'t>(
    topic: &'t str,
    settings: &Settings,
) -> Result<(Duration, &'t str), Denied> {
    match delayed::split(topic) {
        Ok(Some(parts)) if settings.delayed => Ok(parts),
        Err(_) if settings.delayed => {
            let what = "no seconds or no topic behind $delayed";
            Err(Denied::violation(ReasonCode::TopicNameInvalid, what))
        }
        Ok(_) | Err(_) => Ok((Duration::ZERO, topic)),
    }
}

/// The topic that a topic name of this client stands for: rewritten, and behind its mount point.
#[inline]
pub(super) fn stands_for<'t>(
    topic: &'t str,
    settings: &Settings,
    who: Option<&Identity>,
) -> Cow<'t, str> {
    let Some(who) = who else { return Cow::Borrowed(topic) };
    if settings.publish_rewrites.is_empty() && who.mount.is_none() {
        return Cow::Borrowed(topic);
    }
    let mounted = who.mounted(&rewrite(&settings.publish_rewrites, topic, who.named()));
    // What a rule makes of it may be no topic name; then it counts as it is.
    if TopicName::parse(&mounted).is_err() {
        return Cow::Owned(who.mounted(topic));
    }
    Cow::Owned(mounted)
}

/// The message of a PUBLISH, whose life begins at `now`.
#[inline]
fn message(publish: &Publish<'_>, topic: &str, session: &Session, now: Time) -> Message {
    let mut meta = Meta {
        qos: publish.qos,
        retain: publish.retain,
        expires_at: None,
        publisher: session.number,
    };
    if publish.properties.is_empty() {
        return Message::new(topic, &[], publish.payload, meta);
    }
    let carried = carried(&publish.properties);
    meta.expires_at = carried.expiry.map(|life| now + life);
    Message::new(topic, &carried.raw, publish.payload, meta)
}
