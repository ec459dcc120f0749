//! Any file has a locked key or none; one that opens is a key of DER.

#![no_main]

use emqx_rs::node::tls::locked_key::LockedKey;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let Some(Ok(key)) = LockedKey::find(data) else { return };
    // The rounds of the other kind would take all the time.
    if !data.windows(15).any(|words| words == b"BEGIN ENCRYPTED") {
        if let Ok(opened) = key.open(b"opensesame") {
            assert_eq!(opened.secret_der().first(), Some(&0x30));
        }
    }
});
