//! SCRAM-SHA-256 (RFC 5802, RFC 7677): what client and server say to each other, and what a server keeps of a password.
//!
//! | message | text |
//! | --- | --- |
//! | client-first | `n,,n=USER,r=NONCE` |
//! | server-first | `r=NONCEOURS,s=SALT,i=ITERATIONS` |
//! | client-final | `c=biws,r=NONCEOURS,p=PROOF` |
//! | server-final | `v=SIGNATURE` |
//!
//! Without channel binding: `p=` is refused. The slow work is the client's; a server only hashes what was said, a few
//! microseconds. Pure: nonces are handed in.

use std::{borrow::Cow, fmt, num::NonZeroU32};

use base64ct::{Base64, Encoding};
use ring::{
    digest::{SHA256, digest},
    hmac, pbkdf2,
};
use subtle::ConstantTimeEq;

/// Name of the method.
pub const METHOD: &str = "SCRAM-SHA-256";
/// Random bytes in a nonce of ours.
pub const NONCE: usize = 18;
/// Bytes of a server-final message.
pub const SERVER_FINAL: usize = 46;
/// Iterations of the keys we make, unless somebody asks for others.
pub const ITERATIONS: NonZeroU32 = match NonZeroU32::new(15_000) {
    Some(iterations) => iterations,
    None => NonZeroU32::MIN,
};
/// Fewest iterations (RFC 7677, 4).
pub const LEAST_ITERATIONS: u32 = 4096;

/// Longest nonce of a client, in bytes.
const NONCE_MOST: usize = 256;
/// Longest user name, in bytes: what MQTT can say.
const NAME_MOST: usize = 65_535;

/// A message that is none; the text says what is wrong with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct BadMessage(pub &'static str);

/// Why a client-final message proves nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unproven {
    /// It is none, or none of this exchange.
    #[error(transparent)]
    Message(#[from] BadMessage),
    /// The client does not know the password.
    #[error("wrong proof")]
    Proof,
}

/// What a server keeps of a password: enough to check a proof, too little to make one.
#[derive(Clone, PartialEq, Eq)]
pub struct Keys {
    /// What the client salts its password with.
    pub salt: Box<[u8]>,
    /// How often the client hashes.
    pub iterations: NonZeroU32,
    /// Digest of the key that a client proves to have.
    pub stored: [u8; 32],
    /// Signs what was said.
    pub server: [u8; 32],
}

impl fmt::Debug for Keys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Keys").field("iterations", &self.iterations).finish_non_exhaustive()
    }
}

impl Keys {
    /// The keys of `password`. Slow by intent.
    #[must_use]
    pub fn derive(password: &[u8], salt: &[u8], iterations: NonZeroU32) -> Self {
        let prepared = std::str::from_utf8(password).map(prepared);
        let password = prepared.as_ref().map_or(password, |text| text.as_bytes());
        let mut salted = [0; 32];
        pbkdf2::derive(pbkdf2::PBKDF2_HMAC_SHA256, iterations, salt, password, &mut salted);
        let stored = sha256(&mac(&salted, &[b"Client Key"]));
        let server = mac(&salted, &[b"Server Key"]);
        Self { salt: salt.into(), iterations, stored, server }
    }

    /// Whether `password` is the one they were made of. Slow by intent.
    #[must_use]
    pub fn verify(&self, password: &[u8]) -> bool {
        Self::derive(password, &self.salt, self.iterations).stored.ct_eq(&self.stored).into()
    }

    /// Keys for `username`, whom nobody knows: always the same, as long as `secret` is, and no password has them.
    #[must_use]
    pub fn made_up(username: &str, secret: &[u8], iterations: NonZeroU32, salt_len: usize) -> Self {
        let part = |number: u8| mac(secret, &[&[number], username.as_bytes()]);
        let salt = [part(0), part(1)].concat();
        let salt = salt.get(..salt_len).unwrap_or(&salt).into();
        Self { salt, iterations, stored: part(2), server: part(3) }
    }
}

/// User name or password as both sides hash it (SASLprep, RFC 4013); as it is where that has no answer.
#[must_use]
pub fn prepared(text: &str) -> Cow<'_, str> {
    stringprep::saslprep(text).unwrap_or(Cow::Borrowed(text))
}

/// The first message of a client.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClientFirst {
    /// Who it says it is, prepared.
    pub username: Box<str>,
    /// What stands before `bare`.
    header: Box<str>,
    bare: Box<str>,
    nonce: Box<str>,
}

impl ClientFirst {
    /// Reads a client-first message.
    ///
    /// # Errors
    /// [`BadMessage`]: it is none, or asks for what is not offered here: channel binding, the rights of another user, an
    /// extension.
    pub fn parse(message: &[u8]) -> Result<Self, BadMessage> {
        const FORM: BadMessage = BadMessage("expected a client-first message of SCRAM");
        let text = text(message).ok_or(FORM)?;
        let (binding, rest) = text.split_once(',').ok_or(FORM)?;
        match binding {
            "n" | "y" => {}
            _ if binding.starts_with("p=") => {
                return Err(BadMessage("SCRAM with channel binding is not offered"));
            }
            _ => return Err(FORM),
        }
        let (other, bare) = rest.split_once(',').ok_or(FORM)?;
        let header = text.strip_suffix(bare).ok_or(FORM)?;
        let mut attributes = bare.split(',');
        let first = attributes.next().ok_or(FORM)?;
        if first.starts_with("m=") {
            return Err(BadMessage("an extension of SCRAM that is mandatory and not known"));
        }
        let username = name(first.strip_prefix("n=").ok_or(FORM)?).ok_or(FORM)?;
        let nonce = attributes.next().and_then(|it| it.strip_prefix("r=")).ok_or(FORM)?;
        if !is_nonce(nonce) || !attributes.all(is_extension) {
            return Err(FORM);
        }
        let same = match other.strip_prefix("a=") {
            Some(other) => name(other).ok_or(FORM)? == username,
            None if other.is_empty() => true,
            None => return Err(FORM),
        };
        if !same {
            return Err(BadMessage("SCRAM for the rights of another user"));
        }
        Ok(Self { username, header: header.into(), bare: bare.into(), nonce: nonce.into() })
    }
}

/// An exchange in which the server has spoken, and the client has to prove that it knows the password.
#[derive(Debug)]
pub struct Exchange {
    keys: Keys,
    header: Box<str>,
    nonce: Box<str>,
    /// Client-first without its header, and server-first.
    said: Box<str>,
}

impl Exchange {
    /// Answers `first` with a server-first message.
    #[must_use]
    pub fn begin(first: &ClientFirst, keys: Keys, nonce: &[u8; NONCE]) -> (Self, String) {
        let nonce = format!("{}{}", first.nonce, Base64::encode_string(nonce));
        let salt = Base64::encode_string(&keys.salt);
        let answer = format!("r={nonce},s={salt},i={}", keys.iterations);
        let said = format!("{},{answer}", first.bare).into();
        (Self { keys, header: first.header.clone(), nonce: nonce.into(), said }, answer)
    }

    /// Checks a client-final message and gives the server-final message to a client that knows the password.
    ///
    /// # Errors
    /// [`Unproven`].
    pub fn finish(&self, message: &[u8]) -> Result<String, Unproven> {
        const FORM: BadMessage = BadMessage("expected a client-final message of SCRAM");
        let text = text(message).ok_or(FORM)?;
        let (said, proof) = text.rsplit_once(",p=").ok_or(FORM)?;
        let mut attributes = said.split(',');
        let binding = attributes.next().and_then(|it| it.strip_prefix("c=")).ok_or(FORM)?;
        if binding != Base64::encode_string(self.header.as_bytes()) {
            return Err(
                BadMessage("the channel binding of SCRAM is not that of client-first").into()
            );
        }
        let nonce = attributes.next().and_then(|it| it.strip_prefix("r=")).ok_or(FORM)?;
        if nonce != &*self.nonce {
            return Err(BadMessage("a nonce of another exchange of SCRAM").into());
        }
        let mut proven = [0; 32];
        let whole = Base64::decode(proof, &mut proven).is_ok_and(|proof| proof.len() == 32);
        if !whole || !attributes.all(is_extension) {
            return Err(FORM.into());
        }
        let parts = [self.said.as_bytes(), b",", said.as_bytes()];
        let signature = mac(&self.keys.stored, &parts);
        let key: Vec<u8> = proven.iter().zip(signature).map(|(proof, byte)| proof ^ byte).collect();
        if !bool::from(sha256(&key).ct_eq(&self.keys.stored)) {
            return Err(Unproven::Proof);
        }
        Ok(format!("v={}", Base64::encode_string(&mac(&self.keys.server, &parts))))
    }
}

/// A message as text, none if it has what no message may have.
fn text(message: &[u8]) -> Option<&str> {
    std::str::from_utf8(message).ok().filter(|text| !text.contains('\0'))
}

/// A `saslname`: a comma in it is `=2C`, and an equals sign `=3D`.
fn name(text: &str) -> Option<Box<str>> {
    let mut name = String::with_capacity(text.len());
    let mut parts = text.split('=');
    name.push_str(parts.next()?);
    for part in parts {
        let (mark, rest) = part.split_at_checked(2)?;
        name.push(match mark {
            "2C" => ',',
            "3D" => '=',
            _ => return None,
        });
        name.push_str(rest);
    }
    let name = prepared(&name);
    (!name.is_empty() && name.len() <= NAME_MOST && !name.contains('\0')).then(|| name.into())
}

fn is_nonce(text: &str) -> bool {
    let fits = !text.is_empty() && text.len() <= NONCE_MOST;
    fits && text.bytes().all(|byte| byte.is_ascii_graphic() && byte != b',')
}

/// `LETTER=VALUE`, which is let pass.
fn is_extension(text: &str) -> bool {
    let (letter, value) = text.split_once('=').unwrap_or_default();
    letter.len() == 1 && letter.bytes().all(|byte| byte.is_ascii_alphabetic()) && !value.is_empty()
}

fn sha256(bytes: &[u8]) -> [u8; 32] {
    bytes_of(digest(&SHA256, bytes).as_ref())
}

fn mac(key: &[u8], parts: &[&[u8]]) -> [u8; 32] {
    let mut mac = hmac::Context::with_key(&hmac::Key::new(hmac::HMAC_SHA256, key));
    parts.iter().for_each(|part| mac.update(part));
    bytes_of(mac.sign().as_ref())
}

/// The 32 bytes of a digest.
fn bytes_of(sum: &[u8]) -> [u8; 32] {
    let mut bytes = [0; 32];
    bytes.iter_mut().zip(sum).for_each(|(to, from)| *to = *from);
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    // RFC 7677, 3: user "user", password "pencil".
    const FIRST: &str = "n,,n=user,r=rOprNGfwEbeRWgbNEkqO";
    const SALT: &str = "W22ZaJ0SNY7soEsUEjb6gQ==";
    const NONCE_ALL: &str = "rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0";
    const PROOF: &str = "dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=";
    const SIGNATURE: &str = "v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=";

    fn keys() -> Keys {
        let salt = Base64::decode_vec(SALT).unwrap();
        Keys::derive(b"pencil", &salt, NonZeroU32::new(4096).unwrap())
    }

    /// The exchange of the RFC, whose server has a nonce that is no Base64.
    fn exchange() -> Exchange {
        let first = ClientFirst::parse(FIRST.as_bytes()).unwrap();
        let answer = format!("r={NONCE_ALL},s={SALT},i=4096");
        let said = format!("{},{answer}", first.bare).into();
        Exchange { keys: keys(), header: first.header, nonce: NONCE_ALL.into(), said }
    }

    #[test]
    fn the_exchange_of_the_rfc() {
        let last = format!("c=biws,r={NONCE_ALL},p={PROOF}");
        let signature = exchange().finish(last.as_bytes()).unwrap();
        assert_eq!(signature, SIGNATURE);
        assert_eq!(signature.len(), SERVER_FINAL);
    }

    #[test]
    fn server_first_has_both_nonces_salt_and_iterations() {
        let first = ClientFirst::parse(FIRST.as_bytes()).unwrap();
        let (exchange, answer) = Exchange::begin(&first, keys(), &[0xff; NONCE]);
        let nonce = format!("rOprNGfwEbeRWgbNEkqO{}", "/".repeat(24));
        assert_eq!(answer, format!("r={nonce},s={SALT},i=4096"));
        let old = format!("c=biws,r={NONCE_ALL},p={PROOF}");
        assert!(matches!(exchange.finish(old.as_bytes()), Err(Unproven::Message(_))), "replayed");
    }

    #[test]
    fn client_first_is_read() {
        for (text, want) in [
            (FIRST, Some("user")),
            ("y,,n=user,r=x", Some("user")),
            ("n,a=user,n=user,r=x", Some("user")),
            ("n,a=a=2Cb,n=a=2Cb,r=x", Some("a,b")),
            ("n,,n=a=3D=2C=3D,r=x", Some("a=,=")),
            ("n,,n=\u{aa}\u{2168},r=x", Some("aIX")),
            ("n,,n=I\u{ad}X,r=x,a=b,c=d", Some("IX")),
            ("n,,n=\u{1f980},r=x", Some("\u{1f980}")),
            ("n,a=root,n=user,r=x", None),
            ("n,a=,n=user,r=x", None),
            ("n,x,n=user,r=x", None),
            ("p=tls-exporter,,n=user,r=x", None),
            ("p=,,n=user,r=x", None),
            ("x,,n=user,r=x", None),
            ("n,,m=new,n=user,r=x", None),
            ("n,,n=,r=x", None),
            ("n,,n=a=,r=x", None),
            ("n,,n=a=2c,r=x", None),
            ("n,,n=a=\u{20ac},r=x", None),
            ("n,,n=user,r=", None),
            ("n,,n=user,r=\u{e4}", None),
            ("n,,n=user,r=a b", None),
            ("n,,n=user,s=x", None),
            ("n,,r=x,n=user", None),
            ("n,,n=user,r=x,", None),
            ("n,,n=user,r=x,1=2", None),
            ("n,,n=us\0er,r=x", None),
            ("n,", None),
            ("n", None),
            ("", None),
        ] {
            let read = ClientFirst::parse(text.as_bytes());
            assert_eq!(read.as_ref().ok().map(|first| &*first.username), want, "{text}: {read:?}");
        }
        let nonce = |count| format!("n,,n=user,r={}", "x".repeat(count));
        assert!(ClientFirst::parse(nonce(NONCE_MOST).as_bytes()).is_ok());
        assert!(ClientFirst::parse(nonce(NONCE_MOST + 1).as_bytes()).is_err());
        assert!(ClientFirst::parse(b"n,,n=\xff,r=x").is_err());
    }

    #[test]
    fn client_final_must_be_of_this_exchange_and_prove_the_password() {
        let (nonce, zeros) = (NONCE_ALL, Base64::encode_string(&[0; 32]));
        let short = Base64::encode_string(&[0; 31]);
        for (text, message) in [
            (format!("c=biws,r={nonce},p={zeros}"), false),
            // Signed is what was said, so one word more is another proof.
            (format!("c=biws,r={nonce},x=y,p={PROOF}"), false),
            (format!("c=eSws,r={nonce},p={PROOF}"), true),
            (format!("c=biws,r={nonce}x,p={PROOF}"), true),
            (format!("c=biws,r={},p={PROOF}", &nonce[..20]), true),
            (format!("c=biws,p={PROOF},r={nonce}"), true),
            (format!("r={nonce},c=biws,p={PROOF}"), true),
            (format!("m=x,c=biws,r={nonce},p={PROOF}"), true),
            (format!("c=biws,r={nonce},p={short}"), true),
            (format!("c=biws,r={nonce},p="), true),
            (format!("c=biws,r={nonce},p={PROOF},x=y"), true),
            (format!("c=biws,r={nonce},p={}", PROOF.trim_end_matches('=')), true),
            (format!("c=biws,r={nonce}"), true),
            (String::new(), true),
        ] {
            let bad = exchange().finish(text.as_bytes()).unwrap_err();
            assert_eq!(matches!(bad, Unproven::Message(_)), message, "{text}: {bad}");
        }
        assert!(exchange().finish(b"c=biws,r=\xff,p=").is_err());
    }

    #[test]
    fn keys_are_verified_by_the_password() {
        assert!(keys().verify(b"pencil"));
        assert!(!keys().verify(b"Pencil"));
        let made = Keys::derive("\u{2168}".as_bytes(), &[1; 16], NonZeroU32::MIN);
        assert!(made.verify(b"IX") && made.verify("I\u{ad}X".as_bytes()), "prepared");
        assert!(Keys::derive(b"\xff", &[1; 16], NonZeroU32::MIN).verify(b"\xff"));
        assert!(!format!("{:?}", keys()).contains("stored"));
    }

    #[test]
    fn who_is_not_known_has_lasting_keys_of_the_usual_look() {
        let made = |name, secret: &[u8]| Keys::made_up(name, secret, ITERATIONS, 16);
        assert_eq!(made("eve", b"x"), made("eve", b"x"));
        assert_ne!(made("eve", b"x").salt, made("eva", b"x").salt);
        assert_ne!(made("eve", b"x").salt, made("eve", b"y").salt);
        assert_eq!(made("eve", b"x").salt.len(), 16);
        assert_eq!(Keys::made_up("eve", b"x", ITERATIONS, 64).salt.len(), 64);
    }
}
