//! Bans on every node of a cluster.

use super::{
    super::{
        nodes,
        support::{Client, Connect, Version, unique},
    },
    ADMINISTRATIVE, BANNED, SUCCESS,
};

#[test]
fn a_ban_may_be_set_on_every_node_at_once() {
    let nodes = nodes::cluster(2);
    let id = unique("everywhere");
    let codes = |id: &str| {
        let code = |at: usize| Connect::new(Version::V5).id(id).attempt(nodes[at].mqtt()).code;
        [code(0), code(1)]
    };
    let mut client: Client = Connect::new(Version::V5).id(&id).open(nodes[1].mqtt());
    nodes[0].ctl(&["--all", "banned", "add", "clientid", &id, "--for", "1h"]);
    client.closed_with(ADMINISTRATIVE);
    assert_eq!(codes(&id), [BANNED; 2]);
    let listed = nodes[1].ctl(&["--all", "banned", "list"]);
    for node in &nodes {
        let row = format!("{}: Banned(clientid={id}, ", node.name);
        assert!(listed.contains(&row), "{row}: {listed}");
    }
    nodes[1].ctl(&["banned", "del", "clientid", &id]);
    assert_eq!(codes(&id), [BANNED, SUCCESS], "without it of this node alone");
    // One of them has it no more, which does not count.
    nodes[1].ctl(&["--all", "banned", "del", "clientid", &id]);
    assert_eq!(codes(&id), [SUCCESS; 2]);
    let gone = nodes[1].ctl_output(&["--all", "banned", "del", "clientid", &id]);
    assert_eq!(gone.status.code(), Some(1));
}
