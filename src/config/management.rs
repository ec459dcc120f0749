//! `management.*`: where the HTTP API listens and who may use it, collected key by key.

use std::{
    collections::BTreeMap,
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
    path::Path,
};

use super::{
    Fault, Folders, Note,
    keys::Place,
    listeners::{ListenerDraft, material, resolved},
    paths::read,
    secrets::exposed,
    values::{Parsed, bind, word},
};
use crate::node::{
    listener::settings::{Bind, Listener, ListenerKind, Tls},
    rest::{apps::SecretHash, settings::Settings},
};

/// The secret that EMQX ships, which opens nothing here.
const PUBLISHED: &str = "public";
/// Whose it is, where nothing else is said.
const ADMIN: &str = "admin";

/// The keys so far.
#[derive(Debug)]
pub struct ManagementDraft {
    http: EndpointDraft,
    https: EndpointDraft,
    /// `management.default_application.id`
    pub app_id: Option<String>,
    /// `management.default_application.secret`, hashed, or where it stands that it is the published one.
    app_secret: Option<Result<SecretHash, String>>,
    /// `management.bootstrap_apps_file` as written, and its origin.
    pub bootstrap: Option<(String, String)>,
    /// `management.max_row_limit`
    pub max_rows: usize,
}

/// One listener.
#[derive(Debug)]
pub struct EndpointDraft {
    /// Address and options.
    pub listener: ListenerDraft,
    /// A port alone is on the loopback address of IPv6.
    pub inet6: bool,
}

impl Default for ManagementDraft {
    fn default() -> Self {
        Self {
            http: EndpointDraft::new(ListenerKind::Tcp, "http"),
            https: EndpointDraft::new(ListenerKind::Ssl, "https"),
            app_id: None,
            app_secret: None,
            bootstrap: None,
            max_rows: 10_000,
        }
    }
}

impl EndpointDraft {
    fn new(kind: ListenerKind, name: &str) -> Self {
        let mut listener = ListenerDraft::new(kind, name);
        listener.settings.max_connections = 512;
        listener.settings.backlog = 512;
        listener.settings.send_timeout = std::time::Duration::from_secs(15);
        Self { listener, inet6: false }
    }

    /// `8081` is on this host alone, `0.0.0.0:8081` or `*:8081` on all its addresses.
    ///
    /// # Errors
    /// Another form.
    pub fn set_bind(&mut self, text: &str) -> Parsed<()> {
        let all = text.starts_with("*:");
        self.listener.bind = Some(match bind(text)? {
            Bind::Port(port) if all => Bind::Address((Ipv6Addr::UNSPECIFIED, port).into()),
            other @ (Bind::Port(_) | Bind::Address(_) | Bind::Path(_)) => other,
        });
        Ok(())
    }

    fn finish(self, folders: &Folders) -> Option<Listener> {
        let ListenerDraft { bind, mut settings, tls, .. } = self.listener;
        let loopback: IpAddr =
            if self.inet6 { Ipv6Addr::LOCALHOST.into() } else { Ipv4Addr::LOCALHOST.into() };
        settings.bind = match bind? {
            Bind::Port(port) => Bind::Address((loopback, port).into()),
            other @ (Bind::Address(_) | Bind::Path(_)) => other,
        };
        if settings.kind.is_tls() {
            let tls = resolved(tls, folders);
            let material = material("management.listener.https", &tls);
            settings.tls = Some(Tls { material, settings: tls });
        }
        Some(settings)
    }
}

impl ManagementDraft {
    /// `management.listener.http`
    pub fn http(&mut self) -> &mut EndpointDraft {
        &mut self.http
    }

    /// `management.listener.https`
    pub fn https(&mut self) -> &mut EndpointDraft {
        &mut self.https
    }

    /// The listener that a key names: `http` or `https`.
    ///
    /// # Errors
    /// Another word.
    pub fn endpoint(&mut self, place: &Place<'_>) -> Parsed<&mut EndpointDraft> {
        Ok(match word(place.name(), &["http", "https"])? {
            0 => &mut self.http,
            _ => &mut self.https,
        })
    }

    /// The secret of the application of the configuration.
    ///
    /// # Errors
    /// An empty one.
    pub fn set_secret(&mut self, text: &str, origin: &str) -> Parsed<()> {
        if text.is_empty() {
            return Err("a secret".into());
        }
        let published = text == PUBLISHED;
        let hash = || SecretHash::of(text.as_bytes());
        self.app_secret = Some(if published { Err(origin.to_owned()) } else { Ok(hash()) });
        Ok(())
    }

    /// The settings. A file of applications that is none is a fault, the secret that EMQX publishes a warning.
    #[must_use]
    pub fn finish(
        self,
        folders: &Folders,
        notes: &mut Vec<Note>,
        faults: &mut Vec<Fault>,
    ) -> Settings {
        let mut apps = BTreeMap::new();
        let key = "management.default_application";
        match (self.app_id, self.app_secret) {
            (_, Some(Err(origin))) => notes.push(Note::warning(format!(
                "{origin}: {key}.secret is the one EMQX publishes and counts as not set"
            ))),
            (id, Some(Ok(hash))) => {
                let _ = apps.insert(id.unwrap_or_else(|| ADMIN.to_owned()), hash);
            }
            (Some(id), None) => notes.push(Note::warning(format!(
                "{key}.id = {id}: there is no {key}.secret, and so no such application"
            ))),
            (None, None) => {}
        }
        if let Some((text, origin)) = self.bootstrap {
            let path = folders.resolve(&text);
            match read(&path) {
                Ok(bytes) => {
                    notes.extend(exposed(&path, "secrets of applications"));
                    of_file(&path, &String::from_utf8_lossy(&bytes), &mut apps, faults);
                }
                Err(error) => {
                    let what = format!(
                        "management.bootstrap_apps_file = {text}: {} cannot be read: {error}",
                        path.display()
                    );
                    faults.push(Fault::new(origin, what));
                }
            }
        }
        let endpoints = [self.http, self.https].into_iter();
        let listeners: Vec<Listener> = endpoints.filter_map(|one| one.finish(folders)).collect();
        if let Some(plain) =
            listeners.iter().find(|one| one.tls.is_none() && !one.bind.is_loopback())
        {
            notes.push(Note::warning(format!(
                "management.listener.http = {}: secrets of applications go over the network in clear; \
                 management.listener.https hides them",
                plain.bind
            )));
        }
        Settings { listeners, apps, max_rows: self.max_rows }
    }
}

/// Lines `id:secret`; empty ones and those that begin with `#` are none.
fn of_file(
    path: &Path,
    text: &str,
    apps: &mut BTreeMap<String, SecretHash>,
    faults: &mut Vec<Fault>,
) {
    for (at, line) in text.lines().enumerate() {
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        match line.split_once(':') {
            Some((id, secret)) if !id.is_empty() && !secret.is_empty() && secret != PUBLISHED => {
                apps.insert(id.to_owned(), SecretHash::of(secret.as_bytes()));
            }
            _ => {
                let place = format!("{}:{}", path.display(), at + 1);
                let what = "expected id:secret, and another secret than the one EMQX publishes";
                faults.push(Fault::new(place, what));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_of_a_file_are_ids_and_secrets() {
        let read = |text: &str| {
            let (mut apps, mut faults) = (BTreeMap::new(), Vec::new());
            of_file(Path::new("apps"), text, &mut apps, &mut faults);
            let faults: Vec<_> = faults.iter().map(ToString::to_string).collect();
            (apps.into_iter().collect::<Vec<_>>(), faults)
        };
        let (apps, faults) = read("# mine\na:b:c\r\n\n b:x \n");
        assert!(faults.is_empty(), "{faults:?}");
        let hash = |text: &str| SecretHash::of(text.as_bytes());
        assert!(apps == [("a".to_owned(), hash("b:c")), ("b".to_owned(), hash("x"))]);
        for bad in ["alone", "a:", ":b", "admin:public"] {
            let (apps, faults) = read(bad);
            assert!(apps.is_empty() && faults.len() == 1, "{bad}");
            assert!(faults[0].starts_with("apps:1: expected id:secret"), "{faults:?}");
        }
    }
}
