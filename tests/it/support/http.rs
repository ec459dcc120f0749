//! A small HTTP server for tests.

use std::{
    io::{Read, Write},
    net::{SocketAddr, TcpListener, TcpStream},
};

/// The answer "yes".
pub const OK: &str = "200 OK\r\ncontent-length: 0\r\n\r\n";

/// An HTTP server that answers each request on its own: what `answer` makes of its head and body, or nothing at all. It keeps
/// connections until the other end closes them.
pub fn http_server(answer: fn(&str) -> Option<&'static str>) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        for stream in listener.incoming().map_while(Result::ok) {
            std::thread::spawn(move || while serve(&stream, answer).is_some() {});
        }
    });
    address
}

/// One request; `None` where there is no other.
fn serve(mut stream: &TcpStream, answer: fn(&str) -> Option<&'static str>) -> Option<()> {
    let (mut text, mut buffer) = (String::new(), [0; 4096]);
    let whole = |text: &str| {
        let (head, body) = text.split_once("\r\n\r\n")?;
        let head = head.to_lowercase();
        let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
        (body.len() >= length.map_or(0, |length| length.parse().unwrap())).then_some(())
    };
    while whole(&text).is_none() {
        match stream.read(&mut buffer) {
            Ok(got) if got > 0 => text.push_str(&String::from_utf8_lossy(&buffer[..got])),
            _ => return None,
        }
    }
    let Some(answer) = answer(&text) else {
        // Until the other end has had enough.
        let _ = stream.read(&mut buffer);
        return None;
    };
    stream.write_all(format!("HTTP/1.1 {answer}").as_bytes()).ok()
}
