//! TLS of a listener for clients: TLS 1.2 and 1.3, with or without certificates of clients.

use std::{
    fmt, io,
    sync::{Arc, Mutex, RwLock},
    time::Duration,
};

use rustls::{
    ServerConfig, SupportedProtocolVersion,
    crypto::CryptoProvider,
    server::{NoServerSessionStorage, WebPkiClientVerifier},
    version::{TLS12, TLS13},
};
use tokio::net::TcpStream;
use tokio_rustls::{TlsAcceptor, server::TlsStream};

use super::{
    Files, TlsError, at, certificate,
    expiry::{self, Expiring, Expiry},
    last_words, misfit, provider,
    settings::{BadTls, Role},
    verify::ClientCheck,
    words,
};
use crate::{node::locks, time::Wall};

/// What an operator can say about TLS of a listener (`listener.ssl.*`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// Files and rules.
    pub role: Role,
    /// TLS 1.2 is spoken.
    pub tls12: bool,
    /// TLS 1.3 is spoken.
    pub tls13: bool,
    /// Sessions may be taken up again without a new handshake.
    pub resumes: bool,
    /// A handshake has this long, the wait for its turn with it.
    pub handshake_timeout: Duration,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            role: Role::default(),
            tls12: true,
            tls13: true,
            resumes: true,
            handshake_timeout: Duration::from_secs(15),
        }
    }
}

/// TLS with certificate and key, checked and ready.
#[derive(Clone)]
pub struct Material {
    config: Arc<ServerConfig>,
    /// When the first of its certificates ends.
    ends: Option<Wall>,
}

impl fmt::Debug for Material {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Material").finish_non_exhaustive()
    }
}

impl Material {
    /// Reads and checks the files.
    ///
    /// # Errors
    /// Every file at fault, with the place that names it.
    pub fn load(settings: &Settings) -> Result<Self, Vec<BadTls>> {
        let files = Files::load(&settings.role)?;
        let ends = files.chain.iter().filter_map(|one| certificate::not_after(one)).min();
        let config = server_config(settings, files).map_err(|bad| vec![bad])?;
        Ok(Self { config: Arc::new(config), ends })
    }
}

fn server_config(settings: &Settings, files: Files) -> Result<ServerConfig, BadTls> {
    let role = &settings.role;
    let provider = provider(role);
    let versions = [(settings.tls13, &TLS13), (settings.tls12, &TLS12)];
    let versions: Vec<&SupportedProtocolVersion> =
        versions.into_iter().filter(|(spoken, _)| *spoken).map(|(_, version)| version).collect();
    let builder = ServerConfig::builder_with_provider(provider.clone())
        .with_protocol_versions(&versions)
        .map_err(|error| at(role, error))?;
    let builder = if role.verify {
        builder.with_client_cert_verifier(Arc::new(client_check(role, &files, provider)?))
    } else {
        builder.with_no_client_auth()
    };
    let key = files.key.ok_or_else(|| at(role, "no key"))?;
    let config = builder.with_single_cert(files.chain, key);
    let mut config = config.map_err(|error| at(role, misfit(&error)))?;
    if !settings.resumes {
        config.send_tls13_tickets = 0;
        config.session_storage = Arc::new(NoServerSessionStorage {});
    }
    Ok(config)
}

fn client_check(
    role: &Role,
    files: &Files,
    provider: Arc<CryptoProvider>,
) -> Result<ClientCheck, BadTls> {
    let roots = Arc::new(files.roots.clone());
    let mut check = WebPkiClientVerifier::builder_with_provider(roots, provider);
    if !files.revoked.is_empty() {
        let revoked = files.revoked.iter().cloned();
        check = check.with_crls(revoked).only_check_end_entity_revocation();
    }
    if !role.demand {
        check = check.allow_unauthenticated();
    }
    let chain = check.build().map_err(|error| at(role, error))?;
    Ok(ClientCheck { chain, depth: role.depth })
}

/// The TLS of one listener: what is to be used from now on, or why there is none.
#[derive(Debug)]
pub(in crate::node) struct ListenerTls {
    present: RwLock<Result<Material, String>>,
    /// What was said of the end of a certificate, and when that is.
    said: Mutex<(Option<Wall>, Expiring)>,
}

impl ListenerTls {
    pub(in crate::node) fn new(material: Result<Material, String>) -> Self {
        Self { present: RwLock::new(material), said: Mutex::default() }
    }

    fn ends(&self) -> Option<Wall> {
        locks::read(&self.present).as_ref().ok()?.ends
    }

    /// Days until the first of its certificates ends, rounded down.
    pub(in crate::node) fn days_left(&self, now: Wall) -> Option<u64> {
        self.ends().map(|ends| expiry::days_left(ends, now))
    }

    /// Says in the log that a certificate of this listener ends soon, if it is time to.
    pub(in crate::node) fn tell_end(&self, listener: &str, now: Wall) {
        let Some(ends) = self.ends() else { return };
        let due = {
            let mut said = locks::lock(&self.said);
            if said.0 != Some(ends) {
                *said = (Some(ends), Expiring::default());
            }
            said.1.due(ends, now)
        };
        match due {
            Some(Expiry::Ahead(days)) => {
                tracing::warn!(
                    name: "listener-certificate-ends-soon",
                    listener,
                    days,
                    "the certificate of a listener ends soon; replace it and reload"
                );
            }
            Some(Expiry::Over) => {
                tracing::error!(
                    name: "listener-certificate-expired",
                    listener,
                    "the certificate of a listener has expired: clients that check it stay away"
                );
            }
            None => {}
        }
    }

    /// Why there is none.
    pub(in crate::node) fn missing(&self) -> Option<String> {
        locks::read(&self.present).as_ref().err().cloned()
    }

    /// New files, for connections to come. One that is bad changes nothing but the reason why there is none.
    pub(in crate::node) fn renew(&self, new: Result<Material, String>) {
        let mut present = locks::write(&self.present);
        if new.is_ok() || present.is_err() {
            *present = new;
        }
    }

    /// TLS for whoever connected.
    pub(in crate::node) async fn accept(&self, tcp: TcpStream) -> io::Result<TlsStream<TcpStream>> {
        let material = locks::read(&self.present).clone().map_err(io::Error::other)?;
        let accepting = TlsAcceptor::from(material.config).accept(tcp);
        match accepting.into_fallible().await {
            Ok(tls) => Ok(tls),
            Err((error, tcp)) => {
                if TlsError::within(&error).is_some() {
                    let _ = tokio::time::timeout(super::LINGER, last_words(tcp)).await;
                }
                Err(error)
            }
        }
    }
}

/// What went wrong in a handshake with a client, in words for the log.
pub(in crate::node) fn reason(error: &io::Error) -> String {
    let inner = error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>());
    inner.map_or_else(|| error.to_string(), words::of_client)
}
