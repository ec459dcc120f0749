//! What the integration tests share: a raw MQTT client with a codec of its own (so that tests do
//! not inherit the mistakes of `emqx_rs::mqtt`), a node in a temporary directory, and waiting with
//! limits.

pub mod certificates;
pub mod client;
pub mod codec;
pub mod node;
pub mod wire;

use std::net::SocketAddr;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

pub use client::{Client, Connect, Message, Will};
pub use codec::{Packet, Version, prop};
pub use node::Node;

/// How long a test waits for something that must happen.
pub const LIMIT: Duration = Duration::from_secs(10);

/// The broker that all conformance tests share, started at first use.
///
/// `EMQX_RS_TEST_BROKER=host:port` walks the same tests over another broker.
pub fn broker() -> SocketAddr {
    static BROKER: OnceLock<(Option<Node>, SocketAddr)> = OnceLock::new();
    let (_, address) = BROKER.get_or_init(|| match std::env::var("EMQX_RS_TEST_BROKER") {
        Ok(text) => (None, text.parse().expect("EMQX_RS_TEST_BROKER is host:port")),
        Err(_) => {
            let node = Node::start("");
            let address = node.mqtt();
            (Some(node), address)
        }
    });
    *address
}

/// A name nobody else in this run (or in another run against the same broker) uses.
pub fn unique(prefix: &str) -> String {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let serial = NEXT.fetch_add(1, Ordering::Relaxed);
    format!("{prefix}{}x{serial}", std::process::id())
}

/// Asks `condition` until it holds.
///
/// The short pause between two questions is no synchronisation: what is waited for is the answer.
#[track_caller]
pub fn wait_for(what: &str, limit: Duration, mut condition: impl FnMut() -> bool) {
    let end = Instant::now() + limit;
    while !condition() {
        assert!(Instant::now() < end, "not within {limit:?}: {what}");
        std::thread::sleep(Duration::from_millis(10));
    }
}
