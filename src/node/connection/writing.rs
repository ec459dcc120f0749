//! Deliveries of a connection: out of the mailbox, through the channel, to the socket in one write.

use std::task::{Context, Poll, Waker};

use super::{Connection, Scratch, WRITE};
use crate::{
    broker::{channel::Out, close::CloseReason, stats::Metric},
    time::Time,
};

/// Bytes the kernel did not take.
pub(super) struct Unsent {
    pub(super) bytes: Vec<u8>,
    /// When it last took some.
    pub(super) since: Time,
}

impl Connection {
    pub(super) fn deliver_and_write(
        &mut self,
        cx: &mut Context<'_>,
        scratch: &mut Scratch,
        now: Time,
    ) -> Option<CloseReason> {
        loop {
            if self.takes() && self.channel.is_up() && self.closing.is_none() {
                let mut out = Out { bytes: &mut scratch.out, actions: &mut scratch.actions };
                self.channel.pay(now, &mut out);
                self.take_retained(scratch);
                if let Some(mailbox) = &self.mailbox {
                    let window = self.channel.window();
                    let window = window.saturating_sub(scratch.deliveries.len());
                    mailbox.take((window, WRITE), now, &mut scratch.deliveries);
                }
                if !scratch.deliveries.is_empty() {
                    let mut out = Out { bytes: &mut scratch.out, actions: &mut scratch.actions };
                    self.channel.on_deliveries(&mut scratch.deliveries, now, &mut out);
                }
            }
            if scratch.out.is_empty() {
                return None;
            }
            if let Some(reason) = self.write(cx, &scratch.out, now) {
                return Some(reason);
            }
            scratch.out.clear();
            if self.unsent.is_some() || self.closing.is_some() {
                return None;
            }
        }
    }

    /// Messages go out to the client.
    pub(super) fn takes(&self) -> bool {
        self.unsent.is_none() && !self.is_standing() && !self.is_lost()
    }

    /// Writing failed. Of a client that was served more may be here than was read, with a goodbye behind it: that decides about its
    /// will.
    fn on_lost(&mut self, now: Time) -> Option<CloseReason> {
        if !self.channel.is_up() || self.closing.is_some() {
            return Some(CloseReason::TcpClosed);
        }
        self.unsent = None;
        let waiting = self.waiting();
        (waiting.ended, waiting.lost) = (true, Some(now));
        None
    }

    /// Writes, once; what the kernel does not take stays in `unsent`.
    #[inline]
    pub(super) fn write(
        &mut self,
        cx: &mut Context<'_>,
        bytes: &[u8],
        now: Time,
    ) -> Option<CloseReason> {
        if bytes.is_empty() || self.is_lost() {
            return None;
        }
        if self.hub.traces.is_on() {
            self.trace_sent(bytes);
        }
        if let Some(unsent) = &mut self.unsent {
            unsent.bytes.extend_from_slice(bytes);
            return None;
        }
        let sent = match self.stream.poll_write(cx, bytes) {
            Poll::Ready(Ok(sent)) => sent,
            Poll::Ready(Err(_)) => return self.on_lost(now),
            Poll::Pending => 0,
        };
        self.hub.stats.add(Metric::BytesSent, sent as u64);
        let rest = bytes.get(sent..).unwrap_or(&[]);
        if !rest.is_empty() {
            self.unsent = Some(Box::new(Unsent { bytes: rest.to_vec(), since: now }));
            return self.flush(cx, now);
        }
        None
    }

    /// Writes what was left over. Progress moves the limit on.
    #[inline]
    pub(super) fn flush(&mut self, cx: &mut Context<'_>, now: Time) -> Option<CloseReason> {
        let Some(unsent) = &mut self.unsent else {
            if self.is_lost() || self.stream.poll_flush(cx).is_ok() {
                return None;
            }
            return self.on_lost(now);
        };
        let mut done = 0;
        while let Some(rest) = unsent.bytes.get(done..).filter(|rest| !rest.is_empty()) {
            match self.stream.poll_write(cx, rest) {
                Poll::Ready(Ok(sent)) => {
                    done += sent;
                    unsent.since = now;
                    self.hub.stats.add(Metric::BytesSent, sent as u64);
                }
                Poll::Ready(Err(_)) => return self.on_lost(now),
                Poll::Pending => break,
            }
        }
        if done >= unsent.bytes.len() {
            self.unsent = None;
        } else if done > 0 {
            unsent.bytes.drain(..done);
        }
        None
    }

    pub(super) fn unsent_len(&self) -> usize {
        self.unsent.as_ref().map_or(0, |unsent| unsent.bytes.len())
    }

    pub(super) fn ring(&self, scratch: &mut Scratch) {
        scratch.bells.drain(..).for_each(Waker::wake);
        self.hub.flush_links();
    }
}
