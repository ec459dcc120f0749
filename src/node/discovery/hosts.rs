//! Looks up the addresses of hosts so that a resolver that does not answer holds up nobody.
//!
//! The C library looks up in a thread that cannot be stopped and waits for 10 to 30 s. So each host is looked up once at a time,
//! beside the others; who asks goes on after [`LIMIT`], with the addresses that were found last; and no more than [`ABREAST`]
//! look-ups are under way.

use std::{
    collections::BTreeMap,
    io,
    net::SocketAddr,
    pin::Pin,
    sync::{Arc, Mutex},
    time::Duration,
};

use tokio::{sync::watch, time::timeout};

use super::super::locks;
use crate::net::supervise;

/// Nobody waits longer for addresses.
const LIMIT: Duration = Duration::from_secs(5);
/// Look-ups under way.
const ABREAST: usize = 64;
/// Hosts whose addresses are remembered.
const HOSTS: usize = 1024;

type Answer = Pin<Box<dyn Future<Output = io::Result<Vec<SocketAddr>>> + Send>>;

/// Asks the system.
fn ask_system(host: String) -> Answer {
    Box::pin(async move { Ok(tokio::net::lookup_host((host.as_str(), 0)).await?.collect()) })
}

#[derive(Debug, Default)]
struct Host {
    /// What was found last.
    addrs: Vec<SocketAddr>,
    /// A look-up is under way; its end is that of the sender.
    under_way: Option<watch::Receiver<()>>,
}

/// The hosts that were asked for.
#[derive(Clone, Debug)]
pub(crate) struct Hosts {
    ask: fn(String) -> Answer,
    table: Arc<Mutex<BTreeMap<String, Host>>>,
}

impl Default for Hosts {
    fn default() -> Self {
        Self { ask: ask_system, table: Arc::default() }
    }
}

impl Hosts {
    /// The addresses of a host; where there is no answer those of the last one.
    pub(crate) async fn look_up(&self, host: &str, port: u16) -> Vec<SocketAddr> {
        let host = host.trim_start_matches('[').trim_end_matches(']');
        if let Ok(ip) = host.parse() {
            return vec![SocketAddr::new(ip, port)];
        }
        match self.begin(host) {
            Some(mut under_way) => {
                // Nothing is ever sent: it ends.
                if timeout(LIMIT, under_way.changed()).await.is_err() {
                    tracing::debug!(host, "the resolver does not answer in time");
                }
            }
            None => tracing::debug!(host, "not looked up: too many others are"),
        }
        let table = locks::lock(&self.table);
        let mut addrs = table.get(host).map(|host| host.addrs.clone()).unwrap_or_default();
        addrs.iter_mut().for_each(|addr| addr.set_port(port));
        addrs
    }

    /// Begins to look a host up, unless that is under way; `None`: there are too many.
    fn begin(&self, host: &str) -> Option<watch::Receiver<()>> {
        let mut table = locks::lock(&self.table);
        if let Some(under_way) = table.get(host).and_then(|host| host.under_way.clone()) {
            return Some(under_way);
        }
        if table.values().filter(|host| host.under_way.is_some()).count() >= ABREAST {
            return None;
        }
        if table.len() >= HOSTS && !table.contains_key(host) {
            let idle = table.iter().find(|(_, host)| host.under_way.is_none());
            let idle = idle.map(|(host, _)| host.clone());
            idle.and_then(|host| table.remove(&host));
        }
        let (end, under_way) = watch::channel(());
        table.entry(host.to_owned()).or_default().under_way = Some(under_way.clone());
        drop(table);
        let (own, host) = (self.clone(), host.to_owned());
        supervise::spawn("look-up", async move {
            let answer = (own.ask)(host.clone()).await;
            own.note(&host, answer);
            drop(end);
        });
        Some(under_way)
    }

    fn note(&self, host: &str, answer: io::Result<Vec<SocketAddr>>) {
        let mut table = locks::lock(&self.table);
        let Some(known) = table.get_mut(host) else { return };
        known.under_way = None;
        match answer {
            Ok(addrs) if !addrs.is_empty() => known.addrs = addrs,
            Ok(_) => tracing::debug!(host, "no address"),
            Err(error) => tracing::debug!(host, %error, "no address"),
        }
    }

    #[cfg(test)]
    pub(super) fn of_test(ask: fn(String) -> Answer) -> Self {
        Self { ask, table: Arc::default() }
    }
}

/// A resolver for tests: `good` has an address, `dead` has none for ever, `dying` one, once.
#[cfg(test)]
pub(super) fn resolver_of_test() -> Hosts {
    Hosts::of_test(|host| {
        use std::sync::atomic::{AtomicBool, Ordering};
        static DIED: AtomicBool = AtomicBool::new(false);
        let addrs = || Ok(vec!["10.0.0.7:0".parse().unwrap()]);
        match host.as_str() {
            "good" => Box::pin(std::future::ready(addrs())),
            "dying" if !DIED.swap(true, Ordering::AcqRel) => Box::pin(std::future::ready(addrs())),
            "dying" => Box::pin(std::future::ready(Err(io::ErrorKind::TimedOut.into()))),
            _ => Box::pin(std::future::pending()),
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::net::clock::Clock;

    #[tokio::test]
    async fn a_dead_resolver_holds_up_no_other_host_and_the_last_address_stays() {
        let (clock, hosts) = (Clock::system(), resolver_of_test());
        let begin = clock.now();
        let dead = hosts.clone();
        let waits = supervise::spawn("test", async move { dead.look_up("dead", 1).await });
        assert_eq!(hosts.look_up("10.0.0.1", 4370).await, ["10.0.0.1:4370".parse().unwrap()]);
        assert_eq!(hosts.look_up("[fd00::1]", 1).await, ["[fd00::1]:1".parse().unwrap()]);
        for port in [1, 2] {
            let want = SocketAddr::from(([10, 0, 0, 7], port));
            assert_eq!(hosts.look_up("good", port).await, [want]);
            assert_eq!(hosts.look_up("dying", port).await, [want], "the last one");
        }
        assert!(clock.now().since(begin) < LIMIT / 2);
        assert_eq!(waits.await.unwrap(), []);
        assert!(clock.now().since(begin) < LIMIT * 2);
    }

    #[tokio::test]
    async fn look_ups_that_hang_are_bounded_and_so_is_what_is_remembered() {
        let hosts = resolver_of_test();
        assert!(hosts.begin("dead").is_some() && hosts.begin("dead").is_some(), "one of both");
        (1..ABREAST).for_each(|n| assert!(hosts.begin(&format!("dead{n}")).is_some()));
        assert!(hosts.begin("good").is_none());
        let clock = Clock::system();
        let begin = clock.now();
        assert_eq!(hosts.look_up("good", 1).await, []);
        assert!(clock.now().since(begin) < LIMIT / 2);
        let mut table = hosts.table.lock().unwrap();
        table.values_mut().for_each(|host| host.under_way = None);
        (0..2 * HOSTS).for_each(|n| {
            table.insert(format!("x{n}"), Host::default());
        });
        while table.len() > HOSTS {
            table.pop_last();
        }
        drop(table);
        assert!(hosts.begin("another").is_some());
        assert_eq!(hosts.table.lock().unwrap().len(), HOSTS);
    }
}
