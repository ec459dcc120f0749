//! RFC 6455 frames of a client, read where they lie: payload is unmasked and moved together in the buffer it came in. Pure.
//!
//! MQTT takes the payload of binary messages as one stream of bytes [MQTT-6.0.0-2]: where a frame or a message ends does not
//! matter, so nothing is collected and no message has a size. A server sends whole frames without a mask ([`header`]).

/// Longest payload of a control frame (5.5).
pub const CONTROL_MAX: usize = 125;

const CONTINUATION: u8 = 0;
const TEXT: u8 = 1;
const BINARY: u8 = 2;
const CLOSE: u8 = 8;
const PING: u8 = 9;
const PONG: u8 = 10;

/// The end of a WebSocket connection, as a close code of 7.4.1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CloseCode {
    /// All is said.
    Normal = 1000,
    /// A frame broke RFC 6455.
    Protocol = 1002,
    /// A text frame [MQTT-6.0.0-1].
    Unacceptable = 1003,
    /// A frame is longer than allowed.
    TooBig = 1009,
}

/// A client broke a rule of the layer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{what}")]
pub struct Violation {
    /// What it is told.
    pub code: CloseCode,
    /// What it did, for the log.
    pub what: &'static str,
}

const fn protocol(what: &'static str) -> Violation {
    Violation { code: CloseCode::Protocol, what }
}

/// What came between the payload.
#[derive(Debug, PartialEq, Eq)]
pub enum Event {
    /// A ping, to be answered with the same bytes. Of several the last one counts (5.5.3).
    Ping(Vec<u8>),
    /// The client closes. Nothing after it counts.
    Close,
    /// The client broke a rule. Nothing after it counts.
    Violation(Violation),
}

/// The frame whose payload is being read.
#[derive(Debug)]
struct Frame {
    kind: u8,
    /// Turned so that it begins with the byte for what comes next.
    mask: [u8; 4],
    /// Bytes still to come.
    left: u64,
}

/// Reads the frames of one client.
#[derive(Debug)]
pub struct Decoder {
    /// What has come of a header.
    head: [u8; 14],
    head_len: usize,
    frame: Option<Frame>,
    /// A binary message has begun and not ended.
    in_message: bool,
    control: Vec<u8>,
    /// Longest payload of a frame.
    max_frame: u64,
}

impl Decoder {
    /// Nothing read yet; data frames have at most `max_frame` bytes.
    #[must_use]
    pub const fn new(max_frame: u64) -> Self {
        Self {
            head: [0; 14],
            head_len: 0,
            frame: None,
            in_message: false,
            control: Vec::new(),
            max_frame,
        }
    }

    /// Reads `bytes`, leaves their payload at the front, and returns how much that is. What is to be done goes to `event`;
    /// after a close or a violation the rest is not looked at.
    pub fn decode(&mut self, bytes: &mut [u8], event: &mut Option<Event>) -> usize {
        let (mut at, mut kept) = (0, 0);
        while at < bytes.len() {
            let Some(frame) = &mut self.frame else {
                let Some(byte) = bytes.get(at) else { break };
                at += 1;
                match self.on_header_byte(*byte) {
                    Ok(false) => {}
                    Ok(true) => {
                        if self.end_frame(event) {
                            return kept;
                        }
                    }
                    Err(violation) => {
                        *event = Some(Event::Violation(violation));
                        return kept;
                    }
                }
                continue;
            };
            let rest = bytes.len() - at;
            let length = usize::try_from(frame.left).map_or(rest, |left| left.min(rest));
            let Some(payload) = bytes.get_mut(at..at + length) else { break };
            unmask(payload, frame.mask);
            frame.mask.rotate_left(length % 4);
            frame.left -= length as u64;
            if frame.kind == BINARY {
                bytes.copy_within(at..at + length, kept);
                kept += length;
            } else {
                self.control.extend_from_slice(payload);
            }
            at += length;
            if self.end_frame(event) {
                return kept;
            }
        }
        kept
    }

    /// Takes a byte of a header; `true` when the header is whole and its frame has begun.
    fn on_header_byte(&mut self, byte: u8) -> Result<bool, Violation> {
        if let Some(place) = self.head.get_mut(self.head_len) {
            *place = byte;
            self.head_len += 1;
        }
        match self.head_len {
            1 => self.check_first(byte).map(|()| false),
            2 if byte & 0x80 == 0 => Err(protocol("WebSocket frame without a mask")),
            2 if self.head[0] & 8 != 0 && usize::from(byte & 0x7f) > CONTROL_MAX => {
                Err(protocol("WebSocket control frame above 125 bytes"))
            }
            _ => self.begin_frame(),
        }
    }

    /// The byte with flags and kind.
    fn check_first(&self, byte: u8) -> Result<(), Violation> {
        let (last, kind) = (byte & 0x80 != 0, byte & 0x0f);
        match kind {
            _ if byte & 0x70 != 0 => Err(protocol("WebSocket frame with reserved bits")),
            TEXT => Err(Violation { code: CloseCode::Unacceptable, what: "WebSocket text frame" }),
            CONTINUATION if !self.in_message => {
                Err(protocol("WebSocket continuation of no message"))
            }
            BINARY if self.in_message => Err(protocol("WebSocket message within a message")),
            CLOSE | PING | PONG if !last => Err(protocol("WebSocket control frame in parts")),
            CONTINUATION | BINARY | CLOSE | PING | PONG => Ok(()),
            _ => Err(protocol("WebSocket frame of an unknown kind")),
        }
    }

    fn begin_frame(&mut self) -> Result<bool, Violation> {
        let extended = match self.head[1] & 0x7f {
            126 => 2,
            127 => 8,
            _ => 0,
        };
        let Some((head, mask)) =
            self.head.get(..self.head_len).and_then(|h| h.split_at_checked(2 + extended))
        else {
            return Ok(false);
        };
        let Ok(mask) = <[u8; 4]>::try_from(mask) else { return Ok(false) };
        let left = match extended {
            0 => u64::from(self.head[1] & 0x7f),
            _ => head.iter().skip(2).fold(0, |all, byte| all << 8 | u64::from(*byte)),
        };
        let shortest = match extended {
            0 => true,
            2 => left > 125,
            _ => left > 0xffff,
        };
        if !shortest || left >> 63 != 0 {
            return Err(protocol("WebSocket frame with a length that is not in its shortest form"));
        }
        if left > self.max_frame {
            return Err(Violation { code: CloseCode::TooBig, what: "WebSocket frame too large" });
        }
        let (last, kind) = (self.head[0] & 0x80 != 0, self.head[0] & 0x0f);
        let kind = if kind == CONTINUATION { BINARY } else { kind };
        if kind == BINARY {
            self.in_message = !last;
        }
        self.head_len = 0;
        self.frame = Some(Frame { kind, mask, left });
        Ok(true)
    }

    /// Looks whether the frame is over; `true` when the connection is.
    fn end_frame(&mut self, event: &mut Option<Event>) -> bool {
        let Some(frame) = self.frame.take_if(|frame| frame.left == 0) else { return false };
        match frame.kind {
            PING => *event = Some(Event::Ping(std::mem::take(&mut self.control))),
            CLOSE => *event = Some(Event::Close),
            _ => self.control = Vec::new(),
        }
        frame.kind == CLOSE
    }
}

/// Takes the mask from `bytes`, eight at a time.
fn unmask(bytes: &mut [u8], mask: [u8; 4]) {
    let [a, b, c, d] = mask;
    let wide = u64::from_ne_bytes([a, b, c, d, a, b, c, d]);
    let (chunks, rest) = bytes.as_chunks_mut::<8>();
    for chunk in chunks {
        *chunk = (u64::from_ne_bytes(*chunk) ^ wide).to_ne_bytes();
    }
    for (byte, key) in rest.iter_mut().zip(mask.iter().cycle()) {
        *byte ^= key;
    }
}

/// Appends the header of a whole frame of `length` bytes: a binary one.
pub fn header(length: usize, out: &mut Vec<u8>) {
    begin(BINARY, length, out);
}

/// Appends the answer to a ping.
pub fn pong(payload: &[u8], out: &mut Vec<u8>) {
    begin(PONG, payload.len(), out);
    out.extend_from_slice(payload);
}

/// Appends the last frame.
pub fn close(code: CloseCode, out: &mut Vec<u8>) {
    begin(CLOSE, 2, out);
    out.extend_from_slice(&(code as u16).to_be_bytes());
}

fn begin(kind: u8, length: usize, out: &mut Vec<u8>) {
    out.push(0x80 | kind);
    match (u8::try_from(length), u16::try_from(length)) {
        (Ok(short @ 0..126), _) => out.push(short),
        (_, Ok(short)) => {
            out.push(126);
            out.extend_from_slice(&short.to_be_bytes());
        }
        _ => {
            out.push(127);
            out.extend_from_slice(&(length as u64).to_be_bytes());
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// A frame as a client sends it.
    fn frame(first: u8, payload: &[u8]) -> Vec<u8> {
        let mask = [0x37, 0xfa, 0x21, 0x3d];
        let mut out = Vec::new();
        begin(first & 0x0f, payload.len(), &mut out);
        out[0] = first;
        out[1] |= 0x80;
        out.extend_from_slice(&mask);
        out.extend(payload.iter().zip(mask.iter().cycle()).map(|(byte, key)| byte ^ key));
        out
    }

    /// Payload and the last event when the bytes come in pieces of `piece`.
    fn read(bytes: &[u8], piece: usize) -> (Vec<u8>, Option<Event>) {
        let (mut decoder, mut event, mut payload) = (Decoder::new(1 << 20), None, Vec::new());
        for part in bytes.chunks(piece) {
            let mut part = part.to_vec();
            let kept = decoder.decode(&mut part, &mut event);
            payload.extend_from_slice(&part[..kept]);
            if matches!(event, Some(Event::Close | Event::Violation(_))) {
                break;
            }
        }
        (payload, event)
    }

    #[track_caller]
    fn check(bytes: &[u8], want: &[u8], last: Option<&Event>) {
        for piece in [1, 2, 3, 7, usize::MAX] {
            let (payload, event) = read(bytes, piece);
            assert_eq!((&payload[..], event.as_ref()), (want, last), "in pieces of {piece}");
        }
    }

    #[test]
    fn payload_is_one_stream_across_frames_and_messages() {
        let long = vec![0x5a; 70_000];
        let all = [
            frame(0x82, b"one"),
            frame(0x02, b"tw"),
            frame(0x89, b"ping"),
            frame(0x00, b""),
            frame(0x80, b"o"),
            frame(0x82, b""),
            frame(0x8a, b"a pong nobody asked for"),
            frame(0x82, &[7; 126]),
            frame(0x82, &long),
        ];
        let want = [b"onetwo".to_vec(), vec![7; 126], long].concat();
        check(&all.concat(), &want, Some(&Event::Ping(b"ping".to_vec())));
    }

    #[test]
    fn what_breaks_the_rules_ends_it() {
        let mut unmasked = frame(0x82, b"");
        unmasked[1] &= 0x7f;
        let cases: [(&[u8], CloseCode); 12] = [
            (&unmasked, CloseCode::Protocol),
            (&frame(0xc2, b"rsv1"), CloseCode::Protocol),
            (&frame(0x92, b"rsv3"), CloseCode::Protocol),
            (&frame(0x81, b"text"), CloseCode::Unacceptable),
            (&frame(0x80, b"continues nothing"), CloseCode::Protocol),
            (&[frame(0x02, b"a"), frame(0x82, b"b")].concat(), CloseCode::Protocol),
            (&frame(0x09, b"ping in parts"), CloseCode::Protocol),
            (&frame(0x89, &[0; 126]), CloseCode::Protocol),
            (&frame(0x83, b"kind 3"), CloseCode::Protocol),
            (&frame(0x8b, b"kind 11"), CloseCode::Protocol),
            (&[0x82, 0xfe, 0, 5, 0, 0, 0, 0], CloseCode::Protocol),
            (&[0x82, 0xff, 0, 0, 0, 0, 0, 0x10, 0, 1, 0, 0, 0, 0], CloseCode::TooBig),
        ];
        for (bytes, code) in cases {
            let (_, event) = read(bytes, 1);
            let Some(Event::Violation(violation)) = event else {
                panic!("{bytes:02x?} gives {event:?}")
            };
            assert_eq!(violation.code, code, "{bytes:02x?}");
        }
        let far = [0x82, 0xff, 0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
        assert!(matches!(read(&far, 1).1, Some(Event::Violation(_))));
    }

    #[test]
    fn what_came_before_a_close_or_a_fault_counts_and_nothing_after() {
        let tail = [frame(0x88, &1000_u16.to_be_bytes()), frame(0x82, b"late")].concat();
        check(&[frame(0x82, b"a"), tail].concat(), b"a", Some(&Event::Close));
        let text = [frame(0x82, b"a"), frame(0x81, b"x"), frame(0x82, b"late")].concat();
        assert_eq!(read(&text, usize::MAX).0, b"a");
    }

    #[test]
    fn frames_of_the_server_are_in_the_shortest_form() {
        for (length, want) in [(0, 2), (125, 2), (126, 4), (65_535, 4), (65_536, 10)] {
            let mut out = Vec::new();
            header(length, &mut out);
            assert_eq!(out.len(), want, "{length}");
        }
        let mut out = Vec::new();
        close(CloseCode::Protocol, &mut out);
        pong(b"x", &mut out);
        assert_eq!(out, [0x88, 2, 0x03, 0xea, 0x8a, 1, b'x']);
    }

    proptest! {
        #[test]
        fn any_bytes_in_any_pieces_mean_the_same(bytes in prop::collection::vec(any::<u8>(), 0..200), piece in 1_usize..50) {
            prop_assert_eq!(read(&bytes, piece), read(&bytes, usize::MAX));
        }

        #[test]
        fn any_payload_comes_out_as_it_went_in(parts in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..300), 0..6), piece in 1_usize..400) {
            let bytes: Vec<u8> = parts.iter().flat_map(|part| frame(0x82, part)).collect();
            prop_assert_eq!(read(&bytes, piece), (parts.concat(), None));
        }
    }
}
