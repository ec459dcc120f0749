//! ssl_dist.conf: the Erlang term that EMQX reads for TLS between nodes, to the settings of both ends.
//!
//! `[{server, [{certfile, "cert.pem"}, ...]}, {client, [...]}].` What has no meaning here gets one info line a file, what is
//! unknown one of its own; every fault is reported with its line.

use std::path::{Path, PathBuf};

use super::erlang_terms::{Section, Term, sections};
use super::secrets::exposed;
use super::{Fault, Note};
use crate::{
    node::tls::settings::{FileAt, Password, Role, Settings},
    sort,
};

/// Options of OTP that change nothing here: TLS 1.3 decides, or we do.
const WITHOUT_MEANING: &[&str] = &[
    "alpn_advertised_protocols",
    "alpn_preferred_protocols",
    "client_renegotiation",
    "customize_hostname_check",
    "dhfile",
    "eccs",
    "hibernate_after",
    "honor_cipher_order",
    "honor_ecc_order",
    "ktls",
    "log_level",
    "nodelay",
    "reuse_session",
    "reuse_sessions",
    "secure_renegotiate",
    "server_name_indication",
    "session_tickets",
    "signature_algs",
    "supported_groups",
];

/// The names of the TLS 1.3 suites, as OpenSSL and OTP write them.
const SUITES: &[&str] =
    &["TLS_AES_256_GCM_SHA384", "TLS_AES_128_GCM_SHA256", "TLS_CHACHA20_POLY1305_SHA256"];

/// Reads the text of the file `from`; `resolve` finds the files that it names.
///
/// # Errors
/// Every fault, each with file and line.
pub fn parse(
    text: &str,
    from: &Path,
    resolve: &dyn Fn(&str) -> PathBuf,
) -> Result<(Settings, Vec<Note>), Vec<Fault>> {
    let mut reader = Reader { from, resolve, faults: Vec::new(), notes: Vec::new() };
    let sections = match sections(text) {
        Ok(sections) => sections,
        Err(bad) => {
            reader.fault(bad.line, bad.what);
            return Err(reader.faults);
        }
    };
    let settings = reader.settings(&sections);
    if reader.faults.is_empty() { Ok((settings, reader.notes)) } else { Err(reader.faults) }
}

struct Reader<'a> {
    from: &'a Path,
    resolve: &'a dyn Fn(&str) -> PathBuf,
    faults: Vec<Fault>,
    notes: Vec<Note>,
}

/// What the options of a section say before they are looked at together.
#[derive(Default)]
struct Draft {
    line: usize,
    role: Role,
    seen: Vec<String>,
    /// Options without meaning.
    idle: Vec<String>,
    /// `fail_if_no_peer_cert`, if it is set.
    demand: Option<bool>,
    /// Where revoked certificates are asked for.
    crl_check: Option<usize>,
}

impl Reader<'_> {
    fn origin(&self, line: usize) -> String {
        format!("{}:{line}", self.from.display())
    }

    fn fault(&mut self, line: usize, what: impl Into<String>) {
        let origin = self.origin(line);
        self.faults.push(Fault::new(origin, what));
    }

    fn warn(&mut self, line: usize, what: &str) {
        let text = format!("{}: {what}", self.origin(line));
        self.notes.push(Note::warning(text));
    }

    fn settings(&mut self, sections: &[Section]) -> Settings {
        let (mut server, mut client) = (None, None);
        let mut idle = Vec::new();
        for section in sections {
            let place = match section.name.as_str() {
                "server" => &mut server,
                "client" => &mut client,
                other => {
                    self.fault(section.line, format!("expected server or client, not {other}"));
                    continue;
                }
            };
            let first = place.is_none();
            let mut draft = self.section(section);
            idle.append(&mut draft.idle);
            *place = Some(draft);
            if !first {
                self.fault(section.line, format!("{} stands twice", section.name));
            }
        }
        if !idle.is_empty() {
            sort::sort(&mut idle);
            idle.dedup();
            let text = format!("{}: no meaning here: {}", self.from.display(), idle.join(", "));
            self.notes.push(Note::info(text));
        }
        // OTP's default lets clients without a certificate in; a file that gives the client one means to see it.
        let shows = client.as_ref().is_none_or(|draft: &Draft| draft.role.certificate.is_some());
        let server = server.map(|draft| self.server(draft, shows)).unwrap_or_else(|| {
            self.fault(1, "expected {server, [...]} in the list");
            Role::default()
        });
        let client = match client {
            Some(draft) => self.client(draft, server.demand),
            None => {
                let text = format!("{}: no client in it: as server", self.from.display());
                self.notes.push(Note::info(text));
                let verify = server.authorities.is_some();
                Role { verify, demand: false, ..server.clone() }
            }
        };
        Settings { server, client, name_check: true }
    }

    fn section(&mut self, section: &Section) -> Draft {
        let role = Role { verify: true, ..Role::default() };
        let mut draft = Draft { line: section.line, role, ..Draft::default() };
        for (line, term) in &section.options {
            let (name, value) = match term {
                Term::Tuple(parts) => match parts.as_slice() {
                    [Term::Atom(name), value] => (name, value),
                    // Not shown: it may be a password.
                    _ => {
                        self.fault(*line, "expected {option, value} in these braces");
                        continue;
                    }
                },
                // `inet6` and the like stand for {inet6, true}.
                Term::Atom(name) => (name, term),
                Term::Text(_) | Term::Number(_) | Term::List(_) => {
                    self.fault(*line, format!("{term}: expected {{option, value}}"));
                    continue;
                }
            };
            if draft.seen.contains(name) {
                self.fault(*line, format!("{name} stands twice"));
            }
            draft.seen.push(name.clone());
            if let Err(expected) = self.option(&mut draft, *line, name, value) {
                let shown =
                    if name == "password" { "******".to_owned() } else { value.to_string() };
                self.fault(*line, format!("{name} = {shown}: expected {expected}"));
            }
        }
        draft
    }

    fn option(
        &mut self,
        draft: &mut Draft,
        line: usize,
        name: &str,
        value: &Term,
    ) -> Result<(), String> {
        let role = &mut draft.role;
        match name {
            "certfile" => role.certificate = Some(self.file(line, name, value)?),
            "keyfile" => role.key = Some(self.file(line, name, value)?),
            "cacertfile" => role.authorities = Some(self.file(line, name, value)?),
            "crlfile" => role.revoked = Some(self.file(line, name, value)?),
            "verify" => role.verify = word(value, &["verify_none", "verify_peer"])? == 1,
            "fail_if_no_peer_cert" => draft.demand = Some(word(value, &["false", "true"])? == 1),
            "depth" => role.depth = Some(depth(value)?),
            "versions" => {
                if versions(value)? {
                    draft.idle.push("versions below 1.3".to_owned());
                }
            }
            "ciphers" => {
                role.suites = suites(value)?;
                if role.suites.is_empty() {
                    draft.idle.push("ciphers without one of TLS 1.3".to_owned());
                }
            }
            "crl_check" => {
                let at = word(value, &["false", "best_effort", "true", "peer"])?;
                draft.crl_check = (at > 1).then_some(line);
            }
            "password" => match value {
                Term::Text(text) => {
                    role.password = Some(Password::new(text));
                    self.notes.extend(exposed(self.from, "the password of a key"));
                }
                Term::Atom(_) | Term::Number(_) | Term::Tuple(_) | Term::List(_) => {
                    return Err("a text in quotes".to_owned());
                }
            },
            "verify_fun" => return Err("nothing: Erlang code cannot run here".to_owned()),
            idle if WITHOUT_MEANING.contains(&idle) => draft.idle.push(idle.to_owned()),
            unknown => {
                let text = format!("{}: {unknown} is unknown and ignored", self.origin(line));
                self.notes.push(Note::info(text));
            }
        }
        Ok(())
    }

    fn file(&self, line: usize, name: &str, value: &Term) -> Result<FileAt, String> {
        match value {
            Term::Text(text) if !text.is_empty() => Ok(FileAt {
                path: (self.resolve)(text),
                origin: format!("{}: {name}", self.origin(line)),
            }),
            Term::Text(_) | Term::Atom(_) | Term::Number(_) | Term::Tuple(_) | Term::List(_) => {
                Err("a path in quotes".to_owned())
            }
        }
    }

    /// What holds at either end.
    fn finished(&mut self, draft: Draft, who: &str) -> Role {
        let Draft { line, mut role, crl_check, .. } = draft;
        if role.key.is_none() {
            role.key.clone_from(&role.certificate);
        } else if role.certificate.is_none() {
            self.fault(line, format!("{who}: keyfile without certfile"));
        }
        if role.verify && role.authorities.is_none() {
            let what = "verify_peer, the default, needs a cacertfile";
            self.fault(line, format!("{who}: {what}"));
        }
        if let Some(line) = crl_check
            && role.revoked.is_none()
        {
            let what = "crl_check: the list itself is needed too: {crlfile, \"path.pem\"}";
            self.fault(line, format!("{who}: {what}"));
        }
        role
    }

    /// `shows`: the client at the other end of the same file has a certificate.
    fn server(&mut self, draft: Draft, shows: bool) -> Role {
        let (line, demand) = (draft.line, draft.demand.unwrap_or(shows));
        let mut role = self.finished(draft, "server");
        role.demand = demand && role.verify;
        if role.certificate.is_none() {
            self.fault(line, "server: expected {certfile, \"path.pem\"}");
        }
        if !role.verify {
            self.warn(line, "server: verify_none: nodes that dial show no certificate, only the cookie proves them");
        } else if !role.demand {
            self.warn(line, "server: no fail_if_no_peer_cert: nodes without a certificate come in with the cookie alone");
        }
        role
    }

    fn client(&mut self, draft: Draft, demanded: bool) -> Role {
        let line = draft.line;
        let role = self.finished(draft, "client");
        if !role.verify {
            self.warn(line, "client: verify_none: the certificates of other nodes are not checked, only the cookie proves them");
        }
        if demanded && role.certificate.is_none() {
            self.warn(line, "client: no certfile: nodes with this file refuse this node");
        }
        role
    }
}

/// Which of these words it is.
fn word(value: &Term, words: &[&str]) -> Result<usize, String> {
    let found = match value {
        Term::Atom(word) => words.iter().position(|known| known == word),
        Term::Text(_) | Term::Number(_) | Term::Tuple(_) | Term::List(_) => None,
    };
    found.ok_or_else(|| words.join(" or "))
}

fn depth(value: &Term) -> Result<usize, String> {
    let depth = match value {
        Term::Number(depth) => usize::try_from(*depth).ok().filter(|depth| *depth <= 255),
        Term::Atom(_) | Term::Text(_) | Term::Tuple(_) | Term::List(_) => None,
    };
    depth.ok_or_else(|| "a number from 0 to 255".to_owned())
}

/// Whether versions other than 1.3 stand in the list; 1.3 must.
fn versions(value: &Term) -> Result<bool, String> {
    let form = || "a list with 'tlsv1.3' in it, the version the mesh speaks".to_owned();
    let Term::List(items) = value else { return Err(form()) };
    let is_new = |item: &Term| matches!(item, Term::Atom(word) if word == "tlsv1.3");
    if !items.iter().any(is_new) {
        return Err(form());
    }
    Ok(!items.iter().all(is_new))
}

/// The TLS 1.3 suites of a list of texts, or of one text with colons or commas.
fn suites(value: &Term) -> Result<Vec<String>, String> {
    let form = || "a list of names in quotes, or one text with colons".to_owned();
    let mut names: Vec<&str> = Vec::new();
    let texts = match value {
        Term::List(items) => items.as_slice(),
        Term::Text(_) => std::slice::from_ref(value),
        Term::Atom(_) | Term::Number(_) | Term::Tuple(_) => return Err(form()),
    };
    for item in texts {
        let Term::Text(text) = item else { return Err(form()) };
        names.extend(text.split([':', ',', ' ']));
    }
    let known = SUITES.iter().filter(|suite| names.contains(suite));
    Ok(known.map(|suite| (*suite).to_owned()).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As EMQX 4.4 ships it.
    const SHIPPED: &str = r#"%% -*- mode: erlang -*-
%%% EMQ X distributed over TLS
[{server,
  [
   {certfile, "etc/certs/cert.pem"},
   {keyfile, "etc/certs/key.pem"},
   {cacertfile, "etc/certs/cacert.pem"},
   {secure_renegotiate, true},
   {verify, verify_none}
  ]},
 {client,
  [
   {secure_renegotiate, true},
   {verify, verify_none}
  ]}].
"#;

    fn read(text: &str) -> Result<(Settings, Vec<String>), Vec<String>> {
        let resolve = |text: &str| Path::new("/r").join(text);
        match parse(text, Path::new("s.conf"), &resolve) {
            Ok((settings, notes)) => {
                let notes = notes
                    .iter()
                    .map(|note| format!("{}{}", if note.warning { "W " } else { "" }, note.text));
                Ok((settings, notes.collect()))
            }
            Err(faults) => Err(faults.iter().map(ToString::to_string).collect()),
        }
    }

    #[track_caller]
    fn fails(text: &str, want: &[&str]) {
        let faults = read(text).unwrap_err();
        assert_eq!(faults.len(), want.len(), "{faults:#?}");
        for (fault, want) in faults.iter().zip(want) {
            assert!(fault.contains(want), "{fault}: not {want}");
        }
    }

    #[test]
    fn the_file_emqx_ships_is_read_and_its_weakness_told() {
        let (settings, notes) = read(SHIPPED).unwrap();
        let server = &settings.server;
        let certificate = server.certificate.as_ref().unwrap();
        assert_eq!(certificate.path, Path::new("/r/etc/certs/cert.pem"));
        assert_eq!(certificate.origin, "s.conf:5: certfile");
        assert_eq!(server.key.as_ref().unwrap().origin, "s.conf:6: keyfile");
        assert_eq!(server.authorities.as_ref().unwrap().path, Path::new("/r/etc/certs/cacert.pem"));
        assert!(!server.verify && !server.demand && !settings.client.verify);
        assert_eq!(settings.client.certificate, None);
        assert_eq!(notes.len(), 3, "{notes:#?}");
        assert_eq!(notes[0], "s.conf: no meaning here: secure_renegotiate");
        assert!(notes[1].starts_with("W s.conf:3: server: verify_none"), "{}", notes[1]);
        assert!(notes[2].starts_with("W s.conf:11: client: verify_none"), "{}", notes[2]);
    }

    #[test]
    fn our_own_file_verifies_both_ends_without_a_word() {
        let (settings, notes) = read(include_str!("../../etc/ssl_dist.conf")).unwrap();
        assert!(settings.server.verify && settings.server.demand && settings.client.verify);
        assert!(settings.client.certificate.is_some() && settings.name_check);
        assert_eq!(notes, [""; 0]);
    }

    #[test]
    fn every_option_is_understood() {
        let text = r#"[{server, [{certfile, "c"}, {cacertfile, "ca"}, {depth, 2}, {password, "x"}, {crl_check, peer},
            {crlfile, "crl"}, {fail_if_no_peer_cert, false}, {versions, ['tlsv1.3', 'tlsv1.2']},
            {ciphers, ["TLS_AES_128_GCM_SHA256", "AES128-SHA"]}, {dhfile, "d"}, {what, ever}, inet6]}]."#;
        let (settings, notes) = read(text).unwrap();
        let server = &settings.server;
        assert_eq!(server.key, server.certificate, "the key stands beside the certificate");
        assert_eq!((server.depth, server.verify, server.demand), (Some(2), true, false));
        assert_eq!(server.revoked.as_ref().unwrap().path, Path::new("/r/crl"));
        assert_eq!(server.suites, ["TLS_AES_128_GCM_SHA256"]);
        assert_eq!(server.password, Some(Password::new("x")));
        assert_eq!(settings.client, *server, "no client: as server");
        let want = [
            "s.conf:3: what is unknown and ignored",
            "s.conf:3: inet6 is unknown and ignored",
            "s.conf: no meaning here: dhfile, versions below 1.3",
            "W s.conf:1: server: no fail_if_no_peer_cert",
            "s.conf: no client in it: as server",
        ];
        assert_eq!(notes.len(), want.len(), "{notes:#?}");
        for (note, want) in notes.iter().zip(want) {
            assert!(note.starts_with(want), "{note}: not {want}");
        }
        let one = r#"[{server, [{certfile, "c"}, {cacertfile, "a"}, {ciphers, "TLS_AES_256_GCM_SHA384:x"}]}]."#;
        assert_eq!(read(one).unwrap().0.server.suites, ["TLS_AES_256_GCM_SHA384"]);
        let old = r#"[{server, [{certfile, "c"}, {cacertfile, "a"}, {ciphers, "AES128-SHA"}]}]."#;
        let (settings, notes) = read(old).unwrap();
        assert!(settings.server.suites.is_empty() && notes[0].contains("without one of TLS 1.3"));
    }

    #[test]
    fn certificates_are_demanded_where_the_client_has_one() {
        const FILES: &str = r#"{certfile, "c"}, {cacertfile, "a"}"#;
        for (server, client, demand, warnings) in [
            ("", FILES, true, 0),
            ("", "{cacertfile, \"a\"}", false, 1),
            (", {fail_if_no_peer_cert, true}", "{cacertfile, \"a\"}", true, 1),
            (", {fail_if_no_peer_cert, false}", FILES, false, 1),
            (", {fail_if_no_peer_cert, true}, {verify, verify_none}", FILES, false, 1),
        ] {
            let text = format!("[{{server, [{FILES}{server}]}}, {{client, [{client}]}}].");
            let (settings, notes) = read(&text).unwrap();
            assert_eq!(settings.server.demand, demand, "{text}");
            let warned = notes.iter().filter(|note| note.starts_with("W ")).count();
            assert_eq!(warned, warnings, "{text}: {notes:#?}");
        }
    }

    #[test]
    fn every_fault_names_file_and_line() {
        fails("[{server, []}", &["s.conf:1: expected"]);
        fails("[].", &["s.conf:1: expected {server"]);
        fails(
            "[{server, []}].",
            &["s.conf:1: server: verify_peer", "s.conf:1: server: expected {cert"],
        );
        fails(
            "[{server, [{certfile, \"c\"}, {cacertfile, \"a\"}]},\n {server, [{certfile, \"c\"}, {cacertfile, \"a\"}]},\n {x, []}].",
            &["s.conf:2: server stands twice", "s.conf:3: expected server or client, not x"],
        );
        let options = "{certfile, c},\n{verify, maybe},\n{fail_if_no_peer_cert, 1},\n{depth, -1},\n{depth, 1},\n\
            {versions, ['tlsv1.2']},\n{ciphers, [x]},\n{password, secret},{password, \"secret\", 1},\n{verify_fun, x},\n{a, b, c},\n7,\n\
            {crl_check, true},\n{keyfile, \"k\"},{cacertfile, \"\"}";
        let faults = read(&format!("[{{server, [{options}]}}].")).unwrap_err();
        let lines = |line: usize| {
            faults.iter().filter(|f| f.starts_with(&format!("s.conf:{line}: "))).count()
        };
        for line in 2..=13 {
            // The password stands twice on its line, once with one value too many.
            assert_eq!(lines(line), if line == 8 { 2 } else { 1 }, "line {line}: {faults:#?}");
        }
        assert!(faults.iter().all(|fault| !fault.contains("secret")), "{faults:#?}");
        fails(
            "[{server, [{certfile, \"c\"}, {cacertfile, \"a\"}]},\n{client, [{keyfile, \"k\"}]}].",
            &["s.conf:2: client: keyfile without", "s.conf:2: client: verify_peer"],
        );
    }
}
