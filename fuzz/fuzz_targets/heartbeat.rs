//! Datagrams that anybody may send to the mesh port.
#![no_main]

use emqx_rs::cluster::heartbeat::{LEN, Session, session_of};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let (Some(here), Some(there)) = (Session::new(&[7; 32], true), Session::new(&[7; 32], false))
    else {
        return;
    };
    assert!(session_of(bytes).is_none() || bytes.len() == LEN);
    if let Some(beat) = here.open(bytes) {
        // Only the other end makes what opens here, and it says the same.
        assert_eq!(there.seal(&beat).get(..40), bytes.get(..40));
    }
});
