//! A cluster of real daemons on a [`Lan`], and what its users see of it.

use std::{
    collections::BTreeSet,
    time::{Duration, Instant},
};

use super::{
    lan::Lan,
    support::{Client, Node, Version, wait_for},
};

/// Long enough for what takes a second, on a machine that is busy with other things.
pub const SOON: Duration = Duration::from_secs(15);

/// Nodes 1 to N on hosts 1 to N. Hosts and nodes go down before the LAN.
pub struct Cluster {
    pub nodes: Vec<Node>,
    pub lan: Lan,
}

impl Cluster {
    /// Prepared, none started. `lines` are added to every config file.
    pub fn prepare(count: usize, lines: &str) -> Self {
        let seeds: Vec<_> = (1..=count).map(|host| format!("emqx@10.77.0.{host}")).collect();
        let seeds = seeds.join(",");
        let lines = format!("cluster.discovery = static\ncluster.static.seeds = {seeds}\n{lines}");
        Self::prepare_as(count, |host| format!("emqx@10.77.0.{host}"), &lines)
    }

    /// Prepared to find each other by multicast, none started.
    pub fn prepare_mcast(count: usize, lines: &str) -> Self {
        Self::prepare_as(count, |host| format!("emqx@10.77.0.{host}"), lines)
    }

    /// Prepared, none started: the name of the node on each host, and lines for every config file.
    pub fn prepare_as(count: usize, name: impl Fn(usize) -> String, lines: &str) -> Self {
        let lan = Lan::new(count);
        let node = |host: usize| {
            let host_byte = u8::try_from(host).unwrap();
            let mqtt = ([10, 77, 0, host_byte], 1883).into();
            Node::prepare_at(&name(host), mqtt, lan.on(host), lines)
        };
        Self { nodes: (1..=count).map(node).collect(), lan }
    }

    /// A cluster that has formed.
    pub fn start(count: usize, lines: &str) -> Self {
        let mut cluster = Self::prepare(count, lines);
        cluster.nodes.iter_mut().for_each(Node::spawn);
        cluster.nodes.iter_mut().for_each(Node::wait_ready);
        cluster.wait_whole("a cluster forms", SOON);
        cluster
    }

    /// The node on host `host`.
    pub fn node(&self, host: usize) -> &Node {
        &self.nodes[host - 1]
    }

    pub fn node_mut(&mut self, host: usize) -> &mut Node {
        &mut self.nodes[host - 1]
    }

    pub fn client(&self, host: usize) -> Client {
        Client::at(Version::V5, self.node(host).mqtt())
    }

    pub fn names(&self, hosts: &[usize]) -> BTreeSet<String> {
        hosts.iter().map(|host| self.node(*host).name.clone()).collect()
    }

    /// Every node of `hosts` sees exactly `hosts` running, and holds the routes that they have.
    pub fn is_whole_among(&self, hosts: &[usize]) -> bool {
        let names = self.names(hosts);
        let routes: BTreeSet<_> = hosts
            .iter()
            .map(|host| {
                let node = self.node(*host);
                let routes = node.ctl_output(&["topics", "list"]).stdout;
                let text = String::from_utf8_lossy(&routes).into_owned();
                let routes: BTreeSet<String> = text.lines().map(str::to_owned).collect();
                (node.running_nodes() == names).then_some(routes)
            })
            .collect();
        routes.len() == 1 && !routes.contains(&None)
    }

    #[track_caller]
    pub fn wait_whole(&self, what: &str, limit: Duration) -> Duration {
        let all: Vec<_> = (1..=self.nodes.len()).collect();
        self.wait_whole_among(&all, what, limit)
    }

    /// Waits and tells how long it took, to about the time that asking takes.
    #[track_caller]
    pub fn wait_whole_among(&self, hosts: &[usize], what: &str, limit: Duration) -> Duration {
        let start = Instant::now();
        wait_for(what, limit, || self.is_whole_among(hosts));
        start.elapsed()
    }

    /// Waits until `host` does not count `other` as running.
    #[track_caller]
    pub fn wait_down(&self, host: usize, other: usize, limit: Duration) -> Duration {
        let (start, name) = (Instant::now(), &self.node(other).name);
        let what = format!("{host} sees {other} down");
        wait_for(&what, limit, || !self.node(host).running_nodes().contains(name));
        start.elapsed()
    }

    /// Waits until no node has a partition to heal.
    #[track_caller]
    pub fn wait_healed(&self, limit: Duration) {
        wait_for("every split record is closed", limit, || {
            self.nodes.iter().all(|node| {
                let status = node.cluster();
                status["split"].as_array().is_some_and(Vec::is_empty) && status["healing"] == false
            })
        });
    }
}
