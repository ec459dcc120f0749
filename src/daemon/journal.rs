//! What goes to journald, by its native protocol: the fields of an event by name (`EMQX_NODE`, `EMQX_CLIENTID`, ...), and for kinds that
//! the catalogue explains (`journalctl -x`, packaging/journal) their `MESSAGE_ID`.
//!
//! An event says of which kind it is by its name: `tracing::warn!(name: "member-down", ...)`. The socket does not block: while journald
//! stands still lines are lost and counted ([`Lost`]), and neither the start nor a client waits.

use std::{
    fmt::{Debug, Write as _},
    fs::File,
    io::{self, Write as _},
    os::{
        fd::AsRawFd,
        unix::net::{SocketAddr, UnixDatagram},
    },
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
};

use nix::{
    errno::Errno,
    fcntl::{FcntlArg, SealFlag, fcntl},
    sys::{
        memfd::{MFdFlags, memfd_create},
        socket::{ControlMessage, MsgFlags, UnixAddr, sendmsg},
    },
};
use tracing::{
    Event, Level, Subscriber,
    field::{Field, Visit},
};
use tracing_subscriber::layer::{Context, Layer};

/// Where journald listens.
const SOCKET: &str = "/run/systemd/journal/socket";

/// The kinds, and what the catalogue knows them by. Numbers are never used again for something else.
const KINDS: [(&str, &str); 58] = [
    ("started", "3074573f4a4b42b8aebbc6998a88c219"),
    ("config-refused", "a4c50227091241c99f18d41baa4c4788"),
    ("config-waits", "dbb5c0ca2d7041e8900fac6f214fd700"),
    ("listener-closed", "bc533fe07d144620a203077d6eda0bad"),
    ("certificate-kept", "e3425dc4d8994f479b84d77996aa0a28"),
    ("certificate-ends-soon", "603f512c86da4313bcc35d2ad7a575d2"),
    ("certificate-expired", "540a6592051240c59bc73a8bce848e9d"),
    ("panic", "9c028b5018634939b8d7bd6688fbeca5"),
    ("no-progress", "c9bf3fdf1e38449da629850ae9a392b7"),
    ("lines-left-out", "c6c39bb765244bfb856318ebb956ef36"),
    ("lines-lost", "176fa990745347a9aa95b4f9f7cdf27c"),
    ("denied", "9a1b342d8cd141818bde9563219ca9b2"),
    ("not-let-in", "c26cfa05489f44f9bbf01e6211682aec"),
    ("connection-closed", "e46207c07f79440eb14e2260dd4ee8c4"),
    ("banned-refused", "ec144963c13240f284b52b5ef9249013"),
    ("password-banned", "fc466433f45d45a3b72e427e5510b408"),
    ("spray-banned", "9db093cf300c4141a6d69e23472f7fea"),
    ("client-id-fight", "0a2861ebe2704af997dfb3709c03ba03"),
    ("client-banned", "cfb5c96031d24a33b75455da5036e039"),
    ("retained-refused", "87b7464386414f57aff9d22e9204e329"),
    ("sessions-lost", "d8290e98badf4f529eb5e7d7c48f65d1"),
    ("member-up", "740ad03da779409da91ece80d1ddd228"),
    ("member-down", "1577bba509174d3ba69c9bcf1ab6dc45"),
    ("member-joined", "c776a992583d41fda4e6ab807cb18577"),
    ("member-gone", "8468d4c765c749b7933e7583e8494173"),
    ("link-refused", "dc038ccdc20541cfbe0b1bd2cb3bd7d6"),
    ("same-name", "38a7d0352c784cd6b9c3490d9c0736b9"),
    ("new-identity", "70cde8a1420f4e9caa5db5890d0090ee"),
    ("partition-seen", "756254ed31d5473cb6fa286da4cd65ff"),
    ("partition-healed", "1cffdc091b244b408c2ed9903e1df037"),
    ("gap", "ec10014dccc14455be5f31e59e8da5c4"),
    ("forced-out", "d64f36281cec41ceb49e68722dd114a3"),
    ("mesh-closed", "241d3bb25cf74c4d943dbc6b73f5f2b2"),
    ("clock-ahead", "b6a671515b294cd39535b727bfcaa217"),
    ("no-heartbeats", "9b1bf4c301574eeb9ccaaf19eae15898"),
    ("discovery-failed", "76a06b85636845d9b44c02d0bda7c159"),
    ("session-not-taken-over", "3361494fcfad4bedb9ae2a0f39d2f6f7"),
    ("memory-short", "8d53b11cc73d400ba5183b89f4d5134c"),
    ("memory-out", "487b7b56203d4f5694295dd3f5fc6fad"),
    ("queue-shed", "5a0c40258c0440fc89d3614eeaf5dea3"),
    ("queue-full", "08e33699b6e3407f96f4e576ec577e7b"),
    ("routes-full", "fabe13f42e3842fb9151ef6c76ae0c3e"),
    ("disk-low", "e9c81b2d322c47419633632d85ec9abf"),
    ("config-bad", "10e6d7e29db3456aaca5aded88b868f4"),
    ("not-started", "525d621935ed4546ad1e5d38be925d5a"),
    ("listener-certificate-ends-soon", "ce52d708e86e4a879bc80fcf83a775d7"),
    ("listener-certificate-expired", "9665fc1cdb9942e794c4f46cb694bea9"),
    ("auth-server-silent", "340eaa432e614425b7c2ba0f933fe547"),
    ("token-keys-kept", "5bfd1ccc5d914808a38ec1205a1f7440"),
    ("accept-failed", "07023a8674e34ee6bad36fe543007dfe"),
    ("cluster-not-kept", "ac2f56c33650463c89b4828df2fc4ca6"),
    ("clients-lost", "2aeda0a3b6ca4639bda1fa4541f686a6"),
    ("alarm-activated", "7d1c5a0e94e84b6fb0a3c2d9f61e5b48"),
    ("alarm-deactivated", "c05e1f7a3b9d4d26a8f47e90d2b6c31a"),
    ("bridge-connected", "6fe74c57cf504fa89a64b1576a0c3e1e"),
    ("bridge-given-up", "691f778a080b4e8590da0100a4525e94"),
    ("bridge-lost", "03917928e31c4363bb2c9aff2c11f1d5"),
    ("bridge-refused", "6dfe5dd74ec645ebb85a156070413bd0"),
];

/// Those of level `info` that an operator wants to see first.
fn is_notable(kind: &str) -> bool {
    matches!(
        kind,
        "started"
            | "member-up"
            | "member-joined"
            | "member-gone"
            | "partition-healed"
            | "alarm-deactivated"
            | "bridge-connected"
    )
}

/// Lines that journald did not take. Copies share it.
#[derive(Clone, Default)]
pub(super) struct Lost(Arc<Losses>);

#[derive(Default)]
struct Losses {
    lines: AtomicU64,
    /// The last line about them was lost, too.
    untold: AtomicBool,
}

/// The kind of the line about lost ones, which is not counted among them.
const ABOUT_LOST: &str = "lines-lost";

impl Lost {
    /// Lines so far.
    pub(super) fn lines(&self) -> u64 {
        self.0.lines.load(Ordering::Relaxed)
    }

    /// Calls `tell`, which writes the line about them; `false`: journald does not take that either.
    pub(super) fn tell(&self, tell: impl FnOnce()) -> bool {
        self.0.untold.store(false, Ordering::Relaxed);
        tell();
        !self.0.untold.load(Ordering::Relaxed)
    }

    /// A line of this kind was lost.
    fn count(&self, kind: &str) {
        if kind == ABOUT_LOST {
            self.0.untold.store(true, Ordering::Relaxed);
        } else {
            self.0.lines.fetch_add(1, Ordering::Relaxed);
        }
    }
}

/// The journal, as a layer of the log.
pub(super) struct Journal {
    socket: UnixDatagram,
    journald: SocketAddr,
    lost: Lost,
}

impl Journal {
    /// # Errors
    /// There is no journald. One that stands still is one.
    pub(super) fn open(lost: Lost) -> io::Result<Self> {
        Self::open_at(Path::new(SOCKET), lost)
    }

    fn open_at(path: &Path, lost: Lost) -> io::Result<Self> {
        let socket = UnixDatagram::unbound()?;
        socket.set_nonblocking(true)?;
        let journal = Self { socket, journald: SocketAddr::from_pathname(path)?, lost };
        // It leaves out what has no fields.
        match journal.socket.send_to_addr(&[], &journal.journald) {
            Err(error) if error.kind() != io::ErrorKind::WouldBlock => Err(error),
            Ok(_) | Err(_) => Ok(journal),
        }
    }

    fn send(&self, entry: &[u8]) -> io::Result<()> {
        match self.socket.send_to_addr(entry, &self.journald) {
            Err(error) if error.raw_os_error() == Some(Errno::EMSGSIZE as i32) => {
                self.send_large(entry)
            }
            sent => sent.map(drop),
        }
    }

    /// In a file in memory, sealed so that journald may rely on it.
    fn send_large(&self, entry: &[u8]) -> io::Result<()> {
        let flags = MFdFlags::MFD_CLOEXEC | MFdFlags::MFD_ALLOW_SEALING;
        let mut file = File::from(memfd_create(c"emqx-rs-entry", flags)?);
        file.write_all(entry)?;
        let seals = [
            SealFlag::F_SEAL_SHRINK,
            SealFlag::F_SEAL_GROW,
            SealFlag::F_SEAL_WRITE,
            SealFlag::F_SEAL_SEAL,
        ];
        fcntl(&file, FcntlArg::F_ADD_SEALS(seals.into_iter().collect()))?;
        let path = self.journald.as_pathname().unwrap_or(Path::new(SOCKET));
        let (files, to) = ([file.as_raw_fd()], UnixAddr::new(path)?);
        let rights = [ControlMessage::ScmRights(&files)];
        sendmsg(self.socket.as_raw_fd(), &[], &rights, MsgFlags::empty(), Some(&to))?;
        Ok(())
    }
}

impl<S: Subscriber> Layer<S> for Journal {
    fn on_event(&self, event: &Event<'_>, _context: Context<'_, S>) {
        if self.send(&entry(event)).is_err() {
            self.lost.count(event.metadata().name());
        }
    }
}

/// The bytes of an event, as systemd's "Native Journal Protocol" has them.
fn entry(event: &Event<'_>) -> Vec<u8> {
    let of = event.metadata();
    let mut entry = Entry { bytes: Vec::with_capacity(512), ..Entry::default() };
    entry.put("PRIORITY", priority(*of.level(), of.name()));
    entry.put("SYSLOG_IDENTIFIER", "emqx-rs");
    if let Some((_, id)) = KINDS.iter().find(|(kind, _)| *kind == of.name()) {
        entry.put("MESSAGE_ID", id);
    }
    entry.put("TARGET", of.target());
    if let (Some(file), Some(line)) = (of.file(), of.line()) {
        entry.put("CODE_FILE", file);
        entry.put("CODE_LINE", &line.to_string());
    }
    event.record(&mut entry);
    let message = std::mem::take(&mut entry.message);
    entry.put("MESSAGE", &message);
    entry.bytes
}

/// That of syslog(3).
fn priority(level: Level, kind: &str) -> &'static str {
    match level {
        Level::ERROR => "3",
        Level::WARN => "4",
        Level::INFO if is_notable(kind) => "5",
        Level::INFO => "6",
        Level::DEBUG | Level::TRACE => "7",
    }
}

/// Fields one behind the other.
#[derive(Default)]
struct Entry {
    bytes: Vec<u8>,
    /// The words of the event and then its fields, since `journalctl` shows nothing else.
    message: String,
    /// Used again for each value that is to be formatted.
    text: String,
}

/// Of a value with more characters the message has the beginning.
const SHOWN: usize = 400;

/// Appends a field to the message, unless the message has those words already. What clients choose begins no line.
fn show(message: &mut String, name: &str, value: &str) {
    const WORDS: usize = 12;
    if value.len() > WORDS && message.contains(value) {
        return;
    }
    let (begin, more) = match value.char_indices().nth(SHOWN) {
        Some((end, _)) => (value.get(..end).unwrap_or_default(), "..."),
        None => (value, ""),
    };
    let quoted = begin.is_empty() || begin.contains(|c: char| c.is_control() || " \"".contains(c));
    // Writing to a string does not fail.
    let _ = if quoted {
        write!(message, " {name}={begin:?}{more}")
    } else {
        write!(message, " {name}={begin}{more}")
    };
}

impl Entry {
    fn put(&mut self, name: &str, text: &str) {
        self.bytes.extend(name.bytes().map(|byte| match byte {
            b'a'..=b'z' => byte.to_ascii_uppercase(),
            b'A'..=b'Z' | b'0'..=b'9' => byte,
            _ => b'_',
        }));
        if text.contains('\n') {
            self.bytes.push(b'\n');
            self.bytes.extend(u64::try_from(text.len()).unwrap_or(u64::MAX).to_le_bytes());
        } else {
            self.bytes.push(b'=');
        }
        self.bytes.extend(text.bytes());
        self.bytes.push(b'\n');
    }

    fn put_field(&mut self, field: &Field, text: &str) {
        if field.name() == "message" {
            self.message.insert_str(0, text);
        } else {
            show(&mut self.message, field.name(), text);
            // In one piece with the name, which has no place of its own.
            self.bytes.extend(b"EMQX_");
            self.put(field.name(), text);
        }
    }
}

impl Visit for Entry {
    fn record_str(&mut self, field: &Field, text: &str) {
        self.put_field(field, text);
    }

    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        let mut text = std::mem::take(&mut self.text);
        text.clear();
        // Writing to a string does not fail; a value that says it does leaves what it wrote.
        let _ = write!(text, "{value:?}");
        self.put_field(field, &text);
        self.text = text;
    }
}

#[cfg(test)]
mod tests {
    use std::{
        collections::{BTreeMap, BTreeSet},
        fs,
        os::unix::net::UnixDatagram,
    };

    use regex_lite::Regex;
    use tempfile::TempDir;
    use tracing_subscriber::layer::SubscriberExt;

    use super::*;

    /// Stands for journald.
    fn journald() -> (TempDir, UnixDatagram, Journal) {
        let folder = TempDir::new().unwrap();
        let path = folder.path().join("socket");
        let ear = UnixDatagram::bind(&path).unwrap();
        ear.set_nonblocking(true).unwrap();
        let journal = Journal::open_at(&path, Lost::default()).unwrap();
        (folder, ear, journal)
    }

    fn told(journal: Journal, tell: impl FnOnce()) {
        tracing::subscriber::with_default(tracing_subscriber::registry().with(journal), tell);
    }

    #[test]
    fn an_event_becomes_an_entry() {
        let (_folder, ear, journal) = journald();
        told(journal, || {
            tracing::warn!(name: "member-down", node = "a@h", count = 7, reason = %"two\nlines", "node down");
            tracing::info!(name: "started", "started");
            tracing::info!("plain");
        });
        let next = || {
            let mut bytes = [0; 4096];
            let count = ear.recv(&mut bytes).unwrap();
            bytes[..count].to_vec()
        };
        assert!(next().is_empty(), "the question whether somebody is there");
        let entry = next();
        let two = [&b"EMQX_REASON\n\x09\0\0\0\0\0\0\0"[..], b"two\nlines\n"].concat();
        let has = |entry: &[u8], part: &[u8]| entry.windows(part.len()).any(|at| at == part);
        for part in [
            &b"PRIORITY=4\nSYSLOG_IDENTIFIER=emqx-rs\nMESSAGE_ID=1577bba509174d3ba69c9bcf1ab6dc45\n"[..],
            b"\nMESSAGE=node down node=a@h count=7 reason=\"two\\nlines\"\n",
            b"\nEMQX_NODE=a@h\n",
            b"\nEMQX_COUNT=7\n",
            b"\nCODE_FILE=src/daemon/journal.rs\n",
            &two,
        ] {
            assert!(has(&entry, part), "{}", String::from_utf8_lossy(&entry));
        }
        let started = next();
        assert!(started.starts_with(b"PRIORITY=5\n") && has(&started, b"\nMESSAGE=started\n"));
        let plain = next();
        assert!(plain.starts_with(b"PRIORITY=6\n") && !has(&plain, b"MESSAGE_ID"));
    }

    #[test]
    fn a_large_entry_goes_in_a_file() {
        let (_folder, ear, journal) = journald();
        let (lost, text) = (journal.lost.clone(), "x".repeat(4 << 20));
        told(journal, || tracing::error!(text, "large"));
        assert_eq!(lost.lines(), 0);
        assert_eq!(ear.recv(&mut [0; 16]).unwrap(), 0, "the first question");
        assert_eq!(ear.recv(&mut [0; 16]).unwrap(), 0, "a descriptor alone");
    }

    /// One that does not read is no reason to wait, not even for the first word.
    #[test]
    fn what_nobody_takes_is_counted() {
        let (folder, ear, journal) = journald();
        let lost = journal.lost.clone();
        let again = || Journal::open_at(&folder.path().join("socket"), lost.clone()).unwrap();
        told(journal, || {
            while lost.lines() == 0 {
                tracing::info!("a line");
            }
        });
        told(again(), || {
            tracing::info!("one more");
            assert_eq!(lost.lines(), 2);
            let tell = || tracing::warn!(name: "lines-lost", "lost");
            assert!(!lost.tell(tell) && lost.lines() == 2);
            while ear.recv(&mut [0; 4096]).is_ok() {}
            assert!(lost.tell(tell) && lost.lines() == 2);
        });
        assert!(Journal::open_at(Path::new("/nonexistent/socket"), Lost::default()).is_err());
    }

    /// Every call that tells something: its words between the brackets.
    fn calls(dir: &Path, found: &mut Vec<String>) {
        for entry in fs::read_dir(dir).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                calls(&path, found);
            } else if !path.ends_with("daemon/journal.rs") {
                let text = fs::read_to_string(&path).unwrap();
                let begin = Regex::new(r"\b(error|warn|info|debug)!\(").unwrap();
                for at in begin.find_iter(&text) {
                    let (mut depth, mut quoted, mut before) = (1, false, ' ');
                    let words = text[at.end()..].chars().take_while(|char| {
                        match char {
                            '"' if before != '\\' => quoted = !quoted,
                            '(' if !quoted => depth += 1,
                            ')' if !quoted => depth -= 1,
                            _ => {}
                        }
                        before = *char;
                        depth > 0
                    });
                    found.push(words.collect());
                }
            }
        }
    }

    fn all_calls() -> Vec<String> {
        let mut found = Vec::new();
        calls(Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/src")), &mut found);
        assert!(found.len() > 100, "{}", found.len());
        found
    }

    /// The names of the fields of a call.
    fn fields(call: &str) -> BTreeSet<String> {
        let field = Regex::new(r"(?m)(?:^|,)\s*[%?]?([a-z][a-z_]*)\s*(?:=[^=]|,|$)").unwrap();
        let mut names = BTreeSet::new();
        let mut rest = call;
        // One comma ends a field and begins the next.
        while let Some(at) = field.captures(rest) {
            let name = at.get(1).unwrap();
            names.insert(name.as_str().to_owned());
            rest = &rest[name.end()..];
        }
        names
    }

    #[test]
    fn a_thing_has_one_name() {
        // What is not to be used, and for what.
        let others = [
            ("client_id", "clientid"),
            ("client", "clientid"),
            ("addr_peer", "peer"),
            ("peername", "peer"),
            ("err", "error"),
            ("node_name", "node"),
            ("listener_id", "listener"),
        ];
        for call in all_calls() {
            let fields = fields(&call);
            for (other, name) in others {
                assert!(!fields.contains(other), "{other}, not {name}: {call}");
            }
        }
        assert!(fields("client_id = client, %error, \"x\"").contains("client_id"));
        assert!(!fields("clientid = %client_id, \"x\"").contains("client_id"));
    }

    #[test]
    fn every_kind_is_used_and_every_use_is_a_kind() {
        let name = Regex::new(r#"^\s*name: "([a-z-]+)""#).unwrap();
        let used: BTreeSet<_> = all_calls()
            .iter()
            .filter_map(|call| Some(name.captures(call)?.get(1)?.as_str().to_owned()))
            .collect();
        let kinds: BTreeSet<_> = KINDS.iter().map(|(kind, _)| (*kind).to_owned()).collect();
        assert_eq!(used, kinds);
    }

    /// Each entry has a subject, its page, and three paragraphs: what happened, what it means, what to do; the values that it shows are
    /// told wherever the kind is.
    #[test]
    fn the_catalogue_explains_every_kind() {
        let catalogue = include_str!("../../packaging/journal/emqx-rs.catalog");
        let (calls, value) = (all_calls(), Regex::new("@EMQX_([A-Z_]+)@").unwrap());
        let mut entries: BTreeMap<&str, &str> = BTreeMap::new();
        for entry in catalogue.split("\n-- ").skip(1) {
            let (id, text) = entry.split_once('\n').unwrap();
            assert!(id.len() == 32 && id.bytes().all(|byte| byte.is_ascii_hexdigit()), "{id}");
            assert!(entries.insert(id, text).is_none(), "{id} twice");
        }
        for (kind, id) in KINDS {
            let text = entries.remove(id).unwrap_or_else(|| panic!("nothing of {kind}"));
            for call in calls.iter().filter(|call| call.contains(&format!("name: \"{kind}\""))) {
                let fields = fields(call);
                for at in value.captures_iter(text) {
                    let field = at.get(1).unwrap().as_str().to_lowercase();
                    assert!(fields.contains(&field), "{kind} without {field}: {call}");
                }
            }
            let (head, body) = text.split_once("\n\n").unwrap();
            assert!(
                head.starts_with("Subject: ") && head.contains("Documentation: man:"),
                "{kind}"
            );
            assert_eq!(body.trim().split("\n\n").count(), 3, "{kind}");
        }
        assert_eq!(entries.into_keys().collect::<Vec<_>>(), [""; 0], "kinds that are gone");
    }
}
