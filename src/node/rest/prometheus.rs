//! Figures for Prometheus, under the names of EMQX, so that boards made for it work; ours begin with `emqx_rs_`.

use std::fmt::Write;

use super::{
    answer::Answer,
    nodes::number,
    plan::{Gathered, Of, Plan},
};
use crate::ctl::{Cluster, Reply, Request};

/// What is asked for one look.
pub(super) fn plan() -> Plan {
    let requests = vec![Request::Metrics, Request::Stats, Request::Vm, Request::ClusterStatus];
    Plan::Ask { of: Of::Here, requests, shape: |_, gathered| page(gathered) }
}

fn page(gathered: Gathered) -> Answer {
    let mut text = String::with_capacity(16 << 10);
    for reply in gathered.nodes.into_iter().flat_map(|(_, replies)| replies).enumerate() {
        match reply {
            (at, Reply::Numbers(numbers)) => {
                let kind = if at == 0 { "counter" } else { "gauge" };
                for (name, value) in numbers {
                    line(&mut text, &named(&name), kind, value);
                }
            }
            (_, Reply::Vm(vm)) => {
                let figures = [
                    ("emqx_vm_total_memory", "memory/total"),
                    ("emqx_vm_used_memory", "memory/used"),
                    ("emqx_rs_open_files", "ports/count"),
                ];
                for (name, of) in figures {
                    if let Some(value) = number(&vm, of) {
                        line(&mut text, name, "gauge", value);
                    }
                }
            }
            (_, Reply::Cluster(cluster)) => of_cluster(&mut text, &cluster),
            _ => {}
        }
    }
    Answer::text(200, text)
}

fn of_cluster(text: &mut String, cluster: &Cluster) {
    let (running, stopped) = (cluster.running_nodes.len(), cluster.stopped_nodes.len());
    line(text, "emqx_cluster_nodes_running", "gauge", running as u64);
    line(text, "emqx_cluster_nodes_stopped", "gauge", stopped as u64);
    let split = cluster.split.len() as u64;
    for (name, kind, value) in [
        ("emqx_rs_cluster_nodes_split", "gauge", split),
        ("emqx_rs_cluster_heals", "counter", cluster.heals),
        ("emqx_rs_cluster_rejoins", "counter", cluster.rejoins),
        ("emqx_rs_cluster_routes_repaired", "counter", cluster.repaired),
        ("emqx_rs_cluster_heartbeats_dropped", "counter", cluster.heartbeats_dropped),
    ] {
        line(text, name, kind, value);
    }
    let times = cluster.members.iter().filter_map(|one| Some((&one.node, one.rtt_us?)));
    let mut times = times.peekable();
    if times.peek().is_some() {
        text.push_str("# TYPE emqx_rs_peer_rtt_us gauge\n");
    }
    for (node, us) in times {
        // Names of nodes have neither quotes nor backslashes.
        let _ = writeln!(text, "emqx_rs_peer_rtt_us{{peer=\"{node}\"}} {us}");
    }
}

fn line(text: &mut String, name: &str, kind: &str, value: u64) {
    let _ = writeln!(text, "# TYPE {name} {kind}\n{name} {value}");
}

/// `messages.received` as `emqx_messages_received`; what is ours has its name already.
fn named(name: &str) -> String {
    let plain = name.replace(['.', '-'], "_");
    let ours = plain.starts_with("mesh_") || plain.starts_with("listener_");
    match plain.strip_prefix("emqx_rs_") {
        Some(_) => plain,
        None if ours => format!("emqx_rs_{plain}"),
        None => format!("emqx_{plain}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_those_of_emqx() {
        for (name, want) in [
            ("messages.forward", "emqx_messages_forward"),
            ("connections.count", "emqx_connections_count"),
            ("subscriptions.shared.max", "emqx_subscriptions_shared_max"),
            ("emqx_rs.limit.rate", "emqx_rs_limit_rate"),
            ("mesh.certificate.days", "emqx_rs_mesh_certificate_days"),
        ] {
            assert_eq!(named(name), want);
        }
    }

    #[test]
    fn a_page_has_a_type_and_a_value_for_each() {
        let numbers = |name: &str| Reply::Numbers([(name.to_owned(), 7)].into());
        let replies = vec![numbers("bytes.sent"), numbers("retained.count")];
        let gathered = Gathered { nodes: vec![("n@h".into(), replies)], ..Gathered::default() };
        let want = "# TYPE emqx_bytes_sent counter\nemqx_bytes_sent 7\n\
                    # TYPE emqx_retained_count gauge\nemqx_retained_count 7\n";
        assert_eq!(page(gathered), Answer::text(200, want.into()));
    }
}
