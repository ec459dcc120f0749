//! Discovery `static`: a list of nodes (`cluster.static.seeds`). Names are looked up again every 30 s, because addresses move.

use std::{net::SocketAddr, time::Duration};

use tokio::sync::mpsc::Sender;

use crate::cluster::{Target, settings::Seed};

const EVERY: Duration = Duration::from_secs(30);

/// Tells the seeds at once and with fresh addresses every 30 s.
pub(super) async fn run(seeds: &[Seed], found: Sender<Vec<Target>>) {
    loop {
        let mut targets = Vec::new();
        for seed in seeds {
            let port = seed.port.unwrap_or_else(|| seed.name.mesh_port());
            let addrs = look_up(seed.name.host(), port).await;
            targets.push(Target { name: seed.name.clone(), port: seed.port, addrs });
        }
        if found.send(targets).await.is_err() {
            return;
        }
        tokio::time::sleep(EVERY).await;
    }
}

/// The addresses of a host; none if it has none now.
pub(crate) async fn look_up(host: &str, port: u16) -> Vec<SocketAddr> {
    let host = host.trim_start_matches('[').trim_end_matches(']');
    match tokio::net::lookup_host((host, port)).await {
        Ok(addrs) => addrs.collect(),
        Err(error) => {
            tracing::debug!(host, %error, "no address");
            Vec::new()
        }
    }
}
