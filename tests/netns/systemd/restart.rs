//! `systemctl restart` under the load of a thousand clients: none of them notices more than a pause.

use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

use super::{
    super::{
        host::Host,
        lan::Lan,
        report,
        support::crowd::{self, CLIENTS, Seen},
    },
    INSTALL, OPEN, address, installed, lan, repository, wait_line,
};

const RESTARTS: usize = 3;

/// Restarts the daemon and says how long what took: until the old process has ended, until the new one runs, until it is ready.
fn restart(host: &Host, took: &mut [Vec<Duration>; 4]) {
    let began = Instant::now();
    host.sh("systemctl restart emqx-rs.service");
    let show = host.sh(
        "systemctl show emqx-rs.service --property=ActiveExitTimestampMonotonic,\
         InactiveEnterTimestampMonotonic,ExecMainStartTimestampMonotonic,ActiveEnterTimestampMonotonic",
    );
    let all: BTreeMap<_, _> = show.lines().filter_map(|line| line.split_once('=')).collect();
    let at = |name: &str| all[&*format!("{name}TimestampMonotonic")].parse::<u64>().unwrap();
    let points = [at("ActiveExit"), at("InactiveEnter"), at("ExecMainStart"), at("ActiveEnter")];
    for (series, pair) in took.iter_mut().zip(points.windows(2)) {
        series.push(Duration::from_micros(pair[1].saturating_sub(pair[0])));
    }
    took[3].push(began.elapsed());
}

/// Under load, on all of these hosts, of which the first is restarted.
fn under_load(hosts: &[Host], what: &str) {
    let places: Vec<_> = (1..=hosts.len()).map(address).collect();
    let mut took: [Vec<Duration>; 4] = Default::default();
    let trouble = || restart(&hosts[0], &mut took);
    let Seen { messages, longest } = crowd::under_load(&places, RESTARTS, trouble);
    println!(
        "FIGURE {what}: {CLIENTS} clients, {messages} messages, {RESTARTS} restarts: longest pause {longest:?}"
    );
    let [ends, starts, ready, all] = &mut took;
    report("SIGTERM to the end of the old process", ends);
    report("from there to the start of the new one", starts);
    report("from there to READY", ready);
    report("systemctl restart", all);
    println!(
        "FIGURE of the old process: {}",
        hosts[0]
            .sh("journalctl --unit=emqx-rs.service --no-pager -o json | grep -o '[A-Z_]*_MS\":\"[0-9]*' | tr '\n' ' '")
    );
    let log = hosts[0].log();
    assert!(!log.contains("have to connect again"), "{log}");
    assert_eq!(log.matches("left to the next process").count(), RESTARTS, "{log}");
}

fn alone(suite: &str) {
    let (_lan, host) = installed(suite);
    host.write("/etc/emqx-rs/conf.d/test.conf", OPEN);
    host.sh("systemctl reload emqx-rs.service");
    under_load(&[host], suite);
}

#[test]
fn a_thousand_clients_notice_a_pause_on_debian_12() {
    alone("bookworm");
}

#[test]
fn a_thousand_clients_notice_a_pause_on_debian_13() {
    alone("trixie");
}

/// So many hosts in one cluster.
fn cluster(suites: &[&str]) -> (Lan, Vec<Host>) {
    let lan = lan(suites.len());
    let share = repository();
    let boot = |(number, suite): (usize, &&str)| Host::boot(&lan, number, suite, &share);
    let hosts: Vec<Host> = (1..).zip(suites).map(boot).collect();
    for host in &hosts {
        host.sh(INSTALL);
        host.write("/etc/emqx-rs/conf.d/test.conf", OPEN);
    }
    let cookie = hosts[0].sh("cat /etc/emqx-rs/cookie");
    hosts[0].sh("systemctl reload emqx-rs.service");
    for host in &hosts[1..] {
        host.sh(&format!("echo '{cookie}' | emqx-rs-ctl cookie set 2>&1"));
        host.sh("systemctl restart emqx-rs.service");
    }
    for host in &hosts {
        wait_line(host, &format!("{0} of {0} nodes up", suites.len()));
    }
    (lan, hosts)
}

#[test]
fn a_thousand_clients_of_three_hosts_notice_a_pause() {
    let (_lan, hosts) = cluster(&["bookworm", "trixie", "bookworm"]);
    under_load(&hosts, "one of three hosts");
    for host in &hosts {
        wait_line(host, "3 of 3 nodes up");
    }
}
