//! Any text is a list of rules or a list of faults; rules answer any question, and what may be published without a
//! question being asked may be published when it is asked.

#![no_main]

use emqx_rs::broker::access::{Access, Action, Who};
use emqx_rs::config::acl_conf;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let text = String::from_utf8_lossy(data);
    let Ok(rules) = acl_conf::parse("acl.conf", &text) else { return };
    let access = Access { rules, ..Access::default() };
    // Words of the rules make better questions than fixed ones.
    let words: Vec<&str> =
        text.split('"').skip(1).step_by(2).take(8).chain(["a", "$SYS/x", "#"]).collect();
    for id in &words {
        let peer = id.parse().unwrap_or([10, 0, 0, 1].into());
        let who = Who { zone: "external", client_id: id, username: Some(id), peer };
        let client = access.client(&who);
        for topic in &words {
            let publish = client.allows(Action::Publish, topic);
            let subscribe = client.allows(Action::Subscribe, topic);
            assert!(!client.allows_all() || (publish && subscribe));
        }
    }
});
