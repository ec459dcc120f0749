//! Sealed records: what a link carries after its handshake. The transport phase of the Noise protocol (revision 34, sections 5.1,
//! 11.3 and 4.2), in two halves that can live in two tasks and that work in place.
//!
//! ```text
//! len u16 (of what follows, at most 65,535) | ciphertext | tag 16
//! ```
//! Nonces count from 0 in each direction; each direction takes a new key after every 2^20 records. Inside TLS the handshake alone
//! is sealed: after it the bytes go as they are.

use ring::aead::{AES_256_GCM, Aad, Algorithm, CHACHA20_POLY1305, LessSafeKey, Nonce, UnboundKey};
use zeroize::Zeroizing;

/// Bytes that a record holds at most.
pub const PLAIN_MAX: usize = 65_535 - TAG;
/// Bytes that a record adds, with its length.
pub const OVERHEAD: usize = 2 + TAG;
const TAG: usize = 16;
/// Records before a direction takes a new key.
const REKEY_EVERY: u64 = 1 << 20;

/// Which cipher the two ends agreed on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Suite {
    /// AES-256-GCM: the faster one where both CPUs have AES.
    AesGcm,
    /// ChaCha20-Poly1305.
    ChaChaPoly,
}

impl Suite {
    fn algorithm(self) -> &'static Algorithm {
        match self {
            Self::AesGcm => &AES_256_GCM,
            Self::ChaChaPoly => &CHACHA20_POLY1305,
        }
    }

    /// The nonce as the Noise protocol writes it for the cipher.
    fn nonce(self, n: u64) -> Nonce {
        let mut bytes = [0; 12];
        let (_, tail) = bytes.split_at_mut(4);
        tail.copy_from_slice(&match self {
            Self::AesGcm => n.to_be_bytes(),
            Self::ChaChaPoly => n.to_le_bytes(),
        });
        Nonce::assume_unique_for_key(bytes)
    }
}

/// A record cannot be sealed or opened. The link closes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("record does not open: altered on the way, or not from the peer")]
pub struct BadRecord;

/// The key of one direction.
struct Direction {
    suite: Suite,
    raw: Zeroizing<[u8; 32]>,
    key: LessSafeKey,
    n: u64,
}

impl Direction {
    fn new(suite: Suite, raw: [u8; 32]) -> Result<Self, BadRecord> {
        let key = UnboundKey::new(suite.algorithm(), &raw).map_err(|_| BadRecord)?;
        Ok(Self { suite, raw: Zeroizing::new(raw), key: LessSafeKey::new(key), n: 0 })
    }

    /// The nonce of the next record, after a new key if it is time.
    fn next(&mut self) -> Result<Nonce, BadRecord> {
        if self.n != 0 && self.n.is_multiple_of(REKEY_EVERY) {
            self.rekey()?;
        }
        let nonce = self.suite.nonce(self.n);
        self.n = self.n.checked_add(1).filter(|n| *n != u64::MAX).ok_or(BadRecord)?;
        Ok(nonce)
    }

    /// Noise 4.2: the new key is the encryption of 32 zeros under the last nonce.
    fn rekey(&mut self) -> Result<(), BadRecord> {
        let mut fresh = Zeroizing::new([0; 32]);
        let nonce = self.suite.nonce(u64::MAX);
        let _tag = self
            .key
            .seal_in_place_separate_tag(nonce, Aad::empty(), &mut *fresh)
            .map_err(|_| BadRecord)?;
        let key = UnboundKey::new(self.suite.algorithm(), &*fresh).map_err(|_| BadRecord)?;
        self.key = LessSafeKey::new(key);
        self.raw = fresh;
        Ok(())
    }
}

impl std::fmt::Debug for Direction {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Direction").field("suite", &self.suite).field("n", &self.n).finish()
    }
}

/// Seals what this end sends.
#[derive(Debug)]
pub struct Sealer(Option<Direction>);

impl Sealer {
    pub(super) fn new(suite: Suite, key: [u8; 32]) -> Result<Self, BadRecord> {
        Direction::new(suite, key).map(Some).map(Self)
    }

    /// Changes nothing: TLS seals.
    pub(super) const fn bare() -> Self {
        Self(None)
    }

    /// The bytes to send for `plain`: records in `room`, which is emptied first, or `plain` itself inside TLS.
    ///
    /// # Errors
    /// Only after 2^64 records.
    pub fn sealed<'a>(
        &mut self,
        plain: &'a [u8],
        room: &'a mut Vec<u8>,
    ) -> Result<&'a [u8], BadRecord> {
        if self.0.is_none() {
            return Ok(plain);
        }
        room.clear();
        self.seal(plain, room)?;
        Ok(room)
    }

    /// Appends `plain` to `out` as records, as large as they may be.
    ///
    /// # Errors
    /// Only after 2^64 records.
    pub fn seal(&mut self, plain: &[u8], out: &mut Vec<u8>) -> Result<(), BadRecord> {
        let Some(direction) = &mut self.0 else {
            out.extend_from_slice(plain);
            return Ok(());
        };
        out.reserve(plain.len() + (plain.len() / PLAIN_MAX + 1) * OVERHEAD);
        for piece in plain.chunks(PLAIN_MAX) {
            let len = u16::try_from(piece.len() + TAG).map_err(|_| BadRecord)?;
            out.extend_from_slice(&len.to_be_bytes());
            let at = out.len();
            out.extend_from_slice(piece);
            let nonce = direction.next()?;
            let body = out.get_mut(at..).unwrap_or_default();
            let tag = direction.key.seal_in_place_separate_tag(nonce, Aad::empty(), body);
            out.extend_from_slice(tag.map_err(|_| BadRecord)?.as_ref());
        }
        Ok(())
    }
}

/// Opens what the other end sealed.
#[derive(Debug)]
pub struct Opener(Option<Direction>);

impl Opener {
    pub(super) fn new(suite: Suite, key: [u8; 32]) -> Result<Self, BadRecord> {
        Direction::new(suite, key).map(Some).map(Self)
    }

    /// Changes nothing: TLS has opened.
    pub(super) const fn bare() -> Self {
        Self(None)
    }

    /// Opens the first record of `bytes` in place. Returns what it holds and how many bytes it took; `None`: more bytes are
    /// needed. Inside TLS all bytes are one record.
    ///
    /// # Errors
    /// [`BadRecord`]: the link is to be closed.
    pub fn open<'a>(
        &mut self,
        bytes: &'a mut [u8],
    ) -> Result<Option<(&'a [u8], usize)>, BadRecord> {
        let Some(direction) = &mut self.0 else {
            let len = bytes.len();
            return Ok((len > 0).then_some((&*bytes, len)));
        };
        let Some((head, rest)) = bytes.split_first_chunk_mut::<2>() else { return Ok(None) };
        let len = usize::from(u16::from_be_bytes(*head));
        if len < TAG {
            return Err(BadRecord);
        }
        let Some(sealed) = rest.get_mut(..len) else { return Ok(None) };
        let nonce = direction.next()?;
        let plain =
            direction.key.open_in_place(nonce, Aad::empty(), sealed).map_err(|_| BadRecord)?;
        Ok(Some((plain, 2 + len)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pair(suite: Suite) -> (Sealer, Opener) {
        (Sealer::new(suite, [7; 32]).unwrap(), Opener::new(suite, [7; 32]).unwrap())
    }

    fn open_all(opener: &mut Opener, mut bytes: &mut [u8]) -> Vec<u8> {
        let mut plain = Vec::new();
        while let Some((piece, used)) = opener.open(bytes).unwrap() {
            plain.extend_from_slice(piece);
            bytes = &mut bytes[used..];
        }
        assert!(bytes.is_empty());
        plain
    }

    #[test]
    fn what_is_sealed_opens() {
        for suite in [Suite::AesGcm, Suite::ChaChaPoly] {
            let (mut sealer, mut opener) = pair(suite);
            for len in [0, 1, PLAIN_MAX, PLAIN_MAX + 1, 200_000] {
                let plain: Vec<u8> = (0..len).map(|n: usize| n.to_le_bytes()[0]).collect();
                let mut out = Vec::new();
                sealer.seal(&plain, &mut out).unwrap();
                assert_eq!(open_all(&mut opener, &mut out), plain);
            }
        }
    }

    #[test]
    fn inside_tls_bytes_go_as_they_are() {
        let (mut sealer, mut opener) = (Sealer::bare(), Opener::bare());
        let (mut out, mut room) = (b"before ".to_vec(), Vec::new());
        sealer.seal(b"plain", &mut out).unwrap();
        assert_eq!(out, b"before plain");
        assert_eq!(sealer.sealed(b"plain", &mut room).unwrap(), b"plain");
        assert!(room.is_empty());
        assert_eq!(opener.open(&mut out), Ok(Some((&b"before plain"[..], 12))));
        assert_eq!(opener.open(&mut []), Ok(None));
        let (mut sealer, mut opener) = pair(Suite::AesGcm);
        let mut sealed = sealer.sealed(b"plain", &mut room).unwrap().to_vec();
        assert_eq!(opener.open(&mut sealed).unwrap().unwrap().0, b"plain");
    }

    #[test]
    fn altered_repeated_and_missing_records_are_seen() {
        let (mut sealer, mut opener) = pair(Suite::AesGcm);
        let (mut one, mut two) = (Vec::new(), Vec::new());
        sealer.seal(b"one", &mut one).unwrap();
        sealer.seal(b"two", &mut two).unwrap();
        for cut in 0..one.len() {
            assert_eq!(opener.open(&mut one.clone()[..cut]), Ok(None));
        }
        assert_eq!(pair(Suite::AesGcm).1.open(&mut two.clone()), Err(BadRecord), "one is missing");
        for at in 2..one.len() {
            let mut altered = one.clone();
            altered[at] ^= 1;
            assert_eq!(pair(Suite::AesGcm).1.open(&mut altered), Err(BadRecord));
        }
        assert!(opener.open(&mut one.clone()).unwrap().is_some());
        assert_eq!(opener.open(&mut one), Err(BadRecord), "a repeat");
        assert_eq!(
            pair(Suite::AesGcm).1.open(&mut [0, 15, 0]),
            Err(BadRecord),
            "no room for a tag"
        );
    }

    #[test]
    fn both_ends_take_new_keys_at_the_same_record() {
        let (mut sealer, mut opener) = pair(Suite::ChaChaPoly);
        sealer.0.as_mut().unwrap().n = REKEY_EVERY - 1;
        opener.0.as_mut().unwrap().n = REKEY_EVERY - 1;
        for text in [b"old", b"new"] {
            let mut out = Vec::new();
            sealer.seal(text, &mut out).unwrap();
            assert_eq!(open_all(&mut opener, &mut out), text);
        }
        assert_ne!(*sealer.0.unwrap().raw, [7; 32]);
    }
}
