//! A request as it is read: its path in segments, its query, who asks by which secret, and its body.
//!
//! A path is cut at its slashes first and decoded then, so that `a%2Fb` is one segment, a topic.

use base64ct::{Base64, Encoding as _};
use bytes::Bytes;
use hyper::Method;
use serde_json::Value;
use zeroize::Zeroizing;

use super::answer::{Answer, code};
use crate::time::Wall;

/// A request.
pub struct Call {
    /// Its method.
    pub(super) method: Method,
    /// Segments of its path, decoded.
    pub(super) path: Vec<String>,
    /// Pairs of its query, decoded.
    pub(super) query: Vec<(String, String)>,
    /// Its body, once that is read.
    pub(super) body: Bytes,
    /// Rows of a page, at most.
    pub(super) max_rows: usize,
    /// When it came.
    pub(super) at: Wall,
}

impl Call {
    /// Reads path and query; `None` where one is no text.
    pub(super) fn parse(method: Method, path: &str, query: &str, max_rows: usize) -> Option<Self> {
        let segments = path.split('/').filter(|segment| !segment.is_empty());
        let path = segments.map(|segment| decoded(segment, false)).collect::<Option<_>>()?;
        let pairs = query.split('&').filter(|pair| !pair.is_empty());
        let pair = |pair: &str| {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            Some((decoded(name, true)?, decoded(value, true)?))
        };
        let query = pairs.map(pair).collect::<Option<_>>()?;
        let (body, at) = (Bytes::new(), Wall::default());
        Some(Self { method, path, query, body, max_rows, at })
    }

    /// It changes nothing.
    pub(super) fn reads(&self) -> bool {
        self.method == Method::GET || self.method == Method::HEAD
    }

    /// The method, `HEAD` as what it stands for.
    pub(super) fn verb(&self) -> &str {
        if self.reads() { "GET" } else { self.method.as_str() }
    }

    /// It is in the words of EMQX 5.
    pub(super) fn is_v5(&self) -> bool {
        self.path.get(1).is_some_and(|version| version == "v5")
    }

    /// A value of the query that EMQX 4 asks for with `_` before its name.
    pub(super) fn special(&self, name: &str) -> Option<&str> {
        let named =
            |(known, _): &&(String, String)| known.strip_prefix('_').unwrap_or(known) == name;
        self.query.iter().find(named).map(|(_, value)| value.as_str())
    }

    /// A value of the query.
    pub(super) fn asked(&self, name: &str) -> Option<&str> {
        self.query.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// The body as JSON.
    ///
    /// # Errors
    /// It is none.
    pub(super) fn json(&self) -> Result<Value, Answer> {
        serde_json::from_slice(&self.body)
            .map_err(|_| Answer::fault(code::NO_JSON, "the body is not JSON"))
    }
}

/// A text of a field that must be there.
///
/// # Errors
/// It is not, or is no text.
pub(super) fn text<'v>(body: &'v Value, name: &str) -> Result<&'v str, Answer> {
    optional_text(body, name)?
        .ok_or_else(|| Answer::fault(code::MISSING, &format!("{name} is missing")))
}

/// A text of a field, if it is there.
///
/// # Errors
/// It is something else.
pub(super) fn optional_text<'v>(body: &'v Value, name: &str) -> Result<Option<&'v str>, Answer> {
    match body.get(name) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) => Ok(Some(text)),
        Some(_) => Err(Answer::fault(code::BAD_TYPE, &format!("{name} is no text"))),
    }
}

/// A number of a field, if it is there; a text of digits is one, too.
///
/// # Errors
/// It is something else.
pub(super) fn optional_number(body: &Value, name: &str) -> Result<Option<u64>, Answer> {
    let number = match body.get(name) {
        None | Some(Value::Null) => return Ok(None),
        Some(Value::String(text)) => text.parse().ok(),
        Some(value) => value.as_u64(),
    };
    let none = || Answer::fault(code::BAD_TYPE, &format!("{name} is no whole number"));
    number.map(Some).ok_or_else(none)
}

/// Decodes `%41`, and in a query `+`; `None`: it does not end, or is no UTF-8.
fn decoded(text: &str, plus: bool) -> Option<String> {
    let digit = |byte: u8| char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    let (mut bytes, mut rest) = (Vec::with_capacity(text.len()), text.bytes());
    while let Some(byte) = rest.next() {
        bytes.push(match byte {
            b'%' => digit(rest.next()?)? << 4 | digit(rest.next()?)?,
            b'+' if plus => b' ',
            other => other,
        });
    }
    String::from_utf8(bytes).ok()
}

/// Id and secret of `Authorization: Basic ...`.
#[must_use]
pub fn basic(header: &[u8]) -> Option<(String, Zeroizing<Vec<u8>>)> {
    let text = std::str::from_utf8(header).ok()?;
    let (scheme, encoded) = text.split_once(' ')?;
    if !scheme.eq_ignore_ascii_case("basic") {
        return None;
    }
    let bytes = Zeroizing::new(Base64::decode_vec(encoded.trim()).ok()?);
    let colon = bytes.iter().position(|byte| *byte == b':')?;
    let (id, secret) = (bytes.get(..colon)?, bytes.get(colon + 1..)?);
    Some((std::str::from_utf8(id).ok()?.to_owned(), Zeroizing::new(secret.to_vec())))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn call(path: &str, query: &str) -> Option<Call> {
        Call::parse(Method::GET, path, query, 1)
    }

    #[test]
    fn a_path_is_cut_and_then_decoded() {
        let path = |text: &str| call(text, "").map(|call| call.path);
        assert_eq!(path("/api/v4//routes/a%2Fb").unwrap(), ["api", "v4", "routes", "a/b"]);
        assert_eq!(path("/%C3%A4+b").unwrap(), ["\u{e4}+b"]);
        for bad in ["/%", "/%4", "/%4x", "/%ff"] {
            assert!(path(bad).is_none(), "{bad}");
        }
    }

    #[test]
    fn a_query_has_pairs() {
        let call = call("/", "a=1&b=%26+x&&c&a=2").unwrap();
        assert_eq!(call.asked("a"), Some("1"), "the first counts");
        assert_eq!(
            (call.asked("b"), call.asked("c"), call.asked("d")),
            (Some("& x"), Some(""), None)
        );
    }

    #[test]
    fn basic_is_an_id_and_a_secret() {
        let read = |text: &str| {
            basic(text.as_bytes())
                .map(|(id, secret)| (id, String::from_utf8_lossy(&secret).into_owned()))
        };
        assert_eq!(read("Basic YTpiOmM="), Some(("a".into(), "b:c".into())));
        assert_eq!(read("basic Og=="), Some((String::new(), String::new())));
        for bad in ["", "Basic", "Basic YQ==", "Bearer YTpi", "Basic %", "Basic /zpi"] {
            assert_eq!(read(bad), None, "{bad}");
        }
    }

    #[test]
    fn fields_have_their_types() {
        let body: Value = serde_json::from_str(r#"{"a":"x","n":7,"t":"8","z":null}"#).unwrap();
        assert_eq!(
            (text(&body, "a").ok(), optional_text(&body, "z").ok()),
            (Some("x"), Some(None))
        );
        assert!(text(&body, "z").is_err() && text(&body, "n").is_err());
        let number = |name| optional_number(&body, name).ok().flatten();
        assert_eq!((number("n"), number("t"), number("z")), (Some(7), Some(8), None));
        assert!(optional_number(&body, "a").is_err());
    }
}
