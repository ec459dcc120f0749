//! Any bytes are frames or a violation, the same in one piece as in many; any bytes are a request, a refusal or not whole.

#![no_main]

use emqx_rs::node::listener::websocket::{
    frames::{CONTROL_MAX, Decoder, Event},
    upgrade::{self, Rules},
};
use libfuzzer_sys::fuzz_target;

fn read(bytes: &[u8], piece: usize) -> (Vec<u8>, Option<Event>) {
    let (mut decoder, mut event, mut payload) = (Decoder::new(1 << 16), None, Vec::new());
    for part in bytes.chunks(piece) {
        let mut part = part.to_vec();
        let kept = decoder.decode(&mut part, &mut event);
        payload.extend_from_slice(&part[..kept]);
        match &event {
            Some(Event::Close | Event::Violation(_)) => break,
            Some(Event::Ping(payload)) => assert!(payload.len() <= CONTROL_MAX),
            None => {}
        }
    }
    (payload, event)
}

fuzz_target!(|data: &[u8]| {
    let Some((first, rest)) = data.split_first() else { return };
    let whole = read(rest, usize::MAX);
    assert!(whole.0.len() <= rest.len());
    assert_eq!(whole, read(rest, usize::from(*first).max(1)));
    match upgrade::read(rest, &Rules::default()) {
        Ok(Some((length, request))) => {
            assert!(length <= rest.len());
            assert!(request.response().starts_with("HTTP/1.1 101 "));
        }
        Ok(None) => assert!(rest.len() < upgrade::REQUEST_MAX),
        Err(refused) => assert!(refused.response().ends_with("\r\n\r\n")),
    }
});
