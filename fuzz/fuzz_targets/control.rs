//! A line on the control socket, and a node's answer: refused, or the same when it is written anew.

#![no_main]

use emqx_rs::ctl::{Reply, Request};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|line: &[u8]| {
    if let Ok(request) = serde_json::from_slice::<Request>(line) {
        let again = serde_json::to_vec(&request).unwrap();
        assert_eq!(serde_json::from_slice::<Request>(&again).unwrap(), request);
        let _ = (request.writes(), format!("{request:?}"));
    }
    if let Ok(reply) = serde_json::from_slice::<Reply>(line) {
        let again = serde_json::to_value(&reply).unwrap();
        let back: Reply = serde_json::from_value(again.clone()).unwrap();
        assert_eq!(serde_json::to_value(&back).unwrap(), again);
    }
});
