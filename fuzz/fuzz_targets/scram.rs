//! Any bytes are a message of SCRAM or none. Who does not know the password never gets in, and what the server says names no more
//! than the client has sent.

#![no_main]

use emqx_rs::broker::scram::{ClientFirst, Exchange, ITERATIONS, Keys, NONCE};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    // The two messages of a client, with a line between them.
    let at = data.iter().position(|byte| *byte == b'\n').unwrap_or(data.len());
    let (first, last) = data.split_at(at);
    let Ok(first) = ClientFirst::parse(first) else { return };
    assert!(!first.username.is_empty() && first.username.len() <= 65_535);
    let keys = Keys::made_up(&first.username, b"secret", ITERATIONS, 16);
    let (exchange, answer) = Exchange::begin(&first, keys, &[7; NONCE]);
    assert!(answer.starts_with("r=") && answer.ends_with(",i=15000") && answer.len() < 400);
    assert!(!answer.contains('\n'));
    assert!(exchange.finish(last.get(1..).unwrap_or_default()).is_err());
    // What answers this exchange, with as much as the input has behind it.
    let nonce = answer.split(',').next().unwrap_or_default();
    let tail = String::from_utf8_lossy(last.get(1..).unwrap_or_default());
    for binding in ["biws", "eSws"] {
        assert!(exchange.finish(format!("c={binding},{nonce}{tail}").as_bytes()).is_err());
    }
});
