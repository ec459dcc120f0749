//! Connections to HTTP servers that are kept for the next request: so many at most, and closed when nobody has needed them for a
//! while.
//!
//! A server may close a connection whenever it likes, also while a request is on its way to it. Such a request is sent once more over
//! a new connection; so the pool is for questions, which may be asked twice.

use std::{
    sync::{Arc, Mutex, Weak},
    time::Duration,
};

use http_body_util::Full;
use hyper::{Request, body::Bytes};
use rustls::ClientConfig;
use tokio::time::timeout;

use crate::{
    broker::stats::{Metric, Stats},
    cluster::settings::Server,
    net::supervise,
    node::{
        http::{Sender, open, send},
        locks,
    },
};

/// The kept connections are looked through this often; one that was there twice is closed.
const SWEEP: Duration = Duration::from_secs(15);

/// See the module.
#[derive(Debug)]
pub(in crate::node) struct Pool {
    most: usize,
    /// A connection may take this long to come up, TLS with it.
    patience: Duration,
    idle: Mutex<Idle>,
}

#[derive(Debug, Default)]
struct Idle {
    /// The last one was used last.
    kept: Vec<Kept>,
    /// Somebody looks through them.
    swept: bool,
}

#[derive(Debug)]
struct Kept {
    server: Server,
    sender: Sender,
    seen: bool,
}

impl Pool {
    /// Keeps so many connections, each of which may take `patience` to come up.
    pub(in crate::node) fn new(most: usize, patience: Duration) -> Arc<Self> {
        Arc::new(Self { most, patience, idle: Mutex::default() })
    }

    /// Sends a request; gives status and body. Without a limit of time for the answer.
    ///
    /// # Errors
    /// No connection, no trust, or an answer that ends early, in one line.
    pub(in crate::node) async fn ask(
        self: &Arc<Self>,
        server: &Server,
        tls: Option<&ClientConfig>,
        request: Request<Full<Bytes>>,
        stats: &Stats,
    ) -> Result<(u16, Bytes), String> {
        stats.count(Metric::HttpRequests);
        if let Some(mut sender) = self.take(server)
            && sender.ready().await.is_ok()
            && let Ok(answer) = send(&mut sender, request.clone()).await
        {
            self.keep(server, sender);
            return Ok(answer);
        }
        stats.count(Metric::HttpConnections);
        let opened = timeout(self.patience, open(server, tls.cloned())).await;
        let late = |_| format!("no connection within {:?}", self.patience);
        let mut sender = opened.map_err(late)??;
        let answer = send(&mut sender, request).await?;
        self.keep(server, sender);
        Ok(answer)
    }

    fn take(&self, server: &Server) -> Option<Sender> {
        let mut idle = locks::lock(&self.idle);
        idle.kept.retain(|one| !one.sender.is_closed());
        let at = idle.kept.iter().rposition(|one| one.server == *server)?;
        Some(idle.kept.remove(at).sender)
    }

    fn keep(self: &Arc<Self>, server: &Server, sender: Sender) {
        let mut idle = locks::lock(&self.idle);
        if sender.is_closed() || idle.kept.len() >= self.most {
            return;
        }
        idle.kept.push(Kept { server: server.clone(), sender, seen: false });
        let begin = !std::mem::replace(&mut idle.swept, true);
        drop(idle);
        if begin {
            supervise::spawn("HTTP connections", Self::sweep(Arc::downgrade(self)));
        }
    }

    /// Closes what is not needed, until there is nothing left or the pool has gone.
    async fn sweep(pool: Weak<Self>) {
        loop {
            tokio::time::sleep(SWEEP).await;
            let Some(pool) = pool.upgrade() else { return };
            if !pool.look_through() {
                return;
            }
        }
    }

    /// Closes what nobody has used since the last look; whether anything is left.
    fn look_through(&self) -> bool {
        let mut idle = locks::lock(&self.idle);
        idle.kept.retain_mut(|one| !std::mem::replace(&mut one.seen, true));
        idle.swept = !idle.kept.is_empty();
        idle.swept
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

    use tokio::{
        io::{AsyncReadExt, AsyncWriteExt},
        net::TcpListener,
    };

    use super::*;
    use crate::node::access::abreast::Abreast;

    /// A server that answers so many requests over one connection and then closes it; the connections it had.
    async fn server(answers: usize) -> (Server, Arc<AtomicUsize>) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let had = Arc::new(AtomicUsize::new(0));
        let count = had.clone();
        supervise::spawn("server", async move {
            loop {
                let (mut stream, _) = listener.accept().await.unwrap();
                count.fetch_add(1, Relaxed);
                supervise::spawn("server", async move {
                    for _ in 0..answers {
                        let mut text = Vec::new();
                        while !text.ends_with(b"\r\n\r\n") {
                            if stream.read_buf(&mut text).await.unwrap() == 0 {
                                return;
                            }
                        }
                        let answer = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok";
                        stream.write_all(answer).await.unwrap();
                    }
                });
            }
        });
        (Server { tls: false, host: "127.0.0.1".into(), port }, had)
    }

    const PATIENCE: Duration = Duration::from_secs(5);

    #[tokio::test]
    async fn a_connection_that_does_not_come_up_is_given_up() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let server = Server { tls: true, host: "127.0.0.1".into(), port };
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let tls = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(rustls::RootCertStore::empty())
            .with_no_client_auth();
        let (pool, stats) = (Pool::new(2, Duration::from_millis(100)), Stats::new(1));
        let answer = pool.ask(&server, Some(&tls), request(), &stats).await;
        assert_eq!(answer, Err("no connection within 100ms".to_owned()));
    }

    fn request() -> Request<Full<Bytes>> {
        Request::builder().uri("/").header("host", "h").body(Full::default()).unwrap()
    }

    #[tokio::test]
    async fn a_connection_is_used_again_and_one_that_was_closed_is_replaced() {
        let ((server, had), stats) = (server(3).await, Stats::new(1));
        let pool = Pool::new(2, PATIENCE);
        for _ in 0..9 {
            let answer = pool.ask(&server, None, request(), &stats).await;
            assert_eq!(answer, Ok((200, Bytes::from_static(b"ok"))));
        }
        assert_eq!(had.load(Relaxed), 3);
        assert_eq!(stats.sum(Metric::HttpRequests), 9);
        assert_eq!(stats.sum(Metric::HttpConnections), 3);
        let other = Server { tls: true, ..server };
        assert!(pool.take(&other).is_none(), "another server");
    }

    /// Or a server that is silent would be left with one connection more for each question.
    #[tokio::test]
    async fn a_question_that_is_given_up_ends_its_connection() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let server = Server { tls: false, host: "127.0.0.1".into(), port };
        let (pool, stats) = (Pool::new(2, PATIENCE), Stats::new(1));
        let mut asked = Box::pin(pool.ask(&server, None, request(), &stats));
        let gets_the_question = async {
            let (mut stream, mut text) = (listener.accept().await.unwrap().0, Vec::new());
            while !text.ends_with(b"\r\n\r\n") {
                assert_ne!(stream.read_buf(&mut text).await.unwrap(), 0);
            }
            stream
        };
        let mut stream = tokio::select! {
            answer = &mut asked => panic!("{answer:?}"),
            stream = gets_the_question => stream,
        };
        drop(asked);
        assert_eq!(stream.read(&mut [0; 8]).await.unwrap(), 0);
        assert!(pool.take(&server).is_none());
    }

    #[tokio::test]
    async fn what_nobody_needs_is_closed() {
        let ((server, _had), stats) = (server(9).await, Stats::new(1));
        let pool = Pool::new(2, PATIENCE);
        let mut all = Abreast::new();
        for number in 0..3 {
            all.push(number, pool.ask(&server, None, request(), &stats));
        }
        for _ in 0..3 {
            assert!(all.next().await.1.is_ok());
        }
        let kept = || locks::lock(&pool.idle).kept.len();
        assert_eq!(kept(), 2, "no more than that");
        assert!(pool.look_through());
        assert!(pool.ask(&server, None, request(), &stats).await.is_ok());
        assert!(pool.look_through());
        assert_eq!(kept(), 1, "the other was not used");
        assert!(!pool.look_through());
        assert_eq!(kept(), 0);
    }
}
