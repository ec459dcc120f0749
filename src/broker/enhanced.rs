//! Enhanced authentication, the channel's part (v5 4.12, 3.15): SCRAM between CONNECT and CONNACK, and again on a connection
//! that serves, which meanwhile goes on.

use super::{
    access::{Refusal, Verdict},
    channel::{Action, Channel, Out, Proof},
    close::CloseReason,
    scram::{self, BadMessage, ClientFirst, Exchange, NONCE, Unproven},
    stats::Metric,
    users::Candidate,
};
use crate::mqtt::{
    self, Auth, Connect, FixedHeader, Packet, Properties, Property, ReasonCode, Version,
};

/// What is told, and why, for the log.
type Fault = (ReasonCode, &'static str);

/// How far a client is that named a method in CONNECT.
#[derive(Debug)]
pub(super) enum Enhanced {
    /// It has said who it is.
    Begun(ClientFirst),
    /// It has to prove it; and what it gets then.
    Challenged(Exchange, Verdict),
    /// It has proven it, and is owed this message.
    Answered(String),
    /// It may begin again.
    Done,
}

impl Enhanced {
    /// The properties of a packet that tells of success.
    pub(super) fn put(&self, raw: &mut Vec<u8>) {
        Property::AuthenticationMethod(scram::METHOD).encode(raw);
        match self {
            Self::Answered(message) => Property::AuthenticationData(message.as_bytes()).encode(raw),
            // Not known yet, but how long it will be.
            Self::Begun(_) | Self::Challenged(..) | Self::Done => {
                Property::AuthenticationData(&[0; scram::SERVER_FINAL]).encode(raw);
            }
        }
    }
}

/// What a CONNECT begins with: nothing where it names no method.
pub(super) fn first_message(connect: &Connect<'_>) -> Result<Option<ClientFirst>, Fault> {
    let Some(method) = connect.properties.authentication_method() else { return Ok(None) };
    if method != scram::METHOD {
        // v5 [MQTT-4.12.0-1]
        return Err((ReasonCode::BadAuthenticationMethod, "no such authentication method"));
    }
    let data = connect.properties.authentication_data().unwrap_or_default();
    ClientFirst::parse(data).map(Some).map_err(not_authorized)
}

/// The user name of a CONNECT that begins with `first`; one that it also says must be the same.
pub(super) fn one_name(connect: &Connect<'_>, first: &ClientFirst) -> Result<Box<str>, Fault> {
    match connect.username {
        Some(name) if scram::prepared(name) != *first.username => {
            Err((ReasonCode::BadUserNameOrPassword, "another user name than in SCRAM"))
        }
        Some(_) | None => Ok(first.username.clone()),
    }
}

const fn not_authorized(BadMessage(what): BadMessage) -> Fault {
    (ReasonCode::NotAuthorized, what)
}

impl Channel {
    /// Where CONNECT named a method.
    pub(super) fn enhanced(&self) -> Option<&Enhanced> {
        self.seldom.as_deref()?.enhanced.as_deref()
    }

    fn enhanced_mut(&mut self) -> Option<&mut Enhanced> {
        self.seldom.as_deref_mut()?.enhanced.as_deref_mut()
    }

    /// The next AUTH of the client is awaited.
    pub(super) fn is_challenged(&self) -> bool {
        matches!(self.enhanced(), Some(Enhanced::Challenged(..)))
    }

    /// The user whom a client that shows who it is by [`Proof::Scram`] says it is.
    #[must_use]
    pub fn claimed_user(&self) -> Option<&str> {
        match self.enhanced() {
            Some(Enhanced::Begun(first)) => Some(&first.username),
            Some(Enhanced::Challenged(..) | Enhanced::Answered(_) | Enhanced::Done) | None => None,
        }
    }

    /// Whom [`Self::claimed_user`] names, and a nonce that was never used before. Asks the client for its proof.
    pub fn on_candidate(&mut self, candidate: Candidate, nonce: &[u8; NONCE], out: &mut Out<'_>) {
        let Some(enhanced) = self.enhanced_mut() else { return };
        let Enhanced::Begun(first) = enhanced else { return };
        let (exchange, message) = Exchange::begin(first, candidate.keys, nonce);
        *enhanced = Enhanced::Challenged(exchange, candidate.verdict);
        let mut raw = Vec::new();
        Property::AuthenticationMethod(scram::METHOD).encode(&mut raw);
        Property::AuthenticationData(message.as_bytes()).encode(&mut raw);
        self.send_auth(ReasonCode::ContinueAuthentication, &raw, out);
    }

    fn send_auth(&mut self, reason: ReasonCode, properties: &[u8], out: &mut Out<'_>) {
        let begin = out.bytes.len();
        Auth { reason, properties: Properties::from_encoded(properties) }
            .encode(Version::V5, out.bytes);
        let size = out.bytes.len() - begin;
        if size > usize::try_from(self.max_packet_out).unwrap_or(usize::MAX) {
            // v5 [MQTT-3.1.2-24]
            out.bytes.truncate(begin);
            let what = "no AUTH fits into the client's Maximum Packet Size";
            return self.reject((ReasonCode::PacketTooLarge, what), out);
        }
        self.count(Metric::PacketsAuthSent);
        self.count(Metric::PacketsSent);
    }

    /// A packet of a client that was asked for its proof: AUTH, or DISCONNECT, and no other (v5 [MQTT-3.1.2-30]).
    pub(super) fn on_answer(&mut self, header: FixedHeader, body: &[u8], out: &mut Out<'_>) {
        match mqtt::decode(self.version, header, body) {
            Ok(Packet::Auth(auth)) => self.on_auth(&auth, out),
            Ok(Packet::Disconnect(disconnect)) => self.on_disconnect(&disconnect, out),
            Ok(_) => self.reject((ReasonCode::ProtocolError, "a packet before CONNACK"), out),
            Err(error) => self.refuse(error.into(), Some(self.version), out),
        }
    }

    /// An AUTH: the proof, or the beginning of another exchange on a connection that serves.
    pub(super) fn on_auth(&mut self, auth: &Auth<'_>, out: &mut Out<'_>) {
        self.count(Metric::PacketsAuthReceived);
        match self.step(auth) {
            Ok(action) => out.actions.push(action),
            Err(fault) => self.reject(fault, out),
        }
    }

    fn step(&mut self, auth: &Auth<'_>) -> Result<Action, Fault> {
        const WRONG: ReasonCode = ReasonCode::ProtocolError;
        let up = self.is_up();
        let seldom = self.seldom.as_deref_mut();
        let Some(enhanced) = seldom.and_then(|seldom| seldom.enhanced.as_deref_mut()) else {
            // v5 [MQTT-4.12.0-7]
            return Err((WRONG, "AUTH without an authentication method"));
        };
        if auth.properties.authentication_method() != Some(scram::METHOD) {
            // v5 [MQTT-4.12.0-5] [MQTT-4.12.1-1]
            return Err((WRONG, "another authentication method than in CONNECT"));
        }
        let data = auth.properties.authentication_data().unwrap_or_default();
        match (auth.reason, std::mem::replace(enhanced, Enhanced::Done)) {
            (ReasonCode::ContinueAuthentication, Enhanced::Challenged(exchange, verdict)) => {
                let verdict = match exchange.finish(data) {
                    Ok(message) => {
                        *enhanced = Enhanced::Answered(message);
                        verdict
                    }
                    Err(Unproven::Message(bad)) => return Err(not_authorized(bad)),
                    Err(Unproven::Proof) => verdict.and(Err(Refusal::BadPassword)),
                };
                Ok(Action::Judge(verdict))
            }
            (ReasonCode::ReAuthenticate, Enhanced::Done) if up => {
                let first = ClientFirst::parse(data).map_err(not_authorized)?;
                let name = self.identity.as_deref().and_then(|who| who.username.as_deref());
                if name != Some(&*first.username) {
                    return Err((ReasonCode::NotAuthorized, "SCRAM again, as another user"));
                }
                *enhanced = Enhanced::Begun(first);
                Ok(Action::Authenticate(Proof::Scram))
            }
            (..) => Err((WRONG, "AUTH out of turn")),
        }
    }

    /// The verdict on a client that serves and has shown again who it is.
    pub(super) fn on_verdict_again(&mut self, verdict: Verdict, out: &mut Out<'_>) {
        let grant = match verdict {
            Ok(grant) => grant,
            Err(refusal) => {
                self.count(refusal.metric());
                // v5 [MQTT-4.12.1-2]. What CONNACK would say, DISCONNECT cannot.
                return self.reject((ReasonCode::NotAuthorized, refusal.setting()), out);
            }
        };
        self.count(Metric::ClientAuthSuccess);
        self.take_rights(&grant);
        let mut raw = Vec::new();
        if let Some(enhanced) = self.enhanced() {
            enhanced.put(&mut raw);
        }
        self.on_told();
        self.send_auth(ReasonCode::Success, &raw, out);
    }

    /// The client was told that its proof is good.
    pub(super) fn on_told(&mut self) {
        if let Some(enhanced) = self.enhanced_mut() {
            *enhanced = Enhanced::Done;
        }
    }

    /// CONNACK with the reason, or DISCONNECT where there was one, and the end (v5 [MQTT-4.12.0-4]).
    fn reject(&mut self, (reason, what): Fault, out: &mut Out<'_>) {
        self.refuse(CloseReason::Violation { reason, what }, Some(self.version), out);
    }
}
