//! `auth.http.*`: what is asked of an HTTP server about clients, collected key by key.

use std::{path::PathBuf, time::Duration};

use super::{
    Fault, Folders,
    discovery::server,
    keys::Place,
    values::{Expected, Parsed, word},
};
use crate::{
    cluster::settings::TlsFiles,
    node::{
        access::auth_http::{AuthHttp, FILLED, FILLED_ACL, HttpMethod, HttpRequest},
        http::client_config,
    },
};

/// The keys so far.
#[derive(Debug)]
pub struct AuthHttpDraft {
    auth: RequestDraft,
    superuser: RequestDraft,
    acl: RequestDraft,
    /// `auth.http.timeout`
    pub timeout: Duration,
    /// `auth.http.connect_timeout`
    pub connect_timeout: Duration,
    /// `auth.http.pool_size`
    pub pool_size: usize,
    /// `auth.http.ssl.cacertfile`, `certfile` and `keyfile` as written.
    pub files: [Option<String>; 3],
}

/// One request.
#[derive(Debug, Default)]
pub struct RequestDraft {
    url: Option<(String, String)>,
    method: HttpMethod,
    headers: Vec<(String, String)>,
    params: Vec<(String, String)>,
}

impl Default for AuthHttpDraft {
    fn default() -> Self {
        Self {
            auth: RequestDraft::default(),
            superuser: RequestDraft::default(),
            acl: RequestDraft::default(),
            timeout: Duration::from_secs(5),
            connect_timeout: Duration::from_secs(5),
            pool_size: 32,
            files: Default::default(),
        }
    }
}

impl AuthHttpDraft {
    /// The request a key names.
    pub fn request(&mut self, place: &Place<'_>) -> &mut RequestDraft {
        match place.key.split('.').nth(2) {
            Some("super_req") => &mut self.superuser,
            Some("acl_req") => &mut self.acl,
            _ => &mut self.auth,
        }
    }

    /// What is asked, if anything is.
    ///
    /// # Errors
    /// A key that lacks another, or files that prove nothing.
    pub fn finish(self, folders: &Folders) -> Result<Option<AuthHttp>, Fault> {
        let (auth, superuser) = (self.auth.finish()?, self.superuser.finish()?);
        let acl = self.acl.finish()?;
        if let (None, Some((_, origin))) = (&auth, &superuser) {
            return Err(Fault::new(origin, "expected auth.http.auth_req.url beside it"));
        }
        let Some((_, origin)) = auth.as_ref().or(acl.as_ref()).cloned() else { return Ok(None) };
        let request = |with_origin: Option<(HttpRequest, String)>| with_origin.map(|(one, _)| one);
        let (auth, superuser, acl) = (request(auth), request(superuser), request(acl));
        let over_tls = [&auth, &superuser, &acl].into_iter().flatten().any(|one| one.server.tls);
        let path = |text: &Option<String>| text.as_ref().map(|text| folders.resolve(text));
        let [ca, certificate, key] = &self.files;
        let tls = if over_tls { Some((path(ca), path(certificate), path(key))) } else { None };
        let tls = tls.map(|files| tls_files(files, &origin)).transpose()?;
        let tls = tls.map(|files| client_config(&files)).transpose();
        let tls = tls.map_err(|what| Fault::new(&origin, format!("auth.http.ssl.*: {what}")))?;
        let mut http = AuthHttp::new(self.pool_size, self.timeout, self.connect_timeout, tls);
        (http.auth, http.superuser, http.acl) = (auth, superuser, acl);
        Ok(Some(http))
    }
}

type Files = (Option<PathBuf>, Option<PathBuf>, Option<PathBuf>);

fn tls_files((ca, certificate, key): Files, origin: &str) -> Result<TlsFiles, Fault> {
    let ca = ca.ok_or_else(|| {
        let what = "expected auth.http.ssl.cacertfile beside a server at https://, such as \
                    auth.http.ssl.cacertfile = /etc/ssl/certs/ca-certificates.crt";
        Fault::new(origin, what)
    })?;
    match (certificate, key) {
        (Some(certificate), Some(key)) => Ok(TlsFiles { ca, own: Some((certificate, key)) }),
        (None, None) => Ok(TlsFiles { ca, own: None }),
        _ => {
            let what = "expected both auth.http.ssl.certfile and auth.http.ssl.keyfile, or none";
            Err(Fault::new(origin, what))
        }
    }
}

impl RequestDraft {
    /// The URL.
    ///
    /// # Errors
    /// Another form.
    pub fn set_url(&mut self, text: &str, place: &Place<'_>) -> Parsed<()> {
        self.url = Some((url(text)?, place.origin.to_owned()));
        Ok(())
    }

    /// `get`, `post` or `put`.
    ///
    /// # Errors
    /// Another word.
    pub fn set_method(&mut self, text: &str) -> Parsed<()> {
        self.method = match word(text, &["get", "post", "put"])? {
            0 => HttpMethod::Get,
            1 => HttpMethod::Post,
            _ => HttpMethod::Put,
        };
        Ok(())
    }

    /// A header.
    ///
    /// # Errors
    /// A name or text that no header has.
    pub fn set_header(&mut self, name: &str, text: &str) -> Parsed<()> {
        let good = hyper::header::HeaderName::from_bytes(name.as_bytes()).is_ok()
            && hyper::header::HeaderValue::from_str(text).is_ok();
        if !good {
            return Err("a header of HTTP".into());
        }
        self.headers.push((name.to_owned(), text.to_owned()));
        Ok(())
    }

    /// `clientid=%c,username=%u,password=%P`
    ///
    /// # Errors
    /// Another form, or an unknown placeholder.
    pub fn set_params(&mut self, text: &str, place: &Place<'_>) -> Parsed<()> {
        let more = if place.key.contains(".acl_req.") { FILLED_ACL } else { "" };
        let bad = || Expected("pairs such as clientid=%c,username=%u,password=%P,ip=%a".into());
        let pairs = text.split(',').map(str::trim).filter(|pair| !pair.is_empty());
        self.params = pairs
            .map(|pair| {
                let (name, value) = pair.split_once('=').ok_or_else(bad)?;
                let mut words = value.split('%').skip(1);
                let known = words.all(|word| {
                    word.starts_with(|letter| FILLED.contains(letter) || more.contains(letter))
                });
                if !known {
                    let letters: Vec<String> = FILLED
                        .chars()
                        .chain(more.chars())
                        .map(|letter| format!("%{letter}"))
                        .collect();
                    return Err(Expected(format!("{} in the value of {name}", letters.join(", "))));
                }
                Ok((name.trim().to_owned(), value.trim().to_owned()))
            })
            .collect::<Parsed<_>>()?;
        Ok(())
    }

    /// The request and where its URL stands.
    fn finish(self) -> Result<Option<(HttpRequest, String)>, Fault> {
        let Some((url, origin)) = self.url else { return Ok(None) };
        let (front, path) = split(&url);
        let server = server(front, 80).map_err(|bad| Fault::new(&origin, bad.0))?;
        let Self { method, headers, params, .. } = self;
        let path = path.to_owned();
        Ok(Some((HttpRequest { server, path, method, headers, params }, origin)))
    }
}

/// `http://host:port/path` or `https://host:port/path`
pub(super) fn url(text: &str) -> Parsed<String> {
    let (front, _) = split(text);
    server(front, 80)?;
    if !text.contains("://") || text.contains(char::is_whitespace) {
        return Err("http://host:port/path or https://host:port/path".into());
    }
    Ok(text.to_owned())
}

/// A URL before and from its path.
pub(super) fn split(url: &str) -> (&str, &str) {
    let after = url.find("://").map_or(0, |at| at + 3);
    let path = url.get(after..).and_then(|rest| rest.find('/')).map(|at| at + after);
    match path {
        Some(at) => (url.get(..at).unwrap_or(url), url.get(at..).unwrap_or("/")),
        None => (url, "/"),
    }
}
