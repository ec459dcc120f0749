//! Base64 with `-` and `_`, without padding (RFC 4648 section 5), for secrets: what holds them is wiped when dropped.

use zeroize::Zeroizing;

const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

/// `bytes` as text.
#[must_use]
pub fn encode(bytes: &[u8]) -> Zeroizing<String> {
    // At once as large as it gets: a buffer that grows leaves copies behind.
    let mut text = Zeroizing::new(String::with_capacity(bytes.len().div_ceil(3) * 4));
    for chunk in bytes.chunks(3) {
        let mut group = Zeroizing::new([0; 4]);
        for (to, from) in group.iter_mut().skip(1).zip(chunk) {
            *to = *from;
        }
        let bits = u32::from_be_bytes(*group);
        for at in 0..=chunk.len() {
            let index = usize::try_from((bits >> (18 - 6 * at)) & 63).unwrap_or_default();
            text.extend(ALPHABET.get(index).map(|letter| char::from(*letter)));
        }
    }
    text
}

/// The bytes that `text` stands for; `None` where it is not what [`encode`] writes.
#[must_use]
pub fn decode(text: &str) -> Option<Zeroizing<Vec<u8>>> {
    let mut bytes = Zeroizing::new(Vec::with_capacity(text.len() / 4 * 3 + 3));
    for chunk in text.as_bytes().chunks(4) {
        let mut bits = 0_u32;
        for at in 0..4 {
            let value = match chunk.get(at) {
                Some(letter) => ALPHABET.iter().position(|known| known == letter)?,
                None => 0,
            };
            bits = bits << 6 | u32::try_from(value).ok()?;
        }
        let [_, group @ ..] = bits.to_be_bytes();
        let whole = chunk.len().checked_sub(1).filter(|whole| *whole > 0)?;
        let (used, rest) = group.split_at_checked(whole)?;
        if rest.iter().any(|byte| *byte != 0) {
            return None;
        }
        bytes.extend_from_slice(used);
    }
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
