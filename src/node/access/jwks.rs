//! Public keys for tokens, from an HTTP server, fetched again and again (EMQX `auth.jwt.jwks`).
//!
//! The keys of before stay while the server does not answer. Until it has answered for the first time no token counts that needs
//! one of its keys.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use rustls::ClientConfig;
use tokio::task::JoinHandle;

use crate::{
    broker::{
        access::Access,
        jwks::{Jwk, keys},
        jwt::Jwt,
    },
    cluster::settings::Server,
    net::supervise,
    node::{
        http::{self, Ask},
        listener::Listening,
        locks,
    },
};

/// A server that does not answer is asked again after this time.
const AGAIN: Duration = Duration::from_secs(15);

/// Where the keys are.
#[derive(Debug)]
pub struct Jwks {
    /// Whom to ask.
    pub server: Server,
    /// Path, with a query if the URL had one.
    pub path: String,
    /// How to prove it, where it is asked over TLS.
    pub tls: Option<ClientConfig>,
    /// How often.
    pub refresh: Duration,
}

/// The keys that hold, and the listeners whose clients they are for.
#[derive(Default)]
pub(in crate::node) struct KeySet {
    listeners: Vec<Arc<Listening>>,
    /// Server and path they come from.
    from: Mutex<Option<String>>,
    keys: Mutex<Arc<[Jwk]>>,
    task: Mutex<Option<JoinHandle<()>>>,
}

impl KeySet {
    /// Those of a source, as [`Self::follow`] fetches them; no keys yet.
    pub(in crate::node) fn following(
        listeners: Vec<Arc<Listening>>,
        source: Option<Arc<Jwks>>,
    ) -> Arc<Self> {
        let keys = Arc::new(Self { listeners, ..Self::default() });
        keys.follow(source);
        keys
    }

    /// Fetches from there from now on, at once first; or from nowhere. Runs on the runtime that clients are served on.
    pub(in crate::node) fn follow(self: &Arc<Self>, source: Option<Arc<Jwks>>) {
        // Keys of another server, or of none, hold no more: not until it has answered, and not for listeners either.
        let from = source.as_ref().map(|source| format!("{}{}", source.server, source.path));
        if *locks::lock(&self.from) != from {
            *locks::lock(&self.from) = from;
            *locks::lock(&self.keys) = Arc::default();
            self.hand_out();
        }
        let new = source.map(|source| supervise::spawn("JWKS", self.clone().fetch(source)));
        let old = std::mem::replace(&mut *locks::lock(&self.task), new);
        if let Some(old) = old {
            old.abort();
        }
    }

    /// `access` with the keys that hold.
    pub(in crate::node) fn with_keys(&self, access: Access) -> Access {
        let set = locks::lock(&self.keys).clone();
        let jwt = access.jwt.as_deref().map(|jwt| Arc::new(Jwt { set, ..jwt.clone() }));
        Access { jwt, ..access }
    }

    async fn fetch(self: Arc<Self>, source: Arc<Jwks>) {
        loop {
            let ask = Ask { path: source.path.clone(), body: None, token: None };
            let answer = http::json(&source.server, source.tls.clone(), ask, |_| "").await;
            let found = answer.map_err(|fault| fault.text).and_then(|set| {
                keys(&set).ok_or_else(|| format!("{}: answers no set of keys", source.server))
            });
            match found {
                Ok(found) => {
                    self.renew(found);
                    tokio::time::sleep(source.refresh).await;
                }
                Err(fault) => {
                    tracing::warn!(
                        name: "token-keys-kept",
                        fault,
                        "no public keys for tokens (auth.jwt.jwks), those of before stay"
                    );
                    tokio::time::sleep(AGAIN.min(source.refresh)).await;
                }
            }
        }
    }

    fn renew(&self, found: Vec<Jwk>) {
        {
            let mut keys = locks::lock(&self.keys);
            if **keys != *found {
                tracing::info!(keys = found.len(), "public keys for tokens read (auth.jwt.jwks)");
                *keys = found.into();
            }
        }
        self.hand_out();
    }

    /// Every listener has the keys that hold, whatever a reload did meanwhile.
    fn hand_out(&self) {
        for listener in &self.listeners {
            listener.change_access(|access| self.with_keys(access));
        }
    }
}
