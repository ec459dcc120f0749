//! The end of a connection: what becomes of the session and its will, and how the last word gets out.

use std::{
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use tokio::io::ReadBuf;

use super::{Connection, Scratch};
use crate::{
    broker::{
        channel::{Finished, Out},
        close::CloseReason,
        session::Session,
        stats::Metric,
        will::Will,
    },
    node::{
        mailbox::Mailbox,
        registry::{Handover, Parked},
    },
    time::Time,
};

/// How long a closed connection may take to read the last word.
pub(super) const LINGER: Duration = Duration::from_secs(1);

/// A connection that has ended and gets its last word out.
pub(super) struct Closing {
    pub(super) reason: CloseReason,
    pub(super) until: Time,
}

impl Connection {
    /// The connection ends for `reason`: the session is parked or ended, the will sent; what is written still goes out.
    pub(super) fn begin_close(&mut self, reason: CloseReason, now: Time, scratch: &mut Scratch) {
        if self.closing.is_some() {
            return;
        }
        if !matches!(reason, CloseReason::TcpClosed) {
            let mut out = Out { bytes: &mut scratch.out, actions: &mut scratch.actions };
            self.channel.close(reason.clone(), &mut out);
            scratch.actions.clear();
        }
        self.log_end(&reason, now);
        if let Some(metric) = reason.metric() {
            self.hub.stats.count(metric);
        }
        // Who is refused after all has never been connected.
        if self.channel.was_served() {
            self.hub.stats.count(Metric::ClientDisconnected);
            self.hub.tell_disconnected(&self.channel, &reason);
            self.look_for_flapping(&reason);
        }
        self.leave(&reason, now);
        let until =
            if reason.is_fault() || reason.disconnect().is_some() { now + LINGER } else { now };
        self.closing = Some(Box::new(Closing { reason, until }));
    }

    pub(super) fn look_for_flapping(&self, reason: &CloseReason) {
        let ours = matches!(
            reason,
            CloseReason::Kicked
                | CloseReason::Banned
                | CloseReason::ShuttingDown
                | CloseReason::Evacuated(_)
                | CloseReason::MemoryShort
                | CloseReason::TakenOver
                | CloseReason::Discarded
        );
        if let Some(identity) = self.channel.identity()
            && self.channel.settings().flapping_detect
            && !ours
        {
            self.hub.on_gone(&identity.client_id, self.channel.peer());
        }
    }

    /// Takes the channel apart; the session keeps the retained messages that are still due.
    pub(super) fn finish(&mut self, now: Time) -> Finished {
        // A SUBACK that waits for other nodes comes never: what it grants stands, and the client may not ask again.
        let barriers = self.waiting.as_mut().map(|waiting| std::mem::take(&mut waiting.barriers));
        for barrier in barriers.into_iter().flatten() {
            self.begin_replays(&barrier.request.granted);
        }
        let mut finished = self.channel.finish(now);
        if let (Some(session), Some(waiting)) = (&mut finished.session, &mut self.waiting) {
            session.replays = waiting.replays.take().into();
        }
        finished
    }

    pub(super) fn leave(&mut self, reason: &CloseReason, now: Time) {
        let Finished { session, expiry, will } = self.finish(now);
        // A session that was handed to us and not yet looked at must not get lost.
        if let Some(mut awaited) = self.waiting.take().and_then(|waiting| waiting.handover)
            && let Ok(Handover::Session(session, expiry, will)) = {
                // Nothing is sent to it from here on: what is not there goes back to who had it.
                awaited.answer.close();
                awaited.answer.try_recv()
            }
        {
            let kept = expiry.max(Duration::from_secs(1));
            let will = will.map(|will| will.due(now));
            self.park(session, now + kept, will, &awaited.mailbox);
        }
        let Some(mailbox) = self.mailbox.take() else { return };
        let Some(session) = session else { return };
        if expiry.is_zero() || matches!(reason, CloseReason::Kicked | CloseReason::Banned) {
            if let Some(will) = will {
                self.hub.publish_will(&session.client_id, *will);
            }
            self.hub.forget(&session.client_id, &mailbox);
            self.hub.end_session(&session, &mailbox);
            self.hub.answer_again(&session.client_id, &mailbox);
            return;
        }
        let later = match will {
            Some(will) if will.delay.is_zero() => {
                self.hub.publish_will(&session.client_id, *will);
                None
            }
            later => later.map(|will| will.due(now)),
        };
        self.park(session, now + expiry, later, &mailbox);
    }

    /// Leaves `session` in the registry until `expires_at`; `will` goes out at its time, unless the client is back before.
    pub(super) fn park(
        &self,
        session: Box<Session>,
        expires_at: Time,
        will: Option<(Box<Will>, Time)>,
        mailbox: &Arc<Mailbox>,
    ) {
        let client_id = session.client_id.clone();
        let parked = Parked {
            session,
            identity: self.channel.shown_identity().map(Box::new),
            expires_at,
            will,
            since: self.hub.clock.wall(),
        };
        self.hub.park(parked, mailbox);
        self.hub.answer_again(&client_id, mailbox);
    }

    fn log_end(&self, reason: &CloseReason, now: Time) {
        let client_id =
            self.channel.identity().map(|who| who.client_id.as_str()).unwrap_or_default();
        let peer = self.channel.peer();
        // How long it was silent, and how long it may be.
        let overdue = matches!(reason, CloseReason::KeepAlive);
        let (silent, limit) = overdue.then(|| self.channel.silence(now)).flatten().unzip();
        // Who never got in does not push out of the memory of `why` those who did.
        let stranger = (!self.channel.was_served()).then_some(true);
        // Whom it wanted to be.
        let name = self.channel.identity().and_then(|who| who.username.as_deref());
        let username = stranger.and_then(|_| self.channel.shared().access.loggable(name));
        if reason.is_fault() {
            tracing::info!(name: "connection-closed", clientid = client_id, username, %peer, %reason, silent, limit, stranger, "connection closed");
        } else {
            tracing::debug!(name: "connection-closed", clientid = client_id, username, %peer, %reason, silent, limit, stranger, "connection closed");
        }
    }

    /// Gets the last word out: flush, shut down, and read what still comes, or the kernel would answer it with a reset that
    /// takes the last word from the client.
    pub(super) fn linger(
        &mut self,
        cx: &mut Context<'_>,
        scratch: &mut Scratch,
        now: Time,
    ) -> Poll<()> {
        let Some(closing) = &self.closing else { return Poll::Ready(()) };
        if now >= closing.until || matches!(closing.reason, CloseReason::TcpClosed) {
            self.stream.part(cx);
            return Poll::Ready(());
        }
        let until = closing.until;
        if self.flush(cx, now).is_some() {
            return Poll::Ready(());
        }
        if self.unsent.is_none() && self.stream.poll_shutdown(cx).is_ready() {
            loop {
                let mut buffer = ReadBuf::new(&mut scratch.read);
                match self.stream.poll_read(cx, &mut buffer) {
                    Poll::Pending => break,
                    Poll::Ready(Ok(())) if !buffer.filled().is_empty() => {}
                    Poll::Ready(_) => return Poll::Ready(()),
                }
            }
        }
        if self.arm(cx, until) { Poll::Pending } else { Poll::Ready(()) }
    }
}
