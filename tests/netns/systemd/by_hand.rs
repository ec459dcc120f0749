//! What `make install` lays, with the commands that the README has for it.

use std::{fs, path::Path};

use super::{
    super::{
        host::Host,
        support::{Connect, Version::V5},
    },
    OPEN, address, lan, round_trip, wait_line,
};

#[test]
fn what_make_install_lays_is_started_as_the_readme_has_it() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let tree = root.join("target/installed");
    assert!(tree.is_dir(), "no {}: run `make systemd`", tree.display());
    let readme = fs::read_to_string(root.join("README.md")).unwrap();
    let line = readme.lines().find_map(|line| line.strip_prefix("    sudo systemd-sysusers "));
    let commands =
        format!("systemd-sysusers {}", line.expect("how to start it")).replace("sudo ", "");
    let lan = lan(1);
    let host = Host::boot(&lan, 1, "bookworm", &tree);
    host.sh("cp -a /srv/share/. /");
    host.write("/etc/emqx-rs/conf.d/test.conf", OPEN);
    host.sh(&commands);
    wait_line(&host, "emqx@10.77.0.1: 0 clients, 1 of 1 nodes up in cluster emqxcl");
    assert_eq!(host.show("ExecReload").split(' ').nth(1), Some("path=/usr/local/bin/emqx-rs-ctl"));
    round_trip(&mut Connect::new(V5).open(address(1)));
    host.sh("systemctl reload emqx-rs.service");
    assert!(host.sh("emqx-rs-ctl status").contains("emqx@10.77.0.1"));
    let unit = "/usr/local/lib/systemd/system/emqx-rs.service";
    assert_eq!(host.sh(&format!("systemd-analyze verify --man=no {unit} 2>&1")), "");
    let told = host.sh("journalctl --unit=emqx-rs.service -x --no-pager");
    assert!(told.contains("The node emqx@10.77.0.1 serves clients"), "{told}");
    host.sh("systemctl disable --quiet --now emqx-rs.service");
    assert_eq!(host.show("ExecMainStatus"), "0");
}
