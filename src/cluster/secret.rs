//! The cookie and the keys made from it. One key, one use; all of them are wiped when dropped.
//!
//! `K = Argon2id(cookie)` once at start (60 to 90 ms and 19 MiB: what a guess costs an attacker), then HKDF-SHA-256 by use. During
//! a rotation there are two sets: the previous one is accepted, never used to send.

use argon2::{Algorithm, Argon2, Block, Params, Version};
use ring::{digest, hkdf};
use zeroize::{Zeroize, Zeroizing};

use super::settings::{Cookie, Kdf};

/// The cookie that EMQX ships and everybody knows.
const PUBLISHED: &[u8] = b"emqxsecretcookie";
const MIN_BYTES: usize = 16;
const MIN_DISTINCT: usize = 8;
const FAST_MIN_BYTES: usize = 32;
/// Cost of Argon2id: memory in KiB, passes, lanes.
const ARGON2: (u32, u32, u32) = (19_456, 2, 1);

/// Why the mesh stays closed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum WeakCookie {
    /// The published one.
    #[error("weak cookie: the one that EMQX ships is public")]
    Published,
    /// Too short.
    #[error("weak cookie: {0} bytes, at least {MIN_BYTES} are needed")]
    Short(usize),
    /// Too few different characters.
    #[error("weak cookie: {0} different characters, at least {MIN_DISTINCT} are needed")]
    Plain(usize),
    /// `cluster.kdf = fast` stands in for a hash that slows guessing down.
    #[error("cluster.kdf = fast needs a cookie of {FAST_MIN_BYTES} random bytes, this one has {0}")]
    ShortForFast(usize),
}

/// Whether `cookie` may open the mesh beyond loopback.
///
/// # Errors
/// [`WeakCookie`] says what is wrong with it.
pub fn check_cookie(cookie: &Cookie, kdf: Kdf) -> Result<(), WeakCookie> {
    let bytes = cookie.expose();
    if bytes == PUBLISHED {
        return Err(WeakCookie::Published);
    }
    if bytes.len() < MIN_BYTES {
        return Err(WeakCookie::Short(bytes.len()));
    }
    let mut seen = [false; 256];
    bytes.iter().for_each(|byte| {
        if let Some(seen) = seen.get_mut(usize::from(*byte)) {
            *seen = true;
        }
    });
    let distinct = seen.iter().filter(|seen| **seen).count();
    if distinct < MIN_DISTINCT {
        return Err(WeakCookie::Plain(distinct));
    }
    if kdf == Kdf::Fast && bytes.len() < FAST_MIN_BYTES {
        return Err(WeakCookie::ShortForFast(bytes.len()));
    }
    Ok(())
}

/// The keys of one cookie.
#[derive(Clone)]
pub struct KeySet {
    key_id: u8,
    mesh: Zeroizing<[u8; 32]>,
    discovery: Zeroizing<[u8; 32]>,
}

impl KeySet {
    /// Derives the keys. Slow by intent with [`Kdf::Argon2id`]: call it beside the start, not in it.
    ///
    /// # Errors
    /// A word when there is no memory for it.
    pub fn derive(cookie: &Cookie, cluster_name: &str, kdf: Kdf) -> Result<Self, KdfError> {
        let mut salt = b"emrs1".to_vec();
        salt.extend_from_slice(&name_hash(cluster_name));
        let mut root = Zeroizing::new([0; 32]);
        match kdf {
            Kdf::Fast => {
                let prk = hkdf::Salt::new(hkdf::HKDF_SHA256, &salt).extract(cookie.expose());
                expand(&prk, b"root 1", &mut root);
            }
            Kdf::Argon2id => {
                let (memory, passes, lanes) = ARGON2;
                let params = Params::new(memory, passes, lanes, Some(32)).map_err(|_| KdfError)?;
                // Not from the allocator of the process, which would keep the pages: more than all else that an idle node needs.
                let mut blocks = allocator_api2::vec::Vec::new_in(std::alloc::System);
                blocks.resize(params.block_count(), Block::default());
                Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
                    .hash_password_into_with_memory(
                        cookie.expose(),
                        &salt,
                        &mut *root,
                        blocks.as_mut_slice(),
                    )
                    .map_err(|_| KdfError)?;
            }
        }
        Ok(Self::from_root(&root))
    }

    fn from_root(root: &[u8; 32]) -> Self {
        let prk = hkdf::Salt::new(hkdf::HKDF_SHA256, &[]).extract(root);
        let mut set =
            Self { key_id: 0, mesh: Zeroizing::default(), discovery: Zeroizing::default() };
        expand(&prk, b"mesh psk 1", &mut set.mesh);
        expand(&prk, b"discovery 1", &mut set.discovery);
        let mut id = [0; 32];
        expand(&prk, b"key id 1", &mut id);
        set.key_id = id.first().copied().unwrap_or_default();
        id.zeroize();
        set
    }

    /// One byte that says which cookie is meant, in clear on the wire.
    #[must_use]
    pub const fn key_id(&self) -> u8 {
        self.key_id
    }

    /// Pre-shared key of the mesh handshake.
    #[must_use]
    pub fn mesh(&self) -> &[u8; 32] {
        &self.mesh
    }

    /// Key of the discovery datagrams.
    #[must_use]
    pub fn discovery(&self) -> &[u8; 32] {
        &self.discovery
    }
}

impl std::fmt::Debug for KeySet {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("KeySet").field("key_id", &self.key_id).finish_non_exhaustive()
    }
}

/// The keys could not be derived.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the mesh keys need 19 MiB of memory for a moment, and there are none")]
pub struct KdfError;

/// The keys of a node: those it uses, and those it still accepts.
#[derive(Clone, Debug)]
pub struct Keys {
    current: KeySet,
    previous: Option<KeySet>,
}

impl Keys {
    /// `previous` is accepted, never used to dial.
    #[must_use]
    pub const fn new(current: KeySet, previous: Option<KeySet>) -> Self {
        Self { current, previous }
    }

    /// Those to dial with.
    #[must_use]
    pub const fn current(&self) -> &KeySet {
        &self.current
    }

    /// Whether a cookie is accepted that is not used: nodes are between two cookies.
    #[must_use]
    pub const fn has_previous(&self) -> bool {
        self.previous.is_some()
    }

    /// Both cookies have the same number (one pair in 256), so a peer that uses the previous one cannot be told apart.
    #[must_use]
    pub fn are_twins(&self) -> bool {
        self.previous.as_ref().is_some_and(|previous| previous.key_id == self.current.key_id)
    }

    /// Those that the peer says it uses. By number, never by trial.
    #[must_use]
    pub fn by_id(&self, key_id: u8) -> Option<&KeySet> {
        if self.current.key_id == key_id {
            return Some(&self.current);
        }
        self.previous.as_ref().filter(|set| set.key_id == key_id)
    }
}

/// The first 16 bytes of SHA-256 of the name of the cluster.
#[must_use]
pub fn name_hash(cluster_name: &str) -> [u8; 16] {
    sha256_16(cluster_name.as_bytes())
}

/// The first 16 bytes of SHA-256.
pub(crate) fn sha256_16(bytes: &[u8]) -> [u8; 16] {
    let digest = digest::digest(&digest::SHA256, bytes);
    digest.as_ref().first_chunk().copied().unwrap_or_default()
}

struct Len32;

impl hkdf::KeyType for Len32 {
    fn len(&self) -> usize {
        32
    }
}

/// HKDF-Expand to 32 bytes; it cannot fail at that length.
fn expand(prk: &hkdf::Prk, info: &[u8], out: &mut [u8; 32]) {
    let done = prk.expand(&[info], Len32).and_then(|okm| okm.fill(out));
    debug_assert!(done.is_ok(), "HKDF gives up to 8,160 bytes");
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cookie(text: &str) -> Cookie {
        Cookie::new(text.to_owned())
    }

    #[test]
    fn weak_cookies_are_refused() {
        let check = |text: &str, kdf| check_cookie(&cookie(text), kdf);
        assert_eq!(check("emqxsecretcookie", Kdf::Argon2id), Err(WeakCookie::Published));
        assert_eq!(check("", Kdf::Argon2id), Err(WeakCookie::Short(0)));
        assert_eq!(check("abcdefghijklmno", Kdf::Argon2id), Err(WeakCookie::Short(15)));
        assert_eq!(check("abcdefgabcdefgabcdefg", Kdf::Argon2id), Err(WeakCookie::Plain(7)));
        assert_eq!(check("abcdefghabcdefgh", Kdf::Argon2id), Ok(()));
        assert_eq!(check("abcdefghabcdefgh", Kdf::Fast), Err(WeakCookie::ShortForFast(16)));
        assert_eq!(check("abcdefghabcdefghabcdefghabcdefgh", Kdf::Fast), Ok(()));
    }

    #[test]
    fn keys_depend_on_cookie_cluster_and_use() {
        let derive =
            |text: &str, name: &str, kdf| KeySet::derive(&cookie(text), name, kdf).unwrap();
        let a = derive("a cookie of some length", "emqxcl", Kdf::Argon2id);
        let again = derive("a cookie of some length", "emqxcl", Kdf::Argon2id);
        assert_eq!((a.mesh(), a.key_id()), (again.mesh(), again.key_id()));
        assert_ne!(a.mesh(), a.discovery());
        for other in [
            derive("a cookie of some lengti", "emqxcl", Kdf::Argon2id),
            derive("a cookie of some length", "emqxcm", Kdf::Argon2id),
            derive("a cookie of some length", "emqxcl", Kdf::Fast),
        ] {
            assert_ne!(a.mesh(), other.mesh());
        }
        let keys = Keys::new(a.clone(), Some(again));
        assert!(keys.has_previous() && keys.are_twins());
        assert!(keys.by_id(a.key_id()).is_some());
        assert!(keys.by_id(a.key_id().wrapping_add(1)).is_none());
        let old = derive("the cookie before that one", "emqxcl", Kdf::Fast);
        let keys = Keys::new(a.clone(), Some(old.clone()));
        assert!(!keys.are_twins() && !Keys::new(a.clone(), None).has_previous());
        assert_eq!(keys.by_id(old.key_id()).unwrap().mesh(), old.mesh());
        assert_eq!(keys.current().mesh(), a.mesh(), "the previous one is never used to dial");
        assert!(!format!("{keys:?}").contains("mesh"));
    }
}
