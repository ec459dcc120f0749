//! `emqx-rs-ctl doctor`: looks at what a user with a silent switch cannot see, and names the command that mends it.
//!
//! [`host`] gathers the facts of this host, the node tells its own; [`examine`] makes findings of them, and nothing else.

pub mod host;

use std::fmt::Write;

use serde::Serialize;

use self::host::Host;
use super::{Cluster, Discovery, Heard, render::shown};

/// Ports that the firewall files of the package open: of discovery, and of the mesh.
const PACKAGED: [u16; 2] = [4369, 4370];
/// Who was not heard for this long is not there any more: settled nodes ask every 30 s.
const RECENT_MS: u64 = 90_000;
/// Fewer descriptors than this are few.
const FEW_FILES: u64 = 4096;
/// Less room than this is little.
const LITTLE_ROOM: u64 = 100 << 20;
/// A clock before this was never set: 2025-01-01, in seconds since 1970.
const EPOCH: u64 = 1_735_689_600;

/// How bad it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Grade {
    /// As it should be.
    Ok,
    /// May be meant.
    Warning,
    /// In the way.
    Fault,
}

/// One thing that was looked at.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// How bad it is.
    pub grade: Grade,
    /// What was found.
    pub what: String,
    /// What mends it; nothing where nothing has to be mended.
    pub remedy: Option<String>,
}

/// What the node says of itself.
#[derive(Clone, Debug, Default)]
pub struct Told {
    /// `cluster status`; `None`: nobody answers, for this reason.
    pub cluster: Option<Cluster>,
    /// Why not.
    pub silence: String,
    /// `cluster discover`; `None` where discovery is not by multicast.
    pub discovery: Option<Discovery>,
}

#[derive(Default)]
struct Findings(Vec<Finding>);

impl Findings {
    fn ok(&mut self, what: String) {
        self.0.push(Finding { grade: Grade::Ok, what, remedy: None });
    }

    fn warn(&mut self, what: String, remedy: impl Into<String>) {
        self.0.push(Finding { grade: Grade::Warning, what, remedy: Some(remedy.into()) });
    }

    fn fault(&mut self, what: String, remedy: impl Into<String>) {
        self.0.push(Finding { grade: Grade::Fault, what, remedy: Some(remedy.into()) });
    }
}

/// Looks at everything.
#[must_use]
pub fn examine(told: &Told, host: &Host) -> Vec<Finding> {
    let mut out = Findings::default();
    match &told.cluster {
        None => out.fault(
            format!("no node answers: {}", told.silence),
            "systemctl start emqx-rs; journalctl -u emqx-rs -n 50",
        ),
        Some(cluster) => {
            let (node, name) = (&cluster.node, shown(&cluster.name));
            let up = cluster.running_nodes.len();
            out.ok(format!("{node} answers; cluster {name} has {up} running node(s)"));
            of_cluster(cluster, &mut out);
        }
    }
    if let Some(discovery) = &told.discovery {
        of_discovery(discovery, told.cluster.as_ref(), &mut out);
    }
    of_firewall(told, host, &mut out);
    of_host(told, host, &mut out);
    out.0
}

fn of_cluster(cluster: &Cluster, out: &mut Findings) {
    if let Some(reason) = &cluster.refused {
        out.fault(
            format!("the mesh of this node is closed: {reason}"),
            "emqx-rs-ctl cookie new; systemctl restart emqx-rs; then emqx-rs-ctl cluster token for the others",
        );
    }
    if cluster.left {
        out.warn(
            "this node left its cluster and stays alone".to_owned(),
            "emqx-rs-ctl cluster join NODE",
        );
    }
    for member in cluster.members.iter().filter(|member| member.state == "down") {
        out.fault(
            format!("{} is down for {} s", member.node, member.since_seconds),
            format!(
                "is it on, and its mesh port open? On it: systemctl status emqx-rs. If it never returns: emqx-rs-ctl cluster \
                 force-leave {}",
                member.node
            ),
        );
    }
    for one in cluster.refusals.iter().filter(|one| one.age_ms < RECENT_MS) {
        let node = one.node.as_deref().map_or_else(String::new, |node| shown(node) + " at ");
        let way = if one.dialed { "no link to" } else { "no link for" };
        if one.reason.contains("identity is in use on another box") {
            let (here, there) = (&cluster.node, &one.address);
            out.fault(
                format!("two boxes have one identity, as after cloning a disk: seen with {node}{there}"),
                format!(
                    "on the one that was cloned ({here}, if this node is it): systemctl stop emqx-rs; rm identity.key in \
                     node.data_dir; systemctl start emqx-rs"
                ),
            );
            continue;
        }
        let remedy = if one.reason.contains("cookie mismatch") {
            TAKE_IN
        } else {
            "if it belongs to this cluster, change on one of the two what the reason names: man emqx-rs-discovery"
        };
        out.warn(format!("{way} {node}{}: {}", one.address, shown(&one.reason)), remedy);
    }
    for member in cluster.members.iter().filter(|m| m.address.is_some() && !m.udp) {
        out.warn(
            format!("{} sends no heartbeats over UDP: its loss is seen late", member.node),
            "open the mesh port for UDP too, on both hosts",
        );
    }
}

fn of_discovery(discovery: &Discovery, cluster: Option<&Cluster>, out: &mut Findings) {
    if discovery.networks.is_empty() {
        out.fault(
            "discovery uses no interface: none is up and carries multicast".to_owned(),
            "ip link; name the right one in cluster.mcast.iface, or bring it up: ip link set eth0 up multicast on",
        );
        return;
    }
    out.ok(format!("discovery asks on {}", discovery.networks.join(", ")));
    let ports: Vec<String> = discovery.ports.iter().map(ToString::to_string).collect();
    let ports = ports.join(" or ");
    let alone = cluster.is_none_or(|cluster| cluster.running_nodes.len() < 2);
    let recent = |heard: &&Heard| heard.age_ms < RECENT_MS;
    let own = discovery.heard.iter().filter(recent).filter(|heard| is_of_this_cluster(heard));
    if own.clone().next().is_none() {
        let what = "no node of this cluster is heard by multicast";
        let remedy = format!(
            "is another one on? Look with tcpdump -ni IFACE udp port {ports}: if its datagrams come, a firewall of this host \
             drops them; if not, the switch or access point holds multicast back (turn IGMP snooping off or a querier on), or \
             the hosts are in different networks. cluster.discovery = static needs no multicast"
        );
        if alone {
            out.fault(what.to_owned(), remedy);
        } else {
            out.warn(format!("{what}, though other nodes run"), remedy);
        }
    }
    for heard in own {
        let (node, interface) = (shown(&heard.node), shown(&heard.interface));
        match (heard.multicast, heard.answered || heard.linked) {
            (true, true) => {
                out.ok(format!("multicast works both ways on {interface} with {node}"));
            }
            (true, false) if cluster.is_some_and(|cluster| cluster.left) => {
                out.ok(format!("{node} is heard on {interface}; not linked, since this node left its cluster"));
            }
            (true, false) => out.fault(
                format!("{node} is heard on {interface} and neither answers nor is linked"),
                format!("UDP port {ports} and the mesh port must be open on its side; its log says more: journalctl -u emqx-rs"),
            ),
            (false, _) => out.warn(
                format!("{node} answers on {interface}, but its multicast does not come here"),
                format!("let UDP port {ports} in on this host; turn IGMP snooping off, or a querier on, in the switch"),
            ),
        }
    }
    for heard in discovery.heard.iter().filter(recent) {
        stranger(heard, out);
    }
    let over = discovery.datagrams.get("over the budget").copied().unwrap_or(0);
    if over > 1_000 {
        out.warn(
            format!("{over} datagrams of discovery were more than is looked at"),
            format!("somebody floods it; tcpdump -ni IFACE udp port {ports} shows who"),
        );
    }
}

/// For a node with another cookie.
const TAKE_IN: &str = "if it belongs to this cluster: emqx-rs-ctl cluster token | ssh root@THAT-HOST emqx-rs-ctl cluster join -";

fn is_of_this_cluster(heard: &Heard) -> bool {
    heard.linked || heard.status == "accepted"
}

/// Somebody on the LAN who is not taken in.
fn stranger(heard: &Heard, out: &mut Findings) {
    let (node, address) = (shown(&heard.node), &heard.address);
    if heard.status.contains("other cookie") {
        out.warn(format!("{node} at {address} has another cookie"), TAKE_IN);
    } else if heard.status.contains("other cluster") {
        out.warn(
            format!("{node} at {address} is of a cluster with another name"),
            "if it belongs to this one: the same cluster.name in both files",
        );
    } else if heard.status.contains("name of this node") {
        out.fault(
            format!("another node at {address} has the name of this one"),
            "give one of them another node.name and restart it",
        );
    } else if heard.status.contains("another version") {
        out.fault(
            format!("{node} at {address} speaks no version that this node speaks"),
            "bring both to releases that are at most one step apart",
        );
    }
}

/// Rules of the firewall that say nothing of the ports that are needed.
fn of_firewall(told: &Told, host: &Host, out: &mut Findings) {
    let cluster = told.cluster.as_ref();
    let mut ports: Vec<u16> = cluster.and_then(|cluster| cluster.port).into_iter().collect();
    ports.extend(told.discovery.iter().flat_map(|discovery| &discovery.ports));
    let missing = |text: &str, service: &str| {
        let is_packaged = |port: &u16| PACKAGED.contains(port) && text.contains(service);
        let missing = ports.iter().filter(|port| !names_port(text, **port) && !is_packaged(port));
        let missing: Vec<u16> = missing.copied().collect();
        (!missing.is_empty()).then_some(missing)
    };
    if let Some(text) = host.ufw.as_deref().filter(|text| text.contains("Status: active"))
        && let Some(missing) = missing(text, "emqx-rs mesh")
    {
        let one = |port| format!("ufw allow from YOUR-LAN/24 to any port {port}");
        out.warn(
            format!("ufw is active and names no rule for port {}", words(&missing)),
            remedy(&missing, "ufw allow from YOUR-LAN/24 to any app \"emqx-rs mesh\"", "", one),
        );
    }
    if let Some(text) = host.firewalld.as_deref()
        && let Some(missing) = missing(text, "emqx-rs-mesh")
    {
        let one =
            |port| format!("firewall-cmd --permanent --add-port={port}/tcp --add-port={port}/udp");
        let packaged = "firewall-cmd --permanent --add-service=emqx-rs-mesh";
        out.warn(
            format!("firewalld runs and lets nothing in at port {}", words(&missing)),
            remedy(&missing, packaged, "firewall-cmd --reload", one),
        );
    }
    // The two above write nftables rules of their own.
    let ruled = host.ufw.as_ref().is_some_and(|text| text.contains("Status: active"));
    let plain = !ruled && host.firewalld.is_none();
    if let Some(text) = host.nft.as_deref().filter(|_| plain)
        && drops_input(text)
        && let Some(missing) = missing(text, "emqx-rs: nodes")
    {
        out.warn(
            format!(
                "nftables drops what comes in by default and names no rule for port {}",
                words(&missing)
            ),
            "include \"/usr/share/doc/emqx-rs/emqx-rs.nft\" in the input chain of /etc/nftables.conf, with these ports in it, \
             then nft -f it",
        );
    }
}

fn words(ports: &[u16]) -> String {
    ports.iter().map(ToString::to_string).collect::<Vec<_>>().join(" and ")
}

/// What opens these ports: the service of the package, if it has them all.
fn remedy(ports: &[u16], packaged: &str, last: &str, one: impl Fn(u16) -> String) -> String {
    let each = ports.iter().map(|port| one(*port));
    let all = ports.iter().all(|port| PACKAGED.contains(port));
    let commands = if all { vec![packaged.to_owned()] } else { each.collect() };
    let last = (!last.is_empty()).then(|| last.to_owned());
    commands.into_iter().chain(last).collect::<Vec<_>>().join(" && ")
}

fn names_port(text: &str, port: u16) -> bool {
    let mut numbers = text.split(|c: char| !c.is_ascii_digit());
    numbers.any(|word| word.parse() == Ok(port))
}

/// A chain at the hook `input` that drops what no rule accepts.
fn drops_input(ruleset: &str) -> bool {
    ruleset.lines().any(|line| line.contains("hook input") && line.contains("policy drop"))
}

fn of_host(told: &Told, host: &Host, out: &mut Findings) {
    for bridge in &host.silent_bridges {
        out.warn(
            format!(
                "bridge {} of this host snoops IGMP and nobody asks who wants multicast",
                shown(bridge)
            ),
            format!("ip link set {} type bridge mcast_querier 1", shown(bridge)),
        );
    }
    if let Some(node) = told.cluster.as_ref().map(|cluster| &cluster.node) {
        match &host.reach {
            host::Reach::Here => {}
            host::Reach::Loopback => out.warn(
                format!("no other host can reach {node}: its name is on the loopback"),
                "node.name = emqx@ADDRESS in emqx.conf, with the address of this host on the LAN; then restart",
            ),
            host::Reach::Elsewhere => out.fault(
                format!("no interface of this host has the address in the name of {node}"),
                "correct node.name in emqx.conf, or leave it out; then restart",
            ),
            host::Reach::Unknown(error) => out.fault(
                format!("the host in the name of {node} has no address: {error}"),
                "give it one in DNS or /etc/hosts of all nodes, or use an address in node.name",
            ),
        }
    }
    if host.clock < EPOCH {
        out.warn("the clock of this host was never set".to_owned(), "timedatectl set-ntp true");
    }
    if let Some(files) = host.open_files.filter(|files| *files < FEW_FILES) {
        out.warn(
            format!("the node may open {files} files: fewer clients than that"),
            "systemctl edit emqx-rs: [Service] LimitNOFILE=1048576",
        );
    }
    if let Some((folder, free)) = host.room.as_ref().filter(|(_, free)| *free < LITTLE_ROOM) {
        let mib = free >> 20;
        out.fault(format!("{} has {mib} MiB left", folder.display()), "make room: df -h");
    }
}

/// The findings, one below the other.
#[must_use]
pub fn text(findings: &[Finding]) -> String {
    let mut text = String::new();
    for finding in findings {
        let word = match finding.grade {
            Grade::Ok => "ok",
            Grade::Warning => "warning",
            Grade::Fault => "FAULT",
        };
        let _ = writeln!(text, "{word:<8} {}", finding.what);
        if let Some(remedy) = &finding.remedy {
            let _ = writeln!(text, "{:<8} -> {remedy}", "");
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use host::Reach;

    fn host() -> Host {
        Host { clock: EPOCH, reach: Reach::Here, ..Host::default() }
    }

    fn heard(node: &str, status: &str) -> Heard {
        Heard {
            node: node.to_owned(),
            address: "10.0.0.2:4370".to_owned(),
            interface: "eth0".to_owned(),
            age_ms: 10,
            count: 1,
            multicast: true,
            answered: true,
            linked: false,
            status: status.to_owned(),
        }
    }

    fn told(heard: Vec<Heard>) -> Told {
        let node = "emqx@10.0.0.1".to_owned();
        let running_nodes = vec![node.clone()];
        let cluster = Cluster { running_nodes, node, port: Some(4370), ..Cluster::default() };
        let networks = vec!["eth0 10.0.0.1/24".to_owned()];
        let discovery = Discovery { networks, ports: vec![4369], heard, ..Discovery::default() };
        Told { cluster: Some(cluster), silence: String::new(), discovery: Some(discovery) }
    }

    /// What is wrong, and that each of it has a remedy.
    fn wrong(told: &Told, host: &Host) -> Vec<(Grade, String)> {
        let findings = examine(told, host);
        assert!(findings.iter().all(|f| (f.grade == Grade::Ok) == f.remedy.is_none()));
        let wrong = findings.into_iter().filter(|f| f.grade != Grade::Ok);
        wrong.map(|f| (f.grade, f.what)).collect()
    }

    #[test]
    fn all_is_well() {
        assert_eq!(wrong(&told(vec![heard("emqx@10.0.0.2", "accepted")]), &host()), []);
    }

    #[test]
    fn a_silent_lan_is_a_fault_only_for_who_is_alone() {
        let mut told = told(vec![]);
        assert!(
            matches!(&wrong(&told, &host())[..], [(Grade::Fault, what)] if what.contains("no node"))
        );
        told.cluster.as_mut().unwrap().running_nodes.push("emqx@10.0.0.2".to_owned());
        assert!(matches!(&wrong(&told, &host())[..], [(Grade::Warning, _)]));
        told.discovery.as_mut().unwrap().networks.clear();
        assert!(wrong(&told, &host())[0].1.contains("no interface"));
        told.cluster = None;
        assert!(wrong(&told, &host())[0].1.contains("no node answers"));
    }

    #[test]
    fn one_way_multicast_and_strangers_are_told() {
        let deaf = Heard { multicast: false, ..heard("a@h", "accepted") };
        let mute = Heard { answered: false, ..heard("b@h", "accepted") };
        let told = told(vec![
            deaf,
            mute,
            heard("c@h", "ignored: other cookie"),
            heard("d@h", "ignored: other cluster name"),
            heard("emqx@10.0.0.1", "refused: has the name of this node"),
            heard("e@h", "refused: speaks another version"),
        ]);
        let wrong = wrong(&told, &host());
        for (at, word) in
            ["does not come here", "neither answers", "another cookie", "another name"]
                .iter()
                .enumerate()
        {
            assert!(wrong[at].1.contains(word), "{wrong:#?}");
        }
        assert_eq!(wrong.len(), 6);
    }

    #[test]
    fn firewalls_without_a_rule_are_found() {
        let told = told(vec![heard("emqx@10.0.0.2", "accepted")]);
        let nft = "chain input {\n type filter hook input priority filter; policy drop;\n tcp dport 22 accept\n";
        let with = |nft: Option<&str>, ufw: Option<&str>, firewalld: Option<&str>| {
            let own = |text: Option<&str>| text.map(str::to_owned);
            let host = Host { nft: own(nft), ufw: own(ufw), firewalld: own(firewalld), ..host() };
            wrong(&told, &host).len()
        };
        assert_eq!(with(Some(nft), None, None), 1);
        assert_eq!(with(Some(&format!("{nft} udp dport {{ 4369, 4370 }} accept")), None, None), 0);
        assert_eq!(with(Some(&nft.replace("drop", "accept")), None, None), 0);
        assert_eq!(with(Some(nft), Some("Status: active\n4369 4370"), None), 0, "ufw made it");
        assert_eq!(with(Some(nft), Some("Status: inactive"), None), 1);
        assert_eq!(with(None, Some("Status: active\n22/tcp ALLOW"), None), 1);
        assert_eq!(with(None, Some("Status: active\nemqx-rs mesh ALLOW"), None), 0);
        assert_eq!(with(None, None, Some("public\n services: ssh\n ports:")), 1);
        assert_eq!(with(None, None, Some("public\n services: ssh emqx-rs-mesh")), 0);
    }

    /// The ports are those in force, whatever the name of the node stands for.
    #[test]
    fn a_firewall_is_asked_for_the_ports_in_force() {
        let mut told = told(vec![heard("emqx@10.0.0.2", "accepted")]);
        told.cluster.as_mut().unwrap().port = Some(5000);
        told.discovery.as_mut().unwrap().ports = vec![4369, 4300];
        let ufw = Some("Status: active\nemqx-rs mesh ALLOW".to_owned());
        let firewalld =
            Some("public\n services: emqx-rs-mesh\n ports: 5000/tcp 5000/udp".to_owned());
        let findings = examine(&told, &Host { ufw, firewalld, ..host() });
        let text = text(&findings);
        assert!(text.contains("names no rule for port 5000 and 4300"), "{text}");
        let ufw = "ufw allow from YOUR-LAN/24 to any port 5000 && ufw allow from YOUR-LAN/24 to any port 4300";
        assert!(text.contains(ufw), "{text}");
        let firewalld = "--add-port=4300/tcp --add-port=4300/udp && firewall-cmd --reload";
        assert!(text.contains(firewalld), "{text}");
    }

    #[test]
    fn who_was_refused_is_told() {
        let mut told = told(vec![heard("emqx@10.0.0.2", "accepted")]);
        let refusal = super::super::Refusal {
            node: Some("b@h".to_owned()),
            address: "10.0.0.3:4370".to_owned(),
            dialed: true,
            reason: "cookie mismatch".to_owned(),
            age_ms: 10,
            count: 1,
        };
        let old = super::super::Refusal { age_ms: RECENT_MS, ..refusal.clone() };
        told.cluster.as_mut().unwrap().refusals = vec![refusal, old];
        let want = "no link to b@h at 10.0.0.3:4370: cookie mismatch".to_owned();
        assert_eq!(wrong(&told, &host()), [(Grade::Warning, want)]);
    }

    #[test]
    fn two_boxes_with_one_identity_are_a_fault_with_its_remedy() {
        let mut told = told(vec![heard("emqx@10.0.0.2", "accepted")]);
        let refusal = super::super::Refusal {
            node: Some("b@h".to_owned()),
            address: "10.0.0.3:4370".to_owned(),
            dialed: true,
            reason: "refused: its identity is in use on another box too".to_owned(),
            age_ms: 10,
            count: 1,
        };
        told.cluster.as_mut().unwrap().refusals = vec![refusal];
        let findings = examine(&told, &host());
        let fault = findings.iter().find(|f| f.grade == Grade::Fault).unwrap();
        assert!(fault.what.contains("two boxes have one identity"), "{fault:?}");
        assert!(fault.remedy.as_ref().unwrap().contains("rm identity.key"), "{fault:?}");
    }

    #[test]
    fn the_host_is_looked_at() {
        let told = told(vec![heard("emqx@10.0.0.2", "accepted")]);
        let sick = Host {
            silent_bridges: vec!["br0".to_owned()],
            reach: Reach::Elsewhere,
            clock: 0,
            open_files: Some(1024),
            room: Some(("/var/lib/emqx-rs".into(), 1 << 20)),
            ..host()
        };
        assert_eq!(wrong(&told, &sick).len(), 5);
        for reach in [Reach::Loopback, Reach::Unknown("no such host".to_owned())] {
            assert_eq!(wrong(&told, &Host { reach, ..host() }).len(), 1);
        }
        let text = text(&examine(&told, &sick));
        assert!(
            text.contains("FAULT    no interface of this host") && text.contains(" -> "),
            "{text}"
        );
    }
}
