//! Sets of public keys for JSON Web Tokens (RFC 7517): JSON in, keys out. Pure.

use base64ct::{Base64UrlUnpadded, Encoding};
use serde_json::Value;

use super::jwt::PublicKey;

/// Keys that are taken from one set.
const MOST: usize = 32;

/// A key of a set.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Jwk {
    /// Its name in the set; a token that names another one was not made with it.
    pub kid: Option<String>,
    /// The only algorithm it is for, if it says so.
    pub alg: Option<String>,
    /// The key.
    pub key: PublicKey,
}

impl Jwk {
    /// Whether a token that names this algorithm and key may have been made with it.
    pub(super) fn is_for(&self, alg: &str, kid: Option<&str>) -> bool {
        let same = |own: &Option<String>, named: Option<&str>| {
            own.as_deref().zip(named).is_none_or(|(own, named)| own == named)
        };
        same(&self.alg, Some(alg)) && same(&self.kid, kid)
    }
}

/// The keys of a set that can verify tokens here; `None`: this is no set. Shared secrets are never taken from one.
#[must_use]
pub fn keys(set: &Value) -> Option<Vec<Jwk>> {
    let all = set.get("keys")?.as_array()?;
    Some(all.iter().filter_map(jwk).take(MOST).collect())
}

fn jwk(one: &Value) -> Option<Jwk> {
    let text = |name: &str| one.get(name).and_then(Value::as_str);
    let bytes = |name: &str| Base64UrlUnpadded::decode_vec(text(name)?).ok();
    if text("use").is_some_and(|wanted| wanted != "sig") {
        return None;
    }
    let key = match (text("kty")?, text("crv")) {
        ("RSA", _) => PublicKey::Rsa(pkcs1(&bytes("n")?, &bytes("e")?)?),
        ("EC", Some("P-256")) => PublicKey::P256(point(&bytes("x")?, &bytes("y")?, 32)?),
        ("EC", Some("P-384")) => PublicKey::P384(point(&bytes("x")?, &bytes("y")?, 48)?),
        ("OKP", Some("Ed25519")) => PublicKey::Ed25519(bytes("x").filter(|x| x.len() == 32)?),
        _ => return None,
    };
    let owned = |name: &str| text(name).map(str::to_owned);
    Some(Jwk { kid: owned("kid"), alg: owned("alg"), key })
}

/// A point in the uncompressed form of SEC 1.
fn point(x: &[u8], y: &[u8], size: usize) -> Option<Vec<u8>> {
    (x.len() == size && y.len() == size).then(|| [&[4], x, y].concat())
}

/// `RSAPublicKey` of PKCS #1 in DER; `None` for a modulus above 8192 bits, which nobody has.
fn pkcs1(n: &[u8], e: &[u8]) -> Option<Vec<u8>> {
    const LONGEST: usize = 1024;
    (n.len() <= LONGEST && e.len() <= 8).then(|| tagged(0x30, &[integer(n), integer(e)].concat()))
}

/// A positive integer in DER.
fn integer(bytes: &[u8]) -> Vec<u8> {
    let zeros = bytes.iter().take_while(|byte| **byte == 0).count();
    let digits = bytes.get(zeros..).unwrap_or_default();
    let sign: &[u8] = if digits.first().is_none_or(|first| *first >= 0x80) { &[0] } else { &[] };
    tagged(2, &[sign, digits].concat())
}

fn tagged(tag: u8, body: &[u8]) -> Vec<u8> {
    let [.., high, low] = body.len().to_be_bytes();
    let length: &[u8] = match (high, low) {
        (0, 0..0x80) => &[low],
        (0, _) => &[0x81, low],
        _ => &[0x82, high, low],
    };
    [&[tag], length, body].concat()
}

#[cfg(test)]
mod tests {
    use ring::rand::SystemRandom;
    use ring::signature::{self, KeyPair};
    use serde_json::json;

    use super::*;
    use crate::broker::access::ConnectAttempt;
    use crate::broker::jwt::{BadToken, Jwt};
    use crate::time::Wall;

    /// An RSA key and a token that OpenSSL made.
    const N: &str = "2VqkujMJgagMSlgnPqsb5WDFDzUTm8M5cqlbsQEcztNwSFFcDhpRwkLs3Dey-gLCSDXvrtQimgu5dwGzMnf51aJ7ivLxcQzWSf3AEGN0puP5tD\
                     W6fP3SxOTp_vUObLHRZKS1ypKqeI9wB83AaUU4l-iDCQRcaYVr_Euxcp-k4QT56VAq0yhkMHI_p2mxjY_ei5saDhf1S7QeCP3ocCtZYwgoVkjP\
                     x5J7p7KQoWh7_lLpIjgMt_L-CayDvP-nFt_mC6UgEKyCeGmqwJbS01BsUxkw0RGVoJ1oJjj-yKjD9LYACDDeb4PWwLJTh0yj94EMRvm0hcFwYA\
                     -vT51Wdwzcew";
    const RS256: &str = "eyJhbGciOiJSUzI1NiIsImtpZCI6InIifQ.e30.rolmiL-u9q8vbY-m-FUxeMcwNe0RdQ1m7xtokV-_HTwvXwDeuQGuHMgK8ieZAdZH_wzZVva\
                         9YOhDn5R-hxBrzYWSs-AYaQ-eqzjFii0jwj2e9eoDfhyIdYJZNt80z7Sa4_3Spclu8gjkyuP-hq8pL6YFld4cYN0iEFne-ZTZLqannovG7z4qs\
                         vtyZq7pjCHVqy9OFT4I_1oVKGQxGfTmSMpVqdHBxHpl1BL7-m4T2gWEkAlh7xZWN0QI3fEMexTcOHNsQcLFhz4f4VNrauc2nKvZim8F5rzIQ2y\
                         EQ-GLk2_2hc79plZlkVJIRzYifYHR53n03Q2dxH_ghPj8S4FBpA";

    fn check(set: &Value, token: &str) -> Result<(), BadToken> {
        let jwt = Jwt { set: keys(set).unwrap().into(), ..Jwt::default() };
        let attempt = ConnectAttempt {
            zone: "z",
            client_id: "c",
            username: None,
            password: Some(token.as_bytes()),
            peer: [10, 0, 0, 1].into(),
            wall: Wall::default(),
        };
        jwt.check(&attempt).unwrap().map(drop)
    }

    fn rsa(more: &Value) -> Value {
        let mut key = json!({"kty": "RSA", "n": N, "e": "AQAB"});
        key.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        json!({"keys": [{"kty": "oct", "k": "AAAA"}, {"kty": "EC"}, 7, key]})
    }

    #[test]
    fn a_key_counts_for_its_name_algorithm_and_use() {
        for (more, want) in [
            (json!({}), Ok(())),
            (json!({"kid": "r", "alg": "RS256", "use": "sig"}), Ok(())),
            (json!({"kid": "s"}), Err(BadToken::Algorithm)),
            (json!({"alg": "RS512"}), Err(BadToken::Algorithm)),
            (json!({"use": "enc"}), Err(BadToken::Algorithm)),
            (json!({"e": "Aw"}), Err(BadToken::Signature)),
            (json!({"n": "!"}), Err(BadToken::Algorithm)),
        ] {
            assert_eq!(check(&rsa(&more), RS256), want, "{more}");
        }
        assert_eq!(
            check(&rsa(&json!({})), &RS256.replace(".e30.", ".eyB9.")),
            Err(BadToken::Signature)
        );
    }

    #[test]
    fn points_of_curves_are_keys() {
        let random = SystemRandom::new();
        let message = |alg: &str| {
            let header = format!("{{\"alg\":\"{alg}\"}}");
            format!("{}.e30", Base64UrlUnpadded::encode_string(header.as_bytes()))
        };
        let signed = |message: &str, sign: &[u8]| {
            format!("{message}.{}", Base64UrlUnpadded::encode_string(sign))
        };
        for (crv, alg, curve) in [
            ("P-256", "ES256", &signature::ECDSA_P256_SHA256_FIXED_SIGNING),
            ("P-384", "ES384", &signature::ECDSA_P384_SHA384_FIXED_SIGNING),
        ] {
            let private = signature::EcdsaKeyPair::generate_pkcs8(curve, &random).unwrap();
            let pair =
                signature::EcdsaKeyPair::from_pkcs8(curve, private.as_ref(), &random).unwrap();
            let text = message(alg);
            let token = signed(&text, pair.sign(&random, text.as_bytes()).unwrap().as_ref());
            let (x, y) =
                pair.public_key().as_ref()[1..].split_at(pair.public_key().as_ref().len() / 2);
            let [x, y] = [x, y].map(Base64UrlUnpadded::encode_string);
            let set = |x: &str| json!({"keys": [{"kty": "EC", "crv": crv, "x": x, "y": y}]});
            assert_eq!(check(&set(&x), &token), Ok(()), "{crv}");
            assert_eq!(check(&set(&x[2..]), &token), Err(BadToken::Algorithm), "{crv}");
        }
        let private = signature::Ed25519KeyPair::generate_pkcs8(&random).unwrap();
        let pair = signature::Ed25519KeyPair::from_pkcs8(private.as_ref()).unwrap();
        let text = message("EdDSA");
        let token = signed(&text, pair.sign(text.as_bytes()).as_ref());
        let x = Base64UrlUnpadded::encode_string(pair.public_key().as_ref());
        let set = json!({"keys": [{"kty": "OKP", "crv": "Ed25519", "x": x}]});
        assert_eq!(check(&set, &token), Ok(()));
    }

    /// A token that names no key costs no more than a few signatures.
    #[test]
    fn four_keys_are_tried_for_a_token() {
        let other = |n: usize| json!({"kty": "RSA", "n": N, "e": "Aw", "kid": format!("o{n}")});
        let set = |others: usize, kid: &str, nameless: bool| {
            let mut all: Vec<Value> = (0..others).map(other).collect();
            if nameless {
                all.iter_mut().for_each(|key| drop(key.as_object_mut().unwrap().remove("kid")));
            }
            all.push(json!({"kty": "RSA", "n": N, "e": "AQAB", "kid": kid}));
            json!({"keys": all})
        };
        // The token names the key r: others have no say, and those without a name come behind it.
        assert_eq!(check(&set(20, "r", false), RS256), Ok(()));
        assert_eq!(check(&set(20, "r", true), RS256), Ok(()));
        let mut nameless = set(3, "r", true);
        nameless["keys"][3].as_object_mut().unwrap().remove("kid");
        assert_eq!(check(&nameless, RS256), Ok(()));
        let mut nameless = set(4, "r", true);
        nameless["keys"][4].as_object_mut().unwrap().remove("kid");
        assert_eq!(check(&nameless, RS256), Err(BadToken::Signature));
    }

    #[test]
    fn what_is_no_set_is_told_apart_from_an_empty_one() {
        assert_eq!(keys(&json!({"keys": []})), Some(vec![]));
        for none in [json!([]), json!({"keys": {}}), json!("x"), json!({})] {
            assert_eq!(keys(&none), None);
        }
        let many: Vec<Value> =
            (0..100).map(|_| json!({"kty": "RSA", "n": "AQ", "e": "AQ"})).collect();
        assert_eq!(keys(&json!({"keys": many})).unwrap().len(), MOST);
    }

    #[test]
    fn integers_are_positive_and_as_short_as_can_be() {
        assert_eq!(integer(&[0, 0, 0x7f]), [2, 1, 0x7f]);
        assert_eq!(integer(&[0x80]), [2, 2, 0, 0x80]);
        assert_eq!(integer(&[0]), [2, 1, 0]);
        assert_eq!(tagged(4, &[7; 200])[..3], [4, 0x81, 200]);
        assert_eq!(tagged(4, &[7; 300])[..4], [4, 0x82, 1, 44]);
    }
}
