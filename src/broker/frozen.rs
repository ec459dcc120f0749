//! A connection that stands still, as bytes for the process that follows this one: all that stands beside its session.
//!
//! Records as in `portable.rs`. Bytes that came and were no whole packet yet, and bytes that the kernel did not take, go along, so
//! the client sees a pause and nothing else. Invariant: what [`Frozen::encode`] wrote, [`Frozen::decode`] reads.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use super::{
    ClientId,
    access::Grant,
    acl::ClientAccess,
    alias::{Aliases, Incoming, Outgoing},
    bans::Banned,
    channel::{Channel, Shared, State, Stay},
    connect::{Identity, RightsFrom},
    enhanced::Enhanced,
    inflight::Inflight,
    portable::{BadSession, Get, NEVER, put_text, put_u32, put_u64, put_will, record, span},
    replay::Replay,
    session::Session,
    verdicts::Rights,
    will::Will,
};
use crate::{
    mqtt::{Disconnect, PacketId, Properties, ReasonCode, Version},
    time::{Time, Wall},
};

const HEAD: u8 = 1;
const IDENTITY: u8 = 2;
const MOUNT: u8 = 3;
const RIGHTS: u8 = 4;
const ALIAS_IN: u8 = 5;
const ALIAS_MAX: u8 = 6;
const ALIAS_OUT: u8 = 7;
const WILL: u8 = 8;
const OWED: u8 = 9;
const UNREAD: u8 = 10;
const UNSENT: u8 = 11;
const REPLAY: u8 = 12;
const USERNAME: u8 = 13;
const ENHANCED: u8 = 14;
const WILL_NAMED: u8 = 15;

/// A connection of a client that is served, without its socket and its session.
#[derive(Debug)]
pub struct Frozen {
    /// Who is connected.
    pub identity: Identity,
    /// Address of the other end.
    pub peer: SocketAddr,
    /// What the kernel calls the socket (`SO_COOKIE`).
    pub cookie: u64,
    /// Came, and is no whole packet yet.
    pub unread: Vec<u8>,
    /// Written, and not taken by the kernel yet.
    pub unsent: Vec<u8>,
    /// Retained messages that the client is still to get.
    pub replays: Vec<Replay>,
    version: Version,
    keep_alive_ms: u32,
    expiry_s: u32,
    receive_max: u16,
    max_packet_out: u32,
    aliases: Option<Box<Aliases>>,
    will: Option<Box<Will>>,
    /// Rights of its own.
    rights: Option<ClientAccess>,
    /// Messages under way that were not sent on this connection yet.
    owed: Vec<PacketId>,
    /// It showed who it is by enhanced authentication, and may do so again.
    enhanced: bool,
}

impl Channel {
    /// Takes the channel apart for the next process; its connection goes on there. `None`: it does not serve, or an
    /// acknowledgement waits for another node.
    pub fn freeze(&mut self) -> Option<(Frozen, Box<Session>)> {
        let busy = self.is_asking() || self.waiting_replies() > 0;
        if self.stay == Stay::Over || !self.is_up() || busy {
            return None;
        }
        let identity = *self.identity.clone()?;
        // What an authorisation server began with this process goes on with no other one.
        let own = identity.rights == RightsFrom::Own;
        let rights = match &self.rights {
            Rights::Ruled(rules) => own.then(|| rules.clone()),
            Rights::Asked(_) if own => return None,
            Rights::Asked(_) => None,
        };
        let enhanced = match self.enhanced.as_deref() {
            None => false,
            Some(Enhanced::Done) => true,
            // In the middle of showing once more who it is.
            Some(Enhanced::Begun(_) | Enhanced::Challenged(..) | Enhanced::Answered(_)) => {
                return None;
            }
        };
        let session = self.finish_frozen()?;
        let owed = session.inflight.iter().filter(|slot| slot.owed).map(|slot| slot.packet_id);
        let frozen = Frozen {
            identity,
            peer: self.peer(),
            cookie: 0,
            unread: Vec::new(),
            unsent: Vec::new(),
            replays: Vec::new(),
            version: self.version,
            keep_alive_ms: self.keep_alive_ms,
            expiry_s: self.expiry_s,
            receive_max: self.receive_max,
            max_packet_out: self.max_packet_out,
            aliases: self.aliases.take(),
            will: self.will.take(),
            rights,
            owed: owed.collect(),
            enhanced,
        };
        Some((frozen, session))
    }

    fn finish_frozen(&mut self) -> Option<Box<Session>> {
        self.stay = Stay::Over;
        match std::mem::replace(&mut self.state, State::Closed) {
            State::Up(session) => Some(session),
            State::Waiting(_) | State::Authenticating(_) | State::Opening(_) | State::Closed => {
                None
            }
        }
    }
}

impl Frozen {
    /// How long the session outlives the connection.
    #[must_use]
    pub fn expiry(&self) -> Duration {
        Duration::from_secs(self.expiry_s.into())
    }

    /// The will, as other nodes are to keep it.
    #[must_use]
    pub fn will(&self) -> Option<Will> {
        self.will.as_deref().cloned().map(Will::nameless)
    }

    /// The will, if the connection does not go on after all.
    #[must_use]
    pub fn into_will(self) -> Option<Box<Will>> {
        let mut will = self.will?;
        will.named = None;
        Some(will)
    }

    /// By what it may be banned.
    #[must_use]
    pub fn banned(&self) -> Banned<'_> {
        Banned {
            client_id: self.identity.client_id.as_str(),
            username: self.identity.username.as_deref(),
            peer: self.peer.ip(),
        }
    }

    /// What tells the client that its connection ends after all; empty where it cannot be told.
    #[must_use]
    pub fn goodbye(&self) -> Vec<u8> {
        let mut bytes = self.unsent.clone();
        if self.version == Version::V5 {
            let (reason, properties) = (ReasonCode::ServerShuttingDown, Properties::EMPTY);
            Disconnect { reason, properties }.encode(self.version, &mut bytes);
        }
        bytes
    }

    /// The channel, which serves on with `session` at `now`. A client that has no rights of its own gets those that the rules of
    /// today give it.
    #[must_use]
    pub fn into_channel(
        self,
        shared: Arc<Shared>,
        mut session: Box<Session>,
        now: Time,
    ) -> Channel {
        let mut slots: Vec<_> = session.inflight.iter().cloned().collect();
        for slot in &mut slots {
            slot.owed = self.owed.contains(&slot.packet_id);
        }
        session.inflight = Inflight::of_slots(slots);
        session.awaiting_rel.come_back(now);
        let superuser = self.identity.rights == RightsFrom::Superuser;
        let mut channel = Channel::new(shared, self.peer, now);
        channel.state = State::Up(session);
        channel.identity = Some(Box::new(self.identity));
        match self.rights {
            Some(rules) => channel.rights = Rights::Ruled(rules),
            None => channel.take_rights(&Grant { superuser, ..Grant::default() }),
        }
        channel.version = self.version;
        channel.keep_alive_ms = self.keep_alive_ms;
        channel.expiry_s = self.expiry_s;
        channel.receive_max = self.receive_max;
        channel.max_packet_out = self.max_packet_out;
        channel.aliases = self.aliases;
        channel.will = self.will;
        channel.enhanced = self.enhanced.then(|| Box::new(Enhanced::Done));
        channel
    }

    /// Everything as bytes.
    #[must_use]
    pub fn encode(&self, now: Time) -> Vec<u8> {
        let mut out = Vec::new();
        self.put_head(&mut out, now);
        let texts = [
            (USERNAME, self.identity.username.as_deref()),
            (MOUNT, self.identity.mount.as_deref()),
        ];
        for (tag, text) in texts {
            if let Some(text) = text {
                record(&mut out, tag, |out| out.extend_from_slice(text.as_bytes()));
            }
        }
        if let Some(rights) = &self.rights {
            record(&mut out, RIGHTS, |out| rights.put(out));
        }
        for topic in self.aliases.iter().flat_map(|aliases| aliases.incoming.topics()) {
            record(&mut out, ALIAS_IN, |out| {
                out.push(u8::from(topic.is_some()));
                out.extend_from_slice(topic.unwrap_or_default().as_bytes());
            });
        }
        let outgoing = self.aliases.as_ref().and_then(|aliases| aliases.outgoing.as_ref());
        if let Some((max, topics)) = outgoing.map(|aliases| aliases.topics()) {
            record(&mut out, ALIAS_MAX, |out| out.extend_from_slice(&max.to_be_bytes()));
            for topic in topics {
                record(&mut out, ALIAS_OUT, |out| out.extend_from_slice(topic.as_bytes()));
            }
        }
        if let Some(will) = &self.will {
            record(&mut out, WILL, |out| put_will(out, (will, will.delay), now));
            if let Some(named) = &will.named {
                record(&mut out, WILL_NAMED, |out| out.extend_from_slice(named.as_bytes()));
            }
        }
        for id in &self.owed {
            record(&mut out, OWED, |out| out.extend_from_slice(&id.get().to_be_bytes()));
        }
        if self.enhanced {
            record(&mut out, ENHANCED, |_| {});
        }
        for (tag, bytes) in [(UNREAD, &self.unread), (UNSENT, &self.unsent)] {
            if !bytes.is_empty() {
                record(&mut out, tag, |out| out.extend_from_slice(bytes));
            }
        }
        for replay in &self.replays {
            record(&mut out, REPLAY, |out| replay.put(out));
        }
        out
    }

    fn put_head(&self, out: &mut Vec<u8>, now: Time) {
        record(out, HEAD, |out| {
            put_u64(out, self.cookie);
            put_text(out, &self.peer.to_string());
            out.push(self.version.level());
            put_u32(out, self.keep_alive_ms);
            put_u32(out, self.expiry_s);
            out.extend_from_slice(&self.receive_max.to_be_bytes());
            put_u32(out, self.max_packet_out);
        });
        let who = &self.identity;
        record(out, IDENTITY, |out| {
            let rights = match who.rights {
                RightsFrom::Node => 0,
                RightsFrom::Superuser => 1,
                RightsFrom::Own => 2,
            };
            out.extend_from_slice(&[u8::from(who.clean_start), rights]);
            out.extend_from_slice(&who.keep_alive.to_be_bytes());
            put_u64(out, who.connected_at.as_ms());
            put_u64(out, who.ends_at.map_or(NEVER, |at| span(at.since(now))));
            out.extend_from_slice(who.client_id.as_str().as_bytes());
        });
    }

    /// Reads what [`Self::encode`] wrote.
    ///
    /// # Errors
    /// [`BadSession`]: nothing of it is to be used.
    pub fn decode(bytes: &[u8], now: Time) -> Result<Self, BadSession> {
        let mut rest = Get(bytes);
        let (HEAD, head) = rest.record()? else { return Err(BadSession("no head")) };
        let (IDENTITY, mut identity) = rest.record()? else {
            return Err(BadSession("no identity"));
        };
        let mut frozen = Self::begin(head, identity.identity(now)?)?;
        let (mut topics_in, mut topics_out, mut max_out) = (Vec::new(), Vec::new(), None);
        while !rest.0.is_empty() {
            let (tag, mut body) = rest.record()?;
            match tag {
                USERNAME => frozen.identity.username = Some(body.rest_text()?.into()),
                MOUNT => frozen.identity.mount = Some(body.rest_text()?.into()),
                RIGHTS => frozen.rights = Some(ClientAccess::get(&mut body)?),
                ALIAS_IN => {
                    let some = body.u8()? != 0;
                    topics_in.push(Some(body.rest_text()?.into()).filter(|_| some));
                }
                ALIAS_MAX => max_out = Some(u16::from_be_bytes(body.array()?)),
                ALIAS_OUT => topics_out.push(body.rest_text()?),
                WILL => frozen.will = Some(body.will(now)?.0),
                // It stands behind the will.
                WILL_NAMED => {
                    let will = frozen.will.as_mut().ok_or(BadSession("name of no will"))?;
                    will.named = Some(body.rest_text()?.into());
                }
                OWED => frozen.owed.push(body.packet_id()?),
                ENHANCED => frozen.enhanced = true,
                UNREAD => frozen.unread = body.0.to_vec(),
                UNSENT => frozen.unsent = body.0.to_vec(),
                REPLAY => frozen.replays.push(Replay::get(&mut body)?),
                _ => {}
            }
        }
        if (frozen.identity.rights == RightsFrom::Own) != frozen.rights.is_some() {
            return Err(BadSession("rights"));
        }
        let outgoing = max_out.map(|max| {
            let mut aliases = Outgoing::new(max);
            for topic in topics_out {
                aliases.name(topic);
            }
            aliases
        });
        if outgoing.is_some() || !topics_in.is_empty() {
            let incoming = Incoming::of_topics(topics_in);
            frozen.aliases = Some(Box::new(Aliases { incoming, outgoing }));
        }
        Ok(frozen)
    }

    fn begin(mut head: Get<'_>, identity: Identity) -> Result<Self, BadSession> {
        let cookie = head.u64()?;
        let peer = head.text()?.parse().map_err(|_| BadSession("address"))?;
        let version = match head.u8()? {
            3 => Version::V3_1,
            4 => Version::V3_1_1,
            5 => Version::V5,
            _ => return Err(BadSession("protocol version")),
        };
        Ok(Self {
            identity,
            peer,
            cookie,
            version,
            keep_alive_ms: head.u32()?,
            expiry_s: head.u32()?,
            receive_max: u16::from_be_bytes(head.array()?),
            max_packet_out: head.u32()?,
            unread: Vec::new(),
            unsent: Vec::new(),
            replays: Vec::new(),
            aliases: None,
            will: None,
            rights: None,
            owed: Vec::new(),
            enhanced: false,
        })
    }
}

impl Get<'_> {
    fn identity(&mut self, now: Time) -> Result<Identity, BadSession> {
        let (clean_start, rights) = (self.u8()? != 0, self.u8()?);
        let keep_alive = u16::from_be_bytes(self.array()?);
        let (connected_at, left) = (Wall::from_ms(self.u64()?), self.u64()?);
        Ok(Identity {
            client_id: ClientId::new(self.rest_text()?),
            username: None,
            clean_start,
            keep_alive,
            connected_at,
            ends_at: (left != NEVER).then(|| now + Duration::from_millis(left)),
            mount: None,
            rights: match rights {
                0 => RightsFrom::Node,
                1 => RightsFrom::Superuser,
                2 => RightsFrom::Own,
                _ => return Err(BadSession("rights")),
            },
        })
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::{
        broker::{
            access::{Access, Who},
            acl::{Action, Clients, Rule, Rules, TopicPattern},
            message::{Message, Meta},
            settings::Settings,
            stats::Stats,
        },
        mqtt::QoS,
        topic::TopicFilter,
    };

    const NOW: Time = Time::from_ms(70_000);

    fn shared() -> Arc<Shared> {
        Arc::new(Shared {
            settings: Settings::default(),
            zone: "external".to_owned(),
            port: 1883,
            access: Access::default(),
            proxies: Vec::new(),
            stats: Arc::new(Stats::new(1)),
            next_assigned: Arc::default(),
        })
    }

    pub(crate) fn sample() -> Frozen {
        let who = Who {
            zone: "external",
            client_id: "c+1",
            username: Some("u"),
            peer: [10, 0, 0, 9].into(),
        };
        let rule = |allow, topics| Rule {
            allow,
            who: Clients::All,
            publish: true,
            subscribe: allow,
            topics: Some(topics),
            number: 0,
            from: "".into(),
        };
        let rules = Rules(Arc::new([
            rule(
                false,
                Arc::new([TopicPattern::filter("%u/secret/#"), TopicPattern::literal("+/#")]),
            ),
            rule(true, Arc::new([TopicPattern::filter("%u/+")])),
        ]));
        let mut aliases_out = Outgoing::new(5);
        for topic in ["b", "a", "c"] {
            aliases_out.name(topic);
        }
        let meta = Meta { qos: QoS::AtLeastOnce, retain: true, expires_at: None, publisher: 0 };
        let mut will = Will::of_parts(
            Message::new("w", &[], b"gone", meta),
            Some(Duration::from_secs(9)),
            Duration::from_secs(4),
        );
        will.named = Some("u/w".into());
        Frozen {
            identity: Identity {
                client_id: ClientId::new("c+1"),
                username: Some("u".into()),
                clean_start: true,
                keep_alive: 60,
                connected_at: Wall::from_ms(5),
                ends_at: Some(NOW + Duration::from_secs(30)),
                mount: Some("m/".into()),
                rights: RightsFrom::Own,
            },
            peer: "10.0.0.9:5000".parse().unwrap(),
            cookie: 77,
            unread: vec![0x30, 9],
            unsent: vec![0xd0],
            replays: vec![Replay {
                filter: TopicFilter::parse("r/#").unwrap(),
                after: Some("r/a".into()),
                qos: QoS::ExactlyOnce,
                id: 3,
                no_local: true,
            }],
            version: Version::V5,
            keep_alive_ms: 90_000,
            expiry_s: 1,
            receive_max: 7,
            max_packet_out: 4_096,
            aliases: Some(Box::new(Aliases {
                incoming: Incoming::of_topics(vec![None, Some("t".into())]),
                outgoing: Some(aliases_out),
            })),
            will: Some(Box::new(will)),
            rights: Some(rules.client(&who, false)),
            owed: vec![PacketId::new(4).unwrap()],
            enhanced: true,
        }
    }

    #[test]
    fn a_connection_comes_out_as_it_went_in() {
        let bytes = sample().encode(NOW);
        let later = NOW + Duration::from_secs(3_600);
        let back = Frozen::decode(&bytes, later).unwrap();
        assert_eq!(back.encode(later), bytes);
        assert_eq!(Frozen::decode(&bytes, NOW).unwrap().encode(NOW), bytes);
        let rights = |topic| back.rights.as_ref().unwrap().allows(Action::Publish, topic);
        assert!(rights("u/x") && !rights("u/secret/x") && !rights("v/x"));
    }

    #[test]
    fn a_channel_that_serves_goes_on_and_another_does_not() {
        let mut channel = Channel::new(shared(), "10.0.0.9:5000".parse().unwrap(), NOW);
        assert!(channel.freeze().is_none(), "no CONNECT yet");
        let session = || Box::new(Session::new(1, ClientId::new("c+1"), Wall::from_ms(5)));
        let mut channel = sample().into_channel(shared(), session(), NOW);
        let (mut frozen, session) = channel.freeze().unwrap();
        assert!(channel.freeze().is_none(), "once");
        assert_eq!(session.client_id.as_str(), "c+1");
        let Frozen { unread, unsent, replays, owed, cookie, .. } = sample();
        // What is the shell's or the session's.
        (frozen.unread, frozen.unsent, frozen.replays) = (unread, unsent, replays);
        (frozen.owed, frozen.cookie) = (owed, cookie);
        assert_eq!(frozen.encode(NOW), sample().encode(NOW));
    }

    #[test]
    fn who_has_no_rights_of_its_own_gets_those_of_today() {
        let session = || Box::new(Session::new(1, ClientId::new("c+1"), Wall::from_ms(5)));
        for (from, want) in [(RightsFrom::Node, false), (RightsFrom::Superuser, true)] {
            let mut frozen = sample();
            (frozen.identity.rights, frozen.rights) = (from, None);
            let bytes = frozen.encode(NOW);
            let frozen = Frozen::decode(&bytes, NOW).unwrap();
            let channel = frozen.into_channel(shared(), session(), NOW);
            let Rights::Ruled(rules) = &channel.rights else { panic!("asked") };
            assert_eq!(rules.allows(Action::Subscribe, "$SYS/#"), want);
        }
    }

    #[test]
    fn a_will_is_denied_by_the_topic_that_its_client_named() {
        // Without a name, of an older process: what was said to the CONNECT holds.
        for (named, want) in [(Some("u/x"), true), (Some("v/x"), false), (None, true)] {
            let mut frozen = sample();
            frozen.will.as_mut().unwrap().named = named.map(Into::into);
            let frozen = Frozen::decode(&frozen.encode(NOW), NOW).unwrap();
            let session = Box::new(Session::new(1, ClientId::new("c+1"), Wall::from_ms(5)));
            let finished = frozen.into_channel(shared(), session, NOW).finish(NOW);
            assert_eq!(finished.will.is_some(), want, "{named:?}");
        }
    }

    proptest! {
        #[test]
        fn one_changed_byte_never_panics(at: prop::sample::Index, to: u8) {
            let mut bytes = sample().encode(NOW);
            let at = at.index(bytes.len());
            bytes[at] = to;
            let _ = Frozen::decode(&bytes, NOW);
        }
    }
}
