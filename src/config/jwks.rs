//! `auth.jwt.jwks`: where the public keys for tokens are.

use std::time::Duration;

use super::{Fault, Folders, auth_http, discovery::server, keys::Place, values::Parsed};
use crate::{
    cluster::settings::TlsFiles,
    node::{access::jwks::Jwks, http::client_config},
};

/// The keys so far.
#[derive(Debug)]
pub struct JwksDraft {
    url: Option<(String, String)>,
    /// `auth.jwt.jwks.refresh_interval`
    pub refresh: Duration,
    /// `auth.jwt.jwks.cacertfile` as written.
    pub authorities: Option<String>,
}

impl Default for JwksDraft {
    fn default() -> Self {
        Self { url: None, refresh: Duration::from_secs(300), authorities: None }
    }
}

impl JwksDraft {
    /// `http://host:port/path` or `https://host:port/path`
    ///
    /// # Errors
    /// Another form.
    pub fn set_url(&mut self, text: &str, place: &Place<'_>) -> Parsed<()> {
        self.url = Some((auth_http::url(text)?, place.origin.to_owned()));
        Ok(())
    }

    /// Where the keys are, if it is set.
    ///
    /// # Errors
    /// A server over TLS without authorities, or a file that proves nothing.
    pub fn finish(self, folders: &Folders) -> Result<Option<Jwks>, Fault> {
        let Some((url, origin)) = self.url else { return Ok(None) };
        let fault = |what: String| Fault::new(&origin, what);
        let (front, path) = auth_http::split(&url);
        let server = server(front, 80).map_err(|bad| fault(bad.0))?;
        let ca = self.authorities.filter(|_| server.tls).map(|text| folders.resolve(&text));
        if server.tls && ca.is_none() {
            let what = "expected auth.jwt.jwks.cacertfile beside a server at https://, such as \
                        auth.jwt.jwks.cacertfile = /etc/ssl/certs/ca-certificates.crt";
            return Err(fault(what.into()));
        }
        let tls = ca.map(|ca| client_config(&TlsFiles { ca, own: None })).transpose();
        let tls = tls.map_err(|what| fault(format!("auth.jwt.jwks.cacertfile: {what}")))?;
        Ok(Some(Jwks { server, path: path.to_owned(), tls, refresh: self.refresh }))
    }
}
