//! A bridge to a broker of others: two MQTT clients back to back, one of this node and one of the remote. What the one is sent, the
//! other publishes; an acknowledgement goes back when it has come from the other side, so that no message is acknowledged that is not
//! at its end. So the relay keeps nothing but what is under way; what waits for a remote that is away waits in the local session.

pub mod role;
#[cfg(test)]
pub(crate) mod tests;
mod window;

use std::time::Duration;

use super::settings::Settings as Zone;
use crate::{
    mqtt::{
        AckType, ConnAck, Connect, DecodeError, FixedHeader, Packet, PacketId, PacketType,
        Properties, Property, PropertyId, PropertySet, Publish, PublishHead, PublishParts, QoS,
        ReasonCode, SubscriptionOptions, Version, decode, encode, frame, publish_number,
    },
    time::Time,
    topic::{TopicFilter, TopicName, share::Subscription},
};
use window::{Sent, Stage, Window};

/// What the group of a bridge begins with; its name follows. No share name of a client has a slash in it.
pub const GROUP: &str = "$bridge/";
/// What the client id of a bridge on its own node begins with; no other client has such a one.
pub const CLIENT: &str = "$bridge:";
/// The zone of such a client.
pub const ZONE: &str = "$bridge";

/// Bytes that wait for one end above which nothing more is taken from the other.
const HIGH: usize = 256 << 10;
/// And while the local end has much to acknowledge, so that a slow remote does not keep its acknowledgements back.
const FAR: usize = 16 * HIGH;
/// Bytes of answers, about, that a remote has not read above which no more is taken from it: it makes the answers.
const UNREAD: usize = 2 * FAR;
/// Messages under way to one end, and those that it has not received yet.
const MOST: usize = 4096;
/// Messages of a remote that are not over; with more at once it breaks the rules.
const CROWD: usize = 4 * MOST;
/// Bytes under way to the local end above which nothing more is taken from the remote.
const HEAVY: usize = 8 << 20;
/// So often may the remote break the connection off with one message at the front, in thirds of what is surely because of that.
const STRIKES: u8 = 9;
/// Bytes at the front of a PUBLISH that have its number.
const TOPIC_AND_NUMBER: usize = 2 + 65_535 + 2;
/// How long the remote keeps the session of a bridge that begins anew with each process (5.0).
const SHORT: u32 = 3600;
/// And of one that does not. So long the node keeps the local one.
const LONG: u32 = 7 * 24 * 3600;
/// What is between a server and its client alone.
const OWN: PropertySet =
    PropertySet::of(&[PropertyId::TopicAlias, PropertyId::SubscriptionIdentifier]);

/// What is to come in from the remote.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Remote {
    /// Filter there.
    pub filter: String,
    /// The most that is wanted.
    pub qos: QoS,
}

/// One bridge (`bridge.mqtt.NAME.*`).
#[derive(Clone, PartialEq, Eq)]
pub struct Settings {
    /// Version that is spoken with the remote.
    pub version: Version,
    /// The remote is told that this is a bridge, as mosquitto does: it then leaves RETAIN as it is, and sends nothing back.
    pub bridge_mode: bool,
    /// Client id there.
    pub client_id: String,
    /// One for the whole cluster, so that one node at a time may connect.
    pub single: bool,
    /// A process begins with a new session there.
    pub clean_start: bool,
    /// User name there.
    pub username: Option<String>,
    /// Password there.
    pub password: Option<String>,
    /// Zero is off.
    pub keep_alive: Duration,
    /// QoS 1 and 2 messages under way to the remote.
    pub max_inflight: u16,
    /// What goes out.
    pub forwards: Vec<TopicFilter>,
    /// Before the topics of what goes out.
    pub forward_mountpoint: String,
    /// What comes in.
    pub subscriptions: Vec<Remote>,
    /// Before the topics of what comes in.
    pub receive_mountpoint: String,
    /// Bytes of what waits for the remote.
    pub queue_bytes: usize,
    /// Largest packet, in bytes.
    pub max_packet: usize,
}

impl Settings {
    /// The limits of the local client.
    #[must_use]
    pub fn zone(&self) -> Zone {
        let forever = Duration::from_secs(u64::from(LONG));
        Zone {
            max_packet_size: self.max_packet,
            max_topic_len: usize::from(u16::MAX),
            max_topic_levels: 0,
            max_inflight: self.max_inflight,
            max_awaiting_rel: MOST,
            session_expiry_max: forever,
            mqueue_len: 0,
            mqueue_bytes: self.queue_bytes,
            mqueue_store_qos0: true,
            send_timeout: forever,
            enable_ban: false,
            enable_acl: false,
            delayed: false,
            ..Zone::default()
        }
    }
}

/// An end of the bridge.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// This node.
    Local,
    /// The remote.
    Remote,
}

impl End {
    /// The one that is not this.
    #[must_use]
    pub const fn other(self) -> Self {
        match self {
            Self::Local => Self::Remote,
            Self::Remote => Self::Local,
        }
    }
}

/// What the shell is told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// CONNACK came, and all is well.
    Up(End),
    /// It was a refusal.
    Refused(End, ReasonCode),
    /// The end says good-bye.
    Closed(End, ReasonCode),
    /// The remote does not let the bridge subscribe to this.
    NotSubscribed(String, ReasonCode),
    /// An end did not want a message.
    NotTaken(End, ReasonCode),
}

/// Messages so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Handed to the remote.
    pub forwarded: u64,
    /// Taken from it.
    pub received: u64,
    /// That it, or this node, could not or did not want to take.
    pub dropped: u64,
}

/// The state of one end.
struct Side {
    version: Version,
    up: bool,
    window: Window,
    out: Vec<u8>,
    heard: Time,
    said: Time,
    keep_alive: Duration,
    max_packet: usize,
    max_qos: QoS,
    retain: bool,
    clean: bool,
    /// So many bytes that come are still of a packet that is too large.
    passed_over: usize,
}

impl Side {
    const fn new(version: Version, window: Window) -> Self {
        Self {
            version,
            up: false,
            window,
            out: Vec::new(),
            heard: Time::ZERO,
            said: Time::ZERO,
            keep_alive: Duration::ZERO,
            max_packet: usize::MAX,
            max_qos: QoS::ExactlyOnce,
            retain: true,
            clean: false,
            passed_over: 0,
        }
    }

    /// Nothing to one that is not there: what it lacks it is told when it is back.
    fn ack(&mut self, kind: AckType, id: PacketId) {
        if !self.up {
            return;
        }
        encode::ack(&mut self.out, self.version, kind, id, ReasonCode::Success);
    }

    /// Sends what has room in the window.
    fn fill(&mut self) {
        if self.up {
            self.window.fill(&mut self.out);
        }
    }
}

/// The remote may have ended the connection with this because of a message that it was sent.
#[must_use]
pub const fn may_blame(reason: ReasonCode) -> bool {
    use ReasonCode as R;
    matches!(
        reason,
        R::UnspecifiedError
            | R::MalformedPacket
            | R::ProtocolError
            | R::ImplementationSpecificError
            | R::NotAuthorized
            | R::TopicNameInvalid
            | R::PacketTooLarge
            | R::QuotaExceeded
            | R::PayloadFormatInvalid
            | R::RetainNotSupported
            | R::QosNotSupported
    )
}

/// The two ends of a bridge, and what is under way between them. Time and bytes in, bytes and [`Event`]s out.
pub struct Relay {
    settings: Settings,
    local: Side,
    remote: Side,
    counts: Counts,
    /// What the remote may publish here.
    wanted: Vec<TopicFilter>,
    /// The client id on this node.
    client_id: String,
    /// A process has one new session at the remote, however often the link is lost.
    began: bool,
    /// The remote does not know the bit of bridges.
    plain: bool,
    /// Whether the subscriptions stand on this connection to the remote; `None`: as the connection before left them.
    asked: Option<bool>,
    /// The remote has answered the last SUBSCRIBE on this connection.
    subscribed: bool,
    /// The remote has acknowledged a message on this connection.
    acknowledged: bool,
    /// The message at the front when the remote last broke a connection off, and how often it was that one.
    strikes: Option<(PacketId, u8)>,
    /// Something with QoS 0 was sent to the remote since it has last acknowledged anything.
    unasked: bool,
    /// Number at the local end of the message that was given up, which it is told when it sends it again.
    barred: Option<PacketId>,
    /// It takes leave of the remote.
    parting: bool,
    next_id: PacketId,
    events: Vec<Event>,
}

impl Relay {
    /// `first`: the number of the first message to the remote. By chance, as a session there may still know those of a process
    /// before, and would take what has one of them for the same message once more.
    #[must_use]
    pub fn new(settings: Settings, client_id: String, first: PacketId) -> Self {
        let subscriptions = settings.subscriptions.iter();
        let wanted = subscriptions.filter_map(|one| Subscription::parse(&one.filter).ok());
        Self {
            wanted: wanted.map(|one| one.filter).collect(),
            local: Side::new(Version::V5, Window::new(PacketId::FIRST, false)),
            remote: Side::new(settings.version, Window::new(first, true)),
            counts: Counts::default(),
            client_id,
            began: false,
            plain: false,
            asked: None,
            subscribed: false,
            acknowledged: false,
            strikes: None,
            unasked: false,
            barred: None,
            parting: false,
            next_id: PacketId::FIRST,
            events: Vec::new(),
            settings,
        }
    }

    const fn side(&mut self, end: End) -> &mut Side {
        match end {
            End::Local => &mut self.local,
            End::Remote => &mut self.remote,
        }
    }

    /// CONNECT was answered with yes.
    #[must_use]
    pub const fn is_up(&self, end: End) -> bool {
        match end {
            End::Local => self.local.up,
            End::Remote => self.remote.up,
        }
    }

    /// Messages so far.
    #[must_use]
    pub const fn counts(&self) -> Counts {
        self.counts
    }

    /// The subscriptions stand at the remote.
    #[must_use]
    pub const fn is_subscribed(&self) -> bool {
        self.subscribed
    }

    /// The remote has acknowledged a message on this connection, or the one before if there is none.
    #[must_use]
    pub const fn has_acknowledged(&self) -> bool {
        self.acknowledged
    }

    /// Nothing is under way to the remote.
    #[must_use]
    pub fn is_quiet(&self) -> bool {
        self.remote.window.is_empty()
    }

    /// What is to be written to an end; taken out by the shell as far as it could.
    pub const fn out(&mut self, end: End) -> &mut Vec<u8> {
        &mut self.side(end).out
    }

    /// What happened.
    pub fn events(&mut self) -> Vec<Event> {
        std::mem::take(&mut self.events)
    }

    /// A connection to an end stands: begins with CONNECT.
    pub fn connect(&mut self, end: End, now: Time) {
        let side = self.side(end);
        (side.up, side.heard, side.said) = (false, now, now);
        side.passed_over = 0;
        side.out.clear();
        match end {
            End::Local => self.connect_local(),
            End::Remote => self.connect_remote(),
        }
    }

    fn connect_local(&mut self) {
        let mut raw = Vec::new();
        Property::SessionExpiryInterval(LONG).encode(&mut raw);
        Property::ReceiveMaximum(self.settings.max_inflight).encode(&mut raw);
        let connect = Connect {
            version: Version::V5,
            clean_start: false,
            keep_alive: 0,
            client_id: &self.client_id,
            username: None,
            password: None,
            will: None,
            properties: Properties::from_encoded(&raw),
        };
        connect.encode(&mut self.local.out);
    }

    fn connect_remote(&mut self) {
        self.acknowledged = false;
        let Settings { version, clean_start, keep_alive, .. } = self.settings;
        // Before 5.0 a session that is not clean has no end.
        let clean = clean_start && !(self.began && version == Version::V5);
        let mut raw = Vec::new();
        if version == Version::V5 {
            let expiry = if clean_start { SHORT } else { LONG };
            Property::SessionExpiryInterval(expiry).encode(&mut raw);
            Property::ReceiveMaximum(self.settings.max_inflight).encode(&mut raw);
            let most = u32::try_from(self.settings.max_packet).unwrap_or(u32::MAX);
            Property::MaximumPacketSize(most).encode(&mut raw);
        }
        let connect = Connect {
            version,
            clean_start: clean,
            keep_alive: u16::try_from(keep_alive.as_secs()).unwrap_or(u16::MAX),
            client_id: &self.settings.client_id,
            username: self.settings.username.as_deref(),
            password: self.settings.password.as_deref().map(str::as_bytes),
            will: None,
            properties: Properties::from_encoded(&raw),
        };
        connect.encode(&mut self.remote.out);
        if self.settings.bridge_mode && !self.plain && version != Version::V5 {
            // Type, length, name, then the level.
            let width =
                self.remote.out.iter().skip(1).take_while(|byte| **byte & 0x80 != 0).count();
            if let Some(level) = self.remote.out.get_mut(2 + width + 2 + version.name().len()) {
                *level |= 0x80;
            }
        }
        (self.remote.clean, self.remote.keep_alive) = (clean, keep_alive);
    }

    /// The connection to an end is gone.
    pub fn lost(&mut self, end: End) {
        let side = self.side(end);
        side.up = false;
        side.out.clear();
        if end == End::Remote {
            (self.asked, self.subscribed, self.unasked) = (None, false, false);
        }
    }

    /// The remote has broken the connection off. If the message at the front was under way for the third time then, and nothing else
    /// but with QoS 0, or for the ninth, it is taken to be why: it is given up, and this is its topic and its size in bytes. After the first time messages go one by one.
    pub fn blame(&mut self) -> Option<(String, usize)> {
        if self.asked == Some(true) && !self.subscribed {
            // It may be what it was asked for.
            return None;
        }
        let front = self.remote.window.front().filter(|_| self.remote.up)?.id;
        // What was sent with QoS 0 beside it, and nobody acknowledges, may be it as well.
        let strike = if self.unasked { 1 } else { 3 };
        let before = self.strikes.filter(|(id, _)| *id == front).map_or(0, |(_, times)| times);
        self.remote.window.narrow();
        if before + strike < STRIKES {
            self.strikes = Some((front, before + strike));
            return None;
        }
        self.strikes = None;
        let sent = self.remote.window.take(front, &[Stage::Sent])?;
        self.counts.dropped += 1;
        self.barred = sent.from;
        Some((topic_of(self.remote.version, &sent.bytes), sent.bytes.len()))
    }

    /// The message with this number at the local end is under way, or was given up.
    #[must_use]
    pub fn knows(&self, from: PacketId) -> bool {
        self.barred == Some(from) || self.remote.window.stage_from(from).is_some()
    }

    /// The local session has ended, and others got what it had not acknowledged: that does not go out here too. What the remote was
    /// sent with QoS 2 goes on to its end.
    pub fn local_ended(&mut self) {
        for id in self
            .remote
            .window
            .orphan(|sent| sent.from.is_none() || sent.from_qos == QoS::ExactlyOnce)
        {
            self.remote.ack(AckType::PubRel, id);
        }
        (self.local.up, self.barred) = (false, None);
    }

    /// Takes leave of the remote, or begins anew: meanwhile its messages have no answer, as the local end is no member that is
    /// skipped any more, and another node would send them back.
    pub const fn part(&mut self, parting: bool) {
        self.parting = parting;
    }

    /// Another node had the session at the remote in the meantime.
    pub const fn remote_taken(&mut self) {
        self.began = false;
    }

    /// Says good-bye to an end that is up.
    pub fn disconnect(&mut self, end: End) {
        let side = self.side(end);
        if side.up {
            side.out.extend_from_slice(&[0xE0, 0]);
        }
    }

    /// Subscribes at the remote, or takes that back. Nothing while the remote is away, and nothing twice.
    pub fn hold(&mut self, holds: bool) {
        let stand = self.asked.unwrap_or(!self.remote.clean && !holds);
        if !self.remote.up || stand == holds || self.settings.subscriptions.is_empty() {
            return;
        }
        (self.asked, self.subscribed) = (Some(holds), false);
        let (id, version) = (self.next_id, self.remote.version);
        self.next_id = id.next();
        let v5 = version == Version::V5;
        let all = &self.settings.subscriptions;
        let out = &mut self.remote.out;
        if holds {
            let options = |one: &Remote| SubscriptionOptions {
                qos: one.qos,
                no_local: v5 && !one.filter.starts_with('$'),
                retain_as_published: v5,
                retain_handling: 0,
            };
            let filters: Vec<_> =
                all.iter().map(|one| (one.filter.as_str(), options(one))).collect();
            encode::subscribe(out, version, id, &[], &filters);
        } else {
            let filters: Vec<_> = all.iter().map(|one| one.filter.as_str()).collect();
            encode::unsubscribe(out, version, id, &[], &filters);
        }
    }

    /// Handles the whole packets in `input` as far as the other end has room for them. Returns how many bytes are done with.
    ///
    /// # Errors
    /// What is no MQTT, or has no place here: the connection is of no use any more.
    pub fn on_bytes(&mut self, end: End, input: &[u8], now: Time) -> Result<usize, DecodeError> {
        use DecodeError as E;
        let mut done = 0;
        while self.takes(end) {
            let rest = input.get(done..).unwrap_or_default();
            let Side { version, up, passed_over, .. } = *self.side(end);
            if passed_over > 0 && !rest.is_empty() {
                let over = passed_over.min(rest.len());
                self.side(end).passed_over -= over;
                done += over;
                continue;
            }
            let (header, body, size) = match frame::split(rest, self.settings.max_packet) {
                Ok(Some(whole)) => whole,
                Ok(None) => break,
                Err(error @ E::TooLarge { size, .. }) if up => {
                    if !self.pass_over(end, rest, size, error)? {
                        break;
                    }
                    continue;
                }
                Err(error) => return Err(error),
            };
            match decode(version, header, body) {
                Ok(packet) => self.on_packet(end, &packet, now)?,
                Err(error @ (E::PropertiesTooLarge { .. } | E::UserProperties { .. })) if up => {
                    let (qos, id) = publish_number(header, body).ok_or(error)?;
                    self.refuse(end, id, qos, error.reason());
                }
                Err(error) => return Err(error),
            }
            done += size;
        }
        Ok(done)
    }

    /// A PUBLISH of `size` bytes, more than is taken: its number is at the front, and the rest need not be kept. `false`: that is not
    /// here yet.
    fn pass_over(
        &mut self,
        end: End,
        begun: &[u8],
        size: usize,
        error: DecodeError,
    ) -> Result<bool, DecodeError> {
        let (first, rest) = begun.split_first().ok_or(error)?;
        let (_, width) = frame::variable_byte_integer(rest)?.ok_or(error)?;
        let (header, front) = (FixedHeader::new(*first)?, rest.get(width..).unwrap_or_default());
        match publish_number(header, front) {
            Some((qos, id)) => {
                self.side(end).passed_over = size;
                self.refuse(end, id, qos, error.reason());
                Ok(true)
            }
            None if header.packet_type() == PacketType::Publish
                && front.len() < TOPIC_AND_NUMBER =>
            {
                Ok(false)
            }
            None => Err(error),
        }
    }

    /// Bytes have come from an end: it lives.
    pub const fn heard(&mut self, end: End, now: Time) {
        self.side(end).heard = now;
    }

    /// Whether anything may be taken from this end. Of one that is not up it is the CONNACK.
    #[must_use]
    pub fn takes(&self, end: End) -> bool {
        let (side, other) = match end {
            End::Local => (&self.local, &self.remote),
            End::Remote => (&self.remote, &self.local),
        };
        let window = &self.local.window;
        let full = window.pending() >= MOST || window.bytes() >= HEAVY;
        // If all of it waits for the remote instead, that must be heard.
        let high = match (end, full && window.awaits()) {
            (End::Local | End::Remote, false) => HIGH,
            // Its acknowledgements make room for what the remote sends.
            (End::Local, true) => FAR,
            (End::Remote, true) => 0,
        };
        let reads = end == End::Local || !self.is_deaf();
        !side.up || (other.up && reads && other.out.len() < high)
    }

    /// The remote does not read what it is answered. Of what waits for it the messages are bounded otherwise: those under way, and of
    /// those with QoS 0 one more than [`FAR`].
    fn is_deaf(&self) -> bool {
        let (most, out) = (UNREAD + self.settings.max_packet, self.remote.out.len());
        out >= most && out - most >= self.remote.window.bytes()
    }

    fn on_packet(&mut self, end: End, packet: &Packet<'_>, now: Time) -> Result<(), DecodeError> {
        const OUT_OF_PLACE: DecodeError = DecodeError::Protocol("a packet that has no place here");
        if let (false, Packet::ConnAck(answer)) = (self.side(end).up, packet) {
            self.on_connack(end, answer, now);
            return Ok(());
        }
        if !self.side(end).up {
            return Err(OUT_OF_PLACE);
        }
        match packet {
            Packet::Publish(publish) => return self.on_publish(end, publish),
            Packet::PubAck(ack) => self.on_received(end, ack.packet_id, ack.reason),
            Packet::PubRec(ack) => self.on_pubrec(end, ack.packet_id, ack.reason),
            Packet::PubRel(ack) => self.on_pubrel(end, ack.packet_id),
            Packet::PubComp(ack) => self.on_pubcomp(end, ack.packet_id),
            Packet::SubAck(ack) => {
                self.subscribed = self.asked == Some(true);
                let refused = ack.reasons.iter().zip(&self.settings.subscriptions);
                let refused = refused.filter(|(reason, _)| reason.is_error());
                let told = refused.map(|(why, one)| Event::NotSubscribed(one.filter.clone(), why));
                self.events.extend(told);
            }
            Packet::Disconnect(packet) => self.events.push(Event::Closed(end, packet.reason)),
            Packet::PingResp | Packet::UnsubAck(_) => {}
            Packet::ConnAck(_)
            | Packet::Connect(_)
            | Packet::Subscribe(_)
            | Packet::Unsubscribe(_)
            | Packet::PingReq
            | Packet::Auth(_) => return Err(OUT_OF_PLACE),
        }
        Ok(())
    }

    fn on_connack(&mut self, end: End, answer: &ConnAck<'_>, now: Time) {
        if answer.reason.is_error() {
            let bit = self.settings.bridge_mode && !self.plain && end == End::Remote;
            if bit && answer.reason == ReasonCode::UnsupportedProtocolVersion {
                self.plain = true;
            }
            return self.events.push(Event::Refused(end, answer.reason));
        }
        let (properties, most) = (&answer.properties, self.settings.max_inflight);
        let side = self.side(end);
        // 3.1 does not say.
        let present = answer.session_present || (side.version == Version::V3_1 && !side.clean);
        (side.up, side.heard) = (true, now);
        let room = properties.receive_maximum().unwrap_or(u16::MAX);
        let room = if end == End::Remote { room.min(most) } else { room };
        side.max_packet = properties.maximum_packet_size().map_or(usize::MAX, |size| size as usize);
        side.max_qos = properties.maximum_qos().and_then(QoS::from_u8).unwrap_or(QoS::ExactlyOnce);
        side.retain = properties.retain_available().unwrap_or(true);
        if let Some(seconds) = properties.server_keep_alive() {
            side.keep_alive = Duration::from_secs(u64::from(seconds));
        }
        side.window.allow(usize::from(room).min(MOST));
        self.began |= end == End::Remote;
        self.resume(end, present);
        self.events.push(Event::Up(end));
    }

    /// Goes on where the connection before was lost.
    fn resume(&mut self, end: End, present: bool) {
        if !present {
            if end == End::Local {
                self.barred = None;
            }
            // Who has forgotten a message will not hear of it again.
            let other = self.side(end.other());
            for id in other.window.orphan(|_| true) {
                other.ack(AckType::PubRel, id);
            }
        }
        let side = self.side(end);
        let done = if present {
            for id in side.window.resume() {
                side.ack(AckType::PubRel, id);
            }
            Vec::new()
        } else {
            side.window.begin_anew()
        };
        side.fill();
        for id in done {
            self.side(end.other()).ack(AckType::PubComp, id);
        }
    }

    /// A message that does not go on, and has its answer if there is one.
    fn ends_here(&mut self, end: End, publish: &Publish<'_>) -> bool {
        let (from, qos) = (publish.packet_id, publish.qos);
        if let Some(stage) = from.and_then(|id| self.side(end.other()).window.stage_from(id)) {
            // Sent again; the answer is on its way, or was lost with a connection.
            if let (Stage::Received, Some(id)) = (stage, from) {
                self.side(end).ack(AckType::PubRec, id);
            }
            return true;
        }
        match end {
            End::Local => {
                let barred = publish.dup && from.is_some() && from == self.barred;
                if barred {
                    self.barred = None;
                }
                let ends = barred || !self.is_first(publish);
                if ends {
                    self.answer(end, from, qos);
                }
                ends
            }
            End::Remote if self.parting => {
                // Others come again, here or at another node.
                self.counts.dropped += u64::from(from.is_none());
                true
            }
            End::Remote => {
                let ends = !self.is_wanted(publish.topic);
                if ends {
                    self.refuse(end, from, qos, ReasonCode::TopicNameInvalid);
                }
                ends
            }
        }
    }

    fn on_publish(&mut self, end: End, publish: &Publish<'_>) -> Result<(), DecodeError> {
        let from = publish.packet_id;
        if self.ends_here(end, publish) {
            return Ok(());
        }
        let window = &self.side(end.other()).window;
        if window.len() >= CROWD || (end == End::Remote && window.bytes() >= HEAVY) {
            return Err(DecodeError::Protocol("more messages at once than Receive Maximum"));
        }
        let topic = match end {
            End::Local => format!("{}{}", self.settings.forward_mountpoint, publish.topic),
            End::Remote => format!("{}{}", self.settings.receive_mountpoint, publish.topic),
        };
        let mut properties = Vec::new();
        publish.properties.copy_without(OWN, &mut properties);
        let parts = PublishParts {
            topic: &topic,
            properties: &properties,
            extra_properties: &[],
            payload: publish.payload,
        };
        let other = self.side(end.other());
        let (version, qos) = (other.version, publish.qos.min(other.max_qos));
        let size = encode::publish_size(version, qos, &parts);
        if topic.len() > usize::from(u16::MAX)
            || size > other.max_packet
            || publish.topic.is_empty()
        {
            self.refuse(end, from, publish.qos, ReasonCode::PacketTooLarge);
            return Ok(());
        }
        let id = (qos != QoS::AtMostOnce).then(|| other.window.next_id());
        let head =
            PublishHead { dup: false, qos, retain: publish.retain && other.retain, packet_id: id };
        match id {
            None => {
                encode::publish(&mut other.out, version, head, &parts);
                self.unasked |= end == End::Local;
                self.count(end);
                self.answer(end, from, publish.qos);
            }
            Some(id) => {
                let mut bytes = Vec::new();
                encode::publish(&mut bytes, version, head, &parts);
                let from_qos = publish.qos;
                other.window.push(Sent { id, from, from_qos, qos, stage: Stage::Held, bytes });
                other.fill();
            }
        }
        Ok(())
    }

    /// Several filters that match one message bring one copy each: the first of them counts.
    fn is_first(&self, publish: &Publish<'_>) -> bool {
        let forwards = &self.settings.forwards;
        if forwards.len() < 2 {
            return true;
        }
        let Ok(topic) = TopicName::parse(publish.topic) else { return false };
        let first = forwards.iter().position(|filter| filter.matches(topic));
        let of = publish.properties.subscription_identifiers().min();
        of.is_none() || first.map(|at| at + 1) == of.map(|id| id as usize)
    }

    /// The remote was asked for this.
    fn is_wanted(&self, topic: &str) -> bool {
        TopicName::parse(topic)
            .is_ok_and(|topic| self.wanted.iter().any(|filter| filter.matches(topic)))
    }

    const fn count(&mut self, from: End) {
        match from {
            End::Local => self.counts.forwarded += 1,
            End::Remote => self.counts.received += 1,
        }
    }

    /// A message of this end does not go on to the other. It is answered, or it would come again with each connection.
    fn refuse(&mut self, end: End, id: Option<PacketId>, qos: QoS, why: ReasonCode) {
        self.counts.dropped += 1;
        self.events.push(Event::NotTaken(end.other(), why));
        self.answer(end, id, qos);
    }

    /// Tells an end that its message has been received.
    fn answer(&mut self, end: End, id: Option<PacketId>, qos: QoS) {
        match (id, qos) {
            (Some(id), QoS::AtLeastOnce) => self.side(end).ack(AckType::PubAck, id),
            (Some(id), QoS::ExactlyOnce) => self.side(end).ack(AckType::PubRec, id),
            (None, _) | (Some(_), QoS::AtMostOnce) => {}
        }
    }

    /// The end has a message, or does not want it, and has nothing more to say of it.
    fn on_received(&mut self, end: End, id: PacketId, reason: ReasonCode) {
        let Some(sent) = self.side(end).window.take(id, &[Stage::Sent]) else { return };
        self.on_borne(end);
        if reason.is_error() {
            self.counts.dropped += 1;
            self.events.push(Event::NotTaken(end, reason));
        } else {
            self.count(end.other());
        }
        self.answer(end.other(), sent.from, sent.from_qos);
        self.side(end).fill();
    }

    /// The end has answered a message that was under way.
    const fn on_borne(&mut self, end: End) {
        self.side(end).window.widen();
        if matches!(end, End::Remote) {
            (self.acknowledged, self.strikes, self.unasked) = (true, None, false);
        }
    }

    fn on_pubrec(&mut self, end: End, id: PacketId, reason: ReasonCode) {
        if reason.is_error() {
            return self.on_received(end, id, reason);
        }
        let side = self.side(end);
        match side.window.receive(id) {
            // Nobody awaits the rest.
            Some((None, _)) | None => side.ack(AckType::PubRel, id),
            Some((from, qos)) => {
                self.on_borne(end);
                self.count(end.other());
                self.answer(end.other(), from, qos);
                if qos != QoS::ExactlyOnce {
                    // Whose message it is has nothing more to say.
                    let side = self.side(end);
                    side.window.release(id);
                    side.ack(AckType::PubRel, id);
                }
            }
        }
    }

    fn on_pubrel(&mut self, end: End, id: PacketId) {
        let other = self.side(end.other());
        match other.window.release_from(id) {
            Some(Some(to)) => other.ack(AckType::PubRel, to),
            Some(None) => {}
            None => self.side(end).ack(AckType::PubComp, id),
        }
    }

    fn on_pubcomp(&mut self, end: End, id: PacketId) {
        let Some(sent) = self.side(end).window.take(id, &[Stage::Received, Stage::Released]) else {
            return;
        };
        if let (Some(from), QoS::ExactlyOnce) = (sent.from, sent.from_qos) {
            self.side(end.other()).ack(AckType::PubComp, from);
        }
        self.side(end).fill();
    }

    /// Asks a remote that is not spoken to whether it is there. `false`: it has said nothing for too long.
    pub fn on_time(&mut self, now: Time) -> bool {
        let side = &mut self.remote;
        if !side.up || side.keep_alive.is_zero() {
            return true;
        }
        if now.since(side.said) >= side.keep_alive {
            encode::pingreq(&mut side.out);
            side.said = now;
        }
        now.since(side.heard) < side.keep_alive * 3 / 2
    }

    /// Something was written to the remote.
    pub const fn said(&mut self, now: Time) {
        self.remote.said = now;
    }
}

/// The topic of a PUBLISH of our own.
fn topic_of(version: Version, bytes: &[u8]) -> String {
    let Ok(Some((header, body, _))) = frame::split(bytes, usize::MAX) else { return String::new() };
    let Ok(Packet::Publish(publish)) = decode(version, header, body) else { return String::new() };
    publish.topic.to_owned()
}
