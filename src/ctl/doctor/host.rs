//! What `doctor` can see of this host by itself. What cannot be had is left out: without root that is the firewall.

use std::{
    fs,
    net::{ToSocketAddrs, UdpSocket},
    os::unix::net::UnixStream,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    time::SystemTime,
};

use nix::sys::socket::{getsockopt, sockopt::PeerCredentials};

use crate::{cluster::NodeName, sort};

/// Whether the host in the name of a node is this one.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Reach {
    /// It is.
    #[default]
    Here,
    /// It is, and nobody else can reach it.
    Loopback,
    /// Another host has the address, or nobody.
    Elsewhere,
    /// It has no address, for this reason.
    Unknown(String),
}

/// The facts.
#[derive(Clone, Debug, Default)]
pub struct Host {
    /// `nft list ruleset`
    pub nft: Option<String>,
    /// `ufw status`
    pub ufw: Option<String>,
    /// `firewall-cmd --list-all`, where it runs.
    pub firewalld: Option<String>,
    /// Bridges of this host that snoop and have no querier.
    pub silent_bridges: Vec<String>,
    /// Where the name of the node leads.
    pub reach: Reach,
    /// Seconds since 1970.
    pub clock: u64,
    /// Files that the process of the node may open.
    pub open_files: Option<u64>,
    /// Free bytes where the node keeps its data.
    pub room: Option<(PathBuf, u64)>,
}

impl Host {
    /// Looks. `node` is the name of the node here, `pid` its process, `data` its data folder.
    #[must_use]
    pub fn look(node: Option<&str>, pid: Option<i32>, data: &Path) -> Self {
        Self {
            nft: output("nft", &["list", "ruleset"]),
            ufw: output("ufw", &["status"]),
            firewalld: output("firewall-cmd", &["--list-all"]),
            silent_bridges: silent_bridges(Path::new("/sys/class/net")),
            reach: node.map(reach).unwrap_or_default(),
            clock: SystemTime::UNIX_EPOCH.elapsed().map_or(0, |since| since.as_secs()),
            open_files: pid.and_then(open_files),
            room: room(data),
        }
    }
}

/// What a program prints, if it is there and succeeds.
fn output(program: &str, words: &[&str]) -> Option<String> {
    // In words that this program knows.
    let mut command = Command::new(program);
    command.args(words).env("LC_ALL", "C").stdin(Stdio::null()).stderr(Stdio::null());
    let run = command.output();
    let done = run.ok().filter(|done| done.status.success())?;
    String::from_utf8(done.stdout).ok()
}

/// The process at the other end of a control socket.
#[must_use]
pub fn process_at(socket: &Path) -> Option<i32> {
    let stream = UnixStream::connect(socket).ok()?;
    getsockopt(&stream, PeerCredentials).ok().map(|peer| peer.pid()).filter(|pid| *pid > 0)
}

fn silent_bridges(interfaces: &Path) -> Vec<String> {
    let Ok(entries) = fs::read_dir(interfaces) else { return Vec::new() };
    let is_set = |path: PathBuf| fs::read_to_string(path).ok().map(|text| text.trim() == "1");
    let mut silent: Vec<String> = entries
        .filter_map(Result::ok)
        .filter(|entry| {
            let bridge = entry.path().join("bridge");
            is_set(bridge.join("multicast_snooping")) == Some(true)
                && is_set(bridge.join("multicast_querier")) == Some(false)
        })
        .map(|entry| entry.file_name().to_string_lossy().into_owned())
        .collect();
    sort::sort(&mut silent);
    silent
}

fn reach(node: &str) -> Reach {
    let Ok(name) = NodeName::parse(node) else { return Reach::Here };
    let addrs = match name.ip() {
        Some(addr) => vec![addr],
        None => match (name.host(), 0).to_socket_addrs() {
            Ok(addrs) => addrs.map(|addr| addr.ip()).collect(),
            Err(error) => return Reach::Unknown(error.to_string()),
        },
    };
    let here = |addr: &std::net::IpAddr| UdpSocket::bind((*addr, 0)).is_ok();
    if addrs.iter().all(std::net::IpAddr::is_loopback) {
        Reach::Loopback
    } else if addrs.iter().any(|addr| !addr.is_loopback() && here(addr)) {
        Reach::Here
    } else {
        Reach::Elsewhere
    }
}

fn open_files(pid: i32) -> Option<u64> {
    let limits = fs::read_to_string(format!("/proc/{pid}/limits")).ok()?;
    let line = limits.lines().find_map(|line| line.strip_prefix("Max open files"))?;
    line.split_whitespace().next()?.parse().ok()
}

fn room(folder: &Path) -> Option<(PathBuf, u64)> {
    let stat = nix::sys::statvfs::statvfs(folder).ok()?;
    let free = stat.blocks_available().checked_mul(stat.fragment_size())?;
    Some((folder.to_owned(), free))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_lead_somewhere() {
        assert_eq!(reach("a@127.0.0.1"), Reach::Loopback);
        assert_eq!(reach("a@192.0.2.77"), Reach::Elsewhere);
        assert!(matches!(reach("a@no.such.host.invalid"), Reach::Unknown(_)));
    }

    #[test]
    fn bridges_that_snoop_in_silence_are_found() {
        let dir = tempfile::tempdir().unwrap();
        for (name, snooping, querier) in [("br0", "1", "0"), ("br1", "0", "0"), ("br2", "1", "1")] {
            let bridge = dir.path().join(name).join("bridge");
            fs::create_dir_all(&bridge).unwrap();
            fs::write(bridge.join("multicast_snooping"), snooping).unwrap();
            fs::write(bridge.join("multicast_querier"), querier).unwrap();
        }
        fs::create_dir(dir.path().join("eth0")).unwrap();
        assert_eq!(silent_bridges(dir.path()), ["br0"]);
    }

    #[test]
    fn this_process_has_a_limit() {
        assert!(open_files(i32::try_from(std::process::id()).unwrap()).unwrap() > 0);
    }
}
