//! Base64 with padding (RFC 4648 section 4), in which the JSON gateway of etcd writes keys and values.

use crate::cluster::base64url;

pub(in crate::node) fn encode(bytes: &[u8]) -> String {
    let mut text: String = base64url::encode(bytes).replace('-', "+").replace('_', "/");
    while !text.len().is_multiple_of(4) {
        text.push('=');
    }
    text
}

/// `None` for what is no base64.
pub(in crate::node) fn decode(text: &str) -> Option<Vec<u8>> {
    let letters = text.trim_end_matches('=');
    let padded = text.len().is_multiple_of(4) && text.len() - letters.len() <= 2;
    if !padded || letters.contains(['-', '_']) {
        return None;
    }
    let bytes = base64url::decode(&letters.replace('+', "-").replace('/', "_"))?;
    Some(bytes.to_vec())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base64_follows_the_standard() {
        for (bytes, text) in [
            ("", ""),
            ("f", "Zg=="),
            ("fo", "Zm8="),
            ("foo", "Zm9v"),
            ("foob", "Zm9vYg=="),
            ("fooba", "Zm9vYmE="),
            ("foobar", "Zm9vYmFy"),
        ] {
            assert_eq!(encode(bytes.as_bytes()), text);
            assert_eq!(decode(text).as_deref(), Some(bytes.as_bytes()));
        }
        assert_eq!(encode(&[0xfb, 0xff]), "+/8=");
        for text in ["Z", "Zg=", "Zg", "Z===", "Zm9-", "Zg==Zg=="] {
            assert_eq!(decode(text), None, "{text}");
        }
    }

    proptest::proptest! {
        #[test]
        fn what_is_encoded_is_decoded(bytes: Vec<u8>) {
            proptest::prop_assert_eq!(decode(&encode(&bytes)), Some(bytes));
        }
    }
}
