//! A session that comes from another node, and the rest of its queue.
#![no_main]

use emqx_rs::{
    broker::portable::{Portable, decode_queue, encode_queue},
    time::Time,
};
use libfuzzer_sys::fuzz_target;

const NOW: Time = Time::from_ms(1_000_000);

fuzz_target!(|bytes: &[u8]| {
    if let Ok(session) = Portable::decode(bytes, NOW) {
        let again = session.encode(NOW);
        assert!(Portable::decode(&again, NOW).is_ok_and(|back| back.encode(NOW) == again));
    }
    if let Ok(queue) = decode_queue(bytes, NOW) {
        let again = encode_queue(&queue, NOW);
        assert!(decode_queue(&again, NOW).is_ok_and(|back| back.len() == queue.len()));
    }
});
