//! Two nodes that stay apart say why: within a second, in the logs of both and in `cluster status` of both. What TLS refuses is
//! in `mesh_tls`.

use std::{
    collections::BTreeSet,
    io::{Read, Write},
    net::{Shutdown, SocketAddr, TcpListener, TcpStream},
    time::{Duration, Instant},
};

use emqx_rs::cluster::handshake::Verdict;

use super::support::{
    Node,
    node::{free_mesh_number, free_port},
    wait_for,
};

/// The figure wanted is one second; a machine that is busy with other things gets five.
const SOON: Duration = Duration::from_secs(5);

/// Each of these nodes says its words in its log, and in its status as text and as JSON.
#[track_caller]
pub fn all_tell(nodes: &[(&Node, &str)], began: Instant) {
    for (node, words) in nodes {
        let told = |what: &str, is_told: &dyn Fn() -> bool| {
            wait_for(&format!("the {what} of {} says {words:?}", node.name), SOON, is_told);
        };
        told("log", &|| {
            node.log().lines().any(|line| line.contains("WARN") && line.contains(words))
        });
        told("status", &|| node.refusals().iter().any(|reason| reason.contains(words)));
        let text = node.ctl(&["cluster", "status"]);
        assert!(text.contains("\nRefused lately:\n") && text.contains(words), "{text}");
    }
    println!("FIGURE {:?}: told by all after {:?}", nodes[0].1, began.elapsed());
    assert!(began.elapsed() < SOON);
}

/// A node with this name and mesh port, not started.
fn node(name: &str, port: u16, seeds: &str) -> Node {
    let mut lines = format!("node.dist_port = {port}");
    if !seeds.is_empty() {
        lines += &format!("\ncluster.static.seeds = {seeds}");
    }
    let discovery = if seeds.is_empty() { "manual" } else { "static" };
    Node::prepare(&format!("{name}@127.0.0.1"), discovery, &lines)
}

fn mesh_port() -> u16 {
    4370 + free_mesh_number()
}

/// The first runs when the second, which has this line too, comes and dials it; these are the words of both.
#[track_caller]
fn stay_apart(line: &str, words: [&str; 2]) {
    let port = mesh_port();
    let mut first = node("node1", port, "");
    let mut second = node("node2", mesh_port(), &format!("node1@127.0.0.1:{port}"));
    second.configure(line);
    first.launch();
    second.launch();
    all_tell(&[(&first, words[0]), (&second, words[1])], Instant::now());
    for node in [&first, &second] {
        assert_eq!(node.running_nodes(), BTreeSet::from([node.name.clone()]));
    }
}

#[test]
fn a_wrong_cookie() {
    let cookie = "node.cookie = another-cookie-of-these-tests-98765";
    stay_apart(cookie, ["cookie mismatch", "cookie mismatch"]);
}

#[test]
fn another_cluster_name() {
    stay_apart("cluster.name = other", ["other cluster", "other cluster"]);
}

/// What passes to `to` claims to be of wire version 9.
fn renumber(to: SocketAddr) -> u16 {
    fn pass(mut from: TcpStream, mut to: TcpStream) {
        let mut chunk = [0; 4096];
        while let Ok(count @ 1..) = from.read(&mut chunk) {
            if to.write_all(&chunk[..count]).is_err() {
                break;
            }
        }
        let _ = to.shutdown(Shutdown::Both);
    }
    let listener = TcpListener::bind(("127.0.0.1", free_port())).unwrap();
    let port = listener.local_addr().unwrap().port();
    std::thread::spawn(move || {
        for mut from in listener.incoming().flatten() {
            let (Ok(mut to), mut opening) = (TcpStream::connect(to), [0; 24]) else { continue };
            if from.read_exact(&mut opening).is_err() {
                continue;
            }
            assert_eq!(&opening[..6], b"EMRS\x01\x01");
            opening[4..6].copy_from_slice(&[9, 9]);
            to.write_all(&opening).unwrap();
            let back = (to.try_clone().unwrap(), from.try_clone().unwrap());
            std::thread::spawn(move || pass(back.0, back.1));
            std::thread::spawn(move || pass(from, to));
        }
    });
    port
}

#[test]
fn an_unknown_version() {
    let port = mesh_port();
    let through = renumber(([127, 0, 0, 1], port).into());
    let mut first = node("node1", port, "");
    let mut second = node("node2", mesh_port(), &format!("node1@127.0.0.1:{through}"));
    first.launch();
    second.launch();
    let words = "no common wire version";
    all_tell(&[(&first, words), (&second, words)], Instant::now());
}

/// Who has the name already is in; who comes with it is not.
#[test]
fn a_name_that_is_taken() {
    let port = mesh_port();
    let mut hub = node("hub", port, "");
    let seeds = format!("hub@127.0.0.1:{port}");
    let mut twins = [node("twin", mesh_port(), &seeds), node("twin", mesh_port(), &seeds)];
    hub.launch();
    twins[0].launch();
    wait_for("the first twin is in", SOON * 6, || hub.running_nodes().len() == 2);
    twins[1].launch();
    let words = ["refused by this node: a node of this name", "refused: a node of this name"];
    all_tell(&[(&hub, words[0]), (&twins[1], words[1])], Instant::now());
    assert_eq!(twins[1].running_nodes().len(), 1);
    assert_eq!(twins[0].running_nodes().len(), 2);
    assert_eq!(twins[0].refusals(), [""; 0]);
}

/// When the fault is mended the rows go.
#[test]
fn who_is_let_in_after_all_is_no_longer_named() {
    let port = mesh_port();
    let mut first = node("node1", port, "");
    let mut second = node("node2", mesh_port(), &format!("node1@127.0.0.1:{port}"));
    let text = std::fs::read_to_string(second.config()).unwrap();
    second.configure("cluster.name = other");
    first.launch();
    second.launch();
    wait_for("it is told", SOON, || !first.refusals().is_empty() && !second.refusals().is_empty());
    second.kill();
    std::fs::write(second.config(), text).unwrap();
    second.launch();
    wait_for("they are together", SOON * 6, || second.running_nodes().len() == 2);
    wait_for("nobody is named", SOON, || {
        first.refusals().is_empty() && second.refusals().is_empty()
    });
}

/// Two boxes with one identity, as after cloning a disk: whoever meets the other says so, and so does who meets both.
#[test]
fn an_identity_on_two_boxes() {
    let words = "identity is in use on another box too";
    let port = mesh_port();
    let mut hub = node("hub", port, "");
    let seeds = format!("hub@127.0.0.1:{port}");
    let first_port = mesh_port();
    let mut first = node("node1", first_port, &seeds);
    hub.launch();
    first.launch();
    wait_for("the first is in", SOON * 6, || hub.running_nodes().len() == 2);
    let clone = |name: &str, seeds: &str| {
        let clone = node(name, mesh_port(), seeds);
        std::fs::create_dir_all(clone.data()).unwrap();
        let key = "identity.key";
        std::fs::copy(first.data().join(key), clone.data().join(key)).unwrap();
        clone
    };
    let mut met = clone("node2", &format!("node1@127.0.0.1:{first_port}"));
    met.launch();
    all_tell(&[(&first, words), (&met, words)], Instant::now());
    met.kill();
    // Which of the two is in is a matter of who started later; the other one is told.
    let mut second = clone("node3", &seeds);
    second.launch();
    let told = format!("refused: {}", Verdict::Cloned);
    let tells = |node: &Node| node.refusals().contains(&told);
    wait_for("who has both tells", SOON * 6, || {
        let row =
            |reason: &String| reason.starts_with("refused by this node") && reason.contains(words);
        hub.refusals().iter().any(row)
    });
    wait_for("and so does one of them", SOON, || [&first, &second].into_iter().any(tells));
}
