//! What packages bring besides the programs, as far as it can be run without systemd; and how a start that fails is told.

use std::{
    fs,
    os::unix::fs::PermissionsExt,
    path::Path,
    process::{Command, Output, Stdio},
};

use tempfile::TempDir;

use crate::support::{
    Client, LIMIT, Node, Version,
    node::{free_mesh_number, free_port},
    wait_for,
};

fn make_cookie(cookie: &Path) {
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/packaging/cookie");
    let output = Command::new("sh").arg(script).arg(cookie).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

#[test]
fn the_cookie_of_an_installation_is_made_once_and_whole() {
    let folder = TempDir::new().unwrap();
    let cookie = folder.path().join("cookie");
    make_cookie(&cookie);
    let text = fs::read_to_string(&cookie).unwrap();
    assert_eq!((text.len(), text.ends_with('\n')), (45, true));
    assert_eq!(fs::metadata(&cookie).unwrap().permissions().mode() & 0o777, 0o600);
    make_cookie(&cookie);
    assert_eq!(fs::read_to_string(&cookie).unwrap(), text, "one that is there stays");
    // What a power cut leaves.
    fs::write(&cookie, "").unwrap();
    make_cookie(&cookie);
    let again = fs::read_to_string(&cookie).unwrap();
    assert!(again.len() == 45 && again != text);
    fs::remove_file(&cookie).unwrap();
    fs::write(folder.path().join("cookie.sealed"), "sealed").unwrap();
    make_cookie(&cookie);
    assert!(!cookie.exists(), "not beside one that is sealed");
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
}

#[test]
fn a_cookie_in_clear_is_not_put_beside_a_sealed_one() {
    let folder = TempDir::new().unwrap();
    let file = folder.path().join("cookie");
    fs::write(folder.path().join("cookie.sealed"), "sealed").unwrap();
    let output = Command::new(env!("CARGO_BIN_EXE_emqx-rs-ctl"))
        .args(["--socket", "/nonexistent/ctl.sock", "cookie", "--file"])
        .arg(&file)
        .arg("new")
        .output()
        .unwrap();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{errors}");
    assert!(errors.contains("cookie.sealed") && !file.exists(), "{errors}");
}

/// A node whose log is a file, with the mask that the unit has.
fn masked(port: u16, folder: &Path) -> Node {
    let runner = ["sh", "-c", "umask 077 && exec \"$@\"", "sh"].map(str::to_owned);
    let name = format!("node{}@127.0.0.1", free_mesh_number());
    let lines =
        format!("cluster.discovery = manual\nlog.to = file\nlog.dir = {}\n", folder.display());
    Node::prepare_at(&name, ([127, 0, 0, 1], port).into(), runner.to_vec(), &lines)
}

#[test]
fn the_group_may_read_log_files() {
    let folder = TempDir::new().unwrap();
    let mut node = masked(free_port(), &folder.path().join("log"));
    node.spawn();
    let file = folder.path().join("log/emqx.log");
    wait_for("it has started", LIMIT, || {
        fs::read_to_string(&file).is_ok_and(|text| text.contains("started"))
    });
    assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o640);
}

/// How the program ends when it is run with the configuration of `node`; `journal`: as a unit whose standard error is the journal.
fn run(node: &Node, journal: bool) -> Output {
    let script = r#"[ -z "$JOURNAL" ] || export JOURNAL_STREAM=$(stat -L -c %d:%i /proc/self/fd/2); exec "$@""#;
    Command::new("sh")
        .args(["-c", script, "sh", env!("CARGO_BIN_EXE_emqx-rs"), "-c"])
        .arg(node.config())
        .env("JOURNAL", if journal { "1" } else { "" })
        .stdin(Stdio::null())
        .output()
        .unwrap()
}

#[test]
fn a_start_that_fails_is_told_on_standard_error_too() {
    let port = free_port();
    let taken = std::net::TcpListener::bind(("127.0.0.1", port)).unwrap();
    let folder = TempDir::new().unwrap();
    let mut node = masked(port, &folder.path().join("log"));
    for journal in [false, true] {
        let output = run(&node, journal);
        let errors = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{errors}");
        let line = errors.lines().find(|line| line.contains(&port.to_string())).expect(&errors);
        assert_eq!(line.starts_with("<3>"), journal, "{errors}");
        assert!(line.contains(&format!("ss -ltnp 'sport = :{port}'")), "{errors}");
    }
    let log = fs::read_to_string(folder.path().join("log/emqx.log")).unwrap();
    assert_eq!(log.matches("not started").count(), 2, "{log}");
    drop(taken);
    node.spawn();
    wait_for("it starts", LIMIT, || std::net::TcpStream::connect(("127.0.0.1", port)).is_ok());
    Client::at(Version::V5, node.mqtt()).ping();
}
