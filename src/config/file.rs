//! The text of one emqx.conf: `key = value` lines, comments, includes. No file is read here.
//!
//! The grammar is cuttlefish's, as EMQX 4.4 uses it: no quoting, no comments behind a value, `\.` for a dot inside a
//! segment, `{{ ... }}` lines skipped. We differ in that a value may be UTF-8 and that every line at fault is reported.

/// What one line says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Item {
    /// `key = value`
    Setting {
        /// Key, with `\.` kept as it stands.
        key: String,
        /// Value, never empty.
        value: String,
    },
    /// `include path`
    Include(String),
}

/// A line that says something, or what is wrong with it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// Number of the line, from 1.
    pub number: usize,
    /// The line, or what was expected in its place.
    pub item: Result<Item, String>,
}

/// Reads every line of `bytes`; blank lines, comments and template left-overs say nothing.
#[must_use]
pub fn lines(bytes: &[u8]) -> Vec<Line> {
    let bytes = bytes.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(bytes);
    let numbered = bytes.split(|b| *b == b'\n').zip(1..);
    numbered.filter_map(|(line, number)| Some(Line { number, item: item(line)? })).collect()
}

fn item(line: &[u8]) -> Option<Result<Item, String>> {
    let line = line.trim_ascii();
    if line.is_empty()
        || line.starts_with(b"#")
        || (line.starts_with(b"{{") && line.ends_with(b"}}"))
    {
        return None;
    }
    let Ok(line) = std::str::from_utf8(line) else {
        return Some(Err("expected UTF-8 text".into()));
    };
    if let Some(path) = line.strip_prefix("include").filter(|rest| rest.starts_with([' ', '\t'])) {
        let path = path.trim();
        if !path.starts_with('=') {
            return Some(Ok(Item::Include(path.into())));
        }
    }
    Some(setting(line))
}

fn setting(line: &str) -> Result<Item, String> {
    let Some((key, value)) = line.split_once('=') else {
        if line.ends_with(['{', '[']) || matches!(line, "}" | "]" | "]," | "},") {
            return Err(format!("{line}: expected key = value; blocks of EMQX 5 are not read"));
        }
        // What stands behind the key may be a secret.
        let (key, rest) = line.split_once(char::is_whitespace).unwrap_or((line, ""));
        let more = if rest.is_empty() { "" } else { " ..." };
        return Err(format!("{key}{more}: expected key = value"));
    };
    let (key, value) = (key.trim_end(), value.trim());
    if let Some(at) = bad_key_char(key) {
        return Err(format!("column {}: expected a key such as node.name before the =", at + 1));
    }
    if value.is_empty() {
        return Err(format!(
            "{key}: expected a value after the = (to use the default, remove the line)"
        ));
    }
    Ok(Item::Setting { key: key.into(), value: value.into() })
}

/// Offset of the first byte that cannot stand where it does in a key.
fn bad_key_char(key: &str) -> Option<usize> {
    let mut segment_empty = true;
    let mut bytes = key.bytes().enumerate();
    while let Some((at, byte)) = bytes.next() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'_' | b'-' | b'@' | b'/' | b':' => {
                segment_empty = false;
            }
            b'\\' if matches!(bytes.next(), Some((_, b'.'))) => segment_empty = false,
            b'.' if !segment_empty => segment_empty = true,
            _ => return Some(at),
        }
    }
    segment_empty.then_some(key.len())
}

/// The segments of a key; `\.` inside a segment becomes a dot.
#[must_use]
pub fn segments(key: &str) -> Vec<String> {
    let mut segments = vec![String::new()];
    let mut chars = key.chars().peekable();
    while let Some(c) = chars.next() {
        match (c, segments.last_mut()) {
            ('.', _) => segments.push(String::new()),
            ('\\', Some(last)) if chars.peek() == Some(&'.') => {
                chars.next();
                last.push('.');
            }
            (c, Some(last)) => last.push(c),
            (_, None) => {}
        }
    }
    segments
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, want: &[(usize, &str, &str)]) {
        let got: Vec<_> = lines(text.as_bytes())
            .into_iter()
            .map(|line| match line.item {
                Ok(Item::Setting { key, value }) => (line.number, key, value),
                Ok(Item::Include(path)) => (line.number, "include".into(), path),
                Err(what) => (line.number, "fault".into(), what),
            })
            .collect();
        let got: Vec<_> = got.iter().map(|(n, k, v)| (*n, k.as_str(), v.as_str())).collect();
        assert_eq!(got, want, "{text:?}");
    }

    #[test]
    fn a_line_is_a_key_and_everything_behind_the_sign() {
        check("node.name = a@b\n", &[(1, "node.name", "a@b")]);
        check("  node.name=a@b  \r\n\r\n", &[(1, "node.name", "a@b")]);
        check("a = 1 # note", &[(1, "a", "1 # note")]);
        check("a = \"x\"", &[(1, "a", "\"x\"")]);
        check("a = b = c", &[(1, "a", "b = c")]);
        check("a\\.b.c = ü", &[(1, "a\\.b.c", "ü")]);
        check("listener.tcp.a:b/c-d_e@f = 1", &[(1, "listener.tcp.a:b/c-d_e@f", "1")]);
        check("include = 1\ninclude.x = 2", &[(1, "include", "1"), (2, "include.x", "2")]);
    }

    #[test]
    fn comments_blanks_and_templates_say_nothing() {
        check("# c\n\n  ## d\n{{ x }}\n\t\nb = 2", &[(6, "b", "2")]);
        check("\u{feff}a = 1", &[(1, "a", "1")]);
        assert!(lines(b"# \xff latin-1 in a comment\n").is_empty());
    }

    #[test]
    fn includes_take_the_rest_of_the_line() {
        check("include etc/more conf.conf ", &[(1, "include", "etc/more conf.conf")]);
    }

    #[test]
    fn every_bad_line_is_reported() {
        let bad =
            lines(b"a\nb =\nc..d = 1\n.e = 1\nf. = 1\ng h = 1\n = 1\ni\\x = 1\nj = \xff\nk = 1");
        let faults: Vec<_> = bad.iter().filter(|l| l.item.is_err()).map(|l| l.number).collect();
        assert_eq!(faults, [1, 2, 3, 4, 5, 6, 7, 8, 9]);
        check("a", &[(1, "fault", "a: expected key = value")]);
        let block = "node {: expected key = value; blocks of EMQX 5 are not read";
        check("node {", &[(1, "fault", block)]);
        check("node.cookie secret", &[(1, "fault", "node.cookie ...: expected key = value")]);
    }

    #[test]
    fn segments_split_at_plain_dots() {
        assert_eq!(segments("a.b\\.c.d"), ["a", "b.c", "d"]);
        assert_eq!(segments(""), [""]);
    }
}
