//! Bytes of a client on one connection, as they come, against the state that the broker has of it: what it answers are packets,
//! it reads nothing after it has closed, and messages that it lets through come back to it.
//!
//! The first byte tells after how many bytes the rest is cut; all is routed to the client itself.

#![no_main]

use std::sync::{Arc, OnceLock, atomic::AtomicU64};

use emqx_rs::{
    broker::{
        Settings,
        access::{Access, Grant},
        channel::{Action, Channel, Out, Routed, Shared},
        connect::Moment,
        mqueue::{Delivery, SubscriptionIds},
        stats::Stats,
    },
    mqtt::{Version, decode, frame},
    time::{Time, Wall},
};
use libfuzzer_sys::fuzz_target;

fn shared() -> Arc<Shared> {
    static SHARED: OnceLock<Arc<Shared>> = OnceLock::new();
    let make = || {
        Arc::new(Shared {
            settings: Settings { exclusive_subscription: true, ..Settings::default() },
            zone: "external".to_owned(),
            port: 1883,
            proxies: Vec::new(),
            access: Access::default(),
            stats: Arc::new(Stats::new(1)),
            next_assigned: Arc::new(AtomicU64::new(1)),
        })
    };
    SHARED.get_or_init(make).clone()
}

/// A connection without a socket.
struct Shell {
    channel: Channel,
    now: Time,
    out: Vec<u8>,
    deliveries: Vec<Delivery>,
    closed: bool,
}

impl Shell {
    fn perform(&mut self, actions: Vec<Action>) {
        let moment = Moment { now: self.now, wall: Wall::from_ms(1_000_000) };
        let mut more = Vec::new();
        for action in actions {
            let mut out = Out { bytes: &mut self.out, actions: &mut more };
            match action {
                Action::Authenticate(_) => {
                    self.channel.on_verdict(Ok(Grant::default()), self.now, &mut out);
                }
                Action::Judge(verdict) => self.channel.on_verdict(verdict, self.now, &mut out),
                Action::Ask(_) => unreachable!("no server says what clients may do"),
                Action::Open { .. } => self.channel.on_session(None, 1, moment, &mut out),
                Action::Publish(message, reply) => {
                    self.channel.on_routed(reply, Routed::Done(true), &mut out);
                    let (qos, retain) = (message.qos(), false);
                    let ids = SubscriptionIds::None;
                    self.deliveries.push(Delivery { message, ids, qos, retain, group: 0 });
                }
                Action::Delay(_, _, reply) => {
                    self.channel.on_routed(reply, Routed::Waiting, &mut out);
                    self.channel.on_forwarded(&mut out);
                }
                Action::Subscribe(request) => {
                    self.channel.on_subscribed(request.packet_id, &request.reasons, &mut out);
                }
                Action::Unsubscribe(_) | Action::Deny(_) => {}
                Action::Close(_) => self.closed = true,
            }
        }
        if !more.is_empty() {
            self.perform(more);
        }
    }

    /// Takes whole packets from the front; how many bytes are left over.
    fn read(&mut self, mut bytes: &[u8]) -> usize {
        while let Some(first) = bytes.first().filter(|_| !self.closed) {
            let mut actions = Vec::new();
            let mut out = Out { bytes: &mut self.out, actions: &mut actions };
            let most = self.channel.max_packet_size(bytes);
            let found = self.channel.check_first(*first).and_then(|()| frame::split(bytes, most));
            match found {
                Ok(Some((header, body, total))) => {
                    bytes = &bytes[total..];
                    self.channel.on_packet(header, body, self.now, &mut out);
                }
                Ok(None) => break,
                Err(error) => self.channel.on_bad_frame(error, bytes, &mut out),
            }
            self.perform(actions);
            self.deliver();
        }
        bytes.len()
    }

    fn deliver(&mut self) {
        let window = self.channel.window();
        self.deliveries.truncate(window);
        if self.closed || !self.channel.is_up() {
            return self.deliveries.clear();
        }
        let mut actions = Vec::new();
        let mut out = Out { bytes: &mut self.out, actions: &mut actions };
        self.channel.on_deliveries(&mut self.deliveries, self.now, &mut out);
        self.perform(actions);
    }
}

fuzz_target!(|data: &[u8]| {
    let Some((piece, stream)) = data.split_first() else { return };
    let now = Time::from_ms(1000);
    let channel = Channel::new(shared(), ([127, 0, 0, 1], 4711).into(), now);
    let (out, deliveries) = (Vec::new(), Vec::new());
    let mut shell = Shell { channel, now, out, deliveries, closed: false };
    let mut carry = Vec::new();
    for part in stream.chunks(usize::from(*piece).max(1)) {
        carry.extend_from_slice(part);
        let left = shell.read(&carry);
        carry.drain(..carry.len() - left);
        shell.now = Time::from_ms(shell.now.as_ms() + 100);
        if shell.channel.deadline().is_some_and(|due| due <= shell.now) {
            let mut actions = Vec::new();
            let mut out = Out { bytes: &mut shell.out, actions: &mut actions };
            shell.channel.on_deadline(shell.now, &mut out);
            shell.perform(actions);
        }
        if shell.closed {
            break;
        }
    }
    // Whose CONNECT cannot be read is refused in the version that it claims.
    let all = [Version::V3_1_1, Version::V5];
    let one = [shell.channel.version()];
    let versions = if shell.channel.was_served() { &one[..] } else { &all };
    let mut answers = &shell.out[..];
    while !answers.is_empty() {
        let (header, body, total) = frame::split(answers, usize::MAX).unwrap().unwrap();
        let reads = versions.iter().any(|version| decode(*version, header, body).is_ok());
        assert!(reads, "{versions:?} {:02x?}", &answers[..total]);
        answers = &answers[total..];
    }
    shell.channel.finish(shell.now);
});
