//! Any password is a token or none, and what a token claims is reached behind a good signature: a token counts when its times and
//! claims fit, and its rules answer any question.
//!
//! The header and the claims are the two parts of the text, at the first line feed.

#![no_main]

use base64ct::{Base64UrlUnpadded, Encoding};
use emqx_rs::{
    broker::{
        access::{Access, Action, ConnectAttempt, Grant, Who},
        jwt::{Jwt, Secret},
    },
    time::Wall,
};
use libfuzzer_sys::fuzz_target;
use ring::hmac;

const SECRET: &[u8] = b"only for the fuzzer";

fn signed(algorithm: hmac::Algorithm, header: &str, claims: &str) -> String {
    let part = |text: &str| Base64UrlUnpadded::encode_string(text.as_bytes());
    let message = format!("{}.{}", part(header), part(claims));
    let sign = hmac::sign(&hmac::Key::new(algorithm, SECRET), message.as_bytes());
    format!("{message}.{}", Base64UrlUnpadded::encode_string(sign.as_ref()))
}

fuzz_target!(|data: &[u8]| {
    let jwt = Jwt {
        secret: Some(Secret::new(SECRET)),
        key: None,
        set: std::sync::Arc::default(),
        from_username: false,
        der: false,
        claims: vec![("user".to_owned(), "%u".to_owned())],
        acl_claim: "acl".to_owned(),
    };
    let peer = [10, 0, 0, 1].into();
    let check = |password: &[u8]| {
        jwt.check(&ConnectAttempt {
            zone: "external",
            client_id: "c",
            username: Some("u"),
            password: Some(password),
            peer,
            wall: Wall::from_ms(1_800_000_000_000),
        })
    };
    assert!(!matches!(check(data), Some(Ok(_))), "a signature is not found by chance");
    let text = String::from_utf8_lossy(data);
    let (header, claims) = text.split_once('\n').unwrap_or((r#"{"alg":"HS256"}"#, &text));
    for algorithm in [hmac::HMAC_SHA256, hmac::HMAC_SHA384, hmac::HMAC_SHA512] {
        let Some(Ok(token)) = check(signed(algorithm, header, claims).as_bytes()) else { continue };
        assert!(token.life.is_none_or(|life| !life.is_zero()), "it is not over");
        let grant = Grant { life: token.life, rules: token.rules, ..Grant::default() };
        let who = Who { zone: "external", client_id: "c", username: Some("u"), peer };
        let rights = Access::default().rights(&who, &grant);
        for topic in ["a", "a/b", "#", "$SYS/x", "u", "c"] {
            let both = [Action::Publish, Action::Subscribe].map(|what| rights.allows(what, topic));
            assert!(!rights.allows_all() || both == [true, true]);
        }
    }
});
