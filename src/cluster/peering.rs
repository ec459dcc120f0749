//! Links: which of them count, what is said first over each, and when a member is up or down.

use std::{
    net::{IpAddr, SocketAddr},
    time::Duration,
};

use super::{
    Action, Cluster, DialError, Event, Guid, LinkId, MemberRecord, NodeId, NodeName, Peer,
    PeerIdentity, PeerUp, RecordStatus, Target,
    autocluster::Pace,
    member::{Member, Reach},
    routes::TableOp,
    settings::Pin,
    wire::{CloseCode, Frame, State},
};
use crate::time::Time;

/// A new connection has this long to tell the state of its node.
const STATE_LIMIT: Duration = Duration::from_secs(5);
/// Records in one frame: far from its limit, whatever they hold.
const RECORDS: usize = 64;

impl Cluster {
    /// Whether a node may be linked with, as far as its handshake tells: the code of the refusal, or `None`.
    #[must_use]
    pub fn judge(&self, peer: &PeerIdentity) -> Option<CloseCode> {
        if self.left {
            return Some(CloseCode::Left);
        }
        if peer.node_id == self.me.node_id {
            // Another box with a copy of the data folder says another name, or lives another life.
            let here = (&self.me.name, self.me.incarnation, self.me.guid);
            let same = (&peer.name, peer.incarnation, peer.guid) == here;
            return Some(if same { CloseCode::SelfLink } else { CloseCode::Stale });
        }
        let mut namesakes = self
            .members
            .named(&peer.name)
            .filter(|m| m.record.node_id != peer.node_id && m.record.is_member());
        let strict = self.settings.pin == Pin::Strict;
        if peer.name == self.me.name {
            return Some(CloseCode::NameTaken);
        }
        if let Some(other) = namesakes.next() {
            if other.reach != Reach::Down {
                return Some(CloseCode::NameTaken);
            }
            if strict {
                return Some(CloseCode::Pin);
            }
        }
        // Of two boxes with one identity the later life is let in, as after a restart; the other one learns why it is not.
        let known = self.members.find(peer.node_id).map(|member| &member.record);
        let linked = self.peers.get(&peer.node_id).map(|linked| &linked.identity);
        let twin =
            |one: &PeerIdentity| one.incarnation == peer.incarnation && one.guid != peer.guid;
        let stale = linked.is_some_and(|one| one.incarnation > peer.incarnation || twin(one))
            || known.is_some_and(|known| known.incarnation > peer.incarnation);
        stale.then_some(CloseCode::Stale)
    }

    pub(super) fn on_link_up(&mut self, peer: Peer, now: Time, out: &mut Vec<Action>) {
        let node = peer.identity.node_id;
        let name = peer.identity.name.clone();
        if let Some(code) = self.judge(&peer.identity) {
            let pace = pace_of(code);
            refuse(peer.link, code, out);
            out.push(Action::Log(Event::Refused(name.clone(), code)));
            if peer.dialed {
                self.dialer.on_failed(&name, pace, now);
            }
            return;
        }
        if let Some(old) = self.peers.get(&node) {
            let same_life = old.identity.incarnation == peer.identity.incarnation;
            // Of two links of one pair both ends keep the one that the smaller name dialled.
            let smaller_dialed = (self.me.name < name) == peer.dialed;
            if same_life && old.dialed != peer.dialed && !smaller_dialed {
                refuse(peer.link, CloseCode::Tie, out);
                return;
            }
            refuse(old.link, CloseCode::Tie, out);
            self.lose(node, "replaced by a new connection", now, out);
        }
        self.end_older_life(node, peer.identity.incarnation, now, out);
        self.wills.await_word(node, now + STATE_LIMIT);
        self.copies.entry(node).or_default().on_link(peer.identity.incarnation);
        let target = Target { name: name.clone(), port: None, addrs: Vec::new() };
        self.dialer.want(target, now);
        self.dialer.on_linked(&name);
        if !peer.dialed {
            out.push(Action::Undial(name));
        }
        self.links.insert(peer.link, node);
        if self.peers.is_empty() {
            // Alone it had nothing to do regularly.
            self.next_ping = self.next_ping.max(now);
        }
        let frame = Frame::State(self.state_for(node, now));
        out.push(Action::Send { link: peer.link, frame });
        self.peers.insert(node, peer);
    }

    fn state_for(&mut self, node: NodeId, now: Time) -> State {
        State {
            incarnation: self.me.incarnation,
            guid: self.me.guid,
            cluster_id: self.cluster.1,
            version: self.me.version.clone(),
            caps: self.caps(),
            addrs: self.me.addrs.clone(),
            hlc: self.clock.tick(now),
            have: self.copies.get(&node).map(|copy| copy.position()).unwrap_or_default(),
            fwd: Vec::new(),
            row_seq: self.rows.number(),
        }
    }

    /// The first frame of a link: from here on it counts.
    pub(super) fn on_state(
        &mut self,
        node: NodeId,
        mut state: State,
        now: Time,
        out: &mut Vec<Action>,
    ) {
        let Some(peer) = self.peers.get(&node) else { return };
        let (link, identity, addr) = (peer.link, peer.identity.clone(), peer.addr);
        let dialed = peer.dialed;
        // A node that listens everywhere does not know its address; here it is seen.
        for own in state.addrs.iter_mut().filter(|own| own.ip().is_unspecified()) {
            own.set_ip(addr.ip());
        }
        if peer.proven || state.incarnation != identity.incarnation {
            return self.close(node, CloseCode::Protocol, now, out);
        }
        let record = match self.record_from(&identity, &state) {
            Ok(record) => record,
            Err(code) => return self.close(node, code, now, out),
        };
        self.retire_namesakes(&identity, now, out);
        self.clock.observe(state.hlc, now);
        let news = self.admit(&record, now, out);
        if self.members.index(node).is_none() {
            return self.close(node, CloseCode::TooMany, now, out);
        }
        if let Some(member) = self.members.find_mut(node) {
            member.reach = Reach::Joining;
            member.since = now;
        }
        self.deaths.remove(&node);
        let mut records: Vec<_> = self.members.iter().map(|m| m.told(now)).collect();
        records.push(self.record());
        out.extend(records.chunks(RECORDS).map(|records| {
            let frame = Frame::Members(records.to_vec());
            Action::Send { link, frame }
        }));
        let (maker, cluster_id) = self.cluster;
        out.push(Action::Send { link, frame: Frame::Merge { cluster_id, maker } });
        if let Some(peer) = self.peers.get_mut(&node) {
            peer.proven = true;
            peer.sender.start(state.have, self.me.incarnation, &self.own);
        }
        self.wills.on_linked(node, identity.incarnation);
        self.hold_wills(node, (identity.incarnation, state.caps), now);
        self.wills.end_await(node);
        self.begin_retained(node, state.caps & super::CAP_RETAINED != 0, now);
        out.push(Action::Watch {
            node,
            link,
            addr: heartbeat_addr(&identity.name, dialed, addr, &record),
        });
        if news {
            self.tell(&[record], Some(node), out);
        }
    }

    /// The record of a node that just proved to be there.
    fn record_from(&self, peer: &PeerIdentity, state: &State) -> Result<MemberRecord, CloseCode> {
        let known = self.members.find(peer.node_id).map(|member| &member.record);
        let banned = known.is_some_and(|known| known.status == RecordStatus::Banned);
        if banned && state.caps & super::CAP_JOIN == 0 {
            return Err(CloseCode::Banned);
        }
        if known.is_some_and(|known| known.incarnation > peer.incarnation) {
            return Err(CloseCode::Stale);
        }
        Ok(MemberRecord {
            name: peer.name.clone(),
            node_id: peer.node_id,
            incarnation: peer.incarnation,
            guid: peer.guid,
            addrs: state.addrs.clone(),
            caps: state.caps,
            version: state.version.clone(),
            status: RecordStatus::Member,
            // It goes on from life to life, so that it can be told which bans are over.
            epoch: known.map_or(0, |known| match known.is_member() {
                true => known.epoch,
                false => known.next_epoch(RecordStatus::Member),
            }),
            out_for: Duration::ZERO,
        })
    }

    /// A node that came back under its name with another identity takes the place of the old one.
    fn retire_namesakes(&mut self, peer: &PeerIdentity, now: Time, out: &mut Vec<Action>) {
        let old: Vec<_> = self
            .members
            .named(&peer.name)
            .filter(|m| m.record.node_id != peer.node_id && m.record.is_member())
            .map(|member| member.record.clone())
            .collect();
        for record in old {
            out.push(Action::Log(Event::NewIdentity(record.name.clone())));
            self.put_out(record, RecordStatus::Removed, now, out);
        }
    }

    /// Another node's cluster: of two that meet, the one with the oldest maker gives the number.
    pub(super) fn on_merge(
        &mut self,
        from: NodeId,
        (maker, cluster_id): (Guid, [u8; 16]),
        out: &mut Vec<Action>,
    ) {
        if (maker, cluster_id) >= self.cluster {
            return;
        }
        self.cluster = (maker, cluster_id);
        out.push(Action::Persist);
        for (node, peer) in &self.peers {
            if peer.proven && *node != from {
                let frame = Frame::Merge { cluster_id, maker };
                out.push(Action::Send { link: peer.link, frame });
            }
        }
    }

    /// A member that has this node's routes, and whose routes are here, is up.
    pub(super) fn check_up(&mut self, node: NodeId, now: Time, out: &mut Vec<Action>) {
        let complete = self.copies.get(&node).is_some_and(|copy| copy.is_complete());
        let Some(peer) = self.peers.get(&node) else { return };
        let Some(member) = self.members.find_mut(node) else { return };
        if member.reach != Reach::Joining || !complete || peer.sender.acked().is_none() {
            return;
        }
        let Some(index) = member.index else { return };
        member.reach = Reach::Up;
        member.since = now;
        self.row_due = true;
        let incarnation = peer.identity.incarnation;
        self.autoclean.on_up(node);
        self.keep.remove(&node);
        let back = self.awaited.remove(&node).is_some();
        out.push(Action::PeerUp(PeerUp {
            node: index,
            peer: peer.identity.clone(),
            addr: peer.addr,
            dialed: peer.dialed,
            target: target_of(&member.record),
        }));
        out.push(Action::Log(Event::Up(peer.identity.name.clone())));
        self.note_up(node, incarnation, now, out);
        if back {
            self.on_back(node, now, out);
        }
    }

    pub(super) fn on_link_down(
        &mut self,
        link: LinkId,
        why: &'static str,
        now: Time,
        out: &mut Vec<Action>,
    ) {
        let Some(node) = self.links.get(&link).copied() else { return };
        let name = self.peers.get(&node).map(|peer| peer.identity.name.clone());
        self.lose_unheard(node, why, now, out);
        // A process that ended is told from a connection that broke by asking at once.
        if let Some(name) = name {
            self.dialer.hurry(&name, now);
        }
    }

    pub(super) fn on_silent(&mut self, link: LinkId, now: Time, out: &mut Vec<Action>) {
        if let Some(node) = self.links.get(&link).copied() {
            out.push(Action::Close { link });
            self.lose_unheard(node, "no sign of life", now, out);
        }
    }

    /// The node is lost without a word: it crashed, or something came between.
    fn lose_unheard(&mut self, node: NodeId, why: &'static str, now: Time, out: &mut Vec<Action>) {
        let was_up = self.members.find(node).is_some_and(|member| member.reach == Reach::Up);
        let life = self.peers.get(&node).map(|peer| peer.identity.incarnation);
        self.lose(node, why, now, out);
        if let Some(incarnation) = life.filter(|_| was_up && !self.excused(now)) {
            self.note_loss(node, incarnation, now);
        }
    }

    /// A node that is not linked is there: the way to it is open again.
    pub(super) fn on_heard(&mut self, node: NodeId, now: Time) {
        if self.peers.contains_key(&node) {
            return;
        }
        if let Some(member) = self.members.find(node) {
            let removed = member.record.status == RecordStatus::Removed;
            self.dialer.on_heard(&member.record.name, removed, now);
        }
    }

    /// A host that refuses heartbeats is there, and the process may be gone. A word over its connection gets a reset if it is; a
    /// node that is not linked is dialled for it.
    pub(super) fn on_refused(&mut self, node: NodeId, now: Time, out: &mut Vec<Action>) {
        match self.peers.get(&node).map(|peer| peer.link) {
            Some(link) => {
                let ping = self.ping(Duration::ZERO, now);
                out.push(Action::Send { link, frame: Frame::Ping(ping) });
            }
            None => self.on_heard(node, now),
        }
    }

    /// Somebody at `from` has a cookie that is not known here. While cookies are changed node by node, that is a member that is back
    /// with the new one and takes the old one still: it is to be dialled from here, and now.
    pub(super) fn on_knock(&mut self, from: IpAddr, now: Time) {
        let there = |member: &&Member| {
            let mut addrs = member.record.addrs.iter().map(|addr| addr.ip().to_canonical());
            member.record.is_member()
                && !self.peers.contains_key(&member.record.node_id)
                && addrs.any(|ip| ip == from.to_canonical())
        };
        let names: Vec<_> =
            self.members.iter().filter(there).map(|member| member.record.name.clone()).collect();
        names.iter().for_each(|name| self.dialer.on_knock(name, now));
    }

    /// The link to `node` is gone. Its routes stay in use for a while: messages are kept for it.
    pub(super) fn lose(
        &mut self,
        node: NodeId,
        why: &'static str,
        now: Time,
        out: &mut Vec<Action>,
    ) {
        let Some(peer) = self.peers.remove(&node) else { return };
        self.links.remove(&peer.link);
        self.wills.end_await(node);
        self.end_retained(node);
        self.dialer.on_lost(&peer.identity.name, now);
        let cut = self.copies.get_mut(&node).is_some_and(|copy| copy.on_link_down());
        let Some(member) = self.members.find_mut(node) else { return };
        let was = std::mem::replace(&mut member.reach, Reach::Down);
        self.row_due = true;
        let Some(index) = member.index else { return };
        if cut {
            out.push(Action::Table(TableOp::SnapshotAbort { node: index }));
        }
        if was == Reach::Down {
            return;
        }
        member.since = now;
        self.autoclean.on_down(node, now);
        self.keep.entry(node).or_insert(now + self.settings.keep_time);
        if was == Reach::Up && self.awaited.contains_key(&node) {
            out.push(Action::PeerAway { node: index });
        } else if was == Reach::Up {
            out.push(Action::PeerDown { node: index });
            out.push(Action::Log(Event::Down(peer.identity.name, why)));
        }
    }

    /// The routes of `node` count no longer, nor what is kept for it.
    pub(super) fn end_life(&mut self, node: NodeId, out: &mut Vec<Action>) {
        self.keep.remove(&node);
        self.give_up_awaiting(node, out);
        self.heal.on_gone(node);
        // Who was only forgotten is taken back as soon as it is heard.
        let status = self.members.find(node).map(|member| member.record.status);
        if !self.peers.contains_key(&node) && status != Some(RecordStatus::Removed) {
            out.push(Action::Unwatch { node });
        }
        if let Some(copy) = self.copies.get_mut(&node) {
            copy.forget();
        }
        if let Some(index) = self.members.find(node).and_then(|member| member.index) {
            out.push(Action::Table(TableOp::Drop { node: index }));
            out.push(Action::PeerGone { node: index });
        }
    }

    /// Ends what is left of a life of `node` before this incarnation.
    pub(super) fn end_older_life(
        &mut self,
        node: NodeId,
        incarnation: u64,
        now: Time,
        out: &mut Vec<Action>,
    ) {
        self.wills.on_dead(node, incarnation.saturating_sub(1), now);
        if self.deaths.get(&node).is_some_and(|over| *over < incarnation) {
            self.deaths.remove(&node);
        }
        let older = |held: u64| held != 0 && held != incarnation;
        let copy = self.copies.get(&node).map_or(0, |copy| copy.position().incarnation);
        let record = self.members.find(node).map_or(0, |member| member.record.incarnation);
        let waits = self.keep.contains_key(&node) || self.awaited.contains_key(&node);
        if older(copy) || (record < incarnation && waits) {
            self.end_life(node, out);
        }
    }

    pub(super) fn end_keeping(&mut self, now: Time, out: &mut Vec<Action>) {
        let over: Vec<_> =
            self.keep.iter().filter(|(_, until)| **until <= now).map(|(node, _)| *node).collect();
        for node in over {
            self.on_given_up(node, now);
            self.end_life(node, out);
        }
    }

    /// Refuses to go on with `node` and says why.
    pub(super) fn close(
        &mut self,
        node: NodeId,
        code: CloseCode,
        now: Time,
        out: &mut Vec<Action>,
    ) {
        let Some(peer) = self.peers.get(&node) else { return };
        let name = peer.identity.name.clone();
        refuse(peer.link, code, out);
        out.push(Action::Log(Event::Refused(name.clone(), code)));
        self.lose(node, "refused by this node", now, out);
        self.dialer.on_failed(&name, pace_of(code), now);
    }

    /// The other end closes and says why.
    pub(super) fn on_close(
        &mut self,
        node: NodeId,
        (code, reason): (CloseCode, String),
        now: Time,
        out: &mut Vec<Action>,
    ) {
        let Some(peer) = self.peers.get(&node) else { return };
        let (link, name) = (peer.link, peer.identity.name.clone());
        let why = match code {
            CloseCode::ShuttingDown => "it shuts down",
            CloseCode::Tie => "replaced by a new connection",
            CloseCode::Restarting => return self.on_restarting(node, now, out),
            CloseCode::Done
            | CloseCode::Protocol
            | CloseCode::NameTaken
            | CloseCode::Banned
            | CloseCode::Left
            | CloseCode::TooMany
            | CloseCode::Gap
            | CloseCode::Stale
            | CloseCode::Pin
            | CloseCode::SelfLink
            | CloseCode::Other(_) => "closed by the other end",
        };
        let refused = !matches!(code, CloseCode::Tie | CloseCode::ShuttingDown | CloseCode::Done);
        if refused {
            out.push(Action::Log(Event::RefusedBy(name.clone(), code, reason)));
        }
        out.push(Action::Close { link });
        self.lose(node, why, now, out);
        if code == CloseCode::ShuttingDown {
            self.on_death(node, now);
            self.end_life(node, out);
        } else if code == CloseCode::Left {
            self.wills.on_left(node);
        }
        if refused {
            self.dialer.on_failed(&name, pace_of(code), now);
        }
    }

    pub(super) fn on_dial_failed(
        &mut self,
        name: &NodeName,
        error: DialError,
        now: Time,
        out: &mut Vec<Action>,
    ) {
        // A connection that came in meanwhile is none of this failure.
        if self.peers.values().any(|peer| peer.identity.name == *name) {
            return;
        }
        let pace = match error {
            DialError::Unreachable | DialError::NobodyListens => Pace::Retry,
            DialError::Refused => Pace::Refused,
            DialError::RefusedForGood => Pace::Slow,
        };
        self.dialer.on_failed(name, pace, now);
        if error == DialError::NobodyListens {
            let named = self.members.named(name).map(|member| member.record.node_id);
            // Of one that restarts nobody may listen for a moment.
            let ends = |node: &NodeId| self.keep.contains_key(node) && !self.is_awaited(*node);
            let ended: Vec<_> = named.filter(ends).collect();
            for node in ended {
                self.on_death(node, now);
                if !self.deaths.contains_key(&node) {
                    self.end_life(node, out);
                }
            }
        }
    }

    /// Connections that do not tell their state end. If this node itself was late, that is forgiven.
    pub(super) fn end_unproven(&mut self, late: Duration, now: Time, out: &mut Vec<Action>) {
        let over = self.peers.iter().filter(|(_, peer)| !peer.proven);
        let over: Vec<_> = over
            .filter(|(_, peer)| peer.since + STATE_LIMIT + late <= now)
            .map(|(node, peer)| (*node, peer.link))
            .collect();
        for (node, link) in over {
            out.push(Action::Close { link });
            self.lose(node, "did not tell its state", now, out);
        }
    }

    pub(super) fn on_shutdown(&mut self, out: &mut Vec<Action>) {
        for peer in self.peers.values() {
            refuse(peer.link, CloseCode::ShuttingDown, out);
        }
    }
}

/// Where the node of a record may be reached.
pub(super) fn target_of(record: &MemberRecord) -> Target {
    Target { name: record.name.clone(), port: None, addrs: record.addrs.clone() }
}

/// Heartbeats go to the number of the mesh port, over UDP. A connection that came in tells the address, and the record the port.
fn heartbeat_addr(
    name: &NodeName,
    dialed: bool,
    addr: SocketAddr,
    record: &MemberRecord,
) -> SocketAddr {
    if dialed {
        return addr;
    }
    let port = record.addrs.first().map_or_else(|| name.mesh_port(), SocketAddr::port);
    SocketAddr::new(addr.ip(), port)
}

/// Says why, and closes.
pub(super) fn refuse(link: LinkId, code: CloseCode, out: &mut Vec<Action>) {
    let frame = Frame::Close { code, reason: String::new() };
    out.push(Action::Send { link, frame });
    out.push(Action::Close { link });
}

/// How soon to try a node again that closed, or was closed, for this reason.
fn pace_of(code: CloseCode) -> Pace {
    match code {
        CloseCode::NameTaken
        | CloseCode::Pin
        | CloseCode::Banned
        | CloseCode::TooMany
        | CloseCode::Left
        | CloseCode::SelfLink => Pace::Slow,
        CloseCode::Done
        | CloseCode::Protocol
        | CloseCode::Tie
        | CloseCode::ShuttingDown
        | CloseCode::Gap
        | CloseCode::Stale
        | CloseCode::Restarting
        | CloseCode::Other(_) => Pace::Refused,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        cluster::{
            Input, Me, Settings, Stored,
            settings::{Cookie, Discovery},
        },
        time::Wall,
    };

    fn name(text: &str) -> NodeName {
        NodeName::parse(text).unwrap()
    }

    /// b, which starts again and knows a from before.
    fn restarted(cookie_previous: Option<Cookie>) -> Cluster {
        let (a, b) = (NodeId([1; 16]), NodeId([2; 16]));
        let record = MemberRecord {
            name: name("a@10.0.0.1"),
            node_id: a,
            incarnation: 1,
            guid: Guid { started: 1, node: a },
            addrs: vec!["10.0.0.1:4370".parse().unwrap()],
            caps: 0,
            version: String::new(),
            status: RecordStatus::Member,
            epoch: 0,
            out_for: Duration::ZERO,
        };
        let me = Me {
            name: name("b@10.0.0.2"),
            node_id: b,
            incarnation: 2,
            guid: Guid { started: 2, node: b },
            cluster_id: [3; 16],
            addrs: Vec::new(),
            version: String::new(),
            clients_stay: false,
        };
        let discovery = Discovery::Manual;
        let settings = Settings { cookie_previous, discovery, ..Settings::new(me.name.clone()) };
        let stored = Stored { members: vec![record], ..Stored::default() };
        let mut core = Cluster::new(me, &settings, stored, Wall::from_ms(1), 1);
        core.start(Time::ZERO, &mut Vec::new());
        core
    }

    fn fail(core: &mut Cluster, error: DialError, now: Time) -> Vec<Action> {
        let mut out = Vec::new();
        core.on(Input::DialFailed { name: name("a@10.0.0.1"), error }, now, &mut out);
        core.flush(now, &mut out);
        out
    }

    #[test]
    fn a_member_that_knocks_is_dialled_and_a_stranger_is_not() {
        let (mut core, now) = (restarted(None), Time::from_ms(60_000));
        for _ in 0..8 {
            fail(&mut core, DialError::Unreachable, now);
        }
        let seldom = core.dialer.deadline().unwrap();
        assert!(seldom > now + Duration::from_secs(3));
        for stranger in ["10.0.0.9", "::1", "0.0.0.0"] {
            let from = stranger.parse().unwrap();
            core.on(Input::Knock { from }, now, &mut Vec::new());
            assert_eq!(core.dialer.deadline(), Some(seldom), "{stranger}");
        }
        // An IPv4 peer at a socket of both families.
        let from = "::ffff:10.0.0.1".parse().unwrap();
        core.on(Input::Knock { from }, now, &mut Vec::new());
        assert!(core.dialer.deadline().unwrap() <= now + Duration::from_millis(100));
    }

    #[test]
    fn a_host_that_refuses_heartbeats_is_asked_at_once() {
        let (mut core, now) = (restarted(None), Time::from_ms(60_000));
        for _ in 0..8 {
            fail(&mut core, DialError::Unreachable, now);
        }
        assert!(core.dialer.deadline().unwrap() > now + Duration::from_secs(3));
        let node = NodeId([1; 16]);
        core.on(Input::Refused { node }, now, &mut Vec::new());
        assert!(core.dialer.deadline().unwrap() <= now + Duration::from_millis(500));
        // Linked: a word over the connection, and nothing that could harm who is well behind a firewall.
        let guid = Guid { started: 1, node };
        let peer = PeerIdentity { name: name("a@10.0.0.1"), node_id: node, incarnation: 1, guid };
        let addr = "10.0.0.1:4370".parse().unwrap();
        core.on(Input::LinkUp { link: 7, peer, dialed: true, addr }, now, &mut Vec::new());
        let mut out = Vec::new();
        core.on(Input::Refused { node }, now, &mut out);
        let pings = out
            .iter()
            .filter(|action| matches!(action, Action::Send { link: 7, frame: Frame::Ping(_) }));
        assert_eq!((pings.count(), out.len()), (1, 1), "{out:?}");
    }

    #[test]
    fn between_two_cookies_the_start_waits_for_who_refuses() {
        let settled = |out: &[Action]| out.iter().any(|action| matches!(action, Action::Settled));
        let soon = Time::from_ms(10);
        assert!(settled(&fail(&mut restarted(None), DialError::Refused, soon)));
        let previous = || Some(Cookie::new("the cookie before this one".to_owned()));
        assert!(settled(&fail(&mut restarted(previous()), DialError::Unreachable, soon)));
        let mut core = restarted(previous());
        assert!(!settled(&fail(&mut core, DialError::Refused, soon)));
        let mut out = Vec::new();
        core.on_deadline(Time::ZERO + core.settings.join_wait, &mut out);
        assert!(settled(&out), "and not for ever");
    }
}
