//! Bytes from another node: frames and messages are refused, or read, written and read again as the same.

#![no_main]

use emqx_rs::cluster::wire::{
    Envelope, Frame, Kind, RetainedFrame, delta_frames, put_fwd, read_delta, read_snap,
    snap_frames, split,
};
use libfuzzer_sys::fuzz_target;

/// What the pieces of one frame hold together.
fn joined(frames: Vec<RetainedFrame>) -> Vec<u8> {
    let parts = frames.into_iter().map(|frame| match frame {
        RetainedFrame::Delta { bytes, .. } | RetainedFrame::Snap { bytes, .. } => bytes,
        RetainedFrame::Sum(_) | RetainedFrame::Req { .. } | RetainedFrame::Ack => Vec::new(),
    });
    parts.collect::<Vec<_>>().concat()
}

/// Entries of retained messages, as the frames carry them.
fn entries(frame: &Frame) {
    match frame {
        Frame::Retained(RetainedFrame::Delta { bytes, .. }) => {
            if let Ok(entries) = read_delta(bytes) {
                assert_eq!(read_delta(&joined(delta_frames(&entries))).as_ref(), Ok(&entries));
            }
        }
        Frame::Retained(RetainedFrame::Snap { bytes, .. }) => {
            if let Ok((next, entries)) = read_snap(bytes) {
                let again = joined(snap_frames(&next, &entries));
                assert_eq!(read_snap(&again), Ok((next, entries)));
            }
        }
        _ => {}
    }
}

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
                entries(&frame);
                frame.encode(&mut out);
                let (header, body, size) = split(&out).unwrap().unwrap();
                assert_eq!(size, out.len());
                assert_eq!(Frame::read(header, body).unwrap().as_ref(), Some(&frame));
            }
        }
        stream = &stream[used..];
    }
});
