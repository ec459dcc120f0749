//! What a process left for the one that follows it.
#![no_main]

use emqx_rs::{broker::estate, time::Time};
use libfuzzer_sys::fuzz_target;

const NOW: Time = Time::from_ms(1_000_000);

fuzz_target!(|bytes: &[u8]| {
    if let Ok(found) = estate::decode(bytes, NOW) {
        for frozen in found.connections {
            let again = frozen.encode(NOW);
            let back = emqx_rs::broker::frozen::Frozen::decode(&again, NOW);
            assert!(back.is_ok_and(|back| back.encode(NOW) == again));
        }
    }
});
