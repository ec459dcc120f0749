//! JSON Web Tokens as credentials (EMQX `emqx_auth_jwt` 4.4): signature, times, claims, and what they allow.
//!
//! Which algorithms a token may name follows from the keys that are set, so a public key is never taken for a shared secret, and
//! `none` never counts. Signatures are verified by ring. Text that is no token at all is left to the other back ends. Pure.

use std::sync::Arc;
use std::time::Duration;

use base64ct::{Base64UrlUnpadded, Encoding};
use ring::{hmac, signature};
use serde_json::Value;
use x509_parser::prelude::FromDer;
use x509_parser::x509::SubjectPublicKeyInfo;

use super::access::ConnectAttempt;
use super::acl::{Clients, Rule, Rules, TopicPattern};
use super::jwks::Jwk;
use crate::topic::TopicFilter;

/// How far the clock of who made the token may be ahead of ours.
const AHEAD_MS: u64 = 60_000;
/// Keys that are tried for one token: a signature takes time to verify, and whoever asks for it is not let in yet.
const KEYS_MOST: usize = 4;
/// Topics that a token may name.
const TOPICS_MOST: usize = 1000;

/// How tokens are verified.
#[derive(Clone, Debug, Default)]
pub struct Jwt {
    /// `auth.jwt.secret`
    pub secret: Option<Secret>,
    /// `auth.jwt.pubkey`
    pub key: Option<PublicKey>,
    /// Those of `auth.jwt.jwks`.
    pub set: Arc<[Jwk]>,
    /// The token is the user name, not the password.
    pub from_username: bool,
    /// Signatures by elliptic curves are in DER.
    pub der: bool,
    /// Claims that must have this text, `%u` and `%c` filled in.
    pub claims: Vec<(String, String)>,
    /// Name of the claim that holds what the client may do.
    pub acl_claim: String,
}

/// A shared secret.
#[derive(Clone)]
pub struct Secret(zeroize::Zeroizing<Vec<u8>>);

impl Secret {
    /// Takes the bytes.
    #[must_use]
    pub fn new(bytes: &[u8]) -> Self {
        Self(bytes.to_vec().into())
    }
}

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Secret")
    }
}

/// A public key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PublicKey {
    /// RSA of 2048 to 8192 bits, as PKCS #1.
    Rsa(Vec<u8>),
    /// A point of P-256.
    P256(Vec<u8>),
    /// A point of P-384.
    P384(Vec<u8>),
    /// Ed25519.
    Ed25519(Vec<u8>),
}

impl PublicKey {
    /// From a `SubjectPublicKeyInfo` in DER; `None` for another kind of key.
    #[must_use]
    pub fn from_spki(der: &[u8]) -> Option<Self> {
        let (_, info) = SubjectPublicKeyInfo::from_der(der).ok()?;
        let key = info.subject_public_key.data.to_vec();
        let parameters = info.algorithm.parameters.as_ref();
        let curve = parameters.and_then(|any| any.as_oid().ok()).map(|oid| oid.to_id_string());
        match (info.algorithm.algorithm.to_id_string().as_str(), curve.as_deref()) {
            ("1.2.840.113549.1.1.1", _) => Some(Self::Rsa(key)),
            ("1.2.840.10045.2.1", Some("1.2.840.10045.3.1.7")) => Some(Self::P256(key)),
            ("1.2.840.10045.2.1", Some("1.3.132.0.34")) => Some(Self::P384(key)),
            ("1.3.101.112", _) => Some(Self::Ed25519(key)),
            _ => None,
        }
    }

    fn verify(&self, name: &str, der: bool, message: &[u8], sign: &[u8]) -> Option<bool> {
        let (algorithm, key): (&dyn signature::VerificationAlgorithm, _) = match (self, name) {
            (Self::Rsa(key), "RS256") => (&signature::RSA_PKCS1_2048_8192_SHA256, key),
            (Self::Rsa(key), "RS384") => (&signature::RSA_PKCS1_2048_8192_SHA384, key),
            (Self::Rsa(key), "RS512") => (&signature::RSA_PKCS1_2048_8192_SHA512, key),
            (Self::Rsa(key), "PS256") => (&signature::RSA_PSS_2048_8192_SHA256, key),
            (Self::Rsa(key), "PS384") => (&signature::RSA_PSS_2048_8192_SHA384, key),
            (Self::Rsa(key), "PS512") => (&signature::RSA_PSS_2048_8192_SHA512, key),
            (Self::P256(key), "ES256") if der => (&signature::ECDSA_P256_SHA256_ASN1, key),
            (Self::P256(key), "ES256") => (&signature::ECDSA_P256_SHA256_FIXED, key),
            (Self::P384(key), "ES384") if der => (&signature::ECDSA_P384_SHA384_ASN1, key),
            (Self::P384(key), "ES384") => (&signature::ECDSA_P384_SHA384_FIXED, key),
            (Self::Ed25519(key), "EdDSA") => (&signature::ED25519, key),
            _ => return None,
        };
        let key = signature::UnparsedPublicKey::new(algorithm, key);
        Some(key.verify(message, sign).is_ok())
    }
}

/// What is wrong with a token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BadToken {
    /// Its algorithm is none that a key is set for.
    Algorithm,
    /// Another key made it.
    Signature,
    /// It is over.
    Expired,
    /// It is from the future.
    NotYet,
    /// A claim has another text.
    Claim,
}

/// What a good token says.
#[derive(Clone, Debug)]
pub struct Token {
    /// It ends after this time.
    pub life: Option<Duration>,
    /// What its client may do, and nothing else.
    pub rules: Option<Rules>,
}

impl Jwt {
    /// Verifies the token of an attempt; `None` when it has none.
    ///
    /// # Errors
    /// [`BadToken`].
    #[must_use]
    pub fn check(&self, attempt: &ConnectAttempt<'_>) -> Option<Result<Token, BadToken>> {
        let given = if self.from_username {
            attempt.username?
        } else {
            std::str::from_utf8(attempt.password?).ok()?
        };
        let (message, sign) = given.rsplit_once('.')?;
        let (header, claims) = message.split_once('.')?;
        let (header, claims) = (json(header)?, json(claims)?);
        let sign = Base64UrlUnpadded::decode_vec(sign).ok()?;
        let algorithm = header.get("alg")?.as_str()?;
        let named = (algorithm, header.get("kid").and_then(Value::as_str));
        Some(match self.verify(named, message.as_bytes(), &sign) {
            None => Err(BadToken::Algorithm),
            Some(false) => Err(BadToken::Signature),
            Some(true) => self.claims(&claims, attempt),
        })
    }

    /// `None`: no key is set for this algorithm.
    fn verify(
        &self,
        (name, kid): (&str, Option<&str>),
        message: &[u8],
        sign: &[u8],
    ) -> Option<bool> {
        let algorithm = match name {
            "HS256" => hmac::HMAC_SHA256,
            "HS384" => hmac::HMAC_SHA384,
            "HS512" => hmac::HMAC_SHA512,
            _ => {
                let of_set = self.set.iter().filter(|jwk| jwk.is_for(name, kid));
                let is_named = |jwk: &&Jwk| kid.is_some() && jwk.kid.as_deref() == kid;
                let named = of_set.clone().filter(is_named);
                let others = of_set.filter(|jwk| !is_named(jwk));
                // The key that made it, or else some that could have.
                let all = self.key.iter().chain(named.chain(others).map(|jwk| &jwk.key));
                let verdicts = all.filter_map(|key| key.verify(name, self.der, message, sign));
                let mut verdicts = verdicts.take(KEYS_MOST).peekable();
                verdicts.peek()?;
                return Some(verdicts.any(|good| good));
            }
        };
        let key = hmac::Key::new(algorithm, &self.secret.as_ref()?.0);
        Some(hmac::verify(&key, message, sign).is_ok())
    }

    fn claims(&self, claims: &Value, attempt: &ConnectAttempt<'_>) -> Result<Token, BadToken> {
        let now = attempt.wall.as_ms();
        // A time that is no number is one that has passed, and not come.
        let ms = |name: &str| claims.get(name).map(seconds_as_ms);
        let life = match ms("exp") {
            None => None,
            Some(Some(end)) if end > now => Some(Duration::from_millis(end - now)),
            Some(_) => return Err(BadToken::Expired),
        };
        for begin in [ms("iat"), ms("nbf")].into_iter().flatten() {
            if begin.is_none_or(|begin| begin > now.saturating_add(AHEAD_MS)) {
                return Err(BadToken::NotYet);
            }
        }
        for (name, want) in &self.claims {
            let want = filled(want, attempt);
            let same = match claims.get(name) {
                Some(Value::String(text)) => *text == want,
                Some(Value::Number(number)) => number.to_string() == want,
                _ => false,
            };
            if !same {
                return Err(BadToken::Claim);
            }
        }
        Ok(Token { life, rules: claims.get(&self.acl_claim).map(rules) })
    }
}

fn json(part: &str) -> Option<Value> {
    let bytes = Base64UrlUnpadded::decode_vec(part).ok()?;
    serde_json::from_slice(&bytes).ok().filter(Value::is_object)
}

fn seconds_as_ms(value: &Value) -> Option<u64> {
    let seconds = value.as_f64().filter(|seconds| (0.0..1e15).contains(seconds))?;
    u64::try_from(Duration::from_secs_f64(seconds).as_millis()).ok()
}

/// `%u` and `%c` filled in.
fn filled(text: &str, attempt: &ConnectAttempt<'_>) -> String {
    let mut filled = String::new();
    let mut rest = text;
    while let Some(at) = rest.find('%') {
        let (front, back) = rest.split_at(at);
        filled.push_str(front);
        let (word, used) = match back.get(1..2) {
            Some("u") => (attempt.username.unwrap_or_default(), 2),
            Some("c") => (attempt.client_id, 2),
            _ => ("%", 1),
        };
        filled.push_str(word);
        rest = back.get(used..).unwrap_or_default();
    }
    filled + rest
}

/// `{"pub": [filter], "sub": [filter], "all": [filter]}`; what is no filter allows nothing.
fn rules(claim: &Value) -> Rules {
    let rule = |name: &str, publish, subscribe| {
        let topics = claim.get(name).and_then(Value::as_array).into_iter().flatten();
        let topics = topics.filter_map(Value::as_str).take(TOPICS_MOST);
        let topics = topics.filter(|text| TopicFilter::parse(text).is_ok());
        let topics: Arc<[TopicPattern]> = topics.map(TopicPattern::filter).collect();
        let (number, from) = (Rule::OF_TOKEN, "its token".into());
        Rule {
            allow: true,
            who: Clients::All,
            publish,
            subscribe,
            topics: Some(topics),
            number,
            from,
        }
    };
    let all = [rule("pub", true, false), rule("sub", false, true), rule("all", true, true)];
    Rules(Arc::new(all))
}

#[cfg(test)]
mod tests {
    use ring::rand::SystemRandom;
    use ring::signature::KeyPair;

    use super::*;
    use crate::broker::access::{Action, Who};
    use crate::time::Wall;

    const NOW: u64 = 1_700_000_000;

    fn attempt(password: &str) -> ConnectAttempt<'_> {
        ConnectAttempt {
            zone: "z",
            client_id: "c1",
            username: Some("bob"),
            password: Some(password.as_bytes()),
            peer: [10, 0, 0, 1].into(),
            wall: Wall::from_ms(NOW * 1000),
        }
    }

    fn hs256(secret: &[u8], header: &str, claims: &str) -> String {
        let part = |text: &str| Base64UrlUnpadded::encode_string(text.as_bytes());
        let message = format!("{}.{}", part(header), part(claims));
        let sign = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, secret), message.as_bytes());
        format!("{message}.{}", Base64UrlUnpadded::encode_string(sign.as_ref()))
    }

    fn with_secret() -> Jwt {
        Jwt { secret: Some(Secret::new(b"key")), acl_claim: "acl".into(), ..Jwt::default() }
    }

    const HS256: &str = r#"{"alg":"HS256","typ":"JWT"}"#;

    #[track_caller]
    fn check(jwt: &Jwt, token: &str, want: Option<Result<(), BadToken>>) {
        let got = jwt.check(&attempt(token)).map(|result| result.map(drop));
        assert_eq!(got, want, "{token}");
    }

    /// RFC 7515, appendix A.1: another hand made it.
    #[test]
    fn the_token_of_the_standard_is_verified() {
        let key = "AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T-1qS0gZH75aKtMN3Yj0iPS4hcgUuTwjAzZr1Z9CAow";
        let token = "eyJ0eXAiOiJKV1QiLA0KICJhbGciOiJIUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6\
                     Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ.dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
        let secret = Base64UrlUnpadded::decode_vec(key).unwrap();
        let jwt = Jwt { secret: Some(Secret::new(&secret)), ..Jwt::default() };
        check(&jwt, token, Some(Err(BadToken::Expired)));
        let then = ConnectAttempt { wall: Wall::from_ms(1_300_819_379_000), ..attempt(token) };
        let life = jwt.check(&then).unwrap().unwrap().life;
        assert_eq!(life, Some(Duration::from_secs(1)));
        let other = Jwt { secret: Some(Secret::new(b"other")), ..Jwt::default() };
        check(&other, token, Some(Err(BadToken::Signature)));
    }

    #[test]
    fn what_is_no_token_is_left_to_others() {
        for text in ["", "secret", "a.b.c", "..", "e30.e30.", "e30.e30.AA", "W10.e30.AA", "a.b"] {
            check(&with_secret(), text, None);
        }
    }

    #[test]
    fn the_keys_that_are_set_decide_which_algorithms_count() {
        let public = PublicKey::P256(vec![4; 65]);
        let jwt = Jwt { key: Some(public), acl_claim: "acl".into(), ..Jwt::default() };
        for header in [HS256, r#"{"alg":"none"}"#, r#"{"alg":"RS256"}"#, r#"{"alg":"hs256"}"#] {
            check(&jwt, &hs256(&[4; 65], header, "{}"), Some(Err(BadToken::Algorithm)));
        }
        let none = hs256(b"", r#"{"alg":"none"}"#, "{}");
        check(&with_secret(), &none, Some(Err(BadToken::Algorithm)));
        check(&with_secret(), &none[..=none.rfind('.').unwrap()], Some(Err(BadToken::Algorithm)));
    }

    #[test]
    fn times_bound_a_token() {
        let (jwt, before, after) = (with_secret(), NOW - 1, NOW + 1000);
        for (claims, want) in [
            (format!(r#"{{"exp":{after}}}"#), Ok(())),
            (format!(r#"{{"exp":{after}.5}}"#), Ok(())),
            (format!(r#"{{"exp":{NOW}}}"#), Err(BadToken::Expired)),
            (r#"{"exp":"x"}"#.into(), Err(BadToken::Expired)),
            (r#"{"exp":-1}"#.into(), Err(BadToken::Expired)),
            (format!(r#"{{"nbf":{before},"iat":{}}}"#, NOW + 30), Ok(())),
            (format!(r#"{{"nbf":{after}}}"#), Err(BadToken::NotYet)),
            (format!(r#"{{"iat":{after}}}"#), Err(BadToken::NotYet)),
            (r#"{"nbf":null}"#.into(), Err(BadToken::NotYet)),
        ] {
            check(&jwt, &hs256(b"key", HS256, &claims), Some(want));
        }
    }

    #[test]
    fn claims_must_have_their_text() {
        let claims = [("user", "%u"), ("id", "%c-%%x"), ("n", "7")];
        let claims = claims.map(|(name, text)| (name.to_owned(), text.to_owned())).to_vec();
        let jwt = Jwt { claims, ..with_secret() };
        for (claims, good) in [
            (r#"{"user":"bob","id":"c1-%%x","n":7}"#, true),
            (r#"{"user":"bob","id":"c1-%%x","n":"7"}"#, true),
            (r#"{"user":"%u","id":"c1-%%x","n":7}"#, false),
            (r#"{"id":"c1-%%x","n":7}"#, false),
            (r#"{"user":["bob"],"id":"c1-%%x","n":7}"#, false),
        ] {
            let want = if good { Ok(()) } else { Err(BadToken::Claim) };
            check(&jwt, &hs256(b"key", HS256, claims), Some(want));
        }
    }

    #[test]
    fn a_token_may_say_what_its_client_may_do() {
        let claims = r##"{"acl":{"pub":["a/%c",7],"sub":["b/#"],"all":["c/%u","x/#/y"]}}"##;
        let token = hs256(b"key", HS256, claims);
        let rules = with_secret().check(&attempt(&token)).unwrap().unwrap().rules.unwrap();
        let peer = [10, 0, 0, 1].into();
        let who = Who { zone: "z", client_id: "c1", username: Some("bob"), peer };
        let client = rules.client(&who, false);
        for (topic, publish, subscribe) in [
            ("a/c1", true, false),
            ("a/c2", false, false),
            ("b/x", false, true),
            ("c/bob", true, true),
            ("x/1/y", false, false),
            ("other", false, false),
        ] {
            assert_eq!(client.allows(Action::Publish, topic), publish, "{topic}");
            assert_eq!(client.allows(Action::Subscribe, topic), subscribe, "{topic}");
        }
    }

    #[test]
    fn public_keys_verify_what_the_private_ones_sign() {
        let random = SystemRandom::new();
        let curve = &signature::ECDSA_P256_SHA256_FIXED_SIGNING;
        let private = signature::EcdsaKeyPair::generate_pkcs8(curve, &random).unwrap();
        let pair = signature::EcdsaKeyPair::from_pkcs8(curve, private.as_ref(), &random).unwrap();
        let unsigned = hs256(b"", r#"{"alg":"ES256"}"#, "{}");
        let message = &unsigned[..unsigned.rfind('.').unwrap()];
        let sign = pair.sign(&random, message.as_bytes()).unwrap();
        let token = format!("{message}.{}", Base64UrlUnpadded::encode_string(sign.as_ref()));
        let key = Some(PublicKey::P256(pair.public_key().as_ref().to_vec()));
        let jwt = Jwt { key, ..Jwt::default() };
        check(&jwt, &token, Some(Ok(())));
        check(&Jwt { der: true, ..jwt }, &token, Some(Err(BadToken::Signature)));
    }

    #[test]
    fn keys_are_read_by_kind() {
        for (algorithm, want) in [
            (&rcgen::PKCS_ECDSA_P256_SHA256, Some("P256")),
            (&rcgen::PKCS_ECDSA_P384_SHA384, Some("P384")),
            (&rcgen::PKCS_ED25519, Some("Ed25519")),
        ] {
            let pair = rcgen::KeyPair::generate_for(algorithm).unwrap();
            let key = PublicKey::from_spki(&rcgen::PublicKeyData::subject_public_key_info(&pair));
            let name = key.map(|key| format!("{key:?}")).unwrap_or_default();
            assert!(name.starts_with(want.unwrap()), "{name}");
        }
        assert_eq!(PublicKey::from_spki(b"nonsense"), None);
    }
}
