//! Any answer of an HTTP server is a set of keys or none; the keys of a set are few, hold what they are to hold, and verify no token
//! that was made without them.

#![no_main]

use base64ct::{Base64UrlUnpadded, Encoding};
use emqx_rs::{
    broker::{
        access::ConnectAttempt,
        jwks::keys,
        jwt::{BadToken, Jwt, PublicKey},
    },
    time::Wall,
};
use libfuzzer_sys::fuzz_target;

const ALGORITHMS: [&str; 12] = [
    "HS256", "HS384", "HS512", "RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256",
    "ES384", "EdDSA",
];

fuzz_target!(|data: &[u8]| {
    let Ok(set) = serde_json::from_slice(data) else { return };
    let Some(found) = keys(&set) else { return };
    assert!(found.len() <= 32);
    for one in &found {
        match &one.key {
            PublicKey::Rsa(der) => assert!(der.first() == Some(&0x30) && der.len() < 1100),
            PublicKey::P256(point) => assert!(point.first() == Some(&4) && point.len() == 65),
            PublicKey::P384(point) => assert!(point.first() == Some(&4) && point.len() == 97),
            PublicKey::Ed25519(key) => assert_eq!(key.len(), 32),
        }
    }
    let kid = found.iter().find_map(|one| one.kid.clone());
    let jwt = Jwt { set: found.into(), ..Jwt::default() };
    let part = |text: &str| Base64UrlUnpadded::encode_string(text.as_bytes());
    for alg in ALGORITHMS {
        let header = serde_json::json!({"alg": alg, "kid": kid}).to_string();
        // As long as one of P-256 and of Ed25519.
        let token = format!(
            "{}.{}.{}",
            part(&header),
            part("{}"),
            Base64UrlUnpadded::encode_string(&[7; 64])
        );
        let said = jwt.check(&ConnectAttempt {
            zone: "external",
            client_id: "c",
            username: None,
            password: Some(token.as_bytes()),
            peer: [10, 0, 0, 1].into(),
            wall: Wall::default(),
        });
        assert!(matches!(said, Some(Err(BadToken::Algorithm | BadToken::Signature))), "{said:?}");
        assert!(
            !alg.starts_with("HS")
                || said.is_some_and(|said| said.err() == Some(BadToken::Algorithm))
        );
    }
});
