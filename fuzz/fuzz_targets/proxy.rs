//! Any bytes are a PROXY header or none; one that names a client is read the same when it is written anew.

#![no_main]

use emqx_rs::node::listener::proxy::parse;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let Ok(found) = parse(data) else { return };
    let Some(client) = found.client else { return };
    let (family, to) = if client.is_ipv4() { ("TCP4", "10.0.0.1") } else { ("TCP6", "::1") };
    let line = format!("PROXY {family} {} {to} {} 1883\r\n", client.ip(), client.port());
    assert_eq!(parse(line.as_bytes()).unwrap().client, Some(client));
});
