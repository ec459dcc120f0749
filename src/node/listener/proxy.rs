//! The PROXY protocol, versions 1 and 2: what a proxy says, before the first byte of its client, about where that client is.
//!
//! Read to the byte: what comes behind belongs to TLS, WebSocket or MQTT.

use std::{
    io,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
};

use tokio::io::{AsyncRead, AsyncReadExt};

/// Longest line of version 1, with its end.
const LINE_MAX: usize = 107;
/// Longest rest of version 2 that is read: addresses and what a proxy adds to them.
const REST_MAX: usize = 4096;
const SIGNATURE: &[u8; 12] = b"\r\n\r\n\0\r\nQUIT\n";
/// No header of either version is shorter.
const SHORTEST: usize = 15;

/// What a proxy said.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Proxied {
    /// Where the client is; `None`: the connection is the proxy's own, or of a kind that has no address.
    pub client: Option<SocketAddr>,
    /// Common name in the client's certificate, which the proxy has verified.
    pub common_name: Option<String>,
}

/// What came is no PROXY header.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct NoHeader(&'static str);

impl From<NoHeader> for io::Error {
    fn from(error: NoHeader) -> Self {
        Self::new(io::ErrorKind::InvalidData, error)
    }
}

/// Reads a header of either version and not a byte more.
///
/// # Errors
/// The connection broke, or what came is no header.
pub async fn read(from: &mut (impl AsyncRead + Unpin)) -> io::Result<Proxied> {
    let mut bytes = vec![0; SHORTEST];
    from.read_exact(&mut bytes).await?;
    if bytes.starts_with(SIGNATURE) {
        bytes.push(from.read_u8().await?);
        let length = rest_length(&bytes)?;
        let start = bytes.len();
        bytes.resize(start + length, 0);
        from.read_exact(bytes.get_mut(start..).unwrap_or_default()).await?;
        return Ok(binary(&bytes)?);
    }
    if !bytes.starts_with(b"PROXY ") {
        return Err(NoHeader("no PROXY header").into());
    }
    while !bytes.ends_with(b"\r\n") {
        if bytes.len() >= LINE_MAX {
            return Err(NoHeader("PROXY line above 107 bytes").into());
        }
        bytes.push(from.read_u8().await?);
    }
    Ok(line(&bytes)?)
}

/// Reads a whole header that is all of `bytes`.
///
/// # Errors
/// It is none.
pub fn parse(bytes: &[u8]) -> Result<Proxied, NoHeader> {
    if !bytes.starts_with(SIGNATURE) {
        return line(bytes);
    }
    if rest_length(bytes)? + 16 != bytes.len() {
        return Err(NoHeader("PROXY header of another length"));
    }
    binary(bytes)
}

/// Version 1: `PROXY TCP4 192.0.2.1 10.0.0.1 4711 1883` and CR LF.
fn line(bytes: &[u8]) -> Result<Proxied, NoHeader> {
    const BAD: NoHeader = NoHeader("PROXY line that cannot be read");
    let text = bytes.strip_suffix(b"\r\n").and_then(|line| std::str::from_utf8(line).ok());
    let mut words = text.ok_or(BAD)?.split(' ');
    if words.next() != Some("PROXY") {
        return Err(BAD);
    }
    let family = words.next().ok_or(BAD)?;
    if family == "UNKNOWN" {
        return Ok(Proxied::default());
    }
    let mut word = || words.next().ok_or(BAD);
    let (source, destination, port, to) = (word()?, word()?, word()?, word()?);
    let source: IpAddr = source.parse().map_err(|_| BAD)?;
    let destination: IpAddr = destination.parse().map_err(|_| BAD)?;
    let port: u16 = port.parse().map_err(|_| BAD)?;
    let _: u16 = to.parse().map_err(|_| BAD)?;
    let v4 = match family {
        "TCP4" => true,
        "TCP6" => false,
        _ => return Err(BAD),
    };
    if words.next().is_some() || source.is_ipv4() != v4 || destination.is_ipv4() != v4 {
        return Err(BAD);
    }
    Ok(Proxied { client: Some(SocketAddr::new(source, port)), common_name: None })
}

/// How much comes behind the first 16 bytes of version 2.
fn rest_length(bytes: &[u8]) -> Result<usize, NoHeader> {
    let length = bytes.get(14..16).and_then(|two| two.try_into().ok());
    let length = usize::from(u16::from_be_bytes(length.ok_or(NoHeader("short PROXY header"))?));
    if length > REST_MAX { Err(NoHeader("PROXY header above 4 KiB")) } else { Ok(length) }
}

/// Version 2, whole.
fn binary(bytes: &[u8]) -> Result<Proxied, NoHeader> {
    const SHORT: NoHeader = NoHeader("PROXY header without all of its addresses");
    let (kind, family) = match bytes.get(12..14) {
        Some([kind, family]) => (*kind, *family),
        _ => return Err(NoHeader("short PROXY header")),
    };
    let rest = bytes.get(16..).unwrap_or_default();
    match kind {
        // LOCAL: the proxy speaks for itself, to see whether we live.
        0x20 => return Ok(Proxied::default()),
        0x21 => {}
        _ => return Err(NoHeader("PROXY header of an unknown version or command")),
    }
    let size = match family >> 4 {
        1 => 12,
        2 => 36,
        3 => 216,
        _ => return Ok(Proxied::default()),
    };
    let (addresses, more) = rest.split_at_checked(size).ok_or(SHORT)?;
    let port = |at: usize| {
        let two = addresses.get(at..at + 2).and_then(|two| two.try_into().ok());
        two.map(u16::from_be_bytes).ok_or(SHORT)
    };
    let client = match size {
        12 => {
            let four: Option<[u8; 4]> = addresses.get(..4).and_then(|four| four.try_into().ok());
            Some(SocketAddr::new(Ipv4Addr::from(four.ok_or(SHORT)?).into(), port(8)?))
        }
        36 => {
            let all: Option<[u8; 16]> = addresses.get(..16).and_then(|all| all.try_into().ok());
            Some(SocketAddr::new(Ipv6Addr::from(all.ok_or(SHORT)?).into(), port(32)?))
        }
        _ => None,
    };
    Ok(Proxied { client, common_name: common_name(more) })
}

/// The common name of a certificate that the proxy verified: PP2_SUBTYPE_SSL_CN within PP2_TYPE_SSL.
fn common_name(more: &[u8]) -> Option<String> {
    let ssl = Extra(more).find(|(kind, _)| *kind == 0x20)?.1;
    // One byte of flags, of which 2 and 4 are "a certificate was shown"; four bytes that are 0 when it is good.
    let (head, inner) = ssl.split_at_checked(5)?;
    let [flags, verified @ ..] = head else { return None };
    if flags & 6 == 0 || verified.iter().any(|byte| *byte != 0) {
        return None;
    }
    let name = Extra(inner).find(|(kind, _)| *kind == 0x22)?.1;
    String::from_utf8(name.to_vec()).ok()
}

/// Type, length and value, one after the other, as far as they are whole.
struct Extra<'a>(&'a [u8]);

impl<'a> Iterator for Extra<'a> {
    type Item = (u8, &'a [u8]);

    fn next(&mut self) -> Option<Self::Item> {
        let ([kind, high, low], rest) = self.0.split_first_chunk()?;
        let (value, rest) =
            rest.split_at_checked(usize::from(u16::from_be_bytes([*high, *low])))?;
        self.0 = rest;
        Some((*kind, value))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn v2(kind: u8, family: u8, rest: &[u8]) -> Vec<u8> {
        let mut bytes = SIGNATURE.to_vec();
        bytes.extend_from_slice(&[kind, family]);
        bytes.extend_from_slice(&u16::try_from(rest.len()).unwrap().to_be_bytes());
        bytes.extend_from_slice(rest);
        bytes
    }

    /// Both ways to read a header agree, and nothing behind it is touched.
    async fn read_all(bytes: &[u8]) -> Result<Proxied, String> {
        let with_more = [bytes, b"CONNECT"].concat();
        let mut rest = with_more.as_slice();
        let read = read(&mut rest).await.map_err(|error| error.to_string());
        let parsed = parse(bytes).map_err(|error| error.to_string());
        if read.is_ok() {
            assert_eq!(rest, b"CONNECT");
            assert_eq!(parsed, read);
        }
        read
    }

    async fn client(bytes: &[u8]) -> String {
        let read = read_all(bytes).await;
        read.map_or_else(|error| error, |read| format!("{:?}", read.client))
    }

    #[tokio::test]
    async fn lines_of_version_1() {
        for (text, want) in [
            ("PROXY TCP4 192.0.2.1 10.0.0.1 4711 1883\r\n", "Some(192.0.2.1:4711)"),
            ("PROXY TCP6 2001:db8::1 ::1 65535 1883\r\n", "Some([2001:db8::1]:65535)"),
            ("PROXY UNKNOWN\r\n", "None"),
            ("PROXY UNKNOWN ffff::1 ffff::2 1 2\r\n", "None"),
            ("PROXY TCP4 ::1 10.0.0.1 1 2\r\n", "PROXY line that cannot be read"),
            ("PROXY TCP6 1.2.3.4 1.2.3.4 1 2\r\n", "PROXY line that cannot be read"),
            ("PROXY TCP4 1.2.3.4 1.2.3.4 1\r\n", "PROXY line that cannot be read"),
            ("PROXY TCP4 1.2.3.4 1.2.3.4 1 2 3\r\n", "PROXY line that cannot be read"),
            ("PROXY TCP4 1.2.3.4 1.2.3.4 99999 2\r\n", "PROXY line that cannot be read"),
            ("PROXY UDP4 1.2.3.4 1.2.3.4 1 2\r\n", "PROXY line that cannot be read"),
            ("\u{10}\u{c}\0\u{4}MQTT\u{4}\u{2}\0<\0\0", "no PROXY header"),
        ] {
            assert_eq!(client(text.as_bytes()).await, want, "{text}");
        }
        let long = format!("PROXY TCP4 {}", "1".repeat(200));
        assert_eq!(client(long.as_bytes()).await, "PROXY line above 107 bytes");
    }

    #[tokio::test]
    async fn headers_of_version_2() {
        let v4 = [192, 0, 2, 1, 10, 0, 0, 1, 0x12, 0x67, 7, 0x5b];
        assert_eq!(client(&v2(0x21, 0x11, &v4)).await, "Some(192.0.2.1:4711)");
        let mut v6 = [0; 36];
        v6[15] = 1;
        v6[33] = 9;
        assert_eq!(client(&v2(0x21, 0x21, &v6)).await, "Some([::1]:9)");
        assert_eq!(client(&v2(0x21, 0x31, &[0; 216])).await, "None");
        assert_eq!(client(&v2(0x20, 0, &[])).await, "None");
        assert_eq!(client(&v2(0x21, 0, b"what ever")).await, "None");
        for (bytes, want) in [
            (v2(0x21, 0x11, &v4[..11]), "PROXY header without all of its addresses"),
            (v2(0x31, 0x11, &v4), "PROXY header of an unknown version or command"),
            (v2(0x2f, 0x11, &v4), "PROXY header of an unknown version or command"),
            (v2(0x21, 0x11, &[0; 5000]), "PROXY header above 4 KiB"),
        ] {
            assert_eq!(client(&bytes).await, want);
        }
    }

    #[tokio::test]
    async fn the_common_name_counts_when_the_proxy_verified_it() {
        let name = |flags: u8, verified: u8| {
            let mut ssl = vec![flags, 0, 0, 0, verified, 0x21, 0, 1, b'x', 0x22, 0, 5];
            ssl.extend_from_slice(b"alice");
            let mut rest = [0; 12].to_vec();
            rest.extend_from_slice(&[1, 0, 1, b'z', 0x20, 0, u8::try_from(ssl.len()).unwrap()]);
            rest.extend_from_slice(&ssl);
            v2(0x21, 0x11, &rest)
        };
        let of = |bytes: Vec<u8>| async move { read_all(&bytes).await.unwrap().common_name };
        assert_eq!(of(name(7, 0)).await.as_deref(), Some("alice"));
        assert_eq!(of(name(3, 0)).await.as_deref(), Some("alice"));
        assert_eq!(of(name(7, 1)).await, None);
        assert_eq!(of(name(1, 0)).await, None);
    }
}
