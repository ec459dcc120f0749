//! A session that comes from another node, the rest of its queue, and a will that is kept for another node.
#![no_main]

use emqx_rs::{
    broker::portable::{Portable, decode_queue, decode_will, encode_queue, encode_will},
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
    if let Ok(will) = decode_will(bytes) {
        let again = encode_will(&will);
        assert!(decode_will(&again).is_ok_and(|back| encode_will(&back) == again));
    }
});
