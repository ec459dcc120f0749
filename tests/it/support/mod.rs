//! What the integration tests share: a raw MQTT client with a codec of its own (so that tests do
//! not inherit the mistakes of `emqx_rs::mqtt`), a node in a temporary directory, and waiting with
//! limits.

pub mod certificates;
pub mod client;
pub mod codec;
pub mod crowd;
pub mod http;
pub mod manager;
pub mod node;
pub mod scram;
pub mod slow_file;
pub mod wire;

use std::cell::{Cell, RefCell};
use std::net::SocketAddr;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

pub use client::{Client, Connect, Message, Will};
pub use codec::{Packet, Version, prop};
pub use node::Node;
pub use slow_file::SlowFile;

/// How long a test waits for something that must happen.
pub const LIMIT: Duration = Duration::from_secs(10);

/// Names the brokers that conformance tests walk over, `host:port` or several with commas.
pub const BROKERS: &str = "EMQX_RS_TEST_BROKER";

/// The brokers that all conformance tests share: one, started at first use, or those of [`BROKERS`].
pub fn brokers() -> &'static [SocketAddr] {
    static ALL: OnceLock<(Option<Node>, Vec<SocketAddr>)> = OnceLock::new();
    let (_, addresses) = ALL.get_or_init(|| match std::env::var(BROKERS) {
        Ok(text) => {
            let address = |text: &str| text.trim().parse().expect("host:port");
            (None, text.split(',').map(address).collect())
        }
        Err(_) => {
            let node = Node::start("");
            let address = node.mqtt();
            (Some(node), vec![address])
        }
    });
    addresses
}

/// A broker for the next connection. Where there are several nodes of a cluster, each test goes round them in turn.
pub fn broker() -> SocketAddr {
    thread_local! {
        static TURN: Cell<usize> = const { Cell::new(0) };
    }
    let all = brokers();
    all[TURN.replace(TURN.get() + 1) % all.len()]
}

/// Returns when what the brokers have taken from clients so far is where it belongs, also on the other nodes.
///
/// A message that is acknowledged when every node has it goes behind the others, on the one link that there is.
pub fn settle() {
    thread_local! {
        static MARKS: RefCell<Vec<Client>> = const { RefCell::new(Vec::new()) };
    }
    let all = brokers();
    if all.len() < 2 {
        return;
    }
    MARKS.with_borrow_mut(|marks| {
        let topic = format!("settled/{:?}", std::thread::current().id());
        if marks.is_empty() {
            marks.extend(all.iter().map(|at| Connect::new(Version::V5).open(*at)));
            for mark in marks.iter_mut() {
                assert_eq!(mark.subscribe(&topic, 0), 0);
            }
        }
        for mark in marks {
            mark.publish(&topic, "", 1);
            mark.forget();
        }
    });
}

/// Returns when a new subscriber at each of the brokers gets these texts, in any order: other nodes have a retained message a moment
/// after its PUBACK.
#[track_caller]
pub fn wait_for_copies(filter: &str, texts: &[String]) {
    let mut want = texts.to_vec();
    want.sort_unstable();
    for address in brokers().iter().skip(usize::from(brokers().len() < 2)) {
        wait_for(&format!("the copy of {filter}"), LIMIT, || {
            let mut client = Client::at(Version::V5, *address);
            client.subscribe(filter, 2);
            let mut have = client.texts();
            have.sort_unstable();
            have == want
        });
    }
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
