//! Bridges to brokers of others: each a task that connects its two ends, feeds [`Relay`] and says to the other nodes how it stands.
//!
//! The local end is a client like others, over a socket of this process: what waits for the remote waits in its session, within
//! its bounds. It is a member of a shared group that no client can be in, so that a message of the cluster goes out once.

mod dial;
mod ends;
mod member;
mod signs;

use std::{
    fmt,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Poll},
    time::Duration,
};

use tokio::{net::UnixStream, sync::Notify, task::JoinHandle};

use self::{
    dial::Dialled,
    ends::{Pipe, ready},
    member::Member,
    signs::Signs,
};
use super::{discovery::Hosts, hub::Hub, locks, told::Told};
use crate::{
    broker::{
        bridge::{
            self, End, Event, Relay,
            role::{Role, Sign, role},
        },
        stats::Metric,
    },
    mqtt::{PacketId, ReasonCode},
    net::supervise,
    node::tls::settings::Role as TlsRole,
    time::Time,
};

/// Between two looks at the other nodes and at the clock.
const LOOK: Duration = Duration::from_millis(200);
/// CONNECT is answered within this time.
const ANSWER: Duration = Duration::from_secs(10);
/// What is under way when a bridge is stopped has so long to arrive.
const PARTING: Duration = Duration::from_secs(1);
/// A node that stops waits no longer for its bridges.
pub(super) const STOP: Duration = Duration::from_secs(2);
/// A connection that lasted so long, or brought an acknowledgement, was a good one.
const STEADY: Duration = Duration::from_secs(10);
/// First wait before another attempt to connect; doubled up to `reconnect_interval`.
const FIRST: Duration = Duration::from_secs(1);

/// What an operator can say about a bridge.
#[derive(Clone, PartialEq, Eq)]
pub struct Settings {
    /// Its name.
    pub name: String,
    /// Host of the remote; an address of IPv6 without brackets.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// It starts with the node.
    pub auto: bool,
    /// Longest wait before another attempt to connect.
    pub reconnect: Duration,
    /// TLS, if it is on.
    pub tls: Option<Tls>,
    /// What goes where.
    pub relay: bridge::Settings,
}

impl fmt::Debug for Settings {
    /// Without its secrets.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Bridge").field("name", &self.name).finish_non_exhaustive()
    }
}

/// TLS towards a remote.
#[derive(Clone, PartialEq, Eq)]
pub struct Tls {
    /// Files and rules; read at each attempt to connect.
    pub role: TlsRole,
    /// TLS 1.2 and 1.3 are spoken.
    pub versions: (bool, bool),
    /// Name that the certificate must have, if it is not that of the address.
    pub name: Option<String>,
    /// The remote is told the name.
    pub sni: bool,
}

/// How a bridge stands.
#[derive(Clone, Debug, Default)]
pub(super) struct Standing {
    /// `stopped`, `connecting`, `connected` or `standby`.
    pub(super) state: &'static str,
    /// It has the subscriptions at the remote.
    pub(super) holds: bool,
    /// Why it is not connected.
    pub(super) reason: Option<String>,
    pub(super) counts: bridge::Counts,
    /// Messages that wait here for the remote.
    pub(super) queued: u64,
}

/// A bridge of this node.
pub(crate) struct Bridge {
    pub(super) settings: Settings,
    wanted: AtomicBool,
    changed: Notify,
    standing: Mutex<Standing>,
}

impl Bridge {
    /// Starts its task.
    pub(super) fn begin(settings: Settings, hub: &Arc<Hub>) -> Arc<Self> {
        let bridge = Arc::new(Self {
            wanted: AtomicBool::new(settings.auto),
            settings,
            changed: Notify::new(),
            standing: Mutex::new(Standing { state: "stopped", ..Standing::default() }),
        });
        supervise::spawn("bridge", Task::new(bridge.clone(), hub.clone()).run());
        bridge
    }

    /// Starts or stops it. `false`: it is as wanted already.
    pub(super) fn turn(&self, on: bool) -> bool {
        let turned = self.wanted.swap(on, Ordering::AcqRel) != on;
        self.changed.notify_one();
        turned
    }

    pub(super) fn standing(&self) -> Standing {
        locks::lock(&self.standing).clone()
    }

    /// Where the remote is.
    pub(super) fn server(&self) -> String {
        let Settings { host, port, .. } = &self.settings;
        if host.contains(':') { format!("[{host}]:{port}") } else { format!("{host}:{port}") }
    }
}

struct Task {
    bridge: Arc<Bridge>,
    hub: Arc<Hub>,
    relay: Relay,
    local: Option<Pipe>,
    remote: Option<Pipe>,
    /// Since when CONNECT waits for its answer, at either end.
    asked: Time,
    dialling: Option<JoinHandle<Dialled>>,
    hosts: Hosts,
    member: Member,
    signs: Signs,
    role: Role,
    /// No attempt to connect before.
    not_before: Time,
    failures: u32,
    /// Messages of one end that the other did not want are told of now and then.
    told: Told,
    /// Why there is no connection, as the log has it.
    reason: Option<String>,
    look_at: Time,
    /// It is being stopped, and waits so long for what is under way.
    parting: Option<Time>,
}

impl Task {
    fn new(bridge: Arc<Bridge>, hub: Arc<Hub>) -> Self {
        let Settings { name, relay, .. } = &bridge.settings;
        let member = Member::new(hub.clone(), name, relay);
        Self {
            relay: Relay::new(relay.clone(), member.client_id(), any_number()),
            signs: Signs::new(hub.clone(), name),
            member,
            local: None,
            remote: None,
            asked: Time::ZERO,
            dialling: None,
            hosts: Hosts::default(),
            role: Role::default(),
            not_before: Time::ZERO,
            failures: 0,
            told: Told::default(),
            reason: None,
            look_at: Time::ZERO,
            parting: None,
            bridge,
            hub,
        }
    }

    /// Runs as long as the node.
    async fn run(mut self) {
        let bridge = self.bridge.clone();
        loop {
            let now = self.hub.clock.now();
            if now >= self.look_at {
                self.look(now);
                self.look_at = now + LOOK;
            }
            self.pump(now);
            let wake = self.hub.clock.instant(self.look_at);
            tokio::select! {
                end = std::future::poll_fn(|cx| self.poll(cx)) => self.on_woken(end),
                () = tokio::time::sleep_until(wake), if !self.is_idle() => {}
                () = bridge.changed.notified() => self.look_at = now,
            }
        }
    }

    /// It is stopped, and there is nothing to look after.
    fn is_idle(&self) -> bool {
        !self.bridge.wanted.load(Ordering::Acquire) && !self.member.is_in() && self.remote.is_none()
    }

    /// Who else is there, and what is to be done here.
    fn look(&mut self, now: Time) {
        let away = self.hub.is_resting() || self.hub.evacuated_to().is_some();
        if self.hub.is_resting() {
            // The next process takes the session over as it is.
            self.drop_remote(now);
            self.local = None;
            return self.show();
        }
        if away || !self.bridge.wanted.load(Ordering::Acquire) {
            self.part(now);
            // Not stopped before what waits has gone to others.
            if self.relay.is_up(End::Local) || !self.member.is_in() {
                self.show();
            }
            return;
        }
        if self.parting.take().is_some() {
            self.relay.part(false);
            // What the remote sent meanwhile comes again with another connection.
            self.relay.disconnect(End::Remote);
            self.drop_remote(now);
        }
        let linked = self.local.is_some() && self.relay.is_up(End::Local);
        let ready = linked || now >= self.not_before;
        let own = Sign { ready, linked, holds: linked && self.role.holds };
        let others = self.signs.others();
        let single = self.bridge.settings.relay.single;
        self.role = role(&self.hub.name, own, &others, single);
        if !linked && others.values().any(|sign| sign.holds) {
            // It has what the remote sends meanwhile.
            self.relay.remote_taken();
        }
        if self.remote.is_some() && !self.role.connects {
            self.relay.disconnect(End::Remote);
            self.drop_remote(now);
        }
        if self.role.forwards {
            self.member.join();
        } else if self.local.is_none() {
            self.leave();
        }
        self.relay.hold(self.role.holds);
        self.signs.set(Sign { holds: linked && self.role.holds, ..own });
        self.watch(now);
        let idle = self.remote.is_none() && self.dialling.is_none();
        // A connection may have been lost just now.
        if self.role.connects && idle && now >= self.not_before {
            let (hosts, settings) = (self.hosts.clone(), self.bridge.settings.clone());
            let dial = dial::dial(hosts, settings);
            self.dialling = Some(supervise::spawn("bridge dials", dial));
        }
        self.show();
    }

    /// Ends of the connection that do not answer.
    fn watch(&mut self, now: Time) {
        if self.remote.is_none() {
            return;
        }
        let up = (self.relay.is_up(End::Remote), self.relay.is_up(End::Local));
        if up != (true, true) && now.since(self.asked) > ANSWER {
            let end = if up.0 { "the local session" } else { "the remote" };
            return self.lost(now, format!("no answer of {end} to CONNECT"));
        }
        if !self.relay.on_time(now) {
            self.lost(now, "no packet within one and a half times keepalive".into());
        }
    }

    /// Stops: nothing new is taken, and what is under way has a moment.
    fn part(&mut self, now: Time) {
        self.signs.set(Sign::default());
        self.role = Role::default();
        let until = *self.parting.get_or_insert(now + PARTING);
        self.member.close();
        self.relay.part(true);
        let quiet = self.relay.is_quiet() && self.member.waiting() == 0;
        if self.local.is_some() && !quiet && now < until {
            return;
        }
        self.relay.disconnect(End::Remote);
        self.drop_remote(now);
        self.leave();
        (self.reason, self.failures, self.not_before) = (None, 0, now);
    }

    /// Others forward what waits here.
    fn leave(&mut self) {
        let relay = &self.relay;
        if self.member.leave(|id| relay.knows(id)) {
            self.relay.local_ended();
        }
    }

    /// Closes both connections, with what is still to be said there: to the session, which waits for the next, what the remote has
    /// acknowledged.
    fn drop_remote(&mut self, now: Time) {
        for (end, pipe) in [(End::Remote, self.remote.take()), (End::Local, self.local.take())] {
            if let Some(pipe) = pipe {
                pipe.end(std::mem::take(self.relay.out(end)));
            }
            self.relay.lost(end);
        }
        self.asked = now;
    }

    /// There is no connection, or none any more.
    fn lost(&mut self, now: Time, reason: String) {
        let linked = self.relay.is_up(End::Local) && self.relay.is_up(End::Remote);
        if linked && (self.relay.has_acknowledged() || now.since(self.asked) >= STEADY) {
            self.failures = 0;
        }
        self.drop_remote(now);
        let most = self.bridge.settings.reconnect;
        let span = FIRST.saturating_mul(1 << self.failures.min(12)).min(most);
        // Nodes that lost one remote do not come back at one moment.
        let part = u32::try_from(super::random() % 256).unwrap_or_default();
        self.not_before = now + span.mul_f64(0.75 + f64::from(part) / 1024.0);
        self.failures += 1;
        let (bridge, server) = (&self.bridge.settings.name, self.bridge.server());
        if linked {
            tracing::warn!(name: "bridge-lost", bridge, server, reason, "bridge: connection lost");
        } else if self.reason.as_ref() != Some(&reason) {
            tracing::warn!(name: "bridge-refused", bridge, server, reason, "bridge: not connected");
        }
        self.reason = Some(reason);
        self.look_at = now;
    }

    /// Something has come or gone, or a connection stands.
    fn on_woken(&mut self, woken: Woken) {
        let now = self.hub.clock.now();
        match woken {
            Woken::Heard(end) => self.relay.heard(end, now),
            // There is room again for what waits in the other.
            Woken::Wrote => {}
            Woken::Ended(End::Local, _) => self.local_gone(now),
            Woken::Ended(End::Remote, why) => {
                self.blame();
                self.lost(now, why);
            }
            Woken::Dialled(Ok(wire)) => {
                (self.remote, self.asked) = (Some(Pipe::new(wire)), now);
                // Another node may have connected meanwhile, or the bridge was stopped.
                self.look(now);
                if self.remote.is_some() {
                    self.relay.connect(End::Remote, now);
                }
            }
            Woken::Dialled(Err(why)) => self.lost(now, why),
        }
    }

    /// The remote ended the connection, maybe because of a message that it does not take.
    fn blame(&mut self) {
        if let Some((topic, size)) = self.relay.blame() {
            self.hub.stats.count(Metric::MessagesDropped);
            let bridge = &self.bridge.settings.name;
            tracing::warn!(name: "bridge-given-up", bridge, topic, size, "bridge: the remote closes the connection at this message each time; it is dropped");
        }
    }

    /// An operator ended the local client, or memory is short.
    fn local_gone(&mut self, now: Time) {
        if self.member.is_gone() {
            self.relay.local_ended();
        }
        if self.hub.is_resting() {
            // Its end would be told again and again until then.
            (self.local, self.look_at) = (None, now);
        } else {
            self.lost(now, "the session on this node has ended".into());
        }
    }

    /// Moves packets from end to end as far as there is room.
    fn pump(&mut self, now: Time) {
        for end in [End::Remote, End::Local, End::Remote] {
            let pipe = match end {
                End::Local => &mut self.local,
                End::Remote => &mut self.remote,
            };
            let Some(pipe) = pipe else { continue };
            match self.relay.on_bytes(end, &pipe.input, now) {
                Ok(done) => drop(pipe.input.drain(..done)),
                Err(error) => {
                    let whose = if end == End::Local { "the local session" } else { "the remote" };
                    return self.lost(now, format!("{whose} sends what is no MQTT: {error}"));
                }
            }
            for event in self.relay.events() {
                self.on_event(event, now);
            }
        }
    }

    fn on_event(&mut self, event: Event, now: Time) {
        let name = self.bridge.settings.name.clone();
        match event {
            Event::Up(End::Remote) => self.open_local(now),
            Event::Up(End::Local) => {
                let (bridge, server) = (&name, self.bridge.server());
                tracing::info!(name: "bridge-connected", bridge, server, "bridge: connected");
                (self.reason, self.look_at) = (None, now);
            }
            Event::Refused(End::Remote, why) => self.lost(now, refusal(&name, why)),
            Event::Closed(End::Remote, why) => {
                if bridge::may_blame(why) {
                    self.blame();
                }
                self.lost(now, format!("closed by the remote: {why}"));
            }
            Event::Refused(End::Local, why) | Event::Closed(End::Local, why) => {
                self.lost(
                    now,
                    format!("this node has no place for the session of the bridge: {why}"),
                );
            }
            Event::NotSubscribed(filter, why) => {
                let (bridge, server) = (&name, self.bridge.server());
                let reason =
                    format!("no subscription to {filter}: {why}; may the user there read it?");
                tracing::warn!(name: "bridge-refused", bridge, server, reason, "bridge: subscription refused");
            }
            Event::NotTaken(end, why) => {
                self.hub.stats.count(Metric::MessagesDropped);
                if self.told.is_due(if end == End::Local { "local" } else { "remote" }, now) {
                    let by = if end == End::Local { "this node" } else { "the remote" };
                    tracing::warn!(bridge = name, by, reason = %why, "bridge: a message was not taken, and is dropped");
                }
            }
        }
    }

    /// The remote lets the bridge in: now the messages that wait.
    fn open_local(&mut self, now: Time) {
        if !self.member.join() {
            return self.lost(now, "this node has no place for the session of the bridge".into());
        }
        match UnixStream::pair() {
            Ok((own, client)) => {
                self.member.connect(client);
                (self.local, self.asked) = (Some(Pipe::new(Box::new(own))), now);
                self.relay.connect(End::Local, now);
            }
            Err(error) => self.lost(now, format!("no socket for the local session: {error}")),
        }
    }

    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Woken> {
        if let Some(dialling) = &mut self.dialling
            && let Poll::Ready(dialled) = std::pin::Pin::new(dialling).poll(cx)
        {
            self.dialling = None;
            let panicked = |_| Err("the attempt ended early".to_owned());
            return Poll::Ready(Woken::Dialled(dialled.unwrap_or_else(panicked)));
        }
        for end in [End::Remote, End::Local] {
            let pipe = match end {
                End::Local => &mut self.local,
                End::Remote => &mut self.remote,
            };
            let Some(pipe) = pipe else { continue };
            let takes = self.relay.takes(end);
            match ready(pipe.poll(cx, self.relay.out(end), takes)) {
                None => {}
                Some(Ok(moved)) => {
                    if moved.wrote && end == End::Remote {
                        self.relay.said(self.hub.clock.now());
                    }
                    let read = moved.read;
                    return Poll::Ready(if read { Woken::Heard(end) } else { Woken::Wrote });
                }
                Some(Err(error)) => return Poll::Ready(Woken::Ended(end, error.to_string())),
            }
        }
        Poll::Pending
    }

    /// What `emqx-rs-ctl bridges list` is told.
    fn show(&self) {
        let wanted = self.bridge.wanted.load(Ordering::Acquire);
        let up = self.relay.is_up(End::Local) && self.relay.is_up(End::Remote);
        let state = match (wanted, up) {
            (_, true) => "connected",
            (true, false) if self.role.connects => "connecting",
            (true, false) => "standby",
            (false, false) => "stopped",
        };
        let mut counts = self.relay.counts();
        counts.dropped += self.member.dropped();
        *locks::lock(&self.bridge.standing) = Standing {
            state,
            holds: up && self.relay.is_subscribed(),
            reason: self.reason.clone().filter(|_| wanted && !up),
            counts,
            queued: self.member.waiting() as u64,
        };
    }
}

/// A packet identifier by chance.
fn any_number() -> PacketId {
    let number = u16::try_from(super::random() % 65_536).unwrap_or_default();
    PacketId::new(number).unwrap_or(PacketId::FIRST)
}

/// What a task was woken by.
enum Woken {
    Heard(End),
    Wrote,
    Ended(End, String),
    Dialled(Dialled),
}

/// What a refusal means, and what to do.
fn refusal(name: &str, why: ReasonCode) -> String {
    use ReasonCode as R;
    const REMEDIES: [(R, &str); 4] = [
        (R::BadUserNameOrPassword, "username and .password are not right there"),
        (R::NotAuthorized, "username, .password or .clientid are not let in there"),
        (R::ClientIdentifierNotValid, "clientid is not one that it takes"),
        (R::UnsupportedProtocolVersion, "proto_ver or .bridge_mode is not one that it speaks"),
    ];
    let remedy = REMEDIES.iter().find(|(reason, _)| *reason == why).map(|(_, text)| *text);
    let remedy = remedy.map(|text| format!("bridge.mqtt.{name}.{text}"));
    format!("refused: {why}; {}", remedy.unwrap_or_else(|| "see the log of the remote".to_owned()))
}

#[cfg(test)]
mod tests {
    use tokio::io::AsyncReadExt;

    use super::*;
    use crate::{
        broker::{bridge::tests, retained::Retained},
        mqtt::Version,
        net::clock::Clock,
    };

    /// One that is wanted; nothing is done but what it is told here.
    fn task() -> Task {
        let hub = Arc::new(Hub::new(Clock::system(), 1, Retained::default(), Arc::default()));
        let settings = Settings {
            name: "r".into(),
            host: "127.0.0.1".into(),
            port: 1,
            auto: true,
            reconnect: Duration::from_secs(60),
            tls: None,
            relay: tests::settings(Version::V5),
        };
        let bridge = Bridge {
            wanted: AtomicBool::new(true),
            settings,
            changed: Notify::new(),
            standing: Mutex::default(),
        };
        Task::new(Arc::new(bridge), hub)
    }

    fn wire() -> (Box<UnixStream>, UnixStream) {
        let (near, far) = UnixStream::pair().unwrap();
        (Box::new(near), far)
    }

    #[tokio::test]
    async fn who_is_stopped_while_it_connects_says_nothing_to_the_remote() {
        for wanted in [true, false] {
            let mut task = task();
            task.bridge.wanted.store(wanted, Ordering::Release);
            let (wire, _far) = wire();
            task.on_woken(Woken::Dialled(Ok(wire)));
            assert_eq!(task.remote.is_some(), wanted);
            assert_eq!(task.relay.out(End::Remote).is_empty(), !wanted);
        }
    }

    #[tokio::test]
    async fn what_the_remote_acknowledged_last_reaches_the_session() {
        let mut task = task();
        let ((remote, _far), (local, mut session)) = (wire(), wire());
        (task.remote, task.local) = (Some(Pipe::new(remote)), Some(Pipe::new(local)));
        task.relay.out(End::Local).extend_from_slice(b"PUBACK");
        task.lost(task.asked, "closed by the other end".into());
        let mut said = Vec::new();
        session.read_to_end(&mut said).await.unwrap();
        assert_eq!(said, b"PUBACK");
    }

    #[tokio::test]
    async fn a_remote_that_does_not_answer_is_left_alone_for_a_while() {
        let mut task = task();
        let (wire, _far) = wire();
        task.on_woken(Woken::Dialled(Ok(wire)));
        task.look(task.asked + ANSWER);
        assert!(task.remote.is_some() && task.dialling.is_none());
        let late = task.asked + ANSWER + LOOK;
        task.look(late);
        assert!(task.remote.is_none() && task.dialling.is_none());
        assert!(task.reason.as_ref().is_some_and(|why| why.contains("no answer")));
        task.look(late + FIRST * 2);
        assert!(task.dialling.is_some());
    }
}
