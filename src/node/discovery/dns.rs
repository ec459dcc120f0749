//! Discovery `dns`: the nodes are those whose addresses one name has (`cluster.dns.*`). The system looks it up, so the hosts file,
//! search domains and mDNS count as they do for other programs; it tells no TTL, so the name is looked up every 5 s.

use std::{net::IpAddr, time::Duration};

use tokio::{net::lookup_host, sync::mpsc::Sender, time::timeout};

use super::pace::Pace;
use crate::{
    cluster::{
        NodeName, Target,
        settings::{Dns, DnsRecord},
    },
    sort,
};

const EVERY: Duration = Duration::from_secs(5);
/// The resolver of the system gives up earlier, with a reason: 5 s, twice.
const LIMIT: Duration = Duration::from_secs(15);

/// Looks the name up for as long as somebody listens.
pub(super) async fn run(dns: &Dns, found: Sender<Vec<Target>>) {
    let mut pace = Pace::new("dns", EVERY);
    #[cfg(feature = "dns-srv")]
    if dns.record == DnsRecord::Srv {
        return super::srv::run(dns, pace, found).await;
    }
    while pace.next(look_up(dns).await, &found).await {}
}

/// A fault with its place and what to check it with.
pub(super) fn fault(dns: &Dns, what: &str, check: &str) -> String {
    let Dns { name, record, .. } = dns;
    let record = record.as_str();
    format!(
        "cluster.dns.name = {name}, cluster.dns.type = {record}: {what}; check it with: {check}"
    )
}

async fn look_up(dns: &Dns) -> Result<Vec<Target>, String> {
    let remedy = format!("getent ahosts {}", dns.name);
    let fault = |what: String| fault(dns, &what, &remedy);
    let answer = timeout(LIMIT, lookup_host((dns.name.as_str(), 0))).await;
    let addrs = answer.map_err(|_| fault(format!("no answer within {} s", LIMIT.as_secs())))?;
    let addrs = addrs.map_err(|error| fault(error.to_string()))?.map(|addr| addr.ip());
    let targets = targets(dns, addrs);
    if targets.is_empty() { Err(fault("no such address".to_owned())) } else { Ok(targets) }
}

/// `app@address` for each address of the kind that counts, in order, each once.
fn targets(dns: &Dns, addrs: impl Iterator<Item = IpAddr>) -> Vec<Target> {
    let v6 = dns.record == DnsRecord::Aaaa;
    let mut addrs: Vec<IpAddr> = addrs.filter(|addr| addr.is_ipv6() == v6).collect();
    sort::sort(&mut addrs);
    addrs.dedup();
    let names =
        addrs.into_iter().filter_map(|addr| NodeName::parse(&format!("{}@{addr}", dns.app)).ok());
    names.map(|name| Target { name, port: dns.port, addrs: Vec::new() }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_address_of_the_kind_is_a_node() {
        let addrs = ["10.0.0.2", "fd00::1", "10.0.0.1", "10.0.0.2"];
        for (record, want) in [
            (DnsRecord::A, ["app@10.0.0.1", "app@10.0.0.2"].as_slice()),
            (DnsRecord::Aaaa, &["app@fd00::1"]),
        ] {
            let dns = Dns { name: "h".to_owned(), app: "app".to_owned(), record, port: None };
            let targets = targets(&dns, addrs.iter().map(|addr| addr.parse().unwrap()));
            let names: Vec<_> = targets.iter().map(|target| target.name.as_str()).collect();
            assert_eq!(names, want);
        }
    }

    #[tokio::test]
    async fn a_name_without_address_is_told_with_its_place_and_a_remedy() {
        let name = "no..such..name".to_owned();
        let dns = Dns { name, app: "app".to_owned(), record: DnsRecord::A, port: None };
        let fault = look_up(&dns).await.unwrap_err();
        let front = "cluster.dns.name = no..such..name, cluster.dns.type = a: ";
        assert!(fault.starts_with(front), "{fault}");
        assert!(fault.ends_with("; check it with: getent ahosts no..such..name"), "{fault}");
    }
}
