//! Discovery `static`: a list of nodes (`cluster.static.seeds`). Names are looked up again every 30 s, because addresses move.

use std::time::Duration;

use tokio::sync::mpsc::Sender;

use super::hosts::Hosts;
use crate::{
    cluster::{Target, settings::Seed},
    net::supervise,
};

const EVERY: Duration = Duration::from_secs(30);

/// Tells the seeds at once, and the address of each when it is looked up: one that takes its time holds up no other.
pub(super) async fn run(seeds: &[Seed], hosts: &Hosts, found: Sender<Vec<Target>>) {
    let named =
        |seed: &Seed| Target { name: seed.name.clone(), port: seed.port, addrs: Vec::new() };
    while found.send(seeds.iter().map(named).collect()).await.is_ok() {
        for seed in seeds {
            let (hosts, found, target) = (hosts.clone(), found.clone(), named(seed));
            supervise::spawn("seed", async move {
                let port = target.port.unwrap_or_else(|| target.name.mesh_port());
                let addrs = hosts.look_up(target.name.host(), port).await;
                if !addrs.is_empty() {
                    let _ = found.send(vec![Target { addrs, ..target }]).await;
                }
            });
        }
        tokio::select! {
            () = tokio::time::sleep(EVERY) => {}
            () = found.closed() => return,
        }
    }
}

#[cfg(test)]
mod tests {
    use tokio::{sync::mpsc, time::timeout};

    use super::*;
    use crate::{cluster::NodeName, node::discovery::hosts::resolver_of_test};

    #[tokio::test]
    async fn a_seed_that_is_not_found_holds_up_no_other() {
        let seed = |name: &str| Seed { name: NodeName::parse(name).unwrap(), port: None };
        let seeds = [seed("a@dead"), seed("b@good"), seed("c@10.0.0.3")];
        let (tell, mut found) = mpsc::channel(4);
        let all = async {
            let first = found.recv().await.unwrap();
            let mut later: Vec<Target> =
                [found.recv().await.unwrap(), found.recv().await.unwrap()].concat();
            later.sort_unstable_by(|a, b| a.name.cmp(&b.name));
            (first, later)
        };
        let hosts = resolver_of_test();
        let limit = Duration::from_secs(3);
        let (first, later) = tokio::select! {
            all = timeout(limit, all) => all.unwrap(),
            () = run(&seeds, &hosts, tell) => panic!("it ended"),
        };
        assert_eq!(first.iter().filter(|target| target.addrs.is_empty()).count(), 3, "at once");
        let later: Vec<_> =
            later.iter().map(|t| (t.name.as_str(), t.addrs[0].to_string())).collect();
        let want = [("b@good", "10.0.0.7:4370"), ("c@10.0.0.3", "10.0.0.3:4370")];
        assert_eq!(later, want.map(|(name, addr)| (name, addr.to_owned())));
    }
}
