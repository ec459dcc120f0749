//! Any bytes are a certificate or none. Its subject is a text that can be taken apart again, and it names no host that is not in it.

#![no_main]

use emqx_rs::node::tls::certificate::{check_host, is_root, not_after, subject};
use libfuzzer_sys::fuzz_target;

/// The text at the places that RFC 4514 separates: a comma or plus that is not escaped.
fn attributes(text: &str) -> Vec<String> {
    let (mut parts, mut escaped) = (vec![String::new()], false);
    for letter in text.chars() {
        match letter {
            ',' | '+' if !escaped => parts.push(String::new()),
            _ => {
                escaped = letter == '\\' && !escaped;
                parts.last_mut().unwrap().push(letter);
            }
        }
    }
    parts
}

fn holds(data: &[u8], text: &str) -> bool {
    let same = |at: &[u8]| at.eq_ignore_ascii_case(text.as_bytes());
    text.is_empty() || data.windows(text.len()).any(same)
}

fuzz_target!(|data: &[u8]| {
    for host in ["node1.example.org", "x.example.org", "10.0.0.1", "[fe80::1%eth0]"] {
        let named = check_host(data, host).is_ok();
        let text = host.split_once(".e").map_or("", |(_, rest)| rest);
        assert!(!named || holds(data, text), "{host}");
    }
    let readable = subject(data);
    assert_eq!(not_after(data).is_some(), readable.is_some());
    assert!(readable.is_some() || !is_root(data));
    let Some(subject) = readable else { return };
    let text = &subject.distinguished_name;
    if !text.is_empty() {
        let parts = attributes(text);
        assert!(parts.iter().all(|part| part.contains('=')), "{text}");
        let named = subject.common_name.as_deref().is_none_or(str::is_empty);
        assert!(named || parts.iter().any(|part| part.starts_with("CN=")), "{text}");
    }
});
