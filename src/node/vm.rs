//! What the process takes of its host (`emqx-rs-ctl vm`), under the names that EMQX has for its Erlang machine.

use std::collections::BTreeMap;
use std::fs;

use nix::sys::resource::{Resource, getrlimit};
use nix::sys::sysinfo::sysinfo;

/// Load of the host, memory and threads of this process, and its open files. What the kernel does not show (a service may be
/// kept from it) is left out.
#[must_use]
pub(super) fn figures() -> BTreeMap<String, String> {
    let mut rows = BTreeMap::new();
    if let Ok(host) = sysinfo() {
        let (one, five, fifteen) = host.load_average();
        for (name, load) in [("load1", one), ("load5", five), ("load15", fifteen)] {
            rows.insert(format!("cpu/{name}"), format!("{load:.2}"));
        }
    }
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    for line in status.lines() {
        let Some((name, value)) = line.split_once(':') else { continue };
        let number = value.trim().trim_end_matches(" kB").parse::<u64>().ok();
        let row = match name {
            "VmSize" => ("memory/total", 1024),
            "VmRSS" => ("memory/used", 1024),
            "VmHWM" => ("memory/peak", 1024),
            "Threads" => ("process/count", 1),
            _ => continue,
        };
        rows.extend(number.map(|number| (row.0.to_owned(), (number * row.1).to_string())));
    }
    if let Ok((soft, _)) = getrlimit(Resource::RLIMIT_NOFILE) {
        rows.insert("io/max_fds".into(), soft.to_string());
        rows.insert("ports/limit".into(), soft.to_string());
    }
    if let Ok(open) = fs::read_dir("/proc/self/fd") {
        rows.insert("ports/count".into(), open.count().to_string());
    }
    rows
}

#[cfg(test)]
mod tests {
    #[test]
    fn this_process_takes_something() {
        let rows = super::figures();
        for name in ["memory/used", "process/count", "io/max_fds"] {
            assert!(rows[name].parse::<u64>().unwrap() > 0, "{rows:?}");
        }
    }
}
