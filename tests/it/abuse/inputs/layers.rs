//! What lies below MQTT: requests for a WebSocket, frames, PROXY headers, TLS, and protocols of others.

use super::{At, Row, Want, row};
use crate::support::{
    Connect, Version,
    codec::cat,
    wire::{frame, upgrade},
};

const ENDS: Want = Want::Ends(&[]);
const MQTT: &str = "Sec-WebSocket-Protocol: mqtt\r\n";

pub(super) fn rows() -> Vec<Row> {
    let mut rows = Vec::new();
    frames(&mut rows);
    frames_of_many_kinds(&mut rows);
    requests(&mut rows);
    headers(&mut rows);
    lines(&mut rows);
    binary(&mut rows);
    for (name, bytes) in of_other_protocols() {
        let waits = ["half", "nothing", "hello"].iter().any(|word| name.contains(word));
        for (place, at) in [
            ("TLS", At::Hello),
            ("MQTT", At::Start),
            ("PROXY", At::Header),
            ("WebSocket", At::Request),
        ] {
            let want = if waits || at != At::Start { Want::Waits } else { ENDS };
            rows.push(row(format!("{name} where {place} is spoken"), at, bytes.clone(), want));
        }
    }
    tls(&mut rows);
    rows
}

/// Frames of a client (RFC 6455 5).
fn frames(rows: &mut Vec<Row>) {
    let mut add =
        |name: String, bytes: Vec<u8>, want| rows.push(row(name, At::Frames, bytes, want));
    let ping = [0xc0, 0];
    for first in 0..=255_u8 {
        let (last, opcode) = (first & 0x80 != 0, first & 15);
        let want = match opcode {
            _ if first & 0x70 != 0 => ENDS,
            2 if last => Want::Lives,
            2 => Want::Either,
            9 | 10 if last => Want::Lives,
            _ => ENDS,
        };
        let payload: &[u8] = if opcode == 8 { &[3, 0xe8] } else { &ping };
        add(format!("frame that begins with {first:02x}"), frame(first, payload), want);
        if opcode == 2 && first & 0x70 == 0 || first == 0x89 {
            let mut open = frame(first, payload);
            open[1] &= 0x7f;
            add(format!("frame that begins with {first:02x}, not masked"), open, ENDS);
        }
    }
}

/// Frames whose lengths, order or contents are the fault.
fn frames_of_many_kinds(rows: &mut Vec<Row>) {
    let mut add =
        |name: String, bytes: Vec<u8>, want| rows.push(row(name, At::Frames, bytes, want));
    let ping = [0xc0, 0];
    let head = |bytes: &[u8]| cat(&[bytes, &[1, 2, 3, 4]]);
    add("length 2^63".into(), head(&[0x82, 0xff, 0x80, 0, 0, 0, 0, 0, 0, 0]), ENDS);
    add("length 2^64 - 1".into(), head(&[&[0x82, 0xff][..], &[0xff; 8]].concat()), ENDS);
    add("length 2^63 - 1".into(), head(&[&[0x82, 0xff, 0x7f][..], &[0xff; 7]].concat()), ENDS);
    add("length 2^32".into(), head(&[0x82, 0xff, 0, 0, 0, 1, 0, 0, 0, 0]), ENDS);
    add("length 3 MiB".into(), head(&[0x82, 0xff, 0, 0, 0, 0, 0, 0x30, 0, 0]), ENDS);
    add(
        "length 2 MiB, not there".into(),
        head(&[0x82, 0xff, 0, 0, 0, 0, 0, 0x20, 0, 0]),
        Want::Waits,
    );
    add("length 2 in 16 bits".into(), cat(&[&[0x82, 0xfe, 0, 2, 0, 0, 0, 0], &ping]), Want::Either);
    add(
        "length 2 in 64 bits".into(),
        cat(&[&[0x82, 0xff, 0, 0, 0, 0, 0, 0, 0, 2, 0, 0, 0, 0], &ping]),
        Want::Either,
    );
    for cut in 1..8 {
        add(format!("{cut} bytes of a frame"), frame(0x82, &[0; 200])[..cut].to_vec(), Want::Waits);
    }
    for opcode in [0x89, 0x8a, 0x88] {
        for length in [126, 127, 1000, 65_536] {
            add(
                format!("control frame {opcode:02x} of {length} bytes"),
                frame(opcode, &vec![3; length]),
                ENDS,
            );
        }
    }
    for code in [0_u16, 999, 1004, 1005, 1006, 1015, 1016, 2999, 5000, 65_535] {
        add(format!("close with code {code}"), frame(0x88, &code.to_be_bytes()), ENDS);
    }
    add("close with one byte".into(), frame(0x88, &[3]), ENDS);
    add("close with nothing".into(), frame(0x88, &[]), ENDS);
    add("close that is not UTF-8".into(), frame(0x88, &[3, 0xe8, 0xff]), ENDS);
    add("close and more".into(), cat(&[&frame(0x88, &[3, 0xe8]), &frame(0x82, &ping)]), ENDS);
    add("close twice".into(), frame(0x88, &[3, 0xe8]).repeat(2), ENDS);
    add("1,000 pings".into(), frame(0x89, &[7; 125]).repeat(1000), Want::Lives);
    add("10,000 pongs".into(), frame(0x8a, &[]).repeat(10_000), Want::Lives);
    add("10,000 empty messages".into(), frame(0x82, &[]).repeat(10_000), Want::Lives);
    let parts = cat(&[&frame(2, &[]), &frame(0, &[]).repeat(10_000), &frame(0x80, &ping)]);
    add("a message of 10,000 empty frames".into(), parts, Want::Lives);
    let bytewise: Vec<u8> =
        ping.repeat(500).iter().flat_map(|byte| frame(0x82, &[*byte])).collect();
    add("1,000 messages of one byte".into(), bytewise, Want::Lives);
    add(
        "a ping inside a message".into(),
        cat(&[&frame(2, &[0xc0]), &frame(0x89, b"x"), &frame(0x80, &[0])]),
        Want::Lives,
    );
    add("a message inside a message".into(), cat(&[&frame(2, &[0xc0]), &frame(0x82, &[0])]), ENDS);
    add("text inside a message".into(), cat(&[&frame(2, &[0xc0]), &frame(1, &[0])]), ENDS);
    add("a continuation of nothing".into(), frame(0, &ping), ENDS);
    add("a packet that is none".into(), frame(0x82, &[0xff; 100]), ENDS);
    add("a packet of 256 MiB claimed".into(), frame(0x82, &[0x30, 0xff, 0xff, 0xff, 0x7f]), ENDS);
    add("MQTT without frames".into(), cat(&[&ping, &ping, &ping]), ENDS);
    add("another request".into(), upgrade("/mqtt", MQTT).into_bytes(), ENDS);
    add(
        "a second CONNECT in a frame".into(),
        frame(0x82, &Connect::new(Version::V5).bytes()),
        ENDS,
    );
}

/// Requests for a WebSocket (RFC 6455 4, RFC 9112).
fn requests(rows: &mut Vec<Row>) {
    let mut add = |name: String, text: Vec<u8>, want| rows.push(row(name, At::Request, text, want));
    let good = upgrade("/mqtt", MQTT);
    let without = |name: &str| {
        let lines = good.split("\r\n").filter(|line| !line.starts_with(name));
        lines.collect::<Vec<_>>().join("\r\n").into_bytes()
    };
    let swap = |from: &str, to: &str| good.replacen(from, to, 1).into_bytes();
    add("a good request".into(), good.clone().into_bytes(), Want::Lives);
    for name in [
        "Upgrade",
        "Connection",
        "Sec-WebSocket-Key",
        "Sec-WebSocket-Version",
        "Sec-WebSocket-Protocol",
    ] {
        add(format!("request without {name}"), without(name), ENDS);
    }
    add("request without Host".into(), without("Host"), Want::Either);
    for method in ["POST", "HEAD", "PUT", "CONNECT", "get", "PRI", "GETT", "", " ", "G\0T"] {
        add(format!("method {method:?}"), swap("GET", method), ENDS);
    }
    for version in
        ["HTTP/1.0", "HTTP/2.0", "HTTP/0.9", "HTTP/1.2", "HTTP/11", "http/1.1", "FTP/1.1", ""]
    {
        add(
            format!("version {version:?}"),
            swap("HTTP/1.1", version),
            if version == "HTTP/1.0" { Want::Either } else { ENDS },
        );
    }
    for key in [
        "",
        "x",
        "dGhlIHNhbXBsZSBub25jZQ",
        "dGhlIHNhbXBsZSBub25jZQ===",
        "!!!!!!!!!!!!!!!!!!!!!!!!",
        "dGhlIHNhbXBsZSBub25jZSBsb25nZXI=",
        &"A".repeat(4000),
    ] {
        add(
            format!("key {key:.30?} of {} bytes", key.len()),
            swap("dGhlIHNhbXBsZSBub25jZQ==", key),
            ENDS,
        );
    }
    for version in ["", "0", "8", "14", "-13", "130", "thirteen"] {
        add(
            format!("WebSocket version {version:?}"),
            swap("Version: 13", &format!("Version: {version}")),
            ENDS,
        );
    }
}

/// Requests whose header, path or shape is odd.
fn headers(rows: &mut Vec<Row>) {
    let mut add = |name: String, text: Vec<u8>, want| rows.push(row(name, At::Request, text, want));
    let good = upgrade("/mqtt", MQTT);
    let with = |line: &str| upgrade("/mqtt", &format!("{MQTT}{line}\r\n")).into_bytes();
    for (what, line) in [
        ("a space before the colon", "X-A : b"),
        ("no colon", "nonsense"),
        ("no name", ": b"),
        ("a folded line", "X-A: b\r\n c"),
        ("NUL in a value", "X-A: \0"),
        ("NUL in a name", "X\0A: b"),
        ("a bare CR", "X-A: b\rX-B: c"),
        ("a name that is not ASCII", "X-\u{fc}: b"),
    ] {
        add(
            format!("header with {what}"),
            with(line),
            if what == "a bare CR" || what.contains("NUL") { ENDS } else { Want::Either },
        );
    }
    for (what, line) in [
        ("a body", "Content-Length: 10"),
        ("a body of 2^64 bytes", "Content-Length: 18446744073709551616"),
        ("chunks", "Transfer-Encoding: chunked"),
        ("two lengths", "Content-Length: 1\r\nContent-Length: 2"),
        ("a second key", "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA=="),
        ("a second version", "Sec-WebSocket-Version: 8"),
        ("two versions in a line", "Sec-WebSocket-Version: 13, 8"),
        ("a second Upgrade", "Upgrade: h2c"),
        ("extensions", "Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits=8"),
        ("an empty sub-protocol", "Sec-WebSocket-Protocol: "),
        ("1,000 sub-protocols", &format!("Sec-WebSocket-Protocol: {}", "x,".repeat(1000))),
        ("an address that is none", "X-Forwarded-For: 999.1.1.1, a, ,"),
        ("many addresses", &format!("X-Forwarded-For: {}", "::1,".repeat(1000))),
        ("a port that is none", "X-Forwarded-Port: 65536"),
        ("an origin that is none", "Origin: \u{7f}"),
        ("a cookie", "Cookie: a=b"),
    ] {
        add(format!("request with {what}"), with(line), Want::Either);
    }
    add("65 lines".into(), with(&vec!["X-A: b"; 65].join("\r\n")), ENDS);
    add("a line of 8 KiB".into(), with(&format!("X-A: {}", "b".repeat(8192))), ENDS);
    add(
        "a path of 8 KiB".into(),
        upgrade(&format!("/{}", "p".repeat(8192)), MQTT).into_bytes(),
        ENDS,
    );
    add("a line of 2 MiB".into(), with(&format!("X-A: {}", "b".repeat(2 << 20))), ENDS);
    for path in
        ["*", "http://broker/mqtt", "//", "/%00", "/../../etc/passwd", "/mqtt?x=y#z", "/\u{fc}"]
    {
        add(format!("path {path:?}"), upgrade(path, MQTT).into_bytes(), Want::Either);
    }
    add("a path with spaces".into(), upgrade("/a b", MQTT).into_bytes(), ENDS);
    add("lines that end with LF".into(), good.replace("\r\n", "\n").into_bytes(), Want::Either);
    add("lines that end with CR".into(), good.replace("\r\n", "\r").into_bytes(), Want::Waits);
    add("empty lines before it".into(), format!("\r\n\r\n\r\n{good}").into_bytes(), Want::Either);
    add("half of it".into(), good.as_bytes()[..good.len() / 2].to_vec(), Want::Waits);
    add("two of them".into(), good.repeat(2).into_bytes(), Want::Either);
    add(
        "MQTT behind it, without a frame".into(),
        cat(&[good.as_bytes(), &Connect::new(Version::V5).bytes()]),
        Want::Either,
    );
    add("200 and no more".into(), b"HTTP/1.1 200 OK\r\n\r\n".to_vec(), ENDS);
}

/// PROXY headers, version 1.
fn lines(rows: &mut Vec<Row>) {
    let mut add = |name: &str, text: &str, want| {
        rows.push(row(format!("PROXY line: {name}"), At::Header, text.as_bytes(), want));
    };
    for (name, text) in [
        ("no family", "PROXY\r\n"),
        ("unknown family", "PROXY UDP4 1.2.3.4 5.6.7.8 1 2\r\n"),
        ("small letters", "proxy TCP4 1.2.3.4 5.6.7.8 1 2\r\n"),
        ("small family", "PROXY tcp4 1.2.3.4 5.6.7.8 1 2\r\n"),
        ("one address", "PROXY TCP4 1.2.3.4\r\n"),
        ("no ports", "PROXY TCP4 1.2.3.4 5.6.7.8\r\n"),
        ("one port", "PROXY TCP4 1.2.3.4 5.6.7.8 1\r\n"),
        ("a port too many", "PROXY TCP4 1.2.3.4 5.6.7.8 1 2 3\r\n"),
        ("port 65,536", "PROXY TCP4 1.2.3.4 5.6.7.8 65536 2\r\n"),
        ("port -1", "PROXY TCP4 1.2.3.4 5.6.7.8 -1 2\r\n"),
        ("port in words", "PROXY TCP4 1.2.3.4 5.6.7.8 one 2\r\n"),
        ("two spaces", "PROXY  TCP4 1.2.3.4 5.6.7.8 1 2\r\n"),
        ("a tab", "PROXY\tTCP4 1.2.3.4 5.6.7.8 1 2\r\n"),
        ("address 256", "PROXY TCP4 1.2.3.256 5.6.7.8 1 2\r\n"),
        ("three numbers", "PROXY TCP4 1.2.3 5.6.7.8 1 2\r\n"),
        ("IPv6 in TCP4", "PROXY TCP4 ::1 ::2 1 2\r\n"),
        ("IPv4 in TCP6", "PROXY TCP6 1.2.3.4 5.6.7.8 1 2\r\n"),
        ("one of each", "PROXY TCP6 ::1 5.6.7.8 1 2\r\n"),
        ("a zone", "PROXY TCP6 fe80::1%eth0 ::2 1 2\r\n"),
        ("a bare LF", "PROXY TCP4 1.2.3.4 5.6.7.8 1 2\n\n"),
        ("NUL", "PROXY TCP4 1.2.3.4\0 5.6.7.8 1 2\r\n"),
        ("a name", "PROXY TCP4 localhost 5.6.7.8 1 2\r\n"),
        ("108 bytes", &format!("PROXY UNKNOWN {}\r\n", "x".repeat(95))),
        ("10,000 bytes", &format!("PROXY TCP4 {}", "1".repeat(10_000))),
        ("MQTT instead", "\u{10}\u{c}\0\u{4}MQTT\u{4}\u{2}\0\0\0\0MQTTMQTT"),
        ("HTTP instead", "GET / HTTP/1.1\r\nHost: x\r\n\r\n"),
    ] {
        let want = if name == "a bare LF" { Want::Either } else { ENDS };
        add(name, text, want);
    }
    let served = format!("PROXY TCP4 1.2.3.4 5.6.7.8 1 2\r\n{}", "");
    let good = cat(&[served.as_bytes(), &Connect::new(Version::V5).bytes()]);
    rows.push(row("PROXY line: good", At::Header, good, Want::Lives));
    let twice = cat(&[served.as_bytes(), served.as_bytes()]);
    rows.push(row("PROXY line: twice", At::Header, twice, ENDS));
    for cut in [1, 5, 6, 14, 15, 20, served.len() - 1] {
        rows.push(row(
            format!("PROXY line: {cut} bytes of it"),
            At::Header,
            &served.as_bytes()[..cut],
            Want::Waits,
        ));
    }
}

/// PROXY headers, version 2.
fn binary(rows: &mut Vec<Row>) {
    let make = |kind: u8, family: u8, length: u16, rest: &[u8]| {
        cat(&[b"\r\n\r\n\0\r\nQUIT\n", &[kind, family], &length.to_be_bytes(), rest])
    };
    let addresses = [1, 2, 3, 4, 5, 6, 7, 8, 0, 1, 0, 2];
    let connect = Connect::new(Version::V5).bytes();
    let mut add = |name: String, header: Vec<u8>, want| {
        rows.push(row(
            format!("PROXY header: {name}"),
            At::Header,
            cat(&[&header, &connect]),
            want,
        ));
    };
    add("good".into(), make(0x21, 0x11, 12, &addresses), Want::Lives);
    for kind in [0x00, 0x01, 0x10, 0x11, 0x22, 0x2f, 0x31, 0xff] {
        add(format!("version and command {kind:02x}"), make(kind, 0x11, 12, &addresses), ENDS);
    }
    add("LOCAL".into(), make(0x20, 0, 0, &[]), Want::Lives);
    for family in [0x00, 0x10, 0x12, 0x1f, 0x41, 0x51, 0xff] {
        add(format!("family {family:02x}"), make(0x21, family, 12, &addresses), Want::Either);
    }
    for (family, length) in [(0x11, 0), (0x11, 11), (0x21, 12), (0x21, 35), (0x31, 12), (0x31, 215)]
    {
        let rest = vec![1; usize::from(length)];
        add(
            format!("family {family:02x} in {length} bytes"),
            make(0x21, family, length, &rest),
            ENDS,
        );
    }
    add("more than 4 KiB".into(), make(0x21, 0x11, 4097, &[0; 4097]), ENDS);
    add("65,535 bytes claimed".into(), make(0x21, 0x11, 65_535, &addresses), ENDS);
    add("4 KiB".into(), make(0x21, 0x11, 4096, &cat(&[&addresses, &[0; 4084]])), Want::Either);
    for (what, more) in [
        ("past the end", &[4, 0xff, 0xff][..]),
        ("cut", &[4, 0]),
        ("of TLS, empty", &[0x20, 0, 0]),
        ("of TLS, cut", &[0x20, 0, 3, 7, 0, 0]),
        ("of TLS with a name past its end", &[0x20, 0, 8, 7, 0, 0, 0, 0, 0x22, 0xff, 0xff]),
        ("of TLS with a name that is not UTF-8", &[0x20, 0, 9, 7, 0, 0, 0, 0, 0x22, 0, 1, 0xff]),
    ] {
        let rest = cat(&[&addresses, more]);
        add(format!("extension {what}"), make(0x21, 0x11, rest.len() as u16, &rest), Want::Either);
    }
    let whole = make(0x21, 0x11, 12, &addresses);
    for cut in [11, 12, 13, 15, 16, 27] {
        rows.push(row(
            format!("PROXY header: {cut} bytes of it"),
            At::Header,
            &whole[..cut],
            Want::Waits,
        ));
    }
}

/// What others say when they connect.
pub(super) fn of_other_protocols() -> Vec<(&'static str, Vec<u8>)> {
    vec![
        ("an HTTP request", b"GET / HTTP/1.1\r\nHost: broker\r\n\r\n".to_vec()),
        ("HTTP/2", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0".to_vec()),
        ("SSH", b"SSH-2.0-OpenSSH_9.2p1 Debian-2\r\n".to_vec()),
        (
            "SMB",
            b"\0\0\0\x85\xffSMB\x72\0\0\0\0\x18\x53\xc8\0\0\0\0\0\0\0\0\0\0\0\0\0\0\xff\xfe"
                .to_vec(),
        ),
        ("RDP", b"\x03\0\0\x13\x0e\xe0\0\0\0\0\0\x01\0\x08\0\x03\0\0\0".to_vec()),
        ("Redis", b"*1\r\n$4\r\nPING\r\n".to_vec()),
        ("PostgreSQL", b"\0\0\0\x08\x04\xd2\x16\x2f".to_vec()),
        ("Kafka", b"\0\0\0\x14\0\x12\0\0\0\0\0\x01\0\x04test".to_vec()),
        ("AMQP", b"AMQP\0\0\x09\x01".to_vec()),
        ("STOMP", b"CONNECT\naccept-version:1.2\n\n\0".to_vec()),
        ("SIP", b"OPTIONS sip:broker SIP/2.0\r\nVia: SIP/2.0/TCP x\r\n\r\n".to_vec()),
        ("RTSP", b"OPTIONS rtsp://broker RTSP/1.0\r\nCSeq: 1\r\n\r\n".to_vec()),
        ("LDAP", b"\x30\x0c\x02\x01\x01\x60\x07\x02\x01\x03\x04\0\x80\0".to_vec()),
        ("DNS", b"\0\x1d\0\x06\x01\0\0\x01\0\0\0\0\0\0\x07version\x04bind\0\0\x10\0\x03".to_vec()),
        ("Erlang", b"\0\x15n\0\x05\0\x03\x7f\xfdnode@127.0.0.1".to_vec()),
        ("the mesh", b"EMRS\x01\x01\x03\0aaaaaaaaaaaaaaaa".to_vec()),
        ("a TLS hello", hello(0x0303, 1)),
        (
            "an SSL 2 hello",
            b"\x80\x2e\x01\0\x02\0\x15\0\0\0\x10\x01\0\x80\x02\0\x80\x03\0\x80".to_vec(),
        ),
        ("nothing but zeros", vec![0; 1000]),
        ("nothing but ones", vec![0xff; 1000]),
        ("line feeds", vec![b'\n'; 1000]),
        ("one line feed, half a word", b"\n".to_vec()),
        ("an MQTT packet of a server", b"\x20\x02\0\0".to_vec()),
        ("half an MQTT packet", b"\x10\x20\0\x04MQ".to_vec()),
    ]
}

/// A record with a hello in it that has one cipher suite and no extension.
fn hello(version: u16, kind: u8) -> Vec<u8> {
    let body = cat(&[&version.to_be_bytes(), &[7; 32], &[0], &[0, 2, 0x13, 0x01], &[1, 0]]);
    let shake = cat(&[&[kind, 0], &(body.len() as u16).to_be_bytes(), &body]);
    cat(&[&[22, 3, 1], &(shake.len() as u16).to_be_bytes(), &shake])
}

/// What a TLS server must take from strangers.
fn tls(rows: &mut Vec<Row>) {
    let mut add = |name: String, bytes: Vec<u8>, want| rows.push(row(name, At::Hello, bytes, want));
    for version in [0x0000, 0x0200, 0x0300, 0x0301, 0x0302, 0x0303, 0x7f1c, 0xffff] {
        add(format!("TLS hello of version {version:04x}"), hello(version, 1), ENDS);
    }
    for kind in [0, 2, 4, 8, 11, 14, 16, 20, 24, 255] {
        add(format!("TLS handshake message {kind}"), hello(0x0303, kind), ENDS);
    }
    for record in [0_u8, 20, 21, 23, 24, 25, 128, 255] {
        let bytes = cat(&[&[record, 3, 3, 0, 2], &[1, 0]]);
        add(format!("TLS record {record}"), bytes, Want::Either);
    }
    add(
        "TLS record of 16 KiB and more".into(),
        cat(&[&[22, 3, 3, 0x48, 1], &vec![1; 0x4801]]),
        ENDS,
    );
    add("TLS record of no bytes, 1,000 times".into(), [22, 3, 3, 0, 0].repeat(1000), Want::Either);
    add(
        "TLS hello of 16 MiB claimed".into(),
        vec![22, 3, 1, 0, 4, 1, 0xff, 0xff, 0xff],
        Want::Waits,
    );
    let byte_by_byte: Vec<u8> =
        hello(0x0303, 1)[5..].iter().flat_map(|byte| [22, 3, 1, 0, 1, *byte]).collect();
    add("TLS hello in records of one byte".into(), byte_by_byte, ENDS);
    add("TLS alert".into(), vec![21, 3, 3, 0, 2, 2, 40], ENDS);
    add(
        "TLS heartbeat that asks for more than it has".into(),
        vec![24, 3, 2, 0, 3, 1, 0x40, 0],
        Want::Either,
    );
    add("TLS data before a handshake".into(), cat(&[&[23, 3, 3, 0, 20], &[7; 20]]), ENDS);
    let full = hello(0x0303, 1);
    for cut in [1, 3, 5, 6, 9, 20, full.len() - 1] {
        add(format!("{cut} bytes of a TLS hello"), full[..cut].to_vec(), Want::Waits);
    }
}
