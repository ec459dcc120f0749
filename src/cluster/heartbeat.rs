//! The heartbeat datagram: that a node is alive, proven with a key of the control connection.
//!
//! ```text
//! magic ERHB | version 1 | flags 1 | reserved 2 | session 8 | counter 8 | echo 8 | held_us 4 | lateness_ms 4 | MAC 16
//! ```
//! `session` names the control connection, so the key is found without trial; the connection outlived by its key is what lets a
//! node be heard again after a cut. `counter` only rises, so a replayed datagram counts for nothing. `echo` is the last counter
//! heard of the other end and `held_us` how long ago that was: the round-trip time comes for nothing. All numbers big endian.

use ring::{hkdf, hmac};
use subtle::ConstantTimeEq;

/// Bytes of a datagram.
pub const LEN: usize = 56;
const MAC: usize = 16;
const MAGIC: [u8; 4] = *b"ERHB";
const VERSION: u8 = 1;
const FLAG_STALLED: u8 = 1;
const FLAG_DRAINING: u8 = 2;
const FLAG_DIALED: u8 = 4;

/// What a heartbeat says.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Beat {
    /// Rises by one with each heartbeat of the session.
    pub counter: u64,
    /// Highest counter heard of the other end; 0 for none.
    pub echo: u64,
    /// Microseconds since that was heard.
    pub held_us: u32,
    /// How late the sender's tick was.
    pub lateness_ms: u32,
    /// A worker of the sender makes no progress.
    pub stalled: bool,
    /// The sender is about to stop.
    pub draining: bool,
}

/// Keys of the heartbeats of one control connection, the same at both ends.
#[derive(Debug)]
pub struct Session {
    id: [u8; 8],
    key: hmac::Key,
    /// This end dialled. A datagram of one's own that is sent back is none of the other end.
    dialed: bool,
}

struct Len(usize);

impl hkdf::KeyType for Len {
    fn len(&self) -> usize {
        self.0
    }
}

impl Session {
    /// From the hash of the handshake of the control connection. `None`: the key derivation failed, which it does not for
    /// lengths this short.
    #[must_use]
    pub fn new(handshake: &[u8; 32], dialed: bool) -> Option<Self> {
        let secret = hkdf::Salt::new(hkdf::HKDF_SHA256, b"emqx-rs heartbeat").extract(handshake);
        let expand = |info: &[u8], out: &mut [u8]| {
            secret.expand(&[info], Len(out.len())).and_then(|okm| okm.fill(out)).ok()
        };
        let (mut id, mut key) = ([0; 8], [0; 32]);
        expand(b"session 1", &mut id)?;
        expand(b"mac 1", &mut key)?;
        let key = hmac::Key::new(hmac::HMAC_SHA256, &key);
        Some(Self { id, key, dialed })
    }

    /// What names the session in its datagrams.
    #[must_use]
    pub const fn id(&self) -> [u8; 8] {
        self.id
    }

    /// The bytes of a heartbeat.
    #[must_use]
    pub fn seal(&self, beat: &Beat) -> Vec<u8> {
        let mut out = Vec::with_capacity(LEN);
        out.extend_from_slice(&MAGIC);
        let flag = |set: bool, bit: u8| if set { bit } else { 0 };
        let flags = flag(beat.stalled, FLAG_STALLED)
            | flag(beat.draining, FLAG_DRAINING)
            | flag(self.dialed, FLAG_DIALED);
        out.extend_from_slice(&[VERSION, flags, 0, 0]);
        out.extend_from_slice(&self.id);
        out.extend_from_slice(&beat.counter.to_be_bytes());
        out.extend_from_slice(&beat.echo.to_be_bytes());
        out.extend_from_slice(&beat.held_us.to_be_bytes());
        out.extend_from_slice(&beat.lateness_ms.to_be_bytes());
        let tag = hmac::sign(&self.key, &out);
        out.extend_from_slice(tag.as_ref().get(..MAC).unwrap_or_default());
        out
    }

    /// Reads a datagram of the other end of this session; `None` for anything else.
    #[must_use]
    pub fn open(&self, bytes: &[u8]) -> Option<Beat> {
        if session_of(bytes)? != self.id {
            return None;
        }
        let (text, mac) = bytes.split_at_checked(LEN - MAC)?;
        let tag = hmac::sign(&self.key, text);
        let same: bool = tag.as_ref().get(..MAC)?.ct_eq(mac).into();
        let flags = *text.get(5)?;
        let theirs = (flags & FLAG_DIALED != 0) != self.dialed;
        (same && theirs).then_some(())?;
        let long =
            |at: usize| text.get(at..)?.first_chunk().map(|bytes| u64::from_be_bytes(*bytes));
        let short =
            |at: usize| text.get(at..)?.first_chunk().map(|bytes| u32::from_be_bytes(*bytes));
        Some(Beat {
            counter: long(16)?,
            echo: long(24)?,
            held_us: short(32)?,
            lateness_ms: short(36)?,
            stalled: flags & FLAG_STALLED != 0,
            draining: flags & FLAG_DRAINING != 0,
        })
    }
}

/// Which session a datagram claims to be of; `None` if it is no heartbeat of this version.
#[must_use]
pub fn session_of(bytes: &[u8]) -> Option<[u8; 8]> {
    let head = bytes.get(..5)?;
    (bytes.len() == LEN && head == [&MAGIC[..], &[VERSION]].concat()).then_some(())?;
    bytes.get(8..16)?.try_into().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pair() -> (Session, Session) {
        (Session::new(&[7; 32], true).unwrap(), Session::new(&[7; 32], false).unwrap())
    }

    const BEAT: Beat = Beat {
        counter: 5,
        echo: 4,
        held_us: 70_000,
        lateness_ms: 3,
        stalled: true,
        draining: false,
    };

    #[test]
    fn the_other_end_reads_what_was_sent() {
        let (a, b) = pair();
        let bytes = a.seal(&BEAT);
        assert_eq!(bytes.len(), LEN);
        assert_eq!(session_of(&bytes), Some(a.id()));
        assert_eq!(b.open(&bytes), Some(BEAT));
    }

    #[test]
    fn a_reflected_altered_or_foreign_datagram_is_nothing() {
        let (a, b) = pair();
        let bytes = a.seal(&BEAT);
        assert_eq!(a.open(&bytes), None, "sent back to its sender");
        for at in 0..LEN {
            let mut altered = bytes.clone();
            altered[at] ^= 1;
            assert_eq!(b.open(&altered), None, "byte {at}");
            assert_eq!(b.open(&bytes[..at]), None, "cut at {at}");
        }
        let other = Session::new(&[8; 32], false).unwrap();
        assert_eq!(other.open(&bytes), None);
    }
}
