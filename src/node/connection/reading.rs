//! Reading of a connection: bytes from the socket to whole packets for the channel. No byte is read twice, and an unfinished packet is
//! copied out of the worker's buffer, as is what a turn has no work left for: the next one goes on with that and then reads.

use std::{
    io,
    task::{Context, Poll},
};

use tokio::io::ReadBuf;

use super::{Connection, READ, READS, Scratch};
use crate::{
    broker::{channel::Out, close::CloseReason, stats::Metric},
    mqtt::{PacketType, ReasonCode, frame},
    node::{
        listener::websocket::{CloseCode, Violation},
        work,
    },
    time::Time,
};

impl Connection {
    /// Packets are wanted: no session is being fetched, and no other node is too slow for this client.
    #[inline]
    pub(super) fn reads(&self) -> bool {
        self.channel.wants_packets() && !self.is_held() && !self.is_paused()
    }

    /// The last turn ended before all was done that had been read.
    fn is_behind(&self) -> bool {
        self.waiting.as_ref().is_some_and(|waiting| waiting.behind)
    }

    pub(super) fn read(
        &mut self,
        cx: &mut Context<'_>,
        scratch: &mut Scratch,
        now: Time,
    ) -> Option<CloseReason> {
        for _ in 0..READS {
            if !self.reads() || self.closing.is_some() {
                return None;
            }
            if self.unsent_len() + scratch.out.len() > self.channel.settings().write_high {
                scratch.deaf = true;
                // It takes what is written, so it is there; what it says meanwhile is not heard.
                if self.unsent.as_ref().is_some_and(|unsent| unsent.since == now) {
                    self.channel.on_held(now);
                }
                return None;
            }
            if self.is_behind() {
                self.go_on(scratch, now);
                if self.is_behind() {
                    break;
                }
                continue;
            }
            let held = self.carry.len();
            if held >= READ / 2 {
                match self.read_large(cx, scratch, now) {
                    Poll::Pending => return self.is_lost().then_some(CloseReason::TcpClosed),
                    Poll::Ready(Some(reason)) => return Some(reason),
                    Poll::Ready(None) => continue,
                }
            }
            let room = scratch.read.get_mut(held..)?;
            let mut buffer = ReadBuf::new(room);
            match self.stream.poll_read(cx, &mut buffer) {
                Poll::Pending => return self.is_lost().then_some(CloseReason::TcpClosed),
                Poll::Ready(Err(error)) => return Some(broken(&error)),
                Poll::Ready(Ok(())) => {}
            }
            let got = buffer.filled().len();
            if got == 0 {
                return Some(CloseReason::TcpClosed);
            }
            self.hub.stats.add(Metric::BytesReceived, got as u64);
            if let Some(front) = scratch.read.get_mut(..held) {
                front.copy_from_slice(&self.carry);
            }
            self.carry.clear();
            let bytes = std::mem::take(&mut scratch.read);
            let used = self.on_bytes(bytes.get(..held + got).unwrap_or(&[]), scratch, now);
            self.carry.extend_from_slice(bytes.get(used..held + got).unwrap_or(&[]));
            if self.carry.is_empty() && self.carry.capacity() > 0 {
                self.carry = Vec::new();
            }
            scratch.read = bytes;
        }
        // There may be more; others first.
        cx.waker().wake_by_ref();
        None
    }

    /// Reads on after a wait: what came behind CONNECT first; the next turn asks the socket, whose bell is not hung up.
    pub(super) fn resume(&mut self, cx: &mut Context<'_>, scratch: &mut Scratch, now: Time) {
        self.go_on(scratch, now);
        cx.waker().wake_by_ref();
    }

    /// Hands on what was read before.
    fn go_on(&mut self, scratch: &mut Scratch, now: Time) {
        let bytes = std::mem::take(&mut self.carry);
        let used = self.on_bytes(&bytes, scratch, now);
        self.keep(bytes, used);
    }

    /// Keeps what is left of `bytes`: as it is where nothing was used, or each byte of a large packet would cost a copy of it.
    pub(super) fn keep(&mut self, bytes: Vec<u8>, used: usize) {
        self.carry = if used == 0 { bytes } else { bytes.get(used..).unwrap_or(&[]).to_vec() };
    }

    /// A packet larger than half the worker's buffer grows in place, by what has come and never by what was claimed.
    pub(super) fn read_large(
        &mut self,
        cx: &mut Context<'_>,
        scratch: &mut Scratch,
        now: Time,
    ) -> Poll<Option<CloseReason>> {
        let mut buffer = ReadBuf::new(&mut scratch.read);
        match self.stream.poll_read(cx, &mut buffer) {
            Poll::Pending => return Poll::Pending,
            Poll::Ready(Err(error)) => return Poll::Ready(Some(broken(&error))),
            Poll::Ready(Ok(())) => {}
        }
        if buffer.filled().is_empty() {
            return Poll::Ready(Some(CloseReason::TcpClosed));
        }
        self.hub.stats.add(Metric::BytesReceived, buffer.filled().len() as u64);
        self.carry.extend_from_slice(buffer.filled());
        let bytes = std::mem::take(&mut self.carry);
        let used = self.on_bytes(&bytes, scratch, now);
        self.keep(bytes, used);
        Poll::Ready(None)
    }

    /// Hands whole packets to the channel, as many as a turn has work for; returns how many bytes are used up.
    pub(super) fn on_bytes(&mut self, bytes: &[u8], scratch: &mut Scratch, now: Time) -> usize {
        let mut used = 0;
        let mut packets = 0;
        let traced = self.hub.traces.is_on();
        if let Some(waiting) = &mut self.waiting {
            waiting.behind = false;
        }
        while self.reads() && self.closing.is_none() {
            if scratch.work >= work::TURN {
                if used < bytes.len() {
                    self.waiting().behind = true;
                }
                break;
            }
            let rest = bytes.get(used..).unwrap_or(&[]);
            let Some(first) = rest.first() else { break };
            let mut out = Out { bytes: &mut scratch.out, actions: &mut scratch.actions };
            let found = self
                .channel
                .check_first(*first)
                .and_then(|()| frame::split(rest, self.channel.max_packet_size(rest)));
            match found {
                Ok(Some((header, body, total))) => {
                    used += total;
                    packets += 1;
                    self.channel.on_packet(header, body, now, &mut out);
                    if traced && !self.channel.is_asking() {
                        self.trace_received(header, body);
                    }
                    if self.channel.is_asking() {
                        // It is handed in again.
                        used -= total;
                        packets -= 1;
                    } else if let Some(waiting) = &mut self.waiting
                        && let Some(pace) = &mut waiting.pace
                    {
                        let is_message = header.packet_type() == PacketType::Publish;
                        if pace.on_packet(is_message, total, now) {
                            self.hub.stats.count(Metric::LimitRate);
                        }
                    }
                }
                Ok(None) => break,
                Err(error) => {
                    used = bytes.len();
                    self.channel.on_bad_frame(error, rest, &mut out);
                }
            }
            if !scratch.actions.is_empty() {
                self.perform(scratch, now);
            }
        }
        self.hub.stats.add(Metric::PacketsReceived, packets);
        used
    }
}

/// Why a stream ended with an error: the network, or a rule of the layer below MQTT that the client broke.
fn broken(error: &io::Error) -> CloseReason {
    // What the kernel says has no text of ours in it.
    if error.kind() == io::ErrorKind::TimedOut && error.get_ref().is_some() {
        return CloseReason::Idle;
    }
    let rule = error.get_ref().and_then(|error| error.downcast_ref::<Violation>());
    let Some(Violation { code, what }) = rule else { return CloseReason::TcpClosed };
    let reason = match code {
        CloseCode::TooBig => ReasonCode::PacketTooLarge,
        CloseCode::Normal | CloseCode::Protocol | CloseCode::Unacceptable => {
            ReasonCode::ProtocolError
        }
    };
    CloseReason::Violation { reason, what }
}
