//! Bytes from another node: frames and messages are refused, or read, written and read again as the same.

#![no_main]

use emqx_rs::cluster::wire::{Envelope, Frame, Kind, put_fwd, split};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let mut stream = data;
    while let Ok(Some((header, body, used))) = split(stream) {
        let mut out = Vec::new();
        if header.kind == Kind::FWD {
            let Ok(envelope) = Envelope::decode(body) else { return };
            put_fwd(&mut out, &envelope);
            let (_, body, size) = split(&out).unwrap().unwrap();
            assert_eq!(size, out.len());
            assert_eq!(Envelope::decode(body).as_ref(), Ok(&envelope));
        } else {
            let Ok(frame) = Frame::read(header, body) else { return };
            if let Some(frame) = frame {
                frame.encode(&mut out);
                let (header, body, size) = split(&out).unwrap().unwrap();
                assert_eq!(size, out.len());
                assert_eq!(Frame::read(header, body).unwrap().as_ref(), Some(&frame));
            }
        }
        stream = &stream[used..];
    }
});
