//! Hashes of passwords as they stand in a users file: Argon2 as we make it, and those that other brokers leave behind.
//!
//! | text | made by |
//! | --- | --- |
//! | `$argon2id$v=19$m=19456,t=2,p=1$SALT$HASH` | `emqx-rs-ctl user add`; argon2i and argon2d too (PHC) |
//! | `$2b$10$...` | bcrypt, also `$2a$`, `$2x$`, `$2y$` |
//! | `$pbkdf2-sha256$i=100000$SALT$HASH` | PHC, also `-sha512` and `-sha1`; `$pbkdf2-sha256$100000$SALT$HASH` as passlib has it |
//! | `$7$ROUNDS$SALT$HASH`, `$6$SALT$HASH` | mosquitto_passwd: PBKDF2 with SHA-512, and SHA-512 of password and salt |
//! | `$scram-sha-256$i=15000$SALT$STORED$SERVER` | `emqx-rs-ctl user add --scram`: what SCRAM needs, good for passwords too |
//! | `$sha256$SALT$HEX`, `$sha512$SALT$HEX` | EMQX: the digest of salt and password; `$sha256-suffix$` of password and salt |
//!
//! A salt of `$sha256$` is text as it stands, bytes in hexadecimal behind `0x`, or empty. Costs are bounded, so that a file
//! cannot make a login last for minutes. Comparisons take the same time whatever the password is. Pure.

use std::num::NonZeroU32;

use argon2::{Algorithm, Argon2, Block, Params, Version};
use base64ct::{Base64Unpadded, Encoding};
use ring::{digest, pbkdf2};
use subtle::ConstantTimeEq;

use super::scram::{self, Keys};

/// Cost of the hashes we make: memory in KiB, passes, lanes.
const ARGON2: (u32, u32, u32) = (19_456, 2, 1);
/// The most that a hash of a file may cost: memory of Argon2 in KiB, its passes and lanes.
const ARGON2_MOST: (u32, u32, u32) = (256 << 10, 32, 16);
/// The most rounds of PBKDF2, and the exponent of bcrypt.
const ROUNDS_MOST: u32 = 10_000_000;
const BCRYPT_MOST: u32 = 16;
/// Bytes of salt in the hashes we make.
pub const SALT: usize = 16;

/// The text is no hash that can be verified here.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadHash {
    /// Not of a known form.
    #[error("expected a hash such as $argon2id$..., $2b$..., $pbkdf2-sha256$... or $sha256$...")]
    Form,
    /// A known form, cut or with a slip in it.
    #[error("expected a whole {0} hash")]
    Broken(&'static str),
    /// It would take too long or too much memory.
    #[error("expected a {0} hash of a cost that a login may have: {1}")]
    Cost(&'static str, &'static str),
}

/// A hash that a password is verified against.
#[derive(Clone, PartialEq, Eq)]
pub struct PasswordHash(Kind);

#[derive(Clone, PartialEq, Eq)]
enum Kind {
    Argon2 { algorithm: Algorithm, version: Version, cost: (u32, u32, u32), salted: Salted },
    Bcrypt { cost: u32, text: Box<str> },
    Pbkdf2 { prf: Prf, rounds: NonZeroU32, salted: Salted },
    Scram(Keys),
    Digest { form: DigestForm, salted: Salted },
}

#[derive(Clone, Copy, PartialEq, Eq)]
struct DigestForm {
    sha512: bool,
    salt_first: bool,
}

#[derive(Clone, PartialEq, Eq)]
struct Salted {
    salt: Box<[u8]>,
    want: Box<[u8]>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Prf {
    Sha1,
    Sha256,
    Sha512,
}

impl std::fmt::Debug for PasswordHash {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "PasswordHash({})", self.scheme())
    }
}

/// Memory that Argon2 works in, kept between two verifications. Not from the allocator of the process, which would keep it.
#[derive(Default)]
pub struct Memory(Option<allocator_api2::vec::Vec<Block, std::alloc::System>>);

impl Memory {
    fn blocks(&mut self, count: usize) -> &mut [Block] {
        let fresh = || allocator_api2::vec::Vec::new_in(std::alloc::System);
        let blocks = self.0.get_or_insert_with(fresh);
        if blocks.len() < count {
            blocks.resize(count, Block::default());
        }
        blocks.get_mut(..count).unwrap_or_default()
    }
}

impl PasswordHash {
    /// The digest that a password from the configuration is kept as.
    #[must_use]
    pub fn of_plain(password: &[u8]) -> Self {
        let want = digest::digest(&digest::SHA256, password).as_ref().into();
        let salted = Salted { salt: Box::default(), want };
        Self(Kind::Digest { form: DigestForm { sha512: false, salt_first: true }, salted })
    }

    /// Reads a hash.
    ///
    /// # Errors
    /// [`BadHash`]; it never holds the text.
    pub fn parse(text: &str) -> Result<Self, BadHash> {
        let parts: Vec<&str> = text.split('$').collect();
        let kind = match parts.as_slice() {
            ["", "argon2id" | "argon2i" | "argon2d", ..] => argon2(&parts),
            ["", "2a" | "2b" | "2x" | "2y", ..] => bcrypt_hash(text),
            ["", "pbkdf2-sha1" | "pbkdf2", rest @ ..] => pbkdf2_hash(Prf::Sha1, rest),
            ["", "pbkdf2-sha256", rest @ ..] => pbkdf2_hash(Prf::Sha256, rest),
            ["", "pbkdf2-sha512" | "7", rest @ ..] => pbkdf2_hash(Prf::Sha512, rest),
            ["", "scram-sha-256", rounds, salt, stored, server] => {
                scram_keys(rounds, salt, stored, server)
            }
            ["", "6", salt, want] => {
                let salted = salted(salt, want).filter(|salted| salted.want.len() == 64);
                let salted = salted.ok_or(BadHash::Broken("$6$"))?;
                Ok(Kind::Digest { form: DigestForm { sha512: true, salt_first: false }, salted })
            }
            ["", "sha256", salt, want] => {
                digest_hash(DigestForm { sha512: false, salt_first: true }, salt, want)
            }
            ["", "sha256-suffix", salt, want] => {
                digest_hash(DigestForm { sha512: false, salt_first: false }, salt, want)
            }
            ["", "sha512", salt, want] => {
                digest_hash(DigestForm { sha512: true, salt_first: true }, salt, want)
            }
            ["", "sha512-suffix", salt, want] => {
                digest_hash(DigestForm { sha512: true, salt_first: false }, salt, want)
            }
            _ => Err(BadHash::Form),
        };
        kind.map(Self)
    }

    /// Whether `password` is the one. Slow by intent where [`Self::is_slow`].
    #[must_use]
    pub fn verify(&self, password: &[u8], memory: &mut Memory) -> bool {
        match &self.0 {
            Kind::Argon2 { algorithm, version, cost: (m, t, p), salted } => {
                let Ok(params) = Params::new(*m, *t, *p, Some(salted.want.len())) else {
                    return false;
                };
                let blocks = memory.blocks(params.block_count());
                let mut got = vec![0; salted.want.len()];
                let done = Argon2::new(*algorithm, *version, params)
                    .hash_password_into_with_memory(password, &salted.salt, &mut got, blocks);
                done.is_ok() && got.ct_eq(&salted.want).into()
            }
            Kind::Bcrypt { text, .. } => bcrypt::verify(password, text).unwrap_or(false),
            Kind::Pbkdf2 { prf, rounds, salted } => {
                let Salted { salt, want } = salted;
                pbkdf2::verify(prf.algorithm(), *rounds, salt, password, want).is_ok()
            }
            Kind::Scram(keys) => keys.verify(password),
            Kind::Digest { form, salted } => {
                let algorithm = if form.sha512 { &digest::SHA512 } else { &digest::SHA256 };
                let mut sum = digest::Context::new(algorithm);
                let (first, second) = (&*salted.salt, password);
                let (first, second) =
                    if form.salt_first { (first, second) } else { (second, first) };
                sum.update(first);
                sum.update(second);
                sum.finish().as_ref().ct_eq(&salted.want).into()
            }
        }
    }

    /// A verification takes milliseconds, so it is not for a thread that serves others.
    #[must_use]
    pub const fn is_slow(&self) -> bool {
        match self.0 {
            Kind::Argon2 { .. } | Kind::Bcrypt { .. } | Kind::Pbkdf2 { .. } | Kind::Scram(_) => {
                true
            }
            Kind::Digest { .. } => false,
        }
    }

    /// Hashes of one cost take the same time.
    #[must_use]
    pub fn cost(&self) -> (&'static str, u32, u32, u32) {
        let (a, b, c) = match &self.0 {
            Kind::Argon2 { cost, .. } => *cost,
            Kind::Bcrypt { cost, .. } => (*cost, 0, 0),
            Kind::Pbkdf2 { rounds, .. } => (rounds.get(), 0, 0),
            Kind::Scram(keys) => (keys.iterations.get(), 0, 0),
            Kind::Digest { .. } => (0, 0, 0),
        };
        (self.scheme(), a, b, c)
    }

    /// The keys of one that SCRAM can be done with.
    #[must_use]
    pub const fn scram(&self) -> Option<&Keys> {
        match &self.0 {
            Kind::Scram(keys) => Some(keys),
            Kind::Argon2 { .. }
            | Kind::Bcrypt { .. }
            | Kind::Pbkdf2 { .. }
            | Kind::Digest { .. } => None,
        }
    }

    /// The word for its kind.
    #[must_use]
    pub const fn scheme(&self) -> &'static str {
        match &self.0 {
            Kind::Argon2 { algorithm: Algorithm::Argon2id, .. } => "argon2id",
            Kind::Argon2 { algorithm: Algorithm::Argon2i, .. } => "argon2i",
            Kind::Argon2 { algorithm: Algorithm::Argon2d, .. } => "argon2d",
            Kind::Bcrypt { .. } => "bcrypt",
            Kind::Pbkdf2 { prf: Prf::Sha1, .. } => "pbkdf2-sha1",
            Kind::Pbkdf2 { prf: Prf::Sha256, .. } => "pbkdf2-sha256",
            Kind::Pbkdf2 { prf: Prf::Sha512, .. } => "pbkdf2-sha512",
            Kind::Scram(_) => "scram-sha-256",
            Kind::Digest { form: DigestForm { sha512: false, .. }, .. } => "sha256",
            Kind::Digest { form: DigestForm { sha512: true, .. }, .. } => "sha512",
        }
    }
}

/// An Argon2id hash of `password` for a users file.
///
/// # Errors
/// A word when there is no memory for it.
pub fn argon2id(password: &[u8], salt: &[u8; SALT]) -> Result<String, &'static str> {
    let (m, t, p) = ARGON2;
    let params = Params::new(m, t, p, Some(32)).map_err(|_| "no such cost of Argon2")?;
    let mut hash = [0; 32];
    let mut memory = Memory::default();
    let blocks = memory.blocks(params.block_count());
    Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
        .hash_password_into_with_memory(password, salt, &mut hash, blocks)
        .map_err(|_| "this password cannot be hashed")?;
    let base64 = Base64Unpadded::encode_string;
    Ok(format!("$argon2id$v=19$m={m},t={t},p={p}${}${}", base64(salt), base64(&hash)))
}

/// `keys` for a users file.
#[must_use]
pub fn scram(keys: &Keys) -> String {
    let base64 = Base64Unpadded::encode_string;
    let (salt, stored, server) = (base64(&keys.salt), base64(&keys.stored), base64(&keys.server));
    format!("$scram-sha-256$i={}${salt}${stored}${server}", keys.iterations)
}

impl Prf {
    const fn algorithm(self) -> pbkdf2::Algorithm {
        match self {
            Self::Sha1 => pbkdf2::PBKDF2_HMAC_SHA1,
            Self::Sha256 => pbkdf2::PBKDF2_HMAC_SHA256,
            Self::Sha512 => pbkdf2::PBKDF2_HMAC_SHA512,
        }
    }
}

/// `$argon2id$v=19$m=19456,t=2,p=1$SALT$HASH`; without `v=` it is version 16.
fn argon2(parts: &[&str]) -> Result<Kind, BadHash> {
    const BROKEN: BadHash = BadHash::Broken("argon2");
    let (name, version, numbers, salt, want) = match parts {
        ["", name, version, numbers, salt, want] => (name, *version, numbers, salt, want),
        ["", name, numbers, salt, want] => (name, "v=16", numbers, salt, want),
        _ => return Err(BROKEN),
    };
    let algorithm = match *name {
        "argon2id" => Algorithm::Argon2id,
        "argon2i" => Algorithm::Argon2i,
        _ => Algorithm::Argon2d,
    };
    let version = match version {
        "v=19" => Version::V0x13,
        "v=16" => Version::V0x10,
        _ => return Err(BROKEN),
    };
    let number = |at: usize, front: &str| -> Option<u32> {
        numbers.split(',').nth(at)?.strip_prefix(front)?.parse().ok()
    };
    let (m, t, p) = (number(0, "m="), number(1, "t="), number(2, "p="));
    let (Some(m), Some(t), Some(p)) = (m, t, p) else { return Err(BROKEN) };
    let salted = salted(salt, want).ok_or(BROKEN)?;
    if m > ARGON2_MOST.0 || t > ARGON2_MOST.1 || p > ARGON2_MOST.2 {
        return Err(BadHash::Cost("argon2", "m to 262144, t to 32, p to 16"));
    }
    Params::new(m, t, p, Some(salted.want.len())).map_err(|_| BROKEN)?;
    if salted.salt.len() < argon2::MIN_SALT_LEN {
        return Err(BROKEN);
    }
    Ok(Kind::Argon2 { algorithm, version, cost: (m, t, p), salted })
}

fn bcrypt_hash(text: &str) -> Result<Kind, BadHash> {
    const BROKEN: BadHash = BadHash::Broken("bcrypt");
    let parts: bcrypt::HashParts = text.parse().map_err(|_| BROKEN)?;
    let cost = parts.get_cost();
    if cost > BCRYPT_MOST {
        return Err(BadHash::Cost("bcrypt", "to 16"));
    }
    Ok(Kind::Bcrypt { cost, text: text.into() })
}

/// `i=ROUNDS[,l=LENGTH]` or `ROUNDS`, then salt and hash.
fn pbkdf2_hash(prf: Prf, parts: &[&str]) -> Result<Kind, BadHash> {
    const BROKEN: BadHash = BadHash::Broken("pbkdf2");
    let [rounds, salt, want] = parts else { return Err(BROKEN) };
    let rounds = rounds.strip_prefix("i=").unwrap_or(rounds);
    let rounds = rounds.split(',').next().unwrap_or_default();
    let rounds: NonZeroU32 = rounds.parse().map_err(|_| BROKEN)?;
    if rounds.get() > ROUNDS_MOST {
        return Err(BadHash::Cost("pbkdf2", "to 10000000 rounds"));
    }
    let salted = salted(salt, want).filter(|salted| salted.want.len() >= 16).ok_or(BROKEN)?;
    Ok(Kind::Pbkdf2 { prf, rounds, salted })
}

/// `i=ITERATIONS`, salt, stored key and server key.
fn scram_keys(rounds: &str, salt: &str, stored: &str, server: &str) -> Result<Kind, BadHash> {
    const BROKEN: BadHash = BadHash::Broken("scram-sha-256");
    let iterations = rounds.strip_prefix("i=").and_then(|rounds| rounds.parse().ok());
    let iterations: NonZeroU32 = iterations.ok_or(BROKEN)?;
    if !(scram::LEAST_ITERATIONS..=ROUNDS_MOST).contains(&iterations.get()) {
        return Err(BadHash::Cost("scram-sha-256", "4096 to 10000000 iterations"));
    }
    let key = |text| base64(text).and_then(|key| <[u8; 32]>::try_from(&*key).ok()).ok_or(BROKEN);
    let salt = base64(salt).filter(|salt| (8..=64).contains(&salt.len())).ok_or(BROKEN)?;
    Ok(Kind::Scram(Keys { salt, iterations, stored: key(stored)?, server: key(server)? }))
}

fn digest_hash(form: DigestForm, salt: &str, want: &str) -> Result<Kind, BadHash> {
    const BROKEN: BadHash = BadHash::Broken("sha256 or sha512");
    let want = hex(want).filter(|want| want.len() == if form.sha512 { 64 } else { 32 });
    let salt = match salt.strip_prefix("0x") {
        Some(digits) => hex(digits).ok_or(BROKEN)?,
        None => salt.as_bytes().into(),
    };
    let salted = Salted { salt, want: want.ok_or(BROKEN)? };
    Ok(Kind::Digest { form, salted })
}

fn salted(salt: &str, want: &str) -> Option<Salted> {
    Some(Salted { salt: base64(salt)?, want: base64(want).filter(|want| want.len() <= 64)? })
}

/// Base64 with or without padding, or with `.` for `+` as passlib has it.
fn base64(text: &str) -> Option<Box<[u8]>> {
    let text = text.trim_end_matches('=').replace('.', "+");
    Base64Unpadded::decode_vec(&text).ok().map(Vec::into_boxed_slice)
}

fn hex(text: &str) -> Option<Box<[u8]>> {
    if !text.len().is_multiple_of(2) || !text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return None;
    }
    let pairs = (0..text.len()).step_by(2);
    pairs.map(|at| u8::from_str_radix(text.get(at..at + 2)?, 16).ok()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(hash: &str, password: &str, cost: (&'static str, u32, u32, u32)) {
        let parsed = PasswordHash::parse(hash).unwrap();
        let mut memory = Memory::default();
        assert_eq!(parsed.cost(), cost, "{hash}");
        assert!(parsed.verify(password.as_bytes(), &mut memory), "{hash}");
        for wrong in ["", "x", &format!("{password} "), &password.to_uppercase()] {
            if wrong != password {
                assert!(!parsed.verify(wrong.as_bytes(), &mut memory), "{hash} {wrong}");
            }
        }
        assert!(!format!("{parsed:?}").contains(&hash[8..]), "a hash is not shown");
    }

    // Made by the reference code of Argon2, by crypt(3), by hashlib of Python, and by mosquitto_passwd.
    const ARGON2ID: &str =
        "$argon2id$v=19$m=256,t=2,p=1$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4";
    const BCRYPT: &str = "$2b$04$abcdefghijklmnopqrstuu2r9OfJnfCsdneAXAGHnS4UpFFP8WIrW";
    const PASSLIB: &str =
        "$pbkdf2-sha256$1000$./..ABEiM0RVZneImaq7zA$VNPrnWRZJfD039egabIAMM3YL0oKZiqC51fmLfevv4c";
    const MOSQUITTO7: &str = "$7$101$CFCfHq0yz7TRiR2S$lNUVy1XejbKHu6ohtX/nb9sOflvcrVOLjUf2ztJuEtWZIGvIsh+\
                              oJVLf45sDuFFxI1SmpwPTajIWLFMrsVM/Dg==";
    const MOSQUITTO6: &str = "$6$MDEyMzQ1Njc4OWFi$qEXipeLbgxRlwd06QHfY5WITkUZg0jLg9SZbXzq3ifXjfj+v3GbJGrSfC5PA\
                              g3UNCS+UFfbhUIZX4bmIAs330w==";

    #[test]
    fn hashes_of_others_are_verified() {
        check(ARGON2ID, "password", ("argon2id", 256, 2, 1));
        check(BCRYPT, "secret", ("bcrypt", 4, 0, 0));
        check(PASSLIB, "secret", ("pbkdf2-sha256", 1000, 0, 0));
        let phc = PASSLIB.replacen("1000", "i=1000,l=32", 1).replace('.', "+");
        check(&phc, "secret", ("pbkdf2-sha256", 1000, 0, 0));
        let sha1 = "$pbkdf2-sha1$i=50$+/++ABEiM0RVZneImaq7zA$l6AF26iL0ccY++dWmlPLvNR4oVs";
        check(sha1, "secret", ("pbkdf2-sha1", 50, 0, 0));
        check(MOSQUITTO7, "secret", ("pbkdf2-sha512", 101, 0, 0));
        check(MOSQUITTO6, "secret", ("sha512", 0, 0, 0));
        for salted in [
            "$sha256$0xdeadbeef$6ba38b17a377793f2ec758dcb311454615d7ea8882c88f4e70c86de1713017d6",
            "$sha256-suffix$pepper$37ed63206cdbaf3f6675549dadf40ba61f411d59ec57ec7c12e439a317d5d39b",
            "$sha256$$2bb80d537b1da3e38bd30361aa855686bde0eacd7162fef6a25fe97bf527a25b",
        ] {
            check(salted, "secret", ("sha256", 0, 0, 0));
        }
    }

    #[test]
    fn what_we_make_is_verified_and_salted() {
        let made = argon2id(b"caf\xc3\xa9 \0 x", &[7; SALT]).unwrap();
        assert!(made.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{made}");
        check(&made, "caf\u{e9} \0 x", ("argon2id", 19_456, 2, 1));
        assert_ne!(made, argon2id(b"caf\xc3\xa9 \0 x", &[8; SALT]).unwrap());
        assert!(PasswordHash::parse(&made).unwrap().is_slow());
        assert!(!PasswordHash::of_plain(b"x").is_slow());
        assert!(PasswordHash::of_plain(b"x").verify(b"x", &mut Memory::default()));
    }

    #[test]
    fn keys_of_scram_are_a_hash_too() {
        let rounds = NonZeroU32::new(4096).unwrap();
        let made = scram(&Keys::derive("caf\u{e9}".as_bytes(), &[7; SALT], rounds));
        assert!(made.starts_with("$scram-sha-256$i=4096$BwcHBwcHBwcHBwcHBwcHBw$"), "{made}");
        check(&made, "caf\u{e9}", ("scram-sha-256", 4096, 0, 0));
        assert_eq!(PasswordHash::parse(&made).unwrap().scram().map(scram).as_ref(), Some(&made));
        assert!(PasswordHash::of_plain(b"x").scram().is_none());
        for bad in [made.replace("4096", "4095"), made.replace("4096", "10000001")] {
            assert!(matches!(PasswordHash::parse(&bad), Err(BadHash::Cost(..))), "{bad}");
        }
        let short = made.replacen("BwcHBwcHBwcHBwcHBwcHBw", "BwcHBw", 1);
        for bad in [&short, &made[..made.len() - 2], &made.replace("i=", "")] {
            assert!(matches!(PasswordHash::parse(bad), Err(BadHash::Broken(_))), "{bad}");
        }
    }

    #[test]
    fn memory_is_used_again_by_hashes_of_other_costs() {
        let mut memory = Memory::default();
        let small = PasswordHash::parse(ARGON2ID).unwrap();
        let large = PasswordHash::parse(&argon2id(b"x", &[1; SALT]).unwrap()).unwrap();
        for _ in 0..2 {
            assert!(small.verify(b"password", &mut memory));
            assert!(large.verify(b"x", &mut memory));
        }
    }

    #[test]
    fn what_is_no_hash_is_refused() {
        for (text, form) in [
            ("", true),
            ("secret", true),
            ("$1$salt$hash", true),
            ("$argon2id$v=19$m=256,t=2$c29tZXNhbHQ$nf65EOgLrQMR", false),
            ("$argon2id$v=19$m=256,t=2,p=1$c29tZXNhbHQ$n", false),
            (
                "$argon2id$v=20$m=256,t=2,p=1$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4",
                false,
            ),
            ("$argon2id$v=19$m=999999999,t=2,p=1$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEg", false),
            ("$argon2id$v=19$m=256,t=2,p=1$YQ$nf65EOgLrQMR/uIPnA4rEg", false),
            ("$2b$31$abcdefghijklmnopqrstuu2r9OfJnfCsdneAXAGHnS4UpFFP8WIrW", false),
            ("$2b$04$short", false),
            ("$pbkdf2-sha256$0$YWFh$VNPrnWRZJfD039egabIAMM3YL0oKZiqC51fmLfevv4c", false),
            ("$pbkdf2-sha256$1000$YWFh$VN", false),
            ("$7$99999999$YWFh$VNPrnWRZJfD039egabIAMM3YL0oKZiqC51fmLfevv4c", false),
            ("$sha256$$2bb8", false),
            (
                "$sha256$0xzz$2bb80d537b1da3e38bd30361aa855686bde0eacd7162fef6a25fe97bf527a25b",
                false,
            ),
            ("$sha256$$\u{20ac}\u{20ac}", false),
        ] {
            let bad = PasswordHash::parse(text).unwrap_err();
            assert_eq!(bad == BadHash::Form, form, "{text}: {bad}");
        }
    }
}
