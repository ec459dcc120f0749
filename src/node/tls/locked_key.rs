//! Private keys that a password locks, as `openssl` writes them: PKCS #8 (PBES2 of RFC 8018) and the older PEM with `DEK-Info`.
//! Bytes in, a key out.

use std::num::NonZeroU32;

use aes::{
    Aes128, Aes256,
    cipher::{Array, BlockCipherDecrypt, KeyInit},
};
use base64ct::{Base64, Encoding as _};
use des::TdesEde3;
use md5::{Digest as _, Md5};
use ring::pbkdf2::{
    self, PBKDF2_HMAC_SHA1, PBKDF2_HMAC_SHA256, PBKDF2_HMAC_SHA384, PBKDF2_HMAC_SHA512,
};
use rustls::pki_types::PrivateKeyDer;
use x509_parser::asn1_rs::{Any, FromDer as _, Tag};
use zeroize::Zeroizing;

/// More rounds than this are taken for an attack on whoever starts the node; OpenSSL does 2048 unless told otherwise.
const ROUNDS_MAX: u32 = 10_000_000;
/// Ciphers by the length of their keys.
const AES_128: usize = 16;
const TRIPLE_DES: usize = 24;
const AES_256: usize = 32;
const MD5_LEN: usize = 16;

/// Why a key stays locked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StillLocked {
    /// No password is set.
    #[error(
        "the key is locked with a password, and none is set (key_password, in ssl_dist.conf password)"
    )]
    NoPassword,
    /// It is not the password of this key.
    #[error("the password does not open the key")]
    WrongPassword,
    /// Locked in another way.
    #[error(
        "the key is locked in a way that is not opened here (AES of 128 or 256 bits and triple DES in CBC are): \
         openssl pkcs8 -topk8 -v2 aes-256-cbc -in KEY -out NEW"
    )]
    Unknown,
}

/// A key behind its lock.
#[derive(Debug, PartialEq, Eq)]
pub struct LockedKey {
    lock: Lock,
    iv: Vec<u8>,
    key_len: usize,
    sealed: Vec<u8>,
}

#[derive(Debug, PartialEq, Eq)]
enum Lock {
    /// PKCS #8: salt, rounds and hash of PBKDF2.
    Pbes2 { salt: Vec<u8>, rounds: NonZeroU32, hash: u8 },
    /// `DEK-Info`: what is inside has a name of its own, and MD5 makes the key from the password.
    Old { label: String },
}

impl LockedKey {
    /// The first key of a PEM file; `None` if that is not locked.
    ///
    /// # Errors
    /// [`StillLocked::Unknown`]
    pub fn find(pem: &[u8]) -> Option<Result<Self, StillLocked>> {
        let text = str::from_utf8(pem).ok()?;
        let mut lines = text.lines().map(str::trim);
        while let Some(line) = lines.next() {
            let label =
                line.strip_prefix("-----BEGIN ").and_then(|line| line.strip_suffix("-----"));
            let Some(label) = label.filter(|label| label.ends_with("PRIVATE KEY")) else {
                continue;
            };
            let end = |line: &&str| !line.starts_with("-----END ");
            let (mut info, mut body) = (None, Zeroizing::new(String::new()));
            for line in lines.by_ref().take_while(end) {
                match line.split_once(':') {
                    Some(("DEK-Info", value)) => info = Some(value.trim()),
                    Some(_) => {}
                    None => body.push_str(line),
                }
            }
            let read = match (label, info) {
                ("ENCRYPTED PRIVATE KEY", _) => Self::pkcs8(&body),
                (_, Some(info)) => Self::old(label, info, &body),
                (_, None) => return None,
            };
            return Some(read.ok_or(StillLocked::Unknown));
        }
        None
    }

    /// `EncryptedPrivateKeyInfo` of RFC 5958.
    fn pkcs8(body: &str) -> Option<Self> {
        const PBES2: &[u8] = &[42, 134, 72, 134, 247, 13, 1, 5, 13];
        const PBKDF2: &[u8] = &[42, 134, 72, 134, 247, 13, 1, 5, 12];
        /// Behind it stands one byte for the hash: 7 is SHA-1, 9 to 11 are SHA-256, 384 and 512.
        const HMAC: &[u8] = &[42, 134, 72, 134, 247, 13, 2];
        /// Behind it: 2 is AES-128 in CBC, 42 is AES-256.
        const AES: &[u8] = &[96, 134, 72, 1, 101, 3, 4, 1];
        const DES3: &[u8] = &[42, 134, 72, 134, 247, 13, 3, 7];
        let der = Base64::decode_vec(body).ok()?;
        let mut whole = part(&mut der.as_slice(), Tag::Sequence)?;
        let mut scheme = part(&mut whole, Tag::Sequence)?;
        let sealed = part(&mut whole, Tag::OctetString)?.to_vec();
        let is_it = part(&mut scheme, Tag::Oid)? == PBES2;
        let mut both = part(&mut scheme, Tag::Sequence).filter(|_| is_it)?;
        let mut derivation = part(&mut both, Tag::Sequence)?;
        let mut cipher = part(&mut both, Tag::Sequence)?;
        let is_it = part(&mut derivation, Tag::Oid)? == PBKDF2;
        let mut derivation = part(&mut derivation, Tag::Sequence).filter(|_| is_it)?;
        let salt = part(&mut derivation, Tag::OctetString)?.to_vec();
        let rounds = number(part(&mut derivation, Tag::Integer)?)?;
        // The length of the key, which the cipher tells too.
        let _ = part(&mut derivation, Tag::Integer);
        let hash = match part(&mut derivation, Tag::Sequence) {
            Some(mut hash) => *part(&mut hash, Tag::Oid)?.strip_prefix(HMAC)?.first()?,
            None => 7,
        };
        let name = part(&mut cipher, Tag::Oid)?;
        let key_len = match name.strip_prefix(AES) {
            Some([2]) => AES_128,
            Some([42]) => AES_256,
            Some(_) | None if name == DES3 => TRIPLE_DES,
            Some(_) | None => return None,
        };
        let iv = part(&mut cipher, Tag::OctetString)?.to_vec();
        let rounds = NonZeroU32::new(rounds).filter(|rounds| rounds.get() <= ROUNDS_MAX)?;
        Some(Self { lock: Lock::Pbes2 { salt, rounds, hash }, iv, key_len, sealed })
    }

    /// As OpenSSL wrote keys before version 3: `DEK-Info: AES-256-CBC,` and the IV.
    fn old(label: &str, info: &str, body: &str) -> Option<Self> {
        let (cipher, iv) = info.split_once(',')?;
        let key_len = match cipher {
            "AES-128-CBC" => AES_128,
            "AES-256-CBC" => AES_256,
            "DES-EDE3-CBC" => TRIPLE_DES,
            _ => return None,
        };
        let bytes = u128::from_str_radix(iv, 16).ok()?.to_be_bytes();
        let iv = bytes.get(bytes.len().checked_sub(iv.len() / 2)?..)?.to_vec();
        let sealed = Base64::decode_vec(body).ok()?;
        Some(Self { lock: Lock::Old { label: label.to_owned() }, iv, key_len, sealed })
    }

    /// The key itself.
    ///
    /// # Errors
    /// Not [`StillLocked::NoPassword`].
    pub fn open(self, password: &[u8]) -> Result<PrivateKeyDer<'static>, StillLocked> {
        let mut secret = Zeroizing::new([0; 32]);
        let secret = secret.get_mut(..self.key_len).unwrap_or_default();
        self.derive(password, secret)?;
        let mut text = Zeroizing::new(self.sealed);
        let clear = match secret.len() {
            AES_128 => decrypt::<Aes128>(secret, self.iv, &mut text),
            TRIPLE_DES => decrypt::<TdesEde3>(secret, self.iv, &mut text),
            _ => decrypt::<Aes256>(secret, self.iv, &mut text),
        };
        // What a wrong password makes of it is no DER.
        let inside = clear.filter(|inside| part(&mut inside.as_slice(), Tag::Sequence).is_some());
        let inside = inside.ok_or(StillLocked::WrongPassword)?.to_vec();
        match &self.lock {
            Lock::Pbes2 { .. } => Ok(PrivateKeyDer::Pkcs8(inside.into())),
            Lock::Old { label } if label == "RSA PRIVATE KEY" => {
                Ok(PrivateKeyDer::Pkcs1(inside.into()))
            }
            Lock::Old { label } if label == "EC PRIVATE KEY" => {
                Ok(PrivateKeyDer::Sec1(inside.into()))
            }
            Lock::Old { .. } => Err(StillLocked::Unknown),
        }
    }

    /// The key of the cipher, from the password.
    fn derive(&self, password: &[u8], secret: &mut [u8]) -> Result<(), StillLocked> {
        match &self.lock {
            Lock::Pbes2 { salt, rounds, hash } => {
                let hash = match hash {
                    7 => PBKDF2_HMAC_SHA1,
                    9 => PBKDF2_HMAC_SHA256,
                    10 => PBKDF2_HMAC_SHA384,
                    11 => PBKDF2_HMAC_SHA512,
                    _ => return Err(StillLocked::Unknown),
                };
                pbkdf2::derive(hash, *rounds, salt, password, secret);
            }
            // EVP_BytesToKey with MD5 and one round; the IV has the salt.
            Lock::Old { .. } => {
                let salt = self.iv.get(..8).unwrap_or_default();
                let mut last: Zeroizing<Vec<u8>> = Zeroizing::default();
                for piece in secret.chunks_mut(MD5_LEN) {
                    let hash = Md5::new().chain_update(&*last).chain_update(password);
                    last = Zeroizing::new(hash.chain_update(salt).finalize().to_vec());
                    piece.iter_mut().zip(&*last).for_each(|(byte, made)| *byte = *made);
                }
            }
        }
        Ok(())
    }
}

/// The content of what comes next in DER, if it is of this kind: of the universal class, and a sequence as DER writes one.
fn part<'a>(rest: &mut &'a [u8], tag: Tag) -> Option<&'a [u8]> {
    let (behind, found) = Any::from_der(rest).ok().filter(|(_, found)| {
        let of_parts = found.header.is_constructed() == (tag == Tag::Sequence);
        found.tag() == tag && found.header.is_universal() && of_parts
    })?;
    *rest = behind;
    Some(found.data)
}

fn number(bytes: &[u8]) -> Option<u32> {
    (bytes.len() <= 4).then(|| bytes.iter().fold(0, |all, byte| all << 8 | u32::from(*byte)))
}

/// CBC without its padding (PKCS #7); `None` where that is not right.
fn decrypt<C: KeyInit + BlockCipherDecrypt>(
    secret: &[u8],
    mut before: Vec<u8>,
    text: &mut [u8],
) -> Option<Zeroizing<Vec<u8>>> {
    let (cipher, size) = (C::new_from_slice(secret).ok()?, C::block_size());
    if before.len() != size || !text.len().is_multiple_of(size) {
        return None;
    }
    for block in text.chunks_exact_mut(size) {
        let sealed = block.to_vec();
        cipher.decrypt_block(<&mut Array<u8, C::BlockSize>>::try_from(&mut *block).ok()?);
        block.iter_mut().zip(before).for_each(|(byte, mask)| *byte ^= mask);
        before = sealed;
    }
    let pad = usize::from(*text.last()?);
    let (clear, padding) = text.split_at_checked(text.len().checked_sub(pad)?)?;
    let right = (1..=size).contains(&pad) && padding.iter().all(|byte| usize::from(*byte) == pad);
    right.then(|| clear.to_vec().into())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Made with `openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256`, then locked in each way with `-passout pass:opensesame`.
    const CLEAR: &str = include_str!("../../../tests/data/locked/clear.pem");
    const LOCKED: [&str; 8] = [
        include_str!("../../../tests/data/locked/pkcs8-aes128-sha256.pem"),
        include_str!("../../../tests/data/locked/pkcs8-aes256-sha1.pem"),
        include_str!("../../../tests/data/locked/pkcs8-aes256-sha384.pem"),
        include_str!("../../../tests/data/locked/pkcs8-aes256-sha512.pem"),
        include_str!("../../../tests/data/locked/old-aes128.pem"),
        include_str!("../../../tests/data/locked/old-aes256.pem"),
        include_str!("../../../tests/data/locked/pkcs8-des3.pem"),
        include_str!("../../../tests/data/locked/old-des3.pem"),
    ];

    fn open(pem: &str, password: &str) -> Result<PrivateKeyDer<'static>, StillLocked> {
        LockedKey::find(pem.as_bytes()).expect("a locked key")?.open(password.as_bytes())
    }

    /// The number that is the key, which stands in each form of it.
    fn is_the_key(opened: &PrivateKeyDer<'_>) -> bool {
        const FRONT: &[u8] = &[2, 1, 1, 4, 32];
        let clear = CLEAR.lines().filter(|line| !line.starts_with('-')).collect::<String>();
        let clear = Base64::decode_vec(&clear).unwrap();
        let at = clear.windows(5).position(|five| five == FRONT).unwrap();
        opened.secret_der().windows(37).any(|part| part == &clear[at..at + 37])
    }

    #[test]
    fn keys_of_openssl_open_with_their_password_and_no_other() {
        for (at, pem) in LOCKED.iter().enumerate() {
            assert!(is_the_key(&open(pem, "opensesame").unwrap()), "{at}");
            for wrong in ["", "opensesam", "Opensesame", "opensesame "] {
                let left = open(pem, wrong).err();
                assert_eq!(left, Some(StillLocked::WrongPassword), "{at} {wrong:?}");
            }
            let behind = format!("{CLEAR}{pem}");
            assert!(LockedKey::find(behind.as_bytes()).is_none(), "{at}: the first one counts");
        }
        assert!(LockedKey::find(CLEAR.as_bytes()).is_none());
    }

    #[test]
    fn a_sequence_has_one_first_byte() {
        for first in 0..=u8::MAX {
            let is_one = part(&mut [first, 0].as_slice(), Tag::Sequence).is_some();
            assert_eq!(is_one, first == 0x30, "{first:#x}");
        }
    }

    #[test]
    fn other_locks_are_told_and_never_opened() {
        for pem in [
            include_str!("../../../tests/data/locked/old-aes192.pem"),
            include_str!("../../../tests/data/locked/pkcs8-scrypt.pem"),
        ] {
            assert_eq!(open(pem, "opensesame").err(), Some(StillLocked::Unknown));
        }
        for cut in 0..LOCKED[0].len() {
            // Whatever comes of a file that is not whole, it is no key.
            let whole = LOCKED[0].len() - cut < 40;
            let found = LockedKey::find(&LOCKED[0].as_bytes()[..cut]);
            let opened = found.and_then(Result::ok).map(|key| key.open(b"opensesame").is_ok());
            assert!(whole || opened != Some(true), "{cut}");
        }
    }
}
