//! The bans of a node: the core behind a lock, and the file in which those of operators outlive the process.
//!
//! The file is replaced as a whole, one JSON object a line. Bans that follow from behaviour last minutes and are not in it.

use std::{
    fs, io,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
};

use crate::{
    broker::{
        ClientId,
        bans::{Ban, BanPolicies, Banned, Bans, Failure, Name, Takeover, Target},
        channel::Shared,
        stats::Metric,
    },
    ctl,
    net::clock::Clock,
    node::{hub::Hub, locks, mailbox::Signal},
    sort,
    time::Wall,
};

/// Name of the file in the data folder.
const FILE: &str = "banned";

/// The file holds something else than bans. The start ends.
#[derive(Debug, thiserror::Error)]
#[error("{path}:{line}: {what}; mend the line or take it out")]
pub struct BadBans {
    path: PathBuf,
    line: usize,
    what: String,
}

/// See the module.
pub(in crate::node) struct BanList {
    table: Mutex<Table>,
    /// Nobody is banned: nothing is looked up.
    any: AtomicBool,
    file: Mutex<BanFile>,
}

#[derive(Default)]
struct Table {
    bans: Bans,
    /// Counts the changes of operators, so that the file gets the last one last.
    changes: u64,
}

#[derive(Default)]
struct BanFile {
    path: Option<PathBuf>,
    written: u64,
}

impl Default for BanList {
    fn default() -> Self {
        Self { table: Mutex::default(), any: AtomicBool::new(false), file: Mutex::default() }
    }
}

impl BanList {
    /// Reads the bans in the data folder, and keeps them there from now on.
    pub(in crate::node) fn load(&self, data: &Path, wall: Wall) -> Result<(), BadBans> {
        let path = data.join(FILE);
        let bad = |line, what: String| BadBans { path: path.clone(), line, what };
        let text = match fs::read_to_string(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => String::new(),
            Err(error) => return Err(bad(0, error.to_string())),
        };
        let mut table = locks::lock(&self.table);
        for (at, line) in text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()) {
            let row: ctl::Ban =
                serde_json::from_str(line).map_err(|error| bad(at + 1, error.to_string()))?;
            let (target, ban) = of_row(row).ok_or_else(|| bad(at + 1, "no ban".into()))?;
            table.bans.add(target, ban, wall).map_err(|full| bad(at + 1, full.to_string()))?;
        }
        self.any.store(!table.bans.is_empty(), Ordering::Relaxed);
        drop(table);
        locks::lock(&self.file).path = Some(path);
        Ok(())
    }

    pub(in crate::node) fn set_policies(&self, policies: BanPolicies) {
        locks::lock(&self.table).bans.set_policies(policies);
    }

    /// Why this client is kept out, if it is.
    pub(in crate::node) fn reason(&self, client: &Banned<'_>, clock: Clock) -> Option<String> {
        if !self.any.load(Ordering::Relaxed) {
            return None;
        }
        let mut table = locks::lock(&self.table);
        table.bans.reason(client, clock.now(), clock.wall()).map(str::to_owned)
    }

    /// The same of a client that shows a password nobody has looked at yet.
    pub(in crate::node) fn reason_to_guess(
        &self,
        client: &Banned<'_>,
        clock: Clock,
    ) -> Option<String> {
        if !self.any.load(Ordering::Relaxed) {
            return None;
        }
        let mut table = locks::lock(&self.table);
        table.bans.reason_to_guess(client, clock.now(), clock.wall()).map(str::to_owned)
    }

    /// Sets bans, with one write of the file. Where there is no room for one, those before it are set; how many are.
    fn set(&self, all: Vec<(Target, Ban)>, wall: Wall) -> (u64, Result<(), String>) {
        let (mut set, mut full) = (0, Ok(()));
        let written = self.change(wall, |bans| {
            full = all
                .into_iter()
                .try_for_each(|(target, ban)| bans.add(target, ban, wall).map(|()| set += 1));
        });
        (set, full.map_err(|full| full.to_string()).and(written))
    }

    /// Takes a ban out. `false`: there is none.
    pub(in crate::node) fn remove(&self, target: &Target, wall: Wall) -> Result<bool, String> {
        let mut found = false;
        self.change(wall, |bans| found = bans.remove(target))?;
        Ok(found)
    }

    /// Changes the table and brings the file up to it.
    fn change(&self, wall: Wall, change: impl FnOnce(&mut Bans)) -> Result<(), String> {
        let (number, rows) = {
            let mut table = locks::lock(&self.table);
            change(&mut table.bans);
            table.changes += 1;
            let rows: Vec<_> = table.bans.listed(wall).map(row).collect();
            self.any.store(!table.bans.is_empty(), Ordering::Relaxed);
            (table.changes, rows)
        };
        let mut file = locks::lock(&self.file);
        let Some(path) = file.path.as_ref().filter(|_| number > file.written) else {
            return Ok(());
        };
        let mut text = Vec::new();
        for row in &rows {
            serde_json::to_writer(&mut text, row).map_err(|error| error.to_string())?;
            text.push(b'\n');
        }
        let failed =
            |error| format!("banned now, but not after a restart: {}: {error}", path.display());
        ctl::cookie::replace(path, &text).map_err(failed)?;
        file.written = number;
        Ok(())
    }

    /// Bans by an operator.
    pub(in crate::node) fn listed(&self, clock: Clock) -> Vec<ctl::Ban> {
        locks::lock(&self.table).bans.listed(clock.wall()).map(row).collect()
    }

    /// All bans that hold, by kind and name; those that followed from behaviour behind them.
    /// Where tokens stand in place of user names, those that are banned by themselves are not shown: `masks`.
    pub(in crate::node) fn list(&self, clock: Clock, masks: bool) -> Vec<ctl::Ban> {
        let (now, wall) = (clock.now(), clock.wall());
        let mut table = locks::lock(&self.table);
        let mut rows: Vec<_> = table.bans.listed(wall).map(row).collect();
        let mut own: Vec<_> = table
            .bans
            .own(now)
            .map(|(name, address, own)| {
                let left = u64::try_from(own.until.since(now).as_millis()).unwrap_or(u64::MAX);
                let (kind, who) = name.words();
                let who = if masks && matches!(name, Name::Username(_)) { "******" } else { who };
                let guesser = *name == Name::Guesser;
                ctl::Ban {
                    kind: kind.into(),
                    who: if guesser { address.to_string() } else { who.to_owned() },
                    at_address: (!guesser).then(|| address.to_string()),
                    reason: own.reason.into(),
                    by: "emqx-rs".into(),
                    at: own.at.as_ms() / 1000,
                    until: Some(wall.as_ms().saturating_add(left) / 1000),
                }
            })
            .collect();
        sort::sort_by(&mut own, |a, b| {
            (&a.kind, &a.who, &a.at_address).cmp(&(&b.kind, &b.who, &b.at_address))
        });
        rows.append(&mut own);
        rows
    }
}

fn row((target, ban): (&Target, &Ban)) -> ctl::Ban {
    let (kind, who) = target.words();
    ctl::Ban {
        kind: kind.into(),
        who,
        at_address: None,
        reason: ban.reason.clone(),
        by: ban.by.clone(),
        at: ban.at.as_ms() / 1000,
        until: ban.until.map(|until| until.as_ms() / 1000),
    }
}

/// The ban that a line of the file, or of another node, says.
pub(in crate::node) fn of_row(row: ctl::Ban) -> Option<(Target, Ban)> {
    let wall = |seconds: u64| Wall::from_ms(seconds.saturating_mul(1000));
    let target = Target::parse(&row.kind, &row.who)?;
    let (at, until) = (wall(row.at), row.until.map(wall));
    Some((target, Ban { reason: row.reason, by: row.by, at, until }))
}

impl Hub {
    /// All bans that hold, as an operator sees them.
    pub(in crate::node) fn bans_shown(&self) -> Vec<ctl::Ban> {
        let rules = locks::read(&self.rules).clone();
        self.bans.list(self.clock, rules.is_some_and(|rules| rules.names_are_tokens()))
    }

    /// Bans somebody, and ends the connections and sessions of those who are connected.
    ///
    /// # Errors
    /// There are too many bans, or the file cannot be written, in words.
    pub fn ban(&self, target: Target, ban: Ban) -> Result<(), String> {
        self.ban_all(vec![(target, ban)]).1
    }

    /// The same for many at once, and how many are set: those before the one for which there is no room.
    pub(in crate::node) fn ban_all(&self, all: Vec<(Target, Ban)>) -> (u64, Result<(), String>) {
        let targets: Arc<[Target]> = all.iter().map(|(target, _)| target.clone()).collect();
        let result = self.bans.set(all, self.clock.wall());
        self.registry.signal_all(|| Signal::Ban(targets.clone()));
        result
    }

    /// A client of this listener gave wrong credentials.
    pub(in crate::node) fn on_auth_failure(&self, client: &Banned<'_>, shared: &Shared) {
        if !counts(client, shared) {
            return;
        }
        let (now, wall) = (self.clock.now(), self.clock.wall());
        let failure = locks::lock(&self.bans.table).bans.on_failure(client, now, wall);
        let username = shared.access.loggable(client.username);
        let (clientid, peer) = (client.client_id, client.peer);
        match failure {
            Failure::Fine => return,
            Failure::Name => tracing::warn!(
                name: "password-banned", clientid, username, %peer, stranger = true,
                "client banned at its address: too many wrong passwords (auth_failure_policy)"
            ),
            Failure::Address => tell_sprayed(clientid, username, peer),
        }
        self.banned_by_itself();
    }

    /// Somebody gave the HTTP API a wrong secret for the application of this id.
    pub(in crate::node) fn on_api_failure(&self, id: &str, peer: IpAddr) {
        if is_local(peer) {
            return;
        }
        let (now, wall) = (self.clock.now(), self.clock.wall());
        if locks::lock(&self.bans.table).bans.on_other_failure(id, peer, now, wall) {
            // What it is called may be a secret in the wrong field.
            tell_sprayed("", None, peer);
            self.banned_by_itself();
        }
    }

    /// A client of this listener gave the right credentials.
    pub(in crate::node) fn on_auth_success(&self, client: &Banned<'_>, shared: &Shared) {
        if counts(client, shared) {
            locks::lock(&self.bans.table).bans.on_success(client, self.clock.now());
        }
    }

    /// A client takes over the id of one that is connected. `false`: it may not.
    pub(in crate::node) fn may_take_over(&self, id: &ClientId, peer: SocketAddr) -> bool {
        let (now, wall) = (self.clock.now(), self.clock.wall());
        let takeover = locks::lock(&self.bans.table).bans.on_takeover(id, peer.ip(), now, wall);
        let client_id = id.as_str();
        match takeover {
            Takeover::Fine => true,
            Takeover::Fight(other) => {
                tracing::warn!(name: "client-id-fight",
                    clientid = client_id, peer = %peer.ip(), %other,
                    "two clients use one client id, each ends the connection of the other"
                );
                true
            }
            Takeover::Banned => {
                self.banned_by_itself();
                tracing::warn!(name: "client-banned",
                    clientid = client_id, peer = %peer.ip(),
                    "client banned: it is taken over again and again (takeover_policy)"
                );
                false
            }
        }
    }

    /// A client that was served has gone, in a zone that looks for flapping.
    pub(in crate::node) fn on_gone(&self, id: &ClientId, peer: SocketAddr) {
        let (now, wall) = (self.clock.now(), self.clock.wall());
        if locks::lock(&self.bans.table).bans.on_gone(id, peer.ip(), now, wall) {
            self.banned_by_itself();
            let client_id = id.as_str();
            tracing::warn!(name: "client-banned", clientid = client_id, peer = %peer.ip(), "client banned: it comes and goes (flapping_detect_policy)");
        }
    }

    fn banned_by_itself(&self) {
        self.bans.any.store(true, Ordering::Relaxed);
        self.stats.count(Metric::BanSet);
    }
}

/// Whether passwords are counted at the address of a client.
fn counts(client: &Banned<'_>, shared: &Shared) -> bool {
    let peer = client.peer;
    // What a proxy that does not say where its clients are passes on may come from anybody.
    !is_local(peer) && !shared.proxies.iter().any(|block| block.contains(peer))
}

/// All programs of this host come from there, and one with an old password must not shut the others out.
fn is_local(peer: IpAddr) -> bool {
    [IpAddr::from(Ipv4Addr::LOCALHOST), Ipv6Addr::LOCALHOST.into()].contains(&peer)
}

fn tell_sprayed(clientid: &str, username: Option<&str>, peer: IpAddr) {
    tracing::warn!(
        name: "spray-banned", clientid, username, %peer, stranger = true,
        "address banned: wrong passwords for many names, the last one this (auth_spray_policy)"
    );
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ban() -> Ban {
        Ban { reason: "why".into(), by: "me".into(), at: Wall::from_ms(5000), until: None }
    }

    #[test]
    fn bans_outlive_the_process() {
        let dir = tempfile::tempdir().unwrap();
        let (wall, clock) = (Wall::from_ms(5000), Clock::system());
        let list = BanList::default();
        list.load(dir.path(), wall).unwrap();
        for (kind, who) in [("clientid", "a\n\"b"), ("username", "u"), ("peerhost", "10.0.0.0/8")] {
            list.set(vec![(Target::parse(kind, who).unwrap(), ban())], wall).1.unwrap();
        }
        let over = Ban { until: Some(Wall::from_ms(6000)), ..ban() };
        list.set(vec![(Target::ClientId("over".into()), over)], wall).1.unwrap();
        assert_eq!(list.remove(&Target::Username("u".into()), wall), Ok(true));
        assert_eq!(list.remove(&Target::Username("u".into()), wall), Ok(false));
        let again = BanList::default();
        again.load(dir.path(), Wall::from_ms(7000)).unwrap();
        let rows = again.list(clock, false);
        let who: Vec<_> = rows.iter().map(|row| (row.kind.as_str(), row.who.as_str())).collect();
        assert_eq!(who, [("clientid", "a\n\"b"), ("peerhost", "10.0.0.0/8")]);
        assert_eq!((rows[0].at, rows[0].reason.as_str()), (5, "why"));
        let client = Banned { client_id: "x", username: None, peer: [10, 1, 1, 1].into() };
        assert_eq!(again.reason(&client, clock).as_deref(), Some("why"));
    }

    #[test]
    fn tokens_in_place_of_names_are_not_listed() {
        let (clock, list) = (Clock::system(), BanList::default());
        let peer = [10, 1, 1, 1].into();
        let client = Banned { client_id: "x", username: Some("a.secret.token"), peer };
        let fails = || locks::lock(&list.table).bans.on_failure(&client, clock.now(), clock.wall());
        assert!((0..10).any(|_| fails() == Failure::Name));
        for (masks, want) in [(false, "a.secret.token"), (true, "******")] {
            let rows = list.list(clock, masks);
            assert_eq!((rows.len(), rows[0].who.as_str()), (1, want));
        }
    }

    #[test]
    fn many_bans_are_written_at_once_as_far_as_there_is_room() {
        let dir = tempfile::tempdir().unwrap();
        let (wall, list) = (Wall::default(), BanList::default());
        list.load(dir.path(), wall).unwrap();
        let block = |n: u32| {
            (Target::parse("peerhost", &format!("10.{}.{}.0/24", n / 256, n % 256)).unwrap(), ban())
        };
        assert_eq!(list.set((0..1000).map(block).collect(), wall), (1000, Ok(())));
        assert_eq!(locks::lock(&list.file).written, 1);
        let (set, full) = list.set(vec![(Target::ClientId("a".into()), ban()), block(1000)], wall);
        assert!(set == 1 && full.is_err_and(|why| why.contains("there are 1000 bans")));
        let again = BanList::default();
        again.load(dir.path(), wall).unwrap();
        assert_eq!(again.list(Clock::system(), false).len(), 1001);
    }

    #[test]
    fn a_file_that_holds_something_else_is_a_fault_with_its_line() {
        let dir = tempfile::tempdir().unwrap();
        let list = BanList::default();
        list.load(dir.path(), Wall::default()).unwrap();
        list.set(vec![(Target::ClientId("a".into()), ban())], Wall::default()).1.unwrap();
        let path = dir.path().join(FILE);
        let good = fs::read_to_string(&path).unwrap();
        for bad in ["nonsense\n", &good.replace("clientid", "nobody")] {
            fs::write(&path, format!("{good}{bad}")).unwrap();
            let fault = BanList::default().load(dir.path(), Wall::default()).unwrap_err();
            assert!(fault.to_string().contains("banned:2: "), "{fault}");
        }
    }
}
