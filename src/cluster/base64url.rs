//! Base64 with `-` and `_`, without padding (RFC 4648 section 5), for secrets: what holds them is wiped when dropped.

use base64ct::{Base64UrlUnpadded, Encoding};
use zeroize::Zeroizing;

/// `bytes` as text.
#[must_use]
pub fn encode(bytes: &[u8]) -> Zeroizing<String> {
    Zeroizing::new(Base64UrlUnpadded::encode_string(bytes))
}

/// The bytes that `text` stands for; `None` where it is not what [`encode`] writes.
#[must_use]
pub fn decode(text: &str) -> Option<Zeroizing<Vec<u8>>> {
    // At once as large as it gets, and wiped also when the text is bad half way.
    let mut bytes = Zeroizing::new(vec![0; text.len()]);
    let len = Base64UrlUnpadded::decode(text, &mut bytes).ok()?.len();
    bytes.truncate(len);
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_follow_the_standard_and_come_back() {
        for (bytes, want) in
            [("", ""), ("f", "Zg"), ("fo", "Zm8"), ("foo", "Zm9v"), ("foobar", "Zm9vYmFy")]
        {
            assert_eq!(*encode(bytes.as_bytes()), want);
            assert_eq!(decode(want).unwrap().as_slice(), bytes.as_bytes());
        }
        assert_eq!(*encode(&[0xfb, 0xff]), "-_8");
        let all: Vec<u8> = (0..=255).collect();
        assert_eq!(*decode(&encode(&all)).unwrap(), all);
    }

    #[test]
    fn what_is_no_text_of_ours_is_refused() {
        for text in ["Z", "Zm9vZ", "Zm9v=", "Zm+v", "Zm/v", "Zm 9", "Zh", "Zm9"] {
            assert!(decode(text).is_none(), "{text}");
        }
    }
}
