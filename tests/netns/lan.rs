//! A LAN of network namespaces: a switch with a bridge, a namespace for each host, and one for the test itself. Cables are cut
//! on the switch with nftables, so hosts see silence and no carrier loss.
//!
//! Host K is 10.77.0.K and fd77::K, the test 10.77.0.254. The names carry the process and a count, so test runs never meet; all is gone
//! with the [`Lan`].

use std::{
    fs::File,
    io::Write,
    os::fd::AsFd,
    process::{Command, Stdio},
    sync::atomic::{AtomicU32, Ordering},
};

use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};

/// A LAN, for as long as this lives.
pub struct Lan {
    prefix: String,
    hosts: usize,
}

/// The way onto a host.
pub struct Entrance(File);

impl Entrance {
    /// Moves the calling thread there.
    pub fn enter(&self) {
        move_into_link_name_space(self.0.as_fd(), Some(LinkNameSpaceType::Network)).unwrap();
    }
}

fn run(command: &mut Command) -> bool {
    command.stdin(Stdio::null()).status().is_ok_and(|status| status.success())
}

/// Many `ip` commands in one process.
fn ip(namespace: Option<&str>, lines: &str) {
    let mut command = Command::new("ip");
    if let Some(namespace) = namespace {
        command.args(["-n", namespace]);
    }
    let mut child = command
        .args(["-batch", "-"])
        .stdin(Stdio::piped())
        .spawn()
        .expect("the namespace tests need iproute2: apt-get install iproute2 nftables");
    child.stdin.take().unwrap().write_all(lines.as_bytes()).unwrap();
    assert!(child.wait().unwrap().success(), "ip {lines}");
}

impl Lan {
    /// A LAN of `hosts` hosts, numbered from 1. The calling thread is moved onto it: its sockets, and those of the threads and
    /// processes that it starts, are on the LAN.
    pub fn new(hosts: usize) -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        assert!(
            rustix::process::getuid().is_root(),
            "the namespace tests make network namespaces: run them as root (sudo make netns)"
        );
        let serial = NEXT.fetch_add(1, Ordering::Relaxed);
        let lan = Self { prefix: format!("ern{}x{serial}", std::process::id()), hosts };
        let switch = lan.namespace("sw");
        let mut lines = format!("netns add {switch}\n");
        for host in lan.all() {
            lines += &format!("netns add {}\n", lan.namespace(&host));
        }
        ip(None, &lines);
        let mut lines = String::from("link add br0 type bridge\nlink set br0 up\n");
        for host in lan.all() {
            let namespace = lan.namespace(&host);
            lines += &format!("link add p{host} type veth peer name eth0 netns {namespace}\n");
            lines += &format!("link set p{host} master br0 up\n");
        }
        ip(Some(&switch), &lines);
        for host in lan.all() {
            let number = if host == "t" { "254" } else { &host };
            // Addresses that the kernel would have to try first are not usable at once.
            let lines = format!(
                "link set lo up\nlink set eth0 addrgenmode none\naddr add 10.77.0.{number}/24 dev eth0\n\
                 link set eth0 up\naddr add fe80::77:{number}/64 dev eth0 nodad\naddr add fd77::{number}/64 dev eth0 nodad\n"
            );
            ip(Some(&lan.namespace(&host)), &lines);
        }
        lan.nft(
            "add table bridge cut; \
             add chain bridge cut forward { type filter hook forward priority 0; }",
        );
        lan.enter();
        lan
    }

    fn all(&self) -> Vec<String> {
        (1..=self.hosts).map(|host| host.to_string()).chain(["t".to_owned()]).collect()
    }

    fn namespace(&self, host: &str) -> String {
        format!("{}{host}", self.prefix)
    }

    /// A name of a host that no other test run has.
    pub fn name_of(&self, host: usize) -> String {
        self.namespace(&host.to_string())
    }

    /// The namespace of a host, as a file.
    pub fn path_of(&self, host: usize) -> String {
        format!("/run/netns/{}", self.name_of(host))
    }

    fn enter(&self) {
        self.enter_as("t");
    }

    /// Moves the calling thread onto a host.
    pub fn enter_as(&self, host: &str) {
        self.entrance(host).enter();
    }

    /// The way onto a host, for another thread. The switch is `sw`.
    pub fn entrance(&self, host: &str) -> Entrance {
        let path = format!("/run/netns/{}", self.namespace(host));
        Entrance(File::open(path).unwrap())
    }

    /// Changes addresses and routes of a host.
    pub fn configure(&self, host: usize, lines: &str) {
        ip(Some(&self.namespace(&host.to_string())), lines);
    }

    /// How a program is started on a host.
    pub fn on(&self, host: usize) -> Vec<String> {
        let namespace = self.namespace(&host.to_string());
        ["ip", "netns", "exec", &namespace].map(str::to_owned).to_vec()
    }

    fn nft(&self, rules: &str) {
        let done = run(Command::new("ip")
            .args(["netns", "exec", &self.namespace("sw"), "nft"])
            .arg(rules));
        assert!(done, "nft {rules}");
    }

    /// What `from` sends to `to` is lost.
    pub fn cut_one_way(&self, from: usize, to: usize) {
        self.nft(&format!("add rule bridge cut forward iifname p{from} oifname p{to} drop"));
    }

    /// Nothing passes between hosts of different parts.
    pub fn split(&self, parts: &[&[usize]]) {
        let mut rules = String::new();
        for part in parts {
            for from in *part {
                for to in parts.iter().filter(|other| *other != part).flat_map(|p| p.iter()) {
                    rules +=
                        &format!("add rule bridge cut forward iifname p{from} oifname p{to} drop;");
                }
            }
        }
        self.nft(&rules);
    }

    /// Of a hundred datagrams so many are lost.
    pub fn lose_datagrams(&self, percent: u8) {
        self.nft(&format!(
            "add rule bridge cut forward meta l4proto udp numgen random mod 100 < {percent} drop"
        ));
    }

    /// The switch sends multicast only where somebody asked for it, and asks who wants it.
    pub fn snoop(&self) {
        let lines = "link set br0 type bridge mcast_snooping 1 mcast_querier 1\n";
        ip(Some(&self.namespace("sw")), lines);
    }

    /// The interface of a host is not up.
    pub fn take_down(&self, host: usize) {
        ip(Some(&self.namespace(&host.to_string())), "link set eth0 down\n");
    }

    /// The interface of a host comes up, without its IPv6 addresses.
    pub fn bring_up(&self, host: usize) {
        ip(Some(&self.namespace(&host.to_string())), "link set eth0 up\n");
    }

    /// No datagrams pass any more.
    pub fn block_udp(&self) {
        self.nft("add rule bridge cut forward ip protocol udp drop");
    }

    /// All cables are whole again.
    pub fn heal(&self) {
        self.nft("flush chain bridge cut forward");
    }

    /// The cable of a host is out: it reaches nobody, and sees that it has no carrier.
    pub fn unplug(&self, host: usize) {
        ip(Some(&self.namespace("sw")), &format!("link set p{host} down\n"));
    }

    /// The cable of a host is in again.
    pub fn plug(&self, host: usize) {
        ip(Some(&self.namespace("sw")), &format!("link set p{host} up\n"));
    }
}

impl Drop for Lan {
    fn drop(&mut self) {
        for host in self.all().iter().map(String::as_str).chain(["sw"]) {
            run(Command::new("ip").args(["netns", "del", &self.namespace(host)]));
        }
    }
}
