//! The .rpm: no system that is made of such packages can be had from Debian's, so Debian's `rpm` runs its scriptlets, beside the systemd
//! that they talk to.

use std::{fs, path::Path, process::Command};

use tempfile::TempDir;

use super::{
    super::{
        host::Host,
        support::{Client, Connect, Version::V5},
    },
    OPEN, address, lan, round_trip, wait_line, wait_state,
};

/// Both versions: `1/` of this tree, `2/` the same with a higher number.
fn versions() -> TempDir {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let built = root.join("target/generate-rpm");
    let folder = TempDir::new().unwrap();
    let (first, second) = (folder.path().join("1"), folder.path().join("2"));
    fs::create_dir(&first).unwrap();
    fs::create_dir(&second).unwrap();
    for entry in fs::read_dir(&built).expect("run `make rpm`") {
        let entry = entry.unwrap();
        fs::copy(entry.path(), first.join(entry.file_name())).unwrap();
    }
    let made = Command::new("cargo")
        .args(["generate-rpm", "--payload-compress", "none"])
        .args(["--set-metadata", "version = \"9\"", "--output"])
        .arg(&second)
        .current_dir(root)
        .output()
        .unwrap();
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    folder
}

/// Libraries are Debian's, which rpm does not know of.
const RPM: &str = "rpm --nodeps";

#[test]
fn its_scriptlet_makes_the_user_that_sysusers_has() {
    let (script, line) = (
        include_str!("../../../packaging/rpm/pre.sh"),
        include_str!("../../../packaging/sysusers.d/emqx-rs.conf"),
    );
    assert!(script.contains(&format!("echo '{}' |", line.trim_end())), "{script}");
}

#[test]
fn it_is_installed_upgraded_and_erased() {
    let (lan, share) = (lan(1), versions());
    let host = Host::boot(&lan, 1, "trixie", share.path());
    // A scriptlet that fails says so, that of the user says what it makes. The rpm of Debian 13 makes users too, with programs that are
    // not in this tree.
    let said = host.sh(&format!("{RPM} -i /srv/share/1/*.rpm 2>&1"));
    let usual = |line: &str| {
        line.starts_with("Creating ") || line.starts_with("/usr/lib/rpm/sysusers.sh: ")
    };
    assert!(said.lines().all(usual), "{said}");
    assert_eq!(
        host.sh("getent passwd emqx-rs | cut -d: -f5-"),
        "emqx-rs MQTT broker:/var/lib/emqx-rs:/usr/sbin/nologin"
    );
    // As the preset has it; what is started is the administrator's choice on such systems.
    assert_eq!(host.sh("systemctl is-enabled emqx-rs.service"), "enabled");
    assert_eq!(host.run("systemctl is-enabled emqx-rs.socket").text, "disabled");
    assert_eq!(host.show("ActiveState"), "inactive");
    let modes = "stat -c '%a %U %G' /etc/emqx-rs /etc/emqx-rs/emqx.conf /etc/emqx-rs/acl.conf /etc/emqx-rs/cookie";
    assert_eq!(
        host.sh(modes),
        "750 root emqx-rs\n640 root emqx-rs\n640 root emqx-rs\n600 root root"
    );
    host.write("/etc/emqx-rs/conf.d/test.conf", OPEN);
    host.sh("sed -i 's/^log.level = info/log.level = debug/' /etc/emqx-rs/emqx.conf");
    host.sh("systemctl start emqx-rs.service");
    wait_line(&host, "1 of 1 nodes up");
    let cookie = host.sh("cat /etc/emqx-rs/cookie");
    round_trip(&mut Connect::new(V5).open(address(1)));
    lan.enter_as("1");
    let mut client = Client::at(V5, ([127, 0, 0, 1], 1883).into());
    lan.enter_as("t");

    let process = host.show("MainPID");
    assert_eq!(host.sh(&format!("{RPM} -U /srv/share/2/*.rpm 2>&1")), "");
    assert_eq!(host.sh("rpm -q --queryformat '%{VERSION}' emqx-rs"), "9");
    assert_ne!(host.show("MainPID"), process, "an upgrade restarts it");
    wait_state(&host, "active");
    client.ping();
    assert_eq!(host.sh("systemctl is-enabled emqx-rs.service"), "enabled");
    host.sh("grep -q '^log.level = debug' /etc/emqx-rs/emqx.conf");
    assert_eq!(host.sh("cat /etc/emqx-rs/cookie"), cookie);
    round_trip(&mut Connect::new(V5).open(address(1)));

    // One that an administrator has stopped stays so.
    host.sh("systemctl disable --quiet --now emqx-rs.service");
    assert_eq!(host.sh(&format!("{RPM} -U --oldpackage /srv/share/1/*.rpm 2>&1")), "");
    assert_eq!(host.show("ActiveState"), "inactive");
    assert_eq!(host.run("systemctl is-enabled emqx-rs.service").text, "disabled");
    host.sh("systemctl enable --quiet --now emqx-rs.service");

    let said = host.sh("rpm -e emqx-rs 2>&1");
    assert_eq!(said, "warning: /etc/emqx-rs/emqx.conf saved as /etc/emqx-rs/emqx.conf.rpmsave");
    assert_eq!(host.run("grep -lx emqx-rs /proc/*/comm; ls /usr/bin | grep emqx").text, "");
    assert_ne!(host.run("systemctl cat emqx-rs.service").code, 0);
    assert_eq!(host.run("find /etc/systemd -name 'emqx-rs*'").text, "");
    assert_eq!(host.sh("systemctl --failed --no-legend --plain"), "");
    // Data, the cookie and what was edited are not the package's to take.
    assert_eq!(host.sh("cat /etc/emqx-rs/cookie"), cookie);
    host.sh("test -d /var/lib/emqx-rs -a -f /etc/emqx-rs/conf.d/test.conf");
}
