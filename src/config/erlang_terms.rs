//! The text of Erlang terms, as `file:consult` reads it: acl.conf, ssl_dist.conf and loaded_plugins are written in it.
//!
//! Known: atoms, strings, binaries `<<"...">>`, whole numbers, tuples, lists, `%` comments, and the dot after each term. Any
//! bytes give terms or a [`BadTerm`] with its line; nesting is limited, so that no text can exhaust the stack.

use std::fmt;

/// One term.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Term {
    /// `word` or `'word'`
    Atom(String),
    /// `"text"` or `<<"text">>`
    Text(String),
    /// A whole number.
    Number(i64),
    /// `{a, b}`
    Tuple(Vec<Self>),
    /// `[a, b]`
    List(Vec<Self>),
}

/// What is wrong with the text, and where.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {what}")]
pub struct BadTerm {
    /// Line, from 1.
    pub line: usize,
    /// What was expected.
    pub what: String,
}

/// Deepest nesting of tuples and lists.
const MAX_DEPTH: usize = 32;

/// Reads every term with the line it starts on.
///
/// # Errors
/// The first place where the text is not a term followed by a dot.
pub fn terms(text: &str) -> Result<Vec<(usize, Term)>, BadTerm> {
    let mut reader = Reader { rest: text, line: 1 };
    let mut terms = Vec::new();
    loop {
        reader.skip_blanks();
        if reader.rest.is_empty() {
            return Ok(terms);
        }
        let line = reader.line;
        let term = reader.term(0)?;
        reader.skip_blanks();
        reader.take('.')?;
        terms.push((line, term));
    }
}

/// Reads every term with the line it starts on, and goes on behind what is none: a file that has an entry a line keeps the
/// others. A term without its dot is one at fault. The line of a fault is where its entry starts.
#[must_use]
pub fn entries(text: &str) -> Vec<Result<(usize, Term), BadTerm>> {
    let mut reader = Reader { rest: text, line: 1 };
    let mut entries = Vec::new();
    loop {
        reader.skip_blanks();
        if reader.rest.is_empty() {
            return entries;
        }
        let (start, line) = (reader.rest, reader.line);
        match reader.term(0) {
            Ok(term) => {
                let ended = reader.line;
                reader.skip_blanks();
                let dot = reader.take('.').map(|()| (line, term));
                if dot.is_err() && reader.line == ended {
                    reader.skip_line();
                }
                let without = |_| BadTerm { line, what: "expected a dot at the end".into() };
                entries.push(dot.map_err(without));
            }
            Err(bad) => {
                // A quote that does not end takes all that follows with it; the next line may be good.
                reader = Reader { rest: start, line };
                reader.skip_line();
                entries.push(Err(BadTerm { line, ..bad }));
            }
        }
    }
}

/// `{name, [Option, ...]}`, with the line of every option.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Section {
    /// Line of its brace.
    pub line: usize,
    /// Its name.
    pub name: String,
    /// Its options, each with the line it starts on.
    pub options: Vec<(usize, Term)>,
}

/// Reads the one term `[{name, [Option, ...]}, ...].` that ssl_dist.conf is.
///
/// # Errors
/// The first place where the text is something else.
pub fn sections(text: &str) -> Result<Vec<Section>, BadTerm> {
    let mut reader = Reader { rest: text, line: 1 };
    reader.skip_blanks();
    let sections = reader.sequence_of('[', ']', &mut Reader::section)?;
    reader.skip_blanks();
    reader.take('.')?;
    reader.skip_blanks();
    if reader.rest.is_empty() {
        Ok(sections)
    } else {
        reader.fail("expected nothing after the dot")
    }
}

struct Reader<'t> {
    rest: &'t str,
    line: usize,
}

impl Reader<'_> {
    fn peek(&self) -> Option<char> {
        self.rest.chars().next()
    }

    fn next(&mut self) -> Option<char> {
        let mut chars = self.rest.chars();
        let next = chars.next()?;
        self.rest = chars.as_str();
        self.line += usize::from(next == '\n');
        Some(next)
    }

    fn fail<T>(&self, what: impl Into<String>) -> Result<T, BadTerm> {
        Err(BadTerm { line: self.line, what: what.into() })
    }

    fn take(&mut self, want: char) -> Result<(), BadTerm> {
        match self.peek() {
            Some(c) if c == want => {
                self.next();
                Ok(())
            }
            Some(c) => self.fail(format!("expected {want:?} before {c:?}")),
            None => self.fail(format!("expected {want:?} before the end of the file")),
        }
    }

    fn skip_blanks(&mut self) {
        while let Some(c) = self.peek() {
            if c == '%' {
                self.skip_line();
            } else if c.is_whitespace() {
                self.next();
            } else {
                return;
            }
        }
    }

    /// To the end of this line.
    fn skip_line(&mut self) {
        let end = self.rest.find('\n').unwrap_or(self.rest.len());
        self.rest = self.rest.get(end..).unwrap_or_default();
    }

    fn term(&mut self, depth: usize) -> Result<Term, BadTerm> {
        if depth > MAX_DEPTH {
            return self.fail(format!("nested deeper than {MAX_DEPTH}"));
        }
        match self.peek() {
            Some('{') => self.sequence('{', '}', depth).map(Term::Tuple),
            Some('[') => self.sequence('[', ']', depth).map(Term::List),
            Some('"') => self.quoted('"').map(Term::Text),
            Some('\'') => self.quoted('\'').map(Term::Atom),
            Some('<') => self.binary(),
            Some(c) if c.is_ascii_digit() || c == '-' || c == '+' => self.number(),
            Some(c) if c.is_lowercase() => Ok(Term::Atom(self.word())),
            Some(c) => self.fail(format!("expected a term before {c:?}")),
            None => self.fail("expected a term before the end of the file"),
        }
    }

    fn section(&mut self) -> Result<Section, BadTerm> {
        let line = self.line;
        self.take('{')?;
        self.skip_blanks();
        let Term::Atom(name) = self.term(0)? else {
            return self.fail("expected {server, [...]} or {client, [...]}");
        };
        self.skip_blanks();
        self.take(',')?;
        self.skip_blanks();
        let options =
            self.sequence_of('[', ']', &mut |reader| Ok((reader.line, reader.term(0)?)))?;
        self.skip_blanks();
        self.take('}')?;
        Ok(Section { line, name, options })
    }

    fn sequence(&mut self, open: char, close: char, depth: usize) -> Result<Vec<Term>, BadTerm> {
        self.sequence_of(open, close, &mut |reader| reader.term(depth + 1))
    }

    fn sequence_of<T>(
        &mut self,
        open: char,
        close: char,
        item: &mut dyn FnMut(&mut Self) -> Result<T, BadTerm>,
    ) -> Result<Vec<T>, BadTerm> {
        self.take(open)?;
        let mut items = Vec::new();
        self.skip_blanks();
        if self.peek() == Some(close) {
            self.next();
            return Ok(items);
        }
        loop {
            self.skip_blanks();
            items.push(item(self)?);
            self.skip_blanks();
            match self.next() {
                Some(',') => {}
                Some(c) if c == close => return Ok(items),
                _ => return self.fail(format!("expected a comma or {close:?}")),
            }
        }
    }

    fn binary(&mut self) -> Result<Term, BadTerm> {
        self.take('<')?;
        self.take('<')?;
        self.skip_blanks();
        let text = if self.peek() == Some('"') { self.quoted('"')? } else { String::new() };
        self.skip_blanks();
        if let Some(rest) = self.rest.strip_prefix("/utf8") {
            self.rest = rest;
        }
        self.take('>')?;
        self.take('>')?;
        Ok(Term::Text(text))
    }

    fn quoted(&mut self, quote: char) -> Result<String, BadTerm> {
        self.take(quote)?;
        let mut text = String::new();
        loop {
            match self.next() {
                Some('\\') => text.push(match self.next() {
                    Some('n') => '\n',
                    Some('t') => '\t',
                    Some('r') => '\r',
                    Some('s') => ' ',
                    Some(c @ ('"' | '\'' | '\\')) => c,
                    _ => return self.fail("expected n, t, r, s, a quote or \\ after \\"),
                }),
                Some(c) if c == quote => return Ok(text),
                Some(c) => text.push(c),
                None => return self.fail(format!("expected {quote} before the end of the file")),
            }
        }
    }

    fn word(&mut self) -> String {
        let part = |c: char| c.is_alphanumeric() || c == '_' || c == '@';
        // A dot ends the term unless an atom goes on behind it.
        let end = self.rest.find(|c| !part(c)).unwrap_or(self.rest.len());
        let (word, rest) = self.rest.split_at_checked(end).unwrap_or((self.rest, ""));
        self.rest = rest;
        word.to_owned()
    }

    fn number(&mut self) -> Result<Term, BadTerm> {
        let signed = self.rest.strip_prefix(['-', '+']).unwrap_or(self.rest);
        let digits = signed.find(|c: char| !c.is_ascii_digit()).unwrap_or(signed.len());
        let end = self.rest.len() - signed.len() + digits;
        let (number, rest) = self.rest.split_at_checked(end).unwrap_or((self.rest, ""));
        match number.parse() {
            Ok(number) => {
                self.rest = rest;
                Ok(Term::Number(number))
            }
            Err(_) => self.fail("expected a whole number"),
        }
    }
}

impl fmt::Display for Term {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let list = |f: &mut fmt::Formatter<'_>, open, items: &[Self], close| {
            f.write_str(open)?;
            for (at, item) in items.iter().enumerate() {
                f.write_str(if at == 0 { "" } else { ", " })?;
                item.fmt(f)?;
            }
            f.write_str(close)
        };
        match self {
            Self::Atom(word) => f.write_str(word),
            Self::Text(text) => write!(f, "{text:?}"),
            Self::Number(number) => write!(f, "{number}"),
            Self::Tuple(items) => list(f, "{", items, "}"),
            Self::List(items) => list(f, "[", items, "]"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, want: Result<&str, usize>) {
        let got = terms(text).map(|terms| {
            let shown: Vec<_> = terms.iter().map(|(line, term)| format!("{line}:{term}")).collect();
            shown.join(" ")
        });
        assert_eq!(
            got.as_deref().map_err(|e| e.line),
            want.as_ref().map(|t| *t).map_err(|l| *l),
            "{text}"
        );
    }

    #[test]
    fn terms_end_in_a_dot() {
        check("", Ok(""));
        check("% only a comment", Ok(""));
        check("{allow, all}.", Ok("1:{allow, all}"));
        check("a.\n\n'B c' . % c\n-12.", Ok("1:a 3:B c 4:-12"));
        check(
            "[{server,[{verify, verify_peer},\n{depth,2}]}, []].",
            Ok("1:[{server, [{verify, verify_peer}, {depth, 2}]}, []]"),
        );
        check(
            "{\"a\\\"b\", <<\"c\">>, <<\"d\"/utf8>>, <<>>}.",
            Ok("1:{\"a\\\"b\", \"c\", \"d\", \"\"}"),
        );
        check("'tlsv1.3'.", Ok("1:tlsv1.3"));
    }

    #[test]
    fn sections_know_the_line_of_each_option() {
        let text = "% TLS\n[{server,\n  [{certfile, \"a\"}, x,\n   {verify,\n verify_peer}]},\n {client, []}]. % end";
        let found = sections(text).unwrap();
        let shown: Vec<_> =
            found.iter().map(|s| (s.line, s.name.as_str(), s.options.len())).collect();
        assert_eq!(shown, [(2, "server", 3), (6, "client", 0)]);
        let lines: Vec<_> = found[0].options.iter().map(|(line, _)| *line).collect();
        assert_eq!(lines, [3, 3, 4]);
        for (text, line) in [
            ("", 1),
            ("{server, []}.", 1),
            ("[{server, []}]", 1),
            ("[{server, []}].\n[].", 2),
            ("[\nserver].", 2),
            ("[{\"server\", []}].", 1),
            ("[{server}].", 1),
            ("[{server, [],\n1}].", 1),
            ("[{server,\n[{a, [}]}].", 2),
        ] {
            assert_eq!(sections(text).map(drop).map_err(|e| e.line), Err(line), "{text}");
        }
    }

    #[test]
    fn entries_go_on_behind_a_bad_one() {
        let text =
            "% c\n{a, true}.\n{b true}.\n{c, true}\nd. {e, 'F}.\n{f, \"}.\n{g, false}.\nh i\nj.";
        let found: Vec<_> = entries(text)
            .into_iter()
            .map(|entry| match entry {
                Ok((line, term)) => format!("{line}:{term}"),
                Err(bad) => format!("{}?", bad.line),
            })
            .collect();
        assert_eq!(
            found,
            ["2:{a, true}", "3?", "4?", "5:d", "5?", "6?", "7:{g, false}", "8?", "9:j"]
        );
        assert!(entries("% only a comment").is_empty());
        assert_eq!(entries(&"[".repeat(100_000)).len(), 1);
    }

    #[test]
    fn a_bad_text_names_its_line() {
        for (text, line) in [
            ("a", 1),
            ("\n{a,}.", 2),
            ("{a b}.", 1),
            ("[a", 1),
            ("\"a\n", 2),
            ("\"\\x\".", 1),
            ("A.", 1),
            ("1.5x", 1),
            ("99999999999999999999.", 1),
            ("<<1>>.", 1),
            ("ok.\n}", 2),
        ] {
            check(text, Err(line));
        }
        assert!(terms(&"[".repeat(100_000)).unwrap_err().what.contains("deeper"));
    }
}
