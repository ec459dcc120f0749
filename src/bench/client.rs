//! One load client: a connection that reads, answers what the standard wants answered, and writes in batches.

use std::{cell::RefCell, io};

use tokio::net::TcpStream;

use super::Target;
use crate::mqtt::{
    AckType, Connect, DecodeError, Disconnect, FixedHeader, Packet, PacketId, Properties, Publish,
    QoS, ReasonCode, SubscriptionOptions, Version, decode, encode, frame,
};

/// The largest packet a load client takes.
const MAX_PACKET: usize = 64 << 20;
/// Bytes read at once.
const READ_BYTES: usize = 64 << 10;

thread_local! {
    /// One read buffer per worker, so that an idle connection owns none.
    static SCRATCH: RefCell<Vec<u8>> = RefCell::new(vec![0; READ_BYTES]);
}

/// Why a client ended.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// No connection.
    #[error("connect to {0}: {1}")]
    Connect(String, #[source] io::Error),
    /// The connection failed later.
    #[error("connection: {0}")]
    Io(#[from] io::Error),
    /// The server closed it.
    #[error("connection closed by the server")]
    Closed,
    /// The server sent what is no MQTT.
    #[error("bad packet from the server: {0}")]
    Decode(#[from] DecodeError),
    /// CONNACK with an error.
    #[error("CONNECT refused: {0}")]
    Refused(ReasonCode),
    /// SUBACK with an error.
    #[error("SUBSCRIBE refused: {0}")]
    NotSubscribed(ReasonCode),
    /// DISCONNECT from the server.
    #[error("disconnected by the server: {0}")]
    Disconnected(ReasonCode),
    /// A packet that has no place here.
    #[error("unexpected packet from the server")]
    Unexpected,
    /// Messages under way stayed so.
    #[error("no delivery for {0} s")]
    Stalled(u64),
    /// PUBACK, PUBREC or PUBCOMP did not come.
    #[error("{0} messages not acknowledged")]
    Unacknowledged(usize),
}

/// What the owner of a client hears of.
#[derive(Debug)]
pub enum Event<'a> {
    /// A message; its acknowledgement is already in the output.
    Message(Publish<'a>),
    /// PUBACK or PUBCOMP, or a refusal on the way there.
    Acknowledged(ReasonCode),
    /// SUBACK of one filter.
    Subscribed(ReasonCode),
    /// CONNACK, with Receive Maximum.
    Connected(ReasonCode, Option<u16>),
}

/// A connection and what is not yet read or written of it.
#[derive(Debug)]
pub struct Client {
    stream: TcpStream,
    version: Version,
    input: Vec<u8>,
    /// What [`Client::flush`] will write.
    pub output: Vec<u8>,
    next_id: PacketId,
    /// How many PUBLISH of QoS 1 and 2 the server takes at a time.
    pub receive_maximum: u16,
}

impl Client {
    /// Connects and waits for CONNACK.
    ///
    /// # Errors
    /// No connection, or a refusal.
    pub async fn connect(target: &Target, number: u32, id: &str) -> Result<Self, ClientError> {
        let address = target.address(number);
        let stream = TcpStream::connect(&address)
            .await
            .map_err(|error| ClientError::Connect(address.clone(), error))?;
        stream.set_nodelay(true)?;
        let mut client = Self {
            stream,
            version: target.version,
            input: Vec::new(),
            output: Vec::new(),
            next_id: PacketId::FIRST,
            receive_maximum: u16::MAX,
        };
        Connect {
            version: target.version,
            clean_start: target.clean,
            keep_alive: target.keep_alive,
            client_id: id,
            username: target.username.as_deref(),
            password: target.password.as_deref().map(str::as_bytes),
            will: None,
            properties: Properties::default(),
        }
        .encode(&mut client.output);
        client.flush().await?;
        let mut answer = None;
        while answer.is_none() {
            client.receive().await?;
            client.handle(|event| {
                if let Event::Connected(reason, maximum) = event {
                    answer = Some((reason, maximum));
                }
            })?;
        }
        match answer {
            Some((ReasonCode::Success, maximum)) => {
                client.receive_maximum = maximum.unwrap_or(u16::MAX);
                Ok(client)
            }
            Some((reason, _)) => Err(ClientError::Refused(reason)),
            None => Err(ClientError::Closed),
        }
    }

    /// Subscribes to one filter and waits for SUBACK; messages that come before it go to `on_event`.
    ///
    /// # Errors
    /// The connection failed, or the server refused.
    pub async fn subscribe(
        &mut self,
        filter: &str,
        qos: QoS,
        mut on_event: impl FnMut(Event<'_>),
    ) -> Result<(), ClientError> {
        let options = SubscriptionOptions { qos, ..SubscriptionOptions::default() };
        let id = self.take_id();
        encode::subscribe(&mut self.output, self.version, id, &[], &[(filter, options)]);
        self.flush().await?;
        let mut answer = None;
        loop {
            self.receive().await?;
            self.handle(|event| match event {
                Event::Subscribed(reason) => answer = Some(reason),
                event @ (Event::Message(_) | Event::Acknowledged(_) | Event::Connected(..)) => {
                    on_event(event);
                }
            })?;
            self.flush().await?;
            match answer {
                Some(reason) if reason.is_error() => {
                    return Err(ClientError::NotSubscribed(reason));
                }
                Some(_) => return Ok(()),
                None => {}
            }
        }
    }

    /// Puts a PUBLISH into the output.
    pub fn publish(&mut self, qos: QoS, retain: bool, topic: &str, payload: &[u8]) {
        let packet_id = (qos != QoS::AtMostOnce).then(|| self.take_id());
        let head = encode::PublishHead { dup: false, qos, retain, packet_id };
        let parts = encode::PublishParts { topic, payload, ..encode::PublishParts::default() };
        encode::publish(&mut self.output, self.version, head, &parts);
    }

    /// Puts a PINGREQ into the output.
    pub fn ping(&mut self) {
        encode::pingreq(&mut self.output);
    }

    /// Says good-bye, so that no will is published, and closes.
    pub async fn disconnect(mut self) {
        let packet = Disconnect {
            reason: ReasonCode::NORMAL_DISCONNECTION,
            properties: Properties::default(),
        };
        packet.encode(self.version, &mut self.output);
        // The server may have closed already; there is nobody left to tell.
        let _ = self.flush().await;
    }

    /// Waits for bytes and reads what is there, once. May be dropped at any await.
    ///
    /// # Errors
    /// The connection failed or was closed.
    pub async fn receive(&mut self) -> Result<(), ClientError> {
        loop {
            self.stream.readable().await?;
            let Self { stream, input, .. } = self;
            let read = SCRATCH.with_borrow_mut(|scratch| {
                let size = stream.try_read(scratch)?;
                input.extend_from_slice(scratch.get(..size).unwrap_or_default());
                Ok(size)
            });
            match read {
                Ok(0) => return Err(ClientError::Closed),
                Ok(_) => return Ok(()),
                Err(error) if blocks(&error) => {}
                Err(error) => return Err(error.into()),
            }
        }
    }

    /// Handles every whole packet that was read; answers go to the output.
    ///
    /// # Errors
    /// A packet that cannot be read or has no place here, DISCONNECT.
    pub fn handle(&mut self, mut on_event: impl FnMut(Event<'_>)) -> Result<(), ClientError> {
        let mut done = 0;
        while let Some((header, body, size)) =
            frame::split(self.input.get(done..).unwrap_or_default(), MAX_PACKET)?
        {
            packet(self.version, header, body, &mut self.output, &mut on_event)?;
            done += size;
        }
        self.input.drain(..done);
        Ok(())
    }

    /// Writes the output.
    ///
    /// # Errors
    /// The connection failed.
    pub async fn flush(&mut self) -> Result<(), ClientError> {
        let mut done = 0;
        while let Some(rest) = self.output.get(done..).filter(|rest| !rest.is_empty()) {
            match self.stream.try_write(rest) {
                Ok(size) => done += size,
                Err(error) if blocks(&error) => self.stream.writable().await?,
                Err(error) => return Err(error.into()),
            }
        }
        self.output.clear();
        Ok(())
    }

    const fn take_id(&mut self) -> PacketId {
        let id = self.next_id;
        self.next_id = id.next();
        id
    }
}

/// The call would have to wait, or was interrupted: try again.
fn blocks(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::WouldBlock || error.kind() == io::ErrorKind::Interrupted
}

/// One packet: what the standard wants answered goes to `output`.
fn packet(
    version: Version,
    header: FixedHeader,
    body: &[u8],
    output: &mut Vec<u8>,
    on_event: &mut impl FnMut(Event<'_>),
) -> Result<(), ClientError> {
    let mut answer = |kind, id| encode::ack(output, version, kind, id, ReasonCode::Success);
    match decode(version, header, body)? {
        Packet::Publish(publish) => {
            match (publish.qos, publish.packet_id) {
                (QoS::AtLeastOnce, Some(id)) => answer(AckType::PubAck, id),
                (QoS::ExactlyOnce, Some(id)) => answer(AckType::PubRec, id),
                _ => {}
            }
            on_event(Event::Message(publish));
        }
        Packet::PubAck(ack) | Packet::PubComp(ack) => on_event(Event::Acknowledged(ack.reason)),
        Packet::PubRec(ack) if ack.reason.is_error() => on_event(Event::Acknowledged(ack.reason)),
        Packet::PubRec(ack) => answer(AckType::PubRel, ack.packet_id),
        Packet::PubRel(ack) => answer(AckType::PubComp, ack.packet_id),
        Packet::SubAck(ack) => {
            ack.reasons.iter().for_each(|reason| on_event(Event::Subscribed(reason)))
        }
        Packet::ConnAck(ack) => {
            on_event(Event::Connected(ack.reason, ack.properties.receive_maximum()));
        }
        Packet::PingResp => {}
        Packet::Disconnect(packet) => return Err(ClientError::Disconnected(packet.reason)),
        Packet::Connect(_)
        | Packet::Subscribe(_)
        | Packet::Unsubscribe(_)
        | Packet::UnsubAck(_)
        | Packet::PingReq
        | Packet::Auth(_) => return Err(ClientError::Unexpected),
    }
    Ok(())
}
