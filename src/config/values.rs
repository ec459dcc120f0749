//! The value types of emqx.conf: text in, a typed value or what was expected out.
//!
//! Every function here is total: any text gives a value or an [`Expected`], never a panic. The types are those of EMQX 4.4;
//! where ours accept more (`true` for a flag, a bare `0` for a duration), it is said at the function.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use crate::broker::rate::Rate;
use crate::node::listener::settings::Bind;

/// What a value should have looked like; the end of the sentence "expected ...".
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Expected(pub String);

impl<T: Into<String>> From<T> for Expected {
    fn from(text: T) -> Self {
        Self(text.into())
    }
}

/// Either the value or what was expected in its place.
pub type Parsed<T> = Result<T, Expected>;

/// `on`, `off`, and also `true`, `false`: one type for the two spellings of EMQX.
///
/// # Errors
/// Any other text.
pub fn flag(text: &str) -> Parsed<bool> {
    match text {
        "on" | "true" => Ok(true),
        "off" | "false" => Ok(false),
        _ => Err("on or off (true and false work too)".into()),
    }
}

/// A whole number between `min` and `max`.
///
/// # Errors
/// Not a number, or out of range; the text names the range.
pub fn integer<T: TryFrom<i64>>(text: &str, min: i64, max: i64) -> Parsed<T> {
    let expected = || {
        if min == i64::MIN && max == i64::MAX {
            Expected::from("a whole number")
        } else {
            Expected::from(format!("a whole number from {min} to {max}"))
        }
    };
    let number: i64 = text.parse().map_err(|_| expected())?;
    if number < min || number > max {
        return Err(expected());
    }
    T::try_from(number).map_err(|_| expected())
}

/// A decimal number with or without a dot.
///
/// # Errors
/// Not a finite number.
pub fn float(text: &str) -> Parsed<f64> {
    let plain = text.bytes().all(|b| b.is_ascii_digit() || matches!(b, b'.' | b'-' | b'+'));
    text.parse().ok().filter(|n: &f64| plain && n.is_finite()).ok_or("a number such as 0.75".into())
}

/// One of the words in `words`, in the same case; returns its index.
///
/// # Errors
/// Any other word.
pub fn word(text: &str, words: &[&str]) -> Parsed<usize> {
    words.iter().position(|w| *w == text).ok_or_else(|| one_of(words))
}

fn one_of(words: &[&str]) -> Expected {
    match words.split_last() {
        Some((last, [])) => Expected::from(*last),
        Some((last, rest)) => Expected(format!("{} or {last}", rest.join(", "))),
        None => "nothing".into(),
    }
}

const DURATION: &str = "a duration such as 500ms, 30s, 5m, 2h or 1d";

/// Pieces of a number and a unit (`f w d h m s ms`, any case), summed: `1h30m`, `.5s`. A bare `0` is accepted too.
///
/// Units and case are EMQX's (`humantime` would read `M` as a month and refuse `.5s` and `1f`), so every piece is checked
/// here and handed to `humantime` in the spelling both agree on.
///
/// # Errors
/// A number without a unit (with a hint), an unknown unit, blanks, or more than 1000 years.
pub fn duration(text: &str) -> Parsed<Duration> {
    if text == "0" {
        return Ok(Duration::ZERO);
    }
    if !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit()) {
        return Err(Expected(format!("{DURATION} (a unit is missing: {text}s or {text}ms?)")));
    }
    let mut total = Duration::ZERO;
    let mut rest = text;
    while !rest.is_empty() {
        let (piece, after) = duration_piece(rest).ok_or_else(|| Expected::from(DURATION))?;
        total =
            total.checked_add(piece).filter(|t| *t <= MAX_DURATION).ok_or("at most 1000 years")?;
        rest = after;
    }
    if text.is_empty() { Err(DURATION.into()) } else { Ok(round_up_to_ms(total)) }
}

const MAX_DURATION: Duration = Duration::from_secs(1000 * 366 * 86_400);

fn round_up_to_ms(time: Duration) -> Duration {
    let part = time.subsec_nanos() % 1_000_000;
    if part == 0 { time } else { time + Duration::from_nanos(u64::from(1_000_000 - part)) }
}

/// One number and its unit from the front of `text`, and what follows.
fn duration_piece(text: &str) -> Option<(Duration, &str)> {
    let digits = text.find(|c: char| !c.is_ascii_digit() && c != '.')?;
    let (number, rest) = text.split_at_checked(digits)?;
    let letters = rest.find(|c: char| !c.is_ascii_alphabetic()).unwrap_or(rest.len());
    let (unit, rest) = rest.split_at_checked(letters)?;
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    let leading_zero = whole.len() > 1 && whole.starts_with('0');
    if (whole.is_empty() && fraction.is_empty()) || number.ends_with('.') || leading_zero {
        return None;
    }
    let (unit, times) = match unit.to_ascii_lowercase().as_str() {
        "f" => ("w", 2),
        "w" => ("w", 1),
        "d" => ("d", 1),
        "h" => ("h", 1),
        "m" => ("m", 1),
        "s" => ("s", 1),
        "ms" => ("ms", 1),
        _ => return None,
    };
    let whole = if whole.is_empty() { "0" } else { whole };
    let fraction = fraction.get(..6).unwrap_or(fraction);
    let dot = if fraction.is_empty() { "" } else { "." };
    let time = humantime::parse_duration(&format!("{whole}{dot}{fraction}{unit}")).ok()?;
    Some((time.checked_mul(times)?, rest))
}

/// A duration, or `None` for one of `off`, `never`, `infinity`, `undefined` and for 0.
///
/// # Errors
/// As [`duration`].
pub fn duration_or_off(text: &str) -> Parsed<Option<Duration>> {
    if matches!(text, "off" | "never" | "infinity" | "undefined") {
        return Ok(None);
    }
    match duration(text) {
        Ok(time) => Ok(Some(time).filter(|t| !t.is_zero())),
        Err(Expected(what)) => Err(Expected(format!("{what}, or off"))),
    }
}

const BYTES: &str = "a size such as 512KB, 1MB or 2GB (1KB = 1024 bytes), or a number of bytes";

/// Bytes: a bare number, or one with `KB`, `MB`, `GB` (or all in lower case), counted in 1024; decimals allowed.
///
/// # Errors
/// Mixed case (`Kb`), another unit, a negative number, or more than 2^62.
pub fn bytes(text: &str) -> Parsed<u64> {
    let at = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
    let (number, unit) = text.split_at_checked(at).ok_or(BYTES)?;
    let shift: u32 = match unit {
        "" => 0,
        "KB" | "kb" => 10,
        "MB" | "mb" => 20,
        "GB" | "gb" => 30,
        _ => return Err(BYTES.into()),
    };
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    if number.is_empty() || number.ends_with('.') || fraction.contains('.') {
        return Err(BYTES.into());
    }
    let whole: u64 = if whole.is_empty() { 0 } else { whole.parse().map_err(|_| BYTES)? };
    let size = whole.checked_mul(1 << shift).filter(|s| *s <= 1 << 62).ok_or(BYTES)?;
    Ok(size + fraction_of(fraction, shift))
}

/// `0.fraction` of `1 << shift`, to nine places, rounded down.
fn fraction_of(fraction: &str, shift: u32) -> u64 {
    let digits: u64 = fraction.get(..9).unwrap_or(fraction).parse().unwrap_or(0);
    let places = u32::try_from(fraction.len().min(9)).unwrap_or(0);
    (digits << shift) / 10u64.pow(places)
}

/// [`bytes()`] as a size in memory.
///
/// # Errors
/// As [`bytes()`], and more than this machine can address.
pub fn size(text: &str) -> Parsed<usize> {
    usize::try_from(bytes(text)?).map_err(|_| BYTES.into())
}

/// The size of a packet: 1KB to 256MB, the limit of MQTT.
///
/// # Errors
/// As [`bytes()`], or out of range.
pub fn packet_size(text: &str) -> Parsed<usize> {
    Some(size(text)?)
        .filter(|s| (1 << 10..=256 << 20).contains(s))
        .ok_or("a size from 1KB to 256MB".into())
}

/// `time` if it lies between two durations.
///
/// # Errors
/// It does not; the text names both.
pub fn between(time: Duration, least: &str, most: &str) -> Parsed<Duration> {
    if time >= duration(least)? && time <= duration(most)? {
        Ok(time)
    } else {
        Err(Expected(format!("a duration from {least} to {most}")))
    }
}

/// `80%`: a whole number from 0 to 100 and the sign.
///
/// # Errors
/// Anything else.
pub fn percent(text: &str) -> Parsed<u8> {
    let number = text.strip_suffix('%').and_then(|n| integer(n, 0, 100).ok());
    number.ok_or("a percentage from 0% to 100%".into())
}

/// Words separated by commas and blanks; empty ones do not count.
pub fn list(text: &str) -> impl Iterator<Item = &str> {
    text.split([',', ' ', '\t']).filter(|word| !word.is_empty())
}

/// Two parts split at `separator` or blanks: a count or size, and a window.
///
/// # Errors
/// Not two parts, or one of them does not parse.
pub fn pair<A, B>(
    text: &str,
    separator: char,
    first: impl Fn(&str) -> Parsed<A>,
    second: impl Fn(&str) -> Parsed<B>,
) -> Parsed<(A, B)> {
    let mut parts = text.split([separator, ' ', '\t']).filter(|part| !part.is_empty());
    match (parts.next(), parts.next(), parts.next()) {
        (Some(a), Some(b), None) => Ok((first(a)?, second(b)?)),
        _ => Err(Expected(format!("two values separated by {separator:?}"))),
    }
}

/// `100, 10s` or `100KB, 10s`: so much within so much time.
///
/// # Errors
/// Another form, nothing at all, or no time.
pub fn rate(text: &str, amount: impl Fn(&str) -> Parsed<u64>) -> Parsed<Option<Rate>> {
    if text == "undefined" || text == "off" {
        return Ok(None);
    }
    let form = || Expected::from("how much within what time: 100, 10s or 100KB, 10s; or off");
    let (amount, window) = pair(text, ',', amount, duration).map_err(|_| form())?;
    let window = between(window, "1ms", "1h").map_err(|_| form())?;
    if amount == 0 { Err(form()) } else { Ok(Some(Rate { amount, window })) }
}

/// `1883`, `0.0.0.0:1883`, `[::1]:1883`, and EMQX's `::1:1883` (split at the last colon).
///
/// # Errors
/// Not a port (0 is any free one) and not an address with a port.
pub fn bind(text: &str) -> Parsed<Bind> {
    const EXPECTED: &str =
        "a port such as 1883, or address:port such as 0.0.0.0:1883 or [::1]:1883";
    if let Ok(port) = text.parse() {
        return Ok(Bind::Port(port));
    }
    let (host, port) = text.rsplit_once(':').ok_or(EXPECTED)?;
    let port: u16 = port.parse().map_err(|_| EXPECTED)?;
    let host = host.strip_prefix('[').and_then(|h| h.strip_suffix(']')).unwrap_or(host);
    match ip(host) {
        Ok(address) => Ok(Bind::Address(SocketAddr::new(address, port))),
        Err(_) if host == "*" => Ok(Bind::Port(port)),
        Err(_) => Err(EXPECTED.into()),
    }
}

/// An IPv4 or IPv6 address.
///
/// # Errors
/// A host name, or nonsense.
pub fn ip(text: &str) -> Parsed<IpAddr> {
    text.parse().map_err(|_| "an IP address such as 192.168.1.10 or fe80::1".into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn ms(text: &str, want: Option<u64>) {
        assert_eq!(duration(text).ok(), want.map(Duration::from_millis), "{text}");
    }

    #[test]
    fn durations_sum_their_pieces_in_any_order_and_case() {
        ms("0", Some(0));
        ms("0s", Some(0));
        ms("500ms", Some(500));
        ms("1h30m", Some(5_400_000));
        ms("90m1s", Some(5_401_000));
        ms(".5s", Some(500));
        ms("1.5S", Some(1500));
        ms("1m1s1ms1m", Some(121_001));
        ms("1f", Some(14 * 86_400_000));
        ms("1W1D", Some(8 * 86_400_000));
        ms("2M", Some(120_000));
        ms("0.5ms", Some(1));
        ms("240ms", Some(240));
        ms("7d", Some(7 * 86_400_000));
    }

    #[test]
    fn durations_without_a_known_unit_are_refused() {
        for text in
            ["", "5", "5x", "5 s", "s", ".s", "5.s", "1..5s", "-1s", "01s", "1h30", "1month", "1µs"]
        {
            ms(text, None);
        }
        ms("99999999999999999999s", None);
        ms("999999999w", None);
        assert!(duration("5").unwrap_err().0.contains("5s or 5ms"));
    }

    #[test]
    fn sizes_count_in_1024() {
        for (text, want) in [
            ("0", Some(0)),
            ("1024", Some(1024)),
            ("1KB", Some(1024)),
            ("1kb", Some(1024)),
            ("1.5MB", Some(1_572_864)),
            (".5KB", Some(512)),
            ("2GB", Some(2 << 30)),
            ("1Kb", None),
            ("1M", None),
            ("-1", None),
            ("1.", None),
            ("1.2.3KB", None),
            ("", None),
            ("99999999999GB", None),
        ] {
            assert_eq!(bytes(text).ok(), want, "{text}");
        }
    }

    #[test]
    fn a_bind_address_splits_at_the_last_colon() {
        let addr = |s: &str| Some(Bind::Address(s.parse().unwrap()));
        for (text, want) in [
            ("1883", Some(Bind::Port(1883))),
            ("0.0.0.0:1883", addr("0.0.0.0:1883")),
            ("::1:1883", addr("[::1]:1883")),
            ("[::1]:1883", addr("[::1]:1883")),
            (":::1883", addr("[::]:1883")),
            ("*:1883", Some(Bind::Port(1883))),
            ("65536", None),
            ("host:1883", None),
            ("1.2.3.4:", None),
            ("", None),
        ] {
            assert_eq!(bind(text).ok(), want, "{text}");
        }
    }

    #[test]
    fn small_types_say_what_they_want() {
        assert_eq!(flag("on"), Ok(true));
        assert_eq!(flag("False").unwrap_err().0, "on or off (true and false work too)");
        assert_eq!(
            integer::<u16>("70000", 0, 65535).unwrap_err().0,
            "a whole number from 0 to 65535"
        );
        assert_eq!(integer::<u8>("-1", 0, 255).ok(), None);
        assert_eq!(float("0.75"), Ok(0.75));
        assert_eq!(float("1"), Ok(1.0));
        assert!(float("NaN").is_err() && float("inf").is_err() && float("1e3").is_err());
        assert_eq!(percent("80%"), Ok(80));
        assert!(percent("101%").is_err() && percent("80").is_err());
        assert_eq!(word("b", &["a", "b"]), Ok(1));
        assert_eq!(word("c", &["a", "b", "x"]).unwrap_err().0, "a, b or x");
        assert_eq!(list("a, b  c,").collect::<Vec<_>>(), ["a", "b", "c"]);
        assert_eq!(pair("16000|16MB", '|', bytes, bytes), Ok((16000, 16 << 20)));
        assert_eq!(duration_or_off("off"), Ok(None));
    }
}
