//! What an operator can say about TLS between nodes: the files and rules of each end of a connection (ssl_dist.conf).

use std::{fmt, path::PathBuf};

/// A file, and where it was named.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileAt {
    /// The file.
    pub path: PathBuf,
    /// `ssl_dist.conf:3: certfile`, for whoever has to mend it.
    pub origin: String,
}

/// What opens a key; never shown.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Password(zeroize::Zeroizing<Vec<u8>>);

impl Password {
    /// Takes the text.
    #[must_use]
    pub fn new(text: &str) -> Self {
        Self(text.as_bytes().to_vec().into())
    }

    pub(super) fn expose(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Debug for Password {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Password")
    }
}

/// How a node behaves at one end of a connection.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Role {
    /// Its certificate, and those between it and the authority. `None`, in a client: it has none to show.
    pub certificate: Option<FileAt>,
    /// The key of the certificate.
    pub key: Option<FileAt>,
    /// What opens the key, if it is locked.
    pub password: Option<Password>,
    /// Authorities whose certificates are believed.
    pub authorities: Option<FileAt>,
    /// Lists of certificates that were called back.
    pub revoked: Option<FileAt>,
    /// Certificates of the other end are checked (`verify_peer`).
    pub verify: bool,
    /// A client without a certificate is refused; for servers that verify.
    pub demand: bool,
    /// Most certificates between that of the other end and an authority; `None` is as many as the library takes.
    pub depth: Option<usize>,
    /// Names of the TLS 1.3 suites that may be used; empty is all.
    pub suites: Vec<String>,
}

/// TLS between nodes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// When others dial this node.
    pub server: Role,
    /// When this node dials.
    pub client: Role,
    /// A certificate must name the host part of its node's name.
    pub name_check: bool,
}

/// TLS cannot be set up: where to look, and what is wrong there.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub struct BadTls {
    /// Where the file was named.
    pub origin: String,
    /// What is wrong.
    pub what: String,
}

impl fmt::Display for BadTls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.origin, self.what)
    }
}
