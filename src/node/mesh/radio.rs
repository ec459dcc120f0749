//! Discovery by multicast, as the mesh sees it: started, told who is linked, looked at by an operator.

use std::{
    collections::BTreeSet,
    net::{IpAddr, SocketAddr},
};

use tokio::sync::{mpsc, watch};

use super::task::Task;
use crate::{
    cluster::{
        ClusterStatus, MemberStatus, Target,
        probing::{Counters, Heard, Network, Setup, Verdict},
        settings::{Mcast, Transport},
    },
    net::supervise,
    node::{
        dial::Local,
        discovery::mcast::{self, Links, Parts, View},
    },
};

/// What discovery by multicast has heard.
#[derive(Clone, Debug)]
pub struct Discovered {
    /// The networks that it asks in.
    pub networks: Vec<Network>,
    /// Ports that it asks at.
    pub ports: BTreeSet<u16>,
    /// Who was heard, and whether it is linked now.
    pub heard: Vec<(Heard, bool)>,
    /// What became of the datagrams.
    pub counters: Counters,
}

/// The running discovery. It says goodbye and ends with this.
pub(super) struct Radio {
    view: View,
    links: watch::Sender<Links>,
}

impl Radio {
    pub(super) fn start(
        task: &Task,
        settings: Mcast,
        local: &Local,
        found: mpsc::Sender<Target>,
    ) -> Self {
        let port = task.settings.mesh_port();
        let groups = [settings.group4.map(IpAddr::V4), settings.group6.map(IpAddr::V6)];
        let at = |group| settings.ports.iter().map(move |port| SocketAddr::new(group, *port));
        let v6 = matches!(task.settings.proto_dist, Transport::Inet6Tcp | Transport::Inet6Tls);
        let setup = Setup {
            name: local.name.clone(),
            node_id: local.identity.node_id(),
            boot: u64::from_be_bytes(super::random()),
            port,
            cluster: local.cluster_name.clone(),
            keys: local.keys.clone(),
            groups: groups.into_iter().flatten().flat_map(at).collect(),
            v6,
            seed: u64::from_be_bytes(super::random()),
        };
        let (links, watched) = watch::channel(links(&task.core.status()));
        let parts = Parts {
            settings,
            setup,
            loopback: task.door.is_loopback(&task.settings),
            links: watched,
            found,
            clock: task.clock,
        };
        let (view, run) = mcast::start(parts);
        supervise::spawn("discovery by multicast", run);
        Self { view, links }
    }

    /// Who is linked may have changed.
    pub(super) fn note(&self, status: &ClusterStatus) {
        let now = links(status);
        self.links.send_if_modified(|known| {
            let news = *known != now;
            *known = now;
            news
        });
    }

    pub(super) fn look(&self) -> Discovered {
        let links = self.links.borrow().clone();
        self.view.with(|prober| Discovered {
            networks: prober.networks().to_vec(),
            ports: prober.groups().iter().map(SocketAddr::port).collect(),
            heard: prober
                .heard()
                .map(|heard| {
                    let known = heard.verdict == Verdict::Accepted;
                    (heard.clone(), known && links.linked.contains(&heard.name))
                })
                .collect(),
            counters: prober.counters(),
        })
    }
}

fn links(status: &ClusterStatus) -> Links {
    let counts = |member: &MemberStatus| {
        matches!(
            member,
            MemberStatus::Up | MemberStatus::Joining | MemberStatus::Down | MemberStatus::Leaving
        )
    };
    let members = status.members.iter().filter(|line| counts(&line.status)).count();
    let linked: BTreeSet<_> = status
        .members
        .iter()
        .filter(|line| line.addr.is_some())
        .map(|line| line.name.clone())
        .collect();
    let whole = members > 1 && status.up().count() == members;
    Links { linked, whole, members: u32::try_from(members).unwrap_or(u32::MAX) }
}
