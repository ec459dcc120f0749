//! Bytes from a client, and from a server: packets are refused, or read, written and read again as the same.
//!
//! The first byte picks the version; the rest is a stream of packets.

#![no_main]

use emqx_rs::mqtt::{Packet, Version, decode, decode_connect, frame};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let Some((choice, mut stream)) = data.split_first() else { return };
    let mut version = [Version::V3_1, Version::V3_1_1, Version::V5][usize::from(choice % 3)];
    while let Ok(Some((header, body, total))) = frame::split(stream, 1 << 16) {
        let _ = decode_connect(header, body);
        let Ok(packet) = decode(version, header, body) else { return };
        if let Packet::Connect(connect) = &packet {
            version = connect.version;
        }
        let mut out = Vec::new();
        packet.encode(version, &mut out);
        let (header, body, size) = frame::split(&out, usize::MAX).unwrap().unwrap();
        assert_eq!(size, out.len());
        assert_eq!(decode(version, header, body).as_ref(), Ok(&packet));
        let _ = format!("{packet:?}");
        stream = &stream[total..];
    }
});
