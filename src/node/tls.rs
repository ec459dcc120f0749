//! TLS between nodes: TLS 1.3 with certificates at both ends, under the handshake that proves cookie and identity.
//!
//! [`Material`] is what the files say, whole and checked; [`MeshTls`] holds the present one and opens connections with it. A
//! reload swaps it, and running connections keep what they began with. No tickets, no early data: each link proves itself anew.

pub mod certificate;
mod expiry;
pub mod listener;
pub mod locked_key;
pub mod settings;
#[cfg(test)]
pub(crate) mod tests;
mod verify;
mod words;

use std::{
    fmt, fs, io,
    net::SocketAddr,
    os::unix::fs::MetadataExt,
    path::PathBuf,
    sync::{Arc, RwLock},
    time::Duration,
};

use rustls::{
    ClientConfig, RootCertStore, ServerConfig, SupportedProtocolVersion,
    client::{Resumption, WebPkiServerVerifier, danger::ServerCertVerifier},
    crypto::{CryptoProvider, ring},
    pki_types::{
        CertificateDer, CertificateRevocationListDer, PrivateKeyDer, ServerName, pem::PemObject,
    },
    server::{NoServerSessionStorage, WebPkiClientVerifier, danger::ClientCertVerifier},
    version::{TLS12, TLS13},
};
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt},
    net::TcpStream,
    sync::Notify,
};
use tokio_rustls::{TlsAcceptor, TlsConnector, TlsStream};

use self::{
    expiry::{Expiring, Expiry},
    locked_key::{LockedKey, StillLocked},
    settings::{BadTls, FileAt, Password, Role, Settings},
    verify::{ClientCheck, ServerCheck},
};
use super::{
    locks,
    socket::{Carrier, Socket},
};
use crate::{cluster::NodeName, net::clock::Clock, time::Wall};

/// What is spoken inside.
const ALPN: &[u8] = b"emqx-rs-mesh/1";
/// Longest file that is read.
const FILE_MAX: u64 = 1 << 20;
/// Certificates are looked at this often for their end.
pub(super) const LOOK: Duration = Duration::from_secs(3_600);
/// A refused end has this long to read why.
const LINGER: Duration = Duration::from_millis(500);

/// TLS did not come up: what is wrong, in words for the log.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct TlsError(String);

impl TlsError {
    /// The error of TLS in an error of a socket, if there is one.
    pub(super) fn within(error: &io::Error) -> Option<Self> {
        let inner = error.get_ref()?.downcast_ref::<rustls::Error>()?;
        Some(inner.into())
    }
}

impl From<&rustls::Error> for TlsError {
    fn from(error: &rustls::Error) -> Self {
        Self(words::of(error))
    }
}

/// TLS with certificates, keys and authorities, checked and ready.
pub struct Material {
    server: Arc<ServerConfig>,
    client: Arc<ClientConfig>,
    name_check: bool,
    /// Certificates of this node and those above, with their files; the first is the one that others see when they dial.
    own: Vec<(PathBuf, CertificateDer<'static>)>,
}

impl fmt::Debug for Material {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Material").field("name_check", &self.name_check).finish_non_exhaustive()
    }
}

impl Material {
    /// Reads and checks the files.
    ///
    /// # Errors
    /// Every file at fault, with the place that names it.
    pub fn load(settings: &Settings) -> Result<Self, Vec<BadTls>> {
        let server = Files::load(&settings.server);
        let client = Files::load(&settings.client);
        let (server, client) = match (server, client) {
            (Ok(server), Ok(client)) => (server, client),
            (server, client) => {
                let mut faults = server.err().unwrap_or_default();
                let more = client.err().unwrap_or_default();
                faults.extend(more);
                return Err(faults);
            }
        };
        let mut own: Vec<(PathBuf, CertificateDer<'static>)> = Vec::new();
        for (role, files) in [(&settings.server, &server), (&settings.client, &client)] {
            let path = role.certificate.as_ref().map(|file| file.path.clone()).unwrap_or_default();
            for one in &files.chain {
                if own.iter().all(|(_, known)| known != one) {
                    own.push((path.clone(), one.clone()));
                }
            }
        }
        let name_check = settings.name_check;
        let server = server_config(&settings.server, server).map_err(|bad| vec![bad])?;
        let client =
            client_config(&settings.client, client, name_check).map_err(|bad| vec![bad])?;
        Ok(Self { server: Arc::new(server), client: Arc::new(client), name_check, own })
    }

    /// What other nodes will dislike about the certificate of this one.
    #[must_use]
    pub fn misnamed(&self, name: &NodeName) -> Option<String> {
        let (path, own) = self.own.first().filter(|_| self.name_check)?;
        let error = certificate::check_host(own, name.host()).err()?;
        Some(format!("{}: {error}; other nodes refuse this one", path.display()))
    }
}

/// What the files of a role hold.
struct Files {
    chain: Vec<CertificateDer<'static>>,
    key: Option<PrivateKeyDer<'static>>,
    roots: RootCertStore,
    revoked: Vec<CertificateRevocationListDer<'static>>,
}

impl Files {
    fn load(role: &Role) -> Result<Self, Vec<BadTls>> {
        let mut faults = Vec::new();
        let mut keep = |bad| faults.push(bad);
        let chain = role.certificate.as_ref().map(|file| items(file, "certificate"));
        let chain = chain.transpose().map_err(&mut keep).unwrap_or_default().unwrap_or_default();
        let key = role
            .key
            .as_ref()
            .map(|file| key(file, role.password.as_ref()))
            .transpose()
            .map_err(&mut keep)
            .unwrap_or_default();
        let roots = role.authorities.as_ref().filter(|_| role.verify).map(roots);
        let roots = roots.transpose().map_err(&mut keep).unwrap_or_default();
        let revoked = role.revoked.as_ref().map(|file| items(file, "list of revoked certificates"));
        let revoked = revoked.transpose().map_err(&mut keep).unwrap_or_default();
        if faults.is_empty() {
            let roots = roots.unwrap_or_else(RootCertStore::empty);
            Ok(Self { chain, key, roots, revoked: revoked.unwrap_or_default() })
        } else {
            Err(faults)
        }
    }
}

fn bad(file: &FileAt, what: impl fmt::Display) -> BadTls {
    BadTls { origin: file.origin.clone(), what: format!("{}: {what}", file.path.display()) }
}

fn read(file: &FileAt) -> Result<Vec<u8>, BadTls> {
    let size = fs::metadata(&file.path).map_err(|error| bad(file, error))?.len();
    if size > FILE_MAX {
        return Err(bad(file, format_args!("{size} bytes, limit {FILE_MAX}")));
    }
    fs::read(&file.path).map_err(|error| bad(file, error))
}

/// Everything of one kind in a file; at least one.
fn items<T: PemObject>(file: &FileAt, kind: &str) -> Result<Vec<T>, BadTls> {
    let text = read(file)?;
    let items: Result<Vec<T>, _> = T::pem_slice_iter(&text).collect();
    let items = items.map_err(|error| bad(file, format_args!("no {kind}: {error}")))?;
    if items.is_empty() { Err(bad(file, format_args!("no {kind} in it (PEM)"))) } else { Ok(items) }
}

fn key(file: &FileAt, password: Option<&Password>) -> Result<PrivateKeyDer<'static>, BadTls> {
    let text = zeroize::Zeroizing::new(read(file)?);
    let mode = fs::metadata(&file.path).map_or(0, |meta| meta.mode() & 0o777);
    if mode & 0o004 != 0 {
        let what = "a key that everybody can read is refused; chmod 640 it";
        return Err(bad(file, format_args!("mode {mode:04o}: {what}")));
    }
    if let Some(locked) = LockedKey::find(&text) {
        let password = password.ok_or(StillLocked::NoPassword);
        let opened = locked.and_then(|key| key.open(password?.expose()));
        return opened.map_err(|error| bad(file, error));
    }
    PrivateKeyDer::from_pem_slice(&text).map_err(|error| bad(file, format_args!("no key: {error}")))
}

fn roots(file: &FileAt) -> Result<RootCertStore, BadTls> {
    let mut store = RootCertStore::empty();
    for root in items(file, "certificate")? {
        store.add(root).map_err(|error| bad(file, error))?;
    }
    Ok(store)
}

fn provider(role: &Role) -> Arc<CryptoProvider> {
    let mut provider = ring::default_provider();
    let named = |suite: &rustls::SupportedCipherSuite| {
        // The library writes TLS13_AES_..., OpenSSL and OTP write TLS_AES_...
        let name = format!("{:?}", suite.suite()).replace("TLS13_", "TLS_");
        role.suites.is_empty() || role.suites.contains(&name)
    };
    provider.cipher_suites.retain(named);
    Arc::new(provider)
}

/// What a role is named after when no file is at fault alone.
fn at(role: &Role, what: impl fmt::Display) -> BadTls {
    let file = role.key.as_ref().or(role.authorities.as_ref());
    file.map_or_else(
        || BadTls { origin: "ssl_dist.conf".to_owned(), what: what.to_string() },
        |file| bad(file, &what),
    )
}

fn server_config(role: &Role, files: Files) -> Result<ServerConfig, BadTls> {
    let provider = provider(role);
    let builder = ServerConfig::builder_with_provider(provider.clone())
        .with_protocol_versions(&[&TLS13])
        .map_err(|error| at(role, error))?;
    let builder = if role.verify {
        let chain: Arc<dyn ClientCertVerifier> = {
            let mut check =
                WebPkiClientVerifier::builder_with_provider(files.roots.into(), provider);
            if !files.revoked.is_empty() {
                check = check.with_crls(files.revoked).only_check_end_entity_revocation();
            }
            if !role.demand {
                check = check.allow_unauthenticated();
            }
            check.build().map_err(|error| at(role, error))?
        };
        builder.with_client_cert_verifier(Arc::new(ClientCheck { chain, depth: role.depth }))
    } else {
        builder.with_no_client_auth()
    };
    let key = files.key.ok_or_else(|| at(role, "no key"))?;
    let config = builder.with_single_cert(files.chain, key);
    let mut config = config.map_err(|error| at(role, misfit(&error)))?;
    config.alpn_protocols = vec![ALPN.to_vec()];
    config.send_tls13_tickets = 0;
    config.session_storage = Arc::new(NoServerSessionStorage {});
    Ok(config)
}

fn client_config(role: &Role, files: Files, name_check: bool) -> Result<ClientConfig, BadTls> {
    let mut config = any_client(role, files, Some(name_check), &[&TLS13])?;
    config.alpn_protocols = vec![ALPN.to_vec()];
    Ok(config)
}

/// How this node behaves as a client of a server that is none of its cluster. Reads the files.
///
/// # Errors
/// Every file at fault, with the place that names it.
pub fn foreign_client(
    role: &Role,
    (tls12, tls13): (bool, bool),
) -> Result<ClientConfig, Vec<BadTls>> {
    let versions = [(tls13, &TLS13), (tls12, &TLS12)];
    let versions: Vec<&SupportedProtocolVersion> =
        versions.into_iter().filter(|(spoken, _)| *spoken).map(|(_, version)| version).collect();
    any_client(role, Files::load(role)?, None, &versions).map_err(|bad| vec![bad])
}

/// `name_check`: whether a certificate must name its node; `None`: it names the server as all clients of TLS want it.
fn any_client(
    role: &Role,
    files: Files,
    name_check: Option<bool>,
    versions: &[&'static SupportedProtocolVersion],
) -> Result<ClientConfig, BadTls> {
    let provider = provider(role);
    let algorithms = provider.signature_verification_algorithms;
    let chain = if role.verify {
        let mut check =
            WebPkiServerVerifier::builder_with_provider(files.roots.into(), provider.clone());
        if !files.revoked.is_empty() {
            check = check.with_crls(files.revoked).only_check_end_entity_revocation();
        }
        Some(check.build().map_err(|error| at(role, error))?)
    } else {
        None
    };
    let check: Arc<dyn ServerCertVerifier> = match (chain, name_check) {
        (Some(chain), None) => chain,
        (chain, check) => {
            let (depth, name_check) = (role.depth, check.unwrap_or_default());
            Arc::new(ServerCheck { chain, depth, name_check, algorithms })
        }
    };
    let builder = ClientConfig::builder_with_provider(provider)
        .with_protocol_versions(versions)
        .map_err(|error| at(role, error))?
        .dangerous()
        .with_custom_certificate_verifier(check);
    let mut config = match files.key {
        Some(key) => builder
            .with_client_auth_cert(files.chain, key)
            .map_err(|error| at(role, misfit(&error)))?,
        None => builder.with_no_client_auth(),
    };
    config.resumption = Resumption::disabled();
    Ok(config)
}

fn misfit(error: &rustls::Error) -> String {
    if let rustls::Error::InconsistentKeys(_) = error {
        return "the key does not fit the certificate".to_owned();
    }
    error.to_string()
}

/// The TLS of the mesh: what is to be used from now on.
#[derive(Debug)]
pub struct MeshTls {
    present: RwLock<Arc<Material>>,
    renewed: Notify,
}

impl MeshTls {
    /// Begins with this.
    #[must_use]
    pub fn new(material: Arc<Material>) -> Self {
        Self { present: RwLock::new(material), renewed: Notify::new() }
    }

    /// New files, for connections to come.
    pub fn renew(&self, material: Arc<Material>) {
        *locks::write(&self.present) = material;
        tracing::info!("certificates for other nodes read again");
        self.renewed.notify_one();
    }

    fn material(&self) -> Arc<Material> {
        locks::read(&self.present).clone()
    }

    /// TLS to `target` over a connection to `addr`.
    pub(super) async fn connect(
        &self,
        tcp: TcpStream,
        addr: SocketAddr,
        target: &NodeName,
    ) -> io::Result<Socket> {
        let host = target.ip().map(|ip| ServerName::IpAddress(ip.into()));
        let named = || ServerName::try_from(target.host().to_owned()).ok();
        let host = host.or_else(named).unwrap_or(ServerName::IpAddress(addr.ip().into()));
        let connector = TlsConnector::from(self.material().client.clone());
        let tls = connector.connect(host, Carrier::new(tcp)).await?;
        speaks_mesh(tls.get_ref().1.alpn_protocol())?;
        Ok(TlsStream::Client(tls).into())
    }

    /// TLS for whoever dialled.
    pub(super) async fn accept(&self, tcp: TcpStream) -> io::Result<Socket> {
        let acceptor = TlsAcceptor::from(self.material().server.clone());
        match acceptor.accept(Carrier::new(tcp)).into_fallible().await {
            Ok(tls) => {
                speaks_mesh(tls.get_ref().1.alpn_protocol())?;
                Ok(TlsStream::Server(tls).into())
            }
            Err((error, carrier)) => {
                if TlsError::within(&error).is_some() {
                    let _ = tokio::time::timeout(LINGER, last_words(carrier)).await;
                }
                Err(error)
            }
        }
    }

    /// Whether the certificate that a node showed names its host.
    ///
    /// # Errors
    /// It names others.
    pub(super) fn check_name(&self, socket: &Socket, name: &NodeName) -> Result<(), TlsError> {
        let material = self.material();
        let Some(shown) = socket.certificate().filter(|_| material.name_check) else {
            return Ok(());
        };
        certificate::check_host(shown, name.host()).map_err(|other| TlsError(other.to_string()))
    }

    /// Days until the first of the certificates ends, rounded down.
    pub(super) fn days_left(&self, now: Wall) -> Option<u64> {
        let material = self.material();
        let ends = material.own.iter().filter_map(|(_, one)| certificate::not_after(one));
        ends.map(|end| expiry::days_left(end, now)).min()
    }

    /// Says in the log when a certificate of this node ends soon.
    pub(super) async fn watch_expiry(self: Arc<Self>, clock: Clock) {
        loop {
            let material = self.material();
            let mut said = vec![Expiring::default(); material.own.len()];
            loop {
                tell(&material.own, &mut said, clock.wall());
                tokio::select! {
                    () = self.renewed.notified() => break,
                    () = tokio::time::sleep(LOOK) => {}
                }
            }
        }
    }
}

fn tell(own: &[(PathBuf, CertificateDer<'static>)], said: &mut [Expiring], now: Wall) {
    for ((path, one), said) in own.iter().zip(said) {
        let Some(due) = certificate::not_after(one).and_then(|end| said.due(end, now)) else {
            continue;
        };
        let file = path.display();
        match due {
            Expiry::Ahead(days) => {
                tracing::warn!(name: "certificate-ends-soon", %file, days, "a certificate of this node ends soon; replace it and reload");
            }
            Expiry::Over => {
                tracing::error!(name: "certificate-expired", %file, "a certificate of this node has expired: links that stand stay, new ones fail");
            }
        }
    }
}

/// A stranger may know TLS and nothing of the mesh.
fn speaks_mesh(alpn: Option<&[u8]>) -> io::Result<()> {
    if alpn == Some(ALPN) {
        return Ok(());
    }
    let error = rustls::Error::General("the other end is no node (ALPN emqx-rs-mesh/1)".to_owned());
    Err(io::Error::new(io::ErrorKind::InvalidData, error))
}

/// Closing with bytes unread would reset the connection, and the alert that says why could be lost.
async fn last_words(mut carrier: impl AsyncRead + AsyncWrite + Unpin) -> io::Result<()> {
    carrier.shutdown().await?;
    let mut chunk = [0; 1024];
    for _ in 0..64 {
        if carrier.read(&mut chunk).await? == 0 {
            break;
        }
    }
    Ok(())
}
