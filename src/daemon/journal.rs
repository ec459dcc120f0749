//! What goes to journald: the fields of an event by name (`EMQX_NODE`, `EMQX_CLIENTID`, ...), and for kinds that the catalogue
//! explains (`journalctl -x`, packaging/journal) their `MESSAGE_ID`.
//!
//! An event says of which kind it is by its name: `tracing::warn!(name: "member-down", ...)`. The library gives a field of its own
//! to a whole layer only, so each kind has one, with a socket. The sockets do not block: while journald stands still lines
//! are lost and counted ([`Lost`]), and no client waits.

use std::{
    collections::BTreeMap,
    fs, io,
    os::fd::RawFd,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
};

use nix::errno::Errno;
use tracing::{Event, Subscriber};
use tracing_journald::{Priority, PriorityMappings};
use tracing_subscriber::{
    layer::{Context, Layer},
    registry::LookupSpan,
};

use crate::net::sys;

/// The kinds, and what the catalogue knows them by. Numbers are never used again for something else.
const KINDS: [(&str, &str); 45] = [
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
    ("alarm-activated", "7d1c5a0e94e84b6fb0a3c2d9f61e5b48"),
    ("alarm-deactivated", "c05e1f7a3b9d4d26a8f47e90d2b6c31a"),
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

    /// Sends a line of this kind. The library keeps to itself what the kernel says to that; it stands in `errno` afterwards.
    fn watch(&self, kind: &str, send: impl FnOnce()) {
        Errno::clear();
        send();
        let lost = [
            Errno::EAGAIN,
            Errno::ENOBUFS,
            Errno::ENOMEM,
            Errno::ECONNREFUSED,
            Errno::ENOENT,
            Errno::EMFILE,
            Errno::ENFILE,
        ];
        if !lost.contains(&Errno::last()) {
            return;
        }
        if kind == ABOUT_LOST {
            self.0.untold.store(true, Ordering::Relaxed);
        } else {
            self.0.lines.fetch_add(1, Ordering::Relaxed);
        }
    }
}

/// The journal, as a layer of the log.
pub(super) struct Journal {
    plain: tracing_journald::Layer,
    by_kind: BTreeMap<&'static str, tracing_journald::Layer>,
    lost: Lost,
}

impl Journal {
    /// To be called before the process has a second thread.
    ///
    /// # Errors
    /// There is no journald.
    pub(super) fn open(lost: Lost) -> io::Result<Self> {
        let before = descriptors()?;
        // The listing was in itself: its number is free again and must not be the first socket's.
        let filled = fs::File::open("/dev/null")?;
        let plain = layer(Priority::Informational)?;
        let by_kind = KINDS.iter().map(|(kind, id)| {
            let info = if is_notable(kind) { Priority::Notice } else { Priority::Informational };
            Ok((*kind, layer(info)?.with_custom_fields([("MESSAGE_ID", id)])))
        });
        let journal = Self { plain, by_kind: by_kind.collect::<io::Result<_>>()?, lost };
        for socket in descriptors()?.into_iter().filter(|socket| !before.contains(socket)) {
            // The listing was in this one too, and is not open any more.
            let _ = sys::set_nonblocking(socket);
        }
        drop(filled);
        Ok(journal)
    }
}

fn layer(info: Priority) -> io::Result<tracing_journald::Layer> {
    let priorities = PriorityMappings {
        error: Priority::Error,
        warn: Priority::Warning,
        info,
        debug: Priority::Debug,
        trace: Priority::Debug,
    };
    Ok(tracing_journald::layer()?
        .with_priority_mappings(priorities)
        .with_field_prefix(Some("EMQX".into()))
        .with_syslog_identifier("emqx-rs".into()))
}

/// The numbers of all descriptors of this process.
fn descriptors() -> io::Result<Vec<RawFd>> {
    let names = fs::read_dir("/proc/self/fd")?.map(|entry| Ok(entry?.file_name()));
    let names = names.collect::<io::Result<Vec<_>>>()?;
    Ok(names.iter().filter_map(|name| name.to_str()?.parse().ok()).collect())
}

impl<S: Subscriber + for<'a> LookupSpan<'a>> Layer<S> for Journal {
    fn on_event(&self, event: &Event<'_>, context: Context<'_, S>) {
        let kind = event.metadata().name();
        let layer = self.by_kind.get(kind).unwrap_or(&self.plain);
        self.lost.watch(kind, || layer.on_event(event, context));
    }
}

#[cfg(test)]
mod tests {
    use std::{collections::BTreeSet, os::unix::net::UnixDatagram, path::Path};

    use super::*;

    /// Kinds that the sources name, with the fields beside each.
    fn named(dir: &Path, found: &mut BTreeSet<String>) {
        for entry in fs::read_dir(dir).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                named(&path, found);
            } else if !path.ends_with("journal.rs") {
                let text = fs::read_to_string(&path).unwrap();
                let mut rest = text.as_str();
                while let Some((_, behind)) = rest.split_once("name: \"") {
                    let (name, behind) = behind.split_once('"').unwrap();
                    let before = &rest[..rest.len() - behind.len() - name.len() - 1];
                    if before.trim_end_matches("name: \"").trim_end().ends_with("!(") {
                        found.insert(name.to_owned());
                    }
                    rest = behind;
                }
            }
        }
    }

    #[test]
    fn what_nobody_takes_is_counted() {
        let (ours, frozen) = UnixDatagram::pair().unwrap();
        ours.set_nonblocking(true).unwrap();
        let lost = Lost::default();
        // The caller of `send` looks at nothing, as the library does.
        let send = |kind| lost.watch(kind, || drop(ours.send(&[0; 4096])));
        let mut sent = 0;
        while lost.lines() == 0 {
            send("member-up");
            sent += 1;
        }
        assert!(sent > 1, "what is taken is not lost");
        send("member-up");
        assert_eq!(lost.lines(), 2);
        assert!(!lost.tell(|| send(ABOUT_LOST)) && lost.lines() == 2);
        frozen.recv(&mut [0; 4096]).unwrap();
        frozen.recv(&mut [0; 4096]).unwrap();
        assert!(lost.tell(|| send(ABOUT_LOST)) && lost.lines() == 2);
    }

    #[test]
    fn every_kind_is_used_and_every_use_is_a_kind() {
        let mut used = BTreeSet::new();
        named(Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/src")), &mut used);
        let kinds: BTreeSet<_> = KINDS.iter().map(|(kind, _)| (*kind).to_owned()).collect();
        assert_eq!(used, kinds);
    }

    /// Each entry has a subject, its page, and three paragraphs: what happened, what it means, what to do.
    #[test]
    fn the_catalogue_explains_every_kind() {
        let catalogue = include_str!("../../packaging/journal/emqx-rs.catalog");
        let mut entries: BTreeMap<&str, &str> = BTreeMap::new();
        for entry in catalogue.split("\n-- ").skip(1) {
            let (id, text) = entry.split_once('\n').unwrap();
            assert!(id.len() == 32 && id.bytes().all(|byte| byte.is_ascii_hexdigit()), "{id}");
            assert!(entries.insert(id, text).is_none(), "{id} twice");
        }
        for (kind, id) in KINDS {
            let text = entries.remove(id).unwrap_or_else(|| panic!("nothing of {kind}"));
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
