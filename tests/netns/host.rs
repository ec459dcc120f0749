//! A Debian host with systemd as PID 1: a tree that `.ci/debian-tree` has laid, under an overlay in memory, booted by systemd-nspawn on a
//! host of a [`Lan`]. Needs root, systemd-container and a cgroup2 mount.
//!
//! All of it (processes, mounts, files) is gone with the [`Host`], also when this process is killed.

use std::{
    fmt::Write as _,
    fs,
    io::{self, Write as _},
    os::unix::net::UnixDatagram,
    path::{Path, PathBuf},
    process::{Child, ChildStdin, Command, Stdio},
    time::{Duration, Instant},
};

use tempfile::TempDir;

use super::lan::Lan;

/// A boot takes a second or two; beside a busy machine it may take ten times as long.
const BOOT: Duration = Duration::from_secs(90);
/// A command in a host.
const COMMAND: Duration = Duration::from_secs(120);

/// Mounts, boots, and ends it all when standard input ends. $1 is the tree, $2 the folder, $3 the groups; the rest is the command.
const BOOT_SCRIPT: &str = r#"
exec 3<&0 </dev/null
tree=$1 folder=$2 groups=$3
shift 3
mount -t tmpfs -o mode=755,size=1g tmpfs "$folder/disk" && mkdir "$folder/disk/upper" "$folder/disk/work" "$folder/disk/root" &&
mount -t overlay -o "lowerdir=$tree,upperdir=$folder/disk/upper,workdir=$folder/disk/work" overlay "$folder/disk/root" || exit 1
for group in $groups; do mkdir -p "$group" || exit 1; done
(exec 3<&-; for group in $groups; do echo 0 > "$group/cgroup.procs"; done; exec "$@") &
read -r _ <&3
for group in $groups; do [ ! -e "$group/cgroup.kill" ] || echo 1 > "$group/cgroup.kill"; done
kill -9 $! 2>/dev/null
wait
for group in $groups; do
    for _ in 1 2 3 4 5 6 7 8 9 10; do
        find "$group" -depth -type d -exec rmdir {} + 2>/dev/null
        [ -d "$group" ] || break
        sleep 0.1
    done
done
"#;

/// Joins the groups of PID 1 and enters its namespaces. $1 is PID 1, $2 the files of the groups.
const ENTER_SCRIPT: &str = r#"
leader=$1
for group in $2; do echo 0 > "$group"; done
shift 2
exec nsenter -t "$leader" -m -u -i -n -p -C -- env -i -C / HOME=/root LANG=C.UTF-8 SYSTEMD_PAGER=cat SYSTEMD_COLORS=0 TERM=dumb \
    PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin DEBIAN_FRONTEND=noninteractive "$@"
"#;

/// A running host.
pub struct Host {
    /// `b1` and so on.
    pub name: String,
    /// Its PID 1, as this process sees it.
    leader: i32,
    /// The files by which a process joins the groups of PID 1.
    joins: String,
    supervisor: Child,
    hold: Option<ChildStdin>,
    folder: TempDir,
}

/// How a command ended, and what it wrote to both outputs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Done {
    /// Its exit code.
    pub code: i32,
    /// What it wrote.
    pub text: String,
}

impl Host {
    /// Boots a host of `suite` (`bookworm`, `trixie`) as number `host` of the LAN. The folder `share` is `/srv/share` there.
    #[track_caller]
    pub fn boot(lan: &Lan, host: usize, suite: &str, share: &Path) -> Self {
        let tree = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/trees").join(suite);
        assert!(tree.is_dir(), "no {}: run `make systemd`, as root", tree.display());
        let (folder, name) = (TempDir::new().unwrap(), format!("b{host}"));
        fs::create_dir(folder.path().join("disk")).unwrap();
        let notify = folder.path().join("notify");
        let manager = UnixDatagram::bind(&notify).unwrap();
        let groups = groups(&format!("emqx-rs-{}", lan.name_of(host)));
        let mut command = Command::new("unshare");
        command
            .args(["--mount", "--", "sh", "-c", BOOT_SCRIPT, "sh"])
            .args([tree.as_path(), folder.path()])
            .arg(groups.join(" "))
            .args(nspawn(folder.path(), &name, &lan.path_of(host), share))
            .env("NOTIFY_SOCKET", &notify)
            .env("SYSTEMD_NSPAWN_UNIFIED_HIERARCHY", "1")
            .env("SYSTEMD_NSPAWN_API_VFS_WRITABLE", "network")
            .env("SYSTEMD_NSPAWN_LOCK", "0")
            .stdin(Stdio::piped())
            .stdout(fs::File::create(folder.path().join("console")).unwrap())
            .stderr(fs::File::create(folder.path().join("errors")).unwrap());
        let mut supervisor = command.spawn().expect("util-linux has unshare");
        let hold = supervisor.stdin.take();
        let mut booted = Self { name, leader: 0, joins: String::new(), supervisor, hold, folder };
        booted.wait_booted(&manager);
        booted.joins = booted.own_groups();
        booted
    }

    /// Reads what systemd-nspawn says: its PID 1, and later that it has booted.
    #[track_caller]
    fn wait_booted(&mut self, manager: &UnixDatagram) {
        let end = Instant::now() + BOOT;
        manager.set_read_timeout(Some(Duration::from_millis(100))).unwrap();
        loop {
            let mut bytes = [0; 4096];
            let count = manager.recv(&mut bytes).unwrap_or(0);
            let text = String::from_utf8_lossy(&bytes[..count]).into_owned();
            for line in text.lines() {
                if let Some(leader) = line.strip_prefix("X_NSPAWN_LEADER_PID=") {
                    self.leader = leader.parse().unwrap();
                }
                if line == "READY=1" {
                    return;
                }
            }
            let ended = self.supervisor.try_wait().unwrap();
            if ended.is_some() || Instant::now() > end {
                let read = |name| fs::read_to_string(self.folder.path().join(name));
                panic!(
                    "{} does not boot ({ended:?}): this machine must let root mount an overlay and make namespaces and groups.\n{}\n{}",
                    self.name,
                    read("errors").unwrap_or_default(),
                    read("console").unwrap_or_default()
                );
            }
        }
    }

    /// Where a process joins the groups of PID 1.
    fn own_groups(&self) -> String {
        let mine = fs::read_to_string(format!("/proc/{}/cgroup", self.leader)).unwrap();
        let (second, first) = hierarchies();
        let mut joins = String::new();
        for line in mine.lines() {
            let mut parts = line.splitn(3, ':');
            let (id, kind, path) =
                (parts.next().unwrap(), parts.next().unwrap(), parts.next().unwrap());
            let mount = if id == "0" { second.as_ref() } else { first.as_ref() };
            if let (true, Some(mount)) = (id == "0" || kind == "name=systemd", mount) {
                let _ = write!(joins, "{mount}{path}/cgroup.procs ");
            }
        }
        joins
    }

    /// A command in the host, ready to be run.
    pub fn command(&self, words: &[&str]) -> Command {
        let mut command = Command::new("timeout");
        command
            .args(["--kill-after=5", &COMMAND.as_secs().to_string()])
            .args(["sh", "-c", ENTER_SCRIPT, "sh", &self.leader.to_string(), &self.joins])
            .args(words)
            .stdin(Stdio::null());
        command
    }

    /// Runs a line of shell to its end.
    pub fn run(&self, line: &str) -> Done {
        let output = self.command(&["sh", "-c", line]).output().unwrap();
        let mut text = String::from_utf8_lossy(&output.stdout).into_owned();
        text += &String::from_utf8_lossy(&output.stderr);
        Done { code: output.status.code().unwrap_or(-1), text: text.trim_end().to_owned() }
    }

    /// The same; it must end with 0. Gives what it wrote.
    #[track_caller]
    pub fn sh(&self, line: &str) -> String {
        let done = self.run(line);
        assert_eq!(done.code, 0, "{}: {line}\n{}\n{}", self.name, done.text, self.tail());
        done.text
    }

    /// Writes a file.
    #[track_caller]
    pub fn write(&self, path: &str, text: &str) {
        let mut child = self
            .command(&["sh", "-c", "mkdir -p \"$(dirname \"$0\")\" && cat > \"$0\"", path])
            .stdin(Stdio::piped())
            .spawn()
            .unwrap();
        child.stdin.take().unwrap().write_all(text.as_bytes()).unwrap();
        assert!(child.wait().unwrap().success(), "{path}");
    }

    /// A property of the service.
    #[track_caller]
    pub fn show(&self, property: &str) -> String {
        self.sh(&format!("systemctl show emqx-rs.service --property={property} --value"))
    }

    /// The log of the service, messages alone, of all its starts.
    #[track_caller]
    pub fn log(&self) -> String {
        self.sh("journalctl --unit=emqx-rs.service --output=cat --no-pager")
    }

    fn tail(&self) -> String {
        self.run("journalctl --no-pager --lines=40").text
    }

    /// The process of the service as this process sees it: PID 1 of the host counts from 1.
    pub fn daemon(&self) -> i32 {
        let inner = self.show("MainPID");
        let of_daemon = |pid: &i32| {
            let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
            let ids = status.lines().find_map(|line| line.strip_prefix("NSpid:"));
            ids.is_some_and(|ids| ids.split_whitespace().last() == Some(inner.as_str()))
                && status.lines().any(|line| line == "Name:\temqx-rs")
                && namespace(*pid) == namespace(self.leader)
        };
        let pids = fs::read_dir("/proc").unwrap();
        let pids = pids.filter_map(|entry| entry.unwrap().file_name().to_str()?.parse().ok());
        pids.into_iter().find(of_daemon).expect("the daemon runs")
    }
}

/// The namespace of process ids that a process is in.
fn namespace(pid: i32) -> Option<PathBuf> {
    fs::read_link(format!("/proc/{pid}/ns/pid")).ok()
}

impl Drop for Host {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let _ = writeln!(io::stderr(), "log of {}:\n{}", self.name, self.tail());
        }
        drop(self.hold.take());
        drop(self.supervisor.wait());
    }
}

fn nspawn(folder: &Path, name: &str, net: &str, share: &Path) -> Vec<String> {
    let mut words = vec![
        "systemd-nspawn".to_owned(),
        format!("--directory={}", folder.join("disk/root").display()),
        format!("--machine={name}"),
        format!("--hostname={name}"),
        format!("--network-namespace-path={net}"),
        format!("--bind-ro={}:/srv/share", share.display()),
    ];
    let fixed = [
        "--quiet",
        "--boot",
        "--register=no",
        "--keep-unit",
        "--settings=no",
        "--link-journal=no",
        "--resolv-conf=off",
        "--timezone=off",
        "--console=read-only",
        "--notify-ready=yes",
        "--kill-signal=SIGRTMIN+4",
        // Nearer to a bare host: key rings, locked memory, and BPF, by which IPAddressDeny= and DevicePolicy= work.
        "--capability=CAP_IPC_LOCK,CAP_BPF,CAP_PERFMON,CAP_SYSLOG,CAP_NET_ADMIN",
        "--system-call-filter=@keyring bpf",
    ];
    words.extend(fixed.map(str::to_owned));
    words
}

/// Where cgroup2 is mounted, and where the hierarchy of systemd is on machines that have the first version as well.
fn hierarchies() -> (Option<String>, Option<String>) {
    let (mut second, mut first) = (None, None);
    for line in fs::read_to_string("/proc/self/mountinfo").unwrap().lines() {
        let Some((left, right)) = line.split_once(" - ") else { continue };
        let (Some(point), mut kind) = (left.split(' ').nth(4), right.split(' ')) else { continue };
        match (kind.next(), kind.nth(1)) {
            (Some("cgroup2"), _) => second = second.or_else(|| Some(point.to_owned())),
            (Some("cgroup"), Some(options))
                if options.split(',').any(|option| option == "name=systemd") =>
            {
                first = first.or_else(|| Some(point.to_owned()));
            }
            _ => {}
        }
    }
    (second, first)
}

fn groups(name: &str) -> Vec<String> {
    let (second, first) = hierarchies();
    assert!(
        second.is_some(),
        "no cgroup2 is mounted here, and systemd cannot boot without: mount -t cgroup2 none /sys/fs/cgroup/unified"
    );
    [second, first].into_iter().flatten().map(|mount| format!("{mount}/{name}")).collect()
}
