//! Discovery: asks one of the files below where other nodes are, and tells the mesh. What it finds is a hint where to dial;
//! who is there is decided by the handshake.

mod dns;
mod etcd;
mod hosts;
mod k8s;
mod manual;
pub(crate) mod mcast;
mod pace;
#[cfg(feature = "dns-srv")]
mod srv;
mod static_list;

pub(crate) use hosts::Hosts;
use tokio::sync::mpsc::Sender;

use crate::cluster::{Target, settings::Discovery};

/// Looks for nodes for as long as somebody listens.
pub(crate) async fn run(discovery: Discovery, hosts: Hosts, found: Sender<Vec<Target>>) {
    match discovery {
        // What it hears has a way of its own: `mcast::start`.
        Discovery::Manual | Discovery::Mcast(_) => manual::run(found).await,
        Discovery::Static(seeds) => static_list::run(&seeds, &hosts, found).await,
        Discovery::Dns(dns) => dns::run(&dns, found).await,
        Discovery::Etcd(etcd) => etcd::run(&etcd, found).await,
        Discovery::K8s(k8s) => k8s::run(&k8s, found).await,
    }
}
