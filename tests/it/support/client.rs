//! A blocking MQTT client over a raw socket: it does what the test says and nothing by itself.

use std::collections::VecDeque;
use std::io::{ErrorKind, Read, Write};
use std::net::{IpAddr, SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use socket2::{Domain, Socket, Type};

use super::codec::{self, Packet, Props, Value, Version, ack, cat, packet, prop, string};
use super::wire::Wire;
use super::{LIMIT, unique};

/// A Will Message as it stands in CONNECT.
#[derive(Clone, Debug, Default)]
pub struct Will {
    pub topic: String,
    pub payload: Vec<u8>,
    pub qos: u8,
    pub retain: bool,
    pub props: Props,
}

impl Will {
    pub fn new(topic: &str, payload: &str) -> Self {
        Self { topic: topic.to_owned(), payload: payload.into(), ..Self::default() }
    }
}

/// A CONNECT under construction.
#[derive(Clone, Debug)]
pub struct Connect {
    pub version: Version,
    pub id: String,
    pub clean: bool,
    pub keep_alive: u16,
    pub user: Option<String>,
    pub password: Option<Vec<u8>>,
    pub will: Option<Will>,
    pub props: Props,
}

impl Connect {
    /// A clean session with a client id of its own and no keep alive.
    pub fn new(version: Version) -> Self {
        Self {
            version,
            id: unique("c"),
            clean: true,
            keep_alive: 0,
            user: None,
            password: None,
            will: None,
            props: Vec::new(),
        }
    }

    pub fn id(mut self, id: &str) -> Self {
        id.clone_into(&mut self.id);
        self
    }

    pub fn clean(mut self, clean: bool) -> Self {
        self.clean = clean;
        self
    }

    /// A session that outlives the connection: CleanSession 0 in v3, an expiry in v5.
    pub fn lasting(mut self) -> Self {
        if self.version.is_v5() {
            self.props.push(prop::four(prop::SESSION_EXPIRY, 600));
        }
        self.clean = false;
        self
    }

    pub fn keep_alive(mut self, seconds: u16) -> Self {
        self.keep_alive = seconds;
        self
    }

    pub fn will(mut self, will: Will) -> Self {
        self.will = Some(will);
        self
    }

    pub fn with(mut self, property: (u8, Value)) -> Self {
        self.props.push(property);
        self
    }

    pub fn bytes(&self) -> Vec<u8> {
        let mut flags = u8::from(self.clean) << 1;
        let mut payload = string(&self.id);
        if let Some(will) = &self.will {
            flags |= 4 | will.qos << 3 | u8::from(will.retain) << 5;
            payload.extend(codec::properties_for(self.version, &will.props));
            payload.extend(cat(&[&string(&will.topic), &string(&will.payload)]));
        }
        if let Some(user) = &self.user {
            flags |= 0x80;
            payload.extend(string(user));
        }
        if let Some(password) = &self.password {
            flags |= 0x40;
            payload.extend(string(password));
        }
        let head = cat(&[
            &string(self.version.protocol_name()),
            &[self.version.level(), flags],
            &self.keep_alive.to_be_bytes(),
            &codec::properties_for(self.version, &self.props),
        ]);
        packet(0x10, &cat(&[&head, &payload]))
    }

    /// Connects; the broker must accept.
    #[track_caller]
    pub fn open(&self, address: SocketAddr) -> Client {
        let client = self.attempt(address);
        assert_eq!(client.code, 0, "CONNACK refuses {self:?}: {:?}", client.props);
        client
    }

    /// Connects and reads the CONNACK, whatever it says.
    #[track_caller]
    pub fn attempt(&self, address: SocketAddr) -> Client {
        self.attempt_over(Client::tcp(address))
    }

    /// As [`Self::open`], over a connection of any kind.
    #[track_caller]
    pub fn open_over(&self, wire: impl Wire + 'static) -> Client {
        let client = self.attempt_over(wire);
        assert_eq!(client.code, 0, "CONNACK refuses {self:?}: {:?}", client.props);
        client
    }

    /// As [`Self::attempt`], over a connection of any kind.
    #[track_caller]
    pub fn attempt_over(&self, wire: impl Wire + 'static) -> Client {
        let mut client = Client::over(self.version, wire);
        self.id.clone_into(&mut client.id);
        client.send(&self.bytes());
        client.take_connack();
        client
    }
}

/// A PUBLISH, sent or received.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    pub topic: String,
    pub payload: Vec<u8>,
    pub qos: u8,
    pub retain: bool,
    pub dup: bool,
    pub id: u16,
    pub props: Props,
}

impl Message {
    pub fn new(topic: &str, payload: impl AsRef<[u8]>, qos: u8) -> Self {
        Self {
            topic: topic.to_owned(),
            payload: payload.as_ref().to_vec(),
            qos,
            retain: false,
            dup: false,
            id: 0,
            props: Vec::new(),
        }
    }

    pub fn retain(mut self) -> Self {
        self.retain = true;
        self
    }

    pub fn dup(mut self) -> Self {
        self.dup = true;
        self
    }

    pub fn id(mut self, id: u16) -> Self {
        self.id = id;
        self
    }

    pub fn with(mut self, property: (u8, Value)) -> Self {
        self.props.push(property);
        self
    }

    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.payload).into_owned()
    }

    /// The value of the first property `id`.
    pub fn prop(&self, id: u8) -> Option<&Value> {
        find(&self.props, id)
    }

    pub fn bytes(&self, version: Version) -> Vec<u8> {
        let first = 0x30 | u8::from(self.dup) << 3 | self.qos << 1 | u8::from(self.retain);
        let mut body = string(&self.topic);
        if self.qos > 0 {
            body.extend(self.id.to_be_bytes());
        }
        body.extend(codec::properties_for(version, &self.props));
        body.extend(&self.payload);
        packet(first, &body)
    }
}

/// The value of the first property `id` in `props`.
pub fn find(props: &[(u8, Value)], id: u8) -> Option<&Value> {
    props.iter().find(|(p, _)| *p == id).map(|(_, value)| value)
}

/// One connection. The fields tell what the CONNACK said.
pub struct Client {
    pub version: Version,
    pub id: String,
    pub session_present: bool,
    pub code: u8,
    pub props: Props,
    /// Bytes of the largest packet that came.
    pub largest: usize,
    stream: Box<dyn Wire>,
    bytes: Vec<u8>,
    early: VecDeque<Packet>,
    last_id: u16,
}

impl Client {
    /// A clean session.
    #[track_caller]
    pub fn new(version: Version) -> Self {
        Connect::new(version).open(super::broker())
    }

    /// A clean session at `address`.
    #[track_caller]
    pub fn at(version: Version, address: SocketAddr) -> Self {
        Connect::new(version).open(address)
    }

    /// A TCP connection on which nothing was sent yet.
    #[track_caller]
    pub fn raw(version: Version, address: SocketAddr) -> Self {
        Self::over(version, Self::tcp(address))
    }

    #[track_caller]
    pub fn tcp(address: SocketAddr) -> TcpStream {
        let stream = TcpStream::connect_timeout(&address, LIMIT).expect("the broker listens");
        Self::ready(stream)
    }

    /// The same from an address of this host.
    #[track_caller]
    pub fn raw_from(version: Version, from: IpAddr, address: SocketAddr) -> Self {
        let socket = Socket::new(Domain::for_address(address), Type::STREAM, None).unwrap();
        socket.bind(&SocketAddr::new(from, 0).into()).expect("an address of this host");
        socket.connect_timeout(&address.into(), LIMIT).expect("the broker listens");
        Self::over(version, Self::ready(socket.into()))
    }

    fn ready(stream: TcpStream) -> TcpStream {
        stream.set_nodelay(true).unwrap();
        stream.set_write_timeout(Some(LIMIT)).unwrap();
        stream
    }

    /// A connection of any kind on which no MQTT was sent yet.
    pub fn over(version: Version, wire: impl Wire + 'static) -> Self {
        Self {
            version,
            id: String::new(),
            session_present: false,
            code: 0xff,
            props: Vec::new(),
            largest: 0,
            stream: Box::new(wire),
            bytes: Vec::new(),
            early: VecDeque::new(),
            last_id: 0,
        }
    }

    /// The codes of the next SUBACK; `None` when PINGRESP comes or the connection ends before one.
    #[track_caller]
    pub fn answer(&mut self) -> Option<Vec<u8>> {
        loop {
            match self.read(LIMIT) {
                None | Some(Packet::PingResp) => return None,
                Some(Packet::SubAck { codes, .. }) => return Some(codes),
                Some(other) => self.early.push_back(other),
            }
        }
    }

    /// The next packet, or `None` at the end of the connection.
    #[track_caller]
    pub fn next_or_end(&mut self) -> Option<Packet> {
        self.early.pop_front().or_else(|| self.read(LIMIT))
    }

    /// The next packet, which may take longer than others.
    #[track_caller]
    pub fn next_within(&mut self, limit: Duration) -> Option<Packet> {
        self.early.pop_front().or_else(|| self.read(limit))
    }

    /// Forgets what came and was not asked for.
    pub fn forget(&mut self) {
        self.early.clear();
    }

    /// Sends bytes as they are. A connection the broker closed already is no failure here: what
    /// counts is what a test reads afterwards.
    pub fn send(&mut self, bytes: &[u8]) {
        let _ = self.stream.write_all(bytes);
    }

    pub fn next_id(&mut self) -> u16 {
        self.last_id = self.last_id % u16::MAX + 1;
        self.last_id
    }

    #[track_caller]
    pub fn take_connack(&mut self) {
        match self.recv() {
            Packet::ConnAck { session_present, code, props } => {
                self.session_present = session_present;
                self.code = code;
                self.props = props;
            }
            other => panic!("CONNACK expected, not {other:?}"),
        }
    }

    /// Messages that came and were not asked for yet, of all that the broker had sent when this was called.
    #[track_caller]
    pub fn unread(&mut self) -> usize {
        self.ping();
        self.early.iter().filter(|packet| as_message(packet).is_some()).count()
    }

    /// The next PUBLISH, acknowledged to the end, which may take longer than others.
    #[track_caller]
    pub fn message_within(&mut self, limit: Duration) -> Message {
        let end = Instant::now() + limit;
        loop {
            if self.early.iter().any(|packet| as_message(packet).is_some()) {
                return self.message();
            }
            let left = end.saturating_duration_since(Instant::now());
            let packet = self.read(left).expect("a message, but the broker closed the connection");
            self.early.push_back(packet);
        }
    }

    /// The next packet; a closed connection or silence is a failure.
    #[track_caller]
    pub fn recv(&mut self) -> Packet {
        match self.early.pop_front() {
            Some(packet) => packet,
            None => self.read(LIMIT).expect("a packet, but the broker closed the connection"),
        }
    }

    /// Reads one packet from the socket; `None` when the broker closed it.
    #[track_caller]
    fn read(&mut self, limit: Duration) -> Option<Packet> {
        let end = Instant::now() + limit;
        let mut chunk = [0; 65536];
        loop {
            let held = self.bytes.len();
            if let Some(packet) = codec::read(self.version, &mut self.bytes) {
                self.largest = self.largest.max(held - self.bytes.len());
                return Some(packet);
            }
            let left = end.saturating_duration_since(Instant::now());
            assert!(!left.is_zero(), "nothing from the broker within {limit:?}");
            self.stream.read_within(left.max(Duration::from_millis(1)));
            match self.stream.read(&mut chunk) {
                Ok(0) => return None,
                Ok(count) => self.bytes.extend(&chunk[..count]),
                Err(e) if matches!(e.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {}
                Err(e) if e.kind() == ErrorKind::Interrupted => {}
                Err(e) if e.kind() == ErrorKind::ConnectionReset => return None,
                // TLS: the end without a goodbye.
                Err(e) if e.kind() == ErrorKind::UnexpectedEof => return None,
                Err(e) => panic!("reading: {e}"),
            }
        }
    }

    /// Reads until `wanted` says yes; other packets are kept for later.
    #[track_caller]
    pub fn wait<T>(&mut self, mut wanted: impl FnMut(&Packet) -> Option<T>) -> T {
        if let Some(at) = self.early.iter().position(|packet| wanted(packet).is_some()) {
            let packet = self.early.remove(at).unwrap();
            return wanted(&packet).unwrap();
        }
        loop {
            let packet = self.read(LIMIT).expect("an answer, but the broker closed the connection");
            match wanted(&packet) {
                Some(found) => return found,
                None => self.early.push_back(packet),
            }
        }
    }

    /// Everything the broker sends until it closes the connection, which it must.
    #[track_caller]
    pub fn ended(&mut self) -> Vec<Packet> {
        let end = Instant::now() + LIMIT;
        let mut seen: Vec<Packet> = self.early.drain(..).collect();
        while let Some(packet) = self.read(end.saturating_duration_since(Instant::now())) {
            assert!(!matches!(seen.last(), Some(Packet::Disconnect { .. })), "after DISCONNECT");
            seen.push(packet);
        }
        seen
    }

    /// Every PUBLISH until the broker closes the connection, which it must; each acknowledged to QoS 1.
    #[track_caller]
    pub fn messages_until_end(&mut self) -> Vec<Message> {
        let mut seen = Vec::new();
        while let Some(packet) = self.next_or_end() {
            if let Some(message) = as_message(&packet) {
                self.acknowledge(&message);
                seen.push(message);
            }
        }
        seen
    }

    /// Waits until the broker closes the connection; the reason of a DISCONNECT before it.
    #[track_caller]
    pub fn closed(&mut self) -> Option<u8> {
        match self.ended().last() {
            Some(Packet::Disconnect { code, .. }) => Some(*code),
            _ => None,
        }
    }

    /// Waits for the end and wants `code` in v5, and no DISCONNECT before v5.
    #[track_caller]
    pub fn closed_with(&mut self, code: u8) {
        let reason = self.closed();
        let want = self.version.is_v5().then_some(code);
        assert_eq!(reason, want, "reason of the DISCONNECT, in hex: {reason:02x?}, {want:02x?}");
    }

    /// Ends the TCP connection without a DISCONNECT.
    pub fn cut(mut self) {
        self.stream.cut();
    }

    /// Sends DISCONNECT and waits until the broker closes the connection.
    #[track_caller]
    pub fn disconnect(mut self) {
        self.send(&[0xe0, 0]);
        assert_eq!(self.closed(), None, "a DISCONNECT in answer to a DISCONNECT");
    }

    #[track_caller]
    pub fn ping(&mut self) {
        self.send(&[0xc0, 0]);
        self.wait(|p| (*p == Packet::PingResp).then_some(()));
    }

    /// Subscribes; returns the code for the filter.
    #[track_caller]
    pub fn subscribe(&mut self, filter: &str, options: u8) -> u8 {
        self.subscribe_to(&[(filter, options)], &[])[0]
    }

    #[track_caller]
    pub fn subscribe_to(&mut self, filters: &[(&str, u8)], props: &[(u8, Value)]) -> Vec<u8> {
        let id = self.ask_for(filters, props);
        let codes = self.subacked(id);
        assert_eq!(codes.len(), filters.len(), "one SUBACK code for each filter");
        codes
    }

    /// Sends a SUBSCRIBE; gives its packet id.
    pub fn ask_for(&mut self, filters: &[(&str, u8)], props: &[(u8, Value)]) -> u16 {
        let id = self.next_id();
        let bytes = subscribe_bytes(self.version, id, filters, props);
        self.send(&bytes);
        id
    }

    /// Waits for the SUBACK with this packet id.
    #[track_caller]
    pub fn subacked(&mut self, id: u16) -> Vec<u8> {
        self.wait(|p| match p {
            Packet::SubAck { id: i, codes, .. } if *i == id => Some(codes.clone()),
            _ => None,
        })
    }

    #[track_caller]
    pub fn unsubscribe(&mut self, filters: &[&str]) -> Vec<u8> {
        let id = self.next_id();
        let bytes = unsubscribe_bytes(self.version, id, filters);
        self.send(&bytes);
        self.wait(|p| match p {
            Packet::UnsubAck { id: i, codes, .. } if *i == id => Some(codes.clone()),
            _ => None,
        })
    }

    /// Publishes and waits until the broker has taken the message over.
    #[track_caller]
    pub fn publish(&mut self, topic: &str, payload: impl AsRef<[u8]>, qos: u8) -> u8 {
        self.publish_message(Message::new(topic, payload, qos))
    }

    /// Publishes with all options and waits for the last acknowledgement, whose code it returns.
    #[track_caller]
    pub fn publish_message(&mut self, mut message: Message) -> u8 {
        if message.qos > 0 && message.id == 0 {
            message.id = self.next_id();
        }
        let bytes = message.bytes(self.version);
        self.send(&bytes);
        self.complete(message.qos, message.id)
    }

    /// Runs the rest of the QoS exchange of a PUBLISH that was sent.
    #[track_caller]
    pub fn complete(&mut self, qos: u8, id: u16) -> u8 {
        match qos {
            0 => {
                self.ping();
                0
            }
            1 => self.wait(|p| match p {
                Packet::PubAck { id: i, code, .. } if *i == id => Some(*code),
                _ => None,
            }),
            _ => {
                let code = self.wait(|p| match p {
                    Packet::PubRec { id: i, code, .. } if *i == id => Some(*code),
                    _ => None,
                });
                if code < 0x80 {
                    self.release(id);
                }
                code
            }
        }
    }

    /// Sends PUBREL and waits for PUBCOMP.
    #[track_caller]
    pub fn release(&mut self, id: u16) -> u8 {
        self.send(&ack(0x62, id));
        self.wait(|p| match p {
            Packet::PubComp { id: i, code, .. } if *i == id => Some(*code),
            _ => None,
        })
    }

    /// The next PUBLISH, not acknowledged.
    #[track_caller]
    pub fn raw_message(&mut self) -> Message {
        self.wait(as_message)
    }

    /// The next PUBLISH, acknowledged to the end.
    #[track_caller]
    pub fn message(&mut self) -> Message {
        let message = self.raw_message();
        self.acknowledge(&message);
        message
    }

    #[track_caller]
    pub fn acknowledge(&mut self, message: &Message) {
        let id = message.id;
        match message.qos {
            0 => {}
            1 => self.send(&ack(0x40, id)),
            _ => {
                self.send(&ack(0x50, id));
                self.wait(|p| matches!(p, Packet::PubRel { id: i, .. } if *i == id).then_some(()));
                self.send(&ack(0x70, id));
            }
        }
    }

    /// Everything that was on its way to this client, each acknowledged.
    ///
    /// Instead of waiting for silence it sends itself a message and reads up to that one, which has QoS 1 to stay
    /// behind those that wait for a place in the window.
    #[track_caller]
    pub fn messages(&mut self) -> Vec<Message> {
        super::settle();
        let fence = unique("fence/");
        assert_eq!(self.subscribe(&fence, 1), 1);
        let bytes = Message::new(&fence, "", 1).id(self.next_id()).bytes(self.version);
        self.send(&bytes);
        let mut seen = Vec::new();
        loop {
            let message = self.message();
            if message.topic == fence {
                self.unsubscribe(&[&fence]);
                return seen;
            }
            seen.push(message);
        }
    }

    /// Payloads of [`Client::messages`], as text.
    #[track_caller]
    pub fn texts(&mut self) -> Vec<String> {
        self.messages().iter().map(Message::text).collect()
    }

    /// Like [`Client::messages`], but nothing is acknowledged.
    #[track_caller]
    pub fn unacknowledged(&mut self) -> Vec<Message> {
        super::settle();
        let fence = unique("fence/");
        assert_eq!(self.subscribe(&fence, 0), 0);
        let bytes = Message::new(&fence, "", 0).bytes(self.version);
        self.send(&bytes);
        let mut seen = Vec::new();
        loop {
            let message = self.raw_message();
            if message.topic == fence {
                self.unsubscribe(&[&fence]);
                return seen;
            }
            seen.push(message);
        }
    }
}

fn as_message(packet: &Packet) -> Option<Message> {
    match packet.clone() {
        Packet::Publish { dup, qos, retain, topic, id, props, payload } => {
            Some(Message { topic, payload, qos, retain, dup, id, props })
        }
        _ => None,
    }
}

pub fn subscribe_bytes(
    version: Version,
    id: u16,
    filters: &[(&str, u8)],
    props: &[(u8, Value)],
) -> Vec<u8> {
    let mut body = cat(&[&id.to_be_bytes(), &codec::properties_for(version, props)]);
    for (filter, options) in filters {
        body.extend(cat(&[&string(filter), &[*options]]));
    }
    packet(0x82, &body)
}

pub fn unsubscribe_bytes(version: Version, id: u16, filters: &[&str]) -> Vec<u8> {
    let mut body = cat(&[&id.to_be_bytes(), &codec::properties_for(version, &[])]);
    for filter in filters {
        body.extend(string(filter));
    }
    packet(0xa2, &body)
}
