//! How much memory there is for the process: the least of what its control group and those above it allow (`memory.high`,
//! `memory.max`; `memory.limit_in_bytes` of version 1), and of what the machine has.

use std::{
    fs,
    path::{Path, PathBuf},
};

/// Where control groups are, by systemd and by every container.
const MOUNT: &str = "/sys/fs/cgroup";
/// Files of a group that hold a limit; each holds a number of bytes or `max`.
const FILES: [&str; 3] = ["memory.high", "memory.max", "memory.limit_in_bytes"];

/// Bytes; `None` if nobody says.
pub(super) fn find() -> Option<u64> {
    let machine = nix::sys::sysinfo::sysinfo().ok().map(|info| info.ram_total());
    let own = fs::read_to_string("/proc/self/cgroup").unwrap_or_default();
    [machine, of_group(Path::new(MOUNT), &own)]
        .into_iter()
        .flatten()
        .filter(|bytes| *bytes > 0)
        .min()
}

/// The least that the groups in `own`, the text of `/proc/self/cgroup` (cgroups(7)), and those above them allow. In a container
/// the path is the one outside, and what counts stands at the mount.
fn of_group(mount: &Path, own: &str) -> Option<u64> {
    let folders = own.lines().filter_map(|line| folder(mount, line));
    let limits = folders.flat_map(|(top, folder)| {
        let all: Vec<PathBuf> =
            folder.ancestors().take_while(|at| at.starts_with(&top)).map(Path::to_owned).collect();
        all.into_iter().flat_map(|at| FILES.map(|name| limit(&at.join(name))))
    });
    limits.flatten().min()
}

/// The folder of a group that limits memory, and the highest above it.
fn folder(mount: &Path, line: &str) -> Option<(PathBuf, PathBuf)> {
    let mut parts = line.splitn(3, ':').skip(1);
    let (controllers, path) = (parts.next()?, parts.next()?);
    let top = if controllers.is_empty() {
        mount.to_owned()
    } else if controllers.split(',').any(|one| one == "memory") {
        mount.join("memory")
    } else {
        return None;
    };
    let below = path.trim_start_matches('/');
    // A group outside of what is mounted shows as one above the top.
    let folder =
        if below.split('/').any(|part| part == "..") { top.clone() } else { top.join(below) };
    Some((top, folder))
}

fn limit(file: &Path) -> Option<u64> {
    fs::read_to_string(file).ok()?.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(files: &[(&str, &str)], own: &str, want: Option<u64>) {
        let mount = tempfile::tempdir().unwrap();
        for (path, text) in files {
            let path = mount.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        assert_eq!(of_group(mount.path(), own), want);
    }

    #[test]
    fn the_least_of_a_group_and_those_above_it_counts() {
        let own = "0::/system.slice/emqx-rs.service\n";
        let high = ("system.slice/emqx-rs.service/memory.high", "96000000\n");
        let max = ("system.slice/emqx-rs.service/memory.max", "128000000\n");
        check(&[high, max], own, Some(96_000_000));
        check(&[("system.slice/memory.max", "64000000\n"), high, max], own, Some(64_000_000));
        check(&[("system.slice/emqx-rs.service/memory.max", "max\n")], own, None);
        check(&[("other.slice/memory.max", "5\n")], own, None);
    }

    #[test]
    fn in_a_container_the_mount_counts() {
        check(&[("memory.max", "512000000\n")], "0::/docker/0123\n", Some(512_000_000));
        check(&[("memory.max", "512000000\n")], "0::/../../x\n", Some(512_000_000));
        check(&[("memory.max", "7\n")], "", None);
    }

    #[test]
    fn version_1_has_a_group_for_memory_alone() {
        let own = "12:cpu,cpuacct:/a\n9:memory:/box\n1:name=systemd:/b\n";
        let files = [
            ("memory/memory.limit_in_bytes", "9223372036854771712\n"),
            ("memory/box/memory.limit_in_bytes", "268435456\n"),
            ("cpu,cpuacct/a/memory.limit_in_bytes", "5\n"),
        ];
        check(&files, own, Some(268_435_456));
    }

    #[test]
    fn this_machine_has_some() {
        assert!(find().unwrap() > 1 << 24);
    }
}
