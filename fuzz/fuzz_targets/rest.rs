//! Any request to the HTTP API is planned or refused: a line with method and target, and a body behind it; any header names an
//! application or nobody.

#![no_main]

use emqx_rs::node::rest::{self, call};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    if let Some((id, secret)) = call::basic(data) {
        assert!(!id.contains(':') && id.len() + secret.len() < data.len());
    }
    let line = data.split(|byte| *byte == b'\n').next().unwrap_or_default();
    let body = data.get(line.len() + 1..).unwrap_or_default();
    let line = String::from_utf8_lossy(line);
    let (method, target) = line.split_once(' ').unwrap_or(("GET", &line));
    let _ = rest::takes(method, target, body);
});
