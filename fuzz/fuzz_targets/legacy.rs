//! What a process left of its place in the cluster: pieces, each behind its length.
#![no_main]

use emqx_rs::cluster::legacy::Legacy;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let (mut rest, mut pieces) = (bytes, Vec::new());
    while let Some((len, behind)) = rest.split_first_chunk() {
        let len = usize::from(u16::from_be_bytes(*len)).min(behind.len());
        let (piece, behind) = behind.split_at(len);
        pieces.push(piece);
        rest = behind;
    }
    let Ok(legacy) = Legacy::read(pieces) else { return };
    // What was read is written, and read again.
    let mut again = Vec::new();
    let put = |piece: &[u8]| {
        again.push(piece.to_vec());
        Ok::<(), ()>(())
    };
    legacy.write(|_| Vec::new(), put).expect("nothing fails");
    let back = Legacy::read(again.iter().map(Vec::as_slice)).expect("what was written");
    assert_eq!(back.nodes.len(), legacy.nodes.len());
});
